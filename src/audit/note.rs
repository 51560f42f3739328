//! A text written by an admin: a reason for an act, or a note about a person.

use serde::{Deserialize, Serialize};

use crate::text::is_forbidden;

/// The maximum length in characters.
pub const MAX_NOTE: usize = 500;

/// A note, trimmed and short enough. It is empty if nothing was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note(String);

impl Note {
    /// Parses a note. Returns `None` if the text is too long or has characters that could deceive
    /// its reader.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_plain = |c: char| matches!(c, '\n' | '\r' | '\t') || !is_forbidden(c);
        let is_note = text.chars().count() <= MAX_NOTE && text.chars().all(is_plain);
        is_note.then(|| Self(text.to_owned()))
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
