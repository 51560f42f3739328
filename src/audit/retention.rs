//! The two exceptions to "rows are only added": expired events, and a leaver's personal data. Both
//! leave an event that says so.

use std::time::Duration;

use diesel::prelude::*;

use super::{About, Actor, COMMAND_LINE, Deed, Event, EventKind, Record, Topic, stored};
use crate::clock::UnixTime;
use crate::db::schema::audit_events;
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::first_id_at;
use crate::users::{self, Leaver, User};
use crate::webhooks::outbox;

/// How long events are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// For events about signing in and out: [`Topic::SignIn`].
    pub sign_ins: Duration,
    /// For all other events.
    pub acts: Duration,
}

/// Deletes up to `limit` expired events, and returns how many. One event reports the deletion.
pub fn sweep(conn: &mut Conn, now: UnixTime, keep: Retention, limit: i64) -> Result<usize> {
    let mut swept = 0;
    for kind in EventKind::all() {
        let left = limit - i64::try_from(swept).unwrap_or(limit);
        if left <= 0 {
            break;
        }
        let span = match kind.topic() {
            Topic::SignIn => keep.sign_ins,
            Topic::Account | Topic::Portal => keep.acts,
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
        let event = Event::EventsSwept { count: swept };
        Deed::from_nowhere(now, Actor::Portal).record(conn, About::Portal, &event)?;
    }
    Ok(swept)
}

/// Removes a person's personal data from the audit log. The alias replaces their name in events
/// about them and by them; their addresses, browsers and the texts of changes are deleted. Returns
/// how many rows there were: all of them stay, with their times, kinds and outcomes.
///
/// Acts are attributed by the account's id. Older rows have none: for those the name counts, from
/// the time when the account got it, and never if it may be the command line's.
pub fn forget(conn: &mut Conn, leaver: &Leaver<'_>) -> Result<usize> {
    let about: Vec<Record> = each!(conn, |conn| audit_events::table
        .filter(audit_events::user_id.eq(leaver.id))
        .select(Record::as_select())
        .load(conn))?;
    for record in &about {
        forget_in(conn, leaver, record)?;
    }
    let by = forget_as_actor(conn, leaver)?;
    // Refusals that only mentioned their name.
    diesel::update(
        audit_events::table
            .filter(audit_events::username.eq(leaver.username))
            .filter(audit_events::user_id.is_null()),
    )
    .set(audit_events::username.eq(leaver.alias))
    .execute(conn)?;
    outbox::forget(conn, leaver.id, leaver.username)?;
    Ok(about.len() + by)
}

/// In a row about them.
fn forget_in(conn: &mut Conn, leaver: &Leaver<'_>, record: &Record) -> Result<()> {
    let is_own = match record.by() {
        Actor::Person { id, .. } => id == leaver.id,
        // Match their name at the time, or any name since. A sign-in is attributed to the person
        // who came.
        Actor::Named(name) => {
            name == record.username
                || record.event == EventKind::SignInRefused.code()
                || (name == leaver.username && record.created_at() >= leaver.named_since)
        }
        Actor::CommandLine | Actor::Provider | Actor::Portal | Actor::Unknown => false,
    };
    let actor = if is_own { leaver.alias } else { &record.actor };
    let blank = stored::without_texts(record.details_json());
    let row = audit_events::table.find(record.id);
    diesel::update(row)
        .set((
            audit_events::username.eq(leaver.alias),
            audit_events::actor.eq(actor),
            audit_events::details.eq(blank),
        ))
        .execute(conn)?;
    // The address from which someone else acted on them is evidence.
    if is_own || record.actor.is_empty() {
        let from_nowhere = (
            audit_events::address.eq(""),
            audit_events::user_agent.eq(""),
        );
        diesel::update(row).set(from_nowhere).execute(conn)?;
    }
    Ok(())
}

/// In rows about others. Returns how many there were.
fn forget_as_actor(conn: &mut Conn, leaver: &Leaver<'_>) -> Result<usize> {
    let gone = (
        audit_events::actor.eq(leaver.alias),
        audit_events::address.eq(""),
        audit_events::user_agent.eq(""),
    );
    let by_id = audit_events::actor_id
        .is_not_null()
        .and(audit_events::actor_id.eq(leaver.id));
    let by = diesel::update(audit_events::table.filter(by_id))
        .set(gone)
        .execute(conn)?;
    // Acts on the command line have no address.
    let of_before = audit_events::actor
        .eq(leaver.username)
        .and(audit_events::actor_id.is_null())
        .and(
            audit_events::address
                .ne("")
                .or(audit_events::actor.ne(COMMAND_LINE)),
        );
    let is_stranger = audit_events::user_id
        .is_null()
        .and(audit_events::event.eq(EventKind::SignInRefused.code()));
    let since = leaver.named_since.0;
    let by_name = diesel::update(
        audit_events::table
            .filter(of_before)
            .filter(audit_events::created_at.ge(since).or(is_stranger)),
    )
    .set(gone)
    .execute(conn)?;
    Ok(by + by_name)
}

/// Returns when an account got its name here, as far as that is known. One that came from another
/// system got it there earlier.
pub fn named_since(conn: &mut Conn, user: &User) -> Result<UnixTime> {
    let imported: Option<i64> = audit_events::table
        .filter(audit_events::user_id.eq(user.id))
        .filter(audit_events::event.eq(EventKind::AccountImported.code()))
        .order(audit_events::id.desc())
        .select(audit_events::created_at)
        .first(conn)
        .optional()?;
    let named = users::named_since(conn, user)?;
    Ok(imported.map_or(named, |time| UnixTime(time).max(named)))
}
