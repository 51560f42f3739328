//! The list of accounts: every order, filter and search, its totals and its addresses.

use frontdesk::users::{Column, Filter, LastLogin, Order, Role, Source};

use super::plain::{
    Account, SEARCHES, check, db_insert_accounts, expected, make_searchable, orders, searching,
    set, settled, single_filters, some_accounts,
};
use super::{Dice, between, found, link, staff, superuser, usernames, walk};
use crate::support::{Database, Db, Person, Portal, on_both_databases, run, until};

on_both_databases! {
    async fn every_order_filter_and_search_lists_what_a_plain_list_would(database) {
        let portal = Portal::on(database).run().await;
        settled(&portal).await;
        let mut accounts = some_accounts();
        db_insert_accounts(&portal.database, &accounts);
        make_searchable(&portal);
        for order in orders() {
            for filter in single_filters() {
                check(&portal, &accounts, &filter, order);
            }
        }
        let mut dice = Dice(2026);
        for search in SEARCHES {
            for order in [None, *dice.pick(&orders()), *dice.pick(&orders())] {
                check(&portal, &accounts, &searching(search), order);
            }
        }
        for _ in 0..150 {
            let mut filter = Filter::default();
            for _ in 0..2 + dice.below(2) {
                let kind = dice.below(6);
                set(&mut filter, kind, &mut dice);
            }
            let order = *dice.pick(&orders());
            check(&portal, &accounts, &filter, order);
        }

        // The same by the links of the pages.
        let boss = superuser(&portal).await;
        accounts.push(Account {
            first_name: "boss".to_owned(),
            email: "4@example.com".to_owned(),
            by_hand: Role::Superuser,
            last_login: portal.db_fields_of("boss", "last_login")[0].parse().ok(),
            ..Account::plain(portal.db_id_of("boss"), "boss".to_owned())
        });
        let by = |column, is_descending| Some(Order { column, is_descending });
        let never = Some(LastLogin::Never);
        for (query, filter, order) in [
            ("", Filter::default(), None),
            ("&sort=name", Filter::default(), by(Column::FirstName, false)),
            ("&sort=-last", Filter::default(), by(Column::LastLogin, true)),
            ("&status=deactivated&sort=-email", Filter { is_active: Some(false), ..Filter::default() }, by(Column::Email, true)),
            ("&role=staff&sort=joined", Filter { role: Some(Role::Staff), ..Filter::default() }, by(Column::DateJoined, false)),
            ("&seen=never&sort=-username", Filter { last_login: never, ..Filter::default() }, by(Column::Username, true)),
            ("&permission=reports.read", Filter { permission: Some("reports.read".to_owned()), ..Filter::default() }, None),
            ("&q=%E7%8E%8B&source=local&sort=username", Filter { source: Some(Source::Local), ..searching("王") }, by(Column::Username, false)),
        ] {
            let list = format!("/admin/users?size=25{query}");
            let wanted: Vec<String> = expected(&accounts, &filter, order)
                .iter()
                .map(|account| account.username.clone())
                .collect();
            assert!(!wanted.is_empty(), "{list} has no rows to look at");
            for is_backward in [false, true] {
                let (given, stops) = walk(&boss, &list, is_backward, usernames).await;
                assert_eq!((given, stops), (wanted.clone(), 0), "{list}");
            }
        }
        let (mut given, _) = walk(&boss, "/admin/users?size=25&q=wang", false, usernames).await;
        let (backward, _) = walk(&boss, "/admin/users?size=25&q=wang", true, usernames).await;
        assert_eq!(given, backward);
        given.sort();
        let mut wanted: Vec<String> = expected(&accounts, &searching("wang"), None)
            .iter()
            .map(|account| account.username.clone())
            .collect();
        wanted.sort();
        assert_eq!(given, wanted);
    }

    async fn people_are_found_by_any_beginning_in_their_names(database) {
        let portal = Portal::on(database).run().await;
        let boss = superuser(&portal).await;
        for (username, name, email) in [
            ("wangxm", "王小明", "W.Xiaoming@corp.example"),
            ("ouyang", "欧阳娜娜", ""),
            ("amelia", "Amelia Grace O'Hart-Lee", "amelia@corp.example"),
            ("harper", "Zoe", "zoe@corp.example"),
            ("har", "Ann", "ann@corp.example"),
        ] {
            portal.signed_in(&Person::named(username).with("name_cn", name).with("email", email)).await;
        }
        for (search, wanted) in [
            ("王", vec!["wangxm"]),
            ("王小", vec!["wangxm"]),
            ("小明", vec!["wangxm"]),
            ("小", vec!["wangxm"]),
            ("明", vec!["wangxm"]),
            ("欧阳", vec!["ouyang"]),
            ("阳", vec!["ouyang"]),
            ("娜", vec!["ouyang"]),
            ("娜娜", vec!["ouyang"]),
            ("小王", vec![]),
            ("amelia grace", vec!["amelia"]),
            ("  AMELIA   grace ", vec!["amelia"]),
            ("Grace", vec!["amelia"]),
            ("o'hart", vec!["amelia"]),
            ("lee", vec!["amelia"]),
            ("melia", vec![]),
            ("w.xiao", vec!["wangxm"]),
            ("ZOE@CORP", vec!["harper"]),
            ("corp.example", vec![]),
            // The exact username, then beginnings, then words inside a name.
            ("har", vec!["har", "harper", "amelia"]),
            ("HAR", vec!["har", "harper", "amelia"]),
            ("harper", vec!["harper"]),
        ] {
            assert_eq!(found(&boss, search).await, wanted, "{search:?}");
        }
        let nobody = boss.get("/admin/users?q=Nobody&status=active").await;
        assert!(nobody.body.contains("No one matches these filters"));
        assert!(nobody.body.contains("<a class=\"btn\" href=\"/admin/users\">Clear all</a>"));
        assert!(nobody.body.contains("Search: Nobody"), "the filters that are on");
        assert_eq!(link(&nobody, "\">Search: Nobody").as_deref(), Some("/admin/users?status=active"));
    }

    async fn a_search_is_text_and_never_a_pattern(database) {
        let portal = Portal::on(database).run().await;
        let boss = superuser(&portal).await;
        for name in ["100%", "a_b", "axb", "o'neil", "say\"hi", "back\\slash", "ｗａｎｇ", "👩‍🚀li"] {
            portal.signed_in(&Person::named(name).with("email", "")).await;
        }
        portal.signed_in(&Person::named("longname").with("name_cn", "x".repeat(100)).with("email", "")).await;
        portal.signed_in(&Person::named("longchinese").with("name_cn", "长".repeat(100)).with("email", "")).await;
        let (sixty_four, eighty, hundred) = ("x".repeat(64), "X".repeat(80), "长".repeat(100));
        let absent = "y".repeat(90);
        for (search, wanted) in [
            ("%", vec![]),
            ("_", vec![]),
            ("'", vec![]),
            ("\"", vec![]),
            ("\\", vec![]),
            ("a%", vec![]),
            ("%%%", vec![]),
            ("100%", vec!["100%"]),
            ("1%", vec![]),
            ("a_", vec!["a_b"]),
            ("a_b", vec!["a_b"]),
            ("a?b", vec![]),
            ("a*", vec![]),
            ("o'n", vec!["o'neil"]),
            ("o''n", vec![]),
            ("say\"", vec!["say\"hi"]),
            ("back\\", vec!["back\\slash"]),
            ("back\\\\", vec![]),
            ("ＷＡ", vec!["ｗａｎｇ"]),
            ("wa", vec![]),
            ("👩‍🚀", vec!["👩‍🚀li"]),
            ("👩‍🚀L", vec!["👩‍🚀li"]),
            ("🚀🚀", vec![]),
            (sixty_four.as_str(), vec!["longname"]),
            (eighty.as_str(), vec!["longname"]),
            (absent.as_str(), vec![]),
            (hundred.as_str(), vec!["longchinese"]),
            ("' OR 1=1 --", vec![]),
            ("%' OR '1'='1", vec![]),
            ("\u{10ffff}", vec![]),
            ("<script>", vec![]),
        ] {
            assert_eq!(found(&boss, search).await, wanted, "{search:?}");
        }
    }

    async fn a_renamed_person_is_found_by_the_new_names_alone(database) {
        let portal = Portal::on(database.clone()).with("OAUTH2_SUBJECT", "/id").run().await;
        let boss = portal.signed_in(&Person::named("boss").with("id", 1)).await;
        portal.db_make_superuser("boss");
        let person = Person::named("lisi").with("id", 7).with("name_cn", "李四").with("email", "lisi@corp.example");
        portal.signed_in(&person).await;
        for search in ["李", "四", "lisi", "lisi@corp"] {
            assert_eq!(found(&boss, search).await, ["lisi"], "{search}");
        }
        let person = Person::named("zhaowu").with("id", 7).with("name_cn", "赵五").with("email", "zhao@corp.example");
        portal.signed_in(&person).await;
        for search in ["李", "四", "lisi", "lisi@corp"] {
            assert!(found(&boss, search).await.is_empty(), "{search}");
        }
        for search in ["赵", "五", "zhaowu", "zhao@corp"] {
            assert_eq!(found(&boss, search).await, ["zhaowu"], "{search}");
        }

        // As they were stored by a version that had no words.
        portal.database.execute("DELETE FROM user_terms");
        portal.database.execute("UPDATE users SET is_searchable = FALSE");
        assert!(found(&boss, "赵").await.is_empty());
        // Each start catches up.
        let next = Portal::on(database).with("OAUTH2_SUBJECT", "/id").beside(&portal).run().await;
        let boss = boss.at(&next);
        until("the words are there", async || found(&boss, "赵").await == ["zhaowu"]).await;
        assert_eq!(found(&boss, "boss").await, ["boss"]);
        assert_eq!(portal.database.count("users WHERE NOT is_searchable"), 0);
    }

    async fn no_address_of_a_list_makes_it_fail(database) {
        let portal = Portal::on(database).run().await;
        let boss = superuser(&portal).await;
        let mut chinese = boss.clone();
        chinese.language = "zh-CN,zh;q=0.9".to_owned();
        let id = portal.db_id_of("boss");
        let long = "x".repeat(10_240);
        let common = [
            String::new(),
            format!("q={long}"),
            format!("{long}=1"),
            "a=1&".repeat(2500),
            format!("permission={long}&user={long}&about={long}"),
            format!("after={}", "9".repeat(200)),
            "size=7".to_owned(),
            "size=0".to_owned(),
            "size=-25".to_owned(),
            "size=many".to_owned(),
            "size=1000000".to_owned(),
            "size=25&size=100".to_owned(),
            "page=-1".to_owned(),
            "page=7".to_owned(),
            "after=abc".to_owned(),
            "after=1.5".to_owned(),
            "after=%2B1".to_owned(),
            "after=9223372036854775807".to_owned(),
            "after=9223372036854775808".to_owned(),
            "after=-9223372036854775808".to_owned(),
            "before=9223372036854775807".to_owned(),
            "before=-9223372036854775808".to_owned(),
            "after=1".to_owned(),
            "before=1".to_owned(),
            "after=1&before=2".to_owned(),
            "after=1&last=1".to_owned(),
            "last=0".to_owned(),
            "last=no&before=1".to_owned(),
            "after=&before=&last=".to_owned(),
            "after=1&after=2".to_owned(),
            "select=everything".to_owned(),
            "admin=1&is_superuser=true&user_id=1&id=1&__proto__=x&sort[]=joined".to_owned(),
            "q[$ne]=1".to_owned(),
            "&&&===".to_owned(),
            "%".to_owned(),
            "%zz=%zz".to_owned(),
            "q=%ff%fe".to_owned(),
            "q=%00".to_owned(),
            "q=a%00b".to_owned(),
            "q=%F4%8F%BF%BF".to_owned(),
            "q=%E2%80%AE%0d%0aX-Evil:%201".to_owned(),
            "q='%20OR%201=1%20--".to_owned(),
            "q=%22%22".to_owned(),
            "q=a&q=b".to_owned(),
        ];
        let of_users = [
            "sort=height", "sort=-", "sort=--joined", "sort=JOINED", "sort=id;drop", "sort=joined&sort=-joined",
            "status=asleep", "status=active&status=deactivated", "status=%00", "role=emperor", "role=Staff", "source=mars",
            "seen=soon", "seen=-1", "seen=0", "seen=4294967295", "seen=99999999999", "permission=%00", "permission='",
            "q=boss&after=1", "q=%E7%8E%8B&before=1", "q=nobody&last=1", "q=a&status=active&role=staff&source=local&permission=x&seen=never&sort=-last",
        ];
        let of_sessions = [
            "user=%00", "user=nobody", "user='", "ip=not-an-address", "ip=%00", "browser=Netscape", "browser=firefox",
            "browser=Chrome&user=boss&ip=127.0.0.1&last=1",
        ];
        let of_events = [
            "from=2026-13-45", "from=2026-02-30", "from=tomorrow", "from=0", "to=9999-12-31", "from=-009999-01-01", "to=-009999-01-01",
            "from=9999-12-31&to=9999-12-31", "from=2026-03-05&to=2026-03-01", "event=xyz", "event=%00", "outcome=perhaps",
            "about=%00", "by=%00", "about='", "by=%22;--", "q=127.0.0.1&about=boss&by=boss&event=signed_in&outcome=success&from=2020-01-01&to=2099-12-31",
        ];
        let paths: [(String, &[&str]); 5] = [
            ("/admin/users".to_owned(), &of_users),
            ("/admin/sessions".to_owned(), &of_sessions),
            ("/admin/audit".to_owned(), &of_events),
            (format!("/admin/users/{id}"), &[]),
            ("/account/timeline".to_owned(), &[]),
        ];
        for (path, own) in &paths {
            let queries = common.iter().map(String::as_str).chain(own.iter().copied());
            for query in queries {
                for (browser, language, heading) in [
                    (&boss, "en", "The request could not be read"),
                    (&chinese, "zh-Hans", "无法读取请求"),
                ] {
                    let answer = browser.get(&format!("{path}?{query}")).await;
                    let shown: String = query.chars().take(100).collect();
                    assert!(answer.status == 200 || answer.status == 400, "{path}?{shown}: {}", answer.status);
                    assert!(answer.body.contains(&format!("<html lang=\"{language}\"")), "{path}?{shown}");
                    assert_eq!(answer.user().as_deref(), Some("boss"), "{path}?{shown}");
                    assert_eq!(answer.body.contains(heading), answer.status == 400, "{path}?{shown}");
                }
            }
        }
        for bad in ["sort=height", "status=asleep", "role=emperor", "source=mars", "size=7", "after=abc", "after=1", "after=1&before=2"] {
            assert_eq!(boss.get(&format!("/admin/users?{bad}")).await.status, 400, "{bad}");
        }
        for bad in ["from=2026-13-45", "event=xyz", "outcome=perhaps"] {
            assert_eq!(boss.get(&format!("/admin/audit?{bad}")).await.status, 400, "{bad}");
        }
        assert_eq!(boss.get("/admin/sessions?browser=Netscape").await.status, 400);
        // What is not known is not read, and of two the first counts.
        let twice = boss.get("/admin/users?q=boss&q=nobody&page=-1").await;
        assert_eq!(usernames(&twice), ["boss"]);
    }

    async fn an_address_with_filters_is_the_same_page_for_a_colleague(database) {
        let portal = Portal::on(database).run().await;
        settled(&portal).await;
        let accounts: Vec<Account> = (1..=60)
            .map(|number: i64| Account {
                is_synced: false,
                first_name: format!("Person {number}"),
                ..Account::plain(number, format!("p{number:02}"))
            })
            .collect();
        db_insert_accounts(&portal.database, &accounts);
        let boss = superuser(&portal).await;
        let sam = staff(&portal).await;

        let mut path = "/admin/users?status=active&source=local&sort=username&size=25".to_owned();
        let mut sizes = Vec::new();
        loop {
            let mine = boss.get(&path).await;
            let theirs = sam.get(&path).await;
            assert_eq!(usernames(&mine), usernames(&theirs));
            assert!(!theirs.body.contains("name=\"u\""), "whoever may not act has nothing to tick");
            for part in ["Status: Active", "Source: Local", "Accounts: 60."] {
                assert!(mine.body.contains(part) && theirs.body.contains(part), "{part}");
            }
            assert!(mine.body.contains("<input type=\"hidden\" name=\"size\" value=\"25\">"), "a new search keeps the size");
            sizes.push(usernames(&mine).len());

            // Every row of this very page is ticked.
            let count = usernames(&mine).len();
            let ticked = link(&mine, &format!("\">all {count} on this page<")).expect("a link");
            let ticked = boss.get(&ticked).await;
            assert_eq!(usernames(&ticked), usernames(&mine));
            assert_eq!(ticked.body.matches(" checked>").count(), count);
            assert_eq!(mine.body.matches(" checked>").count(), 0);

            match link(&mine, "\" rel=\"next\"") {
                Some(next) => path = next,
                None => break,
            }
            assert!(path.contains("size=25") && path.contains("status=active") && path.contains("sort=username"), "{path}");
        }
        assert_eq!(sizes, [25, 25, 10]);
        // 62 accounts: by the size that is chosen, the middle one otherwise.
        for (list, sizes) in [("/admin/users?size=50", [50, 12]), ("/admin/users", [50, 12])] {
            let first = boss.get(list).await;
            let second = boss.get(&link(&first, "\" rel=\"next\"").expect("a next page")).await;
            assert_eq!([usernames(&first).len(), usernames(&second).len()], sizes, "{list}");
            let back = boss.get(&link(&second, "\" rel=\"prev\"").expect("a way back")).await;
            assert_eq!(usernames(&back), usernames(&first));
        }
        let all = boss.get("/admin/users?size=100").await;
        assert_eq!(usernames(&all).len(), 62);
        assert!(link(&all, "\" rel=\"next\"").is_none() && link(&all, "\" rel=\"prev\"").is_none());
        // Another size keeps the filters and begins at the first page.
        let last = boss.get(&path).await;
        let larger = link(&last, "\">100</a>").expect("a link");
        assert!(larger.contains("status=active") && larger.contains("size=100"), "{larger}");
        assert_eq!(usernames(&boss.get(&larger).await).len(), 60);
    }

    async fn totals_are_exact_up_to_a_thousand(database) {
        let portal = Portal::on(database).run().await;
        settled(&portal).await;
        let accounts: Vec<Account> = (1..=1200)
            .map(|number: i64| Account {
                is_active: number > 100,
                is_synced: number > 1000,
                ..Account::plain(number, format!("u{number}"))
            })
            .collect();
        db_insert_accounts(&portal.database, &accounts);
        let boss = superuser(&portal).await;
        let total = async |query: &str| {
            let answer = boss.get(&format!("/admin/users?{query}")).await;
            between(&answer.body, "Accounts: ", ". ")
        };
        for (query, wanted) in [
            ("source=local", "more than 500"),
            ("source=directory", "201"),
            ("status=deactivated", "100"),
            ("status=active", "more than 500"),
            ("status=deactivated&source=local", "100"),
            ("status=deactivated&source=directory", "0"),
            ("permission=nobody.has", "0"),
            ("role=superuser", "1"),
        ] {
            assert_eq!(total(query).await, wanted, "{query}");
        }
        // Of all accounts it is told by the database's own bookkeeping, where it has one.
        if portal.database.is_postgresql() {
            let before = total("").await;
            assert!(before == "more than 1,000" || before.starts_with("about 1,"), "{before}");
            portal.database.execute("ANALYZE users");
        }
        assert_eq!(total("").await, "about 1,201");
    }

    async fn a_search_that_stops_early_says_so_and_goes_on(database) {
        let portal = Portal::on(database).run().await;
        settled(&portal).await;
        // Each filter fits some 3,000; all together the three oldest alone, whose names come last.
        let accounts: Vec<Account> = (1..=12_000)
            .map(|number: i64| Account {
                is_active: number > 3 && !(5001..=8000).contains(&number),
                is_synced: number > 3 && !(8001..=11_000).contains(&number),
                ..Account::plain(number, format!("w{:05}", 12_001 - number))
            })
            .collect();
        db_insert_accounts(&portal.database, &accounts);
        // The only word that each has.
        portal.database.execute("INSERT INTO user_terms (user_id, is_inner, term) SELECT id, FALSE, username FROM users");
        portal.database.execute("UPDATE users SET is_searchable = TRUE");
        let boss = superuser(&portal).await;
        for more in ["", "&sort=username", "&q=w"] {
            let list = format!("/admin/users?status=deactivated&source=local&size=25{more}");
            let first = boss.get(&list).await;
            assert!(first.body.contains("The search stopped after 10,000 rows"), "{list}");
            assert!(first.body.contains("Accounts: not counted."), "{list}");
            assert!(usernames(&first).is_empty(), "{list}");
            assert!(!first.body.contains("No one matches these filters"), "nobody knows that yet: {list}");
            for is_backward in [false, true] {
                let (given, stops) = walk(&boss, &list, is_backward, usernames).await;
                assert_eq!(given, ["w11998", "w11999", "w12000"], "{list}");
                assert_eq!(stops, 1, "{list}");
            }
        }
        // Found before it stops.
        let (given, stops) = walk(&boss, "/admin/users?status=deactivated&source=local&sort=-username", false, usernames).await;
        assert_eq!((given, stops), (["w12000", "w11999", "w11998"].map(str::to_owned).to_vec(), 1));
        // One filter alone never stops, and one that fits few makes the others cheap.
        for (query, count) in [("role=superuser&status=active", 1), ("status=deactivated&q=w1200", 1)] {
            let (given, stops) = walk(&boss, &format!("/admin/users?{query}"), false, usernames).await;
            assert_eq!((given.len(), stops), (count, 0), "{query}");
        }
        let (given, stops) = walk(&boss, "/admin/users?status=deactivated&size=100", false, usernames).await;
        assert_eq!((given.len(), stops), (3003, 0));
    }
}
