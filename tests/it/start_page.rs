//! The start page: whose tile is where, what finds it, and what never leaves the server. Pains A1,
//! A2, A5, A6, A7, A8, A10, A12 of start pages; the numbers stand at each test.

use serde_json::json;

use crate::support::apps::{any_of, db_app, db_app_grant, db_category, everyone};
use crate::support::{Answer, Browser, Database, Db, Person, Portal, on_both_databases, run};

const DAY: i64 = 24 * 3600 * 1_000_000;

/// The apps of a small company: two categories, one app outside of them, one hidden, and two that
/// open to nobody here.
fn company(database: &Database) {
    db_category(database, 1, 2, "People and money", "人事与财务");
    db_category(database, 2, 1, "Every day", "日常");
    let open = |fields: serde_json::Value| {
        let mut fields = fields;
        fields["rule"] = everyone();
        fields
    };
    let apps = [
        (
            "mail",
            open(
                json!({"name_en": "Mail", "name_zh": "邮箱", "category_id": 2, "description_en": "Company email"}),
            ),
        ),
        (
            "chat",
            open(
                json!({"name_en": "", "name_zh": "企业微信", "keywords": "weixin wx qiyeweixin", "category_id": 2}),
            ),
        ),
        (
            "expenses",
            open(
                json!({"name_en": "Expenses", "category_id": 1, "url": "https://money.apps.example/"}),
            ),
        ),
        (
            "wiki",
            open(json!({"name_en": "Handbook", "description_en": "How we work"})),
        ),
        (
            "hidden",
            open(json!({"name_en": "Hidden one", "is_hidden": true})),
        ),
        (
            "payroll",
            json!({"name_en": "Payroll", "rule": any_of(&["pay.run"]), "description_en": "Secret pay", "keywords": "gongzi"}),
        ),
        ("nobody", json!({"name_en": "Nobody's", "category_id": 1})),
    ];
    for (key, fields) in apps {
        db_app(database, key, &fields);
    }
}

/// The keys of the tiles that a page shows, in their order.
fn tiles(page: &Answer) -> Vec<String> {
    let all = page.body.split("<li class=\"tile\" id=\"app-").skip(1);
    all.filter_map(|tile| {
        let (head, _) = tile.split_once('>')?;
        let key = head.split('"').next()?;
        (!head.ends_with(" hidden")).then(|| key.to_owned())
    })
    .collect()
}

fn headings(page: &Answer) -> Vec<String> {
    let groups = page.body.split("<section class=\"group\"").skip(1);
    groups
        .filter(|group| {
            !group
                .split('>')
                .next()
                .unwrap_or_default()
                .ends_with(" hidden")
        })
        .filter_map(|group| {
            let (_, rest) = group.split_once("<h2 id=\"g")?;
            let (_, rest) = rest.split_once('>')?;
            rest.split('<').next().map(str::to_owned)
        })
        .collect()
}

async fn found(browser: &Browser, search: &str) -> Vec<String> {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("q", search)
        .finish();
    tiles(&browser.get(&format!("/?{query}")).await)
}

async fn star(browser: &Browser, key: &str, starred: &str, search: &str) -> Answer {
    let page = browser.get("/account").await;
    let fields = [("starred", starred), ("q", search)];
    browser
        .post(&format!("/apps/{key}/star"), &page, &fields)
        .await
}

on_both_databases! {
    /// A7, A14: categories in their places, apps in theirs, apps without one last; the favourites
    /// above all, in the order in which they were starred.
    async fn favourites_come_first_then_categories_in_their_order(database) {
        let portal = Portal::on(database).run().await;
        company(&portal.database);
        let browser = portal.signed_in(&Person::named("li")).await;
        let page = browser.get("/").await;
        assert_eq!(headings(&page), ["Every day", "People and money", "Other apps"]);
        assert_eq!(tiles(&page), ["mail", "chat", "expenses", "wiki"]);
        assert!(page.body.contains("Apps that you may open: 4."));
        let events = portal.database.count("audit_events");

        for key in ["wiki", "mail", "wiki"] {
            let answer = star(&browser, key, "true", "").await;
            assert_eq!((answer.status.as_u16(), answer.location()), (303, format!("/#app-{key}").as_str()));
            portal.clock.advance(std::time::Duration::from_secs(1));
        }
        let page = browser.get("/").await;
        assert_eq!(headings(&page), ["Favourites", "Every day", "People and money"]);
        assert_eq!(tiles(&page), ["wiki", "mail", "chat", "expenses"]);
        assert_eq!(page.body.matches("aria-pressed=\"true\" title=\"Remove").count(), 2);
        // They are of the person, not of the browser, and nobody else has them.
        assert_eq!(tiles(&portal.signed_in(&Person::named("li")).await.get("/").await)[0], "wiki");
        let other = portal.signed_in(&Person::named("wang")).await;
        assert_eq!(tiles(&other.get("/").await), ["mail", "chat", "expenses", "wiki"]);

        // The search that was on the page comes back.
        let answer = star(&browser, "wiki", "false", "微 hand&").await;
        assert_eq!(answer.location(), "/?q=%E5%BE%AE+hand%26#app-wiki");
        assert_eq!(tiles(&browser.get("/").await), ["mail", "chat", "expenses", "wiki"]);
        star(&browser, "mail", "false", "").await;
        assert_eq!(headings(&browser.get("/").await)[0], "Every day");

        // No event tells of a star. What else is there are two sign-ins.
        assert_eq!(portal.database.count("audit_events"), events + 4 - 2, "two sign-ins, two accounts");

        let mut browser = browser;
        browser.language = "zh-CN".to_owned();
        assert_eq!(headings(&browser.get("/").await), ["日常", "人事与财务", "其他应用"]);
    }

    /// A2: one query hands out addresses, after the evaluator.
    async fn a_closed_app_an_unknown_key_and_a_hidden_one_are_the_same(database) {
        let portal = Portal::on(database).run().await;
        company(&portal.database);
        let browser = portal.signed_in(&Person::named("li")).await;
        let mut answers = Vec::new();
        for key in ["payroll", "nobody", "hidden", "no-such-app", "a%00b", "..%2Fx"] {
            let answer = star(&browser, key, "true", "").await;
            let reference = answer.reference();
            assert_eq!(answer.status, 404, "{key}");
            let token = answer.csrf_token();
            answers.push(answer.body.replace(&reference, "").replace(&token, ""));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
        assert_eq!(portal.database.count("app_stars"), 0);

        // What is closed is nowhere on the page, whatever is searched.
        for path in ["/", "/?q=pay", "/?q=gongzi", "/?q=hidden", "/account", "/no-such-page"] {
            for language in ["en", "zh-CN"] {
                let mut browser = browser.clone();
                browser.language = language.to_owned();
                let page = browser.get(path).await;
                for secret in ["payroll", "Payroll", "Secret pay", "nobody.apps", "Nobody&", "hidden.apps", "Hidden one"] {
                    assert!(!page.body.contains(secret), "{secret} at {path}");
                }
            }
        }
    }

    /// A1: nothing is stored beside the rows, so another instance shows each change at once.
    async fn a_change_is_on_the_next_page_of_every_instance(database) {
        let first = Portal::on(database).asking_for_permissions().run().await;
        company(&first.database);
        let second = Portal::on(first.database.clone()).asking_for_permissions().beside(&first).run().await;
        let browser = first.signed_in(&Person::named("li").may(&["x"])).await.at(&second);
        let change = |sql: &str| {
            assert_eq!(first.database.execute(sql), 1, "{sql}");
        };
        let li = first.db_id_of("li");
        let number = |key: &str| first.database.number(&format!("SELECT id AS value FROM apps WHERE key = '{key}'"));
        let page = browser.get("/").await;
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(tiles(&page), ["mail", "chat", "expenses", "wiki"]);

        change("UPDATE apps SET is_hidden = TRUE WHERE key = 'mail'");
        assert_eq!(tiles(&browser.get("/").await), ["chat", "expenses", "wiki"]);
        change("UPDATE apps SET rule = '{\"audience\":\"any_of\",\"any_of\":[\"hr.read\"]}' WHERE key = 'wiki'");
        assert_eq!(tiles(&browser.get("/").await), ["chat", "expenses"]);
        change(&format!("INSERT INTO user_permissions (user_id, name, origin, label, granted_at, granted_by) VALUES ({li}, 'hr.read', '', '', 1, '')"));
        assert_eq!(tiles(&browser.get("/").await), ["chat", "expenses", "wiki"]);
        db_app_grant(&first.database, number("payroll"), li, None);
        assert_eq!(tiles(&browser.get("/").await), ["chat", "expenses", "wiki", "payroll"]);
        change("DELETE FROM app_grants");
        assert_eq!(tiles(&browser.get("/").await), ["chat", "expenses", "wiki"]);
        change("UPDATE apps SET name_en = 'Spending', url = 'https://new.apps.example/', icon = 'wallet' WHERE key = 'expenses'");
        let page = browser.get("/").await;
        assert!(page.body.contains("<b>Spending</b>") && page.body.contains("href=\"https://new.apps.example/\"") && page.body.contains("#wallet"));
        change("UPDATE app_categories SET position = 0 WHERE id = 1");
        assert_eq!(tiles(&browser.get("/").await), ["expenses", "chat", "wiki"]);
        change("UPDATE apps SET rule = 'nonsense' WHERE key = 'chat'");
        assert_eq!(tiles(&browser.get("/").await), ["expenses", "wiki"], "a rule that cannot be read opens to nobody");
    }

    /// The last week of a grant is on its tile; from its end on the tile is gone.
    async fn a_grant_that_ends_soon_says_so(database) {
        let portal = Portal::on(database).run().await;
        let browser = portal.signed_in(&Person::named("li")).await;
        let app = db_app(&portal.database, "payroll", &json!({"name_en": "Payroll", "is_requestable": true}));
        let now = portal.clock.now().0;
        db_app_grant(&portal.database, app, portal.db_id_of("li"), Some(now + 8 * DAY));
        let page = browser.get("/").await;
        assert_eq!(tiles(&page), ["payroll"]);
        assert!(!page.body.contains("Ends "), "eight days are not soon");
        portal.clock.advance(std::time::Duration::from_secs(2 * 24 * 3600));
        let browser = portal.signed_in(&Person::named("li")).await;
        let page = browser.get("/").await;
        assert!(page.body.contains("<span>Ends <time"), "{}", page.body);
        assert!(page.body.contains("href=\"/access/payroll\">Ask for more time"));
        portal.database.execute("UPDATE apps SET is_requestable = FALSE");
        assert!(!browser.get("/").await.body.contains("/access/payroll"));
        portal.clock.advance(std::time::Duration::from_secs(6 * 24 * 3600));
        let browser = portal.signed_in(&Person::named("li")).await;
        assert!(browser.get("/").await.body.contains("No apps yet"));
    }

    /// A12: who looks sees exactly the person's tiles, can do nothing there, and it is told.
    async fn another_s_start_page_is_shown_read_only_and_is_an_event(database) {
        let portal = Portal::on(database).asking_for_permissions().run().await;
        company(&portal.database);
        let li = portal.signed_in(&Person::named("li").may(&["pay.run"])).await;
        star(&li, "wiki", "true", "").await;
        let boss = portal.signed_in(&Person::named("boss")).await;
        let looker = portal.signed_in(&Person::named("looker")).await;
        let id = portal.db_id_of("li");
        portal.db_make_superuser("boss");
        portal.db_make_staff("looker");
        let address = format!("/admin/users/{id}/start-page");
        for (browser, who) in [(&boss, "boss"), (&looker, "looker")] {
            let page = browser.get(&format!("/admin/users/{id}")).await;
            let seen = browser.post(&address, &page, &[]).await;
            assert_eq!(seen.status, 200, "{who}");
            for name in ["Favourites", "Handbook", "企业微信", "Expenses", "Payroll", "Mail"] {
                assert!(seen.body.contains(name), "{name} for {who}");
            }
            assert!(seen.body.contains("Nothing can be changed or opened here"));
            for absent in ["apps.example", "/star", "data-words", "Hidden one", "Nobody"] {
                assert!(!seen.body.contains(absent), "{absent} for {who}");
            }
        }
        let events = portal.db_events_of("start_page_viewed", &["actor", "username", "outcome"]);
        assert_eq!(events, ["boss li success", "looker li success"]);
        assert!(li.get("/account/timeline").await.body.contains("An admin viewed the start page of this person"));

        // Nobody else, no other way, nobody who is not there.
        let page = li.get("/account").await;
        assert_eq!(li.post(&address, &page, &[]).await.status, 403);
        assert_eq!(boss.get(&address).await.status, 404);
        let page = boss.get("/account").await;
        assert_eq!(boss.post("/admin/users/7/start-page", &page, &[]).await.status, 404);
        assert_eq!(portal.db_count_events("start_page_viewed"), 2);

        // A deactivated person's page is empty: nothing opens to them.
        portal.db_deactivate("li");
        let seen = boss.post(&address, &page, &[]).await;
        assert!(seen.body.contains("No app opens for this person"), "{}", seen.body);
    }

    /// A person's page: by what each app opens, and the first reason why not.
    async fn a_person_s_page_says_what_they_may_open_and_why_not(database) {
        let portal = Portal::on(database).asking_for_permissions().run().await;
        company(&portal.database);
        portal.signed_in(&Person::named("li").may(&["pay.run", "guest"])).await;
        let id = portal.db_id_of("li");
        let app = db_app(&portal.database, "lab", &json!({"name_en": "Laboratory"}));
        db_app_grant(&portal.database, app, id, Some(portal.clock.now().0 + DAY));
        db_app(&portal.database, "vault", &json!({"name_en": "Vault", "rule": {"audience": "everyone", "but_not": ["guest"]}}));
        db_app(&portal.database, "plans", &json!({"name_en": "Plans", "rule": any_of(&["plan.read"])}));
        let boss = portal.signed_in(&Person::named("boss")).await;
        portal.db_make_staff("boss");
        let page = boss.get(&format!("/admin/users/{id}")).await;
        for (name, why) in [
            ("Mail", "Opens for everyone"),
            ("Hidden one", "Opens for everyone"),
            ("Payroll", "Opens with the permission pay.run"),
            ("Laboratory", "Granted until 20"),
            ("Vault", "Holds the permission guest, which closes this app"),
            ("Plans", "Holds none of the permissions that open it"),
            ("Nobody&#39;s", "The rule opens it to nobody"),
        ] {
            let (_, rest) = page.body.split_once(&format!(">{name}</h3>")).unwrap_or_else(|| panic!("{name}: {}", page.body));
            let line = rest.split("</li>").next().unwrap_or_default();
            assert!(line.contains(why), "{name}: {line}");
        }
        assert!(page.body.contains("Open: 7. Closed: 3."), "{}", page.body);
        assert!(!page.body.contains("apps.example"), "no address is on the page");
        portal.db_deactivate("li");
        let page = boss.get(&format!("/admin/users/{id}")).await;
        assert_eq!(page.body.matches("<p>The account is deactivated</p>").count(), 10);

        // Lists are bounded, totals are not.
        for number in 0..120 {
            db_app(&portal.database, &format!("more{number}"), &json!({"rule": everyone()}));
        }
        let page = boss.get(&format!("/admin/users/{id}")).await;
        assert!(page.body.contains("Open: 0. Closed: 130.") && page.body.contains("and 30 more"));
    }
}

/// A6: two letters or one Chinese character find, in both languages.
#[test]
fn two_letters_or_one_chinese_character_find_an_app() {
    run(async {
        let portal = Portal::start().await;
        company(&portal.database);
        let mut browser = portal.signed_in(&Person::named("li")).await;
        for language in ["en", "zh-CN"] {
            browser.language = language.to_owned();
            for (search, key) in [
                ("ma", "mail"),
                ("邮", "mail"),
                ("MAIL", "mail"),
                ("company em", "mail"),
                ("信", "chat"),
                ("微信", "chat"),
                ("wx", "chat"),
                ("weixin", "chat"),
                ("wei", "chat"),
                ("ＷＸ", "chat"),
                ("ex", "expenses"),
                ("money", "expenses"),
                ("https://money.apps.example/", "expenses"),
                ("ha", "wiki"),
                ("how we", "wiki"),
            ] {
                assert_eq!(
                    found(&browser, search).await,
                    [key],
                    "{search} in {language}"
                );
            }
            for search in ["ail", "mail wx", "信微", "hidden", "payroll", "zzz"] {
                assert!(found(&browser, search).await.is_empty(), "{search}");
            }
            for search in ["", " ", "　"] {
                assert_eq!(found(&browser, search).await.len(), 4, "{search:?}");
            }
        }
        browser.language = "en".to_owned();
        let page = browser.get("/?q=zzz%3Cb%3E").await;
        assert!(
            page.body
                .contains("Nothing matches “<span id=\"sought\">zzz&#60;b&#62;</span>”"),
            "{}",
            page.body
        );
        assert!(
            page.body
                .contains("<title>Search: zzz&#60;b&#62; – Apps – Frontdesk</title>")
        );
        assert!(headings(&page).is_empty());
        let page = browser.get("/?q=ma").await;
        assert!(page.body.contains("id=\"none\" hidden") && page.body.contains("value=\"ma\""));
        // What is too long is cut, what is no search is none.
        let long = "长".repeat(2000);
        assert_eq!(
            browser.get(&format!("/?q={long}&q=x&z=%ff")).await.status,
            200
        );
    });
}

/// A name in the other language says so, to those who cannot see that it is.
#[test]
fn texts_in_the_other_language_are_marked() {
    run(async {
        let portal = Portal::start().await;
        company(&portal.database);
        let mut browser = portal.signed_in(&Person::named("li")).await;
        let page = browser.get("/").await;
        assert!(
            page.body.contains("<b lang=\"zh-Hans\">企业微信</b>"),
            "{}",
            page.body
        );
        assert!(page.body.contains("<b>Mail</b>"));
        browser.language = "zh-CN".to_owned();
        let page = browser.get("/").await;
        assert!(
            page.body.contains("<b>邮箱</b>") && page.body.contains("<b lang=\"en\">Handbook</b>")
        );
        assert!(
            page.body
                .contains("<small lang=\"en\">Company email</small>")
        );
    });
}

/// A8: the same tab by default; a choice of the person, told to screen readers.
#[test]
fn opening_in_a_new_tab_is_a_choice_of_the_person() {
    run(async {
        let portal = Portal::start().await;
        company(&portal.database);
        let browser = portal.signed_in(&Person::named("li")).await;
        let page = browser.get("/").await;
        assert!(!page.body.contains("_blank"));
        let answer = browser
            .post("/apps/tab", &page, &[("new_tab", "true"), ("q", "ma")])
            .await;
        assert_eq!(answer.location(), "/?q=ma");
        let page = portal.signed_in(&Person::named("li")).await.get("/").await;
        assert_eq!(
            page.body
                .matches(" target=\"_blank\" rel=\"noopener\">")
                .count(),
            4
        );
        assert_eq!(
            page.body
                .matches("<span class=\"sr\"> (opens in a new tab)</span>")
                .count(),
            4
        );
        assert!(
            !portal
                .signed_in(&Person::named("wang"))
                .await
                .get("/")
                .await
                .body
                .contains("_blank")
        );
        browser
            .post(
                "/apps/tab",
                &page_of(&browser).await,
                &[("new_tab", "false")],
            )
            .await;
        assert!(!browser.get("/").await.body.contains("_blank"));
        let page = page_of(&browser).await;
        for (path, fields) in [
            ("/apps/tab", [("new_tab", "maybe")]),
            ("/apps/mail/star", [("starred", "")]),
        ] {
            assert_eq!(
                browser.post(path, &page, &fields).await.status,
                400,
                "{path}"
            );
        }
    });
}

async fn page_of(browser: &Browser) -> Answer {
    browser.get("/").await
}

/// Only where there is a search to help with.
#[test]
fn the_script_is_on_the_start_page_alone() {
    run(async {
        let portal = Portal::start().await;
        let browser = portal.signed_in(&Person::named("li")).await;
        portal.db_make_superuser("li");
        let page = browser.get("/").await;
        assert!(!page.body.contains("<script") && page.body.contains("No apps yet"));
        assert!(
            page.body.contains("href=\"/admin/apps\">Add an app"),
            "a superuser reads where"
        );
        portal.db_make_employee("li");
        let page = browser.get("/").await;
        assert!(!page.body.contains("/admin/apps"));
        company(&portal.database);
        let page = browser.get("/").await;
        let (_, rest) = page.body.split_once("<script src=\"").expect("the script");
        let path = rest.split('"').next().expect("its address");
        let script = browser.get(path).await;
        assert_eq!(script.status, 200);
        assert_eq!(
            script.header("content-type"),
            "text/javascript; charset=utf-8"
        );
        assert!(script.header("cache-control").contains("immutable"));
        // The recorder checks the policies of all these.
        for path in ["/account", "/no-such-page", "/static/x", "/healthz"] {
            assert!(!browser.get(path).await.body.contains("<script"), "{path}");
        }
    });
}

/// Whoever leaves leaves no favourites behind.
#[test]
fn an_erased_account_has_no_stars() {
    run(async {
        let portal = Portal::start().await;
        company(&portal.database);
        let li = portal.signed_in(&Person::named("li")).await;
        star(&li, "mail", "true", "").await;
        li.post("/apps/tab", &page_of(&li).await, &[("new_tab", "true")])
            .await;
        let boss = portal.signed_in(&Person::named("boss")).await;
        portal.db_make_superuser("boss");
        portal.db_prove("boss");
        portal.db_deactivate("li");
        let address = format!("/admin/users/{}/erase", portal.db_id_of("li"));
        let page = boss.get(&address).await;
        assert_eq!(
            boss.post(&address, &page, &[("reason", "left")])
                .await
                .status,
            303
        );
        assert_eq!(portal.database.count("app_stars"), 0);
        assert_eq!(
            portal.database.count("users WHERE opens_apps_in_new_tab"),
            0
        );
    });
}
