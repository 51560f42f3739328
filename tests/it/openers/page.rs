//! The page of an app that lists who may open it, and its export.

use serde_json::json;

use crate::support::apps::{db_app, db_app_grant};
use crate::support::{Answer, Database, Db, Person, Portal, on_both_databases, run};

const DAY_MICROS: i64 = 86_400_000_000;

fn names(answer: &Answer) -> Vec<&str> {
    let rows = answer.body.split("<th scope=\"row\">").skip(1);
    rows.filter_map(|row| row.split("</a><small>").nth(1)?.split('<').next())
        .collect()
}

on_both_databases! {
    /// Staff read who may open an app and why; the export says the same and leaves its event.
    async fn an_app_s_page_lists_who_may_open_it_and_why(database) {
        let portal = Portal::on(database).with("FRONTDESK_TIME_ZONE", "UTC").run().await;
        for name in ["anna", "bert", "carl", "dora", "emil"] {
            portal.signed_in(&Person::named(name)).await;
        }
        let mut boss = portal.signed_in(&Person::named("boss")).await;
        portal.db_make_superuser("boss");
        portal.db_prove("boss");
        let staff = portal.signed_in(&Person::named("sam")).await;
        portal.db_make_staff("sam");
        let rule = json!({"audience": "any_of", "any_of": ["mail.use"], "but_not": ["mail.banned"]});
        let mail = json!({"name_en": "Mail", "name_zh": "邮箱", "url": "https://mail.example.com/", "rule": rule});
        let mail = db_app(&portal.database, "mail", &mail);
        let give = |name: &str, permission: &str| {
            let id = portal.db_id_of(name);
            portal.database.execute(&format!(
                "INSERT INTO user_permissions (user_id, name, origin, label, granted_at) VALUES ({id}, '{permission}', '', '', 0)"
            ));
        };
        for name in ["anna", "bert", "emil"] {
            give(name, "mail.use");
        }
        give("emil", "mail.banned");
        portal.db_deactivate("bert");
        let end = portal.clock.now().0 + 7 * DAY_MICROS;
        for (name, end) in [("carl", Some(end)), ("dora", None)] {
            db_app_grant(&portal.database, mail, portal.db_id_of(name), end);
        }

        let page = staff.get("/admin/apps/mail/people").await;
        assert_eq!(page.status, 200);
        assert_eq!(names(&page), ["dora", "carl", "anna"]);
        for text in [
            "Who may open Mail",
            "Opens for whoever holds mail.use. But not for anyone who holds mail.banned.",
            "Open to 3 accounts now.",
            "<span class=\"mono\">mail.use</span>",
            "Until <time class=\"num\"",
        ] {
            assert!(page.body.contains(text), "{text}: {}", page.body);
        }
        let link = format!("href=\"/admin/users/{}\"", portal.db_id_of("anna"));
        assert!(page.body.contains(&link));
        assert!(!page.body.contains("people.csv"), "read-only admins export nothing");
        assert!(!page.body.contains("mail.example.com"));

        let page = boss.get("/admin/apps/mail/people").await;
        let answer = boss.post("/admin/apps/mail/people.csv", &page, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let lines: Vec<Vec<&str>> = answer.body.lines().map(|line| line.split(',').skip(1).collect()).collect();
        assert_eq!(lines[0], ["username", "first_name", "email", "opens_by", "permission", "until"]);
        let said: Vec<(&str, &str, &str)> = lines[1..].iter().map(|line| (line[0], line[3], line[4])).collect();
        assert_eq!(said, [("dora", "grant", ""), ("carl", "grant", ""), ("anna", "permission", "mail.use")]);
        assert!(lines[1][5].is_empty() && lines[2][5].ends_with('Z') || lines[2][5].ends_with("+00:00"), "{lines:?}");
        assert_eq!(portal.db_last_details()["export"], "apps/mail/people");

        boss.language = "zh-CN".to_owned();
        let page = boss.get("/admin/apps/mail/people").await;
        for text in ["谁可以打开邮箱", "持有 mail.use 的人可以打开。但持有 mail.banned 的人除外。", "目前可以打开的有 3 个账号。"] {
            assert!(page.body.contains(text), "{text}: {}", page.body);
        }
    }
}

#[test]
fn an_app_that_does_not_exist_has_no_page_of_people() {
    run(async {
        let portal = Portal::on(Database::sqlite()).run().await;
        let boss = portal.signed_in(&Person::named("boss")).await;
        portal.db_make_superuser("boss");
        portal.db_prove("boss");
        let page = boss.get("/account").await;
        let events = portal.database.count("audit_events");
        for key in ["mail", "MAIL", "%E9%82%AE%E7%AE%B1", "a'b"] {
            let list = boss.get(&format!("/admin/apps/{key}/people")).await;
            assert_eq!(list.status, 404, "{key}");
            let export = boss
                .post(&format!("/admin/apps/{key}/people.csv"), &page, &[])
                .await;
            assert_eq!(export.status, 404, "{key}");
        }
        assert_eq!(portal.database.count("audit_events"), events);

        // Nobody may open it: the page says so, and how to get in.
        db_app(&portal.database, "mail", &json!({}));
        let page = boss.get("/admin/apps/mail/people").await;
        assert!(
            page.body.contains("Opens for nobody without a grant."),
            "{}",
            page.body
        );
        assert!(page.body.contains("Open to 0 accounts now."));
        assert!(page.body.contains("Nobody may open it now"));
    });
}
