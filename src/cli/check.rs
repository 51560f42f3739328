//! `frontdesk check`: prints one line for each requirement, and what to do about it.

macro_rules! ok {
    ($what:expr, $($text:tt)*) => {
        say!("ok       {}: {}", $what, format_args!($($text)*))
    };
}

macro_rules! warning {
    ($what:expr, $($text:tt)*) => {
        say!("warning  {}: {}", $what, format_args!($($text)*))
    };
}

macro_rules! fault {
    ($report:expr, $what:expr, $($text:tt)*) => {{
        $report.has_fault = true;
        say!("fault    {}: {}", $what, format_args!($($text)*));
    }};
}

mod provider;
mod records;
mod webhooks;

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;

use super::{FAILED, Failure};
use crate::config::{self, ENV_FILE, OPTIONS, PublicUrl, Settings, near_misses};
use crate::logging;

/// Remembers whether one of the lines was a fault.
#[derive(Default)]
struct Report {
    has_fault: bool,
}

pub fn run(variables: &HashMap<String, String>) -> Result<(), Failure> {
    let mut report = Report::default();
    check_files(variables);
    check_names(variables);
    match Settings::parse(variables) {
        Ok(settings) => check_settings(&mut report, settings)?,
        Err(faults) => {
            for fault in faults.lines() {
                fault!(report, "settings", "{fault}");
            }
            if let Ok(url) = config::database_url(variables) {
                records::check_database(&mut report, &url);
            }
        }
    }
    if report.has_fault {
        Err(Failure::Status(FAILED))
    } else {
        Ok(())
    }
}

/// Checks everything that valid settings lead to.
fn check_settings(report: &mut Report, settings: Settings) -> Result<(), Failure> {
    logging::start(&settings.log().only("error"));
    ok!("settings", "all required ones are set and valid");
    check_origin(&settings.public_url);
    let db = records::check(report, &settings);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let is_one = settings.providers.len() == 1;
    for file in settings.providers.iter().flat_map(|one| &one.secret_files) {
        check_file(file);
    }
    for hook in settings.webhooks {
        for file in hook.files() {
            check_file(file);
        }
        runtime.block_on(webhooks::check(report, db.as_ref(), hook));
    }
    for provider in settings.providers {
        let whose = if is_one {
            String::new()
        } else {
            format!(" of {}", provider.id)
        };
        let checked = provider::check(report, provider, &settings.public_url, &whose);
        runtime.block_on(checked)?;
    }
    Ok(())
}

/// Checks that no one else can read the files with secrets.
fn check_files(variables: &HashMap<String, String>) {
    check_file(ENV_FILE);
    for name in ["FRONTDESK_PROVIDERS", "FRONTDESK_WEBHOOKS"] {
        if let Some(path) = variables.get(name) {
            check_file(path);
        }
    }
    for option in OPTIONS.iter().filter(|option| option.is_secret) {
        if let Some(path) = variables.get(&format!("{}_FILE", option.name)) {
            check_file(path);
        }
    }
}

fn check_file(path: &str) {
    let Ok(metadata) = std::fs::metadata(path) else {
        return;
    };
    if is_open_to_all(&metadata) {
        warning!(
            path,
            "everyone on this machine can read it; run `chmod 600 {path}`"
        );
    } else {
        ok!(path, "not readable by everyone");
    }
}

fn is_open_to_all(metadata: &std::fs::Metadata) -> bool {
    metadata.permissions().mode() & 0o004 != 0
}

/// Warns about variables that set nothing, because of a typing mistake or because they are empty.
fn check_names(variables: &HashMap<String, String>) {
    for (name, option) in near_misses(variables) {
        warning!(
            "settings",
            "{name} is set but is not a setting; did you mean {option}?"
        );
    }
    for option in OPTIONS {
        // A space is a valid separator.
        let is_empty = |value: &String| match option.name {
            "OAUTH2_PERMISSIONS_SEPARATOR" => value.is_empty(),
            _ => value.trim().is_empty(),
        };
        if variables.get(option.name).is_some_and(is_empty) {
            warning!(
                "settings",
                "{} is empty, which counts as not set; in .env a value with # needs quotes",
                option.name
            );
        }
    }
}

fn check_origin(public_url: &PublicUrl) {
    let origin = &public_url.origin;
    if public_url.is_https {
        ok!("public address", "{origin}");
    } else {
        warning!(
            "public address",
            "{origin} is not https: cookies are sent unencrypted; put an https proxy in front, and set FRONTDESK_PUBLIC_URL to its address"
        );
    }
}
