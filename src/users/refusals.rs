//! Refusals: people whom a provider that vouches for leaving has refused. Each refusal is stored
//! with the identity until that provider or an admin readmits the person.

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::db::schema::identities;
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::UserId;

/// The consequence of a provider's refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The provider vouches for leaving: the person cannot sign in by any other means either.
    KeepsOut,
    /// Only the sessions of this provider end.
    EndsItsSessions,
}

/// Records that `provider` refuses a person. Returns whether this keeps them out and nothing did
/// before.
pub fn note(
    conn: &mut Conn,
    now: UnixTime,
    user_id: UserId,
    provider: &str,
    effect: Effect,
) -> Result<bool> {
    // Its earlier answers about them no longer count.
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

/// Records that `provider` no longer refuses a person, and returns whether it did.
pub fn let_in(conn: &mut Conn, user_id: UserId, provider: &str) -> Result<bool> {
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

/// Removes every provider's refusal of a person.
pub fn forget(conn: &mut Conn, user_id: UserId) -> Result<()> {
    diesel::update(
        identities::table
            .filter(identities::user_id.eq(user_id))
            .filter(identities::refused_at.is_not_null()),
    )
    .set(identities::refused_at.eq(None::<i64>))
    .execute(conn)?;
    Ok(())
}

/// Lists the providers that refuse a person, and since when.
pub fn of(conn: &mut Conn, user_id: UserId) -> Result<Vec<(String, UnixTime)>> {
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

/// Lists up to `limit` accounts that `provider` refuses, ordered by id, starting after `after`.
pub fn by(
    conn: &mut Conn,
    provider: &str,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<UserId>> {
    Ok(identities::table
        .filter(identities::provider.eq(provider))
        .filter(identities::refused_at.is_not_null())
        .filter(identities::user_id.gt(after.unwrap_or(UserId(i64::MIN))))
        .order(identities::user_id)
        .limit(limit)
        .select(identities::user_id)
        .load(conn)?)
}
