//! The page of one account: who the person is, what they may do, where they are signed in, and
//! everything that happened.

use std::collections::HashMap;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::act::notice_of;
use crate::admin::Admin;
use crate::audit::{self, Actor, Filter};
use crate::clock::UnixTime;
use crate::config::PasswordLogin;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::leaving;
use crate::permissions::{self, BY_HAND, Held};
use crate::sessions;
use crate::users::{self, Role, User, refusals};
use crate::web::cookie;
use crate::web::guard::{Reader, Staff};
use crate::web::list::{List, ListQuery, Pager};
use crate::web::page::{Page, Person};
use crate::web::rows::{KeptPermissions, MAX_SHOWN, ShownSession};
use crate::web::timeline::{Audience, TimelineItem};

/// The events of one account, shown on its page.
const EVENTS: List = List {
    path: "",
    filters: &[],
    others: &[],
};
const MAX_SESSIONS: i64 = 50;
/// Events per page of the timeline.
const TIMELINE: usize = 25;

/// When a field last changed, and who changed it.
struct Changed {
    at: UnixTime,
    by: String,
}

#[derive(Template)]
#[template(path = "admin/user.html")]
#[expect(clippy::struct_excessive_bools, reason = "what the template asks")]
struct UserPage<'a> {
    page: &'a Page<'a>,
    tab: &'static str,
    person: Person,
    user: User,
    notice: Option<&'static str>,
    changed: HashMap<String, Changed>,
    identities: Vec<(String, String)>,
    /// The providers that refuse the person, and since when.
    refusals: Vec<(String, UnixTime)>,
    has_password: bool,
    has_confirmation: bool,
    may_reset: bool,
    permissions: Vec<Held>,
    more_permissions: i64,
    kept_permissions: Vec<KeptPermissions>,
    sessions: Vec<ShownSession>,
    events: Vec<TimelineItem>,
    pager: Pager,
    /// True if the viewer may act and this is not their own account.
    may_act: bool,
    is_self: bool,
    /// IDs and names of the configured providers.
    providers: Vec<(String, String)>,
}

impl UserPage<'_> {
    fn changed(&self, field: &str) -> Option<&Changed> {
        self.changed.get(field)
    }

    /// Returns since when a provider has refused the person, if it does.
    fn refused_since(&self, provider: &str) -> Option<&UnixTime> {
        let mut refusals = self.refusals.iter();
        refusals.find(|(by, _)| by == provider).map(|(_, at)| at)
    }
}

pub async fn show(
    reader: Reader<Staff>,
    desk: Data<Desk>,
    id: Path<i64>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let id = *id;
    let now = desk.clock.now();
    let limits = desk.limits;
    let asked = ListQuery::of(&EVENTS, &request).and_then(|address| Ok((address.page()?, address)));
    let (me, (_, address), found) = reader
        .read_by(asked, move |conn, _, (place, _)| {
            let user = users::find(conn, id)?.ok_or(Error::NotFound)?;
            let held = permissions::list(conn, id, MAX_SHOWN)?;
            let more = permissions::count_beyond(conn, id, &held, MAX_SHOWN)?;
            let about = Filter {
                user_id: Some(id),
                ..Filter::default()
            };
            Ok((
                user,
                (
                    users::identities_of(conn, id)?,
                    refusals::of(conn, id)?,
                    users::kept_permissions_of(conn, id)?,
                ),
                users::confirmation::hashes(conn, id)?,
                users::changes_of(conn, id)?,
                (held, more),
                sessions::list_live(conn, now, limits, id, MAX_SESSIONS)?,
                audit::list(conn, &about, *place, TIMELINE)?,
            ))
        })
        .await?;
    let (user, identities, hashes, fields, (held, more), sessions, events) = found;
    let (identities, mut refusals, kept) = identities;
    let has_password = hashes.password.is_some();
    refusals.retain(|(provider, _)| leaving::vouches(&desk, provider));
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    let asked = desk.asks_for_permissions();
    let is_self = me.user.id == user.id;
    let admin = Admin::of(&me.user, &me.session, me.visit.client.clone());
    let mut pager = Pager::of(
        &events,
        &address,
        page.t.pages_of_events,
        page.t.newest_first.to_owned(),
        |event| event.id,
    );
    pager.sizes.clear();
    pager.at_anchor(&format!("/admin/users/{id}"), "timeline");
    let notice = cookie::notice(&request).and_then(|code| notice_of(&page, &code));
    let changed = fields
        .into_iter()
        .map(|change| {
            let by = match change.changed_by() {
                Actor::Provider | Actor::Portal | Actor::Unknown => {
                    match desk.providers.first().filter(|_| desk.providers.is_one()) {
                        Some(provider) => page.label_of(provider),
                        None => page.t.company_directory.to_owned(),
                    }
                }
                actor => page.actor(&actor).to_owned(),
            };
            let at = change.changed_at();
            (change.field, Changed { at, by })
        })
        .collect();
    let mut response = page.ok(&UserPage {
        page: &page,
        tab: "users",
        person: Person::of(&user),
        notice,
        changed,
        kept_permissions: KeptPermissions::of(&page, &user, kept, asked),
        user,
        identities,
        refusals,
        has_password,
        has_confirmation: hashes.confirmation.is_some(),
        may_reset: has_password && desk.password_login != PasswordLogin::Off,
        permissions: held,
        more_permissions: more,
        sessions: sessions
            .into_iter()
            .map(|session| ShownSession::of(session, &page, Some(me.session.id)))
            .collect(),
        events: events
            .rows
            .into_iter()
            .map(|record| TimelineItem::of(record, &page, Audience::Admins))
            .collect(),
        pager,
        may_act: admin.is_some(),
        is_self,
        providers: desk
            .providers
            .all()
            .iter()
            .map(|provider| (provider.id().to_owned(), page.label_of(provider)))
            .collect(),
    })?;
    if notice.is_some() {
        response
            .add_cookie(&cookie::removed_notice(&desk))
            .map_err(|error| Error::Internal(format!("a cookie: {error}")))?;
    }
    Ok(response)
}
