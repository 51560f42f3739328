//! What a provider's word counts for: permissions, names, imported accounts, second identities and
//! leaving, each of which the settings name where there are several providers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use frontdesk::config::{Settings, VouchesFor};
use serde_json::{Value, json};

use crate::providers::linking;
use crate::support::lying_openid::{Call, Subject};
use crate::support::portal::{PASSWORD, Start};
use crate::support::process::{output, text};
use crate::support::{
    Answer, Browser, Database, Db, OpenId, Portal, Reply, on_both_databases, run, until,
};

const ALL: [&str; 5] = VouchesFor::WORDS;
/// More of a provider's table: permissions are what the claim `groups` lists.
const GROUPS: &str = "mapping.permissions = [\"/groups\"]\n";
/// Of the page of somebody whom another provider keeps out.
const KEPT_OUT: &str = "Sign in another way first";
const NOTHING: &str = "shown only, has no effect";

fn li() -> Subject {
    Subject::named("li")
}

fn at(provider: &str) -> String {
    format!("/oauth2/login?next=/account&provider={provider}")
}

/// Two providers, `a` and `b`, and what each vouches for.
struct Pair {
    a: OpenId,
    b: OpenId,
}

impl Pair {
    async fn start() -> Self {
        Self {
            a: OpenId::start().await,
            b: OpenId::start().await,
        }
    }

    /// Both give permissions; `a` asks about its people every 20 seconds.
    fn portal(&self, database: &Database, of_a: &[&str], of_b: &[&str]) -> Start {
        let a = self.a.toml_vouching("a", of_a);
        let a = a.replace("recheck = \"off\"", "recheck = \"20s\"");
        let b = self.b.toml_vouching("b", of_b);
        let toml = format!("{a}{GROUPS}{b}{GROUPS}");
        self.a.portal_of(database.clone(), &toml)
    }

    /// `b` alone.
    fn portal_of_b(&self, database: &Database) -> Start {
        let toml = self.b.toml_vouching("b", &ALL);
        self.b
            .portal_of(database.clone(), &toml)
            .clock(&self.a.clock)
    }

    /// Li, with both identities at one account and a session by each.
    async fn li_of_both(&self, portal: &Portal) -> [Browser; 2] {
        let first = sign_in(portal, &self.a, "a", &li()).await;
        portal.db_add_identity("li", "b", "sub-of-li");
        let second = sign_in(portal, &self.b, "b", &li()).await;
        assert_eq!(user(&second).await.as_deref(), Some("li"));
        [first, second]
    }

    /// `a` refuses whomever it is asked about, until somebody is out.
    async fn refuse(&self, portal: &Portal, username: &str) {
        let invalid = Reply::json(400, &json!({"error": "invalid_grant"}));
        self.a.on_call(Call::Token, invalid);
        for provider in [&self.a, &self.b] {
            provider.clock.advance(Duration::from_secs(20));
        }
        let sql = format!(
            "sessions s JOIN users u ON u.id = s.user_id \
             WHERE s.ended_at IS NULL AND s.provider = 'a' AND u.username = '{username}'"
        );
        until("they are out", async || portal.database.count(&sql) == 0).await;
        self.a.behave();
    }
}

async fn sign_in(portal: &Portal, provider: &OpenId, id: &str, subject: &Subject) -> Browser {
    let browser = portal.browser();
    let answer = provider.sign_in_from(&browser, &at(id), subject).await;
    assert!(answer.sets_session(), "{}", answer.body);
    browser
}

async fn user(browser: &Browser) -> Option<String> {
    browser.get("/account").await.user()
}

async fn with_password(portal: &Portal, username: &str, password: &str) -> (Browser, Answer) {
    let browser = portal.browser();
    let page = browser.get("/login?local").await;
    let fields = [
        ("username", username),
        ("password", password),
        ("next", "/account"),
    ];
    let answer = browser.post("/login", &page, &fields).await;
    (browser, answer)
}

/// The events of a kind: `username provider reason`, and details.
fn events(portal: &Portal, kind: &str) -> Vec<(String, Value)> {
    let about = portal.db_events_of(kind, &["username", "provider", "reason"]);
    about.into_iter().zip(portal.db_details_of(kind)).collect()
}

// -- settings --

fn faults(toml: &str, more: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("providers.toml");
    std::fs::write(&path, toml).expect("a file");
    let mut variables: HashMap<String, String> = [
        ("FRONTDESK_PUBLIC_URL", "https://desk.example.com"),
        ("DATABASE_URL", "desk.sqlite3"),
        (
            "SECRET_KEY",
            "vouching-tests-0123456789abcdefghijklmnopqrstuv",
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if !toml.is_empty() {
        let path = path.to_str().expect("Unicode").to_owned();
        variables.insert("FRONTDESK_PROVIDERS".to_owned(), path);
    }
    let more = more.iter();
    variables.extend(more.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Settings::parse(&variables).map_err(|faults| faults.lines().to_vec())
}

fn table(id: &str, more: &str) -> String {
    format!(
        "[{id}]\nkind = \"openid\"\nissuer = \"https://{id}.example\"\nclient_id = \"x\"\nclient_secret = \"y\"\n{more}\n"
    )
}

const COMPANY: [(&str, &str); 4] = [
    ("OAUTH2_CLIENT_ID", "x"),
    ("OAUTH2_CLIENT_SECRET", "y"),
    ("OAUTH2_ISSUER", "https://id.example"),
    (
        "OAUTH2_REDIRECT_URL",
        "https://desk.example.com/oauth2_callback/",
    ),
];

#[test]
fn several_providers_say_what_they_vouch_for_and_a_start_without_it_names_the_line_to_write() {
    const LINE: &str =
        r#"vouches_for = ["permissions", "names", "adoption", "linking", "leaving"]"#;
    let both = table("one", "") + &table("two", "");
    let told = faults(&both, &[]).expect_err("two faults");
    assert_eq!(told.len(), 2, "{told:#?}");
    for (line, id) in told.iter().zip(["one", "two"]) {
        assert!(
            line.starts_with(&format!("FRONTDESK_PROVIDERS {id}.vouches_for is required"))
                && line.contains(LINE),
            "{line}"
        );
    }
    // With what else is wrong.
    let told = faults(&(both + "colour = \"red\"\n"), &[]).expect_err("faults");
    assert!(
        told.iter().any(|line| line.contains("two.colour")),
        "{told:?}"
    );
    assert!(
        told.iter().any(|line| line.contains("one.vouches_for")),
        "{told:?}"
    );

    // One by variables and one in the file are two.
    let told = faults(&table("one", "vouches_for = []"), &COMPANY).expect_err("a fault");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("OAUTH2_VOUCHES_FOR is required")
            && told[0].contains("OAUTH2_VOUCHES_FOR=permissions,names,adoption,linking,leaving"),
        "{told:?}"
    );
    let told = faults(&table("one", "vouches_for = [\"roles\"]"), &[]).expect_err("a fault");
    assert!(
        told[0].contains("one.vouches_for may contain permissions"),
        "{told:?}"
    );

    let of = |toml: &str, more: &[(&str, &str)]| {
        let settings = faults(toml, more).unwrap_or_else(|told| panic!("{told:?}"));
        let providers = settings.providers.iter();
        providers
            .map(|provider| (provider.id.clone(), provider.vouches_for.words().join(" ")))
            .collect::<BTreeMap<_, _>>()
    };
    // Alone it vouches for everything, unless it says less.
    assert_eq!(of("", &COMPANY)["company"], ALL.join(" "));
    assert_eq!(of(&table("one", ""), &[])["one"], ALL.join(" "));
    assert_eq!(of(&table("one", "vouches_for = []"), &[])["one"], "");
    for (value, words) in [
        ("[]", ""),
        ("leaving", "leaving"),
        ("leaving,permissions", "permissions leaving"),
        ("names linking", "names linking"),
        ("[\"names\", 'adoption']", "names adoption"),
    ] {
        let mut more = COMPANY.to_vec();
        more.push(("OAUTH2_VOUCHES_FOR", value));
        assert_eq!(of("", &more)["company"], words, "{value}");
        let both = of(&table("one", "vouches_for = [\"names\"]"), &more);
        assert_eq!(
            (both["company"].as_str(), both["one"].as_str()),
            (words, "names")
        );
    }
    let mut more = COMPANY.to_vec();
    more.push(("OAUTH2_VOUCHES_FOR", "everything"));
    let told = faults("", &more).expect_err("a fault");
    assert!(
        told[0].starts_with("OAUTH2_VOUCHES_FOR may contain "),
        "{told:?}"
    );
}

// -- permissions --

on_both_databases! {
    async fn permissions_of_a_provider_that_does_not_vouch_for_them_are_shown_and_count_for_nothing(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &["names", "linking"])
            .with("FRONTDESK_SUPERUSER_PERMISSION", "x")
            .with("FRONTDESK_STAFF_PERMISSION", "y")
            .run().await;
        let may = |name: &str| Subject::named(name).with("groups", json!(["x", "y"]));
        let boss = sign_in(&portal, &pair.a, "a", &may("boss")).await;
        let mallory = sign_in(&portal, &pair.b, "b", &may("mallory")).await;
        assert_eq!(portal.db_roles_by_permission(), ["boss superuser", "mallory -"]);
        assert_eq!(mallory.get("/admin/users").await.status, 403);
        for (browser, is_marked) in [(&boss, false), (&mallory, true)] {
            let page = browser.get("/account").await.body;
            assert_eq!(page.contains(NOTHING), is_marked, "{page}");
        }
        let shown = boss.get(&format!("/admin/users/{}", portal.db_id_of("mallory"))).await.body;
        assert!(shown.contains(NOTHING) && shown.contains(">x<"), "{shown}");

        // Nor do they count beside those of a provider that vouches, at the same account.
        sign_in(&portal, &pair.a, "a", &li()).await;
        portal.db_add_identity("li", "b", "sub-of-li");
        sign_in(&portal, &pair.b, "b", &may("li")).await;
        sign_in(&portal, &pair.a, "a", &li()).await;
        assert_eq!(portal.db_roles_by_permission(), ["boss superuser", "li -", "mallory -"]);
        // What is given by hand counts.
        let page = boss.get("/account").await;
        let grant = format!("/admin/users/{}/grant", portal.db_id_of("mallory"));
        let answer = boss.post(&grant, &page, &[("permission", "y")]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(portal.db_roles_by_permission(), ["boss superuser", "li -", "mallory staff"]);
    }

    async fn permissions_that_are_not_vouched_for_admit_nobody_at_another_provider(database) {
        let pair = Pair::start().await;
        let ways = [("li", &["names", "linking"][..], false), ("wang", &ALL[..], true)];
        for (name, of_a, is_let_in) in ways {
            let person = || Subject::named(name).with("groups", json!(["vip"]));
            let a = pair.a.toml_vouching("a", of_a);
            let b = pair.b.toml_vouching("b", &ALL);
            let toml = format!("{a}{GROUPS}{b}admit_permissions = [\"vip\"]\n");
            let portal = pair.a.portal_of(database.clone(), &toml).run().await;
            sign_in(&portal, &pair.a, "a", &person()).await;
            portal.db_add_identity(name, "b", &format!("sub-of-{name}"));
            let answer = pair.b.sign_in_from(&portal.browser(), &at("b"), &Subject::named(name)).await;
            assert_eq!(answer.sets_session(), is_let_in, "{}", answer.body);
            // Its own sign-in may go by its own.
            let a = pair.a.toml_vouching("a", &[]);
            let toml = format!("{a}{GROUPS}admit_permissions = [\"vip\"]\n");
            let alone = pair.a.portal_of(Database::sqlite(), &toml).run().await;
            sign_in(&alone, &pair.a, "a", &person()).await;
            let unreadable = person().with("groups", json!({"un": "readable"}));
            sign_in(&alone, &pair.a, "a", &unreadable).await;
        }
    }

    async fn at_each_start_roles_that_rest_on_permissions_that_no_longer_count_are_removed(database) {
        let pair = Pair::start().await;
        let with_roles = |of_a: &[&str], of_b: &[&str]| {
            pair.portal(&database, of_a, of_b)
                .with("FRONTDESK_SUPERUSER_PERMISSION", "x")
                .with("FRONTDESK_STAFF_PERMISSION", "y")
        };
        let portal = with_roles(&ALL, &ALL).run().await;
        let may = |name: &str, groups: &[&str]| Subject::named(name).with("groups", json!(groups));
        sign_in(&portal, &pair.a, "a", &may("of-a", &["x"])).await;
        let of_b = sign_in(&portal, &pair.b, "b", &may("of-b", &["x", "y"])).await;
        sign_in(&portal, &pair.b, "b", &may("staff", &["y"])).await;
        assert_eq!(portal.db_roles_by_permission(), ["of-a superuser", "of-b superuser", "staff staff"]);
        let key = portal.secret_key.clone();
        portal.close().await;

        let portal = with_roles(&ALL, &["names"]).with("SECRET_KEY", &key).run().await;
        assert_eq!(portal.db_roles_by_permission(), ["of-a superuser", "of-b -", "staff -"]);
        assert_eq!(of_b.at(&portal).get("/admin/users").await.status, 403);
        let told = events(&portal, "role_changed");
        let about: Vec<_> = told.iter().map(|(about, _)| about.as_str()).collect();
        assert_eq!(about.len(), 2, "{told:?}");
        assert!(about.contains(&"of-b") && about.contains(&"staff"), "{told:?}");
        assert!(told.iter().all(|(_, details)| details["changes"][0]["field"] == "role_by_permission"));
        portal.close().await;

        // Once more there is nothing to take; and the last superuser stays one.
        let portal = with_roles(&[], &["names"]).with("SECRET_KEY", &key).run().await;
        assert_eq!(portal.db_roles_by_permission(), ["of-a superuser", "of-b -", "staff -"]);
        assert_eq!(events(&portal, "role_changed").len(), 2);
        portal.close().await;

        // What counts again comes back with the next sign-in.
        let portal = with_roles(&ALL, &ALL).with("SECRET_KEY", &key).run().await;
        assert_eq!(portal.db_roles_by_permission(), ["of-a superuser", "of-b -", "staff -"]);
        sign_in(&portal, &pair.b, "b", &may("of-b", &["x", "y"])).await;
        assert_eq!(portal.db_roles_by_permission(), ["of-a superuser", "of-b superuser", "staff -"]);
    }

    async fn a_command_knows_whose_permissions_count(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &["names", "permissions"], &["names"]).run().await;
        for (provider, id, name) in [(&pair.a, "a", "of-a"), (&pair.b, "b", "of-b")] {
            sign_in(&portal, provider, id, &Subject::named(name).with("groups", json!(["x"]))).await;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("providers.toml");
        let toml = pair.a.toml_vouching("a", &["names", "permissions"]) + &pair.b.toml_vouching("b", &["names"]);
        std::fs::write(&path, &toml).expect("a file");
        let mut settings: BTreeMap<String, String> = [
            ("DATABASE_URL", database.url.clone()),
            ("FRONTDESK_PROVIDERS", path.to_str().expect("Unicode").to_owned()),
            ("FRONTDESK_PUBLIC_URL", "http://127.0.0.1:1".to_owned()),
            ("FRONTDESK_STAFF_PERMISSION", "x".to_owned()),
        ].map(|(name, value)| (name.to_owned(), value)).into();
        for name in ["of-a", "of-b"] {
            for act in ["grant", "take"] {
                let done = output(&["users", act, name, "x"], &settings);
                assert!(done.status.success(), "{}", text(&done.stderr));
            }
        }
        assert_eq!(portal.db_roles_by_permission(), ["of-a staff", "of-b -"]);
        // Where nobody can say whose count, no role is made or taken; the rest works.
        settings.insert("FRONTDESK_PROVIDERS".to_owned(), "nowhere.toml".to_owned());
        let done = output(&["users", "take", "of-a", "x"], &settings);
        assert!(!done.status.success() && text(&done.stderr).contains("FRONTDESK_PROVIDERS"));
        assert!(output(&["users", "deactivate", "of-a"], &settings).status.success());
    }
}

// -- names and imported accounts --

on_both_databases! {
    async fn a_person_from_a_provider_that_does_not_vouch_for_names_takes_nobody_s_name(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &["permissions"]).run().await;
        let stranger = sign_in(&portal, &pair.b, "b", &li()).await;
        assert_eq!(user(&stranger).await.as_deref(), Some("li@b"), "before there is any li");
        sign_in(&portal, &pair.a, "a", &li()).await;
        sign_in(&portal, &pair.a, "a", &Subject::named("wang")).await;
        assert_eq!(portal.db_column("users", "username"), ["li", "li@b", "wang"]);
        // A sync renames nobody, and keeps the rest up to date.
        let renamed = Subject::named("boss").with("sub", "sub-of-li").with("name", "Li Si");
        let again = sign_in(&portal, &pair.b, "b", &renamed).await;
        assert_eq!(user(&again).await.as_deref(), Some("li@b"));
        assert_eq!(portal.db_fields_of("li@b", "first_name"), ["Li Si"]);
        // The long name, too, is one person's.
        let answer = pair.b.sign_in_from(&portal.browser(), &at("b"), &li().with("sub", "another")).await;
        assert_eq!(answer.status, 409, "{}", answer.body);
        assert!(answer.body.contains("li@b"), "{}", answer.body);
        let long = Subject::named(&"n".repeat(149)).with("sub", "long");
        let answer = pair.b.sign_in_from(&portal.browser(), &at("b"), &long).await;
        assert!(!answer.sets_session(), "{}", answer.body);
        assert_eq!(portal.db_column("users", "username"), ["li", "li@b", "wang"]);
        // Nor does a name that looks like one of the others.
        sign_in(&portal, &pair.b, "b", &Subject::named("li@a")).await;
        assert_eq!(portal.db_column("users", "username"), ["li", "li@a@b", "li@b", "wang"]);
    }

    async fn without_its_first_identity_an_account_is_not_renamed_by_one_whose_names_do_not_count(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &["linking"]).run().await;
        pair.li_of_both(&portal).await;
        portal.database.execute("DELETE FROM identities WHERE provider = 'a'");
        portal.database.execute("UPDATE identities SET is_first = TRUE");
        let renamed = Subject::named("boss").with("sub", "sub-of-li");
        let browser = sign_in(&portal, &pair.b, "b", &renamed).await;
        assert_eq!(user(&browser).await.as_deref(), Some("li"));
    }

    async fn an_imported_account_waits_for_a_provider_that_vouches_for_it(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &["names"]).with("FRONTDESK_ADOPT_IMPORTED", "on").run().await;
        portal.db_create_local_account("li");
        portal.database.execute("UPDATE users SET imported_at = 1");
        let answer = pair.b.sign_in_from(&portal.browser(), &at("b"), &li()).await;
        assert_eq!(answer.status, 409, "{}", answer.body);
        assert_eq!(portal.database.count("identities"), 0);
        let browser = sign_in(&portal, &pair.a, "a", &li()).await;
        assert_eq!(user(&browser).await.as_deref(), Some("li"));
        assert_eq!(portal.db_column("users", "username"), ["li"]);
    }

    async fn only_identities_of_a_provider_that_vouches_for_it_are_added_to_an_account(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &["names"]).run().await;
        let browser = sign_in(&portal, &pair.a, "a", &li()).await;
        let page = browser.get("/account").await;
        assert!(!page.body.contains("provider=b"), "{}", page.body);
        // Nor by a link that was made while it did vouch, nor by what was begun with one.
        let key = portal.secret_key.clone();
        let portal_before = pair.portal(&database, &ALL, &ALL).with("SECRET_KEY", &key).run().await;
        let before = browser.at(&portal_before);
        let link = linking(&before, "b").await;
        let answer = browser.get(&link).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains("cannot be added to an existing account"), "{}", answer.body);
        assert!(answer.body.contains("href=\"/account\""), "{}", answer.body);
        assert_eq!(portal.database.count("identities"), 1);
        let begun = before.get(&link).await;
        assert_eq!(begun.status, 303);
        let callback = pair.b.approve(begun.location(), &Subject::named("li-b"));
        let answer = browser.get(&callback).await;
        assert!(!answer.sets_session() && portal.database.count("identities") == 1, "{}", answer.body);
        // The other way round it works.
        let other = sign_in(&portal, &pair.b, "b", &Subject::named("wang")).await;
        assert!(other.get("/account").await.body.contains("provider=a"));
    }
}

// -- leaving --

on_both_databases! {
    async fn a_person_refused_by_a_provider_that_vouches_for_leaving_is_out_by_every_other_way(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &ALL).with("FRONTDESK_STAFF_PERMISSION", "x").run().await;
        let sessions = pair.li_of_both(&portal).await;
        portal.db_give_password("li");
        let (by_password, answer) = with_password(&portal, "li", PASSWORD).await;
        assert!(answer.sets_session(), "{}", answer.body);
        pair.refuse(&portal, "li").await;
        assert_eq!(portal.db_live_sessions_by_provider(), Vec::<String>::new(), "b's and the password's, too");
        for browser in sessions.iter().chain([&by_password]) {
            assert_eq!(browser.get("/account").await.status, 303);
        }
        let told = events(&portal, "access_withdrawn");
        assert_eq!((told.len(), told[0].0.as_str(), &told[0].1["count"]), (1, "li a", &json!(3)), "{told:?}");

        // The other provider, in both languages.
        let stored = portal.db_fields_of("li", "last_login");
        for (language, heading) in [("en", KEPT_OUT), ("zh-Hans", "请先用另一种方式登录")] {
            let mut browser = portal.browser();
            browser.language = language.to_owned();
            let answer = pair.b.sign_in_from(&browser, &at("b"), &li()).await;
            assert_eq!(answer.status, 403, "{}", answer.body);
            assert!(!answer.sets_session());
            assert!(answer.body.contains(heading), "{}", answer.body);
            assert!(answer.body.contains("/oauth2/login?next=/account&#38;provider=a"), "{}", answer.body);
        }
        // The right password says so, a wrong one says what it always says.
        let (_, answer) = with_password(&portal, "li", PASSWORD).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains(KEPT_OUT) && !answer.sets_session(), "{}", answer.body);
        for (name, password) in [("li", "wrong"), ("nobody", PASSWORD)] {
            let (_, answer) = with_password(&portal, name, password).await;
            assert_eq!(answer.status, 422);
            assert!(!answer.body.contains(KEPT_OUT) && !answer.body.contains("provider=a&#38;"), "{}", answer.body);
        }
        // A password link.
        portal.db_set_field_of("li", "password", "!");
        let boss = sign_in(&portal, &pair.a, "a", &Subject::named("boss")).await;
        portal.db_make_superuser("boss");
        let reset = format!("/admin/users/{}/reset-password", portal.db_id_of("li"));
        let made = boss.post(&reset, &boss.get("/account").await, &[]).await;
        let (_, token) = made.body.split_once("/password?token=").expect("a link");
        let token: String = token.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        let browser = portal.browser();
        let page = browser.get(&format!("/password?token={token}")).await;
        let fields = [("token", token.as_str()), ("new_password", PASSWORD), ("new_password_again", PASSWORD)];
        let answer = browser.post("/password", &page, &fields).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains(KEPT_OUT), "{}", answer.body);
        assert_eq!(portal.db_live_sessions_by_provider(), ["boss a"]);
        let now = portal.db_fields_of("li", "last_login");
        assert_eq!(now, stored, "nobody came in");
        let refused = events(&portal, "sign_in_refused");
        let kept_out = refused.iter().filter(|(about, _)| about.ends_with("kept_out")).count();
        assert_eq!(kept_out, 4, "{refused:?}");

        // Until that provider lets them in.
        sign_in(&portal, &pair.a, "a", &li()).await;
        assert_eq!(portal.db_count_refused_identities(), 0);
        sign_in(&portal, &pair.b, "b", &li()).await;
        let (_, answer) = with_password(&portal, "li", PASSWORD).await;
        assert_eq!(answer.status, 422, "the password was not set by a link that let nobody in");
    }

    async fn two_providers_that_refused_a_person_let_them_in_one_after_the_other(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &ALL).run().await;
        pair.li_of_both(&portal).await;
        pair.refuse(&portal, "li").await;
        portal.database.execute("UPDATE identities SET refused_at = 1");
        let answer = pair.a.sign_in_from(&portal.browser(), &at("a"), &li()).await;
        assert!(answer.body.contains(KEPT_OUT) && answer.body.contains("provider=b"), "{}", answer.body);
        sign_in(&portal, &pair.b, "b", &li()).await;
        assert_eq!(portal.db_count_refused_identities(), 0);
    }

    async fn a_provider_that_does_not_vouch_for_leaving_ends_only_its_own_sessions(database) {
        let pair = Pair::start().await;
        let a = pair.a.toml_vouching("a", &["names", "linking"]).replace("recheck = \"off\"", "recheck = \"20s\"");
        let b = pair.b.toml_vouching("b", &ALL).replace("recheck = \"off\"", "recheck = \"1h\"");
        let portal = pair.a.portal_of(database, &format!("{a}{b}")).run().await;
        pair.li_of_both(&portal).await;
        pair.refuse(&portal, "li").await;
        assert_eq!(portal.db_live_sessions_by_provider(), ["li b"]);
        assert_eq!(portal.db_count_refused_identities(), 0);
        sign_in(&portal, &pair.b, "b", &li()).await;
        // Also once it is taken out of the settings.
        let without = pair.b.portal_of(portal.database.clone(), &b).with("SECRET_KEY", &portal.secret_key).run().await;
        sign_in(&without, &pair.b, "b", &li()).await;
    }

    async fn a_superuser_s_password_and_a_used_rescue_link_stay_ways_in_whoever_refuses(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &ALL).run().await;
        pair.li_of_both(&portal).await;
        portal.db_give_password("li");
        portal.db_make_superuser("li");
        pair.refuse(&portal, "li").await;
        let (browser, answer) = with_password(&portal, "li", PASSWORD).await;
        assert!(answer.sets_session(), "{}", answer.body);
        assert_eq!(browser.get("/admin/users").await.status, 200);
        assert_eq!(portal.db_count_refused_identities(), 1, "the other ways are shut");
        let answer = pair.b.sign_in_from(&portal.browser(), &at("b"), &li()).await;
        assert!(answer.body.contains(KEPT_OUT), "{}", answer.body);

        // Looked at, the link does nothing.
        let link = portal.db_make_rescue_link("li");
        let browser = portal.browser();
        let page = browser.get(&link).await;
        assert_eq!((page.status.as_u16(), portal.db_count_refused_identities()), (200, 1));
        let (_, token) = link.split_once("token=").expect("a token");
        let answer = browser.post("/rescue", &page, &[("token", token)]).await;
        assert!(answer.sets_session(), "{}", answer.body);
        assert_eq!(portal.db_count_refused_identities(), 0);
        sign_in(&portal, &pair.b, "b", &li()).await;
    }

    async fn an_admin_readmits_a_person_and_says_why(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &ALL).run().await;
        pair.li_of_both(&portal).await;
        let boss = sign_in(&portal, &pair.b, "b", &Subject::named("boss")).await;
        portal.db_make_superuser("boss");
        let here = format!("/admin/users/{}", portal.db_id_of("li"));
        let readmit = format!("{here}/readmit");
        let shown = boss.get(&here).await.body;
        assert!(!shown.contains("/readmit") && !shown.contains("Refused since"), "{shown}");
        pair.refuse(&portal, "li").await;
        let shown = boss.get(&here).await.body;
        for words in ["/readmit\"", "Refused since", "has refused this person since"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        let page = boss.get(&readmit).await;
        assert_eq!(page.status, 200, "{}", page.body);
        for reason in ["", "  "] {
            let answer = boss.post(&readmit, &page, &[("reason", reason)]).await;
            assert_eq!(answer.status, 422, "{}", answer.body);
            assert!(answer.body.contains("Enter a reason"), "{}", answer.body);
        }
        assert_eq!((portal.db_count_refused_identities(), events(&portal, "readmitted").len()), (1, 0));
        let answer = boss.post(&readmit, &page, &[("reason", "her session there ran out")]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, here.as_str()), "{}", answer.body);
        assert!(boss.get(&here).await.body.contains("This person can sign in again."));
        let told = events(&portal, "readmitted");
        assert_eq!((told.len(), told[0].0.as_str()), (1, "li"), "{told:?}");
        assert_eq!((&told[0].1["note"], &told[0].1["refused_by"]), (&json!("her session there ran out"), &json!(["a"])));
        sign_in(&portal, &pair.b, "b", &li()).await;
        let answer = boss.post(&readmit, &page, &[("reason", "again")]).await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains("No provider refuses this person"), "{}", answer.body);
    }

    async fn a_command_readmits_one_person_or_all(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &ALL).run().await;
        for name in ["li", "wang", "zhao"] {
            sign_in(&portal, &pair.a, "a", &Subject::named(name)).await;
        }
        sign_in(&portal, &pair.b, "b", &Subject::named("other")).await;
        let settings: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), database.url.clone())].into();
        let command = |arguments: &[&str]| {
            let done = output(arguments, &settings);
            (done.status.code(), text(&done.stdout) + &text(&done.stderr))
        };
        portal.database.execute("UPDATE identities SET refused_at = 1");
        for arguments in [
            &["users", "readmit", "li"][..],
            &["users", "readmit", "--refused-by", "a"],
            &["users", "readmit", "--reason", "why"],
            &["users", "readmit", "li", "--refused-by", "a", "--reason", "why"],
        ] {
            assert_eq!(command(arguments).0, Some(2), "{arguments:?}");
        }
        assert_eq!(command(&["users", "readmit", "li", "--reason", " "]).0, Some(4));
        assert_eq!(command(&["users", "readmit", "--refused-by", "a", "--reason", " "]).0, Some(4));
        assert_eq!(portal.db_count_refused_identities(), 4);
        let (code, said) = command(&["users", "readmit", "li", "--reason", "by mistake"]);
        assert_eq!((code, said.trim()), (Some(0), "li: readmit: done"));
        let (code, said) = command(&["users", "readmit", "--refused-by", "a", "--reason", "an outage"]);
        assert_eq!((code, said.trim()), (Some(0), "a: readmit: 2"));
        assert_eq!(portal.db_count_refused_identities(), 1, "b's is another matter");
        assert_eq!(events(&portal, "readmitted").len(), 3);
        assert_eq!(command(&["users", "readmit", "li", "--reason", "once more"]).0, Some(4));
        assert_eq!(command(&["users", "readmit", "nobody", "--reason", "why"]).0, Some(3));
    }

    async fn a_person_refused_by_a_provider_that_is_gone_asks_an_admin(database) {
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &ALL).run().await;
        pair.li_of_both(&portal).await;
        pair.refuse(&portal, "li").await;
        portal.close().await;
        let portal = pair.portal_of_b(&database).run().await;
        let answer = pair.b.sign_in_from(&portal.browser(), &at("b"), &li()).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains(KEPT_OUT) && !answer.body.contains("provider=a"), "{}", answer.body);
        assert!(answer.body.contains("to your admin, who can let you in again"), "{}", answer.body);
        // One that is there and vouches no more keeps nobody out.
        portal.close().await;
        let portal = pair.portal(&database, &["names"], &ALL).run().await;
        sign_in(&portal, &pair.b, "b", &li()).await;
    }
}

// -- providers that no instance has --

const MINUTE: Duration = Duration::from_secs(60);

/// A minute goes by, and all of these note what they have.
async fn minute(clock: &frontdesk::clock::Clock, portals: &[&Portal]) {
    clock.advance(MINUTE);
    for portal in portals {
        let sql = format!(
            "provider_instances WHERE instance = '{}' AND noted_at >= {}",
            portal.inner.instance,
            clock.now().minus(Duration::from_secs(30)).0
        );
        until("it is noted", async || portal.database.count(&sql) > 0).await;
    }
}

on_both_databases! {
    async fn sessions_of_a_provider_that_no_instance_has_end_after_ten_minutes(database) {
        let pair = Pair::start().await;
        let clock = pair.a.clock.clone();
        let portal = pair.portal(&database, &ALL, &ALL).run().await;
        let of_a = sign_in(&portal, &pair.a, "a", &li()).await;
        sign_in(&portal, &pair.b, "b", &Subject::named("boss")).await;
        portal.db_make_superuser("boss");
        // More than end in one transaction.
        portal.database.execute(
            "INSERT INTO sessions (id, token_hash, user_id, provider, created_at, last_seen_at, expires_at, address, user_agent) \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
             SELECT i, token_hash || i, user_id, provider, created_at, last_seen_at, expires_at, address, user_agent \
             FROM sessions CROSS JOIN n WHERE provider = 'a'",
        );
        let key = portal.secret_key.clone();
        portal.close().await;

        let portal = pair.portal_of_b(&database).with("SECRET_KEY", &key).run().await;
        portal.db_create_local_account("local");
        let (by_password, _) = with_password(&portal, "local", PASSWORD).await;
        let boss = sign_in(&portal, &pair.b, "b", &Subject::named("boss")).await;
        let rescued = portal.browser();
        let link = portal.db_make_rescue_link("local");
        let page = rescued.get(&link).await;
        rescued.post("/rescue", &page, &[("token", link.split_once("token=").expect("a token").1)]).await;
        // It is said before.
        let page = boss.get("/admin/status").await.body;
        assert!(page.contains("sessions end at"), "{page}");
        let settings: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), database.url.clone())].into();
        drop(settings);
        for _ in 0..9 {
            minute(&clock, &[&portal]).await;
        }
        assert_eq!(of_a.at(&portal).get("/account").await.status, 200);
        assert_eq!(events(&portal, "provider_gone").len(), 0);
        minute(&clock, &[&portal]).await;
        until("they have ended", async || !portal.db_live_sessions_by_provider().contains(&"li a".to_owned())).await;
        let told = events(&portal, "provider_gone");
        let counts: BTreeSet<_> = told.iter().map(|(provider, details)| (provider.as_str(), details["count"].as_u64())).collect();
        assert_eq!(counts, BTreeSet::from([("a", Some(1)), ("a", Some(5000))]), "{told:?}");
        assert_eq!(of_a.at(&portal).get("/account").await.status, 303);
        for browser in [&boss, &by_password, &rescued] {
            assert_eq!(browser.get("/account").await.status, 200);
        }
        assert!(!boss.get("/admin/status").await.body.contains("sessions end at"));
        minute(&clock, &[&portal]).await;
        assert_eq!(events(&portal, "provider_gone").len(), 2, "once");
    }

    async fn sessions_of_a_provider_that_another_instance_has_stay(database) {
        let pair = Pair::start().await;
        let clock = pair.a.clock.clone();
        let both = pair.portal(&database, &ALL, &ALL).run().await;
        let of_a = sign_in(&both, &pair.a, "a", &li()).await;
        let of_b = pair.portal_of_b(&database).with("SECRET_KEY", &both.secret_key).run().await;
        for _ in 0..12 {
            minute(&clock, &[&both, &of_b]).await;
        }
        assert_eq!(of_a.get("/account").await.status, 200);
        assert_eq!(events(&both, "provider_gone").len(), 0);
        // Notes older than a day go.
        both.database.execute("INSERT INTO provider_instances (provider, instance, noted_at) VALUES ('a', 'long ago', 1)");
        minute(&clock, &[&both]).await;
        let sql = "provider_instances WHERE instance = 'long ago'";
        until("it is swept", async || both.database.count(sql) == 0).await;
    }
}

#[test]
fn check_says_whose_sessions_will_end() {
    run(async {
        let database = Database::sqlite();
        let pair = Pair::start().await;
        let portal = pair.portal(&database, &ALL, &ALL).run().await;
        sign_in(&portal, &pair.a, "a", &li()).await;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("providers.toml");
        std::fs::write(&path, pair.b.toml_vouching("b", &["names"])).expect("a file");
        let settings: BTreeMap<String, String> = [
            ("DATABASE_URL", database.url.clone()),
            (
                "FRONTDESK_PROVIDERS",
                path.to_str().expect("Unicode").to_owned(),
            ),
            ("FRONTDESK_PUBLIC_URL", "http://127.0.0.1:1".to_owned()),
            ("SECRET_KEY", portal.secret_key.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        let said = text(&output(&["check"], &settings).stdout);
        assert!(
            said.contains("warning  sessions: people are signed in through the provider a, which is not in the settings"),
            "{said}"
        );
        assert!(said.contains("ok       vouches_for: names"), "{said}");
    });
}
