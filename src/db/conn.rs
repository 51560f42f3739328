//! One connection, to either database. It has a file of its own because the derive adds many names.

use diesel::pg::PgConnection;
use diesel::sqlite::SqliteConnection;

#[derive(diesel::MultiConnection)]
pub enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Runs one statement on whichever database this is. Used for statements that `Conn` itself cannot
/// express, and for those that every page runs, because `Conn` rebuilds a statement's text at each
/// use.
macro_rules! each {
    ($conn:expr, |$c:ident| $statement:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite($c) => $statement,
            $crate::db::Conn::Postgres($c) => $statement,
        }
    };
}
pub(crate) use each;
