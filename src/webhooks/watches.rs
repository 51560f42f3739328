//! What lasts and is told twice: when it begins and when it is over. One row stands for it, so that
//! of several instances one tells it.

use std::time::Duration;

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::db::schema::webhook_watches;
use crate::db::{Conn, each};
use crate::error::Result;

/// An instance that has not noted for this long is gone, and others may say that it is over.
const GONE: Duration = Duration::from_secs(600);

/// Notes that something lasts. Returns whether it has just begun, and is to be told.
pub fn begin(conn: &mut Conn, now: UnixTime, name: &str, holder: &str) -> Result<bool> {
    let row = (
        webhook_watches::name.eq(name),
        webhook_watches::holder.eq(holder),
        webhook_watches::since.eq(now.0),
        webhook_watches::noted_at.eq(now.0),
    );
    let begun = each!(conn, |conn| diesel::insert_into(webhook_watches::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(conn))?;
    if begun == 0 {
        diesel::update(
            webhook_watches::table
                .find(name)
                .filter(webhook_watches::holder.eq(holder)),
        )
        .set(webhook_watches::noted_at.eq(now.0))
        .execute(conn)?;
    }
    Ok(begun == 1)
}

/// Notes that something is over, if this instance said that it had begun, or if that one is gone.
/// Returns whether that is to be told.
pub fn end(conn: &mut Conn, now: UnixTime, name: &str, holder: &str) -> Result<bool> {
    let ended = diesel::delete(
        webhook_watches::table.find(name).filter(
            webhook_watches::holder
                .eq(holder)
                .or(webhook_watches::noted_at.lt(now.minus(GONE).0)),
        ),
    )
    .execute(conn)?;
    Ok(ended == 1)
}

/// Returns since when it lasts, if it does.
pub fn since(conn: &mut Conn, name: &str) -> Result<Option<UnixTime>> {
    let since: Option<i64> = webhook_watches::table
        .find(name)
        .select(webhook_watches::since)
        .first(conn)
        .optional()?;
    Ok(since.map(UnixTime))
}

/// Forgets it, whoever noted it.
pub fn forget(conn: &mut Conn, name: &str) -> Result<()> {
    diesel::delete(webhook_watches::table.find(name)).execute(conn)?;
    Ok(())
}
