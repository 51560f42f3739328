//! Proving who one is in an open session: by the local password, or by a confirmation password,
//! which serves for this alone. No one can sign in with it.
//!
//! A confirmation password is for people who have no other proof. Its owner chooses it with a link
//! that another admin made, only in their own session; or an operator sets it.

use std::sync::Arc;

use super::one_time_link::{Link, LinkFor};
use super::typed_password::{TypedTwice, Unfit, is_right};
use crate::audit::{About, Actor, Deed, Event};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Error, Result, Stopped};
use crate::id::{Reference, SessionId, UserId};
use crate::portal::Portal;
use crate::secret::Secret;
use crate::sessions::proof::{Proof, ProvedBy};
use crate::sessions::{self, Client, proof};
use crate::throttle::Paused;
use crate::users::confirmation::{self, Hashes};
use crate::users::{self, Field, User};

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

pub enum ConfirmationOutcome {
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
    portal: &Arc<Portal>,
    owner: Owner,
    which: Typed,
    password: Secret<String>,
) -> Result<ConfirmationOutcome> {
    let (db, user_id) = (&portal.db, owner.user.id);
    let hashes = db.read(move |conn| confirmation::hashes(conn, user_id));
    let stored = which.of(hashes.await?).ok_or(Error::NotFound)?;
    let now = portal.clock.now();
    let reservation = match portal.throttle.reserve_apart(now, "confirm", user_id) {
        Ok(reservation) => reservation,
        Err(paused) => return Ok(ConfirmationOutcome::Paused(paused)),
    };
    let is_right = is_right(portal, &reservation, password, &stored).await?;
    let proving = Proving {
        now,
        owner,
        which,
        matched: is_right.then_some(stored),
        reference: Reference::random(),
    };
    portal.db.write(move |conn| proving.apply(conn)).await
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
    fn apply(&self, conn: &mut Conn) -> Result<ConfirmationOutcome> {
        let user = &self.owner.user;
        let is_right = match &self.matched {
            Some(matched) => {
                self.owner.lock(conn)?;
                // It may have been changed or removed meanwhile.
                self.which.of(confirmation::hashes(conn, user.id)?).as_ref() == Some(matched)
            }
            None => false,
        };
        let by = self.which.proves();
        if !is_right {
            let deed = self.owner.deed(self.now).with_reference(&self.reference);
            deed.record(conn, About::from(user), &Event::ProofRefused { by })?;
            return Ok(ConfirmationOutcome::Refused {
                reference: self.reference.clone(),
            });
        }
        let proof = Proof { at: self.now, by };
        if !proof::note(conn, user.id, self.owner.session_id, proof)? {
            return Err(Error::SignedOut);
        }
        let deed = self.owner.deed(self.now);
        deed.record(conn, About::from(user), &Event::Proved { by })?;
        Ok(ConfirmationOutcome::Proved)
    }
}

impl Owner {
    pub(super) fn deed(&self, now: UnixTime) -> Deed<'_> {
        Deed::new(now, Actor::from(&self.user), &self.client)
    }

    fn lock(&self, conn: &mut Conn) -> Result<User> {
        let user = users::lock(conn, self.user.id)?;
        user.filter(|user| user.is_active).ok_or(Error::SignedOut)
    }
}

/// Checks that a link is this person's and still works. Does not use it up.
///
/// # Errors
/// [`Error::LinkExpired`] for a link that is not ours, too old, used, not the last one, or made for
/// someone else.
pub async fn look(portal: &Portal, user_id: UserId, token: &Secret<String>) -> Result<()> {
    find(portal, user_id, token).await.map(|_| ())
}

async fn find(portal: &Portal, user_id: UserId, token: &Secret<String>) -> Result<Link> {
    let link = Link::open(portal, LinkFor::Confirmation, token)?;
    let found = link.clone();
    let is_known = portal.db.read(move |conn| found.is_known(conn));
    if link.user_id == user_id && is_known.await? {
        Ok(link)
    } else {
        Err(Error::LinkExpired)
    }
}

/// Sets the confirmation password with a link. This proves nothing yet: the person still types it
/// where it is needed.
///
/// # Errors
/// [`Unfit`]; as [`look`]; [`Error::SignedOut`] if the session ends meanwhile;
/// [`Error::Overloaded`]; [`Error::Database`], and then the link is not used up.
pub async fn choose(
    portal: &Arc<Portal>,
    owner: Owner,
    token: &Secret<String>,
    typed: TypedTwice,
) -> Result<(), Stopped<Unfit>> {
    let link = find(portal, owner.user.id, token).await?;
    let new = typed.fit_for(&owner.user).map_err(Stopped::Refused)?;
    let hash = portal.hasher.hash(new).await?;
    let (now, limits) = (portal.clock.now(), portal.limits);
    let write = portal.db.write(move |conn| {
        let user = &owner.user;
        owner.lock(conn)?;
        if !sessions::is_live(conn, now, limits, user.id, owner.session_id)? {
            return Err(Error::SignedOut);
        }
        // It has just been used in another window, or replaced.
        if !link.is_known(conn)? {
            return Err(Error::LinkExpired);
        }
        confirmation::set(conn, user.id, Some(&hash))?;
        // What the previous password proved no longer counts.
        proof::take(conn, user.id, ProvedBy::ConfirmationPassword)?;
        let field = &[Field::ConfirmationPassword];
        users::note_changes(conn, now, user.id, user.into(), field)?;
        let deed = owner.deed(now).with_reference(&link.id);
        deed.record(conn, About::from(user), &Event::ConfirmationPasswordSet)
    });
    Ok(write.await?)
}
