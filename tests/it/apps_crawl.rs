//! Somebody without any app asks every address about every app. Pain A2: what a tile hides, no other
//! route gives away. T52, in part: no deep link leads to an app, or tells whether there is one.
//! T72: what somebody may not open stays closed to them at every address.

use std::collections::BTreeSet;

use frontdesk::web::{Address, acts, addresses};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::apps::{any_of, db_app, db_app_grant, db_category, everyone};
use crate::support::{Answer, Browser, Database, Db, Person, Portal, on_both_databases, run};

/// An app of the company.
struct Known {
    key: &'static str,
    name_en: &'static str,
    name_zh: &'static str,
    is_hidden: bool,
    is_requestable: bool,
    rule: fn() -> Value,
}

impl Known {
    /// Whether people may ask for it, and so may know its name.
    const fn may_be_asked_for(&self) -> bool {
        self.is_requestable && !self.is_hidden
    }

    /// What no answer may contain.
    fn secrets(&self, at: usize) -> Vec<String> {
        let key = self.key;
        let mut secrets = vec![
            format!("{key}.apps.example"),
            format!("deep-link-{at}"),
            format!("ore{at}word"),
            format!("nugget {at}"),
        ];
        if !self.may_be_asked_for() {
            secrets.extend([
                self.name_en.to_lowercase(),
                self.name_zh.to_owned(),
                format!("dug at pit {at}"),
                format!("采自{at}号坑"),
            ]);
        }
        secrets
    }
}

fn nobody() -> Value {
    json!({"audience": "nobody"})
}

fn others() -> Value {
    any_of(&["quarry.use"])
}

/// Everyone but whoever holds a permission that the person has.
fn but_not_for_them() -> Value {
    json!({"audience": "everyone", "but_not": ["left.out"]})
}

#[rustfmt::skip]
const APPS: &[Known] = &[
    Known { key: "vela", name_en: "Basalt", name_zh: "玄武岩", is_hidden: false, is_requestable: false, rule: others },
    Known { key: "lyra", name_en: "Gneiss", name_zh: "片麻岩", is_hidden: false, is_requestable: false, rule: nobody },
    Known { key: "norma", name_en: "Dolomite", name_zh: "白云岩", is_hidden: true, is_requestable: false, rule: others },
    Known { key: "corvus", name_en: "Schist", name_zh: "石英片岩", is_hidden: true, is_requestable: true, rule: nobody },
    Known { key: "indus", name_en: "Gabbro", name_zh: "辉长岩", is_hidden: false, is_requestable: false, rule: but_not_for_them },
    Known { key: "crater", name_en: "Tuffstone", name_zh: "凝灰岩", is_hidden: false, is_requestable: false, rule: nobody },
    Known { key: "pavo", name_en: "Pumice", name_zh: "浮石", is_hidden: false, is_requestable: true, rule: nobody },
    Known { key: "dorado", name_en: "Obsidian", name_zh: "黑曜岩", is_hidden: false, is_requestable: true, rule: others },
];

/// A portal with all apps; somebody who may open some of them, asked for others and was granted one;
/// and `anna`, who may open none.
async fn company(database: Database) -> (Portal, Browser) {
    let portal = Portal::on(database).run().await;
    portal.signed_in(&Person::named("bert")).await;
    let anna = portal.signed_in(&Person::named("anna")).await;
    let database = &portal.database;
    let (bert, anna_id) = (portal.db_id_of("bert"), portal.db_id_of("anna"));
    db_category(database, 71, 1, "Vulcanites", "火山岩类");
    for (at, app) in APPS.iter().enumerate() {
        let fields = json!({
            "name_en": app.name_en, "name_zh": app.name_zh, "rule": (app.rule)(),
            "description_en": format!("Dug at pit {at}"), "description_zh": format!("采自{at}号坑"),
            "url": format!("https://{}.apps.example/deep-link-{at}?a=b", app.key),
            "category_id": 71, "is_hidden": app.is_hidden, "is_requestable": app.is_requestable,
            "keywords": format!("ore{at}word"), "note": format!("nugget {at}"),
        });
        let id = db_app(database, app.key, &fields);
        database.execute(&format!(
            "INSERT INTO app_owners (app_id, user_id) VALUES ({id}, {bert})"
        ));
        database.execute(&format!(
            "INSERT INTO app_stars (user_id, app_id, starred_at) VALUES ({bert}, {id}, 1)"
        ));
        match app.key {
            "lyra" => db_app_grant(database, id, bert, None),
            // This grant is over.
            "crater" => db_app_grant(database, id, anna_id, Some(2)),
            "pavo" | "corvus" => {
                database.execute(&format!(
                    "INSERT INTO access_requests (id, app_id, app_key, user_id, created_at, sentence, \
                     state, decided_by, answer) \
                     VALUES ({}, {id}, '{}', {bert}, 1, 'please', 'open', '', '')",
                    500 + at, app.key
                ));
            }
            _ => {}
        }
    }
    for (user, permission) in [(bert, "quarry.use"), (anna_id, "left.out")] {
        database.execute(&format!(
            "INSERT INTO user_permissions (user_id, name, origin, label, granted_at, granted_by) \
             VALUES ({user}, '{permission}', '', '', 1, 'a test')"
        ));
    }
    (portal, anna)
}

/// The ids of everything there is, except the person's own sessions, which they may end.
fn ids(portal: &Portal) -> BTreeSet<String> {
    let tables = [
        "apps",
        "users",
        "app_grants",
        "access_requests",
        "app_categories",
    ];
    let ids = tables
        .iter()
        .flat_map(|table| portal.db_column(table, "id"));
    let sessions = portal.db_live_sessions_of("bert");
    ids.chain(sessions).chain(["4711".to_owned()]).collect()
}

/// All real addresses for a pattern.
fn filled(pattern: &str, ids: &BTreeSet<String>, keys: &[&str]) -> Vec<String> {
    let mut paths = vec![pattern.to_owned()];
    let acts: Vec<&str> = acts().collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let hooks = ["ops"];
    for (name, values) in [
        ("{key}", keys),
        ("{id}", &ids[..]),
        ("{act}", &acts[..]),
        ("{hook}", &hooks[..]),
    ] {
        if pattern.contains(name) {
            let with = |path: &String| -> Vec<String> {
                values
                    .iter()
                    .map(|value| path.replace(name, value))
                    .collect()
            };
            paths = paths.iter().flat_map(with).collect();
        }
    }
    assert!(paths.iter().all(|path| !path.contains('{')), "{pattern}");
    paths
}

/// Everything that can be asked for without changing anything.
fn everything(portal: &Portal) -> Vec<String> {
    let keys: Vec<&str> = APPS.iter().map(|app| app.key).chain(["none"]).collect();
    let ids = ids(portal);
    let mut paths: Vec<String> = addresses()
        .iter()
        .filter(|address| address.method == "GET")
        .flat_map(|address| filled(address.path, &ids, &keys))
        .collect();
    for key in &keys {
        // What the address of a form, of another portal's list or of a file might be.
        for path in [
            "/apps/{key}",
            "/apps/{key}/star",
            "/access/{key}/withdraw",
            "/api/apps/{key}",
            "/app-images/{key}",
            "/static/{key}",
        ] {
            paths.push(path.replace("{key}", key));
        }
        for path in [
            "/?q={key}",
            "/access?app={key}",
            "/requests?app={key}",
            "/account?app={key}",
            "/admin/apps?q={key}",
            "/login?next=/access/{key}",
            "/oauth2/login?next=/access/{key}",
        ] {
            paths.push(path.replace("{key}", key));
        }
    }
    for search in [
        "",
        "a",
        "ba",
        "gne",
        "玄",
        "片",
        "apps.exam",
        "deep-lin",
        "ore",
        "nugge",
        "https://",
        "pit",
        "vulcan",
    ] {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", search)
            .finish();
        paths.push(format!("/?{query}"));
        paths.push(format!("/access?{query}"));
    }
    paths.extend(
        [
            "/apps",
            "/apps.json",
            "/config.json",
            "/api/apps",
            "/healthz",
            "/readyz",
            "/no-such-page",
            "/%00",
            "/static/home.js",
        ]
        .map(str::to_owned),
    );
    paths
}

/// No answer may contain what belongs to an app.
fn check(answer: &Answer, asked: &str) {
    let whole = format!("{:?}\n{}", answer.headers, answer.body).to_lowercase();
    for (at, app) in APPS.iter().enumerate() {
        for secret in app.secrets(at) {
            assert!(
                !whole.contains(&secret),
                "{secret} of {} at {asked}: {whole}",
                app.key
            );
        }
    }
    assert!(
        !whole.contains("vulcanites") && !whole.contains("火山岩类"),
        "a category at {asked}"
    );
    assert!(!answer.body.contains("class=\"tile\""), "a tile at {asked}");
}

/// The same browser of somebody who reads this language.
fn reading(anna: &Browser, language: &str) -> Browser {
    let mut browser = anna.clone();
    language.clone_into(&mut browser.language);
    browser
}

/// Asks for everything in both languages.
async fn crawl(portal: &Portal, anna: &Browser) -> usize {
    let mut count = 0;
    for language in ["en", "zh-CN"] {
        let anna = reading(anna, language);
        let home = anna.get("/").await;
        assert_eq!(home.status, 200);
        assert_eq!(home.user().as_deref(), Some("anna"));
        assert!(home.body.contains(if language == "en" {
            "lang=\"en\""
        } else {
            "lang=\"zh-Hans\""
        }));
        for path in everything(portal) {
            check(&anna.get(&path).await, &format!("GET {path}"));
            count += 1;
        }
    }
    count
}

/// The fields that a form at an address might have.
fn fields(path: &str) -> Vec<(&'static str, &'static str)> {
    if path.ends_with("/star") {
        return vec![("starred", "true"), ("q", "ba")];
    }
    if path == "/preferences" {
        return vec![("theme", "dark"), ("next", "/")];
    }
    if path.starts_with("/access/") {
        return vec![("sentence", "I need it"), ("days", "7")];
    }
    vec![
        ("step", "grant"),
        ("length", "for_ever"),
        ("reason", "x"),
        ("direction", "up"),
        ("new_tab", "true"),
    ]
}

fn is_form(address: &Address) -> bool {
    // These two end or change the session that asks.
    address.method == "POST" && !["/logout", "/login"].contains(&address.path)
}

/// What an answer says, apart from its moment, its reference, the token of its forms and the key.
fn told(answer: &Answer, key: &str) -> (StatusCode, BTreeSet<String>, String) {
    let mut body = answer.body.clone();
    if let Some((before, rest)) = body.clone().split_once("<dl class=\"ref\">") {
        let (_, after) = rest.split_once("</dl>").expect("the end of the reference");
        body = format!("{before}{after}");
    }
    if body.contains("csrf_token") {
        body = body.replace(&answer.csrf_token(), "TOKEN");
    }
    // Their order varies, and so does whether the connection ends with a form that nobody reads.
    let headers: BTreeSet<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "date" && *name != "connection")
        .map(|(name, value)| format!("{name}: {value:?}").replace(key, "KEY"))
        .collect();
    (answer.status, headers, body.replace(key, "KEY"))
}

/// A key of the same length that no app has.
fn unknown(key: &str) -> String {
    "xj".repeat(key.len()).chars().take(key.len()).collect()
}

async fn send(anna: &Browser, page: &Answer, address: &Address, path: &str) -> Answer {
    if address.method == Method::GET.as_str() {
        anna.get(path).await
    } else if path.ends_with("/image") {
        anna.post_file(path, page, b"no icon").await
    } else {
        anna.post(path, page, &fields(path)).await
    }
}

on_both_databases! {
    async fn no_answer_gives_an_app_away_to_somebody_without_any(database) {
        let (portal, anna) = company(database).await;
        let asked = crawl(&portal, &anna).await;
        assert!(asked > 800, "{asked} addresses");

        // What forms answer, and everything again with what they left.
        let keys: Vec<&str> = APPS.iter().map(|app| app.key).chain(["none"]).collect();
        let ids = ids(&portal);
        for language in ["en", "zh-CN"] {
            let anna = reading(&anna, language);
            let page = anna.get("/account").await;
            for address in addresses().iter().filter(|address| is_form(address)) {
                for path in filled(address.path, &ids, &keys) {
                    check(&anna.post(&path, &page, &fields(&path)).await, &format!("POST {path}"));
                    check(&anna.post(&path, &page, &[]).await, &format!("POST {path} without fields"));
                }
            }
        }
        assert_eq!(portal.database.count("app_stars"), i64::try_from(APPS.len()).expect("few"));
        assert_eq!(portal.database.count("access_requests WHERE sentence = 'I need it'"), 4);
        let page = anna.get("/access").await;
        for app in APPS.iter().filter(|app| app.may_be_asked_for()) {
            let asked = anna.post(&format!("/access/{}", app.key), &page, &fields("/access/x")).await;
            assert_eq!(asked.location(), "/access", "{}", asked.body);
        }
        let listed = anna.get("/access").await.body;
        assert!(listed.contains("Pumice") && listed.contains("Obsidian"), "these may be known");
        crawl(&portal, &anna).await;
    }

    async fn a_closed_key_and_an_unknown_one_get_the_same_answer(database) {
        let (portal, anna) = company(database).await;
        let some_id = BTreeSet::from([portal.db_id_of("anna").to_string()]);
        let mut compared = 0;
        for language in ["en", "zh-CN"] {
            let anna = reading(&anna, language);
            let page = anna.get("/account").await;
            let with_key: Vec<Address> = addresses()
                .into_iter()
                .filter(|address| address.path.contains("{key}"))
                .collect();
            assert!(with_key.len() > 10);
            for address in with_key {
                for app in APPS {
                    // Whoever may ask for an app may know that there is one.
                    if app.may_be_asked_for() && address.path.starts_with("/access/") {
                        continue;
                    }
                    let other = unknown(app.key);
                    let path = filled(address.path, &some_id, &[app.key]).remove(0);
                    let their_path = filled(address.path, &some_id, &[&other]).remove(0);
                    let closed = send(&anna, &page, &address, &path).await;
                    let none = send(&anna, &page, &address, &their_path).await;
                    assert_eq!(told(&closed, app.key), told(&none, &other), "{} {path}", address.method);
                    assert!(closed.status == 404 || closed.status == 403, "{path}: {}", closed.status);
                    compared += 1;
                }
            }
            // Nor does an id tell whether there is a request.
            let form = [("step", "grant"), ("length", "for_ever")];
            let unknown = ["/requests/509", "/requests/take-back/vela/509"];
            for (path, other) in ["/requests/506", "/requests/take-back/vela/506"].iter().zip(unknown) {
                let (closed, none) = (anna.get(path).await, anna.get(other).await);
                assert_eq!(told(&closed, "506"), told(&none, "509"), "GET {path}");
                let (closed, none) = (anna.post(path, &page, &form).await, anna.post(other, &page, &form).await);
                assert_eq!(told(&closed, "506"), told(&none, "509"), "POST {path}");
                assert_eq!(closed.status, 403, "{path}");
            }
        }
        assert!(compared > 150, "{compared} answers");
    }

    /// Whoever has one app finds no other by searching, by its address or otherwise.
    async fn a_search_finds_nothing_of_what_is_closed(database) {
        let (portal, anna) = company(database).await;
        let mine = json!({"name_en": "Mine", "name_zh": "我的", "rule": everyone()});
        db_app(&portal.database, "mine", &mine);
        for language in ["en", "zh-CN"] {
            let anna = reading(&anna, language);
            for search in ["", "min", "ba", "gne", "玄", "片", "vela.apps", "deep-lin", "ore", "nugge", "pit", "vulcan", "apps"] {
                let query = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("q", search)
                    .finish();
                let answer = anna.get(&format!("/?{query}")).await;
                assert_eq!(answer.body.matches("class=\"tile\"").count(), 1, "{search}");
                let whole = answer.body.to_lowercase();
                for (at, app) in APPS.iter().enumerate() {
                    for secret in app.secrets(at) {
                        assert!(!whole.contains(&secret), "{secret} for {search}");
                    }
                }
                let hits = answer.body.split("id=\"count\">").nth(1).and_then(|rest| rest.split('<').next());
                let is_mine = ["", "min", "apps"].contains(&search);
                assert_eq!(hits, Some(if is_mine { "1" } else { "0" }), "{search}");
            }
        }
    }
}
