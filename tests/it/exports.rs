//! Exported lists: they go out by a form of ours alone, since each leaves an event, and what they hold.

use std::collections::BTreeSet;

use frontdesk::audit::EventKind;
use reqwest::Method;
use serde_json::Value;

use crate::acts::{done, lines_after, person, send, signed_in_from, staff, start, superuser};
use crate::support::{Answer, Browser, Database, Db, Person, Portal, on_both_databases, run};

const LISTS: [&str; 3] = ["users", "sessions", "audit"];

async fn boss(portal: &Portal) -> Browser {
    let browser = portal.signed_in(&Person::named("boss")).await;
    portal.db_make_superuser("boss");
    portal.db_prove("boss");
    browser
}

async fn export(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let page = browser.get("/account").await;
    browser.post(path, &page, fields).await
}

on_both_databases! {
    async fn looking_at_an_export_s_address_exports_nothing_and_leaves_no_event(database) {
        let portal = Portal::on(database).run().await;
        let boss = boss(&portal).await;
        let events = || portal.database.count("audit_events");
        let before = events();
        for list in LISTS {
            let path = format!("/admin/{list}.csv");
            for method in [Method::GET, Method::HEAD] {
                for path in [path.clone(), format!("{path}?bom=1")] {
                    let answer = boss.send(method.clone(), &path, &[], None).await;
                    assert_eq!(answer.status, 405, "{method} {path}");
                    assert_eq!(answer.header("allow"), "POST", "{method} {path}");
                    assert!(!answer.body.contains("boss,"), "{method} {path}");
                }
            }
            // A form of another site, or without the token.
            let page = boss.get("/account").await;
            let foreign = boss.post_with(&path, &page, &[], &[("sec-fetch-site", "cross-site")]).await;
            assert_eq!(foreign.status, 403, "{path}");
            let form = [("content-type", "application/x-www-form-urlencoded")];
            let bare = boss.send(Method::POST, &path, &form, Some(String::new())).await;
            assert_eq!(bare.status, 403, "{path}");
        }
        assert_eq!(events(), before);

        for (number, list) in (1..).zip(LISTS) {
            let page = boss.get(&format!("/admin/{list}")).await;
            let form = format!("method=\"post\" action=\"/admin/{list}.csv\"");
            assert!(page.body.contains(&form), "{}", page.body);
            assert!(!page.body.contains(&format!("href=\"/admin/{list}.csv")), "{}", page.body);
            let answer = boss.post(&format!("/admin/{list}.csv"), &page, &[]).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
            assert_eq!(events(), before + number, "{list}");
        }
        let marked = export(&boss, "/admin/users.csv", &[("bom", "1")]).await;
        assert!(marked.body.starts_with('\u{feff}'));
    }

    /// `fixtures/audit_events.jsonl` holds rows of every kind and reason as version 0.1 wrote them;
    /// the `.csv` beside it is that version's export of them.
    async fn what_earlier_versions_recorded_keeps_its_words_and_its_export(database) {
        let portal = Portal::on(database).with("FRONTDESK_TIME_ZONE", "UTC").run().await;
        let mut boss = boss(&portal).await;
        let rows = include_str!("fixtures/audit_events.jsonl").lines();
        let rows: Vec<Value> = rows.map(|row| serde_json::from_str(row).expect("a row")).collect();
        for row in &rows {
            let row = row.as_object().expect("members");
            let columns: Vec<&str> = row.keys().map(String::as_str).collect();
            let values = row.values().map(|value| match value {
                Value::String(text) => format!("'{}'", text.replace('\'', "''")),
                other => other.to_string(),
            });
            let values: Vec<String> = values.collect();
            portal.database.execute(&format!(
                "INSERT INTO audit_events ({}) VALUES ({})",
                columns.join(", "),
                values.join(", ")
            ));
        }
        let kinds: BTreeSet<&str> = rows.iter().filter_map(|row| row["event"].as_str()).collect();
        let known: BTreeSet<&str> = EventKind::all().map(EventKind::code).collect();
        assert_eq!(kinds, known, "a row of each kind");

        let filter = "from=2026-11-20&to=2026-11-20";
        let answer = export(&boss, &format!("/admin/audit.csv?{filter}"), &[]).await;
        assert_eq!(answer.body, include_str!("fixtures/audit_events.csv"));
        for (lang, other) in [("en", "Other event"), ("zh-CN", "其他事件")] {
            boss.language = lang.to_owned();
            // One page does not hold them all.
            let mut pages = String::new();
            for outcome in ["success", "refused"] {
                let list = format!("/admin/audit?{filter}&outcome={outcome}&size=100");
                pages.push_str(&boss.get(&list).await.body);
            }
            assert_eq!(pages.matches("<th scope=\"row\"").count(), rows.len(), "{lang}");
            assert!(!pages.contains(other), "{lang}");
            for row in &rows {
                let reason = row["reason"].as_str().expect("a code");
                let bare = format!(">{reason}<");
                assert!(reason.is_empty() || !pages.contains(&bare), "{reason} has no words");
            }
        }
    }
}

#[test]
fn an_export_that_wants_a_fresh_sign_in_leads_back_to_its_list() {
    run(async {
        let portal = Portal::on(Database::sqlite()).run().await;
        let boss = boss(&portal).await;
        portal
            .clock
            .advance(std::time::Duration::from_secs(16 * 60));
        for (path, list) in [
            (
                "/admin/users.csv?status=active",
                "/admin/users?status=active",
            ),
            ("/admin/sessions.csv", "/admin/sessions"),
            ("/admin/audit.csv?by=boss", "/admin/audit?by=boss"),
        ] {
            let answer = export(&boss, path, &[]).await;
            assert_eq!(answer.status, 303, "{path}: {}", answer.body);
            let asked = url::Url::parse(&format!("{}{}", portal.url, answer.location()));
            let asked = asked.expect("an address");
            assert_eq!(asked.path(), "/login", "{path}");
            let next = asked.query_pairs().find(|(name, _)| name == "next");
            assert_eq!(next.expect("a way back").1, list);
        }
        assert_eq!(portal.db_count_events("export_made"), 0);
    });
}

/// RFC 4180, strictly.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (is_quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            (true, '"') => is_quoted = false,
            (false, '"') => {
                assert!(field.is_empty(), "a quote inside {field}");
                is_quoted = true;
            }
            (false, ',') => row.push(std::mem::take(&mut field)),
            (false, '\r') => {
                assert_eq!(chars.next(), Some('\n'));
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            _ => field.push(c),
        }
    }
    assert!(
        field.is_empty() && row.is_empty() && !is_quoted,
        "the last line ends"
    );
    rows
}

/// Whether a spreadsheet may take it for a formula.
fn is_formula(text: &str) -> bool {
    const SIGNS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    text.trim_start_matches(' ').starts_with(SIGNS)
}

/// What an apostrophe kept from being a formula.
fn read_back(field: &str) -> &str {
    match field.strip_prefix('\'') {
        Some(rest) if is_formula(rest) => rest,
        _ => field,
    }
}

/// A list as it is exported: its head and its rows, as the database has them.
fn exported(answer: &Answer, name: &str) -> (Vec<String>, Vec<Vec<String>>) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let disposition = format!("attachment; filename=\"frontdesk-{name}.csv\"");
    assert_eq!(answer.header("content-disposition"), disposition);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let mut rows = parse_csv(answer.body.trim_start_matches('\u{feff}'));
    let head = rows.remove(0);
    for row in &rows {
        assert_eq!(row.len(), head.len(), "{row:?}");
        for field in row {
            assert!(!is_formula(field), "{field:?}");
        }
    }
    let rows = rows
        .into_iter()
        .map(|row| {
            row.iter()
                .map(|field| read_back(field).to_owned())
                .collect()
        })
        .collect();
    (head, rows)
}

on_both_databases! {
    async fn an_exported_list_holds_what_is_stored_and_no_formula(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let odd = [
            "=1+1", "+1", "-1", "@x", "＝1", "＋1", "\tx", " =x", "  @x", "=HYPERLINK(\"http://x\",\"y\")",
            "a\"b", "\"quoted\"", "a,b", "two\r\nlines", "two\nlines", "'quoted'", "semi;colon", "|pipe", "%41",
            "王小明", "e\u{301}", "👩‍🚀", "o'brien", "<b>bold</b>", "plain",
        ];
        let names: Vec<(String, String)> = odd
            .iter()
            .zip(odd.iter().cycle().skip(1))
            .map(|(one, other)| ((*one).to_owned(), (*other).to_owned()))
            .collect();
        portal.db_insert_users(1000, &names);
        portal.database.execute("UPDATE users SET email = username || '@example.com' WHERE id < 2000");
        portal.database.execute("UPDATE users SET is_active = FALSE WHERE id < 1003");

        // -- users --
        let events = portal.db_recorded().len();
        let (head, rows) = exported(&send(&boss, "/admin/users.csv", &[]).await, "users");
        assert_eq!(head[..6], ["id", "username", "first_name", "email", "is_active", "role"]);
        assert_eq!(rows.len(), odd.len() + 1);
        for (column, name) in head.iter().enumerate().take(4) {
            let stored = portal.database.texts(&format!("SELECT CAST({name} AS TEXT) AS value FROM users ORDER BY id DESC"));
            let given: Vec<&str> = rows.iter().map(|row| row[column].as_str()).collect();
            assert_eq!(given, stored, "{name}");
        }
        assert_eq!((rows[0][5].as_str(), rows[1][5].as_str()), ("superuser", "employee"));
        assert_eq!(lines_after(&portal, events), ["export_made success boss"]);
        let plain = send(&boss, "/admin/users.csv", &[]).await;
        let marked = send(&boss, "/admin/users.csv", &[("bom", "1")]).await;
        assert!(!plain.body.starts_with('\u{feff}'));
        assert_eq!(marked.body, format!("\u{feff}{}", plain.body));

        // -- as they are filtered --
        let events = portal.db_recorded().len();
        let filtered = send(&boss, "/admin/users.csv?status=deactivated&sort=username", &[("bom", "1")]).await;
        let (_, rows) = exported(&filtered, "users");
        let given: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
        assert_eq!(given, ["-1", "+1", "=1+1"]);
        assert!(rows.iter().all(|row| row[4] == "false"));
        let told = portal.db_recorded().split_off(events);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].details["export"], "users?status=deactivated&sort=username", "with its filters");
        let list = boss.get("/admin/users?status=deactivated").await;
        assert!(list.body.contains("method=\"post\" action=\"/admin/users.csv?status=deactivated\""), "{}", list.body);
        assert_eq!(send(&boss, "/admin/users.csv?status=asleep", &[]).await.status, 400);

        // -- sessions --
        signed_in_from(&portal, &person("li"), "198.51.100.1", "=cmd|' /C calc'!A0").await;
        signed_in_from(&portal, &person("wang"), "198.51.100.2", "@SUM(1, \"2\")").await;
        let (head, rows) = exported(&send(&boss, "/admin/sessions.csv", &[]).await, "sessions");
        assert_eq!(head, ["id", "username", "first_name", "provider", "signed_in_at", "last_seen_at", "address", "user_agent"]);
        for (column, name) in [(0, "id"), (6, "address"), (7, "user_agent")] {
            let stored = portal.database.texts(&format!("SELECT CAST({name} AS TEXT) AS value FROM sessions ORDER BY id DESC"));
            let given: Vec<&str> = rows.iter().map(|row| row[column].as_str()).collect();
            assert_eq!(given, stored, "{name}");
        }
        let (_, rows) = exported(&send(&boss, "/admin/sessions.csv?user=li", &[]).await, "sessions");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0][7], "=cmd|' /C calc'!A0");

        // -- the trail --
        let note = "=HYPERLINK(\"http://x\")\r\nand \"more\", 王";
        done(&boss, portal.db_id_of("li"), "note", &[("reason", note)]).await;
        let (head, rows) = exported(&send(&boss, "/admin/audit.csv", &[]).await, "audit");
        let stored = portal.database.texts("SELECT details AS value FROM audit_events ORDER BY id DESC");
        let given: Vec<&str> = rows.iter().map(|row| row[12].as_str()).collect();
        assert_eq!(head[12], "details");
        assert_eq!(given, stored, "its own export among them");
        let (_, rows) = exported(&send(&boss, "/admin/audit.csv?event=note_added&about=li", &[]).await, "audit");
        assert_eq!(rows.len(), 1);
        let details: Value = serde_json::from_str(&rows[0][12]).expect("JSON");
        assert_eq!(details["note"], note);
        let told = portal.db_recorded().pop().expect("an event");
        assert_eq!(told.details["export"], "audit?event=note_added&about=li");

        // -- who looks only, and whoever may not --
        let events = portal.db_recorded().len();
        let sam = staff(&portal, "sam").await;
        let employee = portal.signed_in(&person("zhao")).await;
        for path in ["/admin/users.csv", "/admin/sessions.csv", "/admin/audit.csv"] {
            for browser in [&sam, &employee] {
                let answer = send(browser, path, &[]).await;
                assert_eq!(answer.status, 403, "{path}");
                assert!(!answer.body.contains("王小明"));
            }
            let nobody = portal.browser();
            let page = nobody.get("/login").await;
            assert_eq!(nobody.post(path, &page, &[]).await.status, 303, "{path}");
        }
        for list in ["/admin/users", "/admin/sessions", "/admin/audit"] {
            assert!(!sam.get(list).await.body.contains(".csv"), "{list}");
        }
        assert_eq!(portal.db_recorded().len(), events, "nothing left the house");
    }

    async fn a_large_export_is_complete_and_newest_first_whatever_the_list_s_order(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let names: Vec<(String, String)> = (0..1200).map(|number| (format!("local{number}"), format!("Nr. {number}"))).collect();
        portal.db_insert_users(1000, &names);
        let events = portal.db_recorded().len();
        for (path, order, count) in [
            ("/admin/users.csv", "ORDER BY id DESC", 1201),
            ("/admin/users.csv?sort=username", "ORDER BY id DESC", 1201),
            ("/admin/users.csv?source=local&sort=-name", "WHERE synced_at IS NULL ORDER BY id DESC", 1200),
        ] {
            let (_, rows) = exported(&send(&boss, path, &[]).await, "users");
            let given: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
            let stored = portal.database.texts(&format!("SELECT username AS value FROM users {order}"));
            assert_eq!(given.len(), count, "{path}");
            assert_eq!(given, stored, "{path}");
        }
        assert_eq!(lines_after(&portal, events).len(), 3, "one event each");
    }
}
