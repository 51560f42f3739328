//! The callback: whose it is, and where its attempt began.

use std::sync::Arc;

use serde_json::json;

use super::{accepts, at, li, two_with_portal};
use crate::support::lying_openid::{Call, Document, Subject};
use crate::support::provider::query;
use crate::support::{Database, OpenId, assert_refused, run, spawn};

#[test]
fn the_issuer_in_the_callback_is_that_of_the_provider_that_was_asked() {
    run(async {
        let ([one, two], portal) = two_with_portal(Database::sqlite()).await;
        let tokens = || one.seen(Call::Token).len() + two.seen(Call::Token).len();
        let url = &one.issuer;
        for by in [
            json!({"iss": null}),
            json!({"iss": ""}),
            json!({"iss": two.issuer}),
            json!({"iss": format!("{url}/")}),
            json!({"iss": url.to_uppercase()}),
            json!({"iss": format!("{url} ")}),
            json!({"iss": [url, url]}),
            json!({"iss": [url, two.issuer]}),
            json!({"iss": "https://evil.test"}),
        ] {
            one.patch(Document::Callback, by.clone());
            for is_error in [false, true] {
                let browser = portal.browser();
                let begun = browser.get(&at("a")).await;
                let callback = if is_error {
                    one.refuse(begun.location(), "access_denied")
                } else {
                    one.approve(begun.location(), &li())
                };
                let answer = browser.get(&callback).await;
                assert_refused(&portal, &answer, 400, &by.to_string());
            }
        }
        assert_eq!(tokens(), 0, "no code was sent anywhere");
        let blamed = "audit_events WHERE reason = 'declined'";
        assert_eq!(portal.database.count(blamed), 0);
        one.behave();
        let answer = one.sign_in_from(&portal.browser(), &at("a"), &li()).await;
        assert!(answer.sets_session());

        // A provider that does not send it may leave it out, but not send another's.
        let old = OpenId::start().await;
        let silent = json!({"authorization_response_iss_parameter_supported": null});
        old.patch(Document::Discovery, silent);
        let portal = old.portal(Database::sqlite()).run().await;
        old.patch(Document::Callback, json!({"iss": null}));
        accepts(&old, &portal, "absent").await;
        old.patch(Document::Callback, json!({"iss": "https://evil.test"}));
        let answer = old.sign_in(&portal.browser(), &li()).await;
        assert_refused(&portal, &answer, 400, "another's");
    });
}

#[test]
fn an_attempt_counts_at_the_provider_where_it_began() {
    run(async {
        let (providers, portal) = two_with_portal(Database::sqlite()).await;
        let ids = ["a", "b"];
        let calls = || -> usize {
            let calls = providers.iter().map(|one| one.seen(Call::Token).len());
            calls.sum()
        };
        for cell in 0..16 {
            let [begun_at, code_of, back_at, iss_of] =
                [1, 2, 4, 8].map(|bit| usize::from(cell & bit != 0));
            let browser = portal.browser();
            let begun = browser.get(&at(ids[begun_at])).await;
            let person = Subject::named(ids[begun_at]);
            let callback = query(&providers[code_of].approve(begun.location(), &person));
            let iss: String =
                url::form_urlencoded::byte_serialize(providers[iss_of].issuer.as_bytes()).collect();
            let before = calls();
            let answer = browser
                .get(&format!(
                    "/oauth2_callback/{}/?code={}&state={}&iss={iss}",
                    ids[back_at], callback["code"], callback["state"],
                ))
                .await;
            let is_straight = [code_of, back_at, iss_of] == [begun_at; 3];
            assert_eq!(answer.sets_session(), is_straight, "cell {cell}");
            if [back_at, iss_of] != [begun_at; 2] {
                assert_eq!(calls(), before, "cell {cell}: nobody was sent the code");
            }
        }
        assert_eq!(portal.database.count("users"), 2);
    });
}

#[test]
fn two_hundred_sign_ins_at_once_at_two_providers_each_land_on_their_own() {
    run(async {
        let (providers, portal) = two_with_portal(Database::sqlite()).await;
        let portal = Arc::new(portal);
        let all: Vec<_> = (0..200)
            .map(|number| {
                let id = ["a", "b"][number % 2];
                let (portal, provider) = (Arc::clone(&portal), providers[number % 2].clone());
                spawn(async move {
                    // Each subject exists at both, as two people.
                    let name = format!("{id}-{number}");
                    let subject = Subject::named(&name).with("sub", format!("sub-{}", number / 2));
                    let browser = portal.browser();
                    let answer = provider.sign_in_from(&browser, &at(id), &subject).await;
                    assert!(answer.sets_session(), "{name}: {}", answer.body);
                    assert_eq!(browser.get("/account").await.user(), Some(name));
                })
            })
            .collect();
        for one in all {
            one.await.expect("on their own identity");
        }
        let at_one = "identities WHERE provider = 'a'";
        assert_eq!(portal.database.count(at_one), 100);
        assert_eq!(portal.database.count("users"), 200);
    });
}
