//! Links that work once. Each carries all that it needs, sealed under `SECRET_KEY`. Its id goes
//! into the audit log before the link is given out, so that the key alone cannot make a working
//! link.

use std::time::Duration;

use crate::audit::{self, EventKind};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::portal::Portal;
use crate::secret::{Keys, NoRandomness, Purpose, SALT, Secret, random_bytes, sha256};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkFor {
    Rescue,
    Password,
    Confirmation,
}

impl LinkFor {
    /// How long a link works: no longer than the rows of ended sessions are kept, because such a
    /// row marks the link as used.
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::Rescue => Duration::from_secs(15 * 60),
            Self::Password | Self::Confirmation => Duration::from_secs(24 * 3600),
        }
    }

    /// The path of its page, and the purpose under which it is sealed.
    const fn path_and_purpose(self) -> (&'static str, Purpose) {
        match self {
            Self::Rescue => ("/rescue", Purpose::RescueLink),
            Self::Password => ("/password", Purpose::PasswordLink),
            Self::Confirmation => ("/confirmation", Purpose::ConfirmationLink),
        }
    }
}

/// An opened link.
#[derive(Clone)]
pub struct Link {
    is_for: LinkFor,
    pub id: String,
    pub user_id: UserId,
}

impl Link {
    /// # Errors
    /// [`Error::LinkExpired`] for a token that is not ours, of another kind, or too old.
    pub fn open(portal: &Portal, is_for: LinkFor, token: &Secret<String>) -> Result<Self> {
        Self::parse(&portal.keys, is_for, portal.clock.now(), token).ok_or(Error::LinkExpired)
    }

    fn parse(keys: &Keys, is_for: LinkFor, now: UnixTime, token: &Secret<String>) -> Option<Self> {
        let (_, purpose) = is_for.path_and_purpose();
        let opened = keys.open(purpose, token.expose())?;
        let plain = String::from_utf8(opened.plain).ok()?;
        let mut parts = plain.splitn(3, '\n');
        if parts.next()? != "1" {
            return None;
        }
        let user_id = parts.next()?.parse().ok()?;
        let made_at = UnixTime(parts.next()?.parse().ok()?);
        let is_fresh =
            now.since(made_at) < is_for.lifetime() && made_at.since(now) < Duration::from_secs(60);
        is_fresh.then(|| Self {
            is_for,
            id: id_of(&opened.salt),
            user_id,
        })
    }

    /// Returns whether the audit log has this link and no later event voids it. A newer link to a
    /// password or a confirmation password voids older ones; nothing voids a rescue link.
    pub fn is_known(&self, conn: &mut Conn) -> Result<bool> {
        use EventKind as Kind;
        let (user_id, id) = (self.user_id, self.id.as_str());
        match self.is_for {
            LinkFor::Rescue => audit::has_reference(conn, Kind::RescueLinkMade, user_id, id),
            LinkFor::Password => {
                let makers = [Kind::AccountCreated, Kind::PasswordLinkMade];
                audit::is_last_link(conn, &makers, user_id, id)
            }
            LinkFor::Confirmation => {
                let set = Kind::ConfirmationPasswordSet;
                let makers = [Kind::ConfirmationLinkMade, set];
                Ok(audit::is_last_link(conn, &makers, user_id, id)?
                    && !audit::has_reference(conn, set, user_id, id)?)
            }
        }
    }
}

/// A link that is about to be made.
pub struct Draft {
    pub is_for: LinkFor,
    salt: [u8; SALT],
    pub id: String,
}

impl Draft {
    pub fn new(is_for: LinkFor) -> Result<Self> {
        let salt = random_bytes()?;
        Ok(Self {
            is_for,
            id: id_of(&salt),
            salt,
        })
    }

    /// Makes the link for an account. `origin` is that of the portal.
    pub fn address(
        self,
        keys: &Keys,
        now: UnixTime,
        user_id: UserId,
        origin: &str,
    ) -> Result<Secret<String>> {
        let (path, purpose) = self.is_for.path_and_purpose();
        let plain = format!("1\n{user_id}\n{}", now.0);
        let sealed = keys.seal(purpose, self.salt, plain.as_bytes());
        let token = sealed.ok_or(NoRandomness)?;
        Ok(Secret::new(format!("{origin}{path}?token={token}")))
    }
}

fn id_of(salt: &[u8; SALT]) -> String {
    let mut id = sha256(salt);
    id.truncate(22);
    id
}
