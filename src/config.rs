//! Settings: one table of options, parsed once into typed values, all faults reported together.
//!
//! The only place that reads the environment. `--help`, the table in `docs/settings.md` and the
//! list of known names all come from [`OPTIONS`].

mod providers;
mod secret_key;

pub use providers::{
    Addresses, Admission, AssertionAudience, ClientAuth, Dialect, Document, Mapping, PROVIDER_ID,
    Pointer, ProvesBy, ProviderSettings, Recheck, Rule, SigningKey, Source, TokenRequest,
    VouchesFor, is_provider_id,
};

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use url::Url;

use crate::branding::{self, Branding, HelpAddress, Twin};
use crate::i18n::Lang;
use crate::secret::Secret;
use crate::text::is_refused;

/// One setting: its variable, its default in words, and what it means.
pub struct OptionSpec {
    pub name: &'static str,
    pub default: &'static str,
    pub meaning: &'static str,
    /// Can also be given as `NAME_FILE`, and is never printed.
    pub is_secret: bool,
}

const fn option(name: &'static str, default: &'static str, meaning: &'static str) -> OptionSpec {
    OptionSpec {
        name,
        default,
        meaning,
        is_secret: false,
    }
}

const fn secret(name: &'static str, default: &'static str, meaning: &'static str) -> OptionSpec {
    OptionSpec {
        name,
        default,
        meaning,
        is_secret: true,
    }
}

/// Every setting there is.
pub const OPTIONS: &[OptionSpec] = &[
    option(
        "OAUTH2_CLIENT_ID",
        "required",
        "The client ID that the provider issued for Frontdesk",
    ),
    secret(
        "OAUTH2_CLIENT_SECRET",
        "required",
        "The client secret (not used with `OAUTH2_CLIENT_AUTH=none`)",
    ),
    option(
        "OAUTH2_REDIRECT_URL",
        "required",
        "The redirect URL, exactly as registered at the provider, e.g. `https://desk.example.com/oauth2_callback/`",
    ),
    option(
        "OAUTH2_AUTHORIZE_URL",
        "required without `OAUTH2_ISSUER`",
        "Where browsers are sent to sign in, e.g. `https://id.example.com/o/authorize/`",
    ),
    option(
        "OAUTH2_ISSUER",
        "none",
        "The OpenID Connect issuer, e.g. `https://id.example.com/realms/a`. The addresses come from its metadata, and the pointers below default to `/sub`, `/preferred_username`, `/name` and `/email`",
    ),
    option(
        "INTERNAL_URL_PREFIX",
        "none",
        "The address under which this server reaches the provider; the next two settings default to paths below it",
    ),
    option(
        "OAUTH2_TOKEN_URL",
        "prefix + `/o/token/`",
        "Where the code is exchanged for a token",
    ),
    option(
        "OAUTH2_USER_BASE_INFO_URL",
        "prefix + `/public-api/current_user/base_info`",
        "Where the profile is read",
    ),
    option(
        "OAUTH2_USER_ALL_PERMISSIONS_URL",
        "none: permissions are not read",
        "Where the permissions are read, e.g. prefix + `/public-api/current_user/all_permissions`",
    ),
    option(
        "OAUTH2_CLIENT_AUTH",
        "`post`; with `OAUTH2_ISSUER`, what its metadata offers",
        "How the client secret is sent: `post` (in the form), `basic` (HTTP Basic) or `none` (a public client without a secret)",
    ),
    option(
        "OAUTH2_PKCE",
        "`on`",
        "PKCE with S256; use `off` only for a provider that does not support it",
    ),
    option(
        "OAUTH2_SCOPE",
        "none; with `OAUTH2_ISSUER`, `openid profile email`",
        "The scopes to request, separated by spaces",
    ),
    option(
        "OAUTH2_SUBJECT",
        "`/name`",
        "JSON Pointer into the profile: the permanent identifier of a person",
    ),
    option("OAUTH2_USERNAME", "`/name`", "JSON Pointer: the username"),
    option(
        "OAUTH2_FIRST_NAME",
        "`/name_cn`",
        "JSON Pointer: the displayed name",
    ),
    option(
        "OAUTH2_EMAIL",
        "`/email`",
        "JSON Pointer: the email address",
    ),
    option(
        "OAUTH2_PERMISSIONS",
        "the answer itself, or its `permissions` member",
        "JSON Pointer to the list of permissions in the answer",
    ),
    option(
        "OAUTH2_PERMISSIONS_SEPARATOR",
        "none: a string is one permission",
        "The separator between several permissions in one string: `,`, or `\" \"` for a space",
    ),
    option(
        "OAUTH2_PERMISSION_NAME",
        "a string, or the object's `codename`",
        "JSON Pointer into one item of the list: the permission's name",
    ),
    option(
        "OAUTH2_PROVIDER_NAME",
        "Company account / 公司账号",
        "The label on the sign-in button",
    ),
    option(
        "OAUTH2_CA_FILE",
        "none",
        "A PEM file with an additional certificate authority for calls to the provider",
    ),
    option(
        "OAUTH2_LOGOUT_URL",
        "none",
        "Where people sign out at the provider, for example to sign in as someone else",
    ),
    option(
        "OAUTH2_PROVES_BY",
        "`auth_time`",
        "What counts as proof in a fresh sign-in: `auth_time` (signed by the provider, or a pushed prompt), or also `prompt` (in the browser's address, where the person at the browser can remove it)",
    ),
    option(
        "OAUTH2_RECHECK",
        "`5m`",
        "How often the provider is asked again about signed-in people, so that people who have left are signed out: `off`, or at least `1s`",
    ),
    option(
        "OAUTH2_RECHECK_RATE",
        "`100`",
        "How many re-check calls each instance makes per second",
    ),
    option(
        "OAUTH2_RECHECK_WITH",
        "`refresh` with `OAUTH2_ISSUER`, otherwise `profile`",
        "What a re-check uses to ask the provider: `refresh` (the refresh token) or `profile` (the profile address)",
    ),
    option(
        "OAUTH2_VOUCHES_FOR",
        "all of them; required beside `FRONTDESK_PROVIDERS`",
        "What this provider's word counts for: `permissions`, `names`, `adoption`, `linking`, `leaving`, separated by commas; `[]` for nothing",
    ),
    option(
        "FRONTDESK_PROVIDERS",
        "none",
        "A TOML file that describes additional providers, or all of them (`docs/providers.md`)",
    ),
    option(
        "FRONTDESK_AUTO_SIGN_IN",
        "`off`",
        "`on`: if there is only one provider, the sign-in page leads straight to it; `/login?local` still shows the page",
    ),
    secret(
        "DATABASE_URL",
        "`frontdesk.sqlite3`",
        "A path for SQLite, `sqlite://PATH`, or `postgres://…`",
    ),
    secret(
        "SECRET_KEY",
        "required by `serve`",
        "At least 32 random bytes (`frontdesk secret-key` prints a key); encrypts cookies, sign-in attempts and the providers' tokens",
    ),
    secret(
        "SECRET_KEY_PREVIOUS",
        "none",
        "The previous key, which is still accepted for reading",
    ),
    option("FRONTDESK_LISTEN", "`127.0.0.1:8000`", "Address and port"),
    option(
        "FRONTDESK_PUBLIC_URL",
        "the origin of `OAUTH2_REDIRECT_URL`",
        "The address at which browsers reach Frontdesk; https turns on `Secure` cookies and HSTS",
    ),
    option(
        "FRONTDESK_TRUSTED_PROXIES",
        "none",
        "The proxies whose `X-Forwarded-For` is trusted: addresses and networks (CIDR), separated by commas",
    ),
    option(
        "FRONTDESK_SESSION_IDLE",
        "`8h`",
        "A session ends after this long without a request",
    ),
    option(
        "FRONTDESK_SESSION_MAX",
        "`24h`",
        "A session ends this long after its sign-in, even if it is in use",
    ),
    option(
        "FRONTDESK_SESSIONS_PER_PERSON",
        "`50`",
        "How many sessions one person may have at once; the next sign-in ends the oldest",
    ),
    option(
        "FRONTDESK_PASSWORD_LOGIN",
        "`on`",
        "Who may sign in with a local password: `on` (everyone who has one), `superusers` (admins only) or `off` (nobody)",
    ),
    option(
        "FRONTDESK_STAFF_PERMISSION",
        "none",
        "Holders of this permission are read-only admins",
    ),
    option(
        "FRONTDESK_SUPERUSER_PERMISSION",
        "none",
        "Holders of this permission are admins",
    ),
    option(
        "FRONTDESK_LANGUAGE",
        "`en`",
        "The language of pages if the browser does not ask for one: `en` or `zh-Hans`",
    ),
    option(
        "FRONTDESK_TIME_ZONE",
        "`UTC`",
        "The time zone of displayed times, e.g. `Asia/Shanghai`",
    ),
    option(
        "FRONTDESK_COMPANY_NAME",
        "none",
        "The company's name on the pages; Chinese pages use `FRONTDESK_COMPANY_NAME_ZH` if it is set",
    ),
    option(
        "FRONTDESK_COMPANY_NAME_ZH",
        "`FRONTDESK_COMPANY_NAME`",
        "The same for Chinese pages",
    ),
    option(
        "FRONTDESK_NOTICE",
        "none",
        "One line shown to everyone on every page, e.g. about maintenance (at most 300 characters)",
    ),
    option(
        "FRONTDESK_NOTICE_ZH",
        "`FRONTDESK_NOTICE`",
        "The same for Chinese pages",
    ),
    option(
        "FRONTDESK_LOGO_FILE",
        "a bell",
        "SVG, PNG, JPEG or WebP, at most 64 KiB; square images look best",
    ),
    option(
        "FRONTDESK_ACCENT_COLOR",
        "`#2c49c4`",
        "The colour of buttons and links. A colour with too little contrast is refused; dark mode uses a lighter shade",
    ),
    option(
        "FRONTDESK_HELP_ADDRESS",
        "none",
        "Where people ask for help: an email address or a web address",
    ),
    option(
        "FRONTDESK_ADOPT_IMPORTED",
        "`off`",
        "`on`: a person's first sign-in through a provider adopts the imported account of the same username, unless that account has a role (`frontdesk import-django`)",
    ),
    option(
        "FRONTDESK_KEEP_SIGN_INS",
        "`90d`",
        "How long the audit log keeps sign-ins and sign-outs",
    ),
    option(
        "FRONTDESK_KEEP_ACTS",
        "`400d`",
        "How long the audit log keeps all other events",
    ),
    option(
        "FRONTDESK_BACKUP_FILE",
        "none",
        "A file that each backup overwrites, or a folder of backups; the status page warns if the newest is more than two days old",
    ),
    option(
        "FRONTDESK_LOG_FORMAT",
        "`text`",
        "`text` or `json`, one event per line",
    ),
    option(
        "RUST_LOG",
        "`info`",
        "What is logged, in the syntax of env_logger",
    ),
];

/// Everything that `serve` needs to know.
#[derive(Debug)]
pub struct Settings {
    /// In the order of the sign-in page.
    pub providers: Vec<ProviderSettings>,
    /// One provider alone begins at once.
    pub auto_sign_in: bool,
    pub database: DatabaseUrl,
    pub secret_key: Secret<String>,
    pub secret_key_previous: Option<Secret<String>>,
    pub listen: SocketAddr,
    pub public_url: PublicUrl,
    pub trusted_proxies: Vec<IpNet>,
    pub session_idle: Duration,
    pub session_max: Duration,
    pub sessions_per_person: i64,
    pub password_login: PasswordLogin,
    pub roles: RoleSettings,
    /// Whether a first company sign-in may land on an imported account.
    pub adopts_imported: bool,
    pub keep_sign_ins: Duration,
    pub keep_acts: Duration,
    pub backup_file: Option<PathBuf>,
    pub language: Lang,
    pub time_zone: TimeZone,
    pub branding: Branding,
    pub log: LogSettings,
    #[cfg(feature = "failpoints")]
    pub failpoint: Option<String>,
}

/// Which permissions make somebody an admin, and whose count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleSettings {
    pub staff: Option<String>,
    pub superuser: Option<String>,
    /// The ids of the providers that vouch for their permissions.
    pub vouched_by: Vec<String>,
}

impl RoleSettings {
    /// For commands that need no more of the settings.
    ///
    /// # Errors
    /// When a permission makes a role, and the providers cannot be read: then nobody knows whose
    /// permissions count.
    pub fn of(variables: &HashMap<String, String>) -> Result<Self, Faults> {
        let mut reader = Reader::new(variables);
        let staff = reader.text("FRONTDESK_STAFF_PERMISSION");
        let superuser = reader.text("FRONTDESK_SUPERUSER_PERMISSION");
        if staff.is_none() && superuser.is_none() {
            return Ok(Self::default());
        }
        match reader.providers() {
            Some(providers) if reader.faults.is_empty() => Ok(Self {
                staff,
                superuser,
                vouched_by: vouching_for_permissions(&providers),
            }),
            _ => Err(reader.into_faults()),
        }
    }
}

fn vouching_for_permissions(providers: &[ProviderSettings]) -> Vec<String> {
    providers
        .iter()
        .filter(|provider| provider.vouches_for.permissions)
        .map(|provider| provider.id.clone())
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordLogin {
    On,
    Superusers,
    Off,
}

/// Where the records are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    /// The whole address; it may hold a password.
    Postgres(Secret<String>),
}

/// How browsers reach the portal.
#[derive(Debug, Clone)]
pub struct PublicUrl {
    /// `https://desk.example.com`, as browsers send it in `Origin`.
    pub origin: String,
    pub is_https: bool,
}

impl PublicUrl {
    fn of(url: &Url) -> Self {
        Self {
            origin: url.origin().ascii_serialization(),
            is_https: url.scheme() == "https",
        }
    }

    /// `desk.example.com`, with a port if it is not the scheme's own: as browsers send it in
    /// `Host`.
    #[must_use]
    pub fn host(&self) -> &str {
        self.origin
            .split_once("://")
            .map_or(self.origin.as_str(), |(_, host)| host)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    pub filter: String,
    pub is_json: bool,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            is_json: false,
        }
    }
}

/// All that is wrong with the settings, to be shown at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<String>);

impl Faults {
    /// One sentence a fault, each beginning with the variable's name.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invalid configuration:")?;
        for fault in &self.0 {
            write!(f, "\n  {fault}")?;
        }
        Ok(())
    }
}

/// In the working directory, as Diesel's CLI reads it too.
pub const ENV_FILE: &str = ".env";

/// The number of the line that the parser could not read.
fn line_of(error: &dotenvy::Error) -> Option<usize> {
    let dotenvy::Error::LineParse(line, _) = error else {
        return None;
    };
    let text = std::fs::read_to_string(ENV_FILE).ok()?;
    // The parser tells the line, or its end alone.
    let end = line.lines().next()?.trim();
    let index = text.lines().position(|given| {
        !given.trim_start().starts_with('#') && given.trim_end().ends_with(end)
    })?;
    Some(index + 1)
}

/// Names that are set and look like a setting's with a typing mistake, and that setting's. Those
/// with our prefixes are faults; others may be somebody else's.
#[must_use]
pub fn near_misses(variables: &HashMap<String, String>) -> Vec<(String, &'static str)> {
    let mut found: Vec<(String, &'static str)> = variables
        .keys()
        .filter(|name| !name.starts_with("OAUTH2_") && !name.starts_with("FRONTDESK_"))
        .filter(|name| !is_known(name))
        .filter_map(|name| {
            let option = OPTIONS.iter().find(|option| is_near(name, option.name))?;
            Some((name.clone(), option.name))
        })
        .collect();
    found.sort();
    found
}

/// Whether an option has this name.
fn is_known(name: &str) -> bool {
    OPTIONS.iter().any(|option| {
        option.name == name || (option.is_secret && name.strip_suffix("_FILE") == Some(option.name))
    }) || (cfg!(feature = "failpoints") && name == "FRONTDESK_FAILPOINT")
}

/// Whether two names differ by one letter, or by two neighbours that changed places.
fn is_near(name: &str, option: &str) -> bool {
    let (name, option) = (name.as_bytes(), option.as_bytes());
    if name.len().abs_diff(option.len()) > 1 {
        return false;
    }
    let same = |(one, two): &(&u8, &u8)| one == two;
    let front = name.iter().zip(option).take_while(same).count();
    let back = name
        .iter()
        .rev()
        .zip(option.iter().rev())
        .take_while(same)
        .count();
    let longest = name.len().max(option.len());
    let is_swapped = name.len() == option.len()
        && front + back + 2 == longest
        && name.get(front) == option.get(front + 1)
        && name.get(front + 1) == option.get(front);
    front + back + 1 >= longest || is_swapped
}

/// The variables, from the environment and the `.env` file of the working directory. The
/// environment wins.
///
/// # Errors
/// When there is a `.env` that cannot be read.
pub fn environment() -> Result<HashMap<String, String>, Faults> {
    let mut variables = HashMap::new();
    match dotenvy::from_path_iter(ENV_FILE) {
        Ok(lines) => {
            for line in lines {
                match line {
                    Ok((name, value)) => {
                        variables.insert(name, value);
                    }
                    // The parser's error quotes the line, which may hold a secret.
                    Err(error) => {
                        return Err(Faults(vec![format!(
                            "{ENV_FILE}: {} cannot be read; each line must be NAME=value, with quotes around a value that has spaces",
                            line_of(&error).map_or_else(
                                || "a line".to_owned(),
                                |number| format!("line {number}")
                            )
                        )]));
                    }
                }
            }
        }
        Err(error) if error.not_found() => {}
        Err(error) => return Err(Faults(vec![format!("{ENV_FILE}: {error}")])),
    }
    // A variable that is not Unicode cannot be one of ours, unless its name says so.
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        variables.insert(name.to_owned(), value.to_string_lossy().into_owned());
    }
    Ok(variables)
}

impl Settings {
    /// Reads the settings of `serve` from variables.
    ///
    /// # Errors
    /// All faults together; none shows a secret.
    pub fn parse(variables: &HashMap<String, String>) -> Result<Self, Faults> {
        let mut reader = Reader::new(variables);
        let providers = reader.providers();
        let database = reader.database();
        let secret_key = reader.strong_secret_key("SECRET_KEY");
        if secret_key.is_none() && !reader.has_fault("SECRET_KEY") {
            reader.fault(
                "SECRET_KEY",
                "is required; `frontdesk secret-key` prints a new one",
            );
        }
        let secret_key_previous = reader.secret_key("SECRET_KEY_PREVIOUS");
        let listen = reader
            .parsed(
                "FRONTDESK_LISTEN",
                "an address and a port, like 127.0.0.1:8000",
                |text| text.parse().ok(),
            )
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8000)));
        let public_url = reader.public_url().or_else(|| {
            // Where only the file says how browsers get here.
            let first = providers.as_ref()?.first()?;
            Some(PublicUrl::of(&http_url(&first.redirect_url)?))
        });
        let trusted_proxies = reader
            .parsed(
                "FRONTDESK_TRUSTED_PROXIES",
                "a list of addresses or networks, like 10.0.0.1, 192.168.0.0/16",
                networks,
            )
            .unwrap_or_default();
        let session_idle = reader.duration("FRONTDESK_SESSION_IDLE", 8 * 3600);
        let session_max = reader.duration("FRONTDESK_SESSION_MAX", 24 * 3600);
        let sessions_per_person = reader
            .parsed(
                "FRONTDESK_SESSIONS_PER_PERSON",
                "a number from 1 to 10000",
                |text| {
                    text.parse()
                        .ok()
                        .filter(|count| (1..=10_000).contains(count))
                },
            )
            .unwrap_or(50);
        let password_login = reader
            .parsed(
                "FRONTDESK_PASSWORD_LOGIN",
                "on, superusers or off",
                |text| match text {
                    "on" => Some(PasswordLogin::On),
                    "superusers" => Some(PasswordLogin::Superusers),
                    "off" => Some(PasswordLogin::Off),
                    _ => None,
                },
            )
            .unwrap_or(PasswordLogin::On);
        let language = reader
            .parsed("FRONTDESK_LANGUAGE", "en or zh-Hans", Lang::from_tag)
            .unwrap_or_default();
        let time_zone = reader
            .parsed(
                "FRONTDESK_TIME_ZONE",
                "a time zone's name, like Asia/Shanghai",
                |text| TimeZone::get(text).ok(),
            )
            .unwrap_or(TimeZone::UTC);
        let roles = RoleSettings {
            staff: reader.text("FRONTDESK_STAFF_PERMISSION"),
            superuser: reader.text("FRONTDESK_SUPERUSER_PERMISSION"),
            vouched_by: vouching_for_permissions(providers.as_deref().unwrap_or_default()),
        };
        let adopts_imported = reader
            .parsed("FRONTDESK_ADOPT_IMPORTED", "on or off", on_or_off)
            .unwrap_or(false);
        let auto_sign_in = reader
            .parsed("FRONTDESK_AUTO_SIGN_IN", "on or off", on_or_off)
            .unwrap_or(false);
        let keep_sign_ins = reader.duration("FRONTDESK_KEEP_SIGN_INS", 90 * 86_400);
        let keep_acts = reader.duration("FRONTDESK_KEEP_ACTS", 400 * 86_400);
        let backup_file = reader.text("FRONTDESK_BACKUP_FILE").map(PathBuf::from);
        let branding = reader.branding();
        let log = reader.log();
        reader.refuse_unknown();
        #[cfg(feature = "failpoints")]
        let failpoint = variables.get("FRONTDESK_FAILPOINT").cloned();

        match (providers, database, secret_key, public_url) {
            (Some(providers), Some(database), Some(secret_key), Some(public_url))
                if reader.faults.is_empty() =>
            {
                Ok(Self {
                    providers,
                    auto_sign_in,
                    database,
                    secret_key,
                    secret_key_previous,
                    listen,
                    public_url,
                    trusted_proxies,
                    session_idle,
                    session_max,
                    sessions_per_person,
                    password_login,
                    roles,
                    adopts_imported,
                    keep_sign_ins,
                    keep_acts,
                    backup_file,
                    language,
                    time_zone,
                    branding,
                    log,
                    #[cfg(feature = "failpoints")]
                    failpoint,
                })
            }
            _ => Err(reader.into_faults()),
        }
    }
}

/// The log's settings alone, for commands that run without the rest.
///
/// # Errors
/// When `FRONTDESK_LOG_FORMAT` cannot be read.
pub fn log_settings(variables: &HashMap<String, String>) -> Result<LogSettings, Faults> {
    let mut reader = Reader::new(variables);
    let log = reader.log();
    if reader.faults.is_empty() {
        Ok(log)
    } else {
        Err(reader.into_faults())
    }
}

/// The database's address alone, for commands that need nothing else.
///
/// # Errors
/// When `DATABASE_URL` cannot be read.
pub fn database_url(variables: &HashMap<String, String>) -> Result<DatabaseUrl, Faults> {
    let mut reader = Reader::new(variables);
    match reader.database() {
        Some(url) if reader.faults.is_empty() => Ok(url),
        _ => Err(reader.into_faults()),
    }
}

/// Collects faults while it reads.
struct Reader<'a> {
    variables: &'a HashMap<String, String>,
    /// By variable, so that the message is in one order whatever the reading's was.
    faults: BTreeMap<String, String>,
}

impl<'a> Reader<'a> {
    const fn new(variables: &'a HashMap<String, String>) -> Self {
        Self {
            variables,
            faults: BTreeMap::new(),
        }
    }

    fn fault(&mut self, name: &str, problem: impl Into<String>) {
        self.faults
            .entry(name.to_owned())
            .or_insert_with(|| problem.into());
    }

    fn has_fault(&self, name: &str) -> bool {
        self.faults.contains_key(name) || self.faults.contains_key(&format!("{name}_FILE"))
    }

    fn into_faults(self) -> Faults {
        Faults(
            self.faults
                .into_iter()
                .map(|(name, problem)| format!("{name} {problem}"))
                .collect(),
        )
    }

    /// An empty variable counts as one that is not set.
    fn text(&self, name: &str) -> Option<String> {
        let value = self.variables.get(name)?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    fn parsed<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name);
        self.parsed_text(name, text, expected, parse)
    }

    /// The same for a value from elsewhere; an empty one counts as not set.
    fn parsed_text<T>(
        &mut self,
        name: &str,
        text: Option<String>,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = text.filter(|text| !text.is_empty())?;
        let value = parse(&text);
        if value.is_none() {
            // An address may hold a password, and a long value may be somebody's secret.
            let is_word = text.chars().count() <= 40 && !text.contains(['@', '/', '?']);
            let shown = if !is_word && name != "FRONTDESK_TIME_ZONE" {
                String::new()
            } else {
                format!(", not {text:?}")
            };
            self.fault(name, format!("must be {expected}{shown}"));
        }
        value
    }

    /// A secret, from `NAME` or the file that `NAME_FILE` names.
    fn secret(&mut self, name: &str) -> Option<Secret<String>> {
        let file_name = format!("{name}_FILE");
        // Spaces at either end may be part of a secret.
        let value = self
            .variables
            .get(name)
            .filter(|value| !value.trim().is_empty());
        match (value, self.text(&file_name)) {
            (Some(_), Some(_)) => {
                self.fault(&file_name, format!("and {name} are both set; keep one"));
                None
            }
            (Some(value), None) => Some(Secret::new(value.clone())),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) if !text.trim().is_empty() => {
                    Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
                }
                Ok(_) => {
                    self.fault(&file_name, format!("names an empty file: {path}"));
                    None
                }
                Err(error) => {
                    self.fault(&file_name, format!("cannot be read: {path}: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    fn secret_key(&mut self, name: &str) -> Option<Secret<String>> {
        let key = self.secret(name)?;
        if !secret_key::is_long(key.expose()) {
            self.fault(
                name,
                "must be at least 32 random bytes; `frontdesk secret-key` prints a new one",
            );
            return None;
        }
        Some(key)
    }

    /// The key that seals; what was sealed under a weak one before may still be read.
    fn strong_secret_key(&mut self, name: &str) -> Option<Secret<String>> {
        let key = self.secret_key(name)?;
        if let Some(weakness) = secret_key::weakness(key.expose()) {
            self.fault(
                name,
                format!(
                    "is easy to guess: {weakness}; `frontdesk secret-key` prints a new one. Set {name}=THE-NEW-KEY and, so that nobody is signed out, {name}_PREVIOUS=THE-CURRENT-KEY; remove the second line after FRONTDESK_SESSION_MAX"
                ),
            );
            return None;
        }
        Some(key)
    }

    fn url(&mut self, name: &str) -> Option<Url> {
        self.parsed(name, HTTP_ADDRESS, http_url)
    }

    fn duration(&mut self, name: &str, default_seconds: u64) -> Duration {
        self.parsed(
            name,
            "a duration, like 30m, 8h or 7d (at least 1m)",
            duration,
        )
        .unwrap_or(Duration::from_secs(default_seconds))
    }

    fn public_url(&mut self) -> Option<PublicUrl> {
        const NAME: &str = "FRONTDESK_PUBLIC_URL";
        let url = if self.text(NAME).is_some() {
            let url = self.url(NAME)?;
            if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
                self.fault(NAME, "must be an origin, like https://desk.example.com");
                return None;
            }
            url
        } else {
            http_url(&self.text("OAUTH2_REDIRECT_URL")?)?
        };
        Some(PublicUrl::of(&url))
    }

    fn database(&mut self) -> Option<DatabaseUrl> {
        const NAME: &str = "DATABASE_URL";
        let text = match self.secret(NAME) {
            Some(text) => text.expose().clone(),
            None if self.has_fault(NAME) => return None,
            None => "frontdesk.sqlite3".to_owned(),
        };
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            // The client library would quote a password with a stray % in its error.
            if Url::parse(&text).is_err() || !is_percent_encoded(&text) {
                self.fault(
                    NAME,
                    "must be a valid address, like postgres://user@host/name",
                );
                return None;
            }
            return Some(DatabaseUrl::Postgres(Secret::new(text)));
        }
        let path = text.strip_prefix("sqlite://").unwrap_or(&text);
        if path.is_empty() || path == ":memory:" || path.contains("://") {
            self.fault(NAME, "must be a path, sqlite://PATH or postgres://…");
            return None;
        }
        Some(DatabaseUrl::Sqlite(Path::new(path).to_path_buf()))
    }

    fn branding(&mut self) -> Branding {
        let company = Twin {
            en: self.line("FRONTDESK_COMPANY_NAME", 60),
            zh: self.line("FRONTDESK_COMPANY_NAME_ZH", 60),
        };
        let notice = Twin {
            en: self.line("FRONTDESK_NOTICE", 300),
            zh: self.line("FRONTDESK_NOTICE_ZH", 300),
        };
        let logo = self.understood("FRONTDESK_LOGO_FILE", |path| {
            let content =
                std::fs::read(path).map_err(|error| format!("cannot be read: {path}: {error}"))?;
            branding::logo(content)
        });
        let style = self.understood("FRONTDESK_ACCENT_COLOR", branding::accent_style);
        let help = self.parsed(
            "FRONTDESK_HELP_ADDRESS",
            "an email address, or a web address that starts with https:// or http://",
            HelpAddress::parse,
        );
        Branding {
            company,
            notice,
            logo,
            style,
            help,
        }
    }

    /// One line of text for people.
    fn line(&mut self, name: &str, max: usize) -> Option<String> {
        self.understood(name, |text| {
            if text.chars().count() > max {
                Err(format!("has more than {max} characters"))
            } else if text.chars().any(is_refused) {
                Err("contains a control character".to_owned())
            } else {
                Ok(text.to_owned())
            }
        })
    }

    /// What `read` makes of a value, or the fault that it finds.
    fn understood<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match read(&self.text(name)?) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.fault(name, problem);
                None
            }
        }
    }

    fn log(&mut self) -> LogSettings {
        let is_json = self
            .parsed("FRONTDESK_LOG_FORMAT", "text or json", |text| match text {
                "text" => Some(false),
                "json" => Some(true),
                _ => None,
            })
            .unwrap_or(false);
        let filter = self.text("RUST_LOG").unwrap_or_else(|| "info".to_owned());
        LogSettings { filter, is_json }
    }

    /// A name with our prefix that no option has is a typing mistake; what Kubernetes injects for
    /// a service called frontdesk is not.
    fn refuse_unknown(&mut self) {
        let unknown: Vec<String> = self
            .variables
            .keys()
            .filter(|name| name.starts_with("OAUTH2_") || name.starts_with("FRONTDESK_"))
            .filter(|name| {
                *name != "FRONTDESK_PORT"
                    && !name.starts_with("FRONTDESK_PORT_")
                    && !name.starts_with("FRONTDESK_SERVICE_")
            })
            .filter(|name| !is_known(name))
            .cloned()
            .collect();
        for name in unknown {
            let near = OPTIONS.iter().find(|option| is_near(&name, option.name));
            let hint = near.map_or_else(
                || "see `frontdesk --help` for the list".to_owned(),
                |option| format!("did you mean {}?", option.name),
            );
            self.fault(&name, format!("is not a setting; {hint}"));
        }
    }
}

/// Whether each `%` begins a byte, and none of them is NUL.
fn is_percent_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        rest.get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .is_some_and(|byte| byte != 0)
    })
}

const HTTP_ADDRESS: &str = "an address that starts with https:// or http://";

fn http_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none();
    is_plain.then_some(url)
}

/// `30m`, `8h`, `7d`; at least a minute, at most ten years.
fn duration(text: &str) -> Option<Duration> {
    seconds(text, 60)
}

/// The same, of at least so many seconds.
fn seconds(text: &str, least: u64) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let total = number.parse::<u64>().ok()?.checked_mul(seconds)?;
    (least..=3660 * 86_400)
        .contains(&total)
        .then(|| Duration::from_secs(total))
}

fn on_or_off(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

fn networks(text: &str) -> Option<Vec<IpNet>> {
    text.split([',', ' '])
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| {
            item.parse::<IpNet>()
                .ok()
                .or_else(|| item.parse::<IpAddr>().ok().map(IpNet::from))
        })
        .collect()
}
