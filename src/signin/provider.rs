//! Asking the provider who came back, and what its answer proves.

use std::time::Duration;

use tokio::time::Instant;

use super::log_of;
use crate::clock::UnixTime;
use crate::oauth::{Answers, AuthTime, Failure, Moment, Provider, Returned};
use crate::portal::Portal;
use crate::secret::Secret;
use crate::sessions::Client;
use crate::sessions::proof::{Proof, ProvedBy};
use crate::sign_in_attempts::{Attempt, Browser, Intent};

/// How much earlier the provider's time runs out than the callback's. The transaction needs the
/// rest.
const PROVIDER_EARLIER: Duration = Duration::from_secs(1);

/// Reads the provider's metadata if they are not known yet.
pub(super) async fn discover(
    provider: &Provider,
    attempt: &Attempt,
    moment: Moment,
) -> Result<(), Failure> {
    let started = Instant::now();
    let found = provider.discover_once(moment).await;
    found.map(|_| ()).inspect_err(|failure| {
        let (event, outcome) = (failure.step.event(), failure.cause.code());
        log_of(attempt).line(event, started.elapsed(), outcome);
    })
}

/// Exchanges the code that the browser brought, and reads who came.
pub(super) async fn ask_provider(
    portal: &Portal,
    provider: &Provider,
    attempt: &Attempt,
    (browser, code): (&Browser, &Secret<String>),
    client: &Client,
    moment: Moment,
) -> Answers {
    let moment = Moment {
        deadline: moment.deadline - PROVIDER_EARLIER,
        ..moment
    };
    let returned = Returned {
        code,
        pkce_verifier: &attempt.pkce_verifier(&portal.keys, browser),
        nonce: &attempt.nonce(&portal.keys, browser),
        // A sign-in continues without it, and then proves nothing.
        fresh_since: matches!(attempt.plan.intent, Intent::Link(_)).then_some(attempt.begun_at),
        log: log_of(attempt),
    };
    match provider.exchange(&returned, client, moment).await {
        Ok(exchanged) => {
            portal.failpoint.hit("after_token");
            provider.finish(exchanged, &returned, moment).await
        }
        Err(failure) => Answers::none(failure),
    }
}

/// Returns the proof, if there is one, that the person who came back is present now. The provider's
/// time of signing in proves presence if it is not before the attempt. An earlier one refutes every
/// other kind of proof, and a missing one proves nothing by itself.
pub(super) fn proof(
    provider: &Provider,
    attempt: &Attempt,
    auth_time: AuthTime,
    now: UnixTime,
) -> Option<Proof> {
    let is_asked = attempt.plan.is_fresh;
    let is_pushed = attempt.plan.is_pushed && provider.can_prove_by_pushing();
    let by = match auth_time.is_since(attempt.begun_at, now) {
        Some(true) => ProvedBy::AuthTime,
        None if is_asked && is_pushed => ProvedBy::PushedPrompt,
        None if is_asked && provider.can_prove_by_prompt() => ProvedBy::Prompt,
        None | Some(false) => return None,
    };
    // The time lies between the beginning of the attempt and now, whatever the provider's clock
    // says.
    let at = auth_time.moment().unwrap_or(attempt.begun_at);
    let at = at.max(attempt.begun_at).min(now);
    Some(Proof { at, by })
}
