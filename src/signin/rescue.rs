//! The rescue link: made on the server's command line for one account, it signs in once, for the
//! day when the provider is down and no local password is known.
//!
//! The link holds all that is needed, sealed under `SECRET_KEY`. Its id is a unique column of the
//! session that it opens, so that it works once on all instances together.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::door::{Entered, Way};
use super::{CALLBACK_DEADLINE, Refusal, Visitor, go_in, note};
use crate::audit;
use crate::clock::UnixTime;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::local_path::LocalPath;
use crate::secret::{Keys, NoRandomness, Purpose, SALT, Secret, random_bytes, reference, sha256};
use crate::sessions::{self, Client};
use crate::users::{self, User};

/// How long a link works.
pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// A link, opened.
struct Link {
    id: String,
    user_id: i64,
}

/// A link to be made. Its id goes into the trail first: a link that the trail does not know opens
/// nothing, so that the key alone makes none.
pub struct Draft {
    salt: [u8; SALT],
    pub id: String,
}

impl Draft {
    /// # Errors
    /// [`NoRandomness`]
    pub fn new() -> Result<Self, NoRandomness> {
        let salt = random_bytes()?;
        Ok(Self {
            id: id_of(&salt),
            salt,
        })
    }

    /// The link's token, for an account.
    ///
    /// # Errors
    /// [`NoRandomness`]
    pub fn token(
        self,
        keys: &Keys,
        now: UnixTime,
        user_id: i64,
    ) -> Result<Secret<String>, NoRandomness> {
        let plain = format!("1\n{user_id}\n{}", now.0);
        keys.seal(Purpose::RescueLink, self.salt, plain.as_bytes())
            .map(Secret::new)
            .ok_or(NoRandomness)
    }
}

fn id_of(salt: &[u8; SALT]) -> String {
    let mut id = sha256(salt);
    id.truncate(22);
    id
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
    is_fresh.then(|| Link {
        id: id_of(&opened.salt),
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
            if sessions::is_attempt_used(conn, &link.id)?
                || !audit::is_rescue_link_made(conn, link.user_id, &link.id)?
            {
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
    let link = open(&desk.keys, desk.clock.now(), token).ok_or(Error::LinkExpired)?;
    let user = match whom(desk, token).await {
        Err(Error::LinkExpired) => return Err(refuse(desk, &link, visitor.client, deadline).await),
        other => other?,
    };
    let client = visitor.client.clone();
    let link_id = link.id.clone();
    let way = Way::RescueLink {
        user_id: user.id,
        link: link_id,
    };
    let home = LocalPath::home();
    match go_in(desk, way, user.username, home, visitor, deadline).await {
        Ok(Entered::In { token }) => Ok(token),
        Ok(Entered::Refused { error }) => Err(Error::SignIn(error)),
        Err(Error::AttemptUsed) => Err(refuse(desk, &link, client, deadline).await),
        Err(error) => Err(error),
    }
}

/// A link of ours that opens nothing any more: somebody tried it, and the trail says so.
async fn refuse(desk: &Arc<Desk>, link: &Link, client: Client, deadline: Instant) -> Error {
    let user_id = link.user_id;
    let found = desk.db.read(move |conn| users::find(conn, user_id)).await;
    let refusal = Refusal {
        reference: reference(),
        reason: "link_expired",
        failure: String::new(),
        provider: "",
        about: found.ok().flatten().map(|user| (user.id, user.username)),
        client,
    };
    note(desk, refusal, deadline).await;
    Error::LinkExpired
}
