//! What happened and is still to be told. [`note`] is called in the transaction in which it
//! happens; later, [`fan_out`] puts it into the queue of each hook that asks for it.

use diesel::prelude::*;

use super::news::{By, News};
use super::queue;
use crate::apps;
use crate::clock::UnixTime;
use crate::config::WebhookSettings;
use crate::db::schema::webhook_events;
use crate::db::{Conn, Sql, each, lock_webhooks};
use crate::error::Result;
use crate::i18n::Lang;
use crate::id::{UserId, new_id};
use crate::users;

/// The events that one transaction deals with, so that no sign-in waits for long.
const BATCH: i64 = 200;

/// Notes, within a transaction, what is to be told once it is committed. Whether any hook asks for
/// it is found out later: another instance may have other hooks.
pub fn note(conn: &mut Conn, now: UnixTime, news: &News) -> Result<()> {
    let row = (
        webhook_events::id.eq(new_id::<i64>(now)),
        webhook_events::created_at.eq(now.0),
        webhook_events::kind.eq(news.code()),
        webhook_events::user_id.eq(news.who().map(|who| who.id)),
        webhook_events::data.eq(news.to_json()?),
    );
    each!(conn, |conn| diesel::insert_into(webhook_events::table)
        .values(row)
        .execute(conn))?;
    Ok(())
}

/// Returns whether anything waits for [`fan_out`].
pub fn has_events(conn: &mut Conn) -> Result<bool> {
    let first: Option<i64> = each!(conn, |conn| webhook_events::table
        .select(webhook_events::id)
        .first(conn)
        .optional())?;
    Ok(first.is_some())
}

/// Moves some events into the queues of the hooks that ask for them, and returns how many it dealt
/// with. An event that no hook asks for goes, also if there are no hooks: the first one is not told
/// what happened before it was there.
pub fn fan_out(
    conn: &mut Conn,
    now: UnixTime,
    lang: Lang,
    hooks: &[&WebhookSettings],
) -> Result<usize> {
    // Two instances would put the same event into a queue twice, or out of order.
    lock_webhooks(conn)?;
    let events: Vec<(i64, i64, String)> = webhook_events::table
        .order(webhook_events::id)
        .limit(BATCH)
        .select((
            webhook_events::id,
            webhook_events::created_at,
            webhook_events::data,
        ))
        .load(conn)?;
    for (_, created_at, data) in &events {
        // A newer version wrote what cannot be read.
        let Ok(mut news) = serde_json::from_str::<News>(data) else {
            continue;
        };
        let mut asking = hooks.iter().filter(|hook| hook.asks_for(&news)).peekable();
        if asking.peek().is_none() {
            continue;
        }
        let asking: Vec<&str> = asking.map(|hook| hook.name.as_str()).collect();
        add_names(conn, lang, &mut news)?;
        for hook in asking {
            queue::add(conn, now, hook, UnixTime(*created_at), &news)?;
        }
    }
    let ids: Vec<i64> = events.iter().map(|(id, _, _)| *id).collect();
    diesel::delete(webhook_events::table.filter(webhook_events::id.eq_any(&ids))).execute(conn)?;
    for hook in hooks {
        queue::trim(conn, now, &hook.name)?;
    }
    Ok(events.len())
}

/// Adds the names under which people know what it is about.
fn add_names(conn: &mut Conn, lang: Lang, news: &mut News) -> Result<()> {
    if let Some(who) = news.who_mut()
        && let Some(user) = users::find(conn, UserId(who.id))?
    {
        who.username = user.username;
        who.name = user.first_name;
    }
    if let News::AccessRequested { app, app_name, .. } = news
        && let Some(found) = apps::find(conn, app)?
    {
        *app_name = found.name(lang).to_owned();
    }
    Ok(())
}

/// Forgets a person whose data is erased: what is still to be told about them, and by them.
pub fn forget(conn: &mut Conn, user_id: UserId, username: &str) -> Result<()> {
    diesel::delete(webhook_events::table.filter(webhook_events::user_id.eq(user_id.0)))
        .execute(conn)?;
    let by = serde_json::json!({ "by": By::Person(username.to_owned()) }).to_string();
    // Without its braces, it is a part of the row.
    let by = by.trim_start_matches('{').trim_end_matches('}');
    let theirs = Sql::new(
        "SELECT x.id AS value FROM webhook_events x WHERE REPLACE(x.data, ?, '') <> x.data",
        [by.into()],
    );
    let ids = theirs.numbers(conn)?;
    diesel::delete(webhook_events::table.filter(webhook_events::id.eq_any(ids))).execute(conn)?;
    queue::forget(conn, user_id, by)
}

/// Deletes what is too old to be told and in no queue, and returns how much that was.
pub fn sweep(conn: &mut Conn, now: UnixTime, batch: i64) -> Result<usize> {
    let before = now.minus(queue::KEPT);
    let old = Sql::new(
        "SELECT x.id AS value FROM webhook_events x WHERE x.created_at < ? ORDER BY x.id LIMIT ?",
        [before.0.into(), batch.into()],
    );
    let ids = old.numbers(conn)?;
    let swept = diesel::delete(webhook_events::table.filter(webhook_events::id.eq_any(ids)))
        .execute(conn)?;
    Ok(swept + queue::sweep(conn, before, batch)?)
}
