//! Keyset paging: a page is found by the row that it follows, so page 10,000 costs as much as the
//! first. Rows are identified by their ids alone; the values that they are ordered by are looked
//! up.

mod by_id;

pub use by_id::ById;

use crate::db::{Conn, Sql};
use crate::error::Result;

/// The requested page, in the order of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    First,
    /// The rows that come after this id.
    After(i64),
    /// The rows that come before this id.
    Before(i64),
    Last,
}

impl Page {
    /// Returns whether the rows are read from the end towards the beginning.
    pub const fn is_backward(self) -> bool {
        matches!(self, Self::Before(_) | Self::Last)
    }

    /// Returns the row at which the page begins or ends.
    pub const fn anchor(self) -> Option<i64> {
        match self {
            Self::After(id) | Self::Before(id) => Some(id),
            Self::First | Self::Last => None,
        }
    }
}

/// The page sizes that people can choose from; the middle one is the default.
pub const PAGE_SIZES: [usize; 3] = [25, 50, 100];
pub const PAGE_SIZE: usize = 50;

/// A filter without an index of its own looks at this many rows, and says so if there are more.
pub const WINDOW: i64 = 10_000;

/// How far such a list looks, in steps, until the page is full: most pages are full long before the
/// end of the window.
pub const WINDOWS: [i64; 2] = [500, WINDOW];

/// One page of rows, in the order of the list.
#[derive(Debug)]
pub struct Listing<Row> {
    pub rows: Vec<Row>,
    pub has_previous: bool,
    pub has_next: bool,
    /// The search stopped early at the row with this id, before the page was full.
    pub stopped_at: Option<i64>,
}

impl<Row> Listing<Row> {
    /// Returns the id before which the previous page ends, if there is one.
    pub fn previous<Id: Into<i64>>(&self, id: impl Fn(&Row) -> Id) -> Option<i64> {
        let first = self.rows.first().filter(|_| self.has_previous);
        first.map(id).map(Into::into)
    }

    /// Returns the id after which the next page begins, if there is one.
    pub fn next<Id: Into<i64>>(&self, id: impl Fn(&Row) -> Id) -> Option<i64> {
        let last = self.rows.last().filter(|_| self.has_next);
        last.map(id).map(Into::into)
    }

    /// Returns how many rows to read: one more than a page shows, to tell whether there is another.
    pub fn limit(size: usize) -> i64 {
        i64::try_from(size + 1).unwrap_or(i64::MAX)
    }

    /// Makes a page from rows read in the page's own direction, at most one more than `size`.
    pub fn from_rows(page: Page, size: usize, mut rows: Vec<Row>) -> Self {
        let has_more = rows.len() > size;
        rows.truncate(size);
        let (has_previous, has_next) = match page {
            Page::First => (false, has_more),
            Page::After(_) => (true, has_more),
            Page::Before(_) => (has_more, true),
            Page::Last => (has_more, false),
        };
        if page.is_backward() {
            rows.reverse();
        }
        Self {
            rows,
            has_previous,
            has_next,
            stopped_at: None,
        }
    }
}

/// The number of rows in a list, as far as that is cheap to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    Exactly(i64),
    MoreThan(i64),
    /// An estimate.
    About(i64),
}

/// Rows are counted up to this number.
pub const COUNT_CAP: i64 = 1000;

impl Total {
    /// Counts the rows of a `SELECT`, up to `cap`.
    pub fn of(conn: &mut Conn, rows: &Sql, cap: i64) -> Result<Self> {
        let count = rows.count_up_to(conn, cap + 1)?;
        Ok(if count > cap {
            Self::MoreThan(cap)
        } else {
            Self::Exactly(count)
        })
    }
}
