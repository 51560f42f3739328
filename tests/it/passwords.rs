//! The local password: the form, its limits, changing it, rescue links.

use std::collections::BTreeSet;
use std::time::Duration;

use frontdesk::id::UserId;
use frontdesk::signin::one_time_link::{Draft, LinkFor};
use serde_json::json;

use crate::support::portal::PASSWORD;
use crate::support::{
    Answer, Browser, Database, Db, Person, Portal, on_both_databases, run, spawn, until_swept,
};

/// Fills in the form on the sign-in page.
async fn try_password(browser: &Browser, username: &str, password: &str) -> Answer {
    try_from(browser, "127.0.0.1", username, password).await
}

/// The same from an address of its own, as a trusted proxy tells it.
async fn try_from(browser: &Browser, address: &str, username: &str, password: &str) -> Answer {
    let page = browser.get("/login?next=/account").await;
    let fields = [
        ("username", username),
        ("password", password),
        ("next", "/account"),
    ];
    browser
        .post_with("/login", &page, &fields, &[("x-forwarded-for", address)])
        .await
}

/// A refusal without what may differ: the reference, the time, the form's token, what was typed.
fn told(answer: &Answer, username: &str) -> (u16, String) {
    let mut text = answer.body.clone();
    for part in [&answer.reference(), &answer.csrf_token(), username] {
        text = text.replace(part, "…");
    }
    let time = text.find("<time").expect("a time");
    let end = text[time..].find("</time>").expect("its end") + time;
    text.replace_range(time..end, "");
    (answer.status.as_u16(), text)
}

async fn behind_a_proxy(database: Database) -> Portal {
    Portal::on(database)
        .with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1")
        .run()
        .await
}

/// The events about sign-ins so far, oldest first: `event reason username`.
fn trail(portal: &Portal) -> Vec<String> {
    portal.db_events(&["event", "reason", "username"])
}

on_both_databases! {
    async fn a_local_account_signs_in_by_the_same_function(database) {
        // Nobody is asked about in the background, which reads.
        let portal = Portal::on(database).with("OAUTH2_RECHECK", "off").run().await;
        portal.db_create_local_account("root");
        let browser = portal.browser();
        let page = browser.get("/login?next=/account").await;
        assert!(page.body.contains("<details class=\"fold\">"), "the company comes first");
        until_swept(&portal).await;
        let before = portal.inner.db.counts();
        let answer = try_password(&browser, "root", PASSWORD).await;
        let after = portal.inner.db.counts();
        assert_eq!((after.reads - before.reads, after.writes - before.writes), (1, 1));
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/account"));
        assert!(answer.sets_session());
        let account = browser.get("/account").await;
        assert_eq!(account.user().as_deref(), Some("root"));
        assert!(account.body.contains("Local password"));
        assert_eq!(
            portal.db_column("sessions", "provider"),
            [""]
        );
        assert_eq!(trail(&portal), ["superuser_created root", "signed_in root"]);
        assert_eq!(portal.database.number("SELECT COUNT(last_login) AS value FROM users"), 1);

        // Who comes by the other way afterwards ends this session, and the trail says so.
        assert_eq!(browser.sign_in(&Person::named("anna"), "/").await.status, 303);
        assert_eq!(
            portal.db_live_sessions(),
            1
        );
        assert_eq!(trail(&portal)[2..], ["user_switched root", "signed_in anna"]);
    }

    async fn refusals_tell_nothing_apart(database) {
        let portal = behind_a_proxy(database).await;
        for name in ["known", "inactive"] {
            portal.db_create_local_account(name);
        }
        portal.db_deactivate("inactive");
        portal.signed_in(&Person::named("company")).await;
        let browser = portal.browser();
        let mut answers = BTreeSet::new();
        for (number, (username, password)) in [
            ("known", "wrong horse battery"),
            ("unknown", "wrong horse battery"),
            ("inactive", "wrong horse battery"),
            ("inactive", PASSWORD),
            ("company", "wrong horse battery"),
            ("known", ""),
            ("KNOWN", PASSWORD),
        ].into_iter().enumerate() {
            let before = portal.inner.hasher.verifications();
            let started = std::time::Instant::now();
            let answer = try_from(&browser, &format!("10.0.0.{number}"), username, password).await;
            assert!(started.elapsed() >= Duration::from_millis(500), "padded to the floor");
            assert_eq!(portal.inner.hasher.verifications() - before, 1, "{username}");
            assert!(!answer.sets_session());
            assert!(answer.body.contains(&format!("value=\"{username}\"")), "what was typed stays");
            assert!(answer.body.contains("<title>Error: "));
            answers.insert(told(&answer, &format!("value=\"{username}\"")));
        }
        assert_eq!(answers.len(), 1, "{answers:#?}");
        assert_eq!(answers.first().map(|(status, _)| *status), Some(422));
        // The trail knows, and holds no typed name that nobody has.
        let reasons: Vec<String> = trail(&portal).into_iter()
            .filter(|event| event.starts_with("sign_in_refused"))
            .map(|event| event.replace("sign_in_refused ", ""))
            .collect();
        assert_eq!(
            reasons,
            [
                "wrong_password known",
                "unknown_user",
                "inactive inactive",
                "inactive inactive",
                "no_password company",
                "wrong_password known",
                "unknown_user",
            ]
        );
        assert!(!portal.database.dump().contains("KNOWN"));
        assert!(!portal.log().contains("KNOWN") && !portal.log().contains("battery"));
    }

    async fn of_two_hundred_wrong_passwords_at_once_ten_are_looked_at(database) {
        let portal = behind_a_proxy(database).await;
        portal.db_create_local_account("boss");
        portal.db_make_superuser("boss");
        // A hundred guesses at a known and a hundred at an unknown name, each from its own address.
        let mut tries = Vec::new();
        for number in 0..200_u32 {
            let browser = portal.browser();
            let username = if number % 2 == 0 { "boss" } else { "nobody" };
            tries.push(spawn(async move {
                let address = format!("10.1.{}.{}", number / 100, number % 100);
                let answer = try_from(&browser, &address, username, "wrong horse battery").await;
                (username, told(&answer, &format!("value=\"{username}\"")))
            }));
        }
        let mut seen = Vec::new();
        for one in tries {
            seen.push(one.await.expect("an answer"));
        }
        // Five of each were looked at, however many came at once.
        assert_eq!(portal.inner.hasher.verifications(), 10);
        for name in ["boss", "nobody"] {
            let count = |status| {
                seen.iter().filter(|(who, told)| *who == name && told.0 == status).count()
            };
            assert_eq!((count(422), count(429)), (5, 95), "{name}");
        }
        let texts: BTreeSet<_> = seen.into_iter().map(|(_, told)| told).collect();
        assert_eq!(texts.len(), 2, "one text for wrong, one for paused");
        // The pause is the password's alone: the right one waits too, the company sign-in works.
        let answer = try_from(&portal.browser(), "10.9.9.9", "boss", PASSWORD).await;
        assert_eq!(answer.status, 429);
        let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=900).contains(&seconds), "{seconds}");
        assert!(answer.body.contains("You can still sign in with your company account"));
        portal.signed_in(&Person::named("anna")).await;
        // So does a rescue link.
        let browser = portal.browser();
        let page = browser.get(&portal.db_make_rescue_link("boss")).await;
        let token = page.body.split("name=\"token\" value=\"").nth(1).expect("a token");
        let token = token.split('"').next().expect("its end").to_owned();
        assert_eq!(browser.post("/rescue", &page, &[("token", &token)]).await.status, 303);
        // And it ends.
        portal.clock.advance(Duration::from_secs(15 * 60));
        assert_eq!(try_password(&portal.browser(), "boss", PASSWORD).await.status, 303);
    }

    async fn people_change_their_own_password(database) {
        let portal = Portal::on(database).run().await;
        portal.db_create_local_account("root");
        let (here, elsewhere) = (portal.browser(), portal.browser());
        for browser in [&here, &elsewhere] {
            assert_eq!(try_password(browser, "root", PASSWORD).await.status, 303);
        }
        assert!(here.get("/account").await.body.contains("href=\"/account/password\""));
        let page = here.get("/account/password").await;
        let change = async |current: &str, new: &str, again: &str| {
            let fields = [
                ("current_password", current),
                ("new_password", new),
                ("new_password_again", again),
            ];
            here.post("/account/password", &page, &fields).await
        };
        let new = "four words and a comma,";
        for (current, new, again, words) in [
            (PASSWORD, new, "another one entirely", "do not match"),
            (PASSWORD, "short", "short", "at least 12"),
            (PASSWORD, "password2026!", "password2026!", "is too common"),
            ("wrong horse battery", new, new, "current password is wrong"),
        ] {
            let answer = change(current, new, again).await;
            assert_eq!(answer.status, 422, "{words}");
            assert!(answer.body.contains(words), "{words}");
            for typed in [current, new] {
                assert!(!answer.body.contains(typed), "no password comes back");
            }
        }
        assert_eq!(change(PASSWORD, new, new).await.location(), "/account");
        assert!(here.get("/account").await.body.contains("Your password has been changed"));
        assert_eq!(elsewhere.get("/account").await.status, 303, "signed out");
        assert_eq!(try_password(&portal.browser(), "root", PASSWORD).await.status, 422);
        assert_eq!(try_password(&portal.browser(), "root", new).await.status, 303);
        assert_eq!(
            trail(&portal).iter().filter(|event| event.starts_with("password_changed")).count(),
            1
        );
        assert!(trail(&portal).contains(&"password_change_refused wrong_password root".to_owned()));
        // Guessing the current one from an open session is slowed like any guessing.
        for _ in 0..5 {
            change("wrong horse battery", new, new).await;
        }
        assert_eq!(change("wrong horse battery", new, new).await.status, 429);
        assert!(!portal.log().contains("comma,"));
    }

    async fn a_rescue_link_signs_in_once(database) {
        let portal = Portal::on(database).with("FRONTDESK_PASSWORD_LOGIN", "off").run().await;
        portal.db_create_local_account("root");
        let link = portal.db_make_rescue_link("root");
        let browser = portal.browser();
        // Looking, also by a mail scanner, uses nothing up.
        for _ in 0..3 {
            let page = browser.get(&link).await;
            assert_eq!(page.status, 200);
            assert!(page.body.contains("<strong>root</strong>"));
            assert_eq!(page.user(), None);
        }
        let page = browser.get(&link).await;
        let token = link.split_once("token=").expect("a token").1.to_owned();
        let answer = browser.post("/rescue", &page, &[("token", &token)]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/"));
        assert_eq!(browser.get("/account").await.user().as_deref(), Some("root"));
        assert_eq!(portal.db_details_of("signed_in"), [json!({"rescue_link": true})]);
        // Once, wherever.
        let other = portal.browser();
        assert_eq!(other.get(&link).await.status, 410);
        let page = other.get("/login").await;
        assert_eq!(other.post("/rescue", &page, &[("token", &token)]).await.status, 410);
        // Old, damaged, or of somebody who is switched off meanwhile.
        let old = portal.db_make_rescue_link("root");
        portal.clock.advance(Duration::from_secs(15 * 60));
        assert_eq!(other.get(&old).await.status, 410);
        let fresh = portal.db_make_rescue_link("root");
        assert_eq!(other.get(&format!("{fresh}A")).await.status, 410);
        assert_eq!(other.get("/rescue?token=").await.status, 410);
        portal.db_deactivate("root");
        assert_eq!(other.get(&fresh).await.status, 410);
        assert_eq!(
            trail(&portal)[..3],
            ["superuser_created root", "rescue_link_made root", "signed_in root"]
        );
        assert!(!portal.log().contains(&token), "no token in the log");
        assert!(!portal.database.dump().contains(&token));
    }
}

#[test]
fn ten_browsers_open_one_rescue_link_at_once_and_one_gets_in() {
    run(async {
        let portal = Portal::start().await;
        portal.db_create_local_account("root");
        let link = portal.db_make_rescue_link("root");
        let token = link.split_once("token=").expect("a token").1.to_owned();
        let mut tries = Vec::new();
        for _ in 0..10 {
            let (browser, link, token) = (portal.browser(), link.clone(), token.clone());
            tries.push(spawn(async move {
                let page = browser.get(&link).await;
                if page.status != 200 {
                    return page.status.as_u16();
                }
                let answer = browser.post("/rescue", &page, &[("token", &token)]).await;
                answer.status.as_u16()
            }));
        }
        let mut statuses = Vec::new();
        for one in tries {
            statuses.push(one.await.expect("an answer"));
        }
        assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1);
        assert!(statuses.iter().all(|status| [303, 410].contains(status)));
        assert_eq!(portal.database.count("sessions"), 1);
    });
}

#[test]
fn an_address_is_slowed_and_what_it_forges_does_not_help() {
    run(async {
        // Nobody is trusted: X-Forwarded-For is a stranger's word.
        let portal = Portal::start().await;
        let mut tries = Vec::new();
        for number in 0..40 {
            let browser = portal.browser();
            tries.push(spawn(async move {
                let name = format!("user{number}");
                let answer = try_from(&browser, &format!("10.0.0.{number}"), &name, "x").await;
                answer.status.as_u16()
            }));
        }
        let mut statuses = Vec::new();
        for one in tries {
            statuses.push(one.await.expect("an answer"));
        }
        let paused = statuses.iter().filter(|status| **status == 429).count();
        assert_eq!(paused, 10);
        assert_eq!(portal.inner.hasher.verifications(), 30);
        assert_eq!(
            portal
                .browser()
                .sign_in(&Person::named("li"), "/")
                .await
                .status,
            303
        );
    });
}

#[test]
fn people_who_must_sign_in_again_are_asked_in_their_own_way() {
    run(async {
        let portal = Portal::start().await;
        portal.db_create_local_account("root");
        let local = portal.browser();
        assert_eq!(try_password(&local, "root", PASSWORD).await.status, 303);
        let first = local.session_cookie();
        let page = local.get("/login?fresh=1&next=/account").await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("value=\"root\"") && !page.body.contains("/oauth2/login"));
        let fields = [
            ("with", "local"),
            ("password", PASSWORD),
            ("next", "/account"),
        ];
        let answer = local.post("/confirm", &page, &fields).await;
        assert_eq!(answer.location(), "/account");
        assert_eq!(local.session_cookie(), first, "the same session");

        let portal = Portal::on(Database::sqlite())
            .with("OAUTH2_PROVES_BY", "prompt")
            .run()
            .await;
        let company = portal.signed_in(&Person::named("anna")).await;
        let page = company.get("/login?fresh=1&next=/account").await;
        assert!(
            page.body
                .contains("/oauth2/login?next=/account&#38;prompt=login")
        );
        assert!(!page.body.contains("type=\"password\""));
        let begun = company
            .get("/oauth2/login?next=/account&prompt=login")
            .await;
        assert!(begun.location().contains("prompt=login"));
        // Nobody is asked who is not signed in: there is only the sign-in page.
        let page = portal.browser().get("/login?fresh=1").await;
        assert!(page.body.contains("<h1>Sign in</h1>"));
    });
}

on_both_databases! {
    async fn a_setting_says_who_may_use_a_password(database) {
        let portal = Portal::on(database)
            .with("FRONTDESK_PASSWORD_LOGIN", "superusers")
            .run()
            .await;
        for name in ["root", "kiosk"] {
            portal.db_create_local_account(name);
        }
        portal.db_make_superuser("root");
        let kiosk = try_password(&portal.browser(), "kiosk", PASSWORD).await;
        assert_eq!(kiosk.status, 422);
        assert_eq!(
            try_password(&portal.browser(), "root", PASSWORD).await.status,
            303
        );
        assert!(trail(&portal).contains(&"sign_in_refused not_allowed kiosk".to_owned()));

        let off = Portal::on(portal.database.clone())
            .with("FRONTDESK_PASSWORD_LOGIN", "off")
            .run()
            .await;
        let browser = off.browser();
        let page = browser.get("/login?local").await;
        assert!(!page.body.contains("type=\"password\""));
        let answer = browser
            .post(
                "/login",
                &page,
                &[("username", "root"), ("password", PASSWORD)],
            )
            .await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.header("allow"), "GET, HEAD");
        assert_eq!(off.inner.hasher.verifications(), 0);
    }

    async fn any_password_up_to_128_characters_counts_whole_and_longer_ones_cost_nothing(database) {
        let portal = Portal::on(database).run().await;
        portal.db_create_local_account("root");
        let browser = portal.browser();
        assert_eq!(try_password(&browser, "root", PASSWORD).await.status, 303);
        let mut current = PASSWORD.to_owned();
        for new in [
            "清禾前台今天早上没有下雨呢".to_owned(),
            "🐦🌲🚲 twelve or more".to_owned(),
            "e\u{301}clair or \u{e9}clair?".to_owned(),
            "  a space at both ends  ".to_owned(),
            "every morning of the year ".repeat(5)[..128].to_owned(),
        ] {
            let page = browser.get("/account/password").await;
            let fields = [
                ("current_password", current.as_str()),
                ("new_password", new.as_str()),
                ("new_password_again", new.as_str()),
            ];
            let answer = browser.post("/account/password", &page, &fields).await;
            assert_eq!(answer.status, 303, "{new}");
            assert_eq!(
                try_password(&portal.browser(), "root", &new).await.status,
                303
            );
            current = new;
        }
        assert_eq!(
            try_password(&portal.browser(), "root", &current[..127])
                .await
                .status,
            422
        );
        let before = portal.inner.hasher.verifications();
        let long = "x".repeat(100_000);
        let answer = try_password(&portal.browser(), "root", &long).await;
        assert_eq!(answer.status, 422);
        let huge = "x".repeat(1_000_000);
        assert_eq!(
            try_password(&portal.browser(), "root", &huge).await.status,
            413
        );
        assert_eq!(portal.inner.hasher.verifications(), before);
    }

    async fn a_hash_of_weaker_parameters_is_renewed_at_the_next_sign_in(database) {
        let portal = Portal::on(database).run().await;
        portal.db_create_local_account("root");
        // argon2id with m=8192, t=1 of the same password.
        let weak = {
            use argon2::password_hash::{PasswordHasher as _, SaltString};
            let params = argon2::Params::new(8192, 1, 1, None).expect("parameters");
            let hasher =
                argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
            let salt = SaltString::from_b64("c29tZXNhbHRzb21lc2FsdA").expect("a salt");
            hasher
                .hash_password(PASSWORD.as_bytes(), &salt)
                .expect("a hash")
                .to_string()
        };
        portal.db_set_field_of("root", "password", &weak);
        for _ in 0..2 {
            assert_eq!(
                try_password(&portal.browser(), "root", PASSWORD).await.status,
                303
            );
            let stored = portal.db_column("users", "password");
            assert!(stored[0].starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        }
    }

    async fn no_account_is_there_at_the_start_and_no_page_makes_an_admin(database) {
        let portal = Portal::on(database).run().await;
        assert_eq!(portal.database.count("users"), 0);
        let browser = portal.browser();
        for (username, password) in [
            ("admin", "admin"),
            ("root", "root"),
            ("frontdesk", "frontdesk"),
        ] {
            assert_eq!(try_password(&browser, username, password).await.status, 422);
        }
        for path in ["/setup", "/install", "/admin/setup", "/signup", "/register"] {
            assert_eq!(browser.get(path).await.status, 404);
        }
        // After the last admin is gone too; the command line still makes one.
        portal.db_create_local_account("root");
        portal.database.execute("DELETE FROM users");
        assert_eq!(browser.get("/setup").await.status, 404);
        portal.db_create_local_account("root");
        assert_eq!(try_password(&browser, "root", PASSWORD).await.status, 303);
    }

    async fn a_sign_in_whose_audit_row_fails_does_not_happen_and_a_try_is_not_lost(database) {
        let portal = Portal::on(database).run().await;
        portal.db_create_local_account("root");
        portal.db_break_audit_log();
        for _ in 0..8 {
            let answer = try_password(&portal.browser(), "root", PASSWORD).await;
            assert_eq!(answer.status, 500);
            assert!(!answer.sets_session());
        }
        assert_eq!(portal.database.count("sessions"), 0);
        portal.db_mend_audit_log();
        assert_eq!(
            try_password(&portal.browser(), "root", PASSWORD).await.status,
            303
        );
    }
}

#[test]
fn fifty_sign_ins_at_once_hash_two_at_a_time_and_leave_pages_fast() {
    run(async {
        let portal = behind_a_proxy(Database::sqlite()).await;
        let reader = portal.signed_in(&Person::named("anna")).await;
        for number in 0..50 {
            portal.db_create_local_account(&format!("local{number}"));
        }
        let mut tries = Vec::new();
        for number in 0..50 {
            let browser = portal.browser();
            tries.push(spawn(async move {
                let (address, name) = (format!("10.2.0.{number}"), format!("local{number}"));
                try_from(&browser, &address, &name, PASSWORD)
                    .await
                    .status
                    .as_u16()
            }));
        }
        // Meanwhile everybody else's pages come.
        for _ in 0..20 {
            assert_eq!(reader.get("/account").await.status, 200);
        }
        for one in tries {
            assert_eq!(one.await.expect("an answer"), 303);
        }
        assert_eq!(portal.inner.hasher.most_at_once(), 2);
        assert_eq!(portal.inner.hasher.verifications(), 50);
    });
}

#[test]
fn strangers_who_guess_do_not_stop_the_owner_from_changing_the_password() {
    run(async {
        let portal = Portal::start().await;
        portal.db_create_local_account("root");
        let owner = portal.browser();
        assert_eq!(try_password(&owner, "root", PASSWORD).await.status, 303);
        for _ in 0..6 {
            try_password(&portal.browser(), "root", "wrong horse battery").await;
        }
        let page = owner.get("/account/password").await;
        let new = "four words and a comma,";
        let fields = [
            ("current_password", PASSWORD),
            ("new_password", new),
            ("new_password_again", new),
        ];
        let answer = owner.post("/account/password", &page, &fields).await;
        assert_eq!(answer.status, 303);
        // What strangers did is about the account, and nobody's act that is known.
        assert_eq!(
            portal.database.texts(
                "SELECT DISTINCT actor AS value FROM audit_events WHERE event = 'sign_in_refused'"
            ),
            [""]
        );
    });
}

#[test]
fn a_rescue_link_that_the_audit_log_does_not_know_opens_nothing() {
    run(async {
        let portal = Portal::start().await;
        portal.db_create_local_account("root");
        // Whoever has the key alone can seal one.
        let draft = Draft::new(LinkFor::Rescue).expect("randomness");
        let id = portal.db_id_of("root");
        let link = draft
            .address(&portal.inner.keys, portal.clock.now(), UserId(id), "")
            .expect("randomness");
        let link = link.expose();
        let browser = portal.browser();
        assert_eq!(browser.get(link).await.status, 410);
        let page = browser.get("/login").await;
        let (_, token) = link.split_once("token=").expect("a token");
        let fields = [("token", token)];
        assert_eq!(browser.post("/rescue", &page, &fields).await.status, 410);
        assert!(trail(&portal).contains(&"sign_in_refused link_expired root".to_owned()));
    });
}
