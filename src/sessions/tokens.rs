//! The tokens that a provider gave with a session, sealed. Each is sealed for its own row and
//! cannot be opened in any other.

use std::time::Duration;

use diesel::dsl::exists;
use diesel::prelude::*;

use super::{Limits, open_sessions_of};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::db::schema::sessions;
use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::oauth::Grant;
use crate::secret::{Keys, Purpose, Secret, random_bytes};

/// How long expired tokens of a session are kept, in case the clock was wrong.
const STALE: Duration = Duration::from_secs(3600);

/// A grant as stored in its row.
#[derive(Clone, Debug, Default, Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
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

pub fn seal(
    keys: &Keys,
    grant: &Grant,
    token_hash: &str,
    recheck_at: Option<UnixTime>,
) -> Result<Sealed> {
    let sealed = |token: &Option<Secret<String>>| {
        let token = token.as_ref();
        token
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

/// Seals a token for the session with this token hash.
pub fn seal_token(keys: &Keys, token: &Secret<String>, token_hash: &str) -> Result<String> {
    let salt = random_bytes()?;
    keys.seal_at(Purpose::Grant, salt, token.expose().as_bytes(), token_hash)
        .ok_or_else(|| Error::Internal("a token cannot be encrypted".to_owned()))
}

/// Opens a sealed token. Returns `None` if it was sealed for another session or with a key that is
/// no longer known.
pub fn open_token(keys: &Keys, sealed: &str, token_hash: &str) -> Option<Secret<String>> {
    let opened = keys.open_at(Purpose::Grant, sealed, token_hash)?;
    String::from_utf8(opened.plain).ok().map(Secret::new)
}

/// Removes the tokens of a session with which its provider could be asked.
pub fn drop_tokens(conn: &mut Conn, session_id: SessionId) -> Result<()> {
    diesel::update(sessions::table.find(session_id))
        .set((
            sessions::refresh_token.eq(None::<&str>),
            sessions::access_token.eq(None::<&str>),
            sessions::access_expires_at.eq(None::<i64>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Removes the tokens of a session because the provider refused them: this refresh token or, if
/// there is none, its access token. A newer one stays.
pub fn refuse(
    conn: &mut Conn,
    now: UnixTime,
    session_id: SessionId,
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

/// Stores new tokens of a live session, and returns whether they were stored. A rotated refresh
/// token replaces only the one it came from: if that has changed meanwhile, two instances would
/// have used it.
pub fn renew(
    conn: &mut Conn,
    session_id: SessionId,
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

/// The tokens that a session, ended or not, still has at its provider, so that they can be revoked
/// there.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = sessions)]
pub struct RemainingTokens {
    pub provider: String,
    pub token_hash: String,
    pub refresh_token: Option<String>,
    pub access_token: Option<String>,
}

pub fn left_of(conn: &mut Conn, session_id: SessionId) -> Result<Option<RemainingTokens>> {
    Ok(sessions::table
        .find(session_id)
        .select(RemainingTokens::as_select())
        .first(conn)
        .optional()?)
}

/// Removes and returns the ID token of a session, with the session's token hash. Later callers get
/// none.
pub fn take_id_token(conn: &mut Conn, session_id: SessionId) -> Result<Option<(String, String)>> {
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

/// Returns whether a session that has not ended belongs to this session at the provider.
pub fn is_on(conn: &mut Conn, provider: &str, sid: &str) -> Result<bool> {
    let on = open_sessions_of(provider).filter(sessions::sid.eq(sid));
    Ok(diesel::select(exists(on)).get_result(conn)?)
}

/// Removes the tokens of up to `limit` sessions that ended before `before`, and returns how many.
pub fn forget_ended(conn: &mut Conn, before: UnixTime, limit: i64) -> Result<usize> {
    let has_tokens = sessions::refresh_token
        .is_not_null()
        .or(sessions::access_token.is_not_null())
        .or(sessions::id_token.is_not_null());
    let ended: Vec<SessionId> = sessions::table
        .filter(sessions::ended_at.is_not_null())
        .filter(sessions::ended_at.lt(before.0))
        .filter(has_tokens)
        .select(sessions::id)
        .limit(limit)
        .load(conn)?;
    let ended = sessions::table.filter(sessions::id.eq_any(ended));
    let forget = diesel::update(ended).set((
        sessions::refresh_token.eq(None::<&str>),
        sessions::access_token.eq(None::<&str>),
        sessions::id_token.eq(None::<&str>),
    ));
    Ok(forget.execute(conn)?)
}

/// Removes the tokens of a person's sessions that are past a limit, since no one will come back to
/// them.
pub fn forget_stale(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    provider: &str,
    user_id: UserId,
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
