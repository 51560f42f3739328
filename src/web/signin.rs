//! The sign-in page, the way to the provider and back, and signing out.

use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Duration;

use actix_session::Session as CookieSession;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;
use url::{Url, form_urlencoded};

use super::account_notice::{AccountNotice, back_to_account};
use super::cookie::{self, PortalCookie};
use super::csrf::Form;
use super::guard::signed_in;
use super::page::{Page, Problem};
use super::proof;
use super::provider_buttons::{WayIn, ways};
use super::redirect::{address, fresh_address, path, see_other, see_other_with};
use super::visit::Visit;
use crate::clock::UnixTime;
use crate::config::PasswordLogin;
use crate::error::{Error, Result};
use crate::id::Reference;
use crate::local_path::LocalPath;
use crate::oauth::Prompt;
use crate::portal::Portal;
use crate::secret::Secret;
use crate::sign_in_attempts::{Browser, Intent};
use crate::signin::password::{self, Credentials, PasswordOutcome};
use crate::signin::{self, Finished, Visitor, Wish};
use crate::signout;
use crate::users::Role;

#[derive(Deserialize)]
pub struct SignInQuery {
    next: Option<String>,
    /// Present: a person who is signed in is asked to sign in again.
    fresh: Option<String>,
    /// Present: the password form is open.
    local: Option<String>,
    /// `login`: the provider is asked to prompt the person again.
    prompt: Option<String>,
    /// The provider's id; without it, the first provider.
    provider: Option<String>,
    /// The token of the account page's link: the provider is added to the person's account.
    link: Option<String>,
    /// Present: an admin makes a test sign-in.
    rehearse: Option<String>,
    /// The issuer. A third party starts the sign-in (`OpenID` Connect Core 4): at this issuer, for
    /// this person, to this address.
    iss: Option<String>,
    login_hint: Option<String>,
    target_link_uri: Option<String>,
}

impl SignInQuery {
    /// The final destination. An address that a third party gives must be one of ours.
    fn target(&self, portal: &Portal) -> LocalPath {
        let ours = self
            .target_link_uri
            .as_deref()
            .and_then(|uri| uri.strip_prefix(portal.public_url.origin.as_str()))
            .and_then(LocalPath::parse);
        ours.unwrap_or_else(|| self.path())
    }

    fn path(&self) -> LocalPath {
        path(self.next.as_deref())
    }

    fn prompt(&self) -> Prompt {
        match self.prompt.as_deref() {
            Some("login") => Prompt::Login,
            _ => Prompt::AsConfigured,
        }
    }
}

/// How long the account page's link to a provider works.
const ADDING: Duration = Duration::from_secs(120);
/// The limit in bytes of what another site's form may pass on (`OpenID` Connect Core 4).
const MAX_HANDED_ON: usize = 2000;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    page: &'a Page<'a>,
    ways: Vec<WayIn<'a>>,
    form: Option<PasswordForm<'a>>,
    problem: Option<Problem>,
    reference: Option<&'a Reference>,
}

impl SignInPage<'_> {
    fn is_all_down(&self) -> bool {
        !self.ways.is_empty() && self.ways.iter().all(|way| !way.is_available)
    }
}

struct PasswordForm<'a> {
    is_open: bool,
    next: &'a str,
    username: &'a str,
}

pub async fn show(
    request: HttpRequest,
    portal: Data<Portal>,
    wanted: Query<SignInQuery>,
) -> Result<HttpResponse> {
    let next = wanted.path();
    let me = signed_in(&request).await?;
    if let Some(me) = me {
        return match wanted.fresh {
            Some(_) => proof::show_to(&me, &portal, &next).await,
            None => Ok(see_other(&next.to_ascii())),
        };
    }
    if let Some(begin) = straight_on(&portal, &wanted) {
        return Ok(see_other(&begin));
    }
    let visit = Visit::of(&request, &portal);
    let page = Page::new(&portal, &visit, None)?;
    let ways = ways(&page, &next, Prompt::AsConfigured, |_| true);
    let is_down = !ways.is_empty() && ways.iter().all(|way| !way.is_available);
    page.ok(&SignInPage {
        page: &page,
        ways,
        form: password_form(
            &portal,
            wanted.local.is_some() || is_down,
            next.as_str(),
            "",
        ),
        problem: None,
        reference: None,
    })
}

/// Returns the address that the sign-in page redirects to, if it is configured to and the only
/// provider is available.
fn straight_on(portal: &Portal, wanted: &SignInQuery) -> Option<String> {
    let provider = portal.providers.first()?;
    let is_wanted = portal.auto_sign_in
        && wanted.local.is_none()
        && portal.providers.is_single()
        && provider.is_available();
    is_wanted.then(|| address("/oauth2/login", &wanted.path()))
}

/// Returns `None` if local passwords are switched off.
fn password_form<'a>(
    portal: &Portal,
    is_open: bool,
    next: &'a str,
    username: &'a str,
) -> Option<PasswordForm<'a>> {
    (portal.password_login != PasswordLogin::Off).then_some(PasswordForm {
        is_open,
        next,
        username,
    })
}

#[derive(Deserialize)]
pub struct PasswordFields {
    username: String,
    password: String,
    next: Option<String>,
}

pub async fn with_password(
    request: HttpRequest,
    visit: Visit,
    portal: Data<Portal>,
    cookie_session: CookieSession,
    form: Form<PasswordFields>,
) -> Result<HttpResponse> {
    let Form(PasswordFields {
        username,
        password,
        next,
    }) = form;
    portal
        .proxy_without_forwarded
        .note(portal.clock.now(), &visit.client);
    let next = path(next.as_deref());
    let credentials = Credentials {
        username: username.clone(),
        password: Secret::new(password),
    };
    let visitor = visitor(&visit);
    let outcome = password::sign_in(&portal, credentials, next.clone(), visitor).await?;
    let page = Page::new(&portal, &visit, None)?;
    let t = page.t;
    let (reference, paused) = match outcome {
        PasswordOutcome::SignedIn { token } => {
            return open_session_anew(&request, &portal, &cookie_session, &token, &next);
        }
        PasswordOutcome::Refused { reference } => (reference, None),
        PasswordOutcome::Paused { reference, paused } => (reference, Some(paused)),
    };
    let (heading, lead) = match paused {
        None => (t.wrong_password_heading, t.wrong_password_lead.to_owned()),
        Some(paused) => {
            let lead = format!("{}{}", page.paused_lead(paused), t.paused_company);
            (t.paused_heading, lead)
        }
    };
    let shown = SignInPage {
        page: &page,
        ways: ways(&page, &next, Prompt::AsConfigured, |_| true),
        form: password_form(&portal, true, next.as_str(), &username),
        problem: Some(Problem { heading, lead }),
        reference: Some(&reference),
    };
    page.refuse(&reference, paused, &shown)
}

pub fn visitor(visit: &Visit) -> Visitor {
    Visitor {
        browser: visit.browser.clone(),
        client: visit.client.clone(),
        session_token: visit.session_token.clone(),
    }
}

/// Sets the cookie of a session that has just begun, and redirects. The session that the browser
/// left before is forgotten: its provider session is not for this person to end.
fn open_session(
    request: &HttpRequest,
    portal: &Portal,
    cookie_session: &CookieSession,
    token: &Secret<String>,
    next: &LocalPath,
) -> Result<HttpResponse> {
    cookie_session.renew();
    cookie::set_token(cookie_session, token)?;
    let mut response = see_other(&next.to_ascii());
    if PortalCookie::Farewell.read(request, portal).is_some() {
        PortalCookie::Farewell.remove(&mut response, portal)?;
    }
    Ok(response)
}

/// Like `open_session`, for ways in that never run in two tabs at once. If the browser came with
/// a session, no matter whose, it also loses its binding.
pub fn open_session_anew(
    request: &HttpRequest,
    portal: &Portal,
    cookie_session: &CookieSession,
    token: &Secret<String>,
    next: &LocalPath,
) -> Result<HttpResponse> {
    let mut response = open_session(request, portal, cookie_session, token, next)?;
    if Visit::of(request, portal).session_token.is_some() {
        PortalCookie::Browser.remove(&mut response, portal)?;
    }
    Ok(response)
}

/// Like `begin`, for a third party that sends people here with a form (`OpenID` Connect Core 4).
/// Browsers send none of our cookies with it, so they are redirected to a GET with only those
/// parameters that others may set. It changes nothing here, so it needs no token of ours.
pub async fn begin_by_form(
    form: actix_web::web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    const NAMES: [&str; 6] = [
        "iss",
        "login_hint",
        "target_link_uri",
        "provider",
        "next",
        "prompt",
    ];
    let mut query = form_urlencoded::Serializer::new(String::new());
    let known = |(name, _): &&(String, String)| NAMES.contains(&name.as_str());
    for (name, value) in form.iter().filter(known) {
        if value.len() > MAX_HANDED_ON {
            return Err(Error::BadRequest);
        }
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.len() > 2 * MAX_HANDED_ON {
        return Err(Error::BadRequest);
    }
    Ok(see_other(&format!("/oauth2/login?{query}")))
}

/// Sends the browser to the provider. This costs no row, and no cookie except the browser's
/// binding.
pub async fn begin(
    request: HttpRequest,
    portal: Data<Portal>,
    wanted: Query<SignInQuery>,
) -> Result<HttpResponse> {
    let visit = Visit::of(&request, &portal);
    let browser = binding(&visit)?;
    let provider = match (&wanted.iss, &wanted.provider) {
        (Some(issuer), _) => Some(
            portal
                .providers
                .by_issuer(issuer)
                .ok_or(Error::BadRequest)?,
        ),
        (None, Some(id)) => Some(portal.providers.find(id).ok_or(Error::NotFound)?),
        (None, None) => portal.providers.first(),
    };
    let provider = provider.map(|provider| provider.id().to_owned());
    let id = provider.as_deref().unwrap_or_default();
    let intent = match intent(&request, &portal, &visit, &wanted, id).await? {
        Continue(intent) => intent,
        Break(elsewhere) => return Ok(elsewhere),
    };
    let (next, prompt) = match intent {
        // A person who adds a provider must prove there who they are.
        Intent::Link(_) => (account_path(), Prompt::Login),
        _ => (wanted.target(&portal), wanted.prompt()),
    };
    let wish = Wish {
        provider,
        next,
        prompt,
        intent,
        login_hint: wanted
            .login_hint
            .clone()
            .filter(|hint| hint.chars().count() <= 255 && !hint.chars().any(char::is_control)),
    };
    let url = signin::begin(&portal, &browser, wish, &visit.client).await?;
    bound(&portal, &visit, &browser, &url)
}

/// Returns the purpose of the attempt if the person may have it, otherwise where they go instead.
async fn intent(
    request: &HttpRequest,
    portal: &Portal,
    visit: &Visit,
    wanted: &SignInQuery,
    provider: &str,
) -> Result<ControlFlow<HttpResponse, Intent>> {
    if wanted.link.is_none() && wanted.rehearse.is_none() {
        return Ok(Continue(Intent::SignIn));
    }
    let me = signed_in(request).await?.ok_or(Error::SignedOut)?;
    let Some(token) = &wanted.link else {
        return if me.user.role() == Role::Superuser {
            Ok(Continue(Intent::Rehearse(me.session.id)))
        } else {
            Err(Error::Forbidden)
        };
    };
    // Someone who finds an open browser must not be able to make the account theirs.
    if !me.session.is_proved(portal.clock.now()) {
        return Ok(Break(to_prove_for_linking()));
    }
    // Nor must another site, which may have signed this browser in at the provider as someone else:
    // only our own page has the link. Addresses are kept and passed on, so it expires soon.
    let session = visit.session_token.as_ref().ok_or(Error::SignedOut)?;
    let keys = &portal.keys;
    let Some(made_at) = keys.open_adding_token(session.expose(), provider, token) else {
        return Ok(Break(see_other("/account")));
    };
    let made_at = UnixTime(made_at.saturating_mul(1_000_000));
    Ok(if portal.clock.now().since(made_at) <= ADDING {
        Continue(Intent::Link(me.session.id))
    } else {
        Break(back_to_account(portal, AccountNotice::LinkTooOld)?)
    })
}

/// Redirects a person who adds a provider: they must first prove that the account is theirs.
fn to_prove_for_linking() -> HttpResponse {
    see_other(&fresh_address(&account_path()))
}

fn account_path() -> LocalPath {
    LocalPath::parse("/account").unwrap_or_else(LocalPath::home)
}

/// The target of the account page's link to a provider.
pub fn adding_address(portal: &Portal, session: &Secret<String>, provider: &str) -> String {
    let now = portal.clock.now().0.div_euclid(1_000_000);
    let token = portal.keys.adding_token(session.expose(), provider, now);
    format!("/oauth2/login?link={token}&provider={provider}")
}

/// Returns the browser's binding, or a new one.
fn binding(visit: &Visit) -> Result<Browser> {
    visit
        .browser
        .clone()
        .map_or_else(|| Ok(Browser::new()?), Ok)
}

/// Redirects to the provider, with the binding's cookie if it is new.
fn bound(portal: &Portal, visit: &Visit, browser: &Browser, url: &Url) -> Result<HttpResponse> {
    let mut response = see_other(url.as_str());
    if visit.browser.is_none() {
        PortalCookie::Browser.set(&mut response, portal, browser.value().to_owned())?;
    }
    Ok(response)
}

/// The provider sends the browser back here (RFC 6749 4.1.2).
pub async fn finish(
    request: HttpRequest,
    portal: Data<Portal>,
    cookie_session: CookieSession,
) -> Result<HttpResponse> {
    let visit = Visit::of(&request, &portal);
    portal
        .proxy_without_forwarded
        .note(portal.clock.now(), &visit.client);
    let provider = portal
        .providers
        .by_callback_path(request.path())
        .ok_or(Error::NotFound)?;
    let query = request.query_string();
    let finished = match signin::finish(&portal, provider, query, visitor(&visit)).await {
        Err(Error::ProofNeeded) => return Ok(to_prove_for_linking()),
        finished => finished?,
    };
    portal.failpoint.hit("before_response");
    match finished {
        Finished::SignedIn { admitted, next } => {
            let token = &admitted.token;
            let mut response = open_session(&request, &portal, &cookie_session, token, &next)?;
            // Other tabs of the same person continue with the existing binding.
            if admitted.is_other_person {
                PortalCookie::Browser.remove(&mut response, &portal)?;
            }
            Ok(response)
        }
        Finished::Linked { next } => {
            let notice = AccountNotice::IdentityLinked.code();
            see_other_with(notice, &next.to_ascii(), &portal)
        }
        Finished::Rehearsed(rehearsal) => super::rehearsal::show(&portal, &visit, &rehearsal),
        // A reload, or the browser's back button: a person who is signed in simply goes on.
        Finished::Stale(stale)
            if !stale.must_begin_again() && signed_in(&request).await?.is_some() =>
        {
            Ok(see_other(&stale.next().to_ascii()))
        }
        Finished::Stale(stale) if !stale.is_sign_in() && !stale.must_begin_again() => {
            Err(Error::SignedOut)
        }
        Finished::Stale(stale) => {
            let browser = binding(&visit)?;
            let url = signin::start_over(&portal, *stale, &browser, &visit.client).await?;
            bound(&portal, &visit, &browser, &url)
        }
    }
}

/// A form without fields of its own.
#[derive(Deserialize)]
pub struct NoFields {}

pub async fn sign_out(
    visit: Visit,
    portal: Data<Portal>,
    cookie_session: CookieSession,
    _form: Form<NoFields>,
) -> Result<HttpResponse> {
    let mut response = see_other("/signed-out");
    if let Some(token) = &visit.session_token {
        let farewell = signout::sign_out(&portal, token, visit.client.clone()).await?;
        cookie_session.purge();
        if let Some(farewell) = farewell {
            PortalCookie::Farewell.set(&mut response, &portal, farewell)?;
        }
    }
    if visit.is_under_previous_key {
        // actix-session cannot open this cookie itself.
        PortalCookie::Session.remove(&mut response, &portal)?;
    }
    // The next person gets a new binding; a tab that is in the middle of a sign-in starts over.
    PortalCookie::Browser.remove(&mut response, &portal)?;
    Ok(response)
}
