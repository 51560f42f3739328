//! How the portal authenticates at the token endpoint.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::li;
use crate::support::lying_openid::{Call, Document, Key, claims};
use crate::support::provider::{ODD_SECRETS, Seen};
use crate::support::{Database, OpenId, Reply, run};

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
                let start = provider.portal(Database::sqlite());
                let portal = start.with("OAUTH2_CLIENT_SECRET", secret).run().await;
                provider.signed_in(&portal, &li()).await;
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
        let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
        provider.signed_in(&portal, &li()).await;
        let seen = provider.seen(Call::Token);
        assert_eq!(seen[0].form()["client_id"], "frontdesk");
        assert!(!seen[0].form().contains_key("client_secret"));
        assert!(seen[0].header("authorization").is_none());
        // Refused: not tried again in another way.
        provider.on_call(
            Call::Token,
            Reply::json(401, &json!({"error": "invalid_client"})),
        );
        let answer = provider.sign_in(&portal.browser(), &li()).await;
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
            let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
            provider.signed_in(&portal, &li()).await;
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
            assert!(!portal.log().contains(assertion));
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
        let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
        provider.signed_in(&portal, &li()).await;
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
