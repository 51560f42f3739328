//! Signing in: an attempt begins, goes to the provider and comes back. Every way in ends at the
//! same transaction, [`commit`].
//!
//! [`begin`] is the way to the provider. [`callback`] is the way back: it asks the provider
//! ([`provider`]) and ends in [`commit`], in a linking ([`add_identity`]) or in a [`rehearsal`].
//! The other ways in are a local [`password`] and the links that sign in once ([`rescue`],
//! [`password_link`]). [`refusal`] records what is refused before the transaction.

mod add_identity;
mod callback;
mod commit;
pub(crate) mod confirmation_password_link;
pub(crate) mod decision;
mod masking;
pub mod one_time_link;
pub(crate) mod password;
pub(crate) mod password_link;
pub(crate) mod proof_by_password;
mod provider;
mod refusal;
pub(crate) mod rehearsal;
pub(crate) mod rescue;
pub(crate) mod typed_password;

use std::sync::Arc;
use std::time::Duration;

use log::warn;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::error::{Cause, DatabaseError, Error, Result, SignInError, Step, Stopped};
use crate::id::Reference;
use crate::local_path::LocalPath;
use crate::logging::SignInLog;
use crate::oauth::{self, Moment, Prompt, Provider};
use crate::portal::Portal;
use crate::recheck;
use crate::secret::{Secret, random_token, sha256};
use crate::sessions::{Client, tokens};
use crate::sign_in_attempts::{Attempt, Browser, Intent, Plan};
pub use callback::Callback;
use callback::StaleReason;
pub(crate) use callback::{Finished, finish, start_over};
use commit::{Admitted, SignIn, Way, sign_in};
pub use refusal::note_left_out;
use refusal::{failure, log_failure, refuse};

/// The time limit for the whole callback, including every wait.
const CALLBACK_DEADLINE: Duration = Duration::from_secs(10);
/// The time limit for discovery and a pushed request, before the browser leaves.
const BEGIN_DEADLINE: Duration = Duration::from_secs(8);
/// The time limit for writing the row of a refusal.
const NOTE_PATIENCE: Duration = Duration::from_secs(2);

/// What the person starting a sign-in asked for.
#[derive(Debug)]
pub struct Wish {
    /// A provider's id; `None` means the first.
    pub provider: Option<String>,
    pub next: LocalPath,
    pub prompt: Prompt,
    pub intent: Intent,
    /// The person to sign in, according to a third party.
    pub login_hint: Option<String>,
}

/// Begins an attempt, and returns where to send the browser.
///
/// # Errors
/// [`Error::NotFound`] for an unknown provider; [`Error::SignIn`] if the provider cannot be asked.
pub async fn begin(
    portal: &Arc<Portal>,
    browser: &Browser,
    wish: Wish,
    client: &Client,
) -> Result<Url> {
    let provider = match &wish.provider {
        Some(id) => portal.providers.find(id),
        None => portal.providers.first(),
    };
    let provider = Arc::clone(provider.ok_or(Error::NotFound)?);
    if matches!(wish.intent, Intent::Link(_)) && !provider.settings().vouches_for.linking {
        let error = SignInError {
            provider: Some(provider.id().to_owned()),
            next: wish.next,
            is_linking: true,
            ..failure(None, Step::Account, Cause::NotLinkable)
        };
        let deadline = Instant::now() + NOTE_PATIENCE;
        return Err(refuse(portal, error, client, deadline).await);
    }
    let plan = Plan {
        provider: provider.id().to_owned(),
        next: wish.next,
        intent: wish.intent,
        is_fresh: wish.prompt == Prompt::Login,
        is_pushed: false,
        restarts: 0,
    };
    begin_planned(portal, &provider, browser, plan, wish.login_hint, client).await
}

async fn begin_planned(
    portal: &Arc<Portal>,
    provider: &Provider,
    browser: &Browser,
    mut plan: Plan,
    login_hint: Option<String>,
    client: &Client,
) -> Result<Url> {
    let now = portal.clock.now();
    let moment = Moment::within(now, BEGIN_DEADLINE);
    let pushes = provider.pushes(client, moment).await;
    plan.is_pushed = matches!(pushes, Ok(true));
    let prompt = match (plan.is_fresh, plan.restarts) {
        (true, _) => Prompt::Login,
        (false, 0) => Prompt::AsConfigured,
        (false, _) => Prompt::NotSilent,
    };
    let (attempt, state) = Attempt::begin(&portal.keys, now, browser, plan)?;
    let request = oauth::Request {
        state: &state,
        pkce_verifier: &attempt.pkce_verifier(&portal.keys, browser),
        nonce: &attempt.nonce(&portal.keys, browser),
        prompt,
        is_pushed: attempt.plan.is_pushed,
        login_hint: login_hint.as_deref(),
    };
    let sent = match pushes {
        Ok(_) => provider.authorize(request, client, moment).await,
        Err(failure) => Err(failure),
    };
    match sent {
        Ok(url) => {
            log_of(&attempt).line("sign_in_begun", Duration::ZERO, "ok");
            Ok(url)
        }
        Err(oauth::Failure { step, cause }) => {
            let error = failure(Some(&attempt), step, cause);
            let deadline = moment.deadline + NOTE_PATIENCE;
            Err(refuse(portal, error, client, deadline).await)
        }
    }
}

/// The person at the browser, as far as the request shows.
pub struct Visitor {
    /// `None` if it sends no binding of ours.
    pub browser: Option<Browser>,
    pub client: Client,
    /// The token of this browser's session, whether it is live or not.
    pub session_token: Option<Secret<String>>,
}

fn log_of(attempt: &Attempt) -> SignInLog<'_> {
    SignInLog {
        attempt: Some(&attempt.id),
        provider: Some(&attempt.plan.provider),
        user: None,
    }
}

/// Runs the one transaction of a sign-in.
///
/// # Errors
/// [`Error::SignIn`] if the person is refused; as [`sign_in`].
async fn run_sign_in(
    portal: &Arc<Portal>,
    way: Way,
    username: String,
    next: LocalPath,
    visitor: Visitor,
    deadline: Instant,
) -> Result<Admitted> {
    let started = Instant::now();
    let provider = way.provider().map(str::to_owned);
    let attempt = way.attempt().map(str::to_owned);
    let token = Secret::new(random_token()?);
    let input = SignIn {
        portal: Arc::clone(portal),
        now: portal.clock.now(),
        grant: sealed_grant(portal, &way, &token)?,
        way,
        next: next.clone(),
        token,
        reference: Reference::random(),
        previous_hash: visitor
            .session_token
            .map(|token| sha256(token.expose().as_bytes())),
        client: visitor.client,
    };
    let write = portal.db.decide(move |conn| {
        let admitted = sign_in(conn, &input);
        input.portal.failpoint.hit("before_commit");
        admitted
    });
    let result = timeout_at(deadline, write)
        .await
        .unwrap_or(Err(Error::Database(DatabaseError::Busy).into()));
    portal.failpoint.hit("after_commit");
    let log = SignInLog {
        attempt: attempt.as_deref(),
        provider: provider.as_deref(),
        user: Some(&username),
    };
    let result = result.map_err(|stopped| match stopped {
        Stopped::Refused(error) => Error::SignIn(error),
        Stopped::Failed(error @ Error::Database(DatabaseError::Busy | DatabaseError::Down(_))) => {
            warn!(event = "database", outcome = "failed"; "{error}");
            unavailable(log, next)
        }
        Stopped::Failed(error) => error,
    });
    let outcome = match &result {
        Ok(_) => "ok",
        Err(Error::SignIn(error)) => {
            log_failure(error);
            error.cause.code()
        }
        Err(Error::AttemptUsed) => StaleReason::Used.into_str(),
        Err(Error::SignedOutThere) => StaleReason::SignedOutThere.into_str(),
        Err(_) => "failed",
    };
    log.line("sign_in_finished", started.elapsed(), outcome);
    result
}

/// Seals the provider's grant for the session that `token` will open.
fn sealed_grant(portal: &Portal, way: &Way, token: &Secret<String>) -> Result<tokens::Sealed> {
    let Way::Provider {
        provider, person, ..
    } = way
    else {
        return Ok(tokens::Sealed::default());
    };
    let recheck_at = recheck::first(provider, &person.grant, portal.clock.now());
    let token_hash = sha256(token.expose().as_bytes());
    tokens::seal(&portal.keys, &person.grant, &token_hash, recheck_at)
}

/// A sign-in that the database did not accept.
fn unavailable(log: SignInLog<'_>, next: LocalPath) -> Error {
    Error::SignIn(Box::new(SignInError {
        attempt: log.attempt.map(str::to_owned),
        provider: log.provider.map(str::to_owned),
        next,
        ..failure(None, Step::Account, Cause::DatabaseUnavailable)
    }))
}
