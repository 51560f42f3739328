//! Leavers: each person who is signed in through a provider is asked about again, in the
//! background, so that who left there is out here.
//!
//! A refusal drops what it was asked with and tries the person's next session; when none is left
//! their sessions end. An outage ends nothing. Rows are taken for a while before the provider is
//! asked, so that of many instances one asks.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log::{info, warn};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::audit::{self, Actor, Details, EventKind, NewEvent};
use crate::clock::UnixTime;
use crate::config::Recheck;
use crate::db::{Conn, lock_rechecks};
use crate::desk::Desk;
use crate::error::Result;
use crate::oauth::{Again, Grant, Provider};
use crate::secret::random_bytes;
use crate::sessions::grant::{self, Row};
use crate::sessions::{self, Client};
use crate::users;
use crate::{permissions, roles};

/// Calls to one provider at once, of one instance.
const MAX_CALLS: usize = 64;
const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// For all calls about one person: less than [`CLAIM`], so that nobody else asks with the same
/// tokens meanwhile.
const ASK_DEADLINE: Duration = Duration::from_secs(30);
/// Whoever took a person and died leaves them to the others after so long.
const CLAIM: Duration = Duration::from_secs(60);
/// Refusals for one person in one go; the rest has its turn right after.
const MAX_REFUSED: usize = 10;
/// Where there is nothing to ask with, it is looked again after so long.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);
/// A sign-in takes so long at most from its beginning to its commit.
const SIGN_IN: Duration = Duration::from_secs(15);
/// Between two lines of the log about people who could not be asked about.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// More a second than this are not begun, whatever the rate.
const MAX_RATE: u32 = 640;
/// A settled check that the database does not take is offered again so often: a rotated token that
/// is lost would sign its person out.
const SETTLE_TRIES: usize = 600;
const SETTLE_PAUSE: Duration = Duration::from_secs(1);

/// When somebody who signs in now is asked about for the first time; `None`: there is nothing to
/// ask with.
#[must_use]
pub fn first(provider: &Provider, grant: &Grant, now: UnixTime) -> Option<UnixTime> {
    let recheck = provider.settings().recheck?;
    let has_any =
        grant.refresh_token.is_some() || (grant.access_token.is_some() && provider.has_profile());
    has_any.then(|| now.plus(jittered(recheck.every, 0.5, 0.9)))
}

/// Between `from` and `to` of a period, so that people who came together do not stay together.
fn jittered(period: Duration, from: f64, to: f64) -> Duration {
    let dice = random_bytes::<4>().map_or(0, u32::from_le_bytes);
    let part = f64::from(dice) / f64::from(u32::MAX);
    period.mul_f64(from + (to - from) * part)
}

/// How long somebody who left may stay: as often as people are asked about, or as long as it takes
/// to ask about them all.
#[must_use]
pub fn bound(recheck: Recheck, people: i64) -> Duration {
    let people = u32::try_from(people).unwrap_or(u32::MAX);
    let round = Duration::from_secs_f64(f64::from(people) / f64::from(recheck.rate.min(MAX_RATE)));
    recheck.every.max(round)
}

/// Asking about the people of one provider.
struct Round {
    desk: Arc<Desk>,
    provider: Arc<Provider>,
    recheck: Recheck,
    lines: Lines,
}

/// Lines of the log about people who could not be asked about. An outage would have one for
/// everybody in every period.
#[derive(Default)]
struct Lines(Mutex<Option<(Instant, u32)>>);

impl Lines {
    /// Whether there may be one now; then how many there were none for since the last.
    fn admit(&self) -> Option<u32> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            Some((at, left_out)) if at.elapsed() < LINE_EVERY => {
                *left_out += 1;
                None
            }
            last => Some(
                last.replace((Instant::now(), 0))
                    .map_or(0, |(_, left_out)| left_out),
            ),
        }
    }
}

/// Asks about the people of one provider, for as long as the server runs.
pub async fn run(desk: Arc<Desk>, provider: Arc<Provider>, recheck: Recheck) {
    let round = Arc::new(Round {
        desk: Arc::clone(&desk),
        provider: Arc::clone(&provider),
        recheck,
        lines: Lines::default(),
    });
    let idle = (recheck.every / 40).clamp(Duration::from_millis(50), Duration::from_secs(2));
    // While people wait the next are taken as soon as the rate allows it.
    let busy = idle.min(Duration::from_millis(100));
    let mut pause = idle;
    let calls = Arc::new(Semaphore::new(MAX_CALLS));
    let mut budget = 0.0_f64;
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(pause).await;
        if !desk.is_ready.load(Ordering::Relaxed) {
            // On the way out; others take over.
            return;
        }
        let rate = f64::from(recheck.rate);
        let elapsed = last.elapsed().as_secs_f64();
        last = Instant::now();
        budget = (budget + elapsed * rate).min(rate.max(1.0));
        let free = calls.available_permits();
        let room = (1..=free)
            .take_while(|n| f64::from(u32::try_from(*n).unwrap_or(u32::MAX)) <= budget)
            .count();
        if room == 0 {
            pause = busy;
            continue;
        }
        let people = match take(&desk, &provider, room).await {
            Ok(people) => people,
            Err(error) => {
                warn!(event = "recheck", provider = provider.id(), outcome = "failed"; "{error}");
                continue;
            }
        };
        pause = if people.is_empty() { idle } else { busy };
        for user_id in people {
            budget -= 1.0;
            let Ok(place) = Arc::clone(&calls).acquire_owned().await else {
                return;
            };
            let round = Arc::clone(&round);
            desk.rechecks.fetch_add(1, Ordering::Relaxed);
            tokio::task::spawn_local(async move {
                check(&round, user_id).await;
                round.desk.rechecks.fetch_sub(1, Ordering::Relaxed);
                drop(place);
            });
        }
    }
}

/// Waits until no check is under way, so that no rotated token is lost; not for ever.
pub async fn finish(desk: &Desk) {
    let deadline = deadline();
    while desk.rechecks.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn take(desk: &Arc<Desk>, provider: &Arc<Provider>, room: usize) -> Result<Vec<i64>> {
    let now = desk.clock.now();
    let id = provider.id().to_owned();
    if !desk
        .db
        .read(move |conn| grant::is_any_due(conn, &id, now))
        .await?
    {
        return Ok(Vec::new());
    }
    let id = provider.id().to_owned();
    let until = now.plus(CLAIM);
    let limit = i64::try_from(room).unwrap_or(i64::MAX);
    desk.db
        .write(move |conn| {
            lock_rechecks(conn)?;
            grant::claim(conn, &id, now, until, limit)
        })
        .await
}

/// What came of asking about somebody.
#[derive(Clone, Debug, Default)]
struct Checked {
    /// When it began.
    at: i64,
    /// Sessions whose turn it was.
    asked: Vec<i64>,
    /// Those of them whose tokens were refused, each with the refresh token that it has, sealed.
    refused: Vec<(i64, Option<String>)>,
    renewed: Vec<Renewed>,
    verdict: Verdict,
}

/// New tokens of a session, sealed; each in place of an old one.
#[derive(Clone, Debug)]
struct Renewed {
    session_id: i64,
    refresh: Option<(String, String)>,
    /// With when it runs out.
    access: Option<(String, i64)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    /// The provider knows the person, by this session's tokens.
    Here(i64),
    /// Nothing can be said: the provider was not to be had, or did not answer the question.
    Unknown,
    /// There was nothing to ask with, or it was refused.
    #[default]
    NothingLeft,
}

/// Asks about one person, and keeps what came of it.
async fn check(round: &Round, user_id: i64) {
    let Round {
        desk,
        provider,
        recheck,
        ..
    } = round;
    let now = desk.clock.now();
    let limits = desk.limits;
    let id = provider.id().to_owned();
    let rows = desk
        .db
        .read(move |conn| grant::of_person(conn, now, limits, &id, user_id))
        .await;
    let rows = match rows {
        Ok(rows) => rows,
        // The claim runs out by itself.
        Err(error) => {
            warn!(event = "recheck", provider = provider.id(), outcome = "failed"; "{error}");
            return;
        }
    };
    let last = rows.iter().filter_map(|row| row.confirmed_at).max();
    let checked = ask(round, user_id, rows).await;
    if let Some(last) = last {
        let lag = desk.clock.now().since(UnixTime(last));
        desk.lags.note(provider.id(), desk.clock.now(), lag);
    }
    for attempt in 1..=SETTLE_TRIES {
        let (shared, id, settled) = (Arc::clone(desk), provider.id().to_owned(), checked.clone());
        let now = desk.clock.now();
        let next = now.plus(jittered(recheck.every, 0.8, 0.9));
        let result = desk
            .db
            .write(move |conn| settle(conn, &shared, &id, user_id, &settled, (now, next)))
            .await;
        match result {
            Ok(ended) => {
                if ended > 0 {
                    info!(event = "access_withdrawn", provider = provider.id(), user = user_id, count = ended; "");
                }
                return;
            }
            Err(error) if attempt == 1 || attempt == SETTLE_TRIES => {
                warn!(event = "recheck", provider = provider.id(), outcome = "failed"; "{error}");
            }
            Err(_) => {}
        }
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
}

/// Asks with one session's tokens after the other, until one tells that the person is there or
/// that the provider is not.
async fn ask(round: &Round, user_id: i64, rows: Vec<Row>) -> Checked {
    let provider = &round.provider;
    let mut checked = Checked {
        at: round.desk.clock.now().0,
        ..Checked::default()
    };
    let mut is_any_sealed = false;
    let until = Instant::now() + ASK_DEADLINE;
    for row in rows {
        if checked.refused.len() == MAX_REFUSED || Instant::now() > until {
            break;
        }
        let session_id = row.session_id;
        let refresh_token = row.refresh_token.clone();
        checked.asked.push(session_id);
        let again = ask_with(round, row, &mut checked).await;
        match again {
            Again::Here(_) => {
                checked.verdict = Verdict::Here(session_id);
                return checked;
            }
            Again::Refused => {
                let renewed = checked
                    .renewed
                    .iter()
                    .find(|one| one.session_id == session_id);
                let renewed = renewed.and_then(|one| Some(one.refresh.as_ref()?.1.clone()));
                checked
                    .refused
                    .push((session_id, renewed.or(refresh_token)));
            }
            Again::Unknown(cause) => {
                checked.verdict = Verdict::Unknown;
                if let Some(left_out) = round.lines.admit() {
                    warn!(
                        event = "recheck",
                        provider = provider.id(),
                        user = user_id,
                        outcome = cause.code(),
                        left_out = left_out;
                        "{}", cause.detail()
                    );
                }
                if cause.is_outage() {
                    return checked;
                }
            }
            Again::Silent => {}
            Again::Sealed => is_any_sealed = true,
        }
    }
    // Another instance, with the key that sealed them, may be able to ask with the others.
    if is_any_sealed && checked.refused.is_empty() && checked.verdict == Verdict::NothingLeft {
        warn!(
            event = "recheck",
            provider = provider.id(),
            outcome = "sealed";
            "tokens are sealed under a key that this instance does not have"
        );
        checked.verdict = Verdict::Unknown;
    }
    checked
}

/// Asks with the tokens of one session.
async fn ask_with(round: &Round, row: Row, checked: &mut Checked) -> Again {
    let Round {
        desk,
        provider,
        recheck,
        ..
    } = round;
    let opened = |sealed: &Option<String>| {
        sealed
            .as_ref()
            .map(|sealed| grant::open_token(&desk.keys, sealed))
    };
    let (refresh_token, access_token) = (opened(&row.refresh_token), opened(&row.access_token));
    if matches!(refresh_token, Some(None)) || matches!(access_token, Some(None)) {
        return Again::Sealed;
    }
    let now = desk.clock.now();
    let is_over = |now: UnixTime| row.access_expires_at.is_none_or(|at| at <= now.0);
    let usable = access_token.flatten().filter(|_| !is_over(now));
    let by_profile = recheck.asks_profile || refresh_token.is_none();
    let by_profile = by_profile && provider.has_profile();
    if let Some(token) = usable.filter(|_| by_profile) {
        let again = provider.ask_profile(&token, deadline()).await;
        // What a token says that has run out says nothing of the person.
        return match again {
            Again::Refused if is_over(desk.clock.now()) => Again::Silent,
            again => again,
        };
    }
    let Some(token) = refresh_token.flatten() else {
        return Again::Silent;
    };
    let again = provider
        .refresh(&token, row.sub.as_deref(), now, deadline())
        .await;
    let Again::Here(Some(tokens)) = again else {
        return again;
    };
    let sealed = |token| grant::seal_token(&desk.keys, token).ok();
    let access = tokens
        .expires_at
        .filter(|_| recheck.asks_profile)
        .and_then(|at| Some((sealed(&tokens.access_token)?, at.0)));
    checked.renewed.push(Renewed {
        session_id: row.session_id,
        refresh: tokens
            .refresh_token
            .as_ref()
            .and_then(sealed)
            .and_then(|new| Some((row.refresh_token.clone()?, new))),
        access,
    });
    if recheck.asks_profile && provider.has_profile() {
        return provider.ask_profile(&tokens.access_token, deadline()).await;
    }
    Again::Here(None)
}

fn deadline() -> Instant {
    Instant::now() + CALL_DEADLINE
}

/// Keeps what came of it, in one transaction; how many sessions ended.
fn settle(
    conn: &mut Conn,
    desk: &Desk,
    provider: &str,
    user_id: i64,
    checked: &Checked,
    (now, next): (UnixTime, UnixTime),
) -> Result<usize> {
    // The account's row first, as at the door: whoever signs in meanwhile waits or is seen.
    let may_end = checked.verdict == Verdict::NothingLeft;
    let user = if may_end {
        users::lock(conn, user_id)?
    } else {
        None
    };
    for renewed in &checked.renewed {
        let refresh = renewed.refresh.as_ref();
        let refresh = refresh.map(|(old, new)| (old.as_str(), new.as_str()));
        let access = renewed.access.as_ref();
        let access = access.map(|(token, at)| (token.as_str(), *at));
        if !grant::renew(conn, renewed.session_id, refresh, access)? {
            warn!(event = "recheck", provider = provider, outcome = "reused"; "a refresh token changed while it was used");
        }
    }
    for (session_id, refresh_token) in &checked.refused {
        grant::refuse(conn, now, *session_id, refresh_token.as_deref())?;
    }
    match checked.verdict {
        Verdict::Here(session_id) => {
            grant::confirm(conn, now, session_id)?;
            grant::set_recheck(conn, provider, user_id, next)?;
            return Ok(0);
        }
        Verdict::Unknown => {
            grant::set_recheck(conn, provider, user_id, next)?;
            return Ok(0);
        }
        Verdict::NothingLeft => {}
    }
    let Some(user) = user else { return Ok(0) };
    let left = grant::of_person(conn, now, desk.limits, provider, user_id)?;
    if left
        .iter()
        .any(|row| !checked.asked.contains(&row.session_id))
    {
        // More than one go takes, or signed in meanwhile: asked with that, now.
        grant::set_recheck(conn, provider, user_id, now)?;
        return Ok(0);
    }
    if !grant::is_refused(conn, now, desk.limits, provider, user_id)? {
        // Looked at again later, since a clock that jumped may come back.
        grant::forget_stale(conn, now, desk.limits, provider, user_id)?;
        let later = if left.is_empty() {
            now.plus(LOOK_AGAIN).max(next)
        } else {
            next
        };
        grant::set_recheck(conn, provider, user_id, later)?;
        return Ok(0);
    }
    let mut details = Details::default();
    let since = UnixTime(checked.at).minus(SIGN_IN);
    let others = desk.providers.rechecked();
    let ended = if grant::is_newer(conn, since, provider, user_id)? {
        // The provider has just let them in, by a session that cannot be asked with.
        sessions::end_refused(conn, now, user_id, provider)?
    } else {
        if has_other_way(conn, provider, user_id)? {
            // What this provider gave counts no longer when they come in by the other one.
            let taken = permissions::replace(conn, now, user_id, provider, &[])?;
            details.permissions_removed = taken.removed;
            let known = (user_id, user.roles());
            roles::sync_and_note(conn, now, &desk.roles, known, Actor::Provider, &mut details)?;
        }
        if grant::has_elsewhere(conn, now, desk.limits, (provider, &others), user_id)? {
            sessions::end_all_of(conn, now, user_id, provider)?
        } else {
            sessions::end_all(conn, now, user_id)?
        }
    };
    if ended == 0 {
        return Ok(0);
    }
    audit::record(
        conn,
        now,
        NewEvent {
            kind: EventKind::AccessWithdrawn,
            reason: "",
            actor: Actor::Provider,
            user: Some((user.id, &user.username)),
            provider,
            client: &Client::default(),
            reference: "",
            details: Details {
                count: Some(ended),
                ..details
            },
        },
    )?;
    Ok(ended)
}

/// Whether somebody can come in otherwise than by this provider.
fn has_other_way(conn: &mut Conn, provider: &str, user_id: i64) -> Result<bool> {
    let identities = users::identities_of(conn, user_id)?;
    Ok(
        identities.iter().any(|(other, _)| other != provider)
            || users::has_password(conn, user_id)?,
    )
}
