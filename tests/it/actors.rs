//! Events name who acted: the command line is the command line and a person is a person, whatever
//! they are called.

use std::time::Duration;

use crate::acts::{done, person, send, start, superuser};
use crate::support::process::{free_port, output, settings, text};
use crate::support::{Browser, Database, Db, Portal, on_both_databases, run};

const DAY: Duration = Duration::from_secs(24 * 3600);
const SHELL: &str = "command line";

/// What the command does in the portal's database.
fn on_command_line(portal: &Portal, arguments: &[&str]) -> String {
    let output = output(
        arguments,
        &settings(free_port(), &portal.provider, &portal.database),
    );
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// How many events a list of the trail shows.
async fn found(admin: &Browser, query: &str) -> usize {
    let page = admin.get(&format!("/admin/audit?{query}")).await;
    assert_eq!(page.status, 200, "{query}");
    page.body.matches("<th scope=\"row\"").count()
}

async fn erase(admin: &Browser, id: i64) {
    done(admin, id, "deactivate", &[]).await;
    done(admin, id, "erase", &[]).await;
}

on_both_databases! {
    async fn nobody_is_given_a_name_that_passes_for_the_shell_or_the_portal(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        for name in [SHELL, "Command  Line", "COMMAND-LINE", "命令行", "ｃｏｍｍａｎｄ　ｌｉｎｅ", "provider", "Portal", "import-django", "erased-1"] {
            let answer = portal.browser().sign_in(&person(name), "/").await;
            assert_eq!(answer.status, 409, "{name}: {}", answer.body);
            assert!(answer.body.contains("is reserved on this portal"), "{name}: {}", answer.body);
            assert!(!answer.sets_session());
            let answer = send(&boss, "/admin/users/new", &[("username", name), ("first_name", ""), ("email", ""), ("reason", "")]).await;
            assert_eq!(answer.status, 422, "{name}: {}", answer.body);
            assert!(answer.body.contains("This username is reserved"), "{name}: {}", answer.body);
            let said = on_command_line(&portal, &["createsuperuser", name, "--password-stdin"]);
            assert!(said.contains("that username is reserved"), "{name}: {said}");
        }
        assert_eq!(portal.database.count("users"), 1);
        assert_eq!(portal.database.count("identities"), 1);
        let refused = "SELECT reason || '|' || actor AS value FROM audit_events WHERE event = 'sign_in_refused'";
        let refused = portal.database.texts(refused);
        assert_eq!(refused.len(), 9);
        assert!(refused.iter().all(|row| row == "name_reserved|"), "{refused:?}");
        assert_eq!(found(&boss, "by=command%20line").await, 0);
        let zh = portal.browser().get_with("/login?lang=zh", &[("accept-language", "zh")]).await;
        assert_eq!(zh.status, 200);

        // Nor does anybody get one by being renamed at the provider.
        let li = portal.signed_in(&person("li")).await;
        drop(li);
        let renamed = person("li").with("name", "Command Line");
        let li = portal.signed_in(&renamed).await;
        assert_eq!(li.get("/account").await.user().as_deref(), Some("li"));
        let kept = "SELECT details AS value FROM audit_events WHERE event = 'signed_in' ORDER BY id DESC LIMIT 1";
        assert!(portal.database.texts(kept)[0].contains("username reserved"), "{:?}", portal.database.texts(kept));
    }

    async fn a_person_with_a_reserved_name_goes_on_and_is_named_by_check(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        portal.signed_in(&person("kim")).await;
        portal.signed_in(&person("gone")).await;
        let gone = portal.db_id_of("gone");
        erase(&boss, gone).await;
        let said = on_command_line(&portal, &["check"]);
        assert!(said.contains("ok       names: no account has a reserved name"), "{said}");
        portal.db_set_field_of("kim", "username", SHELL);
        let kim = portal.signed_in(&person("kim").with("name", SHELL)).await;
        assert_eq!(kim.get("/account").await.user().as_deref(), Some(SHELL));
        let said = on_command_line(&portal, &["check"]);
        assert!(said.contains("warning  names: the account command line has a reserved name"), "{said}");
        assert!(!said.contains("account erased-"), "{said}");
    }

    async fn the_shell_is_shown_as_the_shell_and_a_person_of_that_name_as_a_person(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let false_shell = superuser(&portal, "kim").await;
        portal.signed_in(&person("li")).await;
        portal.db_set_field_of("kim", "username", SHELL);
        let (li, kim) = (portal.db_id_of("li"), portal.db_id_of(SHELL));
        done(&false_shell, li, "grant", &[("permission", "by.kim")]).await;
        let said = on_command_line(&portal, &["users", "grant", "li", "by.shell"]);
        assert!(said.contains("done"), "{said}");
        assert_eq!(portal.db_actors_of("permission_granted"), [
            format!("{SHELL}|203.0.113.9|id"),
            format!("{SHELL}||none"),
        ]);

        let badge = "<span class=\"badge plain\">command line</span>";
        let link = format!("<a href=\"/admin/users/{kim}\">command line</a>");
        let page = boss.get("/admin/audit?event=permission_granted").await.body;
        assert_eq!((page.matches(badge).count(), page.matches(&format!("\"c-mid\">{link}")).count()), (1, 1), "{page}");
        assert_eq!(found(&boss, "by=command%20line").await, 1, "the shell alone");
        assert_eq!(found(&boss, "by=command%20line&event=permission_granted").await, 1);
        let page = boss.get(&format!("/admin/users/{li}")).await.body;
        assert!(page.contains("Granted here by command line"), "{page}");
        assert!(page.contains(&format!("Granted here by {badge}")), "{page}");
        let (_, timeline) = page.split_once("id=\"timeline\"").expect("a timeline");
        assert_eq!(timeline.matches(badge).count(), 1, "{timeline}");

        let csv = send(&boss, "/admin/audit.csv?event=permission_granted", &[]).await.body;
        let mut lines = csv.lines();
        assert!(lines.next().expect("a head").ends_with(",details,actor_id"), "{csv}");
        let by_kim = lines.filter(|line| line.ends_with(&format!(",{kim}"))).count();
        assert_eq!((by_kim, csv.lines().count()), (1, 3), "{csv}");
        let log = portal.log();
        // Other tests write into the same one.
        let by_kim = |line: &str| line.contains("permission_granted") && line.contains(&format!("\"actor_id\":\"{kim}\""));
        assert!(log.lines().any(by_kim), "{log}");
        let show = on_command_line(&portal, &["users", "show", "li", "--json"]);
        assert!(show.contains(&format!("\"granted_by_id\":\"{kim}\"")) && show.contains("\"granted_by_id\":null"), "{show}");
    }

    async fn erasing_a_person_called_like_the_shell_leaves_the_shell_s_acts(database) {
        for is_of_before in [false, true] {
            let portal = start(if database.is_postgresql() {
                Database::postgresql().expect("there is a server")
            } else {
                Database::sqlite()
            }).await;
            let boss = superuser(&portal, "boss").await;
            let kim = superuser(&portal, "kim").await;
            portal.signed_in(&person("li")).await;
            portal.db_set_field_of("kim", "username", SHELL);
            let (li, kim_id) = (portal.db_id_of("li"), portal.db_id_of(SHELL));
            done(&kim, li, "grant", &[("permission", "by.kim")]).await;
            done(&kim, li, "role", &[("role", "staff")]).await;
            on_command_line(&portal, &["users", "grant", "li", "by.shell"]);
            on_command_line(&portal, &["users", "deactivate", "li"]);
            // About the account itself, too.
            on_command_line(&portal, &["users", "grant", SHELL, "shell.gave"]);
            if is_of_before {
                portal.db_forget_actor_ids();
            }
            erase(&boss, kim_id).await;
            let alias = format!("erased-{}", kim_id.unsigned_abs());
            let shell = format!("{SHELL}||none");
            let by_kim = portal.db_actors_of("role_changed");
            assert!(by_kim[0].starts_with(&format!("{alias}||")), "{by_kim:?}");
            assert_eq!(portal.db_actors_of("account_deactivated")[0], shell);
            let granted = portal.db_actors_of("permission_granted");
            assert!(granted[0].starts_with(&alias), "{granted:?}");
            assert_eq!(granted[1..], [shell.clone(), shell], "of before: {is_of_before}");
            let given = "SELECT name || ' ' || granted_by AS value FROM user_permissions ORDER BY name";
            let by_kim = if is_of_before { SHELL } else { &alias };
            assert_eq!(portal.database.texts(given), [format!("by.kim {by_kim}"), format!("by.shell {SHELL}")]);
            let changed = "SELECT changed_by AS value FROM user_field_changes WHERE field = 'is_active'";
            assert_eq!(portal.database.texts(changed)[..1], [SHELL.to_owned()]);
        }
    }

    async fn erasing_a_newcomer_with_a_reused_name_leaves_the_acts_of_its_earlier_owner(database) {
        for is_of_before in [false, true] {
            let portal = start(if database.is_postgresql() {
                Database::postgresql().expect("there is a server")
            } else {
                Database::sqlite()
            }).await;
            superuser(&portal, "head").await;
            let maple = superuser(&portal, "maple").await;
            portal.signed_in(&person("li")).await;
            let (li, maple_id) = (portal.db_id_of("li"), portal.db_id_of("maple"));
            done(&maple, li, "grant", &[("permission", "reports.read")]).await;
            done(&maple, li, "role", &[("role", "staff")]).await;
            if is_of_before {
                portal.db_forget_actor_ids();
            }
            portal.clock.advance(DAY);
            portal.signed_in(&person("maple").with("name", "acer")).await;
            assert_eq!(portal.db_id_of("acer"), maple_id);
            // Somebody who was here before gets the name later than they came; and somebody new.
            portal.signed_in(&person("plum")).await;
            for (subject, is_new) in [("id-of-newcomer", true), ("id-of-plum", false)] {
                portal.clock.advance(DAY);
                let newcomer = person("maple").with("id", subject);
                portal.signed_in(&newcomer).await;
                let newcomer = portal.db_id_of("maple");
                assert_ne!(newcomer, maple_id);
                let head = portal.signed_in(&person("head")).await;
                portal.db_prove("head");
                if !is_of_before {
                    let mine = found(&head, "by=maple").await;
                    assert_eq!(mine, if is_new { 1 } else { 2 }, "what the newcomer did, not what maple did");
                    assert_eq!(found(&head, "by=acer&event=role_changed").await, 1, "under the name of then");
                }
                erase(&head, newcomer).await;
                let of_maple = if is_of_before { "maple|203.0.113.9|none" } else { "maple|203.0.113.9|id" };
                assert_eq!(portal.db_actors_of("permission_granted"), [of_maple], "{subject} {is_of_before}");
                assert_eq!(portal.db_actors_of("role_changed"), [of_maple]);
                assert_eq!(portal.database.texts("SELECT granted_by AS value FROM user_permissions WHERE granted_by <> ''"), ["maple"]);
                let changed = format!("SELECT changed_by AS value FROM user_field_changes WHERE user_id = {li}");
                assert_eq!(portal.database.texts(&changed), ["maple"]);
            }
            // Who did it is erased by the id, whatever the name was then.
            if !is_of_before {
                let head = portal.signed_in(&person("head")).await;
                portal.db_prove("head");
                erase(&head, maple_id).await;
                let alias = format!("erased-{}", maple_id.unsigned_abs());
                assert_eq!(portal.db_actors_of("permission_granted"), [format!("{alias}||id")]);
                assert_eq!(portal.database.texts("SELECT granted_by AS value FROM user_permissions WHERE granted_by <> ''"), std::slice::from_ref(&alias));
                assert_eq!(found(&head, &format!("by={alias}&event=role_changed")).await, 1);
                assert!(!portal.database.dump().contains("maple\t"), "{}", portal.database.dump());
            }
        }
    }

    async fn an_alias_that_is_taken_is_not_given_twice(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        portal.signed_in(&person("li")).await;
        portal.signed_in(&person("wang")).await;
        let li = portal.db_id_of("li");
        portal.db_set_field_of("wang", "username", &format!("erased-{}", li.unsigned_abs()));
        erase(&boss, li).await;
        assert_eq!(portal.db_id_of(&format!("erased-{}-2", li.unsigned_abs())), li);
    }
}
