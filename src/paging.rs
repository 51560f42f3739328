//! Keyset paging: a page is found by the row that it follows, so that page 10,000 costs what page
//! 1 costs. Rows are named by their ids alone; what their order hangs on is looked up.

mod by_id;

pub use by_id::ById;

/// Which page is wanted, in the order of the list.
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
    /// Whether the rows are read from the end towards the beginning.
    #[must_use]
    pub const fn is_backward(self) -> bool {
        matches!(self, Self::Before(_) | Self::Last)
    }

    /// The row where the page begins or ends.
    #[must_use]
    pub const fn anchor(self) -> Option<i64> {
        match self {
            Self::After(id) | Self::Before(id) => Some(id),
            Self::First | Self::Last => None,
        }
    }
}

/// Rows a page, as people may choose; the middle one unless they do.
pub const PAGE_SIZES: [usize; 3] = [25, 50, 100];
pub const PAGE_SIZE: usize = 50;

/// A filter that has no index of its own looks at so many rows and says so when there are more.
pub const WINDOW: i64 = 10_000;

/// How far such a list looks, one after the other, until the page is full: most pages are full
/// long before the end of the window.
pub const WINDOWS: [i64; 2] = [500, WINDOW];

/// One page of rows, in the order of the list.
#[derive(Debug)]
pub struct Listing<Row> {
    pub rows: Vec<Row>,
    pub has_previous: bool,
    pub has_next: bool,
    /// The search stopped early at the row of this id, before the page was full.
    pub stopped_at: Option<i64>,
}

impl<Row> Listing<Row> {
    /// The id before which the previous page ends, if there is one.
    #[must_use]
    pub fn previous(&self, id: impl Fn(&Row) -> i64) -> Option<i64> {
        self.rows.first().filter(|_| self.has_previous).map(id)
    }

    /// The id after which the next page begins, if there is one.
    #[must_use]
    pub fn next(&self, id: impl Fn(&Row) -> i64) -> Option<i64> {
        self.rows.last().filter(|_| self.has_next).map(id)
    }

    /// How many rows to ask the database for: one more tells whether there is another page.
    #[must_use]
    pub fn limit(size: usize) -> i64 {
        i64::try_from(size + 1).unwrap_or(i64::MAX)
    }

    /// From what the database gave in the page's own direction, at most one row more than `size`.
    #[must_use]
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

/// How many rows a list has, as far as that is cheap to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    Exactly(i64),
    MoreThan(i64),
    /// By the database's own bookkeeping.
    About(i64),
}

/// Counted no further.
pub const COUNT_CAP: i64 = 1000;

impl Total {
    /// From a count that went no further than one past the cap.
    #[must_use]
    pub const fn from_count(count: i64) -> Self {
        if count > COUNT_CAP {
            Self::MoreThan(COUNT_CAP)
        } else {
            Self::Exactly(count)
        }
    }
}
