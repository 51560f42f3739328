//! Local passwords, stored as Argon2id hashes. An account without one cannot be signed in to with a
//! password. An account imported from a Django app keeps Django's hash until its first sign-in.

mod cost;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Argon2, Params};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

pub use cost::CostliestHashes;

use crate::error::{Error, Result};
use crate::import_django::django_hash;
use crate::secret::Secret;

/// Lengths are in characters. Longer passwords are refused before any hashing.
pub const MIN_LENGTH: usize = 12;
pub const MAX_LENGTH: usize = 128;

/// Each hashing takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// At most this many people wait. Anyone else is asked to try again.
const MAX_WAITING: usize = 100;
/// Anyone who has waited this long is asked to try again, too.
const PATIENCE: Duration = Duration::from_secs(6);

/// The most common passwords that the other rules would accept, in lower case: those from the list
/// that Django ships (from public leaks), and common ones that extend a word or a keyboard row.
const COMMON: &str = include_str!("passwords/common.txt");

/// Words that stay easy to guess, whatever digits and signs follow.
const COMMON_WORDS: &str = "password passw0rd p@ssword p@ssw0rd qwerty qwertyuiop asdfghjkl admin \
    administrator welcome letmein iloveyou changeme woaini frontdesk company secret default test \
    abc abcdef qazwsx zxcvbnm mima nihao root";

/// Why a new password is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    TooShort,
    TooLong,
    /// One of the first that an attacker would try.
    Common,
    /// Little more than the username.
    LikeUsername,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(f, "a password needs at least {MIN_LENGTH} characters"),
            Self::TooLong => write!(f, "a password has at most {MAX_LENGTH} characters"),
            Self::Common => f.write_str("that password is too common"),
            Self::LikeUsername => f.write_str("that password is too similar to the username"),
        }
    }
}

/// Checks whether `password` is strong enough for `username`.
pub fn check_strength(password: &Secret<String>, username: &str) -> Result<(), Weakness> {
    let text = password.expose();
    match text.chars().count() {
        0..MIN_LENGTH => return Err(Weakness::TooShort),
        MIN_LENGTH..=MAX_LENGTH => {}
        _ => return Err(Weakness::TooLong),
    }
    let lower = text.to_lowercase();
    if is_easily_made(&lower) || COMMON.lines().any(|common| common == lower) {
        return Err(Weakness::Common);
    }
    let name = username.to_lowercase();
    if name.chars().count() >= 4 && lower.replace(&name, "").chars().count() < 6 {
        return Err(Weakness::LikeUsername);
    }
    Ok(())
}

/// True if a password, in lower case, follows a pattern that anyone would try.
fn is_easily_made(text: &str) -> bool {
    let distinct: BTreeSet<char> = text.chars().collect();
    let word = text.trim_end_matches(|c: char| !c.is_alphabetic());
    distinct.len() < 5
        || is_run(text)
        || is_repetition(text)
        || COMMON_WORDS.split(' ').any(|common| common == word)
}

/// `123456789012`, `abcdefghijkl`, `987654321098`: each character next to the one before.
fn is_run(text: &str) -> bool {
    let codes: Vec<u32> = text.chars().map(u32::from).collect();
    let steps_up = |from: u32, to: u32| to == from + 1 || (from, to) == (0x39, 0x30);
    let mut up = codes.windows(2);
    let mut down = codes.windows(2);
    up.all(|pair| matches!(pair, [from, to] if steps_up(*from, *to)))
        || down.all(|pair| matches!(pair, [from, to] if steps_up(*to, *from)))
}

/// `passwordpassword`: a single piece, repeated twice or more.
fn is_repetition(text: &str) -> bool {
    text.char_indices().skip(1).any(|(length, _)| {
        let piece = text.get(..length).unwrap_or_default();
        piece.repeat(text.len() / length) == text
    })
}

/// Hashes a password with Argon2id, in PHC form. This takes 19 MiB and tens of milliseconds, so
/// only commands call it directly; a server uses [`Hasher`].
pub fn hash(password: &Secret<String>) -> Result<String> {
    let salt = SaltString::generate(&mut OsRng);
    Argon2::default()
        .hash_password(password.expose().as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| Error::Internal(format!("argon2: {error}")))
}

/// Returns whether `password` matches `stored`. Without a stored hash, nothing does.
pub(crate) fn is_correct(password: &Secret<String>, stored: Option<&str>) -> bool {
    let bytes = password.expose().as_bytes();
    stored.is_some_and(|stored| match usable(stored) {
        Some(hash) => Argon2::default().verify_password(bytes, &hash).is_ok(),
        None => django_hash::is_correct(password, stored),
    })
}

/// Returns whether any password can match `stored`.
fn is_usable(stored: &str) -> bool {
    usable(stored).is_some() || django_hash::is_usable(stored)
}

/// Parses a complete Argon2id hash of our own. Apart from Django's, no other hash can match.
fn usable(stored: &str) -> Option<PasswordHash<'_>> {
    PasswordHash::new(stored)
        .ok()
        .filter(|hash| hash.algorithm.as_str() == "argon2id" && hash.hash.is_some())
}

/// Returns whether a stored hash was made by Django, or with weaker parameters than a new one.
fn is_outdated(stored: &str) -> bool {
    let current = Params::default();
    let is_weaker =
        |params: Params| params.m_cost() < current.m_cost() || params.t_cost() < current.t_cost();
    let params = usable(stored).and_then(|hash| Params::try_from(&hash).ok());
    django_hash::is_usable(stored) || params.is_some_and(is_weaker)
}

/// The hash that is verified when there is no other, so that an unknown name takes as long as a
/// known one.
static DECOY: LazyLock<Option<String>> =
    LazyLock::new(|| hash(&Secret::new("nobody's password".to_owned())).ok());

/// Verifies and hashes off the async threads, a few at a time. Each verification holds its turn for
/// the same time, whatever it verifies. So neither its own timing nor that of others who wait
/// reveals whether an account exists or where its hash came from.
#[derive(Debug, Clone)]
pub struct Hasher {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    numbers: Arc<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    /// The length of a turn, in microseconds.
    slot: AtomicU64,
    verifications: AtomicU64,
    running: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Default for Hasher {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(MAX_WAITING)),
            numbers: Arc::default(),
        }
    }
}

/// The result of a verification.
#[derive(Debug, PartialEq, Eq)]
pub struct Verified {
    pub is_correct: bool,
    /// A fresh hash, if the password is right and its stored hash is Django's or has weaker
    /// parameters.
    pub fresh_hash: Option<String>,
}

impl Hasher {
    /// Makes every verification from now on take as long as the most expensive of these hashes, or
    /// our own, would. The first call takes as long as a few of them.
    pub fn expect(&self, costliest: CostliestHashes) {
        let slot = u64::try_from(cost::slot(costliest).as_micros()).unwrap_or(0);
        self.numbers.slot.store(slot, Ordering::Relaxed);
    }

    /// Returns how long a verification holds its turn.
    pub fn slot(&self) -> Duration {
        Duration::from_micros(self.numbers.slot.load(Ordering::Relaxed))
    }

    /// Verifies one password, whatever `stored` is.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when too many wait already.
    pub async fn verify(
        &self,
        password: Secret<String>,
        stored: Option<String>,
    ) -> Result<Verified> {
        self.numbers.verifications.fetch_add(1, Ordering::Relaxed);
        self.in_turn(self.slot(), move || {
            let stored = stored.filter(|stored| is_usable(stored));
            let against = stored.as_deref().or(DECOY.as_deref());
            let is_match = is_correct(&password, against);
            let is_correct = is_match && stored.is_some();
            let fresh_hash = match &stored {
                Some(stored) if is_correct && is_outdated(stored) => Some(hash(&password)?),
                _ => None,
            };
            Ok(Verified {
                is_correct,
                fresh_hash,
            })
        })
        .await
    }

    /// Calls [`hash`] when it is its turn.
    pub async fn hash(&self, password: Secret<String>) -> Result<String> {
        self.in_turn(Duration::ZERO, move || hash(&password)).await
    }

    /// Returns how many verifications there have been.
    pub fn verifications(&self) -> u64 {
        self.numbers.verifications.load(Ordering::Relaxed)
    }

    /// Returns the most verifications that ran at one time.
    pub fn most_at_once(&self) -> usize {
        self.numbers.most_at_once.load(Ordering::Relaxed)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        slot: Duration,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Error::Overloaded)?;
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|_| Error::Overloaded)?
            .map_err(|_| Error::Internal("the hashing queue is closed".to_owned()))?;
        let until = Instant::now() + slot;
        let numbers = Arc::clone(&self.numbers);
        let work = tokio::task::spawn_blocking(move || {
            let running = numbers.running.fetch_add(1, Ordering::Relaxed) + 1;
            numbers.most_at_once.fetch_max(running, Ordering::Relaxed);
            let done = work();
            numbers.running.fetch_sub(1, Ordering::Relaxed);
            done
        });
        // The turn belongs to the work and its slot. A caller that gives up leaves both to run to
        // their end, so no kind of hash frees its turn sooner than another.
        let slot = tokio::spawn(async move {
            let done = work.await;
            sleep_until(until).await;
            drop((turn, place));
            done
        });
        slot.await
            .and_then(|done| done)
            .map_err(|_| Error::Internal("a hashing task panicked".to_owned()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use django_hash::tests::{ENGLISH, PBKDF2};

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    const SLOT: Duration = Duration::from_millis(100);

    fn with_a_slot() -> Hasher {
        let hasher = Hasher::default();
        let micros = u64::try_from(SLOT.as_micros()).expect("it fits");
        hasher.numbers.slot.store(micros, Ordering::Relaxed);
        hasher
    }

    #[tokio::test]
    async fn a_try_takes_its_whole_slot_whatever_is_stored() {
        let hasher = with_a_slot();
        let own = hash(&secret(ENGLISH)).expect("argon2 works");
        let imported = PBKDF2.to_owned();
        for stored in [None, Some("!".to_owned()), Some(own), Some(imported)] {
            for password in ["another horse battery", ENGLISH] {
                let started = Instant::now();
                let verified = hasher.verify(secret(password), stored.clone()).await;
                assert!(started.elapsed() >= SLOT, "{stored:?}");
                let is_correct = verified.expect("a turn").is_correct;
                let opens = stored.as_ref().is_some_and(|stored| stored.len() > 1);
                assert_eq!(is_correct, opens && password == ENGLISH);
            }
            // Twenty at once take turns, two at a time.
            let started = Instant::now();
            let tries = (0..20).map(|_| hasher.verify(secret("x"), stored.clone()));
            futures_util::future::join_all(tries).await;
            assert!(started.elapsed() >= SLOT * 10, "{stored:?}");
        }
    }

    #[tokio::test]
    async fn whoever_hangs_up_leaves_the_slot_to_its_end() {
        let hasher = with_a_slot();
        let started = Instant::now();
        let given_up = (0..2).map(|_| hasher.verify(secret("x"), None));
        let given_up = futures_util::future::join_all(given_up);
        assert!(timeout(SLOT / 20, given_up).await.is_err());
        let next = hasher.verify(secret("x"), None).await;
        assert!(next.is_ok() && started.elapsed() >= SLOT * 2);
    }

    #[test]
    fn nothing_opens_an_account_without_a_password() {
        for stored in [
            None,
            Some(""),
            Some("!"),
            Some("!abc"),
            Some("$argon2id$"),
            Some("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l"),
            Some("x"),
        ] {
            for password in ["", "!", "x", "$argon2id$", "correct horse battery"] {
                assert!(!is_correct(&secret(password), stored));
            }
        }
    }

    #[test]
    fn the_right_password_opens_and_another_does_not() {
        let right = secret("correct horse battery");
        let stored = hash(&right).expect("argon2 works");
        assert!(is_correct(&right, Some(&stored)));
        for wrong in ["correct horse batterx", "correct horse battery ", ""] {
            assert!(!is_correct(&secret(wrong), Some(&stored)));
        }
        assert!(!is_outdated(&stored));
    }

    #[test]
    fn a_hash_of_django_s_opens_and_is_outdated() {
        let stored = PBKDF2;
        assert!(is_outdated(stored));
        assert!(is_correct(&secret(ENGLISH), Some(stored)));
        assert!(!is_correct(&secret("another horse battery"), Some(stored)));
        // Our own hash is not Django's, and a text that is no hash is neither.
        let own = hash(&secret(ENGLISH)).expect("argon2 works");
        let md5 = "md5$salt$19cea41bef870821e462784bc96767d3";
        for other in [own.as_str(), "", "!", md5] {
            assert!(!django_hash::is_usable(other));
        }
        assert!(!is_outdated("!") && !is_usable("!"));
    }

    #[test]
    fn common_passwords_are_refused_and_uncommon_ones_of_any_kind_are_not() {
        for (password, weakness) in [
            ("short", Weakness::TooShort),
            ("elevenchars", Weakness::TooShort),
            ("Password1234", Weakness::Common),
            ("password2026!", Weakness::Common),
            ("PASSWORD!!!!!", Weakness::Common),
            ("1q2w3e4r5t6y", Weakness::Common),
            ("woaini1314520", Weakness::Common),
            ("aaaaaaaaaaaaaa", Weakness::Common),
            ("abababababab", Weakness::Common),
            ("passwordpassword", Weakness::Common),
            ("letmeinletmein", Weakness::Common),
            ("qwertyuiopasdf", Weakness::Common),
            ("123456789012", Weakness::Common),
            ("987654321098", Weakness::Common),
            ("abcdefghijklm", Weakness::Common),
            ("anna.hart1234", Weakness::LikeUsername),
        ] {
            let strength = check_strength(&secret(password), "Anna.Hart");
            assert_eq!(strength, Err(weakness), "{password}");
        }
        let long = secret(&"x1y2z3".repeat(22));
        assert_eq!(check_strength(&long, ""), Err(Weakness::TooLong));
        for password in [
            "correct horse battery",
            "清禾前台今天早上没有下雨呢",
            "  spaces count too  ",
            "🐦🌲🚲 twelve or more",
            "anna.hart likes the sea",
        ] {
            assert_eq!(check_strength(&secret(password), "anna.hart"), Ok(()));
        }
    }

    #[test]
    fn common_passwords_would_pass_otherwise() {
        for line in COMMON.lines() {
            assert!(line.chars().count() >= MIN_LENGTH, "{line}");
            assert_eq!(line, line.to_lowercase());
            assert!(!is_easily_made(line), "{line}");
        }
    }
}
