//! A provider that does what the test tells it to, down to the bytes. It approves sign-ins when the
//! test says so, remembers every request, and implements HTTP itself, so that it can break its
//! rules.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

use super::spawn;
use frontdesk::secret::{random_token, sha256};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Token,
    Profile,
    Permissions,
}

/// The behaviour of an endpoint in place of its work.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Status, content type, body.
    Answer(u16, &'static str, Vec<u8>),
    /// The whole response, byte for byte.
    Raw(Vec<u8>),
    /// Accepts the connection and says nothing.
    Silence,
    /// Closes the connection at once.
    Reset,
    /// Sends headers, one byte at a time, forever.
    DripHeaders,
    /// Sends headers, then nothing.
    StallAfterHeaders,
    /// Sends half a body, then closes.
    CutBody,
    /// Sends a body without end.
    Endless,
    /// Waits, then does its work.
    Late(Duration),
}

impl Reply {
    /// An explicit refusal of an access token (RFC 6750 3).
    pub fn invalid_token() -> Self {
        Self::Raw(
            b"HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Bearer realm=\"x\", error=\"invalid_token\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec(),
        )
    }

    pub fn json(status: u16, body: &Value) -> Self {
        Self::Answer(status, "application/json", body.to_string().into_bytes())
    }
}

/// Client secrets that are easy to send wrongly.
pub const ODD_SECRETS: [&str; 12] = [
    "plain",
    "per%cent",
    "co:lon",
    "pl+us",
    "sp ace",
    "sla/sh",
    "quo\"te",
    "am&per=sand",
    "密钥",
    "ünï",
    "%41",
    "~-._",
];

/// The replies that may come instead of an answer, and the status of the page that people then see.
pub fn chaos() -> Vec<(&'static str, Reply, u16)> {
    let html = |status| Reply::Answer(status, "text/html", b"<h1>x</h1>".to_vec());
    vec![
        ("500", html(500), 502),
        ("502", html(502), 502),
        (
            "503",
            Reply::Raw(b"HTTP/1.1 503 X\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n".to_vec()),
            503,
        ),
        ("429", html(429), 503),
        ("HTML", html(200), 502),
        (
            "empty",
            Reply::Answer(200, "application/json", Vec::new()),
            502,
        ),
        (
            "truncated",
            Reply::Answer(200, "application/json", b"{\"name\":".to_vec()),
            502,
        ),
        ("wrong type", Reply::json(200, &json!(7)), 502),
        ("cut", Reply::CutBody, 502),
        ("reset", Reply::Reset, 502),
        (
            "garbage",
            Reply::Raw(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()),
            502,
        ),
        (
            "loop",
            Reply::Raw(
                b"HTTP/1.1 307 X\r\nlocation: /o/token/\r\ncontent-length: 0\r\n\r\n".to_vec(),
            ),
            502,
        ),
    ]
}

/// A person on the platform.
#[derive(Clone, Debug)]
pub struct Person {
    pub profile: Value,
    pub permissions: Value,
}

impl Person {
    pub fn named(name: &str) -> Self {
        Self {
            profile: json!({"name": name, "name_cn": name, "email": format!("{}@example.com", name.len())}),
            permissions: json!([]),
        }
    }

    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.profile[field] = value.into();
        self
    }

    pub fn without(mut self, field: &str) -> Self {
        self.profile
            .as_object_mut()
            .expect("an object")
            .remove(field);
        self
    }

    pub fn may(mut self, permissions: &[&str]) -> Self {
        self.permissions = json!(permissions);
        self
    }
}

/// A request that the provider saw.
#[derive(Clone, Debug)]
pub struct Seen {
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// The id and the secret from HTTP Basic, as RFC 6749 2.3.1 encodes them.
    pub fn basic(&self) -> Option<(String, String)> {
        use base64::Engine as _;
        let pair = self.header("authorization")?.strip_prefix("Basic ")?;
        let pair = base64::engine::general_purpose::STANDARD
            .decode(pair)
            .ok()?;
        let pair = String::from_utf8(pair).ok()?;
        let (id, secret) = pair.split_once(':')?;
        let decoded = |text: &str| {
            let text = format!("x={text}");
            let (_, value) = url::form_urlencoded::parse(text.as_bytes()).next()?;
            Some(value.into_owned())
        };
        Some((decoded(id)?, decoded(secret)?))
    }

    pub fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes())
            .into_owned()
            .collect()
    }
}

#[derive(Default)]
struct State {
    grants: HashMap<String, Grant>,
    tokens: HashMap<String, Person>,
    replies: HashMap<Endpoint, Reply>,
    seen: Vec<(Endpoint, Seen)>,
    canaries: Vec<String>,
}

struct Grant {
    person: Person,
    challenge: Option<String>,
    redirect_uri: String,
}

#[derive(Clone)]
pub struct Provider {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    state: Arc<Mutex<State>>,
}

pub const CLIENT_ID: &str = "frontdesk";

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener, "http", |stream| async move { Ok(stream) })
    }

    /// Starts the provider behind TLS.
    pub async fn start_tls(acceptor: tokio_rustls::TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(listener, "https", move |stream| {
            let acceptor = acceptor.clone();
            async move { acceptor.accept(stream).await }
        })
    }

    fn on<S, F, Fut>(listener: TcpListener, scheme: &str, wrap: F) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        F: Fn(tokio::net::TcpStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<S>> + Send + 'static,
    {
        let port = listener.local_addr().expect("an address").port();
        let host = if scheme == "https" {
            "localhost"
        } else {
            "127.0.0.1"
        };
        let provider = Self {
            url: format!("{scheme}://{host}:{port}"),
            state: Arc::default(),
        };
        let served = provider.clone();
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _fast = stream.set_nodelay(true);
                let stream = wrap(stream);
                let served = served.clone();
                spawn(async move {
                    if let Ok(stream) = stream.await {
                        let _ended = served.serve(stream).await;
                    }
                });
            }
        });
        provider
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("the provider's state")
    }

    /// Makes `endpoint` do this from now on.
    pub fn on_call(&self, endpoint: Endpoint, reply: Reply) {
        self.state().replies.insert(endpoint, reply);
    }

    /// Makes all endpoints do their work again.
    pub fn behave(&self) {
        self.state().replies.clear();
    }

    /// Approves as a person at the authorize address. Returns the address that their browser is
    /// sent to.
    pub fn approve(&self, authorize_url: &str, person: &Person) -> String {
        let query = query(authorize_url);
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["client_id"], CLIENT_ID);
        let code = random_token().expect("randomness");
        let mut state = self.state();
        if state.canaries.len() < 200 {
            state.canaries.push(code.clone());
        }
        state.grants.insert(
            code.clone(),
            Grant {
                person: person.clone(),
                challenge: query.get("code_challenge").cloned(),
                redirect_uri: query["redirect_uri"].clone(),
            },
        );
        let mut back = Url::parse(&query["redirect_uri"]).expect("a redirect address");
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &query["state"]);
        back.into()
    }

    /// Refuses with an error code and these other parameters.
    #[expect(clippy::unused_self, reason = "the provider is who says it")]
    pub fn refuse(&self, authorize_url: &str, error: &str, more: &[(&str, &str)]) -> String {
        let query = query(authorize_url);
        let mut back = Url::parse(&query["redirect_uri"]).expect("a redirect address");
        back.query_pairs_mut()
            .append_pair("error", error)
            .append_pair("state", &query["state"])
            .extend_pairs(more);
        back.into()
    }

    pub fn seen(&self, endpoint: Endpoint) -> Vec<Seen> {
        self.state()
            .seen
            .iter()
            .filter(|(called, _)| *called == endpoint)
            .map(|(_, seen)| seen.clone())
            .collect()
    }

    pub fn calls(&self) -> usize {
        self.state().seen.len()
    }

    /// The codes and tokens that it has issued.
    pub fn canaries(&self) -> Vec<String> {
        self.state().canaries.clone()
    }

    /// Adds a secret of another provider, whose portal uses this one as its company's.
    pub(super) fn keep_secret(&self, canary: &str) {
        let mut state = self.state();
        if state.canaries.len() < 200 {
            state.canaries.push(canary.to_owned());
        }
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut buffer = Vec::new();
        loop {
            let Some((method, seen)) = read_request(&mut stream, &mut buffer).await? else {
                return Ok(());
            };
            let path = seen.target.split('?').next().unwrap_or_default().to_owned();
            let endpoint = match path.as_str() {
                "/o/token/" => Endpoint::Token,
                "/public-api/current_user/base_info" => Endpoint::Profile,
                "/public-api/current_user/all_permissions" => Endpoint::Permissions,
                _ => {
                    write_answer(&mut stream, 404, "text/plain", b"not here").await?;
                    continue;
                }
            };
            let reply = {
                let mut state = self.state();
                if state.seen.len() < 5000 {
                    state.seen.push((endpoint, seen.clone()));
                }
                state.replies.get(&endpoint).cloned()
            };
            match reply {
                None => {}
                Some(Reply::Late(delay)) => tokio::time::sleep(delay).await,
                Some(reply) => return misbehave(&mut stream, reply).await,
            }
            let (status, answer) = match endpoint {
                Endpoint::Token => self.token(&method, &seen),
                Endpoint::Profile => self.bearer(&seen, |person| person.profile.clone()),
                Endpoint::Permissions => self.bearer(&seen, |person| person.permissions.clone()),
            };
            let body = answer.map(|answer| answer.to_string()).unwrap_or_default();
            write_answer(&mut stream, status, "application/json", body.as_bytes()).await?;
        }
    }

    fn token(&self, method: &str, seen: &Seen) -> (u16, Option<Value>) {
        if method != "POST" {
            return (405, None);
        }
        let form = seen.form();
        let mut state = self.state();
        let Some(grant) = form.get("code").and_then(|code| state.grants.remove(code)) else {
            return (400, Some(json!({"error": "invalid_grant"})));
        };
        let verifier = form
            .get("code_verifier")
            .map(|verifier| sha256(verifier.as_bytes()));
        if grant.challenge != verifier || form.get("redirect_uri") != Some(&grant.redirect_uri) {
            return (400, Some(json!({"error": "invalid_grant"})));
        }
        let token = random_token().expect("randomness");
        if state.canaries.len() < 200 {
            state.canaries.push(token.clone());
            state.canaries.extend(form.get("code_verifier").cloned());
        }
        state.tokens.insert(token.clone(), grant.person);
        let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600});
        (200, Some(answer))
    }

    fn bearer(&self, seen: &Seen, what: impl Fn(&Person) -> Value) -> (u16, Option<Value>) {
        let token = seen
            .header("authorization")
            .and_then(|header| header.strip_prefix("Bearer "));
        match token.and_then(|token| self.state().tokens.get(token).map(what)) {
            Some(answer) => (200, Some(answer)),
            None => (403, None),
        }
    }
}

/// The query of an address, with each name once.
pub fn query(address: &str) -> HashMap<String, String> {
    let url = Url::parse(address).expect("an address");
    url.query_pairs().into_owned().collect()
}

pub(super) async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut Vec<u8>,
) -> io::Result<Option<(String, Seen)>> {
    let end = loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let method = first.next().unwrap_or_default().to_owned();
    let target = first.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().expect("a length"));
    while buffer.len() < end + 4 + length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let body = String::from_utf8_lossy(&buffer[end + 4..end + 4 + length]).into_owned();
    buffer.drain(..end + 4 + length);
    Ok(Some((
        method,
        Seen {
            target,
            headers,
            body,
        },
    )))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

pub(super) async fn write_answer(
    stream: &mut (impl AsyncWrite + Unpin),
    status: u16,
    content_type: &str,
    body: &[u8],
) -> io::Result<()> {
    let mut answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    stream.write_all(&answer).await
}

pub(super) async fn misbehave(
    stream: &mut (impl AsyncWrite + Unpin),
    reply: Reply,
) -> io::Result<()> {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    match reply {
        Reply::Answer(status, content_type, body) => {
            // An endpoint that closes the connection says so; otherwise the next call would use it.
            let content_type = format!("{content_type}\r\nconnection: close");
            write_answer(stream, status, &content_type, &body).await
        }
        Reply::Raw(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        }
        Reply::Silence => std::future::pending().await,
        Reply::Reset => Ok(()),
        Reply::DripHeaders => loop {
            stream.write_all(b"H").await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        },
        Reply::StallAfterHeaders => {
            stream.write_all(HEAD).await?;
            stream.write_all(b"content-length: 100\r\n\r\n").await?;
            std::future::pending().await
        }
        Reply::CutBody => {
            stream.write_all(HEAD).await?;
            stream
                .write_all(b"content-length: 100\r\n\r\n{\"name\":")
                .await
        }
        Reply::Endless => {
            stream.write_all(HEAD).await?;
            stream
                .write_all(b"transfer-encoding: chunked\r\n\r\n")
                .await?;
            let spaces = vec![b' '; 0x10000];
            loop {
                stream.write_all(b"10000\r\n").await?;
                stream.write_all(&spaces).await?;
                stream.write_all(b"\r\n").await?;
            }
        }
        Reply::Late(_) => unreachable!("waited already"),
    }
}
