//! The two exceptions to "rows are only added": what is past its time goes, and a leaver's
//! personal data. Both leave an event that says so.

use std::time::Duration;

use diesel::prelude::*;

use super::{DetailedChange, Details, EventKind, NewEvent, record};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::db::schema::audit_events;
use crate::error::Result;
use crate::id::first_id_at;
use crate::sessions::Client;

/// How long events are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Of coming and going: [`EventKind::is_sign_in`].
    pub sign_ins: Duration,
    /// Of everything else.
    pub acts: Duration,
}

/// Deletes up to `limit` events that are past their time; how many there were. One
/// event tells of it.
///
/// # Errors
/// [`crate::error::DatabaseError`], here and below.
pub fn sweep(conn: &mut Conn, now: UnixTime, keep: Retention, limit: i64) -> Result<usize> {
    let mut swept = 0;
    for kind in EventKind::ALL {
        let left = limit - i64::try_from(swept).unwrap_or(limit);
        if left <= 0 {
            break;
        }
        let span = if kind.is_sign_in() {
            keep.sign_ins
        } else {
            keep.acts
        };
        let stale: Vec<i64> = audit_events::table
            .filter(audit_events::event.eq(kind.code()))
            .filter(audit_events::id.lt(first_id_at(now.minus(span))))
            .order(audit_events::id)
            .select(audit_events::id)
            .limit(left)
            .load(conn)?;
        for ids in stale.chunks(500) {
            swept += diesel::delete(audit_events::table.filter(audit_events::id.eq_any(ids)))
                .execute(conn)?;
        }
    }
    if swept > 0 {
        let event = NewEvent {
            kind: EventKind::EventsSwept,
            reason: "",
            actor: "",
            user: None,
            provider: "",
            client: &Client::default(),
            reference: "",
            details: Details {
                count: Some(swept),
                ..Details::default()
            },
        };
        record(conn, now, event)?;
    }
    Ok(swept)
}

/// Takes somebody's personal data out of the trail: their name gives way to `alias`, in what was
/// done about them and by them; their addresses, browsers and the texts of changes go. How many rows
/// there were: all of them stay, with their times, kinds and outcomes.
pub fn forget(conn: &mut Conn, user_id: i64, username: &str, alias: &str) -> Result<usize> {
    let about: Vec<(i64, String, String, String)> = audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .select((
            audit_events::id,
            audit_events::username,
            audit_events::actor,
            audit_events::details,
        ))
        .load(conn)?;
    for (id, name_then, actor, details) in &about {
        // What they did themself under an earlier name.
        let is_own = actor == name_then || actor == username;
        let actor = if is_own { alias } else { actor };
        let is_theirs = is_own || actor.is_empty();
        let details: Details = serde_json::from_str(details).unwrap_or_default();
        let blank = serde_json::to_string(&without_texts(details))
            .map_err(|error| crate::error::Error::Internal(format!("audit details: {error}")))?;
        let row = audit_events::table.find(id);
        diesel::update(row)
            .set((
                audit_events::username.eq(alias),
                audit_events::actor.eq(actor),
                audit_events::details.eq(blank),
            ))
            .execute(conn)?;
        // From where somebody else acted on them is evidence.
        if is_theirs {
            diesel::update(row)
                .set((
                    audit_events::address.eq(""),
                    audit_events::user_agent.eq(""),
                ))
                .execute(conn)?;
        }
    }
    let by = diesel::update(audit_events::table.filter(audit_events::actor.eq(username)))
        .set((
            audit_events::actor.eq(alias),
            audit_events::address.eq(""),
            audit_events::user_agent.eq(""),
        ))
        .execute(conn)?;
    // Refusals that only named them.
    diesel::update(
        audit_events::table
            .filter(audit_events::username.eq(username))
            .filter(audit_events::user_id.is_null()),
    )
    .set(audit_events::username.eq(alias))
    .execute(conn)?;
    Ok(about.len() + by)
}

fn without_texts(details: Details) -> Details {
    Details {
        changes: details
            .changes
            .into_iter()
            .map(|change| match change.field.as_str() {
                "role_by_hand" | "role_by_permission" => change,
                _ => DetailedChange {
                    from: String::new(),
                    to: String::new(),
                    ..change
                },
            })
            .collect(),
        kept: Vec::new(),
        failure: String::new(),
        note: String::new(),
        identity: None,
        export: String::new(),
        ..details
    }
}
