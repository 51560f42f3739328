//! The single deadline for request bodies. For every address and every reader, either the body ends
//! in time, or its request is answered without it.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpMessage as _;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::time::{Sleep, sleep};

use crate::failpoint::Failpoint;

/// The limit for a whole body: a connection must not stay open by sending slowly.
const PATIENCE: Duration = Duration::from_secs(10);

/// The progress of a request's body.
#[derive(Debug, Default)]
pub struct Watched {
    /// True if time ran out while the body was being read.
    pub is_late: Cell<bool>,
    /// True if the body was read to its end.
    pub is_whole: Cell<bool>,
}

/// Returns whether the body is that of a form.
pub fn is_form(headers: &HeaderMap) -> bool {
    is_of_kind(headers, b"application/x-www-form-urlencoded")
}

/// Returns whether the body is that of a form with a file.
pub fn is_form_with_file(headers: &HeaderMap) -> bool {
    is_of_kind(headers, b"multipart/form-data")
}

fn is_of_kind(headers: &HeaderMap, expected: &[u8]) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let mut parts = kind.unwrap_or_default().split(|byte| *byte == b';');
    parts
        .next()
        .is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(expected))
}

/// Puts the deadline on a request's body. Returns `None` if there is no body.
pub fn watch(request: &mut ServiceRequest, failpoint: &Failpoint) -> Option<Rc<Watched>> {
    let payload = request.take_payload();
    if matches!(payload, Payload::None) {
        return None;
    }
    let watched = Rc::new(Watched::default());
    let in_time = InTime {
        payload,
        time: Box::pin(sleep(failpoint.patience("request", PATIENCE))),
        watched: Rc::clone(&watched),
    };
    request.set_payload(Payload::Stream {
        payload: Box::pin(in_time),
    });
    Some(watched)
}

struct InTime {
    payload: Payload,
    time: Pin<Box<Sleep>>,
    watched: Rc<Watched>,
}

impl Stream for InTime {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // The deadline is checked before new data: otherwise a client that keeps sending would
        // never be late.
        if self.time.as_mut().poll(cx).is_ready() {
            self.watched.is_late.set(true);
            let late = io::Error::new(io::ErrorKind::TimedOut, "the body is late");
            return Poll::Ready(Some(Err(PayloadError::Io(late))));
        }
        let polled = Pin::new(&mut self.payload).poll_next(cx);
        if matches!(polled, Poll::Ready(None)) {
            self.watched.is_whole.set(true);
        }
        polled
    }
}
