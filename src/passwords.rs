//! Local passwords: Argon2id hashes. An account without one has no password door at all.

use std::fmt;

use argon2::Argon2;
use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};

use crate::error::{Error, Result};
use crate::secret::Secret;

/// In characters. Longer than the longest is refused before any hashing.
pub const MIN_LENGTH: usize = 12;
pub const MAX_LENGTH: usize = 128;

/// Why a new password is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    TooShort,
    TooLong,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(f, "a password needs at least {MIN_LENGTH} characters"),
            Self::TooLong => write!(f, "a password has at most {MAX_LENGTH} characters"),
        }
    }
}

/// # Errors
/// [`Weakness`]
pub fn check_strength(password: &Secret<String>) -> Result<(), Weakness> {
    match password.expose().chars().count() {
        0..MIN_LENGTH => Err(Weakness::TooShort),
        MIN_LENGTH..=MAX_LENGTH => Ok(()),
        _ => Err(Weakness::TooLong),
    }
}

/// Argon2id in PHC form. Takes some 20 MB and tens of milliseconds: not for an async thread.
///
/// # Errors
/// [`Error::Internal`]
pub fn hash(password: &Secret<String>) -> Result<String> {
    let salt = SaltString::generate(&mut OsRng);
    Argon2::default()
        .hash_password(password.expose().as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| Error::Internal(format!("argon2: {error}")))
}

/// Whether `password` opens an account whose stored hash is `stored`. Without one, nothing does.
#[must_use]
pub fn is_correct(password: &Secret<String>, stored: Option<&str>) -> bool {
    let Some(stored) = stored.filter(|stored| stored.starts_with("$argon2id$")) else {
        return false;
    };
    PasswordHash::new(stored).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.expose().as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t81_nothing_opens_an_account_without_a_password() {
        for stored in [
            None,
            Some(""),
            Some("!"),
            Some("!abc"),
            Some("$argon2id$"),
            Some("x"),
        ] {
            for password in ["", "!", "x", "$argon2id$", "correct horse battery"] {
                assert!(!is_correct(&Secret::new(password.to_owned()), stored));
            }
        }
    }

    #[test]
    fn t81_the_right_password_opens_and_another_does_not() {
        let right = Secret::new("correct horse battery".to_owned());
        let stored = hash(&right).expect("argon2 works");
        assert!(is_correct(&right, Some(&stored)));
        assert!(!is_correct(
            &Secret::new("correct horse batterx".to_owned()),
            Some(&stored)
        ));
        assert!(!is_correct(&Secret::new(String::new()), Some(&stored)));
    }
}
