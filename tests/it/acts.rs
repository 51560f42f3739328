//! Acts of admins on accounts. Here are the people, forms and events that the tests of acts share.

mod at_once;
mod each;
mod erasing;
mod fresh_sign_ins;
mod limits;
mod many;
mod password_links;

use crate::support::{Answer, Browser, Database, Db, Person, Portal};

/// Where admins sit in these tests: the portal trusts the proxy that says so.
const OFFICE: &str = "203.0.113.9";
const REASON: &str = "asked by HR, ticket 4711";

// -- who is there --

/// A portal that knows people by a number, so that names may change.
pub async fn start(database: Database) -> Portal {
    Portal::on(database)
        .with("OAUTH2_SUBJECT", "/id")
        .with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1")
        .run()
        .await
}

pub fn person(name: &str) -> Person {
    Person::named(name).with("id", format!("id-of-{name}"))
}

pub async fn superuser(portal: &Portal, name: &str) -> Browser {
    let browser = portal.signed_in(&person(name)).await;
    portal.db_make_superuser(name);
    portal.db_prove(name);
    browser
}

pub async fn staff(portal: &Portal, name: &str) -> Browser {
    let browser = portal.signed_in(&person(name)).await;
    portal.db_make_staff(name);
    browser
}

/// A sign-in from an address and with a browser of one's own.
pub async fn signed_in_from(
    portal: &Portal,
    person: &Person,
    address: &str,
    agent: &str,
) -> Browser {
    let browser = portal.browser();
    let callback = portal.provider.approve(&browser.begin("/").await, person);
    let headers = [("x-forwarded-for", address), ("user-agent", agent)];
    let answer = browser.get_with(&callback, &headers).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser
}

/// Fills in the password form.
async fn with_password(portal: &Portal, username: &str, password: &str) -> (Browser, Answer) {
    let browser = portal.browser();
    let page = browser.get("/login?next=/account").await;
    let fields = [("username", username), ("password", password)];
    let answer = browser.post("/login", &page, &fields).await;
    (browser, answer)
}

// -- the trail --

/// The lines that came after the first `count`.
pub fn lines_after(portal: &Portal, count: usize) -> Vec<String> {
    portal
        .db_recorded()
        .into_iter()
        .skip(count)
        .map(|event| event.line)
        .collect()
}

// -- forms --

fn unescape(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

/// The hidden fields of the form that is sent there.
fn hidden(page: &Answer, action: &str) -> Vec<(String, String)> {
    let (_, rest) = page
        .body
        .split_once(&format!("action=\"{action}\""))
        .unwrap_or_else(|| panic!("no form for {action}: {}", page.body));
    let form = rest.split("</form>").next().unwrap_or_default();
    form.split("<input type=\"hidden\" name=\"")
        .skip(1)
        .filter_map(|input| {
            let (name, rest) = input.split_once("\" value=\"")?;
            let value = rest.split('"').next()?;
            (name != "csrf_token").then(|| (name.to_owned(), unescape(value)))
        })
        .collect()
}

/// Sends the form of a page with what is typed into it, from the office.
async fn submit(browser: &Browser, page: &Answer, action: &str, typed: &[(&str, &str)]) -> Answer {
    let hidden = hidden(page, action);
    let mut fields: Vec<(&str, &str)> = hidden
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    fields.extend_from_slice(typed);
    let from = [("x-forwarded-for", OFFICE)];
    browser.post_with(action, page, &fields, &from).await
}

/// Sends a form without having looked at its page.
pub async fn send(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let page = browser.get("/account").await;
    let from = [("x-forwarded-for", OFFICE)];
    browser.post_with(path, &page, fields, &from).await
}

/// A page, or a list that is exported.
async fn opened(browser: &Browser, path: &str) -> Answer {
    if path.contains(".csv") {
        send(browser, path, &[]).await
    } else {
        browser.get(path).await
    }
}

/// An act that must be done.
pub async fn done(admin: &Browser, id: i64, act: &str, fields: &[(&str, &str)]) {
    let answer = send(admin, &format!("/admin/users/{id}/{act}"), fields).await;
    assert_eq!(answer.status, 303, "{act}: {}", answer.body);
    assert_eq!(answer.location(), format!("/admin/users/{id}"), "{act}");
}

/// An act that must be refused: the page says why, and nothing has changed. What the trail says.
async fn refused(
    portal: &Portal,
    admin: &Browser,
    path: &str,
    fields: &[(&str, &str)],
    why: &str,
) -> Vec<String> {
    let (before, events) = (portal.db_state(), portal.db_recorded().len());
    let answer = send(admin, path, fields).await;
    assert_eq!(answer.status, 422, "{path}: {}", answer.body);
    assert!(answer.body.contains("Nothing was changed"), "{path}");
    assert!(answer.body.contains(why), "{path}: {}", answer.body);
    assert_eq!(portal.db_state(), before, "{path}");
    lines_after(portal, events)
}

/// The path of the link that a page shows.
fn link_on(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{}", page.body);
    let (_, rest) = page
        .body
        .split_once("/password?token=")
        .unwrap_or_else(|| panic!("no link: {}", page.body));
    let token = rest.split('<').next().unwrap_or_default();
    assert!(token.len() > 40, "{token}");
    format!("/password?token={token}")
}

fn token_of(link: &str) -> &str {
    link.split_once("token=").expect("a token").1
}

/// Chooses a password by a link.
async fn choose(browser: &Browser, link: &str, new: &str, again: &str) -> Answer {
    let page = browser.get("/login").await;
    let fields = [
        ("token", token_of(link)),
        ("new_password", new),
        ("new_password_again", again),
    ];
    browser.post("/password", &page, &fields).await
}

/// A new local account; the link for its owner.
async fn new_account(admin: &Browser, username: &str) -> String {
    let page = admin.get("/admin/users/new").await;
    let typed = [
        ("username", username),
        ("first_name", ""),
        ("email", ""),
        ("reason", REASON),
    ];
    link_on(&submit(admin, &page, "/admin/users/new", &typed).await)
}

// -- all that is there --

/// Every page and list of the admin area, one after the other.
async fn everything(portal: &Portal, admin: &Browser) -> String {
    let mut paths: Vec<String> = [
        "/admin/users?size=100",
        "/admin/users?size=100&sort=last",
        "/admin/sessions?size=100",
        "/admin/sessions/end",
        "/admin/audit?size=100",
        "/admin/audit?size=100&outcome=refused",
        "/admin/status",
        "/admin/users.csv",
        "/admin/sessions.csv",
        "/admin/audit.csv",
    ]
    .map(str::to_owned)
    .to_vec();
    for id in portal.db_column("users", "id") {
        paths.push(format!("/admin/users/{id}"));
        paths.push(format!("/admin/users/{id}/grant"));
    }
    let mut all = String::new();
    for path in paths {
        let answer = opened(admin, &path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        all.push_str(&answer.body);
    }
    all
}
