//! Each act: what its page asks, what it changes and what it leaves in the audit log.

use frontdesk::web;
use serde_json::{Value, json};

use super::{OFFICE, REASON, done, person, refused, send, start, submit, superuser};
use crate::support::{Browser, Database, Db, Portal, on_both_databases, run};

/// One act, as its pages and the trail show it.
struct Shown<'a> {
    /// The last part of its address.
    path: &'a str,
    heading: &'a str,
    /// One of the steps that the page names.
    step: &'a str,
    typed: &'a [(&'a str, &'a str)],
    /// What the person's page says afterwards, once.
    notice: &'a str,
    event: &'a str,
}

/// Does an act of `boss` by its pages; the details of its one event.
async fn act(portal: &Portal, admin: &Browser, id: i64, shown: &Shown<'_>) -> Value {
    let events = portal.db_recorded().len();
    let address = format!("/admin/users/{id}/{}", shown.path);
    let page = admin.get(&address).await;
    assert_eq!(page.status, 200, "{address}: {}", page.body);
    let heading = format!("<h1>{}</h1>", shown.heading);
    assert!(page.body.contains(&heading), "{address}: {}", page.body);
    assert!(page.body.contains(shown.step), "{address}: {}", page.body);
    assert_eq!(portal.db_recorded().len(), events, "looking does nothing");

    let mut typed = shown.typed.to_vec();
    typed.push(("reason", REASON));
    let action = address.split('?').next().unwrap_or_default();
    let answer = submit(admin, &page, action, &typed).await;
    assert_eq!(answer.status, 303, "{address}: {}", answer.body);
    assert_eq!(answer.location(), format!("/admin/users/{id}"));
    let after = admin.get(answer.location()).await;
    assert!(
        after.body.contains(shown.notice),
        "{address}: {}",
        after.body
    );
    assert!(after.body.contains(REASON), "the timeline has the reason");
    let again = admin.get(answer.location()).await;
    assert!(
        !again.body.contains(shown.notice),
        "{address}: it says so once"
    );

    let mut new = portal.db_recorded().split_off(events);
    assert_eq!(new.len(), 1, "{address}: {new:?}");
    let event = new.remove(0);
    let about = portal.db_username_of(id);
    assert_eq!(event.line, format!("{} success boss {about}", shown.event));
    assert_eq!(event.address, OFFICE);
    assert_eq!(event.reference.len(), 9, "{}", event.reference);
    assert_eq!(event.details["note"], REASON);
    event.details
}

on_both_databases! {
    async fn each_act_on_an_account_does_what_its_page_says_and_leaves_one_event(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let li = portal.signed_in(&person("li")).await;
        let id = portal.db_id_of("li");

        // -- deactivate and activate --
        let details = act(&portal, &boss, id, &Shown {
            path: "deactivate",
            heading: "Deactivate li?",
            step: "New sign-ins are refused; the page tells the person whom to contact.",
            typed: &[],
            notice: "The account is deactivated and signed out everywhere.",
            event: "account_deactivated",
        }).await;
        assert_eq!(details["count"], 1, "sessions ended");
        let answer = li.get("/account").await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/login?next=/account"), "the next click");
        assert_eq!(portal.browser().sign_in(&person("li"), "/").await.status, 403);
        act(&portal, &boss, id, &Shown {
            path: "activate",
            heading: "Activate li?",
            step: "Permissions and role are unchanged.",
            typed: &[],
            notice: "The account is active again.",
            event: "account_activated",
        }).await;
        assert_eq!(li.get("/account").await.status, 303, "what ended stays ended");
        let li = portal.signed_in(&person("li")).await;

        // -- roles --
        assert_eq!(li.get("/admin/users").await.status, 403);
        for (code, label, step, before, may_look, may_act) in [
            ("staff", "Make li a read-only admin?", "but cannot change anything.", "employee", 200, 403),
            ("superuser", "Make li an admin?", "Takes effect immediately and stays", "staff", 200, 200),
            ("employee", "Revoke the role of li?", "Access to the admin area ends immediately.", "superuser", 403, 403),
        ] {
            let details = act(&portal, &boss, id, &Shown {
                path: &format!("role?role={code}"),
                heading: label,
                step,
                typed: &[],
                notice: "The role is changed.",
                event: "role_changed",
            }).await;
            assert_eq!(details["changes"], json!([{"field": "role_by_hand", "from": before, "to": code}]), "before and after");
            assert_eq!(li.get("/admin/users").await.status, may_look, "{code}");
            assert_eq!(li.get(&format!("/admin/users/{id}/note")).await.status, may_act, "{code}");
        }

        // -- sessions --
        let phone = portal.signed_in(&person("li")).await;
        let ids = portal.db_live_sessions_of("li");
        assert_eq!(ids.len(), 2);
        let details = act(&portal, &boss, id, &Shown {
            path: &format!("end-session?session={}", ids[0]),
            heading: "Sign li out of this session?",
            step: "Only this session ends, at once. The others stay open.",
            typed: &[],
            notice: "The session has ended.",
            event: "session_ended",
        }).await;
        assert_eq!(details["count"], 1);
        assert_eq!(li.get("/account").await.status, 303);
        assert_eq!(phone.get("/account").await.status, 200);
        let li = portal.signed_in(&person("li")).await;
        let details = act(&portal, &boss, id, &Shown {
            path: "end-sessions",
            heading: "Sign li out everywhere?",
            step: "the person can sign in again straight away.",
            typed: &[],
            notice: "The sessions have ended.",
            event: "sessions_ended",
        }).await;
        assert_eq!(details["count"], 2);
        for browser in [&li, &phone] {
            assert_eq!(browser.get("/account").await.status, 303);
        }

        // -- permissions --
        let li = portal.signed_in(&person("li")).await;
        assert!(!li.get("/account").await.body.contains("reports.read"));
        let details = act(&portal, &boss, id, &Shown {
            path: "grant",
            heading: "Grant li a permission",
            step: "Stays until an admin revokes it.",
            typed: &[("permission", "reports.read")],
            notice: "The permission is granted.",
            event: "permission_granted",
        }).await;
        assert_eq!(details["permissions_added"], json!(["reports.read"]));
        assert!(li.get("/account").await.body.contains("reports.read"), "at the next click");
        assert!(boss.get(&format!("/admin/users/{id}")).await.body.contains("Granted here by boss"));
        let details = act(&portal, &boss, id, &Shown {
            path: "take?permission=reports.read",
            heading: "Revoke this permission from li?",
            step: "<strong class=\"mono\">reports.read</strong>",
            typed: &[],
            notice: "The permission is revoked.",
            event: "permission_taken",
        }).await;
        assert_eq!(details["permissions_removed"], json!(["reports.read"]));
        assert!(!li.get("/account").await.body.contains("reports.read"), "at the next click");

        // -- identities --
        let second = person("li").with("id", "a-second-one");
        assert_eq!(portal.browser().sign_in(&second, "/").await.status, 409, "somebody else, so far");
        let details = act(&portal, &boss, id, &Shown {
            path: "link",
            heading: "Link an identity to li",
            step: "Make sure it is the same person",
            typed: &[("subject", "a-second-one")],
            notice: "The identity is linked.",
            event: "identity_linked",
        }).await;
        assert_eq!(details["identity"], json!(["company", "a-second-one"]));
        assert_eq!(li.get("/account").await.status, 303, "open sessions end");
        let li = portal.signed_in(&second).await;
        assert_eq!(li.get("/account").await.user().as_deref(), Some("li"));
        assert_eq!(portal.db_id_of("li"), id, "the same account");
        let details = act(&portal, &boss, id, &Shown {
            path: "unlink?subject=a-second-one",
            heading: "Unlink this identity from li?",
            step: "<strong class=\"mono\">a-second-one</strong>",
            typed: &[],
            notice: "The identity is unlinked.",
            event: "identity_unlinked",
        }).await;
        assert_eq!(details["identity"], json!(["company", "a-second-one"]));
        assert_eq!(li.get("/account").await.status, 303);
        assert_eq!(portal.browser().sign_in(&second, "/").await.status, 409);

        // -- a note --
        let li = portal.signed_in(&person("li")).await;
        act(&portal, &boss, id, &Shown {
            path: "note",
            heading: "A note about li",
            step: "The person does not.",
            typed: &[],
            notice: "The note is added.",
            event: "note_added",
        }).await;
        let timeline = li.get("/account/timeline").await;
        assert_eq!(timeline.status, 200);
        assert!(!timeline.body.contains("ticket 4711"), "neither notes nor reasons are for them");
        assert!(!timeline.body.contains(OFFICE), "nor where an admin sat");

        // -- erase --
        done(&boss, id, "deactivate", &[]).await;
        let details = act(&portal, &boss, id, &Shown {
            path: "erase",
            heading: "Erase the personal data of li?",
            step: "This cannot be undone.",
            typed: &[],
            notice: "The personal data is erased.",
            event: "account_erased",
        }).await;
        assert!(details["count"].as_i64().is_some_and(|count| count > 10), "entries: {details}");
    }

    async fn acts_that_go_too_far_are_refused_and_the_audit_log_tells_of_those_that_matter(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let li = portal.signed_in(&person("li")).await;
        portal.signed_in(&person("wang")).await;
        portal.db_create_local_account("kiosk");
        portal.db_deactivate("kiosk");
        let [me, li_id, kiosk] = ["boss", "li", "kiosk"].map(|name| portal.db_id_of(name));

        // -- oneself --
        for (act, fields, event) in [
            ("deactivate", vec![], "account_deactivated"),
            ("activate", vec![], "account_activated"),
            ("role", vec![("role", "employee")], "role_changed"),
            ("role", vec![("role", "staff")], "role_changed"),
            ("grant", vec![("permission", "reports.read")], "permission_granted"),
            ("link", vec![("subject", "another-one")], "identity_linked"),
            ("unlink", vec![("subject", "id-of-boss")], "identity_unlinked"),
            ("reset-password", vec![], "password_link_made"),
            ("erase", vec![], "account_erased"),
        ] {
            let why = "You cannot do this to your own account. Ask another admin";
            let told = refused(&portal, &boss, &format!("/admin/users/{me}/{act}"), &fields, why).await;
            assert_eq!(told, [format!("{event} refused yourself boss boss")], "{act}");
        }
        let page = boss.get(&format!("/admin/users/{me}")).await;
        for act in ["deactivate", "role?", "grant", "link", "erase"] {
            assert!(!page.body.contains(&format!("/admin/users/{me}/{act}")), "no button for {act}");
        }

        // -- what cannot be --
        for (id, act, fields, why, told) in [
            (li_id, "link", vec![("subject", "id-of-wang")], "This identity belongs to the account wang", Some("identity_linked refused identity_taken boss li")),
            (li_id, "erase", vec![], "Deactivate the account first", Some("account_erased refused still_active boss li")),
            (li_id, "reset-password", vec![], "the account has no local password", Some("password_link_made refused no_local_password boss li")),
            (kiosk, "reset-password", vec![], "the account is deactivated", Some("password_link_made refused inactive boss kiosk")),
            // Nothing was tried that anybody would have to know of.
            (li_id, "activate", vec![], "No change needed", None),
            (kiosk, "deactivate", vec![], "No change needed", None),
            (li_id, "role", vec![("role", "employee")], "No change needed", None),
            (li_id, "take", vec![("permission", "reports.read")], "No change needed", None),
            (li_id, "link", vec![("subject", "id-of-li")], "No change needed", None),
            (li_id, "unlink", vec![("subject", "id-of-wang")], "No change needed", None),
            (kiosk, "end-sessions", vec![], "No change needed", None),
            (li_id, "grant", vec![("permission", "")], "without control characters", None),
            (li_id, "grant", vec![("permission", "a\u{7}b")], "without control characters", None),
            (li_id, "grant", vec![("permission", "a\nb")], "without control characters", None),
            (li_id, "grant", vec![("permission", "a\u{202e}b")], "without control characters", None),
            (li_id, "link", vec![("subject", "a\u{1f}b")], "without control characters", None),
            (li_id, "note", vec![("reason", " ")], "Enter a reason", None),
        ] {
            let lines = refused(&portal, &boss, &format!("/admin/users/{id}/{act}"), &fields, why).await;
            assert_eq!(lines, told.into_iter().collect::<Vec<_>>(), "{act} {fields:?}");
        }
        let long = "x".repeat(256);
        let path = format!("/admin/users/{li_id}/grant");
        refused(&portal, &boss, &path, &[("permission", &long)], "without control characters").await;

        // -- who is not there, what is no act, what is too long --
        let (before, events) = (portal.db_state(), portal.db_recorded().len());
        for act in web::acts() {
            let fields = [("role", "staff"), ("session", "42"), ("permission", "x"), ("subject", "x"), ("reason", "x")];
            assert_eq!(send(&boss, &format!("/admin/users/42/{act}"), &fields).await.status, 404, "{act}");
            assert_eq!(boss.get(&format!("/admin/users/42/{act}?role=staff&session=42")).await.status, 404, "{act}");
        }
        for (path, fields) in [
            (format!("/admin/users/{li_id}/promote"), vec![]),
            (format!("/admin/users/{li_id}/role"), vec![]),
            (format!("/admin/users/{li_id}/role"), vec![("role", "root")]),
            (format!("/admin/users/{li_id}/role"), vec![("role", "Superuser")]),
            (format!("/admin/users/{li_id}/end-session"), vec![("session", "x")]),
            (format!("/admin/users/{li_id}x/note"), vec![("reason", "x")]),
        ] {
            assert_eq!(send(&boss, &path, &fields).await.status, 404, "{path}");
        }
        let too_long = "王".repeat(501);
        let path = format!("/admin/users/{li_id}/note");
        assert_eq!(send(&boss, &path, &[("reason", &too_long)]).await.status, 400);
        assert_eq!(portal.db_state(), before);
        assert_eq!(portal.db_recorded().len(), events);
        let longest = "王".repeat(500);
        done(&boss, li_id, "note", &[("reason", &longest)]).await;
        assert_eq!(portal.db_recorded().last().expect("an event").details["note"], longest);
        assert_eq!(li.get("/account").await.status, 200, "after all that");
    }

    async fn no_act_is_done_that_the_audit_log_cannot_keep(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        portal.signed_in(&person("li")).await;
        portal.signed_in(&person("wang")).await;
        portal.db_create_local_account("kiosk");
        portal.db_create_local_account("gone");
        let [li, wang, kiosk, gone] = ["li", "wang", "kiosk", "gone"].map(|name| portal.db_id_of(name));
        done(&boss, wang, "deactivate", &[]).await;
        done(&boss, gone, "deactivate", &[]).await;
        done(&boss, li, "grant", &[("permission", "old.one")]).await;
        let session = portal.db_live_sessions_of("li").remove(0);
        let ticked = li.to_string();
        portal.db_break_audit_log();
        let (before, events) = (portal.db_state(), portal.database.count("audit_events"));
        let mut forms: Vec<(String, Vec<(&str, &str)>)> = [
            (li, "deactivate", vec![]),
            (wang, "activate", vec![]),
            (li, "role", vec![("role", "superuser")]),
            (li, "end-session", vec![("session", session.as_str())]),
            (li, "end-sessions", vec![]),
            (li, "grant", vec![("permission", "reports.read")]),
            (li, "take", vec![("permission", "old.one")]),
            (li, "link", vec![("subject", "another-one")]),
            (li, "unlink", vec![("subject", "id-of-li")]),
            (kiosk, "reset-password", vec![]),
            (gone, "erase", vec![]),
            (li, "note", vec![("reason", "called")]),
            // What would have been refused fails no less.
            (li, "erase", vec![]),
        ]
        .into_iter()
        .map(|(id, act, fields)| (format!("/admin/users/{id}/{act}"), fields))
        .collect();
        forms.push(("/admin/users/new".to_owned(), vec![("username", "x"), ("first_name", ""), ("email", ""), ("reason", "")]));
        forms.push(("/admin/users/bulk/confirm".to_owned(), vec![("u", ticked.as_str()), ("act", "deactivate")]));
        forms.push(("/admin/users/bulk/confirm".to_owned(), vec![("all", "1"), ("act", "end-sessions")]));
        forms.push(("/admin/sessions/end".to_owned(), vec![("filter", "user=li")]));
        for (path, fields) in &forms {
            let answer = send(&boss, path, fields).await;
            assert_eq!(answer.status, 500, "{path}: {}", answer.body);
            assert!(!answer.body.contains("/password?token="), "{path}");
            assert_eq!(portal.db_state(), before, "{path}");
        }
        for path in ["/admin/users.csv", "/admin/sessions.csv", "/admin/audit.csv"] {
            let answer = send(&boss, path, &[]).await;
            assert_eq!(answer.status, 500, "{path}");
            assert!(!answer.body.contains("kiosk"), "nothing leaves the house unseen");
        }
        assert_eq!(portal.database.count("audit_events"), events);
        portal.db_mend_audit_log();
        done(&boss, li, "deactivate", &[]).await;
        assert_eq!(portal.database.count("audit_events"), events + 1);
    }
}
