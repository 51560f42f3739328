//! The list of sessions.

use super::{DAY_MICROS, HOUR, each_between, signed_in_from, staff, superuser, usernames, walk};
use crate::support::{Answer, Database, Db, Person, Portal, on_both_databases, run};

fn session_ids(answer: &Answer) -> Vec<String> {
    each_between(&answer.body, "/end-session?session=", "\"")
}

on_both_databases! {
    async fn the_sessions_page_lists_who_is_signed_in_now(database) {
        const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
        const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15";
        let portal = Portal::on(database).with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1").run().await;
        let idle = signed_in_from(&portal, &Person::named("idle"), FIREFOX, "203.0.113.8").await;
        portal.clock.advance(HOUR * 9);
        assert_eq!(idle.get("/account").await.status, 303);
        signed_in_from(&portal, &Person::named("li"), FIREFOX, "203.0.113.9").await;
        signed_in_from(&portal, &Person::named("li"), CHROME, "203.0.113.8").await;
        signed_in_from(&portal, &Person::named("wang"), EDGE, "203.0.113.8").await;
        signed_in_from(&portal, &Person::named("zhao"), SAFARI, "198.51.100.9").await;
        let left = signed_in_from(&portal, &Person::named("left"), FIREFOX, "203.0.113.8").await;
        let page = left.get("/account").await;
        left.post("/logout", &page, &[]).await;
        signed_in_from(&portal, &Person::named("gone"), FIREFOX, "203.0.113.8").await;
        portal.db_deactivate("gone");
        // As a deactivation does.
        portal.db_end_sessions_of("gone");
        let boss = superuser(&portal).await;
        let sam = staff(&portal).await;

        let all = boss.get("/admin/sessions").await;
        assert_eq!(usernames(&all), ["sam", "boss", "zhao", "wang", "li", "li"]);
        assert!(all.body.contains("Open sessions: 6."));
        assert_eq!(all.body.matches("This session").count(), 1);
        for (query, wanted) in [
            ("user=li", vec!["li", "li"]),
            ("ip=203.0.113.8", vec!["wang", "li"]),
            ("browser=Chrome", vec!["li"]),
            ("browser=Edge", vec!["wang"]),
            ("browser=Safari", vec!["zhao"]),
            ("browser=Firefox", vec!["sam", "boss", "li"]),
            ("user=li&ip=203.0.113.8&browser=Chrome", vec!["li"]),
            ("ip=203.0.113.8&browser=Edge", vec!["wang"]),
            ("user=li&ip=198.51.100.9", vec![]),
            ("user=nobody", vec![]),
            ("user=gone", vec![]),
            ("user=left", vec![]),
            ("user=idle", vec![]),
            ("ip=203.0.113.10", vec![]),
        ] {
            let page = boss.get(&format!("/admin/sessions?{query}")).await;
            assert_eq!(usernames(&page), wanted, "{query}");
            assert!(page.body.contains(&format!("Open sessions: {}.", wanted.len())), "{query}");
            assert_eq!(page.body.contains("No session matches these filters"), wanted.is_empty(), "{query}");
        }

        // Whoever may look alone sees the same rows and nothing to press.
        let theirs = sam.get("/admin/sessions").await;
        assert_eq!(usernames(&theirs), usernames(&all));
        for part in ["/end-session", "/admin/sessions/end", "/admin/sessions.csv"] {
            assert!(all.body.contains(part), "{part}");
            assert!(!theirs.body.contains(part), "{part}");
        }

        // Page by page, both ways.
        let (now, li) = (portal.clock.now().0, portal.db_id_of("li"));
        let rows: Vec<String> = (1..=60)
            .map(|number| format!("({number}, 'hash-{number}', {li}, 'company', {now}, {now}, {}, '203.0.113.77', 'curl/8')", now + DAY_MICROS))
            .collect();
        portal.database.execute(&format!(
            "INSERT INTO sessions (id, token_hash, user_id, provider, created_at, last_seen_at, expires_at, address, user_agent) VALUES {}",
            rows.join(", ")
        ));
        let stored = portal.database.texts("SELECT CAST(x.id AS TEXT) AS value FROM sessions x JOIN users u ON u.id = x.user_id
            WHERE x.ended_at IS NULL AND u.username IN ('sam', 'boss', 'zhao', 'wang', 'li') AND x.id > 60 ORDER BY x.id DESC");
        let older = (1..=60).rev().map(|number: i64| number.to_string());
        let wanted: Vec<String> = stored.into_iter().chain(older).collect();
        assert_eq!(wanted.len(), 66);
        for is_backward in [false, true] {
            let (given, stops) = walk(&boss, "/admin/sessions?size=25", is_backward, session_ids).await;
            assert_eq!((given, stops), (wanted.clone(), 0));
            let (given, _) = walk(&boss, "/admin/sessions?size=25&ip=203.0.113.77&user=li", is_backward, session_ids).await;
            assert_eq!(given, wanted[6..]);
        }
    }
}
