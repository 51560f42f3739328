//! What all requests share: settings, database, keys, providers, clock.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use log::warn;

use crate::attempts::UsedAttempts;
use crate::audit::{AnonymousCap, Retention};
use crate::branding::Branding;
use crate::clock::{Clock, UnixTime};
use crate::config::{LogSettings, PasswordLogin, PublicUrl, Settings};
use crate::db::Db;
use crate::error::Result;
use crate::failpoint::Failpoint;
use crate::i18n::Lang;
use crate::oauth::Providers;
use crate::passwords::Hasher;
use crate::roles::RolePermissions;
use crate::secret::{Keys, random_token};
use crate::sessions::Limits;
use crate::status::{Board, Lags};
use crate::throttle::Throttle;

pub struct Desk {
    pub db: Db,
    pub clock: Clock,
    pub started_at: UnixTime,
    pub keys: Keys,
    pub providers: Providers,
    /// One provider alone begins at once.
    pub auto_sign_in: bool,
    pub limits: Limits,
    pub public_url: PublicUrl,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub roles: RolePermissions,
    /// Whether a first company sign-in may land on an imported account.
    pub adopts_imported: bool,
    pub retention: Retention,
    pub backup_file: Option<PathBuf>,
    pub board: Board,
    pub language: Lang,
    pub time_zone: jiff::tz::TimeZone,
    pub branding: Branding,
    /// `host:port` by which this portal may be called.
    pub hosts: Vec<String>,
    pub log: LogSettings,
    pub used_attempts: UsedAttempts,
    pub lags: Lags,
    /// Re-checks under way.
    pub rechecks: AtomicUsize,
    /// Tokens that are being taken back.
    pub revocations: AtomicUsize,
    pub password_login: PasswordLogin,
    pub hasher: Hasher,
    pub throttle: Throttle,
    pub anonymous_failures: AnonymousCap,
    /// `last_seen_at` writes under way.
    pub touches: AtomicUsize,
    /// Not any more once the server is asked to stop.
    pub is_ready: AtomicBool,
    /// Names this instance among those of one database, as long as it runs.
    pub instance: String,
    pub failpoint: Failpoint,
}

/// Whether a collation orders text by its bytes.
#[must_use]
pub fn is_byte_order(collation: &str) -> bool {
    collation == "POSIX" || collation == "C" || collation.starts_with("C.")
}

impl Desk {
    /// Opens the database and brings its tables up to date.
    ///
    /// # Errors
    /// What the database or the HTTP client says.
    pub fn open(settings: Settings, clock: Clock) -> Result<Self> {
        let db = Db::open(&settings.database)?;
        db.migrate()?;
        let collation = db.collation()?;
        if !is_byte_order(&collation) {
            warn!(event = "collation", collation = collation.as_str(); "names are ordered by this collation, and the search of accounts may miss some; C.UTF-8 orders them as SQLite does");
        }
        let public = settings.public_url.host();
        let port = if settings.public_url.is_https {
            443
        } else {
            80
        };
        let hosts = vec![
            public.to_owned(),
            format!("{public}:{port}"),
            settings.listen.to_string(),
        ];
        Ok(Self {
            db,
            started_at: clock.now(),
            clock,
            keys: Keys::new(&settings.secret_key, settings.secret_key_previous.as_ref()),
            providers: Providers::new(settings.providers)?,
            auto_sign_in: settings.auto_sign_in,
            limits: Limits {
                idle: settings.session_idle,
                max: settings.session_max,
                per_person: settings.sessions_per_person,
            },
            public_url: settings.public_url,
            trusted_proxies: settings.trusted_proxies,
            roles: settings.roles.into(),
            adopts_imported: settings.adopts_imported,
            retention: Retention {
                sign_ins: settings.keep_sign_ins,
                acts: settings.keep_acts,
            },
            backup_file: settings.backup_file,
            board: Board::default(),
            language: settings.language,
            time_zone: settings.time_zone,
            branding: settings.branding,
            hosts,
            log: settings.log,
            used_attempts: UsedAttempts::default(),
            lags: Lags::default(),
            rechecks: AtomicUsize::new(0),
            revocations: AtomicUsize::new(0),
            password_login: settings.password_login,
            hasher: Hasher::default(),
            throttle: Throttle::default(),
            anonymous_failures: AnonymousCap::default(),
            touches: AtomicUsize::new(0),
            is_ready: AtomicBool::new(true),
            instance: random_token()?,
            #[cfg(feature = "failpoints")]
            failpoint: Failpoint::new(settings.failpoint),
            #[cfg(not(feature = "failpoints"))]
            failpoint: Failpoint::default(),
        })
    }

    /// Whether any provider gives permissions.
    #[must_use]
    pub fn asks_for_permissions(&self) -> bool {
        let providers = self.providers.all();
        providers
            .iter()
            .any(|provider| provider.gives_permissions())
    }
}
