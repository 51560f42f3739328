//! Browsers that several people use, one after the other: what one leaves behind is of no use to the
//! next, and another site cannot change what a browser holds.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;

use crate::support::lying_openid::Subject;
use crate::support::portal::PASSWORD;
use crate::support::provider::query;
use crate::support::{
    Answer, Browser, Database, Db, OpenId, Person, Portal, on_both_databases, run,
};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn sign_out(browser: &Browser) {
    let page = browser.get("/account").await;
    let answer = browser.post("/logout", &page, &[]).await;
    assert_eq!(answer.location(), "/signed-out", "{}", answer.body);
}

async fn user(browser: &Browser) -> Option<String> {
    browser.get("/account").await.user()
}

async fn sign_in_with_password(browser: &Browser, username: &str) -> Answer {
    let page = browser.get("/login?local").await;
    let fields = [("username", username), ("password", PASSWORD)];
    browser.post("/login", &page, &fields).await
}

/// Somebody who noted the binding of a browser while they sat at it, and uses it from elsewhere.
fn spy(portal: &Portal, binding: &str) -> Browser {
    let spy = portal.browser();
    spy.set_cookie("fd_browser", binding);
    spy
}

/// What the spy prepares signs in nobody in that browser, and a form of theirs is refused there.
async fn is_void(portal: &Portal, browser: &Browser, binding: &str, what: &str) {
    let mallory = Person::named("mallory");
    let spy = spy(portal, binding);
    let trap = portal.provider.approve(&spy.begin("/").await, &mallory);
    let form = spy.get("/login").await;
    let before = user(browser).await;
    let answer = browser.get(&trap).await;
    assert_eq!(answer.status, 303, "{what}: {}", answer.body);
    assert!(!answer.sets_session(), "{what}");
    assert_eq!(user(browser).await, before, "{what}");
    let fields = [("language", "zh-Hans"), ("next", "/")];
    let answer = browser.post("/preferences", &form, &fields).await;
    assert_eq!(answer.status, 403, "{what}: {}", answer.body);
}

#[test]
fn what_was_bound_to_a_browser_is_void_there_after_a_sign_out() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.browser();
        let anna = Person::named("anna");
        browser.get("/login").await;
        let first = browser.cookie("fd_browser").expect("a binding");
        browser.sign_in(&anna, "/").await;
        // A way to the provider that is begun while somebody is signed in has a binding as well.
        browser.get("/oauth2/login?next=/&prompt=login").await;
        let second = browser.cookie("fd_browser").expect("a binding");
        sign_out(&browser).await;
        assert_eq!(browser.cookie("fd_browser"), None, "gone with the session");
        browser.get("/signed-out").await;
        let third = browser.cookie("fd_browser").expect("a new one");
        assert!(third != first && third != second);
        for binding in [first, second] {
            is_void(&portal, &browser, &binding, "after a sign-out").await;
        }
    });
}

#[test]
fn a_tab_that_was_half_way_through_a_sign_in_starts_over_once_after_a_sign_out_in_another() {
    run(async {
        let portal = Portal::start().await;
        let anna = Person::named("anna");
        let browser = portal.signed_in(&anna).await;
        let tab = browser.clone();
        let begun = tab.get("/oauth2/login?next=/account&prompt=login").await;
        let callback = portal.provider.approve(begun.location(), &anna);
        sign_out(&browser).await;
        let again = tab.get(&callback).await;
        assert_eq!(again.status, 303, "{}", again.body);
        assert!(
            again.location().starts_with(&portal.provider.url),
            "once more, without a word: {}",
            again.location()
        );
        let end = tab
            .get(&portal.provider.approve(again.location(), &anna))
            .await;
        assert!(end.sets_session());
        assert_eq!(end.location(), "/account");
    });
}

#[test]
fn tabs_that_sign_in_at_once_all_arrive_where_they_led() {
    run(async {
        let portal = Portal::start().await;
        let anna = Person::named("anna");
        let browser = portal.browser();
        let mut ways = Vec::new();
        for next in ["/", "/account", "/account/timeline"] {
            ways.push((next, browser.begin(next).await));
        }
        for (next, begun) in ways {
            let answer = browser.get(&portal.provider.approve(&begun, &anna)).await;
            assert_eq!((answer.status.as_u16(), answer.location()), (303, next));
            assert_eq!(user(&browser).await.as_deref(), Some("anna"), "{next}");
        }
    });
}

#[test]
fn what_was_bound_to_a_browser_is_void_there_once_somebody_else_signed_in() {
    run(async {
        let portal = Portal::start().await;
        portal.db_create_local_account("kiosk");
        for way in ["provider", "password", "rescue link"] {
            for is_over in [false, true] {
                let what = format!("{way}, {is_over}");
                let browser = portal.browser();
                browser.sign_in(&Person::named("anna"), "/").await;
                browser.get("/oauth2/login?next=/").await;
                let binding = browser.cookie("fd_browser").expect("a binding");
                if is_over || way == "password" {
                    // The cookie is still there; the sign-in page is not shown to who is signed in.
                    portal.db_end_sessions();
                }
                let answer = match way {
                    "provider" => browser.sign_in(&Person::named("wang"), "/").await,
                    "password" => sign_in_with_password(&browser, "kiosk").await,
                    _ => {
                        let link = portal.db_make_rescue_link("kiosk");
                        let page = browser.get(&link).await;
                        let token = query(&format!("{}{link}", portal.url))["token"].clone();
                        browser.post("/rescue", &page, &[("token", &token)]).await
                    }
                };
                assert!(answer.sets_session(), "{what}: {}", answer.body);
                assert_ne!(
                    browser.cookie("fd_browser").as_deref(),
                    Some(binding.as_str())
                );
                is_void(&portal, &browser, &binding, &what).await;
            }
        }
    });
}

// -- other sites --

/// A form that another site sends: browsers keep cookies with `SameSite=Lax` to themselves.
async fn from_another_site(portal: &Portal, path: &str, body: &str) -> Answer {
    let headers = [
        FORM,
        ("origin", "https://evil.test"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
    ];
    portal
        .browser()
        .send(Method::POST, path, &headers, Some(body.to_owned()))
        .await
}

#[test]
fn a_form_of_another_site_that_begins_a_sign_in_leaves_the_browser_s_binding() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let li = Subject::named("li");
        // Half way through a sign-in of their own.
        let browser = portal.browser();
        let begun = browser.get("/oauth2/login?next=/account").await;
        let binding = browser.cookie("fd_browser").expect("a binding");

        let asked = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("iss", &provider.issuer)
            .append_pair("login_hint", "li@example.com")
            .append_pair("target_link_uri", &format!("{}/account", portal.url))
            .append_pair("link", "x")
            .append_pair("rehearse", "1")
            .append_pair("csrf_token", "y")
            .finish();
        let answer = from_another_site(&portal, "/oauth2/login", &asked).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(answer.set_cookies(), Vec::<String>::new());
        assert!(answer.location().starts_with("/oauth2/login?"));
        let sent = query(&format!("{}{}", portal.url, answer.location()));
        let mut names: Vec<_> = sent.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["iss", "login_hint", "target_link_uri"]);

        // With the GET that follows the browser's own cookie comes along.
        let onward = browser.get(answer.location()).await;
        assert_eq!(onward.status, 303);
        assert!(onward.location().starts_with(&provider.issuer));
        assert_eq!(query(onward.location())["login_hint"], "li@example.com");
        assert_eq!(browser.cookie("fd_browser"), Some(binding));
        // Both ways lead in.
        let end = browser.get(&provider.approve(onward.location(), &li)).await;
        assert!(end.sets_session());
        assert_eq!(end.location(), "/account");
        sign_out(&browser).await;
        let late = browser.get(&provider.approve(begun.location(), &li)).await;
        assert_eq!(late.status, 303, "starts over: {}", late.body);

        // What is no form, or far too long, is refused.
        let long = format!("iss={}", "x".repeat(9000));
        let answer = from_another_site(&portal, "/oauth2/login", &long).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert_eq!(answer.set_cookies(), Vec::<String>::new());
    });
}

#[test]
fn no_form_of_another_site_replaces_a_browser_s_binding() {
    run(async {
        let portal = Portal::start().await;
        let posts = frontdesk::web::addresses()
            .into_iter()
            .filter(|address| address.method == Method::POST.as_str())
            .map(|address| {
                address
                    .path
                    .replace("{id}", "1")
                    .replace("{act}", "deactivate")
            });
        let more = [
            "/",
            "/account",
            "/signed-out",
            "/oauth2/login",
            "/oauth2_callback/",
            "/no-such-page",
            "/static/none",
            "/oidc/backchannel-logout/company",
        ];
        for path in posts.chain(more.map(str::to_owned)) {
            let answer = from_another_site(&portal, &path, "next=%2F").await;
            assert_eq!(answer.set_cookies(), Vec::<String>::new(), "{path}");
        }
        // Our own page's form, in a browser that lost its cookies, gets a binding with the refusal.
        let browser = portal.browser();
        let page = browser.get("/login").await;
        browser.forget("fd_browser");
        let answer = browser
            .post("/preferences", &page, &[("language", "en")])
            .await;
        assert_eq!(answer.status, 403);
        assert!(browser.cookie("fd_browser").is_some());
    });
}

// -- the way out of the provider, too --

fn hint(answer: &Answer) -> Option<String> {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let url = url::Url::parse(answer.location()).ok()?;
    let mut pairs = url.query_pairs();
    pairs
        .find(|(name, _)| name == "id_token_hint")
        .map(|(_, value)| value.into_owned())
}

const ONWARD: &str = "/signed-out/provider";

on_both_databases! {
    async fn the_id_token_goes_to_the_provider_once_whoever_asks_and_however_many_do(database) {
        let provider = OpenId::start().await;
        let portal = provider.portal(database.clone()).run().await;
        let other = provider.portal(database).beside(&portal).run().await;
        let browser = provider.signed_in(&portal, &Subject::named("li")).await;
        sign_out(&browser).await;
        // A look at the address alone uses nothing up.
        let looked = browser.send(Method::HEAD, ONWARD, &[], None).await;
        assert_eq!(hint(&looked), None);
        let all = (0..8).map(|number| {
            let tab = if number % 2 == 0 { browser.clone() } else { browser.at(&other) };
            async move { tab.get(ONWARD).await }
        });
        let answers = join_all(all).await;
        let given: Vec<_> = answers.iter().filter_map(hint).collect();
        assert_eq!(given.len(), 1);
        // Who asks again is led there without it, and comes back to the page that says so.
        let again = browser.get(ONWARD).await;
        assert!(again.location().starts_with(&format!("{}/end_session?", provider.issuer)));
        assert_eq!(hint(&again), None);
        let state = query(again.location())["state"].clone();
        let page = browser.get(&format!("/signed-out?state={state}")).await;
        assert!(page.body.contains("unless you chose to stay signed in there"), "{}", page.body);
        let kept = "sessions WHERE id_token IS NOT NULL";
        assert_eq!(portal.database.count(kept), 0);
    }
}

#[test]
fn the_id_token_stays_here_two_minutes_after_the_sign_out() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        for (seconds, is_given) in [(100, true), (121, false), (500, false)] {
            let browser = provider.signed_in(&portal, &Subject::named("li")).await;
            sign_out(&browser).await;
            portal.clock.advance(Duration::from_secs(seconds));
            let onward = browser.get(ONWARD).await;
            assert_eq!(hint(&onward).is_some(), is_given, "{seconds}");
            assert!(onward.location().starts_with(&provider.issuer), "{seconds}");
        }
        let browser = provider.signed_in(&portal, &Subject::named("li")).await;
        sign_out(&browser).await;
        portal.clock.advance(Duration::from_secs(601));
        assert_eq!(browser.get(ONWARD).await.location(), "/signed-out");
    });
}

#[test]
fn the_next_person_to_sign_in_by_any_way_gets_nothing_of_the_previous_one() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        portal.db_create_local_account("kiosk");
        for way in ["provider", "password", "rescue link"] {
            let browser = provider.signed_in(&portal, &Subject::named("li")).await;
            sign_out(&browser).await;
            browser.get("/signed-out").await;
            assert!(browser.cookie("fd_farewell").is_some(), "{way}");
            match way {
                "provider" => {
                    provider.sign_in(&browser, &Subject::named("wang")).await;
                }
                "password" => {
                    sign_in_with_password(&browser, "kiosk").await;
                }
                _ => {
                    let link = portal.db_make_rescue_link("kiosk");
                    let page = browser.get(&link).await;
                    let token = query(&format!("{}{link}", portal.url))["token"].clone();
                    browser.post("/rescue", &page, &[("token", &token)]).await;
                }
            }
            assert_ne!(user(&browser).await.as_deref(), Some("li"), "{way}");
            assert_eq!(browser.cookie("fd_farewell"), None, "{way}");
            let onward = browser.get(ONWARD).await;
            assert_eq!(hint(&onward), None, "{way}");
        }
    });
}
