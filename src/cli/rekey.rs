//! `frontdesk rekey`: moves a provider's people to another id, or to other subjects.

use super::Failure;
use crate::config::{self, Settings};
use crate::db::Db;
use crate::rekey::{self, Moved};
use crate::users::provider_keys;

/// What is to be moved.
#[derive(clap::Args)]
pub struct Rekey {
    /// The ID under which the provider's identities are stored
    provider: String,
    /// Its new ID
    #[arg(required_unless_present = "subjects", conflicts_with = "subjects")]
    to: Option<String>,
    /// A CSV file with two columns, the old and the new subject (sub) of each person
    #[arg(long, value_name = "FILE")]
    subjects: Option<std::path::PathBuf>,
    /// Print what would happen without changing anything
    #[arg(long)]
    dry_run: bool,
}

pub fn run(rekey: &Rekey) -> Result<(), Failure> {
    let (db, clock) = super::existing_database()?;
    let now = clock.now();
    let moved = match (&rekey.subjects, &rekey.to) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            let pairs = pairs(&text)?;
            let settings = Settings::parse(&config::environment()?)?;
            let mut providers = settings.providers.iter();
            let provider = providers
                .find(|provider| provider.id == rekey.provider)
                .ok_or_else(|| format!("the settings have no provider {}", rekey.provider))?;
            let pointer = provider.mapping.subject.text();
            rekey::to_subjects(&db, now, &rekey.provider, &pairs, &pointer, rekey.dry_run)?
        }
        (None, Some(to)) if to == &rekey.provider || !config::is_provider_id(to) => {
            return Err(format!(
                "{to:?} cannot be the new ID: it must be a different one, of lower-case letters, digits, - and _"
            ).into());
        }
        (None, Some(to)) => {
            check_new_id(&db, &rekey.provider, to)?;
            rekey::to_id(&db, now, &rekey.provider, to, rekey.dry_run)?
        }
        (None, None) => return Ok(()),
    };
    tell(&db, &moved, rekey.dry_run)
}

/// Checks that the new id is free. With a typing mistake, people of one provider would become those
/// of another, where the same subjects belong to other people.
fn check_new_id(db: &Db, from: &str, to: &str) -> Result<(), Failure> {
    let people = db.read_blocking(|conn| provider_keys::count(conn, to))?;
    let variables = config::environment().ok();
    let settings = variables.and_then(|variables| Settings::parse(&variables).ok());
    let is_set = |id: &str| {
        let providers = settings.as_ref().map(|settings| &settings.providers);
        providers.map(|all| all.iter().any(|one| one.id == id))
    };
    if people > 0 && is_set(from) == Some(true) {
        return Err(format!(
            "the settings have {from}, and {to} has people of its own: {people}. If those of {from} are to join them, remove {from} from the settings first"
        ).into());
    }
    if people > 0 {
        say!("warning: {to} already has people of its own: {people}");
    }
    if is_set(to) == Some(false) {
        say!("warning: the settings have no provider {to}");
    }
    Ok(())
}

fn tell(db: &Db, moved: &Moved, is_dry_run: bool) -> Result<(), Failure> {
    for subject in &moved.unknown {
        say!("nobody has the subject {subject:?}");
    }
    if moved.left > 0 {
        say!("{} people of the provider are not in the list", moved.left);
    }
    if !moved.clashes.is_empty() {
        for subject in &moved.clashes {
            say!("{subject:?} already belongs to another person, or is not a valid subject");
        }
        return Err("nobody was moved".into());
    }
    match (is_dry_run, moved.people) {
        (_, 0) => {
            let ids = db.read_blocking(provider_keys::ids)?.join(", ");
            return Err(format!("there is nobody to move; people are stored under: {ids}").into());
        }
        (true, people) => say!("To be moved: {people}. Nothing was changed."),
        (false, people) => say!("Moved: {people}."),
    }
    Ok(())
}

/// Reads pairs of old and new subjects; a header is optional.
fn pairs(text: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut pairs = Vec::new();
    let lines = text.lines().enumerate();
    for (place, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let fields = crate::csv::fields(line);
        match fields.as_slice() {
            [old, new] if !old.is_empty() && !new.trim().is_empty() => {
                pairs.push((old.clone(), new.clone()));
            }
            _ => {
                return Err(format!(
                    "line {} must have two columns: old subject, new subject",
                    place + 1
                )
                .into());
            }
        }
    }
    Ok(pairs)
}
