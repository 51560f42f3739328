//! Acts that ask for a fresh sign-in.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use url::Url;

use super::{done, person, send, start, submit, superuser, with_password};
use crate::support::portal::PASSWORD;
use crate::support::{Answer, Database, Db, Portal, on_both_databases, run};

const QUARTER: Duration = Duration::from_secs(15 * 60);

/// Where somebody is to come back to after signing in anew.
fn asked_to_sign_in_again(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let base = Url::parse("http://desk.invalid").expect("an address");
    let url = base.join(answer.location()).expect("an address");
    assert_eq!(url.path(), "/login", "{url}");
    let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(query.get("fresh").map(String::as_str), Some("1"), "{url}");
    query["next"].clone()
}

on_both_databases! {
    async fn a_quarter_of_an_hour_after_the_sign_in_dangerous_acts_ask_for_another(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let li = portal.signed_in(&person("li")).await;
        portal.signed_in(&person("wang")).await;
        portal.db_create_local_account("kiosk");
        portal.db_create_local_account("gone");
        portal.db_deactivate("gone");
        let [li_id, wang, kiosk, gone] = ["li", "wang", "kiosk", "gone"].map(|name| portal.db_id_of(name));
        done(&boss, li_id, "grant", &[("permission", "old.one")]).await;
        portal.clock.advance(QUARTER.saturating_sub(Duration::from_secs(30)));
        assert_eq!(boss.get(&format!("/admin/users/{li_id}/grant")).await.status, 200, "not yet");
        portal.clock.advance(Duration::from_secs(31));

        // -- what asks --
        let (before, events) = (portal.db_state(), portal.db_recorded().len());
        let note = "reason=on%20paper%2C%20%E4%B8%A4%E6%AC%A1";
        for (path, fields) in [
            (format!("/admin/users/{li_id}/role?role=staff&{note}"), vec![("role", "staff")]),
            (format!("/admin/users/{li_id}/role?role=superuser&{note}"), vec![("role", "superuser")]),
            (format!("/admin/users/{li_id}/grant?permission=reports.read&{note}"), vec![("permission", "reports.read")]),
            (format!("/admin/users/{li_id}/link?provider=company&subject=another-one&{note}"), vec![("subject", "another-one")]),
            (format!("/admin/users/{li_id}/unlink?provider=company&subject=id-of-li&{note}"), vec![("subject", "id-of-li")]),
            (format!("/admin/users/{kiosk}/reset-password?{note}"), vec![]),
            (format!("/admin/users/{gone}/erase?{note}"), vec![]),
        ] {
            assert_eq!(asked_to_sign_in_again(&boss.get(&path).await), path);
            let mut fields = fields;
            fields.push(("reason", "on paper, 两次"));
            let answer = send(&boss, path.split('?').next().unwrap_or_default(), &fields).await;
            assert_eq!(asked_to_sign_in_again(&answer), path, "with all that was typed");
            let script = boss.get_with(&path, &[("accept", "application/json")]).await;
            assert_eq!(script.status, 403);
            assert!(script.body.contains("fresh_sign_in_needed"), "{}", script.body);
        }
        // A reason that is too long for an address leads back to the person.
        let long = "两".repeat(400);
        let path = format!("/admin/users/{li_id}");
        let answer = send(&boss, &format!("{path}/role"), &[("role", "staff"), ("reason", &long)]).await;
        assert_eq!(asked_to_sign_in_again(&answer), path);
        for path in [
            "/admin/users/new",
            "/admin/sessions/end?ip=127.0.0.1",
        ] {
            assert_eq!(asked_to_sign_in_again(&boss.get(path).await), path);
        }
        let ticked = li_id.to_string();
        for (path, fields, next) in [
            ("/admin/users/new", vec![("username", "x"), ("first_name", ""), ("email", ""), ("reason", "")], "/admin/users/new"),
            ("/admin/users/bulk", vec![("u", ticked.as_str()), ("act", "deactivate"), ("filter", "status=active")], "/admin/users?status=active"),
            ("/admin/users/bulk/confirm", vec![("u", ticked.as_str()), ("act", "deactivate"), ("filter", "")], "/admin/users"),
            ("/admin/users/bulk/confirm", vec![("all", "1"), ("act", "end-sessions"), ("filter", "role=employee")], "/admin/users?role=employee"),
            ("/admin/sessions/end", vec![("filter", "user=li")], "/admin/sessions/end?user=li"),
            ("/admin/users.csv?status=active", vec![], "/admin/users?status=active"),
            ("/admin/sessions.csv", vec![("bom", "1")], "/admin/sessions"),
            ("/admin/audit.csv?by=boss", vec![], "/admin/audit?by=boss"),
        ] {
            assert_eq!(asked_to_sign_in_again(&send(&boss, path, &fields).await), next, "{path}");
        }
        assert!(boss.get("/admin/users").await.body.contains("Before an action on several accounts"));
        assert_eq!(portal.db_state(), before, "nothing was changed");
        assert_eq!(portal.db_recorded().len(), events);

        // -- what does not: it only stops somebody, or takes away --
        done(&boss, wang, "deactivate", &[]).await;
        done(&boss, wang, "activate", &[]).await;
        done(&boss, li_id, "take", &[("permission", "old.one")]).await;
        done(&boss, li_id, "note", &[("reason", "called")]).await;
        let session = portal.db_live_sessions_of("li").remove(0);
        assert_eq!(boss.get(&format!("/admin/users/{li_id}/end-session?session={session}")).await.status, 200);
        done(&boss, li_id, "end-session", &[("session", &session)]).await;
        assert_eq!(li.get("/account").await.status, 303);
        portal.signed_in(&person("li")).await;
        done(&boss, li_id, "end-sessions", &[]).await;

        // -- after a proof it comes back to itself, with what was typed --
        let path = format!("/admin/users/{li_id}/grant?permission=reports.read&{note}");
        let asked = boss.get(&path).await;
        let page = boss.get(asked.location()).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("<h1>Confirm that it is you</h1>"), "{}", page.body);
        assert!(page.body.contains("Ask an admin other than yourself for a confirmation link"), "{}", page.body);
        // The platform's own session gives another one in silence, which proves nothing.
        let answer = boss.sign_in(&person("boss"), &path).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, path.as_str()));
        let asked = boss.get(&path).await;
        assert_eq!(asked_to_sign_in_again(&asked), path);
        portal.db_set_confirmation_password("boss");
        let page = boss.get(asked.location()).await;
        let answer = submit(&boss, &page, "/confirm", &[("password", PASSWORD)]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, path.as_str()));
        let page = boss.get(answer.location()).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("name=\"permission\" value=\"reports.read\""), "{}", page.body);
        assert!(page.body.contains(">on paper, 两次</textarea>"), "{}", page.body);
        done(&boss, li_id, "grant", &[("permission", "reports.read"), ("reason", "on paper")]).await;
        let event = portal.db_recorded().pop().expect("an event");
        assert_eq!(event.line, "permission_granted success boss li");
        assert_eq!(event.details, json!({"permissions_added": ["reports.read"], "note": "on paper"}));
        done(&boss, li_id, "role", &[("role", "staff")]).await;
        let event = portal.db_recorded().pop().expect("an event");
        assert_eq!(event.line, "role_changed success boss li");
        assert_eq!(event.details["changes"], json!([{"field": "role_by_hand", "from": "employee", "to": "staff"}]));
        assert_eq!(send(&boss, "/admin/users.csv", &[]).await.status, 200);
    }
}

#[test]
fn a_local_admin_signs_in_again_with_the_password() {
    run(async {
        let portal = Portal::start().await;
        portal.db_create_local_account("root");
        portal.db_make_superuser("root");
        portal.signed_in(&person("li")).await;
        let li = portal.db_id_of("li");
        let (root, answer) = with_password(&portal, "root", PASSWORD).await;
        assert_eq!(answer.status, 303);
        portal.clock.advance(QUARTER);
        let path = format!("/admin/users/{li}/role?role=staff");
        let asked = root.get(&path).await;
        assert_eq!(asked_to_sign_in_again(&asked), path);
        let page = root.get(asked.location()).await;
        assert!(page.body.contains("value=\"root\"") && !page.body.contains("/oauth2/login"));
        let wrong = [("password", "wrong horse battery")];
        assert_eq!(submit(&root, &page, "/confirm", &wrong).await.status, 422);
        assert_eq!(asked_to_sign_in_again(&root.get(&path).await), path);
        let right = [("password", PASSWORD)];
        let answer = submit(&root, &page, "/confirm", &right).await;
        assert_eq!(
            (answer.status.as_u16(), answer.location()),
            (303, path.as_str())
        );
        let page = root.get(answer.location()).await;
        let action = format!("/admin/users/{li}/role");
        let answer = submit(&root, &page, &action, &[("reason", "")]).await;
        assert_eq!(answer.location(), format!("/admin/users/{li}"));
        let event = portal.db_recorded().pop().expect("an event");
        assert_eq!(event.line, "role_changed success root li");
    });
}
