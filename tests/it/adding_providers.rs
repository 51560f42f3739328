//! The link that adds a provider to one's own account: a token of its own, for this session, this
//! provider and two minutes.

use std::time::Duration;

use crate::support::lying_openid::Subject;
use crate::support::{Browser, Database, OpenId, Portal, run};

/// Three providers, and somebody who is signed in with the first.
async fn three() -> (Vec<OpenId>, Portal) {
    let mut all = Vec::new();
    let mut toml = String::new();
    for id in ["a", "b", "c"] {
        let provider = OpenId::start().await;
        toml.push_str(&provider.toml(id));
        all.push(provider);
    }
    let portal = all[0].portal_of(Database::sqlite(), &toml).run().await;
    (all, portal)
}

async fn signed_in(portal: &Portal, provider: &OpenId) -> Browser {
    let browser = portal.browser();
    let answer = provider
        .sign_in_from(
            &browser,
            "/oauth2/login?next=/account&provider=a",
            &Subject::named("li"),
        )
        .await;
    assert!(answer.sets_session(), "{}", answer.body);
    browser
}

/// The token in the account page's link to a provider.
async fn token(browser: &Browser, provider: &str) -> String {
    let page = browser.get("/account").await.body;
    let links = page.split("href=\"/oauth2/login?link=").skip(1);
    links
        .filter_map(|rest| rest.split('"').next())
        .find_map(|link| {
            let link = link.replace("&#38;", "&").replace("&amp;", "&");
            let (token, rest) = link.split_once('&')?;
            (rest == format!("provider={provider}")).then(|| token.to_owned())
        })
        .unwrap_or_else(|| panic!("no link to {provider}: {page}"))
}

async fn follow(browser: &Browser, token: &str, provider: &str) -> String {
    let token: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let path = format!("/oauth2/login?link={token}&provider={provider}");
    let answer = browser.get(&path).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location().to_owned()
}

#[test]
fn the_link_that_adds_a_provider_holds_no_token_of_a_form() {
    run(async {
        let (all, portal) = three().await;
        let browser = signed_in(&portal, &all[0]).await;
        let page = browser.get("/account").await;
        let csrf = page.csrf_token();
        let token = token(&browser, "b").await;
        assert_ne!(token, csrf);
        for address in page.body.split("href=\"").skip(1) {
            let address = address.split('"').next().unwrap_or_default();
            assert!(!address.contains(&csrf), "{address}");
        }
        // Nor does the one pass for the other.
        let faked = page.body.replace(&csrf, &token);
        let faked = crate::support::Answer {
            body: faked,
            ..page
        };
        let answer = browser
            .post("/preferences", &faked, &[("language", "en")])
            .await;
        assert_eq!(answer.status, 403);
        assert_eq!(follow(&browser, &csrf, "b").await, "/account");
        assert!(
            follow(&browser, &token, "b")
                .await
                .starts_with(&all[1].issuer)
        );
    });
}

#[test]
fn the_link_that_adds_a_provider_is_for_this_session_this_provider_and_two_minutes() {
    run(async {
        let (all, portal) = three().await;
        let browser = signed_in(&portal, &all[0]).await;
        let elsewhere = signed_in(&portal, &all[0]).await;
        let [to_b, to_c] = [token(&browser, "b").await, token(&browser, "c").await];
        assert_ne!(to_b, to_c);
        let foreign = token(&elsewhere, "b").await;
        let (made_at, mac) = to_b.split_once('-').expect("two parts");
        let later: i64 = made_at.parse::<i64>().expect("a time") + 60;
        for (token, provider) in [
            (to_c.as_str(), "b"),
            (to_b.as_str(), "c"),
            (to_b.as_str(), "a"),
            (foreign.as_str(), "b"),
            ("", "b"),
            (mac, "b"),
            (format!("{later}-{mac}").as_str(), "b"),
        ] {
            let to = follow(&browser, token, provider).await;
            assert_eq!(to, "/account", "{token} at {provider}");
        }
        // Another issuer than the one that the token is for.
        let path = format!(
            "/oauth2/login?link={to_b}&provider=b&iss={}",
            url::form_urlencoded::byte_serialize(all[2].issuer.as_bytes()).collect::<String>()
        );
        assert_eq!(browser.get(&path).await.location(), "/account");

        portal.clock.advance(Duration::from_secs(110));
        assert!(
            follow(&browser, &to_b, "b")
                .await
                .starts_with(&all[1].issuer)
        );
        portal.clock.advance(Duration::from_secs(11));
        assert_eq!(follow(&browser, &to_b, "b").await, "/account");
        // The page says why nothing happened, and its links are fresh.
        let page = browser.get("/account").await;
        assert!(page.body.contains("The link has expired"), "{}", page.body);
        let fresh = token(&browser, "b").await;
        assert!(
            follow(&browser, &fresh, "b")
                .await
                .starts_with(&all[1].issuer)
        );
    });
}
