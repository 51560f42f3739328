//! Bringing an account in line with its provider: names, permissions and the role that follows from
//! them. Sign-ins, linking and re-checks all use it.

use crate::audit::{Actor, Changes};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::Result;
use crate::id::UserId;
use crate::oauth::Permissions;
use crate::oauth::mapping::RejectedField;
use crate::permissions;
use crate::portal::Portal;
use crate::roles;
use crate::sessions::{self, Closing};
use crate::users::{self, Identity, Occasion, PermissionsAnswer, Profile, Roles, User};

/// A provider's answer, and the account it is about. The account's row must be locked.
pub struct Sync<'a> {
    pub user: &'a User,
    pub identity: &'a Identity,
    /// The provider vouches for its people's names.
    pub gives_names: bool,
    pub profile: Profile,
    pub permissions: &'a Permissions,
    /// The answers that the permissions came from: codes, separated by spaces.
    pub permissions_from: &'a str,
    pub occasion: Occasion,
    /// The time just before the provider was asked.
    pub asked_at: UnixTime,
}

/// Returns the parts of a provider's answer that could not be taken over.
pub fn not_taken_over(rejected: &[RejectedField], permissions: &Permissions) -> Changes {
    Changes {
        rejected: rejected
            .iter()
            .map(|rejected| format!("{} {}", rejected.field, rejected.problem.code()))
            .collect(),
        permissions_kept: match permissions {
            Permissions::Failed(failure) => Some(failure.cause.reason()),
            Permissions::Given(_) | Permissions::NotAsked => None,
        },
        ..Changes::default()
    }
}

/// Returns how the request for permissions was answered.
pub const fn answer_of(permissions: &Permissions) -> PermissionsAnswer {
    match permissions {
        Permissions::Failed(_) => PermissionsAnswer::Failed,
        Permissions::Given(_) | Permissions::NotAsked => PermissionsAnswer::Read,
    }
}

/// A profile that changes nothing.
fn nothing_of(user: &User) -> Profile {
    Profile {
        subject: String::new(),
        username: user.username.clone(),
        first_name: None,
        email: None,
    }
}

/// What the account is called from now on, and its address. Values that are not taken over are
/// added to `rejected`.
fn names_of(conn: &mut Conn, sync: &Sync<'_>, rejected: &mut Vec<String>) -> Result<Profile> {
    let user = sync.user;
    // Names follow only one provider: the first that the account knew.
    if !sync.identity.is_first {
        return Ok(nothing_of(user));
    }
    let mut said = sync.profile.clone();
    if !sync.gives_names {
        said.username.clone_from(&user.username);
    }
    // People whose names are reserved now keep them, but no one is given one.
    let why = if said.username == user.username {
        return Ok(said);
    } else if users::reserved::is_reserved(&said.username) {
        "username reserved"
    } else if users::find_by_username(conn, &said.username)?.is_some() {
        "username taken"
    } else {
        return Ok(said);
    };
    rejected.push(why.to_owned());
    said.username.clone_from(&user.username);
    Ok(said)
}

/// Writes what differs, and adds it to `changes`. Returns the account's username from now on.
/// Returns `None` and writes nothing if the account is not active.
///
/// Answers asked for before the last sync are dropped: otherwise a permission that was taken in
/// between would come back.
pub fn sync(
    conn: &mut Conn,
    portal: &Portal,
    now: UnixTime,
    sync: &Sync<'_>,
    changes: &mut Changes,
) -> Result<Option<String>> {
    let Sync { user, identity, .. } = sync;
    if !user.is_active {
        return Ok(None);
    }
    let is_overtaken = identity.is_overtaken(sync.asked_at, now);
    let (said, permissions) = if is_overtaken {
        (nothing_of(user), &Permissions::NotAsked)
    } else {
        (
            names_of(conn, sync, &mut changes.rejected)?,
            sync.permissions,
        )
    };
    let answer = answer_of(sync.permissions);
    let read_at = (answer == PermissionsAnswer::Read).then_some(now);
    let Some(roles) = users::sync(conn, now, user, &said, read_at, sync.occasion)? else {
        return Ok(None);
    };
    let kept_since = identity.permissions_kept_since();
    if !is_overtaken {
        let last_read = user.permissions_synced_at().max(identity.answered_at());
        let identity = (identity.provider.as_str(), identity.subject.as_str());
        users::note_permissions_kept(conn, now, identity, kept_since, last_read, answer)?;
    }
    let is_given = matches!(permissions, Permissions::Given(_));
    let from = is_given.then_some(sync.permissions_from);
    if is_given && !identity.has_permissions_read() {
        users::note_permissions_first_read(conn, now, user.id, &identity.provider)?;
    }
    users::note_sync(conn, now, identity, sync.asked_at, from)?;
    if sync.occasion == Occasion::Recheck
        && answer == PermissionsAnswer::Read
        && kept_since.is_some()
    {
        users::note_permissions_read(conn, now, user.id)?;
    }
    changes.fields = users::changes(user, &said);
    let (from, person) = (&identity.provider, (user.id, roles));
    take_over(conn, portal, now, from, person, permissions, changes)?;
    Ok(Some(said.username))
}

/// Replaces what a provider gave an account, if it told, and gives the account the role that now
/// follows from all its permissions. Adds both to `changes`.
pub fn take_over(
    conn: &mut Conn,
    portal: &Portal,
    now: UnixTime,
    provider: &str,
    (user_id, roles): (UserId, Roles),
    permissions: &Permissions,
    changes: &mut Changes,
) -> Result<()> {
    if let Permissions::Given(given) = permissions {
        changes.permissions = permissions::replace(conn, now, user_id, provider, given)?;
        if !changes.permissions.removed.is_empty() {
            sessions::close(conn, now, user_id, Closing::Rights)?;
        }
    }
    let known = (user_id, roles);
    roles::sync_and_note(conn, now, &portal.roles, known, Actor::Provider, changes)
}
