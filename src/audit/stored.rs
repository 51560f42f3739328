//! How a row stores an event: a kind, a reason, and the JSON of its `details`. Rows of every
//! earlier version must stay readable, so members are added and never renamed.

use serde::{Deserialize, Serialize};

use super::Note;
use super::event::{Adopted, Changes, Event, EventKind, Identity, SignInWay};
use crate::error::Admission;
use crate::permissions::Diff;
use crate::reason::Reason;
use crate::sessions::proof::ProvedBy;
use crate::users::{Field, FieldChange};

/// The most permission names that a row keeps.
const MAX_NAMES: usize = 50;

/// The JSON of a row's details. Empty members are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    account_created: bool,
    /// The sign-in used a rescue link, not the password.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    rescue_link: bool,
    /// A code of [`ProvedBy`].
    #[serde(skip_serializing_if = "String::is_empty")]
    proved_by: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<StoredChange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    permissions_added: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    permissions_removed: Vec<String>,
    /// A code of [`Reason`].
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_kept: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kept: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    failure: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused_by: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    adopted: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    export: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredChange {
    field: String,
    from: String,
    to: String,
}

impl Details {
    fn with_changes(self, changes: &Changes) -> Self {
        let stored = |change: &FieldChange| StoredChange {
            field: change.field.code().to_owned(),
            from: change.from.clone(),
            to: change.to.clone(),
        };
        let some = |names: &[String]| names.iter().take(MAX_NAMES).cloned().collect();
        Self {
            changes: changes.fields.iter().map(stored).collect(),
            permissions_added: some(&changes.permissions.added),
            permissions_removed: some(&changes.permissions.removed),
            permissions_kept: changes.permissions_kept.map(|why| why.code().to_owned()),
            kept: changes.kept.clone(),
            ..self
        }
    }

    fn of_count(count: usize) -> Self {
        Self {
            count: Some(count),
            ..Self::default()
        }
    }

    /// The details of ended sessions. If none ended, the count is left out.
    fn of_sessions(count: usize) -> Self {
        Self {
            count: (count > 0).then_some(count),
            ..Self::default()
        }
    }

    /// Removes the texts that are personal data. What was done, and to how many, stays.
    pub(super) fn without_texts(self) -> Self {
        let is_role = |field: &str| {
            matches!(
                Field::from_code(field),
                Some(Field::RoleByHand | Field::RoleByPermission)
            )
        };
        Self {
            changes: self
                .changes
                .into_iter()
                .map(|change| match change.field.as_str() {
                    field if is_role(field) => change,
                    _ => StoredChange {
                        from: String::new(),
                        to: String::new(),
                        ..change
                    },
                })
                .collect(),
            kept: Vec::new(),
            failure: String::new(),
            note: String::new(),
            identity: None,
            export: String::new(),
            ..self
        }
    }
}

/// Returns the reason and the details of an event's row.
pub(super) fn stored(event: &Event) -> (Option<Reason>, Details) {
    let details = match event {
        Event::SignedIn {
            by,
            account_created,
            changes,
            adopted,
        } => {
            let details = Details {
                account_created: *account_created,
                rescue_link: *by == SignInWay::RescueLink,
                adopted: adopted.is_some(),
                identity: adopted.as_ref().map(|adopted| adopted.identity.clone()),
                ..Details::of_sessions(adopted.as_ref().map_or(0, |one| one.sessions_ended))
            };
            details.with_changes(changes)
        }
        Event::SignInRefused { failure, .. } => Details {
            failure: failure.clone(),
            ..Details::default()
        },
        Event::SessionEnded { .. } => Details::of_count(1),
        Event::OtherSessionsEnded { count }
        | Event::OldestSessionsEnded { count }
        | Event::SignedOutByProvider { count }
        | Event::EventsSwept { count }
        | Event::MoreSignInsRefused { count }
        | Event::RefusalsSuspended { people: count }
        | Event::ProviderRekeyed { people: count, .. }
        | Event::AccountErased { events: count, .. }
        | Event::ProviderGone {
            sessions_ended: count,
        } => Details::of_count(*count),
        Event::SessionsEnded { count, .. }
        | Event::AccountDeactivated {
            sessions_ended: count,
            ..
        }
        | Event::PasswordLinkMade {
            sessions_ended: count,
            ..
        }
        | Event::PasswordChanged {
            sessions_ended: count,
        } => Details::of_sessions(*count),
        Event::AccountImported { permissions } => Details {
            permissions_added: permissions.iter().take(MAX_NAMES).cloned().collect(),
            ..Details::default()
        },
        Event::RoleChanged { changes, .. }
        | Event::PermissionGranted { changes, .. }
        | Event::PermissionTaken { changes, .. }
        | Event::AccountSynced { changes } => Details::default().with_changes(changes),
        Event::IdentityLinked {
            identity,
            sessions_ended,
            changes,
            ..
        } => Details {
            identity: Some(identity.clone()),
            ..Details::of_sessions(*sessions_ended)
        }
        .with_changes(changes),
        Event::IdentityUnlinked {
            identity,
            sessions_ended,
            changes,
            refused_by,
            ..
        } => Details {
            identity: Some(identity.clone()),
            refused_by: refused_by.clone(),
            ..Details::of_sessions(*sessions_ended)
        }
        .with_changes(changes),
        Event::AccessWithdrawn {
            sessions_ended,
            changes,
            rule,
        } => Details {
            failure: rule.map_or("", Admission::code).to_owned(),
            ..Details::of_sessions(*sessions_ended)
        }
        .with_changes(changes),
        Event::Readmitted { refused_by, .. } => Details {
            refused_by: refused_by.clone(),
            ..Details::default()
        },
        Event::Proved { by } | Event::ProofRefused { by } => Details {
            proved_by: by.code().to_owned(),
            ..Details::default()
        },
        Event::ExportMade { list } => Details {
            export: list.clone(),
            ..Details::default()
        },
        Event::SignedOut
        | Event::UserSwitched
        | Event::SuperuserCreated
        | Event::RefusalsConfirmed
        | Event::TokensRevoked { .. }
        | Event::PasswordChangeRefused
        | Event::ConfirmationPasswordSet
        | Event::RescueLinkMade
        | Event::AccountCreated { .. }
        | Event::AccountActivated { .. }
        | Event::ConfirmationLinkMade { .. }
        | Event::NoteAdded { .. }
        | Event::ActRefused { .. }
        | Event::Other { .. } => Details::default(),
    };
    let note = event.note().map_or("", Note::as_str).to_owned();
    (event.reason(), Details { note, ..details })
}

/// Reads the event of a row. `reason` and `provider` are empty if there is none.
pub(super) fn read(kind: &str, reason: &str, provider: &str, details: Details) -> Event {
    read_known(kind, reason, provider, details).unwrap_or_else(|| Event::Other {
        kind: EventKind::from_code(kind),
    })
}

fn read_known(kind: &str, reason: &str, provider: &str, details: Details) -> Option<Event> {
    let kind = EventKind::from_code(kind)?;
    let refused = match reason {
        "" => None,
        code => Some(Reason::from_code(code)?),
    };
    let changes = Changes {
        fields: details.changes.iter().filter_map(read_change).collect(),
        permissions: Diff {
            added: details.permissions_added,
            removed: details.permissions_removed,
        },
        permissions_kept: details
            .permissions_kept
            // The reason may be a code that this version does not know; the permissions were kept
            // anyway.
            .map(|code| Reason::from_code(&code).unwrap_or(Reason::Internal)),
        kept: details.kept,
    };
    let note = Note::of(details.note);
    let count = details.count.unwrap_or_default();
    let identity = details.identity;
    Some(match (kind, refused) {
        (EventKind::SignInRefused, Some(reason)) => Event::SignInRefused {
            reason,
            failure: details.failure,
        },
        (EventKind::TokensRevoked, failure) => Event::TokensRevoked { failure },
        (EventKind::PasswordChangeRefused, _) => Event::PasswordChangeRefused,
        (EventKind::ProofRefused, _) => Event::ProofRefused {
            by: ProvedBy::from_code(&details.proved_by)?,
        },
        (EventKind::MoreSignInsRefused, _) => Event::MoreSignInsRefused { count },
        (act, Some(reason)) => Event::ActRefused { act, reason, note },
        (EventKind::SignedIn, None) => Event::SignedIn {
            by: match (details.rescue_link, provider) {
                (true, _) => SignInWay::RescueLink,
                (false, "") => SignInWay::Password,
                (false, _) => SignInWay::Provider,
            },
            account_created: details.account_created,
            changes,
            adopted: details.adopted.then(|| Adopted {
                identity: identity.unwrap_or_default(),
                sessions_ended: count,
            }),
        },
        (EventKind::SignedOut, None) => Event::SignedOut,
        (EventKind::UserSwitched, None) => Event::UserSwitched,
        (EventKind::SessionEnded, None) => Event::SessionEnded { note },
        (EventKind::OtherSessionsEnded, None) => Event::OtherSessionsEnded { count },
        (EventKind::SessionsEnded, None) => Event::SessionsEnded { count, note },
        (EventKind::AccountCreated, None) => Event::AccountCreated { note },
        (EventKind::AccountDeactivated, None) => Event::AccountDeactivated {
            sessions_ended: count,
            note,
        },
        (EventKind::AccountActivated, None) => Event::AccountActivated { note },
        (EventKind::AccountErased, None) => Event::AccountErased {
            events: count,
            note,
        },
        (EventKind::AccountImported, None) => Event::AccountImported {
            permissions: changes.permissions.added,
        },
        (EventKind::RoleChanged, None) => Event::RoleChanged { changes, note },
        (EventKind::SuperuserCreated, None) => Event::SuperuserCreated,
        (EventKind::PermissionGranted, None) => Event::PermissionGranted { changes, note },
        (EventKind::PermissionTaken, None) => Event::PermissionTaken { changes, note },
        (EventKind::IdentityLinked, None) => Event::IdentityLinked {
            identity: identity.unwrap_or_default(),
            sessions_ended: count,
            changes,
            note,
        },
        (EventKind::IdentityUnlinked, None) => Event::IdentityUnlinked {
            identity: identity.unwrap_or_default(),
            sessions_ended: count,
            changes,
            refused_by: details.refused_by,
            note,
        },
        (EventKind::AccessWithdrawn, None) => Event::AccessWithdrawn {
            sessions_ended: count,
            changes,
            rule: Admission::from_code(&details.failure),
        },
        (EventKind::AccountSynced, None) => Event::AccountSynced { changes },
        (EventKind::RefusalsSuspended, None) => Event::RefusalsSuspended { people: count },
        (EventKind::RefusalsConfirmed, None) => Event::RefusalsConfirmed,
        (EventKind::OldestSessionsEnded, None) => Event::OldestSessionsEnded { count },
        (EventKind::SignedOutByProvider, None) => Event::SignedOutByProvider { count },
        (EventKind::ProviderGone, None) => Event::ProviderGone {
            sessions_ended: count,
        },
        (EventKind::Readmitted, None) => Event::Readmitted {
            refused_by: details.refused_by,
            note,
        },
        (EventKind::ProviderRekeyed, None) => Event::ProviderRekeyed {
            people: count,
            note,
        },
        (EventKind::PasswordChanged, None) => Event::PasswordChanged {
            sessions_ended: count,
        },
        (EventKind::PasswordLinkMade, None) => Event::PasswordLinkMade {
            sessions_ended: count,
            note,
        },
        (EventKind::ConfirmationLinkMade, None) => Event::ConfirmationLinkMade { note },
        (EventKind::ConfirmationPasswordSet, None) => Event::ConfirmationPasswordSet,
        (EventKind::Proved, None) => Event::Proved {
            by: ProvedBy::from_code(&details.proved_by)?,
        },
        (EventKind::RescueLinkMade, None) => Event::RescueLinkMade,
        (EventKind::NoteAdded, None) => Event::NoteAdded { note },
        (EventKind::ExportMade, None) => Event::ExportMade {
            list: details.export,
        },
        (EventKind::EventsSwept, None) => Event::EventsSwept { count },
        (EventKind::SignInRefused | EventKind::ActRefused | EventKind::Other, None) => {
            return None;
        }
    })
}

fn read_change(change: &StoredChange) -> Option<FieldChange> {
    Some(FieldChange {
        field: Field::from_code(&change.field)?,
        from: change.from.clone(),
        to: change.to.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_a_newer_version_leaves_the_kind_known() {
        let event = read("role_changed", "too_early", "", Details::default());
        assert_eq!(event.kind(), EventKind::RoleChanged);
        let event = read("proved", "", "", Details::default());
        assert_eq!(event.kind(), EventKind::Proved);
        let event = read("teleported", "", "", Details::default());
        assert_eq!(event, Event::Other { kind: None });
    }

    #[test]
    fn a_first_sign_in_to_an_imported_account_is_told_after_its_person_is_erased() {
        let details = Details {
            adopted: true,
            identity: Some(("company".to_owned(), "42".to_owned())),
            ..Details::of_count(2)
        };
        let event = read("signed_in", "", "company", details.without_texts());
        let Event::SignedIn { adopted, .. } = event else {
            panic!("{event:?}");
        };
        assert_eq!(adopted.map(|adopted| adopted.sessions_ended), Some(2));
    }
}
