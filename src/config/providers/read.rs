//! Reads the descriptions of providers: one from variables (the short form), any number from a TOML
//! file. Both become the same [`Raw`] description, which [`super::build`] checks. A preset is a
//! description that provides defaults for an operator's own.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::build::Builder;
use super::{PROVIDER_ID, ProviderSettings, SettingsSource};
use crate::config::presets::PRESETS;
use crate::config::reader::{AlreadyReported, Reader, Reading, unreadable};
use crate::config::settings::{OptionSpec, VARIABLES, ValueForm, Variable};

/// The variable with the path of the file.
const NAME: &str = "FRONTDESK_PROVIDERS";

/// A provider as described, before anything is checked.
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

/// The number of providers. With several, each must say what it vouches for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum HowMany {
    One,
    Several,
}

impl Reader<'_> {
    /// Reads all providers, in the order of the sign-in page.
    pub(in crate::config) fn providers(
        &mut self,
        option: &OptionSpec,
    ) -> Reading<Vec<ProviderSettings>> {
        let file = self.text(option.name);
        let has_short_form = VARIABLES
            .iter()
            .map(|variable| variable.option.name)
            .any(|name| name.starts_with("OAUTH2_") && self.text(name).is_some())
            || self.text("OAUTH2_CLIENT_SECRET_FILE").is_some();
        let is_short = has_short_form || file.is_none();
        let tables = file.as_deref().map(|path| self.tables(path).ok());
        // A file that cannot be read most likely describes some.
        let described = tables
            .as_ref()
            .map_or(0, |tables| tables.as_ref().map_or(1, toml::Table::len));
        let count = if usize::from(is_short) + described == 1 {
            HowMany::One
        } else {
            HowMany::Several
        };
        let mut all = Vec::new();
        let mut is_whole = true;
        if is_short {
            let provider = self.short_form_beside(file.as_deref(), count);
            is_whole &= provider.is_some();
            all.extend(provider);
        }
        if let (Some(path), Some(tables)) = (&file, tables) {
            let providers = tables.and_then(|tables| self.described_in(path, tables, count));
            is_whole &= providers.is_some();
            all.extend(providers.unwrap_or_default());
        }
        all.sort_by(|one, two| (one.order, &one.id).cmp(&(two.order, &two.id)));
        self.refuse_doubles(&all);
        if !is_whole {
            return Err(AlreadyReported);
        }
        self.first_redirect_url = all.first().map(|first| first.redirect_url.clone());
        Ok(all)
    }

    /// Reads the provider of the variables, which may have been set by mistake beside a file.
    fn short_form_beside(
        &mut self,
        file: Option<&str>,
        count: HowMany,
    ) -> Option<ProviderSettings> {
        let faults = self.faults.len();
        let provider = self.short_form(count);
        // If this is all that is missing, the variables are intentional.
        let is_meant = self.faults.len() == faults + 1 && self.has_fault("OAUTH2_VOUCHES_FOR");
        if provider.is_none() && file.is_some() && !is_meant {
            self.fault(
                NAME,
                "is set together with OAUTH2_… variables, which describe one more provider; if there is none, remove all of them (settings of a provider in the file belong in the file)",
            );
        }
        provider
    }

    fn refuse_doubles(&mut self, all: &[ProviderSettings]) {
        for (place, provider) in all.iter().enumerate() {
            for other in all.iter().skip(place + 1) {
                if other.id == provider.id {
                    self.fault(
                        NAME,
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

    /// Reads the provider that the variables describe.
    fn short_form(&mut self, count: HowMany) -> Option<ProviderSettings> {
        let mut table = toml::Table::new();
        for variable in VARIABLES {
            if let Some(value) = self.written(variable) {
                insert(&mut table, variable.key, value);
            }
        }
        let is_open_id = table.contains_key("issuer");
        let kind = if is_open_id { "openid" } else { "oauth2" };
        insert(&mut table, "kind", kind.into());
        // The table of settings writes each value in the form of its key, which a test ensures.
        let raw = table.try_into().unwrap_or_default();
        let secret = self.secret("OAUTH2_CLIENT_SECRET").unwrap_or_default();
        let builder = Builder {
            reader: self,
            source: SettingsSource::Variables,
            raw,
            count,
        };
        builder.build(PROVIDER_ID, secret)
    }

    /// Converts a variable to the form that the file would use.
    fn written(&mut self, variable: &Variable) -> Option<toml::Value> {
        let name = variable.option.name;
        if matches!(variable.form, ValueForm::Verbatim) {
            return Some(self.variables.get(name)?.clone().into());
        }
        let text = self.text(name)?;
        Some(match variable.form {
            ValueForm::Secret => return None,
            ValueForm::Text | ValueForm::Verbatim => text.into(),
            ValueForm::Switch => self.parsed::<bool>(name, Some(text)).ok()??.into(),
            ValueForm::Number => self.parsed::<u32>(name, Some(text)).ok()??.into(),
            ValueForm::List => words(&text).into(),
            ValueForm::ListOfOne => vec![text].into(),
        })
    }

    /// Reads the tables of the TOML file, unchecked.
    fn tables(&mut self, path: &str) -> Reading<toml::Table> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| self.fault(NAME, unreadable(path, &error)))?;
        let tables: toml::Table = toml::from_str(&text)
            .map_err(|error| self.fault(NAME, in_line(path, &text, &error)))?;
        if tables.is_empty() {
            return Err(self.fault(NAME, format!("names a file without providers: {path}")));
        }
        Ok(tables)
    }

    /// Reads the providers of the TOML file. Returns `None` if one has a fault.
    fn described_in(
        &mut self,
        path: &str,
        tables: toml::Table,
        count: HowMany,
    ) -> Option<Vec<ProviderSettings>> {
        let folder = Path::new(path).parent();
        let number = tables.len();
        let all: Vec<ProviderSettings> = tables
            .into_iter()
            .filter_map(|(id, table)| self.described(&id, table, folder, count).ok())
            .collect();
        (all.len() == number).then_some(all)
    }

    /// Reads one provider of the TOML file in `folder`.
    fn described(
        &mut self,
        id: &str,
        table: toml::Value,
        folder: Option<&Path>,
        count: HowMany,
    ) -> Reading<ProviderSettings> {
        if !is_provider_id(id) {
            let problem = "must be an id of at most 32 lower-case letters, digits, - and _";
            return Err(self.fault(&format!("{NAME} {id}"), problem));
        }
        let mut raw = self.raw(id, table)?;
        for file in [
            &mut raw.client_secret_file,
            &mut raw.private_key_file,
            &mut raw.certificate_file,
            &mut raw.ca_file,
        ] {
            *file = file.take().map(|file| beside(folder, &file));
        }
        let source = SettingsSource::File(id.to_owned());
        let secret = ("client_secret", raw.client_secret.as_ref());
        let file_name = source.name("client_secret_file");
        let file = (file_name.as_str(), raw.client_secret_file.as_deref());
        let secret = self.secret_or_file(secret, file).unwrap_or_default();
        let builder = Builder {
            reader: self,
            source,
            raw,
            count,
        };
        builder.build(id, secret).ok_or(AlreadyReported)
    }

    /// Reads a table on top of the preset of its kind.
    fn raw(&mut self, id: &str, table: toml::Value) -> Reading<Raw> {
        let name = format!("{NAME} {id}");
        let toml::Value::Table(mut table) = table else {
            return Err(self.fault(&name, "must be a table, like [keycloak]"));
        };
        let kind = table.get("kind").and_then(toml::Value::as_str);
        let preset = PRESETS.iter().find(|(known, _)| Some(*known) == kind);
        if let Some((_, preset)) = preset {
            let mut beneath: toml::Table = toml::from_str(preset).map_err(|error| {
                self.fault(&name, format!("has a preset that cannot be read: {error}"))
            })?;
            table.remove("kind");
            lay_over(&mut beneath, table);
            table = beneath;
        }
        table.clone().try_into().map_err(|_| {
            self.name_bad_keys(&name, table);
            AlreadyReported
        })
    }

    /// Reports each key that is unknown or has a value of the wrong type. The value is never shown,
    /// because it may be a secret.
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
}

/// Splits a list on one line into words: `permissions, names`, or in `[ ]` as in the file. `[]` has
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

/// Returns whether a text is a provider's id: at most 32 lower-case letters, digits, - and _.
pub fn is_provider_id(id: &str) -> bool {
    id.len() <= 32
        && id.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && id
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

/// Sets a key, which may belong to an inner table: `mapping.email`.
fn insert(table: &mut toml::Table, key: &str, value: toml::Value) {
    let Some((outer, inner)) = key.split_once('.') else {
        table.insert(key.to_owned(), value);
        return;
    };
    let beneath = table
        .entry(outer)
        .or_insert_with(|| toml::Table::new().into());
    if let toml::Value::Table(beneath) = beneath {
        beneath.insert(inner.to_owned(), value);
    }
}

/// Lays the operator's values over ours. Tables are merged.
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

/// Resolves a path relative to the folder of the file.
fn beside(folder: Option<&Path>, file: &str) -> String {
    folder.map_or_else(
        || file.to_owned(),
        |folder| folder.join(file).to_string_lossy().into_owned(),
    )
}

/// Names the line without its text, which may be a secret.
fn in_line(path: &str, text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.lines().count().max(1));
    format!("cannot be read: {path}, line {line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variable_has_the_form_of_its_key() {
        for variable in VARIABLES {
            let value: toml::Value = match variable.form {
                ValueForm::Secret => continue,
                ValueForm::Text | ValueForm::Verbatim => "text".into(),
                ValueForm::Switch => true.into(),
                ValueForm::Number => 1.into(),
                ValueForm::List | ValueForm::ListOfOne => vec!["text"].into(),
            };
            let mut table = toml::Table::new();
            insert(&mut table, variable.key, value);
            let read = table.try_into::<Raw>();
            assert!(read.is_ok(), "{}: {:?}", variable.key, read.err());
        }
    }
}
