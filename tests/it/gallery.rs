//! Every page in a real Chromium: both languages, by day and by night, from 320 to 1920 pixels;
//! what axe-core says, what the keyboard reaches, what a page fetches. Keeps a picture of each if
//! `TEST_SHOTS` names a folder.

mod apps;
mod providers;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use serde_json::{Value, json};

use self::apps::company_apps;
use crate::support::apps::db_app;
use crate::support::portal::PASSWORD;
use crate::support::webdriver::{Chromium, ENTER, Screen, TAB};
use crate::support::{Browser, Database, Db, Person, Portal, left_out, run, until};

/// axe-core's own file, where it is installed.
pub fn axe() -> Option<String> {
    if let Some(path) = env::var_os("TEST_AXE") {
        Some(fs::read_to_string(path).expect("axe-core"))
    } else {
        left_out("axe-core");
        None
    }
}

/// Nothing on the console: no fault, no breach of a page's policy. That the page itself is an
/// error page, and that a cache was cleared, are none.
pub async fn check_console(chromium: &Chromium, also_fine: &str) {
    let url = chromium.url().await;
    let mut logs = chromium.logs().await;
    logs.retain(|message| {
        let is_status =
            message.contains(" - Failed to load resource: the server responded with a status of ");
        let of_page = message.split(" - ").next() == Some(url.as_str());
        let is_fine = !also_fine.is_empty() && message.starts_with(also_fine);
        !(is_status && of_page || is_fine || message.contains("Cleared data types: \"cache\""))
    });
    assert!(logs.is_empty(), "{url}: {logs:?}");
}

/// Looks at the page as it stands, in every way.
pub async fn check(chromium: &Chromium, axe: Option<&str>, name: &str) {
    assert!(!chromium.title().await.is_empty(), "{name} has no title");
    let language = chromium
        .execute("return document.documentElement.lang", json!([]))
        .await;
    let language = language.as_str().unwrap_or_default().to_owned();
    check_fetches(chromium, name).await;
    check_keyboard(chromium, name).await;
    for (screen, suffix) in [
        (Screen::NARROW, ".narrow"),
        (Screen::WIDE, ".wide"),
        (Screen::PHONE.dark(), ".phone.dark"),
        (Screen::PHONE, ".phone"),
        (Screen::DESKTOP.dark(), ".dark"),
        (Screen::DESKTOP, ""),
    ] {
        chromium.look(screen).await;
        let script = "document.getAnimations().forEach(change => change.finish()); \
                      const page = document.documentElement; \
                      return [innerWidth, page.scrollWidth - page.clientWidth, \
                              matchMedia('(prefers-color-scheme: dark)').matches]";
        let seen = chromium.execute(script, json!([])).await;
        let expected = json!([screen.width, 0, screen.is_dark]);
        assert_eq!(seen, expected, "{name}.{language}{suffix} scrolls sideways");
        if [".narrow", ".wide"].contains(&suffix) {
            continue;
        }
        if let Some(axe) = axe {
            check_axe(chromium, axe, &format!("{name}.{language}{suffix}")).await;
        }
        if let Some(folder) = env::var_os("TEST_SHOTS").map(PathBuf::from) {
            fs::create_dir_all(&folder).expect("a folder");
            let file = folder.join(format!("{name}.{language}{suffix}.png"));
            chromium.screenshot(&file).await;
            if suffix.is_empty() {
                // For the README, which has no room for fifty rows.
                let file = folder.join(format!("{name}.{language}.top.png"));
                chromium.screenshot_of_the_top(&file).await;
            }
        }
    }
}

/// Has axe-core look at the page as it stands.
pub async fn check_axe(chromium: &Chromium, axe: &str, name: &str) {
    let is_there = chromium.execute("return !!window.axe", json!([])).await;
    if is_there == false {
        chromium.execute(axe, json!([])).await;
    }
    let script = "const done = arguments[0]; \
        axe.run(document, {resultTypes: ['violations']}).then( \
          found => done(found.violations.map(v => v.id + ': ' + v.help + ' ' + \
            v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | '))), \
          fault => done(['' + fault]))";
    let violations = chromium.execute_async(script, json!([])).await;
    assert_eq!(violations, json!([]), "{name}");
}

/// A page fetches from its own origin alone.
async fn check_fetches(chromium: &Chromium, name: &str) {
    let script = "return performance.getEntriesByType('resource').map(entry => entry.name) \
                  .filter(address => !address.startsWith(location.origin + '/'))";
    let foreign = chromium.execute(script, json!([])).await;
    assert_eq!(foreign, json!([]), "{name} fetches from elsewhere");
}

/// Tab comes to everything that can be used, and shows where it is.
async fn check_keyboard(chromium: &Chromium, name: &str) {
    let script = "const all = [...document.querySelectorAll(\
          'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]')]\
          .filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility()); \
        all.forEach((e, i) => e.dataset.stop = i); \
        window.scrollTo(0, 0); \
        return all.length";
    // The parts of a date are stops of their own.
    let dates = chromium.count("input[type=date]").await;
    let count = chromium.execute(script, json!([])).await;
    let count = count.as_u64().expect("a number");
    let mut reached = BTreeSet::new();
    for _ in 0..count + 3 + 4 * u64::try_from(dates).expect("a number") {
        chromium.press(TAB).await;
        let script = "const e = document.activeElement; \
            if (!e || e.dataset.stop === undefined) return null; \
            const style = getComputedStyle(e); \
            return [+e.dataset.stop, style.outlineStyle, parseFloat(style.outlineWidth)]";
        let stop = chromium.execute(script, json!([])).await;
        if let Value::Array(stop) = stop {
            assert!(
                stop[1] != "none" && stop[2].as_f64() >= Some(2.0),
                "{name}: no ring at stop {stop:?}"
            );
            reached.insert(stop[0].as_u64().expect("a number"));
        }
        if u64::try_from(reached.len()) == Ok(count) {
            break;
        }
    }
    chromium
        .execute(
            "document.activeElement.blur(); window.scrollTo(0, 0)",
            json!([]),
        )
        .await;
    let missed: Vec<u64> = (0..count).filter(|stop| !reached.contains(stop)).collect();
    let script =
        "return arguments[0].map(i => document.querySelector(`[data-stop='${i}']`).outerHTML)";
    if !missed.is_empty() {
        let missed = chromium.execute(script, json!([missed])).await;
        panic!("{name}: Tab does not reach {missed}");
    }
}

/// Gives the browser the cookies of somebody who signed in elsewhere.
pub async fn become_person(chromium: &Chromium, portal: &Portal, browser: &Browser) {
    chromium.goto(&format!("{}/login", portal.url)).await;
    for name in ["fd_session", "fd_browser"] {
        let value = browser.cookie(name).expect("a cookie");
        chromium.add_cookie(name, &value).await;
    }
}

/// A company's portal with its own name, notice and help address, and sixty people.
async fn company() -> Portal {
    let portal = Portal::on(Database::sqlite())
        .asking_for_permissions()
        .with("FRONTDESK_COMPANY_NAME", "Qinghe")
        .with("FRONTDESK_COMPANY_NAME_ZH", "清禾")
        .with(
            "FRONTDESK_NOTICE",
            "Maintenance on Sunday from 22:00: sign-in may pause for a minute.",
        )
        .with(
            "FRONTDESK_NOTICE_ZH",
            "周日 22:00 起维护，登录可能会中断一分钟。",
        )
        .with("FRONTDESK_HELP_ADDRESS", "it-desk@qinghe.example")
        .with("FRONTDESK_TIME_ZONE", "Asia/Shanghai")
        .with("OAUTH2_LOGOUT_URL", "PROVIDER/o/logout/")
        .with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1")
        .run()
        .await;
    let names = [
        "王建国",
        "周文博",
        "高梦瑶",
        "Hannah Schmidt",
        "司马睿",
        "Amelia Hart",
    ];
    for number in 0..60 {
        let username = format!("person{number:02}");
        let person = Person::named(&username)
            .with("name_cn", names[number % names.len()])
            .with("email", format!("{username}@qinghe.example"));
        portal.signed_in(&person).await;
        portal.clock.advance(Duration::from_secs(420));
    }
    for name in ["person02", "person41"] {
        portal.db_make_staff(name);
    }
    for name in ["person07", "person44"] {
        portal.db_deactivate(name);
    }
    portal
}

fn lin() -> Person {
    let mut lin = Person::named("linxiaoyu")
        .with("name_cn", "林晓雨")
        .with("email", "linxiaoyu@qinghe.example");
    lin.permissions = json!([
        {"codename": "expenses.submit", "name": "Submit expenses"},
        {"codename": "hr.leave", "name": "Ask for leave"},
        {"codename": "dev.git", "name": "Use the source code"},
        {"codename": "frontdesk.staff", "name": "Administer this portal"},
    ]);
    lin
}

struct Gallery {
    chromium: Chromium,
    portal: Portal,
    axe: Option<String>,
}

impl Gallery {
    async fn open(&self, path: &str) {
        self.chromium
            .goto(&format!("{}{path}", self.portal.url))
            .await;
    }

    async fn check(&self, name: &str) {
        check_console(&self.chromium, "").await;
        check(&self.chromium, self.axe.as_deref(), name).await;
        self.chromium.look(Screen::DESKTOP).await;
    }

    async fn show(&self, path: &str, name: &str) {
        self.open(path).await;
        self.check(name).await;
    }

    async fn fill_in(&self, username: &str, password: &str) {
        if self.chromium.count("details.fold[open]").await == 0 {
            self.chromium.click("details.fold summary").await;
        }
        self.chromium
            .execute("document.querySelector('#username').value = ''", json!([]))
            .await;
        self.chromium.type_into("#username", username).await;
        self.chromium.type_into("#password", password).await;
        self.chromium.follow("form[action='/login'] button").await;
    }

    /// What everybody can see.
    async fn outside(&self) {
        self.show("/login?next=/account", "login").await;
        self.show("/login?local", "login-local").await;
        self.fill_in("frontdesk-rescue", "wrong horse battery")
            .await;
        self.check("login-wrong").await;
        for _ in 0..5 {
            self.fill_in("frontdesk-rescue", "wrong horse battery")
                .await;
        }
        self.check("login-paused").await;
        self.show("/oauth2_callback/?state=x&code=y", "failed")
            .await;
        self.show("/signed-out", "signed-out").await;
        self.show("/no-such-page", "404-outside").await;
        self.show("/rescue?token=x", "link-expired").await;
        self.show(&self.portal.db_make_rescue_link("kiosk"), "rescue")
            .await;

        // A deactivated person comes back from the platform.
        self.open("/login").await;
        let browser = self.portal.browser();
        let authorize = browser.begin("/").await;
        let binding = browser.cookie("fd_browser").expect("a binding");
        self.chromium.add_cookie("fd_browser", &binding).await;
        let callback = self
            .portal
            .provider
            .approve(&authorize, &Person::named("person07"));
        self.chromium.goto(&callback).await;
        self.check("deactivated").await;
    }

    /// What a local account sees.
    async fn local(&self) {
        let browser = self.portal.browser();
        let page = browser.get("/login").await;
        let fields = [("username", "kiosk"), ("password", PASSWORD)];
        assert_eq!(browser.post("/login", &page, &fields).await.status, 303);
        become_person(&self.chromium, &self.portal, &browser).await;
        self.show("/", "home-new").await;
        self.show("/account", "account-new").await;
        self.show("/account/password", "password").await;
        for field in ["current_password", "new_password", "new_password_again"] {
            self.chromium
                .type_into(&format!("#{field}"), "too short")
                .await;
        }
        self.chromium
            .follow("form[action='/account/password'] button")
            .await;
        self.check("password-wrong").await;
        self.show("/login?fresh=1&next=/account", "fresh").await;
        self.show("/admin/users", "403").await;
        self.show("/no-such-page", "404").await;
    }

    /// What an admin sees.
    async fn admin(&self) {
        let lin = lin();
        for _ in 0..2 {
            self.portal.signed_in(&lin).await;
            self.portal.clock.advance(Duration::from_secs(1800));
        }
        let browser = self
            .portal
            .signed_in(&lin.clone().with("email", "lin@qinghe.example"))
            .await;
        self.portal.db_make_superuser("linxiaoyu");
        self.portal.db_prove("linxiaoyu");
        become_person(&self.chromium, &self.portal, &browser).await;
        self.show("/", "home-no-apps").await;
        company_apps(&self.portal);
        self.show("/", "home").await;
        self.chromium
            .follow("#app-mail button[name='starred']")
            .await;
        self.check("home-favourite").await;
        self.show("/?q=zzz", "home-no-match").await;
        self.show("/account", "account").await;
        self.show("/admin/users", "admin-users").await;
        self.show(
            "/admin/users?q=wagn&status=deactivated",
            "admin-users-empty",
        )
        .await;
        let id = self.portal.db_id_of("linxiaoyu");
        self.show(&format!("/admin/users/{id}"), "admin-user").await;
        self.chromium
            .follow("form[action$='/start-page'] button")
            .await;
        self.check("admin-start-page").await;
        self.show("/admin/audit", "admin-audit").await;
        self.show("/admin/audit?q=nowhere", "admin-audit-empty")
            .await;
        self.lists().await;
        self.acts().await;
        // The menu, open.
        self.open("/account").await;
        self.chromium.click("details.menu summary").await;
        self.check("menu").await;
        // And a fault of our own.
        self.portal
            .database
            .execute("ALTER TABLE user_permissions RENAME TO elsewhere");
        self.show("/", "500").await;
        self.portal
            .database
            .execute("ALTER TABLE elsewhere RENAME TO user_permissions");
    }
}

impl Gallery {
    fn id(&self, username: &str) -> i64 {
        self.portal.db_id_of(username)
    }

    /// The lists of the admin area, filtered.
    async fn lists(&self) {
        self.show(
            "/admin/users?q=文博&source=directory&sort=name",
            "admin-users-search",
        )
        .await;
        self.show("/admin/sessions", "admin-sessions").await;
        self.show(
            "/admin/sessions?user=nobody&browser=Edge",
            "admin-sessions-empty",
        )
        .await;
        self.show("/admin/sessions/end?ip=127.0.0.1", "admin-sessions-end")
            .await;
        let rule = json!({"audience": "everyone", "but_not": ["x"]});
        let rota = json!({"name_en": "Rota", "name_zh": "排班", "rule": rule, "is_hidden": true});
        db_app(&self.portal.database, "rota", &rota);
        db_app(&self.portal.database, "closed", &json!({"is_hidden": true}));
        self.show("/admin/apps/rota/people", "admin-app-people")
            .await;
        self.show("/admin/apps/closed/people", "admin-app-people-empty")
            .await;
        self.show(
            "/admin/audit?event=signed_in&by=person01&from=2026-01-01",
            "admin-audit-search",
        )
        .await;
        self.open("/admin/status").await;
        until("the provider's addresses are checked", async || {
            self.open("/admin/status").await;
            self.chromium
                .text("main")
                .await
                .contains("OAUTH2_TOKEN_URL")
        })
        .await;
        self.check("admin-status").await;
        self.show("/account/timeline", "account-timeline").await;
        // The menu of an export, open.
        self.open("/admin/audit").await;
        self.chromium.click("details.export summary").await;
        self.check("admin-export").await;
    }

    /// Each act's confirmation, what it says when it is refused, and what it leaves behind.
    async fn acts(&self) {
        let person = self.id("person01");
        let session = self
            .portal
            .database
            .number("SELECT MAX(id) AS value FROM sessions WHERE ended_at IS NULL");
        let owner = self.portal.database.number(&format!(
            "SELECT user_id AS value FROM sessions WHERE id = {session}"
        ));
        for (act, name) in [
            ("deactivate", "deactivate"),
            ("role?role=staff", "role-staff"),
            ("role?role=superuser", "role-superuser"),
            ("end-sessions", "end-sessions"),
            ("grant", "grant"),
            ("take?permission=reports.read", "take"),
            ("link", "link"),
            ("unlink?subject=person01", "unlink"),
            ("reset-password", "reset-password"),
            ("note", "note"),
        ] {
            self.show(
                &format!("/admin/users/{person}/{act}"),
                &format!("act-{name}"),
            )
            .await;
        }
        self.show(
            &format!("/admin/users/{owner}/end-session?session={session}"),
            "act-end-session",
        )
        .await;
        // A permission by hand, and one more time.
        for check in [None, Some("act-refused")] {
            self.open(&format!("/admin/users/{person}/grant")).await;
            self.chromium.type_into("#permission", "reports.read").await;
            self.chromium.type_into("#reason", "for the audit").await;
            self.chromium.follow("form.confirm button").await;
            if let Some(name) = check {
                self.check(name).await;
            }
        }
        self.open(&format!("/admin/users/{person}/deactivate"))
            .await;
        self.chromium.type_into("#reason", "left the company").await;
        self.chromium.follow("form.confirm button").await;
        self.check("admin-user-deactivated").await;
        self.show(&format!("/admin/users/{person}/activate"), "act-activate")
            .await;
        self.show(&format!("/admin/users/{person}/erase"), "act-erase")
            .await;
        self.chromium.follow("form.confirm button").await;
        self.check("admin-user-erased").await;

        // A local account, and the link for its owner.
        self.show("/admin/users/new", "admin-user-new").await;
        self.chromium.type_into("#username", "linxiaoyu").await;
        self.chromium.follow("form.confirm button").await;
        self.check("admin-user-new-wrong").await;
        self.open("/admin/users/new").await;
        self.chromium.type_into("#username", "kiosk-3f").await;
        self.chromium
            .type_into("#first_name", "Meeting-room kiosk")
            .await;
        self.chromium.follow("form.confirm button").await;
        self.check("admin-user-link").await;
        let link = self
            .chromium
            .execute("return document.querySelector('#link').value", json!([]))
            .await;
        self.chromium.goto(link.as_str().expect("a link")).await;
        self.check("choose-password").await;
        self.chromium.type_into("#new_password", "too short").await;
        self.chromium
            .type_into("#new_password_again", "too short")
            .await;
        self.chromium
            .follow("form[action='/password'] button")
            .await;
        self.check("choose-password-wrong").await;

        // Acts on many.
        let tick = "document.querySelectorAll('input[name=u]').forEach((box, at) => { box.checked = at < 3 }); \
                    document.querySelector('#bulk').value = arguments[0]";
        self.open("/admin/users?sort=username").await;
        self.chromium.follow("form.list .bulk button").await;
        self.check("bulk-nobody").await;
        self.open("/admin/users").await;
        self.chromium.execute(tick, json!(["deactivate"])).await;
        self.chromium.follow("form.list .bulk button").await;
        self.check("bulk").await;
        self.chromium.follow("form.confirm button").await;
        self.check("bulk-result").await;

        // Who may only look, and whoever's sign-in is not recent.
        self.portal.clock.advance(Duration::from_secs(1800));
        self.show("/admin/users", "admin-users-stale").await;
        let staff = self
            .portal
            .signed_in(&Person::named("person02").with("name_cn", "高梦瑶"))
            .await;
        become_person(&self.chromium, &self.portal, &staff).await;
        self.show("/admin/users", "admin-users-staff").await;
        self.show(&format!("/admin/users/{owner}"), "admin-user-staff")
            .await;
        self.show(&format!("/admin/users/{owner}/deactivate"), "403-act")
            .await;
        let lin = self.portal.signed_in(&lin()).await;
        become_person(&self.chromium, &self.portal, &lin).await;
    }
}

fn tour(languages: &str, tag: &str) {
    if !Chromium::available() {
        return;
    }
    run(async {
        let portal = company().await;
        portal.db_create_local_account("kiosk");
        let gallery = Gallery {
            chromium: Chromium::start(languages, Screen::DESKTOP).await,
            axe: axe(),
            portal,
        };
        gallery.open("/login").await;
        let lang = gallery
            .chromium
            .execute("return document.documentElement.lang", json!([]))
            .await;
        assert_eq!(lang, tag);
        gallery.outside().await;
        gallery.local().await;
        gallery.admin().await;
    });
}

#[test]
fn every_page_in_english_is_fit_to_use() {
    tour("en", "en");
}

#[test]
fn every_page_in_chinese_is_fit_to_use() {
    tour("zh-CN,zh", "zh-Hans");
}

#[test]
fn chosen_colours_are_as_fit_to_use_as_those_of_the_system() {
    if !Chromium::available() {
        return;
    }
    run(async {
        let logo = tempfile::NamedTempFile::new().expect("a file");
        fs::write(
            logo.path(),
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><circle cx='4' cy='4' r='4'/></svg>",
        )
        .expect("a logo");
        let portal = Portal::on(Database::sqlite())
            .with("FRONTDESK_LOGO_FILE", logo.path().display().to_string())
            .with("FRONTDESK_ACCENT_COLOR", "#0a7d4f")
            .asking_for_permissions()
            .run()
            .await;
        let browser = portal.signed_in(&lin()).await;
        portal.db_make_staff("linxiaoyu");
        let chromium = Chromium::start("en", Screen::DESKTOP).await;
        let axe = axe();
        become_person(&chromium, &portal, &browser).await;
        for theme in ["dark", "light"] {
            chromium.goto(&format!("{}/account", portal.url)).await;
            chromium.click("details.menu summary").await;
            chromium
                .follow(&format!(
                    "details.menu button[name='theme'][value='{theme}']"
                ))
                .await;
            for path in ["/", "/account", "/admin/users", "/login?fresh=1"] {
                chromium.goto(&format!("{}{path}", portal.url)).await;
                let drawn = "return document.querySelector('.brand img')?.naturalWidth > 0";
                assert_eq!(
                    chromium.execute(drawn, json!([])).await,
                    true,
                    "the logo on {path}"
                );
                // Whatever the system says, the choice holds.
                for screen in [Screen::DESKTOP.dark(), Screen::DESKTOP] {
                    chromium.look(screen).await;
                    let script = "return [getComputedStyle(document.documentElement).colorScheme, \
                                  getComputedStyle(document.body).getPropertyValue('--accent')]";
                    let seen = chromium.execute(script, json!([])).await;
                    assert_eq!(seen[0], theme);
                    assert_eq!(seen[1] == "rgb(10 125 79)", theme == "light", "{seen}");
                    if let Some(axe) = &axe {
                        check_axe(&chromium, axe, &format!("{path} {theme}")).await;
                    }
                }
            }
        }
        check_console(&chromium, "").await;
    });
}

#[test]
fn a_page_is_small_when_cold_and_one_request_when_warm() {
    if !Chromium::available() {
        return;
    }
    run(async {
        let portal = company().await;
        let browser = portal.signed_in(&lin()).await;
        portal.db_make_staff("linxiaoyu");
        company_apps(&portal);
        for path in ["/login", "/", "/account", "/admin/users", "/admin/audit"] {
            let chromium = Chromium::start("en", Screen::DESKTOP).await;
            if path != "/login" {
                // Cookies without a visit: the cache stays empty.
                chromium.goto(&format!("{}/healthz", portal.url)).await;
                for name in ["fd_session", "fd_browser"] {
                    let value = browser.cookie(name).expect("a cookie");
                    chromium.add_cookie(name, &value).await;
                }
            }
            // The log is that of all tests: these requests have an address of their own.
            let address = "10.77.0.1";
            chromium.come_from(address).await;
            let count = || {
                let log = portal.log();
                let is_mine = |line: &&str| {
                    line.contains("event=request ")
                        && line.contains(&format!("address={address} "))
                        && !line.contains("/static/favicon.")
                };
                log.lines().filter(is_mine).count()
            };
            let fetched = async || {
                let before = count();
                chromium.goto(&format!("{}{path}", portal.url)).await;
                let script = "const [page] = performance.getEntriesByType('navigation'); \
                    return performance.getEntriesByType('resource').reduce( \
                      (sum, entry) => sum + entry.transferSize, page.transferSize)";
                let bytes = chromium.execute(script, json!([])).await;
                (count() - before, bytes.as_u64().expect("a number"))
            };
            let (requests, bytes) = fetched().await;
            // Page, style and icons, and the start page's script; the icon of the tab is asked for
            // beside these.
            assert!(
                (2..=4).contains(&requests),
                "{path}: {requests} requests cold"
            );
            // It is not in the page's own list either: 1 KiB is more than it has.
            assert!(bytes + 1024 < 60_000, "{path}: {bytes} bytes cold");
            let (requests, _) = fetched().await;
            assert_eq!(requests, 1, "{path} warm");
        }
    });
}

#[test]
fn without_script_and_on_paper_everything_works() {
    if !Chromium::available() {
        return;
    }
    run(async {
        let portal = Portal::start().await;
        portal.db_create_local_account("kiosk");
        let chromium = Chromium::start("en", Screen::DESKTOP).await;
        chromium.disable_script().await;
        chromium.goto(&format!("{}/account", portal.url)).await;
        chromium.click("details.fold summary").await;
        chromium.type_into("#username", "kiosk").await;
        chromium.type_into("#password", PASSWORD).await;
        chromium.follow("form[action='/login'] button").await;
        assert_eq!(chromium.url().await, format!("{}/account", portal.url));
        assert!(chromium.text("main").await.contains("kiosk"));
        chromium.print_media().await;
        assert_eq!(
            chromium.text(".top nav").await,
            "",
            "no navigation on paper"
        );
        assert!(chromium.text("main").await.contains("kiosk"));
        chromium.look(Screen::DESKTOP).await;
        chromium.click("details.menu summary").await;
        chromium
            .follow("details.menu button[name='theme'][value='dark']")
            .await;
        chromium.click("details.menu summary").await;
        chromium
            .follow("details.menu form[action='/logout'] button")
            .await;
        assert_eq!(chromium.url().await, format!("{}/signed-out", portal.url));
    });
}

#[test]
fn a_local_admin_gets_in_around_and_out_by_the_keyboard_alone() {
    if !Chromium::available() {
        return;
    }
    run(async {
        let portal = Portal::start().await;
        portal.db_create_local_account("root");
        portal.db_make_superuser("root");
        portal.signed_in(&Person::named("anna")).await;
        let chromium = Chromium::start("en", Screen::DESKTOP).await;
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
        chromium.goto(&format!("{}/admin/users", portal.url)).await;
        go_to("details.fold summary").await;
        chromium.press(ENTER).await;
        go_to("#username").await;
        chromium.type_keys("root").await;
        go_to("#password").await;
        chromium.type_keys(PASSWORD).await;
        chromium.leave_by(chromium.press(ENTER)).await;
        assert_eq!(chromium.url().await, format!("{}/admin/users", portal.url));
        go_to("tbody th a").await;
        chromium.leave_by(chromium.press(ENTER)).await;
        assert_eq!(chromium.text("h1").await, "anna");
        go_to("nav.side a[href='/admin/audit']").await;
        chromium.leave_by(chromium.press(ENTER)).await;
        assert_eq!(chromium.text("h1").await, "Audit log");
        go_to("details.menu summary").await;
        chromium.press(ENTER).await;
        go_to("details.menu form[action='/logout'] button").await;
        chromium.leave_by(chromium.press(ENTER)).await;
        assert_eq!(chromium.url().await, format!("{}/signed-out", portal.url));
    });
}
