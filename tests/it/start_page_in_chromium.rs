//! The search of the start page in a real Chromium, with and without its script. Pains A1, A5 and
//! A8 of start pages.

use serde_json::json;

use crate::gallery::{become_person, check_console};
use crate::support::apps::{any_of, db_app, everyone};
use crate::support::webdriver::{Chromium, ENTER, Screen, TAB};
use crate::support::{Db, Person, Portal, run, until};

/// A portal with three apps, whose addresses are pages of its own, and somebody who is there.
async fn start() -> Option<(Portal, Chromium)> {
    if !Chromium::available() {
        return None;
    }
    let portal = Portal::start().await;
    for (key, name_en, name_zh, words) in [
        ("mail", "Mail", "邮箱", ""),
        ("chat", "", "企业微信", "weixin wx"),
        ("wiki", "Handbook", "手册", ""),
    ] {
        let fields = json!({
            "name_en": name_en, "name_zh": name_zh, "keywords": words, "rule": everyone(),
            "url": format!("{}/account?app={key}", portal.url),
        });
        db_app(&portal.database, key, &fields);
    }
    let closed = json!({"name_en": "Payroll", "rule": any_of(&["pay.run"])});
    db_app(&portal.database, "payroll", &closed);
    let browser = portal.signed_in(&Person::named("li")).await;
    let chromium = Chromium::start("en", Screen::DESKTOP).await;
    become_person(&chromium, &portal, &browser).await;
    chromium.goto(&format!("{}/", portal.url)).await;
    Some((portal, chromium))
}

/// The names of the tiles that one sees.
async fn shown(chromium: &Chromium) -> Vec<String> {
    let script = "return [...document.querySelectorAll('.tile')].filter(t => t.checkVisibility())\
                  .map(t => t.querySelector('b').textContent)";
    let names = chromium.execute(script, json!([])).await;
    serde_json::from_value(names).expect("names")
}

async fn is_at(chromium: &Chromium, address: &str) {
    until(address, async || chromium.url().await == address).await;
}

#[test]
fn an_app_is_found_as_one_types_and_enter_opens_it() {
    run(async {
        let Some((portal, chromium)) = start().await else {
            return;
        };
        assert_eq!(shown(&chromium).await, ["Mail", "企业微信", "Handbook"]);
        // `/` goes to the field, and is no letter of the search.
        chromium.type_keys("/wx").await;
        assert_eq!(shown(&chromium).await, ["企业微信"]);
        assert_eq!(chromium.url().await, format!("{}/?q=wx", portal.url));
        let count = "return document.querySelector('[role=status]').textContent";
        assert_eq!(chromium.execute(count, json!([])).await, "Apps found: 1");
        let closed = "return document.documentElement.outerHTML.includes('ayroll')";
        assert_eq!(chromium.execute(closed, json!([])).await, false);
        chromium.leave_by(chromium.press(ENTER)).await;
        assert_eq!(
            chromium.url().await,
            format!("{}/account?app=chat", portal.url)
        );

        // Back brings the search, and not what is gone by now.
        portal
            .database
            .execute("UPDATE apps SET is_hidden = TRUE WHERE key = 'chat'");
        portal
            .database
            .execute("UPDATE apps SET keywords = 'wxx' WHERE key = 'wiki'");
        chromium.back().await;
        is_at(&chromium, &format!("{}/?q=wx", portal.url)).await;
        until("the page is that of now", async || {
            shown(&chromium).await == ["Handbook"]
        })
        .await;
        let value = "return document.getElementById('q').value";
        assert_eq!(chromium.execute(value, json!([])).await, "wx");

        // Nothing matches; nothing opens; and everything comes back.
        chromium.type_into("#q", "zz").await;
        assert_eq!(shown(&chromium).await, [""; 0]);
        assert_eq!(chromium.text("#none h2").await, "Nothing matches “wxzz”");
        chromium.follow("#none a[href='/']").await;
        assert_eq!(shown(&chromium).await, ["Mail", "Handbook"]);
        check_console(&chromium, "").await;
    });
}

#[test]
fn the_search_of_the_script_is_that_of_the_server() {
    run(async {
        let Some((portal, chromium)) = start().await else {
            return;
        };
        for search in [
            "ma",
            "MA",
            "ail",
            "信",
            "微信",
            "信微",
            "wx",
            "ｗｘ",
            "wei",
            "微 wx",
            "信wei",
            "mail 邮",
            "account?app",
            "http://127",
            "https://127.0.0.1",
            "hand",
            "-",
            "手册",
            "app=wiki",
            "İ",
        ] {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("q", search)
                .finish();
            chromium.goto(&format!("{}/?{query}", portal.url)).await;
            let by_server = shown(&chromium).await;
            let script = "const q = document.getElementById('q'); q.value = arguments[0]; \
                          q.dispatchEvent(new InputEvent('input'))";
            chromium.execute(script, json!(["zzzzzz"])).await;
            assert_eq!(shown(&chromium).await, [""; 0]);
            chromium.execute(script, json!([search])).await;
            assert_eq!(shown(&chromium).await, by_server, "{search}");
        }
    });
}

/// A5: the Enter that ends an input method's word opens nothing; the next one does.
#[test]
fn the_enter_of_an_input_method_opens_nothing() {
    run(async {
        let Some((portal, chromium)) = start().await else {
            return;
        };
        let opened = "window.opened = []; addEventListener('keydown', \
                      e => opened.push([e.key, e.isComposing || e.keyCode === 229, e.defaultPrevented]))";
        chromium.execute(opened, json!([])).await;
        chromium.click("#q").await;
        chromium.compose("wei'xin").await;
        assert_eq!(shown(&chromium).await.len(), 3, "nothing is meant yet");
        chromium.end_composition("微信").await;
        until("the word is there", async || {
            shown(&chromium).await == ["企业微信"]
        })
        .await;
        let keys = chromium.execute("return window.opened", json!([])).await;
        assert_eq!(
            keys,
            json!([["Enter", true, false]]),
            "the page saw the key and left it alone"
        );
        assert_eq!(
            chromium.url().await,
            format!("{}/?q=%E5%BE%AE%E4%BF%A1", portal.url)
        );
        chromium.leave_by(chromium.press(ENTER)).await;
        assert_eq!(
            chromium.url().await,
            format!("{}/account?app=chat", portal.url)
        );
    });
}

#[test]
fn without_script_enter_shows_the_hits() {
    run(async {
        let Some((portal, chromium)) = start().await else {
            return;
        };
        chromium.disable_script().await;
        chromium.goto(&format!("{}/", portal.url)).await;
        chromium.type_into("#q", "微").await;
        chromium.leave_by(chromium.press(ENTER)).await;
        assert_eq!(chromium.url().await, format!("{}/?q=%E5%BE%AE", portal.url));
        assert!(chromium.text("main").await.contains("企业微信"));
        assert!(!chromium.text("main").await.contains("Handbook"));
        chromium.follow("#app-chat .star").await;
        assert_eq!(
            chromium.url().await,
            format!("{}/?q=%E5%BE%AE#app-chat", portal.url)
        );
        assert!(chromium.text("main").await.contains("Favourites"));
        chromium.follow("#app-chat .open").await;
        assert_eq!(
            chromium.url().await,
            format!("{}/account?app=chat", portal.url)
        );
        chromium.back().await;
        assert!(
            !chromium.text("main").await.contains("Handbook"),
            "Back brings the search"
        );
    });
}

/// The star keeps the search that was typed; a new tab is a choice; the keyboard does it all.
#[test]
fn stars_and_new_tabs_work_by_the_keyboard_alone() {
    run(async {
        let Some((portal, chromium)) = start().await else {
            return;
        };
        let go_to = async |css: &str| {
            let script = "return document.activeElement.matches(arguments[0])";
            for _ in 0..60 {
                if chromium.execute(script, json!([css])).await == true {
                    return;
                }
                chromium.press(TAB).await;
            }
            panic!("the keyboard does not reach {css}");
        };
        chromium.type_keys("/hand").await;
        go_to("#app-wiki .star").await;
        chromium.leave_by(chromium.press(ENTER)).await;
        assert_eq!(
            chromium.url().await,
            format!("{}/?q=hand#app-wiki", portal.url)
        );
        assert_eq!(shown(&chromium).await, ["Handbook"]);
        assert_eq!(
            chromium.count("#app-wiki .star[aria-pressed='true']").await,
            1
        );
        go_to("button[name='new_tab']").await;
        chromium.leave_by(chromium.press(ENTER)).await;
        assert_eq!(chromium.url().await, format!("{}/?q=hand", portal.url));
        let here = chromium.tabs().await;
        go_to("#q").await;
        chromium.press(ENTER).await;
        until("a tab opens", async || chromium.tabs().await.len() == 2).await;
        let tabs = chromium.tabs().await;
        let new = tabs.iter().find(|tab| !here.contains(tab)).expect("a tab");
        chromium.switch_to(new).await;
        is_at(&chromium, &format!("{}/account?app=wiki", portal.url)).await;
        assert_eq!(
            chromium.execute("return window.opener", json!([])).await,
            json!(null)
        );
        assert_eq!(portal.db_count_events("start_page_viewed"), 0);
    });
}
