//! Signing out, here, in other browsers and at the provider. A session that has ended stays ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use log::warn;
use url::Url;

use crate::audit::{About, Actor, Deed, Event};
use crate::clock::UnixTime;
use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::jobs;
use crate::oauth::{Moment, Provider};
use crate::portal::Portal;
use crate::secret::{Purpose, Secret, random_bytes, sha256};
use crate::sessions::closing::{Named, named_accounts};
use crate::sessions::{self, Client, Closing, logouts, tokens};
use crate::users::{self, User};

const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// Accounts that are looked up at once. A name usually belongs to one account.
const ACCOUNTS_AT_ONCE: i64 = 100;
/// How long a browser remembers the session that it left.
pub const LEFT_SESSION_LIFETIME: Duration = Duration::from_secs(600);
/// How long after the sign-out its ID token can be given out, and only once.
const HINT: Duration = Duration::from_secs(120);

/// Ends the session of `token`, if it is live, and revokes its provider's tokens in the background.
/// Returns the session, sealed for the browser; [`LeftSession::open`] reads it. Returns `None` if
/// there is nothing to sign out of except this portal.
///
/// # Errors
/// [`Error::Database`]: then the session continues, and the page says so.
pub async fn sign_out(
    portal: &Arc<Portal>,
    token: &Secret<String>,
    client: Client,
) -> Result<Option<String>> {
    let now = portal.clock.now();
    let hash = sha256(token.expose().as_bytes());
    let end = portal.db.write(move |conn| {
        let Some((session_id, user)) = sessions::end_by_token(conn, now, &hash)? else {
            return Ok(None);
        };
        let left = tokens::left_of(conn, session_id)?;
        let deed = Deed::new(now, Actor::from(&user), &client);
        deed.record(conn, About::from(&user), &Event::SignedOut)?;
        Ok(left.map(|left| (session_id, user, left)))
    });
    let Some((session_id, user, left)) = end.await? else {
        return Ok(None);
    };
    let Some(provider) = portal.providers.find(&left.provider) else {
        return Ok(None);
    };
    jobs::revoke(portal, provider, session_id, user, &left);
    let salt = random_bytes()?;
    let plain = format!("1\n{}\n{session_id}\n{}", now.0, provider.id());
    Ok(portal.keys.seal(Purpose::SignOut, salt, plain.as_bytes()))
}

/// The session that a browser has just left.
pub struct LeftSession {
    pub provider: String,
    session_id: SessionId,
    at: UnixTime,
    /// The provider returns it as `state`.
    pub state: String,
}

impl LeftSession {
    /// Returns `None` for a text that we did not make, or that is too old.
    pub fn open(portal: &Portal, sealed: &str) -> Option<Self> {
        let opened = portal.keys.open(Purpose::SignOut, sealed)?;
        let plain = String::from_utf8(opened.plain).ok()?;
        let mut parts = plain.split('\n');
        if parts.next()? != "1" {
            return None;
        }
        let at = UnixTime(parts.next()?.parse().ok()?);
        if portal.clock.now().since(at) > LEFT_SESSION_LIFETIME {
            return None;
        }
        let mut state = sha256(&opened.salt);
        state.truncate(22);
        Some(Self {
            at,
            session_id: parts.next()?.parse().ok()?,
            provider: parts.next()?.to_owned(),
            state,
        })
    }
}

/// Takes the ID token of the session, soon after the sign-out and once: a person who comes later
/// gets an address that does not reveal who was here.
pub async fn take_hint(portal: &Portal, left: &LeftSession) -> Result<Option<Secret<String>>> {
    let session_id = left.session_id;
    if portal.providers.find(&left.provider).is_none() || portal.clock.now().since(left.at) > HINT {
        return Ok(None);
    }
    let db = &portal.db;
    let take = db.write(move |conn| tokens::take_id_token(conn, session_id));
    let open = |(sealed, hash): (String, String)| tokens::open_token(&portal.keys, &sealed, &hash);
    Ok(take.await?.and_then(open))
}

/// Returns the address for signing out of the provider too, or `None` if that is not offered.
pub fn provider_address(
    portal: &Portal,
    left: &LeftSession,
    hint: Option<&Secret<String>>,
) -> Option<Url> {
    let back_to = format!("{}/signed-out", portal.public_url.origin);
    let provider = portal.providers.find(&left.provider)?;
    provider.end_session(hint, &back_to, &left.state)
}

/// Handles a provider's report that a person has signed out there (OpenID Connect Back-Channel
/// Logout 1.0). Ends the session of `sid`, or all of `sub`, and returns how many there were.
///
/// # Errors
/// [`Error::BadRequest`] for a token that is invalid or was used before; [`Error::Database`]
pub async fn by_provider(
    portal: &Arc<Portal>,
    provider: &Arc<Provider>,
    token: &str,
) -> Result<usize> {
    let now = portal.clock.now();
    let moment = Moment::within(now, CALL_DEADLINE);
    let logout = match provider.logout(token, moment).await {
        Ok(logout) => logout,
        Err(cause) => {
            let (id, outcome) = (provider.id(), cause.code());
            warn!(event = "backchannel_logout", provider = id, outcome = outcome; "{}", cause.detail());
            // The provider may try again.
            return Err(if cause.is_outage() {
                Error::Overloaded
            } else {
                Error::BadRequest
            });
        }
    };
    let id = provider.id().to_owned();
    let write = portal.db.write(move |conn| {
        let jti = sha256(logout.jti.as_bytes());
        if !logouts::use_up_token(conn, &id, &jti, logout.expires_at)? {
            return Err(Error::BadRequest);
        }
        let named = Named {
            provider: &id,
            sub: logout.sub.as_deref(),
            sid: logout.sid.as_deref(),
        };
        // A sign-in under way waits here, or finds this record.
        logouts::lock_logouts(conn, named)?;
        logouts::note(conn, now, named, logout.issued_at)?;
        let mut ended_of: BTreeMap<UserId, usize> = BTreeMap::new();
        loop {
            let accounts = named_accounts(conn, named, ACCOUNTS_AT_ONCE)?;
            if accounts.is_empty() {
                break;
            }
            for user_id in accounts {
                let count = sessions::close(conn, now, user_id, Closing::Named(named))?;
                *ended_of.entry(user_id).or_default() += count;
            }
        }
        for (user_id, count) in &ended_of {
            let Some(user) = users::find(conn, *user_id)? else {
                continue;
            };
            let event = Event::SignedOutByProvider { count: *count };
            let deed = Deed::from_nowhere(now, Actor::Provider).through(Some(&id));
            deed.record(conn, About::from(&user), &event)?;
        }
        Ok(ended_of.values().sum())
    });
    write.await
}

/// Ends one of the person's own sessions.
///
/// # Errors
/// [`Error::NotFound`] if they have no such live session.
pub async fn end_session(
    portal: &Portal,
    user: &User,
    session_id: SessionId,
    client: Client,
) -> Result<()> {
    let told = |_| Event::SessionEnded;
    match end(portal, user, Closing::One(session_id), client, told).await? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Ends all of the person's sessions except the one they are using.
pub async fn end_other_sessions(
    portal: &Portal,
    user: &User,
    kept: SessionId,
    client: Client,
) -> Result<()> {
    let told = |count| Event::OtherSessionsEnded { count };
    end(portal, user, Closing::AllBut(kept), client, told).await?;
    Ok(())
}

/// Ends some of the person's own sessions, and returns how many. If there were any, this is `told`.
async fn end(
    portal: &Portal,
    user: &User,
    closing: Closing<'static>,
    client: Client,
    told: impl Fn(usize) -> Event + Send + 'static,
) -> Result<usize> {
    let (now, user) = (portal.clock.now(), user.clone());
    let write = portal.db.write(move |conn| {
        let count = sessions::close(conn, now, user.id, closing)?;
        if count > 0 {
            let deed = Deed::new(now, Actor::from(&user), &client);
            deed.record(conn, About::from(&user), &told(count))?;
        }
        Ok(count)
    });
    write.await
}
