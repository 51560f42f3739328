//! Signing out, here and elsewhere. A session that ended stays ended.

use crate::audit::{self, Details, EventKind, NewEvent};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::secret::{Secret, sha256};
use crate::sessions::{self, Client};
use crate::users::User;

/// Ends the session of `token`, if it is live.
///
/// # Errors
/// [`Error::Database`]: then the session goes on, and the page says so.
pub async fn sign_out(desk: &Desk, token: &Secret<String>, client: Client) -> Result<()> {
    let now = desk.clock.now();
    let hash = sha256(token.expose().as_bytes());
    desk.db
        .write(move |conn| {
            let Some(user) = sessions::end_by_token(conn, now, &hash)? else {
                return Ok(());
            };
            audit::record(
                conn,
                now,
                NewEvent {
                    kind: EventKind::SignedOut,
                    reason: "",
                    actor: &user.username,
                    user: Some((user.id, &user.username)),
                    provider: "",
                    client: &client,
                    reference: "",
                    details: Details::default(),
                },
            )
        })
        .await
}

/// A person ends one of their own sessions.
///
/// # Errors
/// [`Error::NotFound`] when there is no such live session of theirs.
pub async fn end_session(desk: &Desk, user: &User, session_id: i64, client: Client) -> Result<()> {
    let now = desk.clock.now();
    let user = user.clone();
    desk.db
        .write(move |conn| {
            if !sessions::end(conn, now, user.id, session_id)? {
                return Err(Error::NotFound);
            }
            record_own(conn, now, EventKind::SessionEnded, &user, &client, 1)
        })
        .await
}

/// A person ends all of their sessions but the one they are in.
///
/// # Errors
/// [`Error::Database`]
pub async fn end_other_sessions(desk: &Desk, user: &User, kept: i64, client: Client) -> Result<()> {
    let now = desk.clock.now();
    let user = user.clone();
    desk.db
        .write(move |conn| {
            let ended = sessions::end_others(conn, now, user.id, kept)?;
            if ended == 0 {
                return Ok(());
            }
            record_own(
                conn,
                now,
                EventKind::OtherSessionsEnded,
                &user,
                &client,
                ended,
            )
        })
        .await
}

fn record_own(
    conn: &mut Conn,
    now: UnixTime,
    kind: EventKind,
    user: &User,
    client: &Client,
    count: usize,
) -> Result<()> {
    audit::record(
        conn,
        now,
        NewEvent {
            kind,
            reason: "",
            actor: &user.username,
            user: Some((user.id, &user.username)),
            provider: "",
            client,
            reference: "",
            details: Details {
                count: Some(count),
                ..Details::default()
            },
        },
    )
}
