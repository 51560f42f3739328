//! Deciding: who may, on what, and what the pages say about the end.

use std::time::Duration;

use serde_json::json;

use super::{
    DAY, SENTENCE, app, app_with, ask, ask_with, decide, decline, grant, granted, hold, newest,
    nobody_but_not, opens, own, person, start, state, superuser, trail,
};
use crate::support::people::quoted;
use crate::support::process::{free_port, output, settings, text};
use crate::support::{Database, Db, Portal, on_both_databases, run};

fn on_command_line(portal: &Portal, arguments: &[&str]) -> (Option<i32>, String) {
    let settings = settings(free_port(), &portal.provider, &portal.database);
    let output = output(arguments, &settings);
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    (output.status.code(), said)
}

on_both_databases! {
    /// B12, T72: an owner is a plain employee, and decides about their own apps only.
    async fn an_owner_who_is_a_plain_employee_decides_about_their_apps_and_no_others(database) {
        let portal = start(database).await;
        let apps = ["a", "b", "c", "d", "e"].map(|key| app(&portal, key));
        let owner = person(&portal, "owner").await;
        let li = person(&portal, "li").await;
        let stranger = person(&portal, "stranger").await;
        let mut ids = Vec::new();
        for key in ["a", "b", "c", "d", "e"] {
            ids.push(ask(&portal, &li, key).await);
        }
        assert_eq!(owner.get("/requests").await.status, 403);
        assert_eq!(grant(&owner, ids[0], "").await.status, 403);
        own(&portal, apps[0], "owner");
        own(&portal, apps[1], "owner");
        assert!(owner.get("/").await.body.contains("Requests (2)"));
        let page = owner.get("/requests").await.body;
        assert!(page.contains("li asks for The a") && !page.contains("The c"), "{page}");
        assert_eq!(owner.get(&format!("/requests/{}", ids[2])).await.status, 404);
        assert_eq!(grant(&owner, ids[2], "").await.status, 403);
        assert_eq!(decline(&owner, ids[2], "no").await.status, 403);
        assert_eq!(stranger.get("/requests").await.status, 403);
        assert_eq!(stranger.get(&format!("/requests/{}", ids[0])).await.status, 403);
        assert!(!stranger.get("/").await.body.contains("href=\"/requests\""));
        granted(&owner, ids[0], "7").await;
        assert!(opens(&li, "a").await && !opens(&li, "c").await);
        // They see nobody but those to whom their app is granted.
        for (name, status) in [("li", 200), ("stranger", 404)] {
            let path = format!("/requests/take-back/a/{}", portal.db_id_of(name));
            assert_eq!(owner.get(&path).await.status, status, "{name}");
        }
        // An owner is no admin, and exports nothing.
        let home = owner.get("/").await;
        assert_eq!(owner.post("/requests.csv", &home, &[]).await.status, 403);
        assert_eq!(owner.get("/admin/users").await.status, 403);
        assert_eq!(portal.db_count_events("access_granted"), 1);
    }

    /// B4: rights are those of the moment of the decision.
    async fn whoever_is_no_owner_any_more_decides_nothing(database) {
        let portal = start(database).await;
        let wiki = app(&portal, "wiki");
        let owner = person(&portal, "owner").await;
        let next = person(&portal, "next").await;
        let li = person(&portal, "li").await;
        own(&portal, wiki, "owner");
        let id = ask(&portal, &li, "wiki").await;
        let page = owner.get(&format!("/requests/{id}")).await;
        portal.database.execute("DELETE FROM app_owners");
        own(&portal, wiki, "next");
        let form = [("step", "grant"), ("length", "for_ever")];
        assert_eq!(owner.post(&format!("/requests/{id}"), &page, &form).await.status, 403);
        // Nor does an owner whose account is deactivated, whatever session is left.
        let page = next.get(&format!("/requests/{id}")).await;
        portal.db_deactivate("next");
        let answer = next.post(&format!("/requests/{id}"), &page, &form).await;
        assert_ne!(answer.location(), format!("/requests/{id}"), "{}", answer.status);
        assert_eq!(state(&portal, id), "open");
    }

    /// B10: own requests are neither in the count nor with a button, and the page says why.
    async fn nobody_decides_on_their_own_request(database) {
        let portal = start(database).await;
        let wiki = app(&portal, "wiki");
        let owner = person(&portal, "owner").await;
        let other = person(&portal, "other").await;
        own(&portal, wiki, "owner");
        own(&portal, wiki, "other");
        let id = ask(&portal, &owner, "wiki").await;
        assert!(!owner.get("/").await.body.contains("Requests ("));
        let page = owner.get(&format!("/requests/{id}")).await.body;
        assert!(page.contains("This is your own request") && !page.contains("name=\"step\""), "{page}");
        assert!(owner.get("/requests").await.body.contains("No request waits for you"));
        for answer in [grant(&owner, id, "").await, decline(&owner, id, "no").await] {
            assert_eq!(answer.status, 422);
            assert!(answer.body.contains("This is your own request"));
        }
        assert_eq!(trail(&portal)[1..], [
            "access_granted refused yourself owner owner",
            "access_declined refused yourself owner owner",
        ]);
        let theirs = ask(&portal, &other, "wiki").await;
        granted(&other, id, "").await;
        granted(&owner, theirs, "").await;
        assert!(opens(&owner, "wiki").await && opens(&other, "wiki").await);
    }

    /// B4: the only superuser's request is decided by the command line, and is marked so.
    async fn what_nobody_can_decide_is_on_the_status_page_and_decided_by_the_command_line(database) {
        let portal = start(database).await;
        let wiki = app(&portal, "wiki");
        app(&portal, "mail");
        let boss = superuser(&portal, "boss").await;
        let id = ask(&portal, &boss, "wiki").await;
        let mail = ask(&portal, &boss, "mail").await;
        let status = boss.get("/admin/status").await.body;
        assert!(status.contains("Requests that nobody can decide") && status.contains("Requests: 2."), "{status}");
        let (_, said) = on_command_line(&portal, &["check"]);
        assert!(said.contains("warning  requests: 2 cannot be decided by anyone"), "{said}");

        let (code, said) = on_command_line(&portal, &["requests", "list"]);
        assert_eq!(code, Some(0));
        assert!(said.contains(&format!("{id}\twiki\tboss\t")) && said.contains(SENTENCE), "{said}");
        let (_, said) = on_command_line(&portal, &["requests", "list", "--json"]);
        assert!(said.contains(&format!("\"id\":\"{mail}\"")), "{said}");
        let id_text = id.to_string();
        let (code, said) = on_command_line(&portal, &["requests", "grant", &id_text, "--days", "7"]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(&format!("{id}: granted until 20")), "{said}");
        let (code, said) = on_command_line(&portal, &["requests", "decline", &id_text, "--reason", "no"]);
        assert_eq!(code, Some(4));
        assert!(said.contains("the request is already granted by the command line"), "{said}");
        let (code, _) = on_command_line(&portal, &["requests", "grant", "4711"]);
        assert_eq!(code, Some(3));
        let (code, said) = on_command_line(&portal, &["requests", "decline", &mail.to_string(), "--reason", "not now"]);
        assert_eq!((code, said.trim()), (Some(0), format!("{mail}: declined").as_str()));
        // Another process makes its own ids, so the order of these two is not that of the rows before.
        let trail = trail(&portal);
        for line in ["access_granted success command line boss", "access_declined success command line boss"] {
            assert!(trail.iter().any(|told| told == line), "{trail:?}");
        }
        assert_eq!(trail.len(), 4);
        assert!(opens(&boss, "wiki").await);
        let (_, said) = on_command_line(&portal, &["check"]);
        assert!(said.contains("ok       requests: "), "{said}");
        let actor = portal.database.texts(&format!("SELECT granted_by AS value FROM app_grants WHERE app_id = {wiki}"));
        assert_eq!(actor, ["command line"]);
    }

    /// B1: asked for 7 days, granted on day 5 for 3, it ends 3 days after the decision.
    async fn days_count_from_the_decision(database) {
        let portal = start(database).await;
        app(&portal, "wiki");
        superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        assert_eq!(ask_with(&li, "wiki", SENTENCE, "7").await.status, 303);
        let id = newest(&portal);
        portal.clock.advance(5 * DAY);
        let boss = person(&portal, "boss").await;
        let page = boss.get(&format!("/requests/{id}")).await.body;
        assert!(page.contains("for 7 days") && page.contains("name=\"days\" value=\"7\""), "{page}");
        let preview = decide(&boss, id, &[("step", "preview"), ("length", "days"), ("days", "3")]).await;
        assert_eq!(preview.status, 200);
        assert!(preview.body.contains("(Asia/Shanghai, UTC+08:00)"), "{}", preview.body);
        assert!(preview.body.contains("Grant access"));
        assert_eq!(state(&portal, id), "open", "a preview decides nothing");
        let before = portal.clock.now().0;
        granted(&boss, id, "3").await;
        let end = portal.database.number("SELECT expires_at AS value FROM app_grants");
        let three_days = 3 * 86_400_000_000;
        assert!((before + three_days..=portal.clock.now().0 + three_days).contains(&end));
        let shown = boss.get(&format!("/requests/{id}")).await.body;
        assert!(shown.contains("Access is granted.") && shown.contains("(Asia/Shanghai, UTC+08:00)"));
        let until = portal.db_details_of("access_granted")[0]["until"].as_str().map(str::to_owned);
        assert!(until.is_some_and(|until| until.ends_with("+08:00")));
        portal.clock.advance(2 * DAY);
        let li = person(&portal, "li").await;
        assert!(opens(&li, "wiki").await);
        portal.clock.advance(DAY);
        let li = person(&portal, "li").await;
        assert!(!opens(&li, "wiki").await);
    }

    /// B9: a day means its end in the zone of the portal, whatever the server and the browser have.
    async fn a_day_means_its_end_in_the_portal_s_zone(database) {
        let portal = start(database).await;
        app(&portal, "wiki");
        let boss = superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        let id = ask(&portal, &li, "wiki").await;
        // The next year that has a 29 February is at most four years away.
        let now = jiff::Timestamp::from_microsecond(portal.clock.now().0).expect("a time");
        let this_year = i64::from(now.to_zoned(jiff::tz::TimeZone::UTC).year());
        let leap = (this_year + 1..this_year + 9).find(|year| year % 4 == 0).expect("a leap year");
        let plain = (this_year + 1..this_year + 9).find(|year| year % 4 != 0).expect("another year");
        for (day, words) in [
            (format!("{plain}-02-29"), "Enter a day of the calendar"),
            ("yesterday".to_owned(), "Enter a day of the calendar"),
            ("2020-01-01".to_owned(), "The grant would be over already"),
            ("2199-01-01".to_owned(), "Choose an end within 3650 days"),
        ] {
            let answer = decide(&boss, id, &[("step", "preview"), ("length", "day"), ("day", day.as_str())]).await;
            assert_eq!(answer.status, 422, "{day}");
            assert!(answer.body.contains(words), "{day}: {}", answer.body);
        }
        let day = format!("{leap}-02-29");
        let fields = [("step", "preview"), ("length", "day"), ("day", day.as_str())];
        let preview = decide(&boss, id, &fields).await.body;
        assert!(preview.contains(&format!("{day} 23:59:59 (Asia/Shanghai, UTC+08:00)")), "{preview}");
        let fields = [("step", "grant"), ("length", "day"), ("day", day.as_str())];
        assert_eq!(decide(&boss, id, &fields).await.status, 303);
        let details = portal.db_details_of("access_granted");
        assert_eq!(details[0]["until"], json!(format!("{leap}-03-01T00:00:00+08:00")));
    }

    async fn a_grant_that_would_not_open_the_app_is_refused(database) {
        let portal = start(database).await;
        app_with(&portal, "wiki", &nobody_but_not("left.out"));
        let boss = superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        let id = ask(&portal, &li, "wiki").await;
        hold(&portal, "li", "left.out");
        let answer = grant(&boss, id, "").await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains("A grant would not open the app"));
        assert_eq!(portal.database.count("app_grants"), 0);
        assert_eq!(decline(&boss, id, "you are left out").await.status, 303);
    }

    /// B14: decided requests stay, are found and exported, as long as acts are kept.
    async fn decided_requests_stay_with_filters_and_an_export(database) {
        let portal = start(database).await;
        app(&portal, "wiki");
        app(&portal, "mail");
        let boss = superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        let kim = person(&portal, "kim").await;
        let first = ask(&portal, &li, "wiki").await;
        let second = ask(&portal, &kim, "mail").await;
        granted(&boss, first, "7").await;
        assert_eq!(decline(&boss, second, "=no()").await.status, 303);
        for (query, has, lacks) in [
            ("app=wiki", first, second),
            ("user=kim", second, first),
            ("state=declined", second, first),
            ("state=granted&user=li&app=wiki", first, second),
        ] {
            let page = boss.get(&format!("/requests?{query}")).await.body;
            assert!(page.contains(&format!("/requests/{has}\"")), "{query}");
            assert!(!page.contains(&format!("/requests/{lacks}\"")), "{query}");
        }
        assert_eq!(boss.get("/requests?state=open").await.status, 400);
        let page = boss.get("/requests").await;
        let export = boss.post("/requests.csv?state=declined", &page, &[]).await;
        let lines: Vec<&str> = export.body.lines().collect();
        assert_eq!(lines.len(), 2, "{}", export.body);
        assert!(lines[0].starts_with("id,app,user_id,username,"), "{}", lines[0]);
        assert!(lines[1].contains(",mail,") && lines[1].contains("\"'=no()\""), "{}", lines[1]);
        assert_eq!(portal.db_details_of("export_made").len(), 1);

        // They go when acts go.
        let old = portal.clock.now().minus(Duration::from_secs(1)).0;
        let swept = portal.inner.db.write_blocking(|conn| {
            frontdesk::access_requests::sweep(conn, frontdesk::clock::UnixTime(old - 86_400_000_000), 100)
        });
        assert_eq!(swept.expect("a sweep"), 0);
        // Other tests of this process move its ids on.
        let later = portal.clock.now().plus(4000 * DAY);
        let swept = portal.inner.db.write_blocking(|conn| frontdesk::access_requests::sweep(conn, later, 100));
        assert_eq!(swept.expect("a sweep"), 2);
    }

    async fn the_list_of_waiting_requests_begins_with_the_oldest_and_goes_on_by_pages(database) {
        let portal = start(database).await;
        let wiki = app(&portal, "wiki");
        let boss = superuser(&portal, "boss").await;
        let people: Vec<(String, String)> = (0..60).map(|n| (format!("p{n:02}"), format!("Person {n:02}"))).collect();
        portal.db_insert_users(1000, &people);
        for n in 0..60 {
            portal.database.execute(&format!(
                "INSERT INTO access_requests (id, app_id, app_key, user_id, created_at, sentence, state, decided_by, answer) \
                 VALUES ({}, {wiki}, 'wiki', {}, {}, {}, 'open', '', '')",
                5000 + n, 1000 + n, portal.clock.now().0, quoted("please"),
            ));
        }
        let page = boss.get("/requests").await.body;
        assert!(page.contains("Requests (60)") && page.contains("Person 00") && page.contains("Person 49"));
        assert!(!page.contains("Person 50"));
        let next = boss.get("/requests?waiting_after=5049").await.body;
        assert!(next.contains("Person 50") && next.contains("Person 59") && !next.contains("Person 49"));
    }
}
