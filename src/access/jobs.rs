//! What happens to requests and grants by itself. A grant past its end counts nowhere already; the
//! job only tidies up and tells. Each row is changed by an `UPDATE` or `DELETE` that names the state
//! it must be in, so that several instances do no harm to each other.

use std::cell::Cell;
use std::sync::Arc;

use super::outdated;
use crate::access_requests::due::{self, Told};
use crate::access_requests::{self, Ending, LAPSE_AFTER, REPEAT_AFTER, Request, State, person};
use crate::apps;
use crate::audit::{About, Actor, Deed, Event};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::Result;
use crate::id::RequestId;
use crate::jobs::each_minute;
use crate::permissions::PermissionSources;
use crate::portal::Portal;
use crate::users;

/// Rows per transaction.
const BATCH: i64 = 100;
/// The most transactions of one kind in a minute.
const MAX_BATCHES: usize = 20;

/// Does one batch of work, and returns how much was done.
type Piece = fn(&mut Conn, UnixTime) -> Result<usize>;

/// Starts the job, which runs once a minute.
pub fn start(portal: &Arc<Portal>) {
    let pieces: [(&str, Piece); 3] = [
        ("requests_lapsed", lapse),
        ("requests_repeated", repeat),
        ("grants_expired", expire),
    ];
    for (event, piece) in pieces {
        each_minute(portal, event, async move |portal| {
            for _ in 0..MAX_BATCHES {
                let now = portal.clock.now();
                if portal.db.write(move |conn| piece(conn, now)).await? == 0 {
                    break;
                }
            }
            Ok(())
        });
    }
    let place = Cell::new(RequestId(i64::MIN));
    each_minute(portal, "requests_looked_at", async move |portal| {
        place.set(look_at_some(portal, place.get()).await?);
        Ok(())
    });
}

/// Tells requests again to which nobody has answered, each once.
pub fn repeat(conn: &mut Conn, now: UnixTime) -> Result<usize> {
    let since = now.minus(REPEAT_AFTER);
    let unanswered = due::open_since(conn, since, Told::Once, BATCH)?;
    for listed in &unanswered {
        let request = &listed.request;
        if due::note_repeated(conn, now, request.id)? {
            let app = request.app_key.clone();
            let event = Event::AccessRequestRepeated { app };
            record(conn, now, request, &listed.username, &event)?;
        }
    }
    Ok(unanswered.len())
}

/// Ends requests to which nobody has answered in time.
pub fn lapse(conn: &mut Conn, now: UnixTime) -> Result<usize> {
    let since = now.minus(LAPSE_AFTER);
    let unanswered = due::open_since(conn, since, Told::OnceOrAgain, BATCH)?;
    for listed in &unanswered {
        let request = &listed.request;
        let ending = Ending::of(State::Lapsed, Actor::Portal);
        if access_requests::end(conn, now, request.id, &ending)? {
            let app = request.app_key.clone();
            let event = Event::AccessRequestLapsed { app };
            record(conn, now, request, &listed.username, &event)?;
        }
    }
    Ok(unanswered.len())
}

/// Deletes grants past their end. There is an event where no other grant of the pair runs on.
pub fn expire(conn: &mut Conn, now: UnixTime) -> Result<usize> {
    let expired = due::expired(conn, now, BATCH)?;
    for (app, user_id, key, username) in &expired {
        let deleted = due::delete_expired(conn, now, *app, *user_id)?;
        if deleted > 0 && person::running_grant(conn, now, *app, *user_id)?.is_none() {
            let event = Event::AccessExpired { app: key.clone() };
            let about = About::Person(*user_id, username);
            Deed::from_nowhere(now, Actor::Portal).record(conn, about, &event)?;
        }
    }
    Ok(expired.len())
}

fn record(
    conn: &mut Conn,
    now: UnixTime,
    request: &Request,
    username: &str,
    event: &Event,
) -> Result<()> {
    let reference = request.id.to_string();
    let deed = Deed::from_nowhere(now, Actor::Portal).with_reference(&reference);
    deed.record(conn, About::Person(request.user_id, username), event)
}

/// What became of a request that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    StaysOpen,
    Closed,
}

/// Looks at a batch of open requests: a sync may have opened an app to the person who asked for
/// it. Returns where to go on in a minute.
async fn look_at_some(portal: &Arc<Portal>, after: RequestId) -> Result<RequestId> {
    let sources = portal.permission_sources();
    let now = portal.clock.now();
    let known = sources.clone();
    let read = portal.db.read(move |conn| {
        let some = due::open_after(conn, after, BATCH)?;
        let next = match some.last() {
            Some(last) if some.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX) => last.id,
            _ => RequestId(i64::MIN),
        };
        let mut outdated = Vec::new();
        for request in some {
            if is_outdated(conn, now, &known, &request)? {
                outdated.push(request.id);
            }
        }
        Ok((outdated, next))
    });
    let (outdated, next) = read.await?;
    for id in outdated {
        let sources = sources.clone();
        portal
            .db
            .write(move |conn| look(conn, now, &sources, id))
            .await?;
    }
    Ok(next)
}

fn is_outdated(
    conn: &mut Conn,
    now: UnixTime,
    sources: &PermissionSources,
    request: &Request,
) -> Result<bool> {
    let Some(user) = users::find(conn, request.user_id)? else {
        return Ok(false);
    };
    let app = apps::find_by_id(conn, request.app_id)?;
    Ok(outdated(conn, now, sources, &user, app.as_ref())?.is_some())
}

/// Looks at one open request, and closes it if it makes no sense any more.
pub fn look(
    conn: &mut Conn,
    now: UnixTime,
    sources: &PermissionSources,
    id: RequestId,
) -> Result<Looked> {
    let Some(request) = access_requests::find(conn, id)?.filter(Request::is_open) else {
        return Ok(Looked::Closed);
    };
    users::lock_row_shared(conn, request.user_id)?;
    let Some(user) = users::find(conn, request.user_id)? else {
        return Ok(Looked::StaysOpen);
    };
    let app = apps::lock_shared(conn, request.app_id)?;
    let Some(because) = outdated(conn, now, sources, &user, app.as_ref())? else {
        return Ok(Looked::StaysOpen);
    };
    let deed = Deed::from_nowhere(now, Actor::Portal);
    access_requests::close(conn, &deed, &request, &user.username, because)?;
    Ok(Looked::Closed)
}
