//! Asking: who may ask for what, and what one sees of it.

use serde_json::json;

use super::{
    DAY, SENTENCE, app, app_with, ask, ask_with, decline, granted, hold, nobody_but_not, opens,
    own, person, start, state, superuser, trail,
};
use crate::support::apps::{any_of, db_app, db_category, everyone};
use crate::support::{Database, Db, on_both_databases, run};

on_both_databases! {
    /// The thinnest way: asked for, granted, opened. B13: the outcome stays until it is seen.
    async fn an_app_that_was_asked_for_and_granted_opens_at_the_next_page(database) {
        let portal = start(database).await;
        db_category(&portal.database, 1, 1, "Office", "办公");
        app(&portal, "wiki");
        let boss = superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        assert!(li.get("/access").await.body.contains("The wiki"));
        assert!(!opens(&li, "wiki").await);

        let id = ask(&portal, &li, "wiki").await;
        let page = li.get("/access").await;
        assert!(page.body.contains(SENTENCE) && page.body.contains("The request is sent"));
        assert!(page.body.contains("There is nothing to ask for"));
        assert!(boss.get("/").await.body.contains("Requests (1)"));
        assert!(boss.get("/requests").await.body.contains(SENTENCE));
        granted(&boss, id, "").await;
        assert!(boss.get("/").await.body.contains(">Requests<"));

        assert!(opens(&li, "wiki").await);
        let home = li.get("/").await;
        assert!(home.body.contains("Your request for The wiki") && home.body.contains("Granted"));
        let id = id.to_string();
        assert_eq!(li.post("/account/outcomes/seen", &home, &[("id", id.as_str())]).await.location(), "/");
        assert!(!li.get("/").await.body.contains("Your request for"));
        assert!(li.get("/account").await.body.contains("Your request for The wiki"));
        assert_eq!(trail(&portal), [
            "access_requested success li li",
            "access_granted success boss li",
        ]);
        let told = portal.db_recorded().into_iter().find(|event| event.line.starts_with("access_requested"));
        assert_eq!(told.expect("an event").reference, id, "a message can lead to the request");
    }

    /// A2, T56: a closed key, a hidden one and an unknown one answer alike, and no page of asking
    /// has an address.
    async fn an_app_that_cannot_be_asked_for_does_not_exist(database) {
        let portal = start(database).await;
        let fields = json!({"name_en": "Payroll"});
        db_app(&portal.database, "payroll", &fields);
        let fields = json!({"name_en": "Secret", "is_requestable": true, "is_hidden": true});
        db_app(&portal.database, "secret", &fields);
        app(&portal, "wiki");
        let li = person(&portal, "li").await;
        let page = li.get("/access").await;
        for (key, path) in ["payroll", "secret", "none"].map(|key| (key, format!("/access/{key}"))) {
            assert_eq!(li.get(&path).await.status, 404, "{key}");
            assert_eq!(ask_with(&li, key, SENTENCE, "").await.status, 404, "{key}");
            for act in ["withdraw", "give-back"] {
                let answer = li.post(&format!("{path}/{act}"), &page, &[]).await;
                assert_eq!(answer.status, 404, "{key} {act}");
            }
        }
        ask(&portal, &li, "wiki").await;
        for path in ["/access", "/access/wiki", "/", "/account"] {
            let body = li.get(path).await.body;
            for word in ["apps.example", "Payroll", "Secret"] {
                assert!(!body.contains(word), "{word} in {path}");
            }
        }
        assert_eq!(portal.database.count("access_requests"), 1);
    }

    async fn what_a_grant_would_not_open_is_told_instead_of_asked_for(database) {
        let portal = start(database).await;
        app_with(&portal, "all", &everyone());
        app_with(&portal, "some", &any_of(&["a.b"]));
        app_with(&portal, "closed", &nobody_but_not("left.out"));
        let li = person(&portal, "li").await;
        hold(&portal, "li", "a.b");
        hold(&portal, "li", "left.out");
        for (key, words) in [
            ("all", "This app opens for you already"),
            ("some", "This app opens for you already"),
            ("closed", "its rule excludes people with one of your permissions"),
        ] {
            let page = li.get(&format!("/access/{key}")).await;
            assert!(page.body.contains(words) && !page.body.contains("<textarea"), "{key}");
            let answer = ask_with(&li, key, SENTENCE, "").await;
            assert_eq!(answer.status, 422, "{key}");
            assert!(answer.body.contains(words), "{key}");
        }
        assert_eq!(portal.database.count("access_requests"), 0);
        assert!(trail(&portal).is_empty());
    }

    async fn a_form_that_was_filled_in_badly_says_what_to_do_and_keeps_what_was_typed(database) {
        let portal = start(database).await;
        app(&portal, "wiki");
        let li = person(&portal, "li").await;
        let long = "x".repeat(501);
        for (sentence, days, words) in [
            ("", "", "Write a sentence"),
            (" \n ", "", "Write a sentence"),
            (long.as_str(), "", "Write at most 500 characters"),
            ("to \u{202e}read", "", "Write at most 500 characters"),
            ("to read", "0", "Enter a number of days from 1 to 3650"),
            ("to read", "a week", "Enter a number of days from 1 to 3650"),
            ("to read", "3651", "Enter a number of days from 1 to 3650"),
        ] {
            let answer = ask_with(&li, "wiki", sentence, days).await;
            assert_eq!(answer.status, 422, "{sentence} {days}");
            assert!(answer.body.contains(words), "{sentence} {days}");
            assert!(answer.body.contains(&format!("value=\"{days}\"")), "{days}");
        }
        assert_eq!(ask_with(&li, "wiki", "two\r\nlines", "7").await.status, 303);
        let stored = portal.database.texts("SELECT sentence AS value FROM access_requests");
        assert_eq!(stored, ["two lines"]);
    }

    /// B15: a cap on what is open or was made today, since asking and withdrawing repeats a message.
    async fn a_person_makes_at_most_twenty_requests_a_day(database) {
        let portal = start(database).await;
        app(&portal, "wiki");
        let li = person(&portal, "li").await;
        for _ in 0..20 {
            let id = ask(&portal, &li, "wiki").await;
            let page = li.get("/access").await;
            assert_eq!(li.post("/access/wiki/withdraw", &page, &[]).await.status, 303);
            assert_eq!(state(&portal, id), "withdrawn");
        }
        let answer = ask_with(&li, "wiki", SENTENCE, "").await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains("You have made 20 requests today"));
        assert_eq!(portal.db_count_events("access_requested"), 20);
        assert!(!li.get("/").await.body.contains("Your request for"), "nobody is told what they did");
        portal.clock.advance(DAY);
        let li = person(&portal, "li").await;
        ask(&portal, &li, "wiki").await;
    }

    /// B3: the page says who decides, and follows when that changes.
    async fn the_page_says_who_decides_and_when_the_request_lapses(database) {
        let portal = start(database).await;
        let wiki = app(&portal, "wiki");
        let li = person(&portal, "li").await;
        person(&portal, "owner").await;
        let page = li.get("/access/wiki").await.body;
        assert!(page.contains("Who decides: an admin.") && page.contains("the request lapses on 20"));
        own(&portal, wiki, "owner");
        assert!(li.get("/access/wiki").await.body.contains("Who decides: owner."));
        portal.db_deactivate("owner");
        assert!(li.get("/access/wiki").await.body.contains("Who decides: an admin."));
        // Nobody decides on their own request.
        own(&portal, wiki, "li");
        assert!(li.get("/access/wiki").await.body.contains("Who decides: an admin."));
    }

    /// B13: the person reads why.
    async fn a_declined_request_tells_the_person_why(database) {
        let portal = start(database).await;
        app(&portal, "wiki");
        let boss = superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        let id = ask(&portal, &li, "wiki").await;
        let answer = decline(&boss, id, " ").await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains("Write a reason"));
        assert!(boss.get(&format!("/requests/{id}")).await.body.contains("Reason (the person reads this)"));
        assert_eq!(state(&portal, id), "open");
        assert_eq!(decline(&boss, id, "Ask <b>finance</b>").await.status, 303);
        let home = li.get("/").await.body;
        assert!(home.contains("Declined") && home.contains("Ask &#60;b&#62;finance"), "{home}");
        // And may ask again.
        ask(&portal, &li, "wiki").await;
    }
}
