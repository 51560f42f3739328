//! The tables: by the program, by the Diesel CLI, by four instances at once.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use diesel::prelude::*;

use crate::support::process::{self, Process, free_port, output, text};
use crate::support::{Database, Person, Portal, Provider, on_both_databases, run};

/// The tables and columns that the code believes in, as the database has them.
fn columns(database: &Database) -> Vec<String> {
    let sql = if database.is_postgresql() {
        "SELECT table_name || '.' || column_name || ' ' || CASE data_type WHEN 'bigint' THEN 'BIGINT' WHEN 'text' THEN 'TEXT' WHEN 'boolean' THEN 'BOOLEAN' ELSE data_type END
            || CASE is_nullable WHEN 'YES' THEN ' NULL' ELSE '' END AS value
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%' ORDER BY 1"
    } else {
        "SELECT m.name || '.' || c.name || ' ' || c.type || CASE c.\"notnull\" WHEN 0 THEN ' NULL' ELSE '' END AS value
         FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%' ORDER BY 1"
    };
    let mut columns = database.texts(sql);
    columns.sort();
    columns
}

/// The same, read from `src/db/schema.rs`.
fn declared() -> Vec<String> {
    let schema = std::fs::read_to_string("src/db/schema.rs").expect("the schema");
    let mut columns = Vec::new();
    let mut table = String::new();
    for line in schema.lines().filter(|line| line.starts_with("    ")) {
        if let Some((name, kind)) = line.trim().trim_end_matches(',').split_once(" -> ") {
            let kind = match kind {
                "BigInt" => "BIGINT",
                "Text" => "TEXT",
                "Bool" => "BOOLEAN",
                "Nullable<BigInt>" => "BIGINT NULL",
                "Nullable<Text>" => "TEXT NULL",
                other => panic!("{other} is not portable"),
            };
            columns.push(format!("{table}.{name} {kind}"));
        } else if line.ends_with('{') {
            table = line.trim().split(' ').next().unwrap_or_default().to_owned();
        }
    }
    columns.sort();
    columns
}

fn diesel_cli(database: &Database, arguments: &[&str]) -> Option<String> {
    let Ok(program) = std::env::var("TEST_DIESEL") else {
        crate::support::left_out("the Diesel CLI");
        return None;
    };
    let schema = std::fs::read_to_string("src/db/schema.rs").expect("the schema");
    let done = Command::new(program)
        .args(arguments)
        .env("DATABASE_URL", &database.url)
        .output()
        .expect("the Diesel CLI runs");
    assert!(
        done.status.success(),
        "{arguments:?}: {}{}",
        text(&done.stdout),
        text(&done.stderr)
    );
    assert_eq!(
        std::fs::read_to_string("src/db/schema.rs").expect("the schema"),
        schema,
        "it left the schema alone"
    );
    Some(text(&done.stdout))
}

on_both_databases! {
    async fn the_diesel_cli_runs_redoes_and_reverts_what_the_program_runs(database) {
        if diesel_cli(&database, &["migration", "run"]).is_none() {
            return;
        }
        assert_eq!(columns(&database), declared(), "the schema in the code is the database's");
        // The program finds its tables as the CLI made them.
        let portal = Portal::on(database.clone()).run().await;
        assert_eq!(portal.signed_in(&Person::named("li")).await.get("/account").await.status, 200);
        // The CLI waits for no lock, so nobody else may hold one.
        portal.close().await;
        let settings: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), database.url.clone())].into();
        assert!(text(&output(&["migrate"], &settings).stdout).contains("up to date"));
        diesel_cli(&database, &["migration", "redo", "--all"]);
        assert_eq!(columns(&database), declared());
        diesel_cli(&database, &["migration", "revert", "--all"]);
        assert_eq!(columns(&database), Vec::<String>::new());
        // And the other way round.
        assert!(text(&output(&["migrate"], &settings).stdout).contains("applied"));
        assert_eq!(columns(&database), declared());
        assert!(!diesel_cli(&database, &["migration", "list"]).expect("the CLI").contains("[ ]"));
        diesel_cli(&database, &["migration", "revert", "--all"]);
        assert_eq!(columns(&database), Vec::<String>::new());
    }

    async fn the_program_makes_the_schema_that_the_code_declares(database) {
        let settings: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), database.url.clone())].into();
        assert!(output(&["migrate"], &settings).status.success());
        assert_eq!(columns(&database), declared());
    }

    async fn an_older_program_refuses_a_newer_schema(database) {
        let provider = Provider::start().await;
        let settings = process::settings(free_port(), &provider, &database);
        assert!(output(&["migrate"], &settings).status.success());
        database.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')");
        for command in ["migrate", "serve"] {
            let refused = output(&[command], &settings);
            assert!(!refused.status.success());
            assert!(text(&refused.stderr).contains("newer version"), "{}", text(&refused.stderr));
        }
        assert!(text(&output(&["check"], &settings).stdout).contains("fault    migrations"));
    }

    async fn sessions_survive_a_restart_of_the_program(database) {
        let mut before = Portal::on(database.clone()).run().await;
        let browser = before.signed_in(&Person::named("li")).await;
        before.stop();
        let after = Portal::on(database).beside(&before).run().await;
        assert_eq!(browser.at(&after).get("/account").await.status, 200);
    }

    async fn four_instances_that_start_at_once_on_an_empty_database_all_serve(database) {
        let provider = Provider::start().await;
        let mut instances: Vec<Process> = (0..4)
            .map(|_| Process::spawn(&process::settings(free_port(), &provider, &database)))
            .collect();
        for instance in &mut instances {
            instance.until_ready().await;
            assert!(instance.is_running(), "{}", instance.log());
        }
        let folders = fs::read_dir("migrations").expect("the migrations").count();
        assert_eq!(database.count("__diesel_schema_migrations").to_string(), folders.to_string());
    }
}

#[test]
fn a_migration_that_fails_leaves_nothing_behind() {
    run(async {
        let database = Database::sqlite();
        let mut conn = SqliteConnection::establish(&database.url).expect("SQLite");
        // Something of the same name stands in the way of the last table.
        diesel::sql_query("CREATE TABLE audit_events (x TEXT)")
            .execute(&mut conn)
            .expect("a table");
        let settings: BTreeMap<String, String> =
            [("DATABASE_URL".to_owned(), database.url.clone())].into();
        let failed = output(&["migrate"], &settings);
        assert!(!failed.status.success());
        assert_eq!(columns(&database), ["audit_events.x TEXT NULL"]);
        diesel::sql_query("DROP TABLE audit_events")
            .execute(&mut conn)
            .expect("no table");
        assert!(
            output(&["migrate"], &settings).status.success(),
            "and then it goes through"
        );
    });
}

#[test]
fn a_database_that_cannot_be_opened_is_reported_without_its_password() {
    for (url, word) in [
        ("/nonexistent/folder/desk.sqlite3", "does not exist"),
        ("/", "folder"),
        (
            "postgres://frontdesk:pass-word-secret@127.0.0.1:1/x",
            "127.0.0.1",
        ),
    ] {
        let settings: BTreeMap<String, String> =
            [("DATABASE_URL".to_owned(), url.to_owned())].into();
        let failed = output(&["migrate"], &settings);
        let message = text(&failed.stderr);
        assert!(
            !failed.status.success() && message.contains(word),
            "{url}: {message}"
        );
        assert!(!message.contains("pass-word-secret"), "{message}");
    }
}

/// A PostgreSQL elsewhere must prove who it is, unless the address says otherwise.
#[test]
fn a_postgresql_elsewhere_must_prove_who_it_is() {
    for (url, verified) in [
        ("postgres://u@db.example.com/x", true),
        ("postgres://u@db.example.com/x?sslmode=require", false),
        ("postgres://u@localhost/x", false),
        ("postgres://u@127.0.0.1/x", false),
        ("postgres:///x?host=/run/postgresql", false),
        ("postgres://u@localhost/x?host=db.example.com", true),
    ] {
        assert_eq!(
            frontdesk::db::connection_url(url)
                .is_some_and(|url| url.contains("sslmode=verify-full")),
            verified,
            "{url}"
        );
    }
}
