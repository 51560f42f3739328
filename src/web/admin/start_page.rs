//! Another person's start page, as they see it: for looking only.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;

use crate::admin::{Looker, view_start_page};
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::portal::Portal;
use crate::web::csrf::Form;
use crate::web::guard::SignedIn;
use crate::web::page::{Page, Person};
use crate::web::signin::NoFields;
use crate::web::tiles::{Group, groups};

#[derive(Template)]
#[template(path = "admin/start_page.html")]
struct StartPage<'a> {
    page: &'a Page<'a>,
    person: Person,
    groups: Vec<Group<'a>>,
}

/// Shows it in answer to a form, because that somebody looked is an event.
pub async fn show(
    me: SignedIn,
    portal: Data<Portal>,
    id: Path<UserId>,
    _form: Form<NoFields>,
) -> Result<HttpResponse> {
    let looker = Looker::of(&me.user, &me.session, me.visit.client.clone());
    let looker = looker.ok_or(Error::Forbidden)?;
    let (person, apps) = view_start_page(&portal, &looker, *id).await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.ok(&StartPage {
        page: &page,
        person: Person::of(&person),
        groups: groups(&page, &apps, ""),
    })
}
