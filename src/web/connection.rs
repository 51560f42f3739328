//! The state of a connection: a client must not hold one by never finishing what it sends. The
//! stream asks [`Progress`] how long it may wait for more; requests tell it when they begin and
//! end.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::HttpRequest;
use tokio::time::Instant;

use super::body::Watched;

/// Longer than proxies keep an idle connection to us (nginx: 60 s). So they close it first, and no
/// request arrives on a connection that is just being closed.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// The time from the first byte of a request to the end of its head.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// The time to send an answer to a request that never ended.
const PARTING: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Progress {
    under_way: Cell<usize>,
    /// True if part of a request has arrived.
    has_begun: Cell<bool>,
    head_patience: Duration,
    deadline: Cell<Instant>,
}

impl Progress {
    #[must_use]
    pub fn new(now: Instant, head_patience: Duration) -> Self {
        Self {
            under_way: Cell::new(0),
            has_begun: Cell::new(false),
            head_patience,
            deadline: Cell::new(now + head_patience),
        }
    }

    /// The time by which the next request must arrive. A request under way has its own deadlines.
    pub const fn deadline(&self) -> Option<Instant> {
        match self.under_way.get() {
            0 => Some(self.deadline.get()),
            _ => None,
        }
    }

    pub fn has_read(&self, now: Instant) {
        if self.under_way.get() == 0 && !self.has_begun.replace(true) {
            self.deadline.set(now + self.head_patience);
        }
    }

    /// A client that is receiving an answer may take its time.
    pub fn has_written(&self, now: Instant) {
        self.deadline
            .set(self.deadline.get().max(now + self.rest()));
    }

    /// The time that is left after an answer.
    fn rest(&self) -> Duration {
        if self.has_begun.get() {
            PARTING
        } else {
            KEEP_ALIVE + HEAD_PATIENCE
        }
    }

    fn begin(&self) {
        self.under_way.set(self.under_way.get() + 1);
        self.has_begun.set(false);
    }

    /// `has_rest` means that part of the body was never read.
    fn end(&self, now: Instant, has_rest: bool) {
        self.under_way.set(self.under_way.get().saturating_sub(1));
        self.has_begun.set(has_rest);
        self.deadline.set(now + self.rest());
    }
}

/// A request under way on its connection.
pub struct UnderWay {
    progress: Option<Rc<Progress>>,
    body: Option<Rc<Watched>>,
}

impl UnderWay {
    #[must_use]
    pub fn begin(request: &HttpRequest, body: Option<Rc<Watched>>) -> Self {
        let progress = request.conn_data::<Rc<Progress>>().cloned();
        if let Some(progress) = &progress {
            progress.begin();
        }
        Self { progress, body }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(progress) = &self.progress {
            let has_rest = self.body.as_ref().is_some_and(|body| !body.is_whole.get());
            progress.end(Instant::now(), has_rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_may_wait_idle_longer_than_with_half_a_request() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let progress = Progress::new(start, HEAD_PATIENCE);
        assert_eq!(progress.deadline(), Some(after(10)));
        progress.has_read(after(1));
        progress.has_read(after(9));
        assert_eq!(progress.deadline(), Some(after(11)), "drops do not help");
        progress.begin();
        assert_eq!(progress.deadline(), None);
        progress.end(after(20), false);
        assert_eq!(progress.deadline(), Some(after(105)));
        // Half of a second request arrives behind a complete first one.
        progress.has_read(after(30));
        assert_eq!(progress.deadline(), Some(after(40)));
        progress.begin();
        progress.end(after(50), true);
        assert_eq!(progress.deadline(), Some(after(52)));
        progress.has_read(after(51));
        assert_eq!(progress.deadline(), Some(after(52)));
    }
}
