//! The queue of each hook, and the state of the hook. One instance at a time works it off: it claims
//! the hook for longer than a call takes, and what it writes after the call counts only if nobody
//! else has claimed the hook since.

use std::time::Duration;

use diesel::prelude::*;

use super::message::Told;
use super::news::News;
use super::outbox::KEPT;
use super::verdict::{Trouble, TroubleKind, Verdict};
use crate::clock::UnixTime;
use crate::db::schema::{webhook_addresses, webhook_deliveries, webhook_hooks};
use crate::db::{Conn, Sql, each};
use crate::error::Result;
use crate::id::{UserId, new_id};

/// How long a claim lasts. A call takes at most five seconds.
const LEASE: Duration = Duration::from_secs(20);
/// The most messages that wait for one hook.
const MAX_QUEUE: i64 = 10_000;
/// After this many faults of the receiver, a message is sent alone.
const ALONE_AFTER: i64 = 3;
/// After this many, the message is suspected to be at fault: the next one is tried.
const SUSPECT_AFTER: i64 = 10;
/// The pause if somebody has to mend the hook.
const MEND_PAUSE: Duration = Duration::from_secs(600);
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1800);
/// For how long messages that were given up or refused are worth reporting.
const REPORTED_FOR: Duration = Duration::from_secs(2 * 86_400);
/// The most messages that the status page counts.
const COUNT_CAP: i64 = MAX_QUEUE;

/// Puts something into the queue of a hook.
pub fn add(conn: &mut Conn, now: UnixTime, hook: &str, at: UnixTime, news: &News) -> Result<()> {
    let row = (
        webhook_deliveries::id.eq(new_id::<i64>(now)),
        webhook_deliveries::hook.eq(hook),
        webhook_deliveries::created_at.eq(at.0),
        webhook_deliveries::kind.eq(news.code()),
        webhook_deliveries::user_id.eq(news.who().map(|who| who.id)),
        webhook_deliveries::data.eq(news.to_json()?),
    );
    each!(conn, |conn| diesel::insert_into(webhook_deliveries::table)
        .values(row)
        .execute(conn))?;
    Ok(())
}

/// Makes a hook that waits for somebody to mend it try again now. A pause that its receiver asked
/// for stays.
pub fn try_now(conn: &mut Conn, hook: &str) -> Result<()> {
    let asked_for = [TroubleKind::TooOften.code(), TroubleKind::Busy.code()];
    diesel::update(
        webhook_hooks::table.find(hook).filter(
            webhook_hooks::trouble
                .is_null()
                .or(diesel::dsl::not(webhook_hooks::trouble.eq_any(asked_for))),
        ),
    )
    .set(webhook_hooks::paused_until.eq(0))
    .execute(conn)?;
    Ok(())
}

/// Gives up what is too old, and the oldest if there are too many. They are counted.
pub fn trim(conn: &mut Conn, now: UnixTime, hook: &str) -> Result<()> {
    let mut given_up = delete_before(conn, hook, now.minus(KEPT))?;
    let newest_to_go = Sql::new(
        "SELECT x.id AS value FROM webhook_deliveries x WHERE x.hook = ? ORDER BY x.id DESC LIMIT 1 OFFSET ?",
        [hook.into(), MAX_QUEUE.into()],
    );
    if let Some(id) = newest_to_go.number(conn)? {
        given_up += diesel::delete(
            webhook_deliveries::table
                .filter(webhook_deliveries::hook.eq(hook))
                .filter(webhook_deliveries::id.le(id)),
        )
        .execute(conn)?;
    }
    if given_up == 0 {
        return Ok(());
    }
    let count = i64::try_from(given_up).unwrap_or(i64::MAX);
    let known = find(conn, hook)?;
    let before = known.given_up_recently(now).map_or(0, |(count, _)| count);
    ensure(conn, hook)?;
    diesel::update(webhook_hooks::table.find(hook))
        .set((
            webhook_hooks::given_up.eq(before.saturating_add(count)),
            webhook_hooks::given_up_at.eq(now.0),
        ))
        .execute(conn)?;
    Ok(())
}

fn delete_before(conn: &mut Conn, hook: &str, before: UnixTime) -> Result<usize> {
    Ok(diesel::delete(
        webhook_deliveries::table
            .filter(webhook_deliveries::hook.eq(hook))
            .filter(webhook_deliveries::created_at.lt(before.0)),
    )
    .execute(conn)?)
}

/// Deletes what is about a person, and what has this text.
pub(super) fn forget(conn: &mut Conn, user_id: UserId, text: &str) -> Result<()> {
    diesel::delete(webhook_deliveries::table.filter(webhook_deliveries::user_id.eq(user_id.0)))
        .execute(conn)?;
    let theirs = Sql::new(
        "SELECT x.id AS value FROM webhook_deliveries x WHERE REPLACE(x.data, ?, '') <> x.data",
        [text.into()],
    );
    let ids = theirs.numbers(conn)?;
    delete(conn, &ids)
}

/// Deletes old messages of hooks that no settings have any more, and old marks of addresses.
pub(super) fn sweep(conn: &mut Conn, before: UnixTime, batch: i64) -> Result<usize> {
    // An hour later than a hook that is still there would have given them up.
    let before = before.minus(Duration::from_secs(3600));
    let old = Sql::new(
        "SELECT x.id AS value FROM webhook_deliveries x WHERE x.created_at < ? ORDER BY x.created_at LIMIT ?",
        [before.0.into(), batch.into()],
    );
    let ids = old.numbers(conn)?;
    let swept =
        diesel::delete(webhook_deliveries::table.filter(webhook_deliveries::id.eq_any(ids)))
            .execute(conn)?;
    let marks =
        diesel::delete(webhook_addresses::table.filter(webhook_addresses::next_at.lt(before.0)))
            .execute(conn)?;
    Ok(swept + marks)
}

/// The state of a hook, for those who look and for the next try.
#[derive(Clone, Debug, Default, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = webhook_hooks)]
pub struct HookState {
    lease_holder: Option<String>,
    lease_until: i64,
    lease_number: i64,
    paused_until: i64,
    failures: i64,
    failing_since: Option<i64>,
    failing_told_at: Option<i64>,
    last_success_at: Option<i64>,
    trouble: Option<String>,
    trouble_detail: Option<String>,
    alone_until: i64,
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
        (self.paused_until > now.0).then_some(UnixTime(self.paused_until))
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

/// Counts what waits for a hook.
pub fn count(conn: &mut Conn, hook: &str) -> Result<i64> {
    let rows = Sql::new(
        "SELECT x.id FROM webhook_deliveries x WHERE x.hook = ?",
        [hook.into()],
    );
    rows.count_up_to(conn, COUNT_CAP)
}

fn ensure(conn: &mut Conn, hook: &str) -> Result<()> {
    each!(conn, |conn| diesel::insert_into(webhook_hooks::table)
        .values(webhook_hooks::hook.eq(hook))
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(())
}

/// One message in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
struct Row {
    id: i64,
    created_at: i64,
    data: String,
    server_errors: i64,
}

fn oldest(conn: &mut Conn, hook: &str, count: i64) -> Result<Vec<Row>> {
    Ok(each!(conn, |conn| webhook_deliveries::table
        .filter(webhook_deliveries::hook.eq(hook))
        .order(webhook_deliveries::id)
        .limit(count)
        .select((
            webhook_deliveries::id,
            webhook_deliveries::created_at,
            webhook_deliveries::data,
            webhook_deliveries::server_errors,
        ))
        .load(conn))?)
}

/// Returns whether a call of this hook may be due: something waits, and nothing pauses it.
pub fn is_due(conn: &mut Conn, now: UnixTime, hook: &str) -> Result<bool> {
    let state = find(conn, hook)?;
    if state.paused_until > now.0 || state.lease_until > now.0 {
        return Ok(false);
    }
    Ok(!oldest(conn, hook, 1)?.is_empty())
}

/// The instance that claims a hook, and how its receiver wants to be called.
#[derive(Clone, Copy, Debug)]
pub struct Claimant<'a> {
    pub instance: &'a str,
    pub hook: &'a str,
    /// The mark of the address, if that limits its rate.
    pub mark: Option<&'a str>,
    pub interval: Duration,
    /// The most messages in one call.
    pub batch: i64,
}

/// A claimed hook, and what to send now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    number: i64,
    ids: Vec<i64>,
    /// The first message, if the second one is tried to find out whose fault it is.
    suspect: Option<i64>,
    failures: i64,
    pub told: Vec<Told>,
}

impl Claim {
    /// The id of the message, the same at each attempt.
    pub fn message_id(&self) -> String {
        format!("msg_{}", self.ids.first().copied().unwrap_or_default())
    }
}

/// Claims a hook for one call. Returns `None` if another instance has it, or if nothing is due.
pub fn claim(conn: &mut Conn, now: UnixTime, claimant: Claimant<'_>) -> Result<Option<Claim>> {
    let hook = claimant.hook;
    ensure(conn, hook)?;
    // The row stays locked until the end of the transaction.
    let claimed = diesel::update(
        webhook_hooks::table
            .find(hook)
            .filter(webhook_hooks::lease_until.le(now.0))
            .filter(webhook_hooks::paused_until.le(now.0)),
    )
    .set((
        webhook_hooks::lease_holder.eq(claimant.instance),
        webhook_hooks::lease_until.eq(now.plus(LEASE).0),
        webhook_hooks::lease_number.eq(webhook_hooks::lease_number + 1),
    ))
    .execute(conn)?;
    if claimed == 0 {
        return Ok(None);
    }
    let state = find(conn, hook)?;
    let mut claim = Claim {
        number: state.lease_number,
        ids: Vec::new(),
        suspect: None,
        failures: state.failures,
        told: Vec::new(),
    };
    choose(conn, &state, claimant, &mut claim)?;
    if claim.ids.is_empty() || !may_call(conn, now, claimant)? {
        release(conn, hook, claim.number)?;
        return Ok(None);
    }
    Ok(Some(claim))
}

/// Chooses what to send: what waits, up to the batch; one message alone if one of them is at fault.
fn choose(
    conn: &mut Conn,
    state: &HookState,
    claimant: Claimant<'_>,
    claim: &mut Claim,
) -> Result<()> {
    let mut rows = oldest(conn, claimant.hook, claimant.batch.max(2))?;
    let Some(first) = rows.first() else {
        return Ok(());
    };
    let is_alone = first.id <= state.alone_until || first.server_errors >= ALONE_AFTER;
    let is_suspect = first.server_errors >= SUSPECT_AFTER && state.lease_number % 2 == 0;
    if is_suspect && rows.len() > 1 {
        claim.suspect = Some(first.id);
        rows.remove(0);
        rows.truncate(1);
    } else if is_alone {
        rows.truncate(1);
    } else {
        rows.truncate(usize::try_from(claimant.batch).unwrap_or(1));
    }
    for row in rows {
        claim.ids.push(row.id);
        // What a newer version wrote cannot be told, and goes with the rest.
        if let Ok(news) = serde_json::from_str(&row.data) {
            let at = UnixTime(row.created_at);
            claim.told.push(Told { at, news });
        }
    }
    Ok(())
}

/// Takes the next place of an address that limits its rate. All hooks with the same address share
/// it, on all instances.
fn may_call(conn: &mut Conn, now: UnixTime, claimant: Claimant<'_>) -> Result<bool> {
    let Some(mark) = claimant.mark else {
        return Ok(true);
    };
    each!(conn, |conn| diesel::insert_into(webhook_addresses::table)
        .values((
            webhook_addresses::mark.eq(mark),
            webhook_addresses::next_at.eq(0),
        ))
        .on_conflict_do_nothing()
        .execute(conn))?;
    let taken = diesel::update(
        webhook_addresses::table
            .find(mark)
            .filter(webhook_addresses::next_at.le(now.0)),
    )
    .set(webhook_addresses::next_at.eq(now.plus(claimant.interval).0))
    .execute(conn)?;
    Ok(taken == 1)
}

fn release(conn: &mut Conn, hook: &str, number: i64) -> Result<()> {
    diesel::update(
        webhook_hooks::table
            .find(hook)
            .filter(webhook_hooks::lease_number.eq(number)),
    )
    .set((
        webhook_hooks::lease_holder.eq(None::<String>),
        webhook_hooks::lease_until.eq(0),
    ))
    .execute(conn)?;
    Ok(())
}

/// What a call changed about its hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Another instance has claimed the hook in the meantime: nothing was written.
    TooLate,
    Done,
    /// It works again, after others were told that it did not.
    WellAgain,
}

/// Writes down what came of a call, and gives the hook back. `jitter` is between 0 and 1.
pub fn settle(
    conn: &mut Conn,
    now: UnixTime,
    claimant: Claimant<'_>,
    claim: &Claim,
    verdict: Verdict,
    jitter: f64,
) -> Result<Settled> {
    let hook = claimant.hook;
    let ours = diesel::update(
        webhook_hooks::table
            .find(hook)
            .filter(webhook_hooks::lease_number.eq(claim.number))
            .filter(webhook_hooks::lease_holder.eq(claimant.instance)),
    )
    .set((
        webhook_hooks::lease_holder.eq(None::<String>),
        webhook_hooks::lease_until.eq(0),
    ))
    .execute(conn)?;
    if ours == 0 {
        return Ok(Settled::TooLate);
    }
    match verdict {
        Verdict::Delivered => delivered(conn, now, hook, claim),
        Verdict::MessageRefused(trouble) => {
            match claim.ids.as_slice() {
                // One of them is at fault. Alone, each shows whether it is.
                [_, .., last] => {
                    diesel::update(webhook_hooks::table.find(hook))
                        .set(webhook_hooks::alone_until.eq(last))
                        .execute(conn)?;
                }
                ids => drop_refused(conn, now, hook, ids, trouble)?,
            }
            Ok(Settled::Done)
        }
        Verdict::HookAtFault(trouble) => {
            let pause = stretched(MEND_PAUSE, jitter);
            failed(conn, now, hook, trouble, now.plus(pause))
        }
        Verdict::NotNow(trouble, asked) => {
            if trouble.kind == TroubleKind::ServerError {
                let first = claim.suspect.or(claim.ids.first().copied());
                diesel::update(
                    webhook_deliveries::table.filter(webhook_deliveries::id.nullable().eq(first)),
                )
                .set(webhook_deliveries::server_errors.eq(webhook_deliveries::server_errors + 1))
                .execute(conn)?;
            }
            let pause = stretched(back_off(claim.failures), jitter);
            let until = now.plus(asked.map_or(pause, |asked| asked.max(pause)));
            if let (Some(mark), Some(asked)) = (claimant.mark, asked) {
                // It is the address that pauses, whichever hook has it.
                diesel::update(webhook_addresses::table.find(mark))
                    .set(webhook_addresses::next_at.eq(now.plus(asked).0))
                    .execute(conn)?;
            }
            failed(conn, now, hook, trouble, until)
        }
    }
}

fn delivered(conn: &mut Conn, now: UnixTime, hook: &str, claim: &Claim) -> Result<Settled> {
    delete(conn, &claim.ids)?;
    if let Some(suspect) = claim.suspect {
        let trouble = TroubleKind::ServerError.alone();
        drop_refused(conn, now, hook, &[suspect], trouble)?;
    }
    let was_told = find(conn, hook)?.failing_told_at.is_some();
    diesel::update(webhook_hooks::table.find(hook))
        .set((
            webhook_hooks::last_success_at.eq(now.0),
            webhook_hooks::failures.eq(0),
            webhook_hooks::failing_since.eq(None::<i64>),
            webhook_hooks::failing_told_at.eq(None::<i64>),
            webhook_hooks::paused_until.eq(0),
            webhook_hooks::trouble.eq(None::<String>),
            webhook_hooks::trouble_detail.eq(None::<String>),
            webhook_hooks::trouble_at.eq(None::<i64>),
        ))
        .execute(conn)?;
    Ok(if was_told {
        Settled::WellAgain
    } else {
        Settled::Done
    })
}

fn delete(conn: &mut Conn, ids: &[i64]) -> Result<()> {
    diesel::delete(webhook_deliveries::table.filter(webhook_deliveries::id.eq_any(ids)))
        .execute(conn)?;
    Ok(())
}

fn drop_refused(
    conn: &mut Conn,
    now: UnixTime,
    hook: &str,
    ids: &[i64],
    trouble: Trouble,
) -> Result<()> {
    delete(conn, ids)?;
    let before = find(conn, hook)?.refused_recently(now);
    let count = before.map_or(0, |(count, _, _)| count).saturating_add(1);
    diesel::update(webhook_hooks::table.find(hook))
        .set((
            webhook_hooks::refused.eq(count),
            webhook_hooks::refused_at.eq(now.0),
            webhook_hooks::refused_trouble.eq(trouble.kind.code()),
            webhook_hooks::refused_detail.eq(trouble.detail.map(|detail| detail.to_string())),
        ))
        .execute(conn)?;
    Ok(())
}

fn failed(
    conn: &mut Conn,
    now: UnixTime,
    hook: &str,
    trouble: Trouble,
    until: UnixTime,
) -> Result<Settled> {
    diesel::update(
        webhook_hooks::table
            .find(hook)
            .filter(webhook_hooks::failing_since.is_null()),
    )
    .set(webhook_hooks::failing_since.eq(now.0))
    .execute(conn)?;
    diesel::update(webhook_hooks::table.find(hook))
        .set((
            webhook_hooks::failures.eq(webhook_hooks::failures + 1),
            webhook_hooks::paused_until.eq(until.0),
            webhook_hooks::trouble.eq(trouble.kind.code()),
            webhook_hooks::trouble_detail.eq(trouble.detail.map(|detail| detail.to_string())),
            webhook_hooks::trouble_at.eq(now.0),
        ))
        .execute(conn)?;
    Ok(Settled::Done)
}

/// Notes that others are told of a hook that has been failing since before `since`. Returns whether
/// they were not told yet.
pub fn note_failing(conn: &mut Conn, now: UnixTime, hook: &str, since: UnixTime) -> Result<bool> {
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

/// The pause after this many failures in a row.
fn back_off(failures: i64) -> Duration {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(16);
    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(doublings));
    pause.min(LONGEST_PAUSE)
}

/// Spreads pauses, so that not everything is tried at the same moment again.
fn stretched(pause: Duration, jitter: f64) -> Duration {
    pause.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_an_hour() {
        let pauses: Vec<u64> = (0..12)
            .map(|failures| back_off(failures).as_secs())
            .collect();
        assert_eq!(
            pauses,
            [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800]
        );
        assert_eq!(back_off(i64::MAX), LONGEST_PAUSE);
        assert_eq!(stretched(MEND_PAUSE, 0.0), Duration::from_secs(480));
        assert_eq!(stretched(MEND_PAUSE, 1.0), Duration::from_secs(720));
    }
}
