//! Acts on many accounts: those that are ticked, and all that match.

use std::collections::BTreeSet;

use serde_json::json;

use super::{OFFICE, REASON, person, send, signed_in_from, start, submit, superuser};
use crate::support::{Database, Db, on_both_databases, run, spawn};

on_both_databases! {
    async fn an_act_on_ticked_accounts_is_done_for_each_and_says_where_it_was_not(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let li = portal.signed_in(&person("li")).await;
        let wang = portal.signed_in(&person("wang")).await;
        portal.signed_in(&person("zhao")).await;
        let [me, li_id, wang_id, zhao] = ["boss", "li", "wang", "zhao"].map(|name| portal.db_id_of(name).to_string());
        portal.db_deactivate("zhao");

        // -- what is missing is said --
        let list = boss.get("/admin/users").await;
        for (typed, missing) in [
            (vec![("act", "deactivate")], "No account is selected"),
            (vec![], "No account is selected"),
            (vec![("u", li_id.as_str()), ("act", "")], "No action is chosen"),
            (vec![("u", li_id.as_str())], "No action is chosen"),
            (vec![("u", "42"), ("act", "deactivate")], "No account is selected"),
        ] {
            let page = submit(&boss, &list, "/admin/users/bulk", &typed).await;
            assert_eq!(page.status, 200);
            assert!(page.body.contains(&format!("<h1>{missing}</h1>")), "{typed:?}: {}", page.body);
            assert!(page.body.contains("Back to the list"));
        }
        let long = "x".repeat(501);
        for typed in [vec![("u", "x")], vec![("u", li_id.as_str()), ("reason", long.as_str())]] {
            assert_eq!(submit(&boss, &list, "/admin/users/bulk", &typed).await.status, 400);
        }
        let too_many: Vec<(&str, &str)> = (0..101).map(|_| ("u", li_id.as_str())).collect();
        assert_eq!(submit(&boss, &list, "/admin/users/bulk", &too_many).await.status, 400);

        // -- what will be done is shown, then done --
        let ticks = [("u", li_id.as_str()), ("u", zhao.as_str()), ("u", me.as_str()), ("act", "deactivate")];
        let page = submit(&boss, &list, "/admin/users/bulk", &ticks).await;
        assert!(page.body.contains("<h1>Deactivate 3 accounts?</h1>"), "{}", page.body);
        for name in ["li", "zhao", "boss"] {
            assert!(page.body.contains(&format!("<p>{name}</p>")), "{name}");
        }
        assert_eq!(li.get("/account").await.status, 200, "not yet");
        let events = portal.db_recorded().len();
        // One of them is gone by now.
        let result = submit(&boss, &page, "/admin/users/bulk/confirm", &[("reason", REASON), ("u", "42")]).await;
        assert!(result.body.contains("<h1>Deactivate: 1 done</h1>"), "{}", result.body);
        assert!(result.body.contains("No change needed</dt><dd class=\"num\">1</dd>"));
        assert!(result.body.contains("Skipped</dt><dd class=\"num\">2</dd>"));
        assert!(result.body.contains("You cannot do this to your own account. Ask another admin"));
        assert!(result.body.contains("The account no longer exists"));
        assert_eq!(li.get("/account").await.status, 303);
        assert_eq!(wang.get("/account").await.status, 200);
        let told = portal.db_recorded().split_off(events);
        let mut lines: Vec<&str> = told.iter().map(|event| event.line.as_str()).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["account_deactivated refused yourself boss boss", "account_deactivated success boss li"]);
        for event in &told {
            assert_eq!((&event.reference, event.address.as_str()), (&told[0].reference, OFFICE));
            assert_eq!(event.details["note"], REASON);
        }
        assert!(result.body.contains(&format!("href=\"/admin/audit?q={}\"", told[0].reference)));
        let found = boss.get(&format!("/admin/audit?q={}", told[0].reference)).await;
        assert_eq!(found.body.matches("<th scope=\"row\"").count(), 2, "the trail finds the whole act");

        // -- the other acts --
        for (act, more, notice) in [
            ("activate", vec![], "Activate: 1 done"),
            ("end-sessions", vec![], "Sign out everywhere: 1 done"),
            ("grant", vec![("permission", "reports.read")], "Grant a permission: 2 done"),
            ("take", vec![("permission", "reports.read")], "Revoke a permission: 2 done"),
        ] {
            let ticks = [("u", li_id.as_str()), ("u", wang_id.as_str()), ("act", act)];
            let list = boss.get("/admin/users").await;
            let page = submit(&boss, &list, "/admin/users/bulk", &ticks).await;
            assert_eq!(page.body.contains("name=\"permission\""), !more.is_empty(), "{act}");
            let result = submit(&boss, &page, "/admin/users/bulk/confirm", &more).await;
            assert!(result.body.contains(notice), "{act}: {}", result.body);
        }
        assert_eq!(wang.get("/account").await.status, 303);
        assert_eq!(portal.database.count("user_permissions"), 0);
        // A name that is none is refused for each.
        let fields = [("u", li_id.as_str()), ("act", "grant"), ("permission", "a\u{7}b")];
        let result = send(&boss, "/admin/users/bulk/confirm", &fields).await;
        assert!(result.body.contains("Skipped</dt><dd class=\"num\">1</dd>"), "{}", result.body);
        assert!(result.body.contains("Enter a name without control characters"));
    }

    async fn an_act_on_all_matches_runs_in_batches_and_people_sign_in_between_them(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let names: Vec<(String, String)> = (0..600).map(|number| (format!("local{number}"), String::new())).collect();
        portal.db_insert_users(1000, &names);
        let events = portal.db_recorded().len();
        let mut newcomers = 0;
        for (act, filter, label, heading) in [
            ("grant", "source=local", "Grant a permission", "Grant 600 accounts a permission"),
            // Whoever it is taken from does not match any more.
            ("take", "permission=reports.read", "Revoke a permission", "Revoke this permission from 600 accounts?"),
        ] {
            let list = boss.get(&format!("/admin/users?{filter}")).await;
            let page = submit(&boss, &list, "/admin/users/bulk", &[("all", "1"), ("act", act)]).await;
            assert!(page.body.contains(&format!("<h1>{heading}</h1>")), "{}", page.body);
            assert!(page.body.contains("This is done in batches of 500"));
            let typed = [("permission", "reports.read"), ("reason", REASON)];
            let first = {
                let boss = boss.clone();
                spawn(async move { submit(&boss, &page, "/admin/users/bulk/confirm", &typed).await })
            };
            // Others come in meanwhile.
            for _ in 0..3 {
                portal.signed_in(&person(&format!("newcomer{newcomers}"))).await;
                newcomers += 1;
            }
            let first = first.await.expect("an answer");
            assert!(first.body.contains(&format!("<h1>{label}: 500 done</h1>")), "{}", first.body);
            assert!(first.body.contains("More accounts match."));
            let held = portal.database.count("user_permissions");
            assert_eq!(held, if act == "grant" { 500 } else { 100 }, "what is done is done");
            portal.signed_in(&person(&format!("newcomer{newcomers}"))).await;
            newcomers += 1;
            let second = submit(&boss, &first, "/admin/users/bulk/confirm", &[]).await;
            assert!(second.body.contains(&format!("<h1>{label}: 600 done</h1>")), "{}", second.body);
            assert!(!second.body.contains("More accounts match."));
            assert!(second.body.contains("Skipped</dt><dd class=\"num\">0</dd>"));
            assert_eq!(portal.database.count("user_permissions"), if act == "grant" { 600 } else { 0 });
        }
        let told = portal.db_recorded().split_off(events);
        assert_eq!(told.len(), 1200, "one event each");
        for (part, event) in [(&told[..600], "permission_granted"), (&told[600..], "permission_taken")] {
            let about: BTreeSet<&str> = part.iter().map(|told| told.line.as_str()).collect();
            assert_eq!(about.len(), 600, "one event a person");
            assert!(about.iter().all(|line| line.starts_with(&format!("{event} success boss local"))));
            let references: BTreeSet<&str> = part.iter().map(|told| told.reference.as_str()).collect();
            assert_eq!(references.len(), 1, "one reference for both batches");
            assert!(part.iter().all(|told| told.details["note"] == REASON && told.address == OFFICE));
        }
        assert_ne!(told[0].reference, told[600].reference);
    }

    async fn ending_all_sessions_that_match_leaves_others_and_one_s_own(database) {
        let portal = start(database).await;
        let firefox = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
        let (cafe, home) = ("198.51.100.1", "198.51.100.2");
        let boss = signed_in_from(&portal, &person("boss"), cafe, firefox).await;
        portal.db_make_superuser("boss");
        portal.db_prove("boss");
        let at_cafe = [
            signed_in_from(&portal, &person("li"), cafe, firefox).await,
            signed_in_from(&portal, &person("li"), cafe, firefox).await,
            signed_in_from(&portal, &person("wang"), cafe, firefox).await,
        ];
        let at_home = signed_in_from(&portal, &person("li"), home, firefox).await;
        let list = boss.get(&format!("/admin/sessions?ip={cafe}")).await;
        let end = format!("/admin/sessions/end?ip={cafe}");
        assert!(list.body.contains(&end), "{}", list.body);
        let page = boss.get(&end).await;
        assert!(page.body.contains("<h1>Sessions to end: 4</h1>"), "{}", page.body);
        assert!(page.body.contains("Your own current session stays open."));
        assert!(page.body.contains(&format!("Address: {cafe}")));
        let events = portal.db_recorded().len();
        let answer = submit(&boss, &page, "/admin/sessions/end", &[("reason", REASON)]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, format!("/admin/sessions?ip={cafe}").as_str()));
        assert!(boss.get(answer.location()).await.body.contains("The matching sessions have ended"));
        assert!(!boss.get(answer.location()).await.body.contains("The matching sessions have ended"), "once");
        for browser in &at_cafe {
            assert_eq!(browser.get("/account").await.status, 303);
        }
        assert_eq!(at_home.get("/account").await.status, 200);
        assert_eq!(boss.get("/account").await.status, 200);
        let told = portal.db_recorded().split_off(events);
        let mut lines: Vec<&str> = told.iter().map(|event| event.line.as_str()).collect();
        lines.sort_unstable();
        assert_eq!(lines, [
            "session_ended success boss li",
            "session_ended success boss li",
            "session_ended success boss wang",
        ]);
        for event in &told {
            assert_eq!(event.reference, told[0].reference);
            assert_eq!((event.address.as_str(), &event.details["note"]), (OFFICE, &json!(REASON)));
        }
        // An address that nobody has, and a person who does not exist, match nothing.
        for filter in ["ip=192.0.2.1", "user=nobody", "ip=198.51.100.2&user=wang", "ip=198.51.100.2&browser=Chrome"] {
            let page = boss.get(&format!("/admin/sessions/end?{filter}")).await;
            assert!(page.body.contains("<h1>Sessions to end: 0</h1>"), "{filter}");
            assert_eq!(submit(&boss, &page, "/admin/sessions/end", &[]).await.status, 303);
        }
        assert_eq!(at_home.get("/account").await.status, 200);
        // Without a filter it is everybody, and the page says so.
        let page = boss.get("/admin/sessions/end").await;
        assert!(page.body.contains("this ends every session except the one that you are using."));
        submit(&boss, &page, "/admin/sessions/end", &[]).await;
        assert_eq!(at_home.get("/account").await.status, 303);
        assert_eq!(boss.get("/account").await.status, 200);
    }
}
