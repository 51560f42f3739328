//! The errors, in the product's words, sorted by who failed. The pages decide how they look in
//! HTTP.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use crate::coded::coded;
use crate::id::Reference;
use crate::local_path::LocalPath;
use crate::reason::Reason;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Each error with its line in the log.
#[derive(Debug, Display)]
pub enum Error {
    // -- the person --
    /// The page needs a session, and there is no valid one.
    #[strum(to_string = "no valid session")]
    SignedOut,
    /// The page needs a role that this person does not have.
    #[strum(to_string = "the person lacks the required role")]
    Forbidden,
    #[strum(to_string = "no such page")]
    NotFound,
    /// The methods that the address supports.
    #[strum(to_string = "method not allowed (allowed: {allow})")]
    MethodNotAllowed { allow: String },
    #[strum(to_string = "a form without its token or from another site")]
    ForgedForm,
    /// A form or an address that cannot be read.
    #[strum(to_string = "unreadable request")]
    BadRequest,
    #[strum(to_string = "request too large")]
    TooLarge,
    #[strum(to_string = "the request did not arrive in time")]
    Timeout,
    #[strum(to_string = "the request's encoding is not supported")]
    UnsupportedEncoding,
    #[strum(to_string = "a request for another host")]
    Misdirected,
    #[strum(to_string = "the link is unknown, expired or used")]
    LinkExpired,
    /// A dangerous act by a person who has not recently proved who they are.
    #[strum(to_string = "recent proof of presence is required")]
    ProofNeeded,
    #[strum(to_string = "too many passwords to check at once")]
    Overloaded,

    // -- a sign-in --
    /// The attempt has opened a session already, here or on another instance.
    #[strum(to_string = "the sign-in attempt was already used")]
    AttemptUsed,
    #[strum(
        to_string = "the provider refused or signed out the person while the sign-in was under way"
    )]
    SignedOutThere,
    #[strum(transparent)]
    SignIn(Box<SignInError>),

    // -- the database --
    #[strum(transparent)]
    Database(DatabaseError),

    // -- us --
    /// A sentence for the log, without secrets.
    #[strum(transparent)]
    Internal(String),
}

/// Why something was not done: a rule refused it, or it failed. Anything written before a refusal
/// stays, above all its audit event; a failure undoes it.
#[derive(Debug)]
pub enum Stopped<R> {
    Refused(R),
    Failed(Error),
}

impl<R> Stopped<R> {
    pub fn map<S>(self, change: impl FnOnce(R) -> S) -> Stopped<S> {
        match self {
            Self::Refused(refusal) => Stopped::Refused(change(refusal)),
            Self::Failed(error) => Stopped::Failed(error),
        }
    }
}

impl<R> From<Error> for Stopped<R> {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A failed sign-in.
#[derive(Debug)]
pub struct SignInError {
    /// Identifies this failure on the page, in the log and in the audit log.
    pub reference: Reference,
    /// The attempt's id, if there was one.
    pub attempt: Option<String>,
    /// The provider's id, if there is one.
    pub provider: Option<String>,
    /// Where the person wanted to go.
    pub next: LocalPath,
    /// A signed-in person was adding a provider to their account.
    pub is_linking: bool,
    pub step: Step,
    pub cause: Cause,
}

/// The part of a sign-in that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Step {
    Discovery,
    PushedRequest,
    Callback,
    #[strum(serialize = "token")]
    TokenCall,
    IdToken,
    Userinfo,
    #[strum(serialize = "profile")]
    ProfileCall,
    #[strum(serialize = "permissions")]
    PermissionsCall,
    Account,
}

impl Step {
    /// Returns the event of the step in the log. Calls have names of their own.
    pub const fn event(self) -> &'static str {
        match self {
            Self::TokenCall => "token_call",
            Self::Userinfo => "userinfo_call",
            Self::ProfileCall => "profile_call",
            Self::PermissionsCall => "permissions_call",
            _ => self.code(),
        }
    }
}

coded!(Step);

/// The reason why a sign-in failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    // -- the person --
    /// `state` is missing, or we did not make it.
    UnknownAttempt,
    /// A second restart in a row: the browser probably drops our cookies.
    RestartLoop,
    /// Parameters are missing, repeated or contradictory.
    BadCallback,
    /// The person (or the provider's rules) said no: `access_denied`.
    Declined,
    /// The code is used up or too old: `invalid_grant`.
    CodeRefused,
    /// The account is deactivated here.
    Inactive {
        username: String,
    },
    /// The name belongs to an account that this sign-in did not create.
    NameTaken {
        username: String,
    },
    /// The name is reserved: the audit log uses it for something that is not a person.
    NameReserved {
        username: String,
    },
    /// `iss` of the callback is not the provider that was asked (RFC 9207).
    WrongIssuer,
    /// An admission rule keeps the person out.
    NotAdmitted(Admission),
    /// The person's identity at the provider belongs to another account.
    IdentityTaken,
    /// A provider that vouches for leaving has refused the person. The value is its id.
    KeptOut {
        by: String,
    },
    /// Identities of the provider cannot be linked to existing accounts.
    NotLinkable,
    /// The username and password do not match, for whatever reason.
    WrongPassword,

    // -- the provider --
    /// Another error of RFC 6749 4.1.2.1, with its code if that is a known one.
    ProviderError(&'static str),
    /// The provider does not know us: the client id or secret is wrong.
    ClientRefused,
    /// The provider answered with an unexpected status.
    UnexpectedStatus(u16),
    /// The provider no longer accepts an access token: `invalid_token`.
    TokenRefused,
    /// The provider refused or signed out the person while this sign-in was under way.
    SignedOutThere,
    Unreachable,
    TooSlow,
    /// A part of an answer could not be read, as a code for the log.
    Unreadable(&'static str),
    /// No account can be made from the profile.
    BadProfile(ProfileFault),

    /// The `ok` member of an answer reports an error.
    NotOk,
    /// An invalid member of the metadata.
    BadMetadata(&'static str),
    /// A signed token that must not count, with what is wrong with it.
    BadToken(&'static str),
    /// A token that is expired or not yet valid by our clock, with the claim that says so.
    Clock(&'static str),

    // -- us --
    /// Something that should not happen, as a sentence for the log.
    Internal(&'static str),
    /// There are more sign-ins at once than we can hold.
    Overloaded,
    /// The database is down or busy, and no one was signed in.
    DatabaseUnavailable,
}

impl Cause {
    /// Returns the cause without its details.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::UnknownAttempt => Reason::UnknownAttempt,
            Self::RestartLoop => Reason::RestartLoop,
            Self::BadCallback => Reason::BadCallback,
            Self::Declined => Reason::Declined,
            Self::CodeRefused => Reason::CodeRefused,
            Self::Inactive { .. } => Reason::Inactive,
            Self::NameTaken { .. } => Reason::NameTaken,
            Self::KeptOut { .. } => Reason::KeptOut,
            Self::NotLinkable => Reason::NotLinkable,
            Self::NameReserved { .. } => Reason::NameReserved,
            Self::WrongPassword => Reason::WrongPassword,
            Self::ProviderError(_) => Reason::ProviderError,
            Self::ClientRefused => Reason::ClientRefused,
            Self::UnexpectedStatus(_) => Reason::UnexpectedStatus,
            Self::TokenRefused => Reason::TokenRefused,
            Self::SignedOutThere => Reason::SignedOutThere,
            Self::Unreachable => Reason::Unreachable,
            Self::TooSlow => Reason::TooSlow,
            Self::Unreadable(_) => Reason::Unreadable,
            Self::BadProfile(_) => Reason::BadProfile,
            Self::WrongIssuer => Reason::WrongIssuer,
            Self::NotAdmitted(_) => Reason::NotAdmitted,
            Self::IdentityTaken => Reason::IdentityTaken,
            Self::NotOk => Reason::NotOk,
            Self::BadMetadata(_) => Reason::BadMetadata,
            Self::BadToken(_) => Reason::BadToken,
            Self::Clock(_) => Reason::Clock,
            Self::Internal(_) => Reason::Internal,
            Self::Overloaded => Reason::Overloaded,
            Self::DatabaseUnavailable => Reason::DatabaseUnavailable,
        }
    }

    /// Returns the code that the log and the audit log use.
    pub const fn code(&self) -> &'static str {
        self.reason().code()
    }

    /// Returns whether the provider itself was unavailable, whatever it was asked.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::TooSlow
                | Self::ProviderError("temporarily_unavailable" | "server_error")
                | Self::UnexpectedStatus(500..)
                | Self::ClientRefused
        )
    }

    /// Returns what the log adds to the code. It contains no free text from the provider or a
    /// person.
    pub fn detail(&self) -> String {
        match self {
            Self::ProviderError(code) => (*code).to_owned(),
            Self::UnexpectedStatus(status) => status.to_string(),
            Self::Unreadable(what)
            | Self::BadMetadata(what)
            | Self::BadToken(what)
            | Self::Clock(what)
            | Self::Internal(what) => (*what).to_owned(),
            Self::NotAdmitted(why) => why.code().to_owned(),
            Self::KeptOut { by } => by.clone(),
            Self::BadProfile(fault) => format!("{} {}", fault.field, fault.problem.code()),
            _ => String::new(),
        }
    }
}

/// An admission rule that keeps a person out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Admission {
    /// The address has another domain, or there is none.
    EmailDomain,
    /// The provider does not vouch for the address.
    EmailNotVerified,
    /// The person has none of the permissions that admit people.
    Permission,
    /// A member of the answers has another value.
    Value,
}

coded!(Admission);

/// A field of the profile that an account needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileFault {
    /// `subject` or `username`.
    pub field: &'static str,
    pub problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Problem {
    Missing,
    TooLong,
    /// The value is neither a string nor a number.
    WrongType,
    /// The value has control or bidirectional characters.
    RefusedCharacters,
}

coded!(Problem);

/// The database failed. A `None` from a query means absent, never this.
#[derive(Debug, Display)]
pub enum DatabaseError {
    /// Locked, or every connection is taken: worth retrying after a while.
    #[strum(to_string = "the database is busy")]
    Busy,
    /// Not reachable, or not in the expected state.
    #[strum(to_string = "the database is down: {0}")]
    Down(String),
    #[strum(to_string = "database query: {0}")]
    Query(diesel::result::Error),
}

/// How long a refused request should wait before it is retried.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::DatabaseErrorKind as Kind;
        use diesel::result::Error as Diesel;
        Self::Database(match error {
            Diesel::DatabaseError(_, information) if is_busy(information.message()) => {
                DatabaseError::Busy
            }
            Diesel::DatabaseError(
                Kind::ClosedConnection | Kind::UnableToSendCommand | Kind::ReadOnlyTransaction,
                information,
            ) => DatabaseError::Down(information.message().to_owned()),
            // If the answer to a COMMIT is lost, its outcome is unknown.
            Diesel::RollbackErrorOnCommit { .. } | Diesel::BrokenTransactionManager => {
                DatabaseError::Down("the connection was lost in a transaction".to_owned())
            }
            other => DatabaseError::Query(other),
        })
    }
}

/// Reads the messages of SQLite and of PostgreSQL.
fn is_busy(message: &str) -> bool {
    [
        "database is locked",
        "database table is locked",
        "canceling statement due to",
    ]
    .iter()
    .any(|part| message.contains(part))
}

impl From<crate::secret::NoRandomness> for Error {
    fn from(_: crate::secret::NoRandomness) -> Self {
        Self::Internal("the system's random generator failed".to_owned())
    }
}

impl fmt::Display for SignInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step.code(), self.cause.code())?;
        let detail = self.cause.detail();
        if detail.is_empty() {
            Ok(())
        } else {
            write!(f, " ({detail})")
        }
    }
}

impl std::error::Error for Error {}
