//! Since when a person's permissions have been kept only because the provider's answers fail.

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::db::schema::identities;
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::UserId;

/// A provider whose permissions are kept, and the time of the last good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub provider: String,
    pub since: UnixTime,
}

/// How a provider answered when asked for permissions. A provider that is never asked counts as
/// answering well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionsAnswer {
    Read,
    Failed,
}

/// Records whether a sync could read the permissions of an identity. `known` is what was recorded
/// before; if nothing has changed, nothing is written. `last_read` is when the permissions were
/// last read successfully: call this before the account's own record of that is renewed, or pass
/// the earlier value.
pub fn note_permissions_kept(
    conn: &mut Conn,
    now: UnixTime,
    (provider, subject): (&str, &str),
    known: Option<UnixTime>,
    last_read: Option<UnixTime>,
    answer: PermissionsAnswer,
) -> Result<()> {
    let is_kept = answer == PermissionsAnswer::Failed;
    if is_kept == known.is_some() {
        return Ok(());
    }
    let since = is_kept.then(|| last_read.unwrap_or(now).min(now).0);
    diesel::update(identities::table.find((provider, subject)))
        .set(identities::permissions_kept_since.eq(since))
        .execute(conn)?;
    Ok(())
}

/// Lists those of one account, the longest kept first.
pub fn kept_permissions_of(conn: &mut Conn, user_id: UserId) -> Result<Vec<Kept>> {
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
