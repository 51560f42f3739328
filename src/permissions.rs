//! Permissions, each with its origin. The permissions from a provider are replaced as a set; those
//! granted by hand stay.

use std::collections::BTreeSet;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::audit::Actor;
use crate::clock::UnixTime;
use crate::config::PermissionSettings;
use crate::db::schema::user_permissions;
use crate::db::{Conn, Sql, Value, each};
use crate::error::Result;
use crate::id::UserId;
use crate::users::Leaver;
use crate::users::reserved::IMPORT;

/// The most permissions that a person may have from one origin, and the longest name and label (in
/// characters).
pub const MAX_COUNT: usize = 2000;
pub const MAX_NAME: usize = 255;

/// The origin of permissions that were granted by hand.
pub const BY_HAND: &str = "";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    pub name: String,
    /// The provider's name for it to show to people, or empty.
    pub label: String,
}

#[derive(Clone, Debug, Queryable)]
pub struct Held {
    pub name: String,
    pub label: String,
    /// A provider's id, or [`BY_HAND`].
    pub origin: String,
    /// The name of the person who granted it by hand, or empty.
    pub granted_by: String,
    granted_by_id: Option<UserId>,
}

impl Held {
    pub fn granted_by(&self) -> Actor<'_> {
        Actor::read(self.granted_by_id, &self.granted_by, "")
    }
}

/// The origins that count: grants by hand, and these providers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counting(Vec<String>);

impl Counting {
    pub const fn of(providers: Vec<String>) -> Self {
        Self(providers)
    }

    /// Adds what `provider` gave.
    #[must_use]
    pub fn and(&self, provider: &str) -> Self {
        let mut providers = self.0.clone();
        providers.push(provider.to_owned());
        Self(providers)
    }

    /// Returns all origins that count, grants by hand first.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        std::iter::once(BY_HAND).chain(self.0.iter().map(String::as_str))
    }

    /// Returns whether permissions from `origin` count. Others are only shown.
    pub fn has(&self, origin: &str) -> bool {
        origin == BY_HAND || self.0.iter().any(|provider| provider == origin)
    }
}

/// Where permissions come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PermissionSources {
    pub counting: Counting,
    /// The providers that count and give permissions. Until such a provider was read for a person
    /// whom it knows, that person may hold any permission.
    pub expected: Vec<String>,
}

impl From<PermissionSettings> for PermissionSources {
    fn from(settings: PermissionSettings) -> Self {
        Self {
            counting: Counting::of(settings.vouched_by),
            expected: settings.expected,
        }
    }
}

/// The changes made by a sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Diff {
    #[serde(rename = "permissions_added")]
    pub added: Vec<String>,
    #[serde(rename = "permissions_removed")]
    pub removed: Vec<String>,
}

/// Lists permissions by name, at most `limit`.
pub fn list(conn: &mut Conn, user_id: UserId, limit: i64) -> Result<Vec<Held>> {
    Ok(each!(conn, |conn| user_permissions::table
        .filter(user_permissions::user_id.eq(user_id))
        .order((user_permissions::name, user_permissions::origin))
        .limit(limit)
        .select((
            user_permissions::name,
            user_permissions::label,
            user_permissions::origin,
            user_permissions::granted_by,
            user_permissions::granted_by_id,
        ))
        .load(conn))?)
}

pub fn count(conn: &mut Conn, user_id: UserId) -> Result<i64> {
    Ok(user_permissions::table
        .filter(user_permissions::user_id.eq(user_id))
        .count()
        .get_result(conn)?)
}

/// Returns whether a person holds `name` from an origin that counts.
pub fn is_held(conn: &mut Conn, counting: &Counting, user_id: UserId, name: &str) -> Result<bool> {
    let origins: Vec<String> = each!(conn, |conn| user_permissions::table
        .filter(user_permissions::user_id.eq(user_id))
        .filter(user_permissions::name.eq(name))
        .select(user_permissions::origin)
        .load(conn))?;
    Ok(origins.iter().any(|origin| counting.has(origin)))
}

#[derive(Insertable)]
#[diesel(table_name = user_permissions)]
struct NewPermission<'a> {
    user_id: UserId,
    name: &'a str,
    origin: &'a str,
    label: &'a str,
    granted_at: i64,
    granted_by: &'a str,
    granted_by_id: Option<UserId>,
}

/// Replaces everything that `origin` gave with `wanted` (sorted by name, each name once). Only
/// differences are written.
pub fn replace(
    conn: &mut Conn,
    now: UnixTime,
    user_id: UserId,
    origin: &str,
    wanted: &[Permission],
) -> Result<Diff> {
    let held: Vec<(String, String)> = each!(conn, |conn| user_permissions::table
        .filter(user_permissions::user_id.eq(user_id))
        .filter(user_permissions::origin.eq(origin))
        .select((user_permissions::name, user_permissions::label))
        .load(conn))?;
    let held: std::collections::HashMap<String, String> = held.into_iter().collect();
    let is_wanted = |name: &str| {
        wanted
            .binary_search_by(|permission| permission.name.as_str().cmp(name))
            .is_ok()
    };

    let mut diff = Diff::default();
    // A new label needs a new row, but is not a change worth reporting.
    let mut stale: Vec<&str> = Vec::new();
    for name in held.keys().filter(|name| !is_wanted(name)) {
        diff.removed.push(name.clone());
        stale.push(name);
    }
    let mut fresh = Vec::new();
    for permission in wanted {
        match held.get(&permission.name) {
            Some(label) if *label == permission.label => continue,
            Some(_) => stale.push(&permission.name),
            None => diff.added.push(permission.name.clone()),
        }
        fresh.push(NewPermission {
            user_id,
            name: &permission.name,
            origin,
            label: &permission.label,
            granted_at: now.0,
            granted_by: "",
            granted_by_id: None,
        });
    }
    diff.removed.sort();
    for names in stale.chunks(500) {
        diesel::delete(
            user_permissions::table
                .filter(user_permissions::user_id.eq(user_id))
                .filter(user_permissions::origin.eq(origin))
                .filter(user_permissions::name.eq_any(names)),
        )
        .execute(conn)?;
    }
    insert(conn, &fresh)?;
    Ok(diff)
}

fn insert(conn: &mut Conn, rows: &[NewPermission<'_>]) -> Result<()> {
    for rows in rows.chunks(500) {
        each!(conn, |c| diesel::insert_into(user_permissions::table)
            .values(rows)
            .execute(c))?;
    }
    Ok(())
}

/// Grants a new account by hand the permissions that it had in the app it comes from, each name
/// once.
pub fn import(
    conn: &mut Conn,
    now: UnixTime,
    user_id: UserId,
    permissions: &[Permission],
) -> Result<()> {
    let permissions = permissions.iter().map(|permission| NewPermission {
        user_id,
        name: &permission.name,
        origin: BY_HAND,
        label: &permission.label,
        granted_at: now.0,
        granted_by: IMPORT,
        granted_by_id: None,
    });
    insert(conn, &permissions.collect::<Vec<_>>())
}

/// Grants a permission by hand, and returns whether it had not been granted before. It gets the
/// label that a provider gave to this name, if there is one.
pub fn grant(
    conn: &mut Conn,
    now: UnixTime,
    user_id: UserId,
    name: &str,
    granted_by: Actor<'_>,
) -> Result<bool> {
    let given: Option<i64> = user_permissions::table
        .find((user_id, name, BY_HAND))
        .select(user_permissions::granted_at)
        .first(conn)
        .optional()?;
    if given.is_some() {
        return Ok(false);
    }
    let label: Option<String> = user_permissions::table
        .filter(user_permissions::name.eq(name))
        .order((
            user_permissions::user_id.desc(),
            user_permissions::origin.desc(),
        ))
        .select(user_permissions::label)
        .first(conn)
        .optional()?;
    diesel::insert_into(user_permissions::table)
        .values(NewPermission {
            user_id,
            name,
            origin: BY_HAND,
            label: label.as_deref().unwrap_or_default(),
            granted_at: now.0,
            granted_by: granted_by.text(),
            granted_by_id: granted_by.id(),
        })
        .execute(conn)?;
    Ok(true)
}

/// Revokes a permission granted by hand, and returns whether there was one.
pub fn revoke(conn: &mut Conn, user_id: UserId, name: &str) -> Result<bool> {
    let revoked = diesel::delete(user_permissions::table.find((user_id, name, BY_HAND)));
    Ok(revoked.execute(conn)? == 1)
}

/// Removes all of a person's permissions, whatever their origin. Permissions that they granted to
/// others are now shown as granted by the alias.
pub fn forget(conn: &mut Conn, leaver: &Leaver<'_>) -> Result<()> {
    diesel::delete(user_permissions::table.filter(user_permissions::user_id.eq(leaver.id)))
        .execute(conn)?;
    let alias = user_permissions::granted_by.eq(leaver.alias);
    let by_them = user_permissions::granted_by_id
        .is_not_null()
        .and(user_permissions::granted_by_id.eq(leaver.id));
    diesel::update(user_permissions::table.filter(by_them))
        .set(alias)
        .execute(conn)?;
    if leaver.is_known_by_name() {
        let of_before = user_permissions::granted_by
            .ne("")
            .and(user_permissions::granted_by.eq(leaver.username))
            .and(user_permissions::granted_by_id.is_null())
            .and(user_permissions::granted_at.ge(leaver.named_since.0));
        diesel::update(user_permissions::table.filter(of_before))
            .set(alias)
            .execute(conn)?;
    }
    Ok(())
}

/// Lists the names of permissions that anyone holds, in order, at most `limit`.
pub fn known_names(conn: &mut Conn, limit: i64) -> Result<Vec<String>> {
    Sql::each_once("user_permissions", "name", limit).texts(conn)
}

/// Returns those of these names that somebody holds from an origin that counts.
pub fn held_by_anyone(
    conn: &mut Conn,
    counting: &Counting,
    names: &BTreeSet<&str>,
) -> Result<BTreeSet<String>> {
    /// `SQLite` allows 500 parts in one statement.
    const AT_ONCE: usize = 200;
    let origins: Vec<Value> = counting.origins().map(Value::from).collect();
    let names: Vec<&str> = names.iter().copied().collect();
    let mut held = BTreeSet::new();
    for some in names.chunks(AT_ONCE) {
        let mut sql = Sql::default();
        for name in some {
            let union = if sql == Sql::default() {
                ""
            } else {
                " UNION ALL "
            };
            sql = sql
                .with(union, [])
                .with(
                    "SELECT CAST(? AS TEXT) AS value WHERE EXISTS (SELECT 1 FROM user_permissions WHERE name = ? AND origin IN ",
                    [Value::from(*name), Value::from(*name)],
                )
                .then(&Sql::list(&origins))
                .with(")", []);
        }
        held.extend(sql.texts(conn)?);
    }
    Ok(held)
}

/// Counts the permissions that a person holds beyond those that [`list`] returned for `limit`.
/// Queries the database only if there may be more.
pub fn count_beyond(conn: &mut Conn, user_id: UserId, listed: &[Held], limit: i64) -> Result<i64> {
    let shown = i64::try_from(listed.len()).unwrap_or(i64::MAX);
    if shown < limit {
        return Ok(0);
    }
    Ok((count(conn, user_id)? - shown).max(0))
}
