//! The reader of variables, which collects faults while it reads.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::settings::OptionSpec;
use super::values::Parse;
use crate::branding;
use crate::secret::Secret;
use crate::text::is_forbidden;

/// All faults of the settings, to be shown at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub(super) Vec<String>);

impl Faults {
    /// One sentence for each fault, starting with the variable's name.
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

/// There is no value, and its fault has already been reported.
pub(super) struct AlreadyReported;

pub(super) type Reading<T> = Result<T, AlreadyReported>;

pub(super) struct Reader<'a> {
    pub(super) variables: &'a HashMap<String, String>,
    /// Sorted by variable, so that the message does not depend on the order of reading.
    pub(super) faults: BTreeMap<String, String>,
    /// The redirect URL of the first provider, once the providers have been read.
    pub(super) first_redirect_url: Option<String>,
}

impl<'a> Reader<'a> {
    /// Runs one reading, and returns its value if it met no fault.
    pub(super) fn run<T>(
        variables: &'a HashMap<String, String>,
        read: impl FnOnce(&mut Self) -> Reading<T>,
    ) -> Result<T, Faults> {
        let mut reader = Self {
            variables,
            faults: BTreeMap::new(),
            first_redirect_url: None,
        };
        match read(&mut reader) {
            Ok(value) if reader.faults.is_empty() => Ok(value),
            _ => Err(reader.into_faults()),
        }
    }

    fn into_faults(self) -> Faults {
        let faults = self.faults.into_iter();
        Faults(
            faults
                .map(|(name, problem)| format!("{name} {problem}"))
                .collect(),
        )
    }

    /// Adds a fault. Only the first one of a variable counts.
    pub(super) fn fault(&mut self, name: &str, problem: impl Into<String>) -> AlreadyReported {
        self.faults
            .entry(name.to_owned())
            .or_insert_with(|| problem.into());
        AlreadyReported
    }

    pub(super) fn has_fault(&self, name: &str) -> bool {
        self.faults.contains_key(name) || self.faults.contains_key(&format!("{name}_FILE"))
    }

    /// Returns a variable's text. An empty variable counts as not set.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.variables.get(name)?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// Reads a setting that has a default.
    pub(super) fn value<T: Parse>(&mut self, option: &OptionSpec) -> Reading<T> {
        let text = self.text(option.name);
        let text = text.or_else(|| option.default.text().map(str::to_owned));
        let value = self.parsed(option.name, text)?;
        value.ok_or_else(|| self.fault(option.name, "is required"))
    }

    pub(super) fn optional<T: Parse>(&mut self, option: &OptionSpec) -> Reading<Option<T>> {
        let text = self.text(option.name);
        self.parsed(option.name, text)
    }

    /// Reads a list that is empty if it is not set.
    pub(super) fn value_or_none<T: Parse + Default>(&mut self, option: &OptionSpec) -> Reading<T> {
        Ok(self.optional(option)?.unwrap_or_default())
    }

    /// Parses a text from any source. An empty text counts as not set.
    pub(super) fn parsed<T: Parse>(
        &mut self,
        name: &str,
        text: Option<String>,
    ) -> Reading<Option<T>> {
        self.parsed_as(name, text, &T::expected(), T::parse)
    }

    /// Like [`Self::parsed`], with an expectation of its own.
    pub(super) fn parsed_as<T>(
        &mut self,
        name: &str,
        text: Option<String>,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Reading<Option<T>> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        if let Some(value) = parse(&text) {
            return Ok(Some(value));
        }
        // An address may hold a password, and a long value may be someone's secret.
        let is_word = text.chars().count() <= 40 && !text.contains(['@', '/', '?']);
        let shown = if is_word || name == "FRONTDESK_TIME_ZONE" {
            format!(", not {text:?}")
        } else {
            String::new()
        };
        Err(self.fault(name, format!("must be {expected}{shown}")))
    }

    /// Reads a secret from `NAME`, or from the file that `NAME_FILE` names.
    pub(super) fn secret(&mut self, name: &str) -> Reading<Option<Secret<String>>> {
        let file_name = format!("{name}_FILE");
        // Spaces at either end may be part of a secret.
        let value = self.variables.get(name);
        let value = value.filter(|value| !value.trim().is_empty());
        let path = self.text(&file_name);
        self.secret_or_file((name, value), (&file_name, path.as_deref()))
    }

    /// Returns a secret, or the content of the file that another setting names.
    pub(super) fn secret_or_file(
        &mut self,
        (name, secret): (&str, Option<&String>),
        (file_name, path): (&str, Option<&str>),
    ) -> Reading<Option<Secret<String>>> {
        match (secret, path) {
            (Some(_), Some(_)) => {
                Err(self.fault(file_name, format!("and {name} are both set; keep one")))
            }
            // An empty one counts as not set, as everywhere.
            (Some(secret), None) if secret.trim().is_empty() => Ok(None),
            (Some(secret), None) => Ok(Some(Secret::new(secret.clone()))),
            (None, Some(path)) => self.secret_in(file_name, path).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Reads the secret in a file, without its final line break. `name` is the setting that names
    /// the file.
    fn secret_in(&mut self, name: &str, path: &str) -> Reading<Secret<String>> {
        match std::fs::read_to_string(path) {
            Ok(text) if !text.trim().is_empty() => {
                let secret = text.trim_end_matches(['\r', '\n']);
                Ok(Secret::new(secret.to_owned()))
            }
            Ok(_) => Err(self.fault(name, format!("names an empty file: {path}"))),
            Err(error) => Err(self.fault(name, unreadable(path, &error))),
        }
    }

    /// Reads one line of text for people, at most `MAX` characters long.
    pub(super) fn line<const MAX: usize>(
        &mut self,
        option: &OptionSpec,
    ) -> Reading<Option<String>> {
        self.checked(option, |text| {
            if text.chars().count() > MAX {
                Err(format!("has more than {MAX} characters"))
            } else if text.chars().any(is_forbidden) {
                Err("contains a control character".to_owned())
            } else {
                Ok(text.to_owned())
            }
        })
    }

    pub(super) fn logo(&mut self, option: &OptionSpec) -> Reading<Option<branding::File>> {
        self.checked(option, |path| {
            branding::logo(std::fs::read(path).map_err(|error| unreadable(path, &error))?)
        })
    }

    pub(super) fn accent(&mut self, option: &OptionSpec) -> Reading<Option<branding::File>> {
        self.checked(option, branding::accent_style)
    }

    /// Reads an optional value, or reports the fault that `read` finds with it.
    fn checked<T>(
        &mut self,
        option: &OptionSpec,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Reading<Option<T>> {
        let read = self.text(option.name).map(|text| read(&text)).transpose();
        read.map_err(|problem| self.fault(option.name, problem))
    }
}

/// Returns the end of a sentence that begins with the name of the setting.
pub(super) fn unreadable(path: &str, error: &std::io::Error) -> String {
    format!("cannot be read: {path}: {error}")
}
