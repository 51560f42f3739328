//! The sign-in page, the way to the provider and back, signing out.

use actix_session::Session as CookieSession;
use actix_web::http::header::{HeaderName, HeaderValue, LOCATION};
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use url::Url;

use super::cookie::{self, browser_cookie};
use super::csrf::Form;
use super::guard::signed_in;
use super::page::Page;
use super::visit::Visit;
use crate::attempts::Browser;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::local_path::LocalPath;
use crate::secret::Secret;
use crate::signin::{self, Callback, Finished, Visitor};
use crate::signout;

/// The only parameter that shapes a sign-in from outside.
#[derive(Deserialize)]
pub struct Next {
    next: Option<String>,
}

impl Next {
    fn path(&self) -> LocalPath {
        self.next
            .as_deref()
            .and_then(LocalPath::parse)
            .unwrap_or_else(LocalPath::home)
    }
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

fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, to))
        .finish()
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    page: &'a Page<'a>,
    begin: String,
}

pub async fn show(
    request: HttpRequest,
    desk: Data<Desk>,
    next: Query<Next>,
) -> Result<HttpResponse> {
    let next = next.path();
    if signed_in(&request).await?.is_some() {
        return Ok(see_other(&next.to_ascii()));
    }
    let visit = Visit::of(&request, &desk);
    let page = Page::new(&desk, &visit, None)?;
    page.ok(&SignInPage {
        page: &page,
        begin: address("/oauth2/login", &next),
    })
}

/// Sends the browser to the provider. Costs no row and no cookie but the browser's binding.
pub async fn begin(visit: Visit, desk: Data<Desk>, next: Query<Next>) -> Result<HttpResponse> {
    let (browser, is_new) = binding(&visit)?;
    let url = signin::begin(&desk, &browser, next.path(), 0)?;
    Ok(bound(&desk, &browser, is_new, &url))
}

/// The browser's binding, and whether it is a new one.
fn binding(visit: &Visit) -> Result<(Browser, bool)> {
    Ok(match &visit.browser {
        Some(browser) => (browser.clone(), false),
        None => (Browser::new()?, true),
    })
}

fn bound(desk: &Desk, browser: &Browser, is_new: bool, url: &Url) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, url.as_str()));
    if is_new {
        response.cookie(browser_cookie(desk, browser));
    }
    response.finish()
}

/// The provider sends the browser back here (RFC 6749 4.1.2).
pub async fn finish(
    request: HttpRequest,
    desk: Data<Desk>,
    cookie_session: CookieSession,
) -> Result<HttpResponse> {
    let visit = Visit::of(&request, &desk);
    let visitor = Visitor {
        browser: visit.browser.clone(),
        client: visit.client.clone(),
        session_token: visit.session_token.clone(),
    };
    let finished = signin::finish(&desk, callback(request.query_string()), visitor).await?;
    desk.failpoint.hit("before_response");
    match finished {
        Finished::SignedIn { token, next } => {
            cookie_session.renew();
            cookie_session
                .insert(cookie::TOKEN, token.expose())
                .map_err(|error| Error::Internal(format!("the session cookie: {error}")))?;
            Ok(see_other(&next.to_ascii()))
        }
        // A reload, or the way back through the history: whoever is signed in just goes on.
        Finished::Stale(stale) if signed_in(&request).await?.is_some() => {
            Ok(see_other(&stale.next().to_ascii()))
        }
        Finished::Stale(stale) => {
            let (browser, is_new) = binding(&visit)?;
            let url = signin::start_over(&desk, *stale, &browser, &visit.client).await?;
            Ok(bound(&desk, &browser, is_new, &url))
        }
    }
}

/// Each parameter at most once (RFC 6749 3.1), and either a code or an error. Where that does not
/// hold, what is doubled counts as not there.
fn callback(query: &str) -> Callback {
    let once = |name: &str| {
        let mut values = url::form_urlencoded::parse(query.as_bytes())
            .filter(|(given, _)| given == name || is_array_form(given, name));
        match (values.next(), values.next()) {
            (Some((given, value)), None) if given == name && !value.is_empty() => {
                Some(value.into_owned())
            }
            _ => None,
        }
    };
    let is_doubled = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .filter(|(given, _)| given == name || is_array_form(given, name))
            .count()
            > 1
    };
    let has_doubled = ["state", "code", "error", "iss", "session_state"]
        .into_iter()
        .any(is_doubled);
    Callback {
        state: once("state"),
        code: once("code").filter(|_| !has_doubled).map(Secret::new),
        error: once("error").filter(|_| !has_doubled),
    }
}

/// `code[]` and `code[0]`, which some servers read as `code`.
fn is_array_form(given: &str, name: &str) -> bool {
    given
        .strip_prefix(name)
        .is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']'))
}

/// A form without fields of its own.
#[derive(Deserialize)]
pub struct NoFields {}

pub async fn sign_out(
    visit: Visit,
    desk: Data<Desk>,
    cookie_session: CookieSession,
    _form: Form<NoFields>,
) -> Result<HttpResponse> {
    if let Some(token) = &visit.session_token {
        signout::sign_out(&desk, token, visit.client.clone()).await?;
        cookie_session.purge();
    }
    let mut response = see_other("/signed-out");
    if visit.is_under_previous_key {
        response
            .add_cookie(&cookie::removed_session(&desk))
            .map_err(|error| Error::Internal(format!("a cookie: {error}")))?;
    }
    Ok(response)
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage<'a> {
    page: &'a Page<'a>,
}

pub async fn signed_out(request: HttpRequest, desk: Data<Desk>) -> Result<HttpResponse> {
    if signed_in(&request).await?.is_some() {
        return Ok(see_other("/"));
    }
    let visit = Visit::of(&request, &desk);
    let page = Page::new(&desk, &visit, None)?;
    let mut response = page.ok(&SignedOutPage { page: &page })?;
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\""),
    );
    Ok(response)
}
