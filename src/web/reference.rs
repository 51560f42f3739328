//! The reference of a refusal, on its page and in the log line of the request.

use actix_web::HttpResponse;
use actix_web::http::header::RETRY_AFTER;

use crate::id::Reference;
use crate::throttle::Paused;

/// Notes a refusal on a page that a handler rendered itself, for the log line of the request and
/// for programs.
pub fn note_refusal(response: &mut HttpResponse, reference: Reference, paused: Option<Paused>) {
    response.extensions_mut().insert(reference);
    if let Some(paused) = paused {
        let seconds = paused.retry_after.as_secs() + 1;
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
}
