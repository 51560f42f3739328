//! The audit log: who did what to whom, when, and how it ended.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::list::{Address, Chip, Choice, Pager, choices, total_in_words};
use crate::audit::{self, Actor, EventKind, Filter};
use crate::clock::UnixTime;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::users::Role;
use crate::web::guard::StaffReader;
use crate::web::page::Page;
use crate::web::timeline::{Audience, TimelineItem, kind_in_words};

pub const PATH: &str = "/admin/audit";
pub const FILTERS: &[&str] = &["about", "by", "event", "outcome", "q", "from", "to"];

const OUTCOMES: &[(&str, bool)] = &[("success", true), ("refused", false)];

/// What an address asks for; days in the portal's time zone.
///
/// # Errors
/// [`Error::BadRequest`] for values that no form of ours sends.
pub fn filter(address: &Address, zone: &TimeZone) -> Result<Filter> {
    let text = |name| address.get(name).map(str::to_owned);
    let kind = match address.get("event") {
        None => None,
        Some(code) => Some(EventKind::from_code(code).ok_or(Error::BadRequest)?),
    };
    let day = |name, days_later: i64| -> Result<Option<UnixTime>> {
        let Some(given) = address.get(name) else {
            return Ok(None);
        };
        let date: Date = given.parse().map_err(|_| Error::BadRequest)?;
        let start = date
            .saturating_add(jiff::Span::new().days(days_later))
            .to_zoned(zone.clone())
            .map_err(|_| Error::BadRequest)?;
        Ok(Some(UnixTime(start.timestamp().as_microsecond())))
    };
    // An address or a reference: they do not look alike.
    let looked_for = text("q");
    let is_address = looked_for
        .as_deref()
        .is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok());
    Ok(Filter {
        username: text("about"),
        actor: text("by"),
        kind,
        is_success: address.choice("outcome", OUTCOMES)?,
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
    tab: &'static str,
    address: &'a Address,
    total: String,
    kept: (u64, u64),
    kinds: Vec<Choice>,
    outcomes: Vec<Choice>,
    chips: Vec<Chip>,
    rows: Vec<TimelineItem>,
    pager: Pager,
    may_act: bool,
}

pub async fn list(
    StaffReader(reader): StaffReader,
    desk: Data<Desk>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let address = Address::of(PATH, FILTERS, &request);
    let wanted = address
        .as_ref()
        .map_err(|_| Error::BadRequest)
        .and_then(|address| {
            Ok((
                filter(address, &desk.time_zone)?,
                address.page()?,
                address.size()?,
            ))
        });
    let asked = wanted.as_ref().ok().cloned();
    let (me, (listing, total)) = reader
        .read(move |conn, _| {
            let (filter, page, size) = asked.as_ref().ok_or(Error::BadRequest)?;
            Ok((
                audit::list(conn, filter, *page, *size)?,
                audit::total(conn, filter)?,
            ))
        })
        .await?;
    let address = address?;
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    let t = page.t;
    let note = t.newest_first.to_owned();
    let pager = Pager::of(&listing, &address, t.pages_of_events, note, |event| {
        event.id
    });
    let mut kinds: Vec<(&str, &str)> = EventKind::all()
        .map(|kind| (kind.code(), kind_in_words(&page, kind)))
        .collect();
    kinds.insert(0, ("", t.any));
    let days = |span: std::time::Duration| span.as_secs() / 86_400;
    page.ok(&AuditLog {
        page: &page,
        tab: "audit",
        total: total_in_words(&page, total),
        kept: (days(desk.retention.sign_ins), days(desk.retention.acts)),
        kinds: choices(address.value("event"), kinds),
        outcomes: choices(
            address.value("outcome"),
            [
                ("", t.any),
                ("success", t.outcome_success),
                ("refused", t.refused_result),
            ],
        ),
        chips: chips(&page, &address),
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

fn chips(page: &Page<'_>, address: &Address) -> Vec<Chip> {
    let t = page.t;
    [
        ("about", t.about_whom),
        ("by", t.by),
        ("event", t.event),
        ("outcome", t.result),
        ("q", t.address_or_reference),
        ("from", t.from_day),
        ("to", t.to_day),
    ]
    .into_iter()
    .filter_map(|(name, label)| {
        let value = address.get(name)?;
        let words = match (name, EventKind::from_code(value)) {
            ("event", Some(kind)) => kind_in_words(page, kind),
            ("outcome", _) if value == "success" => t.outcome_success,
            ("outcome", _) => t.refused_result,
            _ => value,
        };
        Some(Chip {
            text: format!("{label}{}{words}", t.colon),
            without: address.with(name, None),
        })
    })
    .collect()
}
