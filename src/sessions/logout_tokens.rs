//! Logout tokens that were used: each one counts only once (OpenID Connect Back-Channel Logout 1.0,
//! 2.6).

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as Diesel};

use crate::clock::UnixTime;
use crate::db::schema::logout_tokens;
use crate::db::{Conn, each};
use crate::error::Result;

/// Uses up a token. Returns `false` if it was used before; the transaction must then change
/// nothing.
pub fn use_up(conn: &mut Conn, provider: &str, jti: &str, expires_at: UnixTime) -> Result<bool> {
    let inserted = each!(conn, |c| diesel::insert_into(logout_tokens::table)
        .values((
            logout_tokens::provider.eq(provider),
            logout_tokens::jti.eq(jti),
            logout_tokens::expires_at.eq(expires_at.0),
        ))
        .execute(c));
    match inserted {
        Ok(_) => Ok(true),
        Err(Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Deletes up to `limit` tokens that have expired, and returns how many.
pub fn sweep(conn: &mut Conn, now: UnixTime, limit: i64) -> Result<usize> {
    let over: Vec<(String, String)> = logout_tokens::table
        .filter(logout_tokens::expires_at.lt(now.0))
        .select((logout_tokens::provider, logout_tokens::jti))
        .limit(limit)
        .load(conn)?;
    for (provider, jti) in &over {
        diesel::delete(logout_tokens::table.find((provider, jti))).execute(conn)?;
    }
    Ok(over.len())
}
