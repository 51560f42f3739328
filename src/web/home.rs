//! The start page: the apps that the person may open, found by typing, and the favourites on top.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::access::outcome::{self, Outcome};
use super::csrf::Form;
use super::device::Device;
use super::guard::{Reader, SignedIn};
use super::headers::Scripts;
use super::page::Page;
use super::redirect::see_other;
use super::tiles::{Group, groups};
use crate::apps::choices::{self, OpensIn};
use crate::apps::{self, AppsOf, search};
use crate::audit;
use crate::clock::UnixTime;
use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::users::{Role, User};

/// Why the page has no tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    /// Nobody has added an app.
    NoApps,
    /// No app opens to the person, or all that do are hidden.
    NoneOpens,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    page: &'a Page<'a>,
    /// The time and the browser of the person's previous sign-in.
    last_sign_in: Option<(UnixTime, Device)>,
    /// For `access/outcomes.html`.
    outcomes: Vec<Outcome>,
    has_stale_permissions: bool,
    has_permissions: bool,
    sought: &'a str,
    groups: Vec<Group<'a>>,
    hits: usize,
    total: usize,
    lack: Option<Lack>,
    /// True if the reader can add an app.
    may_add: bool,
    opens_in: OpensIn,
}

pub async fn show(
    reader: Reader,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (sources, now) = (portal.permission_sources(), portal.clock.now());
    let (me, (apps, unseen, previous)) = reader
        .read(move |conn, found| {
            let user_id = found.user.id;
            let apps = AppsOf::read(conn, &sources, &found.user, now)?;
            let unseen = outcome::unseen(conn, user_id, &apps)?;
            let previous = audit::previous_sign_in(conn, user_id, found.session.created_at())?;
            Ok((apps, unseen, previous))
        })
        .await?;
    let mut page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.to_decide = apps.found.news.to_decide;
    let last_sign_in = previous.map(|event| {
        let device = Device::of(&event.user_agent, page.lang);
        (event.created_at(), device)
    });
    let sought = sought(&request);
    let mut home = home(&page, &me.user, &apps, &sought, last_sign_in);
    home.outcomes = outcome::shown(&page, &unseen);
    let mut response = page.ok(&home)?;
    response.extensions_mut().insert(Scripts::Ours);
    Ok(response)
}

fn home<'a>(
    page: &'a Page<'a>,
    user: &User,
    apps: &'a AppsOf,
    sought: &'a str,
    last_sign_in: Option<(UnixTime, Device)>,
) -> Home<'a> {
    let groups = groups(page, apps, sought);
    let tiles = || groups.iter().flat_map(|group| &group.tiles);
    let (hits, total) = (tiles().filter(|tile| tile.is_hit).count(), tiles().count());
    let lack = match (total, apps.all().next()) {
        (0, None) => Some(Lack::NoApps),
        (0, Some(_)) => Some(Lack::NoneOpens),
        _ => None,
    };
    Home {
        page,
        last_sign_in,
        outcomes: Vec::new(),
        has_stale_permissions: user.has_stale_permissions(page.portal.asks_for_permissions()),
        has_permissions: !apps.found.holder.permissions.is_empty(),
        sought,
        groups,
        hits,
        total,
        lack,
        may_add: user.role() == Role::Superuser,
        opens_in: OpensIn::from(apps.found.opens_in_new_tab),
    }
}

/// The search in the address of the page.
fn sought(request: &HttpRequest) -> String {
    let mut pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
    let given = pairs.find(|(name, _)| name == "q");
    given.map_or_else(String::new, |(_, search)| cut(&search))
}

fn cut(search: &str) -> String {
    search.trim().chars().take(search::MAX_SEARCH).collect()
}

#[derive(Deserialize)]
pub struct Star {
    starred: bool,
    /// The search that the page shows.
    q: Option<String>,
}

/// Adds an app to the favourites or removes it. An app that is closed, hidden or unknown is not
/// found.
pub async fn star(
    me: SignedIn,
    portal: Data<Portal>,
    key: Path<String>,
    form: Form<Star>,
) -> Result<HttpResponse> {
    let Form(Star { starred, q }) = form;
    let (sources, now) = (portal.permission_sources(), portal.clock.now());
    let (key, user) = (key.into_inner(), me.user);
    let place = format!("#app-{key}");
    portal
        .db
        .write(move |conn| {
            let app = apps::find(conn, &key)?;
            let found = apps::find_holder(conn, &sources, &user)?;
            let is_shown =
                |app: &apps::App| !app.fields.is_hidden && found.decide(app, now).is_open();
            let app = app.filter(is_shown).ok_or(Error::NotFound)?;
            if starred {
                choices::star(conn, now, user.id, app.id)
            } else {
                choices::unstar(conn, user.id, app.id)
            }
        })
        .await?;
    Ok(back_to(q.as_deref(), &place))
}

#[derive(Deserialize)]
pub struct Tab {
    new_tab: bool,
    q: Option<String>,
}

/// Chooses where apps open.
pub async fn choose_tab(
    me: SignedIn,
    portal: Data<Portal>,
    form: Form<Tab>,
) -> Result<HttpResponse> {
    let Form(Tab { new_tab, q }) = form;
    let user_id = me.user.id;
    portal
        .db
        .write(move |conn| choices::set_tab(conn, user_id, OpensIn::from(new_tab)))
        .await?;
    Ok(back_to(q.as_deref(), ""))
}

/// Redirects to the start page with the search that it showed, to a place on it.
fn back_to(search: Option<&str>, place: &str) -> HttpResponse {
    let search = cut(search.unwrap_or_default());
    if search.is_empty() {
        return see_other(&format!("/{place}"));
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", &search);
    see_other(&format!("/?{}{place}", query.finish()))
}
