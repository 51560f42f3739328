//! Opening one connection: SQLite's pragmas, PostgreSQL's address and bounds.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use url::Url;

use super::{Conn, down};
use crate::config::DatabaseUrl;
use crate::error::Result;

/// How long, and after which pauses, opening a file is retried while another instance sets it up.
const LOCKED_PATIENCE: Duration = Duration::from_secs(2);
const LOCKED_PAUSE: Duration = Duration::from_millis(20);

/// What a connection to SQLite may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ConnectionAccess {
    Read,
    Write,
}

pub fn connect(url: &DatabaseUrl, access: ConnectionAccess) -> Result<Conn> {
    match url {
        DatabaseUrl::Sqlite(path) => connect_sqlite(path, access).map(Conn::Sqlite),
        DatabaseUrl::Postgres(url) => connect_postgres(url.expose()).map(Conn::Postgres),
    }
}

fn connect_sqlite(path: &Path, access: ConnectionAccess) -> Result<SqliteConnection> {
    let name = path
        .to_str()
        .ok_or_else(|| down("DATABASE_URL: the path is not Unicode"))?;
    let folder = path.parent().unwrap_or(path);
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        let shown = folder.display();
        return Err(down(format!("the folder {shown} does not exist")));
    }
    if path.is_dir() {
        return Err(down(format!("{name} is a folder, not a database file")));
    }
    if access == ConnectionAccess::Write {
        create_private(path).map_err(|error| down(format!("{name} cannot be created: {error}")))?;
    }
    // Diesel reads some names as addresses with parameters, but a path must always be just a path.
    let name = if path.is_absolute() {
        name.to_owned()
    } else {
        format!("./{name}")
    };
    let mut conn = SqliteConnection::establish(&name)
        .map_err(|error| down(format!("{name} cannot be opened: {error}")))?;
    let setup = match access {
        ConnectionAccess::Read => {
            "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA query_only = ON;"
        }
        ConnectionAccess::Write => {
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = ON;"
        }
    };
    // While another instance switches a new file to WAL, SQLite reports "locked" at once, without
    // waiting.
    let began = Instant::now();
    let mut result = conn.batch_execute(setup);
    while matches!(&result, Err(error) if error.to_string().contains("locked"))
        && began.elapsed() < LOCKED_PATIENCE
    {
        std::thread::sleep(LOCKED_PAUSE);
        result = conn.batch_execute(setup);
    }
    result.map_err(|error| down(format!("{name} cannot be used: {error}")))?;
    Ok(conn)
}

/// Creates a file that only its owner may read. SQLite gives the files beside it the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    match options.open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

fn connect_postgres(url: &str) -> Result<PgConnection> {
    let url = connection_url(url).ok_or_else(|| down("DATABASE_URL cannot be read"))?;
    let mut conn = PgConnection::establish(&url).map_err(down)?;
    // Bounded, so that no lock and no lost network keeps a person waiting for longer.
    conn.batch_execute(
        "SET statement_timeout = '8s'; SET lock_timeout = '5s'; \
         SET idle_in_transaction_session_timeout = '30s'; SET client_min_messages = warning",
    )
    .map_err(down)?;
    Ok(conn)
}

/// Returns the address with our defaults for what it leaves open: a bounded wait and, if the server
/// is not on this machine, a connection that proves the server's identity.
pub fn connection_url(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    let given = url.clone();
    let has = |name: &str| given.query_pairs().any(|(other, _)| other == name);
    let mut extra = vec![
        ("connect_timeout", "5"),
        ("tcp_user_timeout", "10000"),
        ("application_name", "frontdesk"),
    ];
    if !is_local(&url) {
        extra.push(("sslmode", "verify-full"));
    }
    extra.retain(|(name, _)| !has(name));
    let is_verified = extra.contains(&("sslmode", "verify-full"))
        || url
            .query_pairs()
            .any(|(name, value)| name == "sslmode" && value.starts_with("verify-"));
    // With a root file the library verifies in any mode, so it is named only when verification is
    // wanted.
    if is_verified
        && !has("sslrootcert")
        && let Some(bundle) = system_certificates()
    {
        extra.push(("sslrootcert", bundle));
    }
    url.query_pairs_mut().extend_pairs(extra);
    Some(url.into())
}

/// Returns whether the server is on this machine. A `host` or `hostaddr` among the parameters takes
/// precedence, and a path is a local socket.
pub fn is_local(url: &Url) -> bool {
    let parameter = url
        .query_pairs()
        .find(|(name, _)| name == "host" || name == "hostaddr")
        .map(|(_, value)| value.into_owned());
    let host = parameter.or_else(|| url.host_str().map(str::to_owned));
    match host.as_deref() {
        None | Some("" | "localhost") => true,
        Some(host) => {
            host.starts_with('/')
                || host.starts_with("%2F")
                || host
                    .trim_matches(['[', ']'])
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    }
}

/// Finds the certificate authorities of a Linux distribution. The library that we bundle does not
/// know where they are.
fn system_certificates() -> Option<&'static str> {
    [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ]
    .into_iter()
    .find(|path| Path::new(path).exists())
}
