//! Which field is read from which document.

use serde_json::{Value, json};

use super::{GROUPS, alone, li, sign_in};
use crate::support::lying_openid::{Call, Document};
use crate::support::{Database, Db, OpenId, Reply, on_both_databases, run};

#[test]
fn the_first_document_that_has_a_field_gives_it_unless_one_is_named() {
    run(async {
        let other = json!("other@corp.example");
        for (more, id_token, userinfo, email) in [
            ("", json!("id@x.example"), other.clone(), "id@x.example"),
            ("", Value::Null, other.clone(), "other@corp.example"),
            (
                "mapping.email = \"userinfo:/email\"\n",
                json!("id@x.example"),
                other.clone(),
                "other@corp.example",
            ),
            (
                "mapping.email = \"id_token:/email\"\n",
                Value::Null,
                other.clone(),
                "",
            ),
            (
                "mapping.email = \"/contact/mail\"\n",
                json!("id@x.example"),
                other.clone(),
                "nested@x.example",
            ),
            (
                "ask_userinfo = false\n",
                json!("id@x.example"),
                other,
                "id@x.example",
            ),
        ] {
            let (provider, portal) = alone(Database::sqlite(), more).await;
            let what = format!("{more}{id_token}");
            provider.tamper(Document::IdToken, move |claims| {
                claims["email"] = id_token.clone();
                claims["preferred_username"] = json!("li");
            });
            let subject = li()
                .with("email", userinfo)
                .with("contact", json!({"mail": "nested@x.example"}));
            sign_in(&portal, &provider, "a", &subject).await;
            let stored = portal.db_column("users", "email");
            assert_eq!(stored, [email], "{what}");
            let asked = usize::from(!more.contains("ask_userinfo"));
            assert_eq!(provider.seen(Call::Userinfo).len(), asked, "{what}");
        }
    });
}

#[test]
fn groups_and_nested_roles_are_joined_renamed_marked_and_dropped() {
    run(async {
        const LISTS: &str = "mapping.permissions = [\"/groups\", \"/realm_access/roles\"]\n";
        const TABLE: &str =
            "permission_names = { desk-admins = \"frontdesk.admin\", noise = \"\" }\n";
        let usual =
            json!({"groups": ["desk-admins", "noise", "b"], "realm_access": {"roles": ["a", "b"]}});
        let objects = json!({"groups": [{"id": {"key": "x"}, "name": "Do x"}]});
        for (more, claims, expected) in [
            (
                LISTS.to_owned(),
                usual.clone(),
                vec!["a", "b", "desk-admins", "noise"],
            ),
            (
                format!("{LISTS}{TABLE}permission_prefix = \"kc.\"\n"),
                usual.clone(),
                vec!["frontdesk.admin", "kc.a", "kc.b"],
            ),
            (
                format!("{LISTS}{TABLE}only_named_permissions = true\n"),
                usual,
                vec!["frontdesk.admin"],
            ),
            (
                LISTS.to_owned(),
                json!({"realm_access": {"roles": ["a"]}}),
                vec!["a"],
            ),
            (LISTS.to_owned(), json!({}), vec![]),
            (
                format!("{GROUPS}mapping.permission_name = \"/id/key\"\n"),
                objects,
                vec!["x"],
            ),
        ] {
            let (provider, portal) = alone(Database::sqlite(), &more).await;
            let mut subject = li();
            for (claim, value) in claims.as_object().expect("claims") {
                subject = subject.with(claim, value.clone());
            }
            sign_in(&portal, &provider, "a", &subject).await;
            let stored = portal.db_column("user_permissions", "name");
            assert_eq!(stored, expected, "{more}{claims}");
        }
    });
}

/// Of a page, where permissions could not be read.
const STALE: &str = "notice warn";

on_both_databases! {
    async fn permissions_that_cannot_be_read_stay_as_they_were_and_the_page_says_so(database) {
        let (provider, portal) = alone(database, GROUPS).await;
        sign_in(&portal, &provider, "a", &li().with("groups", json!(["x", "y"]))).await;
        let mut overage = li().with("_claim_names", json!({"groups": "src1"}));
        overage = overage.with("_claim_sources", json!({"src1": {"endpoint": "https://graph.example/x"}}));
        for subject in [
            overage,
            li().with("groups", 1),
            li().with("groups", json!({"x": 1})),
            li().with("groups", json!(["x", 7.5])),
            li().with("groups", json!(vec!["p"; 2001])),
        ] {
            let browser = sign_in(&portal, &provider, "a", &subject).await;
            assert_eq!(portal.db_permissions(), ["a:x", "a:y"], "{}", subject.claims);
            assert!(portal.db_last_details()["permissions_kept"].is_string(), "{}", subject.claims);
            assert!(browser.get("/account").await.body.contains(STALE), "{}", subject.claims);
        }
        let browser = sign_in(&portal, &provider, "a", &li().with("groups", json!([]))).await;
        assert_eq!(portal.db_permissions(), Vec::<String>::new(), "an empty list does mean none");
        assert!(!browser.get("/account").await.body.contains(STALE));
    }

    async fn a_permissions_address_that_fails_keeps_the_old_set(database) {
        let provider = OpenId::start().await;
        // The one thing that is asked of this address here is the list.
        let toml = format!(
            "{}ask_userinfo = false\npermissions_url = \"{}/userinfo\"\nmapping.permissions = [\"permissions:/groups\"]\n",
            provider.toml("a"), provider.url
        );
        let portal = provider.portal_of(database, &toml).run().await;
        provider.patch(Document::IdToken, json!({"preferred_username": "li"}));
        let subject = li().with("groups", json!(["x", "y"]));
        sign_in(&portal, &provider, "a", &subject).await;
        assert_eq!(portal.db_permissions(), ["a:x", "a:y"]);
        for reply in [
            Reply::Answer(500, "text/html", Vec::new()),
            Reply::json(403, &json!({})),
            Reply::json(200, &json!({})),
            Reply::json(200, &json!({"groups": {}})),
            Reply::Reset,
        ] {
            let what = format!("{reply:?}");
            provider.on_call(Call::Userinfo, reply);
            let browser = sign_in(&portal, &provider, "a", &subject).await;
            assert_eq!(portal.db_permissions(), ["a:x", "a:y"], "{what}");
            assert!(portal.db_last_details()["permissions_kept"].is_string(), "{what}");
            assert!(browser.get("/account").await.body.contains(STALE), "{what}");
        }
    }
}
