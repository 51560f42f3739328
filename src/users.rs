//! Accounts, and who they are to a provider.
//!
//! A person is (provider, subject). `username` is unique but is not the key: an unknown pair never
//! takes over an account that it did not create.

pub mod confirmation_password;
mod field_changes;
mod identity;
mod kept_permissions;
mod list;
mod password;
pub mod provider_keys;
pub mod refusals;
pub mod reserved;
mod role;
mod search;
pub mod search_index;
mod sync;
pub mod unexplained_refusals;

use diesel::prelude::*;

pub use field_changes::{
    Field, FieldChange, LastChange, Leaver, changes_of, named_since, note_changes,
};
pub use identity::{
    Identity, Standing, find_by_identity, find_with_standing, identities_at, identities_of, link,
    lock_with_standing, note_asked, note_known, note_permissions_first_read, note_sync, overtake,
    unlink,
};
pub use kept_permissions::{Kept, PermissionsAnswer, kept_permissions_of, note_permissions_kept};
pub use list::{
    Column, Filter, LastLogin, Order, Source, UserQuery, has_role, list, total, total_of_many,
};
pub use password::{
    NO_PASSWORD_YET, NewLocal, clear_password, create_local, find_with_password, has_password,
    may_use_password, note_sign_in, password_hash, replace_password, set_password,
};
pub use role::{
    Role, Roles, has_other_superuser, set_role_by_hand, set_role_by_permission,
    with_role_by_permission,
};
pub use sync::{Occasion, Profile, changes, note_permissions_read, sync};

use identity::{Place, insert_identity};
use role::roles_of;

use crate::clock::UnixTime;
use crate::db::Conn;
use crate::db::schema::{identities, users};
use crate::error::Result;
use crate::id::{UserId, new_id};

/// The length limits are in characters, like the columns of Django's user model.
pub const MAX_USERNAME: usize = 150;
pub const MAX_FIRST_NAME: usize = 150;
pub const MAX_EMAIL: usize = 254;
pub const MAX_SUBJECT: usize = 255;

/// One account. The password hash stays in the database.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = users)]
#[expect(clippy::struct_excessive_bools, reason = "the row as it is stored")]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub first_name: String,
    pub email: String,
    pub is_active: bool,
    /// The role given by hand; [`User::role`] is the one that counts.
    is_staff: bool,
    is_superuser: bool,
    is_staff_by_permission: bool,
    is_superuser_by_permission: bool,
    date_joined: i64,
    last_login: Option<i64>,
    synced_at: Option<i64>,
    permissions_synced_at: Option<i64>,
    imported_at: Option<i64>,
    erased_at: Option<i64>,
}

/// The columns that make a [`User`], read from `users u`.
pub const COLUMNS: &str = "u.id, u.username, u.first_name, u.email, u.is_active, u.is_staff, u.is_superuser, u.is_staff_by_permission, u.is_superuser_by_permission, u.date_joined, u.last_login, u.synced_at, u.permissions_synced_at, u.imported_at, u.erased_at";

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    id: i64,
}

impl User {
    pub const fn roles(&self) -> Roles {
        roles_of((
            self.is_staff,
            self.is_superuser,
            self.is_staff_by_permission,
            self.is_superuser_by_permission,
        ))
    }

    /// The role that counts.
    pub fn role(&self) -> Role {
        let roles = self.roles();
        roles.by_hand.max(roles.by_permission)
    }

    /// The name to show: the first name where there is one.
    pub fn display_name(&self) -> &str {
        if self.first_name.trim().is_empty() {
            &self.username
        } else {
            &self.first_name
        }
    }

    pub const fn date_joined(&self) -> UnixTime {
        UnixTime(self.date_joined)
    }

    pub fn last_login(&self) -> Option<UnixTime> {
        self.last_login.map(UnixTime)
    }

    /// When the person last signed in through a provider; `None` for a local account.
    pub fn synced_at(&self) -> Option<UnixTime> {
        self.synced_at.map(UnixTime)
    }

    /// When the account was imported from another system, if no one has signed in to it through a
    /// provider since.
    pub fn imported_at(&self) -> Option<UnixTime> {
        self.imported_at.map(UnixTime)
    }

    /// When the account's personal data was erased, if it was.
    pub fn erased_at(&self) -> Option<UnixTime> {
        self.erased_at.map(UnixTime)
    }

    /// When a provider's permissions were last read.
    pub fn permissions_synced_at(&self) -> Option<UnixTime> {
        self.permissions_synced_at.map(UnixTime)
    }

    /// Returns whether the last sign-in could not read the permissions and kept the earlier ones.
    /// `asked` says whether permissions are asked for at all.
    pub fn has_stale_permissions(&self, asked: bool) -> bool {
        asked && self.synced_at.is_some() && self.permissions_synced_at < self.synced_at
    }
}

pub fn find(conn: &mut Conn, id: UserId) -> Result<Option<User>> {
    Ok(users::table
        .find(id)
        .select(User::as_select())
        .first(conn)
        .optional()?)
}

/// Finds the accounts with these ids, newest first.
pub fn find_all(conn: &mut Conn, ids: &[UserId]) -> Result<Vec<User>> {
    Ok(users::table
        .filter(users::id.eq_any(ids))
        .order(users::id.desc())
        .select(User::as_select())
        .load(conn)?)
}

pub fn find_by_username(conn: &mut Conn, username: &str) -> Result<Option<User>> {
    Ok(users::table
        .filter(users::username.eq(username))
        .select(User::as_select())
        .first(conn)
        .optional()?)
}

#[derive(Insertable)]
#[diesel(table_name = users)]
#[expect(clippy::struct_excessive_bools, reason = "the row as it is stored")]
struct NewUser<'a> {
    id: UserId,
    username: &'a str,
    first_name: &'a str,
    email: &'a str,
    password: Option<&'a str>,
    is_active: bool,
    is_staff: bool,
    is_superuser: bool,
    is_staff_by_permission: bool,
    is_superuser_by_permission: bool,
    date_joined: i64,
    last_login: Option<i64>,
    synced_at: Option<i64>,
    permissions_synced_at: Option<i64>,
    is_searchable: bool,
}

/// Creates an active account with its identity, an unusable password and no role.
pub fn create(
    conn: &mut Conn,
    now: UnixTime,
    provider: &str,
    profile: &Profile,
    permissions_read_at: Option<UnixTime>,
    asked_at: UnixTime,
) -> Result<UserId> {
    let id = new_id(now);
    diesel::insert_into(users::table)
        .values(NewUser {
            id,
            username: &profile.username,
            first_name: profile.first_name.as_deref().unwrap_or_default(),
            email: profile.email.as_deref().unwrap_or_default(),
            password: None,
            is_active: true,
            is_staff: false,
            is_superuser: false,
            is_staff_by_permission: false,
            is_superuser_by_permission: false,
            date_joined: now.0,
            last_login: Some(now.0),
            synced_at: Some(now.0),
            permissions_synced_at: permissions_read_at.map(|at| at.0),
            is_searchable: true,
        })
        .execute(conn)?;
    search_index::insert(
        conn,
        id,
        &profile.username,
        profile.first_name.as_deref().unwrap_or_default(),
        profile.email.as_deref().unwrap_or_default(),
    )?;
    let identity = (provider, profile.subject.as_str());
    insert_identity(conn, now, id, identity, Place::First, asked_at)?;
    Ok(id)
}

/// Locks the account's row for this transaction, and returns the account as it is now. Anything
/// else that was read about it before must be read again.
pub fn lock(conn: &mut Conn, user_id: UserId) -> Result<Option<User>> {
    match conn {
        // SQLite has one writer at a time anyway.
        Conn::Sqlite(_) => find(conn, user_id),
        Conn::Postgres(conn) => Ok(users::table
            .find(user_id)
            .select(User::as_select())
            .for_no_key_update()
            .first(conn)
            .optional()?),
    }
}

/// Keeps an account's row unchanged until this transaction ends. Other transactions may do the
/// same.
pub fn lock_row_shared(conn: &mut Conn, user_id: UserId) -> Result<()> {
    if let Conn::Postgres(conn) = conn {
        users::table
            .find(user_id)
            .select(users::id)
            .for_share()
            .first::<UserId>(conn)
            .optional()?;
    }
    Ok(())
}

/// Like [`lock`], for callers that do not need the account itself.
pub fn lock_row(conn: &mut Conn, user_id: UserId) -> Result<()> {
    if let Conn::Postgres(conn) = conn {
        users::table
            .find(user_id)
            .select(users::id)
            .for_no_key_update()
            .first::<UserId>(conn)
            .optional()?;
    }
    Ok(())
}

pub fn set_active(conn: &mut Conn, user_id: UserId, is_active: bool) -> Result<()> {
    diesel::update(users::table.find(user_id))
        .set(users::is_active.eq(is_active))
        .execute(conn)?;
    Ok(())
}

/// Erases an account's personal data. Only its id and its times remain, and it can no longer be
/// found or signed in to.
pub fn erase(conn: &mut Conn, now: UnixTime, leaver: &Leaver<'_>) -> Result<()> {
    let (user_id, alias) = (leaver.id, leaver.alias);
    diesel::delete(identities::table.filter(identities::user_id.eq(user_id))).execute(conn)?;
    let no_role = (
        users::is_staff.eq(false),
        users::is_superuser.eq(false),
        users::is_staff_by_permission.eq(false),
        users::is_superuser_by_permission.eq(false),
    );
    diesel::update(users::table.find(user_id))
        .set((
            users::username.eq(alias),
            users::first_name.eq(""),
            users::email.eq(""),
            users::password.eq(None::<&str>),
            users::confirmation_password.eq(None::<&str>),
            users::is_active.eq(false),
            users::synced_at.eq(None::<i64>),
            users::permissions_synced_at.eq(None::<i64>),
            users::erased_at.eq(Some(now.0)),
            no_role,
        ))
        .execute(conn)?;
    field_changes::forget(conn, leaver)?;
    search_index::write(conn, user_id, alias, "", "")
}
