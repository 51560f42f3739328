//! Lists in the order of ids, newest first, with any filters: the audit log and the sessions.

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::sqlite::Sqlite;

use super::{COUNT_CAP, Listing, Page, Total, WINDOW, WINDOWS};
use crate::db::{Conn, Sql};
use crate::error::Result;

/// A list of rows of one table, which its parts call `x`.
#[derive(Debug)]
pub struct ById {
    pub table: &'static str,
    /// The columns to read, and the joins: `x.id, u.username`, `CROSS JOIN users u`.
    pub columns: &'static str,
    pub join: &'static str,
    /// Filters that each have an index on (column, id).
    pub indexed: Vec<Sql>,
    /// Filters on `x` that have no index.
    pub tests: Vec<Sql>,
    /// Tests on joined tables, which a count leaves out.
    pub join_tests: Vec<Sql>,
    /// Bounds on `x.id`, which every index can apply.
    pub range: Vec<Sql>,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    id: i64,
}

impl ById {
    /// Reads one page. With at most one filter it walks that filter's index; otherwise it looks at
    /// [`WINDOW`] rows of the most selective one, and says if it stopped there.
    pub fn page<T>(&self, conn: &mut Conn, page: Page, size: usize) -> Result<Listing<T>>
    where
        T: QueryableByName<Sqlite> + QueryableByName<Pg> + 'static,
    {
        let limit = Listing::<T>::limit(size);
        let (window, tests) = self.window(conn, page)?;
        let is_whole = tests.is_empty() && self.join.is_empty();
        let order = if page.is_backward() {
            " ORDER BY x.id ASC"
        } else {
            " ORDER BY x.id DESC"
        };
        let looked_at = |width: i64| {
            let (columns, table, join) = (self.columns, self.table, self.join);
            if is_whole {
                return Sql::text(&format!("SELECT {columns} FROM {table} x WHERE ")).then(&window);
            }
            let inner = format!("SELECT {columns} FROM (SELECT x.* FROM {table} x WHERE ");
            let outer = format!("{order} LIMIT ?) AS x {join} WHERE ");
            Sql::text(&inner)
                .then(&window)
                .with(&outer, [width.into()])
                .then(&Sql::all(tests.iter().copied().chain(&self.join_tests)))
        };
        let mut rows: Vec<T> = Vec::new();
        for width in WINDOWS {
            rows = looked_at(width)
                .with(order, [])
                .with(" LIMIT ?", [limit.into()])
                .load(conn)?;
            if is_whole || rows.len() > size {
                break;
            }
        }
        let is_full = rows.len() > size;
        let mut listing = Listing::from_rows(page, size, rows);
        if !is_full && !is_whole {
            let end = Sql::text(&format!("SELECT x.id FROM {} x WHERE ", self.table))
                .then(&window)
                .with(&format!("{order} LIMIT 1 OFFSET ? - 1"), [WINDOW.into()]);
            listing.stopped_at = end.load::<Id>(conn)?.first().map(|row| row.id);
        }
        Ok(listing)
    }

    /// Counts the rows. Returns `None` if that would be expensive.
    pub fn total(&self, conn: &mut Conn) -> Result<Option<Total>> {
        let (window, tests) = self.window(conn, Page::First)?;
        let rows = Sql::text(&format!("SELECT x.* FROM {} x WHERE ", self.table)).then(&window);
        if tests.is_empty() {
            return Total::of(conn, &rows, COUNT_CAP).map(Some);
        }
        let passing = Sql::text("SELECT x.id FROM (")
            .then(&rows)
            .with(" LIMIT ?) AS x WHERE ", [WINDOW.into()])
            .then(&Sql::all(tests));
        let total = Total::of(conn, &passing, COUNT_CAP)?;
        let is_few = matches!(total, Total::Exactly(_));
        let is_cut = is_few && rows.count_up_to(conn, WINDOW)? == WINDOW;
        Ok((!is_cut).then_some(total))
    }

    /// Returns the rows to walk, starting where the page begins, and the remaining tests that they
    /// must pass.
    fn window(&self, conn: &mut Conn, page: Page) -> Result<(Sql, Vec<&Sql>)> {
        let mut tests: Vec<&Sql> = self.tests.iter().collect();
        let driver = match self.indexed.as_slice() {
            [] => None,
            [one] => Some(one),
            several => {
                let mut best: Option<(i64, &Sql)> = None;
                for filter in several {
                    let count = self.ids(filter).count_up_to(conn, WINDOW)?;
                    if best.is_none_or(|(least, _)| count < least) {
                        best = Some((count, filter));
                    }
                }
                let driver = best.map(|(_, filter)| filter);
                tests.extend(several.iter().filter(|filter| Some(*filter) != driver));
                driver
            }
        };
        let after = match page {
            Page::After(id) => Some(Sql::new("x.id < ?", [id.into()])),
            Page::Before(id) => Some(Sql::new("x.id > ?", [id.into()])),
            Page::First | Page::Last => None,
        };
        let window = Sql::all(driver.into_iter().chain(&self.range).chain(&after));
        Ok((window, tests))
    }

    fn ids(&self, filter: &Sql) -> Sql {
        Sql::text(&format!("SELECT x.id FROM {} x WHERE ", self.table))
            .then(&Sql::all([filter].into_iter().chain(&self.range)))
    }
}
