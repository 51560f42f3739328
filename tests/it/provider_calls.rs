//! The calls to the provider, and everything that it can do wrong.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;

use crate::support::provider::{ODD_SECRETS, Seen, chaos};
use crate::support::{
    Database, Db, Endpoint, Person, Portal, Provider, Reply, assert_refused, run, spawn, until,
};

const CALLS: [Endpoint; 3] = [Endpoint::Token, Endpoint::Profile, Endpoint::Permissions];

#[test]
fn the_client_shows_who_it_is_in_one_way_and_never_in_an_address() {
    run(async {
        for secret in ODD_SECRETS {
            for method in ["post", "basic", "none"] {
                let portal = Portal::on(Database::sqlite())
                    .with("OAUTH2_CLIENT_SECRET", secret)
                    .with("OAUTH2_CLIENT_AUTH", method)
                    .run()
                    .await;
                portal.signed_in(&Person::named("li")).await;
                let seen: Vec<Seen> = portal.provider.seen(Endpoint::Token);
                assert_eq!(seen.len(), 1, "no second try");
                let form = seen[0].form();
                assert!(!seen[0].target.contains('?'));
                match method {
                    "basic" => {
                        let pair = ("frontdesk".to_owned(), secret.to_owned());
                        assert_eq!(seen[0].basic(), Some(pair));
                        assert!(
                            !form.contains_key("client_secret") && !form.contains_key("client_id")
                        );
                    }
                    "post" => {
                        assert_eq!(form["client_secret"], secret);
                        assert_eq!(form["client_id"], "frontdesk");
                        assert!(seen[0].header("authorization").is_none());
                    }
                    _ => {
                        assert_eq!(form["client_id"], "frontdesk");
                        assert!(
                            !form.contains_key("client_secret")
                                && seen[0].header("authorization").is_none()
                        );
                    }
                }
            }
        }
    });
}

#[test]
fn token_answers_of_every_shape_end_in_a_session_or_on_one_page() {
    run(async {
        let portal = Portal::start().await;
        let good = |body: serde_json::Value| Reply::json(200, &body);
        let raw = |body: &[u8]| Reply::Answer(200, "application/json", body.to_vec());
        let utf16: Vec<u8> = "{\"access_token\":\"x\",\"token_type\":\"bearer\"}"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for (what, reply, status) in [
            (
                "mac",
                good(json!({"access_token": "x", "token_type": "mac"})),
                502,
            ),
            ("no type", good(json!({"access_token": "x"})), 502),
            (
                "type is a number",
                good(json!({"access_token": "x", "token_type": 1})),
                502,
            ),
            ("no token", good(json!({"token_type": "bearer"})), 502),
            (
                "empty token",
                good(json!({"access_token": "", "token_type": "bearer"})),
                502,
            ),
            (
                "null token",
                good(json!({"access_token": null, "token_type": "bearer"})),
                502,
            ),
            (
                "token with a line break",
                good(json!({"access_token": "a\r\nX: y", "token_type": "bearer"})),
                502,
            ),
            (
                "200 with an error",
                good(json!({"error": "invalid_request"})),
                502,
            ),
            (
                "200 with invalid_grant",
                good(json!({"error": "invalid_grant"})),
                400,
            ),
            ("an array", good(json!([])), 502),
            ("a text", good(json!("x")), 502),
            (
                "doubled key",
                raw(br#"{"access_token":"a","access_token":"b","token_type":"bearer"}"#),
                502,
            ),
            (
                "doubled type",
                raw(br#"{"access_token":"a","token_type":"bearer","token_type":"mac"}"#),
                502,
            ),
            (
                "BOM",
                raw(b"\xef\xbb\xbf{\"access_token\":\"x\",\"token_type\":\"bearer\"}"),
                502,
            ),
            ("UTF-16", raw(&utf16), 502),
            (
                "invalid UTF-8",
                raw(b"{\"access_token\":\"\xff\",\"token_type\":\"bearer\"}"),
                502,
            ),
            ("truncated", raw(b"{\"access_token\":\"x\",\"tok"), 502),
            ("empty", raw(b""), 502),
            (
                "form-encoded",
                Reply::Answer(
                    200,
                    "application/x-www-form-urlencoded",
                    b"access_token=x&token_type=bearer".to_vec(),
                ),
                502,
            ),
            (
                "HTML",
                Reply::Answer(200, "text/html", b"<h1>hello</h1>".to_vec()),
                502,
            ),
            (
                "400 HTML",
                Reply::Answer(400, "text/html", b"<h1>no</h1>".to_vec()),
                502,
            ),
            (
                "invalid_grant",
                Reply::json(400, &json!({"error": "invalid_grant"})),
                400,
            ),
            (
                "invalid_client",
                Reply::json(401, &json!({"error": "invalid_client"})),
                502,
            ),
            (
                "invalid_client as 400",
                Reply::json(400, &json!({"error": "invalid_client"})),
                502,
            ),
            (
                "unknown error",
                Reply::json(400, &json!({"error": "<script>"})),
                502,
            ),
            (
                "201",
                Reply::json(201, &json!({"access_token": "x", "token_type": "bearer"})),
                502,
            ),
        ] {
            portal.provider.on_call(Endpoint::Token, reply);
            let answer = portal
                .browser()
                .sign_in(&Person::named("li"), "/account")
                .await;
            assert_refused(&portal, &answer, status, what);
        }
        for (kind, expires_in) in [
            ("bearer", json!("3600")),
            ("BEARER", json!(-1)),
            ("Bearer", json!(1e99)),
            ("bEaReR", json!(null)),
        ] {
            portal.provider.on_call(Endpoint::Token, good(json!({"access_token": "tok-en", "token_type": kind, "expires_in": expires_in, "more": {"a": [1]}})));
            portal
                .provider
                .on_call(Endpoint::Profile, Reply::json(200, &json!({"name": "li"})));
            assert!(
                portal
                    .browser()
                    .sign_in(&Person::named("li"), "/")
                    .await
                    .sets_session(),
                "{kind}"
            );
        }
        assert_eq!(
            portal.provider.seen(Endpoint::Profile)[0].header("authorization"),
            Some("Bearer tok-en")
        );
        assert!(!portal.log().contains("tok-en"));
    });
}

#[test]
fn only_a_profile_that_is_one_is_read_and_the_token_travels_in_the_header() {
    run(async {
        let portal = Portal::start().await;
        let raw = |body: &[u8]| Reply::Answer(200, "application/json", body.to_vec());
        for (what, reply, status) in [
            ("401", Reply::json(401, &json!({"name": "li"})), 502),
            (
                "403 without a body",
                Reply::Answer(403, "text/html", Vec::new()),
                502,
            ),
            ("404", Reply::json(404, &json!({"name": "li"})), 502),
            ("500", Reply::json(500, &json!({"name": "li"})), 502),
            ("503", Reply::json(503, &json!({"name": "li"})), 503),
            (
                "204",
                Reply::Raw(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
                502,
            ),
            (
                "302",
                Reply::Raw(
                    b"HTTP/1.1 302 Found\r\nlocation: /o/token/\r\ncontent-length: 0\r\n\r\n"
                        .to_vec(),
                ),
                502,
            ),
            (
                "HTML",
                Reply::Answer(200, "text/html", b"{\"name\":\"li\"}".to_vec()),
                502,
            ),
            (
                "a JWT",
                Reply::Answer(200, "application/jwt", b"e30.e30.".to_vec()),
                502,
            ),
            (
                "no content type",
                Reply::Raw(
                    b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"name\":\"li\"}".to_vec(),
                ),
                502,
            ),
            ("empty", raw(b""), 502),
            ("an array", raw(b"[{\"name\":\"li\"}]"), 502),
            ("null", raw(b"null"), 502),
            ("nested", raw(b"{\"user\":{\"name\":\"li\"}}"), 502),
            (
                "doubled key",
                raw(b"{\"name\":\"li\",\"name\":\"admin\"}"),
                502,
            ),
            ("truncated", raw(b"{\"name\":\"li\""), 502),
        ] {
            portal.provider.on_call(Endpoint::Profile, reply);
            let answer = portal
                .browser()
                .sign_in(&Person::named("li"), "/account")
                .await;
            assert_refused(&portal, &answer, status, what);
        }
        portal.provider.behave();
        portal.signed_in(&Person::named("li")).await;
        for seen in portal.provider.seen(Endpoint::Profile) {
            assert!(!seen.target.contains('?'));
            assert!(
                seen.header("authorization")
                    .is_some_and(|header| header.starts_with("Bearer "))
            );
            assert!(seen.header("cookie").is_none() && seen.header("referer").is_none());
        }
    });
}

#[test]
fn a_profile_without_a_usable_name_makes_no_account() {
    run(async {
        let portal = Portal::start().await;
        for name in [
            json!(null),
            json!(""),
            json!("   "),
            json!({}),
            json!([]),
            json!(true),
            json!("x".repeat(10_000)),
            json!("x".repeat(151)),
        ] {
            let person = Person::named("x").with("name", name.clone());
            let answer = portal.browser().sign_in(&person, "/account").await;
            assert_refused(&portal, &answer, 502, &name.to_string());
            assert!(
                answer.body.contains("company sign-in did not send"),
                "{}",
                answer.body
            );
        }
        let answer = portal
            .browser()
            .sign_in(&Person::named("x").without("name"), "/account")
            .await;
        assert_refused(&portal, &answer, 502, "missing");
        let longest = "名".repeat(150);
        let browser = portal.signed_in(&Person::named(&longest)).await;
        assert_eq!(
            browser.get("/account").await.user().as_deref(),
            Some(longest.as_str())
        );
        let browser = portal
            .signed_in(&Person::named("x").with("name", 1042))
            .await;
        assert_eq!(
            browser.get("/account").await.user().as_deref(),
            Some("1042")
        );
    });
}

#[test]
fn the_server_s_address_of_the_provider_never_reaches_a_browser() {
    run(async {
        let portal = Portal::on(Database::sqlite())
            .with(
                "OAUTH2_AUTHORIZE_URL",
                "https://id.example.com/o/authorize/",
            )
            .run()
            .await;
        let browser = portal.browser();
        let authorize_url = browser.begin("/").await;
        assert!(authorize_url.starts_with("https://id.example.com/o/authorize/?"));
        let callback = portal
            .provider
            .approve(&authorize_url, &Person::named("li"));
        assert_eq!(browser.get(&callback).await.status, 303);
        portal.provider.on_call(Endpoint::Token, Reply::Reset);
        let inside = portal.provider.url.trim_start_matches("http://");
        for path in ["/", "/account", "/login", "/nowhere"] {
            assert!(!browser.get(path).await.body.contains(inside), "{path}");
        }
        let failed = portal.browser();
        let callback = portal
            .provider
            .approve(&failed.begin("/").await, &Person::named("li"));
        assert!(!failed.get(&callback).await.body.contains(inside));
    });
}

#[test]
fn no_redirect_of_the_provider_is_followed() {
    run(async {
        let portal = Portal::on(Database::sqlite())
            .asking_for_permissions()
            .run()
            .await;
        let elsewhere = Provider::start().await;
        for endpoint in CALLS {
            for status in [301, 302, 303, 307, 308] {
                for target in [
                    format!("{}/o/token/", elsewhere.url),
                    "/o/token/".to_owned(),
                ] {
                    let answer = format!(
                        "HTTP/1.1 {status} Moved\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n"
                    );
                    portal.provider.behave();
                    portal
                        .provider
                        .on_call(endpoint, Reply::Raw(answer.into_bytes()));
                    let tokens = portal.provider.seen(Endpoint::Token).len();
                    let browser = portal.browser();
                    let callback = portal
                        .provider
                        .approve(&browser.begin("/account").await, &Person::named("li"));
                    let answer = browser.get(&callback).await;
                    let expected = if endpoint == Endpoint::Permissions {
                        303
                    } else {
                        502
                    };
                    assert_eq!(answer.status.as_u16(), expected);
                    assert_eq!(portal.provider.seen(Endpoint::Token).len(), tokens + 1);
                }
            }
        }
        assert_eq!(
            elsewhere.calls(),
            0,
            "neither secret nor token goes elsewhere"
        );
    });
}

fn resident_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .expect("VmRSS");
    line.split_whitespace()
        .nth(1)
        .expect("a number")
        .parse()
        .expect("a number")
}

#[test]
fn a_huge_answer_is_cut_at_one_mebibyte_after_decompression() {
    run(async {
        let portal = Portal::on(Database::sqlite())
            .asking_for_permissions()
            .run()
            .await;
        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let spaces = vec![b' '; 1 << 20];
        for _ in 0..200 {
            bomb.write_all(&spaces).expect("memory");
        }
        let bomb = bomb.finish().expect("memory");
        let mut gzip = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            bomb.len()
        )
        .into_bytes();
        gzip.extend_from_slice(&bomb);
        let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(10_000));
        let deep = "[".repeat(100_000);
        let before = resident_kilobytes();
        for endpoint in CALLS {
            for (what, reply) in [
                ("endless", Reply::Endless),
                ("bomb", Reply::Raw(gzip.clone())),
                (
                    "5 MB",
                    Reply::Answer(200, "application/json", vec![b' '; 5 << 20]),
                ),
                (
                    "deep",
                    Reply::Answer(200, "application/json", deep.clone().into_bytes()),
                ),
                ("headers", Reply::Raw(many_headers.clone().into_bytes())),
            ] {
                portal.provider.behave();
                portal.provider.on_call(endpoint, reply);
                let answer = portal
                    .browser()
                    .sign_in(&Person::named("li"), "/account")
                    .await;
                let expected = if endpoint == Endpoint::Permissions {
                    303
                } else {
                    502
                };
                assert_eq!(
                    answer.status.as_u16(),
                    expected,
                    "{endpoint:?} {what}: {}",
                    answer.body
                );
            }
        }
        let grown = resident_kilobytes().saturating_sub(before);
        assert!(grown < 100 * 1024, "200 MB were sent, {grown} kB were kept");

        // A compressed answer of an ordinary size is understood.
        let mut small = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        small.write_all(b"{\"name\":\"zip\"}").expect("memory");
        let small = small.finish().expect("memory");
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            small.len()
        )
        .into_bytes();
        answer.extend_from_slice(&small);
        portal.provider.behave();
        portal
            .provider
            .on_call(Endpoint::Profile, Reply::Raw(answer));
        assert!(
            portal
                .browser()
                .sign_in(&Person::named("zip"), "/")
                .await
                .sets_session()
        );
    });
}

#[test]
fn a_provider_that_hangs_costs_ten_seconds_and_nobody_else() {
    run(async {
        let portal = Arc::new(
            Portal::on(Database::sqlite())
                .asking_for_permissions()
                .run()
                .await,
        );
        let hanging = Provider::start().await;
        let signed_in = portal.signed_in(&Person::named("calm")).await;
        // Ways to hang, all at once, each on a portal with a provider of its own.
        let mut waiting = Vec::new();
        for endpoint in CALLS {
            for reply in [Reply::Silence, Reply::DripHeaders, Reply::StallAfterHeaders] {
                let portal = Portal::on(Database::sqlite())
                    .asking_for_permissions()
                    .run()
                    .await;
                portal.provider.on_call(endpoint, reply.clone());
                waiting.push(spawn(async move {
                    let started = Instant::now();
                    let answer = portal
                        .browser()
                        .sign_in(&Person::named("li"), "/account")
                        .await;
                    let took = started.elapsed();
                    assert!(
                        took < Duration::from_secs(14),
                        "{endpoint:?} {reply:?} took {took:?}"
                    );
                    if endpoint == Endpoint::Permissions {
                        assert_eq!(answer.status, 303, "{endpoint:?} {reply:?}");
                        assert!(answer.sets_session());
                    } else {
                        assert_refused(&portal, &answer, 504, &format!("{endpoint:?} {reply:?}"));
                    }
                }));
            }
        }
        // 500 people at a provider that says nothing: 200 wait, the others are told at once.
        hanging.on_call(Endpoint::Token, Reply::Silence);
        let crowded = Arc::new(
            Portal::on(Database::sqlite())
                .provider(&hanging)
                .run()
                .await,
        );
        let crowd: Vec<_> = (0..500)
            .map(|number| {
                let crowded = Arc::clone(&crowded);
                spawn(async move {
                    let mut browser = crowded.browser();
                    browser.is_recorded = number % 50 == 0;
                    browser
                        .sign_in(&Person::named("li"), "/")
                        .await
                        .status
                        .as_u16()
                })
            })
            .collect();
        until("the portal is crowded", async || {
            crowded.inner.providers.all()[0].slots_left() == 0
        })
        .await;
        assert_eq!(
            crowded.browser().get("/login").await.status,
            200,
            "other pages go on"
        );
        assert_eq!(signed_in.get("/account").await.status, 200);
        let mut statuses = Vec::new();
        for one in crowd {
            statuses.push(one.await.expect("an answer"));
        }
        assert!(
            statuses.iter().all(|status| [503, 504].contains(status)),
            "{statuses:?}"
        );
        assert!(statuses.iter().filter(|status| **status == 504).count() >= 200);
        // When the provider is well again, so are the people, without a restart.
        hanging.behave();
        assert_eq!(
            crowded
                .browser()
                .sign_in(&Person::named("li"), "/")
                .await
                .status,
            303
        );
        for one in waiting {
            one.await.expect("refused in time");
        }
    });
}

/// A certificate authority, and a certificate of `host` that it signed.
fn certificate(host: &str, expired: bool) -> (String, tokio_rustls::TlsAcceptor) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).expect("a certificate");
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("a key");
    let mut leaf = CertificateParams::new(vec![host.to_owned()]).expect("parameters");
    if expired {
        leaf.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        )
        .expect("a TLS server");
    (
        ca_certificate.pem(),
        tokio_rustls::TlsAcceptor::from(Arc::new(config)),
    )
}

#[test]
fn the_provider_must_prove_who_it_is() {
    run(async {
        let folder = tempfile::tempdir().expect("a folder");
        for (what, host, expired, knows_ca, status) in [
            (
                "known through OAUTH2_CA_FILE",
                "localhost",
                false,
                true,
                303,
            ),
            ("unknown authority", "localhost", false, false, 502),
            ("another host", "id.example.com", false, true, 502),
            ("expired", "localhost", true, true, 502),
        ] {
            let (ca, acceptor) = certificate(host, expired);
            let path = folder.path().join("ca.pem");
            std::fs::write(&path, ca).expect("a file");
            let provider = Provider::start_tls(acceptor).await;
            let mut start = Portal::on(Database::sqlite()).provider(&provider);
            if knows_ca {
                start = start.with("OAUTH2_CA_FILE", path.to_str().expect("Unicode"));
            }
            let portal = start.run().await;
            let answer = portal
                .browser()
                .sign_in(&Person::named("li"), "/account")
                .await;
            if status == 303 {
                assert_eq!(answer.status, 303, "{what}: {}", answer.body);
            } else {
                assert_refused(&portal, &answer, status, what);
                assert_eq!(provider.calls(), 0, "{what}: the secret was not sent");
            }
        }
    });
}

#[test]
fn whatever_the_provider_does_there_is_one_page_and_the_next_try_works() {
    run(async {
        let portal = Portal::on(Database::sqlite())
            .asking_for_permissions()
            .run()
            .await;
        let mut cells = 0;
        for endpoint in CALLS {
            for (what, reply, status) in chaos() {
                let what = format!("{endpoint:?} {what}");
                portal.provider.behave();
                portal.provider.on_call(endpoint, reply);
                let tokens = portal.provider.seen(Endpoint::Token).len();
                let mut browser = portal.browser();
                let person = Person::named(&format!("person{cells}"));
                if cells % 2 == 1 {
                    browser.language = "zh-CN".to_owned();
                }
                let answer = browser.sign_in(&person, "/account").await;
                if endpoint == Endpoint::Permissions {
                    assert_eq!(answer.status, 303, "{what}");
                } else {
                    assert_refused(&portal, &answer, status, &what);
                    let heading = ["We could not sign you in", "登录未成功"][cells % 2];
                    assert!(answer.body.contains(heading), "{what}");
                    if status == 503 {
                        assert!(!answer.header("retry-after").is_empty(), "{what}");
                    }
                }
                assert_eq!(
                    portal.provider.seen(Endpoint::Token).len(),
                    tokens + 1,
                    "{what}: the code was sent once"
                );
                portal.provider.behave();
                let again = portal.browser();
                assert_eq!(
                    again.sign_in(&person, "/account").await.status,
                    303,
                    "{what}: the next try"
                );
                portal.db_forget_everybody();
                cells += 1;
            }
        }
        assert_eq!(cells, 36);
    });
}

#[test]
fn a_provider_that_is_unreachable_is_told_apart_from_one_that_is_slow() {
    run(async {
        let portal = Portal::on(Database::sqlite())
            .with("OAUTH2_TOKEN_URL", "http://127.0.0.1:1/o/token/")
            .run()
            .await;
        let answer = portal
            .browser()
            .sign_in(&Person::named("li"), "/account")
            .await;
        assert_refused(&portal, &answer, 502, "refused");
        assert!(answer.body.contains("could not be reached"));
    });
}

#[test]
fn each_call_of_a_sign_in_that_fails_has_its_own_line_and_its_own_time() {
    run(async {
        let portal = Portal::start().await;
        let late = Duration::from_millis(1500);
        portal.provider.on_call(Endpoint::Token, Reply::Late(late));
        portal.provider.on_call(
            Endpoint::Profile,
            Reply::Answer(404, "text/plain", Vec::new()),
        );
        let answer = portal
            .browser()
            .sign_in(&Person::named("li"), "/account")
            .await;
        assert_refused(&portal, &answer, 502, "no profile");
        let (log, reference) = (portal.log(), answer.reference());
        let field = |line: &str, name: &str| {
            let fields = line.split(' ').filter_map(|field| field.split_once('='));
            let mut found = fields.filter(|(given, _)| *given == name);
            found.next().map(|(_, value)| value.to_owned())
        };
        let refused = log
            .lines()
            .filter(|line| field(line, "event").as_deref() == Some("sign_in_refused"))
            .find(|line| field(line, "reference").as_ref() == Some(&reference))
            .expect("a line");
        let attempt = field(refused, "attempt").expect("an attempt");
        let line = |event: &str| {
            log.lines()
                .find(|line| {
                    field(line, "attempt").as_ref() == Some(&attempt)
                        && field(line, "event").as_deref() == Some(event)
                })
                .unwrap_or_else(|| panic!("no {event} in {log}"))
        };
        let took = |event: &str| {
            let ms: u64 = field(line(event), "ms").expect("ms").parse().expect("ms");
            Duration::from_millis(ms)
        };
        assert_eq!(field(line("token_call"), "outcome").as_deref(), Some("ok"));
        assert!(took("token_call") >= late);
        assert_eq!(
            field(line("profile_call"), "outcome").as_deref(),
            Some("refused")
        );
        assert!(took("profile_call") < late);
    });
}
