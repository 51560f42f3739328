//! Sessions: the cookie carries a random token, the table its SHA-256 and the truth.

pub mod closing;
pub mod due;
pub mod instances;
pub mod list;
pub mod logout_tokens;
pub mod logouts;
pub mod proof;
pub mod tokens;

use std::time::Duration;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as Diesel};

pub use closing::{Closing, close, close_all_at};

use crate::clock::UnixTime;
use crate::db::schema::{sessions, users};
use crate::db::{Conn, each};
use crate::error::{Error, Result};
use crate::id::{SessionId, UserId, new_id};
use crate::users::User;
use proof::{Proof, ProvedBy};

/// `last_seen_at` is written no more often than this.
pub const TOUCH_EVERY: Duration = Duration::from_secs(60);

/// How long an ended or expired row is kept. This is longer than any sign-in attempt lives, so that
/// no attempt can be used twice.
const KEPT_AFTER_END: Duration = Duration::from_secs(24 * 3600);

/// How long a session may last.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time since its last request.
    pub idle: Duration,
    /// The time since its sign-in.
    pub max: Duration,
    /// The number of live sessions that one person may have.
    pub per_person: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = sessions)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    /// A provider's id, or empty for the local password.
    pub provider: String,
    created_at: i64,
    last_seen_at: i64,
    expires_at: i64,
    pub address: String,
    pub user_agent: String,
    proved_at: Option<i64>,
    proved_by: Option<String>,
}

impl Session {
    /// When its owner last proved who they are, and how. Sessions older than this record have no
    /// proof.
    #[must_use]
    pub fn proof(&self) -> Option<Proof> {
        Some(Proof {
            at: UnixTime(self.proved_at?),
            by: ProvedBy::from_code(self.proved_by.as_deref()?)?,
        })
    }

    /// Returns whether its owner proved who they are recently.
    #[must_use]
    pub fn is_proved(&self, now: UnixTime) -> bool {
        self.proof().is_some_and(|proof| proof.is_fresh(now))
    }

    #[must_use]
    pub const fn created_at(&self) -> UnixTime {
        UnixTime(self.created_at)
    }

    #[must_use]
    pub const fn last_seen_at(&self) -> UnixTime {
        UnixTime(self.last_seen_at)
    }

    /// Returns whether `last_seen_at` is due to be written.
    #[must_use]
    pub fn is_touch_due(&self, now: UnixTime) -> bool {
        now.since(self.last_seen_at()) >= TOUCH_EVERY
    }
}

/// Where a request came from, as rows store it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// An IP address.
    pub address: String,
    /// The first 400 characters of the header.
    pub user_agent: String,
    /// The address is that of a trusted proxy and identifies no one.
    pub is_proxy: bool,
}

/// A session to open.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    pub user_id: UserId,
    pub token_hash: &'a str,
    pub provider: &'a str,
    /// The sign-in attempt's id.
    pub attempt: Option<&'a str>,
    pub client: &'a Client,
    pub grant: &'a tokens::Sealed,
    pub proof: Option<Proof>,
}

/// # Errors
/// [`Error::AttemptUsed`] when the attempt has opened a session already;
/// [`crate::error::DatabaseError`], here and below.
pub fn open(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    new: &NewSession<'_>,
) -> Result<SessionId> {
    let id = new_id(now);
    let inserted = each!(conn, |conn| diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id),
            sessions::token_hash.eq(new.token_hash),
            sessions::user_id.eq(new.user_id),
            sessions::provider.eq(new.provider),
            sessions::attempt.eq(new.attempt),
            sessions::created_at.eq(now.0),
            sessions::last_seen_at.eq(now.0),
            sessions::expires_at.eq(now.plus(limits.max).0),
            sessions::ended_at.eq(None::<i64>),
            sessions::address.eq(&new.client.address),
            sessions::user_agent.eq(&new.client.user_agent),
            (
                sessions::refresh_token.eq(&new.grant.refresh_token),
                sessions::access_token.eq(&new.grant.access_token),
                sessions::access_expires_at.eq(new.grant.access_expires_at),
                sessions::id_token.eq(&new.grant.id_token),
                sessions::sub.eq(&new.grant.sub),
                sessions::sid.eq(&new.grant.sid),
                sessions::confirmed_at.eq(new.grant.recheck_at.map(|_| now.0)),
                sessions::recheck_at.eq(new.grant.recheck_at),
            ),
            (
                sessions::proved_at.eq(new.proof.map(|proof| proof.at.0)),
                sessions::proved_by.eq(new.proof.map(|proof| proof.by.code())),
            ),
        ))
        .execute(conn));
    inserted.map_err(|error| match &error {
        Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, information)
            if information.message().contains("sessions.attempt")
                || information.constraint_name() == Some("sessions_attempt_key") =>
        {
            Error::AttemptUsed
        }
        _ => error.into(),
    })?;
    Ok(id)
}

/// Returns whether an attempt has already opened a session.
pub fn is_attempt_used(conn: &mut Conn, attempt: &str) -> Result<bool> {
    let found: Option<SessionId> = sessions::table
        .filter(sessions::attempt.eq(attempt))
        .select(sessions::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Finds the live session of a token, and its owner. Returns `None` if the session is unknown,
/// ended or past a limit, or if its account is not active.
pub fn find_live(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    token_hash: &str,
) -> Result<Option<(Session, User)>> {
    let last_seen = now.minus(limits.idle).0;
    Ok(each!(conn, |conn| sessions::table
        .inner_join(users::table)
        .filter(sessions::token_hash.eq(token_hash))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now.0))
        .filter(sessions::last_seen_at.gt(last_seen))
        .filter(users::is_active.eq(true))
        .select((Session::as_select(), User::as_select()))
        .first(conn)
        .optional())?)
}

/// Returns whether a session of an account is live. Callers that open or grant something on the
/// strength of it ask again once they have locked the account's row.
pub fn is_live(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    user_id: UserId,
    id: SessionId,
) -> Result<bool> {
    let found: Option<SessionId> = each!(conn, |conn| sessions::table
        .filter(sessions::id.eq(id))
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now.0))
        .filter(sessions::last_seen_at.gt(now.minus(limits.idle).0))
        .select(sessions::id)
        .first(conn)
        .optional())?;
    Ok(found.is_some())
}

/// Ends the oldest sessions of an account until there is room for one more within
/// [`Limits::per_person`]. Returns how many it ended.
pub fn make_room(conn: &mut Conn, now: UnixTime, limits: Limits, user_id: UserId) -> Result<usize> {
    let last_seen = now.minus(limits.idle).0;
    let oldest: Option<SessionId> = each!(conn, |conn| sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now.0))
        .filter(sessions::last_seen_at.gt(last_seen))
        .order(sessions::id.desc())
        .offset(limits.per_person - 1)
        .select(sessions::id)
        .first(conn)
        .optional())?;
    match oldest {
        Some(id) => close(conn, now, user_id, Closing::UpTo(id)),
        None => Ok(0),
    }
}

/// Lists live sessions, newest first, at most `limit`.
pub fn list_live(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    user_id: UserId,
    limit: i64,
) -> Result<Vec<Session>> {
    let last_seen = now.minus(limits.idle).0;
    Ok(each!(conn, |conn| sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now.0))
        .filter(sessions::last_seen_at.gt(last_seen))
        .order(sessions::id.desc())
        .limit(limit)
        .select(Session::as_select())
        .load(conn))?)
}

/// Records that the session was used. A session that has ended meanwhile stays ended.
pub fn touch(conn: &mut Conn, now: UnixTime, id: SessionId) -> Result<()> {
    diesel::update(
        sessions::table
            .filter(sessions::id.eq(id))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::last_seen_at.le(now.minus(TOUCH_EVERY).0)),
    )
    .set(sessions::last_seen_at.eq(now.0))
    .execute(conn)?;
    Ok(())
}

/// Removes from an account's rows where the sessions were opened and what a provider gave with
/// them.
pub fn forget(conn: &mut Conn, user_id: UserId) -> Result<()> {
    diesel::update(sessions::table.filter(sessions::user_id.eq(user_id)))
        .set((
            sessions::address.eq(""),
            sessions::user_agent.eq(""),
            sessions::refresh_token.eq(None::<&str>),
            sessions::access_token.eq(None::<&str>),
            sessions::id_token.eq(None::<&str>),
            sessions::sub.eq(None::<&str>),
            sessions::sid.eq(None::<&str>),
            sessions::access_expires_at.eq(None::<i64>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Ends the session of a token, and returns which session it was and whose. Returns `None` if no
/// live session has this token.
pub fn end_by_token(
    conn: &mut Conn,
    now: UnixTime,
    token_hash: &str,
) -> Result<Option<(SessionId, User)>> {
    let found: Option<(SessionId, User)> = sessions::table
        .inner_join(users::table)
        .filter(sessions::token_hash.eq(token_hash))
        .filter(sessions::ended_at.is_null())
        .select((sessions::id, User::as_select()))
        .first(conn)
        .optional()?;
    let Some((id, user)) = found else {
        return Ok(None);
    };
    let ended = close(conn, now, user.id, Closing::One(id))?;
    Ok((ended == 1).then_some((id, user)))
}

/// Deletes up to `limit` rows that ended or expired long enough ago, and returns how many.
pub fn sweep(conn: &mut Conn, now: UnixTime, limits: Limits, limit: i64) -> Result<usize> {
    let before = now.minus(KEPT_AFTER_END);
    let stale: Vec<SessionId> = sessions::table
        .filter(
            sessions::expires_at
                .lt(before.0)
                .or(sessions::ended_at.lt(before.0))
                .or(sessions::last_seen_at.lt(before.minus(limits.idle).0)),
        )
        .select(sessions::id)
        .limit(limit)
        .load(conn)?;
    Ok(diesel::delete(sessions::table.filter(sessions::id.eq_any(stale))).execute(conn)?)
}
