//! Accounts that admins create, their passwords and links, and exports.

use super::{Admin, Refusal};
use crate::audit::{About, Event, Note};
use crate::clock::UnixTime;
use crate::db::{Conn, Db};
use crate::error::{Result, Stopped};
use crate::id::UserId;
use crate::portal::Portal;
use crate::sessions::proof::ProvedBy;
use crate::sessions::{self, Closing, proof};
use crate::text::is_forbidden;
use crate::users::{
    self, Field, MAX_EMAIL, MAX_FIRST_NAME, MAX_USERNAME, NO_PASSWORD_YET, NewLocal, Role, User,
    confirmation_password,
};

/// The fields that an admin typed for a new local account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub username: String,
    pub first_name: String,
    pub email: String,
    pub note: Note,
}

/// Creates a local account without a role, whose owner chooses the password with the link of this
/// id. Returns the account's id.
///
/// # Errors
/// As [`super::act()`]; the refusals of [`check_new_account`], and [`Refusal::UsernameTaken`].
pub async fn create_account(
    portal: &Portal,
    admin: &Admin,
    new: NewAccount,
    link: String,
) -> Result<UserId, Stopped<Refusal>> {
    let now = portal.clock.now();
    admin.check_proof(now)?;
    check_new_account(&new.username, &new.email)?;
    let is_name = new.first_name.chars().count() <= MAX_FIRST_NAME
        && !new.first_name.chars().any(is_forbidden);
    if !is_name {
        return Err(Refusal::BadFirstName.into());
    }
    let admin = admin.clone();
    portal
        .db
        .decide(move |conn| {
            admin.begin(conn)?;
            let local = NewLocal {
                username: &new.username,
                first_name: &new.first_name,
                email: &new.email,
                password_hash: NO_PASSWORD_YET,
                role: Role::Employee,
            };
            let id = create(conn, now, &local)?;
            let about = About::Person(id, &new.username);
            admin
                .deed(now)
                .with_reference(&link)
                .with_note(&new.note)
                .record(conn, about, &Event::AccountCreated)?;
            Ok(id)
        })
        .await
}

fn create(conn: &mut Conn, now: UnixTime, new: &NewLocal<'_>) -> Result<UserId, Stopped<Refusal>> {
    if users::find_by_username(conn, new.username)?.is_some() {
        return Err(Refusal::UsernameTaken.into());
    }
    Ok(users::create_local(conn, now, new)?)
}

/// Creates a local superuser, on the command line.
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
) -> Result<(), Stopped<Refusal>> {
    check_new_account(username, email)?;
    db.decide_blocking(|conn| {
        let local = NewLocal {
            username,
            first_name: "",
            email,
            password_hash,
            role: Role::Superuser,
        };
        let id = create(conn, now, &local)?;
        let about = About::Person(id, username);
        Ok(admin
            .deed(now)
            .record(conn, about, &Event::SuperuserCreated)?)
    })
}

/// Checks a new local account before a password is asked for.
///
/// # Errors
/// [`Refusal::BadUsername`], [`Refusal::ReservedUsername`], [`Refusal::BadEmail`]
pub fn check_new_account(username: &str, email: &str) -> Result<(), Refusal> {
    let is_plain = |text: &str| !text.chars().any(is_forbidden);
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

/// The kind of password that was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedPassword {
    Local,
    /// The account has no local password: this one proves who its owner is, and cannot be used to
    /// sign in.
    Confirmation,
}

/// Sets a new password, on the command line. If the account has a local password, it is replaced
/// and all sessions end: they may belong to the person who made the change necessary. Otherwise
/// this sets the confirmation password, and what the old one proved no longer counts.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::Erased`]
pub fn change_password(
    db: &Db,
    now: UnixTime,
    admin: &Admin,
    username: &str,
    password_hash: &str,
) -> Result<ChangedPassword, Stopped<Refusal>> {
    db.decide_blocking(|conn| {
        let user = users::find_by_username(conn, username)?.ok_or(Refusal::UnknownUser)?;
        users::lock_row(conn, user.id)?;
        if user.erased_at().is_some() {
            return Err(Refusal::Erased.into());
        }
        if !users::has_password(conn, user.id)? {
            set_confirmation_password(conn, now, admin, &user, password_hash)?;
            return Ok(ChangedPassword::Confirmation);
        }
        let sessions_ended = sessions::close(conn, now, user.id, Closing::All)?;
        users::set_password(conn, user.id, password_hash)?;
        users::note_changes(conn, now, user.id, admin.actor(), &[Field::Password])?;
        let event = Event::PasswordChanged { sessions_ended };
        admin
            .deed(now)
            .record(conn, About::Person(user.id, username), &event)?;
        Ok(ChangedPassword::Local)
    })
}

fn set_confirmation_password(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    user: &User,
    hash: &str,
) -> Result<()> {
    confirmation_password::set(conn, user.id, Some(hash))?;
    proof::withdraw(conn, user.id, ProvedBy::ConfirmationPassword)?;
    let field = &[Field::ConfirmationPassword];
    users::note_changes(conn, now, user.id, admin.actor(), field)?;
    let event = Event::ConfirmationPasswordSet;
    admin.deed(now).record(conn, About::from(user), &event)
}

/// Records that a rescue link is made for an active account, on the command line. Returns the
/// account's id.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::Inactive`]
pub fn make_rescue_link(
    db: &Db,
    now: UnixTime,
    admin: &Admin,
    username: &str,
    link_id: &str,
) -> Result<UserId, Stopped<Refusal>> {
    db.decide_blocking(|conn| {
        let user = users::find_by_username(conn, username)?.ok_or(Refusal::UnknownUser)?;
        // The account may have just been deactivated.
        let user = users::lock(conn, user.id)?.filter(|user| user.is_active);
        let user = user.ok_or(Refusal::Inactive)?;
        let about = About::Person(user.id, username);
        let deed = admin.deed(now).with_reference(link_id);
        deed.record(conn, about, &Event::RescueLinkMade)?;
        Ok(user.id)
    })
}

/// Records the export of a list, which is named with its filters, as in `users?role=staff`.
///
/// # Errors
/// As [`super::act()`]
pub async fn export_made(portal: &Portal, admin: &Admin, list: String) -> Result<()> {
    let now = portal.clock.now();
    admin.check_proof(now)?;
    let admin = admin.clone();
    portal
        .db
        .write(move |conn| {
            admin.begin(conn)?;
            let event = Event::ExportMade { list: list.clone() };
            admin.deed(now).record(conn, About::Portal, &event)
        })
        .await
}
