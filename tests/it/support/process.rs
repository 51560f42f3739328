//! The real program in its own process, which tests can kill, signal and starve.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use super::database::Database;
use super::provider::{CLIENT_ID, Provider};
use super::until;

/// Settings for a portal on `port`, as an operator would write them.
pub fn settings(port: u16, provider: &Provider, database: &Database) -> BTreeMap<String, String> {
    [
        ("OAUTH2_CLIENT_ID", CLIENT_ID.to_owned()),
        (
            "OAUTH2_CLIENT_SECRET",
            "a secret of the provider".to_owned(),
        ),
        (
            "OAUTH2_REDIRECT_URL",
            format!("http://127.0.0.1:{port}/oauth2_callback/"),
        ),
        (
            "OAUTH2_AUTHORIZE_URL",
            format!("{}/o/authorize/", provider.url),
        ),
        ("INTERNAL_URL_PREFIX", provider.url.clone()),
        ("DATABASE_URL", database.url.clone()),
        (
            "SECRET_KEY",
            "process-tests-0123456789abcdefghijklmnopqrstuvwxyz".to_owned(),
        ),
        ("FRONTDESK_LISTEN", format!("127.0.0.1:{port}")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Where [`free_port`] looks next; another process of tests looks elsewhere.
static NEXT_PORT: LazyLock<AtomicU16> = LazyLock::new(|| {
    let offset = std::process::id() % 20_000;
    AtomicU16::new(10_240 + u16::try_from(offset).expect("a small number"))
});

/// A port that is free, and stays so until it is used: systems give out ports from 32768 on when
/// they are asked for any.
pub fn free_port() -> u16 {
    loop {
        let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        if port >= 32_000 {
            NEXT_PORT.store(10_240, Ordering::Relaxed);
        } else if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The program with `settings`, and nothing else from this environment.
pub fn command(folder: &Path, arguments: &[&str], settings: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(settings);
    command
}

/// Runs a command to its end.
pub fn output(arguments: &[&str], settings: &BTreeMap<String, String>) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    command(folder.path(), arguments, settings)
        .output()
        .expect("the program runs")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running `frontdesk serve`.
pub struct Process {
    pub url: String,
    child: Child,
    log: Arc<Mutex<String>>,
    _folder: tempfile::TempDir,
}

impl Process {
    /// Starts it and waits until it is ready.
    pub async fn serve(settings: &BTreeMap<String, String>) -> Self {
        let process = Self::spawn(settings);
        process.until_ready().await;
        process
    }

    pub async fn until_ready(&self) {
        let client = client();
        let ready = format!("{}/readyz", self.url);
        until("the process is ready", async || {
            client
                .get(&ready)
                .send()
                .await
                .is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }

    pub fn spawn(settings: &BTreeMap<String, String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let serve = command(folder.path(), &["serve"], settings);
        Self::started(settings, serve, folder)
    }

    /// Starts it with a limit of open files that holds unless the program raises it.
    pub fn spawn_with_files(settings: &BTreeMap<String, String>, files: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut serve = Command::new("/bin/sh");
        serve
            .args(["-c", "ulimit -Sn \"$1\" && exec \"$0\" serve"])
            .args([env!("CARGO_BIN_EXE_frontdesk"), &files.to_string()])
            .current_dir(folder.path())
            .env_clear()
            .envs(settings);
        Self::started(settings, serve, folder)
    }

    fn started(
        settings: &BTreeMap<String, String>,
        mut serve: Command,
        folder: tempfile::TempDir,
    ) -> Self {
        let mut child = serve
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut kept = kept.lock().expect("the log");
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        Self {
            url: format!("http://{}", settings["FRONTDESK_LISTEN"]),
            child,
            log,
            _folder: folder,
        }
    }

    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with `kill -9`.
    pub fn kill(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .expect("kill");
        assert!(done.success());
    }

    /// Waits for the end. Returns whether it ended well.
    pub async fn ended(&mut self) -> bool {
        until("the process has ended", async || {
            self.child.try_wait().expect("a status").is_some()
        })
        .await;
        self.child.wait().expect("a status").success()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the process's log:\n{}", self.log());
        }
    }
}

pub fn client() -> reqwest::Client {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        // Nothing here speaks TLS, and a bare machine has no certificate authorities.
        .tls_certs_only([])
        // This is sooner than the server, which closes idle connections after five seconds.
        .pool_idle_timeout(Duration::from_secs(1))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client")
}
