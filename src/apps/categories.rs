//! Writing the headings of the start page.

use diesel::prelude::*;

use super::Category;
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::db::schema::app_categories;
use crate::error::Result;
use crate::id::{CategoryId, new_id};

/// Adds a category at the end.
pub fn create(conn: &mut Conn, now: UnixTime, name_en: &str, name_zh: &str) -> Result<Category> {
    let last: Option<i64> = app_categories::table
        .select(diesel::dsl::max(app_categories::position))
        .first(conn)?;
    let category = Category {
        id: new_id(now),
        name_en: name_en.to_owned(),
        name_zh: name_zh.to_owned(),
        position: last.unwrap_or(0).saturating_add(1),
    };
    diesel::insert_into(app_categories::table)
        .values((
            app_categories::id.eq(category.id),
            app_categories::name_en.eq(name_en),
            app_categories::name_zh.eq(name_zh),
            app_categories::position.eq(category.position),
        ))
        .execute(conn)?;
    Ok(category)
}

pub fn rename(conn: &mut Conn, id: CategoryId, name_en: &str, name_zh: &str) -> Result<()> {
    diesel::update(app_categories::table.find(id))
        .set((
            app_categories::name_en.eq(name_en),
            app_categories::name_zh.eq(name_zh),
        ))
        .execute(conn)?;
    Ok(())
}

/// Removes a category. Its apps are then in none.
pub fn remove(conn: &mut Conn, id: CategoryId) -> Result<()> {
    diesel::delete(app_categories::table.find(id)).execute(conn)?;
    Ok(())
}
