//! Who is who at several providers, and who is admitted.

use serde_json::{Value, json};

use super::{GROUPS, admissible, alone, at, last, pair, sign_in, trail, user};
use crate::support::lying_openid::Subject;
use crate::support::{Database, Db, assert_refused, on_both_databases, run};

on_both_databases! {
    async fn an_address_that_two_providers_vouch_for_links_nobody(database) {
        let (one, two, portal) = pair(database).await;
        let boss = |name: &str, verified: Value| {
            Subject::named(name).with("email", "boss@corp.example").with("email_verified", verified)
        };
        sign_in(&portal, &one, "a", &boss("boss", json!(true)).with("groups", json!(["admins"]))).await;
        portal.db_make_superuser("boss");
        for (name, verified) in [("one", json!(true)), ("two", json!("true")), ("three", json!(false))] {
            let browser = sign_in(&portal, &two, "b", &boss(name, verified)).await;
            assert_eq!(user(&browser).await.as_deref(), Some(name));
            assert_eq!(browser.get("/admin/users").await.status, 403, "{name}");
        }
        // Nor is the same subject at another provider the same person.
        let same = Subject::named("four").with("sub", "sub-of-boss");
        let browser = sign_in(&portal, &two, "b", &same).await;
        assert_eq!(user(&browser).await.as_deref(), Some("four"));
        assert_eq!((portal.database.count("users"), portal.database.count("identities")), (5, 5));
        assert_eq!(portal.db_permissions(), ["a:admins"]);
    }

    async fn a_name_that_a_person_of_another_provider_has_is_refused_with_a_page(database) {
        let (one, two, portal) = pair(database).await;
        sign_in(&portal, &one, "a", &Subject::named("boss")).await;
        portal.db_make_superuser("boss");
        let before = portal.db_identities();
        let browser = portal.browser();
        let mallory = Subject::named("boss").with("groups", json!(["admins"]));
        let answer = two.sign_in_from(&browser, &at("b"), &mallory).await;
        assert_eq!(answer.status, 409);
        assert!(answer.body.contains("boss") && answer.body.contains("already belongs"), "{}", answer.body);
        assert!(answer.body.contains("provider=b\""), "to try again there: {}", answer.body);
        assert!(!answer.sets_session());
        assert_eq!(browser.get("/admin/users").await.status, 303);
        assert_eq!(last(&portal), "sign_in_refused name_taken boss b");
        assert_eq!(portal.db_identities(), before);
        assert_eq!(portal.db_permissions(), Vec::<String>::new());
        assert_eq!(portal.database.count("users"), 1);
    }

    async fn a_renamed_person_keeps_the_account_and_a_recycled_name_is_a_new_one(database) {
        let (provider, portal) = alone(database, GROUPS).await;
        let old = |name: &str| Subject::named(name).with("sub", "1").with("groups", json!(["payroll"]));
        let new = Subject::named("li").with("sub", "2");
        // The first li.
        sign_in(&portal, &provider, "a", &old("li")).await;
        let id = portal.db_id_of("li");
        // Somebody new has that name there before the first one came back here.
        let answer = provider.sign_in(&portal.browser(), &new).await;
        assert_eq!(answer.status, 409);
        assert_eq!(last(&portal), "sign_in_refused name_taken li a");
        // The first one was renamed.
        let first = sign_in(&portal, &provider, "a", &old("li.si")).await;
        assert_eq!(portal.db_id_of("li.si"), id);
        let details = portal.db_last_details();
        let changes = details["changes"].as_array().expect("changes");
        assert!(changes.contains(&json!({"field": "username", "from": "li", "to": "li.si"})), "{changes:?}");
        // Now the name is free, and nothing of the first one's comes with it.
        let second = sign_in(&portal, &provider, "a", &new).await;
        assert_ne!(portal.db_id_of("li"), id);
        assert_eq!(portal.db_last_details()["account_created"], true);
        assert!(!second.get("/account").await.body.contains("payroll"));
        // And the first one does not get it back.
        let back = sign_in(&portal, &provider, "a", &old("li")).await;
        assert_eq!(portal.db_last_details()["kept"], json!(["username taken"]));
        for (browser, name) in [(&first, "li.si"), (&back, "li.si"), (&second, "li")] {
            assert_eq!(user(browser).await.as_deref(), Some(name));
        }
        assert_eq!(portal.db_identities(), ["a 1 li.si", "a 2 li"]);
        assert_eq!(trail(&portal), [
            "signed_in li a",
            "sign_in_refused name_taken li a",
            "signed_in li.si a",
            "signed_in li a",
            "signed_in li.si a",
        ]);
    }
}

/// All rules at once; `tenant` is a claim of the provider's own.
pub(super) const ADMISSION: &str = "\
    admit_email_domains = [\"Corp.example\"]\n\
    admit_permissions = [\"desk.use\", \"desk.admin\"]\n\
    admit_values = { \"/tenant\" = [\"t1\", \"7\"] }\n\
    permission_names = { users = \"desk.use\" }\n\
    mapping.permissions = [\"/groups\"]\n";

/// A claim, a value of it that keeps people out, by which rule, and what the page says.
fn inadmissible() -> Vec<(&'static str, Value, &'static str, [&'static str; 2])> {
    let domain = [
        "Only company email addresses can sign in",
        "只有公司邮箱可以登录",
    ];
    let verified = [
        "has not verified your email address",
        "你的邮箱尚未在公司登录服务中验证",
    ];
    let permission = [
        "the permission needed to sign in here",
        "你没有登录本门户所需的权限",
    ];
    let value = [
        "does not belong to this company",
        "你所用的账号不属于本公司",
    ];
    let mut all = Vec::new();
    for email in [
        json!("li@other.example"),
        json!("li@corp.example.evil.example"),
        json!("li@evil-corp.example"),
        json!("li@evil.example@corp.example"),
        json!("\"li@corp.example\"@evil.example"),
        json!("li@sub.corp.example"),
        json!(""),
        json!(null),
    ] {
        all.push(("email", email, "email_domain", domain));
    }
    for is_verified in [json!(false), json!("true"), json!(1), json!(null)] {
        all.push((
            "email_verified",
            is_verified,
            "email_not_verified",
            verified,
        ));
    }
    for groups in [
        json!(null),
        json!([]),
        json!(["desk"]),
        json!("desk"),
        json!({"users": true}),
    ] {
        all.push(("groups", groups, "permission", permission));
    }
    for tenant in [json!("t2"), json!(null), json!(["t1"]), json!("T1")] {
        all.push(("tenant", tenant, "value", value));
    }
    all
}

on_both_databases! {
    async fn a_person_who_is_not_admitted_gets_a_page_an_event_and_no_account(database) {
        let (provider, portal) = alone(database, ADMISSION).await;
        for (claim, value, rule, words) in inadmissible() {
            let what = format!("{claim} {value}");
            let subject = admissible().with(claim, value);
            for (language, words) in ["en", "zh-CN,zh;q=0.9"].iter().zip(words) {
                let mut browser = portal.browser();
                browser.language = (*language).to_owned();
                let answer = provider.sign_in(&browser, &subject).await;
                assert_refused(&portal, &answer, 403, &what);
                assert!(answer.body.contains(words), "{what}: {}", answer.body);
                assert_eq!(last(&portal), "sign_in_refused not_admitted a", "{what}");
                assert_eq!(portal.db_last_details()["failure"], rule, "{what}");
            }
        }
        // Whoever has all of it comes in; letters of a domain are all the same.
        for (claim, value) in [("email", json!("li@CORP.example")), ("tenant", json!(7)), ("groups", json!(["x", "users"]))] {
            sign_in(&portal, &provider, "a", &admissible().with(claim, value)).await;
        }
        assert_eq!(portal.database.count("users"), 1);
    }

    async fn a_known_person_who_is_no_longer_admitted_is_kept_out_and_not_changed(database) {
        let (provider, portal) = alone(database, ADMISSION).await;
        let browser = sign_in(&portal, &provider, "a", &admissible()).await;
        let before = (portal.db_names(), portal.db_permissions(), portal.db_live_sessions());
        for (claim, value, rule, _) in inadmissible() {
            // A list that cannot be read takes nothing away: what was held before counts.
            if value.is_object() {
                continue;
            }
            let what = format!("{claim} {value}");
            let subject = admissible().with("name", "Another name").with(claim, value);
            let answer = provider.sign_in(&portal.browser(), &subject).await;
            assert_eq!(answer.status, 403, "{what}");
            assert!(!answer.sets_session(), "{what}");
            assert_eq!(last(&portal), "sign_in_refused not_admitted li a", "{what}");
            assert_eq!(portal.db_last_details()["failure"], rule, "{what}");
            let after = (portal.db_names(), portal.db_permissions(), portal.db_live_sessions());
            assert_eq!(after, before, "{what}");
        }
        assert_eq!(user(&browser).await.as_deref(), Some("li"));
        sign_in(&portal, &provider, "a", &admissible().with("groups", json!({"users": true}))).await;
        assert!(portal.db_last_details()["permissions_kept"].is_string());
    }
}
