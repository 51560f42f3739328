//! Cookies: the session's (sealed by actix-session), the browser's binding, language and theme.
//! Each has a name of its own, so that a late answer to somebody who is not signed in cannot
//! overwrite a session.

use actix_session::SessionMiddleware;
use actix_session::config::PersistentSession;
use actix_session::storage::CookieSessionStore;
use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, CookieJar, Key, SameSite};

use crate::attempts::Browser;
use crate::desk::Desk;
use crate::secret::Secret;

/// The one member of the session's cookie.
pub const TOKEN: &str = "token";

const LANGUAGE: &str = "fd_language";
const THEME: &str = "fd_theme";

/// `__Host-` binds a cookie to this very origin; browsers grant it over https alone.
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

/// How many session cookies the request carries. Two can only come from somebody who planted
/// one: neither is believed.
pub fn session_cookies(request: &HttpRequest, desk: &Desk) -> usize {
    let name = session_name(desk);
    request.cookies().map_or(0, |cookies| {
        cookies
            .iter()
            .filter(|cookie| cookie.name() == name)
            .count()
    })
}

/// The token in a cookie that `SECRET_KEY_PREVIOUS` sealed.
pub fn token_under_previous_key(request: &HttpRequest, desk: &Desk) -> Option<Secret<String>> {
    let key = Key::from(desk.keys.previous_cookie()?);
    let name = session_name(desk);
    let mut jar = CookieJar::new();
    jar.add_original(request.cookie(name)?);
    let opened = jar.private(&key).get(name)?;
    // actix-session's form: an object of JSON texts.
    let members: std::collections::HashMap<String, String> =
        serde_json::from_str(opened.value()).ok()?;
    let token = serde_json::from_str(members.get(TOKEN)?).ok()?;
    Some(Secret::new(token))
}

/// For as long as the browser runs.
pub fn browser_cookie(desk: &Desk, browser: &Browser) -> Cookie<'static> {
    Cookie::build(browser_name(desk), browser.value().to_owned())
        .path("/")
        .secure(desk.public_url.is_https)
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish()
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
