//! The rescue link: made on the server's command line for one account, it signs in once. It is for
//! the day when the provider is down and no local password is known.
//!
//! Its id is a unique column of the session that it opens, so that it works only once across all
//! instances.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::door::{Entered, Way};
use super::one_time_link::{self, Draft, Link};
use super::refusal::{Refusal, note};
use super::{CALLBACK_DEADLINE, Visitor, go_in};
use crate::audit;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::id::Reference;
use crate::local_path::LocalPath;
use crate::reason::Reason;
use crate::secret::{NoRandomness, Purpose, Secret};
use crate::sessions::{self, Client};
use crate::users::{self, User};

/// How long a link works.
pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// # Errors
/// [`NoRandomness`]
pub fn draft() -> Result<Draft, NoRandomness> {
    Draft::new(Purpose::RescueLink)
}

/// The address with a token.
#[must_use]
pub fn address(origin: &str, token: &Secret<String>) -> String {
    format!("{origin}/rescue?token={}", token.expose())
}

fn open(desk: &Desk, token: &Secret<String>) -> Result<Link> {
    let now = desk.clock.now();
    one_time_link::open(&desk.keys, Purpose::RescueLink, LIFETIME, now, token)
        .ok_or(Error::LinkExpired)
}

/// Returns the account that a link would sign in. Does not use it up.
///
/// # Errors
/// [`Error::LinkExpired`] for a link that is not ours, too old or used, or whose account is gone or
/// inactive.
pub async fn whom(desk: &Desk, token: &Secret<String>) -> Result<User> {
    let link = open(desk, token)?;
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

/// Signs in with a link. Returns the token for the cookie.
///
/// # Errors
/// As [`whom`]; [`Error::Database`], and then the link is not used up.
pub async fn sign_in(
    desk: &Arc<Desk>,
    token: &Secret<String>,
    visitor: Visitor,
) -> Result<Secret<String>> {
    let deadline = Instant::now() + CALLBACK_DEADLINE;
    let link = open(desk, token)?;
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
    desk.failpoint.reach("before_link").await;
    match go_in(desk, way, user.username, home, visitor, deadline).await {
        Ok(Entered::In { token, .. }) => Ok(token),
        Ok(Entered::Refused { error }) => Err(Error::SignIn(error)),
        Err(Error::AttemptUsed | Error::LinkExpired) => {
            Err(refuse(desk, &link, client, deadline).await)
        }
        Err(error) => Err(error),
    }
}

/// Refuses a link of ours that no longer opens anything. The audit log records the try.
async fn refuse(desk: &Arc<Desk>, link: &Link, client: Client, deadline: Instant) -> Error {
    let user_id = link.user_id;
    let found = desk.db.read(move |conn| users::find(conn, user_id)).await;
    let refusal = Refusal {
        reference: Reference::random(),
        reason: Reason::LinkExpired,
        failure: String::new(),
        provider: None,
        about: found.ok().flatten().map(|user| (user.id, user.username)),
        client,
    };
    note(desk, refusal, deadline).await;
    Error::LinkExpired
}
