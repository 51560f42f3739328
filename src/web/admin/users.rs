//! The user list and one person's page, to look at.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use askama::Template;
use serde::Deserialize;

use crate::audit::{self, Event};
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::paging::{Listing, Page as ListPage};
use crate::permissions::{self, BY_HAND, Held};
use crate::sessions;
use crate::users::{self, Role, User};
use crate::web::account::ShownSession;
use crate::web::device::Device;
use crate::web::guard::Staff;
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

struct Row {
    person: Person,
    user: User,
}

#[derive(Template)]
#[template(path = "admin/users.html")]
struct UserList<'a> {
    page: &'a Page<'a>,
    count: String,
    rows: Vec<Row>,
    newer: Option<i64>,
    older: Option<i64>,
}

pub async fn list(staff: Staff, desk: Data<Desk>, wanted: Query<Where>) -> Result<HttpResponse> {
    let Staff(me) = staff;
    let wanted = match (wanted.after, wanted.before) {
        (None, None) => ListPage::First,
        (Some(id), None) => ListPage::After(id),
        (None, Some(id)) => ListPage::Before(id),
        (Some(_), Some(_)) => return Err(Error::BadRequest),
    };
    let (listing, count): (Listing<User>, usize) = desk
        .db
        .read(move |conn| {
            Ok((
                users::list(conn, wanted)?,
                users::count_up_to(conn, COUNT_CAP)?,
            ))
        })
        .await?;
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    let newer = listing
        .rows
        .first()
        .filter(|_| listing.has_newer)
        .map(|user| user.id);
    let older = listing
        .rows
        .last()
        .filter(|_| listing.has_older)
        .map(|user| user.id);
    page.ok(&UserList {
        page: &page,
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

/// One line of what happened to somebody.
struct Happening {
    event: Event,
    title: &'static str,
    icon: &'static str,
    tint: &'static str,
    notes: Vec<String>,
    device: Device,
}

#[derive(Template)]
#[template(path = "admin/user.html")]
struct UserPage<'a> {
    page: &'a Page<'a>,
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

pub async fn show(staff: Staff, desk: Data<Desk>, id: Path<i64>) -> Result<HttpResponse> {
    let Staff(me) = staff;
    let id = *id;
    let now = desk.clock.now();
    let limits = desk.limits;
    let (user, identities, held, more_permissions, sessions, events) = desk
        .db
        .read(move |conn| {
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

impl Happening {
    fn of(event: Event, page: &Page<'_>) -> Self {
        let t = page.t;
        let details = event.details();
        let (title, icon, tint) = match event.event.as_str() {
            "signed_in" if details.account_created => (t.event_account_created, "user", "t1"),
            "signed_in" => (t.event_signed_in, "check", "t2"),
            "sign_in_refused" => (t.event_sign_in_refused, "alert", "t5"),
            "signed_out" => (t.event_signed_out, "out", "t6"),
            "user_switched" => (t.event_user_switched, "out", "t6"),
            "session_ended" => (t.event_session_ended, "out", "t6"),
            "other_sessions_ended" => (t.event_sessions_ended, "out", "t6"),
            "role_changed" => (t.event_role_changed, "key", "t4"),
            "superuser_created" => (t.event_superuser_created, "user", "t1"),
            "password_changed" => (t.event_password_changed, "key", "t4"),
            _ => (t.event_other, "clock", "t6"),
        };
        let mut notes: Vec<String> = Vec::new();
        match event.reason.as_str() {
            "" => {}
            "inactive" => notes.push(t.reason_inactive.to_owned()),
            "name_taken" => notes.push(t.reason_name_taken.to_owned()),
            other => notes.push(other.to_owned()),
        }
        for change in &details.changes {
            let [before, from, to] = t.changed_from_to;
            let (field, old, new) = match change.field.as_str() {
                "email" => (t.email, change.from.as_str(), change.to.as_str()),
                "first_name" => (t.name, change.from.as_str(), change.to.as_str()),
                "username" => (t.username, change.from.as_str(), change.to.as_str()),
                _ => (
                    t.role,
                    role_word(page, &change.from),
                    role_word(page, &change.to),
                ),
            };
            let [old, new] = [old, new].map(|text| if text.is_empty() { "—" } else { text });
            notes.push(format!("{before}{field}{from}{old}{to}{new}"));
        }
        for (sign, names) in [
            ("+", &details.permissions_added),
            ("−", &details.permissions_removed),
        ] {
            if !names.is_empty() {
                notes.push(format!("{sign} {}", names.join(", ")));
            }
        }
        if details.permissions_kept.is_some() {
            notes.push(t.permissions_kept.to_owned());
        }
        Self {
            title,
            icon,
            tint,
            notes,
            device: Device::of(&event.user_agent, page.lang),
            event,
        }
    }
}

fn role_word<'a>(page: &Page<'_>, code: &'a str) -> &'a str {
    [Role::Employee, Role::Staff, Role::Superuser]
        .into_iter()
        .find(|role| role.code() == code)
        .map_or(code, |role| page.role_name(role))
}
