//! Lists that leave the house: only by a form of ours, since each leaves an event.

use std::collections::BTreeSet;

use frontdesk::audit::EventKind;
use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, Browser, Database, Db, Desk, Person, on_both_databases, run};

const LISTS: [&str; 3] = ["users", "sessions", "audit"];

async fn boss(desk: &Desk) -> Browser {
    let browser = desk.signed_in(&Person::named("boss")).await;
    desk.db_make_superuser("boss");
    desk.db_prove("boss");
    browser
}

async fn export(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let page = browser.get("/account").await;
    browser.post(path, &page, fields).await
}

on_both_databases! {
    async fn looking_at_an_export_s_address_exports_nothing_and_leaves_no_event(database) {
        let desk = Desk::on(database).run().await;
        let boss = boss(&desk).await;
        let events = || desk.database.count("audit_events");
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
        let desk = Desk::on(database).with("FRONTDESK_TIME_ZONE", "UTC").run().await;
        let mut boss = boss(&desk).await;
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
            desk.database.execute(&format!(
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
            let page = boss.get(&format!("/admin/audit?{filter}&size=100")).await;
            assert_eq!(page.body.matches("<th scope=\"row\"").count(), rows.len(), "{lang}");
            assert!(!page.body.contains(other), "{lang}");
            for row in &rows {
                let reason = row["reason"].as_str().expect("a code");
                let bare = format!(">{reason}<");
                assert!(reason.is_empty() || !page.body.contains(&bare), "{reason} has no words");
            }
        }
    }
}

#[test]
fn an_export_that_wants_a_fresh_sign_in_leads_back_to_its_list() {
    run(async {
        let desk = Desk::on(Database::sqlite()).run().await;
        let boss = boss(&desk).await;
        desk.clock.advance(std::time::Duration::from_secs(16 * 60));
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
            let asked = url::Url::parse(&format!("{}{}", desk.url, answer.location()));
            let asked = asked.expect("an address");
            assert_eq!(asked.path(), "/login", "{path}");
            let next = asked.query_pairs().find(|(name, _)| name == "next");
            assert_eq!(next.expect("a way back").1, list);
        }
        assert_eq!(desk.db_count_events("export_made"), 0);
    });
}
