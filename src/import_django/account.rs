//! Accounts that come from a Django app, as rows of ours.

use diesel::prelude::*;

use super::database::UserRow;
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::db::schema::users;
use crate::error::Result;
use crate::id::id_at;
use crate::permissions::{self, Permission};
use crate::secret::sha256;
use crate::users::{Role, terms};

/// An account to be made, within the bounds of the columns.
pub struct NewAccount<'a> {
    pub row: &'a UserRow,
    pub first_name: String,
    pub email: String,
    /// A hash that [`super::django_hash`] can verify, or `None`.
    pub password: Option<&'a str>,
    pub date_joined: UnixTime,
    pub last_login: Option<UnixTime>,
    /// Each name once.
    pub permissions: &'a [Permission],
}

/// Whether an account of this username was ever imported.
///
/// # Errors
/// [`crate::error::DatabaseError`], here and below.
pub fn was_imported(conn: &mut Conn, username: &str) -> Result<bool> {
    Ok(users::table
        .filter(users::imported_as.is_not_null())
        .filter(users::imported_as.eq(name_there(username)))
        .select(users::id)
        .first::<i64>(conn)
        .optional()?
        .is_some())
}

/// The username that an account had in the other system, as it is kept: whoever was renamed or
/// erased since is still known.
fn name_there(username: &str) -> String {
    sha256(format!("imported account {username}").as_bytes())
}

impl NewAccount<'_> {
    #[must_use]
    pub const fn role(&self) -> Role {
        match (self.row.is_staff, self.row.is_superuser) {
            (_, true) => Role::Superuser,
            (true, false) => Role::Staff,
            (false, false) => Role::Employee,
        }
    }

    /// Makes it, with its permissions, by hand; its id, which is in the order of `date_joined`
    /// among all others. What is not known of it (when it was synced, or erased) stays NULL.
    pub fn create(&self, conn: &mut Conn, now: UnixTime) -> Result<i64> {
        let (row, id) = (self.row, id_at(self.date_joined));
        diesel::insert_into(users::table)
            .values((
                users::id.eq(id),
                users::username.eq(&row.username),
                users::first_name.eq(&self.first_name),
                users::email.eq(&self.email),
                users::password.eq(self.password),
                users::is_active.eq(row.is_active),
                users::is_staff.eq(row.is_staff || row.is_superuser),
                users::is_superuser.eq(row.is_superuser),
                users::is_staff_by_permission.eq(false),
                users::is_superuser_by_permission.eq(false),
                users::date_joined.eq(self.date_joined.0),
                users::last_login.eq(self.last_login.map(|time| time.0)),
                users::imported_at.eq(Some(now.0)),
                users::imported_as.eq(Some(name_there(&row.username))),
                users::is_searchable.eq(false),
            ))
            .execute(conn)?;
        terms::write(conn, id, &row.username, &self.first_name, &self.email)?;
        permissions::import(conn, now, id, self.permissions)?;
        Ok(id)
    }
}

/// How many accounts were ever imported.
pub fn count(conn: &mut Conn) -> Result<i64> {
    Ok(users::table
        .filter(users::imported_as.is_not_null())
        .count()
        .get_result(conn)?)
}

/// The password hashes that the other system made and nobody has signed in with since: a page of
/// them, each behind the key that the next page begins after.
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
