//! What admins do to accounts: what each act asks, changes and leaves in the trail; who may not,
//! and what happens when several do it at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use frontdesk::admin::{self, Act, Admin, Refusal, Said};
use frontdesk::db::lock_superusers;
use frontdesk::error::Stopped;
use frontdesk::roles::RolePermissions;
use frontdesk::sessions::{self, Client};
use frontdesk::users::{self, Role};
use frontdesk::web;
use serde_json::{Value, json};
use url::Url;

use crate::support::desk::PASSWORD;
use crate::support::{
    Answer, Browser, Database, Db, Desk, Person, on_both_databases, run, spawn, until,
};

/// Where admins sit in these tests: the desk trusts the proxy that says so.
const OFFICE: &str = "203.0.113.9";
const REASON: &str = "asked by HR, ticket 4711";
const QUARTER: Duration = Duration::from_secs(15 * 60);
const DAY: Duration = Duration::from_secs(24 * 3600);

// -- who is there --

/// A desk that knows people by a number, so that names may change.
pub async fn start(database: Database) -> Desk {
    Desk::on(database)
        .with("OAUTH2_SUBJECT", "/id")
        .with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1")
        .run()
        .await
}

pub fn person(name: &str) -> Person {
    Person::named(name).with("id", format!("id-of-{name}"))
}

pub async fn superuser(desk: &Desk, name: &str) -> Browser {
    let browser = desk.signed_in(&person(name)).await;
    desk.db_make_superuser(name);
    desk.db_prove(name);
    browser
}

pub async fn staff(desk: &Desk, name: &str) -> Browser {
    let browser = desk.signed_in(&person(name)).await;
    desk.db_make_staff(name);
    browser
}

/// A sign-in from an address and with a browser of one's own.
async fn signed_in_from(desk: &Desk, person: &Person, address: &str, agent: &str) -> Browser {
    let browser = desk.browser();
    let callback = desk.provider.approve(&browser.begin("/").await, person);
    let headers = [("x-forwarded-for", address), ("user-agent", agent)];
    let answer = browser.get_with(&callback, &headers).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser
}

/// Fills in the password form.
async fn with_password(desk: &Desk, username: &str, password: &str) -> (Browser, Answer) {
    let browser = desk.browser();
    let page = browser.get("/login?next=/account").await;
    let fields = [("username", username), ("password", password)];
    let answer = browser.post("/login", &page, &fields).await;
    (browser, answer)
}

fn active_superusers(desk: &Desk) -> i64 {
    desk.database
        .count("users WHERE is_active AND (is_superuser OR is_superuser_by_permission)")
}

/// All that acts can change.
fn state(desk: &Desk) -> BTreeSet<String> {
    [
        "SELECT 'user ' || CAST(id AS TEXT) || ' ' || username || ' ' || first_name || ' ' || email || ' ' || COALESCE(password, 'none') || ' ' || CAST(is_active AS TEXT) || ' ' || CAST(is_staff AS TEXT) || ' ' || CAST(is_superuser AS TEXT) || ' ' || CAST(is_staff_by_permission AS TEXT) || ' ' || CAST(is_superuser_by_permission AS TEXT) AS value FROM users",
        "SELECT 'identity ' || provider || ' ' || subject || ' ' || CAST(user_id AS TEXT) AS value FROM identities",
        "SELECT 'permission ' || CAST(user_id AS TEXT) || ' ' || name || ' ' || origin || ' ' || granted_by AS value FROM user_permissions",
        "SELECT 'session ' || CAST(id AS TEXT) || ' ' || COALESCE(CAST(ended_at AS TEXT), 'live') AS value FROM sessions",
        "SELECT 'change ' || CAST(user_id AS TEXT) || ' ' || field || ' ' || changed_by AS value FROM user_field_changes",
    ]
    .into_iter()
    .flat_map(|sql| desk.database.texts(sql))
    .collect()
}

// -- the trail --

/// An event, but of coming and going.
#[derive(Debug)]
struct Recorded {
    /// `role_changed success boss li`; with the reason where it was refused.
    line: String,
    address: String,
    reference: String,
    details: Value,
}

fn trail(desk: &Desk) -> Vec<Recorded> {
    desk.database
        .texts(
            "SELECT event || ' ' || outcome || ' ' || reason || ' ' || actor || ' ' || username || '|' || address || '|' || reference || '|' || details AS value FROM audit_events
             WHERE event NOT IN ('signed_in', 'sign_in_refused', 'signed_out', 'user_switched') ORDER BY id",
        )
        .into_iter()
        .map(|row| {
            let mut parts = row.splitn(4, '|');
            let mut part = || parts.next().expect("a part").to_owned();
            Recorded {
                line: part().replace("  ", " ").trim_end().to_owned(),
                address: part(),
                reference: part(),
                details: serde_json::from_str(&part()).expect("JSON"),
            }
        })
        .collect()
}

/// The lines that came after the first `count`.
fn lines_after(desk: &Desk, count: usize) -> Vec<String> {
    trail(desk)
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
    desk: &Desk,
    admin: &Browser,
    path: &str,
    fields: &[(&str, &str)],
    why: &str,
) -> Vec<String> {
    let (before, events) = (state(desk), trail(desk).len());
    let answer = send(admin, path, fields).await;
    assert_eq!(answer.status, 422, "{path}: {}", answer.body);
    assert!(answer.body.contains("Nothing was changed"), "{path}");
    assert!(answer.body.contains(why), "{path}: {}", answer.body);
    assert_eq!(state(desk), before, "{path}");
    lines_after(desk, events)
}

/// Where somebody is to come back to after signing in anew.
fn asked_to_sign_in_again(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let base = Url::parse("http://desk.invalid").expect("an address");
    let url = base.join(answer.location()).expect("an address");
    assert_eq!(url.path(), "/login", "{url}");
    let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(query.get("fresh").map(String::as_str), Some("1"), "{url}");
    query["next"].clone()
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

// -- each act --

/// One act, as its pages and the trail show it.
struct Shown<'a> {
    /// The last part of its address.
    path: &'a str,
    heading: &'a str,
    /// One of the steps that the page names.
    step: &'a str,
    typed: &'a [(&'a str, &'a str)],
    /// What the person's page says afterwards, once.
    notice: &'a str,
    event: &'a str,
}

/// Does an act of `boss` by its pages; the details of its one event.
async fn act(desk: &Desk, admin: &Browser, id: i64, shown: &Shown<'_>) -> Value {
    let events = trail(desk).len();
    let address = format!("/admin/users/{id}/{}", shown.path);
    let page = admin.get(&address).await;
    assert_eq!(page.status, 200, "{address}: {}", page.body);
    let heading = format!("<h1>{}</h1>", shown.heading);
    assert!(page.body.contains(&heading), "{address}: {}", page.body);
    assert!(page.body.contains(shown.step), "{address}: {}", page.body);
    assert_eq!(trail(desk).len(), events, "looking does nothing");

    let mut typed = shown.typed.to_vec();
    typed.push(("reason", REASON));
    let action = address.split('?').next().unwrap_or_default();
    let answer = submit(admin, &page, action, &typed).await;
    assert_eq!(answer.status, 303, "{address}: {}", answer.body);
    assert_eq!(answer.location(), format!("/admin/users/{id}"));
    let after = admin.get(answer.location()).await;
    assert!(
        after.body.contains(shown.notice),
        "{address}: {}",
        after.body
    );
    assert!(after.body.contains(REASON), "the timeline has the reason");
    let again = admin.get(answer.location()).await;
    assert!(
        !again.body.contains(shown.notice),
        "{address}: it says so once"
    );

    let mut new = trail(desk).split_off(events);
    assert_eq!(new.len(), 1, "{address}: {new:?}");
    let event = new.remove(0);
    let names = format!("SELECT username AS value FROM users WHERE id = {id}");
    let about = desk.database.texts(&names).remove(0);
    assert_eq!(event.line, format!("{} success boss {about}", shown.event));
    assert_eq!(event.address, OFFICE);
    assert_eq!(event.reference.len(), 9, "{}", event.reference);
    assert_eq!(event.details["note"], REASON);
    event.details
}

on_both_databases! {
    async fn each_act_on_an_account_does_what_its_page_says_and_leaves_one_event(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let li = desk.signed_in(&person("li")).await;
        let id = desk.db_id_of("li");

        // -- deactivate and activate --
        let details = act(&desk, &boss, id, &Shown {
            path: "deactivate",
            heading: "Deactivate li?",
            step: "New sign-ins are refused; the page tells the person whom to contact.",
            typed: &[],
            notice: "The account is deactivated and signed out everywhere.",
            event: "account_deactivated",
        }).await;
        assert_eq!(details["count"], 1, "sessions ended");
        let answer = li.get("/account").await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/login?next=/account"), "the next click");
        assert_eq!(desk.browser().sign_in(&person("li"), "/").await.status, 403);
        act(&desk, &boss, id, &Shown {
            path: "activate",
            heading: "Activate li?",
            step: "Permissions and role are unchanged.",
            typed: &[],
            notice: "The account is active again.",
            event: "account_activated",
        }).await;
        assert_eq!(li.get("/account").await.status, 303, "what ended stays ended");
        let li = desk.signed_in(&person("li")).await;

        // -- roles --
        assert_eq!(li.get("/admin/users").await.status, 403);
        for (code, label, step, before, may_look, may_act) in [
            ("staff", "Make li a read-only admin?", "but cannot change anything.", "employee", 200, 403),
            ("superuser", "Make li an admin?", "Takes effect immediately and stays", "staff", 200, 200),
            ("employee", "Revoke the role of li?", "Access to the admin area ends immediately.", "superuser", 403, 403),
        ] {
            let details = act(&desk, &boss, id, &Shown {
                path: &format!("role?role={code}"),
                heading: label,
                step,
                typed: &[],
                notice: "The role is changed.",
                event: "role_changed",
            }).await;
            assert_eq!(details["changes"], json!([{"field": "role_by_hand", "from": before, "to": code}]), "before and after");
            assert_eq!(li.get("/admin/users").await.status, may_look, "{code}");
            assert_eq!(li.get(&format!("/admin/users/{id}/note")).await.status, may_act, "{code}");
        }

        // -- sessions --
        let phone = desk.signed_in(&person("li")).await;
        let ids = desk.db_live_sessions_of("li");
        assert_eq!(ids.len(), 2);
        let details = act(&desk, &boss, id, &Shown {
            path: &format!("end-session?session={}", ids[0]),
            heading: "Sign li out of this session?",
            step: "Only this session ends, at once. The others stay open.",
            typed: &[],
            notice: "The session is signed out.",
            event: "session_ended",
        }).await;
        assert_eq!(details["count"], 1);
        assert_eq!(li.get("/account").await.status, 303);
        assert_eq!(phone.get("/account").await.status, 200);
        let li = desk.signed_in(&person("li")).await;
        let details = act(&desk, &boss, id, &Shown {
            path: "end-sessions",
            heading: "Sign li out everywhere?",
            step: "the person can sign in again straight away.",
            typed: &[],
            notice: "The sessions are signed out.",
            event: "sessions_ended",
        }).await;
        assert_eq!(details["count"], 2);
        for browser in [&li, &phone] {
            assert_eq!(browser.get("/account").await.status, 303);
        }

        // -- permissions --
        let li = desk.signed_in(&person("li")).await;
        assert!(!li.get("/account").await.body.contains("reports.read"));
        let details = act(&desk, &boss, id, &Shown {
            path: "grant",
            heading: "Grant li a permission",
            step: "Stays until an admin revokes it.",
            typed: &[("permission", "reports.read")],
            notice: "The permission is granted.",
            event: "permission_granted",
        }).await;
        assert_eq!(details["permissions_added"], json!(["reports.read"]));
        assert!(li.get("/account").await.body.contains("reports.read"), "at the next click");
        assert!(boss.get(&format!("/admin/users/{id}")).await.body.contains("Granted here by boss"));
        let details = act(&desk, &boss, id, &Shown {
            path: "take?permission=reports.read",
            heading: "Revoke this permission from li?",
            step: "<strong class=\"mono\">reports.read</strong>",
            typed: &[],
            notice: "The permission is revoked.",
            event: "permission_taken",
        }).await;
        assert_eq!(details["permissions_removed"], json!(["reports.read"]));
        assert!(!li.get("/account").await.body.contains("reports.read"), "at the next click");

        // -- identities --
        let second = person("li").with("id", "a-second-one");
        assert_eq!(desk.browser().sign_in(&second, "/").await.status, 409, "somebody else, so far");
        let details = act(&desk, &boss, id, &Shown {
            path: "link",
            heading: "Link an identity to li",
            step: "Make sure it is the same person",
            typed: &[("subject", "a-second-one")],
            notice: "The identity is linked.",
            event: "identity_linked",
        }).await;
        assert_eq!(details["identity"], json!(["company", "a-second-one"]));
        assert_eq!(li.get("/account").await.status, 303, "open sessions end");
        let li = desk.signed_in(&second).await;
        assert_eq!(li.get("/account").await.user().as_deref(), Some("li"));
        assert_eq!(desk.db_id_of("li"), id, "the same account");
        let details = act(&desk, &boss, id, &Shown {
            path: "unlink?subject=a-second-one",
            heading: "Unlink this identity from li?",
            step: "<strong class=\"mono\">a-second-one</strong>",
            typed: &[],
            notice: "The identity is unlinked.",
            event: "identity_unlinked",
        }).await;
        assert_eq!(details["identity"], json!(["company", "a-second-one"]));
        assert_eq!(li.get("/account").await.status, 303);
        assert_eq!(desk.browser().sign_in(&second, "/").await.status, 409);

        // -- a note --
        let li = desk.signed_in(&person("li")).await;
        act(&desk, &boss, id, &Shown {
            path: "note",
            heading: "A note about li",
            step: "The person does not.",
            typed: &[],
            notice: "The note is added.",
            event: "note_added",
        }).await;
        let timeline = li.get("/account/timeline").await;
        assert_eq!(timeline.status, 200);
        assert!(!timeline.body.contains("ticket 4711"), "neither notes nor reasons are for them");
        assert!(!timeline.body.contains(OFFICE), "nor where an admin sat");

        // -- erase --
        done(&boss, id, "deactivate", &[]).await;
        let details = act(&desk, &boss, id, &Shown {
            path: "erase",
            heading: "Erase the personal data of li?",
            step: "This cannot be undone.",
            typed: &[],
            notice: "The personal data is erased.",
            event: "account_erased",
        }).await;
        assert!(details["count"].as_i64().is_some_and(|count| count > 10), "entries: {details}");
    }

    async fn acts_that_go_too_far_are_refused_and_the_audit_log_tells_of_those_that_matter(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let li = desk.signed_in(&person("li")).await;
        desk.signed_in(&person("wang")).await;
        desk.db_create_local_account("kiosk");
        desk.db_deactivate("kiosk");
        let [me, li_id, kiosk] = ["boss", "li", "kiosk"].map(|name| desk.db_id_of(name));

        // -- oneself --
        for (act, fields, event) in [
            ("deactivate", vec![], "account_deactivated"),
            ("activate", vec![], "account_activated"),
            ("role", vec![("role", "employee")], "role_changed"),
            ("role", vec![("role", "staff")], "role_changed"),
            ("grant", vec![("permission", "reports.read")], "permission_granted"),
            ("link", vec![("subject", "another-one")], "identity_linked"),
            ("unlink", vec![("subject", "id-of-boss")], "identity_unlinked"),
            ("reset-password", vec![], "password_link_made"),
            ("erase", vec![], "account_erased"),
        ] {
            let why = "You cannot do this to your own account. Ask another admin";
            let told = refused(&desk, &boss, &format!("/admin/users/{me}/{act}"), &fields, why).await;
            assert_eq!(told, [format!("{event} refused yourself boss boss")], "{act}");
        }
        let page = boss.get(&format!("/admin/users/{me}")).await;
        for act in ["deactivate", "role?", "grant", "link", "erase"] {
            assert!(!page.body.contains(&format!("/admin/users/{me}/{act}")), "no button for {act}");
        }

        // -- what cannot be --
        for (id, act, fields, why, told) in [
            (li_id, "link", vec![("subject", "id-of-wang")], "This identity belongs to the account wang", Some("identity_linked refused identity_taken boss li")),
            (li_id, "erase", vec![], "Deactivate the account first", Some("account_erased refused still_active boss li")),
            (li_id, "reset-password", vec![], "the account has no local password", Some("password_link_made refused no_local_password boss li")),
            (kiosk, "reset-password", vec![], "the account is deactivated", Some("password_link_made refused inactive boss kiosk")),
            // Nothing was tried that anybody would have to know of.
            (li_id, "activate", vec![], "No change needed", None),
            (kiosk, "deactivate", vec![], "No change needed", None),
            (li_id, "role", vec![("role", "employee")], "No change needed", None),
            (li_id, "take", vec![("permission", "reports.read")], "No change needed", None),
            (li_id, "link", vec![("subject", "id-of-li")], "No change needed", None),
            (li_id, "unlink", vec![("subject", "id-of-wang")], "No change needed", None),
            (kiosk, "end-sessions", vec![], "No change needed", None),
            (li_id, "grant", vec![("permission", "")], "without control characters", None),
            (li_id, "grant", vec![("permission", "a\u{7}b")], "without control characters", None),
            (li_id, "grant", vec![("permission", "a\nb")], "without control characters", None),
            (li_id, "grant", vec![("permission", "a\u{202e}b")], "without control characters", None),
            (li_id, "link", vec![("subject", "a\u{1f}b")], "without control characters", None),
            (li_id, "note", vec![("reason", " ")], "without control characters", None),
        ] {
            let lines = refused(&desk, &boss, &format!("/admin/users/{id}/{act}"), &fields, why).await;
            assert_eq!(lines, told.into_iter().collect::<Vec<_>>(), "{act} {fields:?}");
        }
        let long = "x".repeat(256);
        let path = format!("/admin/users/{li_id}/grant");
        refused(&desk, &boss, &path, &[("permission", &long)], "without control characters").await;

        // -- who is not there, what is no act, what is too long --
        let (before, events) = (state(&desk), trail(&desk).len());
        for act in web::acts() {
            let fields = [("role", "staff"), ("session", "42"), ("permission", "x"), ("subject", "x"), ("reason", "x")];
            assert_eq!(send(&boss, &format!("/admin/users/42/{act}"), &fields).await.status, 404, "{act}");
            assert_eq!(boss.get(&format!("/admin/users/42/{act}?role=staff&session=42")).await.status, 404, "{act}");
        }
        for (path, fields) in [
            (format!("/admin/users/{li_id}/promote"), vec![]),
            (format!("/admin/users/{li_id}/role"), vec![]),
            (format!("/admin/users/{li_id}/role"), vec![("role", "root")]),
            (format!("/admin/users/{li_id}/role"), vec![("role", "Superuser")]),
            (format!("/admin/users/{li_id}/end-session"), vec![("session", "x")]),
            (format!("/admin/users/{li_id}x/note"), vec![("reason", "x")]),
        ] {
            assert_eq!(send(&boss, &path, &fields).await.status, 404, "{path}");
        }
        let too_long = "王".repeat(501);
        let path = format!("/admin/users/{li_id}/note");
        assert_eq!(send(&boss, &path, &[("reason", &too_long)]).await.status, 400);
        assert_eq!(state(&desk), before);
        assert_eq!(trail(&desk).len(), events);
        let longest = "王".repeat(500);
        done(&boss, li_id, "note", &[("reason", &longest)]).await;
        assert_eq!(trail(&desk).last().expect("an event").details["note"], longest);
        assert_eq!(li.get("/account").await.status, 200, "after all that");
    }

    async fn the_last_active_admin_stays_one_however_they_became_one(database) {
        let desk = Desk::on(database)
            .with("OAUTH2_SUBJECT", "/id")
            .with("FRONTDESK_SUPERUSER_PERMISSION", "desk.admin")
            .run()
            .await;
        let boss = superuser(&desk, "boss").await;
        let deputy = desk.signed_in(&person("deputy")).await;
        let [boss_id, deputy_id] = ["boss", "deputy"].map(|name| desk.db_id_of(name));
        let last = "This is the last active admin. Make someone else an admin first";

        // By hand: nobody else could do it by a page, so the command line tries.
        let (db, roles, now) = (&desk.inner.db, &desk.inner.roles, desk.clock.now());
        for act in [Act::Deactivate, Act::SetRole(Role::Employee), Act::SetRole(Role::Staff)] {
            let events = trail(&desk).len();
            let outcome = db.decide_blocking(|conn| {
                admin::perform(conn, now, &Admin::command_line(), roles, boss_id, &act, &Said::default())
            });
            assert!(matches!(outcome, Err(Stopped::Refused(Refusal::LastSuperuser))), "{act:?}: {outcome:?}");
            let told = trail(&desk).split_off(events);
            assert_eq!(told.len(), 1);
            assert!(told[0].line.ends_with(" refused last_superuser command line boss"), "{}", told[0].line);
        }

        // By a permission: whoever it makes an admin, at the next click, cannot take it from themself.
        done(&boss, deputy_id, "grant", &[("permission", "desk.admin")]).await;
        assert_eq!(
            trail(&desk).last().expect("an event").details["changes"],
            json!([{"field": "role_by_permission", "from": "employee", "to": "superuser"}])
        );
        assert_eq!(deputy.get("/admin/users").await.status, 200);
        desk.db_prove("deputy");
        done(&deputy, boss_id, "role", &[("role", "employee")]).await;
        assert_eq!(boss.get("/admin/users").await.status, 403);
        let path = format!("/admin/users/{deputy_id}/take");
        let told = refused(&desk, &deputy, &path, &[("permission", "desk.admin")], last).await;
        assert_eq!(told, ["permission_taken refused last_superuser deputy deputy"]);
        // One more admin, and it goes.
        done(&deputy, boss_id, "role", &[("role", "superuser")]).await;
        done(&boss, deputy_id, "take", &[("permission", "desk.admin")]).await;
        assert_eq!(deputy.get("/admin/users").await.status, 403);
        assert_eq!(active_superusers(&desk), 1);
    }
}

// -- at once --

/// The authority of somebody who is signed in once.
fn authority(desk: &Desk, username: &str) -> Admin {
    let hash = desk
        .database
        .texts(&format!(
            "SELECT s.token_hash AS value FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.username = '{username}' AND s.ended_at IS NULL"
        ))
        .remove(0);
    let (now, limits) = (desk.clock.now(), desk.inner.limits);
    let (session, user) = desk
        .inner
        .db
        .read_blocking(|conn| sessions::find_live(conn, now, limits, &hash))
        .expect("a read")
        .expect("a session");
    Admin::of(&user, &session, Client::default()).expect("a superuser")
}

on_both_databases! {
    async fn two_admins_who_demote_each_other_a_thousand_times_never_leave_the_portal_without_an_admin(database) {
        let desk = start(database).await;
        superuser(&desk, "boss").await;
        superuser(&desk, "deputy").await;
        let [boss_id, deputy_id] = ["boss", "deputy"].map(|name| desk.db_id_of(name));
        let [boss, deputy] = ["boss", "deputy"].map(|name| authority(&desk, name));
        let (db, clock, roles) = (&desk.inner.db, &desk.clock, RolePermissions::default());
        for round in 0..1000 {
            let barrier = Barrier::new(2);
            let demote = |by: &Admin, whom: i64| {
                let act = Act::SetRole(Role::Employee);
                barrier.wait();
                db.decide_blocking(|conn| {
                    admin::perform(conn, clock.now(), by, &roles, whom, &act, &Said::default())
                })
            };
            let outcomes = thread::scope(|scope| {
                let one = scope.spawn(|| demote(&boss, deputy_id));
                let other = scope.spawn(|| demote(&deputy, boss_id));
                [one.join().expect("an outcome"), other.join().expect("an outcome")]
            });
            let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            assert_eq!(done, 1, "round {round}: {outcomes:?}");
            let is_anybody_left = db.read_blocking(|conn| users::has_other_superuser(conn, 0));
            assert!(is_anybody_left.expect("a read"), "round {round}");
            db.write_blocking(|conn| {
                users::set_role_by_hand(conn, boss_id, Role::Superuser)?;
                users::set_role_by_hand(conn, deputy_id, Role::Superuser)
            }).expect("both again");
        }
        assert_eq!(desk.database.count("audit_events WHERE event = 'role_changed' AND outcome = 'success'"), 1000);
    }

    async fn two_admins_who_deactivate_each_other_never_leave_the_portal_without_an_admin(database) {
        let desk = start(database).await;
        let names = ["boss", "deputy"];
        let browsers = [superuser(&desk, "boss").await, superuser(&desk, "deputy").await];
        let ids = names.map(|name| desk.db_id_of(name));
        for round in 0..100 {
            let mut tries = Vec::new();
            for (me, other) in [(0, 1), (1, 0)] {
                let page = browsers[me].get("/account").await;
                tries.push((browsers[me].clone(), page, format!("/admin/users/{}/deactivate", ids[other])));
            }
            let racing: Vec<_> = tries
                .into_iter()
                .map(|(browser, page, path)| spawn(async move { browser.post(&path, &page, &[]).await }))
                .collect();
            let mut done = 0;
            for one in racing {
                let answer = one.await.expect("an answer");
                assert_eq!(answer.status, 303, "round {round}: {}", answer.body);
                if answer.location().starts_with("/admin/users/") {
                    done += 1;
                } else {
                    assert_eq!(answer.location(), "/login?next=/", "round {round}");
                }
            }
            assert_eq!(done, 1, "round {round}");
            assert_eq!(active_superusers(&desk), 1, "round {round}");
            desk.database.execute("UPDATE users SET is_active = TRUE");
            for (name, browser) in names.iter().zip(&browsers) {
                if browser.get("/account").await.status == 303 {
                    assert_eq!(browser.sign_in(&person(name), "/").await.status, 303);
                }
            }
        }
    }

    async fn an_act_on_everybody_leaves_oneself_out_and_says_so(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        superuser(&desk, "deputy").await;
        desk.signed_in(&person("li")).await;
        desk.signed_in(&person("wang")).await;
        desk.db_deactivate("wang");
        let list = boss.get("/admin/users").await;
        let page = submit(&boss, &list, "/admin/users/bulk", &[("all", "1"), ("act", "deactivate")]).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("Deactivate 4 accounts?"), "{}", page.body);
        assert!(page.body.contains("Your own account and the last active admin are skipped"));
        let result = submit(&boss, &page, "/admin/users/bulk/confirm", &[("reason", REASON)]).await;
        assert_eq!(result.status, 200);
        assert!(result.body.contains("Deactivate: 2 done"), "{}", result.body);
        assert!(result.body.contains("No change needed</dt><dd class=\"num\">1</dd>"));
        assert!(result.body.contains("Skipped</dt><dd class=\"num\">1</dd>"));
        let left_out = format!("<a href=\"/admin/users/{}\">boss</a></h2><p>You cannot do this to your own account. Ask another admin</p>", desk.db_id_of("boss"));
        assert!(result.body.contains(&left_out), "{}", result.body);
        assert_eq!(desk.database.texts("SELECT username AS value FROM users WHERE is_active"), ["boss"]);
        assert_eq!(boss.get("/admin/users").await.status, 200);
    }

    async fn an_act_whose_session_ends_meanwhile_is_done_before_the_end_or_not_at_all(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let deputy = superuser(&desk, "deputy").await;
        desk.signed_in(&person("li")).await;
        let [li, deputy_id] = ["li", "deputy"].map(|name| desk.db_id_of(name));
        for round in 0..100 {
            assert_eq!(deputy.sign_in(&person("deputy"), "/").await.status, 303);
            desk.db_prove("deputy");
            let name = format!("round.{round}");
            let acting = {
                let (deputy, page, name) = (deputy.clone(), deputy.get("/account").await, name.clone());
                spawn(async move {
                    // Now before the end, now after it.
                    tokio::time::sleep(Duration::from_micros(200 * (round % 10))).await;
                    deputy.post(&format!("/admin/users/{li}/grant"), &page, &[("permission", &name)]).await
                })
            };
            let ending = {
                let (boss, page) = (boss.clone(), boss.get("/account").await);
                spawn(async move { boss.post(&format!("/admin/users/{deputy_id}/end-sessions"), &page, &[]).await })
            };
            let ended = ending.await.expect("an answer");
            assert_eq!(ended.location(), format!("/admin/users/{deputy_id}"), "round {round}: {}", ended.body);
            let acted = acting.await.expect("an answer");
            assert!(!acted.sets_session(), "round {round}: {:?}", acted.set_cookies());
            let given = desk.database.count(&format!("user_permissions WHERE name = '{name}'"));
            let event = desk.database.number(&format!("SELECT COALESCE(MAX(id), 0) AS value FROM audit_events WHERE event = 'permission_granted' AND details LIKE '%\"{name}\"%'"));
            if acted.location() == format!("/admin/users/{li}") {
                let end = desk.database.number("SELECT MAX(id) AS value FROM audit_events WHERE event = 'sessions_ended'");
                assert_eq!(given, 1, "round {round}");
                assert!(event > 0 && event < end, "round {round}: the act came after the end of its session");
            } else {
                assert_eq!((acted.status.as_u16(), acted.location()), (303, "/login?next=/"), "round {round}: {}", acted.body);
                assert_eq!((given, event), (0, 0), "round {round}");
            }
            assert_eq!(deputy.get("/account").await.status, 303, "round {round}: it stays ended");
        }
    }

    async fn an_act_that_waits_for_its_turn_is_not_done_once_its_role_is_gone(database) {
        let desk = start(database).await;
        let deputy = superuser(&desk, "deputy").await;
        superuser(&desk, "boss").await;
        desk.signed_in(&person("li")).await;
        let [li, deputy_id] = ["li", "deputy"].map(|name| desk.db_id_of(name));
        // Three sign-ins, and what the sweeper does at the start.
        until("the sweeper has had its turn", async || desk.inner.db.counts().writes >= 8).await;
        {
            let page = deputy.get("/account").await;
            let db = desk.inner.db.clone();
            let before = db.counts().writes;
            let (taken, wait_for_it) = mpsc::channel();
            // A transaction that has the turn of all acts, and keeps it until the act waits for it.
            let holding = thread::spawn(move || {
                db.write_blocking(|conn| {
                    lock_superusers(conn)?;
                    let _told = taken.send(());
                    let started = Instant::now();
                    while db.counts().writes == before && started.elapsed() < Duration::from_secs(3) {
                        thread::sleep(Duration::from_millis(1));
                    }
                    thread::sleep(Duration::from_millis(200));
                    users::set_role_by_hand(conn, deputy_id, Role::Employee)
                })
            });
            wait_for_it.recv().expect("the turn is taken");
            let answer = deputy.post(&format!("/admin/users/{li}/grant"), &page, &[("permission", "too.late")]).await;
            holding.join().expect("a thread").expect("a transaction");
            assert_eq!(answer.status, 403, "{}", answer.body);
            assert!(!answer.sets_session());
            assert_eq!(desk.database.count("user_permissions"), 0);
            assert!(trail(&desk).is_empty(), "{:?}", trail(&desk));
        }
        assert_eq!(deputy.get("/account").await.status, 200);
    }
}

// -- fresh sign-ins --

on_both_databases! {
    async fn a_quarter_of_an_hour_after_the_sign_in_dangerous_acts_ask_for_another(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let li = desk.signed_in(&person("li")).await;
        desk.signed_in(&person("wang")).await;
        desk.db_create_local_account("kiosk");
        desk.db_create_local_account("gone");
        desk.db_deactivate("gone");
        let [li_id, wang, kiosk, gone] = ["li", "wang", "kiosk", "gone"].map(|name| desk.db_id_of(name));
        done(&boss, li_id, "grant", &[("permission", "old.one")]).await;
        desk.clock.advance(QUARTER.saturating_sub(Duration::from_secs(30)));
        assert_eq!(boss.get(&format!("/admin/users/{li_id}/grant")).await.status, 200, "not yet");
        desk.clock.advance(Duration::from_secs(31));

        // -- what asks --
        let (before, events) = (state(&desk), trail(&desk).len());
        let note = "reason=on%20paper%2C%20%E4%B8%A4%E6%AC%A1";
        for (path, fields) in [
            (format!("/admin/users/{li_id}/role?role=staff&{note}"), vec![("role", "staff")]),
            (format!("/admin/users/{li_id}/role?role=superuser&{note}"), vec![("role", "superuser")]),
            (format!("/admin/users/{li_id}/grant?permission=reports.read&{note}"), vec![("permission", "reports.read")]),
            (format!("/admin/users/{li_id}/link?provider=company&subject=another-one&{note}"), vec![("subject", "another-one")]),
            (format!("/admin/users/{li_id}/unlink?provider=company&subject=id-of-li&{note}"), vec![("subject", "id-of-li")]),
            (format!("/admin/users/{kiosk}/reset-password?{note}"), vec![]),
            (format!("/admin/users/{gone}/erase?{note}"), vec![]),
        ] {
            assert_eq!(asked_to_sign_in_again(&boss.get(&path).await), path);
            let mut fields = fields;
            fields.push(("reason", "on paper, 两次"));
            let answer = send(&boss, path.split('?').next().unwrap_or_default(), &fields).await;
            assert_eq!(asked_to_sign_in_again(&answer), path, "with all that was typed");
            let script = boss.get_with(&path, &[("accept", "application/json")]).await;
            assert_eq!(script.status, 403);
            assert!(script.body.contains("fresh_sign_in_needed"), "{}", script.body);
        }
        for path in [
            "/admin/users/new",
            "/admin/sessions/end?ip=127.0.0.1",
        ] {
            assert_eq!(asked_to_sign_in_again(&boss.get(path).await), path);
        }
        let ticked = li_id.to_string();
        for (path, fields, next) in [
            ("/admin/users/new", vec![("username", "x"), ("first_name", ""), ("email", ""), ("reason", "")], "/admin/users/new"),
            ("/admin/users/bulk", vec![("u", ticked.as_str()), ("act", "deactivate"), ("filter", "status=active")], "/admin/users?status=active"),
            ("/admin/users/bulk/confirm", vec![("u", ticked.as_str()), ("act", "deactivate"), ("filter", "")], "/admin/users"),
            ("/admin/users/bulk/confirm", vec![("all", "1"), ("act", "end-sessions"), ("filter", "role=employee")], "/admin/users?role=employee"),
            ("/admin/sessions/end", vec![("filter", "user=li")], "/admin/sessions/end?user=li"),
            ("/admin/users.csv?status=active", vec![], "/admin/users?status=active"),
            ("/admin/sessions.csv", vec![("bom", "1")], "/admin/sessions"),
            ("/admin/audit.csv?by=boss", vec![], "/admin/audit?by=boss"),
        ] {
            assert_eq!(asked_to_sign_in_again(&send(&boss, path, &fields).await), next, "{path}");
        }
        assert!(boss.get("/admin/users").await.body.contains("Changing several accounts at once"));
        assert_eq!(state(&desk), before, "nothing was changed");
        assert_eq!(trail(&desk).len(), events);

        // -- what does not: it only stops somebody, or takes away --
        done(&boss, wang, "deactivate", &[]).await;
        done(&boss, wang, "activate", &[]).await;
        done(&boss, li_id, "take", &[("permission", "old.one")]).await;
        done(&boss, li_id, "note", &[("reason", "called")]).await;
        let session = desk.db_live_sessions_of("li").remove(0);
        assert_eq!(boss.get(&format!("/admin/users/{li_id}/end-session?session={session}")).await.status, 200);
        done(&boss, li_id, "end-session", &[("session", &session)]).await;
        assert_eq!(li.get("/account").await.status, 303);
        desk.signed_in(&person("li")).await;
        done(&boss, li_id, "end-sessions", &[]).await;

        // -- after a proof it comes back to itself, with what was typed --
        let path = format!("/admin/users/{li_id}/grant?permission=reports.read&{note}");
        let asked = boss.get(&path).await;
        let page = boss.get(asked.location()).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("<h1>Confirm that it is you</h1>"), "{}", page.body);
        assert!(page.body.contains("Ask another admin for a confirmation link"), "{}", page.body);
        // The platform's own session gives another one in silence, which proves nothing.
        let answer = boss.sign_in(&person("boss"), &path).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, path.as_str()));
        let asked = boss.get(&path).await;
        assert_eq!(asked_to_sign_in_again(&asked), path);
        desk.db_set_confirmation_password("boss");
        let page = boss.get(asked.location()).await;
        let answer = submit(&boss, &page, "/confirm", &[("password", PASSWORD)]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, path.as_str()));
        let page = boss.get(answer.location()).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("name=\"permission\" value=\"reports.read\""), "{}", page.body);
        assert!(page.body.contains(">on paper, 两次</textarea>"), "{}", page.body);
        done(&boss, li_id, "grant", &[("permission", "reports.read"), ("reason", "on paper")]).await;
        let event = trail(&desk).pop().expect("an event");
        assert_eq!(event.line, "permission_granted success boss li");
        assert_eq!(event.details, json!({"permissions_added": ["reports.read"], "note": "on paper"}));
        done(&boss, li_id, "role", &[("role", "staff")]).await;
        let event = trail(&desk).pop().expect("an event");
        assert_eq!(event.line, "role_changed success boss li");
        assert_eq!(event.details["changes"], json!([{"field": "role_by_hand", "from": "employee", "to": "staff"}]));
        assert_eq!(send(&boss, "/admin/users.csv", &[]).await.status, 200);
    }
}

#[test]
fn a_local_admin_signs_in_again_with_the_password() {
    run(async {
        let desk = Desk::start().await;
        desk.db_create_local_account("root");
        desk.db_make_superuser("root");
        desk.signed_in(&person("li")).await;
        let li = desk.db_id_of("li");
        let (root, answer) = with_password(&desk, "root", PASSWORD).await;
        assert_eq!(answer.status, 303);
        desk.clock.advance(QUARTER);
        let path = format!("/admin/users/{li}/role?role=staff");
        let asked = root.get(&path).await;
        assert_eq!(asked_to_sign_in_again(&asked), path);
        let page = root.get(asked.location()).await;
        assert!(page.body.contains("value=\"root\"") && !page.body.contains("/oauth2/login"));
        let wrong = [("password", "wrong horse battery")];
        assert_eq!(submit(&root, &page, "/confirm", &wrong).await.status, 422);
        assert_eq!(asked_to_sign_in_again(&root.get(&path).await), path);
        let right = [("password", PASSWORD)];
        let answer = submit(&root, &page, "/confirm", &right).await;
        assert_eq!(
            (answer.status.as_u16(), answer.location()),
            (303, path.as_str())
        );
        let page = root.get(answer.location()).await;
        let action = format!("/admin/users/{li}/role");
        let answer = submit(&root, &page, &action, &[("reason", "")]).await;
        assert_eq!(answer.location(), format!("/admin/users/{li}"));
        let event = trail(&desk).pop().expect("an event");
        assert_eq!(event.line, "role_changed success root li");
    });
}

// -- what forms cannot do --

/// What stands in one and not in the other.
fn only_in<'a>(one: &'a BTreeSet<String>, other: &'a BTreeSet<String>) -> Vec<&'a str> {
    one.iter()
        .filter(|line| !other.contains(*line))
        .map(String::as_str)
        .collect()
}

#[test]
fn fields_that_a_form_does_not_have_change_nothing() {
    run(async {
        let desk = start(Database::sqlite()).await;
        let boss = superuser(&desk, "boss").await;
        desk.signed_in(&person("li")).await;
        let wang = desk.signed_in(&person("wang")).await;
        let [me, li, other] = ["boss", "li", "wang"].map(|name| desk.db_id_of(name));
        let (me, other) = (me.to_string(), other.to_string());
        let more = [
            ("is_superuser", "1"),
            ("is_staff", "1"),
            ("is_active", "0"),
            ("id", other.as_str()),
            ("user_id", other.as_str()),
            ("u", other.as_str()),
            ("password", "four words and a comma,"),
            ("provider", "company"),
            ("origin", "company"),
            ("username", "boss"),
            ("actor", "li"),
            ("reference", "AAAA-AAAA"),
            ("granted_by", "li"),
            ("__proto__", "x"),
        ];
        let with = |own: &[(&'static str, &'static str)]| {
            let mut fields = own.to_vec();
            fields.extend_from_slice(&more);
            fields
        };

        let before = state(&desk);
        let fields = with(&[
            ("reason", "called"),
            ("role", "superuser"),
            ("permission", "desk.admin"),
            ("subject", "id-of-wang"),
        ]);
        done(&boss, li, "note", &fields).await;
        assert_eq!(state(&desk), before);
        let event = trail(&desk).pop().expect("an event");
        assert_eq!(event.line, "note_added success boss li");
        assert_ne!(event.reference, "AAAA-AAAA");

        let fields = with(&[("permission", "reports.read")]);
        done(&boss, li, "grant", &fields).await;
        let after = state(&desk);
        assert_eq!(
            only_in(&after, &before),
            [format!("permission {li} reports.read  boss")]
        );
        assert!(only_in(&before, &after).is_empty());

        let before = after;
        done(&boss, li, "role", &with(&[("role", "staff")])).await;
        let after = state(&desk);
        let mine = [format!("user {li} "), format!("change {li} role_by_hand ")];
        let changed = only_in(&after, &before);
        assert_eq!(changed.len(), 2, "{changed:?}");
        for line in changed.iter().chain(&only_in(&before, &after)) {
            assert!(mine.iter().any(|begin| line.starts_with(begin)), "{line}");
        }
        assert_eq!(active_superusers(&desk), 1);
        assert_eq!(wang.get("/account").await.status, 200);

        // An identity that is somebody's is not moved by a field.
        let path = format!("/admin/users/{li}/link");
        let fields = with(&[("subject", "id-of-wang")]);
        let why = "This identity belongs to the account wang";
        refused(&desk, &boss, &path, &fields, why).await;

        // A new account is plain, and its password is its owner's to choose.
        let fields = [
            ("username", "kiosk"),
            ("first_name", ""),
            ("email", ""),
            ("reason", ""),
            ("role", "superuser"),
            ("is_superuser", "1"),
            ("is_staff", "1"),
            ("is_active", "0"),
            ("id", me.as_str()),
            ("password", PASSWORD),
            ("password_hash", "$argon2id$x"),
            ("subject", "id-of-kiosk"),
        ];
        link_on(&send(&boss, "/admin/users/new", &fields).await);
        let kiosk = desk.db_id_of("kiosk");
        let flags = format!(
            "SELECT COALESCE(password, 'none') || CAST(is_active AS TEXT) || CAST(is_staff AS TEXT) || CAST(is_superuser AS TEXT) AS value FROM users WHERE id = {kiosk}"
        );
        assert_eq!(desk.database.texts(&flags), ["!100"]);
        assert_eq!(desk.database.count("identities"), 3);
        for password in ["!", PASSWORD] {
            let (_, answer) = with_password(&desk, "kiosk", password).await;
            assert_eq!(answer.status, 422, "{password}");
        }

        // Acts that are not for many, not even by hand.
        let before = state(&desk);
        for act in ["role", "erase", "link", "unlink", "reset-password", "", "x"] {
            let fields = [("u", other.as_str()), ("act", act), ("role", "superuser")];
            let answer = send(&boss, "/admin/users/bulk/confirm", &fields).await;
            assert_eq!(answer.status, 400, "{act}");
        }
        let fields = [("u", me.as_str()), ("act", "grant"), ("permission", "x")];
        let answer = send(&boss, "/admin/users/bulk/confirm", &fields).await;
        assert!(
            answer
                .body
                .contains("You cannot do this to your own account")
        );
        assert_eq!(state(&desk), before);
    });
}

on_both_databases! {
    async fn nobody_but_an_admin_changes_an_account_least_of_all_their_own(database) {
        let desk = Desk::on(database)
            .with("OAUTH2_SUBJECT", "/id")
            .with("FRONTDESK_SUPERUSER_PERMISSION", "desk.admin")
            .run()
            .await;
        let boss = superuser(&desk, "boss").await;
        let staff = staff(&desk, "sam").await;
        let employee = desk.signed_in(&person("li")).await;
        desk.signed_in(&person("wang")).await;
        let session = desk.db_live_sessions_of("wang").remove(0);
        let [boss_id, sam, li, wang] = ["boss", "sam", "li", "wang"].map(|name| desk.db_id_of(name));
        let (before, events) = (state(&desk), trail(&desk).len());
        for browser in [&staff, &employee] {
            for id in [boss_id, sam, li, wang] {
                for act in web::acts() {
                    let fields = [
                        ("role", "superuser"),
                        ("permission", "desk.admin"),
                        ("subject", "another-one"),
                        ("session", session.as_str()),
                        ("reason", "x"),
                    ];
                    let answer = send(browser, &format!("/admin/users/{id}/{act}"), &fields).await;
                    assert_eq!(answer.status, 403, "{act}");
                    assert!(answer.body.contains("You cannot open this page"), "{act}");
                }
            }
            let (me, all) = (sam.to_string(), "1");
            for (path, fields) in [
                ("/admin/users/new", vec![("username", "x"), ("first_name", ""), ("email", ""), ("reason", "")]),
                ("/admin/users/bulk", vec![("all", all), ("act", "deactivate")]),
                ("/admin/users/bulk/confirm", vec![("all", all), ("act", "deactivate")]),
                ("/admin/users/bulk/confirm", vec![("u", me.as_str()), ("act", "grant"), ("permission", "desk.admin")]),
                ("/admin/sessions/end", vec![("filter", "")]),
            ] {
                assert_eq!(send(browser, path, &fields).await.status, 403, "{path}");
            }
        }
        assert_eq!(state(&desk), before);
        assert_eq!(trail(&desk).len(), events);

        // Nor does an admin: not by hand, not by the permission that makes one.
        desk.database.execute("UPDATE users SET is_superuser = FALSE, is_superuser_by_permission = TRUE WHERE username = 'boss'");
        for (act, fields) in [("role", [("role", "superuser")]), ("grant", [("permission", "desk.admin")])] {
            let told = refused(&desk, &boss, &format!("/admin/users/{boss_id}/{act}"), &fields, "You cannot do this").await;
            assert_eq!(told.len(), 1);
        }
    }

    async fn an_account_that_waits_under_somebody_s_name_is_not_theirs_until_an_admin_says_so(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let mallory = superuser(&desk, "mallory").await;
        // Whoever makes the account chooses the password too.
        let link = new_account(&mallory, "victim").await;
        let waiting = desk.browser();
        assert_eq!(choose(&waiting, &link, "four words and a comma,", "four words and a comma,").await.status, 303);
        assert_eq!(waiting.get("/account").await.user().as_deref(), Some("victim"));
        let id = desk.db_id_of("victim");

        // The person comes: they do not get it, and it does not get them.
        let victim = person("victim").with("name_cn", "Veronica").with("email", "veronica@corp.example");
        let browser = desk.browser();
        let answer = browser.sign_in(&victim, "/").await;
        assert_eq!(answer.status, 409);
        assert!(!answer.sets_session());
        assert_eq!(browser.get("/account").await.status, 303);
        assert_eq!(desk.database.count(&format!("identities WHERE user_id = {id}")), 0);
        let account = waiting.get("/account").await;
        assert!(!account.body.contains("Veronica") && !account.body.contains("veronica@corp.example"));

        // An admin who knows them links them: nobody else has a way in any more.
        done(&boss, id, "link", &[("subject", "id-of-victim")]).await;
        assert_eq!(waiting.get("/account").await.status, 303, "all sessions are gone");
        assert_eq!(desk.db_fields_of("victim", "password"), ["NULL"]);
        let (_, answer) = with_password(&desk, "victim", "four words and a comma,").await;
        assert_eq!(answer.status, 422);
        assert_eq!(desk.browser().get(&link).await.status, 410);
        let browser = desk.signed_in(&victim).await;
        assert_eq!(browser.get("/account").await.user().as_deref(), Some("victim"));
        assert_eq!(desk.db_id_of("victim"), id);
        let path = format!("/admin/users/{id}/reset-password");
        refused(&desk, &boss, &path, &[], "the account has no local password").await;
    }
}

// -- links to choose a password --

on_both_databases! {
    async fn a_new_local_account_s_owner_chooses_the_password_by_a_link_that_works_once(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let page = boss.get("/admin/users/new").await;
        assert!(page.body.contains("<h1>New local account</h1>"));

        // What is wrong with it is said beside the field, and what was typed stays.
        let events = trail(&desk).len();
        for (username, first_name, email, why) in [
            ("boss", "", "", "Another account has that username"),
            (" ", "", "", "Enter a username of 1 to 150 characters"),
            ("ki\u{7}osk", "", "", "Enter a username of 1 to 150 characters"),
            ("kiosk", "a\u{202e}b", "", "Enter a name of at most 150 characters"),
            ("kiosk", "", "nowhere", "Enter a full email address with an @"),
        ] {
            let typed = [("username", username), ("first_name", first_name), ("email", email), ("reason", "for the lobby")];
            let answer = submit(&boss, &page, "/admin/users/new", &typed).await;
            assert_eq!(answer.status, 422, "{username:?}");
            assert!(answer.body.contains(why) && answer.body.contains("for the lobby"), "{}", answer.body);
            assert!(answer.body.contains("<title>Error: "));
        }
        assert_eq!(desk.database.count("users"), 1);
        assert_eq!(trail(&desk).len(), events);

        let typed = [("username", "kiosk"), ("first_name", "Lobby kiosk"), ("email", ""), ("reason", REASON)];
        let shown = submit(&boss, &page, "/admin/users/new", &typed).await;
        let link = link_on(&shown);
        assert!(shown.body.contains("Give this link to <strong>Lobby kiosk</strong>") && shown.body.contains("within 24 hours"));
        assert!(shown.body.contains(&format!("{}{link}", desk.url)), "the whole address");
        let event = trail(&desk).pop().expect("an event");
        assert_eq!(event.line, "account_created success boss kiosk");
        assert_eq!((event.address.as_str(), &event.details["note"]), (OFFICE, &json!(REASON)));
        assert_eq!(trail(&desk).len(), events + 1);
        let id = desk.db_id_of("kiosk");
        for path in ["/admin/users/new".to_owned(), format!("/admin/users/{id}"), "/admin/audit".to_owned()] {
            assert!(!boss.get(&path).await.body.contains(token_of(&link)), "it is shown once: {path}");
        }

        let kiosk = desk.browser();
        let page = kiosk.get(&link).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("For the account <strong>kiosk</strong>"));
        // What is too weak or differs leaves the link as it is.
        for (new, again, why) in [
            ("short", "short", "at least 12 characters"),
            ("passwordpassword", "passwordpassword", "is too common"),
            ("four words and a comma,", "four words and a comma.", "do not match"),
        ] {
            let answer = choose(&kiosk, &link, new, again).await;
            assert_eq!(answer.status, 422, "{new}");
            assert!(answer.body.contains(why), "{}", answer.body);
            assert!(!answer.sets_session());
        }
        let answer = choose(&kiosk, &link, "four words and a comma,", "four words and a comma,").await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/"));
        assert_eq!(kiosk.get("/account").await.user().as_deref(), Some("kiosk"));
        assert_eq!(kiosk.get("/admin/users").await.status, 403);
        let event = trail(&desk).pop().expect("an event");
        assert_eq!(event.line, "password_changed success kiosk kiosk");
        assert_eq!(with_password(&desk, "kiosk", "four words and a comma,").await.1.status, 303);

        // Once, wherever.
        for browser in [&kiosk, &desk.browser()] {
            assert_eq!(browser.get(&link).await.status, 410);
        }
        let other = desk.browser();
        assert_eq!(choose(&other, &link, "another few words, then", "another few words, then").await.status, 410);
        assert_eq!(with_password(&desk, "kiosk", "another few words, then").await.1.status, 422);
        // And nobody can read it anywhere.
        assert!(!desk.log().contains(token_of(&link)), "no token in the log");
        assert!(!desk.database.dump().contains(token_of(&link)), "nor in the database");
    }

    async fn a_link_to_choose_a_password_ends_in_many_ways(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let first = new_account(&boss, "kiosk").await;
        let id = desk.db_id_of("kiosk");
        let reset = format!("/admin/users/{id}/reset-password");
        let stranger = desk.browser();
        assert_eq!(stranger.get(&first).await.status, 200);
        for broken in [format!("{first}A"), "/password?token=".to_owned(), "/password".to_owned(), desk.db_make_rescue_link("kiosk").replace("/rescue", "/password")] {
            assert_eq!(stranger.get(&broken).await.status, 410, "{broken}");
        }
        assert_eq!(stranger.get(&first.replace("/password", "/rescue")).await.status, 410);

        // A newer one takes its place.
        let page = boss.get(&reset).await;
        assert!(page.body.contains("<h1>Reset the password of kiosk?</h1>"));
        let events = trail(&desk).len();
        let second = link_on(&submit(&boss, &page, &reset, &[("reason", REASON)]).await);
        let told = trail(&desk).split_off(events);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].line, "password_link_made success boss kiosk");
        assert_eq!((told[0].address.as_str(), &told[0].details["note"]), (OFFICE, &json!(REASON)));
        assert_eq!(stranger.get(&first).await.status, 410);
        assert_eq!(stranger.get(&second).await.status, 200);

        // A password in use ends at once, and so do its sessions.
        assert_eq!(choose(&desk.browser(), &second, "four words and a comma,", "four words and a comma,").await.status, 303);
        let (kiosk, _) = with_password(&desk, "kiosk", "four words and a comma,").await;
        assert_eq!(kiosk.get("/account").await.status, 200);
        let third = link_on(&send(&boss, &reset, &[]).await);
        assert_eq!(kiosk.get("/account").await.status, 303);
        assert_eq!(with_password(&desk, "kiosk", "four words and a comma,").await.1.status, 422);
        assert_eq!(with_password(&desk, "kiosk", "!").await.1.status, 422);

        // Deactivated, nobody gets in by it.
        done(&boss, id, "deactivate", &[]).await;
        assert_eq!(stranger.get(&third).await.status, 410);
        assert_eq!(choose(&stranger, &third, "four words and a comma,", "four words and a comma,").await.status, 410);
        assert_eq!(desk.database.count("users WHERE password = '!'"), 1);
        done(&boss, id, "activate", &[]).await;

        // And a day is its whole life.
        let fourth = link_on(&send(&boss, &reset, &[]).await);
        desk.clock.advance(DAY.saturating_sub(Duration::from_secs(60)));
        assert_eq!(stranger.get(&fourth).await.status, 200);
        desk.clock.advance(Duration::from_secs(60));
        assert_eq!(stranger.get(&fourth).await.status, 410);
        assert_eq!(choose(&stranger, &fourth, "four words and a comma,", "four words and a comma,").await.status, 410);
        assert_eq!(desk.database.count("sessions WHERE provider = '' AND ended_at IS NULL"), 0);
        for link in [first, second, third, fourth] {
            assert!(!desk.log().contains(token_of(&link)), "no token in the log");
            assert!(!desk.database.dump().contains(token_of(&link)));
        }
    }
}

#[test]
fn ten_browsers_open_one_password_link_at_once_and_one_password_counts() {
    run(async {
        let desk = start(Database::sqlite()).await;
        let boss = superuser(&desk, "boss").await;
        let link = new_account(&boss, "kiosk").await;
        let tries: Vec<_> = (0..10)
            .map(|number| {
                let (browser, link) = (desk.browser(), link.clone());
                spawn(async move {
                    let new = format!("four words and number {number}");
                    let answer = choose(&browser, &link, &new, &new).await;
                    (answer.status.as_u16(), new)
                })
            })
            .collect();
        let mut winner = Vec::new();
        for one in tries {
            let (status, new) = one.await.expect("an answer");
            if status == 303 {
                winner.push(new);
            } else {
                // Refused at the door, where another one came first.
                assert!([403, 410].contains(&status), "{status}");
            }
        }
        assert_eq!(winner.len(), 1);
        assert_eq!(desk.db_live_sessions_of("kiosk").len(), 1);
        let (_, answer) = with_password(&desk, "kiosk", &winner[0]).await;
        assert_eq!(answer.status, 303);
    });
}

#[test]
fn where_local_passwords_are_off_there_are_no_local_accounts_and_no_password_links() {
    run(async {
        let desk = start(Database::sqlite()).await;
        let boss = superuser(&desk, "boss").await;
        let link = new_account(&boss, "kiosk").await;
        let off = Desk::on(desk.database.clone())
            .with("FRONTDESK_PASSWORD_LOGIN", "off")
            .with("OAUTH2_SUBJECT", "/id")
            .run()
            .await;
        let boss = off.signed_in(&person("boss")).await;
        assert_eq!(boss.get("/admin/users/new").await.status, 404);
        assert!(
            !boss
                .get("/admin/users")
                .await
                .body
                .contains("/admin/users/new")
        );
        let fields = [
            ("username", "x"),
            ("first_name", ""),
            ("email", ""),
            ("reason", ""),
        ];
        let answer = send(&boss, "/admin/users/new", &fields).await;
        assert_eq!(answer.status, 404);
        assert_eq!(off.database.count("users"), 2);
        // One that this very portal made is no good either.
        let id = off.db_id_of("kiosk");
        let draft = frontdesk::signin::password_link::draft().expect("randomness");
        let made = draft.id.clone();
        off.database.execute(&format!(
            "UPDATE audit_events SET reference = '{made}' WHERE event = 'account_created'"
        ));
        let token = draft
            .token(&off.inner.keys, off.clock.now(), id)
            .expect("randomness");
        let own = frontdesk::signin::password_link::address("", &token);
        for link in [link, own] {
            assert_eq!(off.browser().get(&link).await.status, 410);
            let new = "four words and a comma,";
            let answer = choose(&off.browser(), &link, new, new).await;
            assert_eq!(answer.status, 410);
        }
    });
}

// -- erasing --

/// Every page and list of the admin area, one after the other.
async fn everything(desk: &Desk, admin: &Browser) -> String {
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
    for id in desk.db_column("users", "id") {
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

/// The texts that a dump leaves out.
fn rest_of(desk: &Desk) -> String {
    [
        "SELECT term AS value FROM user_terms",
        "SELECT granted_by AS value FROM user_permissions",
        "SELECT changed_by AS value FROM user_field_changes",
    ]
    .into_iter()
    .flat_map(|sql| desk.database.texts(sql))
    .collect::<Vec<_>>()
    .join("\n")
}

fn assert_lacks(text: &str, needles: &[&str], what: &str) {
    let text = text.to_lowercase();
    for needle in needles {
        assert!(!text.contains(&needle.to_lowercase()), "{needle} in {what}");
    }
}

on_both_databases! {
    async fn a_leaver_s_personal_data_is_nowhere_once_it_is_erased(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let quince = person("quince.leaver")
            .with("id", "Q-77351")
            .with("name_cn", "Quincea Marmalade")
            .with("email", "quincea@old.left.example");
        let address = "198.51.100.77";
        signed_in_from(&desk, &quince, address, "Marmaladefox/9").await;
        let quince = quince.with("email", "quincea@left.example");
        let theirs = signed_in_from(&desk, &quince, address, "Marmaladefox/9").await;
        let page = theirs.get("/account").await;
        theirs.post_with("/account/sessions/end-others", &page, &[], &[("x-forwarded-for", address)]).await;
        let id = desk.db_id_of("quince.leaver");
        done(&boss, id, "note", &[("reason", "Quincea Marmalade called")]).await;
        done(&boss, id, "grant", &[("permission", "reports.read"), ("reason", "for Quincea")]).await;
        done(&boss, id, "link", &[("subject", "Q-77352")]).await;
        signed_in_from(&desk, &quince, address, "Marmaladefox/9").await;
        done(&boss, id, "deactivate", &[("reason", "Quincea has left")]).await;
        let turned_away = desk.browser();
        let callback = desk.provider.approve(&turned_away.begin("/").await, &quince);
        assert_eq!(turned_away.get_with(&callback, &[("x-forwarded-for", address)]).await.status, 403);

        let needles = [
            "quince.leaver", "quincea", "marmalade", "left.example", "Q-77351", "Q-77352", address, "marmaladefox",
        ];
        let dump = format!("{}{}", desk.database.dump(), rest_of(&desk)).to_lowercase();
        for needle in needles {
            assert!(dump.contains(&needle.to_lowercase()), "{needle} was there");
        }
        let events = desk.database.count("audit_events");
        let kinds = "SELECT event || ' ' || outcome || ' ' || CAST(created_at AS TEXT) AS value FROM audit_events ORDER BY id";
        let before = desk.database.texts(kinds);
        done(&boss, id, "erase", &[("reason", "has left")]).await;
        assert_eq!(desk.database.count("audit_events"), events + 1, "every entry stays");
        assert_eq!(desk.database.texts(kinds)[..before.len()], before[..], "and says what happened when");

        assert_lacks(&desk.database.dump(), &needles, "the database");
        assert_lacks(&rest_of(&desk), &needles, "the database");
        assert_lacks(&everything(&desk, &boss).await, &needles, "the admin area");
        let alias = format!("erased-{}", id.unsigned_abs());
        let page = boss.get(&format!("/admin/users/{id}")).await;
        assert!(page.body.contains(&alias) && page.body.contains("The personal data of this account was erased on"));
        assert!(page.body.contains("It cannot be used again."));
        // Nothing more is done to it, but a note may be.
        for (act, fields) in [
            ("activate", vec![]),
            ("role", vec![("role", "staff")]),
            ("grant", vec![("permission", "x")]),
            ("link", vec![("subject", "x")]),
            ("reset-password", vec![]),
            ("erase", vec![]),
        ] {
            let told = refused(&desk, &boss, &format!("/admin/users/{id}/{act}"), &fields, "has been erased").await;
            assert_eq!(told.len(), 1, "{act}: {told:?}");
            assert!(told[0].contains(" refused erased boss "), "{told:?}");
        }
        done(&boss, id, "note", &[("reason", "the paper is shredded")]).await;

        // Should they come back, they are somebody new.
        let back = desk.signed_in(&quince).await;
        assert_eq!(back.get("/account").await.user().as_deref(), Some("quince.leaver"));
        assert_ne!(desk.db_id_of("quince.leaver"), id);
        assert!(!back.get("/account").await.body.contains("reports.read"));
    }

    async fn a_leaver_s_earlier_names_go_from_their_own_entries_too(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let person = person("plum.maiden").with("id", "P-1");
        desk.signed_in(&person).await;
        let renamed = person.with("name", "plum.married").with("name_cn", "Plum");
        desk.signed_in(&renamed).await;
        let id = desk.db_id_of("plum.married");
        done(&boss, id, "deactivate", &[]).await;
        done(&boss, id, "erase", &[]).await;
        let needles = ["plum.maiden", "plum.married"];
        assert_lacks(&desk.database.dump(), &needles, "the database");
        assert_lacks(&everything(&desk, &boss).await, &needles, "the admin area");
    }

    async fn an_admin_who_has_left_is_erased_where_they_acted_too(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let maple = superuser(&desk, "maple").await;
        desk.signed_in(&person("li")).await;
        let [li, id] = ["li", "maple"].map(|name| desk.db_id_of(name));
        done(&maple, li, "grant", &[("permission", "reports.read")]).await;
        done(&maple, li, "role", &[("role", "staff")]).await;
        done(&boss, id, "deactivate", &[]).await;
        done(&boss, id, "erase", &[]).await;
        assert_lacks(&desk.database.dump(), &["maple"], "the database");
        assert_lacks(&rest_of(&desk), &["maple"], "the database");
        assert_lacks(&everything(&desk, &boss).await, &["maple"], "the admin area");
        assert!(desk.db_column("user_permissions", "name").contains(&"reports.read".to_owned()));
    }
}

// -- many at once --

on_both_databases! {
    async fn an_act_on_ticked_accounts_is_done_for_each_and_says_where_it_was_not(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let li = desk.signed_in(&person("li")).await;
        let wang = desk.signed_in(&person("wang")).await;
        desk.signed_in(&person("zhao")).await;
        let [me, li_id, wang_id, zhao] = ["boss", "li", "wang", "zhao"].map(|name| desk.db_id_of(name).to_string());
        desk.db_deactivate("zhao");

        // -- what is missing is said --
        let list = boss.get("/admin/users").await;
        for (typed, missing) in [
            (vec![("act", "deactivate")], "No account is selected"),
            (vec![], "No account is selected"),
            (vec![("u", li_id.as_str()), ("act", "")], "No action is chosen"),
            (vec![("u", li_id.as_str())], "No action is chosen"),
            (vec![("u", "42"), ("act", "deactivate")], "No account is selected"),
        ] {
            let page = submit(&boss, &list, "/admin/users/bulk", &typed).await;
            assert_eq!(page.status, 200);
            assert!(page.body.contains(&format!("<h1>{missing}</h1>")), "{typed:?}: {}", page.body);
            assert!(page.body.contains("Back to the list"));
        }
        let long = "x".repeat(501);
        for typed in [vec![("u", "x")], vec![("u", li_id.as_str()), ("reason", long.as_str())]] {
            assert_eq!(submit(&boss, &list, "/admin/users/bulk", &typed).await.status, 400);
        }
        let too_many: Vec<(&str, &str)> = (0..101).map(|_| ("u", li_id.as_str())).collect();
        assert_eq!(submit(&boss, &list, "/admin/users/bulk", &too_many).await.status, 400);

        // -- what will be done is shown, then done --
        let ticks = [("u", li_id.as_str()), ("u", zhao.as_str()), ("u", me.as_str()), ("act", "deactivate")];
        let page = submit(&boss, &list, "/admin/users/bulk", &ticks).await;
        assert!(page.body.contains("<h1>Deactivate 3 accounts?</h1>"), "{}", page.body);
        for name in ["li", "zhao", "boss"] {
            assert!(page.body.contains(&format!("<p>{name}</p>")), "{name}");
        }
        assert_eq!(li.get("/account").await.status, 200, "not yet");
        let events = trail(&desk).len();
        // One of them is gone by now.
        let result = submit(&boss, &page, "/admin/users/bulk/confirm", &[("reason", REASON), ("u", "42")]).await;
        assert!(result.body.contains("<h1>Deactivate: 1 done</h1>"), "{}", result.body);
        assert!(result.body.contains("No change needed</dt><dd class=\"num\">1</dd>"));
        assert!(result.body.contains("Skipped</dt><dd class=\"num\">2</dd>"));
        assert!(result.body.contains("You cannot do this to your own account. Ask another admin"));
        assert!(result.body.contains("The account no longer exists"));
        assert_eq!(li.get("/account").await.status, 303);
        assert_eq!(wang.get("/account").await.status, 200);
        let told = trail(&desk).split_off(events);
        let mut lines: Vec<&str> = told.iter().map(|event| event.line.as_str()).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["account_deactivated refused yourself boss boss", "account_deactivated success boss li"]);
        for event in &told {
            assert_eq!((&event.reference, event.address.as_str()), (&told[0].reference, OFFICE));
            assert_eq!(event.details["note"], REASON);
        }
        assert!(result.body.contains(&format!("href=\"/admin/audit?q={}\"", told[0].reference)));
        let found = boss.get(&format!("/admin/audit?q={}", told[0].reference)).await;
        assert_eq!(found.body.matches("<th scope=\"row\"").count(), 2, "the trail finds the whole act");

        // -- the other acts --
        for (act, more, notice) in [
            ("activate", vec![], "Activate: 1 done"),
            ("end-sessions", vec![], "Sign out everywhere: 1 done"),
            ("grant", vec![("permission", "reports.read")], "Grant a permission: 2 done"),
            ("take", vec![("permission", "reports.read")], "Revoke a permission: 2 done"),
        ] {
            let ticks = [("u", li_id.as_str()), ("u", wang_id.as_str()), ("act", act)];
            let list = boss.get("/admin/users").await;
            let page = submit(&boss, &list, "/admin/users/bulk", &ticks).await;
            assert_eq!(page.body.contains("name=\"permission\""), !more.is_empty(), "{act}");
            let result = submit(&boss, &page, "/admin/users/bulk/confirm", &more).await;
            assert!(result.body.contains(notice), "{act}: {}", result.body);
        }
        assert_eq!(wang.get("/account").await.status, 303);
        assert_eq!(desk.database.count("user_permissions"), 0);
        // A name that is none is refused for each.
        let fields = [("u", li_id.as_str()), ("act", "grant"), ("permission", "a\u{7}b")];
        let result = send(&boss, "/admin/users/bulk/confirm", &fields).await;
        assert!(result.body.contains("Skipped</dt><dd class=\"num\">1</dd>"), "{}", result.body);
        assert!(result.body.contains("Enter a name without control characters"));
    }

    async fn an_act_on_all_matches_runs_in_batches_and_people_sign_in_between_them(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let names: Vec<(String, String)> = (0..600).map(|number| (format!("local{number}"), String::new())).collect();
        desk.db_insert_users(1000, &names);
        let events = trail(&desk).len();
        let mut newcomers = 0;
        for (act, filter, label, heading) in [
            ("grant", "source=local", "Grant a permission", "Grant 600 accounts a permission"),
            // Whoever it is taken from does not match any more.
            ("take", "permission=reports.read", "Revoke a permission", "Revoke this permission from 600 accounts?"),
        ] {
            let list = boss.get(&format!("/admin/users?{filter}")).await;
            let page = submit(&boss, &list, "/admin/users/bulk", &[("all", "1"), ("act", act)]).await;
            assert!(page.body.contains(&format!("<h1>{heading}</h1>")), "{}", page.body);
            assert!(page.body.contains("This is done in batches of 500"));
            let typed = [("permission", "reports.read"), ("reason", REASON)];
            let first = {
                let boss = boss.clone();
                spawn(async move { submit(&boss, &page, "/admin/users/bulk/confirm", &typed).await })
            };
            // Others come in meanwhile.
            for _ in 0..3 {
                desk.signed_in(&person(&format!("newcomer{newcomers}"))).await;
                newcomers += 1;
            }
            let first = first.await.expect("an answer");
            assert!(first.body.contains(&format!("<h1>{label}: 500 done</h1>")), "{}", first.body);
            assert!(first.body.contains("More accounts match."));
            let held = desk.database.count("user_permissions");
            assert_eq!(held, if act == "grant" { 500 } else { 100 }, "what is done is done");
            desk.signed_in(&person(&format!("newcomer{newcomers}"))).await;
            newcomers += 1;
            let second = submit(&boss, &first, "/admin/users/bulk/confirm", &[]).await;
            assert!(second.body.contains(&format!("<h1>{label}: 600 done</h1>")), "{}", second.body);
            assert!(!second.body.contains("More accounts match."));
            assert!(second.body.contains("Skipped</dt><dd class=\"num\">0</dd>"));
            assert_eq!(desk.database.count("user_permissions"), if act == "grant" { 600 } else { 0 });
        }
        let told = trail(&desk).split_off(events);
        assert_eq!(told.len(), 1200, "one event each");
        for (part, event) in [(&told[..600], "permission_granted"), (&told[600..], "permission_taken")] {
            let about: BTreeSet<&str> = part.iter().map(|told| told.line.as_str()).collect();
            assert_eq!(about.len(), 600, "one event a person");
            assert!(about.iter().all(|line| line.starts_with(&format!("{event} success boss local"))));
            let references: BTreeSet<&str> = part.iter().map(|told| told.reference.as_str()).collect();
            assert_eq!(references.len(), 1, "one reference for both batches");
            assert!(part.iter().all(|told| told.details["note"] == REASON && told.address == OFFICE));
        }
        assert_ne!(told[0].reference, told[600].reference);
    }

    async fn ending_all_sessions_that_match_leaves_others_and_one_s_own(database) {
        let desk = start(database).await;
        let firefox = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
        let (cafe, home) = ("198.51.100.1", "198.51.100.2");
        let boss = signed_in_from(&desk, &person("boss"), cafe, firefox).await;
        desk.db_make_superuser("boss");
        desk.db_prove("boss");
        let at_cafe = [
            signed_in_from(&desk, &person("li"), cafe, firefox).await,
            signed_in_from(&desk, &person("li"), cafe, firefox).await,
            signed_in_from(&desk, &person("wang"), cafe, firefox).await,
        ];
        let at_home = signed_in_from(&desk, &person("li"), home, firefox).await;
        let list = boss.get(&format!("/admin/sessions?ip={cafe}")).await;
        let end = format!("/admin/sessions/end?ip={cafe}");
        assert!(list.body.contains(&end), "{}", list.body);
        let page = boss.get(&end).await;
        assert!(page.body.contains("<h1>Sessions to sign out: 4</h1>"), "{}", page.body);
        assert!(page.body.contains("Your own current session stays open."));
        assert!(page.body.contains(&format!("Address: {cafe}")));
        let events = trail(&desk).len();
        let answer = submit(&boss, &page, "/admin/sessions/end", &[("reason", REASON)]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, format!("/admin/sessions?ip={cafe}").as_str()));
        assert!(boss.get(answer.location()).await.body.contains("The sessions are signed out."));
        assert!(!boss.get(answer.location()).await.body.contains("The sessions are signed out."), "once");
        for browser in &at_cafe {
            assert_eq!(browser.get("/account").await.status, 303);
        }
        assert_eq!(at_home.get("/account").await.status, 200);
        assert_eq!(boss.get("/account").await.status, 200);
        let told = trail(&desk).split_off(events);
        let mut lines: Vec<&str> = told.iter().map(|event| event.line.as_str()).collect();
        lines.sort_unstable();
        assert_eq!(lines, [
            "session_ended success boss li",
            "session_ended success boss li",
            "session_ended success boss wang",
        ]);
        for event in &told {
            assert_eq!(event.reference, told[0].reference);
            assert_eq!((event.address.as_str(), &event.details["note"]), (OFFICE, &json!(REASON)));
        }
        // An address that nobody has, and a person who does not exist, match nothing.
        for filter in ["ip=192.0.2.1", "user=nobody", "ip=198.51.100.2&user=wang", "ip=198.51.100.2&browser=Chrome"] {
            let page = boss.get(&format!("/admin/sessions/end?{filter}")).await;
            assert!(page.body.contains("<h1>Sessions to sign out: 0</h1>"), "{filter}");
            assert_eq!(submit(&boss, &page, "/admin/sessions/end", &[]).await.status, 303);
        }
        assert_eq!(at_home.get("/account").await.status, 200);
        // Without a filter it is everybody, and the page says so.
        let page = boss.get("/admin/sessions/end").await;
        assert!(page.body.contains("this signs out everyone except you."));
        submit(&boss, &page, "/admin/sessions/end", &[]).await;
        assert_eq!(at_home.get("/account").await.status, 303);
        assert_eq!(boss.get("/account").await.status, 200);
    }
}

// -- exports --

/// RFC 4180, strictly.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (is_quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            (true, '"') => is_quoted = false,
            (false, '"') => {
                assert!(field.is_empty(), "a quote inside {field}");
                is_quoted = true;
            }
            (false, ',') => row.push(std::mem::take(&mut field)),
            (false, '\r') => {
                assert_eq!(chars.next(), Some('\n'));
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            _ => field.push(c),
        }
    }
    assert!(
        field.is_empty() && row.is_empty() && !is_quoted,
        "the last line ends"
    );
    rows
}

/// Whether a spreadsheet may take it for a formula.
fn is_formula(text: &str) -> bool {
    const SIGNS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    text.trim_start_matches(' ').starts_with(SIGNS)
}

/// What an apostrophe kept from being a formula.
fn read_back(field: &str) -> &str {
    match field.strip_prefix('\'') {
        Some(rest) if is_formula(rest) => rest,
        _ => field,
    }
}

/// A list as it is exported: its head and its rows, as the database has them.
fn exported(answer: &Answer, name: &str) -> (Vec<String>, Vec<Vec<String>>) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let disposition = format!("attachment; filename=\"frontdesk-{name}.csv\"");
    assert_eq!(answer.header("content-disposition"), disposition);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let mut rows = parse_csv(answer.body.trim_start_matches('\u{feff}'));
    let head = rows.remove(0);
    for row in &rows {
        assert_eq!(row.len(), head.len(), "{row:?}");
        for field in row {
            assert!(!is_formula(field), "{field:?}");
        }
    }
    let rows = rows
        .into_iter()
        .map(|row| {
            row.iter()
                .map(|field| read_back(field).to_owned())
                .collect()
        })
        .collect();
    (head, rows)
}

on_both_databases! {
    async fn an_exported_list_holds_what_is_stored_and_no_formula(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let odd = [
            "=1+1", "+1", "-1", "@x", "＝1", "＋1", "\tx", " =x", "  @x", "=HYPERLINK(\"http://x\",\"y\")",
            "a\"b", "\"quoted\"", "a,b", "two\r\nlines", "two\nlines", "'quoted'", "semi;colon", "|pipe", "%41",
            "王小明", "e\u{301}", "👩‍🚀", "o'brien", "<b>bold</b>", "plain",
        ];
        let names: Vec<(String, String)> = odd
            .iter()
            .zip(odd.iter().cycle().skip(1))
            .map(|(one, other)| ((*one).to_owned(), (*other).to_owned()))
            .collect();
        desk.db_insert_users(1000, &names);
        desk.database.execute("UPDATE users SET email = username || '@example.com' WHERE id < 2000");
        desk.database.execute("UPDATE users SET is_active = FALSE WHERE id < 1003");

        // -- users --
        let events = trail(&desk).len();
        let (head, rows) = exported(&send(&boss, "/admin/users.csv", &[]).await, "users");
        assert_eq!(head[..6], ["id", "username", "first_name", "email", "is_active", "role"]);
        assert_eq!(rows.len(), odd.len() + 1);
        for (column, name) in head.iter().enumerate().take(4) {
            let stored = desk.database.texts(&format!("SELECT CAST({name} AS TEXT) AS value FROM users ORDER BY id DESC"));
            let given: Vec<&str> = rows.iter().map(|row| row[column].as_str()).collect();
            assert_eq!(given, stored, "{name}");
        }
        assert_eq!((rows[0][5].as_str(), rows[1][5].as_str()), ("superuser", "employee"));
        assert_eq!(lines_after(&desk, events), ["export_made success boss"]);
        let plain = send(&boss, "/admin/users.csv", &[]).await;
        let marked = send(&boss, "/admin/users.csv", &[("bom", "1")]).await;
        assert!(!plain.body.starts_with('\u{feff}'));
        assert_eq!(marked.body, format!("\u{feff}{}", plain.body));

        // -- as they are filtered --
        let events = trail(&desk).len();
        let filtered = send(&boss, "/admin/users.csv?status=deactivated&sort=username", &[("bom", "1")]).await;
        let (_, rows) = exported(&filtered, "users");
        let given: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
        assert_eq!(given, ["-1", "+1", "=1+1"]);
        assert!(rows.iter().all(|row| row[4] == "false"));
        let told = trail(&desk).split_off(events);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].details["export"], "users?status=deactivated&sort=username", "with its filters");
        let list = boss.get("/admin/users?status=deactivated").await;
        assert!(list.body.contains("method=\"post\" action=\"/admin/users.csv?status=deactivated\""), "{}", list.body);
        assert_eq!(send(&boss, "/admin/users.csv?status=asleep", &[]).await.status, 400);

        // -- sessions --
        signed_in_from(&desk, &person("li"), "198.51.100.1", "=cmd|' /C calc'!A0").await;
        signed_in_from(&desk, &person("wang"), "198.51.100.2", "@SUM(1, \"2\")").await;
        let (head, rows) = exported(&send(&boss, "/admin/sessions.csv", &[]).await, "sessions");
        assert_eq!(head, ["id", "username", "first_name", "provider", "signed_in_at", "last_seen_at", "address", "user_agent"]);
        for (column, name) in [(0, "id"), (6, "address"), (7, "user_agent")] {
            let stored = desk.database.texts(&format!("SELECT CAST({name} AS TEXT) AS value FROM sessions ORDER BY id DESC"));
            let given: Vec<&str> = rows.iter().map(|row| row[column].as_str()).collect();
            assert_eq!(given, stored, "{name}");
        }
        let (_, rows) = exported(&send(&boss, "/admin/sessions.csv?user=li", &[]).await, "sessions");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0][7], "=cmd|' /C calc'!A0");

        // -- the trail --
        let note = "=HYPERLINK(\"http://x\")\r\nand \"more\", 王";
        done(&boss, desk.db_id_of("li"), "note", &[("reason", note)]).await;
        let (head, rows) = exported(&send(&boss, "/admin/audit.csv", &[]).await, "audit");
        let stored = desk.database.texts("SELECT details AS value FROM audit_events ORDER BY id DESC");
        let given: Vec<&str> = rows.iter().map(|row| row[12].as_str()).collect();
        assert_eq!(head[12], "details");
        assert_eq!(given, stored, "its own export among them");
        let (_, rows) = exported(&send(&boss, "/admin/audit.csv?event=note_added&about=li", &[]).await, "audit");
        assert_eq!(rows.len(), 1);
        let details: Value = serde_json::from_str(&rows[0][12]).expect("JSON");
        assert_eq!(details["note"], note);
        let told = trail(&desk).pop().expect("an event");
        assert_eq!(told.details["export"], "audit?event=note_added&about=li");

        // -- who looks only, and whoever may not --
        let events = trail(&desk).len();
        let sam = staff(&desk, "sam").await;
        let employee = desk.signed_in(&person("zhao")).await;
        for path in ["/admin/users.csv", "/admin/sessions.csv", "/admin/audit.csv"] {
            for browser in [&sam, &employee] {
                let answer = send(browser, path, &[]).await;
                assert_eq!(answer.status, 403, "{path}");
                assert!(!answer.body.contains("王小明"));
            }
            let nobody = desk.browser();
            let page = nobody.get("/login").await;
            assert_eq!(nobody.post(path, &page, &[]).await.status, 303, "{path}");
        }
        for list in ["/admin/users", "/admin/sessions", "/admin/audit"] {
            assert!(!sam.get(list).await.body.contains(".csv"), "{list}");
        }
        assert_eq!(trail(&desk).len(), events, "nothing left the house");
    }

    async fn a_large_export_is_complete_and_newest_first_whatever_the_list_s_order(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let names: Vec<(String, String)> = (0..1200).map(|number| (format!("local{number}"), format!("Nr. {number}"))).collect();
        desk.db_insert_users(1000, &names);
        let events = trail(&desk).len();
        for (path, order, count) in [
            ("/admin/users.csv", "ORDER BY id DESC", 1201),
            ("/admin/users.csv?sort=username", "ORDER BY id DESC", 1201),
            ("/admin/users.csv?source=local&sort=-name", "WHERE synced_at IS NULL ORDER BY id DESC", 1200),
        ] {
            let (_, rows) = exported(&send(&boss, path, &[]).await, "users");
            let given: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
            let stored = desk.database.texts(&format!("SELECT username AS value FROM users {order}"));
            assert_eq!(given.len(), count, "{path}");
            assert_eq!(given, stored, "{path}");
        }
        assert_eq!(lines_after(&desk, events).len(), 3, "one event each");
    }
}

// -- others' things --

on_both_databases! {
    async fn ids_of_others_open_and_end_nothing(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        let anna = desk.signed_in(&person("anna")).await;
        let bert = desk.signed_in(&person("bert")).await;
        let sam = staff(&desk, "sam").await;
        let [anna_id, bert_id] = ["anna", "bert"].map(|name| desk.db_id_of(name));
        let session = desk.db_live_sessions_of("anna").remove(0);
        done(&boss, anna_id, "note", &[("reason", "about anna alone")]).await;
        let before = state(&desk);

        // -- a session on the account page, as everybody who is not its owner --
        for browser in [&bert, &sam, &boss] {
            let answer = send(browser, &format!("/account/sessions/{session}/end"), &[]).await;
            assert_eq!(answer.status, 404);
        }
        // -- a session at the wrong person, as an admin --
        for act in [format!("/admin/users/{bert_id}/end-session"), "/admin/users/42/end-session".to_owned()] {
            assert_eq!(boss.get(&format!("{act}?session={session}")).await.status, 404);
            let answer = send(&boss, &act, &[("session", &session)]).await;
            assert!([404, 422].contains(&answer.status.as_u16()), "{}", answer.status);
        }
        // -- a permission and an identity of somebody else --
        for (act, fields) in [("take", [("permission", "x")]), ("unlink", [("subject", "id-of-anna")])] {
            refused(&desk, &boss, &format!("/admin/users/{bert_id}/{act}"), &fields, "No change needed").await;
        }
        // -- pages and lists about somebody --
        let event = desk.database.number("SELECT MAX(id) AS value FROM audit_events");
        let looked = [
            format!("/admin/users/{anna_id}"),
            format!("/admin/users/{anna_id}?after={event}"),
            "/admin/audit?about=anna".to_owned(),
            "/admin/sessions?user=anna".to_owned(),
            "/admin/status".to_owned(),
        ];
        let acted = [
            format!("/admin/users/{anna_id}/note"),
            format!("/admin/users/{anna_id}/end-session?session={session}"),
            "/admin/sessions/end?user=anna".to_owned(),
            "/admin/users.csv?q=anna".to_owned(),
            "/admin/sessions.csv?user=anna".to_owned(),
            "/admin/audit.csv?about=anna".to_owned(),
        ];
        for path in looked.iter().chain(&acted) {
            let answer = opened(&bert, path).await;
            assert_eq!(answer.status, 403, "{path}");
            assert!(!answer.body.contains("about anna alone"), "{path}");
        }
        for path in &acted {
            assert_eq!(opened(&sam, path).await.status, 403, "{path}");
        }
        for query in ["", "?user_id=ANNA", "?about=ANNA", "?id=ANNA", "?before=9223372036854775807", "?last=1"] {
            let path = format!("/account/timeline{}", query.replace("ANNA", &anna_id.to_string()));
            let answer = bert.get(&path).await;
            assert_eq!(answer.status, 200, "{path}");
            // The page's own address, for the switch of languages, says what was typed.
            let body = answer.body.replace(&path.replace('&', "&#38;"), "");
            assert!(!body.contains("anna"), "{path}");
        }
        assert_eq!(state(&desk), before);
        assert_eq!(anna.get("/account").await.status, 200, "the session lives on");
    }

    async fn what_is_taken_away_is_gone_at_the_very_next_request_on_every_instance(database) {
        let desk = Desk::on(database.clone())
            .with("OAUTH2_SUBJECT", "/id")
            .with("FRONTDESK_STAFF_PERMISSION", "desk.look")
            .run()
            .await;
        let other = Desk::on(database)
            .beside(&desk)
            .with("OAUTH2_SUBJECT", "/id")
            .with("FRONTDESK_STAFF_PERMISSION", "desk.look")
            .run()
            .await;
        let boss = superuser(&desk, "boss").await;
        let li = desk.signed_in(&person("li")).await;
        let id = desk.db_id_of("li");
        desk.db_prove("li");
        let there = li.at(&other);
        for round in 0..5 {
            done(&boss, id, "role", &[("role", "staff")]).await;
            assert_eq!(there.get("/admin/users").await.status, 200, "round {round}");
            done(&boss, id, "role", &[("role", "superuser")]).await;
            assert_eq!(there.get("/admin/users/new").await.status, 200, "round {round}");
            done(&boss, id, "role", &[("role", "employee")]).await;
            assert_eq!(there.get("/admin/users/new").await.status, 403, "round {round}");
            assert_eq!(li.get("/admin/users").await.status, 403, "round {round}");

            done(&boss, id, "grant", &[("permission", "desk.look")]).await;
            let account = there.get("/account").await;
            assert!(account.body.contains("desk.look"), "round {round}");
            assert_eq!(there.get("/admin/users").await.status, 200, "round {round}");
            done(&boss, id, "take", &[("permission", "desk.look")]).await;
            assert_eq!(there.get("/admin/users").await.status, 403, "round {round}");
            assert_eq!(there.get("/account").await.status, 200, "still signed in");
            assert!(!there.get("/account").await.body.contains("desk.look"), "round {round}");
        }
        done(&boss, id, "deactivate", &[]).await;
        assert_eq!(there.get("/account").await.status, 303);
        assert_eq!(there.get_with("/account", &[("accept", "application/json")]).await.status, 401);
    }
}

// -- secrets, and the trail itself --

on_both_databases! {
    async fn no_page_or_list_for_admins_holds_a_secret(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        desk.signed_in(&person("li")).await;
        desk.db_create_local_account("kiosk");
        let (_, answer) = with_password(&desk, "kiosk", PASSWORD).await;
        assert_eq!(answer.status, 303);
        let (_, answer) = with_password(&desk, "kiosk", "wrong horse battery").await;
        assert_eq!(answer.status, 422);
        let link = new_account(&boss, "lobby").await;
        let [li, kiosk] = ["li", "kiosk"].map(|name| desk.db_id_of(name));
        let session = desk.db_live_sessions_of("li").remove(0);
        done(&boss, li, "grant", &[("permission", "reports.read")]).await;

        let mut all = everything(&desk, &boss).await;
        for id in [li, kiosk] {
            for act in web::acts() {
                let path = format!("/admin/users/{id}/{act}?role=staff&session={session}&permission=reports.read&subject=id-of-li");
                let answer = boss.get(&path).await;
                assert!([200, 404].contains(&answer.status.as_u16()), "{path}");
                all.push_str(&answer.body);
                // Its refusal shows the page again.
                if *act == "activate" {
                    all.push_str(&send(&boss, &format!("/admin/users/{id}/{act}"), &[]).await.body);
                }
            }
        }
        for path in ["/admin/users/new", "/admin/users?select=page", "/admin/nothing", "/admin/users?size=7", "/account", "/"] {
            all.push_str(&boss.get(path).await.body);
        }
        let ticked = kiosk.to_string();
        let ticks = [("u", ticked.as_str()), ("act", "end-sessions")];
        all.push_str(&send(&boss, "/admin/users/bulk", &ticks).await.body);
        all.push_str(&send(&boss, "/admin/users/bulk/confirm", &ticks).await.body);

        let mut secrets = desk.canaries();
        secrets.push(token_of(&link).to_owned());
        secrets.push(boss.session_cookie().expect("a session"));
        secrets.push(PASSWORD.to_owned());
        secrets.push("wrong horse battery".to_owned());
        secrets.push("$argon2".to_owned());
        secrets.extend(desk.db_column("sessions", "token_hash"));
        assert!(secrets.len() > 10, "there is something to look for");
        for secret in secrets {
            assert!(!all.contains(&secret), "a secret is on a page: {}", secret.chars().take(8).collect::<String>());
        }
    }

    async fn no_act_is_done_that_the_audit_log_cannot_keep(database) {
        let desk = start(database).await;
        let boss = superuser(&desk, "boss").await;
        desk.signed_in(&person("li")).await;
        desk.signed_in(&person("wang")).await;
        desk.db_create_local_account("kiosk");
        desk.db_create_local_account("gone");
        let [li, wang, kiosk, gone] = ["li", "wang", "kiosk", "gone"].map(|name| desk.db_id_of(name));
        done(&boss, wang, "deactivate", &[]).await;
        done(&boss, gone, "deactivate", &[]).await;
        done(&boss, li, "grant", &[("permission", "old.one")]).await;
        let session = desk.db_live_sessions_of("li").remove(0);
        let ticked = li.to_string();
        desk.db_break_audit_log();
        let (before, events) = (state(&desk), desk.database.count("audit_events"));
        let mut forms: Vec<(String, Vec<(&str, &str)>)> = [
            (li, "deactivate", vec![]),
            (wang, "activate", vec![]),
            (li, "role", vec![("role", "superuser")]),
            (li, "end-session", vec![("session", session.as_str())]),
            (li, "end-sessions", vec![]),
            (li, "grant", vec![("permission", "reports.read")]),
            (li, "take", vec![("permission", "old.one")]),
            (li, "link", vec![("subject", "another-one")]),
            (li, "unlink", vec![("subject", "id-of-li")]),
            (kiosk, "reset-password", vec![]),
            (gone, "erase", vec![]),
            (li, "note", vec![("reason", "called")]),
            // What would have been refused fails no less.
            (li, "erase", vec![]),
        ]
        .into_iter()
        .map(|(id, act, fields)| (format!("/admin/users/{id}/{act}"), fields))
        .collect();
        forms.push(("/admin/users/new".to_owned(), vec![("username", "x"), ("first_name", ""), ("email", ""), ("reason", "")]));
        forms.push(("/admin/users/bulk/confirm".to_owned(), vec![("u", ticked.as_str()), ("act", "deactivate")]));
        forms.push(("/admin/users/bulk/confirm".to_owned(), vec![("all", "1"), ("act", "end-sessions")]));
        forms.push(("/admin/sessions/end".to_owned(), vec![("filter", "user=li")]));
        for (path, fields) in &forms {
            let answer = send(&boss, path, fields).await;
            assert_eq!(answer.status, 500, "{path}: {}", answer.body);
            assert!(!answer.body.contains("/password?token="), "{path}");
            assert_eq!(state(&desk), before, "{path}");
        }
        for path in ["/admin/users.csv", "/admin/sessions.csv", "/admin/audit.csv"] {
            let answer = send(&boss, path, &[]).await;
            assert_eq!(answer.status, 500, "{path}");
            assert!(!answer.body.contains("kiosk"), "nothing leaves the house unseen");
        }
        assert_eq!(desk.database.count("audit_events"), events);
        desk.db_mend_audit_log();
        done(&boss, li, "deactivate", &[]).await;
        assert_eq!(desk.database.count("audit_events"), events + 1);
    }
}
