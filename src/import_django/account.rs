//! Accounts from a Django app, as rows in our tables.

use diesel::prelude::*;

use super::database::UserRow;
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::db::schema::users;
use crate::error::Result;
use crate::id::{UserId, id_at};
use crate::permissions::{self, Permission};
use crate::secret::sha256;
use crate::users::{Role, search_index};

/// An account to create, within the limits of the columns.
pub struct ImportedAccount<'a> {
    pub row: &'a UserRow,
    pub first_name: String,
    pub email: String,
    /// A hash that [`super::django_hash`] can verify, or `None`.
    pub password: Option<&'a str>,
    pub date_joined: UnixTime,
    pub last_login: Option<UnixTime>,
    /// The permissions, each name once.
    pub permissions: &'a [Permission],
}

/// Returns whether an account with this username was ever imported.
pub fn was_imported(conn: &mut Conn, username: &str) -> Result<bool> {
    Ok(users::table
        .filter(users::imported_as.is_not_null())
        .filter(users::imported_as.eq(name_there(username)))
        .select(users::id)
        .first::<UserId>(conn)
        .optional()?
        .is_some())
}

/// Returns the username from the other system in the form that is stored. It identifies people even
/// after they have been renamed or erased.
fn name_there(username: &str) -> String {
    sha256(format!("imported account {username}").as_bytes())
}

impl ImportedAccount<'_> {
    pub const fn role(&self) -> Role {
        match (self.row.is_staff, self.row.is_superuser) {
            (_, true) => Role::Superuser,
            (true, false) => Role::Staff,
            (false, false) => Role::Employee,
        }
    }

    /// Creates the account, with its permissions granted by hand, and returns its id, which sorts
    /// by `date_joined` among all others. Unknown times (of a sync or an erasure) stay NULL.
    pub fn create(&self, conn: &mut Conn, now: UnixTime) -> Result<UserId> {
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
        search_index::write(conn, id, &row.username, &self.first_name, &self.email)?;
        permissions::import(conn, now, id, self.permissions)?;
        Ok(id)
    }
}

/// Counts the accounts that were ever imported.
pub fn count(conn: &mut Conn) -> Result<i64> {
    Ok(users::table
        .filter(users::imported_as.is_not_null())
        .count()
        .get_result(conn)?)
}

/// Lists one page of the password hashes made by the other system and not yet replaced by a
/// sign-in. Each comes with its key, after which the next page begins.
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
