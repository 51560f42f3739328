//! The link with which the owner of a local account chooses a password: GET shows the form, POST
//! sets the password and signs in.

use actix_session::Session as CookieSession;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::csrf::Form;
use super::page::{Page, Person};
use super::password::unfit_text;
use super::signin::{open_session_anew, visitor};
use super::visit::Visit;
use crate::error::{Error, Result, Stopped};
use crate::i18n::sentence::Around;
use crate::id::Reference;
use crate::local_path::LocalPath;
use crate::portal::Portal;
use crate::secret::Secret;
use crate::signin::password_link;
use crate::signin::typed_password::{TypedTwice, Unfit};
use crate::users::User;

/// The token of a link, in its address or in its form.
#[derive(Deserialize)]
pub struct Link {
    token: Option<String>,
}

impl Link {
    pub fn token(self) -> Result<Secret<String>> {
        self.token.map(Secret::new).ok_or(Error::LinkExpired)
    }
}

#[derive(Deserialize)]
pub struct Chosen {
    token: Option<String>,
    new_password: String,
    new_password_again: String,
}

impl Chosen {
    /// Returns the token and the password.
    pub fn secrets(self) -> Result<(Secret<String>, TypedTwice)> {
        let token = Link { token: self.token }.token()?;
        let typed = TypedTwice {
            new: Secret::new(self.new_password),
            again: Secret::new(self.new_password_again),
        };
        Ok((token, typed))
    }
}

/// The page on which a person chooses a password of one kind or the other.
#[derive(Template)]
#[template(path = "choose_password.html")]
pub struct ChoosePage<'a> {
    page: &'a Page<'a>,
    person: Person,
    token: &'a Secret<String>,
    action: &'static str,
    heading: &'static str,
    lead: Around,
    label: &'static str,
    label_again: &'static str,
    button: &'static str,
    /// True for the password that belongs to the username in a password manager.
    is_for_sign_in: bool,
    /// The field, and the problem with it.
    problem: Option<(&'static str, &'static str)>,
    reference: Option<Reference>,
}

impl<'a> ChoosePage<'a> {
    fn for_sign_in(page: &'a Page<'a>, user: &User, token: &'a Secret<String>) -> Self {
        let t = page.t;
        Self {
            page,
            person: Person::of(user),
            token,
            action: "/password",
            heading: t.choose_password,
            lead: t.choose_password_lead,
            label: t.new_password,
            label_again: t.new_password_again,
            button: t.choose_password_button,
            is_for_sign_in: true,
            problem: None,
            reference: None,
        }
    }

    pub fn for_confirmation(page: &'a Page<'a>, user: &User, token: &'a Secret<String>) -> Self {
        let t = page.t;
        Self {
            action: "/confirmation",
            heading: t.choose_confirmation,
            lead: t.choose_confirmation_lead,
            label: t.confirmation_password,
            label_again: t.confirmation_password_again,
            button: t.choose_confirmation_button,
            is_for_sign_in: false,
            ..Self::for_sign_in(page, user, token)
        }
    }

    /// Answers with the page that says why a password is unfit.
    pub fn refuse(mut self, unfit: &Unfit) -> Result<HttpResponse> {
        let reference = Reference::random();
        self.problem = Some(unfit_text(self.page, unfit));
        self.reference = Some(reference.clone());
        self.page.refuse(&reference, None, &self)
    }

    fn is_bad(&self, field: &str) -> bool {
        self.problem.is_some_and(|(bad, _)| bad == field)
    }
}

pub async fn show(visit: Visit, portal: Data<Portal>, link: Query<Link>) -> Result<HttpResponse> {
    let token = link.into_inner().token()?;
    let user = password_link::whom(&portal, &token).await?;
    let page = Page::new(&portal, &visit, None)?;
    page.ok(&ChoosePage::for_sign_in(&page, &user, &token))
}

pub async fn choose(
    request: HttpRequest,
    visit: Visit,
    portal: Data<Portal>,
    cookie_session: CookieSession,
    form: Form<Chosen>,
) -> Result<HttpResponse> {
    let (token, typed) = form.0.secrets()?;
    match password_link::choose(&portal, &token, typed, visitor(&visit)).await {
        Ok(token) => open_session_anew(
            &request,
            &portal,
            &cookie_session,
            &token,
            &LocalPath::home(),
        ),
        Err(Stopped::Failed(error)) => Err(error),
        Err(Stopped::Refused(unfit)) => {
            let page = Page::new(&portal, &visit, None)?;
            let user = password_link::whom(&portal, &token).await?;
            ChoosePage::for_sign_in(&page, &user, &token).refuse(&unfit)
        }
    }
}
