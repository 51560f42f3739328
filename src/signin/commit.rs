//! The end of every sign-in: one transaction that finds or creates the account, syncs it, refuses
//! the inactive, opens the session and records the event. The first sign-in and the hundredth take
//! the same path.

use std::sync::Arc;

use super::decision::{Decision, awaits_adoption, decide, with_account_username};
use super::one_time_link::Link;
use crate::audit::event::{Adopted, SignInWay};
use crate::audit::{About, Actor, Changes, Deed, Event};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Cause, Error, Problem, ProfileFault, Result, SignInError, Step, Stopped};
use crate::failpoint::hit_about;
use crate::id::{Reference, UserId};
use crate::identity_sync::{self, Sync, answer_of, take_over};
use crate::leaving;
use crate::local_path::LocalPath;
use crate::oauth::{Grant, Permissions, Person, Provider};
use crate::portal::Portal;
use crate::secret::{Secret, sha256};
use crate::sessions::closing::Named;
use crate::sessions::proof::{Proof, ProvedBy};
use crate::sessions::{self, Client, Closing, NewSession, logouts, tokens};
use crate::users::{
    self, Field, NO_PASSWORD_YET, Occasion, Profile, Role, Standing, User, refusals,
};

#[derive(Debug)]
pub struct Admitted {
    pub token: Secret<String>,
    /// The browser came with another person's session, or with one that was over and whose owner is
    /// unknown.
    pub is_other_person: bool,
}

/// How a person proved who they are.
pub enum Way {
    Provider {
        provider: Arc<Provider>,
        attempt: String,
        person: Box<Person>,
        proof: Option<Proof>,
    },
    Password {
        user_id: UserId,
        /// The stored hash that the password matched.
        matched: String,
        /// A new hash to store instead, if the old one is outdated.
        fresh_hash: Option<String>,
    },
    RescueLink(Link),
    PasswordLink {
        link: Link,
        /// The hash of the password that the owner has chosen.
        hash: String,
    },
}

impl Way {
    pub fn provider(&self) -> Option<&str> {
        match self {
            Self::Provider { provider, .. } => Some(provider.id()),
            Self::Password { .. } | Self::RescueLink(_) | Self::PasswordLink { .. } => None,
        }
    }

    /// The way, as the audit log names it.
    const fn audited_as(&self) -> SignInWay {
        match self {
            Self::Provider { .. } => SignInWay::Provider,
            Self::Password { .. } | Self::PasswordLink { .. } => SignInWay::Password,
            Self::RescueLink(_) => SignInWay::RescueLink,
        }
    }

    /// The proof that it gives besides opening a session.
    fn proof(&self, now: UnixTime) -> Option<Proof> {
        let by = match self {
            Self::Provider { proof, .. } => return *proof,
            // The owner has just chosen the password with the link, and so knows it.
            Self::Password { .. } | Self::PasswordLink { .. } => ProvedBy::Password,
            Self::RescueLink(_) => ProvedBy::RescueLink,
        };
        Some(Proof { at: now, by })
    }

    /// The identifier of something that can open only one session.
    pub fn attempt(&self) -> Option<&str> {
        match self {
            Self::Provider { attempt, .. } => Some(attempt),
            Self::RescueLink(link) | Self::PasswordLink { link, .. } => Some(&link.id),
            Self::Password { .. } => None,
        }
    }
}

/// The input of the transaction; it is the same however often the transaction runs.
pub struct SignIn {
    pub portal: Arc<Portal>,
    pub now: UnixTime,
    pub way: Way,
    pub next: LocalPath,
    pub token: Secret<String>,
    pub reference: Reference,
    pub previous_hash: Option<String>,
    pub client: Client,
    /// The provider's grant, sealed for the session that is opened.
    pub grant: tokens::Sealed,
}

impl SignIn {
    fn deed<'a>(&'a self, by: Actor<'a>) -> Deed<'a> {
        Deed::new(self.now, by, &self.client).through(self.way.provider())
    }
}

/// A known person, with the account's row locked.
struct Identified {
    user_id: UserId,
    username: String,
    signed_in: Event,
}

impl Identified {
    /// A person who came in without a provider.
    fn owner(user: User, input: &SignIn) -> Self {
        Self {
            user_id: user.id,
            username: user.username,
            signed_in: Event::SignedIn {
                by: input.way.audited_as(),
                account_created: false,
                changes: Changes::default(),
                adopted: None,
            },
        }
    }

    fn actor(&self) -> Actor<'_> {
        Actor::Person {
            id: self.user_id,
            username: &self.username,
        }
    }

    fn about(&self) -> About<'_> {
        About::Person(self.user_id, &self.username)
    }
}

/// A person who is turned away, and the reason.
type Rejected = Stopped<Box<TurnedAway>>;

struct TurnedAway {
    /// The account that it concerns.
    about: Option<User>,
    /// The name given by a person without an account; `None` if it is the account of `about`.
    stranger: Option<String>,
    cause: Cause,
}

impl TurnedAway {
    /// Turns away the owner of an account.
    fn owner(user: User, cause: Cause) -> Rejected {
        Self::anyone(Some(user), None, cause)
    }

    fn inactive(user: User) -> Rejected {
        let username = user.username.clone();
        Self::owner(user, Cause::Inactive { username })
    }

    fn anyone(about: Option<User>, stranger: Option<String>, cause: Cause) -> Rejected {
        Stopped::Refused(Box::new(Self {
            about,
            stranger,
            cause,
        }))
    }
}

/// Signs a person in: identifies them, ends this browser's previous session, and opens the new one.
///
/// # Errors
/// A refusal, which is then in the audit log; [`Error::AttemptUsed`], [`Error::SignedOutThere`],
/// [`Error::LinkExpired`], [`Error::Database`]: then nothing has changed.
pub fn sign_in(conn: &mut Conn, input: &SignIn) -> Result<Admitted, Stopped<Box<SignInError>>> {
    let known = match &input.way {
        Way::Provider {
            provider, person, ..
        } => identify_by_provider(conn, input, provider, person),
        Way::Password {
            user_id,
            matched,
            fresh_hash,
        } => identify_by_password(conn, input, *user_id, matched, fresh_hash.as_deref()),
        Way::RescueLink(link) => identify_by_rescue_link(conn, input, link),
        Way::PasswordLink { link, hash } => identify_by_password_link(conn, input, link, hash),
    };
    let known = match known {
        Ok(known) => known,
        Err(Stopped::Refused(turned_away)) => {
            return Err(Stopped::Refused(refuse(conn, input, *turned_away)?));
        }
        Err(Stopped::Failed(error)) => return Err(error.into()),
    };
    let is_other_person = end_previous(conn, input, &known)?;
    make_room(conn, input, &known)?;
    let session = NewSession {
        user_id: known.user_id,
        token_hash: &sha256(input.token.expose().as_bytes()),
        provider: input.way.provider().unwrap_or_default(),
        attempt: input.way.attempt(),
        client: &input.client,
        grant: &input.grant,
        proof: input.way.proof(input.now),
    };
    sessions::open(conn, input.now, input.portal.limits, &session)?;
    let deed = input.deed(known.actor());
    deed.record(conn, known.about(), &known.signed_in)?;
    Ok(Admitted {
        token: input.token.clone(),
        is_other_person,
    })
}

/// Refuses a grant from before the person signed out at the provider: the logout token came before
/// this transaction.
///
/// # Errors
/// [`Error::SignedOutThere`]
pub(super) fn refuse_signed_out(conn: &mut Conn, provider: &str, grant: &Grant) -> Result<()> {
    let named = Named {
        provider,
        sub: grant.sub.as_deref(),
        sid: grant.sid.as_deref(),
    };
    let Some(issued_at) = grant.issued_at.filter(|_| named.sub.is_some()) else {
        return Ok(());
    };
    logouts::lock_logouts(conn, named)?;
    if logouts::is_signed_out(conn, named, issued_at)? {
        return Err(Error::SignedOutThere);
    }
    Ok(())
}

/// Finds or creates the account of the person whom the provider names, and syncs it.
fn identify_by_provider(
    conn: &mut Conn,
    input: &SignIn,
    provider: &Provider,
    person: &Person,
) -> Result<Identified, Rejected> {
    refuse_signed_out(conn, provider.id(), &person.grant)?;
    let (portal, now) = (&input.portal, input.now);
    let profile = with_account_username(provider, &person.profile);
    let identity = (provider.id(), profile.subject.as_str());
    let (decision, known, adopted) = recognise(conn, input, provider, person, identity)?;
    if let Some((user, standing)) = &known
        && user.is_active
        && standing.identity.refused_at().is_some()
        && !matches!(decision, Decision::NotAdmitted(_))
    {
        refusals::let_in(conn, user.id, provider.id())?;
    }
    let account_created = matches!(decision, Decision::New);
    let mut changes = identity_sync::not_taken_over(&person.rejected, &person.permissions);
    let (user_id, username) = match (decision, known) {
        (Decision::Known, Some((user, Standing { identity, .. }))) => {
            let sync = Sync {
                user: &user,
                identity: &identity,
                gives_names: provider.settings().vouches_for.names,
                profile: profile.into_owned(),
                permissions: &person.permissions,
                permissions_from: &person.permissions_from,
                occasion: Occasion::SignIn,
                asked_at: person.asked_at,
            };
            match identity_sync::sync(conn, portal, now, &sync, &mut changes)? {
                Some(username) => (user.id, username),
                None => return Err(TurnedAway::inactive(user)),
            }
        }
        (Decision::New, _) => {
            let id = create(conn, input, provider, person, &profile, &mut changes)?;
            (id, profile.into_owned().username)
        }
        (decision, known) => {
            let known = known.map(|(user, _)| user);
            return Err(turn_away(decision, known, &profile.username));
        }
    };
    portal.failpoint.hit("in_transaction");
    let signed_in = Event::SignedIn {
        by: SignInWay::Provider,
        account_created,
        changes,
        adopted,
    };
    Ok(Identified {
        user_id,
        username,
        signed_in,
    })
}

/// The decision about a person, the account that it concerns, and the adoption, if any.
type Recognised = (Decision, Option<(User, Standing)>, Option<Adopted>);

/// Decides about a person with the account's row locked. Carries out an adoption.
fn recognise(
    conn: &mut Conn,
    input: &SignIn,
    provider: &Provider,
    person: &Person,
    identity: (&str, &str),
) -> Result<Recognised> {
    let portal = &input.portal;
    let mut known = users::lock_with_standing(conn, identity.0, identity.1)?;
    // The provider has refused the person since it gave these answers, so it must be asked again.
    if let Some((_, standing)) = &known
        && standing
            .identity
            .is_refused_since(person.asked_at, input.now)
    {
        return Err(Error::SignedOutThere);
    }
    let mut decision = decide(conn, portal, provider, person, known.as_ref())?;
    if matches!(decision, Decision::Adopt(_) | Decision::NameTaken(_)) {
        // The name is either another person's, or this person's own from a first sign-in in another
        // tab that has just been committed.
        known = users::lock_with_standing(conn, identity.0, identity.1)?;
        hit_about("owner_read", identity.1);
        if known.is_some() {
            decision = decide(conn, portal, provider, person, known.as_ref())?;
        }
    }
    let mut adopted = None;
    if let Decision::Adopt(owner) = &decision {
        adopted = adopt(conn, input, owner.id, identity)?;
        known = users::lock_with_standing(conn, identity.0, identity.1)?;
        decision = decide(conn, portal, provider, person, known.as_ref())?;
    }
    Ok((decision, known, adopted))
}

/// Turns away a person whom the provider calls `name`.
fn turn_away(decision: Decision, known: Option<User>, name: &str) -> Rejected {
    let username = name.to_owned();
    let stranger = Some(username.clone()).filter(|_| known.is_none());
    let (about, cause) = match decision {
        Decision::NotAdmitted(why) => (known, Cause::NotAdmitted(why)),
        Decision::KeptOut { by } => (known, Cause::KeptOut { by }),
        Decision::NameTaken(owner) | Decision::Adopt(owner) => {
            (Some(owner), Cause::NameTaken { username })
        }
        Decision::NameReserved => (None, Cause::NameReserved { username }),
        Decision::NameTooLong => {
            let fault = ProfileFault {
                field: "username",
                problem: Problem::TooLong,
            };
            (None, Cause::BadProfile(fault))
        }
        Decision::Inactive | Decision::Known | Decision::New => match known {
            Some(user) => return TurnedAway::inactive(user),
            None => (None, Cause::Internal("nobody to sign in")),
        },
    };
    TurnedAway::anyone(about, stranger, cause)
}

/// Creates the account of a person who comes for the first time, with their permissions.
fn create(
    conn: &mut Conn,
    input: &SignIn,
    provider: &Provider,
    person: &Person,
    profile: &Profile,
    changes: &mut Changes,
) -> Result<UserId> {
    let (now, given) = (input.now, &person.permissions);
    let read_at = matches!(given, Permissions::Given(_)).then_some(now);
    let id = users::create(conn, now, provider.id(), profile, read_at, person.asked_at)?;
    let identity = (provider.id(), profile.subject.as_str());
    users::note_permissions_kept(conn, now, identity, None, None, answer_of(given))?;
    if read_at.is_some() {
        users::note_permissions_first_read(conn, now, id, provider.id())?;
    }
    let none = users::Roles {
        by_hand: Role::Employee,
        by_permission: Role::Employee,
    };
    let (from, person) = (provider.id(), (id, none));
    take_over(conn, &input.portal, now, from, person, given, changes)?;
    Ok(id)
}

/// Gives an imported account to this person. Its old password and sessions end. Returns `None` if
/// it no longer waits for anyone.
fn adopt(
    conn: &mut Conn,
    input: &SignIn,
    owner_id: UserId,
    identity: (&str, &str),
) -> Result<Option<Adopted>> {
    let owner = users::lock(conn, owner_id)?;
    let Some(owner) = owner else { return Ok(None) };
    if !awaits_adoption(conn, &input.portal, &owner)? {
        return Ok(None);
    }
    users::link(conn, input.now, owner.id, identity, UnixTime(0))?;
    users::clear_password(conn, owner.id)?;
    let sessions_ended = sessions::close(conn, input.now, owner.id, Closing::All)?;
    let field = &[Field::Identity];
    users::note_changes(conn, input.now, owner.id, Actor::Provider, field)?;
    Ok(Some(Adopted {
        identity: (identity.0.to_owned(), identity.1.to_owned()),
        sessions_ended,
    }))
}

/// Returns the account whose password was just verified, if it is still active and still has
/// exactly that password, and if no provider keeps the person out. A superuser's local password
/// works even if one does, so that someone can always get in to repair things.
fn identify_by_password(
    conn: &mut Conn,
    input: &SignIn,
    user_id: UserId,
    matched: &str,
    fresh_hash: Option<&str>,
) -> Result<Identified, Rejected> {
    let user = users::lock(conn, user_id)?.ok_or(Error::NotFound)?;
    if user.is_active
        && user.role() != Role::Superuser
        && let Some(by) = leaving::kept_out_by(conn, &input.portal, user_id, "")?
        // Someone who typed another password must not learn of this.
        && users::password_hash(conn, user_id)?.as_deref() == Some(matched)
    {
        return Err(TurnedAway::owner(user, Cause::KeptOut { by }));
    }
    if !users::may_use_password(input.portal.password_login, user.role())
        || !users::note_sign_in(conn, input.now, user_id, Some(matched))?
    {
        return Err(TurnedAway::owner(user, Cause::WrongPassword));
    }
    if let Some(hash) = fresh_hash {
        users::set_password(conn, user_id, hash)?;
    }
    Ok(Identified::owner(user, input))
}

/// Returns the account that a rescue link is for, if it is active.
fn identify_by_rescue_link(
    conn: &mut Conn,
    input: &SignIn,
    link: &Link,
) -> Result<Identified, Rejected> {
    let user = users::lock(conn, link.user_id)?.ok_or(Error::NotFound)?;
    // The account may have just been erased.
    if !link.is_known(conn)? {
        return Err(Error::LinkExpired.into());
    }
    if !users::note_sign_in(conn, input.now, user.id, None)? {
        return Err(TurnedAway::inactive(user));
    }
    // The person who made the link may overrule every refusal.
    refusals::forget(conn, user.id)?;
    Ok(Identified::owner(user, input))
}

/// Returns the owner of a local account without a password, and sets the password that they chose.
fn identify_by_password_link(
    conn: &mut Conn,
    input: &SignIn,
    link: &Link,
    hash: &str,
) -> Result<Identified, Rejected> {
    let user = users::lock(conn, link.user_id)?.ok_or(Error::LinkExpired)?;
    if let Some(by) = leaving::kept_out_by(conn, &input.portal, user.id, "")? {
        return Err(TurnedAway::owner(user, Cause::KeptOut { by }));
    }
    // The link may have just been replaced, the account deactivated, or the password chosen in
    // another window.
    if !users::may_use_password(input.portal.password_login, user.role())
        || !link.is_known(conn)?
        || !users::note_sign_in(conn, input.now, user.id, Some(NO_PASSWORD_YET))?
    {
        return Err(Error::LinkExpired.into());
    }
    users::set_password(conn, user.id, hash)?;
    let by = Actor::from(&user);
    users::note_changes(conn, input.now, user.id, by, &[Field::Password])?;
    let event = Event::PasswordChanged { sessions_ended: 0 };
    input.deed(by).record(conn, About::from(&user), &event)?;
    Ok(Identified::owner(user, input))
}

/// Ends the session that this browser had, to make room for the new one. Returns whether it
/// belonged to another person, or had ended, so that its owner is unknown.
fn end_previous(conn: &mut Conn, input: &SignIn, known: &Identified) -> Result<bool> {
    let Some(previous) = &input.previous_hash else {
        return Ok(false);
    };
    let Some((_, previous_user)) = sessions::end_by_token(conn, input.now, previous)? else {
        return Ok(true);
    };
    if previous_user.id != known.user_id {
        let about = About::from(&previous_user);
        let deed = input.deed(known.actor());
        deed.record(conn, about, &Event::UserSwitched)?;
    }
    Ok(previous_user.id != known.user_id)
}

/// Ends the oldest sessions if the person has as many as one may have.
fn make_room(conn: &mut Conn, input: &SignIn, known: &Identified) -> Result<()> {
    let limits = input.portal.limits;
    let count = sessions::make_room(conn, input.now, limits, known.user_id)?;
    if count == 0 {
        return Ok(());
    }
    let event = Event::OldestSessionsEnded { count };
    let deed = input.deed(known.actor());
    deed.record(conn, known.about(), &event)
}

/// Records that a person was turned away.
fn refuse(conn: &mut Conn, input: &SignIn, turned_away: TurnedAway) -> Result<Box<SignInError>> {
    let (cause, user) = (turned_away.cause, turned_away.about.as_ref());
    let actor = match (&turned_away.stranger, user) {
        (Some(name), _) => Actor::Named(name),
        (None, Some(user)) => user.into(),
        (None, None) => Actor::Unknown,
    };
    let about = user.map_or(About::Portal, About::from);
    // The cap covers strangers and known people: both may come in any number.
    if input.portal.refusal_cap.may_write_row(input.now, about) {
        let event = Event::SignInRefused {
            reason: cause.reason(),
            failure: Some(cause.detail()),
        };
        let deed = input.deed(actor).with_reference(&input.reference);
        deed.record(conn, about, &event)?;
    }
    Ok(Box::new(SignInError {
        reference: input.reference.clone(),
        attempt: input.way.attempt().map(str::to_owned),
        provider: input.way.provider().map(str::to_owned),
        next: input.next.clone(),
        is_linking: false,
        step: Step::Account,
        cause,
    }))
}
