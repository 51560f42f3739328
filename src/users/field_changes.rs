//! When each field of an account last changed, and who changed it. The audit log says so too, but
//! its events expire.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::{User, reserved};
use crate::audit::Actor;
use crate::clock::UnixTime;
use crate::coded::coded;
use crate::db::Conn;
use crate::db::schema::user_field_changes;
use crate::error::Result;
use crate::id::UserId;

/// The fields of an account that can change.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, EnumString, IntoStaticStr, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Field {
    Username,
    FirstName,
    Email,
    IsActive,
    RoleByHand,
    RoleByPermission,
    Password,
    ConfirmationPassword,
    Identity,
}

coded!(Field);

/// A field that now has another value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    pub field: Field,
    pub from: String,
    pub to: String,
}

/// When a field last changed.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct LastChange {
    /// A code of [`Field`].
    pub field: String,
    changed_at: i64,
    changed_by: String,
    changed_by_id: Option<UserId>,
}

impl LastChange {
    pub const fn changed_at(&self) -> UnixTime {
        UnixTime(self.changed_at)
    }

    pub fn changed_by(&self) -> Actor<'_> {
        match Actor::read(self.changed_by_id, &self.changed_by, "") {
            Actor::Unknown => Actor::Provider,
            actor => actor,
        }
    }
}

pub fn note_changes(
    conn: &mut Conn,
    now: UnixTime,
    user_id: UserId,
    changed_by: Actor<'_>,
    fields: &[Field],
) -> Result<()> {
    for field in fields {
        let change = (
            user_field_changes::changed_at.eq(now.0),
            user_field_changes::changed_by.eq(changed_by.text()),
            user_field_changes::changed_by_id.eq(changed_by.id()),
        );
        let known = user_field_changes::table.find((user_id, field.code()));
        if diesel::update(known).set(change).execute(conn)? == 0 {
            diesel::insert_into(user_field_changes::table)
                .values((
                    user_field_changes::user_id.eq(user_id),
                    user_field_changes::field.eq(field.code()),
                    change,
                ))
                .execute(conn)?;
        }
    }
    Ok(())
}

/// The account whose personal data is erased.
#[derive(Clone, Copy, Debug)]
pub struct Leaver<'a> {
    pub id: UserId,
    pub username: &'a str,
    /// The name that replaces theirs from now on.
    pub alias: &'a str,
    /// When the account got its name. Earlier acts under that name were someone else's.
    pub named_since: UnixTime,
}

impl Leaver<'_> {
    /// Returns whether rows without an account's id can be attributed to them by name. A reserved
    /// name could also stand for something else.
    pub fn is_known_by_name(&self) -> bool {
        !reserved::is_reserved(self.username)
    }
}

/// Returns when the account got its name, as far as that is known.
pub fn named_since(conn: &mut Conn, user: &User) -> Result<UnixTime> {
    let renamed_at: Option<i64> = user_field_changes::table
        .find((user.id, Field::Username.code()))
        .select(user_field_changes::changed_at)
        .first(conn)
        .optional()?;
    let joined = user.date_joined();
    Ok(renamed_at.map_or(joined, |time| UnixTime(time).max(joined)))
}

/// Forgets who changed this account's fields. Changes that its owner made to other accounts are now
/// shown under the alias.
pub fn forget(conn: &mut Conn, leaver: &Leaver<'_>) -> Result<()> {
    diesel::delete(user_field_changes::table.filter(user_field_changes::user_id.eq(leaver.id)))
        .execute(conn)?;
    let alias = user_field_changes::changed_by.eq(leaver.alias);
    let by_them = user_field_changes::changed_by_id
        .is_not_null()
        .and(user_field_changes::changed_by_id.eq(leaver.id));
    diesel::update(user_field_changes::table.filter(by_them))
        .set(alias)
        .execute(conn)?;
    if leaver.is_known_by_name() {
        let of_before = user_field_changes::changed_by
            .ne("")
            .and(user_field_changes::changed_by.eq(leaver.username))
            .and(user_field_changes::changed_by_id.is_null())
            .and(user_field_changes::changed_at.ge(leaver.named_since.0));
        diesel::update(user_field_changes::table.filter(of_before))
            .set(alias)
            .execute(conn)?;
    }
    Ok(())
}

/// Lists the last change of each field that has changed since the account was created.
pub fn changes_of(conn: &mut Conn, user_id: UserId) -> Result<Vec<LastChange>> {
    Ok(user_field_changes::table
        .filter(user_field_changes::user_id.eq(user_id))
        .select((
            user_field_changes::field,
            user_field_changes::changed_at,
            user_field_changes::changed_by,
            user_field_changes::changed_by_id,
        ))
        .limit(20)
        .load(conn)?)
}
