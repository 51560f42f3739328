//! The events that can happen: each one with exactly the data that describes it.
//!
//! A new event needs a variant here and its words in `web/timeline.rs`; the compiler asks for them.
//! It does not ask for `is_refusal` in `stored.rs`: check that too. Serde's attributes name the
//! members of the JSON in a row's `details`, which [`super::stored`] reads and writes; `default`
//! marks those that rows may leave out.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use strum::{EnumDiscriminants, EnumString, IntoStaticStr, VariantArray};

use crate::apps::AppChange;
use crate::coded::coded;
use crate::error::Admission;
use crate::permissions::Diff;
use crate::reason::Reason;
use crate::sessions::proof::ProvedBy;
use crate::users::{Field, FieldChange, Role};

/// `(provider's id, subject)`: how a person is known at a provider.
pub type Identity = (String, String);

/// The codes are the names of the variants in snake case. They are stored and never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, EnumDiscriminants)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[strum_discriminants(
    name(EventKind),
    doc = "The kind of an event, without the data that describes it.",
    derive(EnumString, IntoStaticStr, VariantArray),
    strum(serialize_all = "snake_case", const_into_str)
)]
pub enum Event {
    SignedIn {
        by: SignInWay,
        #[serde(default)]
        account_created: bool,
        #[serde(flatten)]
        changes: Changes,
        adopted: Option<Adopted>,
    },
    SignInRefused {
        reason: Reason,
        /// The cause of the failure, as the log states it.
        failure: Option<String>,
    },
    SignedOut,
    /// Someone else signed in on the browser of this session.
    UserSwitched,
    SessionEnded,
    OtherSessionsEnded {
        #[serde(default)]
        count: usize,
    },
    /// All sessions of an account ended.
    SessionsEnded {
        #[serde(default, skip_serializing_if = "is_zero")]
        count: usize,
    },
    /// A local account was created by hand. The row's `reference` is the id of its owner's
    /// link.
    AccountCreated,
    AccountDeactivated {
        #[serde(default, rename = "count", skip_serializing_if = "is_zero")]
        sessions_ended: usize,
    },
    AccountActivated,
    /// An account's personal data was erased. The event has the account's new name.
    AccountErased {
        /// The number of audit log rows that were rewritten.
        #[serde(default, rename = "count")]
        events: usize,
    },
    /// An account was imported from another system.
    AccountImported {
        #[serde(default, rename = "permissions_added")]
        permissions: Vec<String>,
    },
    RoleChanged {
        #[serde(flatten)]
        changes: Changes,
    },
    SuperuserCreated,
    PermissionGranted {
        #[serde(flatten)]
        changes: Changes,
    },
    PermissionTaken {
        #[serde(flatten)]
        changes: Changes,
    },
    IdentityLinked {
        #[serde(default)]
        identity: Identity,
        #[serde(default, rename = "count", skip_serializing_if = "is_zero")]
        sessions_ended: usize,
        #[serde(flatten)]
        changes: Changes,
    },
    IdentityUnlinked {
        #[serde(default)]
        identity: Identity,
        #[serde(default, rename = "count", skip_serializing_if = "is_zero")]
        sessions_ended: usize,
        #[serde(flatten)]
        changes: Changes,
        /// The providers whose refusals were removed with it.
        #[serde(default)]
        refused_by: Vec<String>,
    },
    /// The provider no longer lets the person in.
    AccessWithdrawn {
        #[serde(default, rename = "count", skip_serializing_if = "is_zero")]
        sessions_ended: usize,
        #[serde(flatten)]
        changes: Changes,
        /// The admission rule that they break, if there was one.
        #[serde(default, rename = "failure", deserialize_with = "known")]
        rule: Option<Admission>,
    },
    /// A re-check read other names or permissions than before.
    AccountSynced {
        #[serde(flatten)]
        changes: Changes,
    },
    /// So many people of a provider were refused without a reason that those refusals no longer
    /// count.
    RefusalsSuspended {
        #[serde(default, rename = "count")]
        people: usize,
    },
    /// An admin confirmed a provider's refusals.
    RefusalsConfirmed,
    /// The oldest sessions ended to make room for a new one.
    OldestSessionsEnded {
        #[serde(default)]
        count: usize,
    },
    /// The provider said that the person signed out there.
    SignedOutByProvider {
        #[serde(default)]
        count: usize,
    },
    /// Tokens from a provider were revoked there after a sign-out, or could not be.
    TokensRevoked {
        #[serde(default, rename = "reason")]
        failure: Option<Reason>,
    },
    /// The sessions of a provider that no instance has any more were ended.
    ProviderGone {
        #[serde(default, rename = "count")]
        sessions_ended: usize,
    },
    /// People whom a provider had refused may sign in again.
    Readmitted {
        #[serde(default)]
        refused_by: Vec<String>,
    },
    /// People of a provider are now known by another id or another member.
    ProviderRekeyed {
        #[serde(default, rename = "count")]
        people: usize,
    },
    /// A password was changed by its owner, through a link or while signed in, or by the command
    /// line.
    PasswordChanged {
        #[serde(default, rename = "count", skip_serializing_if = "is_zero")]
        sessions_ended: usize,
    },
    /// The current password was wrong.
    PasswordChangeRefused,
    /// The old password has ended. The row's `reference` is the link's id.
    PasswordLinkMade {
        #[serde(default, rename = "count", skip_serializing_if = "is_zero")]
        sessions_ended: usize,
    },
    /// The row's `reference` is the link's id.
    ConfirmationLinkMade,
    /// The row's `reference` is the id of the link used to choose it, if any.
    ConfirmationPasswordSet,
    /// A signed-in person proved who they are.
    Proved {
        #[serde(rename = "proved_by")]
        by: ProvedBy,
    },
    /// The password was wrong.
    ProofRefused {
        #[serde(rename = "proved_by")]
        by: ProvedBy,
    },
    /// The row's `reference` is the link's id.
    RescueLinkMade,
    NoteAdded,
    ExportMade {
        /// The list with its filters: `users?role=staff`.
        #[serde(default, rename = "export")]
        list: String,
    },
    /// Expired events were deleted.
    EventsSwept {
        #[serde(default)]
        count: usize,
    },
    /// This many refused sign-ins within one minute have no row of their own.
    MoreSignInsRefused {
        #[serde(default)]
        count: usize,
    },
    AppAdded {
        /// The key of the app, here and in the following events.
        #[serde(default)]
        app: String,
        #[serde(default, rename = "app_changes", deserialize_with = "known_changes")]
        changes: Vec<AppChange>,
    },
    AppChanged {
        #[serde(default)]
        app: String,
        #[serde(default, rename = "app_changes", deserialize_with = "known_changes")]
        changes: Vec<AppChange>,
    },
    /// An app was removed, and with it the grants that opened it.
    AppRemoved {
        #[serde(default)]
        app: String,
        #[serde(default, rename = "count", skip_serializing_if = "is_zero")]
        grants: usize,
    },
    /// A category of apps was added, changed or removed.
    AppCategoryChanged {
        #[serde(default, rename = "app_changes", deserialize_with = "known_changes")]
        changes: Vec<AppChange>,
    },
    /// The person now decides on requests for the app.
    AppOwnerAdded {
        #[serde(default)]
        app: String,
    },
    AppOwnerRemoved {
        #[serde(default)]
        app: String,
    },
    /// An admin looked at the person's start page.
    StartPageViewed,
    AccessRequested {
        #[serde(default)]
        app: String,
    },
    /// Nobody had answered the request, and it was told again.
    AccessRequestRepeated {
        #[serde(default)]
        app: String,
    },
    AccessRequestWithdrawn {
        #[serde(default)]
        app: String,
    },
    /// Nobody answered the request in time.
    AccessRequestLapsed {
        #[serde(default)]
        app: String,
    },
    /// The request ended because it no longer made sense.
    AccessRequestClosed {
        #[serde(default)]
        app: String,
        #[serde(default, rename = "closed_because", deserialize_with = "known")]
        because: Option<ClosedBecause>,
    },
    AccessGranted {
        #[serde(default)]
        app: String,
        /// RFC 3339; `None` is for ever.
        until: Option<String>,
    },
    AccessDeclined {
        #[serde(default)]
        app: String,
    },
    /// All of the person's grants for the app were taken back.
    AccessRevoked {
        #[serde(default)]
        app: String,
    },
    /// The person gave a grant back.
    AccessGivenBack {
        #[serde(default)]
        app: String,
    },
    /// A grant reached its end.
    AccessExpired {
        #[serde(default)]
        app: String,
    },
    /// An admin had a test message sent through a webhook.
    WebhookTested {
        #[serde(default)]
        webhook: String,
    },
    /// An admin tried an act and was refused. The row has the kind `act`.
    #[strum_discriminants(strum(disabled))]
    #[serde(skip_deserializing)]
    ActRefused {
        #[serde(skip)]
        act: EventKind,
        reason: Reason,
    },
    /// A row that a newer version wrote, of a kind or with a reason that this one does not know.
    #[strum_discriminants(strum(disabled))]
    #[serde(skip_deserializing)]
    Other {
        #[serde(skip)]
        kind: Option<EventKind>,
    },
}

coded!(EventKind);

/// The subject of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Signing in or out. Such events are kept for a shorter time than others.
    SignIn,
    /// The portal itself.
    Portal,
    /// An account, or a provider's word about accounts.
    Account,
}

impl EventKind {
    /// All kinds that rows can be written with.
    pub fn all() -> impl Iterator<Item = Self> {
        let is_stored = |kind: &Self| !matches!(kind, Self::ActRefused | Self::Other);
        Self::VARIANTS.iter().copied().filter(is_stored)
    }

    pub const fn topic(self) -> Topic {
        match self {
            Self::SignedIn
            | Self::SignInRefused
            | Self::SignedOut
            | Self::UserSwitched
            | Self::Proved
            | Self::ProofRefused
            | Self::SignedOutByProvider
            | Self::TokensRevoked
            | Self::MoreSignInsRefused => Topic::SignIn,
            Self::EventsSwept
            | Self::WebhookTested
            | Self::ExportMade
            | Self::ProviderGone
            | Self::ProviderRekeyed
            | Self::AppAdded
            | Self::AppChanged
            | Self::AppRemoved
            | Self::AppCategoryChanged => Topic::Portal,
            Self::SessionEnded
            | Self::OtherSessionsEnded
            | Self::SessionsEnded
            | Self::AccountCreated
            | Self::AccountDeactivated
            | Self::AccountActivated
            | Self::AccountErased
            | Self::AccountImported
            | Self::RoleChanged
            | Self::SuperuserCreated
            | Self::PermissionGranted
            | Self::PermissionTaken
            | Self::IdentityLinked
            | Self::IdentityUnlinked
            | Self::AccessWithdrawn
            | Self::AccountSynced
            | Self::RefusalsSuspended
            | Self::RefusalsConfirmed
            | Self::OldestSessionsEnded
            | Self::Readmitted
            | Self::PasswordChanged
            | Self::PasswordChangeRefused
            | Self::PasswordLinkMade
            | Self::ConfirmationLinkMade
            | Self::ConfirmationPasswordSet
            | Self::RescueLinkMade
            | Self::NoteAdded
            | Self::AppOwnerAdded
            | Self::AppOwnerRemoved
            | Self::StartPageViewed
            | Self::AccessRequested
            | Self::AccessRequestRepeated
            | Self::AccessRequestWithdrawn
            | Self::AccessRequestLapsed
            | Self::AccessRequestClosed
            | Self::AccessGranted
            | Self::AccessDeclined
            | Self::AccessRevoked
            | Self::AccessGivenBack
            | Self::AccessExpired
            | Self::ActRefused
            | Self::Other => Topic::Account,
        }
    }
}

impl Event {
    pub fn kind(&self) -> EventKind {
        match self {
            Self::ActRefused { act, .. } => *act,
            Self::Other { kind: Some(kind) } => *kind,
            event => event.into(),
        }
    }

    /// The reason why something was refused or failed.
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::SignInRefused { reason, .. } | Self::ActRefused { reason, .. } => Some(*reason),
            Self::TokensRevoked { failure } => *failure,
            Self::PasswordChangeRefused | Self::ProofRefused { .. } => Some(Reason::WrongPassword),
            Self::MoreSignInsRefused { .. } => Some(Reason::More),
            _ => None,
        }
    }
}

/// How someone signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInWay {
    Provider,
    Password,
    RescueLink,
}

/// Why a request for access ended without an answer.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum ClosedBecause {
    /// The person's account was deactivated.
    Deactivated,
    AppRemoved,
    /// The app can no longer be asked for.
    NotRequestable,
    /// The app opens to the person without a grant.
    OpenAnyway,
}

coded!(ClosedBecause);

/// An imported account that was adopted at a first sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Adopted {
    pub identity: Identity,
    #[serde(rename = "count", skip_serializing_if = "is_zero")]
    pub sessions_ended: usize,
}

/// The changes to an account's fields and permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changes {
    #[serde(rename = "changes", deserialize_with = "known_changes")]
    pub fields: Vec<FieldChange>,
    #[serde(flatten)]
    pub permissions: Diff,
    /// Why the provider's permissions could not be read, so that the earlier ones stay.
    #[serde(deserialize_with = "known_reason")]
    pub permissions_kept: Option<Reason>,
    /// Values that were not taken over, with the reason: `email too_long`.
    #[serde(rename = "kept")]
    pub rejected: Vec<String>,
}

impl Changes {
    /// Returns whether anything changed. Rejected values do not count.
    pub fn is_any(&self) -> bool {
        !self.fields.is_empty() || self.permissions != Diff::default()
    }

    pub fn add_role(&mut self, field: Field, from: Role, to: Role) {
        self.fields.push(FieldChange {
            field,
            from: from.code().to_owned(),
            to: to.code().to_owned(),
        });
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Reads a code. A code that only a newer version knows becomes `None`.
fn known<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

/// Reads why permissions were kept. An unknown reason becomes `Internal`: permissions were kept all
/// the same.
fn known_reason<'de, D>(from: D) -> Result<Option<Reason>, D::Error>
where
    D: Deserializer<'de>,
{
    let code = Option::<String>::deserialize(from)?;
    Ok(code.map(|code| Reason::from_code(&code).unwrap_or(Reason::Internal)))
}

/// Reads the changes of the fields that this version knows.
fn known_changes<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let stored = Vec::<Value>::deserialize(from)?;
    let known = |change| serde_json::from_value(change).ok();
    Ok(stored.into_iter().filter_map(known).collect())
}
