//! `frontdesk apps`: apps for scripts, and as a file.

mod difference;
mod import;

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Failure, existing_database};
use crate::admin::apps::AppRefusal;
use crate::apps::file::{store, write};
use crate::apps::{self, App, Category, both_names, grants, owners};
use crate::clock::UnixTime;
use crate::db::{Conn, Db};
use crate::error::Error;
use crate::i18n::rfc3339;
use crate::id::CategoryId;

/// Exit statuses besides 0 (done, or nothing to change), 1 (failed) and 2 (wrong usage).
const NO_SUCH_APP: u8 = 3;
const REFUSED: u8 = 4;

#[derive(Args)]
pub struct Apps {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List all apps in the order of the start page
    List {
        #[arg(long)]
        json: bool,
    },
    /// Show one app: texts, rule, owners, grants
    Show {
        key: String,
        #[arg(long)]
        json: bool,
    },
    /// Print all categories and apps as a file for `import`; grants are not in it
    Export,
    /// Add and change apps as a file says, after showing what would change
    Import(Import),
}

#[derive(Args)]
struct Import {
    /// A file as `export` prints it
    file: PathBuf,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Remove the apps and categories that the file does not name
    #[arg(long)]
    prune: bool,
}

pub fn run(apps: Apps) -> Result<(), Failure> {
    let (db, clock) = existing_database()?;
    match apps.command {
        Command::List { json } => print_list(&db, json),
        Command::Show { key, json } => show(&db, clock.now(), &key, json),
        Command::Export => export(&db),
        Command::Import(import) => import::run(&db, &clock, &import),
    }
}

fn print_list(db: &Db, is_json: bool) -> Result<(), Failure> {
    let (all, categories) =
        db.read_blocking(|conn| Ok((apps::list(conn)?, apps::categories(conn)?)))?;
    if is_json {
        let all: Vec<Value> = all.iter().map(|app| app_json(app, &categories)).collect();
        say!("{}", json!({ "apps": all }));
        return Ok(());
    }
    for app in &all {
        let fields = &app.fields;
        let category = find_category(&categories, fields.category_id);
        let state = if fields.is_hidden { "hidden" } else { "shown" };
        say!(
            "{}\t{}\t{}\t{}\t{state}\t{}",
            app.key,
            both_names(&fields.name_en, &fields.name_zh),
            category.map_or_else(String::new, |one| both_names(&one.name_en, &one.name_zh)),
            fields.rule.audience.code(),
            fields.url
        );
    }
    Ok(())
}

fn find_category(categories: &[Category], id: Option<CategoryId>) -> Option<&Category> {
    categories.iter().find(|category| Some(category.id) == id)
}

fn app_json(app: &App, categories: &[Category]) -> Value {
    let fields = &app.fields;
    let category = find_category(categories, fields.category_id);
    json!({
        "id": app.id.to_string(),
        "key": app.key,
        "name_en": fields.name_en,
        "name_zh": fields.name_zh,
        "description_en": fields.description_en,
        "description_zh": fields.description_zh,
        "url": fields.url,
        "category": category.map(|one| json!({ "name_en": one.name_en, "name_zh": one.name_zh })),
        "icon": fields.icon.code(),
        "image": fields.image,
        "tint": fields.tint,
        "rule": {
            "audience": fields.rule.audience.code(),
            "any_of": fields.rule.any_of,
            "but_not": fields.rule.but_not,
        },
        "hidden": fields.is_hidden,
        "askable": fields.is_requestable,
        "keywords": fields.keywords,
        "note": fields.note,
        "changed_at": rfc3339(app.changed_at, &jiff::tz::TimeZone::UTC),
        "changed_by": app.changed_by().text(),
        "changed_by_id": app.changed_by().id().map(|id| id.to_string()),
    })
}

fn show(db: &Db, now: UnixTime, key: &str, is_json: bool) -> Result<(), Failure> {
    let found = db.read_blocking(|conn| match apps::find(conn, key)? {
        Some(app) => whole_json(conn, now, &app).map(Some),
        None => Ok(None),
    })?;
    let Some(document) = found else {
        eprintln!(
            "frontdesk: {}: {}",
            key.escape_debug(),
            AppRefusal::UnknownApp
        );
        return Err(Failure::Status(NO_SUCH_APP));
    };
    if is_json {
        say!("{document}");
        return Ok(());
    }
    for (name, value) in document.as_object().into_iter().flatten() {
        match value {
            Value::Array(items) => {
                say!("{name}: {}", items.len());
                for item in items {
                    say!("  {item}");
                }
            }
            // A note may have several lines.
            Value::String(text) if !text.contains(char::is_control) => say!("{name}: {text}"),
            other => say!("{name}: {other}"),
        }
    }
    Ok(())
}

/// An app with its owners, and how many grants and requests it has.
fn whole_json(conn: &mut Conn, now: UnixTime, app: &App) -> Result<Value, Error> {
    let categories = apps::categories(conn)?;
    let owners = owners::of_app(conn, app.id)?;
    let owners = owners.iter().map(|owner| {
        json!({
            "username": owner.username,
            "first_name": owner.first_name,
            "is_active": owner.is_active,
        })
    });
    let mut document = app_json(app, &categories);
    if let Some(members) = document.as_object_mut() {
        members.insert("owners".to_owned(), owners.collect());
        let grants = grants::count_running(conn, now, app.id)?;
        members.insert("grants".to_owned(), grants.into());
        let requests = store::count_open_requests(conn, app.id)?;
        members.insert("open_requests".to_owned(), requests.into());
    }
    Ok(document)
}

/// Prints the file. Unlike a list, it must not end early without anybody noticing.
fn export(db: &Db) -> Result<(), Failure> {
    let file = db.read_blocking(store::everything)?;
    let mut out = std::io::stdout().lock();
    out.write_all(write(&file).as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("the file cannot be written: {error}"))?;
    Ok(())
}
