//! Revokes tokens at the provider that gave them (RFC 7009). The number of tries is limited.

use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};

use super::MAX_REVOCATIONS;
use crate::audit::{About, Actor, Deed, Event};
use crate::error::Cause;
use crate::id::SessionId;
use crate::oauth::{IssuedTokens, Moment, Provider};
use crate::portal::Portal;
use crate::secret::Secret;
use crate::sessions;
use crate::sessions::tokens::{self, RemainingTokens};
use crate::users::User;

/// The places kept free for people who sign out. Tokens that belong to no session may not use them.
const FOR_SIGN_OUTS: usize = MAX_REVOCATIONS / 2;
/// The wait before checking whether a sign-in opened a session after all.
const DOUBT: Duration = Duration::from_secs(30);
/// The pause before each try.
const PAUSES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(20),
];
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// Revokes the tokens of a session that has just ended.
pub fn revoke(
    portal: &Arc<Portal>,
    provider: &Arc<Provider>,
    session_id: SessionId,
    user: User,
    left: &RemainingTokens,
) {
    let (sealed, kind) = match (&left.refresh_token, &left.access_token) {
        (Some(token), _) => (token, "refresh_token"),
        (None, Some(token)) => (token, "access_token"),
        (None, None) => return,
    };
    let Some(token) = open(portal, provider, sealed, &left.token_hash) else {
        return;
    };
    let Some(place) = super::place(&portal.jobs.revocations) else {
        return;
    };
    let (shared, provider) = (Arc::clone(portal), Arc::clone(provider));
    portal.jobs.spawn(async move {
        let failure = ask(&shared, &provider, &token, kind).await.err();
        drop(place);
        let now = shared.clock.now();
        let written = shared.db.write(move |conn| {
            if failure.is_none() {
                tokens::drop_tokens(conn, session_id)?;
            }
            let event = Event::TokensRevoked {
                failure: failure.as_ref().map(Cause::reason),
            };
            let deed = Deed::from_nowhere(now, Actor::Portal).through(Some(provider.id()));
            deed.record(conn, About::from(&user), &event)
        });
        if let Err(error) = written.await {
            warn!(event = "revocation", outcome = "failed"; "{error}");
        }
    });
}

/// Opens the token, if the provider supports revocation.
fn open(
    portal: &Portal,
    provider: &Provider,
    sealed: &str,
    token_hash: &str,
) -> Option<Secret<String>> {
    let metadata = provider.known()?;
    if !provider.can_revoke(&metadata) {
        return None;
    }
    tokens::open_token(&portal.keys, sealed, token_hash)
}

async fn ask(
    portal: &Portal,
    provider: &Provider,
    token: &Secret<String>,
    kind: &str,
) -> Result<(), Cause> {
    let mut revoked = Ok(());
    for pause in PAUSES {
        tokio::time::sleep(pause).await;
        let moment = Moment::within(portal.clock.now(), CALL_DEADLINE);
        revoked = provider.revoke(token, kind, moment).await;
        if revoked.is_ok() {
            break;
        }
    }
    revoked
}

/// The reason why no session keeps the tokens of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unkept {
    Surely,
    /// The database did not answer: a session may have been opened all the same.
    Perhaps,
}

/// Revokes the tokens of an attempt that opened no session: a test sign-in, a link, or a refused
/// sign-in.
pub fn revoke_unkept(
    portal: &Arc<Portal>,
    provider: &Arc<Provider>,
    attempt: &str,
    given: IssuedTokens,
    unkept: Unkept,
) {
    let doubted = (unkept == Unkept::Perhaps).then(|| attempt.to_owned());
    let attempt = Some(attempt.to_owned());
    spawn_unkept(portal, provider, attempt, async move |portal, provider| {
        if doubted.is_some() {
            tokio::time::sleep(DOUBT).await;
        }
        let (id, sid) = (provider.id().to_owned(), given.sid());
        let kept = portal.db.read(move |conn| {
            if let Some(attempt) = &doubted
                && sessions::is_attempt_used(conn, attempt)?
            {
                return Ok(true);
            }
            // At some providers, revoking one token revokes all tokens of its session.
            match &sid {
                Some(sid) => tokens::is_on(conn, &id, sid),
                None => Ok(false),
            }
        });
        match kept.await {
            Ok(true) => "kept",
            Ok(false) => {
                let (token, kind) = given.token_to_revoke();
                code(&ask(portal, provider, token, kind).await)
            }
            Err(_) => "unknown",
        }
    });
}

/// Revokes a refresh token whose session ended while the token was being renewed.
pub fn revoke_renewed(
    portal: &Arc<Portal>,
    provider: &Arc<Provider>,
    sealed: &str,
    token_hash: &str,
) {
    if let Some(token) = open(portal, provider, sealed, token_hash) {
        spawn_unkept(portal, provider, None, async move |portal, provider| {
            code(&ask(portal, provider, &token, "refresh_token").await)
        });
    }
}

/// Revokes tokens that no session keeps. They often belong to strangers, so this is reported in the
/// log and not in the audit log, and places are left for people who sign out.
fn spawn_unkept(
    portal: &Arc<Portal>,
    provider: &Arc<Provider>,
    attempt: Option<String>,
    revocation: impl AsyncFnOnce(&Portal, &Provider) -> &'static str + 'static,
) {
    let places = &portal.jobs.revocations;
    let is_free = places.available_permits() > FOR_SIGN_OUTS;
    let Some(place) = is_free.then(|| super::place(places)).flatten() else {
        return;
    };
    let (shared, provider) = (Arc::clone(portal), Arc::clone(provider));
    portal.jobs.spawn(async move {
        let outcome = revocation(&shared, &provider).await;
        drop(place);
        info!(
            event = "revocation",
            attempt = attempt.unwrap_or_default().as_str(),
            provider = provider.id(),
            outcome = outcome;
            ""
        );
    });
}

fn code(revoked: &Result<(), Cause>) -> &'static str {
    revoked.as_ref().err().map_or("ok", Cause::code)
}
