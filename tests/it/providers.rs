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
use crate::support::{Browser, Database, Db, Desk, OpenId, until};

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
async fn pair(database: Database) -> (OpenId, OpenId, Desk) {
    let (one, two) = (OpenId::start().await, OpenId::start().await);
    let toml = format!("{}{GROUPS}{}{GROUPS}", one.toml("a"), two.toml("b"));
    let desk = one.desk_of(database, &toml).run().await;
    (one, two, desk)
}

/// One provider `a`, with more in its table.
async fn alone(database: Database, more: &str) -> (OpenId, Desk) {
    let provider = OpenId::start().await;
    let toml = format!("{}{more}", provider.toml("a"));
    let desk = provider.desk_of(database, &toml).run().await;
    (provider, desk)
}

/// Waits until all providers are known.
async fn found(desk: &Desk) {
    until("all are found", async || {
        let mut all = desk.inner.providers.all().iter();
        all.all(|provider| provider.is_available())
    })
    .await;
}

async fn sign_in(desk: &Desk, provider: &OpenId, id: &str, subject: &Subject) -> Browser {
    let browser = desk.browser();
    let answer = provider.sign_in_from(&browser, &at(id), subject).await;
    assert!(answer.sets_session(), "{}", answer.body);
    browser
}

async fn user(browser: &Browser) -> Option<String> {
    browser.get("/account").await.user()
}

/// What happened: event, reason, about whom, at which provider.
fn trail(desk: &Desk) -> Vec<String> {
    desk.db_events(&["event", "reason", "username", "provider"])
}

fn last(desk: &Desk) -> String {
    trail(desk).pop().unwrap_or_default()
}

fn admissible() -> Subject {
    li().with("email", "li@corp.example")
        .with("tenant", "t1")
        .with("groups", json!(["users"]))
}
