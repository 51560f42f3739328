//! Rows that several pages show: sessions, and permissions that were kept.

use crate::clock::UnixTime;
use crate::id::SessionId;
use crate::sessions::Session;
use crate::users::{self, User};
use crate::web::device::Device;
use crate::web::page::Page;

/// The maximum number of permissions shown. The count gives the total.
pub const MAX_SHOWN: i64 = 100;

pub struct ShownSession {
    pub session: Session,
    pub device: Device,
    pub is_this: bool,
}

impl ShownSession {
    pub fn of(session: Session, page: &Page<'_>, this: Option<SessionId>) -> Self {
        Self {
            device: Device::of(&session.user_agent, page.lang),
            is_this: this == Some(session.id),
            session,
        }
    }
}

/// Permissions that are kept because reading them from a provider failed.
pub struct KeptPermissions {
    pub provider: String,
    /// The time of the last successful read; `None` if it was not recorded.
    pub since: Option<UnixTime>,
}

impl KeptPermissions {
    /// The kept permissions of one account. Those kept before this was recorded per provider have
    /// no provider name.
    pub fn of(page: &Page<'_>, user: &User, kept: Vec<users::Kept>) -> Vec<Self> {
        let asked = page.portal.asks_for_permissions();
        if kept.is_empty() && user.has_stale_permissions(asked) {
            return vec![Self {
                provider: page.t.company_directory.to_owned(),
                since: user.permissions_synced_at(),
            }];
        }
        kept.into_iter()
            .map(|kept| Self {
                provider: page.provider_name(&kept.provider),
                since: Some(kept.since),
            })
            .collect()
    }
}
