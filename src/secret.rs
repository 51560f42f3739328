//! Secrets: values that never print, random tokens, digests, and sealing under `SECRET_KEY`.
//!
//! Only this module draws random bytes or uses a cipher. Each purpose has its own key, so that a
//! value made for one can never be taken for another.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::{aead, digest, hkdf, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use strum::{IntoStaticStr, VariantArray};

/// A value that never reaches a log or a page: `Debug` prints `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value itself, for the one call that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The system's random generator failed. Nothing safe can be done without it.
#[derive(Debug, Clone, Copy)]
pub struct NoRandomness;

/// Draws `N` bytes from AWS-LC's generator, which the operating system seeds.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// Draws 32 random bytes, as 43 characters that are safe in a URL, a cookie and a header.
pub fn random_token() -> Result<String, NoRandomness> {
    Ok(base64url(&random_bytes::<32>()?))
}

pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the SHA-256 of `value` in base64url: 43 characters.
pub fn sha256(value: &[u8]) -> String {
    base64url(digest::digest(&digest::SHA256, value).as_ref())
}

/// Returns the HMAC-SHA-256 (RFC 2104) of `message` in base64, as receivers of webhooks expect it.
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    STANDARD.encode(hmac::sign(&key, message))
}

/// Reads a key that is written in base64.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Maps a string to a number: the first 64 bits of its SHA-256.
pub(crate) fn number_of(text: &str) -> i64 {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let first = hash.as_ref().first_chunk::<8>().copied();
    i64::from_be_bytes(first.unwrap_or_default())
}

/// Returns the left half of the SHA-2 with this many bits, in base64url.
pub fn half_of_hash(bits: u16, value: &[u8]) -> String {
    let algorithm = match bits {
        384 => &digest::SHA384,
        512 => &digest::SHA512,
        _ => &digest::SHA256,
    };
    let hash = digest::digest(algorithm, value);
    let half = hash.as_ref().len() / 2;
    base64url(hash.as_ref().get(..half).unwrap_or_default())
}

/// Returns whether `expected` is the PBKDF2 with HMAC-SHA-256 (RFC 8018) of `password`.
pub(crate) fn is_pbkdf2_sha256(
    password: &[u8],
    salt: &[u8],
    iterations: NonZeroU32,
    expected: &[u8],
) -> bool {
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::verify(algorithm, iterations, salt, password, expected).is_ok()
}

/// The keys derived from one `SECRET_KEY`, one for each purpose (HKDF, RFC 5869).
struct KeySet {
    root: hkdf::Prk,
    /// By purpose.
    keys: HashMap<&'static str, hmac::Key>,
    cookie: [u8; 64],
}

impl KeySet {
    fn derive(master: &[u8]) -> Self {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"frontdesk").extract(master);
        let sealing = Purpose::VARIANTS.iter().map(Purpose::into_str);
        let purposes = sealing.chain([CSRF, ADDING, PKCE_VERIFIER, NONCE, WEBHOOK]);
        Self {
            cookie: expand(&root, "session cookie"),
            keys: purposes
                .map(|purpose| (purpose, hmac_key(&root, purpose)))
                .collect(),
            root,
        }
    }

    /// Signs with the key of one purpose. The keys are derived once: every page signs a token.
    fn sign(&self, purpose: &str, message: &[u8]) -> hmac::Tag {
        match self.keys.get(purpose) {
            Some(key) => hmac::sign(key, message),
            None => hmac::sign(&hmac_key(&self.root, purpose), message),
        }
    }
}

fn hmac_key(root: &hkdf::Prk, purpose: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &expand::<32>(root, purpose))
}

/// The purposes of authenticators. Like those of [`Purpose`], they are part of what is stored.
const CSRF: &str = "csrf token";
const ADDING: &str = "adding a provider";
const PKCE_VERIFIER: &str = "pkce verifier";
const NONCE: &str = "openid nonce";
const WEBHOOK: &str = "webhook address";

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(prk: &hkdf::Prk, purpose: &str) -> [u8; N] {
    let mut key = [0; N];
    // HKDF-SHA256 gives up to 8,160 bytes; 32 and 64 cannot be refused.
    if let Ok(okm) = prk.expand(&[purpose.as_bytes()], Length(N)) {
        let filled = okm.fill(&mut key);
        debug_assert!(filled.is_ok());
    }
    key
}

/// The keys: `SECRET_KEY` seals, and both it and `SECRET_KEY_PREVIOUS` open.
pub struct Keys {
    current: KeySet,
    previous: Option<KeySet>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys([redacted])")
    }
}

/// The purpose of a sealed value. A value sealed for one purpose never opens for another. The key
/// comes from the text, which therefore never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(const_into_str)]
pub enum Purpose {
    #[strum(serialize = "sign-in attempt")]
    Attempt,
    #[strum(serialize = "rescue link")]
    RescueLink,
    #[strum(serialize = "password link")]
    PasswordLink,
    #[strum(serialize = "confirmation link")]
    ConfirmationLink,
    /// A provider's token, kept with a session.
    #[strum(serialize = "provider grant")]
    Grant,
    /// Remembers, in the browser, the session that it has just left.
    #[strum(serialize = "sign-out")]
    SignOut,
}

/// The key that sealed a value: the current or the previous one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    Current,
    Previous,
}

/// A value that we sealed, now opened.
pub struct Opened {
    pub salt: [u8; SALT],
    pub plain: Vec<u8>,
    pub generation: Generation,
}

/// The number of salt bytes before a sealed value. The salt is also the value's unique id.
pub const SALT: usize = 16;

impl Keys {
    #[must_use]
    pub fn new(secret_key: &Secret<String>, previous: Option<&Secret<String>>) -> Self {
        Self {
            current: KeySet::derive(secret_key.expose().as_bytes()),
            previous: previous.map(|key| KeySet::derive(key.expose().as_bytes())),
        }
    }

    /// Returns the 64 bytes for the session cookie's cipher.
    pub const fn cookie(&self) -> &[u8; 64] {
        &self.current.cookie
    }

    /// Like [`Self::cookie`], from `SECRET_KEY_PREVIOUS`.
    pub(crate) fn previous_cookie(&self) -> Option<&[u8; 64]> {
        self.previous.as_ref().map(|keys| &keys.cookie)
    }

    /// Seals a value that must come back to us unread and unchanged. `salt` becomes part of the
    /// text and is the value's id. Uses ChaCha20-Poly1305 (RFC 8439) under a key for this value
    /// alone, so random nonces can never run out.
    pub fn seal(&self, purpose: Purpose, salt: [u8; SALT], plain: &[u8]) -> Option<String> {
        self.seal_with(purpose, salt, plain, "")
    }

    /// Seals a value for one place. It opens only for the same `place`.
    pub fn seal_at(
        &self,
        purpose: Purpose,
        salt: [u8; SALT],
        plain: &[u8],
        place: &str,
    ) -> Option<String> {
        let sealed = self.seal_with(purpose, salt, plain, place)?;
        Some(format!("{BOUND}{sealed}"))
    }

    fn seal_with(
        &self,
        purpose: Purpose,
        salt: [u8; SALT],
        plain: &[u8],
        place: &str,
    ) -> Option<String> {
        let mut sealed = plain.to_vec();
        let key = value_key(&self.current, purpose, &salt)?;
        key.seal_in_place_append_tag(no_nonce(), bound(&salt, place), &mut sealed)
            .ok()?;
        Some(base64url(&[&salt, sealed.as_slice()].concat()))
    }

    /// Opens a value that [`Keys::seal`] sealed for this purpose, with the current key or the
    /// previous one. Returns `None` if we did not make it.
    pub fn open(&self, purpose: Purpose, sealed: &str) -> Option<Opened> {
        self.open_with(purpose, sealed, "")
    }

    /// Opens a value that [`Keys::seal_at`] sealed for this place. Values from [`Keys::seal`] open
    /// too, because older values were not bound to a place.
    pub fn open_at(&self, purpose: Purpose, sealed: &str, place: &str) -> Option<Opened> {
        match sealed.strip_prefix(BOUND) {
            Some(bound) => self.open_with(purpose, bound, place),
            None => self.open_with(purpose, sealed, ""),
        }
    }

    fn open_with(&self, purpose: Purpose, sealed: &str, place: &str) -> Option<Opened> {
        let whole = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (salt, sealed) = whole.split_first_chunk::<SALT>()?;
        [Generation::Current, Generation::Previous]
            .into_iter()
            .find_map(|generation| {
                let mut bytes = sealed.to_vec();
                let plain = value_key(self.of(generation)?, purpose, salt)?
                    .open_in_place(no_nonce(), bound(salt, place), &mut bytes)
                    .ok()?;
                Some(Opened {
                    salt: *salt,
                    plain: plain.to_vec(),
                    generation,
                })
            })
    }

    const fn of(&self, generation: Generation) -> Option<&KeySet> {
        match generation {
            Generation::Current => Some(&self.current),
            Generation::Previous => self.previous.as_ref(),
        }
    }

    /// Returns the PKCE verifier of an attempt (RFC 7636 4.1): 43 characters that only this server
    /// can derive, together with the browser that holds `binding`. `generation` is the key that
    /// sealed the attempt, since a rotation may come between its beginning and its end.
    pub fn pkce_verifier(
        &self,
        generation: Generation,
        salt: &[u8; SALT],
        binding: &str,
    ) -> Secret<String> {
        let keys = self.of(generation).unwrap_or(&self.current);
        Secret::new(derived(keys, PKCE_VERIFIER, salt, binding))
    }

    /// Returns the nonce of an attempt (OpenID Connect Core 3.1.2.1), derived in the same way.
    pub fn nonce(&self, generation: Generation, salt: &[u8; SALT], binding: &str) -> String {
        let keys = self.of(generation).unwrap_or(&self.current);
        derived(keys, NONCE, salt, binding)
    }

    /// Returns the token that a form of this session (or of this browser, before there is a
    /// session) must carry.
    pub fn csrf_token(&self, holder: &str) -> String {
        mac(&self.current, CSRF, holder.as_bytes())
    }

    /// Returns whether `token` is the one of `holder`, under this key or the previous one.
    pub(crate) fn is_csrf_token(&self, holder: &str, token: &str) -> bool {
        self.is_mac(CSRF, holder.as_bytes(), token)
    }

    /// Returns a mark of a webhook's address, by which instances that share it know it. The address
    /// cannot be found from its mark.
    pub(crate) fn webhook_mark(&self, address: &str) -> String {
        mac(&self.current, WEBHOOK, address.as_bytes())
    }

    fn is_mac(&self, purpose: &str, message: &[u8], mac: &str) -> bool {
        let Ok(mac) = URL_SAFE_NO_PAD.decode(mac) else {
            return false;
        };
        let mut keys = [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten();
        keys.any(|keys| verify_slices_are_equal(keys.sign(purpose, message).as_ref(), &mac).is_ok())
    }

    /// Returns the token of the link that adds a provider to an account. It is bound to this
    /// session, this provider and the time at which it was made, in seconds. It is part of an
    /// address, where a form's token must never be.
    pub fn adding_token(&self, session: &str, provider: &str, made_at: i64) -> String {
        let text = adding_text(session, provider, made_at);
        let mac = mac(&self.current, ADDING, text.as_bytes());
        format!("{made_at}-{mac}")
    }

    /// Returns when `token` was made, in seconds, if it belongs to this session and this provider,
    /// under this key or the previous one.
    pub(crate) fn open_adding_token(
        &self,
        session: &str,
        provider: &str,
        token: &str,
    ) -> Option<i64> {
        let (made_at, mac) = token.split_once('-')?;
        let made_at: i64 = made_at.parse().ok()?;
        let text = adding_text(session, provider, made_at);
        self.is_mac(ADDING, text.as_bytes(), mac).then_some(made_at)
    }
}

/// A provider's id and a time contain no line break.
fn adding_text(session: &str, provider: &str, made_at: i64) -> String {
    format!("{made_at}\n{provider}\n{session}")
}

fn derived(keys: &KeySet, purpose: &str, salt: &[u8; SALT], binding: &str) -> String {
    mac(keys, purpose, &[salt, binding.as_bytes()].concat())
}

fn mac(keys: &KeySet, purpose: &str, message: &[u8]) -> String {
    base64url(keys.sign(purpose, message).as_ref())
}

/// The prefix of a value that is bound to a place. It is not base64.
const BOUND: &str = "2.";

fn bound(salt: &[u8; SALT], place: &str) -> aead::Aad<Vec<u8>> {
    aead::Aad::from([salt.as_slice(), place.as_bytes()].concat())
}

fn value_key(keys: &KeySet, purpose: Purpose, salt: &[u8]) -> Option<aead::LessSafeKey> {
    let key = keys.sign(purpose.into_str(), salt);
    let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key.as_ref()).ok()?;
    Some(aead::LessSafeKey::new(key))
}

/// The nonce may be constant, because the key is used only once.
fn no_nonce() -> aead::Nonce {
    aead::Nonce::assume_unique_for_key([0; aead::NONCE_LEN])
}
