//! The addresses with answers about a person: userinfo (OpenID Connect Core 5.3), the profile and
//! the permissions. They are asked side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::call::call;
use super::claims;
use super::documents::Documents;
use super::jwt::Jwt;
use super::metadata::Metadata;
use super::{Failure, Moment, Provider, token};
use crate::config::Document;
use crate::error::{Cause, Step};
use crate::secret::Secret;

/// How much less time the permissions get than the profile: if they fail, enough is left to finish
/// without them.
const PERMISSIONS_EARLIER: Duration = Duration::from_secs(1);
/// Stands for the access token in a query.
const ACCESS_TOKEN: &str = "{access_token}";

/// The tokens for asking the addresses, and the person they are asked about.
pub(super) struct Asking<'a> {
    pub metadata: &'a Metadata,
    pub access_token: &'a Secret<String>,
    /// The `sub` that userinfo must be about, if known.
    pub sub: Option<&'a str>,
    /// The code of a sign-in, which some profile addresses require.
    pub code: Option<&'a Secret<String>>,
    pub moment: Moment,
}

impl Asking<'_> {
    /// The value of a query parameter: a token, a code, a member of the previous answer, or the
    /// text itself.
    fn fill(&self, template: &str, before: &Value) -> Result<String, Cause> {
        let pointer = template
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match (template, pointer) {
            (ACCESS_TOKEN, _) => Ok(self.access_token.expose().clone()),
            ("{code}", _) => Ok(self
                .code
                .map(|code| code.expose().clone())
                .unwrap_or_default()),
            (text, None) => Ok(text.to_owned()),
            (_, Some(pointer)) => match before.pointer(pointer) {
                Some(Value::String(text)) => Ok(text.clone()),
                Some(Value::Number(number)) => Ok(number.to_string()),
                _ => Err(Cause::Unreadable("profile")),
            },
        }
    }
}

/// The answer of an address; `None` if there is no address.
type Answer = Result<Option<Value>, Cause>;

/// The duration of the calls about one person.
#[derive(Clone, Copy)]
pub(super) struct CallTimes {
    userinfo: Duration,
    profile: Duration,
    pub permissions: Duration,
}

impl CallTimes {
    /// The duration of the call that failed; without a failure, of both calls for the profile.
    pub(super) fn of_profile(self, failure: Option<&Failure>) -> Duration {
        match failure.map(|failure| failure.step) {
            Some(Step::Userinfo) => self.userinfo,
            Some(Step::ProfileCall) => self.profile,
            _ => self.userinfo.max(self.profile),
        }
    }
}

async fn timed(call: impl Future<Output = Answer>) -> (Answer, Duration) {
    let started = Instant::now();
    (call.await, started.elapsed())
}

impl Provider {
    /// Asks each configured address, and puts the answers into the documents, a failed permissions
    /// call too.
    pub(super) async fn ask_about_person(
        &self,
        asking: &Asking<'_>,
        documents: &mut Documents,
    ) -> (Result<(), Failure>, CallTimes) {
        let (userinfo, profile, permissions) = tokio::join!(
            timed(self.userinfo(asking)),
            timed(self.profile(asking)),
            timed(self.permissions(asking)),
        );
        let took = CallTimes {
            userinfo: userinfo.1,
            profile: profile.1,
            permissions: permissions.1,
        };
        for (step, document, answer) in [
            (Step::Userinfo, Document::Userinfo, userinfo.0),
            (Step::ProfileCall, Document::Profile, profile.0),
        ] {
            match answer {
                Ok(answer) => documents.set(document, answer),
                Err(cause) => return (Err(Failure { step, cause }), took),
            }
        }
        match permissions.0 {
            Ok(answer) => documents.set(Document::Permissions, answer),
            Err(cause) => documents.permissions_failure = Some(cause),
        }
        (Ok(()), took)
    }

    /// The address of userinfo, if it is asked for.
    pub(super) fn userinfo_address<'a>(&self, metadata: &'a Metadata) -> Option<&'a Url> {
        let is_asked = self.settings.issuer.is_some() && self.settings.asks_userinfo;
        metadata.userinfo.as_ref().filter(|_| is_asked)
    }

    /// Reads userinfo, which is JSON or signed. It must be about the same person.
    async fn userinfo(&self, asking: &Asking<'_>) -> Answer {
        let Some(address) = self.userinfo_address(asking.metadata) else {
            return Ok(None);
        };
        let request = self.client.get(address.clone());
        let request = request.header(ACCEPT, "application/json, application/jwt");
        let request = self.with_token(request, asking.access_token)?;
        let answer = call(request, asking.moment.deadline).await?.ok()?;
        let claims = if answer.content_type == "application/jwt" {
            let text =
                std::str::from_utf8(&answer.body).map_err(|_| Cause::Unreadable("userinfo"))?;
            let jwt = Jwt::parse(text.trim())?;
            self.verify(asking.metadata, &jwt, asking.moment).await?;
            let parties = self.parties().ok_or(Cause::BadToken("iss"))?;
            claims::check_userinfo(&jwt, parties, asking.moment.now)?;
            jwt.into_claims()
        } else {
            answer.json()?
        };
        if !claims.is_object() {
            return Err(Cause::Unreadable("userinfo"));
        }
        // A session from before ID tokens were used has nothing to compare with.
        let named = claims.get("sub").and_then(Value::as_str);
        if asking.sub.is_some_and(|sub| named != Some(sub)) {
            return Err(Cause::BadToken("userinfo sub"));
        }
        Ok(Some(claims))
    }

    /// Reads the profile, and the additions of a second address.
    async fn profile(&self, asking: &Asking<'_>) -> Answer {
        let Some(address) = &self.settings.addresses.profile else {
            return Ok(None);
        };
        let dialect = &self.settings.dialect;
        let first = self.profile_part(asking, address, &dialect.profile_query, &Value::Null);
        let mut profile = first.await?;
        if let Some(details) = &dialect.details_url {
            let second = self.profile_part(asking, details, &dialect.details_query, &profile);
            let more = second.await?;
            add_details(&mut profile, more, dialect.details_pick.as_deref())?;
        }
        if profile.is_object() {
            Ok(Some(profile))
        } else {
            Err(Cause::Unreadable("profile"))
        }
    }

    async fn profile_part(
        &self,
        asking: &Asking<'_>,
        address: &Url,
        query: &BTreeMap<String, String>,
        before: &Value,
    ) -> Result<Value, Cause> {
        let dialect = &self.settings.dialect;
        let mut address = address.clone();
        for (name, template) in query {
            let value = asking.fill(template, before)?;
            address.query_pairs_mut().append_pair(name, &value);
        }
        let mut request = self.client.get(address).header(ACCEPT, "application/json");
        if !query.values().any(|template| template == ACCESS_TOKEN) {
            request = self.with_token(request, asking.access_token)?;
        }
        let answer = call(request, asking.moment.deadline).await?.ok()?.json()?;
        token::opened(dialect, &answer, dialect.profile_envelope.as_deref()).cloned()
    }

    async fn permissions(&self, asking: &Asking<'_>) -> Answer {
        let Some(address) = &self.settings.addresses.permissions else {
            return Ok(None);
        };
        let request = self.client.get(address.clone());
        let request = request.header(ACCEPT, "application/json");
        let request = self.with_token(request, asking.access_token)?;
        let deadline = asking.moment.deadline - PERMISSIONS_EARLIER;
        let answer = call(request, deadline).await?.ok()?.json()?;
        let opened = token::opened(&self.settings.dialect, &answer, None)?;
        Ok(Some(opened.clone()))
    }

    /// Adds the token only in a header (RFC 6750 2.1).
    fn with_token(
        &self,
        request: RequestBuilder,
        token: &Secret<String>,
    ) -> Result<RequestBuilder, Cause> {
        let (name, text) = match &self.settings.dialect.token_header {
            None => (AUTHORIZATION, format!("Bearer {}", token.expose())),
            Some(name) => (
                HeaderName::try_from(name.as_str())
                    .map_err(|_| Cause::Internal("the token's header"))?,
                token.expose().clone(),
            ),
        };
        let mut value =
            HeaderValue::try_from(text).map_err(|_| Cause::Unreadable("access_token"))?;
        value.set_sensitive(true);
        Ok(request.header(name, value))
    }
}

/// Adds the second address's answer about a person: its missing members or, from a list, all
/// members of the one item that counts.
fn add_details(profile: &mut Value, more: Value, pick: Option<&str>) -> Result<(), Cause> {
    let unreadable = Cause::Unreadable("details");
    let picked = match pick {
        None => more,
        Some(pointer) => more
            .as_array()
            .and_then(|list| {
                list.iter()
                    .find(|item| item.pointer(pointer) == Some(&Value::Bool(true)))
            })
            .cloned()
            .ok_or(unreadable.clone())?,
    };
    let (Value::Object(profile), Value::Object(members)) = (profile, picked) else {
        return Err(unreadable);
    };
    for (name, value) in members {
        if pick.is_some() {
            profile.insert(name, value);
        } else {
            profile.entry(name).or_insert(value);
        }
    }
    Ok(())
}
