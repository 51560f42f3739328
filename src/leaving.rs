//! Leaving: what ends when a provider refuses somebody, and who is kept out by that.

use crate::audit::{Actor, Details};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::desk::Desk;
use crate::error::Result;
use crate::sessions::{self, Closing, grant};
use crate::users::{self, User, refusals};
use crate::{permissions, roles};

/// Ends what somebody has here whom a provider refuses; how many sessions that were. Where the
/// provider vouches for leaving all of them end, and the person is out by every other way, too.
///
/// The account's row must be taken, as [`users::lock`] does: who signs in meanwhile waits, and is
/// kept out.
///
/// # Errors
/// [`crate::error::DatabaseError`]
pub fn withdraw(
    conn: &mut Conn,
    now: UnixTime,
    desk: &Desk,
    provider: &str,
    user: &User,
    details: &mut Details,
) -> Result<usize> {
    if has_other_way(conn, provider, user.id)? {
        // What this provider gave counts no longer when they come in by the other one.
        let taken = permissions::replace(conn, now, user.id, provider, &[])?;
        details.permissions_removed = taken.removed;
        let known = (user.id, user.roles());
        roles::sync_and_note(conn, now, &desk.roles, known, Actor::Provider, details)?;
    }
    if vouches(desk, provider) {
        refusals::note(conn, now, user.id, provider)?;
        return sessions::close(conn, now, user.id, Closing::All);
    }
    let others = desk.providers.rechecked();
    if grant::has_elsewhere(conn, now, desk.limits, (provider, &others), user.id)? {
        sessions::close(conn, now, user.id, Closing::At(provider))
    } else {
        sessions::close(conn, now, user.id, Closing::All)
    }
}

/// Whether somebody can come in otherwise than by this provider.
fn has_other_way(conn: &mut Conn, provider: &str, user_id: i64) -> Result<bool> {
    let identities = users::identities_of(conn, user_id)?;
    Ok(
        identities.iter().any(|(other, _)| other != provider)
            || users::has_password(conn, user_id)?,
    )
}

/// Whether a provider's refusals keep people out. One that is not set up any more cannot take back
/// what it said, and what it said stays.
#[must_use]
pub fn vouches(desk: &Desk, provider: &str) -> bool {
    let provider = desk.providers.find(provider);
    provider.is_none_or(|provider| provider.settings().vouches_for.leaving)
}

/// The provider that keeps somebody out who comes by the way `by` (a provider's id, or empty), if
/// one does. The account's row must be taken.
///
/// # Errors
/// [`crate::error::DatabaseError`]
pub fn kept_out_by(conn: &mut Conn, desk: &Desk, user_id: i64, by: &str) -> Result<Option<String>> {
    let refusals = refusals::of(conn, user_id)?;
    let mut providers = refusals.into_iter().map(|(provider, _)| provider);
    Ok(providers.find(|provider| provider != by && vouches(desk, provider)))
}
