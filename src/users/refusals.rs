//! Refusals: whom a provider that vouches for leaving does not know any more. Each stands at the
//! identity, until that provider lets the person in again or an admin does.

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::db::schema::identities;
use crate::db::{Conn, each};
use crate::error::Result;

/// What follows from a provider's refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It vouches for leaving: the person is out by every other way, too.
    KeepsOut,
    /// It ends the sessions of this provider alone.
    EndsItsSessions,
}

/// Notes that `provider` refuses someone; whether that keeps them out and nothing did before.
///
/// # Errors
/// [`crate::error::DatabaseError`], here and below.
pub fn note(
    conn: &mut Conn,
    now: UnixTime,
    user_id: i64,
    provider: &str,
    effect: Effect,
) -> Result<bool> {
    // What it said of them before counts for nothing.
    diesel::update(
        identities::table
            .filter(identities::user_id.eq(user_id))
            .filter(identities::provider.eq(provider)),
    )
    .set(identities::last_refused_at.eq(now.0))
    .execute(conn)?;
    if effect == Effect::EndsItsSessions {
        return Ok(false);
    }
    let noted = diesel::update(
        identities::table
            .filter(identities::user_id.eq(user_id))
            .filter(identities::provider.eq(provider))
            .filter(identities::refused_at.is_null()),
    )
    .set(identities::refused_at.eq(now.0))
    .execute(conn)?;
    Ok(noted > 0)
}

/// `provider` refuses somebody no more; whether it did.
pub fn let_in(conn: &mut Conn, user_id: i64, provider: &str) -> Result<bool> {
    let cleared = diesel::update(
        identities::table
            .filter(identities::user_id.eq(user_id))
            .filter(identities::provider.eq(provider))
            .filter(identities::refused_at.is_not_null()),
    )
    .set(identities::refused_at.eq(None::<i64>))
    .execute(conn)?;
    Ok(cleared > 0)
}

/// No provider refuses somebody any more.
pub fn forget(conn: &mut Conn, user_id: i64) -> Result<()> {
    diesel::update(
        identities::table
            .filter(identities::user_id.eq(user_id))
            .filter(identities::refused_at.is_not_null()),
    )
    .set(identities::refused_at.eq(None::<i64>))
    .execute(conn)?;
    Ok(())
}

/// Which providers refuse somebody, and since when.
pub fn of(conn: &mut Conn, user_id: i64) -> Result<Vec<(String, UnixTime)>> {
    let rows: Vec<(String, Option<i64>)> = each!(conn, |conn| identities::table
        .filter(identities::user_id.eq(user_id))
        .filter(identities::refused_at.is_not_null())
        .order(identities::provider)
        .limit(20)
        .select((identities::provider, identities::refused_at))
        .load(conn))?;
    let refusals = rows.into_iter();
    Ok(refusals
        .filter_map(|(provider, at)| Some((provider, UnixTime(at?))))
        .collect())
}

/// The accounts that `provider` refuses, in the order of their ids, after that of `after`; at most
/// `limit`.
pub fn by(conn: &mut Conn, provider: &str, after: Option<i64>, limit: i64) -> Result<Vec<i64>> {
    Ok(identities::table
        .filter(identities::provider.eq(provider))
        .filter(identities::refused_at.is_not_null())
        .filter(identities::user_id.gt(after.unwrap_or(i64::MIN)))
        .order(identities::user_id)
        .limit(limit)
        .select(identities::user_id)
        .load(conn)?)
}
