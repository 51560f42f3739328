//! The local password: signing in with it, and changing one's own.
//!
//! Whoever is refused learns nothing: an unknown name, a wrong password, a deactivated account
//! and an account without a password get one answer, after one verification, no sooner than
//! [`REFUSAL_FLOOR`].

use std::sync::Arc;
use std::time::Duration;

use log::warn;
use tokio::time::{Instant, sleep_until};

use super::door::{Entered, Way};
use super::{CALLBACK_DEADLINE, Refusal, Visitor, go_in, note};
use crate::audit::{self, Details, EventKind, NewEvent};
use crate::config::PasswordLogin;
use crate::desk::Desk;
use crate::error::{Cause, Error, Result};
use crate::local_path::LocalPath;
use crate::passwords::{self, MAX_LENGTH, Weakness};
use crate::secret::{Secret, reference};
use crate::sessions::{self, Client};
use crate::throttle::Paused;
use crate::users::{self, MAX_USERNAME, Role, User};

/// No refusal is answered sooner.
pub const REFUSAL_FLOOR: Duration = Duration::from_millis(500);

/// What somebody typed.
pub struct Credentials {
    pub username: String,
    pub password: Secret<String>,
}

/// How an attempt with a password ended.
pub enum Outcome {
    SignedIn {
        /// For the cookie.
        token: Secret<String>,
    },
    /// The same for every reason; the trail knows which.
    Refused { reference: String },
    /// Too many wrong ones before.
    Paused { reference: String, paused: Paused },
}

/// Signs in with a username and a local password: at most one verification, one read and one
/// write.
///
/// # Errors
/// [`Error::MethodNotAllowed`] where local passwords are switched off; [`Error::Database`]:
/// nobody was signed in, and the try does not count.
pub async fn sign_in(
    desk: &Arc<Desk>,
    credentials: Credentials,
    next: LocalPath,
    visitor: Visitor,
) -> Result<Outcome> {
    if desk.password_login == PasswordLogin::Off {
        return Err(Error::MethodNotAllowed {
            allow: "GET, HEAD".to_owned(),
        });
    }
    let started = Instant::now();
    let outcome = try_to_sign_in(desk, credentials, next, visitor, started).await;
    if !matches!(outcome, Ok(Outcome::SignedIn { .. })) {
        sleep_until(started + REFUSAL_FLOOR).await;
    }
    outcome
}

async fn try_to_sign_in(
    desk: &Arc<Desk>,
    credentials: Credentials,
    next: LocalPath,
    visitor: Visitor,
    started: Instant,
) -> Result<Outcome> {
    let deadline = started + CALLBACK_DEADLINE;
    let client = visitor.client.clone();
    let Credentials { username, password } = credentials;
    let reserved = desk
        .throttle
        .reserve(desk.clock.now(), &username, &client.address);
    let reservation = match reserved {
        Ok(reservation) => reservation,
        Err(paused) => {
            let reference = refuse(desk, None, "paused", client, deadline).await;
            return Ok(Outcome::Paused { reference, paused });
        }
    };
    if username.chars().count() > MAX_USERNAME || password.expose().chars().count() > MAX_LENGTH {
        let reference = refuse(desk, None, "too_long", client, deadline).await;
        return Ok(Outcome::Refused { reference });
    }
    let verified = verify(desk, username, password).await;
    if !matches!(&verified, Ok(verified) if verified.way.is_none()) {
        desk.throttle.give_back(&reservation);
    }
    let Verdict { about, reason, way } = verified?;
    let Some((way, username)) = way else {
        let reference = refuse(desk, about, reason, client, deadline).await;
        return Ok(Outcome::Refused { reference });
    };
    match go_in(desk, way, username, next, visitor, deadline).await? {
        Entered::In { token } => Ok(Outcome::SignedIn { token }),
        // Changed or deactivated at this very moment: the row is written already.
        Entered::Refused { error }
            if matches!(error.cause, Cause::WrongPassword | Cause::Inactive { .. }) =>
        {
            Ok(Outcome::Refused {
                reference: error.reference,
            })
        }
        Entered::Refused { error } => Err(Error::SignIn(error)),
    }
}

/// What one verification found.
struct Verdict {
    about: Option<(i64, String)>,
    /// Why not, as a code for the trail.
    reason: &'static str,
    /// How to go in, and under what name; `None` for whoever is refused.
    way: Option<(Way, String)>,
}

async fn verify(desk: &Desk, username: String, password: Secret<String>) -> Result<Verdict> {
    let found = desk
        .db
        .read(move |conn| users::find_with_password(conn, &username))
        .await?;
    let (about, reason, stored) = match found {
        None => (None, "unknown_user", None),
        Some((user, stored)) => {
            let reason = why_not(desk.password_login, &user, stored.as_deref());
            let stored = stored.filter(|_| reason == "wrong_password");
            (Some((user.id, user.username)), reason, stored)
        }
    };
    let verified = desk.hasher.verify(password, stored.clone()).await?;
    let way = match (&about, stored) {
        (Some((user_id, username)), Some(matched)) if verified.is_correct => {
            let way = Way::Password {
                user_id: *user_id,
                matched,
                fresh_hash: verified.fresh_hash,
            };
            Some((way, username.clone()))
        }
        _ => None,
    };
    Ok(Verdict { about, reason, way })
}

/// Why this account is refused, whatever the password; or, if it is wrong, that.
fn why_not(allowed: PasswordLogin, user: &User, stored: Option<&str>) -> &'static str {
    if stored.is_none() {
        "no_password"
    } else if !user.is_active {
        "inactive"
    } else if allowed == PasswordLogin::Superusers && user.role() != Role::Superuser {
        "not_allowed"
    } else {
        "wrong_password"
    }
}

/// A line in the log, a row in the trail; the reference that names both. What was typed as a
/// name that nobody has is in neither: it may be a password.
async fn refuse(
    desk: &Arc<Desk>,
    about: Option<(i64, String)>,
    reason: &'static str,
    client: Client,
    deadline: Instant,
) -> String {
    let reference = reference();
    warn!(
        event = "sign_in_refused",
        attempt = "",
        provider = "",
        user = about.as_ref().map_or("", |(_, username)| username.as_str()),
        ms = 0,
        outcome = reason,
        reference = reference.as_str();
        "password: {reason}"
    );
    let refusal = Refusal {
        reference: reference.clone(),
        reason,
        failure: String::new(),
        provider: "",
        about,
        client,
    };
    note(desk, refusal, deadline).await;
    reference
}

/// How a change of one's own password ended.
pub enum Change {
    Changed,
    /// The current one is wrong.
    Refused {
        reference: String,
    },
    Paused {
        reference: String,
        paused: Paused,
    },
    Weak(Weakness),
}

/// Changes one's own password, and ends all of one's other sessions.
///
/// # Errors
/// [`Error::NotFound`] for an account without a local password; [`Error::Database`]
pub async fn change_own(
    desk: &Arc<Desk>,
    user: &User,
    session_id: i64,
    current: Secret<String>,
    new: Secret<String>,
    client: Client,
) -> Result<Change> {
    if let Err(weakness) = passwords::check_strength(&new, &user.username) {
        return Ok(Change::Weak(weakness));
    }
    let started = Instant::now();
    let changed = try_to_change(desk, user, session_id, current, new, client, started).await;
    if !matches!(changed, Ok(Change::Changed)) {
        sleep_until(started + REFUSAL_FLOOR).await;
    }
    changed
}

async fn try_to_change(
    desk: &Arc<Desk>,
    user: &User,
    session_id: i64,
    current: Secret<String>,
    new: Secret<String>,
    client: Client,
    started: Instant,
) -> Result<Change> {
    let deadline = started + CALLBACK_DEADLINE;
    let about = Some((user.id, user.username.clone()));
    let now = desk.clock.now();
    // Whoever holds an open session must not be able to guess here without end.
    let reservation = match desk.throttle.reserve(now, &user.username, &client.address) {
        Ok(reservation) => reservation,
        Err(paused) => {
            let reference = refuse(desk, about, "paused", client, deadline).await;
            return Ok(Change::Paused { reference, paused });
        }
    };
    let user_id = user.id;
    let stored = desk
        .db
        .read(move |conn| users::password_hash(conn, user_id))
        .await?
        .ok_or(Error::NotFound)?;
    let is_too_long = current.expose().chars().count() > MAX_LENGTH;
    let is_correct = !is_too_long
        && desk
            .hasher
            .verify(current, Some(stored.clone()))
            .await?
            .is_correct;
    if !is_correct {
        let reference = refuse(desk, about, "wrong_password", client, deadline).await;
        return Ok(Change::Refused { reference });
    }
    desk.throttle.give_back(&reservation);
    let hash = desk.hasher.hash(new).await?;
    let username = user.username.clone();
    let is_changed = desk
        .db
        .write(move |conn| {
            if !users::replace_password(conn, user_id, &stored, &hash)? {
                return Ok(false);
            }
            let ended = sessions::end_others(conn, now, user_id, session_id)?;
            audit::record(
                conn,
                now,
                NewEvent {
                    kind: EventKind::PasswordChanged,
                    reason: "",
                    actor: &username,
                    user: Some((user_id, &username)),
                    provider: "",
                    client: &client,
                    reference: "",
                    details: Details {
                        count: (ended > 0).then_some(ended),
                        ..Details::default()
                    },
                },
            )?;
            Ok(true)
        })
        .await?;
    if is_changed {
        Ok(Change::Changed)
    } else {
        // Changed elsewhere at this very moment: what was typed is not the current one any more.
        Ok(Change::Refused {
            reference: reference(),
        })
    }
}
