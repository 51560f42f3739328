//! The `.env` that `init` writes: in sections, and so that dotenvy reads each value back byte for
//! byte.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use crate::cli::Failure;
use crate::config::ENV_FILE as FILE;

/// The file's sections: a heading, and its variables, each with an explanation.
pub const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "The provider",
        &[
            ("OAUTH2_CLIENT_ID", "As given by the provider."),
            ("OAUTH2_CLIENT_SECRET", ""),
            (
                "OAUTH2_REDIRECT_URL",
                "Must be registered at the provider, character for character.",
            ),
            (
                "OAUTH2_ISSUER",
                "The OpenID Connect issuer, character for character.",
            ),
            (
                "OAUTH2_AUTHORIZE_URL",
                "Where browsers are sent to sign in.",
            ),
            (
                "INTERNAL_URL_PREFIX",
                "Where this server reaches the provider.",
            ),
            ("OAUTH2_USER_ALL_PERMISSIONS_URL", ""),
        ],
    ),
    (
        "This portal",
        &[
            ("FRONTDESK_PUBLIC_URL", "How browsers reach this portal."),
            ("FRONTDESK_LISTEN", "Address and port."),
            (
                "FRONTDESK_TRUSTED_PROXIES",
                "The proxy in front, whose X-Forwarded-For is trusted.",
            ),
            ("FRONTDESK_COMPANY_NAME", ""),
            ("FRONTDESK_TIME_ZONE", ""),
        ],
    ),
    (
        "Data",
        &[
            ("DATABASE_URL", ""),
            (
                "SECRET_KEY",
                "Encrypts cookies. Keep a copy, but not with the backups of the database.",
            ),
        ],
    ),
];

pub fn text(variables: &HashMap<String, String>) -> String {
    let mut text = String::from(
        "# Frontdesk's settings, created by `frontdesk init`. `frontdesk --help` lists all of them.\n\
         # This file contains secrets: nobody else may read it.\n",
    );
    for &(heading, names) in SECTIONS {
        text.extend(["\n# -- ", heading, " --\n"]);
        for &(name, note) in names {
            let Some(value) = variables.get(name) else {
                continue;
            };
            if !note.is_empty() {
                text.extend(["# ", note, "\n"]);
            }
            text.extend([name, "=", quoted(value).as_str(), "\n"]);
        }
    }
    text
}

/// Quotes a value so that `dotenvy` reads it back byte for byte.
pub fn quoted(value: &str) -> String {
    // At the end of a line, a backslash counts as an escape even in single quotes.
    if !value
        .chars()
        .any(|c| matches!(c, '\'' | '\\') || c.is_control())
    {
        return format!("'{value}'");
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '\n' => text.push_str("\\n"),
            '\\' | '"' | '$' => text.extend(['\\', c]),
            _ => text.push(c),
        }
    }
    text.push('"');
    text
}

/// Writes the file whole or not at all, and never over a file that appeared meanwhile.
pub fn write(text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| format!("{FILE} cannot be written: {error}");
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(FILE)
        .map_err(failed)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    if written.is_err() {
        let _as_well_as_can_be = std::fs::remove_file(FILE);
    }
    Ok(written.map_err(failed)?)
}
