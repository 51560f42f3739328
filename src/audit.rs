//! The audit log: what happened to accounts, who did it, and from where. Rows are only added.

mod actor;
mod deed;
pub mod event;
mod list;
mod note;
mod refusal_cap;
mod retention;
mod stored;
mod told;

use std::net::IpAddr;

use diesel::prelude::*;

pub use actor::Actor;
pub use deed::{About, Deed};
pub use event::{Changes, Event, EventKind, SignInWay, Topic};
pub use list::{Filter, list, total};
pub use note::{MAX_NOTE, Note};
pub use refusal_cap::{LeftOut, RefusalCap};
pub use retention::{Retention, forget, named_since, sweep};

use crate::clock::UnixTime;
use crate::db::schema::audit_events;
use crate::db::{Conn, Sql, each};
use crate::error::Result;
use crate::id::{UserId, first_id_at};
use crate::reason::Reason;

/// The actor in the rows of acts on the command line.
pub const COMMAND_LINE: &str = "command line";

const SUCCESS: &str = "success";
const REFUSED: &str = "refused";

/// A row of the audit log. Its columns are also the columns of the export.
#[derive(Clone, Debug, Insertable, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = audit_events)]
pub struct Record {
    pub id: i64,
    created_at: i64,
    /// A code of [`EventKind`].
    pub event: String,
    pub outcome: String,
    /// A code of [`Reason`], or empty.
    pub reason: String,
    /// The name of the actor, [`COMMAND_LINE`] or empty: [`Record::by`] tells them apart.
    pub actor: String,
    pub actor_id: Option<UserId>,
    /// The account that the event is about, and its name at the time.
    pub user_id: Option<UserId>,
    pub username: String,
    pub provider: String,
    pub address: String,
    pub user_agent: String,
    pub reference: String,
    details: String,
}

impl Record {
    pub const fn created_at(&self) -> UnixTime {
        UnixTime(self.created_at)
    }

    /// Returns who did it.
    pub fn by(&self) -> Actor<'_> {
        Actor::read(self.actor_id, &self.actor, &self.address)
    }

    /// Returns whether a person did it to their own account.
    pub fn is_own(&self) -> bool {
        match self.by() {
            Actor::Person { id, .. } => self.user_id == Some(id),
            // A person who signed in under someone else's name has nothing but that name.
            Actor::Named(name) => name == self.username && self.reason != Reason::NameTaken.code(),
            Actor::Unknown => self.username.is_empty(),
            Actor::CommandLine | Actor::Provider | Actor::Portal => false,
        }
    }

    pub fn is_success(&self) -> bool {
        self.outcome == SUCCESS
    }

    /// Returns the details as stored.
    pub fn details_json(&self) -> &str {
        &self.details
    }

    /// Returns the text that an admin wrote with the deed.
    pub fn note(&self) -> Note {
        stored::note(&self.details)
    }

    /// Returns what happened.
    pub fn event(&self) -> Event {
        stored::decode(self)
    }

    /// Returns how the person signed in, for the row of a sign-in. Costs far less than
    /// [`Record::event`].
    pub fn sign_in_way(&self) -> SignInWay {
        stored::sign_in_way(self)
    }
}

/// The kind of an event, for queries that also select by account. It hides the bare column: SQLite
/// keeps no statistics, and might use the index of kinds and read everyone's sign-ins to find one
/// person's.
#[diesel::dsl::auto_type]
fn of_kind() -> _ {
    audit_events::event.concat("")
}

/// Lists the sign-ins of one account, successful and refused, newest first, at most `limit`.
pub fn list_sign_ins(conn: &mut Conn, user_id: UserId, limit: i64) -> Result<Vec<Record>> {
    let (signed_in, refused) = (EventKind::SignedIn.code(), EventKind::SignInRefused.code());
    // `eq_any` would prepare its statement anew each time.
    Ok(each!(conn, |conn| audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .filter(of_kind().eq(signed_in).or(of_kind().eq(refused)),)
        .order(audit_events::id.desc())
        .limit(limit)
        .select(Record::as_select())
        .load(conn))?)
}

/// Returns whether this id is that of the last link that an event of these kinds made for an
/// account. A newer link replaces an older one.
pub fn is_last_link(
    conn: &mut Conn,
    kinds: &[EventKind],
    user_id: UserId,
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

/// Returns whether there is an event of this kind and reference about an account.
pub fn has_reference(
    conn: &mut Conn,
    kind: EventKind,
    user_id: UserId,
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

/// Counts the sign-ins that were refused since then, with those that have no row of their own.
pub fn count_refused_sign_ins(conn: &mut Conn, since: UnixTime) -> Result<i64> {
    let first = first_id_at(since);
    let own = Sql::new(
        "SELECT COUNT(*) AS value FROM audit_events x WHERE x.event = ? AND x.id >= ?",
        [EventKind::SignInRefused.code().into(), first.into()],
    );
    let more = Sql::new(
        "SELECT x.details AS value FROM audit_events x WHERE x.event = ? AND x.id >= ?",
        [EventKind::MoreSignInsRefused.code().into(), first.into()],
    );
    let mut count = own.number(conn)?.unwrap_or(0);
    for details in more.texts(conn)? {
        count = count.saturating_add(stored::count(&details));
    }
    Ok(count)
}

/// Returns the address from which the last sign-in came, if there is one. Only the newest events
/// are searched.
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

/// Finds the last successful sign-in of an account before `time`.
pub fn previous_sign_in(
    conn: &mut Conn,
    user_id: UserId,
    time: UnixTime,
) -> Result<Option<Record>> {
    let signed_in = EventKind::SignedIn.code();
    Ok(each!(conn, |conn| audit_events::table
        .filter(audit_events::user_id.eq(user_id))
        .filter(of_kind().eq(signed_in))
        .filter(audit_events::created_at.lt(time.0))
        .order(audit_events::id.desc())
        .select(Record::as_select())
        .first(conn)
        .optional())?)
}
