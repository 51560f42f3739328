//! State shared by all requests: settings, database, keys, providers and clock.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use log::warn;

use crate::audit::{RefusalCap, Retention};
use crate::branding::Branding;
use crate::clock::{Clock, UnixTime};
use crate::config::{LogSettings, PasswordLogin, PublicUrl, Settings};
use crate::db::{Conn, Db};
use crate::error::Result;
use crate::failpoint::Failpoint;
use crate::i18n::Lang;
use crate::import_django;
use crate::jobs::Jobs;
use crate::oauth::Providers;
use crate::password_throttle::Throttle;
use crate::passwords::{CostliestHashes, Hasher};
use crate::permissions::PermissionSources;
use crate::roles::RolePermissions;
use crate::secret::{Keys, random_token};
use crate::sessions::{Client, Limits};
use crate::sign_in_attempts::UsedAttempts;
use crate::status_page::{Lags, StatusBoard};
use crate::webhooks::Webhooks;

pub struct Portal {
    pub db: Db,
    pub clock: Clock,
    pub started_at: UnixTime,
    pub keys: Keys,
    pub providers: Providers,
    /// With a single provider, sign-in begins without a click.
    pub auto_sign_in: bool,
    pub limits: Limits,
    pub public_url: PublicUrl,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub proxy_without_forwarded: ProxyWithoutForwarded,
    pub roles: RolePermissions,
    /// A first company sign-in may adopt an imported account.
    pub adopts_imported: bool,
    pub retention: Retention,
    pub backup_file: Option<PathBuf>,
    pub webhooks: Webhooks,
    pub board: StatusBoard,
    pub language: Lang,
    pub time_zone: jiff::tz::TimeZone,
    pub branding: Branding,
    /// The `host:port` values under which this portal may be addressed.
    pub hosts: Vec<String>,
    pub log: LogSettings,
    pub used_attempts: UsedAttempts,
    pub recheck_lags: Lags,
    pub password_login: PasswordLogin,
    pub hasher: Hasher,
    /// The number of imported accounts when their hashes were last looked at.
    imported: AtomicI64,
    pub throttle: Throttle,
    pub refusal_cap: RefusalCap,
    /// False once the server has been asked to stop.
    pub is_ready: AtomicBool,
    /// Identifies this instance among those that share a database, as long as it runs.
    pub instance: String,
    pub jobs: Jobs,
    pub failpoint: Failpoint,
}

/// Returns whether a collation orders text by its bytes.
pub(crate) fn is_byte_order(collation: &str) -> bool {
    collation == "POSIX" || collation == "C" || collation.starts_with("C.")
}

const PAGE: i64 = 1000;

/// Counts the imported accounts, and finds the most expensive hashes that they still have.
fn costliest_hashes(conn: &mut Conn) -> Result<(i64, CostliestHashes)> {
    let count = import_django::count(conn)?;
    let mut costliest = CostliestHashes::default();
    let mut after = Some(String::new());
    while let Some(last) = after {
        let page = import_django::foreign_hashes(conn, &last, PAGE)?;
        for (_, stored) in &page {
            costliest.see(stored);
        }
        after = page.into_iter().next_back().map(|(key, _)| key);
    }
    Ok((count, costliest))
}

/// The last time that a trusted proxy let someone sign in without passing on their address.
#[derive(Debug, Default)]
pub struct ProxyWithoutForwarded(AtomicI64);

/// How long this is worth reporting.
const SILENCE_REPORTED_FOR: Duration = Duration::from_secs(86_400);

impl ProxyWithoutForwarded {
    pub fn note(&self, now: UnixTime, client: &Client) {
        if !client.is_proxy {
            return;
        }
        if self.last(now).is_none() {
            warn!(event = "silent_proxy", address = client.address.as_str(); "this trusted proxy sends no valid X-Forwarded-For: everyone behind it appears under the proxy's IP address");
        }
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// Returns when it last happened, if that was recently.
    pub(crate) fn last(&self, now: UnixTime) -> Option<UnixTime> {
        let last = UnixTime(self.0.load(Ordering::Relaxed));
        (now.since(last) < SILENCE_REPORTED_FOR).then_some(last)
    }
}

impl Portal {
    /// Opens the database and brings its tables up to date.
    pub fn open(settings: Settings, clock: Clock) -> Result<Self> {
        let db = Db::open(&settings.database)?;
        db.migrate()?;
        let collation = db.collation()?;
        if !is_byte_order(&collation) {
            warn!(event = "collation", collation = collation.as_str(); "this collation does not order text by bytes: account searches may miss matches; create the database with C.UTF-8");
        }
        let (imported, costliest) = db.read_blocking(costliest_hashes)?;
        let hasher = Hasher::default();
        hasher.expect(costliest);
        let public = settings.public_url.host();
        let is_https = settings.public_url.is_https;
        let port = if is_https { 443 } else { 80 };
        let hosts = vec![
            public.to_owned(),
            format!("{public}:{port}"),
            settings.listen.to_string(),
        ];
        let (roles, branding, log) = (settings.roles(), settings.branding(), settings.log());
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
            proxy_without_forwarded: ProxyWithoutForwarded::default(),
            roles: roles.into(),
            adopts_imported: settings.adopts_imported,
            retention: Retention {
                sign_ins: settings.keep_sign_ins,
                acts: settings.keep_acts,
            },
            backup_file: settings.backup_file,
            webhooks: Webhooks::new(settings.webhooks),
            board: StatusBoard::default(),
            language: settings.language,
            time_zone: settings.time_zone,
            branding,
            hosts,
            log,
            used_attempts: UsedAttempts::default(),
            recheck_lags: Lags::default(),
            password_login: settings.password_login,
            hasher,
            imported: AtomicI64::new(imported),
            throttle: Throttle::default(),
            refusal_cap: RefusalCap::default(),
            is_ready: AtomicBool::new(true),
            instance: random_token()?,
            jobs: Jobs::default(),
            #[cfg(feature = "failpoints")]
            failpoint: Failpoint::new(settings.failpoint),
            #[cfg(not(feature = "failpoints"))]
            failpoint: Failpoint::default(),
        })
    }

    /// Looks at the hashes of imported accounts again if their number has changed.
    pub async fn look_for_imports(&self) -> Result<()> {
        let known = self.imported.load(Ordering::Relaxed);
        let look = self.db.read(move |conn| {
            let has_changed = import_django::count(conn)? != known;
            has_changed.then(|| costliest_hashes(conn)).transpose()
        });
        if let Some((count, costliest)) = look.await? {
            let hasher = self.hasher.clone();
            let measured = tokio::task::spawn_blocking(move || hasher.expect(costliest)).await;
            if measured.is_ok() {
                self.imported.store(count, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Returns where permissions come from.
    pub(crate) fn permission_sources(&self) -> PermissionSources {
        let counting = self.roles.counting.clone();
        let giving = self.providers.all().iter();
        let expected = giving
            .filter(|provider| provider.gives_permissions() && counting.has(provider.id()))
            .map(|provider| provider.id().to_owned())
            .collect();
        PermissionSources { counting, expected }
    }

    /// Returns whether any provider gives permissions.
    pub(crate) fn asks_for_permissions(&self) -> bool {
        let mut providers = self.providers.all().iter();
        providers.any(|provider| provider.gives_permissions())
    }
}
