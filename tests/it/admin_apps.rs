//! Apps as admins add, change, order and remove them.
//!
//! T54: nobody leads people to an address that runs a program, or opens an app without being seen
//! to. T56: nothing that an admin writes or uploads acts on the page of another. T90 (in part): an
//! app opens to nobody by mistake. Pains: A3, A7, A9, A13.

mod form;
mod icons;

use std::fmt::Write as _;

use serde_json::json;

use crate::support::apps::db_app;
use crate::support::{Answer, Browser, Database, Db, Person, Portal, on_both_databases, run};

const MAIL: &[(&str, &str)] = &[
    ("key", "mail"),
    ("name_en", "Mail"),
    ("name_zh", "企业邮箱"),
    ("description_en", "Read and write"),
    ("description_zh", ""),
    ("url", "https://mail.example.com/"),
    ("category", ""),
    ("icon", "mail"),
    ("tint", "2"),
    ("audience", "nobody"),
    ("any_of", ""),
    ("but_not", ""),
    ("owners", ""),
    ("keywords", ""),
    ("note", ""),
];

/// The form of the mail app with other values; an empty key removes nothing.
fn form<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let is_changed = |name: &str| changes.iter().any(|(one, _)| *one == name);
    let kept = MAIL.iter().copied().filter(|(name, _)| !is_changed(name));
    kept.chain(changes.iter().copied()).collect()
}

/// A portal with an admin who has just proved who they are.
async fn desk(database: Database) -> (Portal, Browser) {
    let portal = Portal::on(database).run().await;
    let boss = portal.signed_in(&Person::named("boss")).await;
    portal.db_make_superuser("boss");
    portal.db_prove("boss");
    (portal, boss)
}

/// The value of a hidden field on a page.
fn hidden(page: &Answer, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.body.split_once(&start).expect("the field");
    rest.split('"').next().unwrap_or_default().to_owned()
}

async fn add(boss: &Browser, changes: &[(&str, &str)]) -> Answer {
    let page = boss.get("/admin/apps/new").await;
    boss.post("/admin/apps/new", &page, &form(changes)).await
}

/// Sends the form of an app that exists, with the confirmation if one is asked for.
async fn change(boss: &Browser, key: &str, changes: &[(&str, &str)]) -> (Answer, Option<Answer>) {
    let path = format!("/admin/apps/{key}");
    let page = boss.get(&path).await;
    let seen = hidden(&page, "seen");
    let mut fields = form(changes);
    fields.push(("seen", &seen));
    let answer = boss.post(&path, &page, &fields).await;
    if answer.status != 200 {
        return (answer, None);
    }
    fields.push(("step", "confirmed"));
    let done = boss.post(&path, &answer, &fields).await;
    (answer, Some(done))
}

fn give(portal: &Portal, username: &str, permission: &str) {
    portal.database.execute(&format!(
        "INSERT INTO user_permissions (user_id, name, origin, label, granted_at, granted_by) \
         VALUES ({}, '{permission}', '', '', 1, '')",
        portal.db_id_of(username)
    ));
}

fn column(portal: &Portal, column: &str) -> String {
    let sql = format!("SELECT CAST({column} AS TEXT) AS value FROM apps WHERE key = 'mail'");
    portal.database.texts(&sql).remove(0)
}

fn order(portal: &Portal) -> Vec<String> {
    let sql = "SELECT key AS value FROM apps ORDER BY position, id";
    portal.database.texts(sql)
}

/// The events about apps: kind and changes.
fn told(portal: &Portal) -> Vec<String> {
    let recorded = portal.db_recorded();
    let of_apps = recorded
        .iter()
        .filter(|event| event.line.starts_with("app_"));
    of_apps
        .map(|event| {
            let mut line = event.line.clone();
            let changes = event.details["app_changes"].as_array().cloned();
            for change in changes.unwrap_or_default() {
                write!(
                    line,
                    " {}:{}>{}",
                    change["field"].as_str().expect("a field"),
                    change["from"].as_str().expect("a value"),
                    change["to"].as_str().expect("a value")
                )
                .expect("a text");
            }
            line
        })
        .collect()
}

on_both_databases! {
    async fn an_app_is_added_after_its_errors_and_opens_to_nobody(database) {
        let (portal, boss) = desk(database).await;
        let page = boss.get("/admin/apps").await;
        assert!(page.body.contains("No apps yet"), "{}", page.body);
        let refused = add(&boss, &[
            ("key", "Mail!"),
            ("name_en", ""),
            ("name_zh", ""),
            ("url", "mail.example.com"),
            ("audience", "any_of"),
            ("owners", "ghost"),
            ("note", "keep me"),
        ])
        .await;
        assert_eq!(refused.status, 422);
        assert!(refused.body.contains("<title>Error: Add an app"), "{}", refused.body);
        for (field, words) in [
            ("key", "Enter a key of 1 to 40"),
            ("name_en", "Enter a name in English or in Chinese"),
            ("url", "Enter a full address that starts with https://"),
            ("any_of", "Enter at least one permission"),
            ("owners", "There is no account called ghost"),
        ] {
            assert_eq!(refused.body.matches(words).count(), 2, "{field}: {}", refused.body);
            assert!(refused.body.contains(&format!("<a href=\"#{field}\">{words}")), "{field}");
            assert!(refused.body.contains(&format!("id=\"{field}-error\"")), "{field}");
        }
        for kept in ["value=\"Mail!\"", "value=\"mail.example.com\"", "ghost</textarea>", "keep me</textarea>"] {
            assert!(refused.body.contains(kept), "{kept}");
        }
        assert_eq!(portal.database.count("apps"), 0);

        let done = add(&boss, &[]).await;
        assert_eq!(done.location(), "/admin/apps/mail", "{}", done.body);
        let page = boss.get("/admin/apps/mail").await;
        assert!(page.body.contains("The app was added"));
        assert!(!boss.get("/admin/apps/mail").await.body.contains("The app was added"), "once");
        assert_eq!(column(&portal, "keywords"), "qiyeyouxiang qyyx");
        assert_eq!(column(&portal, "rule"), r#"{"audience":"nobody","any_of":[],"but_not":[]}"#);
        let list = boss.get("/admin/apps").await;
        assert!(list.body.contains(">Mail</a>") && list.body.contains("企业邮箱"));
        // Not even an admin has a tile without a rule.
        assert!(!boss.get("/").await.body.contains("mail.example.com"));
        assert_eq!(add(&boss, &[]).await.status, 422, "the key is taken");
        let events = told(&portal);
        assert_eq!(events.len(), 1, "{events:?}");
        assert!(events[0].starts_with("app_added success boss name_en:>Mail name_zh:>企业邮箱"), "{events:?}");
    }

    async fn a_change_of_the_rule_says_before_it_is_saved_who_gains_and_who_loses(database) {
        let (portal, boss) = desk(database).await;
        for name in ["anna", "bert", "carl", "dora"] {
            portal.signed_in(&Person::named(name)).await;
        }
        give(&portal, "anna", "mail.use");
        give(&portal, "bert", "mail.use");
        give(&portal, "bert", "temp");
        // A new app with a rule asks too, and Back loses nothing.
        let asked = add(&boss, &[("audience", "any_of"), ("any_of", "mail.use"), ("note", "kept")]).await;
        assert_eq!(asked.status, 200);
        assert!(asked.body.contains("Opens for whoever holds mail.use."), "{}", asked.body);
        assert!(asked.body.contains("People who gain it: <strong class=\"num\">2</strong>"), "{}", asked.body);
        assert!(!asked.body.contains("People who lose it"));
        assert_eq!(portal.database.count("apps"), 0);
        let fields = form(&[("audience", "any_of"), ("any_of", "mail.use"), ("note", "kept")]);
        let back = boss.post("/admin/apps/new", &asked, &[&fields[..], &[("step", "back")]].concat()).await;
        assert!(back.body.contains("value=\"mail.use\"") && back.body.contains("kept</textarea>"));
        let done = boss.post("/admin/apps/new", &asked, &[&fields[..], &[("step", "confirmed")]].concat()).await;
        assert_eq!(done.location(), "/admin/apps/mail");

        let (asked, done) = change(&boss, "mail", &[
            ("audience", "everyone"),
            ("but_not", "temp\nnever.seen"),
        ])
        .await;
        let body = &asked.body;
        assert!(body.contains("Opens for whoever holds mail.use."), "{body}");
        assert!(body.contains("But not for anyone who holds never.seen or temp."), "{body}");
        assert!(body.contains("People who gain it: <strong class=\"num\">3</strong>"), "{body}");
        assert!(body.contains("People who lose it: <strong class=\"num\">1</strong>"), "{body}");
        assert!(body.contains("bert") && body.contains("dora"), "{body}");
        assert!(body.contains("Nobody holds never.seen") && !body.contains("Nobody holds temp"));
        assert_eq!(done.expect("an answer").location(), "/admin/apps/mail");
        assert_eq!(
            told(&portal).pop().expect("an event"),
            "app_changed success boss audience:any_of>everyone any_of:mail.use> but_not:>never.seen, temp note:kept>"
        );
        let list = boss.get("/admin/apps").await;
        assert!(list.body.contains("Nobody holds never.seen"), "{}", list.body);
        let marked = boss.get("/admin/apps?audience=unheld").await;
        assert!(marked.body.contains(">Mail</a>"));
    }

    async fn two_admins_who_move_apps_at_once_lose_nothing(database) {
        let (portal, boss) = desk(database).await;
        let other = portal.signed_in(&Person::named("chief")).await;
        portal.db_make_superuser("chief");
        for key in ["a", "b", "c", "d", "e"] {
            db_app(&portal.database, key, &json!({}));
        }
        let page = boss.get("/admin/apps").await;
        let theirs = other.get("/admin/apps").await;
        let (up, down) = ([("direction", "up")], [("direction", "down")]);
        let one = boss.post("/admin/apps/b/move", &page, &up);
        let two = other.post("/admin/apps/e/move", &theirs, &up);
        let (one, two) = tokio::join!(one, two);
        assert_eq!((one.status.as_u16(), two.location()), (303, "/admin/apps?#e"));
        assert_eq!(order(&portal), ["b", "a", "c", "e", "d"]);
        // The same app twice at once goes two steps.
        let one = boss.post("/admin/apps/e/move", &page, &up);
        let two = other.post("/admin/apps/e/move", &theirs, &up);
        let _both = tokio::join!(one, two);
        assert_eq!(order(&portal), ["b", "e", "a", "c", "d"]);
        // At the end nothing happens, and nothing is told.
        let before = told(&portal).len();
        boss.post("/admin/apps/b/move", &page, &up).await;
        boss.post("/admin/apps/d/move", &page, &down).await;
        assert_eq!(order(&portal), ["b", "e", "a", "c", "d"]);
        assert_eq!((told(&portal).len(), before), (4, 4), "{:?}", told(&portal));
        assert!(told(&portal).contains(&"app_changed success boss position:2>1".to_owned()));
        assert_eq!(boss.post("/admin/apps/none/move", &page, &up).await.status, 404);
        assert_eq!(boss.post("/admin/apps/b/move", &page, &[("direction", "left")]).await.status, 400);
    }

    async fn removing_an_app_takes_all_that_belongs_to_it(database) {
        let (portal, boss) = desk(database).await;
        portal.signed_in(&Person::named("anna")).await;
        add(&boss, &[("owners", "anna\nboss\nanna"), ("audience", "everyone"), ("step", "confirmed")]).await;
        let (anna, app) = (portal.db_id_of("anna"), column(&portal, "id"));
        for sql in [
            format!("INSERT INTO app_stars (user_id, app_id, starred_at) VALUES ({anna}, {app}, 1)"),
            format!("INSERT INTO app_grants (id, app_id, user_id, created_at, granted_by) VALUES (1, {app}, {anna}, 1, '')"),
        ] {
            portal.database.execute(&sql);
        }
        assert_eq!(portal.database.count("app_owners"), 2);
        let page = boss.get("/admin/apps/mail/remove").await;
        for step in ["2 people who can open it now", "Grants that end with it: 1", "decide on requests for it: 2"] {
            assert!(page.body.contains(step), "{step}: {}", page.body);
        }
        let done = boss.post("/admin/apps/mail/remove", &page, &[("reason", "gone")]).await;
        assert_eq!(done.location(), "/admin/apps", "{}", done.body);
        for table in ["apps", "app_owners", "app_stars", "app_grants"] {
            assert_eq!(portal.database.count(table), 0, "{table}");
        }
        let events: Vec<String> = told(&portal).iter().map(|line| line.split_whitespace().take(4).collect::<Vec<_>>().join(" ")).collect();
        assert!(events.contains(&"app_owner_added success boss anna".to_owned()), "{events:?}");
        assert_eq!(events.last().map(String::as_str), Some("app_removed success boss"));
        assert_eq!(boss.get("/admin/apps/mail").await.status, 404);
    }

    async fn categories_are_things_with_two_names_and_a_place(database) {
        let (portal, boss) = desk(database).await;
        let path = "/admin/apps/categories";
        let page = boss.get(path).await;
        let refused = boss.post(path, &page, &[("name_en", ""), ("name_zh", " ")]).await;
        assert_eq!(refused.status, 422);
        assert!(refused.body.contains("<title>Error: Categories"), "{}", refused.body);
        for (en, zh) in [("Every day", "日常"), ("Money", ""), ("", "研发")] {
            let done = boss.post(path, &page, &[("name_en", en), ("name_zh", zh)]).await;
            assert_eq!(done.location(), path);
        }
        let ids = portal.database.texts("SELECT CAST(id AS TEXT) AS value FROM app_categories ORDER BY position");
        let at = |id: &str, act: &str| format!("{path}/{id}{act}");
        add(&boss, &[("category", &ids[1])]).await;
        boss.post(&at(&ids[2], "/move"), &page, &[("direction", "up")]).await;
        let names = "SELECT name_en || '/' || name_zh AS value FROM app_categories ORDER BY position";
        assert_eq!(portal.database.texts(names), ["Every day/日常", "/研发", "Money/"]);
        boss.post(&at(&ids[1], ""), &page, &[("name_en", "Money"), ("name_zh", "财务")]).await;
        let confirm = boss.get(&at(&ids[1], "/remove")).await;
        assert!(confirm.body.contains("are then in no category: 1"), "{}", confirm.body);
        boss.post(&at(&ids[1], "/remove"), &confirm, &[]).await;
        assert_eq!(column(&portal, "category_id"), "NULL");
        let told: Vec<String> = told(&portal).into_iter().filter(|line| line.starts_with("app_cat")).collect();
        assert_eq!(told, [
            "app_category_changed success boss category:>Every day / 日常",
            "app_category_changed success boss category:>Money",
            "app_category_changed success boss category:>研发",
            "app_category_changed success boss category:研发>研发 position:3>2",
            "app_category_changed success boss name_zh:>财务",
            "app_category_changed success boss category:Money / 财务>",
        ]);
        let log = boss.get("/admin/audit").await;
        assert!(log.body.contains("Category: 研发"), "{}", log.body);
    }
}

#[test]
fn a_read_only_admin_looks_and_changes_nothing() {
    run(async {
        let (portal, boss) = desk(Database::sqlite()).await;
        add(&boss, &[("note", "for us"), ("owners", "boss")]).await;
        let staff = portal.signed_in(&Person::named("staff")).await;
        portal.db_make_staff("staff");
        let list = staff.get("/admin/apps").await;
        assert!(
            list.body.contains(">Mail</a>") && !list.body.contains("/move"),
            "{}",
            list.body
        );
        let page = staff.get("/admin/apps/mail").await;
        assert!(
            page.body.contains("for us") && page.body.contains("Opens for nobody"),
            "{}",
            page.body
        );
        assert!(!page.body.contains("action=\"/admin/apps/mail\""));
        assert!(
            !staff
                .get("/admin/apps/categories")
                .await
                .body
                .contains("action=\"/admin/apps")
        );
        for path in [
            "/admin/apps/new",
            "/admin/apps/mail/remove",
            "/admin/apps/mail/image",
        ] {
            assert_eq!(staff.get(path).await.status, 403, "{path}");
        }
        for path in ["", "/move", "/remove", "/image/remove"] {
            let path = format!("/admin/apps/mail{path}");
            let answer = staff
                .post(&path, &page, &form(&[("direction", "up")]))
                .await;
            assert_eq!(answer.status, 403, "{path}");
        }
        assert_eq!(told(&portal).len(), 2, "the admin's own");
    });
}
