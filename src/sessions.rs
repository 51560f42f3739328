//! Sessions. The cookie carries only a random token. The table stores the token's SHA-256 and is
//! authoritative.

pub(crate) mod closing;
pub mod list;
pub mod logouts;
pub(crate) mod proof;
pub(crate) mod recheck_due;
pub(crate) mod removed_providers;
pub(crate) mod tokens;

use std::time::Duration;

use diesel::dsl::{auto_type, exists};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as Diesel};

pub use closing::{Closing, close, close_at};

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

/// The sessions of a provider that have not ended. They may be past a limit.
#[auto_type]
#[expect(clippy::elidable_lifetime_names, reason = "its type has it")]
fn open_sessions_of<'a>(provider: &'a str) -> _ {
    sessions::table
        .filter(sessions::provider.eq(provider))
        .filter(sessions::ended_at.is_null())
}

/// The condition that a session is live: it has not ended, and is past no limit.
#[auto_type]
fn is_within(now: UnixTime, limits: Limits) -> _ {
    let (now, last_seen): (i64, i64) = (now.0, now.minus(limits.idle).0);
    sessions::ended_at
        .is_null()
        .and(sessions::expires_at.gt(now))
        .and(sessions::last_seen_at.gt(last_seen))
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
    pub(crate) fn proof(&self) -> Option<Proof> {
        Some(Proof {
            at: UnixTime(self.proved_at?),
            by: ProvedBy::from_code(self.proved_by.as_deref()?)?,
        })
    }

    /// Returns whether its owner proved who they are recently.
    pub(crate) fn is_proved(&self, now: UnixTime) -> bool {
        self.proof().is_some_and(|proof| proof.is_fresh(now))
    }

    pub(crate) const fn created_at(&self) -> UnixTime {
        UnixTime(self.created_at)
    }

    pub(crate) const fn last_seen_at(&self) -> UnixTime {
        UnixTime(self.last_seen_at)
    }

    /// Returns whether `last_seen_at` is due to be written.
    pub(crate) fn is_touch_due(&self, now: UnixTime) -> bool {
        now.since(self.last_seen_at()) >= TOUCH_EVERY
    }
}

/// Where a request came from, as rows store it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    pub address: String,
    /// The first 400 characters of the header.
    pub user_agent: String,
    /// The address is that of a trusted proxy and identifies no one.
    pub is_proxy: bool,
}

#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    pub user_id: UserId,
    pub token_hash: &'a str,
    pub provider: &'a str,
    pub attempt: Option<&'a str>,
    pub client: &'a Client,
    pub grant: &'a tokens::Sealed,
    pub proof: Option<Proof>,
}

/// # Errors
/// [`Error::AttemptUsed`] when the attempt has opened a session already.
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
            new.grant,
            sessions::confirmed_at.eq(new.grant.recheck_at.map(|_| now.0)),
            sessions::proved_at.eq(new.proof.map(|proof| proof.at.0)),
            sessions::proved_by.eq(new.proof.map(|proof| proof.by.code())),
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
    let opened = sessions::table.filter(sessions::attempt.eq(attempt));
    Ok(diesel::select(exists(opened)).get_result(conn)?)
}

/// Finds the live session of a token, and its owner. Returns `None` if the session is unknown,
/// ended or past a limit, or if its account is not active.
pub fn find_live(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    token_hash: &str,
) -> Result<Option<(Session, User)>> {
    Ok(each!(conn, |conn| sessions::table
        .inner_join(users::table)
        .filter(sessions::token_hash.eq(token_hash))
        .filter(is_within(now, limits))
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
    let live = sessions::table
        .filter(sessions::id.eq(id))
        .filter(sessions::user_id.eq(user_id))
        .filter(is_within(now, limits));
    Ok(each!(conn, |conn| diesel::select(exists(live)).get_result(conn))?)
}

/// Ends the oldest sessions of an account until there is room for one more within
/// [`Limits::per_person`]. Returns how many it ended.
pub fn make_room(conn: &mut Conn, now: UnixTime, limits: Limits, user_id: UserId) -> Result<usize> {
    let oldest: Option<SessionId> = each!(conn, |conn| sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(is_within(now, limits))
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
    Ok(each!(conn, |conn| sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(is_within(now, limits))
        .order(sessions::id.desc())
        .limit(limit)
        .select(Session::as_select())
        .load(conn))?)
}

/// Records that the session was used. A session that has ended meanwhile stays ended.
pub fn touch(conn: &mut Conn, now: UnixTime, id: SessionId) -> Result<()> {
    let untouched = sessions::table
        .filter(sessions::id.eq(id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::last_seen_at.le(now.minus(TOUCH_EVERY).0));
    let seen = sessions::last_seen_at.eq(now.0);
    diesel::update(untouched).set(seen).execute(conn)?;
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
