//! Proof of presence: what proves that the owner of a session is there, what does not, and which
//! ways are open to whom.

use std::time::Duration;

use serde_json::{Value, json};

use crate::providers::linking;
use crate::support::lying_openid::{Document, Subject};
use crate::support::portal::PASSWORD;
use crate::support::process::{self, free_port, output, text};
use crate::support::provider::query;
use crate::support::{
    Answer, Browser, Database, Db, OpenId, Person, Portal, Provider, on_both_databases, run,
};

const QUARTER: Duration = Duration::from_secs(15 * 60);
const OTHER_PASSWORD: &str = "violet stapler canoe";

/// Something dangerous that an admin may look at.
const DANGEROUS: &str = "/admin/sessions/end?ip=203.0.113.1";

/// Whether somebody is asked to prove who they are before something dangerous.
async fn is_asked(browser: &Browser) -> bool {
    let answer = browser.get(DANGEROUS).await;
    match answer.status.as_u16() {
        200 => false,
        303 => {
            let asks = answer.location().ends_with("&fresh=1");
            assert!(asks, "{}", answer.location());
            true
        }
        _ => panic!("{}: {}", answer.status, answer.body),
    }
}

/// The page that asks.
async fn page_that_asks(browser: &Browser) -> Answer {
    let page = browser.get("/login?fresh=1&next=/admin/users/new").await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(
        page.body.contains("Confirm that it is you"),
        "{}",
        page.body
    );
    page
}

async fn confirm(browser: &Browser, with: &str, password: &str) -> Answer {
    let page = browser.get("/account").await;
    let fields = [("with", with), ("password", password), ("next", DANGEROUS)];
    browser.post("/confirm", &page, &fields).await
}

/// The address of a pushed or plain request without what asks the person to sign in.
fn stripped(address: &str) -> String {
    let mut url = url::Url::parse(address).expect("an address");
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .filter(|(name, _)| name != "prompt" && name != "max_age")
        .collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    url.into()
}

/// One `OpenID` provider with more in its table, and an admin there.
async fn with_admin(database: Database, more: &str) -> (OpenId, Portal, Browser, Subject) {
    let provider = OpenId::start().await;
    let toml = provider.toml("a") + more;
    let portal = provider.portal_of(database, &toml).run().await;
    let boss = Subject::named("boss");
    let browser = provider.signed_in(&portal, &boss).await;
    portal.db_make_superuser("boss");
    (provider, portal, browser, boss)
}

fn auth_time(provider: &OpenId, value: Value) {
    if value.is_null() {
        provider.patch(Document::IdToken, json!({"auth_time": null}));
    } else {
        provider.tamper(Document::IdToken, move |claims| {
            claims["auth_time"] = value.clone();
        });
    }
}

const PLAIN: &str = "/oauth2/login?next=/account";
const FRESH: &str = "/oauth2/login?next=/account&prompt=login";

// -- at a provider --

on_both_databases! {
    async fn a_silent_sign_in_from_the_provider_s_own_session_proves_nothing(database) {
        let (provider, portal, browser, boss) = with_admin(database, "").await;
        assert_eq!(portal.db_proved_by(), "auth_time", "they typed their password there");
        assert!(!is_asked(&browser).await);
        let typed = provider.now();
        portal.clock.advance(QUARTER);
        assert!(is_asked(&browser).await);
        // Whoever finds the browser open signs in again, and the provider asks nobody.
        auth_time(&provider, typed.into());
        let answer = provider.sign_in_from(&browser, PLAIN, &boss).await;
        assert!(answer.sets_session(), "it is a sign-in all the same: {}", answer.body);
        assert_eq!(portal.db_proved_by(), "");
        assert!(is_asked(&browser).await);
        let page = browser.get("/account").await;
        let id = portal.db_id_of("boss");
        let promoted = [("role", "superuser")];
        let answer = browser.post(&format!("/admin/users/{id}/role"), &page, &promoted).await;
        assert!(answer.location().ends_with("&fresh=1"), "{}", answer.location());
        // Its owner proves it there.
        provider.behave();
        let page = page_that_asks(&browser).await;
        assert!(page.body.contains("prompt=login"), "{}", page.body);
        provider.sign_in_from(&browser, FRESH, &boss).await;
        assert_eq!(portal.db_proved_by(), "auth_time");
        assert!(!is_asked(&browser).await);
    }

    async fn a_provider_that_signs_nothing_proves_nothing(database) {
        let portal = Portal::on(database).run().await;
        let browser = portal.signed_in(&Person::named("boss")).await;
        portal.db_make_superuser("boss");
        for from in [PLAIN, FRESH] {
            let begun = browser.get(from).await;
            let callback = portal.provider.approve(begun.location(), &Person::named("boss"));
            assert!(browser.get(&callback).await.sets_session());
            assert_eq!(portal.db_proved_by(), "", "{from}");
            assert!(is_asked(&browser).await, "{from}");
        }
        let page = page_that_asks(&browser).await;
        assert!(!page.body.contains("/oauth2/login") && !page.body.contains("type=\"password\""), "{}", page.body);
        assert!(page.body.contains("Ask an admin other than yourself for a confirmation link"), "{}", page.body);
    }

    async fn a_prompt_that_was_removed_from_the_address_is_noticed(database) {
        let (provider, portal, browser, boss) = with_admin(database, "").await;
        let typed = provider.now();
        portal.clock.advance(QUARTER);
        for (said, what) in [(Value::from(typed), "an older time"), (Value::Null, "no time"), (json!("soon"), "no number"), (json!(typed + 864_000), "another day")] {
            let begun = browser.get(FRESH).await;
            let asked = query(begun.location());
            assert_eq!((asked["prompt"].as_str(), asked["max_age"].as_str()), ("login", "0"), "sent together");
            auth_time(&provider, said);
            let callback = provider.approve(&stripped(begun.location()), &boss);
            let answer = browser.get(&callback).await;
            assert!(answer.sets_session(), "{what} refuses nobody: {}", answer.body);
            assert_eq!(portal.db_proved_by(), "", "{what}");
            assert!(is_asked(&browser).await, "{what}");
        }
    }

    async fn an_auth_time_counts_from_the_attempt_s_beginning_on_with_a_minute_of_grace(database) {
        let (provider, portal, browser, boss) = with_admin(database, "").await;
        for (before, expected) in [(0, "auth_time"), (55, "auth_time"), (65, ""), (600, "")] {
            let begun = browser.get(PLAIN).await;
            let at = provider.now() - before;
            // They take their time there.
            portal.clock.advance(Duration::from_secs(300));
            auth_time(&provider, at.into());
            browser.get(&provider.approve(begun.location(), &boss)).await;
            assert_eq!(portal.db_proved_by(), expected, "{before}");
            if !expected.is_empty() {
                let ago = portal.db_proved_ago();
                assert!((295..=305).contains(&ago), "when it was, not when they came back: {ago}");
            }
        }
        // An operator's own limit is kept as strictly as ever.
        let toml = provider.toml("a") + "max_age = 60\n";
        let strict = provider.portal_of(Database::sqlite(), &toml).run().await;
        auth_time(&provider, (provider.now() - 600).into());
        let refused = provider.sign_in(&strict.browser(), &boss).await;
        assert_eq!(refused.status, 502, "{}", refused.body);
    }

    async fn a_prompt_that_was_pushed_proves_unless_the_time_refutes_it(database) {
        let (provider, portal, browser, boss) = with_admin(database, "use_par = true\n").await;
        auth_time(&provider, Value::Null);
        let begun = browser.get(FRESH).await;
        assert!(!begun.location().contains("prompt"), "{}", begun.location());
        browser.get(&provider.approve(begun.location(), &boss)).await;
        assert_eq!(portal.db_proved_by(), "pushed_prompt");
        assert!(!is_asked(&browser).await);
        provider.sign_in_from(&browser, PLAIN, &boss).await;
        assert_eq!(portal.db_proved_by(), "", "nobody was asked to sign in");
        for said in [json!(provider.now() - 120), json!("soon")] {
            auth_time(&provider, said.clone());
            provider.sign_in_from(&browser, FRESH, &boss).await;
            assert_eq!(portal.db_proved_by(), "", "{said}");
        }
        assert!(is_asked(&browser).await);
    }

    async fn a_prompt_in_the_address_is_enough_where_the_operator_says_so(database) {
        let portal = Portal::on(database).with("OAUTH2_PROVES_BY", "prompt").run().await;
        let boss = Person::named("boss");
        let browser = portal.signed_in(&boss).await;
        portal.db_make_superuser("boss");
        assert_eq!(portal.db_proved_by(), "", "nobody was asked to sign in");
        let page = page_that_asks(&browser).await;
        assert!(page.body.contains("prompt=login"), "{}", page.body);
        let begun = browser.get(FRESH).await;
        browser.get(&portal.provider.approve(begun.location(), &boss)).await;
        assert_eq!(portal.db_proved_by(), "prompt");
        assert!(!is_asked(&browser).await);
        let status = browser.get("/admin/status").await;
        assert!(status.body.contains("anyone who finds a browser unlocked can remove it"), "{}", status.body);
    }

    async fn an_older_time_refutes_the_weak_prompt_too(database) {
        let (provider, portal, browser, boss) = with_admin(database, "proves_by = \"prompt\"\n").await;
        for (said, expected) in [(Value::Null, "prompt"), (json!(provider.now() - 120), ""), (json!(false), "")] {
            auth_time(&provider, said.clone());
            provider.sign_in_from(&browser, FRESH, &boss).await;
            assert_eq!(portal.db_proved_by(), expected, "{said}");
        }
    }
}

#[test]
fn a_prompt_that_a_dialect_leaves_out_or_replaces_proves_nothing() {
    run(async {
        for (dialect, expected) in [
            ("", "prompt"),
            ("dialect.authorize_params = { prompt = \"\" }\n", ""),
            (
                "dialect.authorize_extra = { prompt = \"select_account\" }\n",
                "",
            ),
            (
                "dialect.authorize_extra = { prompt = \"login consent\", max_age = \"5\" }\n",
                "prompt",
            ),
        ] {
            let more = format!("proves_by = \"prompt\"\n{dialect}");
            let (provider, portal, browser, boss) = with_admin(Database::sqlite(), &more).await;
            auth_time(&provider, Value::Null);
            let begun = browser.get(FRESH).await;
            let ages = begun.location().matches("max_age=").count();
            assert_eq!(ages, 1, "{}", begun.location());
            browser
                .get(&provider.approve(begun.location(), &boss))
                .await;
            assert_eq!(portal.db_proved_by(), expected, "{dialect}");
        }
    });
}

#[test]
fn check_says_what_proves_a_fresh_sign_in() {
    run(async {
        let provider = Provider::start().await;
        let database = Database::sqlite();
        let mut settings = process::settings(free_port(), &provider, &database);
        let plain = text(&output(&["check"], &settings).stdout);
        assert!(
            plain.contains("ok       fresh sign-in: proves nothing at this provider"),
            "{plain}"
        );
        settings.insert("OAUTH2_PROVES_BY".to_owned(), "prompt".to_owned());
        let checked = output(&["check"], &settings);
        let weak = text(&checked.stdout);
        assert!(
            weak.contains("warning  fresh sign-in: OAUTH2_PROVES_BY=prompt"),
            "{weak}"
        );
        settings.insert("OAUTH2_PROVES_BY".to_owned(), "hope".to_owned());
        let wrong = text(&output(&["check"], &settings).stdout);
        assert!(
            wrong.contains("OAUTH2_PROVES_BY") && wrong.contains("auth_time or prompt"),
            "{wrong}"
        );
    });
}

// -- here --

on_both_databases! {
    async fn passwords_and_links_of_this_portal_prove(database) {
        let portal = Portal::on(database).run().await;
        portal.db_create_local_account("root");
        portal.db_make_superuser("root");
        let browser = portal.browser();
        let page = browser.get("/login").await;
        browser.post("/login", &page, &[("username", "root"), ("password", PASSWORD)]).await;
        assert_eq!(portal.db_proved_by(), "password");
        assert!(!is_asked(&browser).await);

        let link = portal.db_make_rescue_link("root");
        let rescued = portal.browser();
        let page = rescued.get(&link).await;
        let token = link.split_once("token=").expect("a token").1;
        rescued.post("/rescue", &page, &[("token", token)]).await;
        assert_eq!(portal.db_proved_by(), "rescue_link");
        assert!(!is_asked(&rescued).await);

        // Sessions of before: nobody is signed out, and nothing is proved.
        portal.database.execute("UPDATE sessions SET proved_at = NULL, proved_by = NULL");
        for browser in [&browser, &rescued] {
            assert_eq!(browser.get("/admin/users").await.status, 200);
            assert!(is_asked(browser).await);
        }
        assert_eq!(confirm(&browser, "local", PASSWORD).await.location(), DANGEROUS);
        assert!(!is_asked(&browser).await);
        assert!(is_asked(&rescued).await, "this session alone");
        assert_eq!((portal.db_count_events("proved"), portal.db_count_events("signed_in")), (1, 2));
    }

    async fn a_confirmation_password_comes_by_a_link_that_opens_in_its_owner_s_session_alone(database) {
        let portal = Portal::on(database).run().await;
        let (boss, li) = (portal.signed_in(&Person::named("boss")).await, portal.signed_in(&Person::named("li")).await);
        let wang = portal.signed_in(&Person::named("wang")).await;
        portal.db_make_superuser("boss");
        portal.db_make_superuser("li");
        let (li_id, boss_id) = (portal.db_id_of("li"), portal.db_id_of("boss"));
        let act = format!("/admin/users/{li_id}/confirmation-link");
        let account = boss.get("/account").await;
        let asked = boss.post(&act, &account, &[("reason", "")]).await;
        assert!(asked.location().ends_with("&fresh=1"), "making one is dangerous itself");
        assert_eq!(portal.db_count_events("confirmation_link_made"), 0);
        portal.db_prove("boss");
        let own = boss.post(&format!("/admin/users/{boss_id}/confirmation-link"), &account, &[("reason", "")]).await;
        assert_eq!(own.status, 422, "another admin does it: {}", own.body);

        let page = boss.get(&act).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let old = link_on(&boss.post(&act, &page, &[("reason", "")]).await);
        let link = link_on(&boss.post(&act, &page, &[("reason", "")]).await);
        assert_eq!(portal.db_count_events("confirmation_link_made"), 3, "the refused one, too");
        // In nobody's and in somebody else's session it does nothing.
        let nobody = portal.browser().get(&link).await;
        assert!(nobody.location().starts_with("/login?next="), "{}", nobody.location());
        for other in [&wang, &boss] {
            assert_eq!(other.get(&link).await.status, 410);
            assert_eq!(choose(other, &link, PASSWORD).await.status, 410);
        }
        assert_eq!(choose(&li, &old, PASSWORD).await.status, 410, "a newer one took its place");
        assert_eq!(choose(&li, &link, "short").await.status, 422);
        assert_eq!(portal.db_with_confirmation_password(), Vec::<String>::new());

        assert_eq!(li.get(&link).await.status, 200);
        let set = choose(&li, &link, PASSWORD).await;
        assert_eq!(set.location(), "/account", "{}", set.body);
        assert_eq!(portal.db_with_confirmation_password(), ["li"]);
        assert!(is_asked(&li).await, "it is typed where it is needed");
        assert_eq!(li.get(&link).await.status, 410, "once");
        assert_eq!(choose(&li, &link, OTHER_PASSWORD).await.status, 410, "once");
        let page = page_that_asks(&li).await;
        assert!(page.body.contains("Confirmation password"), "{}", page.body);
        let wrong = confirm(&li, "confirmation", OTHER_PASSWORD).await;
        assert_eq!(wrong.status, 422, "{}", wrong.body);
        assert!(portal.log().contains(&wrong.reference()));
        assert!(is_asked(&li).await);
        let cookie = li.session_cookie();
        assert_eq!(confirm(&li, "confirmation", PASSWORD).await.location(), DANGEROUS);
        assert_eq!(li.session_cookie(), cookie, "nothing else changes");
        assert!(!is_asked(&li).await);
        assert_eq!((portal.db_count_events("proved"), portal.db_count_events("proof_refused"), portal.db_count_events("confirmation_password_set")), (1, 1, 1));
        portal.clock.advance(QUARTER);
        assert!(is_asked(&li).await);
        // There is no local password to type.
        assert_eq!(confirm(&li, "local", PASSWORD).await.status, 404);
        // Nobody signs in with it.
        let browser = portal.browser();
        let page = browser.get("/login").await;
        let answer = browser.post("/login", &page, &[("username", "li"), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, 422);
        // A new link ends it at once, and what it proved.
        assert_eq!(confirm(&li, "confirmation", PASSWORD).await.location(), DANGEROUS);
        portal.db_prove("boss");
        let page = boss.get(&act).await;
        boss.post(&act, &page, &[("reason", "")]).await;
        assert!(is_asked(&li).await);
        assert_eq!(confirm(&li, "confirmation", PASSWORD).await.status, 404);
    }

    async fn a_confirmation_password_works_where_local_passwords_are_off(database) {
        let portal = Portal::on(database.clone()).with("FRONTDESK_PASSWORD_LOGIN", "off").run().await;
        let boss = portal.signed_in(&Person::named("boss")).await;
        portal.db_make_superuser("boss");
        assert!(is_asked(&boss).await);
        // On the server, where there is no local password.
        portal.db_set_confirmation_password("boss");
        assert_eq!(boss.get("/admin/users").await.status, 200, "nobody is signed out");
        let page = boss.get("/account").await;
        let signing_in = boss.post("/login", &page, &[("username", "boss"), ("password", PASSWORD)]).await;
        assert_eq!(signing_in.status, 405);
        assert_eq!(confirm(&boss, "confirmation", PASSWORD).await.location(), DANGEROUS);
        assert_eq!(portal.db_proved_by(), "confirmation_password");
        assert!(!is_asked(&boss).await);
        // A new one ends what the old one proved.
        portal.db_set_confirmation_password("boss");
        assert!(is_asked(&boss).await);
        // A session that ended meanwhile proves nothing.
        let page = boss.get("/account").await;
        portal.db_end_sessions();
        let fields = [("with", "confirmation"), ("password", PASSWORD), ("next", DANGEROUS)];
        let answer = boss.post("/confirm", &page, &fields).await;
        assert!(answer.location().starts_with("/login") || answer.status == 403, "{}", answer.status);
        assert_eq!(portal.db_proved_by(), "");
    }

    async fn whatever_gives_an_account_to_another_person_removes_its_confirmation_password(database) {
        let portal = Portal::on(database).run().await;
        let boss = portal.signed_in(&Person::named("boss")).await;
        portal.db_make_superuser("boss");
        portal.db_create_local_account("kiosk");
        portal.db_create_local_account("gone");
        for name in ["linked", "unlinked"] {
            portal.signed_in(&Person::named(name)).await;
            portal.db_set_confirmation_password(name);
        }
        for name in ["kiosk", "gone"] {
            portal.db_set_field_of(name, "confirmation_password", "x");
        }
        portal.db_deactivate("gone");
        assert_eq!(portal.db_with_confirmation_password(), ["gone", "kiosk", "linked", "unlinked"]);
        portal.db_prove("boss");
        let page = boss.get("/account").await;
        for (name, act, fields) in [
            ("linked", "link", vec![("provider", "company"), ("subject", "another")]),
            ("unlinked", "unlink", vec![("provider", "company"), ("subject", "unlinked")]),
            ("kiosk", "reset-password", vec![]),
            ("gone", "erase", vec![]),
        ] {
            let mut fields = fields;
            fields.push(("reason", ""));
            let answer = boss.post(&format!("/admin/users/{}/{act}", portal.db_id_of(name)), &page, &fields).await;
            assert!(answer.status == 303 || answer.status == 200, "{act}: {}", answer.body);
            assert!(!answer.location().contains("fresh"), "{act}");
        }
        assert_eq!(portal.db_with_confirmation_password(), Vec::<String>::new());
    }

    async fn tries_to_prove_and_tries_to_sign_in_are_counted_apart(database) {
        let portal = Portal::on(database).run().await;
        portal.db_create_local_account("root");
        let root = portal.browser();
        let page = root.get("/login").await;
        let right = [("username", "root"), ("password", PASSWORD)];
        root.post("/login", &page, &right).await;
        // Strangers guess at the sign-in page, from this very address.
        let stranger = portal.browser();
        let page = stranger.get("/login").await;
        for number in 0..40 {
            let username = if number < 6 { "root".to_owned() } else { format!("nobody{number}") };
            stranger.post("/login", &page, &[("username", username.as_str()), ("password", "wrong horse battery")]).await;
        }
        assert_eq!(stranger.post("/login", &page, &right).await.status, 429);
        assert_eq!(confirm(&root, "local", PASSWORD).await.location(), DANGEROUS);
        // Nor does whoever guesses here keep anybody from signing in.
        portal.clock.advance(QUARTER);
        for _ in 0..5 {
            assert_eq!(confirm(&root, "local", "wrong horse battery").await.status, 422);
        }
        let paused = confirm(&root, "local", PASSWORD).await;
        assert_eq!(paused.status, 429, "{}", paused.body);
        assert!(!paused.header("retry-after").is_empty());
        assert_eq!(portal.db_count_events("proof_refused"), 5);
        assert_eq!(stranger.post("/login", &page, &right).await.status, 303);
    }
}

/// The link that a page shows, as a path.
fn link_on(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{}", page.body);
    let (_, rest) = page
        .body
        .split_once("/confirmation?token=")
        .unwrap_or_else(|| panic!("no link: {}", page.body));
    let token = rest.split('<').next().unwrap_or_default();
    format!("/confirmation?token={token}")
}

async fn choose(browser: &Browser, link: &str, new: &str) -> Answer {
    let page = browser.get("/account").await;
    let token = link.split_once("token=").expect("a token").1;
    let fields = [
        ("token", token),
        ("new_password", new),
        ("new_password_again", new),
    ];
    browser.post("/confirmation", &page, &fields).await
}

// -- adding a provider to one's account --

on_both_databases! {
    async fn a_stranger_s_identity_is_not_added_at_a_browser_that_was_left_open(database) {
        let (one, two) = (OpenId::start().await, OpenId::start().await);
        let portal = one.portal_of(database, &(one.toml("a") + &two.toml("b"))).run().await;
        let li = Subject::named("li");
        let from = |id: &str| format!("/oauth2/login?next=/account&provider={id}");
        let typed = one.now();
        let browser = portal.browser();
        one.sign_in_from(&browser, &from("a"), &li).await;
        let link = async || browser.get(&linking(&browser, "b").await).await;
        let identities = || portal.db_column("identities", "subject");
        // The provider's own session gives a new one, in silence.
        for clock in [&one.clock, &two.clock] {
            clock.advance(QUARTER);
        }
        auth_time(&one, typed.into());
        one.sign_in_from(&browser, &from("a"), &li).await;
        let begun = link().await;
        assert!(begun.location().starts_with("/login?next=/account&fresh=1"), "{}", begun.location());
        one.behave();

        // Nor once the proof is too old when the way comes back, whatever the new identity proves.
        one.sign_in_from(&browser, &from("a"), &li).await;
        for clock in [&one.clock, &two.clock] {
            clock.advance(QUARTER.saturating_sub(Duration::from_secs(60)));
        }
        let begun = link().await;
        assert!(begun.location().starts_with(&two.url), "{}", begun.location());
        for clock in [&one.clock, &two.clock] {
            clock.advance(Duration::from_secs(120));
        }
        let stranger = Subject::named("stranger");
        let answer = browser.get(&two.approve(begun.location(), &stranger)).await;
        assert!(answer.location().starts_with("/login?next=/account&fresh=1"), "{}: {}", answer.status, answer.location());
        assert_eq!(identities(), ["sub-of-li"]);

        // Its owner proves it, and adds their own.
        one.sign_in_from(&browser, &(from("a") + "&prompt=login"), &li).await;
        let begun = link().await;
        let answer = browser.get(&two.approve(begun.location(), &Subject::named("li-b"))).await;
        assert_eq!(answer.location(), "/account", "{}", answer.body);
        assert_eq!(identities(), ["sub-of-li", "sub-of-li-b"]);
        assert_eq!(portal.db_count_events("identity_linked"), 1);
    }
}

#[test]
fn the_page_says_which_ways_are_open_to_this_person() {
    run(async {
        let (one, two) = (OpenId::start().await, OpenId::start().await);
        let toml = one.toml("a") + &two.toml("b");
        let portal = one.portal_of(Database::sqlite(), &toml).run().await;
        portal.db_create_local_account("root");
        let browser = portal.browser();
        let page = browser.get("/login").await;
        let fields = [("username", "root"), ("password", PASSWORD)];
        browser.post("/login", &page, &fields).await;
        let page = page_that_asks(&browser).await.body;
        assert!(
            page.contains("id=\"local-password\"") && !page.contains("/oauth2/login"),
            "{page}"
        );

        let li = portal.browser();
        let from = "/oauth2/login?next=/account&provider=a";
        one.sign_in_from(&li, from, &Subject::named("li")).await;
        let page = page_that_asks(&li).await.body;
        let theirs = page.contains("provider=a") && !page.contains("provider=b");
        assert!(theirs && !page.contains("type=\"password\""), "{page}");
        assert!(page.contains("If you are sent back to this page"), "{page}");
        portal.db_set_confirmation_password("li");
        let page = page_that_asks(&li).await.body;
        assert!(
            page.contains("provider=a") && page.contains("id=\"confirmation-password\""),
            "{page}"
        );
        assert!(!page.contains("Ask another admin"), "{page}");
    });
}
