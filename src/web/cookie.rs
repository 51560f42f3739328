//! Cookies: the session's (sealed by actix-session), the browser's binding, the language and the
//! theme. Each has its own name, so that a late answer to a visitor without a session cannot
//! overwrite a session.

use std::borrow::Cow;
use std::collections::HashMap;

use actix_session::config::PersistentSession;
use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, CookieJar, Key, SameSite};
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use strum::VariantArray;

use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::secret::Secret;
use crate::signout::LEFT_SESSION_LIFETIME;

/// The only member of the session cookie.
pub const TOKEN: &str = "token";

/// The cookies of the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum PortalCookie {
    /// The session's token, sealed by actix-session.
    Session,
    /// The browser's binding. Without it, everything that was bound to it is void in this browser.
    Browser,
    Language,
    Theme,
    /// A notice that the page after a redirect shows once.
    Notice,
    /// The sealed session that the browser has just left.
    Farewell,
}

impl PortalCookie {
    /// `__Host-` binds a cookie to exactly this origin; browsers allow it only over https.
    const fn name(self, portal: &Portal) -> &'static str {
        match (self, portal.public_url.is_https) {
            (Self::Session, true) => "__Host-fd_session",
            (Self::Session, false) => "fd_session",
            (Self::Browser, true) => "__Host-fd_browser",
            (Self::Browser, false) => "fd_browser",
            (Self::Language, _) => "fd_language",
            (Self::Theme, _) => "fd_theme",
            (Self::Notice, _) => "fd_notice",
            (Self::Farewell, _) => "fd_farewell",
        }
    }

    /// How long the cookie lasts; `None` as long as the browser runs.
    fn lifetime(self) -> Option<Duration> {
        match self {
            Self::Session | Self::Browser => None,
            Self::Language | Self::Theme => Some(Duration::days(365)),
            Self::Notice => Some(Duration::seconds(60)),
            Self::Farewell => LEFT_SESSION_LIFETIME.try_into().ok(),
        }
    }

    pub fn read(self, request: &HttpRequest, portal: &Portal) -> Option<String> {
        Some(request.cookie(self.name(portal))?.value().to_owned())
    }

    pub fn set(
        self,
        response: &mut HttpResponse,
        portal: &Portal,
        value: impl Into<Cow<'static, str>>,
    ) -> Result<()> {
        add(response, &self.cookie(portal, value.into()))
    }

    pub fn remove(self, response: &mut HttpResponse, portal: &Portal) -> Result<()> {
        let mut cookie = self.cookie(portal, "".into());
        cookie.make_removal();
        add(response, &cookie)
    }

    fn cookie(self, portal: &Portal, value: Cow<'static, str>) -> Cookie<'static> {
        let mut cookie = Cookie::build(self.name(portal), value)
            .path("/")
            .secure(portal.public_url.is_https)
            .http_only(true)
            .same_site(SameSite::Lax)
            .finish();
        cookie.set_max_age(self.lifetime());
        cookie
    }
}

fn add(response: &mut HttpResponse, cookie: &Cookie<'_>) -> Result<()> {
    response
        .add_cookie(cookie)
        .map_err(|error| Error::Internal(format!("a cookie: {error}")))
}

pub fn session_middleware(portal: &Portal) -> SessionMiddleware<CookieSessionStore> {
    let lifetime = portal.limits.max.try_into().unwrap_or(Duration::MAX);
    SessionMiddleware::builder(
        CookieSessionStore::default(),
        Key::from(portal.keys.cookie()),
    )
    .cookie_name(PortalCookie::Session.name(portal).to_owned())
    .cookie_secure(portal.public_url.is_https)
    .cookie_http_only(true)
    .cookie_same_site(SameSite::Lax)
    .cookie_path("/".to_owned())
    .session_lifecycle(PersistentSession::default().session_ttl(lifetime))
    .build()
}

/// Keeps only the request's cookies that have exactly one of our names, and only if that name
/// occurs once.
///
/// If a name occurs twice, someone must have planted one of the two, so neither is believed. The
/// parser behind us decodes names: `__%48ost-…`, which browsers let other hosts set, would count as
/// `__Host-…`. And a single cookie of another application that is not Unicode would cost us ours.
pub fn keep_ours(headers: &mut HeaderMap, portal: &Portal) {
    let mut kept: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut doubled: Vec<&str> = Vec::new();
    for header in headers.get_all(COOKIE) {
        for pair in header.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let Some(at) = pair.iter().position(|byte| *byte == b'=') else {
                continue;
            };
            let (name, value) = pair.split_at(at);
            let mut ours = PortalCookie::VARIANTS.iter().map(|ours| ours.name(portal));
            let Some(name) = ours.find(|ours| ours.as_bytes() == name) else {
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

/// Puts a session's token into its cookie.
pub fn set_token(session: &Session, token: &Secret<String>) -> Result<()> {
    session
        .insert(TOKEN, token.expose())
        .map_err(|error| Error::Internal(format!("the session cookie: {error}")))
}

/// Returns the token in a cookie that was sealed with `SECRET_KEY_PREVIOUS`.
pub fn token_under_previous_key(request: &HttpRequest, portal: &Portal) -> Option<Secret<String>> {
    let key = Key::from(portal.keys.previous_cookie()?);
    let name = PortalCookie::Session.name(portal);
    let mut jar = CookieJar::new();
    jar.add_original(request.cookie(name)?);
    let opened = jar.private(&key).get(name)?;
    // actix-session stores an object of JSON texts.
    let members: HashMap<String, String> = serde_json::from_str(opened.value()).ok()?;
    let token = serde_json::from_str(members.get(TOKEN)?).ok()?;
    Some(Secret::new(token))
}
