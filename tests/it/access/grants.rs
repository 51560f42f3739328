//! Grants: more time, taking back, giving back, and their end.

use frontdesk::access;

use super::{
    DAY, REASON, app, ask, granted, hold, nobody_but_not, opens, own, person, set_rule, start,
    superuser, trail,
};
use crate::support::apps::db_app_grant;
use crate::support::{Answer, Browser, Database, Db, Portal, on_both_databases, run};

/// Takes back a person's grants for an app.
async fn take_back(browser: &Browser, key: &str, user: i64, reason: &str) -> Answer {
    let page = browser.get("/account").await;
    let path = format!("/requests/take-back/{key}/{user}");
    browser.post(&path, &page, &[("reason", reason)]).await
}

fn expire(portal: &Portal) -> usize {
    let now = portal.clock.now();
    let expired = portal
        .inner
        .db
        .write_blocking(|conn| access::expire(conn, now));
    expired.expect("a write")
}

on_both_databases! {
    /// B5: more time is asked for while a grant runs; the longer of two holds, and taking back ends
    /// all of them.
    async fn more_time_leaves_no_gap_and_taking_back_ends_all_grants(database) {
        let portal = start(database).await;
        app(&portal, "wiki");
        superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        let id = ask(&portal, &li, "wiki").await;
        let boss = person(&portal, "boss").await;
        granted(&boss, id, "7").await;
        portal.clock.advance(6 * DAY);
        let (li, boss) = (person(&portal, "li").await, person(&portal, "boss").await);
        assert!(li.get("/access").await.body.contains("Ask for more time"));
        assert!(li.get("/access/wiki").await.body.contains("Your access at present"));
        let id = ask(&portal, &li, "wiki").await;
        assert!(opens(&li, "wiki").await);
        granted(&boss, id, "7").await;
        portal.clock.advance(2 * DAY);
        let (li, boss) = (person(&portal, "li").await, person(&portal, "boss").await);
        // The first one has ended, and takes nothing along.
        assert_eq!(expire(&portal), 1);
        assert_eq!(portal.db_count_events("access_expired"), 0, "access has not ended");
        assert!(opens(&li, "wiki").await);
        // A shorter one beside it shortens nothing.
        let id = ask(&portal, &li, "wiki").await;
        granted(&boss, id, "1").await;
        portal.clock.advance(2 * DAY);
        let (li, boss) = (person(&portal, "li").await, person(&portal, "boss").await);
        assert!(opens(&li, "wiki").await);

        let answer = take_back(&boss, "wiki", portal.db_id_of("li"), " ").await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains("Write a reason"));
        let page = boss.get(&format!("/requests/take-back/wiki/{}", portal.db_id_of("li"))).await;
        assert!(page.body.contains("Take The wiki back from li?"));
        assert_eq!(take_back(&boss, "wiki", portal.db_id_of("li"), REASON).await.location(), "/requests");
        assert!(!opens(&li, "wiki").await);
        assert_eq!(portal.database.count("app_grants"), 0);
        assert_eq!(trail(&portal).last().expect("an event"), "access_revoked success boss li");
        assert_eq!(portal.db_last_details()["note"], REASON);
        assert_eq!(take_back(&boss, "wiki", portal.db_id_of("li"), REASON).await.status, 422);
    }

    /// B7: in force at the next page, on every instance.
    async fn what_is_taken_or_given_back_is_closed_at_once_on_each_instance(database) {
        let portal = start(database.clone()).await;
        let second = Portal::on(database).beside(&portal).run().await;
        let wiki = app(&portal, "wiki");
        let owner = person(&portal, "owner").await;
        let li = person(&portal, "li").await;
        let stranger = person(&portal, "stranger").await;
        own(&portal, wiki, "owner");
        let li_id = portal.db_id_of("li");
        let there = li.at(&second);
        db_app_grant(&portal.database, wiki, li_id, None);
        assert!(opens(&li, "wiki").await && opens(&there, "wiki").await);
        assert_eq!(take_back(&stranger, "wiki", li_id, REASON).await.status, 403);
        assert_eq!(take_back(&owner, "wiki", li_id, REASON).await.status, 303);
        assert!(!opens(&li, "wiki").await && !opens(&there, "wiki").await);

        db_app_grant(&portal.database, wiki, li_id, None);
        db_app_grant(&portal.database, wiki, li_id, Some(portal.clock.now().plus(DAY).0));
        let page = li.get("/access").await;
        assert!(page.body.contains("No end date") && page.body.contains("Give back"));
        assert_eq!(li.post("/access/wiki/give-back", &page, &[]).await.location(), "/access");
        assert!(!opens(&li, "wiki").await && !opens(&there, "wiki").await);
        assert_eq!(li.post("/access/wiki/give-back", &page, &[]).await.status, 404);
        assert_eq!(trail(&portal), ["access_revoked success owner li", "access_given_back success li li"]);
    }

    /// B8: the end is in force without the job, which only tells.
    async fn a_grant_past_its_end_counts_nowhere_and_the_job_only_tells(database) {
        let portal = start(database).await;
        let wiki = app(&portal, "wiki");
        let boss = superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        let li_id = portal.db_id_of("li");
        let end = portal.clock.now().plus(DAY / 24);
        db_app_grant(&portal.database, wiki, li_id, Some(end.0));
        db_app_grant(&portal.database, wiki, li_id, Some(end.0 - 1));
        assert!(opens(&li, "wiki").await);
        portal.clock.advance(DAY / 24);
        assert!(!opens(&li, "wiki").await);
        let page = li.get("/access").await.body;
        assert!(!page.contains("Granted to you") && page.contains("href=\"/access/wiki\""));
        assert_eq!(take_back(&boss, "wiki", li_id, REASON).await.status, 422);
        assert_eq!(portal.database.count("app_grants"), 2);
        assert_eq!(expire(&portal), 1);
        assert_eq!(expire(&portal), 0);
        assert_eq!(portal.database.count("app_grants"), 0);
        assert_eq!(trail(&portal), ["access_expired success li"]);
    }

    async fn a_but_not_wins_over_a_grant(database) {
        let portal = start(database).await;
        let wiki = app(&portal, "wiki");
        let li = person(&portal, "li").await;
        hold(&portal, "li", "left.out");
        db_app_grant(&portal.database, wiki, portal.db_id_of("li"), None);
        assert!(opens(&li, "wiki").await);
        set_rule(&portal, "wiki", &nobody_but_not("left.out"));
        assert!(!opens(&li, "wiki").await);
    }
}
