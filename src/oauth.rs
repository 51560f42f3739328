//! The OAuth2 service of the provider: authorize address, token call, profile call, permissions
//! call (RFC 6749, RFC 6750, RFC 7636). Knows nothing of accounts.
//!
//! No call is retried, no redirect followed, no body read beyond 1 MiB. Tokens exist only inside
//! this module, and only as [`Secret`].

pub mod json;
pub mod profile;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use log::warn;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::config::{ClientAuth, ProviderSettings};
use crate::error::{Cause, Error, Result, Step};
use crate::permissions::Permission;
use crate::secret::{Secret, sha256};
use crate::status::Check;
use crate::users::Profile;
use profile::Kept;

/// The setting whose address exchanges codes.
pub const TOKEN_URL: &str = "OAUTH2_TOKEN_URL";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const PERMISSIONS_EARLIER: Duration = Duration::from_secs(1);
/// Of a decoded body.
const MAX_BODY: usize = 1024 * 1024;

/// A call that failed, and at which step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub step: Step,
    pub cause: Cause,
}

/// An access token of the provider (RFC 6750). Dropped as soon as the profile is read.
pub struct AccessToken(Secret<String>);

/// What the provider said of a person.
#[derive(Debug)]
pub struct Person {
    pub profile: Profile,
    /// Fields that were sent but could not be taken over.
    pub kept: Vec<Kept>,
    pub profile_took: Duration,
    pub permissions: Permissions,
    pub permissions_took: Duration,
}

#[derive(Debug)]
pub enum Permissions {
    /// This portal is not set up to ask.
    NotAsked,
    /// Sorted by name, each once.
    Given(Vec<Permission>),
    /// The call failed or its answer could not be read: says nothing about what the person may do.
    Failed(Failure),
}

/// Whether the provider is asked to have the person sign in anew (`OpenID` Connect Core 3.1.2.1).
/// Whether it did is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    Unasked,
    Login,
}

pub struct Provider {
    settings: ProviderSettings,
    client: Client,
    /// `Authorization` of the token call, with [`ClientAuth::Basic`].
    basic: Option<HeaderValue>,
}

/// For what `check` asks.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

impl Provider {
    /// # Errors
    /// [`Error::Internal`] when TLS cannot be set up.
    pub fn new(settings: ProviderSettings) -> Result<Self> {
        let client = client(&settings).map_err(|error| {
            Error::Internal(format!(
                "TLS to the provider: {}; are the system's certificate authorities installed \
                 (ca-certificates), or is OAUTH2_CA_FILE set?",
                root_cause(&*error)
            ))
        })?;
        let basic = match settings.client_auth {
            ClientAuth::Basic => Some(basic_header(&settings)?),
            ClientAuth::Post | ClientAuth::None => None,
        };
        Ok(Self {
            settings,
            client,
            basic,
        })
    }

    #[must_use]
    pub const fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Where the browser goes to sign in (RFC 6749 4.1.1, RFC 7636 4.3). A query that the
    /// configured address has is kept, save for names that are ours to set.
    #[must_use]
    pub fn authorize_url(
        &self,
        state: &str,
        pkce_verifier: &Secret<String>,
        prompt: Prompt,
    ) -> Url {
        let settings = &self.settings;
        let mut ours = vec![
            ("response_type", "code".to_owned()),
            ("client_id", settings.client_id.clone()),
            ("redirect_uri", settings.redirect_url.clone()),
            ("state", state.to_owned()),
        ];
        if let Some(scope) = &settings.scope {
            ours.push(("scope", scope.clone()));
        }
        if prompt == Prompt::Login {
            ours.push(("prompt", "login".to_owned()));
        }
        if settings.pkce {
            ours.push(("code_challenge", sha256(pkce_verifier.expose().as_bytes())));
            ours.push(("code_challenge_method", "S256".to_owned()));
        }
        let mut url = settings.authorize_url.clone();
        let theirs: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| !ours.iter().any(|(our_name, _)| our_name == name))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(theirs)
            .extend_pairs(ours);
        url
    }

    /// Exchanges the code (RFC 6749 4.1.3). Called once for a code: whatever happens, it may be
    /// used up.
    ///
    /// # Errors
    /// [`Failure`] at [`Step::TokenCall`]
    pub async fn exchange(
        &self,
        code: &Secret<String>,
        pkce_verifier: &Secret<String>,
        deadline: Instant,
    ) -> Result<AccessToken, Failure> {
        let fail = |cause| Failure {
            step: Step::TokenCall,
            cause,
        };
        let settings = &self.settings;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose()),
            ("redirect_uri", &settings.redirect_url),
        ];
        // RFC 6749 2.3.1: one way of authenticating, never two.
        if settings.client_auth != ClientAuth::Basic {
            form.push(("client_id", &settings.client_id));
        }
        if settings.client_auth == ClientAuth::Post {
            form.push(("client_secret", settings.client_secret.expose()));
        }
        if settings.pkce {
            form.push(("code_verifier", pkce_verifier.expose()));
        }
        let mut request = self
            .client
            .post(settings.token_url.clone())
            .header(ACCEPT, "application/json")
            .form(&form);
        if let Some(basic) = &self.basic {
            request = request.header(AUTHORIZATION, basic.clone());
        }
        let answer = call(request, deadline).await.map_err(fail)?;
        read_token(&answer).map_err(fail)
    }

    /// Reads the profile and, side by side, the permissions; those get a little less time, so
    /// that their failing leaves enough to finish without them.
    ///
    /// # Errors
    /// [`Failure`] at [`Step::ProfileCall`]; a failed permissions call is part of the answer.
    pub async fn person(&self, token: AccessToken, deadline: Instant) -> Result<Person, Failure> {
        let fail = |cause| Failure {
            step: Step::ProfileCall,
            cause,
        };
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.0.expose()))
            .map_err(|_| fail(Cause::Unreadable("access token")))?;
        bearer.set_sensitive(true);

        let profile = self.get(&self.settings.profile_url, &bearer, deadline);
        let permissions = self.permissions(&bearer, deadline - PERMISSIONS_EARLIER);
        let ((profile, profile_took), (permissions, permissions_took)) =
            tokio::join!(timed(profile), timed(permissions));
        let profile = profile.map_err(fail)?;
        let (profile, kept) = profile::read(&self.settings.mapping, &profile).map_err(fail)?;
        Ok(Person {
            profile,
            kept,
            profile_took,
            permissions,
            permissions_took,
        })
    }

    async fn permissions(&self, bearer: &HeaderValue, deadline: Instant) -> Permissions {
        let Some(url) = &self.settings.permissions_url else {
            return Permissions::NotAsked;
        };
        let answer = self.get(url, bearer, deadline).await;
        match answer.and_then(|answer| profile::read_permissions(&self.settings.mapping, &answer)) {
            Ok(permissions) => Permissions::Given(permissions),
            Err(cause) => Permissions::Failed(Failure {
                step: Step::PermissionsCall,
                cause,
            }),
        }
    }

    /// A JSON document with the token in the header alone (RFC 6750 2.1).
    async fn get(
        &self,
        url: &Url,
        bearer: &HeaderValue,
        deadline: Instant,
    ) -> Result<Value, Cause> {
        let request = self
            .client
            .get(url.clone())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, bearer.clone());
        let answer = call(request, deadline).await?;
        match answer.status {
            StatusCode::OK => answer.json(),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                Err(Cause::ProviderError("temporarily_unavailable"))
            }
            status => Err(Cause::Refused(status.as_u16())),
        }
    }

    /// Each address: the setting that names it, and whether this server needs it; browsers need
    /// the others, which it may not reach.
    #[must_use]
    pub fn addresses(&self) -> Vec<(&'static str, &Url, bool)> {
        let settings = &self.settings;
        let mut addresses = vec![
            (TOKEN_URL, &settings.token_url, true),
            ("OAUTH2_USER_BASE_INFO_URL", &settings.profile_url, true),
            ("OAUTH2_AUTHORIZE_URL", &settings.authorize_url, false),
        ];
        let permissions = settings.permissions_url.as_ref();
        addresses.extend(permissions.map(|url| ("OAUTH2_USER_ALL_PERMISSIONS_URL", url, true)));
        let logout = settings.logout_url.as_ref();
        addresses.extend(logout.map(|url| ("OAUTH2_LOGOUT_URL", url, false)));
        addresses
    }

    /// Asks each address once.
    pub async fn check_addresses(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        for (setting, url, is_needed) in self.addresses() {
            let started = Instant::now();
            let answer = self.probe(url).await;
            checks.push(Check {
                setting,
                address: format!("{}{}", url.origin().ascii_serialization(), url.path()),
                is_needed,
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

    /// Whether the provider knows this client and its secret: asks for a token with a code that
    /// cannot be one (RFC 6749 5.2 tells the two refusals apart). `None` when its answer does
    /// not tell.
    pub async fn is_client_known(&self) -> Option<bool> {
        let deadline = Instant::now() + PROBE_PATIENCE;
        let nothing = || Secret::new("frontdesk-check".repeat(3));
        match self.exchange(&nothing(), &nothing(), deadline).await {
            Err(Failure { cause, .. }) => match cause {
                Cause::ClientRefused => Some(false),
                Cause::CodeRefused => Some(true),
                _ => None,
            },
            Ok(_) => None,
        }
    }
}

/// The last of an error's causes; the first ones only say that something was sent.
fn root_of(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

fn client(settings: &ProviderSettings) -> Result<Client, Box<dyn std::error::Error>> {
    // The process may have one already; it is the same.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // The environment is read by the settings alone.
        .no_proxy()
        .referer(false)
        // A server may close an idle connection just as a code is being sent on it; servers of
        // this kind wait two seconds or more.
        .pool_idle_timeout(Duration::from_secs(1));
    let has_tls = [&settings.token_url, &settings.profile_url]
        .into_iter()
        .chain(&settings.permissions_url)
        .any(|url| url.scheme() == "https");
    if let Some(pem) = &settings.ca {
        builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
    } else if !has_tls {
        // Starts on a machine without any certificate authority too.
        builder = builder.tls_certs_only([]);
    }
    Ok(builder.build()?)
}

/// Form-urlencoded, then base64 (RFC 6749 2.3.1).
fn basic_header(settings: &ProviderSettings) -> Result<HeaderValue> {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!(
        "{}:{}",
        encode(&settings.client_id),
        encode(settings.client_secret.expose())
    );
    let mut header = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
        .map_err(|_| Error::Internal("the client's credentials make no header".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let started = Instant::now();
    let done = work.await;
    (done, started.elapsed())
}

/// What came back, in full.
struct Answer {
    status: StatusCode,
    is_json: bool,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Result<Value, Cause> {
        if !self.is_json {
            return Err(Cause::Unreadable("content type"));
        }
        json::parse(&self.body).map_err(|_| Cause::Unreadable("JSON"))
    }
}

async fn call(request: RequestBuilder, deadline: Instant) -> Result<Answer, Cause> {
    let whole = async {
        let mut response = request.send().await.map_err(|error| cause_of(&error))?;
        let body = read_body(&mut response).await?;
        Ok(Answer {
            status: response.status(),
            is_json: is_json(response.headers()),
            body,
        })
    };
    timeout_at(deadline, whole)
        .await
        .unwrap_or(Err(Cause::TooSlow))
}

async fn read_body(response: &mut Response) -> Result<Vec<u8>, Cause> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause_of(&error))? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(Cause::Unreadable("more than 1 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || essence.eq_ignore_ascii_case("text/json")
        || (essence.len() > 5 && essence.to_ascii_lowercase().ends_with("+json"))
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut reason = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

fn cause_of(error: &reqwest::Error) -> Cause {
    // The address may hold what an operator wrote into it; the reason does not.
    warn!(event = "provider_call", outcome = "failed"; "{}", root_cause(error));
    if error.is_timeout() {
        Cause::TooSlow
    } else if error.is_decode() || error.is_body() {
        Cause::Unreadable("body")
    } else {
        Cause::Unreachable
    }
}

/// RFC 6749 5.1 and 5.2.
fn read_token(answer: &Answer) -> Result<AccessToken, Cause> {
    match answer.status {
        StatusCode::OK => {}
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            return Err(Cause::ProviderError("temporarily_unavailable"));
        }
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED => {
            let error = answer.json().ok();
            let code = error
                .as_ref()
                .and_then(|error| error.get("error")?.as_str());
            return Err(match (code, answer.status) {
                (Some("invalid_grant"), _) => Cause::CodeRefused,
                (Some("invalid_client" | "unauthorized_client"), _)
                | (_, StatusCode::UNAUTHORIZED) => Cause::ClientRefused,
                (Some(code), _) => Cause::ProviderError(known_code(code)),
                (None, status) => Cause::Refused(status.as_u16()),
            });
        }
        status => return Err(Cause::Refused(status.as_u16())),
    }
    let token = answer.json()?;
    // Some providers answer errors with 200.
    if let Some(code) = token.get("error") {
        let code = code.as_str().unwrap_or_default();
        return Err(if code == "invalid_grant" {
            Cause::CodeRefused
        } else {
            Cause::ProviderError(known_code(code))
        });
    }
    // RFC 6749 7.1: a type that one does not understand must not be used.
    let is_bearer = token
        .get("token_type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !is_bearer {
        return Err(Cause::Unreadable("token_type"));
    }
    match token.get("access_token").and_then(Value::as_str) {
        Some(token) if is_token_text(token) => Ok(AccessToken(Secret::new(token.to_owned()))),
        _ => Err(Cause::Unreadable("access_token")),
    }
}

/// RFC 6749 A.12: visible characters.
fn is_token_text(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

/// The error codes of RFC 6749 4.1.2.1 and 5.2 and of OpenID Connect Core 3.1.2.6. Any other
/// text is the provider's own and goes nowhere.
#[must_use]
pub fn known_code(code: &str) -> &'static str {
    const CODES: &[&str] = &[
        "invalid_request",
        "unauthorized_client",
        "access_denied",
        "unsupported_response_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "invalid_client",
        "invalid_grant",
        "unsupported_grant_type",
        "interaction_required",
        "login_required",
        "account_selection_required",
        "consent_required",
        "invalid_request_uri",
        "invalid_request_object",
        "request_not_supported",
        "request_uri_not_supported",
        "registration_not_supported",
    ];
    CODES
        .iter()
        .find(|known| **known == code)
        .copied()
        .unwrap_or("unknown_error")
}
