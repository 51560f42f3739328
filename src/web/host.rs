//! Under which names this portal answers. Whoever asks for another one is sent to the right one,
//! or refused: no page, form or redirect may depend on a name that a stranger wrote.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::HOST;
use actix_web::http::uri::Authority;

use crate::desk::Desk;

/// Answered under any name: load balancers and watchdogs know only an address.
const EXEMPT: [&str; 2] = ["/healthz", "/readyz"];

/// What to do with a request, by its host.
#[derive(Debug, PartialEq, Eq)]
pub enum Host {
    Ours,
    /// The same page under the public address.
    MovedTo(String),
    /// A form or another method: nothing is done, and nothing is sent on.
    Refused,
}

/// `Host` (RFC 9110 7.2), and the authority of an absolute-form target, which goes before it.
pub fn judge(request: &HttpRequest, desk: &Desk) -> Host {
    if EXEMPT.contains(&request.path()) {
        return Host::Ours;
    }
    let is_ours = |host: &str| {
        desk.hosts
            .iter()
            .any(|ours| ours.eq_ignore_ascii_case(host))
    };
    let mut headers = request.headers().get_all(HOST);
    let header = headers.next().and_then(|host| host.to_str().ok());
    let target = request.uri().authority().map(Authority::as_str);
    if headers.next().is_none() && header.is_some_and(is_ours) && target.is_none_or(is_ours) {
        return Host::Ours;
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Host::Refused;
    }
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    Host::MovedTo(format!("{}{path}", desk.public_url.origin))
}
