//! The end of a sign-in that an admin tried: what the provider answered, and what would come of it.

use actix_web::HttpResponse;
use askama::Template;

use super::page::Page;
use super::visit::Visit;
use crate::config::Document;
use crate::desk::Desk;
use crate::error::{Admission, Cause, Result};
use crate::signin::rehearsal::{Field, Rehearsal, Report, Verdict};

#[derive(Template)]
#[template(path = "admin/rehearsal.html")]
struct RehearsalPage<'a> {
    page: &'a Page<'a>,
    tab: &'static str,
    provider: String,
    id: &'a str,
    failure: Option<String>,
    report: Option<&'a Report>,
    answers: &'a [(Document, String)],
}

impl RehearsalPage<'_> {
    fn field_name(&self, field: &Field) -> &'static str {
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

    fn verdict(&self, report: &Report) -> String {
        let t = self.page.t;
        match &report.verdict {
            Verdict::New => t.would_be_new.to_owned(),
            Verdict::Known(user) => around(t.would_be_known, &user.username),
            Verdict::Inactive(user) => around(t.would_be_inactive, &user.username),
            Verdict::NameTaken(user) => around(t.would_be_taken, &user.username),
            Verdict::NameReserved => t.would_be_reserved.to_owned(),
            Verdict::NotAdmitted(why) => match why {
                Admission::EmailDomain => t.not_admitted_domain,
                Admission::EmailNotVerified => t.not_admitted_not_verified,
                Admission::Permission => t.not_admitted_permission,
                Admission::Value => t.not_admitted_value,
            }
            .to_owned(),
        }
    }
}

fn around([before, after]: [&str; 2], value: &str) -> String {
    format!("{before}{value}{after}")
}

pub fn show(desk: &Desk, visit: &Visit, rehearsal: &Rehearsal) -> Result<HttpResponse> {
    let page = Page::new(desk, visit, Some(&rehearsal.viewer))?;
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
        let what = super::error_pages::outcome(page.t, &failure.cause);
        let step = super::error_pages::step(page.t, failure.step);
        if detail.is_empty() {
            format!("{step}: {what}")
        } else {
            format!("{step}: {what} ({detail})")
        }
    });
    page.ok(&RehearsalPage {
        page: &page,
        tab: "status",
        provider: page.label_of(&rehearsal.provider),
        id: rehearsal.provider.id(),
        failure,
        report: rehearsal.outcome.as_ref().ok(),
        answers: &rehearsal.answers,
    })
}
