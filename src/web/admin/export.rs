//! Exports of lists as CSV, with their filters. Rows are written as they are read, page by page, so
//! that a million rows take no more memory than a hundred.

use std::borrow::Cow;
use std::fmt::Display;
use std::future::ready;
use std::sync::Arc;

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{StreamExt as _, stream};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{audit as audit_page, sessions as sessions_page, users as users_page};
use crate::access_requests;
use crate::access_requests::list::{Listed, Scope};
use crate::admin;
use crate::audit::event::ClosedBecause;
use crate::audit::{self, Record};
use crate::clock::UnixTime;
use crate::csv::{BYTE_ORDER_MARK, push_line};
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::i18n;
use crate::paging::{Listing, Page as ListPage};
use crate::portal::Portal;
use crate::sessions;
use crate::sessions::list::Owned;
use crate::users::{self, Source, User};
use crate::web::csrf::Form;
use crate::web::guard::Acting;
use crate::web::list::ListQuery;
use crate::web::redirect::sign_in_anew;
use crate::web::requests as requests_page;

pub(super) const BATCH: usize = 500;

pub(super) struct Export<Row: 'static> {
    /// The name in the name of the file.
    pub(super) name: &'static str,
    pub(super) id: fn(&Row) -> i64,
    pub(super) columns: &'static [Column<Row>],
}

/// A column: its heading, and the cell of a row. Times are in the portal's zone.
pub(super) type Column<Row> = (&'static str, for<'a> fn(&'a Row, &TimeZone) -> Cell<'a>);
pub(super) type Cell<'a> = Cow<'a, str>;

const USERS: Export<User> = Export {
    name: "users",
    id: |user| user.id.into(),
    columns: &[
        ("id", |user, _| user.id.to_string().into()),
        ("username", |user, _| (&user.username).into()),
        ("first_name", |user, _| (&user.first_name).into()),
        ("email", |user, _| (&user.email).into()),
        ("is_active", |user, _| user.is_active.to_string().into()),
        ("role", |user, _| user.role().code().into()),
        ("source", |user, _| match user.synced_at() {
            Some(_) => Source::Provider.code().into(),
            None => Source::Local.code().into(),
        }),
        ("date_joined", |user, zone| time(user.date_joined(), zone)),
        ("last_login", |user, zone| time(user.last_login(), zone)),
        ("synced_at", |user, zone| time(user.synced_at(), zone)),
        ("imported_at", |user, zone| time(user.imported_at(), zone)),
        ("erased_at", |user, zone| time(user.erased_at(), zone)),
    ],
};

const SESSIONS: Export<Owned> = Export {
    name: "sessions",
    id: |owned| owned.session.id.into(),
    columns: &[
        ("id", |owned, _| owned.session.id.to_string().into()),
        ("username", |owned, _| (&owned.username).into()),
        ("first_name", |owned, _| (&owned.first_name).into()),
        ("provider", |owned, _| (&owned.session.provider).into()),
        ("signed_in_at", |owned, zone| {
            time(owned.session.created_at(), zone)
        }),
        ("last_seen_at", |owned, zone| {
            time(owned.session.last_seen_at(), zone)
        }),
        ("address", |owned, _| (&owned.session.address).into()),
        ("user_agent", |owned, _| (&owned.session.user_agent).into()),
    ],
};

const EVENTS: Export<Record> = Export {
    name: "audit",
    id: |event| event.id,
    columns: &[
        ("id", |event, _| event.id.to_string().into()),
        ("time", |event, zone| time(event.created_at(), zone)),
        ("event", |event, _| (&event.event).into()),
        ("outcome", |event, _| (&event.outcome).into()),
        ("reason", |event, _| (&event.reason).into()),
        ("actor", |event, _| (&event.actor).into()),
        ("user_id", |event, _| optional(event.user_id)),
        ("username", |event, _| (&event.username).into()),
        ("provider", |event, _| (&event.provider).into()),
        ("address", |event, _| (&event.address).into()),
        ("user_agent", |event, _| (&event.user_agent).into()),
        ("reference", |event, _| (&event.reference).into()),
        ("details", |event, _| event.details_json().into()),
        ("actor_id", |event, _| optional(event.actor_id)),
    ],
};

const REQUESTS: Export<Listed> = Export {
    name: "requests",
    id: |listed| listed.request.id.into(),
    columns: &[
        ("id", |listed, _| listed.request.id.to_string().into()),
        ("app", |listed, _| (&listed.request.app_key).into()),
        ("user_id", |listed, _| {
            listed.request.user_id.to_string().into()
        }),
        ("username", |listed, _| (&listed.username).into()),
        ("first_name", |listed, _| (&listed.first_name).into()),
        ("asked_at", |listed, zone| {
            time(listed.request.created_at(), zone)
        }),
        ("sentence", |listed, _| (&listed.request.sentence).into()),
        ("wanted_days", |listed, _| {
            optional(listed.request.wanted_days)
        }),
        ("state", |listed, _| listed.request.state().code().into()),
        ("closed_because", |listed, _| {
            let because = listed.request.closed_because();
            because.map(ClosedBecause::code).unwrap_or_default().into()
        }),
        ("closed_at", |listed, zone| {
            time(listed.request.closed_at(), zone)
        }),
        ("decided_by", |listed, _| {
            listed.request.decided_by().text().into()
        }),
        ("answer", |listed, _| (&listed.request.answer).into()),
        ("granted_until", |listed, zone| {
            time(listed.request.granted_until(), zone)
        }),
    ],
};

pub(super) fn time(at: impl Into<Option<UnixTime>>, zone: &TimeZone) -> Cell<'static> {
    let at = at.into().map(|at| i18n::rfc3339(at, zone));
    at.unwrap_or_default().into()
}

fn optional(id: Option<impl Display>) -> Cell<'static> {
    id.map(|id| id.to_string()).unwrap_or_default().into()
}

pub async fn users(
    acting: Acting,
    portal: Data<Portal>,
    request: HttpRequest,
    form: Form<Marked>,
) -> Result<HttpResponse> {
    let address = ListQuery::of(&users_page::LIST, &request)?;
    let mut wanted = users_page::wanted(&address, portal.clock.now())?;
    wanted.size = BATCH;
    // People may sign in or be renamed while the list is read.
    wanted.order = Some(users::Order::NEWEST_FIRST);
    let read = move |conn: &mut Conn, page| {
        let mut wanted = wanted.clone();
        wanted.page = page;
        users::list(conn, &wanted)
    };
    respond(acting, portal, form.0, ("users", &address), &USERS, read).await
}

pub async fn sessions(
    acting: Acting,
    portal: Data<Portal>,
    request: HttpRequest,
    form: Form<Marked>,
) -> Result<HttpResponse> {
    let address = ListQuery::of(&sessions_page::LIST, &request)?;
    let asked = address.clone();
    let filter = portal
        .db
        .read(move |conn| sessions_page::filter(conn, &asked))
        .await?;
    let (now, limits) = (portal.clock.now(), portal.limits);
    let read =
        move |conn: &mut Conn, page| sessions::list::list(conn, now, limits, &filter, page, BATCH);
    respond(
        acting,
        portal,
        form.0,
        ("sessions", &address),
        &SESSIONS,
        read,
    )
    .await
}

pub async fn audit(
    acting: Acting,
    portal: Data<Portal>,
    request: HttpRequest,
    form: Form<Marked>,
) -> Result<HttpResponse> {
    let address = ListQuery::of(&audit_page::LIST, &request)?;
    let filter = audit_page::filter(&address, &portal.time_zone)?;
    let read = move |conn: &mut Conn, page| audit::list(conn, &filter, page, BATCH);
    respond(acting, portal, form.0, ("audit", &address), &EVENTS, read).await
}

pub async fn requests(
    acting: Acting,
    portal: Data<Portal>,
    request: HttpRequest,
    form: Form<Marked>,
) -> Result<HttpResponse> {
    let address = ListQuery::of(&requests_page::LIST, &request)?;
    let asked = address.clone();
    let filter = portal
        .db
        .read(move |conn| requests_page::filter(conn, &asked, Scope::All))
        .await?;
    let read = move |conn: &mut Conn, page| access_requests::list::list(conn, &filter, page, BATCH);
    respond(
        acting,
        portal,
        form.0,
        ("requests", &address),
        &REQUESTS,
        read,
    )
    .await
}

impl<Row> Export<Row> {
    fn head(&self) -> String {
        let mut line = String::new();
        push_line(&mut line, self.columns.iter().map(|(heading, _)| *heading));
        line
    }

    /// Returns the lines of a page, and where the next page begins.
    fn lines(&self, listing: &Listing<Row>, zone: &TimeZone) -> (String, Option<ListPage>) {
        let mut text = String::new();
        for row in &listing.rows {
            let cells = self.columns.iter().map(|(_, cell)| cell(row, zone));
            let cells: Vec<Cell<'_>> = cells.collect();
            push_line(&mut text, cells.iter().map(Cell::as_ref));
        }
        let next = listing.next(self.id).or(listing.stopped_at);
        (text, next.map(ListPage::After))
    }
}

/// The form beside a list.
#[derive(Deserialize)]
pub struct Marked {
    /// `1` adds a byte order mark, for spreadsheets.
    bom: Option<String>,
}

/// Records the export of the list of this name, then streams it. If the database fails on the way, the response breaks off,
/// so that an incomplete list cannot pass for a complete one.
pub(super) async fn respond<Row: Send + 'static>(
    acting: Acting,
    portal: Data<Portal>,
    form: Marked,
    (list, address): (&str, &ListQuery),
    export: &'static Export<Row>,
    read: impl Fn(&mut Conn, ListPage) -> Result<Listing<Row>> + Send + Sync + 'static,
) -> Result<HttpResponse> {
    let admin = acting.admin;
    let noted = address.at(list, &[("size", None)]);
    match admin::export_made(&portal, &admin, noted).await {
        Err(Error::ProofNeeded) => {
            return Ok(sign_in_anew(&address.at(&address.path, &[])));
        }
        other => other?,
    }
    let mark = match form.bom.as_deref() {
        Some("1") => BYTE_ORDER_MARK,
        _ => "",
    };
    let first = Bytes::from(format!("{mark}{}", export.head()));
    let first = stream::once(ready(Ok::<_, Error>(first)));
    let state = (portal, admin, Arc::new(read), Some(ListPage::First));
    let rest = stream::try_unfold(state, move |(portal, admin, read, place)| async move {
        let Some(page) = place else {
            return Ok(None);
        };
        let (still, zone) = (admin.clone(), portal.time_zone.clone());
        let reading = Arc::clone(&read);
        let lines = portal.db.read(move |conn| {
            // The export stops when the admin's authority ends.
            still.check(conn)?;
            Ok(export.lines(&reading(conn, page)?, &zone))
        });
        let (text, next) = lines.await?;
        Ok(Some((Bytes::from(text), (portal, admin, read, next))))
    });
    let disposition = format!("attachment; filename=\"frontdesk-{}.csv\"", export.name);
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, disposition))
        .streaming(first.chain(rest)))
}
