//! Stand-ins for providers with a dialect of their own: each answers as its public documentation
//! says, refusals too, and takes what the documentation has and nothing else. Whatever else it was
//! sent is a fault, which the test sees at its end.
//!
//! They listen at the addresses of the presets: `https://api.github.com/user` becomes
//! `http://127.0.0.1:PORT/api.github.com/user`.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex};

use frontdesk::secret::{random_token, sha256};
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::database::Database;
use super::desk::{Desk, Start};
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

/// What the desk's server calls.
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
    /// As settings write it; the provider's id in the tests too.
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

    /// Where browsers are sent, and what is called, as the documentation has it.
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

    /// Of the authorize address. GitHub does not name `response_type`, and takes it.
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
    /// Which of their organisations they chose (`DingTalk`).
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
    /// Names of people who left.
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
    /// Keeps what no answer and no log line may hold; answers nothing.
    plain: Provider,
    state: Arc<Mutex<State>>,
}

/// Status, content type, body.
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

    /// A desk with this provider alone; `more` are further lines of its table.
    pub fn desk(&self, database: Database, more: &str) -> Start {
        Desk::on(database)
            .provider(&self.plain)
            .providers(&format!("{}{more}", self.toml()))
    }

    /// The preset, with all of its addresses here.
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

    /// From now on `call` is answered with this.
    pub fn on_call(&self, call: Call, reply: Reply) {
        self.state().replies.insert(call, reply);
    }

    pub fn behave(&self) {
        self.state().replies.clear();
    }

    /// Somebody leaves: from now on what was given to them is refused.
    pub fn dismiss(&self, employee: &Employee) {
        self.state().gone.insert(employee.name.clone());
    }

    /// How many refresh tokens were used.
    pub fn refreshed(&self) -> usize {
        self.state().refreshed
    }

    /// What it was sent that the documentation does not have.
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

    /// These names, each of them, and no other.
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

    /// Somebody says yes at the authorize address; the address that their browser is sent to.
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

    /// From the sign-in page's address to what the callback answers.
    pub async fn sign_in(&self, browser: &Browser, employee: &Employee) -> Answer {
        let callback = self.begin(browser, employee).await;
        browser.get(&callback).await
    }

    /// The same up to the address of the callback.
    pub async fn begin(&self, browser: &Browser, employee: &Employee) -> String {
        let id = self.kind.code();
        let begun = browser
            .get(&format!("/oauth2/login?next=/account&provider={id}"))
            .await;
        assert_eq!(begun.status, 303, "{}", begun.body);
        self.approve(begun.location(), employee)
    }

    /// The codes that were given out so far are not known any more.
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

    /// The object of a POST that is JSON; no query and no header of the client's beside it.
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

    /// Who brings this code, if it was given out here for this verifier and redirect address.
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

    /// Who brings this refresh token; it is used up. `Err`: they have left.
    fn take_refresh(&self, token: &str) -> Option<Result<Employee, ()>> {
        let mut state = self.state();
        let employee = state.refreshes.remove(token)?;
        state.refreshed += 1;
        if state.gone.contains(&employee.name) {
            return Some(Err(()));
        }
        Some(Ok(employee))
    }

    /// An access token and a refresh token.
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

    /// A GET without query whose bearer token is in `Authorization`.
    fn bearer(&self, method: &str, seen: &Seen) -> Option<Employee> {
        self.expect(method == "GET", "who it is is asked by a GET");
        let token = seen.header("authorization")?.strip_prefix("Bearer ")?;
        self.holder(token)
    }

    // -- Feishu and Lark --

    fn feishu(&self, call: Call, method: &str, seen: &Seen) -> Said {
        if call == Call::Profile {
            self.expect(!seen.target.contains('?'), "user_info has a query");
            let Some(employee) = self.bearer(method, seen) else {
                let msg = "Invalid access token for authorization. Please make a test attempt";
                return said(400, &json!({"code": 99_991_668, "msg": msg}));
            };
            let name = &employee.name;
            let data = json!({
                "name": format!("{name} 王"),
                "en_name": name,
                "avatar_url": "https://www.feishu.cn/avatar/icon",
                "open_id": format!("ou_{name}"),
                "union_id": format!("on_{name}"),
                "email": format!("{name}@example.com"),
                "enterprise_email": format!("{name}@mail.example.com"),
                "user_id": name,
                "mobile": "+86130002883xx",
                "tenant_key": "736588c92lxf175d",
                "employee_no": "111222333",
            });
            return said(200, &json!({"code": 0, "msg": "success", "data": data}));
        }
        let body = self.json_body(method, seen);
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let refuse = |code: u32, error: &str| {
            let description = "as the documentation says";
            said(
                400,
                &json!({"code": code, "error": error, "error_description": description}),
            )
        };
        let mut names = vec!["grant_type", "client_id", "client_secret"];
        let is_refresh = text("grant_type") == Some("refresh_token");
        if is_refresh {
            names.push("refresh_token");
        } else {
            names.extend(["code", "redirect_uri", "code_verifier"]);
        }
        self.expect_names("token", body.keys(), &names);
        if text("client_id") != Some(CLIENT_ID)
            || text("client_secret") != Some(self.secret.as_str())
        {
            return refuse(20002, "invalid_client");
        }
        let employee = if is_refresh {
            match self.take_refresh(text("refresh_token").unwrap_or_default()) {
                Some(Ok(employee)) => employee,
                // No `invalid_grant`: the number tells.
                Some(Err(())) => return refuse(20066, "invalid_request"),
                None => return refuse(20073, "invalid_grant"),
            }
        } else {
            let code = text("code").unwrap_or_default();
            match self.take(code, text("code_verifier"), text("redirect_uri")) {
                Some(employee) => employee,
                None => return refuse(20003, "invalid_grant"),
            }
        };
        let (access, refresh) = self.issue(&employee);
        let answer = json!({
            "code": 0,
            "access_token": access,
            "expires_in": 7200,
            "refresh_token": refresh,
            "refresh_token_expires_in": 604_800,
            "token_type": "Bearer",
            "scope": "auth:user.id:read offline_access",
        });
        said(200, &answer)
    }

    // -- DingTalk --

    fn dingtalk(&self, call: Call, method: &str, seen: &Seen) -> Said {
        let refuse = |status: u16, code: &str| {
            let body = json!({"code": code, "requestid": "7C9F-1", "message": "不合法"});
            said(status, &body)
        };
        if call == Call::Profile {
            self.expect(method == "GET", "who it is is asked by a GET");
            self.expect(!seen.target.contains('?'), "users/me has a query");
            self.expect(
                seen.header("authorization").is_none(),
                "users/me has Authorization",
            );
            let token = seen.header("x-acs-dingtalk-access-token");
            let Some(employee) = token.and_then(|token| self.holder(token)) else {
                return refuse(400, "InvalidAuthentication");
            };
            let name = &employee.name;
            let answer = json!({
                "nick": format!("{name} 王"),
                "avatarUrl": "https://xxx",
                "mobile": "150xxxx9144",
                "openId": format!("open-{name}"),
                "unionId": format!("union-{name}"),
                "email": format!("{name}@example.com"),
                "stateCode": "86",
            });
            return said(200, &answer);
        }
        let body = self.json_body(method, seen);
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let is_refresh = text("grantType") == Some("refresh_token");
        let last = if is_refresh { "refreshToken" } else { "code" };
        let names = ["grantType", "clientId", "clientSecret", last];
        self.expect_names("token", body.keys(), &names);
        if text("clientId") != Some(CLIENT_ID) || text("clientSecret") != Some(self.secret.as_str())
        {
            return refuse(400, "invalidClientIdOrSecret");
        }
        let given = text(last).unwrap_or_default();
        let employee = if is_refresh {
            self.take_refresh(given).and_then(Result::ok)
        } else {
            self.take(given, None, None)
        };
        let Some(employee) = employee else {
            return refuse(400, "invalidParameter.authCode.notFound");
        };
        let (access, refresh) = self.issue(&employee);
        let answer = json!({
            "accessToken": access,
            "refreshToken": refresh,
            "expireIn": 7200,
            "corpId": employee.corp_id,
        });
        said(200, &answer)
    }

    // -- WeCom --

    fn wecom(&self, call: Call, method: &str, seen: &Seen) -> Said {
        self.expect(method == "GET", "all calls are GETs");
        self.expect(seen.body.is_empty(), "a GET has a body");
        self.expect(
            seen.header("authorization").is_none(),
            "a call has Authorization",
        );
        let query = query(&format!("{}{}", self.url, seen.target));
        let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let refuse = |code: u32, message: &str| {
            // With status 200, always.
            said(200, &json!({"errcode": code, "errmsg": message}))
        };
        if call == Call::Token {
            self.expect_names("token", query.keys(), &["corpid", "corpsecret"]);
            if text("corpid") != CLIENT_ID || text("corpsecret") != self.secret {
                return refuse(40001, "invalid credential");
            }
            // The app's; it is nobody's in particular.
            let (access, _) = self.issue(&Employee::named(""));
            let answer =
                json!({"errcode": 0, "errmsg": "ok", "access_token": access, "expires_in": 7200});
            return said(200, &answer);
        }
        let last = if call == Call::Profile {
            "code"
        } else {
            "userid"
        };
        self.expect_names("who it is", query.keys(), &["access_token", last]);
        if self.holder(text("access_token")).is_none() {
            return refuse(40014, "invalid access_token");
        }
        if call == Call::Profile {
            let Some(employee) = self.take(text("code"), None, None) else {
                return refuse(40029, "invalid code");
            };
            let name = &employee.name;
            let mut answer = json!({"errcode": 0, "errmsg": "ok"});
            if employee.is_member {
                answer["userid"] = name.as_str().into();
            } else {
                answer["openid"] = format!("o_{name}").into();
                answer["external_userid"] = format!("wm_{name}").into();
            }
            return said(200, &answer);
        }
        let name = text("userid");
        let answer = json!({
            "errcode": 0,
            "errmsg": "ok",
            "userid": name,
            "name": format!("{name} 王"),
            "department": [1, 2],
            "position": "后台工程师",
            "biz_mail": format!("{name}@example.com"),
            "status": 1,
            "main_department": 1,
        });
        said(200, &answer)
    }

    // -- GitHub --

    fn github(&self, call: Call, method: &str, seen: &Seen) -> Said {
        if call == Call::Token {
            return self.github_token(method, seen);
        }
        let Some(employee) = self.bearer(method, seen) else {
            return said(401, &json!({"message": "Bad credentials", "status": "401"}));
        };
        let name = &employee.name;
        if call == Call::Profile {
            let answer = json!({
                "login": name,
                "id": 583_231,
                "node_id": "MDQ6VXNlcjE=",
                "type": "User",
                "site_admin": false,
                "name": format!("{name} 王"),
                "company": null,
                // Not public.
                "email": null,
            });
            return said(200, &answer);
        }
        let answer = json!([
            {"email": format!("{name}@home.example.net"), "primary": false, "verified": false, "visibility": null},
            {"email": format!("{name}@example.com"), "primary": true, "verified": true, "visibility": "private"},
        ]);
        said(200, &answer)
    }

    fn github_token(&self, method: &str, seen: &Seen) -> Said {
        self.expect(method == "POST", "the token call is a POST");
        self.expect(
            !seen.target.contains('?'),
            "the token call's address has a query",
        );
        let content_type = seen.header("content-type").unwrap_or_default();
        self.expect(
            content_type == "application/x-www-form-urlencoded",
            "the token call is a form",
        );
        let form = seen.form();
        let text = |name: &str| form.get(name).map(String::as_str);
        let answer = |answer: Value| {
            let accepts = seen.header("accept").unwrap_or_default();
            if accepts.contains("application/json") {
                // Errors too.
                return said(200, &answer);
            }
            let pairs = answer.as_object().into_iter().flatten();
            let body = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs.map(|(name, value)| (name, value.to_string())))
                .finish();
            (200, "application/x-www-form-urlencoded", body)
        };
        let is_refresh = text("grant_type") == Some("refresh_token");
        let mut names = vec!["grant_type", "client_id", "client_secret"];
        if is_refresh {
            names.push("refresh_token");
        } else {
            names.extend(["code", "redirect_uri", "code_verifier"]);
        }
        self.expect_names("token", form.keys(), &names);
        if text("client_id") != Some(CLIENT_ID)
            || text("client_secret") != Some(self.secret.as_str())
        {
            return answer(json!({"error": "incorrect_client_credentials"}));
        }
        let (employee, error) = if is_refresh {
            let token = text("refresh_token").unwrap_or_default();
            let employee = self.take_refresh(token).and_then(Result::ok);
            (employee, "bad_refresh_token")
        } else {
            let code = text("code").unwrap_or_default();
            let employee = self.take(code, text("code_verifier"), text("redirect_uri"));
            (employee, "bad_verification_code")
        };
        let Some(employee) = employee else {
            return answer(json!({"error": error, "error_description": "The code is incorrect"}));
        };
        // As a GitHub App whose user tokens expire.
        let (access, refresh) = self.issue(&employee);
        answer(json!({
            "access_token": access,
            "expires_in": 28800,
            "refresh_token": refresh,
            "refresh_token_expires_in": 15_897_600,
            "scope": "",
            "token_type": "bearer",
        }))
    }
}
