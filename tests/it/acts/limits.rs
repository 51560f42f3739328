//! What nobody reaches by a form: fields it does not have, accounts of others, acts without a role,
//! secrets.

use std::collections::BTreeSet;

use frontdesk::web;

use super::{
    choose, done, everything, link_on, new_account, opened, person, refused, send, staff, start,
    superuser, token_of, with_password,
};
use crate::support::portal::PASSWORD;
use crate::support::{Database, Db, Portal, on_both_databases, run};

/// What stands in one and not in the other.
fn only_in<'a>(one: &'a BTreeSet<String>, other: &'a BTreeSet<String>) -> Vec<&'a str> {
    one.iter()
        .filter(|line| !other.contains(*line))
        .map(String::as_str)
        .collect()
}

#[test]
fn fields_that_a_form_does_not_have_change_nothing() {
    run(async {
        let portal = start(Database::sqlite()).await;
        let boss = superuser(&portal, "boss").await;
        portal.signed_in(&person("li")).await;
        let wang = portal.signed_in(&person("wang")).await;
        let [me, li, other] = ["boss", "li", "wang"].map(|name| portal.db_id_of(name));
        let (me, other) = (me.to_string(), other.to_string());
        let more = [
            ("is_superuser", "1"),
            ("is_staff", "1"),
            ("is_active", "0"),
            ("id", other.as_str()),
            ("user_id", other.as_str()),
            ("u", other.as_str()),
            ("password", "four words and a comma,"),
            ("provider", "company"),
            ("origin", "company"),
            ("username", "boss"),
            ("actor", "li"),
            ("reference", "AAAA-AAAA"),
            ("granted_by", "li"),
            ("__proto__", "x"),
        ];
        let with = |own: &[(&'static str, &'static str)]| {
            let mut fields = own.to_vec();
            fields.extend_from_slice(&more);
            fields
        };

        let before = portal.db_state();
        let fields = with(&[
            ("reason", "called"),
            ("role", "superuser"),
            ("permission", "desk.admin"),
            ("subject", "id-of-wang"),
        ]);
        done(&boss, li, "note", &fields).await;
        assert_eq!(portal.db_state(), before);
        let event = portal.db_recorded().pop().expect("an event");
        assert_eq!(event.line, "note_added success boss li");
        assert_ne!(event.reference, "AAAA-AAAA");

        let fields = with(&[("permission", "reports.read")]);
        done(&boss, li, "grant", &fields).await;
        let after = portal.db_state();
        assert_eq!(
            only_in(&after, &before),
            [format!("permission {li} reports.read  boss")]
        );
        assert!(only_in(&before, &after).is_empty());

        let before = after;
        done(&boss, li, "role", &with(&[("role", "staff")])).await;
        let after = portal.db_state();
        let mine = [format!("user {li} "), format!("change {li} role_by_hand ")];
        let changed = only_in(&after, &before);
        assert_eq!(changed.len(), 2, "{changed:?}");
        for line in changed.iter().chain(&only_in(&before, &after)) {
            assert!(mine.iter().any(|begin| line.starts_with(begin)), "{line}");
        }
        assert_eq!(portal.db_count_active_superusers(), 1);
        assert_eq!(wang.get("/account").await.status, 200);

        // An identity that is somebody's is not moved by a field.
        let path = format!("/admin/users/{li}/link");
        let fields = with(&[("subject", "id-of-wang")]);
        let why = "This identity belongs to the account wang";
        refused(&portal, &boss, &path, &fields, why).await;

        // A new account is plain, and its password is its owner's to choose.
        let fields = [
            ("username", "kiosk"),
            ("first_name", ""),
            ("email", ""),
            ("reason", ""),
            ("role", "superuser"),
            ("is_superuser", "1"),
            ("is_staff", "1"),
            ("is_active", "0"),
            ("id", me.as_str()),
            ("password", PASSWORD),
            ("password_hash", "$argon2id$x"),
            ("subject", "id-of-kiosk"),
        ];
        link_on(&send(&boss, "/admin/users/new", &fields).await);
        let kiosk = portal.db_id_of("kiosk");
        let flags = format!(
            "SELECT COALESCE(password, 'none') || CAST(is_active AS TEXT) || CAST(is_staff AS TEXT) || CAST(is_superuser AS TEXT) AS value FROM users WHERE id = {kiosk}"
        );
        assert_eq!(portal.database.texts(&flags), ["!100"]);
        assert_eq!(portal.database.count("identities"), 3);
        for password in ["!", PASSWORD] {
            let (_, answer) = with_password(&portal, "kiosk", password).await;
            assert_eq!(answer.status, 422, "{password}");
        }

        // Acts that are not for many, not even by hand.
        let before = portal.db_state();
        for act in ["role", "erase", "link", "unlink", "reset-password", "", "x"] {
            let fields = [("u", other.as_str()), ("act", act), ("role", "superuser")];
            let answer = send(&boss, "/admin/users/bulk/confirm", &fields).await;
            assert_eq!(answer.status, 400, "{act}");
        }
        let fields = [("u", me.as_str()), ("act", "grant"), ("permission", "x")];
        let answer = send(&boss, "/admin/users/bulk/confirm", &fields).await;
        assert!(
            answer
                .body
                .contains("You cannot do this to your own account")
        );
        assert_eq!(portal.db_state(), before);
    });
}

on_both_databases! {
    async fn nobody_but_an_admin_changes_an_account_least_of_all_their_own(database) {
        let portal = Portal::on(database)
            .with("OAUTH2_SUBJECT", "/id")
            .with("FRONTDESK_SUPERUSER_PERMISSION", "desk.admin")
            .run()
            .await;
        let boss = superuser(&portal, "boss").await;
        let staff = staff(&portal, "sam").await;
        let employee = portal.signed_in(&person("li")).await;
        portal.signed_in(&person("wang")).await;
        let session = portal.db_live_sessions_of("wang").remove(0);
        let [boss_id, sam, li, wang] = ["boss", "sam", "li", "wang"].map(|name| portal.db_id_of(name));
        let (before, events) = (portal.db_state(), portal.db_recorded().len());
        for browser in [&staff, &employee] {
            for id in [boss_id, sam, li, wang] {
                for act in web::acts() {
                    let fields = [
                        ("role", "superuser"),
                        ("permission", "desk.admin"),
                        ("subject", "another-one"),
                        ("session", session.as_str()),
                        ("reason", "x"),
                    ];
                    let answer = send(browser, &format!("/admin/users/{id}/{act}"), &fields).await;
                    assert_eq!(answer.status, 403, "{act}");
                    assert!(answer.body.contains("You cannot open this page"), "{act}");
                }
            }
            let (me, all) = (sam.to_string(), "1");
            for (path, fields) in [
                ("/admin/users/new", vec![("username", "x"), ("first_name", ""), ("email", ""), ("reason", "")]),
                ("/admin/users/bulk", vec![("all", all), ("act", "deactivate")]),
                ("/admin/users/bulk/confirm", vec![("all", all), ("act", "deactivate")]),
                ("/admin/users/bulk/confirm", vec![("u", me.as_str()), ("act", "grant"), ("permission", "desk.admin")]),
                ("/admin/sessions/end", vec![("filter", "")]),
            ] {
                assert_eq!(send(browser, path, &fields).await.status, 403, "{path}");
            }
        }
        assert_eq!(portal.db_state(), before);
        assert_eq!(portal.db_recorded().len(), events);

        // Nor does an admin: not by hand, not by the permission that makes one.
        portal.database.execute("UPDATE users SET is_superuser = FALSE, is_superuser_by_permission = TRUE WHERE username = 'boss'");
        for (act, fields) in [("role", [("role", "superuser")]), ("grant", [("permission", "desk.admin")])] {
            let told = refused(&portal, &boss, &format!("/admin/users/{boss_id}/{act}"), &fields, "You cannot do this").await;
            assert_eq!(told.len(), 1);
        }
    }

    async fn an_account_that_waits_under_somebody_s_name_is_not_theirs_until_an_admin_says_so(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let mallory = superuser(&portal, "mallory").await;
        // Whoever makes the account chooses the password too.
        let link = new_account(&mallory, "victim").await;
        let waiting = portal.browser();
        assert_eq!(choose(&waiting, &link, "four words and a comma,", "four words and a comma,").await.status, 303);
        assert_eq!(waiting.get("/account").await.user().as_deref(), Some("victim"));
        let id = portal.db_id_of("victim");

        // The person comes: they do not get it, and it does not get them.
        let victim = person("victim").with("name_cn", "Veronica").with("email", "veronica@corp.example");
        let browser = portal.browser();
        let answer = browser.sign_in(&victim, "/").await;
        assert_eq!(answer.status, 409);
        assert!(!answer.sets_session());
        assert_eq!(browser.get("/account").await.status, 303);
        assert_eq!(portal.database.count(&format!("identities WHERE user_id = {id}")), 0);
        let account = waiting.get("/account").await;
        assert!(!account.body.contains("Veronica") && !account.body.contains("veronica@corp.example"));

        // An admin who knows them links them: nobody else has a way in any more.
        done(&boss, id, "link", &[("subject", "id-of-victim")]).await;
        assert_eq!(waiting.get("/account").await.status, 303, "all sessions are gone");
        assert_eq!(portal.db_fields_of("victim", "password"), ["NULL"]);
        let (_, answer) = with_password(&portal, "victim", "four words and a comma,").await;
        assert_eq!(answer.status, 422);
        assert_eq!(portal.browser().get(&link).await.status, 410);
        let browser = portal.signed_in(&victim).await;
        assert_eq!(browser.get("/account").await.user().as_deref(), Some("victim"));
        assert_eq!(portal.db_id_of("victim"), id);
        let path = format!("/admin/users/{id}/reset-password");
        refused(&portal, &boss, &path, &[], "the account has no local password").await;
    }

    async fn ids_of_others_open_and_end_nothing(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let anna = portal.signed_in(&person("anna")).await;
        let bert = portal.signed_in(&person("bert")).await;
        let sam = staff(&portal, "sam").await;
        let [anna_id, bert_id] = ["anna", "bert"].map(|name| portal.db_id_of(name));
        let session = portal.db_live_sessions_of("anna").remove(0);
        done(&boss, anna_id, "note", &[("reason", "about anna alone")]).await;
        let before = portal.db_state();

        // -- a session on the account page, as everybody who is not its owner --
        for browser in [&bert, &sam, &boss] {
            let answer = send(browser, &format!("/account/sessions/{session}/end"), &[]).await;
            assert_eq!(answer.status, 404);
        }
        // -- a session at the wrong person, as an admin --
        for act in [format!("/admin/users/{bert_id}/end-session"), "/admin/users/42/end-session".to_owned()] {
            assert_eq!(boss.get(&format!("{act}?session={session}")).await.status, 404);
            let answer = send(&boss, &act, &[("session", &session)]).await;
            assert!([404, 422].contains(&answer.status.as_u16()), "{}", answer.status);
        }
        // -- a permission and an identity of somebody else --
        for (act, fields) in [("take", [("permission", "x")]), ("unlink", [("subject", "id-of-anna")])] {
            refused(&portal, &boss, &format!("/admin/users/{bert_id}/{act}"), &fields, "No change needed").await;
        }
        // -- pages and lists about somebody --
        let event = portal.database.number("SELECT MAX(id) AS value FROM audit_events");
        let looked = [
            format!("/admin/users/{anna_id}"),
            format!("/admin/users/{anna_id}?after={event}"),
            "/admin/audit?about=anna".to_owned(),
            "/admin/sessions?user=anna".to_owned(),
            "/admin/status".to_owned(),
        ];
        let acted = [
            format!("/admin/users/{anna_id}/note"),
            format!("/admin/users/{anna_id}/end-session?session={session}"),
            "/admin/sessions/end?user=anna".to_owned(),
            "/admin/users.csv?q=anna".to_owned(),
            "/admin/sessions.csv?user=anna".to_owned(),
            "/admin/audit.csv?about=anna".to_owned(),
        ];
        for path in looked.iter().chain(&acted) {
            let answer = opened(&bert, path).await;
            assert_eq!(answer.status, 403, "{path}");
            assert!(!answer.body.contains("about anna alone"), "{path}");
        }
        for path in &acted {
            assert_eq!(opened(&sam, path).await.status, 403, "{path}");
        }
        for query in ["", "?user_id=ANNA", "?about=ANNA", "?id=ANNA", "?before=9223372036854775807", "?last=1"] {
            let path = format!("/account/timeline{}", query.replace("ANNA", &anna_id.to_string()));
            let answer = bert.get(&path).await;
            assert_eq!(answer.status, 200, "{path}");
            // The page's own address, for the switch of languages, says what was typed.
            let body = answer.body.replace(&path.replace('&', "&#38;"), "");
            assert!(!body.contains("anna"), "{path}");
        }
        assert_eq!(portal.db_state(), before);
        assert_eq!(anna.get("/account").await.status, 200, "the session lives on");
    }

    async fn what_is_taken_away_is_gone_at_the_very_next_request_on_every_instance(database) {
        let portal = Portal::on(database.clone())
            .with("OAUTH2_SUBJECT", "/id")
            .with("FRONTDESK_STAFF_PERMISSION", "desk.look")
            .run()
            .await;
        let other = Portal::on(database)
            .beside(&portal)
            .with("OAUTH2_SUBJECT", "/id")
            .with("FRONTDESK_STAFF_PERMISSION", "desk.look")
            .run()
            .await;
        let boss = superuser(&portal, "boss").await;
        let li = portal.signed_in(&person("li")).await;
        let id = portal.db_id_of("li");
        portal.db_prove("li");
        let there = li.at(&other);
        for round in 0..5 {
            done(&boss, id, "role", &[("role", "staff")]).await;
            assert_eq!(there.get("/admin/users").await.status, 200, "round {round}");
            done(&boss, id, "role", &[("role", "superuser")]).await;
            assert_eq!(there.get("/admin/users/new").await.status, 200, "round {round}");
            done(&boss, id, "role", &[("role", "employee")]).await;
            assert_eq!(there.get("/admin/users/new").await.status, 403, "round {round}");
            assert_eq!(li.get("/admin/users").await.status, 403, "round {round}");

            done(&boss, id, "grant", &[("permission", "desk.look")]).await;
            let account = there.get("/account").await;
            assert!(account.body.contains("desk.look"), "round {round}");
            assert_eq!(there.get("/admin/users").await.status, 200, "round {round}");
            done(&boss, id, "take", &[("permission", "desk.look")]).await;
            assert_eq!(there.get("/admin/users").await.status, 403, "round {round}");
            assert_eq!(there.get("/account").await.status, 200, "still signed in");
            assert!(!there.get("/account").await.body.contains("desk.look"), "round {round}");
        }
        done(&boss, id, "deactivate", &[]).await;
        assert_eq!(there.get("/account").await.status, 303);
        assert_eq!(there.get_with("/account", &[("accept", "application/json")]).await.status, 401);
    }

    async fn no_page_or_list_for_admins_holds_a_secret(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        portal.signed_in(&person("li")).await;
        portal.db_create_local_account("kiosk");
        let (_, answer) = with_password(&portal, "kiosk", PASSWORD).await;
        assert_eq!(answer.status, 303);
        let (_, answer) = with_password(&portal, "kiosk", "wrong horse battery").await;
        assert_eq!(answer.status, 422);
        let link = new_account(&boss, "lobby").await;
        let [li, kiosk] = ["li", "kiosk"].map(|name| portal.db_id_of(name));
        let session = portal.db_live_sessions_of("li").remove(0);
        done(&boss, li, "grant", &[("permission", "reports.read")]).await;

        let mut all = everything(&portal, &boss).await;
        for id in [li, kiosk] {
            for act in web::acts() {
                let path = format!("/admin/users/{id}/{act}?role=staff&session={session}&permission=reports.read&subject=id-of-li");
                let answer = boss.get(&path).await;
                assert!([200, 404].contains(&answer.status.as_u16()), "{path}");
                all.push_str(&answer.body);
                // Its refusal shows the page again.
                if act == "activate" {
                    all.push_str(&send(&boss, &format!("/admin/users/{id}/{act}"), &[]).await.body);
                }
            }
        }
        for path in ["/admin/users/new", "/admin/users?select=page", "/admin/nothing", "/admin/users?size=7", "/account", "/"] {
            all.push_str(&boss.get(path).await.body);
        }
        let ticked = kiosk.to_string();
        let ticks = [("u", ticked.as_str()), ("act", "end-sessions")];
        all.push_str(&send(&boss, "/admin/users/bulk", &ticks).await.body);
        all.push_str(&send(&boss, "/admin/users/bulk/confirm", &ticks).await.body);

        let mut secrets = portal.canaries();
        secrets.push(token_of(&link).to_owned());
        secrets.push(boss.session_cookie().expect("a session"));
        secrets.push(PASSWORD.to_owned());
        secrets.push("wrong horse battery".to_owned());
        secrets.push("$argon2".to_owned());
        secrets.extend(portal.db_column("sessions", "token_hash"));
        assert!(secrets.len() > 10, "there is something to look for");
        for secret in secrets {
            assert!(!all.contains(&secret), "a secret is on a page: {}", secret.chars().take(8).collect::<String>());
        }
    }
}
