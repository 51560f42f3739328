//! The claims of ID tokens and of userinfo.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{accepts, judges, li, refuses};
use crate::support::lying_openid::{Call, Document, Key, LOGOUT_EVENT, back_channel, part, patch};
use crate::support::provider::query;
use crate::support::{Database, Db, OpenId, Portal, assert_refused, run};

/// The same with one claim set to these values, `null` among them.
async fn refuses_values(
    provider: &OpenId,
    portal: &Portal,
    claim: &'static str,
    values: Vec<Value>,
) {
    for value in values {
        let what = format!("{claim} {value}");
        provider.tamper(Document::IdToken, move |claims| {
            claims[claim] = value.clone();
        });
        refuses(provider, portal, &what).await;
    }
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let url = &provider.issuer;
        let values = vec![
            json!("https://evil.test"),
            json!(format!("{url}/")),
            json!(url.to_uppercase()),
            json!(url.replace("http:", "https:")),
            json!(url.replace("127.0.0.1", "localhost")),
            json!(url.replace('1', "\u{ff11}")),
            json!(format!("{url} ")),
            json!(format!("{url}\u{0}")),
            json!([url]),
            json!({"iss": url}),
            json!(""),
            json!(7),
            json!(null),
        ];
        refuses_values(&provider, &portal, "iss", values).await;
        judges(
            &provider,
            &portal,
            &[(json!({"iss": null}), false), (json!({}), true)],
        )
        .await;
    });
}

#[test]
fn the_token_is_for_this_client_and_for_nobody_whom_it_does_not_trust() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        judges(
            &provider,
            &portal,
            &[
                (json!({"aud": null}), false),
                (json!({"aud": "another"}), false),
                (json!({"aud": "Frontdesk"}), false),
                (json!({"aud": ["frontdesk"]}), true),
                (json!({"aud": ["frontdesk", "stranger"]}), false),
                (json!({"aud": ["stranger"]}), false),
                (json!({"aud": []}), false),
                (json!({"aud": ["frontdesk", 7]}), false),
                (json!({"aud": [["frontdesk"]]}), false),
                (json!({"aud": {"frontdesk": true}}), false),
                (json!({"aud": 7}), false),
                (json!({"azp": "frontdesk"}), true),
                (json!({"azp": "another"}), false),
                (json!({"azp": ["frontdesk"]}), false),
                (json!({"azp": 7}), false),
            ],
        )
        .await;
        provider.behave();
        provider.patch(Document::Token, json!({"id_token": null}));
        refuses(&provider, &portal, "an access token alone").await;

        let toml = provider.toml("a") + "trusted_audiences = [\"friend\"]\n";
        let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
        provider.behave();
        judges(
            &provider,
            &portal,
            &[
                (json!({"aud": ["frontdesk", "friend"]}), true),
                (
                    json!({"aud": ["frontdesk", "friend"], "azp": "frontdesk"}),
                    true,
                ),
                (
                    json!({"aud": ["frontdesk", "friend"], "azp": "friend"}),
                    false,
                ),
                (json!({"aud": ["friend"]}), false),
                (json!({"aud": ["frontdesk", "friend", "stranger"]}), false),
            ],
        )
        .await;

        // Strangers, where those are let be: then `azp` alone tells.
        let toml = provider.toml("a") + "trusted_audiences = [\"*\"]\n";
        let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
        provider.behave();
        let all = json!(["project", "frontdesk", "another"]);
        judges(
            &provider,
            &portal,
            &[
                (json!({"aud": all, "azp": "frontdesk"}), true),
                (json!({"aud": all, "azp": "another"}), false),
                (json!({"aud": all}), false),
                (json!({"aud": ["another"], "azp": "frontdesk"}), false),
                (json!({"aud": ["frontdesk"]}), true),
            ],
        )
        .await;
    });
}

#[test]
fn times_are_numbers_and_within_a_minute() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let now = provider.now();
        judges(
            &provider,
            &portal,
            &[
                (json!({"exp": null}), false),
                (json!({"iat": null}), false),
                (json!({"exp": now - 30}), true),
                (json!({"exp": now - 300}), false),
                (json!({"exp": now + 300}), true),
                (json!({"exp": f64_of(now) + 60.5}), true),
                (json!({"exp": 4_102_444_800_i64}), true),
                (json!({"iat": now - 3600}), true),
                (json!({"iat": now + 30}), true),
                (json!({"iat": now + 300}), false),
                (json!({"nbf": now - 3600}), true),
                (json!({"nbf": now + 30}), true),
                (json!({"nbf": now + 300}), false),
            ],
        )
        .await;
        for claim in ["exp", "iat", "nbf"] {
            let values = vec![
                json!(null),
                json!(0),
                json!(-1),
                json!(-1e300),
                json!(1e300),
                json!(9_223_372_036_854_775_808_u64),
                json!("9999999999"),
                json!(now.to_string()),
                json!([now]),
                json!({"at": now}),
                json!(true),
            ];
            refuses_values(&provider, &portal, claim, values).await;
        }
    });
}

/// Seconds since 1970 are exact in a float.
fn f64_of(seconds: i64) -> f64 {
    f64::from(u32::try_from(seconds).expect("before 2106"))
}

#[test]
fn the_nonce_is_that_of_the_transaction() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let others = query(&portal.browser().begin("/").await)["nonce"].clone();
        judges(
            &provider,
            &portal,
            &[
                (json!({"nonce": null}), false),
                (json!({"nonce": ""}), false),
                (json!({"nonce": "wrong"}), false),
                (json!({"nonce": 7}), false),
                (json!({"nonce": others}), false),
            ],
        )
        .await;
        // An ID token of one sign-in, given again in the next.
        provider.behave();
        provider.patch(Document::IdToken, json!({"at_hash": null}));
        let kept: Mutex<Option<Value>> = Mutex::new(None);
        provider.tamper(Document::Token, move |answer| {
            let mut kept = kept.lock().expect("the token");
            let token = kept.get_or_insert_with(|| answer["id_token"].clone());
            answer["id_token"] = token.clone();
        });
        accepts(&provider, &portal, "the first time").await;
        refuses(&provider, &portal, "a replay").await;
    });
}

#[test]
fn a_code_of_another_transaction_is_of_no_use_even_where_pkce_is_ignored() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        for ignores_pkce in [false, true] {
            if ignores_pkce {
                provider.ignore_pkce();
            }
            let (victim, attacker) = (portal.browser(), portal.browser());
            let asked = query(&victim.begin("/account").await);
            let stolen = query(&provider.approve(&attacker.begin("/").await, &li()));
            let iss: String =
                url::form_urlencoded::byte_serialize(provider.issuer.as_bytes()).collect();
            let answer = victim
                .get(&format!(
                    "/oauth2_callback/?code={}&state={}&iss={iss}",
                    stolen["code"], asked["state"]
                ))
                .await;
            let status = if ignores_pkce { 502 } else { 400 };
            assert_refused(&portal, &answer, status, "a code of another's");
        }
    });
}

#[test]
fn the_subject_is_a_text_and_userinfo_speaks_of_the_same_person() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let values = || {
            vec![
                json!(null),
                json!(""),
                json!(7),
                json!(["sub-of-li"]),
                json!("x".repeat(256)),
                json!("sub-of-li\u{0}"),
            ]
        };
        refuses_values(&provider, &portal, "sub", values()).await;
        judges(&provider, &portal, &[(json!({"sub": null}), false)]).await;
        provider.behave();
        for sub in values()
            .into_iter()
            .chain([json!("sub-of-wang"), json!("SUB-OF-LI")])
        {
            let what = format!("userinfo {sub}");
            provider.tamper(Document::Userinfo, move |claims| {
                claims["sub"] = sub.clone();
            });
            refuses(&provider, &portal, &what).await;
        }
        provider.patch(Document::Userinfo, json!({"sub": null}));
        refuses(&provider, &portal, "userinfo without").await;
        provider.behave();
        let longest = "x".repeat(255);
        let person = li().with("sub", longest.as_str());
        provider.signed_in(&portal, &person).await;

        // No field of a userinfo of somebody else is kept.
        provider.patch(
            Document::Userinfo,
            json!({"sub": "sub-of-wang", "name": "Mallory", "email": "m@evil.test"}),
        );
        let answer = provider.sign_in(&portal.browser(), &person).await;
        assert_eq!(answer.status, 502);
        let dump = portal.database.dump();
        assert!(!dump.contains("Mallory") && !dump.contains("m@evil.test"));
        let subjects = portal.db_column("identities", "subject");
        assert_eq!(subjects, [longest]);
    });
}

#[test]
fn a_token_counts_only_in_the_place_it_was_made_for() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let browser = provider.signed_in(&portal, &li()).await;
        let logout = json!({"sub": "sub-of-li", "sid": "s"});
        let like_an_id_token = json!({
            "sub": "sub-of-li",
            "events": null,
            "nonce": "n",
            "auth_time": provider.now(),
        });
        // In the place of a logout token.
        for (what, typ, by) in [
            ("an ID token", "JWT", &like_an_id_token),
            ("an access token", "at+jwt", &like_an_id_token),
            ("an access token that logs out", "at+jwt", &logout),
            ("another kind", "secevent+jwt", &logout),
            ("userinfo", "userinfo+jwt", &logout),
        ] {
            let claims = provider.logout_claims(by);
            let token = provider.key().jwt(&json!({"typ": typ}), &claims);
            let answer = back_channel(&portal, "company", &token).await;
            assert_eq!(answer.status, 400, "{what}");
        }
        assert_eq!(browser.get("/account").await.status, 200);
        portal.db_forget_everybody();

        // In the place of an ID token.
        for typ in ["at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt"] {
            provider.patch(Document::Header, json!({"typ": typ}));
            refuses(&provider, &portal, typ).await;
        }
        provider.patch(Document::Header, json!({"typ": null}));
        accepts(&provider, &portal, "no kind").await;
        provider.behave();
        let events = json!({"events": {LOGOUT_EVENT: {}}});
        judges(&provider, &portal, &[(events, false)]).await;
        provider.behave();
        for token in ["a.b.c.d.e", "opaque", "", "..", "a.b.c"] {
            provider.patch(Document::Token, json!({"id_token": token}));
            refuses(&provider, &portal, token).await;
        }
        provider.patch(Document::Token, json!({"id_token": 7}));
        refuses(&provider, &portal, "a number").await;
        provider.behave();

        // In the place of userinfo.
        for typ in ["at+jwt", "logout+jwt"] {
            userinfo_as_jwt(
                &provider,
                Arc::new(Key::rsa()),
                json!({"typ": typ}),
                json!({}),
            );
            refuses(&provider, &portal, typ).await;
        }
        provider.behave();

        // What an ID token says of the code and the access token must be true.
        judges(
            &provider,
            &portal,
            &[
                (json!({"at_hash": null}), true),
                (json!({"at_hash": "wrong"}), false),
                (json!({"at_hash": ""}), false),
                (json!({"at_hash": 7}), false),
                (json!({"c_hash": "wrong"}), false),
                (json!({"c_hash": 7}), false),
            ],
        )
        .await;
    });
}

/// Userinfo comes as a JWT from now on, with these claims beside its own.
fn userinfo_as_jwt(provider: &OpenId, key: Arc<Key>, header: Value, by: Value) {
    let usual = json!({"iss": provider.issuer, "aud": "frontdesk"});
    provider.tamper(Document::Userinfo, move |userinfo| {
        patch(userinfo, &usual);
        patch(userinfo, &by);
        *userinfo = key.jwt(&header, userinfo).into();
    });
}

#[test]
fn signed_userinfo_is_verified_or_refused() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let rsa = Arc::new(Key::rsa());
        let stranger = Arc::new(Key::other_rsa().with_id("rsa"));
        let shared = Arc::new(Key::secret("rsa", portal.client_secret.as_bytes()));
        let past = provider.now() - 3600;
        for (what, key, by) in [
            ("another's key", &stranger, json!({})),
            ("a shared secret", &shared, json!({})),
            ("another issuer", &rsa, json!({"iss": "https://evil.test"})),
            ("no issuer", &rsa, json!({"iss": null})),
            ("another client", &rsa, json!({"aud": "another"})),
            ("no audience", &rsa, json!({"aud": null})),
            ("over", &rsa, json!({"exp": past})),
            ("another person", &rsa, json!({"sub": "sub-of-wang"})),
        ] {
            userinfo_as_jwt(&provider, Arc::clone(key), json!({}), by);
            refuses(&provider, &portal, what).await;
        }
        provider.tamper(Document::Userinfo, |userinfo| {
            *userinfo = format!("{}.{}.", part(&json!({"alg": "none"})), part(userinfo)).into();
        });
        refuses(&provider, &portal, "unsigned").await;
        userinfo_as_jwt(&provider, rsa, json!({}), json!({"name": "Signed Name"}));
        let browser = provider.signed_in(&portal, &li()).await;
        assert!(browser.get("/account").await.body.contains("Signed Name"));
        for seen in provider.seen(Call::Userinfo) {
            assert!(!seen.target.contains('?'));
        }
    });
}
