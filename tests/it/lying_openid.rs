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
use crate::support::{Database, Db, OpenId, Portal, assert_refused};

fn li() -> Subject {
    Subject::named("li")
}

/// The next sign-in is refused as the provider's fault.
async fn refuses(provider: &OpenId, portal: &Portal, what: &str) {
    let answer = provider.sign_in(&portal.browser(), &li()).await;
    assert_refused(portal, &answer, 502, what);
}

/// The next sign-in goes well; then all is as before it.
async fn accepts(provider: &OpenId, portal: &Portal, what: &str) {
    let answer = provider.sign_in(&portal.browser(), &li()).await;
    assert!(answer.sets_session(), "{what}: {}", answer.body);
    portal.db_forget_everybody();
}

/// One sign-in after the other, each with the ID token patched.
async fn judges(provider: &OpenId, portal: &Portal, cases: &[(Value, bool)]) {
    for (by, is_good) in cases {
        provider.patch(Document::IdToken, by.clone());
        if *is_good {
            accepts(provider, portal, &by.to_string()).await;
        } else {
            refuses(provider, portal, &by.to_string()).await;
        }
    }
}

fn at(provider: &str) -> String {
    format!("/oauth2/login?next=/account&provider={provider}")
}

/// Two providers in one file.
async fn two_with_portal(database: Database) -> ([OpenId; 2], Portal) {
    let (one, two) = (OpenId::start().await, OpenId::start().await);
    let toml = format!("{}\n{}", one.toml("a"), two.toml("b"));
    let portal = one.portal_of(database, &toml).run().await;
    ([one, two], portal)
}
