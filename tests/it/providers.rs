//! Several providers at once: how they are set up, who may come in, how one account has two of
//! them, and what becomes of people who leave one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;
use frontdesk::config::Settings;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::openid::{Call, Document, Subject};
use crate::support::process::{self, free_port, output, text};
use crate::support::provider::{Seen, query};
use crate::support::{
    Answer, Browser, Database, Db, Desk, OpenId, Person, Provider, Reply, assert_refused,
    on_both_databases, run, until,
};

fn li() -> Subject {
    Subject::named("li")
}

/// Where a sign-in with a provider begins.
fn at(provider: &str) -> String {
    format!("/oauth2/login?next=/account&provider={provider}")
}

/// Where the account page's link to another provider leads.
pub async fn linking(browser: &Browser, provider: &str) -> String {
    let page = browser.get("/account").await.body;
    let links = page.split("href=\"/oauth2/login?link=").skip(1);
    let tokens = links.filter_map(|rest| rest.split_once("&#38;"));
    let mut tokens = tokens.map(|(token, rest)| (token, rest.split('"').next()));
    let wanted = format!("provider={provider}");
    let found = tokens.find(|(_, rest)| *rest == Some(wanted.as_str()));
    let (token, _) = found.unwrap_or_else(|| panic!("no link to {provider}: {page}"));
    format!("/oauth2/login?link={token}&{wanted}")
}

fn rehearsing(provider: &str) -> String {
    format!("/oauth2/login?rehearse=1&provider={provider}")
}

/// More of a provider's table: permissions are what the claim `groups` lists.
const GROUPS: &str = "mapping.permissions = [\"/groups\"]\n";

/// Two providers in one file, `a` and `b`, each giving permissions.
async fn pair(database: Database) -> (OpenId, OpenId, Desk) {
    let (one, two) = (OpenId::start().await, OpenId::start().await);
    let toml = format!("{}{GROUPS}{}{GROUPS}", one.toml("a"), two.toml("b"));
    let desk = one.desk_of(database, &toml).run().await;
    (one, two, desk)
}

/// One provider `a`, with more in its table.
async fn alone(database: Database, more: &str) -> (OpenId, Desk) {
    let provider = OpenId::start().await;
    let toml = format!("{}{more}", provider.toml("a"));
    let desk = provider.desk_of(database, &toml).run().await;
    (provider, desk)
}

/// Waits until all providers are known.
async fn found(desk: &Desk) {
    until("all are found", async || {
        let mut all = desk.inner.providers.all().iter();
        all.all(|provider| provider.is_available())
    })
    .await;
}

async fn sign_in(desk: &Desk, provider: &OpenId, id: &str, subject: &Subject) -> Browser {
    let browser = desk.browser();
    let answer = provider.sign_in_from(&browser, &at(id), subject).await;
    assert!(answer.sets_session(), "{}", answer.body);
    browser
}

async fn user(browser: &Browser) -> Option<String> {
    browser.get("/account").await.user()
}

/// What happened: event, reason, about whom, at which provider.
fn trail(desk: &Desk) -> Vec<String> {
    desk.db_events(&["event", "reason", "username", "provider"])
}

fn last(desk: &Desk) -> String {
    trail(desk).pop().unwrap_or_default()
}

/// Not by its place: the command's clock is its own.
fn rekeyed(desk: &Desk) -> Vec<String> {
    let sql = "SELECT provider || ' ' || details AS value FROM audit_events WHERE event = 'provider_rekeyed'";
    desk.database.texts(sql)
}

/// All rows, whatever their order.
fn snapshot(database: &Database) -> (Vec<i64>, Vec<String>) {
    let counts = [
        "users",
        "identities",
        "user_permissions",
        "sessions",
        "audit_events",
    ]
    .map(|table| database.count(table));
    let mut rows: Vec<String> = database.dump().lines().map(str::to_owned).collect();
    rows.sort();
    (counts.to_vec(), rows)
}

// -- settings --

/// A `SECRET_KEY`.
const KEY: &str = "provider-tests-0123456789abcdefghijklmnopqrstuvwxyz";

/// A file of providers, and what is set beside it.
fn settings(toml: &str, more: &[(&str, &str)]) -> (TempDir, HashMap<String, String>) {
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

// -- the sign-in page --

/// Of the sign-in page, for a provider that is down.
const UNAVAILABLE: &str = "Not available";
const OPEN_FORM: &str = "<details class=\"fold\" open>";

#[test]
fn the_sign_in_page_has_each_provider_in_its_order_with_its_name_and_colour() {
    run(async {
        let (one, two) = (OpenId::start().await, OpenId::start().await);
        let toml = format!(
            "{}order = 2\nlabel = \"Branch\"\n{}order = 1\nlabel = \"Group\"\nlabel_zh = \"集团\"\ncolor = \"#2C49C4\"\n",
            one.toml("a"),
            two.toml("z")
        );
        let desk = one.desk_of(Database::sqlite(), &toml).run().await;
        found(&desk).await;
        for (language, names) in [
            ("en", ["Continue with Group", "Continue with Branch"]),
            ("zh-CN,zh;q=0.9", ["使用集团登录", "使用 Branch 登录"]),
        ] {
            let mut browser = desk.browser();
            browser.language = language.to_owned();
            let page = browser.get("/login?next=/account").await.body;
            let places = names.map(|name| page.find(name));
            assert!(
                places[0].is_some() && places[0] < places[1],
                "{places:?}: {page}"
            );
            assert_eq!(page.matches("fill=\"#2c49c4\"").count(), 1, "{page}");
            for id in ["a", "z"] {
                let address = at(id).replace('&', "&#38;");
                assert!(page.contains(&format!("href=\"{address}\"")), "{page}");
            }
            assert!(!page.contains(OPEN_FORM), "{page}");
        }
        // Unnamed, it is the first.
        let begun = desk.browser().get("/oauth2/login?next=/account").await;
        assert!(
            begun.location().starts_with(&two.url),
            "{}",
            begun.location()
        );
        let unknown = desk.browser().get(&at("nobody")).await;
        assert_eq!(unknown.status, 404);
    });
}

#[test]
fn a_provider_that_is_down_is_named_as_such_until_it_is_back() {
    run(async {
        let (one, two) = (OpenId::start().await, OpenId::start().await);
        let toml = format!(
            "{}label = \"Up\"\n{}label = \"Down\"\n",
            one.toml("a"),
            two.toml("b")
        );
        two.on_call(Call::Discovery, Reply::Reset);
        let both = one.desk_of(Database::sqlite(), &toml).run().await;
        let only = two.desk(Database::sqlite()).run().await;
        for (desk, is_form_open) in [(&both, false), (&only, true)] {
            let mut page = String::new();
            until("one is named as not available", async || {
                page = desk.browser().get("/login").await.body;
                page.matches(UNAVAILABLE).count() == 1
            })
            .await;
            assert_eq!(page.contains(OPEN_FORM), is_form_open, "{page}");
            assert_eq!(
                page.contains("local passwords work in the meantime"),
                is_form_open,
                "{page}"
            );
        }
        let page = both.browser().get("/login").await.body;
        assert!(
            page.find("Continue with Down") < page.find(UNAVAILABLE),
            "{page}"
        );
        sign_in(&both, &one, "a", &li()).await;
        let answer = both.browser().get(&at("b")).await;
        assert!(
            (502..=504).contains(&answer.status.as_u16()),
            "{}",
            answer.status
        );

        two.behave();
        for desk in [&both, &only] {
            until("it is back", async || {
                !desk
                    .browser()
                    .get("/login")
                    .await
                    .body
                    .contains(UNAVAILABLE)
            })
            .await;
        }
        sign_in(&both, &two, "b", &Subject::named("wang")).await;
    });
}

#[test]
fn the_sign_in_page_leads_straight_on_if_it_is_told_to_and_there_is_one_way() {
    run(async {
        let auto = "FRONTDESK_AUTO_SIGN_IN";
        let (one, two) = (OpenId::start().await, OpenId::start().await);
        let desk = one.desk(Database::sqlite()).with(auto, "on").run().await;
        let mut answer = None;
        until("it leads on", async || {
            let page = desk.browser().get("/login?next=/account").await;
            let is_on = page.status == 303;
            answer = is_on.then_some(page);
            is_on
        })
        .await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.location(), "/oauth2/login?next=/account");
        for path in ["/login?local", "/login?local=1&next=/account"] {
            let page = desk.browser().get(path).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.body.contains(OPEN_FORM), "{path}");
        }
        let browser = one.signed_in(&desk, &li()).await;
        assert_eq!(
            browser.get("/login?fresh=1").await.status,
            200,
            "asked to sign in anew"
        );
        assert_eq!(
            browser.get("/login?next=/account").await.location(),
            "/account"
        );

        for (what, toml, value) in [
            ("two", one.toml("a") + &two.toml("b"), "on"),
            ("off", one.toml("a"), "off"),
        ] {
            let start = one.desk_of(Database::sqlite(), &toml);
            let desk = start.with(auto, value).run().await;
            found(&desk).await;
            assert_eq!(desk.browser().get("/login").await.status, 200, "{what}");
        }
        two.on_call(Call::Discovery, Reply::Reset);
        let desk = two.desk(Database::sqlite()).with(auto, "on").run().await;
        for _ in 0..5 {
            let page = desk.browser().get("/login").await;
            assert_eq!(page.status, 200, "down");
        }
    });
}

// -- who is who --

on_both_databases! {
    async fn an_address_that_two_providers_vouch_for_links_nobody(database) {
        let (one, two, desk) = pair(database).await;
        let boss = |name: &str, verified: Value| {
            Subject::named(name).with("email", "boss@corp.example").with("email_verified", verified)
        };
        sign_in(&desk, &one, "a", &boss("boss", json!(true)).with("groups", json!(["admins"]))).await;
        desk.db_make_superuser("boss");
        for (name, verified) in [("one", json!(true)), ("two", json!("true")), ("three", json!(false))] {
            let browser = sign_in(&desk, &two, "b", &boss(name, verified)).await;
            assert_eq!(user(&browser).await.as_deref(), Some(name));
            assert_eq!(browser.get("/admin/users").await.status, 403, "{name}");
        }
        // Nor is the same subject at another provider the same person.
        let same = Subject::named("four").with("sub", "sub-of-boss");
        let browser = sign_in(&desk, &two, "b", &same).await;
        assert_eq!(user(&browser).await.as_deref(), Some("four"));
        assert_eq!((desk.database.count("users"), desk.database.count("identities")), (5, 5));
        assert_eq!(desk.db_permissions(), ["a:admins"]);
    }

    async fn a_name_that_a_person_of_another_provider_has_is_refused_with_a_page(database) {
        let (one, two, desk) = pair(database).await;
        sign_in(&desk, &one, "a", &Subject::named("boss")).await;
        desk.db_make_superuser("boss");
        let before = desk.db_identities();
        let browser = desk.browser();
        let mallory = Subject::named("boss").with("groups", json!(["admins"]));
        let answer = two.sign_in_from(&browser, &at("b"), &mallory).await;
        assert_eq!(answer.status, 409);
        assert!(answer.body.contains("boss") && answer.body.contains("already belongs"), "{}", answer.body);
        assert!(answer.body.contains("provider=b\""), "to try again there: {}", answer.body);
        assert!(!answer.sets_session());
        assert_eq!(browser.get("/admin/users").await.status, 303);
        assert_eq!(last(&desk), "sign_in_refused name_taken boss b");
        assert_eq!(desk.db_identities(), before);
        assert_eq!(desk.db_permissions(), Vec::<String>::new());
        assert_eq!(desk.database.count("users"), 1);
    }

    async fn a_renamed_person_keeps_the_account_and_a_recycled_name_is_a_new_one(database) {
        let (provider, desk) = alone(database, GROUPS).await;
        let old = |name: &str| Subject::named(name).with("sub", "1").with("groups", json!(["payroll"]));
        let new = Subject::named("li").with("sub", "2");
        // The first li.
        sign_in(&desk, &provider, "a", &old("li")).await;
        let id = desk.db_id_of("li");
        // Somebody new has that name there before the first one came back here.
        let answer = provider.sign_in(&desk.browser(), &new).await;
        assert_eq!(answer.status, 409);
        assert_eq!(last(&desk), "sign_in_refused name_taken li a");
        // The first one was renamed.
        let first = sign_in(&desk, &provider, "a", &old("li.si")).await;
        assert_eq!(desk.db_id_of("li.si"), id);
        let details = desk.db_last_details();
        let changes = details["changes"].as_array().expect("changes");
        assert!(changes.contains(&json!({"field": "username", "from": "li", "to": "li.si"})), "{changes:?}");
        // Now the name is free, and nothing of the first one's comes with it.
        let second = sign_in(&desk, &provider, "a", &new).await;
        assert_ne!(desk.db_id_of("li"), id);
        assert_eq!(desk.db_last_details()["account_created"], true);
        assert!(!second.get("/account").await.body.contains("payroll"));
        // And the first one does not get it back.
        let back = sign_in(&desk, &provider, "a", &old("li")).await;
        assert_eq!(desk.db_last_details()["kept"], json!(["username taken"]));
        for (browser, name) in [(&first, "li.si"), (&back, "li.si"), (&second, "li")] {
            assert_eq!(user(browser).await.as_deref(), Some(name));
        }
        assert_eq!(desk.db_identities(), ["a 1 li.si", "a 2 li"]);
        assert_eq!(trail(&desk), [
            "signed_in li a",
            "sign_in_refused name_taken li a",
            "signed_in li.si a",
            "signed_in li a",
            "signed_in li.si a",
        ]);
    }
}

// -- who may come in --

/// All rules at once; `tenant` is a claim of the provider's own.
const ADMISSION: &str = "\
    admit_email_domains = [\"Corp.example\"]\n\
    admit_permissions = [\"desk.use\", \"desk.admin\"]\n\
    admit_values = { \"/tenant\" = [\"t1\", \"7\"] }\n\
    permission_names = { users = \"desk.use\" }\n\
    mapping.permissions = [\"/groups\"]\n";

fn admissible() -> Subject {
    li().with("email", "li@corp.example")
        .with("tenant", "t1")
        .with("groups", json!(["users"]))
}

/// A claim, a value of it that keeps people out, by which rule, and what the page says.
fn inadmissible() -> Vec<(&'static str, Value, &'static str, [&'static str; 2])> {
    let domain = [
        "Only company email addresses can sign in",
        "只有公司邮箱可以登录",
    ];
    let verified = [
        "has not verified your email address",
        "公司登录服务尚未验证你的邮箱",
    ];
    let permission = [
        "the permission needed to sign in here",
        "你没有登录本门户所需的权限",
    ];
    let value = [
        "does not belong to this company",
        "你所用的账号不属于本公司",
    ];
    let mut all = Vec::new();
    for email in [
        json!("li@other.example"),
        json!("li@corp.example.evil.example"),
        json!("li@evil-corp.example"),
        json!("li@evil.example@corp.example"),
        json!("\"li@corp.example\"@evil.example"),
        json!("li@sub.corp.example"),
        json!(""),
        json!(null),
    ] {
        all.push(("email", email, "email_domain", domain));
    }
    for is_verified in [json!(false), json!("true"), json!(1), json!(null)] {
        all.push((
            "email_verified",
            is_verified,
            "email_not_verified",
            verified,
        ));
    }
    for groups in [
        json!(null),
        json!([]),
        json!(["desk"]),
        json!("desk"),
        json!({"users": true}),
    ] {
        all.push(("groups", groups, "permission", permission));
    }
    for tenant in [json!("t2"), json!(null), json!(["t1"]), json!("T1")] {
        all.push(("tenant", tenant, "value", value));
    }
    all
}

on_both_databases! {
    async fn a_person_who_is_not_admitted_gets_a_page_an_event_and_no_account(database) {
        let (provider, desk) = alone(database, ADMISSION).await;
        for (claim, value, rule, words) in inadmissible() {
            let what = format!("{claim} {value}");
            let subject = admissible().with(claim, value);
            for (language, words) in ["en", "zh-CN,zh;q=0.9"].iter().zip(words) {
                let mut browser = desk.browser();
                browser.language = (*language).to_owned();
                let answer = provider.sign_in(&browser, &subject).await;
                assert_refused(&desk, &answer, 403, &what);
                assert!(answer.body.contains(words), "{what}: {}", answer.body);
                assert_eq!(last(&desk), "sign_in_refused not_admitted a", "{what}");
                assert_eq!(desk.db_last_details()["failure"], rule, "{what}");
            }
        }
        // Whoever has all of it comes in; letters of a domain are all the same.
        for (claim, value) in [("email", json!("li@CORP.example")), ("tenant", json!(7)), ("groups", json!(["x", "users"]))] {
            sign_in(&desk, &provider, "a", &admissible().with(claim, value)).await;
        }
        assert_eq!(desk.database.count("users"), 1);
    }

    async fn a_known_person_who_is_no_longer_admitted_is_kept_out_and_not_changed(database) {
        let (provider, desk) = alone(database, ADMISSION).await;
        let browser = sign_in(&desk, &provider, "a", &admissible()).await;
        let before = (desk.db_names(), desk.db_permissions(), desk.db_live_sessions());
        for (claim, value, rule, _) in inadmissible() {
            // A list that cannot be read takes nothing away: what was held before counts.
            if value.is_object() {
                continue;
            }
            let what = format!("{claim} {value}");
            let subject = admissible().with("name", "Another name").with(claim, value);
            let answer = provider.sign_in(&desk.browser(), &subject).await;
            assert_eq!(answer.status, 403, "{what}");
            assert!(!answer.sets_session(), "{what}");
            assert_eq!(last(&desk), "sign_in_refused not_admitted li a", "{what}");
            assert_eq!(desk.db_last_details()["failure"], rule, "{what}");
            let after = (desk.db_names(), desk.db_permissions(), desk.db_live_sessions());
            assert_eq!(after, before, "{what}");
        }
        assert_eq!(user(&browser).await.as_deref(), Some("li"));
        sign_in(&desk, &provider, "a", &admissible().with("groups", json!({"users": true}))).await;
        assert!(desk.db_last_details()["permissions_kept"].is_string());
    }
}

// -- what is read from where --

#[test]
fn the_first_document_that_has_a_field_gives_it_unless_one_is_named() {
    run(async {
        let other = json!("other@corp.example");
        for (more, id_token, userinfo, email) in [
            ("", json!("id@x.example"), other.clone(), "id@x.example"),
            ("", Value::Null, other.clone(), "other@corp.example"),
            (
                "mapping.email = \"userinfo:/email\"\n",
                json!("id@x.example"),
                other.clone(),
                "other@corp.example",
            ),
            (
                "mapping.email = \"id_token:/email\"\n",
                Value::Null,
                other.clone(),
                "",
            ),
            (
                "mapping.email = \"/contact/mail\"\n",
                json!("id@x.example"),
                other.clone(),
                "nested@x.example",
            ),
            (
                "ask_userinfo = false\n",
                json!("id@x.example"),
                other,
                "id@x.example",
            ),
        ] {
            let (provider, desk) = alone(Database::sqlite(), more).await;
            let what = format!("{more}{id_token}");
            provider.tamper(Document::IdToken, move |claims| {
                claims["email"] = id_token.clone();
                claims["preferred_username"] = json!("li");
            });
            let subject = li()
                .with("email", userinfo)
                .with("contact", json!({"mail": "nested@x.example"}));
            sign_in(&desk, &provider, "a", &subject).await;
            let stored = desk.db_column("users", "email");
            assert_eq!(stored, [email], "{what}");
            let asked = usize::from(!more.contains("ask_userinfo"));
            assert_eq!(provider.seen(Call::Userinfo).len(), asked, "{what}");
        }
    });
}

#[test]
fn groups_and_nested_roles_are_joined_renamed_marked_and_dropped() {
    run(async {
        const LISTS: &str = "mapping.permissions = [\"/groups\", \"/realm_access/roles\"]\n";
        const TABLE: &str =
            "permission_names = { desk-admins = \"frontdesk.admin\", noise = \"\" }\n";
        let usual =
            json!({"groups": ["desk-admins", "noise", "b"], "realm_access": {"roles": ["a", "b"]}});
        let objects = json!({"groups": [{"id": {"key": "x"}, "name": "Do x"}]});
        for (more, claims, expected) in [
            (
                LISTS.to_owned(),
                usual.clone(),
                vec!["a", "b", "desk-admins", "noise"],
            ),
            (
                format!("{LISTS}{TABLE}permission_prefix = \"kc.\"\n"),
                usual.clone(),
                vec!["frontdesk.admin", "kc.a", "kc.b"],
            ),
            (
                format!("{LISTS}{TABLE}only_named_permissions = true\n"),
                usual,
                vec!["frontdesk.admin"],
            ),
            (
                LISTS.to_owned(),
                json!({"realm_access": {"roles": ["a"]}}),
                vec!["a"],
            ),
            (LISTS.to_owned(), json!({}), vec![]),
            (
                format!("{GROUPS}mapping.permission_name = \"/id/key\"\n"),
                objects,
                vec!["x"],
            ),
        ] {
            let (provider, desk) = alone(Database::sqlite(), &more).await;
            let mut subject = li();
            for (claim, value) in claims.as_object().expect("claims") {
                subject = subject.with(claim, value.clone());
            }
            sign_in(&desk, &provider, "a", &subject).await;
            let stored = desk.db_column("user_permissions", "name");
            assert_eq!(stored, expected, "{more}{claims}");
        }
    });
}

/// Of a page, where permissions could not be read.
const STALE: &str = "notice warn";

on_both_databases! {
    async fn permissions_that_cannot_be_read_stay_as_they_were_and_the_page_says_so(database) {
        let (provider, desk) = alone(database, GROUPS).await;
        sign_in(&desk, &provider, "a", &li().with("groups", json!(["x", "y"]))).await;
        let mut overage = li().with("_claim_names", json!({"groups": "src1"}));
        overage = overage.with("_claim_sources", json!({"src1": {"endpoint": "https://graph.example/x"}}));
        for subject in [
            overage,
            li().with("groups", 1),
            li().with("groups", json!({"x": 1})),
            li().with("groups", json!(["x", 7.5])),
            li().with("groups", json!(vec!["p"; 2001])),
        ] {
            let browser = sign_in(&desk, &provider, "a", &subject).await;
            assert_eq!(desk.db_permissions(), ["a:x", "a:y"], "{}", subject.claims);
            assert!(desk.db_last_details()["permissions_kept"].is_string(), "{}", subject.claims);
            assert!(browser.get("/account").await.body.contains(STALE), "{}", subject.claims);
        }
        let browser = sign_in(&desk, &provider, "a", &li().with("groups", json!([]))).await;
        assert_eq!(desk.db_permissions(), Vec::<String>::new(), "an empty list does mean none");
        assert!(!browser.get("/account").await.body.contains(STALE));
    }

    async fn a_permissions_address_that_fails_keeps_the_old_set(database) {
        let provider = OpenId::start().await;
        // The one thing that is asked of this address here is the list.
        let toml = format!(
            "{}ask_userinfo = false\npermissions_url = \"{}/userinfo\"\nmapping.permissions = [\"permissions:/groups\"]\n",
            provider.toml("a"), provider.url
        );
        let desk = provider.desk_of(database, &toml).run().await;
        provider.patch(Document::IdToken, json!({"preferred_username": "li"}));
        let subject = li().with("groups", json!(["x", "y"]));
        sign_in(&desk, &provider, "a", &subject).await;
        assert_eq!(desk.db_permissions(), ["a:x", "a:y"]);
        for reply in [
            Reply::Answer(500, "text/html", Vec::new()),
            Reply::json(403, &json!({})),
            Reply::json(200, &json!({})),
            Reply::json(200, &json!({"groups": {}})),
            Reply::Reset,
        ] {
            let what = format!("{reply:?}");
            provider.on_call(Call::Userinfo, reply);
            let browser = sign_in(&desk, &provider, "a", &subject).await;
            assert_eq!(desk.db_permissions(), ["a:x", "a:y"], "{what}");
            assert!(desk.db_last_details()["permissions_kept"].is_string(), "{what}");
            assert!(browser.get("/account").await.body.contains(STALE), "{what}");
        }
    }
}

// -- one account, two providers --

on_both_databases! {
    async fn a_second_provider_leads_to_the_account_and_does_not_name_it(database) {
        let (one, two, desk) = pair(database).await;
        let here = li().with("groups", json!(["x", "both"]));
        let there = Subject::named("li-b").with("groups", json!(["y", "both"]));
        let browser = sign_in(&desk, &one, "a", &here).await;
        assert!(browser.get("/account").await.body.contains("&#38;provider=b"));
        let stored = desk.db_names();
        let way = linking(&browser, "b").await;
        for time in ["first", "second"] {
            let begun = browser.get(&way).await;
            assert_eq!(query(begun.location()).get("prompt").map(String::as_str), Some("login"), "{time}");
            let answer = browser.get(&two.approve(begun.location(), &there)).await;
            assert_eq!((answer.status.as_u16(), answer.location()), (303, "/account"), "{}", answer.body);
            assert!(!answer.sets_session(), "the session goes on");
            let page = browser.get("/account").await;
            assert!(page.body.contains("You can now sign in this way too."), "{}", page.body);
            assert!(!page.body.contains("provider=b"), "nothing is left to add");
        }
        assert_eq!(last(&desk), "identity_linked li b", "once");
        assert_eq!(desk.db_last_details()["identity"], json!(["b", "sub-of-li-b"]));

        // Each origin has its own set, and a sign-in replaces its own alone.
        assert_eq!(desk.db_permissions(), ["a:both", "a:x", "b:both", "b:y"]);
        let second = sign_in(&desk, &two, "b", &there.with("groups", json!(["z"]))).await;
        assert_eq!(desk.db_permissions(), ["a:both", "a:x", "b:z"]);
        let first = sign_in(&desk, &one, "a", &here.with("name", "Li Si").with("groups", json!([]))).await;
        assert_eq!(desk.db_permissions(), ["b:z"]);
        for browser in [&browser, &first, &second] {
            assert_eq!(user(browser).await.as_deref(), Some("li"));
        }
        assert_eq!(stored, ["li|li|li@example.com"]);
        assert_eq!(desk.db_names(), ["li|Li Si|li@example.com"], "the first one names it");
        assert_eq!(desk.db_identities(), ["a sub-of-li li", "b sub-of-li-b li"]);
    }

    async fn an_identity_of_another_account_is_not_added(database) {
        let (one, two, desk) = pair(database).await;
        let wang = Subject::named("wang").with("groups", json!(["y"]));
        sign_in(&desk, &two, "b", &wang).await;
        let browser = sign_in(&desk, &one, "a", &li()).await;
        let before = (desk.db_identities(), desk.db_permissions());
        let answer = two.sign_in_from(&browser, &linking(&browser, "b").await, &wang).await;
        assert_eq!(answer.status, 409);
        assert!(answer.body.contains("it already belongs to another account"), "{}", answer.body);
        assert!(last(&desk).starts_with("sign_in_refused identity_taken"), "{}", last(&desk));
        assert_eq!((desk.db_identities(), desk.db_permissions()), before);
        assert_eq!(user(&browser).await.as_deref(), Some("li"));
    }

    async fn an_identity_that_is_not_admitted_is_not_added_and_gives_no_permission(database) {
        let (one, two) = (OpenId::start().await, OpenId::start().await);
        let toml = format!("{}{GROUPS}{}{ADMISSION}", one.toml("a"), two.toml("b"));
        let desk = one.desk_of(database, &toml).run().await;
        let browser = sign_in(&desk, &one, "a", &li()).await;
        let stranger = admissible().with("tenant", "t2");
        let answer = two.sign_in_from(&browser, &linking(&browser, "b").await, &stranger).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(last(&desk).starts_with("sign_in_refused not_admitted"), "{}", last(&desk));
        assert_eq!(desk.db_identities(), ["a sub-of-li li"]);
        assert_eq!(desk.db_permissions(), Vec::<String>::new());
    }

    async fn only_a_person_who_signed_in_a_moment_ago_adds_a_provider(database) {
        let (one, two, desk) = pair(database).await;
        let nobody = desk.browser().get("/oauth2/login?link=x&provider=b").await;
        assert!(nobody.location().starts_with("/login?next="), "{}", nobody.location());
        let browser = sign_in(&desk, &one, "a", &li()).await;
        for provider in [&one, &two] {
            provider.clock.advance(Duration::from_secs(15 * 60 + 1));
        }
        let answer = browser.get(&linking(&browser, "b").await).await;
        let again = answer.location();
        assert!(again.starts_with("/login?next=") && again.ends_with("&fresh=1"), "{again}");
        // Signing in anew leads back to it.
        let next = query(&format!("{}{again}", desk.url))["next"].clone();
        let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let from = format!("/oauth2/login?prompt=login&provider=a&next={encoded}");
        let answer = one.sign_in_from(&browser, &from, &li()).await;
        assert_eq!(answer.location(), "/account");
        // A link of another page than the person's own leads to that page.
        let forged = browser.get("/oauth2/login?link=x&provider=b").await;
        assert_eq!(forged.location(), "/account");
        two.sign_in_from(&browser, &linking(&browser, "b").await, &Subject::named("li-b")).await;
        assert_eq!(desk.db_identities(), ["a sub-of-li li", "b sub-of-li-b li"]);
    }

    async fn an_identity_that_one_person_began_to_add_is_not_added_for_another(database) {
        let (one, two, desk) = pair(database).await;
        let there = Subject::named("li-b");
        for case in ["another person", "signed out", "the same person anew"] {
            let browser = sign_in(&desk, &one, "a", &li()).await;
            let begun = browser.get(&linking(&browser, "b").await).await;
            let callback = two.approve(begun.location(), &there);
            if case == "signed out" {
                let page = browser.get("/account").await;
                browser.post("/logout", &page, &[]).await;
            } else {
                let name = if case == "another person" { "wang" } else { "li" };
                one.sign_in_from(&browser, &at("a"), &Subject::named(name)).await;
            }
            let answer = browser.get(&callback).await;
            assert_eq!(answer.status, 303, "{case}: {}", answer.body);
            // Whoever is there goes on, and nothing was added.
            let to = answer.location();
            assert!(to.starts_with("/login") || (case != "signed out" && to == "/account"), "{case}: {to}");
        }
        // Nor does another browser that the way back was smuggled into.
        let browser = sign_in(&desk, &one, "a", &li()).await;
        let begun = browser.get(&linking(&browser, "b").await).await;
        let callback = two.approve(begun.location(), &there);
        let victim = sign_in(&desk, &one, "a", &Subject::named("wang")).await;
        let answer = victim.get(&callback).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(desk.db_identities(), ["a sub-of-li li", "a sub-of-wang wang"]);
        assert_eq!(desk.db_count_events("identity_linked"), 0);
    }

    async fn an_admin_unlinks_an_identity_and_what_came_through_it_goes(database) {
        let (one, two, desk) = pair(database).await;
        let there = Subject::named("li-b").with("groups", json!(["y"]));
        let browser = sign_in(&desk, &one, "a", &li().with("groups", json!(["x"]))).await;
        two.sign_in_from(&browser, &linking(&browser, "b").await, &there).await;
        let elsewhere = sign_in(&desk, &two, "b", &there).await;
        let admin = sign_in(&desk, &one, "a", &Subject::named("boss")).await;
        desk.db_make_superuser("boss");
        let id = desk.db_id_of("li");
        let shown = admin.get(&format!("/admin/users/{id}")).await.body;
        assert!(shown.contains("unlink?provider=b&amp;subject=sub-of-li-b"), "{shown}");

        let page = admin.get(&format!("/admin/users/{id}/unlink?provider=b&subject=sub-of-li-b")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let fields = [("provider", "b"), ("subject", "sub-of-li-b"), ("reason", "left the branch")];
        let answer = admin.post(&format!("/admin/users/{id}/unlink"), &page, &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(desk.db_permissions(), ["a:x"]);
        for browser in [&browser, &elsewhere] {
            assert_eq!(browser.get("/account").await.status, 303);
        }
        let told = trail(&desk);
        let about: Vec<_> = told.iter().filter(|line| line.starts_with("identity_")).collect();
        assert_eq!(about.len(), 2, "{told:?}");
        assert!(about[0].starts_with("identity_linked li") && about[1].starts_with("identity_unlinked li"));
        assert_eq!(desk.db_last_details()["permissions_removed"], json!(["y"]));
        // From there one is somebody new.
        let stranger = sign_in(&desk, &two, "b", &there).await;
        assert_eq!(user(&stranger).await.as_deref(), Some("li-b"));
        assert_eq!(desk.db_identities(), ["a sub-of-boss boss", "a sub-of-li li", "b sub-of-li-b li-b"]);
    }

    async fn without_the_first_identity_the_one_that_is_left_names_the_account(database) {
        let (one, two, desk) = pair(database).await;
        let there = Subject::named("li-b");
        let browser = sign_in(&desk, &one, "a", &li()).await;
        two.sign_in_from(&browser, &linking(&browser, "b").await, &there).await;
        let admin = sign_in(&desk, &one, "a", &Subject::named("boss")).await;
        desk.db_make_superuser("boss");
        let id = desk.db_id_of("li");
        let page = admin.get("/account").await;
        let fields = [("provider", "a"), ("subject", "sub-of-li"), ("reason", "left the company")];
        let answer = admin.post(&format!("/admin/users/{id}/unlink"), &page, &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let left = sign_in(&desk, &two, "b", &there).await;
        assert_eq!(user(&left).await.as_deref(), Some("li-b"));
        assert_eq!(desk.db_id_of("li-b"), id);
    }
}

// -- a sign-in that is tried --

/// A trial's page; nothing was changed by it, and the admin is who they were.
async fn rehearse(desk: &Desk, provider: &OpenId, admin: &Browser, subject: &Subject) -> Answer {
    let before = snapshot(&desk.database);
    let answer = provider
        .sign_in_from(admin, &rehearsing("a"), subject)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.sets_session());
    assert_eq!(answer.user().as_deref(), Some("boss"));
    assert_eq!(user(admin).await.as_deref(), Some("boss"));
    assert_eq!(snapshot(&desk.database), before);
    answer
}

on_both_databases! {
    async fn an_admin_sees_what_a_sign_in_would_do_and_nothing_is_done(database) {
        let more = format!("{GROUPS}permission_prefix = \"kc.\"\nadmit_values = {{ \"/tenant\" = [\"t1\"] }}\n");
        let (provider, desk) = alone(database, &more).await;
        let person = |name: &str| Subject::named(name).with("tenant", "t1").with("groups", json!(["x", "y"]));
        for name in ["li", "gone"] {
            sign_in(&desk, &provider, "a", &person(name)).await;
        }
        desk.db_deactivate("gone");
        let admin = sign_in(&desk, &provider, "a", &person("boss")).await;
        for (make_them, status) in [("", 403), ("is_staff = TRUE", 403), ("is_superuser = TRUE, is_staff = TRUE", 303)] {
            if !make_them.is_empty() {
                desk.database.execute(&format!("UPDATE users SET {make_them} WHERE username = 'boss'"));
            }
            assert_eq!(admin.get(&rehearsing("a")).await.status.as_u16(), status, "{make_them}");
        }
        assert_eq!(desk.browser().get(&rehearsing("a")).await.location().split('?').next(), Some("/login"));

        for (subject, verdict) in [
            (person("newcomer"), "A new account would be created."),
            (person("li").with("groups", json!(["y", "z"])), "The sign-in would open the account li."),
            (person("gone"), "The sign-in would be refused: the account gone is deactivated."),
            (person("li").with("sub", "another"), "the username belongs to the account li"),
            (person("newcomer").with("tenant", "t2"), "does not belong to this company"),
        ] {
            let page = rehearse(&desk, &provider, &admin, &subject).await.body;
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
        let page = rehearse(&desk, &provider, &admin, &subject).await.body;
        assert!(!page.contains("canary-of"), "{page}");
        for words in ["ID token", "Userinfo", "/preferred_username", "/email", "li@example.com", "client_secret", "••••", "sub-of-li"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        let (_, gained) = page.split_once("Permissions gained").expect("gained");
        let (gained, lost) = gained.split_once("Permissions lost").expect("lost");
        let lost = lost.split("</ul>").next().expect("a list");
        assert!(gained.contains("kc.z") && !gained.contains("kc.y") && !gained.contains("kc.x"), "{gained}");
        assert!(lost.contains("kc.x") && !lost.contains("kc.y"), "{lost}");
        let page = rehearse(&desk, &provider, &admin, &person("li").with("groups", json!({"garbled": true}))).await.body;
        assert!(page.contains("the previous ones would be kept"), "{page}");

        // Where it fails, the page names the step.
        provider.patch(Document::IdToken, json!({"nonce": "another"}));
        let page = rehearse(&desk, &provider, &admin, &person("li")).await.body;
        assert!(page.contains("Failed step: ID token verification"), "{page}");
        provider.behave();
        for (call, step) in [(Call::Token, "code exchange"), (Call::Userinfo, "reading the profile")] {
            provider.on_call(call, Reply::Answer(500, "text/html", Vec::new()));
            let page = rehearse(&desk, &provider, &admin, &person("li")).await.body;
            assert!(page.contains(&format!("Failed step: {step}")), "{page}");
            provider.behave();
        }

        // Whoever is no admin any more by the time of the way back sees nothing.
        let begun = admin.get(&rehearsing("a")).await;
        let callback = provider.approve(begun.location(), &person("li"));
        desk.db_make_employee("boss");
        let answer = admin.get(&callback).await;
        assert_eq!(answer.status, 403);
        assert!(!answer.body.contains("sub-of-li"));
    }
}

// -- people who leave --

/// How often people are asked about here; by the clock, which the tests put on.
const PERIOD: Duration = Duration::from_secs(20);

async fn asking(database: Database) -> (OpenId, Desk) {
    let provider = OpenId::start().await;
    let start = provider.desk(database).with("OAUTH2_RECHECK", "20s");
    let desk = start.run().await;
    (provider, desk)
}

/// A period goes by: waits until somebody was asked about, and what came of it is kept.
async fn round(provider: &OpenId, desk: &Desk, call: Call) {
    let before = provider.seen(call).len();
    desk.clock.advance(PERIOD);
    until("somebody is asked about", async || {
        provider.seen(call).len() > before
    })
    .await;
    // Meanwhile nobody else takes them, for a minute.
    let taken = desk.clock.now().plus(Duration::from_secs(45)).0;
    let taken = format!(
        "SELECT COUNT(*) AS value FROM sessions WHERE ended_at IS NULL AND recheck_at > {taken}"
    );
    until("it is settled", async || desk.database.count(&taken) == 0).await;
}

/// The refreshes that were asked for.
fn refreshes(provider: &OpenId) -> Vec<String> {
    let seen = provider.seen(Call::Token).into_iter();
    seen.filter_map(|seen: Seen| seen.form().remove("refresh_token"))
        .collect()
}

/// Each token answer from now on, as it left.
fn record_tokens(provider: &OpenId) -> Arc<Mutex<Vec<Value>>> {
    let given: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&given);
    provider.tamper(Document::Token, move |answer| {
        kept.lock().expect("answers").push(answer.clone());
    });
    given
}

fn invalid_grant() -> Reply {
    Reply::json(400, &json!({"error": "invalid_grant"}))
}

on_both_databases! {
    async fn a_person_who_left_there_loses_every_session_here(database) {
        let (provider, desk) = asking(database).await;
        let sessions = [provider.signed_in(&desk, &li()).await, provider.signed_in(&desk, &li()).await];
        provider.on_call(Call::Token, invalid_grant());
        desk.clock.advance(PERIOD);
        until("they are out", async || desk.db_live_sessions() == 0).await;
        for browser in &sessions {
            assert_eq!(browser.get("/account").await.status, 303);
        }
        assert_eq!(last(&desk), "access_withdrawn li company", "once");
        assert_eq!(trail(&desk).len(), 3);
        assert_eq!(desk.db_last_details()["count"], 2);
        let sql = "SELECT COUNT(*) AS value FROM users WHERE is_active";
        assert_eq!(desk.database.count(sql), 1, "the account is as it was");
        // Who comes back comes back.
        provider.behave();
        assert_eq!(user(&provider.signed_in(&desk, &li()).await).await.as_deref(), Some("li"));
    }

    async fn each_refresh_uses_what_the_one_before_gave(database) {
        let (provider, desk) = asking(database).await;
        let given = record_tokens(&provider);
        let browser = provider.signed_in(&desk, &li()).await;
        for _ in 0..3 {
            round(&provider, &desk, Call::Token).await;
        }
        let gave: Vec<String> = given.lock().expect("answers").iter()
            .filter_map(|answer| answer["refresh_token"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(refreshes(&provider), gave[..3]);
        assert_eq!(browser.get("/account").await.status, 200);
    }

    async fn after_a_refusal_for_one_session_the_next_one_is_asked_with_and_both_stay(database) {
        let (provider, desk) = asking(database).await;
        provider.patch(Document::Token, json!({"refresh_token": "one-that-is-used-up"}));
        let first = provider.signed_in(&desk, &li()).await;
        provider.behave();
        let second = provider.signed_in(&desk, &li()).await;
        for _ in 0..2 {
            round(&provider, &desk, Call::Token).await;
        }
        let used = refreshes(&provider);
        let is_bad: Vec<bool> = used.iter().map(|token| token == "one-that-is-used-up").collect();
        assert_eq!((is_bad, desk.db_live_sessions()), (vec![true, false, false], 2));
        for browser in [&first, &second] {
            assert_eq!(browser.get("/account").await.status, 200);
        }
    }

    async fn nobody_is_signed_out_before_each_of_their_sessions_was_asked_with(database) {
        let (provider, desk) = asking(database).await;
        // More than are asked with in one go: some cannot be, some are refused, the last is good.
        for spoilt in [
            json!({"refresh_token": null, "expires_in": 5}),
            json!({"refresh_token": "one-that-is-used-up"}),
        ] {
            provider.patch(Document::Token, spoilt);
            for _ in 0..12 {
                provider.signed_in(&desk, &li()).await;
            }
            provider.behave();
        }
        let given = record_tokens(&provider);
        let good = provider.signed_in(&desk, &li()).await;
        desk.clock.advance(PERIOD);
        let token = given.lock().expect("answers")[0]["refresh_token"].clone();
        until("the good one is asked with", async || {
            refreshes(&provider).last().is_some_and(|used| *used == token)
        })
        .await;
        round(&provider, &desk, Call::Token).await;
        assert_eq!((desk.db_live_sessions(), refreshes(&provider).len()), (25, 14));
        assert_eq!(good.get("/account").await.status, 200);
    }

    async fn a_token_that_nobody_can_open_hides_no_refusal(database) {
        let (provider, desk) = asking(database).await;
        for _ in 0..2 {
            provider.signed_in(&desk, &li()).await;
        }
        desk.database.execute("UPDATE sessions SET refresh_token = 'AAAA' WHERE id = (SELECT MIN(id) FROM sessions)");
        provider.on_call(Call::Token, invalid_grant());
        desk.clock.advance(PERIOD);
        until("they are out", async || desk.db_live_sessions() == 0).await;

        // With nothing else to ask with it says nothing.
        provider.behave();
        let browser = provider.signed_in(&desk, &li()).await;
        desk.database.execute("UPDATE sessions SET refresh_token = 'AAAA' WHERE ended_at IS NULL");
        desk.clock.advance(PERIOD);
        let due = format!("SELECT COUNT(*) AS value FROM sessions WHERE ended_at IS NULL AND recheck_at < {}", desk.clock.now().0);
        until("it was looked at", async || desk.database.count(&due) == 0).await;
        assert_eq!(browser.get("/account").await.status, 200);
    }

    async fn what_a_provider_gave_goes_with_its_refusal_where_there_is_another_way_in(database) {
        let provider = OpenId::start().await;
        let asking = format!("recheck = \"20s\"\n{GROUPS}");
        let toml = provider.toml("a").replace("recheck = \"off\"\n", &asking);
        let start = provider.desk_of(database, &toml).with("FRONTDESK_SUPERUSER_PERMISSION", "x");
        let desk = start.run().await;
        let subject = li().with("groups", json!(["x"]));
        for (password, kept) in [("", vec!["a:x"]), ("$argon2id$", vec![])] {
            provider.behave();
            sign_in(&desk, &provider, "a", &subject).await;
            if !password.is_empty() {
                // Another superuser, since the last one stays one.
                desk.db_insert_users(1, &[("other", "")]);
                desk.db_make_superuser("other");
                desk.db_set_field_of("li", "password", password);
            }
            provider.on_call(Call::Token, invalid_grant());
            desk.clock.advance(PERIOD);
            until("they are out", async || desk.db_live_sessions() == 0).await;
            assert_eq!(desk.db_permissions(), kept);
        }
        let details = desk.db_last_details();
        assert_eq!(details["permissions_removed"], json!(["x"]), "{details}");
        assert_eq!(details["changes"][0]["field"], "role_by_permission", "{details}");
        assert_eq!(desk.database.count("users WHERE is_superuser_by_permission"), 0);
    }

    async fn each_session_of_a_person_is_used_for_a_re_check_in_turn(database) {
        let (provider, desk) = asking(database).await;
        let given = record_tokens(&provider);
        for _ in 0..3 {
            provider.signed_in(&desk, &li()).await;
        }
        for _ in 0..3 {
            round(&provider, &desk, Call::Token).await;
        }
        // Else the tokens of the others would grow stale there.
        let first: Vec<String> = given.lock().expect("answers").iter().take(3)
            .filter_map(|answer| answer["refresh_token"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(refreshes(&provider), first);
    }

    async fn without_a_refresh_token_the_profile_is_asked(database) {
        let (provider, desk) = asking(database).await;
        provider.patch(Document::Token, json!({"refresh_token": null}));
        let browser = provider.signed_in(&desk, &li()).await;
        for _ in 0..2 {
            round(&provider, &desk, Call::Userinfo).await;
        }
        for status in [500, 404, 429] {
            provider.on_call(Call::Userinfo, Reply::Answer(status, "text/html", Vec::new()));
            round(&provider, &desk, Call::Userinfo).await;
        }
        provider.behave();
        round(&provider, &desk, Call::Userinfo).await;
        assert_eq!(browser.get("/account").await.status, 200);
        provider.on_call(Call::Userinfo, Reply::invalid_token());
        desk.clock.advance(PERIOD);
        until("they are out", async || desk.db_live_sessions() == 0).await;
        assert_eq!(last(&desk), "access_withdrawn li company");
        assert_eq!(refreshes(&provider).len(), 0);
    }

    async fn an_expired_access_token_says_nothing_about_the_person(database) {
        let (provider, desk) = asking(database).await;
        provider.patch(Document::Token, json!({"refresh_token": null, "expires_in": 5}));
        let browser = provider.signed_in(&desk, &li()).await;
        let asked = provider.seen(Call::Userinfo).len();
        provider.on_call(Call::Userinfo, Reply::json(401, &json!({})));
        desk.clock.advance(PERIOD);
        // Whether there is more to ask with by then is looked at an hour later.
        let later = desk.clock.now().plus(Duration::from_secs(3000)).0;
        let later = format!("SELECT COUNT(*) AS value FROM sessions WHERE recheck_at > {later}");
        until("there is nothing left to ask with", async || {
            desk.database.count(&later) == 1
        })
        .await;
        assert_eq!(provider.seen(Call::Userinfo).len(), asked);
        assert_eq!(browser.get("/account").await.status, 200);
    }

    async fn a_refusal_is_not_hidden_by_a_session_that_cannot_be_asked_with(database) {
        let (provider, desk) = asking(database).await;
        provider.signed_in(&desk, &li()).await;
        provider.patch(Document::Token, json!({"refresh_token": null, "expires_in": 5}));
        provider.signed_in(&desk, &li()).await;
        provider.on_call(Call::Token, invalid_grant());
        desk.clock.advance(PERIOD);
        until("they are out", async || desk.db_live_sessions() == 0).await;
        assert_eq!(last(&desk), "access_withdrawn li company");
    }

    async fn the_profile_is_asked_for_beyond_the_life_of_an_access_token(database) {
        let provider = OpenId::start().await;
        let asking = "recheck = \"20s\"\nrecheck_with = \"profile\"";
        let toml = provider.toml("a").replace("recheck = \"off\"", asking);
        let desk = provider.desk_of(database, &toml).run().await;
        provider.patch(Document::Token, json!({"expires_in": 5}));
        sign_in(&desk, &provider, "a", &li()).await;
        for _ in 0..2 {
            round(&provider, &desk, Call::Userinfo).await;
            assert_eq!(desk.db_live_sessions(), 1);
        }
        provider.on_call(Call::Userinfo, Reply::invalid_token());
        desk.clock.advance(PERIOD);
        until("they are out", async || desk.db_live_sessions() == 0).await;
        assert_eq!(last(&desk), "access_withdrawn li a");
    }

    async fn the_provider_is_not_asked_about_people_who_signed_out_or_went_away(database) {
        let (provider, desk) = asking(database).await;
        let given = record_tokens(&provider);
        let out = provider.signed_in(&desk, &Subject::named("out")).await;
        provider.signed_in(&desk, &Subject::named("away")).await;
        let page = out.get("/account").await;
        out.post("/logout", &page, &[]).await;
        // Nine hours, and sessions end after eight without a request.
        desk.database.execute("UPDATE sessions SET last_seen_at = last_seen_at - 32400000000");
        provider.signed_in(&desk, &li()).await;
        for _ in 0..2 {
            round(&provider, &desk, Call::Token).await;
        }
        let mine: Vec<Value> = given.lock().expect("answers").iter().take(2)
            .map(|answer| answer["refresh_token"].clone())
            .collect();
        for used in refreshes(&provider) {
            assert!(!mine.contains(&json!(used)));
        }
    }

    async fn tokens_are_sealed_wherever_they_are_kept(database) {
        let (provider, desk) = asking(database.clone()).await;
        let given = record_tokens(&provider);
        let browser = provider.signed_in(&desk, &li()).await;
        round(&provider, &desk, Call::Token).await;
        round(&provider, &desk, Call::Token).await;
        let page = browser.get("/account").await;
        browser.post("/logout", &page, &[]).await;
        provider.patch(Document::Token, json!({"refresh_token": null}));
        provider.signed_in(&desk, &li()).await;
        let sealed = "SELECT COUNT(*) AS value FROM sessions WHERE id_token IS NOT NULL AND COALESCE(refresh_token, access_token) IS NOT NULL";
        assert!(desk.database.count(sealed) >= 1, "there is something to look for");
        let mut whole = desk.database.dump();
        if !database.is_postgresql() {
            for suffix in ["", "-wal"] {
                let bytes = std::fs::read(format!("{}{suffix}", database.url)).unwrap_or_default();
                whole.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        let mut canaries = desk.canaries();
        for answer in given.lock().expect("answers").iter() {
            for member in ["access_token", "refresh_token", "id_token"] {
                canaries.extend(answer[member].as_str().map(str::to_owned));
            }
        }
        assert!(canaries.len() > 10);
        for canary in canaries {
            assert!(!whole.contains(&canary), "a token in the database");
        }
    }

    async fn a_sign_out_revokes_the_tokens(database) {
        let (provider, desk) = asking(database).await;
        let given = record_tokens(&provider);
        let browser = provider.signed_in(&desk, &li()).await;
        let page = browser.get("/account").await;
        browser.post("/logout", &page, &[]).await;
        until("the trail says so", async || last(&desk) == "tokens_revoked li company").await;
        let seen = provider.seen(Call::Revocation);
        assert_eq!(seen.len(), 1);
        let form = seen[0].form();
        assert_eq!(given.lock().expect("answers")[0]["refresh_token"], form["token"]);
        assert_eq!(form["token_type_hint"], "refresh_token");
        let kept = "SELECT COUNT(*) AS value FROM sessions WHERE refresh_token IS NOT NULL OR access_token IS NOT NULL";
        assert_eq!(desk.database.count(kept), 0);
    }

    async fn a_sign_in_with_an_openid_provider_costs_two_calls_and_one_transaction(database) {
        const CALLS: [Call; 6] = [
            Call::Discovery, Call::Keys, Call::Token, Call::Userinfo, Call::PushedRequest, Call::Revocation,
        ];
        let provider = OpenId::start().await;
        let desk = provider.desk(database).with("OAUTH2_RECHECK", "off").run().await;
        until("the sweeper has had its turn", async || desk.inner.db.counts().writes >= 5).await;
        provider.signed_in(&desk, &li()).await;
        let calls = || CALLS.map(|call| provider.seen(call).len());
        for name in ["li", "wang"] {
            let browser = desk.browser();
            let callback = provider.approve(&browser.begin("/").await, &Subject::named(name));
            let (called, before) = (calls(), desk.inner.db.counts());
            assert_eq!(browser.get(&callback).await.status, 303);
            let after = desk.inner.db.counts();
            let made: Vec<usize> = calls().iter().zip(called).map(|(now, then)| now - then).collect();
            assert_eq!(made, [0, 0, 1, 1, 0, 0], "{name}: a token and a userinfo");
            assert_eq!((after.writes - before.writes, after.reads - before.reads), (1, 0), "{name}: one transaction");
        }
        assert_eq!(calls()[..2], [1, 1], "discovery and keys, once for all");
    }
}

#[test]
fn a_refresh_about_another_person_ends_every_session_and_one_that_proves_nothing_does_not() {
    run(async {
        for (by, is_over) in [
            (json!({"sub": "another"}), true),
            (json!({"iss": "https://evil.test"}), true),
            (json!({"aud": "another"}), true),
            (json!({"aud": ["frontdesk", "one-more-app"]}), false),
            (json!({"exp": 1}), false),
        ] {
            let (provider, desk) = asking(Database::sqlite()).await;
            provider.signed_in(&desk, &li()).await;
            provider.patch(Document::Refreshed, by.clone());
            if is_over {
                desk.clock.advance(PERIOD);
                until("they are out", async || desk.db_live_sessions() == 0).await;
                assert_eq!(last(&desk), "access_withdrawn li company", "{by}");
            } else {
                for _ in 0..2 {
                    round(&provider, &desk, Call::Token).await;
                }
                assert_eq!(desk.db_live_sessions(), 1, "{by}");
            }
        }
    });
}

#[test]
fn a_refusal_counts_with_the_status_that_some_give_it() {
    run(async {
        for status in [401, 403] {
            let (provider, desk) = asking(Database::sqlite()).await;
            provider.signed_in(&desk, &li()).await;
            let error = json!({"error": "invalid_grant"});
            provider.on_call(Call::Token, Reply::json(status, &error));
            desk.clock.advance(PERIOD);
            until("they are out", async || desk.db_live_sessions() == 0).await;
        }
    });
}

#[test]
fn a_provider_in_trouble_ends_no_session() {
    run(async {
        let garbage = |body: &str| Reply::Answer(200, "application/json", body.as_bytes().to_vec());
        let mut all = Vec::new();
        for reply in [
            Reply::Answer(500, "text/html", b"<h1>no</h1>".to_vec()),
            Reply::Answer(503, "text/html", Vec::new()),
            Reply::Answer(429, "text/html", Vec::new()),
            Reply::Answer(404, "text/html", Vec::new()),
            Reply::json(401, &json!({"error": "invalid_client"})),
            Reply::json(403, &json!({"error": "access_denied"})),
            Reply::json(404, &json!({"error": "invalid_grant"})),
            Reply::json(400, &json!({"error": "temporarily_unavailable"})),
            Reply::json(400, &json!({"error": "unauthorized_client"})),
            Reply::Answer(400, "text/html", b"invalid_grant".to_vec()),
            garbage("{\"acc"),
            garbage("[]"),
            garbage("{}"),
            Reply::Reset,
            Reply::CutBody,
            Reply::Silence,
            Reply::DripHeaders,
        ] {
            all.push(async move {
                let what = format!("{reply:?}");
                let (provider, desk) = asking(Database::sqlite()).await;
                let browser = provider.signed_in(&desk, &li()).await;
                provider.on_call(Call::Token, reply);
                round(&provider, &desk, Call::Token).await;
                assert_eq!(desk.db_live_sessions(), 1, "{what}");
                provider.behave();
                round(&provider, &desk, Call::Token).await;
                assert_eq!(
                    (desk.db_live_sessions(), trail(&desk).len()),
                    (1, 1),
                    "{what}"
                );
                assert_eq!(browser.get("/account").await.status, 200, "{what}");
            });
        }
        join_all(all).await;
    });
}

#[test]
fn tokens_that_the_provider_does_not_revoke_are_reported() {
    run(async {
        let (provider, desk) = asking(Database::sqlite()).await;
        let browser = provider.signed_in(&desk, &li()).await;
        provider.on_call(
            Call::Revocation,
            Reply::Answer(503, "text/html", Vec::new()),
        );
        let page = browser.get("/account").await;
        browser.post("/logout", &page, &[]).await;
        until("it was tried twice", async || {
            provider.seen(Call::Revocation).len() == 2
        })
        .await;
        // The third time comes after a longer pause.
        tokio::time::sleep(Duration::from_secs(12)).await;
        until("the trail says so", async || {
            last(&desk).starts_with("tokens_revoked")
        })
        .await;
        assert_eq!(last(&desk), "tokens_revoked provider_error li company");
        assert_eq!(provider.seen(Call::Revocation).len(), 3);
    });
}

// -- moving people, and looking --

/// `frontdesk` with these arguments: whether it went well, and what it said.
fn command(arguments: &[&str], settings: &BTreeMap<String, String>) -> (bool, String) {
    let done = output(arguments, settings);
    let said = text(&done.stdout) + &text(&done.stderr);
    (done.status.success(), said)
}

/// Settings whose providers are those of a file.
fn of_file(database: &Database, folder: &TempDir, toml: &str) -> BTreeMap<String, String> {
    let path = folder.path().join("providers.toml");
    std::fs::write(&path, toml).expect("a file");
    [
        (
            "FRONTDESK_PROVIDERS",
            path.to_str().expect("Unicode").to_owned(),
        ),
        ("FRONTDESK_PUBLIC_URL", "http://127.0.0.1:1".to_owned()),
        ("DATABASE_URL", database.url.clone()),
        ("SECRET_KEY", KEY.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

on_both_databases! {
    async fn people_are_moved_to_another_id_with_all_that_they_have(database) {
        let desk = Desk::on(database.clone()).asking_for_permissions().run().await;
        let browser = desk.signed_in(&Person::named("li").may(&["x"])).await;
        desk.signed_in(&Person::named("wang")).await;
        let openid = OpenId::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let settings = of_file(&database, &folder, &openid.toml("group"));
        let of = "of the provider group";
        let (_, said) = command(&["check"], &settings);
        let warning = "2 are stored under the provider company, which is not in the settings";
        assert!(said.contains(warning), "{said}");

        let before = snapshot(&database);
        let (is_good, said) = command(&["rekey", "company", "group", "--dry-run"], &settings);
        assert!(is_good && said.contains("To be moved: 2. Nothing was changed."), "{said}");
        assert_eq!(snapshot(&database), before);

        // One who is there already stands in the way of all.
        database.db_insert_users(1, &[("other", "")]);
        database.db_add_identity("other", "group", "li");
        let before = snapshot(&database);
        for arguments in [&["rekey", "company", "group"][..], &["rekey", "company", "group", "--dry-run"]] {
            let (is_good, said) = command(arguments, &settings);
            assert!(!is_good && said.contains("nobody was moved") && said.contains("\"li\""), "{said}");
            assert_eq!(snapshot(&database), before);
        }
        database.execute("DELETE FROM identities WHERE provider = 'group'");

        let (is_good, said) = command(&["rekey", "company", "group"], &settings);
        assert!(is_good && said.contains("Moved: 2."), "{said}");
        assert_eq!(database.db_identities(), ["group li li", "group wang wang"]);
        assert_eq!(database.db_permissions(), ["group:x"]);
        assert_eq!(database.texts("SELECT DISTINCT provider AS value FROM sessions"), ["group"]);
        assert_eq!(rekeyed(&desk), ["group {\"count\":2,\"note\":\"company → group\"}"]);
        assert_eq!(browser.get("/account").await.status, 200, "still signed in");
        let (_, said) = command(&["check"], &settings);
        assert!(!said.contains("do not have") && said.contains(of), "{said}");
        let (is_good, said) = command(&["rekey", "company", "group"], &settings);
        assert!(!is_good && said.contains("there is nobody to move; people are stored under: group"), "{said}");
    }

    async fn people_of_one_provider_do_not_become_those_of_another_by_a_mistake(database) {
        let (one, two, desk) = pair(database.clone()).await;
        sign_in(&desk, &one, "a", &li()).await;
        sign_in(&desk, &two, "b", &Subject::named("wang")).await;
        let before = snapshot(&database);
        let folder = tempfile::tempdir().expect("a folder");
        let settings = of_file(&database, &folder, &format!("{}{}", one.toml("a"), two.toml("b")));
        for arguments in [&["rekey", "a", "b"][..], &["rekey", "a", "b", "--dry-run"]] {
            let (is_good, said) = command(arguments, &settings);
            assert!(!is_good && said.contains("b has people of its own: 1"), "{said}");
            assert_eq!(snapshot(&database), before);
        }
        let (is_good, said) = command(&["rekey", "a", "c", "--dry-run"], &settings);
        assert!(is_good && said.contains("warning: the settings have no provider c"), "{said}");
    }

    async fn an_account_with_identities_under_both_ids_is_moved_too(database) {
        // The same permission from both sides, of one person whom both know by different names.
        let (one, two, desk) = pair(database.clone()).await;
        let browser = sign_in(&desk, &one, "a", &li().with("groups", json!(["x"]))).await;
        two.sign_in_from(&browser, &linking(&browser, "b").await, &Subject::named("li-b").with("groups", json!(["x"]))).await;
        let settings: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), database.url.clone())].into();
        let (is_good, said) = command(&["rekey", "a", "b"], &settings);
        assert!(is_good, "{said}");
        assert_eq!(database.db_identities(), ["b sub-of-li li", "b sub-of-li-b li"]);
        assert_eq!(database.db_permissions(), ["b:x"]);
    }

    async fn people_get_new_subjects_from_a_list(database) {
        let desk = Desk::on(database.clone()).with("OAUTH2_SUBJECT", "/name").run().await;
        for name in ["li", "wang", "zhao"] {
            desk.signed_in(&Person::named(name)).await;
        }
        let mut settings = process::settings(free_port(), &desk.provider, &database);
        settings.insert("OAUTH2_SUBJECT".to_owned(), "/id".to_owned());
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("subjects.csv");
        let rekey = |list: &str, is_dry: bool| {
            std::fs::write(&file, list).expect("a file");
            let mut arguments = vec!["rekey", "company", "--subjects", file.to_str().expect("Unicode")];
            arguments.extend(is_dry.then_some("--dry-run"));
            command(&arguments, &settings)
        };
        let strangers = "3 of the provider company are identified by /name, but the settings say /id";
        let (_, said) = command(&["check"], &settings);
        assert!(said.contains(strangers), "{said}");

        let whole = "li,id-1\nwang,\"id,2\"\n\nnobody,id-9\nzhao,id-3\n";
        let before = snapshot(&database);
        let (is_good, said) = rekey(whole, true);
        assert!(is_good && said.contains("To be moved: 3"), "{said}");
        assert!(said.contains("nobody has the subject \"nobody\""), "{said}");
        for (list, why) in [
            ("li,zhao\n", "\"zhao\" already belongs to another person"),
            ("li,id-1\nwang,id-1\n", "nobody was moved"),
            ("li,id-1\nli,id-2\n", "nobody was moved"),
            ("li,a\u{7}b\n", "nobody was moved"),
            ("li,id-1,id-2\n", "line 1 must have two columns"),
            ("wang,id-2\nli\n", "line 2 must have two columns"),
        ] {
            for is_dry in [true, false] {
                let (is_good, said) = rekey(list, is_dry);
                assert!(!is_good && said.contains(why), "{list}: {said}");
                assert_eq!(snapshot(&database), before, "{list}");
            }
        }
        let (_, said) = command(&["check"], &settings);
        assert!(said.contains(strangers), "{said}");

        // Two swap, one is not in the list; then all have their own.
        let (is_good, said) = rekey("li,wang\nwang,li\n", false);
        assert!(is_good && said.contains("Moved: 2."), "{said}");
        assert!(said.contains("1 people of the provider are not in the list"), "{said}");
        assert_eq!(database.db_identities(), ["company li wang", "company wang li", "company zhao zhao"]);
        assert_eq!(rekeyed(&desk).len(), 1);
        let (is_good, said) = rekey("wang,id-1\nli,\"id,2\"\nzhao,id-3\n", false);
        assert!(is_good && said.contains("Moved: 3."), "{said}");
        assert_eq!(database.db_identities(), ["company id,2 wang", "company id-1 li", "company id-3 zhao"]);
        let (_, said) = command(&["check"], &settings);
        assert!(!said.contains("are identified by") && said.contains("3 of the provider company"), "{said}");
        let after = Desk::on(database.clone()).beside(&desk).with("OAUTH2_SUBJECT", "/id").run().await;
        let browser = after.signed_in(&Person::named("li").with("id", "id-1")).await;
        assert_eq!(user(&browser).await.as_deref(), Some("li"));
        assert_eq!(database.count("users"), 3);
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
                    "fault    discovery of gone: the discovery document cannot be reached",
                    "FRONTDESK_PROVIDERS gone.issuer",
                ],
            ),
            (
                "missing",
                [
                    "fault    discovery of missing: the discovery document answered 404",
                    "ok       clock of missing: in step with the provider's",
                ],
            ),
            (
                "slow",
                [
                    "fault    discovery of slow: the discovery document answered 500",
                    "more than a minute",
                ],
            ),
            (
                "wrong",
                [
                    "fault    discovery of wrong: the discovery document names the issuer https://evil.test",
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
