//! The keys by which a provider's people are known: its id, and the member of its answers that
//! identifies a person.

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::db::schema::{identities, logouts, providers, sessions, user_permissions, users};
use crate::db::{Conn, Sql, each};
use crate::error::Result;
use crate::id::UserId;

/// Returns the pointer by which a provider's people are known. It is recorded while there are none.
pub fn note_subject_pointer(
    conn: &mut Conn,
    now: UnixTime,
    provider: &str,
    pointer: &str,
) -> Result<String> {
    if let Some(known) = subject_pointer(conn, provider)? {
        let has_people: Option<i64> = identities::table
            .filter(identities::provider.eq(provider))
            .select(identities::user_id)
            .first(conn)
            .optional()?;
        if has_people.is_some() || known == pointer {
            return Ok(known);
        }
        diesel::delete(providers::table.find(provider)).execute(conn)?;
    }
    each!(conn, |c| diesel::insert_into(providers::table)
        .values((
            providers::id.eq(provider),
            providers::subject_pointer.eq(pointer),
            providers::first_used_at.eq(now.0),
        ))
        .execute(c))?;
    Ok(pointer.to_owned())
}

pub fn subject_pointer(conn: &mut Conn, provider: &str) -> Result<Option<String>> {
    Ok(providers::table
        .find(provider)
        .select(providers::subject_pointer)
        .first(conn)
        .optional()?)
}

pub fn set_subject_pointer(
    conn: &mut Conn,
    now: UnixTime,
    provider: &str,
    pointer: &str,
) -> Result<()> {
    diesel::delete(providers::table.find(provider)).execute(conn)?;
    note_subject_pointer(conn, now, provider, pointer)?;
    Ok(())
}

/// Lists the provider ids under which any person is known.
pub fn ids(conn: &mut Conn) -> Result<Vec<String>> {
    Sql::each_once("identities", "provider", 1000).texts(conn)
}

/// Counts the people of a provider.
pub fn count(conn: &mut Conn, provider: &str) -> Result<i64> {
    Ok(identities::table
        .filter(identities::provider.eq(provider))
        .count()
        .get_result(conn)?)
}

/// Lists the subjects that both providers know. If there are any, the providers cannot be merged.
pub fn clashes(conn: &mut Conn, from: &str, to: &str, limit: i64) -> Result<Vec<String>> {
    Sql::new(
        "SELECT i.subject AS value FROM identities i JOIN identities o ON o.subject = i.subject WHERE i.provider = ? AND o.provider = ? ORDER BY i.subject LIMIT ?",
        [from.into(), to.into(), limit.into()],
    )
    .texts(conn)
}

/// Locks the rows of the accounts that a provider knows by one of `subjects` (`None`: of all its
/// people) for this transaction. A sign-in or re-check in progress either finishes first or finds
/// them moved.
pub fn lock_rows(conn: &mut Conn, provider: &str, subjects: Option<&[&str]>) -> Result<()> {
    let Conn::Postgres(conn) = conn else {
        return Ok(());
    };
    let known = identities::table
        .filter(identities::provider.eq(provider))
        .select(identities::user_id)
        .into_boxed();
    let known = match subjects {
        Some(subjects) => known.filter(identities::subject.eq_any(subjects)),
        None => known,
    };
    let mut people: Vec<UserId> = known.load(conn)?;
    people.sort_unstable();
    people.dedup();
    for people in people.chunks(1000) {
        users::table
            .filter(users::id.eq_any(people))
            .order(users::id)
            .select(users::id)
            .for_no_key_update()
            .load::<UserId>(conn)?;
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    user_id: UserId,
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
}

/// Moves a provider's people to another id, with their permissions and sessions, and returns how
/// many.
pub fn move_to(conn: &mut Conn, from: &str, to: &str) -> Result<usize> {
    let moved = diesel::update(identities::table.filter(identities::provider.eq(from)))
        .set(identities::provider.eq(to))
        .execute(conn)?;
    // A person known to both may hold the same permission from both.
    let twice: Vec<Held> = Sql::new(
        "SELECT p.user_id, p.name FROM user_permissions p JOIN user_permissions o ON o.user_id = p.user_id AND o.name = p.name WHERE p.origin = ? AND o.origin = ?",
        [from.into(), to.into()],
    )
    .load(conn)?;
    for Held { user_id, name } in &twice {
        diesel::delete(user_permissions::table.find((user_id, name, from))).execute(conn)?;
    }
    diesel::update(user_permissions::table.filter(user_permissions::origin.eq(from)))
        .set(user_permissions::origin.eq(to))
        .execute(conn)?;
    diesel::update(sessions::table.filter(sessions::provider.eq(from)))
        .set(sessions::provider.eq(to))
        .execute(conn)?;
    diesel::update(logouts::table.filter(logouts::provider.eq(from)))
        .set(logouts::provider.eq(to))
        .execute(conn)?;
    diesel::delete(providers::table.find(to)).execute(conn)?;
    diesel::update(providers::table.find(from))
        .set(providers::id.eq(to))
        .execute(conn)?;
    Ok(moved)
}

/// Gives one person of a provider another subject, and returns whether there was such a person.
pub fn move_subject(conn: &mut Conn, provider: &str, from: &str, to: &str) -> Result<bool> {
    let moved = diesel::update(identities::table.find((provider, from)))
        .set(identities::subject.eq(to))
        .execute(conn)?;
    Ok(moved == 1)
}

/// Returns whether a provider knows a person by this subject.
pub fn is_known(conn: &mut Conn, provider: &str, subject: &str) -> Result<bool> {
    let found: Option<i64> = identities::table
        .find((provider, subject))
        .select(identities::user_id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}
