//! Stand-ins for providers with their own dialects. Each answers as its public documentation says,
//! including refusals, and accepts only what the documentation has. Anything else that it was sent
//! is a fault, which the test sees at its end.
//!
//! They listen at the addresses of the presets: `https://api.github.com/user` becomes
//! `http://127.0.0.1:PORT/api.github.com/user`.

mod answers;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex};

use frontdesk::secret::{random_token, sha256};
use serde_json::{Map, Value};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::database::Database;
use super::portal::{Portal, Start};
use super::provider::{Provider, Reply, Seen, misbehave, query, read_request, write_answer};
use super::{Answer, Browser, spawn};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Feishu,
    Lark,
    DingTalk,
    WeCom,
    GitHub,
}

/// A call of the portal's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Token,
    Profile,
    Details,
}

const CLIENT_ID: &str = "client-of-the-desk";
const AGENT_ID: &str = "1000002";
const JSON: &str = "application/json; charset=utf-8";

impl Kind {
    /// The name in the settings, which is also the provider's id in the tests.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Feishu => "feishu",
            Self::Lark => "lark",
            Self::DingTalk => "dingtalk",
            Self::WeCom => "wecom",
            Self::GitHub => "github",
        }
    }

    const fn preset(self) -> &'static str {
        match self {
            Self::Feishu => include_str!("../../../src/config/presets/feishu.toml"),
            Self::Lark => include_str!("../../../src/config/presets/lark.toml"),
            Self::DingTalk => include_str!("../../../src/config/presets/dingtalk.toml"),
            Self::WeCom => include_str!("../../../src/config/presets/wecom.toml"),
            Self::GitHub => include_str!("../../../src/config/presets/github.toml"),
        }
    }

    const fn has_pkce(self) -> bool {
        matches!(self, Self::Feishu | Self::Lark | Self::GitHub)
    }

    /// The address for browsers, and the addresses for calls, as in the documentation.
    const fn addresses(self) -> (&'static str, &'static [(Call, &'static str)]) {
        match self {
            Self::Feishu => (
                "/accounts.feishu.cn/open-apis/authen/v1/authorize",
                &[
                    (
                        Call::Token,
                        "/open.feishu.cn/open-apis/authen/v2/oauth/token",
                    ),
                    (
                        Call::Profile,
                        "/open.feishu.cn/open-apis/authen/v1/user_info",
                    ),
                ],
            ),
            Self::Lark => (
                "/accounts.larksuite.com/open-apis/authen/v1/authorize",
                &[
                    (
                        Call::Token,
                        "/open.larksuite.com/open-apis/authen/v2/oauth/token",
                    ),
                    (
                        Call::Profile,
                        "/open.larksuite.com/open-apis/authen/v1/user_info",
                    ),
                ],
            ),
            Self::DingTalk => (
                "/login.dingtalk.com/oauth2/auth",
                &[
                    (Call::Token, "/api.dingtalk.com/v1.0/oauth2/userAccessToken"),
                    (Call::Profile, "/api.dingtalk.com/v1.0/contact/users/me"),
                ],
            ),
            Self::WeCom => (
                "/login.work.weixin.qq.com/wwlogin/sso/login",
                &[
                    (Call::Token, "/qyapi.weixin.qq.com/cgi-bin/gettoken"),
                    (
                        Call::Profile,
                        "/qyapi.weixin.qq.com/cgi-bin/auth/getuserinfo",
                    ),
                    (Call::Details, "/qyapi.weixin.qq.com/cgi-bin/user/get"),
                ],
            ),
            Self::GitHub => (
                "/github.com/login/oauth/authorize",
                &[
                    (Call::Token, "/github.com/login/oauth/access_token"),
                    (Call::Profile, "/api.github.com/user"),
                    (Call::Details, "/api.github.com/user/emails"),
                ],
            ),
        }
    }

    /// The parameters of the authorize address. GitHub does not document `response_type`, but
    /// accepts it.
    const fn authorize_parameters(self) -> &'static [&'static str] {
        match self {
            Self::Feishu | Self::Lark | Self::GitHub => &[
                "client_id",
                "response_type",
                "redirect_uri",
                "scope",
                "state",
                "code_challenge",
                "code_challenge_method",
            ],
            Self::DingTalk => &[
                "client_id",
                "response_type",
                "redirect_uri",
                "scope",
                "state",
                "prompt",
            ],
            Self::WeCom => &["login_type", "appid", "agentid", "redirect_uri", "state"],
        }
    }
}

/// A person at a provider.
#[derive(Clone, Debug)]
pub struct Employee {
    pub name: String,
    /// The organisation that they chose (`DingTalk`).
    pub corp_id: &'static str,
    pub is_member: bool,
}

/// The company's organisation.
pub const CORP_ID: &str = "ding00112233";

impl Employee {
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            corp_id: CORP_ID,
            is_member: true,
        }
    }

    pub fn of(mut self, corp_id: &'static str) -> Self {
        self.corp_id = corp_id;
        self
    }

    pub fn stranger(mut self) -> Self {
        self.is_member = false;
        self
    }
}

struct Grant {
    employee: Employee,
    challenge: Option<String>,
    redirect_uri: String,
}

#[derive(Default)]
struct State {
    codes: HashMap<String, Grant>,
    tokens: HashMap<String, Employee>,
    refreshes: HashMap<String, Employee>,
    /// The names of people who left.
    gone: BTreeSet<String>,
    replies: HashMap<Call, Reply>,
    faults: Vec<String>,
    refreshed: usize,
}

#[derive(Clone)]
pub struct Standin {
    pub url: String,
    pub kind: Kind,
    secret: String,
    /// Keeps the secrets that no answer and no log line may contain. It answers nothing.
    plain: Provider,
    state: Arc<Mutex<State>>,
}

/// Status, content type and body.
type Said = (u16, &'static str, String);

fn said(status: u16, body: &Value) -> Said {
    (status, JSON, body.to_string())
}

impl Standin {
    pub async fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let standin = Self {
            url: format!("http://{address}"),
            kind,
            secret: random_token().expect("randomness"),
            plain: Provider::start().await,
            state: Arc::default(),
        };
        standin.plain.keep_secret(&standin.secret);
        let served = standin.clone();
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = served.clone();
                spawn(async move { served.serve(stream).await });
            }
        });
        standin
    }

    /// A portal whose only provider is this one. `more` are further lines of its table.
    pub fn portal(&self, database: Database, more: &str) -> Start {
        Portal::on(database)
            .provider(&self.plain)
            .providers(&format!("{}{more}", self.toml()))
    }

    /// The table of the preset, with all addresses at this server.
    fn toml(&self) -> String {
        let preset: toml::Table = toml::from_str(self.kind.preset()).expect("a preset");
        let here = |value: &toml::Value| {
            let there = value.as_str()?.strip_prefix("https://")?;
            Some(format!("\"{}/{there}\"", self.url))
        };
        let (id, secret) = (self.kind.code(), &self.secret);
        let mut dialect = Vec::new();
        let mut lines = vec![
            format!("[{id}]"),
            format!("kind = \"{id}\""),
            format!("client_id = \"{CLIENT_ID}\""),
            format!("client_secret = \"{secret}\""),
        ];
        for (key, value) in &preset {
            lines.extend(here(value).map(|address| format!("{key} = {address}")));
            for (inner, value) in value.as_table().into_iter().flatten() {
                dialect.extend(here(value).map(|address| format!("{key}.{inner} = {address}")));
            }
        }
        lines.extend(dialect);
        if self.kind == Kind::WeCom {
            lines.push(format!("dialect.authorize_extra.agentid = \"{AGENT_ID}\""));
        }
        lines.join("\n") + "\n"
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("the stand-in's state")
    }

    /// Answers `call` with this from now on.
    pub fn on_call(&self, call: Call, reply: Reply) {
        self.state().replies.insert(call, reply);
    }

    pub fn behave(&self) {
        self.state().replies.clear();
    }

    /// Makes a person leave: everything that was given to them is refused from now on.
    pub fn dismiss(&self, employee: &Employee) {
        self.state().gone.insert(employee.name.clone());
    }

    /// The number of refresh tokens that were used.
    pub fn refreshed(&self) -> usize {
        self.state().refreshed
    }

    /// Everything that it was sent and that the documentation does not have.
    pub fn faults(&self) -> Vec<String> {
        self.state().faults.clone()
    }

    fn fault(&self, what: impl Into<String>) {
        self.state().faults.push(what.into());
    }

    fn expect(&self, is_so: bool, what: &str) {
        if !is_so {
            self.fault(what);
        }
    }

    /// Expects exactly these names.
    fn expect_names<'a>(
        &self,
        where_: &str,
        given: impl IntoIterator<Item = &'a String>,
        wanted: &[&str],
    ) {
        let given: BTreeSet<&str> = given.into_iter().map(String::as_str).collect();
        let wanted: BTreeSet<&str> = wanted.iter().copied().collect();
        if given != wanted {
            self.fault(format!("{where_}: {given:?} instead of {wanted:?}"));
        }
    }

    fn new_secret(&self) -> String {
        let secret = random_token().expect("randomness");
        self.plain.keep_secret(&secret);
        secret
    }

    // -- browsers --

    /// Approves as a person at the authorize address. Returns the address that their browser is
    /// sent to.
    pub fn approve(&self, authorize_url: &str, employee: &Employee) -> String {
        let there = Url::parse(authorize_url).expect("an authorize address");
        self.expect(
            there.path() == self.kind.addresses().0,
            "the authorize address",
        );
        let query = query(authorize_url);
        let names = self.kind.authorize_parameters();
        self.expect_names("authorize", query.keys(), names);
        let is = |name: &str, value: &str| {
            if names.contains(&name) {
                let given = query.get(name).map(String::as_str);
                self.expect(given == Some(value), name);
            }
        };
        is("client_id", CLIENT_ID);
        is("appid", CLIENT_ID);
        is("response_type", "code");
        is("code_challenge_method", "S256");
        is("login_type", "CorpApp");
        is("agentid", AGENT_ID);
        is("prompt", "consent");
        is(
            "scope",
            match self.kind {
                Kind::Feishu | Kind::Lark => {
                    "offline_access contact:user.employee_id:readonly contact:user.email:readonly"
                }
                Kind::DingTalk => "openid corpid",
                Kind::WeCom => "",
                Kind::GitHub => "read:user user:email",
            },
        );
        let code = self.new_secret();
        let back = query["redirect_uri"].clone();
        let grant = Grant {
            employee: employee.clone(),
            challenge: query.get("code_challenge").cloned(),
            redirect_uri: back.clone(),
        };
        self.state().codes.insert(code.clone(), grant);
        let name = match self.kind {
            Kind::DingTalk => "authCode",
            _ => "code",
        };
        let mut back = Url::parse(&back).expect("a redirect address");
        back.query_pairs_mut()
            .append_pair(name, &code)
            .append_pair("state", &query["state"]);
        back.into()
    }

    /// Signs in, from the sign-in page's address to the callback. Returns the callback's answer.
    pub async fn sign_in(&self, browser: &Browser, employee: &Employee) -> Answer {
        let callback = self.begin(browser, employee).await;
        browser.get(&callback).await
    }

    /// Signs in up to the callback, and returns the callback's address.
    pub async fn begin(&self, browser: &Browser, employee: &Employee) -> String {
        let id = self.kind.code();
        let begun = browser
            .get(&format!("/oauth2/login?next=/account&provider={id}"))
            .await;
        assert_eq!(begun.status, 303, "{}", begun.body);
        self.approve(begun.location(), employee)
    }

    /// Forgets all codes that were issued so far.
    pub fn forget_codes(&self) {
        self.state().codes.clear();
    }

    // -- the server's calls --

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut buffer = Vec::new();
        loop {
            let Some((method, seen)) = read_request(&mut stream, &mut buffer).await? else {
                return Ok(());
            };
            let path = seen.target.split('?').next().unwrap_or_default();
            let (_, calls) = self.kind.addresses();
            let Some((call, _)) = calls.iter().find(|(_, known)| *known == path) else {
                self.fault(format!("a call of {path}"));
                write_answer(&mut stream, 404, "text/plain", b"not here").await?;
                continue;
            };
            let reply = self.state().replies.get(call).cloned();
            if let Some(reply) = reply {
                return misbehave(&mut stream, reply).await;
            }
            self.expect(
                seen.header("user-agent").is_some_and(|it| !it.is_empty()),
                "no User-Agent",
            );
            let (status, content_type, body) = match self.kind {
                Kind::Feishu | Kind::Lark => self.feishu(*call, &method, &seen),
                Kind::DingTalk => self.dingtalk(*call, &method, &seen),
                Kind::WeCom => self.wecom(*call, &method, &seen),
                Kind::GitHub => self.github(*call, &method, &seen),
            };
            write_answer(&mut stream, status, content_type, body.as_bytes()).await?;
        }
    }

    /// The object in a JSON POST, which must have no query and none of the client's headers.
    fn json_body(&self, method: &str, seen: &Seen) -> Map<String, Value> {
        self.expect(method == "POST", "the token call is a POST");
        let content_type = seen.header("content-type").unwrap_or_default();
        self.expect(
            content_type.split(';').next() == Some("application/json"),
            "the token call is JSON",
        );
        self.expect(
            !seen.target.contains('?'),
            "the token call's address has a query",
        );
        self.expect(
            seen.header("authorization").is_none(),
            "the token call has Authorization",
        );
        let Ok(Value::Object(object)) = serde_json::from_str(&seen.body) else {
            self.fault("the token call has no object");
            return Map::new();
        };
        self.expect(
            object.values().all(Value::is_string),
            "a member of the token call is no text",
        );
        object
    }

    /// The person who belongs to this code, if it was issued here for this verifier and redirect
    /// address.
    fn take(&self, code: &str, verifier: Option<&str>, redirect: Option<&str>) -> Option<Employee> {
        let grant = self.state().codes.remove(code)?;
        if let Some(verifier) = verifier {
            self.plain.keep_secret(verifier);
        }
        let challenge = verifier.map(|verifier| sha256(verifier.as_bytes()));
        self.expect(
            !self.kind.has_pkce() || challenge == grant.challenge,
            "the verifier",
        );
        self.expect(
            redirect.is_none_or(|redirect| redirect == grant.redirect_uri),
            "the redirect address",
        );
        Some(grant.employee)
    }

    /// The person who belongs to this refresh token, which is used up. `Err` means that they have
    /// left.
    fn take_refresh(&self, token: &str) -> Option<Result<Employee, ()>> {
        let mut state = self.state();
        let employee = state.refreshes.remove(token)?;
        state.refreshed += 1;
        if state.gone.contains(&employee.name) {
            return Some(Err(()));
        }
        Some(Ok(employee))
    }

    /// Issues an access token and a refresh token.
    fn issue(&self, employee: &Employee) -> (String, String) {
        let (access, refresh) = (self.new_secret(), self.new_secret());
        let mut state = self.state();
        state.tokens.insert(access.clone(), employee.clone());
        state.refreshes.insert(refresh.clone(), employee.clone());
        (access, refresh)
    }

    fn holder(&self, token: &str) -> Option<Employee> {
        let state = self.state();
        let employee = state.tokens.get(token)?;
        (!state.gone.contains(&employee.name)).then(|| employee.clone())
    }

    /// The person whose bearer token is in the `Authorization` of a GET without a query.
    fn bearer(&self, method: &str, seen: &Seen) -> Option<Employee> {
        self.expect(method == "GET", "who it is is asked by a GET");
        let token = seen.header("authorization")?.strip_prefix("Bearer ")?;
        self.holder(token)
    }
}
