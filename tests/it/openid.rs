//! `OpenID` Connect: what a provider may say, what it may not, and what it may break.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use frontdesk::secret::{base64url, random_token};
use rcgen::{CertificateParams, KeyPair};
use reqwest::Method;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Value, json};

use crate::support::desk::PASSWORD;
use crate::support::openid::{
    Call, Document, Key, LOGOUT_EVENT, Subject, back_channel, claims, part, patch, pem,
};
use crate::support::process::free_port;
use crate::support::provider::{ODD_SECRETS, Seen, chaos, query};
use crate::support::{
    Browser, Database, Db, Desk, OpenId, Provider, Reply, assert_refused, on_both_databases, run,
    spawn, until,
};

fn li() -> Subject {
    Subject::named("li")
}

/// The next sign-in is refused as the provider's fault.
async fn refuses(provider: &OpenId, desk: &Desk, what: &str) {
    let answer = provider.sign_in(&desk.browser(), &li()).await;
    assert_refused(desk, &answer, 502, what);
}

/// The next sign-in goes well; then all is as before it.
async fn accepts(provider: &OpenId, desk: &Desk, what: &str) {
    let answer = provider.sign_in(&desk.browser(), &li()).await;
    assert!(answer.sets_session(), "{what}: {}", answer.body);
    desk.db_forget_everybody();
}

/// One sign-in after the other, each with the ID token patched.
async fn judges(provider: &OpenId, desk: &Desk, cases: &[(Value, bool)]) {
    for (by, is_good) in cases {
        provider.patch(Document::IdToken, by.clone());
        if *is_good {
            accepts(provider, desk, &by.to_string()).await;
        } else {
            refuses(provider, desk, &by.to_string()).await;
        }
    }
}

/// The same with one claim set to these values, `null` among them.
async fn refuses_values(provider: &OpenId, desk: &Desk, claim: &'static str, values: Vec<Value>) {
    for value in values {
        let what = format!("{claim} {value}");
        provider.tamper(Document::IdToken, move |claims| {
            claims[claim] = value.clone();
        });
        refuses(provider, desk, &what).await;
    }
}

fn at(provider: &str) -> String {
    format!("/oauth2/login?next=/account&provider={provider}")
}

/// Two providers in one file.
async fn two_with_desk(database: Database) -> ([OpenId; 2], Desk) {
    let (one, two) = (OpenId::start().await, OpenId::start().await);
    let toml = format!("{}\n{}", one.toml("a"), two.toml("b"));
    let desk = one.desk_of(database, &toml).run().await;
    ([one, two], desk)
}

// -- the callback --

#[test]
fn the_issuer_in_the_callback_is_that_of_the_provider_that_was_asked() {
    run(async {
        let ([one, two], desk) = two_with_desk(Database::sqlite()).await;
        let tokens = || one.seen(Call::Token).len() + two.seen(Call::Token).len();
        let url = &one.issuer;
        for by in [
            json!({"iss": null}),
            json!({"iss": ""}),
            json!({"iss": two.issuer}),
            json!({"iss": format!("{url}/")}),
            json!({"iss": url.to_uppercase()}),
            json!({"iss": format!("{url} ")}),
            json!({"iss": [url, url]}),
            json!({"iss": [url, two.issuer]}),
            json!({"iss": "https://evil.test"}),
        ] {
            one.patch(Document::Callback, by.clone());
            for is_error in [false, true] {
                let browser = desk.browser();
                let begun = browser.get(&at("a")).await;
                let callback = if is_error {
                    one.refuse(begun.location(), "access_denied")
                } else {
                    one.approve(begun.location(), &li())
                };
                let answer = browser.get(&callback).await;
                assert_refused(&desk, &answer, 400, &by.to_string());
            }
        }
        assert_eq!(tokens(), 0, "no code was sent anywhere");
        let blamed = "audit_events WHERE reason = 'declined'";
        assert_eq!(desk.database.count(blamed), 0);
        one.behave();
        let answer = one.sign_in_from(&desk.browser(), &at("a"), &li()).await;
        assert!(answer.sets_session());

        // A provider that does not send it may leave it out, but not send another's.
        let old = OpenId::start().await;
        let silent = json!({"authorization_response_iss_parameter_supported": null});
        old.patch(Document::Discovery, silent);
        let desk = old.desk(Database::sqlite()).run().await;
        old.patch(Document::Callback, json!({"iss": null}));
        accepts(&old, &desk, "absent").await;
        old.patch(Document::Callback, json!({"iss": "https://evil.test"}));
        let answer = old.sign_in(&desk.browser(), &li()).await;
        assert_refused(&desk, &answer, 400, "another's");
    });
}

#[test]
fn an_attempt_counts_at_the_provider_where_it_began() {
    run(async {
        let (providers, desk) = two_with_desk(Database::sqlite()).await;
        let ids = ["a", "b"];
        let calls = || -> usize {
            let calls = providers.iter().map(|one| one.seen(Call::Token).len());
            calls.sum()
        };
        for cell in 0..16 {
            let [begun_at, code_of, back_at, iss_of] =
                [1, 2, 4, 8].map(|bit| usize::from(cell & bit != 0));
            let browser = desk.browser();
            let begun = browser.get(&at(ids[begun_at])).await;
            let person = Subject::named(ids[begun_at]);
            let callback = query(&providers[code_of].approve(begun.location(), &person));
            let iss: String =
                url::form_urlencoded::byte_serialize(providers[iss_of].issuer.as_bytes()).collect();
            let before = calls();
            let answer = browser
                .get(&format!(
                    "/oauth2_callback/{}/?code={}&state={}&iss={iss}",
                    ids[back_at], callback["code"], callback["state"],
                ))
                .await;
            let is_straight = [code_of, back_at, iss_of] == [begun_at; 3];
            assert_eq!(answer.sets_session(), is_straight, "cell {cell}");
            if [back_at, iss_of] != [begun_at; 2] {
                assert_eq!(calls(), before, "cell {cell}: nobody was sent the code");
            }
        }
        assert_eq!(desk.database.count("users"), 2);
    });
}

#[test]
fn two_hundred_sign_ins_at_once_at_two_providers_each_land_on_their_own() {
    run(async {
        let (providers, desk) = two_with_desk(Database::sqlite()).await;
        let desk = Arc::new(desk);
        let all: Vec<_> = (0..200)
            .map(|number| {
                let id = ["a", "b"][number % 2];
                let (desk, provider) = (Arc::clone(&desk), providers[number % 2].clone());
                spawn(async move {
                    // Each subject exists at both, as two people.
                    let name = format!("{id}-{number}");
                    let subject = Subject::named(&name).with("sub", format!("sub-{}", number / 2));
                    let browser = desk.browser();
                    let answer = provider.sign_in_from(&browser, &at(id), &subject).await;
                    assert!(answer.sets_session(), "{name}: {}", answer.body);
                    assert_eq!(browser.get("/account").await.user(), Some(name));
                })
            })
            .collect();
        for one in all {
            one.await.expect("on their own identity");
        }
        let at_one = "SELECT COUNT(*) AS value FROM identities WHERE provider = 'a'";
        assert_eq!(desk.database.count(at_one), 100);
        assert_eq!(desk.database.count("users"), 200);
    });
}

// -- the client --

#[test]
fn the_client_authenticates_as_the_provider_offers_and_once() {
    run(async {
        for secret in ODD_SECRETS {
            for (offered, is_basic) in [
                (json!(["client_secret_post"]), false),
                (json!(["client_secret_post", "client_secret_basic"]), true),
                (Value::Null, true),
            ] {
                let provider = OpenId::start().await;
                let offered = json!({"token_endpoint_auth_methods_supported": offered});
                provider.patch(Document::Discovery, offered);
                let start = provider.desk(Database::sqlite());
                let desk = start.with("OAUTH2_CLIENT_SECRET", secret).run().await;
                provider.signed_in(&desk, &li()).await;
                let seen: Vec<Seen> = provider.seen(Call::Token);
                assert_eq!(seen.len(), 1);
                assert!(!seen[0].target.contains('?'));
                let form = seen[0].form();
                if is_basic {
                    let pair = ("frontdesk".to_owned(), secret.to_owned());
                    assert_eq!(seen[0].basic(), Some(pair));
                    assert!(!form.contains_key("client_secret"));
                } else {
                    assert_eq!(form["client_secret"], secret);
                    assert!(seen[0].header("authorization").is_none());
                }
            }
        }
        // A public client.
        let provider = OpenId::start().await;
        let toml = provider.toml("a") + "client_auth = \"none\"\n";
        let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
        provider.signed_in(&desk, &li()).await;
        let seen = provider.seen(Call::Token);
        assert_eq!(seen[0].form()["client_id"], "frontdesk");
        assert!(!seen[0].form().contains_key("client_secret"));
        assert!(seen[0].header("authorization").is_none());
        // Refused: not tried again in another way.
        provider.on_call(
            Call::Token,
            Reply::json(401, &json!({"error": "invalid_client"})),
        );
        let answer = provider.sign_in(&desk.browser(), &li()).await;
        assert_eq!(answer.status, 502);
        assert_eq!(provider.seen(Call::Token).len(), 2);
    });
}

#[test]
fn a_client_with_a_key_signs_for_itself() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        for key in [Key::rsa(), Key::p256(), Key::p384(), Key::ed25519()] {
            let path = folder.path().join(&key.id);
            std::fs::write(&path, key.pem()).expect("a file");
            let provider = OpenId::start().await;
            let toml = format!(
                "{}client_auth = \"private_key_jwt\"\nprivate_key_file = \"{}\"\nprivate_key_id = \"{}\"\n",
                provider.toml("a"),
                path.display(),
                key.id
            );
            let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
            provider.signed_in(&desk, &li()).await;
            let seen = &provider.seen(Call::Token)[0];
            assert!(seen.header("authorization").is_none());
            let form = seen.form();
            assert!(!form.contains_key("client_secret"));
            assert_eq!(
                form["client_assertion_type"],
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            );
            let assertion = &form["client_assertion"];
            let said = claims(assertion);
            assert_eq!(
                (&said["iss"], &said["sub"]),
                (&json!("frontdesk"), &json!("frontdesk"))
            );
            let audience = said["aud"].as_str().or_else(|| said["aud"][0].as_str());
            let token_url = format!("{}/token", provider.issuer);
            assert!([Some(provider.issuer.as_str()), Some(token_url.as_str())].contains(&audience));
            let lifetime = said["exp"].as_i64().expect("a time") - provider.now();
            assert!((1..=600).contains(&lifetime), "{lifetime}");
            assert!(said["jti"].as_str().is_some_and(|id| id.len() >= 16));

            let algorithm: &'static dyn VerificationAlgorithm = match key.algorithms()[0] {
                "ES256" => &ECDSA_P256_SHA256_FIXED,
                "ES384" => &ECDSA_P384_SHA384_FIXED,
                "EdDSA" => &ED25519,
                _ => &RSA_PKCS1_2048_8192_SHA256,
            };
            let (message, signature) = assertion.rsplit_once('.').expect("a signature");
            let signature = base64::Engine::decode(
                &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                signature,
            )
            .expect("base64url");
            UnparsedPublicKey::new(algorithm, key.public())
                .verify(message.as_bytes(), &signature)
                .unwrap_or_else(|_| panic!("{}: not signed", key.id));
            assert!(!desk.log().contains(assertion));
        }
    });
}

#[test]
fn an_assertion_can_name_the_token_endpoint_and_the_certificate_of_its_key() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        let (key, certificate) = (folder.path().join("key"), folder.path().join("certificate"));
        let pair = KeyPair::from_pem(&Key::rsa().pem()).expect("a key");
        let made = CertificateParams::default()
            .self_signed(&pair)
            .expect("a certificate");
        std::fs::write(&key, pair.serialize_pem()).expect("a file");
        std::fs::write(&certificate, made.pem()).expect("a file");
        // By a name that this server does not call it by.
        let provider = OpenId::start_as(|_| "http://id.example.com/t".to_owned()).await;
        let toml = format!(
            "{}internal_url_prefix = \"{}\"\nprivate_key_file = \"{}\"\ncertificate_file = \"{}\"\n\
             client_assertion_audience = \"token_endpoint\"\n",
            provider.toml("a"),
            provider.url,
            key.display(),
            certificate.display(),
        );
        let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
        provider.signed_in(&desk, &li()).await;
        let form = provider.seen(Call::Token)[0].form();
        let assertion = &form["client_assertion"];
        assert_eq!(claims(assertion)["aud"], "http://id.example.com/t/token");
        let header = assertion.split('.').next().expect("a header");
        let header =
            base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header)
                .expect("base64url");
        let header: Value = serde_json::from_slice(&header).expect("JSON");
        let thumbprint = frontdesk::secret::sha256(made.der());
        assert_eq!(header["x5t#S256"], thumbprint);
        assert_eq!(header["alg"], "PS256");
    });
}

// -- signatures --

#[test]
fn an_unsigned_token_is_refused_however_it_is_spelled() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
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
                refuses(&provider, &desk, &what).await;
            }
        }
        provider.patch(Document::Header, json!({"alg": null}));
        refuses(&provider, &desk, "absent").await;
        provider.behave();
        provider.patch(Document::Signature, "".into());
        refuses(&provider, &desk, "an empty signature").await;
        provider.behave();
        provider.tamper(Document::Token, |answer| {
            let token = answer["id_token"].as_str().expect("a token");
            let (message, _) = token.rsplit_once('.').expect("a signature");
            answer["id_token"] = message.into();
        });
        refuses(&provider, &desk, "two segments").await;
        provider.behave();
        accepts(&provider, &desk, "none of that").await;
    });
}

const ASYMMETRIC: [&str; 9] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];
const SYMMETRIC: [&str; 3] = ["HS256", "HS384", "HS512"];

#[test]
fn a_key_counts_for_its_own_algorithms_alone() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
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
            desk.client_secret.clone().into_bytes(),
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
                    accepts(&provider, &desk, &what).await;
                } else {
                    refuses(&provider, &desk, &what).await;
                }
            }
        }
    });
}

#[test]
fn ed25519_is_eddsa_by_its_own_name() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
        let key = Arc::new(Key::ed25519());
        let jwk = changed(&key.jwk(), &json!({"alg": "Ed25519"}));
        provider.patch(Document::Keys, json!({"keys": [jwk]}));
        provider.sign_with(Arc::clone(&key));
        for (alg, is_good) in [("Ed25519", true), ("EdDSA", true), ("Ed448", false)] {
            provider.patch(Document::Header, json!({"alg": alg}));
            if is_good {
                accepts(&provider, &desk, alg).await;
            } else {
                refuses(&provider, &desk, alg).await;
            }
        }
    });
}

#[test]
fn only_listed_algorithms_count_and_a_shared_secret_only_if_listed() {
    run(async {
        let provider = OpenId::start().await;
        let toml = provider.toml("a") + "id_token_algorithms = [\"HS256\", \"ES256\"]\n";
        let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
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
                accepts(&provider, &desk, &what).await;
            } else {
                refuses(&provider, &desk, &what).await;
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
        let (provider, desk) = OpenId::start_with_desk().await;
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
                accepts(&provider, &desk, what).await;
            } else {
                refuses(&provider, &desk, what).await;
            }
        }
        provider.behave();
        provider.clock.advance(Duration::from_secs(2 * 3600));
        provider.tamper(Document::Signature, |signature| {
            let text = signature.as_str().expect("a text");
            let first = if text.starts_with('A') { "B" } else { "A" };
            *signature = format!("{first}{}", &text[1..]).into();
        });
        refuses(&provider, &desk, "a flipped bit").await;
        provider.tamper(Document::Signature, |signature| {
            let padded = format!("{}=", signature.as_str().expect("a text"));
            *signature = padded.into();
        });
        refuses(&provider, &desk, "a padded signature").await;
    });
}

#[test]
fn keys_that_a_token_brings_along_are_not_looked_at() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
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
                refuses(&provider, &desk, &header.to_string()).await;
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
            include_str!("fixtures/rsa512.json"),
            include_str!("fixtures/rsa1024.json"),
        ] {
            let weak: Value = serde_json::from_str(weak).expect("JSON");
            let provider = OpenId::start_as(|_| "http://id.example.com".to_owned()).await;
            let desk = provider.desk(Database::sqlite()).run().await;
            let keys = json!({"keys": [weak["jwk"], provider.key().jwk()]});
            provider.patch(Document::Keys, keys);
            let browser = provider.signed_in(&desk, &li()).await;
            let token = weak["logout_token"].as_str().expect("a token");
            let answer = back_channel(&desk, "company", token).await;
            assert_eq!(answer.status, 400);
            assert_eq!(browser.get("/account").await.status, 200);
            // Its claims are right: under a key of a good length they count.
            let header = json!({"typ": "logout+jwt"});
            let token = provider.key().jwt(&header, &claims(token));
            let answer = back_channel(&desk, "company", &token).await;
            assert_eq!(answer.status, 200);
            assert_eq!(browser.get("/account").await.status, 303);
        }
    });
}

#[test]
fn keys_are_fetched_once_in_half_a_minute_whoever_sends_tokens() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
        let desk = Arc::new(desk);
        let browser = provider.signed_in(&desk, &li()).await;
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
                let (desk, unknown) = (Arc::clone(&desk), unknown.clone());
                spawn(async move {
                    for _ in 0..200 {
                        let answer = back_channel(&desk, "company", &unknown()).await;
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
        let waiting = provider.sign_in(&desk.browser(), &li()).await;
        if fetches() == now {
            assert_eq!(waiting.status, 502);
        }
        provider.clock.advance(Duration::from_secs(31));
        provider.signed_in(&desk, &li()).await;

        // An outage does not lift the limit, nor take away the keys that are known.
        provider.clock.advance(Duration::from_secs(31));
        provider.on_call(Call::Keys, Reply::Reset);
        let now = fetches();
        for _ in 0..100 {
            back_channel(&desk, "company", &unknown()).await;
        }
        assert!(fetches() - now <= 2, "{} fetches", fetches() - now);
        provider.signed_in(&desk, &li()).await;
        assert_eq!(browser.get("/account").await.status, 200);
    });
}

// -- claims --

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
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
        refuses_values(&provider, &desk, "iss", values).await;
        judges(
            &provider,
            &desk,
            &[(json!({"iss": null}), false), (json!({}), true)],
        )
        .await;
    });
}

#[test]
fn the_token_is_for_this_client_and_for_nobody_whom_it_does_not_trust() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
        judges(
            &provider,
            &desk,
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
        refuses(&provider, &desk, "an access token alone").await;

        let toml = provider.toml("a") + "trusted_audiences = [\"friend\"]\n";
        let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
        provider.behave();
        judges(
            &provider,
            &desk,
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
        let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
        provider.behave();
        let all = json!(["project", "frontdesk", "another"]);
        judges(
            &provider,
            &desk,
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
        let (provider, desk) = OpenId::start_with_desk().await;
        let now = provider.now();
        judges(
            &provider,
            &desk,
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
            refuses_values(&provider, &desk, claim, values).await;
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
        let (provider, desk) = OpenId::start_with_desk().await;
        let others = query(&desk.browser().begin("/").await)["nonce"].clone();
        judges(
            &provider,
            &desk,
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
        accepts(&provider, &desk, "the first time").await;
        refuses(&provider, &desk, "a replay").await;
    });
}

#[test]
fn a_code_of_another_transaction_is_of_no_use_even_where_pkce_is_ignored() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
        for ignores_pkce in [false, true] {
            if ignores_pkce {
                provider.ignore_pkce();
            }
            let (victim, attacker) = (desk.browser(), desk.browser());
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
            assert_refused(&desk, &answer, status, "a code of another's");
        }
    });
}

#[test]
fn the_subject_is_a_text_and_userinfo_speaks_of_the_same_person() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
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
        refuses_values(&provider, &desk, "sub", values()).await;
        judges(&provider, &desk, &[(json!({"sub": null}), false)]).await;
        provider.behave();
        for sub in values()
            .into_iter()
            .chain([json!("sub-of-wang"), json!("SUB-OF-LI")])
        {
            let what = format!("userinfo {sub}");
            provider.tamper(Document::Userinfo, move |claims| {
                claims["sub"] = sub.clone();
            });
            refuses(&provider, &desk, &what).await;
        }
        provider.patch(Document::Userinfo, json!({"sub": null}));
        refuses(&provider, &desk, "userinfo without").await;
        provider.behave();
        let longest = "x".repeat(255);
        let person = li().with("sub", longest.as_str());
        provider.signed_in(&desk, &person).await;

        // No field of a userinfo of somebody else is kept.
        provider.patch(
            Document::Userinfo,
            json!({"sub": "sub-of-wang", "name": "Mallory", "email": "m@evil.test"}),
        );
        let answer = provider.sign_in(&desk.browser(), &person).await;
        assert_eq!(answer.status, 502);
        let dump = desk.database.dump();
        assert!(!dump.contains("Mallory") && !dump.contains("m@evil.test"));
        let subjects = desk.db_column("identities", "subject");
        assert_eq!(subjects, [longest]);
    });
}

#[test]
fn a_token_counts_only_in_the_place_it_was_made_for() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
        let browser = provider.signed_in(&desk, &li()).await;
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
            let answer = back_channel(&desk, "company", &token).await;
            assert_eq!(answer.status, 400, "{what}");
        }
        assert_eq!(browser.get("/account").await.status, 200);
        desk.db_forget_everybody();

        // In the place of an ID token.
        for typ in ["at+jwt", "application/at+jwt", "logout+jwt", "dpop+jwt"] {
            provider.patch(Document::Header, json!({"typ": typ}));
            refuses(&provider, &desk, typ).await;
        }
        provider.patch(Document::Header, json!({"typ": null}));
        accepts(&provider, &desk, "no kind").await;
        provider.behave();
        let events = json!({"events": {LOGOUT_EVENT: {}}});
        judges(&provider, &desk, &[(events, false)]).await;
        provider.behave();
        for token in ["a.b.c.d.e", "opaque", "", "..", "a.b.c"] {
            provider.patch(Document::Token, json!({"id_token": token}));
            refuses(&provider, &desk, token).await;
        }
        provider.patch(Document::Token, json!({"id_token": 7}));
        refuses(&provider, &desk, "a number").await;
        provider.behave();

        // In the place of userinfo.
        for typ in ["at+jwt", "logout+jwt"] {
            userinfo_as_jwt(
                &provider,
                Arc::new(Key::rsa()),
                json!({"typ": typ}),
                json!({}),
            );
            refuses(&provider, &desk, typ).await;
        }
        provider.behave();

        // What an ID token says of the code and the access token must be true.
        judges(
            &provider,
            &desk,
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
        let (provider, desk) = OpenId::start_with_desk().await;
        let rsa = Arc::new(Key::rsa());
        let stranger = Arc::new(Key::other_rsa().with_id("rsa"));
        let shared = Arc::new(Key::secret("rsa", desk.client_secret.as_bytes()));
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
            refuses(&provider, &desk, what).await;
        }
        provider.tamper(Document::Userinfo, |userinfo| {
            *userinfo = format!("{}.{}.", part(&json!({"alg": "none"})), part(userinfo)).into();
        });
        refuses(&provider, &desk, "unsigned").await;
        userinfo_as_jwt(&provider, rsa, json!({}), json!({"name": "Signed Name"}));
        let browser = provider.signed_in(&desk, &li()).await;
        assert!(browser.get("/account").await.body.contains("Signed Name"));
        for seen in provider.seen(Call::Userinfo) {
            assert!(!seen.target.contains('?'));
        }
    });
}

#[test]
fn what_the_sign_in_asked_for_must_be_proven() {
    run(async {
        let provider = OpenId::start().await;
        let toml = provider.toml("a") + "max_age = 60\nacr_values = \"gold platinum\"\n";
        let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
        let asked = query(&desk.browser().begin("/").await);
        assert_eq!(
            (asked["max_age"].as_str(), asked["acr_values"].as_str()),
            ("60", "gold platinum")
        );
        let now = provider.now();
        judges(
            &provider,
            &desk,
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
        let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
        let browser = desk.browser();
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
        let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
        let browser = provider.signed_in(&desk, &li()).await;
        desk.db_make_superuser("li");
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
            let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
            let begun = desk.browser().get(from).await;
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

// -- discovery --

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
        let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
        provider.signed_in(&desk, &li()).await;
        for by in [
            json!({"token_endpoint": "http://id.example.com/t/token"}),
            json!({"token_endpoint": "http://evil.test/t/token"}),
            json!({"authorization_endpoint": format!("{}/t/authorize", provider.url)}),
        ] {
            provider.patch(Document::Discovery, by.clone());
            let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
            assert_unavailable(&desk, &by.to_string()).await;
        }
    });
}

/// Nobody is sent to a provider that is not known.
async fn assert_unavailable(desk: &Desk, what: &str) {
    let answer = desk.browser().get("/oauth2/login?next=/account").await;
    let status = answer.status.as_u16();
    assert!((502..=504).contains(&status), "{what}: {status}");
    assert_refused(desk, &answer, status, what);
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
            let desk = provider.desk(Database::sqlite()).run().await;
            assert_unavailable(&desk, &by.to_string()).await;
        }
        let changes: [fn(&str) -> String; 2] = [|issuer| format!("{issuer}/"), str::to_uppercase];
        for change in changes {
            let provider = OpenId::start().await;
            let other = change(&provider.issuer);
            provider.patch(Document::Discovery, json!({"issuer": other}));
            let desk = provider.desk(Database::sqlite()).run().await;
            assert_unavailable(&desk, &other).await;
        }
        // A redirect of it is not followed.
        let (provider, elsewhere) = (OpenId::start().await, OpenId::start().await);
        let redirect = format!(
            "HTTP/1.1 302 X\r\nlocation: {}/.well-known/openid-configuration\r\ncontent-length: 0\r\n\r\n",
            elsewhere.url
        );
        provider.on_call(Call::Discovery, Reply::Raw(redirect.into_bytes()));
        let desk = provider.desk(Database::sqlite()).run().await;
        assert_unavailable(&desk, "a redirect").await;
        assert!(elsewhere.seen(Call::Discovery).is_empty());
    });
}

#[test]
fn an_issuer_with_a_path_is_asked_beneath_it() {
    run(async {
        for path in ["/realms/a", "/realms/a/"] {
            let provider = OpenId::start_as(|url| format!("{url}{path}")).await;
            let desk = provider.desk(Database::sqlite()).run().await;
            provider.signed_in(&desk, &li()).await;
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
            let start = provider.desk(Database::sqlite());
            let ca_file = ca_file.to_str().expect("Unicode");
            let desk = start.with("OAUTH2_CA_FILE", ca_file).run().await;
            if endpoint.is_empty() {
                let authorize_url = desk.browser().begin("/").await;
                assert!(authorize_url.starts_with("https://id.example.com/authorize?"));
                provider.signed_in(&desk, &li()).await;
            } else {
                assert_unavailable(&desk, endpoint).await;
            }
        }
    });
}

#[test]
fn a_worse_document_does_not_replace_the_last_good_one() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
        provider.signed_in(&desk, &li()).await;
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
                desk.browser().get("/login").await;
                provider.seen(Call::Discovery).len() > read
            })
            .await;
            provider.signed_in(&desk, &li()).await;
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
            desk.browser().begin("/").await.starts_with(&moved)
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
        let desk = provider.desk(Database::sqlite()).run().await;
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
            assert_unavailable(&desk, what).await;
        }
        provider.behave();
        let browser = desk.browser();
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
        let desk = provider.desk(Database::sqlite()).run().await;
        assert_unavailable(&desk, "nowhere").await;

        // Not required, but set so.
        let provider = OpenId::start().await;
        let toml = provider.toml("a") + "use_par = true\n";
        let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
        provider.on_call(Call::PushedRequest, Reply::Reset);
        assert_unavailable(&desk, "set").await;
        provider.behave();
        provider.signed_in(&desk, &li()).await;
        assert_eq!(provider.seen(Call::PushedRequest).len(), 2);
    });
}

// -- signing out --

#[test]
fn a_bad_logout_token_ends_nothing_and_says_nothing() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
        let browser = provider.signed_in(&desk, &li().with("sid", "s")).await;
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
        let shared = Key::secret("rsa", desk.client_secret.as_bytes());
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
            let answer = back_channel(&desk, "company", token).await;
            assert_eq!(answer.status, 400, "{what}");
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
            assert!(
                answer.body.len() < 100,
                "{what}: no detail: {}",
                answer.body
            );
        }
        // No form at all, a form of a megabyte, the token twice, another method, nobody's address.
        let anyone = desk.browser();
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
        assert_eq!(desk.db_live_sessions(), 1);

        // The good one counts, once.
        assert_eq!(back_channel(&desk, "company", &good).await.status, 200);
        assert_eq!(browser.get("/account").await.status, 303);
        let again = provider.signed_in(&desk, &li().with("sid", "s2")).await;
        assert_eq!(
            back_channel(&desk, "company", &good).await.status,
            400,
            "a replay"
        );
        assert_eq!(again.get("/account").await.status, 200);
        assert!(!desk.log().contains(&good));
    });
}

on_both_databases! {
    async fn a_logout_token_ends_what_it_names_on_every_instance_and_nothing_else(database) {
        let ([one, two], desk) = two_with_desk(database.clone()).await;
        let toml = format!("{}\n{}", one.toml("a"), two.toml("b"));
        let other = Desk::on(database).beside(&desk).providers(&toml).run().await;
        let sign_in = async |provider: &OpenId, id: &str, name: &str, sub: &str, sid: &str| {
            let subject = Subject::named(name).with("sub", sub).with("sid", sid);
            let browser = desk.browser();
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
            (&desk, json!({"sid": "unknown"}), [true, true, true, true, true]),
            (&other, json!({"sub": "unknown"}), [true, true, true, true, true]),
            (&desk, json!({"sid": "s1"}), [false, true, true, true, true]),
            (&other, json!({"sid": "s2", "sub": "sub-1"}), [false, false, true, true, true]),
            (&other, json!({"sub": "sub-1"}), [false, false, false, true, true]),
        ] {
            let answer = back_channel(at, "a", &one.logout_token(&by)).await;
            assert_eq!(answer.status, 200, "{by}");
            assert_eq!(live().await, expected, "{by}");
        }
        // At the other provider's address the token of this one counts for nothing.
        let token = one.logout_token(&json!({"sub": "sub-1"}));
        assert_eq!(back_channel(&desk, "b", &token).await.status, 400);
        assert_eq!(elsewhere.get("/account").await.status, 200);
        // Whoever signs in after that stays; a token counts once for all instances.
        let token = one.logout_token(&json!({"sub": "sub-2"}));
        assert_eq!(back_channel(&desk, "a", &token).await.status, 200);
        // Tokens tell seconds: what is issued in the same one may have been issued before.
        desk.clock.advance(Duration::from_secs(2));
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
            let start = provider.desk(Database::sqlite());
            let desk = start.with("OAUTH2_RECHECK", "5m").run().await;
            let browser = provider.signed_in(&desk, &li()).await;
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
        let (provider, desk) = OpenId::start_with_desk().await;
        let browser = provider.signed_in(&desk, &li()).await;
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
        let desk = provider.desk(Database::sqlite()).run().await;
        let browser = provider.signed_in(&desk, &li()).await;
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
        let answer = desk.browser().get("/signed-out/provider").await;
        assert!(!answer.location().contains("id_token_hint"));
    });
}

// -- trouble --

/// Of the sign-in page, for one provider or for all.
const UNAVAILABLE: &str = "cannot be reached at the moment";

#[test]
fn a_provider_that_goes_away_after_an_hour_is_shown_as_away() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
        let provider_of = || desk.inner.providers.all()[0].clone();
        until("it is known", async || provider_of().is_available()).await;
        provider.on_call(Call::Discovery, Reply::Reset);
        desk.clock.advance(Duration::from_secs(3700));
        desk.browser().get("/login").await;
        until("it is away", async || !provider_of().is_available()).await;
        provider.behave();
        until("it is back", async || {
            desk.clock.advance(Duration::from_secs(1));
            desk.browser().get("/login").await;
            provider_of().is_available()
        })
        .await;
    });
}

#[test]
fn a_provider_that_is_down_at_the_start_is_found_when_it_comes() {
    run(async {
        let port = free_port();
        let desk = Desk::on(Database::sqlite())
            .with("OAUTH2_ISSUER", format!("http://127.0.0.1:{port}"))
            .without("OAUTH2_AUTHORIZE_URL")
            .without("INTERNAL_URL_PREFIX")
            .run()
            .await;
        desk.db_create_local_account("rescuer");
        for path in ["/healthz", "/readyz"] {
            assert_eq!(desk.browser().get(path).await.status, 200, "{path}");
        }
        let local = desk.browser();
        let mut page = local.get("/login").await;
        until("the page says so", async || {
            page = local.get("/login").await;
            page.body.contains(UNAVAILABLE)
        })
        .await;
        let fields = [("username", "rescuer"), ("password", PASSWORD)];
        let answer = local.post("/login", &page, &fields).await;
        assert!(answer.sets_session(), "{}", answer.body);
        let answer = desk.browser().get("/oauth2/login?next=/account").await;
        assert!(
            (502..=504).contains(&answer.status.as_u16()),
            "{}",
            answer.status
        );

        let provider = OpenId::start_on(port).await;
        until("people are sent there", async || {
            desk.browser()
                .get("/oauth2/login?next=/account")
                .await
                .status
                == 303
        })
        .await;
        let browser = provider.signed_in(&desk, &li()).await;
        until("the page says nothing more", async || {
            !desk
                .browser()
                .get("/login")
                .await
                .body
                .contains(UNAVAILABLE)
        })
        .await;

        // It dies; who is signed in does not notice. It comes back with other keys.
        for call in [Call::Discovery, Call::Keys, Call::Token, Call::Userinfo] {
            provider.on_call(call, Reply::Reset);
        }
        desk.clock.advance(Duration::from_secs(3600));
        assert_eq!(browser.get("/account").await.status, 200);
        let answer = provider.sign_in(&desk.browser(), &li()).await;
        assert_eq!(answer.status, 502);
        assert!(!answer.sets_session());
        provider.behave();
        provider.clock.advance(Duration::from_secs(3600));
        provider.sign_with(Key::other_rsa());
        provider.signed_in(&desk, &li()).await;
        assert_eq!(browser.get("/account").await.status, 200);
    });
}

const CALLS: [Call; 5] = [
    Call::Discovery,
    Call::PushedRequest,
    Call::Token,
    Call::Keys,
    Call::Userinfo,
];

/// A sign-in while one call goes wrong, then one while all is well.
async fn in_trouble(call: Call, what: &str, reply: Reply, status: u16) {
    let what = format!("{call:?} {what}");
    let provider = OpenId::start().await;
    let required = json!({"require_pushed_authorization_requests": call == Call::PushedRequest});
    provider.patch(Document::Discovery, required);
    provider.on_call(call, reply);
    let desk = provider.desk(Database::sqlite()).run().await;
    let browser = desk.browser();
    let begun = browser.get("/oauth2/login?next=/account").await;
    let answer = if begun.status == 303 {
        browser
            .get(&provider.approve(begun.location(), &li()))
            .await
    } else {
        begun
    };
    // Where nothing was begun, the provider is just unavailable.
    let is_unavailable = call == Call::Discovery && answer.status == 503;
    let status = if is_unavailable { 503 } else { status };
    assert_refused(&desk, &answer, status, &what);
    if status == 503 {
        assert!(!answer.header("retry-after").is_empty(), "{what}");
    }
    assert!(
        provider.seen(Call::Token).len() <= 1,
        "{what}: the code was sent once"
    );
    provider.behave();
    // A document that could not be read is not asked for again at once.
    provider.clock.advance(Duration::from_secs(3));
    let again = provider.sign_in(&desk.browser(), &li()).await;
    assert!(again.sets_session(), "{what}, the next try: {}", again.body);
}

#[test]
fn whichever_call_fails_there_is_one_page_and_the_next_try_works() {
    run(async {
        for call in CALLS {
            for (what, reply, status) in chaos() {
                in_trouble(call, what, reply, status).await;
            }
        }
    });
}

#[test]
fn whichever_call_hangs_people_wait_ten_seconds_at_most() {
    run(async {
        let mut waiting = Vec::new();
        for call in CALLS {
            for reply in [Reply::Silence, Reply::DripHeaders, Reply::StallAfterHeaders] {
                waiting.push(spawn(async move {
                    let started = Instant::now();
                    in_trouble(call, &format!("{reply:?}"), reply, 504).await;
                    let took = started.elapsed();
                    assert!(took < Duration::from_secs(25), "{call:?} took {took:?}");
                }));
            }
        }
        for one in waiting {
            one.await.expect("a page in time");
        }
    });
}

#[test]
fn clocks_may_be_half_a_minute_apart_and_more_is_named_as_such() {
    run(async {
        let (provider, desk) = OpenId::start_with_desk().await;
        for ahead in [-300, 300] {
            provider.set_ahead(ahead);
            let answer = provider.sign_in(&desk.browser(), &li()).await;
            assert_refused(&desk, &answer, 502, &format!("{ahead} s"));
            let reference = answer.reference();
            let log = desk.log();
            let named = log
                .lines()
                .any(|line| line.contains(&reference) && line.contains("clock"));
            assert!(named, "{ahead} s: the log names the cause");
        }
        for ahead in [-30, 30, 0] {
            provider.set_ahead(ahead);
            accepts(&provider, &desk, &format!("{ahead} s")).await;
        }
        // In 2100, past what 32 bits hold.
        provider.clock.advance(Duration::from_secs(75 * 31_557_600));
        accepts(&provider, &desk, "2100").await;
    });
}
