//! The accounts of a Django app, read from its own `auth_user` tables. Nothing is written to them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::sqlite::SqliteConnection;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::clock::UnixTime;
use crate::config::DatabaseUrl;
use crate::db::{Conn, Sql, connection_url, describe};
use crate::error::{Error, Result};
use crate::permissions::{MAX_COUNT, MAX_NAME, Permission};
use crate::secret::Secret;
use crate::text::is_forbidden;

/// The characters to escape in a path within an SQLite address.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/');

/// One account of the app.
pub struct DjangoUser {
    pub row: UserRow,
    pub date_joined: UnixTime,
    pub last_login: Option<UnixTime>,
    /// Their own permissions, those of their groups, and the groups themselves under their names.
    /// Sorted by name, each name once.
    pub permissions: Vec<Permission>,
}

/// The app's database.
pub struct DjangoDatabase {
    conn: Conn,
}

/// An account as stored there.
#[derive(QueryableByName)]
pub struct UserRow {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = Text)]
    pub username: String,
    #[diesel(sql_type = Text)]
    pub first_name: String,
    #[diesel(sql_type = Text)]
    pub last_name: String,
    #[diesel(sql_type = Text)]
    pub email: String,
    /// The content of the password column, whatever it is.
    #[diesel(sql_type = Text, deserialize_as = String)]
    pub password: Secret<String>,
    #[diesel(sql_type = Bool)]
    pub is_active: bool,
    #[diesel(sql_type = Bool)]
    pub is_staff: bool,
    #[diesel(sql_type = Bool)]
    pub is_superuser: bool,
    #[diesel(sql_type = Text)]
    date_joined: String,
    #[diesel(sql_type = Nullable<Text>)]
    last_login: Option<String>,
}

#[derive(QueryableByName)]
struct PermissionRow {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    label: String,
}

/// Selects people's own permissions, those of their groups, and the groups.
const PERMISSIONS: [&str; 3] = [
    "SELECT CAST(held.user_id AS BIGINT) AS user_id, \
     kind.app_label || '.' || permission.codename AS name, permission.name AS label \
     FROM auth_user_user_permissions held \
     JOIN auth_permission permission ON permission.id = held.permission_id \
     JOIN django_content_type kind ON kind.id = permission.content_type_id",
    "SELECT CAST(held.user_id AS BIGINT) AS user_id, \
     kind.app_label || '.' || permission.codename AS name, permission.name AS label \
     FROM auth_user_groups held \
     JOIN auth_group_permissions given ON given.group_id = held.group_id \
     JOIN auth_permission permission ON permission.id = given.permission_id \
     JOIN django_content_type kind ON kind.id = permission.content_type_id",
    "SELECT CAST(held.user_id AS BIGINT) AS user_id, team.name AS name, '' AS label \
     FROM auth_user_groups held JOIN auth_group team ON team.id = held.group_id",
];

impl DjangoDatabase {
    /// Opens the app's database read-only.
    pub fn open(url: &DatabaseUrl) -> Result<Self> {
        let conn = match url {
            DatabaseUrl::Sqlite(path) => Conn::Sqlite(open_sqlite(path)?),
            DatabaseUrl::Postgres(address) => Conn::Postgres(open_postgres(address.expose())?),
        };
        let mut source = Self { conn };
        if source.has_users()? {
            return Ok(source);
        }
        Err(Error::Internal(format!(
            "{} has no table auth_user: it is not the database of a Django app with Django's own \
             user model",
            describe(url)
        )))
    }

    fn has_users(&mut self) -> Result<bool> {
        let found = match &self.conn {
            Conn::Sqlite(_) => {
                "SELECT COUNT(*) AS value FROM sqlite_master \
                 WHERE type IN ('table', 'view') AND name = 'auth_user'"
            }
            Conn::Postgres(_) => {
                "SELECT COUNT(*) AS value FROM (SELECT to_regclass('auth_user') AS oid) AS found \
                 WHERE oid IS NOT NULL"
            }
        };
        Ok(Sql::text(found).number(&mut self.conn)?.unwrap_or(0) > 0)
    }

    /// Lists up to `limit` accounts whose id is larger than `after_id`, ordered by id.
    pub fn page(&mut self, after_id: i64, limit: i64) -> Result<Vec<DjangoUser>> {
        // Both databases return the form in which Django stores times in SQLite.
        let (date_joined, last_login) = match &self.conn {
            Conn::Sqlite(_) => ("date_joined", "last_login"),
            Conn::Postgres(_) => (
                "to_char(date_joined AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
                "to_char(last_login AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
            ),
        };
        let text = format!(
            "SELECT CAST(auth_user.id AS BIGINT) AS id, username, first_name, last_name, email, \
             password, is_active, is_staff, is_superuser, {date_joined} AS date_joined, \
             {last_login} AS last_login FROM auth_user WHERE auth_user.id > ? \
             ORDER BY auth_user.id LIMIT ?"
        );
        let rows: Vec<UserRow> =
            Sql::new(&text, [after_id.into(), limit.into()]).load(&mut self.conn)?;
        let Some(last) = rows.last() else {
            return Ok(Vec::new());
        };
        let mut permissions = self.permissions(after_id, last.id)?;
        rows.into_iter()
            .map(|row| {
                let last_login = row.last_login.as_deref();
                Ok(DjangoUser {
                    date_joined: time(row.id, &row.date_joined)?,
                    last_login: last_login.map(|text| time(row.id, text)).transpose()?,
                    permissions: permissions.remove(&row.id).unwrap_or_default(),
                    row,
                })
            })
            .collect()
    }

    /// Returns the permissions by account, for ids after the first up to and including the last.
    fn permissions(
        &mut self,
        after_id: i64,
        last_id: i64,
    ) -> Result<HashMap<i64, Vec<Permission>>> {
        let mut held: HashMap<i64, Vec<Permission>> = HashMap::new();
        for select in PERMISSIONS {
            let text = format!("{select} WHERE held.user_id > ? AND held.user_id <= ?");
            let rows: Vec<PermissionRow> =
                Sql::new(&text, [after_id.into(), last_id.into()]).load(&mut self.conn)?;
            for row in rows {
                let permission = Permission {
                    name: row.name,
                    label: row.label,
                };
                held.entry(row.user_id).or_default().push(permission);
            }
        }
        for permissions in held.values_mut() {
            tidy(permissions);
        }
        Ok(held)
    }
}

/// Sorts by name, keeps each name once, and drops names that no permission may have here.
fn tidy(permissions: &mut Vec<Permission>) {
    permissions.retain(|permission| {
        let name = &permission.name;
        !name.trim().is_empty()
            && name.chars().count() <= MAX_NAME
            && !name.chars().any(is_forbidden)
    });
    for permission in permissions.iter_mut() {
        let label = &permission.label;
        if label.chars().count() > MAX_NAME || label.chars().any(is_forbidden) {
            permission.label = String::new();
        }
    }
    // If two have the same name, keep the one with a label.
    permissions.sort_unstable_by(|one, other| {
        (&one.name, Reverse(&one.label)).cmp(&(&other.name, Reverse(&other.label)))
    });
    permissions.dedup_by(|next, kept| next.name == kept.name);
    permissions.truncate(MAX_COUNT);
}

/// Parses `2019-03-04 05:06:07.891011`, in UTC unless it says otherwise.
fn time(user_id: i64, text: &str) -> Result<UnixTime> {
    text.parse::<Timestamp>()
        .or_else(|_| TimeZone::UTC.to_timestamp(text.parse::<DateTime>()?))
        .map(|time| UnixTime(time.as_microsecond()))
        .map_err(|error| {
            Error::Internal(format!(
                "auth_user {user_id} has a date that cannot be read: {error}"
            ))
        })
}

fn open_sqlite(path: &Path) -> Result<SqliteConnection> {
    let shown = path.display();
    if !path.is_file() {
        return Err(Error::Internal(format!("there is no file {shown}")));
    }
    let address = sqlite_address(path)
        .ok_or_else(|| Error::Internal(format!("the path {shown} is not Unicode")))?;
    let mut conn = SqliteConnection::establish(&address)
        .map_err(|error| Error::Internal(format!("{shown} cannot be opened: {error}")))?;
    conn.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON")
        .map_err(|error| Error::Internal(format!("{shown} cannot be read: {error}")))?;
    Ok(conn)
}

/// Returns an address that opens the file read-only, so that not even SQLite changes it.
fn sqlite_address(path: &Path) -> Option<String> {
    let path = path.to_str()?;
    let escaped = utf8_percent_encode(path, ESCAPED);
    // Two slashes would start a host name.
    let start = if path.starts_with('/') { "//" } else { "./" };
    Some(format!("file:{start}{escaped}?mode=ro"))
}

fn open_postgres(address: &str) -> Result<PgConnection> {
    let address = connection_url(address)
        .ok_or_else(|| Error::Internal("the address cannot be read".to_owned()))?;
    let mut conn = PgConnection::establish(&address)
        .map_err(|error| Error::Internal(format!("the database cannot be opened: {error}")))?;
    conn.batch_execute(
        "SET default_transaction_read_only = on; SET statement_timeout = '60s'; \
         SET lock_timeout = '5s'; SET client_min_messages = warning",
    )?;
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(name: &str, label: &str) -> Permission {
        Permission {
            name: name.to_owned(),
            label: label.to_owned(),
        }
    }

    #[test]
    fn times_are_read_in_every_form_that_django_writes() {
        for (text, micros) in [
            ("2019-03-04 05:06:07.891011", 1_551_675_967_891_011),
            ("2019-03-04 05:06:07", 1_551_675_967_000_000),
            ("2019-03-04 05:06:07.5", 1_551_675_967_500_000),
            ("2019-03-04T05:06:07Z", 1_551_675_967_000_000),
            ("2019-03-04 13:06:07+08:00", 1_551_675_967_000_000),
            ("1969-12-31 23:59:59", -1_000_000),
        ] {
            assert_eq!(time(1, text).expect("a time"), UnixTime(micros), "{text}");
        }
        for text in ["", "yesterday", "2019-02-30 00:00:00"] {
            let error = time(7, text).expect_err("no time").to_string();
            assert!(error.contains("auth_user 7"), "{error}");
        }
    }

    #[test]
    fn permissions_are_sorted_each_once_and_those_with_impossible_names_are_left_out() {
        let mut permissions = vec![
            permission("news.add", ""),
            permission("编辑", ""),
            permission("Editors", ""),
            permission("news.add", "Can add"),
            permission("a\u{7}b", ""),
            permission(" ", ""),
            permission(&"x".repeat(256), ""),
            permission("blog.view", "a\u{202e}b"),
            permission("news.add", "Can add"),
        ];
        tidy(&mut permissions);
        assert_eq!(
            permissions,
            [
                permission("Editors", ""),
                permission("blog.view", ""),
                permission("news.add", "Can add"),
                permission("编辑", ""),
            ]
        );
        let mut many: Vec<Permission> = (0..MAX_COUNT + 5)
            .map(|number| permission(&format!("p{number:05}"), ""))
            .collect();
        tidy(&mut many);
        assert_eq!(many.len(), MAX_COUNT);
    }

    #[test]
    fn a_path_is_always_just_a_path() {
        for (path, address) in [
            (
                "/srv/app/db.sqlite3",
                "file:///srv/app/db%2Esqlite3?mode=ro",
            ),
            ("db.sqlite3", "file:./db%2Esqlite3?mode=ro"),
            ("//odd?mode=rw#x", "file:////odd%3Fmode%3Drw%23x?mode=ro"),
            ("100%/数据", "file:./100%25/%E6%95%B0%E6%8D%AE?mode=ro"),
        ] {
            assert_eq!(sqlite_address(Path::new(path)).as_deref(), Some(address));
        }
    }
}
