//! Apps on the command line: as a file, and why a person may open one.

mod files;
mod why;

use std::collections::BTreeMap;

use crate::support::process::{self, command, free_port, output, text};
use crate::support::{Database, Db, Provider};

/// A portal that is not running, and an operator in front of it.
struct Desk {
    database: Database,
    settings: BTreeMap<String, String>,
    folder: tempfile::TempDir,
    /// It only has to be there: the settings name it.
    _provider: Provider,
}

/// What a command did.
#[derive(Debug)]
struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl Desk {
    /// A portal with the accounts `li`, `wang` and `zhao`.
    async fn on(database: Database) -> Self {
        let provider = Provider::start().await;
        let mut settings = process::settings(free_port(), &provider, &database);
        settings.insert(
            "OAUTH2_USER_ALL_PERMISSIONS_URL".to_owned(),
            format!("{}/public-api/current_user/all_permissions", provider.url),
        );
        assert!(output(&["migrate"], &settings).status.success());
        database.db_insert_users(1, &[("li", "李"), ("wang", "王"), ("zhao", "赵")]);
        Self {
            database,
            settings,
            folder: tempfile::tempdir().expect("a folder"),
            _provider: provider,
        }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let done = command(self.folder.path(), arguments, &self.settings)
            .output()
            .expect("the program runs");
        Ran {
            status: done.status.code().expect("a status"),
            out: text(&done.stdout),
            err: text(&done.stderr),
        }
    }

    /// Imports a file with this content.
    fn import(&self, content: &str, flags: &[&str]) -> Ran {
        std::fs::write(self.folder.path().join("apps.toml"), content).expect("a file");
        let mut arguments = vec!["apps", "import", "apps.toml"];
        arguments.extend(flags);
        self.run(&arguments)
    }

    /// Imports a file that must have no faults, and returns what was printed.
    fn imported(&self, content: &str, flags: &[&str]) -> String {
        let ran = self.import(content, flags);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
        ran.out
    }

    fn export(&self) -> String {
        let ran = self.run(&["apps", "export"]);
        assert_eq!(ran.status, 0, "{}", ran.err);
        ran.out
    }

    fn db_grant(&self, id: i64, app: &str, user: i64, expires_at: &str) {
        self.database.execute(&format!(
            "INSERT INTO app_grants (id, app_id, user_id, created_at, expires_at, granted_by) \
             SELECT {id}, id, {user}, 1, {expires_at}, 'boss' FROM apps WHERE key = '{app}'"
        ));
    }

    fn db_request(&self, id: i64, app: &str, user: i64) {
        self.database.execute(&format!(
            "INSERT INTO access_requests (id, app_id, app_key, user_id, created_at, sentence, \
             state, decided_by, answer) \
             SELECT {id}, id, key, {user}, 1, 'please', 'open', '', '' FROM apps WHERE key = '{app}'"
        ));
    }

    fn db_hold(&self, user: i64, permission: &str) {
        self.database.execute(&format!(
            "INSERT INTO user_permissions (user_id, name, origin, label, granted_at, granted_by) \
             VALUES ({user}, '{permission}', '', '', 1, 'boss')"
        ));
    }
}
