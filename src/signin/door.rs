//! The one door: find or create the account, sync it, refuse the inactive, open the session, record
//! the event, in one transaction. The first sign-in and the hundredth take the same path.

use std::borrow::Cow;
use std::sync::Arc;

use super::password_link::MAKES_LINK;
use crate::audit::event::{Adopted, SignInWay};
use crate::audit::{self, About, Actor, Changes, Deed, Event};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::desk::Desk;
use crate::error::{
    Admission, Cause, Error, Problem, ProfileFault, Result, SignInError, Step, Stopped,
};
use crate::failpoint::hit_about;
use crate::identity_sync::{self, Sync};
use crate::leaving;
use crate::local_path::LocalPath;
use crate::oauth::mapping::email_domain;
use crate::oauth::{Grant, Permissions, Person, Provider};
use crate::permissions::{self, Counting};
use crate::roles;
use crate::secret::{Secret, sha256};
use crate::sessions::closing::Named;
use crate::sessions::proof::{Proof, ProvedBy};
use crate::sessions::{self, Client, Closing, NewSession, grant, logouts};
use crate::users::{
    self, Field, MAX_USERNAME, NO_PASSWORD_YET, Occasion, Profile, Role, Standing, User, refusals,
};

/// What came of a person at the door.
#[derive(Debug)]
pub enum Entered {
    In {
        token: Secret<String>,
        /// The browser came with a session that was somebody else's, or over: nobody knows whose.
        is_other_person: bool,
    },
    /// Turned away, and the trail says so.
    Refused { error: Box<SignInError> },
}

/// How somebody proved who they are.
pub enum Way {
    Provider {
        provider: Arc<Provider>,
        attempt: String,
        person: Box<Person>,
        /// Before the provider was asked for what it says of the person.
        asked_at: UnixTime,
        proof: Option<Proof>,
    },
    Password {
        user_id: i64,
        /// The stored hash that the password matched.
        matched: String,
        /// To be stored in its place, where that one is outdated.
        fresh_hash: Option<String>,
    },
    RescueLink {
        user_id: i64,
        /// The link's id: it opens one session.
        link: String,
    },
    PasswordLink {
        user_id: i64,
        /// The link's id.
        link: String,
        /// Of the password that its owner has chosen.
        hash: String,
    },
}

impl Way {
    /// The provider's id.
    pub fn provider(&self) -> Option<&str> {
        match self {
            Self::Provider { provider, .. } => Some(provider.id()),
            Self::Password { .. } | Self::RescueLink { .. } | Self::PasswordLink { .. } => None,
        }
    }

    /// As the event tells it.
    const fn told(&self) -> SignInWay {
        match self {
            Self::Provider { .. } => SignInWay::Provider,
            Self::Password { .. } | Self::PasswordLink { .. } => SignInWay::Password,
            Self::RescueLink { .. } => SignInWay::RescueLink,
        }
    }

    /// What it proves beside opening a session.
    fn proof(&self, now: UnixTime) -> Option<Proof> {
        let by = match self {
            Self::Provider { proof, .. } => return *proof,
            // By the link its owner has just chosen the password, and knows it.
            Self::Password { .. } | Self::PasswordLink { .. } => ProvedBy::Password,
            Self::RescueLink { .. } => ProvedBy::RescueLink,
        };
        Some(Proof { at: now, by })
    }

    /// What can open one session only.
    pub fn attempt(&self) -> Option<&str> {
        match self {
            Self::Provider { attempt, .. } => Some(attempt),
            Self::RescueLink { link, .. } | Self::PasswordLink { link, .. } => Some(link),
            Self::Password { .. } => None,
        }
    }
}

/// What the transaction needs; the same however often it runs.
pub struct Entry {
    pub desk: Arc<Desk>,
    pub now: UnixTime,
    pub way: Way,
    pub next: LocalPath,
    pub token: Secret<String>,
    pub reference: String,
    pub previous_hash: Option<String>,
    pub client: Client,
    /// What the provider gave, sealed for the session that is opened.
    pub grant: grant::Sealed,
}

impl Entry {
    /// For the events of it.
    fn deed<'a>(&'a self, by: Actor<'a>) -> Deed<'a> {
        Deed::new(self.now, by, &self.client).at(self.way.provider())
    }
}

/// Who it is, with the account's row taken.
struct Known {
    user_id: i64,
    username: String,
    account_created: bool,
    changes: Changes,
    adopted: Option<Adopted>,
}

impl Known {
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

/// Whom the door turns away, and why.
type NotKnown = Stopped<Box<TurnedAway>>;

impl From<TurnedAway> for NotKnown {
    fn from(turned_away: TurnedAway) -> Self {
        Self::Refused(Box::new(turned_away))
    }
}

struct TurnedAway {
    about: Option<User>,
    /// Who came: the account of `about`, or somebody without one, by this name.
    stranger: Option<String>,
    cause: Cause,
}

/// # Errors
/// [`Error::AttemptUsed`], [`Error::SignedOutThere`], [`Error::LinkExpired`], [`Error::Database`];
/// then nothing is changed.
pub fn enter(conn: &mut Conn, entry: &Entry) -> Result<Entered> {
    let known = match &entry.way {
        Way::Provider {
            provider,
            person,
            asked_at,
            ..
        } => {
            refuse_signed_out(conn, provider.id(), &person.grant)?;
            know_person(conn, entry, provider, person, *asked_at)
        }
        Way::Password {
            user_id,
            matched,
            fresh_hash,
        } => know_password(conn, entry, *user_id, matched, fresh_hash.as_deref()),
        Way::RescueLink { user_id, link } => know_link(conn, entry.now, *user_id, link),
        Way::PasswordLink {
            user_id,
            hash,
            link,
        } => know_owner(conn, entry, *user_id, link, hash),
    };
    let known = match known {
        Ok(known) => known,
        Err(Stopped::Refused(turned_away)) => return refuse_entry(conn, entry, *turned_away),
        Err(Stopped::Failed(error)) => return Err(error),
    };
    let is_other_person = end_previous(conn, entry, &known)?;
    make_room(conn, entry, &known)?;
    sessions::open(
        conn,
        entry.now,
        entry.desk.limits,
        &NewSession {
            user_id: known.user_id,
            token_hash: &sha256(entry.token.expose().as_bytes()),
            provider: entry.way.provider().unwrap_or_default(),
            attempt: entry.way.attempt(),
            client: &entry.client,
            grant: &entry.grant,
            proof: entry.way.proof(entry.now),
        },
    )?;
    let about = About::Person(known.user_id, &known.username);
    let by = Actor::Person {
        id: known.user_id,
        username: &known.username,
    };
    let event = Event::SignedIn {
        by: entry.way.told(),
        account_created: known.account_created,
        changes: known.changes,
        adopted: known.adopted,
    };
    entry.deed(by).record(conn, about, &event)?;
    Ok(Entered::In {
        token: entry.token.clone(),
        is_other_person,
    })
}

/// Refuses what the provider gave before the person signed out there: the logout token came first.
///
/// # Errors
/// [`Error::SignedOutThere`], [`Error::Database`]
pub(super) fn refuse_signed_out(conn: &mut Conn, provider: &str, grant: &Grant) -> Result<()> {
    let named = Named {
        provider,
        sub: grant.sub.as_deref(),
        sid: grant.sid.as_deref(),
    };
    let Some(issued_at) = grant.issued_at.filter(|_| named.sub.is_some()) else {
        return Ok(());
    };
    logouts::take_turns(conn, named)?;
    if logouts::is_signed_out(conn, named, issued_at)? {
        return Err(Error::SignedOutThere);
    }
    Ok(())
}

/// Finds or creates the account of whom the provider names, and syncs it.
fn know_person(
    conn: &mut Conn,
    entry: &Entry,
    provider: &Provider,
    person: &Person,
    asked_at: UnixTime,
) -> Result<Known, NotKnown> {
    let vouches_for = provider.settings().vouches_for;
    let profile = called(provider, &person.profile);
    let profile = profile.as_ref();
    let mut changes = identity_sync::kept(&person.kept, &person.permissions);
    let mut adopted = None;
    let turned_away = |about, stranger: Option<&String>, cause| {
        Err(NotKnown::from(TurnedAway {
            about,
            stranger: stranger.cloned(),
            cause,
        }))
    };
    let by_name = Some(&profile.username);
    let mut known = users::lock_with_identity(conn, provider.id(), &profile.subject)?;
    // The provider has refused the person since it said what they come with: it is asked anew.
    if let Some((_, standing)) = &known
        && standing.identity.is_refused_since(asked_at, entry.now)
    {
        return Err(Error::SignedOutThere.into());
    }
    let user = known.as_ref().map(|(user, _)| user);
    let counting = &entry.desk.roles.counting;
    if let Err(why) = admit(conn, provider, person, user, counting)? {
        let stranger = by_name.filter(|_| user.is_none());
        let known = user.cloned();
        return turned_away(known, stranger, Cause::NotAdmitted(why));
    }
    if known.is_none() {
        let owner = users::find_by_username(conn, &profile.username)?;
        // What waits for its person waits under the plain name.
        let waiting = if !vouches_for.adoption {
            None
        } else if vouches_for.names {
            owner.clone()
        } else {
            users::find_by_username(conn, &person.profile.username)?
        };
        if owner.is_some() || waiting.is_some() {
            // Either somebody else's name, or this person's own first sign-in in another tab,
            // which has just been committed.
            known = users::lock_with_identity(conn, provider.id(), &profile.subject)?;
            hit_about("owner_read", &profile.subject);
        }
        if known.is_none()
            && let Some(waiting) = waiting
            && let Some(owner) = adoptable(conn, entry, waiting.id)?
        {
            let identity = (provider.id().to_owned(), profile.subject.clone());
            adopted = Some(adopt(conn, entry, &owner, identity)?);
            known = users::lock_with_identity(conn, provider.id(), &profile.subject)?;
        }
        if known.is_none() && owner.is_some() {
            let cause = Cause::NameTaken {
                username: profile.username.clone(),
            };
            return turned_away(owner, by_name, cause);
        }
    }
    if known.is_none() && users::reserved::is_reserved(&profile.username) {
        let cause = Cause::NameReserved {
            username: profile.username.clone(),
        };
        return turned_away(None, by_name, cause);
    }
    if let Some((user, standing)) = &known
        && standing.identity.refused_at().is_some()
        && user.is_active
    {
        refusals::let_in(conn, user.id, provider.id())?;
    }
    if let Some((user, standing)) = &known
        && standing.has_others
        && let Some(by) = leaving::kept_out_by(conn, &entry.desk, user.id, provider.id())?
    {
        return turned_away(Some(user.clone()), None, Cause::KeptOut { by });
    }
    let account_created = known.is_none();
    let (user_id, username) = if let Some((user, Standing { identity, .. })) = known {
        let sync = Sync {
            user: &user,
            identity: &identity,
            gives_names: vouches_for.names,
            profile: profile.clone(),
            permissions: &person.permissions,
            permissions_from: &person.permissions_from,
            occasion: Occasion::SignIn,
            asked_at,
        };
        let synced = identity_sync::sync(conn, &entry.desk, entry.now, &sync, &mut changes)?;
        let Some(username) = synced else {
            let cause = Cause::Inactive {
                username: user.username.clone(),
            };
            return turned_away(Some(user), None, cause);
        };
        (user.id, username)
    } else {
        if profile.username.chars().count() > MAX_USERNAME {
            let fault = ProfileFault {
                field: "username",
                problem: Problem::TooLong,
            };
            return turned_away(None, by_name, Cause::BadProfile(fault));
        }
        let id = create(
            conn,
            entry,
            provider,
            (profile, &person.permissions),
            asked_at,
            &mut changes,
        )?;
        (id, profile.username.clone())
    };
    entry.desk.failpoint.hit("in_transaction");
    Ok(Known {
        user_id,
        username,
        account_created,
        changes,
        adopted,
    })
}

/// The account of somebody who comes for the first time, with what they may do.
fn create(
    conn: &mut Conn,
    entry: &Entry,
    provider: &Provider,
    (profile, permissions): (&Profile, &Permissions),
    asked_at: UnixTime,
    changes: &mut Changes,
) -> Result<i64> {
    let given = match permissions {
        Permissions::Given(given) => Some(given),
        Permissions::NotAsked | Permissions::Failed(_) => None,
    };
    let now = entry.now;
    let id = users::create(conn, now, provider.id(), profile, given.is_some(), asked_at)?;
    let is_kept = matches!(permissions, Permissions::Failed(_));
    let identity = (provider.id(), profile.subject.as_str());
    users::note_permissions_kept(conn, now, identity, None, None, is_kept)?;
    if let Some(given) = given {
        changes.permissions = permissions::replace(conn, now, id, provider.id(), given)?;
    }
    let roles = users::Roles {
        by_hand: Role::Employee,
        by_permission: Role::Employee,
    };
    let wanted = &entry.desk.roles;
    roles::sync_and_note(conn, now, wanted, (id, roles), Actor::Provider, changes)?;
    Ok(id)
}

/// The profile under the name that an account of this provider gets: its own, where the provider
/// vouches for names.
pub fn called<'a>(provider: &Provider, profile: &'a Profile) -> Cow<'a, Profile> {
    if provider.settings().vouches_for.names {
        return Cow::Borrowed(profile);
    }
    Cow::Owned(Profile {
        username: format!("{}@{}", profile.username, provider.id()),
        ..profile.clone()
    })
}

/// Whether the provider's rules let somebody in. Where the permissions could not be read, those of
/// before count: its own, and those that count everywhere.
///
/// # Errors
/// [`crate::error::DatabaseError`]
pub fn admit(
    conn: &mut Conn,
    provider: &Provider,
    person: &Person,
    known: Option<&User>,
    counting: &Counting,
) -> Result<Result<(), Admission>> {
    let rules = &provider.settings().admission;
    if !person.is_admitted {
        return Ok(Err(Admission::Value));
    }
    if !rules.email_domains.is_empty() {
        let domain = person.profile.email.as_deref().and_then(email_domain);
        if !domain.is_some_and(|domain| rules.email_domains.contains(&domain)) {
            return Ok(Err(Admission::EmailDomain));
        }
        if !person.is_email_verified {
            return Ok(Err(Admission::EmailNotVerified));
        }
    }
    if rules.permissions.is_empty() {
        return Ok(Ok(()));
    }
    let is_held = match (&person.permissions, known) {
        (Permissions::Given(given), _) => given
            .iter()
            .any(|permission| rules.permissions.contains(&permission.name)),
        (_, Some(user)) => {
            let counting = counting.and(provider.id());
            let mut is_held = false;
            for name in &rules.permissions {
                is_held |= permissions::is_held(conn, &counting, user.id, name)?;
            }
            is_held
        }
        (_, None) => false,
    };
    Ok(if is_held {
        Ok(())
    } else {
        Err(Admission::Permission)
    })
}

/// The account, with its row taken, if it was taken over from another system and waits for its
/// person: nobody has come to it through a provider, and it has no role, and no permission that
/// would make one, which a name alone would give away.
fn adoptable(conn: &mut Conn, entry: &Entry, owner_id: i64) -> Result<Option<User>> {
    if !entry.desk.adopts_imported {
        return Ok(None);
    }
    let Some(owner) = users::lock(conn, owner_id)? else {
        return Ok(None);
    };
    let waits = owner.is_active
        && owner.imported_at().is_some()
        && owner.role() == Role::Employee
        && users::identities_of(conn, owner.id)?.is_empty()
        && !roles::is_due(conn, &entry.desk.roles, owner.id)?;
    Ok(waits.then_some(owner))
}

/// The account is this person's from now on; the password and the sessions of before are nobody's.
fn adopt(
    conn: &mut Conn,
    entry: &Entry,
    owner: &User,
    identity: (String, String),
) -> Result<Adopted> {
    let at_provider = (identity.0.as_str(), identity.1.as_str());
    users::link(conn, entry.now, owner.id, at_provider, UnixTime(0))?;
    users::clear_password(conn, owner.id)?;
    let sessions_ended = sessions::close(conn, entry.now, owner.id, Closing::All)?;
    let field = &[Field::Identity];
    users::note_changes(conn, entry.now, owner.id, Actor::Provider, field)?;
    Ok(Adopted {
        identity,
        sessions_ended,
    })
}

/// The account whose password was right a moment ago: still active, with that very password, and
/// kept out by nobody. A superuser's local password is the way in on a bad day, whoever refuses
/// them.
fn know_password(
    conn: &mut Conn,
    entry: &Entry,
    user_id: i64,
    matched: &str,
    fresh_hash: Option<&str>,
) -> Result<Known, NotKnown> {
    let user = users::lock(conn, user_id)?.ok_or(Error::NotFound)?;
    if user.is_active
        && user.role() != Role::Superuser
        && let Some(by) = leaving::kept_out_by(conn, &entry.desk, user_id, "")?
        // Whoever typed another password is not told.
        && users::password_hash(conn, user_id)?.as_deref() == Some(matched)
    {
        let cause = Cause::KeptOut { by };
        return local(user, false, cause);
    }
    let noted = users::may_use_password(entry.desk.password_login, user.role())
        && users::note_sign_in(conn, entry.now, user_id, Some(matched))?;
    if noted && let Some(hash) = fresh_hash {
        users::set_password(conn, user_id, hash)?;
    }
    local(user, noted, Cause::WrongPassword)
}

/// The account that a rescue link is for, if it is active.
fn know_link(conn: &mut Conn, now: UnixTime, user_id: i64, link: &str) -> Result<Known, NotKnown> {
    let user = users::lock(conn, user_id)?.ok_or(Error::NotFound)?;
    // Erased a moment ago.
    if !audit::is_rescue_link_made(conn, user_id, link)? {
        return Err(Error::LinkExpired.into());
    }
    let noted = users::note_sign_in(conn, now, user_id, None)?;
    if noted {
        // Whoever made it can see to it that nobody refuses them.
        refusals::forget(conn, user_id)?;
    }
    let cause = Cause::Inactive {
        username: user.username.clone(),
    };
    local(user, noted, cause)
}

/// The owner of a local account that has no password yet, with the one that they have chosen.
fn know_owner(
    conn: &mut Conn,
    entry: &Entry,
    user_id: i64,
    link: &str,
    hash: &str,
) -> Result<Known, NotKnown> {
    let user = users::lock(conn, user_id)?.ok_or(Error::LinkExpired)?;
    if let Some(by) = leaving::kept_out_by(conn, &entry.desk, user_id, "")? {
        let cause = Cause::KeptOut { by };
        return local(user, false, cause);
    }
    // Replaced by another link, deactivated, or chosen in another window, a moment ago.
    if !users::may_use_password(entry.desk.password_login, user.role())
        || !audit::is_last_link(conn, &MAKES_LINK, user_id, link)?
        || !users::note_sign_in(conn, entry.now, user_id, Some(NO_PASSWORD_YET))?
    {
        return Err(Error::LinkExpired.into());
    }
    users::set_password(conn, user_id, hash)?;
    let by = Actor::from(&user);
    users::note_changes(conn, entry.now, user_id, by, &[Field::Password])?;
    let event = Event::PasswordChanged { sessions_ended: 0 };
    entry.deed(by).record(conn, About::from(&user), &event)?;
    local(user, true, Cause::WrongPassword)
}

fn local(user: User, is_known: bool, cause: Cause) -> Result<Known, NotKnown> {
    if is_known {
        return Ok(Known {
            user_id: user.id,
            username: user.username,
            account_created: false,
            changes: Changes::default(),
            adopted: None,
        });
    }
    let about = Some(user);
    Err(NotKnown::from(TurnedAway {
        stranger: None,
        about,
        cause,
    }))
}

/// The session that this browser had makes way for the new one; whether it was not the same
/// person's.
fn end_previous(conn: &mut Conn, entry: &Entry, known: &Known) -> Result<bool> {
    let Some(previous) = &entry.previous_hash else {
        return Ok(false);
    };
    let Some((_, previous_user)) = sessions::end_by_token(conn, entry.now, previous)? else {
        return Ok(true);
    };
    if previous_user.id != known.user_id {
        let about = About::from(&previous_user);
        entry
            .deed(known.actor())
            .record(conn, about, &Event::UserSwitched)?;
    }
    Ok(previous_user.id != known.user_id)
}

/// The oldest sessions make way for the new one, where the person has as many as one may.
fn make_room(conn: &mut Conn, entry: &Entry, known: &Known) -> Result<()> {
    let limits = entry.desk.limits;
    let count = sessions::make_room(conn, entry.now, limits, known.user_id)?;
    if count == 0 {
        return Ok(());
    }
    let event = Event::OldestSessionsEnded { count };
    entry
        .deed(known.actor())
        .record(conn, known.about(), &event)
}

fn refuse_entry(conn: &mut Conn, entry: &Entry, turned_away: TurnedAway) -> Result<Entered> {
    let TurnedAway {
        about,
        stranger,
        cause,
    } = turned_away;
    let actor = match (&stranger, &about) {
        (Some(name), _) => Actor::Named(name),
        (None, Some(user)) => user.into(),
        (None, None) => Actor::Unknown,
    };
    let about = about.as_ref().map_or(About::Portal, About::from);
    // Strangers may come in any number, and so may somebody whom we know.
    if entry.desk.refusals.admit(entry.now, about) {
        let event = Event::SignInRefused {
            reason: cause.reason(),
            failure: cause.detail(),
        };
        let deed = entry.deed(actor).with_reference(&entry.reference);
        deed.record(conn, about, &event)?;
    }
    Ok(refused(entry, cause))
}

fn refused(entry: &Entry, cause: Cause) -> Entered {
    Entered::Refused {
        error: Box::new(SignInError {
            reference: entry.reference.clone(),
            attempt: entry.way.attempt().map(str::to_owned),
            provider: entry.way.provider().unwrap_or_default().to_owned(),
            next: entry.next.clone(),
            is_linking: false,
            step: Step::Account,
            cause,
        }),
    }
}
