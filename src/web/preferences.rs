//! Language and colours. The browser remembers each in its own cookie.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use serde::Deserialize;

use super::cookie;
use super::csrf::Form;
use super::visit::Theme;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::i18n::Lang;
use crate::local_path::LocalPath;

#[derive(Deserialize)]
pub struct Preferences {
    language: Option<String>,
    theme: Option<String>,
    next: Option<String>,
}

pub async fn save(desk: Data<Desk>, form: Form<Preferences>) -> Result<HttpResponse> {
    let Form(form) = form;
    let next = form
        .next
        .as_deref()
        .and_then(LocalPath::parse)
        .unwrap_or_else(LocalPath::home);
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, next.to_ascii()));
    if let Some(tag) = &form.language {
        let lang = Lang::from_tag(tag).ok_or(Error::BadRequest)?;
        response.cookie(cookie::language_cookie(&desk, lang.tag()));
    }
    if let Some(code) = &form.theme {
        let theme = Theme::from_code(code).ok_or(Error::BadRequest)?;
        response.cookie(cookie::theme_cookie(&desk, theme.code()));
    }
    Ok(response.finish())
}
