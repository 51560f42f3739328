//! Sessions: begun, used, ended, and never brought back.

use std::time::Duration;

use frontdesk::id::SessionId;

use crate::support::{Database, Db, Person, Portal, on_both_databases, run, until};

on_both_databases! {
    async fn a_second_person_on_the_same_browser_gets_a_session_of_their_own(database) {
        let portal = Portal::on(database).run().await;
        let browser = portal.signed_in(&Person::named("anna")).await;
        let old = browser.session_cookie().expect("a session");
        let page = browser.get("/account").await;
        let answer = browser.sign_in(&Person::named("bert"), "/").await;
        assert_eq!(answer.status, 303);
        assert_eq!(browser.get("/account").await.user().as_deref(), Some("bert"));
        let thief = portal.browser();
        thief.set_cookie("fd_session", &old);
        assert_eq!(thief.get("/account").await.status, 303, "Anna's session is over");
        assert_eq!(portal.db_live_sessions(), 1);
        assert_eq!(portal.db_events_of("user_switched", &["username"]), ["anna"]);
        // Anna's form does nothing in Bert's session.
        assert_eq!(browser.post("/logout", &page, &[]).await.status, 403);
        assert_eq!(browser.get("/account").await.status, 200);
        // The sign-in and signed-out pages are not shown while a session lives.
        assert_eq!(browser.get("/login?next=/account").await.location(), "/account");
        assert_eq!(browser.get("/signed-out").await.location(), "/");
    }

    async fn signing_out_ends_the_session_everywhere_at_once(database) {
        let portal = Portal::on(database.clone()).run().await;
        let other = Portal::on(database).beside(&portal).run().await;
        let browser = portal.signed_in(&Person::named("anna")).await;
        let copy = browser.session_cookie().expect("a session");
        let page = browser.get("/account").await;
        let answer = browser.post("/logout", &page, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/signed-out"));
        assert!(browser.session_cookie().is_none(), "the cookie is taken back");
        let page = browser.get("/signed-out").await;
        assert_eq!(page.header("clear-site-data"), "\"cache\"");
        assert!(page.body.contains("You have signed out"));
        for portal in [&portal, &other] {
            let thief = portal.browser();
            thief.set_cookie("fd_session", &copy);
            for path in ["/", "/account", "/admin/users"] {
                assert_eq!(thief.get(path).await.status, 303);
            }
            assert_eq!(thief.get_with("/account", &[("sec-fetch-mode", "cors")]).await.status, 401);
        }
    }

    async fn a_request_in_flight_does_not_revive_a_session(database) {
        let portal = Portal::on(database).run().await;
        let browser = portal.signed_in(&Person::named("anna")).await;
        // The next request is due to write "last seen"; the session ends while that waits.
        portal.clock.advance(Duration::from_secs(120));
        assert_eq!(browser.get("/account").await.status, 200);
        portal.db_end_sessions();
        let seen = portal.database.number("SELECT last_seen_at AS value FROM sessions");
        let hash = portal.db_column("sessions", "id");
        let id: SessionId = hash[0].parse().expect("an id");
        let now = portal.clock.now().plus(Duration::from_secs(300));
        portal.inner.db.write(move |conn| frontdesk::sessions::touch(conn, now, id)).await.expect("a write");
        assert_eq!(portal.database.number("SELECT last_seen_at AS value FROM sessions"), seen, "no row was touched");
        let answer = browser.get("/account").await;
        assert_eq!(answer.status, 303);
        assert!(answer.set_cookies().is_empty());
    }

    async fn a_session_ends_when_idle_and_at_its_absolute_limit(database) {
        let portal = Portal::on(database)
            .with("FRONTDESK_SESSION_IDLE", "30m")
            .with("FRONTDESK_SESSION_MAX", "2h")
            .run()
            .await;
        let seen = || portal.database.number("SELECT MAX(last_seen_at) AS value FROM sessions");
        let idle = portal.signed_in(&Person::named("idle")).await;
        portal.clock.advance(Duration::from_secs(31 * 60));
        assert_eq!(idle.get("/account").await.status, 303);

        let busy = portal.signed_in(&Person::named("busy")).await;
        let first = seen();
        busy.get("/account").await;
        portal.clock.advance(Duration::from_secs(59));
        busy.get("/account").await;
        assert_eq!(seen(), first, "written at most once a minute");
        portal.clock.advance(Duration::from_secs(2));
        busy.get("/account").await;
        until("last seen is written", async || seen() > first).await;
        for _ in 0..5 {
            portal.clock.advance(Duration::from_secs(20 * 60));
            let before = seen();
            assert_eq!(busy.get("/account").await.status, 200);
            until("last seen is written", async || seen() > before).await;
        }
        portal.clock.advance(Duration::from_secs(20 * 60));
        assert_eq!(busy.get("/account").await.status, 303, "polling does not stretch the limit");
    }

    async fn expired_rows_are_swept_and_live_ones_stay(database) {
        let clock = {
            let portal = Portal::on(database.clone()).run().await;
            portal.signed_in(&Person::named("old")).await;
            portal.clock.clone()
        };
        assert_eq!(database.count("sessions"), 1);
        clock.advance(Duration::from_secs(3 * 24 * 3600));
        let portal = Portal::on(database.clone()).clock(&clock).run().await;
        portal.signed_in(&Person::named("new")).await;
        until("the old row is gone", async || database.count("sessions") == 1).await;
        assert_eq!(database.db_live_sessions(), 1);
        assert_eq!(database.count("users"), 2);
    }

    async fn another_s_session_can_be_neither_seen_nor_ended(database) {
        let portal = Portal::on(database).run().await;
        let anna = portal.signed_in(&Person::named("anna")).await;
        let bert = portal.signed_in(&Person::named("bert")).await;
        let annas = portal.db_live_sessions_of("anna");
        let page = bert.get("/account").await;
        assert!(!page.body.contains(&annas[0]));
        for id in [annas[0].as_str(), "1", "-1", "9223372036854775807"] {
            let answer = bert.post(&format!("/account/sessions/{id}/end"), &page, &[]).await;
            assert_eq!(answer.status, 404, "{id}");
        }
        for id in ["x", "99999999999999999999", "1e3", "%00"] {
            let answer = bert.post(&format!("/account/sessions/{id}/end"), &page, &[]).await;
            assert_eq!(answer.status, 404, "{id}");
        }
        bert.post("/account/sessions/end-others", &page, &[]).await;
        assert_eq!(anna.get("/account").await.status, 200);
        let id = portal.db_id_of("anna");
        assert_eq!(bert.get(&format!("/admin/users/{id}")).await.status, 403);
    }
}

#[test]
fn a_planted_session_never_becomes_somebody_s() {
    run(async {
        let portal = Portal::start().await;
        let attacker = portal.signed_in(&Person::named("mallory")).await;
        let planted = attacker.session_cookie().expect("a session");
        let victim = portal.browser();
        victim.set_cookie("fd_session", &planted);
        assert!(
            victim
                .sign_in(&Person::named("victim"), "/")
                .await
                .sets_session()
        );
        let fresh = victim.session_cookie().expect("a session");
        assert_ne!(fresh, planted);
        assert_eq!(
            victim.get("/account").await.user().as_deref(),
            Some("victim")
        );
        assert_eq!(
            attacker.get("/account").await.status,
            303,
            "the planted one is over"
        );
        // A sign-in anew changes the token; the old one is over.
        assert!(
            victim
                .sign_in(&Person::named("victim"), "/")
                .await
                .sets_session()
        );
        let old = portal.browser();
        old.set_cookie("fd_session", &fresh);
        assert_eq!(old.get("/account").await.status, 303);
        // A malformed one does not stand in the way.
        let victim = portal.browser();
        victim.set_cookie("fd_session", "garbage");
        assert!(
            victim
                .sign_in(&Person::named("victim"), "/")
                .await
                .sets_session()
        );
        assert_eq!(victim.get("/account").await.status, 200);
    });
}

#[test]
fn over_https_cookies_are_bound_to_this_very_origin() {
    run(async {
        let portal = Portal::on(Database::sqlite())
            .with("FRONTDESK_PUBLIC_URL", "https://desk.example.com")
            .with(
                "OAUTH2_REDIRECT_URL",
                "https://desk.example.com/oauth2_callback/",
            )
            .run()
            .await;
        let browser = portal.browser();
        let answer = browser.sign_in(&Person::named("anna"), "/").await;
        let mut cookies = answer.set_cookies();
        cookies.retain(|cookie| cookie.starts_with("__Host-fd_session="));
        let cookie = cookies.remove(0);
        for attribute in [
            "Secure",
            "HttpOnly",
            "SameSite=Lax",
            "Path=/",
            "Max-Age=86400",
        ] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(
            cookie.len() < 400,
            "an opaque key and nothing else: {cookie}"
        );
        let page = browser.get("/account").await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("strict-transport-security"), "max-age=31536000");
        assert_eq!(
            browser.post("/logout", &page, &[]).await.location(),
            "/signed-out"
        );
    });
}

#[test]
fn a_damaged_doubled_or_foreign_cookie_is_nobody_s() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.signed_in(&Person::named("anna")).await;
        let good = browser.session_cookie().expect("a session");
        let mut bad: Vec<String> = vec![
            String::new(),
            "\"\"".to_owned(),
            "x".repeat(6000),
            good[..good.len() - 2].to_owned(),
            good[1..].to_owned(),
            format!("{good}A"),
            format!("%25{}", &good[1..]),
            "%00%00".to_owned(),
            "a=b=c".to_owned(),
        ];
        for place in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            bad.push(String::from_utf8(bytes).expect("ASCII"));
        }
        for value in bad {
            let thief = portal.browser();
            thief.set_cookie("fd_session", &value);
            let answer = thief.get("/account").await;
            assert_eq!(answer.status, 303, "{value}\n{good}");
            assert!(answer.set_cookies().is_empty());
            let answer = thief
                .get_with("/account", &[("accept", "application/json")])
                .await;
            assert_eq!(answer.status, 401, "{value}");
        }
        // Two of them: one was planted, and nobody can say which.
        let stranger = portal.browser();
        for header in [
            format!("fd_session={good}; fd_session={good}"),
            format!("fd_session=x; fd_session={good}"),
            format!("fd_session={good}; fd_session=x"),
        ] {
            assert_eq!(
                stranger
                    .get_with("/account", &[("cookie", &header)])
                    .await
                    .status,
                303
            );
        }
        // Another portal's cookie, and bytes that are no text.
        let other = Portal::start().await;
        let foreign = other
            .signed_in(&Person::named("anna"))
            .await
            .session_cookie()
            .expect("a session");
        let stranger = portal.browser();
        stranger.set_cookie("fd_session", &foreign);
        assert_eq!(stranger.get("/account").await.status, 303);
        let raw = raw_request(&portal.url, &[
                b"GET /account HTTP/1.1\r\nHost: ",
                portal.url.trim_start_matches("http://").as_bytes(),
                b"\r\nAccept: text/html\r\nCookie: fd_session=\xff\xfe\x80\r\nConnection: close\r\n\r\n",
            ]
            .concat()).await;
        assert!(
            raw.starts_with("HTTP/1.1 303") || raw.starts_with("HTTP/1.1 400"),
            "{raw}"
        );
        assert_eq!(
            browser.get("/account").await.status,
            200,
            "the good one still is"
        );
    });
}

pub async fn raw_request(url: &str, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address)
        .await
        .expect("a connection");
    stream.write_all(bytes).await.expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn an_account_from_the_provider_has_no_password_to_guess() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.signed_in(&Person::named("anna")).await;
        assert_eq!(portal.db_column("users", "password"), ["NULL"]);
        let stranger = portal.browser();
        let page = stranger.get("/login").await;
        for password in ["", "!", "NULL", "$argon2id$"] {
            let answer = stranger
                .post(
                    "/login",
                    &page,
                    &[("username", "anna"), ("password", password)],
                )
                .await;
            assert_eq!(answer.status, 422);
            assert!(!answer.sets_session());
        }
        // Nor is there one to change, from within.
        assert_eq!(browser.get("/account/password").await.status, 404);
        let page = browser.get("/account").await;
        assert!(!page.body.contains("/account/password"));
        let answer = browser
            .post(
                "/account/password",
                &page,
                &[
                    ("current_password", ""),
                    ("new_password", "correct horse battery"),
                    ("new_password_again", "correct horse battery"),
                ],
            )
            .await;
        assert_eq!(answer.status, 404);
        let answer = stranger
            .get_with("/account", &[("authorization", "Basic YW5uYTo=")])
            .await;
        assert_eq!(answer.status, 303);
    });
}
