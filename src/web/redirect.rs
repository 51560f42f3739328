//! Where a browser goes next.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::local_path::LocalPath;

/// Where somebody goes on to.
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

/// `/login?next=/account`
pub fn address(path: &str, next: &LocalPath) -> String {
    format!(
        "{path}?next={}",
        utf8_percent_encode(next.as_str(), QUERY_VALUE)
    )
}

/// Where somebody who is signed in proves who they are: `/login?next=/admin/users&fresh=1`
pub fn fresh_address(next: &LocalPath) -> String {
    format!("{}&fresh=1", address("/login", next))
}

pub fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, to))
        .finish()
}

/// To a fresh sign-in, and from there back to an address of ours.
pub fn sign_in_anew(back: &str) -> HttpResponse {
    see_other(&fresh_address(&path(Some(back))))
}
