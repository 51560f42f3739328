//! Sign-in attempts. What an attempt must remember travels sealed in `state`, bound to the browser
//! that began it. An attempt costs the server nothing until it comes back.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::UnixTime;
use crate::id::SessionId;
use crate::local_path::LocalPath;
use crate::secret::{
    Generation, Keys, NoRandomness, Purpose, SALT, Secret, random_bytes, random_token, sha256,
};

/// How long a person may take at the provider.
pub const LIFETIME: Duration = Duration::from_secs(600);

/// How often a sign-in may restart by itself.
pub const MAX_RESTARTS: u8 = 1;

/// The random value in a browser's cookie that binds attempts and forms to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Browser(Secret<String>);

impl Browser {
    pub fn new() -> Result<Self, NoRandomness> {
        Ok(Self(Secret::new(random_token()?)))
    }

    /// Reads a cookie's value. Returns `None` if we did not write it.
    pub fn from_cookie(value: &str) -> Option<Self> {
        let is_ours = value.len() == 43
            && value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        is_ours.then(|| Self(Secret::new(value.to_owned())))
    }

    pub fn value(&self) -> &str {
        self.0.expose()
    }

    /// Returns what an attempt remembers of the browser.
    fn mark(&self) -> String {
        short_digest(self.value().as_bytes())
    }
}

/// The purpose of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    SignIn,
    /// Links the provider to the account of the session with this id.
    Link(SessionId),
    /// Shows an admin, in the session with this id, what a sign-in would do.
    Rehearse(SessionId),
}

impl Intent {
    fn text(self) -> String {
        match self {
            Self::SignIn => "sign-in".to_owned(),
            Self::Link(session) => format!("link {session}"),
            Self::Rehearse(session) => format!("rehearse {session}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "sign-in" {
            return Some(Self::SignIn);
        }
        let (kind, session) = text.split_once(' ')?;
        let session = session.parse().ok()?;
        match kind {
            "link" => Some(Self::Link(session)),
            "rehearse" => Some(Self::Rehearse(session)),
            _ => None,
        }
    }
}

/// The contents of an attempt.
#[derive(Clone, Debug)]
pub struct Plan {
    /// A provider's id.
    pub provider: String,
    /// Where the person wants to go.
    pub next: LocalPath,
    pub intent: Intent,
    /// The provider is asked to have the person sign in anew.
    pub is_fresh: bool,
    /// The request was sent by our own call, out of the browser's reach.
    pub is_pushed: bool,
    /// How often it has restarted by itself.
    pub restarts: u8,
}

/// An attempt to sign in, on its way through the provider.
pub struct Attempt {
    /// Identifies the attempt in the log and in the session that it opens. It reveals nothing about
    /// `state`.
    pub id: String,
    salt: [u8; SALT],
    generation: Generation,
    browser_mark: String,
    pub begun_at: UnixTime,
    pub plan: Plan,
}

impl Attempt {
    /// Begins a new attempt, and returns it with its `state`: the attempt itself, sealed.
    pub fn begin(
        keys: &Keys,
        now: UnixTime,
        browser: &Browser,
        plan: Plan,
    ) -> Result<(Self, String), NoRandomness> {
        let salt = random_bytes()?;
        let attempt = Self {
            id: short_digest(&salt),
            salt,
            generation: Generation::Current,
            browser_mark: browser.mark(),
            begun_at: now,
            plan,
        };
        let plan = &attempt.plan;
        let sealed = format!(
            "2\n{}\n{}\n{}\n{}\n{}\n{}\n{}",
            plan.restarts,
            attempt.begun_at.0,
            plan.provider,
            attempt.browser_mark,
            plan.intent.text(),
            u8::from(plan.is_fresh) | u8::from(plan.is_pushed) << 1,
            plan.next.as_str()
        );
        let state = keys
            .seal(Purpose::Attempt, attempt.salt, sealed.as_bytes())
            .ok_or(NoRandomness)?;
        Ok((attempt, state))
    }

    /// Opens a `state`. Returns `None` if we did not make it.
    pub fn open(keys: &Keys, state: &str) -> Option<Self> {
        let opened = keys.open(Purpose::Attempt, state)?;
        let plain = String::from_utf8(opened.plain).ok()?;
        let mut parts = plain.splitn(8, '\n');
        if parts.next()? != "2" {
            return None;
        }
        let restarts = parts.next()?.parse().ok()?;
        let begun_at = UnixTime(parts.next()?.parse().ok()?);
        let provider = parts.next()?.to_owned();
        let browser_mark = parts.next()?.to_owned();
        let intent = Intent::parse(parts.next()?)?;
        // 1 is fresh, 2 pushed, 3 both.
        let asked = parts.next()?.parse().unwrap_or(0_u8);
        // Checked again when it is used: the rules may have become stricter since.
        let next = LocalPath::parse(parts.next()?).unwrap_or_else(LocalPath::home);
        Some(Self {
            id: short_digest(&opened.salt),
            salt: opened.salt,
            generation: opened.generation,
            browser_mark,
            begun_at,
            plan: Plan {
                provider,
                next,
                intent,
                is_fresh: asked & 1 != 0,
                is_pushed: asked & 2 != 0,
                restarts,
            },
        })
    }

    /// Returns the verifier whose challenge went to the provider (RFC 7636).
    pub fn pkce_verifier(&self, keys: &Keys, browser: &Browser) -> Secret<String> {
        keys.pkce_verifier(self.generation, &self.salt, browser.value())
    }

    /// Returns the nonce that the provider's ID token must carry.
    pub fn nonce(&self, keys: &Keys, browser: &Browser) -> String {
        keys.nonce(self.generation, &self.salt, browser.value())
    }

    /// Returns whether this browser began the attempt, not too long ago.
    pub fn is_valid(&self, now: UnixTime, browser: &Browser) -> bool {
        self.browser_mark == browser.mark()
            && now.since(self.begun_at) < LIFETIME
            && self.begun_at.since(now) < Duration::from_secs(60)
    }
}

/// 132 bits of a digest.
fn short_digest(bytes: &[u8]) -> String {
    let mut digest = sha256(bytes);
    digest.truncate(22);
    digest
}

/// The attempts that recently came back to this instance, so that none is exchanged twice here.
/// Across instances, the uniqueness of a session's attempt decides.
#[derive(Default)]
pub struct UsedAttempts(Mutex<Used>);

#[derive(Default)]
struct Used {
    salts: HashSet<[u8; SALT]>,
    in_order: VecDeque<([u8; SALT], UnixTime)>,
}

/// More than can come back within an attempt's lifetime. The oldest is dropped first.
const MAX_USED: usize = 100_000;

impl UsedAttempts {
    /// Marks `attempt` as used. Returns `false` if it already was.
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
