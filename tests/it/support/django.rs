//! A company's real provider: Django with django-oauth-toolkit, in one process that all tests of a
//! run share. Also a browser that signs in and decides there as a person does.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, OnceLock};

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use url::Url;

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // Plain HTTP needs none, and a bare machine has none.
        .tls_certs_only([])
        .build()
        .expect("a client")
});

pub struct Platform {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// Holds the standard input, at whose end the platform ends: it dies with the tests.
    _process: Child,
}

impl Platform {
    /// Returns `None`, and says so, if the run has no Python with Django (`make test` has one).
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Platform> = OnceLock::new();
        let Ok(python) = std::env::var("TEST_PYTHON") else {
            super::left_out("django-oauth-toolkit");
            return None;
        };
        Some(SHARED.get_or_init(|| Self::start(&python)))
    }

    fn start(python: &str) -> Self {
        let mut process = Command::new(python)
            .arg("tests/platform/company_platform.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{python}: {error}"));
        let stdout = process.stdout.take().expect("its output");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let line: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the platform does not start; it says why above: {line}"));
        Self {
            url: line["url"].as_str().expect("an address").to_owned(),
            _process: process,
        }
    }

    /// Creates or changes a person. Fields that are left out keep their values.
    pub async fn person(&self, person: &Value) {
        self.control("people", person).await;
    }

    /// Registers a portal, or replaces its registration.
    pub async fn application(&self, application: &Value) {
        self.control("applications", application).await;
    }

    async fn control(&self, what: &str, body: &Value) {
        let response = CLIENT
            .post(format!("{}/test/{what}", self.url))
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .send()
            .await
            .expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a text");
        assert_eq!(status, StatusCode::OK, "{text}");
    }

    /// The address where a person signs out of the platform.
    pub fn logout_url(&self) -> String {
        format!("{}/accounts/logout/", self.url)
    }
}

/// A person's decision when the platform asks whether the portal may know them.
#[derive(Clone, Copy, Debug)]
pub enum Decision {
    Allow,
    Decline,
}

/// A person's browser at the platform, with its own cookie jar.
pub struct PlatformBrowser {
    platform: &'static Platform,
    cookies: BTreeMap<String, String>,
}

struct Page {
    url: Url,
    location: Option<Url>,
    html: String,
}

impl PlatformBrowser {
    pub fn new(platform: &'static Platform) -> Self {
        Self {
            platform,
            cookies: BTreeMap::new(),
        }
    }

    /// Follows a portal's authorize address to the end: logs in if the platform asks for it, and
    /// decides if it asks. Returns the callback address, or the page that leads no further.
    pub async fn log_in_and_decide(
        &mut self,
        authorize_url: &str,
        username: &str,
        password: &str,
        decision: Decision,
    ) -> Result<String, String> {
        let callback = parameter(authorize_url, "redirect_uri");
        let mut has_tried_to_log_in = false;
        let mut page = self.get(authorize_url).await;
        // The login page, the consent page and the portal need far fewer steps than this.
        for _ in 0..10 {
            page = if let Some(location) = page.location.take() {
                if location.as_str().starts_with(&callback) {
                    return Ok(location.into());
                }
                self.get(location.as_str()).await
            } else if page.has_field("password") && !has_tried_to_log_in {
                has_tried_to_log_in = true;
                let fields = [("username", username), ("password", password)];
                self.submit(&page, &fields).await
            } else if page.has_field("allow") {
                match decision {
                    Decision::Allow => self.submit(&page, &[("allow", "Authorize")]).await,
                    Decision::Decline => self.submit(&page, &[]).await,
                }
            } else {
                break;
            };
        }
        Err(page.html)
    }

    /// Signs out of the platform.
    pub async fn log_out(&mut self) {
        let url = self.platform.logout_url();
        self.get(&url).await;
    }

    async fn get(&mut self, url: &str) -> Page {
        let url = Url::parse(url).expect("an address");
        self.load(url.clone(), CLIENT.get(url)).await
    }

    /// Submits the form of a page at its address, with these fields filled in.
    async fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let mut form = page.hidden_fields();
        for (name, value) in fields {
            form.push(((*name).to_owned(), (*value).to_owned()));
        }
        let request = CLIENT.post(page.url.clone()).form(&form);
        self.load(page.url.clone(), request).await
    }

    async fn load(&mut self, url: Url, request: RequestBuilder) -> Page {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ");
        let response = request
            .header(COOKIE, cookies)
            .send()
            .await
            .expect("an answer");
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("a cookie in ASCII");
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            if attributes.contains("Max-Age=0") {
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
    /// The inside of each `<input …>`.
    fn inputs(&self) -> impl Iterator<Item = &str> {
        self.html
            .split("<input")
            .skip(1)
            .map(|rest| rest.split('>').next().unwrap_or_default())
    }

    fn has_field(&self, name: &str) -> bool {
        self.inputs()
            .any(|input| attribute(input, "name").is_some_and(|given| given == name))
    }

    fn hidden_fields(&self) -> Vec<(String, String)> {
        self.inputs()
            .filter(|input| attribute(input, "type").is_some_and(|kind| kind == "hidden"))
            .filter_map(|input| {
                let value = attribute(input, "value").unwrap_or_default();
                Some((attribute(input, "name")?, value))
            })
            .collect()
    }
}

/// An attribute of a tag, from the tag's inside.
pub(super) fn attribute(input: &str, name: &str) -> Option<String> {
    let opening = format!(" {name}=\"");
    let (_, rest) = input.split_once(opening.as_str())?;
    Some(unescape(rest.split('"').next()?))
}

/// Reverts the escaping of Django.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}

/// A parameter in the query of an address.
pub fn parameter(address: &str, name: &str) -> String {
    let url = Url::parse(address).expect("an address");
    url.query_pairs()
        .find(|(given, _)| given == name)
        .unwrap_or_else(|| panic!("no {name} in {address}"))
        .1
        .into_owned()
}
