//! Adding a provider to one's own account: the person who is signed in proves there, once, who they
//! are.

use std::sync::Arc;

use super::commit::refuse_signed_out;
use super::decision::check_admission;
use super::{Visitor, failure, refuse};
use crate::audit::{About, Actor, Changes, Deed, Event};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Cause, Error, Result, Step, Stopped};
use crate::id::SessionId;
use crate::identity_sync::{answer_of, take_over};
use crate::oauth::{Permissions, Person, Provider};
use crate::portal::Portal;
use crate::secret::sha256;
use crate::sessions::{self, Client, Session};
use crate::sign_in_attempts::Attempt;
use crate::users::{self, Field, User};

/// Adds the identity with which `person` came back.
///
/// # Errors
/// [`Error::SignedOut`] if the session that began it is over; [`Error::ProofNeeded`] if its
/// owner has not recently proved who they are; [`Error::SignedOutThere`] if the person signed out
/// at the provider after it gave these answers; [`Cause::IdentityTaken`] if the person already has
/// another account; [`Cause::NotLinkable`] and [`Cause::NotAdmitted`] if the provider's rules keep
/// them out.
pub async fn add_identity(
    portal: &Arc<Portal>,
    provider: &Arc<Provider>,
    attempt: &Attempt,
    person: Person,
    session_id: SessionId,
    visitor: &Visitor,
) -> Result<()> {
    let added = if provider.settings().vouches_for.linking {
        let token = visitor.session_token.as_ref().ok_or(Error::SignedOut)?;
        let adding = Adding {
            portal: Arc::clone(portal),
            now: portal.clock.now(),
            provider: Arc::clone(provider),
            person,
            session_id,
            token_hash: sha256(token.expose().as_bytes()),
            client: visitor.client.clone(),
        };
        portal.failpoint.reach("before_linking").await;
        portal.db.decide(move |conn| adding.add(conn)).await
    } else {
        Err(Stopped::Refused(Cause::NotLinkable))
    };
    let cause = match added {
        Ok(()) => return Ok(()),
        Err(Stopped::Refused(cause)) => cause,
        Err(Stopped::Failed(error)) => return Err(error),
    };
    let error = failure(Some(attempt), Step::Account, cause);
    let deadline = tokio::time::Instant::now() + super::NOTE_PATIENCE;
    Err(refuse(portal, error, &visitor.client, deadline).await)
}

/// The one transaction.
struct Adding {
    portal: Arc<Portal>,
    now: UnixTime,
    provider: Arc<Provider>,
    person: Person,
    /// The session that began it.
    session_id: SessionId,
    token_hash: String,
    client: Client,
}

impl Adding {
    fn add(&self, conn: &mut Conn) -> Result<(), Stopped<Cause>> {
        refuse_signed_out(conn, self.provider.id(), &self.person.grant)?;
        let (_, user) = self.session(conn)?;
        self.portal.failpoint.hit("linking_read");
        let user = users::lock(conn, user.id)?.filter(|user| user.is_active);
        let user = user.ok_or(Error::SignedOut)?;
        // Read again now that the row is locked; what the new identity proves does not count.
        let (session, _) = self.session(conn)?;
        if !session.is_proved(self.now) {
            return Err(Error::ProofNeeded.into());
        }
        if self.is_added(conn, &user)? {
            return Ok(());
        }
        let counting = &self.portal.roles.counting;
        let admitted = check_admission(conn, &self.provider, &self.person, None, counting);
        admitted.map_err(|stopped| stopped.map(Cause::NotAdmitted))?;
        Ok(self.write(conn, &user)?)
    }

    /// The session that began it. Another person may have signed in in this browser meanwhile.
    fn session(&self, conn: &mut Conn) -> Result<(Session, User)> {
        let live = sessions::find_live(conn, self.now, self.portal.limits, &self.token_hash)?;
        live.filter(|(session, _)| session.id == self.session_id)
            .ok_or(Error::SignedOut)
    }

    fn is_added(&self, conn: &mut Conn, user: &User) -> Result<bool, Stopped<Cause>> {
        let (provider, subject) = self.identity();
        let is_taken = match users::find_by_identity(conn, provider, subject)? {
            Some(owner) if owner.id == user.id => return Ok(true),
            Some(_) => true,
            // One identity per provider: two would take turns in setting the permissions.
            None => {
                let identities = users::identities_of(conn, user.id)?;
                identities.iter().any(|(other, _)| other == provider)
            }
        };
        if is_taken {
            return Err(Stopped::Refused(Cause::IdentityTaken));
        }
        Ok(false)
    }

    fn write(&self, conn: &mut Conn, user: &User) -> Result<()> {
        let (now, by) = (self.now, Actor::from(user));
        let (provider, subject) = self.identity();
        let identity = (provider, subject);
        users::link(conn, now, user.id, identity, self.person.asked_at)?;
        let mut changes = Changes::default();
        let (known, given) = ((user.id, user.roles()), &self.person.permissions);
        if matches!(given, Permissions::Given(_)) {
            users::note_permissions_first_read(conn, now, user.id, provider)?;
            take_over(
                conn,
                &self.portal,
                now,
                provider,
                known,
                given,
                &mut changes,
            )?;
        }
        users::note_changes(conn, now, user.id, by, &[Field::Identity])?;
        let answer = answer_of(given);
        users::note_permissions_kept(conn, now, identity, None, None, answer)?;
        let event = Event::IdentityLinked {
            identity: (provider.to_owned(), subject.to_owned()),
            sessions_ended: 0,
            changes,
        };
        let deed = Deed::new(now, by, &self.client).through(Some(provider));
        deed.record(conn, About::from(user), &event)
    }

    fn identity(&self) -> (&str, &str) {
        (self.provider.id(), &self.person.profile.subject)
    }
}
