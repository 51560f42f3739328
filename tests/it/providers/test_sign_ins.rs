//! Test sign-ins: what they do, what they leave alone, what they show and what they hide.

use serde_json::{Value, json};

use super::{GROUPS, alone, sign_in, user};
use crate::support::lying_openid::{Call, Document, Subject};
use crate::support::{
    Answer, Browser, Database, Db, OpenId, Portal, Reply, on_both_databases, run,
};

fn rehearsing(provider: &str) -> String {
    format!("/oauth2/login?rehearse=1&provider={provider}")
}

/// A trial's page; nothing was changed by it, and the admin is who they were.
async fn rehearse(
    portal: &Portal,
    provider: &OpenId,
    admin: &Browser,
    subject: &Subject,
) -> Answer {
    let before = portal.db_snapshot();
    let answer = provider
        .sign_in_from(admin, &rehearsing("a"), subject)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.sets_session());
    assert_eq!(answer.user().as_deref(), Some("boss"));
    assert_eq!(user(admin).await.as_deref(), Some("boss"));
    assert_eq!(portal.db_snapshot(), before);
    answer
}

on_both_databases! {
    async fn an_admin_sees_what_a_sign_in_would_do_and_nothing_is_done(database) {
        let more = format!("{GROUPS}permission_prefix = \"kc.\"\nadmit_values = {{ \"/tenant\" = [\"t1\"] }}\n");
        let (provider, portal) = alone(database, &more).await;
        let person = |name: &str| Subject::named(name).with("tenant", "t1").with("groups", json!(["x", "y"]));
        for name in ["li", "gone"] {
            sign_in(&portal, &provider, "a", &person(name)).await;
        }
        portal.db_deactivate("gone");
        let admin = sign_in(&portal, &provider, "a", &person("boss")).await;
        for (make_them, status) in [("", 403), ("is_staff = TRUE", 403), ("is_superuser = TRUE, is_staff = TRUE", 303)] {
            if !make_them.is_empty() {
                portal.database.execute(&format!("UPDATE users SET {make_them} WHERE username = 'boss'"));
            }
            assert_eq!(admin.get(&rehearsing("a")).await.status.as_u16(), status, "{make_them}");
        }
        assert_eq!(portal.browser().get(&rehearsing("a")).await.location().split('?').next(), Some("/login"));

        for (subject, verdict) in [
            (person("newcomer"), "A new account would be created."),
            (person("li").with("groups", json!(["y", "z"])), "The sign-in would open the account li."),
            (person("gone"), "The sign-in would be refused: the account gone is deactivated."),
            (person("li").with("sub", "another"), "the username belongs to the account li"),
            (person("newcomer").with("tenant", "t2"), "does not belong to this company"),
        ] {
            let page = rehearse(&portal, &provider, &admin, &subject).await.body;
            assert!(page.contains(verdict), "{verdict}: {page}");
            assert!(!page.contains("Failed step"), "{verdict}");
        }

        // What it reads, and from where; what it would give and take.
        let secrets = json!({
            "groups": ["y", "z"],
            "client_secret": "canary-of-one-text",
            "nested": {"client_secret": {"value": "canary-of-an-object"}, "api_tokens": ["canary-of-a-list"]},
        });
        let mut subject = person("li");
        for (claim, value) in secrets.as_object().expect("claims") {
            subject = subject.with(claim, value.clone());
        }
        let page = rehearse(&portal, &provider, &admin, &subject).await.body;
        assert!(!page.contains("canary-of"), "{page}");
        for words in ["ID token", "Userinfo", "/preferred_username", "/email", "li@example.com", "client_secret", "••••", "sub-of-li"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        let (_, gained) = page.split_once("Permissions gained").expect("gained");
        let (gained, lost) = gained.split_once("Permissions lost").expect("lost");
        let lost = lost.split("</ul>").next().expect("a list");
        assert!(gained.contains("kc.z") && !gained.contains("kc.y") && !gained.contains("kc.x"), "{gained}");
        assert!(lost.contains("kc.x") && !lost.contains("kc.y"), "{lost}");
        let page = rehearse(&portal, &provider, &admin, &person("li").with("groups", json!({"garbled": true}))).await.body;
        assert!(page.contains("the previous ones would be kept"), "{page}");

        // Where it fails, the page names the step.
        provider.patch(Document::IdToken, json!({"nonce": "another"}));
        let page = rehearse(&portal, &provider, &admin, &person("li")).await.body;
        assert!(page.contains("Failed step: ID token verification"), "{page}");
        provider.behave();
        for (call, step) in [(Call::Token, "code exchange"), (Call::Userinfo, "reading the profile")] {
            provider.on_call(call, Reply::Answer(500, "text/html", Vec::new()));
            let page = rehearse(&portal, &provider, &admin, &person("li")).await.body;
            assert!(page.contains(&format!("Failed step: {step}")), "{page}");
            provider.behave();
        }

        // Whoever is no admin any more by the time of the way back sees nothing.
        let begun = admin.get(&rehearsing("a")).await;
        let callback = provider.approve(begun.location(), &person("li"));
        portal.db_make_employee("boss");
        let answer = admin.get(&callback).await;
        assert_eq!(answer.status, 403);
        assert!(!answer.body.contains("sub-of-li"));
    }
}

/// A provider, a portal and an admin.
async fn start() -> (OpenId, Portal, Browser) {
    let provider = OpenId::start().await;
    let toml = provider.toml("a");
    let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
    let boss = provider.signed_in(&portal, &Subject::named("boss")).await;
    portal.db_make_superuser("boss");
    (provider, portal, boss)
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
        let (provider, _portal, boss) = start().await;
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
        let (provider, _portal, boss) = start().await;
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
        let (provider, _portal, boss) = start().await;
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
