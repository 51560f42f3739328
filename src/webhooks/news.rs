//! What can be told, as rows store it. What a person typed is not among it: the message links to
//! the page that shows it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::UserId;

/// What happened. Rows of another version may have kinds that this one does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum News {
    /// Somebody asks to use an app, given by its key, or waits for an answer since long ago.
    AccessRequested {
        who: Who,
        app: String,
        /// The app's name in the portal's language, once it is known.
        #[serde(default)]
        app_name: String,
        #[serde(default)]
        is_reminder: bool,
    },
    AccountCreated {
        who: Who,
        by: By,
    },
    /// The code of a role above the one that the person had.
    AdminMade {
        who: Who,
        role: String,
        by: By,
    },
    AccountDeactivated {
        who: Who,
        by: By,
    },
    /// More sign-ins than `limit` were refused within an hour.
    RefusedSignIns {
        count: i64,
        limit: i64,
    },
    ProviderUnreachable {
        provider: String,
        state: State,
    },
    /// Another hook has been failing for an hour.
    WebhookFailing {
        hook: String,
        state: State,
    },
    /// An admin tries out a hook.
    Test {
        by: By,
    },
}

/// Whether something that lasts has begun or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Began,
    Over,
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    pub id: i64,
    pub username: String,
    /// The displayed name, once it is known.
    #[serde(default)]
    pub name: String,
}

impl Who {
    pub fn new(id: UserId, username: &str) -> Self {
        Self {
            id: id.0,
            username: username.to_owned(),
            name: String::new(),
        }
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A person, by username.
    Person(String),
    CommandLine,
    /// A provider by what it says, or the portal by itself.
    Itself,
}

impl News {
    /// Returns it as rows store it.
    pub fn to_json(&self) -> Result<String> {
        let json = serde_json::to_string(self);
        json.map_err(|error| Error::Internal(format!("webhook event: {error}")))
    }

    /// The code of its kind, as the member `type` of kind `json` has it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AccessRequested { .. } => "access_requested",
            Self::AccountCreated { .. } => "account_created",
            Self::AdminMade { .. } => "admin_made",
            Self::AccountDeactivated { .. } => "account_deactivated",
            Self::RefusedSignIns { .. } => "refused_sign_ins",
            Self::ProviderUnreachable { .. } => "provider_unreachable",
            Self::WebhookFailing { .. } => "webhook_failing",
            Self::Test { .. } => "test",
        }
    }

    /// The person whom it is about, if there is one.
    pub const fn who(&self) -> Option<&Who> {
        match self {
            Self::AccessRequested { who, .. }
            | Self::AccountCreated { who, .. }
            | Self::AdminMade { who, .. }
            | Self::AccountDeactivated { who, .. } => Some(who),
            Self::RefusedSignIns { .. }
            | Self::ProviderUnreachable { .. }
            | Self::WebhookFailing { .. }
            | Self::Test { .. } => None,
        }
    }

    pub(super) const fn who_mut(&mut self) -> Option<&mut Who> {
        match self {
            Self::AccessRequested { who, .. }
            | Self::AccountCreated { who, .. }
            | Self::AdminMade { who, .. }
            | Self::AccountDeactivated { who, .. } => Some(who),
            Self::RefusedSignIns { .. }
            | Self::ProviderUnreachable { .. }
            | Self::WebhookFailing { .. }
            | Self::Test { .. } => None,
        }
    }
}
