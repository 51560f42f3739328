//! The commands. Each reads its settings, does one thing, and prints at most one error.

/// Like `println!`, for readers that may stop early, like `head`.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _reader_gone = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod apps;
mod check;
mod demo;
mod import_django;
mod init;
mod rekey;
mod requests;
mod users;
mod why;

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::admin::{Admin, ChangedPassword};
use crate::clock::Clock;
use crate::config::{self, DatabaseUrl, OPTIONS, Settings};
use crate::db::Db;
use crate::error::{Error, Stopped};
use crate::import_django::Mode;
use crate::secret::{Keys, Secret, random_token};
use crate::signin::one_time_link::{Draft, LinkFor};
use crate::users::Role;
use crate::{Server, admin, logging, passwords};

/// The exit status of a failure without one of its own.
const FAILED: u8 = 1;

/// The sign-in front desk of a company.
#[derive(Parser)]
#[command(name = "frontdesk", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try everything on this machine: portal, demo provider, SQLite; no set-up needed
    Demo,
    /// Run the portal from settings
    Serve,
    /// Apply pending migrations to the database (`serve` does so too)
    Migrate,
    /// Set up a new portal: ask a few questions, write .env, and print what to do next
    Init(Box<init::Init>),
    /// Check settings, database and providers, and say how to fix what is wrong
    Check,
    /// Print a new `SECRET_KEY`
    SecretKey,
    /// Set the role of an account, e.g. to make the company's first admin
    Promote {
        username: String,
        #[command(flatten)]
        role: RoleArgument,
    },
    /// Create a local admin account
    Createsuperuser {
        username: String,
        #[arg(long, default_value = "")]
        email: String,
        /// Read the password from standard input instead of asking on the terminal
        #[arg(long)]
        password_stdin: bool,
    },
    /// Change the password of a local account; for any other, set the confirmation password, which
    /// proves who its owner is and cannot be used to sign in
    Changepassword {
        username: String,
        /// Read the password from standard input instead of asking on the terminal
        #[arg(long)]
        password_stdin: bool,
    },
    /// Print an emergency sign-in link (rescue link): it works once, within 15 minutes
    Rescue { username: String },
    /// List, show and change accounts, for scripts
    Users(users::Users),
    /// List and show apps, and keep them in a file: export and import
    Apps(apps::Apps),
    /// Say whether a person may open an app, and why or why not
    Why(why::Why),
    /// List and decide requests for access, where nobody can do so on a page
    Requests(requests::Requests),
    /// Import the accounts of a Django app from its database, which is only read
    ImportDjango {
        /// The app's database: a path, `sqlite://PATH` or `postgres://…`
        database_url: String,
        /// Print what would happen without changing anything
        #[arg(long)]
        dry_run: bool,
    },
    /// Move a provider's identities when its ID, or the field that identifies people, changes
    Rekey(rekey::Rekey),
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the man page
    Man,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct RoleArgument {
    /// Read-only admin: sees the admin area and changes nothing
    #[arg(long = "read-only-admin", visible_alias = "staff")]
    staff: bool,
    /// Admin
    #[arg(long = "admin", visible_alias = "superuser")]
    superuser: bool,
    /// No role set by hand
    #[arg(long)]
    none: bool,
}

impl RoleArgument {
    const fn role(&self) -> Role {
        if self.superuser {
            Role::Superuser
        } else if self.staff {
            Role::Staff
        } else {
            Role::Employee
        }
    }
}

/// Why a command failed.
enum Failure {
    /// To be printed for the person at the terminal.
    Reason(String),
    /// Everything has been said already. This is the exit status.
    Status(u8),
}

impl<T: fmt::Display> From<T> for Failure {
    fn from(reason: T) -> Self {
        Self::Reason(reason.to_string())
    }
}

impl From<Stopped<admin::Refusal>> for Failure {
    fn from(stopped: Stopped<admin::Refusal>) -> Self {
        match stopped {
            Stopped::Refused(refusal) => refusal.into(),
            Stopped::Failed(error) => error.into(),
        }
    }
}

/// Parses the command line and runs the command. Returns the process's exit status.
pub fn main() -> ExitCode {
    let matches = command_line().get_matches();
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Status(status)) => ExitCode::from(status),
        Err(Failure::Reason(reason)) => {
            eprintln!("frontdesk: {reason}");
            ExitCode::from(FAILED)
        }
    }
}

fn settings_help() -> String {
    let mut text = String::from(
        "Settings (environment variables, or a .env file in the working directory;\n\
         a secret NAME can also be given as a file by NAME_FILE):\n",
    );
    for option in OPTIONS {
        let default = option.default.to_string();
        let line = ["\n      ", option.meaning, " [", &default, "]\n"];
        text.extend(["  ", option.name].into_iter().chain(line));
    }
    text
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo => demo::run(),
        Command::Serve => serve(),
        Command::Migrate => migrate(),
        Command::Check => check::run(&config::environment()?),
        Command::SecretKey => {
            say!("{}", random_token().map_err(Error::from)?);
            Ok(())
        }
        Command::Promote { username, role } => promote(&username, role.role()),
        Command::Createsuperuser {
            username,
            email,
            password_stdin,
        } => {
            let (db, _) = migrated_database()?;
            admin::check_new_account(&username, &email)?;
            let hash = new_password(password_stdin, &username)?;
            create_superuser(&db, &username, &email, &hash)
        }
        Command::Changepassword {
            username,
            password_stdin,
        } => change_password(&username, password_stdin),
        Command::Init(init) => init::run(&init),
        Command::Rescue { username } => rescue(&username),
        Command::Users(command) => users::run(command),
        Command::Apps(command) => apps::run(command),
        Command::Why(why) => why::run(&why),
        Command::Requests(command) => requests::run(command),
        Command::ImportDjango {
            database_url,
            dry_run,
        } => {
            let mode = if dry_run { Mode::DryRun } else { Mode::Import };
            import_django::run(&database_url, mode)
        }
        Command::Rekey(rekey) => rekey::run(&rekey),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command_line(), "frontdesk", &mut text);
            say!("{}", String::from_utf8_lossy(&text));
            Ok(())
        }
        Command::Man => man(),
    }
}

/// Prints a link for the day when a person cannot sign in in any other way.
fn rescue(username: &str) -> Result<(), Failure> {
    let settings = Settings::parse(&config::environment()?)?;
    logging::start(&settings.log().only("warn"));
    refuse_missing(&settings.database)?;
    let db = Db::open(&settings.database)?;
    db.migrate()?;
    let now = Clock::default().now();
    let draft = Draft::new(LinkFor::Rescue)?;
    let user_id = admin::make_rescue_link(&db, now, &Admin::command_line(), username, &draft.id)?;
    let keys = Keys::new(&settings.secret_key, None);
    let link = draft.address(&keys, now, user_id, &settings.public_url.origin)?;
    say!("{}", link.expose());
    say!("\nAnyone who opens this link signs in as {username}. It works once, within 15 minutes.");
    Ok(())
}

/// The whole command line, with the settings under its help.
fn command_line() -> clap::Command {
    Arguments::command().after_help(settings_help())
}

fn man() -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command_line())
        .render(&mut page)
        .map_err(|error| format!("the manual page cannot be written: {error}"))?;
    say!("{}", String::from_utf8_lossy(&page));
    Ok(())
}

fn serve() -> Result<(), Failure> {
    let variables = config::environment()?;
    let settings = Settings::parse(&variables)?;
    logging::start(&settings.log());
    for (name, option) in config::near_misses(&variables) {
        log::warn!(event = "settings"; "{name} is set but is not a setting; did you mean {option}?");
    }
    for provider in settings.providers.iter().filter(|provider| !provider.pkce) {
        let name = provider.source.name("pkce");
        log::warn!(event = "settings"; "{name} is off: anyone who steals an authorization code can use it");
    }
    actix_web::rt::System::new().block_on(async {
        let server = Server::build(settings, Clock::default())?;
        Ok(server.run().await?)
    })
}

fn migrate() -> Result<(), Failure> {
    let (db, _) = database()?;
    match db.migrate()? {
        0 => say!("{}: up to date", db.describe()),
        1 => say!("{}: 1 migration applied", db.describe()),
        applied => say!("{}: {applied} migrations applied", db.describe()),
    }
    Ok(())
}

fn create_superuser(db: &Db, username: &str, email: &str, hash: &str) -> Result<(), Failure> {
    let (now, admin) = (Clock::default().now(), Admin::command_line());
    admin::create_superuser(db, now, &admin, username, email, hash)?;
    say!("{username} is an admin.");
    Ok(())
}

fn change_password(username: &str, from_stdin: bool) -> Result<(), Failure> {
    let (db, clock) = existing_database()?;
    let hash = new_password(from_stdin, username)?;
    match admin::change_password(&db, clock.now(), &Admin::command_line(), username, &hash)? {
        ChangedPassword::Local => say!("The password of {username} has been changed."),
        ChangedPassword::Confirmation => say!(
            "{username} has no local password, so this is now their confirmation password. They are asked\nfor it before actions that could do lasting harm; it cannot be used to sign in."
        ),
    }
    Ok(())
}

fn promote(username: &str, role: Role) -> Result<(), Failure> {
    let (db, clock) = existing_database()?;
    let before =
        admin::set_role_by_username(&db, clock.now(), &Admin::command_line(), username, role)?;
    let word = match role {
        Role::Superuser => "an admin",
        Role::Staff => "a read-only admin",
        Role::Employee => "without a role set by hand",
    };
    let already = if before == role { " already" } else { "" };
    say!("{username} is{already} {word}.");
    Ok(())
}

fn database() -> Result<(Db, Clock), Failure> {
    let variables: HashMap<String, String> = config::environment()?;
    logging::start(&config::log_settings(&variables)?.only("warn"));
    let url = config::database_url(&variables)?;
    Ok((Db::open(&url)?, Clock::default()))
}

fn existing_database() -> Result<(Db, Clock), Failure> {
    refuse_missing(&config::database_url(&config::environment()?)?)?;
    migrated_database()
}

/// Fails if the database does not exist, for commands about existing accounts.
fn refuse_missing(url: &DatabaseUrl) -> Result<(), Failure> {
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        return Err(format!(
            "{} does not exist (DATABASE_URL): run this in the directory and with the settings of `serve`",
            crate::db::describe(url)
        ).into());
    }
    Ok(())
}

fn migrated_database() -> Result<(Db, Clock), Failure> {
    let (db, clock) = database()?;
    db.migrate()?;
    Ok((db, clock))
}

/// Asks twice on a terminal, or reads one line from standard input.
fn new_password(from_stdin: bool, username: &str) -> Result<String, Failure> {
    let read = |error: std::io::Error| format!("the password cannot be read: {error}");
    let password = if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(read)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    } else if std::io::stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ").map_err(read)?;
        let second = rpassword::prompt_password("Password (again): ").map_err(read)?;
        if first != second {
            return Err("the two passwords do not match".into());
        }
        first
    } else {
        return Err("there is no terminal to ask for a password; use --password-stdin".into());
    };
    let password = Secret::new(password);
    passwords::check_strength(&password, username)?;
    Ok(passwords::hash(&password)?)
}
