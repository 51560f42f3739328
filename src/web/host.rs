//! The host names of this portal. A request under another name is redirected to the right one or
//! refused: no page, form or redirect may depend on a name that a stranger chose.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::HOST;
use actix_web::http::uri::Authority;

use crate::portal::Portal;

/// Answered under any name: load balancers and watchdogs know only an address.
const EXEMPT: [&str; 2] = ["/healthz", "/readyz"];

/// How a request is treated, judging by its host.
#[derive(Debug, PartialEq, Eq)]
pub enum Host {
    Ours,
    /// The same page at the public address.
    MovedTo(String),
    /// For a form or another method: nothing is done, and nothing is redirected.
    Refused,
}

/// Judges `Host` (RFC 9110 7.2), or the authority of an absolute-form target, which takes
/// precedence.
pub fn judge(request: &HttpRequest, portal: &Portal) -> Host {
    if EXEMPT.contains(&request.path()) {
        return Host::Ours;
    }
    let is_ours = |host: &str| {
        portal
            .hosts
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
    Host::MovedTo(format!("{}{path}", portal.public_url.origin))
}
