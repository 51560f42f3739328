//! The file of providers, and what `check` says of it.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;
use frontdesk::config::Settings;
use serde_json::json;
use tempfile::TempDir;

use super::moving::{command, of_file};
use crate::support::lying_openid::{Call, Document};
use crate::support::process::{self, free_port};
use crate::support::{Database, OpenId, Provider, Reply, run};

/// A `SECRET_KEY`.
pub(super) const KEY: &str = "provider-tests-0123456789abcdefghijklmnopqrstuvwxyz";

/// A file of providers, and what is set beside it.
pub(super) fn settings(toml: &str, more: &[(&str, &str)]) -> (TempDir, HashMap<String, String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("providers.toml");
    std::fs::write(&path, toml).expect("a file");
    let mut variables = HashMap::from([
        (
            "FRONTDESK_PROVIDERS".to_owned(),
            path.to_str().expect("Unicode").to_owned(),
        ),
        (
            "FRONTDESK_PUBLIC_URL".to_owned(),
            "https://desk.example.com".to_owned(),
        ),
        ("DATABASE_URL".to_owned(), "desk.sqlite3".to_owned()),
        ("SECRET_KEY".to_owned(), KEY.to_owned()),
    ]);
    variables.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    (folder, variables)
}

/// What is wrong with them, one fault a line.
fn faults(toml: &str, more: &[(&str, &str)]) -> Vec<String> {
    let (_folder, variables) = settings(toml, more);
    match Settings::parse(&variables) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.lines().to_vec(),
    }
}

/// A provider that has no fault.
fn sound(id: &str) -> String {
    format!(
        "[{id}]\nkind = \"openid\"\nissuer = \"https://{id}.example\"\nclient_id = \"x\"\nclient_secret = \"hunter2-secret\"\nvouches_for = []\n"
    )
}

#[test]
fn all_faults_of_the_file_are_reported_at_once_by_table_and_no_secret_is_shown() {
    let toml = "\
        text = \"no table\"\n\
        [Bad-Id]\nkind = \"openid\"\n\
        [typo]\nkind = \"openid\"\nclient_secret = \"hunter2-secret\"\ncolour = \"#ffffff\"\n\
        [wrong]\nkind = \"openid\"\nclient_secret = 123454321\n\
        [none]\n\
        [oauth]\nkind = \"oauth2\"\nissuer = \"https://id.example\"\nclient_secret = \"hunter2-secret\"\n\
        [many]\nkind = \"saml\"\nissuer = \"https://id.example?tenant=1\"\n\
        client_secret = \"hunter2-secret\"\nclient_secret_file = \"hunter2-secret\"\n\
        client_auth = \"jwt\"\nscope = \"profile\"\nredirect_url = \"https://desk.example.com/login\"\n\
        token_url = \"ftp://id.example\"\ncolor = \"blue\"\nrecheck = \"often\"\nrecheck_rate = 0\n\
        recheck_with = \"luck\"\nid_token_algorithms = [\"none\"]\nadmit_email_domains = [\"*@corp.example\"]\n\
        ca_file = \"nowhere.pem\"\nmapping.subject = \"sub\"\nmapping.permissions = [\"groups\"]\n\
        dialect.token_request = \"xml\"\nadmit_values = { \"/tenant\" = [] }\n";
    let told = faults(toml, &[]);
    for name in [
        "text",
        "Bad-Id",
        "typo.colour",
        "wrong.client_secret",
        "none.kind",
        "none.client_id",
        "none.client_secret",
        "oauth.issuer",
        "oauth.client_id",
        "many.kind",
        "many.issuer",
        "many.client_id",
        "many.client_secret_file",
        "many.client_auth",
        "many.scope",
        "many.redirect_url",
        "many.token_url",
        "many.color",
        "many.recheck",
        "many.recheck_rate",
        "many.recheck_with",
        "many.id_token_algorithms",
        "many.admit_email_domains",
        "many.admit_values",
        "many.ca_file",
        "many.mapping.subject",
        "many.mapping.permissions",
        "many.dialect.token_request",
    ] {
        let begin = format!("FRONTDESK_PROVIDERS {name} ");
        assert!(
            told.iter().any(|line| line.starts_with(&begin)),
            "{name} in {told:#?}"
        );
    }
    let of = |table: &str| {
        let begin = format!("FRONTDESK_PROVIDERS {table} ");
        told.iter().find(|line| line.starts_with(&begin)).cloned()
    };
    let typo = of("typo.colour").expect("a fault");
    assert!(typo.contains("colour"), "{typo}");
    for secret in ["hunter2", "123454321"] {
        assert!(told.iter().all(|line| !line.contains(secret)), "{told:#?}");
    }
    // What is no TOML is told by its line, without its text.
    let told = faults(
        "[a]\nkind = \"openid\"\nclient_secret = hunter2-secret\n",
        &[],
    );
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("line 3") && !told[0].contains("hunter2"),
        "{told:?}"
    );
}

#[test]
fn two_providers_share_neither_an_id_nor_a_callback() {
    let company = [
        ("OAUTH2_CLIENT_ID", "x"),
        ("OAUTH2_CLIENT_SECRET", "y"),
        ("OAUTH2_ISSUER", "https://id.example"),
        (
            "OAUTH2_REDIRECT_URL",
            "https://desk.example.com/oauth2_callback/",
        ),
        ("OAUTH2_VOUCHES_FOR", "[]"),
    ];
    let with_callback = |id: &str| {
        format!(
            "{}redirect_url = \"https://desk.example.com/oauth2_callback/\"\n",
            sound(id)
        )
    };
    let nothing: &[(&str, &str)] = &[];
    for (toml, more, fault) in [
        (sound("company"), nothing, None),
        (
            sound("company"),
            &company[..],
            Some("has a provider called company"),
        ),
        (sound("branch"), &company[..], None),
        (
            with_callback("c") + &with_callback("d"),
            nothing,
            Some("d.redirect_url has the same path as that of c"),
        ),
        (
            with_callback("branch"),
            &company[..],
            Some("has the same path as that of branch"),
        ),
        (
            String::new(),
            nothing,
            Some("names a file without providers"),
        ),
    ] {
        let told = faults(&toml, more);
        match fault {
            None => assert!(told.is_empty(), "{toml}: {told:?}"),
            Some(fault) => {
                assert_eq!(told.len(), 1, "{told:?}");
                assert!(told[0].contains(fault), "{told:?}");
            }
        }
    }
}

#[test]
fn check_names_each_provider_and_what_is_wrong_with_it() {
    run(async {
        let dated = |status: u16, at: SystemTime| {
            let head = format!(
                "HTTP/1.1 {status} X\r\ndate: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                HttpDate::from(at)
            );
            Reply::Raw(head.into_bytes())
        };
        let (good, missing, slow, wrong) = (
            OpenId::start().await,
            OpenId::start().await,
            OpenId::start().await,
            OpenId::start().await,
        );
        let now = SystemTime::now();
        missing.on_call(Call::Discovery, dated(404, now));
        slow.on_call(Call::Discovery, dated(500, now + Duration::from_secs(300)));
        good.patch(
            Document::Discovery,
            json!({"scopes_supported": ["openid", "profile"], "claims_supported": ["sub"]}),
        );
        wrong.patch(Document::Discovery, json!({"issuer": "https://evil.test"}));
        let gone = format!(
            "[gone]\nkind = \"openid\"\nissuer = \"http://127.0.0.1:{}\"\nclient_id = \"x\"\nclient_secret = \"hunter2-secret\"\nvouches_for = []\n",
            free_port()
        );
        let toml = [
            good.toml("good"),
            gone,
            missing.toml("missing"),
            slow.toml("slow"),
            wrong.toml("wrong"),
        ]
        .join("\n");
        let folder = tempfile::tempdir().expect("a folder");
        let database = Database::sqlite();
        let settings = of_file(&database, &folder, &toml);
        let (is_good, said) = command(&["check"], &settings);
        assert!(!is_good);
        for secret in ["hunter2", &good.secret, &wrong.secret] {
            assert!(!said.contains(secret));
        }
        for (id, lines) in [
            (
                "good",
                [
                    "ok       discovery of good: the issuer matches the setting; client authentication by client_secret_basic",
                    "warning  clock of good: ",
                ],
            ),
            (
                "gone",
                [
                    "fault    discovery of gone: the metadata cannot be reached",
                    "FRONTDESK_PROVIDERS gone.issuer",
                ],
            ),
            (
                "missing",
                [
                    "fault    discovery of missing: the metadata address answered 404",
                    "ok       clock of missing: in step with the provider's",
                ],
            ),
            (
                "slow",
                [
                    "fault    discovery of slow: the metadata address answered 500",
                    "more than a minute",
                ],
            ),
            (
                "wrong",
                [
                    "fault    discovery of wrong: the metadata names the issuer https://evil.test",
                    "warning  clock of wrong: ",
                ],
            ),
        ] {
            let (_, of) = said
                .split_once(&format!("provider {id}: OpenID Connect, issuer "))
                .unwrap_or_else(|| panic!("{id} in {said}"));
            let of = of
                .split("OpenID Connect, issuer ")
                .next()
                .unwrap_or_default();
            for line in lines {
                assert!(of.contains(line), "{id}: {line} in {said}");
            }
        }
        assert!(said.contains("seconds ahead: more than a minute"), "{said}");
        for offer in [
            "good.scope: the provider does not list email",
            "good.mapping.username: /preferred_username: the provider does not list",
        ] {
            assert!(said.contains(offer), "{offer} in {said}");
        }
        assert!(!said.contains("good.mapping.subject") && !said.contains("list profile"));

        // What is right alone.
        let provider = Provider::start().await;
        let settings = process::settings(free_port(), &provider, &database);
        let (is_good, said) = command(&["check"], &settings);
        assert!(
            is_good && said.contains("ok       provider company: OAuth2"),
            "{said}"
        );
    });
}
