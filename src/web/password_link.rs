//! The link with which the owner of a local account chooses a password: GET shows the form, POST
//! sets the password and signs in.

use actix_session::Session as CookieSession;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::csrf::Form;
use super::page::{Page, Person};
use super::password::unfit_text;
use super::reference::note_refusal;
use super::signin::{open_session_anew, visitor};
use super::visit::Visit;
use crate::desk::Desk;
use crate::error::{Error, Result, Stopped};
use crate::id::Reference;
use crate::local_path::LocalPath;
use crate::secret::Secret;
use crate::signin::password::TypedTwice;
use crate::signin::password_link;

#[derive(Deserialize)]
pub struct Link {
    token: Option<String>,
}

#[derive(Deserialize)]
pub struct Chosen {
    token: Option<String>,
    new_password: String,
    new_password_again: String,
}

#[derive(Template)]
#[template(path = "password_link.html")]
struct PasswordLinkPage<'a> {
    page: &'a Page<'a>,
    person: Person,
    token: &'a str,
    /// The field, and the problem with it.
    problem: Option<(&'static str, &'static str)>,
    reference: Option<&'a Reference>,
}

impl PasswordLinkPage<'_> {
    fn is_bad(&self, field: &str) -> bool {
        self.problem.is_some_and(|(bad, _)| bad == field)
    }
}

pub async fn show(visit: Visit, desk: Data<Desk>, link: Query<Link>) -> Result<HttpResponse> {
    let token = Secret::new(link.into_inner().token.ok_or(Error::LinkExpired)?);
    let user = password_link::whom(&desk, &token).await?;
    let page = Page::new(&desk, &visit, None)?;
    page.ok(&PasswordLinkPage {
        page: &page,
        person: Person::of(&user),
        token: token.expose(),
        problem: None,
        reference: None,
    })
}

pub async fn choose(
    request: HttpRequest,
    visit: Visit,
    desk: Data<Desk>,
    cookie_session: CookieSession,
    form: Form<Chosen>,
) -> Result<HttpResponse> {
    let Form(form) = form;
    let token = Secret::new(form.token.ok_or(Error::LinkExpired)?);
    let typed = TypedTwice {
        new: Secret::new(form.new_password),
        again: Secret::new(form.new_password_again),
    };
    let unfit = match password_link::choose(&desk, &token, typed, visitor(&visit)).await {
        Ok(token) => {
            return open_session_anew(&request, &desk, &cookie_session, &token, &LocalPath::home());
        }
        Err(Stopped::Failed(error)) => return Err(error),
        Err(Stopped::Refused(unfit)) => unfit,
    };
    let page = Page::new(&desk, &visit, None)?;
    let problem = unfit_text(&page, &unfit);
    let user = password_link::whom(&desk, &token).await?;
    let reference = Reference::random();
    let mut response = page.respond(
        StatusCode::UNPROCESSABLE_ENTITY,
        &PasswordLinkPage {
            page: &page,
            person: Person::of(&user),
            token: token.expose(),
            problem: Some(problem),
            reference: Some(&reference),
        },
    )?;
    note_refusal(&mut response, reference.clone(), None);
    Ok(response)
}
