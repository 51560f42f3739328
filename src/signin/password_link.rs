//! The link with which the owner of a local account chooses its password. An admin makes it and
//! never learns the password. Choosing it signs in.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::door::{Entered, MAKES_PASSWORD_LINK, Way};
use super::one_time_link::{self, Draft};
use super::{CALLBACK_DEADLINE, Visitor, go_in};
use crate::audit;
use crate::config::PasswordLogin;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::local_path::LocalPath;
use crate::passwords::{self, Weakness};
use crate::secret::{NoRandomness, Purpose, Secret};
use crate::users::{self, NO_PASSWORD_YET, User};

/// How long a link works: no longer than the rows of ended sessions are kept, because such a row
/// marks the link as used.
pub const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// # Errors
/// [`NoRandomness`]
pub fn draft() -> Result<Draft, NoRandomness> {
    Draft::new(Purpose::PasswordLink)
}

/// The address with a token.
#[must_use]
pub fn address(origin: &str, token: &Secret<String>) -> String {
    format!("{origin}/password?token={}", token.expose())
}

/// The result of choosing a password.
pub enum Choice {
    SignedIn {
        /// The token for the cookie.
        token: Secret<String>,
    },
    Weak(Weakness),
    /// The two inputs differ.
    Differs,
}

/// Returns the account whose password a link would set. Does not use it up.
///
/// # Errors
/// [`Error::LinkExpired`] for a link that is not ours, too old, used, or not the last one, and for
/// an account that is gone, inactive or has a password.
pub async fn whom(desk: &Desk, token: &Secret<String>) -> Result<User> {
    find(desk, token).await.map(|(user, _)| user)
}

async fn find(desk: &Desk, token: &Secret<String>) -> Result<(User, String)> {
    let allowed = desk.password_login;
    if allowed == PasswordLogin::Off {
        return Err(Error::LinkExpired);
    }
    let now = desk.clock.now();
    let link = one_time_link::open(&desk.keys, Purpose::PasswordLink, LIFETIME, now, token)
        .ok_or(Error::LinkExpired)?;
    desk.db
        .read(move |conn| {
            let has_none_yet =
                users::password_hash(conn, link.user_id)?.as_deref() == Some(NO_PASSWORD_YET);
            if !has_none_yet
                || !audit::is_last_link(conn, &MAKES_PASSWORD_LINK, link.user_id, &link.id)?
            {
                return Ok(None);
            }
            let may_sign_in =
                |user: &User| user.is_active && users::may_use_password(allowed, user.role());
            let user = users::find(conn, link.user_id)?.filter(may_sign_in);
            Ok(user.map(|user| (user, link.id.clone())))
        })
        .await?
        .ok_or(Error::LinkExpired)
}

/// Sets the password and signs in.
///
/// # Errors
/// As [`whom`]; [`Error::Overloaded`]; [`Error::Database`], and then the link is not used up.
pub async fn choose(
    desk: &Arc<Desk>,
    token: &Secret<String>,
    new: Secret<String>,
    again: &Secret<String>,
    visitor: Visitor,
) -> Result<Choice> {
    let deadline = Instant::now() + CALLBACK_DEADLINE;
    let (user, link) = find(desk, token).await?;
    if new != *again {
        return Ok(Choice::Differs);
    }
    if let Err(weakness) = passwords::check_strength(&new, &user.username) {
        return Ok(Choice::Weak(weakness));
    }
    let way = Way::PasswordLink {
        user_id: user.id,
        link,
        hash: desk.hasher.hash(new).await?,
    };
    let home = LocalPath::home();
    desk.failpoint.reach("before_link").await;
    match go_in(desk, way, user.username, home, visitor, deadline).await {
        Ok(Entered::In { token, .. }) => Ok(Choice::SignedIn { token }),
        Ok(Entered::Refused { error }) => Err(Error::SignIn(error)),
        // It has just been chosen in another window.
        Err(Error::AttemptUsed) => Err(Error::LinkExpired),
        Err(error) => Err(error),
    }
}
