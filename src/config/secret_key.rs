//! Finds keys that could be guessed: placeholders from instructions, patterns, rows of the
//! keyboard. A random key in any usual spelling (hex, base64) is far from all of them.

use super::reader::{Reader, Reading};
use super::settings::OptionSpec;
use crate::secret::Secret;

/// The shortest key, in bytes.
const MIN_LENGTH: usize = 32;
const MIN_DISTINCT: usize = 10;
/// The fewest bytes that must remain without repetitions.
const MIN_FRESH: usize = 24;
/// The fewest bytes that must not continue a sequence with their neighbour.
const MIN_JUMPS: usize = 4;
/// The fewest bytes that must remain without repetitions and the words of examples.
const MIN_OWN: usize = 20;
/// The shortest piece that counts as a repetition.
const PIECE: usize = 4;

/// Words that instructions and examples use in place of a key.
const PLACEHOLDERS: &str = "change replace example placeholder insert your secret password passwd default insecure \
    please django frontdesk random string qwerty asdfgh zxcvbn letmein lorem ipsum todo xxxx \
    production this super company years here with";

impl Reader<'_> {
    /// Reads the key that encrypts. Data encrypted with an earlier weak key can still be read.
    pub(super) fn strong_secret_key(&mut self, option: &OptionSpec) -> Reading<Secret<String>> {
        let name = option.name;
        let Some(key) = self.secret_key(option)? else {
            return Err(self.fault(name, "is required; `frontdesk secret-key` prints a new one"));
        };
        if let Some(weakness) = weakness(key.expose()) {
            return Err(self.fault(
                name,
                format!(
                    "is easy to guess: {weakness}; `frontdesk secret-key` prints a new one. Set {name}=THE-NEW-KEY and, so that nobody is signed out, {name}_PREVIOUS=THE-CURRENT-KEY; remove the second line after FRONTDESK_SESSION_MAX"
                ),
            ));
        }
        Ok(key)
    }

    pub(super) fn secret_key(&mut self, option: &OptionSpec) -> Reading<Option<Secret<String>>> {
        let key = self.secret(option.name)?;
        if key.as_ref().is_some_and(|key| !is_long(key.expose())) {
            let why = "must be at least 32 random bytes; `frontdesk secret-key` prints a new one";
            return Err(self.fault(option.name, why.to_owned()));
        }
        Ok(key)
    }
}

/// Returns whether the key is long enough and has more than a few different characters.
fn is_long(key: &str) -> bool {
    key.len() >= MIN_LENGTH && distinct(key.as_bytes()) >= MIN_DISTINCT
}

/// Returns the reason why a key could be guessed, if there is one.
fn weakness(key: &str) -> Option<&'static str> {
    let mut rest = key.to_lowercase();
    for word in PLACEHOLDERS.split(' ') {
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

/// Counts the bytes that are not part of a piece that occurred before.
fn fresh(bytes: &[u8]) -> usize {
    let mut count = 0;
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let longest = (0..at)
            .filter_map(|from| bytes.get(from..))
            .map(|before| before.iter().zip(rest))
            .map(|pairs| pairs.take_while(|(one, other)| one == other).count())
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

/// Counts the bytes that differ from their neighbour by more than one.
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
