//! The form of an app: what it refuses, asks and keeps; and the list.

use serde_json::json;

use super::{add, change, column, desk, form, hidden, told};
use crate::support::apps::db_app;
use crate::support::{Answer, Database, Db, Person, run};

#[test]
fn each_fault_of_the_form_says_what_to_do_in_both_languages() {
    run(async {
        let (portal, boss) = desk(Database::sqlite()).await;
        let mut zh = boss.clone();
        zh.language = "zh-CN".to_owned();
        let long = "x".repeat(3000);
        let many = (0..51)
            .map(|n| format!("p{n}"))
            .collect::<Vec<_>>()
            .join("\n");
        let owners = (0..21)
            .map(|n| format!("p{n}"))
            .collect::<Vec<_>>()
            .join("\n");
        for (field, value, en, chinese) in [
            ("key", "a_b", "Enter a key of", "请填写由"),
            ("key", "new", "are reserved", "是保留名"),
            (
                "name_en",
                &long,
                "Shorten this to at most 60 characters",
                "请缩短到 60 个字符以内",
            ),
            (
                "name_en",
                "a\u{202e}b",
                "Remove control characters",
                "请删除控制字符",
            ),
            (
                "description_zh",
                &long,
                "at most 150 characters",
                "请缩短到 150 个字符以内",
            ),
            (
                "url",
                "mail",
                "Enter a full address",
                "请填写以 https:// 开头的完整地址",
            ),
            (
                "url",
                "jAvascript:alert(1)",
                "starts with https:// or http://",
                "请填写以 https:// 或 http:// 开头",
            ),
            (
                "url",
                "java\tscript:alert(1)",
                "Remove spaces, line breaks",
                "请删除地址中的空格",
            ),
            (
                "url",
                "data:text/html,x",
                "starts with https:// or http://",
                "请填写以 https:// 或 http:// 开头",
            ),
            (
                "url",
                "https://a:b@example.com/",
                "Remove the name and password",
                "请删除 @ 前面的用户名和密码",
            ),
            ("tint", "7", "Choose one of the colours", "请选择一种颜色"),
            (
                "any_of",
                &many,
                "at most 50 permissions",
                "最多填写 50 个权限",
            ),
            (
                "but_not",
                &long,
                "permissions of 1 to 255 characters",
                "每个权限须为 1 到 255 个字符",
            ),
            ("category", "12", "no longer exists", "此分类已不存在"),
            (
                "keywords",
                &long,
                "at most 200 characters",
                "请缩短到 200 个字符以内",
            ),
            (
                "note",
                &long,
                "at most 2000 characters",
                "请缩短到 2000 个字符以内",
            ),
            (
                "owners",
                &owners,
                "Name at most 20 owners",
                "最多填写 20 位负责人",
            ),
            (
                "owners",
                "li\nghost",
                "no account called ghost",
                "没有名为 ghost 的账号",
            ),
        ] {
            for (browser, words, error) in [(&boss, en, "Error: "), (&zh, chinese, "错误：")] {
                let refused = add(browser, &[(field, value)]).await;
                assert_eq!(refused.status, 422, "{field} {value}");
                assert!(
                    refused.body.contains(words),
                    "{field} {value}: {}",
                    refused.body
                );
                assert!(refused.body.contains(&format!("<title>{error}")), "{field}");
                assert!(
                    refused.body.contains(&format!("href=\"#{field}\"")),
                    "{field}"
                );
            }
        }
        for (field, value) in [("icon", "skull"), ("audience", "all"), ("category", "x")] {
            assert_eq!(add(&boss, &[(field, value)]).await.status, 400, "{field}");
        }
        assert_eq!(portal.database.count("apps"), 0);
    });
}

/// T56: what an admin writes is text wherever it is shown.
#[test]
fn nothing_that_is_written_about_an_app_acts_on_a_page() {
    const MARK: &str = "'\"><svg onload=alert(1)>";
    run(async {
        let (portal, boss) = desk(Database::sqlite()).await;
        let done = add(
            &boss,
            &[
                ("name_en", MARK),
                ("name_zh", MARK),
                ("description_en", MARK),
                ("description_zh", MARK),
                ("url", "https://mail.example.com/'\"><svg/onload=alert(1)>"),
                ("audience", "everyone"),
                ("but_not", MARK),
                ("keywords", MARK),
                ("note", MARK),
                ("step", "confirmed"),
            ],
        )
        .await;
        assert_eq!(done.location(), "/admin/apps/mail", "{}", done.body);
        let page = boss.get("/admin/apps/categories").await;
        boss.post(
            "/admin/apps/categories",
            &page,
            &[("name_en", MARK), ("name_zh", MARK)],
        )
        .await;
        let staff = portal.signed_in(&Person::named("staff")).await;
        portal.db_make_staff("staff");
        let (asked, _) = change(
            &boss,
            "mail",
            &[("name_en", MARK), ("any_of", MARK), ("audience", "any_of")],
        )
        .await;
        assert_eq!(asked.status, 200);
        let mut pages = vec![asked, add(&boss, &[("key", MARK), ("owners", MARK)]).await];
        for path in [
            "/",
            "/admin/apps",
            "/admin/apps/mail",
            "/admin/apps/mail/image",
            "/admin/apps/mail/remove",
            "/admin/apps/categories",
            "/admin/audit",
        ] {
            pages.push(boss.get(path).await);
            pages.push(staff.get(path).await);
        }
        for page in pages {
            let body = page.body.to_lowercase();
            assert!(
                !body.contains("<svg onload") && !body.contains("<svg/onload"),
                "{body}"
            );
        }
    });
}

#[test]
fn what_opens_an_app_needs_fresh_proof_and_what_was_typed_comes_back() {
    run(async {
        let (portal, boss) = desk(Database::sqlite()).await;
        let page = boss.get("/admin/apps/new").await;
        add(&boss, &[("note", "x")]).await;
        portal
            .database
            .execute("UPDATE sessions SET proved_at = NULL, proved_by = NULL");
        assert!(
            boss.get("/admin/apps/new")
                .await
                .location()
                .starts_with("/login?next=/admin/apps/new")
        );
        assert!(
            boss.get("/admin/apps/mail/remove")
                .await
                .location()
                .contains("fresh=1")
        );
        let sent = boss
            .post(
                "/admin/apps/new",
                &page,
                &form(&[("key", "wiki"), ("name_zh", "维基")]),
            )
            .await;
        assert_eq!(sent.status, 303);
        assert!(
            sent.location()
                .starts_with("/login?next=/admin/apps/new%3Fkey%3Dwiki"),
            "{}",
            sent.location()
        );
        for (field, value) in [
            ("audience", "everyone"),
            ("url", "https://evil.example/"),
            ("owners", "boss"),
        ] {
            let (sent, _) = change(&boss, "mail", &[("note", "x"), (field, value)]).await;
            assert!(
                sent.location()
                    .starts_with("/login?next=/admin/apps/mail%3F"),
                "{field} {}",
                sent.location()
            );
        }
        assert_eq!(
            boss.post("/admin/apps/mail/remove", &page, &[])
                .await
                .status,
            303
        );
        // A name needs none.
        let (sent, _) = change(&boss, "mail", &[("note", "x"), ("name_en", "Post")]).await;
        assert_eq!(sent.location(), "/admin/apps/mail");
        assert_eq!(
            (
                portal.database.count("apps"),
                portal.database.count("app_owners")
            ),
            (1, 0)
        );
        assert_eq!(column(&portal, "url"), "https://mail.example.com/");
        portal.db_prove("boss");
        let back = boss
            .get("/admin/apps/mail?audience=any_of&any_of=a.b&but_not=")
            .await;
        assert!(
            back.body.contains("Your entries are still here")
                && back.body.contains("value=\"a.b\""),
            "{}",
            back.body
        );
        assert!(back.body.contains("value=\"any_of\" checked"));
    });
}

#[test]
fn a_form_that_somebody_else_was_faster_with_is_kept_and_not_saved() {
    run(async {
        let (portal, boss) = desk(Database::sqlite()).await;
        add(&boss, &[]).await;
        let page = boss.get("/admin/apps/mail").await;
        let seen = hidden(&page, "seen");
        portal.clock.advance(std::time::Duration::from_secs(1));
        change(&boss, "mail", &[("name_en", "Post")]).await;
        let fields = form(&[("seen", &seen), ("name_en", "Letters")]);
        let refused = boss.post("/admin/apps/mail", &page, &fields).await;
        assert_eq!(refused.status, 422);
        assert!(
            refused
                .body
                .contains("Somebody else has just changed this app"),
            "{}",
            refused.body
        );
        assert!(refused.body.contains("value=\"Letters\""));
        assert_eq!(column(&portal, "name_en"), "Post");
        // Saving what is there already is no event.
        let before = told(&portal).len();
        let (same, _) = change(
            &boss,
            "mail",
            &[("name_en", "Post"), ("keywords", "qiyeyouxiang qyyx")],
        )
        .await;
        assert_eq!(same.location(), "/admin/apps/mail");
        assert_eq!(told(&portal).len(), before);
        // An edited word stays.
        change(
            &boss,
            "mail",
            &[("name_en", "Post"), ("keywords", "post  brief")],
        )
        .await;
        change(
            &boss,
            "mail",
            &[
                ("name_en", "Post"),
                ("keywords", "post brief"),
                ("name_zh", "信"),
            ],
        )
        .await;
        assert_eq!(column(&portal, "keywords"), "post brief");
    });
}

/// A removed owner could decide on requests again.
#[test]
fn a_form_of_before_brings_no_removed_owner_back() {
    run(async {
        let (portal, boss) = desk(Database::sqlite()).await;
        portal.signed_in(&Person::named("eve")).await;
        add(&boss, &[("owners", "eve")]).await;
        let page = boss.get("/admin/apps/mail").await;
        let seen = hidden(&page, "seen");
        portal.clock.advance(std::time::Duration::from_secs(1));
        change(&boss, "mail", &[("owners", "")]).await;
        assert_eq!(portal.database.count("app_owners"), 0);
        let stale = form(&[("seen", &seen), ("owners", "eve"), ("note", "x")]);
        let refused = boss.post("/admin/apps/mail", &page, &stale).await;
        assert_eq!(refused.status, 422, "{}", refused.body);

        // A detour for a proof does not make the form a new one.
        portal
            .clock
            .advance(std::time::Duration::from_secs(16 * 60));
        let detour = boss.post("/admin/apps/mail", &page, &stale).await;
        let back = detour.location();
        let next = url::Url::parse(&format!("http://x{back}")).expect("an address");
        let next = next.query_pairs().find(|(name, _)| name == "next");
        let (_, path) = next.expect("the way back");
        portal.db_prove("boss");
        let page = boss.get(&path).await;
        let seen = hidden(&page, "seen");
        let stale = form(&[("seen", &seen), ("owners", "eve"), ("note", "x")]);
        let refused = boss.post("/admin/apps/mail", &page, &stale).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert_eq!(portal.database.count("app_owners"), 0);
    });
}

#[test]
fn the_list_is_searched_filtered_and_paged() {
    run(async {
        let (portal, boss) = desk(Database::sqlite()).await;
        for number in 100..160 {
            let key = format!("app-{number}");
            db_app(
                &portal.database,
                &key,
                &json!({"rule": {"audience": "everyone"}}),
            );
        }
        portal
            .database
            .execute("UPDATE apps SET is_hidden = TRUE, name_zh = '财务' WHERE key = 'app-130'");
        let keys = |page: &Answer| page.body.matches("<tr id=\"app-").count();
        let first = boss.get("/admin/apps").await;
        assert_eq!(keys(&first), 50);
        let last = portal
            .database
            .texts("SELECT CAST(id AS TEXT) AS value FROM apps WHERE key = 'app-149'");
        let second = boss.get(&format!("/admin/apps?after={}", last[0])).await;
        assert_eq!(keys(&second), 10);
        let moved = boss
            .post(
                "/admin/apps/app-155/move",
                &second,
                &[("direction", "up"), ("back", &format!("after={}", last[0]))],
            )
            .await;
        assert_eq!(
            moved.location(),
            format!("/admin/apps?after={}#app-155", last[0])
        );
        for (query, found) in [
            ("q=APP-13", 10),
            ("q=%E8%B4%A2", 1),
            ("q=app+130", 1),
            ("tile=hidden", 1),
            ("audience=nobody", 0),
            ("category=none&tile=hidden", 1),
            ("category=5", 0),
        ] {
            let page = boss.get(&format!("/admin/apps?{query}")).await;
            assert_eq!(keys(&page), found, "{query}");
            assert!(!page.body.contains("/move\""), "{query}");
        }
        for query in ["audience=x", "tile=x", "category=x", "after=999999"] {
            assert_eq!(
                boss.get(&format!("/admin/apps?{query}")).await.status,
                400,
                "{query}"
            );
        }
    });
}
