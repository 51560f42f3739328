//! The server: listens, runs until it is told to stop, and stops without losing anyone's work.

mod connections;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use log::{info, warn};
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::Clock;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::{access, instances, jobs, recheck, signin};

/// The time from the first 503 of `/readyz` to the end of listening. Load balancers check about
/// once a second.
const DRAIN: Duration = Duration::from_secs(2);

/// A portal that is listening, and serves once it runs.
pub struct Server {
    address: SocketAddr,
    portal: Arc<Portal>,
    inner: actix_web::dev::Server,
}

impl Server {
    /// Opens the database, brings its tables up to date, and listens at the configured address.
    pub fn build(settings: Settings, clock: Clock) -> Result<Self> {
        connections::raise_open_files();
        let listener = TcpListener::bind(settings.listen).map_err(|error| {
            Error::Internal(format!("FRONTDESK_LISTEN: {}: {error}", settings.listen))
        })?;
        Self::on(listener, settings, clock)
    }

    /// Like [`Server::build`], on a socket that is already listening.
    pub fn on(listener: TcpListener, mut settings: Settings, clock: Clock) -> Result<Self> {
        let internal = |error: std::io::Error| Error::Internal(format!("listening: {error}"));
        let address = listener.local_addr().map_err(internal)?;
        settings.listen = address;
        let portal = Arc::new(Portal::open(settings, clock)?);
        instances::begin(&portal)?;
        let inner = connections::serve(listener, &portal).map_err(internal)?;
        Ok(Self {
            address,
            portal,
            inner,
        })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    pub const fn portal(&self) -> &Arc<Portal> {
        &self.portal
    }

    /// A handle that stops the server from elsewhere. Requests in flight may finish.
    pub fn handle(&self) -> ServerHandle {
        self.inner.handle()
    }

    /// Serves until SIGTERM, SIGINT or the handle stops it. Then `/readyz` answers 503, the server
    /// stops listening, and requests in flight finish within ten seconds.
    pub async fn run(self) -> std::io::Result<()> {
        info!(
            event = "started",
            address = self.address.to_string(),
            database = self.portal.db.describe(),
            version = env!("CARGO_PKG_VERSION");
            ""
        );
        let portal = Arc::clone(&self.portal);
        jobs::start(&portal);
        jobs::each_minute(&portal, "audit", signin::note_left_out);
        access::start(&portal);
        portal.jobs.spawn(instances::run(Arc::clone(&portal)));
        recheck::start(&portal);
        let stopping = stop_on_signal(Arc::clone(&portal), self.inner.handle());
        portal.jobs.spawn(stopping);
        let result = self.inner.await;
        portal.is_ready.store(false, Ordering::Relaxed);
        portal.jobs.stop().await;
        info!(event = "stopped"; "");
        result
    }
}

async fn stop_on_signal(portal: Arc<Portal>, server: ServerHandle) {
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
    portal.is_ready.store(false, Ordering::Relaxed);
    tokio::time::sleep(DRAIN).await;
    server.stop(true).await;
}
