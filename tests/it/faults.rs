//! Faults on the real program: killed, signalled, locked out of its database, flooded.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use crate::support::process::{self, Process, client, free_port};
use crate::support::{
    Database, Endpoint, Person, Portal, Provider, Reply, on_both_databases, run, spawn, until,
};

/// A sign-in at a process by a browser of its own. `Some(session cookie)` when it was
/// acknowledged: the 303 with the cookie has arrived.
async fn sign_in(
    client: &reqwest::Client,
    url: &str,
    provider: &Provider,
    person: &Person,
) -> Option<String> {
    let begun = client
        .get(format!("{url}/oauth2/login?next=/account"))
        .send()
        .await
        .ok()?;
    let browser = cookie(&begun, "fd_browser")?;
    let authorize_url = begun.headers().get("location")?.to_str().ok()?.to_owned();
    let callback = provider.approve(&authorize_url, person);
    let answer = client
        .get(callback)
        .header("cookie", format!("fd_browser={browser}"))
        .header("accept", "text/html")
        .send()
        .await
        .ok()?;
    (answer.status() == 303).then(|| cookie(&answer, "fd_session"))?
}

fn cookie(answer: &reqwest::Response, name: &str) -> Option<String> {
    answer
        .headers()
        .get_all("set-cookie")
        .iter()
        .find_map(|value| {
            let (given, rest) = value.to_str().ok()?.split_once('=')?;
            (given == name).then(|| rest.split(';').next().unwrap_or_default().to_owned())
        })
}

/// Whose account page the session opens.
async fn user_of(client: &reqwest::Client, url: &str, session: &str) -> Option<String> {
    let answer = client
        .get(format!("{url}/account"))
        .header("cookie", format!("fd_session={session}"))
        .header("accept", "text/html")
        .send()
        .await
        .ok()?;
    let page = answer.text().await.ok()?;
    let (_, rest) = page.split_once("data-user=\"")?;
    Some(rest.split('"').next()?.to_owned())
}

/// What was acknowledged is there after kill -9, and nothing is there by halves.
#[test]
fn kill_9_under_load_loses_no_acknowledged_sign_in() {
    run(async {
        let database = Database::sqlite();
        let provider = Provider::start().await;
        let settings = process::settings(free_port(), &provider, &database);
        let mut ledger: Vec<(String, String)> = Vec::new();
        let client = client();
        for round in 0..5 {
            let mut process = Process::serve(&settings).await;
            let acknowledged = Arc::new(AtomicUsize::new(0));
            let workers: Vec<_> = (0..8)
                .map(|worker| {
                    let (client, url, provider) =
                        (client.clone(), process.url.clone(), provider.clone());
                    let acknowledged = Arc::clone(&acknowledged);
                    spawn(async move {
                        let mut kept = Vec::new();
                        for number in 0.. {
                            // Newcomers and people who come again.
                            let name = if number % 3 == 0 {
                                format!("regular{worker}")
                            } else {
                                format!("r{round}w{worker}n{number}")
                            };
                            match sign_in(&client, &url, &provider, &Person::named(&name)).await {
                                Some(session) => kept.push((name, session)),
                                None => break,
                            }
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                        }
                        kept
                    })
                })
                .collect();
            until("some have signed in", async || {
                acknowledged.load(Ordering::Relaxed) > 40 + round * 17
            })
            .await;
            process.kill();
            for worker in workers {
                ledger.extend(worker.await.expect("a ledger"));
            }
        }
        assert!(ledger.len() > 200);
        let process = Process::serve(&settings).await;
        for (name, session) in &ledger {
            assert_eq!(
                user_of(&client, &process.url, session).await.as_ref(),
                Some(name)
            );
        }
        assert_eq!(
            database.texts("SELECT integrity_check AS value FROM pragma_integrity_check"),
            ["ok"]
        );
        assert_no_halves(&database);
    });
}

/// Whether this build has places to crash at.
fn has_failpoints() -> bool {
    if cfg!(not(feature = "failpoints")) {
        crate::support::left_out("the feature `failpoints`");
    }
    cfg!(feature = "failpoints")
}

fn assert_no_halves(database: &Database) {
    for (what, rows) in [
        ("an account without identity", "users WHERE id NOT IN (SELECT user_id FROM identities)"),
        ("a session without its event", "sessions WHERE NOT EXISTS
            (SELECT 1 FROM audit_events e WHERE e.user_id = sessions.user_id AND e.created_at = sessions.created_at)"),
        ("an account without an event", "users WHERE id NOT IN (SELECT user_id FROM audit_events WHERE event = 'signed_in')"),
    ] {
        assert_eq!(database.count(rows), 0, "{what}");
    }
}

on_both_databases! {
    async fn a_crash_at_any_step_leaves_all_or_nothing_and_the_retry_works(database) {
        if !has_failpoints() {
            return;
        }
        let provider = Provider::start().await;
        let client = client();
        for place in ["after_state", "after_token", "after_profile", "in_transaction", "before_commit", "after_commit", "before_response"] {
            let mut settings = process::settings(free_port(), &provider, &database);
            settings.insert("FRONTDESK_FAILPOINT".to_owned(), format!("abort:{place}"));
            let person = Person::named(&format!("person.{place}"));
            let mut process = Process::serve(&settings).await;
            assert!(sign_in(&client, &process.url, &provider, &person).await.is_none(), "{place}");
            assert!(!process.ended().await, "it crashed at {place}");
            assert_no_halves(&database);
            let accounts = database.count(&format!("users WHERE username = 'person.{place}'"));
            let is_committed = ["after_commit", "before_response"].contains(&place);
            assert_eq!(accounts, i64::from(is_committed), "{place}");
            settings.remove("FRONTDESK_FAILPOINT");
            let process = Process::serve(&settings).await;
            let session = sign_in(&client, &process.url, &provider, &person).await.expect("the retry works");
            assert_eq!(user_of(&client, &process.url, &session).await, Some(format!("person.{place}")));
            assert_no_halves(&database);
        }
        assert_eq!(database.count("users"), 7);
    }
}

#[test]
fn a_lock_of_three_seconds_is_waited_out_and_a_longer_one_signs_nobody_out() {
    run(async {
        let portal = Arc::new(Portal::start().await);
        let signed_in = portal.signed_in(&Person::named("calm")).await;
        let page = signed_in.get("/account").await;
        let mut adversary = SqliteConnection::establish(&portal.database.url).expect("SQLite");
        adversary
            .batch_execute("BEGIN EXCLUSIVE")
            .expect("the lock");
        let waiting: Vec<_> = (0..10)
            .map(|number| {
                let portal = Arc::clone(&portal);
                spawn(async move {
                    portal
                        .browser()
                        .sign_in(&Person::named(&format!("p{number}")), "/")
                        .await
                        .status
                })
            })
            .collect();
        let held = Instant::now();
        until("three seconds have passed", async || {
            held.elapsed() > Duration::from_secs(3)
        })
        .await;
        assert_eq!(
            signed_in.get("/account").await.status,
            200,
            "reading goes on"
        );
        adversary
            .batch_execute("COMMIT")
            .expect("the lock is given back");
        for one in waiting {
            assert_eq!(one.await.expect("an answer"), 303, "all succeed");
        }

        adversary
            .batch_execute("BEGIN EXCLUSIVE")
            .expect("the lock");
        portal.clock.advance(Duration::from_secs(120));
        let browser = portal.browser();
        let answer = browser.sign_in(&Person::named("late"), "/account").await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), "5");
        assert!(
            answer.body.contains("/oauth2/login?next=/account"),
            "one button starts again"
        );
        assert!(!answer.sets_session());
        let answer = signed_in.get("/account").await;
        assert_eq!(
            answer.status, 200,
            "signed in, though nothing can be written"
        );
        assert!(answer.set_cookies().is_empty());
        let answer = signed_in.post("/logout", &page, &[]).await;
        assert_eq!(
            answer.status, 503,
            "and told that the sign-out did not happen"
        );
        assert!(signed_in.session_cookie().is_some(), "the cookie stays");
        adversary
            .batch_execute("COMMIT")
            .expect("the lock is given back");
        assert_eq!(
            browser
                .sign_in(&Person::named("late"), "/account")
                .await
                .status,
            303
        );
        assert_eq!(signed_in.post("/logout", &page, &[]).await.status, 303);
    });
}

on_both_databases! {
    async fn an_outage_of_the_database_neither_signs_out_nor_lets_in(database) {
        let portal = Portal::on(database).run().await;
        let browser = portal.signed_in(&Person::named("calm")).await;
        portal.database.execute("ALTER TABLE sessions RENAME TO sessions_away");
        for path in ["/", "/account", "/admin/users", "/login", "/signed-out"] {
            let answer = browser.get(path).await;
            assert!(answer.status.is_server_error(), "{path}: {}", answer.status);
            assert!(answer.set_cookies().iter().all(|cookie| !cookie.contains("fd_session")), "{path}");
            assert_eq!(answer.user(), None);
        }
        assert_eq!(browser.get_with("/account", &[("accept", "application/json")]).await.status, 500);
        assert_eq!(portal.browser().get("/login").await.status, 200, "who has no session needs no database");
        let newcomer = portal.browser().sign_in(&Person::named("new"), "/").await;
        assert!(newcomer.status.is_server_error() && !newcomer.sets_session());
        portal.database.execute("ALTER TABLE sessions_away RENAME TO sessions");
        assert_eq!(browser.get("/account").await.status, 200);
        assert_eq!(portal.database.count("users"), 1);
    }
}

#[test]
fn a_postgresql_that_drops_all_connections_is_found_again_without_a_restart() {
    let Some(database) = Database::postgresql() else {
        return;
    };
    run(async {
        let portal = Portal::on(database).run().await;
        let browser = portal.signed_in(&Person::named("calm")).await;
        for _ in 0..3 {
            portal.database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()",
            );
            assert_eq!(browser.get("/account").await.status, 200);
            assert_eq!(
                portal
                    .browser()
                    .sign_in(&Person::named("new"), "/")
                    .await
                    .status,
                303
            );
        }
    });
}

on_both_databases! {
    async fn under_load_every_page_is_its_own_person_s(database) {
        let first = Arc::new(Portal::on(database.clone()).run().await);
        let second = Arc::new(Portal::on(database).beside(&first).run().await);
        let mixed = Arc::new(AtomicUsize::new(0));
        // 100,000 pages and more in all: two databases, 40 people, two instances.
        let people: Vec<_> = (0..40)
            .map(|number| {
                let (first, second) = (Arc::clone(&first), Arc::clone(&second));
                let mixed = Arc::clone(&mixed);
                spawn(async move {
                    let name = format!("person{number}");
                    let mut browser = first.browser();
                    browser.is_recorded = false;
                    let mut pages = 0;
                    for round in 0..1300 {
                        if round % 260 == 0 {
                            assert_eq!(browser.sign_in(&Person::named(&name), "/").await.status, 303);
                        }
                        let at = if round % 2 == 0 { browser.clone() } else { browser.at(&second) };
                        let page = at.get(if round % 7 == 0 { "/account" } else { "/" }).await;
                        if page.user().as_deref() != Some(name.as_str()) {
                            mixed.fetch_add(1, Ordering::Relaxed);
                        }
                        pages += 1;
                    }
                    pages
                })
            })
            .collect();
        let mut pages = 0;
        for person in people {
            pages += person.await.expect("a person");
        }
        assert_eq!(mixed.load(Ordering::Relaxed), 0, "of {pages}");
        assert!(pages >= 50_000);
    }
}

#[test]
fn a_flood_of_visitors_leaves_nothing_behind() {
    run(async {
        let database = Database::sqlite();
        let provider = Provider::start().await;
        let mut settings = process::settings(free_port(), &provider, &database);
        settings.insert("RUST_LOG".to_owned(), "error".to_owned());
        let process = Process::serve(&settings).await;
        let client = client();
        let flood = |count: usize| {
            let workers: Vec<_> = (0..8)
                .map(|_| {
                    let (client, url) = (client.clone(), process.url.clone());
                    spawn(async move {
                        for number in 0..count / 8 {
                            let path = [
                                "/login",
                                "/oauth2/login",
                                "/oauth2_callback/?code=x&state=y",
                            ][number % 3];
                            let answer = client
                                .get(format!("{url}{path}"))
                                .send()
                                .await
                                .expect("an answer");
                            assert!(answer.status().as_u16() < 500);
                        }
                    })
                })
                .collect();
            async {
                for worker in workers {
                    worker.await.expect("the flood");
                }
            }
        };
        flood(2_000).await;
        let (rows, memory) = (rows(&database), memory_of(process.id()));
        flood(20_000).await;
        assert_eq!(self::rows(&database), rows, "not a row");
        let grown = memory_of(process.id()).saturating_sub(memory);
        assert!(grown < 8 * 1024, "{grown} kB more after 20,000 visitors");
        assert!(
            sign_in(&client, &process.url, &provider, &Person::named("real"))
                .await
                .is_some()
        );
    });
}

fn rows(database: &Database) -> i64 {
    ["users", "sessions", "audit_events"]
        .map(|table| database.count(table))
        .iter()
        .sum()
}

fn memory_of(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
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
fn sigterm_turns_readiness_off_first_and_lets_requests_in_flight_finish() {
    run(async {
        let database = Database::sqlite();
        let provider = Provider::start().await;
        let mut process =
            Process::serve(&process::settings(free_port(), &provider, &database)).await;
        let client = client();
        provider.on_call(Endpoint::Profile, Reply::Late(Duration::from_secs(4)));
        let in_flight = {
            let (client, url, provider) = (client.clone(), process.url.clone(), provider.clone());
            spawn(async move { sign_in(&client, &url, &provider, &Person::named("late")).await })
        };
        until("the sign-in is at the provider", async || {
            !provider.seen(Endpoint::Profile).is_empty()
        })
        .await;
        process.signal("TERM");
        let ready = format!("{}/readyz", process.url);
        until("readiness is off while the door is open", async || {
            client
                .get(&ready)
                .send()
                .await
                .is_ok_and(|answer| answer.status() == 503)
        })
        .await;
        assert!(process.is_running());
        let session = in_flight.await.expect("a task");
        assert!(session.is_some(), "the sign-in in flight was finished");
        assert!(process.ended().await, "and then it ended well");
        assert_eq!(database.count("sessions"), 1);
        assert!(process.log().contains("event=stopped"));
    });
}

#[test]
fn a_panic_costs_its_own_request_alone() {
    if !has_failpoints() {
        return;
    }
    run(async {
        let database = Database::sqlite();
        let provider = Provider::start().await;
        let mut settings = process::settings(free_port(), &provider, &database);
        settings.insert(
            "FRONTDESK_FAILPOINT".to_owned(),
            "panic:before_response".to_owned(),
        );
        let process = Process::serve(&settings).await;
        let client = client();
        for number in 0..20 {
            let begun = client
                .get(format!("{}/oauth2/login", process.url))
                .send()
                .await
                .expect("an answer");
            let browser = cookie(&begun, "fd_browser").expect("a binding");
            let authorize_url = begun.headers()["location"]
                .to_str()
                .expect("ASCII")
                .to_owned();
            let callback = provider.approve(&authorize_url, &Person::named(&format!("p{number}")));
            let answer = client
                .get(callback)
                .header("cookie", format!("fd_browser={browser}"))
                .header("accept", "text/html")
                .header("accept-language", "zh-CN")
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.status(), 500);
            assert!(answer.headers().contains_key("content-security-policy"));
            let page = answer.text().await.expect("a page");
            assert!(
                page.contains("系统出错了") && page.contains("class=\"ref\""),
                "{page}"
            );
            let login = client
                .get(format!("{}/login", process.url))
                .send()
                .await
                .expect("an answer");
            assert_eq!(login.status(), 200);
        }
    });
}

on_both_databases! {
    async fn a_person_signed_in_here_is_signed_in_at_every_instance(database) {
        let first = Portal::on(database.clone()).run().await;
        let second = Portal::on(database).beside(&first).run().await;
        let browser = first.browser();
        let callback = first.provider.approve(&browser.begin("/account").await, &Person::named("li"));
        // Begun at the first instance, finished at the second.
        assert_eq!(browser.at(&second).get(&callback).await.status, 303);
        assert_eq!(browser.get("/account").await.status, 200);
    }
}

#[test]
fn a_provider_that_is_down_at_the_start_stops_nothing() {
    run(async {
        let database = Database::sqlite();
        let provider = Provider::start().await;
        let mut settings: BTreeMap<String, String> =
            process::settings(free_port(), &provider, &database);
        settings.insert(
            "INTERNAL_URL_PREFIX".to_owned(),
            "http://127.0.0.1:1".to_owned(),
        );
        let process = Process::serve(&settings).await;
        let client = client();
        let login = client
            .get(format!("{}/login", process.url))
            .header("accept", "text/html")
            .send()
            .await
            .expect("an answer");
        assert_eq!(login.status(), 200);
        assert!(
            sign_in(&client, &process.url, &provider, &Person::named("li"))
                .await
                .is_none()
        );
        assert!(process.log().contains("outcome=unreachable"));
    });
}
