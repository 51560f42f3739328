//! Searching the audit log.

use super::{COMMAND_LINE, EventKind, Record};
use crate::clock::UnixTime;
use crate::db::{Conn, Sql};
use crate::error::Result;
use crate::id::{UserId, first_id_at};
use crate::paging::{ById, Listing, Page, Total};
use crate::users;

/// The conditions that a listed event must meet. An empty filter lists all events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Events about the account with this id.
    pub user_id: Option<UserId>,
    /// Events about a person, by the name that they had then.
    pub username: Option<String>,
    /// The actor: [`COMMAND_LINE`] or a username. If an account has this name, its acts count under
    /// any name, together with rows of the name that have no account. Otherwise only the name
    /// counts.
    pub actor: Option<String>,
    pub kind: Option<EventKind>,
    pub is_success: Option<bool>,
    pub address: Option<String>,
    pub reference: Option<String>,
    pub since: Option<UnixTime>,
    pub before: Option<UnixTime>,
    /// Leaves out what the people concerned may not see, such as the notes of admins.
    pub is_for_its_person: bool,
}

impl Filter {
    fn rows(&self, conn: &mut Conn) -> Result<ById> {
        let equals = |column: &str, value: &Option<String>| {
            value
                .as_deref()
                .map(|value| Sql::new(&format!("x.{column} = ?"), [value.into()]))
        };
        let indexed = [
            self.user_id
                .map(|id| Sql::new("x.user_id = ?", [id.into()])),
            // The partial index is used only if the query repeats its condition.
            equals("reference <> '' AND x.reference", &self.reference),
            equals("address", &self.address),
            equals("username", &self.username),
            self.by(conn)?,
            self.kind
                .map(|kind| Sql::new("x.event = ?", [kind.code().into()])),
            (self.is_success == Some(false)).then(|| Sql::text("x.outcome = 'refused'")),
        ];
        let tests = [
            (self.is_success == Some(true)).then(|| Sql::text("x.outcome = 'success'")),
            // Refused acts that others attempted are not shown to the person concerned.
            self.is_for_its_person.then(|| {
                Sql::new(
                    "x.event <> ? AND (x.outcome = 'success' OR x.actor_id = x.user_id OR (x.actor_id IS NULL AND (x.actor = '' OR (x.actor = x.username AND NOT (x.actor = ? AND x.address = '')))))",
                    [EventKind::NoteAdded.code().into(), COMMAND_LINE.into()],
                )
            }),
        ];
        let range = [
            self.since
                .map(|time| Sql::new("x.id >= ?", [first_id_at(time).into()])),
            self.before
                .map(|time| Sql::new("x.id < ?", [first_id_at(time).into()])),
        ];
        Ok(ById {
            table: "audit_events",
            columns: "x.id, x.created_at, x.event, x.outcome, x.reason, x.actor, x.user_id, x.username, x.provider, x.address, x.user_agent, x.reference, x.details, x.actor_id",
            join: "",
            join_tests: Vec::new(),
            indexed: indexed.into_iter().flatten().collect(),
            tests: tests.into_iter().flatten().collect(),
            range: range.into_iter().flatten().collect(),
        })
    }

    fn by(&self, conn: &mut Conn) -> Result<Option<Sql>> {
        let Some(name) = &self.actor else {
            return Ok(None);
        };
        let by_name = Sql::new("x.actor = ?", [name.as_str().into()]);
        if name == COMMAND_LINE {
            return Ok(Some(by_name.with(" AND x.actor_id IS NULL", [])));
        }
        let Some(user) = users::find_by_username(conn, name)? else {
            return Ok(Some(by_name));
        };
        let by_id = Sql::new(
            "x.actor_id IS NOT NULL AND x.actor_id = ?",
            [user.id.into()],
        );
        // Older rows have no id, and are the oldest with that name. Once they are gone, one index
        // covers both the actor and the order.
        let oldest = Sql::new(
            "SELECT CAST(CASE WHEN x.actor_id IS NULL THEN 1 ELSE 0 END AS BIGINT) AS value FROM audit_events x WHERE x.actor = ? ORDER BY x.id LIMIT 1",
            [name.as_str().into()],
        );
        if oldest.number(conn)? != Some(1) {
            return Ok(Some(by_id));
        }
        Ok(Some(Sql::new(
            "((x.actor_id IS NOT NULL AND x.actor_id = ?) OR (x.actor = ? AND x.actor_id IS NULL))",
            [user.id.into(), name.as_str().into()],
        )))
    }
}

/// Reads one page, newest first.
pub fn list(conn: &mut Conn, filter: &Filter, page: Page, size: usize) -> Result<Listing<Record>> {
    filter.rows(conn)?.page(conn, page, size)
}

/// Counts the events, as far as that is cheap.
pub fn total(conn: &mut Conn, filter: &Filter) -> Result<Option<Total>> {
    filter.rows(conn)?.total(conn)
}
