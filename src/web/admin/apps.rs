//! Apps, as admins see and change them: the list, the form, the uploaded icon, the categories.

pub mod categories;
pub mod form;
pub mod image;
pub mod list;
pub mod remove;
mod typed;
mod words;

use actix_web::{HttpRequest, HttpResponse};
use url::Url;

use crate::error::Result;
use crate::portal::Portal;
use crate::web::cookie::PortalCookie;
use crate::web::page::Page;

const LIST: &str = "/admin/apps";

/// The address of an app's page.
fn address(key: &str) -> String {
    format!("{LIST}/{key}")
}

/// The host of an app's address, for lists.
fn host(url: &str) -> String {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str);
    let host = host.unwrap_or_default().to_owned();
    match url.as_ref().and_then(Url::port) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

/// The notice of the act before, which is shown once.
fn notice(page: &Page<'_>, request: &HttpRequest, portal: &Portal) -> Option<&'static str> {
    words::notice(page.t, &PortalCookie::Notice.read(request, portal)?)
}

/// Answers with a page, and forgets the notice that it shows.
fn respond(
    page: &Page<'_>,
    template: &impl askama::Template,
    notice: Option<&'static str>,
) -> Result<HttpResponse> {
    let mut response = page.ok(template)?;
    if notice.is_some() {
        PortalCookie::Notice.remove(&mut response, page.portal)?;
    }
    Ok(response)
}
