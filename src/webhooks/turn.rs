//! One turn of an instance: it claims a hook for longer than a call takes, and what it writes after
//! the call counts only if nobody else has claimed the hook since.

use std::time::Duration;

use diesel::prelude::*;

use super::message::Told;
use super::queue::{delete, oldest};
use super::state::{HookState, ensure, find, latest_lease, latest_pause};
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
/// A message is marked with so many faults if it is sent once more, after the next one was taken. It
/// waits for a day at most, so that they are never counted.
const LAST_CHANCE: i64 = 1000;
/// The pause if somebody has to mend the hook.
const MEND_PAUSE: Duration = Duration::from_secs(600);
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1800);

/// Returns whether a call of this hook may be due: something waits, and nothing pauses it.
pub fn is_due(conn: &mut Conn, now: UnixTime, hook: &str) -> Result<bool> {
    let state = find(conn, hook)?;
    let is_claimed = state.lease_until > now.0 && state.lease_until <= latest_lease(now, LEASE);
    if is_claimed || state.paused_until(now).is_some() {
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
    /// If the receiver fails now, the message is at fault.
    is_last_chance: bool,
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
            .filter(
                (webhook_hooks::lease_until.le(now.0))
                    .or(webhook_hooks::lease_until.gt(latest_lease(now, LEASE))),
            )
            .filter(
                (webhook_hooks::paused_until.le(now.0))
                    .or(webhook_hooks::paused_until.gt(latest_pause(now))),
            ),
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
    // Until the address may be called again, nobody needs to ask for it.
    if let Some(next_at) = paced_until(conn, now, claimant)? {
        release(conn, hook, next_at)?;
        return Ok(None);
    }
    let state = find(conn, hook)?;
    let mut claim = Claim {
        number: state.lease_number,
        ids: Vec::new(),
        suspect: None,
        is_last_chance: false,
        failures: state.failures,
        told: Vec::new(),
    };
    choose(conn, &state, claimant, &mut claim)?;
    if claim.ids.is_empty() {
        release(conn, hook, 0)?;
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
    claim.is_last_chance = first.server_errors >= LAST_CHANCE;
    // By turns, since the next one may be at fault itself.
    let is_suspect =
        first.server_errors >= SUSPECT_AFTER && !claim.is_last_chance && state.failures % 2 == 0;
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

/// Takes the next place of an address that limits its rate, or returns when it is free. All hooks
/// with the same address share it, on all instances.
fn paced_until(conn: &mut Conn, now: UnixTime, claimant: Claimant<'_>) -> Result<Option<i64>> {
    let Some(mark) = claimant.mark else {
        return Ok(None);
    };
    each!(conn, |conn| diesel::insert_into(webhook_addresses::table)
        .values((
            webhook_addresses::mark.eq(mark),
            webhook_addresses::next_at.eq(0),
        ))
        .on_conflict_do_nothing()
        .execute(conn))?;
    let taken = diesel::update(webhook_addresses::table.find(mark).filter(
        (webhook_addresses::next_at.le(now.0)).or(webhook_addresses::next_at.gt(latest_pause(now))),
    ))
    .set(webhook_addresses::next_at.eq(now.plus(claimant.interval).0))
    .execute(conn)?;
    if taken == 1 {
        return Ok(None);
    }
    let next_at = each!(conn, |conn| webhook_addresses::table
        .find(mark)
        .select(webhook_addresses::next_at)
        .first(conn))?;
    Ok(Some(next_at))
}

/// Gives back a hook that was claimed in this transaction, and lets it pause until then.
fn release(conn: &mut Conn, hook: &str, paused_until: i64) -> Result<()> {
    diesel::update(webhook_hooks::table.find(hook))
        .set((
            webhook_hooks::lease_holder.eq(None::<String>),
            webhook_hooks::lease_until.eq(0),
            webhook_hooks::paused_until.eq(paused_until),
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
        Verdict::MessageRefused(trouble) => refused(conn, now, hook, &claim.ids, trouble),
        Verdict::HookAtFault(trouble) => {
            let pause = stretched(MEND_PAUSE, jitter);
            failed(conn, now, hook, trouble, now.plus(pause))
        }
        Verdict::NotNow(trouble, _)
            if claim.is_last_chance && trouble.kind == TroubleKind::ServerError =>
        {
            refused(conn, now, hook, &claim.ids, trouble)
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
        let next_at = now.plus(asked).0;
        // Another hook may have been told to wait for longer.
        diesel::update(
            webhook_addresses::table
                .find(mark)
                .filter(webhook_addresses::next_at.lt(next_at)),
        )
        .set(webhook_addresses::next_at.eq(next_at))
        .execute(conn)?;
    }
    let until = now.plus(asked.map_or(pause, |asked| asked.max(pause)));
    failed(conn, now, claimant.hook, trouble, until)
}

fn delivered(conn: &mut Conn, now: UnixTime, hook: &str, claim: &Claim) -> Result<Settled> {
    delete(conn, &claim.ids)?;
    if let Some(suspect) = claim.suspect {
        // Either it is at fault, or an outage is over.
        diesel::update(webhook_deliveries::table.find(suspect))
            .set(webhook_deliveries::server_errors.eq(LAST_CHANCE))
            .execute(conn)?;
    }
    diesel::update(webhook_hooks::table.find(hook))
        .set(webhook_hooks::last_success_at.eq(now.0))
        .execute(conn)?;
    is_well(conn, hook)
}

/// Notes that messages were refused for their own fault: the hook itself does well.
fn refused(
    conn: &mut Conn,
    now: UnixTime,
    hook: &str,
    ids: &[i64],
    trouble: Trouble,
) -> Result<Settled> {
    match ids {
        // One of them is at fault. Alone, each shows whether it is.
        [_, .., last] => {
            diesel::update(webhook_hooks::table.find(hook))
                .set(webhook_hooks::alone_until.eq(last))
                .execute(conn)?;
        }
        ids => drop_refused(conn, now, hook, ids, trouble)?,
    }
    is_well(conn, hook)
}

/// Forgets that a hook failed.
fn is_well(conn: &mut Conn, hook: &str) -> Result<Settled> {
    let was_told = find(conn, hook)?.failing_told_at.is_some();
    diesel::update(webhook_hooks::table.find(hook))
        .set((
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
    use super::super::state::note_failing;
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

    const START: UnixTime = UnixTime(1_700_000_000_000_000);
    const HOUR: Duration = Duration::from_secs(3600);
    const FAILS: Verdict = Verdict::NotNow(TroubleKind::ServerError.with(500), None);
    const BAD: Verdict = Verdict::MessageRefused(TroubleKind::BadMessage.with(400));

    /// Runs this in a new database.
    fn with_database(run: impl Fn(&mut Conn) -> Result<()>) {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open(&DatabaseUrl::Sqlite(folder.path().join("db"))).expect("a database");
        db.migrate().expect("tables");
        db.write_blocking(run).expect("no error");
    }

    /// Puts messages into the queue of a hook.
    fn put(conn: &mut Conn, hook: &str, number: usize) -> Result<()> {
        let by = By::CommandLine;
        let news = News::Test { by };
        (0..number).try_for_each(|_| add(conn, START, hook, START, &news))
    }

    /// Makes a call that ends like this.
    fn call(conn: &mut Conn, now: UnixTime, verdict: Verdict) -> Result<Settled> {
        let claim = claim(conn, now, by("one"))?.expect("a claim");
        settle(conn, now, by("one"), &claim, verdict, 0.5)
    }

    /// C11: an instance that was stopped in mid-call and wakes up writes nothing; the message has
    /// the same id at both.
    #[test]
    fn who_comes_back_after_its_claim_has_ended_writes_nothing() {
        with_database(|conn| {
            let later = START.plus(LEASE);
            put(conn, "ops", 2)?;
            let first = claim(conn, START, by("first"))?.expect("a claim");
            assert_eq!(claim(conn, START, by("second"))?, None, "it is taken");
            let second = claim(conn, later, by("second"))?.expect("a claim");
            assert_eq!(first.message_id(), second.message_id());
            let delivered = Verdict::Delivered;
            let late = settle(conn, later, by("first"), &first, delivered, 0.5)?;
            assert_eq!((late, count(conn, "ops")?), (Settled::TooLate, 2));
            let settled = settle(conn, later, by("second"), &second, delivered, 0.5)?;
            assert_eq!((settled, count(conn, "ops")?), (Settled::Done, 1));
            Ok(())
        });
    }

    /// Many faults of the receiver are an outage or the message's fault, and its last chance shows
    /// which.
    #[test]
    fn after_an_outage_everything_is_told_and_only_what_fails_again_is_dropped() {
        for (last, refused) in [(Verdict::Delivered, None), (FAILS, Some(1))] {
            with_database(|conn| {
                put(conn, "ops", 2)?;
                let mut now = START;
                for _ in 0..10 {
                    call(conn, now, FAILS)?;
                    now = now.plus(HOUR);
                }
                let first = oldest(conn, "ops", 1)?;
                call(conn, now, Verdict::Delivered)?;
                let left: Vec<i64> = oldest(conn, "ops", 2)?.iter().map(|row| row.id).collect();
                assert_eq!(left, [first[0].id], "the next one was told first");
                call(conn, now, last)?;
                assert_eq!(count(conn, "ops")?, 0);
                let state = find(conn, "ops")?;
                let counted = state.refused_recently(now).map(|(count, _, _)| count);
                assert_eq!((counted, state.trouble()), (refused, None));
                Ok(())
            });
        }
    }

    #[test]
    fn a_refused_message_shows_that_the_hook_is_well() {
        with_database(|conn| {
            put(conn, "ops", 1)?;
            let later = START.plus(HOUR);
            call(conn, START, FAILS)?;
            assert!(note_failing(conn, later, "ops", START)?);
            assert_eq!(call(conn, later, BAD)?, Settled::WellAgain);
            let state = find(conn, "ops")?;
            assert_eq!((state.failing_since(), state.last_success()), (None, None));
            Ok(())
        });
    }

    #[test]
    fn nobody_is_told_that_a_hook_fails_for_which_nothing_waits() {
        with_database(|conn| {
            put(conn, "ops", 1)?;
            call(conn, START, FAILS)?;
            let all = oldest(conn, "ops", 1)?;
            delete(conn, &[all[0].id])?;
            assert!(!note_failing(conn, START.plus(HOUR), "ops", START)?);
            Ok(())
        });
    }

    #[test]
    fn a_clock_that_is_set_back_silences_no_hook() {
        with_database(|conn| {
            put(conn, "ops", 1)?;
            let (ahead, mark) = (START.plus(HOUR * 2), Some("mark"));
            let robot = Claimant { mark, ..by("one") };
            let first = claim(conn, ahead, robot)?.expect("a claim");
            let other_clock = ahead.minus(Duration::from_secs(30));
            assert!(!is_due(conn, other_clock, "ops")?, "it is claimed");
            assert!(is_due(conn, START, "ops")?);
            let asked = Verdict::NotNow(TroubleKind::TooOften.alone(), Some(HOUR));
            settle(conn, ahead, robot, &first, asked, 0.5)?;
            assert!(!is_due(conn, ahead, "ops")?, "it pauses");
            assert!(is_due(conn, START, "ops")?);
            assert!(claim(conn, START, robot)?.is_some());
            Ok(())
        });
    }

    /// C4: hooks that share an address wait for its pace without asking for it.
    #[test]
    fn a_hook_pauses_while_its_address_does_and_the_longest_pause_counts() {
        with_database(|conn| {
            let robot = |hook| Claimant {
                hook,
                mark: Some("mark"),
                interval: Duration::from_secs(4),
                ..by("one")
            };
            let after = |seconds| START.plus(Duration::from_secs(seconds));
            for hook in ["ops", "two", "three"] {
                put(conn, hook, 1)?;
            }
            let ops = claim(conn, START, robot("ops"))?.expect("a claim");
            assert_eq!(claim(conn, START, robot("two"))?, None);
            assert!(!is_due(conn, after(3), "two")?);
            assert!(is_due(conn, after(4), "two")?);
            let two = claim(conn, after(4), robot("two"))?.expect("a claim");
            let asked = |pause| Verdict::NotNow(TroubleKind::TooOften.alone(), Some(pause));
            settle(conn, after(5), robot("ops"), &ops, asked(HOUR), 0.5)?;
            let short = asked(Duration::from_secs(60));
            settle(conn, after(6), robot("two"), &two, short, 0.5)?;
            assert_eq!(claim(conn, after(90), robot("three"))?, None);
            let paused_until = find(conn, "three")?.paused_until(after(90));
            assert_eq!(paused_until, Some(after(5).plus(HOUR)));
            Ok(())
        });
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
