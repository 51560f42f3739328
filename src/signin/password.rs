//! The local password: signing in with it, and changing it.
//!
//! A refusal reveals nothing: an unknown name, a wrong password, a deactivated account and an
//! account without a password get the same answer, after one verification, no sooner than
//! [`REFUSAL_FLOOR`].

use std::sync::Arc;
use std::time::Duration;

use log::warn;
use tokio::time::{Instant, sleep_until};

use super::commit::Way;
use super::proof_by_password::Owner;
use super::refusal::{RefusedSignIn, note};
use super::typed_password::{TypedTwice, Unfit, is_right};
use super::{CALLBACK_DEADLINE, Visitor, run_sign_in};
use crate::audit::{About, Event};
use crate::clock::UnixTime;
use crate::config::PasswordLogin;
use crate::db::Conn;
use crate::error::{Cause, Error, Result};
use crate::id::{Reference, UserId};
use crate::local_path::LocalPath;
use crate::password_throttle::Paused;
use crate::passwords::MAX_LENGTH;
use crate::portal::Portal;
use crate::reason::Reason;
use crate::secret::Secret;
use crate::sessions::{self, Client, Closing, Limits};
use crate::text::is_forbidden;
use crate::users::{self, MAX_USERNAME, Role, User};

/// No refusal is answered sooner. One that takes longer is answered at a multiple of this.
pub const REFUSAL_FLOOR: Duration = Duration::from_millis(500);

pub struct Credentials {
    pub username: String,
    pub password: Secret<String>,
}

pub enum PasswordOutcome {
    SignedIn {
        token: Secret<String>,
    },
    /// The answer is the same for every reason; the audit log has the reason.
    Refused {
        reference: Reference,
    },
    /// There were too many wrong passwords before.
    Paused {
        reference: Reference,
        paused: Paused,
    },
}

/// Signs in with a username and a local password, with at most one verification, one read and one
/// write.
///
/// # Errors
/// [`Error::MethodNotAllowed`] if local passwords are switched off; [`Error::Database`]: the person
/// was not signed in, and the try does not count.
pub async fn sign_in(
    portal: &Arc<Portal>,
    credentials: Credentials,
    next: LocalPath,
    visitor: Visitor,
) -> Result<PasswordOutcome> {
    if portal.password_login == PasswordLogin::Off {
        return Err(Error::MethodNotAllowed {
            allow: "GET, HEAD".to_owned(),
        });
    }
    let started = Instant::now();
    let outcome = try_to_sign_in(portal, credentials, next, visitor, started).await;
    if !matches!(outcome, Ok(PasswordOutcome::SignedIn { .. })) {
        pad(started).await;
    }
    outcome
}

/// Waits until the next multiple of the floor, so that a busy moment reveals nothing either.
async fn pad(started: Instant) {
    let floors = started.elapsed().as_millis() / REFUSAL_FLOOR.as_millis() + 1;
    sleep_until(started + REFUSAL_FLOOR * u32::try_from(floors).unwrap_or(1)).await;
}

async fn try_to_sign_in(
    portal: &Arc<Portal>,
    credentials: Credentials,
    next: LocalPath,
    visitor: Visitor,
    started: Instant,
) -> Result<PasswordOutcome> {
    let deadline = started + CALLBACK_DEADLINE;
    let client = visitor.client.clone();
    let Credentials { username, password } = credentials;
    // No such username or password can exist: there is nothing to look up and nothing to count.
    let is_impossible = username.chars().count() > MAX_USERNAME
        || username.chars().any(is_forbidden)
        || password.expose().chars().count() > MAX_LENGTH;
    if is_impossible {
        let reference = refuse(portal, None, Reason::Impossible, client, deadline).await;
        return Ok(PasswordOutcome::Refused { reference });
    }
    let reserved = portal
        .throttle
        .reserve(portal.clock.now(), &username, &client.address);
    let reservation = match reserved {
        Ok(reservation) => reservation,
        Err(paused) => {
            let reference = refuse(portal, None, Reason::Paused, client, deadline).await;
            return Ok(PasswordOutcome::Paused { reference, paused });
        }
    };
    let verified = verify(portal, username, password).await;
    if !matches!(&verified, Ok(Verdict::Refused(..))) {
        portal.throttle.give_back(&reservation);
    }
    let (way, username) = match verified? {
        Verdict::Right(way, username) => (way, username),
        Verdict::Refused(about, reason) => {
            let reference = refuse(portal, about, reason, client, deadline).await;
            return Ok(PasswordOutcome::Refused { reference });
        }
    };
    portal.failpoint.reach("before_password").await;
    match run_sign_in(portal, way, username, next, visitor, deadline).await {
        // The account has just been changed or deactivated: the row is already written.
        Err(Error::SignIn(error))
            if matches!(error.cause, Cause::WrongPassword | Cause::Inactive { .. }) =>
        {
            let reference = error.reference;
            Ok(PasswordOutcome::Refused { reference })
        }
        admitted => Ok(PasswordOutcome::SignedIn {
            token: admitted?.token,
        }),
    }
}

/// The result of one verification.
enum Verdict {
    /// The way in, and the username.
    Right(Way, String),
    /// The account, if there is one, and the reason.
    Refused(Option<(UserId, String)>, Reason),
}

async fn verify(portal: &Portal, username: String, password: Secret<String>) -> Result<Verdict> {
    let db = &portal.db;
    let found = db.read(move |conn| users::find_with_password(conn, &username));
    let (about, reason, stored) = match found.await? {
        None => (None, Reason::UnknownUser, None),
        Some((user, stored)) => {
            let reason = why_not(portal.password_login, &user, stored.as_deref());
            let stored = stored.filter(|_| reason == Reason::WrongPassword);
            (Some((user.id, user.username)), reason, stored)
        }
    };
    let verified = portal.hasher.verify(password, stored.clone()).await?;
    Ok(match (about, stored) {
        (Some((user_id, username)), Some(matched)) if verified.is_correct => {
            let way = Way::Password {
                user_id,
                matched,
                fresh_hash: verified.fresh_hash,
            };
            Verdict::Right(way, username)
        }
        (about, _) => Verdict::Refused(about, reason),
    })
}

/// Returns why this account is refused with any password; if nothing else is wrong, the password
/// is.
fn why_not(allowed: PasswordLogin, user: &User, stored: Option<&str>) -> Reason {
    if stored.is_none() {
        Reason::NoPassword
    } else if !user.is_active {
        Reason::Inactive
    } else if allowed == PasswordLogin::Superusers && user.role() != Role::Superuser {
        Reason::NotAllowed
    } else {
        Reason::WrongPassword
    }
}

/// Writes a line to the log and a row to the audit log, and returns the reference in both. Neither
/// contains an unknown username, because it may be a password typed in the wrong field.
async fn refuse(
    portal: &Arc<Portal>,
    about: Option<(UserId, String)>,
    reason: Reason,
    client: Client,
    deadline: Instant,
) -> Reference {
    let reference = Reference::random();
    warn!(
        event = "sign_in_refused",
        attempt = "",
        provider = "",
        user = about.as_ref().map_or("", |(_, username)| username.as_str()),
        ms = 0,
        outcome = reason.code(),
        reference = reference.as_str();
        "password: {}", reason.code()
    );
    let refusal = RefusedSignIn {
        reference: reference.clone(),
        reason,
        failure: None,
        provider: None,
        about,
        client,
    };
    note(portal, refusal, deadline).await;
    reference
}

/// The result of changing one's own password.
pub enum Change {
    Changed,
    Refused { reference: Reference },
    Paused(Paused),
    Unfit(Unfit),
}

/// Changes the person's own password, and ends all their other sessions.
///
/// # Errors
/// [`Error::NotFound`] for an account without a local password; [`Error::Database`]
pub async fn change_own(
    portal: &Portal,
    owner: Owner,
    current: Secret<String>,
    typed: TypedTwice,
) -> Result<Change> {
    let (db, user_id) = (&portal.db, owner.user.id);
    let stored = db.read(move |conn| users::password_hash(conn, user_id));
    let stored = stored.await?.ok_or(Error::NotFound)?;
    let new = match typed.fit_for(&owner.user) {
        Ok(new) => new,
        Err(unfit) => return Ok(Change::Unfit(unfit)),
    };
    // Someone who finds an open session must not be able to guess here endlessly. For the account,
    // these tries are counted apart from those of the sign-in page, with which strangers could
    // otherwise lock the owner out. For the address, both are counted together.
    let now = portal.clock.now();
    let key = format!("\0change {user_id}");
    let reservation = match portal.throttle.reserve(now, &key, &owner.client.address) {
        Ok(reservation) => reservation,
        Err(paused) => return Ok(Change::Paused(paused)),
    };
    let hash = if is_right(portal, &reservation, current, &stored).await? {
        Some(portal.hasher.hash(new).await?)
    } else {
        None
    };
    let change = OwnChange {
        now,
        limits: portal.limits,
        owner,
        stored,
        hash,
        reference: Reference::random(),
    };
    portal.failpoint.reach("before_password_change").await;
    portal.db.write(move |conn| change.apply(conn)).await
}

/// The one transaction of a change.
struct OwnChange {
    now: UnixTime,
    limits: Limits,
    owner: Owner,
    /// The hash that the current password was compared with.
    stored: String,
    /// The new hash; `None` if the current password was wrong.
    hash: Option<String>,
    reference: Reference,
}

impl OwnChange {
    fn apply(&self, conn: &mut Conn) -> Result<Change> {
        let (user, session_id) = (&self.owner.user, self.owner.session_id);
        users::lock_row(conn, user.id)?;
        // A person who was signed out meanwhile cannot choose a password.
        if !sessions::is_live(conn, self.now, self.limits, user.id, session_id)? {
            return Err(Error::SignedOut);
        }
        let is_changed = match &self.hash {
            Some(hash) => users::replace_password(conn, user.id, &self.stored, hash)?,
            None => false,
        };
        if !is_changed {
            // The password is wrong, or has just been changed elsewhere.
            let deed = self.owner.deed(self.now).with_reference(&self.reference);
            deed.record(conn, About::from(user), &Event::PasswordChangeRefused)?;
            return Ok(Change::Refused {
                reference: self.reference.clone(),
            });
        }
        let others = Closing::AllBut(session_id);
        let event = Event::PasswordChanged {
            sessions_ended: sessions::close(conn, self.now, user.id, others)?,
        };
        let deed = self.owner.deed(self.now);
        deed.record(conn, About::from(user), &event)?;
        Ok(Change::Changed)
    }
}
