//! The key of an app: its name in addresses, files and commands.

use super::MAX_KEY;

/// The addresses below `/admin/apps` have these names, so that no app can.
const TAKEN: &[&str] = &["new", "categories"];

/// Returns whether a text can be a key: 1 to [`MAX_KEY`] of `a` to `z`, `0` to `9` and `-`, not a
/// `-` at either end, and not the name of a page.
pub fn is_key(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= MAX_KEY
        && text.chars().all(is_plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !TAKEN.contains(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_plain_words() {
        for good in ["a", "mail", "it-help", "0", &"a".repeat(MAX_KEY)] {
            assert!(is_key(good), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "邮箱",
            "a b",
            "a_b",
            "new",
            "categories",
            &"a".repeat(MAX_KEY + 1),
        ] {
            assert!(!is_key(bad), "{bad}");
        }
    }
}
