//! Grants: each opens one app to one person, for ever or until a moment.

use diesel::prelude::*;

use super::rule::Grant;
use crate::audit::Actor;
use crate::clock::UnixTime;
use crate::db::schema::{app_grants, apps};
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::{AppId, GrantId, RequestId, UserId, new_id};

/// Opens an app to a person. Grants beside one another do no harm: the longer one holds.
pub fn create(
    conn: &mut Conn,
    now: UnixTime,
    (app, user_id): (AppId, UserId),
    grant: Grant,
    by: Actor<'_>,
    request: Option<RequestId>,
) -> Result<GrantId> {
    let id = new_id(now);
    diesel::insert_into(app_grants::table)
        .values((
            app_grants::id.eq(id),
            app_grants::app_id.eq(app),
            app_grants::user_id.eq(user_id),
            app_grants::created_at.eq(now.0),
            app_grants::expires_at.eq(grant.expires_at.map(|end| end.0)),
            app_grants::granted_by.eq(by.text()),
            app_grants::granted_by_id.eq(by.id()),
            app_grants::request_id.eq(request),
        ))
        .execute(conn)?;
    Ok(id)
}

/// Removes all grants of a person for an app, and returns how many there were.
pub fn remove_all(conn: &mut Conn, app: AppId, user_id: UserId) -> Result<usize> {
    let grants = app_grants::table
        .filter(app_grants::app_id.eq(app))
        .filter(app_grants::user_id.eq(user_id));
    Ok(diesel::delete(grants).execute(conn)?)
}

/// Removes all grants of a person, and returns the keys of the apps that they opened until now.
pub fn remove_of_person(conn: &mut Conn, now: UnixTime, user_id: UserId) -> Result<Vec<String>> {
    let is_running = app_grants::expires_at
        .is_null()
        .or(app_grants::expires_at.gt(now.0));
    let mut keys: Vec<String> = each!(conn, |conn| app_grants::table
        .inner_join(apps::table)
        .filter(app_grants::user_id.eq(user_id))
        .filter(is_running)
        .order(apps::key)
        .select(apps::key)
        .load(conn))?;
    keys.dedup();
    diesel::delete(app_grants::table.filter(app_grants::user_id.eq(user_id))).execute(conn)?;
    Ok(keys)
}

/// Counts the grants of an app that are still running.
pub fn count_running(conn: &mut Conn, now: UnixTime, app: AppId) -> Result<i64> {
    let is_running = app_grants::expires_at
        .is_null()
        .or(app_grants::expires_at.gt(now.0));
    Ok(each!(conn, |conn| app_grants::table
        .filter(app_grants::app_id.eq(app))
        .filter(is_running)
        .count()
        .get_result(conn))?)
}
