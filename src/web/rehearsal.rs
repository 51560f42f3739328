//! The end of a test sign-in: what the provider answered, and what would happen.

use actix_web::HttpResponse;
use askama::Template;

use super::codes_in_words::{admission_in_words, reason_in_words, step_in_words};
use super::page::Page;
use super::visit::Visit;
use crate::config::Document;
use crate::error::{Cause, Result};
use crate::portal::Portal;
use crate::signin::decision::Decision;
use crate::signin::rehearsal::{Rehearsal, RehearsedField, Report};

#[derive(Template)]
#[template(path = "admin/rehearsal.html")]
struct RehearsalPage<'a> {
    page: &'a Page<'a>,
    provider: String,
    id: &'a str,
    failure: Option<String>,
    report: Option<&'a Report>,
    answers: &'a [(Document, String)],
}

impl RehearsalPage<'_> {
    fn field_name(&self, field: &RehearsedField) -> &'static str {
        let t = self.page.t;
        match field.name {
            "subject" => t.directory_id,
            "username" => t.username,
            "first_name" => t.name,
            "email" => t.email,
            _ => t.email_verified,
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "as the template hands it on"
    )]
    fn document(&self, document: &Document) -> &'static str {
        let t = self.page.t;
        match document {
            Document::IdToken => t.document_id_token,
            Document::Userinfo => t.document_userinfo,
            Document::Profile => t.document_profile,
            Document::Permissions => t.document_permissions,
        }
    }

    fn decision(&self, report: &Report) -> String {
        let t = self.page.t;
        let known = report.known.as_ref().map_or("", |user| &user.username);
        match &report.decision {
            Decision::New => t.would_be_new.to_owned(),
            Decision::Known => t.would_be_known.with(known),
            Decision::Adopt(user) => t.would_be_adopted.with(&user.username),
            Decision::KeptOut { by } => t.would_be_kept_out.with(self.page.provider_name(by)),
            Decision::Inactive => t.would_be_inactive.with(known),
            Decision::NameTaken(user) => t.would_be_taken.with(&user.username),
            Decision::NameReserved => t.would_be_reserved.to_owned(),
            Decision::NameTooLong => t.would_be_too_long.to_owned(),
            Decision::NotAdmitted(why) => admission_in_words(t, *why).to_owned(),
        }
    }
}

pub fn show(portal: &Portal, visit: &Visit, rehearsal: &Rehearsal) -> Result<HttpResponse> {
    let page = Page::new(portal, visit, Some(&rehearsal.viewer))?;
    let failure = rehearsal.outcome.as_ref().err().map(|failure| {
        let mut detail = failure.cause.detail();
        if let Cause::BadProfile(fault) = &failure.cause {
            let mapping = &rehearsal.provider.settings().mapping;
            let pointer = match fault.field {
                "subject" => &mapping.subject,
                _ => &mapping.username,
            };
            detail = format!("{detail}: {}", pointer.text());
        }
        let what = reason_in_words(page.t, failure.cause.reason());
        let step = step_in_words(page.t, failure.step);
        let mut text = format!("{step}{}{what}", page.t.colon);
        if !detail.is_empty() {
            text.push_str(&page.t.in_brackets.with(detail));
        }
        text
    });
    page.ok(&RehearsalPage {
        page: &page,
        provider: page.label_of(&rehearsal.provider),
        id: rehearsal.provider.id(),
        failure,
        report: rehearsal.outcome.as_ref().ok(),
        answers: &rehearsal.answers,
    })
}
