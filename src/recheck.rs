//! Re-checks. Each person who is signed in through a provider is asked about again in the
//! background, so that people who have left lose access here, and rights that were revoked there
//! are lost here too.
//!
//! An explicit refusal drops the tokens that were used to ask, and the person's next session is
//! tried; when none is left, their sessions end. A refusal without a reason counts only if
//! [`crate::users::unexplained_refusals`] says so. An outage ends nothing. Rows are claimed for a
//! while before the provider is asked, so that only one of many instances asks.

mod ask;
mod rate;
mod settle;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log::warn;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::clock::UnixTime;
use crate::config::Recheck;
use crate::db::lock_rechecks;
use crate::error::{Admission, Error, Result};
use crate::id::{SessionId, UserId};
use crate::oauth::{Grant, Provider, Reread};
use crate::portal::Portal;
use crate::secret::random_bytes;
use crate::sessions::recheck_due;
use crate::users::Identity;
use rate::Pace;

/// People that one instance asks one provider about at once.
const MAX_CALLS: usize = 64;
/// If an instance claims a person and dies, others may take over after this time.
const CLAIM: Duration = Duration::from_secs(60);
/// The time between two log lines about people who could not be checked.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// An instance never begins more calls per second than this, whatever the configured rate.
const MAX_RATE: u32 = 640;

/// The time of the first re-check for a person who signs in now; `None` if there are no tokens to
/// ask with.
pub fn first(provider: &Provider, grant: &Grant, now: UnixTime) -> Option<UnixTime> {
    let recheck = provider.settings().recheck?;
    let has_any =
        grant.refresh_token.is_some() || (grant.access_token.is_some() && provider.has_profile());
    has_any.then(|| now.plus(jittered(recheck.every, 0.5, 0.9)))
}

/// A random time between `from` and `to` of a period, so that people who arrived together spread
/// out.
fn jittered(period: Duration, from: f64, to: f64) -> Duration {
    let dice = random_bytes::<4>().map_or(0, u32::from_le_bytes);
    let part = f64::from(dice) / f64::from(u32::MAX);
    period.mul_f64(from + (to - from) * part)
}

/// The number of calls for a person who is still welcome.
pub fn calls_per_person(provider: &Provider) -> u32 {
    let recheck = provider.settings().recheck;
    let by_profile = recheck.is_some_and(|recheck| recheck.asks_profile) && provider.has_profile();
    provider.calls_to_read_again() + u32::from(!by_profile)
}

/// How long a person can stay after an explicit refusal: the period of the re-checks, or the time
/// that the calls about all people take.
pub fn longest_stay_after_refusal(
    recheck: Recheck,
    people: i64,
    calls_per_person: u32,
) -> Duration {
    let people = u32::try_from(people).unwrap_or(u32::MAX);
    let calls = f64::from(people) * f64::from(calls_per_person);
    let round = Duration::from_secs_f64(calls / f64::from(recheck.rate.min(MAX_RATE)));
    recheck.every.max(round)
}

/// The re-checks of one provider's people.
struct Round {
    portal: Arc<Portal>,
    provider: Arc<Provider>,
    recheck: Recheck,
    pace: Pace,
    lines: LogLimiter,
}

/// Limits the log lines about people who could not be checked. An outage would cause one per person
/// and period.
#[derive(Default)]
struct LogLimiter(Mutex<Option<(Instant, u32)>>);

impl LogLimiter {
    /// Returns whether a line may be written now, and if so how many were left out since the last
    /// one.
    fn may_log(&self) -> Option<u32> {
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

/// Starts the re-checks of each provider that has them.
pub fn start(portal: &Arc<Portal>) {
    for provider in portal.providers.all() {
        if let Some(recheck) = provider.settings().recheck {
            let round = Round {
                portal: Arc::clone(portal),
                provider: Arc::clone(provider),
                recheck,
                pace: Pace::new(recheck.rate.min(MAX_RATE)),
                lines: LogLimiter::default(),
            };
            portal.jobs.spawn(run(Arc::new(round)));
        }
    }
}

async fn run(round: Arc<Round>) {
    let idle = (round.recheck.every / 40).clamp(Duration::from_millis(50), Duration::from_secs(2));
    // While people are waiting, the next ones are taken as soon as the rate allows.
    let busy = idle.min(Duration::from_millis(100));
    let mut pause = idle;
    let calls = Arc::new(Semaphore::new(MAX_CALLS));
    loop {
        tokio::time::sleep(pause).await;
        if round.is_stopping() {
            return;
        }
        let room = round.pace.free().min(calls.available_permits());
        if room == 0 {
            pause = busy;
            continue;
        }
        let until = round.portal.clock.now().plus(CLAIM);
        let taken = round.take(until, room).await;
        let Ok(people) = taken.map_err(|error| round.warn(&error)) else {
            continue;
        };
        pause = if people.is_empty() { idle } else { busy };
        for user_id in people {
            let Ok(place) = Arc::clone(&calls).acquire_owned().await else {
                return;
            };
            let shared = Arc::clone(&round);
            // This must run to its end: a rotated token would be lost.
            round.portal.jobs.spawn_to_end(async move {
                shared.check(user_id, until).await;
                drop(place);
            });
        }
    }
}

impl Round {
    /// When this instance stops, others take over.
    fn is_stopping(&self) -> bool {
        !self.portal.is_ready.load(Ordering::Relaxed)
    }

    fn warn(&self, error: &Error) {
        warn!(event = "recheck", provider = self.provider.id(), outcome = "failed"; "{error}");
    }

    /// Claims up to `room` people who are due.
    async fn take(&self, until: UnixTime, room: usize) -> Result<Vec<UserId>> {
        let (db, now) = (&self.portal.db, self.portal.clock.now());
        let id = self.provider.id().to_owned();
        let is_any_due = db.read(move |conn| recheck_due::is_any_due(conn, &id, now));
        if !is_any_due.await? {
            return Ok(Vec::new());
        }
        let id = self.provider.id().to_owned();
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        db.write(move |conn| {
            lock_rechecks(conn)?;
            recheck_due::claim(conn, &id, now, until, limit)
        })
        .await
    }

    /// Asks about one person with one session after another, until an answer settles it, and stores
    /// the result.
    async fn check(self: &Arc<Self>, user_id: UserId, mut claimed_until: UnixTime) {
        while let Some(checked) = self.ask(user_id, claimed_until).await {
            claimed_until = checked.claimed_until;
            match self.settle(checked).await {
                Some(settled) if settled.has_more => {}
                _ => return,
            }
        }
    }
}

/// The result of asking about a person.
#[derive(Debug, Default)]
struct Checked {
    user_id: UserId,
    /// The time when the asking began.
    at: UnixTime,
    /// True if the provider's people are identified as the settings say.
    subjects_match_settings: bool,
    /// The person's identities at the provider, read before asking.
    identities: Vec<Identity>,
    /// The sessions whose turn it was.
    asked: Vec<SessionId>,
    /// The sessions whose tokens were explicitly refused, each with its refresh token, sealed.
    refused: Vec<(SessionId, Option<String>)>,
    /// The sessions whose tokens were refused without a reason.
    refused_unexplained: Vec<(SessionId, Option<String>)>,
    /// True if a refresh token was accepted just before a refusal without a reason.
    was_refreshed: bool,
    renewed: Vec<Renewed>,
    verdict: Verdict,
    /// Until then, no one else asks about the person.
    claimed_until: UnixTime,
}

/// New tokens of a session, sealed. Each replaces an old one.
#[derive(Clone, Debug)]
struct Renewed {
    session_id: SessionId,
    token_hash: String,
    /// The old refresh token and the new one.
    refresh: Option<(String, String)>,
    /// The token, and when it expires.
    access: Option<(String, i64)>,
}

#[derive(Debug, Default)]
enum Verdict {
    /// The provider knows the person by this session's tokens. The second part is its current
    /// answer about them, if it could be read.
    Confirmed(SessionId, Option<Box<Reread>>),
    /// Nothing is known: the provider was unreachable, or did not answer the question.
    Unknown,
    /// The claim was lost, or could not be extended.
    GivenUp,
    /// The provider knows the person, but would no longer let them in.
    NotAdmitted(Admission),
    /// There were no tokens to ask with, or they were refused.
    #[default]
    NothingLeft,
}
