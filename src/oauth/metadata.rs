//! A provider's addresses: configured, or discovered (OpenID Connect Discovery 1.0, RFC 8414). The
//! last good document outlives every outage.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use reqwest::header::ACCEPT;
use serde_json::Value;
use url::Url;

use super::call::call;
use super::{Moment, json};
use crate::clock::UnixTime;
use crate::config::ProviderSettings;
use crate::error::Cause;

/// The age at which a document is read again.
const FRESH: Duration = Duration::from_secs(3600);
/// The time between a failure and the next try.
const RETRY: Duration = Duration::from_millis(500);

/// The metadata of a provider. Addresses that this server calls are already the internal ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    pub authorize: Url,
    pub token: Url,
    /// The token address as the provider publishes it, which is the audience of client assertions.
    /// This server may call an internal one instead.
    pub published_token_url: String,
    pub userinfo: Option<Url>,
    pub jwks: Option<Url>,
    pub pushed_requests: Option<Url>,
    pub requires_pushed_requests: bool,
    pub revocation: Option<Url>,
    pub end_session: Option<Url>,
    /// True if its answers carry `iss` (RFC 9207 3).
    pub sends_issuer: bool,
    /// True if the provider sends logout tokens (Back-Channel Logout 1.0, 2.1).
    pub sends_logouts: bool,
    /// `token_endpoint_auth_methods_supported`; empty if absent. The same goes for the fields
    /// below.
    pub auth_methods: Vec<String>,
    /// `scopes_supported`
    pub scopes: Vec<String>,
    /// `claims_supported`
    pub claims: Vec<String>,
    /// `id_token_signing_alg_values_supported`
    pub algorithms: Vec<String>,
}

/// The cache of one provider.
#[derive(Debug, Default)]
pub struct Cache {
    state: Mutex<State>,
    /// Ensures one call at a time.
    calling: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Arc<Metadata>>,
    read_at: Option<UnixTime>,
    tried_at: Option<UnixTime>,
    /// The reason why the last try failed, if it did.
    failure: Option<Cause>,
}

impl Cache {
    /// The cache of a provider whose addresses are all configured.
    #[must_use]
    pub fn set(metadata: Metadata) -> Self {
        let cache = Self::default();
        cache.state().known = Some(Arc::new(metadata));
        cache
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The currently known metadata, however old.
    pub fn known(&self) -> Option<Arc<Metadata>> {
        self.state().known.clone()
    }

    /// The reason why the last reading failed, if it did.
    pub fn failure(&self) -> Option<Cause> {
        self.state().failure.clone()
    }

    /// True if the document should be read (again).
    pub(crate) fn is_due(&self, now: UnixTime) -> bool {
        let state = self.state();
        let is_old = |at: Option<UnixTime>, limit: Duration| {
            // A clock that was put back makes everything old.
            at.is_none_or(|at| now.since(at) >= limit || at.since(now) > Duration::from_secs(60))
        };
        is_old(state.read_at, FRESH) && is_old(state.tried_at, RETRY)
    }

    /// Reads the document if that is due. Returns `Ok` even if an older one remains in use.
    pub async fn refresh(
        &self,
        settings: &ProviderSettings,
        client: &Client,
        moment: Moment,
    ) -> Result<Arc<Metadata>, Cause> {
        let Moment { now, deadline } = moment;
        if self.is_due(now) {
            let _calling = tokio::time::timeout_at(deadline, self.calling.lock())
                .await
                .map_err(|_| Cause::TooSlow)?;
            // Another task may have read it meanwhile.
            if self.is_due(now) {
                let read = read(settings, client, moment).await;
                let mut state = self.state();
                state.tried_at = Some(now);
                match read {
                    Ok(metadata) => {
                        state.known = Some(Arc::new(metadata));
                        state.read_at = Some(now);
                        state.failure = None;
                    }
                    Err(cause) => {
                        log::warn!(
                            event = "discovery",
                            provider = settings.id.as_str(),
                            outcome = cause.code();
                            "{}", cause.detail()
                        );
                        state.failure = Some(cause);
                    }
                }
            }
        }
        let state = self.state();
        let failure = || state.failure.clone().unwrap_or(Cause::Unreachable);
        state.known.clone().ok_or_else(failure)
    }
}

async fn read(
    settings: &ProviderSettings,
    client: &Client,
    moment: Moment,
) -> Result<Metadata, Cause> {
    let address = discovery_address(settings).ok_or(Cause::Unreadable("issuer"))?;
    let request = client.get(address).header(ACCEPT, "application/json");
    let answer = call(request, moment.deadline).await?.ok()?;
    // Some servers send the document without a content type of its own.
    let document =
        json::parse(&answer.body).map_err(|_| Cause::Unreadable("discovery document"))?;
    parse(settings, &document)
}

/// `ISSUER/.well-known/openid-configuration` (Discovery 4), as this server reaches it.
pub(crate) fn discovery_address(settings: &ProviderSettings) -> Option<Url> {
    if let Some(url) = &settings.discovery_url {
        return Some(url.clone());
    }
    let issuer = settings.issuer.as_ref()?.trim_end_matches('/');
    let url = Url::parse(&format!("{issuer}/.well-known/openid-configuration")).ok()?;
    Some(inside(settings, url))
}

/// An address at the issuer's origin, as this server reaches it.
fn inside(settings: &ProviderSettings, url: Url) -> Url {
    let (Some(base), Some(issuer)) = (&settings.internal_base, &settings.issuer) else {
        return url;
    };
    let is_of_issuer = Url::parse(issuer).is_ok_and(|issuer| issuer.origin() == url.origin());
    if !is_of_issuer {
        return url;
    }
    let tail = url.as_str().get(url.origin().ascii_serialization().len()..);
    let base = base.as_str().trim_end_matches('/');
    Url::parse(&format!("{base}{}", tail.unwrap_or_default())).unwrap_or(url)
}

/// Reads a discovery document. Its issuer must be the configured one, byte for byte (Discovery
/// 4.3). An https issuer must have https addresses. Addresses that are configured win.
pub fn parse(settings: &ProviderSettings, document: &Value) -> Result<Metadata, Cause> {
    if document.get("issuer").and_then(Value::as_str) != settings.issuer.as_deref() {
        return Err(Cause::BadMetadata("issuer"));
    }
    let members = Members { settings, document };
    let (browser, server) = (Caller::Browser, Caller::Server);
    let set = &settings.addresses;
    let required = |name, set, caller| {
        let address = members.address(name, set, caller)?;
        address.ok_or(Cause::BadMetadata(name))
    };
    Ok(Metadata {
        authorize: required("authorization_endpoint", set.authorize.as_ref(), browser)?,
        token: required("token_endpoint", set.token.as_ref(), server)?,
        published_token_url: match (document.get("token_endpoint"), &set.token) {
            (Some(Value::String(name)), _) => name.clone(),
            (_, set) => set.as_ref().map(Url::to_string).unwrap_or_default(),
        },
        userinfo: members.address("userinfo_endpoint", set.userinfo.as_ref(), server)?,
        // Only a provider with an issuer signs anything.
        jwks: settings
            .issuer
            .as_ref()
            .map(|_| required("jwks_uri", set.jwks.as_ref(), server))
            .transpose()?,
        pushed_requests: members.address(
            "pushed_authorization_request_endpoint",
            set.pushed_requests.as_ref(),
            server,
        )?,
        requires_pushed_requests: members.is_true("require_pushed_authorization_requests"),
        revocation: members.address("revocation_endpoint", set.revocation.as_ref(), server)?,
        end_session: members.address("end_session_endpoint", set.end_session.as_ref(), browser)?,
        sends_issuer: members.is_true("authorization_response_iss_parameter_supported"),
        sends_logouts: members.is_true("backchannel_logout_supported"),
        auth_methods: members.texts("token_endpoint_auth_methods_supported"),
        scopes: members.texts("scopes_supported"),
        claims: members.texts("claims_supported"),
        algorithms: members.texts("id_token_signing_alg_values_supported"),
    })
}

/// The caller of an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Browser,
    Server,
}

/// The members of a discovery document.
struct Members<'a> {
    settings: &'a ProviderSettings,
    document: &'a Value,
}

impl Members<'_> {
    /// An address: the configured one, or else the document's.
    fn address(
        &self,
        name: &'static str,
        set: Option<&Url>,
        caller: Caller,
    ) -> Result<Option<Url>, Cause> {
        if let Some(url) = set {
            return Ok(Some(url.clone()));
        }
        let text = match self.document.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text,
            Some(_) => return Err(Cause::BadMetadata(name)),
        };
        let url = Url::parse(text)
            .ok()
            .filter(|url| {
                url.scheme() == "https"
                    || (url.scheme() == "http" && !self.is_https())
                    || (caller == Caller::Server && self.is_inside(url))
            })
            .filter(|url| url.host_str().is_some())
            .filter(|url| url.username().is_empty() && url.password().is_none())
            .ok_or(Cause::BadMetadata(name))?;
        Ok(Some(match caller {
            Caller::Browser => url,
            Caller::Server => inside(self.settings, url),
        }))
    }

    fn is_https(&self) -> bool {
        let issuer = self.settings.issuer.as_deref().unwrap_or_default();
        Url::parse(issuer).is_ok_and(|issuer| issuer.scheme() == "https")
    }

    /// Some providers return the addresses for servers under the host of the request.
    fn is_inside(&self, url: &Url) -> bool {
        let base = self.settings.internal_base.as_ref();
        base.is_some_and(|base| base.origin() == url.origin())
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let list = self.document.get(name).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    fn is_true(&self, name: &str) -> bool {
        self.document.get(name) == Some(&Value::Bool(true))
    }
}

/// The metadata of a provider without discovery; `None` for one that has it.
pub(crate) fn of_settings(settings: &ProviderSettings) -> Option<Metadata> {
    if settings.issuer.is_some() {
        return None;
    }
    parse(settings, &Value::Null).ok()
}
