//! The token endpoint (RFC 6749 3.2): how this client authenticates there, how a request is made in
//! the provider's dialect, and how an answer is read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::Header;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::byte_serialize;

use super::call::{Answer, call};
use super::metadata::Metadata;
use super::{Moment, Provider, known_code};
use crate::clock::UnixTime;
use crate::config::{
    AdmissionRule, AssertionAudience, ClientAuth, Dialect, ProviderSettings, TokenRequest,
};
use crate::error::{Cause, Error, Result};
use crate::secret::{Secret, random_token};

/// The answer of a token endpoint (RFC 6749 5.1).
pub struct Tokens {
    pub access_token: Secret<String>,
    pub refresh_token: Option<Secret<String>>,
    /// The time when the access token expires, if given.
    pub expires_at: Option<UnixTime>,
    /// `None` if there was none.
    pub id_token: Option<Secret<String>>,
    /// True if the answer meets the admission rules.
    pub is_admitted: bool,
    /// True if the answer contradicts the admission rules.
    pub breaks_admission: bool,
}

/// The lifetime of the client's own assertion, in seconds (RFC 7523 3).
const ASSERTION_LIFETIME: i64 = 60;
/// Ten years in seconds. A longer lifetime of an access token is ignored.
const MAX_LIFETIME: f64 = 315_360_000.0;
/// The longest token that is kept.
const MAX_TOKEN: usize = 16 * 1024;

impl Provider {
    /// The token request of a code (RFC 6749 4.1.3).
    pub(super) async fn exchange_code(
        &self,
        metadata: &Metadata,
        code: &Secret<String>,
        pkce_verifier: &Secret<String>,
        moment: Moment,
    ) -> Result<Tokens, Cause> {
        let mut parameters = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose().as_str()),
            ("redirect_uri", &self.settings.redirect_url),
        ];
        if self.settings.pkce {
            parameters.push(("code_verifier", pkce_verifier.expose()));
        }
        self.ask_for_tokens(metadata, &parameters, moment).await
    }

    /// A request to the token endpoint, for whatever grant.
    pub(super) async fn ask_for_tokens(
        &self,
        metadata: &Metadata,
        parameters: &[(&str, &str)],
        moment: Moment,
    ) -> Result<Tokens, Cause> {
        let request = self.client_request(metadata, &metadata.token, parameters, moment.now)?;
        let answer = call(request, moment.deadline).await?;
        read(&self.settings, &answer, moment.now)
    }

    /// The client's authentication method: the configured one, or else the first that the provider
    /// offers.
    pub fn client_auth(&self, metadata: &Metadata) -> ClientAuth {
        if let Some(auth) = self.settings.client_auth {
            return auth;
        }
        let offers = |auth: &ClientAuth| {
            metadata
                .auth_methods
                .iter()
                .any(|method| method == auth.metadata_code())
        };
        // Basic is the default of a provider that lists none (RFC 8414 2).
        [ClientAuth::Basic, ClientAuth::Post]
            .into_iter()
            .find(offers)
            .unwrap_or(ClientAuth::Basic)
    }

    /// A request with parameters and the client's authentication, to the token endpoint or to
    /// another one that requires the same.
    pub(super) fn client_request(
        &self,
        metadata: &Metadata,
        address: &Url,
        parameters: &[(&str, &str)],
        now: UnixTime,
    ) -> Result<RequestBuilder, Cause> {
        let dialect = &self.settings.dialect;
        let auth = self.client_auth(metadata);
        let credentials = self.credentials(auth, metadata, now)?;
        let credentials = credentials
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let mut named: Vec<(&str, &str)> = parameters
            .iter()
            .copied()
            .chain(credentials)
            .filter_map(|(name, value)| {
                let name = dialect.token_params.get(name).map_or(name, String::as_str);
                (!name.is_empty()).then_some((name, value))
            })
            .collect();
        let extra = dialect.token_extra.iter();
        named.extend(extra.map(|(name, value)| (name.as_str(), value.as_str())));
        let mut address = address.clone();
        let request = match dialect.token_request {
            TokenRequest::Form => self.client.post(address).form(&named),
            TokenRequest::Json => {
                let members = named.into_iter();
                let body: Map<String, Value> = members
                    .map(|(name, value)| (name.to_owned(), value.into()))
                    .collect();
                self.client
                    .post(address)
                    .header(CONTENT_TYPE, "application/json")
                    .body(Value::Object(body).to_string())
            }
            TokenRequest::Query => {
                address.query_pairs_mut().extend_pairs(named);
                self.client.get(address)
            }
        };
        let request = request.header(ACCEPT, "application/json");
        Ok(match auth {
            ClientAuth::Basic => request.header(AUTHORIZATION, basic(&self.settings)?),
            ClientAuth::Post | ClientAuth::PrivateKeyJwt | ClientAuth::None => request,
        })
    }

    /// The parameters that authenticate this client, in exactly one way (RFC 6749 2.3.1).
    fn credentials(
        &self,
        auth: ClientAuth,
        metadata: &Metadata,
        now: UnixTime,
    ) -> Result<Vec<(&'static str, String)>, Cause> {
        let settings = &self.settings;
        let id = ("client_id", settings.client_id.clone());
        Ok(match auth {
            ClientAuth::Basic => Vec::new(),
            ClientAuth::None => vec![id],
            ClientAuth::Post => {
                let secret = settings.client_secret.expose().clone();
                vec![id, ("client_secret", secret)]
            }
            ClientAuth::PrivateKeyJwt => {
                let audience = match (&settings.issuer, &settings.signing_key) {
                    (Some(issuer), Some(key)) if key.audience == AssertionAudience::Issuer => {
                        issuer
                    }
                    _ => &metadata.published_token_url,
                };
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned();
                vec![
                    id,
                    ("client_assertion_type", kind),
                    ("client_assertion", assertion(settings, audience, now)?),
                ]
            }
        })
    }
}

/// Basic credentials: form-urlencoded, then base64 (RFC 6749 2.3.1).
fn basic(settings: &ProviderSettings) -> Result<HeaderValue, Cause> {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let (id, secret) = (&settings.client_id, settings.client_secret.expose());
    let pair = STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
    let mut header = HeaderValue::try_from(format!("Basic {pair}"))
        .map_err(|_| Cause::Internal("the client's credentials make no header"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// The client's signed assertion (RFC 7523 2.2, OpenID Connect Core 9).
fn assertion(settings: &ProviderSettings, audience: &str, now: UnixTime) -> Result<String, Cause> {
    let no_key = Cause::Internal("the client's key cannot sign");
    let key = settings.signing_key.as_ref().ok_or(no_key.clone())?;
    let mut header = Header::new(key.algorithm);
    header.kid.clone_from(&key.id);
    header.x5t_s256.clone_from(&key.thumbprint);
    let seconds = now.0.div_euclid(1_000_000);
    let jti = random_token().map_err(|_| Cause::Internal("no random bytes"))?;
    let claims = serde_json::json!({
        "iss": settings.client_id,
        "sub": settings.client_id,
        "aud": audience,
        "jti": jti,
        "iat": seconds,
        "exp": seconds + ASSERTION_LIFETIME,
    });
    jsonwebtoken::encode(&header, &claims, &key.key).map_err(|_| no_key)
}

/// Reads a token answer.
///
/// # Errors
/// [`Cause::CodeRefused`] for `invalid_grant`, [`Cause::ClientRefused`], or the fault in the
/// answer.
pub fn read(settings: &ProviderSettings, answer: &Answer, now: UnixTime) -> Result<Tokens, Cause> {
    let dialect = &settings.dialect;
    let whole = document(dialect, answer)?;
    let token = opened(dialect, &whole, dialect.token_envelope.as_deref())?;
    // RFC 6749 7.1: a token type that a client does not understand must not be used.
    let is_bearer = match token.get("token_type") {
        None => !dialect.needs_token_type,
        Some(kind) => kind
            .as_str()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")),
    };
    if !is_bearer {
        return Err(Cause::Unreadable("token_type"));
    }
    let text = |pointer: &str| token.pointer(pointer).and_then(Value::as_str);
    let access_token = text(&dialect.access_token)
        .filter(|token| is_token_text(token))
        .ok_or(Cause::Unreadable("access_token"))?;
    let rules = settings.admission.values.iter();
    let rules = rules.filter(|rule| rule.pointer.is_none());
    let mut met = rules.map(|rule| meets(rule, token.pointer(&rule.token_path)));
    let kept = |token: &&str| is_token_text(token) && token.len() <= MAX_TOKEN;
    Ok(Tokens {
        access_token: Secret::new(access_token.to_owned()),
        refresh_token: text(&dialect.refresh_token)
            .filter(kept)
            .map(|token| Secret::new(token.to_owned())),
        expires_at: token
            .pointer(&dialect.expires_in)
            .and_then(lifetime)
            .map(|seconds| now.plus(std::time::Duration::from_secs(seconds))),
        id_token: match token.get("id_token") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(Secret::new(text.clone())),
            Some(_) => return Err(Cause::Unreadable("id_token")),
        },
        is_admitted: met.clone().all(|met| met == Some(true)),
        breaks_admission: met.any(|met| met == Some(false)),
    })
}

/// True if a member has a value that the admission rule allows; `None` if it does not say.
pub(super) fn meets(rule: &AdmissionRule, said: Option<&Value>) -> Option<bool> {
    Some(rule.values.contains(&as_text(said?)?))
}

/// The document of an answer that is not an error.
fn document(dialect: &Dialect, answer: &Answer) -> Result<Value, Cause> {
    let status = answer.status;
    let is_outage = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    let says_refused = |answer: Value| is_refused(dialect, &answer);
    if !dialect.refused_values.is_empty() && !is_outage && answer.json().is_ok_and(says_refused) {
        return Err(Cause::CodeRefused);
    }
    if answer.status != StatusCode::OK {
        return Err(refusal(answer));
    }
    let document = answer.json()?;
    // Some providers send errors with status 200.
    match document.get("error").filter(|code| !code.is_null()) {
        Some(code) => Err(cause_of_code(code.as_str().unwrap_or_default())),
        None => Ok(document),
    }
}

/// Reads an error answer (RFC 6749 5.2). The status should be 400; some use 401 or 403.
pub fn refusal(answer: &Answer) -> Cause {
    let error = answer.json().unwrap_or_default();
    let code = error.get("error").and_then(Value::as_str);
    match (code, answer.status) {
        (_, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => {
            Cause::ProviderError("temporarily_unavailable")
        }
        (Some(code), StatusCode::BAD_REQUEST) => cause_of_code(code),
        (Some("invalid_grant"), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Cause::CodeRefused
        }
        (_, StatusCode::UNAUTHORIZED) => Cause::ClientRefused,
        (_, status) => Cause::UnexpectedStatus(status.as_u16()),
    }
}

fn cause_of_code(code: &str) -> Cause {
    match code {
        "invalid_grant" | "bad_verification_code" => Cause::CodeRefused,
        "invalid_client" | "unauthorized_client" | "incorrect_client_credentials" => {
            Cause::ClientRefused
        }
        code => Cause::ProviderError(known_code(code)),
    }
}

/// Returns the object that counts in an answer. The answer may have an envelope, whose ok member
/// reports success.
///
/// # Errors
/// [`Cause::CodeRefused`] if the envelope says so in the provider's own words, [`Cause::NotOk`] if
/// it reports another failure, [`Cause::Unreadable`] if there is no such object.
pub fn opened<'a>(
    dialect: &Dialect,
    answer: &'a Value,
    envelope: Option<&str>,
) -> Result<&'a Value, Cause> {
    if is_refused(dialect, answer) {
        return Err(Cause::CodeRefused);
    }
    if let Some((member, value)) = &dialect.ok
        && answer.pointer(member).and_then(as_text) != as_text(value)
    {
        return Err(Cause::NotOk);
    }
    match envelope {
        None => Ok(answer),
        Some(pointer) => answer.pointer(pointer).ok_or(Cause::Unreadable("envelope")),
    }
}

/// True if an answer says, in the provider's own words, that a code or a token is refused.
fn is_refused(dialect: &Dialect, answer: &Value) -> bool {
    let said = answer.pointer(&dialect.error_member).and_then(as_text);
    said.is_some()
        && dialect
            .refused_values
            .iter()
            .any(|value| as_text(value) == said)
}

/// Reads a text or a number as text: some send `0`, some `"0"`.
pub fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// Reads seconds from a number or a text.
fn lifetime(value: &Value) -> Option<u64> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    if !(0.0..=MAX_LIFETIME).contains(&seconds) {
        return None;
    }
    format!("{:.0}", seconds.floor()).parse().ok()
}

/// Returns whether a text has only visible characters (RFC 6749 A.12).
fn is_token_text(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

/// Checks that the client's credentials can be sent at all.
pub fn check_credentials(settings: &ProviderSettings) -> Result<()> {
    basic(settings)
        .map(|_| ())
        .map_err(|_| Error::Internal("the client's credentials make no header".to_owned()))
}
