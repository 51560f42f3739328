//! What a sign-in asks of the provider, and what must be proven then.

use serde_json::json;

use super::{judges, li};
use crate::support::provider::query;
use crate::support::{Database, Db, OpenId, run};

#[test]
fn what_the_sign_in_asked_for_must_be_proven() {
    run(async {
        let provider = OpenId::start().await;
        let toml = provider.toml("a") + "max_age = 60\nacr_values = \"gold platinum\"\n";
        let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
        let asked = query(&portal.browser().begin("/").await);
        assert_eq!(
            (asked["max_age"].as_str(), asked["acr_values"].as_str()),
            ("60", "gold platinum")
        );
        let now = provider.now();
        judges(
            &provider,
            &portal,
            &[
                (json!({"acr": "gold"}), true),
                (json!({"acr": "platinum"}), true),
                (json!({"acr": null}), false),
                (json!({"acr": "silver"}), false),
                (json!({"acr": "gold platinum"}), false),
                (json!({"acr": ["gold"]}), false),
                (json!({"acr": "gold", "auth_time": null}), false),
                (json!({"acr": "gold", "auth_time": now - 600}), false),
                (json!({"acr": "gold", "auth_time": now.to_string()}), false),
            ],
        )
        .await;
    });
}

#[test]
fn a_silent_sign_in_that_fails_is_tried_again_with_a_prompt_once() {
    run(async {
        let provider = OpenId::start().await;
        let toml = provider.toml("a") + "prompt = \"none\"\n";
        let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
        let browser = portal.browser();
        let silent = browser.begin("/account").await;
        assert_eq!(query(&silent)["prompt"], "none");
        let aloud = browser
            .get(&provider.refuse(&silent, "login_required"))
            .await;
        assert_eq!(aloud.status, 303, "{}", aloud.body);
        assert!(
            query(aloud.location())
                .get("prompt")
                .is_none_or(|prompt| prompt != "none")
        );
        let callback = provider.refuse(aloud.location(), "login_required");
        assert_ne!(browser.get(&callback).await.status, 303, "no loop");
    });
}

#[test]
fn a_silent_test_sign_in_that_fails_is_tried_again_with_a_prompt_for_a_signed_in_person_too() {
    run(async {
        let provider = OpenId::start().await;
        let toml = provider.toml("a") + "prompt = \"none\"\n";
        let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
        let browser = provider.signed_in(&portal, &li()).await;
        portal.db_make_superuser("li");
        let silent = browser.get("/oauth2/login?rehearse=1&provider=a").await;
        let refused = provider.refuse(silent.location(), "login_required");
        let aloud = browser.get(&refused).await;
        assert!(
            aloud.location().starts_with(&provider.issuer),
            "{}",
            aloud.location()
        );
        let page = browser
            .get(&provider.approve(aloud.location(), &li()))
            .await;
        assert!(
            page.body.contains("The sign-in would open the account li"),
            "{}",
            page.body
        );
    });
}

#[test]
fn the_operator_s_own_prompt_replaces_ours_and_consent_stays() {
    run(async {
        let provider = OpenId::start().await;
        let of = async |more: &str, from: &str| {
            let toml = provider.toml("a") + more;
            let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
            let begun = portal.browser().get(from).await;
            let url = url::Url::parse(begun.location()).expect("an address");
            let prompts = url.query_pairs().filter(|(name, _)| name == "prompt");
            prompts
                .map(|(_, value)| value.into_owned())
                .collect::<Vec<_>>()
        };
        let (plain, fresh) = ("/oauth2/login", "/oauth2/login?prompt=login");
        let consent = "prompt = \"consent\"\n";
        assert_eq!(of(consent, plain).await, ["consent"]);
        assert_eq!(of(consent, fresh).await, ["login consent"]);
        let extra = "dialect.authorize_extra = { prompt = \"select_account\" }\n";
        assert_eq!(of(extra, plain).await, ["select_account"]);
        assert_eq!(of(extra, fresh).await, ["select_account"]);
    });
}
