//! Requests for access, for those who decide on them: superusers, and the owners of apps, who may
//! be plain employees.

mod decide;
mod take_back;

pub use decide::{act, show};
pub use take_back::{confirm as confirm_take_back, take_back};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::access::outcome::{badge, decided_by, wanted};
use crate::access_requests::State;
use crate::access_requests::list::{self as requests, Filter, Listed, Scope};
use crate::apps::owners;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::id::RequestId;
use crate::paging::PAGE_SIZE;
use crate::portal::Portal;
use crate::users::{self, Role, User};
use crate::web::codes_in_words::closed_because_in_words;
use crate::web::cookie::PortalCookie;
use crate::web::guard::Reader;
use crate::web::list::{
    Chip, List, ListFilter, ListQuery, Pager, Select, total_in_words, with_query,
};
use crate::web::page::Page;

pub const LIST: List = List {
    path: "/requests",
    filters: &[
        ListFilter::typed("app", |t| t.app_key),
        ListFilter::typed("user", |t| t.username),
        ListFilter::chosen(
            "state",
            |t| t.request_state,
            || State::ENDED.iter().map(|state| state.code()).collect(),
            |page, value| match State::from_code(value) {
                Some(state) => badge(page.t, state).1.to_owned(),
                None => value.to_owned(),
            },
        ),
    ],
    others: &["waiting_after"],
};

const GRANTED: &str = "request_granted";
const DECLINED: &str = "request_declined";
const TAKEN_BACK: &str = "access_taken_back";

/// Returns the requests that a person may see and decide; an error for somebody who decides on
/// none. The guard has found the person; that they own an app is read here, in the same trip.
fn scope_of(conn: &mut Conn, user: &User) -> Result<Scope> {
    if user.role() == Role::Superuser {
        Ok(Scope::All)
    } else if owners::is_any_owner(conn, user.id)? {
        Ok(Scope::OwnedBy(user.id))
    } else {
        Err(Error::Forbidden)
    }
}

pub fn filter(conn: &mut Conn, address: &ListQuery, scope: Scope) -> Result<Filter> {
    let user = address.get("user");
    let user = user.map(|username| users::find_by_username(conn, username));
    let user = user.transpose()?;
    let ended = |code: &str| State::from_code(code).filter(|state| *state != State::Open);
    Ok(Filter {
        scope,
        state: address.parsed("state", ended)?,
        app: address.get("app").map(str::to_owned),
        is_nobody: matches!(user, Some(None)),
        user_id: user.flatten().map(|user| user.id),
    })
}

/// A request as the page shows it.
pub struct Row {
    pub listed: Listed,
    pub app: String,
    pub wanted: String,
    pub badge: (&'static str, &'static str),
    /// Until when it was granted, or why it was closed.
    pub detail: Option<String>,
    pub by: String,
}

impl Row {
    pub fn of(page: &Page<'_>, listed: Listed) -> Self {
        let request = &listed.request;
        let state = request.state();
        Self {
            app: listed.app_name(page.lang).to_owned(),
            wanted: wanted(page, request),
            badge: badge(page.t, state),
            detail: match state {
                State::Granted => Some(page.until(request.granted_until())),
                _ => request
                    .closed_because()
                    .map(|because| closed_because_in_words(page.t, because).to_owned()),
            },
            by: decided_by(page, request),
            listed,
        }
    }
}

#[derive(Template)]
#[template(path = "requests.html")]
struct RequestsPage<'a> {
    page: &'a Page<'a>,
    address: &'a ListQuery,
    notice: Option<&'static str>,
    waiting: Vec<Row>,
    /// The address of the next ones that wait.
    more: Option<String>,
    total: String,
    selects: Vec<Select>,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    pager: Pager,
    may_export: bool,
}

pub async fn list(
    reader: Reader,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let address = ListQuery::of(&LIST, &request);
    let (me, address, (waiting, count, listing, total)) = reader
        .read_by(address, move |conn, found, address| {
            let scope = scope_of(conn, &found.user)?;
            let me = found.user.id;
            let after = address.parsed("waiting_after", |id| id.parse().ok())?;
            let after = after.unwrap_or(RequestId(i64::MIN));
            let filter = filter(conn, address, scope)?;
            Ok((
                requests::waiting(conn, scope, Some(me), after, PAGE_SIZE)?,
                requests::count_waiting(conn, scope, me)?,
                requests::list(conn, &filter, address.page()?, address.size()?)?,
                requests::total(conn, &filter)?,
            ))
        })
        .await?;
    let mut page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.to_decide = Some(count);
    let t = page.t;
    let note = t.newest_first.to_owned();
    let pager = Pager::of(&listing, &address, t.requests_pages, note, |listed| {
        listed.request.id
    });
    let notice = PortalCookie::Notice
        .read(&request, &portal)
        .filter(|code| code == TAKEN_BACK)
        .map(|_| t.done_taken_back);
    let more = waiting.next.map(|id| {
        let id = id.to_string();
        with_query(LIST.path, [("waiting_after", id.as_str())].into_iter())
    });
    let mut response = page.ok(&RequestsPage {
        page: &page,
        notice,
        waiting: rows(&page, waiting.rows),
        more,
        total: total_in_words(&page, total),
        selects: LIST.selects(&page, &address),
        chips: LIST.chips(&page, &address),
        rows: rows(&page, listing.rows),
        pager,
        may_export: me.user.role() == Role::Superuser,
        address: &address,
    })?;
    if notice.is_some() {
        PortalCookie::Notice.remove(&mut response, &portal)?;
    }
    Ok(response)
}

fn rows(page: &Page<'_>, listed: Vec<Listed>) -> Vec<Row> {
    let listed = listed.into_iter();
    listed.map(|listed| Row::of(page, listed)).collect()
}
