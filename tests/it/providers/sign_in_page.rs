//! The sign-in page with several providers.

use super::{at, found, li, sign_in};
use crate::support::lying_openid::{Call, Subject};
use crate::support::{Database, OpenId, Reply, run, until};

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
        let portal = one.portal_of(Database::sqlite(), &toml).run().await;
        found(&portal).await;
        for (language, names) in [
            ("en", ["Continue with Group", "Continue with Branch"]),
            ("zh-CN,zh;q=0.9", ["使用集团登录", "使用 Branch 登录"]),
        ] {
            let mut browser = portal.browser();
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
        let begun = portal.browser().get("/oauth2/login?next=/account").await;
        assert!(
            begun.location().starts_with(&two.url),
            "{}",
            begun.location()
        );
        let unknown = portal.browser().get(&at("nobody")).await;
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
        let both = one.portal_of(Database::sqlite(), &toml).run().await;
        let only = two.portal(Database::sqlite()).run().await;
        for (portal, is_form_open) in [(&both, false), (&only, true)] {
            let mut page = String::new();
            until("one is named as not available", async || {
                page = portal.browser().get("/login").await.body;
                page.matches(UNAVAILABLE).count() == 1
            })
            .await;
            assert_eq!(page.contains(OPEN_FORM), is_form_open, "{page}");
            assert_eq!(
                page.contains("If you have a local password, you can use it below."),
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
        for portal in [&both, &only] {
            until("it is back", async || {
                !portal
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
        let portal = one.portal(Database::sqlite()).with(auto, "on").run().await;
        let mut answer = None;
        until("it leads on", async || {
            let page = portal.browser().get("/login?next=/account").await;
            let is_on = page.status == 303;
            answer = is_on.then_some(page);
            is_on
        })
        .await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.location(), "/oauth2/login?next=/account");
        for path in ["/login?local", "/login?local=1&next=/account"] {
            let page = portal.browser().get(path).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.body.contains(OPEN_FORM), "{path}");
        }
        let browser = one.signed_in(&portal, &li()).await;
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
            let start = one.portal_of(Database::sqlite(), &toml);
            let portal = start.with(auto, value).run().await;
            found(&portal).await;
            assert_eq!(portal.browser().get("/login").await.status, 200, "{what}");
        }
        two.on_call(Call::Discovery, Reply::Reset);
        let portal = two.portal(Database::sqlite()).with(auto, "on").run().await;
        for _ in 0..5 {
            let page = portal.browser().get("/login").await;
            assert_eq!(page.status, 200, "down");
        }
    });
}
