//! Asking for access, deciding, and what ends it. Here are the people, forms and rows that these
//! tests share.

mod asking;
mod at_once;
mod by_itself;
mod closing;
mod deciding;
mod grants;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::apps::db_app;
use crate::support::people::quoted;
use crate::support::{Answer, Browser, Database, Db, Person, Portal};

const DAY: Duration = Duration::from_secs(86_400);
const SENTENCE: &str = "I write the minutes of the works council";
const REASON: &str = "the audit is over";

async fn start(database: Database) -> Portal {
    Portal::on(database)
        .with("FRONTDESK_TIME_ZONE", "Asia/Shanghai")
        .run()
        .await
}

async fn person(portal: &Portal, name: &str) -> Browser {
    portal.signed_in(&Person::named(name)).await
}

async fn superuser(portal: &Portal, name: &str) -> Browser {
    let browser = person(portal, name).await;
    portal.db_make_superuser(name);
    portal.db_prove(name);
    browser
}

/// An app that opens to nobody and may be asked for.
fn app(portal: &Portal, key: &str) -> i64 {
    let fields = json!({"name_en": format!("The {key}"), "is_requestable": true});
    db_app(&portal.database, key, &fields)
}

fn app_with(portal: &Portal, key: &str, rule: &Value) -> i64 {
    let fields = json!({"name_en": format!("The {key}"), "is_requestable": true, "rule": rule});
    db_app(&portal.database, key, &fields)
}

fn set_rule(portal: &Portal, key: &str, rule: &Value) {
    portal.database.execute(&format!(
        "UPDATE apps SET rule = {} WHERE key = '{key}'",
        quoted(&rule.to_string())
    ));
}

/// A rule that leaves out whoever holds this permission.
fn nobody_but_not(permission: &str) -> Value {
    json!({"audience": "nobody", "but_not": [permission]})
}

fn own(portal: &Portal, app: i64, username: &str) {
    portal.database.execute(&format!(
        "INSERT INTO app_owners (app_id, user_id) VALUES ({app}, {})",
        portal.db_id_of(username)
    ));
}

/// Grants a permission by hand.
fn hold(portal: &Portal, username: &str, permission: &str) {
    portal.database.execute(&format!(
        "INSERT INTO user_permissions (user_id, name, origin, label, granted_at, granted_by) \
         VALUES ({}, '{permission}', '', '', 1, 'a test')",
        portal.db_id_of(username)
    ));
}

/// Fills in the form of an app.
async fn ask_with(browser: &Browser, key: &str, sentence: &str, days: &str) -> Answer {
    let page = browser.get("/access").await;
    let typed = [("sentence", sentence), ("days", days)];
    browser.post(&format!("/access/{key}"), &page, &typed).await
}

/// Asks for an app, and returns the request's id.
async fn ask(portal: &Portal, browser: &Browser, key: &str) -> i64 {
    let answer = ask_with(browser, key, SENTENCE, "").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(answer.location(), "/access");
    newest(portal)
}

fn newest(portal: &Portal) -> i64 {
    portal
        .database
        .number("SELECT MAX(id) AS value FROM access_requests")
}

/// Sends the form of a request.
async fn decide(browser: &Browser, id: i64, fields: &[(&str, &str)]) -> Answer {
    let page = browser.get("/account").await;
    browser
        .post(&format!("/requests/{id}"), &page, fields)
        .await
}

/// Grants for so many days; for ever if that is nothing.
async fn grant(browser: &Browser, id: i64, days: &str) -> Answer {
    let length = if days.is_empty() { "for_ever" } else { "days" };
    let fields = [("step", "grant"), ("length", length), ("days", days)];
    decide(browser, id, &fields).await
}

async fn granted(browser: &Browser, id: i64, days: &str) {
    let answer = grant(browser, id, days).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(answer.location(), format!("/requests/{id}"));
}

async fn decline(browser: &Browser, id: i64, reason: &str) -> Answer {
    decide(browser, id, &[("step", "decline"), ("answer", reason)]).await
}

/// Whether the start page leads to an app.
async fn opens(browser: &Browser, key: &str) -> bool {
    let page = browser.get("/").await;
    assert_eq!(page.status, 200);
    page.body.contains(&format!("https://{key}.apps.example/"))
}

/// Returns the state of a request, and why it was closed: `closed open_anyway`.
fn state(portal: &Portal, id: i64) -> String {
    portal
        .database
        .texts(&format!(
            "SELECT state || COALESCE(' ' || closed_because, '') AS value \
             FROM access_requests WHERE id = {id}"
        ))
        .remove(0)
}

/// Returns `event outcome reason actor username` of what happened to requests and grants.
fn trail(portal: &Portal) -> Vec<String> {
    let lines = portal.db_recorded().into_iter().map(|event| event.line);
    lines
        .filter(|line| line.starts_with("access_"))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}
