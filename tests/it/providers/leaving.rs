//! Re-checks of people who may have left.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{GROUPS, last, li, sign_in, trail, user};
use crate::support::lying_openid::{Call, Document, Subject};
use crate::support::provider::Seen;
use crate::support::{
    Database, Db, OpenId, Portal, Reply, on_both_databases, run, until, until_swept,
};

/// How often people are asked about here; by the clock, which the tests put on.
const PERIOD: Duration = Duration::from_secs(20);

async fn asking(database: Database) -> (OpenId, Portal) {
    let provider = OpenId::start().await;
    let start = provider.portal(database).with("OAUTH2_RECHECK", "20s");
    let portal = start.run().await;
    (provider, portal)
}

/// A period goes by: waits until somebody was asked about, and what came of it is kept.
async fn round(provider: &OpenId, portal: &Portal, call: Call) {
    let before = provider.seen(call).len();
    portal.clock.advance(PERIOD);
    until("somebody is asked about", async || {
        provider.seen(call).len() > before
    })
    .await;
    // Meanwhile nobody else takes them, for a minute.
    let taken = portal.clock.now().plus(Duration::from_secs(45)).0;
    let taken = format!("sessions WHERE ended_at IS NULL AND recheck_at > {taken}");
    until("it is settled", async || portal.database.count(&taken) == 0).await;
}

/// The refreshes that were asked for.
fn refreshes(provider: &OpenId) -> Vec<String> {
    let seen = provider.seen(Call::Token).into_iter();
    seen.filter_map(|seen: Seen| seen.form().remove("refresh_token"))
        .collect()
}

/// Each token answer from now on, as it left.
fn record_tokens(provider: &OpenId) -> Arc<Mutex<Vec<Value>>> {
    let given: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&given);
    provider.tamper(Document::Token, move |answer| {
        kept.lock().expect("answers").push(answer.clone());
    });
    given
}

fn invalid_grant() -> Reply {
    Reply::json(400, &json!({"error": "invalid_grant"}))
}

on_both_databases! {
    async fn a_person_who_left_there_loses_every_session_here(database) {
        let (provider, portal) = asking(database).await;
        let sessions = [provider.signed_in(&portal, &li()).await, provider.signed_in(&portal, &li()).await];
        provider.on_call(Call::Token, invalid_grant());
        portal.clock.advance(PERIOD);
        until("they are out", async || portal.db_live_sessions() == 0).await;
        for browser in &sessions {
            assert_eq!(browser.get("/account").await.status, 303);
        }
        assert_eq!(last(&portal), "access_withdrawn li company", "once");
        assert_eq!(trail(&portal).len(), 3);
        assert_eq!(portal.db_last_details()["count"], 2);
        let active = "users WHERE is_active";
        assert_eq!(portal.database.count(active), 1, "the account is as it was");
        // Who comes back comes back.
        provider.behave();
        assert_eq!(user(&provider.signed_in(&portal, &li()).await).await.as_deref(), Some("li"));
    }

    async fn each_refresh_uses_what_the_one_before_gave(database) {
        let (provider, portal) = asking(database).await;
        let given = record_tokens(&provider);
        let browser = provider.signed_in(&portal, &li()).await;
        for _ in 0..3 {
            round(&provider, &portal, Call::Token).await;
        }
        let gave: Vec<String> = given.lock().expect("answers").iter()
            .filter_map(|answer| answer["refresh_token"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(refreshes(&provider), gave[..3]);
        assert_eq!(browser.get("/account").await.status, 200);
    }

    async fn after_a_refusal_for_one_session_the_next_one_is_asked_with_and_both_stay(database) {
        let (provider, portal) = asking(database).await;
        provider.patch(Document::Token, json!({"refresh_token": "one-that-is-used-up"}));
        let first = provider.signed_in(&portal, &li()).await;
        provider.behave();
        let second = provider.signed_in(&portal, &li()).await;
        for _ in 0..2 {
            round(&provider, &portal, Call::Token).await;
        }
        let used = refreshes(&provider);
        let is_bad: Vec<bool> = used.iter().map(|token| token == "one-that-is-used-up").collect();
        assert_eq!((is_bad, portal.db_live_sessions()), (vec![true, false, false], 2));
        for browser in [&first, &second] {
            assert_eq!(browser.get("/account").await.status, 200);
        }
    }

    async fn nobody_is_signed_out_before_each_of_their_sessions_was_asked_with(database) {
        let (provider, portal) = asking(database).await;
        // More than are asked with in one go: some cannot be, some are refused, the last is good.
        for spoilt in [
            json!({"refresh_token": null, "expires_in": 5}),
            json!({"refresh_token": "one-that-is-used-up"}),
        ] {
            provider.patch(Document::Token, spoilt);
            for _ in 0..12 {
                provider.signed_in(&portal, &li()).await;
            }
            provider.behave();
        }
        let given = record_tokens(&provider);
        let good = provider.signed_in(&portal, &li()).await;
        portal.clock.advance(PERIOD);
        let token = given.lock().expect("answers")[0]["refresh_token"].clone();
        until("the good one is asked with", async || {
            refreshes(&provider).last().is_some_and(|used| *used == token)
        })
        .await;
        round(&provider, &portal, Call::Token).await;
        assert_eq!((portal.db_live_sessions(), refreshes(&provider).len()), (25, 14));
        assert_eq!(good.get("/account").await.status, 200);
    }

    async fn a_token_that_nobody_can_open_hides_no_refusal(database) {
        let (provider, portal) = asking(database).await;
        for _ in 0..2 {
            provider.signed_in(&portal, &li()).await;
        }
        portal.database.execute("UPDATE sessions SET refresh_token = 'AAAA' WHERE id = (SELECT MIN(id) FROM sessions)");
        provider.on_call(Call::Token, invalid_grant());
        portal.clock.advance(PERIOD);
        until("they are out", async || portal.db_live_sessions() == 0).await;

        // With nothing else to ask with it says nothing.
        provider.behave();
        let browser = provider.signed_in(&portal, &li()).await;
        portal.database.execute("UPDATE sessions SET refresh_token = 'AAAA' WHERE ended_at IS NULL");
        portal.clock.advance(PERIOD);
        let due = format!("sessions WHERE ended_at IS NULL AND recheck_at < {}", portal.clock.now().0);
        until("it was looked at", async || portal.database.count(&due) == 0).await;
        assert_eq!(browser.get("/account").await.status, 200);
    }

    async fn what_a_provider_gave_goes_with_its_refusal_where_there_is_another_way_in(database) {
        let provider = OpenId::start().await;
        let asking = format!("recheck = \"20s\"\n{GROUPS}");
        let toml = provider.toml("a").replace("recheck = \"off\"\n", &asking);
        let start = provider.portal_of(database, &toml).with("FRONTDESK_SUPERUSER_PERMISSION", "x");
        let portal = start.run().await;
        let subject = li().with("groups", json!(["x"]));
        for (password, kept) in [("", vec!["a:x"]), ("$argon2id$", vec![])] {
            provider.behave();
            sign_in(&portal, &provider, "a", &subject).await;
            if !password.is_empty() {
                // Another superuser, since the last one stays one.
                portal.db_insert_users(1, &[("other", "")]);
                portal.db_make_superuser("other");
                portal.db_set_field_of("li", "password", password);
            }
            provider.on_call(Call::Token, invalid_grant());
            portal.clock.advance(PERIOD);
            until("they are out", async || portal.db_live_sessions() == 0).await;
            assert_eq!(portal.db_permissions(), kept);
        }
        let details = portal.db_last_details();
        assert_eq!(details["permissions_removed"], json!(["x"]), "{details}");
        assert_eq!(details["changes"][0]["field"], "role_by_permission", "{details}");
        assert_eq!(portal.database.count("users WHERE is_superuser_by_permission"), 0);
    }

    async fn each_session_of_a_person_is_used_for_a_re_check_in_turn(database) {
        let (provider, portal) = asking(database).await;
        let given = record_tokens(&provider);
        for _ in 0..3 {
            provider.signed_in(&portal, &li()).await;
        }
        for _ in 0..3 {
            round(&provider, &portal, Call::Token).await;
        }
        // Else the tokens of the others would grow stale there.
        let first: Vec<String> = given.lock().expect("answers").iter().take(3)
            .filter_map(|answer| answer["refresh_token"].as_str().map(str::to_owned))
            .collect();
        assert_eq!(refreshes(&provider), first);
    }

    async fn without_a_refresh_token_the_profile_is_asked(database) {
        let (provider, portal) = asking(database).await;
        provider.patch(Document::Token, json!({"refresh_token": null}));
        let browser = provider.signed_in(&portal, &li()).await;
        for _ in 0..2 {
            round(&provider, &portal, Call::Userinfo).await;
        }
        for status in [500, 404, 429] {
            provider.on_call(Call::Userinfo, Reply::Answer(status, "text/html", Vec::new()));
            round(&provider, &portal, Call::Userinfo).await;
        }
        provider.behave();
        round(&provider, &portal, Call::Userinfo).await;
        assert_eq!(browser.get("/account").await.status, 200);
        provider.on_call(Call::Userinfo, Reply::invalid_token());
        portal.clock.advance(PERIOD);
        until("they are out", async || portal.db_live_sessions() == 0).await;
        assert_eq!(last(&portal), "access_withdrawn li company");
        assert_eq!(refreshes(&provider).len(), 0);
    }

    async fn an_expired_access_token_says_nothing_about_the_person(database) {
        let (provider, portal) = asking(database).await;
        provider.patch(Document::Token, json!({"refresh_token": null, "expires_in": 5}));
        let browser = provider.signed_in(&portal, &li()).await;
        let asked = provider.seen(Call::Userinfo).len();
        provider.on_call(Call::Userinfo, Reply::json(401, &json!({})));
        portal.clock.advance(PERIOD);
        // Whether there is more to ask with by then is looked at an hour later.
        let later = portal.clock.now().plus(Duration::from_secs(3000)).0;
        let later = format!("sessions WHERE recheck_at > {later}");
        until("there is nothing left to ask with", async || {
            portal.database.count(&later) == 1
        })
        .await;
        assert_eq!(provider.seen(Call::Userinfo).len(), asked);
        assert_eq!(browser.get("/account").await.status, 200);
    }

    async fn a_refusal_is_not_hidden_by_a_session_that_cannot_be_asked_with(database) {
        let (provider, portal) = asking(database).await;
        provider.signed_in(&portal, &li()).await;
        provider.patch(Document::Token, json!({"refresh_token": null, "expires_in": 5}));
        provider.signed_in(&portal, &li()).await;
        provider.on_call(Call::Token, invalid_grant());
        portal.clock.advance(PERIOD);
        until("they are out", async || portal.db_live_sessions() == 0).await;
        assert_eq!(last(&portal), "access_withdrawn li company");
    }

    async fn the_profile_is_asked_for_beyond_the_life_of_an_access_token(database) {
        let provider = OpenId::start().await;
        let asking = "recheck = \"20s\"\nrecheck_with = \"profile\"";
        let toml = provider.toml("a").replace("recheck = \"off\"", asking);
        let portal = provider.portal_of(database, &toml).run().await;
        provider.patch(Document::Token, json!({"expires_in": 5}));
        sign_in(&portal, &provider, "a", &li()).await;
        for _ in 0..2 {
            round(&provider, &portal, Call::Userinfo).await;
            assert_eq!(portal.db_live_sessions(), 1);
        }
        provider.on_call(Call::Userinfo, Reply::invalid_token());
        portal.clock.advance(PERIOD);
        until("they are out", async || portal.db_live_sessions() == 0).await;
        assert_eq!(last(&portal), "access_withdrawn li a");
    }

    async fn the_provider_is_not_asked_about_people_who_signed_out_or_went_away(database) {
        let (provider, portal) = asking(database).await;
        let given = record_tokens(&provider);
        let out = provider.signed_in(&portal, &Subject::named("out")).await;
        provider.signed_in(&portal, &Subject::named("away")).await;
        let page = out.get("/account").await;
        out.post("/logout", &page, &[]).await;
        // Nine hours, and sessions end after eight without a request.
        portal.database.execute("UPDATE sessions SET last_seen_at = last_seen_at - 32400000000");
        provider.signed_in(&portal, &li()).await;
        for _ in 0..2 {
            round(&provider, &portal, Call::Token).await;
        }
        let mine: Vec<Value> = given.lock().expect("answers").iter().take(2)
            .map(|answer| answer["refresh_token"].clone())
            .collect();
        for used in refreshes(&provider) {
            assert!(!mine.contains(&json!(used)));
        }
    }

    async fn tokens_are_sealed_wherever_they_are_kept(database) {
        let (provider, portal) = asking(database.clone()).await;
        let given = record_tokens(&provider);
        let browser = provider.signed_in(&portal, &li()).await;
        round(&provider, &portal, Call::Token).await;
        round(&provider, &portal, Call::Token).await;
        let page = browser.get("/account").await;
        browser.post("/logout", &page, &[]).await;
        provider.patch(Document::Token, json!({"refresh_token": null}));
        provider.signed_in(&portal, &li()).await;
        let sealed = "sessions WHERE id_token IS NOT NULL AND COALESCE(refresh_token, access_token) IS NOT NULL";
        assert!(portal.database.count(sealed) >= 1, "there is something to look for");
        let mut whole = portal.database.dump();
        if !database.is_postgresql() {
            for suffix in ["", "-wal"] {
                let bytes = std::fs::read(format!("{}{suffix}", database.url)).unwrap_or_default();
                whole.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        let mut canaries = portal.canaries();
        for answer in given.lock().expect("answers").iter() {
            for member in ["access_token", "refresh_token", "id_token"] {
                canaries.extend(answer[member].as_str().map(str::to_owned));
            }
        }
        assert!(canaries.len() > 10);
        for canary in canaries {
            assert!(!whole.contains(&canary), "a token in the database");
        }
    }

    async fn a_sign_out_revokes_the_tokens(database) {
        let (provider, portal) = asking(database).await;
        let given = record_tokens(&provider);
        let browser = provider.signed_in(&portal, &li()).await;
        let page = browser.get("/account").await;
        browser.post("/logout", &page, &[]).await;
        until("the trail says so", async || last(&portal) == "tokens_revoked li company").await;
        let seen = provider.seen(Call::Revocation);
        assert_eq!(seen.len(), 1);
        let form = seen[0].form();
        assert_eq!(given.lock().expect("answers")[0]["refresh_token"], form["token"]);
        assert_eq!(form["token_type_hint"], "refresh_token");
        let kept = "sessions WHERE refresh_token IS NOT NULL OR access_token IS NOT NULL";
        assert_eq!(portal.database.count(kept), 0);
    }

    async fn a_sign_in_with_an_openid_provider_costs_two_calls_and_one_transaction(database) {
        const CALLS: [Call; 6] = [
            Call::Discovery, Call::Keys, Call::Token, Call::Userinfo, Call::PushedRequest, Call::Revocation,
        ];
        let provider = OpenId::start().await;
        let portal = provider.portal(database).with("OAUTH2_RECHECK", "off").run().await;
        until_swept(&portal).await;
        provider.signed_in(&portal, &li()).await;
        let calls = || CALLS.map(|call| provider.seen(call).len());
        for name in ["li", "wang"] {
            let browser = portal.browser();
            let callback = provider.approve(&browser.begin("/").await, &Subject::named(name));
            let (called, before) = (calls(), portal.inner.db.counts());
            assert_eq!(browser.get(&callback).await.status, 303);
            let after = portal.inner.db.counts();
            let made: Vec<usize> = calls().iter().zip(called).map(|(now, then)| now - then).collect();
            assert_eq!(made, [0, 0, 1, 1, 0, 0], "{name}: a token and a userinfo");
            assert_eq!((after.writes - before.writes, after.reads - before.reads), (1, 0), "{name}: one transaction");
        }
        assert_eq!(calls()[..2], [1, 1], "discovery and keys, once for all");
    }
}

#[test]
fn a_refresh_about_another_person_ends_every_session_and_one_that_proves_nothing_does_not() {
    run(async {
        for (by, is_over) in [
            (json!({"sub": "another"}), true),
            (json!({"iss": "https://evil.test"}), true),
            (json!({"aud": "another"}), true),
            (json!({"aud": ["frontdesk", "one-more-app"]}), false),
            (json!({"exp": 1}), false),
        ] {
            let (provider, portal) = asking(Database::sqlite()).await;
            provider.signed_in(&portal, &li()).await;
            provider.patch(Document::Refreshed, by.clone());
            if is_over {
                portal.clock.advance(PERIOD);
                until("they are out", async || portal.db_live_sessions() == 0).await;
                assert_eq!(last(&portal), "access_withdrawn li company", "{by}");
            } else {
                for _ in 0..2 {
                    round(&provider, &portal, Call::Token).await;
                }
                assert_eq!(portal.db_live_sessions(), 1, "{by}");
            }
        }
    });
}

#[test]
fn a_refusal_counts_with_the_status_that_some_give_it() {
    run(async {
        for status in [401, 403] {
            let (provider, portal) = asking(Database::sqlite()).await;
            provider.signed_in(&portal, &li()).await;
            let error = json!({"error": "invalid_grant"});
            provider.on_call(Call::Token, Reply::json(status, &error));
            portal.clock.advance(PERIOD);
            until("they are out", async || portal.db_live_sessions() == 0).await;
        }
    });
}

#[test]
fn a_provider_in_trouble_ends_no_session() {
    run(async {
        let garbage = |body: &str| Reply::Answer(200, "application/json", body.as_bytes().to_vec());
        let mut all = Vec::new();
        for reply in [
            Reply::Answer(500, "text/html", b"<h1>no</h1>".to_vec()),
            Reply::Answer(503, "text/html", Vec::new()),
            Reply::Answer(429, "text/html", Vec::new()),
            Reply::Answer(404, "text/html", Vec::new()),
            Reply::json(401, &json!({"error": "invalid_client"})),
            Reply::json(403, &json!({"error": "access_denied"})),
            Reply::json(404, &json!({"error": "invalid_grant"})),
            Reply::json(400, &json!({"error": "temporarily_unavailable"})),
            Reply::json(400, &json!({"error": "unauthorized_client"})),
            Reply::Answer(400, "text/html", b"invalid_grant".to_vec()),
            garbage("{\"acc"),
            garbage("[]"),
            garbage("{}"),
            Reply::Reset,
            Reply::CutBody,
            Reply::Silence,
            Reply::DripHeaders,
        ] {
            all.push(async move {
                let what = format!("{reply:?}");
                let (provider, portal) = asking(Database::sqlite()).await;
                let browser = provider.signed_in(&portal, &li()).await;
                provider.on_call(Call::Token, reply);
                round(&provider, &portal, Call::Token).await;
                assert_eq!(portal.db_live_sessions(), 1, "{what}");
                provider.behave();
                round(&provider, &portal, Call::Token).await;
                assert_eq!(
                    (portal.db_live_sessions(), trail(&portal).len()),
                    (1, 1),
                    "{what}"
                );
                assert_eq!(browser.get("/account").await.status, 200, "{what}");
            });
        }
        join_all(all).await;
    });
}

#[test]
fn tokens_that_the_provider_does_not_revoke_are_reported() {
    run(async {
        let (provider, portal) = asking(Database::sqlite()).await;
        let browser = provider.signed_in(&portal, &li()).await;
        provider.on_call(
            Call::Revocation,
            Reply::Answer(503, "text/html", Vec::new()),
        );
        let page = browser.get("/account").await;
        browser.post("/logout", &page, &[]).await;
        until("it was tried twice", async || {
            provider.seen(Call::Revocation).len() == 2
        })
        .await;
        // The third time comes after a longer pause.
        tokio::time::sleep(Duration::from_secs(12)).await;
        until("the trail says so", async || {
            last(&portal).starts_with("tokens_revoked")
        })
        .await;
        assert_eq!(last(&portal), "tokens_revoked provider_error li company");
        assert_eq!(provider.seen(Call::Revocation).len(), 3);
    });
}
