//! Whether a `SECRET_KEY` is one that somebody could guess: a placeholder of instructions, a pattern,
//! the keyboard. A random one of any usual spelling (hex, base64) is far from all of them.

/// In bytes.
const MIN_LENGTH: usize = 32;
const MIN_DISTINCT: usize = 10;
/// What must be left of it once what it repeats is taken out, or what just counts on.
const MIN_FRESH: usize = 24;
const MIN_JUMPS: usize = 4;
/// What must be left of it without the words of examples.
const MIN_OWN: usize = 20;
/// A piece that comes again is a repetition from this length on.
const PIECE: usize = 4;

/// What instructions and examples have where a key belongs.
const PLACEHOLDERS: &[&str] = &[
    "change",
    "replace",
    "example",
    "placeholder",
    "insert",
    "your",
    "secret",
    "password",
    "passwd",
    "default",
    "insecure",
    "please",
    "django",
    "frontdesk",
    "random",
    "string",
    "qwerty",
    "asdfgh",
    "zxcvbn",
    "letmein",
    "lorem",
    "ipsum",
    "todo",
    "xxxx",
    "production",
    "this",
    "super",
    "company",
    "years",
    "here",
    "with",
];

/// Long enough, and not of a few characters only.
pub fn is_long(key: &str) -> bool {
    key.len() >= MIN_LENGTH && distinct(key.as_bytes()) >= MIN_DISTINCT
}

/// Why somebody could guess it.
pub fn weakness(key: &str) -> Option<&'static str> {
    let mut rest = key.to_lowercase();
    for word in PLACEHOLDERS {
        rest = rest.replace(word, "");
    }
    let rest = rest.into_bytes();
    if fresh(key.as_bytes()) < MIN_FRESH {
        return Some("it repeats itself");
    }
    if jumps(key.as_bytes()) < MIN_JUMPS {
        return Some("its characters follow one another in sequence");
    }
    if fresh(&rest) < MIN_OWN || distinct(&rest) < MIN_DISTINCT {
        return Some("most of it is words used in examples");
    }
    None
}

fn distinct(bytes: &[u8]) -> usize {
    let mut bytes = bytes.to_vec();
    bytes.sort_unstable();
    bytes.dedup();
    bytes.len()
}

/// How many bytes are no part of a piece that stood there before.
fn fresh(bytes: &[u8]) -> usize {
    let mut count = 0;
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let longest = (0..at)
            .filter_map(|from| bytes.get(from..))
            .map(|before| {
                let same = before
                    .iter()
                    .zip(rest)
                    .take_while(|(one, other)| one == other);
                same.count()
            })
            .max()
            .unwrap_or(0);
        if longest >= PIECE {
            at += longest;
        } else {
            count += 1;
            at += 1;
        }
    }
    count
}

/// How many bytes are not the next, the one before or the same as their neighbour.
fn jumps(bytes: &[u8]) -> usize {
    let pairs = bytes.windows(2);
    pairs
        .filter(|pair| matches!(pair, [one, next] if one.abs_diff(*next) > 1))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{base64url, random_bytes, random_token};

    #[test]
    fn keys_that_somebody_could_guess_are_found() {
        for key in [
            "change-me-change-me-change-me-change-me",
            "change-me-change-me-change-me-0123456789",
            "please-change-this-secret-key-in-production",
            "your-secret-key-here-please-replace-me-1234",
            "0123456789abcdef0123456789abcdef",
            "0123456789abcdef0123456789abcdef0123456789abcdef",
            "abcdefghijklmnopqrstuvwxyz0123456789",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "qK3v9xT1qK3v9xT1qK3v9xT1qK3v9xT1",
            "correcthorse-correcthorse-correcthorse-x1",
            "qwertyuiopasdfghjklzxcvbnmqwertyuiop",
            "12345678901234567890123456789012",
        ] {
            assert!(!is_long(key) || weakness(key).is_some(), "{key}");
        }
    }

    #[test]
    fn a_sentence_of_one_s_own_is_taken() {
        for key in [
            "a completely different key, 0123456789",
            "process-tests-0123456789abcdefghijklmnopqrstuvwxyz",
        ] {
            assert!(is_long(key) && weakness(key).is_none(), "{key}");
        }
    }

    #[test]
    fn random_keys_of_any_spelling_are_taken() {
        let hex = |bytes: &[u8]| {
            use std::fmt::Write as _;
            bytes.iter().fold(String::new(), |mut text, byte| {
                let _infallible = write!(text, "{byte:02x}");
                text
            })
        };
        for _ in 0..500 {
            let bytes = random_bytes::<32>().expect("randomness");
            for key in [
                random_token().expect("randomness"),
                hex(&bytes),
                hex(&bytes[..24]),
                base64url(&bytes[..24]),
            ] {
                assert!(is_long(&key) && weakness(&key).is_none(), "{key}");
            }
        }
    }
}
