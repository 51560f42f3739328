use std::collections::HashMap;
use std::io::Write as _;

use super::answers::collect;
use super::*;
use crate::config::OPTIONS;

type Spoil = fn(&mut Init);

fn read_back(text: &str) -> HashMap<String, String> {
    dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .expect("a file that can be read")
}

/// A complete set of flags, and the file with the secret.
fn flags(secret: &str) -> (Init, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(secret.as_bytes()).expect("a secret");
    let init = Init {
        public_url: Some("https://desk.example.com/".to_owned()),
        authorize_url: Some("https://id.example.com/o/authorize/".to_owned()),
        client_id: Some("frontdesk".to_owned()),
        client_secret_file: Some(file.path().to_owned()),
        yes: true,
        ..Init::default()
    };
    (init, file)
}

fn collected(init: &Init) -> HashMap<String, String> {
    collect(init, Questions::Skipped).unwrap_or_else(|_| panic!("{}", refusal(init)))
}

fn refusal(init: &Init) -> String {
    match collect(init, Questions::Skipped) {
        Err(Failure::Reason(reason)) => reason,
        _ => panic!("it was taken"),
    }
}

#[test]
fn nasty_values_are_read_back_byte_for_byte() {
    for value in [
        "plain",
        "",
        " spaces at both ends ",
        "it's",
        "'",
        "''",
        "\"",
        "\"double\" and 'single'",
        "$HOME ${HOME} $$ $",
        "it's $HOME, ${PATH} and $",
        "# no comment",
        "a # no comment either",
        "it's # neither",
        "back\\slash",
        "ends in a backslash\\",
        "ends in two\\\\",
        "\\'\\\"\\$\\n",
        "`backticks`",
        "two\nlines",
        "carriage\r\nreturn\r",
        "tab\there",
        "=a=b",
        "export X=1",
        "李家集团 · “账号” 🛎️ é\u{a0}",
        "\u{a0}\u{3000}",
    ] {
        let variables: HashMap<String, String> = [
            ("OAUTH2_CLIENT_SECRET", value),
            ("FRONTDESK_COMPANY_NAME", value),
            ("SECRET_KEY", "after it"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        assert_eq!(
            read_back(&env_file::text(&variables)),
            variables,
            "{value:?}"
        );
    }
}

#[test]
fn what_is_written_is_what_serve_reads() {
    let (mut init, _file) = flags(" it's $ecret # \\\r\n");
    init.company_name = Some("李家集团".to_owned());
    init.time_zone = Some("Asia/Shanghai".to_owned());
    let variables = collected(&init);
    let read = read_back(&env_file::text(&variables));
    assert_eq!(read, variables, "no variable is left out");
    let settings = Settings::parse(&read).expect("settings");
    assert_eq!(
        settings.providers[0].client_secret.expose(),
        " it's $ecret # \\"
    );
    for (name, value) in [
        ("FRONTDESK_PUBLIC_URL", "https://desk.example.com"),
        (
            "OAUTH2_REDIRECT_URL",
            "https://desk.example.com/oauth2_callback/",
        ),
        ("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1,::1"),
        ("INTERNAL_URL_PREFIX", "https://id.example.com"),
        (
            "OAUTH2_USER_ALL_PERMISSIONS_URL",
            "https://id.example.com/public-api/current_user/all_permissions",
        ),
        ("DATABASE_URL", "frontdesk.sqlite3"),
    ] {
        assert_eq!(read.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!read.contains_key("FRONTDESK_LISTEN"));
    assert_ne!(
        collected(&init).get("SECRET_KEY"),
        read.get("SECRET_KEY"),
        "a fresh key each time"
    );
}

#[test]
fn each_section_names_settings_that_there_are() {
    for (name, _) in env_file::SECTIONS.iter().flat_map(|(_, names)| *names) {
        assert!(OPTIONS.iter().any(|option| option.name == *name), "{name}");
    }
}

#[test]
fn permissions_and_company_can_be_left_out() {
    let (mut init, _file) = flags("secret");
    init.permissions_url = Some("-".to_owned());
    let variables = collected(&init);
    assert!(!variables.contains_key("OAUTH2_USER_ALL_PERMISSIONS_URL"));
    assert!(!variables.contains_key("FRONTDESK_COMPANY_NAME"));
}

#[test]
fn an_issuer_stands_for_all_addresses_of_the_platform() {
    let (mut init, _file) = flags("secret");
    init.authorize_url = None;
    init.issuer = Some("https://id.example.com/realms/company".to_owned());
    let variables = collected(&init);
    for name in [
        "OAUTH2_AUTHORIZE_URL",
        "INTERNAL_URL_PREFIX",
        "OAUTH2_USER_ALL_PERMISSIONS_URL",
    ] {
        assert!(!variables.contains_key(name), "{name}");
    }
    let read = read_back(&env_file::text(&variables));
    assert_eq!(read, variables, "no variable is left out");
    let settings = Settings::parse(&read).expect("settings");
    let issuer = settings.providers[0].issuer.as_deref();
    assert_eq!(issuer, Some("https://id.example.com/realms/company"));

    init.internal_url = Some("http://keycloak:8080".to_owned());
    let variables = collected(&init);
    let inside = variables.get("INTERNAL_URL_PREFIX").map(String::as_str);
    assert_eq!(inside, Some("http://keycloak:8080"));

    init.issuer = Some("id.example.com".to_owned());
    assert!(refusal(&init).starts_with("--issuer must be"));
}

#[test]
fn a_portal_for_this_machine_listens_where_the_browser_looks() {
    for (public, listen) in [
        ("http://127.0.0.1:8000", None),
        ("http://localhost:8000", None),
        ("http://127.0.0.1:9000", Some("127.0.0.1:9000")),
        ("http://[::1]:9000", Some("[::1]:9000")),
        ("http://desk.example.com:9000", None),
        ("http://192.0.2.1:9000", None),
    ] {
        let (mut init, _file) = flags("secret");
        init.public_url = Some(public.to_owned());
        let variables = collected(&init);
        let written = variables.get("FRONTDESK_LISTEN").map(String::as_str);
        assert_eq!(written, listen, "{public}");
        assert!(!variables.contains_key("FRONTDESK_TRUSTED_PROXIES"));
    }
}

#[test]
fn a_flag_that_is_missing_or_cannot_be_read_is_named() {
    let missing = refusal(&Init::default());
    for flag in [
        "--public-url",
        "--authorize-url",
        "--client-id",
        "--client-secret-file",
    ] {
        assert!(missing.contains(flag), "{missing}");
    }
    let spoilt: &[(&str, Spoil)] = &[
        ("--public-url must be", |init| {
            init.public_url = Some("desk.example.com".to_owned());
        }),
        ("--public-url must be an origin", |init| {
            init.public_url = Some("https://example.com/desk".to_owned());
        }),
        ("--authorize-url must be", |init| {
            init.authorize_url = Some("ftp://id.example.com".to_owned());
        }),
        ("--internal-url must be", |init| {
            init.internal_url = Some("id".to_owned());
        }),
        ("--permissions-url must be", |init| {
            init.permissions_url = Some("none".to_owned());
        }),
        ("--client-id is required", |init| {
            init.client_id = Some("  ".to_owned());
        }),
        ("--client-id contains an invisible", |init| {
            init.client_id = Some("\u{1b}[D".to_owned());
        }),
        ("--client-secret-file cannot be read", |init| {
            init.client_secret_file = Some("/nonexistent".into());
        }),
        ("--time-zone must be", |init| {
            init.time_zone = Some("Middle/Earth".to_owned());
        }),
        ("--database-url must be", |init| {
            init.database_url = Some("mysql://here".to_owned());
        }),
    ];
    for (reason, spoil) in spoilt {
        let (mut init, _file) = flags("secret");
        spoil(&mut init);
        let said = refusal(&init);
        assert!(said.starts_with(reason), "{reason}: {said}");
    }
    let (init, _file) = flags(" \n");
    assert!(refusal(&init).starts_with("--client-secret-file names an empty file"));
}
