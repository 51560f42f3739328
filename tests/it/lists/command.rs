//! The users command, for scripts.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::{Value, json};

use super::superuser;
use crate::support::process::{output, text};
use crate::support::{Database, Person, Portal, on_both_databases, run};

on_both_databases! {
    async fn scripts_list_and_change_accounts_with_the_users_command(database) {
        let settings: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), database.url.clone())].into();
        let portal = Portal::on(database).run().await;
        superuser(&portal).await;
        let li = Person::named("li").with("name_cn", "李四").with("email", "li@corp.example");
        let browser = portal.signed_in(&li).await;
        portal.signed_in(&Person::named("wang")).await;
        portal.db_create_local_account("kiosk");
        let names = |document: &Value| -> Vec<String> {
            document["users"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|user| user["username"].as_str().expect("a name").to_owned())
                .collect()
        };
        let list = |arguments: &[&str]| {
            let all: Vec<&str> = ["users", "list", "--json"].iter().chain(arguments).copied().collect();
            json_of(&output(&all, &settings), 0)
        };

        // -- list --
        let all = list(&[]);
        assert_eq!(names(&all), ["kiosk", "wang", "li", "boss"]);
        assert_eq!(all["next"], Value::Null);
        let user = &all["users"][2];
        for (member, value) in [
            ("first_name", json!("李四")),
            ("email", json!("li@corp.example")),
            ("is_active", json!(true)),
            ("role", json!("employee")),
            ("source", json!("directory")),
        ] {
            assert_eq!(user[member], value, "{member}");
        }
        for time in [&user["date_joined"], &user["last_login"]] {
            assert!(time.as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()), "{time}");
        }
        assert_eq!(all["users"][0]["last_login"], Value::Null);
        let lists: [(&[&str], Vec<&str>); 11] = [
            (&["--search", "李"], vec!["li"]),
            (&["--search", "nobody"], vec![]),
            (&["--role", "superuser"], vec!["boss"]),
            (&["--role", "admin"], vec!["boss"]),
            (&["--source", "local"], vec!["kiosk"]),
            (&["--never-seen"], vec!["kiosk"]),
            (&["--not-seen-days", "30"], vec!["kiosk"]),
            (&["--status", "deactivated"], vec![]),
            (&["--permission", "reports.read"], vec![]),
            (&["--status", "active", "--role", "employee", "--source", "directory"], vec!["wang", "li"]),
            (&["--status", "active", "--role", "employee", "--source", "provider"], vec!["wang", "li"]),
        ];
        for (arguments, wanted) in lists {
            assert_eq!(names(&list(arguments)), wanted, "{arguments:?}");
        }
        let first = list(&["--limit", "2"]);
        assert_eq!(names(&first), ["kiosk", "wang"]);
        let next = match &first["next"] {
            Value::String(next) => next.clone(),
            other => other.to_string(),
        };
        let second = list(&["--limit", "2", "--after", &next]);
        assert_eq!((names(&second), &second["next"]), (vec!["li".to_owned(), "boss".to_owned()], &Value::Null));
        let plain = output(&["users", "list"], &settings);
        assert!(plain.status.success() && text(&plain.stdout).contains("李四"));

        // -- show --
        let shown = json_of(&output(&["users", "show", "li", "--json"], &settings), 0);
        assert_eq!((&shown["username"], &shown["first_name"]), (&json!("li"), &json!("李四")));
        let plain = output(&["users", "show", "li"], &settings);
        assert!(plain.status.success() && text(&plain.stdout).contains("li@corp.example"));

        // -- acts --
        let acts = |arguments: &[&str], status, outcome: &str| {
            let mut all = vec!["users"];
            all.extend_from_slice(arguments);
            all.push("--json");
            let document = json_of(&output(&all, &settings), status);
            assert_eq!(document["username"], arguments[1], "{arguments:?}");
            assert_eq!(document["act"], arguments[0], "{arguments:?}");
            assert_eq!(document["outcome"], outcome, "{arguments:?}");
            document["reason"].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(browser.get("/account").await.status, 200);
        acts(&["end-sessions", "li", "--reason", "a lost laptop"], 0, "done");
        assert_eq!(browser.get("/account").await.status, 303);
        acts(&["end-sessions", "li"], 0, "unchanged");
        acts(&["grant", "li", "reports.read", "--reason", "asked for"], 0, "done");
        acts(&["grant", "li", "reports.read"], 0, "unchanged");
        assert_eq!(names(&list(&["--permission", "reports.read"])), ["li"]);
        acts(&["take", "li", "reports.read"], 0, "done");
        acts(&["take", "li", "reports.read"], 0, "unchanged");
        acts(&["deactivate", "li", "--reason", "has left"], 0, "done");
        acts(&["deactivate", "li"], 0, "unchanged");
        assert_eq!(names(&list(&["--status", "deactivated"])), ["li"]);
        assert_eq!(portal.browser().sign_in(&li, "/").await.status, 403);
        acts(&["activate", "li"], 0, "done");
        portal.signed_in(&li).await;
        assert_eq!(acts(&["deactivate", "boss"], 4, "refused"), "last_superuser");
        assert_eq!(portal.database.count("users WHERE is_active AND username = 'boss'"), 1);

        // The same events as the pages write.
        let events = portal.database.texts("SELECT event || ' ' || outcome || ' ' || username || ' ' || reason AS value FROM audit_events
            WHERE actor = 'command line' AND event <> 'superuser_created' ORDER BY id");
        let events: Vec<&str> = events.iter().map(|event| event.trim_end()).collect();
        assert_eq!(events, [
            "sessions_ended success li",
            "permission_granted success li",
            "permission_taken success li",
            "account_deactivated success li",
            "account_activated success li",
            "account_deactivated refused boss last_superuser",
        ]);
        let notes = portal.database.texts("SELECT details AS value FROM audit_events WHERE event = 'account_deactivated' AND username = 'li'");
        assert_eq!(serde_json::from_str::<Value>(&notes[0]).expect("JSON")["note"], "has left");

        // -- how it ends --
        let ends: [(&[&str], i32); 11] = [
            (&["users", "list", "--status", "asleep"], 2),
            (&["users", "list", "--never-seen", "--not-seen-days", "3"], 2),
            (&["users", "list", "--limit", "few"], 2),
            (&["users"], 2),
            (&["users", "deactivate"], 2),
            (&["users", "grant", "li"], 2),
            (&["users", "show", "nobody"], 3),
            (&["users", "deactivate", "nobody"], 3),
            (&["users", "grant", "nobody", "reports.read", "--json"], 3),
            (&["users", "deactivate", "boss"], 4),
            (&["users", "grant", "li", "bad\nname"], 4),
        ];
        for (arguments, status) in ends {
            let done = output(arguments, &settings);
            assert_eq!(done.status.code(), Some(status), "{arguments:?}: {}{}", text(&done.stdout), text(&done.stderr));
            assert!(!done.stderr.is_empty() || arguments.contains(&"--json"), "{arguments:?} says why");
        }
        let elsewhere: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), "/nonexistent/desk.sqlite3".to_owned())].into();
        let failed = output(&["users", "list"], &elsewhere);
        assert_eq!(failed.status.code(), Some(1), "{}", text(&failed.stderr));
    }
}

/// One JSON document and nothing else, and how the command ended.
fn json_of(done: &Output, status: i32) -> Value {
    let shown = format!("{}{}", text(&done.stdout), text(&done.stderr));
    assert_eq!(done.status.code(), Some(status), "{shown}");
    serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {shown}"))
}
