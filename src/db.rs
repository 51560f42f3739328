//! The database: connections, transactions and migrations. The nouns decide what is stored.
//!
//! A handler calls [`Db::read`] or [`Db::write`] once. Both move the closure to a blocking thread
//! only when a connection is free, so that a slow database fills a fair queue and not the threads.

mod conn;
mod connect;
mod migrations;
mod prepared;
pub mod schema;
mod sql;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use tokio::sync::Semaphore;
use url::Url;

pub use conn::Conn;
pub(crate) use conn::each;
pub use connect::connection_url;
use connect::{ConnectionAccess, connect, is_local};
pub use migrations::{MigrationState, migration_state, sqlite_version};
pub use prepared::Prepared;
pub use sql::{Sql, Value};

use crate::config::DatabaseUrl;
use crate::error::{DatabaseError, Error, Result, Stopped};
use crate::{logging, secret};

/// How long a request waits for a connection before it is told to come back later. SQLite waits as
/// long for another process's lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// The namespace of our advisory locks in a PostgreSQL database: "fdsk".
const MIGRATION_LOCK: i64 = 0x6664_736b_0001;
const SUPERUSER_LOCK: i64 = 0x6664_736b_0002;
const RECHECK_LOCK: i64 = 0x6664_7265_6368;
const INSTANCES_LOCK: i64 = 0x6664_736b_0003;
const WEBHOOKS_LOCK: i64 = 0x6664_7768_6f6b;

/// How many times a transaction is retried after a conflict with another.
const MAX_RUNS: usize = 8;

#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    url: DatabaseUrl,
    readers: Lane,
    writers: Lane,
}

/// The connections for one kind of use, and the queue in front of them.
struct Lane {
    permits: Semaphore,
    idle: Mutex<Vec<Conn>>,
    access: ConnectionAccess,
    /// How many times handlers have used it.
    uses: AtomicU64,
}

impl Lane {
    const fn new(size: usize, access: ConnectionAccess) -> Self {
        Self {
            permits: Semaphore::const_new(size),
            idle: Mutex::new(Vec::new()),
            access,
            uses: AtomicU64::new(0),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Conn>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the connection for the next caller, unless it is broken.
    fn give_back<T>(&self, mut conn: Conn, result: &Result<T>) {
        let is_broken = is_down(result)
            || each!(&mut conn, |c| {
                AnsiTransactionManager::is_broken_transaction_manager(c)
            });
        if !is_broken {
            self.idle().push(conn);
        }
    }
}

/// How many times the database has been used since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub reads: u64,
    pub writes: u64,
}

impl Db {
    /// Opens the database, and creates an SQLite file that does not exist. Changes no table.
    pub fn open(url: &DatabaseUrl) -> Result<Self> {
        let (readers, writers) = match url {
            // SQLite allows one writer at a time, and a fair queue is better than a race for it.
            DatabaseUrl::Sqlite(_) => (
                Lane::new(4, ConnectionAccess::Read),
                Lane::new(1, ConnectionAccess::Write),
            ),
            DatabaseUrl::Postgres(_) => (
                Lane::new(8, ConnectionAccess::Read),
                Lane::new(8, ConnectionAccess::Write),
            ),
        };
        // The first connection must be a writer, which may create the file and switch it to WAL.
        writers.idle().push(connect(url, ConnectionAccess::Write)?);
        Ok(Self(Arc::new(Inner {
            url: url.clone(),
            readers,
            writers,
        })))
    }

    /// Runs queries that change nothing.
    pub async fn read<T, F>(&self, query: F) -> Result<T>
    where
        F: Fn(&mut Conn) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.on_blocking_thread(|inner| &inner.readers, move |inner| inner.read(&query))
            .await
    }

    /// Runs one transaction. `change` may run again after a conflict with another transaction, so
    /// it must do nothing but use the connection. If it fails, nothing is changed.
    pub async fn write<T, F>(&self, change: F) -> Result<T>
    where
        F: Fn(&mut Conn) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.on_blocking_thread(|inner| &inner.writers, move |inner| inner.write(&change))
            .await
    }

    /// Like [`Db::write`], for changes that may be refused: anything written before a refusal is
    /// committed.
    pub async fn decide<T, R, F>(&self, change: F) -> Result<T, Stopped<R>>
    where
        F: Fn(&mut Conn) -> Result<T, Stopped<R>> + Send + 'static,
        T: Send + 'static,
        R: Send + 'static,
    {
        let decided = self.write(move |conn| refused_or_failed(change(conn)));
        done_or_refused(decided.await?)
    }

    /// [`Db::decide`] for a command without a runtime.
    pub fn decide_blocking<T, R>(
        &self,
        change: impl Fn(&mut Conn) -> Result<T, Stopped<R>>,
    ) -> Result<T, Stopped<R>> {
        done_or_refused(self.write_blocking(|conn| refused_or_failed(change(conn)))?)
    }

    /// [`Db::write`] for a command without a runtime.
    pub fn write_blocking<T>(&self, change: impl Fn(&mut Conn) -> Result<T>) -> Result<T> {
        self.0.write(&change)
    }

    /// [`Db::read`] for a command without a runtime.
    pub fn read_blocking<T>(&self, query: impl Fn(&mut Conn) -> Result<T>) -> Result<T> {
        self.0.read(&query)
    }

    pub fn counts(&self) -> Counts {
        Counts {
            reads: self.0.readers.uses.load(Ordering::Relaxed),
            writes: self.0.writers.uses.load(Ordering::Relaxed),
        }
    }

    /// Waits for a turn, then does `work` on a blocking thread.
    async fn on_blocking_thread<T, F>(&self, lane: fn(&Inner) -> &Lane, work: F) -> Result<T>
    where
        F: FnOnce(&Inner) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        lane(&inner).uses.fetch_add(1, Ordering::Relaxed);
        let permit = tokio::time::timeout(PATIENCE, lane(&inner).permits.acquire())
            .await
            .map_err(|_| Error::Database(DatabaseError::Busy))?
            .map_err(|_| Error::Internal("the connection queue is closed".to_owned()))?;
        // The turn belongs to the work, which goes on even if the caller gives up.
        permit.forget();
        let worker = Arc::clone(&inner);
        tokio::task::spawn_blocking(move || {
            let _given_back_on_drop = Turn(&lane(&worker).permits);
            work(&worker)
        })
        .await
        .map_err(|_| Error::Internal("a database task panicked".to_owned()))?
    }
}

/// For a transaction, only a failure is an error.
fn refused_or_failed<T, R>(result: Result<T, Stopped<R>>) -> Result<ControlFlow<R, T>> {
    match result {
        Ok(done) => Ok(ControlFlow::Continue(done)),
        Err(Stopped::Refused(refusal)) => Ok(ControlFlow::Break(refusal)),
        Err(Stopped::Failed(error)) => Err(error),
    }
}

fn done_or_refused<T, R>(decided: ControlFlow<R, T>) -> Result<T, Stopped<R>> {
    match decided {
        ControlFlow::Continue(done) => Ok(done),
        ControlFlow::Break(refusal) => Err(Stopped::Refused(refusal)),
    }
}

/// A turn at a connection, given back however the work ends.
struct Turn<'a>(&'a Semaphore);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

impl Inner {
    fn read<T>(&self, query: &dyn Fn(&mut Conn) -> Result<T>) -> Result<T> {
        let (mut conn, mut result) = self.first_use(&self.readers, query)?;
        // Asking again is safe, because nothing was changed.
        if is_down(&result) {
            conn = connect(&self.url, ConnectionAccess::Read)?;
            result = query(&mut conn);
        }
        self.readers.give_back(conn, &result);
        result
    }

    fn write<T>(&self, change: &dyn Fn(&mut Conn) -> Result<T>) -> Result<T> {
        let (mut conn, begun) = self.first_use(&self.writers, &begin)?;
        if is_down(&begun) {
            conn = connect(&self.url, ConnectionAccess::Write)?;
            begin(&mut conn)?;
        } else {
            begun?;
        }
        let result = transaction(&mut conn, change);
        self.writers.give_back(conn, &result);
        result
    }

    /// Takes a connection and uses it. If it died while idle, that shows here, and the other idle
    /// connections are dropped too.
    fn first_use<T>(
        &self,
        lane: &Lane,
        work: &dyn Fn(&mut Conn) -> Result<T>,
    ) -> Result<(Conn, Result<T>)> {
        let idle = lane.idle().pop();
        let mut conn = idle.map_or_else(|| connect(&self.url, lane.access), Ok)?;
        let result = work(&mut conn);
        if is_down(&result) {
            lane.idle().clear();
        }
        Ok((conn, result))
    }
}

fn is_down<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::Database(DatabaseError::Down(_))))
}

thread_local! {
    /// Lines that this thread's transaction writes to the log if it is committed.
    static TO_LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Writes a line to the log once the transaction on this thread is committed, or never if it is
/// not.
pub fn log_after_commit(line: String) {
    TO_LOG.with_borrow_mut(|lines| lines.push(line));
}

/// Runs `change` in a transaction that has already begun, and in a new one after each conflict.
fn transaction<T>(conn: &mut Conn, change: &dyn Fn(&mut Conn) -> Result<T>) -> Result<T> {
    let mut run = 1;
    loop {
        // A panic may have left lines of another transaction.
        TO_LOG.take();
        let result = change(conn).and_then(|value| {
            each!(conn, |c| AnsiTransactionManager::commit_transaction(c))?;
            Ok(value)
        });
        let lines = TO_LOG.take();
        let Err(error) = result else {
            for line in lines {
                log::info!(target: logging::WHOLE_LINES, "{line}");
            }
            return result;
        };
        // If a failed COMMIT has already ended the transaction, rolling back is refused, which does
        // no harm.
        let _ended = each!(conn, |c| AnsiTransactionManager::rollback_transaction(c));
        if !is_conflict(&error) || run == MAX_RUNS {
            return Err(error);
        }
        run += 1;
        begin(conn)?;
    }
}

fn begin(conn: &mut Conn) -> Result<()> {
    match conn {
        // A deferred transaction that reads and then writes fails at once under load.
        Conn::Sqlite(conn) => {
            AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")
        }
        Conn::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN"),
    }
    .map_err(Error::from)
}

/// Returns whether two transactions wanted the same row, name or id. When run again, the second
/// sees the first one's work.
fn is_conflict(error: &Error) -> bool {
    use diesel::result::DatabaseErrorKind as Kind;
    use diesel::result::Error as Diesel;
    match error {
        Error::Database(DatabaseError::Query(Diesel::DatabaseError(kind, information))) => {
            matches!(kind, Kind::UniqueViolation | Kind::SerializationFailure)
                || information.message().contains("deadlock detected")
        }
        _ => false,
    }
}

/// Lets only one transaction at a time decide who the last admin is.
pub fn lock_superusers(conn: &mut Conn) -> Result<()> {
    advisory_lock(conn, SUPERUSER_LOCK)
}

/// Lets only one transaction at a time claim people who are due for a re-check.
pub fn lock_rechecks(conn: &mut Conn) -> Result<()> {
    advisory_lock(conn, RECHECK_LOCK)
}

/// Lets only one instance at a time record which providers it has.
pub fn lock_instances(conn: &mut Conn) -> Result<()> {
    advisory_lock(conn, INSTANCES_LOCK)
}

/// Lets only one instance at a time put events into the queues of webhooks.
pub fn lock_webhooks(conn: &mut Conn) -> Result<()> {
    advisory_lock(conn, WEBHOOKS_LOCK)
}

/// Lets only one transaction at a time deal with each of these names, locked in this order.
pub fn lock_names(conn: &mut Conn, names: impl Iterator<Item = String>) -> Result<()> {
    if let Conn::Sqlite(_) = conn {
        return Ok(());
    }
    for name in names {
        advisory_lock(conn, secret::number_of(&name))?;
    }
    Ok(())
}

/// Holds a lock until the transaction ends. SQLite has one writer at a time anyway.
fn advisory_lock(conn: &mut Conn, key: i64) -> Result<()> {
    if let Conn::Postgres(conn) = conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
            .bind::<diesel::sql_types::BigInt, _>(key)
            .execute(conn)?;
    }
    Ok(())
}

/// The database is not reachable, or not in the expected state, and why.
fn down(why: impl std::fmt::Display) -> Error {
    Error::Database(DatabaseError::Down(why.to_string()))
}

impl Db {
    /// Returns the collation of text in PostgreSQL. SQLite compares bytes.
    pub fn collation(&self) -> Result<String> {
        const QUERY: &str = "SELECT datcollate::text AS value FROM pg_database \
                             WHERE datname = current_database()";
        self.0.read(&|conn| match conn {
            Conn::Sqlite(_) => Ok("C".to_owned()),
            Conn::Postgres(_) => Ok(Sql::text(QUERY).texts(conn)?.concat()),
        })
    }

    /// For `check` and the log: `SQLite frontdesk.sqlite3`, `PostgreSQL db.example.com/frontdesk`.
    pub fn describe(&self) -> String {
        describe(&self.0.url)
    }

    /// Returns the `sslmode` of a PostgreSQL address whose server is not on this machine.
    pub fn remote_ssl_mode(&self) -> Option<String> {
        let DatabaseUrl::Postgres(url) = &self.0.url else {
            return None;
        };
        let url = Url::parse(&connection_url(url.expose())?).ok()?;
        if is_local(&url) {
            return None;
        }
        url.query_pairs()
            .find(|(name, _)| name == "sslmode")
            .map(|(_, value)| value.into_owned())
    }
}

/// Describes where the database is, without its password.
pub fn describe(url: &DatabaseUrl) -> String {
    match url {
        DatabaseUrl::Sqlite(path) => format!("SQLite {}", path.display()),
        DatabaseUrl::Postgres(url) => Url::parse(url.expose()).map_or_else(
            |_| "PostgreSQL".to_owned(),
            |url| format!("PostgreSQL {}{}", url.host_str().unwrap_or(""), url.path()),
        ),
    }
}
