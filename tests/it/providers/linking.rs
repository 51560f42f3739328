//! One account with identities of two providers.

use std::time::Duration;

use serde_json::json;

use super::people::ADMISSION;
use super::{GROUPS, admissible, at, last, li, linking, pair, sign_in, trail, user};
use crate::support::lying_openid::Subject;
use crate::support::provider::query;
use crate::support::{Database, Db, OpenId, on_both_databases, run};

on_both_databases! {
    async fn a_second_provider_leads_to_the_account_and_does_not_name_it(database) {
        let (one, two, portal) = pair(database).await;
        let here = li().with("groups", json!(["x", "both"]));
        let there = Subject::named("li-b").with("groups", json!(["y", "both"]));
        let browser = sign_in(&portal, &one, "a", &here).await;
        assert!(browser.get("/account").await.body.contains("&#38;provider=b"));
        let stored = portal.db_names();
        let way = linking(&browser, "b").await;
        for time in ["first", "second"] {
            let begun = browser.get(&way).await;
            assert_eq!(query(begun.location()).get("prompt").map(String::as_str), Some("login"), "{time}");
            let answer = browser.get(&two.approve(begun.location(), &there)).await;
            assert_eq!((answer.status.as_u16(), answer.location()), (303, "/account"), "{}", answer.body);
            assert!(!answer.sets_session(), "the session goes on");
            let page = browser.get("/account").await;
            assert!(page.body.contains("You can now sign in this way too."), "{}", page.body);
            assert!(!page.body.contains("provider=b"), "nothing is left to add");
        }
        assert_eq!(last(&portal), "identity_linked li b", "once");
        assert_eq!(portal.db_last_details()["identity"], json!(["b", "sub-of-li-b"]));

        // Each origin has its own set, and a sign-in replaces its own alone.
        assert_eq!(portal.db_permissions(), ["a:both", "a:x", "b:both", "b:y"]);
        let second = sign_in(&portal, &two, "b", &there.with("groups", json!(["z"]))).await;
        assert_eq!(portal.db_permissions(), ["a:both", "a:x", "b:z"]);
        let first = sign_in(&portal, &one, "a", &here.with("name", "Li Si").with("groups", json!([]))).await;
        assert_eq!(portal.db_permissions(), ["b:z"]);
        for browser in [&browser, &first, &second] {
            assert_eq!(user(browser).await.as_deref(), Some("li"));
        }
        assert_eq!(stored, ["li|li|li@example.com"]);
        assert_eq!(portal.db_names(), ["li|Li Si|li@example.com"], "the first one names it");
        assert_eq!(portal.db_identities(), ["a sub-of-li li", "b sub-of-li-b li"]);
    }

    async fn an_identity_of_another_account_is_not_added(database) {
        let (one, two, portal) = pair(database).await;
        let wang = Subject::named("wang").with("groups", json!(["y"]));
        sign_in(&portal, &two, "b", &wang).await;
        let browser = sign_in(&portal, &one, "a", &li()).await;
        let before = (portal.db_identities(), portal.db_permissions());
        let answer = two.sign_in_from(&browser, &linking(&browser, "b").await, &wang).await;
        assert_eq!(answer.status, 409);
        assert!(answer.body.contains("it already belongs to another account"), "{}", answer.body);
        assert!(last(&portal).starts_with("sign_in_refused identity_taken"), "{}", last(&portal));
        assert_eq!((portal.db_identities(), portal.db_permissions()), before);
        assert_eq!(user(&browser).await.as_deref(), Some("li"));
    }

    async fn an_identity_that_is_not_admitted_is_not_added_and_gives_no_permission(database) {
        let (one, two) = (OpenId::start().await, OpenId::start().await);
        let toml = format!("{}{GROUPS}{}{ADMISSION}", one.toml("a"), two.toml("b"));
        let portal = one.portal_of(database, &toml).run().await;
        let browser = sign_in(&portal, &one, "a", &li()).await;
        let stranger = admissible().with("tenant", "t2");
        let answer = two.sign_in_from(&browser, &linking(&browser, "b").await, &stranger).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(last(&portal).starts_with("sign_in_refused not_admitted"), "{}", last(&portal));
        assert_eq!(portal.db_identities(), ["a sub-of-li li"]);
        assert_eq!(portal.db_permissions(), Vec::<String>::new());
    }

    async fn only_a_person_who_signed_in_a_moment_ago_adds_a_provider(database) {
        let (one, two, portal) = pair(database).await;
        let nobody = portal.browser().get("/oauth2/login?link=x&provider=b").await;
        assert!(nobody.location().starts_with("/login?next="), "{}", nobody.location());
        let browser = sign_in(&portal, &one, "a", &li()).await;
        for provider in [&one, &two] {
            provider.clock.advance(Duration::from_secs(15 * 60 + 1));
        }
        let answer = browser.get(&linking(&browser, "b").await).await;
        let again = answer.location();
        assert!(again.starts_with("/login?next=") && again.ends_with("&fresh=1"), "{again}");
        // Signing in anew leads back to it.
        let next = query(&format!("{}{again}", portal.url))["next"].clone();
        let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let from = format!("/oauth2/login?prompt=login&provider=a&next={encoded}");
        let answer = one.sign_in_from(&browser, &from, &li()).await;
        assert_eq!(answer.location(), "/account");
        // A link of another page than the person's own leads to that page.
        let forged = browser.get("/oauth2/login?link=x&provider=b").await;
        assert_eq!(forged.location(), "/account");
        two.sign_in_from(&browser, &linking(&browser, "b").await, &Subject::named("li-b")).await;
        assert_eq!(portal.db_identities(), ["a sub-of-li li", "b sub-of-li-b li"]);
    }

    async fn an_identity_that_one_person_began_to_add_is_not_added_for_another(database) {
        let (one, two, portal) = pair(database).await;
        let there = Subject::named("li-b");
        for case in ["another person", "signed out", "the same person anew"] {
            let browser = sign_in(&portal, &one, "a", &li()).await;
            let begun = browser.get(&linking(&browser, "b").await).await;
            let callback = two.approve(begun.location(), &there);
            if case == "signed out" {
                let page = browser.get("/account").await;
                browser.post("/logout", &page, &[]).await;
            } else {
                let name = if case == "another person" { "wang" } else { "li" };
                one.sign_in_from(&browser, &at("a"), &Subject::named(name)).await;
            }
            let answer = browser.get(&callback).await;
            assert_eq!(answer.status, 303, "{case}: {}", answer.body);
            // Whoever is there goes on, and nothing was added.
            let to = answer.location();
            assert!(to.starts_with("/login") || (case != "signed out" && to == "/account"), "{case}: {to}");
        }
        // Nor does another browser that the way back was smuggled into.
        let browser = sign_in(&portal, &one, "a", &li()).await;
        let begun = browser.get(&linking(&browser, "b").await).await;
        let callback = two.approve(begun.location(), &there);
        let victim = sign_in(&portal, &one, "a", &Subject::named("wang")).await;
        let answer = victim.get(&callback).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(portal.db_identities(), ["a sub-of-li li", "a sub-of-wang wang"]);
        assert_eq!(portal.db_count_events("identity_linked"), 0);
    }

    async fn an_admin_unlinks_an_identity_and_what_came_through_it_goes(database) {
        let (one, two, portal) = pair(database).await;
        let there = Subject::named("li-b").with("groups", json!(["y"]));
        let browser = sign_in(&portal, &one, "a", &li().with("groups", json!(["x"]))).await;
        two.sign_in_from(&browser, &linking(&browser, "b").await, &there).await;
        let elsewhere = sign_in(&portal, &two, "b", &there).await;
        let admin = sign_in(&portal, &one, "a", &Subject::named("boss")).await;
        portal.db_make_superuser("boss");
        let id = portal.db_id_of("li");
        let shown = admin.get(&format!("/admin/users/{id}")).await.body;
        assert!(shown.contains("unlink?provider=b&amp;subject=sub-of-li-b"), "{shown}");

        let page = admin.get(&format!("/admin/users/{id}/unlink?provider=b&subject=sub-of-li-b")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let fields = [("provider", "b"), ("subject", "sub-of-li-b"), ("reason", "left the branch")];
        let answer = admin.post(&format!("/admin/users/{id}/unlink"), &page, &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(portal.db_permissions(), ["a:x"]);
        for browser in [&browser, &elsewhere] {
            assert_eq!(browser.get("/account").await.status, 303);
        }
        let told = trail(&portal);
        let about: Vec<_> = told.iter().filter(|line| line.starts_with("identity_")).collect();
        assert_eq!(about.len(), 2, "{told:?}");
        assert!(about[0].starts_with("identity_linked li") && about[1].starts_with("identity_unlinked li"));
        assert_eq!(portal.db_last_details()["permissions_removed"], json!(["y"]));
        // From there one is somebody new.
        let stranger = sign_in(&portal, &two, "b", &there).await;
        assert_eq!(user(&stranger).await.as_deref(), Some("li-b"));
        assert_eq!(portal.db_identities(), ["a sub-of-boss boss", "a sub-of-li li", "b sub-of-li-b li-b"]);
    }

    async fn without_the_first_identity_the_one_that_is_left_names_the_account(database) {
        let (one, two, portal) = pair(database).await;
        let there = Subject::named("li-b");
        let browser = sign_in(&portal, &one, "a", &li()).await;
        two.sign_in_from(&browser, &linking(&browser, "b").await, &there).await;
        let admin = sign_in(&portal, &one, "a", &Subject::named("boss")).await;
        portal.db_make_superuser("boss");
        let id = portal.db_id_of("li");
        let page = admin.get("/account").await;
        let fields = [("provider", "a"), ("subject", "sub-of-li"), ("reason", "left the company")];
        let answer = admin.post(&format!("/admin/users/{id}/unlink"), &page, &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let left = sign_in(&portal, &two, "b", &there).await;
        assert_eq!(user(&left).await.as_deref(), Some("li-b"));
        assert_eq!(portal.db_id_of("li-b"), id);
    }
}
