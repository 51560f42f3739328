//! Importing the accounts of a Django app. Django itself made them, on both databases.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::portal::PASSWORD;
use crate::support::process::{output, text};
use crate::support::{
    Answer, Browser, Database, Db, Person, Portal, left_out, on_both_databases, run,
};

/// Of the people without a Chinese name in the old portal.
const OLD_PASSWORD: &str = "a horse of the old portal";

/// What is in the old portal, as Django sees it.
#[derive(Clone)]
struct Told {
    people: BTreeMap<String, Value>,
    /// Names that no account here can have.
    impossible: Vec<String>,
}

struct OldPortal {
    database: Database,
    told: Told,
}

/// Has Django make an old portal at `url`.
fn make(python: &str, url: &str, people: &str) -> Told {
    let made = Command::new(python)
        .args(["tests/platform/old_portal.py", url, "--people", people])
        .output()
        .unwrap_or_else(|error| panic!("{python}: {error}"));
    assert!(made.status.success(), "{}", text(&made.stderr));
    let mut told: Value = serde_json::from_slice(&made.stdout).expect("one line of JSON");
    Told {
        people: serde_json::from_value(told["people"].take()).expect("people by username"),
        impossible: serde_json::from_value(told["impossible"].take()).expect("names"),
    }
}

fn python() -> Option<String> {
    let python = std::env::var("TEST_PYTHON").ok();
    if python.is_none() {
        left_out("Django");
    }
    python
}

/// A copy of an SQLite file that Django made once for this run.
fn on_sqlite(kept: &'static OnceLock<(Vec<u8>, Told)>, python: &str, people: &str) -> OldPortal {
    let (bytes, told) = kept.get_or_init(|| {
        let database = Database::sqlite();
        let told = make(python, &database.url, people);
        (fs::read(&database.url).expect("Django's file"), told)
    });
    let database = Database::sqlite();
    fs::write(&database.url, bytes).expect("a file");
    OldPortal {
        database,
        told: told.clone(),
    }
}

/// A thousand people on each database that this run has. They are only read, so on PostgreSQL all
/// tests share them.
fn old_portals() -> Vec<OldPortal> {
    static SQLITE: OnceLock<(Vec<u8>, Told)> = OnceLock::new();
    static POSTGRESQL: OnceLock<Option<(Database, Told)>> = OnceLock::new();
    let Some(python) = python() else {
        return Vec::new();
    };
    let mut portals = vec![on_sqlite(&SQLITE, &python, "1000")];
    let shared = POSTGRESQL.get_or_init(|| {
        let database = Database::postgresql()?;
        let told = make(&python, &database.url, "1000");
        Some((database, told))
    });
    if let Some((database, told)) = shared {
        portals.push(OldPortal {
            database: database.clone(),
            told: told.clone(),
        });
    }
    portals
}

/// A few people of each kind.
fn small_portal() -> Option<OldPortal> {
    static SQLITE: OnceLock<(Vec<u8>, Told)> = OnceLock::new();
    Some(on_sqlite(&SQLITE, &python()?, "30"))
}

/// A fresh database of the same kind.
fn another(database: &Database) -> Database {
    if database.is_postgresql() {
        Database::postgresql().expect("PostgreSQL, as for the first")
    } else {
        Database::sqlite()
    }
}

fn import(source: &str, database: &Database, flags: &[&str]) -> Output {
    let settings: BTreeMap<String, String> =
        [("DATABASE_URL".to_owned(), database.url.clone())].into();
    let mut arguments = vec!["import-django", source];
    arguments.extend_from_slice(flags);
    output(&arguments, &settings)
}

/// What a run that went well says.
fn imported(old: &OldPortal, database: &Database, flags: &[&str]) -> String {
    let done = import(&old.database.url, database, flags);
    let said = text(&done.stdout);
    assert!(done.status.success(), "{said}{}", text(&done.stderr));
    for hidden in ["pbkdf2_sha256", "argon2", OLD_PASSWORD] {
        assert!(!said.contains(hidden) && !text(&done.stderr).contains(hidden));
    }
    said
}

/// Everything that a run could have changed.
fn db_state(database: &Database) -> (String, Vec<String>) {
    let accounts = database.texts(
        "SELECT CAST(id AS TEXT) || ' ' || CAST(imported_at AS TEXT) || ' ' || username AS value \
         FROM users ORDER BY id",
    );
    (database.dump(), accounts)
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// Each account in one line, as the old portal says that it must be.
fn expected_accounts(told: &Told) -> Vec<String> {
    let flag = |person: &Value, name: &str, letter| {
        if person[name].as_bool().expect("a flag") {
            letter
        } else {
            "-"
        }
    };
    told.people
        .iter()
        .map(|(username, person)| {
            format!(
                "{username}|{}|{}|{}{}{}|{}|{}|{}",
                person["first_name"].as_str().expect("a name"),
                person["email"].as_str().expect("an address"),
                flag(person, "is_active", "a"),
                flag(person, "is_staff", "s"),
                flag(person, "is_superuser", "u"),
                person["date_joined"],
                person["last_login"],
                if is_kept(person) {
                    person["hash"].as_str().expect("a hash")
                } else {
                    "null"
                },
            )
        })
        .collect()
}

fn db_accounts(database: &Database) -> Vec<String> {
    database.texts(
        "SELECT username || '|' || first_name || '|' || email || '|' \
         || CASE WHEN is_active THEN 'a' ELSE '-' END \
         || CASE WHEN is_staff THEN 's' ELSE '-' END \
         || CASE WHEN is_superuser THEN 'u' ELSE '-' END || '|' \
         || CAST(date_joined AS TEXT) || '|' \
         || COALESCE(CAST(last_login AS TEXT), 'null') || '|' \
         || COALESCE(password, 'null') AS value FROM users",
    )
}

/// Whether the kind of hash is one that is imported.
fn is_kept(person: &Value) -> bool {
    ["default", "quick", "argon2"].contains(&person["kind"].as_str().expect("a kind"))
}

async fn behind_a_proxy(database: Database) -> Portal {
    Portal::on(database)
        .with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1")
        .run()
        .await
}

/// Signs in with a password on the form, from an address of its own.
async fn try_password(
    portal: &Portal,
    number: usize,
    username: &str,
    password: &str,
) -> (Browser, Answer) {
    let browser = portal.browser();
    let page = browser.get("/login?next=/account").await;
    let fields = [
        ("username", username),
        ("password", password),
        ("next", "/account"),
    ];
    let address = format!("10.3.0.{number}");
    let answer = browser
        .post_with("/login", &page, &fields, &[("x-forwarded-for", &address)])
        .await;
    (browser, answer)
}

fn stored_hash(portal: &Portal, username: &str) -> String {
    portal.db_fields_of(username, "password").remove(0)
}

on_both_databases! {
    async fn a_thousand_people_move_in_with_everything_they_had(database) {
        for old in old_portals() {
            let database = another(&database);
            let said = imported(&old, &database, &[]);
            assert!(said.contains("1000 of 1002 accounts"), "{said}");
            assert!(said.contains("FRONTDESK_ADOPT_IMPORTED=on"));
            for (name, shown) in [("a\u{202e}b", "a\\u{202e}b: "), ("bell\u{7}", "bell\\u{7}: ")] {
                assert!(old.told.impossible.iter().any(|impossible| impossible == name));
                assert!(said.contains(shown) && !said.contains(name), "{said}");
            }

            assert_eq!(sorted(db_accounts(&database)), sorted(expected_accounts(&old.told)));
            assert_eq!(
                database.texts("SELECT username AS value FROM users ORDER BY id"),
                database.texts("SELECT username AS value FROM users ORDER BY date_joined"),
                "the newest first, as for everybody else"
            );
            assert_eq!(database.count("users WHERE imported_at IS NOT NULL AND synced_at IS NULL AND NOT is_staff_by_permission AND NOT is_superuser_by_permission"), 1000);
            assert_eq!(database.count("identities") + database.count("sessions"), 0);

            let held = database.texts(
                "SELECT u.username || ': ' || p.name AS value FROM user_permissions p JOIN users u ON u.id = p.user_id");
            let expected: Vec<String> = old.told.people.iter()
                .flat_map(|(username, person)| {
                    let names = person["permissions"].as_array().expect("a list");
                    names.iter().map(move |name| format!("{username}: {}", name.as_str().expect("a name")))
                })
                .collect();
            assert!(expected.len() > 500, "{}", expected.len());
            assert_eq!(sorted(held), sorted(expected));
            assert_eq!(
                sorted(database.texts("SELECT DISTINCT name || ' = ' || label || origin || ', ' || granted_by AS value FROM user_permissions")),
                [
                    "Editors = , import-django",
                    "auth.add_user = Can add user, import-django",
                    "auth.change_user = Can change user, import-django",
                    "auth.view_group = Can view group, import-django",
                    "auth.view_permission = Can view permission, import-django",
                    "auth.view_user = Can view user, import-django",
                    "财务部 = , import-django",
                ]
            );

            assert_eq!(
                database.texts("SELECT DISTINCT event || ' ' || outcome || ' ' || actor AS value FROM audit_events"),
                ["account_imported success command line"]
            );
            assert_eq!(database.count("audit_events"), 1000);
            assert_eq!(database.number(
                "SELECT COUNT(DISTINCT u.id) AS value FROM audit_events e JOIN users u ON u.id = e.user_id AND u.username = e.username"), 1000);

            // A second time it finds everything done.
            let before = db_state(&database);
            let again = imported(&old, &database, &[]);
            assert!(again.lines().any(|line| line.starts_with("0 of 1002 accounts")), "{again}");
            assert!(again.contains(" 1000 imported before"), "{again}");
            assert_eq!(db_state(&database), before);
        }
    }

    async fn a_dry_run_says_what_would_happen_and_changes_nothing(database) {
        for old in old_portals() {
            let database = another(&database);
            let said = imported(&old, &database, &["--dry-run"]);
            let line = |username: &str| {
                let start = format!("{username} ");
                said.lines()
                    .find(|line| line.starts_with(&start))
                    .unwrap_or_else(|| panic!("no {username} in {said}"))
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            assert_eq!(line("username"), "username name email active role last sign-in password permissions what happens");
            assert_eq!(line("wangwei"), "wangwei 王伟 1@example.com yes employee 2015-02-07 kept 0 new account");
            assert!(line("gone").contains(" no employee "));
            assert!(line("look").contains(" staff "));
            assert!(line("root").contains(" superuser "));
            assert!(line("newcomer").contains(" never kept "));
            assert!(line("locked").contains(" unusable 0 new account"));
            assert!(line("blank").contains(" none 0 new account"));
            for username in ["scrypt", "md5"] {
                assert!(line(username).contains(" kind not supported 0 new account"));
            }
            assert!(line("editor").contains(" kept 6 new account"));
            assert!(line("bell\\u{7}").ends_with("nothing: the username contains control characters"));
            assert!(said.contains("1000 of 1002 accounts") && said.contains("would be imported"));
            assert!(said.contains("Nothing was changed"));
            for table in ["users", "user_permissions", "audit_events"] {
                assert_eq!(database.count(table), 0, "{table}");
            }

            imported(&old, &database, &[]);
            let before = db_state(&database);
            let said = imported(&old, &database, &["--dry-run"]);
            assert_eq!(said.matches("nothing: imported before").count(), 1000);
            assert_eq!(db_state(&database), before);
        }
    }

    async fn an_account_that_is_here_already_is_left_as_it_is(database) {
        let Some(old) = small_portal() else { return };
        let portal = Portal::on(database).run().await;
        portal.db_create_local_account("boss");
        portal.signed_in(&Person::named("quick")).await;
        let hash = stored_hash(&portal, "boss");
        let said = imported(&old, &portal.database, &[]);
        for name in ["boss", "quick"] {
            assert!(said.contains(&format!("{name}: an account with that name already exists")), "{said}");
        }
        assert_eq!(portal.database.count("users WHERE imported_at IS NULL AND NOT is_superuser"), 2);
        assert_eq!(stored_hash(&portal, "boss"), hash);
        assert_eq!(stored_hash(&portal, "quick"), "NULL");
        assert_eq!(portal.database.count("users"), 30);

        // Nor is somebody made a second time who has another name by now.
        portal.db_set_field_of("anna", "username", "anna.hart");
        imported(&old, &portal.database, &[]);
        assert_eq!(portal.database.count("users"), 30);
    }

    async fn people_sign_in_with_their_old_passwords_and_get_a_hash_of_ours(database) {
        let Some(old) = small_portal() else { return };
        let portal = behind_a_proxy(database).await;
        imported(&old, &portal.database, &[]);
        let names = ["anna", "wangwei", "argon", "argonzh", "quick", "editor", "boss", "o'brien <b>", "王芳", "newcomer"];
        for (number, username) in names.into_iter().enumerate() {
            let person = &old.told.people[username];
            let password = person["password"].as_str().expect("a password");
            assert_eq!(stored_hash(&portal, username), person["hash"].as_str().expect("a hash"));
            let (browser, answer) = try_password(&portal, number, username, password).await;
            assert_eq!((answer.status.as_u16(), answer.location()), (303, "/account"), "{username}");
            assert_eq!(browser.get("/account").await.user().as_deref(), Some(username));
            assert!(stored_hash(&portal, username).starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{username}");
        }
        // With the new hash too, and it stays.
        let hash = stored_hash(&portal, "quick");
        assert_eq!(try_password(&portal, 50, "quick", OLD_PASSWORD).await.1.status, 303);
        assert_eq!(stored_hash(&portal, "quick"), hash);
        let (boss, _) = try_password(&portal, 51, "boss", OLD_PASSWORD).await;
        assert_eq!(boss.get("/admin/users").await.status, 200, "the role came along");
    }

    async fn a_wrong_old_password_opens_nothing_and_neither_does_one_that_was_not_imported(database) {
        let Some(old) = small_portal() else { return };
        let portal = behind_a_proxy(database).await;
        imported(&old, &portal.database, &[]);
        let hash = stored_hash(&portal, "quick");
        let tries = [
            ("quick", "another horse of the old portal"),
            ("quick", ""),
            ("quick", hash.as_str()),
            ("gone", OLD_PASSWORD),
            ("locked", OLD_PASSWORD),
            ("locked", "!"),
            ("locked", ""),
            ("blank", OLD_PASSWORD),
            ("blank", ""),
            ("scrypt", OLD_PASSWORD),
            ("md5", OLD_PASSWORD),
        ];
        for (number, (username, password)) in tries.into_iter().enumerate() {
            let (_, answer) = try_password(&portal, number, username, password).await;
            assert_eq!(answer.status, 422, "{username}");
            assert!(!answer.sets_session());
        }
        assert_eq!(stored_hash(&portal, "quick"), hash);
        for username in ["locked", "blank", "scrypt", "md5"] {
            assert_eq!(stored_hash(&portal, username), "NULL");
        }
        assert_eq!(portal.database.count("sessions"), 0);
    }

    async fn the_first_company_sign_in_lands_on_an_imported_account_where_that_is_set(database) {
        let Some(old) = small_portal() else { return };
        let portal = Portal::on(database)
            .with("FRONTDESK_ADOPT_IMPORTED", "on")
            .with("OAUTH2_SUBJECT", "/id")
            .run()
            .await;
        imported(&old, &portal.database, &[]);
        let (before, answer) = try_password(&portal, 0, "editor", OLD_PASSWORD).await;
        assert_eq!(answer.status, 303);
        let was = portal.db_id_of("editor");

        let editor = Person::named("editor").with("id", 7).with("name_cn", "编辑");
        let browser = portal.signed_in(&editor).await;
        assert_eq!(browser.get("/account").await.user().as_deref(), Some("editor"));
        assert_eq!(portal.db_id_of("editor"), was, "the same account");
        assert_eq!(portal.database.count("users"), 30);
        assert_eq!(portal.db_identities(), ["company 7 editor"]);
        assert_eq!(portal.db_permissions_of("editor").len(), 6);
        // The door of the old portal is closed.
        assert_eq!(stored_hash(&portal, "editor"), "NULL");
        assert_eq!(before.get("/account").await.status, 303, "its session has ended");
        assert_eq!(try_password(&portal, 1, "editor", OLD_PASSWORD).await.1.status, 422);
        assert_eq!(portal.database.count("audit_events WHERE username = 'editor' AND details LIKE '%\"adopted\":true%'"), 1);

        // The second sign-in is one like any other.
        portal.signed_in(&editor).await;
        assert_eq!(portal.database.count("audit_events WHERE details LIKE '%\"adopted\":true%'"), 1);
        // And somebody else of that name is refused, as ever.
        let other = Person::named("editor").with("id", 8);
        assert_eq!(portal.browser().sign_in(&other, "/").await.status, 409);
    }

    async fn an_account_with_a_role_or_inactive_or_not_imported_is_never_adopted(database) {
        let Some(old) = small_portal() else { return };
        let portal = Portal::on(database).with("FRONTDESK_ADOPT_IMPORTED", "on").run().await;
        portal.db_create_local_account("local");
        imported(&old, &portal.database, &[]);
        let before = db_accounts(&portal.database);
        for name in ["look", "boss", "root", "local"] {
            let answer = portal.browser().sign_in(&Person::named(name), "/").await;
            assert_eq!(answer.status, 409, "{name}");
            assert!(!answer.sets_session());
        }
        let answer = portal.browser().sign_in(&Person::named("gone"), "/").await;
        assert!([403, 409].contains(&answer.status.as_u16()), "{}", answer.status);
        assert!(!answer.sets_session());
        assert_eq!(sorted(db_accounts(&portal.database)), sorted(before));
        assert_eq!(portal.database.count("identities"), 0);
        let (_, answer) = try_password(&portal, 0, "local", PASSWORD).await;
        assert_eq!(answer.status, 303, "its password is still there");
    }

    async fn without_the_setting_an_imported_name_is_taken(database) {
        let Some(old) = small_portal() else { return };
        let portal = Portal::on(database).run().await;
        imported(&old, &portal.database, &[]);
        let answer = portal.browser().sign_in(&Person::named("quick"), "/").await;
        assert_eq!(answer.status, 409);
        assert!(answer.body.contains("quick") && !answer.sets_session());
        assert_eq!(portal.database.count("identities"), 0);
        assert_eq!(try_password(&portal, 0, "quick", OLD_PASSWORD).await.1.status, 303);
    }

    async fn a_source_that_is_no_old_portal_is_refused_and_nothing_is_imported(database) {
        let folder = tempfile::tempdir().expect("a folder");
        let nowhere = folder.path().join("nowhere.sqlite3");
        let nowhere = nowhere.to_str().expect("a path in Unicode");
        let empty = another(&database);
        empty.execute("CREATE TABLE something (id BIGINT)");
        for (source, word) in [
            (nowhere, "there is no file"),
            (empty.url.as_str(), "has no table auth_user"),
            ("", "is empty"),
            ("mysql://app@db/app", "DATABASE_URL"),
            ("postgres://app:pa%zz-secret@db/app", "DATABASE_URL"),
        ] {
            let failed = import(source, &database, &[]);
            let message = text(&failed.stderr);
            assert!(!failed.status.success(), "{source}");
            assert!(message.contains(word), "{message}");
            assert!(!message.contains("secret"));
        }
        assert!(!Path::new(nowhere).exists());
        assert!(database.is_postgresql() || !Path::new(&database.url).exists());
    }
}

/// Not even SQLite's own files come to stand beside it.
#[test]
fn the_old_database_is_only_read() {
    let Some(old) = small_portal() else { return };
    let file = Path::new(&old.database.url);
    let before = fs::read(file).expect("a file");
    imported(&old, &Database::sqlite(), &[]);
    assert_eq!(fs::read(file).expect("a file"), before);
    let beside = fs::read_dir(file.parent().expect("a folder")).expect("a folder");
    assert_eq!(beside.count(), 1);
}
