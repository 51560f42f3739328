//! Language and colours. The browser remembers each in its own cookie.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Deserialize;

use super::cookie::PortalCookie;
use super::csrf::Form;
use super::redirect::{path, see_other};
use super::visit::Theme;
use crate::error::{Error, Result};
use crate::i18n::Lang;
use crate::portal::Portal;

#[derive(Deserialize)]
pub struct Preferences {
    language: Option<String>,
    theme: Option<String>,
    next: Option<String>,
}

pub async fn save(portal: Data<Portal>, form: Form<Preferences>) -> Result<HttpResponse> {
    let Form(form) = form;
    let mut response = see_other(&path(form.next.as_deref()).to_ascii());
    if let Some(tag) = &form.language {
        let lang = Lang::from_tag(tag).ok_or(Error::BadRequest)?;
        PortalCookie::Language.set(&mut response, &portal, lang.tag())?;
    }
    if let Some(code) = &form.theme {
        let theme = Theme::from_code(code).ok_or(Error::BadRequest)?;
        PortalCookie::Theme.set(&mut response, &portal, theme.code())?;
    }
    Ok(response)
}
