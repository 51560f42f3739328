//! Jobs that run alongside requests. A stop waits for those that must finish, and ends the rest.

mod revocations;
mod sweep;
mod webhooks;

pub use revocations::{Unkept, revoke, revoke_renewed, revoke_unkept};

use std::sync::Arc;
use std::time::Duration;

use log::warn;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::Result;
use crate::id::SessionId;
use crate::oauth::Provider;
use crate::portal::Portal;
use crate::sessions;
use crate::status_page::{CHECK_EVERY, Checked};

/// The most revocations at once. Further tokens are left to expire.
const MAX_REVOCATIONS: usize = 32;
/// The most `last_seen_at` writes at once: a slow database has enough to do.
const MAX_TOUCHES: usize = 64;
/// How often to refresh a provider's metadata, if that is due, and to check that it can be reached.
const REFRESH_EVERY: Duration = Duration::from_secs(60);
/// The same for a provider that cannot be reached.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const MINUTE: Duration = Duration::from_secs(60);
/// The longest time that a stop waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// The jobs of one server. A job of a limited kind gives its place back when it is dropped, even by
/// a panic.
pub struct Jobs {
    to_their_end: TaskTracker,
    /// Ends the other jobs.
    ending: CancellationToken,
    revocations: Arc<Semaphore>,
    touches: Arc<Semaphore>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            to_their_end: TaskTracker::new(),
            ending: CancellationToken::new(),
            revocations: Arc::new(Semaphore::new(MAX_REVOCATIONS)),
            touches: Arc::new(Semaphore::new(MAX_TOUCHES)),
        }
    }
}

impl Jobs {
    /// Runs `job` until it ends or the server stops.
    pub fn spawn(&self, job: impl Future<Output = ()> + 'static) {
        tokio::task::spawn_local(self.ending.clone().run_until_cancelled_owned(job));
    }

    /// Runs `job` to its end. A stop waits for it.
    pub fn spawn_to_end(&self, job: impl Future<Output = ()> + 'static) {
        self.to_their_end.spawn_local(job);
    }

    /// Returns how many jobs a stop would wait for now.
    pub fn waited_for(&self) -> usize {
        self.to_their_end.len()
    }

    /// Waits, but not forever, for the jobs that run to their end. Meanwhile the others go on,
    /// since those jobs may need them.
    pub async fn stop(&self) {
        self.to_their_end.close();
        let _in_time = timeout(PATIENCE, self.to_their_end.wait()).await;
        self.ending.cancel();
    }
}

/// Starts the jobs that every portal runs.
pub fn start(portal: &Arc<Portal>) {
    portal.jobs.spawn(sweep::run(Arc::clone(portal)));
    portal.jobs.spawn(check_addresses(Arc::clone(portal)));
    webhooks::start(portal);
    for provider in portal.providers.all() {
        let (portal, provider) = (Arc::clone(portal), Arc::clone(provider));
        Arc::clone(&portal)
            .jobs
            .spawn(keep_metadata_fresh(portal, provider));
    }
    each_minute(portal, "imports", async |portal| {
        portal.look_for_imports().await
    });
}

/// Keeps what is known about the provider fresh, and notices when an unreachable one is back.
async fn keep_metadata_fresh(portal: Arc<Portal>, provider: Arc<Provider>) {
    loop {
        provider.look(portal.clock.now()).await;
        let pause = if provider.is_available() {
            REFRESH_EVERY
        } else {
            LOOK_AGAIN
        };
        provider.wait_for_wake(pause).await;
    }
}

/// Checks whether the providers' addresses answer, while someone looks at the status page.
async fn check_addresses(portal: Arc<Portal>) {
    loop {
        portal.board.wait_for_look().await;
        while portal.board.is_watched(portal.clock.now()) {
            let mut checks = Vec::new();
            for provider in portal.providers.all() {
                checks.extend(provider.check_addresses().await);
            }
            let at = portal.clock.now();
            portal.board.set_checked(Checked { at, checks });
            tokio::select! {
                () = tokio::time::sleep(CHECK_EVERY) => {}
                () = portal.board.wait_for_look() => {}
            }
        }
    }
}

/// Runs a small job once a minute, for the first time after a minute. `event` names it in the log
/// if it fails.
pub fn each_minute(
    portal: &Arc<Portal>,
    event: &'static str,
    act: impl AsyncFn(&Arc<Portal>) -> Result<()> + 'static,
) {
    let shared = Arc::clone(portal);
    portal.jobs.spawn(async move {
        loop {
            tokio::time::sleep(MINUTE).await;
            if let Err(error) = act(&shared).await {
                warn!(event = event, outcome = "failed"; "{error}");
            }
        }
    });
}

/// Records that a session is used. No one waits for this, and a failure (a full disk, a lock) costs
/// no one their page.
pub fn touch(portal: &Arc<Portal>, session_id: SessionId) {
    let Some(place) = place(&portal.jobs.touches) else {
        return;
    };
    let (shared, now) = (Arc::clone(portal), portal.clock.now());
    portal.jobs.spawn(async move {
        let touched = shared
            .db
            .write(move |conn| sessions::touch(conn, now, session_id));
        if let Err(error) = touched.await {
            warn!(event = "touch", outcome = "failed"; "{error}");
        }
        drop(place);
    });
}

fn place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(places).try_acquire_owned().ok()
}
