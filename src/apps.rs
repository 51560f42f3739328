//! Apps: what the start page shows, and the rule that decides who may open each.
//!
//! [`rule::decide`] is the one evaluator. [`holder`] reads what it needs to know about a person;
//! [`openers`] says the same in SQL, for lists of people.
//! Only [`AppsOf`] hands out addresses, after the evaluator.

pub mod categories;
pub mod changes;
pub mod check;
pub mod choices;
pub mod file;
pub mod grants;
pub mod holder;
pub mod images;
pub mod key;
pub mod keywords;
pub mod openers;
pub mod order;
pub mod owners;
pub mod rule;
pub mod search;
pub mod unheld;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::audit::Actor;
use crate::clock::UnixTime;
use crate::coded::coded;
use crate::db::schema::{app_categories, apps};
use crate::db::{Conn, each};
use crate::error::{Error, Result};
use crate::i18n::Lang;
use crate::id::{AppId, CategoryId, UserId, new_id};

pub use changes::{AppChange, AppField, changes};
pub use holder::{AppsOf, FoundHolder, find_holder};
pub use key::is_key;
pub use rule::{Audience, Decision, Grant, Holder, OpenBy, Rule, WhyNot};

/// The most apps that a portal may have, and the most categories.
pub const MAX_APPS: i64 = 1000;
pub const MAX_CATEGORIES: i64 = 100;
/// The length limits are in characters.
pub const MAX_KEY: usize = 40;
pub const MAX_APP_NAME: usize = 60;
pub const MAX_DESCRIPTION: usize = 150;
pub const MAX_URL: usize = 2000;
pub const MAX_KEYWORDS: usize = 200;
pub const MAX_APP_NOTE: usize = 2000;

/// The icons from which an app's is chosen: names in the sprite.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Icon {
    #[default]
    Tag,
    Wallet,
    Calendar,
    Mail,
    Chat,
    Chart,
    Book,
    Code,
    Server,
    Box,
    Cart,
    Plane,
    Ticket,
    Clock,
    Help,
    File,
    Database,
    Building,
    Users,
    Globe,
    Shield,
    Key,
}

coded!(Icon);

/// The number of tints: `t1` to `t6`.
pub const TINTS: i64 = 6;

/// An app as admins write it. The key stays; everything else can be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppFields {
    pub name_en: String,
    pub name_zh: String,
    pub description_en: String,
    pub description_zh: String,
    /// An absolute http or https URL.
    pub url: String,
    pub category_id: Option<CategoryId>,
    pub icon: Icon,
    /// The hash of an uploaded image, which is shown instead of the icon.
    pub image: Option<String>,
    /// 1 to [`TINTS`]
    pub tint: i64,
    pub rule: Rule,
    /// Opens by its rule, but has no tile, is not found by a search and cannot be asked for.
    pub is_hidden: bool,
    /// People may ask for it.
    pub is_requestable: bool,
    /// The words of "also found by", separated by spaces.
    pub keywords: String,
    /// For admins.
    pub note: String,
}

impl AppFields {
    /// The name in this language, or in the other one.
    pub fn name(&self, lang: Lang) -> &str {
        in_language(lang, &self.name_en, &self.name_zh)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    pub id: AppId,
    pub key: String,
    pub fields: AppFields,
    /// The place within the category.
    pub position: i64,
    pub changed_at: UnixTime,
    changed_by: String,
    changed_by_id: Option<UserId>,
}

impl App {
    pub fn changed_by(&self) -> Actor<'_> {
        Actor::read(self.changed_by_id, &self.changed_by, "")
    }

    /// The name in this language, or in the other one.
    pub fn name(&self, lang: Lang) -> &str {
        self.fields.name(lang)
    }

    /// The description in this language, or in the other one.
    pub fn description(&self, lang: Lang) -> &str {
        let fields = &self.fields;
        in_language(lang, &fields.description_en, &fields.description_zh)
    }

    /// The class of its tint: `t1` to `t6`.
    pub const fn tint_class(&self) -> &'static str {
        match self.fields.tint {
            2 => "t2",
            3 => "t3",
            4 => "t4",
            5 => "t5",
            6 => "t6",
            _ => "t1",
        }
    }
}

/// One of a pair of texts may be empty; the other one then stands for both.
const fn in_language<'a>(lang: Lang, en: &'a str, zh: &'a str) -> &'a str {
    match lang {
        Lang::En if en.is_empty() => zh,
        Lang::En => en,
        Lang::Zh if zh.is_empty() => en,
        Lang::Zh => zh,
    }
}

/// A heading of the start page.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = app_categories)]
pub struct Category {
    pub id: CategoryId,
    pub name_en: String,
    pub name_zh: String,
    pub position: i64,
}

/// Both names of an app or a category, or the one that there is.
pub fn both_names(en: &str, zh: &str) -> String {
    match (en, zh) {
        ("", name) | (name, "") => name.to_owned(),
        (en, zh) => format!("{en} / {zh}"),
    }
}

impl Category {
    /// Both names, for the audit log, which is read in both languages.
    pub fn both_names(&self) -> String {
        both_names(&self.name_en, &self.name_zh)
    }

    /// The name in this language, or in the other one.
    pub fn name(&self, lang: Lang) -> &str {
        in_language(lang, &self.name_en, &self.name_zh)
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = apps, treat_none_as_null = true)]
struct AppRow {
    id: AppId,
    key: String,
    name_en: String,
    name_zh: String,
    description_en: String,
    description_zh: String,
    url: String,
    category_id: Option<CategoryId>,
    position: i64,
    icon: String,
    image: Option<String>,
    tint: i64,
    rule: String,
    is_hidden: bool,
    is_requestable: bool,
    keywords: String,
    note: String,
    changed_at: i64,
    changed_by: String,
    changed_by_id: Option<UserId>,
}

impl From<AppRow> for App {
    /// A rule that cannot be read, which only another program can have written, opens the app to
    /// nobody.
    fn from(row: AppRow) -> Self {
        Self {
            id: row.id,
            key: row.key,
            fields: AppFields {
                name_en: row.name_en,
                name_zh: row.name_zh,
                description_en: row.description_en,
                description_zh: row.description_zh,
                url: row.url,
                category_id: row.category_id,
                icon: Icon::from_code(&row.icon).unwrap_or_default(),
                image: row.image,
                tint: row.tint,
                rule: serde_json::from_str(&row.rule).unwrap_or_default(),
                is_hidden: row.is_hidden,
                is_requestable: row.is_requestable,
                keywords: row.keywords,
                note: row.note,
            },
            position: row.position,
            changed_at: UnixTime(row.changed_at),
            changed_by: row.changed_by,
            changed_by_id: row.changed_by_id,
        }
    }
}

impl AppRow {
    fn of(app: &App) -> Result<Self> {
        let fields = app.fields.clone();
        Ok(Self {
            id: app.id,
            key: app.key.clone(),
            name_en: fields.name_en,
            name_zh: fields.name_zh,
            description_en: fields.description_en,
            description_zh: fields.description_zh,
            url: fields.url,
            category_id: fields.category_id,
            position: app.position,
            icon: fields.icon.code().to_owned(),
            image: fields.image,
            tint: fields.tint,
            rule: serde_json::to_string(&fields.rule)
                .map_err(|error| Error::Internal(format!("rule: {error}")))?,
            is_hidden: fields.is_hidden,
            is_requestable: fields.is_requestable,
            keywords: fields.keywords,
            note: fields.note,
            changed_at: app.changed_at.0,
            changed_by: app.changed_by.clone(),
            changed_by_id: app.changed_by_id,
        })
    }
}

/// Lists all apps in the order of the start page: by the place of their category, those without one
/// last, and by their own place.
pub fn list(conn: &mut Conn) -> Result<Vec<App>> {
    let listed = list_with_categories(conn)?.into_iter();
    Ok(listed.map(|(app, _)| app).collect())
}

/// Lists all apps as [`list`] does, each with its category.
pub fn list_with_categories(conn: &mut Conn) -> Result<Vec<(App, Option<Category>)>> {
    let rows: Vec<(AppRow, Option<Category>)> = each!(conn, |conn| apps::table
        .left_join(app_categories::table.on(apps::category_id.eq(app_categories::id.nullable())))
        .order((
            app_categories::id.is_null(),
            app_categories::position,
            app_categories::id,
            apps::position,
            apps::id,
        ))
        .limit(MAX_APPS)
        .select((AppRow::as_select(), Option::<Category>::as_select()))
        .load(conn))?;
    let listed = rows.into_iter();
    Ok(listed
        .map(|(row, category)| (App::from(row), category))
        .collect())
}

/// Finds an app by its key. What cannot be a key, such as a text with a NUL that PostgreSQL refuses,
/// is not asked for.
pub fn find(conn: &mut Conn, key: &str) -> Result<Option<App>> {
    if !is_key(key) {
        return Ok(None);
    }
    let row: Option<AppRow> = each!(conn, |conn| apps::table
        .filter(apps::key.eq(key))
        .select(AppRow::as_select())
        .first(conn)
        .optional())?;
    Ok(row.map(App::from))
}

pub fn find_by_id(conn: &mut Conn, id: AppId) -> Result<Option<App>> {
    let row: Option<AppRow> = each!(conn, |conn| apps::table
        .find(id)
        .select(AppRow::as_select())
        .first(conn)
        .optional())?;
    Ok(row.map(App::from))
}

/// Finds an app, and keeps its row unchanged until this transaction ends. Other transactions may do
/// the same.
pub fn lock_shared(conn: &mut Conn, id: AppId) -> Result<Option<App>> {
    match conn {
        // SQLite has one writer at a time anyway.
        Conn::Sqlite(_) => find_by_id(conn, id),
        Conn::Postgres(conn) => {
            let row: Option<AppRow> = apps::table
                .find(id)
                .select(AppRow::as_select())
                .for_share()
                .first(conn)
                .optional()?;
            Ok(row.map(App::from))
        }
    }
}

pub fn count(conn: &mut Conn) -> Result<i64> {
    Ok(apps::table.count().get_result(conn)?)
}

/// Adds an app at the end of its category.
pub fn create(
    conn: &mut Conn,
    now: UnixTime,
    key: &str,
    fields: AppFields,
    by: Actor<'_>,
) -> Result<App> {
    let last: Option<i64> = apps::table
        .select(diesel::dsl::max(apps::position))
        .first(conn)?;
    let app = App {
        id: new_id(now),
        key: key.to_owned(),
        fields,
        position: last.unwrap_or(0).saturating_add(1),
        changed_at: now,
        changed_by: by.text().to_owned(),
        changed_by_id: by.id(),
    };
    let row = AppRow::of(&app)?;
    each!(conn, |conn| diesel::insert_into(apps::table)
        .values(&row)
        .execute(conn))?;
    Ok(app)
}

/// Writes an app as it is now. Its id and key must be unchanged.
pub fn update(conn: &mut Conn, now: UnixTime, app: &App, by: Actor<'_>) -> Result<()> {
    let app = App {
        changed_at: now,
        changed_by: by.text().to_owned(),
        changed_by_id: by.id(),
        ..app.clone()
    };
    let row = AppRow::of(&app)?;
    each!(conn, |conn| diesel::update(apps::table.find(app.id))
        .set(&row)
        .execute(conn))?;
    Ok(())
}

/// Records that something which belongs to an app was changed, such as its owners.
pub fn touch(conn: &mut Conn, now: UnixTime, id: AppId, by: Actor<'_>) -> Result<()> {
    diesel::update(apps::table.find(id))
        .set((
            apps::changed_at.eq(now.0),
            apps::changed_by.eq(by.text()),
            apps::changed_by_id.eq(by.id()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Removes an app, and with it its owners, stars and grants.
pub fn remove(conn: &mut Conn, id: AppId) -> Result<()> {
    diesel::delete(apps::table.find(id)).execute(conn)?;
    Ok(())
}

/// Lists the categories in their order.
pub fn categories(conn: &mut Conn) -> Result<Vec<Category>> {
    Ok(each!(conn, |conn| app_categories::table
        .order((app_categories::position, app_categories::id))
        .limit(MAX_CATEGORIES)
        .select(Category::as_select())
        .load(conn))?)
}
