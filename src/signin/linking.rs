//! Adding a provider to one's own account: the person who is signed in proves there, once, who they
//! are.

use std::sync::Arc;

use super::decision::admit;
use super::door::refuse_signed_out;
use super::{Visitor, failure, refuse};
use crate::attempts::Attempt;
use crate::audit::{About, Actor, Changes, Deed, Event, Note};
use crate::clock::UnixTime;
use crate::desk::Desk;
use crate::error::{Cause, Error, Result, Step, Stopped};
use crate::identity_sync::answer_of;
use crate::oauth::{Permissions, Person, Provider};
use crate::permissions;
use crate::roles;
use crate::secret::sha256;
use crate::sessions::{self, Closing};
use crate::users::{self, Field};

/// Adds the identity. `asked_at` is the time before the provider was asked about the person.
///
/// # Errors
/// [`Error::SignedOut`] if the session that began it is over; [`Error::FreshSignInNeeded`] if its
/// owner has not recently proved who they are; [`Error::SignedOutThere`] if the person signed out
/// at the provider after it gave these answers; [`Cause::IdentityTaken`] if the person already has
/// another account; [`Cause::NotLinkable`] and [`Cause::NotAdmitted`] if the provider's rules keep
/// them out.
pub async fn link(
    desk: &Arc<Desk>,
    provider: &Arc<Provider>,
    attempt: &Attempt,
    (person, asked_at): (Person, UnixTime),
    session_id: i64,
    visitor: &Visitor,
) -> Result<()> {
    if !provider.settings().vouches_for.linking {
        let error = failure(Some(attempt), Step::Account, Cause::NotLinkable);
        let deadline = tokio::time::Instant::now() + super::NOTE_PATIENCE;
        return Err(refuse(desk, error, &visitor.client, deadline).await);
    }
    let token = visitor.session_token.as_ref().ok_or(Error::SignedOut)?;
    let hash = sha256(token.expose().as_bytes());
    let now = desk.clock.now();
    let shared = Arc::clone(desk);
    let id = provider.id().to_owned();
    let subject = person.profile.subject.clone();
    let asked = Arc::clone(provider);
    let client = visitor.client.clone();
    desk.failpoint.reach("before_linking").await;
    let linked = desk
        .db
        .decide(move |conn| {
            refuse_signed_out(conn, &id, &person.grant)?;
            let live = sessions::find_live(conn, now, shared.limits, &hash)?;
            shared.failpoint.hit("linking_read");
            // Another person may have signed in in this browser meanwhile.
            let Some((_, user)) = live.filter(|(session, _)| session.id == session_id) else {
                return Err(Error::SignedOut.into());
            };
            let Some(user) = users::lock(conn, user.id)?.filter(|user| user.is_active) else {
                return Err(Error::SignedOut.into());
            };
            // Read again now that the row is locked; what the new identity proves does not count.
            let live = sessions::find_live(conn, now, shared.limits, &hash)?;
            let Some((session, _)) = live.filter(|(session, _)| session.id == session_id) else {
                return Err(Error::SignedOut.into());
            };
            if !session.is_proved(now) {
                return Err(Error::FreshSignInNeeded.into());
            }
            match users::find_by_identity(conn, &id, &subject)? {
                Some(owner) if owner.id == user.id => return Ok(()),
                Some(_) => return Err(Stopped::Refused(Cause::IdentityTaken)),
                // One identity per provider: two would take turns in setting the permissions.
                None if users::identities_of(conn, user.id)?
                    .iter()
                    .any(|(provider, _)| *provider == id) =>
                {
                    return Err(Stopped::Refused(Cause::IdentityTaken));
                }
                None => {}
            }
            admit(conn, &asked, &person, None, &shared.roles.counting)
                .map_err(|stopped| stopped.map(Cause::NotAdmitted))?;
            users::link(conn, now, user.id, (&id, &subject), asked_at)?;
            let mut changes = Changes::default();
            if let Permissions::Given(given) = &person.permissions {
                changes.permissions = permissions::replace(conn, now, user.id, &id, given)?;
                if !changes.permissions.removed.is_empty() {
                    sessions::close(conn, now, user.id, Closing::Rights)?;
                }
                let known = (user.id, user.roles());
                roles::sync_and_note(
                    conn,
                    now,
                    &shared.roles,
                    known,
                    Actor::Provider,
                    &mut changes,
                )?;
            }
            users::note_changes(conn, now, user.id, Actor::from(&user), &[Field::Identity])?;
            let answer = answer_of(&person.permissions);
            users::note_permissions_kept(conn, now, (&id, &subject), None, None, answer)?;
            let event = Event::IdentityLinked {
                identity: (id.clone(), subject.clone()),
                sessions_ended: 0,
                changes,
                note: Note::default(),
            };
            let deed = Deed::new(now, Actor::from(&user), &client).at(Some(&id));
            Ok(deed.record(conn, About::from(&user), &event)?)
        })
        .await;
    let cause = match linked {
        Ok(()) => return Ok(()),
        Err(Stopped::Refused(cause)) => cause,
        Err(Stopped::Failed(error)) => return Err(error),
    };
    let error = failure(Some(attempt), Step::Account, cause);
    let deadline = tokio::time::Instant::now() + super::NOTE_PATIENCE;
    Err(refuse(desk, error, &visitor.client, deadline).await)
}
