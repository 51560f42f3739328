//! How sessions end and rights are taken away: everything that does either goes through here.
//!
//! Code that closes sessions locks the account's row first. Code that opens or grants something
//! locks it too, and checks its conditions afterwards, so that nothing is opened on the strength of
//! an outdated read.

use diesel::prelude::*;

use super::open_sessions_of;
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::db::schema::sessions;
use crate::error::Result;
use crate::id::{SessionId, UserId};
use crate::users;

/// The sessions of an account that end.
#[derive(Clone, Copy, Debug)]
pub enum Closing<'a> {
    /// None: only rights are taken away.
    Rights,
    One(SessionId),
    All,
    AllBut(SessionId),
    /// This session and those that began before it.
    UpTo(SessionId),
    /// All sessions that began at this provider.
    At(&'a str),
    /// The sessions at this provider whose tokens it refused.
    RefusedAt(&'a str),
    /// The sessions that a provider's logout token names.
    Named(Named<'a>),
}

/// The people or sessions that a logout token names (Back-Channel Logout 1.0, 2.4).
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    pub provider: &'a str,
    pub sub: Option<&'a str>,
    pub sid: Option<&'a str>,
}

/// Ends live sessions of an account, or records that it loses rights, and returns how many sessions
/// ended. Anything that caches who may do what is notified here.
pub fn close(
    conn: &mut Conn,
    now: UnixTime,
    user_id: UserId,
    closing: Closing<'_>,
) -> Result<usize> {
    users::lock_row(conn, user_id)?;
    macro_rules! end {
        ($filter:expr) => {
            diesel::update(
                sessions::table
                    .filter(sessions::user_id.eq(user_id))
                    .filter(sessions::ended_at.is_null())
                    .filter($filter),
            )
            .set(sessions::ended_at.eq(now.0))
            .execute(conn)?
        };
    }
    Ok(match closing {
        Closing::Rights => 0,
        Closing::One(id) => end!(sessions::id.eq(id)),
        Closing::All => end!(sessions::id.is_not_null()),
        Closing::AllBut(kept) => end!(sessions::id.ne(kept)),
        Closing::UpTo(id) => end!(sessions::id.le(id)),
        Closing::At(provider) => end!(sessions::provider.eq(provider)),
        Closing::RefusedAt(provider) => end!(
            sessions::provider
                .eq(provider)
                .and(sessions::refused_at.is_not_null())
        ),
        Closing::Named(Named { provider, sub, sid }) => match (sub, sid) {
            (Some(sub), None) => end!(sessions::provider.eq(provider).and(sessions::sub.eq(sub))),
            (None, Some(sid)) => end!(sessions::provider.eq(provider).and(sessions::sid.eq(sid))),
            // A session whose ID token had no `sid` may be the one.
            (Some(sub), Some(sid)) => end!(
                sessions::provider
                    .eq(provider)
                    .and(sessions::sub.eq(sub))
                    .and(sessions::sid.eq(sid).or(sessions::sid.is_null()))
            ),
            (None, None) => 0,
        },
    })
}

/// Ends up to `limit` sessions that began at a provider which no longer exists, and returns how
/// many.
pub fn close_at(conn: &mut Conn, now: UnixTime, provider: &str, limit: i64) -> Result<usize> {
    let some: Vec<SessionId> = open_sessions_of(provider)
        .select(sessions::id)
        .limit(limit)
        .load(conn)?;
    let open = sessions::ended_at.is_null();
    let some = sessions::table.filter(sessions::id.eq_any(some).and(open));
    let end = diesel::update(some).set(sessions::ended_at.eq(now.0));
    Ok(end.execute(conn)?)
}

/// Lists up to `limit` accounts that have live sessions named by a logout token.
pub fn named_accounts(conn: &mut Conn, named: Named<'_>, limit: i64) -> Result<Vec<UserId>> {
    let live = open_sessions_of(named.provider)
        .select(sessions::user_id)
        .distinct()
        .limit(limit);
    Ok(match (named.sub, named.sid) {
        (Some(sub), None) => live.filter(sessions::sub.eq(sub)).load(conn)?,
        (None, Some(sid)) => live.filter(sessions::sid.eq(sid)).load(conn)?,
        (Some(sub), Some(sid)) => live
            .filter(sessions::sub.eq(sub))
            .filter(sessions::sid.eq(sid).or(sessions::sid.is_null()))
            .load(conn)?,
        (None, None) => Vec::new(),
    })
}
