//! Leaving: what ends when a provider refuses a person, and who is kept out by that.

use crate::audit::{About, Actor, Changes, Deed, Event};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Admission, Result};
use crate::id::UserId;
use crate::portal::Portal;
use crate::sessions::{self, Closing};
use crate::users::refusals::{self, Effect};
use crate::users::{self, User, unexplained_refusals};
use crate::{permissions, roles};

/// Withdraws the access of a person whom a provider refuses, with an event. Returns how many
/// sessions ended. `rule` is the admission rule that they no longer meet, if that is the reason.
/// If the provider vouches for leaving, all of their sessions end, and every other way in is closed
/// too.
///
/// The account's row must be locked, as [`users::lock`] does: a sign-in meanwhile waits, and is
/// then kept out.
pub fn withdraw(
    conn: &mut Conn,
    now: UnixTime,
    portal: &Portal,
    provider: &str,
    user: &User,
    rule: Option<Admission>,
) -> Result<usize> {
    let mut changes = Changes::default();
    if has_other_way(conn, provider, user.id)? {
        // What this provider gave no longer counts when they come in through another one.
        changes.permissions = permissions::replace(conn, now, user.id, provider, &[])?;
        let known = (user.id, user.roles());
        let wanted = &portal.roles;
        roles::sync_and_note(conn, now, wanted, known, Actor::Provider, &mut changes)?;
    }
    // Answers from before this refusal must not restore anything.
    users::overtake(conn, now, provider, user.id)?;
    let (effect, closing) = if vouches(portal, provider) {
        (Effect::KeepsOut, Closing::All)
    } else {
        (Effect::EndsItsSessions, Closing::At(provider))
    };
    let is_news = refusals::note(conn, now, user.id, provider, effect)?;
    let ended = sessions::close(conn, now, user.id, closing)?;
    if ended == 0 && !is_news && !changes.is_any() {
        return Ok(0);
    }
    let event = Event::AccessWithdrawn {
        sessions_ended: ended,
        changes,
        rule,
    };
    record(conn, now, provider, user, &event)?;
    Ok(ended)
}

/// Ends only those sessions that a provider has refused, because it has just let the person in with
/// another one. Returns how many there were.
pub fn withdraw_refused(
    conn: &mut Conn,
    now: UnixTime,
    provider: &str,
    user: &User,
) -> Result<usize> {
    let ended = sessions::close(conn, now, user.id, Closing::RefusedAt(provider))?;
    if ended > 0 {
        let event = Event::AccessWithdrawn {
            sessions_ended: ended,
            changes: Changes::default(),
            rule: None,
        };
        record(conn, now, provider, user, &event)?;
    }
    Ok(ended)
}

fn record(
    conn: &mut Conn,
    now: UnixTime,
    provider: &str,
    user: &User,
    event: &Event,
) -> Result<()> {
    unexplained_refusals::note_refusing(conn, now, provider)?;
    let deed = Deed::from_nowhere(now, Actor::Provider).through(Some(provider));
    deed.record(conn, About::from(user), event)
}

/// Returns whether the person has a way in other than this provider.
fn has_other_way(conn: &mut Conn, provider: &str, user_id: UserId) -> Result<bool> {
    let identities = users::identities_of(conn, user_id)?;
    Ok(
        identities.iter().any(|(other, _)| other != provider)
            || users::has_password(conn, user_id)?,
    )
}

/// Returns whether a provider's refusals keep people out. A provider that is no longer configured
/// cannot take back what it said, so that remains.
pub fn vouches(portal: &Portal, provider: &str) -> bool {
    let provider = portal.providers.find(provider);
    provider.is_none_or(|provider| provider.settings().vouches_for.leaving)
}

/// Returns the provider that keeps out a person who comes by the way `by` (a provider's id, or
/// empty), if there is one. Where something follows from it, the account's row must be locked.
pub fn kept_out_by(
    conn: &mut Conn,
    portal: &Portal,
    user_id: UserId,
    by: &str,
) -> Result<Option<String>> {
    let refusals = refusals::of(conn, user_id)?;
    let mut providers = refusals.into_iter().map(|(provider, _)| provider);
    Ok(providers.find(|provider| provider != by && vouches(portal, provider)))
}
