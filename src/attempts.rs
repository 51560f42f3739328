//! Sign-in attempts: what one must remember travels sealed in `state`, bound to the browser that
//! began it. An attempt costs the server nothing until it comes back.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::UnixTime;
use crate::local_path::LocalPath;
use crate::secret::{
    Generation, Keys, NoRandomness, Purpose, SALT, Secret, random_bytes, random_token, sha256,
};

/// How long a person may take at the provider.
pub const LIFETIME: Duration = Duration::from_secs(600);

/// How often a sign-in may start over by itself.
pub const MAX_RESTARTS: u8 = 1;

/// The random value in a browser's cookie that binds attempts and forms to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Browser(Secret<String>);

impl Browser {
    /// # Errors
    /// [`NoRandomness`]
    pub fn new() -> Result<Self, NoRandomness> {
        Ok(Self(Secret::new(random_token()?)))
    }

    /// `None` for what we did not write.
    #[must_use]
    pub fn from_cookie(value: &str) -> Option<Self> {
        let is_ours = value.len() == 43
            && value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        is_ours.then(|| Self(Secret::new(value.to_owned())))
    }

    #[must_use]
    pub fn value(&self) -> &str {
        self.0.expose()
    }

    /// What an attempt remembers of it: 132 bits of its digest.
    fn mark(&self) -> String {
        let mut digest = sha256(self.value().as_bytes());
        digest.truncate(22);
        digest
    }
}

/// An attempt to sign in, on its way through the provider.
pub struct Attempt {
    /// Names the attempt in the log and in the session that it opens; tells nothing of `state`.
    pub id: String,
    salt: [u8; SALT],
    generation: Generation,
    browser_mark: String,
    pub provider: String,
    pub begun_at: UnixTime,
    /// How often it has started over by itself.
    pub restarts: u8,
    /// Where the person wants to go.
    pub next: LocalPath,
}

impl Attempt {
    /// A fresh one, and its `state`: the attempt itself, sealed.
    ///
    /// # Errors
    /// [`NoRandomness`]
    pub fn begin(
        keys: &Keys,
        now: UnixTime,
        browser: &Browser,
        provider: &str,
        next: LocalPath,
        restarts: u8,
    ) -> Result<(Self, String), NoRandomness> {
        let salt = random_bytes()?;
        let attempt = Self {
            id: id_of(&salt),
            salt,
            generation: Generation::Current,
            browser_mark: browser.mark(),
            provider: provider.to_owned(),
            begun_at: now,
            restarts,
            next,
        };
        let plain = format!(
            "1\n{}\n{}\n{}\n{}\n{}",
            attempt.restarts,
            attempt.begun_at.0,
            attempt.provider,
            attempt.browser_mark,
            attempt.next.as_str()
        );
        let state = keys
            .seal(Purpose::Attempt, attempt.salt, plain.as_bytes())
            .ok_or(NoRandomness)?;
        Ok((attempt, state))
    }

    /// Opens a `state`. `None` when we did not make it.
    #[must_use]
    pub fn open(keys: &Keys, state: &str) -> Option<Self> {
        let opened = keys.open(Purpose::Attempt, state)?;
        let plain = String::from_utf8(opened.plain).ok()?;
        let mut parts = plain.splitn(6, '\n');
        if parts.next()? != "1" {
            return None;
        }
        Some(Self {
            id: id_of(&opened.salt),
            salt: opened.salt,
            generation: opened.generation,
            restarts: parts.next()?.parse().ok()?,
            begun_at: UnixTime(parts.next()?.parse().ok()?),
            provider: parts.next()?.to_owned(),
            browser_mark: parts.next()?.to_owned(),
            // Checked again at its use: the rules may have become stricter since.
            next: LocalPath::parse(parts.next()?).unwrap_or_else(LocalPath::home),
        })
    }

    /// The verifier whose challenge went to the provider (RFC 7636).
    #[must_use]
    pub fn pkce_verifier(&self, keys: &Keys, browser: &Browser) -> Secret<String> {
        keys.pkce_verifier(self.generation, &self.salt, browser.value())
    }

    /// Whether this browser began it, not too long ago.
    #[must_use]
    pub fn is_valid(&self, now: UnixTime, browser: &Browser) -> bool {
        self.browser_mark == browser.mark()
            && now.since(self.begun_at) < LIFETIME
            && self.begun_at.since(now) < Duration::from_secs(60)
    }
}

fn id_of(salt: &[u8; SALT]) -> String {
    let mut id = sha256(salt);
    id.truncate(22);
    id
}

/// The attempts that came back to this instance of late, so that none is exchanged twice here.
/// Across instances the session's unique attempt decides.
#[derive(Default)]
pub struct UsedAttempts(Mutex<Used>);

#[derive(Default)]
struct Used {
    salts: HashSet<[u8; SALT]>,
    in_order: VecDeque<([u8; SALT], UnixTime)>,
}

/// More than can come back within an attempt's lifetime; the oldest goes first.
const MAX_USED: usize = 100_000;

impl UsedAttempts {
    /// Marks `attempt` as used. `false` when it was already.
    pub fn claim(&self, now: UnixTime, attempt: &Attempt) -> bool {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((salt, claimed_at)) = used.in_order.front().copied() {
            let is_over = now.since(claimed_at) > LIFETIME + Duration::from_secs(120);
            if !is_over && used.in_order.len() < MAX_USED {
                break;
            }
            used.salts.remove(&salt);
            used.in_order.pop_front();
        }
        let is_first = used.salts.insert(attempt.salt);
        if is_first {
            used.in_order.push_back((attempt.salt, now));
        }
        is_first
    }
}
