//! Keyset paging: a page is found by the id that it follows, so that page 10,000 costs what page
//! 1 costs.

/// Which page is wanted, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    First,
    /// The rows that are older than this id.
    After(i64),
    /// The rows that are newer than this id.
    Before(i64),
}

/// Rows a page.
pub const PAGE_SIZE: usize = 50;

/// One page of rows, newest first.
#[derive(Debug)]
pub struct Listing<Row> {
    pub rows: Vec<Row>,
    pub has_newer: bool,
    pub has_older: bool,
}

impl<Row> Listing<Row> {
    /// The id before which the next newer page ends, if there is one.
    #[must_use]
    pub fn newer(&self, id: impl Fn(&Row) -> i64) -> Option<i64> {
        self.rows.first().filter(|_| self.has_newer).map(id)
    }

    /// The id after which the next older page begins, if there is one.
    #[must_use]
    pub fn older(&self, id: impl Fn(&Row) -> i64) -> Option<i64> {
        self.rows.last().filter(|_| self.has_older).map(id)
    }

    /// How many rows to ask the database for: one more tells whether there is another page.
    #[must_use]
    pub fn limit() -> i64 {
        i64::try_from(PAGE_SIZE + 1).unwrap_or(i64::MAX)
    }

    /// From what the database gave in the page's own direction: oldest first for
    /// [`Page::Before`], newest first for the others.
    #[must_use]
    pub fn from_rows(page: Page, mut rows: Vec<Row>) -> Self {
        let has_more = rows.len() > PAGE_SIZE;
        rows.truncate(PAGE_SIZE);
        let (has_newer, has_older) = match page {
            Page::First => (false, has_more),
            Page::After(_) => (true, has_more),
            Page::Before(_) => {
                rows.reverse();
                (has_more, true)
            }
        };
        Self {
            rows,
            has_newer,
            has_older,
        }
    }
}
