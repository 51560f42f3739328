//! What can go wrong, in the product's words, sorted by who failed. How it looks in HTTP is for
//! the screens to say.

use std::fmt;
use std::time::Duration;

use strum::{EnumString, IntoStaticStr};

use crate::code::coded;
use crate::local_path::LocalPath;
use crate::reason::Reason;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug)]
pub enum Error {
    // -- the person --
    /// The page needs a session, and there is none that holds.
    SignedOut,
    /// The page needs a role that this person does not have.
    Forbidden,
    NotFound,
    /// The methods that the address does know.
    MethodNotAllowed {
        allow: String,
    },
    /// A form without the token of its page, or sent from another site.
    ForgedForm,
    /// A form or an address that cannot be read.
    BadRequest,
    TooLarge,
    /// A body that did not come in time.
    Timeout,
    /// A body in an encoding that is not read here.
    UnsupportedEncoding,
    /// A request for another host, which is not answered here.
    Misdirected,
    /// A rescue link that is not ours, too old or used.
    LinkExpired,
    /// A dangerous act, by somebody whose sign-in is not recent.
    FreshSignInNeeded,
    /// More passwords at once than are looked at.
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

/// Why something was not done: a rule said no, or it failed. What was written up to a refusal stays,
/// its audit event above all; a failure undoes it.
#[derive(Debug)]
pub enum Stopped<R> {
    Refused(R),
    Failed(Error),
}

impl<R> Stopped<R> {
    /// The same with another refusal.
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

/// A sign-in that did not come about.
#[derive(Debug)]
pub struct SignInError {
    /// Names this failure on the page, in the log and in the audit trail.
    pub reference: String,
    /// The attempt's id, when there was one.
    pub attempt: Option<String>,
    /// Its id, or empty.
    pub provider: String,
    /// Where the person wanted to go.
    pub next: LocalPath,
    /// Somebody who is signed in was adding a provider to their account.
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
    /// As the log names the line of the step: calls are named as such.
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

/// Why a sign-in did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    // -- the person --
    /// `state` is missing, or we did not make it.
    UnknownAttempt,
    /// A second restart in a row: the browser probably drops our cookies.
    RestartLoop,
    /// Parameters that are missing, doubled or at odds.
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
    /// The name is one that the trail uses for what is not a person.
    NameReserved {
        username: String,
    },
    /// `iss` of the callback is not the provider that was asked (RFC 9207).
    WrongIssuer,
    /// Whom the rules of admission keep out: by which of them.
    NotAdmitted(Admission),
    /// Signed in at the provider as somebody whose account is another one.
    IdentityTaken,
    /// A provider that vouches for leaving has refused the person: by its id.
    KeptOut {
        by: String,
    },
    /// Identities of the provider are not added to accounts that exist.
    NotLinkable,
    /// A username and password that do not match, for whatever reason.
    WrongPassword,

    // -- the provider --
    /// Another error of RFC 6749 4.1.2.1, by its code where that is a known one.
    ProviderError(&'static str),
    /// The provider does not know us: client id or secret are wrong.
    ClientRefused,
    /// The provider answered with a status that it should not have.
    Refused(u16),
    /// The provider takes an access token no more: `invalid_token`.
    TokenRefused,
    /// Signed out at the provider while this sign-in was under way.
    SignedOutThere,
    Unreachable,
    TooSlow,
    /// What could not be read, as a code for the log.
    Unreadable(&'static str),
    /// The profile names nobody that an account could be made of.
    BadProfile(ProfileFault),

    /// The ok member of an answer says no.
    NotOk,
    /// A member of the discovery document that cannot be.
    BadMetadata(&'static str),
    /// A signed token that must not count, by what is wrong with it.
    BadToken(&'static str),
    /// A token that is over or not yet valid by our clock, by the claim that says so.
    Clock(&'static str),

    // -- us --
    /// What should not happen, as a sentence for the log.
    Internal(&'static str),
    /// More sign-ins at once than we hold.
    Overloaded,
    /// The database is down or busy; nobody was signed in.
    DatabaseUnavailable,
}

impl Cause {
    /// The same without its particulars.
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

    /// As the log and the audit log write it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.reason().code()
    }

    /// Whether the provider itself was not to be had, whatever it was asked.
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

    /// What the log adds to the code; holds nothing that the provider or a person wrote freely.
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

/// A rule of admission that keeps somebody out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Admission {
    /// The address is of another domain, or there is none.
    EmailDomain,
    /// The provider does not vouch for the address.
    EmailNotVerified,
    /// None of the permissions that let people in.
    Permission,
    /// A member of the answers that has another value.
    Value,
}

coded!(Admission);

/// A field of the profile without which there is no account.
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
    /// Neither a text nor a number.
    WrongType,
    /// Control or bidirectional characters.
    RefusedCharacters,
}

coded!(Problem);

/// The database did not do what it was asked. `None` of a query means absent, never this.
#[derive(Debug)]
pub enum DatabaseError {
    /// Locked, or every connection is taken: worth another try after a while.
    Busy,
    /// Not reachable, or not what it should be.
    Down(String),
    Query(diesel::result::Error),
}

/// After how long a refused request is worth another try.
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
            // What became of a COMMIT whose answer was lost is not known.
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
