//! Proving who one is in an open session: by the local password, or by a confirmation password,
//! which serves for this alone. No one can sign in with it.
//!
//! A confirmation password is for people who have no other proof. Its owner chooses it with a link
//! that another admin made, only in their own session; or an operator sets it.

use std::sync::Arc;
use std::time::Duration;

use super::one_time_link::{self, Draft};
use crate::audit::{self, About, Actor, Deed, Event, EventKind};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::id::{Reference, SessionId, UserId};
use crate::passwords::{self, MAX_LENGTH, Weakness};
use crate::secret::{NoRandomness, Purpose, Secret};
use crate::sessions::proof::{Proof, ProvedBy};
use crate::sessions::{self, Client, proof};
use crate::throttle::Paused;
use crate::users::confirmation::{self, Hashes};
use crate::users::{self, Field, User};

/// How long a link works.
pub const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The events that make a link, and those that void all earlier links: only the last one counts.
const LINKS: [EventKind; 2] = [
    EventKind::ConfirmationLinkMade,
    EventKind::ConfirmationPasswordSet,
];

/// # Errors
/// [`NoRandomness`]
pub fn draft() -> Result<Draft, NoRandomness> {
    Draft::new(Purpose::ConfirmationLink)
}

/// The address with a token.
#[must_use]
pub fn address(origin: &str, token: &Secret<String>) -> String {
    format!("{origin}/confirmation?token={}", token.expose())
}

/// A person in their own live session.
#[derive(Clone)]
pub struct Owner {
    pub user: User,
    pub session_id: SessionId,
    pub client: Client,
}

/// The kind of password that a person typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    Local,
    Confirmation,
}

impl Typed {
    fn of(self, hashes: Hashes) -> Option<String> {
        match self {
            Self::Local => hashes.usable_password(),
            Self::Confirmation => hashes.confirmation,
        }
    }

    const fn proves(self) -> ProvedBy {
        match self {
            Self::Local => ProvedBy::Password,
            Self::Confirmation => ProvedBy::ConfirmationPassword,
        }
    }
}

/// The result of a try.
pub enum Outcome {
    Proved,
    Refused { reference: Reference },
    Paused(Paused),
}

/// Checks a password that proves who someone is. Tries are counted apart from those of the sign-in
/// page, where strangers could otherwise lock the owner out of this.
///
/// # Errors
/// [`Error::NotFound`] for an account without such a password; [`Error::SignedOut`] if the session
/// ends meanwhile; [`Error::Overloaded`]; [`Error::Database`]
pub async fn prove(
    desk: &Arc<Desk>,
    owner: Owner,
    which: Typed,
    password: Secret<String>,
) -> Result<Outcome> {
    let user_id = owner.user.id;
    let stored = desk
        .db
        .read(move |conn| confirmation::hashes(conn, user_id))
        .await?;
    let stored = which.of(stored).ok_or(Error::NotFound)?;
    let now = desk.clock.now();
    let reservation = match desk.throttle.reserve_apart(now, "confirm", user_id) {
        Ok(reservation) => reservation,
        Err(paused) => return Ok(Outcome::Paused(paused)),
    };
    let is_too_long = password.expose().chars().count() > MAX_LENGTH;
    let verified = if is_too_long {
        Ok(false)
    } else {
        let verified = desk.hasher.verify(password, Some(stored.clone())).await;
        verified.map(|verified| verified.is_correct)
    };
    if !matches!(verified, Ok(false)) {
        desk.throttle.give_back(&reservation);
    }
    let proving = Proving {
        now,
        owner,
        which,
        matched: verified?.then_some(stored),
        reference: Reference::random(),
    };
    desk.db.write(move |conn| proving.apply(conn)).await
}

/// The one transaction of a try.
struct Proving {
    now: UnixTime,
    owner: Owner,
    which: Typed,
    /// The hash that the password matched.
    matched: Option<String>,
    reference: Reference,
}

impl Proving {
    fn apply(&self, conn: &mut Conn) -> Result<Outcome> {
        let Owner {
            user, session_id, ..
        } = &self.owner;
        let is_right = match &self.matched {
            Some(matched) => {
                let locked = users::lock(conn, user.id)?;
                locked
                    .filter(|user| user.is_active)
                    .ok_or(Error::SignedOut)?;
                // It may have been changed or removed meanwhile.
                self.which.of(confirmation::hashes(conn, user.id)?).as_ref() == Some(matched)
            }
            None => false,
        };
        let by = self.which.proves();
        if !is_right {
            let deed = self.owner.deed(self.now).with_reference(&self.reference);
            deed.record(conn, About::from(user), &Event::ProofRefused { by })?;
            return Ok(Outcome::Refused {
                reference: self.reference.clone(),
            });
        }
        let proof = Proof { at: self.now, by };
        if !proof::note(conn, user.id, *session_id, proof)? {
            return Err(Error::SignedOut);
        }
        let deed = self.owner.deed(self.now);
        deed.record(conn, About::from(user), &Event::Proved { by })?;
        Ok(Outcome::Proved)
    }
}

impl Owner {
    fn deed(&self, now: UnixTime) -> Deed<'_> {
        Deed::new(now, Actor::from(&self.user), &self.client)
    }
}

/// The result of choosing a confirmation password.
pub enum Choice {
    Set,
    Weak(Weakness),
    /// The two inputs differ.
    Differs,
}

/// Checks that a link is this person's and still works. Does not use it up.
///
/// # Errors
/// [`Error::LinkExpired`] for a link that is not ours, too old, used, not the last one, or made for
/// someone else.
pub async fn look(desk: &Desk, user_id: UserId, token: &Secret<String>) -> Result<()> {
    let id = open(desk, user_id, token)?;
    let is_good = desk
        .db
        .read(move |conn| is_good(conn, user_id, &id))
        .await?;
    if is_good {
        Ok(())
    } else {
        Err(Error::LinkExpired)
    }
}

fn open(desk: &Desk, user_id: UserId, token: &Secret<String>) -> Result<String> {
    let now = desk.clock.now();
    let purpose = Purpose::ConfirmationLink;
    one_time_link::open(&desk.keys, purpose, LIFETIME, now, token)
        .filter(|link| link.user_id == user_id)
        .map(|link| link.id)
        .ok_or(Error::LinkExpired)
}

/// Returns whether it is the last link and has set no password yet.
fn is_good(conn: &mut Conn, user_id: UserId, id: &str) -> Result<bool> {
    let set = EventKind::ConfirmationPasswordSet;
    Ok(audit::is_last_link(conn, &LINKS, user_id, id)?
        && !audit::has_reference(conn, set, user_id, id)?)
}

/// Sets the confirmation password with a link. This proves nothing yet: the person still types it
/// where it is needed.
///
/// # Errors
/// As [`look`]; [`Error::SignedOut`] if the session ends meanwhile; [`Error::Overloaded`];
/// [`Error::Database`], and then the link is not used up.
pub async fn choose(
    desk: &Arc<Desk>,
    owner: Owner,
    token: &Secret<String>,
    new: Secret<String>,
    again: &Secret<String>,
) -> Result<Choice> {
    let id = open(desk, owner.user.id, token)?;
    look(desk, owner.user.id, token).await?;
    if new != *again {
        return Ok(Choice::Differs);
    }
    if let Err(weakness) = passwords::check_strength(&new, &owner.user.username) {
        return Ok(Choice::Weak(weakness));
    }
    let hash = desk.hasher.hash(new).await?;
    let (now, limits) = (desk.clock.now(), desk.limits);
    let write = desk.db.write(move |conn| {
        let user = &owner.user;
        let locked = users::lock(conn, user.id)?;
        locked
            .filter(|user| user.is_active)
            .ok_or(Error::SignedOut)?;
        if !sessions::is_live(conn, now, limits, user.id, owner.session_id)? {
            return Err(Error::SignedOut);
        }
        // It has just been used in another window, or replaced.
        if !is_good(conn, user.id, &id)? {
            return Err(Error::LinkExpired);
        }
        confirmation::set(conn, user.id, Some(&hash))?;
        // What the previous password proved no longer counts.
        proof::take(conn, user.id, ProvedBy::ConfirmationPassword)?;
        let field = &[Field::ConfirmationPassword];
        users::note_changes(conn, now, user.id, user.into(), field)?;
        let deed = owner.deed(now).with_reference(&id);
        deed.record(conn, About::from(user), &Event::ConfirmationPasswordSet)
    });
    write.await?;
    Ok(Choice::Set)
}
