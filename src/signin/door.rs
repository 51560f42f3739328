//! The one door: find or create the account, sync it, refuse the inactive, open the session, record
//! the event, in one transaction. The first sign-in and the hundredth take the same path.

use std::sync::Arc;

use super::password_link::MAKES_LINK;
use crate::audit::{self, Details, EventKind, NewEvent};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::desk::Desk;
use crate::error::{Admission, Cause, Error, Result, SignInError, Step};
use crate::failpoint::hit_about;
use crate::identity_sync::{self, Sync};
use crate::local_path::LocalPath;
use crate::oauth::profile::email_domain;
use crate::oauth::{Grant, Permissions, Person, Provider};
use crate::permissions;
use crate::roles;
use crate::secret::{Secret, sha256};
use crate::sessions::closing::Named;
use crate::sessions::{self, Client, Closing, NewSession, grant, logouts};
use crate::users::{self, NO_PASSWORD_YET, Occasion, Role, User};

/// What came of a person at the door.
#[derive(Debug)]
pub enum Entered {
    In {
        token: Secret<String>,
    },
    /// Turned away, and the trail says so.
    Refused {
        error: Box<SignInError>,
    },
}

/// How somebody proved who they are.
pub enum Way {
    Provider {
        provider: Arc<Provider>,
        attempt: String,
        person: Box<Person>,
        /// Before the provider was asked for what it says of the person.
        asked_at: UnixTime,
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
    /// As rows keep it: a provider's id, or empty.
    pub fn provider(&self) -> &str {
        match self {
            Self::Provider { provider, .. } => provider.id(),
            Self::Password { .. } | Self::RescueLink { .. } | Self::PasswordLink { .. } => "",
        }
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

/// Who it is, with the account's row taken.
struct Known {
    user_id: i64,
    username: String,
    details: Details,
}

/// Whom the door turns away, and why.
struct TurnedAway {
    about: Option<User>,
    /// Who came, by the name that they came with.
    actor: String,
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
            know_person(conn, entry, provider, person, *asked_at)?
        }
        Way::Password {
            user_id,
            matched,
            fresh_hash,
        } => know_password(conn, entry, *user_id, matched, fresh_hash.as_deref())?,
        Way::RescueLink { user_id, link } => know_link(conn, entry.now, *user_id, link)?,
        Way::PasswordLink {
            user_id,
            hash,
            link,
        } => Ok(know_owner(conn, entry, *user_id, link, hash)?),
    };
    let known = match known {
        Ok(known) => known,
        Err(turned_away) => return refuse_entry(conn, entry, *turned_away),
    };
    end_previous(conn, entry, &known)?;
    make_room(conn, entry, &known)?;
    sessions::open(
        conn,
        entry.now,
        entry.desk.limits,
        &NewSession {
            user_id: known.user_id,
            token_hash: &sha256(entry.token.expose().as_bytes()),
            provider: entry.way.provider(),
            attempt: entry.way.attempt(),
            client: &entry.client,
            grant: &entry.grant,
        },
    )?;
    audit::record(
        conn,
        entry.now,
        NewEvent {
            kind: EventKind::SignedIn,
            reason: "",
            actor: &known.username,
            user: Some((known.user_id, &known.username)),
            provider: entry.way.provider(),
            client: &entry.client,
            reference: "",
            details: known.details,
        },
    )?;
    Ok(Entered::In {
        token: entry.token.clone(),
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
) -> Result<Result<Known, Box<TurnedAway>>> {
    let profile = &person.profile;
    let mut details = identity_sync::details_of(&person.kept, &person.permissions);
    let turned_away = |about, cause| {
        Ok(Err(Box::new(TurnedAway {
            about,
            actor: profile.username.clone(),
            cause,
        })))
    };
    let mut known = users::lock_with_identity(conn, provider.id(), &profile.subject)?;
    // The provider has refused the person since it said what they come with: it is asked anew.
    if let Some((_, identity)) = &known
        && identity.is_refused_since(asked_at, entry.now)
    {
        return Err(Error::SignedOutThere);
    }
    let user = known.as_ref().map(|(user, _)| user);
    if let Err(why) = admit(conn, provider, person, user)? {
        return turned_away(user.cloned(), Cause::NotAdmitted(why));
    }
    if known.is_none()
        && let Some(owner) = users::find_by_username(conn, &profile.username)?
    {
        // Either somebody else's name, or this person's own first sign-in in another tab, which
        // has just been committed.
        known = users::lock_with_identity(conn, provider.id(), &profile.subject)?;
        hit_about("owner_read", &profile.subject);
        if known.is_none()
            && let Some(owner) = adoptable(conn, entry, owner.id)?
        {
            adopt(
                conn,
                entry,
                provider.id(),
                &owner,
                &profile.subject,
                &mut details,
            )?;
            known = users::lock_with_identity(conn, provider.id(), &profile.subject)?;
        }
        if known.is_none() {
            let cause = Cause::NameTaken {
                username: profile.username.clone(),
            };
            return turned_away(Some(owner), cause);
        }
    }
    let (user_id, username) = if let Some((user, identity)) = known {
        let sync = Sync {
            user: &user,
            identity: &identity,
            profile: profile.clone(),
            permissions: &person.permissions,
            occasion: Occasion::SignIn,
            asked_at,
        };
        let synced = identity_sync::sync(conn, &entry.desk, entry.now, &sync, &mut details)?;
        let Some(username) = synced else {
            let cause = Cause::Inactive {
                username: user.username.clone(),
            };
            return turned_away(Some(user), cause);
        };
        (user.id, username)
    } else {
        details.account_created = true;
        let id = create(conn, entry, provider, person, asked_at, &mut details)?;
        (id, profile.username.clone())
    };
    entry.desk.failpoint.hit("in_transaction");
    Ok(Ok(Known {
        user_id,
        username,
        details,
    }))
}

/// The account of somebody who comes for the first time, with what they may do.
fn create(
    conn: &mut Conn,
    entry: &Entry,
    provider: &Provider,
    person: &Person,
    asked_at: UnixTime,
    details: &mut Details,
) -> Result<i64> {
    let given = match &person.permissions {
        Permissions::Given(given) => Some(given),
        Permissions::NotAsked | Permissions::Failed(_) => None,
    };
    let now = entry.now;
    let id = users::create(
        conn,
        now,
        provider.id(),
        &person.profile,
        given.is_some(),
        asked_at,
    )?;
    if let Some(given) = given {
        let diff = permissions::replace(conn, now, id, provider.id(), given)?;
        details.permissions_added = diff.added;
    }
    let roles = users::Roles {
        by_hand: Role::Employee,
        by_permission: Role::Employee,
    };
    roles::sync_and_note(conn, now, &entry.desk.roles, (id, roles), "", details)?;
    Ok(id)
}

/// Whether the provider's rules let somebody in. Where the permissions could not be read, those of
/// before count.
///
/// # Errors
/// [`crate::error::DatabaseError`]
pub fn admit(
    conn: &mut Conn,
    provider: &Provider,
    person: &Person,
    known: Option<&User>,
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
            let mut is_held = false;
            for name in &rules.permissions {
                is_held |= permissions::is_held(conn, user.id, name)?;
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
    provider: &str,
    owner: &User,
    subject: &str,
    details: &mut Details,
) -> Result<()> {
    users::link(conn, entry.now, owner.id, (provider, subject), UnixTime(0))?;
    users::clear_password(conn, owner.id)?;
    let ended = sessions::close(conn, entry.now, owner.id, Closing::All)?;
    users::note_changes(conn, entry.now, owner.id, "", &["identity"])?;
    details.adopted = true;
    details.identity = Some((provider.to_owned(), subject.to_owned()));
    details.count = (ended > 0).then_some(ended);
    Ok(())
}

/// The account whose password was right a moment ago: still active, with that very password.
fn know_password(
    conn: &mut Conn,
    entry: &Entry,
    user_id: i64,
    matched: &str,
    fresh_hash: Option<&str>,
) -> Result<Result<Known, Box<TurnedAway>>> {
    let user = users::lock(conn, user_id)?.ok_or(Error::NotFound)?;
    let noted = users::may_use_password(entry.desk.password_login, user.role())
        && users::note_sign_in(conn, entry.now, user_id, Some(matched))?;
    if noted && let Some(hash) = fresh_hash {
        users::set_password(conn, user_id, hash)?;
    }
    Ok(local(user, noted, Cause::WrongPassword, Details::default()))
}

/// The account that a rescue link is for, if it is active.
fn know_link(
    conn: &mut Conn,
    now: UnixTime,
    user_id: i64,
    link: &str,
) -> Result<Result<Known, Box<TurnedAway>>> {
    let user = users::lock(conn, user_id)?.ok_or(Error::NotFound)?;
    // Erased a moment ago.
    if !audit::is_rescue_link_made(conn, user_id, link)? {
        return Err(Error::LinkExpired);
    }
    let noted = users::note_sign_in(conn, now, user_id, None)?;
    let details = Details {
        rescue_link: true,
        ..Details::default()
    };
    let cause = Cause::Inactive {
        username: user.username.clone(),
    };
    Ok(local(user, noted, cause, details))
}

/// The owner of a local account that has no password yet, with the one that they have chosen.
fn know_owner(
    conn: &mut Conn,
    entry: &Entry,
    user_id: i64,
    link: &str,
    hash: &str,
) -> Result<Known> {
    let user = users::lock(conn, user_id)?.ok_or(Error::LinkExpired)?;
    // Replaced by another link, deactivated, or chosen in another window, a moment ago.
    if !users::may_use_password(entry.desk.password_login, user.role())
        || !audit::is_last_link(conn, &MAKES_LINK, user_id, link)?
        || !users::note_sign_in(conn, entry.now, user_id, Some(NO_PASSWORD_YET))?
    {
        return Err(Error::LinkExpired);
    }
    users::set_password(conn, user_id, hash)?;
    users::note_changes(conn, entry.now, user_id, &user.username, &["password"])?;
    audit::record(
        conn,
        entry.now,
        NewEvent {
            kind: EventKind::PasswordChanged,
            reason: "",
            actor: &user.username,
            user: Some((user_id, &user.username)),
            provider: "",
            client: &entry.client,
            reference: "",
            details: Details::default(),
        },
    )?;
    Ok(Known {
        user_id,
        username: user.username,
        details: Details::default(),
    })
}

fn local(
    user: User,
    is_known: bool,
    cause: Cause,
    details: Details,
) -> Result<Known, Box<TurnedAway>> {
    if is_known {
        return Ok(Known {
            user_id: user.id,
            username: user.username,
            details,
        });
    }
    Err(Box::new(TurnedAway {
        actor: user.username.clone(),
        about: Some(user),
        cause,
    }))
}

/// The session that this browser had makes way for the new one.
fn end_previous(conn: &mut Conn, entry: &Entry, known: &Known) -> Result<()> {
    let Some(previous) = &entry.previous_hash else {
        return Ok(());
    };
    let Some((_, previous_user)) = sessions::end_by_token(conn, entry.now, previous)? else {
        return Ok(());
    };
    if previous_user.id != known.user_id {
        audit::record(
            conn,
            entry.now,
            NewEvent {
                kind: EventKind::UserSwitched,
                reason: "",
                actor: &known.username,
                user: Some((previous_user.id, &previous_user.username)),
                provider: entry.way.provider(),
                client: &entry.client,
                reference: "",
                details: Details::default(),
            },
        )?;
    }
    Ok(())
}

/// The oldest sessions make way for the new one, where the person has as many as one may.
fn make_room(conn: &mut Conn, entry: &Entry, known: &Known) -> Result<()> {
    let limits = entry.desk.limits;
    let ended = sessions::make_room(conn, entry.now, limits, known.user_id)?;
    if ended == 0 {
        return Ok(());
    }
    audit::record(
        conn,
        entry.now,
        NewEvent {
            kind: EventKind::OldestSessionsEnded,
            reason: "",
            actor: &known.username,
            user: Some((known.user_id, &known.username)),
            provider: entry.way.provider(),
            client: &entry.client,
            reference: "",
            details: Details {
                count: Some(ended),
                ..Details::default()
            },
        },
    )
}

fn refuse_entry(conn: &mut Conn, entry: &Entry, turned_away: TurnedAway) -> Result<Entered> {
    let TurnedAway {
        about,
        actor,
        cause,
    } = turned_away;
    // Strangers may come in any number.
    if about.is_none() && !entry.desk.anonymous_failures.admit(entry.now).is_admitted {
        return Ok(refused(entry, cause));
    }
    audit::record(
        conn,
        entry.now,
        NewEvent {
            kind: EventKind::SignInRefused,
            reason: cause.code(),
            actor: &actor,
            user: about
                .as_ref()
                .map(|about| (about.id, about.username.as_str())),
            provider: entry.way.provider(),
            client: &entry.client,
            reference: &entry.reference,
            details: Details {
                failure: cause.detail(),
                ..Details::default()
            },
        },
    )?;
    Ok(refused(entry, cause))
}

fn refused(entry: &Entry, cause: Cause) -> Entered {
    Entered::Refused {
        error: Box::new(SignInError {
            reference: entry.reference.clone(),
            attempt: entry.way.attempt().map(str::to_owned),
            provider: entry.way.provider().to_owned(),
            next: entry.next.clone(),
            is_linking: false,
            step: Step::Account,
            cause,
        }),
    }
}
