//! A portal under test: the real server on its own port, in this process.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use frontdesk::Server;
use frontdesk::clock::Clock;
use frontdesk::config::Settings;
use frontdesk::secret::random_token;
use tempfile::TempDir;

use super::database::Database;
use super::provider::{CLIENT_ID, Provider};
use super::{Browser, Person, log, until};

/// The password of all local accounts in tests.
pub const PASSWORD: &str = "correct horse battery";

pub struct Portal {
    /// `http://127.0.0.1:PORT`, as browsers reach it.
    pub url: String,
    pub provider: Provider,
    pub database: Database,
    pub clock: Clock,
    pub is_https: bool,
    pub client_secret: String,
    pub secret_key: String,
    pub inner: Arc<frontdesk::portal::Portal>,
    /// Secrets of the settings that a test adds.
    further_canaries: Vec<String>,
    /// The folder of the settings' files, which may be read again while the portal runs.
    folder: Option<TempDir>,
    log_start: usize,
    server: actix_web::dev::ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// A portal that can be started.
pub struct Start {
    database: Database,
    provider: Option<Provider>,
    clock: Clock,
    settings: HashMap<String, String>,
    /// The folder of the settings' files.
    folder: Option<TempDir>,
    canaries: Vec<String>,
}

impl Start {
    /// Adds a setting, or replaces its value.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    pub fn without(self, name: &str) -> Self {
        self.with(name, "")
    }

    /// Takes the providers from a TOML file, and none from variables.
    pub fn providers(self, toml: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("providers.toml");
        std::fs::write(&path, toml).expect("a file");
        let start = Self {
            folder: Some(folder),
            ..self
        };
        [
            "OAUTH2_CLIENT_ID",
            "OAUTH2_CLIENT_SECRET",
            "OAUTH2_REDIRECT_URL",
            "OAUTH2_AUTHORIZE_URL",
            "OAUTH2_RECHECK",
            "INTERNAL_URL_PREFIX",
        ]
        .into_iter()
        .fold(start, Self::without)
        .with("FRONTDESK_PUBLIC_URL", "THIS_DESK")
        .with("FRONTDESK_PROVIDERS", path.to_str().expect("Unicode"))
    }

    /// Has these webhooks. In each text of `secrets`, which the portal may never show, is the name
    /// of a file beside theirs and its content.
    pub fn webhooks(self, toml: &str, secrets: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("webhooks.toml");
        std::fs::write(&path, toml).expect("a file");
        for (name, content) in secrets {
            std::fs::write(folder.path().join(name), content).expect("a file");
        }
        let canaries = secrets.iter().flat_map(|(_, content)| content.lines());
        let canaries = canaries.map(str::to_owned).collect();
        let start = Self {
            folder: Some(folder),
            canaries,
            ..self
        };
        start.with("FRONTDESK_WEBHOOKS", path.to_str().expect("Unicode"))
    }

    /// Values that the portal may never show.
    pub fn never_showing(mut self, secret: &str) -> Self {
        self.canaries.push(secret.to_owned());
        self
    }

    /// Makes the portal ask the provider for permissions too.
    pub fn asking_for_permissions(self) -> Self {
        self.with(
            "OAUTH2_USER_ALL_PERMISSIONS_URL",
            "PROVIDER/public-api/current_user/all_permissions",
        )
    }

    pub fn clock(mut self, clock: &Clock) -> Self {
        self.clock = clock.clone();
        self
    }

    pub fn provider(mut self, provider: &Provider) -> Self {
        self.provider = Some(provider.clone());
        self
    }

    /// Makes another instance beside `portal`, with its database, provider, clock and key.
    pub fn beside(mut self, portal: &Portal) -> Self {
        self.provider = Some(portal.provider.clone());
        self.clock = portal.clock.clone();
        self.with("SECRET_KEY", &portal.secret_key)
            .with("OAUTH2_CLIENT_SECRET", &portal.client_secret)
            .with(
                "OAUTH2_REDIRECT_URL",
                format!("{}/oauth2_callback/", portal.url),
            )
    }

    pub async fn run(self) -> Portal {
        log::start();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let provider = match self.provider {
            Some(provider) => provider,
            None => Provider::start().await,
        };
        let mut variables = HashMap::from(
            [
                ("OAUTH2_CLIENT_ID", CLIENT_ID.to_owned()),
                ("OAUTH2_CLIENT_SECRET", random_token().expect("randomness")),
                ("OAUTH2_REDIRECT_URL", format!("{address}/oauth2_callback/")),
                (
                    "OAUTH2_AUTHORIZE_URL",
                    format!("{}/o/authorize/", provider.url),
                ),
                ("INTERNAL_URL_PREFIX", provider.url.clone()),
                ("DATABASE_URL", self.database.url.clone()),
                ("SECRET_KEY", random_token().expect("randomness")),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        variables.extend(self.settings);
        for value in variables.values_mut() {
            *value = value
                .replace("PROVIDER", &provider.url)
                .replace("THIS_DESK", &address);
        }
        let settings = Settings::parse(&variables).unwrap_or_else(|faults| panic!("{faults}"));
        let is_https = settings.public_url.is_https;
        let log_start = log::position();
        let clock = self.clock.clone();
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = Server::on(listener, settings, clock)
                    .unwrap_or_else(|error| panic!("the portal does not start: {error}"));
                let portal = Arc::clone(server.portal());
                sender
                    .send((portal, server.handle()))
                    .expect("the test waits");
                server.run().await.expect("the portal runs");
            });
        });
        let (inner, server) = receiver.recv().expect("the portal starts");
        Portal {
            url: address,
            provider,
            database: self.database,
            clock: self.clock,
            is_https,
            client_secret: variables["OAUTH2_CLIENT_SECRET"].clone(),
            secret_key: variables["SECRET_KEY"].clone(),
            inner,
            further_canaries: self.canaries,
            folder: self.folder,
            log_start,
            server,
            thread: Some(thread),
        }
    }
}

impl Portal {
    pub fn on(database: Database) -> Start {
        Start {
            database,
            provider: None,
            clock: Clock::default(),
            settings: HashMap::new(),
            folder: None,
            canaries: Vec::new(),
        }
    }

    /// Starts an ordinary portal.
    pub async fn start() -> Self {
        Self::on(Database::sqlite()).run().await
    }

    /// A new browser, without any cookie.
    pub fn browser(&self) -> Browser {
        Browser::new(self)
    }

    /// A new browser in which `person` has signed in.
    pub async fn signed_in(&self, person: &Person) -> Browser {
        let browser = self.browser();
        let end = browser.sign_in(person, "/").await;
        assert_eq!(end.status, 303, "{}", end.body);
        browser
    }

    pub fn log(&self) -> String {
        log::since(self.log_start)
    }

    /// The secrets of the settings.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![self.client_secret.clone(), self.secret_key.clone()];
        secrets.extend(self.further_canaries.iter().cloned());
        secrets
    }

    /// The secrets that no answer and no log line may contain.
    pub fn canaries(&self) -> Vec<String> {
        let mut canaries = self.provider.canaries();
        canaries.extend(self.secrets());
        canaries.retain(|canary| !canary.is_empty());
        canaries
    }

    /// Ends the portal, and waits until nothing of it holds the database open.
    pub async fn close(self) {
        let inner = Arc::downgrade(&self.inner);
        drop(self);
        until("the portal has let go of its database", async || {
            inner.strong_count() == 0
        })
        .await;
    }

    /// Writes a file beside that of the webhooks.
    pub fn write_beside_webhooks(&self, name: &str, content: &str) {
        let folder = self.folder.as_ref().expect("webhooks");
        std::fs::write(folder.path().join(name), content).expect("a file");
    }

    /// Stops the server and waits until it is gone.
    pub fn stop(&mut self) {
        // The call sends the command; the future only waits.
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// A secret in the forms in which it might be written: unchanged, its beginning, base64,
/// percent-encoded.
pub fn forms(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    let mut forms = vec![
        secret.chars().take(12).collect(),
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
    ];
    // A short secret cannot be a canary: it may be in the log by chance.
    forms.retain(|form: &String| form.len() >= 12);
    forms
}

impl Drop for Portal {
    /// Checks that no secret of the test is in the log, in full or in part.
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            return;
        }
        let log = self.log();
        for canary in self.canaries() {
            for form in forms(&canary) {
                assert!(!log.contains(&form), "a secret is in the log");
            }
        }
    }
}
