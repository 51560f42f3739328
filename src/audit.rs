//! The audit trail: what happened to accounts, who did it, and from where. Rows are only added.

mod actor;
mod list;
mod retention;

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;

pub use actor::Actor;
pub use list::{Filter, list, total};
pub use retention::{Retention, forget, named_since, sweep};

use crate::clock::UnixTime;
use crate::db::schema::audit_events;
use crate::db::{Conn, each, log_after_commit};
use crate::error::{Error, Result};
use crate::i18n::rfc3339;
use crate::id::new_id;
use crate::sessions::Client;
use crate::text::is_refused;
use crate::users::Change;

/// Declares each kind of event once: its code, and that it is in the list of all.
macro_rules! kinds {
    ($( $(#[$doc:meta])* $name:ident $code:literal )*) => {
        /// What can happen. The codes are stored and stay.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum EventKind { $( $(#[$doc])* $name, )* }

        impl EventKind {
            pub const ALL: &[Self] = &[$( Self::$name, )*];

            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $( Self::$name => $code, )* }
            }
        }
    };
}

kinds! {
    SignedIn "signed_in"
    SignInRefused "sign_in_refused"
    SignedOut "signed_out"
    /// Somebody else signed in on the browser of this session.
    UserSwitched "user_switched"
    SessionEnded "session_ended"
    OtherSessionsEnded "other_sessions_ended"
    /// All of an account's.
    SessionsEnded "sessions_ended"
    /// A local one, by hand.
    AccountCreated "account_created"
    AccountDeactivated "account_deactivated"
    AccountActivated "account_activated"
    /// Its personal data is gone; the event is under its new name.
    AccountErased "account_erased"
    /// From another system.
    AccountImported "account_imported"
    RoleChanged "role_changed"
    SuperuserCreated "superuser_created"
    PermissionGranted "permission_granted"
    PermissionTaken "permission_taken"
    IdentityLinked "identity_linked"
    IdentityUnlinked "identity_unlinked"
    /// So many sessions ended, because the provider does not know the person any more.
    AccessWithdrawn "access_withdrawn"
    /// So many sessions ended, because the provider said that the person signed out there.
    SignedOutByProvider "signed_out_by_provider"
    /// What a provider gave was taken back there after a sign-out.
    TokensRevoked "tokens_revoked"
    /// People of a provider are known by another id or another member.
    ProviderRekeyed "provider_rekeyed"
    PasswordChanged "password_changed"
    /// The current one was wrong.
    PasswordChangeRefused "password_change_refused"
    /// Its reference is the link's id.
    PasswordLinkMade "password_link_made"
    /// Its reference is the link's id.
    RescueLinkMade "rescue_link_made"
    NoteAdded "note_added"
    ExportMade "export_made"
    /// So many events were past their time.
    EventsSwept "events_swept"
    /// So many refused sign-ins of a minute have no row of their own.
    MoreSignInsRefused "more_sign_ins_refused"
}

impl EventKind {
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
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
                | Self::SignedOutByProvider
                | Self::TokensRevoked
                | Self::MoreSignInsRefused
        )
    }
}

/// The actor of what is done on the command line, as the trail writes it.
pub const COMMAND_LINE: &str = "command line";

/// An event to be written.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    pub kind: EventKind,
    /// Why it was refused, as a code; empty for what succeeded.
    pub reason: &'a str,
    /// Who did it.
    pub actor: Actor<'a>,
    /// About whom, where that is known.
    pub user: Option<(i64, &'a str)>,
    pub provider: &'a str,
    pub client: &'a Client,
    pub reference: &'a str,
    pub details: Details,
}

/// What else is worth knowing, as the JSON of the row. Lists of names are cut at 50.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Details {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub account_created: bool,
    /// Signed in by a rescue link, not by the password.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rescue_link: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<DetailedChange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub permissions_added: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub permissions_removed: Vec<String>,
    /// Why the permissions from before were kept, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_kept: Option<String>,
    /// Fields whose new value was refused, and why: "email `too_long`".
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// What the log says of a failure.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub failure: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// What the admin wrote: why, or a note.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// (provider, subject) that was linked or unlinked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<(String, String)>,
    /// Landed on an account that was imported.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// What was exported, with the filters of its list: `users?role=staff`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub export: String,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DetailedChange {
    pub field: String,
    pub from: String,
    pub to: String,
}

impl From<Change> for DetailedChange {
    fn from(change: Change) -> Self {
        Self {
            field: change.field.to_owned(),
            from: change.from,
            to: change.to,
        }
    }
}

const MAX_NAMES: usize = 50;

/// # Errors
/// [`crate::error::DatabaseError`], here and below.
pub fn record(conn: &mut Conn, now: UnixTime, event: NewEvent<'_>) -> Result<()> {
    let mut details = event.details;
    details.permissions_added.truncate(MAX_NAMES);
    details.permissions_removed.truncate(MAX_NAMES);
    let id = new_id(now);
    let row = Event {
        id,
        created_at: now.0,
        event: event.kind.code().to_owned(),
        outcome: if event.reason.is_empty() {
            SUCCESS
        } else {
            REFUSED
        }
        .to_owned(),
        reason: event.reason.to_owned(),
        actor: event.actor.text().to_owned(),
        actor_id: event.actor.id(),
        user_id: event.user.map(|(id, _)| id),
        username: event.user.map_or("", |(_, name)| name).to_owned(),
        provider: event.provider.to_owned(),
        address: event.client.address.clone(),
        user_agent: event.client.user_agent.clone(),
        reference: event.reference.to_owned(),
        details: serde_json::to_string(&details)
            .map_err(|error| Error::Internal(format!("audit details: {error}")))?,
    };
    each!(conn, |conn| diesel::insert_into(audit_events::table)
        .values(&row)
        .execute(conn))?;
    log_after_commit(json_line(&row, &details)?);
    Ok(())
}

/// An event as the log has it: one line of JSON. Its members stay.
fn json_line(row: &Event, details: &Details) -> Result<String> {
    let line = serde_json::to_string(&serde_json::json!({
        "time": rfc3339(row.created_at(), &jiff::tz::TimeZone::UTC),
        "level": "info",
        "audit": row.event,
        "id": row.id.to_string(),
        "outcome": row.outcome,
        "reason": row.reason,
        "actor": row.actor,
        "actor_id": row.actor_id.map(|id| id.to_string()),
        "user_id": row.user_id.map(|id| id.to_string()),
        "username": row.username,
        "provider": row.provider,
        "address": row.address,
        "user_agent": row.user_agent,
        "reference": row.reference,
        "details": details,
    }))
    .map_err(|error| Error::Internal(format!("audit line: {error}")))?;
    Ok(escape_json(&line))
}

/// What some readers take for the end of a line, or show in another order than it is, escaped.
fn escape_json(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        if is_refused(c) || matches!(c, '\u{2028}' | '\u{2029}') {
            let _infallible = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// The code of [`crate::error::Cause::NameTaken`].
const NAME_TAKEN: &str = "name_taken";
const SUCCESS: &str = "success";
const REFUSED: &str = "refused";

#[derive(Clone, Debug, Insertable, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = audit_events)]
pub struct Event {
    pub id: i64,
    created_at: i64,
    /// A code of [`EventKind`].
    pub event: String,
    pub outcome: String,
    pub reason: String,
    /// The name of who did it, [`COMMAND_LINE`] or empty: [`Event::by`] tells them apart.
    pub actor: String,
    pub actor_id: Option<i64>,
    /// About whom, and the name that they had then.
    pub user_id: Option<i64>,
    pub username: String,
    pub provider: String,
    pub address: String,
    pub user_agent: String,
    pub reference: String,
    details: String,
}

impl Event {
    #[must_use]
    pub const fn created_at(&self) -> UnixTime {
        UnixTime(self.created_at)
    }

    /// Who did it.
    #[must_use]
    pub fn by(&self) -> Actor<'_> {
        Actor::read(self.actor_id, &self.actor, &self.address)
    }

    /// Whether somebody did it to their own account.
    #[must_use]
    pub fn is_own(&self) -> bool {
        match self.by() {
            Actor::Person { id, .. } => self.user_id == Some(id),
            // Who came by a name that is another one's has nothing but the name.
            Actor::Named(name) => name == self.username && self.reason != NAME_TAKEN,
            Actor::Nobody => self.username.is_empty(),
            Actor::CommandLine | Actor::Provider => false,
        }
    }

    #[must_use]
    pub fn is_success(&self) -> bool {
        self.outcome == SUCCESS
    }

    /// As it is stored.
    #[must_use]
    pub fn details_json(&self) -> &str {
        &self.details
    }

    #[must_use]
    pub fn details(&self) -> Details {
        serde_json::from_str(&self.details).unwrap_or_default()
    }
}

/// The kind of an event, where its account is wanted too. Not the bare column: SQLite, which keeps
/// no statistics, might take the index of kinds, and read everybody's sign-ins to find one's own.
#[diesel::dsl::auto_type]
fn of_kind() -> _ {
    audit_events::event.concat("")
}

/// The sign-ins of one account, successful and refused, newest first, at most `limit`.
pub fn list_sign_ins(conn: &mut Conn, user_id: i64, limit: i64) -> Result<Vec<Event>> {
    let (signed_in, refused) = (EventKind::SignedIn.code(), EventKind::SignInRefused.code());
    // Not `eq_any`, whose statement is prepared anew each time.
    Ok(each!(conn, |conn| audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .filter(of_kind().eq(signed_in).or(of_kind().eq(refused)),)
        .order(audit_events::id.desc())
        .limit(limit)
        .select(Event::as_select())
        .load(conn))?)
}

/// Whether the last link that an event of these kinds made for an account has this id: a newer one
/// takes an older one's place.
pub fn is_last_link(
    conn: &mut Conn,
    kinds: &[EventKind],
    user_id: i64,
    link: &str,
) -> Result<bool> {
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code()).collect();
    let last: Option<String> = audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .filter(of_kind().eq_any(codes))
        .filter(audit_events::outcome.eq(SUCCESS))
        .order(audit_events::id.desc())
        .select(audit_events::reference)
        .first(conn)
        .optional()?;
    Ok(last.as_deref() == Some(link))
}

/// Whether a rescue link of this id was made for an account.
pub fn is_rescue_link_made(conn: &mut Conn, user_id: i64, link: &str) -> Result<bool> {
    let found: Option<i64> = audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .filter(of_kind().eq(EventKind::RescueLinkMade.code()))
        .filter(audit_events::reference.eq(link))
        .select(audit_events::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// The last successful sign-in of an account before `time`.
pub fn previous_sign_in(conn: &mut Conn, user_id: i64, time: UnixTime) -> Result<Option<Event>> {
    let signed_in = EventKind::SignedIn.code();
    Ok(each!(conn, |conn| audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .filter(of_kind().eq(signed_in))
        .filter(audit_events::created_at.lt(time.0))
        .order(audit_events::id.desc())
        .select(Event::as_select())
        .first(conn)
        .optional())?)
}

/// How many rows a minute failures of people whom nobody knows may add.
const ANONYMOUS_A_MINUTE: usize = 60;

/// Keeps a flood of refused sign-ins from filling the trail.
#[derive(Debug, Default)]
pub struct AnonymousCap(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    minute: i64,
    admitted: usize,
    left_out: usize,
}

/// Whether an anonymous failure gets a row.
#[derive(Debug, PartialEq, Eq)]
pub struct Admission {
    pub is_admitted: bool,
    /// So many of an earlier minute were left out, and nobody has said so yet.
    pub left_out: usize,
}

impl AnonymousCap {
    pub fn admit(&self, now: UnixTime) -> Admission {
        let minute = now.0.div_euclid(60_000_000);
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left_out = 0;
        if window.minute != minute {
            left_out = window.left_out;
            *window = Window {
                minute,
                ..Window::default()
            };
        }
        let is_admitted = window.admitted < ANONYMOUS_A_MINUTE;
        if is_admitted {
            window.admitted += 1;
        } else {
            window.left_out += 1;
        }
        Admission {
            is_admitted,
            left_out,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_failures_gets_sixty_rows_a_minute_and_one_that_counts_the_rest() {
        let cap = AnonymousCap::default();
        let now = UnixTime(0);
        let admitted = (0..1000).filter(|_| cap.admit(now).is_admitted).count();
        assert_eq!(admitted, 60);
        assert_eq!(
            cap.admit(UnixTime(60_000_000)),
            Admission {
                is_admitted: true,
                left_out: 940
            }
        );
    }
}
