//! Searching accounts by the words of their names. Words are read in order, and each account
//! appears at the first word that matches.

use diesel::prelude::*;

use super::{COLUMNS, Id, User, search_index};
use crate::db::{Conn, Sql};
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::paging::{Listing, Page, WINDOW, WINDOWS};

/// The most windows a page reads in which no word lists an account.
const STRETCHES: usize = 10;

/// How far a search looks.
pub(super) enum Reach {
    /// As far as the window: PostgreSQL would otherwise plan for all hits instead of one page.
    Window,
    /// Among the few accounts that this `SELECT` names.
    Among(Sql),
}

/// The position of a search: the term by which the anchor is found.
#[derive(QueryableByName)]
struct Hit {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    is_inner: bool,
    #[diesel(sql_type = diesel::sql_types::Text)]
    term: String,
}

/// Finds hits in the order of their words: whole names first, then words inside a name.
pub(super) fn hits(
    conn: &mut Conn,
    (page, size): (Page, usize),
    prefix: &str,
    tests: &Sql,
    reach: &Reach,
) -> Result<Listing<User>> {
    let end = search_index::end_of(prefix);
    let anchor = match page.anchor().map(UserId) {
        None => None,
        Some(id) => Some((id, first_hit(conn, id, prefix, &end)?)),
    };
    let is_backward = page.is_backward();
    let limit = Listing::<User>::limit(size);
    let missing = |rows: &[User]| limit - i64::try_from(rows.len()).unwrap_or(limit);
    let mut rows: Vec<User> = Vec::new();
    let mut stopped_at = None;
    // Whole names come first; when reading backward, last.
    for is_inner in [is_backward, !is_backward] {
        if missing(&rows) <= 0 || stopped_at.is_some() {
            break;
        }
        let from = match &anchor {
            Some((id, hit)) if hit.is_inner == is_inner => Some((*id, hit.term.clone())),
            // The anchor is already past this part.
            Some((_, hit)) if hit.is_inner != is_backward => continue,
            _ => None,
        };
        let mut part = Part {
            prefix,
            end: &end,
            is_inner,
            is_backward,
            from,
        };
        for stretch in 1..=STRETCHES {
            let found = part.read(conn, tests, reach, missing(&rows))?;
            rows.extend(found);
            if missing(&rows) <= 0 || !matches!(reach, Reach::Window) {
                break;
            }
            let Some(last) = part.last_word(conn)? else {
                break;
            };
            stopped_at = part
                .window_end()
                .load::<Id>(conn)?
                .first()
                .map(|row| row.id);
            // No word in the window lists an account on its own, so there is no place to stop at.
            if stopped_at.is_some() || stretch == STRETCHES {
                break;
            }
            part.from = Some(last);
        }
    }
    let mut listing = Listing::from_rows(page, size, rows);
    listing.stopped_at = stopped_at;
    Ok(listing)
}

fn first_hit(conn: &mut Conn, user_id: UserId, prefix: &str, end: &str) -> Result<Hit> {
    Sql::new(
        "SELECT is_inner, term FROM user_terms WHERE user_id = ? AND term >= ? AND term < ? ORDER BY is_inner, term LIMIT 1",
        [user_id.into(), prefix.into(), end.into()],
    )
    .load::<Hit>(conn)?
    .into_iter()
    .next()
    .ok_or(Error::BadRequest)
}

fn in_order_of_words(is_backward: bool) -> String {
    let direction = if is_backward { "DESC" } else { "ASC" };
    // Name all columns of the index, even the constant one: otherwise PostgreSQL sorts again.
    format!(" ORDER BY t.is_inner {direction}, t.term {direction}, t.user_id {direction}")
}

/// One of the two parts of a search's hits.
struct Part<'a> {
    prefix: &'a str,
    end: &'a str,
    is_inner: bool,
    is_backward: bool,
    /// The account and the word at which the page begins.
    from: Option<(UserId, String)>,
}

impl Part<'_> {
    /// The words of this part, from where the page begins.
    fn words(&self) -> Sql {
        let mut words = Sql::new(
            "t.is_inner = ? AND t.term >= ? AND t.term < ?",
            [self.is_inner.into(), self.prefix.into(), self.end.into()],
        );
        if let Some((id, term)) = &self.from {
            let than = if self.is_backward { "<" } else { ">" };
            words.push(
                &format!(" AND t.term {than}= ? AND (t.term {than} ? OR t.user_id {than} ?)"),
                [term.as_str().into(), term.as_str().into(), (*id).into()],
            );
        }
        words
    }

    /// An account that several of its words find is listed by the first of them only.
    fn is_first_hit(&self) -> Sql {
        let range = [self.prefix.into(), self.end.into()];
        let mut first = Sql::new(
            "NOT EXISTS (SELECT 1 FROM user_terms e WHERE e.user_id = t.user_id AND e.is_inner = ? AND e.term >= ? AND e.term < t.term)",
            [self.is_inner.into(), self.prefix.into()],
        );
        if self.is_inner {
            first.push(
                " AND NOT EXISTS (SELECT 1 FROM user_terms w WHERE w.user_id = t.user_id AND w.is_inner = FALSE AND w.term >= ? AND w.term < ?)",
                range,
            );
        }
        first
    }

    /// The words in the window.
    fn window(&self, width: i64) -> Sql {
        Sql::text("SELECT t.* FROM user_terms t WHERE ")
            .then(&self.words())
            .with(&in_order_of_words(self.is_backward), [])
            .with(" LIMIT ?", [width.into()])
    }

    fn page(&self, tests: &Sql, reach: &Reach, width: i64, limit: i64) -> Sql {
        let select = Sql::text(&format!("SELECT {COLUMNS} FROM "));
        let (from, words) = match reach {
            Reach::Window => {
                let window = self.window(width);
                (
                    select.with("(", []).then(&window).with(") AS t", []),
                    Sql::text("TRUE"),
                )
            }
            Reach::Among(ids) => {
                let few = select.with("(SELECT DISTINCT id FROM (", []).then(ids);
                (
                    few.with(") AS found) AS f CROSS JOIN user_terms t", []),
                    Sql::text("t.user_id = f.id AND ").then(&self.words()),
                )
            }
        };
        from.with(" CROSS JOIN users u WHERE u.id = t.user_id AND ", [])
            .then(&Sql::all([&words, &self.is_first_hit(), tests]))
            .with(&in_order_of_words(self.is_backward), [])
            .with(" LIMIT ?", [limit.into()])
    }

    /// Reads the next accounts of this part, up to the end of the window.
    fn read(&self, conn: &mut Conn, tests: &Sql, reach: &Reach, limit: i64) -> Result<Vec<User>> {
        let mut found: Vec<User> = Vec::new();
        for width in WINDOWS {
            found = self.page(tests, reach, width, limit).load(conn)?;
            let is_full = i64::try_from(found.len()).unwrap_or(limit) >= limit;
            if is_full || matches!(reach, Reach::Among(_)) {
                break;
            }
        }
        Ok(found)
    }

    /// Returns the last word of the window, if the window was full.
    fn last_word(&self, conn: &mut Conn) -> Result<Option<(UserId, String)>> {
        #[derive(QueryableByName)]
        struct Word {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            user_id: UserId,
            #[diesel(sql_type = diesel::sql_types::Text)]
            term: String,
        }
        let last = Sql::text("SELECT t.user_id, t.term FROM user_terms t WHERE ")
            .then(&self.words())
            .with(&in_order_of_words(self.is_backward), [])
            .with(" LIMIT 1 OFFSET ? - 1", [WINDOW.into()]);
        let words = last.load::<Word>(conn)?;
        Ok(words
            .into_iter()
            .next()
            .map(|word| (word.user_id, word.term)))
    }

    /// The account from which to continue after a full window: the last one listed by a word in it.
    fn window_end(&self) -> Sql {
        Sql::text("SELECT t.user_id AS id FROM (")
            .then(&self.window(WINDOW))
            .with(") AS t WHERE ", [])
            .then(&self.is_first_hit())
            .with(&in_order_of_words(!self.is_backward), [])
            .with(" LIMIT 1", [])
    }
}
