//! The one answer to "is this address ours?": paths of this portal to which a person may be sent.

use url::{Position, Url};

/// A path of this portal, with its query if there is one. It begins with a single `/` and stays on
/// this origin however a browser reads it. Fragments are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

/// Keeps an authorize address that carries the sealed path below 2,000 characters: Django drops a
/// longer one during its own sign-in.
const MAX_BYTES: usize = 1000;

impl LocalPath {
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// Parses a path. Returns `None` unless every reader takes `text` for a path of this origin: it
    /// has only printable ASCII or letters beyond it, no backslash, and no `//` at its beginning in
    /// any spelling, and it resolves to the same origin by the URL standard.
    pub fn parse(text: &str) -> Option<Self> {
        let is_clean = text.len() <= MAX_BYTES
            && text.starts_with('/')
            && !text.chars().any(|c| {
                c == '\\' || c.is_control() || c.is_whitespace() || is_lookalike_or_format(c)
            });
        if !is_clean {
            return None;
        }
        // A path whose first segment is empty, even after decoding, would name a host.
        let path = text.split(['?', '#']).next()?;
        let mut decoded = path.to_owned();
        for _ in 0..3 {
            if decoded.starts_with("//") || decoded.starts_with("/\\") || has_empty_start(&decoded)
            {
                return None;
            }
            decoded = percent_encoding::percent_decode_str(&decoded)
                .decode_utf8_lossy()
                .into_owned();
            if decoded.chars().any(|c| c.is_control() || c == '\\') {
                return None;
            }
        }
        let base = Url::parse("https://portal.invalid/login/now").ok()?;
        let url = base.join(text).ok()?;
        let stays = url[..Position::BeforePath] == base[..Position::BeforePath]
            && !url.path().starts_with("//");
        stays.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path for a `Location` or a query value: ASCII only, all else percent-encoded.
    pub fn to_ascii(&self) -> String {
        percent_encoding::utf8_percent_encode(&self.0, percent_encoding::CONTROLS).to_string()
    }
}

/// Returns whether dot segments at the beginning leave an empty segment: `/.//host`, `/x/..//host`.
fn has_empty_start(path: &str) -> bool {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    kept.len() > 1 && kept.first().is_some_and(|first| first.is_empty())
}

/// Returns whether some reader folds a character into `/`, `.` or nothing.
const fn is_lookalike_or_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2024}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2044}'
            | '\u{2060}'..='\u{2069}'
            | '\u{2215}'
            | '\u{3002}'
            | '\u{fe52}'
            | '\u{feff}'
            | '\u{ff0e}'
            | '\u{ff0f}'
            | '\u{ff3c}'
            | '\u{ff61}'
    )
}
