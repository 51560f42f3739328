//! Forms: each carries the token of its session (or of its browser, before there is a session) and
//! must come from our own pages. A handler can only get its fields through [`Form`], and so cannot
//! forget the check.

use std::future::Future;
use std::pin::Pin;

use actix_multipart::{Field, Multipart};
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, HeaderValue, ORIGIN};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use futures_util::TryStreamExt as _;
use serde::de::DeserializeOwned;

use super::body::{is_form, is_form_with_file};
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
            if !is_form(request.headers()) {
                return Err(Error::ForgedForm);
            }
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

/// The file of a form that came from one of our pages. Only the token stands beside it.
pub struct FileForm(pub GivenFile);

/// What arrived in the field of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum GivenFile {
    /// The whole file, which may be empty.
    Whole(Vec<u8>),
    /// A file above [`MAX_FILE`], of which nothing was kept.
    TooLarge,
}

/// The largest file that is kept, in bytes.
const MAX_FILE: usize = 128 * 1024;
/// A larger file is read to its end, so that a page can answer it, up to this number of bytes.
const MAX_READ: usize = 16 * 1024 * 1024;
/// The most bytes of the token's field.
const MAX_TOKEN: usize = 200;
const FILE_FIELD: &str = "file";

impl FromRequest for FileForm {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let portal = portal(&request)?;
            if request.headers().contains_key(CONTENT_ENCODING) {
                return Err(Error::UnsupportedEncoding);
            }
            check_origin(&request, portal)?;
            if !is_form_with_file(request.headers()) {
                return Err(Error::ForgedForm);
            }
            let mut parts = Multipart::new(request.headers(), payload);
            let (mut token, mut file) = (None, None);
            let mut budget = MAX_READ;
            while let Some(mut part) = parts.try_next().await.map_err(|_| Error::BadRequest)? {
                let name = part.name().unwrap_or_default().to_owned();
                match name.as_str() {
                    FIELD if token.is_none() => {
                        token = Some(read_part(&mut part, MAX_TOKEN, &mut budget).await?);
                    }
                    FIELD => return Err(Error::ForgedForm),
                    FILE_FIELD if file.is_none() => {
                        file = Some(read_part(&mut part, MAX_FILE, &mut budget).await?);
                    }
                    _ => return Err(Error::BadRequest),
                }
            }
            let Some(GivenFile::Whole(token)) = token else {
                return Err(Error::ForgedForm);
            };
            let token = String::from_utf8(token).map_err(|_| Error::ForgedForm)?;
            check_value(portal, &Visit::of(&request, portal), &token)?;
            Ok(Self(file.ok_or(Error::BadRequest)?))
        })
    }
}

/// Reads a part of the body to its end, and keeps it if it is at most `longest` bytes long.
async fn read_part(part: &mut Field, longest: usize, budget: &mut usize) -> Result<GivenFile> {
    let mut kept = Some(Vec::new());
    while let Some(bytes) = part.try_next().await.map_err(|_| Error::BadRequest)? {
        *budget = budget.checked_sub(bytes.len()).ok_or(Error::TooLarge)?;
        kept = kept
            .filter(|kept| kept.len() + bytes.len() <= longest)
            .map(|kept| [&kept, bytes.as_ref()].concat());
    }
    Ok(kept.map_or(GivenFile::TooLarge, GivenFile::Whole))
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
    if is_ours && is_from_us {
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
    check_value(portal, visit, &token)
}

fn check_value(portal: &Portal, visit: &Visit, token: &str) -> Result<()> {
    let holder = holder(visit).ok_or(Error::ForgedForm)?;
    if portal.keys.is_csrf_token(&holder, token) {
        Ok(())
    } else {
        Err(Error::ForgedForm)
    }
}
