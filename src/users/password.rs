//! Local accounts and their passwords.

use diesel::prelude::*;

use super::{NewUser, Role, User, search_index};
use crate::clock::UnixTime;
use crate::config::PasswordLogin;
use crate::db::schema::users;
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::{UserId, new_id};

/// An account made by hand.
pub struct NewLocal<'a> {
    pub username: &'a str,
    pub first_name: &'a str,
    pub email: &'a str,
    /// [`NO_PASSWORD_YET`] if the owner has yet to choose one.
    pub password_hash: &'a str,
    pub role: Role,
}

/// Returns whether a person with this role may use a local password.
pub fn may_use_password(allowed: PasswordLogin, role: Role) -> bool {
    match allowed {
        PasswordLogin::On => true,
        PasswordLogin::Superusers => role == Role::Superuser,
        PasswordLogin::Off => false,
    }
}

/// The stored password of a local account before one has been set. Nothing matches it.
pub const NO_PASSWORD_YET: &str = "!";

pub fn create_local(conn: &mut Conn, now: UnixTime, new: &NewLocal<'_>) -> Result<UserId> {
    let NewLocal {
        username,
        first_name,
        email,
        password_hash,
        role,
    } = *new;
    let (is_staff, is_superuser) = role.flags();
    let id = new_id(now);
    diesel::insert_into(users::table)
        .values(NewUser {
            id,
            username,
            first_name,
            email,
            password: Some(password_hash),
            is_active: true,
            is_staff,
            is_superuser,
            is_staff_by_permission: false,
            is_superuser_by_permission: false,
            date_joined: now.0,
            last_login: None,
            synced_at: None,
            permissions_synced_at: None,
            is_searchable: true,
        })
        .execute(conn)?;
    search_index::insert(conn, id, username, first_name, email)?;
    Ok(id)
}

/// Finds the account of a username, with its password hash if it has one.
pub fn find_with_password(
    conn: &mut Conn,
    username: &str,
) -> Result<Option<(User, Option<String>)>> {
    Ok(users::table
        .filter(users::username.eq(username))
        .select((User::as_select(), users::password))
        .first(conn)
        .optional()?)
}

/// Records a sign-in without a provider, and locks the account's row for this transaction. Returns
/// `false` and writes nothing if the account is not active or its password hash is not `matched`.
pub fn note_sign_in(
    conn: &mut Conn,
    now: UnixTime,
    user_id: UserId,
    matched: Option<&str>,
) -> Result<bool> {
    let active = users::table
        .filter(users::id.eq(user_id))
        .filter(users::is_active.eq(true));
    let change = users::last_login.eq(now.0);
    let noted = match matched {
        Some(hash) => diesel::update(active.filter(users::password.eq(hash)))
            .set(change)
            .execute(conn)?,
        None => diesel::update(active).set(change).execute(conn)?,
    };
    Ok(noted == 1)
}

/// Replaces the password whose hash is `matched`. Returns `false` and writes nothing if the account
/// has another.
pub fn replace_password(
    conn: &mut Conn,
    user_id: UserId,
    matched: &str,
    password_hash: &str,
) -> Result<bool> {
    let changed = diesel::update(
        users::table
            .filter(users::id.eq(user_id))
            .filter(users::password.eq(matched)),
    )
    .set(users::password.eq(Some(password_hash)))
    .execute(conn)?;
    Ok(changed == 1)
}

pub fn set_password(conn: &mut Conn, user_id: UserId, password_hash: &str) -> Result<()> {
    diesel::update(users::table.find(user_id))
        .set(users::password.eq(Some(password_hash)))
        .execute(conn)?;
    Ok(())
}

/// Removes the account's local password: it no longer signs anyone in or proves who they are.
pub fn clear_password(conn: &mut Conn, user_id: UserId) -> Result<()> {
    diesel::update(users::table.find(user_id))
        .set((
            users::password.eq(None::<&str>),
            users::confirmation_password.eq(None::<&str>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Finds the hash of an account's local password, if it has one.
pub fn password_hash(conn: &mut Conn, user_id: UserId) -> Result<Option<String>> {
    let found: Option<Option<String>> = each!(conn, |conn| users::table
        .find(user_id)
        .select(users::password)
        .first(conn)
        .optional())?;
    Ok(found.flatten())
}

pub fn has_password(conn: &mut Conn, user_id: UserId) -> Result<bool> {
    Ok(password_hash(conn, user_id)?.is_some())
}
