//! The page of one account: who the person is, what they may do, where they are signed in, and
//! everything that happened.

use std::collections::HashMap;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::act::notice_of;
use crate::apps::{App, AppsOf, Decision};
use crate::audit::{self, Actor, Filter, Record};
use crate::clock::UnixTime;
use crate::config::PasswordLogin;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::leaving;
use crate::paging::{Listing, Page as ListPage};
use crate::permissions::{self, BY_HAND, Held, PermissionSources};
use crate::portal::Portal;
use crate::sessions::{self, Limits, Session};
use crate::users::confirmation_password::Hashes;
use crate::users::{self, LastChange, Role, User, refusals};
use crate::web::codes_in_words::decision_in_words;
use crate::web::cookie::PortalCookie;
use crate::web::guard::{Reader, SignedIn, Staff};
use crate::web::list::{List, ListQuery, Pager};
use crate::web::page::{Page, Person};
use crate::web::rows::{KeptPermissions, MAX_SHOWN, ShownSession};
use crate::web::tiles::Words;
use crate::web::timeline::{Audience, TimelineItem};

/// The events of one account, shown on its page.
const EVENTS: List = List::without_filters("");
const MAX_SESSIONS: i64 = 50;
/// Events per page of the timeline.
const TIMELINE: usize = 25;

/// The apps of each kind that the page shows. The counts give the totals.
const MAX_APPS: usize = 100;

/// When a field last changed, and who changed it.
struct Changed {
    at: UnixTime,
    by: String,
}

#[derive(Template)]
#[template(path = "admin/user.html")]
struct UserPage<'a> {
    page: &'a Page<'a>,
    person: Person,
    found: Found,
    notice: Option<&'static str>,
    changed: HashMap<String, Changed>,
    may_reset: bool,
    kept_permissions: Vec<KeptPermissions>,
    apps: PersonsApps<'a>,
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
        let mut refusals = self.found.refusals.iter();
        refusals.find(|(by, _)| by == provider).map(|(_, at)| at)
    }
}

/// An app, and how it opens to the person or why not.
struct AppLine<'a> {
    app: &'a App,
    name: Words<'a>,
    why: String,
    /// A grant is running, which can be taken back whether or not it is what opens the app.
    is_granted: bool,
}

/// What the person may open and, for any other app, why not.
struct PersonsApps<'a> {
    open: Vec<AppLine<'a>>,
    closed: Vec<AppLine<'a>>,
    open_count: usize,
    closed_count: usize,
}

impl<'a> PersonsApps<'a> {
    fn of(page: &Page<'_>, apps: &'a AppsOf) -> Self {
        let line = |(app, decision)| AppLine {
            app,
            name: Words::name_of(app, page.lang),
            why: decision_in_words(page, decision),
            is_granted: {
                let grants = apps.found.grants(app.id);
                grants.iter().any(|grant| grant.is_running(page.now))
            },
        };
        let is_open = |(_, decision): &(&App, &Decision)| decision.is_open();
        let closed = || apps.all().filter(|one| !is_open(one));
        let open = || apps.all().filter(is_open);
        Self {
            open: open().take(MAX_APPS).map(line).collect(),
            closed: closed().take(MAX_APPS).map(line).collect(),
            open_count: open().count(),
            closed_count: closed().count(),
        }
    }
}

/// What the page shows as it is in the database.
struct Found {
    user: User,
    identities: Vec<(String, String)>,
    /// The providers that refuse the person, and since when.
    refusals: Vec<(String, UnixTime)>,
    hashes: Hashes,
    permissions: Vec<Held>,
    more_permissions: i64,
}

/// What the page shows in its words.
struct Told {
    kept: Vec<users::Kept>,
    last_changes: Vec<LastChange>,
    sessions: Vec<Session>,
    events: Listing<Record>,
}

fn find(
    conn: &mut Conn,
    (now, limits, sources): (UnixTime, Limits, &PermissionSources),
    id: UserId,
    place: ListPage,
) -> Result<(Found, Told, AppsOf)> {
    let about = Filter {
        user_id: Some(id),
        ..Filter::default()
    };
    let permissions = permissions::list(conn, id, MAX_SHOWN)?;
    let user = users::find(conn, id)?.ok_or(Error::NotFound)?;
    let apps = AppsOf::read(conn, sources, &user, now)?;
    let found = Found {
        user,
        identities: users::identities_of(conn, id)?,
        refusals: refusals::of(conn, id)?,
        hashes: users::confirmation_password::hashes(conn, id)?,
        more_permissions: permissions::count_beyond(conn, id, &permissions, MAX_SHOWN)?,
        permissions,
    };
    let told = Told {
        kept: users::kept_permissions_of(conn, id)?,
        last_changes: users::changes_of(conn, id)?,
        sessions: sessions::list_live(conn, now, limits, id, MAX_SESSIONS)?,
        events: audit::list(conn, &about, place, TIMELINE)?,
    };
    Ok((found, told, apps))
}

/// By field: when it last changed, and by whom.
fn changed(page: &Page<'_>, last_changes: Vec<LastChange>) -> HashMap<String, Changed> {
    let providers = &page.portal.providers;
    let provider = match providers.first().filter(|_| providers.is_single()) {
        Some(provider) => page.label_of(provider),
        None => page.t.company_directory.to_owned(),
    };
    let changed = |change: LastChange| {
        let by = match change.changed_by() {
            Actor::Provider | Actor::Portal | Actor::Unknown => provider.clone(),
            actor => page.actor(&actor).to_owned(),
        };
        let at = change.changed_at();
        (change.field, Changed { at, by })
    };
    last_changes.into_iter().map(changed).collect()
}

pub async fn show(
    reader: Reader<Staff>,
    portal: Data<Portal>,
    id: Path<UserId>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let id = *id;
    let (now, limits) = (portal.clock.now(), portal.limits);
    let sources = portal.permission_sources();
    let asked = ListQuery::of(&EVENTS, &request).and_then(|query| Ok((query.page()?, query)));
    let (me, (_, query), (mut found, told, apps)) = reader
        .read_by(asked, move |conn, _, (place, _)| {
            find(conn, (now, limits, &sources), id, *place)
        })
        .await?;
    found
        .refusals
        .retain(|(provider, _)| leaving::vouches(&portal, provider));
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let (label, note) = (page.t.pages_of_events, page.t.newest_first.to_owned());
    let mut pager = Pager::of(&told.events, &query, label, note, |event| event.id);
    pager.sizes.clear();
    pager.at_anchor(&format!("/admin/users/{id}"), "timeline");
    let notice = PortalCookie::Notice.read(&request, &portal);
    let notice = notice.and_then(|code| notice_of(&page, &code));
    let apps = PersonsApps::of(&page, &apps);
    let mut response = page.ok(&user_page(&page, (found, told, apps), pager, notice, &me))?;
    if notice.is_some() {
        PortalCookie::Notice.remove(&mut response, &portal)?;
    }
    Ok(response)
}

fn user_page<'a>(
    page: &'a Page<'a>,
    (found, told, apps): (Found, Told, PersonsApps<'a>),
    pager: Pager,
    notice: Option<&'static str>,
    me: &SignedIn,
) -> UserPage<'a> {
    let portal = page.portal;
    let this = Some(me.session.id);
    let sessions = told.sessions.into_iter();
    let records = told.events.rows.into_iter();
    let providers = portal.providers.all().iter();
    let has_password = found.hashes.password.is_some();
    UserPage {
        page,
        person: Person::of(&found.user),
        notice,
        changed: changed(page, told.last_changes),
        kept_permissions: KeptPermissions::of(page, &found.user, told.kept),
        apps,
        is_self: me.user.id == found.user.id,
        may_reset: has_password && portal.password_login != PasswordLogin::Off,
        found,
        sessions: sessions
            .map(|session| ShownSession::of(session, page, this))
            .collect(),
        events: records
            .map(|record| TimelineItem::of(record, page, Audience::Admins))
            .collect(),
        pager,
        may_act: me.user.role() == Role::Superuser,
        providers: providers
            .map(|provider| (provider.id().to_owned(), page.label_of(provider)))
            .collect(),
    }
}
