//! Roles: what makes an admin, by an admin's hand or by a permission.

use diesel::prelude::*;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{User, list};
use crate::coded::coded;
use crate::db::schema::users;
use crate::db::{Conn, Sql};
use crate::error::Result;
use crate::id::UserId;

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Role {
    Employee,
    Staff,
    Superuser,
}

coded!(Role);

/// The two sources of a role; the higher one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    pub by_hand: Role,
    pub by_permission: Role,
}

impl Role {
    pub(super) const fn from_flags(is_staff: bool, is_superuser: bool) -> Self {
        match (is_staff, is_superuser) {
            (_, true) => Self::Superuser,
            (true, false) => Self::Staff,
            (false, false) => Self::Employee,
        }
    }

    /// Returns `is_staff` and `is_superuser`. An admin has both.
    pub(super) const fn flags(self) -> (bool, bool) {
        match self {
            Self::Employee => (false, false),
            Self::Staff => (true, false),
            Self::Superuser => (true, true),
        }
    }
}

/// The flags that [`Roles`] are made of.
pub(super) type Flags = (bool, bool, bool, bool);

pub(super) const FLAGS: (
    users::is_staff,
    users::is_superuser,
    users::is_staff_by_permission,
    users::is_superuser_by_permission,
) = (
    users::is_staff,
    users::is_superuser,
    users::is_staff_by_permission,
    users::is_superuser_by_permission,
);

pub(super) const fn roles_of(flags: Flags) -> Roles {
    Roles {
        by_hand: Role::from_flags(flags.0, flags.1),
        by_permission: Role::from_flags(flags.2, flags.3),
    }
}

/// Lists up to `limit` accounts that have a role by permission, ordered by id, starting after
/// `after`.
pub fn with_role_by_permission(
    conn: &mut Conn,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<User>> {
    // An admin counts as staff, too.
    Ok(users::table
        .filter(users::is_staff_by_permission.eq(true))
        .filter(users::id.gt(after.unwrap_or(UserId(i64::MIN))))
        .order(users::id)
        .limit(limit)
        .select(User::as_select())
        .load(conn)?)
}

pub fn set_role_by_permission(conn: &mut Conn, user_id: UserId, role: Role) -> Result<()> {
    let (is_staff, is_superuser) = role.flags();
    diesel::update(users::table.find(user_id))
        .set((
            users::is_staff_by_permission.eq(is_staff),
            users::is_superuser_by_permission.eq(is_superuser),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn set_role_by_hand(conn: &mut Conn, user_id: UserId, role: Role) -> Result<()> {
    let (is_staff, is_superuser) = role.flags();
    diesel::update(users::table.find(user_id))
        .set((
            users::is_staff.eq(is_staff),
            users::is_superuser.eq(is_superuser),
        ))
        .execute(conn)?;
    Ok(())
}

/// Returns whether an active admin other than this one would remain. Call
/// [`crate::db::lock_superusers`] first.
pub fn has_other_superuser(conn: &mut Conn, user_id: UserId) -> Result<bool> {
    // Use the index of roles: the table may have a million rows.
    let other = Sql::text("SELECT u.id AS value FROM users u WHERE ")
        .then(&list::has_role(Role::Superuser))
        .with(
            " AND u.is_active = ? AND u.id <> ? LIMIT 1",
            [true.into(), user_id.into()],
        )
        .number(conn)?;
    Ok(other.is_some())
}
