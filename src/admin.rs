//! The acts of admins. Each function is one act: one transaction, one event.
//!
//! Every function takes an [`Admin`], which exists only for superusers and the command line, so
//! that a change whose handler forgot the check does not compile.

mod accounts;
mod act;
pub mod apps;
mod bulk;
mod refusals;
mod start_page;
mod webhooks;

pub use accounts::{
    ChangedPassword, NewAccount, change_password, check_new_account, create_account,
    create_superuser, export_made, make_rescue_link,
};
pub use act::{Act, ActKind, Said, act, perform, set_role_by_username};
pub use bulk::{BATCH, BatchOutcome, RefusedAccount, Selection, bulk, end_sessions};

pub use refusals::confirm_refusals;
pub use start_page::{Looker, view_start_page};
pub use webhooks::test_webhook;

use crate::audit::{Actor, Deed};
use crate::clock::UnixTime;
use crate::db::{Conn, Sql, lock_superusers};
use crate::error::{Error, Result, Stopped};
use crate::id::{SessionId, UserId};
use crate::reason::Reason;
use crate::sessions::proof::Proof;
use crate::sessions::{self, Client, Session};
use crate::users::{self, MAX_EMAIL, MAX_USERNAME, Role, User};

/// The authority to change accounts.
#[derive(Clone, Debug)]
pub struct Admin {
    by: By,
    client: Client,
}

#[derive(Clone, Debug)]
enum By {
    Superuser {
        id: UserId,
        username: String,
        session_id: SessionId,
        /// When they last proved who they are. A recent sign-in alone is no proof.
        proof: Option<Proof>,
    },
    /// Anyone who can run a command can read and write the database anyway.
    CommandLine,
}

impl Admin {
    /// The authority of a person with a live session; `None` unless they are a superuser.
    pub fn of(user: &User, session: &Session, client: Client) -> Option<Self> {
        let is_own = session.user_id == user.id;
        (user.role() == Role::Superuser && is_own).then(|| Self {
            by: By::Superuser {
                id: user.id,
                username: user.username.clone(),
                session_id: session.id,
                proof: session.proof(),
            },
            client,
        })
    }

    /// Only the commands may use this. A test checks it.
    #[must_use]
    pub fn command_line() -> Self {
        Self {
            by: By::CommandLine,
            client: Client::default(),
        }
    }

    /// Returns whether the admin has proved who they are recently enough for dangerous acts.
    pub fn is_fresh(&self, now: UnixTime) -> bool {
        match self.by {
            By::Superuser { proof, .. } => proof.is_some_and(|proof| proof.is_fresh(now)),
            By::CommandLine => true,
        }
    }

    /// The actor, for the audit log.
    pub const fn actor(&self) -> Actor<'_> {
        match &self.by {
            By::Superuser { id, username, .. } => Actor::Person {
                id: *id,
                username: username.as_str(),
            },
            By::CommandLine => Actor::CommandLine,
        }
    }

    /// Returns whether an account is the admin's own.
    pub fn is(&self, user_id: UserId) -> bool {
        matches!(self.by, By::Superuser { id, .. } if id == user_id)
    }

    /// Checks that the admin has recently proved who they are, as this request knows it.
    ///
    /// # Errors
    /// [`Error::ProofNeeded`]
    pub fn check_proof(&self, now: UnixTime) -> Result<()> {
        if self.is_fresh(now) {
            Ok(())
        } else {
            Err(Error::ProofNeeded)
        }
    }

    /// Begins an act inside its transaction, if the authority still holds. Acts run one at a time
    /// across all instances, so that two admins cannot act on each other at once. Until the act is
    /// committed, nothing can be taken from the admin who performs it.
    fn begin(&self, conn: &mut Conn) -> Result<()> {
        lock_superusers(conn)?;
        if let By::Superuser { id, .. } = self.by {
            users::lock_row_shared(conn, id)?;
        }
        self.check(conn)
    }

    /// Checks that the authority still holds: the session may have ended or the role may have been
    /// revoked while the request was on its way.
    ///
    /// # Errors
    /// [`Error::SignedOut`], [`Error::Forbidden`]
    pub fn check(&self, conn: &mut Conn) -> Result<()> {
        let By::Superuser { session_id, .. } = self.by else {
            return Ok(());
        };
        let role = Sql::new(
            "SELECT CAST(CASE WHEN u.is_superuser OR u.is_superuser_by_permission THEN 1 ELSE 0 END AS BIGINT) AS value FROM sessions x CROSS JOIN users u WHERE x.id = ? AND x.ended_at IS NULL AND u.id = x.user_id AND u.is_active = ?",
            [session_id.into(), true.into()],
        )
        .number(conn)?;
        match role {
            None => Err(Error::SignedOut),
            Some(0) => Err(Error::Forbidden),
            Some(_) => Ok(()),
        }
    }

    /// Like [`Admin::check_proof`], but reads the stored proof inside the transaction: it may have
    /// been withdrawn while the request was on its way.
    ///
    /// # Errors
    /// [`Error::ProofNeeded`]
    fn check_stored_proof(&self, conn: &mut Conn, now: UnixTime) -> Result<()> {
        let By::Superuser { session_id, .. } = self.by else {
            return Ok(());
        };
        if sessions::proof::is_fresh(conn, session_id, now)? {
            Ok(())
        } else {
            Err(Error::ProofNeeded)
        }
    }

    /// An act of the admin at this time, for the audit log.
    const fn deed(&self, now: UnixTime) -> Deed<'_> {
        Deed::new(now, self.actor(), &self.client)
    }
}

/// The reason why an act was refused.
#[derive(Debug)]
pub enum Refusal {
    UnknownUser,
    UsernameTaken,
    /// Empty, too long, or with control characters.
    BadUsername,
    /// The audit log uses the name for something that is not a person.
    ReservedUsername,
    BadFirstName,
    BadEmail,
    /// A permission's name or a subject that is empty, too long or has control characters.
    BadName,
    /// No one would be left to administer the portal.
    LastSuperuser,
    /// People cannot do this act to themselves.
    Yourself,
    /// There is nothing to change.
    Unchanged,
    /// The account has no local password, since its owner signs in through a provider.
    NoLocalPassword,
    /// The account is deactivated.
    Inactive,
    /// Only a deactivated account can be erased.
    StillActive,
    /// The account's personal data is gone; it stays as it is.
    Erased,
    /// No provider refuses the person.
    NotRefused,
    /// A reason is required.
    NoReason,
    /// The identity belongs to the account of this name.
    IdentityTaken(String),
}

impl From<Refusal> for Stopped<Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Refusal {
    /// The same refusal without its details.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::UnknownUser => Reason::UnknownUser,
            Self::UsernameTaken => Reason::UsernameTaken,
            Self::BadUsername => Reason::BadUsername,
            Self::ReservedUsername => Reason::ReservedUsername,
            Self::BadFirstName => Reason::BadFirstName,
            Self::BadEmail => Reason::BadEmail,
            Self::BadName => Reason::BadName,
            Self::LastSuperuser => Reason::LastSuperuser,
            Self::Yourself => Reason::Yourself,
            Self::Unchanged => Reason::Unchanged,
            Self::NoLocalPassword => Reason::NoLocalPassword,
            Self::Inactive => Reason::Inactive,
            Self::StillActive => Reason::StillActive,
            Self::Erased => Reason::Erased,
            Self::NotRefused => Reason::NotRefused,
            Self::NoReason => Reason::NoReason,
            Self::IdentityTaken(_) => Reason::IdentityTaken,
        }
    }
}

impl Refusal {
    /// Returns whether the audit log records it: someone tried something that others would want to
    /// know about.
    const fn is_worth_a_row(&self) -> bool {
        !matches!(
            self,
            Self::Unchanged | Self::UnknownUser | Self::BadName | Self::NotRefused | Self::NoReason
        )
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownUser => f.write_str(
                "there is no account with that name; it is created when the person first signs in",
            ),
            Self::UsernameTaken => f.write_str("that username is taken"),
            Self::BadUsername => write!(
                f,
                "a username must have 1 to {MAX_USERNAME} characters and no control characters"
            ),
            Self::ReservedUsername => f.write_str(
                "that username is reserved: the audit log uses it, or one that looks like it, for entries that were not made by a person",
            ),
            Self::BadFirstName => f.write_str("that name is too long or contains control characters"),
            Self::BadEmail => write!(
                f,
                "an email address must have an @ and at most {MAX_EMAIL} characters"
            ),
            Self::BadName => {
                f.write_str("that name is empty, too long, or contains a control character")
            }
            Self::LastSuperuser => {
                f.write_str("that is the last active admin; make another one first")
            }
            Self::Yourself => f.write_str("you cannot do that to your own account"),
            Self::Unchanged => f.write_str("no change needed"),
            Self::NoLocalPassword => f.write_str(
                "that account uses the company sign-in and has no local password",
            ),
            Self::Inactive => f.write_str("that account is deactivated"),
            Self::StillActive => f.write_str("that account is active; deactivate it first"),
            Self::Erased => f.write_str("the personal data of that account has been erased"),
            Self::NotRefused => f.write_str("no provider refuses that account"),
            Self::NoReason => f.write_str("a reason is required"),
            Self::IdentityTaken(username) => {
                write!(f, "that identity belongs to the account {username}")
            }
        }
    }
}
