//! Export and import.

use super::Desk;
use crate::support::{Database, Db, on_both_databases, run};

/// One transparent pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Every key that a file may have, in no particular order.
fn everything() -> String {
    format!(
        r#"
[[category]]
name_en = "Work"
name_zh = "工作"

[[category]]
name_zh = "人事"

[[category]]
name_en = "Work"
name_zh = "办公"

[[app]]
key = "mail"
url = "https://mail.example.com/?a=1&b=%22"
name_en = "Mail \"new\" \\ post"
name_zh = "邮箱"
description_en = "All mail"
description_zh = "所有邮件"
category = "工作"
icon = "mail"
tint = 3
hidden = true
askable = true
keywords = "youxiang yx"
note = """
First line
second "line" \\ \u202E

last line"""
owners = ["wang", "li"]
rule = {{ audience = "any_of", any_of = ["z", "a"], but_not = ["x", "contractor"] }}
image = {{ content_type = "image/png", base64 = "{PNG}" }}

[[app]]
key = "zz-last"
name_zh = "微信"
url = "http://10.0.0.7:8080/"
category = ["Work", "办公"]

[[app]]
key = "aa-first"
name_en = "Without a category"
url = "https://a.example.com"
[app.rule]
audience = "everyone"
"#
    )
}

/// A file with these apps, of which each has only what it must have.
fn plain(keys: &[&str]) -> String {
    let app = |key: &&str| {
        format!(
            "[[app]]\nkey = \"{key}\"\nname_en = \"{key}\"\nurl = \"https://{key}.example.com/\"\n"
        )
    };
    let apps: Vec<String> = keys.iter().map(app).collect();
    format!("{}\n# end\n", apps.join("\n"))
}

fn keys(desk: &Desk) -> Vec<String> {
    let listed = desk.run(&["apps", "list"]).out;
    let key = |line: &str| line.split('\t').next().expect("a key").to_owned();
    listed.lines().map(key).collect()
}

on_both_databases! {
    /// A16
    async fn an_export_that_was_imported_exports_the_same_bytes(database) {
        let desk = Desk::on(database).await;
        desk.imported(&everything(), &[]);
        let first = desk.export();
        assert!(first.ends_with("\n# end\n"), "{first}");
        assert!(first.contains("note = \"\"\"\nFirst line\nsecond \\\"line\\\" \\\\ \\u202E\n\nlast line\"\"\"\n"), "{first}");
        for table in ["app_owners", "apps", "app_categories", "app_images"] {
            desk.database.execute(&format!("DELETE FROM {table}"));
        }
        desk.imported(&first, &[]);
        assert_eq!(desk.export(), first);
        let events = desk.database.count("audit_events");
        for flags in [&[][..], &["--prune"], &["--dry-run"]] {
            let out = desk.imported(&first, flags);
            assert!(out.contains("Nothing to change: the 3 apps"), "{out}");
        }
        assert_eq!(desk.export(), first);
        assert_eq!(desk.database.count("audit_events"), events);
    }

    async fn each_change_is_shown_first_and_leaves_one_event(database) {
        let desk = Desk::on(database).await;
        desk.imported(&everything(), &[]);
        desk.database.execute("DELETE FROM audit_events");
        let changed = everything()
            .replace("name_en = \"Without a category\"", "name_en = \"Renamed\"\ncategory = \"人事\"")
            .replace("audience = \"everyone\"", "audience = \"nobody\"")
            .replace("owners = [\"wang\", \"li\"]", "owners = [\"zhao\", \"li\"]")
            .replace("name_zh = \"人事\"", "name_zh = \"人事\"\nname_en = \"People\"");
        let shown = desk.imported(&changed, &["--dry-run"]);
        assert_eq!(desk.database.count("audit_events"), 0);
        for line in [
            "~ category 人事\n    name_en: - → People\n",
            "~ app mail\n    + owner zhao\n    - owner wang\n",
            "~ app aa-first\n    name_en: Without a category → Renamed\n    audience: everyone → nobody\n    category: - → People / 人事\n",
            "    people who gain it: 0\n    people who lose it: 3 (赵, 王, 李)\n",
            "Apps: 0 to add, 2 to change, 0 to remove, 1 unchanged.\nNothing has been changed (--dry-run).\n",
        ] {
            assert!(shown.contains(line), "{line} in {shown}");
        }
        assert!(desk.imported(&changed, &[]).ends_with("Done.\n"));
        assert_eq!(
            desk.database.db_events(&["event", "actor", "username"]),
            [
                "app_category_changed command line",
                "app_owner_removed command line wang",
                "app_owner_added command line zhao",
                "app_changed command line",
            ]
        );
        let told = desk.database.db_details_of("app_changed");
        assert_eq!(told[0]["app"], "aa-first");
        assert_eq!(told[0]["app_changes"][0]["to"], "Renamed");
    }

    /// A7
    async fn the_order_of_apps_and_categories_is_that_of_the_file(database) {
        let desk = Desk::on(database).await;
        desk.imported(&plain(&["one", "two", "three"]), &[]);
        assert_eq!(keys(&desk), ["one", "two", "three"]);
        desk.imported(&plain(&["three", "new", "one", "two"]), &[]);
        assert_eq!(keys(&desk), ["three", "new", "one", "two"]);
        // What the file does not name stays where it is.
        desk.imported(&plain(&["two", "three"]), &[]);
        assert_eq!(keys(&desk), ["two", "new", "one", "three"]);
        let with = |first: &str, second: &str| {
            let app = |key: &str, category: &str| format!("[[app]]\nkey = \"{key}\"\nname_en = \"x\"\nurl = \"https://x\"\ncategory = \"{category}\"\n");
            format!("[[category]]\nname_en = \"{first}\"\n[[category]]\nname_en = \"{second}\"\n{}{}", app("one", "B"), app("two", "A"))
        };
        desk.imported(&with("A", "B"), &[]);
        assert_eq!(keys(&desk), ["two", "one", "new", "three"]);
        let out = desk.imported(&with("B", "A"), &[]);
        assert!(out.contains("~ category A\n    position: 1 → 2"), "{out}");
        assert_eq!(keys(&desk), ["one", "two", "new", "three"]);
    }

    /// A16
    async fn nothing_is_removed_without_prune_and_prune_says_what_ends(database) {
        let desk = Desk::on(database).await;
        desk.imported(&everything(), &[]);
        desk.db_grant(1, "mail", 1, "NULL");
        desk.db_grant(2, "mail", 2, "9000000000000000");
        desk.db_grant(3, "mail", 3, "5");
        desk.db_request(4, "mail", 3);
        let kept = desk.imported(&plain(&["other"]), &[]);
        assert!(kept.contains("1 to add, 0 to change, 0 to remove"), "{kept}");
        assert_eq!(keys(&desk).len(), 4);
        let pruned = desk.imported(&plain(&["other"]), &["--prune"]);
        for line in [
            "- category Work / 工作\n",
            "- category 人事\n",
            "- app mail\n",
            "    grants that end: 2\n    open requests that end: 1\n",
            "Apps: 0 to add, 0 to change, 3 to remove, 1 unchanged.\n",
        ] {
            assert!(pruned.contains(line), "{line} in {pruned}");
        }
        assert_eq!(keys(&desk), ["other"]);
        assert_eq!(desk.database.count("app_categories"), 0);
        assert_eq!(desk.database.count("app_images"), 0);
        assert_eq!(desk.database.count("app_grants"), 0);
        assert_eq!(desk.database.db_count_events("app_removed"), 3);
    }

    /// A16
    async fn prune_refuses_a_file_that_is_empty_or_was_cut_off(database) {
        let desk = Desk::on(database).await;
        desk.imported(&everything(), &[]);
        let whole = desk.export();
        let last_app = whole.rfind("\n[[app]]").expect("an app");
        let in_an_app = last_app + "\n[[app]]\nkey = \"aa".len();
        let before = desk.database.count("audit_events");
        for (content, why) in [
            (String::new(), "has no apps"),
            ("# end\n".to_owned(), "has no apps"),
            (whole[..last_app].to_owned(), "does not end with the line `# end`"),
            (whole[..in_an_app].to_owned(), "this is not TOML"),
        ] {
            let refused = desk.import(&content, &["--prune"]);
            assert_eq!(refused.status, 4, "{refused:?}");
            assert!(refused.err.contains(why), "{why} in {}", refused.err);
            assert!(refused.out.is_empty(), "{}", refused.out);
        }
        assert_eq!(desk.import("x", &["--prune"]).status, 4);
        std::fs::remove_file(desk.folder.path().join("apps.toml")).expect("it is there");
        assert_eq!(desk.run(&["apps", "import", "apps.toml", "--prune"]).status, 1);
        assert_eq!(keys(&desk).len(), 3);
        assert_eq!(desk.database.count("audit_events"), before);
    }

    /// A3
    async fn an_app_without_a_rule_opens_to_nobody(database) {
        let desk = Desk::on(database).await;
        let out = desk.imported(&plain(&["mail"]), &[]);
        assert!(out.contains("    audience: nobody\n"), "{out}");
        for username in ["li", "wang", "zhao"] {
            let why = desk.run(&["why", username, "mail"]);
            assert_eq!((why.status, why.out.starts_with("closed: ")), (1, true), "{why:?}");
        }
        let empty = plain(&["hr"]).replace("# end", "[app.rule]\naudience = \"any_of\"\nany_of = []\n# end");
        let refused = desk.import(&empty, &[]);
        assert_eq!(refused.status, 4);
        assert!(refused.err.contains("apps.toml, line 8: app hr: rule: any_of: name a permission"), "{}", refused.err);
        let half = plain(&["hr"]).replace("# end", "[app.rule]\nany_of = [\"a\"]\n# end");
        assert!(desk.import(&half, &[]).err.contains("line 7: app hr: rule: any_of: write audience"));
    }

    /// A16
    async fn an_unknown_owner_is_named_with_its_line_and_nothing_is_imported(database) {
        let desk = Desk::on(database).await;
        let owners = "owners = [\n    \"li\",\n    \"nobody\",\n]\n";
        let content = plain(&["mail"]).replace("\n# end", &format!("{owners}# end"));
        let refused = desk.import(&content, &[]);
        assert_eq!(refused.status, 4, "{}", refused.out);
        assert_eq!(
            refused.err,
            "apps.toml, line 7: app mail: owners: no account is called nobody\n\
             frontdesk: apps.toml has 1 fault; nothing was imported\n"
        );
        assert_eq!(desk.database.count("apps"), 0);
        desk.imported(&content.replace("\"nobody\"", "\"wang\""), &[]);
        assert_eq!(desk.database.db_events_of("app_owner_added", &["username"]), ["li", "wang"]);
        let shown = desk.run(&["apps", "show", "mail", "--json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown.out).expect("JSON");
        assert_eq!(shown["owners"][1]["username"], "wang");
    }

    async fn a_permission_that_nobody_holds_is_a_warning_at_import_and_in_check(database) {
        let desk = Desk::on(database).await;
        desk.db_hold(1, "crm.use");
        let content = plain(&["crm"]).replace("# end", "[app.rule]\naudience = \"any_of\"\nany_of = [\"crm.use\", \"crm.ues\"]\nbut_not = [\"gone\"]\n# end");
        let out = desk.imported(&content, &[]);
        assert!(out.contains("warning: app crm, line 1: nobody holds the permission crm.ues\n"), "{out}");
        assert!(out.contains("nobody holds the permission gone\n"), "{out}");
        assert!(!out.contains("permission crm.use\n"), "{out}");
        let check = desk.run(&["check"]).out;
        assert!(check.contains("warning  apps: the rule of crm names the permission crm.ues, which nobody holds"), "{check}");
        assert!(!check.contains("permission crm.use,"), "{check}");
    }
}

#[test]
fn twenty_faults_of_a_file_are_all_named_with_their_lines() {
    run(async {
        let desk = Desk::on(Database::sqlite()).await;
        let big = "A".repeat(90_000);
        let content = format!(
            r#"wrong = 1
[[category]]
name_en = "A"
color = "red"
[[category]]
[[category]]
name_en = "A"
[[app]]
key = "Mail"
name_en = 5
url = "javascript:alert(1)"
tint = 7
icon = "rocket"
hidden = "yes"
askable = 1
category = "Nowhere"
rule = {{ audience = "all", any_of = "x" }}
owners = ["li", "ghost"]
grants = []
[[app]]
key = "crm"
name_en = "CRM"
url = "mail.example.com"
keywords = "{long}"
rule = {{ audience = "any_of" }}
image = {{ content_type = "image/svg+xml", base64 = "{big}" }}
[[app]]
name_en = "No key, no address"
image = {{ content_type = "image/webp", base64 = "{PNG}" }}
[[app]]
key = "crm"
name_zh = unquoted
url = "https://crm.example.com/"
"#,
            long = "x".repeat(201)
        );
        let refused = desk.import(&content, &[]);
        assert_eq!(refused.status, 4);
        for (line, about) in [
            (1, "wrong: is not a key that is known here"),
            (4, "color: is not a key"),
            (5, "category: write name_en or name_zh, or both"),
            (6, "category: line 2 has one with the same names"),
            (9, "app: key: write a key"),
            (10, "name_en: must be a text in quotes"),
            (11, "url: write an address that begins with https://"),
            (12, "tint: write a number from 1 to 6"),
            (13, "icon: write one of tag, wallet"),
            (14, "hidden: must be true or false"),
            (15, "askable: must be true or false"),
            (16, "category: there is no [[category]] with this name"),
            (17, "rule: audience: write one of nobody, everyone, any_of"),
            (17, "rule: any_of: must be a list"),
            (18, "owners: no account is called ghost"),
            (19, "grants: is not a key"),
            (23, "app crm: url: write a full address"),
            (24, "app crm: keywords: write at most 200 characters"),
            (25, "app crm: rule: any_of: name a permission"),
            (
                26,
                "app crm: image: base64: an image may have at most 64 KiB",
            ),
            (27, "app: key: write a key"),
            (27, "app: url: write a full address"),
            (
                28,
                "app: image: content_type: write image/png, which these bytes are",
            ),
            (30, "app crm: line 20 has an app with this key"),
            (32, "this is not TOML"),
        ] {
            let start = format!("apps.toml, line {line}: ");
            assert!(
                refused
                    .err
                    .lines()
                    .any(|one| one.starts_with(&start) && one.contains(about)),
                "{line}: {about} in {}",
                refused.err
            );
        }
        assert!(
            refused.err.ends_with("nothing was imported\n"),
            "{}",
            refused.err
        );
        assert_eq!(desk.database.count("apps"), 0);
    });
}

#[test]
fn apps_are_listed_and_shown_with_the_documented_statuses() {
    run(async {
        let desk = Desk::on(Database::sqlite()).await;
        desk.imported(&everything(), &[]);
        let listed = desk.run(&["apps", "list"]).out;
        assert!(
            listed.contains("zz-last\t微信\tWork / 办公\tnobody\tshown\thttp://10.0.0.7:8080/\n"),
            "{listed}"
        );
        let json: serde_json::Value =
            serde_json::from_str(&desk.run(&["apps", "list", "--json"]).out).expect("JSON");
        assert_eq!(json["apps"][0]["key"], "mail");
        assert_eq!(json["apps"][0]["rule"]["any_of"][0], "a");
        assert_eq!(json["apps"][0]["category"]["name_zh"], "工作");
        let shown = desk.run(&["apps", "show", "mail"]);
        assert_eq!(shown.status, 0);
        assert!(shown.out.contains("hidden: true\n"), "{}", shown.out);
        assert!(shown.out.contains("owners: 2\n"), "{}", shown.out);
        let unknown = desk.run(&["apps", "show", "nothing", "--json"]);
        assert_eq!((unknown.status, unknown.out.as_str()), (3, ""));
        assert_eq!(desk.run(&["apps", "remove", "mail"]).status, 2);
    });
}

#[test]
fn a_file_that_is_not_utf_8_is_refused_with_its_line() {
    run(async {
        let desk = Desk::on(Database::sqlite()).await;
        std::fs::write(desk.folder.path().join("apps.toml"), b"# one\n\n# \xff\n").expect("a file");
        let ran = desk.run(&["apps", "import", "apps.toml"]);
        assert_eq!(ran.status, 1);
        assert!(
            ran.err.contains("apps.toml, line 3: this is not UTF-8"),
            "{}",
            ran.err
        );
    });
}
