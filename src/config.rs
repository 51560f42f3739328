//! Settings: one table, parsed once into typed values, and all faults reported together.
//!
//! Each setting is declared once, in [`settings`]. `--help`, the tables in `docs/settings.md` and
//! the list of known names all come from it. This is the only place that reads the environment.

mod database_url;
mod environment;
mod misspellings;
mod presets;
mod providers;
mod public_url;
mod reader;
mod secret_key;
mod settings;
mod values;
mod webhooks;

pub use database_url::DatabaseUrl;
pub use environment::{ENV_FILE, environment};
pub use misspellings::near_misses;
pub use providers::{
    Addresses, AdmissionRule, AdmissionRules, AssertionAudience, ClientAuth, Dialect, Document,
    Mapping, PROVIDER_ID, Pointer, ProvesBy, ProviderSettings, Recheck, SettingsSource, SigningKey,
    TokenRequest, VouchesFor, is_provider_id,
};
pub use public_url::PublicUrl;
pub use reader::Faults;
pub use settings::{Fallback, OPTIONS, OptionSpec, Settings, default_of};
pub use values::{LogFormat, PasswordLogin};
pub use webhooks::{
    BadAddress, WebhookAddress, WebhookEvent, WebhookKind, WebhookSettings, is_loopback,
    webhook_url,
};

use std::collections::HashMap;

use crate::branding::{Bilingual, Branding};
use reader::Reader;

impl Settings {
    /// Reads the settings of `serve` from variables. The faults show no secret.
    pub fn parse(variables: &HashMap<String, String>) -> Result<Self, Faults> {
        Reader::run(variables, |reader| {
            let settings = Self::read(reader);
            reader.refuse_unknown();
            settings
        })
    }

    pub fn roles(&self) -> RoleSettings {
        RoleSettings {
            staff: self.staff_permission.clone(),
            superuser: self.superuser_permission.clone(),
            vouched_by: vouching_for_permissions(&self.providers),
        }
    }

    pub fn branding(&self) -> Branding {
        Branding {
            company: Bilingual {
                en: self.company_name.clone(),
                zh: self.company_name_zh.clone(),
            },
            notice: Bilingual {
                en: self.notice.clone(),
                zh: self.notice_zh.clone(),
            },
            logo: self.logo.clone(),
            style: self.accent.clone(),
            help: self.help.clone(),
        }
    }

    pub fn log(&self) -> LogSettings {
        LogSettings {
            filter: self.log_filter.clone(),
            is_json: self.log_format == LogFormat::Json,
        }
    }
}

/// The permissions that make people admins, and the providers whose word on them counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleSettings {
    pub staff: Option<String>,
    pub superuser: Option<String>,
    /// The ids of the providers that vouch for their permissions.
    pub vouched_by: Vec<String>,
}

impl RoleSettings {
    /// Reads the role settings, for commands that need nothing else. If a permission confers a
    /// role, the providers must be readable, since it would be unknown whose permissions count.
    pub fn of(variables: &HashMap<String, String>) -> Result<Self, Faults> {
        Reader::run(variables, |reader| {
            let staff = Settings::staff_permission(reader)?;
            let superuser = Settings::superuser_permission(reader)?;
            if staff.is_none() && superuser.is_none() {
                return Ok(Self::default());
            }
            let providers = Settings::providers(reader)?;
            Ok(Self {
                staff,
                superuser,
                vouched_by: vouching_for_permissions(&providers),
            })
        })
    }
}

/// Whose word on permissions counts, and whose is expected, for commands that decide by permissions
/// and need nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PermissionSettings {
    /// The ids of the providers that vouch for their permissions.
    pub vouched_by: Vec<String>,
    /// The ids of those among them that give permissions at all.
    pub expected: Vec<String>,
}

impl PermissionSettings {
    /// Reads the settings of the providers.
    pub fn of(variables: &HashMap<String, String>) -> Result<Self, Faults> {
        Reader::run(variables, |reader| {
            Ok(Self::from_providers(&Settings::providers(reader)?))
        })
    }

    pub fn from_providers(providers: &[ProviderSettings]) -> Self {
        let giving = providers
            .iter()
            .filter(|one| one.vouches_for.permissions && one.gives_permissions());
        Self {
            vouched_by: vouching_for_permissions(providers),
            expected: giving.map(|provider| provider.id.clone()).collect(),
        }
    }
}

fn vouching_for_permissions(providers: &[ProviderSettings]) -> Vec<String> {
    let vouching = providers.iter().filter(|one| one.vouches_for.permissions);
    vouching.map(|provider| provider.id.clone()).collect()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    pub filter: String,
    pub is_json: bool,
}

impl LogSettings {
    /// The same log with another filter.
    #[must_use]
    pub fn only(self, filter: &str) -> Self {
        let filter = filter.to_owned();
        Self { filter, ..self }
    }
}

/// Reads the log's settings, for commands that run without the rest.
pub fn log_settings(variables: &HashMap<String, String>) -> Result<LogSettings, Faults> {
    Reader::run(variables, |reader| {
        Ok(LogSettings {
            filter: Settings::log_filter(reader)?,
            is_json: Settings::log_format(reader)? == LogFormat::Json,
        })
    })
}

/// Reads the portal's time zone, for commands that need nothing else.
pub fn time_zone(variables: &HashMap<String, String>) -> Result<jiff::tz::TimeZone, Faults> {
    Reader::run(variables, Settings::time_zone)
}

/// Reads the database's address, for commands that need nothing else.
pub fn database_url(variables: &HashMap<String, String>) -> Result<DatabaseUrl, Faults> {
    Reader::run(variables, Settings::database)
}
