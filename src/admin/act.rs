//! What can be done to one account.

use super::{Admin, Refusal};
use crate::audit::{self, DetailedChange, Details, EventKind, NewEvent};
use crate::clock::UnixTime;
use crate::db::{Conn, Db};
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::permissions::{self, MAX_NAME};
use crate::roles::{self, RolePermissions};
use crate::sessions::proof::ProvedBy;
use crate::sessions::{self, Closing, proof};
use crate::text::is_refused;
use crate::users::confirmation;
use crate::users::{self, MAX_SUBJECT, NO_PASSWORD_YET, Role, User, refusals};

/// Of an admin's reason or note, in characters.
pub const MAX_NOTE: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Deactivate,
    Activate,
    /// The role by hand.
    SetRole(Role),
    /// All of them.
    EndSessions,
    EndSession(i64),
    /// By hand.
    GrantPermission(String),
    /// What was given by hand.
    TakePermission(String),
    /// A provider's id, and who the person is there.
    LinkIdentity(String, String),
    UnlinkIdentity(String, String),
    /// The old password ends at once; the owner sets another one by the link of this id.
    ResetPassword {
        link: String,
    },
    /// The owner chooses a confirmation password by the link of this id; an old one ends at once.
    MakeConfirmationLink {
        link: String,
    },
    Erase,
    /// Lets somebody come in again whom a provider refused: this one, or whichever did.
    Readmit(Option<String>),
    Note,
}

/// Why, in the admin's words, and what names this act on pages and in the trail.
#[derive(Clone, Debug, Default)]
pub struct Reason {
    /// At most [`MAX_NOTE`] characters.
    pub note: String,
    pub reference: String,
}

/// What an act did.
#[derive(Debug)]
pub struct Done {
    /// The account as it was before.
    pub user: User,
    pub sessions_ended: usize,
}

impl Act {
    /// Whether a stolen, unattended session could do lasting harm by it.
    #[must_use]
    pub const fn is_dangerous(&self) -> bool {
        match self {
            Self::Deactivate
            | Self::Activate
            | Self::EndSessions
            | Self::EndSession(_)
            | Self::TakePermission(_)
            | Self::Note => false,
            Self::SetRole(_)
            | Self::GrantPermission(_)
            | Self::LinkIdentity(..)
            | Self::UnlinkIdentity(..)
            | Self::ResetPassword { .. }
            | Self::MakeConfirmationLink { .. }
            | Self::Readmit(_)
            | Self::Erase => true,
        }
    }

    /// Whether nobody does it to themself: it would lock them out, or raise them.
    pub(super) const fn is_for_others(&self) -> bool {
        match self {
            Self::EndSessions | Self::EndSession(_) | Self::TakePermission(_) | Self::Note => false,
            Self::Deactivate
            | Self::Activate
            | Self::SetRole(_)
            | Self::GrantPermission(_)
            | Self::LinkIdentity(..)
            | Self::UnlinkIdentity(..)
            | Self::ResetPassword { .. }
            | Self::MakeConfirmationLink { .. }
            | Self::Readmit(_)
            | Self::Erase => true,
        }
    }

    const fn kind(&self) -> EventKind {
        match self {
            Self::Deactivate => EventKind::AccountDeactivated,
            Self::Activate => EventKind::AccountActivated,
            Self::SetRole(_) => EventKind::RoleChanged,
            Self::EndSessions => EventKind::SessionsEnded,
            Self::EndSession(_) => EventKind::SessionEnded,
            Self::GrantPermission(_) => EventKind::PermissionGranted,
            Self::TakePermission(_) => EventKind::PermissionTaken,
            Self::LinkIdentity(..) => EventKind::IdentityLinked,
            Self::UnlinkIdentity(..) => EventKind::IdentityUnlinked,
            Self::ResetPassword { .. } => EventKind::PasswordLinkMade,
            Self::MakeConfirmationLink { .. } => EventKind::ConfirmationLinkMade,
            Self::Erase => EventKind::AccountErased,
            Self::Readmit(_) => EventKind::Readmitted,
            Self::Note => EventKind::NoteAdded,
        }
    }
}

/// Does it, in a transaction of its own.
///
/// # Errors
/// [`Error::FreshSignInNeeded`], [`Error::SignedOut`] and [`Error::Forbidden`] when the authority
/// does not hold, [`Error::Database`]; then nothing is changed.
pub async fn act(
    desk: &Desk,
    admin: &Admin,
    user_id: i64,
    act: Act,
    reason: Reason,
) -> Result<Result<Done, Refusal>> {
    let now = desk.clock.now();
    let roles = desk.roles.clone();
    let admin = admin.clone();
    let failpoint = desk.failpoint.clone();
    failpoint.reach("before_act_begins").await;
    desk.db
        .write(move |conn| {
            failpoint.hit("before_act");
            perform(conn, now, &admin, &roles, user_id, &act, &reason)
        })
        .await
}

/// Does it, in the caller's transaction: one event, also for an act that was refused.
///
/// # Errors
/// As [`act()`]
pub fn perform(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    roles: &RolePermissions,
    user_id: i64,
    act: &Act,
    reason: &Reason,
) -> Result<Result<Done, Refusal>> {
    if act.is_dangerous() {
        admin.check_fresh(now)?;
    }
    admin.begin(conn)?;
    let Some(user) = users::lock(conn, user_id)? else {
        return Ok(Err(Refusal::UnknownUser));
    };
    // Waiting for the row may have taken a while.
    admin.check(conn)?;
    if act.is_dangerous() {
        admin.check_proved(conn, now)?;
    }
    let ends_superuser = ends_superuser(&user, roles, act);
    let mut this = Performing {
        now,
        admin,
        roles,
        user,
        details: Details {
            note: reason.note.clone(),
            ..Details::default()
        },
        username: None,
        sessions_ended: 0,
    };
    let refusal = if act.is_for_others() && admin.is(user_id) {
        Some(Refusal::Yourself)
    } else if ends_superuser && !users::has_other_superuser(conn, user_id)? {
        Some(Refusal::LastSuperuser)
    } else {
        this.change(conn, act)?.err()
    };
    match refusal {
        // Nothing was tried that anybody would have to know of.
        Some(
            refusal @ (Refusal::Unchanged
            | Refusal::UnknownUser
            | Refusal::BadName
            | Refusal::NotRefused
            | Refusal::NoReason),
        ) => Ok(Err(refusal)),
        Some(refusal) => {
            this.record(conn, act, reason, refusal.code())?;
            Ok(Err(refusal))
        }
        None => {
            this.record(conn, act, reason, "")?;
            Ok(Ok(Done {
                user: this.user,
                sessions_ended: this.sessions_ended,
            }))
        }
    }
}

/// Whether an active superuser would be none after it.
fn ends_superuser(user: &User, wanted: &RolePermissions, act: &Act) -> bool {
    let roles = user.roles();
    if !user.is_active || user.role() != Role::Superuser {
        return false;
    }
    match act {
        Act::Deactivate => true,
        Act::SetRole(role) => (*role).max(roles.by_permission) != Role::Superuser,
        Act::TakePermission(name) => {
            roles.by_hand != Role::Superuser && wanted.superuser.as_ref() == Some(name)
        }
        Act::UnlinkIdentity(..) => roles.by_hand != Role::Superuser,
        _ => false,
    }
}

/// One act on its way, with the account's row taken.
struct Performing<'a> {
    now: UnixTime,
    admin: &'a Admin,
    roles: &'a RolePermissions,
    user: User,
    details: Details,
    /// The account's new name, where the act gives it one.
    username: Option<String>,
    sessions_ended: usize,
}

impl Performing<'_> {
    fn change(&mut self, conn: &mut Conn, act: &Act) -> Result<Result<(), Refusal>> {
        let user_id = self.user.id;
        if self.user.erased_at().is_some() && !matches!(act, Act::Note) {
            return Ok(Err(Refusal::Erased));
        }
        match act {
            Act::Deactivate => {
                if !self.user.is_active {
                    return Ok(Err(Refusal::Unchanged));
                }
                users::set_active(conn, user_id, false)?;
                self.end_sessions(conn)?;
                self.note_change(conn, "is_active")?;
            }
            Act::Activate => {
                if self.user.is_active {
                    return Ok(Err(Refusal::Unchanged));
                }
                users::set_active(conn, user_id, true)?;
                self.note_change(conn, "is_active")?;
            }
            Act::SetRole(role) => {
                let from = self.user.roles().by_hand;
                if from == *role {
                    return Ok(Err(Refusal::Unchanged));
                }
                sessions::close(conn, self.now, user_id, Closing::Rights)?;
                users::set_role_by_hand(conn, user_id, *role)?;
                self.add_role_change("role_by_hand", from, *role);
                self.note_change(conn, "role_by_hand")?;
            }
            Act::EndSessions => {
                self.end_sessions(conn)?;
                if self.sessions_ended == 0 {
                    return Ok(Err(Refusal::Unchanged));
                }
            }
            Act::EndSession(id) => {
                if sessions::close(conn, self.now, user_id, Closing::One(*id))? == 0 {
                    return Ok(Err(Refusal::Unchanged));
                }
                self.sessions_ended = 1;
                self.details.count = Some(1);
            }
            Act::GrantPermission(name) => {
                if !is_name(name, MAX_NAME) {
                    return Ok(Err(Refusal::BadName));
                }
                if !permissions::grant(conn, self.now, user_id, name, self.admin.actor())? {
                    return Ok(Err(Refusal::Unchanged));
                }
                self.details.permissions_added = vec![name.clone()];
                self.sync_role_after(conn, name)?;
            }
            Act::TakePermission(name) => {
                sessions::close(conn, self.now, user_id, Closing::Rights)?;
                if !permissions::take(conn, user_id, name)? {
                    return Ok(Err(Refusal::Unchanged));
                }
                self.details.permissions_removed = vec![name.clone()];
                self.sync_role_after(conn, name)?;
            }
            Act::LinkIdentity(provider, subject) => return self.link(conn, provider, subject),
            Act::UnlinkIdentity(provider, subject) => return self.unlink(conn, provider, subject),
            Act::ResetPassword { .. } => {
                if !users::has_password(conn, user_id)? {
                    return Ok(Err(Refusal::NoLocalPassword));
                }
                if !self.user.is_active {
                    return Ok(Err(Refusal::Inactive));
                }
                users::set_password(conn, user_id, NO_PASSWORD_YET)?;
                confirmation::set(conn, user_id, None)?;
                self.end_sessions(conn)?;
                self.note_change(conn, "password")?;
            }
            Act::MakeConfirmationLink { .. } => {
                if !self.user.is_active {
                    return Ok(Err(Refusal::Inactive));
                }
                if confirmation::set(conn, user_id, None)? {
                    proof::take(conn, user_id, ProvedBy::ConfirmationPassword)?;
                    self.note_change(conn, "confirmation_password")?;
                }
            }
            Act::Erase => return self.erase(conn),
            Act::Readmit(by) => return self.readmit(conn, by.as_deref()),
            Act::Note => {
                if self.details.note.trim().is_empty() {
                    return Ok(Err(Refusal::BadName));
                }
            }
        }
        Ok(Ok(()))
    }

    /// Whoever knew the old password must not come in beside the one who now can: both it and all
    /// sessions end.
    fn link(
        &mut self,
        conn: &mut Conn,
        provider: &str,
        subject: &str,
    ) -> Result<Result<(), Refusal>> {
        if !is_name(subject, MAX_SUBJECT) {
            return Ok(Err(Refusal::BadName));
        }
        if let Some(owner) = users::find_by_identity(conn, provider, subject)? {
            return Ok(Err(if owner.id == self.user.id {
                Refusal::Unchanged
            } else {
                Refusal::IdentityTaken(owner.username)
            }));
        }
        users::link(
            conn,
            self.now,
            self.user.id,
            (provider, subject),
            UnixTime(0),
        )?;
        users::clear_password(conn, self.user.id)?;
        self.end_sessions(conn)?;
        self.details.identity = Some((provider.to_owned(), subject.to_owned()));
        self.note_change(conn, "identity")?;
        Ok(Ok(()))
    }

    /// What the provider gave goes with it.
    fn unlink(
        &mut self,
        conn: &mut Conn,
        provider: &str,
        subject: &str,
    ) -> Result<Result<(), Refusal>> {
        let refused = refusals::of(conn, self.user.id)?;
        if !users::unlink(conn, self.user.id, provider, subject)? {
            return Ok(Err(Refusal::Unchanged));
        }
        // Its refusal goes with it: the trail tells.
        let still = refusals::of(conn, self.user.id)?;
        let lifted = refused
            .into_iter()
            .filter(|refusal| !still.contains(refusal));
        self.details.refused_by = lifted.map(|(provider, _)| provider).collect();
        // Whoever came by it may have chosen one.
        confirmation::set(conn, self.user.id, None)?;
        let taken = permissions::replace(conn, self.now, self.user.id, provider, &[])?;
        self.details.permissions_removed = taken.removed;
        self.end_sessions(conn)?;
        self.sync_role(conn)?;
        self.details.identity = Some((provider.to_owned(), subject.to_owned()));
        self.note_change(conn, "identity")?;
        Ok(Ok(()))
    }

    fn readmit(&mut self, conn: &mut Conn, by: Option<&str>) -> Result<Result<(), Refusal>> {
        if self.details.note.trim().is_empty() {
            return Ok(Err(Refusal::NoReason));
        }
        for (provider, _) in refusals::of(conn, self.user.id)? {
            if by.is_none_or(|by| by == provider)
                && refusals::let_in(conn, self.user.id, &provider)?
            {
                self.details.refused_by.push(provider);
            }
        }
        if self.details.refused_by.is_empty() {
            return Ok(Err(Refusal::NotRefused));
        }
        Ok(Ok(()))
    }

    fn erase(&mut self, conn: &mut Conn) -> Result<Result<(), Refusal>> {
        if self.user.is_active {
            return Ok(Err(Refusal::StillActive));
        }
        let alias = free_alias(conn, self.user.id)?;
        self.end_sessions(conn)?;
        let leaver = users::Leaver {
            id: self.user.id,
            username: &self.user.username,
            alias: &alias,
            named_since: audit::named_since(conn, &self.user)?,
        };
        permissions::forget(conn, &leaver)?;
        sessions::forget(conn, leaver.id)?;
        users::erase(conn, self.now, &leaver)?;
        let events = audit::forget(conn, &leaver)?;
        self.details.count = Some(events);
        self.username = Some(alias);
        Ok(Ok(()))
    }

    fn end_sessions(&mut self, conn: &mut Conn) -> Result<()> {
        self.sessions_ended = sessions::close(conn, self.now, self.user.id, Closing::All)?;
        self.details.count = (self.sessions_ended > 0).then_some(self.sessions_ended);
        Ok(())
    }

    /// A permission that makes no role leaves the role alone: a command may run without the
    /// portal's settings.
    fn sync_role_after(&mut self, conn: &mut Conn, permission: &str) -> Result<()> {
        let makes_role = [&self.roles.staff, &self.roles.superuser]
            .into_iter()
            .flatten()
            .any(|name| name == permission);
        if makes_role {
            self.sync_role(conn)?;
        }
        Ok(())
    }

    fn sync_role(&mut self, conn: &mut Conn) -> Result<()> {
        let known = (self.user.id, self.user.roles());
        let (by, details) = (self.admin.actor(), &mut self.details);
        roles::sync_and_note(conn, self.now, self.roles, known, by, details)
    }

    fn add_role_change(&mut self, field: &str, from: Role, to: Role) {
        self.details.changes.push(DetailedChange {
            field: field.to_owned(),
            from: from.code().to_owned(),
            to: to.code().to_owned(),
        });
    }

    fn note_change(&self, conn: &mut Conn, field: &str) -> Result<()> {
        users::note_changes(conn, self.now, self.user.id, self.admin.actor(), &[field])
    }

    fn record(
        &self,
        conn: &mut Conn,
        act: &Act,
        reason: &Reason,
        refused: &'static str,
    ) -> Result<()> {
        let username = self.username.as_deref().unwrap_or(&self.user.username);
        let reference = match act {
            Act::ResetPassword { link } | Act::MakeConfirmationLink { link }
                if refused.is_empty() =>
            {
                link
            }
            _ => &reason.reference,
        };
        let event = NewEvent {
            reason: refused,
            reference,
            details: self.details.clone(),
            ..self.admin.event(act.kind(), Some((self.user.id, username)))
        };
        audit::record(conn, self.now, event)
    }
}

/// What stands for the name of an erased account. Somebody who came before such names were reserved
/// may bear the first of them.
fn free_alias(conn: &mut Conn, user_id: i64) -> Result<String> {
    let first = format!("erased-{}", user_id.unsigned_abs());
    let mut alias = first.clone();
    for again in 2..10 {
        if users::find_by_username(conn, &alias)?.is_none() {
            break;
        }
        alias = format!("{first}-{again}");
    }
    Ok(alias)
}

fn is_name(text: &str, longest: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= longest && !text.chars().any(is_refused)
}

/// Sets the role by hand of the account of a name, on the command line; the one by permission is
/// not touched. Returns the role by hand from before.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::LastSuperuser`]
pub fn promote(
    db: &Db,
    now: UnixTime,
    admin: &Admin,
    username: &str,
    role: Role,
) -> Result<Role, Refusal> {
    db.write_blocking(|conn| {
        let Some(user) = users::find_by_username(conn, username)? else {
            return Ok(Err(Refusal::UnknownUser));
        };
        let roles = RolePermissions::default();
        let act = Act::SetRole(role);
        let done = perform(conn, now, admin, &roles, user.id, &act, &Reason::default())?;
        Ok(match done {
            Ok(done) => Ok(done.user.roles().by_hand),
            Err(Refusal::Unchanged) => Ok(role),
            Err(refusal) => Err(refusal),
        })
    })
    .map_err(|error: Error| Refusal::Failed(error))?
}
