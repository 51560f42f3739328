//! The list of apps, in the order of the start page.

use std::collections::BTreeSet;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;

use super::{LIST as PATH, host, notice, respond};
use crate::admin::apps::{AppRefusal, move_app};
use crate::apps::order::Direction;
use crate::apps::unheld::unheld;
use crate::apps::{self, App, Audience, Category};
use crate::db::Conn;
use crate::error::{Error, Result, Stopped};
use crate::i18n::messages::Messages;
use crate::id::CategoryId;
use crate::local_path::LocalPath;
use crate::paging::{Listing, Page as ListPage};
use crate::permissions::PermissionSources;
use crate::portal::Portal;
use crate::users::Role;
use crate::web::csrf::Form;
use crate::web::guard::{Acting, Reader, Staff};
use crate::web::list::{Chip, List, ListFilter, ListQuery, Pager, Select, grouped};
use crate::web::page::Page;
use crate::web::redirect::see_other;

const LIST: List = List {
    path: PATH,
    filters: &[
        ListFilter::typed("q", |t| t.search_apps),
        ListFilter::chosen(
            "audience",
            |t| t.app_audience,
            || vec!["nobody", "everyone", "any_of", "unheld"],
            |page, value| audience_in_words(page.t, value).to_owned(),
        ),
        ListFilter::chosen(
            "tile",
            |t| t.visibility,
            || vec!["shown", "hidden"],
            |page, value| match value {
                "hidden" => page.t.app_is_hidden.to_owned(),
                _ => page.t.shown.to_owned(),
            },
        ),
    ],
    // The options of the category are rows, not codes.
    others: &["category"],
};

/// The value of the filter for apps without a category.
const NO_CATEGORY: &str = "none";
/// The most permissions that a row names.
const MAX_NAMED: usize = 3;

fn audience_in_words(t: &'static Messages, code: &str) -> &'static str {
    match code {
        "everyone" => t.audience_everyone,
        "any_of" => t.audience_any_of,
        "unheld" => t.nobody_holds_one,
        _ => t.audience_nobody,
    }
}

/// The category of the wanted apps, or none.
#[derive(Clone, Copy, Debug)]
struct InCategory(Option<CategoryId>);

/// The filters of an address.
#[derive(Clone, Debug, Default)]
struct Filter {
    words: Vec<String>,
    category: Option<InCategory>,
    audience: Option<Audience>,
    is_unheld: bool,
    is_hidden: Option<bool>,
}

impl Filter {
    fn of(address: &ListQuery) -> Result<Self> {
        let words = address.value("q").to_lowercase();
        let audience = address.get("audience").filter(|code| *code != "unheld");
        Ok(Self {
            words: words.split_whitespace().map(str::to_owned).collect(),
            category: address.parsed("category", |value| match value {
                NO_CATEGORY => Some(InCategory(None)),
                id => id.parse().ok().map(|id| InCategory(Some(id))),
            })?,
            audience: audience
                .map(|code| Audience::from_code(code).ok_or(Error::BadRequest))
                .transpose()?,
            is_unheld: address.value("audience") == "unheld",
            is_hidden: address.parsed("tile", |value| match value {
                "shown" => Some(false),
                "hidden" => Some(true),
                _ => None,
            })?,
        })
    }

    /// Returns whether an app matches; `unheld` are the permissions that nobody holds.
    fn matches(&self, app: &App, unheld: &BTreeSet<String>) -> bool {
        let fields = &app.fields;
        let text = [
            app.key.as_str(),
            &fields.name_en,
            &fields.name_zh,
            &fields.description_en,
            &fields.description_zh,
            &fields.url,
            &fields.keywords,
        ]
        .join("\n")
        .to_lowercase();
        self.words.iter().all(|word| text.contains(word.as_str()))
            && self
                .category
                .is_none_or(|InCategory(wanted)| fields.category_id == wanted)
            && self
                .audience
                .is_none_or(|audience| fields.rule.audience == audience)
            && self
                .is_hidden
                .is_none_or(|is_hidden| fields.is_hidden == is_hidden)
            && (!self.is_unheld || fields.rule.permissions().any(|name| unheld.contains(name)))
    }
}

struct Row {
    app: App,
    host: String,
    category: String,
    /// The name in the language that the page is not in, if there are two.
    other_name: String,
    who: String,
    unheld: Vec<String>,
    /// Whether there is a neighbour above and below within the category.
    can_rise: bool,
    can_sink: bool,
}

impl Row {
    fn of(page: &Page<'_>, app: App, found: &Found) -> Self {
        let fields = &app.fields;
        let name = page.app_name(&app);
        let both = [&fields.name_en, &fields.name_zh].into_iter();
        let other_name = both.filter(|one| *one != name).cloned().collect();
        let category = found.categories.iter();
        let mut category = category.filter(|one| Some(one.id) == fields.category_id);
        let place = found.order.iter().position(|(key, _)| *key == app.key);
        let neighbour = |place: Option<usize>| {
            place
                .and_then(|place| found.order.get(place))
                .is_some_and(|(_, category)| *category == fields.category_id)
        };
        Self {
            host: host(&fields.url),
            category: category
                .next()
                .map_or(page.t.no_category, |category| category.name(page.lang))
                .to_owned(),
            other_name,
            who: who(page.t, &app),
            unheld: fields
                .rule
                .permissions()
                .filter(|name| found.unheld.contains(*name))
                .map(str::to_owned)
                .collect(),
            can_rise: neighbour(place.and_then(|place| place.checked_sub(1))),
            can_sink: neighbour(place.and_then(|place| place.checked_add(1))),
            app,
        }
    }
}

/// The rule in a few words: "a, b and 3 more, but not x".
fn who(t: &'static Messages, app: &App) -> String {
    let rule = &app.fields.rule;
    let opens = match rule.audience {
        Audience::AnyOf if !rule.any_of.is_empty() => some(t, &rule.any_of),
        audience => audience_in_words(t, audience.code()).to_owned(),
    };
    if rule.but_not.is_empty() {
        return opens;
    }
    let but_not = t.but_not_short.with(some(t, &rule.but_not));
    format!("{opens}{}{but_not}", t.comma)
}

fn some(t: &'static Messages, names: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = names.iter().take(MAX_NAMED).map(String::as_str).collect();
    let shown = shown.join(t.list_comma);
    match names.len().saturating_sub(MAX_NAMED) {
        0 => shown,
        more => t.names_and.with(shown, more),
    }
}

struct Found {
    categories: Vec<Category>,
    unheld: BTreeSet<String>,
    /// The key and the category of every app, in order.
    order: Vec<(String, Option<CategoryId>)>,
    total: usize,
    listing: Option<Listing<App>>,
}

#[derive(Template)]
#[template(path = "admin/apps.html")]
struct AppList<'a> {
    page: &'a Page<'a>,
    address: &'a ListQuery,
    total: String,
    selects: Vec<Select>,
    /// Each category that the filter offers: its value, its name, and whether it is chosen.
    categories: Vec<(String, String, bool)>,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    pager: Pager,
    notice: Option<&'static str>,
    may_act: bool,
    /// Moving makes sense only where all apps of a category are seen.
    may_move: bool,
    /// The query of this page's address.
    back: &'a str,
}

fn find(conn: &mut Conn, sources: &PermissionSources, address: &ListQuery) -> Result<Found> {
    let (page, size) = (address.page()?, address.size()?);
    let filter = Filter::of(address)?;
    let all = apps::list(conn)?;
    let named = all.iter().flat_map(|app| app.fields.rule.permissions());
    let unheld = unheld(conn, sources, named)?;
    let order = all.iter();
    let order = order.map(|app| (app.key.clone(), app.fields.category_id));
    let order = order.collect();
    let matching = all.into_iter().filter(|app| filter.matches(app, &unheld));
    let matching: Vec<App> = matching.collect();
    Ok(Found {
        total: matching.len(),
        listing: Some(paged(matching, page, size)?),
        categories: apps::categories(conn)?,
        unheld,
        order,
    })
}

pub async fn show(
    reader: Reader<Staff>,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let sources = portal.permission_sources();
    let address = ListQuery::of(&LIST, &request);
    let (me, address, mut found) = reader
        .read_by(address, move |conn, _, address| {
            find(conn, &sources, address)
        })
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let t = page.t;
    let listing = found.listing.take().ok_or(Error::NotFound)?;
    let note = t.apps_in_order.to_owned();
    let pager = Pager::of(&listing, &address, t.pages_of_apps, note, |app| app.id);
    let notice = notice(&page, &request, &portal);
    let chosen = address.value("category");
    let mut chips = LIST.chips(&page, &address);
    let mut categories = vec![(NO_CATEGORY.to_owned(), t.no_category.to_owned())];
    let named = found.categories.iter();
    categories.extend(named.map(|one| (one.id.to_string(), one.name(page.lang).to_owned())));
    if let Some((_, name)) = categories.iter().find(|(id, _)| id == chosen) {
        chips.push(Chip {
            text: format!("{}{}{name}", t.app_category, t.colon),
            without: address.with("category", None),
        });
    }
    let list = AppList {
        page: &page,
        total: grouped(i64::try_from(found.total).unwrap_or(i64::MAX)),
        selects: LIST.selects(&page, &address),
        categories: categories
            .into_iter()
            .map(|(id, name)| (id.clone(), name, id == chosen))
            .collect(),
        rows: listing
            .rows
            .into_iter()
            .map(|app| Row::of(&page, app, &found))
            .collect(),
        pager,
        notice,
        may_act: me.user.role() == Role::Superuser,
        may_move: me.user.role() == Role::Superuser && LIST.chips(&page, &address).is_empty(),
        chips,
        back: request.query_string(),
        address: &address,
    };
    respond(&page, &list, notice)
}

/// Cuts a page out of a list that is read whole, since there are never more than
/// [`apps::MAX_APPS`]. An anchor that is not in the list is a bad request.
fn paged(all: Vec<App>, page: ListPage, size: usize) -> Result<Listing<App>> {
    let at = page
        .anchor()
        .map(|id| {
            let found = all.iter().position(|app| app.id.0 == id);
            found.ok_or(Error::BadRequest)
        })
        .transpose()?
        .unwrap_or(0);
    let wanted = size.saturating_add(1);
    let rows: Vec<App> = match page {
        ListPage::First => all.into_iter().take(wanted).collect(),
        ListPage::After(_) => all
            .into_iter()
            .skip(at.saturating_add(1))
            .take(wanted)
            .collect(),
        ListPage::Before(_) => all.into_iter().take(at).rev().take(wanted).collect(),
        ListPage::Last => all.into_iter().rev().take(wanted).collect(),
    };
    Ok(Listing::from_rows(page, size, rows))
}

#[derive(Deserialize)]
pub struct Step {
    direction: Direction,
    /// The query of the list's address.
    #[serde(default)]
    back: String,
}

pub async fn step(
    acting: Acting,
    portal: Data<Portal>,
    key: Path<String>,
    form: Form<Step>,
) -> Result<HttpResponse> {
    let Acting { admin, .. } = acting;
    let (key, now) = (key.into_inner(), portal.clock.now());
    let Step { direction, back } = form.0;
    let moved = key.clone();
    let done = portal
        .db
        .decide(move |conn| move_app(conn, now, &admin, &moved, direction))
        .await;
    match done {
        Ok(()) => {
            let back = LocalPath::parse(&format!("{PATH}?{back}#{key}"));
            Ok(match back {
                Some(back) => see_other(back.as_str()),
                None => see_other(PATH),
            })
        }
        Err(Stopped::Refused(AppRefusal::UnknownApp)) => Err(Error::NotFound),
        Err(Stopped::Refused(_)) => Err(Error::BadRequest),
        Err(Stopped::Failed(error)) => Err(error),
    }
}
