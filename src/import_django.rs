//! Importing the accounts of a Django app. An account that exists here is never changed, so a
//! second run finds nothing to do.

mod account;
mod database;
pub mod django_hash;

pub use account::{ImportedAccount, count, foreign_hashes};
pub use database::DjangoDatabase;

use crate::audit::{About, Actor, Deed, Event};
use crate::clock::UnixTime;
use crate::db::{Conn, Db};
use crate::error::Result;
use crate::text::is_forbidden;
use crate::users::search_index::is_han;
use crate::users::{self, MAX_EMAIL, MAX_FIRST_NAME, MAX_USERNAME};
use database::DjangoUser;

/// Accounts per query.
const PAGE: i64 = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Import,
    /// Nothing is changed.
    DryRun,
}

/// The outcome for an account; in a dry run, the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    New,
    AlreadyImported,
    /// An account with this username exists here and was not imported.
    NameTaken,
    /// The reason why it cannot be an account here.
    Refused(&'static str),
}

/// How a password is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// The old password can be used here too.
    Kept,
    None,
    /// Django had marked the password as unusable.
    Unusable,
    /// The hash is of a kind that is not supported here.
    NotSupported,
}

/// An account as it would be stored, and its outcome.
pub struct Imported<'a> {
    pub account: ImportedAccount<'a>,
    pub password: Password,
    pub outcome: ImportOutcome,
}

/// The number of accounts of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub new: usize,
    /// New accounts whose old password is kept.
    pub with_password: usize,
    pub already: usize,
    pub name_taken: usize,
    pub refused: usize,
}

impl Summary {
    /// Returns how many accounts were looked at.
    pub const fn total(&self) -> usize {
        self.new + self.already + self.name_taken + self.refused
    }

    fn count(&mut self, imported: &Imported<'_>) {
        match imported.outcome {
            ImportOutcome::New => {
                self.new += 1;
                self.with_password += usize::from(imported.password == Password::Kept);
            }
            ImportOutcome::AlreadyImported => self.already += 1,
            ImportOutcome::NameTaken => self.name_taken += 1,
            ImportOutcome::Refused(_) => self.refused += 1,
        }
    }
}

/// Imports every account of `source` in its own transaction, and passes each to `each`. After a
/// failure the accounts before it are imported, and another run continues from there.
pub fn import(
    db: &Db,
    now: UnixTime,
    source: &mut DjangoDatabase,
    mode: Mode,
    mut each: impl FnMut(&Imported<'_>),
) -> Result<Summary> {
    let mut summary = Summary::default();
    let mut after_id = i64::MIN;
    loop {
        let page = source.page(after_id, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(summary);
        };
        after_id = last.row.id;
        for user in &page {
            let imported = import_one(db, now, user, mode)?;
            summary.count(&imported);
            each(&imported);
        }
    }
}

fn import_one<'a>(
    db: &Db,
    now: UnixTime,
    user: &'a DjangoUser,
    mode: Mode,
) -> Result<Imported<'a>> {
    let row = &user.row;
    let hash = row.password.expose().as_str();
    let password = password(hash);
    let first_name = shown_name(&row.first_name, &row.last_name);
    let within_reach = |time: UnixTime| time.max(UnixTime(0)).min(now);
    let account = ImportedAccount {
        row,
        first_name: fitting(&first_name, MAX_FIRST_NAME),
        email: fitting(&row.email, MAX_EMAIL),
        password: (password == Password::Kept).then_some(hash),
        date_joined: within_reach(user.date_joined),
        last_login: user.last_login.map(within_reach),
        permissions: &user.permissions,
    };
    let outcome = match why_refused(&row.username) {
        Some(why) => ImportOutcome::Refused(why),
        None => db.write_blocking(|conn| store(conn, now, &account, mode))?,
    };
    Ok(Imported {
        account,
        password,
        outcome,
    })
}

/// Stores the account and its event, unless an account with this name exists.
fn store(
    conn: &mut Conn,
    now: UnixTime,
    account: &ImportedAccount<'_>,
    mode: Mode,
) -> Result<ImportOutcome> {
    if account::was_imported(conn, &account.row.username)? {
        return Ok(ImportOutcome::AlreadyImported);
    }
    if users::find_by_username(conn, &account.row.username)?.is_some() {
        return Ok(ImportOutcome::NameTaken);
    }
    if mode == Mode::DryRun {
        return Ok(ImportOutcome::New);
    }
    let id = account.create(conn, now)?;
    let names = account.permissions.iter().map(|one| one.name.clone());
    let event = Event::AccountImported {
        permissions: names.collect(),
    };
    let about = About::Person(id, &account.row.username);
    Deed::from_nowhere(now, Actor::CommandLine).record(conn, about, &event)?;
    Ok(ImportOutcome::New)
}

fn why_refused(username: &str) -> Option<&'static str> {
    if username.trim().is_empty() {
        Some("the username is empty")
    } else if username.chars().count() > MAX_USERNAME {
        Some("the username is too long")
    } else if username.chars().any(is_forbidden) {
        Some("the username contains control characters")
    } else if users::reserved::is_reserved(username) {
        Some(
            "the username is reserved: the audit log uses it for entries that were not made by a person",
        )
    } else {
        None
    }
}

/// Classifies Django's password column, before anyone has typed a password.
fn password(stored: &str) -> Password {
    if stored.is_empty() {
        Password::None
    } else if stored.starts_with('!') {
        Password::Unusable
    } else if django_hash::is_usable(stored) {
        Password::Kept
    } else {
        Password::NotSupported
    }
}

/// Returns the single name that an account has here. In a Chinese name the family name comes first.
fn shown_name(first_name: &str, last_name: &str) -> String {
    let (first, last) = (first_name.trim(), last_name.trim());
    if first.is_empty() || last.is_empty() {
        format!("{first}{last}")
    } else if first.chars().chain(last.chars()).any(is_han) {
        format!("{last}{first}")
    } else {
        format!("{first} {last}")
    }
}

/// Returns the text if its column accepts it, or else an empty one: half an address is a different
/// address.
fn fitting(text: &str, longest: usize) -> String {
    let text = text.trim();
    if text.chars().count() > longest || text.chars().any(is_forbidden) {
        String::new()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shown_name_is_in_the_order_of_its_language() {
        for (first, last, shown) in [
            ("Anna", "Hart", "Anna Hart"),
            ("Anna", "", "Anna"),
            ("", "Hart", "Hart"),
            ("伟", "王", "王伟"),
            ("小明", "Ouyang", "Ouyang小明"),
            ("王伟", "", "王伟"),
            (" Anna ", " ", "Anna"),
            ("", "", ""),
        ] {
            assert_eq!(shown_name(first, last), shown);
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let (long, longest) = ("x".repeat(151), "李".repeat(150));
        assert_eq!(fitting(&long, 150), "");
        assert_eq!(fitting(&longest, 150), longest);
        assert_eq!(fitting("a\u{202e}b", 150), "");
        assert_eq!(fitting(" anna@example.com ", 254), "anna@example.com");
        assert_eq!(why_refused("anna"), None);
        for name in ["", "  ", "a\u{0}b", "a\u{202e}b", long.as_str()] {
            assert!(why_refused(name).is_some(), "{name:?}");
        }
    }

    #[test]
    fn passwords_are_told_apart_by_their_stored_form() {
        let kept = "pbkdf2_sha256$1000$uyQGXDP2qEeVGCWbAR4rZ8$d8wJaibZHrtsMbW3DIv569vaoxLvd1gv82f/kmXlHAE=";
        for (stored, expected) in [
            ("", Password::None),
            ("!", Password::Unusable),
            (
                "!x7Vq3kS0bT2nW8yZcAfEhJmPrUtXwY1d4G6iKoLs",
                Password::Unusable,
            ),
            (kept, Password::Kept),
            (
                "md5$salt$19cea41bef870821e462784bc96767d3",
                Password::NotSupported,
            ),
            ("plain text", Password::NotSupported),
        ] {
            assert_eq!(password(stored), expected, "{stored}");
        }
    }
}
