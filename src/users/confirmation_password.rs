//! The confirmation password: it proves who a person is, but cannot sign them in.

use diesel::prelude::*;

use super::NO_PASSWORD_YET;
use crate::db::Conn;
use crate::db::schema::users;
use crate::error::Result;
use crate::id::UserId;

/// The hashes of the passwords with which a person may prove who they are.
#[derive(Clone, Default)]
pub struct Hashes {
    /// The hash of the local password, as stored.
    pub password: Option<String>,
    pub confirmation: Option<String>,
}

impl Hashes {
    /// Returns the hash of the local password, once the owner has chosen one.
    pub fn usable_password(self) -> Option<String> {
        self.password.filter(|hash| hash != NO_PASSWORD_YET)
    }
}

pub fn hashes(conn: &mut Conn, user_id: UserId) -> Result<Hashes> {
    let found: Option<(Option<String>, Option<String>)> = users::table
        .find(user_id)
        .select((users::password, users::confirmation_password))
        .first(conn)
        .optional()?;
    let (password, confirmation) = found.unwrap_or_default();
    Ok(Hashes {
        password,
        confirmation,
    })
}

/// Sets the confirmation password, or removes it. Returns `false` and writes nothing if there was
/// none to remove.
pub fn set(conn: &mut Conn, user_id: UserId, hash: Option<&str>) -> Result<bool> {
    let account = users::table.find(user_id);
    let change = users::confirmation_password.eq(hash);
    let changed = match hash {
        Some(_) => diesel::update(account).set(change).execute(conn)?,
        None => diesel::update(account.filter(users::confirmation_password.is_not_null()))
            .set(change)
            .execute(conn)?,
    };
    Ok(changed == 1)
}
