//! Changing one's own local password.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use super::account_notice::{AccountNotice, back_to_account};
use super::confirm::owner;
use super::csrf::Form;
use super::guard::{Reader, SignedIn};
use super::page::Page;
use super::reference::note_refusal;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::id::Reference;
use crate::passwords::Weakness;
use crate::secret::Secret;
use crate::signin::password::{self, Change, TypedTwice, Unfit};
use crate::users;

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage<'a> {
    page: &'a Page<'a>,
    username: &'a str,
    fields: [Field; 3],
    problem: Option<Problem>,
    reference: Option<&'a Reference>,
}

struct Field {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    autocomplete: &'static str,
    is_bad: bool,
}

/// A problem, and the field that it concerns.
struct Problem {
    field: &'static str,
    text: String,
}

const CURRENT: &str = "current_password";
const NEW: &str = "new_password";
const AGAIN: &str = "new_password_again";

fn fields(page: &Page<'_>, bad: &str) -> [Field; 3] {
    let t = page.t;
    [
        (CURRENT, t.current_password, "", "current-password"),
        (NEW, t.new_password, t.new_password_hint, "new-password"),
        (AGAIN, t.new_password_again, "", "new-password"),
    ]
    .map(|(name, label, hint, autocomplete)| Field {
        name,
        label,
        hint,
        autocomplete,
        is_bad: name == bad,
    })
}

/// Shows the form. For accounts without a local password, this page does not exist.
pub async fn show(reader: Reader, desk: Data<Desk>) -> Result<HttpResponse> {
    let (me, ()) = reader
        .read(|conn, found| {
            if users::has_password(conn, found.user.id)? {
                Ok(())
            } else {
                Err(Error::NotFound)
            }
        })
        .await?;
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    page.ok(&PasswordPage {
        page: &page,
        username: &me.user.username,
        fields: fields(&page, ""),
        problem: None,
        reference: None,
    })
}

/// The field with an unfit password, and what to do about it.
pub fn unfit_text(page: &Page<'_>, unfit: &Unfit) -> (&'static str, &'static str) {
    match unfit {
        Unfit::Differs => (AGAIN, page.t.passwords_differ),
        Unfit::Weak(Weakness::TooShort) => (NEW, page.t.password_too_short),
        Unfit::Weak(Weakness::TooLong) => (NEW, page.t.password_too_long),
        Unfit::Weak(Weakness::Common) => (NEW, page.t.password_common),
        Unfit::Weak(Weakness::LikeUsername) => (NEW, page.t.password_like_username),
    }
}

#[derive(Deserialize)]
pub struct ChangeForm {
    current_password: String,
    new_password: String,
    new_password_again: String,
}

pub async fn change(
    me: SignedIn,
    desk: Data<Desk>,
    form: Form<ChangeForm>,
) -> Result<HttpResponse> {
    let Form(form) = form;
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    let t = page.t;
    let current = Secret::new(form.current_password);
    let typed = TypedTwice {
        new: Secret::new(form.new_password),
        again: Secret::new(form.new_password_again),
    };
    let mut paused = None;
    let mut known_reference = None;
    let (field, text) = match password::change_own(&desk, owner(&me), current, typed).await? {
        Change::Changed => return Ok(back_to_account(&desk, AccountNotice::PasswordChanged)),
        Change::Refused { reference } => {
            known_reference = Some(reference);
            (CURRENT, t.current_password_wrong.to_owned())
        }
        Change::Paused(wait) => {
            paused = Some(wait);
            (CURRENT, page.paused_lead(wait))
        }
        Change::Unfit(unfit) => {
            let (field, text) = unfit_text(&page, &unfit);
            (field, text.to_owned())
        }
    };
    let status = match paused {
        Some(_) => StatusCode::TOO_MANY_REQUESTS,
        None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    // Every page with a refusal has a reference that is also in the log.
    let reference = known_reference.unwrap_or_else(Reference::random);
    let mut response = page.respond(
        status,
        &PasswordPage {
            page: &page,
            username: &me.user.username,
            fields: fields(&page, field),
            problem: Some(Problem { field, text }),
            reference: Some(&reference),
        },
    )?;
    note_refusal(&mut response, reference, paused);
    Ok(response)
}
