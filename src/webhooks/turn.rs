//! One turn of an instance: it claims a hook for longer than a call takes, and what it writes after
//! the call counts only if nobody else has claimed the hook since.

use std::time::Duration;

use diesel::prelude::*;

use super::message::Told;
use super::queue::{delete, oldest};
use super::state::{HookState, ensure, find};
use super::verdict::{Trouble, TroubleKind, Verdict};
use crate::clock::UnixTime;
use crate::db::schema::{webhook_addresses, webhook_deliveries, webhook_hooks};
use crate::db::{Conn, each};
use crate::error::Result;

/// How long a claim lasts. A call takes at most five seconds, and so does writing down what came of
/// it.
const LEASE: Duration = Duration::from_secs(12);
/// After this many faults of the receiver, a message is sent alone.
const ALONE_AFTER: i64 = 3;
/// After this many, the message is suspected to be at fault: the next one is tried.
const SUSPECT_AFTER: i64 = 10;
/// The pause if somebody has to mend the hook.
const MEND_PAUSE: Duration = Duration::from_secs(600);
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1800);

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
            let pause = stretched(back_off(claim.failures), jitter);
            not_now(conn, now, claimant, claim, trouble, (pause, asked))
        }
    }
}

/// Notes that the moment is at fault. It pauses as long as the receiver asks for, if that is longer.
fn not_now(
    conn: &mut Conn,
    now: UnixTime,
    claimant: Claimant<'_>,
    claim: &Claim,
    trouble: Trouble,
    (pause, asked): (Duration, Option<Duration>),
) -> Result<Settled> {
    if trouble.kind == TroubleKind::ServerError {
        let first = claim.suspect.or(claim.ids.first().copied());
        let first = webhook_deliveries::id.nullable().eq(first);
        diesel::update(webhook_deliveries::table.filter(first))
            .set(webhook_deliveries::server_errors.eq(webhook_deliveries::server_errors + 1))
            .execute(conn)?;
    }
    if let (Some(mark), Some(asked)) = (claimant.mark, asked) {
        // It is the address that pauses, whichever hook has it.
        diesel::update(webhook_addresses::table.find(mark))
            .set(webhook_addresses::next_at.eq(now.plus(asked).0))
            .execute(conn)?;
    }
    let until = now.plus(asked.map_or(pause, |asked| asked.max(pause)));
    failed(conn, now, claimant.hook, trouble, until)
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
    use super::super::queue::{add, count};
    use super::*;
    use crate::config::DatabaseUrl;
    use crate::db::Db;
    use crate::webhooks::{By, News};

    fn by(instance: &str) -> Claimant<'_> {
        Claimant {
            instance,
            hook: "ops",
            mark: None,
            interval: Duration::ZERO,
            batch: 1,
        }
    }

    /// C11: an instance that was stopped in mid-call and wakes up writes nothing; the message has
    /// the same id at both.
    #[test]
    fn who_comes_back_after_its_claim_has_ended_writes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open(&DatabaseUrl::Sqlite(folder.path().join("db"))).expect("a database");
        db.migrate().expect("tables");
        let start = UnixTime(1_700_000_000_000_000);
        let later = start.plus(LEASE);
        let settled = db.write_blocking(|conn| {
            for _ in 0..2 {
                let news = News::Test {
                    by: By::CommandLine,
                };
                add(conn, start, "ops", start, &news)?;
            }
            let first = claim(conn, start, by("first"))?.expect("a claim");
            assert_eq!(claim(conn, start, by("second"))?, None, "it is taken");
            let second = claim(conn, later, by("second"))?.expect("a claim");
            assert_eq!(first.message_id(), second.message_id());
            let delivered = Verdict::Delivered;
            let late = settle(conn, later, by("first"), &first, delivered, 0.5)?;
            assert_eq!((late, count(conn, "ops")?), (Settled::TooLate, 2));
            settle(conn, later, by("second"), &second, delivered, 0.5)
        });
        assert_eq!(settled.expect("no error"), Settled::Done);
        let left = db.read_blocking(|conn| count(conn, "ops"));
        assert_eq!(left.expect("a count"), 1);
    }

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
