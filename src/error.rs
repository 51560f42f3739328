//! The errors, in the product's words, sorted by who failed. The pages decide how they look in
//! HTTP.

use std::fmt;
use std::time::Duration;

use strum::{EnumString, IntoStaticStr};

use crate::code::coded;
use crate::local_path::LocalPath;
use crate::reason::Reason;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The codes that programs read are the names of the variants in snake case, or more general ones.
#[derive(Debug, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Error {
    // -- the person --
    /// The page needs a session, and there is no valid one.
    SignedOut,
    /// The page needs a role that this person does not have.
    Forbidden,
    NotFound,
    /// The methods that the address supports.
    MethodNotAllowed {
        allow: String,
    },
    /// A form without the token of its page, or one sent from another site.
    ForgedForm,
    /// A form or an address that cannot be read.
    BadRequest,
    TooLarge,
    /// A body that did not arrive in time.
    Timeout,
    /// A body in an unsupported encoding.
    UnsupportedEncoding,
    /// A request for another host.
    Misdirected,
    /// A rescue link that is not ours, too old or used.
    LinkExpired,
    /// A dangerous act by a person whose sign-in is not recent.
    FreshSignInNeeded,
    /// More passwords at once than can be checked.
    Overloaded,

    // -- a sign-in --
    /// The attempt has opened a session already, here or on another instance.
    AttemptUsed,
    /// The person signed out at the provider while the sign-in was under way.
    SignedOutThere,
    SignIn(Box<SignInError>),

    // -- the database --
    Database(DatabaseError),

    // -- us --
    /// A sentence for the log, without secrets.
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
    pub reference: String,
    /// The attempt's id, if there was one.
    pub attempt: Option<String>,
    /// The provider's id, or empty.
    pub provider: String,
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
    #[must_use]
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
    /// A rule of admission keeps the person out.
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
    Refused(u16),
    /// The provider no longer accepts an access token: `invalid_token`.
    TokenRefused,
    /// The person signed out at the provider while this sign-in was under way.
    SignedOutThere,
    Unreachable,
    TooSlow,
    /// A part of an answer could not be read, as a code for the log.
    Unreadable(&'static str),
    /// No account can be made from the profile.
    BadProfile(ProfileFault),

    /// The `ok` member of an answer reports an error.
    NotOk,
    /// An invalid member of the discovery document.
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
    #[must_use]
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
            Self::Refused(_) => Reason::Refused,
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
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.reason().code()
    }

    /// Returns whether the provider itself was unavailable, whatever it was asked.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::TooSlow
                | Self::ProviderError("temporarily_unavailable" | "server_error")
                | Self::Refused(500..)
                | Self::ClientRefused
        )
    }

    /// Returns what the log adds to the code. It contains no free text from the provider or a
    /// person.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::ProviderError(code) => (*code).to_owned(),
            Self::Refused(status) => status.to_string(),
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

/// A rule of admission that keeps a person out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
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
    /// The value is neither a text nor a number.
    WrongType,
    /// The value has control or bidirectional characters.
    RefusedCharacters,
}

coded!(Problem);

/// The database failed. A `None` from a query means absent, never this.
#[derive(Debug)]
pub enum DatabaseError {
    /// Locked, or every connection is taken: worth retrying after a while.
    Busy,
    /// Not reachable, or not in the expected state.
    Down(String),
    Query(diesel::result::Error),
}

/// How long a refused request should wait before it is retried.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::DatabaseErrorKind as Kind;
        use diesel::result::Error as Diesel;
        let busy = match &error {
            Diesel::DatabaseError(_, information) => {
                let message = information.message();
                message.contains("database is locked")
                    || message.contains("database table is locked")
                    || message.contains("canceling statement due to")
            }
            _ => false,
        };
        Self::Database(match error {
            _ if busy => DatabaseError::Busy,
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

impl From<crate::secret::NoRandomness> for Error {
    fn from(_: crate::secret::NoRandomness) -> Self {
        Self::Internal("the operating system gave no random bytes".to_owned())
    }
}

impl fmt::Display for Error {
    /// One line for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedOut => f.write_str("no valid session"),
            Self::Forbidden => f.write_str("the role is missing"),
            Self::NotFound => f.write_str("no such page"),
            Self::MethodNotAllowed { allow } => write!(f, "method not allowed (allowed: {allow})"),
            Self::ForgedForm => f.write_str("a form without its token or from another site"),
            Self::BadRequest => f.write_str("unreadable request"),
            Self::TooLarge => f.write_str("request too large"),
            Self::Timeout => f.write_str("the request did not arrive in time"),
            Self::UnsupportedEncoding => f.write_str("the request's encoding is not supported"),
            Self::Misdirected => f.write_str("a request for another host"),
            Self::FreshSignInNeeded => f.write_str("a fresh sign-in is needed"),
            Self::Overloaded => f.write_str("too many passwords to check at once"),
            Self::LinkExpired => f.write_str("the link is unknown, expired or used"),
            Self::AttemptUsed => f.write_str("the sign-in attempt was already used"),
            Self::SignedOutThere => {
                f.write_str("the person signed out at the provider while the sign-in was under way")
            }
            Self::SignIn(error) => write!(f, "{error}"),
            Self::Database(DatabaseError::Busy) => f.write_str("the database is busy"),
            Self::Database(DatabaseError::Down(why)) => write!(f, "the database is down: {why}"),
            Self::Database(DatabaseError::Query(error)) => write!(f, "database query: {error}"),
            Self::Internal(what) => f.write_str(what),
        }
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
