//! Checks a provider: its settings, and whether it answers accordingly.

use std::time::Duration;

use url::Url;

use super::Report;
use crate::cli::Failure;
use crate::clock::{Clock, UnixTime};
use crate::config::{ClientAuth, ProviderSettings, PublicUrl};
use crate::error::Cause;
use crate::oauth::metadata::Metadata;
use crate::oauth::probe::ProviderAddress;
use crate::oauth::{Moment, Provider, jwt};

const DISCOVERY_PATIENCE: Duration = Duration::from_secs(5);
/// The largest difference in seconds. With a greater one, tokens are refused.
const MAX_CLOCK_DIFFERENCE: i64 = 60;

/// Checks one provider. If there are several, `whose` follows the names of settings that each of
/// them has.
pub async fn check(
    report: &mut Report,
    settings: ProviderSettings,
    public_url: &PublicUrl,
    whose: &str,
) -> Result<(), Failure> {
    check_settings(&settings, whose);
    check_return_address(&settings, public_url, whose);
    let provider = Provider::new(settings)?;
    let mut inspection = Inspection {
        report,
        provider,
        whose,
        now: Clock::default().now(),
    };
    if inspection.check_discovery().await {
        inspection.check_clock().await;
    }
    inspection.check_proof();
    for address in inspection.provider.addresses() {
        inspection.check_address(&address).await;
    }
    Ok(())
}

fn check_settings(settings: &ProviderSettings, whose: &str) {
    let name = |key: &str| settings.source.name(key);
    let label = format!("provider {}", settings.id);
    if let Some(issuer) = &settings.issuer {
        ok!(label, "OpenID Connect, issuer {issuer}");
    } else {
        ok!(label, "OAuth2");
    }
    let words = settings.vouches_for.words().join(", ");
    let words = if words.is_empty() { "nothing" } else { &words };
    ok!(format!("vouches_for{whose}"), "{words}");
    let issuer = settings.issuer.as_deref().unwrap_or_default();
    if issuer.starts_with("http:") {
        warning!(
            label,
            "its issuer is not https: anyone on the network path can change its answers"
        );
    }
    let pkce = format!("PKCE{whose}");
    if settings.pkce {
        ok!(pkce, "on");
    } else {
        warning!(
            pkce,
            "off: anyone who steals an authorization code can use it; set {}=on if the provider supports it",
            name("pkce")
        );
    }
    ok!(
        format!("client{whose}"),
        "{} {}, {} {}: register exactly this at the provider",
        name("client_id"),
        settings.client_id,
        name("redirect_url"),
        settings.redirect_url
    );
}

/// Checks that people come back to the origin whose cookie their browser has.
fn check_return_address(settings: &ProviderSettings, public_url: &PublicUrl, whose: &str) {
    let is_here = Url::parse(&settings.redirect_url)
        .is_ok_and(|url| url.origin().ascii_serialization() == public_url.origin);
    if !is_here {
        warning!(
            format!("redirect URL{whose}"),
            "{} is not at {}, where the browser keeps its cookie: no sign-in can be completed",
            settings.redirect_url,
            public_url.origin
        );
    }
}

/// A check of a provider, and the report for the findings.
struct Inspection<'a> {
    report: &'a mut Report,
    provider: Provider,
    whose: &'a str,
    now: UnixTime,
}

impl Inspection<'_> {
    fn of(&self, what: &str) -> String {
        format!("{what}{}", self.whose)
    }

    fn name(&self, key: &str) -> String {
        self.provider.settings().source.name(key)
    }

    /// Returns whether the provider can be reached, as far as that shows here.
    async fn check_discovery(&mut self) -> bool {
        if self.provider.settings().issuer.is_none() {
            return true;
        }
        let what = self.of("discovery");
        let moment = Moment::within(self.now, DISCOVERY_PATIENCE);
        match self.provider.discover(moment).await {
            Ok(known) => {
                let offers = self.offers(&known).join("; ");
                ok!(what, "the issuer matches the setting; {offers}");
                self.check_signing(&known);
                self.check_requests(&known);
                true
            }
            Err(failure) => {
                let why = self.explain(&failure.cause).await;
                fault!(self.report, what, "{why}");
                !matches!(failure.cause, Cause::Unreachable | Cause::TooSlow)
            }
        }
    }

    fn offers(&self, known: &Metadata) -> Vec<String> {
        let auth = self.provider.client_auth(known).metadata_code();
        let mut offers = vec![format!("client authentication by {auth}")];
        for (word, is_there) in [
            ("userinfo", known.userinfo.is_some()),
            ("iss in answers", known.sends_issuer),
            ("pushed requests required", known.requires_pushed_requests),
            ("sign-out", known.end_session.is_some()),
            ("revocation", known.revocation.is_some()),
            ("back-channel logout", known.sends_logouts),
        ] {
            if is_there {
                offers.push(word.to_owned());
            }
        }
        offers
    }

    async fn explain(&self, cause: &Cause) -> String {
        match cause {
            Cause::BadMetadata("issuer") => match self.provider.issuer_named().await {
                Some(named) => format!(
                    "the metadata names the issuer {named}; the setting must match it exactly (mind a / at the end)"
                ),
                None => "the metadata names no valid issuer".to_owned(),
            },
            Cause::BadMetadata(member) => {
                format!("{member} is missing from the metadata, or not valid")
            }
            Cause::UnexpectedStatus(status) => {
                format!("the metadata address answered {status}; check the issuer")
            }
            Cause::Unreadable(_) => {
                "the answer is not a provider's metadata; check the issuer".to_owned()
            }
            Cause::TooSlow => "the metadata did not arrive in time".to_owned(),
            _ => "the metadata cannot be reached".to_owned(),
        }
    }

    /// Checks that the provider signs with an algorithm that we accept.
    fn check_signing(&mut self, known: &Metadata) {
        let algorithms = &self.provider.settings().algorithms;
        let can_sign = |name: &String| {
            jwt::algorithm(name).is_some_and(|algorithm| algorithms.contains(&algorithm))
        };
        if !known.algorithms.is_empty() && !known.algorithms.iter().any(can_sign) {
            let name = self.name("id_token_algorithms");
            fault!(
                self.report,
                name,
                "the provider signs only with {}: no ID token could be verified",
                known.algorithms.join(", ")
            );
        }
    }

    /// Warns if the settings request something that the provider does not list. Some providers list
    /// less than they have.
    fn check_requests(&self, known: &Metadata) {
        let settings = self.provider.settings();
        let asked = settings.scope.as_deref().unwrap_or_default().split(' ');
        for scope in asked.filter(|_| !known.scopes.is_empty()) {
            if !scope.is_empty() && !known.scopes.iter().any(|one| one == scope) {
                warning!(
                    self.name("scope"),
                    "the provider does not list {scope} among its scopes; it may refuse the sign-in, or omit something"
                );
            }
        }
        let is_profile_missing = settings.addresses.profile.is_none()
            && (known.userinfo.is_none() || !settings.asks_userinfo);
        if is_profile_missing && settings.recheck.is_some_and(|recheck| recheck.asks_profile) {
            warning!(
                self.name("recheck_with"),
                "the provider has no profile address: people are re-checked by their refresh tokens"
            );
        }
        for (key, pointer) in [
            ("mapping.subject", &settings.mapping.subject),
            ("mapping.username", &settings.mapping.username),
        ] {
            let first = pointer.path.split('/').nth(1).unwrap_or_default();
            if !known.claims.is_empty() && !known.claims.iter().any(|one| one == first) {
                warning!(
                    self.name(key),
                    "{}: the provider does not list {first} among its claims; without it nobody can sign in",
                    pointer.text()
                );
            }
        }
    }

    async fn check_clock(&self) {
        let what = self.of("clock");
        let Some(ahead) = self.provider.clock_difference(self.now).await else {
            warning!(what, "the provider's answer does not contain the time");
            return;
        };
        let text = match ahead {
            -1..=1 => "in step with the provider's".to_owned(),
            ahead if ahead > 0 => format!("the provider's is {ahead} seconds ahead"),
            behind => format!("the provider's is {} seconds behind", -behind),
        };
        if ahead.abs() > MAX_CLOCK_DIFFERENCE {
            warning!(what, "{text}: more than a minute, so tokens are refused");
        } else {
            ok!(what, "{text}");
        }
    }

    /// Reports what proves a fresh sign-in, which dangerous acts require.
    fn check_proof(&self) {
        let what = self.of("fresh sign-in");
        let provider = &self.provider;
        if provider.can_prove_by_prompt() {
            let name = self.name("proves_by");
            warning!(
                what,
                "{name}=prompt: proved only by prompt=login in the browser's address, and anyone who finds a browser open can remove it; remove {name} if the provider sends auth_time or accepts pushed requests"
            );
        } else if provider.settings().issuer.is_some() {
            ok!(
                what,
                "proved by auth_time in the ID token, or by a pushed prompt"
            );
        } else if provider.can_prove() {
            ok!(what, "proved by a pushed prompt");
        } else {
            ok!(
                what,
                "proves nothing at this provider; admins confirm dangerous acts with a local password, or with a confirmation password (`frontdesk changepassword USERNAME`)"
            );
        }
    }

    async fn check_address(&mut self, address: &ProviderAddress) {
        let (name, url) = (&address.setting, &address.url);
        let shown = format!("{}{}", url.origin().ascii_serialization(), url.path());
        if url.scheme() == "http" && !is_local(url) {
            warning!(
                name,
                "{shown} is not https: secret and tokens are sent unencrypted"
            );
        }
        let status = match self.provider.probe(url).await {
            Ok(status) => status,
            Err(why) if address.is_needed => {
                let advice = advice(&why);
                return fault!(
                    self.report,
                    name,
                    "{shown} cannot be reached: {why}{advice}"
                );
            }
            Err(why) => {
                return warning!(
                    name,
                    "{shown} does not answer this server ({why}); browsers must be able to reach it"
                );
            }
        };
        let is_discovered = self.provider.settings().issuer.is_some();
        let is_token_url = *name == self.name("token_url");
        let has_secret = self.provider.settings().client_auth != Some(ClientAuth::None);
        match status {
            _ if is_token_url && is_discovered => {
                ok!(name, "{shown} answers");
                self.check_client().await;
            }
            status if *name == self.name("jwks_url") && status != 200 => fault!(
                self.report,
                name,
                "{shown} answered {status}: without its keys no ID token can be verified"
            ),
            ..500 if is_discovered => ok!(name, "{shown} answers"),
            404 if address.is_needed => {
                fault!(self.report, name, "{shown} answered 404; check the path");
            }
            404 => warning!(name, "{shown} answered 404; check the path"),
            500.. => warning!(name, "{shown} answered {status}"),
            _ if is_token_url => {
                ok!(name, "{shown} answers");
                if has_secret {
                    self.check_client().await;
                }
            }
            status => ok!(name, "{shown} answers ({status})"),
        }
    }

    /// Reports whether the provider accepts the client's id and secret.
    async fn check_client(&mut self) {
        let what = self.of("client secret");
        let name = self.name("client_secret");
        match self.provider.is_client_known(self.now).await {
            Some(true) => ok!(what, "the provider accepts it"),
            Some(false) => fault!(
                self.report,
                what,
                "the provider refuses the client ID and {name}; copy both again, and check how the client authenticates"
            ),
            None => warning!(
                what,
                "the provider's answer does not tell whether it is right; the first sign-in will"
            ),
        }
    }
}

/// Names the setting to look at, judging by the error of the layers below.
fn advice(why: &str) -> &'static str {
    if why.contains("certificate") || why.contains("UnknownIssuer") {
        "; set OAUTH2_CA_FILE (or ca_file) to the provider's certificate authority"
    } else if why.contains("lookup") || why.contains("resolve") {
        "; check the host name and this machine's DNS"
    } else {
        "; check the address, and that this machine can reach it"
    }
}

fn is_local(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}
