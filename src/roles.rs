//! Roles that follow a permission.

use crate::audit::{Actor, Changes};
use crate::clock::UnixTime;
use crate::config::RoleSettings;
use crate::db::{Conn, lock_superusers};
use crate::error::Result;
use crate::id::UserId;
use crate::permissions::{self, Counting};
use crate::sessions::{self, Closing};
use crate::users::{self, Field, Role, Roles};

/// The permissions that make people admins.
#[derive(Debug, Clone, Default)]
pub struct RolePermissions {
    pub staff: Option<String>,
    pub superuser: Option<String>,
    /// The origins whose permissions make roles.
    pub counting: Counting,
}

impl From<RoleSettings> for RolePermissions {
    fn from(settings: RoleSettings) -> Self {
        Self {
            staff: settings.staff,
            superuser: settings.superuser,
            counting: Counting::of(settings.vouched_by),
        }
    }
}

/// Returns whether a person holds a permission that confers a role.
pub fn is_due(conn: &mut Conn, wanted: &RolePermissions, user_id: UserId) -> Result<bool> {
    Ok(due(conn, wanted, user_id)? > Role::Employee)
}

/// Gives the role that a person's permissions make. The outcome is added to `changes`, and recorded
/// as a change of the account made by `changed_by`.
pub fn sync_and_note(
    conn: &mut Conn,
    now: UnixTime,
    wanted: &RolePermissions,
    (user_id, roles): (UserId, Roles),
    changed_by: Actor<'_>,
    changes: &mut Changes,
) -> Result<()> {
    let to = due(conn, wanted, user_id)?;
    set(conn, now, to, (user_id, roles), changed_by, changes)
}

/// Takes a role by permission, or a part of it, from a person whose permissions no longer make it,
/// and returns whether it did. It never gives a role.
pub fn withdraw_and_note(
    conn: &mut Conn,
    now: UnixTime,
    wanted: &RolePermissions,
    (user_id, roles): (UserId, Roles),
    changes: &mut Changes,
) -> Result<bool> {
    let to = due(conn, wanted, user_id)?;
    if to >= roles.by_permission {
        return Ok(false);
    }
    set(conn, now, to, (user_id, roles), Actor::Portal, changes)?;
    Ok(changes.is_any())
}

/// Sets a role by permission. The role by hand is not touched, and the last active admin stays one.
/// `roles` must come from [`users::lock`] or [`users::sync`], so that the account's row is locked.
fn set(
    conn: &mut Conn,
    now: UnixTime,
    to: Role,
    (user_id, roles): (UserId, Roles),
    changed_by: Actor<'_>,
    changes: &mut Changes,
) -> Result<()> {
    let from = roles.by_permission;
    if to == from {
        return Ok(());
    }
    if from == Role::Superuser && roles.by_hand != Role::Superuser {
        lock_superusers(conn)?;
        if !users::has_other_superuser(conn, user_id)? {
            changes.rejected.push("role last_superuser".to_owned());
            return Ok(());
        }
    }
    if to < from {
        sessions::close(conn, now, user_id, Closing::Rights)?;
    }
    users::set_role_by_permission(conn, user_id, to)?;
    changes.add_role(Field::RoleByPermission, from, to);
    users::note_changes(conn, now, user_id, changed_by, &[Field::RoleByPermission])
}

/// Returns the role that a person's permissions make.
pub fn due(conn: &mut Conn, wanted: &RolePermissions, user_id: UserId) -> Result<Role> {
    let mut holds = |name: &Option<String>| match name {
        Some(name) => permissions::is_held(conn, &wanted.counting, user_id, name),
        None => Ok(false),
    };
    Ok(if holds(&wanted.superuser)? {
        Role::Superuser
    } else if holds(&wanted.staff)? {
        Role::Staff
    } else {
        Role::Employee
    })
}
