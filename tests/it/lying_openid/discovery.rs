//! The metadata, and what follows from it.

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::li;
use crate::support::lying_openid::{Call, Document};
use crate::support::provider::query;
use crate::support::{Database, OpenId, Portal, Reply, assert_refused, run, until};

#[test]
fn addresses_for_servers_may_be_http_at_the_internal_base_alone() {
    run(async {
        let provider = OpenId::start_as(|_| "https://id.example.com/t".to_owned()).await;
        let inside = format!("internal_url_prefix = \"{}\"\n", provider.url);
        let toml = provider.toml("a") + &inside;
        let named = json!({
            "token_endpoint": format!("{}/t/token", provider.url),
            "jwks_uri": format!("{}/t/jwks", provider.url),
        });
        provider.patch(Document::Discovery, named);
        let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
        provider.signed_in(&portal, &li()).await;
        for by in [
            json!({"token_endpoint": "http://id.example.com/t/token"}),
            json!({"token_endpoint": "http://evil.test/t/token"}),
            json!({"authorization_endpoint": format!("{}/t/authorize", provider.url)}),
        ] {
            provider.patch(Document::Discovery, by.clone());
            let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
            assert_unavailable(&portal, &by.to_string()).await;
        }
    });
}

/// Nobody is sent to a provider that is not known.
async fn assert_unavailable(portal: &Portal, what: &str) {
    let answer = portal.browser().get("/oauth2/login?next=/account").await;
    let status = answer.status.as_u16();
    assert!((502..=504).contains(&status), "{what}: {status}");
    assert_refused(portal, &answer, status, what);
    assert!(answer.location().is_empty(), "{what}");
}

#[test]
fn only_a_document_of_this_issuer_is_believed() {
    run(async {
        for by in [
            json!({"issuer": "https://evil.test"}),
            json!({"issuer": null}),
            json!({"issuer": 7}),
            json!({"authorization_endpoint": null}),
            json!({"token_endpoint": null}),
            json!({"jwks_uri": null}),
            json!({"token_endpoint": 7}),
            json!({"token_endpoint": "ftp://id.example.com/token"}),
            json!({"authorization_endpoint": "javascript:alert(1)"}),
            json!({"token_endpoint": "http://user:password@id.example.com/token"}),
            json!([]),
            json!("x"),
        ] {
            let provider = OpenId::start().await;
            provider.patch(Document::Discovery, by.clone());
            let portal = provider.portal(Database::sqlite()).run().await;
            assert_unavailable(&portal, &by.to_string()).await;
        }
        let changes: [fn(&str) -> String; 2] = [|issuer| format!("{issuer}/"), str::to_uppercase];
        for change in changes {
            let provider = OpenId::start().await;
            let other = change(&provider.issuer);
            provider.patch(Document::Discovery, json!({"issuer": other}));
            let portal = provider.portal(Database::sqlite()).run().await;
            assert_unavailable(&portal, &other).await;
        }
        // A redirect of it is not followed.
        let (provider, elsewhere) = (OpenId::start().await, OpenId::start().await);
        let redirect = format!(
            "HTTP/1.1 302 X\r\nlocation: {}/.well-known/openid-configuration\r\ncontent-length: 0\r\n\r\n",
            elsewhere.url
        );
        provider.on_call(Call::Discovery, Reply::Raw(redirect.into_bytes()));
        let portal = provider.portal(Database::sqlite()).run().await;
        assert_unavailable(&portal, "a redirect").await;
        assert!(elsewhere.seen(Call::Discovery).is_empty());
    });
}

#[test]
fn an_issuer_with_a_path_is_asked_beneath_it() {
    run(async {
        for path in ["/realms/a", "/realms/a/"] {
            let provider = OpenId::start_as(|url| format!("{url}{path}")).await;
            let portal = provider.portal(Database::sqlite()).run().await;
            provider.signed_in(&portal, &li()).await;
            let seen = provider.seen(Call::Discovery);
            assert_eq!(seen[0].target, "/realms/a/.well-known/openid-configuration");
        }
    });
}

#[test]
fn an_issuer_with_tls_has_no_address_without() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let ca_file = folder.path().join("ca.pem");
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(Vec::new()).expect("parameters");
        let certificate = certificate.self_signed(&key).expect("a certificate");
        std::fs::write(&ca_file, certificate.pem()).expect("a file");
        for endpoint in [
            "",
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "userinfo_endpoint",
            "end_session_endpoint",
            "revocation_endpoint",
            "pushed_authorization_request_endpoint",
        ] {
            let provider = OpenId::start_as(|_| "https://id.example.com".to_owned()).await;
            if !endpoint.is_empty() {
                let plain = json!({endpoint: "http://id.example.com/plain"});
                provider.patch(Document::Discovery, plain);
            }
            let start = provider.portal(Database::sqlite());
            let ca_file = ca_file.to_str().expect("Unicode");
            let portal = start.with("OAUTH2_CA_FILE", ca_file).run().await;
            if endpoint.is_empty() {
                let authorize_url = portal.browser().begin("/").await;
                assert!(authorize_url.starts_with("https://id.example.com/authorize?"));
                provider.signed_in(&portal, &li()).await;
            } else {
                assert_unavailable(&portal, endpoint).await;
            }
        }
    });
}

#[test]
fn a_worse_document_does_not_replace_the_last_good_one() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        provider.signed_in(&portal, &li()).await;
        let elsewhere = OpenId::start().await;
        for by in [
            json!({"issuer": elsewhere.issuer, "token_endpoint": format!("{}/token", elsewhere.url)}),
            json!({"token_endpoint": "ftp://evil.test/token"}),
            json!({"jwks_uri": null}),
        ] {
            let read = provider.seen(Call::Discovery).len();
            provider.patch(Document::Discovery, by.clone());
            provider.clock.advance(Duration::from_secs(2 * 3600));
            until("the document is read anew", async || {
                // Looked at in the background, or when somebody comes.
                portal.browser().get("/login").await;
                provider.seen(Call::Discovery).len() > read
            })
            .await;
            provider.signed_in(&portal, &li()).await;
        }
        assert!(elsewhere.seen(Call::Token).is_empty());
        // A better one does.
        let read = provider.seen(Call::Discovery).len();
        let moved = format!("{}/moved/authorize", provider.url);
        provider.patch(
            Document::Discovery,
            json!({"authorization_endpoint": moved}),
        );
        provider.clock.advance(Duration::from_secs(2 * 3600));
        until("the new address is used", async || {
            portal.browser().begin("/").await.starts_with(&moved)
        })
        .await;
        assert!(provider.seen(Call::Discovery).len() > read);
    });
}

#[test]
fn a_request_that_must_be_pushed_is_never_sent_through_the_browser() {
    run(async {
        let provider = OpenId::start().await;
        let required = json!({"require_pushed_authorization_requests": true});
        provider.patch(Document::Discovery, required.clone());
        let portal = provider.portal(Database::sqlite()).run().await;
        let bad = [
            (
                "no request_uri",
                Reply::json(201, &json!({"expires_in": 60})),
            ),
            ("a number", Reply::json(201, &json!({"request_uri": 7}))),
            (
                "refused",
                Reply::json(400, &json!({"error": "invalid_request"})),
            ),
            (
                "not us",
                Reply::json(401, &json!({"error": "invalid_client"})),
            ),
        ];
        for (what, reply) in bad {
            provider.on_call(Call::PushedRequest, reply);
            assert_unavailable(&portal, what).await;
        }
        provider.behave();
        let browser = portal.browser();
        let authorize_url = browser.begin("/account").await;
        let mut names: Vec<_> = query(&authorize_url).into_keys().collect();
        names.sort();
        assert_eq!(names, ["client_id", "request_uri"]);
        let callback = provider.approve(&authorize_url, &li());
        assert!(browser.get(&callback).await.sets_session());
        let pushed = provider.seen(Call::PushedRequest);
        let pushed = pushed.last().expect("a request");
        assert!(pushed.basic().is_some() && !pushed.target.contains('?'));
        assert_eq!(pushed.form()["code_challenge_method"], "S256");

        // Required, but nowhere to push it.
        let provider = OpenId::start().await;
        let mut nowhere = required;
        nowhere["pushed_authorization_request_endpoint"] = Value::Null;
        provider.patch(Document::Discovery, nowhere);
        let portal = provider.portal(Database::sqlite()).run().await;
        assert_unavailable(&portal, "nowhere").await;

        // Not required, but set so.
        let provider = OpenId::start().await;
        let toml = provider.toml("a") + "use_par = true\n";
        let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
        provider.on_call(Call::PushedRequest, Reply::Reset);
        assert_unavailable(&portal, "set").await;
        provider.behave();
        provider.signed_in(&portal, &li()).await;
        assert_eq!(provider.seen(Call::PushedRequest).len(), 2);
    });
}
