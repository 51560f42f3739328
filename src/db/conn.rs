//! One connection, to either database. In a file of its own since the derive adds many names.

use diesel::pg::PgConnection;
use diesel::sqlite::SqliteConnection;

#[derive(diesel::MultiConnection)]
pub enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Runs one statement on whichever database this is; for what `Conn` itself cannot express, and
/// for what every page runs: `Conn` builds the text of a statement at each use.
macro_rules! each {
    ($conn:expr, |$c:ident| $statement:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite($c) => $statement,
            $crate::db::Conn::Postgres($c) => $statement,
        }
    };
}
pub(crate) use each;
