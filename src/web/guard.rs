//! Who may go on: extractors that a handler takes as its first argument.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_session::SessionExt as _;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use log::warn;

use super::cookie;
use super::visit::{Visit, desk};
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::secret::sha256;
use crate::sessions::{self, Session};
use crate::users::{Role, User};

/// Somebody with a live session and an active account.
#[derive(Clone)]
pub struct SignedIn {
    pub visit: Visit,
    pub session: Session,
    pub user: User,
}

/// Somebody who may look at the admin pages.
pub struct Staff(pub SignedIn);

/// The person of this request, for the frame: error pages and the log line.
pub struct Viewer(pub User);

/// More `last_seen_at` writes than this are not started: a slow database has enough to do.
const MAX_TOUCHES: usize = 64;

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T>>>>;

impl FromRequest for SignedIn {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { signed_in(&request).await?.ok_or(Error::SignedOut) })
    }
}

impl FromRequest for Staff {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let me = signed_in(&request).await?.ok_or(Error::SignedOut)?;
            if me.user.role() < Role::Staff {
                return Err(Error::Forbidden);
            }
            Ok(Self(me))
        })
    }
}

/// Asks the database once. `None` means signed out; an outage is an error, never `None`.
pub async fn signed_in(request: &HttpRequest) -> Result<Option<SignedIn>> {
    let desk = desk(request)?;
    let visit = Visit::of(request, desk);
    let Some(token) = &visit.session_token else {
        return Ok(None);
    };
    let now = desk.clock.now();
    let limits = desk.limits;
    let hash = sha256(token.expose().as_bytes());
    let found = desk
        .db
        .read(move |conn| sessions::find_live(conn, now, limits, &hash))
        .await?;
    let Some((session, user)) = found else {
        return Ok(None);
    };
    if visit.is_under_previous_key {
        // Written anew under the current key, so that the previous one can be retired.
        if let Err(error) = request.get_session().insert(cookie::TOKEN, token.expose()) {
            return Err(Error::Internal(format!("the session cookie: {error}")));
        }
    }
    if session.is_touch_due(now) {
        touch(desk, session.id);
    }
    request.extensions_mut().insert(Viewer(user.clone()));
    Ok(Some(SignedIn {
        visit,
        session,
        user,
    }))
}

/// Notes in the background that the session is used: nobody waits for it, and its failing (a full
/// disk, a lock) costs nobody their page.
fn touch(desk: &Arc<Desk>, session_id: i64) {
    if desk.touches.fetch_add(1, Ordering::Relaxed) >= MAX_TOUCHES {
        desk.touches.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    let desk = Arc::clone(desk);
    let now = desk.clock.now();
    actix_web::rt::spawn(async move {
        let result = desk
            .db
            .write(move |conn| sessions::touch(conn, now, session_id))
            .await;
        if let Err(error) = result {
            warn!(event = "touch", outcome = "failed"; "{error}");
        }
        desk.touches.fetch_sub(1, Ordering::Relaxed);
    });
}
