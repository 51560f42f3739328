//! What a trial sign-in shows, and what it hides.

use serde_json::{Value, json};

use crate::support::openid::Subject;
use crate::support::{Browser, Database, Db, Desk, OpenId, run};

/// A provider, a desk and an admin.
async fn start() -> (OpenId, Desk, Browser) {
    let provider = OpenId::start().await;
    let toml = provider.toml("a");
    let desk = provider.desk_of(Database::sqlite(), &toml).run().await;
    let boss = provider.signed_in(&desk, &Subject::named("boss")).await;
    desk.db_make_superuser("boss");
    (provider, desk, boss)
}

async fn tried(provider: &OpenId, boss: &Browser, claims: &Value) -> String {
    let mut subject = Subject::named("li");
    for (name, value) in claims.as_object().expect("claims") {
        subject = subject.with(name, value.clone());
    }
    let from = "/oauth2/login?rehearse=1&provider=a";
    let answer = provider.sign_in_from(boss, from, &subject).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[test]
fn a_test_sign_in_shows_no_value_of_a_member_whose_name_speaks_of_a_secret() {
    run(async {
        let (provider, _desk, boss) = start().await;
        let names = [
            "pin_hash",
            "pinHash",
            "PIN",
            "api_key",
            "apiKey",
            "APIKey",
            "x-api-key",
            "apikey",
            "otp",
            "otpSeed",
            "totp_secret",
            "private_key",
            "privateKey",
            "private-key-pem",
            "credential",
            "userCredentials",
            "cookie",
            "set-cookie",
            "session",
            "sessionId",
            "session_state",
            "csrf",
            "xsrfToken",
            "passwd",
            "passphrase",
            "passcode",
            "pwd",
            "db.pwd",
            "access_token",
            "refreshToken",
            "clientSecret",
            "client_assertion",
            "password_hash",
            "hash",
            "salt",
            "recovery_codes",
            "backupCodes",
            "authorization_code",
            "code",
            "nonce",
            "user_ticket",
            "code_verifier",
            "signingKey",
            "ssh_key",
            "hmacKey",
            "jwt",
            "bearer",
            "密码",
            "登录口令",
            "验证码",
        ];
        let mut claims = json!({});
        for (number, name) in names.iter().enumerate() {
            let canary = format!("canary-{number}-of-{}", name.len());
            // As a text, in an object, in a list, and beside its name.
            claims[*name] = match number % 3 {
                0 => json!(canary),
                1 => json!({"value": canary, "since": [canary]}),
                _ => json!([canary, {"deep": canary}]),
            };
        }
        claims["custom_attrs"] = json!(
            names
                .iter()
                .map(
                    |name| json!({"name": name, "value": "canary-beside-its-name", "type": "TEXT"})
                )
                .collect::<Vec<_>>()
        );
        let page = tried(&provider, &boss, &claims).await;
        for (number, name) in names.iter().enumerate() {
            assert!(
                !page.contains(&format!("canary-{number}-of")),
                "{name}: {page}"
            );
            assert!(
                page.contains(name) || name.contains('-'),
                "its name is shown: {name}"
            );
        }
        assert!(!page.contains("canary-beside"), "{page}");
    });
}

#[test]
fn a_test_sign_in_shows_what_a_mapping_needs() {
    run(async {
        let (provider, _desk, boss) = start().await;
        let names = [
            "country_code",
            "postalCode",
            "employee_number",
            "department_key",
            "keyboard",
            "spinning",
            "pinyin",
            "passport_country",
            "authority",
            "auth_time",
            "groups",
            "position",
            "hashtag",
            "cookbook",
            "compass",
            "encoded_by",
            "codename",
            "opinion",
            "monkey",
            "key",
        ];
        let mut claims = json!({});
        for (number, name) in names.iter().enumerate() {
            claims[*name] = json!(format!("shown-{number}."));
        }
        claims["dotted"] = json!("li.xiao.yu and version 1.2.3");
        claims["picture"] = json!("https://cdn.example.com/li.png?size=64");
        let page = tried(&provider, &boss, &claims).await;
        for (number, name) in names.iter().enumerate() {
            if *name != "auth_time" {
                assert!(page.contains(&format!("shown-{number}.")), "{name}: {page}");
            }
        }
        assert!(page.contains("li.xiao.yu and version 1.2.3"));
        assert!(page.contains("li.png?size=64"), "{page}");
    });
}

#[test]
fn a_test_sign_in_shows_no_value_that_looks_like_a_token_whatever_it_is_called() {
    run(async {
        let (provider, _desk, boss) = start().await;
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ";
        let values = [
            jwt.to_owned(),
            format!("see {jwt}, please"),
            format!("https://x.example.com/?p={jwt}"),
            "https://x.example.com/a.png?access_token=canary-in-a-query".to_owned(),
            "https://x.example.com/a#id_token=canary-in-a-fragment".to_owned(),
            "https://li:canary-in-an-address@x.example.com/".to_owned(),
            "Bearer canary-after-bearer".to_owned(),
            "Basic Y2FuYXJ5OmNhbmFyeQ==".to_owned(),
            "-----BEGIN PRIVATE KEY-----\ncanary-in-pem\n-----END PRIVATE KEY-----".to_owned(),
            "-----BEGIN RSA PRIVATE KEY-----\ncanary-in-pem".to_owned(),
            "pbkdf2_sha256$600000$canary-salt$canary-hash".to_owned(),
            "$2b$12$canaryCanaryCanaryCanaryCa".to_owned(),
            "{SSHA}canarycanarycanary".to_owned(),
            "glpat-canarycanarycanary12".to_owned(),
            "ghp_canarycanarycanarycanary12".to_owned(),
            "{\"inner\": {\"password\": \"canary-in-a-text-of-json\"}}".to_owned(),
        ];
        let mut claims = json!({});
        for (number, value) in values.iter().enumerate() {
            claims[format!("plain{number}")] = json!(value);
        }
        claims["list"] = json!(values);
        let page = tried(&provider, &boss, &claims).await;
        for hidden in ["canary", "eyJ", "Y2FuYXJ5", "c2lnbmF0dXJl"] {
            assert!(!page.contains(hidden), "{hidden}: {page}");
        }
        assert!(page.contains("li@example.com"));
    });
}
