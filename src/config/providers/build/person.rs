//! Where the answers describe a person, and which people may sign in.

use super::{Builder, default_text};
use crate::config::providers::{AdmissionRule, AdmissionRules, Mapping, Pointer};
use crate::text::is_forbidden;

impl Builder<'_, '_> {
    pub(super) fn mapping(&mut self) -> Mapping {
        let raw = std::mem::take(&mut self.raw.mapping);
        let is_open_id = self.is_open_id();
        let mut pointer = |key: &str, text: Option<String>, of_open_id: &str| {
            let default = default_text(key).filter(|_| !is_open_id);
            let text = text.unwrap_or_else(|| default.unwrap_or(of_open_id).to_owned());
            self.parsed(key, Some(text)).unwrap_or_default()
        };
        let subject = pointer("mapping.subject", raw.subject, "/sub");
        let username = pointer("mapping.username", raw.username, "/preferred_username");
        let first_name = pointer("mapping.first_name", raw.first_name, "/name");
        let email = pointer("mapping.email", raw.email, "/email");
        let is_verified = "/email_verified";
        let email_verified = pointer("mapping.email_verified", raw.email_verified, is_verified);
        let mut permissions: Vec<Pointer> = Vec::new();
        for text in raw.permissions {
            permissions.extend(self.parsed::<Pointer>("mapping.permissions", Some(text)));
        }
        let permission_name: Option<Pointer> =
            self.parsed("mapping.permission_name", raw.permission_name);
        self.check_permission_names();
        Mapping {
            subject,
            username,
            first_name,
            email,
            email_verified,
            permissions,
            permissions_separator: self.permissions_separator(),
            permission_name: permission_name.map(|pointer| pointer.path),
            permission_names: std::mem::take(&mut self.raw.permission_names),
            permission_prefix: std::mem::take(&mut self.raw.permission_prefix),
            only_named_permissions: self.raw.only_named_permissions,
        }
    }

    fn check_permission_names(&mut self) {
        let is_bad = |text: &String| text.chars().any(is_forbidden);
        let raw = &self.raw;
        if raw.permission_names.values().any(is_bad) || is_bad(&raw.permission_prefix) {
            self.fault("permission_names", "contains a control character");
        }
    }

    /// Returns the separator. Spaces alone are a separator too, but spaces around another one are
    /// ignored. An empty text counts as not set.
    fn permissions_separator(&mut self) -> Option<String> {
        let given = self.raw.permissions_separator.take();
        let given = given.filter(|text| !text.is_empty())?;
        let separator = match given.trim() {
            "" => given,
            separator => separator.to_owned(),
        };
        if separator.chars().any(char::is_alphanumeric) || separator.chars().count() > 8 {
            let problem = "must be a separator of names, like \",\" or \" \"";
            return self.refuse("permissions_separator", problem);
        }
        Some(separator)
    }

    pub(super) fn admission(&mut self) -> AdmissionRules {
        let domains = std::mem::take(&mut self.raw.admit_email_domains);
        let email_domains: Vec<String> = domains
            .iter()
            .map(|domain| domain.trim().to_lowercase())
            .collect();
        if email_domains
            .iter()
            .any(|domain| domain.is_empty() || domain.contains(['@', '*', ' ']))
        {
            self.fault(
                "admit_email_domains",
                "must contain domains, like example.com",
            );
        }
        let rules = std::mem::take(&mut self.raw.admit_values);
        AdmissionRules {
            email_domains,
            permissions: std::mem::take(&mut self.raw.admit_permissions),
            values: rules
                .into_iter()
                .filter_map(|(name, values)| self.rule(name, values))
                .collect(),
        }
    }

    /// Reads the values that one member of an answer must have: `/department`, or `token:/tenant`.
    fn rule(&mut self, name: String, values: Vec<String>) -> Option<AdmissionRule> {
        let token_path = name.strip_prefix("token:");
        let token_path = token_path.filter(|path| path.starts_with('/'));
        let token_path = token_path.map(str::to_owned);
        let pointer = match token_path {
            Some(_) => None,
            None => self.parsed("admit_values", Some(name)),
        };
        if values.is_empty() {
            self.fault("admit_values", "must contain lists of values");
        }
        (pointer.is_some() || token_path.is_some()).then(|| AdmissionRule {
            pointer,
            token_path: token_path.unwrap_or_default(),
            values,
        })
    }
}
