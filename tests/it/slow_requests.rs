//! Requests that never end, and bytes that are no request at all.

use std::time::Duration;

use frontdesk::web::{acts, paths_with_a_body};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::process::{self, Process, free_port};
use crate::support::{Database, Db, Person, Portal, Provider, left_out, run, spawn, until};

/// A portal that waits for a request as short as a test likes.
async fn impatient(millis: u64) -> Portal {
    Portal::on(Database::sqlite())
        .with("FRONTDESK_FAILPOINT", format!("patience:request:{millis}"))
        .run()
        .await
}

/// What comes back for these bytes until the server hangs up.
async fn answer(portal: &Portal, bytes: &str) -> String {
    let mut stream = TcpStream::connect(portal.url.trim_start_matches("http://"))
        .await
        .expect("a connection");
    stream.write_all(bytes.as_bytes()).await.expect("a request");
    let mut answer = Vec::new();
    let end = timeout(
        Duration::from_secs(20),
        read_to_the_end(&mut stream, &mut answer),
    );
    end.await
        .unwrap_or_else(|_| panic!("still open after {bytes}"));
    String::from_utf8_lossy(&answer).into_owned()
}

async fn read_to_the_end(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    // A connection that is reset has ended too.
    let _cut = stream.read_to_end(answer).await;
}

/// The beginning of a form, of which the rest never comes.
fn half(portal: &Portal, method: &str, path: &str, more: &str, is_chunked: bool) -> String {
    let host = portal.url.trim_start_matches("http://");
    let body = if is_chunked {
        "Transfer-Encoding: chunked\r\n\r\n9\r\ncsrf_toke"
    } else {
        "Content-Length: 1000\r\n\r\ncsrf_toke"
    };
    let kind = if path.ends_with("/image") {
        "multipart/form-data; boundary=x"
    } else {
        "application/x-www-form-urlencoded"
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {}\r\nAccept: text/html\r\n\
         Content-Type: {kind}\r\n{more}{body}",
        portal.url
    )
}

#[test]
#[cfg_attr(
    not(feature = "failpoints"),
    ignore = "needs the failpoints that `make test` compiles in"
)]
fn half_a_body_is_answered_in_time_at_every_address_that_takes_one() {
    run(async {
        let portal = impatient(300).await;
        let admin = portal.signed_in(&Person::named("anna")).await;
        portal.db_make_superuser("anna");
        let cookie = admin.session_cookie().expect("a session");
        let ids = portal.db_column("users", "id");
        let mut paths = Vec::new();
        for path in paths_with_a_body() {
            let path = path
                .replace("{provider}", "company")
                .replace("{key}", "mail")
                .replace("{id}", &ids[0]);
            if path.contains("{act}") {
                paths.extend(acts().map(|act| path.replace("{act}", act)));
            } else {
                paths.push(path);
            }
        }
        assert!(paths.len() > 15, "{paths:?}");
        let mut tries = Vec::new();
        for path in &paths {
            for is_chunked in [false, true] {
                let more =
                    format!("Cookie: fd_session={cookie}\r\nAccept-Language: zh-CN,zh;q=0.9\r\n");
                let request = half(&portal, "POST", path, &more, is_chunked);
                let portal = &portal;
                tries.push(async move {
                    let answer = answer(portal, &request).await;
                    assert!(answer.starts_with("HTTP/1.1 408"), "{path}: {answer}");
                    assert!(answer.contains("connection: close"), "{path}: {answer}");
                    assert!(answer.contains("lang=\"zh"), "{path}: {answer}");
                    assert!(answer.contains("class=\"ref\""), "{path}: {answer}");
                });
            }
        }
        futures_util::future::join_all(tries).await;
        // Each of them is in the table.
        let source = std::fs::read_to_string("src/web.rs").expect("the source");
        assert_eq!(
            source.matches("routing::post()").count(),
            2,
            "an address that takes a body is missing from `paths_with_a_body`"
        );
    });
}

#[test]
#[cfg_attr(
    not(feature = "failpoints"),
    ignore = "needs the failpoints that `make test` compiles in"
)]
fn a_body_that_nobody_reads_holds_no_connection() {
    run(async {
        let portal = impatient(300).await;
        let stranger = |method: &str, path: &str, is_chunked| {
            half(
                &portal,
                method,
                path,
                "Cookie: fd_session=x\r\n",
                is_chunked,
            )
        };
        for is_chunked in [false, true] {
            for (method, path) in [
                ("GET", "/login"),
                ("GET", "/healthz"),
                ("GET", "/no-such-page"),
                ("POST", "/no-such-page"),
                ("POST", "/healthz"),
                ("PUT", "/login"),
                ("POST", "/oauth2_callback/"),
                ("POST", "/oidc/backchannel-logout/no-such-provider"),
            ] {
                let answer = answer(&portal, &stranger(method, path, is_chunked)).await;
                assert!(answer.starts_with("HTTP/1.1 "), "{method} {path}: {answer}");
            }
        }
    });
}

#[test]
#[cfg_attr(
    not(feature = "failpoints"),
    ignore = "needs the failpoints that `make test` compiles in"
)]
fn half_a_request_behind_a_whole_one_is_not_waited_for() {
    run(async {
        let portal = impatient(300).await;
        let host = portal.url.trim_start_matches("http://").to_owned();
        let whole = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n");
        for rest in ["GET /heal", "\r\n", "POST /login HTTP/1.1\r\nHost: x\r\nA"] {
            // Behind the answer to the first, where it is idle, and together with it.
            let mut stream = TcpStream::connect(&host).await.expect("a connection");
            stream.write_all(whole.as_bytes()).await.expect("a request");
            let mut first = [0; 15];
            stream.read_exact(&mut first).await.expect("an answer");
            assert_eq!(&first, b"HTTP/1.1 200 OK");
            stream.write_all(rest.as_bytes()).await.expect("a half");
            let mut answer = Vec::new();
            let end = timeout(
                Duration::from_secs(20),
                read_to_the_end(&mut stream, &mut answer),
            );
            assert!(end.await.is_ok(), "still open after {rest:?}");
        }
        // Drops do not buy time.
        let stream = TcpStream::connect(&host).await.expect("a connection");
        let (mut reader, mut writer) = stream.into_split();
        let drip = spawn(async move {
            let mut answered = whole.into_bytes();
            answered.extend(b"GET /login HTTP/1.1\r\nX: ");
            if writer.write_all(&answered).await.is_err() {
                return;
            }
            while writer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let mut answer = Vec::new();
        let end = timeout(Duration::from_secs(20), reader.read_to_end(&mut answer));
        assert!(end.await.is_ok(), "still open");
        drip.abort();
        // Whoever is whole may be idle for longer than that, and come again.
        let browser = portal.browser();
        assert_eq!(browser.get("/login").await.status, 200);
    });
}

/// A test holds as many connections as the program does; whether it may.
pub fn allow_many_files() -> bool {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < 8192) {
        left_out("room for some thousand open files");
        return false;
    }
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("more files");
    true
}

/// Half requests at `address`, held open.
pub async fn hold_half_requests(address: &str, count: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for number in 0..count {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let path = ["/oauth2/login", "/oidc/backchannel-logout/company"][number % 2];
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\niss="
        );
        stream
            .write_all(request.as_bytes())
            .await
            .expect("a half request");
        held.push(stream);
    }
    held
}

#[test]
fn eleven_hundred_half_requests_do_not_stop_the_portal() {
    if !allow_many_files() {
        return;
    }
    run(async {
        let provider = Provider::start().await;
        let database = Database::sqlite();
        let settings = process::settings(free_port(), &provider, &database);
        let portal = Process::spawn_with_files(&settings, 1024);
        portal.until_ready().await;
        let address = portal.url.trim_start_matches("http://").to_owned();
        let held = hold_half_requests(&address, 1100).await;
        let client = process::client();
        for path in ["/healthz", "/readyz", "/login"] {
            let url = format!("{}{path}", portal.url);
            let answer = timeout(Duration::from_secs(5), client.get(&url).send());
            let answer = answer.await.expect("in time").expect("an answer");
            assert_eq!(answer.status(), 200, "{path}");
        }
        drop(held);
    });
}

#[test]
fn bytes_that_are_no_http_are_logged_with_their_address_and_only_so_many_times() {
    run(async {
        let provider = Provider::start().await;
        let database = Database::sqlite();
        let mut settings = process::settings(free_port(), &provider, &database);
        settings.insert("FRONTDESK_LOG_FORMAT".to_owned(), "json".to_owned());
        let portal = Process::serve(&settings).await;
        let address = portal.url.trim_start_matches("http://").to_owned();
        let garbage: [&[u8]; 6] = [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GE T / HTTP/1.1\r\n\r\n",
            b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nA\xe2\x80\xa8: b\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ];
        for number in 0..102 {
            let mut stream = TcpStream::connect(&address).await.expect("a connection");
            let bytes = garbage[number % garbage.len()];
            stream.write_all(bytes).await.expect("garbage");
            let mut answer = Vec::new();
            read_to_the_end(&mut stream, &mut answer).await;
            assert!(
                answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"),
                "{}",
                String::from_utf8_lossy(&answer)
            );
        }
        let lines = || {
            let log = portal.log();
            let lines = log
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
            lines.collect::<Vec<_>>()
        };
        until("the lines are written", async || {
            lines()
                .iter()
                .filter(|line| line["event"] == "malformed_request")
                .count()
                == 20
        })
        .await;
        for line in lines() {
            assert_ne!(line["level"], "error", "{line}");
            if line["event"] == "malformed_request" {
                assert_eq!(line["address"], "127.0.0.1");
                assert_eq!(line["level"], "warn");
            }
        }
    });
}
