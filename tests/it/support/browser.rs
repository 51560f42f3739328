//! A browser without a screen: it has its own cookie jar, and follows no redirect unless told to.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode};

use super::portal::Portal;
use super::provider::{Person, Provider};
use super::recorder::{self, Expectation};

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // Nothing here speaks TLS, and a bare machine has no certificate authorities.
        .tls_certs_only([])
        // This is sooner than the server, which closes idle connections after five seconds.
        .pool_idle_timeout(Duration::from_secs(1))
        .build()
        .expect("a client")
});

#[derive(Clone)]
pub struct Browser {
    url: String,
    is_https: bool,
    provider: Provider,
    secrets: Vec<String>,
    /// Clones share it, like the tabs of one browser.
    pub cookies: Arc<Mutex<BTreeMap<String, String>>>,
    pub language: String,
    /// True if each answer is recorded. A load test has recorded enough already.
    pub is_recorded: bool,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// An answer without any content.
    #[cfg(feature = "failpoints")]
    pub fn empty() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            headers: HeaderMap::new(),
            body: String::new(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// The person whose page this is.
    pub fn user(&self) -> Option<String> {
        let (_, rest) = self.body.split_once("data-user=\"")?;
        Some(unescape(rest.split('"').next()?))
    }

    pub fn csrf_token(&self) -> String {
        let (_, rest) = self
            .body
            .split_once("name=\"csrf_token\" value=\"")
            .unwrap_or_else(|| panic!("no form on the page: {}", self.body));
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    pub fn reference(&self) -> String {
        let (_, rest) = self.body.split_once("class=\"ref\"").expect("a reference");
        let (_, rest) = rest.split_once("<dd>").expect("a reference");
        rest.split('<').next().unwrap_or_default().to_owned()
    }

    pub fn set_cookies(&self) -> Vec<String> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().unwrap_or_default().to_owned())
            .collect()
    }

    pub fn sets_session(&self) -> bool {
        self.set_cookies()
            .iter()
            .any(|cookie| cookie.contains("fd_session="))
    }
}

fn unescape(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

impl Browser {
    pub fn new(portal: &Portal) -> Self {
        Self {
            url: portal.url.clone(),
            is_https: portal.is_https,
            provider: portal.provider.clone(),
            secrets: portal.secrets(),
            cookies: Arc::default(),
            language: "en".to_owned(),
            is_recorded: true,
        }
    }

    /// The same cookie jar at another instance.
    pub fn at(&self, portal: &Portal) -> Self {
        Self {
            url: portal.url.clone(),
            ..self.clone()
        }
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().get(name).cloned()
    }

    pub fn set_cookie(&self, name: &str, value: &str) {
        self.jar().insert(name.to_owned(), value.to_owned());
    }

    pub fn forget(&self, name: &str) {
        self.jar().remove(name);
    }

    pub fn session_cookie(&self) -> Option<String> {
        self.cookie("fd_session")
    }

    fn jar(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().expect("the jar")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::GET, path, headers, None).await
    }

    /// Posts a form as our own page would, with the token of `page`.
    pub async fn post(&self, path: &str, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        self.post_with(path, page, fields, &[]).await
    }

    pub async fn post_with(
        &self,
        path: &str,
        page: &Answer,
        fields: &[(&str, &str)],
        more: &[(&str, &str)],
    ) -> Answer {
        let token = page.csrf_token();
        let mut all = vec![("csrf_token", token.as_str())];
        all.extend_from_slice(fields);
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(all)
            .finish();
        let origin = self.origin();
        let mut headers = vec![
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "navigate"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        headers.extend_from_slice(more);
        self.send(Method::POST, path, &headers, Some(body)).await
    }

    /// Posts a form with a file as our own page would, with the token of `page`.
    pub async fn post_file(&self, path: &str, page: &Answer, file: &[u8]) -> Answer {
        let start = format!(
            "--x\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n{}\r\n\
             --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"icon.png\"\r\n\
             Content-Type: image/png\r\n\r\n",
            page.csrf_token()
        );
        let body = [start.as_bytes(), file, b"\r\n--x--\r\n"].concat();
        let origin = self.origin();
        let headers = [
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "multipart/form-data; boundary=x"),
        ];
        self.send_bytes(Method::POST, path, &headers, Some(body))
            .await
    }

    pub fn origin(&self) -> String {
        if self.is_https {
            "https://desk.example.com".to_owned()
        } else {
            self.url.clone()
        }
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let body = body.map(String::into_bytes);
        self.send_bytes(method, path, headers, body).await
    }

    pub async fn send_bytes(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Answer {
        // Whatever origin an address names, this browser stays at its portal.
        let path = match url::Url::parse(path) {
            Ok(url) => url[url::Position::BeforePath..].to_owned(),
            Err(_) => path.to_owned(),
        };
        let mut all = HeaderMap::new();
        all.insert("accept", HeaderValue::from_static("text/html,*/*"));
        all.insert(
            "accept-language",
            HeaderValue::from_str(&self.language).expect("a language"),
        );
        all.insert(
            "user-agent",
            HeaderValue::from_static("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
        );
        let cookies = self
            .jar()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ");
        if !cookies.is_empty() {
            all.insert(
                "cookie",
                HeaderValue::from_bytes(cookies.as_bytes()).expect("cookies"),
            );
        }
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            all.insert(
                name,
                HeaderValue::from_bytes(value.as_bytes()).expect("a header"),
            );
        }
        let request = CLIENT
            .request(method, format!("{}{path}", self.url))
            .headers(all);
        let request = match body {
            Some(body) => request.body(body),
            None => request,
        };
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let headers = response.headers().clone();
        let bytes = response.bytes().await.expect("a body");
        if self.is_recorded {
            let mut canaries = self.provider.canaries();
            canaries.extend(
                self.secrets
                    .iter()
                    .filter(|secret| !secret.is_empty())
                    .cloned(),
            );
            recorder::check(
                &path,
                status,
                &headers,
                &bytes,
                &Expectation {
                    is_https: self.is_https,
                    canaries: &canaries,
                },
            );
        }
        let answer = Answer {
            status,
            headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        };
        self.keep_cookies(&answer);
        answer
    }

    fn keep_cookies(&self, answer: &Answer) {
        let mut jar = self.jar();
        for cookie in answer.set_cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((&cookie, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            if attributes.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Begins a sign-in. Returns the authorize address at the provider.
    pub async fn begin(&self, next: &str) -> String {
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let answer = self.get(&format!("/oauth2/login?next={next}")).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.location().to_owned()
    }

    /// Signs in completely: begins, approves at the provider, comes back. Returns the callback's
    /// answer.
    pub async fn sign_in(&self, person: &Person, next: &str) -> Answer {
        let authorize_url = self.begin(next).await;
        let callback = self.provider.approve(&authorize_url, person);
        self.get(&callback).await
    }
}
