//! The commands, as an operator types them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;

use frontdesk::config::OPTIONS;

use crate::support::process::{self, Process, client, command, free_port, output, text};
use crate::support::{Database, Desk, Person, Provider, on_both_databases, run};

fn no_settings() -> BTreeMap<String, String> {
    BTreeMap::new()
}

#[test]
fn help_names_every_command_and_every_setting() {
    let help = text(&output(&["--help"], &no_settings()).stdout);
    for word in [
        "demo",
        "serve",
        "migrate",
        "check",
        "secret-key",
        "promote",
        "createsuperuser",
    ] {
        assert!(help.contains(word), "{word}");
    }
    for option in OPTIONS {
        assert!(
            help.contains(option.name) && help.contains(option.meaning),
            "{}",
            option.name
        );
    }
}

#[test]
fn secret_key_prints_a_fresh_key_that_serve_accepts() {
    let key = text(&output(&["secret-key"], &no_settings()).stdout);
    assert_eq!(key.trim().len(), 43);
    assert_ne!(key, text(&output(&["secret-key"], &no_settings()).stdout));
}

#[test]
fn all_faults_of_the_settings_are_told_at_once_and_no_secret_is_shown() {
    run(async {
        let provider = Provider::start().await;
        let database = Database::sqlite();
        let mut settings = process::settings(free_port(), &provider, &database);
        for (name, value) in [
            ("OAUTH2_CLIENT_ID", ""),
            ("OAUTH2_CLIENT_SECRET", "hunter2-secret"),
            ("OAUTH2_CLIENT_SECRET_FILE", "/nonexistent"),
            ("OAUTH2_AUTHORIZE_URL", "ftp://id.example.com"),
            ("OAUTH2_REDIRECT_URL", "https://desk.example.com/login"),
            ("OAUTH2_PKCE", "maybe"),
            ("OAUTH2_CLIENT_AUTH", "jwt"),
            ("OAUTH2_USERNAME", "name"),
            ("OAUTH2_CLEINT_ID", "typo"),
            ("FRONTDESK_SESION_MAX", "typo"),
            ("FRONTDESK_SESSION_MAX", "forever"),
            ("FRONTDESK_SESSION_IDLE", "5"),
            ("FRONTDESK_LISTEN", "8000"),
            ("FRONTDESK_TRUSTED_PROXIES", "10.0.0.0/33"),
            ("FRONTDESK_LANGUAGE", "tlh"),
            ("FRONTDESK_TIME_ZONE", "Middle/Earth"),
            ("FRONTDESK_LOG_FORMAT", "xml"),
            ("DATABASE_URL", "postgres://u:pa%zz-secret@h/db"),
            ("SECRET_KEY", "too short secret"),
            (
                "SECRET_KEY_PREVIOUS",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            ),
            ("OAUTH2_CA_FILE", "/nonexistent"),
        ] {
            settings.insert(name.to_owned(), value.to_owned());
        }
        let failed = output(&["serve"], &settings);
        assert!(!failed.status.success());
        let message = text(&failed.stderr);
        for name in [
            "OAUTH2_CLIENT_ID",
            "OAUTH2_CLIENT_SECRET_FILE",
            "OAUTH2_AUTHORIZE_URL",
            "OAUTH2_REDIRECT_URL",
            "OAUTH2_PKCE",
            "OAUTH2_CLIENT_AUTH",
            "OAUTH2_USERNAME",
            "OAUTH2_CLEINT_ID",
            "FRONTDESK_SESION_MAX",
            "FRONTDESK_SESSION_MAX",
            "FRONTDESK_SESSION_IDLE",
            "FRONTDESK_LISTEN",
            "FRONTDESK_TRUSTED_PROXIES",
            "FRONTDESK_LANGUAGE",
            "FRONTDESK_TIME_ZONE",
            "FRONTDESK_LOG_FORMAT",
            "DATABASE_URL",
            "SECRET_KEY",
            "SECRET_KEY_PREVIOUS",
            "OAUTH2_CA_FILE",
        ] {
            assert!(
                message
                    .lines()
                    .any(|line| line.trim().starts_with(&format!("{name} "))),
                "{name} in {message}"
            );
        }
        assert!(
            !message.contains("secret@")
                && !message.contains("hunter2")
                && !message.contains("too short secret")
        );
        assert_eq!(message.matches("need mending").count(), 1, "one message");
        let missing = text(&output(&["serve"], &no_settings()).stderr);
        for name in [
            "OAUTH2_CLIENT_ID",
            "OAUTH2_CLIENT_SECRET",
            "OAUTH2_REDIRECT_URL",
            "OAUTH2_AUTHORIZE_URL",
            "OAUTH2_TOKEN_URL",
            "SECRET_KEY",
        ] {
            assert!(
                missing.contains(&format!("{name} is required")),
                "{name} in {missing}"
            );
        }
    });
}

#[test]
fn settings_come_from_the_environment_then_dotenv_and_secrets_from_files() {
    run(async {
        let provider = Provider::start().await;
        let database = Database::sqlite();
        let mut settings = process::settings(free_port(), &provider, &database);
        let folder = tempfile::tempdir().expect("a folder");
        // What Kubernetes injects for a service called frontdesk is no mistake.
        for (name, value) in [
            ("FRONTDESK_PORT", "tcp://10.0.0.1:80"),
            ("FRONTDESK_PORT_80_TCP", "x"),
            ("FRONTDESK_SERVICE_HOST", "10.0.0.1"),
        ] {
            settings.insert(name.to_owned(), value.to_owned());
        }
        let secret = settings.remove("SECRET_KEY").expect("a key");
        std::fs::write(folder.path().join("key"), format!("{secret}\n")).expect("a file");
        let mut dotenv = std::fs::File::create(folder.path().join(".env")).expect("a file");
        writeln!(dotenv, "SECRET_KEY_FILE={}\nOAUTH2_CLIENT_ID=from-dotenv\nOAUTH2_PROVIDER_NAME=\"Qinghe 账号\"", folder.path().join("key").display()).expect("a line");
        let checked = command(folder.path(), &["check"], &settings)
            .output()
            .expect("it runs");
        let lines = text(&checked.stdout);
        assert!(checked.status.success(), "{lines}{}", text(&checked.stderr));
        assert!(lines.contains("ok       settings"));
        assert!(!lines.contains(&secret) && !lines.contains("a secret of the provider"));
        writeln!(dotenv, "not a line").expect("a line");
        let broken = command(folder.path(), &["check"], &settings)
            .output()
            .expect("it runs");
        assert!(!broken.status.success());
        assert!(text(&broken.stderr).contains(".env"));
    });
}

on_both_databases! {
    async fn check_says_what_holds_and_what_to_do(database) {
        let provider = Provider::start().await;
        let mut settings = process::settings(free_port(), &provider, &database);
        assert!(text(&output(&["migrate"], &settings).stdout).contains("1 migration applied"));
        assert!(text(&output(&["migrate"], &settings).stdout).contains("up to date"));
        let good = output(&["check"], &settings);
        let lines = text(&good.stdout);
        assert!(good.status.success(), "{lines}");
        for line in ["settings", "database", "migrations", "PKCE", "OAUTH2_TOKEN_URL", "OAUTH2_USER_BASE_INFO_URL"] {
            assert!(lines.contains(line), "{line} in {lines}");
        }
        settings.insert("INTERNAL_URL_PREFIX".to_owned(), "http://127.0.0.1:1".to_owned());
        let bad = output(&["check"], &settings);
        assert!(!bad.status.success());
        assert!(text(&bad.stdout).contains("fault    OAUTH2_TOKEN_URL"), "{}", text(&bad.stdout));
        for secret in ["a secret of the provider", "process-tests-0123456789"] {
            assert!(!text(&bad.stdout).contains(secret) && !text(&bad.stderr).contains(secret));
        }
    }

    async fn the_first_admin_comes_about_by_promote(database) {
        let desk = Desk::on(database.clone()).run().await;
        let mut settings = process::settings(1, &desk.provider, &database);
        settings.retain(|name, _| name == "DATABASE_URL");
        let unknown = output(&["promote", "li", "--superuser"], &settings);
        assert!(!unknown.status.success());
        assert!(text(&unknown.stderr).contains("no account of that name"));
        let browser = desk.signed_in(&Person::named("li")).await;
        assert_eq!(browser.get("/admin/users").await.status, 403);
        for (flag, status) in [("--staff", 200), ("--superuser", 200)] {
            let done = output(&["promote", "li", flag], &settings);
            assert!(done.status.success(), "{}", text(&done.stderr));
            assert_eq!(browser.get("/admin/users").await.status.as_u16(), status, "at the next request");
        }
        let last = output(&["promote", "li", "--none"], &settings);
        assert!(!last.status.success());
        assert!(text(&last.stderr).contains("last active superuser"));
        desk.signed_in(&Person::named("wang")).await;
        assert!(output(&["promote", "wang", "--superuser"], &settings).status.success());
        assert!(output(&["promote", "li", "--none"], &settings).status.success());
        assert_eq!(browser.get("/admin/users").await.status, 403);
        let events = desk.database.texts("SELECT actor || ' ' || username AS value FROM audit_events WHERE event = 'role_changed' ORDER BY id");
        assert_eq!(events, ["command line li", "command line li", "command line wang", "command line li"]);
        // A sign-in does not take the role back.
        desk.signed_in(&Person::named("wang")).await;
        assert_eq!(desk.database.number("SELECT COUNT(*) AS value FROM users WHERE is_superuser"), 1);
    }

    async fn t81_createsuperuser_stores_argon2id_and_refuses_what_is_weak_or_taken(database) {
        let settings: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), database.url.clone())].into();
        let with_password = |arguments: &[&str], password: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            let mut child = command(folder.path(), arguments, &settings)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it starts");
            // A command that refuses the name does not stay to read the password.
            let _gone = writeln!(child.stdin.take().expect("a pipe"), "{password}");
            let done = child.wait_with_output().expect("it ends");
            (done.status.success(), text(&done.stderr))
        };
        let create = ["createsuperuser", "root", "--email", "root@example.com", "--password-stdin"];
        assert!(!with_password(&create, "too short").0);
        assert!(!with_password(&create, &"x".repeat(129)).0);
        assert_eq!(with_password(&create, "correct horse battery"), (true, String::new()));
        let stored = database.texts("SELECT password AS value FROM users");
        assert!(stored[0].starts_with("$argon2id$v=19$"));
        let (done, message) = with_password(&create, "correct horse battery");
        assert!(!done && message.contains("taken"), "{message}");
        assert!(!with_password(&["createsuperuser", "a\u{7}b", "--password-stdin"], "correct horse battery").0);
        assert!(with_password(&["changepassword", "root", "--password-stdin"], "another horse battery").0);
        assert_ne!(database.texts("SELECT password AS value FROM users"), stored);
        assert!(!with_password(&["changepassword", "nobody", "--password-stdin"], "another horse battery").0);
        let no_terminal = output(&["createsuperuser", "other"], &settings);
        assert!(text(&no_terminal.stderr).contains("--password-stdin"));
        assert_eq!(database.texts("SELECT event AS value FROM audit_events ORDER BY id"), ["superuser_created", "password_changed"]);
    }
}

#[test]
fn health_is_told_apart_from_readiness() {
    run(async {
        let desk = Desk::start().await;
        let browser = desk.browser();
        assert_eq!(browser.get("/healthz").await.body, "alive\n");
        assert_eq!(browser.get("/readyz").await.body, "ready\n");
        desk.database
            .execute("ALTER TABLE __diesel_schema_migrations RENAME TO away");
        assert_eq!(browser.get("/readyz").await.status, 503);
        assert_eq!(browser.get("/healthz").await.status, 200);
    });
}

#[test]
fn the_log_can_be_json_with_the_same_fields_for_each_step() {
    run(async {
        let provider = Provider::start().await;
        let database = Database::sqlite();
        let mut settings = process::settings(free_port(), &provider, &database);
        settings.insert("FRONTDESK_LOG_FORMAT".to_owned(), "json".to_owned());
        settings.insert("RUST_LOG".to_owned(), "trace".to_owned());
        let process = Process::serve(&settings).await;
        let client = client();
        let begun = client
            .get(format!("{}/oauth2/login", process.url))
            .send()
            .await
            .expect("an answer");
        let binding = begun.headers()["set-cookie"]
            .to_str()
            .expect("ASCII")
            .split(';')
            .next()
            .expect("a pair")
            .to_owned();
        let callback = provider.approve(
            begun.headers()["location"].to_str().expect("ASCII"),
            &Person::named("李"),
        );
        client
            .get(callback)
            .header("cookie", binding)
            .send()
            .await
            .expect("an answer");
        let log = process.log();
        let mut steps = Vec::new();
        for line in log.lines() {
            let line: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            if line.get("attempt").is_some() {
                for field in [
                    "event", "attempt", "provider", "user", "ms", "outcome", "time", "level",
                ] {
                    assert!(line.get(field).is_some(), "no {field} in {line}");
                }
                steps.push(line["event"].as_str().expect("a text").to_owned());
            }
        }
        assert_eq!(
            steps,
            [
                "sign_in_begun",
                "sign_in_returned",
                "token_call",
                "profile_call",
                "sign_in_finished"
            ]
        );
        for canary in provider.canaries() {
            assert!(!log.contains(&canary[..12]));
        }
    });
}

/// The binary is one file that any Linux of its kind runs.
#[test]
fn the_binary_links_libc_and_libgcc_alone() {
    let listed = std::process::Command::new("ldd")
        .arg(env!("CARGO_BIN_EXE_frontdesk"))
        .output()
        .expect("ldd");
    for line in text(&listed.stdout).lines() {
        let is_known = [
            "linux-vdso",
            "libc.so",
            "libm.so",
            "libgcc_s",
            "ld-linux",
            "libdl.so",
            "libpthread",
        ]
        .iter()
        .any(|library| line.contains(library));
        assert!(is_known, "{line}");
    }
}
