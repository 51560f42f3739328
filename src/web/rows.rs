//! Rows that several pages show: sessions, and permissions that were kept.

use crate::clock::UnixTime;
use crate::sessions::Session;
use crate::users::{self, User};
use crate::web::device::Device;
use crate::web::page::Page;

/// Permissions shown; the count says how many there are.
pub const MAX_SHOWN: i64 = 100;

/// A session as a list shows it.
pub struct ShownSession {
    pub session: Session,
    pub device: Device,
    pub is_this: bool,
}

impl ShownSession {
    pub fn of(session: Session, page: &Page<'_>, this: Option<i64>) -> Self {
        Self {
            device: Device::of(&session.user_agent, page.lang),
            is_this: this == Some(session.id),
            session,
        }
    }
}

/// Permissions that are kept because a provider's answer failed.
pub struct KeptPermissions {
    pub provider: String,
    /// When they were last read well; `None` where nobody has noted it.
    pub since: Option<UnixTime>,
}

impl KeptPermissions {
    /// Of one account. What was kept before it was noted for each provider has no provider's name.
    pub fn of(page: &Page<'_>, user: &User, kept: Vec<users::Kept>, asked: bool) -> Vec<Self> {
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
