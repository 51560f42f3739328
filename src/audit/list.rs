//! Looking through the trail.

use super::{Event, EventKind};
use crate::clock::UnixTime;
use crate::db::{Conn, Sql};
use crate::error::Result;
use crate::id::first_id_at;
use crate::paging::{ById, Listing, Page, Total};

/// Which events are wanted. Nothing wanted: all are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// About the account of this id.
    pub user_id: Option<i64>,
    /// About whom, by the name that they had then.
    pub username: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    pub kind: Option<EventKind>,
    pub is_success: Option<bool>,
    pub address: Option<String>,
    pub reference: Option<String>,
    pub since: Option<UnixTime>,
    pub before: Option<UnixTime>,
    /// Without the notes of admins, for whom they are about.
    pub is_for_its_person: bool,
}

impl Filter {
    fn rows(&self) -> ById {
        let equals = |column: &str, value: &Option<String>| {
            value
                .as_deref()
                .map(|value| Sql::new(&format!("x.{column} = ?"), [value.into()]))
        };
        let indexed = [
            self.user_id
                .map(|id| Sql::new("x.user_id = ?", [id.into()])),
            // The partial index needs the words of its own condition.
            equals("reference <> '' AND x.reference", &self.reference),
            equals("address", &self.address),
            equals("username", &self.username),
            equals("actor", &self.actor),
            self.kind
                .map(|kind| Sql::new("x.event = ?", [kind.code().into()])),
            (self.is_success == Some(false)).then(|| Sql::text("x.outcome = 'refused'")),
        ];
        let tests = [
            (self.is_success == Some(true)).then(|| Sql::text("x.outcome = 'success'")),
            // What others tried and were refused is between them.
            self.is_for_its_person.then(|| {
                Sql::new(
                    "x.event <> ? AND (x.outcome = 'success' OR x.actor = '' OR x.actor = x.username)",
                    [EventKind::NoteAdded.code().into()],
                )
            }),
        ];
        let range = [
            self.since
                .map(|time| Sql::new("x.id >= ?", [first_id_at(time).into()])),
            self.before
                .map(|time| Sql::new("x.id < ?", [first_id_at(time).into()])),
        ];
        ById {
            table: "audit_events",
            columns: "x.id, x.created_at, x.event, x.outcome, x.reason, x.actor, x.user_id, x.username, x.provider, x.address, x.user_agent, x.reference, x.details",
            join: "",
            join_tests: Vec::new(),
            indexed: indexed.into_iter().flatten().collect(),
            tests: tests.into_iter().flatten().collect(),
            range: range.into_iter().flatten().collect(),
        }
    }
}

/// One page, newest first.
///
/// # Errors
/// [`crate::error::DatabaseError`], here and below.
pub fn list(conn: &mut Conn, filter: &Filter, page: Page, size: usize) -> Result<Listing<Event>> {
    filter.rows().page(conn, page, size)
}

/// How many there are, as far as that is cheap to know.
pub fn total(conn: &mut Conn, filter: &Filter) -> Result<Option<Total>> {
    filter.rows().total(conn)
}
