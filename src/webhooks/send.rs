//! One call: no redirect, no retry, five seconds, and every failure is a [`Verdict`]. An error of
//! the HTTP client names the address, so none is ever printed or passed on.

use std::error::Error as StdError;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Certificate, Client, ClientBuilder, Proxy, RequestBuilder, Response};

use super::body::{Limits, Sign, body, limits};
use super::destination::{Destination, is_private};
use super::message::{Told, Voice};
use super::signature;
use super::verdict::{Answer, TroubleKind, Verdict, judge};
use crate::clock::UnixTime;
use crate::config::{WebhookKind, WebhookSettings};

/// How long one call may take.
pub const CALL: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// No more of an answer is read, in bytes.
const MAX_BODY: usize = 8 * 1024;

/// A hook, and its client.
pub struct Hook {
    settings: WebhookSettings,
    /// `None` if TLS cannot be set up.
    client: Option<Client>,
}

impl Hook {
    pub fn new(settings: WebhookSettings) -> Self {
        let client = client(&settings);
        Self { settings, client }
    }

    pub fn name(&self) -> &str {
        &self.settings.name
    }

    pub const fn settings(&self) -> &WebhookSettings {
        &self.settings
    }

    pub const fn limits(&self) -> Limits {
        limits(self.settings.kind)
    }

    /// Sends one message about all of these. `id` is the same at each attempt.
    pub async fn send(
        &self,
        destination: &Destination,
        voice: &Voice,
        now: UnixTime,
        id: &str,
        all: &[Told],
    ) -> Verdict {
        let Some(client) = &self.client else {
            return Verdict::HookAtFault(TroubleKind::Tls.alone());
        };
        let request = self.request(client, destination, voice, now, id, all);
        let call = async {
            let response = request.send().await?;
            Ok::<_, reqwest::Error>(self.read(response, now).await)
        };
        match tokio::time::timeout(CALL, call).await {
            Ok(Ok(answer)) => judge(self.settings.kind, &answer),
            Ok(Err(error)) => verdict_of(&error),
            Err(_) => Verdict::NotNow(TroubleKind::TimedOut.alone(), None),
        }
    }

    fn request(
        &self,
        client: &Client,
        destination: &Destination,
        voice: &Voice,
        now: UnixTime,
        id: &str,
        all: &[Told],
    ) -> RequestBuilder {
        let kind = self.settings.kind;
        let seconds = now.millis().div_euclid(1000);
        let secret = destination.secrets.first();
        let sign = secret
            .filter(|_| kind == WebhookKind::Feishu)
            .map(|secret| Sign {
                seconds,
                sign: signature::feishu(seconds, secret),
            });
        let body = body(kind, voice, self.settings.prefix(), all, sign.as_ref());
        let mut url = destination.url.expose().clone();
        if let (WebhookKind::Dingtalk, Some(secret)) = (kind, secret) {
            let millis = now.millis();
            url.query_pairs_mut()
                .append_pair("timestamp", &millis.to_string())
                .append_pair("sign", &signature::dingtalk(millis, secret));
        }
        let mut request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8");
        if kind == WebhookKind::Json {
            let signed = signature::standard(id, seconds, &body, &destination.secrets);
            request = request
                .header("webhook-id", id)
                .header("webhook-timestamp", seconds.to_string())
                .header("webhook-signature", signed);
        }
        request.body(body)
    }

    /// Reads the part of an answer that counts: a robot's body, and of others only the status.
    async fn read(&self, mut response: Response, now: UnixTime) -> Answer {
        let headers = response.headers();
        let mut answer = Answer {
            status: response.status().as_u16(),
            retry_after: seconds_in(headers, RETRY_AFTER.as_str())
                .or_else(|| seconds_until(headers, now))
                .or_else(|| seconds_in(headers, "x-ogw-ratelimit-reset")),
            clock_difference: clock_difference(headers, now),
            body: Vec::new(),
        };
        // What cannot be read makes no success.
        while self.settings.is_robot()
            && answer.body.len() < MAX_BODY
            && let Ok(Some(chunk)) = response.chunk().await
        {
            let left = MAX_BODY.saturating_sub(answer.body.len());
            answer.body.extend(chunk.iter().take(left));
        }
        answer
    }

    /// Asks the receiver's host for its clock, without the path that is a secret. Returns by how
    /// many seconds it differs from ours, if it says so.
    pub async fn clock_difference(
        &self,
        destination: &Destination,
        now: UnixTime,
    ) -> Result<Option<i64>, TroubleKind> {
        let Some(client) = &self.client else {
            return Err(TroubleKind::Tls);
        };
        let mut root = destination.url.expose().clone();
        root.set_path("/");
        root.set_query(None);
        root.set_fragment(None);
        match tokio::time::timeout(CALL, client.head(root).send()).await {
            Ok(Ok(response)) => Ok(clock_difference(response.headers(), now)),
            Ok(Err(error)) => Err(trouble_of(&error)),
            Err(_) => Err(TroubleKind::TimedOut),
        }
    }
}

fn client(settings: &WebhookSettings) -> Option<Client> {
    // The process may already have one, which is the same.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let Some(pem) = &settings.ca {
        let authorities = Certificate::from_pem_bundle(pem).ok()?;
        return builder(settings)?.tls_certs_merge(authorities).build().ok();
    }
    let trusting = builder(settings)?.build().ok();
    // The client must also start on a machine without any certificate authority. It then trusts
    // nobody.
    trusting.or_else(|| builder(settings)?.tls_certs_only([]).build().ok())
}

fn builder(settings: &WebhookSettings) -> Option<ClientBuilder> {
    let builder = Client::builder()
        .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // Only the settings read the environment.
        .no_proxy()
        .referer(false)
        // Each call looks its host up anew, and checks what it finds.
        .pool_max_idle_per_host(0);
    Some(match &settings.proxy {
        // The proxy looks hosts up, so that nothing can be checked here.
        Some(proxy) => builder.proxy(Proxy::all(proxy.expose().as_str()).ok()?),
        None => builder.dns_resolver(Arc::new(CheckedResolver {
            allows_private: settings.allow_private,
        })),
    })
}

/// Looks hosts up, and refuses private addresses. The client connects only to what it returns, so
/// that a name that changes its address between a check and a call gains nothing.
struct CheckedResolver {
    allows_private: bool,
}

#[derive(Debug)]
enum LookupError {
    Private,
    NotFound,
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "a private address",
            Self::NotFound => "no address",
        })
    }
}

impl StdError for LookupError {}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allows_private = self.allows_private;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let look = move || look_up(&host, allows_private);
            let found = tokio::task::spawn_blocking(look).await;
            let found = found.unwrap_or(Err(LookupError::NotFound));
            let addresses: Addrs = Box::new(found?.into_iter());
            Ok(addresses)
        })
    }
}

fn look_up(host: &str, allows_private: bool) -> Result<Vec<SocketAddr>, LookupError> {
    let found = (host, 0).to_socket_addrs();
    let all: Vec<SocketAddr> = found.map_err(|_| LookupError::NotFound)?.collect();
    if all.is_empty() {
        return Err(LookupError::NotFound);
    }
    let may = |address: &SocketAddr| {
        let is_own = host == "localhost" && address.ip().is_loopback();
        allows_private || is_own || !is_private(address.ip())
    };
    let allowed: Vec<SocketAddr> = all.into_iter().filter(may).collect();
    if allowed.is_empty() {
        return Err(LookupError::Private);
    }
    Ok(allowed)
}

fn seconds_in(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// `Retry-After` may be a date (RFC 9110 10.2.3).
fn seconds_until(headers: &HeaderMap, now: UnixTime) -> Option<u64> {
    let date = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let moment = jiff::fmt::rfc2822::parse(date).ok()?;
    let left = moment.timestamp().as_second() - now.millis().div_euclid(1000);
    u64::try_from(left).ok()
}

fn clock_difference(headers: &HeaderMap, now: UnixTime) -> Option<i64> {
    let date = headers.get(reqwest::header::DATE)?.to_str().ok()?;
    let moment = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(moment.timestamp().as_second() - now.millis().div_euclid(1000))
}

fn verdict_of(error: &reqwest::Error) -> Verdict {
    match trouble_of(error) {
        kind @ (TroubleKind::PrivateAddress | TroubleKind::NoSuchHost | TroubleKind::Tls) => {
            Verdict::HookAtFault(kind.alone())
        }
        kind => Verdict::NotNow(kind.alone(), None),
    }
}

fn trouble_of(error: &reqwest::Error) -> TroubleKind {
    if let Some(lookup) = find_in::<LookupError>(error) {
        return match lookup {
            LookupError::Private => TroubleKind::PrivateAddress,
            LookupError::NotFound => TroubleKind::NoSuchHost,
        };
    }
    if find_in::<rustls::Error>(error).is_some() {
        TroubleKind::Tls
    } else if error.is_timeout() {
        TroubleKind::TimedOut
    } else {
        TroubleKind::Unreachable
    }
}

/// Finds an error among the causes of another. An I/O error hides its own cause from `source`.
fn find_in<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if let Some(inner) = inner
            && let Some(found) = find_in::<T>(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}
