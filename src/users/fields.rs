//! When a field of an account last changed, and by whom. The trail tells it too, but not for ever.

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::db::Conn;
use crate::db::schema::user_field_changes;
use crate::error::Result;

/// The last change of one field.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct FieldChange {
    /// A column of the account; `role_by_hand` and `role_by_permission` for its roles.
    pub field: String,
    changed_at: i64,
    /// A username, [`crate::audit::COMMAND_LINE`], or empty for a provider.
    pub changed_by: String,
}

impl FieldChange {
    #[must_use]
    pub const fn changed_at(&self) -> UnixTime {
        UnixTime(self.changed_at)
    }
}

/// # Errors
/// [`crate::error::DatabaseError`], here and below.
pub fn note_changes(
    conn: &mut Conn,
    now: UnixTime,
    user_id: i64,
    changed_by: &str,
    fields: &[&str],
) -> Result<()> {
    for field in fields {
        let change = (
            user_field_changes::changed_at.eq(now.0),
            user_field_changes::changed_by.eq(changed_by),
        );
        let known = user_field_changes::table.find((user_id, *field));
        if diesel::update(known).set(change).execute(conn)? == 0 {
            diesel::insert_into(user_field_changes::table)
                .values((
                    user_field_changes::user_id.eq(user_id),
                    user_field_changes::field.eq(*field),
                    change,
                ))
                .execute(conn)?;
        }
    }
    Ok(())
}

/// Who changed an account's fields is nobody's business any more.
/// What they changed of others is under `alias` from now on.
pub fn forget(conn: &mut Conn, user_id: i64, username: &str, alias: &str) -> Result<()> {
    diesel::delete(user_field_changes::table.filter(user_field_changes::user_id.eq(user_id)))
        .execute(conn)?;
    let by_them = user_field_changes::table
        .filter(user_field_changes::changed_by.ne(""))
        .filter(user_field_changes::changed_by.eq(username));
    diesel::update(by_them)
        .set(user_field_changes::changed_by.eq(alias))
        .execute(conn)?;
    Ok(())
}

/// The last change of each field that has changed since the account exists.
pub fn changes_of(conn: &mut Conn, user_id: i64) -> Result<Vec<FieldChange>> {
    Ok(user_field_changes::table
        .filter(user_field_changes::user_id.eq(user_id))
        .select((
            user_field_changes::field,
            user_field_changes::changed_at,
            user_field_changes::changed_by,
        ))
        .limit(20)
        .load(conn)?)
}
