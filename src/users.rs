//! Accounts, and who they are to a provider.
//!
//! A person is (provider, subject). `username` is unique but is not the key: an unknown pair
//! never takes over an account that it did not create.

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::db::schema::{identities, users};
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::new_id;
use crate::paging::{Listing, Page};

/// In characters, as the columns of Django's user model.
pub const MAX_USERNAME: usize = 150;
pub const MAX_FIRST_NAME: usize = 150;
pub const MAX_EMAIL: usize = 254;
pub const MAX_SUBJECT: usize = 255;

/// One account. The password hash stays in the database.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users)]
#[expect(clippy::struct_excessive_bools, reason = "the row as it is stored")]
pub struct User {
    pub id: i64,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Employee,
    Staff,
    Superuser,
}

/// The two sources of a role; the higher one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    pub by_hand: Role,
    pub by_permission: Role,
}

impl Role {
    const fn from_flags(is_staff: bool, is_superuser: bool) -> Self {
        match (is_staff, is_superuser) {
            (_, true) => Self::Superuser,
            (true, false) => Self::Staff,
            (false, false) => Self::Employee,
        }
    }

    /// `is_staff`, `is_superuser`. A superuser is staff too.
    const fn flags(self) -> (bool, bool) {
        match self {
            Self::Employee => (false, false),
            Self::Staff => (true, false),
            Self::Superuser => (true, true),
        }
    }

    /// As the audit trail writes it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Employee => "employee",
            Self::Staff => "staff",
            Self::Superuser => "superuser",
        }
    }
}

impl User {
    #[must_use]
    pub const fn roles(&self) -> Roles {
        roles_of((
            self.is_staff,
            self.is_superuser,
            self.is_staff_by_permission,
            self.is_superuser_by_permission,
        ))
    }

    /// The role that counts.
    #[must_use]
    pub fn role(&self) -> Role {
        let roles = self.roles();
        roles.by_hand.max(roles.by_permission)
    }

    /// The name to show: the first name where there is one.
    #[must_use]
    pub fn display_name(&self) -> &str {
        if self.first_name.trim().is_empty() {
            &self.username
        } else {
            &self.first_name
        }
    }

    #[must_use]
    pub const fn date_joined(&self) -> UnixTime {
        UnixTime(self.date_joined)
    }

    #[must_use]
    pub fn last_login(&self) -> Option<UnixTime> {
        self.last_login.map(UnixTime)
    }

    /// The last sign-in through a provider; `None` for a local account.
    #[must_use]
    pub fn synced_at(&self) -> Option<UnixTime> {
        self.synced_at.map(UnixTime)
    }

    /// Whether the last sign-in could not read the permissions and kept the ones from before.
    /// `asked` is whether permissions are asked for at all.
    #[must_use]
    pub fn has_stale_permissions(&self, asked: bool) -> bool {
        asked && self.synced_at.is_some() && self.permissions_synced_at < self.synced_at
    }
}

/// # Errors
/// [`crate::error::DatabaseError`], here and below.
pub fn find(conn: &mut Conn, id: i64) -> Result<Option<User>> {
    Ok(users::table
        .find(id)
        .select(User::as_select())
        .first(conn)
        .optional()?)
}

pub fn find_by_username(conn: &mut Conn, username: &str) -> Result<Option<User>> {
    Ok(users::table
        .filter(users::username.eq(username))
        .select(User::as_select())
        .first(conn)
        .optional()?)
}

pub fn find_by_identity(conn: &mut Conn, provider: &str, subject: &str) -> Result<Option<User>> {
    Ok(identities::table
        .inner_join(users::table)
        .filter(identities::provider.eq(provider))
        .filter(identities::subject.eq(subject))
        .select(User::as_select())
        .first(conn)
        .optional()?)
}

/// (provider, subject) of an account, at most a few.
pub fn identities_of(conn: &mut Conn, user_id: i64) -> Result<Vec<(String, String)>> {
    Ok(identities::table
        .filter(identities::user_id.eq(user_id))
        .order((identities::provider, identities::subject))
        .limit(20)
        .select((identities::provider, identities::subject))
        .load(conn)?)
}

/// Newest account first.
pub fn list(conn: &mut Conn, page: Page) -> Result<Listing<User>> {
    let limit = Listing::<User>::limit();
    let all = users::table.select(User::as_select()).limit(limit);
    let rows = match page {
        Page::First => all.order(users::id.desc()).load(conn)?,
        Page::After(id) => all
            .filter(users::id.lt(id))
            .order(users::id.desc())
            .load(conn)?,
        Page::Before(id) => all
            .filter(users::id.gt(id))
            .order(users::id.asc())
            .load(conn)?,
    };
    Ok(Listing::from_rows(page, rows))
}

/// How many accounts there are, counted no further than `cap`.
pub fn count_up_to(conn: &mut Conn, cap: i64) -> Result<usize> {
    let ids: Vec<i64> = users::table
        .select(users::id)
        .order(users::id)
        .limit(cap)
        .load(conn)?;
    Ok(ids.len())
}

/// What a provider says of a person at a sign-in. `None` keeps what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub subject: String,
    pub username: String,
    pub first_name: Option<String>,
    pub email: Option<String>,
}

/// A field that a sign-in changed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    pub field: &'static str,
    pub from: String,
    pub to: String,
}

#[derive(Insertable)]
#[diesel(table_name = users)]
#[expect(clippy::struct_excessive_bools, reason = "the row as it is stored")]
struct NewUser<'a> {
    id: i64,
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
}

/// A new account with an unusable password, and its identity. Active; without any role.
pub fn create(
    conn: &mut Conn,
    now: UnixTime,
    provider: &str,
    profile: &Profile,
    has_permissions: bool,
) -> Result<i64> {
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
            permissions_synced_at: has_permissions.then_some(now.0),
        })
        .execute(conn)?;
    diesel::insert_into(identities::table)
        .values((
            identities::provider.eq(provider),
            identities::subject.eq(&profile.subject),
            identities::user_id.eq(id),
            identities::created_at.eq(now.0),
        ))
        .execute(conn)?;
    Ok(id)
}

/// A local superuser with a password.
pub fn create_superuser(
    conn: &mut Conn,
    now: UnixTime,
    username: &str,
    email: &str,
    password_hash: &str,
) -> Result<i64> {
    let id = new_id(now);
    diesel::insert_into(users::table)
        .values(NewUser {
            id,
            username,
            first_name: "",
            email,
            password: Some(password_hash),
            is_active: true,
            is_staff: true,
            is_superuser: true,
            is_staff_by_permission: false,
            is_superuser_by_permission: false,
            date_joined: now.0,
            last_login: None,
            synced_at: None,
            permissions_synced_at: None,
        })
        .execute(conn)?;
    Ok(id)
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct SyncedFields<'a> {
    username: Option<&'a str>,
    first_name: Option<&'a str>,
    email: Option<&'a str>,
    last_login: i64,
    synced_at: i64,
    permissions_synced_at: Option<i64>,
}

/// The flags that [`Roles`] are made of.
type Flags = (bool, bool, bool, bool);
const FLAGS: (
    users::is_staff,
    users::is_superuser,
    users::is_staff_by_permission,
    users::is_superuser_by_permission,
) = (
    users::is_staff,
    users::is_superuser,
    users::is_staff_by_permission,
    users::is_superuser_by_permission,
);

const fn roles_of(flags: Flags) -> Roles {
    Roles {
        by_hand: Role::from_flags(flags.0, flags.1),
        by_permission: Role::from_flags(flags.2, flags.3),
    }
}

/// Takes the account's row for this transaction, so that nobody else changes it meanwhile.
pub fn lock(conn: &mut Conn, user_id: i64) -> Result<Roles> {
    let flags: Flags = diesel::update(users::table.find(user_id))
        .set(users::is_active.eq(users::is_active))
        .returning(FLAGS)
        .get_result(conn)?;
    Ok(roles_of(flags))
}

/// Overwrites what the provider gave and takes the account's row for this transaction; the roles
/// as they are now. `None`, and nothing written, when the account is not active: a sync never
/// changes that.
pub fn sync(
    conn: &mut Conn,
    now: UnixTime,
    user: &User,
    profile: &Profile,
    may_rename: bool,
    has_permissions: bool,
) -> Result<Option<Roles>> {
    let active = users::table
        .filter(users::id.eq(user.id))
        .filter(users::is_active.eq(true));
    let flags: Option<Flags> = diesel::update(active)
        .set(SyncedFields {
            username: (may_rename && profile.username != user.username)
                .then_some(profile.username.as_str()),
            first_name: profile.first_name.as_deref(),
            email: profile.email.as_deref(),
            last_login: now.0,
            synced_at: now.0,
            permissions_synced_at: has_permissions.then_some(now.0),
        })
        .returning(FLAGS)
        .get_result(conn)
        .optional()?;
    Ok(flags.map(roles_of))
}

/// What [`sync`] changes in `user`.
#[must_use]
pub fn changes(user: &User, profile: &Profile, may_rename: bool) -> Vec<Change> {
    let username = may_rename.then_some(&profile.username);
    [
        ("username", &user.username, username),
        ("first_name", &user.first_name, profile.first_name.as_ref()),
        ("email", &user.email, profile.email.as_ref()),
    ]
    .into_iter()
    .filter_map(|(field, from, to)| {
        let to = to.filter(|to| *to != from)?;
        Some(Change {
            field,
            from: from.clone(),
            to: to.clone(),
        })
    })
    .collect()
}

pub fn set_role_by_permission(conn: &mut Conn, user_id: i64, role: Role) -> Result<()> {
    let (is_staff, is_superuser) = role.flags();
    diesel::update(users::table.find(user_id))
        .set((
            users::is_staff_by_permission.eq(is_staff),
            users::is_superuser_by_permission.eq(is_superuser),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn set_role_by_hand(conn: &mut Conn, user_id: i64, role: Role) -> Result<()> {
    let (is_staff, is_superuser) = role.flags();
    diesel::update(users::table.find(user_id))
        .set((
            users::is_staff.eq(is_staff),
            users::is_superuser.eq(is_superuser),
        ))
        .execute(conn)?;
    Ok(())
}

/// The account of a username with its password's hash, where it has one.
pub fn find_with_password(
    conn: &mut Conn,
    username: &str,
) -> Result<Option<(User, Option<String>)>> {
    Ok(users::table
        .filter(users::username.eq(username))
        .select((User::as_select(), users::password))
        .first(conn)
        .optional()?)
}

/// Notes a sign-in without a provider, and takes the account's row for this transaction. `false`,
/// and nothing written, when the account is not active, or its password's hash is not `matched`.
pub fn note_sign_in(
    conn: &mut Conn,
    now: UnixTime,
    user_id: i64,
    matched: Option<&str>,
) -> Result<bool> {
    let active = users::table
        .filter(users::id.eq(user_id))
        .filter(users::is_active.eq(true));
    let change = users::last_login.eq(now.0);
    let noted = match matched {
        Some(hash) => diesel::update(active.filter(users::password.eq(hash)))
            .set(change)
            .execute(conn)?,
        None => diesel::update(active).set(change).execute(conn)?,
    };
    Ok(noted == 1)
}

/// Replaces a password whose hash is `matched`. `false`, and nothing written, when it has another.
pub fn replace_password(
    conn: &mut Conn,
    user_id: i64,
    matched: &str,
    password_hash: &str,
) -> Result<bool> {
    let changed = diesel::update(
        users::table
            .filter(users::id.eq(user_id))
            .filter(users::password.eq(matched)),
    )
    .set(users::password.eq(Some(password_hash)))
    .execute(conn)?;
    Ok(changed == 1)
}

pub fn set_password(conn: &mut Conn, user_id: i64, password_hash: &str) -> Result<()> {
    diesel::update(users::table.find(user_id))
        .set(users::password.eq(Some(password_hash)))
        .execute(conn)?;
    Ok(())
}

/// The hash of an account's local password, where it has one.
pub fn password_hash(conn: &mut Conn, user_id: i64) -> Result<Option<String>> {
    let found: Option<Option<String>> = each!(conn, |conn| users::table
        .find(user_id)
        .select(users::password)
        .first(conn)
        .optional())?;
    Ok(found.flatten())
}

/// Whether the account has a local password.
pub fn has_password(conn: &mut Conn, user_id: i64) -> Result<bool> {
    Ok(password_hash(conn, user_id)?.is_some())
}

/// Whether an active superuser other than this one would remain. Take
/// [`crate::db::lock_superusers`] first.
pub fn has_other_superuser(conn: &mut Conn, user_id: i64) -> Result<bool> {
    let other: Option<i64> = users::table
        .filter(users::id.ne(user_id))
        .filter(users::is_active.eq(true))
        .filter(
            users::is_superuser
                .eq(true)
                .or(users::is_superuser_by_permission.eq(true)),
        )
        .select(users::id)
        .first(conn)
        .optional()?;
    Ok(other.is_some())
}
