//! Statements assembled from parts: lists with any filters in any order. Values are always bound;
//! the text comes only from the program.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::sqlite::Sqlite;

use super::Conn;
use crate::error::Result;
use crate::id::{AppId, SessionId, UserId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Int(i64),
    Text(String),
    Bool(bool),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<UserId> for Value {
    fn from(id: UserId) -> Self {
        Self::Int(id.0)
    }
}

impl From<SessionId> for Value {
    fn from(id: SessionId) -> Self {
        Self::Int(id.0)
    }
}

impl From<AppId> for Value {
    fn from(id: AppId) -> Self {
        Self::Int(id.0)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// A statement or a part of one, with a `?` for each value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub fn new(text: &str, values: impl IntoIterator<Item = Value>) -> Self {
        let mut sql = Self::default();
        sql.push(text, values);
        sql
    }

    /// Text without values.
    pub fn text(text: &str) -> Self {
        Self::new(text, [])
    }

    pub fn push(&mut self, text: &str, values: impl IntoIterator<Item = Value>) {
        self.text.push_str(text);
        self.values.extend(values);
    }

    #[must_use]
    pub fn with(mut self, text: &str, values: impl IntoIterator<Item = Value>) -> Self {
        self.push(text, values);
        self
    }

    #[must_use]
    pub fn then(mut self, part: &Self) -> Self {
        self.push(&part.text, part.values.iter().cloned());
        self
    }

    /// A list of values in brackets, for `IN`; nothing is in an empty one.
    pub fn list(values: &[Value]) -> Self {
        if values.is_empty() {
            return Self::text("(NULL)");
        }
        let marks = vec!["?"; values.len()].join(", ");
        Self::new(&format!("({marks})"), values.iter().cloned())
    }

    /// Joins all parts with `AND`; `TRUE` if there are none.
    pub fn all<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut whole = Self::default();
        for part in parts {
            let and = if whole.text.is_empty() { "" } else { " AND " };
            whole.push(and, []);
            whole = whole.then(part);
        }
        if whole.text.is_empty() {
            whole.push("TRUE", []);
        }
        whole
    }

    /// Returns the text in the form that both databases accept: `$1`, `$2`, … in order of
    /// appearance.
    fn numbered(&self) -> String {
        let mut text = String::with_capacity(self.text.len() + self.values.len());
        let mut number = 0;
        for c in self.text.chars() {
            if c == '?' {
                number += 1;
                text.push('$');
                text.push_str(&number.to_string());
            } else {
                text.push(c);
            }
        }
        text
    }

    pub fn load<T>(&self, conn: &mut Conn) -> Result<Vec<T>>
    where
        T: QueryableByName<Sqlite> + QueryableByName<Pg> + 'static,
    {
        macro_rules! load {
            ($conn:expr, $backend:ty) => {{
                let mut query = diesel::sql_query(self.numbered()).into_boxed::<$backend>();
                for value in &self.values {
                    query = match value {
                        Value::Int(value) => query.bind::<BigInt, _>(*value),
                        Value::Text(value) => query.bind::<Text, _>(value.clone()),
                        Value::Bool(value) => query.bind::<Bool, _>(*value),
                    };
                }
                query.load($conn)?
            }};
        }
        Ok(match conn {
            Conn::Sqlite(conn) => load!(conn, Sqlite),
            Conn::Postgres(conn) => load!(conn, Pg),
        })
    }

    /// Selects each value of an indexed column once, in order, as `value`. It skips from each value
    /// to the next: a million rows may have the same one.
    pub fn each_once(table: &str, column: &str, limit: i64) -> Self {
        let text = format!(
            "WITH RECURSIVE found (value) AS (\
             SELECT MIN({column}) FROM {table} \
             UNION ALL \
             SELECT (SELECT MIN(x.{column}) FROM {table} x WHERE x.{column} > found.value) \
             FROM found WHERE found.value IS NOT NULL\
             ) SELECT value FROM found WHERE value IS NOT NULL LIMIT ?"
        );
        Self::new(&text, [limit.into()])
    }

    /// Returns the `value` of each row, a text.
    pub fn texts(&self, conn: &mut Conn) -> Result<Vec<String>> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            value: String,
        }
        let rows = self.load::<Row>(conn)?.into_iter();
        Ok(rows.map(|row| row.value).collect())
    }

    /// Returns the first row's `value`, a number.
    pub fn number(&self, conn: &mut Conn) -> Result<Option<i64>> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            value: i64,
        }
        Ok(self.load::<Row>(conn)?.first().map(|row| row.value))
    }

    /// Returns the `value` of each row, a number.
    pub fn numbers(&self, conn: &mut Conn) -> Result<Vec<i64>> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            value: i64,
        }
        let rows = self.load::<Row>(conn)?.into_iter();
        Ok(rows.map(|row| row.value).collect())
    }

    /// Counts the rows of this `SELECT`, up to `cap`.
    pub fn count_up_to(&self, conn: &mut Conn, cap: i64) -> Result<i64> {
        let counted = Self::text("SELECT COUNT(*) AS value FROM (SELECT 1 FROM (")
            .then(self)
            .with(") AS listed LIMIT ?) AS counted", [cap.into()]);
        Ok(counted.number(conn)?.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_their_values_in_order() {
        let one = Sql::new("a = ?", [1.into()]);
        let two = Sql::new("b = ?", ["x".into()]);
        let whole = Sql::text("SELECT 1 WHERE ")
            .then(&Sql::all([&one, &two]))
            .with(" LIMIT ?", [9.into()]);
        assert_eq!(
            whole.numbered(),
            "SELECT 1 WHERE a = $1 AND b = $2 LIMIT $3"
        );
        assert_eq!(whole.values, [1.into(), "x".into(), 9.into()]);
        assert_eq!(Sql::all([]).numbered(), "TRUE");
    }
}
