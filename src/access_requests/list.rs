//! The lists of requests for those who decide.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Nullable, Text};

use super::{Request, State};
use crate::db::{Conn, Sql};
use crate::error::Result;
use crate::i18n::Lang;
use crate::id::{RequestId, UserId};
use crate::paging::{ById, Listing, Page, Total};

/// Whose requests somebody may decide: those for these apps, but never their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A superuser's: every app.
    All,
    /// An owner's: the apps that this person owns.
    OwnedBy(UserId),
}

/// A request as a list shows it.
#[derive(Clone, Debug, QueryableByName)]
pub struct Listed {
    #[diesel(embed)]
    pub request: Request,
    #[diesel(sql_type = Text)]
    pub username: String,
    #[diesel(sql_type = Text)]
    pub first_name: String,
    #[diesel(sql_type = Bool)]
    pub is_active: bool,
    #[diesel(sql_type = Nullable<Text>)]
    name_en: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name_zh: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    is_hidden: Option<bool>,
}

impl Listed {
    /// The name to show: the first name where there is one.
    pub fn display_name(&self) -> &str {
        if self.first_name.trim().is_empty() {
            &self.username
        } else {
            &self.first_name
        }
    }

    /// The app's name in this language, or in the other one; its key if the app is gone.
    pub fn app_name(&self, lang: Lang) -> &str {
        let pair = match lang {
            Lang::En => [&self.name_en, &self.name_zh],
            Lang::Zh => [&self.name_zh, &self.name_en],
        };
        let mut names = pair.into_iter().flatten();
        names
            .find(|name| !name.is_empty())
            .unwrap_or(&self.request.app_key)
    }

    /// The app's name for the person who asked: a name that is hidden now is not told.
    pub fn app_name_for_asker(&self, lang: Lang) -> &str {
        if self.is_hidden == Some(false) {
            self.app_name(lang)
        } else {
            &self.request.app_key
        }
    }
}

pub(super) const COLUMNS: &str = "x.id, x.app_id, x.app_key, x.user_id, x.created_at, x.sentence, x.wanted_days, x.state, x.closed_because, x.closed_at, x.decided_by, x.decided_by_id, x.answer, x.granted_until, x.reminded_at, x.seen_at, u.username, u.first_name, u.is_active, a.name_en, a.name_zh, a.is_hidden";
pub(super) const JOIN: &str =
    "INNER JOIN users u ON u.id = x.user_id LEFT JOIN apps a ON a.id = x.app_id";

/// The conditions that a listed request must meet.
#[derive(Clone, Debug)]
pub struct Filter {
    pub scope: Scope,
    /// The state; `None` is any that is an end.
    pub state: Option<State>,
    /// An app's key.
    pub app: Option<String>,
    pub user_id: Option<UserId>,
    /// No account has the name that was asked for.
    pub is_nobody: bool,
}

impl Filter {
    fn rows(&self) -> ById {
        let indexed = [
            self.state
                .map(|state| Sql::new("x.state = ?", [state.code().into()])),
            self.app
                .as_deref()
                .map(|key| Sql::new("x.app_key = ?", [key.into()])),
            self.user_id
                .map(|id| Sql::new("x.user_id = ?", [id.into()])),
        ];
        let mut tests = Vec::new();
        if self.state.is_none() {
            tests.push(Sql::new("x.state <> ?", [State::Open.code().into()]));
        }
        if self.is_nobody {
            tests.push(Sql::text("FALSE"));
        }
        tests.extend(self.scope.owned());
        ById {
            table: "access_requests",
            columns: COLUMNS,
            join: JOIN,
            indexed: indexed.into_iter().flatten().collect(),
            tests,
            join_tests: Vec::new(),
            range: Vec::new(),
        }
    }
}

impl Scope {
    /// The test that a request is for one of the apps.
    fn owned(self) -> Option<Sql> {
        match self {
            Self::All => None,
            Self::OwnedBy(owner) => Some(Sql::new(
                "x.app_id IN (SELECT o.app_id FROM app_owners o WHERE o.user_id = ?)",
                [owner.into()],
            )),
        }
    }
}

/// Reads one page, newest first.
pub fn list(conn: &mut Conn, filter: &Filter, page: Page, size: usize) -> Result<Listing<Listed>> {
    filter.rows().page(conn, page, size)
}

/// Counts the requests, as far as that is cheap.
pub fn total(conn: &mut Conn, filter: &Filter) -> Result<Option<Total>> {
    filter.rows().total(conn)
}

/// The open requests that a person may decide now, and from which id the next page goes on.
#[derive(Debug)]
pub struct Waiting {
    pub rows: Vec<Listed>,
    pub next: Option<RequestId>,
}

/// Lists the open requests that `decider` may decide now, oldest first, from the one after `after`.
/// The command line, which is nobody, may decide every one.
pub fn waiting(
    conn: &mut Conn,
    scope: Scope,
    decider: Option<UserId>,
    after: RequestId,
    size: usize,
) -> Result<Waiting> {
    let mut tests = vec![Sql::new("x.state = 'open' AND x.id > ?", [after.0.into()])];
    tests.extend(scope.owned());
    tests.extend(decider.map(|id| Sql::new("x.user_id <> ?", [id.into()])));
    let mut rows: Vec<Listed> = Sql::text(&format!(
        "SELECT {COLUMNS} FROM access_requests x {JOIN} WHERE "
    ))
    .then(&Sql::all(&tests))
    .with(
        " ORDER BY x.id LIMIT ?",
        [Listing::<Listed>::limit(size).into()],
    )
    .load(conn)?;
    let has_more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| has_more).map(|row| row.request.id);
    Ok(Waiting { rows, next })
}

/// Counts the open requests that `decider` may decide now, up to a thousand.
pub fn count_waiting(conn: &mut Conn, scope: Scope, decider: UserId) -> Result<i64> {
    let mut tests = vec![Sql::new(
        "x.state = 'open' AND x.user_id <> ?",
        [decider.into()],
    )];
    tests.extend(scope.owned());
    Sql::text("SELECT x.id FROM access_requests x WHERE ")
        .then(&Sql::all(&tests))
        .count_up_to(conn, 1000)
}

/// Finds one request, as a list shows it.
pub fn find(conn: &mut Conn, id: RequestId) -> Result<Option<Listed>> {
    let rows: Vec<Listed> = Sql::new(
        &format!("SELECT {COLUMNS} FROM access_requests x {JOIN} WHERE x.id = ?"),
        [id.0.into()],
    )
    .load(conn)?;
    Ok(rows.into_iter().next())
}
