//! Erasing the personal data of people who have left.

use super::{done, everything, person, refused, signed_in_from, start, superuser};
use crate::support::{Database, Db, Portal, on_both_databases, run};

/// The texts that a dump leaves out.
fn rest_of(portal: &Portal) -> String {
    [
        ("user_terms", "term"),
        ("user_permissions", "granted_by"),
        ("user_field_changes", "changed_by"),
    ]
    .into_iter()
    .flat_map(|(table, column)| portal.db_column(table, column))
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
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let quince = person("quince.leaver")
            .with("id", "Q-77351")
            .with("name_cn", "Quincea Marmalade")
            .with("email", "quincea@old.left.example");
        let address = "198.51.100.77";
        signed_in_from(&portal, &quince, address, "Marmaladefox/9").await;
        let quince = quince.with("email", "quincea@left.example");
        let theirs = signed_in_from(&portal, &quince, address, "Marmaladefox/9").await;
        let page = theirs.get("/account").await;
        theirs.post_with("/account/sessions/end-others", &page, &[], &[("x-forwarded-for", address)]).await;
        let id = portal.db_id_of("quince.leaver");
        done(&boss, id, "note", &[("reason", "Quincea Marmalade called")]).await;
        done(&boss, id, "grant", &[("permission", "reports.read"), ("reason", "for Quincea")]).await;
        done(&boss, id, "link", &[("subject", "Q-77352")]).await;
        signed_in_from(&portal, &quince, address, "Marmaladefox/9").await;
        done(&boss, id, "deactivate", &[("reason", "Quincea has left")]).await;
        let turned_away = portal.browser();
        let callback = portal.provider.approve(&turned_away.begin("/").await, &quince);
        assert_eq!(turned_away.get_with(&callback, &[("x-forwarded-for", address)]).await.status, 403);

        let needles = [
            "quince.leaver", "quincea", "marmalade", "left.example", "Q-77351", "Q-77352", address, "marmaladefox",
        ];
        let dump = format!("{}{}", portal.database.dump(), rest_of(&portal)).to_lowercase();
        for needle in needles {
            assert!(dump.contains(&needle.to_lowercase()), "{needle} was there");
        }
        let events = portal.database.count("audit_events");
        let kinds = "SELECT event || ' ' || outcome || ' ' || CAST(created_at AS TEXT) AS value FROM audit_events ORDER BY id";
        let before = portal.database.texts(kinds);
        done(&boss, id, "erase", &[("reason", "has left")]).await;
        assert_eq!(portal.database.count("audit_events"), events + 1, "every entry stays");
        assert_eq!(portal.database.texts(kinds)[..before.len()], before[..], "and says what happened when");

        assert_lacks(&portal.database.dump(), &needles, "the database");
        assert_lacks(&rest_of(&portal), &needles, "the database");
        assert_lacks(&everything(&portal, &boss).await, &needles, "the admin area");
        let alias = format!("erased-{}", id.unsigned_abs());
        let page = boss.get(&format!("/admin/users/{id}")).await;
        assert!(page.body.contains(&alias) && page.body.contains("The personal data of this account was erased on"));
        assert!(page.body.contains("It cannot be used again."));
        assert!(!page.body.contains("<p>: </p>"), "nothing stands for the identity that is gone: {}", page.body);
        // Nothing more is done to it, but a note may be.
        for (act, fields) in [
            ("activate", vec![]),
            ("role", vec![("role", "staff")]),
            ("grant", vec![("permission", "x")]),
            ("link", vec![("subject", "x")]),
            ("reset-password", vec![]),
            ("erase", vec![]),
        ] {
            let told = refused(&portal, &boss, &format!("/admin/users/{id}/{act}"), &fields, "has been erased").await;
            assert_eq!(told.len(), 1, "{act}: {told:?}");
            assert!(told[0].contains(" refused erased boss "), "{told:?}");
        }
        done(&boss, id, "note", &[("reason", "the paper is shredded")]).await;

        // Should they come back, they are somebody new.
        let back = portal.signed_in(&quince).await;
        assert_eq!(back.get("/account").await.user().as_deref(), Some("quince.leaver"));
        assert_ne!(portal.db_id_of("quince.leaver"), id);
        assert!(!back.get("/account").await.body.contains("reports.read"));
    }

    async fn a_leaver_s_earlier_names_go_from_their_own_entries_too(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let person = person("plum.maiden").with("id", "P-1");
        portal.signed_in(&person).await;
        let renamed = person.with("name", "plum.married").with("name_cn", "Plum");
        portal.signed_in(&renamed).await;
        let id = portal.db_id_of("plum.married");
        done(&boss, id, "deactivate", &[]).await;
        done(&boss, id, "erase", &[]).await;
        let needles = ["plum.maiden", "plum.married"];
        assert_lacks(&portal.database.dump(), &needles, "the database");
        assert_lacks(&everything(&portal, &boss).await, &needles, "the admin area");
    }

    async fn an_admin_who_has_left_is_erased_where_they_acted_too(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let maple = superuser(&portal, "maple").await;
        portal.signed_in(&person("li")).await;
        let [li, id] = ["li", "maple"].map(|name| portal.db_id_of(name));
        done(&maple, li, "grant", &[("permission", "reports.read")]).await;
        done(&maple, li, "role", &[("role", "staff")]).await;
        done(&boss, id, "deactivate", &[]).await;
        done(&boss, id, "erase", &[]).await;
        assert_lacks(&portal.database.dump(), &["maple"], "the database");
        assert_lacks(&rest_of(&portal), &["maple"], "the database");
        assert_lacks(&everything(&portal, &boss).await, &["maple"], "the admin area");
        assert!(portal.db_column("user_permissions", "name").contains(&"reports.read".to_owned()));
    }
}
