//! The tasks of each instance at its start and once a minute. It records its providers and how they
//! identify people, and removes what the settings no longer give: roles that rest on permissions
//! that no longer count, and sessions of a provider that no instance has.

use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};

use crate::audit::{About, Actor, Changes, Deed, Event};
use crate::clock::UnixTime;
use crate::db::{Conn, lock_instances};
use crate::error::Result;
use crate::id::UserId;
use crate::portal::Portal;
use crate::roles;
use crate::sessions::{self, recheck_due, removed_providers};
use crate::users::{self, provider_keys};

/// How often an instance records which providers it has.
const NOTE_EVERY: Duration = Duration::from_secs(60);
/// A longer time between two records is a gap, in which other instances may have been cut off too.
const GAP: Duration = Duration::from_secs(180);
/// Before the sessions of a provider end, no instance may have recorded that provider for this
/// long, and the instance that ends them must have run for this long.
pub const PATIENCE: Duration = Duration::from_secs(600);
/// Older records are deleted.
const KEPT: Duration = Duration::from_secs(86_400);
/// How often an instance checks whether a record is due.
const TICK: Duration = Duration::from_secs(1);
/// The time until the next try if a record could not be written.
const TRY_AGAIN: Duration = Duration::from_secs(5);
/// Accounts that are looked at together.
const BATCH: i64 = 200;
/// Sessions of a provider that end in one transaction, so that no sign-in waits for long.
const SESSIONS_AT_ONCE: i64 = 5000;

/// Runs the tasks that come before the first request.
pub fn begin(portal: &Portal) -> Result<()> {
    note_pointers(portal)?;
    withdraw_roles(portal)?;
    let (now, ids) = (portal.clock.now(), ids(portal));
    portal
        .db
        .write_blocking(|conn| removed_providers::note(conn, now, &portal.instance, &ids))
}

fn ids(portal: &Portal) -> Vec<String> {
    let providers = portal.providers.all().iter();
    providers.map(|provider| provider.id().to_owned()).collect()
}

/// Records how each provider's people are identified, and warns if that has changed: they would be
/// strangers.
fn note_pointers(portal: &Portal) -> Result<()> {
    for provider in portal.providers.all() {
        let pointer = provider.settings().mapping.subject.text();
        let now = portal.clock.now();
        let known = portal.db.write_blocking(|conn| {
            if provider.settings().recheck.is_some() {
                recheck_due::schedule(conn, now, provider.id())?;
            }
            provider_keys::note_subject_pointer(conn, now, provider.id(), &pointer)
        })?;
        if known != pointer {
            warn!(
                event = "subject_pointer",
                provider = provider.id();
                "people are identified by {known}, but the settings say {pointer}; see `frontdesk rekey`"
            );
        }
    }
    Ok(())
}

/// Revokes roles by permission if no permission that counts makes them any more, in one transaction
/// and one event per account.
fn withdraw_roles(portal: &Portal) -> Result<()> {
    let mut after = None;
    loop {
        let (last, fallen) = portal.db.read_blocking(|conn| {
            let users = users::with_role_by_permission(conn, after, BATCH)?;
            let mut fallen = Vec::new();
            for user in &users {
                if roles::due(conn, &portal.roles, user.id)? < user.roles().by_permission {
                    fallen.push(user.id);
                }
            }
            Ok((users.last().map(|user| user.id), fallen))
        })?;
        for user_id in fallen {
            portal
                .db
                .write_blocking(|conn| withdraw_role(conn, portal, user_id))?;
        }
        if last.is_none() {
            return Ok(());
        }
        after = last;
    }
}

fn withdraw_role(conn: &mut Conn, portal: &Portal, user_id: UserId) -> Result<()> {
    let now = portal.clock.now();
    let Some(user) = users::lock(conn, user_id)? else {
        return Ok(());
    };
    let mut changes = Changes::default();
    let known = (user.id, user.roles());
    if !roles::withdraw_and_note(conn, now, &portal.roles, known, &mut changes)? {
        if !changes.rejected.is_empty() {
            let username = user.username.as_str();
            warn!(event = "role_kept", user = username; "no permission that counts makes this person an admin any more, but the role is kept, since there is no other admin; `frontdesk promote` makes one by hand");
        }
        return Ok(());
    }
    let event = Event::RoleChanged { changes };
    Deed::from_nowhere(now, Actor::Portal).record(conn, About::from(&user), &event)
}

/// Records once a minute which providers this instance has, for as long as the server runs.
pub async fn run(portal: Arc<Portal>) {
    // [`begin`] wrote the first record.
    let mut noted_at = portal.started_at;
    // While records could not be written, no other instance's record is believed to be old.
    let mut unbroken_since = portal.started_at;
    loop {
        tokio::time::sleep(TICK).await;
        let now = portal.clock.now();
        // After a clock was put back, the timing starts over.
        if now.since(noted_at) < NOTE_EVERY && now >= noted_at {
            continue;
        }
        if now < noted_at || now.since(noted_at) > GAP {
            unbroken_since = now;
        }
        let is_sure = now.since(unbroken_since) >= PATIENCE;
        noted_at = match note(&portal, now, is_sure).await {
            Ok(()) => now,
            Err(error) => {
                warn!(event = "instances", outcome = "failed"; "{error}");
                unbroken_since = now;
                now.minus(NOTE_EVERY).plus(TRY_AGAIN)
            }
        };
    }
}

/// Writes one record. If this instance is sure, the sessions of providers end that no instance has
/// had for long enough.
async fn note(portal: &Arc<Portal>, now: UnixTime, is_sure: bool) -> Result<()> {
    loop {
        let ours = ids(portal);
        let shared = Arc::clone(portal);
        let write = portal.db.write(move |conn| {
            // An instance that starts records its providers before or after this, not in between.
            lock_instances(conn)?;
            removed_providers::note(conn, now, &shared.instance, &ours)?;
            removed_providers::sweep(conn, now.minus(KEPT))?;
            let mut ended = 0;
            if is_sure {
                for id in removed_providers::foreign(conn, &ours)? {
                    ended += end_forgotten(conn, now, &id)?;
                }
            }
            Ok(ended)
        });
        match write.await? {
            0 => return Ok(()),
            ended => info!(event = "provider_gone", count = ended; ""),
        }
    }
}

/// Ends some sessions of a provider that no instance has. Returns how many there were.
fn end_forgotten(conn: &mut Conn, now: UnixTime, provider: &str) -> Result<usize> {
    let last = removed_providers::last_noted(conn, provider)?;
    if last.is_some_and(|last| now.since(last) < PATIENCE) {
        return Ok(0);
    }
    let sessions_ended = sessions::close_at(conn, now, provider, SESSIONS_AT_ONCE)?;
    if sessions_ended > 0 {
        let deed = Deed::from_nowhere(now, Actor::Portal).through(Some(provider));
        let event = Event::ProviderGone { sessions_ended };
        deed.record(conn, About::Portal, &event)?;
    }
    Ok(sessions_ended)
}

/// A provider whose sessions are about to end, and the time, unless an instance records the
/// provider first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    pub provider: String,
    pub at: UnixTime,
}

/// The forgotten providers, as seen by an instance that has the providers `ours` and has run since
/// `since`.
pub fn forgotten(conn: &mut Conn, since: UnixTime, ours: &[String]) -> Result<Vec<Forgotten>> {
    let mut forgotten = Vec::new();
    for provider in removed_providers::foreign(conn, ours)? {
        let last = removed_providers::last_noted(conn, &provider)?;
        let at = last.map_or(since, |last| last.max(since)).plus(PATIENCE);
        forgotten.push(Forgotten { provider, at });
    }
    Ok(forgotten)
}
