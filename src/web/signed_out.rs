//! The page after signing out: what ended, what did not, and the way to sign out of the provider
//! too (OpenID Connect RP-Initiated Logout 1.0).

use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::Url;

use super::cookie::PortalCookie;
use super::guard::signed_in;
use super::page::Page;
use super::redirect::see_other;
use super::visit::Visit;
use crate::error::Result;
use crate::local_path::LocalPath;
use crate::portal::Portal;
use crate::signout::{self, LeftSession};

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage<'a> {
    page: &'a Page<'a>,
    /// The provider's name, if the session came from one.
    provider: Option<String>,
    /// True if the provider can be asked to end its session too.
    can_go_on: bool,
    /// The provider's id, if there are several.
    again: Option<&'a str>,
    /// True if the browser comes back from the provider.
    is_back: bool,
    logout_url: Option<&'a str>,
}

pub async fn show(request: HttpRequest, portal: Data<Portal>) -> Result<HttpResponse> {
    if signed_in(&request).await?.is_some() {
        return Ok(see_other("/"));
    }
    let mut visit = Visit::of(&request, &portal);
    // Parameters that a provider adds to the address are useless from here on.
    visit.here = LocalPath::parse("/signed-out").unwrap_or_else(LocalPath::home);
    let page = Page::new(&portal, &visit, None)?;
    let left = left_session(&request, &portal);
    let state = url::form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(name, _)| name == "state")
        .map(|(_, value)| value.into_owned());
    let provider = left
        .as_ref()
        .and_then(|left| portal.providers.find(&left.provider));
    // Without a state of ours, we do not know what the provider did.
    let expected = left.as_ref().map(|left| &left.state);
    let is_back = state.is_some() && state.as_ref() == expected;
    let logout = provider
        .or_else(|| {
            portal
                .providers
                .first()
                .filter(|_| portal.providers.is_single())
        })
        .and_then(|provider| provider.settings().addresses.logout.as_ref());
    let mut response = page.ok(&SignedOutPage {
        page: &page,
        provider: provider.map(|provider| page.label_of(provider)),
        again: provider
            .filter(|_| !portal.providers.is_single())
            .map(|provider| provider.id()),
        can_go_on: provider
            .and_then(|provider| provider.known())
            .is_some_and(|known| known.end_session.is_some()),
        is_back,
        logout_url: logout.map(Url::as_str),
    })?;
    response.headers_mut().insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\""),
    );
    if is_back {
        PortalCookie::Farewell.remove(&mut response, &portal)?;
    }
    Ok(response)
}

/// Redirects to the provider's own sign-out. The protocol requires the ID token in that address; it
/// opens nothing, but it says who was here.
pub async fn at_provider(request: HttpRequest, portal: Data<Portal>) -> Result<HttpResponse> {
    let Some(left) = left_session(&request, &portal) else {
        return Ok(see_other("/signed-out"));
    };
    // A person must not sign out whoever used this browser before them.
    if signed_in(&request).await?.is_some() {
        return Ok(see_other("/"));
    }
    // A mere look uses nothing up.
    let hint = match *request.method() {
        Method::HEAD => None,
        _ => signout::take_hint(&portal, &left).await?,
    };
    let address = signout::provider_address(&portal, &left, hint.as_ref());
    let address = address.as_ref().map_or("/signed-out", Url::as_str);
    Ok(see_other(address))
}

fn left_session(request: &HttpRequest, portal: &Portal) -> Option<LeftSession> {
    LeftSession::open(portal, &PortalCookie::Farewell.read(request, portal)?)
}
