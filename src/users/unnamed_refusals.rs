//! Refusals that name no reason: a bare 401 or 403 about somebody. A firewall and an overloaded
//! gateway answer so too, so that one alone ends nothing.
//!
//! It counts at the second time, when the same address answered well about somebody else in
//! between; with nobody else to ask, at the fifth time in a row. When more than a fifth of the
//! people asked in one period are refused so, none of it counts for half an hour.

use std::time::Duration;

use diesel::prelude::*;

use super::Identity;
use crate::clock::UnixTime;
use crate::db::schema::{identities, providers};
use crate::db::{Conn, Sql, each};
use crate::error::Result;

/// How long refusals without a name end nothing, once there were too many.
pub const SUSPENSION: Duration = Duration::from_secs(30 * 60);

/// With nobody else to ask, so many in a row count.
const ALONE: i64 = 5;
/// No more than these are too many, of however few people.
const FEW: i64 = 2;
/// Of the people asked: more than one in so many is too many.
const PART: i64 = 5;
/// Refusals are counted no further.
const CAP: i64 = 10_000;

/// What a refusal without a name comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// Whether it counts as a refusal by name does.
    pub counts: bool,
    /// So many people were refused in one period that none of it counts from now on.
    pub begins_suspension: Option<usize>,
}

/// Notes that the provider refused somebody without a name, as often as `period`. `refreshed`:
/// their refresh token was taken a moment before.
///
/// # Errors
/// [`crate::error::DatabaseError`], here and below.
pub fn note(
    conn: &mut Conn,
    now: UnixTime,
    identity: &Identity,
    refreshed: bool,
    period: Duration,
) -> Result<Noted> {
    let provider = &identity.provider;
    let suspended = suspended_until(conn, provider)?;
    // Those of a time in which none counted are forgotten.
    let first_at = identity
        .unnamed_refusal_first_at
        .map(UnixTime)
        .filter(|first| suspended.is_none_or(|until| *first >= until));
    let last_at = identity.unnamed_refusal_last_at.map(UnixTime);
    let is_same_period = last_at.is_some_and(|last| now.since(last) < period / 2);
    let count = match first_at {
        None => 1,
        Some(_) if is_same_period => identity.unnamed_refusals,
        Some(_) => identity.unnamed_refusals + 1,
    };
    let first_at = first_at.unwrap_or(now);
    diesel::update(identities::table.find((provider, &identity.subject)))
        .set((
            identities::asked_at.eq(now.0),
            identities::unnamed_refusal_first_at.eq(first_at.0),
            identities::unnamed_refusal_last_at.eq(now.0),
            identities::unnamed_refusals.eq(count),
        ))
        .execute(conn)?;

    let refused = refused_since(conn, provider, now.minus(period))?;
    let are_many = refused > FEW && {
        let asked = asked_since(conn, provider, now.minus(period), refused * PART)?;
        refused * PART > asked
    };
    match suspended {
        None if are_many => {
            // Somebody else's refusal may have begun it at this very moment.
            let begins = suspend(conn, provider, now.plus(SUSPENSION))?;
            return Ok(Noted {
                counts: false,
                begins_suspension: usize::try_from(refused).ok().filter(|_| begins),
            });
        }
        Some(until) if until > now => return Ok(Noted::default()),
        // It is over: the next time that there are too many begins another.
        Some(_) if !are_many => forget_suspension(conn, provider)?,
        _ => {}
    }
    let counts = if has_answered_others(conn, identity, first_at)? {
        count >= 2
    } else {
        count >= ALONE && refreshed && !has_others(conn, identity, now.minus(period * 2))?
    };
    Ok(Noted {
        counts,
        begins_suspension: None,
    })
}

/// Until when a provider's refusals without a name count for nothing. One that is past says that
/// there were too many, and still are.
pub fn suspended_until(conn: &mut Conn, provider: &str) -> Result<Option<UnixTime>> {
    let until: Option<Option<i64>> = providers::table
        .find(provider)
        .select(providers::unnamed_suspended_until)
        .first(conn)
        .optional()?;
    Ok(until.flatten().map(UnixTime))
}

/// Ends a suspension before its time; whether there was one.
pub fn end_suspension(conn: &mut Conn, now: UnixTime, provider: &str) -> Result<bool> {
    let ended = diesel::update(
        providers::table
            .find(provider)
            .filter(providers::unnamed_suspended_until.gt(now.0)),
    )
    .set(providers::unnamed_suspended_until.eq(now.0))
    .execute(conn)?;
    Ok(ended == 1)
}

fn suspend(conn: &mut Conn, provider: &str, until: UnixTime) -> Result<bool> {
    let begun = diesel::update(
        providers::table
            .find(provider)
            .filter(providers::unnamed_suspended_until.is_null()),
    )
    .set(providers::unnamed_suspended_until.eq(until.0))
    .execute(conn)?;
    Ok(begun == 1)
}

fn forget_suspension(conn: &mut Conn, provider: &str) -> Result<()> {
    diesel::update(providers::table.find(provider))
        .set(providers::unnamed_suspended_until.eq(None::<i64>))
        .execute(conn)?;
    Ok(())
}

fn refused_since(conn: &mut Conn, provider: &str, since: UnixTime) -> Result<i64> {
    Sql::new(
        "SELECT i.user_id FROM identities i WHERE i.provider = ? AND i.unnamed_refusal_last_at > ?",
        [provider.into(), since.0.into()],
    )
    .count_up_to(conn, CAP)
}

fn asked_since(conn: &mut Conn, provider: &str, since: UnixTime, cap: i64) -> Result<i64> {
    Sql::new(
        "SELECT i.user_id FROM identities i WHERE i.provider = ? AND i.asked_at > ?",
        [provider.into(), since.0.into()],
    )
    .count_up_to(conn, cap)
}

/// Whether the provider answered well about somebody else since.
fn has_answered_others(conn: &mut Conn, identity: &Identity, since: UnixTime) -> Result<bool> {
    let found: Option<i64> = each!(conn, |conn| identities::table
        .filter(identities::provider.eq(&identity.provider))
        .filter(identities::answered_at.gt(since.0))
        .filter(identities::user_id.ne(identity.user_id))
        .select(identities::user_id)
        .first(conn)
        .optional())?;
    Ok(found.is_some())
}

/// Whether the provider was asked about anybody else since.
fn has_others(conn: &mut Conn, identity: &Identity, since: UnixTime) -> Result<bool> {
    let found: Option<i64> = each!(conn, |conn| identities::table
        .filter(identities::provider.eq(&identity.provider))
        .filter(identities::asked_at.gt(since.0))
        .filter(identities::user_id.ne(identity.user_id))
        .select(identities::user_id)
        .first(conn)
        .optional())?;
    Ok(found.is_some())
}

/// Notes that a provider refused somebody, which shows that it can; when it last did.
pub fn note_refusing(conn: &mut Conn, now: UnixTime, provider: &str) -> Result<()> {
    diesel::update(providers::table.find(provider))
        .set(providers::refused_at.eq(now.0))
        .execute(conn)?;
    Ok(())
}

/// When a provider last refused somebody, if it was ever seen to.
pub fn last_refusal(conn: &mut Conn, provider: &str) -> Result<Option<UnixTime>> {
    let at: Option<Option<i64>> = providers::table
        .find(provider)
        .select(providers::refused_at)
        .first(conn)
        .optional()?;
    Ok(at.flatten().map(UnixTime))
}
