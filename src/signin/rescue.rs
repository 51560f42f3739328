//! The rescue link: made on the server's command line for one account, it signs in once. It is for
//! the day when the provider is down and no local password is known.
//!
//! Its id is a unique column of the session that it opens, so that it works only once across all
//! instances.

use std::sync::Arc;

use tokio::time::Instant;

use super::commit::Way;
use super::one_time_link::{Link, LinkFor};
use super::refusal::{RefusedSignIn, note};
use super::{CALLBACK_DEADLINE, Visitor, run_sign_in};
use crate::error::{Error, Result};
use crate::id::{Reference, UserId};
use crate::local_path::LocalPath;
use crate::portal::Portal;
use crate::reason::Reason;
use crate::secret::Secret;
use crate::sessions::{self, Client};
use crate::users::{self, User};

/// Returns the account that a link would sign in. Does not use it up.
///
/// # Errors
/// [`Error::LinkExpired`] for a link that is not ours, too old or used, or whose account is gone or
/// inactive.
pub async fn whom(portal: &Portal, token: &Secret<String>) -> Result<User> {
    find(portal, Link::open(portal, LinkFor::Rescue, token)?).await
}

async fn find(portal: &Portal, link: Link) -> Result<User> {
    let find = portal.db.read(move |conn| {
        if sessions::is_attempt_used(conn, &link.id)? || !link.is_known(conn)? {
            return Ok(None);
        }
        users::find(conn, link.user_id)
    });
    find.await?
        .filter(|user| user.is_active)
        .ok_or(Error::LinkExpired)
}

/// Signs in with a link. Returns the token for the cookie.
///
/// # Errors
/// As [`whom`]; [`Error::Database`], and then the link is not used up.
pub async fn sign_in(
    portal: &Arc<Portal>,
    token: &Secret<String>,
    visitor: Visitor,
) -> Result<Secret<String>> {
    let deadline = Instant::now() + CALLBACK_DEADLINE;
    let link = Link::open(portal, LinkFor::Rescue, token)?;
    let (user_id, client) = (link.user_id, visitor.client.clone());
    let user = match find(portal, link.clone()).await {
        Err(Error::LinkExpired) => return Err(refuse(portal, user_id, client, deadline).await),
        other => other?,
    };
    let (way, home) = (Way::RescueLink(link), LocalPath::home());
    portal.failpoint.reach("before_link").await;
    match run_sign_in(portal, way, user.username, home, visitor, deadline).await {
        Err(Error::AttemptUsed | Error::LinkExpired) => {
            Err(refuse(portal, user_id, client, deadline).await)
        }
        admitted => Ok(admitted?.token),
    }
}

/// Refuses a link of ours that no longer opens anything. The audit log records the try.
async fn refuse(portal: &Arc<Portal>, user_id: UserId, client: Client, deadline: Instant) -> Error {
    let found = portal.db.read(move |conn| users::find(conn, user_id)).await;
    let refusal = RefusedSignIn {
        reference: Reference::random(),
        reason: Reason::LinkExpired,
        failure: None,
        provider: None,
        about: found.ok().flatten().map(|user| (user.id, user.username)),
        client,
    };
    note(portal, refusal, deadline).await;
    Error::LinkExpired
}
