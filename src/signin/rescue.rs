//! The rescue link: made on the server's command line for one account, it signs in once, for the
//! day when the provider is down and no local password is known.
//!
//! The link holds all that is needed, sealed under `SECRET_KEY`. Its id is a unique column of the
//! session that it opens, so that it works once on all instances together.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::door::{Entered, Way};
use super::{CALLBACK_DEADLINE, Visitor, go_in};
use crate::clock::UnixTime;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::local_path::LocalPath;
use crate::secret::{Keys, NoRandomness, Purpose, Secret, random_bytes, sha256};
use crate::sessions;
use crate::users::{self, User};

/// How long a link works.
pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// A link, opened.
struct Link {
    id: String,
    user_id: i64,
}

/// The token of a fresh link for an account.
///
/// # Errors
/// [`NoRandomness`]
pub fn token(keys: &Keys, now: UnixTime, user_id: i64) -> Result<Secret<String>, NoRandomness> {
    let plain = format!("1\n{user_id}\n{}", now.0);
    keys.seal(Purpose::RescueLink, random_bytes()?, plain.as_bytes())
        .map(Secret::new)
        .ok_or(NoRandomness)
}

/// The address that carries a token.
#[must_use]
pub fn address(origin: &str, token: &Secret<String>) -> String {
    format!("{origin}/rescue?token={}", token.expose())
}

fn open(keys: &Keys, now: UnixTime, token: &Secret<String>) -> Option<Link> {
    let opened = keys.open(Purpose::RescueLink, token.expose())?;
    let plain = String::from_utf8(opened.plain).ok()?;
    let mut parts = plain.splitn(3, '\n');
    if parts.next()? != "1" {
        return None;
    }
    let user_id = parts.next()?.parse().ok()?;
    let made_at = UnixTime(parts.next()?.parse().ok()?);
    let is_fresh = now.since(made_at) < LIFETIME && made_at.since(now) < Duration::from_secs(60);
    let mut id = sha256(&opened.salt);
    id.truncate(22);
    is_fresh.then(|| Link {
        id: format!("rescue-{id}"),
        user_id,
    })
}

/// Whom a link would sign in. Uses nothing up.
///
/// # Errors
/// [`Error::LinkExpired`] for one that is not ours, too old or used, or whose account is gone or
/// not active.
pub async fn whom(desk: &Desk, token: &Secret<String>) -> Result<User> {
    let link = open(&desk.keys, desk.clock.now(), token).ok_or(Error::LinkExpired)?;
    desk.db
        .read(move |conn| {
            if sessions::is_attempt_used(conn, &link.id)? {
                return Ok(None);
            }
            users::find(conn, link.user_id)
        })
        .await?
        .filter(|user| user.is_active)
        .ok_or(Error::LinkExpired)
}

/// Signs in with a link; the token for the cookie.
///
/// # Errors
/// As [`whom`]; [`Error::Database`], and then the link is not used up.
pub async fn sign_in(
    desk: &Arc<Desk>,
    token: &Secret<String>,
    visitor: Visitor,
) -> Result<Secret<String>> {
    let deadline = Instant::now() + CALLBACK_DEADLINE;
    let user = whom(desk, token).await?;
    let link = open(&desk.keys, desk.clock.now(), token).ok_or(Error::LinkExpired)?;
    let way = Way::RescueLink {
        user_id: user.id,
        link: link.id,
    };
    let home = LocalPath::home();
    match go_in(desk, way, user.username, home, visitor, deadline).await {
        Ok(Entered::In { token }) => Ok(token),
        Ok(Entered::Refused { error }) => Err(Error::SignIn(error)),
        Err(Error::AttemptUsed) => Err(Error::LinkExpired),
        Err(error) => Err(error),
    }
}
