//! What happens by itself: a request is told again, lapses, or is closed because it makes no sense
//! any more.

use frontdesk::access::{self, Looked};
use frontdesk::id::RequestId;
use frontdesk::permissions::PermissionSources;

use super::{
    DAY, SENTENCE, app, app_with, ask, grant, hold, person, start, state, superuser, trail,
};
use crate::support::apps::any_of;
use crate::support::{Database, Portal, on_both_databases, run};

/// Does what the job does in a minute: how many were told again, and how many lapsed.
fn job(portal: &Portal) -> (usize, usize) {
    let (db, now) = (&portal.inner.db, portal.clock.now());
    let lapsed = db.write_blocking(|conn| access::lapse(conn, now));
    let repeated = db.write_blocking(|conn| access::repeat(conn, now));
    (repeated.expect("a write"), lapsed.expect("a write"))
}

fn look(portal: &Portal, id: i64) -> Looked {
    let now = portal.clock.now();
    let sources = PermissionSources::default();
    let looked = portal
        .inner
        .db
        .write_blocking(|conn| access::look(conn, now, &sources, RequestId(id)));
    looked.expect("a write")
}

on_both_databases! {
    /// B2: told again after 3 days, lapsed after 30, and asked again in one click.
    async fn a_request_that_nobody_answers_is_told_again_once_and_lapses(database) {
        let portal = start(database).await;
        app(&portal, "wiki");
        superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        let id = ask(&portal, &li, "wiki").await;
        portal.clock.advance(DAY / 24 * 71);
        assert_eq!(job(&portal), (0, 0));
        portal.clock.advance(DAY / 24);
        assert_eq!(job(&portal), (1, 0));
        assert_eq!(job(&portal), (0, 0), "once");
        portal.clock.advance(26 * DAY);
        assert_eq!(job(&portal), (0, 0));
        assert_eq!(state(&portal, id), "open");
        portal.clock.advance(DAY);
        assert_eq!(job(&portal), (0, 1));
        assert_eq!(job(&portal), (0, 0));
        assert_eq!(state(&portal, id), "lapsed");
        assert_eq!(trail(&portal), [
            "access_requested success li li",
            "access_request_repeated success li",
            "access_request_lapsed success li",
        ]);
        // It cannot be granted any more.
        let boss = person(&portal, "boss").await;
        let answer = grant(&boss, id, "").await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains("This request has ended already"));

        let li = person(&portal, "li").await;
        let home = li.get("/").await;
        assert!(home.body.contains("Nobody answered") && home.body.contains("Ask again"));
        let again = [("sentence", SENTENCE), ("days", "")];
        assert_eq!(li.post("/access/wiki", &home, &again).await.location(), "/access");
        assert_eq!(portal.database.count("access_requests WHERE state = 'open'"), 1);
    }

    /// B17: a sync that opens the app closes the request, when it is next looked at or decided.
    async fn a_request_for_an_app_that_opens_anyway_is_closed(database) {
        let portal = start(database).await;
        app_with(&portal, "wiki", &any_of(&["a.b"]));
        app_with(&portal, "mail", &any_of(&["a.b"]));
        let boss = superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        let [wiki, mail] = [ask(&portal, &li, "wiki").await, ask(&portal, &li, "mail").await];
        assert_eq!(look(&portal, wiki), Looked::StaysOpen);
        hold(&portal, "li", "a.b");
        assert_eq!(look(&portal, wiki), Looked::Closed);
        assert_eq!(look(&portal, wiki), Looked::Closed);
        assert_eq!(state(&portal, wiki), "closed open_anyway");
        let answer = grant(&boss, mail, "").await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains("The app now opens without a grant"), "{}", answer.body);
        assert_eq!(state(&portal, mail), "closed open_anyway");
        assert_eq!(portal.database.count("app_grants"), 0);
        assert_eq!(trail(&portal)[2..], [
            "access_request_closed success li",
            "access_request_closed success li",
        ]);
        assert!(li.get("/").await.body.contains("The app now opens without a grant"));
    }
}
