//! `OpenID` Connect with a provider that lies as each test tells it: what it may say, what it may
//! not, and what it may break. `real_openid` has the tests with a real provider.

mod callback;
mod claims;
mod client;
mod discovery;
mod outages;
mod prompts;
mod signatures;
mod signing_out;

use serde_json::Value;

use crate::support::lying_openid::{Document, Subject};
use crate::support::{Database, Db, Desk, OpenId, assert_refused};

fn li() -> Subject {
    Subject::named("li")
}

/// The next sign-in is refused as the provider's fault.
async fn refuses(provider: &OpenId, desk: &Desk, what: &str) {
    let answer = provider.sign_in(&desk.browser(), &li()).await;
    assert_refused(desk, &answer, 502, what);
}

/// The next sign-in goes well; then all is as before it.
async fn accepts(provider: &OpenId, desk: &Desk, what: &str) {
    let answer = provider.sign_in(&desk.browser(), &li()).await;
    assert!(answer.sets_session(), "{what}: {}", answer.body);
    desk.db_forget_everybody();
}

/// One sign-in after the other, each with the ID token patched.
async fn judges(provider: &OpenId, desk: &Desk, cases: &[(Value, bool)]) {
    for (by, is_good) in cases {
        provider.patch(Document::IdToken, by.clone());
        if *is_good {
            accepts(provider, desk, &by.to_string()).await;
        } else {
            refuses(provider, desk, &by.to_string()).await;
        }
    }
}

fn at(provider: &str) -> String {
    format!("/oauth2/login?next=/account&provider={provider}")
}

/// Two providers in one file.
async fn two_with_desk(database: Database) -> ([OpenId; 2], Desk) {
    let (one, two) = (OpenId::start().await, OpenId::start().await);
    let toml = format!("{}\n{}", one.toml("a"), two.toml("b"));
    let desk = one.desk_of(database, &toml).run().await;
    ([one, two], desk)
}
