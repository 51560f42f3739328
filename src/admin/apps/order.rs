//! One step up or down in the order of the apps.

use super::{AppRefusal, Outcome};
use crate::admin::Admin;
use crate::apps::order::{self, Direction};
use crate::apps::{self, AppChange, AppField};
use crate::audit::{About, Event};
use crate::clock::UnixTime;
use crate::db::Conn;

/// Swaps an app with its neighbour in the category, in the caller's transaction. Does nothing at
/// either end.
///
/// # Errors
/// As [`super::add`]
pub fn move_app(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    key: &str,
    direction: Direction,
) -> Outcome<()> {
    admin.begin(conn)?;
    let app = apps::find(conn, key)?.ok_or(AppRefusal::UnknownApp)?;
    let Some(moved) = order::move_app(conn, &app, direction)? else {
        return Ok(());
    };
    let event = Event::AppChanged {
        app: app.key,
        changes: vec![AppChange {
            field: AppField::Position,
            from: moved.from.to_string(),
            to: moved.to.to_string(),
        }],
    };
    admin.deed(now).record(conn, About::Portal, &event)?;
    Ok(())
}
