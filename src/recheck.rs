//! Leavers and lost rights: each person who is signed in through a provider is asked about again, in
//! the background, so that people who have left lose access here, and so do rights that were taken
//! there.
//!
//! A refusal by name drops what it was asked with and tries the person's next session; when none is
//! left their sessions end. A refusal without a name counts only where
//! [`crate::users::unnamed_refusals`] says so. An outage ends nothing. Rows are taken for a while
//! before the provider is asked, so that of many instances one asks.

mod ask;
mod pace;
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
use crate::desk::Desk;
use crate::error::{Admission, Error, Result};
use crate::oauth::{Grant, Provider, Reread};
use crate::secret::random_bytes;
use crate::sessions::due;
use crate::users::Identity;
use pace::Pace;

/// People who are asked about at once, of one provider and by one instance.
const MAX_CALLS: usize = 64;
/// Whoever took a person and died leaves them to the others after so long.
const CLAIM: Duration = Duration::from_secs(60);
/// Between two lines of the log about people who could not be asked about.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// An instance begins no more calls a second than this, whatever the rate.
const MAX_RATE: u32 = 640;

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

/// How many calls it takes to ask about somebody who is there.
#[must_use]
pub fn calls_a_person(provider: &Provider) -> u32 {
    let recheck = provider.settings().recheck;
    let by_profile = recheck.is_some_and(|recheck| recheck.asks_profile) && provider.has_profile();
    provider.calls_to_read_again() + u32::from(!by_profile)
}

/// How long somebody whom the provider refuses by name may stay: as often as people are asked
/// about, or as long as the calls about all of them take.
#[must_use]
pub fn bound(recheck: Recheck, people: i64, calls_a_person: u32) -> Duration {
    let people = u32::try_from(people).unwrap_or(u32::MAX);
    let calls = f64::from(people) * f64::from(calls_a_person);
    let round = Duration::from_secs_f64(calls / f64::from(recheck.rate.min(MAX_RATE)));
    recheck.every.max(round)
}

/// Asking about the people of one provider.
struct Round {
    desk: Arc<Desk>,
    provider: Arc<Provider>,
    recheck: Recheck,
    pace: Pace,
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

/// Begins to ask about the people of each provider that is asked again.
pub fn start(desk: &Arc<Desk>) {
    for provider in desk.providers.all() {
        if let Some(recheck) = provider.settings().recheck {
            let round = Round {
                desk: Arc::clone(desk),
                provider: Arc::clone(provider),
                recheck,
                pace: Pace::new(recheck.rate.min(MAX_RATE)),
                lines: Lines::default(),
            };
            desk.jobs.spawn(run(Arc::new(round)));
        }
    }
}

async fn run(round: Arc<Round>) {
    let idle = (round.recheck.every / 40).clamp(Duration::from_millis(50), Duration::from_secs(2));
    // While people wait the next are taken as soon as the rate allows it.
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
        let until = round.desk.clock.now().plus(CLAIM);
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
            // To its end, so that no rotated token is lost.
            round.desk.jobs.spawn_to_end(async move {
                shared.check(user_id, until).await;
                drop(place);
            });
        }
    }
}

impl Round {
    /// On the way out others take over.
    fn is_stopping(&self) -> bool {
        !self.desk.is_ready.load(Ordering::Relaxed)
    }

    fn warn(&self, error: &Error) {
        warn!(event = "recheck", provider = self.provider.id(), outcome = "failed"; "{error}");
    }

    /// Takes up to `room` people who are due.
    async fn take(&self, until: UnixTime, room: usize) -> Result<Vec<i64>> {
        let (db, now) = (&self.desk.db, self.desk.clock.now());
        let id = self.provider.id().to_owned();
        let is_any_due = db.read(move |conn| due::is_any_due(conn, &id, now));
        if !is_any_due.await? {
            return Ok(Vec::new());
        }
        let id = self.provider.id().to_owned();
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        db.write(move |conn| {
            lock_rechecks(conn)?;
            due::claim(conn, &id, now, until, limit)
        })
        .await
    }

    /// Asks about one person until all of their sessions were asked with, and keeps what came of it.
    async fn check(self: &Arc<Self>, user_id: i64, mut claim: UnixTime) {
        while let Some(checked) = self.ask(user_id, claim).await {
            claim = checked.claim;
            match self.settle(checked).await {
                Some(settled) if settled.has_more => {}
                _ => return,
            }
        }
    }
}

/// What came of asking about somebody.
#[derive(Debug, Default)]
struct Checked {
    user_id: i64,
    /// When it began.
    at: UnixTime,
    /// Whether the provider's people are known by what the settings say.
    are_subjects_known: bool,
    /// Who the person is at the provider, as it was read before asking.
    identities: Vec<Identity>,
    /// Sessions whose turn it was.
    asked: Vec<i64>,
    /// Those of them whose tokens were refused, each with the refresh token that it has, sealed.
    refused: Vec<(i64, Option<String>)>,
    /// The same without a name.
    refused_unnamed: Vec<(i64, Option<String>)>,
    /// Whether a refresh token was taken a moment before a refusal without a name.
    was_refreshed: bool,
    renewed: Vec<Renewed>,
    verdict: Verdict,
    /// Until when nobody else asks about the person.
    claim: UnixTime,
}

/// New tokens of a session, sealed; each in place of an old one.
#[derive(Clone, Debug)]
struct Renewed {
    session_id: i64,
    token_hash: String,
    refresh: Option<(String, String)>,
    /// With when it runs out.
    access: Option<(String, i64)>,
}

#[derive(Debug, Default)]
enum Verdict {
    /// The provider knows the person, by this session's tokens; what it says of them now, where
    /// that could be read.
    Here(i64, Option<Box<Reread>>),
    /// Nothing can be said: the provider was not to be had, or did not answer the question.
    Unknown,
    /// Somebody else asks about the person by now.
    GivenUp,
    /// The provider knows the person and would not let them in any more.
    NotAdmitted(Admission),
    /// There was nothing to ask with, or it was refused.
    #[default]
    NothingLeft,
}
