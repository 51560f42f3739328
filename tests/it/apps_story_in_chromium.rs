//! Apps from the first to the last day, in a real Chromium and by the keyboard alone: an admin adds
//! one, an employee opens it and asks for another, its owner grants that for a week, and the week
//! ends. Pain A1: no page shows a tile that is gone. T56: what an admin uploads is an icon and no
//! more. T72: what is granted opens at the next page load, and closes with the grant's last moment.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::gallery::{axe, become_person, check_axe, check_console};
use crate::support::apps::{db_app, everyone};
use crate::support::receiver::signature;
use crate::support::webdriver::{Chromium, DOWN, ENTER, HOME, Screen, TAB};
use crate::support::{Browser, Database, Db, Person, Portal, Receiver, Says, run, until};

/// A secret of Standard Webhooks.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A PNG picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const WEEK_AND_A_DAY: Duration = Duration::from_secs(8 * 86_400);

/// Whether pages may run their script.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    On,
    Off,
}

/// What people read and type in one language.
struct Words {
    languages: &'static str,
    /// The name of the app that the admin adds.
    added: &'static str,
    /// What finds it.
    typed: &'static str,
    /// The address that this search leads to.
    sought: &'static str,
    /// What the form says about an address that is none.
    no_address: &'static str,
    payroll: &'static str,
    sentence: &'static str,
    /// What the webhook says.
    told: &'static str,
}

const ENGLISH: Words = Words {
    languages: "en",
    added: "WeChat Work",
    typed: "wx",
    sought: "/?q=wx",
    no_address: "Enter a full address that starts with https://",
    payroll: "Payroll",
    sentence: "I close the books this month",
    told: "Payroll",
};

const CHINESE: Words = Words {
    languages: "zh-CN,zh",
    added: "微信",
    typed: "微",
    sought: "/?q=%E5%BE%AE",
    no_address: "请填写以 https:// 开头的完整地址",
    payroll: "工资",
    sentence: "本月由我结账",
    told: "Payroll",
};

struct Story {
    portal: Portal,
    chromium: Chromium,
    axe: Option<String>,
    script: Script,
    words: &'static Words,
    /// The app that the admin adds.
    app: Receiver,
    /// What is told of requests.
    hook: Receiver,
}

async fn begin(words: &'static Words, screen: Screen, script: Script) -> Option<Story> {
    if !Chromium::available() {
        return None;
    }
    let (app, hook) = (Receiver::start().await, Receiver::start().await);
    app.always(Says::Answer(
        200,
        "content-type: text/html; charset=utf-8\r\n",
        "<!doctype html><title>The app</title>",
    ));
    let toml = format!(
        "[[webhook]]\nname = 'ops'\nkind = 'json'\nurl = '{}/hook'\nsecret_file = 'secret'\n\
         events = ['access_requested']\n",
        hook.url
    );
    let portal = Portal::on(Database::sqlite())
        .with("FRONTDESK_TIME_ZONE", "Asia/Shanghai")
        .webhooks(&toml, &[("secret", SECRET)])
        .run()
        .await;
    let wiki = json!({"name_en": "Handbook", "name_zh": "手册", "rule": everyone()});
    db_app(&portal.database, "handbook", &wiki);
    db_app(
        &portal.database,
        "old",
        &json!({"name_en": "Old", "name_zh": "旧系统"}),
    );
    let payroll = json!({
        "name_en": "Payroll", "name_zh": "工资", "description_en": "Run the payroll",
        "description_zh": "发放工资", "is_requestable": true,
    });
    let payroll = db_app(&portal.database, "payroll", &payroll);
    for (username, name) in [("boss", "林晓雨"), ("owner", "王建国"), ("li", "李静")] {
        portal
            .signed_in(&Person::named(username).with("name_cn", name))
            .await;
    }
    portal.db_make_superuser("boss");
    portal.database.execute(&format!(
        "INSERT INTO app_owners (app_id, user_id) VALUES ({payroll}, {})",
        portal.db_id_of("owner")
    ));
    let chromium = Chromium::start(words.languages, screen).await;
    if script == Script::Off {
        chromium.disable_script().await;
    }
    Some(Story {
        portal,
        chromium,
        axe: axe(),
        script,
        words,
        app,
        hook,
    })
}

impl Story {
    async fn sign_in(&self, username: &str) -> Browser {
        self.portal.signed_in(&Person::named(username)).await
    }

    async fn become_person(&self, username: &str) {
        let browser = self.sign_in(username).await;
        self.portal.db_prove(username);
        become_person(&self.chromium, &self.portal, &browser).await;
    }

    async fn open(&self, path: &str) {
        self.chromium
            .goto(&format!("{}{path}", self.portal.url))
            .await;
        self.check(path).await;
    }

    /// Looks at the page as it stands: axe-core, the console, and whether it fits the screen.
    async fn check(&self, name: &str) {
        check_console(&self.chromium, "").await;
        let width =
            "const page = document.documentElement; return page.scrollWidth - page.clientWidth";
        assert_eq!(
            self.ask(width, json!([])).await,
            0,
            "{name} scrolls sideways"
        );
        // The page has loaded without its script; only axe-core may run one.
        self.chromium.enable_script().await;
        if let Some(axe) = &self.axe {
            check_axe(&self.chromium, axe, name).await;
        }
        if self.script == Script::Off {
            self.chromium.disable_script().await;
        }
    }

    async fn ask(&self, script: &str, arguments: Value) -> Value {
        self.chromium.execute(script, arguments).await
    }

    /// Goes on by Tab until the element that a selector finds has the focus.
    async fn tab_to(&self, css: &str) {
        for _ in 0..150 {
            let script = "return document.activeElement.matches(arguments[0])";
            if self.ask(script, json!([css])).await == true {
                return;
            }
            self.chromium.press(TAB).await;
        }
        panic!(
            "Tab does not come to {css} on {}",
            self.chromium.url().await
        );
    }

    async fn fill_in(&self, css: &str, text: &str) {
        self.tab_to(css).await;
        self.chromium.type_keys(text).await;
    }

    /// Presses Enter on a link or a button, and looks at the page to which that leads.
    async fn press_on(&self, css: &str) {
        self.tab_to(css).await;
        self.chromium.leave_by(self.chromium.press(ENTER)).await;
        self.check(css).await;
    }

    async fn value_of(&self, css: &str) -> Value {
        self.ask(
            "return document.querySelector(arguments[0]).value",
            json!([css]),
        )
        .await
    }

    async fn is_at(&self, path: &str) {
        assert_eq!(
            self.chromium.url().await,
            format!("{}{path}", self.portal.url)
        );
    }

    /// The keys of the tiles that one sees.
    async fn tiles(&self) -> Value {
        let script = "return [...document.querySelectorAll('.tile')].filter(t => t.checkVisibility())\
                      .map(t => t.id.replace('app-', ''))";
        self.ask(script, json!([])).await
    }

    /// The apps in the order of their places.
    fn order(&self) -> Vec<String> {
        let sql = "SELECT key AS value FROM apps ORDER BY position, id";
        self.portal.database.texts(sql)
    }

    async fn an_admin_adds_an_app_after_an_error(&self) {
        let (chromium, words) = (&self.chromium, self.words);
        self.become_person("boss").await;
        self.open("/admin/apps").await;
        self.press_on("a[href='/admin/apps/new']").await;
        self.fill_in("#key", "wechat").await;
        self.fill_in("#name_en", "WeChat Work").await;
        self.fill_in("#name_zh", "微信").await;
        self.fill_in("#url", "start").await;
        self.tab_to("input[name='audience']").await;
        chromium.press(DOWN).await;
        self.press_on("main form .btn.primary").await;

        let summary = chromium.text("#wrong").await;
        assert!(summary.contains(words.no_address), "{summary}");
        for (field, kept) in [("#key", "wechat"), ("#name_zh", "微信"), ("#url", "start")] {
            assert_eq!(self.value_of(field).await, kept);
        }
        assert_eq!(
            self.value_of("input[name='audience']:checked").await,
            "everyone"
        );
        assert_eq!(self.portal.database.count("apps"), 3);
        // The summary leads to the field.
        self.tab_to("#wrong a[href='#url']").await;
        chromium.press(ENTER).await;
        let focus = "return document.activeElement.id";
        until("the field has the focus", async || {
            self.ask(focus, json!([])).await == "url"
        })
        .await;
        chromium.press(HOME).await;
        chromium.type_keys(&format!("{}/", self.app.url)).await;
        self.press_on("main form .btn.primary").await;

        // Who gains it is said before it is saved.
        let people = chromium.text(".steps").await;
        assert!(people.contains('3'), "{people}");
        self.press_on("button[value='confirmed']").await;
        self.is_at("/admin/apps/wechat").await;
        assert_eq!(chromium.count(".notice.ok").await, 1);
        assert_eq!(self.portal.db_count_events("app_added"), 1);
    }

    async fn an_admin_moves_it_gives_it_an_icon_and_removes_another(&self) {
        let chromium = &self.chromium;
        self.open("/admin/apps").await;
        assert_eq!(self.order(), ["handbook", "old", "payroll", "wechat"]);
        self.press_on("#wechat button[value='up']").await;
        self.is_at("/admin/apps?#wechat").await;
        assert_eq!(self.order(), ["handbook", "old", "wechat", "payroll"]);

        self.press_on("#wechat th a").await;
        self.press_on("a[href='/admin/apps/wechat/image']").await;
        let file = tempfile::Builder::new()
            .suffix(".png")
            .tempfile()
            .expect("a file");
        std::fs::write(file.path(), STANDARD.decode(PIXEL).expect("base64")).expect("a picture");
        // The window for choosing a file is the system's own.
        chromium
            .type_into("#file", file.path().to_str().expect("Unicode"))
            .await;
        self.press_on("form[enctype] .btn.primary").await;
        self.is_at("/admin/apps/wechat").await;
        let drawn = "return document.querySelector('main img[src^=\"/app-images/\"]').naturalWidth";
        assert_eq!(self.ask(drawn, json!([])).await, 1);

        self.press_on("nav.side a[href='/admin/apps']").await;
        self.press_on("#old th a").await;
        self.press_on("a.careful").await;
        self.press_on("form.confirm .btn.danger").await;
        self.is_at("/admin/apps").await;
        assert_eq!(chromium.count("#old").await, 0);
        assert_eq!(self.order(), ["handbook", "wechat", "payroll"]);
    }

    async fn an_employee_finds_it_and_opens_it(&self) {
        let (chromium, words) = (&self.chromium, self.words);
        self.become_person("li").await;
        self.open("/").await;
        assert_eq!(self.tiles().await, json!(["handbook", "wechat"]));
        match self.script {
            Script::On => {
                chromium.type_keys("/").await;
                chromium.type_keys(words.typed).await;
                assert_eq!(self.tiles().await, json!(["wechat"]));
                self.is_at(words.sought).await;
                self.check("the hits").await;
                chromium.leave_by(chromium.press(ENTER)).await;
            }
            Script::Off => {
                self.fill_in("#q", words.typed).await;
                chromium.leave_by(chromium.press(ENTER)).await;
                self.is_at(words.sought).await;
                self.check("the hits").await;
                assert_eq!(self.tiles().await, json!(["wechat"]));
                assert_eq!(chromium.text("#app-wechat b").await, words.added);
                self.tab_to("#app-wechat .open").await;
                chromium.leave_by(chromium.press(ENTER)).await;
            }
        }
        assert_eq!(chromium.url().await, format!("{}/start", self.app.url));
        assert_eq!(chromium.title().await, "The app");
        let opened = self.app.calls();
        let opened = opened
            .iter()
            .find(|call| call.target == "/start")
            .expect("the app is asked");
        assert_eq!(
            opened.header("referer"),
            "",
            "the app does not learn the search"
        );
    }

    async fn an_employee_asks_for_another_and_somebody_is_told(&self) {
        let words = self.words;
        self.open("/").await;
        self.press_on("main a[href='/access']").await;
        self.press_on("a[href='/access/payroll']").await;
        self.fill_in("#sentence", words.sentence).await;
        self.press_on("form.confirm .btn.primary").await;
        self.is_at("/access").await;
        let page = self.chromium.text("main").await;
        assert!(page.contains(words.sentence), "{page}");

        let calls = self.hook.wait_for(1).await;
        let (call, told) = (&calls[0], calls[0].json());
        assert_eq!(told["type"], "access_requested");
        assert_eq!(told["data"]["user"]["username"], "li");
        let text = told["data"]["text"].as_str().expect("a text");
        assert!(text.contains(words.told), "{text}");
        assert!(
            !call.body.contains(words.sentence),
            "what a person typed stays here"
        );
        let (id, at) = (call.header("webhook-id"), call.header("webhook-timestamp"));
        let signed = signature(SECRET, id, at, &call.body);
        assert_eq!(call.header("webhook-signature"), signed);
    }

    async fn its_owner_grants_it_for_a_week(&self) {
        let chromium = &self.chromium;
        self.become_person("owner").await;
        let told = self.hook.calls()[0].json();
        chromium
            .goto(told["data"]["url"].as_str().expect("an address"))
            .await;
        self.is_at("/requests").await;
        self.check("requests").await;
        assert_eq!(
            chromium.count("a[href='/admin/users']").await,
            0,
            "no admin"
        );
        self.press_on("main a.primary").await;
        assert!(chromium.text("main").await.contains(self.words.sentence));
        self.tab_to("#length").await;
        chromium.press(DOWN).await;
        assert_eq!(self.value_of("#length").await, "days");
        self.fill_in("#days", "7").await;
        self.press_on("button[value='preview']").await;
        assert!(chromium.text("main").await.contains("Asia/Shanghai"));
        assert_eq!(
            self.portal.database.count("app_grants"),
            0,
            "a preview decides nothing"
        );
        self.press_on("button[value='grant']").await;
        let sql = "SELECT (expires_at - created_at) / 1000000 AS value FROM app_grants";
        assert_eq!(self.portal.database.number(sql), 7 * 86_400);
        assert_eq!(self.portal.db_count_events("access_granted"), 1);
    }

    async fn the_tile_comes_at_the_next_page_and_goes_with_the_week(&self) {
        let (chromium, words) = (&self.chromium, self.words);
        self.become_person("li").await;
        self.open("/").await;
        assert_eq!(self.tiles().await, json!(["handbook", "wechat", "payroll"]));
        assert_eq!(chromium.text("#app-payroll b").await, words.payroll);
        self.open("/account").await;
        self.portal.clock.advance(WEEK_AND_A_DAY);
        let browser = self.sign_in("li").await;
        for name in ["fd_session", "fd_browser"] {
            let value = browser.cookie(name).expect("a cookie");
            chromium.add_cookie(name, &value).await;
        }
        // Back, and then a page load.
        chromium.back().await;
        until("Back shows the page of now", async || {
            self.tiles().await == json!(["handbook", "wechat"])
        })
        .await;
        self.is_at("/").await;
        self.open("/").await;
        assert_eq!(self.tiles().await, json!(["handbook", "wechat"]));
        let there = "return document.documentElement.outerHTML.includes('payroll.apps.example')";
        assert_eq!(self.ask(there, json!([])).await, false);
        self.open("/access").await;
        assert_eq!(
            chromium.count("a[href='/access/payroll']").await,
            1,
            "one may ask again"
        );
    }
}

fn tell(words: &'static Words, screen: Screen, script: Script) {
    run(async {
        let Some(story) = begin(words, screen, script).await else {
            return;
        };
        story.an_admin_adds_an_app_after_an_error().await;
        story
            .an_admin_moves_it_gives_it_an_icon_and_removes_another()
            .await;
        story.an_employee_finds_it_and_opens_it().await;
        story
            .an_employee_asks_for_another_and_somebody_is_told()
            .await;
        story.its_owner_grants_it_for_a_week().await;
        story
            .the_tile_comes_at_the_next_page_and_goes_with_the_week()
            .await;
    });
}

#[test]
fn an_app_from_the_first_to_the_last_day_in_english_on_a_desktop_with_script() {
    tell(&ENGLISH, Screen::DESKTOP, Script::On);
}

#[test]
fn an_app_from_the_first_to_the_last_day_in_chinese_on_a_phone_without_script() {
    tell(&CHINESE, Screen::PHONE, Script::Off);
}
