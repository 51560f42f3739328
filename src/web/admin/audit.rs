//! The audit log, to look at.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use askama::Template;

use super::happening::Happening;
use super::users::Where;
use crate::audit::{self, Event};
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::paging::Listing;
use crate::web::guard::StaffReader;
use crate::web::page::Page;

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditLog<'a> {
    page: &'a Page<'a>,
    tab: &'static str,
    rows: Vec<Happening>,
    newer: Option<i64>,
    older: Option<i64>,
}

pub async fn list(
    StaffReader(reader): StaffReader,
    desk: Data<Desk>,
    wanted: Query<Where>,
) -> Result<HttpResponse> {
    let wanted = wanted.page();
    let (me, listing): (_, Listing<Event>) = reader
        .read(move |conn, _| audit::list(conn, wanted.ok_or(Error::BadRequest)?))
        .await?;
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    let newer = listing.newer(|event| event.id);
    let older = listing.older(|event| event.id);
    page.ok(&AuditLog {
        page: &page,
        tab: "audit",
        rows: listing
            .rows
            .into_iter()
            .map(|event| Happening::of(event, &page))
            .collect(),
        newer,
        older,
    })
}
