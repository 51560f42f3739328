//! The tiles of a start page, in groups: the favourites, the categories, and the apps without one.

use std::collections::HashMap;
use std::time::Duration;

use super::page::Page;
use crate::apps::{App, AppsOf, Decision, OpenBy, search};
use crate::clock::UnixTime;
use crate::i18n::Lang;
use crate::id::{AppId, CategoryId};

/// The end of a grant is shown on its tile for this long before.
const LAST_DAYS: Duration = Duration::from_secs(7 * 24 * 3600);

/// A text in the reader's language, or in the other one where it was not written in theirs.
pub struct Words<'a> {
    pub text: &'a str,
    /// The tag of the text's language, if it is not the page's.
    pub lang: Option<&'static str>,
}

impl<'a> Words<'a> {
    pub const fn of(lang: Lang, en: &'a str, zh: &'a str) -> Self {
        let (own, other) = match lang {
            Lang::En => (en, zh),
            Lang::Zh => (zh, en),
        };
        if own.is_empty() && !other.is_empty() {
            Self {
                text: other,
                lang: Some(lang.other().tag()),
            }
        } else {
            Self {
                text: own,
                lang: None,
            }
        }
    }

    /// The name of an app.
    pub fn name_of(app: &'a App, lang: Lang) -> Self {
        Self::of(lang, &app.fields.name_en, &app.fields.name_zh)
    }
}

pub struct Tile<'a> {
    pub app: &'a App,
    pub name: Words<'a>,
    pub description: Words<'a>,
    pub is_starred: bool,
    /// The words by which the search finds it.
    pub words: String,
    /// True if the search finds it.
    pub is_hit: bool,
    /// When the grant by which it opens ends, if that is soon.
    pub ends: Option<UnixTime>,
}

pub struct Group<'a> {
    pub heading: Words<'a>,
    pub tiles: Vec<Tile<'a>>,
}

impl Group<'_> {
    pub fn has_hit(&self) -> bool {
        self.tiles.iter().any(|tile| tile.is_hit)
    }
}

/// Groups the tiles of a person, the favourites in the order in which they were starred. Each app
/// stands in one group.
pub fn groups<'a>(page: &Page<'_>, apps: &'a AppsOf, sought: &str) -> Vec<Group<'a>> {
    let terms = search::terms(sought);
    let stars = apps.found.stars.iter().zip(0_usize..);
    let places: HashMap<AppId, usize> = stars.map(|(app, place)| (*app, place)).collect();
    let mut favourites: Vec<(usize, Tile<'_>)> = Vec::new();
    let mut by_category: HashMap<Option<CategoryId>, Vec<Tile<'_>>> = HashMap::new();
    for (app, decision) in apps.tiles_with_decisions() {
        let mut tile = tile_of(page, app, decision, &terms);
        if let Some(place) = places.get(&app.id) {
            tile.is_starred = true;
            favourites.push((*place, tile));
        } else {
            let category = app.fields.category_id;
            by_category.entry(category).or_default().push(tile);
        }
    }
    favourites.sort_by_key(|(place, _)| *place);
    let mut groups = Vec::new();
    let mut add = |heading, tiles: Vec<Tile<'a>>| {
        if !tiles.is_empty() {
            groups.push(Group { heading, tiles });
        }
    };
    let plain = |text| Words { text, lang: None };
    let tiles = favourites.into_iter().map(|(_, tile)| tile).collect();
    add(plain(page.t.favourites), tiles);
    for category in &apps.categories {
        let heading = Words::of(page.lang, &category.name_en, &category.name_zh);
        let tiles = by_category.remove(&Some(category.id)).unwrap_or_default();
        add(heading, tiles);
    }
    let heading = if apps.categories.is_empty() {
        page.t.all_apps
    } else {
        page.t.other_apps
    };
    add(
        plain(heading),
        by_category.remove(&None).unwrap_or_default(),
    );
    groups
}

fn tile_of<'a>(page: &Page<'_>, app: &'a App, decision: &Decision, terms: &[String]) -> Tile<'a> {
    let fields = &app.fields;
    let words = search::words(fields);
    let ends = match decision {
        Decision::Open(OpenBy::Grant(grant)) => grant.expires_at,
        _ => None,
    };
    Tile {
        app,
        name: Words::name_of(app, page.lang),
        description: Words::of(page.lang, &fields.description_en, &fields.description_zh),
        is_starred: false,
        is_hit: search::matches(&words, terms),
        words,
        ends: ends.filter(|end| end.since(page.now) <= LAST_DAYS),
    }
}
