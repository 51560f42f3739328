//! The one door: find or create the account, sync it, refuse the inactive, open the session, record
//! the event, in one transaction. The first sign-in and the hundredth take the same path.

use std::sync::Arc;

use crate::audit::{self, Details, EventKind, NewEvent};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::desk::Desk;
use crate::error::{Admission, Cause, Error, Result, SignInError, Step};
use crate::local_path::LocalPath;
use crate::oauth::profile::email_domain;
use crate::oauth::{Permissions, Person, Provider};
use crate::permissions;
use crate::roles;
use crate::secret::{Secret, sha256};
use crate::sessions::{self, Client, NewSession, grant};
use crate::users::{self, NO_PASSWORD_YET, Profile, Role, User};

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
        grant: Box<grant::Sealed>,
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
/// [`crate::error::Error::AttemptUsed`], [`crate::error::Error::Database`]; then nothing is changed.
pub fn enter(conn: &mut Conn, entry: &Entry) -> Result<Entered> {
    let known = match &entry.way {
        Way::Provider {
            provider, person, ..
        } => know_person(conn, entry, provider, person)?,
        Way::Password {
            user_id,
            matched,
            fresh_hash,
        } => know_password(conn, entry.now, *user_id, matched, fresh_hash.as_deref())?,
        Way::RescueLink { user_id, .. } => know_link(conn, entry.now, *user_id)?,
        Way::PasswordLink { user_id, hash, .. } => Ok(know_owner(conn, entry, *user_id, hash)?),
    };
    let known = match known {
        Ok(known) => known,
        Err(turned_away) => return refuse_entry(conn, entry, *turned_away),
    };
    let is_other_person = end_previous(conn, entry, &known)?;
    let no_grant = grant::Sealed::default();
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
            grant: match &entry.way {
                Way::Provider { grant, .. } => grant,
                _ => &no_grant,
            },
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
        is_other_person,
    })
}

/// Finds or creates the account of whom the provider names, and syncs it.
fn know_person(
    conn: &mut Conn,
    entry: &Entry,
    provider: &Provider,
    person: &Person,
) -> Result<Result<Known, Box<TurnedAway>>> {
    let profile = &person.profile;
    let given = match &person.permissions {
        Permissions::Given(given) => Some(given),
        Permissions::NotAsked | Permissions::Failed(_) => None,
    };
    let mut details = Details {
        kept: person
            .kept
            .iter()
            .map(|kept| format!("{} {}", kept.field, kept.problem.code()))
            .collect(),
        permissions_kept: match &person.permissions {
            Permissions::Failed(failure) => Some(failure.cause.code().to_owned()),
            _ => None,
        },
        ..Details::default()
    };
    let turned_away = |about, cause| {
        Ok(Err(Box::new(TurnedAway {
            about,
            actor: profile.username.clone(),
            cause,
        })))
    };

    let mut known = users::find_with_identity(conn, provider.id(), &profile.subject)?;
    let user = known.as_ref().map(|(user, _)| user);
    if let Err(why) = admit(conn, provider, person, user)? {
        return turned_away(user.cloned(), Cause::NotAdmitted(why));
    }
    if known.is_none()
        && let Some(owner) = users::find_by_username(conn, &profile.username)?
    {
        // Either somebody else's name, or this person's own first sign-in in another tab, which
        // has just been committed.
        known = users::find_with_identity(conn, provider.id(), &profile.subject)?;
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
            known = Some((owner, true));
        }
        if known.is_none() {
            let cause = Cause::NameTaken {
                username: profile.username.clone(),
            };
            return turned_away(Some(owner), cause);
        }
    }
    let mut username = profile.username.clone();
    let (user_id, by_now) = if let Some((user, is_first)) = known {
        // One provider says what the person is called: the first that the account knew.
        let said = if is_first {
            profile.clone()
        } else {
            Profile {
                subject: profile.subject.clone(),
                username: user.username.clone(),
                first_name: None,
                email: None,
            }
        };
        let may_rename = said.username == user.username
            || users::find_by_username(conn, &said.username)?.is_none();
        if !may_rename {
            details.kept.push("username taken".to_owned());
        }
        if !may_rename || !is_first {
            username.clone_from(&user.username);
        }
        let is_read = !matches!(person.permissions, Permissions::Failed(_));
        let synced = users::sync(conn, entry.now, &user, &said, may_rename, is_read)?;
        let Some(roles) = synced else {
            let cause = Cause::Inactive {
                username: user.username.clone(),
            };
            return turned_away(Some(user), cause);
        };
        details.changes = users::changes(&user, &said, may_rename)
            .into_iter()
            .map(Into::into)
            .collect();
        (user.id, roles)
    } else {
        details.account_created = true;
        let id = users::create(conn, entry.now, provider.id(), profile, given.is_some())?;
        let roles = users::Roles {
            by_hand: Role::Employee,
            by_permission: Role::Employee,
        };
        (id, roles)
    };
    entry.desk.failpoint.hit("in_transaction");

    if let Some(given) = given {
        let diff = permissions::replace(conn, entry.now, user_id, provider.id(), given)?;
        details.permissions_added = diff.added;
        details.permissions_removed = diff.removed;
    }
    let (now, wanted) = (entry.now, &entry.desk.roles);
    roles::sync_and_note(conn, now, wanted, (user_id, by_now), "", &mut details)?;
    Ok(Ok(Known {
        user_id,
        username,
        details,
    }))
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
    users::link(conn, entry.now, owner.id, provider, subject)?;
    users::clear_password(conn, owner.id)?;
    let ended = sessions::end_all(conn, entry.now, owner.id)?;
    users::note_changes(conn, entry.now, owner.id, "", &["identity"])?;
    details.adopted = true;
    details.identity = Some((provider.to_owned(), subject.to_owned()));
    details.count = (ended > 0).then_some(ended);
    Ok(())
}

/// The account whose password was right a moment ago: still active, with that very password.
fn know_password(
    conn: &mut Conn,
    now: UnixTime,
    user_id: i64,
    matched: &str,
    fresh_hash: Option<&str>,
) -> Result<Result<Known, Box<TurnedAway>>> {
    let user = users::find(conn, user_id)?.ok_or(Error::NotFound)?;
    let noted = users::note_sign_in(conn, now, user_id, Some(matched))?;
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
) -> Result<Result<Known, Box<TurnedAway>>> {
    let user = users::find(conn, user_id)?.ok_or(Error::NotFound)?;
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
fn know_owner(conn: &mut Conn, entry: &Entry, user_id: i64, hash: &str) -> Result<Known> {
    let user = users::find(conn, user_id)?.ok_or(Error::NotFound)?;
    // Deactivated, or chosen in another window, a moment ago.
    if !users::note_sign_in(conn, entry.now, user_id, Some(NO_PASSWORD_YET))? {
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
    Ok(previous_user.id != known.user_id)
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
