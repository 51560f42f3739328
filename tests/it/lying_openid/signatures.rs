//! Signatures, and the keys they are verified with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk::secret::{base64url, random_token};
use serde_json::{Value, json};

use super::{accepts, li, refuses};
use crate::support::lying_openid::{Call, Document, Key, back_channel, claims, part, patch, pem};
use crate::support::{Database, OpenId, Provider, Reply, run, spawn};

#[test]
fn an_unsigned_token_is_refused_however_it_is_spelled() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let spellings = [
            json!("none"),
            json!("None"),
            json!("NONE"),
            json!("nOnE"),
            json!(" none"),
            json!("none\u{0}"),
            json!("n\u{43e}ne"),
            json!(""),
            json!(null),
            json!(0),
            json!(["none"]),
            json!({"alg": "none"}),
        ];
        for alg in spellings {
            for is_signed in [false, true] {
                provider.behave();
                let what = format!("{alg} {is_signed}");
                let alg = alg.clone();
                provider.tamper(Document::Header, move |header| header["alg"] = alg.clone());
                if !is_signed {
                    provider.patch(Document::Signature, "".into());
                }
                refuses(&provider, &portal, &what).await;
            }
        }
        provider.patch(Document::Header, json!({"alg": null}));
        refuses(&provider, &portal, "absent").await;
        provider.behave();
        provider.patch(Document::Signature, "".into());
        refuses(&provider, &portal, "an empty signature").await;
        provider.behave();
        provider.tamper(Document::Token, |answer| {
            let token = answer["id_token"].as_str().expect("a token");
            let (message, _) = token.rsplit_once('.').expect("a signature");
            answer["id_token"] = message.into();
        });
        refuses(&provider, &portal, "two segments").await;
        provider.behave();
        accepts(&provider, &portal, "none of that").await;
    });
}

const ASYMMETRIC: [&str; 9] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];
const SYMMETRIC: [&str; 3] = ["HS256", "HS384", "HS512"];

#[test]
fn a_key_counts_for_its_own_algorithms_alone() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let rsa = Key::rsa();
        let published = rsa.jwk();
        let mut keys = vec![
            Key::p256(),
            Key::p384(),
            Key::ed25519(),
            // In the public document, where no secret has a place.
            Key::secret("oct", *b"a secret that everybody can read"),
        ];
        let mut document: Vec<Value> = keys.iter().map(Key::jwk).collect();
        document.push(published.clone());
        provider.patch(Document::Keys, json!({"keys": document}));
        // What is public, or known to others, taken for a shared secret under the RSA key's name.
        for secret in [
            portal.client_secret.clone().into_bytes(),
            rsa.public().to_vec(),
            pem("RSA PUBLIC KEY", rsa.public()).into_bytes(),
            published.to_string().into_bytes(),
            published["n"].as_str().expect("a modulus").into(),
        ] {
            keys.push(Key::secret("rsa", secret));
        }
        keys.push(rsa);
        for key in keys.into_iter().map(Arc::new) {
            provider.sign_with(Arc::clone(&key));
            for alg in ASYMMETRIC.into_iter().chain(SYMMETRIC) {
                provider.patch(Document::Header, json!({"alg": alg}));
                let what = format!("{alg} by {}", key.id);
                if key.algorithms().contains(&alg) && !SYMMETRIC.contains(&alg) {
                    accepts(&provider, &portal, &what).await;
                } else {
                    refuses(&provider, &portal, &what).await;
                }
            }
        }
    });
}

#[test]
fn ed25519_is_eddsa_by_its_own_name() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let key = Arc::new(Key::ed25519());
        let jwk = changed(&key.jwk(), &json!({"alg": "Ed25519"}));
        provider.patch(Document::Keys, json!({"keys": [jwk]}));
        provider.sign_with(Arc::clone(&key));
        for (alg, is_good) in [("Ed25519", true), ("EdDSA", true), ("Ed448", false)] {
            provider.patch(Document::Header, json!({"alg": alg}));
            if is_good {
                accepts(&provider, &portal, alg).await;
            } else {
                refuses(&provider, &portal, alg).await;
            }
        }
    });
}

#[test]
fn only_listed_algorithms_count_and_a_shared_secret_only_if_listed() {
    run(async {
        let provider = OpenId::start().await;
        let toml = provider.toml("a") + "id_token_algorithms = [\"HS256\", \"ES256\"]\n";
        let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
        let (rsa, p256) = (Arc::new(Key::rsa()), Arc::new(Key::p256()));
        let document = json!({"keys": [rsa.jwk(), p256.jwk()]});
        provider.patch(Document::Keys, document);
        let shared = Arc::new(Key::secret("shared", provider.secret.as_bytes()));
        let other = Arc::new(Key::secret("shared", [7_u8; 32]));
        for (key, alg, is_good) in [
            (&rsa, "RS256", false),
            (&p256, "ES256", true),
            (&shared, "HS256", true),
            (&shared, "HS512", false),
            (&other, "HS256", false),
        ] {
            provider.sign_with(Arc::clone(key));
            provider.patch(Document::Header, json!({"alg": alg}));
            let what = format!("{alg} by {}", key.id);
            if is_good {
                accepts(&provider, &portal, &what).await;
            } else {
                refuses(&provider, &portal, &what).await;
            }
        }
    });
}

fn changed(jwk: &Value, by: &Value) -> Value {
    let mut jwk = jwk.clone();
    patch(&mut jwk, by);
    jwk
}

#[test]
fn the_key_is_found_among_others_and_bad_ones_hide_none() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let rsa = Key::rsa().jwk();
        let curve = Key::p256().with_id("rsa").jwk();
        let off_curve = changed(&curve, &json!({"x": curve["y"]}));
        let garbage = json!([
            null,
            7,
            "rsa",
            {},
            {"kty": "RSA", "kid": "rsa"},
            {"kty": "RSA", "kid": "rsa", "n": "!", "e": "AQAB"},
            {"kty": "RSA", "kid": "rsa", "n": "", "e": ""},
            {"kty": "EC", "kid": "rsa", "crv": "P-999", "x": "AA", "y": "AA"},
            {"kty": "mystery", "kid": ["rsa"]},
            off_curve,
            changed(&rsa, &json!({"use": "enc"})),
        ]);
        let mut among = garbage.as_array().expect("a list").clone();
        let (without_good, mut with_good) = (json!(among), json!(null));
        among.push(rsa.clone());
        with_good["keys"] = json!(among);
        let keys = |keys: Value| json!({"keys": keys});
        let own = || keys(json!([rsa]));
        for (what, header, document, is_good) in [
            ("one key", json!({}), own(), true),
            ("no kid, one key", json!({"kid": null}), own(), true),
            (
                "no kid, several keys",
                json!({"kid": null}),
                keys(json!([Key::other_rsa().jwk(), curve, rsa])),
                true,
            ),
            ("unknown kid", json!({"kid": "nobody"}), own(), false),
            ("kid is a number", json!({"kid": 7}), own(), false),
            (
                "a kid twice, of two kinds",
                json!({}),
                keys(json!([curve, rsa])),
                true,
            ),
            (
                "key with its algorithm",
                json!({}),
                keys(json!([changed(&rsa, &json!({"alg": "RS256"}))])),
                true,
            ),
            (
                "key with another algorithm",
                json!({}),
                keys(json!([changed(&rsa, &json!({"alg": "RS512"}))])),
                false,
            ),
            (
                "key with an algorithm that it cannot",
                json!({}),
                keys(json!([changed(&rsa, &json!({"alg": "HS256"}))])),
                false,
            ),
            ("among garbage", json!({}), with_good, true),
            ("garbage alone", json!({}), keys(without_good), false),
            ("no keys", json!({}), keys(json!([])), false),
            ("crit exp", json!({"crit": ["exp"]}), own(), false),
            ("crit of nothing", json!({"crit": []}), own(), false),
            ("b64", json!({"crit": ["b64"], "b64": false}), own(), false),
        ] {
            // Late enough for the keys to be read anew.
            provider.clock.advance(Duration::from_secs(2 * 3600));
            provider.patch(Document::Header, header);
            provider.patch(Document::Keys, document);
            if is_good {
                accepts(&provider, &portal, what).await;
            } else {
                refuses(&provider, &portal, what).await;
            }
        }
        provider.behave();
        provider.clock.advance(Duration::from_secs(2 * 3600));
        provider.tamper(Document::Signature, |signature| {
            let text = signature.as_str().expect("a text");
            let first = if text.starts_with('A') { "B" } else { "A" };
            *signature = format!("{first}{}", &text[1..]).into();
        });
        refuses(&provider, &portal, "a flipped bit").await;
        provider.tamper(Document::Signature, |signature| {
            let padded = format!("{}=", signature.as_str().expect("a text"));
            *signature = padded.into();
        });
        refuses(&provider, &portal, "a padded signature").await;
    });
}

#[test]
fn keys_that_a_token_brings_along_are_not_looked_at() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let elsewhere = Provider::start().await;
        let stranger = Arc::new(Key::other_rsa());
        provider.patch(Document::Keys, json!({"keys": [Key::rsa().jwk()]}));
        provider.sign_with(Arc::clone(&stranger));
        for header in [
            json!({"jwk": stranger.jwk()}),
            json!({"jku": format!("{}/jwks", elsewhere.url)}),
            json!({"x5u": format!("{}/x5u", elsewhere.url)}),
            json!({"x5c": [base64url(stranger.public())]}),
        ] {
            for kid in [json!("rsa"), json!("other-rsa"), json!(null)] {
                let header = changed(&header, &json!({"kid": kid}));
                provider.patch(Document::Header, header.clone());
                refuses(&provider, &portal, &header.to_string()).await;
            }
        }
        assert_eq!(elsewhere.calls(), 0);
    });
}

/// `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:512`, and a token that
/// `openssl dgst -sha256 -sign` signed.
#[test]
fn short_keys_sign_nothing() {
    run(async {
        for weak in [
            include_str!("../fixtures/rsa512.json"),
            include_str!("../fixtures/rsa1024.json"),
        ] {
            let weak: Value = serde_json::from_str(weak).expect("JSON");
            let provider = OpenId::start_as(|_| "http://id.example.com".to_owned()).await;
            let portal = provider.portal(Database::sqlite()).run().await;
            let keys = json!({"keys": [weak["jwk"], provider.key().jwk()]});
            provider.patch(Document::Keys, keys);
            let browser = provider.signed_in(&portal, &li()).await;
            let token = weak["logout_token"].as_str().expect("a token");
            let answer = back_channel(&portal, "company", token).await;
            assert_eq!(answer.status, 400);
            assert_eq!(browser.get("/account").await.status, 200);
            // Its claims are right: under a key of a good length they count.
            let header = json!({"typ": "logout+jwt"});
            let token = provider.key().jwt(&header, &claims(token));
            let answer = back_channel(&portal, "company", &token).await;
            assert_eq!(answer.status, 200);
            assert_eq!(browser.get("/account").await.status, 303);
        }
    });
}

#[test]
fn keys_are_fetched_once_in_half_a_minute_whoever_sends_tokens() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let portal = Arc::new(portal);
        let browser = provider.signed_in(&portal, &li()).await;
        let fetches = || provider.seen(Call::Keys).len();
        let claims = part(&provider.logout_claims(&json!({"sub": "sub-of-li"})));
        let signature = base64url(&[7; 256]);
        let unknown = move || {
            let kid = random_token().expect("randomness");
            let header = part(&json!({"alg": "RS256", "kid": kid}));
            format!("{header}.{claims}.{signature}")
        };
        let before = fetches();
        let started = Instant::now();
        let flood: Vec<_> = (0..50)
            .map(|_| {
                let (portal, unknown) = (Arc::clone(&portal), unknown.clone());
                spawn(async move {
                    for _ in 0..200 {
                        let answer = back_channel(&portal, "company", &unknown()).await;
                        assert_eq!(answer.status, 400);
                    }
                })
            })
            .collect();
        for one in flood {
            one.await.expect("refused");
        }
        let windows = usize::try_from(started.elapsed().as_secs() / 30).expect("a number") + 1;
        assert!(
            fetches() - before <= windows,
            "{} fetches",
            fetches() - before
        );

        // A key that came within the window waits for its end.
        provider.sign_with(Key::other_rsa());
        let now = fetches();
        let waiting = provider.sign_in(&portal.browser(), &li()).await;
        if fetches() == now {
            assert_eq!(waiting.status, 502);
        }
        provider.clock.advance(Duration::from_secs(31));
        provider.signed_in(&portal, &li()).await;

        // An outage does not lift the limit, nor take away the keys that are known.
        provider.clock.advance(Duration::from_secs(31));
        provider.on_call(Call::Keys, Reply::Reset);
        let now = fetches();
        for _ in 0..100 {
            back_channel(&portal, "company", &unknown()).await;
        }
        assert!(fetches() - now <= 2, "{} fetches", fetches() - now);
        provider.signed_in(&portal, &li()).await;
        assert_eq!(browser.get("/account").await.status, 200);
    });
}
