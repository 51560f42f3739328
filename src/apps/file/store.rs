//! What an export reads, and what an import writes beside the acts that pages have too.

use diesel::prelude::*;

use super::{AppsFile, FileApp, FileCategory, FileOwner};
use crate::apps::images::Image;
use crate::apps::{Category, categories, images, list, owners};
use crate::clock::UnixTime;
use crate::db::schema::{access_requests, app_categories, apps};
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::{AppId, CategoryId, new_id};

/// Reads all categories and apps, in the order of the start page.
pub fn everything(conn: &mut Conn) -> Result<AppsFile> {
    let known = categories(conn)?;
    let mut all = Vec::new();
    for app in list(conn)? {
        let place = |id: CategoryId| known.iter().position(|category| category.id == id);
        let image = match &app.fields.image {
            Some(hash) => images::find(conn, hash)?,
            None => None,
        };
        let image = image.and_then(|(_, content)| Image::check(content).ok());
        let owner = |owner: owners::Owner| FileOwner {
            line: 0,
            username: owner.username,
        };
        all.push(FileApp {
            line: 0,
            key: app.key,
            category: app.fields.category_id.and_then(place),
            fields: app.fields,
            image,
            owners: owners::of_app(conn, app.id)?
                .into_iter()
                .map(owner)
                .collect(),
        });
    }
    let category = |category: Category| FileCategory {
        line: 0,
        name_en: category.name_en,
        name_zh: category.name_zh,
    };
    Ok(AppsFile {
        categories: known.into_iter().map(category).collect(),
        apps: all,
        is_whole: true,
    })
}

/// Adds a category.
pub fn add_category(
    conn: &mut Conn,
    now: UnixTime,
    name_en: &str,
    name_zh: &str,
    position: i64,
) -> Result<CategoryId> {
    let id = new_id(now);
    diesel::insert_into(app_categories::table)
        .values((
            app_categories::id.eq(id),
            app_categories::name_en.eq(name_en),
            app_categories::name_zh.eq(name_zh),
            app_categories::position.eq(position),
        ))
        .execute(conn)?;
    Ok(id)
}

/// Writes a category as it is now.
pub fn update_category(conn: &mut Conn, category: &Category) -> Result<()> {
    diesel::update(app_categories::table.find(category.id))
        .set((
            app_categories::name_en.eq(&category.name_en),
            app_categories::name_zh.eq(&category.name_zh),
            app_categories::position.eq(category.position),
        ))
        .execute(conn)?;
    Ok(())
}

/// Gives a new app its place.
pub fn set_position(conn: &mut Conn, app: AppId, position: i64) -> Result<()> {
    diesel::update(apps::table.find(app))
        .set(apps::position.eq(position))
        .execute(conn)?;
    Ok(())
}

/// Counts the open requests for an app.
pub fn count_open_requests(conn: &mut Conn, app: AppId) -> Result<i64> {
    Ok(each!(conn, |conn| access_requests::table
        .filter(access_requests::app_id.eq(app))
        .filter(access_requests::state.eq("open"))
        .count()
        .get_result(conn))?)
}
