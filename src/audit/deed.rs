//! Writing the audit log: who did what to whom, given once per deed.

use diesel::prelude::*;

use super::event::Event;
use super::{Actor, Note, REFUSED, Record, SUCCESS, stored, told};
use crate::clock::UnixTime;
use crate::db::schema::audit_events;
use crate::db::{Conn, each, log_after_commit};
use crate::error::{Error, Result};
use crate::i18n::rfc3339;
use crate::id::{UserId, new_id};
use crate::sessions::Client;
use crate::text::escape_json;
use crate::users::User;
use crate::webhooks::outbox;

/// The data that all events of one deed share: who did it, when, from where and through which
/// provider.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    pub now: UnixTime,
    pub by: Actor<'a>,
    pub client: &'a Client,
    /// The provider's id, if one is involved.
    pub provider: Option<&'a str>,
    /// Identifies the deed on a page, in a link or in the log.
    pub reference: Option<&'a str>,
    /// The text that an admin wrote with it.
    pub note: &'a Note,
}

/// The client of deeds that come from no address.
static NOWHERE: Client = Client {
    address: String::new(),
    user_agent: String::new(),
    is_proxy: false,
};

static NO_NOTE: Note = Note::of(String::new());

/// The subject of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// An account, and its current name.
    Person(UserId, &'a str),
    /// The portal itself, or someone without an account.
    Portal,
}

impl<'a> From<&'a User> for About<'a> {
    fn from(user: &'a User) -> Self {
        Self::Person(user.id, &user.username)
    }
}

impl<'a> Deed<'a> {
    /// A deed from a browser.
    #[must_use]
    pub const fn new(now: UnixTime, by: Actor<'a>, client: &'a Client) -> Self {
        Self {
            now,
            by,
            client,
            provider: None,
            reference: None,
            note: &NO_NOTE,
        }
    }

    /// A deed of the commands, a job, or a provider's own request.
    #[must_use]
    pub const fn from_nowhere(now: UnixTime, by: Actor<'a>) -> Self {
        Self::new(now, by, &NOWHERE)
    }

    #[must_use]
    pub const fn through(self, provider: Option<&'a str>) -> Self {
        Self { provider, ..self }
    }

    #[must_use]
    pub fn with_reference(self, reference: &'a (impl AsRef<str> + ?Sized)) -> Self {
        Self {
            reference: Some(reference.as_ref()),
            ..self
        }
    }

    #[must_use]
    pub const fn with_note(self, note: &'a Note) -> Self {
        Self { note, ..self }
    }

    /// Writes an event's row, and its line in the log once the transaction is committed. What
    /// webhooks can tell is noted with it.
    pub fn record(&self, conn: &mut Conn, about: About<'_>, event: &Event) -> Result<()> {
        let (reason, details) = stored::encode(event, self.note)?;
        let (user_id, username) = match about {
            About::Person(id, username) => (Some(id), username),
            About::Portal => (None, ""),
        };
        let row = Record {
            id: new_id(self.now),
            created_at: self.now.0,
            event: event.kind().code().to_owned(),
            outcome: reason.map_or(SUCCESS, |_| REFUSED).to_owned(),
            reason: reason.map_or("", |reason| reason.code()).to_owned(),
            actor: self.by.text().to_owned(),
            actor_id: self.by.id(),
            user_id,
            username: username.to_owned(),
            provider: self.provider.unwrap_or_default().to_owned(),
            address: self.client.address.clone(),
            user_agent: self.client.user_agent.clone(),
            reference: self.reference.unwrap_or_default().to_owned(),
            details: serde_json::to_string(&details)
                .map_err(|error| Error::Internal(format!("audit details: {error}")))?,
        };
        each!(conn, |conn| diesel::insert_into(audit_events::table)
            .values(&row)
            .execute(conn))?;
        for news in told::news(event, self.by, about) {
            outbox::note(conn, self.now, &news)?;
        }
        log_after_commit(json_line(&row, &details)?);
        Ok(())
    }
}

/// Formats a row for the log: one line of JSON. Its members never change.
fn json_line(row: &Record, details: &stored::Details) -> Result<String> {
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
