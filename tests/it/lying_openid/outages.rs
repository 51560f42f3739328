//! A provider that is away, slow, broken, or whose clock is wrong.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{accepts, li};
use crate::support::lying_openid::{Call, Document, Key};
use crate::support::portal::PASSWORD;
use crate::support::process::free_port;
use crate::support::provider::chaos;
use crate::support::{Database, OpenId, Portal, Reply, assert_refused, run, spawn, until};

/// Of the sign-in page, for one provider or for all.
const UNAVAILABLE: &str = "cannot be reached at the moment";

#[test]
fn a_provider_that_goes_away_after_an_hour_is_shown_as_away() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        let provider_of = || portal.inner.providers.all()[0].clone();
        until("it is known", async || provider_of().is_available()).await;
        provider.on_call(Call::Discovery, Reply::Reset);
        portal.clock.advance(Duration::from_secs(3700));
        portal.browser().get("/login").await;
        until("it is away", async || !provider_of().is_available()).await;
        provider.behave();
        until("it is back", async || {
            portal.clock.advance(Duration::from_secs(1));
            portal.browser().get("/login").await;
            provider_of().is_available()
        })
        .await;
    });
}

#[test]
fn a_provider_that_is_down_at_the_start_is_found_when_it_comes() {
    run(async {
        let port = free_port();
        let portal = Portal::on(Database::sqlite())
            .with("OAUTH2_ISSUER", format!("http://127.0.0.1:{port}"))
            .without("OAUTH2_AUTHORIZE_URL")
            .without("INTERNAL_URL_PREFIX")
            .run()
            .await;
        portal.db_create_local_account("rescuer");
        for path in ["/healthz", "/readyz"] {
            assert_eq!(portal.browser().get(path).await.status, 200, "{path}");
        }
        let local = portal.browser();
        let mut page = local.get("/login").await;
        until("the page says so", async || {
            page = local.get("/login").await;
            page.body.contains(UNAVAILABLE)
        })
        .await;
        let fields = [("username", "rescuer"), ("password", PASSWORD)];
        let answer = local.post("/login", &page, &fields).await;
        assert!(answer.sets_session(), "{}", answer.body);
        let answer = portal.browser().get("/oauth2/login?next=/account").await;
        assert!(
            (502..=504).contains(&answer.status.as_u16()),
            "{}",
            answer.status
        );

        let provider = OpenId::start_on(port).await;
        until("people are sent there", async || {
            portal
                .browser()
                .get("/oauth2/login?next=/account")
                .await
                .status
                == 303
        })
        .await;
        let browser = provider.signed_in(&portal, &li()).await;
        until("the page says nothing more", async || {
            !portal
                .browser()
                .get("/login")
                .await
                .body
                .contains(UNAVAILABLE)
        })
        .await;

        // It dies; who is signed in does not notice. It comes back with other keys.
        for call in [Call::Discovery, Call::Keys, Call::Token, Call::Userinfo] {
            provider.on_call(call, Reply::Reset);
        }
        portal.clock.advance(Duration::from_secs(3600));
        assert_eq!(browser.get("/account").await.status, 200);
        let answer = provider.sign_in(&portal.browser(), &li()).await;
        assert_eq!(answer.status, 502);
        assert!(!answer.sets_session());
        provider.behave();
        provider.clock.advance(Duration::from_secs(3600));
        provider.sign_with(Key::other_rsa());
        provider.signed_in(&portal, &li()).await;
        assert_eq!(browser.get("/account").await.status, 200);
    });
}

const CALLS: [Call; 5] = [
    Call::Discovery,
    Call::PushedRequest,
    Call::Token,
    Call::Keys,
    Call::Userinfo,
];

/// A sign-in while one call goes wrong, then one while all is well.
async fn in_trouble(call: Call, what: &str, reply: Reply, status: u16) {
    let what = format!("{call:?} {what}");
    let provider = OpenId::start().await;
    let required = json!({"require_pushed_authorization_requests": call == Call::PushedRequest});
    provider.patch(Document::Discovery, required);
    provider.on_call(call, reply);
    let portal = provider.portal(Database::sqlite()).run().await;
    let browser = portal.browser();
    let begun = browser.get("/oauth2/login?next=/account").await;
    let answer = if begun.status == 303 {
        browser
            .get(&provider.approve(begun.location(), &li()))
            .await
    } else {
        begun
    };
    // Where nothing was begun, the provider is just unavailable.
    let is_unavailable = call == Call::Discovery && answer.status == 503;
    let status = if is_unavailable { 503 } else { status };
    assert_refused(&portal, &answer, status, &what);
    if status == 503 {
        assert!(!answer.header("retry-after").is_empty(), "{what}");
    }
    assert!(
        provider.seen(Call::Token).len() <= 1,
        "{what}: the code was sent once"
    );
    provider.behave();
    // A document that could not be read is not asked for again at once.
    provider.clock.advance(Duration::from_secs(3));
    let again = provider.sign_in(&portal.browser(), &li()).await;
    assert!(again.sets_session(), "{what}, the next try: {}", again.body);
}

#[test]
fn whichever_call_fails_there_is_one_page_and_the_next_try_works() {
    run(async {
        for call in CALLS {
            for (what, reply, status) in chaos() {
                in_trouble(call, what, reply, status).await;
            }
        }
    });
}

#[test]
fn whichever_call_hangs_people_wait_ten_seconds_at_most() {
    run(async {
        let mut waiting = Vec::new();
        for call in CALLS {
            for reply in [Reply::Silence, Reply::DripHeaders, Reply::StallAfterHeaders] {
                waiting.push(spawn(async move {
                    let started = Instant::now();
                    in_trouble(call, &format!("{reply:?}"), reply, 504).await;
                    let took = started.elapsed();
                    assert!(took < Duration::from_secs(25), "{call:?} took {took:?}");
                }));
            }
        }
        for one in waiting {
            one.await.expect("a page in time");
        }
    });
}

#[test]
fn clocks_may_be_half_a_minute_apart_and_more_is_named_as_such() {
    run(async {
        let (provider, portal) = OpenId::start_with_portal().await;
        for ahead in [-300, 300] {
            provider.set_ahead(ahead);
            let answer = provider.sign_in(&portal.browser(), &li()).await;
            assert_refused(&portal, &answer, 502, &format!("{ahead} s"));
            let reference = answer.reference();
            let log = portal.log();
            let named = log
                .lines()
                .any(|line| line.contains(&reference) && line.contains("clock"));
            assert!(named, "{ahead} s: the log names the cause");
        }
        for ahead in [-30, 30, 0] {
            provider.set_ahead(ahead);
            accepts(&provider, &portal, &format!("{ahead} s")).await;
        }
        // In 2100, past what 32 bits hold.
        provider.clock.advance(Duration::from_secs(75 * 31_557_600));
        accepts(&provider, &portal, "2100").await;
    });
}
