//! A receiver of webhooks that answers as the test tells it to and remembers every call.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{spawn, until};

/// Signs as a receiver does, to compare.
pub fn signature(secret: &str, id: &str, at: &str, body: &str) -> String {
    use aws_lc_rs::hmac;
    let standard = base64::engine::general_purpose::STANDARD;
    let encoded = secret.strip_prefix("whsec_").expect("a prefix");
    let key = standard.decode(encoded).expect("base64");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let signed = hmac::sign(&key, format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", standard.encode(signed))
}

/// What a call gets.
#[derive(Clone, Debug)]
pub enum Says {
    /// Status, further header lines, body.
    Answer(u16, &'static str, &'static str),
    /// Nothing, for as long as anybody waits.
    Nothing,
}

impl Says {
    pub const FINE: Self = Self::Answer(200, "", "");

    pub const fn status(status: u16) -> Self {
        Self::Answer(status, "", "")
    }

    /// A robot's answer.
    pub const fn body(body: &'static str) -> Self {
        Self::Answer(200, "", body)
    }
}

/// One call, as it came.
#[derive(Clone, Debug)]
pub struct Call {
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub at: Instant,
}

impl Call {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// What is told, whatever the kind of the receiver.
    pub fn text(&self) -> String {
        let json = self.json();
        [
            "/data/text",
            "/content/text",
            "/text/content",
            "/blocks/0/text/text",
        ]
        .into_iter()
        .find_map(|pointer| json.pointer(pointer)?.as_str())
        .expect("a text")
        .to_owned()
    }
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    script: VecDeque<Says>,
    about: Option<(&'static str, Says)>,
    otherwise: Option<Says>,
}

#[derive(Clone, Debug)]
pub struct Receiver {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// Starts a receiver that is content with everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let receiver = Self {
            url,
            state: Arc::default(),
        };
        let shared = receiver.clone();
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                spawn(async move { shared.serve(stream).await });
            }
        });
        receiver
    }

    /// Answers so from now on.
    pub fn always(&self, says: Says) {
        self.state.lock().expect("the state").otherwise = Some(says);
    }

    /// Answers the next call so.
    pub fn next(&self, says: Says) {
        self.state.lock().expect("the state").script.push_back(says);
    }

    /// Answers so whenever a call is about this.
    pub fn whenever_about(&self, text: &'static str, says: Says) {
        self.state.lock().expect("the state").about = Some((text, says));
    }

    pub fn calls(&self) -> Vec<Call> {
        self.state.lock().expect("the state").calls.clone()
    }

    pub fn texts(&self) -> Vec<String> {
        self.calls().iter().map(Call::text).collect()
    }

    /// Waits for this many calls, and returns them.
    pub async fn wait_for(&self, count: usize) -> Vec<Call> {
        until(&format!("there were {count} calls"), async || {
            self.calls().len() >= count
        })
        .await;
        self.calls()
    }

    async fn serve(&self, mut stream: TcpStream) {
        let Some(call) = read(&mut stream).await else {
            return;
        };
        let says = {
            let mut state = self.state.lock().expect("the state");
            let about = state.about.clone();
            let about = about.filter(|(text, _)| call.body.contains(text));
            state.calls.push(call);
            let scripted = about.map(|(_, says)| says);
            let scripted = scripted.or_else(|| state.script.pop_front());
            scripted
                .or_else(|| state.otherwise.clone())
                .unwrap_or(Says::FINE)
        };
        match says {
            Says::Nothing => tokio::time::sleep(Duration::from_secs(60)).await,
            Says::Answer(status, headers, body) => {
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                let _gone = stream.write_all(answer.as_bytes()).await;
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Call> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let target = lines.next()?.split(' ').nth(1)?.to_owned();
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a length"));
            if body.len() >= length {
                let body = body.to_owned();
                return Some(Call {
                    target,
                    headers,
                    body,
                    at: Instant::now(),
                });
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
        // The beginning of TLS, which this is not.
        if bytes.first() == Some(&0x16) {
            let _gone = stream.write_all(b"HTTP/1.1 400 X\r\n\r\n").await;
            return None;
        }
    }
}
