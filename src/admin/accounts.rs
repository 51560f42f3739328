//! Accounts made by hand, their passwords and links; exports.

use super::{Admin, Refusal};
use crate::audit::{self, Details, EventKind, NewEvent};
use crate::clock::UnixTime;
use crate::db::{Conn, Db};
use crate::desk::Desk;
use crate::error::Result;
use crate::sessions::proof::ProvedBy;
use crate::sessions::{self, Closing, proof};
use crate::text::is_refused;
use crate::users::{
    self, MAX_EMAIL, MAX_FIRST_NAME, MAX_USERNAME, NO_PASSWORD_YET, NewLocal, Role, User,
    confirmation,
};

/// What an admin typed of a new local account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub username: String,
    pub first_name: String,
    pub email: String,
    /// Why, in the admin's words.
    pub note: String,
}

/// A local account without a role, whose owner chooses the password by the link of this id; the
/// account's id.
///
/// # Errors
/// As [`super::act()`]; the refusals of [`check_new_account`], and [`Refusal::UsernameTaken`].
pub async fn create_account(
    desk: &Desk,
    admin: &Admin,
    new: NewAccount,
    link: String,
) -> Result<Result<i64, Refusal>> {
    let now = desk.clock.now();
    admin.check_fresh(now)?;
    if let Err(refusal) = check_new_account(&new.username, &new.email) {
        return Ok(Err(refusal));
    }
    let is_name =
        new.first_name.chars().count() <= MAX_FIRST_NAME && !new.first_name.chars().any(is_refused);
    if !is_name {
        return Ok(Err(Refusal::BadFirstName));
    }
    let admin = admin.clone();
    desk.db
        .write(move |conn| {
            admin.begin(conn)?;
            let local = NewLocal {
                username: &new.username,
                first_name: &new.first_name,
                email: &new.email,
                password_hash: NO_PASSWORD_YET,
                role: Role::Employee,
            };
            let Some(id) = create(conn, now, &local)? else {
                return Ok(Err(Refusal::UsernameTaken));
            };
            let event = NewEvent {
                reference: &link,
                details: Details {
                    note: new.note.clone(),
                    ..Details::default()
                },
                ..admin.event(EventKind::AccountCreated, Some((id, &new.username)))
            };
            audit::record(conn, now, event)?;
            Ok(Ok(id))
        })
        .await
}

fn create(conn: &mut Conn, now: UnixTime, new: &NewLocal<'_>) -> Result<Option<i64>> {
    if users::find_by_username(conn, new.username)?.is_some() {
        return Ok(None);
    }
    users::create_local(conn, now, new).map(Some)
}

/// A local superuser, on the command line.
///
/// # Errors
/// [`Refusal::UsernameTaken`], and those of [`check_new_account`]
pub fn create_superuser(
    db: &Db,
    now: UnixTime,
    admin: &Admin,
    username: &str,
    email: &str,
    password_hash: &str,
) -> Result<(), Refusal> {
    check_new_account(username, email)?;
    db.write_blocking(|conn| {
        let local = NewLocal {
            username,
            first_name: "",
            email,
            password_hash,
            role: Role::Superuser,
        };
        let Some(id) = create(conn, now, &local)? else {
            return Ok(Err(Refusal::UsernameTaken));
        };
        let event = admin.event(EventKind::SuperuserCreated, Some((id, username)));
        audit::record(conn, now, event)?;
        Ok(Ok(()))
    })?
}

/// What can be said against a new local account before a password is asked for.
///
/// # Errors
/// [`Refusal::BadUsername`], [`Refusal::ReservedUsername`], [`Refusal::BadEmail`]
pub fn check_new_account(username: &str, email: &str) -> Result<(), Refusal> {
    let is_plain = |text: &str| !text.chars().any(is_refused);
    if username.trim().is_empty() || username.chars().count() > MAX_USERNAME || !is_plain(username)
    {
        return Err(Refusal::BadUsername);
    }
    if users::reserved::is_reserved(username) {
        return Err(Refusal::ReservedUsername);
    }
    let is_email = email.is_empty()
        || (email.contains('@') && email.chars().count() <= MAX_EMAIL && is_plain(email));
    if is_email {
        Ok(())
    } else {
        Err(Refusal::BadEmail)
    }
}

/// Which password was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedPassword {
    Local,
    /// The account has no local one: this proves who its owner is, and does not sign in.
    Confirmation,
}

/// A new password, on the command line: the local one of an account that has one. All of its
/// sessions end, which may be those of whoever made the change necessary. Where there is no local
/// password it is the confirmation password, and what an old one proved counts no more.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::Erased`]
pub fn change_password(
    db: &Db,
    now: UnixTime,
    admin: &Admin,
    username: &str,
    password_hash: &str,
) -> Result<ChangedPassword, Refusal> {
    db.write_blocking(|conn| {
        let Some(user) = users::find_by_username(conn, username)? else {
            return Ok(Err(Refusal::UnknownUser));
        };
        users::take_row(conn, user.id)?;
        if user.erased_at().is_some() {
            return Ok(Err(Refusal::Erased));
        }
        if !users::has_password(conn, user.id)? {
            set_confirmation_password(conn, now, admin, &user, password_hash)?;
            return Ok(Ok(ChangedPassword::Confirmation));
        }
        let ended = sessions::close(conn, now, user.id, Closing::All)?;
        users::set_password(conn, user.id, password_hash)?;
        users::note_changes(conn, now, user.id, admin.actor(), &["password"])?;
        let event = NewEvent {
            details: Details {
                count: (ended > 0).then_some(ended),
                ..Details::default()
            },
            ..admin.event(EventKind::PasswordChanged, Some((user.id, username)))
        };
        audit::record(conn, now, event)?;
        Ok(Ok(ChangedPassword::Local))
    })?
}

fn set_confirmation_password(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    user: &User,
    hash: &str,
) -> Result<()> {
    confirmation::set(conn, user.id, Some(hash))?;
    proof::take(conn, user.id, ProvedBy::ConfirmationPassword)?;
    let field = &["confirmation_password"];
    users::note_changes(conn, now, user.id, admin.actor(), field)?;
    let about = Some((user.id, user.username.as_str()));
    let event = admin.event(EventKind::ConfirmationPasswordSet, about);
    audit::record(conn, now, event)
}

/// Notes that a rescue link is made for an active account, on the command line; the account's id.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::Inactive`]
pub fn make_rescue_link(
    db: &Db,
    now: UnixTime,
    admin: &Admin,
    username: &str,
    link_id: &str,
) -> Result<i64, Refusal> {
    db.write_blocking(|conn| {
        let Some(user) = users::find_by_username(conn, username)? else {
            return Ok(Err(Refusal::UnknownUser));
        };
        // Deactivated a moment ago, perhaps.
        let user = users::lock(conn, user.id)?.filter(|user| user.is_active);
        let Some(user) = user else {
            return Ok(Err(Refusal::Inactive));
        };
        let event = NewEvent {
            reference: link_id,
            ..admin.event(EventKind::RescueLinkMade, Some((user.id, username)))
        };
        audit::record(conn, now, event)?;
        Ok(Ok(user.id))
    })?
}

/// Notes that a list leaves the house: `what` with its filters, `users?role=staff`.
///
/// # Errors
/// As [`super::act()`]
pub async fn export_made(desk: &Desk, admin: &Admin, what: String) -> Result<()> {
    let now = desk.clock.now();
    admin.check_fresh(now)?;
    let admin = admin.clone();
    desk.db
        .write(move |conn| {
            admin.begin(conn)?;
            let event = NewEvent {
                details: Details {
                    export: what.clone(),
                    ..Details::default()
                },
                ..admin.event(EventKind::ExportMade, None)
            };
            audit::record(conn, now, event)
        })
        .await
}
