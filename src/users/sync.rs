//! Overwriting an account with what its provider says.

use diesel::prelude::*;

use super::role::{FLAGS, Flags, roles_of};
use super::{Field, FieldChange, Roles, User, note_changes, search_index};
use crate::audit::Actor;
use crate::clock::UnixTime;
use crate::db::schema::users;
use crate::db::{Conn, Prepared, each};
use crate::error::Result;
use crate::id::UserId;

/// A provider's description of a person at a sign-in. `None` keeps what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub subject: String,
    pub username: String,
    pub first_name: Option<String>,
    pub email: Option<String>,
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
        search_index::write(
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

/// Records that a provider's permissions could be read.
pub fn note_permissions_read(conn: &mut Conn, now: UnixTime, user_id: UserId) -> Result<()> {
    diesel::update(users::table.find(user_id))
        .set(users::permissions_synced_at.eq(now.0))
        .execute(conn)?;
    Ok(())
}
