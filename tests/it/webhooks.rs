//! Outgoing webhooks, against receivers that follow a script.

mod delivery;
mod operators;
mod robots;

use std::time::Duration;

use frontdesk::audit::{About, Actor, Deed, Event};
use frontdesk::error::Error;
use frontdesk::id::UserId;

use crate::support::portal::Start;
use crate::support::{Database, Portal, Receiver, until};

/// A secret of Standard Webhooks.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The part of an address that is a robot's secret.
const KEY: &str = "key-of-the-robot-4711";

/// A hook of kind `json`.
fn json(name: &str, receiver: &Receiver, events: &str) -> String {
    hook(name, "json", receiver, events) + "secret_file = 'secret'\n"
}

/// A hook without a signature.
fn hook(name: &str, kind: &str, receiver: &Receiver, events: &str) -> String {
    let url = &receiver.url;
    format!(
        "[[webhook]]\nname = '{name}'\nkind = '{kind}'\nurl = '{url}/{KEY}'\nevents = [{events}]\n"
    )
}

/// A portal with these hooks, which never shows their secrets.
fn portal(toml: &str) -> Start {
    on(Database::sqlite(), toml)
}

fn on(database: Database, toml: &str) -> Start {
    Portal::on(database)
        .webhooks(toml, &[("secret", SECRET)])
        .never_showing(KEY)
}

/// Makes an event of this kind about a made-up person, as a transaction would.
fn record(portal: &Portal, username: &str, event: &Event) {
    let (db, now) = (&portal.inner.db, portal.clock.now());
    let done = db.write_blocking(|conn| {
        let deed = Deed::from_nowhere(now, Actor::CommandLine);
        deed.record(conn, About::Person(UserId(7), username), event)
    });
    done.expect("an event");
}

fn create(portal: &Portal, username: &str) {
    record(portal, username, &Event::AccountCreated);
}

/// Makes an event in a transaction that fails afterwards.
fn record_in_vain(portal: &Portal, username: &str) {
    let (db, now) = (&portal.inner.db, portal.clock.now());
    let done = db.write_blocking(|conn| {
        let deed = Deed::from_nowhere(now, Actor::CommandLine);
        let about = About::Person(UserId(8), username);
        deed.record(conn, about, &Event::AccountCreated)?;
        Err::<(), _>(Error::NotFound)
    });
    assert!(done.is_err());
}

/// Waits until a hook's state has this trouble.
async fn until_trouble(portal: &Portal, hook: &str, trouble: &str) {
    let sql = format!("SELECT trouble AS value FROM webhook_hooks WHERE hook = '{hook}'");
    until(&format!("{hook} has the trouble {trouble}"), async || {
        portal.database.texts(&sql) == [trouble]
    })
    .await;
}

/// Waits until a hook has failed this often in a row, and that is written down: only then may a
/// test move the clock.
async fn until_failures(portal: &Portal, hook: &str, count: usize) {
    until(&format!("{hook} has failed {count} times"), async || {
        state(portal, "failures", hook) == count.to_string()
    })
    .await;
}

/// Waits until a queue is empty.
async fn until_told(portal: &Portal, hook: &str) {
    let sql = format!("SELECT COUNT(*) AS value FROM webhook_deliveries WHERE hook = '{hook}'");
    until(&format!("{hook} has nothing to tell"), async || {
        portal.database.count("webhook_events") == 0 && portal.database.number(&sql) == 0
    })
    .await;
}

const MINUTES: fn(u64) -> Duration = |minutes| Duration::from_secs(minutes * 60);

/// The usernames of whom a receiver was told, in the order of the calls.
fn people(receiver: &Receiver) -> Vec<String> {
    let calls = receiver.calls();
    let name = |call: &crate::support::receiver::Call| {
        let username = call.json()["data"]["user"]["username"].clone();
        username.as_str().unwrap_or_default().to_owned()
    };
    calls.iter().map(name).collect()
}

/// The trouble of a hook, as the database has it.
fn state(portal: &Portal, column: &str, hook: &str) -> String {
    let sql =
        format!("SELECT CAST({column} AS TEXT) AS value FROM webhook_hooks WHERE hook = '{hook}'");
    portal.database.texts(&sql).concat()
}
