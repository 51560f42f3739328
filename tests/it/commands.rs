//! The commands, as an operator types them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};

use frontdesk::config::OPTIONS;

use crate::support::process::{self, Process, client, command, free_port, output, text};
use crate::support::{Database, Db, OpenId, Person, Portal, Provider, on_both_databases, run};

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
        "init",
        "rescue",
        "rekey",
        "completions",
        "man",
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
fn all_faults_of_the_settings_are_reported_at_once_and_no_secret_is_shown() {
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
        assert_eq!(
            message.matches("Invalid configuration").count(),
            1,
            "one message"
        );
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
    async fn check_reports_what_is_set_up_correctly_and_how_to_fix_the_rest(database) {
        let provider = Provider::start().await;
        let mut settings = process::settings(free_port(), &provider, &database);
        assert!(text(&output(&["migrate"], &settings).stdout).contains("6 migrations applied"));
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

    async fn promote_makes_the_first_admin(database) {
        let portal = Portal::on(database.clone()).run().await;
        let mut settings = process::settings(1, &portal.provider, &database);
        settings.retain(|name, _| name == "DATABASE_URL");
        let unknown = output(&["promote", "li", "--superuser"], &settings);
        assert!(!unknown.status.success());
        assert!(text(&unknown.stderr).contains("no account with that name"));
        let browser = portal.signed_in(&Person::named("li")).await;
        assert_eq!(browser.get("/admin/users").await.status, 403);
        for (flag, status) in [("--read-only-admin", 200), ("--staff", 200), ("--none", 403), ("--admin", 200), ("--superuser", 200)] {
            let done = output(&["promote", "li", flag], &settings);
            assert!(done.status.success(), "{}", text(&done.stderr));
            assert_eq!(browser.get("/admin/users").await.status.as_u16(), status, "at the next request");
        }
        let last = output(&["promote", "li", "--none"], &settings);
        assert!(!last.status.success());
        assert!(text(&last.stderr).contains("last active admin"));
        portal.signed_in(&Person::named("wang")).await;
        assert!(output(&["promote", "wang", "--superuser"], &settings).status.success());
        assert!(output(&["promote", "li", "--none"], &settings).status.success());
        assert_eq!(browser.get("/admin/users").await.status, 403);
        let events = portal.db_events_of("role_changed", &["actor", "username"]);
        // The fourth was refused: nobody could have administered the portal any more. What was so
        // already has no row.
        assert_eq!(events, ["command line li", "command line li", "command line li", "command line li", "command line wang", "command line li"]);
        // A sign-in does not take the role back.
        portal.signed_in(&Person::named("wang")).await;
        assert_eq!(portal.database.count("users WHERE is_superuser"), 1);
    }

    async fn createsuperuser_stores_argon2id_and_refuses_what_is_weak_or_taken(database) {
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
        let stored = database.db_column("users", "password");
        assert!(stored[0].starts_with("$argon2id$v=19$"));
        let (done, message) = with_password(&create, "correct horse battery");
        assert!(!done && message.contains("taken"), "{message}");
        assert!(!with_password(&["createsuperuser", "a\u{7}b", "--password-stdin"], "correct horse battery").0);
        assert!(with_password(&["changepassword", "root", "--password-stdin"], "another horse battery").0);
        assert_ne!(database.db_column("users", "password"), stored);
        assert!(!with_password(&["changepassword", "nobody", "--password-stdin"], "another horse battery").0);
        let no_terminal = output(&["createsuperuser", "other"], &settings);
        assert!(text(&no_terminal.stderr).contains("--password-stdin"));
        assert_eq!(database.db_events(&["event"]), ["superuser_created", "password_changed"]);
    }
}

#[test]
fn health_is_told_apart_from_readiness() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.browser();
        assert_eq!(browser.get("/healthz").await.body, "alive\n");
        assert_eq!(browser.get("/readyz").await.body, "ready\n");
        portal
            .database
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

/// `frontdesk init` in `folder`; `input` is its standard input.
fn init(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let arguments: Vec<&str> = ["init"].iter().chain(arguments).copied().collect();
    let mut child = command(folder, &arguments, &no_settings())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // An init that refuses its flags does not stay to read the password.
    let _gone = writeln!(child.stdin.take().expect("a pipe"), "{input}");
    child.wait_with_output().expect("it ends")
}

on_both_databases! {
    async fn init_writes_settings_that_check_and_serve_take(database) {
        let provider = Provider::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let secret = "it's $ecret # \\";
        fs::write(folder.path().join("secret"), format!("{secret}\n")).expect("a file");
        let public = format!("http://127.0.0.1:{}", free_port());
        let authorize = format!("{}/o/authorize/", provider.url);
        let arguments = [
            "--yes", "--public-url", &public, "--authorize-url", &authorize,
            "--client-id", "frontdesk", "--client-secret-file", "secret",
            "--permissions-url", "-", "--company-name", "李家集团",
            "--time-zone", "Asia/Shanghai", "--database-url", &database.url,
            "--superuser", "root", "--email", "root@example.com", "--password-stdin",
        ];
        let done = init(folder.path(), &arguments, "correct horse battery");
        let said = text(&done.stdout);
        assert!(done.status.success(), "{said}{}", text(&done.stderr));
        let file = folder.path().join(".env");
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for line in [
            "ok       settings".to_owned(),
            format!("{public}/oauth2_callback/"),
            "root is an admin".to_owned(),
            "/login?local".to_owned(),
            "systemctl enable --now frontdesk".to_owned(),
        ] {
            assert!(said.contains(&line), "{line} in {said}");
        }
        assert!(!said.contains("reverse_proxy"), "no proxy for http");
        for hidden in ["$ecret", "correct horse", "SECRET_KEY="] {
            assert!(!said.contains(hidden) && !text(&done.stderr).contains(hidden));
        }
        assert_eq!(database.texts("SELECT username AS value FROM users WHERE is_superuser"), ["root"]);
        let variables: BTreeMap<String, String> = dotenvy::from_path_iter(&file)
            .expect("a file")
            .collect::<Result<_, _>>()
            .expect("lines");
        assert_eq!(variables["OAUTH2_CLIENT_SECRET"], secret);
        let checked = command(folder.path(), &["check"], &no_settings()).output().expect("it runs");
        assert!(checked.status.success(), "{}", text(&checked.stdout));
        Process::serve(&variables).await;

        // A second time it touches nothing.
        let before = fs::read(&file).expect("a file");
        let again = init(folder.path(), &arguments, "correct horse battery");
        assert!(!again.status.success());
        assert!(text(&again.stderr).contains("frontdesk check"), "{}", text(&again.stderr));
        assert_eq!(fs::read(&file).expect("a file"), before);
    }

    async fn a_rescue_link_from_the_command_line_signs_its_owner_in(database) {
        let provider = Provider::start().await;
        let mut settings = process::settings(free_port(), &provider, &database);
        settings.insert("FRONTDESK_PASSWORD_LOGIN".to_owned(), "off".to_owned());
        let portal = Process::serve(&settings).await;
        let none = output(&["rescue", "root"], &settings);
        assert!(!none.status.success());
        assert!(text(&none.stderr).contains("no account with that name"), "{}", text(&none.stderr));
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = command(folder.path(), &["createsuperuser", "root", "--password-stdin"], &settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        writeln!(child.stdin.take().expect("a pipe"), "correct horse battery").expect("a password");
        assert!(child.wait().expect("it ends").success());
        let said = text(&output(&["rescue", "root"], &settings).stdout);
        let link = said.lines().next().expect("a link");
        assert!(link.starts_with(&format!("{}/rescue?token=", portal.url)), "{said}");
        let page = client().get(link).header("accept", "text/html").send().await.expect("an answer");
        assert_eq!(page.status(), 200);
        assert!(page.text().await.expect("a page").contains("<strong>root</strong>"));
        let token = link.split_once("token=").expect("a token").1;
        assert!(!portal.log().contains(token), "no token in the log");
        assert_eq!(
            database.db_events_of("rescue_link_made", &["actor"]),
            ["command line"]
        );
    }
}

#[test]
fn check_sees_files_with_secrets_that_everybody_can_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("Unicode")
            .to_owned()
    };
    let toml = "[a]\nkind = \"openid\"\nissuer = \"http://127.0.0.1:1\"\nclient_id = \"x\"\nclient_secret_file = \"secret\"\n";
    let key = "q8Zr1nT5xW2vB7kJ4mL9pS6dF3gH0yUcE8aRtN2wQ5x";
    for (name, text, mode) in [
        ("providers.toml", toml, 0o600),
        ("secret", "a secret of the provider", 0o644),
        ("key", key, 0o644),
    ] {
        fs::write(path(name), text).expect("a file");
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).expect("its mode");
    }
    let settings: BTreeMap<String, String> = [
        ("FRONTDESK_PROVIDERS", path("providers.toml")),
        ("FRONTDESK_PUBLIC_URL", "http://127.0.0.1:8000".to_owned()),
        ("DATABASE_URL", path("desk.sqlite3")),
        ("SECRET_KEY_FILE", path("key")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let said = command(folder.path(), &["check"], &settings).output();
    let said = text(&said.expect("it runs").stdout);
    for line in [
        format!(
            "ok       {}: not readable by everyone",
            path("providers.toml")
        ),
        format!("warning  {}: everyone", path("secret")),
        format!("warning  {}: everyone", path("key")),
    ] {
        assert!(said.contains(&line), "{line} in {said}");
    }
}

#[test]
fn init_by_issuer_asks_the_metadata_for_every_address() {
    run(async {
        let provider = OpenId::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("secret"), &provider.secret).expect("a file");
        let public = format!("http://127.0.0.1:{}", free_port());
        let database = folder.path().join("desk.sqlite3");
        let database = database.to_str().expect("a path");
        let arguments = [
            "--yes",
            "--public-url",
            &public,
            "--issuer",
            &provider.issuer,
            "--client-id",
            "frontdesk",
            "--client-secret-file",
            "secret",
            "--database-url",
            database,
        ];
        let done = init(folder.path(), &arguments, "");
        let said = text(&done.stdout);
        assert!(done.status.success(), "{said}{}", text(&done.stderr));
        for line in [
            "ok       discovery: the issuer matches the setting".to_owned(),
            "ok       client secret".to_owned(),
            format!("redirect URL:  {public}/oauth2_callback/"),
            format!("post-logout:   {public}/signed-out"),
            format!("back-channel:  {public}/oidc/backchannel-logout/company"),
        ] {
            assert!(said.contains(&line), "{line} in {said}");
        }
        let variables: BTreeMap<String, String> =
            dotenvy::from_path_iter(folder.path().join(".env"))
                .expect("a file")
                .collect::<Result<_, _>>()
                .expect("lines");
        let portal = Process::serve(&variables).await;
        let begun = client()
            .get(format!("{}/oauth2/login", portal.url))
            .send()
            .await
            .expect("an answer");
        let location = begun.headers()["location"].to_str().expect("an address");
        assert!(location.starts_with(&format!("{}/authorize?", provider.issuer)));

        // Both are one too many.
        let both: Vec<&str> = arguments
            .into_iter()
            .chain(["--authorize-url", "https://id.example.com/o/authorize/"])
            .collect();
        let elsewhere = tempfile::tempdir().expect("a folder");
        let refused = text(&init(elsewhere.path(), &both, "").stderr);
        assert!(refused.contains("cannot be used with"), "{refused}");
    });
}

#[test]
fn a_refused_init_leaves_nothing_half_made() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("secret"), "a secret of the provider").expect("a file");
    let good = [
        "--public-url",
        "https://desk.example.com:8443",
        "--authorize-url",
        "http://127.0.0.1:1/o/authorize/",
        "--client-id",
        "frontdesk",
        "--client-secret-file",
        "secret",
    ];
    let missing = text(&init(folder.path(), &["--yes"], "").stderr);
    for flag in [
        "--public-url",
        "--authorize-url",
        "--client-id",
        "--client-secret-file",
    ] {
        assert!(missing.contains(flag), "{missing}");
    }
    for (more, password, reason) in [
        (
            vec!["--time-zone", "Middle/Earth"],
            "",
            "--time-zone must be",
        ),
        (
            vec!["--admin", "root", "--password-stdin"],
            "too short",
            "at least 12 characters",
        ),
        (
            vec!["--superuser", "a\u{7}b", "--password-stdin"],
            "correct horse battery",
            "username",
        ),
        (vec!["--superuser", "root"], "", "--password-stdin"),
        (vec!["--email", "root@example.com"], "", "--admin"),
    ] {
        let arguments: Vec<&str> = good.iter().copied().chain(more).collect();
        let refused = init(folder.path(), &arguments, password);
        assert!(!refused.status.success());
        let said = text(&refused.stderr);
        assert!(said.contains(reason), "{reason}: {said}");
        let names: Vec<_> = fs::read_dir(folder.path())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert_eq!(names, ["secret"], "{reason}");
    }
    // A platform that is down: everything is made all the same, and the end says what is left.
    let down = init(folder.path(), &good, "");
    let said = text(&down.stdout);
    assert!(!down.status.success());
    assert!(
        text(&down.stderr).contains("fix the faults"),
        "{}",
        text(&down.stderr)
    );
    let database = folder.path().join("frontdesk.sqlite3");
    let mode = fs::metadata(&database)
        .expect("a database")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else's to read");
    for line in [
        "fault    OAUTH2_TOKEN_URL",
        "Connection refused",
        "desk.example.com:8443 {",
        "listen 8443 ssl;",
        "server_name desk.example.com;",
        "proxy_set_header Host $http_host;",
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "promote USERNAME --admin",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
}

#[test]
fn init_does_not_write_through_a_link_and_warns_of_the_environment() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("secret"), "a secret of the provider").expect("a file");
    std::os::unix::fs::symlink("elsewhere", folder.path().join(".env")).expect("a link");
    assert!(text(&init(folder.path(), &["--yes"], "").stderr).contains("already exists"));
    assert!(!folder.path().join("elsewhere").exists());
    fs::remove_file(folder.path().join(".env")).expect("the link");
    let environment: BTreeMap<String, String> =
        [("DATABASE_URL".to_owned(), "other.sqlite3".to_owned())].into();
    let done = command(
        folder.path(),
        &[
            "init",
            "--yes",
            "--public-url",
            "http://127.0.0.1:8000",
            "--authorize-url",
            "http://127.0.0.1:1/o/authorize/",
            "--client-id",
            "frontdesk",
            "--client-secret-file",
            "secret",
        ],
        &environment,
    )
    .stdin(Stdio::null())
    .output()
    .expect("it runs");
    let said = text(&done.stdout);
    assert!(
        said.contains("warning  environment") && said.contains("DATABASE_URL"),
        "{said}"
    );
}

#[test]
fn completions_and_the_man_page_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = text(&output(&["completions", shell], &no_settings()).stdout);
        assert!(
            said.contains("createsuperuser") && said.contains("rescue"),
            "{shell}"
        );
    }
    let page = text(&output(&["man"], &no_settings()).stdout);
    assert!(
        page.contains(".TH") && page.contains("SECRET_KEY"),
        "{page}"
    );
}

#[test]
fn a_mistake_in_a_name_or_in_env_is_reported_with_what_was_meant() {
    run(async {
        let provider = Provider::start().await;
        let database = Database::sqlite();
        let mut settings = process::settings(free_port(), &provider, &database);
        settings.insert("DATABASE_ULR".to_owned(), "x".to_owned());
        settings.insert("FRONTDESK_SESION_MAX".to_owned(), "1h".to_owned());
        settings.insert("FRONTDESK_TIME_ZONE".to_owned(), "Asia/Pekin".to_owned());
        let said = text(&output(&["check"], &settings).stdout);
        for words in [
            "DATABASE_ULR is set but is not a setting; did you mean DATABASE_URL?",
            "FRONTDESK_SESION_MAX is not a setting; did you mean FRONTDESK_SESSION_MAX?",
            "not \"Asia/Pekin\"",
        ] {
            assert!(said.contains(words), "{words} in {said}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(".env");
        fs::write(&file, "A=1\n\nSECRET_KEY=two words here\n").expect("a file");
        let said = command(folder.path(), &["check"], &no_settings())
            .output()
            .expect("it runs");
        let said = format!("{}{}", text(&said.stdout), text(&said.stderr));
        assert!(said.contains("line 3") && !said.contains("words"), "{said}");
        // Accounts that exist are not looked for in a database that does not.
        let said = command(
            folder.path(),
            &["promote", "li", "--staff"],
            &BTreeMap::from([("DATABASE_URL".to_owned(), "nothing.sqlite3".to_owned())]),
        );
        fs::remove_file(&file).expect("the file");
        let mut said = said;
        let said = said.output().expect("it runs");
        assert!(
            text(&said.stderr).contains("does not exist"),
            "{}",
            text(&said.stderr)
        );
        assert!(!folder.path().join("nothing.sqlite3").exists());
    });
}
