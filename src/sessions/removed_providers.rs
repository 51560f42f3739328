//! The providers that each instance of a portal has, so that the sessions of a provider can end
//! once no instance has it.

use diesel::dsl::exists;
use diesel::prelude::*;

use super::open_sessions_of;
use crate::clock::UnixTime;
use crate::db::schema::{provider_instances, providers};
use crate::db::{Conn, each};
use crate::error::Result;

/// Records the providers that an instance has now.
pub fn note(conn: &mut Conn, now: UnixTime, instance: &str, ids: &[String]) -> Result<()> {
    for id in ids {
        let noted_at = provider_instances::noted_at.eq(now.0);
        each!(conn, |conn| diesel::insert_into(provider_instances::table)
            .values((
                provider_instances::provider.eq(id),
                provider_instances::instance.eq(instance),
                noted_at,
            ))
            .on_conflict((provider_instances::provider, provider_instances::instance))
            .do_update()
            .set(noted_at)
            .execute(conn))?;
    }
    Ok(())
}

/// Returns when any instance last recorded that it has a provider.
pub fn last_noted(conn: &mut Conn, provider: &str) -> Result<Option<UnixTime>> {
    let at: Option<i64> = provider_instances::table
        .filter(provider_instances::provider.eq(provider))
        .select(diesel::dsl::max(provider_instances::noted_at))
        .first(conn)?;
    Ok(at.map(UnixTime))
}

/// Deletes records older than `before`, and returns how many.
pub fn sweep(conn: &mut Conn, before: UnixTime) -> Result<usize> {
    let old = provider_instances::table.filter(provider_instances::noted_at.lt(before.0));
    Ok(diesel::delete(old).execute(conn)?)
}

/// Lists the providers that have open sessions but are not among `ours`. No one can have signed in
/// with a provider that no instance ever had.
pub fn foreign(conn: &mut Conn, ours: &[String]) -> Result<Vec<String>> {
    let known: Vec<String> = providers::table
        .order(providers::id)
        .limit(1000)
        .select(providers::id)
        .load(conn)?;
    let mut foreign = Vec::new();
    for id in known {
        if !ours.contains(&id) && diesel::select(exists(open_sessions_of(&id))).get_result(conn)? {
            foreign.push(id);
        }
    }
    Ok(foreign)
}
