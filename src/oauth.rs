//! Providers: what is asked of one, and what it answers (RFC 6749, RFC 6750, RFC 7636, RFC 9126,
//! RFC 9207, OpenID Connect Core 1.0). Knows nothing of accounts.
//!
//! No call is retried, no redirect followed, no body read beyond its limit. Tokens leave this
//! module only as [`Secret`], to be sealed.
//!
//! [`Provider`] is the one door; behind it: [`metadata`] (where its addresses are), [`token`] (its
//! token endpoint, in its dialect), [`jwt`], [`keys`] and [`claims`] (what it signed),
//! [`profile`] (which member of its answers is what), [`mod@call`] (one HTTP call).

pub mod call;
pub mod claims;
pub mod json;
pub mod jwt;
pub mod keys;
pub mod metadata;
pub mod profile;
pub mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::clock::UnixTime;
use crate::config::{ClientAuth, Document, ProviderSettings};
use crate::error::{Cause, Error, Result, Step};
use crate::permissions::Permission;
use crate::secret::{Secret, sha256};
use crate::status::Check;
use crate::users::Profile;
use call::{Answer, call, client, root_of};
use claims::{Asked, Logout, Parties};
use jwt::Jwt;
use metadata::Metadata;
use profile::{Documents, Kept};
use token::Tokens;

/// Permissions get so much less time than the profile: their failing leaves enough to finish
/// without them.
const PERMISSIONS_EARLIER: Duration = Duration::from_secs(1);
/// Sign-ins that may wait for one provider at once; the next is refused at once instead of waiting
/// too, and no other provider's people notice.
const MAX_SIGN_INS: usize = 200;
/// For what `check` asks.
const PROBE_PATIENCE: Duration = Duration::from_secs(5);

/// A call that failed, and at which step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub step: Step,
    pub cause: Cause,
}

impl Failure {
    const fn at(step: Step) -> impl Fn(Cause) -> Self {
        move |cause| Self { step, cause }
    }
}

/// What a provider said of a person.
pub struct Person {
    pub profile: Profile,
    /// Fields that were sent but could not be taken over.
    pub kept: Vec<Kept>,
    /// Whether the provider vouches for the e-mail address: JSON `true` and nothing else.
    pub is_email_verified: bool,
    pub permissions: Permissions,
    /// Whether the answers have what the rules of admission want of them.
    pub is_admitted: bool,
    /// The answers themselves.
    pub documents: Documents,
    pub grant: Grant,
    pub took: Took,
}

/// How long each call took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Took {
    pub token: Duration,
    pub profile: Duration,
    pub permissions: Duration,
}

/// What a provider gave with a sign-in, to ask it again later.
#[derive(Clone, Default)]
pub struct Grant {
    pub refresh_token: Option<Secret<String>>,
    pub access_token: Option<Secret<String>>,
    pub access_expires_at: Option<UnixTime>,
    pub id_token: Option<Secret<String>>,
    /// `sub` of the ID token.
    pub sub: Option<String>,
    /// The provider's own session.
    pub sid: Option<String>,
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
    /// Unasked, and not in silence either, whatever the settings say.
    Aloud,
}

/// What goes to the authorize address.
pub struct Request<'a> {
    pub state: &'a str,
    pub pkce_verifier: &'a Secret<String>,
    pub nonce: &'a str,
    pub prompt: Prompt,
    /// Whom a third party says it is about (`OpenID` Connect Core 4).
    pub login_hint: Option<&'a str>,
}

/// What came back to the callback.
pub struct Returned<'a> {
    pub code: &'a Secret<String>,
    pub pkce_verifier: &'a Secret<String>,
    pub nonce: &'a str,
}

/// What a provider says of somebody who signed in before.
pub enum Again {
    /// Still here. New tokens take the old ones' place, where there are any.
    Here(Option<Tokens>),
    /// Not any more, or not the same person.
    Refused,
    /// Says nothing either way.
    Unknown(Cause),
}

pub struct Provider {
    settings: ProviderSettings,
    client: Client,
    metadata: metadata::Cache,
    keys: keys::Cache,
    sign_ins: Semaphore,
    /// Whether the last call came through.
    is_reachable: AtomicBool,
    trouble: Notify,
}

impl Provider {
    /// # Errors
    /// [`Error::Internal`] when TLS cannot be set up.
    pub fn new(settings: ProviderSettings) -> Result<Self> {
        let client = client(&settings).map_err(|error| {
            Error::Internal(format!(
                "TLS to the provider: {}; are the system's certificate authorities installed \
                 (ca-certificates), or is {} set?",
                root_of(&*error),
                settings.source.name("ca_file")
            ))
        })?;
        token::check_credentials(&settings)?;
        let metadata = match metadata::of_settings(&settings) {
            Some(metadata) => metadata::Cache::set(metadata),
            None => metadata::Cache::default(),
        };
        Ok(Self {
            settings,
            client,
            metadata,
            keys: keys::Cache::default(),
            sign_ins: Semaphore::new(MAX_SIGN_INS),
            is_reachable: AtomicBool::new(true),
            trouble: Notify::new(),
        })
    }

    #[must_use]
    pub const fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.settings.id
    }

    /// What is known of it now, without asking.
    #[must_use]
    pub fn known(&self) -> Option<Arc<Metadata>> {
        self.metadata.known()
    }

    /// Why its metadata could not be read the last time, if so.
    #[must_use]
    pub fn discovery_failure(&self) -> Option<Cause> {
        self.metadata.failure()
    }

    /// Whether people can be sent to it, as far as is known.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.known().is_some() && self.is_reachable.load(Ordering::Relaxed)
    }

    /// How many more sign-ins may wait for it now.
    #[must_use]
    pub fn places_left(&self) -> usize {
        self.sign_ins.available_permits()
    }

    /// Whether permissions come from it at all.
    #[must_use]
    pub fn gives_permissions(&self) -> bool {
        self.settings.addresses.permissions.is_some()
            || !self.settings.mapping.permissions.is_empty()
    }

    fn note<T>(&self, result: &Result<T, Cause>) {
        let is_reachable = !matches!(result, Err(Cause::Unreachable | Cause::TooSlow));
        if self.is_reachable.swap(is_reachable, Ordering::Relaxed) && !is_reachable {
            self.trouble.notify_one();
        }
    }

    /// Has its metadata read anew in the background, if that is due; nobody waits.
    pub fn nudge(&self, now: UnixTime) {
        if self.settings.issuer.is_some() && self.metadata.is_due(now) {
            self.trouble.notify_one();
        }
    }

    /// Waits so long, or until a call does not come through.
    pub async fn wait_for_trouble(&self, patience: Duration) {
        let _waited = tokio::time::timeout(patience, self.trouble.notified()).await;
    }

    /// Reads its metadata where it has any and that is due.
    ///
    /// # Errors
    /// [`Failure`] at [`Step::Discovery`]
    pub async fn discover(
        &self,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<Arc<Metadata>, Failure> {
        let found = if self.settings.issuer.is_none() {
            self.known().ok_or(Cause::Unreachable)
        } else {
            let found = self
                .metadata
                .refresh(&self.settings, &self.client, now, deadline)
                .await;
            if found.is_err() {
                self.note(&found);
            }
            found
        };
        found.map_err(Failure::at(Step::Discovery))
    }

    /// Looks in the background whether it can be reached; costs it a connection at most.
    pub async fn look(&self, now: UnixTime) {
        let deadline = Instant::now() + PROBE_PATIENCE;
        if self.settings.issuer.is_some() {
            let found = self
                .metadata
                .refresh(&self.settings, &self.client, now, deadline)
                .await;
            self.note(&found);
        }
        if self.metadata.failure().is_some() {
            return;
        }
        let Some(known) = self.known() else { return };
        let Some(host) = known.token.host_str() else {
            return;
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = known.token.port_or_known_default().unwrap_or(443);
        let connect = tokio::net::TcpStream::connect((host, port));
        let is_reachable = matches!(timeout_at(deadline, connect).await, Ok(Ok(_)));
        self.is_reachable.store(is_reachable, Ordering::Relaxed);
    }

    /// Where the browser goes to sign in (RFC 6749 4.1.1, RFC 7636 4.3). A query that the
    /// configured address has is kept, save for names that are ours to set. Pushes the request
    /// where the provider wants that (RFC 9126).
    ///
    /// # Errors
    /// [`Failure`] at [`Step::Discovery`] or [`Step::PushedRequest`]
    pub async fn authorize(
        &self,
        request: Request<'_>,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<Url, Failure> {
        let metadata = match self.known() {
            Some(known) => {
                self.nudge(now);
                known
            }
            None => self.discover(now, deadline).await?,
        };
        let parameters = self.authorize_parameters(&request);
        let pushed = metadata
            .pushed_requests
            .as_ref()
            .filter(|_| metadata.requires_pushed_requests || self.settings.pushes_requests);
        if let Some(address) = pushed {
            let request_uri = self
                .push(&metadata, address, &parameters, now, deadline)
                .await
                .map_err(Failure::at(Step::PushedRequest))?;
            let short = vec![
                ("client_id".to_owned(), self.settings.client_id.clone()),
                ("request_uri".to_owned(), request_uri),
            ];
            return Ok(with_query(&metadata.authorize, &short));
        }
        if metadata.requires_pushed_requests {
            return Err(Failure::at(Step::PushedRequest)(Cause::BadMetadata(
                "pushed_authorization_request_endpoint",
            )));
        }
        Ok(with_query(&metadata.authorize, &parameters))
    }

    fn authorize_parameters(&self, request: &Request<'_>) -> Vec<(String, String)> {
        let settings = &self.settings;
        let mut all = vec![
            ("response_type", "code".to_owned()),
            ("client_id", settings.client_id.clone()),
            ("redirect_uri", settings.redirect_url.clone()),
            ("state", request.state.to_owned()),
        ];
        if let Some(scope) = &settings.scope {
            all.push(("scope", scope.clone()));
        }
        if settings.issuer.is_some() {
            all.push(("nonce", request.nonce.to_owned()));
        }
        match (request.prompt, &settings.prompt) {
            (Prompt::Login, _) => all.push(("prompt", "login".to_owned())),
            // It was tried in silence, and the provider wants to speak with the person.
            (Prompt::Aloud, Some(prompt)) if prompt == "none" => {}
            (Prompt::Aloud, prompt) => all.extend(prompt.clone().map(|prompt| ("prompt", prompt))),
            (Prompt::Unasked, Some(prompt)) => all.push(("prompt", prompt.clone())),
            (Prompt::Unasked, None) => {}
        }
        if let Some(max_age) = settings.max_age {
            all.push(("max_age", max_age.as_secs().to_string()));
        }
        if let Some(acr_values) = &settings.acr_values {
            all.push(("acr_values", acr_values.clone()));
        }
        if let Some(hint) = request.login_hint {
            all.push(("login_hint", hint.to_owned()));
        }
        if settings.pkce {
            let challenge = sha256(request.pkce_verifier.expose().as_bytes());
            all.push(("code_challenge", challenge));
            all.push(("code_challenge_method", "S256".to_owned()));
        }
        let renamed = &settings.dialect.authorize_params;
        let mut named: Vec<(String, String)> = all
            .into_iter()
            .map(|(name, value)| {
                let name = renamed.get(name).map_or(name, String::as_str);
                (name.to_owned(), value)
            })
            .filter(|(name, _)| !name.is_empty())
            .collect();
        let extra = &settings.dialect.authorize_extra;
        named.extend(
            extra
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        named
    }

    /// RFC 9126 2
    async fn push(
        &self,
        metadata: &Metadata,
        address: &Url,
        parameters: &[(String, String)],
        now: UnixTime,
        deadline: Instant,
    ) -> Result<String, Cause> {
        // The client's id is among them already, or comes with its authentication.
        let parameters: Vec<(&str, &str)> = parameters
            .iter()
            .filter(|(name, _)| name != "client_id")
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let auth = self.client_auth(metadata);
        let mut parameters = parameters;
        if auth == ClientAuth::Basic {
            parameters.push(("client_id", &self.settings.client_id));
        }
        let request = self.to_token_endpoint(metadata, address, &parameters, now)?;
        let answer = call(request, deadline).await;
        self.note(&answer);
        let answer = answer?;
        match answer.status {
            StatusCode::CREATED | StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err(Cause::ClientRefused),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                return Err(Cause::ProviderError("temporarily_unavailable"));
            }
            status => return Err(Cause::Refused(status.as_u16())),
        }
        let document = answer.json()?;
        match document.get("request_uri").and_then(Value::as_str) {
            Some(uri) if !uri.is_empty() && uri.len() <= 2048 => Ok(uri.to_owned()),
            _ => Err(Cause::Unreadable("request_uri")),
        }
    }

    /// How this client authenticates: as it is set, else the first that the provider offers.
    fn client_auth(&self, metadata: &Metadata) -> ClientAuth {
        if let Some(auth) = self.settings.client_auth {
            return auth;
        }
        let offers = |auth: &ClientAuth| {
            metadata
                .auth_methods
                .iter()
                .any(|method| method == auth.metadata_code())
        };
        // Basic is what a provider has that does not say (RFC 8414 2).
        [ClientAuth::Basic, ClientAuth::Post]
            .into_iter()
            .find(offers)
            .unwrap_or(ClientAuth::Basic)
    }

    fn to_token_endpoint(
        &self,
        metadata: &Metadata,
        address: &Url,
        parameters: &[(&str, &str)],
        now: UnixTime,
    ) -> Result<RequestBuilder, Cause> {
        // RFC 7523 3: the issuer, which RFC 9126 2 and the newer drafts want, or the endpoint.
        let audience = match &self.settings.issuer {
            Some(issuer) => issuer.clone(),
            None => metadata.token.to_string(),
        };
        token::request(
            &self.client,
            &self.settings,
            self.client_auth(metadata),
            address,
            &audience,
            parameters,
            now,
        )
    }

    /// Whether an answer's `iss` is this provider (RFC 9207 2.4).
    #[must_use]
    pub fn is_issuer(&self, issuer: Option<&str>) -> bool {
        let Some(ours) = &self.settings.issuer else {
            return true;
        };
        match issuer {
            Some(theirs) => theirs == ours,
            None => !self.known().is_some_and(|metadata| metadata.sends_issuer),
        }
    }

    /// Exchanges the code (RFC 6749 4.1.3) and reads who came. Called once for a code: whatever
    /// happens, it may be used up.
    ///
    /// # Errors
    /// [`Failure`] with the step; a failed permissions call is part of the answer.
    pub async fn finish(
        &self,
        returned: Returned<'_>,
        now: UnixTime,
        deadline: Instant,
        between: impl FnOnce(),
    ) -> Result<Person, Failure> {
        let Ok(_place) = self.sign_ins.try_acquire() else {
            return Err(Failure::at(Step::TokenCall)(Cause::Overloaded));
        };
        let metadata = match self.known() {
            Some(known) => known,
            None => self.discover(now, deadline).await?,
        };
        let started = Instant::now();
        let tokens = self.exchange(&metadata, &returned, now, deadline).await;
        self.note(&tokens);
        let tokens = tokens.map_err(Failure::at(Step::TokenCall))?;
        let mut took = Took {
            token: started.elapsed(),
            ..Took::default()
        };
        between();
        let mut documents = Documents::default();
        let mut grant = Grant::default();
        if let Some(issuer) = &self.settings.issuer {
            let claims = self
                .id_token(&metadata, issuer, &tokens, &returned, now, deadline)
                .await
                .map_err(Failure::at(Step::IdToken))?;
            let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
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
            Some(returned.code),
            &mut documents,
            &mut took,
            (now, deadline),
        )
        .await?;
        let mapping = &self.settings.mapping;
        let step = if self.settings.issuer.is_some() && self.settings.addresses.profile.is_none() {
            Step::Userinfo
        } else {
            Step::ProfileCall
        };
        let read = profile::read(mapping, &documents).map_err(Failure::at(step))?;
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
        let permissions = profile::read_permissions(mapping, &documents, self.gives_permissions());
        if self.settings.recheck.is_some() || metadata.revocation.is_some() {
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
            documents,
            grant,
            took,
        })
    }

    async fn exchange(
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

    fn parties<'a>(&'a self, issuer: &'a str) -> Parties<'a> {
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
    async fn verify(
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

    /// Reads userinfo, profile and permissions side by side, as far as they are asked for.
    async fn read_documents(
        &self,
        metadata: &Metadata,
        token: &Secret<String>,
        code: Option<&Secret<String>>,
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
                    let sub = documents
                        .get(Document::IdToken)
                        .and_then(|claims| claims.get("sub")?.as_str())
                        .unwrap_or_default();
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
        let ask = async |address: &Url,
                         query: &std::collections::BTreeMap<String, String>,
                         before: &Value| {
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
    fn with_token(
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

    /// Asks about somebody who signed in before, by a refresh token (RFC 6749 6, OpenID Connect
    /// Core 12). `sub` is who it must still be.
    pub async fn refresh(
        &self,
        refresh_token: &Secret<String>,
        sub: Option<&str>,
        now: UnixTime,
        deadline: Instant,
    ) -> Again {
        let Some(metadata) = self.known() else {
            return Again::Unknown(Cause::Unreachable);
        };
        let parameters = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose().as_str()),
        ];
        let request = match self.to_token_endpoint(&metadata, &metadata.token, &parameters, now) {
            Ok(request) => request,
            Err(cause) => return Again::Unknown(cause),
        };
        let answer = call(request, deadline).await;
        self.note(&answer);
        let tokens = match answer.and_then(|answer| token::read(&self.settings, &answer, now)) {
            Ok(tokens) => tokens,
            Err(Cause::CodeRefused) => return Again::Refused,
            Err(cause) => return Again::Unknown(cause),
        };
        let (Some(issuer), Some(text), Some(sub)) = (&self.settings.issuer, &tokens.id_token, sub)
        else {
            return Again::Here(Some(tokens));
        };
        let checked = async {
            let jwt = Jwt::parse(text.expose())?;
            self.verify(&metadata, &jwt, now, deadline).await?;
            claims::check_refreshed(jwt.claims(), &jwt.kind, self.parties(issuer), sub, now)
        };
        match checked.await {
            // Somebody else, or from somewhere else: as good as a refusal (Core 12.2).
            Err(Cause::BadToken("iss" | "sub" | "aud" | "azp")) => Again::Refused,
            // Where it cannot be verified the new token counts all the same: the old one is used up.
            Ok(()) | Err(_) => Again::Here(Some(tokens)),
        }
    }

    /// Asks about somebody by an access token that has not run out.
    pub async fn ask_profile(&self, access_token: &Secret<String>, deadline: Instant) -> Again {
        let known = self.known();
        let address = self
            .settings
            .addresses
            .profile
            .as_ref()
            .or_else(|| known.as_ref()?.userinfo.as_ref());
        let Some(address) = address else {
            return Again::Unknown(Cause::Unreachable);
        };
        let request = self
            .client
            .get(address.clone())
            .header(ACCEPT, "application/json");
        let answer = match self.with_token(request, access_token) {
            Ok(request) => call(request, deadline).await,
            Err(cause) => Err(cause),
        };
        self.note(&answer);
        let dialect = &self.settings.dialect;
        let said = answer.and_then(Answer::ok).and_then(|answer| {
            // A signed one is not opened: that it came is enough.
            if answer.content_type == "application/jwt" {
                return Ok(());
            }
            token::opened(dialect, &answer.json()?, None).map(|_| ())
        });
        match said {
            Ok(()) => Again::Here(None),
            Err(Cause::Refused(401 | 403) | Cause::CodeRefused) => Again::Refused,
            Err(cause) => Again::Unknown(cause),
        }
    }

    /// Whether access tokens can be asked with.
    #[must_use]
    pub fn has_profile(&self) -> bool {
        self.settings.dialect.profile_query.is_empty()
            && (self.settings.addresses.profile.is_some()
                || self.known().is_some_and(|known| known.userinfo.is_some()))
    }

    /// Takes back a token (RFC 7009 2.1).
    ///
    /// # Errors
    /// Why it may still open something.
    pub async fn revoke(
        &self,
        token: &Secret<String>,
        kind: &str,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<(), Cause> {
        let metadata = self.known().ok_or(Cause::Unreachable)?;
        let address = metadata
            .revocation
            .as_ref()
            .ok_or(Cause::BadMetadata("revocation_endpoint"))?;
        let parameters = [
            ("token", token.expose().as_str()),
            ("token_type_hint", kind),
        ];
        let request = self.to_token_endpoint(&metadata, address, &parameters, now)?;
        call(request, deadline).await?.ok().map(|_| ())
    }

    /// Where the browser goes to sign out of the provider (RP-Initiated Logout 1.0, 2). `None`
    /// where that is not offered.
    #[must_use]
    pub fn end_session(
        &self,
        id_token: Option<&Secret<String>>,
        back_to: &str,
        state: &str,
    ) -> Option<Url> {
        let metadata = self.known()?;
        let address = metadata.end_session.as_ref()?;
        let mut parameters = vec![
            ("client_id".to_owned(), self.settings.client_id.clone()),
            ("post_logout_redirect_uri".to_owned(), back_to.to_owned()),
            ("state".to_owned(), state.to_owned()),
        ];
        parameters
            .extend(id_token.map(|token| ("id_token_hint".to_owned(), token.expose().clone())));
        Some(with_query(address, &parameters))
    }

    /// Whom a logout token is about (Back-Channel Logout 1.0, 2.6).
    ///
    /// # Errors
    /// [`Cause::BadToken`], or why it could not be verified.
    pub async fn logout(
        &self,
        token: &str,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<Logout, Cause> {
        let issuer = self
            .settings
            .issuer
            .as_deref()
            .ok_or(Cause::BadToken("issuer"))?;
        let jwt = Jwt::parse(token)?;
        // What costs nothing first: most forgeries end here.
        let logout = claims::check_logout(jwt.claims(), &jwt.kind, self.parties(issuer), now)?;
        let metadata = match self.known() {
            Some(known) => known,
            None => self
                .discover(now, deadline)
                .await
                .map_err(|failure| failure.cause)?,
        };
        self.verify(&metadata, &jwt, now, deadline).await?;
        Ok(logout)
    }

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
        };
        match self.exchange(&metadata, &returned, now, deadline).await {
            Err(Cause::ClientRefused) => Some(false),
            Err(Cause::CodeRefused) => Some(true),
            _ => None,
        }
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

/// An address with parameters; those that it has already stay, save for names that are set here.
fn with_query(address: &Url, parameters: &[(String, String)]) -> Url {
    let mut url = address.clone();
    let theirs: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !parameters.iter().any(|(ours, _)| ours == name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(theirs)
        .extend_pairs(parameters);
    url
}

/// The providers of a portal, in the order of the sign-in page.
pub struct Providers(Vec<Arc<Provider>>);

impl Providers {
    /// # Errors
    /// As [`Provider::new`]
    pub fn new(all: Vec<ProviderSettings>) -> Result<Self> {
        let all: Result<Vec<_>> = all
            .into_iter()
            .map(|settings| Provider::new(settings).map(Arc::new))
            .collect();
        Ok(Self(all?))
    }

    #[must_use]
    pub fn all(&self) -> &[Arc<Provider>] {
        &self.0
    }

    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.id() == id)
    }

    /// The one whose callback has this path.
    #[must_use]
    pub fn at(&self, callback_path: &str) -> Option<&Arc<Provider>> {
        self.0
            .iter()
            .find(|provider| provider.settings.callback_path == callback_path)
    }

    #[must_use]
    pub fn by_issuer(&self, issuer: &str) -> Option<&Arc<Provider>> {
        self.0
            .iter()
            .find(|provider| provider.settings.issuer.as_deref() == Some(issuer))
    }

    /// The first of the sign-in page; settings always have one.
    #[must_use]
    pub fn first(&self) -> Option<&Arc<Provider>> {
        self.0.first()
    }

    #[must_use]
    pub fn is_one(&self) -> bool {
        self.0.len() == 1
    }
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
