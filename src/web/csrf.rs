//! Forms: each carries the token of its session (or of its browser, before there is a session) and
//! must come from our own pages. A handler can only get its fields through [`Form`], and so cannot
//! forget the check.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, HeaderValue, ORIGIN};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;

use super::body::is_form;
use super::visit::{Visit, portal};
use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::sign_in_attempts::Browser;

pub const FIELD: &str = "csrf_token";

/// The fields of a form that came from one of our pages.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let body = Bytes::from_request(&request, payload);
        Box::pin(async move {
            let portal = portal(&request)?;
            if request.headers().contains_key(CONTENT_ENCODING) {
                return Err(Error::UnsupportedEncoding);
            }
            check_origin(&request, portal)?;
            let body = body.await.map_err(|error| {
                if error.as_response_error().status_code().as_u16() == 413 {
                    Error::TooLarge
                } else {
                    Error::BadRequest
                }
            })?;
            let visit = Visit::of(&request, portal);
            check_token(portal, &visit, &body)?;
            serde_urlencoded::from_bytes(&body)
                .map(Self)
                .map_err(|_| Error::BadRequest)
        })
    }
}

/// Returns the value that this visitor's form token is made from. A visitor without a session or a
/// binding has none yet: the page that shows the form gives one.
pub fn holder(visit: &Visit) -> Option<String> {
    if let Some(token) = &visit.session_token {
        return Some(format!("session {}", token.expose()));
    }
    visit.browser.as_ref().map(browser_holder)
}

pub fn browser_holder(browser: &Browser) -> String {
    format!("browser {}", browser.value())
}

fn check_origin(request: &HttpRequest, portal: &Portal) -> Result<()> {
    let headers = request.headers();
    let ours = portal.public_url.origin.as_bytes();
    let is_ours = headers
        .get_all(ORIGIN)
        .all(|origin| origin.as_bytes() == ours);
    let mut sites = headers.get_all("sec-fetch-site").map(HeaderValue::as_bytes);
    let is_from_us = sites.all(|site| site == b"same-origin" || site == b"none");
    if is_ours && is_from_us && is_form(headers) {
        Ok(())
    } else {
        Err(Error::ForgedForm)
    }
}

fn check_token(portal: &Portal, visit: &Visit, body: &[u8]) -> Result<()> {
    let mut tokens = url::form_urlencoded::parse(body).filter(|(name, _)| name == FIELD);
    let (Some((_, token)), None) = (tokens.next(), tokens.next()) else {
        return Err(Error::ForgedForm);
    };
    let holder = holder(visit).ok_or(Error::ForgedForm)?;
    if portal.keys.is_csrf_token(&holder, &token) {
        Ok(())
    } else {
        Err(Error::ForgedForm)
    }
}
