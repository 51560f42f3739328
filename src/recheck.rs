//! Leavers and lost rights: each person who is signed in through a provider is asked about again, in
//! the background, so that people who have left lose access here, and so do rights that were taken
//! there.
//!
//! A refusal by name drops what it was asked with and tries the person's next session; when none is
//! left their sessions end. A refusal without a name counts only where
//! [`crate::users::unnamed_refusals`] says so. An outage ends nothing. Rows are taken for a while
//! before the provider is asked, so that of many instances one asks.

mod pace;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log::{info, warn};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::audit::{About, Actor, Deed, Event};
use crate::clock::UnixTime;
use crate::config::Recheck;
use crate::db::{Conn, lock_rechecks};
use crate::desk::Desk;
use crate::error::{Admission, Result};
use crate::identity_sync::{self, Sync};
use crate::leaving;
use crate::oauth::{
    Grant, KnownPerson, Moment, Permissions, Presence, Provider, Refreshed, Refusal, Reread,
};
use crate::secret::{Secret, random_bytes};
use crate::sessions::grant::{self, Row};
use crate::signout;
use crate::users::unnamed_refusals;
use crate::users::{self, Identity, Occasion, Profile, User};
use pace::Pace;

/// People who are asked about at once, of one provider and by one instance.
const MAX_CALLS: usize = 64;
const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// Whoever took a person and died leaves them to the others after so long.
const CLAIM: Duration = Duration::from_secs(60);
/// A claim that runs out sooner than this is renewed before the next session is asked with.
const RENEW_CLAIM: Duration = Duration::from_secs(30);
/// Where there is nothing to ask with, this is the time until the next look.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);
/// A sign-in takes so long at most from its beginning to its commit.
const SIGN_IN: Duration = Duration::from_secs(15);
/// Between two lines of the log about people who could not be asked about.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// An instance begins no more calls a second than this, whatever the rate.
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

/// How many calls it takes to ask about somebody who is there.
#[must_use]
pub fn calls_a_person(provider: &Provider) -> u32 {
    let asks_profile = provider
        .settings()
        .recheck
        .is_some_and(|recheck| recheck.asks_profile);
    let reads = provider.calls_to_read_again();
    if asks_profile && provider.has_profile() {
        reads
    } else {
        1 + reads
    }
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

/// Asks about the people of one provider, for as long as the server runs.
pub async fn run(desk: Arc<Desk>, provider: Arc<Provider>, recheck: Recheck) {
    let round = Arc::new(Round {
        desk: Arc::clone(&desk),
        provider: Arc::clone(&provider),
        recheck,
        pace: Pace::new(recheck.rate.min(MAX_RATE)),
        lines: Lines::default(),
    });
    let idle = (recheck.every / 40).clamp(Duration::from_millis(50), Duration::from_secs(2));
    // While people wait the next are taken as soon as the rate allows it.
    let busy = idle.min(Duration::from_millis(100));
    let mut pause = idle;
    let calls = Arc::new(Semaphore::new(MAX_CALLS));
    loop {
        tokio::time::sleep(pause).await;
        if !desk.is_ready.load(Ordering::Relaxed) {
            // On the way out; others take over.
            return;
        }
        let room = round.pace.free().min(calls.available_permits());
        if room == 0 {
            pause = busy;
            continue;
        }
        let until = desk.clock.now().plus(CLAIM);
        let people = match take(&desk, &provider, until, room).await {
            Ok(people) => people,
            Err(error) => {
                warn!(event = "recheck", provider = provider.id(), outcome = "failed"; "{error}");
                continue;
            }
        };
        pause = if people.is_empty() { idle } else { busy };
        for user_id in people {
            let Ok(place) = Arc::clone(&calls).acquire_owned().await else {
                return;
            };
            let round = Arc::clone(&round);
            desk.rechecks.fetch_add(1, Ordering::Relaxed);
            tokio::task::spawn_local(async move {
                check(&round, user_id, until).await;
                round.desk.rechecks.fetch_sub(1, Ordering::Relaxed);
                drop(place);
            });
        }
    }
}

/// Waits until no check is under way, so that no rotated token is lost; not for ever.
pub async fn finish(desk: &Desk) {
    let deadline = Instant::now() + CALL_DEADLINE;
    while desk.rechecks.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn take(
    desk: &Arc<Desk>,
    provider: &Arc<Provider>,
    until: UnixTime,
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
    let limit = i64::try_from(room).unwrap_or(i64::MAX);
    desk.db
        .write(move |conn| {
            lock_rechecks(conn)?;
            grant::claim(conn, &id, now, until, limit)
        })
        .await
}

/// What came of asking about somebody.
#[derive(Debug)]
struct Checked {
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

#[derive(Debug)]
enum Verdict {
    /// The provider knows the person, by this session's tokens; what it says of them now, where
    /// that could be read.
    Confirmed(i64, Option<Box<Reread>>),
    /// Nothing can be said: the provider was not to be had, or did not answer the question.
    Unknown,
    /// Somebody else asks about the person by now.
    GivenUp,
    /// The provider knows the person and would not let them in any more.
    NotAdmitted(Admission),
    /// There was nothing to ask with, or it was refused.
    NothingLeft,
}

/// What is left to do once a check is settled.
#[derive(Debug, Default)]
struct Settled {
    ended: usize,
    /// Sessions came to light that were not asked with.
    has_more: bool,
    /// Tokens that nobody keeps: their sessions ended while they were renewed. Each with the hash
    /// of its session's token.
    left_over: Vec<(String, String)>,
}

/// Asks about one person until all of their sessions were asked with, and keeps what came of it.
async fn check(round: &Round, user_id: i64, mut claim: UnixTime) {
    loop {
        let Some(checked) = ask(round, user_id, claim).await else {
            return;
        };
        claim = checked.claim;
        match settle_for_good(round, user_id, Arc::new(checked)).await {
            Some(settled) if settled.has_more => {}
            _ => return,
        }
    }
}

/// Offers a check to the database until it is taken.
async fn settle_for_good(round: &Round, user_id: i64, checked: Arc<Checked>) -> Option<Settled> {
    let Round {
        desk,
        provider,
        recheck,
        ..
    } = round;
    for attempt in 1..=SETTLE_TRIES {
        let (shared, checked) = (Arc::clone(&round.desk), Arc::clone(&checked));
        let provider_now = Arc::clone(provider);
        let now = desk.clock.now();
        let settling = Settling {
            now,
            next: now.plus(jittered(recheck.every, 0.8, 0.9)),
            period: recheck.every,
            user_id,
        };
        desk.failpoint.reach("before_settling").await;
        let result = desk
            .db
            .write(move |conn| settling.settle(conn, &shared, &provider_now, &checked))
            .await;
        match result {
            Ok(settled) => {
                if settled.ended > 0 {
                    info!(event = "access_withdrawn", provider = provider.id(), user = user_id, count = settled.ended; "");
                }
                let takes_back = provider.settings().revokes_tokens
                    && provider
                        .known()
                        .is_some_and(|known| known.revocation.is_some());
                for (sealed, token_hash) in settled.left_over.iter().filter(|_| takes_back) {
                    if let Some(token) = grant::open_token(&desk.keys, sealed, token_hash) {
                        signout::take_back_renewed(desk, provider, token);
                    }
                }
                return Some(settled);
            }
            Err(error) if attempt == 1 || attempt == SETTLE_TRIES => {
                warn!(event = "recheck", provider = provider.id(), outcome = "failed"; "{error}");
            }
            Err(_) => {}
        }
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
    None
}

/// Asks with one session's tokens after the other, until one tells that the person is there or
/// that the provider is not. `None` when the database does not say with what.
async fn ask(round: &Round, user_id: i64, claim: UnixTime) -> Option<Checked> {
    let Round { desk, provider, .. } = round;
    let (now, limits, id) = (desk.clock.now(), desk.limits, provider.id().to_owned());
    let known = desk
        .db
        .read(move |conn| {
            let rows = grant::of_person(conn, now, limits, &id, user_id)?;
            let identities = users::identity_of(conn, &id, user_id)?;
            Ok((rows, identities, users::keys::subject_pointer(conn, &id)?))
        })
        .await;
    let (rows, identities, pointer) = match known {
        Ok(known) => known,
        // The claim runs out by itself.
        Err(error) => {
            warn!(event = "recheck", provider = provider.id(), outcome = "failed"; "{error}");
            return None;
        }
    };
    let last = rows.iter().filter_map(|row| row.confirmed_at).max();
    let mut checked = Checked {
        at: now,
        // Until `rekey` has moved them, people are known by another member than the one that is read.
        are_subjects_known: pointer
            .is_none_or(|known| known == provider.settings().mapping.subject.text()),
        identities,
        asked: Vec::new(),
        refused: Vec::new(),
        refused_unnamed: Vec::new(),
        was_refreshed: false,
        renewed: Vec::new(),
        verdict: Verdict::NothingLeft,
        claim,
    };
    ask_with_each(round, user_id, rows, &mut checked).await;
    if let Some(last) = last {
        let lag = desk.clock.now().since(UnixTime(last));
        desk.lags.note(provider.id(), desk.clock.now(), lag);
    }
    Some(checked)
}

async fn ask_with_each(round: &Round, user_id: i64, rows: Vec<Row>, checked: &mut Checked) {
    let provider = &round.provider;
    let mut is_any_sealed = false;
    for row in rows {
        if checked.claim.since(round.desk.clock.now()) < RENEW_CLAIM
            && !hold_claim(round, user_id, checked).await
        {
            checked.verdict = Verdict::GivenUp;
            return;
        }
        if !round.desk.is_ready.load(Ordering::Relaxed) {
            // On the way out: what was renewed is kept, and others take over.
            checked.verdict = Verdict::Unknown;
            return;
        }
        let session_id = row.session_id;
        let refresh_token = row.refresh_token.clone();
        checked.asked.push(session_id);
        let answer = ask_with(round, row, checked).await;
        let token_now = || {
            let renewed = checked
                .renewed
                .iter()
                .find(|one| one.session_id == session_id);
            let renewed = renewed.and_then(|one| Some(one.refresh.as_ref()?.1.clone()));
            (session_id, renewed.or(refresh_token))
        };
        match answer {
            Answer::Confirmed(reread) => {
                checked.verdict = Verdict::Confirmed(session_id, reread);
                return;
            }
            Answer::NotAdmitted(why) => {
                checked.verdict = Verdict::NotAdmitted(why);
                return;
            }
            Answer::Refused(Refusal::Named) => {
                let token = token_now();
                checked.refused.push(token);
            }
            Answer::Refused(Refusal::Unnamed) => {
                let token = token_now();
                checked.refused_unnamed.push(token);
            }
            Answer::Unknown(cause) => {
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
                    return;
                }
            }
            Answer::NothingToAskWith => {}
            Answer::TokensSealed => is_any_sealed = true,
        }
    }
    let nothing_said = checked.refused.is_empty()
        && checked.refused_unnamed.is_empty()
        && matches!(checked.verdict, Verdict::NothingLeft);
    // Another instance, with the key that sealed them, may be able to ask with the others.
    if is_any_sealed && nothing_said {
        warn!(
            event = "recheck",
            provider = provider.id(),
            outcome = "sealed";
            "tokens are encrypted with a key that this instance does not have"
        );
        checked.verdict = Verdict::Unknown;
    }
}

/// Holds the claim for longer; `false` when it is lost, or the database does not say.
async fn hold_claim(round: &Round, user_id: i64, checked: &mut Checked) -> bool {
    let Round { desk, provider, .. } = round;
    let (from, until) = (checked.claim, desk.clock.now().plus(CLAIM));
    let id = provider.id().to_owned();
    let held = desk
        .db
        .write(move |conn| grant::renew_claim(conn, &id, user_id, (from, until)))
        .await;
    match held {
        Ok(true) => {
            checked.claim = until;
            true
        }
        Ok(false) => false,
        Err(error) => {
            warn!(event = "recheck", provider = provider.id(), outcome = "failed"; "{error}");
            false
        }
    }
}

/// What one session's tokens brought.
enum Answer {
    Confirmed(Option<Box<Reread>>),
    /// The rule of admission that what was read breaks.
    NotAdmitted(Admission),
    Refused(Refusal),
    Unknown(crate::error::Cause),
    NothingToAskWith,
    /// There is something to ask with, sealed under a key that is not known here.
    TokensSealed,
}

/// Asks with the tokens of one session. An access token that is refused is renewed once first,
/// where it can be.
async fn ask_with(round: &Round, row: Row, checked: &mut Checked) -> Answer {
    let Round {
        desk,
        provider,
        recheck,
        ..
    } = round;
    let opened = |sealed: &Option<String>| {
        sealed
            .as_ref()
            .map(|sealed| grant::open_token(&desk.keys, sealed, &row.token_hash))
    };
    let (refresh_token, access_token) = (opened(&row.refresh_token), opened(&row.access_token));
    if matches!(refresh_token, Some(None)) || matches!(access_token, Some(None)) {
        return Answer::TokensSealed;
    }
    let (refresh_token, access_token) = (refresh_token.flatten(), access_token.flatten());
    let is_over = |now: UnixTime| row.access_expires_at.is_none_or(|at| at <= now.0);
    let usable = access_token.filter(|_| !is_over(desk.clock.now()));
    let by_profile = (recheck.asks_profile || refresh_token.is_none()) && provider.has_profile();
    if let Some(token) = usable.filter(|_| by_profile) {
        let answer = read(round, checked, &row, &token, None).await;
        match (answer, &refresh_token) {
            // What a token says that has run out says nothing of the person.
            (Answer::Refused(_), None) if is_over(desk.clock.now()) => {
                return Answer::NothingToAskWith;
            }
            (Answer::Refused(_), Some(_)) => {}
            (answer, _) => return answer,
        }
    }
    let Some(token) = refresh_token else {
        return Answer::NothingToAskWith;
    };
    round.pace.turn(1).await;
    let moment = Moment::within(desk.clock.now(), CALL_DEADLINE);
    let refreshed = provider.refresh(&token, row.sub.as_deref(), moment);
    let Refreshed { tokens, claims } = match refreshed.await {
        Presence::Confirmed(refreshed) => refreshed,
        Presence::Refused(refusal) => return Answer::Refused(refusal),
        Presence::Unknown(cause) => return Answer::Unknown(cause),
    };
    let sealed = |token| grant::seal_token(&desk.keys, token, &row.token_hash).ok();
    let access = tokens
        .expires_at
        .filter(|_| recheck.asks_profile)
        .and_then(|at| Some((sealed(&tokens.access_token)?, at.0)));
    checked.renewed.push(Renewed {
        session_id: row.session_id,
        token_hash: row.token_hash.clone(),
        refresh: tokens
            .refresh_token
            .as_ref()
            .and_then(sealed)
            .and_then(|new| Some((row.refresh_token.clone()?, new))),
        access,
    });
    if tokens.breaks_admission {
        return Answer::NotAdmitted(Admission::Value);
    }
    let answer = read(round, checked, &row, &tokens.access_token, claims).await;
    match answer {
        // The refresh token was taken: the person is there, whatever else could not be read.
        Answer::Unknown(_) if !recheck.asks_profile => Answer::Confirmed(None),
        Answer::Refused(Refusal::Unnamed) => {
            checked.was_refreshed = true;
            answer
        }
        answer => answer,
    }
}

/// Reads what the provider says of the person now.
async fn read(
    round: &Round,
    checked: &Checked,
    row: &Row,
    token: &Secret<String>,
    claims: Option<serde_json::Value>,
) -> Answer {
    let Round { desk, provider, .. } = round;
    if claims.is_none() && provider.calls_to_read_again() == 0 {
        return Answer::Confirmed(None);
    }
    round.pace.turn(provider.calls_to_read_again()).await;
    let moment = Moment::within(desk.clock.now(), CALL_DEADLINE);
    let identity = checked.identities.first();
    let known = KnownPerson {
        sub: row.sub.as_deref(),
        permissions_from: identity.and_then(|known| known.permissions_from.as_deref()),
    };
    let reread = match provider.read_again(token, claims, known, moment).await {
        Presence::Confirmed(reread) => reread,
        Presence::Refused(refusal) => return Answer::Refused(refusal),
        Presence::Unknown(cause) => return Answer::Unknown(cause),
    };
    if let Some(why) = reread.breaks_admission {
        return Answer::NotAdmitted(why);
    }
    if !checked.are_subjects_known {
        return Answer::Confirmed(None);
    }
    // Somebody else's token: as good as refused.
    let is_somebody_else = reread.profile.subject.as_ref().is_some_and(|subject| {
        let identities = &checked.identities;
        !identities.is_empty() && !identities.iter().any(|known| known.subject == *subject)
    });
    if is_somebody_else {
        return Answer::Refused(Refusal::Named);
    }
    Answer::Confirmed(Some(Box::new(reread)))
}

/// The one transaction of a check.
#[derive(Clone, Copy, Debug)]
struct Settling {
    now: UnixTime,
    /// When the person is asked about again.
    next: UnixTime,
    period: Duration,
    user_id: i64,
}

impl Settling {
    fn settle(
        &self,
        conn: &mut Conn,
        desk: &Desk,
        provider: &Provider,
        checked: &Checked,
    ) -> Result<Settled> {
        let Self { now, user_id, .. } = *self;
        let id = provider.id();
        // The account's row first, as at the door: whoever signs in meanwhile waits or is seen.
        let user = users::lock(conn, user_id)?;
        let mut settled = Settled {
            left_over: self.keep_tokens(conn, id, checked)?,
            ..Settled::default()
        };
        let Some(user) = user else {
            return Ok(settled);
        };
        match &checked.verdict {
            Verdict::GivenUp => return Ok(settled),
            Verdict::Confirmed(session_id, reread) => {
                grant::confirm(conn, now, *session_id)?;
                grant::set_recheck(conn, id, user_id, self.next)?;
                let why_out = if let Some(reread) = reread {
                    self.sync(conn, desk, provider, checked, &user, reread)?
                } else if self.is_overtaken(conn, id, checked)? {
                    users::note_asked(conn, now, id, user_id)?;
                    None
                } else {
                    users::note_known(conn, now, id, user_id)?;
                    None
                };
                if why_out.is_some() {
                    settled.ended = leaving::withdraw(conn, now, desk, id, &user, why_out)?;
                }
                return Ok(settled);
            }
            Verdict::Unknown => {
                users::note_asked(conn, now, id, user_id)?;
                grant::set_recheck(conn, id, user_id, self.next)?;
                return Ok(settled);
            }
            Verdict::NotAdmitted(why) => {
                if self.is_overtaken(conn, id, checked)? {
                    users::note_asked(conn, now, id, user_id)?;
                    grant::set_recheck(conn, id, user_id, self.next)?;
                } else {
                    settled.ended = leaving::withdraw(conn, now, desk, id, &user, Some(*why))?;
                }
                return Ok(settled);
            }
            Verdict::NothingLeft => {}
        }
        let left = grant::of_person(conn, now, desk.limits, id, user_id)?;
        if left
            .iter()
            .any(|row| !checked.asked.contains(&row.session_id))
        {
            // More than were read at once, or signed in meanwhile: asked with those, now.
            settled.has_more = true;
            return Ok(settled);
        }
        if !checked.refused_unnamed.is_empty() && !self.counts(conn, id, checked)? {
            grant::set_recheck(conn, id, user_id, self.next)?;
            return Ok(settled);
        }
        for (session_id, refresh_token) in &checked.refused_unnamed {
            grant::refuse(conn, now, *session_id, refresh_token.as_deref())?;
        }
        if !grant::is_refused(conn, now, desk.limits, id, user_id)? {
            // Looked at again later, since a clock that jumped may come back.
            grant::forget_stale(conn, now, desk.limits, id, user_id)?;
            let later = if left.is_empty() {
                now.plus(LOOK_AGAIN).max(self.next)
            } else {
                self.next
            };
            grant::set_recheck(conn, id, user_id, later)?;
            return Ok(settled);
        }
        settled.ended = if grant::is_newer(conn, checked.at.minus(SIGN_IN), id, user_id)? {
            // The provider has just let them in, by a session that cannot be asked with.
            leaving::withdraw_refused(conn, now, id, &user)?
        } else {
            leaving::withdraw(conn, now, desk, id, &user, None)?
        };
        Ok(settled)
    }

    /// Whether something newer is known of the person than what was asked for here.
    fn is_overtaken(&self, conn: &mut Conn, provider: &str, checked: &Checked) -> Result<bool> {
        let now = users::identity_of(conn, provider, self.user_id)?;
        Ok(checked.identities.iter().any(|was| {
            !now.iter()
                .any(|is| is.subject == was.subject && is.sync_number == was.sync_number)
        }))
    }

    /// Keeps new tokens and drops refused ones; those that no session takes any more come back.
    fn keep_tokens(
        &self,
        conn: &mut Conn,
        provider: &str,
        checked: &Checked,
    ) -> Result<Vec<(String, String)>> {
        let mut left_over = Vec::new();
        for renewed in &checked.renewed {
            let refresh = renewed.refresh.as_ref();
            let refresh = refresh.map(|(old, new)| (old.as_str(), new.as_str()));
            let access = renewed.access.as_ref();
            let access = access.map(|(token, at)| (token.as_str(), *at));
            if grant::renew(conn, renewed.session_id, refresh, access)? {
                continue;
            }
            warn!(event = "recheck", provider = provider, outcome = "reused"; "a refresh token changed, or its session ended, while it was used");
            left_over.extend(refresh.map(|(_, new)| (new.to_owned(), renewed.token_hash.clone())));
        }
        for (session_id, refresh_token) in &checked.refused {
            grant::refuse(conn, self.now, *session_id, refresh_token.as_deref())?;
        }
        Ok(left_over)
    }

    /// Whether a refusal without a name counts.
    fn counts(&self, conn: &mut Conn, provider: &str, checked: &Checked) -> Result<bool> {
        let Some(identity) = users::identity_of(conn, provider, self.user_id)?
            .into_iter()
            .next()
        else {
            // Nobody's any more: what it came with serves for nothing.
            return Ok(true);
        };
        let refreshed = checked.was_refreshed;
        let noted = unnamed_refusals::note(conn, self.now, &identity, refreshed, self.period)?;
        if let Some(count) = noted.begins_suspension {
            warn!(event = "refusals_suspended", provider = provider, count = count; "more than a fifth of the people re-checked were refused without a reason: an outage rather than leavers");
            let event = Event::RefusalsSuspended { people: count };
            let deed = Deed::from_nowhere(self.now, Actor::Portal).at(Some(provider));
            deed.record(conn, About::Portal, &event)?;
        }
        Ok(noted.counts)
    }

    /// Makes the account what the provider says now; the rule of admission that keeps the person
    /// out by it.
    fn sync(
        &self,
        conn: &mut Conn,
        desk: &Desk,
        provider: &Provider,
        checked: &Checked,
        user: &User,
        reread: &Reread,
    ) -> Result<Option<Admission>> {
        let (now, id) = (self.now, provider.id());
        let was = checked.identities.iter().find(|identity| {
            let subject = reread.profile.subject.as_ref();
            subject.is_none_or(|subject| identity.subject == *subject)
        });
        let Some(was) = was else { return Ok(None) };
        let known = users::identity_of(conn, id, user.id)?;
        let Some(identity) = known.iter().find(|one| one.subject == was.subject) else {
            // Taken from the account meanwhile.
            return Ok(None);
        };
        // What was asked for before another sync is older than what that one brought.
        // Nor does it count what the provider said before it refused the person.
        let is_refused = identity.is_refused_since(checked.at, now);
        if identity.sync_number != was.sync_number || is_refused {
            users::note_asked(conn, now, id, user.id)?;
            return Ok(None);
        }
        if let Permissions::Given(given) = &reread.permissions {
            let admitting = &provider.settings().admission.permissions;
            let is_admitted =
                admitting.is_empty() || given.iter().any(|one| admitting.contains(&one.name));
            if !is_admitted {
                return Ok(Some(Admission::Permission));
            }
        }
        let mut changes = identity_sync::kept(&reread.profile.kept, &reread.permissions);
        let profile = Profile {
            subject: was.subject.clone(),
            username: reread
                .profile
                .username
                .clone()
                .unwrap_or_else(|| user.username.clone()),
            first_name: reread.profile.first_name.clone(),
            email: reread.profile.email.clone(),
        };
        let sync = Sync {
            user,
            identity,
            gives_names: provider.settings().vouches_for.names,
            profile,
            permissions: &reread.permissions,
            permissions_from: &reread.permissions_from,
            occasion: Occasion::Recheck,
            asked_at: reread.asked_at,
        };
        let Some(username) = identity_sync::sync(conn, desk, now, &sync, &mut changes)? else {
            return Ok(None);
        };
        if changes.is_any() {
            let about = About::Person(user.id, &username);
            let deed = Deed::from_nowhere(now, Actor::Provider).at(Some(id));
            deed.record(conn, about, &Event::AccountSynced { changes })?;
        }
        Ok(None)
    }
}
