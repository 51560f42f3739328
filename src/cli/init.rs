//! `frontdesk init`: an operator's first day. Asks, writes `.env`, looks, makes the tables and the
//! first superuser, and says what to do next.

mod env_file;
mod next_steps;

use std::collections::HashMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use url::{Host, Url};

use super::Failure;
use crate::admin;
use crate::clock::Clock;
use crate::config::ENV_FILE as FILE;
use crate::config::{self, Settings};
use crate::db::Db;
use crate::error::Error;
use crate::secret::random_token;
use crate::text::is_refused;

const CALLBACK_PATH: &str = "/oauth2_callback/";
const PERMISSIONS_PATH: &str = "/public-api/current_user/all_permissions";
/// Where `serve` listens when nothing says otherwise.
const DEFAULT_LISTEN: &str = "127.0.0.1:8000";

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
    /// The client id that the provider gave this portal
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

pub fn run(init: &Init) -> Result<(), Failure> {
    refuse_existing()?;
    let asks = !init.yes && std::io::stdin().is_terminal();
    let variables = collect(init, asks)?;
    let settings = Settings::parse(&variables)?;
    // Before anything is written, so that a refused password leaves nothing half made.
    let superuser = superuser(init, asks)?;
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
    next_steps::print(
        &settings,
        superuser
            .as_ref()
            .map(|superuser| superuser.username.as_str()),
    );
    if is_checked && is_prepared {
        Ok(())
    } else {
        Err(Failure::Other(format!(
            "fix the faults above first: edit {FILE}, then run `frontdesk check`"
        )))
    }
}

fn refuse_existing() -> Result<(), Failure> {
    // A link that leads nowhere is in the way too.
    if Path::new(FILE).symlink_metadata().is_err() {
        return Ok(());
    }
    Err(Failure::Other(format!(
        "{FILE} already exists, and init does not overwrite it. `frontdesk check` checks it; \
         to start again, move it away first"
    )))
}

/// Whether a step went well. A step that did not must not take the rest of the first day away.
fn is_well(result: Result<(), Failure>) -> bool {
    match result {
        Ok(()) => true,
        Err(Failure::Said) => false,
        Err(failure) => {
            eprintln!("frontdesk: {failure}");
            false
        }
    }
}

// -- the answers --

struct Question {
    variable: &'static str,
    flag: &'static str,
    label: &'static str,
    why: &'static str,
    /// Can be left out, by nothing or by `-`.
    is_optional: bool,
}

const PUBLIC_URL: Question = Question {
    variable: "FRONTDESK_PUBLIC_URL",
    flag: "public-url",
    label: "Public address",
    why: "How browsers reach this portal, e.g. https://desk.example.com",
    is_optional: false,
};
const ISSUER: Question = Question {
    variable: "OAUTH2_ISSUER",
    flag: "issuer",
    label: "Issuer",
    why: "The provider's OpenID Connect issuer, e.g. https://id.example.com/realms/company;\n- if it only supports plain OAuth2.",
    is_optional: true,
};
const AUTHORIZE_URL: Question = Question {
    variable: "OAUTH2_AUTHORIZE_URL",
    flag: "authorize-url",
    label: "Sign-in address",
    why: "Where the provider signs people in, e.g. https://id.example.com/o/authorize/",
    is_optional: false,
};
const INTERNAL_URL: Question = Question {
    variable: "INTERNAL_URL_PREFIX",
    flag: "internal-url",
    label: "Internal address",
    why: "The address at which this server reaches the provider, for tokens and profiles.",
    is_optional: false,
};
const PERMISSIONS_URL: Question = Question {
    variable: "OAUTH2_USER_ALL_PERMISSIONS_URL",
    flag: "permissions-url",
    label: "Permissions address",
    why: "Where this server reads a person's permissions; - if the provider has none.",
    is_optional: true,
};
const CLIENT_ID: Question = Question {
    variable: "OAUTH2_CLIENT_ID",
    flag: "client-id",
    label: "Client id",
    why: "The client id that the provider gave this portal.",
    is_optional: false,
};
const COMPANY_NAME: Question = Question {
    variable: "FRONTDESK_COMPANY_NAME",
    flag: "company-name",
    label: "Company",
    why: "The company's name, as the pages show it.",
    is_optional: true,
};
const TIME_ZONE: Question = Question {
    variable: "FRONTDESK_TIME_ZONE",
    flag: "time-zone",
    label: "Time zone",
    why: "How times are shown, e.g. Asia/Shanghai.",
    is_optional: false,
};
const DATABASE_URL: Question = Question {
    variable: "DATABASE_URL",
    flag: "database-url",
    label: "Database",
    why: "Where the data is stored: a path for SQLite, or postgres://USER:PASSWORD@HOST/NAME.",
    is_optional: false,
};
const CLIENT_SECRET: &str = "OAUTH2_CLIENT_SECRET";

/// All variables of the file: from flags, from answers, or by default.
fn collect(init: &Init, asks: bool) -> Result<HashMap<String, String>, Failure> {
    if !asks {
        refuse_missing(init)?;
    }
    let mut answers = Answers {
        variables: HashMap::new(),
        asks,
    };
    answers.settle(&PUBLIC_URL, init.public_url.as_deref(), None)?;
    answers.derive_addresses()?;
    answers.settle_addresses(init)?;
    answers.settle(&CLIENT_ID, init.client_id.as_deref(), None)?;
    answers.settle_secret(init.client_secret_file.as_deref())?;
    answers.settle(&COMPANY_NAME, init.company_name.as_deref(), Some(""))?;
    answers.settle(&TIME_ZONE, init.time_zone.as_deref(), Some("UTC"))?;
    answers.settle(
        &DATABASE_URL,
        init.database_url.as_deref(),
        Some("frontdesk.sqlite3"),
    )?;
    answers.set("SECRET_KEY", random_token().map_err(Error::from)?);
    Ok(answers.variables)
}

/// What has no default, all at once.
fn refuse_missing(init: &Init) -> Result<(), Failure> {
    let missing: Vec<&str> = [
        ("--public-url", init.public_url.is_none()),
        (
            "--issuer or --authorize-url",
            init.issuer.is_none() && init.authorize_url.is_none(),
        ),
        ("--client-id", init.client_id.is_none()),
        ("--client-secret-file", init.client_secret_file.is_none()),
    ]
    .into_iter()
    .filter_map(|(flag, is_missing)| is_missing.then_some(flag))
    .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::Other(format!(
        "there is no default for {}: specify it, or run init on a terminal without --yes",
        missing.join(", ")
    )))
}

/// The answers so far.
struct Answers {
    variables: HashMap<String, String>,
    asks: bool,
}

impl Answers {
    fn value(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// Where the platform is: its metadata tell, or each address.
    fn settle_addresses(&mut self, init: &Init) -> Result<(), Failure> {
        if init.authorize_url.is_none() {
            self.settle(&ISSUER, init.issuer.as_deref(), Some(""))?;
        }
        if !self.value(ISSUER.variable).is_empty() {
            let origin = origin_of(self.value(ISSUER.variable))?;
            self.settle(&INTERNAL_URL, init.internal_url.as_deref(), Some(&origin))?;
            if self.value(INTERNAL_URL.variable).trim_end_matches('/') == origin {
                // The metadata's own addresses, as they are.
                self.variables.remove(INTERNAL_URL.variable);
            }
            if let Some(address) = &init.permissions_url {
                self.settle(&PERMISSIONS_URL, Some(address), None)?;
            }
            return Ok(());
        }
        self.settle(&AUTHORIZE_URL, init.authorize_url.as_deref(), None)?;
        let origin = origin_of(self.value(AUTHORIZE_URL.variable))?;
        self.settle(&INTERNAL_URL, init.internal_url.as_deref(), Some(&origin))?;
        let prefix = self.value(INTERNAL_URL.variable).trim_end_matches('/');
        let permissions = format!("{prefix}{PERMISSIONS_PATH}");
        self.settle(
            &PERMISSIONS_URL,
            init.permissions_url.as_deref(),
            Some(&permissions),
        )
    }

    /// From the flag, or else the default, or else the person, who is asked until it can be read.
    fn settle(
        &mut self,
        question: &Question,
        given: Option<&str>,
        default: Option<&str>,
    ) -> Result<(), Failure> {
        let refused = |reason: String| Failure::Other(format!("--{} {reason}", question.flag));
        if given.is_some() || !self.asks {
            let answer = given.or(default).unwrap_or_default();
            return self.take(question, answer).map_err(refused);
        }
        say!("\n{}", question.why);
        loop {
            let typed = ask(question.label, default)?;
            let answer = match default {
                Some(default) if typed.is_empty() => default,
                _ => &typed,
            };
            match self.take(question, answer) {
                Ok(()) => return Ok(()),
                Err(reason) => say!("  It {reason}."),
            }
        }
    }

    /// Takes an answer that `serve` would take; otherwise what it says against it.
    fn take(&mut self, question: &Question, answer: &str) -> Result<(), String> {
        let answer = answer.trim();
        if question.is_optional && matches!(answer, "" | "-") {
            return Ok(());
        }
        if answer.is_empty() {
            return Err("is required".to_owned());
        }
        // Of an arrow key, for example.
        if answer.chars().any(is_refused) {
            return Err("contains an invisible character".to_owned());
        }
        let mut tried = self.variables.clone();
        tried.insert(question.variable.to_owned(), answer.to_owned());
        if let Some(fault) = fault_of(&tried, question.variable) {
            return Err(fault);
        }
        self.variables = tried;
        Ok(())
    }

    /// From a file or a prompt, never from the command line: others can read that.
    fn settle_secret(&mut self, file: Option<&Path>) -> Result<(), Failure> {
        if let Some(path) = file {
            let secret = read_secret(path)?;
            self.set(CLIENT_SECRET, secret);
            return Ok(());
        }
        say!("\nThe secret that the provider gave with it. What you type is not shown.");
        loop {
            let secret = rpassword::prompt_password("Client secret: ")
                .map_err(|error| unreadable(&error))?;
            if !secret.trim().is_empty() {
                self.set(CLIENT_SECRET, secret);
                return Ok(());
            }
            say!("  It is required.");
        }
    }

    /// What follows from the public address.
    fn derive_addresses(&mut self) -> Result<(), Failure> {
        let url = parsed(self.value(PUBLIC_URL.variable))?;
        let origin = url.origin().ascii_serialization();
        self.set("OAUTH2_REDIRECT_URL", format!("{origin}{CALLBACK_PATH}"));
        self.set(PUBLIC_URL.variable, origin);
        if url.scheme() == "https" {
            // A proxy on this machine will end TLS, and only it may say who is calling.
            self.set("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1,::1");
        } else if let Some(listen) = loopback_listen(&url) {
            self.set("FRONTDESK_LISTEN", listen);
        }
        Ok(())
    }
}

/// A portal for this machine alone has no proxy: it must listen where the browser looks for it.
fn loopback_listen(url: &Url) -> Option<String> {
    let address = match url.host()? {
        Host::Domain("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Host::Domain(_) => return None,
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
    };
    let listen = SocketAddr::new(address, url.port_or_known_default()?).to_string();
    (address.is_loopback() && listen != DEFAULT_LISTEN).then_some(listen)
}

/// What `serve` would say against one variable, without its name.
fn fault_of(variables: &HashMap<String, String>, name: &str) -> Option<String> {
    let faults = Settings::parse(variables).err()?;
    faults
        .lines()
        .iter()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .map(str::to_owned)
}

fn origin_of(address: &str) -> Result<String, Failure> {
    Ok(parsed(address)?.origin().ascii_serialization())
}

fn parsed(address: &str) -> Result<Url, Failure> {
    Url::parse(address).map_err(|error| Failure::Other(format!("{address}: {error}")))
}

/// As `OAUTH2_CLIENT_SECRET_FILE` is read: without the line's end.
fn read_secret(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::Other(format!(
            "--client-secret-file cannot be read: {shown}: {error}"
        ))
    })?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.trim().is_empty() {
        return Err(Failure::Other(format!(
            "--client-secret-file names an empty file: {shown}"
        )));
    }
    Ok(secret.to_owned())
}

/// One typed line, without the space around it.
fn ask(label: &str, default: Option<&str>) -> Result<String, Failure> {
    let mut stdout = std::io::stdout();
    let _reader_gone = match default {
        None => write!(stdout, "{label}: "),
        Some("") => write!(stdout, "{label} [none]: "),
        Some(default) => write!(stdout, "{label} [{default}]: "),
    };
    let _reader_gone = stdout.flush();
    let mut line = String::new();
    let length = std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| unreadable(&error))?;
    if length == 0 {
        return Err(Failure::Other(
            "the input ended before all questions were answered; nothing was written".to_owned(),
        ));
    }
    Ok(line.trim().to_owned())
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::Other(format!(
        "the answer cannot be read: {error}; nothing was written"
    ))
}

/// The environment wins over the file: a value there would quietly undo an answer.
fn warn_of_environment(variables: &HashMap<String, String>) -> Result<(), Failure> {
    let environment = config::environment()?;
    let mut names: Vec<String> = Vec::new();
    for (name, value) in variables {
        if environment.get(name).is_some_and(|set| set != value) {
            names.push(name.clone());
        }
        let file_name = format!("{name}_FILE");
        if environment.contains_key(&file_name) {
            names.push(file_name);
        }
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

// -- the superuser --

struct Superuser {
    username: String,
    email: String,
    password_hash: String,
}

fn superuser(init: &Init, asks: bool) -> Result<Option<Superuser>, Failure> {
    let Some(username) = superuser_name(init, asks)? else {
        return Ok(None);
    };
    let email = superuser_email(init, &username, asks)?;
    let password_hash = superuser_password(init, &username, asks)?;
    Ok(Some(Superuser {
        username,
        email,
        password_hash,
    }))
}

fn superuser_name(init: &Init, asks: bool) -> Result<Option<String>, Failure> {
    if let Some(given) = &init.superuser {
        admin::check_new_account(given, "")?;
        return Ok(Some(given.clone()));
    }
    if !asks {
        return Ok(None);
    }
    say!("\nA local admin can sign in with a password, even while the provider is down.");
    loop {
        let username = ask("Username", Some(""))?;
        if username.is_empty() {
            return Ok(None);
        }
        match admin::check_new_account(&username, "") {
            Ok(()) => return Ok(Some(username)),
            Err(refusal) => say!("  {refusal}"),
        }
    }
}

fn superuser_email(init: &Init, username: &str, asks: bool) -> Result<String, Failure> {
    if init.email.is_some() || !asks {
        let email = init.email.clone().unwrap_or_default();
        admin::check_new_account(username, &email)?;
        return Ok(email);
    }
    loop {
        let email = ask("Email address", Some(""))?;
        match admin::check_new_account(username, &email) {
            Ok(()) => return Ok(email),
            Err(refusal) => say!("  {refusal}"),
        }
    }
}

/// The hash. A slip at the last question must not cost all answers before it.
fn superuser_password(init: &Init, username: &str, asks: bool) -> Result<String, Failure> {
    let more_tries = if asks && !init.password_stdin { 2 } else { 0 };
    for _ in 0..more_tries {
        match super::new_password(init.password_stdin, username) {
            Err(Failure::Other(reason)) => say!("  {reason}"),
            result => return result,
        }
    }
    super::new_password(init.password_stdin, username)
}

/// The tables, and the superuser.
fn prepare(settings: &Settings, superuser: Option<&Superuser>) -> Result<(), Failure> {
    let db = Db::open(&settings.database)?;
    db.migrate()?;
    say!("{}: the tables are up to date.", db.describe());
    if let Some(superuser) = superuser {
        admin::create_superuser(
            &db,
            Clock::default().now(),
            &admin::Admin::command_line(),
            &superuser.username,
            &superuser.email,
            &superuser.password_hash,
        )?;
        say!("{} is an admin.", superuser.username);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::OPTIONS;

    type Spoil = fn(&mut Init);

    fn read_back(text: &str) -> HashMap<String, String> {
        dotenvy::from_read_iter(text.as_bytes())
            .collect::<Result<_, _>>()
            .expect("a file that can be read")
    }

    /// A whole set of flags, and the file of the secret.
    fn flags(secret: &str) -> (Init, tempfile::NamedTempFile) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(secret.as_bytes()).expect("a secret");
        let init = Init {
            public_url: Some("https://desk.example.com/".to_owned()),
            authorize_url: Some("https://id.example.com/o/authorize/".to_owned()),
            client_id: Some("frontdesk".to_owned()),
            client_secret_file: Some(file.path().to_owned()),
            yes: true,
            ..Init::default()
        };
        (init, file)
    }

    fn collected(init: &Init) -> HashMap<String, String> {
        collect(init, false).unwrap_or_else(|failure| panic!("{failure}"))
    }

    fn refusal(init: &Init) -> String {
        match collect(init, false) {
            Ok(_) => panic!("it was taken"),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn nasty_values_are_read_back_byte_for_byte() {
        for value in [
            "plain",
            "",
            " spaces at both ends ",
            "it's",
            "'",
            "''",
            "\"",
            "\"double\" and 'single'",
            "$HOME ${HOME} $$ $",
            "it's $HOME, ${PATH} and $",
            "# no comment",
            "a # no comment either",
            "it's # neither",
            "back\\slash",
            "ends in a backslash\\",
            "ends in two\\\\",
            "\\'\\\"\\$\\n",
            "`backticks`",
            "two\nlines",
            "carriage\r\nreturn\r",
            "tab\there",
            "=a=b",
            "export X=1",
            "李家集团 · “账号” 🛎️ é\u{a0}",
            "\u{a0}\u{3000}",
        ] {
            let variables: HashMap<String, String> = [
                ("OAUTH2_CLIENT_SECRET", value),
                ("FRONTDESK_COMPANY_NAME", value),
                ("SECRET_KEY", "after it"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
            assert_eq!(
                read_back(&env_file::text(&variables)),
                variables,
                "{value:?}"
            );
        }
    }

    #[test]
    fn what_is_written_is_what_serve_reads() {
        let (mut init, _file) = flags(" it's $ecret # \\\r\n");
        init.company_name = Some("李家集团".to_owned());
        init.time_zone = Some("Asia/Shanghai".to_owned());
        let variables = collected(&init);
        let read = read_back(&env_file::text(&variables));
        assert_eq!(read, variables, "no variable is left out");
        let settings = Settings::parse(&read).expect("settings");
        assert_eq!(
            settings.providers[0].client_secret.expose(),
            " it's $ecret # \\"
        );
        for (name, value) in [
            ("FRONTDESK_PUBLIC_URL", "https://desk.example.com"),
            (
                "OAUTH2_REDIRECT_URL",
                "https://desk.example.com/oauth2_callback/",
            ),
            ("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1,::1"),
            ("INTERNAL_URL_PREFIX", "https://id.example.com"),
            (
                "OAUTH2_USER_ALL_PERMISSIONS_URL",
                "https://id.example.com/public-api/current_user/all_permissions",
            ),
            ("DATABASE_URL", "frontdesk.sqlite3"),
        ] {
            assert_eq!(read.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(!read.contains_key("FRONTDESK_LISTEN"));
        assert_ne!(
            collected(&init).get("SECRET_KEY"),
            read.get("SECRET_KEY"),
            "a fresh key each time"
        );
    }

    #[test]
    fn each_section_names_settings_that_there_are() {
        for (name, _) in env_file::SECTIONS.iter().flat_map(|(_, names)| *names) {
            assert!(OPTIONS.iter().any(|option| option.name == *name), "{name}");
        }
    }

    #[test]
    fn permissions_and_company_can_be_left_out() {
        let (mut init, _file) = flags("secret");
        init.permissions_url = Some("-".to_owned());
        let variables = collected(&init);
        assert!(!variables.contains_key("OAUTH2_USER_ALL_PERMISSIONS_URL"));
        assert!(!variables.contains_key("FRONTDESK_COMPANY_NAME"));
    }

    #[test]
    fn an_issuer_stands_for_all_addresses_of_the_platform() {
        let (mut init, _file) = flags("secret");
        init.authorize_url = None;
        init.issuer = Some("https://id.example.com/realms/company".to_owned());
        let variables = collected(&init);
        for name in [
            "OAUTH2_AUTHORIZE_URL",
            "INTERNAL_URL_PREFIX",
            "OAUTH2_USER_ALL_PERMISSIONS_URL",
        ] {
            assert!(!variables.contains_key(name), "{name}");
        }
        let read = read_back(&env_file::text(&variables));
        assert_eq!(read, variables, "no variable is left out");
        let settings = Settings::parse(&read).expect("settings");
        let issuer = settings.providers[0].issuer.as_deref();
        assert_eq!(issuer, Some("https://id.example.com/realms/company"));

        init.internal_url = Some("http://keycloak:8080".to_owned());
        let variables = collected(&init);
        let inside = variables.get("INTERNAL_URL_PREFIX").map(String::as_str);
        assert_eq!(inside, Some("http://keycloak:8080"));

        init.issuer = Some("id.example.com".to_owned());
        assert!(refusal(&init).starts_with("--issuer must be"));
    }

    #[test]
    fn a_portal_for_this_machine_listens_where_the_browser_looks() {
        for (public, listen) in [
            ("http://127.0.0.1:8000", None),
            ("http://localhost:8000", None),
            ("http://127.0.0.1:9000", Some("127.0.0.1:9000")),
            ("http://[::1]:9000", Some("[::1]:9000")),
            ("http://desk.example.com:9000", None),
            ("http://192.0.2.1:9000", None),
        ] {
            let (mut init, _file) = flags("secret");
            init.public_url = Some(public.to_owned());
            let variables = collected(&init);
            let written = variables.get("FRONTDESK_LISTEN").map(String::as_str);
            assert_eq!(written, listen, "{public}");
            assert!(!variables.contains_key("FRONTDESK_TRUSTED_PROXIES"));
        }
    }

    #[test]
    fn a_flag_that_is_missing_or_cannot_be_read_is_named() {
        let missing = refusal(&Init::default());
        for flag in [
            "--public-url",
            "--authorize-url",
            "--client-id",
            "--client-secret-file",
        ] {
            assert!(missing.contains(flag), "{missing}");
        }
        let spoilt: &[(&str, Spoil)] = &[
            ("--public-url must be", |init| {
                init.public_url = Some("desk.example.com".to_owned());
            }),
            ("--public-url must be an origin", |init| {
                init.public_url = Some("https://example.com/desk".to_owned());
            }),
            ("--authorize-url must be", |init| {
                init.authorize_url = Some("ftp://id.example.com".to_owned());
            }),
            ("--internal-url must be", |init| {
                init.internal_url = Some("id".to_owned());
            }),
            ("--permissions-url must be", |init| {
                init.permissions_url = Some("none".to_owned());
            }),
            ("--client-id is required", |init| {
                init.client_id = Some("  ".to_owned());
            }),
            ("--client-id contains an invisible", |init| {
                init.client_id = Some("\u{1b}[D".to_owned());
            }),
            ("--client-secret-file cannot be read", |init| {
                init.client_secret_file = Some("/nonexistent".into());
            }),
            ("--time-zone must be", |init| {
                init.time_zone = Some("Middle/Earth".to_owned());
            }),
            ("--database-url must be", |init| {
                init.database_url = Some("mysql://here".to_owned());
            }),
        ];
        for (reason, spoil) in spoilt {
            let (mut init, _file) = flags("secret");
            spoil(&mut init);
            let said = refusal(&init);
            assert!(said.starts_with(reason), "{reason}: {said}");
        }
        let (init, _file) = flags(" \n");
        assert!(refusal(&init).starts_with("--client-secret-file names an empty file"));
    }
}
