//! Connections, below requests. Each has limited time for what it must send next. What is not HTTP
//! gets a log line with the address that it came from, up to a cap.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_service::{IntoServiceFactory as _, Service, ServiceFactory, ServiceFactoryExt as _};
use actix_web::App;
use actix_web::dev::{AppConfig, Server};
use actix_web::rt::net::TcpStream;
use log::warn;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::clock::UnixTime;
use crate::portal::Portal;
use crate::web;
use crate::web::connection::{HEAD_PATIENCE, KEEP_ALIVE, Progress};

/// The time from accepting a connection to the end of its first head; after that, the answer is
/// 408.
const FIRST_HEAD: Duration = Duration::from_secs(5);
/// The time for what a client still sends after it has its answer.
const LINGER: Duration = Duration::from_secs(1);
/// The limit per worker. More connections wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 10_000;
/// The time for requests in flight.
const SHUTDOWN_SECONDS: u64 = 10;

/// Starts a server on a socket that is already listening.
pub fn serve(listener: TcpListener, portal: &Arc<Portal>) -> io::Result<Server> {
    let portal = Arc::clone(portal);
    let lines = Arc::new(LogLimiter::default());
    let builder = Server::build()
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .max_concurrent_connections(MAX_CONNECTIONS);
    let stopping = builder.graceful_shutdown_signal();
    let factory = move || {
        let stopping = stopping.clone();
        let app = App::new()
            .configure(web::configure(&portal))
            .into_factory()
            .map_err(|error: actix_web::Error| error.error_response());
        let app = actix_service::map_config(app, |()| AppConfig::default());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(FIRST_HEAD)
            .client_disconnect_timeout(LINGER)
            .on_connect_ext(|stream: &Stream, data| {
                data.insert(Rc::clone(&stream.progress));
            })
            .finish(app);
        Connections {
            http,
            portal: Arc::clone(&portal),
            lines: Arc::clone(&lines),
        }
    };
    Ok(builder.listen("frontdesk", listener, factory)?.run())
}

/// The number of open files that a few thousand connections need.
const FEW_FILES: u64 = 4096;

/// Raises this process's limit of open files to the maximum: each connection is one.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _as_before = setrlimit(Resource::Nofile, raised);
    if let Some(files) = getrlimit(Resource::Nofile).current
        && files < FEW_FILES
    {
        warn!(event = "open_files", count = files; "this limit allows only a few connections; raise it (LimitNOFILE=, ulimit -n)");
    }
}

/// The maximum number of log lines per minute about requests that are not HTTP.
const LINES_A_MINUTE: u64 = 20;

#[derive(Default)]
struct LogLimiter(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    began_at: UnixTime,
    lines: u64,
    left_out: u64,
}

impl LogLimiter {
    /// Returns whether one more line may be written, and if so how many were left out before it.
    fn may_log(&self, now: UnixTime) -> Option<u64> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(minute.began_at) >= Duration::from_secs(60) {
            minute.began_at = now;
            minute.lines = 0;
        }
        if minute.lines >= LINES_A_MINUTE {
            minute.left_out += 1;
            return None;
        }
        minute.lines += 1;
        Some(std::mem::take(&mut minute.left_out))
    }
}

/// Makes the service of one worker.
struct Connections<F> {
    http: F,
    portal: Arc<Portal>,
    lines: Arc<LogLimiter>,
}

type Connection = (Stream, Protocol, Option<SocketAddr>);

impl<F> ServiceFactory<TcpStream> for Connections<F>
where
    F: ServiceFactory<Connection, Config = (), Response = (), Error = DispatchError> + 'static,
    F::Future: 'static,
    <F::Service as Service<Connection>>::Future: 'static,
{
    type Response = ();
    type Error = ();
    type Config = ();
    type Service = Connected<F::Service>;
    type InitError = F::InitError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Service, Self::InitError>>>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let http = self.http.new_service(());
        let (portal, lines) = (Arc::clone(&self.portal), Arc::clone(&self.lines));
        Box::pin(async move {
            Ok(Connected {
                http: http.await?,
                portal,
                lines,
            })
        })
    }
}

/// Serves the connections of one worker.
struct Connected<S> {
    http: S,
    portal: Arc<Portal>,
    lines: Arc<LogLimiter>,
}

impl<S> Service<TcpStream> for Connected<S>
where
    S: Service<Connection, Response = (), Error = DispatchError>,
    S::Future: 'static,
{
    type Response = ();
    type Error = ();
    type Future = Pin<Box<dyn Future<Output = Result<(), ()>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        self.http.poll_ready(cx).map_err(|_| ())
    }

    fn call(&self, stream: TcpStream) -> Self::Future {
        let peer = stream.peer_addr().ok();
        let patience = self.portal.failpoint.patience("request", HEAD_PATIENCE);
        let connection = (Stream::new(stream, patience), Protocol::Http1, peer);
        let served = self.http.call(connection);
        let (portal, lines) = (Arc::clone(&self.portal), Arc::clone(&self.lines));
        Box::pin(async move {
            if let Err(error) = served.await {
                note(&error, peer, &lines, portal.clock.now());
            }
            Ok(())
        })
    }
}

/// Writes the log line of an error. Broken connections are normal and get none; requests that are
/// not HTTP, and our own faults, do.
fn note(error: &DispatchError, peer: Option<SocketAddr>, lines: &LogLimiter, now: UnixTime) {
    let event = match error {
        DispatchError::Parse(_) => "malformed_request",
        DispatchError::Body(_) | DispatchError::InternalError => "connection",
        _ => return,
    };
    let address = peer
        .map(|peer| peer.ip().to_canonical().to_string())
        .unwrap_or_default();
    if let Some(left_out) = lines.may_log(now) {
        warn!(event = event, address = address.as_str(), left_out = left_out; "{error}");
    }
}

/// A connection that closes if what it waits for does not arrive in time.
struct Stream {
    inner: TcpStream,
    progress: Rc<Progress>,
    /// Never later than the deadline. If it fires too early, it is armed again.
    alarm: Pin<Box<Sleep>>,
}

impl Stream {
    fn new(inner: TcpStream, head_patience: Duration) -> Self {
        let progress = Progress::new(Instant::now(), head_patience);
        let deadline = progress.deadline().unwrap_or_else(Instant::now);
        Self {
            inner,
            progress: Rc::new(progress),
            alarm: Box::pin(sleep_until(deadline)),
        }
    }

    /// Returns whether the time for what should come next is over. If not, the task wakes up at
    /// that time.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.progress.deadline() else {
            return false;
        };
        if deadline < self.alarm.deadline() {
            self.alarm.as_mut().reset(deadline);
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            if deadline <= Instant::now() {
                return true;
            }
            self.alarm.as_mut().reset(deadline);
        }
        false
    }

    /// Called when an answer may have gone out. From there on the connection waits for the next
    /// request, even if no one reads again before it comes.
    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(1..)) = written {
            self.progress.has_written(Instant::now());
            let _armed = self.is_late(cx);
        }
        written
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buffer);
        match &polled {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => {
                self.progress.has_read(Instant::now());
            }
            Poll::Ready(_) => return polled,
            Poll::Pending => {}
        }
        // This is checked even if data has arrived: single bytes do not buy time.
        if self.is_late(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.after_write(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.after_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_what_is_no_http_has_twenty_lines_a_minute_and_their_number() {
        let lines = LogLimiter::default();
        let now = UnixTime(1_000_000_000);
        let admitted = (0..1000).filter(|_| lines.may_log(now).is_some()).count();
        assert_eq!(admitted, 20);
        assert_eq!(lines.may_log(now.plus(Duration::from_secs(60))), Some(980));
        assert_eq!(lines.may_log(now.plus(Duration::from_secs(60))), Some(0));
    }
}
