//! The address that a browser goes to next.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::cookie::PortalCookie;
use crate::error::Result;
use crate::local_path::LocalPath;
use crate::oauth::Prompt;
use crate::portal::Portal;

/// Returns the path that a person goes on to.
pub fn path(next: Option<&str>) -> LocalPath {
    next.and_then(LocalPath::parse)
        .unwrap_or_else(LocalPath::home)
}

const QUERY_VALUE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\'')
    .add(b'=');

/// For example `/login?next=/account`.
pub fn address(path: &str, next: &LocalPath) -> String {
    format!(
        "{path}?next={}",
        utf8_percent_encode(next.as_str(), QUERY_VALUE)
    )
}

/// The address that begins a sign-in. It names the provider if there are several.
pub fn begin_address(
    portal: &Portal,
    next: &LocalPath,
    prompt: Prompt,
    provider: Option<&str>,
) -> String {
    let mut begin = address("/oauth2/login", next);
    if prompt == Prompt::Login {
        begin.push_str("&prompt=login");
    }
    if let Some(provider) = provider.filter(|_| !portal.providers.is_single()) {
        begin.push_str("&provider=");
        begin.push_str(provider);
    }
    begin
}

/// The address of a fresh sign-in for a person who is signed in:
/// `/login?next=/admin/users&fresh=1`.
pub fn fresh_address(next: &LocalPath) -> String {
    format!("{}&fresh=1", address("/login", next))
}

pub fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, to))
        .finish()
}

/// Redirects, with a notice that the page there shows once.
pub fn see_other_with(notice: &'static str, to: &str, portal: &Portal) -> Result<HttpResponse> {
    let mut response = see_other(to);
    PortalCookie::Notice.set(&mut response, portal, notice)?;
    Ok(response)
}

/// Redirects to a fresh sign-in, and from there back to one of our addresses.
pub fn sign_in_anew(back: &str) -> HttpResponse {
    see_other(&fresh_address(&path(Some(back))))
}

/// The same for an address that may be too long to be kept; then it leads to the other one.
pub fn sign_in_anew_or(back: &str, otherwise: &str) -> HttpResponse {
    match LocalPath::parse(back) {
        Some(back) => see_other(&fresh_address(&back)),
        None => sign_in_anew(otherwise),
    }
}
