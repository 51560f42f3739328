//! Accounts that are taken over from another system, as they were there.

use diesel::prelude::*;

use super::reserved::IMPORT;
use super::terms;
use crate::clock::UnixTime;
use crate::db::schema::{user_permissions, users};
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::id_at;
use crate::permissions::{BY_HAND, Permission};
use crate::secret::sha256;

/// An account to be made, within the bounds of the columns.
#[derive(Clone)]
pub struct Imported<'a> {
    pub username: &'a str,
    pub first_name: &'a str,
    pub email: &'a str,
    /// A hash that [`crate::passwords`] can verify, or `None`.
    pub password: Option<&'a str>,
    pub is_active: bool,
    pub is_staff: bool,
    pub is_superuser: bool,
    pub date_joined: UnixTime,
    pub last_login: Option<UnixTime>,
    /// Each name once.
    pub permissions: &'a [Permission],
}

impl Imported<'_> {
    /// Whether a username was imported before (`true`), or belongs to an account that was not
    /// (`false`). `None`: it is free.
    ///
    /// # Errors
    /// [`crate::error::DatabaseError`], here and below.
    pub fn find(conn: &mut Conn, username: &str) -> Result<Option<bool>> {
        let was: Option<i64> = users::table
            .filter(users::imported_as.is_not_null())
            .filter(users::imported_as.eq(name_there(username)))
            .select(users::id)
            .first(conn)
            .optional()?;
        if was.is_some() {
            return Ok(Some(true));
        }
        let taken: Option<i64> = users::table
            .filter(users::username.eq(username))
            .select(users::id)
            .first(conn)
            .optional()?;
        Ok(taken.map(|_| false))
    }
}

/// The username that an account had in the other system, as it is kept: whoever was renamed or
/// erased since is still known.
fn name_there(username: &str) -> String {
    sha256(format!("imported account {username}").as_bytes())
}

#[derive(Insertable)]
#[diesel(table_name = user_permissions)]
struct NewPermission<'a> {
    user_id: i64,
    name: &'a str,
    origin: &'a str,
    label: &'a str,
    granted_at: i64,
    granted_by: &'a str,
}

/// A new account with its permissions, by hand; its id, which is in the order of `date_joined`
/// among all others. What is not known of it (when it was synced, or erased) stays NULL.
pub fn create_imported(conn: &mut Conn, now: UnixTime, user: &Imported<'_>) -> Result<i64> {
    let id = id_at(user.date_joined);
    diesel::insert_into(users::table)
        .values((
            users::id.eq(id),
            users::username.eq(user.username),
            users::first_name.eq(user.first_name),
            users::email.eq(user.email),
            users::password.eq(user.password),
            users::is_active.eq(user.is_active),
            users::is_staff.eq(user.is_staff || user.is_superuser),
            users::is_superuser.eq(user.is_superuser),
            users::is_staff_by_permission.eq(false),
            users::is_superuser_by_permission.eq(false),
            users::date_joined.eq(user.date_joined.0),
            users::last_login.eq(user.last_login.map(|time| time.0)),
            users::imported_at.eq(Some(now.0)),
            users::imported_as.eq(Some(name_there(user.username))),
            users::is_searchable.eq(false),
        ))
        .execute(conn)?;
    terms::write(conn, id, user.username, user.first_name, user.email)?;
    let rows: Vec<NewPermission<'_>> = user
        .permissions
        .iter()
        .map(|permission| NewPermission {
            user_id: id,
            name: &permission.name,
            origin: BY_HAND,
            label: &permission.label,
            granted_at: now.0,
            granted_by: IMPORT,
        })
        .collect();
    for rows in rows.chunks(500) {
        each!(conn, |c| diesel::insert_into(user_permissions::table)
            .values(rows)
            .execute(c))?;
    }
    Ok(id)
}

/// How many accounts were ever imported.
///
/// # Errors
/// [`crate::error::DatabaseError`]
pub fn count(conn: &mut Conn) -> Result<i64> {
    Ok(users::table
        .filter(users::imported_as.is_not_null())
        .count()
        .get_result(conn)?)
}

/// The password hashes that the other system made and nobody has signed in with since: a page of
/// them, each behind the key that the next page begins after.
///
/// # Errors
/// [`crate::error::DatabaseError`]
pub fn foreign_hashes(conn: &mut Conn, after: &str, limit: i64) -> Result<Vec<(String, String)>> {
    Ok(users::table
        .filter(users::imported_as.is_not_null())
        .filter(users::imported_as.gt(after))
        .filter(users::password.is_not_null())
        .filter(users::password.not_like("$argon2%"))
        .order(users::imported_as)
        .limit(limit)
        .select((
            users::imported_as.assume_not_null(),
            users::password.assume_not_null(),
        ))
        .load(conn)?)
}
