//! The link with which a person chooses a confirmation password. It works only in their own live
//! session.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use super::account_notice::{AccountNotice, back_to_account};
use super::confirm::owner;
use super::csrf::Form;
use super::guard::SignedIn;
use super::page::{Page, Person};
use super::password::unfit_text;
use super::reference::note_refusal;
use crate::desk::Desk;
use crate::error::{Error, Result, Stopped};
use crate::id::Reference;
use crate::secret::Secret;
use crate::signin::confirmation::{choose, look};
use crate::signin::password::TypedTwice;

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
#[template(path = "confirmation_link.html")]
struct ConfirmationLinkPage<'a> {
    page: &'a Page<'a>,
    person: Person,
    token: &'a str,
    /// The field, and the problem with it.
    problem: Option<(&'static str, &'static str)>,
    reference: Option<&'a Reference>,
}

impl ConfirmationLinkPage<'_> {
    fn is_bad(&self, field: &str) -> bool {
        self.problem.is_some_and(|(bad, _)| bad == field)
    }
}

pub async fn show(me: SignedIn, desk: Data<Desk>, link: Query<Link>) -> Result<HttpResponse> {
    let token = Secret::new(link.into_inner().token.ok_or(Error::LinkExpired)?);
    look(&desk, me.user.id, &token).await?;
    let page = Page::new(&desk, &me.visit, None)?;
    page.ok(&ConfirmationLinkPage {
        page: &page,
        person: Person::of(&me.user),
        token: token.expose(),
        problem: None,
        reference: None,
    })
}

pub async fn set(me: SignedIn, desk: Data<Desk>, form: Form<Chosen>) -> Result<HttpResponse> {
    let Form(form) = form;
    let token = Secret::new(form.token.ok_or(Error::LinkExpired)?);
    let typed = TypedTwice {
        new: Secret::new(form.new_password),
        again: Secret::new(form.new_password_again),
    };
    let unfit = match choose(&desk, owner(&me), &token, typed).await {
        Ok(()) => return Ok(back_to_account(&desk, AccountNotice::ConfirmationSet)),
        Err(Stopped::Failed(error)) => return Err(error),
        Err(Stopped::Refused(unfit)) => unfit,
    };
    let page = Page::new(&desk, &me.visit, None)?;
    let problem = unfit_text(&page, &unfit);
    let reference = Reference::random();
    let mut response = page.respond(
        StatusCode::UNPROCESSABLE_ENTITY,
        &ConfirmationLinkPage {
            page: &page,
            person: Person::of(&me.user),
            token: token.expose(),
            problem: Some(problem),
            reference: Some(&reference),
        },
    )?;
    note_refusal(&mut response, reference.clone(), None);
    Ok(response)
}
