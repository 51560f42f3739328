//! The categories of apps. Each function is one act with one event.

use super::{AppRefusal, Outcome};
use crate::admin::Admin;
use crate::apps::order::{self, Direction};
use crate::apps::{self, AppChange, AppField, Category, categories, check};
use crate::audit::{About, Event};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::Result;
use crate::id::CategoryId;

/// Adds a category at the end, in the caller's transaction.
///
/// # Errors
/// As [`super::add`]
pub fn add_category(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    (name_en, name_zh): (&str, &str),
) -> Outcome<Category> {
    admin.begin(conn)?;
    check_names(name_en, name_zh)?;
    let known = apps::categories(conn)?.len();
    if i64::try_from(known).unwrap_or(i64::MAX) >= apps::MAX_CATEGORIES {
        return Err(AppRefusal::TooManyCategories.into());
    }
    let category = categories::create(conn, now, name_en, name_zh)?;
    let changes = vec![of(AppField::Category, "", &category.both_names())];
    record(conn, now, admin, changes)?;
    Ok(category)
}

/// Gives a category other names, in the caller's transaction.
///
/// # Errors
/// As [`super::add`]
pub fn rename_category(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    id: CategoryId,
    (name_en, name_zh): (&str, &str),
) -> Outcome<()> {
    admin.begin(conn)?;
    let before = find(conn, id)?;
    check_names(name_en, name_zh)?;
    let changes: Vec<AppChange> = [
        of(AppField::NameEn, &before.name_en, name_en),
        of(AppField::NameZh, &before.name_zh, name_zh),
    ]
    .into_iter()
    .filter(|change| change.from != change.to)
    .collect();
    if changes.is_empty() {
        return Err(AppRefusal::Unchanged.into());
    }
    categories::rename(conn, id, name_en, name_zh)?;
    record(conn, now, admin, changes)?;
    Ok(())
}

/// Swaps a category with its neighbour, in the caller's transaction. Does nothing at either end.
///
/// # Errors
/// As [`super::add`]
pub fn move_category(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    id: CategoryId,
    direction: Direction,
) -> Outcome<()> {
    admin.begin(conn)?;
    let category = find(conn, id)?;
    let Some(moved) = order::move_category(conn, id, direction)? else {
        return Ok(());
    };
    let name = category.both_names();
    let changes = vec![
        // The same name twice says which category it is.
        of(AppField::Category, &name, &name),
        of(
            AppField::Position,
            &moved.from.to_string(),
            &moved.to.to_string(),
        ),
    ];
    record(conn, now, admin, changes)?;
    Ok(())
}

/// Removes a category, in the caller's transaction. Its apps are then in none.
///
/// # Errors
/// As [`super::add`]
pub fn remove_category(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    id: CategoryId,
) -> Outcome<Category> {
    admin.begin(conn)?;
    let category = find(conn, id)?;
    categories::remove(conn, id)?;
    let changes = vec![of(AppField::Category, &category.both_names(), "")];
    record(conn, now, admin, changes)?;
    Ok(category)
}

fn find(conn: &mut Conn, id: CategoryId) -> Outcome<Category> {
    let mut known = apps::categories(conn)?.into_iter();
    let found = known.find(|category| category.id == id);
    Ok(found.ok_or(AppRefusal::UnknownCategory)?)
}

fn check_names(name_en: &str, name_zh: &str) -> Outcome<()> {
    if name_en.is_empty() && name_zh.is_empty() {
        return Err(AppRefusal::BadCategory(AppField::NameEn, check::Fault::NoName).into());
    }
    for (field, name) in [(AppField::NameEn, name_en), (AppField::NameZh, name_zh)] {
        if let Some(fault) = check::category_name(name) {
            return Err(AppRefusal::BadCategory(field, fault).into());
        }
    }
    Ok(())
}

fn of(field: AppField, from: &str, to: &str) -> AppChange {
    AppChange {
        field,
        from: from.to_owned(),
        to: to.to_owned(),
    }
}

fn record(conn: &mut Conn, now: UnixTime, admin: &Admin, changes: Vec<AppChange>) -> Result<()> {
    let event = Event::AppCategoryChanged { changes };
    admin.deed(now).record(conn, About::Portal, &event)
}
