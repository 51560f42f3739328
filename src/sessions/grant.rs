//! What a provider gave with a session, sealed, and when it is asked again about the person.
//!
//! A token is sealed for the row that it stands in, and opens in no other.
//!
//! The unit of a re-check is the person at a provider, however many sessions they have there.

use std::time::Duration;

use diesel::prelude::*;

use super::Limits;
use crate::clock::UnixTime;
use crate::db::schema::sessions;
use crate::db::{Conn, Sql, each};
use crate::error::{Error, Result};
use crate::oauth::Grant;
use crate::secret::{Keys, Purpose, Secret, random_bytes};

/// Tokens of a session that ran out are kept so long, in case it was the clock that was wrong.
const STALE: Duration = Duration::from_secs(3600);

/// A grant as its row keeps it.
#[derive(Clone, Debug, Default)]
pub struct Sealed {
    pub refresh_token: Option<String>,
    pub access_token: Option<String>,
    pub access_expires_at: Option<i64>,
    pub id_token: Option<String>,
    pub sub: Option<String>,
    pub sid: Option<String>,
    /// When the provider is asked again, if ever.
    pub recheck_at: Option<i64>,
}

/// # Errors
/// [`Error::Internal`] without random bytes.
pub fn seal(
    keys: &Keys,
    grant: &Grant,
    token_hash: &str,
    recheck_at: Option<UnixTime>,
) -> Result<Sealed> {
    let sealed = |token: &Option<Secret<String>>| {
        token
            .as_ref()
            .map(|token| seal_token(keys, token, token_hash))
            .transpose()
    };
    Ok(Sealed {
        refresh_token: sealed(&grant.refresh_token)?,
        access_token: sealed(&grant.access_token)?,
        access_expires_at: grant.access_expires_at.map(|at| at.0),
        id_token: sealed(&grant.id_token)?,
        sub: grant.sub.clone(),
        sid: grant.sid.clone(),
        recheck_at: recheck_at.map(|at| at.0),
    })
}

/// For the session of this token's hash.
///
/// # Errors
/// [`Error::Internal`] without random bytes.
pub fn seal_token(keys: &Keys, token: &Secret<String>, token_hash: &str) -> Result<String> {
    let salt = random_bytes()?;
    keys.seal_at(Purpose::Grant, salt, token.expose().as_bytes(), token_hash)
        .ok_or_else(|| Error::Internal("a token cannot be encrypted".to_owned()))
}

/// `None` when a key sealed it that is not known any more, or for another session.
#[must_use]
pub fn open_token(keys: &Keys, sealed: &str, token_hash: &str) -> Option<Secret<String>> {
    let opened = keys.open_at(Purpose::Grant, sealed, token_hash)?;
    String::from_utf8(opened.plain).ok().map(Secret::new)
}

/// What one session of a person can be asked with.
#[derive(Clone, Debug, Queryable)]
pub struct Row {
    pub session_id: i64,
    pub token_hash: String,
    pub refresh_token: Option<String>,
    pub access_token: Option<String>,
    pub access_expires_at: Option<i64>,
    pub sub: Option<String>,
    pub confirmed_at: Option<i64>,
}

/// Whether anybody of a provider is due.
///
/// # Errors
/// [`crate::error::DatabaseError`], here and below.
pub fn is_any_due(conn: &mut Conn, provider: &str, now: UnixTime) -> Result<bool> {
    let found: Option<i64> = sessions::table
        .filter(sessions::provider.eq(provider))
        .filter(sessions::recheck_at.is_not_null())
        .filter(sessions::ended_at.is_null())
        .filter(sessions::recheck_at.le(now.0))
        .select(sessions::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Takes up to `limit` people who are due, the longest waiting first, until `until`: nobody else
/// takes them before that.
pub fn claim(
    conn: &mut Conn,
    provider: &str,
    now: UnixTime,
    until: UnixTime,
    limit: i64,
) -> Result<Vec<i64>> {
    let due: Vec<i64> = sessions::table
        .filter(sessions::provider.eq(provider))
        .filter(sessions::recheck_at.is_not_null())
        .filter(sessions::ended_at.is_null())
        .filter(sessions::recheck_at.le(now.0))
        .order(sessions::recheck_at)
        .limit(limit)
        .select(sessions::user_id)
        .load(conn)?;
    let mut people = due;
    people.sort_unstable();
    people.dedup();
    set_recheck_of(conn, provider, &people, until)?;
    Ok(people)
}

/// By account and not by what is due: SQLite would walk all of the provider's.
fn set_recheck_of(conn: &mut Conn, provider: &str, people: &[i64], at: UnixTime) -> Result<()> {
    diesel::update(
        sessions::table
            .filter(sessions::user_id.eq_any(people))
            .filter(sessions::provider.eq(provider))
            .filter(sessions::ended_at.is_null())
            .filter(
                sessions::refresh_token
                    .is_not_null()
                    .or(sessions::access_token.is_not_null())
                    .or(sessions::refused_at.is_not_null()),
            ),
    )
    .set(sessions::recheck_at.eq(at.0))
    .execute(conn)?;
    Ok(())
}

/// When somebody is asked about again.
pub fn set_recheck(conn: &mut Conn, provider: &str, user_id: i64, at: UnixTime) -> Result<()> {
    set_recheck_of(conn, provider, &[user_id], at)
}

/// What a person's live sessions at a provider can be asked with now, those first that were asked
/// with the longest ago, so that none of them grows stale.
pub fn of_person(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    provider: &str,
    user_id: i64,
) -> Result<Vec<Row>> {
    Ok(each!(conn, |conn| sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::provider.eq(provider))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now.0))
        .filter(sessions::last_seen_at.gt(now.minus(limits.idle).0))
        .filter(
            sessions::refresh_token
                .is_not_null()
                .or(sessions::access_expires_at.gt(now.0))
        )
        .order((sessions::confirmed_at, sessions::id))
        .limit(100)
        .select((
            sessions::id,
            sessions::token_hash,
            sessions::refresh_token,
            sessions::access_token,
            sessions::access_expires_at,
            sessions::sub,
            sessions::confirmed_at,
        ))
        .load(conn))?)
}

/// Takes what a session could be asked with.
pub fn drop_tokens(conn: &mut Conn, session_id: i64) -> Result<()> {
    diesel::update(sessions::table.find(session_id))
        .set((
            sessions::refresh_token.eq(None::<&str>),
            sessions::access_token.eq(None::<&str>),
            sessions::access_expires_at.eq(None::<i64>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Takes what a session could be asked with, because the provider refused it: this refresh token,
/// or, where there is none, its access token. A newer one stays.
pub fn refuse(
    conn: &mut Conn,
    now: UnixTime,
    session_id: i64,
    refresh_token: Option<&str>,
) -> Result<()> {
    let session = sessions::table.find(session_id);
    let change = sessions::refused_at.eq(now.0);
    let refused = match refresh_token {
        Some(token) => diesel::update(session.filter(sessions::refresh_token.eq(token)))
            .set(change)
            .execute(conn)?,
        None => diesel::update(session.filter(sessions::refresh_token.is_null()))
            .set(change)
            .execute(conn)?,
    };
    if refused == 1 {
        drop_tokens(conn, session_id)?;
    }
    Ok(())
}

/// Notes that the provider still knows the person.
pub fn confirm(conn: &mut Conn, now: UnixTime, session_id: i64) -> Result<()> {
    diesel::update(sessions::table.find(session_id))
        .set(sessions::confirmed_at.eq(now.0))
        .execute(conn)?;
    Ok(())
}

/// New tokens of a live session; whether they were taken. A refresh token that was rotated takes
/// the place of the old one, and of no other: had it changed meanwhile, two would have used it.
pub fn renew(
    conn: &mut Conn,
    session_id: i64,
    refresh: Option<(&str, &str)>,
    access: Option<(&str, i64)>,
) -> Result<bool> {
    let live = sessions::table
        .filter(sessions::id.eq(session_id))
        .filter(sessions::ended_at.is_null());
    if let Some((old, new)) = refresh {
        let replaced = diesel::update(live.filter(sessions::refresh_token.eq(old)))
            .set(sessions::refresh_token.eq(new))
            .execute(conn)?;
        if replaced == 0 {
            return Ok(false);
        }
    }
    if let Some((token, expires_at)) = access {
        diesel::update(live)
            .set((
                sessions::access_token.eq(token),
                sessions::access_expires_at.eq(expires_at),
            ))
            .execute(conn)?;
    }
    Ok(true)
}

/// Holds a claim for longer. `false` when somebody else has the person by now.
pub fn renew_claim(
    conn: &mut Conn,
    provider: &str,
    user_id: i64,
    (from, until): (UnixTime, UnixTime),
) -> Result<bool> {
    let held = diesel::update(
        sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::provider.eq(provider))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::recheck_at.eq(from.0)),
    )
    .set(sessions::recheck_at.eq(until.0))
    .execute(conn)?;
    Ok(held > 0)
}

/// Whether the provider has refused what a live session of a person came with.
pub fn is_refused(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    provider: &str,
    user_id: i64,
) -> Result<bool> {
    let found: Option<i64> = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::provider.eq(provider))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now.0))
        .filter(sessions::last_seen_at.gt(now.minus(limits.idle).0))
        .filter(sessions::refused_at.is_not_null())
        .select(sessions::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Whether a person has signed in at a provider since `since`, and that was not refused since.
pub fn is_newer(conn: &mut Conn, since: UnixTime, provider: &str, user_id: i64) -> Result<bool> {
    let found: Option<i64> = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::provider.eq(provider))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::created_at.ge(since.0))
        .filter(sessions::refused_at.is_null())
        .select(sessions::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Has those asked about again whose sessions began while nobody was; how many sessions there are.
pub fn schedule(conn: &mut Conn, now: UnixTime, provider: &str) -> Result<usize> {
    Ok(diesel::update(
        sessions::table
            .filter(sessions::provider.eq(provider))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::recheck_at.is_null())
            .filter(sessions::refresh_token.is_not_null()),
    )
    .set((
        sessions::recheck_at.eq(now.0),
        sessions::confirmed_at.eq(now.0),
    ))
    .execute(conn)?)
}

/// What is left of a session's tokens, ended or not: for revoking them and for signing out at the
/// provider.
#[derive(Clone, Debug, Queryable)]
pub struct Left {
    pub provider: String,
    pub token_hash: String,
    pub refresh_token: Option<String>,
    pub access_token: Option<String>,
    pub id_token: Option<String>,
}

pub fn left_of(conn: &mut Conn, session_id: i64) -> Result<Option<Left>> {
    Ok(sessions::table
        .find(session_id)
        .select((
            sessions::provider,
            sessions::token_hash,
            sessions::refresh_token,
            sessions::access_token,
            sessions::id_token,
        ))
        .first(conn)
        .optional()?)
}

/// Takes the ID token of a session, with the hash of its own token: whoever asks next gets none.
pub fn take_id_token(conn: &mut Conn, session_id: i64) -> Result<Option<(String, String)>> {
    let found: Option<(Option<String>, String)> = sessions::table
        .find(session_id)
        .select((sessions::id_token, sessions::token_hash))
        .first(conn)
        .optional()?;
    let Some((Some(token), token_hash)) = found else {
        return Ok(None);
    };
    let session = sessions::table.find(session_id);
    let changed = diesel::update(session.filter(sessions::id_token.eq(&token)))
        .set(sessions::id_token.eq(None::<&str>))
        .execute(conn)?;
    Ok((changed == 1).then_some((token, token_hash)))
}

/// Whether a session that has not ended came from this session of the provider's.
pub fn is_on(conn: &mut Conn, provider: &str, sid: &str) -> Result<bool> {
    let found: Option<i64> = sessions::table
        .filter(sessions::provider.eq(provider))
        .filter(sessions::sid.eq(sid))
        .filter(sessions::ended_at.is_null())
        .select(sessions::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Takes the tokens of up to `limit` sessions that ended before `before`; how many there were.
pub fn forget_ended(conn: &mut Conn, before: UnixTime, limit: i64) -> Result<usize> {
    let ended: Vec<i64> = sessions::table
        .filter(sessions::ended_at.is_not_null())
        .filter(sessions::ended_at.lt(before.0))
        .filter(
            sessions::refresh_token
                .is_not_null()
                .or(sessions::access_token.is_not_null())
                .or(sessions::id_token.is_not_null()),
        )
        .select(sessions::id)
        .limit(limit)
        .load(conn)?;
    Ok(
        diesel::update(sessions::table.filter(sessions::id.eq_any(ended)))
            .set((
                sessions::refresh_token.eq(None::<&str>),
                sessions::access_token.eq(None::<&str>),
                sessions::id_token.eq(None::<&str>),
            ))
            .execute(conn)?,
    )
}

/// Takes the tokens of a person's sessions that are past a limit: nobody comes back to them.
pub fn forget_stale(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    provider: &str,
    user_id: i64,
) -> Result<()> {
    let before = now.minus(STALE);
    let is_stale = sessions::expires_at
        .le(before.0)
        .or(sessions::last_seen_at.le(before.minus(limits.idle).0));
    diesel::update(
        sessions::table
            .filter(sessions::user_id.eq(user_id))
            .filter(sessions::provider.eq(provider))
            .filter(is_stale),
    )
    .set((
        sessions::refresh_token.eq(None::<&str>),
        sessions::access_token.eq(None::<&str>),
        sessions::id_token.eq(None::<&str>),
        sessions::recheck_at.eq(None::<i64>),
    ))
    .execute(conn)?;
    Ok(())
}

/// How many people of a provider are re-checked, counted up to `cap`.
pub fn count_people(conn: &mut Conn, provider: &str, cap: i64) -> Result<i64> {
    Sql::new(
        "SELECT DISTINCT x.user_id FROM sessions x WHERE x.provider = ? AND x.recheck_at IS NOT NULL AND x.ended_at IS NULL",
        [provider.into()],
    )
    .count_up_to(conn, cap)
}
