//! `frontdesk import-django`: imports the accounts of the Django app that the portal replaces.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Failure;
use crate::clock::UnixTime;
use crate::config::{self, DatabaseUrl};
use crate::db::describe;
use crate::import_django::{
    self, DjangoDatabase, ImportOutcome, Imported, Mode, Password, Summary,
};
use crate::text::push_escaped;

const HEADINGS: [&str; 9] = [
    "username",
    "name",
    "email",
    "active",
    "role",
    "last sign-in",
    "password",
    "permissions",
    "what happens",
];

type Line = [String; HEADINGS.len()];

/// Imports the accounts in the database at `database_url`, or prints what would happen.
pub fn run(database_url: &str, mode: Mode) -> Result<(), Failure> {
    let url = source_url(database_url)?;
    // This comes first, so that a wrong address does not create a database of our own.
    let mut source = DjangoDatabase::open(&url)?;
    let (db, clock) = super::migrated_database()?;
    let mut lines = Vec::new();
    let summary = import_django::import(&db, clock.now(), &mut source, mode, |imported| {
        if mode == Mode::DryRun {
            lines.push(line(imported));
        } else if let Some(problem) = problem(imported.outcome) {
            say!("{}: {problem}", printable(&imported.account.row.username));
        }
    })?;
    if mode == Mode::DryRun {
        print_table(&lines);
    }
    print_summary(&summary, &describe(&url), mode);
    Ok(())
}

/// Parses an address in the same way as `DATABASE_URL`.
fn source_url(text: &str) -> Result<DatabaseUrl, Failure> {
    if text.trim().is_empty() {
        return Err("the address of the app's database is empty".into());
    }
    let variables = HashMap::from([("DATABASE_URL".to_owned(), text.to_owned())]);
    Ok(config::database_url(&variables)?)
}

fn line(imported: &Imported<'_>) -> Line {
    let account = &imported.account;
    [
        printable(&account.row.username),
        printable(&account.first_name),
        printable(&account.email),
        if account.row.is_active { "yes" } else { "no" }.to_owned(),
        account.role().code().to_owned(),
        account.last_login.map_or_else(|| "never".to_owned(), day),
        match imported.password {
            Password::Kept => "kept",
            Password::None => "none",
            Password::Unusable => "unusable",
            Password::NotSupported => "kind not supported",
        }
        .to_owned(),
        account.permissions.len().to_string(),
        match imported.outcome {
            ImportOutcome::New => "new account".to_owned(),
            ImportOutcome::AlreadyImported => "nothing: imported before".to_owned(),
            ImportOutcome::NameTaken | ImportOutcome::Refused(_) => {
                format!("nothing: {}", problem(imported.outcome).unwrap_or_default())
            }
        },
    ]
}

/// The reason why an account was left out, unless it was already imported.
const fn problem(outcome: ImportOutcome) -> Option<&'static str> {
    match outcome {
        ImportOutcome::New | ImportOutcome::AlreadyImported => None,
        ImportOutcome::NameTaken => Some("an account with that name already exists"),
        ImportOutcome::Refused(why) => Some(why),
    }
}

fn day(time: UnixTime) -> String {
    Timestamp::from_microsecond(time.0).map_or_else(
        |_| "?".to_owned(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}

/// Puts a text from elsewhere on one line, without control characters; `-` if there is none.
fn printable(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    let mut shown = String::new();
    push_escaped(&mut shown, text);
    shown
}

fn print_table(lines: &[Line]) {
    let mut widths = HEADINGS.map(width);
    for line in lines {
        for (widest, cell) in widths.iter_mut().zip(line) {
            *widest = width(cell).max(*widest);
        }
    }
    say!("{}", aligned(&HEADINGS, &widths));
    for line in lines {
        say!("{}", aligned(line, &widths));
    }
    say!();
}

fn aligned<T: AsRef<str>>(cells: &[T], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, widest) in cells.iter().zip(widths) {
        let cell = cell.as_ref();
        text.push_str(cell);
        text.push_str(&" ".repeat(widest.saturating_sub(width(cell)) + 2));
    }
    text.truncate(text.trim_end().len());
    text
}

/// The number of terminal columns that a text takes: a Chinese character takes two.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
            '\u{1100}'..='\u{115f}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe4f}'
            | '\u{ff00}'..='\u{ff60}'
            | '\u{ffe0}'..='\u{ffe6}'
            | '\u{1f300}'..='\u{1faff}'
            | '\u{20000}'..='\u{3ffff}' => 2,
            _ => 1,
        })
        .sum()
}

fn print_summary(summary: &Summary, database: &str, mode: Mode) {
    let (new, total) = (summary.new, summary.total());
    let were = match mode {
        Mode::DryRun => "would be",
        Mode::Import => "were",
    };
    say!("{new} of {total} accounts in {database} {were} imported:");
    say!("  {:>6} keep their password", summary.with_password);
    say!("  {:>6} have no password here", new - summary.with_password);
    say!("and left as they are:");
    say!("  {:>6} imported before", summary.already);
    say!(
        "  {:>6} whose name is already in use here",
        summary.name_taken
    );
    say!("  {:>6} refused", summary.refused);
    say!();
    if mode == Mode::DryRun {
        say!("Nothing was changed. Run it without --dry-run to import them.");
    }
    say!(
        "The company sign-in refuses an imported name until FRONTDESK_ADOPT_IMPORTED=on is set.\n\
         With it, a person's first company sign-in is linked to their imported account, whose old\n\
         password then stops working. Accounts with a role, and inactive ones, are never adopted."
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_in_every_script() {
        let widths = [width("王小明"), width("x"), 1];
        assert_eq!(widths, [6, 1, 1]);
        assert_eq!(aligned(&["王小明", "x", "y"], &widths), "王小明  x  y");
        assert_eq!(aligned(&["anna", "x", "y"], &widths), "anna    x  y");
        assert_eq!(aligned(&["e\u{301}", "", ""], &widths), "e\u{301}");
    }

    #[test]
    fn what_is_printed_has_no_power_over_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(printable("a\nb\u{202e}"), "a\\u{a}b\\u{202e}");
        assert_eq!(printable(""), "-");
        assert_eq!(printable("王伟"), "王伟");
    }

    #[test]
    fn an_address_is_read_as_the_setting_is() {
        for path in ["db.sqlite3", "sqlite:///srv/db"] {
            assert!(matches!(source_url(path), Ok(DatabaseUrl::Sqlite(_))));
        }
        let url = source_url("postgres://app@db.example.com/app");
        assert!(matches!(url, Ok(DatabaseUrl::Postgres(_))));
        assert!(source_url(" ").is_err());
        assert!(source_url("mysql://app@db/app").is_err());
    }

    #[test]
    fn a_day_is_written_as_a_date() {
        assert_eq!(day(UnixTime(1_551_675_967_891_011)), "2019-03-04");
        assert_eq!(day(UnixTime(0)), "1970-01-01");
    }
}
