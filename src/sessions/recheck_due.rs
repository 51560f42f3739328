//! When a provider is asked again about people with sessions, and with which tokens. A re-check is
//! about one person at one provider, however many sessions they have there.

use diesel::dsl::{auto_type, exists};
use diesel::prelude::*;

use super::{Limits, is_within, open_sessions_of};
use crate::clock::UnixTime;
use crate::db::schema::sessions;
use crate::db::{Conn, Sql, each};
use crate::error::Result;
use crate::id::{SessionId, UserId};

/// The tokens with which a provider can be asked about one session of a person.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct SessionTokens {
    #[diesel(column_name = id)]
    pub session_id: SessionId,
    pub token_hash: String,
    pub refresh_token: Option<String>,
    pub access_token: Option<String>,
    pub access_expires_at: Option<i64>,
    pub sub: Option<String>,
    pub confirmed_at: Option<i64>,
}

#[auto_type]
fn open_of<'a>(provider: &'a str, user_id: UserId) -> _ {
    let open: open_sessions_of<'a> = open_sessions_of(provider);
    open.filter(sessions::user_id.eq(user_id))
}

/// Returns whether any person of a provider is due.
pub fn is_any_due(conn: &mut Conn, provider: &str, now: UnixTime) -> Result<bool> {
    let due = open_sessions_of(provider)
        .filter(sessions::recheck_at.is_not_null())
        .filter(sessions::recheck_at.le(now.0));
    Ok(diesel::select(exists(due)).get_result(conn)?)
}

/// Claims up to `limit` people who are due, the longest waiting first. No one else can claim them
/// before `until`.
pub fn claim(
    conn: &mut Conn,
    provider: &str,
    now: UnixTime,
    until: UnixTime,
    limit: i64,
) -> Result<Vec<UserId>> {
    let mut people: Vec<UserId> = open_sessions_of(provider)
        .filter(sessions::recheck_at.is_not_null())
        .filter(sessions::recheck_at.le(now.0))
        .order(sessions::recheck_at)
        .limit(limit)
        .select(sessions::user_id)
        .load(conn)?;
    people.sort_unstable();
    people.dedup();
    set_recheck_of(conn, provider, &people, until)?;
    Ok(people)
}

/// Selects by account instead of by due time: SQLite would walk all rows of the provider.
fn set_recheck_of(conn: &mut Conn, provider: &str, people: &[UserId], at: UnixTime) -> Result<()> {
    let is_asked_about = sessions::refresh_token
        .is_not_null()
        .or(sessions::access_token.is_not_null())
        .or(sessions::refused_at.is_not_null());
    let theirs = open_sessions_of(provider).filter(sessions::user_id.eq_any(people));
    diesel::update(theirs.filter(is_asked_about))
        .set(sessions::recheck_at.eq(at.0))
        .execute(conn)?;
    Ok(())
}

pub fn set_recheck(conn: &mut Conn, provider: &str, user_id: UserId, at: UnixTime) -> Result<()> {
    set_recheck_of(conn, provider, &[user_id], at)
}

/// Lists the tokens of a person's live sessions at a provider that can be used now. Those used
/// longest ago come first, so that none grows stale.
pub fn of_person(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    provider: &str,
    user_id: UserId,
) -> Result<Vec<SessionTokens>> {
    Ok(each!(conn, |conn| open_of(provider, user_id)
        .filter(is_within(now, limits))
        .filter(
            sessions::refresh_token
                .is_not_null()
                .or(sessions::access_expires_at.gt(now.0))
        )
        .order((sessions::confirmed_at, sessions::id))
        .limit(100)
        .select(SessionTokens::as_select())
        .load(conn))?)
}

/// Records that the provider still knows the person.
pub fn confirm(conn: &mut Conn, now: UnixTime, session_id: SessionId) -> Result<()> {
    diesel::update(sessions::table.find(session_id))
        .set(sessions::confirmed_at.eq(now.0))
        .execute(conn)?;
    Ok(())
}

/// Extends a claim. Returns `false` if the person has been claimed again meanwhile.
pub fn renew_claim(
    conn: &mut Conn,
    provider: &str,
    user_id: UserId,
    (from, until): (UnixTime, UnixTime),
) -> Result<bool> {
    let held = diesel::update(open_of(provider, user_id).filter(sessions::recheck_at.eq(from.0)))
        .set(sessions::recheck_at.eq(until.0))
        .execute(conn)?;
    Ok(held > 0)
}

/// Returns whether the provider has refused the tokens of one of a person's live sessions.
pub fn is_refused(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    provider: &str,
    user_id: UserId,
) -> Result<bool> {
    let refused = open_of(provider, user_id)
        .filter(is_within(now, limits))
        .filter(sessions::refused_at.is_not_null());
    Ok(diesel::select(exists(refused)).get_result(conn)?)
}

/// Returns whether a person has signed in at a provider since `since` with a session that it has
/// not refused.
pub fn is_newer(conn: &mut Conn, since: UnixTime, provider: &str, user_id: UserId) -> Result<bool> {
    let newer = open_of(provider, user_id)
        .filter(sessions::created_at.ge(since.0))
        .filter(sessions::refused_at.is_null());
    Ok(diesel::select(exists(newer)).get_result(conn)?)
}

/// Schedules re-checks for sessions that began while re-checks were off, and returns how many there
/// are.
pub fn schedule(conn: &mut Conn, now: UnixTime, provider: &str) -> Result<usize> {
    Ok(diesel::update(
        open_sessions_of(provider)
            .filter(sessions::recheck_at.is_null())
            .filter(sessions::refresh_token.is_not_null()),
    )
    .set((
        sessions::recheck_at.eq(now.0),
        sessions::confirmed_at.eq(now.0),
    ))
    .execute(conn)?)
}

/// Counts the people of a provider who are re-checked, up to `cap`.
pub fn count_people(conn: &mut Conn, provider: &str, cap: i64) -> Result<i64> {
    Sql::new(
        "SELECT DISTINCT x.user_id FROM sessions x WHERE x.provider = ? AND x.recheck_at IS NOT NULL AND x.ended_at IS NULL",
        [provider.into()],
    )
    .count_up_to(conn, cap)
}
