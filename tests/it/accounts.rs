//! Who becomes which account, and what a sign-in changes in it.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{
    Database, Db, Endpoint, Person, Portal, Reply, on_both_databases, run, spawn, until_swept,
};

fn events(portal: &Portal) -> Vec<String> {
    portal.db_events(&["event", "outcome", "reason", "username"])
}

on_both_databases! {
    async fn every_sign_in_syncs_and_an_absent_claim_keeps_what_is_stored(database) {
        let portal = Portal::on(database).asking_for_permissions().run().await;
        let person = Person::named("li").with("name_cn", "李四").with("email", "li@old.example").may(&["a", "b"]);
        portal.signed_in(&person).await;
        assert_eq!(portal.db_permissions(), ["company:a", "company:b"]);

        let person = person.with("name_cn", "李思").with("email", "li@new.example").may(&["b", "c"]);
        let browser = portal.signed_in(&person).await;
        let account = browser.get("/account").await;
        assert!(account.body.contains("李思") && account.body.contains("li@new.example"));
        assert!(!account.body.contains("li@old.example"));
        assert_eq!(portal.db_permissions(), ["company:b", "company:c"]);
        let details = portal.db_last_details();
        assert_eq!(details["changes"], json!([
            {"field": "first_name", "from": "李四", "to": "李思"},
            {"field": "email", "from": "li@old.example", "to": "li@new.example"},
        ]));
        assert_eq!(details["permissions_added"], json!(["c"]));
        assert_eq!(details["permissions_removed"], json!(["a"]));

        portal.signed_in(&person.clone().without("email").with("name_cn", Value::Null)).await;
        let long = "x".repeat(255);
        portal.signed_in(&person.clone().with("email", long).with("name_cn", "坏\u{7}")).await;
        assert_eq!(portal.db_last_details()["kept"], json!(["first_name refused_characters", "email too_long"]));
        assert_eq!(portal.db_names(), ["li|李思|li@new.example"]);

        portal.signed_in(&person.with("email", "")).await;
        assert_eq!(portal.db_column("users", "email"), [""]);
        assert_eq!(portal.database.count("users"), 1);
        assert_eq!(portal.database.count("identities"), 1);
    }

    async fn permissions_that_cannot_be_read_stay_as_they_were(database) {
        let portal = Portal::on(database).asking_for_permissions().run().await;
        let person = Person::named("li").may(&["a", "b"]);
        let first = portal.signed_in(&person).await;
        assert!(!first.get("/account").await.body.contains("notice warn"));
        portal.database.execute("INSERT INTO user_permissions (user_id, name, origin, label, granted_at)
            SELECT id, 'by.hand', '', '', 0 FROM users");
        for reply in [
            Reply::Answer(500, "text/html", b"<h1>no</h1>".to_vec()),
            Reply::Answer(403, "text/html", Vec::new()),
            Reply::json(200, &json!({"permissions": {}})),
            Reply::json(200, &json!(["a", 7.5])),
            Reply::json(200, &json!(vec!["p"; 2001])),
            Reply::Reset,
        ] {
            portal.provider.on_call(Endpoint::Permissions, reply);
            let browser = portal.signed_in(&person).await;
            assert!(browser.get("/account").await.body.contains("notice warn"), "the page says so");
            assert!(portal.db_last_details()["permissions_kept"].is_string());
            assert_eq!(portal.db_permissions(), [":by.hand", "company:a", "company:b"]);
        }
        portal.provider.behave();
        portal.signed_in(&person.may(&[])).await;
        assert_eq!(portal.db_permissions(), [":by.hand"], "an empty list does mean none");

        // At the first sign-in there is no old set.
        portal.provider.on_call(Endpoint::Permissions, Reply::Reset);
        let newcomer = portal.signed_in(&Person::named("wang").may(&["a"])).await;
        assert_eq!(newcomer.get("/account").await.status, 200);
        assert_eq!(portal.db_permissions(), [":by.hand"]);
    }

    async fn a_role_follows_its_permission_and_the_one_by_hand_stays(database) {
        let portal = Portal::on(database)
            .asking_for_permissions()
            .with("FRONTDESK_STAFF_PERMISSION", "desk.look")
            .with("FRONTDESK_SUPERUSER_PERMISSION", "desk.admin")
            .run()
            .await;
        let roles = || portal.database.texts("SELECT CASE WHEN is_staff THEN 'S' ELSE '-' END || CASE WHEN is_superuser THEN 'U' ELSE '-' END
            || CASE WHEN is_staff_by_permission THEN 's' ELSE '-' END || CASE WHEN is_superuser_by_permission THEN 'u' ELSE '-' END
            AS value FROM users WHERE username = 'li'");
        let person = Person::named("li");
        let browser = portal.signed_in(&person).await;
        assert_eq!(browser.get("/admin/users").await.status, 403);
        portal.signed_in(&Person::named("boss").may(&["desk.admin"])).await;
        let browser = portal.signed_in(&person.clone().may(&["desk.look"])).await;
        assert_eq!(roles(), ["--s-"]);
        assert_eq!(browser.get("/admin/users").await.status, 200);
        portal.signed_in(&person.clone().may(&["desk.admin", "x"])).await;
        assert_eq!(roles(), ["--su"]);
        portal.signed_in(&person).await;
        assert_eq!(roles(), ["----"]);
        assert_eq!(browser.get("/admin/users").await.status, 403, "at the next request");
        // By hand, and in the profile: the first stays, the second is not read.
        portal.db_make_staff("li");
        portal.signed_in(&person.clone().with("is_superuser", true).with("is_staff", false).with("role", "superuser")).await;
        assert_eq!(roles(), ["S---"]);
        assert_eq!(browser.get("/admin/users").await.status, 200);
    }

    async fn the_last_active_superuser_is_not_demoted_by_a_sync(database) {
        let portal = Portal::on(database)
            .asking_for_permissions()
            .with("FRONTDESK_SUPERUSER_PERMISSION", "desk.admin")
            .run()
            .await;
        let boss = Person::named("boss").may(&["desk.admin"]);
        portal.signed_in(&boss).await;
        let browser = portal.signed_in(&boss.clone().may(&[])).await;
        assert_eq!(browser.get("/admin/users").await.status, 200);
        assert_eq!(portal.db_last_details()["kept"], json!(["role last_superuser"]));
        portal.signed_in(&Person::named("deputy").may(&["desk.admin"])).await;
        let browser = portal.signed_in(&boss.may(&[])).await;
        assert_eq!(browser.get("/admin/users").await.status, 403);
    }

    async fn a_name_that_belongs_to_another_account_is_refused_not_taken_over(database) {
        let portal = Portal::on(database).with("OAUTH2_SUBJECT", "/id").run().await;
        portal.db_insert_users(1, &[("admin", "")]);
        portal.db_make_superuser("admin");
        portal.db_set_field_of("admin", "email", "admin@corp.example");
        portal.db_set_field_of("admin", "password", "$argon2id$x");
        let browser = portal.browser();
        let mallory = Person::named("admin").with("id", 666).with("email", "admin@corp.example");
        let answer = browser.sign_in(&mallory, "/").await;
        assert_eq!(answer.status, 409);
        assert!(answer.body.contains("admin") && answer.body.contains("already belongs"));
        assert!(!answer.sets_session());
        assert_eq!(browser.get("/account").await.status, 303);
        assert_eq!(portal.database.count("users"), 1);
        assert_eq!(portal.database.count("identities"), 0);
        assert_eq!(portal.database.count("sessions"), 0);
        assert_eq!(events(&portal), ["sign_in_refused refused name_taken admin"]);
        // The same e-mail under another name is another person.
        let other = portal.signed_in(&Person::named("mallory").with("id", 667).with("email", "admin@corp.example")).await;
        assert_eq!(other.get("/admin/users").await.status, 403);
        // Of two people whose names clash, the second is refused, and a rename never takes a name.
        assert_eq!(portal.browser().sign_in(&Person::named("mallory").with("id", 668), "/").await.status, 409);
        let renamed = portal.signed_in(&Person::named("admin").with("id", 667)).await;
        assert_eq!(renamed.get("/account").await.user().as_deref(), Some("mallory"));
        let renamed = portal.signed_in(&Person::named("mallory2").with("id", 667)).await;
        assert_eq!(renamed.get("/account").await.user().as_deref(), Some("mallory2"));
        assert_eq!(portal.database.count("users"), 2);
    }

    async fn names_that_look_alike_are_different_people(database) {
        let portal = Portal::on(database).run().await;
        let names = [
            "admin", "Admin", "ADMIN", "admin ", " admin", "ａdmin", "аdmin", "adm\u{200d}in", "ad\u{301}min",
            "é", "e\u{301}", "王伟", "王偉", "𠮷", "o'brien", "<b>bold</b>", "a\"b&c", "👩‍🚀",
        ];
        let mut seen = HashSet::new();
        for name in names {
            for _ in 0..2 {
                let browser = portal.signed_in(&Person::named(name)).await;
                assert_eq!(browser.get("/account").await.user().as_deref(), Some(name));
            }
            assert!(seen.insert(name));
        }
        assert_eq!(portal.database.count("users"), i64::try_from(names.len()).expect("a few"));
        let mut stored = portal.db_column("users", "username");
        stored.sort();
        let mut wanted = names.map(str::to_owned).to_vec();
        wanted.sort();
        assert_eq!(stored, wanted, "byte for byte");
        for name in ["a\u{0}b", "a\u{1f}b", "a\u{85}b", "a\u{202e}b", "a\u{2066}b", "   ", ""] {
            assert_eq!(portal.browser().sign_in(&Person::named(name), "/").await.status, 502, "{name:?}");
        }
        assert_eq!(portal.database.count("users"), i64::try_from(names.len()).expect("a few"));
    }

    async fn a_deactivated_person_stays_out_by_every_way_in(database) {
        let portal = Portal::on(database).with("OAUTH2_LOGOUT_URL", "PROVIDER/logout").run().await;
        let person = Person::named("liu").with("is_active", true).with("email", "old@example.com");
        let browser = portal.signed_in(&person).await;
        portal.db_deactivate("liu");
        let answer = browser.get("/account").await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/login?next=/account"), "the open session");
        let person = person.with("email", "new@example.com");
        for door in [browser.clone(), portal.browser()] {
            let answer = door.sign_in(&person, "/").await;
            assert_eq!(answer.status, 403);
            assert!(answer.body.contains("Your account is deactivated") && answer.body.contains("liu"));
            assert!(answer.body.contains(&format!("{}/logout", portal.provider.url)), "as someone else");
            assert!(!answer.sets_session());
            assert!(portal.log().contains(&answer.reference()));
        }
        let mut chinese = portal.browser();
        chinese.language = "zh-CN,zh;q=0.9".to_owned();
        assert!(chinese.sign_in(&person, "/").await.body.contains("你的账号已停用"));
        assert_eq!(portal.db_column("users", "email"), ["old@example.com"]);
        assert_eq!(portal.database.count("users WHERE is_active"), 0);
        assert_eq!(events(&portal)[1..], [
            "sign_in_refused refused inactive liu",
            "sign_in_refused refused inactive liu",
            "sign_in_refused refused inactive liu",
        ]);
    }

    async fn fifty_first_sign_ins_at_once_make_one_account_and_fifty_sessions(database) {
        let portal = Portal::on(database).asking_for_permissions().run().await;
        let person = Person::named("li").may(&["a", "b", "c"]);
        let mut callbacks = Vec::new();
        for _ in 0..50 {
            let browser = portal.browser();
            let callback = portal.provider.approve(&browser.begin("/").await, &person);
            callbacks.push((browser, callback));
        }
        let racing: Vec<_> = callbacks
            .into_iter()
            .map(|(browser, callback)| spawn(async move { (browser.get(&callback).await, browser) }))
            .collect();
        for one in racing {
            let (answer, browser) = one.await.expect("an answer");
            assert_eq!(answer.status, 303, "{}", answer.body);
            assert_eq!(browser.get("/account").await.status, 200);
        }
        assert_eq!(portal.database.count("users"), 1);
        assert_eq!(portal.database.count("identities"), 1);
        assert_eq!(portal.database.count("sessions"), 50);
        assert_eq!(portal.database.count("user_permissions"), 3);
        assert_eq!(portal.database.count("audit_events WHERE details LIKE '%account_created%'"), 1);
    }

    async fn each_act_leaves_one_event_in_the_same_transaction(database) {
        let portal = Portal::on(database).run().await;
        let li = Person::named("li");
        let first = portal.signed_in(&li).await;
        let second = portal.signed_in(&li).await;
        let account = second.get("/account").await;
        let ids = portal.db_column("sessions", "id");
        second.post(&format!("/account/sessions/{}/end", ids[0]), &account, &[]).await;
        assert_eq!(first.get("/account").await.status, 303);
        portal.signed_in(&li).await;
        second.post("/account/sessions/end-others", &account, &[]).await;
        second.sign_in(&Person::named("wang"), "/").await;
        let account = second.get("/account").await;
        second.post("/logout", &account, &[]).await;
        let browser = portal.browser();
        let callback = portal.provider.refuse(&browser.begin("/").await, "access_denied", &[]);
        browser.get(&callback).await;
        assert_eq!(events(&portal), [
            "signed_in success li",
            "signed_in success li",
            "session_ended success li",
            "signed_in success li",
            "other_sessions_ended success li",
            "user_switched success li",
            "signed_in success wang",
            "signed_out success wang",
            "sign_in_refused refused declined",
        ]);
        let from = portal.database.texts("SELECT DISTINCT address || ' ' || user_agent AS value FROM audit_events");
        assert_eq!(from, ["127.0.0.1 Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"]);

        // No event, no act.
        let wang = portal.signed_in(&Person::named("wang")).await;
        let account = wang.get("/account").await;
        let sessions = portal.database.count("sessions");
        portal.db_break_audit_log();
        let newcomer = portal.browser();
        let answer = newcomer.sign_in(&Person::named("zhao"), "/").await;
        assert_eq!(answer.status, 500);
        assert!(!answer.sets_session());
        assert_eq!(wang.post("/logout", &account, &[]).await.status, 500);
        assert_eq!(wang.get("/account").await.status, 200, "still signed in, and told so");
        assert_eq!(portal.database.count("sessions"), sessions);
        assert_eq!(portal.database.count("users WHERE username = 'zhao'"), 0);
        // Mended, the same person gets in.
        portal.db_mend_audit_log();
        assert_eq!(newcomer.sign_in(&Person::named("zhao"), "/").await.status, 303);
    }

    async fn a_sign_in_costs_three_calls_and_one_transaction(database) {
        // Nobody is asked about in the background, which reads.
        let portal = Portal::on(database).asking_for_permissions().with("OAUTH2_RECHECK", "off").run().await;
        let person = Person::named("li").may(&["a"]);
        until_swept(&portal).await;
        for _ in 0..2 {
            let browser = portal.browser();
            let callback = portal.provider.approve(&browser.begin("/").await, &person);
            let (calls, before) = (portal.provider.calls(), portal.inner.db.counts());
            assert_eq!(browser.get(&callback).await.status, 303);
            let after = portal.inner.db.counts();
            assert_eq!(portal.provider.calls() - calls, 3, "token, profile, permissions");
            assert_eq!(after.writes - before.writes, 1, "one transaction, one hop to a thread");
            assert_eq!(after.reads - before.reads, 0);
        }
        let browser = portal.signed_in(&person).await;
        let before = portal.inner.db.counts();
        browser.get("/").await;
        browser.get("/login").await;
        browser.get("/healthz").await;
        let after = portal.inner.db.counts();
        assert_eq!((after.reads - before.reads, after.writes - before.writes), (2, 0), "one read each");
        let anonymous = portal.browser();
        anonymous.get("/login").await;
        anonymous.begin("/").await;
        assert_eq!(portal.inner.db.counts(), after, "a visitor costs the database nothing");
    }
}

#[test]
fn without_the_permissions_address_a_sign_in_makes_two_calls() {
    run(async {
        let portal = Portal::on(Database::sqlite()).run().await;
        let browser = portal.signed_in(&Person::named("li")).await;
        assert_eq!(portal.provider.calls(), 2);
        assert!(!browser.get("/account").await.body.contains("notice warn"));
    });
}

#[test]
fn a_flood_of_declined_sign_ins_does_not_fill_the_audit_log() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.browser();
        for _ in 0..100 {
            let callback = portal
                .provider
                .refuse(&browser.begin("/").await, "access_denied", &[]);
            assert_eq!(browser.get(&callback).await.status, 403);
        }
        let rows = portal.database.count("audit_events");
        assert!((60..=120).contains(&rows), "at most 60 a minute: {rows}");
        portal.clock.advance(std::time::Duration::from_secs(60));
        let callback = portal
            .provider
            .refuse(&browser.begin("/").await, "access_denied", &[]);
        browser.get(&callback).await;
        assert_eq!(portal.db_count_events("more_sign_ins_refused"), 1);
    });
}
