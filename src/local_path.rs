//! The one answer to "is this address ours?": paths of this portal to which a person may be sent.

use url::{Position, Url};

/// A path of this portal, with its query if there is one: begins with one `/` and, whatever a
/// browser makes of it, stays on this origin. Fragments are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalPath(String);

/// An authorize address that carries it sealed stays under 2,000 characters: Django drops a longer
/// one on the way through its own sign-in page.
const MAX_BYTES: usize = 1000;

impl LocalPath {
    /// The home page.
    #[must_use]
    pub fn home() -> Self {
        Self("/".to_owned())
    }

    /// `None` unless `text` is a path of this origin for every reader: printable ASCII or
    /// letters beyond it, no backslash, no `//` at its beginning however it is written, and the
    /// same origin when resolved as the URL standard says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_clean = text.len() <= MAX_BYTES
            && text.starts_with('/')
            && !text.chars().any(|c| {
                c == '\\' || c.is_control() || c.is_whitespace() || is_lookalike_or_format(c)
            });
        if !is_clean {
            return None;
        }
        // A path whose first segment is empty, also after decoding, would name a host.
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

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a `Location` or a query value can carry it: ASCII alone, all else percent-encoded.
    #[must_use]
    pub fn to_ascii(&self) -> String {
        percent_encoding::utf8_percent_encode(&self.0, percent_encoding::CONTROLS).to_string()
    }
}

/// Dot segments at the beginning that leave an empty segment behind: `/.//host`, `/x/..//host`.
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

/// Characters that some reader folds into `/`, `.` or nothing.
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
