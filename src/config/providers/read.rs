//! Providers as they are written down: one by variables (the short form), any number in a TOML
//! file. Both become the same [`Raw`] description, of which [`super::build`] makes settings; a
//! preset is a description that lies beneath an operator's own.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::build::Builder;
use super::{PROVIDER_ID, ProviderSettings, Source, VARIABLES};
use crate::config::{Reader, on_or_off};
use crate::secret::Secret;

/// Descriptions that lie beneath an operator's own, by their kind.
const PRESETS: &[(&str, &str)] = &[
    ("platform", include_str!("../presets/platform.toml")),
    ("feishu", include_str!("../presets/feishu.toml")),
    ("lark", include_str!("../presets/lark.toml")),
    ("dingtalk", include_str!("../presets/dingtalk.toml")),
    ("wecom", include_str!("../presets/wecom.toml")),
    ("github", include_str!("../presets/github.toml")),
    ("gitlab", include_str!("../presets/gitlab.toml")),
];

/// A provider as it is written down, before anything of it is believed.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    pub(super) kind: Option<String>,
    pub(super) label: Option<String>,
    pub(super) label_zh: Option<String>,
    pub(super) color: Option<String>,
    pub(super) order: i64,
    pub(super) issuer: Option<String>,
    pub(super) discovery_url: Option<String>,
    pub(super) internal_url_prefix: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<String>,
    pub(super) client_secret_file: Option<String>,
    pub(super) client_auth: Option<String>,
    pub(super) private_key_file: Option<String>,
    pub(super) private_key_id: Option<String>,
    pub(super) certificate_file: Option<String>,
    pub(super) client_assertion_audience: Option<String>,
    pub(super) pkce: Option<bool>,
    pub(super) scope: Option<String>,
    pub(super) redirect_url: Option<String>,
    pub(super) authorize_url: Option<String>,
    pub(super) token_url: Option<String>,
    pub(super) userinfo_url: Option<String>,
    pub(super) profile_url: Option<String>,
    pub(super) permissions_url: Option<String>,
    pub(super) jwks_url: Option<String>,
    pub(super) par_url: Option<String>,
    pub(super) revocation_url: Option<String>,
    pub(super) end_session_url: Option<String>,
    pub(super) logout_url: Option<String>,
    pub(super) ask_userinfo: Option<bool>,
    pub(super) use_par: bool,
    pub(super) revoke_tokens: Option<bool>,
    pub(super) prompt: Option<String>,
    pub(super) acr_values: Option<String>,
    pub(super) max_age: Option<u64>,
    pub(super) proves_by: Option<String>,
    pub(super) id_token_algorithms: Option<Vec<String>>,
    pub(super) trusted_audiences: Vec<String>,
    pub(super) ca_file: Option<String>,
    pub(super) recheck: Option<String>,
    pub(super) recheck_rate: Option<u32>,
    pub(super) recheck_with: Option<String>,
    pub(super) vouches_for: Option<Vec<String>>,
    pub(super) admit_email_domains: Vec<String>,
    pub(super) admit_permissions: Vec<String>,
    pub(super) admit_values: BTreeMap<String, Vec<String>>,
    pub(super) permission_prefix: String,
    pub(super) permissions_separator: Option<String>,
    pub(super) only_named_permissions: bool,
    pub(super) permission_names: BTreeMap<String, String>,
    pub(super) mapping: RawMapping,
    pub(super) dialect: RawDialect,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMapping {
    pub(super) subject: Option<String>,
    pub(super) username: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) email_verified: Option<String>,
    pub(super) permissions: Vec<String>,
    pub(super) permission_name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDialect {
    pub(super) authorize_params: BTreeMap<String, String>,
    pub(super) authorize_extra: BTreeMap<String, String>,
    pub(super) callback_code: Option<String>,
    pub(super) token_request: Option<String>,
    pub(super) token_params: BTreeMap<String, String>,
    pub(super) token_extra: BTreeMap<String, String>,
    pub(super) token_envelope: Option<String>,
    pub(super) profile_envelope: Option<String>,
    pub(super) ok_member: Option<String>,
    pub(super) ok_value: Option<toml::Value>,
    pub(super) access_token: Option<String>,
    pub(super) refresh_token: Option<String>,
    pub(super) expires_in: Option<String>,
    pub(super) token_type: Option<bool>,
    pub(super) token_header: Option<String>,
    pub(super) profile_query: BTreeMap<String, String>,
    pub(super) details_url: Option<String>,
    pub(super) details_query: BTreeMap<String, String>,
    pub(super) details_pick: Option<String>,
    pub(super) error_member: Option<String>,
    pub(super) refused_values: Vec<toml::Value>,
}

impl Reader<'_> {
    /// Every provider, in the order of the sign-in page. `None` when one has a fault.
    pub(in crate::config) fn providers(&mut self) -> Option<Vec<ProviderSettings>> {
        let file = self.text("FRONTDESK_PROVIDERS");
        let mut all = Vec::new();
        let mut is_whole = true;
        let has_short_form = VARIABLES
            .iter()
            .any(|(_, name)| name.starts_with("OAUTH2_") && self.text(name).is_some())
            || self.text("OAUTH2_CLIENT_SECRET_FILE").is_some();
        let is_short = has_short_form || file.is_none();
        let tables = file.as_deref().map(|path| self.tables(path));
        let count = usize::from(is_short)
            + match &tables {
                // One that cannot be read has some, most likely.
                Some(tables) => tables.as_ref().map_or(1, toml::Table::len),
                None => 0,
            };
        let faults = self.faults.len();
        if is_short {
            if let Some(provider) = self.short_form(count == 1) {
                all.push(provider);
            } else {
                is_whole = false;
                // Whoever described it wholly but for that does mean it.
                let is_meant =
                    self.faults.len() == faults + 1 && self.has_fault("OAUTH2_VOUCHES_FOR");
                if file.is_some() && !is_meant {
                    self.fault(
                        "FRONTDESK_PROVIDERS",
                        "is set together with OAUTH2_… variables, which describe one more provider; if there is none, remove all of them (settings of a provider in the file belong in the file)",
                    );
                }
            }
        }
        if let (Some(path), Some(tables)) = (&file, tables) {
            match tables.and_then(|tables| self.described_in(path, tables, count == 1)) {
                Some(providers) => all.extend(providers),
                None => is_whole = false,
            }
        }
        all.sort_by(|one, two| (one.order, &one.id).cmp(&(two.order, &two.id)));
        self.refuse_doubles(&all);
        is_whole.then_some(all)
    }

    fn refuse_doubles(&mut self, all: &[ProviderSettings]) {
        for (place, provider) in all.iter().enumerate() {
            for other in all.iter().skip(place + 1) {
                if other.id == provider.id {
                    self.fault(
                        "FRONTDESK_PROVIDERS",
                        format!(
                            "has a provider called {}, which the OAUTH2_… variables define as well",
                            other.id
                        ),
                    );
                } else if other.callback_path == provider.callback_path {
                    let name = other.source.name("redirect_url");
                    self.fault(
                        &name,
                        format!("has the same path as that of {}", provider.id),
                    );
                }
            }
        }
    }

    /// The provider of the variables.
    fn short_form(&mut self, is_alone: bool) -> Option<ProviderSettings> {
        let of = |key: &str| {
            let (_, name) = VARIABLES.iter().find(|(known, _)| *known == key)?;
            self.text(name)
        };
        let is_open_id = of("issuer").is_some();
        let mut raw = Raw {
            label: of("label"),
            issuer: of("issuer"),
            internal_url_prefix: of("internal_url_prefix"),
            client_id: of("client_id"),
            client_auth: of("client_auth"),
            scope: of("scope"),
            redirect_url: of("redirect_url"),
            authorize_url: of("authorize_url"),
            token_url: of("token_url"),
            profile_url: of("profile_url"),
            permissions_url: of("permissions_url"),
            logout_url: of("logout_url"),
            ca_file: of("ca_file"),
            proves_by: of("proves_by"),
            recheck: of("recheck"),
            recheck_with: of("recheck_with"),
            mapping: RawMapping {
                subject: of("mapping.subject"),
                username: of("mapping.username"),
                first_name: of("mapping.first_name"),
                email: of("mapping.email"),
                email_verified: None,
                permissions: of("mapping.permissions").into_iter().collect(),
                permission_name: of("mapping.permission_name"),
            },
            kind: Some(if is_open_id { "openid" } else { "oauth2" }.to_owned()),
            ..Raw::default()
        };
        // As it is written: it may be a space.
        raw.permissions_separator = self.variables.get("OAUTH2_PERMISSIONS_SEPARATOR").cloned();
        raw.pkce = self.parsed("OAUTH2_PKCE", "on or off", on_or_off);
        raw.recheck_rate = self.parsed("OAUTH2_RECHECK_RATE", "a number from 1 to 10000", |text| {
            text.parse().ok()
        });
        raw.vouches_for = self.text("OAUTH2_VOUCHES_FOR").map(|text| words(&text));
        let secret = self.secret("OAUTH2_CLIENT_SECRET");
        let builder = Builder::new(self, Source::Variables, raw, is_alone);
        builder.build(PROVIDER_ID, secret)
    }

    /// The tables of the TOML file, as they stand there.
    fn tables(&mut self, path: &str) -> Option<toml::Table> {
        const NAME: &str = "FRONTDESK_PROVIDERS";
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                self.fault(NAME, format!("cannot be read: {path}: {error}"));
                return None;
            }
        };
        let tables: toml::Table = match toml::from_str(&text) {
            Ok(tables) => tables,
            Err(error) => {
                self.fault(NAME, in_line(path, &text, &error));
                return None;
            }
        };
        if tables.is_empty() {
            self.fault(NAME, format!("names a file without providers: {path}"));
            return None;
        }
        Some(tables)
    }

    /// The providers of the TOML file.
    fn described_in(
        &mut self,
        path: &str,
        tables: toml::Table,
        is_alone: bool,
    ) -> Option<Vec<ProviderSettings>> {
        const NAME: &str = "FRONTDESK_PROVIDERS";
        let folder = Path::new(path).parent().map(Path::to_path_buf);
        let mut all = Vec::new();
        let mut is_whole = true;
        for (id, table) in tables {
            let source = Source::File(id.clone());
            let provider = is_provider_id(&id)
                .then_some(())
                .or_else(|| {
                    self.fault(
                        &format!("{NAME} {id}"),
                        "must be an id of at most 32 lower-case letters, digits, - and _",
                    );
                    None
                })
                .and_then(|()| self.described(&id, table))
                .and_then(|mut raw| {
                    for file in [
                        &mut raw.client_secret_file,
                        &mut raw.private_key_file,
                        &mut raw.certificate_file,
                        &mut raw.ca_file,
                    ] {
                        *file = file.take().map(|file| beside(folder.as_deref(), &file));
                    }
                    let secret = self.file_secret(&source, &raw);
                    Builder::new(self, source, raw, is_alone).build(&id, secret)
                });
            match provider {
                Some(provider) => all.push(provider),
                None => is_whole = false,
            }
        }
        is_whole.then_some(all)
    }

    /// A table, with the preset of its kind beneath it.
    fn described(&mut self, id: &str, table: toml::Value) -> Option<Raw> {
        let name = format!("FRONTDESK_PROVIDERS {id}");
        let toml::Value::Table(mut table) = table else {
            self.fault(&name, "must be a table, like [keycloak]");
            return None;
        };
        let kind = table.get("kind").and_then(toml::Value::as_str);
        let preset = PRESETS.iter().find(|(known, _)| Some(*known) == kind);
        if let Some((_, preset)) = preset {
            let mut beneath: toml::Table = match toml::from_str(preset) {
                Ok(beneath) => beneath,
                Err(error) => {
                    self.fault(&name, format!("has a preset that cannot be read: {error}"));
                    return None;
                }
            };
            table.remove("kind");
            lay_over(&mut beneath, table);
            table = beneath;
        }
        let raw = table.clone().try_into::<Raw>().ok();
        if raw.is_none() {
            self.name_bad_keys(&name, table);
        }
        raw
    }

    /// A fault for each key that cannot be; never its value, which may be a secret.
    fn name_bad_keys(&mut self, name: &str, table: toml::Table) {
        for (key, value) in table {
            let parts = match value {
                toml::Value::Table(inner) => inner
                    .into_iter()
                    .map(|(part, value)| {
                        let inner = toml::Table::from_iter([(part.clone(), value)]);
                        (format!("{key}.{part}"), toml::Value::Table(inner))
                    })
                    .collect(),
                value => vec![(key.clone(), value)],
            };
            for (path, value) in parts {
                let alone = toml::Table::from_iter([(key.clone(), value)]);
                let Err(error) = alone.try_into::<Raw>() else {
                    continue;
                };
                let problem = if error.message().starts_with("unknown field") {
                    "is not a known key; see docs/providers.md for the list"
                } else {
                    "has a value of the wrong type: texts must be in quotes, lists in [ ]"
                };
                self.fault(&format!("{name}.{path}"), problem);
            }
        }
    }

    fn file_secret(&mut self, source: &Source, raw: &Raw) -> Option<Secret<String>> {
        match (&raw.client_secret, &raw.client_secret_file) {
            (Some(_), Some(_)) => {
                self.fault(
                    &source.name("client_secret_file"),
                    "and client_secret are both set; keep one",
                );
                None
            }
            // An empty one counts as not set, as everywhere.
            (Some(secret), None) => {
                Some(Secret::new(secret.clone())).filter(|_| !secret.trim().is_empty())
            }
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) if !text.trim().is_empty() => {
                    Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
                }
                Ok(_) => {
                    let name = source.name("client_secret_file");
                    self.fault(&name, format!("names an empty file: {path}"));
                    None
                }
                Err(error) => {
                    let name = source.name("client_secret_file");
                    self.fault(&name, format!("cannot be read: {path}: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }
}

/// The words of a list in one line: `permissions, names`, also in `[ ]` as in the file; `[]` has
/// none.
fn words(text: &str) -> Vec<String> {
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    inner
        .split(|c: char| c == ',' || c.is_whitespace())
        .map(|word| word.trim_matches(['"', '\'']))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What a provider's id may be.
#[must_use]
pub fn is_provider_id(id: &str) -> bool {
    id.len() <= 32
        && id.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && id
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

/// What the operator wrote counts; a table of theirs adds to ours.
fn lay_over(beneath: &mut toml::Table, above: toml::Table) {
    for (key, value) in above {
        match (beneath.get_mut(&key), value) {
            (Some(toml::Value::Table(ours)), toml::Value::Table(theirs)) => lay_over(ours, theirs),
            (_, value) => {
                beneath.insert(key, value);
            }
        }
    }
}

/// A path in the file is seen from the file.
fn beside(folder: Option<&Path>, file: &str) -> String {
    folder.map_or_else(
        || file.to_owned(),
        |folder| folder.join(file).to_string_lossy().into_owned(),
    )
}

/// The line, without its text: it may be a secret's.
fn in_line(path: &str, text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| {
        text.get(..span.start)
            .unwrap_or_default()
            .lines()
            .count()
            .max(1)
    });
    format!("cannot be read: {path}, line {line}")
}
