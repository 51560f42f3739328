//! The queue of each hook.

use std::time::Duration;

use diesel::prelude::*;

use super::news::News;
use super::state::{ensure, find};
use super::verdict::TroubleKind;
use crate::clock::UnixTime;
use crate::db::schema::{webhook_addresses, webhook_deliveries, webhook_hooks};
use crate::db::{Conn, Sql, each};
use crate::error::Result;
use crate::id::{UserId, new_id};

/// What is older is not told any more.
pub const KEPT: Duration = Duration::from_secs(86_400);
/// The most messages that wait for one hook.
const MAX_QUEUE: i64 = 10_000;
/// The most messages that the status page counts.
const COUNT_CAP: i64 = MAX_QUEUE;

/// Puts something into the queue of a hook, behind all that waits. Between [`lock_webhooks`] and the
/// end of the transaction, nobody else does.
///
/// [`lock_webhooks`]: crate::db::lock_webhooks
pub fn add(conn: &mut Conn, now: UnixTime, hook: &str, at: UnixTime, news: &News) -> Result<()> {
    let row = (
        webhook_deliveries::id.eq(next_id(conn, now)?),
        webhook_deliveries::hook.eq(hook),
        webhook_deliveries::created_at.eq(at.0),
        webhook_deliveries::kind.eq(news.code()),
        webhook_deliveries::user_id.eq(news.who().map(|who| who.id)),
        webhook_deliveries::data.eq(news.to_json()?),
    );
    each!(conn, |conn| diesel::insert_into(webhook_deliveries::table)
        .values(row)
        .execute(conn))?;
    Ok(())
}

/// Returns an id behind all others: the clocks of two instances differ, and one may be set back.
fn next_id(conn: &mut Conn, now: UnixTime) -> Result<i64> {
    let last = Sql::text("SELECT COALESCE(MAX(x.id), 0) AS value FROM webhook_deliveries x");
    let last = last.number(conn)?.unwrap_or(0);
    Ok(new_id::<i64>(now).max(last.saturating_add(1)))
}

/// Makes a hook that waits for somebody to mend it try again now. A pause that its receiver asked
/// for stays.
pub fn try_now(conn: &mut Conn, hook: &str) -> Result<()> {
    let asked_for = [TroubleKind::TooOften.code(), TroubleKind::Busy.code()];
    diesel::update(
        webhook_hooks::table.find(hook).filter(
            webhook_hooks::trouble
                .is_null()
                .or(diesel::dsl::not(webhook_hooks::trouble.eq_any(asked_for))),
        ),
    )
    .set(webhook_hooks::paused_until.eq(0))
    .execute(conn)?;
    Ok(())
}

/// Gives up what is too old, and the oldest if there are too many. They are counted.
pub fn trim(conn: &mut Conn, now: UnixTime, hook: &str) -> Result<()> {
    let mut given_up = delete_before(conn, hook, now.minus(KEPT))?;
    let newest_to_go = Sql::new(
        "SELECT x.id AS value FROM webhook_deliveries x WHERE x.hook = ? ORDER BY x.id DESC LIMIT 1 OFFSET ?",
        [hook.into(), MAX_QUEUE.into()],
    );
    if let Some(id) = newest_to_go.number(conn)? {
        given_up += diesel::delete(
            webhook_deliveries::table
                .filter(webhook_deliveries::hook.eq(hook))
                .filter(webhook_deliveries::id.le(id)),
        )
        .execute(conn)?;
    }
    if given_up == 0 {
        return Ok(());
    }
    let count = i64::try_from(given_up).unwrap_or(i64::MAX);
    let known = find(conn, hook)?;
    let before = known.given_up_recently(now).map_or(0, |(count, _)| count);
    ensure(conn, hook)?;
    diesel::update(webhook_hooks::table.find(hook))
        .set((
            webhook_hooks::given_up.eq(before.saturating_add(count)),
            webhook_hooks::given_up_at.eq(now.0),
        ))
        .execute(conn)?;
    Ok(())
}

fn delete_before(conn: &mut Conn, hook: &str, before: UnixTime) -> Result<usize> {
    Ok(diesel::delete(
        webhook_deliveries::table
            .filter(webhook_deliveries::hook.eq(hook))
            .filter(webhook_deliveries::created_at.lt(before.0)),
    )
    .execute(conn)?)
}

/// Deletes what is about a person, and what has this text.
pub(super) fn forget(conn: &mut Conn, user_id: UserId, text: &str) -> Result<()> {
    diesel::delete(webhook_deliveries::table.filter(webhook_deliveries::user_id.eq(user_id.0)))
        .execute(conn)?;
    let theirs = Sql::new(
        "SELECT x.id AS value FROM webhook_deliveries x WHERE REPLACE(x.data, ?, '') <> x.data",
        [text.into()],
    );
    let ids = theirs.numbers(conn)?;
    delete(conn, &ids)
}

/// Deletes old messages of hooks that no settings have any more, and old marks of addresses.
pub(super) fn sweep(conn: &mut Conn, before: UnixTime, batch: i64) -> Result<usize> {
    // An hour later than a hook that is still there would have given them up.
    let before = before.minus(Duration::from_secs(3600));
    let old = Sql::new(
        "SELECT x.id AS value FROM webhook_deliveries x WHERE x.created_at < ? ORDER BY x.created_at LIMIT ?",
        [before.0.into(), batch.into()],
    );
    let ids = old.numbers(conn)?;
    let swept =
        diesel::delete(webhook_deliveries::table.filter(webhook_deliveries::id.eq_any(ids)))
            .execute(conn)?;
    let marks =
        diesel::delete(webhook_addresses::table.filter(webhook_addresses::next_at.lt(before.0)))
            .execute(conn)?;
    Ok(swept + marks)
}

/// Counts what waits for a hook.
pub fn count(conn: &mut Conn, hook: &str) -> Result<i64> {
    let rows = Sql::new(
        "SELECT x.id FROM webhook_deliveries x WHERE x.hook = ?",
        [hook.into()],
    );
    rows.count_up_to(conn, COUNT_CAP)
}

/// One message in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) created_at: i64,
    pub(super) data: String,
    pub(super) server_errors: i64,
}

pub(super) fn oldest(conn: &mut Conn, hook: &str, count: i64) -> Result<Vec<Row>> {
    Ok(each!(conn, |conn| webhook_deliveries::table
        .filter(webhook_deliveries::hook.eq(hook))
        .order(webhook_deliveries::id)
        .limit(count)
        .select((
            webhook_deliveries::id,
            webhook_deliveries::created_at,
            webhook_deliveries::data,
            webhook_deliveries::server_errors,
        ))
        .load(conn))?)
}

pub(super) fn delete(conn: &mut Conn, ids: &[i64]) -> Result<()> {
    diesel::delete(webhook_deliveries::table.filter(webhook_deliveries::id.eq_any(ids)))
        .execute(conn)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DatabaseUrl;
    use crate::db::Db;
    use crate::id::first_id_at;
    use crate::webhooks::By;

    /// C10: what an instance adds is behind what one whose clock is ahead has added.
    #[test]
    fn what_is_added_later_is_told_later_whatever_the_clock_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open(&DatabaseUrl::Sqlite(folder.path().join("db"))).expect("a database");
        db.migrate().expect("tables");
        let now = UnixTime(1_700_000_000_000_000);
        let ahead = first_id_at(UnixTime(4_000_000_000_000_000));
        let ids = db.write_blocking(|conn| {
            let by = By::CommandLine;
            let news = News::Test { by };
            add(conn, now, "ops", now, &news)?;
            diesel::update(webhook_deliveries::table)
                .set(webhook_deliveries::id.eq(ahead))
                .execute(conn)?;
            add(conn, now, "ops", now, &news)?;
            add(conn, now, "other", now, &news)?;
            let ops = oldest(conn, "ops", 9)?.into_iter();
            let all = ops.chain(oldest(conn, "other", 9)?);
            Ok(all.map(|row| row.id).collect::<Vec<_>>())
        });
        assert_eq!(ids.expect("ids"), [ahead, ahead + 1, ahead + 2]);
    }
}
