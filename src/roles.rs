//! Roles that follow a permission.

use crate::audit::{Actor, DetailedChange, Details};
use crate::clock::UnixTime;
use crate::db::{Conn, lock_superusers};
use crate::error::Result;
use crate::permissions;
use crate::users::{self, Role, Roles};

/// Which permissions make somebody an admin.
#[derive(Debug, Clone, Default)]
pub struct RolePermissions {
    pub staff: Option<String>,
    pub superuser: Option<String>,
}

/// Whether somebody holds a permission that makes a role.
///
/// # Errors
/// [`crate::error::DatabaseError`]
pub fn is_due(conn: &mut Conn, wanted: &RolePermissions, user_id: i64) -> Result<bool> {
    for name in [&wanted.staff, &wanted.superuser].into_iter().flatten() {
        if permissions::is_held(conn, user_id, name)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What became of a role by permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Synced {
    Unchanged,
    Changed {
        from: Role,
        to: Role,
    },
    /// It would have gone, and with it the last active superuser.
    Kept,
}

/// [`sync`], with what became of it in an event's `details` and among the account's changes, made
/// by `changed_by`.
///
/// # Errors
/// [`crate::error::DatabaseError`]
pub fn sync_and_note(
    conn: &mut Conn,
    now: UnixTime,
    wanted: &RolePermissions,
    (user_id, roles): (i64, Roles),
    changed_by: Actor<'_>,
    details: &mut Details,
) -> Result<()> {
    match sync(conn, wanted, user_id, roles)? {
        Synced::Unchanged => {}
        Synced::Kept => details.kept.push("role last_superuser".to_owned()),
        Synced::Changed { from, to } => {
            details.changes.push(DetailedChange {
                field: "role_by_permission".to_owned(),
                from: from.code().to_owned(),
                to: to.code().to_owned(),
            });
            users::note_changes(conn, now, user_id, changed_by, &["role_by_permission"])?;
        }
    }
    Ok(())
}

/// Gives the role by permission that somebody's permissions make; the role by hand is not
/// touched, and the last active superuser stays one. `roles` as [`users::lock`] or
/// [`users::sync`] gave them, so that the account's row is taken.
///
/// # Errors
/// [`crate::error::DatabaseError`]
fn sync(conn: &mut Conn, wanted: &RolePermissions, user_id: i64, roles: Roles) -> Result<Synced> {
    let mut holds = |name: &Option<String>| match name {
        Some(name) => permissions::is_held(conn, user_id, name),
        None => Ok(false),
    };
    let to = if holds(&wanted.superuser)? {
        Role::Superuser
    } else if holds(&wanted.staff)? {
        Role::Staff
    } else {
        Role::Employee
    };
    let from = roles.by_permission;
    if to == from {
        return Ok(Synced::Unchanged);
    }
    if from == Role::Superuser && roles.by_hand != Role::Superuser {
        lock_superusers(conn)?;
        if !users::has_other_superuser(conn, user_id)? {
            return Ok(Synced::Kept);
        }
    }
    users::set_role_by_permission(conn, user_id, to)?;
    Ok(Synced::Changed { from, to })
}
