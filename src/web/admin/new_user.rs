//! A new local account. Its owner receives a link and chooses the password.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use super::act::{refusal_in_words, show_link};
use crate::admin::{self, NewAccount, Refusal};
use crate::audit::Note;
use crate::config::PasswordLogin;
use crate::error::{Error, Result, Stopped};
use crate::id::Reference;
use crate::portal::Portal;
use crate::signin::one_time_link::{Draft, LinkFor};
use crate::web::csrf::Form;
use crate::web::guard::{Acting, Reader, Superuser};
use crate::web::page::Page;
use crate::web::redirect::sign_in_anew;

#[derive(Default, Deserialize)]
pub struct NewUser {
    username: String,
    first_name: String,
    email: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "admin/new_user.html")]
struct NewUserPage<'a> {
    page: &'a Page<'a>,
    typed: &'a NewUser,
    /// The field, and the problem with it.
    problem: Option<(&'static str, &'a str)>,
    reference: Option<&'a Reference>,
}

impl NewUserPage<'_> {
    fn problem_of(&self, field: &str) -> Option<&str> {
        self.problem
            .filter(|(bad, _)| *bad == field)
            .map(|(_, text)| text)
    }
}

pub async fn show(reader: Reader<Superuser>, portal: Data<Portal>) -> Result<HttpResponse> {
    let is_off = portal.password_login == PasswordLogin::Off;
    let (me, ()) = reader
        .read(move |_, _| if is_off { Err(Error::NotFound) } else { Ok(()) })
        .await?;
    me.check_proof(&portal)?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.ok(&NewUserPage {
        page: &page,
        typed: &NewUser::default(),
        problem: None,
        reference: None,
    })
}

pub async fn create(
    acting: Acting,
    portal: Data<Portal>,
    form: Form<NewUser>,
) -> Result<HttpResponse> {
    let Acting { me, admin } = acting;
    if portal.password_login == PasswordLogin::Off {
        return Err(Error::NotFound);
    }
    let typed = form.0;
    let note = Note::parse(&typed.reason).ok_or(Error::BadRequest)?;
    let draft = Draft::new(LinkFor::Password)?;
    let new = NewAccount {
        username: typed.username.trim().to_owned(),
        first_name: typed.first_name.trim().to_owned(),
        email: typed.email.trim().to_owned(),
        note,
    };
    let created = admin::create_account(&portal, &admin, new, draft.id.clone()).await;
    let refusal = match created {
        Err(Stopped::Failed(Error::ProofNeeded)) => {
            return Ok(sign_in_anew("/admin/users/new"));
        }
        Err(Stopped::Failed(error)) => return Err(error),
        Err(Stopped::Refused(refusal)) => refusal,
        Ok(id) => return show_link(&portal, &me, id, draft).await,
    };
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let field = match refusal {
        Refusal::BadEmail => "email",
        Refusal::BadFirstName => "first_name",
        _ => "username",
    };
    let text = refusal_in_words(&page, &refusal);
    let reference = Reference::random();
    let shown = NewUserPage {
        page: &page,
        typed: &typed,
        problem: Some((field, &text)),
        reference: Some(&reference),
    };
    page.refuse(&reference, None, &shown)
}
