//! A text written by an admin: a reason for an act, or a note about a person.

use serde::{Deserialize, Serialize};

/// The maximum length in characters.
pub const MAX_NOTE: usize = 500;

/// A note, trimmed and short enough. It is empty if nothing was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note(String);

impl Note {
    /// Parses a note. Returns `None` if the text is too long.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (text.chars().count() <= MAX_NOTE).then(|| Self(text.to_owned()))
    }

    /// Wraps a text that is our own or already stored.
    #[must_use]
    pub const fn of(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
