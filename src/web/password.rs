//! Changing one's own local password.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

use super::account_notice::{AccountNotice, back_to_account};
use super::csrf::Form;
use super::guard::{Reader, SignedIn};
use super::page::Page;
use super::proof::owner;
use crate::error::{Error, Result};
use crate::id::Reference;
use crate::passwords::Weakness;
use crate::portal::Portal;
use crate::secret::Secret;
use crate::signin::password::{self, Change};
use crate::signin::typed_password::{TypedTwice, Unfit};
use crate::users;

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage<'a> {
    page: &'a Page<'a>,
    username: &'a str,
    problem: Option<Problem>,
    reference: Option<&'a Reference>,
}

impl PasswordPage<'_> {
    fn is_bad(&self, field: &str) -> bool {
        let bad = self.problem.as_ref().map(|problem| problem.field);
        bad == Some(field)
    }
}

/// A problem, and the field that it concerns.
struct Problem {
    field: &'static str,
    text: String,
}

const CURRENT: &str = "current_password";
const NEW: &str = "new_password";
const AGAIN: &str = "new_password_again";

/// Shows the form. For accounts without a local password, this page does not exist.
pub async fn show(reader: Reader, portal: Data<Portal>) -> Result<HttpResponse> {
    let (me, ()) = reader
        .read(|conn, found| {
            let has_password = users::has_password(conn, found.user.id)?;
            if has_password {
                Ok(())
            } else {
                Err(Error::NotFound)
            }
        })
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.ok(&PasswordPage {
        page: &page,
        username: &me.user.username,
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
    portal: Data<Portal>,
    form: Form<ChangeForm>,
) -> Result<HttpResponse> {
    let Form(form) = form;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let t = page.t;
    let current = Secret::new(form.current_password);
    let typed = TypedTwice {
        new: Secret::new(form.new_password),
        again: Secret::new(form.new_password_again),
    };
    let mut paused = None;
    let mut known_reference = None;
    let (field, text) = match password::change_own(&portal, owner(&me), current, typed).await? {
        Change::Changed => return back_to_account(&portal, AccountNotice::PasswordChanged),
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
    // Every page with a refusal has a reference that is also in the log.
    let reference = known_reference.unwrap_or_else(Reference::random);
    let shown = PasswordPage {
        page: &page,
        username: &me.user.username,
        problem: Some(Problem { field, text }),
        reference: Some(&reference),
    };
    page.refuse(&reference, paused, &shown)
}
