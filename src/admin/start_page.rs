//! Looking at another person's start page: read-only, and told in the audit log.

use crate::apps::AppsOf;
use crate::audit::{Actor, Deed, Event};
use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::portal::Portal;
use crate::sessions::{self, Client, Session};
use crate::users::{self, Role, User};

/// The authority to look at other people's pages, which read-only admins have too.
#[derive(Clone, Debug)]
pub struct Looker {
    id: UserId,
    username: String,
    session_id: SessionId,
    client: Client,
}

impl Looker {
    /// The authority of a person with a live session; `None` for employees.
    pub fn of(user: &User, session: &Session, client: Client) -> Option<Self> {
        let is_own = session.user_id == user.id;
        (user.role() >= Role::Staff && is_own).then(|| Self {
            id: user.id,
            username: user.username.clone(),
            session_id: session.id,
            client,
        })
    }
}

/// Reads the apps that a person sees on their start page, and records that somebody looked.
///
/// # Errors
/// [`Error::NotFound`] if there is no such account; [`Error::SignedOut`] and [`Error::Forbidden`]
/// if the authority does not hold any more
pub async fn view_start_page(
    portal: &Portal,
    looker: &Looker,
    id: UserId,
) -> Result<(User, AppsOf)> {
    let (now, limits) = (portal.clock.now(), portal.limits);
    let sources = portal.permission_sources();
    let looker = looker.clone();
    portal
        .db
        .write(move |conn| {
            if !sessions::is_live(conn, now, limits, looker.id, looker.session_id)? {
                return Err(Error::SignedOut);
            }
            let me = users::find(conn, looker.id)?.filter(|me| me.is_active);
            if me.ok_or(Error::SignedOut)?.role() < Role::Staff {
                return Err(Error::Forbidden);
            }
            let person = users::find(conn, id)?.ok_or(Error::NotFound)?;
            let apps = AppsOf::read(conn, &sources, &person, now)?;
            let by = Actor::Person {
                id: looker.id,
                username: &looker.username,
            };
            let deed = Deed::new(now, by, &looker.client);
            deed.record(conn, (&person).into(), &Event::StartPageViewed)?;
            Ok((person, apps))
        })
        .await
}
