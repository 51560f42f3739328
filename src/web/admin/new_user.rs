//! A new local account. Its owner receives a link and chooses the password.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use super::act::{LinkFor, refusal_in_words, show_link};
use crate::admin::{self, NewAccount, Refusal};
use crate::audit::Note;
use crate::config::PasswordLogin;
use crate::desk::Desk;
use crate::error::{Error, Result, Stopped};
use crate::secret::reference;
use crate::signin::password_link;
use crate::users::{MAX_EMAIL, MAX_FIRST_NAME, MAX_USERNAME};
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

struct Field<'a> {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    value: &'a str,
    longest: usize,
    is_required: bool,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "admin/new_user.html")]
struct NewUserPage<'a> {
    page: &'a Page<'a>,
    fields: [Field<'a>; 3],
    reason: &'a str,
    problem: Option<(&'static str, &'a str)>,
    reference: Option<&'a str>,
}

fn shown<'a>(
    page: &'a Page<'a>,
    typed: &'a NewUser,
    problem: Option<(&'static str, &'a str)>,
    reference: Option<&'a str>,
) -> NewUserPage<'a> {
    let t = page.t;
    let fields = [
        ("username", t.username, &typed.username, MAX_USERNAME),
        ("first_name", t.name, &typed.first_name, MAX_FIRST_NAME),
        ("email", t.email, &typed.email, MAX_EMAIL),
    ]
    .map(|(name, label, value, longest)| Field {
        name,
        label,
        kind: if name == "email" { "email" } else { "text" },
        value,
        longest,
        is_required: name == "username",
        problem: problem
            .filter(|(field, _)| *field == name)
            .map(|(_, text)| text),
    });
    NewUserPage {
        page,
        fields,
        reason: &typed.reason,
        problem,
        reference,
    }
}

pub async fn show(reader: Reader<Superuser>, desk: Data<Desk>) -> Result<HttpResponse> {
    let is_off = desk.password_login == PasswordLogin::Off;
    let (me, ()) = reader
        .read(move |_, _| if is_off { Err(Error::NotFound) } else { Ok(()) })
        .await?;
    me.check_fresh(&desk)?;
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    page.ok(&shown(&page, &NewUser::default(), None, None))
}

pub async fn create(acting: Acting, desk: Data<Desk>, form: Form<NewUser>) -> Result<HttpResponse> {
    let Acting { me, admin } = acting;
    if desk.password_login == PasswordLogin::Off {
        return Err(Error::NotFound);
    }
    let typed = form.0;
    let note = Note::parse(&typed.reason).ok_or(Error::BadRequest)?;
    let draft = password_link::draft()?;
    let new = NewAccount {
        username: typed.username.trim().to_owned(),
        first_name: typed.first_name.trim().to_owned(),
        email: typed.email.trim().to_owned(),
        note,
    };
    let created = admin::create_account(&desk, &admin, new, draft.id.clone()).await;
    let refusal = match created {
        Err(Stopped::Failed(Error::FreshSignInNeeded)) => {
            return Ok(sign_in_anew("/admin/users/new"));
        }
        Err(Stopped::Failed(error)) => return Err(error),
        Err(Stopped::Refused(refusal)) => refusal,
        Ok(id) => {
            return show_link(&desk, &me, id, (draft, LinkFor::Password)).await;
        }
    };
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    let field = match refusal {
        Refusal::BadEmail => "email",
        Refusal::BadFirstName => "first_name",
        _ => "username",
    };
    let text = refusal_in_words(&page, &refusal);
    let reference = reference();
    let problem = Some((field, text.as_str()));
    let shown = shown(&page, &typed, problem, Some(&reference));
    page.refuse(&reference, None, &shown)
}
