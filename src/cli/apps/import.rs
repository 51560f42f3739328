//! `frontdesk apps import`.

use std::path::Path;

use super::difference::Shown;
use super::{Import, REFUSED};
use crate::admin::Admin;
use crate::admin::apps::AppRefusal;
use crate::admin::apps::import::{Imported, Plan, Unlisted, faults, import, plan};
use crate::apps::file::{AppsFile, END, FileFault, read};
use crate::cli::Failure;
use crate::clock::Clock;
use crate::config::{self, PermissionSettings};
use crate::db::Db;
use crate::error::{Error, Stopped};
use crate::permissions::PermissionSources;

/// More than all apps with their images need.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

pub(super) fn run(db: &Db, clock: &Clock, command: &Import) -> Result<(), Failure> {
    let sources: PermissionSources = PermissionSettings::of(&config::environment()?)?.into();
    let unlisted = if command.prune {
        Unlisted::Prune
    } else {
        Unlisted::Keep
    };
    let name = command.file.display().to_string();
    let text = text_of(&command.file)?;
    let (file, mut found) = read(&text);
    found.extend(db.read_blocking(|conn| faults(conn, &file, unlisted))?);
    refuse_faults(&name, found)?;
    if unlisted == Unlisted::Prune {
        refuse_to_prune(&name, &file)?;
    }
    let now = clock.now();
    let (plan, shown) = db.read_blocking(|conn| {
        let plan = plan(conn, now, &file, unlisted)?;
        let shown = Shown::read(conn, &sources, now, &file, &plan)?;
        Ok((plan, shown))
    })?;
    shown.print(&file, &plan);
    if plan.is_empty() {
        return Ok(());
    }
    if command.dry_run {
        say!("Nothing has been changed (--dry-run).");
        return Ok(());
    }
    perform(db, clock, (&file, unlisted), &plan)
}

fn perform(
    db: &Db,
    clock: &Clock,
    file: (&AppsFile, Unlisted),
    plan: &Plan,
) -> Result<(), Failure> {
    let admin = Admin::command_line();
    // A refusal must undo what came before it.
    let as_error = |stopped: Stopped<AppRefusal>| match stopped {
        Stopped::Refused(refusal) => Error::Internal(refusal.to_string()),
        Stopped::Failed(error) => error,
    };
    let imported =
        db.write_blocking(|conn| import(conn, clock.now(), &admin, file, plan).map_err(as_error))?;
    match imported {
        Imported::Done => {
            say!("Done.");
            Ok(())
        }
        Imported::ChangedMeanwhile => {
            eprintln!(
                "frontdesk: an app was changed while this was shown; nothing was imported, run it again"
            );
            Err(Failure::Status(REFUSED))
        }
    }
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let name = path.display();
    let cannot = |error: std::io::Error| format!("{name} cannot be read: {error}");
    let length = std::fs::metadata(path).map_err(cannot)?.len();
    if length > MAX_BYTES {
        return Err(format!("{name} is too large to be a file of apps").into());
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().iter().take(valid);
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        format!("{name}, line {line}: this is not UTF-8")
    })?;
    Ok(text)
}

/// Prints all faults by line.
fn refuse_faults(name: &str, mut faults: Vec<FileFault>) -> Result<(), Failure> {
    if faults.is_empty() {
        return Ok(());
    }
    faults.sort();
    for FileFault { line, problem } in &faults {
        eprintln!("{name}, line {line}: {problem}");
    }
    let count = match faults.len() {
        1 => "1 fault".to_owned(),
        count => format!("{count} faults"),
    };
    eprintln!("frontdesk: {name} has {count}; nothing was imported");
    Err(Failure::Status(REFUSED))
}

/// A file that is empty or was cut off must not remove apps.
fn refuse_to_prune(name: &str, file: &AppsFile) -> Result<(), Failure> {
    let problem = if file.apps.is_empty() {
        "has no apps, so --prune would remove all of them".to_owned()
    } else if !file.is_whole {
        format!(
            "does not end with the line `{END}`, so it may have been cut off: add this line if it is whole"
        )
    } else {
        return Ok(());
    };
    eprintln!("frontdesk: {name} {problem}; nothing was imported");
    Err(Failure::Status(REFUSED))
}
