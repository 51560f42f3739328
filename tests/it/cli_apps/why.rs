//! `frontdesk why`.

use serde_json::{Value, json};

use super::Desk;
use crate::support::{Database, Db, on_both_databases, run};

const APPS: &str = r#"
[[app]]
key = "all"
name_en = "All"
url = "https://all.example.com/"
rule = { audience = "everyone", but_not = ["contractor"] }

[[app]]
key = "crm"
name_en = "CRM"
url = "https://crm.example.com/"
hidden = true
rule = { audience = "any_of", any_of = ["crm.use", "crm.admin"] }

[[app]]
key = "hr"
name_en = "HR"
url = "https://hr.example.com/"
"#;

on_both_databases! {
    /// A2
    async fn why_says_by_what_an_app_opens_or_the_first_reason_why_not(database) {
        let desk = Desk::on(database).await;
        desk.imported(APPS, &[]);
        desk.db_hold(1, "crm.use");
        desk.db_hold(2, "contractor");
        desk.db_grant(1, "hr", 1, "NULL");
        desk.db_grant(2, "hr", 2, "9000000000000000");
        desk.db_grant(3, "hr", 3, "5");
        let closed = |user: &str, app: &str, why_not: &str, permission: Value| {
            json!({ "user": user, "app": app, "open": false, "by": null, "permission": permission, "until": null, "why_not": why_not, "hidden": app == "crm" })
        };
        let open = |user: &str, app: &str, by: &str, permission: Value, until: Value| {
            json!({ "user": user, "app": app, "open": true, "by": by, "permission": permission, "until": until, "why_not": null, "hidden": app == "crm" })
        };
        for (words, members) in [
            ("open: everyone who is signed in may open all", open("li", "all", "everyone", Value::Null, Value::Null)),
            ("open, hidden: li may open crm by the permission crm.use", open("li", "crm", "permission", json!("crm.use"), Value::Null)),
            ("open: li may open hr by a grant without an end", open("li", "hr", "grant", Value::Null, Value::Null)),
            ("open: wang may open hr by a grant until 2255-03-14T16:00:00+00:00", open("wang", "hr", "grant", Value::Null, json!("2255-03-14T16:00:00+00:00"))),
            ("closed: wang holds the permission contractor, which keeps all closed whatever else a person holds", closed("wang", "all", "but_not", json!("contractor"))),
            ("closed: wang holds none of the permissions that open crm (crm.admin, crm.use) and has no grant", closed("wang", "crm", "no_permission", Value::Null)),
            ("closed: the rule of hr opens it to nobody, and zhao has no grant", closed("zhao", "hr", "nobody", Value::Null)),
        ] {
            let (user, app) = (members["user"].as_str().expect("a user"), members["app"].as_str().expect("an app"));
            let status = i32::from(members["open"] == false);
            let said = desk.run(&["why", user, app]);
            assert_eq!((said.status, said.out), (status, format!("{words}\n")), "{}", said.err);
            let said = desk.run(&["why", user, app, "--json"]);
            assert_eq!(said.status, status);
            assert_eq!(serde_json::from_str::<Value>(&said.out).expect("JSON"), members);
        }
        desk.database.db_add_identity("zhao", "company", "zhao");
        let unread = desk.run(&["why", "zhao", "all"]);
        assert_eq!(unread.status, 1, "{unread:?}");
        assert!(unread.out.starts_with("closed: contractor would keep all closed, and it is not known whether zhao holds that: "), "{}", unread.out);
        let unread = desk.run(&["why", "zhao", "all", "--json"]).out;
        assert_eq!(serde_json::from_str::<Value>(&unread).expect("JSON"), closed("zhao", "all", "unread", Value::Null));
        desk.database.db_deactivate("li");
        let gone = desk.run(&["why", "li", "all"]);
        assert_eq!((gone.status, gone.out.as_str()), (1, "closed: the account of li is deactivated\n"));
    }
}

#[test]
fn an_unknown_user_an_unknown_app_and_an_address_are_told_from_a_closed_app() {
    run(async {
        let desk = Desk::on(Database::sqlite()).await;
        desk.imported(APPS, &[]);
        for (user, app, why) in [
            (
                "nobody",
                "all",
                "nobody: there is no account with that name",
            ),
            ("li", "mail", "mail: there is no app with that key"),
            (
                "li",
                "https://all.example.com/",
                "cannot be asked about yet",
            ),
        ] {
            for flag in [&[][..], &["--json"]] {
                let mut arguments = vec!["why", user, app];
                arguments.extend(flag);
                let said = desk.run(&arguments);
                assert_eq!((said.status, said.out.as_str()), (2, ""));
                assert!(said.err.contains(why), "{why} in {}", said.err);
            }
        }
        // A failure is neither "open" nor "closed".
        let mut broken = desk;
        broken.settings.remove("OAUTH2_CLIENT_ID");
        assert_eq!(broken.run(&["why", "li", "all"]).status, 3);
    });
}
