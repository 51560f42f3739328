//! Links that work once. Each carries all that it needs, sealed under `SECRET_KEY`. Its id goes
//! into the audit log before the link is given out, so that the key alone cannot make a working
//! link.

use std::time::Duration;

use crate::clock::UnixTime;
use crate::id::UserId;
use crate::secret::{Keys, NoRandomness, Purpose, SALT, Secret, random_bytes, sha256};

/// An opened link.
pub struct Link {
    pub id: String,
    pub user_id: UserId,
}

/// A link that is about to be made.
pub struct Draft {
    purpose: Purpose,
    salt: [u8; SALT],
    pub id: String,
}

impl Draft {
    /// # Errors
    /// [`NoRandomness`]
    pub fn new(purpose: Purpose) -> Result<Self, NoRandomness> {
        let salt = random_bytes()?;
        Ok(Self {
            purpose,
            id: id_of(&salt),
            salt,
        })
    }

    /// Makes the link's token for an account.
    ///
    /// # Errors
    /// [`NoRandomness`]
    pub fn token(
        self,
        keys: &Keys,
        now: UnixTime,
        user_id: UserId,
    ) -> Result<Secret<String>, NoRandomness> {
        let plain = format!("1\n{user_id}\n{}", now.0);
        keys.seal(self.purpose, self.salt, plain.as_bytes())
            .map(Secret::new)
            .ok_or(NoRandomness)
    }
}

fn id_of(salt: &[u8; SALT]) -> String {
    let mut id = sha256(salt);
    id.truncate(22);
    id
}

/// Returns `None` for a token that is not ours, of another kind, or older than `lifetime`.
#[must_use]
pub fn open(
    keys: &Keys,
    purpose: Purpose,
    lifetime: Duration,
    now: UnixTime,
    token: &Secret<String>,
) -> Option<Link> {
    let opened = keys.open(purpose, token.expose())?;
    let plain = String::from_utf8(opened.plain).ok()?;
    let mut parts = plain.splitn(3, '\n');
    if parts.next()? != "1" {
        return None;
    }
    let user_id = parts.next()?.parse().ok()?;
    let made_at = UnixTime(parts.next()?.parse().ok()?);
    let is_fresh = now.since(made_at) < lifetime && made_at.since(now) < Duration::from_secs(60);
    is_fresh.then(|| Link {
        id: id_of(&opened.salt),
        user_id,
    })
}
