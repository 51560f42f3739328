//! The audit trail: what happened to accounts, who did it, and from where. Rows are only added.

use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::db::schema::audit_events;
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::new_id;
use crate::paging::{Listing, Page};
use crate::sessions::Client;
use crate::users::Change;

/// What can happen. The codes are stored and stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    SignedIn,
    SignInRefused,
    SignedOut,
    /// Somebody else signed in on the browser of this session.
    UserSwitched,
    SessionEnded,
    OtherSessionsEnded,
    RoleChanged,
    SuperuserCreated,
    PasswordChanged,
    /// The current one was wrong.
    PasswordChangeRefused,
    /// Its reference is the link's id.
    RescueLinkMade,
    /// So many refused sign-ins of a minute have no row of their own.
    MoreSignInsRefused,
}

impl EventKind {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::SignInRefused => "sign_in_refused",
            Self::SignedOut => "signed_out",
            Self::UserSwitched => "user_switched",
            Self::SessionEnded => "session_ended",
            Self::OtherSessionsEnded => "other_sessions_ended",
            Self::RoleChanged => "role_changed",
            Self::SuperuserCreated => "superuser_created",
            Self::PasswordChanged => "password_changed",
            Self::PasswordChangeRefused => "password_change_refused",
            Self::RescueLinkMade => "rescue_link_made",
            Self::MoreSignInsRefused => "more_sign_ins_refused",
        }
    }
}

/// The actor of what is done on the command line.
pub const COMMAND_LINE: &str = "command line";

/// An event to be written.
#[derive(Clone, Debug)]
pub struct NewEvent<'a> {
    pub kind: EventKind,
    /// Why it was refused, as a code; empty for what succeeded.
    pub reason: &'a str,
    /// Who did it: a username, [`COMMAND_LINE`], or empty.
    pub actor: &'a str,
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
    let details = serde_json::to_string(&details)
        .map_err(|error| crate::error::Error::Internal(format!("audit details: {error}")))?;
    let outcome = if event.reason.is_empty() {
        "success"
    } else {
        "refused"
    };
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::id.eq(new_id(now)),
            audit_events::created_at.eq(now.0),
            audit_events::event.eq(event.kind.code()),
            audit_events::outcome.eq(outcome),
            audit_events::reason.eq(event.reason),
            audit_events::actor.eq(event.actor),
            audit_events::user_id.eq(event.user.map(|(id, _)| id)),
            audit_events::username.eq(event.user.map_or("", |(_, name)| name)),
            audit_events::provider.eq(event.provider),
            audit_events::address.eq(&event.client.address),
            audit_events::user_agent.eq(&event.client.user_agent),
            audit_events::reference.eq(event.reference),
            audit_events::details.eq(details),
        ))
        .execute(conn)?;
    Ok(())
}

#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
pub struct Event {
    pub id: i64,
    created_at: i64,
    /// A code of [`EventKind`].
    pub event: String,
    pub outcome: String,
    pub reason: String,
    pub actor: String,
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

    #[must_use]
    pub fn is_success(&self) -> bool {
        self.outcome == "success"
    }

    #[must_use]
    pub fn details(&self) -> Details {
        serde_json::from_str(&self.details).unwrap_or_default()
    }
}

/// The whole trail, newest first.
pub fn list(conn: &mut Conn, page: Page) -> Result<Listing<Event>> {
    let limit = Listing::<Event>::limit();
    let all = audit_events::table.select(Event::as_select()).limit(limit);
    let rows = match page {
        Page::First => all.order(audit_events::id.desc()).load(conn)?,
        Page::After(id) => all
            .filter(audit_events::id.lt(id))
            .order(audit_events::id.desc())
            .load(conn)?,
        Page::Before(id) => all
            .filter(audit_events::id.gt(id))
            .order(audit_events::id.asc())
            .load(conn)?,
    };
    Ok(Listing::from_rows(page, rows))
}

/// Everything about one account, newest first, at most `limit`.
pub fn list_about(conn: &mut Conn, user_id: i64, limit: i64) -> Result<Vec<Event>> {
    Ok(audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .order(audit_events::id.desc())
        .limit(limit)
        .select(Event::as_select())
        .load(conn)?)
}

/// The sign-ins of one account, successful and refused, newest first, at most `limit`.
pub fn list_sign_ins(conn: &mut Conn, user_id: i64, limit: i64) -> Result<Vec<Event>> {
    let (signed_in, refused) = (EventKind::SignedIn.code(), EventKind::SignInRefused.code());
    // Not `eq_any`, whose statement is prepared anew each time.
    Ok(each!(conn, |conn| audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .filter(
            audit_events::event
                .eq(signed_in)
                .or(audit_events::event.eq(refused)),
        )
        .order(audit_events::id.desc())
        .limit(limit)
        .select(Event::as_select())
        .load(conn))?)
}

/// Whether a rescue link of this id was made for an account.
pub fn is_rescue_link_made(conn: &mut Conn, user_id: i64, link: &str) -> Result<bool> {
    let found: Option<i64> = audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .filter(audit_events::event.eq(EventKind::RescueLinkMade.code()))
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
        .filter(audit_events::event.eq(signed_in))
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
