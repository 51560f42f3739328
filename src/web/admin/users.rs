//! The user list and one person's page, to look at.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use askama::Template;
use serde::Deserialize;

use super::happening::Happening;
use crate::audit;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::paging::{Listing, Page as ListPage};
use crate::permissions::{self, BY_HAND, Held};
use crate::sessions;
use crate::users::{self, Role, User};
use crate::web::account::ShownSession;
use crate::web::guard::StaffReader;
use crate::web::home::MAX_SHOWN;
use crate::web::page::{Page, Person};

/// Counted no further: past it the page says "1,000+".
const COUNT_CAP: i64 = 1001;
const MAX_SESSIONS: i64 = 50;
const MAX_EVENTS: i64 = 20;

#[derive(Deserialize)]
pub struct Where {
    after: Option<i64>,
    before: Option<i64>,
}

impl Where {
    /// `None` for two places at once.
    pub const fn page(&self) -> Option<ListPage> {
        match (self.after, self.before) {
            (None, None) => Some(ListPage::First),
            (Some(id), None) => Some(ListPage::After(id)),
            (None, Some(id)) => Some(ListPage::Before(id)),
            (Some(_), Some(_)) => None,
        }
    }
}

struct Row {
    person: Person,
    user: User,
}

#[derive(Template)]
#[template(path = "admin/users.html")]
struct UserList<'a> {
    page: &'a Page<'a>,
    tab: &'static str,
    count: String,
    rows: Vec<Row>,
    newer: Option<i64>,
    older: Option<i64>,
}

pub async fn list(
    StaffReader(reader): StaffReader,
    desk: Data<Desk>,
    wanted: Query<Where>,
) -> Result<HttpResponse> {
    let wanted = wanted.page();
    let (me, (listing, count)): (_, (Listing<User>, usize)) = reader
        .read(move |conn, _| {
            let wanted = wanted.ok_or(Error::BadRequest)?;
            Ok((
                users::list(conn, wanted)?,
                users::count_up_to(conn, COUNT_CAP)?,
            ))
        })
        .await?;
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    let newer = listing.newer(|user| user.id);
    let older = listing.older(|user| user.id);
    page.ok(&UserList {
        page: &page,
        tab: "users",
        count: if count > 1000 {
            "1,000+".to_owned()
        } else {
            count.to_string()
        },
        rows: listing
            .rows
            .into_iter()
            .map(|user| Row {
                person: Person::of(&user),
                user,
            })
            .collect(),
        newer,
        older,
    })
}

#[derive(Template)]
#[template(path = "admin/user.html")]
struct UserPage<'a> {
    page: &'a Page<'a>,
    tab: &'static str,
    person: Person,
    user: User,
    is_directory: bool,
    identities: Vec<(String, String)>,
    permissions: Vec<Held>,
    more_permissions: i64,
    has_stale_permissions: bool,
    sessions: Vec<ShownSession>,
    happenings: Vec<Happening>,
}

pub async fn show(
    StaffReader(reader): StaffReader,
    desk: Data<Desk>,
    id: Path<i64>,
) -> Result<HttpResponse> {
    let id = *id;
    let now = desk.clock.now();
    let limits = desk.limits;
    let (me, (user, identities, held, more_permissions, sessions, events)) = reader
        .read(move |conn, _| {
            let user = users::find(conn, id)?.ok_or(Error::NotFound)?;
            let held = permissions::list(conn, id, MAX_SHOWN)?;
            let more = permissions::count_beyond(conn, id, &held, MAX_SHOWN)?;
            Ok((
                user,
                users::identities_of(conn, id)?,
                held,
                more,
                sessions::list_live(conn, now, limits, id, MAX_SESSIONS)?,
                audit::list_about(conn, id, MAX_EVENTS)?,
            ))
        })
        .await?;
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    let asked = desk.provider.settings().permissions_url.is_some();
    page.ok(&UserPage {
        page: &page,
        tab: "users",
        person: Person::of(&user),
        is_directory: !identities.is_empty(),
        has_stale_permissions: user.has_stale_permissions(asked),
        user,
        identities,
        permissions: held,
        more_permissions,
        sessions: sessions
            .into_iter()
            .map(|session| ShownSession::of(session, &page, None))
            .collect(),
        happenings: events
            .into_iter()
            .map(|event| Happening::of(event, &page))
            .collect(),
    })
}
