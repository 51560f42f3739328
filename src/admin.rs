//! What administrators do: by the command line so far.

use crate::audit::{self, COMMAND_LINE, DetailedChange, Details, EventKind, NewEvent};
use crate::clock::UnixTime;
use crate::db::{Db, lock_superusers};
use crate::error::{Error, Result};
use crate::sessions::{self, Client};
use crate::text::is_refused;
use crate::users::{self, MAX_EMAIL, MAX_USERNAME, Role};

/// Why an act on the command line was refused.
#[derive(Debug)]
pub enum Refusal {
    UnknownUser,
    UsernameTaken,
    /// Empty, too long, or with control characters.
    BadUsername,
    BadEmail,
    /// Nobody could administer the portal any more.
    LastSuperuser,
    /// The account has no local password, since it signs in with the provider.
    NoLocalPassword,
    /// The account is deactivated.
    Inactive,
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownUser => f.write_str(
                "there is no account of that name; it is created when the person first signs in",
            ),
            Self::UsernameTaken => f.write_str("that username is taken"),
            Self::BadUsername => write!(
                f,
                "a username has 1 to {MAX_USERNAME} characters, none of them a control character"
            ),
            Self::BadEmail => write!(
                f,
                "an e-mail address has an @ and at most {MAX_EMAIL} characters"
            ),
            Self::LastSuperuser => {
                f.write_str("that is the last active superuser; make another one first")
            }
            Self::NoLocalPassword => f.write_str(
                "that account signs in with the company account and has no local password",
            ),
            Self::Inactive => f.write_str("that account is deactivated"),
            Self::Failed(error) => write!(f, "{error}"),
        }
    }
}

/// Sets the role that is given by hand; the one by permission is not touched. Returns the role
/// by hand from before.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::LastSuperuser`]
pub fn promote(db: &Db, now: UnixTime, username: &str, role: Role) -> Result<Role, Refusal> {
    db.write_blocking(|conn| {
        let Some(user) = users::find_by_username(conn, username)? else {
            return Ok(Err(Refusal::UnknownUser));
        };
        // The row first and the superusers' lock after it, as a sync does: no two can lock each
        // other out, and the role by permission cannot change meanwhile.
        let roles = users::lock(conn, user.id)?;
        if roles.by_hand == role {
            return Ok(Ok(role));
        }
        let was_superuser = roles.by_hand.max(roles.by_permission) == Role::Superuser;
        if was_superuser && role.max(roles.by_permission) != Role::Superuser {
            lock_superusers(conn)?;
            if !users::has_other_superuser(conn, user.id)? {
                return Ok(Err(Refusal::LastSuperuser));
            }
        }
        users::set_role_by_hand(conn, user.id, role)?;
        record(
            conn,
            now,
            EventKind::RoleChanged,
            user.id,
            username,
            Details {
                changes: vec![DetailedChange {
                    field: "role_by_hand".to_owned(),
                    from: roles.by_hand.code().to_owned(),
                    to: role.code().to_owned(),
                }],
                ..Details::default()
            },
        )?;
        Ok(Ok(roles.by_hand))
    })?
}

/// A local superuser.
///
/// # Errors
/// [`Refusal::UsernameTaken`], [`Refusal::BadUsername`], [`Refusal::BadEmail`]
pub fn create_superuser(
    db: &Db,
    now: UnixTime,
    username: &str,
    email: &str,
    password_hash: &str,
) -> Result<(), Refusal> {
    check_new_account(username, email)?;
    db.write_blocking(|conn| {
        if users::find_by_username(conn, username)?.is_some() {
            return Ok(Err(Refusal::UsernameTaken));
        }
        let id = users::create_superuser(conn, now, username, email, password_hash)?;
        record(
            conn,
            now,
            EventKind::SuperuserCreated,
            id,
            username,
            Details::default(),
        )?;
        Ok(Ok(()))
    })?
}

/// What can be said against a new local account before a password is asked for.
///
/// # Errors
/// [`Refusal::BadUsername`], [`Refusal::BadEmail`]
pub fn check_new_account(username: &str, email: &str) -> Result<(), Refusal> {
    let is_plain = |text: &str| !text.chars().any(is_refused);
    if username.trim().is_empty() || username.chars().count() > MAX_USERNAME || !is_plain(username)
    {
        return Err(Refusal::BadUsername);
    }
    let is_email = email.is_empty()
        || (email.contains('@') && email.chars().count() <= MAX_EMAIL && is_plain(email));
    if is_email {
        Ok(())
    } else {
        Err(Refusal::BadEmail)
    }
}

/// A new local password for an account that has one. All of its sessions end: they may be those
/// of whoever made the change necessary.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::NoLocalPassword`]
pub fn change_password(
    db: &Db,
    now: UnixTime,
    username: &str,
    password_hash: &str,
) -> Result<(), Refusal> {
    db.write_blocking(|conn| {
        let Some(user) = users::find_by_username(conn, username)? else {
            return Ok(Err(Refusal::UnknownUser));
        };
        if !users::has_password(conn, user.id)? {
            return Ok(Err(Refusal::NoLocalPassword));
        }
        users::set_password(conn, user.id, password_hash)?;
        let ended = sessions::end_all(conn, now, user.id)?;
        record(
            conn,
            now,
            EventKind::PasswordChanged,
            user.id,
            username,
            Details {
                count: (ended > 0).then_some(ended),
                ..Details::default()
            },
        )?;
        Ok(Ok(()))
    })?
}

/// Notes that a rescue link is made for an active account; the account's id.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::Inactive`]
pub fn make_rescue_link(
    db: &Db,
    now: UnixTime,
    username: &str,
    link_id: &str,
) -> Result<i64, Refusal> {
    db.write_blocking(|conn| {
        let Some(user) = users::find_by_username(conn, username)? else {
            return Ok(Err(Refusal::UnknownUser));
        };
        if !user.is_active {
            return Ok(Err(Refusal::Inactive));
        }
        audit::record(
            conn,
            now,
            NewEvent {
                reference: link_id,
                ..event(
                    EventKind::RescueLinkMade,
                    user.id,
                    username,
                    &Client::default(),
                )
            },
        )?;
        Ok(Ok(user.id))
    })?
}

fn record(
    conn: &mut crate::db::Conn,
    now: UnixTime,
    kind: EventKind,
    user_id: i64,
    username: &str,
    details: Details,
) -> Result<()> {
    let client = Client::default();
    let event = NewEvent {
        details,
        ..event(kind, user_id, username, &client)
    };
    audit::record(conn, now, event)
}

/// What somebody did on the command line.
fn event<'a>(kind: EventKind, user_id: i64, username: &'a str, client: &'a Client) -> NewEvent<'a> {
    NewEvent {
        kind,
        reason: "",
        actor: COMMAND_LINE,
        user: Some((user_id, username)),
        provider: "",
        client,
        reference: "",
        details: Details::default(),
    }
}
