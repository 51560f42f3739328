//! `frontdesk init`: an operator's first day. Asks for the settings, writes `.env`, checks it,
//! creates the tables and the first superuser, and says what to do next.

mod answers;
mod env_file;
mod next_steps;
mod superuser;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::{Failure, create_superuser};
use crate::config::ENV_FILE as FILE;
use crate::config::{self, Settings};
use crate::db::Db;
use superuser::Superuser;

#[derive(Default, clap::Args)]
pub struct Init {
    /// How browsers reach this portal, e.g. `https://desk.example.com`
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The provider's `OpenID` Connect issuer, e.g. `https://id.example.com/realms/company`
    #[arg(long, value_name = "URL", conflicts_with = "authorize_url")]
    issuer: Option<String>,
    /// Without `OpenID` Connect: where the provider signs people in, e.g.
    /// `https://id.example.com/o/authorize/`
    #[arg(long, value_name = "URL")]
    authorize_url: Option<String>,
    /// The address at which this server reaches the provider (default: the origin of the authorize
    /// URL or of the issuer)
    #[arg(long, value_name = "URL")]
    internal_url: Option<String>,
    /// The client ID that the provider gave this portal
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A file with the client's secret, which is copied into `.env`
    #[arg(long, value_name = "PATH")]
    client_secret_file: Option<PathBuf>,
    /// Where permissions are read from, or `-` for none (default: internal URL +
    /// `/public-api/current_user/all_permissions`; with an issuer, none)
    #[arg(long, value_name = "URL")]
    permissions_url: Option<String>,
    /// The company's name, as the pages show it
    #[arg(long, value_name = "NAME")]
    company_name: Option<String>,
    /// How times are shown, e.g. `Asia/Shanghai` (default: `UTC`)
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// A path for SQLite, or `postgres://…` (default: `frontdesk.sqlite3`)
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Create a local admin, who can sign in while the provider is down
    #[arg(long = "admin", visible_alias = "superuser", value_name = "USERNAME")]
    superuser: Option<String>,
    /// The admin's email address
    #[arg(long, requires = "superuser")]
    email: Option<String>,
    /// Read the admin's password from standard input instead of asking on the terminal
    #[arg(long, requires = "superuser")]
    password_stdin: bool,
    /// Ask nothing: everything that is not given takes its default
    #[arg(long)]
    yes: bool,
}

/// Where answers come from that are not given on the command line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Questions {
    /// The person at the terminal answers.
    Asked,
    /// The defaults apply.
    Skipped,
}

pub fn run(init: &Init) -> Result<(), Failure> {
    refuse_existing()?;
    let questions = if !init.yes && std::io::stdin().is_terminal() {
        Questions::Asked
    } else {
        Questions::Skipped
    };
    let variables = answers::collect(init, questions)?;
    let settings = Settings::parse(&variables)?;
    // This comes before anything is written, so that a refused password leaves nothing half done.
    let superuser = superuser::collect(init, questions)?;
    warn_of_environment(&variables)?;
    env_file::write(&env_file::text(&variables))?;
    say!("\n{FILE} is written; only you can read it.\n");

    let is_prepared = is_well(prepare(&settings, superuser.as_ref()));
    if !is_prepared {
        say!("Fix that, then run `frontdesk migrate`, which creates the tables, and");
        say!("`frontdesk createsuperuser USERNAME`, which creates a local admin.");
    }
    say!("");
    let is_checked = is_well(super::check::run(&variables));
    let superuser = superuser.filter(|_| is_prepared);
    next_steps::print(&settings, superuser.map(|new| new.username).as_deref());
    if is_checked && is_prepared {
        Ok(())
    } else {
        Err(format!("fix the faults above first: edit {FILE}, then run `frontdesk check`").into())
    }
}

fn refuse_existing() -> Result<(), Failure> {
    // A link that leads nowhere is in the way too.
    if Path::new(FILE).symlink_metadata().is_err() {
        return Ok(());
    }
    Err(format!(
        "{FILE} already exists, and init does not overwrite it. `frontdesk check` checks it; \
         to start again, move it away first"
    )
    .into())
}

/// Reports a failed step. The rest of the first day must go on.
fn is_well(result: Result<(), Failure>) -> bool {
    match result {
        Ok(()) => true,
        Err(Failure::Status(_)) => false,
        Err(Failure::Reason(reason)) => {
            eprintln!("frontdesk: {reason}");
            false
        }
    }
}

/// Reads one line, without the space around it. `hint` says what an empty line means.
fn ask(label: &str, hint: Option<&str>) -> Result<String, Failure> {
    let mut stdout = std::io::stdout();
    let _reader_gone = match hint {
        None => write!(stdout, "{label}: "),
        Some(hint) => write!(stdout, "{label} [{hint}]: "),
    };
    let _reader_gone = stdout.flush();
    let mut line = String::new();
    let length = std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| unreadable(&error))?;
    if length == 0 {
        return Err(
            "the input ended before all questions were answered; nothing was written".into(),
        );
    }
    Ok(line.trim().to_owned())
}

fn unreadable(error: &std::io::Error) -> String {
    format!("the answer cannot be read: {error}; nothing was written")
}

/// Warns about variables of the environment: they win over the file, and would quietly undo an
/// answer.
fn warn_of_environment(variables: &HashMap<String, String>) -> Result<(), Failure> {
    let environment = config::environment()?;
    let mut names: Vec<String> = Vec::new();
    for (name, value) in variables {
        let is_other = environment.get(name).is_some_and(|set| set != value);
        names.extend(is_other.then(|| name.clone()));
        let file_name = format!("{name}_FILE");
        names.extend(environment.contains_key(&file_name).then_some(file_name));
    }
    if !names.is_empty() {
        names.sort_unstable();
        say!(
            "\nwarning  environment: it also sets {}, which takes precedence over {FILE}; unset what is not intended",
            names.join(", ")
        );
    }
    Ok(())
}

/// Creates the tables and the superuser.
fn prepare(settings: &Settings, superuser: Option<&Superuser>) -> Result<(), Failure> {
    let db = Db::open(&settings.database)?;
    db.migrate()?;
    say!("{}: the tables are up to date.", db.describe());
    match superuser {
        Some(new) => create_superuser(&db, &new.username, &new.email, &new.password_hash),
        None => Ok(()),
    }
}
