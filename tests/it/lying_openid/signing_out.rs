//! Signing out, there and here.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{at, li, two_with_portal};
use crate::support::lying_openid::{
    Call, Document, Key, LOGOUT_EVENT, Subject, back_channel, part,
};
use crate::support::{Browser, Database, Db, OpenId, Portal, Reply, on_both_databases, run, until};

#[test]
fn a_bad_logout_token_ends_nothing_and_says_nothing() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let browser = provider.signed_in(&portal, &li().with("sid", "s")).await;
        let usual = json!({"sub": "sub-of-li", "sid": "s"});
        let now = provider.now();
        let set = |claim: &str, value: Value| {
            let mut claims = provider.logout_claims(&usual);
            claims[claim] = value;
            claims
        };
        let without = |claim: &str| {
            let mut claims = provider.logout_claims(&usual);
            claims.as_object_mut().expect("claims").remove(claim);
            claims
        };
        let mut nobody = without("sub");
        nobody.as_object_mut().expect("claims").remove("sid");
        let key = provider.key();
        let kind = json!({"typ": "logout+jwt"});
        let mut bad: Vec<(&str, String)> = [
            ("another issuer", set("iss", json!("https://evil.test"))),
            ("no issuer", without("iss")),
            ("another client", set("aud", json!("another"))),
            ("no audience", without("aud")),
            (
                "a stranger too",
                set("aud", json!(["frontdesk", "stranger"])),
            ),
            ("no events", without("events")),
            ("events of a list", set("events", json!([LOGOUT_EVENT]))),
            (
                "another event",
                set("events", json!({"http://wrong.test/event": {}})),
            ),
            (
                "event is no object",
                set("events", json!({LOGOUT_EVENT: "yes"})),
            ),
            ("a nonce", set("nonce", json!("n"))),
            ("an empty nonce", set("nonce", json!(null))),
            ("nobody", nobody),
            ("sub is a number", set("sub", json!(7))),
            ("sid is empty", set("sid", json!(""))),
            ("no iat", without("iat")),
            ("iat to come", set("iat", json!(now + 600))),
            ("no jti", without("jti")),
            ("jti is a number", set("jti", json!(7))),
            ("no exp", without("exp")),
            ("exp is a text", set("exp", json!((now + 60).to_string()))),
            ("over", set("exp", json!(now - 600))),
        ]
        .into_iter()
        .map(|(what, claims)| (what, key.jwt(&kind, &claims)))
        .collect();
        let good = provider.logout_token(&usual);
        let claims = provider.logout_claims(&usual);
        let (message, signature) = good.rsplit_once('.').expect("a signature");
        let shared = Key::secret("rsa", portal.client_secret.as_bytes());
        for (what, token) in [
            (
                "none",
                format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims)),
            ),
            ("another kind", key.jwt(&json!({"typ": "at+jwt"}), &claims)),
            ("another key", Key::other_rsa().jwt(&kind, &claims)),
            (
                "its name on another key",
                Key::other_rsa().with_id("rsa").jwt(&kind, &claims),
            ),
            ("a shared secret", shared.jwt(&kind, &claims)),
            ("no signature", format!("{message}.")),
            ("two segments", message.to_owned()),
            (
                "reversed",
                format!("{message}.{}", signature.chars().rev().collect::<String>()),
            ),
            ("empty", String::new()),
            ("garbage", "garbage".to_owned()),
            ("huge", format!("{good}{}", "A".repeat(100_000))),
        ] {
            bad.push((what, token));
        }
        for (what, token) in &bad {
            let answer = back_channel(&portal, "company", token).await;
            assert_eq!(answer.status, 400, "{what}");
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
            assert!(
                answer.body.len() < 100,
                "{what}: no detail: {}",
                answer.body
            );
        }
        // No form at all, a form of a megabyte, the token twice, another method, nobody's address.
        let anyone = portal.browser();
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let post = async |path: &str, body: String| {
            let answer = anyone.send(Method::POST, path, &form, Some(body)).await;
            answer.status.as_u16()
        };
        let path = "/oidc/backchannel-logout/company";
        assert_eq!(post(path, String::new()).await, 400);
        assert!(
            [400, 413].contains(&post(path, format!("logout_token={}", "A".repeat(1 << 20))).await)
        );
        assert_eq!(
            post(path, format!("logout_token={good}&logout_token={good}")).await,
            400
        );
        assert!(
            [400, 404].contains(
                &post(
                    "/oidc/backchannel-logout/nobody",
                    format!("logout_token={good}")
                )
                .await
            )
        );
        let got = anyone.get(&format!("{path}?logout_token={good}")).await;
        assert!([400, 404, 405].contains(&got.status.as_u16()));
        assert_eq!(
            browser.get("/account").await.status,
            200,
            "nothing was ended"
        );
        assert_eq!(portal.db_live_sessions(), 1);

        // The good one counts, once.
        assert_eq!(back_channel(&portal, "company", &good).await.status, 200);
        assert_eq!(browser.get("/account").await.status, 303);
        let again = provider.signed_in(&portal, &li().with("sid", "s2")).await;
        assert_eq!(
            back_channel(&portal, "company", &good).await.status,
            400,
            "a replay"
        );
        assert_eq!(again.get("/account").await.status, 200);
        assert!(!portal.log().contains(&good));
    });
}

on_both_databases! {
    async fn a_logout_token_ends_what_it_names_on_every_instance_and_nothing_else(database) {
        let ([one, two], portal) = two_with_portal(database.clone()).await;
        let toml = format!("{}\n{}", one.toml("a"), two.toml("b"));
        let other = Portal::on(database).beside(&portal).providers(&toml).run().await;
        let sign_in = async |provider: &OpenId, id: &str, name: &str, sub: &str, sid: &str| {
            let subject = Subject::named(name).with("sub", sub).with("sid", sid);
            let browser = portal.browser();
            assert!(provider.sign_in_from(&browser, &at(id), &subject).await.sets_session());
            browser
        };
        let first = sign_in(&one, "a", "li", "sub-1", "s1").await;
        let second = sign_in(&one, "a", "li", "sub-1", "s2").await;
        let third = sign_in(&one, "a", "li", "sub-1", "s3").await;
        let wang = sign_in(&one, "a", "wang", "sub-2", "s4").await;
        // The same names at another provider mean others.
        let elsewhere = sign_in(&two, "b", "li-b", "sub-1", "s1").await;
        let everybody = [&first, &second, &third, &wang, &elsewhere];
        let live = async || {
            let mut live = Vec::new();
            for browser in everybody {
                let here = browser.get("/account").await.status == 200;
                let there = browser.at(&other).get("/account").await.status == 200;
                assert_eq!(here, there, "the same on both instances at once");
                live.push(here);
            }
            live
        };
        assert_eq!(live().await, [true; 5]);
        for (at, by, expected) in [
            (&portal, json!({"sid": "unknown"}), [true, true, true, true, true]),
            (&other, json!({"sub": "unknown"}), [true, true, true, true, true]),
            (&portal, json!({"sid": "s1"}), [false, true, true, true, true]),
            (&other, json!({"sid": "s2", "sub": "sub-1"}), [false, false, true, true, true]),
            (&other, json!({"sub": "sub-1"}), [false, false, false, true, true]),
        ] {
            let answer = back_channel(at, "a", &one.logout_token(&by)).await;
            assert_eq!(answer.status, 200, "{by}");
            assert_eq!(live().await, expected, "{by}");
        }
        // At the other provider's address the token of this one counts for nothing.
        let token = one.logout_token(&json!({"sub": "sub-1"}));
        assert_eq!(back_channel(&portal, "b", &token).await.status, 400);
        assert_eq!(elsewhere.get("/account").await.status, 200);
        // Whoever signs in after that stays; a token counts once for all instances.
        let token = one.logout_token(&json!({"sub": "sub-2"}));
        assert_eq!(back_channel(&portal, "a", &token).await.status, 200);
        // Tokens tell seconds: what is issued in the same one may have been issued before.
        portal.clock.advance(Duration::from_secs(2));
        let back = sign_in(&one, "a", "wang", "sub-2", "s5").await;
        assert_eq!(back_channel(&other, "a", &token).await.status, 400);
        assert_eq!(back.get("/account").await.status, 200);
    }
}

async fn sign_out(browser: &Browser) {
    let page = browser.get("/account").await;
    let answer = browser.post("/logout", &page, &[]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.location()),
        (303, "/signed-out")
    );
    assert_eq!(browser.get("/account").await.status, 303);
}

#[test]
fn signing_out_here_does_not_wait_for_the_provider() {
    run(async {
        for reply in [
            None,
            Some(Reply::Silence),
            Some(Reply::Reset),
            Some(Reply::Answer(503, "text/html", Vec::new())),
        ] {
            let provider = OpenId::start().await;
            let start = provider.portal(Database::sqlite());
            let portal = start.with("OAUTH2_RECHECK", "5m").run().await;
            let browser = provider.signed_in(&portal, &li()).await;
            if let Some(reply) = reply {
                provider.on_call(Call::Revocation, reply);
            }
            let started = Instant::now();
            sign_out(&browser).await;
            assert!(started.elapsed() < Duration::from_secs(2));
            until("the token is given back", async || {
                !provider.seen(Call::Revocation).is_empty()
            })
            .await;
            let seen = &provider.seen(Call::Revocation)[0];
            assert!(seen.form().contains_key("token") && !seen.target.contains('?'));
        }
    });
}

#[test]
fn whatever_comes_back_from_the_provider_is_the_signed_out_page() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let browser = provider.signed_in(&portal, &li()).await;
        sign_out(&browser).await;
        for query in [
            "",
            "?state=wrong",
            "?state=a&state=b",
            "?error=server_error&error_description=%3Cscript%3E",
            "?post_logout_redirect_uri=https%3A%2F%2Fevil.test",
        ] {
            let page = browser.get(&format!("/signed-out{query}")).await;
            assert_eq!(page.status, 200, "{query}");
            assert!(page.body.contains("You have signed out"), "{query}");
            assert!(!page.body.contains("evil.test") && !page.body.contains("server_error"));
        }
        // Where the provider has no such address there is no way to it.
        let provider = OpenId::start().await;
        provider.patch(Document::Discovery, json!({"end_session_endpoint": null}));
        let portal = provider.portal(Database::sqlite()).run().await;
        let browser = provider.signed_in(&portal, &li()).await;
        sign_out(&browser).await;
        let page = browser.get("/signed-out").await;
        assert!(!page.body.contains("/signed-out/provider"));
        let answer = browser.get("/signed-out/provider").await;
        assert!(
            !answer.location().starts_with("http"),
            "{}",
            answer.location()
        );
        // Nor for somebody who has not signed out.
        let answer = portal.browser().get("/signed-out/provider").await;
        assert!(!answer.location().contains("id_token_hint"));
    });
}
