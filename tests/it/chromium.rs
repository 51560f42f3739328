//! People in front of a real Chromium: the demo as they meet it, and what only a browser can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use frontdesk::local_path::LocalPath;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gallery;
use crate::support::webdriver::{Chromium, ENTER, Screen, TAB};
use crate::support::{Database, Db, Person, Portal, process, run, until};

pub const PORTAL: &str = "http://127.0.0.1:8000";
pub const PLATFORM: &str = "http://127.0.0.1:8001";

/// The one thing to do on a page.
const BUTTON: &str = "main a.btn.primary";
const DECLINE: &str = "#decline";
const MENU: &str = "details.menu summary";
const SIGN_OUT: &str = "details.menu form[action='/logout'] button";

/// The link of the platform's page that picks somebody.
fn pick(person: &str) -> String {
    format!("[id='as-{person}']")
}

/// Demos listen at fixed ports: one at a time.
static ONE_DEMO: Mutex<()> = Mutex::new(());

/// `frontdesk demo`, the real binary in an empty folder.
pub struct Demo {
    process: Child,
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Demo {
    fn spawn(folder: &TempDir) -> Child {
        let output = File::create(folder.path().join("output")).expect("a file");
        process::command(folder.path(), &["demo"], &BTreeMap::new())
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the same file"))
            .stderr(output)
            .spawn()
            .expect("the demo starts")
    }

    pub async fn start() -> Self {
        let alone = ONE_DEMO.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut demo = Self {
            process: Self::spawn(&folder),
            folder,
            _alone: alone,
        };
        demo.wait().await;
        demo
    }

    /// Stops it and starts it again in the same folder.
    pub async fn restart(&mut self) {
        self.process.kill().expect("the demo stops");
        self.process.wait().expect("the demo has stopped");
        self.process = Self::spawn(&self.folder);
        self.wait().await;
    }

    async fn wait(&mut self) {
        // It greets when it has both ports, so that no other server is taken for it.
        until("the demo is ready", async || {
            let ended = self.process.try_wait().expect("the demo's state");
            assert!(ended.is_none(), "the demo ended: {}", self.output());
            self.output().contains("demo is ready")
        })
        .await;
    }

    pub fn database(&self) -> Database {
        Database::at(&self.folder.path().join("frontdesk-demo.sqlite3"))
    }

    pub fn output(&self) -> String {
        process::text(&fs::read(self.folder.path().join("output")).expect("its output"))
    }
}

impl Drop for Demo {
    /// Whatever a test did, the portal had no fault of its own.
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _ended = self.process.wait();
        let output = self.output();
        if std::thread::panicking() {
            eprintln!("{output}");
        } else {
            assert!(!output.contains(" status=5"), "{output}");
        }
    }
}

async fn open_chromium() -> Chromium {
    Chromium::start("en", Screen::DESKTOP).await
}

/// Runs a test in Chromium; leaves it out where there is none.
fn in_chromium(test: impl AsyncFnOnce(Chromium)) {
    if Chromium::available() {
        run(async {
            test(open_chromium().await).await;
        });
    }
}

/// The same beside a demo that nobody has used yet.
fn beside_the_demo(test: impl AsyncFnOnce(Chromium)) {
    if Chromium::available() {
        run(async {
            let _demo = Demo::start().await;
            test(open_chromium().await).await;
        });
    }
}

/// Whose page this is.
async fn user(chromium: &Chromium) -> Option<String> {
    let user = chromium
        .execute("return document.body.dataset.user ?? null", json!([]))
        .await;
    user.as_str().map(str::to_owned)
}

/// An attribute of the root element: `lang`, `data-theme`.
async fn root(chromium: &Chromium, attribute: &str) -> Option<String> {
    let script = "return document.documentElement.getAttribute(arguments[0])";
    let value = chromium.execute(script, json!([attribute])).await;
    value.as_str().map(str::to_owned)
}

/// Opens a page of the portal.
async fn open(chromium: &Chromium, path: &str) {
    chromium.goto(&format!("{PORTAL}{path}")).await;
}

/// Whose page of the portal the browser shows, and which.
async fn expect_page(chromium: &Chromium, person: Option<&str>, path: &str) {
    assert_eq!(chromium.url().await, format!("{PORTAL}{path}"));
    assert_eq!(user(chromium).await.as_deref(), person);
}

/// Where the browser is, from the beginning of its address.
async fn expect_at(chromium: &Chromium, beginning: &str) {
    let url = chromium.url().await;
    assert!(url.starts_with(beginning), "{url}");
}

/// Opens a page while signed out, and signs in on the way.
async fn sign_in(chromium: &Chromium, person: &str, path: &str) {
    open(chromium, path).await;
    chromium.follow(BUTTON).await;
    chromium.follow(&pick(person)).await;
    expect_page(chromium, Some(person), path).await;
}

async fn sign_out(chromium: &Chromium) {
    chromium.click(MENU).await;
    chromium.follow(SIGN_OUT).await;
    expect_page(chromium, None, "/signed-out").await;
}

/// Nothing on the console; that the stand-in provider has no icon is no matter.
async fn check_console(chromium: &Chromium) {
    gallery::check_console(chromium, &format!("{PLATFORM}/favicon.ico ")).await;
}

/// The page as it stands, in every way.
async fn check(chromium: &Chromium, name: &str) {
    check_console(chromium).await;
    gallery::check(chromium, gallery::axe().as_deref(), name).await;
    chromium.look(Screen::DESKTOP).await;
}

#[test]
fn a_person_comes_from_their_account_page_to_the_platform_and_back_at_the_first_sign_in() {
    beside_the_demo(async |chromium| {
        open(&chromium, "/account").await;
        expect_page(&chromium, None, "/login?next=/account").await;
        chromium.follow(BUTTON).await;
        expect_at(&chromium, &format!("{PLATFORM}/o/authorize/?")).await;
        assert!(chromium.text(&pick("linxiaoyu")).await.contains("林晓雨"));
        chromium.follow(&pick("linxiaoyu")).await;
        expect_page(&chromium, Some("linxiaoyu"), "/account").await;
        assert!(chromium.text("main").await.contains("林晓雨"));
    });
}

#[test]
fn the_keyboard_alone_signs_a_person_in() {
    beside_the_demo(async |chromium| {
        let go_to = async |css: &str| {
            let script = "return document.activeElement.matches(arguments[0])";
            for _ in 0..40 {
                chromium.press(TAB).await;
                if chromium.execute(script, json!([css])).await == true {
                    return;
                }
            }
            panic!("the keyboard does not reach {css}");
        };
        open(&chromium, "/account").await;
        go_to(BUTTON).await;
        chromium.leave_by(chromium.press(ENTER)).await;
        go_to(&pick("amelia.hart")).await;
        chromium.leave_by(chromium.press(ENTER)).await;
        assert_eq!(user(&chromium).await.as_deref(), Some("amelia.hart"));
    });
}

#[test]
fn a_person_who_declines_can_try_again_and_a_deactivated_one_stays_at_the_platform() {
    beside_the_demo(async |chromium| {
        open(&chromium, "/account").await;
        chromium.follow(BUTTON).await;
        chromium.follow(DECLINE).await;
        expect_at(&chromium, &format!("{PORTAL}/oauth2_callback/?")).await;
        assert_eq!(chromium.count(BUTTON).await, 1);
        assert_eq!(user(&chromium).await, None);

        chromium.follow(BUTTON).await;
        chromium.follow(&pick("liuzihan")).await;
        expect_at(&chromium, PLATFORM).await;
        // The platform's own page; its one button leads back to the others.
        chromium.follow(".btn.primary").await;
        chromium.follow(&pick("chengruotong")).await;
        expect_page(&chromium, Some("chengruotong"), "/account").await;
    });
}

#[test]
fn after_signing_out_the_back_button_shows_nothing_of_an_admin() {
    beside_the_demo(async |chromium| {
        sign_in(&chromium, "linxiaoyu", "/admin/users").await;
        chromium.follow("tbody th a").await;
        expect_at(&chromium, &format!("{PORTAL}/admin/users/")).await;
        assert_eq!(chromium.text("h1").await, "林晓雨");
        sign_out(&chromium).await;
        assert_eq!(chromium.cookie("fd_session").await, None);

        chromium.back().await;
        assert_eq!(user(&chromium).await, None);
        chromium.reload().await;
        assert_eq!(user(&chromium).await, None);
        expect_at(&chromium, &format!("{PORTAL}/login?next=/admin/users/")).await;
        assert!(!chromium.text("body").await.contains("林晓雨"));
    });
}

#[test]
fn language_and_colours_are_remembered() {
    beside_the_demo(async |chromium| {
        sign_in(&chromium, "amelia.hart", "/account").await;
        assert_eq!(root(&chromium, "lang").await.as_deref(), Some("en"));
        chromium.follow("header.top form.lang button").await;
        assert_eq!(chromium.url().await, format!("{PORTAL}/account"));
        assert_eq!(root(&chromium, "lang").await.as_deref(), Some("zh-Hans"));

        chromium.click(MENU).await;
        chromium
            .follow("details.menu button[name='theme'][value='dark']")
            .await;
        assert_eq!(chromium.url().await, format!("{PORTAL}/account"));
        for path in ["/account", "/"] {
            open(&chromium, path).await;
            assert_eq!(root(&chromium, "lang").await.as_deref(), Some("zh-Hans"));
            assert_eq!(root(&chromium, "data-theme").await.as_deref(), Some("dark"));
        }
        check_console(&chromium).await;
    });
}

#[test]
fn the_stand_in_platform_s_page_is_fit_to_use_in_both_languages() {
    beside_the_demo(async |english| {
        let chinese = Chromium::start("zh-CN,zh", Screen::DESKTOP).await;
        for (chromium, language) in [(&english, "en"), (&chinese, "zh-Hans")] {
            open(chromium, "/account").await;
            assert_eq!(root(chromium, "lang").await.as_deref(), Some(language));
            chromium.follow(BUTTON).await;
            check(chromium, "platform").await;
        }
    });
}

/// Does what a page offers until somebody is signed in.
async fn persist(chromium: &Chromium, person: &str) {
    for _ in 0..4 {
        if user(chromium).await.is_some() {
            return;
        }
        if chromium.url().await.starts_with(PLATFORM) {
            chromium.follow(&pick(person)).await;
        } else {
            assert_eq!(chromium.count(BUTTON).await, 1, "{}", chromium.url().await);
            chromium.follow(BUTTON).await;
        }
    }
    panic!("still not signed in at {}", chromium.url().await);
}

#[test]
fn reload_and_back_after_a_sign_in_do_no_harm() {
    beside_the_demo(async |chromium| {
        sign_in(&chromium, "amelia.hart", "/account").await;
        chromium.reload().await;
        assert_eq!(user(&chromium).await.as_deref(), Some("amelia.hart"));

        // Back at the platform; its page leads to the callback with a used attempt.
        chromium.back().await;
        expect_at(&chromium, PLATFORM).await;
        chromium.follow(&pick("amelia.hart")).await;
        expect_page(&chromium, Some("amelia.hart"), "/account").await;
        check_console(&chromium).await;
    });
}

#[test]
fn a_bookmarked_callback_leads_on() {
    beside_the_demo(async |chromium| {
        // The page of a declined sign-in stands at the callback's own address.
        open(&chromium, "/account").await;
        chromium.follow(BUTTON).await;
        chromium.follow(DECLINE).await;
        let callback = chromium.url().await;
        assert!(callback.starts_with(&format!("{PORTAL}/oauth2_callback/?")));
        chromium.reload().await;
        persist(&chromium, "amelia.hart").await;

        // Signed in, it leads to where the attempt wanted to go, however often.
        for _ in 0..4 {
            chromium.goto(&callback).await;
            expect_page(&chromium, Some("amelia.hart"), "/account").await;
        }

        // In another browser it begins a sign-in, and that one succeeds.
        let other = open_chromium().await;
        other.goto(&callback).await;
        persist(&other, "linxiaoyu").await;
        expect_page(&other, Some("linxiaoyu"), "/account").await;
        // All the way back and forth through the history.
        for _ in 0..6 {
            other.back().await;
        }
        other.goto(&callback).await;
        assert_eq!(user(&other).await.as_deref(), Some("linxiaoyu"));
    });
}

#[test]
fn double_clicks_end_signed_in() {
    beside_the_demo(async |chromium| {
        for _ in 0..3 {
            open(&chromium, "/account").await;
            chromium.leave_by(chromium.double_click(BUTTON)).await;
            // The second click may have hit the platform's page already.
            if chromium.url().await.starts_with(PLATFORM) {
                let person = pick("amelia.hart");
                chromium.leave_by(chromium.double_click(&person)).await;
            }
            persist(&chromium, "amelia.hart").await;
            assert_eq!(chromium.url().await, format!("{PORTAL}/account"));
            sign_out(&chromium).await;
        }
    });
}

#[test]
fn ten_tabs_finish_in_any_order_each_at_its_own_target() {
    beside_the_demo(async |chromium| {
        let mut tabs = Vec::new();
        for number in 0..10 {
            let tab = chromium.new_tab().await;
            let target = format!("{PORTAL}/account?tab={number}");
            chromium.goto(&target).await;
            tabs.push((tab, target));
        }
        // Some go to the platform before anybody is signed in, the others after.
        for (tab, _) in &tabs[..6] {
            chromium.switch_to(tab).await;
            chromium.follow(BUTTON).await;
        }
        for number in [7, 3, 0, 9, 5, 1, 8, 2, 6, 4] {
            let (tab, target) = &tabs[number];
            chromium.switch_to(tab).await;
            if chromium.url().await.starts_with(PORTAL) {
                chromium.follow(BUTTON).await;
            }
            chromium.follow(&pick("zhouwenbo")).await;
            assert_eq!(chromium.url().await, *target);
            assert_eq!(user(&chromium).await.as_deref(), Some("zhouwenbo"));
        }
        let cookies = chromium.cookies().await;
        let size: usize = cookies
            .iter()
            .map(|(name, value)| name.len() + value.len() + 3)
            .sum();
        assert!(size < 4096, "{cookies:?}");
        for (tab, target) in &tabs {
            chromium.switch_to(tab).await;
            chromium.reload().await;
            assert_eq!(chromium.url().await, *target);
            assert_eq!(user(&chromium).await.as_deref(), Some("zhouwenbo"));
        }
    });
}

#[test]
fn the_second_person_in_a_browser_ends_the_first_one_s_session() {
    beside_the_demo(async |chromium| {
        sign_in(&chromium, "linxiaoyu", "/account").await;
        let first = chromium.cookie("fd_session").await.expect("a session");
        assert_eq!(status_of_account(&first).await, (200, String::new()));

        open(&chromium, "/oauth2/login").await;
        chromium.follow(&pick("amelia.hart")).await;
        let second = chromium.cookie("fd_session").await.expect("a session");
        assert_ne!(first, second);
        for path in ["/", "/account"] {
            open(&chromium, path).await;
            assert_eq!(user(&chromium).await.as_deref(), Some("amelia.hart"));
            let page = chromium
                .execute("return document.documentElement.outerHTML", json!([]))
                .await;
            let page = page.as_str().expect("a page");
            assert!(
                !page.contains("linxiaoyu") && !page.contains("林晓雨"),
                "{page}"
            );
        }
        let to_sign_in = (303, "/login?next=/account".to_owned());
        assert_eq!(status_of_account(&first).await, to_sign_in);
        assert_eq!(status_of_account(&second).await, (200, String::new()));
    });
}

/// What a browser with this session cookie gets at `/account`: the status, and where to.
async fn status_of_account(session: &str) -> (u16, String) {
    let answer = process::client()
        .get(format!("{PORTAL}/account"))
        .header("accept", "text/html")
        .header("cookie", format!("fd_session={session}"))
        .send()
        .await
        .expect("an answer");
    let location = answer.headers().get("location");
    let location = location.map_or("", |value| value.to_str().expect("an address in ASCII"));
    (answer.status().as_u16(), location.to_owned())
}

/// A site of somebody else's, at a port of its own: its pages post forms to the portal, embed it
/// as a picture, and frame it.
fn hostile_site() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Browsers open connections ahead of need: none may keep another waiting.
            std::thread::spawn(move || answer_with_malice(&stream));
        }
    });
    port
}

fn answer_with_malice(mut stream: &TcpStream) -> io::Result<()> {
    let mut request = BufReader::new(stream).lines();
    let first = request.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in request {
        if line?.is_empty() {
            break;
        }
    }
    let body = match first.split(' ').nth(1).unwrap_or_default() {
        "/picture" => format!("<img src='{PORTAL}/logout'>"),
        "/frame" => format!("<iframe src='{PORTAL}/'></iframe>"),
        form => format!(
            "<form method='post' action='{PORTAL}{form}'>\
             <input name='language' value='zh-Hans'><input name='theme' value='dark'>\
             </form><script>document.forms[0].submit()</script>"
        ),
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn forms_and_pictures_of_another_site_change_nothing() {
    beside_the_demo(async |chromium| {
        sign_in(&chromium, "linxiaoyu", "/account").await;
        let port = hostile_site();
        // To the browser the first is the same site at another origin (it sends the cookies), the
        // second another site.
        for host in ["127.0.0.1", "localhost"] {
            let site = format!("http://{host}:{port}");
            for form in ["/logout", "/preferences"] {
                chromium.goto(&format!("{site}{form}")).await;
                let target = format!("{PORTAL}{form}");
                until("the form has been sent", async || {
                    chromium.url().await == target
                })
                .await;
                assert_eq!(chromium.count(BUTTON).await, 1, "a page of ours says no");
                assert_eq!(root(&chromium, "lang").await.as_deref(), Some("en"));
            }
            chromium.goto(&format!("{site}/picture")).await;
            open(&chromium, "/account").await;
            assert_eq!(user(&chromium).await.as_deref(), Some("linxiaoyu"));
            assert_eq!(root(&chromium, "lang").await.as_deref(), Some("en"));
            assert_eq!(root(&chromium, "data-theme").await, None);
        }
    });
}

#[test]
fn nobody_can_frame_the_portal() {
    beside_the_demo(async |chromium| {
        sign_in(&chromium, "linxiaoyu", "/account").await;
        let port = hostile_site();
        for host in ["127.0.0.1", "localhost"] {
            chromium.goto(&format!("http://{host}:{port}/frame")).await;
            until("the console tells of the blocked frame", async || {
                let logs = chromium.logs().await;
                logs.iter()
                    .any(|message| message.contains("frame-ancestors 'none'"))
            })
            .await;
            chromium.enter_frame(0).await;
            assert_eq!(user(&chromium).await, None);
            open(&chromium, "/account").await;
            assert_eq!(user(&chromium).await.as_deref(), Some("linxiaoyu"));
        }
    });
}

/// Markup for every place where text can stand. Each variant that runs says so.
const POLYGLOT: &str = "'\"></title></script><img src=x onerror=window.__xss=1>\
                        <script>alert(1)</script>{{7*7}}<svg onload=window.__xss=1>";

#[test]
fn markup_in_a_profile_is_text_on_every_page() {
    in_chromium(async |chromium| {
        let portal = Portal::on(Database::sqlite())
            .asking_for_permissions()
            .run()
            .await;
        let mut person = Person::named(POLYGLOT)
            .with("name_cn", POLYGLOT)
            .with("email", format!("{POLYGLOT}@example.com"));
        person.permissions = json!([{"codename": POLYGLOT, "name": POLYGLOT}]);
        let browser = portal.browser();
        let callback = portal.provider.approve(&browser.begin("/").await, &person);
        let end = browser
            .get_with(&callback, &[("user-agent", POLYGLOT)])
            .await;
        assert_eq!(end.status, 303, "{}", end.body);
        portal.db_make_superuser(POLYGLOT);
        let id = portal.db_id_of(POLYGLOT);

        chromium.goto(&format!("{}/login", portal.url)).await;
        for name in ["fd_session", "fd_browser"] {
            let value = browser.cookie(name).expect("a cookie");
            chromium.add_cookie(name, &value).await;
        }
        let in_address: String =
            url::form_urlencoded::byte_serialize(POLYGLOT.as_bytes()).collect();
        let person_page = format!("/admin/users/{id}");
        let with_the_name = ["/", "/account", "/admin/users", person_page.as_str()];
        let with_an_echo = [
            format!("/no-such-page/{in_address}?q={in_address}"),
            format!("/account?done={in_address}#{in_address}"),
            format!(
                "/oauth2_callback/?state={in_address}&error={in_address}&error_description={in_address}"
            ),
        ];
        for path in with_the_name
            .into_iter()
            .chain(with_an_echo.iter().map(String::as_str))
        {
            chromium.goto(&format!("{}{path}", portal.url)).await;
            assert_eq!(chromium.alert().await, None, "{path}");
            check_console(&chromium).await;
            let script = "return [window.__xss ?? null, document.body.innerText]";
            let seen = chromium.execute(script, json!([])).await;
            assert_eq!(seen[0], Value::Null, "{path}");
            let text = seen[1].as_str().expect("a text");
            if with_the_name.contains(&path) {
                assert_eq!(user(&chromium).await.as_deref(), Some(POLYGLOT), "{path}");
                assert!(text.contains(POLYGLOT), "{path}: {text}");
            }
            let foreign = "script, img, iframe, object, embed, style, base, meta[http-equiv], \
                           [onload], [onerror], [style]";
            assert_eq!(chromium.count(foreign).await, 0, "{path}");
        }
    });
}

/// What hostile addresses are made of, between bars.
const PIECES: &str = "/|/|//|///|\\|/\\|\t|\n|\r\n|\u{b}|\0| |%2f|%2F%2f|%5c|%09|%0d%0a|%252f|%|\
    @|user:pw@|.|..|/./|/../|/.//|%2e|%2E%2e|;|:|http:|https://|javascript:|data:|#|?|&next=|\
    evil.example|127.0.0.1:8001|[::1]|account|报表|\u{2215}|\u{ff0f}|\u{ff0e}|\u{3002}|\u{ff61}|\
    \u{2044}|\u{ff3c}|\u{200b}|\u{ad}|\u{202e}|\u{feff}|\u{a0}|\u{2028}|é|~x=1";

/// Addresses as attackers write them, and some harmless ones; the same in each run.
fn hostile_addresses() -> Vec<String> {
    let pieces: Vec<&str> = PIECES.split('|').collect();
    let mut state: u64 = 51;
    let mut draw = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let mut addresses = BTreeSet::new();
    while addresses.len() < 6000 {
        let mut address = String::from(if draw(4) == 0 { "" } else { "/" });
        for _ in 0..=draw(5) {
            address.push_str(pieces[draw(pieces.len())]);
        }
        addresses.insert(address);
    }
    addresses.into_iter().collect()
}

/// Origin and path.
type Place = (String, String);

fn stays(place: Option<&Place>) -> bool {
    place.is_some_and(|(origin, path)| origin == PORTAL && !path.starts_with("//"))
}

/// Where each address on the sign-in page leads in Chromium, if anywhere.
async fn resolve(chromium: &Chromium, addresses: &[String]) -> Vec<Option<Place>> {
    let script = "return arguments[0].map(address => { \
                      try { \
                          const url = new URL(address, arguments[1]); \
                          return [url.origin, url.pathname]; \
                      } catch { return null; } \
                  })";
    let mut resolved = Vec::new();
    for batch in addresses.chunks(500) {
        let base = format!("{PORTAL}/login");
        let answer = chromium.execute(script, json!([batch, base])).await;
        let batch: Vec<Option<Place>> = serde_json::from_value(answer).expect("pairs");
        resolved.extend(batch);
    }
    assert_eq!(resolved.len(), addresses.len());
    resolved
}

#[test]
fn every_address_that_we_accept_stays_here_in_chromium() {
    in_chromium(async |chromium| {
        let addresses = hostile_addresses();
        let resolved = resolve(&chromium, &addresses).await;
        let mut accepted = Vec::new();
        for (address, place) in addresses.iter().zip(&resolved) {
            if let Some(path) = LocalPath::parse(address) {
                assert!(stays(place.as_ref()), "{address:?} leads to {place:?}");
                assert_eq!(path.as_str(), address);
                accepted.push(path.to_ascii());
            }
        }
        // As a Location header says it.
        for (address, place) in accepted.iter().zip(resolve(&chromium, &accepted).await) {
            assert!(stays(place.as_ref()), "{address:?} leads to {place:?}");
        }
        // The corpus is worth its name.
        let leaving = resolved
            .iter()
            .filter(|place| !stays(place.as_ref()))
            .count();
        assert!(accepted.len() > 300, "{} accepted", accepted.len());
        assert!(leaving > 300, "{leaving} lead elsewhere");
    });
}

#[test]
fn deep_links_come_back_byte_for_byte() {
    let links = [
        "/",
        "/account?tab=1#history",
        "/admin/users?after=42",
        "/报表/销售?月份=七月&城市=上海#合计",
        "/%E6%8A%A5%E8%A1%A8?q=a%20b+c",
        "/wiki/A/B;v=1,2/@me/~x/(1)/it's!",
        "/search?q=https://example.com//x&next=/a/../b",
        "/files/report.v2..final.pdf",
        "/page#/route//inner",
    ]
    .map(str::to_owned);
    for link in &links {
        let path = LocalPath::parse(link).unwrap_or_else(|| panic!("{link} is refused"));
        assert_eq!(path.as_str(), link);
    }
    in_chromium(async |chromium| {
        for (link, place) in links.iter().zip(resolve(&chromium, &links).await) {
            assert!(stays(place.as_ref()), "{link}");
        }
    });
}
