//! A provider reports that a person has signed out there (OpenID Connect Back-Channel Logout 1.0).
//! The caller is a server: it has no session and no form of ours, and the answer is only yes or no.

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::body::is_form;
use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::signout;

/// The size limit of the form.
const MAX_BODY: usize = 100 * 1024;

pub async fn receive(
    request: HttpRequest,
    portal: Data<Portal>,
    id: Path<String>,
    body: Bytes,
) -> Result<HttpResponse> {
    let provider = portal.providers.find(&id).ok_or(Error::NotFound)?;
    let Some(token) = logout_token(&request, &body) else {
        return Ok(refused());
    };
    match signout::by_provider(&portal, provider, &token).await {
        Ok(_) => Ok(HttpResponse::Ok().finish()),
        Err(Error::BadRequest) => Ok(refused()),
        // The provider may try again.
        Err(error) => Err(error),
    }
}

fn refused() -> HttpResponse {
    HttpResponse::BadRequest().finish()
}

/// The single token in the form.
fn logout_token(request: &HttpRequest, body: &Bytes) -> Option<String> {
    if !is_form(request.headers()) || body.len() > MAX_BODY {
        return None;
    }
    let mut tokens = url::form_urlencoded::parse(body).filter(|(name, _)| name == "logout_token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => Some(token.into_owned()),
        _ => None,
    }
}
