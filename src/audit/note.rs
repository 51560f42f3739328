//! What an admin writes: why they do something, or a note about someone.

/// Its length in characters, at most.
pub const MAX_NOTE: usize = 500;

/// Trimmed, and short enough; empty where nothing was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note(String);

impl Note {
    /// `None` for a text that is too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (text.chars().count() <= MAX_NOTE).then(|| Self(text.to_owned()))
    }

    /// A text of our own, or one that is stored.
    #[must_use]
    pub const fn of(text: String) -> Self {
        Self(text)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
