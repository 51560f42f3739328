//! Access control: extractors that a handler takes as its first argument.

use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;

use actix_session::SessionExt as _;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};

use super::cookie;
use super::visit::{Visit, portal};
use crate::access::Decider;
use crate::admin::Admin;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::jobs;
use crate::portal::Portal;
use crate::secret::sha256;
use crate::sessions::{self, Session};
use crate::users::{Role, User};

/// A person with a live session and an active account.
#[derive(Clone)]
pub struct SignedIn {
    pub visit: Visit,
    pub session: Session,
    pub user: User,
}

impl SignedIn {
    /// Returns the authority of an admin, if the person is one.
    pub fn admin(&self) -> Option<Admin> {
        Admin::of(&self.user, &self.session, self.visit.client.clone())
    }

    /// Checks that the person has recently proved who they are, for pages about acts that need it.
    pub fn check_proof(&self, portal: &Portal) -> Result<()> {
        let admin = self.admin().ok_or(Error::Forbidden)?;
        admin.check_proof(portal.clock.now())
    }
}

/// The person of this request, for error pages and the log line.
pub struct Viewer(pub User);

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T>>>>;

impl FromRequest for SignedIn {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(required(request.clone()))
    }
}

/// The lowest role that may see a page.
pub trait MinimumRole: Unpin + 'static {
    const ROLE: Role;
}

pub struct Anyone;
pub struct Staff;
pub struct Superuser;

impl MinimumRole for Anyone {
    const ROLE: Role = Role::Employee;
}

impl MinimumRole for Staff {
    const ROLE: Role = Role::Staff;
}

impl MinimumRole for Superuser {
    const ROLE: Role = Role::Superuser;
}

/// The reader of a page, before it is known whether they may see it. [`Reader::read`] checks this
/// and reads the page's data in one round trip.
pub struct Reader<N = Anyone> {
    request: HttpRequest,
    needed: PhantomData<N>,
}

/// A person who may act, with the authority that [`crate::admin`] requires.
pub struct Acting {
    pub me: SignedIn,
    pub admin: Admin,
}

/// A person who may turn out to be allowed to decide, with the authority that [`crate::access`]
/// requires. Whether they may decide about an app is read with the decision.
pub struct Deciding {
    pub me: SignedIn,
    pub decider: Decider,
}

impl<N: MinimumRole> FromRequest for Reader<N> {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self {
            request: request.clone(),
            needed: PhantomData,
        }))
    }
}

impl FromRequest for Acting {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let me = required(request.clone());
        Box::pin(async move {
            let me = me.await?;
            let admin = me.admin().ok_or(Error::Forbidden)?;
            Ok(Self { me, admin })
        })
    }
}

impl FromRequest for Deciding {
    type Error = Error;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let me = required(request.clone());
        Box::pin(async move {
            let me = me.await?;
            let client = me.visit.client.clone();
            let decider = Decider::of(&me.user, &me.session, client).ok_or(Error::Forbidden)?;
            Ok(Self { me, decider })
        })
    }
}

impl<N: MinimumRole> Reader<N> {
    /// Returns the reader and the result of `query`, which runs only for readers who have access.
    pub async fn read<T, F>(self, query: F) -> Result<(SignedIn, T)>
    where
        T: Send + 'static,
        F: Fn(&mut Conn, &SessionOfUser) -> Result<T> + Send + 'static,
    {
        let (me, (), found) = self
            .read_by(Ok(()), move |conn, me, ()| query(conn, me))
            .await?;
        Ok((me, found))
    }

    /// Like [`Reader::read`], with input from the address. A fault in the input is reported only
    /// after the reader is known, because the error page shows their name.
    pub async fn read_by<I, T, F>(self, input: Result<I>, query: F) -> Result<(SignedIn, I, T)>
    where
        I: Clone + Send + 'static,
        T: Send + 'static,
        F: Fn(&mut Conn, &SessionOfUser, &I) -> Result<T> + Send + 'static,
    {
        let asked = input.as_ref().ok().cloned();
        let found = find(&self.request, move |conn, found| {
            if found.user.role() < N::ROLE {
                return Ok(Some(Err(Error::Forbidden)));
            }
            let Some(asked) = &asked else { return Ok(None) };
            match query(conn, found, asked) {
                Err(error @ Error::Database(_)) => Err(error),
                other => Ok(Some(other)),
            }
        });
        let (me, read) = found.await?.ok_or(Error::SignedOut)?;
        // The input was faulty, so the query did not run; now that the reader is known, the fault
        // is reported.
        let Some(read) = read else {
            input?;
            return Err(Error::BadRequest);
        };
        Ok((me, input?, read?))
    }
}

pub struct SessionOfUser {
    pub session: Session,
    pub user: User,
}

/// Finds the signed-in person of a request, with one query. `None` means signed out; an outage is
/// an error, never `None`.
pub async fn signed_in(request: &HttpRequest) -> Result<Option<SignedIn>> {
    let found = find(request, |_, _| Ok(())).await?;
    Ok(found.map(|(me, ())| me))
}

async fn required(request: HttpRequest) -> Result<SignedIn> {
    signed_in(&request).await?.ok_or(Error::SignedOut)
}

async fn find<T, F>(request: &HttpRequest, query: F) -> Result<Option<(SignedIn, T)>>
where
    T: Send + 'static,
    F: Fn(&mut Conn, &SessionOfUser) -> Result<T> + Send + 'static,
{
    let portal = portal(request)?;
    let visit = Visit::of(request, portal);
    let Some(token) = &visit.session_token else {
        return Ok(None);
    };
    let now = portal.clock.now();
    let limits = portal.limits;
    let hash = sha256(token.expose().as_bytes());
    let found = portal.db.read(move |conn| {
        let Some((session, user)) = sessions::find_live(conn, now, limits, &hash)? else {
            return Ok(None);
        };
        let found = SessionOfUser { session, user };
        let read = query(conn, &found)?;
        Ok(Some((found, read)))
    });
    let Some((SessionOfUser { session, user }, read)) = found.await? else {
        return Ok(None);
    };
    if visit.is_under_previous_key {
        // The cookie is sealed again with the current key, so that the previous one can be retired.
        cookie::set_token(&request.get_session(), token)?;
    }
    if session.is_touch_due(now) {
        jobs::touch(portal, session.id);
    }
    request.extensions_mut().insert(Viewer(user.clone()));
    let me = SignedIn {
        visit,
        session,
        user,
    };
    Ok(Some((me, read)))
}
