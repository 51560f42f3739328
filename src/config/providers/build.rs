//! Turns a description into a provider's settings. Nothing in it is trusted until it has been
//! checked, and every fault is reported under its key.

mod addresses;
mod client;
mod dialect;
mod person;
mod trust;

use std::time::Duration;

use url::Url;

use super::read::{HowMany, Raw};
use super::{ProviderSettings, SettingsSource};
use crate::branding::{self, Bilingual};
use crate::config::presets::kinds;
use crate::config::reader::{Reader, unreadable};
use crate::config::settings::variable;
use crate::config::values::{Parse, one_of};
use crate::secret::Secret;
use crate::text::is_forbidden;

/// One description, and the reader that collects its faults.
pub(super) struct Builder<'a, 'b> {
    pub(super) reader: &'a mut Reader<'b>,
    pub(super) source: SettingsSource,
    pub(super) raw: Raw,
    pub(super) count: HowMany,
}

/// Takes a key's text from the description, and parses it.
macro_rules! taken {
    ($builder:ident.$key:ident) => {{
        let text = $builder.raw.$key.take();
        $builder.parsed(stringify!($key), text)
    }};
}
use taken;

impl Builder<'_, '_> {
    /// Reports a fault. Returns `None`, for a value that there is not because of it.
    fn refuse<T>(&mut self, key: &str, problem: impl Into<String>) -> Option<T> {
        self.fault(key, problem);
        None
    }

    fn fault(&mut self, key: &str, problem: impl Into<String>) {
        let name = self.source.name(key);
        self.reader.fault(&name, problem);
    }

    fn has_fault(&self, key: &str) -> bool {
        self.reader.has_fault(&self.source.name(key))
    }

    /// Parses a text. Returns `None` if there is no text or it has a fault.
    fn parsed<T: Parse>(&mut self, key: &str, text: Option<String>) -> Option<T> {
        self.parsed_as(key, text, &T::expected(), T::parse)
    }

    /// Like [`Self::parsed`], with an expectation of its own.
    fn parsed_as<T>(
        &mut self,
        key: &str,
        text: Option<String>,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let name = self.source.name(key);
        let read = self.reader.parsed_as(&name, text, expected, parse);
        read.unwrap_or_default()
    }

    /// Reads the file that a key names.
    fn content(&mut self, key: &str, path: &str) -> Option<Vec<u8>> {
        std::fs::read(path)
            .map_err(|error| self.fault(key, unreadable(path, &error)))
            .ok()
    }

    fn is_open_id(&self) -> bool {
        self.raw.issuer.is_some()
    }

    /// Returns `None` if something that every provider needs is missing. Other faults are only
    /// reported.
    pub(super) fn build(
        mut self,
        id: &str,
        secret: Option<Secret<String>>,
    ) -> Option<ProviderSettings> {
        self.check_kind();
        let client_id = self.client_id();
        let redirect = self.redirect(id);
        let internal_base = taken!(self.internal_url_prefix);
        let addresses = self.addresses(internal_base.as_ref());
        let vouches_for = self.vouches_for();
        let proves_by = taken!(self.proves_by).or_else(|| default_value("proves_by"));
        let secret_files = self.secret_files();
        let client_auth = self.client_auth();
        self.check_secret(client_auth, secret.as_ref());
        let pkce = self.pkce(client_auth);
        Some(ProviderSettings {
            id: id.to_owned(),
            label: self.label(),
            color: self.color(),
            order: self.raw.order,
            issuer: self.issuer(),
            discovery_url: taken!(self.discovery_url),
            internal_base,
            secret_files,
            client_auth,
            signing_key: self.signing_key(client_auth),
            scope: self.scope(),
            asks_userinfo: self.raw.ask_userinfo.unwrap_or(true),
            pushes_requests: self.raw.use_par,
            revokes_tokens: self.raw.revoke_tokens.unwrap_or(true),
            prompt: self.raw.prompt.take(),
            acr_values: self.raw.acr_values.take(),
            max_age: self.raw.max_age.map(Duration::from_secs),
            algorithms: self.algorithms(secret.as_ref()),
            trusted_audiences: std::mem::take(&mut self.raw.trusted_audiences),
            mapping: self.mapping(),
            admission: self.admission(),
            dialect: self.dialect(),
            recheck: self.recheck(),
            ca: self.ca_file(),
            client_secret: secret.unwrap_or_else(|| Secret::new(String::new())),
            // These come last: by now every fault has been reported.
            pkce: pkce?,
            client_id: client_id?,
            callback_path: redirect.as_ref()?.path.clone(),
            redirect_url: redirect?.url,
            addresses: addresses?,
            proves_by: proves_by?,
            vouches_for: vouches_for?,
            source: self.source,
        })
    }

    fn check_kind(&mut self) {
        match self.raw.kind.as_deref() {
            Some("openid") if self.raw.issuer.is_none() => self.fault("issuer", "is required"),
            Some("oauth2") if self.raw.issuer.is_some() => {
                self.fault("issuer", "is only for kind = \"openid\"");
            }
            Some("openid" | "oauth2") => {}
            _ => self.fault("kind", format!("must be {}", one_of(&kinds()))),
        }
    }

    /// Returns the issuer exactly as it was set, because it is compared byte for byte.
    fn issuer(&mut self) -> Option<String> {
        let text = self.raw.issuer.clone()?;
        let url: Url = self.parsed("issuer", Some(text.clone()))?;
        if url.query().is_some() || url.fragment().is_some() {
            return self.refuse("issuer", "must not have a query or fragment");
        }
        Some(text)
    }

    fn scope(&mut self) -> Option<String> {
        let scope = self.raw.scope.take();
        if !self.is_open_id() {
            return scope;
        }
        let asked = scope.unwrap_or_else(|| "openid profile email".to_owned());
        if !asked.split(' ').any(|word| word == "openid") {
            self.fault("scope", "must include openid, since there is an issuer");
        }
        Some(asked)
    }

    fn color(&mut self) -> Option<String> {
        let text = self.raw.color.take()?;
        let text = text.trim_start_matches('#').to_lowercase();
        if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.refuse("color", "must be a colour like #2c49c4");
        }
        Some(format!("#{text}"))
    }

    fn label(&mut self) -> Option<Bilingual> {
        let label = Bilingual {
            en: self.raw.label.take(),
            zh: self.raw.label_zh.take(),
        };
        for text in [&label.en, &label.zh].into_iter().flatten() {
            if text.chars().count() > branding::MAX_LABEL || text.chars().any(is_forbidden) {
                self.fault("label", "must be one line of at most 60 characters");
            }
        }
        (label.en.is_some() || label.zh.is_some()).then_some(label)
    }
}

/// Returns the default of a key that is also a variable, from the table of settings.
fn default_text(key: &str) -> Option<&'static str> {
    variable(key)?.option.default.text()
}

fn default_value<T: Parse>(key: &str) -> Option<T> {
    T::parse(default_text(key)?)
}
