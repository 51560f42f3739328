//! What opens or grants, by what closes: each opener is held up between its read and its write (on
//! SQLite: before its transaction), a closer runs to its end, and the opener goes on. Nothing is
//! opened or granted by what was true a moment ago.

mod hall;
mod table;

use std::time::Duration;

use frontdesk::sessions::logouts;
use serde_json::json;

use self::hall::{Hall, Held, NEW_PASSWORD, Naming, link_on, sid};
use self::table::{Closer, Opener};
use crate::support::lying_openid::{Call, Subject, back_channel};
use crate::support::portal::PASSWORD;
use crate::support::{Database, OpenId, Portal, Reply, on_both_databases, run, spawn, until};

on_both_databases! {
    async fn a_sign_in_opens_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::SignIn).await;
    }

    async fn a_password_opens_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Password).await;
    }

    async fn a_linking_adds_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Linking).await;
    }

    async fn an_adoption_takes_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Adoption).await;
    }

    async fn a_rescue_link_opens_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::RescueLink).await;
    }

    async fn a_password_link_opens_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::PasswordLink).await;
    }

    async fn a_rekey_moves_nobody_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Rekey).await;
    }

    async fn a_re_check_renews_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Rotation).await;
    }

    async fn a_re_check_gives_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Sync).await;
    }

    async fn an_admin_grants_nothing_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Grant).await;
    }

    async fn an_admin_promotes_nobody_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Promote).await;
    }

    async fn an_admin_activates_nobody_by_what_was_true_a_moment_ago(database) {
        Hall::open(database).await.walk(Opener::Activate).await;
    }
}

// -- the faults that were found --

on_both_databases! {
    async fn an_act_under_way_is_not_done_to_a_person_who_is_erased_meanwhile(database) {
        let hall = Hall::open(database).await;
        for opener in [Opener::Grant, Opener::Promote, Opener::Activate] {
            let _named = Naming(format!("{opener:?}"));
            let who = hall.arrive(opener, Closer::SignOut).await;
            let begun = (opener, Closer::SignOut);
            let (held, answer) = hall.begin(begun, "before_act_begins", &who).await;
            if opener != Opener::Activate {
                hall.by_boss(who.target, "deactivate", &[]).await;
            }
            hall.by_boss(who.target, "erase", &[]).await;
            drop(held);
            assert_eq!(answer.await.expect("an answer").status, 422);
            assert!(!hall.is_done(opener, &who, &[]));
        }
    }

    async fn a_sign_in_under_way_does_not_outlive_an_admin_s_unlink(database) {
        let hall = Hall::open(database).await;
        let place = if hall.portal.database.is_postgresql() { "identity_read" } else { "before_sign_in" };
        let cell = (Opener::SignIn, Closer::Unlink);
        let who = hall.arrive(cell.0, cell.1).await;
        let (held, answer) = hall.begin(cell, place, &who).await;
        hall.close(cell.0, cell.1, &who).await;
        drop(held);
        let answer = answer.await.expect("an answer");
        assert_eq!((answer.status.as_u16(), answer.sets_session()), (409, false), "{}", answer.body);
        assert_eq!(hall.count("users WHERE is_superuser_by_permission"), 0, "for good");
        assert_eq!(hall.count("user_permissions"), 0);
        assert_eq!(hall.db_live(who.id), Vec::<String>::new());
    }

    async fn a_linking_under_way_does_not_outlive_signing_out_everywhere(database) {
        let hall = Hall::open(database).await;
        let place = if hall.portal.database.is_postgresql() { "linking_read" } else { "before_linking" };
        for closer in [Closer::EndOthers, Closer::EndSessions, Closer::SignOut] {
            let _named = Naming(format!("{closer:?}"));
            let cell = (Opener::Linking, closer);
            let who = hall.arrive(cell.0, cell.1).await;
            let (held, answer) = hall.begin(cell, place, &who).await;
            hall.close(cell.0, cell.1, &who).await;
            drop(held);
            let answer = answer.await.expect("an answer");
            assert!(answer.location().starts_with("/login"), "{}", answer.body);
            assert_eq!(hall.count("identities WHERE provider = 'b'"), 0);
        }
    }

    async fn an_old_password_link_does_not_work_after_its_replacement(database) {
        let hall = Hall::open(database).await;
        let cell = (Opener::PasswordLink, Closer::PasswordReset);
        let who = hall.arrive(cell.0, cell.1).await;
        let (held, answer) = hall.begin(cell, "before_link", &who).await;
        let replaced = link_on(&hall.by_boss(who.id, "reset-password", &[]).await);
        drop(held);
        let answer = answer.await.expect("an answer");
        assert_eq!((answer.status.as_u16(), answer.sets_session()), (410, false), "{}", answer.body);
        assert_eq!(hall.db_live(who.id), Vec::<String>::new());
        // The one that replaced it works.
        hall.execute(&format!("UPDATE users SET is_superuser = TRUE WHERE id = {}", who.id));
        let browser = hall.browser();
        let page = browser.get(&replaced).await;
        let token = replaced.split_once("token=").expect("a token").1;
        let fields = [("token", token), ("new_password", NEW_PASSWORD), ("new_password_again", NEW_PASSWORD)];
        assert!(browser.post("/password", &page, &fields).await.sets_session());
    }

    async fn a_change_of_one_s_password_under_way_does_not_outlive_the_session(database) {
        let hall = Hall::open(database).await;
        for closer in [Closer::EndSessions, Closer::SignOut, Closer::Deactivate, Closer::PasswordReset] {
            let _named = Naming(format!("{closer:?}"));
            let who = hall.arrive(Opener::SignIn, closer).await;
            let held = Held(hall.portal.inner.failpoint.pause_at("before_password_change"));
            let session = who.session.clone();
            let changing = spawn(async move {
                let fields = [
                    ("current_password", PASSWORD),
                    ("new_password", NEW_PASSWORD),
                    ("new_password_again", NEW_PASSWORD),
                ];
                session.post("/account/password", &fields).await
            });
            until("the change is held up", async || held.0.is_reached()).await;
            let stored = format!("SELECT password AS value FROM users WHERE id = {}", who.id);
            hall.close(Opener::SignIn, closer, &who).await;
            let before = hall.portal.database.texts(&stored);
            drop(held);
            let answer = changing.await.expect("an answer");
            assert!(answer.location().starts_with("/login"), "{} {}", answer.status, answer.body);
            assert_eq!(hall.portal.database.texts(&stored), before);
        }
    }

    async fn a_linking_does_not_outlive_a_sign_out_at_the_provider_that_is_added(database) {
        let hall = Hall::open(database).await;
        for by in ["sid", "sub"] {
            let _named = Naming(by.to_owned());
            let cell = (Opener::Linking, Closer::SignOut);
            let who = hall.arrive(cell.0, cell.1).await;
            let (held, answer) = hall.begin(cell, "before_linking", &who).await;
            let value = if by == "sid" { sid(&who.name, "b") } else { who.subject.clone() };
            let token = hall.b.logout_token(&json!({by: value}));
            assert_eq!(back_channel(&hall.portal, "b", &token).await.status, 200);
            drop(held);
            let answer = answer.await.expect("an answer");
            assert!(answer.location().starts_with(&hall.b.url), "it starts over: {}", answer.location());
            assert_eq!(hall.count("identities WHERE provider = 'b'"), 0);
            // The person goes there once more, with a session of there.
            hall.b.clock.advance(Duration::from_secs(2));
            let subject = Hall::subject(&who.name, "b-again", &["team"]);
            let callback = hall.b.approve(answer.location(), &subject);
            assert_eq!(who.session.browser.get(&callback).await.location(), "/account");
            assert_eq!(hall.count("identities WHERE provider = 'b'"), 1);
            hall.execute("DELETE FROM identities WHERE provider = 'b'");
        }
    }

    async fn a_sign_out_at_the_provider_is_not_lost_for_a_sign_in_at_its_userinfo_call(database) {
        let (provider, portal) = alone(database).await;
        for (by, value) in [("sid", "one"), ("sub", "sub-of-li")] {
            let _named = Naming(by.to_owned());
            let li = Subject::named("li").with("sid", "one");
            let browser = portal.browser();
            let callback = provider.approve(browser.get("/oauth2/login?next=/account").await.location(), &li);
            let held = Held(portal.inner.failpoint.pause_at("before_sign_in"));
            provider.on_call(Call::Userinfo, Reply::Late(Duration::from_millis(100)));
            let asked = provider.seen(Call::Userinfo).len();
            let coming = {
                let browser = browser.clone();
                spawn(async move { browser.get(&callback).await })
            };
            until("userinfo is asked for", async || provider.seen(Call::Userinfo).len() > asked).await;
            let token = provider.logout_token(&json!({by: value}));
            assert_eq!(back_channel(&portal, "company", &token).await.status, 200);
            drop(held);
            let answer = coming.await.expect("an answer");
            assert!(!answer.sets_session());
            assert!(answer.location().starts_with(&provider.url), "it starts over: {}", answer.body);
            provider.behave();
            assert_eq!(portal.database.count("sessions"), 0);
            assert_eq!(portal.database.count("users"), 0);
            // Once: with the same it is refused with a page.
            let callback = provider.approve(answer.location(), &li);
            let refused = browser.get(&callback).await;
            assert!(!refused.sets_session());
            assert!(refused.status.is_client_error(), "{} {}", refused.status, refused.location());
            assert_eq!(portal.database.count("sessions"), 0);
        }
        // For the person, what is issued after it counts; of another session at the provider, too.
        portal.clock.advance(Duration::from_secs(2));
        let later = Subject::named("li").with("sid", "two");
        provider.signed_in(&portal, &later).await;
        // What that session of there gives does not, however late it is issued.
        let browser = portal.browser();
        let same = Subject::named("li").with("sid", "one");
        assert!(!provider.sign_in(&browser, &same).await.sets_session());
    }

    async fn a_sign_out_at_the_provider_is_remembered_for_a_day_even_if_it_ended_nothing(database) {
        let (provider, portal) = alone(database).await;
        let ghost = Subject::named("li").with("sid", "ghost");
        let token = provider.logout_token(&json!({"sid": "ghost"}));
        assert_eq!(back_channel(&portal, "company", &token).await.status, 200);
        let sweep = || {
            let now = portal.clock.now();
            let db = &portal.inner.db;
            db.write_blocking(|conn| logouts::sweep(conn, now, 100)).expect("a database");
        };
        portal.clock.advance(Duration::from_secs(23 * 3600));
        sweep();
        let browser = portal.browser();
        assert!(!provider.sign_in(&browser, &ghost).await.sets_session());
        assert_eq!(portal.database.count("logouts"), 1);
        portal.clock.advance(Duration::from_secs(3600 + 1));
        sweep();
        assert_eq!(portal.database.count("logouts"), 0);
        assert!(provider.sign_in(&portal.browser(), &ghost).await.sets_session());
    }
}

async fn alone(database: Database) -> (OpenId, Portal) {
    let provider = OpenId::start().await;
    let portal = provider
        .portal(database)
        .with("OAUTH2_RECHECK", "off")
        .run()
        .await;
    (provider, portal)
}
