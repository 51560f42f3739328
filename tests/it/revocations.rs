//! Tokens that no session keeps are revoked at the provider (RFC 7009), in the background: those of
//! test sign-ins, of linking and of refused sign-ins.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::providers::linking;
use crate::support::lying_openid::{Call, Document, Subject};
use crate::support::{Browser, Database, Db, OpenId, Portal, Reply, on_both_databases, run, until};

type Given = Arc<Mutex<Vec<Value>>>;

/// What the token address answers from now on, patched; and each answer, kept.
fn record(provider: &OpenId, by: Value) -> Given {
    let given: Given = Arc::default();
    let kept = Arc::clone(&given);
    provider.tamper(Document::Token, move |answer| {
        crate::support::lying_openid::patch(answer, &by);
        kept.lock().expect("answers").push(answer.clone());
    });
    given
}

fn newest(given: &Given) -> Value {
    let given = given.lock().expect("answers");
    given.last().cloned().expect("an answer")
}

fn taken(provider: &OpenId) -> Vec<String> {
    let seen = provider.seen(Call::Revocation);
    seen.iter()
        .map(|seen| seen.form()["token"].clone())
        .collect()
}

/// The newest token of that kind comes back, and it is the only one that does.
async fn is_taken_back(provider: &OpenId, given: &Given, kind: &str, what: &str) {
    let token = newest(given)[kind].as_str().expect("a token").to_owned();
    until(&format!("{what}: the token is taken back"), async || {
        taken(provider).contains(&token)
    })
    .await;
    let seen = provider.seen(Call::Revocation);
    let form = seen.last().expect("a call").form();
    assert_eq!(form["token_type_hint"], kind, "{what}");
}

async fn pair(database: Database) -> (OpenId, OpenId, Portal) {
    let (one, two) = (OpenId::start().await, OpenId::start().await);
    let toml = format!(
        "{}{}admit_values = {{ \"/tenant\" = [\"t1\"] }}\n",
        one.toml("a"),
        two.toml("b")
    );
    let portal = one.portal_of(database, &toml).run().await;
    (one, two, portal)
}

async fn begin(portal: &Portal, provider: &OpenId, id: &str, subject: &Subject) -> (Browser, u16) {
    let browser = portal.browser();
    let from = format!("/oauth2/login?next=/account&provider={id}");
    let answer = provider.sign_in_from(&browser, &from, subject).await;
    (browser, answer.status.as_u16())
}

fn admissible(name: &str) -> Subject {
    Subject::named(name).with("tenant", "t1")
}

on_both_databases! {
    async fn tokens_of_test_sign_ins_linkings_and_refused_sign_ins_are_revoked(database) {
        let (one, two, portal) = pair(database).await;
        let given = record(&two, json!({}));
        let (boss, _) = begin(&portal, &one, "a", &Subject::named("boss")).await;
        portal.db_make_superuser("boss");

        // -- a trial, of anybody, whatever it would come to --
        for subject in [admissible("li"), Subject::named("stranger"), admissible("boss")] {
            let from = "/oauth2/login?rehearse=1&provider=b";
            let answer = two.sign_in_from(&boss, from, &subject).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            is_taken_back(&two, &given, "refresh_token", "a trial").await;
        }

        // -- a sign-in that is refused, or that fails after the token call --
        assert_eq!(begin(&portal, &two, "b", &admissible("boss")).await.1, 409, "the name is taken");
        is_taken_back(&two, &given, "refresh_token", "a name that is taken").await;
        assert_eq!(begin(&portal, &two, "b", &Subject::named("stranger")).await.1, 403);
        is_taken_back(&two, &given, "refresh_token", "not admitted").await;
        two.patch(Document::Userinfo, json!({"sub": "another"}));
        assert_eq!(begin(&portal, &two, "b", &admissible("li")).await.1, 502);
        is_taken_back(&two, &given, "refresh_token", "userinfo of another").await;
        two.behave();
        let given = record(&two, json!({}));
        two.on_call(Call::Userinfo, Reply::Answer(500, "text/html", Vec::new()));
        assert_eq!(begin(&portal, &two, "b", &admissible("li")).await.1, 502);
        is_taken_back(&two, &given, "refresh_token", "userinfo fails").await;
        two.behave();
        let given = record(&two, json!({}));
        two.patch(Document::IdToken, json!({"nonce": "another"}));
        assert_eq!(begin(&portal, &two, "b", &admissible("li")).await.1, 502);
        is_taken_back(&two, &given, "refresh_token", "a bad ID token").await;
        two.behave();
        let given = record(&two, json!({"refresh_token": null}));
        assert_eq!(begin(&portal, &two, "b", &Subject::named("stranger")).await.1, 403);
        is_taken_back(&two, &given, "access_token", "without a refresh token").await;

        // -- a linking, done or refused: its session is the other provider's --
        let given = record(&two, json!({}));
        let there = admissible("boss-there");
        let stranger = Subject::named("stranger");
        let answer = two.sign_in_from(&boss, &linking(&boss, "b").await, &stranger).await;
        assert_eq!(answer.status, 403);
        is_taken_back(&two, &given, "refresh_token", "a refused linking").await;
        let answer = two.sign_in_from(&boss, &linking(&boss, "b").await, &there).await;
        assert_eq!(answer.location(), "/account", "{}", answer.body);
        is_taken_back(&two, &given, "refresh_token", "a linking").await;

        // -- one that is let in keeps what it was given --
        let before = taken(&two).len();
        let (_browser, status) = begin(&portal, &two, "b", &there).await;
        assert_eq!(status, 303);
        let kept = newest(&given)["refresh_token"].as_str().expect("a token").to_owned();
        portal.database.execute("UPDATE users SET is_active = FALSE");
        assert_eq!(begin(&portal, &two, "b", &there).await.1, 403, "deactivated");
        is_taken_back(&two, &given, "refresh_token", "deactivated").await;
        assert_eq!(taken(&two).len(), before + 1);
        assert!(!taken(&two).contains(&kept));

        // A line in the log says so; the trail is not filled by what strangers do.
        assert!(portal.log().contains("event=revocation"), "{}", portal.log());
        assert_eq!(portal.db_count_events("tokens_revoked"), 0);
    }

    async fn tokens_that_a_session_here_still_uses_are_not_revoked(database) {
        let (one, two, portal) = pair(database).await;
        let given = record(&two, json!({}));
        // The provider's own session: some take back all that it gave with one token of it.
        let (browser, _) = begin(&portal, &two, "b", &admissible("boss").with("sid", "s1")).await;
        portal.db_make_superuser("boss");
        let from = "/oauth2/login?rehearse=1&provider=b";
        let same = admissible("boss").with("sid", "s1");
        assert_eq!(two.sign_in_from(&browser, from, &same).await.status, 200);
        two.patch(Document::IdToken, json!({"nonce": "another"}));
        assert_eq!(begin(&portal, &two, "b", &same).await.1, 502);
        two.patch(Document::IdToken, json!({}));
        let other = admissible("boss").with("sid", "s2");
        assert_eq!(two.sign_in_from(&browser, from, &other).await.status, 200);
        is_taken_back(&two, &given, "refresh_token", "another session there").await;
        assert_eq!(taken(&two).len(), 1);
        drop(one);
    }
}

#[test]
fn a_provider_that_revokes_no_tokens_is_not_asked_to() {
    run(async {
        let provider = OpenId::start().await;
        let toml = format!("{}revoke_tokens = false\n", provider.toml("a"));
        let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
        provider.patch(Document::Userinfo, json!({"sub": "another"}));
        assert_eq!(
            begin(&portal, &provider, "a", &Subject::named("li"))
                .await
                .1,
            502
        );
        let (_, status) = {
            provider.behave();
            begin(&portal, &provider, "a", &Subject::named("li")).await
        };
        assert_eq!(status, 303);
        assert_eq!(taken(&provider).len(), 0);
    });
}

#[test]
fn refused_sign_ins_leave_room_for_the_tokens_of_those_who_sign_out() {
    run(async {
        let provider = OpenId::start().await;
        let start = provider.portal(Database::sqlite());
        let portal = start.with("OAUTH2_RECHECK", "1h").run().await;
        let browser = provider.signed_in(&portal, &Subject::named("li")).await;
        provider.on_call(Call::Revocation, Reply::Silence);
        provider.patch(Document::Userinfo, json!({"sub": "another"}));
        for number in 0..40 {
            let stranger = Subject::named(&format!("stranger{number}"));
            assert_eq!(begin(&portal, &provider, "company", &stranger).await.1, 502);
        }
        until("as many as may are asked", async || {
            taken(&provider).len() >= 16
        })
        .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(taken(&provider).len(), 16);
        let page = browser.get("/account").await;
        browser.post("/logout", &page, &[]).await;
        until("the sign-out's is asked, too", async || {
            taken(&provider).len() == 17
        })
        .await;
    });
}
