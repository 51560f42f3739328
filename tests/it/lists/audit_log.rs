//! The audit log: its filters, its words, its age, its lines in the log, and the codes of events.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use frontdesk::audit::{self, About, Actor, Deed, Event, EventKind};
use frontdesk::clock::UnixTime;
use frontdesk::db::Conn;
use frontdesk::error::Error;
use frontdesk::id::{UserId, id_at};
use frontdesk::sessions::Client;
use serde_json::{Value, json};

use super::plain::{number_or_null, settled};
use super::{
    DAY_MICROS, Dice, HOUR, act, between, each_between, encoded, signed_in_from, superuser, walk,
};
use crate::support::{Answer, Database, Db, Person, Portal, on_both_databases, run};

fn references(answer: &Answer) -> Vec<String> {
    each_between(
        &answer.body,
        "<td class=\"mono small nowrap c-opt\">",
        "</td>",
    )
}

/// The timeline on one person's page.
fn happenings(answer: &Answer) -> Vec<String> {
    let section = answer
        .body
        .split_once("aria-labelledby=\"timeline\"")
        .map_or("", |(_, rest)| rest)
        .split("</section>")
        .next()
        .unwrap_or_default();
    each_between(section, "<li>", "</li>")
}

/// What a person's page says of one thing.
fn fact(answer: &Answer, label: &str) -> String {
    between(&answer.body, &format!("<dt>{label}</dt><dd>"), "</dd>")
}

#[derive(Clone, Debug)]
struct Happened {
    at: UnixTime,
    event: &'static str,
    outcome: &'static str,
    actor: &'static str,
    user: Option<(i64, &'static str)>,
    address: &'static str,
    reference: String,
}

/// Writes events behind the portal's back, each with the id of its time.
fn db_insert_events(database: &Database, events: &[Happened]) {
    let rows: Vec<String> = events
        .iter()
        .map(|event| {
            let reason = if event.outcome == "refused" {
                "inactive"
            } else {
                ""
            };
            format!(
                "({}, {}, '{}', '{}', '{reason}', '{}', {}, '{}', '', '{}', '', '{}', '{{}}')",
                id_at::<i64>(event.at),
                event.at.0,
                event.event,
                event.outcome,
                event.actor,
                number_or_null(event.user.map(|(id, _)| id)),
                event.user.map_or("", |(_, name)| name),
                event.address,
                event.reference,
            )
        })
        .collect();
    database.execute(&format!(
        "INSERT INTO audit_events (id, created_at, event, outcome, reason, actor, user_id, username, \
         provider, address, user_agent, reference, details) VALUES {}",
        rows.join(", ")
    ));
}

/// The midnight at which 2 March 2026 begins in Shanghai.
fn march_2() -> UnixTime {
    let midnight: jiff::Timestamp = "2026-03-01T16:00:00Z".parse().expect("a time");
    UnixTime(midnight.as_microsecond())
}

fn some_events() -> Vec<Happened> {
    const KINDS: &[&str] = &[
        "signed_in",
        "signed_in",
        "sign_in_refused",
        "role_changed",
        "note_added",
        "password_changed",
    ];
    const USERS: &[Option<(i64, &str)>] = &[
        Some((1, "li")),
        Some((2, "wang")),
        Some((3, "zhao")),
        Some((1, "li.before")),
        None,
    ];
    let mut dice = Dice(11);
    (0..150)
        .map(|number: i64| {
            let day = i64::try_from(dice.below(6)).expect("a few");
            // Some in the first second of their day, some in the last one.
            let second = match dice.below(5) {
                0 => 86_399,
                1 => 0,
                _ => 3600 + number * 60,
            };
            Happened {
                at: UnixTime(march_2().0 + day * DAY_MICROS + second * 1_000_000 + number * 2000),
                event: dice.pick::<&str>(KINDS),
                outcome: dice.pick::<&str>(&["success", "success", "refused"]),
                actor: dice.pick::<&str>(&["boss", "li", "command line", ""]),
                user: *dice.pick(USERS),
                address: dice.pick::<&str>(&["198.51.100.1", "198.51.100.2", "2001:db8::1", ""]),
                reference: format!("ref-{number:03}"),
            }
        })
        .collect()
}

fn has_happened(event: &Happened, wanted: &[(&str, &str)]) -> bool {
    let day = || (event.at.0 - march_2().0).div_euclid(DAY_MICROS);
    let day_of = |date: &str| {
        let (_, day) = date.rsplit_once('-').expect("a date");
        day.parse::<i64>().expect("a day") - 2
    };
    wanted.iter().all(|(name, value)| match *name {
        "about" => event.user.is_some_and(|(_, name)| name == *value),
        "by" => event.actor == *value,
        "event" => event.event == *value,
        "outcome" => event.outcome == *value,
        "q" => event.address == *value || event.reference == *value,
        "from" => day() >= day_of(value),
        "to" => day() <= day_of(value),
        _ => panic!("no filter is called {name}"),
    })
}

fn record_note_about(
    conn: &mut Conn,
    now: UnixTime,
    username: &str,
) -> frontdesk::error::Result<()> {
    let client = Client::default();
    let about = About::Person(UserId(1), username);
    Deed::new(now, Actor::Named("boss"), &client).record(conn, about, &Event::NoteAdded)
}

on_both_databases! {
    async fn the_audit_log_is_filtered_by_each_of_its_parts_and_by_several(database) {
        const WANTED: &[(&str, &str)] = &[
            ("about", "li"), ("about", "li.before"), ("about", "nobody"),
            ("by", "boss"), ("by", "command line"),
            ("event", "signed_in"), ("event", "note_added"), ("event", "session_ended"),
            ("outcome", "success"), ("outcome", "refused"),
            ("q", "198.51.100.1"), ("q", "2001:db8::1"), ("q", "ref-017"), ("q", "ref-01"),
            ("from", "2026-03-04"), ("from", "2026-03-01"),
            ("to", "2026-03-03"), ("to", "2026-03-31"),
        ];
        let portal = Portal::on(database)
            .with("FRONTDESK_TIME_ZONE", "Asia/Shanghai")
            .with("FRONTDESK_KEEP_SIGN_INS", "3660d")
            .with("FRONTDESK_KEEP_ACTS", "3660d")
            .run()
            .await;
        settled(&portal).await;
        let boss = superuser(&portal).await;
        portal.database.execute("DELETE FROM audit_events");
        let mut events = some_events();
        db_insert_events(&portal.database, &events);
        events.sort_by_key(|event| std::cmp::Reverse(event.at));

        let mut all: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
        all.extend(WANTED.iter().map(|one| vec![*one]));
        all.push(vec![("from", "2026-03-04"), ("to", "2026-03-04")]);
        let mut dice = Dice(5);
        for _ in 0..30 {
            let mut several: BTreeMap<&str, &str> = BTreeMap::new();
            for _ in 0..2 + dice.below(2) {
                let (name, value) = *dice.pick(WANTED);
                several.insert(name, value);
            }
            all.push(several.into_iter().collect());
        }
        for wanted in all {
            let query: Vec<String> = wanted
                .iter()
                .map(|(name, value)| format!("&{name}={}", encoded(value)))
                .collect();
            let list = format!("/admin/audit?size=25{}", query.concat());
            let expected: Vec<String> = events
                .iter()
                .filter(|event| has_happened(event, &wanted))
                .map(|event| event.reference.clone())
                .collect();
            for is_backward in [false, true] {
                let (given, stops) = walk(&boss, &list, is_backward, references).await;
                assert_eq!((given, stops), (expected.clone(), 0), "{list}");
            }
            let page = boss.get(&list).await;
            assert!(page.body.contains(&format!("Entries: {}.", expected.len())), "{list}");
            let says_none = page.body.contains("No entry matches these filters");
            assert_eq!(says_none, expected.is_empty(), "{list}");
        }
        // A day begins and ends at midnight here, not in Greenwich.
        let one_day = boss.get("/admin/audit?from=2026-03-04&to=2026-03-04&size=100").await;
        let days: BTreeSet<String> = each_between(&one_day.body, "<th scope=\"row\" class=\"num when\"><time datetime=\"", "T").into_iter().collect();
        assert_eq!(days, BTreeSet::from(["2026-03-04".to_owned()]));
    }

    async fn an_event_keeps_the_name_that_a_person_had_then(database) {
        let portal = Portal::on(database).with("OAUTH2_SUBJECT", "/id").run().await;
        let boss = portal.signed_in(&Person::named("boss").with("id", 1)).await;
        portal.db_make_staff("boss");
        portal.signed_in(&Person::named("miss.li").with("id", 7)).await;
        portal.signed_in(&Person::named("mrs.wang").with("id", 7)).await;
        let id = portal.db_id_of("mrs.wang");
        for (name, other) in [("miss.li", "mrs.wang"), ("mrs.wang", "miss.li")] {
            let page = boss.get(&format!("/admin/audit?about={name}")).await;
            assert!(page.body.contains(&format!("<a href=\"/admin/users/{id}\">{name}</a>")), "{name}");
            assert!(!page.body.contains(&format!("<a href=\"/admin/users/{id}\">{other}</a>")), "{name}");
            assert!(page.body.contains("Entries: 1."), "{name}");
        }
        let person = boss.get(&format!("/admin/users/{id}")).await;
        assert_eq!(happenings(&person).len(), 2, "both are hers");
        assert!(happenings(&person)[0].contains("Username changed from miss.li to mrs.wang"));
    }

    async fn people_see_what_happened_to_them_but_not_what_admins_wrote(database) {
        let portal = Portal::on(database).with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1").run().await;
        let boss = superuser(&portal).await;
        let agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
        let li = Person::named("li").with("name_cn", "李四").with("email", "li@old.example");
        let phone = signed_in_from(&portal, &li, agent, "198.51.100.20").await;
        let li = li.with("name_cn", "李思").with("email", "li@new.example");
        let laptop = signed_in_from(&portal, &li, agent, "198.51.100.21").await;
        let id = portal.db_id_of("li");
        let session = portal.database.number("SELECT MIN(id) AS value FROM sessions WHERE address = '198.51.100.20'");
        act(&boss, id, "end-session", &[("session", &session.to_string()), ("reason", "the phone was stolen")]).await;
        act(&boss, id, "note", &[("reason", "asks for a new phone each week")]).await;
        act(&boss, id, "grant", &[("permission", "reports.read"), ("reason", "a favour")]).await;
        assert_eq!(phone.get("/account").await.status, 303);

        let mine = laptop.get("/account/timeline").await;
        assert_eq!(mine.status, 200);
        for part in [
            "Name changed from 李四 to 李思",
            "Email changed from li@old.example to li@new.example",
            "A session was ended",
            "boss",
            "+ reports.read",
            "198.51.100.20",
            "198.51.100.21",
        ] {
            assert!(mine.body.contains(part), "{part} in {}", mine.body);
        }
        for part in ["stolen", "new phone", "favour", "203.0.113.7", "Note"] {
            assert!(!mine.body.contains(part), "{part} in {}", mine.body);
        }
        let account = laptop.get("/account").await;
        assert!(!account.body.contains("203.0.113.7") && !account.body.contains("stolen"));
        // Admins see all of it.
        let theirs = boss.get(&format!("/admin/users/{id}")).await;
        for part in ["the phone was stolen", "asks for a new phone each week", "a favour", "203.0.113.7", "Note"] {
            assert!(theirs.body.contains(part), "{part} in {}", theirs.body);
        }
        // Nobody else's.
        assert!(!boss.get("/account/timeline").await.body.contains("li@new.example"));
    }

    async fn the_page_of_a_person_lists_every_event_twenty_five_at_a_time(database) {
        let portal = Portal::on(database).run().await;
        let boss = superuser(&portal).await;
        let li = Person::named("li").with("email", "li@old.example");
        for _ in 0..30 {
            portal.signed_in(&li).await;
        }
        let li = li.with("email", "li@new.example");
        portal.signed_in(&li).await;
        let id = portal.db_id_of("li");
        act(&boss, id, "deactivate", &[("reason", "has left")]).await;
        assert_eq!(portal.browser().sign_in(&li, "/").await.status, 403);

        let path = format!("/admin/users/{id}");
        let first = happenings(&boss.get(&path).await);
        assert_eq!(first.len(), 25);
        assert!(first[0].contains("Sign-in refused") && first[0].contains("the account is deactivated"), "{}", first[0]);
        assert!(first[1].contains("Account deactivated") && first[1].contains("has left") && first[1].contains("boss"), "{}", first[1]);
        assert!(first[2].contains("Signed in") && first[2].contains("Email changed from li@old.example to li@new.example"), "{}", first[2]);
        let (forward, _) = walk(&boss, &path, false, happenings).await;
        let (backward, _) = walk(&boss, &path, true, happenings).await;
        assert_eq!(forward.len(), 33);
        assert_eq!(forward, backward);
        assert!(forward[32].contains("Account created at first sign-in"), "{}", forward[32]);
        assert_eq!(forward[3..33].iter().filter(|one| one.contains("127.0.0.1")).count(), 30);
    }

    async fn a_field_says_when_it_last_changed_and_by_whom(database) {
        let portal = Portal::on(database).with("OAUTH2_PROVIDER_NAME", "Qinghe").run().await;
        let boss = superuser(&portal).await;
        let li = Person::named("li").with("email", "li@old.example");
        portal.signed_in(&li).await;
        let path = format!("/admin/users/{}", portal.db_id_of("li"));
        let before = boss.get(&path).await;
        for field in ["Name", "Username", "Email", "Status", "Role"] {
            assert!(!fact(&before, field).contains("(changed "), "{field}");
        }
        portal.signed_in(&li.with("email", "li@new.example")).await;
        let synced = boss.get(&path).await;
        let email = fact(&synced, "Email");
        assert!(email.contains("li@new.example") && email.contains("(changed ") && email.contains("by Qinghe)"), "{email}");
        for field in ["Name", "Username", "Status", "Role"] {
            assert!(!fact(&synced, field).contains("(changed "), "{field}");
        }
        let id = portal.db_id_of("li");
        act(&boss, id, "role", &[("role", "staff"), ("reason", "")]).await;
        act(&boss, id, "deactivate", &[]).await;
        let changed = boss.get(&path).await;
        for field in ["Role", "Status"] {
            let fact = fact(&changed, field);
            assert!(fact.contains("(changed ") && fact.contains("by boss)"), "{fact}");
        }
        assert!(fact(&changed, "Email").contains("by Qinghe)"));
        // In Chinese too.
        let mut chinese = boss.clone();
        chinese.language = "zh-CN".to_owned();
        assert!(fact(&chinese.get(&path).await, "邮箱").contains("由 Qinghe 更改"));
    }

    async fn events_are_deleted_when_their_time_is_over_and_one_event_says_so(database) {
        let portal = Portal::on(database)
            .with("FRONTDESK_KEEP_SIGN_INS", "1d")
            .with("FRONTDESK_KEEP_ACTS", "3d")
            .run()
            .await;
        settled(&portal).await;
        let keep = portal.inner.retention;
        let begun = portal.clock.now();
        portal.clock.advance(HOUR * 100);
        let now = portal.clock.now();
        assert!(now.since(begun) >= HOUR * 100);
        let mut events = Vec::new();
        for (hours, event, reference) in [
            (23, "signed_in", "stays-1"),
            (23, "sign_in_refused", "stays-2"),
            (25, "role_changed", "stays-3"),
            (71, "note_added", "stays-4"),
            (71, "events_swept", "stays-5"),
            (71, "session_ended", "stays-6"),
            (25, "signed_in", "goes"),
            (25, "sign_in_refused", "goes"),
            (26, "sign_in_refused", "goes"),
            (25, "signed_out", "goes"),
            (25, "user_switched", "goes"),
            (25, "more_sign_ins_refused", "goes"),
            (73, "role_changed", "goes"),
            (74, "role_changed", "goes"),
            (73, "note_added", "goes"),
            (2000, "events_swept", "goes"),
        ] {
            events.push(Happened {
                at: now.minus(HOUR * hours),
                event,
                outcome: "success",
                actor: "boss",
                user: Some((1, "li")),
                address: "",
                reference: reference.to_owned(),
            });
        }
        db_insert_events(&portal.database, &events);
        let sweep = |limit| {
            portal.inner
                .db
                .write_blocking(|conn| audit::sweep(conn, now, keep, limit))
                .expect("it is swept")
        };
        // In small pieces.
        assert_eq!(sweep(1), 1);
        assert_eq!(sweep(1000), 9);
        assert_eq!(sweep(1000), 0);
        let left = portal.database.texts("SELECT reference AS value FROM audit_events WHERE reference <> '' ORDER BY reference");
        assert_eq!(left, ["stays-1", "stays-2", "stays-3", "stays-4", "stays-5", "stays-6"]);
        // One of them was there before.
        let told = portal.db_details_of("events_swept");
        assert_eq!(told[told.len() - 2..], [json!({"count": 1}), json!({"count": 9})]);
        assert_eq!(portal.database.count("audit_events"), 8);
        let boss = superuser(&portal).await;
        let page = boss.get("/admin/audit").await;
        for part in ["Sign-ins are kept for 1 ", "Old entries removed from the audit log", "Entries: 9", "Entries: 1"] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
    }

    async fn the_log_has_one_line_of_json_for_each_event(database) {
        let kind = if database.is_postgresql() { "pg" } else { "lite" };
        let name = format!("log-{kind}-\"quoted\"\\");
        let portal = Portal::on(database).run().await;
        let li = Person::named(&name).with("email", "li@old.example");
        portal.signed_in(&li).await;
        let browser = portal.signed_in(&li.with("email", "li@new.example")).await;
        let page = browser.get("/account").await;
        browser.post("/logout", &page, &[]).await;
        let lines = |mark: &str| -> Vec<Value> {
            portal.log()
                .lines()
                .filter(|line| line.starts_with('{') && line.contains(mark))
                .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
                .collect()
        };
        let mark = format!("log-{kind}-");
        let told = lines(&mark);
        let stored = portal.database.texts("SELECT CAST(id AS TEXT) || ' ' || event AS value FROM audit_events ORDER BY id");
        let in_log: Vec<String> = told
            .iter()
            .map(|line| format!("{} {}", line["id"].as_str().expect("an id"), line["audit"].as_str().expect("an event")))
            .collect();
        assert_eq!(in_log, stored);
        for line in &told {
            assert_eq!(line["username"], name);
            assert_eq!(line["actor"], name);
            assert_eq!(line["outcome"], "success");
            assert_eq!(line["address"], "127.0.0.1");
            assert!(line["details"].is_object());
            let time = line["time"].as_str().expect("a time");
            assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        }
        assert_eq!(told[0]["details"], json!({"account_created": true}));
        assert_eq!(told[1]["details"]["changes"], json!([{"field": "email", "from": "li@old.example", "to": "li@new.example"}]));

        // What was not committed did not happen.
        let now = portal.clock.now();
        let ghost = format!("ghost-{kind}");
        let undone: frontdesk::error::Result<()> = portal.inner.db.write_blocking(|conn| {
            record_note_about(conn, now, &ghost)?;
            Err(Error::BadRequest)
        });
        assert!(undone.is_err());

        // Whatever a name holds, its line stays one.
        let evil = format!("evil-{kind}\r\n{{\"audit\":\"forged-{kind}\"}}\u{2028}\u{2029}\u{202e}\u{2066}\u{85}\u{1b}[31m\"\\");
        portal.inner
            .db
            .write_blocking(|conn| record_note_about(conn, now, &evil))
            .expect("it is recorded");
        let log = portal.log();
        assert!(!log.contains(&ghost));
        let of_evil: Vec<&str> = log.lines().filter(|line| line.contains(&format!("evil-{kind}"))).collect();
        assert_eq!(of_evil.len(), 1, "{of_evil:?}");
        assert!(!log.lines().any(|line| line.starts_with(&format!("{{\"audit\":\"forged-{kind}"))));
        for c in ['\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}', '\u{85}', '\u{1b}', '\r'] {
            assert!(!of_evil[0].contains(c), "{c:?}");
        }
        let line: Value = serde_json::from_str(of_evil[0]).expect("JSON");
        assert_eq!(line["username"], evil);
        assert_eq!(line["audit"], "note_added");
    }
}

/// What scripts and retention rules go by: a code is added, never changed.
#[test]
fn the_codes_of_events_stay_as_they_are() {
    let codes: Vec<&str> = EventKind::all().map(EventKind::code).collect();
    assert_eq!(
        codes,
        [
            "signed_in",
            "sign_in_refused",
            "signed_out",
            "user_switched",
            "session_ended",
            "other_sessions_ended",
            "sessions_ended",
            "account_created",
            "account_deactivated",
            "account_activated",
            "account_erased",
            "account_imported",
            "role_changed",
            "superuser_created",
            "permission_granted",
            "permission_taken",
            "identity_linked",
            "identity_unlinked",
            "access_withdrawn",
            "account_synced",
            "refusals_suspended",
            "refusals_confirmed",
            "oldest_sessions_ended",
            "signed_out_by_provider",
            "tokens_revoked",
            "provider_gone",
            "readmitted",
            "provider_rekeyed",
            "password_changed",
            "password_change_refused",
            "password_link_made",
            "confirmation_link_made",
            "confirmation_password_set",
            "proved",
            "proof_refused",
            "rescue_link_made",
            "note_added",
            "export_made",
            "events_swept",
            "more_sign_ins_refused",
            "app_added",
            "app_changed",
            "app_removed",
            "app_category_changed",
            "app_owner_added",
            "app_owner_removed",
            "start_page_viewed",
            "access_requested",
            "access_request_repeated",
            "access_request_withdrawn",
            "access_request_lapsed",
            "access_request_closed",
            "access_granted",
            "access_declined",
            "access_revoked",
            "access_given_back",
            "access_expired",
            "webhook_tested",
        ]
    );
    for code in codes {
        assert_eq!(EventKind::from_code(code).map(EventKind::code), Some(code));
    }
    assert_eq!(EventKind::from_code(""), None);
}

/// One file alone changes or deletes what is in the trail.
#[test]
fn rows_of_the_audit_log_are_only_added() {
    let mut folders = vec![Path::new("src").to_owned()];
    let mut changing = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let source = fs::read_to_string(&path).expect("a text");
            // However it is laid out.
            let source: String = source.split_whitespace().collect::<String>().to_lowercase();
            let changes = [
                "update(audit_events",
                "delete(audit_events",
                "update(crate::db::schema::audit_events",
                "delete(crate::db::schema::audit_events",
                "update(schema::audit_events",
                "delete(schema::audit_events",
                "updateaudit_events",
                "deletefromaudit_events",
                "truncateaudit_events",
            ];
            if changes.iter().any(|change| source.contains(change)) {
                changing.push(path);
            }
        }
    }
    assert_eq!(changing, [Path::new("src/audit/retention.rs")]);
}
