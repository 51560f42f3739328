//! Exports of lists as CSV, with their filters. Rows are written as they are read, page by page, so
//! that a million rows take no more memory than a hundred.

use std::borrow::Cow;
use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{audit as audit_page, sessions as sessions_page, users as users_page};
use crate::admin;
use crate::audit::{self, Record};
use crate::clock::UnixTime;
use crate::csv::{BYTE_ORDER_MARK, push_line};
use crate::db::Conn;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::i18n;
use crate::paging::{Listing, Page as ListPage};
use crate::sessions;
use crate::sessions::list::Owned;
use crate::users::{self, User};
use crate::web::csrf::Form;
use crate::web::guard::Acting;
use crate::web::list::ListQuery;
use crate::web::redirect::sign_in_anew;

/// Rows per chunk.
const PIECE: usize = 500;

/// Reads the page of a list after a given row. Returns its lines, and where the next page begins.
type Piece = Pin<Box<dyn Fn(&mut Conn, ListPage) -> Result<(String, Option<i64>)> + Send + Sync>>;

/// A column: its heading, and the cell of a row. Times are in the portal's zone.
type Column<Row> = (&'static str, for<'a> fn(&'a Row, &TimeZone) -> Cell<'a>);
type Cell<'a> = Cow<'a, str>;

const USERS: &[Column<User>] = &[
    ("id", |user, _| user.id.to_string().into()),
    ("username", |user, _| (&user.username).into()),
    ("first_name", |user, _| (&user.first_name).into()),
    ("email", |user, _| (&user.email).into()),
    ("is_active", |user, _| user.is_active.to_string().into()),
    ("role", |user, _| user.role().code().into()),
    ("source", |user, _| match user.synced_at() {
        Some(_) => "directory".into(),
        None => "local".into(),
    }),
    ("date_joined", |user, zone| time(user.date_joined(), zone)),
    ("last_login", |user, zone| time(user.last_login(), zone)),
    ("synced_at", |user, zone| time(user.synced_at(), zone)),
    ("imported_at", |user, zone| time(user.imported_at(), zone)),
    ("erased_at", |user, zone| time(user.erased_at(), zone)),
];

const SESSIONS: &[Column<Owned>] = &[
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
];

const EVENTS: &[Column<Record>] = &[
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
];

fn time(at: impl Into<Option<UnixTime>>, zone: &TimeZone) -> Cell<'static> {
    let at = at.into().map(|at| i18n::rfc3339(at, zone));
    at.unwrap_or_default().into()
}

fn optional(id: Option<impl Display>) -> Cell<'static> {
    id.map(|id| id.to_string()).unwrap_or_default().into()
}

pub async fn users(
    acting: Acting,
    desk: Data<Desk>,
    request: HttpRequest,
    form: Form<Marked>,
) -> Result<HttpResponse> {
    let address = ListQuery::of(&users_page::LIST, &request)?;
    let mut wanted = users_page::wanted(&address, desk.clock.now())?;
    wanted.size = PIECE;
    // People may sign in or be renamed while the list is read.
    wanted.order = Some(users::Order::NEWEST_FIRST);
    let zone = desk.time_zone.clone();
    let piece: Piece = Box::pin(move |conn, page| {
        let mut wanted = wanted.clone();
        wanted.page = page;
        let listing = users::list(conn, &wanted)?;
        Ok(lines(&listing, USERS, &zone, |user| user.id))
    });
    respond(
        acting,
        desk,
        ("users", form.0),
        &address,
        head(USERS),
        piece,
    )
    .await
}

pub async fn sessions(
    acting: Acting,
    desk: Data<Desk>,
    request: HttpRequest,
    form: Form<Marked>,
) -> Result<HttpResponse> {
    let address = ListQuery::of(&sessions_page::LIST, &request)?;
    let asked = address.clone();
    let filter = desk
        .db
        .read(move |conn| sessions_page::filter(conn, &asked))
        .await?;
    let (now, limits) = (desk.clock.now(), desk.limits);
    let zone = desk.time_zone.clone();
    let piece: Piece = Box::pin(move |conn, page| {
        let listing = sessions::list::list(conn, now, limits, &filter, page, PIECE)?;
        Ok(lines(&listing, SESSIONS, &zone, |owned| owned.session.id))
    });
    respond(
        acting,
        desk,
        ("sessions", form.0),
        &address,
        head(SESSIONS),
        piece,
    )
    .await
}

pub async fn audit(
    acting: Acting,
    desk: Data<Desk>,
    request: HttpRequest,
    form: Form<Marked>,
) -> Result<HttpResponse> {
    let address = ListQuery::of(&audit_page::LIST, &request)?;
    let filter = audit_page::filter(&address, &desk.time_zone)?;
    let zone = desk.time_zone.clone();
    let piece: Piece = Box::pin(move |conn, page| {
        let listing = audit::list(conn, &filter, page, PIECE)?;
        Ok(lines(&listing, EVENTS, &zone, |event| event.id))
    });
    respond(
        acting,
        desk,
        ("audit", form.0),
        &address,
        head(EVENTS),
        piece,
    )
    .await
}

/// The first line of an export.
fn head<Row>(columns: &[Column<Row>]) -> String {
    let mut line = String::new();
    push_line(&mut line, columns.iter().map(|(heading, _)| *heading));
    line
}

fn lines<Row>(
    listing: &Listing<Row>,
    columns: &[Column<Row>],
    zone: &TimeZone,
    id: impl Fn(&Row) -> i64,
) -> (String, Option<i64>) {
    let mut text = String::new();
    for row in &listing.rows {
        let cells: Vec<Cell<'_>> = columns.iter().map(|(_, cell)| cell(row, zone)).collect();
        push_line(&mut text, cells.iter().map(Cell::as_ref));
    }
    (text, listing.next(id).or(listing.stopped_at))
}

/// The form beside a list.
#[derive(Deserialize)]
pub struct Marked {
    /// `1` adds a byte order mark, for spreadsheets.
    bom: Option<String>,
}

/// Records the export, then streams it. If the database fails on the way, the response breaks off,
/// so that an incomplete list cannot pass for a complete one.
async fn respond(
    acting: Acting,
    desk: Data<Desk>,
    (what, form): (&'static str, Marked),
    address: &ListQuery,
    head: String,
    piece: Piece,
) -> Result<HttpResponse> {
    let mut builder = HttpResponse::Ok();
    builder
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"frontdesk-{what}.csv\""),
        ));
    let query = address.query();
    let noted = if query.is_empty() {
        what.to_owned()
    } else {
        format!("{what}?{query}")
    };
    let admin = acting.admin;
    match admin::export_made(&desk, &admin, noted).await {
        Err(Error::FreshSignInNeeded) => return Ok(sign_in_anew(&address.at(address.path, &[]))),
        other => other?,
    }
    let mark = match form.bom.as_deref() {
        Some("1") => BYTE_ORDER_MARK,
        _ => "",
    };
    let first = format!("{mark}{head}");
    let piece = Arc::new(piece);
    let state = (desk, admin, piece, Some(ListPage::First), Some(first));
    let rows = stream::try_unfold(state, |(desk, admin, piece, place, first)| async move {
        if let Some(first) = first {
            let state = (desk, admin, piece, place, None);
            return Ok(Some((Bytes::from(first), state)));
        }
        let Some(page) = place else {
            return Ok::<_, Error>(None);
        };
        let (read, still) = (Arc::clone(&piece), admin.clone());
        let read = move |conn: &mut Conn| {
            // The export stops when the admin's authority ends.
            still.check(conn)?;
            read(conn, page)
        };
        let (text, next) = desk.db.read(read).await?;
        let place = next.map(ListPage::After);
        Ok(Some((Bytes::from(text), (desk, admin, piece, place, None))))
    });
    Ok(builder.streaming(rows))
}
