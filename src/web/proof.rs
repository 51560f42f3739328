//! The page where people prove who they are before an act that could do lasting harm. It shows the
//! ways that are open to this person.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;

use super::csrf::Form;
use super::guard::SignedIn;
use super::page::{Page, Problem};
use super::provider_buttons::{WayIn, ways};
use super::redirect::{path, see_other};
use crate::error::{Error, Result};
use crate::id::Reference;
use crate::local_path::LocalPath;
use crate::oauth::Prompt;
use crate::portal::Portal;
use crate::secret::Secret;
use crate::signin::proof_by_password::{ConfirmationOutcome, Owner, Typed, prove};
use crate::users::{self, confirmation_password};

#[derive(Template)]
#[template(path = "proof.html")]
struct ConfirmPage<'a> {
    page: &'a Page<'a>,
    ways: Vec<WayIn<'a>>,
    /// The passwords that the person has, and the one that was wrong.
    has_local: bool,
    has_confirmation: bool,
    bad: Option<&'a str>,
    next: &'a str,
    username: &'a str,
    problem: Option<Problem>,
    reference: Option<&'a Reference>,
}

impl ConfirmPage<'_> {
    fn is_bad(&self, code: &str) -> bool {
        self.bad == Some(code)
    }

    /// True if the person has no way of their own that is sure to be enough.
    fn is_other_needed(&self) -> bool {
        !self.has_local && !self.has_confirmation
    }
}

#[derive(Deserialize)]
pub struct ConfirmQuery {
    next: Option<String>,
}

#[derive(Deserialize)]
pub struct ConfirmForm {
    with: String,
    password: String,
    next: Option<String>,
}

pub async fn show(
    me: SignedIn,
    portal: Data<Portal>,
    wanted: Query<ConfirmQuery>,
) -> Result<HttpResponse> {
    show_to(&me, &portal, &path(wanted.next.as_deref())).await
}

/// Returns the page for a person who wants to go on to `next`.
pub async fn show_to(me: &SignedIn, portal: &Portal, next: &LocalPath) -> Result<HttpResponse> {
    let page = Page::new(portal, &me.visit, None)?;
    let shown = confirm_page(&page, me, next, None).await?;
    page.ok(&shown)
}

async fn confirm_page<'a>(
    page: &'a Page<'a>,
    me: &'a SignedIn,
    next: &'a LocalPath,
    bad: Option<&'a str>,
) -> Result<ConfirmPage<'a>> {
    let user_id = me.user.id;
    let read = page.portal.db.read(move |conn| {
        let hashes = confirmation_password::hashes(conn, user_id)?;
        Ok((hashes, users::identities_of(conn, user_id)?))
    });
    let (hashes, identities) = read.await?;
    Ok(ConfirmPage {
        page,
        ways: ways(page, next, Prompt::Login, |provider| {
            provider.can_prove() && identities.iter().any(|(id, _)| id == provider.id())
        }),
        has_confirmation: hashes.confirmation.is_some(),
        has_local: hashes.usable_password().is_some(),
        bad,
        next: next.as_str(),
        username: &me.user.username,
        problem: None,
        reference: None,
    })
}

pub async fn confirm(
    me: SignedIn,
    portal: Data<Portal>,
    form: Form<ConfirmForm>,
) -> Result<HttpResponse> {
    let Form(ConfirmForm {
        with,
        password,
        next,
    }) = form;
    let next = path(next.as_deref());
    let which = match with.as_str() {
        "local" => Typed::Local,
        "confirmation" => Typed::Confirmation,
        _ => return Err(Error::BadRequest),
    };
    let page = Page::new(&portal, &me.visit, None)?;
    let t = page.t;
    let outcome = prove(&portal, owner(&me), which, Secret::new(password)).await?;
    let (reference, paused) = match outcome {
        ConfirmationOutcome::Proved => return Ok(see_other(&next.to_ascii())),
        ConfirmationOutcome::Refused { reference } => (reference, None),
        ConfirmationOutcome::Paused(paused) => (Reference::random(), Some(paused)),
    };
    let (heading, lead) = match paused {
        None => (t.confirm_wrong_heading, t.confirm_wrong_lead.to_owned()),
        Some(paused) => (t.paused_heading, page.paused_lead(paused)),
    };
    let mut shown = confirm_page(&page, &me, &next, Some(&with)).await?;
    shown.problem = Some(Problem { heading, lead });
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
