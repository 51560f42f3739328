//! The audit trail: what happened to accounts, who did it, and from where. Rows are only added.

mod actor;
mod cap;
mod list;
mod retention;

use std::net::IpAddr;

use diesel::prelude::*;

pub use actor::Actor;
pub use cap::{LeftOut, RefusalCap};
pub use list::{Filter, list, total};
pub use retention::{Retention, forget, named_since, sweep};

use crate::clock::UnixTime;
use crate::db::schema::audit_events;
use crate::db::{Conn, each, log_after_commit};
use crate::error::{Error, Result};
use crate::i18n::rfc3339;
use crate::id::new_id;
use crate::sessions::Client;
use crate::text::escape_json;
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
    /// A re-check read other names or permissions than before.
    AccountSynced "account_synced"
    /// So many people of a provider were refused without a name that it counts for nothing now.
    RefusalsSuspended "refusals_suspended"
    /// An admin says that a provider's refusals are meant.
    RefusalsConfirmed "refusals_confirmed"
    /// So many sessions ended to make room for a new one.
    OldestSessionsEnded "oldest_sessions_ended"
    /// So many sessions ended, because the provider said that the person signed out there.
    SignedOutByProvider "signed_out_by_provider"
    /// What a provider gave was taken back there after a sign-out.
    TokensRevoked "tokens_revoked"
    /// So many sessions ended of a provider that no instance has any more.
    ProviderGone "provider_gone"
    /// Whom a provider had refused may come in again.
    Readmitted "readmitted"
    /// People of a provider are known by another id or another member.
    ProviderRekeyed "provider_rekeyed"
    PasswordChanged "password_changed"
    /// The current one was wrong.
    PasswordChangeRefused "password_change_refused"
    /// Its reference is the link's id.
    PasswordLinkMade "password_link_made"
    /// Its reference is the link's id.
    ConfirmationLinkMade "confirmation_link_made"
    /// Its reference is the id of the link that it was chosen by, where there was one.
    ConfirmationPasswordSet "confirmation_password_set"
    /// Somebody who is signed in proved who they are.
    Proved "proved"
    /// The password was wrong.
    ProofRefused "proof_refused"
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
                | Self::Proved
                | Self::ProofRefused
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
    /// How somebody proved who they are, as a code, or tried to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub proved_by: String,
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
    /// The providers that had refused somebody who was readmitted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_by: Vec<String>,
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
    Ok(escape_json(line))
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
    has_reference(conn, EventKind::RescueLinkMade, user_id, link)
}

/// Whether there is an event of this kind and reference about an account.
pub fn has_reference(
    conn: &mut Conn,
    kind: EventKind,
    user_id: i64,
    reference: &str,
) -> Result<bool> {
    let found: Option<i64> = audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .filter(of_kind().eq(kind.code()))
        .filter(audit_events::reference.eq(reference))
        .select(audit_events::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// From where the last sign-in came, if that is an address. Looks at the newest events alone.
pub fn last_address(conn: &mut Conn) -> Result<Option<IpAddr>> {
    let newest: Vec<(String, String)> = each!(conn, |conn| audit_events::table
        .order(audit_events::id.desc())
        .limit(1000)
        .select((audit_events::event, audit_events::address))
        .load(conn))?;
    let signed_in = EventKind::SignedIn.code();
    let last = newest.into_iter().find(|(event, _)| event == signed_in);
    Ok(last.and_then(|(_, address)| address.parse().ok()))
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
