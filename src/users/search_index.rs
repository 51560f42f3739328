//! The words by which an account is found, written with the account and read by prefix. Two Chinese
//! characters are too few for the databases' own text search.

use diesel::prelude::*;

use crate::db::schema::{user_terms, users};
use crate::db::{Conn, each};
use crate::error::Result;
use crate::id::UserId;

/// The longest word, in characters; longer ones are cut.
const MAX_TERM: usize = 64;
/// The most inner words per account. Even the longest real names have fewer.
const MAX_INNER: usize = 24;

/// Normalizes a text for comparison: lower case, single spaces, cut to length.
pub fn normalize(text: &str) -> String {
    let lower = text.to_lowercase();
    let spaced: Vec<&str> = lower.split_whitespace().collect();
    spaced.join(" ").chars().take(MAX_TERM).collect()
}

/// Returns a text that sorts after every word with this `prefix`, in byte order.
pub fn end_of(prefix: &str) -> String {
    format!("{prefix}\u{10ffff}")
}

/// The words of an account: whole texts, and the texts that start at each inner word of its name.
fn terms(username: &str, first_name: &str, email: &str) -> (Vec<String>, Vec<String>) {
    let name = normalize(first_name);
    let mut whole = vec![normalize(username), name.clone(), normalize(email)];
    let mut inner = Vec::new();
    let mut previous = None;
    for (at, c) in name.char_indices() {
        let is_beginning = previous.is_some_and(|previous: char| {
            c.is_alphanumeric() && (!previous.is_alphanumeric() || is_han(c) || is_han(previous))
        });
        if is_beginning && let Some(rest) = name.get(at..) {
            inner.push(rest.to_owned());
        }
        previous = Some(c);
    }
    inner.truncate(MAX_INNER);
    for words in [&mut whole, &mut inner] {
        words.retain(|word| !word.is_empty());
        words.sort_unstable();
        words.dedup();
    }
    (whole, inner)
}

/// The words of an account, and whether each is inside a name.
pub fn of(username: &str, first_name: &str, email: &str) -> Vec<(bool, String)> {
    let (whole, inner) = terms(username, first_name, email);
    let whole = whole.into_iter().map(|term| (false, term));
    whole
        .chain(inner.into_iter().map(|term| (true, term)))
        .collect()
}

/// Returns whether a character is Chinese: each one begins a word.
pub const fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[derive(Insertable)]
#[diesel(table_name = user_terms)]
struct NewTerm {
    user_id: UserId,
    is_inner: bool,
    term: String,
}

/// Makes an account findable by its current names.
pub fn write(
    conn: &mut Conn,
    user_id: UserId,
    username: &str,
    first_name: &str,
    email: &str,
) -> Result<()> {
    diesel::delete(user_terms::table.filter(user_terms::user_id.eq(user_id))).execute(conn)?;
    insert(conn, user_id, username, first_name, email)?;
    diesel::update(users::table.find(user_id))
        .set(users::is_searchable.eq(true))
        .execute(conn)?;
    Ok(())
}

/// Inserts the words of a new account whose row already says that it has them.
pub fn insert(
    conn: &mut Conn,
    user_id: UserId,
    username: &str,
    first_name: &str,
    email: &str,
) -> Result<()> {
    let rows: Vec<NewTerm> = of(username, first_name, email)
        .into_iter()
        .map(|(is_inner, term)| NewTerm {
            user_id,
            is_inner,
            term,
        })
        .collect();
    each!(conn, |c| diesel::insert_into(user_terms::table)
        .values(&rows)
        .execute(c))?;
    Ok(())
}

/// Makes up to `limit` accounts findable that were stored before there were words, and returns how
/// many.
pub fn catch_up(conn: &mut Conn, limit: i64) -> Result<usize> {
    let missing: Vec<UserId> = users::table
        .filter(users::is_searchable.eq(false))
        .order(users::id)
        .limit(limit)
        .select(users::id)
        .load(conn)?;
    for id in &missing {
        // A sign-in may be renaming the account at this moment.
        if let Some(user) = super::lock(conn, *id)? {
            write(conn, *id, &user.username, &user.first_name, &user.email)?;
        }
    }
    Ok(missing.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chinese_name_is_found_from_each_of_its_characters_on() {
        let (whole, inner) = terms("wangxiaoming", "王小明", "Wang@Example.com");
        assert_eq!(whole, ["wang@example.com", "wangxiaoming", "王小明"]);
        assert_eq!(inner, ["小明", "明"]);
    }

    #[test]
    fn a_latin_name_is_found_from_each_of_its_words_on() {
        let (whole, inner) = terms("al", "Amelia  Grace O'Hart-Lee", "");
        assert_eq!(whole, ["al", "amelia grace o'hart-lee"]);
        assert_eq!(inner, ["grace o'hart-lee", "hart-lee", "lee", "o'hart-lee"]);
    }

    #[test]
    fn mixed_names_and_long_ones_stay_bounded() {
        let (_, inner) = terms("a", "阿依古丽·买买提 Aygul", "");
        assert!(inner.contains(&"买买提 aygul".to_owned()) && inner.contains(&"aygul".to_owned()));
        let (whole, inner) = terms(&"x".repeat(150), &"李".repeat(150), &"e".repeat(254));
        assert!(inner.len() <= MAX_INNER);
        assert!(whole.iter().all(|term| term.chars().count() <= MAX_TERM));
    }
}
