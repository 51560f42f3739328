//! Password hashes as Django stores them, for accounts that were imported from a Django app. They
//! are used once: the first sign-in replaces them with a fresh hash of our own.

use std::num::NonZeroU32;

use argon2::password_hash::{PasswordHash, PasswordVerifier as _};
use argon2::{Argon2, Params};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::secret::{Secret, is_pbkdf2_sha256};

/// The limits for one verification; Django's own defaults are far below. A more expensive hash
/// would keep everyone else waiting.
const MAX_ITERATIONS: u32 = 10_000_000;
/// The memory limit, in KiB.
const MAX_MEMORY: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 20;
const MAX_LANES: u32 = 64;

/// The length of SHA-256.
const LENGTH: usize = 32;

/// A kind of hash, with the parameters that make it expensive to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Pbkdf2 {
        iterations: NonZeroU32,
    },
    Argon2 {
        memory: u32,
        passes: u32,
        lanes: u32,
    },
}

/// A hash of a supported kind.
enum Stored<'a> {
    Pbkdf2 {
        iterations: NonZeroU32,
        salt: &'a str,
        hash: Vec<u8>,
    },
    Argon2(PasswordHash<'a>),
}

/// Returns whether `stored` is a complete hash of a supported kind that can be verified within the
/// limits.
pub fn is_usable(stored: &str) -> bool {
    read(stored).is_some()
}

pub fn kind(stored: &str) -> Option<Kind> {
    Some(match read(stored)? {
        Stored::Pbkdf2 { iterations, .. } => Kind::Pbkdf2 { iterations },
        Stored::Argon2(hash) => {
            let params = Params::try_from(&hash).ok()?;
            Kind::Argon2 {
                memory: params.m_cost(),
                passes: params.t_cost(),
                lanes: params.p_cost(),
            }
        }
    })
}

/// Returns whether `stored` is the hash of `password`. An unusable hash matches nothing.
pub fn is_correct(password: &Secret<String>, stored: &str) -> bool {
    let password = password.expose().as_bytes();
    match read(stored) {
        Some(Stored::Pbkdf2 {
            iterations,
            salt,
            hash,
        }) => is_pbkdf2_sha256(password, salt.as_bytes(), iterations, &hash),
        Some(Stored::Argon2(hash)) => Argon2::default().verify_password(password, &hash).is_ok(),
        None => false,
    }
}

fn read(stored: &str) -> Option<Stored<'_>> {
    match stored.split_once('$')? {
        ("pbkdf2_sha256", rest) => read_pbkdf2(rest),
        // The name is followed by a hash in PHC form, its own `$` included.
        ("argon2", _) => read_argon2(stored.strip_prefix("argon2")?),
        _ => None,
    }
}

/// Reads `ITERATIONS$SALT$HASH`.
fn read_pbkdf2(text: &str) -> Option<Stored<'_>> {
    let parts: Vec<&str> = text.split('$').collect();
    let &[iterations, salt, hash] = parts.as_slice() else {
        return None;
    };
    if salt.is_empty() || !iterations.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let iterations: NonZeroU32 = iterations.parse().ok()?;
    let hash = STANDARD.decode(hash).ok()?;
    (iterations.get() <= MAX_ITERATIONS && hash.len() == LENGTH).then_some(Stored::Pbkdf2 {
        iterations,
        salt,
        hash,
    })
}

/// Reads `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`.
fn read_argon2(text: &str) -> Option<Stored<'_>> {
    let hash = PasswordHash::new(text).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let is_whole =
        hash.algorithm.as_str() == "argon2id" && hash.salt.is_some() && hash.hash.is_some();
    let is_bounded = params.m_cost() <= MAX_MEMORY
        && params.t_cost() <= MAX_PASSES
        && params.p_cost() <= MAX_LANES;
    (is_whole && is_bounded).then_some(Stored::Argon2(hash))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The hash of [`ENGLISH`], by Django 5.2 with 1,000 iterations.
    pub const PBKDF2: &str =
        "pbkdf2_sha256$1000$uyQGXDP2qEeVGCWbAR4rZ8$d8wJaibZHrtsMbW3DIv569vaoxLvd1gv82f/kmXlHAE=";
    /// The hash of [`ENGLISH`], by Django 5.2 with its defaults.
    const PBKDF2_AS_IT_COMES: &str =
        "pbkdf2_sha256$1000000$uyQGXDP2qEeVGCWbAR4rZ8$VK8X/YL9SHA9P1wSjCQrQ/RryA5RHUg+uUvmTCEygxs=";
    /// The hash of [`CHINESE`], with one iteration.
    const PBKDF2_ONCE: &str =
        "pbkdf2_sha256$1$uyQGXDP2qEeVGCWbAR4rZ8$3/fAi/ik0axIC2hpG/pQ4rq+s/gtwx8VBpEJl+a+cyY=";
    /// The hash of [`ENGLISH`], by Django 5.2 with its defaults.
    const ARGON2: &str = "argon2$argon2id$v=19$m=102400,t=2,p=8$dXlRR1hEUDJxRWVWR0NXYkFSNHJaOA$h4nLDsqC50Oc2k9/SYwOVmLeg6YY8gImMYGHaxf3QKk";
    /// The hash of [`CHINESE`], with 8 MiB and one lane.
    const ARGON2_SMALL: &str = "argon2$argon2id$v=19$m=8192,t=2,p=1$dXlRR1hEUDJxRWVWR0NXYkFSNHJaOA$pAjbyDDqzv+o/u4fyHXrrkd47z8Occ3XnuNeofGakYs";
    pub const ENGLISH: &str = "correct horse battery";
    const CHINESE: &str = "清禾前台 旧密码";

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn the_password_of_a_hash_that_django_made_is_right_and_any_other_is_wrong() {
        for (stored, password) in [
            (PBKDF2, ENGLISH),
            (PBKDF2_AS_IT_COMES, ENGLISH),
            (PBKDF2_ONCE, CHINESE),
            (ARGON2, ENGLISH),
            (ARGON2_SMALL, CHINESE),
        ] {
            assert!(is_usable(stored), "{stored}");
            assert!(is_correct(&secret(password), stored), "{stored}");
        }
        for stored in [PBKDF2, PBKDF2_ONCE, ARGON2_SMALL] {
            for wrong in [
                "",
                "!",
                "correct horse batterx",
                "correct horse battery ",
                stored,
            ] {
                assert!(!is_correct(&secret(wrong), stored), "{wrong} {stored}");
            }
        }
    }

    #[test]
    fn anything_but_a_whole_hash_of_a_known_kind_opens_nothing() {
        for stored in [
            "",
            "!",
            "!x7Vq3kS0bT2nW8yZcAfEhJmPrUtXwY1d4G6iKoLs",
            "!pbkdf2_sha256$1000$uyQGXDP2qEeVGCWbAR4rZ8$d8wJaibZHrtsMbW3DIv569vaoxLvd1gv82f/kmXlHAE=",
            "pbkdf2_sha256",
            "pbkdf2_sha256$",
            "pbkdf2_sha256$$$",
            "pbkdf2_sha256$1000$uyQGXDP2qEeVGCWbAR4rZ8$",
            "pbkdf2_sha256$1000$$d8wJaibZHrtsMbW3DIv569vaoxLvd1gv82f/kmXlHAE=",
            "pbkdf2_sha256$+1000$uyQGXDP2qEeVGCWbAR4rZ8$d8wJaibZHrtsMbW3DIv569vaoxLvd1gv82f/kmXlHAE=",
            "pbkdf2_sha256$1000$uyQGXDP2qEeVGCWbAR4rZ8$d8wJaibZHrtsMbW3DIv569vaoxLvd1gv82f/kmXlHAE=$",
            "pbkdf2_sha256$1000$uyQGXDP2qEeVGCWbAR4rZ8$d8wJaibZHrtsMbW3DIv569va",
            "pbkdf2_sha1$1000$uyQGXDP2qEeVGCWbAR4rZ8$d8wJaibZHrtsMbW3DIv569vaoxLvd1gv82f/kmXlHAE=",
            "md5$uyQGXDP2qEeVGCWbAR4rZ8$19cea41bef870821e462784bc96767d3",
            "scrypt$16384$uyQGXDP2qEeVGCWbAR4rZ8$8$5$lYxjvEDuN44A8r2P1brQ+ocruNuj7Lk3O7xn8Sh+lrR30GwlDt6RAa4omAbnbR5Wh8oLDU4664w/f9W6/zdJMQ==",
            "argon2",
            "argon2$",
            "argon2$argon2id$",
            "argon2$argon2id$v=19$m=8192,t=2,p=1$dXlRR1hEUDJxRWVWR0NXYkFSNHJaOA",
            "argon2$argon2i$v=19$m=8192,t=2,p=1$dXlRR1hEUDJxRWVWR0NXYkFSNHJaOA$pAjbyDDqzv+o/u4fyHXrrkd47z8Occ3XnuNeofGakYs",
        ] {
            assert!(!is_usable(stored), "{stored}");
            for password in ["", "!", ENGLISH, CHINESE, stored] {
                assert!(!is_correct(&secret(password), stored), "{stored}");
            }
        }
    }

    #[test]
    fn a_hash_that_would_take_too_long_or_too_much_is_refused_unread() {
        for (from, to) in [
            ("$1000$", "$0$"),
            ("$1000$", "$10000001$"),
            ("$1000$", "$99999999999$"),
        ] {
            assert!(!is_usable(&PBKDF2.replace(from, to)), "{to}");
        }
        assert!(is_usable(&PBKDF2.replace("$1000$", "$10000000$")));
        for (from, to) in [
            ("m=8192", "m=1048577"),
            ("m=8192", "m=4294967295"),
            ("t=2", "t=21"),
            ("t=2", "t=0"),
            ("p=1", "p=65"),
        ] {
            assert!(!is_usable(&ARGON2_SMALL.replace(from, to)), "{to}");
        }
        assert!(is_usable(&ARGON2_SMALL.replace("m=8192", "m=1048576")));
    }
}
