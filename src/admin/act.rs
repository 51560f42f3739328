//! Acts on one account.

use strum::{EnumDiscriminants, EnumString, IntoStaticStr, VariantArray};

use super::{Admin, Refusal};
use crate::access_requests;
use crate::apps;
use crate::audit::event::Identity;
use crate::audit::{self, About, Changes, Event, EventKind, Note};
use crate::clock::UnixTime;
use crate::coded::coded;
use crate::db::{Conn, Db};
use crate::error::{Result, Stopped};
use crate::id::{Reference, SessionId, UserId};
use crate::permissions::{self, Diff, MAX_NAME};
use crate::portal::Portal;
use crate::roles::{self, RolePermissions};
use crate::sessions::proof::ProvedBy;
use crate::sessions::{self, Closing, proof};
use crate::text::is_forbidden;
use crate::users::confirmation_password;
use crate::users::{self, Field, MAX_SUBJECT, NO_PASSWORD_YET, Role, User, refusals};

/// The result of one act in its transaction.
type Outcome<T> = Result<T, Stopped<Refusal>>;

/// An act on an account. Its kind is the last part of its address, and its name in forms and
/// commands.
#[derive(Clone, Debug, PartialEq, Eq, EnumDiscriminants)]
#[strum_discriminants(
    name(ActKind),
    doc = "The kind of an act, without what the act takes.",
    derive(EnumString, IntoStaticStr, VariantArray),
    strum(serialize_all = "kebab-case", const_into_str)
)]
pub enum Act {
    /// Ends all of the account's sessions.
    EndSessions,
    EndSession(SessionId),
    Deactivate,
    Activate,
    /// Grants a permission by hand.
    #[strum_discriminants(strum(serialize = "grant"))]
    GrantPermission(String),
    /// Revokes a permission that was granted by hand.
    #[strum_discriminants(strum(serialize = "take"))]
    TakePermission(String),
    /// Sets the role by hand.
    #[strum_discriminants(strum(serialize = "role"))]
    SetRole(Role),
    /// A provider's id, and the person's subject there.
    #[strum_discriminants(strum(serialize = "link"))]
    LinkIdentity(String, String),
    #[strum_discriminants(strum(serialize = "unlink"))]
    UnlinkIdentity(String, String),
    /// Voids the old password at once; the owner sets a new one with the link of this id.
    ResetPassword {
        link: String,
    },
    /// The owner chooses a confirmation password with the link of this id; an old one is void at
    /// once.
    #[strum_discriminants(strum(serialize = "confirmation-link"))]
    MakeConfirmationLink {
        link: String,
    },
    Erase,
    /// Lets in a person whom a provider had refused: the given provider, or any.
    Readmit(Option<String>),
    Note,
}

coded!(ActKind);

impl ActKind {
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Returns whether the act could do lasting harm from a stolen or unattended session.
    pub const fn needs_proof(self) -> bool {
        !matches!(
            self,
            Self::EndSessions
                | Self::EndSession
                | Self::Deactivate
                | Self::Activate
                | Self::TakePermission
                | Self::Note
        )
    }

    /// Returns whether the act takes a way to sign in from the person.
    pub const fn is_destructive(self) -> bool {
        matches!(
            self,
            Self::Deactivate | Self::UnlinkIdentity | Self::ResetPassword | Self::Erase
        )
    }

    /// Returns whether the act can be done to many accounts at once.
    pub const fn is_for_many(self) -> bool {
        matches!(
            self,
            Self::EndSessions
                | Self::Deactivate
                | Self::Activate
                | Self::GrantPermission
                | Self::TakePermission
        )
    }

    /// Returns whether the act requires a note: the reason for the act, or the act's whole content.
    pub const fn needs_note(self) -> bool {
        matches!(self, Self::Readmit | Self::Note)
    }

    /// Returns whether people cannot do the act to themselves, because it would lock them out or
    /// raise their role.
    pub(super) const fn is_for_others(self) -> bool {
        !matches!(
            self,
            Self::EndSessions | Self::EndSession | Self::TakePermission | Self::Note
        )
    }

    /// Returns whether an admin who does the act to their own account might lose the authority for
    /// the rest of a batch.
    pub(super) const fn may_end_own_authority(self) -> bool {
        matches!(self, Self::EndSessions | Self::TakePermission)
    }

    /// The kind of the act's event.
    const fn event(self) -> EventKind {
        match self {
            Self::EndSessions => EventKind::SessionsEnded,
            Self::EndSession => EventKind::SessionEnded,
            Self::Deactivate => EventKind::AccountDeactivated,
            Self::Activate => EventKind::AccountActivated,
            Self::GrantPermission => EventKind::PermissionGranted,
            Self::TakePermission => EventKind::PermissionTaken,
            Self::SetRole => EventKind::RoleChanged,
            Self::LinkIdentity => EventKind::IdentityLinked,
            Self::UnlinkIdentity => EventKind::IdentityUnlinked,
            Self::ResetPassword => EventKind::PasswordLinkMade,
            Self::MakeConfirmationLink => EventKind::ConfirmationLinkMade,
            Self::Erase => EventKind::AccountErased,
            Self::Readmit => EventKind::Readmitted,
            Self::Note => EventKind::NoteAdded,
        }
    }
}

impl Act {
    pub fn kind(&self) -> ActKind {
        self.into()
    }

    /// The id of the link that the act makes.
    fn link_id(&self) -> Option<&str> {
        match self {
            Self::ResetPassword { link } | Self::MakeConfirmationLink { link } => Some(link),
            _ => None,
        }
    }
}

/// An admin's note, and the reference under which pages and the audit log show the act.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub note: Note,
    pub reference: Option<Reference>,
}

/// Performs an act in its own transaction. Returns the account as it was before.
///
/// # Errors
/// As [`perform`]; after a failure, nothing has changed.
pub async fn act(
    portal: &Portal,
    admin: &Admin,
    user_id: UserId,
    act: Act,
    said: Said,
) -> Result<User, Stopped<Refusal>> {
    let now = portal.clock.now();
    let roles = portal.roles.clone();
    let admin = admin.clone();
    let failpoint = portal.failpoint.clone();
    failpoint.reach("before_act_begins").await;
    portal
        .db
        .decide(move |conn| {
            failpoint.hit("before_act");
            perform(conn, now, &admin, &roles, user_id, &act, &said)
        })
        .await
}

/// Performs an act in the caller's transaction. Leaves one event; a refusal leaves one only if
/// `Refusal::is_worth_a_row`. Returns the account as it was before.
///
/// # Errors
/// A [`Refusal`]; `ProofNeeded`, `SignedOut` and `Forbidden` of [`crate::error::Error`] when
/// the authority does not hold
pub fn perform(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    roles: &RolePermissions,
    user_id: UserId,
    act: &Act,
    said: &Said,
) -> Result<User, Stopped<Refusal>> {
    let kind = act.kind();
    if kind.needs_proof() {
        admin.check_proof(now)?;
    }
    admin.begin(conn)?;
    let user = users::lock(conn, user_id)?.ok_or(Refusal::UnknownUser)?;
    // The wait for the row may have taken a while.
    admin.check(conn)?;
    if kind.needs_proof() {
        admin.check_stored_proof(conn, now)?;
    }
    let mut deed = admin.deed(now);
    deed.note = &said.note;
    deed.reference = said.reference.as_ref().map(Reference::as_str);
    let locked = LockedAct {
        now,
        admin,
        roles,
        user: &user,
        note: &said.note,
    };
    match locked.perform(conn, act) {
        Ok((event, username)) => {
            let deed = act.link_id().map_or(deed, |id| deed.with_reference(id));
            let about = About::Person(user.id, username.as_deref().unwrap_or(&user.username));
            deed.record(conn, about, &event)?;
            Ok(user)
        }
        Err(Stopped::Refused(refusal)) => {
            if refusal.is_worth_a_row() {
                let event = Event::ActRefused {
                    act: kind.event(),
                    reason: refusal.reason(),
                };
                deed.record(conn, About::from(&user), &event)?;
            }
            Err(refusal.into())
        }
        Err(failed) => Err(failed),
    }
}

/// Returns whether an active superuser would lose that role.
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

/// An act in progress, with the account's row locked.
struct LockedAct<'a> {
    now: UnixTime,
    admin: &'a Admin,
    roles: &'a RolePermissions,
    user: &'a User,
    note: &'a Note,
}

impl LockedAct<'_> {
    /// Returns the event, and the account's new name if it gets one.
    fn perform(&self, conn: &mut Conn, act: &Act) -> Outcome<(Event, Option<String>)> {
        if act.kind().is_for_others() && self.admin.is(self.user.id) {
            return Err(Refusal::Yourself.into());
        }
        let ends_superuser = ends_superuser(self.user, self.roles, act);
        if ends_superuser && !users::has_other_superuser(conn, self.user.id)? {
            return Err(Refusal::LastSuperuser.into());
        }
        if self.user.erased_at().is_some() && !matches!(act, Act::Note) {
            return Err(Refusal::Erased.into());
        }
        let event = match act {
            Act::Deactivate => self.deactivate(conn),
            Act::Activate => self.activate(conn),
            Act::SetRole(role) => self.set_role(conn, *role),
            Act::EndSessions => self.end_sessions(conn),
            Act::EndSession(id) => self.end_session(conn, *id),
            Act::GrantPermission(name) => self.grant(conn, name),
            Act::TakePermission(name) => self.revoke(conn, name),
            Act::LinkIdentity(provider, subject) => {
                self.link_identity(conn, (provider.clone(), subject.clone()))
            }
            Act::UnlinkIdentity(provider, subject) => {
                self.unlink(conn, (provider.clone(), subject.clone()))
            }
            Act::ResetPassword { .. } => self.reset_password(conn),
            Act::MakeConfirmationLink { .. } => self.void_confirmation_password(conn),
            Act::Erase => {
                let (event, alias) = self.erase(conn)?;
                return Ok((event, Some(alias)));
            }
            Act::Readmit(by) => self.readmit(conn, by.as_deref()),
            Act::Note if self.note.is_empty() => Err(Refusal::NoReason.into()),
            Act::Note => Ok(Event::NoteAdded),
        };
        Ok((event?, None))
    }

    fn deactivate(&self, conn: &mut Conn) -> Outcome<Event> {
        if !self.user.is_active {
            return Err(Refusal::Unchanged.into());
        }
        users::set_active(conn, self.user.id, false)?;
        self.record_change(conn, Field::IsActive)?;
        let sessions_ended = self.close(conn, Closing::All)?;
        access_requests::end_all(conn, &self.admin.deed(self.now), self.user)?;
        Ok(Event::AccountDeactivated { sessions_ended })
    }

    fn activate(&self, conn: &mut Conn) -> Outcome<Event> {
        if self.user.is_active {
            return Err(Refusal::Unchanged.into());
        }
        users::set_active(conn, self.user.id, true)?;
        self.record_change(conn, Field::IsActive)?;
        Ok(Event::AccountActivated)
    }

    fn set_role(&self, conn: &mut Conn, role: Role) -> Outcome<Event> {
        let from = self.user.roles().by_hand;
        if from == role {
            return Err(Refusal::Unchanged.into());
        }
        self.close(conn, Closing::Rights)?;
        users::set_role_by_hand(conn, self.user.id, role)?;
        self.record_change(conn, Field::RoleByHand)?;
        let mut changes = Changes::default();
        changes.add_role(Field::RoleByHand, from, role);
        Ok(Event::RoleChanged { changes })
    }

    fn end_sessions(&self, conn: &mut Conn) -> Outcome<Event> {
        match self.close(conn, Closing::All)? {
            0 => Err(Refusal::Unchanged.into()),
            count => Ok(Event::SessionsEnded { count }),
        }
    }

    fn end_session(&self, conn: &mut Conn, session_id: SessionId) -> Outcome<Event> {
        match self.close(conn, Closing::One(session_id))? {
            0 => Err(Refusal::Unchanged.into()),
            _ => Ok(Event::SessionEnded),
        }
    }

    fn grant(&self, conn: &mut Conn, name: &str) -> Outcome<Event> {
        if !is_name(name, MAX_NAME) {
            return Err(Refusal::BadName.into());
        }
        let (user_id, by) = (self.user.id, self.admin.actor());
        if !permissions::grant(conn, self.now, user_id, name, by)? {
            return Err(Refusal::Unchanged.into());
        }
        let mut changes = Changes {
            permissions: Diff {
                added: vec![name.to_owned()],
                removed: Vec::new(),
            },
            ..Changes::default()
        };
        self.sync_role_after(conn, name, &mut changes)?;
        Ok(Event::PermissionGranted { changes })
    }

    fn revoke(&self, conn: &mut Conn, name: &str) -> Outcome<Event> {
        self.close(conn, Closing::Rights)?;
        if !permissions::revoke(conn, self.user.id, name)? {
            return Err(Refusal::Unchanged.into());
        }
        let mut changes = Changes {
            permissions: Diff {
                added: Vec::new(),
                removed: vec![name.to_owned()],
            },
            ..Changes::default()
        };
        self.sync_role_after(conn, name, &mut changes)?;
        Ok(Event::PermissionTaken { changes })
    }

    /// Links an identity. The old password and all sessions end: someone who knew the old password
    /// must not get in beside the person who now can.
    fn link_identity(&self, conn: &mut Conn, identity: Identity) -> Outcome<Event> {
        let (provider, subject) = (identity.0.as_str(), identity.1.as_str());
        if !is_name(subject, MAX_SUBJECT) {
            return Err(Refusal::BadName.into());
        }
        let user_id = self.user.id;
        if let Some(owner) = users::find_by_identity(conn, provider, subject)? {
            return Err(if owner.id == user_id {
                Refusal::Unchanged.into()
            } else {
                Refusal::IdentityTaken(owner.username).into()
            });
        }
        users::link(conn, self.now, user_id, (provider, subject), UnixTime(0))?;
        users::clear_password(conn, user_id)?;
        let sessions_ended = self.close(conn, Closing::All)?;
        self.record_change(conn, Field::Identity)?;
        Ok(Event::IdentityLinked {
            identity,
            sessions_ended,
            changes: Changes::default(),
        })
    }

    /// Removes an identity, and the permissions that its provider gave.
    fn unlink(&self, conn: &mut Conn, identity: Identity) -> Outcome<Event> {
        let (provider, subject) = (identity.0.as_str(), identity.1.as_str());
        let user_id = self.user.id;
        let refused = refusals::of(conn, user_id)?;
        if !users::unlink(conn, user_id, provider, subject)? {
            return Err(Refusal::Unchanged.into());
        }
        // The provider's refusal goes with the identity: the event says so.
        let still = refusals::of(conn, user_id)?;
        let lifted = refused
            .into_iter()
            .filter(|refusal| !still.contains(refusal));
        let refused_by = lifted.map(|(provider, _)| provider).collect();
        // Someone who got in through this identity may have chosen a confirmation password.
        confirmation_password::set(conn, user_id, None)?;
        let mut changes = Changes {
            permissions: permissions::replace(conn, self.now, user_id, provider, &[])?,
            ..Changes::default()
        };
        let sessions_ended = self.close(conn, Closing::All)?;
        self.sync_role(conn, &mut changes)?;
        self.record_change(conn, Field::Identity)?;
        Ok(Event::IdentityUnlinked {
            identity,
            sessions_ended,
            changes,
            refused_by,
        })
    }

    fn reset_password(&self, conn: &mut Conn) -> Outcome<Event> {
        if !users::has_password(conn, self.user.id)? {
            return Err(Refusal::NoLocalPassword.into());
        }
        self.check_active()?;
        users::set_password(conn, self.user.id, NO_PASSWORD_YET)?;
        confirmation_password::set(conn, self.user.id, None)?;
        let sessions_ended = self.close(conn, Closing::All)?;
        self.record_change(conn, Field::Password)?;
        Ok(Event::PasswordLinkMade { sessions_ended })
    }

    fn void_confirmation_password(&self, conn: &mut Conn) -> Outcome<Event> {
        self.check_active()?;
        if confirmation_password::set(conn, self.user.id, None)? {
            proof::withdraw(conn, self.user.id, ProvedBy::ConfirmationPassword)?;
            self.record_change(conn, Field::ConfirmationPassword)?;
        }
        Ok(Event::ConfirmationLinkMade)
    }

    fn readmit(&self, conn: &mut Conn, by: Option<&str>) -> Outcome<Event> {
        if self.note.is_empty() {
            return Err(Refusal::NoReason.into());
        }
        let mut refused_by = Vec::new();
        for (provider, _) in refusals::of(conn, self.user.id)? {
            if by.is_none_or(|by| by == provider)
                && refusals::let_in(conn, self.user.id, &provider)?
            {
                refused_by.push(provider);
            }
        }
        if refused_by.is_empty() {
            return Err(Refusal::NotRefused.into());
        }
        Ok(Event::Readmitted { refused_by })
    }

    /// Returns the event, and the name that replaces the old one from now on.
    fn erase(&self, conn: &mut Conn) -> Outcome<(Event, String)> {
        if self.user.is_active {
            return Err(Refusal::StillActive.into());
        }
        let alias = free_alias(conn, self.user.id)?;
        self.close(conn, Closing::All)?;
        let leaver = users::Leaver {
            id: self.user.id,
            username: &self.user.username,
            alias: &alias,
            named_since: audit::named_since(conn, self.user)?,
        };
        permissions::forget(conn, &leaver)?;
        sessions::forget(conn, leaver.id)?;
        apps::choices::forget(conn, leaver.id)?;
        access_requests::forget(conn, &leaver)?;
        users::erase(conn, self.now, &leaver)?;
        let event = Event::AccountErased {
            events: audit::forget(conn, &leaver)?,
        };
        Ok((event, alias))
    }

    fn check_active(&self) -> Outcome<()> {
        if self.user.is_active {
            Ok(())
        } else {
            Err(Refusal::Inactive.into())
        }
    }

    /// Returns how many sessions ended.
    fn close(&self, conn: &mut Conn, which: Closing<'_>) -> Result<usize> {
        sessions::close(conn, self.now, self.user.id, which)
    }

    /// Syncs the role, but only for a permission that confers a role: a command may run without
    /// the portal's settings.
    fn sync_role_after(&self, conn: &mut Conn, name: &str, changes: &mut Changes) -> Result<()> {
        let confers_role = [&self.roles.staff, &self.roles.superuser]
            .into_iter()
            .flatten()
            .any(|one| one == name);
        if confers_role {
            self.sync_role(conn, changes)?;
        }
        Ok(())
    }

    fn sync_role(&self, conn: &mut Conn, changes: &mut Changes) -> Result<()> {
        let known = (self.user.id, self.user.roles());
        let by = self.admin.actor();
        roles::sync_and_note(conn, self.now, self.roles, known, by, changes)
    }

    fn record_change(&self, conn: &mut Conn, field: Field) -> Result<()> {
        users::note_changes(conn, self.now, self.user.id, self.admin.actor(), &[field])
    }
}

/// Returns a replacement for the name of an erased account. An account from before such names were
/// reserved may already have the first candidate.
fn free_alias(conn: &mut Conn, user_id: UserId) -> Result<String> {
    let first = format!("erased-{}", user_id.0.unsigned_abs());
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
    !text.trim().is_empty() && text.chars().count() <= longest && !text.chars().any(is_forbidden)
}

/// Sets an account's role by hand, on the command line; the role by permission is not touched.
/// Returns the previous role by hand.
///
/// # Errors
/// [`Refusal::UnknownUser`], [`Refusal::LastSuperuser`]; [`crate::error::DatabaseError`]
pub fn set_role_by_username(
    db: &Db,
    now: UnixTime,
    admin: &Admin,
    username: &str,
    role: Role,
) -> Result<Role, Stopped<Refusal>> {
    db.decide_blocking(|conn| {
        let user = users::find_by_username(conn, username)?.ok_or(Refusal::UnknownUser)?;
        let roles = RolePermissions::default();
        let act = Act::SetRole(role);
        match perform(conn, now, admin, &roles, user.id, &act, &Said::default()) {
            Ok(before) => Ok(before.roles().by_hand),
            Err(Stopped::Refused(Refusal::Unchanged)) => Ok(role),
            Err(stopped) => Err(stopped),
        }
    })
}
