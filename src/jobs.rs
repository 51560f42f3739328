//! What runs beside the requests. The stop waits for what must come to its end, and ends the rest.

mod revocations;
mod sweep;

pub use revocations::{Unkept, revoke, take_back, take_back_renewed};

use std::sync::Arc;
use std::time::Duration;

use log::warn;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::desk::Desk;
use crate::error::Result;
use crate::oauth::Provider;
use crate::sessions;
use crate::status::{CHECK_EVERY, Checked};

/// More revocations at once are not started: the tokens are left to run out by themselves.
const MAX_REVOCATIONS: usize = 32;
/// More `last_seen_at` writes at once are not started: a slow database has enough to do.
const MAX_TOUCHES: usize = 64;
/// How often it is asked whether something about a provider is due.
const KNOW_EVERY: Duration = Duration::from_secs(60);
/// The same for one that cannot be reached.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const MINUTE: Duration = Duration::from_secs(60);
/// The stop waits no longer than this.
const PATIENCE: Duration = Duration::from_secs(10);

/// The jobs of one server. The place of a job of a limited kind comes back when it is dropped, even
/// by a panic.
pub struct Jobs {
    to_their_end: TaskTracker,
    /// Ends the others.
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
    /// Runs `job` until it ends or the server does.
    pub fn spawn(&self, job: impl Future<Output = ()> + 'static) {
        tokio::task::spawn_local(self.ending.clone().run_until_cancelled_owned(job));
    }

    /// Runs `job` to its end, which the stop waits for.
    pub fn spawn_to_end(&self, job: impl Future<Output = ()> + 'static) {
        self.to_their_end.spawn_local(job);
    }

    /// How many the stop would wait for now.
    #[must_use]
    pub fn waited_for(&self) -> usize {
        self.to_their_end.len()
    }

    /// Waits for those that run to their end; not for ever. Meanwhile the others go on, since what
    /// is waited for may need them.
    pub async fn stop(&self) {
        self.to_their_end.close();
        let _in_time = timeout(PATIENCE, self.to_their_end.wait()).await;
        self.ending.cancel();
    }
}

/// Starts what every portal does by itself.
pub fn start(desk: &Arc<Desk>) {
    desk.jobs.spawn(sweep::run(Arc::clone(desk)));
    desk.jobs.spawn(check_addresses(Arc::clone(desk)));
    for provider in desk.providers.all() {
        let (desk, provider) = (Arc::clone(desk), Arc::clone(provider));
        Arc::clone(&desk).jobs.spawn(know(desk, provider));
    }
    each_minute(desk, "imports", async |desk| desk.look_for_imports().await);
}

/// Keeps what is known of the provider fresh, and notices when one that was gone is back.
async fn know(desk: Arc<Desk>, provider: Arc<Provider>) {
    loop {
        provider.look(desk.clock.now()).await;
        let pause = if provider.is_available() {
            KNOW_EVERY
        } else {
            LOOK_AGAIN
        };
        provider.wait_for_trouble(pause).await;
    }
}

/// Asks the providers' addresses whether they answer, while anybody looks at the status page.
async fn check_addresses(desk: Arc<Desk>) {
    loop {
        desk.board.wait_for_look().await;
        while desk.board.is_watched(desk.clock.now()) {
            let mut checks = Vec::new();
            for provider in desk.providers.all() {
                checks.extend(provider.check_addresses().await);
            }
            let at = desk.clock.now();
            desk.board.set_checked(Checked { at, checks });
            tokio::select! {
                () = tokio::time::sleep(CHECK_EVERY) => {}
                () = desk.board.wait_for_look() => {}
            }
        }
    }
}

/// Does a small thing once a minute, the first time in a minute. `event` is the log's when it
/// fails.
pub fn each_minute(
    desk: &Arc<Desk>,
    event: &'static str,
    act: impl AsyncFn(&Arc<Desk>) -> Result<()> + 'static,
) {
    let shared = Arc::clone(desk);
    desk.jobs.spawn(async move {
        loop {
            tokio::time::sleep(MINUTE).await;
            if let Err(error) = act(&shared).await {
                warn!(event = event, outcome = "failed"; "{error}");
            }
        }
    });
}

/// Notes that a session is used: nobody waits for it, and its failing (a full disk, a lock) costs
/// nobody their page.
pub fn touch(desk: &Arc<Desk>, session_id: i64) {
    let Some(place) = place(&desk.jobs.touches) else {
        return;
    };
    let (shared, now) = (Arc::clone(desk), desk.clock.now());
    desk.jobs.spawn(async move {
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
