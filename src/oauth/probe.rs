//! Checks a provider's addresses for operators: whether they answer, and what they say.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use url::Url;

use super::call::{Answer, call, root_of};
use super::{Moment, Provider, json, metadata};
use crate::clock::UnixTime;
use crate::error::{Cause, Result};
use crate::secret::Secret;
use crate::text::is_forbidden;

/// How long a provider has for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// One address of a provider.
pub struct ProviderAddress {
    /// The setting with this address.
    pub setting: String,
    pub url: Url,
    /// True if this server calls it. Only browsers call the others, which this server may be unable
    /// to reach.
    pub is_needed: bool,
}

/// The answer from one address.
#[derive(Clone, Debug)]
pub struct AddressCheck {
    /// The setting with this address.
    pub setting: String,
    pub address: String,
    /// True if sign-ins depend on it. Only browsers need the others.
    pub is_needed: bool,
    /// True if the provider itself named it. The path is then right, but some accept only POST.
    pub is_discovered: bool,
    /// The HTTP status of its answer, or the reason why there was none.
    pub answer: Result<u16, String>,
    pub took: Duration,
}

impl AddressCheck {
    pub fn is_good(&self) -> bool {
        matches!(self.answer, Ok(status) if status < 500 && (status != 404 || self.is_discovered))
    }
}

impl Provider {
    /// Checks in the background whether it can be reached. This costs it at most one connection.
    pub async fn look(&self, now: UnixTime) {
        let moment = Moment::within(now, PATIENCE);
        if self.settings.issuer.is_some() {
            let refresh = self.metadata.refresh(&self.settings, &self.client, moment);
            let _known_or_not = refresh.await;
        }
        // Earlier metadata may remain in use; whether the provider can be reached is checked
        // separately.
        let failure = self.metadata.failure();
        if matches!(failure, Some(Cause::Unreachable | Cause::TooSlow)) {
            self.is_reachable.store(false, Ordering::Relaxed);
            return;
        }
        let Some(known) = self.known() else { return };
        let Some(host) = known.token.host_str() else {
            return;
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = known.token.port_or_known_default().unwrap_or(443);
        let connect = tokio::net::TcpStream::connect((host, port));
        let is_reachable = matches!(timeout_at(moment.deadline, connect).await, Ok(Ok(_)));
        self.is_reachable.store(is_reachable, Ordering::Relaxed);
    }

    /// Its addresses, as far as they are known.
    pub fn addresses(&self) -> Vec<ProviderAddress> {
        let address = |key: &str, url: Url, is_needed| ProviderAddress {
            setting: self.settings.source.name(key),
            url,
            is_needed,
        };
        let mut addresses = Vec::new();
        if let Some(url) = metadata::discovery_address(&self.settings)
            && self.settings.issuer.is_some()
        {
            addresses.push(address("issuer", url, true));
        }
        let Some(known) = self.known() else {
            return addresses;
        };
        let set = &self.settings.addresses;
        addresses.push(address("token_url", known.token.clone(), true));
        for (key, url, is_needed) in [
            ("profile_url", &set.profile, true),
            ("userinfo_url", &known.userinfo, true),
            ("jwks_url", &known.jwks, true),
            (
                "par_url",
                &known.pushed_requests,
                known.requires_pushed_requests,
            ),
            ("revocation_url", &known.revocation, true),
            ("authorize_url", &Some(known.authorize.clone()), false),
            ("permissions_url", &set.permissions, true),
            ("end_session_url", &known.end_session, false),
            ("logout_url", &set.logout, false),
        ] {
            addresses.extend(url.clone().map(|url| address(key, url, is_needed)));
        }
        addresses
    }

    /// Asks each address once.
    pub async fn check_addresses(&self) -> Vec<AddressCheck> {
        let mut checks = Vec::new();
        for address in self.addresses() {
            let started = Instant::now();
            let answer = self.probe(&address.url).await;
            let url = address.url;
            checks.push(AddressCheck {
                setting: address.setting,
                address: format!("{}{}", url.origin().ascii_serialization(), url.path()),
                is_needed: address.is_needed,
                is_discovered: self.settings.issuer.is_some(),
                answer,
                took: started.elapsed(),
            });
        }
        checks
    }

    /// Asks an address of the provider. Returns the status of its answer, whatever it is.
    ///
    /// # Errors
    /// The reason why there was none, from the layer that failed.
    pub async fn probe(&self, url: &Url) -> Result<u16, String> {
        let deadline = Instant::now() + PATIENCE;
        timeout_at(deadline, self.client.get(url.clone()).send())
            .await
            .map_err(|_| format!("no answer within {} seconds", PATIENCE.as_secs()))?
            .map(|response| response.status().as_u16())
            .map_err(|error| root_of(&error))
    }

    async fn ask(&self, address: Url) -> Option<Answer> {
        let deadline = Instant::now() + PATIENCE;
        call(self.client.get(address), deadline).await.ok()
    }

    /// The issuer in the discovery document, whatever the settings say.
    pub async fn issuer_named(&self) -> Option<String> {
        let address = metadata::discovery_address(&self.settings)?;
        let answer = self.ask(address).await?;
        let document = json::parse(&answer.body).ok()?;
        let issuer = document.get("issuer")?.as_str()?;
        let can_be_shown = issuer.len() <= 300 && !issuer.chars().any(is_forbidden);
        can_be_shown.then(|| issuer.to_owned())
    }

    /// The seconds by which the provider's clock is ahead of `now`, according to its token address.
    pub async fn clock_difference(&self, now: UnixTime) -> Option<i64> {
        let address = metadata::discovery_address(&self.settings)
            .filter(|_| self.settings.issuer.is_some())
            .or_else(|| Some(self.known()?.token.clone()))?;
        let answer = self.ask(address).await?;
        Some(answer.date? - now.0.div_euclid(1_000_000))
    }

    /// True if the provider knows this client and its secret. This requests a token with an invalid
    /// code (RFC 6749 5.2 distinguishes the two refusals). Returns `None` if the answer does not
    /// tell.
    pub async fn is_client_known(&self, now: UnixTime) -> Option<bool> {
        let moment = Moment::within(now, PATIENCE);
        let metadata = self.known()?;
        let nothing = Secret::new("frontdesk-check".repeat(3));
        let exchanged = self.exchange_code(&metadata, &nothing, &nothing, moment);
        match exchanged.await {
            Err(Cause::ClientRefused) => Some(false),
            Err(Cause::CodeRefused) => Some(true),
            _ => None,
        }
    }
}
