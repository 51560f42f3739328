//! The address of the database.

use std::path::PathBuf;

use url::Url;

use super::reader::{Reader, Reading};
use super::settings::OptionSpec;
use crate::secret::Secret;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    Sqlite(PathBuf),
    /// The whole address; it may hold a password.
    Postgres(Secret<String>),
}

impl DatabaseUrl {
    /// Parses the address, or returns the end of a sentence that says what is wrong with it.
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            // The client library would quote a password with a stray % in its error.
            if Url::parse(text).is_err() || !is_percent_encoded(text) {
                return Err("must be a valid address, like postgres://user@host/name");
            }
            return Ok(Self::Postgres(Secret::new(text.to_owned())));
        }
        let path = text.strip_prefix("sqlite://").unwrap_or(text);
        if path.is_empty() || path == ":memory:" || path.contains("://") {
            return Err("must be a path, sqlite://PATH or postgres://…");
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

impl Reader<'_> {
    pub(super) fn database(&mut self, option: &OptionSpec) -> Reading<DatabaseUrl> {
        let given = self.secret(option.name)?;
        let text = given.as_ref().map(|given| given.expose().as_str());
        let text = text.or(option.default.text()).unwrap_or_default();
        DatabaseUrl::parse(text).map_err(|problem| self.fault(option.name, problem))
    }
}

/// Returns whether each `%` begins an encoded byte, and none of those bytes is NUL.
fn is_percent_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        rest.get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .is_some_and(|byte| byte != 0)
    })
}
