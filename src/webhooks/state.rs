//! How a hook does: when it last delivered something, what is wrong, and what was lost.

use std::time::Duration;

use diesel::prelude::*;

use super::verdict::{Trouble, TroubleKind};
use crate::clock::UnixTime;
use crate::db::schema::{webhook_deliveries, webhook_hooks};
use crate::db::{Conn, each};
use crate::error::Result;

/// For how long messages that were given up or refused are worth reporting.
const REPORTED_FOR: Duration = Duration::from_secs(2 * 86_400);

/// How far the clocks of two instances may be apart.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);
/// The longest pause: what a receiver asks for is an hour at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(75 * 60);

/// Returns the latest moment at which a claim that lasts this long can end. A later one was written
/// before the clock was set back, and counts as past, or the hook would be silent until then.
pub(super) fn latest_lease(now: UnixTime, lease: Duration) -> i64 {
    now.plus(lease + CLOCKS_DIFFER).0
}

/// Returns the latest moment at which a pause can end. A later one counts as past, too.
pub(super) fn latest_pause(now: UnixTime) -> i64 {
    now.plus(LONGEST_PAUSE).0
}

/// The state of a hook, for those who look and for the next try.
#[derive(Clone, Debug, Default, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = webhook_hooks)]
pub struct HookState {
    pub(super) lease_until: i64,
    pub(super) lease_number: i64,
    paused_until: i64,
    pub(super) failures: i64,
    failing_since: Option<i64>,
    pub(super) failing_told_at: Option<i64>,
    last_success_at: Option<i64>,
    trouble: Option<String>,
    trouble_detail: Option<String>,
    pub(super) alone_until: i64,
    refused: i64,
    refused_at: Option<i64>,
    refused_trouble: Option<String>,
    refused_detail: Option<String>,
    given_up: i64,
    given_up_at: Option<i64>,
}

impl HookState {
    pub fn last_success(&self) -> Option<UnixTime> {
        self.last_success_at.map(UnixTime)
    }

    /// The last failure, unless there was a success since.
    pub fn trouble(&self) -> Option<Trouble> {
        stored(self.trouble.as_deref(), self.trouble_detail.as_deref())
    }

    pub fn failing_since(&self) -> Option<UnixTime> {
        self.failing_since.map(UnixTime)
    }

    /// Returns until when nothing is sent, if that is later than now.
    pub fn paused_until(&self, now: UnixTime) -> Option<UnixTime> {
        let is_paused = self.paused_until > now.0 && self.paused_until <= latest_pause(now);
        is_paused.then_some(UnixTime(self.paused_until))
    }

    /// How many messages the receiver refused for good, when the last one was, and why.
    pub fn refused_recently(&self, now: UnixTime) -> Option<(i64, UnixTime, Trouble)> {
        let at = recent(self.refused_at, now)?;
        let trouble = stored(
            self.refused_trouble.as_deref(),
            self.refused_detail.as_deref(),
        );
        Some((self.refused, at, trouble?))
    }

    /// How many messages were given up, and when the last one was.
    pub fn given_up_recently(&self, now: UnixTime) -> Option<(i64, UnixTime)> {
        Some((self.given_up, recent(self.given_up_at, now)?))
    }
}

fn recent(at: Option<i64>, now: UnixTime) -> Option<UnixTime> {
    let at = UnixTime(at?);
    (now.since(at) < REPORTED_FOR).then_some(at)
}

fn stored(code: Option<&str>, detail: Option<&str>) -> Option<Trouble> {
    Some(Trouble {
        kind: TroubleKind::from_code(code?)?,
        detail: detail.and_then(|detail| detail.parse().ok()),
    })
}

/// Returns the state of a hook; that of a new one if nothing is known.
pub fn find(conn: &mut Conn, hook: &str) -> Result<HookState> {
    let found = each!(conn, |conn| webhook_hooks::table
        .find(hook)
        .select(HookState::as_select())
        .first(conn)
        .optional())?;
    Ok(found.unwrap_or_default())
}

/// Makes the row of a hook, if there is none.
pub(super) fn ensure(conn: &mut Conn, hook: &str) -> Result<()> {
    each!(conn, |conn| diesel::insert_into(webhook_hooks::table)
        .values(webhook_hooks::hook.eq(hook))
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(())
}

/// Notes that others are told of a hook that has been failing since before `since`. Returns whether
/// they were not told yet. A hook for which nothing waits has nothing to fail with.
pub fn note_failing(conn: &mut Conn, now: UnixTime, hook: &str, since: UnixTime) -> Result<bool> {
    let waiting: Option<i64> = each!(conn, |conn| webhook_deliveries::table
        .filter(webhook_deliveries::hook.eq(hook))
        .select(webhook_deliveries::id)
        .first(conn)
        .optional())?;
    if waiting.is_none() {
        return Ok(false);
    }
    let noted = diesel::update(
        webhook_hooks::table
            .find(hook)
            .filter(webhook_hooks::failing_since.le(since.0))
            .filter(webhook_hooks::failing_told_at.is_null()),
    )
    .set(webhook_hooks::failing_told_at.eq(now.0))
    .execute(conn)?;
    Ok(noted == 1)
}
