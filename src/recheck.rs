//! Leavers: each person who is signed in through a provider is asked about again, in the
//! background, so that who left there is out here.
//!
//! A refusal drops what it was asked with and tries the person's next session; when none is left
//! their sessions end. An outage ends nothing. Rows are taken for a while before the provider is
//! asked, so that of many instances one asks.

use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::audit::{self, Details, EventKind, NewEvent};
use crate::clock::UnixTime;
use crate::config::Recheck;
use crate::db::{Conn, lock_rechecks};
use crate::desk::Desk;
use crate::error::{Cause, Result};
use crate::oauth::{Again, Grant, Provider};
use crate::secret::random_bytes;
use crate::sessions::grant::{self, Row};
use crate::sessions::{self, Client};
use crate::users;

/// Calls to one provider at once, of one instance.
const MAX_CALLS: usize = 64;
const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// Whoever took a person and died leaves them to the others after so long, or after two periods.
const CLAIM: Duration = Duration::from_secs(60);
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
    let round = Duration::from_secs_f64(f64::from(people) / f64::from(recheck.rate));
    recheck.every.max(round)
}

/// Asks about the people of one provider, for as long as the server runs.
pub async fn run(desk: Arc<Desk>, provider: Arc<Provider>, recheck: Recheck) {
    let idle = (recheck.every / 40).clamp(Duration::from_millis(50), Duration::from_secs(2));
    // While people wait the next are taken as soon as the rate allows it.
    let busy = idle.min(Duration::from_millis(100));
    let mut pause = idle;
    let calls = Arc::new(Semaphore::new(MAX_CALLS));
    let mut budget = 0.0_f64;
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(pause).await;
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
        let people = match take(&desk, &provider, recheck, room).await {
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
            let (desk, provider) = (Arc::clone(&desk), Arc::clone(&provider));
            tokio::task::spawn_local(async move {
                check(&desk, &provider, recheck, user_id).await;
                drop(place);
            });
        }
    }
}

async fn take(
    desk: &Arc<Desk>,
    provider: &Arc<Provider>,
    recheck: Recheck,
    room: usize,
) -> Result<Vec<i64>> {
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
    let until = now.plus(CLAIM.max(recheck.every * 2));
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
    /// Sessions whose tokens were refused or cannot be read.
    refused: Vec<i64>,
    unreadable: Vec<i64>,
    /// The session that was confirmed, with a rotated token in place of an old one.
    confirmed: Option<(i64, Option<(String, String)>)>,
    /// Nothing can be said: the provider was not to be had.
    is_unknown: bool,
    /// Nothing is left to ask with that could be refused.
    is_silent: bool,
}

/// Asks about one person, and keeps what came of it.
async fn check(desk: &Arc<Desk>, provider: &Arc<Provider>, recheck: Recheck, user_id: i64) {
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
    let checked = ask(desk, provider, recheck, rows).await;
    if checked.confirmed.is_some()
        && let Some(last) = last
    {
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
            Err(error) if attempt == 1 => {
                warn!(event = "recheck", provider = provider.id(), outcome = "failed"; "{error}");
            }
            Err(_) => {}
        }
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
}

/// Asks with one session's tokens after the other, until one tells.
async fn ask(desk: &Desk, provider: &Provider, recheck: Recheck, rows: Vec<Row>) -> Checked {
    let deadline = Instant::now() + CALL_DEADLINE;
    let mut checked = Checked::default();
    for row in rows {
        let now = desk.clock.now();
        let opened = |sealed: &Option<String>| {
            sealed
                .as_ref()
                .map(|sealed| grant::open_token(&desk.keys, sealed))
        };
        let by_profile = recheck.asks_profile && row.access_token.is_some();
        let again = match (opened(&row.refresh_token), opened(&row.access_token)) {
            (Some(Some(token)), _) if !by_profile => {
                provider
                    .refresh(&token, row.sub.as_deref(), now, deadline)
                    .await
            }
            (_, Some(Some(token))) => {
                if row.access_expires_at.is_none_or(|at| at <= now.0) {
                    // What a token says that has run out says nothing of the person.
                    continue;
                }
                let again = provider.ask_profile(&token, deadline).await;
                let is_over = row
                    .access_expires_at
                    .is_none_or(|at| at <= desk.clock.now().0);
                if is_over && matches!(again, Again::Refused) {
                    continue;
                }
                again
            }
            _ => {
                checked.unreadable.push(row.session_id);
                continue;
            }
        };
        match again {
            Again::Here(tokens) => {
                let rotated = tokens
                    .and_then(|tokens| tokens.refresh_token)
                    .and_then(|token| grant::seal_token(&desk.keys, &token).ok())
                    .zip(row.refresh_token)
                    .map(|(new, old)| (old, new));
                checked.confirmed = Some((row.session_id, rotated));
                return checked;
            }
            Again::Refused => checked.refused.push(row.session_id),
            Again::Unknown(cause) => {
                note_unknown(provider, &cause);
                checked.is_unknown = true;
                return checked;
            }
        }
    }
    checked.is_silent = checked.refused.is_empty();
    checked
}

fn note_unknown(provider: &Provider, cause: &Cause) {
    warn!(
        event = "recheck",
        provider = provider.id(),
        outcome = cause.code();
        "{}", cause.detail()
    );
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
    for session_id in checked.refused.iter().chain(&checked.unreadable) {
        grant::drop_tokens(conn, *session_id)?;
    }
    if let Some((session_id, rotated)) = &checked.confirmed {
        let rotated = rotated
            .as_ref()
            .map(|(old, new)| (old.as_str(), new.as_str()));
        if !grant::confirm(conn, now, *session_id, rotated)? {
            warn!(event = "recheck", provider = provider, outcome = "reused"; "a refresh token changed while it was used");
        }
    }
    if checked.confirmed.is_some() || checked.is_unknown {
        grant::set_recheck(conn, provider, user_id, Some(next))?;
        return Ok(0);
    }
    if checked.is_silent {
        // Until the next sign-in there is nothing to ask with.
        grant::forget_stale(conn, now, desk.limits, provider, user_id)?;
        grant::set_recheck(conn, provider, user_id, None)?;
        return Ok(0);
    }
    // Somebody may have signed in while the provider was asked: that is newer.
    let Some(user) = users::lock(conn, user_id)? else {
        return Ok(0);
    };
    if !grant::of_person(conn, now, desk.limits, provider, user_id)?.is_empty() {
        grant::set_recheck(conn, provider, user_id, Some(next))?;
        return Ok(0);
    }
    let ended = if grant::has_elsewhere(conn, now, desk.limits, provider, user_id)? {
        sessions::end_all_of(conn, now, user_id, provider)?
    } else {
        sessions::end_all(conn, now, user_id)?
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
            actor: "",
            user: Some((user.id, &user.username)),
            provider,
            client: &Client::default(),
            reference: "",
            details: Details {
                count: Some(ended),
                ..Details::default()
            },
        },
    )?;
    Ok(ended)
}
