//! Since when what a provider gave somebody is kept only because its answers fail.

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::db::schema::identities;
use crate::db::{Conn, each};
use crate::error::Result;

/// A provider whose permissions are kept, and the time of the last good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub provider: String,
    pub since: UnixTime,
}

/// How a provider answered when it was asked for permissions; where it is not asked for any, well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Read,
    Failed,
}

/// Notes whether a sync could read the permissions of an identity, of which `known` is what was
/// noted before: nothing is written where that says the same. To be called before the account's
/// own note of the sync is renewed, or with what it said: `last_read` is when the permissions were
/// last read well.
///
/// # Errors
/// [`crate::error::DatabaseError`], here and below.
pub fn note_permissions_kept(
    conn: &mut Conn,
    now: UnixTime,
    (provider, subject): (&str, &str),
    known: Option<UnixTime>,
    last_read: Option<UnixTime>,
    answer: Answer,
) -> Result<()> {
    let is_kept = answer == Answer::Failed;
    if is_kept == known.is_some() {
        return Ok(());
    }
    let since = is_kept.then(|| last_read.unwrap_or(now).min(now).0);
    diesel::update(identities::table.find((provider, subject)))
        .set(identities::permissions_kept_since.eq(since))
        .execute(conn)?;
    Ok(())
}

/// Of one account, the longest kept first.
pub fn kept_permissions_of(conn: &mut Conn, user_id: i64) -> Result<Vec<Kept>> {
    let rows: Vec<(String, Option<i64>)> = each!(conn, |conn| identities::table
        .filter(identities::user_id.eq(user_id))
        .filter(identities::permissions_kept_since.is_not_null())
        .order((identities::permissions_kept_since, identities::provider))
        .limit(20)
        .select((identities::provider, identities::permissions_kept_since))
        .load(conn))?;
    Ok(rows
        .into_iter()
        .filter_map(|(provider, since)| {
            Some(Kept {
                provider,
                since: UnixTime(since?),
            })
        })
        .collect())
}
