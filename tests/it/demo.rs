//! The demo's first two minutes: what it has before anybody does anything.

use std::collections::BTreeMap;

use reqwest::Response;

use crate::chromium::{Demo, PLATFORM, PORTAL};
use crate::support::{Database, process, run};

/// A browser at the demo, without a screen.
struct Visitor {
    client: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    /// Signs in as one of the stand-in's people.
    async fn named(person: &str) -> Self {
        let mut visitor = Self {
            client: process::client(),
            cookies: BTreeMap::new(),
        };
        let begun = visitor.get(&format!("{PORTAL}/oauth2/login?next=/")).await;
        let (_, asked) = location(&begun).split_once('?').expect("a request");
        let picked = format!("{PLATFORM}/o/authorize/as?as={person}&{asked}");
        let picked = visitor.get(&picked).await;
        let ended = visitor.get(location(&picked)).await;
        assert_eq!(
            (ended.status().as_u16(), location(&ended)),
            (303, "/"),
            "{person}"
        );
        visitor
    }

    async fn get(&mut self, url: &str) -> Response {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = self.client.get(url).header("cookie", cookies.join("; "));
        let answer = request.header("accept", "text/html").send().await;
        let answer = answer.expect("an answer");
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().expect("a cookie in ASCII");
            let (name, rest) = cookie.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    async fn page(&mut self, path: &str) -> String {
        let answer = self.get(&format!("{PORTAL}{path}")).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.expect("a page")
    }
}

fn location(answer: &Response) -> &str {
    let location = answer.headers().get("location").expect("a redirect");
    location.to_str().expect("an address in ASCII")
}

/// Counts the rows of all tables that people see.
fn counts(database: &Database) -> Vec<i64> {
    [
        "users",
        "identities",
        "user_permissions",
        "audit_events",
        "apps",
    ]
    .into_iter()
    .chain([
        "app_categories",
        "app_owners",
        "access_requests",
        "app_grants",
    ])
    .map(|table| database.count(table))
    .collect()
}

/// Issue 14, "Demo": apps with rules, a request that waits, and people with a month behind them.
#[test]
fn the_demo_has_apps_a_request_and_a_month_of_people_before_anybody_signs_in() {
    run(async {
        let demo = Demo::start().await;
        let output = demo.output();
        assert!(!output.contains("\"audit\""), "a flood: {output}");
        let database = demo.database();
        let number = |sql: &str| database.number(sql);

        assert_eq!(database.count("apps"), 10);
        assert_eq!(
            number("SELECT COUNT(*) AS value FROM apps WHERE is_hidden"),
            1
        );
        let excluding = "SELECT COUNT(*) AS value FROM apps WHERE rule NOT LIKE '%\"but_not\":[]%'";
        assert_eq!(number(excluding), 1);
        let owners = database.texts(
            "SELECT a.key || ' ' || u.username AS value FROM app_owners o, apps a, users u WHERE a.id = o.app_id AND u.id = o.user_id AND a.is_requestable AND NOT u.is_staff AND NOT u.is_staff_by_permission ORDER BY a.key",
        );
        assert_eq!(owners, ["sales zhouwenbo", "travel zhouwenbo"]);
        let waiting = database.texts(
            "SELECT r.app_key AS value FROM access_requests r WHERE r.state = 'open' AND NOT EXISTS (SELECT 1 FROM user_permissions p WHERE p.user_id = r.user_id AND p.name = 'reports.sales.read')",
        );
        assert_eq!(waiting, ["sales"]);
        let now = "CAST(strftime('%s', 'now') AS INTEGER) * 1000000";
        let running = format!(
            "SELECT COUNT(*) AS value FROM app_grants WHERE expires_at > {now} AND expires_at < {now} + 7 * 86400000000"
        );
        assert_eq!(number(&running), 1);

        assert_eq!(database.count("users"), 200);
        let live = format!(
            "SELECT COUNT(*) AS value FROM sessions WHERE ended_at IS NULL AND expires_at > {now}"
        );
        assert!(number(&live) > 20);
        let ahead = format!(
            "SELECT COUNT(*) AS value FROM audit_events WHERE created_at > {now} + 1000000"
        );
        assert_eq!(number(&ahead), 0);
        for kind in [
            "signed_in",
            "sign_in_refused",
            "signed_out",
            "account_deactivated",
            "role_changed",
            "permission_granted",
            "app_changed",
        ] {
            let sql = format!("SELECT COUNT(*) AS value FROM audit_events WHERE event = '{kind}'");
            assert!(number(&sql) > 0, "{kind}");
        }
        let unread = "SELECT COUNT(*) AS value FROM identities WHERE permissions_read_at IS NULL";
        assert_eq!(number(unread), 0);
    });
}

#[test]
fn the_people_of_the_demo_s_provider_sign_in_and_see_their_apps() {
    run(async {
        let demo = Demo::start().await;
        let accounts = demo.database().count("users");
        for (person, sees, sees_not) in [
            ("linxiaoyu", "git.qinghe.example", "travel.qinghe.example"),
            (
                "wangjianguo",
                "expenses.qinghe.example",
                "git.qinghe.example",
            ),
            (
                "chengruotong",
                "mail.qinghe.example",
                "expenses.qinghe.example",
            ),
            ("zhouwenbo", "sales.qinghe.example", "parts.qinghe.example"),
            (
                "amelia.hart",
                "leave.qinghe.example",
                "sales.qinghe.example",
            ),
            (
                "benoit.lefevre",
                "expenses.qinghe.example",
                "ci.qinghe.example",
            ),
            (
                "siobhan.obrien",
                "leave.qinghe.example",
                "travel.qinghe.example",
            ),
            ("ayiguli", "handbook.qinghe.example", "git.qinghe.example"),
            ("zhangyating", "parts.qinghe.example", "git.qinghe.example"),
            ("ouyangna", "chat.qinghe.example", "expenses.qinghe.example"),
            ("robot-7", "mail.qinghe.example", "leave.qinghe.example"),
        ] {
            let page = Visitor::named(person).await.page("/").await;
            assert!(page.contains(sees), "{person}: {page}");
            assert!(!page.contains(sees_not), "{person}: {page}");
        }
        // The owner of two apps had an account, the others have theirs now.
        assert_eq!(demo.database().count("users"), accounts + 10);

        let mut admin = Visitor::named("linxiaoyu").await;
        for (path, shows) in [
            ("/admin/users", "@qinghe.example"),
            ("/admin/users?status=deactivated", "@qinghe.example"),
            ("/admin/sessions", "10.20."),
            ("/admin/audit", "qinghe"),
            ("/admin/audit?event=account_deactivated", "chenzhiyuan"),
            ("/admin/audit?event=sign_in_refused", "administrator"),
        ] {
            assert!(admin.page(path).await.contains(shows), "{path}");
        }
    });
}

#[test]
fn a_second_start_of_the_demo_adds_nothing() {
    run(async {
        let mut demo = Demo::start().await;
        let database = demo.database();
        let before = counts(&database);
        demo.restart().await;
        assert_eq!(counts(&database), before);
    });
}
