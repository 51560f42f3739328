//! Exports of lists as CSV, with their filters. Rows are written as they are read, page by page, so
//! that a million rows take no more memory than a hundred.

use std::pin::Pin;

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::Deserialize;

use super::{audit as audit_page, sessions as sessions_page, users as users_page};
use crate::admin;
use crate::csv::{BYTE_ORDER_MARK, push_line};
use crate::db::Conn;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::i18n;
use crate::paging::{Listing, Page as ListPage};
use crate::web::csrf::Form;
use crate::web::guard::Acting;
use crate::web::list::ListQuery;
use crate::web::redirect::sign_in_anew;
use crate::{audit, sessions, users};

/// Rows per chunk.
const PIECE: usize = 500;

/// Reads the page of a list after a given row. Returns its lines, and where the next page begins.
type Piece = Pin<Box<dyn Fn(&mut Conn, ListPage) -> Result<(String, Option<i64>)> + Send + Sync>>;

pub async fn users(
    acting: Acting,
    desk: Data<Desk>,
    request: HttpRequest,
    form: Form<Marked>,
) -> Result<HttpResponse> {
    const HEAD: [&str; 12] = [
        "id",
        "username",
        "first_name",
        "email",
        "is_active",
        "role",
        "source",
        "date_joined",
        "last_login",
        "synced_at",
        "imported_at",
        "erased_at",
    ];
    let address = ListQuery::of(&users_page::LIST, &request)?;
    let mut wanted = users_page::wanted(&address, desk.clock.now())?;
    wanted.size = PIECE;
    // People may sign in or be renamed while the list is read.
    wanted.order = Some(users::Order::NEWEST_FIRST);
    let zone = desk.time_zone.clone();
    let time = move |time| i18n::rfc3339(time, &zone);
    let piece: Piece = Box::pin(move |conn, page| {
        let listing = users::list(
            conn,
            &users::Wanted {
                page,
                ..wanted.clone()
            },
        )?;
        Ok(lines(
            &listing,
            |user| user.id,
            |text, user| {
                let source = if user.synced_at().is_some() {
                    "directory"
                } else {
                    "local"
                };
                let optional = |at: Option<_>| at.map(&time).unwrap_or_default();
                push_line(
                    text,
                    [
                        user.id.to_string().as_str(),
                        &user.username,
                        &user.first_name,
                        &user.email,
                        if user.is_active { "true" } else { "false" },
                        user.role().code(),
                        source,
                        &time(user.date_joined()),
                        &optional(user.last_login()),
                        &optional(user.synced_at()),
                        &optional(user.imported_at()),
                        &optional(user.erased_at()),
                    ],
                );
            },
        ))
    });
    respond(acting, desk, ("users", form.0), &address, &HEAD, piece).await
}

pub async fn sessions(
    acting: Acting,
    desk: Data<Desk>,
    request: HttpRequest,
    form: Form<Marked>,
) -> Result<HttpResponse> {
    const HEAD: [&str; 8] = [
        "id",
        "username",
        "first_name",
        "provider",
        "signed_in_at",
        "last_seen_at",
        "address",
        "user_agent",
    ];
    let address = ListQuery::of(&sessions_page::LIST, &request)?;
    let asked = address.clone();
    let filter = desk
        .db
        .read(move |conn| sessions_page::filter(conn, &asked))
        .await?;
    let (now, limits) = (desk.clock.now(), desk.limits);
    let zone = desk.time_zone.clone();
    let time = move |time| i18n::rfc3339(time, &zone);
    let piece: Piece = Box::pin(move |conn, page| {
        let listing = sessions::list::list(conn, now, limits, &filter, page, PIECE)?;
        Ok(lines(
            &listing,
            |owned| owned.session.id,
            |text, owned| {
                let session = &owned.session;
                push_line(
                    text,
                    [
                        session.id.to_string().as_str(),
                        &owned.username,
                        &owned.first_name,
                        &session.provider,
                        &time(session.created_at()),
                        &time(session.last_seen_at()),
                        &session.address,
                        &session.user_agent,
                    ],
                );
            },
        ))
    });
    respond(acting, desk, ("sessions", form.0), &address, &HEAD, piece).await
}

pub async fn audit(
    acting: Acting,
    desk: Data<Desk>,
    request: HttpRequest,
    form: Form<Marked>,
) -> Result<HttpResponse> {
    const HEAD: [&str; 14] = [
        "id",
        "time",
        "event",
        "outcome",
        "reason",
        "actor",
        "user_id",
        "username",
        "provider",
        "address",
        "user_agent",
        "reference",
        "details",
        "actor_id",
    ];
    let address = ListQuery::of(&audit_page::LIST, &request)?;
    let filter = audit_page::filter(&address, &desk.time_zone)?;
    let zone = desk.time_zone.clone();
    let piece: Piece = Box::pin(move |conn, page| {
        let listing = audit::list(conn, &filter, page, PIECE)?;
        Ok(lines(
            &listing,
            |event| event.id,
            |text, event| {
                push_line(
                    text,
                    [
                        event.id.to_string().as_str(),
                        &i18n::rfc3339(event.created_at(), &zone),
                        &event.event,
                        &event.outcome,
                        &event.reason,
                        &event.actor,
                        &event.user_id.map(|id| id.to_string()).unwrap_or_default(),
                        &event.username,
                        &event.provider,
                        &event.address,
                        &event.user_agent,
                        &event.reference,
                        event.details_json(),
                        &event.actor_id.map(|id| id.to_string()).unwrap_or_default(),
                    ],
                );
            },
        ))
    });
    respond(acting, desk, ("audit", form.0), &address, &HEAD, piece).await
}

fn lines<Row, Id: Into<i64>>(
    listing: &Listing<Row>,
    id: impl Fn(&Row) -> Id,
    write: impl Fn(&mut String, &Row),
) -> (String, Option<i64>) {
    let mut text = String::new();
    for row in &listing.rows {
        write(&mut text, row);
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
    head: &[&str],
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
        Err(Error::FreshSignInNeeded) => {
            return Ok(sign_in_anew(&address.at(address.path(), &[])));
        }
        other => other?,
    }
    let mut first = String::new();
    if form.bom.as_deref() == Some("1") {
        first.push_str(BYTE_ORDER_MARK);
    }
    push_line(&mut first, head.iter().copied());
    let piece = std::sync::Arc::new(piece);
    let state = (desk, admin, piece, Some(ListPage::First), Some(first));
    let rows = stream::try_unfold(state, |(desk, admin, piece, place, first)| async move {
        if let Some(first) = first {
            return Ok(Some((
                Bytes::from(first),
                (desk, admin, piece, place, None),
            )));
        }
        let Some(page) = place else {
            return Ok::<_, Error>(None);
        };
        let (read, still) = (std::sync::Arc::clone(&piece), admin.clone());
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
