//! A provider's addresses, for whoever looks after it: do they answer, and what do they say?

use tokio::time::{Instant, timeout_at};
use url::Url;

use super::call::{call, root_of};
use super::{PROBE_PATIENCE, Provider, Returned, json, metadata};
use crate::clock::UnixTime;
use crate::error::{Cause, Result};
use crate::secret::Secret;
use crate::status::Check;
use crate::text::is_refused;

impl Provider {
    /// Each address: the setting that names it, and whether this server needs it; browsers need
    /// the others, which it may not reach.
    #[must_use]
    pub fn addresses(&self) -> Vec<(String, Url, bool)> {
        let name = |key: &str| self.settings.source.name(key);
        let mut addresses = Vec::new();
        if let Some(url) = metadata::discovery_address(&self.settings)
            && self.settings.issuer.is_some()
        {
            addresses.push((name("issuer"), url, true));
        }
        let Some(known) = self.known() else {
            return addresses;
        };
        let set = &self.settings.addresses;
        addresses.push((name("token_url"), known.token.clone(), true));
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
            addresses.extend(url.clone().map(|url| (name(key), url, is_needed)));
        }
        addresses
    }

    /// Asks each address once.
    pub async fn check_addresses(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        for (setting, url, is_needed) in self.addresses() {
            let started = Instant::now();
            let answer = self.probe(&url).await;
            checks.push(Check {
                setting,
                address: format!("{}{}", url.origin().ascii_serialization(), url.path()),
                is_needed,
                is_discovered: self.settings.issuer.is_some(),
                answer,
                took: started.elapsed(),
            });
        }
        checks
    }

    /// Whether an address of the provider answers at all, with whatever status.
    ///
    /// # Errors
    /// Why not, in the words of the layer that failed.
    pub async fn probe(&self, url: &Url) -> Result<u16, String> {
        let deadline = Instant::now() + PROBE_PATIENCE;
        timeout_at(deadline, self.client.get(url.clone()).send())
            .await
            .map_err(|_| format!("no answer within {} seconds", PROBE_PATIENCE.as_secs()))?
            .map(|response| response.status().as_u16())
            .map_err(|error| root_of(&error))
    }

    /// Which issuer the discovery document names, whatever the settings say.
    pub async fn issuer_named(&self) -> Option<String> {
        let address = metadata::discovery_address(&self.settings)?;
        let deadline = Instant::now() + PROBE_PATIENCE;
        let answer = call(self.client.get(address), deadline).await.ok()?;
        let document = json::parse(&answer.body).ok()?;
        let issuer = document.get("issuer")?.as_str()?;
        let can_be_shown = issuer.len() <= 300 && !issuer.chars().any(is_refused);
        can_be_shown.then(|| issuer.to_owned())
    }

    /// How far the provider's clock is ahead of `now`, in seconds, as its token address says.
    pub async fn clock_difference(&self, now: UnixTime) -> Option<i64> {
        let address = metadata::discovery_address(&self.settings)
            .filter(|_| self.settings.issuer.is_some())
            .or_else(|| Some(self.known()?.token.clone()))?;
        let deadline = Instant::now() + PROBE_PATIENCE;
        let answer = call(self.client.get(address), deadline).await.ok()?;
        Some(answer.date? - now.0.div_euclid(1_000_000))
    }

    /// Whether the provider knows this client and its secret: asks for a token with a code that
    /// cannot be one (RFC 6749 5.2 tells the two refusals apart). `None` when its answer does
    /// not tell.
    pub async fn is_client_known(&self, now: UnixTime) -> Option<bool> {
        let deadline = Instant::now() + PROBE_PATIENCE;
        let metadata = self.known()?;
        let nothing = Secret::new("frontdesk-check".repeat(3));
        let returned = Returned {
            code: &nothing,
            pkce_verifier: &nothing,
            nonce: "",
            fresh_since: None,
        };
        match self.exchange(&metadata, &returned, now, deadline).await {
            Err(Cause::ClientRefused) => Some(false),
            Err(Cause::CodeRefused) => Some(true),
            _ => None,
        }
    }
}
