//! What closes requests and ends grants: deactivating, erasing, and changes and the removal of an
//! app.

use frontdesk::admin::{self, Act, Admin, Said};
use frontdesk::apps::{self, AppFields, Audience};
use frontdesk::audit::Note;
use frontdesk::id::UserId;
use frontdesk::roles::RolePermissions;

use super::{
    REASON, app, ask, decline, grant, granted, opens, own, person, start, state, superuser, trail,
};
use crate::support::apps::db_app_grant;
use crate::support::{Database, Db, Portal, on_both_databases, run};

fn act(portal: &Portal, username: &str, act: &Act) {
    let (db, now) = (&portal.inner.db, portal.clock.now());
    let (shell, roles) = (Admin::command_line(), RolePermissions::default());
    let id = UserId(portal.db_id_of(username));
    let done = db.decide_blocking(|conn| {
        admin::perform(conn, now, &shell, &roles, id, act, &Said::default())
    });
    done.expect("an act");
}

fn change(portal: &Portal, key: &str, change: impl Fn(&mut AppFields)) {
    let (db, now) = (&portal.inner.db, portal.clock.now());
    let changed = db.decide_blocking(|conn| {
        let mut fields = apps::find(conn, key)?.expect("an app").fields;
        change(&mut fields);
        let shell = Admin::command_line();
        admin::apps::change(conn, now, &shell, key, fields, &Note::default())
    });
    changed.expect("a change");
}

on_both_databases! {
    /// B17: a leaver who returns has no grant and no request.
    async fn deactivating_closes_requests_and_ends_grants_for_good(database) {
        let portal = start(database).await;
        let wiki = app(&portal, "wiki");
        app(&portal, "mail");
        let boss = superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        let id = ask(&portal, &li, "mail").await;
        db_app_grant(&portal.database, wiki, portal.db_id_of("li"), None);
        assert!(opens(&li, "wiki").await);
        act(&portal, "li", &Act::Deactivate);
        assert_eq!(state(&portal, id), "closed deactivated");
        assert_eq!(grant(&boss, id, "").await.status, 422);
        assert_eq!(portal.database.count("app_grants"), 0);
        assert_eq!(trail(&portal)[1..], [
            "access_request_closed success command line li",
            "access_revoked success command line li",
        ]);
        act(&portal, "li", &Act::Activate);
        let li = person(&portal, "li").await;
        assert!(!opens(&li, "wiki").await && !opens(&li, "mail").await);
    }

    async fn erasing_removes_what_was_written_and_the_names(database) {
        let portal = start(database).await;
        let wiki = app(&portal, "wiki");
        let li = person(&portal, "li").await;
        let owner = person(&portal, "owner").await;
        own(&portal, wiki, "owner");
        own(&portal, wiki, "li");
        let first = ask(&portal, &li, "wiki").await;
        assert_eq!(decline(&owner, first, "not you, Li").await.status, 303);
        let second = ask(&portal, &owner, "wiki").await;
        granted(&li, second, "").await;
        act(&portal, "li", &Act::Deactivate);
        act(&portal, "li", &Act::Erase);
        let left = portal.database.texts(
            "SELECT sentence || '|' || answer || '|' || decided_by AS value FROM access_requests ORDER BY id",
        );
        assert_eq!(left[0], "||owner");
        assert!(left[1].contains("||erased-") && !left[1].ends_with("|li"), "{left:?}");
        let by = portal.database.texts("SELECT granted_by AS value FROM app_grants");
        assert!(by.len() == 1 && by[0].starts_with("erased-"), "{by:?}");
        let boss = superuser(&portal, "boss").await;
        let page = boss.get("/requests").await.body;
        assert!(!page.contains("not you, Li") && !page.contains(">li<"), "{page}");
    }

    /// B17: each change after which nobody can ask.
    async fn an_app_that_cannot_be_asked_for_any_more_closes_its_requests(database) {
        let portal = start(database).await;
        for key in ["shut", "hidden", "open", "renamed"] {
            app(&portal, key);
        }
        let boss = superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        let mut ids = Vec::new();
        for key in ["shut", "hidden", "open", "renamed"] {
            ids.push(ask(&portal, &li, key).await);
        }
        change(&portal, "shut", |fields| fields.is_requestable = false);
        change(&portal, "hidden", |fields| fields.is_hidden = true);
        change(&portal, "open", |fields| fields.rule.audience = Audience::Everyone);
        change(&portal, "renamed", |fields| "Another".clone_into(&mut fields.name_en));
        let states: Vec<String> = ids.iter().map(|id| state(&portal, *id)).collect();
        assert_eq!(states, ["closed not_requestable", "closed not_requestable", "closed open_anyway", "open"]);
        assert_eq!(portal.db_count_events("access_request_closed"), 3);
        // A name that is hidden now is not told.
        let home = li.get("/").await.body;
        assert!(home.contains("Your request for hidden") && !home.contains("The hidden"), "{home}");
        assert!(boss.get("/requests").await.body.contains("The hidden"));
    }

    /// B18: a new app under the key of an old one inherits nothing.
    async fn an_app_that_comes_back_under_its_key_opens_to_nobody(database) {
        let portal = start(database).await;
        let wiki = app(&portal, "wiki");
        let boss = superuser(&portal, "boss").await;
        let li = person(&portal, "li").await;
        let kim = person(&portal, "kim").await;
        own(&portal, wiki, "kim");
        db_app_grant(&portal.database, wiki, portal.db_id_of("li"), None);
        let id = ask(&portal, &kim, "wiki").await;
        let (db, now) = (&portal.inner.db, portal.clock.now());
        let removed = db.decide_blocking(|conn| {
            let shell = Admin::command_line();
            let note = Note::parse(REASON).expect("a short text");
            admin::apps::remove(conn, now, &shell, "wiki", &note)
        });
        let fields = removed.expect("removed").fields;
        assert_eq!(state(&portal, id), "closed app_removed");
        assert!(boss.get("/requests?app=wiki").await.body.contains("The app was removed"));
        let added = db.decide_blocking(|conn| {
            let shell = Admin::command_line();
            admin::apps::add(conn, now, &shell, "wiki", fields.clone(), &Note::default())
        });
        assert_ne!(added.expect("added").id.0, wiki);
        assert!(!opens(&li, "wiki").await);
        for table in ["app_grants", "app_owners", "access_requests WHERE state = 'open'"] {
            assert_eq!(portal.database.count(table), 0, "{table}");
        }
        assert_eq!(grant(&boss, id, "").await.status, 422);
        assert!(!opens(&kim, "wiki").await);
    }
}
