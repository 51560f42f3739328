//! The way back: from a code to what the provider says of a person.

use std::collections::BTreeMap;

use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use super::call::call;
use super::claims::{self, Asked, AuthTime, Parties};
use super::jwt::Jwt;
use super::metadata::Metadata;
use super::profile::{self, Documents};
use super::token::{self, Tokens};
use super::{
    Failure, Given, Grant, PERMISSIONS_EARLIER, Person, Provider, Returned, Took, Visitor,
};
use crate::clock::UnixTime;
use crate::config::Document;
use crate::error::{Cause, Result, Step};
use crate::secret::Secret;

impl Provider {
    /// Exchanges the code (RFC 6749 4.1.3) and reads who came; the answers themselves are left in
    /// `documents`, however it ends. Called once for a code: whatever
    /// happens, it may be used up. Waits for a place of this visitor's first.
    ///
    /// # Errors
    /// [`Failure`] with the step; a failed permissions call is part of the answer.
    pub async fn finish(
        &self,
        returned: Returned<'_>,
        visitor: &Visitor,
        now: UnixTime,
        deadline: Instant,
        documents: &mut Documents,
        between: impl FnOnce(),
    ) -> Result<Person, Failure> {
        let step = Step::TokenCall;
        let place = self.place(visitor, step, deadline).await?;
        let finish = self.finish_in_place(returned, now, deadline, documents, between);
        place.hold(step, Box::pin(finish)).await
    }

    async fn finish_in_place(
        &self,
        returned: Returned<'_>,
        now: UnixTime,
        deadline: Instant,
        documents: &mut Documents,
        between: impl FnOnce(),
    ) -> Result<Person, Failure> {
        let metadata = self.discover_once(now, deadline).await?;
        let started = Instant::now();
        let tokens = self.exchange(&metadata, &returned, now, deadline).await;
        self.note(&tokens);
        let tokens = tokens.map_err(Failure::at(Step::TokenCall))?;
        let can_be_revoked = self.settings.revokes_tokens && metadata.revocation.is_some();
        documents.given = can_be_revoked.then(|| Given::of(&tokens));
        let mut took = Took {
            token: started.elapsed(),
            ..Took::default()
        };
        between();
        let mut grant = Grant::default();
        let mut auth_time = AuthTime::Unsaid;
        if let Some(issuer) = &self.settings.issuer {
            let claims = self
                .id_token(&metadata, issuer, &tokens, &returned, now, deadline)
                .await
                .map_err(Failure::at(Step::IdToken))?;
            auth_time = claims::auth_time(&claims);
            let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
            grant.issued_at = claims
                .get("iat")
                .and_then(Value::as_f64)
                .and_then(|seconds| format!("{:.0}", seconds.floor()).parse().ok())
                .map(|seconds: i64| UnixTime(seconds.saturating_mul(1_000_000)));
            grant.sub = text("sub");
            grant.sid = text("sid").filter(|sid| !sid.is_empty() && sid.len() <= 255);
            grant.id_token = tokens
                .id_token
                .clone()
                .filter(|_| metadata.end_session.is_some());
            documents.set(Document::IdToken, claims);
        }
        self.read_documents(
            &metadata,
            &tokens.access_token,
            (grant.sub.as_deref(), Some(returned.code)),
            documents,
            &mut took,
            (now, deadline),
        )
        .await?;
        let mapping = &self.settings.mapping;
        let step = if documents.get(Document::Profile).is_some() {
            Step::ProfileCall
        } else if documents.get(Document::Userinfo).is_some() {
            Step::Userinfo
        } else {
            Step::IdToken
        };
        let read = profile::read(mapping, documents).map_err(Failure::at(step))?;
        let is_admitted = tokens.is_admitted
            && self.settings.admission.values.iter().all(|rule| {
                let Some(pointer) = &rule.pointer else {
                    return true;
                };
                let said = documents
                    .find(pointer)
                    .and_then(|(_, value)| token::as_text(value));
                said.is_some_and(|said| rule.values.contains(&said))
            });
        let permissions = profile::read_permissions(mapping, documents, self.gives_permissions());
        if self.settings.recheck.is_some() || can_be_revoked {
            grant.refresh_token.clone_from(&tokens.refresh_token);
        }
        let asks_profile = self
            .settings
            .recheck
            .is_some_and(|recheck| recheck.asks_profile);
        if self.settings.recheck.is_some() && (grant.refresh_token.is_none() || asks_profile) {
            grant.access_token = Some(tokens.access_token).filter(|_| tokens.expires_at.is_some());
            grant.access_expires_at = tokens.expires_at;
        }
        Ok(Person {
            profile: read.profile,
            kept: read.kept,
            is_email_verified: read.is_email_verified,
            is_admitted,
            permissions,
            auth_time,
            grant,
            took,
        })
    }

    pub(super) async fn exchange(
        &self,
        metadata: &Metadata,
        returned: &Returned<'_>,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<Tokens, Cause> {
        let mut parameters = vec![
            ("grant_type", "authorization_code"),
            ("code", returned.code.expose().as_str()),
            ("redirect_uri", &self.settings.redirect_url),
        ];
        if self.settings.pkce {
            parameters.push(("code_verifier", returned.pkce_verifier.expose()));
        }
        let request = self.to_token_endpoint(metadata, &metadata.token, &parameters, now)?;
        let answer = call(request, deadline).await?;
        token::read(&self.settings, &answer, now)
    }

    pub(super) fn parties<'a>(&'a self, issuer: &'a str) -> Parties<'a> {
        Parties {
            issuer,
            client_id: &self.settings.client_id,
            trusted_audiences: &self.settings.trusted_audiences,
        }
    }

    /// The claims of the ID token, once everything about it holds.
    async fn id_token(
        &self,
        metadata: &Metadata,
        issuer: &str,
        tokens: &Tokens,
        returned: &Returned<'_>,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<Value, Cause> {
        let text = tokens.id_token.as_ref().ok_or(Cause::BadToken("missing"))?;
        let jwt = Jwt::parse(text.expose())?;
        self.verify(metadata, &jwt, now, deadline).await?;
        let asked = Asked {
            nonce: returned.nonce,
            access_token: tokens.access_token.expose(),
            code: returned.code.expose(),
            max_age: self.settings.max_age,
            fresh_since: returned.fresh_since,
            acr_values: self.settings.acr_values.as_deref(),
        };
        claims::check_id_token(
            jwt.claims(),
            &jwt.kind,
            jwt.algorithm,
            self.parties(issuer),
            &asked,
            now,
        )?;
        Ok(jwt.into_claims())
    }

    /// Whether the provider signed it, in a way that is allowed.
    pub(super) async fn verify(
        &self,
        metadata: &Metadata,
        jwt: &Jwt,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<(), Cause> {
        if !self.settings.algorithms.contains(&jwt.algorithm) {
            return Err(Cause::BadToken("alg"));
        }
        if matches!(
            jwt.algorithm,
            jsonwebtoken::Algorithm::HS256
                | jsonwebtoken::Algorithm::HS384
                | jsonwebtoken::Algorithm::HS512
        ) {
            let secret = self.settings.client_secret.expose().as_bytes();
            let key = jsonwebtoken::DecodingKey::from_secret(secret);
            return if jwt.is_signed_with(&key) {
                Ok(())
            } else {
                Err(Cause::BadToken("signature"))
            };
        }
        let address = metadata
            .jwks
            .as_ref()
            .ok_or(Cause::BadMetadata("jwks_uri"))?;
        self.keys
            .verify(jwt, address, &self.client, now, deadline)
            .await
    }

    /// Reads userinfo, profile and permissions side by side, as far as they are asked for. `sub` is
    /// whom userinfo must be about.
    pub(super) async fn read_documents(
        &self,
        metadata: &Metadata,
        token: &Secret<String>,
        (sub, code): (Option<&str>, Option<&Secret<String>>),
        documents: &mut Documents,
        took: &mut Took,
        (now, deadline): (UnixTime, Instant),
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let userinfo = async {
            match metadata
                .userinfo
                .as_ref()
                .filter(|_| self.settings.issuer.is_some() && self.settings.asks_userinfo)
            {
                Some(address) => {
                    let sub = sub.unwrap_or_default();
                    self.userinfo(metadata, address, token, sub, now, deadline)
                        .await
                        .map(Some)
                }
                None => Ok(None),
            }
        };
        let profile = async {
            match &self.settings.addresses.profile {
                Some(address) => self.profile(address, token, code, deadline).await.map(Some),
                None => Ok(None),
            }
        };
        let permissions =
            async {
                let address = self.settings.addresses.permissions.as_ref()?;
                let deadline = deadline - PERMISSIONS_EARLIER;
                let answer = self.get(address, token, deadline).await;
                Some(answer.and_then(|answer| {
                    token::opened(&self.settings.dialect, &answer, None).cloned()
                }))
            };
        let permissions = async { (permissions.await, started.elapsed()) };
        let first = async {
            let both = tokio::join!(userinfo, profile);
            (both, started.elapsed())
        };
        let (((userinfo, profile), profile_took), (permissions, permissions_took)) =
            tokio::join!(first, permissions);
        took.profile = profile_took;
        took.permissions = permissions_took;
        if let Some(userinfo) = userinfo.map_err(Failure::at(Step::Userinfo))? {
            documents.set(Document::Userinfo, userinfo);
        }
        if let Some(profile) = profile.map_err(Failure::at(Step::ProfileCall))? {
            documents.set(Document::Profile, profile);
        }
        match permissions {
            Some(Ok(answer)) => documents.set(Document::Permissions, answer),
            Some(Err(cause)) => documents.permissions_failure = Some(cause),
            None => {}
        }
        Ok(())
    }

    /// OpenID Connect Core 5.3: JSON, or signed. It must be about the same person.
    async fn userinfo(
        &self,
        metadata: &Metadata,
        address: &Url,
        token: &Secret<String>,
        sub: &str,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<Value, Cause> {
        let request = self
            .client
            .get(address.clone())
            .header(ACCEPT, "application/json, application/jwt");
        let request = self.with_token(request, token)?;
        let answer = call(request, deadline).await?.ok()?;
        let claims = if answer.content_type == "application/jwt" {
            let text =
                std::str::from_utf8(&answer.body).map_err(|_| Cause::Unreadable("userinfo"))?;
            let jwt = Jwt::parse(text.trim())?;
            self.verify(metadata, &jwt, now, deadline).await?;
            let issuer = self.settings.issuer.as_deref().unwrap_or_default();
            claims::check_userinfo(jwt.claims(), &jwt.kind, self.parties(issuer), now)?;
            jwt.into_claims()
        } else {
            answer.json()?
        };
        if !claims.is_object() {
            return Err(Cause::Unreadable("userinfo"));
        }
        if claims.get("sub").and_then(Value::as_str) != Some(sub) {
            return Err(Cause::BadToken("userinfo sub"));
        }
        Ok(claims)
    }

    /// The profile, and what a second address adds to it.
    async fn profile(
        &self,
        address: &Url,
        token: &Secret<String>,
        code: Option<&Secret<String>>,
        deadline: Instant,
    ) -> Result<Value, Cause> {
        let dialect = &self.settings.dialect;
        let ask = async |address: &Url, query: &BTreeMap<String, String>, before: &Value| {
            let mut address = address.clone();
            let mut has_token = false;
            for (name, template) in query {
                let value = match template.as_str() {
                    "{access_token}" => {
                        has_token = true;
                        token.expose().clone()
                    }
                    "{code}" => code.map(|code| code.expose().clone()).unwrap_or_default(),
                    text => match text
                        .strip_prefix('{')
                        .and_then(|rest| rest.strip_suffix('}'))
                    {
                        Some(pointer) => match before.pointer(pointer) {
                            Some(Value::String(text)) => text.clone(),
                            Some(Value::Number(number)) => number.to_string(),
                            _ => return Err(Cause::Unreadable("profile")),
                        },
                        None => text.to_owned(),
                    },
                };
                address.query_pairs_mut().append_pair(name, &value);
            }
            let request = self.client.get(address).header(ACCEPT, "application/json");
            let request = if has_token {
                request
            } else {
                self.with_token(request, token)?
            };
            let answer = call(request, deadline).await?.ok()?.json()?;
            token::opened(dialect, &answer, dialect.profile_envelope.as_deref()).cloned()
        };
        let mut profile = ask(address, &dialect.profile_query, &Value::Null).await?;
        if let Some(details) = &dialect.details_url {
            let more = ask(details, &dialect.details_query, &profile).await?;
            add_details(&mut profile, more, dialect.details_pick.as_deref())?;
        }
        if profile.is_object() {
            Ok(profile)
        } else {
            Err(Cause::Unreadable("profile"))
        }
    }

    /// With the token in a header alone (RFC 6750 2.1).
    pub(super) fn with_token(
        &self,
        request: RequestBuilder,
        token: &Secret<String>,
    ) -> Result<RequestBuilder, Cause> {
        let unreadable = |_| Cause::Unreadable("access_token");
        let (name, text) = match &self.settings.dialect.token_header {
            None => (AUTHORIZATION, format!("Bearer {}", token.expose())),
            Some(name) => (
                HeaderName::try_from(name.as_str())
                    .map_err(|_| Cause::Internal("the token's header"))?,
                token.expose().clone(),
            ),
        };
        let mut value = HeaderValue::try_from(text).map_err(unreadable)?;
        value.set_sensitive(true);
        Ok(request.header(name, value))
    }

    /// A JSON document.
    async fn get(
        &self,
        url: &Url,
        token: &Secret<String>,
        deadline: Instant,
    ) -> Result<Value, Cause> {
        let request = self
            .client
            .get(url.clone())
            .header(ACCEPT, "application/json");
        call(self.with_token(request, token)?, deadline)
            .await?
            .ok()?
            .json()
    }
}

/// Adds what a second address says of somebody: the members that are missing, or, of a list, all of
/// the one item that counts.
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
