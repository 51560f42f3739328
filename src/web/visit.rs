//! The visitor, as far as a request tells, before the database is asked.

use std::future::{Ready, ready};

use actix_session::SessionExt as _;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, ACCEPT_LANGUAGE, USER_AGENT};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use strum::{EnumString, IntoStaticStr};

use super::client_address::client_address;
use super::cookie::{self, PortalCookie};
use crate::coded::coded;
use crate::error::Error;
use crate::i18n::Lang;
use crate::local_path::LocalPath;
use crate::portal::Portal;
use crate::secret::Secret;
use crate::sessions::Client;
use crate::sign_in_attempts::Browser;

/// The maximum length of a stored browser description, in characters.
const MAX_USER_AGENT: usize = 400;

/// The colours that a person chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Theme {
    #[default]
    Auto,
    Light,
    Dark,
}

coded!(Theme);

/// Says whether a request may come from another site's page. Such a request arrives without our
/// cookies, so setting the browser-binding cookie in the response would overwrite the real one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// One of our pages, or a page that was opened directly, with the browser's cookies.
    Ours,
    Anybody,
}

impl Sender {
    fn of(request: &HttpRequest) -> Self {
        let site = request.headers().get("sec-fetch-site");
        if request.method().is_safe() || site.is_some_and(|site| site.as_bytes() == b"same-origin")
        {
            Self::Ours
        } else {
            Self::Anybody
        }
    }
}

#[derive(Clone)]
pub struct Visit {
    pub lang: Lang,
    pub theme: Theme,
    pub client: Client,
    pub browser: Option<Browser>,
    pub sender: Sender,
    /// The token in the session cookie. It is not yet known to be live.
    pub session_token: Option<Secret<String>>,
    /// True if the session cookie must be sealed again.
    pub is_under_previous_key: bool,
    /// True if a program is asking, which wants a status rather than a page.
    pub is_script: bool,
    /// True if this is the callback, an address that the browser cannot return to.
    pub is_callback: bool,
    /// The address to return to: this page, if it is one.
    pub here: LocalPath,
}

impl Visit {
    /// Reads everything except the session, whose cookie an inner middleware opens.
    pub fn without_session(request: &HttpRequest, portal: &Portal) -> Self {
        let header = |name| {
            let value = request.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()))
        };
        let lang = PortalCookie::Language
            .read(request, portal)
            .and_then(|tag| Lang::from_tag(&tag))
            .or_else(|| Lang::from_accept_language(&header(ACCEPT_LANGUAGE)?))
            .unwrap_or(portal.language);
        let theme = PortalCookie::Theme
            .read(request, portal)
            .and_then(|code| Theme::from_code(&code))
            .unwrap_or_default();
        let whose = client_address(request, &portal.trusted_proxies);
        let client = Client {
            address: whose.map_or_else(String::new, |whose| whose.address.to_string()),
            is_proxy: whose.is_some_and(|whose| whose.is_proxy),
            user_agent: header(USER_AGENT)
                .unwrap_or_default()
                .chars()
                .filter(|c| !c.is_control())
                .take(MAX_USER_AGENT)
                .collect(),
        };
        let is_callback = portal.providers.by_callback_path(request.path()).is_some();
        let is_page = request.method() == Method::GET && !is_callback;
        let here = request.uri().path_and_query().filter(|_| is_page);
        Self {
            lang,
            theme,
            client,
            browser: PortalCookie::Browser
                .read(request, portal)
                .and_then(|value| Browser::from_cookie(&value)),
            sender: Sender::of(request),
            session_token: None,
            is_under_previous_key: false,
            is_script: is_script(request),
            is_callback,
            here: here
                .and_then(|here| LocalPath::parse(here.as_str()))
                .unwrap_or_else(LocalPath::home),
        }
    }

    /// Adds the token of the session, once its cookie is open.
    pub fn with_session(mut self, request: &HttpRequest, portal: &Portal) -> Self {
        let opened = request.get_session().get(cookie::TOKEN);
        self.session_token = opened.ok().flatten().map(Secret::new);
        if self.session_token.is_none() {
            self.session_token = cookie::token_under_previous_key(request, portal);
            self.is_under_previous_key = self.session_token.is_some();
        }
        self
    }

    /// Returns the visit that the outermost middleware noted.
    pub fn of(request: &HttpRequest, portal: &Portal) -> Self {
        let noted = request.extensions().get::<Self>().cloned();
        noted.unwrap_or_else(|| Self::without_session(request, portal))
    }
}

impl FromRequest for Visit {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(portal(request).map(|portal| Self::of(request, portal)))
    }
}

/// Returns the portal that [`super::configure`] gave to the application.
pub fn portal(request: &HttpRequest) -> Result<&Data<Portal>, Error> {
    request
        .app_data::<Data<Portal>>()
        .ok_or_else(|| Error::Internal("the application has no portal".to_owned()))
}

fn is_script(request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    if let Some(mode) = header("sec-fetch-mode") {
        return mode != "navigate";
    }
    !header(ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html"))
}
