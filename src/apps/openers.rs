//! The people to whom an app opens: the evaluator in SQL, for lists.
//!
//! [`condition`] says in SQL what [`decide`] says of one person. A list never reads all accounts: it
//! walks the indexes that lead to people who might be let in, each in the order of their ids, and
//! tests those it meets.

mod difference;
mod facts;
mod ways;

use crate::clock::UnixTime;
use crate::db::{Conn, Sql, Value};
use crate::error::Result;
use crate::id::AppId;
use crate::paging::{COUNT_CAP, Listing, Page, Total, WINDOW};
use crate::permissions::PermissionSources;
use crate::users::{COLUMNS, User};

use super::rule::{Audience, Decision, OpenBy, Rule, decide};
use ways::Kind;

pub use difference::{Difference, difference};

/// A person who may open an app, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opener {
    pub user: User,
    pub by: OpenBy,
}

/// How many candidates a page of so many rows looks at, in steps until it is full. As a rule nearly
/// all of them are let in, but one who holds several of the permissions is met several times.
fn widths(size: usize) -> impl Iterator<Item = i64> {
    let few = 2 * Listing::<Opener>::limit(size);
    let widths = [few, 10 * few].into_iter();
    widths.filter(|width| *width < WINDOW).chain([WINDOW])
}

/// Returns the test of the account `u`: whether the rule or a grant opens the app to it. Without an
/// app there are no grants.
pub fn condition(
    sources: &PermissionSources,
    now: UnixTime,
    app: Option<AppId>,
    rule: &Rule,
) -> Sql {
    let mut tests = vec![
        Sql::text("u.is_active = TRUE"),
        opens(sources, now, app, rule),
    ];
    if !rule.but_not.is_empty() {
        let is_excluded = holds(sources, rule.but_not.iter().map(String::as_str));
        tests.push(Sql::text("NOT ").then(&is_excluded));
        if !sources.expected.is_empty() {
            let expected = texts(sources.expected.iter().map(String::as_str));
            let unread = Sql::text("NOT EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id AND i.permissions_read_at IS NULL AND ")
                .with(PROVIDER, [])
                .with(" IN ", [])
                .then(&expected)
                .with(ONE, []);
            tests.push(unread);
        }
    }
    Sql::all(&tests)
}

/// Ends a subquery that is looked up for each account. PostgreSQL would turn one without `OFFSET`
/// into a join, and then read the whole table for a few rows.
const ONE: &str = " LIMIT 1 OFFSET 0)";

/// The provider of an identity, written so that no index leads to all identities of one: SQLite,
/// which keeps no statistics, would prefer that one.
const PROVIDER: &str = "i.provider || ''";

/// Whether the rule's audience or a grant opens the app to `u`.
fn opens(sources: &PermissionSources, now: UnixTime, app: Option<AppId>, rule: &Rule) -> Sql {
    if rule.audience == Audience::Everyone {
        return Sql::text("TRUE");
    }
    let mut ways = Vec::new();
    if rule.audience == Audience::AnyOf && !rule.any_of.is_empty() {
        ways.push(holds(sources, rule.any_of.iter().map(String::as_str)));
    }
    if let Some(app) = app {
        let granted = Sql::new(
            "EXISTS (SELECT 1 FROM app_grants g WHERE g.user_id = u.id AND g.app_id = ? AND (g.expires_at IS NULL OR g.expires_at > ?)",
            [app.into(), now.0.into()],
        );
        ways.push(granted.with(ONE, []));
    }
    match ways.as_slice() {
        [] => Sql::text("FALSE"),
        [one] => one.clone(),
        [one, others @ ..] => {
            let mut any = Sql::text("(").then(one);
            for other in others {
                any = any.with(" OR ", []).then(other);
            }
            any.with(")", [])
        }
    }
}

/// Whether `u` holds one of these permissions from an origin that counts.
fn holds<'a>(sources: &PermissionSources, names: impl Iterator<Item = &'a str>) -> Sql {
    Sql::text("EXISTS (SELECT 1 FROM user_permissions p WHERE p.user_id = u.id AND p.name IN ")
        .then(&texts(names))
        .with(" AND p.origin IN ", [])
        .then(&texts(sources.counting.origins()))
        .with(ONE, [])
}

/// A list of texts in brackets, for `IN`.
fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Sql {
    Sql::list(&texts.map(Value::from).collect::<Vec<_>>())
}

/// The app, its rule, and the page on which its people are wanted.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    app: AppId,
    rule: &'a Rule,
    page: Page,
}

impl Wanted<'_> {
    /// The sign between an id and the page's anchor, and the direction of the rows.
    const fn order(self) -> (&'static str, &'static str) {
        if self.page.is_backward() {
            (">", "ASC")
        } else {
            ("<", "DESC")
        }
    }

    /// Selects the ids of the next `width` candidates. One who is let in by several ways is there
    /// several times.
    fn candidates(self, conn: &Conn, width: i64) -> Sql {
        let (than, direction) = self.order();
        let kinds = Kind::ways_in(self.app, self.rule);
        let is_alone = kinds.len() == 1;
        let in_order = |sql: Sql, id| {
            let order = format!(" ORDER BY {id} {direction} LIMIT ?");
            sql.with(&order, [width.into()])
        };
        let arms = kinds.into_iter().map(|kind| {
            let mut arm = kind.rows();
            if let Some(id) = self.page.anchor() {
                arm = arm.with(&format!(" AND {} {than} ?", kind.id()), [id.into()]);
            }
            match conn {
                Conn::Postgres(_) if !is_alone => {
                    Sql::text("(").then(&in_order(arm, kind.id())).with(")", [])
                }
                // SQLite merges indexes as they are, and nothing else.
                _ => arm,
            }
        });
        in_order(ways::together(arms), "id")
    }

    /// Selects, after `SELECT … FROM`, the accounts among the next `width` candidates that pass the
    /// test.
    fn passing(self, conn: &Conn, width: i64, test: &Sql) -> Sql {
        // Without it, PostgreSQL may read the other table from its beginning.
        let (than, _) = self.order();
        let bound = self.page.anchor();
        let bound = bound.map(|id| Sql::new(&format!("u.id {than} ?"), [id.into()]));
        Sql::text("(SELECT DISTINCT id FROM (")
            .then(&self.candidates(conn, width))
            .with(
                ") AS met) AS c CROSS JOIN users u WHERE u.id = c.id AND ",
                [],
            )
            .then(&Sql::all(bound.iter().chain([test])))
    }

    /// The last of the next `width` candidates, if there are as many.
    fn last_of(self, conn: &mut Conn, width: i64) -> Result<Option<i64>> {
        let (_, direction) = self.order();
        Sql::text("SELECT id AS value FROM (")
            .then(&self.candidates(conn, width))
            .with(
                &format!(") AS met ORDER BY id {direction} LIMIT 1 OFFSET ? - 1"),
                [width.into()],
            )
            .number(conn)
    }
}

/// Reads one page of the people who may open an app, newest first.
pub fn page(
    conn: &mut Conn,
    sources: &PermissionSources,
    now: UnixTime,
    app: AppId,
    rule: &Rule,
    page: Page,
    size: usize,
) -> Result<Listing<Opener>> {
    let test = condition(sources, now, Some(app), rule);
    let wanted = Wanted { app, rule, page };
    let (_, direction) = wanted.order();
    let (mut users, mut stopped_at): (Vec<User>, _) = (Vec::new(), None);
    for width in widths(size) {
        users = Sql::text(&format!("SELECT {COLUMNS} FROM "))
            .then(&wanted.passing(conn, width, &test))
            .with(
                &format!(" ORDER BY u.id {direction} LIMIT ?"),
                [Listing::<Opener>::limit(size).into()],
            )
            .load(conn)?;
        stopped_at = if users.len() > size {
            None
        } else {
            wanted.last_of(conn, width)?
        };
        if stopped_at.is_none() {
            break;
        }
    }
    let found = Listing::from_rows(page, size, users);
    let ids: Vec<i64> = found.rows.iter().map(|user| user.id.into()).collect();
    let mut facts = facts::read(conn, sources, Some(app), &[rule], &ids)?;
    let opener = |user: User| {
        let (holder, grants) = facts.remove(&user.id.into())?;
        // What changed in between may have closed the app.
        match decide(rule, &holder, &grants, now) {
            Decision::Open(by) => Some(Opener { user, by }),
            Decision::Closed(_) => None,
        }
    };
    Ok(Listing {
        rows: found.rows.into_iter().filter_map(opener).collect(),
        has_previous: found.has_previous,
        has_next: found.has_next,
        stopped_at,
    })
}

/// Counts the people who may open an app, up to [`COUNT_CAP`]. If the rule lets in hardly any of
/// [`WINDOW`] candidates, the answer is what was found among these.
pub fn count(
    conn: &mut Conn,
    sources: &PermissionSources,
    now: UnixTime,
    app: AppId,
    rule: &Rule,
) -> Result<Total> {
    let test = condition(sources, now, Some(app), rule);
    let page = Page::First;
    let wanted = Wanted { app, rule, page };
    let mut found = 0;
    for width in [2 * COUNT_CAP, WINDOW] {
        let rows = Sql::text("SELECT u.id FROM ").then(&wanted.passing(conn, width, &test));
        found = rows.count_up_to(conn, COUNT_CAP + 1)?;
        if found > COUNT_CAP {
            return Ok(Total::MoreThan(COUNT_CAP));
        }
        if wanted.last_of(conn, width)?.is_none() {
            return Ok(Total::Exactly(found));
        }
    }
    Ok(match found {
        0 => Total::About(0),
        _ => Total::MoreThan(found - 1),
    })
}
