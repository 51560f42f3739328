//! The link with which a person chooses a confirmation password, for people who have no other
//! proof. Another admin makes the link, and it works only in the person's own session.

use std::sync::Arc;

use super::one_time_link::{Link, LinkFor};
use super::proof_by_password::Owner;
use super::typed_password::{TypedTwice, Unfit};
use crate::audit::{About, Event};
use crate::error::{Error, Result, Stopped};
use crate::id::UserId;
use crate::portal::Portal;
use crate::secret::Secret;
use crate::sessions::proof::ProvedBy;
use crate::sessions::{self, proof};
use crate::users::{self, Field, confirmation_password};

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
/// [`Unfit`]; as [`look`]; [`Error::SignedOut`] if the session ends meanwhile; [`Error::Overloaded`];
/// [`Error::Database`], and then the link is not used up.
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
        confirmation_password::set(conn, user.id, Some(&hash))?;
        // What the previous password proved no longer counts.
        proof::withdraw(conn, user.id, ProvedBy::ConfirmationPassword)?;
        let field = &[Field::ConfirmationPassword];
        users::note_changes(conn, now, user.id, user.into(), field)?;
        let deed = owner.deed(now).with_reference(&link.id);
        deed.record(conn, About::from(user), &Event::ConfirmationPasswordSet)
    });
    Ok(write.await?)
}
