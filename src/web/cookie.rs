//! Cookies: the session's (sealed by actix-session), the browser's binding, the language and the
//! theme. Each has its own name, so that a late answer to a visitor without a session cannot
//! overwrite a session.

use actix_session::SessionMiddleware;
use actix_session::config::PersistentSession;
use actix_session::storage::CookieSessionStore;
use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, CookieJar, Key, SameSite};
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};

use crate::attempts::Browser;
use crate::desk::Desk;
use crate::secret::Secret;

/// The only member of the session cookie.
pub const TOKEN: &str = "token";

const LANGUAGE: &str = "fd_language";
const THEME: &str = "fd_theme";
const NOTICE: &str = "fd_notice";

const FAREWELL: &str = "fd_farewell";

/// `__Host-` binds a cookie to exactly this origin; browsers allow it only over https.
const fn session_name(desk: &Desk) -> &'static str {
    if desk.public_url.is_https {
        "__Host-fd_session"
    } else {
        "fd_session"
    }
}

const fn browser_name(desk: &Desk) -> &'static str {
    if desk.public_url.is_https {
        "__Host-fd_browser"
    } else {
        "fd_browser"
    }
}

pub fn session_middleware(desk: &Desk) -> SessionMiddleware<CookieSessionStore> {
    let seconds = i64::try_from(desk.limits.max.as_secs()).unwrap_or(i64::MAX);
    SessionMiddleware::builder(CookieSessionStore::default(), Key::from(desk.keys.cookie()))
        .cookie_name(session_name(desk).to_owned())
        .cookie_secure(desk.public_url.is_https)
        .cookie_http_only(true)
        .cookie_same_site(SameSite::Lax)
        .cookie_path("/".to_owned())
        .session_lifecycle(PersistentSession::default().session_ttl(Duration::seconds(seconds)))
        .build()
}

/// Keeps only the request's cookies that have exactly one of our names, and only if that name
/// occurs once.
///
/// If a name occurs twice, someone must have planted one of the two, so neither is believed. The
/// parser behind us decodes names: `__%48ost-…`, which browsers let other hosts set, would count as
/// `__Host-…`. And a single cookie of another application that is not Unicode would cost us ours.
pub fn keep_ours(headers: &mut HeaderMap, desk: &Desk) {
    let names = [
        session_name(desk),
        browser_name(desk),
        LANGUAGE,
        THEME,
        NOTICE,
        FAREWELL,
    ];
    let mut kept: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut doubled: Vec<&str> = Vec::new();
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let Some(at) = pair.iter().position(|byte| *byte == b'=') else {
                continue;
            };
            let (name, value) = pair.split_at(at);
            let Some(name) = names.into_iter().find(|ours| ours.as_bytes() == name) else {
                continue;
            };
            if kept.iter().any(|(known, _)| *known == name) {
                doubled.push(name);
            } else if value.is_ascii() {
                kept.push((name, value.to_vec()));
            }
        }
    }
    kept.retain(|(name, _)| !doubled.contains(name));
    headers.remove(COOKIE);
    let mut line = Vec::new();
    for (name, value) in kept {
        if !line.is_empty() {
            line.extend_from_slice(b"; ");
        }
        line.extend_from_slice(name.as_bytes());
        line.extend_from_slice(&value);
    }
    if let Ok(line) = HeaderValue::from_bytes(&line)
        && !line.is_empty()
    {
        headers.insert(COOKIE, line);
    }
}

/// Returns the token in a cookie that was sealed with `SECRET_KEY_PREVIOUS`.
pub fn token_under_previous_key(request: &HttpRequest, desk: &Desk) -> Option<Secret<String>> {
    let key = Key::from(desk.keys.previous_cookie()?);
    let name = session_name(desk);
    let mut jar = CookieJar::new();
    jar.add_original(request.cookie(name)?);
    let opened = jar.private(&key).get(name)?;
    // actix-session stores an object of JSON texts.
    let members: std::collections::HashMap<String, String> =
        serde_json::from_str(opened.value()).ok()?;
    let token = serde_json::from_str(members.get(TOKEN)?).ok()?;
    Some(Secret::new(token))
}

/// Removes a session cookie that actix-session cannot open itself.
pub fn removed_session(desk: &Desk) -> Cookie<'static> {
    let mut cookie = Cookie::build(session_name(desk), "")
        .path("/")
        .secure(desk.public_url.is_https)
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish();
    cookie.make_removal();
    cookie
}

/// Carries a notice that the page after a redirect shows once.
pub fn notice_cookie(desk: &Desk, code: &'static str) -> Cookie<'static> {
    let mut cookie = preference(desk, NOTICE, code);
    cookie.set_max_age(Duration::seconds(60));
    cookie
}

pub fn removed_notice(desk: &Desk) -> Cookie<'static> {
    let mut cookie = preference(desk, NOTICE, "");
    cookie.make_removal();
    cookie
}

pub fn notice(request: &HttpRequest) -> Option<String> {
    Some(request.cookie(NOTICE)?.value().to_owned())
}

/// Carries the sealed session that the browser has just left.
pub fn farewell_cookie(desk: &Desk, sealed: String) -> Cookie<'static> {
    let seconds = i64::try_from(crate::signout::LEFT_SESSION_LIFETIME.as_secs()).unwrap_or(600);
    Cookie::build(FAREWELL, sealed)
        .path("/")
        .secure(desk.public_url.is_https)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(seconds))
        .finish()
}

pub fn removed_farewell(desk: &Desk) -> Cookie<'static> {
    let mut cookie = preference(desk, FAREWELL, "");
    cookie.make_removal();
    cookie
}

pub fn farewell(request: &HttpRequest) -> Option<String> {
    Some(request.cookie(FAREWELL)?.value().to_owned())
}

/// Lasts as long as the browser runs.
pub fn browser_cookie(desk: &Desk, browser: &Browser) -> Cookie<'static> {
    Cookie::build(browser_name(desk), browser.value().to_owned())
        .path("/")
        .secure(desk.public_url.is_https)
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
}

/// Removes the binding: everything that was bound to it is void in this browser from now on.
pub fn removed_browser(desk: &Desk) -> Cookie<'static> {
    let mut cookie = preference(desk, browser_name(desk), "");
    cookie.make_removal();
    cookie
}

pub fn browser(request: &HttpRequest, desk: &Desk) -> Option<Browser> {
    Browser::from_cookie(request.cookie(browser_name(desk))?.value())
}

pub fn language(request: &HttpRequest) -> Option<String> {
    Some(request.cookie(LANGUAGE)?.value().to_owned())
}

pub fn theme(request: &HttpRequest) -> Option<String> {
    Some(request.cookie(THEME)?.value().to_owned())
}

pub fn language_cookie(desk: &Desk, value: &'static str) -> Cookie<'static> {
    preference(desk, LANGUAGE, value)
}

pub fn theme_cookie(desk: &Desk, value: &'static str) -> Cookie<'static> {
    preference(desk, THEME, value)
}

fn preference(desk: &Desk, name: &'static str, value: &'static str) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .secure(desk.public_url.is_https)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::days(365))
        .finish()
}
