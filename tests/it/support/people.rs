//! Shortcuts into the database. They create or look up what a test needs and what would take a
//! longer way through pages. Their names begin with `db_`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use frontdesk::admin::{self, Admin, ChangedPassword};
use frontdesk::passwords::hash;
use frontdesk::secret::Secret;
use frontdesk::signin::one_time_link::{Draft, LinkFor};
use serde_json::Value;

use super::database::Database;
use super::portal::{PASSWORD, Portal};

static HASH: LazyLock<String> =
    LazyLock::new(|| hash(&Secret::new(PASSWORD.to_owned())).expect("argon2 works"));

/// A text as SQL writes it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Portal {
    /// Creates a local account with [`PASSWORD`] and without any role.
    pub fn db_create_local_account(&self, username: &str) {
        let (db, now) = (&self.inner.db, self.clock.now());
        admin::create_superuser(db, now, &Admin::command_line(), username, "", &HASH)
            .unwrap_or_else(|stopped| panic!("{username}: {stopped:?}"));
        self.db_make_employee(username);
    }

    /// Makes [`PASSWORD`] the confirmation password of an account without a local one.
    pub fn db_set_confirmation_password(&self, username: &str) {
        let (db, now) = (&self.inner.db, self.clock.now());
        let changed = admin::change_password(db, now, &Admin::command_line(), username, &HASH)
            .unwrap_or_else(|stopped| panic!("{username}: {stopped:?}"));
        assert_eq!(changed, ChangedPassword::Confirmation);
    }

    /// Makes an account's owner someone who has just proved, in every open session, who they are.
    pub fn db_prove(&self, username: &str) {
        let now = self.clock.now().0;
        self.database.execute(&format!(
            "UPDATE sessions SET proved_at = {now}, proved_by = 'password' \
             WHERE ended_at IS NULL AND user_id = {}",
            self.db_id_of(username)
        ));
    }

    /// Gives an account [`PASSWORD`] as its local password.
    pub fn db_give_password(&self, username: &str) {
        self.db_set_field_of(username, "password", &HASH);
    }

    /// Returns how long ago the newest session was proved, in seconds.
    pub fn db_proved_ago(&self) -> i64 {
        let sql = "SELECT COALESCE(proved_at, 0) AS value FROM sessions ORDER BY id DESC LIMIT 1";
        (self.clock.now().0 - self.database.number(sql)) / 1_000_000
    }

    /// Makes a rescue link for an account and returns its path.
    pub fn db_make_rescue_link(&self, username: &str) -> String {
        let (db, now) = (&self.inner.db, self.clock.now());
        let draft = Draft::new(LinkFor::Rescue).expect("randomness");
        let id = admin::make_rescue_link(db, now, &Admin::command_line(), username, &draft.id)
            .unwrap_or_else(|stopped| panic!("{username}: {stopped:?}"));
        let link = draft.address(&self.inner.keys, now, id, "");
        link.expect("randomness").expose().clone()
    }
}

impl Db for Portal {
    fn database(&self) -> &Database {
        &self.database
    }
}

impl Db for Database {
    fn database(&self) -> &Database {
        self
    }
}

/// An event, as [`Db::db_recorded`] finds it.
#[derive(Debug)]
pub struct Recorded {
    /// `role_changed success boss li`, followed by the reason if it was refused.
    pub line: String,
    pub address: String,
    pub reference: String,
    pub details: Value,
}

impl Recorded {
    fn read(row: &str) -> Self {
        let mut parts = row.splitn(4, '|');
        let mut part = || parts.next().expect("a part");
        Self {
            line: words(part()),
            address: part().to_owned(),
            reference: part().to_owned(),
            details: json(part()),
        }
    }
}

/// Anything with a database to look into.
pub trait Db {
    fn database(&self) -> &Database;

    // -- people --

    fn db_id_of(&self, username: &str) -> i64 {
        let username = quoted(username);
        let sql = format!("SELECT id AS value FROM users WHERE username = {username}");
        self.database().number(&sql)
    }

    fn db_username_of(&self, id: i64) -> String {
        let sql = format!("SELECT username AS value FROM users WHERE id = {id}");
        self.database().texts(&sql).remove(0)
    }

    /// Returns a column of the accounts with exactly this username, as texts.
    fn db_fields_of(&self, username: &str, column: &str) -> Vec<String> {
        let username = quoted(username);
        self.database().texts(&format!(
            "SELECT CAST({column} AS TEXT) AS value FROM users WHERE username = {username}"
        ))
    }

    fn db_set_field_of(&self, username: &str, column: &str, value: &str) {
        db_change(
            self.database(),
            username,
            &format!("{column} = {}", quoted(value)),
        );
    }

    /// Returns `username|name|email` of each account, the oldest first.
    fn db_names(&self) -> Vec<String> {
        self.database().texts(
            "SELECT username || '|' || first_name || '|' || email AS value FROM users ORDER BY id",
        )
    }

    /// Inserts accounts, by usernames and names, that no one has signed in to. The first one gets
    /// this id.
    fn db_insert_users<T: AsRef<str>>(&self, first_id: i64, people: &[(T, T)]) {
        let rows: Vec<String> = (first_id..)
            .zip(people)
            .map(|(id, (username, name))| {
                let (username, name) = (quoted(username.as_ref()), quoted(name.as_ref()));
                format!("({id}, {username}, {name}, '', TRUE, FALSE, FALSE, FALSE, FALSE, {id})")
            })
            .collect();
        self.database().execute(&format!(
            "INSERT INTO users (id, username, first_name, email, is_active, is_staff, \
             is_superuser, is_staff_by_permission, is_superuser_by_permission, date_joined) \
             VALUES {}",
            rows.join(", ")
        ));
    }

    /// Deletes every account and session, as if no one had ever been here.
    fn db_forget_everybody(&self) {
        self.database().execute("DELETE FROM sessions");
        self.database().execute("DELETE FROM users");
    }

    // -- roles --

    fn db_make_superuser(&self, username: &str) {
        db_change(
            self.database(),
            username,
            "is_staff = TRUE, is_superuser = TRUE",
        );
    }

    fn db_make_staff(&self, username: &str) {
        db_change(
            self.database(),
            username,
            "is_staff = TRUE, is_superuser = FALSE",
        );
    }

    fn db_make_employee(&self, username: &str) {
        db_change(
            self.database(),
            username,
            "is_staff = FALSE, is_superuser = FALSE",
        );
    }

    fn db_deactivate(&self, username: &str) {
        db_change(self.database(), username, "is_active = FALSE");
    }

    fn db_count_active_superusers(&self) -> i64 {
        let is_one = "is_active AND (is_superuser OR is_superuser_by_permission)";
        self.database().count(&format!("users WHERE {is_one}"))
    }

    fn db_is_superuser_by_permission(&self, username: &str) -> bool {
        let username = quoted(username);
        let from = format!("users WHERE username = {username} AND is_superuser_by_permission");
        self.database().count(&from) == 1
    }

    /// Returns `username role` of each account with a role by permission.
    fn db_roles_by_permission(&self) -> Vec<String> {
        self.database().texts(
            "SELECT username || ' ' || CASE WHEN is_superuser_by_permission THEN 'superuser' \
             WHEN is_staff_by_permission THEN 'staff' ELSE '-' END AS value \
             FROM users ORDER BY username",
        )
    }

    /// Returns the usernames of accounts with a confirmation password.
    fn db_with_confirmation_password(&self) -> Vec<String> {
        self.database().texts(
            "SELECT username AS value FROM users WHERE confirmation_password IS NOT NULL \
             ORDER BY username",
        )
    }

    // -- what they hold --

    /// Returns `origin:name` of each permission.
    fn db_permissions(&self) -> Vec<String> {
        let sql = "SELECT origin || ':' || name AS value FROM user_permissions ORDER BY 1";
        self.database().texts(sql)
    }

    /// Returns the names of an account's permissions.
    fn db_permissions_of(&self, username: &str) -> Vec<String> {
        let username = quoted(username);
        self.database().texts(&format!(
            "SELECT p.name AS value FROM user_permissions p JOIN users u ON u.id = p.user_id \
             WHERE u.username = {username} ORDER BY p.name"
        ))
    }

    /// Returns `provider subject username` of each identity.
    fn db_identities(&self) -> Vec<String> {
        self.database().texts(
            "SELECT i.provider || ' ' || i.subject || ' ' || u.username AS value FROM identities i \
             JOIN users u ON u.id = i.user_id ORDER BY i.provider, i.subject",
        )
    }

    /// Returns `provider subject` of each identity of an account.
    fn db_identities_of(&self, username: &str) -> Vec<String> {
        let username = quoted(username);
        self.database().texts(&format!(
            "SELECT i.provider || ' ' || i.subject AS value FROM identities i \
             JOIN users u ON u.id = i.user_id WHERE u.username = {username} ORDER BY i.provider"
        ))
    }

    /// Gives an account one more identity.
    fn db_add_identity(&self, username: &str, provider: &str, subject: &str) {
        let (username, subject) = (quoted(username), quoted(subject));
        self.database().execute(&format!(
            "INSERT INTO identities (provider, subject, user_id, created_at, is_first) \
             SELECT '{provider}', {subject}, id, 1, FALSE FROM users WHERE username = {username}"
        ));
    }

    /// Returns `subject time` of each identity whose permissions could not be read recently.
    fn db_permissions_kept_since(&self) -> Vec<String> {
        self.database().texts(
            "SELECT subject || ' ' || CAST(permissions_kept_since AS TEXT) AS value \
             FROM identities WHERE permissions_kept_since IS NOT NULL ORDER BY subject",
        )
    }

    fn db_count_refused_identities(&self) -> i64 {
        self.database()
            .count("identities WHERE refused_at IS NOT NULL")
    }

    // -- sessions --

    fn db_live_sessions(&self) -> i64 {
        self.database().count("sessions WHERE ended_at IS NULL")
    }

    /// Returns the ids of an account's live sessions, the oldest first.
    fn db_live_sessions_of(&self, username: &str) -> Vec<String> {
        let username = quoted(username);
        self.database().texts(&format!(
            "SELECT CAST(s.id AS TEXT) AS value FROM sessions s JOIN users u ON u.id = s.user_id \
             WHERE u.username = {username} AND s.ended_at IS NULL ORDER BY s.id"
        ))
    }

    /// Returns `username provider` of each live session.
    fn db_live_sessions_by_provider(&self) -> Vec<String> {
        self.database().texts(
            "SELECT u.username || ' ' || s.provider AS value FROM sessions s \
             JOIN users u ON u.id = s.user_id WHERE s.ended_at IS NULL ORDER BY 1",
        )
    }

    /// Returns what proved the newest session, or nothing.
    fn db_proved_by(&self) -> String {
        let sql = "SELECT COALESCE(proved_by, '') AS value FROM sessions ORDER BY id DESC LIMIT 1";
        self.database().texts(sql).remove(0)
    }

    fn db_end_sessions(&self) {
        self.database().execute("UPDATE sessions SET ended_at = 1");
    }

    fn db_end_sessions_of(&self, username: &str) {
        self.database().execute(&format!(
            "UPDATE sessions SET ended_at = 1 WHERE user_id = {}",
            self.db_id_of(username)
        ));
    }

    // -- the audit log --

    /// Returns these columns of each event, the oldest first: `signed_in success li`.
    fn db_events(&self, columns: &[&str]) -> Vec<String> {
        db_events_where(self.database(), columns, "TRUE")
    }

    /// Returns these columns of each event of a kind, the oldest first.
    fn db_events_of(&self, kind: &str, columns: &[&str]) -> Vec<String> {
        db_events_where(self.database(), columns, &format!("event = '{kind}'"))
    }

    /// Returns every event except sign-ins and sign-outs, the oldest first.
    fn db_recorded(&self) -> Vec<Recorded> {
        let rows = self.database().texts(
            "SELECT event || ' ' || outcome || ' ' || reason || ' ' || actor || ' ' || username \
             || '|' || address || '|' || reference || '|' || details AS value FROM audit_events \
             WHERE event NOT IN ('signed_in', 'sign_in_refused', 'signed_out', 'user_switched') \
             ORDER BY id",
        );
        rows.iter().map(|row| Recorded::read(row)).collect()
    }

    /// Returns the actor and the address of each event of a kind, and whether the actor has an id.
    fn db_actors_of(&self, kind: &str) -> Vec<String> {
        self.database().texts(&format!(
            "SELECT actor || '|' || address || '|' \
             || CASE WHEN actor_id IS NULL THEN 'none' ELSE 'id' END AS value \
             FROM audit_events WHERE event = '{kind}' ORDER BY created_at, id"
        ))
    }

    /// Makes rows as they were before the ids of actors were recorded.
    fn db_forget_actor_ids(&self) {
        for (table, column) in [
            ("audit_events", "actor_id"),
            ("user_permissions", "granted_by_id"),
            ("user_field_changes", "changed_by_id"),
        ] {
            self.database()
                .execute(&format!("UPDATE {table} SET {column} = NULL"));
        }
    }

    fn db_count_events(&self, kind: &str) -> i64 {
        let from = format!("audit_events WHERE event = '{kind}'");
        self.database().count(&from)
    }

    /// Returns the details of each event of a kind besides its columns, the oldest first.
    fn db_details_of(&self, kind: &str) -> Vec<Value> {
        let sql =
            format!("SELECT details AS value FROM audit_events WHERE event = '{kind}' ORDER BY id");
        self.database()
            .texts(&sql)
            .iter()
            .map(|details| json(details))
            .collect()
    }

    fn db_last_details(&self) -> Value {
        let sql = "SELECT details AS value FROM audit_events ORDER BY id DESC LIMIT 1";
        json(&self.database().texts(sql)[0])
    }

    /// Makes all recording fail from now on.
    fn db_break_audit_log(&self) {
        self.database().execute(if self.database().is_postgresql() {
            "ALTER TABLE audit_events ADD CONSTRAINT broken CHECK (event = 'x') NOT VALID"
        } else {
            "CREATE TRIGGER broken BEFORE INSERT ON audit_events \
             BEGIN SELECT RAISE(ABORT, 'no audit'); END"
        });
    }

    fn db_mend_audit_log(&self) {
        self.database().execute(if self.database().is_postgresql() {
            "ALTER TABLE audit_events DROP CONSTRAINT broken"
        } else {
            "DROP TRIGGER broken"
        });
    }

    // -- any table --

    /// Returns everything that acts can change.
    fn db_state(&self) -> BTreeSet<String> {
        [
            "SELECT 'user ' || CAST(id AS TEXT) || ' ' || username || ' ' || first_name || ' ' || email || ' ' || COALESCE(password, 'none') || ' ' || CAST(is_active AS TEXT) || ' ' || CAST(is_staff AS TEXT) || ' ' || CAST(is_superuser AS TEXT) || ' ' || CAST(is_staff_by_permission AS TEXT) || ' ' || CAST(is_superuser_by_permission AS TEXT) AS value FROM users",
            "SELECT 'identity ' || provider || ' ' || subject || ' ' || CAST(user_id AS TEXT) AS value FROM identities",
            "SELECT 'permission ' || CAST(user_id AS TEXT) || ' ' || name || ' ' || origin || ' ' || granted_by AS value FROM user_permissions",
            "SELECT 'session ' || CAST(id AS TEXT) || ' ' || COALESCE(CAST(ended_at AS TEXT), 'live') AS value FROM sessions",
            "SELECT 'request ' || CAST(id AS TEXT) || ' ' || state || ' ' || sentence || ' ' || answer || ' ' || decided_by AS value FROM access_requests",
            "SELECT 'grant ' || CAST(id AS TEXT) || ' ' || CAST(user_id AS TEXT) || ' ' || CAST(app_id AS TEXT) || ' ' || COALESCE(CAST(expires_at AS TEXT), 'for ever') AS value FROM app_grants",
            "SELECT 'change ' || CAST(user_id AS TEXT) || ' ' || field || ' ' || changed_by AS value FROM user_field_changes",
        ]
        .into_iter()
        .flat_map(|sql| self.database().texts(sql))
        .collect()
    }

    /// Returns the numbers of rows, and all their texts in any order.
    fn db_snapshot(&self) -> (Vec<i64>, Vec<String>) {
        let tables = [
            "users",
            "identities",
            "user_permissions",
            "sessions",
            "audit_events",
        ];
        let counts = tables.map(|table| self.database().count(table)).to_vec();
        let mut rows: Vec<String> = self.database().dump().lines().map(str::to_owned).collect();
        rows.sort();
        (counts, rows)
    }

    /// Returns a column of all rows, as texts in their order.
    fn db_column(&self, table: &str, column: &str) -> Vec<String> {
        let sql = format!("SELECT CAST({column} AS TEXT) AS value FROM {table} ORDER BY 1");
        self.database().texts(&sql)
    }
}

/// Changes an account, which must exist.
fn db_change(database: &Database, username: &str, set: &str) {
    let name = quoted(username);
    let changed = database.execute(&format!("UPDATE users SET {set} WHERE username = {name}"));
    assert_eq!(changed, 1, "{username}: {set}");
}

fn db_events_where(database: &Database, columns: &[&str], condition: &str) -> Vec<String> {
    let columns = columns.join(" || ' ' || ");
    let lines = database.texts(&format!(
        "SELECT {columns} AS value FROM audit_events WHERE {condition} ORDER BY id"
    ));
    lines.iter().map(|line| words(line)).collect()
}

/// Closes the gaps that empty columns leave, such as a reason, a provider or a person.
fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn json(details: &str) -> Value {
    serde_json::from_str(details).expect("JSON")
}
