//! What people see of their own requests, and who decides on them.

use diesel::prelude::*;

use super::State;
use super::list::{COLUMNS, JOIN, Listed};
use crate::apps::{Grant, owners};
use crate::clock::UnixTime;
use crate::db::schema::{access_requests, app_grants};
use crate::db::{Conn, Sql, each};
use crate::error::Result;
use crate::id::{AppId, RequestId, UserId};

/// The most ended requests that a page shows.
pub const MAX_SHOWN: i64 = 20;

/// Which requests of a person to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Open,
    /// All that have ended, the newest first.
    Ended,
    /// Those whose end the person has not seen yet.
    Unseen,
}

/// Lists requests of a person, newest first, at most [`MAX_SHOWN`].
pub fn list(conn: &mut Conn, user_id: UserId, which: Which) -> Result<Vec<Listed>> {
    let test = match which {
        Which::Open => "x.state = 'open'",
        Which::Ended => "x.state <> 'open'",
        Which::Unseen => "x.state <> 'open' AND x.seen_at IS NULL",
    };
    Sql::new(
        &format!("SELECT {COLUMNS} FROM access_requests x {JOIN} WHERE x.user_id = ? AND {test} ORDER BY x.id DESC LIMIT ?"),
        [user_id.into(), MAX_SHOWN.into()],
    )
    .load(conn)
}

/// Records that a person has seen the end of these requests. It is their own mark, like a star, and
/// leaves no event.
pub fn note_seen(conn: &mut Conn, now: UnixTime, user_id: UserId, ids: &[RequestId]) -> Result<()> {
    let rows = access_requests::table
        .filter(access_requests::user_id.eq(user_id))
        .filter(access_requests::id.eq_any(ids))
        .filter(access_requests::state.ne(State::Open.code()))
        .filter(access_requests::seen_at.is_null());
    diesel::update(rows)
        .set(access_requests::seen_at.eq(now.0))
        .execute(conn)?;
    Ok(())
}

/// Returns the names of the people who decide on a request of this person for an app: its active
/// owners. If there are none, a superuser decides.
pub fn deciders(conn: &mut Conn, app: AppId, asker: UserId) -> Result<Vec<String>> {
    let owners = owners::of_app(conn, app)?.into_iter();
    Ok(owners
        .filter(|owner| owner.is_active && owner.user_id != asker)
        .map(|owner| {
            if owner.first_name.trim().is_empty() {
                owner.username
            } else {
                owner.first_name
            }
        })
        .collect())
}

/// Returns the longest running grant of a person for an app, if there is one.
pub fn running_grant(
    conn: &mut Conn,
    now: UnixTime,
    app: AppId,
    user_id: UserId,
) -> Result<Option<Grant>> {
    let ends: Vec<Option<i64>> = each!(conn, |conn| app_grants::table
        .filter(app_grants::app_id.eq(app))
        .filter(app_grants::user_id.eq(user_id))
        .select(app_grants::expires_at)
        .load(conn))?;
    let grants = ends.into_iter().map(|end| Grant {
        expires_at: end.map(UnixTime),
    });
    Ok(grants
        .filter(|grant| grant.is_running(now))
        .reduce(Grant::longer))
}
