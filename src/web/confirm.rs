//! The page where people prove who they are before an act that could do lasting harm. It shows the
//! ways that are open to this person.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use super::csrf::Form;
use super::guard::SignedIn;
use super::page::{Page, Problem};
use super::redirect::{path, see_other};
use super::ways_in::{WayIn, ways};
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::local_path::LocalPath;
use crate::oauth::Prompt;
use crate::secret::{Secret, reference};
use crate::signin::confirmation::{Outcome, Owner, Typed, prove};
use crate::users::{self, confirmation};

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'a> {
    page: &'a Page<'a>,
    /// The providers that can give the proof.
    ways: Vec<WayIn<'a>>,
    forms: Vec<PasswordForm>,
    next: &'a str,
    username: &'a str,
    problem: Option<Problem>,
    reference: Option<&'a str>,
}

impl ConfirmPage<'_> {
    /// True if the person has no way of their own that is sure to be enough.
    fn is_other_needed(&self) -> bool {
        self.forms.is_empty()
    }
}

/// The form for a password that the person can type here.
struct PasswordForm {
    code: &'static str,
    label: &'static str,
    hint: &'static str,
    is_bad: bool,
}

/// The codes of the two kinds of password.
const LOCAL: &str = "local";
const CONFIRMATION: &str = "confirmation";

#[derive(Deserialize)]
pub struct Wanted {
    next: Option<String>,
}

#[derive(Deserialize)]
pub struct Fields {
    with: String,
    password: String,
    next: Option<String>,
}

pub async fn show(me: SignedIn, desk: Data<Desk>, wanted: Query<Wanted>) -> Result<HttpResponse> {
    show_to(&me, &desk, &path(wanted.next.as_deref())).await
}

/// Returns the page for a person who wants to go on to `next`.
pub async fn show_to(me: &SignedIn, desk: &Desk, next: &LocalPath) -> Result<HttpResponse> {
    let page = Page::new(desk, &me.visit, None)?;
    let shown = confirm_page(&page, me, next, None).await?;
    page.ok(&shown)
}

async fn confirm_page<'a>(
    page: &'a Page<'a>,
    me: &'a SignedIn,
    next: &'a LocalPath,
    bad: Option<&str>,
) -> Result<ConfirmPage<'a>> {
    let user_id = me.user.id;
    let read = page.desk.db.read(move |conn| {
        let hashes = confirmation::hashes(conn, user_id)?;
        Ok((hashes, users::identities_of(conn, user_id)?))
    });
    let (hashes, identities) = read.await?;
    let t = page.t;
    let form = |code: &'static str, label, hint| PasswordForm {
        code,
        label,
        hint,
        is_bad: bad == Some(code),
    };
    let (label, hint) = (t.confirmation_password, t.confirmation_password_hint);
    let confirmation = hashes.confirmation.is_some();
    let confirmation = confirmation.then(|| form(CONFIRMATION, label, hint));
    let local = hashes.usable_password();
    let local = local.map(|_| form(LOCAL, t.local_password, t.confirm_local_hint));
    Ok(ConfirmPage {
        page,
        ways: ways(page, next, Prompt::Login, |provider| {
            provider.can_prove() && identities.iter().any(|(id, _)| id == provider.id())
        }),
        forms: local.into_iter().chain(confirmation).collect(),
        next: next.as_str(),
        username: &me.user.username,
        problem: None,
        reference: None,
    })
}

pub async fn confirm(me: SignedIn, desk: Data<Desk>, form: Form<Fields>) -> Result<HttpResponse> {
    let Form(Fields {
        with,
        password,
        next,
    }) = form;
    let next = path(next.as_deref());
    let which = match with.as_str() {
        LOCAL => Typed::Local,
        CONFIRMATION => Typed::Confirmation,
        _ => return Err(Error::BadRequest),
    };
    let owner = owner(&me);
    let page = Page::new(&desk, &me.visit, None)?;
    let t = page.t;
    let (problem, reference, paused) =
        match prove(&desk, owner, which, Secret::new(password)).await? {
            Outcome::Proved => return Ok(see_other(&next.to_ascii())),
            Outcome::Refused { reference } => {
                let problem = Problem {
                    heading: t.confirm_wrong_heading,
                    lead: t.confirm_wrong_lead.to_owned(),
                };
                (problem, reference, None)
            }
            Outcome::Paused(paused) => {
                let problem = Problem {
                    heading: t.paused_heading,
                    lead: page.paused_lead(paused),
                };
                (problem, reference(), Some(paused))
            }
        };
    let mut shown = confirm_page(&page, &me, &next, Some(&with)).await?;
    shown.problem = Some(problem);
    shown.reference = Some(&reference);
    page.refuse(&reference, paused, &shown)
}

/// The person in their own session, as the verbs take it.
pub fn owner(me: &SignedIn) -> Owner {
    Owner {
        user: me.user.clone(),
        session_id: me.session.id,
        client: me.visit.client.clone(),
    }
}
