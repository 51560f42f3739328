//! The settings that `init` writes. They come from its arguments, from the person at the terminal,
//! or from the defaults.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use url::{Host, Url};

use super::{Init, Questions, ask, unreadable};
use crate::cli::Failure;
use crate::config::{Settings, default_of};
use crate::error::Error;
use crate::secret::random_token;
use crate::text::is_forbidden;

const CALLBACK_PATH: &str = "/oauth2_callback/";
const PERMISSIONS_PATH: &str = "/public-api/current_user/all_permissions";

struct Question {
    variable: &'static str,
    flag: &'static str,
    label: &'static str,
    why: &'static str,
    /// True if the answer can be left out, by an empty answer or `-`.
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
    why: "The client ID that the provider gave this portal.",
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

/// All variables of the file.
pub fn collect(init: &Init, questions: Questions) -> Result<HashMap<String, String>, Failure> {
    if questions == Questions::Skipped {
        refuse_missing(init)?;
    }
    let mut answers = Answers {
        variables: HashMap::new(),
        questions,
    };
    answers.settle(&PUBLIC_URL, init.public_url.as_deref(), None)?;
    answers.derive_addresses()?;
    answers.settle_addresses(init)?;
    answers.settle(&CLIENT_ID, init.client_id.as_deref(), None)?;
    answers.settle_secret(init.client_secret_file.as_deref())?;
    for (question, given) in [
        (&COMPANY_NAME, &init.company_name),
        (&TIME_ZONE, &init.time_zone),
        (&DATABASE_URL, &init.database_url),
    ] {
        answers.settle(question, given.as_deref(), default_of(question.variable))?;
    }
    answers.set("SECRET_KEY", random_token().map_err(Error::from)?);
    Ok(answers.variables)
}

/// Fails if anything that has no default is missing, and names all of it at once.
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
    Err(format!(
        "there is no default for {}: specify it, or run init on a terminal without --yes",
        missing.join(", ")
    )
    .into())
}

struct Answers {
    variables: HashMap<String, String>,
    questions: Questions,
}

impl Answers {
    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// The answer to a question, as an address.
    fn url(&self, question: &Question) -> Result<Url, Failure> {
        let answer = self.variables.get(question.variable);
        let address = answer.map_or("", String::as_str);
        Ok(Url::parse(address).map_err(|error| format!("{address}: {error}"))?)
    }

    fn origin(&self, question: &Question) -> Result<String, Failure> {
        Ok(self.url(question)?.origin().ascii_serialization())
    }

    /// Settles where the provider is: from its metadata, or from each address.
    fn settle_addresses(&mut self, init: &Init) -> Result<(), Failure> {
        let internal_url = init.internal_url.as_deref();
        let permissions_url = init.permissions_url.as_deref();
        if init.authorize_url.is_none() {
            self.settle(&ISSUER, init.issuer.as_deref(), None)?;
        }
        if self.variables.contains_key(ISSUER.variable) {
            let origin = self.origin(&ISSUER)?;
            self.settle(&INTERNAL_URL, internal_url, Some(&origin))?;
            let internal = self.variables.get(INTERNAL_URL.variable);
            if internal.is_some_and(|address| address.trim_end_matches('/') == origin) {
                // The metadata's own addresses are used unchanged.
                self.variables.remove(INTERNAL_URL.variable);
            }
            if permissions_url.is_some() {
                self.settle(&PERMISSIONS_URL, permissions_url, None)?;
            }
            return Ok(());
        }
        self.settle(&AUTHORIZE_URL, init.authorize_url.as_deref(), None)?;
        let origin = self.origin(&AUTHORIZE_URL)?;
        self.settle(&INTERNAL_URL, internal_url, Some(&origin))?;
        let prefix = self.variables.get(INTERNAL_URL.variable);
        let prefix = prefix.map_or(origin.as_str(), |prefix| prefix.trim_end_matches('/'));
        let permissions = format!("{prefix}{PERMISSIONS_PATH}");
        self.settle(&PERMISSIONS_URL, permissions_url, Some(&permissions))
    }

    /// Takes the given answer or the default, or else asks until the answer can be read.
    fn settle(
        &mut self,
        question: &Question,
        given: Option<&str>,
        default: Option<&str>,
    ) -> Result<(), Failure> {
        if given.is_some() || self.questions == Questions::Skipped {
            let answer = given.or(default).unwrap_or_default();
            let taken = self.take(question, answer);
            return Ok(taken.map_err(|reason| format!("--{} {reason}", question.flag))?);
        }
        say!("\n{}", question.why);
        let hint = default.or(question.is_optional.then_some("none"));
        loop {
            let typed = ask(question.label, hint)?;
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

    /// Takes an answer if `serve` would accept it; otherwise returns the error that `serve` would
    /// print.
    fn take(&mut self, question: &Question, answer: &str) -> Result<(), String> {
        let answer = answer.trim();
        if question.is_optional && matches!(answer, "" | "-") {
            return Ok(());
        }
        if answer.is_empty() {
            return Err("is required".to_owned());
        }
        // An arrow key leaves one, for example.
        if answer.chars().any(is_forbidden) {
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

    /// Reads the secret from a file or a prompt, never from the command line, which others can
    /// read.
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

    /// Derives other settings from the public address.
    fn derive_addresses(&mut self) -> Result<(), Failure> {
        let url = self.url(&PUBLIC_URL)?;
        let origin = url.origin().ascii_serialization();
        self.set("OAUTH2_REDIRECT_URL", format!("{origin}{CALLBACK_PATH}"));
        self.set(PUBLIC_URL.variable, origin);
        if url.scheme() == "https" {
            // A proxy on this machine will end TLS, and only it may name the client.
            self.set("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1,::1");
        } else if let Some(listen) = loopback_listen(&url) {
            self.set("FRONTDESK_LISTEN", listen);
        }
        Ok(())
    }
}

/// The listen address of a portal for this machine alone. It has no proxy, and so must listen where
/// the browser looks for it.
fn loopback_listen(url: &Url) -> Option<String> {
    let address = match url.host()? {
        Host::Domain("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Host::Domain(_) => return None,
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
    };
    let listen = SocketAddr::new(address, url.port_or_known_default()?).to_string();
    let is_default = default_of("FRONTDESK_LISTEN") == Some(&listen);
    (address.is_loopback() && !is_default).then_some(listen)
}

/// The fault that `serve` would find with one variable, without its name.
fn fault_of(variables: &HashMap<String, String>, name: &str) -> Option<String> {
    let faults = Settings::parse(variables).err()?;
    let mut lines = faults.lines().iter();
    let fault = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(fault.to_owned())
}

/// Reads a secret as `OAUTH2_CLIENT_SECRET_FILE` is read: without the end of its line.
fn read_secret(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("--client-secret-file cannot be read: {shown}: {error}"))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.trim().is_empty() {
        return Err(format!("--client-secret-file names an empty file: {shown}").into());
    }
    Ok(secret.to_owned())
}
