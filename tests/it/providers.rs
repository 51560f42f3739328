//! Several providers at once. Here is what their tests share.

mod leaving;
mod linking;
mod mapping;
mod moving;
mod people;
mod settings;
mod sign_in_page;
mod test_sign_ins;

use serde_json::json;

use crate::support::lying_openid::Subject;
use crate::support::{Browser, Database, Db, OpenId, Portal, until};

fn li() -> Subject {
    Subject::named("li")
}

/// Where a sign-in with a provider begins.
fn at(provider: &str) -> String {
    format!("/oauth2/login?next=/account&provider={provider}")
}

/// Where the account page's link to another provider leads.
pub async fn linking(browser: &Browser, provider: &str) -> String {
    let page = browser.get("/account").await.body;
    let links = page.split("href=\"/oauth2/login?link=").skip(1);
    let tokens = links.filter_map(|rest| rest.split_once("&#38;"));
    let mut tokens = tokens.map(|(token, rest)| (token, rest.split('"').next()));
    let wanted = format!("provider={provider}");
    let found = tokens.find(|(_, rest)| *rest == Some(wanted.as_str()));
    let (token, _) = found.unwrap_or_else(|| panic!("no link to {provider}: {page}"));
    format!("/oauth2/login?link={token}&{wanted}")
}

/// More of a provider's table: permissions are what the claim `groups` lists.
const GROUPS: &str = "mapping.permissions = [\"/groups\"]\n";

/// Two providers in one file, `a` and `b`, each giving permissions.
async fn pair(database: Database) -> (OpenId, OpenId, Portal) {
    let (one, two) = (OpenId::start().await, OpenId::start().await);
    let toml = format!("{}{GROUPS}{}{GROUPS}", one.toml("a"), two.toml("b"));
    let portal = one.portal_of(database, &toml).run().await;
    (one, two, portal)
}

/// One provider `a`, with more in its table.
async fn alone(database: Database, more: &str) -> (OpenId, Portal) {
    let provider = OpenId::start().await;
    let toml = format!("{}{more}", provider.toml("a"));
    let portal = provider.portal_of(database, &toml).run().await;
    (provider, portal)
}

/// Waits until all providers are known.
async fn found(portal: &Portal) {
    until("all are found", async || {
        let mut all = portal.inner.providers.all().iter();
        all.all(|provider| provider.is_available())
    })
    .await;
}

async fn sign_in(portal: &Portal, provider: &OpenId, id: &str, subject: &Subject) -> Browser {
    let browser = portal.browser();
    let answer = provider.sign_in_from(&browser, &at(id), subject).await;
    assert!(answer.sets_session(), "{}", answer.body);
    browser
}

async fn user(browser: &Browser) -> Option<String> {
    browser.get("/account").await.user()
}

/// What happened: event, reason, about whom, at which provider.
fn trail(portal: &Portal) -> Vec<String> {
    portal.db_events(&["event", "reason", "username", "provider"])
}

fn last(portal: &Portal) -> String {
    trail(portal).pop().unwrap_or_default()
}

fn admissible() -> Subject {
    li().with("email", "li@corp.example")
        .with("tenant", "t1")
        .with("groups", json!(["users"]))
}
