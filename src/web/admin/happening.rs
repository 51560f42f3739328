//! An event of the trail in the reader's words.

use crate::audit::{Details, Event, EventKind};
use crate::i18n::messages::Messages;
use crate::users::Role;
use crate::web::device::Device;
use crate::web::page::Page;

/// One event, ready to be shown.
pub struct Happening {
    pub event: Event,
    pub title: &'static str,
    pub icon: &'static str,
    pub tint: &'static str,
    pub notes: Vec<String>,
    pub device: Device,
}

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Admins,
    /// Whom it is about: without what admins wrote to each other.
    Person,
}

impl Happening {
    pub fn of(event: Event, page: &Page<'_>, audience: Audience) -> Self {
        let t = page.t;
        let mut event = event;
        if audience == Audience::Person && !event.is_own() {
            // Where somebody else sat is not theirs to know.
            event.address.clear();
            event.user_agent.clear();
        }
        let details = event.details();
        let (title, icon, tint) = look_of(page, &event, &details);
        let mut notes: Vec<String> = Vec::new();
        if !event.reason.is_empty() {
            notes.push(reason(page, &event.reason).to_owned());
        }
        let is_by_provider = [
            EventKind::AccessWithdrawn,
            EventKind::ProviderGone,
            EventKind::SignedOutByProvider,
            EventKind::TokensRevoked,
            EventKind::ProviderRekeyed,
            EventKind::RefusalsSuspended,
            EventKind::RefusalsConfirmed,
        ]
        .iter()
        .any(|kind| kind.code() == event.event);
        if is_by_provider {
            notes.push(page.provider_name(&event.provider));
        }
        if details.rescue_link {
            notes.push(t.by_rescue_link.to_owned());
        }
        match details.proved_by.as_str() {
            "password" => notes.push(t.local_password.to_owned()),
            "confirmation_password" => notes.push(t.confirmation_password.to_owned()),
            _ => {}
        }
        if details.adopted {
            notes.push(t.adopted.to_owned());
        }
        if let Some((provider, subject)) = &details.identity {
            notes.push(format!("{provider}: {subject}"));
        }
        for provider in &details.refused_by {
            notes.push(page.provider_name(provider));
        }
        if !details.export.is_empty() {
            notes.push(details.export.clone());
        }
        if let Some(count) = details.count {
            let [before, after] = match event.event.as_str() {
                "more_sign_ins_refused" => t.sign_ins_counted,
                "events_swept" | "account_erased" => t.events_counted,
                "provider_rekeyed" | "refusals_suspended" | "refusals_confirmed" => {
                    t.people_counted
                }
                _ => t.sessions_counted,
            };
            notes.push(format!("{before}{count}{after}"));
        }
        for change in &details.changes {
            let [before, from, to] = t.changed_from_to;
            let (field, old, new) = match change.field.as_str() {
                "email" => (t.email, change.from.as_str(), change.to.as_str()),
                "first_name" => (t.name, change.from.as_str(), change.to.as_str()),
                "username" => (t.username, change.from.as_str(), change.to.as_str()),
                "role_by_permission" => (
                    t.role_by_permission_field,
                    role_word(page, &change.from),
                    role_word(page, &change.to),
                ),
                _ => (
                    t.role,
                    role_word(page, &change.from),
                    role_word(page, &change.to),
                ),
            };
            let [old, new] = [old, new].map(|text| if text.is_empty() { "—" } else { text });
            notes.push(format!("{before}{field}{from}{old}{to}{new}"));
        }
        for (sign, names) in [
            ("+", &details.permissions_added),
            ("−", &details.permissions_removed),
        ] {
            if !names.is_empty() {
                notes.push(format!("{sign} {}", names.join(", ")));
            }
        }
        if details.permissions_kept.is_some() {
            notes.push(t.permissions_kept.to_owned());
        }
        if !details.note.is_empty() && audience == Audience::Admins {
            let [before, after] = t.in_quotes;
            notes.push(format!("{before}{}{after}", details.note));
        }
        Self {
            title,
            icon,
            tint,
            notes,
            device: Device::of(&event.user_agent, page.lang),
            event,
        }
    }
}

/// A kind of event: in words, its icon and its tint.
fn look(t: &'static Messages, kind: EventKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        EventKind::SignedIn => (t.event_signed_in, "check", "t2"),
        EventKind::SignInRefused => (t.event_sign_in_refused, "alert", "t5"),
        EventKind::SignedOut => (t.event_signed_out, "out", "t6"),
        EventKind::UserSwitched => (t.event_user_switched, "out", "t6"),
        EventKind::SessionEnded => (t.event_session_ended, "out", "t6"),
        EventKind::OtherSessionsEnded => (t.event_sessions_ended, "out", "t6"),
        EventKind::SessionsEnded => (t.event_all_sessions_ended, "out", "t6"),
        EventKind::AccountCreated => (t.event_local_account_created, "user", "t1"),
        EventKind::AccountDeactivated => (t.event_deactivated, "ban", "t5"),
        EventKind::AccountActivated => (t.event_activated, "check", "t2"),
        EventKind::AccountErased => (t.event_erased, "trash", "t5"),
        EventKind::AccountImported => (t.event_imported, "user", "t1"),
        EventKind::RoleChanged => (t.event_role_changed, "shield", "t4"),
        EventKind::SuperuserCreated => (t.event_superuser_created, "user", "t1"),
        EventKind::PermissionGranted => (t.event_permission_granted, "key", "t4"),
        EventKind::PermissionTaken => (t.event_permission_taken, "key", "t4"),
        EventKind::IdentityLinked => (t.event_identity_linked, "sync", "t4"),
        EventKind::IdentityUnlinked => (t.event_identity_unlinked, "sync", "t4"),
        EventKind::AccessWithdrawn => (t.event_access_withdrawn, "ban", "t5"),
        EventKind::AccountSynced => (t.event_account_synced, "sync", "t4"),
        EventKind::RefusalsSuspended => (t.event_refusals_suspended, "alert", "t5"),
        EventKind::RefusalsConfirmed => (t.event_refusals_confirmed, "check", "t4"),
        EventKind::OldestSessionsEnded => (t.event_oldest_sessions_ended, "out", "t6"),
        EventKind::SignedOutByProvider => (t.event_signed_out_by_provider, "out", "t6"),
        EventKind::TokensRevoked => (t.event_tokens_revoked, "key", "t6"),
        EventKind::ProviderGone => (t.event_provider_gone, "out", "t6"),
        EventKind::Readmitted => (t.event_readmitted, "check", "t2"),
        EventKind::ProviderRekeyed => (t.event_provider_rekeyed, "sync", "t4"),
        EventKind::PasswordChanged => (t.event_password_changed, "key", "t4"),
        EventKind::PasswordChangeRefused => (t.event_password_change_refused, "alert", "t5"),
        EventKind::PasswordLinkMade => (t.event_password_link_made, "key", "t4"),
        EventKind::ConfirmationLinkMade => (t.event_confirmation_link_made, "key", "t4"),
        EventKind::ConfirmationPasswordSet => (t.event_confirmation_set, "key", "t4"),
        EventKind::Proved => (t.event_proved, "check", "t2"),
        EventKind::ProofRefused => (t.event_proof_refused, "alert", "t5"),
        EventKind::RescueLinkMade => (t.event_rescue_link_made, "key", "t4"),
        EventKind::NoteAdded => (t.event_note_added, "edit", "t6"),
        EventKind::ExportMade => (t.event_export_made, "download", "t3"),
        EventKind::EventsSwept => (t.event_events_swept, "clock", "t6"),
        EventKind::MoreSignInsRefused => (t.event_more_refused, "alert", "t5"),
    }
}

/// The name of a kind of event, for a list of them.
pub fn kind_in_words(page: &Page<'_>, kind: EventKind) -> &'static str {
    look(page.t, kind).0
}

fn look_of(
    page: &Page<'_>,
    event: &Event,
    details: &Details,
) -> (&'static str, &'static str, &'static str) {
    let t = page.t;
    let (title, icon, tint) = match EventKind::from_code(&event.event) {
        None => (t.event_other, "clock", "t6"),
        Some(EventKind::SignedIn) if details.account_created => {
            (t.event_account_created, "user", "t1")
        }
        Some(kind) => look(t, kind),
    };
    // What was tried and refused is no less worth seeing than what was done.
    if event.is_success() {
        (title, icon, tint)
    } else {
        (title, "alert", "t5")
    }
}

fn role_word<'a>(page: &Page<'_>, code: &'a str) -> &'a str {
    Role::from_code(code).map_or(code, |role| page.role_name(role))
}

/// Why it was refused, in words; a code that has none stands for itself.
pub fn reason<'a>(page: &Page<'_>, code: &'a str) -> &'a str {
    let t = page.t;
    match code {
        "inactive" => t.reason_inactive,
        "name_taken" => t.reason_name_taken,
        "name_reserved" => t.outcome_name_reserved,
        "wrong_password" => t.reason_wrong_password,
        "unknown_user" => t.reason_unknown_user,
        "no_password" | "no_local_password" => t.reason_no_password,
        "not_allowed" => t.reason_not_allowed,
        "impossible" => t.reason_impossible,
        "link_expired" => t.link_expired_heading,
        "paused" => t.reason_paused,
        "last_superuser" => t.refused_last_superuser,
        "yourself" => t.refused_yourself,
        "identity_taken" => t.refused_identity_taken,
        "still_active" => t.refused_still_active,
        "erased" => t.refused_erased,
        "more" => t.reason_more,
        "unknown_attempt" => t.outcome_unknown_attempt,
        "restart_loop" => t.outcome_restart_loop,
        "bad_callback" => t.outcome_bad_callback,
        "declined" => t.outcome_declined,
        "code_refused" => t.outcome_code_refused,
        "provider_error" | "not_ok" => t.outcome_provider_error,
        "client_refused" => t.outcome_client_refused,
        "refused" | "token_refused" => t.outcome_refused,
        "signed_out_there" => t.outcome_signed_out_there,
        "unreachable" => t.outcome_unreachable,
        "too_slow" => t.outcome_too_slow,
        "unreadable" => t.outcome_unreadable,
        "bad_profile" => t.outcome_bad_profile,
        "wrong_issuer" => t.outcome_wrong_issuer,
        "not_admitted" => t.outcome_not_admitted,
        "kept_out" => t.outcome_kept_out,
        "not_linkable" => t.outcome_not_linkable,
        "not_refused" => t.refused_not_refused,
        "no_reason" => t.refused_no_reason,
        "bad_metadata" => t.outcome_bad_metadata,
        "bad_token" => t.outcome_bad_token,
        "clock" => t.outcome_clock,
        "overloaded" => t.outcome_overloaded,
        "database_unavailable" => t.outcome_database,
        other => other,
    }
}

impl Happening {
    /// Whether it is about the portal itself, not about somebody.
    pub fn is_about_nobody(&self) -> bool {
        [
            EventKind::EventsSwept,
            EventKind::ExportMade,
            EventKind::ProviderGone,
            EventKind::ProviderRekeyed,
        ]
        .iter()
        .any(|kind| kind.code() == self.event.event)
    }

    /// Whether its title says already that it was refused.
    pub fn is_refusal(&self) -> bool {
        self.event.event.ends_with("_refused")
    }
}
