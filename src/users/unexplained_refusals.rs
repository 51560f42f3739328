//! Refusals without a reason: a bare 401 or 403 about a person. Firewalls and overloaded gateways
//! answer like this too, so one alone ends nothing.
//!
//! It counts the second time if the provider accepted someone else in between. With no one else to
//! ask, it counts the fifth time in a row. If more than a fifth of the people asked in one period
//! are refused this way, none of these refusals count for half an hour.

use std::time::Duration;

use diesel::prelude::*;

use super::Identity;
use crate::clock::UnixTime;
use crate::db::schema::{identities, providers};
use crate::db::{Conn, Sql, each};
use crate::error::Result;

/// How long refusals without a reason are ignored after there were too many.
pub const SUSPENSION: Duration = Duration::from_secs(30 * 60);

/// With no one else to ask, this many in a row count.
const ALONE: i64 = 5;
/// Up to this many refusals are never too many, however few people there are.
const FEW: i64 = 2;
/// More than one in this many of the people asked is too many.
const PART: i64 = 5;
/// Refusals are counted up to this number.
const CAP: i64 = 10_000;

/// The outcome of a refusal without a reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// It counts like an explicit refusal.
    pub counts: bool,
    /// So many people were refused in one period that no such refusal counts from now on. The value
    /// is their number.
    pub begins_suspension: Option<usize>,
}

/// A provider refused a person without a reason.
pub struct Refused<'a> {
    pub identity: &'a Identity,
    /// Their refresh token was accepted a moment earlier.
    pub was_refreshed: bool,
    /// How often people are asked about.
    pub period: Duration,
}

/// The person's refusals up to this one.
struct Run {
    first_at: Option<UnixTime>,
    /// The last one is from the same period.
    is_same_period: bool,
    in_a_row: i64,
}

impl Refused<'_> {
    /// Records the refusal, and returns whether it counts.
    pub fn note(&self, conn: &mut Conn, now: UnixTime) -> Result<Noted> {
        let (identity, provider) = (self.identity, &self.identity.provider);
        let (suspended, confirmed) = state(conn, provider)?;
        let run = self.run(now, suspended.max(confirmed));
        let first_at = run.first_at.unwrap_or(now);
        diesel::update(identities::table.find((provider, &identity.subject)))
            .set((
                identities::asked_at.eq(now.0),
                identities::unnamed_refusal_first_at.eq(first_at.0),
                identities::unnamed_refusal_last_at.eq(now.0),
                identities::unnamed_refusals.eq(run.in_a_row),
            ))
            .execute(conn)?;

        let refused = refused_since(conn, provider, now.minus(self.period))?;
        let are_many = refused > FEW && {
            let asked = asked_since(conn, provider, now.minus(self.period), refused * PART)?;
            refused * PART > asked
        };
        match suspended {
            None if are_many => {
                // Another person's refusal may have begun it at this very moment.
                let begins = suspend(conn, provider, now.plus(SUSPENSION))?;
                return Ok(Noted {
                    counts: false,
                    begins_suspension: usize::try_from(refused).ok().filter(|_| begins),
                });
            }
            Some(until) if until > now => return Ok(Noted::default()),
            // The suspension is over. The next excess begins another.
            Some(_) if !are_many => forget_suspension(conn, provider)?,
            _ => {}
        }
        let counts = if confirmed.is_some() || has_answered_others(conn, identity, first_at)? {
            run.first_at.is_some() && !run.is_same_period
        } else {
            let others = Others {
                since: now.minus(self.period * 2),
                // Among so few people, those who are refused themselves are no use for comparison.
                are_refused_too: refused > FEW,
            };
            run.in_a_row >= ALONE && self.was_refreshed && !has_others(conn, identity, &others)?
        };
        Ok(Noted {
            counts,
            begins_suspension: None,
        })
    }

    /// Refusals from a time in which none counted, before `since`, are ignored.
    fn run(&self, now: UnixTime, since: Option<UnixTime>) -> Run {
        let identity = self.identity;
        let first_at = identity.unnamed_refusal_first_at.map(UnixTime);
        let first_at = first_at.filter(|first| since.is_none_or(|since| *first >= since));
        let last_at = identity.unnamed_refusal_last_at.map(UnixTime);
        let is_same_period = last_at.is_some_and(|last| now.since(last) < self.period / 2);
        // An answer in between, even one that said nothing, breaks the row.
        let is_in_a_row =
            first_at.is_some() && identity.asked_at == identity.unnamed_refusal_last_at;
        let this = i64::from(self.was_refreshed);
        let in_a_row = match (is_in_a_row, is_same_period) {
            (true, true) => identity.unnamed_refusals,
            (true, false) => identity.unnamed_refusals + this,
            (false, _) => this,
        };
        Run {
            first_at,
            is_same_period,
            in_a_row,
        }
    }
}

/// Returns until when a provider's refusals without a reason do not count, and when an admin
/// confirmed them. A time in the past means that there were too many, and still are.
fn state(conn: &mut Conn, provider: &str) -> Result<(Option<UnixTime>, Option<UnixTime>)> {
    let found: Option<(Option<i64>, Option<i64>)> = providers::table
        .find(provider)
        .select((
            providers::unnamed_suspended_until,
            providers::unnamed_confirmed_at,
        ))
        .first(conn)
        .optional()?;
    let (suspended, confirmed) = found.unwrap_or_default();
    Ok((suspended.map(UnixTime), confirmed.map(UnixTime)))
}

/// Returns until when a provider's refusals without a reason do not count, if there was ever a
/// suspension.
pub fn suspended_until(conn: &mut Conn, provider: &str) -> Result<Option<UnixTime>> {
    Ok(state(conn, provider)?.0)
}

/// Ends a suspension early, and returns whether there was one.
pub fn end_suspension(conn: &mut Conn, now: UnixTime, provider: &str) -> Result<bool> {
    let ended = diesel::update(
        providers::table
            .find(provider)
            .filter(providers::unnamed_suspended_until.gt(now.0)),
    )
    .set((
        providers::unnamed_suspended_until.eq(now.0),
        providers::unnamed_confirmed_at.eq(now.0),
    ))
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
        .set((
            providers::unnamed_suspended_until.eq(None::<i64>),
            providers::unnamed_confirmed_at.eq(None::<i64>),
        ))
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

/// Returns whether the provider has answered well about someone else since then.
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

/// The people with whom one person can be compared.
struct Others {
    /// They were asked about since this time.
    since: UnixTime,
    /// People who are refused without a reason themselves count, too.
    are_refused_too: bool,
}

/// Returns whether there is anyone to compare a person with.
fn has_others(conn: &mut Conn, identity: &Identity, others: &Others) -> Result<bool> {
    let found = Sql::new(
        "SELECT i.user_id AS value FROM identities i WHERE i.provider = ? AND i.asked_at > ? AND i.user_id <> ? AND (i.unnamed_refusal_last_at IS NULL OR ?) LIMIT 1",
        [
            identity.provider.as_str().into(),
            others.since.0.into(),
            identity.user_id.into(),
            others.are_refused_too.into(),
        ],
    )
    .number(conn)?;
    Ok(found.is_some())
}

/// Records when a provider last refused a person, which shows that it can.
pub fn note_refusing(conn: &mut Conn, now: UnixTime, provider: &str) -> Result<()> {
    diesel::update(providers::table.find(provider))
        .set(providers::refused_at.eq(now.0))
        .execute(conn)?;
    Ok(())
}

/// Returns when a provider last refused a person, if it ever did.
pub fn last_refusal(conn: &mut Conn, provider: &str) -> Result<Option<UnixTime>> {
    let at: Option<Option<i64>> = providers::table
        .find(provider)
        .select(providers::refused_at)
        .first(conn)
        .optional()?;
    Ok(at.flatten().map(UnixTime))
}
