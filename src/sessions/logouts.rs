//! Sign-outs reported by providers (OpenID Connect Back-Channel Logout 1.0), remembered for a day.
//! A sign-in that was in progress when one arrived opens no session. The tokens that reported them
//! are remembered too.

use std::time::Duration;

use diesel::dsl::exists;
use diesel::prelude::*;

use super::closing::Named;
use crate::clock::UnixTime;
use crate::db::schema::{logout_tokens, logouts};
use crate::db::{Conn, each, lock_names};
use crate::error::Result;
use crate::id::new_id;

/// Longer than any sign-in takes, and than a provider's own session usually lasts.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Lets other transactions that sign the same person in or out wait until this one ends: a first
/// sign-in and a logout share no row. All of them lock `sid` before `sub`.
pub fn lock_logouts(conn: &mut Conn, named: Named<'_>) -> Result<()> {
    let name = |kind: &str, value: &str| format!("{kind}\n{}\n{value}", named.provider);
    let both = [
        named.sid.map(|sid| name("sid", sid)),
        named.sub.map(|sub| name("sub", sub)),
    ];
    lock_names(conn, both.into_iter().flatten())
}

/// Records a logout, even one that ended nothing.
pub fn note(conn: &mut Conn, now: UnixTime, named: Named<'_>, issued_at: UnixTime) -> Result<()> {
    diesel::insert_into(logouts::table)
        .values((
            logouts::id.eq(new_id::<i64>(now)),
            logouts::provider.eq(named.provider),
            logouts::sub.eq(named.sub),
            logouts::sid.eq(named.sid),
            logouts::issued_at.eq(issued_at.0),
            logouts::noted_at.eq(now.0),
        ))
        .execute(conn)?;
    Ok(())
}

/// Returns whether a logout covers what was issued at `issued_at`: one that names its `sid`, at any
/// time, or one of `sub` without another `sid`, issued no earlier.
pub fn is_signed_out(conn: &mut Conn, named: Named<'_>, issued_at: UnixTime) -> Result<bool> {
    let at_provider = logouts::table.filter(logouts::provider.eq(named.provider));
    if let Some(sid) = named.sid
        && diesel::select(exists(at_provider.filter(logouts::sid.eq(sid)))).get_result(conn)?
    {
        return Ok(true);
    }
    let Some(sub) = named.sub else {
        return Ok(false);
    };
    let of_person = at_provider
        .filter(logouts::sub.eq(sub))
        .filter(logouts::issued_at.ge(issued_at.0));
    Ok(if named.sid.is_some() {
        // A logout that names another session of the provider does not concern this one.
        let of_all = of_person.filter(logouts::sid.is_null());
        diesel::select(exists(of_all)).get_result(conn)?
    } else {
        diesel::select(exists(of_person)).get_result(conn)?
    })
}

/// Deletes up to `limit` logouts that are older than a day, and returns how many.
pub fn sweep(conn: &mut Conn, now: UnixTime, limit: i64) -> Result<usize> {
    let old: Vec<i64> = logouts::table
        .filter(logouts::noted_at.lt(now.minus(KEPT).0))
        .select(logouts::id)
        .limit(limit)
        .load(conn)?;
    Ok(diesel::delete(logouts::table.filter(logouts::id.eq_any(old))).execute(conn)?)
}

/// Uses up a logout token, which counts only once (2.6). Returns `false` if it was used before; the
/// transaction must then change nothing.
pub fn use_up_token(
    conn: &mut Conn,
    provider: &str,
    jti: &str,
    expires_at: UnixTime,
) -> Result<bool> {
    let inserted = each!(conn, |conn| diesel::insert_into(logout_tokens::table)
        .values((
            logout_tokens::provider.eq(provider),
            logout_tokens::jti.eq(jti),
            logout_tokens::expires_at.eq(expires_at.0),
        ))
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(inserted == 1)
}

/// Deletes up to `limit` logout tokens that have expired, and returns how many.
pub fn sweep_tokens(conn: &mut Conn, now: UnixTime, limit: i64) -> Result<usize> {
    let over: Vec<(String, String)> = logout_tokens::table
        .filter(logout_tokens::expires_at.lt(now.0))
        .select((logout_tokens::provider, logout_tokens::jti))
        .limit(limit)
        .load(conn)?;
    for (provider, jti) in &over {
        diesel::delete(logout_tokens::table.find((provider, jti))).execute(conn)?;
    }
    Ok(over.len())
}
