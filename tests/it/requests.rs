//! What requests may be: hosts, methods, sizes, caches.

use std::time::Duration;

use frontdesk::web::addresses;
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::sessions::raw_request;
use crate::support::process::{self, Process, free_port};
use crate::support::{Database, Db, Person, Portal, Provider, run, spawn, until};

fn host_of(portal: &Portal) -> String {
    portal.url.trim_start_matches("http://").to_owned()
}

#[test]
fn a_wrong_host_is_sent_to_the_right_one_or_refused() {
    run(async {
        let portal = Portal::start().await;
        let host = host_of(&portal);
        let get = async |target: &str, hosts: &[&str]| {
            let mut request = format!("GET {target} HTTP/1.1\r\n");
            for host in hosts {
                request.extend(["Host: ", host, "\r\n"]);
            }
            request.push_str("Accept: text/html\r\nConnection: close\r\n\r\n");
            raw_request(&portal.url, request.as_bytes()).await
        };
        for hosts in [
            vec!["evil.example"],
            vec!["evil.example", &host],
            vec![&host, "evil.example"],
            vec![&format!("{host}:x")],
            vec![&format!("{host}@evil.example")],
            vec!["localhost"],
            vec![""],
            vec![],
        ] {
            let answer = get("/login?next=/account", &hosts).await;
            let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
            assert!(
                ["307", "400"].contains(&status.as_str()),
                "{hosts:?}: {answer}"
            );
            assert!(!answer.contains("evil"), "{answer}");
            if status == "307" {
                let location = format!("location: {}/login?next=/account\r\n", portal.url);
                assert!(answer.contains(&location), "{answer}");
            }
            assert!(!answer.to_lowercase().contains("set-cookie"), "{answer}");
        }
        // The target's own authority goes before the header.
        let absolute = get("http://evil.example/login", &[&host]).await;
        assert!(absolute.starts_with("HTTP/1.1 307"), "{absolute}");
        assert!(!absolute.contains("evil"), "{absolute}");
        let absolute = get(&format!("http://{host}/login"), &[&host]).await;
        assert!(absolute.starts_with("HTTP/1.1 200"), "{absolute}");
        // Nothing is done under another name.
        let post = b"POST /logout HTTP/1.1\r\nHost: evil.example\r\nAccept: text/html\r\n\
                     Content-Length: 0\r\nConnection: close\r\n\r\n";
        let answer = raw_request(&portal.url, post).await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
        assert!(
            answer.contains("class=\"ref\"") && !answer.contains("evil"),
            "{answer}"
        );
        // Watchdogs know an address only.
        assert!(
            get("/healthz", &["10.0.0.7:8000"])
                .await
                .starts_with("HTTP/1.1 200")
        );
        assert!(
            get("/readyz", &["10.0.0.7:8000"])
                .await
                .starts_with("HTTP/1.1 200")
        );
        // Headers that a proxy may pass on shape nothing.
        let plain = portal.browser().get("/login").await;
        for name in [
            "x-forwarded-host",
            "x-original-url",
            "x-rewrite-url",
            "forwarded",
        ] {
            let answer = portal
                .browser()
                .get_with("/login", &[(name, "evil.example")])
                .await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body.len(), plain.body.len(), "{name}");
            assert!(!answer.body.contains("evil"));
        }
    });
}

#[test]
fn only_declared_methods_count_and_head_begins_nothing() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.browser();
        let callback = portal
            .provider
            .approve(&browser.begin("/").await, &Person::named("li"));
        for method in ["HEAD", "OPTIONS", "TRACE", "PUT", "POST", "PATCH", "DELETE"] {
            let method: Method = method.parse().expect("a method");
            let answer = browser.send(method.clone(), &callback, &[], None).await;
            assert_eq!(answer.status, 405, "{method}");
            assert_eq!(answer.header("allow"), "GET", "{method}");
        }
        let override_method = [("x-http-method-override", "POST")];
        let answer = browser.get_with("/login", &override_method).await;
        assert_eq!(answer.status, 200);
        assert_eq!(portal.provider.calls(), 0, "nothing was used up");
        assert_eq!(browser.get(&callback).await.status, 303);
        for path in ["/login", "/oauth2/login"] {
            for method in [Method::OPTIONS, Method::PUT, Method::DELETE] {
                assert_eq!(browser.send(method, path, &[], None).await.status, 405);
            }
        }
        let calls = portal.provider.calls();
        let answer = browser.send(Method::HEAD, "/oauth2/login", &[], None).await;
        assert!(answer.status == 303 && answer.body.is_empty());
        assert_eq!(portal.provider.calls(), calls);
    });
}

#[test]
fn nothing_but_fingerprinted_files_may_be_cached() {
    run(async {
        let portal = Portal::start().await;
        let me = portal.signed_in(&Person::named("anna")).await;
        for path in ["/", "/account", "/login", "/no-such-page", "/signed-out"] {
            let answer = me.get(path).await;
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            assert_eq!(answer.header("vary"), "Accept-Language, Cookie", "{path}");
        }
        // What a cache would take for a file is no page.
        for path in [
            "/account/x.css",
            "/account.css",
            "/account;.js",
            "/account%0a.css",
            "/account%2fx.css",
            "/account%3fx.css",
        ] {
            let answer = me.get(path).await;
            assert!(
                answer.status == 404 || answer.status == 400,
                "{path}: {}",
                answer.status
            );
            assert!(!answer.body.contains("Where you are signed in"));
        }
    });
}

#[test]
fn no_page_shows_a_secret_even_to_a_superuser() {
    run(async {
        let portal = Portal::on(Database::sqlite())
            .asking_for_permissions()
            .run()
            .await;
        portal.db_create_local_account("root");
        let admin = portal.signed_in(&Person::named("anna").may(&["a"])).await;
        for name in ["root", "anna"] {
            portal.db_make_superuser(name);
        }
        let link = portal.db_make_rescue_link("root");
        let token = link.split_once("token=").expect("a token").1.to_owned();
        let mut secrets = vec![
            portal.client_secret.clone(),
            portal.secret_key.clone(),
            admin.session_cookie().expect("a session"),
            token,
        ];
        secrets.extend(portal.db_fields_of("root", "password"));
        secrets.extend(portal.db_column("sessions", "token_hash"));
        secrets.extend(portal.provider.canaries());
        let ids = portal.db_column("users", "id");
        let mut paths: Vec<String> = addresses()
            .into_iter()
            .filter(|address| address.method == "GET")
            .map(|address| address.path.to_owned())
            .filter(|path| !path.contains('{'))
            .collect();
        paths.extend(ids.iter().map(|id| format!("/admin/users/{id}")));
        paths.extend(
            ["/healthz", "/readyz", "/debug", "/metrics", "/no-such-page"].map(str::to_owned),
        );
        assert!(paths.len() > 12);
        for path in paths {
            let answer = admin.get(&path).await;
            let whole = format!("{:?} {}", answer.headers, answer.body);
            for secret in &secrets {
                assert!(!whole.contains(secret.as_str()), "{path}");
            }
            assert!(
                !answer.body.contains("argon2") && !answer.body.contains("<!--"),
                "{path}"
            );
        }
        for secret in &secrets {
            assert!(!portal.log().contains(secret.as_str()));
        }
    });
}

/// Words that would begin a line of their own, paint it, or turn it around.
const INJECTION: &str =
    "x\r\n2026-01-01T00:00:00.000Z INFO event=forged user=root\u{1b}[31m\u{202e}\"'\u{0}\u{2028}y";

#[test]
fn whatever_is_sent_an_event_is_one_line() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.browser();
        let encoded: String = url::form_urlencoded::byte_serialize(INJECTION.as_bytes()).collect();
        let page = browser.get("/login").await;
        let fields = [("username", INJECTION), ("password", INJECTION)];
        assert_eq!(browser.post("/login", &page, &fields).await.status, 422);
        browser
            .get(&format!(
                "/oauth2_callback/?state=x&error={encoded}&error_description={encoded}"
            ))
            .await;
        for path in [
            "/%0d%0aevent=forged%1b[31m",
            "/a%22b%27c%e2%80%ae",
            "/static/%0aevent=forged",
        ] {
            browser.get(path).await;
        }
        let agent = "Mozilla/5.0 \" event=forged \u{a0}\u{202e}";
        portal
            .browser()
            .get_with("/login", &[("user-agent", agent)])
            .await;
        // A person whom the platform calls so gets no account; one with odd words does.
        let odd = Person::named("o\"dd user=root").with("name_cn", INJECTION);
        assert_eq!(portal.browser().sign_in(&odd, "/").await.status, 303);
        let bad = Person::named(INJECTION);
        assert_eq!(portal.browser().sign_in(&bad, "/").await.status, 502);
        let log = portal.log();
        assert!(log.lines().count() > 10);
        for line in log.lines() {
            // A time, a level, and the event that we named; or an event of the trail as JSON.
            if line.starts_with('{') {
                let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
                assert!(event["audit"].is_string(), "{line:?}");
            } else {
                let time = line.split(' ').next().unwrap_or_default();
                assert!(time.len() == 24 && time.ends_with('Z'), "{line:?}");
                assert!(!line.contains(" event=forged"), "{line:?}");
            }
            assert!(!line.chars().any(char::is_control), "{line:?}");
            for hidden in ['\u{202e}', '\u{2028}'] {
                assert!(!line.contains(hidden), "{line:?}");
            }
        }
    });
}

/// Resident memory of a process, in KiB (proc(5)).
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .expect("a line");
    let number: String = line.chars().filter(char::is_ascii_digit).collect();
    number.parse().expect("a number")
}

#[test]
fn requests_that_would_exhaust_us_are_refused_early() {
    run(async {
        // A process of its own, whose memory is nobody else's.
        let provider = Provider::start().await;
        let database = Database::sqlite();
        let portal = Process::serve(&process::settings(free_port(), &provider, &database)).await;
        let host = portal.url.trim_start_matches("http://").to_owned();
        let client = process::client();
        let page = client
            .get(format!("{}/login", portal.url))
            .header("accept", "text/html")
            .send()
            .await
            .expect("an answer");
        let cookie = page.headers()["set-cookie"]
            .to_str()
            .expect("ASCII")
            .to_owned();
        let cookie = cookie.split(';').next().expect("a pair").to_owned();
        let page = page.text().await.expect("a page");
        let token = page
            .split("name=\"csrf_token\" value=\"")
            .nth(1)
            .expect("a token");
        let token = token.split('"').next().expect("its end");
        let post = async |body: String, coding: &str| {
            let request = client
                .post(format!("{}/preferences", portal.url))
                .header("origin", &portal.url)
                .header("cookie", &cookie)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body);
            let request = match coding {
                "" => request,
                coding => request.header("content-encoding", coding),
            };
            // The server may hang up before it has read everything.
            let answer = request.send().await;
            answer.map_or(413, |answer| answer.status().as_u16())
        };
        let before = memory(portal.id());
        // Ten megabytes of form, and ten thousand fields.
        assert_eq!(
            post(
                format!("csrf_token={token}&theme={}", "x".repeat(10_000_000)),
                ""
            )
            .await,
            413
        );
        let many = "&field=x".repeat(10_000);
        assert!([303, 413].contains(&post(format!("csrf_token={token}{many}"), "").await));
        // A compressed body is not opened.
        for coding in ["gzip", "br", "zstd", "deflate", "identity"] {
            assert_eq!(
                post(format!("csrf_token={token}"), coding).await,
                415,
                "{coding}"
            );
        }
        // Headers and cookies without end.
        let mut long = format!("GET /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nx: ");
        long.push_str(&"y".repeat(200_000));
        long.push_str("\r\n\r\n");
        let cookies = format!(
            "GET /login HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\nCookie: {}\r\n\r\n",
            "a=b; ".repeat(12_000)
        );
        for request in [long, cookies] {
            let mut stream = TcpStream::connect(&host).await.expect("a connection");
            let _cut = stream.write_all(request.as_bytes()).await;
            let mut answer = Vec::new();
            let _cut = stream.read_to_end(&mut answer).await;
            let answer = String::from_utf8_lossy(&answer).into_owned();
            let is_fine = answer.is_empty()
                || ["200", "400", "413", "431"]
                    .iter()
                    .any(|status| answer.starts_with(&format!("HTTP/1.1 {status}")));
            assert!(is_fine, "{answer}");
        }
        let grown = memory(portal.id()).saturating_sub(before);
        assert!(grown < 20_000, "{grown} KiB more");
        let url = format!("{}/login", portal.url);
        assert_eq!(
            client.get(url).send().await.expect("an answer").status(),
            200
        );
    });
}

/// How many files this process may open (proc(5)); tests beside this one need some too.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("Linux");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    soft.and_then(|soft| soft.parse().ok()).unwrap_or(1024)
}

#[test]
fn slow_and_silent_connections_leave_others_alone() {
    run(async {
        let portal = Portal::start().await;
        let me = portal.signed_in(&Person::named("anna")).await;
        let page = me.get("/account").await;
        let host = host_of(&portal);
        // Open and silent. The server is in this process too: each takes two of its files.
        let mut idle = Vec::new();
        for _ in 0..(open_files() / 8).min(2_000) {
            idle.push(TcpStream::connect(&host).await.expect("a connection"));
        }
        assert!(idle.len() >= 100, "{}", idle.len());
        // Headers that never end, and a body that drips.
        let headers = spawn({
            let host = host.clone();
            async move {
                let mut stream = TcpStream::connect(&host).await.expect("a connection");
                stream
                    .write_all(b"GET /login HTTP/1.1\r\nHo")
                    .await
                    .expect("a beginning");
                let mut answer = Vec::new();
                let _cut = stream.read_to_end(&mut answer).await;
                String::from_utf8_lossy(&answer).into_owned()
            }
        });
        let body = spawn({
            let host = host.clone();
            let cookie = me.session_cookie().expect("a session");
            let (origin, token) = (portal.url.clone(), page.csrf_token());
            async move {
                let mut stream = TcpStream::connect(&host).await.expect("a connection");
                let head = format!(
                    "POST /preferences HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nOrigin: {origin}\r\n\
                     Cookie: fd_session={cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                     Content-Length: 1000\r\nConnection: close\r\n\r\ncsrf_token={token}&theme="
                );
                stream
                    .write_all(head.as_bytes())
                    .await
                    .expect("a beginning");
                let mut answer = Vec::new();
                let (mut reader, mut writer) = stream.into_split();
                let drip = spawn(async move {
                    while writer.write_all(b"x").await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                });
                let _cut = reader.read_to_end(&mut answer).await;
                drip.abort();
                String::from_utf8_lossy(&answer).into_owned()
            }
        });
        // Meanwhile everybody else is served.
        for _ in 0..50 {
            assert_eq!(me.get("/account").await.status, 200);
        }
        let headers = headers.await.expect("an end");
        assert!(
            headers.is_empty() || headers.starts_with("HTTP/1.1 408"),
            "{headers}"
        );
        let body = body.await.expect("an end");
        assert!(body.starts_with("HTTP/1.1 408"), "{body}");
        drop(idle);
        until("the portal answers as before", async || {
            me.get("/account").await.status == 200
        })
        .await;
    });
}

#[test]
fn files_are_sent_compressed_to_browsers_that_accept_it() {
    run(async {
        let portal = Portal::on(Database::sqlite()).run().await;
        let page = portal.browser().get("/login").await;
        let style = page
            .body
            .split("href=\"")
            .find(|part| part.starts_with("/static/style."));
        let style = style
            .and_then(|part| part.split('"').next())
            .expect("a stylesheet");
        let plain = portal.browser().get(style).await;
        assert_eq!(plain.header("content-encoding"), "");
        assert!(plain.body.starts_with("/* Frontdesk"));
        for accepted in ["gzip", "br, GZIP;q=0.5", "deflate, gzip, br"] {
            let url = format!("{}{style}", portal.url);
            let client = reqwest::Client::builder().no_proxy().no_gzip().build();
            let answer = client
                .expect("a client")
                .get(url)
                .header("accept-encoding", accepted)
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.headers()["content-encoding"], "gzip");
            assert_eq!(answer.headers()["vary"], "Accept-Encoding");
            let bytes = answer.bytes().await.expect("a body");
            let mut text = String::new();
            std::io::Read::read_to_string(
                &mut flate2::read::GzDecoder::new(bytes.as_ref()),
                &mut text,
            )
            .expect("gzip");
            assert_eq!(text, plain.body);
            assert!(bytes.len() * 3 < text.len());
        }
        for refused in ["", "br", "gzip;q=0", "x-gzipped"] {
            let answer = portal
                .browser()
                .get_with(style, &[("accept-encoding", refused)])
                .await;
            assert_eq!(answer.header("content-encoding"), "", "{refused}");
        }
    });
}
