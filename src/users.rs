//! Accounts, and who they are to a provider.
//!
//! A person is (provider, subject). `username` is unique but is not the key: an unknown pair never
//! takes over an account that it did not create.

pub mod confirmation;
mod fields;
mod identity;
mod kept_permissions;
pub mod keys;
mod list;
pub mod refusals;
pub mod reserved;
mod search;
pub mod terms;
pub mod unnamed_refusals;

use diesel::backend::Backend;
use diesel::expression::ValidGrouping;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;
use strum::{EnumString, IntoStaticStr, VariantArray};

pub use fields::{Field, FieldChange, LastChange, Leaver, changes_of, named_since, note_changes};
pub use identity::{Identity, identity_of, note_asked, note_known, note_sync, overtake};
pub use kept_permissions::{Answer, Kept, kept_permissions_of, note_permissions_kept};
pub use list::{Column, Filter, LastLogin, Order, Source, Wanted, list, total, total_of_many};

use crate::audit::Actor;
use crate::clock::UnixTime;
use crate::code::coded;
use crate::config::PasswordLogin;
use crate::db::schema::{identities, users};
use crate::db::{Conn, Prepared, Sql, each};
use crate::error::Result;
use crate::failpoint::hit_about;
use crate::id::new_id;

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
    imported_at: Option<i64>,
    erased_at: Option<i64>,
}

/// The columns that make a [`User`], read from `users u`.
const COLUMNS: &str = "u.id, u.username, u.first_name, u.email, u.is_active, u.is_staff, u.is_superuser, u.is_staff_by_permission, u.is_superuser_by_permission, u.date_joined, u.last_login, u.synced_at, u.permissions_synced_at, u.imported_at, u.erased_at";

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    id: i64,
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
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

    /// Returns `is_staff` and `is_superuser`. An admin has both.
    const fn flags(self) -> (bool, bool) {
        match self {
            Self::Employee => (false, false),
            Self::Staff => (true, false),
            Self::Superuser => (true, true),
        }
    }
}

coded!(Role);

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

    /// When the person last signed in through a provider; `None` for a local account.
    #[must_use]
    pub fn synced_at(&self) -> Option<UnixTime> {
        self.synced_at.map(UnixTime)
    }

    /// When the account was imported from another system, if no one has signed in to it through a
    /// provider since.
    #[must_use]
    pub fn imported_at(&self) -> Option<UnixTime> {
        self.imported_at.map(UnixTime)
    }

    /// When the account's personal data was erased, if it was.
    #[must_use]
    pub fn erased_at(&self) -> Option<UnixTime> {
        self.erased_at.map(UnixTime)
    }

    /// When a provider's permissions were last read.
    #[must_use]
    pub fn permissions_synced_at(&self) -> Option<UnixTime> {
        self.permissions_synced_at.map(UnixTime)
    }

    /// Returns whether the last sign-in could not read the permissions and kept the earlier ones.
    /// `asked` says whether permissions are asked for at all.
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

/// Finds the accounts with these ids, newest first.
pub fn find_all(conn: &mut Conn, ids: &[i64]) -> Result<Vec<User>> {
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

pub fn find_by_identity(conn: &mut Conn, provider: &str, subject: &str) -> Result<Option<User>> {
    Ok(find_with_identity(conn, provider, subject)?.map(|(user, _)| user))
}

/// An identity, and whether its account has others.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Standing {
    pub identity: Identity,
    /// The account also has identities of other providers.
    pub has_others: bool,
}

/// Selects whether the account of a row of `identities` has others, of other providers. Every
/// sign-in runs this, and unlike a query with an alias it is not rebuilt each time.
#[derive(Clone, Copy, Debug, QueryId, ValidGrouping)]
struct HasOthers;

impl Expression for HasOthers {
    type SqlType = Bool;
}

impl<QS> AppearsOnTable<QS> for HasOthers {}

impl<QS> SelectableExpression<QS> for HasOthers {}

impl<DB: Backend> QueryFragment<DB> for HasOthers {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(
            "EXISTS (SELECT 1 FROM identities others WHERE others.user_id = identities.user_id AND others.provider <> identities.provider)",
        );
        Ok(())
    }
}

/// Finds the account of an identity, and the identity's [`Standing`].
pub fn find_with_identity(
    conn: &mut Conn,
    provider: &str,
    subject: &str,
) -> Result<Option<(User, Standing)>> {
    Ok(each!(conn, |conn| identities::table
        .inner_join(users::table)
        .filter(identities::provider.eq(provider))
        .filter(identities::subject.eq(subject))
        .select((User::as_select(), (Identity::as_select(), HasOthers)))
        .first(conn)
        .optional())?)
}

/// Like [`find_with_identity`], but locks the account's row: the result holds until the transaction
/// ends.
pub fn lock_with_identity(
    conn: &mut Conn,
    provider: &str,
    subject: &str,
) -> Result<Option<(User, Standing)>> {
    let mut found = find_with_identity(conn, provider, subject)?;
    if let Conn::Sqlite(_) = conn {
        return Ok(found);
    }
    while let Some((user, _)) = found {
        hit_about("identity_read", subject);
        take_row(conn, user.id)?;
        // While we waited for the row, the identity may have been unlinked or moved to another
        // account.
        found = find_with_identity(conn, provider, subject)?;
        if found.as_ref().is_none_or(|(now, _)| now.id == user.id) {
            break;
        }
    }
    Ok(found)
}

/// Lists an account's identities as (provider, subject). There are never more than a few.
pub fn identities_of(conn: &mut Conn, user_id: i64) -> Result<Vec<(String, String)>> {
    Ok(identities::table
        .filter(identities::user_id.eq(user_id))
        .order((identities::provider, identities::subject))
        .limit(20)
        .select((identities::provider, identities::subject))
        .load(conn)?)
}

/// A provider's description of a person at a sign-in. `None` keeps what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub subject: String,
    pub username: String,
    pub first_name: Option<String>,
    pub email: Option<String>,
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
            permissions_synced_at: permissions_read_at.map(|at| at.0),
            is_searchable: true,
        })
        .execute(conn)?;
    terms::insert(
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

/// Links an identity, (provider, subject), to an account. Answers asked for before `asked_at` are
/// no longer synced.
pub fn link(
    conn: &mut Conn,
    now: UnixTime,
    user_id: i64,
    identity: (&str, &str),
    asked_at: UnixTime,
) -> Result<()> {
    let other: Option<i64> = identities::table
        .filter(identities::user_id.eq(user_id))
        .select(identities::created_at)
        .first(conn)
        .optional()?;
    let place = other.map_or(Place::First, |_| Place::Further);
    insert_identity(conn, now, user_id, identity, place, asked_at)?;
    // Only one person can adopt an imported account, once.
    diesel::update(users::table.find(user_id))
        .set(users::imported_at.eq(None::<i64>))
        .execute(conn)?;
    Ok(())
}

/// The place of an identity among those of its account: names follow the first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Further,
}

fn insert_identity(
    conn: &mut Conn,
    now: UnixTime,
    user_id: i64,
    (provider, subject): (&str, &str),
    place: Place,
    asked_at: UnixTime,
) -> Result<()> {
    diesel::insert_into(identities::table)
        .values((
            identities::provider.eq(provider),
            identities::subject.eq(subject),
            identities::user_id.eq(user_id),
            identities::created_at.eq(now.0),
            identities::is_first.eq(place == Place::First),
            identities::sync_number.eq(asked_at.0),
        ))
        .execute(conn)?;
    Ok(())
}

/// Removes an identity from an account, and returns whether the account had it. An account without
/// identities is a local one.
pub fn unlink(conn: &mut Conn, user_id: i64, provider: &str, subject: &str) -> Result<bool> {
    let removed = diesel::delete(
        identities::table
            .filter(identities::provider.eq(provider))
            .filter(identities::subject.eq(subject))
            .filter(identities::user_id.eq(user_id)),
    )
    .execute(conn)?;
    if removed == 0 {
        return Ok(false);
    }
    if let Some((provider, subject)) = oldest_identity(conn, user_id)? {
        // The names now follow the remaining identity.
        diesel::update(identities::table.find((provider, subject)))
            .set(identities::is_first.eq(true))
            .execute(conn)?;
    } else {
        diesel::update(users::table.find(user_id))
            .set((
                users::synced_at.eq(None::<i64>),
                users::permissions_synced_at.eq(None::<i64>),
            ))
            .execute(conn)?;
    }
    Ok(true)
}

fn oldest_identity(conn: &mut Conn, user_id: i64) -> Result<Option<(String, String)>> {
    Ok(identities::table
        .filter(identities::user_id.eq(user_id))
        .order((identities::created_at, identities::provider))
        .select((identities::provider, identities::subject))
        .first(conn)
        .optional()?)
}

/// An account made by hand.
pub struct NewLocal<'a> {
    pub username: &'a str,
    pub first_name: &'a str,
    pub email: &'a str,
    /// [`NO_PASSWORD_YET`] if the owner has yet to choose one.
    pub password_hash: &'a str,
    pub role: Role,
}

/// Returns whether a person with this role may use a local password.
#[must_use]
pub fn may_use_password(allowed: PasswordLogin, role: Role) -> bool {
    match allowed {
        PasswordLogin::On => true,
        PasswordLogin::Superusers => role == Role::Superuser,
        PasswordLogin::Off => false,
    }
}

/// The stored password of a local account before one has been set. Nothing matches it.
pub const NO_PASSWORD_YET: &str = "!";

pub fn create_local(conn: &mut Conn, now: UnixTime, new: &NewLocal<'_>) -> Result<i64> {
    let NewLocal {
        username,
        first_name,
        email,
        password_hash,
        role,
    } = *new;
    let (is_staff, is_superuser) = role.flags();
    let id = new_id(now);
    diesel::insert_into(users::table)
        .values(NewUser {
            id,
            username,
            first_name,
            email,
            password: Some(password_hash),
            is_active: true,
            is_staff,
            is_superuser,
            is_staff_by_permission: false,
            is_superuser_by_permission: false,
            date_joined: now.0,
            last_login: None,
            synced_at: None,
            permissions_synced_at: None,
            is_searchable: true,
        })
        .execute(conn)?;
    terms::insert(conn, id, username, first_name, email)?;
    Ok(id)
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct SyncedFields<'a> {
    username: Option<&'a str>,
    first_name: Option<&'a str>,
    email: Option<&'a str>,
    last_login: Option<i64>,
    synced_at: Option<i64>,
    permissions_synced_at: Option<i64>,
}

/// The reason why an account is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    SignIn,
    /// The person is signed in and the provider was asked again.
    Recheck,
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

/// Locks the account's row for this transaction, and returns the account as it is now. Anything
/// else that was read about it before must be read again.
pub fn lock(conn: &mut Conn, user_id: i64) -> Result<Option<User>> {
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
pub fn take_row_shared(conn: &mut Conn, user_id: i64) -> Result<()> {
    if let Conn::Postgres(conn) = conn {
        users::table
            .find(user_id)
            .select(users::id)
            .for_share()
            .first::<i64>(conn)
            .optional()?;
    }
    Ok(())
}

/// Like [`lock`], for callers that do not need the account itself.
pub fn take_row(conn: &mut Conn, user_id: i64) -> Result<()> {
    if let Conn::Postgres(conn) = conn {
        users::table
            .find(user_id)
            .select(users::id)
            .for_no_key_update()
            .first::<i64>(conn)
            .optional()?;
    }
    Ok(())
}

pub fn set_active(conn: &mut Conn, user_id: i64, is_active: bool) -> Result<()> {
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
    fields::forget(conn, leaver)?;
    terms::write(conn, user_id, alias, "", "")
}

/// Overwrites what the provider gave, locks the account's row for this transaction, and returns the
/// current roles. Returns `None` and writes nothing if the account is not active: a sync never
/// changes that.
pub fn sync(
    conn: &mut Conn,
    now: UnixTime,
    user: &User,
    profile: &Profile,
    permissions_read_at: Option<UnixTime>,
    occasion: Occasion,
) -> Result<Option<Roles>> {
    let active = users::table
        .filter(users::id.eq(user.id))
        .filter(users::is_active.eq(true));
    let changes = changes(user, profile);
    let new_value = |field: Field| {
        let change = changes.iter().find(|change| change.field == field);
        change.map(|change| change.to.as_str())
    };
    let is_sign_in = occasion == Occasion::SignIn;
    if !is_sign_in && changes.is_empty() {
        return Ok(Some(user.roles()));
    }
    // Every column named here is rewritten in each index that contains it.
    let fields = SyncedFields {
        username: new_value(Field::Username),
        first_name: new_value(Field::FirstName),
        email: new_value(Field::Email),
        last_login: is_sign_in.then_some(now.0),
        synced_at: is_sign_in.then_some(now.0),
        permissions_synced_at: permissions_read_at.map(|at| at.0),
    };
    let flags: Option<Flags> = each!(conn, |conn| Prepared(
        diesel::update(active).set(fields).returning(FLAGS)
    )
    .get_result(conn)
    .optional())?;
    if flags.is_some() && !changes.is_empty() {
        terms::write(
            conn,
            user.id,
            &profile.username,
            profile.first_name.as_ref().unwrap_or(&user.first_name),
            profile.email.as_ref().unwrap_or(&user.email),
        )?;
        let fields: Vec<Field> = changes.iter().map(|change| change.field).collect();
        note_changes(conn, now, user.id, Actor::Provider, &fields)?;
    }
    Ok(flags.map(roles_of))
}

/// Lists the changes that [`sync`] would make to `user`.
#[must_use]
pub fn changes(user: &User, profile: &Profile) -> Vec<FieldChange> {
    [
        (Field::Username, &user.username, Some(&profile.username)),
        (
            Field::FirstName,
            &user.first_name,
            profile.first_name.as_ref(),
        ),
        (Field::Email, &user.email, profile.email.as_ref()),
    ]
    .into_iter()
    .filter_map(|(field, from, to)| {
        let to = to.filter(|to| *to != from)?;
        Some(FieldChange {
            field,
            from: from.clone(),
            to: to.clone(),
        })
    })
    .collect()
}

/// Lists up to `limit` accounts that have a role by permission, ordered by id, starting after
/// `after`.
pub fn with_role_by_permission(
    conn: &mut Conn,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<User>> {
    // An admin counts as staff, too.
    Ok(users::table
        .filter(users::is_staff_by_permission.eq(true))
        .filter(users::id.gt(after.unwrap_or(i64::MIN)))
        .order(users::id)
        .limit(limit)
        .select(User::as_select())
        .load(conn)?)
}

/// Records that a provider's permissions could be read.
pub fn note_permissions_read(conn: &mut Conn, now: UnixTime, user_id: i64) -> Result<()> {
    diesel::update(users::table.find(user_id))
        .set(users::permissions_synced_at.eq(now.0))
        .execute(conn)?;
    Ok(())
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

/// Finds the account of a username, with its password hash if it has one.
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

/// Records a sign-in without a provider, and locks the account's row for this transaction. Returns
/// `false` and writes nothing if the account is not active or its password hash is not `matched`.
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

/// Replaces the password whose hash is `matched`. Returns `false` and writes nothing if the account
/// has another.
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

/// Removes the account's local password: it no longer signs anyone in or proves who they are.
pub fn clear_password(conn: &mut Conn, user_id: i64) -> Result<()> {
    diesel::update(users::table.find(user_id))
        .set((
            users::password.eq(None::<&str>),
            users::confirmation_password.eq(None::<&str>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Finds the hash of an account's local password, if it has one.
pub fn password_hash(conn: &mut Conn, user_id: i64) -> Result<Option<String>> {
    let found: Option<Option<String>> = each!(conn, |conn| users::table
        .find(user_id)
        .select(users::password)
        .first(conn)
        .optional())?;
    Ok(found.flatten())
}

pub fn has_password(conn: &mut Conn, user_id: i64) -> Result<bool> {
    Ok(password_hash(conn, user_id)?.is_some())
}

/// Returns whether an active admin other than this one would remain. Call
/// [`crate::db::lock_superusers`] first.
pub fn has_other_superuser(conn: &mut Conn, user_id: i64) -> Result<bool> {
    // Use the index of roles: the table may have a million rows.
    let other = Sql::text("SELECT u.id AS value FROM users u WHERE ")
        .then(&list::has_role(Role::Superuser))
        .with(
            " AND u.is_active = ? AND u.id <> ? LIMIT 1",
            [true.into(), user_id.into()],
        )
        .number(conn)?;
    Ok(other.is_some())
}
