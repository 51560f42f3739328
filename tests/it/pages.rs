//! Pages: who may open which, what is on them, and what nobody can slip into them.

mod access;

use std::time::Duration;

use frontdesk::local_path::LocalPath;
use frontdesk::web::addresses;
use serde_json::json;

use self::access::filled;
use crate::sessions::raw_request;
use crate::support::{Browser, Database, Db, Person, Portal, on_both_databases, run};

const POLYGLOT: &str = "\"'><svg onload=alert(1)><script>alert(1)</script>{{7*7}}${7*7}<!--";

#[test]
fn a_page_from_before_the_session_ended_still_switches_language() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.signed_in(&Person::named("anna")).await;
        portal.clock.advance(Duration::from_secs(9 * 3600));
        let page = browser.get("/login").await;
        assert_eq!(page.status, 200);
        let answer = browser
            .post(
                "/preferences",
                &page,
                &[("language", "zh-Hans"), ("next", "/login")],
            )
            .await;
        assert_eq!(answer.status, 303);
    });
}

/// A corpus of our own: every way to say "elsewhere" that a small grammar can build.
pub fn elsewhere() -> Vec<String> {
    let mut corpus = Vec::new();
    let slashes = [
        "/",
        "//",
        "///",
        "/\\",
        "\\/",
        "\\\\",
        "/\t/",
        "/\n/",
        "/\r\n/",
        "/\u{b}/",
        "/%09/",
        "/%2f",
        "/%2F%2F",
        "/%5c",
        "/%5C%5C",
        "/./",
        "/.//",
        "/..//",
        "/x/..//",
        "/%2e%2e//",
        "/ /",
        "/\u{a0}/",
        "/\u{3000}/",
        "/\u{ff0f}",
        "/\u{2044}",
        "/\u{2215}",
        "\u{ff0f}\u{ff0f}",
        ";/",
        "/;@",
        "/@",
        "//@",
        "",
    ];
    let hosts = [
        "evil.example",
        "evil.example/",
        "user@evil.example",
        "127.0.0.1@evil.example",
        "evil.example:80",
        "[::1]",
        "evil\u{3002}example",
        "evil\u{ff0e}example",
        "evil.example%00",
        "%65vil.example",
        "evil.example?x=/",
        "evil.example#/",
        "3232235777",
    ];
    let schemes = [
        "",
        "http:",
        "https:",
        "HTTPS:",
        "javascript:",
        "data:",
        "ftp:",
        "http:/",
        "https://",
        "//https:",
        "javascript:alert(1)//",
        "\u{1}https:",
        " https:",
        "\thttps:",
    ];
    for scheme in schemes {
        for slash in slashes {
            for host in hosts {
                corpus.push(format!("{scheme}{slash}{host}"));
            }
        }
    }
    corpus
}

#[test]
fn no_address_leads_elsewhere() {
    run(async {
        let portal = Portal::start().await;
        let corpus = elsewhere();
        assert!(corpus.len() > 5000);
        // What is accepted stays here for the standard's own reader.
        let base = url::Url::parse("http://127.0.0.1:8000/login").expect("an address");
        for text in &corpus {
            if let Some(path) = LocalPath::parse(text) {
                for written in [path.as_str().to_owned(), path.to_ascii()] {
                    let url = base.join(&written).expect("an address");
                    assert_eq!(url.origin(), base.origin(), "{text:?}");
                    assert!(!url.path().starts_with("//"), "{text:?}");
                }
            }
        }
        // And through the real door, a part of them.
        let browser = portal.browser();
        let signed_in = portal.signed_in(&Person::named("li")).await;
        for text in corpus.iter().step_by(23) {
            let next: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let expected = LocalPath::parse(text).unwrap_or_else(LocalPath::home);
            let answer = signed_in.get(&format!("/login?next={next}")).await;
            assert_eq!(answer.location(), expected.to_ascii(), "{text:?}");
            let callback = portal
                .provider
                .approve(&browser.begin(text).await, &Person::named("li"));
            let answer = browser.get(&callback).await;
            assert_eq!(answer.location(), expected.to_ascii(), "{text:?}");
        }
        for deep in [
            "/account?tab=2&x=%20y#history",
            "/报表/二月?部门=研发#第三节",
            "/a/b.c;v=1/?q=1+1",
            "/x?next=https://elsewhere.example/",
            "/%E6%8A%A5",
        ] {
            let path = LocalPath::parse(deep).unwrap_or_else(|| panic!("{deep} is ours"));
            assert_eq!(path.as_str(), deep);
        }
        assert!(LocalPath::parse(&format!("/{}", "x".repeat(2000))).is_none());
    });
}

#[test]
fn nothing_adds_a_header() {
    run(async {
        let portal = Portal::start().await;
        let hostile = [
            "/x\r\nX-Evil: 1",
            "/x%0d%0aX-Evil:%201",
            "/x%0aX-Evil: 1",
            "/x\u{10a}X-Evil: 1",
            "/x\u{2028}X-Evil: 1",
            "/x\u{85}X-Evil: 1",
            "/x%00",
            "/x\rX-Evil: 1",
        ];
        for next in hostile {
            let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
            for query in [encoded.as_str(), next] {
                if query.contains(|c: char| c.is_control()) || !query.is_ascii() {
                    continue;
                }
                for path in ["/login", "/oauth2/login"] {
                    let request = format!(
                        "GET {path}?next={} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
                        query.replace(' ', "%20")
                    );
                    let answer = raw_request(&portal.url, request.as_bytes()).await;
                    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
                    assert!(
                        !head.to_lowercase().contains("\nx-evil"),
                        "{next:?}: {head}"
                    );
                    assert!(
                        !head
                            .split("\r\n")
                            .any(|line| line.contains('\r') || line.contains('\n')),
                        "{next:?}"
                    );
                }
            }
            let browser = portal.browser();
            let callback = portal
                .provider
                .approve(&browser.begin(next).await, &Person::named("li"));
            let answer = browser.get(&callback).await;
            assert!(answer.headers.get("x-evil").is_none());
            assert!(answer.location().is_ascii());
        }
    });
}

#[test]
fn names_of_people_are_text_on_every_page() {
    run(async {
        let portal = Portal::on(Database::sqlite())
            .asking_for_permissions()
            .run()
            .await;
        let name = format!("x{}", &POLYGLOT[..60]);
        let person = Person::named(&name)
            .with("name_cn", POLYGLOT)
            .with("email", format!("{POLYGLOT}@example.com"));
        let person = Person {
            permissions: json!([{"codename": POLYGLOT, "name": format!("label {POLYGLOT}")}]),
            ..person
        };
        let browser = portal.browser();
        let callback = portal.provider.approve(&browser.begin("/").await, &person);
        let agent = [(
            "user-agent",
            "<script>alert(1)</script> Firefox/1 \"'><svg onload=alert(1)>",
        )];
        assert_eq!(browser.get_with(&callback, &agent).await.status, 303);
        portal.db_make_superuser(&name);
        let id = portal.db_id_of(&name);
        // The recorder refuses any page with a script, a handler or a style on it.
        for path in [
            "/",
            "/account",
            "/admin/users",
            &format!("/admin/users/{id}"),
            "/nowhere",
        ] {
            let page = browser.get(path).await;
            assert_eq!(page.user().as_deref(), Some(name.as_str()), "{path}");
            assert!(!page.body.contains("<svg onload"), "{path}");
        }
        portal.db_deactivate(&name);
        let answer = portal.browser().sign_in(&person, "/").await;
        assert_eq!(answer.status, 403);
        assert!(!answer.body.contains("<svg onload"));
    });
}

#[test]
fn nothing_of_a_request_is_echoed_unescaped() {
    run(async {
        let portal = Portal::start().await;
        let signed_in = portal.signed_in(&Person::named("li")).await;
        portal.db_make_staff("li");
        let payload: String = url::form_urlencoded::byte_serialize(POLYGLOT.as_bytes()).collect();
        let marked: Vec<String> = addresses()
            .iter()
            .map(|address| filled(address.path, 7))
            .chain([
                "/nowhere".to_owned(),
                "/oauth2_callback/".to_owned(),
                "/static/x".to_owned(),
                "/healthz".to_owned(),
            ])
            .collect();
        for path in marked {
            for browser in [&portal.browser(), &signed_in] {
                for address in [
                    format!(
                        "{path}?next={payload}&after={payload}&done={payload}&state={payload}&code={payload}&error={payload}"
                    ),
                    format!("{path}/{payload}"),
                ] {
                    for accept in ["text/html", "application/json"] {
                        let headers = [
                            ("accept", accept),
                            ("x-forwarded-host", "<svg onload=alert(1)>"),
                            ("user-agent", "<script>alert(1)</script>"),
                        ];
                        let answer = browser.get_with(&address, &headers).await;
                        assert!(
                            !answer.body.contains("<svg onload")
                                && !answer.body.contains("<script"),
                            "{address}"
                        );
                        if accept == "application/json" && answer.status.is_client_error() {
                            assert!(
                                answer
                                    .header("content-type")
                                    .starts_with("application/json"),
                                "{address}"
                            );
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn pages_links_and_assets_come_from_here_alone() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.signed_in(&Person::named("li")).await;
        let page = browser.get("/account").await;
        let foreign = page
            .body
            .split(['"', ' '])
            .find(|part| part.contains("://"));
        assert_eq!(foreign, None, "a foreign address on the page");
        let mut assets = 0;
        for part in page
            .body
            .split('"')
            .filter(|part| part.starts_with("/static/"))
        {
            let path = part.split('#').next().expect("a path");
            let asset = browser.get(path).await;
            assert_eq!(asset.status, 200);
            assert!(asset.header("cache-control").contains("immutable"));
            assert!(asset.set_cookies().is_empty());
            assets += 1;
        }
        assert!(assets > 3);
        assert_eq!(
            browser.get("/static/style.css").await.status,
            404,
            "assets have names that change"
        );
    });
}

#[test]
fn a_client_s_address_is_believed_from_trusted_proxies_alone() {
    run(async {
        let forwarded = [
            ("x-forwarded-for", "198.51.100.7, 203.0.113.9"),
            ("forwarded", "for=192.0.2.1"),
        ];
        for (trusted, expected) in [
            ("", "127.0.0.1"),
            ("127.0.0.1", "203.0.113.9"),
            ("10.0.0.0/8", "127.0.0.1"),
            ("127.0.0.0/8, 203.0.113.0/24", "198.51.100.7"),
        ] {
            let portal = Portal::on(Database::sqlite())
                .with("FRONTDESK_TRUSTED_PROXIES", trusted)
                .run()
                .await;
            let browser = portal.browser();
            let callback = portal
                .provider
                .approve(&browser.begin("/").await, &Person::named("li"));
            browser.get_with(&callback, &forwarded).await;
            assert_eq!(
                portal.db_column("sessions", "address"),
                [expected],
                "{trusted}"
            );
            for garbage in [
                "",
                ",,,",
                "unknown",
                "_hidden",
                &"1,".repeat(5000),
                "1.2.3.4:99999",
                "\"[::1]\"",
            ] {
                let answer = portal
                    .browser()
                    .get_with("/account", &[("x-forwarded-for", garbage)])
                    .await;
                assert_eq!(answer.status, 303);
            }
        }
    });
}

on_both_databases! {
    async fn the_user_list_is_paged_by_key_newest_first(database) {
        let portal = Portal::on(database).run().await;
        let admin: Browser = portal.signed_in(&Person::named("admin")).await;
        portal.db_make_staff("admin");
        let people: Vec<_> = (1..=119).map(|number| (format!("person{number}"), String::new())).collect();
        portal.db_insert_users(1, &people);
        let mut seen = Vec::new();
        let mut path = "/admin/users".to_owned();
        let mut backwards = Vec::new();
        loop {
            let page = admin.get(&path).await;
            assert_eq!(page.status, 200);
            seen.extend(names(&page.body));
            backwards.push(link(&page.body, "before"));
            match link(&page.body, "after") {
                Some(next) => path = next,
                None => break,
            }
        }
        let mut expected = vec!["admin".to_owned()];
        expected.extend((1..=119).rev().map(|number| format!("person{number}")));
        assert_eq!(seen, expected);
        assert_eq!(backwards.len(), 3);
        let back = admin.get(backwards[2].as_ref().expect("a way back")).await;
        assert_eq!(names(&back.body), expected[50..100]);
        assert_eq!(names(&admin.get(&link(&back.body, "before").expect("a way back")).await.body), expected[..50]);
        assert!(link(&admin.get("/admin/users").await.body, "before").is_none());
        for bad in ["after=0", "after=x", "after=1&before=2", "after=99999999999999999999", "after=%00"] {
            assert_eq!(admin.get(&format!("/admin/users?{bad}")).await.status, 400, "{bad}");
        }
        assert_eq!(admin.get("/admin/users/123456").await.status, 404);
        assert_eq!(admin.get("/admin/users/7").await.status, 200);
    }
}

fn names(page: &str) -> Vec<String> {
    page.split("</a><small>")
        .skip(1)
        .filter_map(|rest| rest.split('<').next())
        .map(str::to_owned)
        .collect()
}

fn link(page: &str, direction: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("href=\"/admin/users?{direction}="))?;
    let id = rest.split('"').next()?;
    Some(format!("/admin/users?{direction}={id}"))
}

#[test]
fn pages_speak_the_browser_s_language_or_the_chosen_one() {
    run(async {
        let portal = Portal::start().await;
        let mut browser = portal
            .signed_in(&Person::named("li").with("name_cn", "李四"))
            .await;
        portal.db_make_staff("li");
        let id = portal.db_id_of("li");
        browser.language = "zh-CN,zh;q=0.9,en;q=0.5".to_owned();
        for (path, words) in [
            ("/", "你好，"),
            ("/account", "我的账号"),
            ("/admin/users", "用户"),
            (format!("/admin/users/{id}").as_str(), "权限"),
            ("/nowhere", "页面不存在"),
        ] {
            let page = browser.get(path).await;
            assert!(page.body.contains("<html lang=\"zh-Hans\""), "{path}");
            assert!(page.body.contains(words), "{path}");
        }
        let mut stranger = portal.browser();
        stranger.language = "zh".to_owned();
        assert!(
            stranger
                .get("/login")
                .await
                .body
                .contains("使用公司账号登录")
        );
        let script = stranger.get_with("/account", &[("accept", "*/*")]).await;
        assert!(script.body.contains("请先登录"));
    });
}

#[test]
fn no_secret_is_in_the_database_in_the_clear() {
    run(async {
        let portal = Portal::on(Database::sqlite())
            .asking_for_permissions()
            .run()
            .await;
        let browser = portal.signed_in(&Person::named("li").may(&["a"])).await;
        browser.get("/account").await;
        let failing = portal.browser();
        let callback = portal.provider.refuse(
            &failing.begin("/").await,
            "server_error",
            &[("error_description", "a-secret-of-theirs")],
        );
        failing.get(&callback).await;
        let dump = portal.database.dump();
        let log = portal.log();
        let mut canaries = portal.canaries();
        canaries.extend(browser.cookie("fd_browser"));
        canaries.extend(browser.session_cookie());
        canaries.push("a-secret-of-theirs".to_owned());
        for canary in canaries {
            for form in crate::support::portal::forms(&canary) {
                assert!(!dump.contains(&form), "a secret is in the database");
                assert!(!log.contains(&form), "a secret is in the log");
            }
        }
        // One event is one line, whatever is in it.
        let evil = "x\r\n2026-01-01T00:00:00Z INFO event=signed_in user=admin\u{1b}[31m\u{202e}";
        portal
            .browser()
            .get(&format!(
                "/{}",
                url::form_urlencoded::byte_serialize(evil.as_bytes()).collect::<String>()
            ))
            .await;
        portal
            .browser()
            .get_with("/login", &[("user-agent", "a\tb")])
            .await;
        for line in portal.log().lines() {
            let is_whole = (line.starts_with("20") && line.as_bytes().get(10) == Some(&b'T'))
                || serde_json::from_str::<serde_json::Value>(line).is_ok();
            assert!(is_whole, "not a line of ours: {line}");
            assert!(
                !line.contains('\u{1b}') && !line.contains('\u{202e}'),
                "{line}"
            );
        }
    });
}
