//! What people choose for their own start page: stars, and where apps open. No event tells of it.

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::db::schema::{app_owners, app_stars, users};
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::{AppId, UserId};

/// Where an app opens when its tile is clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpensIn {
    SameTab,
    NewTab,
}

impl From<bool> for OpensIn {
    fn from(is_new_tab: bool) -> Self {
        if is_new_tab {
            Self::NewTab
        } else {
            Self::SameTab
        }
    }
}

/// Adds an app to a person's favourites, as the last one. One that is already there keeps its place.
pub fn star(conn: &mut Conn, now: UnixTime, user_id: UserId, app: AppId) -> Result<()> {
    let row = (
        app_stars::user_id.eq(user_id),
        app_stars::app_id.eq(app),
        app_stars::starred_at.eq(now.0),
    );
    each!(conn, |conn| diesel::insert_into(app_stars::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(())
}

pub fn unstar(conn: &mut Conn, user_id: UserId, app: AppId) -> Result<()> {
    diesel::delete(app_stars::table.find((user_id, app))).execute(conn)?;
    Ok(())
}

pub fn set_tab(conn: &mut Conn, user_id: UserId, opens_in: OpensIn) -> Result<()> {
    diesel::update(users::table.find(user_id))
        .set(users::opens_apps_in_new_tab.eq(opens_in == OpensIn::NewTab))
        .execute(conn)?;
    Ok(())
}

/// Forgets all choices of a person, and that they own apps.
pub fn forget(conn: &mut Conn, user_id: UserId) -> Result<()> {
    diesel::delete(app_owners::table.filter(app_owners::user_id.eq(user_id))).execute(conn)?;
    diesel::delete(app_stars::table.filter(app_stars::user_id.eq(user_id))).execute(conn)?;
    set_tab(conn, user_id, OpensIn::SameTab)
}
