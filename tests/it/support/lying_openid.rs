//! An `OpenID` provider that lies as the test tells it to: in any document, header, claim or
//! signature. Everything that the test does not tamper with is right.

mod key;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use frontdesk::clock::Clock;
use frontdesk::config::VouchesFor;
use frontdesk::secret::{random_token, sha256};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use url::Url;

use super::database::Database;
use super::portal::{Portal, Start};
use super::provider::{
    CLIENT_ID, Provider, Reply, Seen, misbehave, query, read_request, write_answer,
};
use super::{Answer, Browser, spawn};

use key::half_hash;
pub use key::{Key, claims, part, pem};

/// The event of a logout token (Back-Channel Logout 1.0, 2.4).
pub const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// An address that the portal's server calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Discovery,
    Keys,
    Token,
    Userinfo,
    PushedRequest,
    Revocation,
}

/// A document that can be tampered with just before it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Document {
    Discovery,
    Keys,
    /// The token answer, in which `id_token` is already a text.
    Token,
    /// The header of an ID token. Its `alg` is the algorithm of the signature, if the key supports
    /// it.
    Header,
    IdToken,
    /// The ID token that comes with a refresh.
    Refreshed,
    /// The signature of an ID token: a text.
    Signature,
    /// An object. If it becomes a text, it is sent as a JWT.
    Userinfo,
    /// The parameters of the callback. A list is a parameter that is sent several times.
    Callback,
}

/// Applies a JSON Merge Patch (RFC 7396): `null` removes a member.
pub fn patch(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let object = target.as_object_mut().expect("an object");
    for (name, value) in members {
        if value.is_null() {
            object.remove(name);
        } else {
            self::patch(object.entry(name).or_insert(Value::Null), value);
        }
    }
}

fn patched(mut target: Value, by: &Value) -> Value {
    patch(&mut target, by);
    target
}

// -- people --

/// A person at the provider.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The claims of userinfo. If `sid` is set, it is the `sid` of the sign-in.
    pub claims: Value,
}

impl Subject {
    pub fn named(name: &str) -> Self {
        Self {
            claims: json!({
                "sub": format!("sub-of-{name}"),
                "preferred_username": name,
                "name": name,
                "email": format!("{name}@example.com"),
                "email_verified": true,
            }),
        }
    }

    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims[claim] = value.into();
        self
    }
}

#[derive(Clone)]
struct Grant {
    subject: Subject,
    /// The query of the authorization request.
    query: HashMap<String, String>,
    auth_time: i64,
}

// -- the provider --

type Tamper = Arc<dyn Fn(&mut Value) + Send + Sync>;

struct State {
    key: Arc<Key>,
    tampers: HashMap<Document, Tamper>,
    replies: HashMap<Call, Reply>,
    /// The answers of userinfo about single people, by `sub`.
    about: HashMap<String, Reply>,
    seen: Vec<(Call, Seen)>,
    grants: HashMap<String, Grant>,
    refreshes: HashMap<String, Grant>,
    tokens: HashMap<String, Subject>,
    pushed: HashMap<String, HashMap<String, String>>,
    ignores_pkce: bool,
    /// The seconds by which its clock is ahead.
    ahead: i64,
}

#[derive(Clone)]
pub struct OpenId {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// The same as `url`, unless the provider has another name outside.
    pub issuer: String,
    /// The client secret, if a file sets it.
    pub secret: String,
    /// The clock of this provider and its desks.
    pub clock: Clock,
    /// Keeps the secrets that no answer and no log line may contain. It answers nothing.
    plain: Provider,
    state: Arc<Mutex<State>>,
}

impl OpenId {
    pub async fn start() -> Self {
        Self::start_on(0).await
    }

    pub async fn start_on(port: u16) -> Self {
        Self::listen(port, str::to_owned).await
    }

    /// Starts a provider with another name than its address, which is passed to `name`.
    pub async fn start_as(name: impl FnOnce(&str) -> String) -> Self {
        Self::listen(0, name).await
    }

    async fn listen(port: u16, name: impl FnOnce(&str) -> String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let url = format!("http://{address}");
        let provider = Self {
            issuer: name(&url),
            url,
            secret: random_token().expect("randomness"),
            clock: Clock::default(),
            plain: Provider::start().await,
            state: Arc::new(Mutex::new(State {
                key: Arc::new(Key::rsa()),
                tampers: HashMap::new(),
                replies: HashMap::new(),
                about: HashMap::new(),
                seen: Vec::new(),
                grants: HashMap::new(),
                refreshes: HashMap::new(),
                tokens: HashMap::new(),
                pushed: HashMap::new(),
                ignores_pkce: false,
                ahead: 0,
            })),
        };
        provider.plain.keep_secret(&provider.secret);
        let served = provider.clone();
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _fast = stream.set_nodelay(true);
                let served = served.clone();
                spawn(async move { served.serve(stream).await });
            }
        });
        provider
    }

    /// Starts a provider with its own portal.
    pub async fn start_with_portal() -> (Self, Portal) {
        let provider = Self::start().await;
        let portal = provider.portal(Database::sqlite()).run().await;
        (provider, portal)
    }

    /// A portal whose only provider is this one, set by variables.
    pub fn portal(&self, database: Database) -> Start {
        let start = self
            .plain_portal(database)
            .with("OAUTH2_ISSUER", &self.issuer)
            .without("OAUTH2_AUTHORIZE_URL");
        if self.issuer == self.url {
            start.without("INTERNAL_URL_PREFIX")
        } else {
            start.with("INTERNAL_URL_PREFIX", &self.url)
        }
    }

    /// A portal whose providers are those of `toml` ([`OpenId::toml`]).
    pub fn portal_of(&self, database: Database, toml: &str) -> Start {
        self.plain_portal(database).providers(toml)
    }

    fn plain_portal(&self, database: Database) -> Start {
        Portal::on(database)
            .provider(&self.plain)
            .clock(&self.clock)
    }

    /// A provider table for this provider that vouches for everything. More keys may follow.
    pub fn toml(&self, id: &str) -> String {
        self.toml_vouching(id, &VouchesFor::WORDS)
    }

    /// Like [`OpenId::toml`], vouching only for `vouches_for`.
    pub fn toml_vouching(&self, id: &str, vouches_for: &[&str]) -> String {
        let (issuer, secret) = (&self.issuer, &self.secret);
        format!(
            "[{id}]\nkind = \"openid\"\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT_ID}\"\n\
             client_secret = \"{secret}\"\nrecheck = \"off\"\nvouches_for = {vouches_for:?}\n"
        )
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("the provider's state")
    }

    /// Answers `call` with this from now on.
    pub fn on_call(&self, call: Call, reply: Reply) {
        self.state().replies.insert(call, reply);
    }

    /// Makes userinfo answer this about one person from now on.
    pub fn on_userinfo_of(&self, subject: &Subject, reply: Reply) {
        let sub = subject.claims["sub"].as_str().expect("a sub").to_owned();
        self.state().about.insert(sub, reply);
    }

    /// Changes the claims behind a person's tokens from now on.
    pub fn change(&self, subject: &Subject) {
        let mut state = self.state();
        let sub = &subject.claims["sub"];
        for known in state.tokens.values_mut() {
            if known.claims["sub"] == *sub {
                *known = subject.clone();
            }
        }
        for grant in state.refreshes.values_mut() {
            if grant.subject.claims["sub"] == *sub {
                grant.subject = subject.clone();
            }
        }
    }

    /// Tampers with each such document from now on. This replaces earlier tampering.
    pub fn tamper(&self, document: Document, how: impl Fn(&mut Value) + Send + Sync + 'static) {
        self.state().tampers.insert(document, Arc::new(how));
    }

    /// Tampers by a JSON Merge Patch.
    pub fn patch(&self, document: Document, by: Value) {
        self.tamper(document, move |value| patch(value, &by));
    }

    /// Makes everything right again: answers, documents, clock and PKCE. The key stays.
    pub fn behave(&self) {
        let mut state = self.state();
        state.tampers.clear();
        state.replies.clear();
        state.about.clear();
        state.ignores_pkce = false;
        state.ahead = 0;
    }

    /// Signs with this key from now on, and publishes only this one.
    pub fn sign_with(&self, key: impl Into<Arc<Key>>) {
        self.state().key = key.into();
    }

    pub fn key(&self) -> Arc<Key> {
        Arc::clone(&self.state().key)
    }

    pub fn ignore_pkce(&self) {
        self.state().ignores_pkce = true;
    }

    /// Sets its clock this many seconds ahead of the portal's.
    pub fn set_ahead(&self, seconds: i64) {
        self.state().ahead = seconds;
    }

    /// The time by its own clock, in seconds.
    pub fn now(&self) -> i64 {
        self.clock.now().0 / 1_000_000 + self.state().ahead
    }

    pub fn seen(&self, call: Call) -> Vec<Seen> {
        self.state()
            .seen
            .iter()
            .filter(|(called, _)| *called == call)
            .map(|(_, seen)| seen.clone())
            .collect()
    }

    fn tampered(&self, document: Document, mut value: Value) -> Value {
        let tamper = self.state().tampers.get(&document).cloned();
        if let Some(tamper) = tamper {
            tamper(&mut value);
        }
        value
    }

    fn new_secret(&self) -> String {
        let secret = random_token().expect("randomness");
        self.plain.keep_secret(&secret);
        secret
    }

    // -- browsers --

    /// Approves as a person at the authorize address. Returns the address that their browser is
    /// sent to.
    pub fn approve(&self, authorize_url: &str, subject: &Subject) -> String {
        let mut query = query(authorize_url);
        if let Some(request_uri) = query.remove("request_uri") {
            let pushed = self.state().pushed.remove(&request_uri);
            query.extend(pushed.expect("a request that was pushed"));
        }
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], CLIENT_ID);
        assert!(query["scope"].split(' ').any(|scope| scope == "openid"));
        let code = self.new_secret();
        let answer = json!({"code": code, "state": query["state"], "iss": self.issuer});
        let back = query["redirect_uri"].clone();
        let grant = Grant {
            subject: subject.clone(),
            query,
            auth_time: self.now(),
        };
        self.state().grants.insert(code, grant);
        self.callback(&back, answer)
    }

    /// Refuses with an error code.
    pub fn refuse(&self, authorize_url: &str, error: &str) -> String {
        let query = query(authorize_url);
        let answer = json!({"error": error, "state": query["state"], "iss": self.issuer});
        self.callback(&query["redirect_uri"], answer)
    }

    fn callback(&self, redirect_uri: &str, answer: Value) -> String {
        let mut back = Url::parse(redirect_uri).expect("a redirect address");
        let answer = self.tampered(Document::Callback, answer);
        for (name, value) in answer.as_object().expect("parameters") {
            let values = match value {
                Value::Array(values) => values.as_slice(),
                one => std::slice::from_ref(one),
            };
            for value in values {
                let value = value.as_str().expect("a text");
                back.query_pairs_mut().append_pair(name, value);
            }
        }
        back.into()
    }

    /// Signs in completely: begins, approves, comes back. Returns the callback's answer.
    pub async fn sign_in(&self, browser: &Browser, subject: &Subject) -> Answer {
        self.sign_in_from(browser, "/oauth2/login?next=/account", subject)
            .await
    }

    /// Signs in from another address.
    pub async fn sign_in_from(&self, browser: &Browser, from: &str, subject: &Subject) -> Answer {
        let begun = browser.get(from).await;
        assert_eq!(begun.status, 303, "{}", begun.body);
        let callback = self.approve(begun.location(), subject);
        browser.get(&callback).await
    }

    /// A new browser in which `subject` has signed in.
    pub async fn signed_in(&self, portal: &Portal, subject: &Subject) -> Browser {
        let browser = portal.browser();
        let answer = self.sign_in(&browser, subject).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert!(answer.sets_session());
        browser
    }

    // -- tokens --

    fn id_token(&self, grant: &Grant, access_token: &str, document: Document) -> String {
        let key = self.key();
        let header = self.tampered(Document::Header, key.header(&json!({})));
        let algorithm = header["alg"].as_str().unwrap_or_default().to_owned();
        let now = self.now();
        let subject = &grant.subject.claims;
        let mut claims = json!({
            "iss": self.issuer,
            "sub": subject["sub"],
            "aud": CLIENT_ID,
            "exp": now + 120,
            "iat": now,
            "auth_time": grant.auth_time,
            "at_hash": half_hash(&algorithm, access_token),
            "sid": subject.get("sid").cloned().unwrap_or_else(|| sha256(grant.query["state"].as_bytes()).into()),
        });
        if document == Document::IdToken {
            claims["nonce"] = grant.query.get("nonce").cloned().into();
        }
        let claims = self.tampered(document, claims);
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = key.sign(&algorithm, &message).into();
        let signature = self.tampered(Document::Signature, signature);
        format!("{message}.{}", signature.as_str().expect("a text"))
    }

    /// The usual claims of a logout token, patched.
    pub fn logout_claims(&self, by: &Value) -> Value {
        let now = self.now();
        let usual = json!({
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": random_token().expect("randomness"),
            "events": {LOGOUT_EVENT: {}},
        });
        patched(usual, by)
    }

    /// A logout token with these claims beside the usual ones.
    pub fn logout_token(&self, by: &Value) -> String {
        let claims = self.logout_claims(by);
        self.key().jwt(&json!({"typ": "logout+jwt"}), &claims)
    }

    // -- the server's calls --

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut buffer = Vec::new();
        loop {
            let Some((_, seen)) = read_request(&mut stream, &mut buffer).await? else {
                return Ok(());
            };
            let path = seen.target.split('?').next().unwrap_or_default();
            let call = match path.rsplit('/').next().unwrap_or_default() {
                "openid-configuration" => Call::Discovery,
                "jwks" => Call::Keys,
                "token" => Call::Token,
                "userinfo" => Call::Userinfo,
                "par" => Call::PushedRequest,
                "revoke" => Call::Revocation,
                _ => {
                    write_answer(&mut stream, 404, "text/plain", b"not here").await?;
                    continue;
                }
            };
            let reply = {
                let mut state = self.state();
                state.seen.push((call, seen.clone()));
                let token = seen
                    .header("authorization")
                    .and_then(|header| header.strip_prefix("Bearer "));
                let subject = token.and_then(|token| state.tokens.get(token));
                let sub = subject.and_then(|subject| subject.claims["sub"].as_str());
                let about = sub.and_then(|sub| state.about.get(sub));
                about
                    .filter(|_| call == Call::Userinfo)
                    .or_else(|| state.replies.get(&call))
                    .cloned()
            };
            match reply {
                None => {}
                Some(Reply::Late(delay)) => tokio::time::sleep(delay).await,
                Some(reply) => return misbehave(&mut stream, reply).await,
            }
            let answered = match call {
                Call::Discovery => Ok(self.tampered(Document::Discovery, self.metadata())),
                Call::Keys => {
                    let keys = json!({"keys": [self.key().jwk()]});
                    Ok(self.tampered(Document::Keys, keys))
                }
                Call::Token => self.token(&seen),
                Call::Userinfo => self.userinfo(&seen),
                Call::PushedRequest => Ok(self.push(&seen)),
                Call::Revocation => Ok(json!({})),
            };
            let (status, answer) = match answered {
                Ok(answer) if call == Call::PushedRequest => (201, answer),
                Ok(answer) => (200, answer),
                Err((status, error)) => (status, json!({"error": error})),
            };
            let (content_type, body) = match answer {
                Value::String(jwt) => ("application/jwt", jwt),
                value => ("application/json", value.to_string()),
            };
            write_answer(&mut stream, status, content_type, body.as_bytes()).await?;
        }
    }

    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}/{path}", self.issuer.trim_end_matches('/'));
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "userinfo_endpoint": at("userinfo"),
            "jwks_uri": at("jwks"),
            "pushed_authorization_request_endpoint": at("par"),
            "revocation_endpoint": at("revoke"),
            "end_session_endpoint": at("end_session"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "scopes_supported": ["openid", "profile", "email"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported":
                ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
        })
    }

    fn token(&self, seen: &Seen) -> Result<Value, (u16, &'static str)> {
        let form = seen.form();
        let invalid = (400, "invalid_grant");
        let (grant, document) = match form.get("grant_type").map(String::as_str) {
            Some("authorization_code") => {
                let grant = take(&mut self.state().grants, form.get("code")).ok_or(invalid)?;
                let verifier = form.get("code_verifier");
                if let Some(verifier) = verifier {
                    self.plain.keep_secret(verifier);
                }
                let challenge = verifier.map(|verifier| sha256(verifier.as_bytes()));
                let is_proven = grant.query.get("code_challenge") == challenge.as_ref();
                let is_back_here = form.get("redirect_uri") == grant.query.get("redirect_uri");
                if !is_back_here || !(is_proven || self.state().ignores_pkce) {
                    return Err(invalid);
                }
                (grant, Document::IdToken)
            }
            Some("refresh_token") => {
                let token = form.get("refresh_token");
                let grant = take(&mut self.state().refreshes, token).ok_or(invalid)?;
                (grant, Document::Refreshed)
            }
            _ => return Err((400, "unsupported_grant_type")),
        };
        let (access_token, refresh_token) = (self.new_secret(), self.new_secret());
        let answer = json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": refresh_token,
            "id_token": self.id_token(&grant, &access_token, document),
        });
        let mut state = self.state();
        state.tokens.insert(access_token, grant.subject.clone());
        state.refreshes.insert(refresh_token, grant);
        drop(state);
        Ok(self.tampered(Document::Token, answer))
    }

    fn userinfo(&self, seen: &Seen) -> Result<Value, (u16, &'static str)> {
        let token = seen
            .header("authorization")
            .and_then(|header| header.strip_prefix("Bearer "));
        let subject = token.and_then(|token| self.state().tokens.get(token).cloned());
        let subject = subject.ok_or((401, "invalid_token"))?;
        let userinfo = patched(subject.claims, &json!({"sid": null}));
        Ok(self.tampered(Document::Userinfo, userinfo))
    }

    /// Answers a pushed authorization request (RFC 9126).
    fn push(&self, seen: &Seen) -> Value {
        let name = random_token().expect("randomness");
        let request_uri = format!("urn:ietf:params:oauth:request_uri:{name}");
        self.state().pushed.insert(request_uri.clone(), seen.form());
        json!({"request_uri": request_uri, "expires_in": 60})
    }
}

/// Tells a portal, as the provider, that a person has signed out (Back-Channel Logout 1.0, 2.5).
pub async fn back_channel(portal: &Portal, id: &str, token: &str) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("logout_token", token)
        .finish();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let path = format!("/oidc/backchannel-logout/{id}");
    portal
        .browser()
        .send(Method::POST, &path, &form, Some(body))
        .await
}

fn take<V>(map: &mut HashMap<String, V>, key: Option<&String>) -> Option<V> {
    map.remove(key?)
}
