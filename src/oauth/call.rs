//! One HTTP call to a provider. Nothing is retried, no redirect is followed, no body is read beyond
//! its limit, and every failure is a [`Cause`].

use std::time::Duration;

use log::warn;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::json;
use crate::config::ProviderSettings;
use crate::error::Cause;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest decoded body, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// A complete answer.
pub struct Answer {
    pub status: StatusCode,
    pub content_type: String,
    pub body: Vec<u8>,
    /// The time of the answer by the provider's own clock, in seconds since 1970.
    pub date: Option<i64>,
    /// True if the provider wants to be asked again later (RFC 9110 10.2.3).
    pub has_retry_after: bool,
    /// The error in a bearer challenge (RFC 6750 3). A bare `Bearer` does not count: gateways send
    /// it in an outage.
    pub challenge: Option<Challenge>,
}

impl Answer {
    /// # Errors
    /// [`Cause::Unreadable`] if it is not JSON, or is labelled as something else.
    pub fn json(&self) -> Result<Value, Cause> {
        if !self.is_json() {
            return Err(Cause::Unreadable("content type"));
        }
        json::parse(&self.body).map_err(|_| Cause::Unreadable("JSON"))
    }

    fn is_json(&self) -> bool {
        let essence = self.content_type.as_str();
        essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
    }

    /// Checks the status of an answer where only success is useful.
    ///
    /// # Errors
    /// [`Cause::ProviderError`], [`Cause::TokenRefused`], [`Cause::UnexpectedStatus`] for any other
    /// status.
    pub fn ok(self) -> Result<Self, Cause> {
        const REFUSED: [StatusCode; 2] = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        let is_refused = REFUSED.contains(&self.status);
        match (self.status, self.challenge) {
            (StatusCode::OK, _) => Ok(self),
            (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => {
                Err(Cause::ProviderError("temporarily_unavailable"))
            }
            _ if is_refused && self.has_retry_after => {
                Err(Cause::ProviderError("temporarily_unavailable"))
            }
            (_, Some(Challenge::InvalidToken)) if is_refused => Err(Cause::TokenRefused),
            // This is about the token's scope or the request, and not about the person.
            (_, Some(Challenge::Other)) if is_refused => {
                Err(Cause::ProviderError("insufficient_scope"))
            }
            (status, _) => Err(Cause::UnexpectedStatus(status.as_u16())),
        }
    }
}

/// A client for one provider.
pub fn client(settings: &ProviderSettings) -> Result<Client, Box<dyn std::error::Error>> {
    // The process may already have one, which is the same.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("frontdesk/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        // Only the settings read the environment.
        .no_proxy()
        .referer(false)
        // A server may close an idle connection just as a code is being sent on it. Servers of this
        // kind wait two seconds or more.
        .pool_idle_timeout(Duration::from_secs(1));
    let addresses = &settings.addresses;
    let called = [&addresses.token, &addresses.profile, &addresses.permissions];
    let called = called.into_iter().flatten().map(Url::as_str);
    let has_tls = called
        .chain(settings.issuer.as_deref())
        .any(|address| address.starts_with("https:"));
    if let Some(pem) = &settings.ca {
        builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
    } else if !has_tls {
        // The client must also start on a machine without any certificate authority.
        builder = builder.tls_certs_only([]);
    }
    Ok(builder.build()?)
}

/// # Errors
/// [`Cause::Unreachable`], [`Cause::TooSlow`], [`Cause::Unreadable`]
pub async fn call(request: RequestBuilder, deadline: Instant) -> Result<Answer, Cause> {
    call_for(request, deadline, MAX_BODY).await
}

/// Like [`call`], for a body of at most `max` bytes.
pub async fn call_for(
    request: RequestBuilder,
    deadline: Instant,
    max: usize,
) -> Result<Answer, Cause> {
    let whole = async {
        let mut response = request.send().await.map_err(|error| cause_of(&error))?;
        let body = read_body(&mut response, max).await?;
        Ok(Answer {
            status: response.status(),
            content_type: essence(response.headers()),
            date: date(response.headers()),
            has_retry_after: response.headers().contains_key(RETRY_AFTER),
            challenge: challenge(response.headers()),
            body,
        })
    };
    timeout_at(deadline, whole)
        .await
        .unwrap_or(Err(Cause::TooSlow))
}

async fn read_body(response: &mut Response, max: usize) -> Result<Vec<u8>, Cause> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause_of(&error))? {
        if body.len() + chunk.len() > max {
            return Err(Cause::Unreadable("a body that is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The content type in lower case, without parameters: `application/json`.
pub fn essence(headers: &HeaderMap) -> String {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// An error in a bearer challenge. Of several, the first of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Challenge {
    /// The access token is no longer valid.
    InvalidToken,
    Other,
}

/// Returns the error in a bearer challenge (RFC 6750 3, RFC 9110 11.6.1).
pub fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let challenges = headers.get_all(WWW_AUTHENTICATE).into_iter();
    challenges
        .filter_map(|value| value.to_str().ok())
        .filter_map(bearer_error)
        .min()
}

/// Reads the parameters after the scheme `Bearer`, with one or several challenges in the header.
/// Quoted texts are skipped, so that a description cannot pass for the error.
fn bearer_error(header: &str) -> Option<Challenge> {
    let mut is_bearer = false;
    let mut found = None;
    for part in unquoted_parts(header) {
        let part = part.trim();
        // In `Bearer realm="x"`, a scheme precedes its first parameter.
        let (scheme, parameter) = match part.split_once(char::is_whitespace) {
            Some((scheme, rest)) if !scheme.contains('=') => (Some(scheme), rest.trim()),
            None if !part.contains('=') => (Some(part), ""),
            _ => (None, part),
        };
        if let Some(scheme) = scheme {
            is_bearer = scheme.eq_ignore_ascii_case("bearer");
        }
        let Some((name, value)) = parameter.split_once('=') else {
            continue;
        };
        let value = value.trim().trim_matches('"');
        if is_bearer && name.trim().eq_ignore_ascii_case("error") {
            if value == "invalid_token" {
                return Some(Challenge::InvalidToken);
            }
            found = Some(Challenge::Other);
        }
    }
    found
}

/// Splits at the commas outside quotes.
fn unquoted_parts(header: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in header.chars() {
        if c == ',' && !is_quoted {
            parts.push(String::new());
            continue;
        }
        if c == '"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = c == '\\' && is_quoted && !is_escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

/// The time in the `Date` header (RFC 9110 6.6.1).
pub fn date(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(reqwest::header::DATE)?.to_str().ok()?;
    let moment = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(moment.timestamp().as_second())
}

/// The innermost cause of an error; the outer ones only say that something was sent.
pub fn root_of(error: &dyn std::error::Error) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}

fn cause_of(error: &reqwest::Error) -> Cause {
    // The address may contain what an operator typed; the reason does not.
    warn!(event = "provider_call", outcome = "failed"; "{}", root_of(error));
    if error.is_timeout() {
        Cause::TooSlow
    } else if error.is_decode() || error.is_body() {
        Cause::Unreadable("body")
    } else {
        Cause::Unreachable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_challenge_with_invalid_token_refuses_a_token() {
        let (token, other) = (Some(Challenge::InvalidToken), Some(Challenge::Other));
        for (header, named) in [
            (r#"Bearer error="invalid_token""#, token),
            (r#"bearer realm="a, b", error="invalid_token""#, token),
            (r#"Bearer realm="x",error=invalid_token"#, token),
            (r#"Basic realm="x", Bearer error="invalid_token""#, token),
            (
                r#"Bearer realm="x", error_description="error=\"invalid_token\", gone", error="insufficient_scope""#,
                other,
            ),
            (r#"Bearer error="insufficient_scope""#, other),
            (r#"Bearer realm="error=invalid_token""#, None),
            ("Bearer", None),
            (r#"Basic error="invalid_token""#, None),
            (r#"Bearer realm="x", Digest error="invalid_token""#, None),
            ("", None),
        ] {
            assert_eq!(bearer_error(header), named, "{header}");
        }
    }
}
