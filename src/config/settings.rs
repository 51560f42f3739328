//! Every setting, declared once: its variable, its default, its meaning, and its target. The target
//! is either a field of [`Settings`] with the function that reads it, or a key of the provider that
//! the variables describe.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use jiff::tz::TimeZone;

use super::database_url::DatabaseUrl;
use super::providers::ProviderSettings;
use super::public_url::PublicUrl;
use super::reader::{Reader, Reading};
use super::values::{LogFormat, PasswordLogin};
use super::webhooks::WebhookSettings;
use crate::branding::{self, HelpAddress};
use crate::i18n::Lang;
use crate::secret::Secret;

/// One setting: its variable, its default, and its meaning.
pub struct OptionSpec {
    pub name: &'static str,
    pub default: Fallback,
    pub meaning: &'static str,
    /// It can also be given as `NAME_FILE`, and is never printed.
    pub is_secret: bool,
}

/// The default of a setting, as `--help` and the documentation show it.
#[derive(Clone, Copy)]
pub enum Fallback {
    /// This value, which is read as if it had been set.
    Value(&'static str),
    /// The address with this path below `INTERNAL_URL_PREFIX`.
    BelowPrefix(&'static str),
    /// No value: the setting is required, can be left out, or follows from other settings.
    Words(&'static str),
}

use Fallback::{BelowPrefix, Value, Words};

impl Fallback {
    /// Returns the value or the path.
    pub(super) const fn text(self) -> Option<&'static str> {
        match self {
            Value(text) | BelowPrefix(text) => Some(text),
            Words(_) => None,
        }
    }
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value(text) => write!(f, "`{text}`"),
            BelowPrefix(path) => write!(f, "prefix + `{path}`"),
            Words(words) => f.write_str(words),
        }
    }
}

const fn option(name: &'static str, default: Fallback, meaning: &'static str) -> OptionSpec {
    OptionSpec {
        name,
        default,
        meaning,
        is_secret: false,
    }
}

const fn secret(name: &'static str, default: Fallback, meaning: &'static str) -> OptionSpec {
    OptionSpec {
        is_secret: true,
        ..option(name, default, meaning)
    }
}

/// A variable that stands for one key of a provider's description.
pub(super) struct Variable {
    /// The key, as in the file of providers.
    pub(super) key: &'static str,
    pub(super) form: ValueForm,
    pub(super) option: OptionSpec,
}

/// The form that the file of providers would use for a variable's text.
pub(super) enum ValueForm {
    Text,
    /// Text, including the spaces at its ends.
    Verbatim,
    Switch,
    Number,
    List,
    ListOfOne,
    /// Not part of the description; read separately, from `NAME` or `NAME_FILE`.
    Secret,
}

/// Makes the table of all settings, the struct of their values, and one reading function for each.
macro_rules! settings {
    (
        provider { $( $key:literal: $form:ident, $variable:expr; )* }
        portal { $( $(#[$attribute:meta])* $field:ident: $type:ty = $read:expr, $option:expr; )* }
    ) => {
        /// Every setting there is.
        pub const OPTIONS: &[OptionSpec] = &[$($variable,)* $($option,)*];

        /// The settings that describe one provider.
        pub(super) const VARIABLES: &[Variable] = &[
            $( Variable { key: $key, form: ValueForm::$form, option: $variable }, )*
        ];

        /// Everything that `serve` needs to know.
        #[derive(Debug)]
        pub struct Settings {
            $( $(#[$attribute])* pub $field: $type, )*
            #[cfg(feature = "failpoints")]
            pub failpoint: Option<String>,
        }

        impl Settings {
            $(
                pub(super) fn $field(reader: &mut Reader<'_>) -> Reading<$type> {
                    const OPTION: OptionSpec = $option;
                    $read(reader, &OPTION)
                }
            )*

            /// Reads every setting before it gives up, so that all faults are reported.
            pub(super) fn read(reader: &mut Reader<'_>) -> Reading<Self> {
                $( let $field = Self::$field(reader); )*
                Ok(Self {
                    $( $field: $field?, )*
                    #[cfg(feature = "failpoints")]
                    failpoint: reader.text("FRONTDESK_FAILPOINT"),
                })
            }
        }
    };
}

settings! {
    provider {
        "client_id": Text,
            option("OAUTH2_CLIENT_ID", Words("required"), "The client ID that the provider issued for Frontdesk");
        "client_secret": Secret,
            secret("OAUTH2_CLIENT_SECRET", Words("required"), "The client secret (not used with `OAUTH2_CLIENT_AUTH=none`)");
        "redirect_url": Text,
            option("OAUTH2_REDIRECT_URL", Words("required"), "The redirect URL, exactly as registered at the provider, e.g. `https://desk.example.com/oauth2_callback/`");
        "authorize_url": Text,
            option("OAUTH2_AUTHORIZE_URL", Words("required without `OAUTH2_ISSUER`"), "Where browsers are sent to sign in, e.g. `https://id.example.com/o/authorize/`");
        "issuer": Text,
            option("OAUTH2_ISSUER", Words("none"), "The OpenID Connect issuer, e.g. `https://id.example.com/realms/a`. The addresses come from its metadata, and the pointers below default to `/sub`, `/preferred_username`, `/name` and `/email`");
        "internal_url_prefix": Text,
            option("INTERNAL_URL_PREFIX", Words("none"), "The address under which this server reaches the provider; the next two settings default to paths below it");
        "token_url": Text,
            option("OAUTH2_TOKEN_URL", BelowPrefix("/o/token/"), "Where the code is exchanged for a token");
        "profile_url": Text,
            option("OAUTH2_USER_BASE_INFO_URL", BelowPrefix("/public-api/current_user/base_info"), "Where the profile is read");
        "permissions_url": Text,
            option("OAUTH2_USER_ALL_PERMISSIONS_URL", Words("none: permissions are not read"), "Where the permissions are read, e.g. prefix + `/public-api/current_user/all_permissions`");
        "client_auth": Text,
            option("OAUTH2_CLIENT_AUTH", Words("`post`; with `OAUTH2_ISSUER`, what its metadata offers"), "How the client secret is sent: `post` (in the form), `basic` (HTTP Basic) or `none` (a public client without a secret)");
        "pkce": Switch,
            option("OAUTH2_PKCE", Value("on"), "PKCE with S256; use `off` only for a provider that does not support it");
        "scope": Text,
            option("OAUTH2_SCOPE", Words("none; with `OAUTH2_ISSUER`, `openid profile email`"), "The scopes to request, separated by spaces");
        "mapping.subject": Text,
            option("OAUTH2_SUBJECT", Value("/name"), "JSON Pointer into the profile: the permanent identifier of a person");
        "mapping.username": Text,
            option("OAUTH2_USERNAME", Value("/name"), "JSON Pointer: the username");
        "mapping.first_name": Text,
            option("OAUTH2_FIRST_NAME", Value("/name_cn"), "JSON Pointer: the displayed name");
        "mapping.email": Text,
            option("OAUTH2_EMAIL", Value("/email"), "JSON Pointer: the email address");
        "mapping.permissions": ListOfOne,
            option("OAUTH2_PERMISSIONS", Words("the answer itself, or its `permissions` member"), "JSON Pointer to the list of permissions in the answer");
        "permissions_separator": Verbatim,
            option("OAUTH2_PERMISSIONS_SEPARATOR", Words("none: a string is one permission"), "The separator between several permissions in one string: `,`, or `\" \"` for a space");
        "mapping.permission_name": Text,
            option("OAUTH2_PERMISSION_NAME", Words("a string, or the object's `codename`"), "JSON Pointer into one item of the list: the permission's name");
        "label": Text,
            option("OAUTH2_PROVIDER_NAME", Words("Company account / 公司账号"), "The label on the sign-in button");
        "ca_file": Text,
            option("OAUTH2_CA_FILE", Words("none"), "A PEM file with an additional certificate authority for calls to the provider");
        "logout_url": Text,
            option("OAUTH2_LOGOUT_URL", Words("none"), "Where people sign out at the provider, for example to sign in as someone else");
        "proves_by": Text,
            option("OAUTH2_PROVES_BY", Value("auth_time"), "What counts as proof in a fresh sign-in: `auth_time` (signed by the provider, or a pushed prompt), or also `prompt` (in the browser's address, where the person at the browser can remove it)");
        "recheck": Text,
            option("OAUTH2_RECHECK", Value("5m"), "How often the provider is asked again about signed-in people, so that people who have left are signed out: `off`, or at least `1s`");
        "recheck_rate": Number,
            option("OAUTH2_RECHECK_RATE", Value("100"), "How many re-check calls each instance makes per second");
        "recheck_with": Text,
            option("OAUTH2_RECHECK_WITH", Words("`refresh` with `OAUTH2_ISSUER`, otherwise `profile`"), "What a re-check uses to ask the provider: `refresh` (the refresh token) or `profile` (the profile address)");
        "vouches_for": List,
            option("OAUTH2_VOUCHES_FOR", Words("all of them; required if `FRONTDESK_PROVIDERS` is set"), "What this provider's word counts for: `permissions`, `names`, `adoption`, `linking`, `leaving`, separated by commas; `[]` for nothing");
    }
    portal {
        // Several providers
        /// In the order of the sign-in page. The variables above describe one more provider.
        providers: Vec<ProviderSettings> = Reader::providers,
            option("FRONTDESK_PROVIDERS", Words("none"), "A TOML file that describes additional providers, or all of them (`docs/providers.md`)");
        auto_sign_in: bool = Reader::value,
            option("FRONTDESK_AUTO_SIGN_IN", Value("off"), "`on`: if there is only one provider, the sign-in page leads straight to it; `/login?local` still shows the page");

        // Database and keys
        database: DatabaseUrl = Reader::database,
            secret("DATABASE_URL", Value("frontdesk.sqlite3"), "A path for SQLite, `sqlite://PATH`, or `postgres://…`");
        secret_key: Secret<String> = Reader::strong_secret_key,
            secret("SECRET_KEY", Words("required by `serve`"), "At least 32 random bytes (`frontdesk secret-key` prints a key); encrypts cookies, sign-in attempts and the providers' tokens");
        secret_key_previous: Option<Secret<String>> = Reader::secret_key,
            secret("SECRET_KEY_PREVIOUS", Words("none"), "The previous key, which is still accepted for reading");

        // Network
        listen: SocketAddr = Reader::value,
            option("FRONTDESK_LISTEN", Value("127.0.0.1:8000"), "Address and port");
        public_url: PublicUrl = Reader::public_url,
            option("FRONTDESK_PUBLIC_URL", Words("the origin of `OAUTH2_REDIRECT_URL`"), "The address at which browsers reach Frontdesk; https turns on `Secure` cookies and HSTS");
        trusted_proxies: Vec<IpNet> = Reader::value_or_none,
            option("FRONTDESK_TRUSTED_PROXIES", Words("none"), "The proxies whose `X-Forwarded-For` is trusted: addresses and networks (CIDR), separated by commas");

        // Sessions, passwords and roles
        session_idle: Duration = Reader::value,
            option("FRONTDESK_SESSION_IDLE", Value("8h"), "A session ends after this long without a request");
        session_max: Duration = Reader::value,
            option("FRONTDESK_SESSION_MAX", Value("24h"), "A session ends this long after its sign-in, even if it is in use");
        sessions_per_person: i64 = Reader::value,
            option("FRONTDESK_SESSIONS_PER_PERSON", Value("50"), "How many sessions one person may have at once; the next sign-in ends the oldest");
        password_login: PasswordLogin = Reader::value,
            option("FRONTDESK_PASSWORD_LOGIN", Value("on"), "Who may sign in with a local password: `on` (everyone who has one), `superusers` (admins only) or `off` (nobody)");
        staff_permission: Option<String> = Reader::optional,
            option("FRONTDESK_STAFF_PERMISSION", Words("none"), "Holders of this permission are read-only admins");
        superuser_permission: Option<String> = Reader::optional,
            option("FRONTDESK_SUPERUSER_PERMISSION", Words("none"), "Holders of this permission are admins");

        // Pages
        language: Lang = Reader::value,
            option("FRONTDESK_LANGUAGE", Value("en"), "The language of pages if the browser does not ask for one: `en` or `zh-Hans`");
        time_zone: TimeZone = Reader::value,
            option("FRONTDESK_TIME_ZONE", Value("UTC"), "The time zone of displayed times, e.g. `Asia/Shanghai`");
        company_name: Option<String> = Reader::line::<60>,
            option("FRONTDESK_COMPANY_NAME", Words("none"), "The company's name on the pages; Chinese pages use `FRONTDESK_COMPANY_NAME_ZH` if it is set");
        company_name_zh: Option<String> = Reader::line::<60>,
            option("FRONTDESK_COMPANY_NAME_ZH", Words("`FRONTDESK_COMPANY_NAME`"), "The same for Chinese pages");
        notice: Option<String> = Reader::line::<300>,
            option("FRONTDESK_NOTICE", Words("none"), "One line shown to everyone on every page, e.g. about maintenance (at most 300 characters)");
        notice_zh: Option<String> = Reader::line::<300>,
            option("FRONTDESK_NOTICE_ZH", Words("`FRONTDESK_NOTICE`"), "The same for Chinese pages");
        logo: Option<branding::File> = Reader::logo,
            option("FRONTDESK_LOGO_FILE", Words("a bell"), "SVG, PNG, JPEG or WebP, at most 64 KiB; square images look best");
        /// The colour's custom properties.
        accent: Option<branding::File> = Reader::accent,
            option("FRONTDESK_ACCENT_COLOR", Words("`#2c49c4`"), "The colour of buttons and links. A colour with too little contrast is refused; dark mode uses a lighter shade");
        help: Option<HelpAddress> = Reader::optional,
            option("FRONTDESK_HELP_ADDRESS", Words("none"), "Where people ask for help: an email address or a web address");

        // Webhooks
        webhooks: Vec<WebhookSettings> = Reader::webhooks,
            option("FRONTDESK_WEBHOOKS", Words("none"), "A TOML file that describes outgoing webhooks: who is told of what (`docs/webhooks.md`)");

        // Records and the log
        adopts_imported: bool = Reader::value,
            option("FRONTDESK_ADOPT_IMPORTED", Value("off"), "`on`: a person's first sign-in through a provider adopts the imported account of the same username, unless that account has a role (`frontdesk import-django`)");
        keep_sign_ins: Duration = Reader::value,
            option("FRONTDESK_KEEP_SIGN_INS", Value("90d"), "How long the audit log keeps sign-ins and sign-outs");
        keep_acts: Duration = Reader::value,
            option("FRONTDESK_KEEP_ACTS", Value("400d"), "How long the audit log keeps all other events");
        backup_file: Option<PathBuf> = Reader::optional,
            option("FRONTDESK_BACKUP_FILE", Words("none"), "A file that each backup overwrites, or a folder of backups; the status page warns if the newest is more than two days old");
        log_format: LogFormat = Reader::value,
            option("FRONTDESK_LOG_FORMAT", Value("text"), "`text` or `json`, one line per entry");
        log_filter: String = Reader::value,
            option("RUST_LOG", Value("info"), "What is logged, in the syntax of env_logger");
    }
}

/// Returns the default of a setting by the name of its variable, if it is a value or a path.
pub fn default_of(name: &str) -> Option<&'static str> {
    let option = OPTIONS.iter().find(|option| option.name == name)?;
    option.default.text()
}

/// Returns the variable of a provider's key.
pub(super) fn variable(key: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.key == key)
}
