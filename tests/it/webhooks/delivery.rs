//! What is told, to whom, in which order, and what happens when it cannot be.

use std::time::Duration;

use frontdesk::audit::Event;

use super::{
    KEY, MINUTES, SECRET, create, hook, json, on, people, portal, record, record_in_vain, state,
    until_failures, until_told, until_trouble,
};
use crate::support::process::{self, Process, free_port};
use crate::support::receiver::{Call, signature};
use crate::support::{
    Database, Db, Person, Portal, Provider, Receiver, Says, on_both_databases, run, until,
};

#[test]
fn a_new_account_is_told_with_a_signature() {
    run(async {
        let receiver = Receiver::start().await;
        let portal = portal(&json("ops", &receiver, "'account_created'"))
            .run()
            .await;
        portal
            .signed_in(&Person::named("li").with("email", "li@example.com"))
            .await;
        let calls = receiver.wait_for(1).await;
        let (call, told) = (&calls[0], calls[0].json());
        assert_eq!(told["type"], "account_created");
        assert_eq!(told["data"]["user"]["username"], "li");
        assert_eq!(
            told["data"]["text"],
            "New account at a first sign-in: “li”."
        );
        assert!(!call.body.contains('@'), "{}", call.body);
        let id = portal.db_id_of("li");
        assert_eq!(
            told["data"]["url"],
            format!("{}/admin/users/{id}", portal.url)
        );
        let (id, at) = (call.header("webhook-id"), call.header("webhook-timestamp"));
        let signed = signature(SECRET, id, at, &call.body);
        assert_eq!(call.header("webhook-signature"), signed);
    });
}

on_both_databases! {
    /// C10: in order per hook, each once, and none of a transaction that was rolled back.
    async fn everything_is_told_in_order_and_nothing_that_was_rolled_back(database) {
        let receiver = Receiver::start().await;
        let portal = on(database, &json("ops", &receiver, "'account_created'")).run().await;
        let mut names = Vec::new();
        for number in 0..30 {
            let name = format!("person-{number}");
            create(&portal, &name);
            record_in_vain(&portal, "ghost");
            names.push(name);
        }
        until_told(&portal, "ops").await;
        assert_eq!(people(&receiver), names);
        let ids: std::collections::BTreeSet<String> = receiver
            .calls()
            .iter()
            .map(|call| call.header("webhook-id").to_owned())
            .collect();
        assert_eq!(ids.len(), names.len());
    }

    /// C11: of two instances one tells, and the order stays.
    async fn two_instances_tell_each_thing_once_and_in_order(database) {
        let receiver = Receiver::start().await;
        let toml = json("ops", &receiver, "'account_created'");
        let one = on(database.clone(), &toml).run().await;
        let two = on(database, &toml).beside(&one).run().await;
        let mut names = Vec::new();
        for number in 0..40 {
            let name = format!("person-{number}");
            create(if number % 2 == 0 { &one } else { &two }, &name);
            names.push(name);
        }
        until_told(&one, "ops").await;
        assert_eq!(people(&receiver), names);
        drop(two);
    }
}

#[test]
fn each_hook_is_told_of_what_it_asks_for() {
    run(async {
        let (all, wiki, admins) = (
            Receiver::start().await,
            Receiver::start().await,
            Receiver::start().await,
        );
        let toml = json(
            "all",
            &all,
            "'access_requested', 'account_created', 'admin_made', 'account_deactivated'",
        ) + &json("wiki", &wiki, "'access_requested'")
            + "apps = ['wiki']\n"
            + &json("admins", &admins, "'admin_made'");
        let portal = portal(&toml).run().await;
        let ask = |app: &str| {
            let app = app.to_owned();
            record(&portal, "li", &Event::AccessRequested { app });
        };
        ask("crm");
        ask("wiki");
        record(
            &portal,
            "li",
            &Event::AccessRequestRepeated {
                app: "wiki".to_owned(),
            },
        );
        record(&portal, "boss", &Event::SuperuserCreated);
        record(
            &portal,
            "li",
            &Event::AccountDeactivated { sessions_ended: 1 },
        );
        for hook in ["all", "wiki", "admins"] {
            until_told(&portal, hook).await;
        }
        let kinds = |receiver: &Receiver| -> Vec<String> {
            let calls = receiver.calls();
            calls
                .iter()
                .map(|call| call.json()["type"].as_str().expect("a type").to_owned())
                .collect()
        };
        assert_eq!(
            kinds(&all),
            [
                "access_requested",
                "access_requested",
                "access_requested",
                "admin_made",
                "account_deactivated"
            ]
        );
        assert_eq!(
            wiki.texts(),
            [
                "“li” asks for access to “wiki”.",
                "“li” is still waiting for an answer about access to “wiki”.",
            ]
        );
        assert_eq!(
            admins.texts(),
            ["“boss” is an admin now. On the command line."]
        );
    });
}

/// C10: a receiver that hangs delays no other hook, and nobody's sign-in.
#[test]
fn a_receiver_that_hangs_delays_no_other() {
    run(async {
        let (hangs, good) = (Receiver::start().await, Receiver::start().await);
        hangs.always(Says::Nothing);
        let toml =
            json("hangs", &hangs, "'account_created'") + &json("good", &good, "'account_created'");
        let portal = portal(&toml).run().await;
        create(&portal, "first");
        hangs.wait_for(1).await;
        for name in ["a", "b", "c"] {
            portal.signed_in(&Person::named(name)).await;
        }
        until_told(&portal, "good").await;
        assert_eq!(people(&good), ["first", "a", "b", "c"]);
        assert_eq!(hangs.calls().len(), 1, "the first call still waits");
        until_trouble(&portal, "hangs", "timed_out").await;
    });
}

/// C14: the hook's fault keeps the queue, and is mended without a restart and without loss.
#[test]
fn a_404_for_two_hours_and_then_a_new_address_lose_nothing() {
    run(async {
        let (old, new) = (Receiver::start().await, Receiver::start().await);
        old.always(Says::status(404));
        let toml = "[[webhook]]\nname = 'ops'\nkind = 'json'\nurl_file = 'url'\nsecret_file = 'secret'\nevents = ['account_created']\n";
        let portal = portal(toml).run().await;
        until_trouble_after(&portal, "url_file").await;
        portal.write_beside_webhooks("url", &format!("{}/{KEY}\n", old.url));
        portal.clock.advance(MINUTES(15));
        until_trouble(&portal, "ops", "not_there").await;
        for number in 0..8 {
            portal.clock.advance(MINUTES(15));
            create(&portal, &format!("person-{number}"));
            until_failures(&portal, "ops", number + 3).await;
        }
        portal.write_beside_webhooks("url", &format!("{}/{KEY}\n", new.url));
        portal.clock.advance(MINUTES(15));
        until_told(&portal, "ops").await;
        let told = people(&new);
        assert_eq!(told.len(), 9);
        assert_eq!(
            told[1..],
            (0..8).map(|n| format!("person-{n}")).collect::<Vec<_>>()
        );
        // The same id at each attempt.
        let first = new.calls()[0].header("webhook-id").to_owned();
        assert!(
            old.calls()
                .iter()
                .all(|call| call.header("webhook-id") == first)
        );
    });
}

/// Makes an event, and waits until it cannot be told for this reason.
async fn until_trouble_after(portal: &Portal, trouble: &str) {
    create(portal, "first");
    until_trouble(portal, "ops", trouble).await;
}

#[test]
fn a_message_that_is_refused_for_good_delays_none_behind_it() {
    run(async {
        for status in [400, 413, 415, 422] {
            let receiver = Receiver::start().await;
            receiver.next(Says::status(status));
            let portal = portal(&json("ops", &receiver, "'account_created'"))
                .run()
                .await;
            create(&portal, "bad");
            create(&portal, "good");
            until_told(&portal, "ops").await;
            assert_eq!(people(&receiver), ["bad", "good"]);
            assert_eq!(state(&portal, "refused", "ops"), "1");
            assert_eq!(state(&portal, "refused_detail", "ops"), status.to_string());
        }
    });
}

#[test]
fn the_tenth_fault_of_the_receiver_lets_the_next_message_try() {
    run(async {
        let receiver = Receiver::start().await;
        receiver.always(Says::status(500));
        let portal = portal(&json("ops", &receiver, "'account_created'"))
            .run()
            .await;
        create(&portal, "poison");
        create(&portal, "fine");
        // The clock stands still, or the messages would be too old in the end.
        let go_on = || {
            let sql = "UPDATE webhook_hooks SET paused_until = 0";
            portal.database.execute(sql);
        };
        for count in 1..=10 {
            until_failures(&portal, "ops", count).await;
            go_on();
        }
        // From now on, only the poisoned one fails.
        receiver.whenever_about("poison", Says::status(500));
        receiver.always(Says::FINE);
        until("the next one was told", async || {
            go_on();
            people(&receiver).contains(&"fine".to_owned())
        })
        .await;
        until_told(&portal, "ops").await;
        assert_eq!(state(&portal, "refused", "ops"), "1");
    });
}

/// The moment's fault pauses as long as the receiver says.
#[test]
fn a_pause_that_the_receiver_asks_for_is_kept() {
    run(async {
        let receiver = Receiver::start().await;
        receiver.next(Says::Answer(429, "retry-after: 1800\r\n", ""));
        let portal = portal(&json("ops", &receiver, "'account_created'"))
            .run()
            .await;
        create(&portal, "li");
        until_trouble(&portal, "ops", "too_often").await;
        portal.clock.advance(MINUTES(29));
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(receiver.calls().len(), 1);
        portal.clock.advance(MINUTES(2));
        until_told(&portal, "ops").await;
        assert_eq!(people(&receiver), ["li", "li"]);
        // It is signed at each attempt, or the receiver would refuse it as old.
        let calls = receiver.calls();
        let signed =
            |call: &Call| -> i64 { call.header("webhook-timestamp").parse().expect("seconds") };
        assert!(signed(&calls[1]) - signed(&calls[0]) >= 1800);
        let sent_again = &calls[1];
        let (id, at) = (
            sent_again.header("webhook-id"),
            sent_again.header("webhook-timestamp"),
        );
        let expected = signature(SECRET, id, at, &sent_again.body);
        assert_eq!(sent_again.header("webhook-signature"), expected);
    });
}

/// At least once: what was on its way when the portal stopped is told by the next one.
#[test]
fn a_restart_loses_nothing_and_keeps_the_id() {
    run(async {
        let receiver = Receiver::start().await;
        receiver.always(Says::status(503));
        let toml = json("ops", &receiver, "'account_created'");
        let database = Database::sqlite();
        let first = on(database.clone(), &toml).run().await;
        create(&first, "li");
        create(&first, "wang");
        until_trouble(&first, "ops", "server_error").await;
        let (provider, clock) = (first.provider.clone(), first.clock.clone());
        first.close().await;
        receiver.always(Says::FINE);
        clock.advance(MINUTES(60));
        let second = on(database, &toml)
            .provider(&provider)
            .clock(&clock)
            .run()
            .await;
        until_told(&second, "ops").await;
        assert_eq!(people(&receiver).last().map(String::as_str), Some("wang"));
        let calls = receiver.calls();
        assert_eq!(
            calls[0].header("webhook-id"),
            calls[calls.len() - 2].header("webhook-id")
        );
    });
}

/// C10: a hook's queue is bounded in size and age, and what was given up is counted.
#[test]
fn a_queue_gives_up_its_oldest_and_counts_them() {
    run(async {
        let receiver = Receiver::start().await;
        receiver.always(Says::status(404));
        let portal = portal(&json("ops", &receiver, "'account_created'"))
            .run()
            .await;
        create(&portal, "first");
        until_trouble(&portal, "ops", "not_there").await;
        let now = portal.clock.now().0;
        portal.database.execute(&format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10050) \
             INSERT INTO webhook_deliveries (id, hook, created_at, kind, data) \
             SELECT i, 'ops', {now}, 'test', '{{}}' FROM n"
        ));
        create(&portal, "last");
        until("the oldest are given up", async || {
            state(&portal, "given_up", "ops") == "52"
        })
        .await;
        assert_eq!(portal.database.count("webhook_deliveries"), 10_000);
        portal.clock.advance(MINUTES(25 * 60));
        until("the old ones are given up", async || {
            state(&portal, "given_up", "ops") == "10052"
        })
        .await;
        assert_eq!(portal.database.count("webhook_deliveries"), 0);
    });
}

/// C12: others are told of a hook that fails, once, and once when it is well.
#[test]
fn another_hook_tells_that_one_fails_and_that_it_is_well() {
    run(async {
        let (bad, good) = (Receiver::start().await, Receiver::start().await);
        bad.always(Says::status(410));
        let toml = json("bad", &bad, "'account_created', 'webhook_failing'")
            + &json("good", &good, "'webhook_failing'");
        let portal = portal(&toml).run().await;
        create(&portal, "li");
        until_trouble(&portal, "bad", "not_there").await;
        portal.clock.advance(MINUTES(61));
        good.wait_for(1).await;
        until_failures(&portal, "bad", 2).await;
        portal.clock.advance(MINUTES(61));
        until_failures(&portal, "bad", 3).await;
        bad.always(Says::FINE);
        portal.clock.advance(MINUTES(61));
        good.wait_for(2).await;
        portal.clock.advance(MINUTES(61));
        until_told(&portal, "good").await;
        assert_eq!(
            good.texts(),
            [
                "The webhook “bad” has been failing for an hour.",
                "The webhook “bad” works again.",
            ]
        );
    });
}

#[test]
fn too_many_refused_sign_ins_are_told_once() {
    run(async {
        let receiver = Receiver::start().await;
        let toml = json("ops", &receiver, "'refused_sign_ins'") + "refused_sign_ins_per_hour = 3\n";
        let portal = portal(&toml).run().await;
        for _ in 0..5 {
            let browser = portal.browser();
            let page = browser.get("/login").await;
            let fields = [("username", "nobody"), ("password", "wrong"), ("next", "/")];
            browser.post("/login", &page, &fields).await;
        }
        portal.clock.advance(MINUTES(1));
        receiver.wait_for(1).await;
        portal.clock.advance(MINUTES(1));
        tokio::time::sleep(Duration::from_millis(1200)).await;
        let texts = receiver.texts();
        assert_eq!(texts.len(), 1);
        assert!(
            texts[0].ends_with(" sign-ins were refused within an hour (limit: 3)."),
            "{texts:?}"
        );
    });
}

#[test]
fn a_provider_that_cannot_be_reached_is_told_after_two_minutes() {
    run(async {
        let receiver = Receiver::start().await;
        let toml = hook("ops", "slack", &receiver, "'provider_unreachable'");
        receiver.always(Says::body("ok"));
        let portal = portal(&toml)
            .with("OAUTH2_TOKEN_URL", "http://127.0.0.1:9/o/token/")
            .run()
            .await;
        for _ in 0..8 {
            portal.clock.advance(Duration::from_secs(40));
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        receiver.wait_for(1).await;
        assert!(receiver.texts()[0].contains("The provider “company” cannot be reached"));
    });
}

/// Puts a thousand events into the outbox behind the portal's back.
fn insert_a_thousand(database: &Database, now: i64) {
    database.execute(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
         INSERT INTO webhook_events (id, created_at, kind, data) \
         SELECT i, {now}, 'account_deactivated', \
         '{{\"kind\":\"account_deactivated\",\"by\":\"itself\",\"who\":{{\"id\":7,\"username\":\"person-' || i || '\"}}}}' FROM n"
    ));
}

/// Kill -9 while a thousand events are on their way: each is told at least once.
#[test]
fn of_a_thousand_events_a_killed_portal_loses_none() {
    run(async {
        let (provider, database) = (Provider::start().await, Database::sqlite());
        let receiver = Receiver::start().await;
        let mut settings = process::settings(free_port(), &provider, &database);
        let folder = tempfile::tempdir().expect("a folder");
        let toml = json("ops", &receiver, "'account_deactivated'");
        let file = folder.path().join("webhooks.toml");
        std::fs::write(&file, toml).expect("a file");
        std::fs::write(folder.path().join("secret"), SECRET).expect("a file");
        let file = file.to_str().expect("Unicode").to_owned();
        settings.insert("FRONTDESK_WEBHOOKS".to_owned(), file);
        let mut first = Process::serve(&settings).await;
        let now = jiff::Timestamp::now().as_microsecond();
        insert_a_thousand(&database, now);
        receiver.wait_for(100).await;
        first.kill();
        let second = Process::serve(&settings).await;
        let mut told = people(&receiver);
        for _ in 0..600 {
            if database.count("webhook_events") + database.count("webhook_deliveries") == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        told.extend(people(&receiver).into_iter().skip(told.len()));
        let once: std::collections::BTreeSet<&String> = told.iter().collect();
        assert_eq!(once.len(), 1000, "{}", second.log());
        assert!(told.len() <= 1001, "{}", told.len());
        assert!(!second.log().contains(KEY));
    });
}
