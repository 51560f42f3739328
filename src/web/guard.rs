//! Who may go on: extractors that a handler takes as its first argument.

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_session::SessionExt as _;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use super::cookie;
use super::visit::{Visit, desk};
use crate::admin::Admin;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::jobs;
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

/// The person of this request, for the frame: error pages and the log line.
pub struct Viewer(pub User);

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T>>>>;

impl FromRequest for SignedIn {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { signed_in(&request).await?.ok_or(Error::SignedOut) })
    }
}

/// A page's reader, before it is known whether they may see it: [`Reader::read`] tells, and reads
/// what the page shows, in one turn at the database.
pub struct Reader {
    request: HttpRequest,
    needed: Role,
}

/// The same for pages of the admin area.
pub struct StaffReader(pub Reader);

/// The same for pages that lead to acts.
pub struct SuperuserReader(pub Reader);

/// Somebody who may act, with the authority that [`crate::admin`] asks for.
pub struct Acting {
    pub me: SignedIn,
    pub admin: Admin,
}

impl FromRequest for Reader {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self {
            request: request.clone(),
            needed: Role::Employee,
        }))
    }
}

impl FromRequest for StaffReader {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(Reader {
            request: request.clone(),
            needed: Role::Staff,
        })))
    }
}

impl FromRequest for SuperuserReader {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(Reader {
            request: request.clone(),
            needed: Role::Superuser,
        })))
    }
}

impl FromRequest for Acting {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let me = signed_in(&request).await?.ok_or(Error::SignedOut)?;
            let admin = Admin::of(&me.user, &me.session, me.visit.client.clone())
                .ok_or(Error::Forbidden)?;
            Ok(Self { me, admin })
        })
    }
}

impl Reader {
    /// Who reads, and what `query` found for them. The query runs only for those who may read.
    ///
    /// # Errors
    /// [`Error::SignedOut`], [`Error::Forbidden`], or what `query` returns.
    pub async fn read<T, F>(self, query: F) -> Result<(SignedIn, T)>
    where
        T: Send + 'static,
        F: Fn(&mut Conn, &SessionOfUser) -> Result<T> + Send + 'static,
    {
        let needed = self.needed;
        let found = find(&self.request, move |conn, found| {
            // An error would hide who is reading, whom the page that says no must name.
            if found.user.role() < needed {
                return Ok(Err(Error::Forbidden));
            }
            match query(conn, found) {
                Err(error @ Error::Database(_)) => Err(error),
                other => Ok(other),
            }
        });
        let (me, read) = found.await?.ok_or(Error::SignedOut)?;
        Ok((me, read?))
    }
}

/// A live session and whose it is.
pub struct SessionOfUser {
    pub session: Session,
    pub user: User,
}

/// Asks the database once. `None` means signed out; an outage is an error, never `None`.
pub async fn signed_in(request: &HttpRequest) -> Result<Option<SignedIn>> {
    let found = find(request, |_, _| Ok(())).await?;
    Ok(found.map(|(me, ())| me))
}

async fn find<T, F>(request: &HttpRequest, query: F) -> Result<Option<(SignedIn, T)>>
where
    T: Send + 'static,
    F: Fn(&mut Conn, &SessionOfUser) -> Result<T> + Send + 'static,
{
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
        .read(move |conn| {
            let Some((session, user)) = sessions::find_live(conn, now, limits, &hash)? else {
                return Ok(None);
            };
            let found = SessionOfUser { session, user };
            let read = query(conn, &found)?;
            Ok(Some((found, read)))
        })
        .await?;
    let Some((SessionOfUser { session, user }, read)) = found else {
        return Ok(None);
    };
    if visit.is_under_previous_key {
        // Written anew under the current key, so that the previous one can be retired.
        if let Err(error) = request.get_session().insert(cookie::TOKEN, token.expose()) {
            return Err(Error::Internal(format!("the session cookie: {error}")));
        }
    }
    if session.is_touch_due(now) {
        jobs::touch(desk, session.id);
    }
    request.extensions_mut().insert(Viewer(user.clone()));
    let me = SignedIn {
        visit,
        session,
        user,
    };
    Ok(Some((me, read)))
}
