//! A database for one test alone, with a way to look into it beside the portal.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use tempfile::TempDir;

#[derive(Clone)]
pub struct Database {
    pub url: String,
    _folder: Option<Arc<TempDir>>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("desk.sqlite3");
        Self {
            url: path.to_str().expect("a path in Unicode").to_owned(),
            _folder: Some(Arc::new(folder)),
        }
    }

    /// The SQLite file of a program that has a folder of its own.
    pub fn at(path: &Path) -> Self {
        Self {
            url: path.to_str().expect("a path in Unicode").to_owned(),
            _folder: None,
        }
    }

    /// Returns `None`, and says so, if the run has no PostgreSQL (`make test` has one).
    pub fn postgresql() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
            super::left_out("PostgreSQL");
            return None;
        };
        let name = format!(
            "test_{}_{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let mut admin = PgConnection::establish(&format!("{server}/postgres")).expect("PostgreSQL");
        diesel::sql_query(format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
        ))
        .execute(&mut admin)
        .expect("a new database");
        Some(Self {
            url: format!("{server}/{name}"),
            _folder: None,
        })
    }

    pub fn is_postgresql(&self) -> bool {
        self.url.starts_with("postgres")
    }

    fn connect(&self) -> Raw {
        if self.is_postgresql() {
            Raw::Postgres(PgConnection::establish(&self.url).expect("PostgreSQL"))
        } else {
            let mut conn = SqliteConnection::establish(&self.url).expect("SQLite");
            diesel::sql_query("PRAGMA busy_timeout = 10000")
                .execute(&mut conn)
                .expect("a pragma");
            Raw::Sqlite(conn)
        }
    }

    /// Runs one statement behind the portal's back.
    pub fn execute(&self, sql: &str) -> usize {
        match self.connect() {
            Raw::Sqlite(mut conn) => diesel::sql_query(sql).execute(&mut conn),
            Raw::Postgres(mut conn) => diesel::sql_query(sql).execute(&mut conn),
        }
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Returns one number, which the query names `value`.
    pub fn number(&self, sql: &str) -> i64 {
        let row: Number = match self.connect() {
            Raw::Sqlite(mut conn) => diesel::sql_query(sql).get_result(&mut conn),
            Raw::Postgres(mut conn) => diesel::sql_query(sql).get_result(&mut conn),
        }
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
        row.value
    }

    /// Returns texts, which the query names `value`.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        let rows: Vec<Line> = match self.connect() {
            Raw::Sqlite(mut conn) => diesel::sql_query(sql).load(&mut conn),
            Raw::Postgres(mut conn) => diesel::sql_query(sql).load(&mut conn),
        }
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.into_iter()
            .map(|row| row.value.unwrap_or_else(|| "NULL".to_owned()))
            .collect()
    }

    pub fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) AS value FROM {table}"))
    }

    /// Returns every text in every table, to search for what must not be there.
    pub fn dump(&self) -> String {
        const COLUMNS: &[(&str, &[&str])] = &[
            ("users", &["username", "first_name", "email", "password"]),
            ("identities", &["provider", "subject"]),
            ("user_permissions", &["name", "origin", "label"]),
            (
                "sessions",
                &[
                    "token_hash",
                    "provider",
                    "attempt",
                    "address",
                    "user_agent",
                    "refresh_token",
                    "access_token",
                    "id_token",
                    "sub",
                    "sid",
                ],
            ),
            ("providers", &["id", "subject_pointer"]),
            ("webhook_events", &["kind", "data"]),
            ("webhook_deliveries", &["hook", "kind", "data"]),
            ("webhook_hooks", &["hook", "trouble", "trouble_detail"]),
            ("webhook_addresses", &["mark"]),
            ("webhook_watches", &["name", "holder"]),
            (
                "access_requests",
                &["app_key", "sentence", "state", "decided_by", "answer"],
            ),
            ("app_grants", &["granted_by"]),
            (
                "audit_events",
                &[
                    "event",
                    "outcome",
                    "reason",
                    "actor",
                    "username",
                    "provider",
                    "address",
                    "user_agent",
                    "reference",
                    "details",
                ],
            ),
        ];
        let mut dump = String::new();
        for (table, columns) in COLUMNS {
            for column in *columns {
                for text in self.texts(&format!("SELECT {column} AS value FROM {table}")) {
                    dump.push_str(&text);
                    dump.push('\n');
                }
            }
        }
        dump
    }
}
