//! The relying-party modules of the `OpenID` Foundation's conformance suite, made again here: each
//! test has its module's name and does what that does.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::lying_openid::{
    Call, Document, Key, LOGOUT_EVENT, Subject, back_channel, claims, patch,
};
use crate::support::provider::query;
use crate::support::{Browser, Database, OpenId, Portal, assert_refused, run, until};

fn li() -> Subject {
    Subject::named("li")
}

/// The provider lies once: no session, one page, nothing stored.
fn refused(lie: impl FnOnce(&OpenId)) {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        lie(&provider);
        let answer = provider.sign_in(&portal.browser(), &li()).await;
        assert_refused(&portal, &answer, 502, "a lie");
    });
}

/// What the provider does is unusual, and right.
fn accepted(unusual: impl FnOnce(&OpenId)) {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        unusual(&provider);
        provider.signed_in(&portal, &li()).await;
    });
}

mod basic {
    use super::*;

    #[test]
    fn oidf_client_test() {
        run(async {
            let (provider, portal) = OpenId::start_with_portal().await;
            let authorize_url = portal.browser().begin("/").await;
            let asked = query(&authorize_url);
            assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
            assert_eq!(
                asked["redirect_uri"],
                format!("{}/oauth2_callback/", portal.url)
            );
            let browser = provider.signed_in(&portal, &li()).await;
            let account = browser.get("/account").await;
            assert_eq!(account.user().as_deref(), Some("li"));
            for call in [Call::Token, Call::Userinfo] {
                let seen = provider.seen(call);
                assert_eq!(seen.len(), 1, "{call:?}");
                assert!(!seen[0].target.contains('?'), "{call:?}");
            }
        });
    }

    #[test]
    fn oidf_client_test_invalid_iss() {
        refused(|provider| provider.patch(Document::IdToken, json!({"iss": "https://evil.test"})));
    }

    #[test]
    fn oidf_client_test_missing_sub() {
        refused(|provider| provider.patch(Document::IdToken, json!({"sub": null})));
    }

    #[test]
    fn oidf_client_test_invalid_aud() {
        refused(|provider| provider.patch(Document::IdToken, json!({"aud": "another client"})));
    }

    #[test]
    fn oidf_client_test_missing_iat() {
        refused(|provider| provider.patch(Document::IdToken, json!({"iat": null})));
    }

    #[test]
    fn oidf_client_test_kid_absent_single_jwks() {
        accepted(|provider| provider.patch(Document::Header, json!({"kid": null})));
    }

    /// May be accepted or refused; here all keys that fit are tried.
    #[test]
    fn oidf_client_test_kid_absent_multiple_jwks() {
        accepted(|provider| {
            let keys = [Key::other_rsa().jwk(), Key::p256().jwk(), Key::rsa().jwk()];
            provider.patch(Document::Header, json!({"kid": null}));
            provider.patch(Document::Keys, json!({"keys": keys}));
        });
    }

    #[test]
    fn oidf_client_test_idtoken_sig_rs256() {
        accepted(|provider| {
            let key = provider.key();
            assert_eq!(key.algorithms()[0], "RS256");
        });
    }

    /// May be accepted over TLS; here it never is.
    #[test]
    fn oidf_client_test_idtoken_sig_none() {
        refused(unsigned);
    }

    #[test]
    fn oidf_client_test_invalid_sig_rs256() {
        refused(|provider| {
            let signature = Key::other_rsa().sign("RS256", "something else");
            provider.patch(Document::Signature, signature.into());
        });
    }

    #[test]
    fn oidf_client_test_userinfo_invalid_sub() {
        refused(|provider| provider.patch(Document::Userinfo, json!({"sub": "someone else"})));
    }

    #[test]
    fn oidf_client_test_nonce_invalid() {
        refused(|provider| provider.patch(Document::IdToken, json!({"nonce": "another"})));
    }

    #[test]
    fn oidf_client_test_scope_userinfo_claims() {
        run(async {
            let (provider, portal) = OpenId::start_with_portal().await;
            let asked = query(&portal.browser().begin("/").await);
            assert_eq!(asked["scope"], "openid profile email");
            let person = li().with("name", "李雷").with("email", "ll@example.com");
            let browser = provider.signed_in(&portal, &person).await;
            let account = browser.get("/account").await.body;
            assert!(account.contains("李雷") && account.contains("ll@example.com"));
        });
    }

    /// Basic is taken where it is offered, whatever else is; another way only where it is set.
    #[test]
    fn oidf_client_test_client_secret_basic() {
        run(async {
            for (set, is_basic) in [("", true), ("basic", true), ("post", false)] {
                let provider = OpenId::start().await;
                let start = provider.portal(Database::sqlite());
                let portal = start.with("OAUTH2_CLIENT_AUTH", set).run().await;
                provider.signed_in(&portal, &li()).await;
                let seen = &provider.seen(Call::Token)[0];
                let header = seen.header("authorization").unwrap_or_default();
                assert_eq!(header.starts_with("Basic "), is_basic, "{set}");
                assert_eq!(seen.form().contains_key("client_secret"), !is_basic);
            }
        });
    }
}

/// A token that nobody signed.
fn unsigned(provider: &OpenId) {
    provider.patch(Document::Header, json!({"alg": "none"}));
    provider.patch(Document::Signature, "".into());
}

mod config {
    use super::*;

    #[test]
    fn oidf_client_test_discovery_openid_config() {
        run(async {
            let (provider, portal) = OpenId::start_with_portal().await;
            let authorize_url = portal.browser().begin("/").await;
            assert!(authorize_url.starts_with(&format!("{}/authorize?", provider.issuer)));
            let seen = provider.seen(Call::Discovery);
            assert_eq!(seen[0].target, "/.well-known/openid-configuration");
        });
    }

    #[test]
    fn oidf_client_test_discovery_jwks_uri_keys() {
        run(async {
            let (provider, portal) = OpenId::start_with_portal().await;
            provider.signed_in(&portal, &li()).await;
            provider.signed_in(&portal, &li()).await;
            assert_eq!(provider.seen(Call::Keys).len(), 1, "read once, and kept");
        });
    }

    #[test]
    fn oidf_client_test_discovery_issuer_mismatch() {
        run(async {
            let provider = OpenId::start().await;
            provider.patch(Document::Discovery, json!({"issuer": "https://evil.test"}));
            let portal = provider.portal(Database::sqlite()).run().await;
            let answer = portal.browser().get("/oauth2/login?next=/account").await;
            assert_refused(
                &portal,
                &answer,
                answer.status.as_u16().max(502),
                "mismatch",
            );
            assert!(answer.location().is_empty());
        });
    }

    #[test]
    fn oidf_client_test_idtoken_sig_none() {
        refused(unsigned);
    }

    #[test]
    fn oidf_client_test_signing_key_rotation_just_before_signing() {
        run(async {
            let (provider, portal) = OpenId::start_with_portal().await;
            provider.signed_in(&portal, &li()).await;
            provider.sign_with(Key::other_rsa());
            provider.signed_in(&portal, &li()).await;
            assert_eq!(provider.seen(Call::Keys).len(), 2);
        });
    }

    /// The new key is published beside the old one before it is used.
    #[test]
    fn oidf_client_test_signing_key_rotation() {
        run(async {
            let (provider, portal) = OpenId::start_with_portal().await;
            provider.signed_in(&portal, &li()).await;
            let keys = [Key::rsa().jwk(), Key::other_rsa().jwk()];
            provider.patch(Document::Keys, json!({"keys": keys}));
            provider.signed_in(&portal, &li()).await;
            provider.sign_with(Key::other_rsa());
            provider.signed_in(&portal, &li()).await;
        });
    }
}

mod rp_initiated_logout {
    use super::*;

    /// Signs out here, then there; comes back with what `returned` makes of the state.
    fn signs_out(returned: impl FnOnce(&str) -> String) {
        run(async {
            let (provider, portal) = OpenId::start_with_portal().await;
            let browser = provider.signed_in(&portal, &li()).await;
            let page = browser.get("/account").await;
            let answer = browser.post("/logout", &page, &[]).await;
            assert_eq!(answer.location(), "/signed-out");
            assert_eq!(browser.get("/account").await.status, 303, "here at once");
            let page = browser.get("/signed-out").await;
            assert!(page.body.contains("href=\"/signed-out/provider\""));

            let leaving = browser.get("/signed-out/provider").await;
            let end_session = format!("{}/end_session?", provider.issuer);
            assert!(leaving.location().starts_with(&end_session));
            let sent = query(leaving.location());
            assert_eq!(claims(&sent["id_token_hint"])["sub"], "sub-of-li");
            assert_eq!(sent["client_id"], "frontdesk");
            let back = format!("{}/signed-out", portal.url);
            assert_eq!(sent["post_logout_redirect_uri"], back);

            let page = browser
                .get(&format!("{back}{}", returned(&sent["state"])))
                .await;
            assert_eq!(page.status, 200);
            assert!(page.body.contains("You have signed out"));
            assert!(!portal.log().contains(&sent["id_token_hint"]));
        });
    }

    #[test]
    fn oidf_client_test_rp_init_logout() {
        signs_out(|state| format!("?state={state}"));
    }

    #[test]
    fn oidf_client_test_rp_init_logout_other_state() {
        signs_out(|_| "?state=another".to_owned());
    }

    #[test]
    fn oidf_client_test_rp_init_logout_no_state() {
        signs_out(|_| String::new());
    }
}

mod back_channel_logout {
    use super::*;

    /// A logout token with this wrong: refused, and nobody is signed out.
    fn wrong(header: &Value, by: &Value) {
        run(async {
            let (provider, portal) = OpenId::start_with_portal().await;
            let browser = provider.signed_in(&portal, &li()).await;
            let usual = json!({"sub": "sub-of-li"});
            let mut claims = provider.logout_claims(&usual);
            patch(&mut claims, by);
            // As wrong as its `alg`: a shared secret for HS256, nothing for `none`.
            let secret = Key::secret("rsa", portal.client_secret.as_bytes());
            let mut token = match header["alg"].as_str() {
                Some("HS256") => secret.jwt(header, &claims),
                _ => provider.key().jwt(header, &claims),
            };
            if header["alg"] == "none" {
                token.truncate(token.rfind('.').expect("a signature") + 1);
            }
            let answer = back_channel(&portal, "company", &token).await;
            assert_eq!(answer.status, 400);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(browser.get("/account").await.status, 200);
            // What is wrong is just that.
            let answer = back_channel(&portal, "company", &provider.logout_token(&usual)).await;
            assert_eq!(answer.status, 200);
            assert_eq!(browser.get("/account").await.status, 303);
        });
    }

    /// The provider tells us of the sign-out that began here.
    #[test]
    fn oidf_client_test_rp_backchannel_rpinitlogout() {
        run(async {
            let (provider, portal) = OpenId::start_with_portal().await;
            let person = li().with("sid", "session-1");
            let browser = provider.signed_in(&portal, &person).await;
            let page = browser.get("/account").await;
            browser.post("/logout", &page, &[]).await;
            let token = provider.logout_token(&json!({"sid": "session-1"}));
            let answer = back_channel(&portal, "company", &token).await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.header("cache-control"), "no-store");
        });
    }

    #[test]
    fn oidf_client_test_rp_backchannel_rpinitlogout_alg_none() {
        wrong(&json!({"alg": "none"}), &json!({}));
    }

    #[test]
    fn oidf_client_test_rp_backchannel_rpinitlogout_no_event() {
        wrong(&json!({}), &json!({"events": null}));
    }

    #[test]
    fn oidf_client_test_rp_backchannel_rpinitlogout_with_nonce() {
        wrong(&json!({}), &json!({"nonce": "n"}));
    }

    #[test]
    fn oidf_client_test_rp_backchannel_rpinitlogout_wrong_alg() {
        wrong(&json!({"alg": "HS256"}), &json!({}));
    }

    #[test]
    fn oidf_client_test_rp_backchannel_rpinitlogout_wrong_aud() {
        wrong(&json!({}), &json!({"aud": "another client"}));
    }

    #[test]
    fn oidf_client_test_rp_backchannel_rpinitlogout_wrong_event() {
        wrong(
            &json!({}),
            &json!({"events": {LOGOUT_EVENT: null, "http://wrong.test/event": {}}}),
        );
    }

    #[test]
    fn oidf_client_test_rp_backchannel_rpinitlogout_wrong_iss() {
        wrong(&json!({}), &json!({"iss": "https://evil.test"}));
    }
}

mod third_party_init {
    use super::*;

    #[test]
    fn oidf_client_test_3rd_party_init_login() {
        run(async {
            let (provider, portal) = OpenId::start_with_portal().await;
            let target = format!("{}/account", portal.url);
            let asked = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("iss", &provider.issuer)
                .append_pair("login_hint", "li@example.com")
                .append_pair("target_link_uri", &target)
                .finish();
            let form = [("content-type", "application/x-www-form-urlencoded")];
            for method in [Method::GET, Method::POST] {
                let browser = portal.browser();
                let begun = if method == Method::GET {
                    browser.get(&format!("/oauth2/login?{asked}")).await
                } else {
                    let body = Some(asked.clone());
                    // Comes again by GET, with the cookies that a form of another site does not bring.
                    let again = browser.send(method, "/oauth2/login", &form, body).await;
                    browser.get(again.location()).await
                };
                assert_eq!(begun.status, 303, "{}", begun.body);
                assert_eq!(query(begun.location())["login_hint"], "li@example.com");
                let callback = provider.approve(begun.location(), &li());
                assert_eq!(browser.get(&callback).await.location(), "/account");
            }
            // Of an issuer that is not ours nobody is sent anywhere.
            let foreign = asked.replace(
                &asked[..asked.find('&').expect("more")],
                "iss=https%3A%2F%2Fevil.test",
            );
            let answer = portal
                .browser()
                .get(&format!("/oauth2/login?{foreign}"))
                .await;
            assert!(!answer.location().contains("evil.test"));
        });
    }
}

mod refresh {
    use super::*;

    /// Signed in, and looked up again while the provider does this.
    async fn looked_up_again(lie: impl FnOnce(&OpenId)) -> (Portal, Browser) {
        let provider = OpenId::start().await;
        let start = provider.portal(Database::sqlite());
        let portal = start.with("OAUTH2_RECHECK", "5m").run().await;
        let browser = provider.signed_in(&portal, &li()).await;
        lie(&provider);
        provider.clock.advance(Duration::from_secs(360));
        until("the token is refreshed", async || {
            provider.seen(Call::Token).len() == 2
        })
        .await;
        let form = provider.seen(Call::Token)[1].form();
        assert_eq!(form["grant_type"], "refresh_token");
        (portal, browser)
    }

    fn refused(by: Value) {
        run(async {
            let lie = |provider: &OpenId| provider.patch(Document::Refreshed, by);
            let (_portal, browser) = looked_up_again(lie).await;
            until("the session has ended", async || {
                browser.get("/account").await.status == 303
            })
            .await;
        });
    }

    #[test]
    fn oidf_client_test_refresh_token() {
        run(async {
            let (_portal, browser) = looked_up_again(|_| {}).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(browser.get("/account").await.status, 200);
        });
    }

    #[test]
    fn oidf_client_test_refresh_token_invalid_issuer() {
        refused(json!({"iss": "https://evil.test"}));
    }

    #[test]
    fn oidf_client_test_refresh_token_invalid_sub() {
        refused(json!({"sub": "someone else"}));
    }
}
