//! Migrating the tables, and reporting their state.

use diesel::connection::SimpleConnection as _;
use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, Db, MIGRATION_LOCK, advisory_lock, down, each};
use crate::error::Result;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// The first version without the WAL-reset bug, which can corrupt a database.
const SQLITE_MIN_VERSION: i32 = 3_051_003;

/// Returns the version of the SQLite inside this program.
#[must_use]
pub fn sqlite_version() -> i32 {
    // Diesel has no call for this, and the bundled library's constant is the version compiled in.
    libsqlite3_sys::SQLITE_VERSION_NUMBER
}

/// The state of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MigrationState {
    Current,
    /// The number of migrations still to apply.
    Pending(usize),
    /// A newer version of this program has migrated the tables.
    TooNew,
}

impl Db {
    /// Migrates the tables in one transaction under a lock: if several instances start at once, one
    /// of them does it and the others wait.
    pub fn migrate(&self) -> Result<usize> {
        if sqlite_version() < SQLITE_MIN_VERSION {
            return Err(down("the SQLite inside this program is too old to be safe"));
        }
        self.write_blocking(|conn| {
            if let Conn::Postgres(conn) = conn {
                // Waiting for another instance's migrations may take longer than a request may.
                conn.batch_execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")?;
            }
            advisory_lock(conn, MIGRATION_LOCK)?;
            each!(conn, |c| run_migrations(c))
        })
    }

    pub async fn migration_state(&self) -> Result<MigrationState> {
        self.read(migration_state).await
    }
}

fn run_migrations<C>(conn: &mut C) -> Result<usize>
where
    C: MigrationHarness<C::Backend> + Connection,
{
    let applied = conn.applied_migrations().map_err(down)?;
    let applied: Vec<String> = applied.iter().map(ToString::to_string).collect();
    if state_of(&applied, &known_versions::<C::Backend>()?) == MigrationState::TooNew {
        return Err(down(
            "a newer version of frontdesk has migrated this database; run that version, \
             or restore a backup from before",
        ));
    }
    conn.run_pending_migrations(MIGRATIONS)
        .map(|applied| applied.len())
        .map_err(|error| down(format!("a migration failed: {error}")))
}

pub fn migration_state(conn: &mut Conn) -> Result<MigrationState> {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        version: String,
    }
    const QUERY: &str = "SELECT version FROM __diesel_schema_migrations";
    let rows: QueryResult<Vec<Row>> = each!(conn, |c| diesel::sql_query(QUERY).load(c));
    let applied: Vec<String> = match rows {
        Ok(rows) => rows.into_iter().map(|row| row.version).collect(),
        Err(diesel::result::Error::DatabaseError(_, information))
            if information.message().contains("__diesel_schema_migrations") =>
        {
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    Ok(state_of(
        &applied,
        &known_versions::<diesel::sqlite::Sqlite>()?,
    ))
}

fn known_versions<DB: diesel::backend::Backend>() -> Result<Vec<String>> {
    let migrations = MigrationSource::<DB>::migrations(&MIGRATIONS).map_err(down)?;
    Ok(migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect())
}

fn state_of(applied: &[String], known: &[String]) -> MigrationState {
    if applied.iter().any(|version| !known.contains(version)) {
        MigrationState::TooNew
    } else if applied.len() < known.len() {
        MigrationState::Pending(known.len() - applied.len())
    } else {
        MigrationState::Current
    }
}
