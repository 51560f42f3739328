//! The link with which the owner of a local account chooses its password. An admin makes it and
//! never learns the password. Choosing it signs in.

use std::sync::Arc;

use tokio::time::Instant;

use super::commit::Way;
use super::one_time_link::{Link, LinkFor};
use super::typed_password::{TypedTwice, Unfit};
use super::{CALLBACK_DEADLINE, Visitor, run_sign_in};
use crate::config::PasswordLogin;
use crate::error::{Error, Result, Stopped};
use crate::local_path::LocalPath;
use crate::portal::Portal;
use crate::secret::Secret;
use crate::users::{self, NO_PASSWORD_YET, User};

/// Returns the account whose password a link would set. Does not use it up.
///
/// # Errors
/// [`Error::LinkExpired`] for a link that is not ours, too old, used, or not the last one, and for
/// an account that is gone, inactive or has a password.
pub async fn whom(portal: &Portal, token: &Secret<String>) -> Result<User> {
    find(portal, token).await.map(|(user, _)| user)
}

async fn find(portal: &Portal, token: &Secret<String>) -> Result<(User, Link)> {
    let allowed = portal.password_login;
    if allowed == PasswordLogin::Off {
        return Err(Error::LinkExpired);
    }
    let link = Link::open(portal, LinkFor::Password, token)?;
    let find = portal.db.read(move |conn| {
        let password = users::password_hash(conn, link.user_id)?;
        if password.as_deref() != Some(NO_PASSWORD_YET) || !link.is_known(conn)? {
            return Ok(None);
        }
        let may_sign_in =
            |user: &User| user.is_active && users::may_use_password(allowed, user.role());
        let user = users::find(conn, link.user_id)?.filter(may_sign_in);
        Ok(user.map(|user| (user, link.clone())))
    });
    find.await?.ok_or(Error::LinkExpired)
}

/// Sets the password and signs in. Returns the token for the cookie.
///
/// # Errors
/// [`Unfit`]; as [`whom`]; [`Error::Overloaded`]; [`Error::Database`], and then the link is not
/// used up.
pub async fn choose(
    portal: &Arc<Portal>,
    token: &Secret<String>,
    typed: TypedTwice,
    visitor: Visitor,
) -> Result<Secret<String>, Stopped<Unfit>> {
    let deadline = Instant::now() + CALLBACK_DEADLINE;
    let (user, link) = find(portal, token).await?;
    let new = typed.fit_for(&user).map_err(Stopped::Refused)?;
    let hash = portal.hasher.hash(new).await?;
    let (way, home) = (Way::PasswordLink { link, hash }, LocalPath::home());
    portal.failpoint.reach("before_link").await;
    match run_sign_in(portal, way, user.username, home, visitor, deadline).await {
        // It has just been chosen in another window.
        Err(Error::AttemptUsed) => Err(Error::LinkExpired.into()),
        admitted => Ok(admitted?.token),
    }
}
