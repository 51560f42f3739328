//! A real `OpenID` provider that someone else wrote: oidc-provider for Node, in one process that
//! all tests of a run share, or in a test's own. Also a browser that signs in and out there as a
//! person does.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::django::attribute;

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // Plain HTTP needs none, and a bare machine has none.
        .tls_certs_only([])
        // This is sooner than the provider, which closes idle connections after two minutes.
        .pool_idle_timeout(Duration::from_secs(60))
        .build()
        .expect("a client")
});

pub struct Oidc {
    /// `http://127.0.0.1:PORT`: the issuer.
    pub url: String,
    /// Holds the standard input, at whose end the provider ends: it dies with the tests.
    process: Child,
}

/// A request that the provider received.
#[derive(Clone, Debug, Deserialize)]
pub struct Asked {
    /// `discovery`, `jwks`, `authorization`, `pushed_authorization_request`, `token`, `userinfo`,
    /// `revocation`, `end_session`…; `None` if the connection was reset.
    pub route: Option<String>,
    pub status: Option<u16>,
    /// The client's id, if the endpoint knows one; discovery and the keys do not.
    pub client_id: Option<String>,
    /// `basic`, `post`, `private_key_jwt`, or `none` for the client's id alone.
    pub client_auth: Option<String>,
    pub grant_type: Option<String>,
}

impl Asked {
    pub fn is(&self, route: &str) -> bool {
        self.route.as_deref() == Some(route)
    }

    pub fn is_reset(&self) -> bool {
        self.route.is_none() && self.status.is_none()
    }
}

impl Oidc {
    /// Returns `None`, and says so, if the run has no oidc-provider (`make test` has one).
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Oidc> = OnceLock::new();
        if !Self::is_there() {
            return None;
        }
        Some(SHARED.get_or_init(Self::run))
    }

    /// Starts a provider for one test, for outages, new keys, and counts of requests without a
    /// client.
    pub fn start() -> Option<Self> {
        Self::is_there().then(Self::run)
    }

    fn is_there() -> bool {
        let is_there = std::env::var("TEST_OIDC").is_ok();
        if !is_there {
            super::left_out("oidc-provider");
        }
        is_there
    }

    fn run() -> Self {
        let mut process = Command::new("node")
            .arg("tests/oidc/provider.mjs")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("node: {error}"));
        let stdout = process.stdout.take().expect("its output");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let line: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the provider does not start; it says why above: {line}"));
        Self {
            url: line["url"].as_str().expect("an address").to_owned(),
            process,
        }
    }

    /// Registers a portal, or replaces its registration, with client metadata as in RFC 7591.
    pub async fn client(&self, metadata: &Value) {
        self.tell("clients", metadata).await;
    }

    /// Creates or changes a person, and returns their subject. Fields that are left out keep their
    /// values.
    pub async fn person(&self, person: &Value) -> String {
        let answer = self.tell("people", person).await;
        answer["sub"].as_str().expect("a subject").to_owned()
    }

    /// Resets each connection while it is on.
    pub async fn outage(&self, on: bool) {
        self.tell("outage", &json!({"on": on})).await;
    }

    /// Signs with new keys from now on. The old ones stay in the key set if `keep` is true.
    pub async fn rotate_keys(&self, keep: bool) {
        self.tell("rotate-keys", &json!({"keep": keep})).await;
    }

    /// Ends each of a person's sessions at the provider, which notifies their portals.
    pub async fn log_out(&self, username: &str) {
        let answer = self.tell("logout", &json!({"username": username})).await;
        let failed = answer["failed"].as_array().expect("a list");
        assert!(
            failed.is_empty(),
            "not every portal could be told: {failed:?}"
        );
    }

    /// The times at which each person's tokens were refreshed, in milliseconds, by username.
    /// Refused refreshes are included.
    pub async fn refreshes(&self) -> HashMap<String, Vec<i64>> {
        let answer = self.control(Method::GET, "refreshes", &Value::Null).await;
        serde_json::from_value(answer).expect("times by username")
    }

    pub async fn reset_refreshes(&self) {
        self.tell("refreshes/reset", &json!({})).await;
    }

    /// All requests in the order of the answers, except the tests' own and the sign-in form.
    pub async fn seen(&self) -> Vec<Asked> {
        let answer = self.control(Method::GET, "seen", &Value::Null).await;
        serde_json::from_value(answer).expect("requests")
    }

    /// The requests of one portal.
    pub async fn seen_of(&self, client_id: &str) -> Vec<Asked> {
        let mut seen = self.seen().await;
        seen.retain(|asked| asked.client_id.as_deref() == Some(client_id));
        seen
    }

    pub async fn reset_seen(&self) {
        self.tell("seen/reset", &json!({})).await;
    }

    /// The address where a person signs out of the provider itself.
    pub fn end_session_url(&self) -> String {
        format!("{}/session/end", self.url)
    }

    async fn tell(&self, what: &str, body: &Value) -> Value {
        self.control(Method::POST, what, body).await
    }

    async fn control(&self, method: Method, what: &str, body: &Value) -> Value {
        let mut request = CLIENT.request(method, format!("{}/test/{what}", self.url));
        if !body.is_null() {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a text");
        assert_eq!(status, StatusCode::OK, "{what}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }
}

impl Drop for Oidc {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// A person's browser at the provider, with its own cookie jar.
#[derive(Default)]
pub struct OidcBrowser {
    cookies: BTreeMap<String, String>,
    /// The person who is signed in without a form, if a test has no time for one.
    hurried: Option<String>,
}

struct Page {
    url: Url,
    location: Option<Url>,
    html: String,
}

impl OidcBrowser {
    pub fn new() -> Self {
        Self::default()
    }

    /// A browser that signs in by redirects alone.
    pub fn hurried() -> Self {
        Self {
            hurried: Some(String::new()),
            ..Self::default()
        }
    }

    /// Follows a portal's authorize address to the end, and signs in if the provider asks. Returns
    /// the address that leads back, or the page that leads no further.
    pub async fn sign_in(&mut self, authorize_url: &str, username: &str) -> Result<String, String> {
        if let Some(hurried) = &mut self.hurried {
            *hurried = utf8_percent_encode(username, NON_ALPHANUMERIC).to_string();
        }
        self.walk(authorize_url, Some(username)).await
    }

    /// Signs out at the provider, and confirms when it asks. Returns the address that leads back,
    /// or the page where it ends.
    pub async fn end_session(&mut self, url: &str) -> String {
        match self.walk(url, None).await {
            Ok(address) => address,
            Err(page) => page,
        }
    }

    /// Follows redirects and forms until an address leads away from the provider.
    async fn walk(&mut self, url: &str, username: Option<&str>) -> Result<String, String> {
        let home = Url::parse(url).expect("an address").origin();
        let mut username = username;
        let mut page = self.get(url).await;
        // The provider needs far fewer steps, even if another person's session is ended on the way.
        for _ in 0..15 {
            page = if let Some(location) = page.location.take() {
                if location.origin() != home {
                    return Ok(location.into());
                }
                self.get(location.as_str()).await
            } else if page.has_field("xsrf") {
                self.submit(&page, ("logout", "yes")).await
            } else if page.has_field("username")
                && let Some(username) = username.take()
            {
                self.submit(&page, ("username", username)).await
            } else {
                break;
            };
        }
        Err(page.html)
    }

    async fn get(&mut self, url: &str) -> Page {
        let url = Url::parse(url).expect("an address");
        self.load(url.clone(), CLIENT.get(url)).await
    }

    /// Submits the form of a page, with this field filled in.
    async fn submit(&mut self, page: &Page, (name, value): (&str, &str)) -> Page {
        let mut form = page.hidden_fields();
        // The provider's own page may contain the field already, and it accepts no field twice.
        form.retain(|(given, _)| given != name);
        form.push((name.to_owned(), value.to_owned()));
        let url = page.action();
        self.load(url.clone(), CLIENT.post(url).form(&form)).await
    }

    async fn load(&mut self, url: Url, mut request: RequestBuilder) -> Page {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ");
        if let Some(username) = &self.hurried {
            request = request.header("x-test-user", username);
        }
        let response = request
            .header(COOKIE, cookies)
            .send()
            .await
            .expect("an answer");
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("a cookie in ASCII");
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            if attributes.contains("01 Jan 1970") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = response.headers().get(LOCATION).map(|location| {
            let location = location.to_str().expect("an address in ASCII");
            url.join(location).expect("an address")
        });
        let html = response.text().await.expect("a text");
        Page {
            url,
            location,
            html,
        }
    }
}

impl Page {
    /// The inside of each `<NAME …>`.
    fn tags(&self, name: &str) -> impl Iterator<Item = &str> {
        self.html
            .split(name)
            .skip(1)
            .map(|rest| rest.split('>').next().unwrap_or_default())
    }

    fn has_field(&self, name: &str) -> bool {
        self.tags("<input")
            .any(|input| attribute(input, "name").is_some_and(|given| given == name))
    }

    fn hidden_fields(&self) -> Vec<(String, String)> {
        self.tags("<input")
            .filter(|input| attribute(input, "type").is_some_and(|kind| kind == "hidden"))
            .filter_map(|input| {
                let value = attribute(input, "value").unwrap_or_default();
                Some((attribute(input, "name")?, value))
            })
            .collect()
    }

    /// The address of its form: the page itself, if the form names none.
    fn action(&self) -> Url {
        let action = self
            .tags("<form")
            .find_map(|form| attribute(form, "action"));
        match action {
            Some(action) => self.url.join(&action).expect("an address"),
            None => self.url.clone(),
        }
    }
}
