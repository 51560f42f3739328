//! The owners of apps, who decide on requests beside the superusers.

use diesel::prelude::*;

use crate::db::schema::{app_owners, apps, users};
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::{AppId, UserId};

/// The most owners that an app may have.
pub const MAX_OWNERS: usize = 20;

/// An owner, as pages and files name them.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Owner {
    pub user_id: UserId,
    pub username: String,
    pub first_name: String,
    pub is_active: bool,
}

/// Lists the owners of an app by username.
pub fn of_app(conn: &mut Conn, app: AppId) -> Result<Vec<Owner>> {
    Ok(each!(conn, |conn| app_owners::table
        .inner_join(users::table)
        .filter(app_owners::app_id.eq(app))
        .order(users::username)
        .select((
            users::id,
            users::username,
            users::first_name,
            users::is_active
        ))
        .load(conn))?)
}

/// Returns whether a person is an owner of an app.
pub fn is_owner(conn: &mut Conn, app: AppId, user_id: UserId) -> Result<bool> {
    let row = app_owners::table.find((app, user_id));
    Ok(diesel::select(diesel::dsl::exists(row)).get_result(conn)?)
}

/// Returns whether a person is an owner of an app, and keeps that so until this transaction ends.
pub fn lock_shared(conn: &mut Conn, app: AppId, user_id: UserId) -> Result<bool> {
    match conn {
        // SQLite has one writer at a time anyway.
        Conn::Sqlite(_) => is_owner(conn, app, user_id),
        Conn::Postgres(conn) => {
            let row: Option<UserId> = app_owners::table
                .find((app, user_id))
                .select(app_owners::user_id)
                .for_share()
                .first(conn)
                .optional()?;
            Ok(row.is_some())
        }
    }
}

/// Returns whether a person is an owner of any app.
pub fn is_any_owner(conn: &mut Conn, user_id: UserId) -> Result<bool> {
    let rows = app_owners::table.filter(app_owners::user_id.eq(user_id));
    Ok(diesel::select(diesel::dsl::exists(rows)).get_result(conn)?)
}

/// Lists the keys of the apps that a person owns.
pub fn owned_by(conn: &mut Conn, user_id: UserId) -> Result<Vec<(AppId, String)>> {
    Ok(each!(conn, |conn| app_owners::table
        .inner_join(apps::table.on(apps::id.eq(app_owners::app_id)))
        .filter(app_owners::user_id.eq(user_id))
        .order(apps::key)
        .select((apps::id, apps::key))
        .load(conn))?)
}

pub fn add(conn: &mut Conn, app: AppId, user_id: UserId) -> Result<()> {
    diesel::insert_into(app_owners::table)
        .values((app_owners::app_id.eq(app), app_owners::user_id.eq(user_id)))
        .execute(conn)?;
    Ok(())
}

pub fn remove(conn: &mut Conn, app: AppId, user_id: UserId) -> Result<()> {
    diesel::delete(app_owners::table.find((app, user_id))).execute(conn)?;
    Ok(())
}
