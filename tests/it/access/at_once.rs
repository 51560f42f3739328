//! At the same moment: opposite decisions, forms sent twice, and decisions beside what closes.

use std::sync::Barrier;
use std::thread;

use frontdesk::access::{self, Decider, DecisionRefusal, Known, Verdict, Wish};
use frontdesk::access_requests::span::Span;
use frontdesk::admin::{self, Act, Admin, Said};
use frontdesk::audit::Note;
use frontdesk::error::Stopped;
use frontdesk::id::{RequestId, UserId};
use frontdesk::permissions::PermissionSources;
use frontdesk::roles::RolePermissions;
use frontdesk::sessions::{self, Client};

use super::{SENTENCE, app, own, person, start, superuser};
use crate::support::{Database, Db, Portal, on_both_databases, run};

/// The authority of somebody who is signed in once.
fn authority(portal: &Portal, username: &str) -> Decider {
    let hash = portal
        .database
        .texts(&format!(
            "SELECT s.token_hash AS value FROM sessions s JOIN users u ON u.id = s.user_id \
             WHERE u.username = '{username}' AND s.ended_at IS NULL"
        ))
        .remove(0);
    let (now, limits) = (portal.clock.now(), portal.inner.limits);
    let (session, user) = portal
        .inner
        .db
        .read_blocking(|conn| sessions::find_live(conn, now, limits, &hash))
        .expect("a read")
        .expect("a session");
    Decider::of(&user, &session, Client::default()).expect("their own session")
}

fn known() -> Known {
    Known {
        sources: PermissionSources::default(),
        zone: jiff::tz::TimeZone::UTC,
    }
}

fn wish() -> Wish {
    Wish {
        app: "wiki".to_owned(),
        sentence: SENTENCE.to_owned(),
        days: None,
    }
}

/// Asks for the wiki.
fn ask(portal: &Portal, user: UserId) -> RequestId {
    let (now, known) = (portal.clock.now(), known());
    let asked = portal.inner.db.decide_blocking(|conn| {
        let who = (user, &Client::default());
        access::ask(conn, now, who, &known.sources, &known.zone, &wish())
    });
    asked.expect("a request").id
}

on_both_databases! {
    /// B16, T72: the first commit wins, and the second reads who decided what.
    async fn of_opposite_decisions_at_once_one_is_made_with_one_event(database) {
        const ROUNDS: usize = 100;
        let portal = start(database).await;
        let wiki = app(&portal, "wiki");
        superuser(&portal, "boss").await;
        person(&portal, "owner").await;
        own(&portal, wiki, "owner");
        person(&portal, "li").await;
        let li = UserId(portal.db_id_of("li"));
        let [boss, owner] = ["boss", "owner"].map(|name| authority(&portal, name));
        let (db, clock) = (&portal.inner.db, &portal.clock);
        let note = |text: &str| Note::parse(text).expect("a short text");
        for round in 0..ROUNDS {
            // Not all on one day.
            portal.database.execute("UPDATE access_requests SET created_at = 1");
            let id = ask(&portal, li);
            let barrier = Barrier::new(2);
            let decide = |by: &Decider, verdict: Verdict| {
                let now = clock.now();
                barrier.wait();
                db.decide_blocking(|conn| access::decide(conn, now, by, &known(), id, &verdict))
            };
            let (one, other) = thread::scope(|scope| {
                let one = scope.spawn(|| decide(&boss, Verdict::Grant(Span::Days(7), note(""))));
                let other = scope.spawn(|| decide(&owner, Verdict::Decline(note("no"))));
                (one.join().expect("an outcome"), other.join().expect("an outcome"))
            });
            let (winner, loser) = match (one, other) {
                (Ok(_), Err(Stopped::Refused(refusal))) => ("granted by boss", refusal),
                (Err(Stopped::Refused(refusal)), Ok(_)) => ("declined by owner", refusal),
                (one, other) => panic!("round {round}: {one:?} {other:?}"),
            };
            assert!(matches!(loser, DecisionRefusal::Ended(_)), "{loser:?}");
            assert!(loser.to_string().ends_with(winner), "{loser} {winner}");
        }
        let events = portal.database.count("audit_events WHERE event IN ('access_granted', 'access_declined')");
        assert_eq!(events, 100);
        let grants = portal.database.count("app_grants");
        assert_eq!(grants, portal.db_count_events("access_granted"));
        assert_eq!(grants, portal.database.count("access_requests WHERE state = 'granted'"));
    }

    /// B15: one open request a pair, by a unique index.
    async fn of_twenty_forms_at_once_one_is_a_request(database) {
        let portal = start(database).await;
        app(&portal, "wiki");
        person(&portal, "li").await;
        let li = UserId(portal.db_id_of("li"));
        let barrier = Barrier::new(20);
        let (db, clock) = (&portal.inner.db, &portal.clock);
        let made = thread::scope(|scope| {
            let forms: Vec<_> = (0..20).map(|_| scope.spawn(|| {
                let (now, known) = (clock.now(), known());
                barrier.wait();
                db.decide_blocking(|conn| {
                    access::ask(conn, now, (li, &Client::default()), &known.sources, &known.zone, &wish())
                })
            })).collect();
            let outcomes = forms.into_iter().map(|form| form.join().expect("an outcome"));
            outcomes.flatten().count()
        });
        assert_eq!(made, 1);
        assert_eq!(portal.database.count("access_requests"), 1);
        assert_eq!(portal.db_count_events("access_requested"), 1);
    }

    /// B17: a grant and a deactivation, a grant and a removal: whichever comes first, nothing is
    /// left open and no grant stays.
    async fn a_grant_beside_what_closes_the_request_leaves_no_grant(database) {
        let portal = start(database).await;
        superuser(&portal, "boss").await;
        person(&portal, "li").await;
        let li = UserId(portal.db_id_of("li"));
        let boss = authority(&portal, "boss");
        let (shell, roles) = (Admin::command_line(), RolePermissions::default());
        for round in 0..20 {
            portal.database.execute("UPDATE access_requests SET created_at = 1");
            app(&portal, "wiki");
            let id = ask(&portal, li);
            let barrier = Barrier::new(2);
            let (db, now) = (&portal.inner.db, portal.clock.now());
            thread::scope(|scope| {
                scope.spawn(|| {
                    barrier.wait();
                    let verdict = Verdict::Grant(Span::ForEver, Note::default());
                    let decided = db.decide_blocking(|conn| access::decide(conn, now, &boss, &known(), id, &verdict));
                    assert!(!matches!(decided, Err(Stopped::Failed(_))), "round {round}: {decided:?}");
                });
                scope.spawn(|| {
                    barrier.wait();
                    if round % 2 == 0 {
                        db.decide_blocking(|conn| {
                            admin::perform(conn, now, &shell, &roles, li, &Act::Deactivate, &Said::default())
                        }).expect("deactivated");
                    } else {
                        db.decide_blocking(|conn| {
                            admin::apps::remove(conn, now, &shell, "wiki", &Note::default())
                        }).expect("removed");
                    }
                });
            });
            assert_eq!(portal.database.count("app_grants"), 0, "round {round}");
            assert_eq!(portal.database.count("access_requests WHERE state = 'open'"), 0, "round {round}");
            portal.database.execute("UPDATE users SET is_active = TRUE");
            portal.database.execute("DELETE FROM apps");
        }
    }
}
