//! What the job looks for: requests that are due, and grants past their end.

use diesel::prelude::*;

use super::list::{COLUMNS, JOIN, Listed};
use super::{Request, State};
use crate::clock::UnixTime;
use crate::db::schema::{access_requests, app_grants, apps, users};
use crate::db::{Conn, Sql, each};
use crate::error::Result;
use crate::id::{AppId, RequestId, UserId};
use crate::users::{Role, has_role};

/// Whether requests that were told again already count too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Once,
    OnceOrAgain,
}

/// Lists open requests that were made at this time or before, the oldest first.
pub fn open_since(conn: &mut Conn, time: UnixTime, told: Told, limit: i64) -> Result<Vec<Listed>> {
    let told = match told {
        Told::Once => "x.reminded_at IS NULL",
        Told::OnceOrAgain => "TRUE",
    };
    Sql::new(
        &format!("SELECT {COLUMNS} FROM access_requests x {JOIN} WHERE x.state = 'open' AND x.created_at <= ? AND {told} ORDER BY x.id LIMIT ?"),
        [time.0.into(), limit.into()],
    )
    .load(conn)
}

/// Records that an open request is told again, and returns whether this is the first time.
pub fn note_repeated(conn: &mut Conn, now: UnixTime, id: RequestId) -> Result<bool> {
    let row = access_requests::table
        .filter(access_requests::id.eq(id))
        .filter(access_requests::state.eq(State::Open.code()))
        .filter(access_requests::reminded_at.is_null());
    let noted = diesel::update(row)
        .set(access_requests::reminded_at.eq(now.0))
        .execute(conn)?;
    Ok(noted > 0)
}

/// Lists open requests in the order of their ids, from the one after `after`.
pub fn open_after(conn: &mut Conn, after: RequestId, limit: i64) -> Result<Vec<Request>> {
    Ok(each!(conn, |conn| access_requests::table
        .filter(access_requests::state.eq("open"))
        .filter(access_requests::id.gt(after))
        .order(access_requests::id)
        .limit(limit)
        .select(Request::as_select())
        .load(conn))?)
}

/// An app and a person of whom a grant is past its end, with the key and the username.
pub type Expired = (AppId, UserId, String, String);

/// Lists pairs of which a grant is past its end.
pub fn expired(conn: &mut Conn, now: UnixTime, limit: i64) -> Result<Vec<Expired>> {
    let mut pairs: Vec<Expired> = each!(conn, |conn| app_grants::table
        .inner_join(apps::table)
        .inner_join(users::table)
        .filter(app_grants::expires_at.le(now.0))
        .order(app_grants::expires_at)
        .limit(limit)
        .select((apps::id, users::id, apps::key, users::username))
        .load(conn))?;
    pairs.sort();
    pairs.dedup();
    Ok(pairs)
}

/// Deletes the grants of a pair that are past their end, and returns how many there were.
pub fn delete_expired(
    conn: &mut Conn,
    now: UnixTime,
    app: AppId,
    user_id: UserId,
) -> Result<usize> {
    let grants = app_grants::table
        .filter(app_grants::app_id.eq(app))
        .filter(app_grants::user_id.eq(user_id))
        .filter(app_grants::expires_at.le(now.0));
    Ok(diesel::delete(grants).execute(conn)?)
}

/// Counts the open requests that nobody can decide: there is no active owner and no active
/// superuser besides the person who asked.
pub fn count_undecidable(conn: &mut Conn) -> Result<i64> {
    const UNOWNED: &str = "SELECT x.id FROM access_requests x WHERE x.state = 'open' AND NOT EXISTS (SELECT 1 FROM app_owners o CROSS JOIN users u WHERE o.app_id = x.app_id AND u.id = o.user_id AND u.is_active = TRUE AND u.id <> x.user_id) AND NOT EXISTS (SELECT 1 FROM users u WHERE u.is_active = TRUE AND u.id <> x.user_id AND ";
    Sql::text(UNOWNED)
        .then(&has_role(Role::Superuser))
        .with(")", [])
        .count_up_to(conn, 1000)
}
