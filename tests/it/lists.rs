//! Lists of the admin area. Here is what their tests read from pages.

mod accounts;
mod audit_log;
mod command;
mod plain;
mod sessions;
mod status;

use std::time::Duration;

use crate::support::{Answer, Browser, Db, Person, Portal};

const HOUR: Duration = Duration::from_secs(3600);
const DAY_MICROS: i64 = 86_400_000_000;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

// -- what people do --

async fn superuser(portal: &Portal) -> Browser {
    let browser = portal.signed_in(&Person::named("boss")).await;
    portal.db_make_superuser("boss");
    portal.db_prove("boss");
    browser
}

async fn staff(portal: &Portal) -> Browser {
    let browser = portal.signed_in(&Person::named("sam")).await;
    portal.db_make_staff("sam");
    browser
}

/// A sign-in with this browser, from this address; the portal trusts the proxy that says so.
async fn signed_in_from(portal: &Portal, person: &Person, agent: &str, address: &str) -> Browser {
    let browser = portal.browser();
    let callback = portal.provider.approve(&browser.begin("/").await, person);
    let headers = [("user-agent", agent), ("x-forwarded-for", address)];
    let answer = browser.get_with(&callback, &headers).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser
}

/// An act of an admin on an account, done.
async fn act(admin: &Browser, user_id: i64, name: &str, fields: &[(&str, &str)]) {
    let page = admin.get("/account").await;
    let path = format!("/admin/users/{user_id}/{name}");
    let from = [("x-forwarded-for", "203.0.113.7")];
    let answer = admin.post_with(&path, &page, fields, &from).await;
    assert_eq!(answer.status, 303, "{path}: {}", answer.body);
    assert_eq!(answer.location(), format!("/admin/users/{user_id}"));
}

// -- what pages show --

fn unescape(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// What stands between each `before` and the next `after`.
fn each_between(text: &str, before: &str, after: &str) -> Vec<String> {
    text.split(before)
        .skip(1)
        .map(|rest| unescape(rest.split(after).next().unwrap_or_default()))
        .collect()
}

fn between(text: &str, before: &str, after: &str) -> String {
    each_between(text, before, after)
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no {before} in {text}"))
}

/// The address of the link that ends with this.
fn link(answer: &Answer, end: &str) -> Option<String> {
    let (before, _) = answer.body.split_once(end)?;
    let (_, address) = before.rsplit_once("href=\"")?;
    let address = unescape(address.split('"').next()?);
    Some(address.split('#').next().unwrap_or_default().to_owned())
}

/// Whose rows these are, in the list of users and in that of sessions.
fn usernames(answer: &Answer) -> Vec<String> {
    answer
        .body
        .split("<th scope=\"row\">")
        .skip(1)
        .map(|row| between(row, "<small>", "</small>"))
        .collect()
}

/// All rows of a list, by the links that its pages have, and how often it stopped early.
async fn walk(
    browser: &Browser,
    list: &str,
    is_backward: bool,
    rows: fn(&Answer) -> Vec<String>,
) -> (Vec<String>, usize) {
    let mut path = match (is_backward, list.contains('?')) {
        (false, _) => list.to_owned(),
        (true, true) => format!("{list}&last=1"),
        (true, false) => format!("{list}?last=1"),
    };
    let direction = if is_backward {
        "\" rel=\"prev\""
    } else {
        "\" rel=\"next\""
    };
    let mut all = Vec::new();
    let mut stops = 0;
    for _ in 0..100 {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let mut found = rows(&answer);
        if is_backward {
            found.append(&mut all);
            all = found;
        } else {
            all.append(&mut found);
        }
        if let Some(to) = link(&answer, direction) {
            path = to;
        } else if let Some(to) = link(&answer, "\">Continue searching<") {
            stops += 1;
            path = to;
        } else {
            return (all, stops);
        }
    }
    panic!("{list} has no end");
}

/// Whom a search finds, in its order.
async fn found(browser: &Browser, search: &str) -> Vec<String> {
    let answer = browser
        .get(&format!("/admin/users?q={}", encoded(search)))
        .await;
    assert_eq!(answer.status, 200, "{search:?}: {}", answer.body);
    usernames(&answer)
}
