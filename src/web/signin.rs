//! The sign-in page, the way to the provider and back, signing out.

use actix_session::Session as CookieSession;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use url::Url;

use super::cookie::{self, browser_cookie};
use super::csrf::Form;
use super::frame::Reference;
use super::guard::signed_in;
use super::page::Page;
use super::visit::Visit;
use crate::attempts::Browser;
use crate::config::PasswordLogin;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::local_path::LocalPath;
use crate::oauth::Prompt;
use crate::secret::Secret;
use crate::signin::password::{self, Credentials, Outcome};
use crate::signin::{self, Callback, Finished, Visitor};
use crate::signout;
use crate::throttle::Paused;

/// What shapes a sign-in from outside.
#[derive(Deserialize)]
pub struct Wanted {
    next: Option<String>,
    /// Present: whoever is signed in is asked to sign in again.
    fresh: Option<String>,
    /// Present: the password form is open.
    local: Option<String>,
    /// `login`: the provider is asked to ask again.
    prompt: Option<String>,
}

impl Wanted {
    fn path(&self) -> LocalPath {
        path(self.next.as_deref())
    }

    fn prompt(&self) -> Prompt {
        match self.prompt.as_deref() {
            Some("login") => Prompt::Login,
            _ => Prompt::Unasked,
        }
    }
}

fn path(next: Option<&str>) -> LocalPath {
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

/// Where somebody who is signed in signs in anew: `/login?next=/admin/users&fresh=1`
pub fn fresh_address(next: &LocalPath) -> String {
    format!("{}&fresh=1", address("/login", next))
}

pub fn see_other(to: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, to))
        .finish()
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    page: &'a Page<'a>,
    /// Somebody is signed in already, and is asked again.
    is_fresh: bool,
    /// Where the company sign-in begins.
    begin: Option<String>,
    form: Option<PasswordForm<'a>>,
    problem: Option<Problem>,
    reference: Option<&'a str>,
}

struct PasswordForm<'a> {
    is_open: bool,
    next: &'a str,
    username: &'a str,
}

/// What stands above the page when a password was refused.
struct Problem {
    heading: &'static str,
    lead: String,
}

pub async fn show(
    request: HttpRequest,
    desk: Data<Desk>,
    wanted: Query<Wanted>,
) -> Result<HttpResponse> {
    let next = wanted.path();
    let me = signed_in(&request).await?;
    let is_fresh = wanted.fresh.is_some() && me.is_some();
    if me.is_some() && !is_fresh {
        return Ok(see_other(&next.to_ascii()));
    }
    let visit = Visit::of(&request, &desk);
    let page = Page::new(&desk, &visit, None)?;
    // Each kind of account has one way to prove itself anew.
    let is_local = me.as_ref().is_some_and(|me| me.user.synced_at().is_none());
    let mut begin = address("/oauth2/login", &next);
    if is_fresh {
        begin.push_str("&prompt=login");
    }
    let username = me.as_ref().filter(|_| is_local);
    page.ok(&SignInPage {
        page: &page,
        is_fresh,
        begin: Some(begin).filter(|_| !is_local),
        form: password_form(
            &desk,
            wanted.local.is_some() || is_local,
            next.as_str(),
            username.map_or("", |me| me.user.username.as_str()),
        )
        .filter(|_| !is_fresh || is_local),
        problem: None,
        reference: None,
    })
}

/// `None` where local passwords are switched off.
fn password_form<'a>(
    desk: &Desk,
    is_open: bool,
    next: &'a str,
    username: &'a str,
) -> Option<PasswordForm<'a>> {
    (desk.password_login != PasswordLogin::Off).then_some(PasswordForm {
        is_open,
        next,
        username,
    })
}

/// The local password form.
#[derive(Deserialize)]
pub struct PasswordFields {
    username: String,
    password: String,
    next: Option<String>,
    /// Present: the page asked somebody who is signed in to sign in again.
    fresh: Option<String>,
}

pub async fn with_password(
    visit: Visit,
    desk: Data<Desk>,
    cookie_session: CookieSession,
    form: Form<PasswordFields>,
) -> Result<HttpResponse> {
    let Form(PasswordFields {
        username,
        password,
        next,
        fresh,
    }) = form;
    let is_fresh = fresh.is_some();
    let next = path(next.as_deref());
    let credentials = Credentials {
        username: username.clone(),
        password: Secret::new(password),
    };
    let visitor = visitor(&visit);
    let outcome = password::sign_in(&desk, credentials, next.clone(), visitor).await?;
    let page = Page::new(&desk, &visit, None)?;
    let (status, reference, paused) = match outcome {
        Outcome::SignedIn { token } => return open_session(&cookie_session, &token, &next),
        Outcome::Refused { reference } => (StatusCode::UNPROCESSABLE_ENTITY, reference, None),
        Outcome::Paused { reference, paused } => {
            (StatusCode::TOO_MANY_REQUESTS, reference, Some(paused))
        }
    };
    let problem = match paused {
        None => Problem {
            heading: page.t.wrong_password_heading,
            lead: page.t.wrong_password_lead.to_owned(),
        },
        Some(paused) => Problem {
            heading: page.t.paused_heading,
            lead: format!("{}{}", page.paused_lead(paused), page.t.paused_company),
        },
    };
    let mut response = page.respond(
        status,
        &SignInPage {
            page: &page,
            is_fresh,
            begin: Some(address("/oauth2/login", &next)).filter(|_| !is_fresh),
            form: password_form(&desk, true, next.as_str(), &username),
            problem: Some(problem),
            reference: Some(&reference),
        },
    )?;
    note_refusal(&mut response, reference, paused);
    Ok(response)
}

/// For the log line of the request, and for programs.
pub fn note_refusal(response: &mut HttpResponse, reference: String, paused: Option<Paused>) {
    response.extensions_mut().insert(Reference(reference));
    if let Some(paused) = paused {
        let seconds = paused.retry_after.as_secs() + 1;
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
}

pub fn visitor(visit: &Visit) -> Visitor {
    Visitor {
        browser: visit.browser.clone(),
        client: visit.client.clone(),
        session_token: visit.session_token.clone(),
    }
}

/// The cookie of a session that has just begun, and the way on.
pub fn open_session(
    cookie_session: &CookieSession,
    token: &Secret<String>,
    next: &LocalPath,
) -> Result<HttpResponse> {
    cookie_session.renew();
    cookie_session
        .insert(cookie::TOKEN, token.expose())
        .map_err(|error| Error::Internal(format!("the session cookie: {error}")))?;
    Ok(see_other(&next.to_ascii()))
}

/// Sends the browser to the provider. Costs no row and no cookie but the browser's binding.
pub async fn begin(visit: Visit, desk: Data<Desk>, wanted: Query<Wanted>) -> Result<HttpResponse> {
    let (browser, is_new) = binding(&visit)?;
    let url = signin::begin(&desk, &browser, wanted.path(), wanted.prompt())?;
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
    let finished = signin::finish(&desk, callback(request.query_string()), visitor(&visit)).await?;
    desk.failpoint.hit("before_response");
    match finished {
        Finished::SignedIn { token, next } => open_session(&cookie_session, &token, &next),
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
