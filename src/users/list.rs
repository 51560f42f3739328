//! The user list: one search box, filters and orders. Every page costs the same, wherever it is.
//!
//! One filter in its own order, or any order without a filter, walks an index. Anything more is
//! bounded. If the most selective filter matches few enough accounts, all of them are read.
//! Otherwise the list looks at [`WINDOW`] accounts in order and says that it stopped.

use diesel::prelude::*;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::search::{Reach, hits};
use super::search_index;
use super::{COLUMNS, Id, Role, User};
use crate::clock::UnixTime;
use crate::coded::coded;
use crate::db::{Conn, Sql};
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::paging::{COUNT_CAP, Listing, Page, Total, WINDOW, WINDOWS};

/// Up to this many accounts are sorted and filtered in full.
const FEW: i64 = 2000;

/// The matches of a filter are counted up to this number.
const FILTER_CAP: i64 = 500;
/// The most words that a search counts; an account has only a few words.
const WORDS: i64 = 200;
/// The matches are counted this far for an act on all of them.
const MANY: i64 = 100_000;

/// The conditions that a listed account must meet. An empty filter lists all accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The beginning of a username, of a name or a word in it, or of an email address.
    pub search: Option<String>,
    pub is_active: Option<bool>,
    pub role: Option<Role>,
    pub source: Option<Source>,
    /// The name of a permission that the accounts hold.
    pub permission: Option<String>,
    pub last_login: Option<LastLogin>,
    /// Only accounts whose permissions are kept because a provider's answer failed.
    pub has_kept_permissions: bool,
}

/// Where an account comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Source {
    /// A provider: the account has been synced.
    #[strum(serialize = "directory")]
    Provider,
    Local,
}

coded!(Source);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastLogin {
    Never,
    /// Never, or earlier than this.
    Before(UnixTime),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    DateJoined,
    Username,
    FirstName,
    Email,
    LastLogin,
}

/// A requested order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub column: Column,
    pub is_descending: bool,
}

/// A requested list. Without an order it uses its natural one: the best match first, the
/// least recently signed in first, or else the newest account first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserQuery {
    pub filter: Filter,
    pub order: Option<Order>,
    pub page: Page,
    pub size: usize,
}

impl UserQuery {
    /// Returns the order of the list, requested or natural. `None` means the best match first.
    pub fn order(&self) -> Option<Order> {
        let is_search = self.filter.prefix().is_some();
        self.order
            .or_else(|| (!is_search).then(|| self.natural_order()))
    }

    const fn natural_order(&self) -> Order {
        match self.filter.last_login {
            Some(LastLogin::Before(_)) => Order::LONGEST_ABSENT_FIRST,
            Some(LastLogin::Never) | None => Order::NEWEST_FIRST,
        }
    }
}

const ROLE: &str = "CASE WHEN u.is_superuser OR u.is_superuser_by_permission THEN 2 WHEN u.is_staff OR u.is_staff_by_permission THEN 1 ELSE 0 END";
const LAST_LOGIN: &str = "COALESCE(u.last_login, 0)";

/// The test of the account `u` for a role, exactly as the index has it.
pub fn has_role(role: Role) -> Sql {
    let code = match role {
        Role::Employee => 0,
        Role::Staff => 1,
        Role::Superuser => 2,
    };
    Sql::new(&format!("{ROLE} = ?"), [code.into()])
}

impl Column {
    /// The expression, exactly as its index has it. `id` is the column of the account's id.
    const fn sql(self, id: &'static str) -> &'static str {
        match self {
            Self::DateJoined => id,
            Self::Username => "u.username",
            Self::FirstName => "u.first_name",
            Self::Email => "u.email",
            Self::LastLogin => LAST_LOGIN,
        }
    }
}

impl Order {
    /// An order that never changes, for callers that read all pages in turn.
    pub const NEWEST_FIRST: Self = Self {
        column: Column::DateJoined,
        is_descending: true,
    };
    const LONGEST_ABSENT_FIRST: Self = Self {
        column: Column::LastLogin,
        is_descending: false,
    };

    /// Returns the condition for rows that follow the page's anchor in its direction, and the
    /// `ORDER BY`. `id` is the column of the account's id.
    fn walk(self, page: Page, id: &'static str) -> (Sql, String) {
        let is_down = self.is_descending != page.is_backward();
        let (than, direction) = if is_down { ("<", "DESC") } else { (">", "ASC") };
        let key = self.column.sql(id);
        let order = if key == id {
            format!(" ORDER BY {id} {direction}")
        } else {
            format!(" ORDER BY {key} {direction}, {id} {direction}")
        };
        let Some(anchor_id) = page.anchor() else {
            return (Sql::text("TRUE"), order);
        };
        if key == id {
            return (
                Sql::new(&format!("{id} {than} ?"), [anchor_id.into()]),
                order,
            );
        }
        // The other form, `key < x OR (key = x AND …)`, does not bound the index.
        let anchor = format!("(SELECT {key} FROM users u WHERE u.id = ?)");
        let after = Sql::new(
            &format!("{key} {than}= {anchor} AND ({key} {than} {anchor} OR {id} {than} ?)"),
            [anchor_id.into(), anchor_id.into(), anchor_id.into()],
        );
        (after, order)
    }
}

/// One filter: both as a test of the account `u` and as the list of ids that its index gives.
struct Condition {
    test: Sql,
    ids: Sql,
}

impl Condition {
    fn of_user(test: Sql) -> Self {
        Self {
            ids: Sql::text("SELECT u.id FROM users u WHERE ").then(&test),
            test,
        }
    }

    /// Accounts with a word that begins so.
    fn of_words(prefix: &str) -> Self {
        let end = search_index::end_of(prefix);
        let in_range = |is_inner: bool| {
            Sql::new(
                "t.is_inner = ? AND t.term >= ? AND t.term < ?",
                [is_inner.into(), prefix.into(), end.as_str().into()],
            )
        };
        let any = |is_inner| {
            Sql::text("EXISTS (SELECT 1 FROM user_terms t WHERE t.user_id = u.id AND ")
                .then(&in_range(is_inner))
                .with(")", [])
        };
        let ids = "SELECT t.user_id AS id FROM user_terms t WHERE ";
        Self {
            test: Sql::text("(")
                .then(&any(false))
                .with(" OR ", [])
                .then(&any(true))
                .with(")", []),
            ids: Sql::text(ids)
                .then(&in_range(false))
                .with(" UNION ALL ", [])
                .with(ids, [])
                .then(&in_range(true)),
        }
    }
}

impl Filter {
    /// The search text in the form that is compared, or `None` if it is empty.
    fn prefix(&self) -> Option<String> {
        self.search
            .as_deref()
            .map(search_index::normalize)
            .filter(|prefix| !prefix.is_empty())
    }

    fn conditions(&self) -> Vec<Condition> {
        let mut all = Vec::new();
        if let Some(prefix) = self.prefix() {
            all.push(Condition::of_words(&prefix));
        }
        if let Some(name) = &self.permission {
            all.push(Condition {
                test: Sql::new(
                    "EXISTS (SELECT 1 FROM user_permissions p WHERE p.user_id = u.id AND p.name = ?)",
                    [name.as_str().into()],
                ),
                ids: Sql::new(
                    "SELECT DISTINCT p.user_id AS id FROM user_permissions p WHERE p.name = ?",
                    [name.as_str().into()],
                ),
            });
        }
        if self.has_kept_permissions {
            all.push(Condition {
                test: Sql::text(
                    "EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id AND i.permissions_kept_since IS NOT NULL)",
                ),
                ids: Sql::text(
                    "SELECT DISTINCT i.user_id AS id FROM identities i WHERE i.permissions_kept_since IS NOT NULL",
                ),
            });
        }
        let of_user = [
            self.is_active
                .map(|is_active| Sql::new("u.is_active = ?", [is_active.into()])),
            self.role.map(has_role),
            self.source.map(|source| match source {
                Source::Provider => Sql::text("u.synced_at IS NOT NULL"),
                Source::Local => Sql::text("u.synced_at IS NULL"),
            }),
            self.last_login.map(|last_login| match last_login {
                LastLogin::Never => Sql::text("u.last_login IS NULL"),
                LastLogin::Before(time) => Sql::new(&format!("{LAST_LOGIN} < ?"), [time.0.into()]),
            }),
        ];
        all.extend(of_user.into_iter().flatten().map(Condition::of_user));
        all
    }
}

/// Reads one page.
///
/// # Errors
/// [`Error::BadRequest`] when the account that the page begins at does not exist or is not found
/// by the search.
pub fn list(conn: &mut Conn, wanted: &UserQuery) -> Result<Listing<User>> {
    if let Some(id) = wanted.page.anchor()
        && super::find(conn, UserId(id))?.is_none()
    {
        return Err(Error::BadRequest);
    }
    let conditions = wanted.filter.conditions();
    let natural = wanted.natural_order();
    let order = wanted.order.unwrap_or(natural);
    let prefix = wanted.filter.prefix();
    let tests = |skip| Sql::all(conditions.iter().skip(skip).map(|one| &one.test));
    if let (Some(prefix), None) = (&prefix, wanted.order) {
        let few = match conditions.as_slice() {
            [_] => None,
            several => fewest(conn, several)?,
        };
        let reach = few.map_or(Reach::Window, Reach::Among);
        return hits(conn, (wanted.page, wanted.size), prefix, &tests(1), &reach);
    }
    let is_walk = match conditions.as_slice() {
        [] => true,
        // No index covers both this filter and an order.
        [_] if wanted.filter.has_kept_permissions => false,
        [_] => prefix.is_none() && order.column == natural.column,
        _ => false,
    };
    if is_walk {
        return walk(conn, wanted, order, &tests(0));
    }
    match fewest(conn, &conditions)? {
        Some(ids) => sorted(conn, wanted, order, &among(&ids), &tests(0)),
        None => windowed(conn, wanted, order, &tests(0)),
    }
}

/// Returns the ids matched by the most selective filter, or `None` if each filter matches many.
fn fewest(conn: &mut Conn, conditions: &[Condition]) -> Result<Option<Sql>> {
    let mut best: Option<(i64, &Sql)> = None;
    for condition in conditions {
        let count = condition.ids.count_up_to(conn, FEW + 1)?;
        if count <= FEW && best.is_none_or(|(least, _)| count < least) {
            best = Some((count, &condition.ids));
        }
    }
    Ok(best.map(|(_, ids)| ids.clone()))
}

/// A fragment that follows `SELECT … FROM`: the accounts with these ids, each looked up by id.
/// SQLite keeps no statistics, and with a filter's index available it might read that one instead.
fn among(ids: &Sql) -> Sql {
    Sql::text("(SELECT DISTINCT id FROM (").then(ids).with(
        ") AS found) AS f CROSS JOIN users u WHERE u.id = f.id AND ",
        [],
    )
}

/// A fragment that follows `SELECT … FROM`: all accounts.
fn all() -> Sql {
    Sql::text("users u WHERE ")
}

/// Walks an index that covers the order, and the filter if there is one.
fn walk(conn: &mut Conn, wanted: &UserQuery, order: Order, tests: &Sql) -> Result<Listing<User>> {
    let Some(permission) = &wanted.filter.permission else {
        return sorted(conn, wanted, order, &all(), tests);
    };
    let (after, order_by) = order.walk(wanted.page, "p.user_id");
    // Repeat the bound for the other table; otherwise PostgreSQL reads it from its beginning.
    let (also_after, _) = order.walk(wanted.page, "u.id");
    // Two origins may give the same permission.
    let sql = Sql::new(
        &format!("SELECT {COLUMNS} FROM user_permissions p CROSS JOIN users u WHERE u.id = p.user_id AND p.name = ? AND NOT EXISTS (SELECT 1 FROM user_permissions q WHERE q.user_id = p.user_id AND q.name = ? AND q.origin < p.origin) AND "),
        [permission.as_str().into(), permission.as_str().into()],
    )
    .then(&Sql::all([&after, &also_after]))
    .with(&order_by, [])
    .with(" LIMIT ?", [Listing::<User>::limit(wanted.size).into()]);
    let rows = sql.load(conn)?;
    Ok(Listing::from_rows(wanted.page, wanted.size, rows))
}

/// Reads the accounts of `from` that pass the tests, in order.
fn sorted(
    conn: &mut Conn,
    wanted: &UserQuery,
    order: Order,
    from: &Sql,
    tests: &Sql,
) -> Result<Listing<User>> {
    let (after, order_by) = order.walk(wanted.page, "u.id");
    let sql = Sql::text(&format!("SELECT {COLUMNS} FROM "))
        .then(from)
        .then(&Sql::all([tests, &after]))
        .with(&order_by, [])
        .with(" LIMIT ?", [Listing::<User>::limit(wanted.size).into()]);
    let rows = sql.load(conn)?;
    Ok(Listing::from_rows(wanted.page, wanted.size, rows))
}

/// Reads the next accounts in order, up to the end of the window, and keeps those that match.
fn windowed(
    conn: &mut Conn,
    wanted: &UserQuery,
    order: Order,
    tests: &Sql,
) -> Result<Listing<User>> {
    let (after, order_by) = order.walk(wanted.page, "u.id");
    let window = |limit: &str, rows: i64| {
        Sql::text("SELECT u.* FROM users u WHERE ")
            .then(&after)
            .with(&order_by, [])
            .with(limit, [rows.into()])
    };
    let mut rows: Vec<User> = Vec::new();
    for width in WINDOWS {
        rows = Sql::text(&format!("SELECT {COLUMNS} FROM ("))
            .then(&window(" LIMIT ?", width))
            .with(") AS u WHERE ", [])
            .then(tests)
            .with(&order_by, [])
            .with(" LIMIT ?", [Listing::<User>::limit(wanted.size).into()])
            .load(conn)?;
        if rows.len() > wanted.size {
            break;
        }
    }
    let is_full = rows.len() > wanted.size;
    let mut listing = Listing::from_rows(wanted.page, wanted.size, rows);
    if !is_full {
        let end = Sql::text("SELECT id FROM (")
            .then(&window(" LIMIT 1 OFFSET ? - 1", WINDOW))
            .with(") AS last", []);
        listing.stopped_at = end.load::<Id>(conn)?.first().map(|row| row.id);
    }
    Ok(listing)
}

/// Counts the accounts that match a filter. Returns `None` if that would be expensive.
pub fn total(conn: &mut Conn, filter: &Filter) -> Result<Option<Total>> {
    total_up_to(conn, filter, FILTER_CAP, WORDS)
}

/// Like [`total`], but counts further: for an act on all of them.
pub fn total_of_many(conn: &mut Conn, filter: &Filter) -> Result<Option<Total>> {
    total_up_to(conn, filter, MANY, MANY)
}

/// Counts at most `cap` accounts, and at most `words` words of a search.
fn total_up_to(
    conn: &mut Conn,
    filter: &Filter,
    cap_of_filter: i64,
    words: i64,
) -> Result<Option<Total>> {
    let conditions = filter.conditions();
    let ids = match conditions.as_slice() {
        [] => {
            let all = Sql::text("SELECT u.id FROM users u");
            return Ok(Some(match Total::of(conn, &all, COUNT_CAP)? {
                Total::MoreThan(_) => estimate(conn)?,
                few => few,
            }));
        }
        [one] => one.ids.clone(),
        several => {
            let Some(ids) = fewest(conn, several)? else {
                return Ok(None);
            };
            let tests = several.iter().map(|condition| &condition.test);
            Sql::text("SELECT u.id FROM ")
                .then(&among(&ids))
                .then(&Sql::all(tests))
        }
    };
    if filter.prefix().is_none() || conditions.len() > 1 {
        return Total::of(conn, &ids, cap_of_filter).map(Some);
    }
    // Several words may find one account, so count the accounts of at most this many words.
    let counted = Sql::text(
        "SELECT COUNT(*) AS words, COUNT(DISTINCT id) AS accounts FROM (SELECT id FROM (",
    )
    .then(&ids)
    .with(") AS found LIMIT ?) AS few", [words.into()])
    .load::<Counted>(conn)?;
    Ok(counted.first().map(|counted| {
        if counted.words < words {
            Total::Exactly(counted.accounts)
        } else {
            Total::MoreThan((counted.accounts - 1).min(words / 4))
        }
    }))
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    words: i64,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    accounts: i64,
}

/// Estimates the number of accounts from the database's own bookkeeping.
fn estimate(conn: &mut Conn) -> Result<Total> {
    let sql = match conn {
        Conn::Sqlite(_) => "SELECT COALESCE(MAX(rowid), 0) AS value FROM users",
        Conn::Postgres(_) => {
            "SELECT CAST(reltuples AS BIGINT) AS value FROM pg_class WHERE oid = 'users'::regclass"
        }
    };
    let about = Sql::text(sql).number(conn)?.unwrap_or(0);
    Ok(if about > COUNT_CAP {
        Total::About(about)
    } else {
        Total::MoreThan(COUNT_CAP)
    })
}
