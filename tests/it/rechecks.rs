//! What a re-check brings: rights that were taken there, refusals with and without a reason, and
//! many sessions of one person.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk::secret::{Purpose, random_bytes};
use serde_json::{Value, json};

use crate::support::lying_openid::{Call, Document, Subject};
use crate::support::portal::PASSWORD;
use crate::support::{
    Answer, Browser, Database, Db, OpenId, Portal, Reply, on_both_databases, run, until,
};

/// How often people are asked about here; by the clock, which the tests put on.
const PERIOD: Duration = Duration::from_secs(20);
/// The permission that makes a superuser here.
const ADMIN: &str = "desk.admin";

/// More of the provider's table: the ID token alone tells who somebody is.
const ID_TOKEN_ALONE: &str = "ask_userinfo = false\nmapping.username = \"/sub\"\n";

fn li() -> Subject {
    Subject::named("li")
}

/// One provider `a` that is asked again, whose `groups` are permissions.
async fn asking(database: Database, more: &str) -> (OpenId, Portal) {
    let provider = OpenId::start().await;
    let table = format!("recheck = \"20s\"\nmapping.permissions = [\"/groups\"]\n{more}");
    let toml = provider.toml("a").replace("recheck = \"off\"\n", &table);
    let portal = provider
        .portal_of(database, &toml)
        .with("FRONTDESK_SUPERUSER_PERMISSION", ADMIN)
        .with("FRONTDESK_SESSIONS_PER_PERSON", "500")
        .run()
        .await;
    (provider, portal)
}

async fn signed_in(portal: &Portal, provider: &OpenId, subject: &Subject) -> Browser {
    let browser = portal.browser();
    let from = "/oauth2/login?next=/account&provider=a";
    let answer = provider.sign_in_from(&browser, from, subject).await;
    assert!(answer.sets_session(), "{}", answer.body);
    browser
}

async fn local_superuser(portal: &Portal) -> Browser {
    portal.db_create_local_account("root");
    portal.db_make_superuser("root");
    let browser = portal.browser();
    let page = browser.get("/login").await;
    let fields = [("username", "root"), ("password", PASSWORD)];
    let answer = browser.post("/login", &page, &fields).await;
    assert_eq!(answer.status, 303);
    browser
}

/// A period goes by, and everybody is asked about once.
async fn round(portal: &Portal) {
    portal.clock.advance(PERIOD);
    let before = portal.clock.now().minus(Duration::from_secs(15)).0;
    let waiting = format!(
        "identities i WHERE EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = i.user_id AND s.provider = i.provider AND s.ended_at IS NULL AND s.recheck_at IS NOT NULL) AND COALESCE(i.asked_at, 0) < {before}"
    );
    until("everybody is asked about", async || {
        portal.database.count(&waiting) == 0
    })
    .await;
}

async fn is_in(browser: &Browser) -> bool {
    browser.get("/account").await.status == 200
}

fn forbidden() -> Reply {
    Reply::Answer(403, "text/html", b"<h1>403</h1>".to_vec())
}

on_both_databases! {
    async fn a_right_that_was_taken_there_is_gone_here_in_the_same_session(database) {
        let (provider, portal) = asking(database, "").await;
        local_superuser(&portal).await;
        let boss = li().with("groups", json!([ADMIN, "x"]));
        let browser = signed_in(&portal, &provider, &boss).await;
        assert_eq!(browser.get("/admin/users").await.status, 200);
        round(&portal).await;
        assert!(portal.db_details_of("account_synced").is_empty(), "nothing changed");
        assert_eq!(browser.get("/admin/users").await.status, 200);

        provider.change(&li().with("groups", json!(["x"])).with("name", "Li the Second"));
        round(&portal).await;
        assert_eq!(browser.get("/admin/users").await.status, 403, "an employee");
        assert!(is_in(&browser).await, "in the same session");
        let told = portal.db_details_of("account_synced");
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["permissions_removed"], json!([ADMIN]));
        assert!(told[0]["changes"].to_string().contains("role_by_permission"), "{told:?}");
        round(&portal).await;
        assert_eq!(portal.db_details_of("account_synced").len(), 1, "once");

        // And what was given there arrives too.
        provider.change(&boss);
        round(&portal).await;
        assert_eq!(browser.get("/admin/users").await.status, 200);
    }

    async fn a_group_that_a_refreshed_id_token_lacks_is_gone_and_a_claim_that_it_leaves_out_says_nothing(database) {
        let (provider, portal) = asking(database, ID_TOKEN_ALONE).await;
        local_superuser(&portal).await;
        provider.patch(Document::IdToken, json!({"groups": [ADMIN, "x"]}));
        let browser = signed_in(&portal, &provider, &li()).await;
        provider.patch(Document::Refreshed, json!({"groups": null}));
        for _ in 0..2 {
            round(&portal).await;
        }
        assert_eq!(portal.db_column("user_permissions", "name"), [ADMIN, "x"], "what was left out says nothing");
        assert_eq!(browser.get("/admin/users").await.status, 200);
        provider.patch(Document::Refreshed, json!({"groups": ["x"]}));
        round(&portal).await;
        assert_eq!(portal.db_column("user_permissions", "name"), ["x"]);
        assert_eq!(browser.get("/admin/users").await.status, 403);
        assert!(is_in(&browser).await);
    }

    async fn a_person_who_would_no_longer_be_admitted_is_signed_out(database) {
        let (provider, portal) = asking(database, "admit_permissions = [\"x\"]\n").await;
        let browser = signed_in(&portal, &provider, &li().with("groups", json!(["x"]))).await;
        provider.change(&li().with("groups", json!(["y"])));
        portal.clock.advance(PERIOD);
        until("they are out", async || !is_in(&browser).await).await;
        let told = portal.db_details_of("access_withdrawn");
        assert_eq!(told[0]["failure"], "permission", "{told:?}");
    }

    async fn a_refusal_without_a_reason_counts_the_second_time_if_others_are_answered(database) {
        let (provider, portal) = asking(database, "").await;
        let mut others = Vec::new();
        for name in ["wang", "zhang", "chen", "liu", "zhao"] {
            others.push(signed_in(&portal, &provider, &Subject::named(name)).await);
        }
        let browser = signed_in(&portal, &provider, &li()).await;
        provider.on_userinfo_of(&li(), Reply::Answer(401, "text/plain", Vec::new()));
        round(&portal).await;
        assert!(is_in(&browser).await, "one refusal may be a gateway's");
        portal.clock.advance(PERIOD);
        until("they are out", async || !is_in(&browser).await).await;
        for other in &others {
            assert!(is_in(other).await);
        }
        assert_eq!(portal.db_details_of("access_withdrawn").len(), 1);
    }

    async fn with_nobody_else_to_ask_about_a_refusal_without_a_reason_counts_the_fifth_time(database) {
        let (provider, portal) = asking(database, "").await;
        let browser = signed_in(&portal, &provider, &li()).await;
        provider.on_call(Call::Userinfo, forbidden());
        for time in 1..=4 {
            round(&portal).await;
            assert!(is_in(&browser).await, "after {time}");
        }
        portal.clock.advance(PERIOD);
        until("they are out", async || !is_in(&browser).await).await;
    }

    async fn a_firewall_that_refuses_everybody_ends_nothing_and_an_admin_may_say_that_it_is_meant(database) {
        let (provider, portal) = asking(database, "").await;
        let admin = local_superuser(&portal).await;
        let mut people = Vec::new();
        for name in ["wang", "zhang", "chen", "liu", "zhao", "li"] {
            people.push(signed_in(&portal, &provider, &Subject::named(name)).await);
        }
        round(&portal).await;
        provider.on_call(Call::Userinfo, forbidden());
        for _ in 0..8 {
            round(&portal).await;
        }
        for browser in &people {
            assert!(is_in(browser).await);
        }
        let told = portal.db_details_of("refusals_suspended");
        assert_eq!(told.len(), 1, "once: {told:?}");
        let page = admin.get("/admin/status").await;
        assert!(page.body.contains("such refusals sign nobody out"), "{}", page.body);
        assert!(portal.log().contains("event=refusals_suspended"));
        // Some are answered again, and one is refused: it counts for nothing while it is held back.
        provider.behave();
        provider.on_userinfo_of(&li(), forbidden());
        for _ in 0..3 {
            round(&portal).await;
        }
        assert!(is_in(&people[5]).await);
        // What was refused before an admin said so does not count either.
        let fields = [("provider", "a")];
        let answer: Answer = admin.post("/admin/status/refusals", &page, &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(portal.db_details_of("refusals_confirmed").len(), 1);
        round(&portal).await;
        assert!(is_in(&people[5]).await);
        portal.clock.advance(PERIOD);
        until("they are out", async || !is_in(&people[5]).await).await;
        for browser in &people[..5] {
            assert!(is_in(browser).await);
        }
        let answer = admin.post("/admin/status/refusals", &page, &fields).await;
        assert_eq!(answer.status, 404, "there is nothing to confirm");
    }

    async fn a_person_with_many_sessions_loses_them_all_at_once(database) {
        let (provider, portal) = asking(database, "").await;
        let mut last = None;
        for _ in 0..120 {
            let mut browser = portal.browser();
            browser.is_recorded = false;
            let from = "/oauth2/login?next=/account&provider=a";
            assert!(provider.sign_in_from(&browser, from, &li()).await.sets_session());
            last = Some(browser);
        }
        let other = signed_in(&portal, &provider, &Subject::named("wang")).await;
        provider.on_userinfo_of(&li(), Reply::invalid_token());
        portal.clock.advance(PERIOD);
        let last = last.expect("a browser");
        until("they are out", async || !is_in(&last).await).await;
        let told = portal.db_details_of("access_withdrawn");
        assert_eq!((told.len(), &told[0]["count"]), (1, &json!(120)), "{told:?}");
        assert!(is_in(&other).await);
    }

    async fn the_oldest_session_makes_room_for_the_next(database) {
        let provider = OpenId::start().await;
        let portal = provider.portal(database).with("FRONTDESK_SESSIONS_PER_PERSON", "3").run().await;
        let mut all = Vec::new();
        for _ in 0..4 {
            portal.clock.advance(Duration::from_secs(1));
            all.push(provider.signed_in(&portal, &li()).await);
        }
        let mut live = Vec::new();
        for browser in &all {
            live.push(is_in(browser).await);
        }
        assert_eq!(live, [false, true, true, true]);
        let told = portal.db_details_of("oldest_sessions_ended");
        assert_eq!(told, [json!({"count": 1})]);
        provider.signed_in(&portal, &Subject::named("wang")).await;
        assert!(is_in(&all[1]).await, "it is counted for each person");
    }

    async fn a_sealed_token_opens_in_its_own_row_alone(database) {
        let (provider, portal) = asking(database, ID_TOKEN_ALONE).await;
        let browser = signed_in(&portal, &provider, &li()).await;
        let other = signed_in(&portal, &provider, &Subject::named("wang")).await;
        // Whoever can write to the database gives one person's token to another.
        let tokens = portal.database.texts("SELECT refresh_token AS value FROM sessions ORDER BY id");
        for (token, of) in tokens.iter().zip(["MAX", "MIN"]) {
            portal.database.execute(&format!("UPDATE sessions SET refresh_token = '{token}' WHERE id = (SELECT {of}(id) FROM sessions)"));
        }
        let asked = provider.seen(Call::Token).len();
        portal.clock.advance(PERIOD);
        let due = format!("sessions WHERE recheck_at < {}", portal.clock.now().0);
        until("they were looked at", async || portal.database.count(&due) == 0).await;
        assert_eq!(provider.seen(Call::Token).len(), asked, "no token was sent");
        until("the log says so", async || portal.log().contains("outcome=sealed")).await;
        assert!(is_in(&browser).await && is_in(&other).await);
    }
}

/// Sessions of before this was so: their tokens are read until they are renewed.
#[test]
fn a_token_that_was_sealed_for_no_row_is_read_until_it_is_renewed() {
    run(async {
        let (provider, portal) = asking(Database::sqlite(), "").await;
        let given: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&given);
        provider.tamper(Document::Token, move |answer| {
            kept.lock().expect("answers").push(answer.clone());
        });
        let browser = signed_in(&portal, &provider, &li()).await;
        let token = given.lock().expect("answers")[0]["refresh_token"].clone();
        let token = token.as_str().expect("a token");
        let salt = random_bytes().expect("randomness");
        let sealed = portal
            .inner
            .keys
            .seal(Purpose::Grant, salt, token.as_bytes());
        let sealed = sealed.expect("a seal");
        portal
            .database
            .execute(&format!("UPDATE sessions SET refresh_token = '{sealed}'"));
        round(&portal).await;
        let asked = provider.seen(Call::Token).pop().expect("a refresh");
        assert_eq!(
            asked.form().get("refresh_token").map(String::as_str),
            Some(token)
        );
        assert!(is_in(&browser).await);
        let bound = "sessions WHERE refresh_token LIKE '2.%'";
        assert_eq!(
            portal.database.count(bound),
            1,
            "the new one is sealed for its row"
        );
    });
}

#[test]
fn an_answer_that_says_wait_is_no_refusal() {
    run(async {
        let busy = |status: &str| {
            let text = format!(
                "HTTP/1.1 {status}\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            Reply::Raw(text.into_bytes())
        };
        for reply in [
            busy("403 Forbidden"),
            busy("401 Unauthorized"),
            busy("429 Too Many Requests"),
            busy("503 Service Unavailable"),
            Reply::Answer(500, "text/html", Vec::new()),
        ] {
            let (provider, portal) =
                asking(Database::sqlite(), "recheck_with = \"profile\"\n").await;
            let browser = signed_in(&portal, &provider, &li()).await;
            signed_in(&portal, &provider, &Subject::named("wang")).await;
            provider.on_userinfo_of(&li(), reply);
            for _ in 0..6 {
                round(&portal).await;
            }
            assert!(is_in(&browser).await);
        }
    });
}
