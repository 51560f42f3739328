//! Chromium itself, without a screen, driven by chromedriver as the W3C standard says.

use std::env;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{process, until};

const DRIVER: &str = "chromedriver";
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// The name of an element in the standard's JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys, as the standard writes them.
pub const TAB: char = '\u{e004}';
pub const ENTER: char = '\u{e007}';
pub const HOME: char = '\u{e011}';
pub const DOWN: char = '\u{e015}';

/// The screen on which a page is shown.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
    /// `prefers-color-scheme`
    pub is_dark: bool,
}

impl Screen {
    pub const DESKTOP: Self = Self {
        width: 1360,
        height: 900,
        is_dark: false,
    };
    /// The narrowest screen that pages must fit.
    pub const NARROW: Self = Self {
        width: 320,
        height: 640,
        is_dark: false,
    };
    pub const WIDE: Self = Self {
        width: 1920,
        height: 1080,
        is_dark: false,
    };
    pub const PHONE: Self = Self {
        width: 390,
        height: 844,
        is_dark: false,
    };

    pub const fn dark(self) -> Self {
        Self {
            is_dark: true,
            ..self
        }
    }
}

/// A chromedriver, on a port that it chose.
struct Driver {
    process: Child,
    port: u16,
    /// Kept open, because chromedriver may print more.
    _output: BufReader<ChildStdout>,
}

impl Driver {
    /// Starts chromedriver. The port that it finds free for IPv4 may be taken for IPv6; it then
    /// ends at once.
    fn start() -> Self {
        (0..10)
            .find_map(|_| Self::try_start())
            .expect("chromedriver starts")
    }

    fn try_start() -> Option<Self> {
        let mut process = Command::new(program(DRIVER).expect("chromedriver"))
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let port: u16 = loop {
            let mut line = String::new();
            if output.read_line(&mut line).expect("its output") == 0 {
                let _ended = process.wait();
                return None;
            }
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port
                    .trim_end()
                    .trim_end_matches('.')
                    .parse()
                    .expect("a port");
            }
        };
        Some(Self {
            process,
            port,
            _output: output,
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// A browser with its own profile. It ends when dropped.
pub struct Chromium {
    driver: Driver,
    client: Client,
    /// `/session/ID`
    session: String,
    /// The browser's own process.
    process_id: Option<u64>,
    _profile: TempDir,
}

impl Drop for Chromium {
    /// Ends the browser too: killing chromedriver alone would leave it behind.
    fn drop(&mut self) {
        if self.end_session().is_err()
            && let Some(id) = self.process_id
        {
            let _killed = Command::new("kill")
                .arg("-KILL")
                .arg(id.to_string())
                .status();
        }
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn browser_program() -> Option<PathBuf> {
    BROWSERS.iter().find_map(|name| program(name))
}

/// Returns the answer's value, or the error that it reports.
async fn send(client: &Client, method: Method, url: &str, body: &Value) -> Result<Value, Value> {
    let mut request = client.request(method.clone(), url);
    if method == Method::POST {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    let response = request.send().await.expect("chromedriver answers");
    let is_success = response.status().is_success();
    let bytes = response.bytes().await.expect("a body");
    let mut answer: Value = serde_json::from_slice(&bytes).expect("JSON");
    let value = answer["value"].take();
    if is_success { Ok(value) } else { Err(value) }
}

fn text_of(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
        .to_owned()
}

impl Chromium {
    /// Returns whether it is installed. If it is not, says so, and fails if all tests must run.
    pub fn available() -> bool {
        let is_installed = program(DRIVER).is_some() && browser_program().is_some();
        if !is_installed {
            super::left_out("Chromium and chromedriver");
        }
        is_installed
    }

    /// Starts a new browser for a person who reads `languages` (`zh-CN,zh`, the best first).
    pub async fn start(languages: &str, screen: Screen) -> Self {
        let driver = Driver::start();
        let profile = tempfile::tempdir().expect("a temporary folder");
        let language = languages.split(',').next().unwrap_or_default();
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--force-prefers-reduced-motion",
            "--no-first-run",
            "--no-proxy-server",
            "--hide-scrollbars",
            &format!("--lang={language}"),
            &format!("--window-size={},{}", screen.width, screen.height),
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {
                "binary": browser_program().expect("Chromium"),
                "args": arguments,
                "prefs": {"intl.accept_languages": languages},
            },
        }}});
        let url = format!("http://127.0.0.1:{}/session", driver.port);
        let client = process::client();
        let begun = send(&client, Method::POST, &url, &wanted)
            .await
            .unwrap_or_else(|error| panic!("Chromium does not start: {error}"));
        let chromium = Self {
            session: format!("/session/{}", text_of(&begun["sessionId"])),
            process_id: begun["capabilities"]["goog:processID"].as_u64(),
            driver,
            client,
            _profile: profile,
        };
        chromium.look(screen).await;
        chromium
    }

    /// Ends the browser. This blocks, so that it can be done while dropping.
    fn end_session(&self) -> io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.driver.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let request = format!(
            "DELETE {} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
            self.session
        );
        stream.write_all(request.as_bytes())?;
        // The answer comes when the browser has ended.
        stream.read_exact(&mut [0; 12])
    }

    async fn command(&self, method: Method, path: &str, body: &Value) -> Result<Value, Value> {
        let url = format!(
            "http://127.0.0.1:{}{}{path}",
            self.driver.port, self.session
        );
        send(&self.client, method, &url, body).await
    }

    async fn get(&self, path: &str) -> Value {
        self.command(Method::GET, path, &Value::Null)
            .await
            .unwrap_or_else(|error| panic!("{path}: {}", error["message"]))
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.command(Method::POST, path, &body)
            .await
            .unwrap_or_else(|error| panic!("{path} {body}: {}", error["message"]))
    }

    /// Sends a command of Chromium's own protocol.
    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post(
            "/goog/cdp/execute",
            json!({"cmd": command, "params": parameters}),
        )
        .await
    }

    /// Gives the tab this screen from now on.
    pub async fn look(&self, screen: Screen) {
        let Screen {
            width,
            height,
            is_dark,
        } = screen;
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// Opens an address, and waits until the page has loaded.
    pub async fn goto(&self, url: &str) {
        self.post("/url", json!({"url": url})).await;
    }

    pub async fn back(&self) {
        self.post("/back", json!({})).await;
    }

    pub async fn reload(&self) {
        self.post("/refresh", json!({})).await;
    }

    pub async fn url(&self) -> String {
        text_of(&self.get("/url").await)
    }

    pub async fn title(&self) -> String {
        text_of(&self.get("/title").await)
    }

    async fn element(&self, css: &str) -> String {
        let wanted = json!({"using": "css selector", "value": css});
        text_of(&self.post("/element", wanted).await[ELEMENT])
    }

    /// The number of matching elements.
    pub async fn count(&self, css: &str) -> usize {
        let wanted = json!({"using": "css selector", "value": css});
        self.post("/elements", wanted)
            .await
            .as_array()
            .map_or(0, Vec::len)
    }

    /// The text that a person reads in an element.
    pub async fn text(&self, css: &str) -> String {
        let element = self.element(css).await;
        text_of(&self.get(&format!("/element/{element}/text")).await)
    }

    /// Clicks on something that does not lead to another page.
    pub async fn click(&self, css: &str) {
        let element = self.element(css).await;
        self.post(&format!("/element/{element}/click"), json!({}))
            .await;
    }

    /// Clicks, and waits for the page that it leads to.
    pub async fn follow(&self, css: &str) {
        self.leave_by(self.click(css)).await;
    }

    /// Does something, and waits until it has led to another page.
    pub async fn leave_by(&self, action: impl Future<Output = ()>) {
        let old_page = format!("/element/{}/name", self.element("html").await);
        action.await;
        until("another page is there", async || {
            self.command(Method::GET, &old_page, &Value::Null)
                .await
                .is_err()
        })
        .await;
    }

    pub async fn double_click(&self, css: &str) {
        let element = self.element(css).await;
        let (down, up) = (
            json!({"type": "pointerDown", "button": 0}),
            json!({"type": "pointerUp", "button": 0}),
        );
        let origin = json!({ELEMENT: element});
        let there = json!({"type": "pointerMove", "duration": 0, "origin": origin, "x": 0, "y": 0});
        self.act(json!({
            "type": "pointer",
            "id": "mouse",
            "parameters": {"pointerType": "mouse"},
            "actions": [there, down, up, down, up],
        }))
        .await;
    }

    pub async fn press(&self, key: char) {
        self.act(json!({
            "type": "key",
            "id": "keyboard",
            "actions": [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}],
        }))
        .await;
    }

    /// Presses one key after the other, wherever the focus is.
    pub async fn type_keys(&self, text: &str) {
        for key in text.chars() {
            self.press(key).await;
        }
    }

    /// Shows this text in the focused field as what an input method is still working on.
    pub async fn compose(&self, text: &str) {
        let end = text.encode_utf16().count();
        let composition = json!({"text": text, "selectionStart": end, "selectionEnd": end});
        self.devtools("Input.imeSetComposition", composition).await;
    }

    /// Presses the Enter that an input method takes for itself, which then writes this text.
    pub async fn end_composition(&self, text: &str) {
        let key = |kind: &str| {
            json!({
                "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229,
            })
        };
        self.devtools("Input.dispatchKeyEvent", key("rawKeyDown"))
            .await;
        self.devtools("Input.insertText", json!({"text": text}))
            .await;
        self.devtools("Input.dispatchKeyEvent", key("keyUp")).await;
    }

    async fn act(&self, source: Value) {
        self.post("/actions", json!({"actions": [source]})).await;
    }

    /// Runs the body of a function in the page, which itself has no script.
    pub async fn execute(&self, script: &str, arguments: Value) -> Value {
        self.post(
            "/execute/sync",
            json!({"script": script, "args": arguments}),
        )
        .await
    }

    /// Runs a body that calls its last argument with the result.
    pub async fn execute_async(&self, script: &str, arguments: Value) -> Value {
        self.post(
            "/execute/async",
            json!({"script": script, "args": arguments}),
        )
        .await
    }

    /// Runs no scripts in pages from now on, as if they were switched off.
    pub async fn disable_script(&self) {
        self.devtools(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": true}),
        )
        .await;
    }

    /// Runs scripts again. What the page would have run while it loaded is not made up for.
    pub async fn enable_script(&self) {
        self.devtools(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": false}),
        )
        .await;
    }

    /// Makes each request say from now on that it comes from this address.
    pub async fn come_from(&self, address: &str) {
        self.devtools("Network.enable", json!({})).await;
        let headers = json!({"headers": {"X-Forwarded-For": address}});
        self.devtools("Network.setExtraHTTPHeaders", headers).await;
    }

    /// Shows pages from now on as they look on paper.
    pub async fn print_media(&self) {
        self.devtools("Emulation.setEmulatedMedia", json!({"media": "print"}))
            .await;
    }

    /// Types into a field.
    pub async fn type_into(&self, css: &str, text: &str) {
        let element = self.element(css).await;
        self.post(&format!("/element/{element}/value"), json!({"text": text}))
            .await;
    }

    /// The text of an open alert.
    pub async fn alert(&self) -> Option<String> {
        let text = self.command(Method::GET, "/alert/text", &Value::Null).await;
        text.ok().map(|text| text_of(&text))
    }

    /// The messages that pages wrote to the console since the last call, including breaches of
    /// their policy.
    pub async fn logs(&self) -> Vec<String> {
        let entries = self.post("/se/log", json!({"type": "browser"})).await;
        entries
            .as_array()
            .expect("a list")
            .iter()
            .map(|entry| text_of(&entry["message"]))
            // This is the browser's own first page.
            .filter(|message| !message.starts_with("chrome://"))
            .collect()
    }

    /// The names and values of the cookies for the page's address.
    pub async fn cookies(&self) -> Vec<(String, String)> {
        let cookies = self.get("/cookie").await;
        cookies
            .as_array()
            .expect("a list")
            .iter()
            .map(|cookie| (text_of(&cookie["name"]), text_of(&cookie["value"])))
            .collect()
    }

    pub async fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.cookies().await;
        cookies
            .into_iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value)
    }

    /// Adds a cookie of the page's host, like those that the portal sets.
    pub async fn add_cookie(&self, name: &str, value: &str) {
        let cookie = json!({
            "name": name, "value": value, "path": "/", "httpOnly": true, "sameSite": "Lax",
        });
        self.post("/cookie", json!({"cookie": cookie})).await;
    }

    /// Opens a tab, and goes there.
    pub async fn new_tab(&self) -> String {
        let tab = self.post("/window/new", json!({"type": "tab"})).await;
        let handle = text_of(&tab["handle"]);
        self.switch_to(&handle).await;
        handle
    }

    /// The tabs that are open.
    pub async fn tabs(&self) -> Vec<String> {
        let handles = self.get("/window/handles").await;
        let handles = handles.as_array().expect("a list");
        handles.iter().map(text_of).collect()
    }

    pub async fn switch_to(&self, tab: &str) {
        self.post("/window", json!({"handle": tab})).await;
    }

    /// Enters a frame of the page.
    pub async fn enter_frame(&self, index: usize) {
        self.post("/frame", json!({"id": index})).await;
    }

    /// Takes a picture of the whole page, including what is below the screen.
    pub async fn screenshot(&self, file: &Path) {
        let page = self.devtools("Page.getLayoutMetrics", json!({})).await["cssContentSize"].take();
        let clip = json!({
            "x": 0, "y": 0, "width": page["width"], "height": page["height"], "scale": 1,
        });
        let wanted = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        self.capture(file, wanted).await;
    }

    /// Takes a picture of the visible part of the page.
    pub async fn screenshot_of_the_top(&self, file: &Path) {
        self.capture(file, json!({"format": "png"})).await;
    }

    async fn capture(&self, file: &Path, wanted: Value) {
        let picture = self.devtools("Page.captureScreenshot", wanted).await;
        let bytes = STANDARD.decode(text_of(&picture["data"])).expect("base64");
        std::fs::write(file, bytes).expect("a picture");
    }
}
