//! The timeline in the reader's words: each event's title, icon, tint and notes.

use crate::apps::AppChange;
use crate::audit::Record;
use crate::audit::event::{Changes, Event, EventKind, Identity, SignInWay, Topic};
use crate::clock::UnixTime;
use crate::i18n::messages::Messages;
use crate::i18n::sentence::Around;
use crate::sessions::proof::ProvedBy;
use crate::users::{Field, FieldChange, Role};
use crate::web::codes_in_words::{
    app_field_in_words, app_value_in_words, closed_because_in_words, reason_in_words,
};
use crate::web::device::Device;
use crate::web::page::Page;

pub struct TimelineItem {
    pub record: Record,
    pub look: Look,
    pub notes: Vec<String>,
    pub device: Device,
}

/// The title of an event, the name of its icon, and its tint.
#[derive(Clone, Copy)]
pub struct Look {
    pub title: &'static str,
    pub icon: &'static str,
    pub tint: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Admins,
    /// The account's owner, who does not see the notes that admins wrote.
    Person,
}

impl TimelineItem {
    pub fn of(mut record: Record, page: &Page<'_>, audience: Audience) -> Self {
        if audience == Audience::Person && !record.is_own() {
            // The person is not entitled to know where someone else was.
            record.address.clear();
            record.user_agent.clear();
        }
        let event = record.event();
        let mut look = look(page.t, event.kind());
        if let Event::SignedIn {
            account_created: true,
            ..
        } = event
        {
            look = Look {
                title: page.t.event_account_created,
                ..self::look(page.t, EventKind::AccountCreated)
            };
        }
        if !record.is_success() {
            // An attempt that was refused matters as much as one that succeeded.
            look.icon = "alert";
            look.tint = "t5";
        }
        Self {
            notes: Notes::of(page, &record, audience).about(&event),
            look,
            device: Device::of(&record.user_agent, page.lang),
            record,
        }
    }

    /// True if the event is about the portal itself and not about a person.
    pub fn is_about_portal(&self) -> bool {
        let kind = EventKind::from_code(&self.record.event);
        kind.is_some_and(|kind| kind.topic() == Topic::Portal)
    }

    /// True if the title does not already say that it was refused.
    pub fn was_refused(&self) -> bool {
        !self.record.is_success() && !self.record.event.ends_with("_refused")
    }
}

/// Returns how a kind of event looks.
pub fn look(t: &'static Messages, kind: EventKind) -> Look {
    let (title, icon, tint) = match kind {
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
        EventKind::WebhookTested => (t.event_webhook_tested, "check", "t3"),
        EventKind::EventsSwept => (t.event_events_swept, "clock", "t6"),
        EventKind::MoreSignInsRefused => (t.event_more_refused, "alert", "t5"),
        EventKind::AppAdded => (t.event_app_added, "plus", "t4"),
        EventKind::AppChanged => (t.event_app_changed, "edit", "t4"),
        EventKind::AppRemoved => (t.event_app_removed, "trash", "t5"),
        EventKind::AppCategoryChanged => (t.event_app_category_changed, "edit", "t4"),
        EventKind::AppOwnerAdded => (t.event_app_owner_added, "user", "t4"),
        EventKind::AppOwnerRemoved => (t.event_app_owner_removed, "user", "t4"),
        EventKind::StartPageViewed => (t.event_start_page_viewed, "search", "t3"),
        EventKind::AccessRequested => (t.event_access_requested, "help", "t1"),
        EventKind::AccessRequestRepeated => (t.event_access_request_repeated, "clock", "t6"),
        EventKind::AccessRequestWithdrawn => (t.event_access_request_withdrawn, "x", "t6"),
        EventKind::AccessRequestLapsed => (t.event_access_request_lapsed, "clock", "t5"),
        EventKind::AccessRequestClosed => (t.event_access_request_closed, "x", "t6"),
        EventKind::AccessGranted => (t.event_access_granted, "check", "t2"),
        EventKind::AccessDeclined => (t.event_access_declined, "ban", "t5"),
        EventKind::AccessRevoked => (t.event_access_revoked, "ban", "t5"),
        EventKind::AccessGivenBack => (t.event_access_given_back, "out", "t6"),
        EventKind::AccessExpired => (t.event_access_expired, "clock", "t6"),
        EventKind::ActRefused | EventKind::Other => (t.event_other, "clock", "t6"),
    };
    Look { title, icon, tint }
}

/// The notes under an event's title, in order.
struct Notes<'a> {
    page: &'a Page<'a>,
    audience: Audience,
    record: &'a Record,
    lines: Vec<String>,
}

impl<'a> Notes<'a> {
    const fn of(page: &'a Page<'a>, record: &'a Record, audience: Audience) -> Self {
        Self {
            page,
            audience,
            record,
            lines: Vec::new(),
        }
    }

    fn about(mut self, event: &Event) -> Vec<String> {
        let t = self.page.t;
        if let Some(reason) = event.reason() {
            self.say(reason_in_words(t, reason));
        }
        match event {
            Event::SignedIn {
                by,
                changes,
                adopted,
                ..
            } => {
                if *by == SignInWay::RescueLink {
                    self.say(t.by_rescue_link);
                }
                if let Some(adopted) = adopted {
                    self.say(t.adopted);
                    self.identity(&adopted.identity);
                    self.some(t.sessions_counted, adopted.sessions_ended);
                }
                self.changes(changes);
            }
            Event::SessionEnded => self.count(t.sessions_counted, 1),
            Event::SessionsEnded { count }
            | Event::OtherSessionsEnded { count }
            | Event::OldestSessionsEnded { count } => self.count(t.sessions_counted, *count),
            Event::AccountDeactivated { sessions_ended }
            | Event::PasswordLinkMade { sessions_ended }
            | Event::PasswordChanged { sessions_ended } => {
                self.some(t.sessions_counted, *sessions_ended);
            }
            Event::AccountErased { events: count } | Event::EventsSwept { count } => {
                self.count(t.events_counted, *count);
            }
            Event::AccountImported { permissions } => self.permissions("+", permissions),
            Event::RoleChanged { changes }
            | Event::PermissionGranted { changes }
            | Event::PermissionTaken { changes }
            | Event::AccountSynced { changes } => self.changes(changes),
            Event::IdentityLinked {
                identity,
                sessions_ended,
                changes,
            } => {
                self.identity(identity);
                self.some(t.sessions_counted, *sessions_ended);
                self.changes(changes);
            }
            Event::IdentityUnlinked {
                identity,
                sessions_ended,
                changes,
                refused_by,
            } => {
                self.identity(identity);
                self.providers(refused_by);
                self.some(t.sessions_counted, *sessions_ended);
                self.changes(changes);
            }
            Event::AccessWithdrawn {
                sessions_ended,
                changes,
                ..
            } => {
                self.provider();
                self.some(t.sessions_counted, *sessions_ended);
                self.changes(changes);
            }
            Event::RefusalsSuspended { people } | Event::ProviderRekeyed { people } => {
                self.provider();
                self.count(t.people_counted, *people);
            }
            Event::RefusalsConfirmed | Event::TokensRevoked { .. } => self.provider(),
            Event::SignedOutByProvider { count }
            | Event::ProviderGone {
                sessions_ended: count,
            } => {
                self.provider();
                self.count(t.sessions_counted, *count);
            }
            Event::Readmitted { refused_by } => self.providers(refused_by),
            Event::Proved { by } | Event::ProofRefused { by } => self.proved_by(*by),
            Event::ExportMade { list } => self.say(list),
            Event::WebhookTested { webhook } => self.say(webhook),
            Event::MoreSignInsRefused { count } => self.count(t.sign_ins_counted, *count),
            Event::AppAdded { app, changes } | Event::AppChanged { app, changes } => {
                self.say(app);
                self.app_changes(changes);
            }
            Event::AppCategoryChanged { changes } => self.app_changes(changes),
            Event::AppRemoved { app, grants } => {
                self.say(app);
                self.some(t.grants_counted, *grants);
            }
            Event::AppOwnerAdded { app }
            | Event::AppOwnerRemoved { app }
            | Event::AccessRequested { app }
            | Event::AccessRequestRepeated { app }
            | Event::AccessRequestWithdrawn { app }
            | Event::AccessRequestLapsed { app }
            | Event::AccessDeclined { app }
            | Event::AccessRevoked { app }
            | Event::AccessGivenBack { app }
            | Event::AccessExpired { app } => self.say(app),
            Event::AccessRequestClosed { app, because } => {
                self.say(app);
                if let Some(because) = because {
                    self.say(closed_because_in_words(t, *because));
                }
            }
            Event::AccessGranted { app, until } => {
                self.say(app);
                self.until(until.as_deref());
            }
            Event::SignInRefused { .. }
            | Event::StartPageViewed
            | Event::SignedOut
            | Event::UserSwitched
            | Event::AccountCreated
            | Event::AccountActivated
            | Event::SuperuserCreated
            | Event::PasswordChangeRefused
            | Event::ConfirmationLinkMade
            | Event::ConfirmationPasswordSet
            | Event::RescueLinkMade
            | Event::NoteAdded
            | Event::ActRefused { .. } => {}
            // Its reason has no words either.
            Event::Other { .. } if self.record.reason.is_empty() => {}
            Event::Other { .. } => self.say(&self.record.reason),
        }
        // Only admins see the notes that admins wrote.
        let note = self.record.note();
        if !note.is_empty() && self.audience == Audience::Admins {
            self.lines.push(t.in_quotes.with(note.as_str()));
        }
        self.lines
    }

    fn say(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    fn provider(&mut self) {
        let provider = self.page.provider_name(&self.record.provider);
        self.lines.push(provider);
    }

    fn providers(&mut self, ids: &[String]) {
        for id in ids {
            self.lines.push(self.page.provider_name(id));
        }
    }

    /// Nothing is left of it where the person's data was erased.
    fn identity(&mut self, (provider, subject): &Identity) {
        if subject.is_empty() {
            return;
        }
        self.lines.push(format!("{provider}: {subject}"));
    }

    fn proved_by(&mut self, by: ProvedBy) {
        match by {
            ProvedBy::Password => self.say(self.page.t.local_password),
            ProvedBy::ConfirmationPassword => self.say(self.page.t.confirmation_password),
            ProvedBy::RescueLink
            | ProvedBy::AuthTime
            | ProvedBy::PushedPrompt
            | ProvedBy::Prompt => {}
        }
    }

    fn count(&mut self, words: Around, count: usize) {
        self.lines.push(words.with(count));
    }

    /// Adds a note with a count, unless it is zero.
    fn some(&mut self, words: Around, count: usize) {
        if count > 0 {
            self.count(words, count);
        }
    }

    fn changes(&mut self, changes: &Changes) {
        for change in &changes.fields {
            self.change(change);
        }
        self.permissions("+", &changes.permissions.added);
        self.permissions("−", &changes.permissions.removed);
        if changes.permissions_kept.is_some() {
            self.say(self.page.t.permissions_kept);
        }
    }

    fn app_changes(&mut self, changes: &[AppChange]) {
        let t = self.page.t;
        for AppChange { field, from, to } in changes {
            let [old, new] = [from, to].map(|value| app_value_in_words(t, *field, value));
            let label = app_field_in_words(t, *field);
            if from == to {
                // It only says which category it is.
                self.lines.push(format!("{label}{}{new}", t.colon));
            } else {
                self.lines.push(t.changed_from_to.with(label, old, new));
            }
        }
    }

    /// Says when a grant ends.
    fn until(&mut self, until: Option<&str>) {
        let Some(end) = until else {
            self.say(self.page.t.for_ever);
            return;
        };
        // A row that another program wrote may hold any text.
        let line = match end.parse::<jiff::Timestamp>() {
            Ok(end) => self.page.date_time(UnixTime(end.as_microsecond())),
            Err(_) => end.to_owned(),
        };
        self.lines.push(self.page.t.until_time.with(line));
    }

    fn permissions(&mut self, sign: &str, names: &[String]) {
        if !names.is_empty() {
            self.lines
                .push(format!("{sign} {}", names.join(self.page.t.list_comma)));
        }
    }

    fn change(&mut self, FieldChange { field, from, to }: &FieldChange) {
        let t = self.page.t;
        let (label, is_role) = match field {
            Field::Username => (t.username, false),
            Field::FirstName => (t.name, false),
            Field::Email => (t.email, false),
            Field::RoleByHand => (t.role, true),
            Field::RoleByPermission => (t.role_by_permission_field, true),
            // Events do not contain the values of these fields.
            Field::IsActive | Field::Password | Field::ConfirmationPassword | Field::Identity => {
                return;
            }
        };
        let [old, new] = [from, to].map(|value| match Role::from_code(value) {
            Some(role) if is_role => self.page.role_name(role),
            _ if value.is_empty() => "—",
            _ => value,
        });
        self.lines.push(t.changed_from_to.with(label, old, new));
    }
}
