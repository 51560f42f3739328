//! Asking the provider who came back.

use std::time::Duration;

use tokio::time::Instant;

use super::log_of;
use crate::attempts::{Attempt, Browser, Intent};
use crate::desk::Desk;
use crate::oauth::{Answers, Failure, Moment, Provider, Returned};
use crate::secret::Secret;
use crate::sessions::Client;

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
    desk: &Desk,
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
        pkce_verifier: &attempt.pkce_verifier(&desk.keys, browser),
        nonce: &attempt.nonce(&desk.keys, browser),
        // A sign-in continues without it, and then proves nothing.
        fresh_since: matches!(attempt.plan.intent, Intent::Link(_)).then_some(attempt.begun_at),
        log: log_of(attempt),
    };
    match provider.exchange(&returned, client, moment).await {
        Ok(exchanged) => {
            desk.failpoint.hit("after_token");
            provider.finish(exchanged, &returned, moment).await
        }
        Err(failure) => Answers::none(failure),
    }
}
