//! The attempt: from "sign in" to the provider and back.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use frontdesk::secret::{Generation, Keys, Purpose, SALT, Secret};
use url::Url;

use crate::support::{
    Browser, Database, Db, Endpoint, Person, Portal, on_both_databases, run, spawn,
};

fn query(address: &str) -> HashMap<String, String> {
    Url::parse(address)
        .expect("an address")
        .query_pairs()
        .into_owned()
        .collect()
}

/// The texts were made by another library (Python's `hashlib`, `hmac` and `cryptography`).
#[test]
fn what_an_earlier_version_sealed_under_the_same_key_still_opens() {
    let keys = Keys::new(
        &Secret::from("0123456789abcdef0123456789abcdef".to_owned()),
        None,
    );
    let salt = [7; SALT];
    let attempt = "BwcHBwcHBwcHBwcHBwcHB8Cnnu4K-svVan4LWmq8RJvZGdCmOg";
    let grant = "2.BwcHBwcHBwcHBwcHBwcHB8fcPtFbOhuQYbD6sB5AcqN9HlXD-Q";
    assert_eq!(
        keys.seal(Purpose::Attempt, salt, b"plain").as_deref(),
        Some(attempt)
    );
    assert_eq!(
        keys.seal_at(Purpose::Grant, salt, b"plain", "place")
            .as_deref(),
        Some(grant)
    );
    for (purpose, sealed) in [
        (
            Purpose::RescueLink,
            "BwcHBwcHBwcHBwcHBwcHB-dbfaWAc08rkdxxBjI_T85u8f34ag",
        ),
        (
            Purpose::PasswordLink,
            "BwcHBwcHBwcHBwcHBwcHB1ToSuil7-5VikldU9seUCrn4lKpUg",
        ),
        (
            Purpose::ConfirmationLink,
            "BwcHBwcHBwcHBwcHBwcHB-5jcWQvgmwNXLqHvW7-ovRRYC9UzQ",
        ),
        (
            Purpose::SignOut,
            "BwcHBwcHBwcHBwcHBwcHB_4f_RPsUe0HbbLSFPzdyeU-2ExzkQ",
        ),
    ] {
        assert_eq!(keys.seal(purpose, salt, b"plain").as_deref(), Some(sealed));
    }
    for opened in [
        keys.open(Purpose::Attempt, attempt),
        keys.open_at(Purpose::Grant, grant, "place"),
    ] {
        let opened = opened.expect("an opened value");
        assert_eq!(
            (opened.salt, opened.plain.as_slice()),
            (salt, &b"plain"[..])
        );
    }
    assert!(keys.open(Purpose::Grant, attempt).is_none());
    assert!(keys.open_at(Purpose::Grant, grant, "elsewhere").is_none());
    let (current, binding) = (Generation::Current, "binding");
    assert_eq!(
        keys.pkce_verifier(current, &salt, binding).expose(),
        "DV9f3n4RuXI2q0Mo8ZIVNWaT5AmvMJG93qUyk6gA6d4"
    );
    assert_eq!(
        keys.nonce(current, &salt, binding),
        "VKu8zN1FfCtm-WOhX151qejgYGoCzzKR_EU-cUUdbLg"
    );
    assert_eq!(
        keys.csrf_token("holder"),
        "092bnRo8TpfCt5exQqCKNKtocjuUgUABafLGdd3wFTk"
    );
    assert_eq!(
        keys.adding_token("session", "provider", 1_700_000_000),
        "1700000000-SuTOE2b8keoBYz21BsKCVrqbh3KaCvUMkxW61Ai1MDo"
    );
    assert_eq!(
        frontdesk::secret::base64url(keys.cookie()),
        "k3GePex70_QmKWSB7tUsIg4f5nmwgUtTJQR3JelIMK52P_Nj6bUqoZB4OkebY3VhVtNP7ZF5sOmYurFOKFNpjg"
    );
}

on_both_databases! {
    async fn the_first_sign_in_creates_the_account_and_signs_in(database) {
        let portal = Portal::on(database).run().await;
        let browser = portal.browser();
        let person = Person::named("zhang.wei").with("name_cn", "张伟").with("email", "zw@example.com");

        let login = browser.get("/account").await;
        assert_eq!((login.status.as_u16(), login.location()), (303, "/login?next=/account"));
        let page = browser.get(login.location()).await;
        assert!(page.body.contains("href=\"/oauth2/login?next=/account\""), "{}", page.body);
        let end = browser.sign_in(&person, "/account").await;
        assert_eq!((end.status.as_u16(), end.location()), (303, "/account"));
        let account = browser.get("/account").await;
        assert_eq!(account.status, 200);
        assert_eq!(account.user().as_deref(), Some("zhang.wei"));
        assert!(account.body.contains("张伟") && account.body.contains("zw@example.com"));
        assert_eq!(portal.database.count("users"), 1);
        assert_eq!(portal.db_column("users", "password"), ["NULL"]);
    }

    async fn fifty_parallel_replays_make_one_token_call_and_one_session(database) {
        let portal = Portal::on(database).run().await;
        let browser = portal.browser();
        let callback = portal.provider.approve(&browser.begin("/account").await, &Person::named("li"));
        let tabs: Vec<_> = (0..50)
            .map(|_| {
                let (tab, callback) = (browser.clone(), callback.clone());
                spawn(async move { tab.get(&callback).await })
            })
            .collect();
        let mut signed_in = 0;
        for tab in tabs {
            let answer = tab.await.expect("an answer");
            assert_eq!(answer.status, 303, "{}", answer.body);
            if answer.sets_session() {
                signed_in += 1;
            } else {
                assert!(answer.location().contains("/o/authorize/") || answer.location() == "/account");
            }
        }
        assert_eq!(signed_in, 1);
        assert_eq!(portal.provider.seen(Endpoint::Token).len(), 1);
        assert_eq!(portal.database.count("sessions"), 1);
    }
}

#[test]
fn a_callback_without_a_state_of_ours_is_refused_and_nothing_is_exchanged() {
    run(async {
        let portal = Portal::start().await;
        let (victim, attacker) = (portal.browser(), portal.browser());
        victim.begin("/").await;
        let attackers = portal
            .provider
            .approve(&attacker.begin("/").await, &Person::named("mallory"));
        let foreign = query(&attackers)["state"].clone();
        let rows = portal.database.count("audit_events");

        let with = |state: Option<&str>, rest: &str| match state {
            Some(state) => format!("/oauth2_callback/?state={state}&{rest}"),
            None => format!("/oauth2_callback/?{rest}"),
        };
        let truncated = &foreign[..foreign.len() - 1];
        let longer = format!("{foreign}A");
        let twice = "%2541".to_owned() + &foreign[1..];
        for rest in ["code=stolen", "error=access_denied"] {
            for state in [
                None,
                Some(""),
                Some("random"),
                Some(truncated),
                Some(&longer),
                Some(&twice),
            ] {
                let answer = victim.get(&with(state, rest)).await;
                assert_eq!(answer.status, 400, "{state:?} {rest}");
                assert!(
                    answer.body.contains("/oauth2/login"),
                    "a way to begin again"
                );
                assert!(!answer.sets_session());
                assert!(
                    portal.log().contains(&answer.reference()),
                    "the reference is in the log"
                );
            }
            // The attacker's own state: ours, but of another browser. The victim begins anew.
            let answer = victim.get(&with(Some(&foreign), rest)).await;
            assert_eq!(answer.status, 303);
            assert!(
                answer
                    .location()
                    .starts_with(&format!("{}/o/authorize/", portal.provider.url))
            );
            assert_ne!(query(answer.location())["state"], foreign);
            assert!(!answer.sets_session());
        }
        assert_eq!(portal.provider.calls(), 0);
        assert_eq!(portal.database.count("users"), 0);
        assert_eq!(portal.database.count("sessions"), 0);
        assert_eq!(
            portal.database.count("audit_events"),
            rows,
            "no row for what anybody can send"
        );
    });
}

#[test]
fn an_attempt_is_used_once_and_not_after_ten_minutes() {
    run(async {
        let portal = Portal::start().await;
        let person = Person::named("li");

        let late = portal.browser();
        let callback = portal
            .provider
            .approve(&late.begin("/account").await, &person);
        portal.clock.advance(Duration::from_secs(11 * 60));
        let answer = late.get(&callback).await;
        assert_eq!(answer.status, 303);
        assert_eq!(portal.provider.calls(), 0);
        // Quietly begun again, to the same place; this time it goes through.
        let answer = late
            .get(&portal.provider.approve(answer.location(), &person))
            .await;
        assert_eq!(answer.location(), "/account");

        // Used, then replayed by another browser that has no session.
        let browser = portal.signed_in(&person).await;
        let used = portal.provider.approve(&browser.begin("/").await, &person);
        assert!(browser.get(&used).await.sets_session());
        let stranger = portal.browser();
        let calls = portal.provider.calls();
        let answer = stranger.get(&used).await;
        assert_eq!(answer.status, 303);
        assert!(!answer.sets_session());
        assert_eq!(portal.provider.calls(), calls);
        assert_eq!(
            browser.get("/account").await.status,
            200,
            "the live session goes on"
        );
    });
}

on_both_databases! {
    async fn a_used_attempt_opens_no_second_session_on_another_instance_or_after_a_restart(database) {
        let mut first = Portal::on(database.clone()).run().await;
        let second = Portal::on(database).beside(&first).run().await;
        let browser = first.browser();
        let person = Person::named("li");
        let callback = first.provider.approve(&browser.begin("/account").await, &person);
        let binding = browser.cookie("fd_browser").expect("a binding");
        assert!(browser.get(&callback).await.sets_session());

        // The thief has the binding too, and a provider that takes the code twice.
        let thief = second.browser();
        thief.set_cookie("fd_browser", &binding);
        let again = first.provider.approve(&thief.begin("/").await, &person);
        let replay = format!(
            "/oauth2_callback/?state={}&code={}",
            query(&callback)["state"],
            query(&again)["code"],
        );
        first.provider.on_call(Endpoint::Token, crate::support::Reply::json(200,
            &serde_json::json!({"access_token": "same", "token_type": "bearer"})));
        first.provider.on_call(Endpoint::Profile, crate::support::Reply::json(200, &person.profile));
        let answer = thief.get(&replay).await;
        assert_eq!(answer.status, 303);
        assert!(!answer.sets_session(), "the attempt opened one session already");
        assert_eq!(first.database.count("sessions"), 1);
        first.stop();
        assert_eq!(browser.at(&second).get("/account").await.status, 200);
    }
}

#[test]
fn a_sign_in_that_starts_over_twice_ends_on_a_page_that_names_the_cause() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.browser();
        let person = Person::named("li");
        let mut callback = portal.provider.approve(&browser.begin("/").await, &person);
        browser.forget("fd_browser");
        let answer = browser.get(&callback).await;
        assert_eq!(answer.status, 303, "once, quietly");
        callback = portal.provider.approve(answer.location(), &person);
        browser.forget("fd_browser");
        let answer = browser.get(&callback).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("cookies"), "{}", answer.body);
        assert_eq!(portal.provider.calls(), 0);
    });
}

/// Whatever an anonymous browser is handed opens nothing, in whichever place it is sent.
#[test]
fn nothing_from_before_the_sign_in_is_taken_for_a_session() {
    run(async {
        let portal = Portal::start().await;
        let anonymous = portal.browser();
        let authorize = query(&anonymous.begin("/").await);
        let page = anonymous.get("/login").await;
        let signed_in = portal.signed_in(&Person::named("li")).await;
        let ended = signed_in.session_cookie().expect("a session");
        let account = signed_in.get("/account").await;
        signed_in.post("/logout", &account, &[]).await;

        let values = [
            authorize["state"].clone(),
            authorize["code_challenge"].clone(),
            anonymous.cookie("fd_browser").expect("a binding"),
            page.csrf_token(),
            account.csrf_token(),
            ended,
        ];
        for value in &values {
            for slot in ["fd_session", "fd_browser", "fd_language", "fd_theme"] {
                let browser = portal.browser();
                browser.set_cookie(slot, value);
                for path in ["/", "/account", "/admin/users"] {
                    let answer = browser.get(path).await;
                    assert_eq!(answer.status, 303, "{slot} opens {path}");
                    assert!(answer.location().starts_with("/login"));
                }
            }
            let answer = anonymous
                .get(&format!("/oauth2_callback/?code=x&state={value}"))
                .await;
            assert!(!answer.sets_session());
        }
    });
}

#[test]
fn a_code_of_another_attempt_signs_nobody_in() {
    run(async {
        let portal = Portal::start().await;
        let (victim, attacker) = (portal.browser(), portal.browser());
        let victims = portal
            .provider
            .approve(&victim.begin("/").await, &Person::named("victim"));
        let attackers = portal
            .provider
            .approve(&attacker.begin("/").await, &Person::named("mallory"));
        let swap = |state: &str, code: &str| {
            format!(
                "/oauth2_callback/?state={}&code={}",
                query(state)["state"],
                query(code)["code"]
            )
        };
        // The provider checks PKCE, as it must: the verifier does not fit.
        let answer = victim.get(&swap(&victims, &attackers)).await;
        assert_eq!(answer.status, 400);
        assert!(!answer.sets_session());
        let answer = attacker.get(&swap(&attackers, &victims)).await;
        assert_eq!(answer.status, 400);
        assert!(!answer.sets_session());
        assert_eq!(portal.database.count("users"), 0);
    });
}

#[test]
fn every_attempt_has_a_fresh_challenge_and_state() {
    run(async {
        let portal = Portal::start().await;
        let mut browser = portal.browser();
        browser.is_recorded = false;
        let (mut states, mut challenges, mut bindings) =
            (HashSet::new(), HashSet::new(), HashSet::new());
        for round in 0..10_000 {
            if round % 10 == 0 {
                browser.forget("fd_browser");
            }
            let authorize = query(&browser.begin("/").await);
            assert_eq!(authorize["code_challenge_method"], "S256");
            let challenge = &authorize["code_challenge"];
            assert_eq!(challenge.len(), 43);
            assert!(
                challenge
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            );
            assert!(states.insert(authorize["state"].clone()));
            assert!(challenges.insert(challenge.clone()));
            bindings.insert(browser.cookie("fd_browser").expect("a binding"));
        }
        assert_eq!(bindings.len(), 1000);
        // The verifier that reaches the token endpoint is the challenge's.
        let person = Person::named("li");
        let authorize_url = browser.begin("/").await;
        browser
            .get(&portal.provider.approve(&authorize_url, &person))
            .await;
        let verifier = portal.provider.seen(Endpoint::Token)[0].form()["code_verifier"].clone();
        assert_eq!(verifier.len(), 43);
        assert_eq!(
            frontdesk::secret::sha256(verifier.as_bytes()),
            query(&authorize_url)["code_challenge"]
        );
    });
}

#[test]
fn random_tokens_are_unique_and_use_every_bit() {
    let mut ones = [0_u32; 256];
    let mut seen = HashSet::new();
    for _ in 0..100_000 {
        let bytes = frontdesk::secret::random_bytes::<32>().expect("randomness");
        assert!(seen.insert(bytes));
        for (bit, count) in ones.iter_mut().enumerate() {
            *count += u32::from(bytes[bit / 8] >> (bit % 8) & 1);
        }
    }
    // 100,000 throws of a fair coin: the deviation of 1,000 is over six sigma.
    for count in ones {
        assert!(count.abs_diff(50_000) < 1_000, "{count}");
    }
}

#[test]
fn doubled_or_conflicting_parameters_are_refused() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.browser();
        let names = ["code", "state", "iss", "error", "session_state"];
        for first in names {
            for second in names {
                let callback = portal
                    .provider
                    .approve(&browser.begin("/").await, &Person::named("li"));
                let pairs = query(&callback);
                let base = format!(
                    "/oauth2_callback/?code={}&state={}",
                    pairs["code"], pairs["state"]
                );
                let address = format!("{base}&{first}=x&{second}=y");
                let conflicts = first == second
                    || [first, second]
                        .iter()
                        .any(|name| ["code", "state", "error"].contains(name));
                if conflicts {
                    let answer = browser.get(&address).await;
                    assert_eq!(answer.status, 400, "{first} {second}");
                    assert!(!answer.sets_session());
                }
            }
            let callback = portal
                .provider
                .approve(&browser.begin("/").await, &Person::named("li"));
            for form in ["[]", "[0]"] {
                let answer = browser
                    .get(&format!("{callback}&{first}{form}=x&{first}=y"))
                    .await;
                assert!(!answer.sets_session(), "{first}{form}");
            }
        }
        assert_eq!(portal.provider.calls(), 0);
    });
}

#[test]
fn an_error_of_the_provider_ends_on_a_page_of_ours() {
    run(async {
        let portal = Portal::start().await;
        let signed_in = portal.signed_in(&Person::named("li")).await;
        let payloads = [
            "<script>alert(1)</script>",
            "Your account is locked, call 555-0100",
            "\u{202e}gnp.exe",
            "\u{1b}[31mred",
        ];
        for (error, status) in [
            ("access_denied", 403),
            ("server_error", 502),
            ("temporarily_unavailable", 503),
            ("invalid_scope", 502),
            ("invalid_request", 502),
            ("unauthorized_client", 502),
            ("unsupported_response_type", 502),
            ("login_required", 502),
            ("consent_required", 502),
            ("no_such_code_<b>", 502),
        ] {
            for browser in [portal.browser(), signed_in.clone()] {
                for payload in payloads {
                    let more = [
                        ("error_description", payload),
                        ("error_uri", "javascript:alert(1)"),
                    ];
                    let callback =
                        portal
                            .provider
                            .refuse(&browser.begin("/account").await, error, &more);
                    let answer = browser.get(&callback).await;
                    assert_eq!(answer.status.as_u16(), status, "{error}");
                    assert!(!answer.body.contains("alert(1)") && !answer.body.contains("555-0100"));
                    assert!(!answer.body.contains("no_such_code"));
                    assert!(
                        answer.body.contains("/oauth2/login?next=/account"),
                        "one button tries again"
                    );
                    // The attempt is used up.
                    assert!(!browser.get(&callback).await.sets_session());
                }
            }
        }
        let long = "x".repeat(20_000);
        let callback = portal.provider.refuse(
            &signed_in.begin("/").await,
            "server_error",
            &[("error_description", &long)],
        );
        assert_eq!(signed_in.get(&callback).await.status, 502);
        assert_eq!(
            signed_in.get("/account").await.status,
            200,
            "still signed in"
        );
        assert!(!portal.log().contains("555-0100"));
    });
}

#[test]
fn a_reload_of_the_callback_goes_on_to_the_page() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.browser();
        let person = Person::named("li");
        let callback = portal
            .provider
            .approve(&browser.begin("/account").await, &person);
        assert!(browser.get(&callback).await.sets_session());
        for _ in 0..3 {
            let answer = browser.get(&callback).await;
            assert_eq!(
                (answer.status.as_u16(), answer.location()),
                (303, "/account")
            );
        }
        // Signed out, from the history: one restart, and the provider says that the code is old.
        let page = browser.get("/account").await;
        browser.post("/logout", &page, &[]).await;
        let answer = browser.get(&callback).await;
        assert_eq!(answer.status, 303);
        assert!(answer.location().contains("/o/authorize/"));
        let forged = callback.replace(
            &query(&callback)["state"],
            &query(answer.location())["state"],
        );
        let answer = browser.get(&forged).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("/oauth2/login?next=/account"));
        assert_eq!(portal.database.count("users"), 1);
    });
}

#[test]
fn any_number_of_tabs_land_where_each_wanted_to_go() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.browser();
        let person = Person::named("li");
        let mut begun = Vec::new();
        for tab in 0..10 {
            begun.push((
                format!("/account?tab={tab}"),
                browser.begin(&format!("/account?tab={tab}")).await,
            ));
        }
        begun.reverse();
        begun.swap(2, 7);
        for (next, authorize_url) in begun {
            let answer = browser
                .get(&portal.provider.approve(&authorize_url, &person))
                .await;
            assert_eq!(
                (answer.status.as_u16(), answer.location()),
                (303, next.as_str())
            );
        }
        assert_eq!(portal.db_live_sessions(), 1);

        // 500 starts leave one small cookie.
        let many = portal.browser();
        for _ in 0..500 {
            many.begin("/").await;
        }
        let jar = many.cookies.lock().expect("the jar").clone();
        assert_eq!(jar.len(), 1);
        assert!(jar["fd_browser"].len() < 64);
        assert_eq!(portal.database.count("sessions"), 10);

        // A script's request begins nothing.
        let answer = portal
            .browser()
            .get_with("/account", &[("sec-fetch-mode", "cors")])
            .await;
        assert_eq!(answer.status, 401);
        assert!(
            answer
                .header("content-type")
                .starts_with("application/json")
        );
        assert!(answer.set_cookies().is_empty());
    });
}

#[test]
fn nothing_but_next_shapes_the_authorize_request() {
    run(async {
        let portal = Portal::on(Database::sqlite())
            .with(
                "OAUTH2_AUTHORIZE_URL",
                "PROVIDER/o/authorize/?tenant=7&state=theirs",
            )
            .with("OAUTH2_SCOPE", "read write")
            .run()
            .await;
        let browser: Browser = portal.browser();
        let hostile = "/oauth2/login?scope=admin&client_id=x&redirect_uri=https://evil.example&response_mode=fragment\
                       &prompt=none&claims=%7B%7D&state=mine&code_challenge=x&next=/account";
        let headers = [
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "host=evil.example"),
        ];
        for answer in [
            browser.get(hostile).await,
            browser.get_with(hostile, &headers[1..]).await,
        ] {
            let url = Url::parse(answer.location()).expect("an address");
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(
                names,
                [
                    "tenant",
                    "response_type",
                    "client_id",
                    "redirect_uri",
                    "state",
                    "scope",
                    "code_challenge",
                    "code_challenge_method"
                ]
            );
            let value = |name| {
                pairs
                    .iter()
                    .find(|(given, _)| given == name)
                    .map(|(_, v)| v.clone())
            };
            assert_eq!(
                value("redirect_uri"),
                Some(format!("{}/oauth2_callback/", portal.url))
            );
            assert_eq!(value("client_id").as_deref(), Some("frontdesk"));
            assert_eq!(value("scope").as_deref(), Some("read write"));
            assert!(!answer.location().contains("evil"));
        }
        // The one question that may be asked: sign in anew, please.
        let answer = browser.get("/oauth2/login?prompt=login&next=/").await;
        assert!(answer.location().contains("&prompt=login"));
    });
}

#[test]
fn a_key_rotated_between_beginning_and_end_loses_no_attempt() {
    run(async {
        let database = Database::sqlite();
        let mut old = Portal::on(database.clone()).run().await;
        let browser = old.browser();
        let person = Person::named("li");
        let callback = old
            .provider
            .approve(&browser.begin("/account").await, &person);
        let signed_in = old.signed_in(&Person::named("wang")).await;
        let form = signed_in.get("/account").await;
        old.stop();
        let new = Portal::on(database)
            .beside(&old)
            .with("SECRET_KEY", "a completely different key, 0123456789")
            .with("SECRET_KEY_PREVIOUS", &old.secret_key)
            .run()
            .await;
        let answer = browser.at(&new).get(&callback).await;
        assert_eq!(
            (answer.status.as_u16(), answer.location()),
            (303, "/account"),
            "{}",
            answer.body
        );

        // The session goes on, its cookie sealed anew; so does a form that was open.
        let signed_in = signed_in.at(&new);
        let before = signed_in.session_cookie();
        let account = signed_in.get("/account").await;
        assert_eq!(account.user().as_deref(), Some("wang"));
        assert!(account.sets_session());
        assert_ne!(signed_in.session_cookie(), before);
        assert!(!signed_in.get("/account").await.sets_session(), "once");
        let mut signed_in = signed_in;
        signed_in.is_recorded = true;
        let origin = format!("{}/", old.url);
        let body = format!("csrf_token={}&theme=dark", form.csrf_token());
        let answer = signed_in
            .send(
                reqwest::Method::POST,
                "/preferences",
                &[
                    ("origin", origin.trim_end_matches('/')),
                    ("content-type", "application/x-www-form-urlencoded"),
                ],
                Some(body),
            )
            .await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    });
}
