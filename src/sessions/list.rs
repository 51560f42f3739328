//! All live sessions, for admins.

use diesel::prelude::*;

use super::{Limits, Session};
use crate::clock::UnixTime;
use crate::db::{Conn, Sql};
use crate::error::Result;
use crate::id::UserId;
use crate::paging::{ById, Listing, Page, Total};

/// The conditions that a listed session must meet. An empty filter lists all live sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub user_id: Option<UserId>,
    /// No account has the requested name, so no session is listed.
    pub is_nobody: bool,
    pub address: Option<String>,
    /// Texts that the browser's description must and must not contain: `Chrome/` but not `Edg`.
    pub browser: Option<(&'static str, &'static [&'static str])>,
}

/// A live session and its owner.
#[derive(Clone, Debug, QueryableByName)]
pub struct Owned {
    #[diesel(embed)]
    pub session: Session,
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub username: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub first_name: String,
}

impl Filter {
    fn rows(&self, now: UnixTime, limits: Limits) -> ById {
        let mut tests = vec![Sql::new(
            "x.ended_at IS NULL AND x.expires_at > ? AND x.last_seen_at > ?",
            [now.0.into(), now.minus(limits.idle).0.into()],
        )];
        if let Some((has, lacks)) = &self.browser {
            // These come from our own table of browsers, so they contain no wildcards.
            tests.push(Sql::new("x.user_agent LIKE ?", [like(has)]));
            for lacks in *lacks {
                tests.push(Sql::new("x.user_agent NOT LIKE ?", [like(lacks)]));
            }
        }
        if self.is_nobody {
            tests.push(Sql::text("FALSE"));
        }
        let mut indexed = Vec::new();
        if let Some(id) = self.user_id {
            indexed.push(Sql::new("x.user_id = ?", [id.into()]));
        }
        if let Some(address) = self.address.as_deref() {
            indexed.push(Sql::new("x.address = ?", [address.into()]));
        }
        if indexed.is_empty() {
            // Use the index of sessions that have not ended.
            indexed.push(Sql::text("x.ended_at IS NULL"));
        }
        ById {
            table: "sessions",
            columns: "x.id, x.user_id, x.provider, x.created_at, x.last_seen_at, x.expires_at, x.address, x.user_agent, x.proved_at, x.proved_by, u.username, u.first_name",
            join: "CROSS JOIN users u",
            join_tests: vec![Sql::new(
                "u.id = x.user_id AND u.is_active = ?",
                [true.into()],
            )],
            indexed,
            tests,
            range: Vec::new(),
        }
    }
}

fn like(part: &str) -> crate::db::Value {
    format!("%{part}%").as_str().into()
}

/// Reads one page, newest first.
pub fn list(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    filter: &Filter,
    page: Page,
    size: usize,
) -> Result<Listing<Owned>> {
    filter.rows(now, limits).page(conn, page, size)
}

/// Counts the sessions, as far as that is cheap.
pub fn total(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    filter: &Filter,
) -> Result<Option<Total>> {
    filter.rows(now, limits).total(conn)
}
