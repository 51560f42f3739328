//! Acts at the same moment, and the last active admin.

use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use frontdesk::admin::{self, Act, Admin, Refusal, Said};
use frontdesk::db::lock_superusers;
use frontdesk::error::Stopped;
use frontdesk::id::UserId;
use frontdesk::roles::RolePermissions;
use frontdesk::sessions::{self, Client};
use frontdesk::users::{self, Role};
use serde_json::json;

use super::{REASON, done, person, refused, start, submit, superuser};
use crate::support::{Database, Db, Portal, on_both_databases, run, spawn, until};

on_both_databases! {
    async fn the_last_active_admin_stays_one_however_they_became_one(database) {
        let portal = Portal::on(database)
            .with("OAUTH2_SUBJECT", "/id")
            .with("FRONTDESK_SUPERUSER_PERMISSION", "desk.admin")
            .run()
            .await;
        let boss = superuser(&portal, "boss").await;
        let deputy = portal.signed_in(&person("deputy")).await;
        let [boss_id, deputy_id] = ["boss", "deputy"].map(|name| portal.db_id_of(name));
        let last = "This is the last active admin. Make someone else an admin first";

        // By hand: nobody else could do it by a page, so the command line tries.
        let (db, roles, now) = (&portal.inner.db, &portal.inner.roles, portal.clock.now());
        for act in [Act::Deactivate, Act::SetRole(Role::Employee), Act::SetRole(Role::Staff)] {
            let events = portal.db_recorded().len();
            let outcome = db.decide_blocking(|conn| {
                admin::perform(conn, now, &Admin::command_line(), roles, UserId(boss_id), &act, &Said::default())
            });
            assert!(matches!(outcome, Err(Stopped::Refused(Refusal::LastSuperuser))), "{act:?}: {outcome:?}");
            let told = portal.db_recorded().split_off(events);
            assert_eq!(told.len(), 1);
            assert!(told[0].line.ends_with(" refused last_superuser command line boss"), "{}", told[0].line);
        }

        // By a permission: whoever it makes an admin, at the next click, cannot take it from themself.
        done(&boss, deputy_id, "grant", &[("permission", "desk.admin")]).await;
        assert_eq!(
            portal.db_recorded().last().expect("an event").details["changes"],
            json!([{"field": "role_by_permission", "from": "employee", "to": "superuser"}])
        );
        assert_eq!(deputy.get("/admin/users").await.status, 200);
        portal.db_prove("deputy");
        done(&deputy, boss_id, "role", &[("role", "employee")]).await;
        assert_eq!(boss.get("/admin/users").await.status, 403);
        let path = format!("/admin/users/{deputy_id}/take");
        let told = refused(&portal, &deputy, &path, &[("permission", "desk.admin")], last).await;
        assert_eq!(told, ["permission_taken refused last_superuser deputy deputy"]);
        // One more admin, and it goes.
        done(&deputy, boss_id, "role", &[("role", "superuser")]).await;
        done(&boss, deputy_id, "take", &[("permission", "desk.admin")]).await;
        assert_eq!(deputy.get("/admin/users").await.status, 403);
        assert_eq!(portal.db_count_active_superusers(), 1);
    }
}

/// The authority of somebody who is signed in once.
fn authority(portal: &Portal, username: &str) -> Admin {
    let hash = portal
        .database
        .texts(&format!(
            "SELECT s.token_hash AS value FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.username = '{username}' AND s.ended_at IS NULL"
        ))
        .remove(0);
    let (now, limits) = (portal.clock.now(), portal.inner.limits);
    let (session, user) = portal
        .inner
        .db
        .read_blocking(|conn| sessions::find_live(conn, now, limits, &hash))
        .expect("a read")
        .expect("a session");
    Admin::of(&user, &session, Client::default()).expect("a superuser")
}

on_both_databases! {
    async fn two_admins_who_demote_each_other_a_thousand_times_never_leave_the_portal_without_an_admin(database) {
        let portal = start(database).await;
        superuser(&portal, "boss").await;
        superuser(&portal, "deputy").await;
        let [boss_id, deputy_id] = ["boss", "deputy"].map(|name| portal.db_id_of(name));
        let [boss, deputy] = ["boss", "deputy"].map(|name| authority(&portal, name));
        let (db, clock, roles) = (&portal.inner.db, &portal.clock, RolePermissions::default());
        for round in 0..1000 {
            let barrier = Barrier::new(2);
            let demote = |by: &Admin, whom| {
                let act = Act::SetRole(Role::Employee);
                barrier.wait();
                db.decide_blocking(|conn| {
                    admin::perform(conn, clock.now(), by, &roles, UserId(whom), &act, &Said::default())
                })
            };
            let outcomes = thread::scope(|scope| {
                let one = scope.spawn(|| demote(&boss, deputy_id));
                let other = scope.spawn(|| demote(&deputy, boss_id));
                [one.join().expect("an outcome"), other.join().expect("an outcome")]
            });
            let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            assert_eq!(done, 1, "round {round}: {outcomes:?}");
            let is_anybody_left = db.read_blocking(|conn| users::has_other_superuser(conn, UserId(0)));
            assert!(is_anybody_left.expect("a read"), "round {round}");
            db.write_blocking(|conn| {
                users::set_role_by_hand(conn, UserId(boss_id), Role::Superuser)?;
                users::set_role_by_hand(conn, UserId(deputy_id), Role::Superuser)
            }).expect("both again");
        }
        assert_eq!(portal.database.count("audit_events WHERE event = 'role_changed' AND outcome = 'success'"), 1000);
    }

    async fn two_admins_who_deactivate_each_other_never_leave_the_portal_without_an_admin(database) {
        let portal = start(database).await;
        let names = ["boss", "deputy"];
        let browsers = [superuser(&portal, "boss").await, superuser(&portal, "deputy").await];
        let ids = names.map(|name| portal.db_id_of(name));
        for round in 0..100 {
            let mut tries = Vec::new();
            for (me, other) in [(0, 1), (1, 0)] {
                let page = browsers[me].get("/account").await;
                tries.push((browsers[me].clone(), page, format!("/admin/users/{}/deactivate", ids[other])));
            }
            let racing: Vec<_> = tries
                .into_iter()
                .map(|(browser, page, path)| spawn(async move { browser.post(&path, &page, &[]).await }))
                .collect();
            let mut done = 0;
            for one in racing {
                let answer = one.await.expect("an answer");
                assert_eq!(answer.status, 303, "round {round}: {}", answer.body);
                if answer.location().starts_with("/admin/users/") {
                    done += 1;
                } else {
                    assert_eq!(answer.location(), "/login?next=/", "round {round}");
                }
            }
            assert_eq!(done, 1, "round {round}");
            assert_eq!(portal.db_count_active_superusers(), 1, "round {round}");
            portal.database.execute("UPDATE users SET is_active = TRUE");
            for (name, browser) in names.iter().zip(&browsers) {
                if browser.get("/account").await.status == 303 {
                    assert_eq!(browser.sign_in(&person(name), "/").await.status, 303);
                }
            }
        }
    }

    async fn an_act_on_everybody_leaves_oneself_out_and_says_so(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        superuser(&portal, "deputy").await;
        portal.signed_in(&person("li")).await;
        portal.signed_in(&person("wang")).await;
        portal.db_deactivate("wang");
        let list = boss.get("/admin/users").await;
        let page = submit(&boss, &list, "/admin/users/bulk", &[("all", "1"), ("act", "deactivate")]).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("Deactivate 4 accounts?"), "{}", page.body);
        assert!(page.body.contains("Your own account, the last active admin and erased accounts are skipped"));
        let result = submit(&boss, &page, "/admin/users/bulk/confirm", &[("reason", REASON)]).await;
        assert_eq!(result.status, 200);
        assert!(result.body.contains("Deactivate: 2 done"), "{}", result.body);
        assert!(result.body.contains("No change needed</dt><dd class=\"num\">1</dd>"));
        assert!(result.body.contains("Skipped</dt><dd class=\"num\">1</dd>"));
        let left_out = format!("<a href=\"/admin/users/{}\">boss</a></h2><p>You cannot do this to your own account. Ask another admin</p>", portal.db_id_of("boss"));
        assert!(result.body.contains(&left_out), "{}", result.body);
        assert_eq!(portal.database.texts("SELECT username AS value FROM users WHERE is_active"), ["boss"]);
        assert_eq!(boss.get("/admin/users").await.status, 200);
    }

    async fn an_act_whose_session_ends_meanwhile_is_done_before_the_end_or_not_at_all(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let deputy = superuser(&portal, "deputy").await;
        portal.signed_in(&person("li")).await;
        let [li, deputy_id] = ["li", "deputy"].map(|name| portal.db_id_of(name));
        for round in 0..100 {
            assert_eq!(deputy.sign_in(&person("deputy"), "/").await.status, 303);
            portal.db_prove("deputy");
            let name = format!("round.{round}");
            let acting = {
                let (deputy, page, name) = (deputy.clone(), deputy.get("/account").await, name.clone());
                spawn(async move {
                    // Now before the end, now after it.
                    tokio::time::sleep(Duration::from_micros(200 * (round % 10))).await;
                    deputy.post(&format!("/admin/users/{li}/grant"), &page, &[("permission", &name)]).await
                })
            };
            let ending = {
                let (boss, page) = (boss.clone(), boss.get("/account").await);
                spawn(async move { boss.post(&format!("/admin/users/{deputy_id}/end-sessions"), &page, &[]).await })
            };
            let ended = ending.await.expect("an answer");
            assert_eq!(ended.location(), format!("/admin/users/{deputy_id}"), "round {round}: {}", ended.body);
            let acted = acting.await.expect("an answer");
            assert!(!acted.sets_session(), "round {round}: {:?}", acted.set_cookies());
            let given = portal.database.count(&format!("user_permissions WHERE name = '{name}'"));
            let event = portal.database.number(&format!("SELECT COALESCE(MAX(id), 0) AS value FROM audit_events WHERE event = 'permission_granted' AND details LIKE '%\"{name}\"%'"));
            if acted.location() == format!("/admin/users/{li}") {
                let end = portal.database.number("SELECT MAX(id) AS value FROM audit_events WHERE event = 'sessions_ended'");
                assert_eq!(given, 1, "round {round}");
                assert!(event > 0 && event < end, "round {round}: the act came after the end of its session");
            } else {
                assert_eq!((acted.status.as_u16(), acted.location()), (303, "/login?next=/"), "round {round}: {}", acted.body);
                assert_eq!((given, event), (0, 0), "round {round}");
            }
            assert_eq!(deputy.get("/account").await.status, 303, "round {round}: it stays ended");
        }
    }

    async fn an_act_that_waits_for_its_turn_is_not_done_once_its_role_is_gone(database) {
        let portal = start(database).await;
        let deputy = superuser(&portal, "deputy").await;
        superuser(&portal, "boss").await;
        portal.signed_in(&person("li")).await;
        let [li, deputy_id] = ["li", "deputy"].map(|name| portal.db_id_of(name));
        // Three sign-ins, and what the sweeper does at the start.
        until("the sweeper has had its turn", async || portal.inner.db.counts().writes >= 8).await;
        {
            let page = deputy.get("/account").await;
            let db = portal.inner.db.clone();
            let before = db.counts().writes;
            let (taken, wait_for_it) = mpsc::channel();
            // A transaction that has the turn of all acts, and keeps it until the act waits for it.
            let holding = thread::spawn(move || {
                db.write_blocking(|conn| {
                    lock_superusers(conn)?;
                    let _told = taken.send(());
                    let started = Instant::now();
                    while db.counts().writes == before && started.elapsed() < Duration::from_secs(3) {
                        thread::sleep(Duration::from_millis(1));
                    }
                    thread::sleep(Duration::from_millis(200));
                    users::set_role_by_hand(conn, UserId(deputy_id), Role::Employee)
                })
            });
            wait_for_it.recv().expect("the turn is taken");
            let answer = deputy.post(&format!("/admin/users/{li}/grant"), &page, &[("permission", "too.late")]).await;
            holding.join().expect("a thread").expect("a transaction");
            assert_eq!(answer.status, 403, "{}", answer.body);
            assert!(!answer.sets_session());
            assert_eq!(portal.database.count("user_permissions"), 0);
            assert!(portal.db_recorded().is_empty(), "{:?}", portal.db_recorded());
        }
        assert_eq!(deputy.get("/account").await.status, 200);
    }
}
