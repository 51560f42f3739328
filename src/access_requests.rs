//! Requests for access to an app: what people asked for, and what came of it.
//!
//! A pair of a person and an app has at most one open request, by a unique index. Ended requests
//! stay as long as acts are kept, also when the app is gone.

pub mod due;
pub mod list;
pub mod person;
pub mod span;

use std::time::Duration;

use diesel::prelude::*;
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::apps::{App, grants};
use crate::audit::event::ClosedBecause;
use crate::audit::{About, Actor, Deed, Event};
use crate::clock::UnixTime;
use crate::coded::coded;
use crate::db::schema::{access_requests, app_grants, apps, users};
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::{AppId, RequestId, UserId, first_id_at, new_id};
use crate::users::{Leaver, User};

const DAY: Duration = Duration::from_secs(86_400);
/// After this time without an answer, a request is told again.
pub const REPEAT_AFTER: Duration = Duration::from_secs(3 * DAY.as_secs());
/// After this time without an answer, it lapses.
pub const LAPSE_AFTER: Duration = Duration::from_secs(30 * DAY.as_secs());
/// The most requests of a person that are open or were made today.
pub const MAX_A_DAY: i64 = 20;
/// The longest sentence, in characters.
pub const MAX_SENTENCE: usize = 500;
/// The longest time that may be asked for or granted, unless it is for ever.
pub const MAX_DAYS: i64 = 3650;

#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum State {
    Open,
    Granted,
    Declined,
    /// By the person who asked.
    Withdrawn,
    /// Nobody answered.
    Lapsed,
    /// It no longer made sense; [`ClosedBecause`] says why.
    Closed,
}

coded!(State);

impl State {
    /// The states that are an end.
    pub const ENDED: [Self; 5] = [
        Self::Granted,
        Self::Declined,
        Self::Withdrawn,
        Self::Lapsed,
        Self::Closed,
    ];
}

#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, QueryableByName, Insertable)]
#[diesel(table_name = access_requests)]
pub struct Request {
    pub id: RequestId,
    pub app_id: AppId,
    /// The app's key, also after the app is gone.
    pub app_key: String,
    pub user_id: UserId,
    created_at: i64,
    pub sentence: String,
    /// For how many days; `None` is for ever.
    pub wanted_days: Option<i64>,
    state: String,
    closed_because: Option<String>,
    closed_at: Option<i64>,
    decided_by: String,
    decided_by_id: Option<UserId>,
    /// What the decider wrote; the person reads it.
    pub answer: String,
    granted_until: Option<i64>,
    reminded_at: Option<i64>,
    seen_at: Option<i64>,
}

impl Request {
    pub const fn created_at(&self) -> UnixTime {
        UnixTime(self.created_at)
    }

    /// A state that only a newer version knows is an end.
    pub fn state(&self) -> State {
        State::from_code(&self.state).unwrap_or(State::Closed)
    }

    pub fn is_open(&self) -> bool {
        self.state() == State::Open
    }

    pub fn closed_because(&self) -> Option<ClosedBecause> {
        ClosedBecause::from_code(self.closed_because.as_deref()?)
    }

    pub fn closed_at(&self) -> Option<UnixTime> {
        self.closed_at.map(UnixTime)
    }

    /// Who ended it.
    pub fn decided_by(&self) -> Actor<'_> {
        Actor::read(self.decided_by_id, &self.decided_by, "")
    }

    /// The end of what was granted; `None` if nothing was, or for ever.
    pub fn granted_until(&self) -> Option<UnixTime> {
        self.granted_until.map(UnixTime)
    }

    /// When it lapses if nobody answers.
    pub fn lapses_at(&self) -> UnixTime {
        self.created_at().plus(LAPSE_AFTER)
    }
}

/// What ends a request.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    pub state: State,
    pub because: Option<ClosedBecause>,
    pub by: Actor<'a>,
    pub answer: &'a str,
    pub granted_until: Option<UnixTime>,
}

impl<'a> Ending<'a> {
    pub const fn of(state: State, by: Actor<'a>) -> Self {
        Self {
            state,
            because: None,
            by,
            answer: "",
            granted_until: None,
        }
    }
}

/// Adds an open request.
pub fn create(
    conn: &mut Conn,
    now: UnixTime,
    app: &App,
    user_id: UserId,
    sentence: &str,
    wanted_days: Option<i64>,
) -> Result<Request> {
    let request = Request {
        id: new_id(now),
        app_id: app.id,
        app_key: app.key.clone(),
        user_id,
        created_at: now.0,
        sentence: sentence.to_owned(),
        wanted_days,
        state: State::Open.code().to_owned(),
        closed_because: None,
        closed_at: None,
        decided_by: String::new(),
        decided_by_id: None,
        answer: String::new(),
        granted_until: None,
        reminded_at: None,
        seen_at: None,
    };
    each!(conn, |conn| diesel::insert_into(access_requests::table)
        .values(&request)
        .execute(conn))?;
    Ok(request)
}

pub fn find(conn: &mut Conn, id: RequestId) -> Result<Option<Request>> {
    Ok(each!(conn, |conn| access_requests::table
        .find(id)
        .select(Request::as_select())
        .first(conn)
        .optional())?)
}

/// Finds the open request of a person for an app.
pub fn find_open(conn: &mut Conn, app: AppId, user_id: UserId) -> Result<Option<Request>> {
    Ok(each!(conn, |conn| access_requests::table
        .filter(access_requests::app_id.eq(app))
        .filter(access_requests::user_id.eq(user_id))
        .filter(access_requests::state.eq("open"))
        .select(Request::as_select())
        .first(conn)
        .optional())?)
}

/// Counts the requests of a person that are open or were made at this time or later.
pub fn count_open_or_since(conn: &mut Conn, user_id: UserId, since: UnixTime) -> Result<i64> {
    let counts = access_requests::state
        .eq("open")
        .or(access_requests::created_at.ge(since.0));
    Ok(each!(conn, |conn| access_requests::table
        .filter(access_requests::user_id.eq(user_id))
        .filter(counts)
        .count()
        .get_result(conn))?)
}

/// Ends a request, unless something else has ended it. Returns whether this did.
pub fn end(conn: &mut Conn, now: UnixTime, id: RequestId, ending: &Ending<'_>) -> Result<bool> {
    // People need not be told what they did themselves.
    let seen_at = (ending.state == State::Withdrawn).then_some(now.0);
    let open = access_requests::table
        .filter(access_requests::id.eq(id))
        .filter(access_requests::state.eq(State::Open.code()));
    let ended = diesel::update(open)
        .set((
            access_requests::state.eq(ending.state.code()),
            access_requests::closed_because.eq(ending.because.map(ClosedBecause::code)),
            access_requests::closed_at.eq(now.0),
            access_requests::decided_by.eq(ending.by.text()),
            access_requests::decided_by_id.eq(ending.by.id()),
            access_requests::answer.eq(ending.answer),
            access_requests::granted_until.eq(ending.granted_until.map(|end| end.0)),
            access_requests::seen_at.eq(seen_at),
        ))
        .execute(conn)?;
    Ok(ended > 0)
}

/// Closes an open request that no longer makes sense, with an event. Returns whether it was open.
pub fn close(
    conn: &mut Conn,
    deed: &Deed<'_>,
    request: &Request,
    username: &str,
    because: ClosedBecause,
) -> Result<bool> {
    let ending = Ending {
        because: Some(because),
        ..Ending::of(State::Closed, deed.by)
    };
    if !end(conn, deed.now, request.id, &ending)? {
        return Ok(false);
    }
    let event = Event::AccessRequestClosed {
        app: request.app_key.clone(),
        because: Some(because),
    };
    let reference = request.id.to_string();
    let about = About::Person(request.user_id, username);
    deed.with_reference(&reference)
        .record(conn, about, &event)?;
    Ok(true)
}

/// Closes the open requests of a person, each with an event, in the transaction of its cause. The
/// account's row must be locked.
pub fn close_of_person(
    conn: &mut Conn,
    deed: &Deed<'_>,
    (user_id, username): (UserId, &str),
    because: ClosedBecause,
) -> Result<()> {
    let open: Vec<Request> = each!(conn, |conn| access_requests::table
        .filter(access_requests::user_id.eq(user_id))
        .filter(access_requests::state.eq("open"))
        .order(access_requests::id)
        .select(Request::as_select())
        .load(conn))?;
    for request in open {
        close(conn, deed, &request, username, because)?;
    }
    Ok(())
}

/// Closes a deactivated person's open requests and removes their grants, which do not come back
/// with the account. The account's row must be locked.
pub fn end_all(conn: &mut Conn, deed: &Deed<'_>, user: &User) -> Result<()> {
    let person = (user.id, user.username.as_str());
    close_of_person(conn, deed, person, ClosedBecause::Deactivated)?;
    for app in grants::remove_of_person(conn, deed.now, user.id)? {
        deed.record(conn, About::from(user), &Event::AccessRevoked { app })?;
    }
    Ok(())
}

/// Closes the open requests for an app, each with an event, in the transaction of its cause. The
/// app's row must already be changed or removed, so that no request can be made meanwhile.
pub fn close_of_app(
    conn: &mut Conn,
    deed: &Deed<'_>,
    app: AppId,
    because: ClosedBecause,
) -> Result<()> {
    let open: Vec<(Request, String)> = each!(conn, |conn| access_requests::table
        .inner_join(users::table)
        .filter(access_requests::app_id.eq(app))
        .filter(access_requests::state.eq("open"))
        .order(access_requests::id)
        .select((Request::as_select(), users::username))
        .load(conn))?;
    for (request, username) in open {
        close(conn, deed, &request, &username, because)?;
    }
    Ok(())
}

/// Removes what a person wrote and what they were given, and puts the alias in the place of their
/// name where they decided. What they wrote to others stays, as the texts of other acts do.
pub fn forget(conn: &mut Conn, leaver: &Leaver<'_>) -> Result<()> {
    diesel::update(access_requests::table.filter(access_requests::user_id.eq(leaver.id)))
        .set((
            access_requests::sentence.eq(""),
            access_requests::answer.eq(""),
        ))
        .execute(conn)?;
    let decided = access_requests::decided_by_id
        .is_not_null()
        .and(access_requests::decided_by_id.eq(leaver.id));
    diesel::update(access_requests::table.filter(decided))
        .set(access_requests::decided_by.eq(leaver.alias))
        .execute(conn)?;
    diesel::delete(app_grants::table.filter(app_grants::user_id.eq(leaver.id))).execute(conn)?;
    let granted = app_grants::granted_by_id
        .is_not_null()
        .and(app_grants::granted_by_id.eq(leaver.id));
    diesel::update(app_grants::table.filter(granted))
        .set(app_grants::granted_by.eq(leaver.alias))
        .execute(conn)?;
    diesel::update(apps::table.filter(apps::changed_by_id.eq(leaver.id)))
        .set(apps::changed_by.eq(leaver.alias))
        .execute(conn)?;
    Ok(())
}

/// Deletes up to `limit` requests that ended before this time, and returns how many.
pub fn sweep(conn: &mut Conn, ended_before: UnixTime, limit: i64) -> Result<usize> {
    let mut swept = 0;
    for state in State::ENDED {
        let stale: Vec<RequestId> = access_requests::table
            .filter(access_requests::state.eq(state.code()))
            .filter(access_requests::id.lt(RequestId(first_id_at(ended_before))))
            .filter(access_requests::closed_at.lt(ended_before.0))
            .order(access_requests::id)
            .select(access_requests::id)
            .limit(limit)
            .load(conn)?;
        for ids in stale.chunks(500) {
            let rows = access_requests::table.filter(access_requests::id.eq_any(ids));
            swept += diesel::delete(rows).execute(conn)?;
        }
    }
    Ok(swept)
}
