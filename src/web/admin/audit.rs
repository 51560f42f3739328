//! The audit log: who did what to whom, when, and whether it succeeded.

use std::net::IpAddr;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::audit::{self, Actor, EventKind, Filter};
use crate::clock::UnixTime;
use crate::error::Result;
use crate::portal::Portal;
use crate::users::Role;
use crate::web::guard::{Reader, Staff};
use crate::web::list::{
    Chip, List, ListFilter, ListQuery, Pager, Select, find_code, total_in_words,
};
use crate::web::page::Page;
use crate::web::timeline::{Audience, TimelineItem, look};

pub const LIST: List = List {
    path: "/admin/audit",
    filters: &[
        ListFilter::typed("about", |t| t.about_whom),
        ListFilter::typed("by", |t| t.by),
        ListFilter::chosen(
            "event",
            |t| t.event,
            || EventKind::all().map(EventKind::code).collect(),
            |page, value| match EventKind::from_code(value) {
                Some(kind) => look(page.t, kind).title.to_owned(),
                None => value.to_owned(),
            },
        ),
        ListFilter::chosen(
            "outcome",
            |t| t.result,
            || OUTCOMES.iter().map(|(code, _)| *code).collect(),
            |page, value| match find_code(OUTCOMES, value) {
                Some(true) => page.t.outcome_success.to_owned(),
                _ => page.t.refused_result.to_owned(),
            },
        ),
        ListFilter::typed("q", |t| t.address_or_reference),
        ListFilter::typed("from", |t| t.from_day),
        ListFilter::typed("to", |t| t.to_day),
    ],
    others: &[],
};

const OUTCOMES: &[(&str, bool)] = &[("success", true), ("refused", false)];

/// Parses the filters in an address. Days are in the portal's time zone.
pub fn filter(address: &ListQuery, zone: &TimeZone) -> Result<Filter> {
    let text = |name| address.get(name).map(str::to_owned);
    let kind = address.parsed("event", EventKind::from_code)?;
    let day = |name, days_later: i64| {
        address.parsed(name, |given| {
            let date: Date = given.parse().ok()?;
            let date = date.saturating_add(days_later.days());
            let start = date.to_zoned(zone.clone()).ok()?;
            Some(UnixTime(start.timestamp().as_microsecond()))
        })
    };
    // The field accepts an address or a reference; they cannot be confused.
    let looked_for = text("q");
    let is_address = address.value("q").parse::<IpAddr>().is_ok();
    Ok(Filter {
        username: text("about"),
        actor: text("by"),
        kind,
        is_success: address.parsed("outcome", |code| find_code(OUTCOMES, code))?,
        address: looked_for.clone().filter(|_| is_address),
        reference: looked_for.filter(|_| !is_address),
        since: day("from", 0)?,
        before: day("to", 1)?,
        ..Filter::default()
    })
}

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditLog<'a> {
    page: &'a Page<'a>,
    address: &'a ListQuery,
    total: String,
    kept: (u64, u64),
    selects: Vec<Select>,
    chips: Vec<Chip>,
    rows: Vec<TimelineItem>,
    pager: Pager,
    may_act: bool,
}

pub async fn list(
    reader: Reader<Staff>,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let asked = ListQuery::of(&LIST, &request).and_then(|address| {
        let filter = filter(&address, &portal.time_zone)?;
        Ok((filter, address.page()?, address.size()?, address))
    });
    let (me, (.., address), (listing, total)) = reader
        .read_by(asked, move |conn, _, (filter, page, size, _)| {
            Ok((
                audit::list(conn, filter, *page, *size)?,
                audit::total(conn, filter)?,
            ))
        })
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let t = page.t;
    let note = t.newest_first.to_owned();
    let pager = Pager::of(&listing, &address, t.pages_of_events, note, |event| {
        event.id
    });
    let days = |span: std::time::Duration| span.as_secs() / 86_400;
    page.ok(&AuditLog {
        page: &page,
        total: total_in_words(&page, total),
        kept: (days(portal.retention.sign_ins), days(portal.retention.acts)),
        selects: LIST.selects(&page, &address),
        chips: LIST.chips(&page, &address),
        rows: listing
            .rows
            .into_iter()
            .map(|record| TimelineItem::of(record, &page, Audience::Admins))
            .collect(),
        pager,
        may_act: me.user.role() == Role::Superuser,
        address: &address,
    })
}
