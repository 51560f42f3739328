//! The server: listens, runs until it is asked to stop, and stops without losing anybody's work.

mod connections;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt::task::JoinHandle;
use log::{info, warn};
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::Clock;
use crate::config::Settings;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::oauth::Provider;
use crate::status::{self, Checked};
use crate::users::keys;
use crate::{audit, instances, recheck, sessions, signin, users};

/// Between "not ready any more" and closing the door: load balancers look about once a second.
const DRAIN: Duration = Duration::from_secs(2);
const SWEEP_EVERY: Duration = Duration::from_secs(600);
const SWEEP_BATCH: i64 = 1000;
/// How often it is asked whether something about a provider is due.
const KNOW_EVERY: Duration = Duration::from_secs(60);
/// The same for one that cannot be reached.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// The tokens of a session that ended serve signing out at its provider for so long.
const KEEP_TOKENS: Duration = Duration::from_secs(900);
/// Accounts a transaction.
const CATCH_UP_BATCH: i64 = 200;

/// A portal that listens already and serves once it is run.
pub struct Server {
    address: SocketAddr,
    desk: Arc<Desk>,
    inner: actix_web::dev::Server,
}

impl Server {
    /// Opens the database, brings its tables up to date, and listens where the settings say.
    ///
    /// # Errors
    /// [`Error::Internal`] when the address cannot be had; what the database says.
    pub fn build(settings: Settings, clock: Clock) -> Result<Self> {
        connections::raise_open_files();
        let listener = TcpListener::bind(settings.listen).map_err(|error| {
            Error::Internal(format!("FRONTDESK_LISTEN: {}: {error}", settings.listen))
        })?;
        Self::on(listener, settings, clock)
    }

    /// The same on a socket that listens already.
    ///
    /// # Errors
    /// As [`Server::build`]
    pub fn on(listener: TcpListener, mut settings: Settings, clock: Clock) -> Result<Self> {
        let internal = |error: std::io::Error| Error::Internal(format!("listening: {error}"));
        let address = listener.local_addr().map_err(internal)?;
        settings.listen = address;
        let desk = Arc::new(Desk::open(settings, clock)?);
        note_pointers(&desk)?;
        instances::begin(&desk)?;
        let inner = connections::serve(listener, &desk).map_err(internal)?;
        Ok(Self {
            address,
            desk,
            inner,
        })
    }

    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    #[must_use]
    pub const fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Ends the server from elsewhere; requests in flight may finish.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.inner.handle()
    }

    /// Serves until SIGTERM, SIGINT or the handle stops it: readiness goes first, then the door
    /// closes, then requests in flight finish within ten seconds.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self) -> std::io::Result<()> {
        info!(
            event = "started",
            address = self.address.to_string(),
            database = self.desk.db.describe(),
            version = env!("CARGO_PKG_VERSION");
            ""
        );
        let sweeper = actix_web::rt::spawn(sweep(Arc::clone(&self.desk)));
        let watcher = actix_web::rt::spawn(watch(Arc::clone(&self.desk)));
        let minutes = actix_web::rt::spawn(each_minute(Arc::clone(&self.desk)));
        let background = background(&self.desk);
        let notes = actix_web::rt::spawn(instances::run(Arc::clone(&self.desk)));
        let stopper =
            actix_web::rt::spawn(stop_on_signal(Arc::clone(&self.desk), self.inner.handle()));
        let result = self.inner.await;
        self.desk.is_ready.store(false, Ordering::Relaxed);
        recheck::finish(&self.desk).await;
        sweeper.abort();
        watcher.abort();
        notes.abort();
        minutes.abort();
        for task in background {
            task.abort();
        }
        stopper.abort();
        info!(event = "stopped"; "");
        result
    }
}

async fn stop_on_signal(desk: Arc<Desk>, server: ServerHandle) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        warn!(event = "signals", outcome = "failed"; "SIGTERM will end the process at once");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!(event = "stopping"; "");
    desk.is_ready.store(false, Ordering::Relaxed);
    tokio::time::sleep(DRAIN).await;
    server.stop(true).await;
}

/// Notes by what each provider's people are known, and warns when that has changed: they would be
/// strangers.
fn note_pointers(desk: &Desk) -> Result<()> {
    for provider in desk.providers.all() {
        let pointer = provider.settings().mapping.subject.text();
        let now = desk.clock.now();
        let known = desk.db.write_blocking(|conn| {
            if provider.settings().recheck.is_some() {
                sessions::due::schedule(conn, now, provider.id())?;
            }
            keys::note_subject_pointer(conn, now, provider.id(), &pointer)
        })?;
        if known != pointer {
            warn!(
                event = "subject_pointer",
                provider = provider.id();
                "people are identified by {known}, but the settings say {pointer}; see `frontdesk rekey`"
            );
        }
    }
    Ok(())
}

/// What goes on for each provider, whether anybody looks or not.
fn background(desk: &Arc<Desk>) -> Vec<JoinHandle<()>> {
    let mut tasks = Vec::new();
    for provider in desk.providers.all() {
        tasks.push(actix_web::rt::spawn(know(
            Arc::clone(desk),
            Arc::clone(provider),
        )));
        if let Some(every) = provider.settings().recheck {
            let asking = recheck::run(Arc::clone(desk), Arc::clone(provider), every);
            tasks.push(actix_web::rt::spawn(asking));
        }
    }
    tasks
}

/// Keeps what is known of a provider fresh, and notices when one that was gone is back.
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

/// Asks the provider's addresses whether they answer, while anybody looks at the status page.
async fn watch(desk: Arc<Desk>) {
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
                () = tokio::time::sleep(status::CHECK_EVERY) => {}
                () = desk.board.wait_for_look() => {}
            }
        }
    }
}

/// Small things that must not wait long.
async fn each_minute(desk: Arc<Desk>) {
    let mut every = tokio::time::interval(Duration::from_secs(60));
    // The first is at once, and nothing is due yet.
    every.tick().await;
    loop {
        every.tick().await;
        if let Err(error) = signin::note_left_out(&desk).await {
            warn!(event = "audit", outcome = "failed"; "{error}");
        }
        if let Err(error) = desk.look_for_imports().await {
            warn!(event = "imports", outcome = "failed"; "{error}");
        }
    }
}

/// Deletes what ended long ago, in small pieces, so that no sign-in waits for it.
async fn sweep(desk: Arc<Desk>) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        in_pieces("accounts_indexed", async || {
            desk.db
                .write(|conn| users::terms::catch_up(conn, CATCH_UP_BATCH))
                .await
        })
        .await;
        in_pieces("events_swept", async || {
            let (now, keep) = (desk.clock.now(), desk.retention);
            desk.db
                .write(move |conn| audit::sweep(conn, now, keep, SWEEP_BATCH))
                .await
        })
        .await;
        in_pieces("tokens_forgotten", async || {
            let before = desk.clock.now().minus(KEEP_TOKENS);
            desk.db
                .write(move |conn| sessions::tokens::forget_ended(conn, before, SWEEP_BATCH))
                .await
        })
        .await;
        in_pieces("logout_tokens_swept", async || {
            let now = desk.clock.now();
            desk.db
                .write(move |conn| sessions::logout_tokens::sweep(conn, now, SWEEP_BATCH))
                .await
        })
        .await;
        in_pieces("logouts_swept", async || {
            let now = desk.clock.now();
            desk.db
                .write(move |conn| sessions::logouts::sweep(conn, now, SWEEP_BATCH))
                .await
        })
        .await;
        in_pieces("sessions_swept", async || {
            let (now, limits) = (desk.clock.now(), desk.limits);
            desk.db
                .write(move |conn| sessions::sweep(conn, now, limits, SWEEP_BATCH))
                .await
        })
        .await;
    }
}

/// Does a piece of work until nothing is left of it.
async fn in_pieces(event: &str, mut piece: impl AsyncFnMut() -> Result<usize>) {
    loop {
        match piece().await {
            Ok(0) => break,
            Ok(count) => info!(event = event, count = count; ""),
            Err(error) => {
                warn!(event = event, outcome = "failed"; "{error}");
                break;
            }
        }
    }
}
