//! Tells webhooks what happened: one job for all of them that fills their queues, and one for each
//! that works its own off, so that a receiver that hangs delays no other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use log::{info, warn};
use tokio::sync::oneshot;

use crate::audit;
use crate::clock::UnixTime;
use crate::config::{WebhookEvent, WebhookSettings};
use crate::db::{Conn, lock_webhooks};
use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::secret::random_bytes;
use crate::webhooks::turn::{self, Claim, Claimant, Settled};
use crate::webhooks::{
    Destination, Hook, News, State, Trouble, TroubleKind, Verdict, Voice, outbox, queue, state,
    watches,
};

/// How often to look for something to tell.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often to look for what lasts.
const WATCH_EVERY: Duration = Duration::from_secs(30);
/// The time until the next try if the database fails.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// A file that cannot be read within this time cannot be read.
const FILE_PATIENCE: Duration = Duration::from_secs(5);
const HOUR: Duration = Duration::from_secs(3600);
/// A provider must be out of reach for this long before anybody is told, and in reach for as long.
const PROVIDER_PATIENCE: Duration = Duration::from_secs(120);

/// Starts the jobs.
pub fn start(portal: &Arc<Portal>) {
    // Without any webhooks, it lets go of what nobody is to be told.
    portal.jobs.spawn(fan_out(Arc::clone(portal)));
    if portal.webhooks.all().is_empty() {
        return;
    }
    portal.jobs.spawn(watch(Arc::clone(portal)));
    for hook in portal.webhooks.all() {
        portal
            .jobs
            .spawn(work_off(Arc::clone(portal), Arc::clone(hook)));
    }
}

fn settings(portal: &Portal) -> Vec<&WebhookSettings> {
    let hooks = portal.webhooks.all().iter();
    hooks.map(|hook| hook.settings()).collect()
}

/// Puts what happened into the queues.
async fn fan_out(portal: Arc<Portal>) {
    let patience = if portal.webhooks.all().is_empty() {
        WATCH_EVERY
    } else {
        LOOK_EVERY
    };
    loop {
        match fan_out_once(&portal).await {
            Ok(0) => tokio::time::sleep(patience).await,
            Ok(_) => portal.webhooks.wake(),
            Err(error) => {
                warn!(event = "webhooks", outcome = "failed"; "{error}");
                tokio::time::sleep(TRY_AGAIN.max(patience)).await;
            }
        }
    }
}

async fn fan_out_once(portal: &Arc<Portal>) -> Result<usize> {
    if !portal.db.read(outbox::has_events).await? {
        return Ok(0);
    }
    let shared = Arc::clone(portal);
    let write = portal.db.write(move |conn| {
        let now = shared.clock.now();
        outbox::fan_out(conn, now, shared.language, &settings(&shared))
    });
    write.await
}

/// Works off the queue of one hook.
async fn work_off(portal: Arc<Portal>, hook: Arc<Hook>) {
    loop {
        match call_once(&portal, &hook).await {
            Ok(Called::Yes) => {}
            Ok(Called::No) => portal.webhooks.wait(LOOK_EVERY).await,
            Err(error) => {
                let name = hook.name();
                warn!(event = "webhook", hook = name, outcome = "failed"; "{error}");
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    }
}

enum Called {
    Yes,
    No,
}

async fn call_once(portal: &Arc<Portal>, hook: &Arc<Hook>) -> Result<Called> {
    let (now, name) = (portal.clock.now(), hook.name().to_owned());
    let is_due = portal
        .db
        .read(move |conn| turn::is_due(conn, now, &name))
        .await?;
    // Once the server has been asked to stop, the other instances go on.
    if !is_due || !portal.is_ready.load(Ordering::Relaxed) {
        return Ok(Called::No);
    }
    let destination = read_destination(hook).await;
    let call = Call {
        mark: mark(portal, hook, destination.as_ref().ok()),
        portal: Arc::clone(portal),
        hook: Arc::clone(hook),
    };
    let Some(claim) = call.claim().await? else {
        return Ok(Called::No);
    };
    // A stop waits for a call that has begun, so that it is not made again.
    let (sender, receiver) = oneshot::channel();
    portal.jobs.spawn_to_end(async move {
        let verdict = match destination {
            Ok(destination) => call.make(&destination, &claim).await,
            Err(trouble) => Verdict::HookAtFault(trouble),
        };
        let _nobody_waits = sender.send(call.settle(claim, verdict).await);
    });
    let ended = receiver.await;
    ended.map_err(|_| Error::Internal("a webhook's call panicked".to_owned()))??;
    Ok(Called::Yes)
}

/// Reads the hook's files, for which a slow disk may take any time.
async fn read_destination(hook: &Arc<Hook>) -> Result<Destination, Trouble> {
    let shared = Arc::clone(hook);
    let read = tokio::task::spawn_blocking(move || Destination::read(shared.settings()));
    match tokio::time::timeout(FILE_PATIENCE, read).await {
        Ok(Ok(read)) => read,
        Ok(Err(_)) | Err(_) => Err(TroubleKind::UrlFile.alone()),
    }
}

/// The mark under which instances share the pace of an address, if its receiver limits that.
fn mark(portal: &Portal, hook: &Hook, destination: Option<&Destination>) -> Option<String> {
    let is_paced = !hook.limits().interval.is_zero();
    let destination = destination.filter(|_| is_paced)?;
    Some(portal.keys.webhook_mark(destination.expose_address()))
}

/// One call of a hook.
struct Call {
    portal: Arc<Portal>,
    hook: Arc<Hook>,
    mark: Option<String>,
}

impl Call {
    fn claimant(&self) -> Claimant<'_> {
        let limits = self.hook.limits();
        Claimant {
            instance: &self.portal.instance,
            hook: self.hook.name(),
            mark: self.mark.as_deref(),
            interval: limits.interval,
            batch: limits.batch,
        }
    }

    fn again(&self) -> Self {
        Self {
            portal: Arc::clone(&self.portal),
            hook: Arc::clone(&self.hook),
            mark: self.mark.clone(),
        }
    }

    async fn claim(&self) -> Result<Option<Claim>> {
        let call = self.again();
        let claim = self.portal.db.write(move |conn| {
            // A write may wait for another one, and the claim counts from now.
            turn::claim(conn, call.portal.clock.now(), call.claimant())
        });
        claim.await
    }

    async fn make(&self, destination: &Destination, claim: &Claim) -> Verdict {
        if claim.told.is_empty() {
            return Verdict::Delivered;
        }
        let voice = voice(&self.portal);
        let (now, id) = (self.portal.clock.now(), claim.message_id());
        let sent = self
            .hook
            .send(destination, &voice, now, &id, &claim.told)
            .await;
        self.portal.failpoint.reach("after_webhook_call").await;
        sent
    }

    async fn settle(&self, claim: Claim, verdict: Verdict) -> Result<()> {
        let call = self.again();
        let jitter = random_bytes::<1>().map_or(0.5, |[byte]| f64::from(byte) / 255.0);
        let count = claim.told.len();
        let write = self.portal.db.write(move |conn| {
            let (now, claimant) = (call.portal.clock.now(), call.claimant());
            let settled = turn::settle(conn, now, claimant, &claim, verdict, jitter)?;
            if settled == Settled::WellAgain {
                let hook = claimant.hook.to_owned();
                let state = State::Over;
                outbox::note(conn, now, &News::WebhookFailing { hook, state })?;
            }
            Ok(settled)
        });
        if write.await? != Settled::TooLate {
            log(self.hook.name(), count, verdict);
        }
        Ok(())
    }
}

/// How the portal speaks to receivers.
pub fn voice(portal: &Portal) -> Voice {
    Voice {
        lang: portal.language,
        origin: portal.public_url.origin.clone(),
    }
}

/// Writes a line without anything of the address or the answer.
fn log(hook: &str, count: usize, verdict: Verdict) {
    let (outcome, trouble) = match verdict {
        Verdict::Delivered => {
            info!(event = "webhook", hook = hook, outcome = "ok", count = count; "");
            return;
        }
        Verdict::MessageRefused(trouble) => ("message_refused", trouble),
        Verdict::HookAtFault(trouble) => ("hook_at_fault", trouble),
        Verdict::NotNow(trouble, _) => ("not_now", trouble),
    };
    let (reason, code) = (trouble.kind.code(), trouble.detail.unwrap_or(0));
    warn!(event = "webhook", hook = hook, outcome = outcome, reason = reason, code = code; "");
}

/// Notices what lasts, and gives up what is too old.
async fn watch(portal: Arc<Portal>) {
    let mut providers = ProvidersSeen::default();
    let mut looked_at = UnixTime::default();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = portal.clock.now();
        // After a clock was put back, the timing starts over.
        if now.since(looked_at) < WATCH_EVERY && now >= looked_at {
            continue;
        }
        looked_at = now;
        let seen = providers.look(&portal, now);
        let shared = Arc::clone(&portal);
        let write = portal.db.write(move |conn| {
            // Before any row, in the order in which all others lock.
            lock_webhooks(conn)?;
            for (provider, state) in &seen {
                tell_of_provider(conn, now, &shared.instance, provider, *state)?;
            }
            for hook in settings(&shared) {
                look_after(conn, now, hook)?;
            }
            Ok(())
        });
        if let Err(error) = write.await {
            warn!(event = "webhooks", outcome = "failed"; "{error}");
        }
    }
}

fn look_after(conn: &mut Conn, now: UnixTime, hook: &WebhookSettings) -> Result<()> {
    queue::trim(conn, now, &hook.name)?;
    if state::note_failing(conn, now, &hook.name, now.minus(HOUR))? {
        let news = News::WebhookFailing {
            hook: hook.name.clone(),
            state: State::Began,
        };
        outbox::note(conn, now, &news)?;
    }
    if hook.events.contains(&WebhookEvent::RefusedSignIns) {
        tell_of_refusals(conn, now, hook)?;
    }
    Ok(())
}

/// Tells a hook once that too many sign-ins are refused, and again only after they were fewer.
fn tell_of_refusals(conn: &mut Conn, now: UnixTime, hook: &WebhookSettings) -> Result<()> {
    let watch = format!("refused_sign_ins {}", hook.name);
    let limit = hook.refused_sign_ins_per_hour;
    let count = audit::count_refused_sign_ins(conn, now.minus(HOUR))?;
    if count > limit {
        if watches::begin(conn, now, &watch, "")? {
            let news = News::RefusedSignIns { count, limit };
            queue::add(conn, now, &hook.name, now, &news)?;
        }
    } else if watches::since(conn, &watch)?.is_some_and(|since| now.since(since) >= HOUR) {
        watches::forget(conn, &watch)?;
    }
    Ok(())
}

fn tell_of_provider(
    conn: &mut Conn,
    now: UnixTime,
    instance: &str,
    provider: &str,
    state: State,
) -> Result<()> {
    let watch = format!("provider_unreachable {provider}");
    let is_news = match state {
        State::Began => watches::begin(conn, now, &watch, instance)?,
        State::Over => watches::end(conn, now, &watch, instance)?,
    };
    if is_news {
        let provider = provider.to_owned();
        outbox::note(conn, now, &News::ProviderUnreachable { provider, state })?;
    }
    Ok(())
}

/// Since when each provider has been in or out of reach, as this instance sees it.
#[derive(Default)]
struct ProvidersSeen(Vec<(String, State, UnixTime)>);

impl ProvidersSeen {
    /// Returns the providers whose state has lasted long enough to be told.
    fn look(&mut self, portal: &Portal, now: UnixTime) -> Vec<(String, State)> {
        let known = std::mem::take(&mut self.0);
        for provider in portal.providers.all() {
            let state = if provider.is_available() {
                State::Over
            } else {
                State::Began
            };
            let same = known
                .iter()
                .find(|(id, known, _)| id == provider.id() && *known == state);
            let since = same.map_or(now, |(_, _, since)| *since);
            self.0.push((provider.id().to_owned(), state, since));
        }
        let lasting = self
            .0
            .iter()
            .filter(|(_, _, since)| now.since(*since) >= PROVIDER_PATIENCE);
        lasting.map(|(id, state, _)| (id.clone(), *state)).collect()
    }
}
