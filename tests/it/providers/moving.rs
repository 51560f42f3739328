//! Moving people to another provider id or to other subjects.

use std::collections::BTreeMap;

use serde_json::json;
use tempfile::TempDir;

use super::settings::KEY;
use super::{li, linking, pair, sign_in, user};
use crate::support::lying_openid::Subject;
use crate::support::process::{self, free_port, output, text};
use crate::support::{Database, Db, OpenId, Person, Portal, on_both_databases, run};

/// `frontdesk` with these arguments: whether it went well, and what it said.
pub(super) fn command(arguments: &[&str], settings: &BTreeMap<String, String>) -> (bool, String) {
    let done = output(arguments, settings);
    let said = text(&done.stdout) + &text(&done.stderr);
    (done.status.success(), said)
}

/// Settings whose providers are those of a file.
pub(super) fn of_file(
    database: &Database,
    folder: &TempDir,
    toml: &str,
) -> BTreeMap<String, String> {
    let path = folder.path().join("providers.toml");
    std::fs::write(&path, toml).expect("a file");
    [
        (
            "FRONTDESK_PROVIDERS",
            path.to_str().expect("Unicode").to_owned(),
        ),
        ("FRONTDESK_PUBLIC_URL", "http://127.0.0.1:1".to_owned()),
        ("DATABASE_URL", database.url.clone()),
        ("SECRET_KEY", KEY.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

on_both_databases! {
    async fn people_are_moved_to_another_id_with_all_that_they_have(database) {
        let portal = Portal::on(database.clone()).asking_for_permissions().run().await;
        let browser = portal.signed_in(&Person::named("li").may(&["x"])).await;
        portal.signed_in(&Person::named("wang")).await;
        let openid = OpenId::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let settings = of_file(&database, &folder, &openid.toml("group"));
        let of = "of the provider group";
        let (_, said) = command(&["check"], &settings);
        let warning = "2 are stored under the provider company, which is not in the settings";
        assert!(said.contains(warning), "{said}");

        let before = database.db_snapshot();
        let (is_good, said) = command(&["rekey", "company", "group", "--dry-run"], &settings);
        assert!(is_good && said.contains("To be moved: 2. Nothing was changed."), "{said}");
        assert_eq!(database.db_snapshot(), before);

        // One who is there already stands in the way of all.
        database.db_insert_users(1, &[("other", "")]);
        database.db_add_identity("other", "group", "li");
        let before = database.db_snapshot();
        for arguments in [&["rekey", "company", "group"][..], &["rekey", "company", "group", "--dry-run"]] {
            let (is_good, said) = command(arguments, &settings);
            assert!(!is_good && said.contains("nobody was moved") && said.contains("\"li\""), "{said}");
            assert_eq!(database.db_snapshot(), before);
        }
        database.execute("DELETE FROM identities WHERE provider = 'group'");

        let (is_good, said) = command(&["rekey", "company", "group"], &settings);
        assert!(is_good && said.contains("Moved: 2."), "{said}");
        assert_eq!(database.db_identities(), ["group li li", "group wang wang"]);
        assert_eq!(database.db_permissions(), ["group:x"]);
        assert_eq!(database.texts("SELECT DISTINCT provider AS value FROM sessions"), ["group"]);
        assert_eq!(portal.db_events_of("provider_rekeyed", &["provider", "details"]), ["group {\"count\":2,\"note\":\"company → group\"}"]);
        assert_eq!(browser.get("/account").await.status, 200, "still signed in");
        let (_, said) = command(&["check"], &settings);
        assert!(!said.contains("do not have") && said.contains(of), "{said}");
        let (is_good, said) = command(&["rekey", "company", "group"], &settings);
        assert!(!is_good && said.contains("there is nobody to move; people are stored under: group"), "{said}");
    }

    async fn people_of_one_provider_do_not_become_those_of_another_by_a_mistake(database) {
        let (one, two, portal) = pair(database.clone()).await;
        sign_in(&portal, &one, "a", &li()).await;
        sign_in(&portal, &two, "b", &Subject::named("wang")).await;
        let before = database.db_snapshot();
        let folder = tempfile::tempdir().expect("a folder");
        let settings = of_file(&database, &folder, &format!("{}{}", one.toml("a"), two.toml("b")));
        for arguments in [&["rekey", "a", "b"][..], &["rekey", "a", "b", "--dry-run"]] {
            let (is_good, said) = command(arguments, &settings);
            assert!(!is_good && said.contains("b has people of its own: 1"), "{said}");
            assert_eq!(database.db_snapshot(), before);
        }
        let (is_good, said) = command(&["rekey", "a", "c", "--dry-run"], &settings);
        assert!(is_good && said.contains("warning: the settings have no provider c"), "{said}");
    }

    async fn an_account_with_identities_under_both_ids_is_moved_too(database) {
        // The same permission from both sides, of one person whom both know by different names.
        let (one, two, portal) = pair(database.clone()).await;
        let browser = sign_in(&portal, &one, "a", &li().with("groups", json!(["x"]))).await;
        two.sign_in_from(&browser, &linking(&browser, "b").await, &Subject::named("li-b").with("groups", json!(["x"]))).await;
        let settings: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), database.url.clone())].into();
        let (is_good, said) = command(&["rekey", "a", "b"], &settings);
        assert!(is_good, "{said}");
        assert_eq!(database.db_identities(), ["b sub-of-li li", "b sub-of-li-b li"]);
        assert_eq!(database.db_permissions(), ["b:x"]);
    }

    async fn people_get_new_subjects_from_a_list(database) {
        let portal = Portal::on(database.clone()).with("OAUTH2_SUBJECT", "/name").run().await;
        for name in ["li", "wang", "zhao"] {
            portal.signed_in(&Person::named(name)).await;
        }
        let mut settings = process::settings(free_port(), &portal.provider, &database);
        settings.insert("OAUTH2_SUBJECT".to_owned(), "/id".to_owned());
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("subjects.csv");
        let rekey = |list: &str, is_dry: bool| {
            std::fs::write(&file, list).expect("a file");
            let mut arguments = vec!["rekey", "company", "--subjects", file.to_str().expect("Unicode")];
            arguments.extend(is_dry.then_some("--dry-run"));
            command(&arguments, &settings)
        };
        let strangers = "3 of the provider company are identified by /name, but the settings say /id";
        let (_, said) = command(&["check"], &settings);
        assert!(said.contains(strangers), "{said}");

        let whole = "li,id-1\nwang,\"id,2\"\n\nnobody,id-9\nzhao,id-3\n";
        let before = database.db_snapshot();
        let (is_good, said) = rekey(whole, true);
        assert!(is_good && said.contains("To be moved: 3"), "{said}");
        assert!(said.contains("nobody has the subject \"nobody\""), "{said}");
        for (list, why) in [
            ("li,zhao\n", "\"zhao\" already belongs to another person"),
            ("li,id-1\nwang,id-1\n", "nobody was moved"),
            ("li,id-1\nli,id-2\n", "nobody was moved"),
            ("li,a\u{7}b\n", "nobody was moved"),
            ("li,id-1,id-2\n", "line 1 must have two columns"),
            ("wang,id-2\nli\n", "line 2 must have two columns"),
        ] {
            for is_dry in [true, false] {
                let (is_good, said) = rekey(list, is_dry);
                assert!(!is_good && said.contains(why), "{list}: {said}");
                assert_eq!(database.db_snapshot(), before, "{list}");
            }
        }
        let (_, said) = command(&["check"], &settings);
        assert!(said.contains(strangers), "{said}");

        // Two swap, one is not in the list; then all have their own.
        let (is_good, said) = rekey("li,wang\nwang,li\n", false);
        assert!(is_good && said.contains("Moved: 2."), "{said}");
        assert!(said.contains("1 people of the provider are not in the list"), "{said}");
        assert_eq!(database.db_identities(), ["company li wang", "company wang li", "company zhao zhao"]);
        assert_eq!(portal.db_count_events("provider_rekeyed"), 1);
        let (is_good, said) = rekey("wang,id-1\nli,\"id,2\"\nzhao,id-3\n", false);
        assert!(is_good && said.contains("Moved: 3."), "{said}");
        assert_eq!(database.db_identities(), ["company id,2 wang", "company id-1 li", "company id-3 zhao"]);
        let (_, said) = command(&["check"], &settings);
        assert!(!said.contains("are identified by") && said.contains("3 of the provider company"), "{said}");
        let after = Portal::on(database.clone()).beside(&portal).with("OAUTH2_SUBJECT", "/id").run().await;
        let browser = after.signed_in(&Person::named("li").with("id", "id-1")).await;
        assert_eq!(user(&browser).await.as_deref(), Some("li"));
        assert_eq!(database.count("users"), 3);
    }
}
