//! What can happen: each event with exactly what there is to tell of it.
//!
//! A new event is a case here, its stored form in [`super::stored`], and its words in
//! `web/timeline.rs`; the compiler asks for both.

use strum::{EnumDiscriminants, EnumString, IntoStaticStr, VariantArray};

use crate::code::coded;
use crate::error::Admission;
use crate::permissions::Diff;
use crate::reason::Reason;
use crate::sessions::proof::ProvedBy;
use crate::users::{Field, FieldChange, Role};

use super::Note;

/// `(provider's id, subject)`: how a person is known there.
pub type Identity = (String, String);

/// The kinds' codes are the variants' names in snake case; they are stored, and stay.
#[derive(Clone, Debug, PartialEq, Eq, EnumDiscriminants)]
#[strum_discriminants(
    name(EventKind),
    doc = "Which event it is, without what it tells.",
    derive(EnumString, IntoStaticStr, VariantArray),
    strum(serialize_all = "snake_case", const_into_str)
)]
pub enum Event {
    SignedIn {
        by: SignInWay,
        account_created: bool,
        changes: Changes,
        adopted: Option<Adopted>,
    },
    SignInRefused {
        reason: Reason,
        /// What the log says of it.
        failure: String,
    },
    SignedOut,
    /// Someone else signed in on the browser of this session.
    UserSwitched,
    SessionEnded {
        note: Note,
    },
    OtherSessionsEnded {
        count: usize,
    },
    /// All of an account's.
    SessionsEnded {
        count: usize,
        note: Note,
    },
    /// A local one, by hand. The reference is the id of its owner's link.
    AccountCreated {
        note: Note,
    },
    AccountDeactivated {
        sessions_ended: usize,
        note: Note,
    },
    AccountActivated {
        note: Note,
    },
    /// Its personal data is gone; the event is under its new name.
    AccountErased {
        /// Rows of the audit log that were rewritten.
        events: usize,
        note: Note,
    },
    /// From another system.
    AccountImported {
        permissions: Vec<String>,
    },
    RoleChanged {
        changes: Changes,
        note: Note,
    },
    SuperuserCreated,
    PermissionGranted {
        changes: Changes,
        note: Note,
    },
    PermissionTaken {
        changes: Changes,
        note: Note,
    },
    IdentityLinked {
        identity: Identity,
        sessions_ended: usize,
        changes: Changes,
        note: Note,
    },
    IdentityUnlinked {
        identity: Identity,
        sessions_ended: usize,
        changes: Changes,
        /// Providers whose refusals went with it.
        refused_by: Vec<String>,
        note: Note,
    },
    /// The provider does not let the person in any more.
    AccessWithdrawn {
        sessions_ended: usize,
        changes: Changes,
        /// The rule of admission that they break, where it was one.
        rule: Option<Admission>,
    },
    /// A re-check read other names or permissions than before.
    AccountSynced {
        changes: Changes,
    },
    /// So many people of a provider were refused without a name that those refusals count for
    /// nothing now.
    RefusalsSuspended {
        people: usize,
    },
    /// An admin says that a provider's refusals are meant.
    RefusalsConfirmed,
    /// They made room for a new one.
    OldestSessionsEnded {
        count: usize,
    },
    /// The provider said that the person signed out there.
    SignedOutByProvider {
        count: usize,
    },
    /// What a provider gave was revoked there after a sign-out, or could not be.
    TokensRevoked {
        failure: Option<Reason>,
    },
    /// Sessions of a provider that no instance has any more ended.
    ProviderGone {
        sessions_ended: usize,
    },
    /// People whom a provider had refused may come in again.
    Readmitted {
        refused_by: Vec<String>,
        note: Note,
    },
    /// People of a provider are known by another id or another member.
    ProviderRekeyed {
        people: usize,
        note: Note,
    },
    /// Where the owner chose it by a link, or while signed in, or the command line did.
    PasswordChanged {
        sessions_ended: usize,
    },
    /// The current one was wrong.
    PasswordChangeRefused,
    /// The old password has ended. The reference is the link's id.
    PasswordLinkMade {
        sessions_ended: usize,
        note: Note,
    },
    /// The reference is the link's id.
    ConfirmationLinkMade {
        note: Note,
    },
    /// The reference is the id of the link by which it was chosen, where there was one.
    ConfirmationPasswordSet,
    /// Someone who is signed in proved who they are.
    Proved {
        by: ProvedBy,
    },
    /// The password was wrong.
    ProofRefused {
        by: ProvedBy,
    },
    /// The reference is the link's id.
    RescueLinkMade,
    NoteAdded {
        note: Note,
    },
    ExportMade {
        /// The list with its filters: `users?role=staff`.
        list: String,
    },
    /// Events that were past their time are gone.
    EventsSwept {
        count: usize,
    },
    /// So many refused sign-ins of a minute have no row of their own.
    MoreSignInsRefused {
        count: usize,
    },
    /// An act that an admin tried and was refused; its row is one of `act`'s.
    #[strum_discriminants(strum(disabled))]
    ActRefused {
        act: EventKind,
        reason: Reason,
        note: Note,
    },
    /// A row that a newer version wrote.
    #[strum_discriminants(strum(disabled))]
    Other,
}

coded!(EventKind);

impl EventKind {
    /// All that rows are written of.
    pub fn all() -> impl Iterator<Item = Self> {
        let is_stored = |kind: &Self| !matches!(kind, Self::ActRefused | Self::Other);
        Self::VARIANTS.iter().copied().filter(is_stored)
    }

    /// Whether it is about coming and going, which is kept for a shorter time than acts are.
    #[must_use]
    pub const fn is_sign_in(self) -> bool {
        matches!(
            self,
            Self::SignedIn
                | Self::SignInRefused
                | Self::SignedOut
                | Self::UserSwitched
                | Self::Proved
                | Self::ProofRefused
                | Self::SignedOutByProvider
                | Self::TokensRevoked
                | Self::MoreSignInsRefused
        )
    }
}

impl Event {
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::ActRefused { act, .. } => *act,
            event => event.into(),
        }
    }
}

/// How someone signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInWay {
    Provider,
    Password,
    RescueLink,
}

/// A first sign-in landed on an account that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    pub identity: Identity,
    pub sessions_ended: usize,
}

/// What became of an account's fields and permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub fields: Vec<FieldChange>,
    pub permissions: Diff,
    /// Why the permissions from before were kept: the answer failed.
    pub permissions_kept: Option<Reason>,
    /// Values that were not taken over, and why: `email too_long`.
    pub kept: Vec<String>,
}

impl Changes {
    /// Whether something is different now. What was kept is not.
    #[must_use]
    pub fn is_any(&self) -> bool {
        !self.fields.is_empty() || self.permissions != Diff::default()
    }

    pub fn add_role(&mut self, field: Field, from: Role, to: Role) {
        self.fields.push(FieldChange {
            field,
            from: from.code().to_owned(),
            to: to.code().to_owned(),
        });
    }
}
