//! A rescue link: GET says who it would sign in, POST signs in.

use actix_session::Session as CookieSession;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::csrf::Form;
use super::page::{Page, Person};
use super::password_link::Link;
use super::signin::{open_session_anew, visitor};
use super::visit::Visit;
use crate::error::Result;
use crate::local_path::LocalPath;
use crate::portal::Portal;
use crate::signin::rescue;

#[derive(Template)]
#[template(path = "rescue.html")]
struct RescuePage<'a> {
    page: &'a Page<'a>,
    person: Person,
    token: &'a str,
}

pub async fn show(visit: Visit, portal: Data<Portal>, link: Query<Link>) -> Result<HttpResponse> {
    let token = link.into_inner().token()?;
    let user = rescue::whom(&portal, &token).await?;
    let page = Page::new(&portal, &visit, None)?;
    page.ok(&RescuePage {
        page: &page,
        person: Person::of(&user),
        token: token.expose(),
    })
}

pub async fn sign_in(
    request: HttpRequest,
    visit: Visit,
    portal: Data<Portal>,
    cookie_session: CookieSession,
    form: Form<Link>,
) -> Result<HttpResponse> {
    let token = form.0.token()?;
    let token = rescue::sign_in(&portal, &token, visitor(&visit)).await?;
    open_session_anew(
        &request,
        &portal,
        &cookie_session,
        &token,
        &LocalPath::home(),
    )
}
