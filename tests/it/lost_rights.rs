//! Rights that were taken at the provider, and answers in which that cannot be read.

use std::time::Duration;

use serde_json::{Value, json};

use crate::acts::{send, superuser};
use crate::support::lying_openid::{OpenId, Subject};
use crate::support::provider::{Endpoint, Reply};
use crate::support::{Browser, Database, Db, Person, Portal, on_both_databases, run, until};

const HOUR: Duration = Duration::from_secs(3600);

async fn start(database: Database) -> Portal {
    Portal::on(database)
        .asking_for_permissions()
        .with("FRONTDESK_SUPERUSER_PERMISSION", "admins")
        .run()
        .await
}

/// What a demotion looks like, and whether it can be read.
fn demotions() -> Vec<(Value, bool)> {
    vec![
        (json!("staff"), true),
        (json!(["staff"]), true),
        (json!([]), true),
        (json!(""), true),
        (json!(null), true),
        (json!([null]), true),
        (json!(["staff", ""]), true),
        (json!({}), false),
        (json!({"staff": true}), false),
        (json!(false), false),
        (json!(true), false),
        (json!(0), false),
        (json!(7.5), false),
        (json!(["staff", {}]), false),
        (json!(["staff", false]), false),
    ]
}

async fn opens_admin_area(browser: &Browser) -> bool {
    browser.get("/admin/users").await.status == 200
}

on_both_databases! {
    async fn a_demoted_superuser_whose_groups_come_as_a_text_is_no_superuser_at_the_next_sign_in(database) {
        let provider = OpenId::start().await;
        let portal = provider
            .portal(database)
            .with("OAUTH2_PERMISSIONS", "/groups")
            .with("FRONTDESK_SUPERUSER_PERMISSION", "admins")
            .run()
            .await;
        let admins = |name: &str| Subject::named(name).with("groups", json!(["admins", "staff"]));
        provider.signed_in(&portal, &admins("boss")).await;
        for (groups, is_read) in demotions() {
            provider.signed_in(&portal, &admins("li")).await;
            assert!(portal.db_is_superuser_by_permission("li"));
            assert!(portal.db_permissions_kept_since().is_empty());
            let li = provider.signed_in(&portal, &Subject::named("li").with("groups", groups.clone())).await;
            assert_eq!(portal.db_is_superuser_by_permission("li"), !is_read, "{groups}");
            assert_eq!(opens_admin_area(&li).await, !is_read, "{groups}");
            assert_eq!(portal.db_permissions_kept_since().len(), usize::from(!is_read), "{groups}");
        }
        provider.signed_in(&portal, &admins("li")).await;
        provider.signed_in(&portal, &Subject::named("li")).await;
        assert!(!portal.db_is_superuser_by_permission("li"), "an absent claim is none");
        // One text gives, too.
        provider.signed_in(&portal, &Subject::named("li").with("groups", "admins")).await;
        assert!(portal.db_is_superuser_by_permission("li"));
    }

    async fn the_permissions_member_is_read_in_each_of_its_shapes_and_its_absence_keeps_the_old_set(database) {
        let portal = start(database).await;
        portal.signed_in(&Person::named("boss").may(&["admins"])).await;
        let li = Person::named("li").may(&["admins"]);
        let shapes = demotions();
        let members = shapes.iter().map(|(shape, is_read)| (json!({"permissions": shape}), *is_read));
        let answers = shapes.iter().filter(|(shape, _)| !shape.is_object()).cloned();
        let absent = [(json!({}), false), (json!({"other": []}), false)];
        for (answer, is_read) in members.chain(answers).chain(absent) {
            portal.provider.behave();
            portal.signed_in(&li).await;
            assert!(portal.db_is_superuser_by_permission("li"));
            portal.provider.on_call(Endpoint::Permissions, Reply::json(200, &answer));
            portal.signed_in(&li).await;
            assert_eq!(portal.db_is_superuser_by_permission("li"), !is_read, "{answer}");
            assert_eq!(portal.db_permissions_kept_since().len(), usize::from(!is_read), "{answer}");
        }
    }

    async fn a_separator_splits_a_text_of_several_permissions(database) {
        for (separator, text) in [(",", "staff, admins"), (" ", "staff admins"), (";", "admins;")] {
            let provider = OpenId::start().await;
            let another = if database.is_postgresql() {
                Database::postgresql().expect("there is a server")
            } else {
                Database::sqlite()
            };
            let portal = provider
                .portal(another)
                .with("OAUTH2_PERMISSIONS", "/groups")
                .with("OAUTH2_PERMISSIONS_SEPARATOR", separator)
                .with("FRONTDESK_SUPERUSER_PERMISSION", "admins")
                .run()
                .await;
            provider.signed_in(&portal, &Subject::named("boss").with("groups", json!(["admins"]))).await;
            provider.signed_in(&portal, &Subject::named("li").with("groups", text)).await;
            assert!(portal.db_is_superuser_by_permission("li"), "{separator:?}");
            provider.signed_in(&portal, &Subject::named("li").with("groups", "staff")).await;
            assert!(!portal.db_is_superuser_by_permission("li"), "{separator:?}");
        }
        let provider = OpenId::start().await;
        let toml = format!("{}\npermissions_separator = \"|\"\n[keycloak.mapping]\npermissions = [\"/groups\"]\n", provider.toml("keycloak"));
        let portal = provider.portal_of(database, &toml).run().await;
        provider.signed_in(&portal, &Subject::named("li").with("groups", "a|b")).await;
        assert_eq!(portal.db_column("user_permissions", "name"), ["a", "b"]);
    }

    async fn permissions_that_were_kept_show_their_age_wherever_an_admin_looks(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let li = Person::named("li").may(&["admins", "reports.read"]);
        portal.signed_in(&li).await;
        let read_at = portal.clock.now().0;
        let id = portal.db_id_of("li");
        let filtered = "/admin/users?permissions=kept";
        let status = boss.get("/admin/status").await.body;
        assert!(!status.contains(filtered), "{status}");
        assert!(!boss.get(filtered).await.body.contains(&format!("/admin/users/{id}\"")));

        portal.clock.advance(3 * HOUR);
        portal.provider.on_call(Endpoint::Permissions, Reply::json(500, &json!({})));
        let mine = portal.signed_in(&li).await;
        let noted = portal.db_permissions_kept_since();
        assert_eq!(noted.len(), 1, "{noted:?}");
        let since: i64 = noted[0].split_once(' ').expect("two").1.parse().expect("a number");
        assert!((read_at - 60_000_000..=read_at).contains(&since), "since the last good answer");
        portal.clock.advance(2 * HOUR);
        let mine_later = portal.signed_in(&li).await;
        assert_eq!(portal.db_permissions_kept_since(), noted, "the age goes on");

        let kept = "have not been readable since";
        let page = boss.get(&format!("/admin/users/{id}")).await.body;
        assert!(page.contains(kept) && page.contains("5 hours ago"), "{page}");
        for browser in [&mine, &mine_later] {
            let page = browser.get("/account").await.body;
            assert!(page.contains(kept) && page.contains("5 hours ago"), "{page}");
            assert!(page.contains("permissions could not be read at this sign-in"));
        }
        let list = boss.get(filtered).await.body;
        assert_eq!(list.matches("<th scope=\"row\"").count(), 1, "{list}");
        assert!(list.contains(&format!("/admin/users/{id}\"")), "{list}");
        let both = boss.get(&format!("{filtered}&role=employee")).await.body;
        assert_eq!(both.matches("<th scope=\"row\"").count(), 0, "{both}");
        assert_eq!(boss.get("/admin/users?permissions=x").await.status, 400);
        let fresh = superuser(&portal, "deputy").await;
        let csv = send(&fresh, "/admin/users.csv?permissions=kept", &[]).await.body;
        assert_eq!(csv.lines().count(), 3, "a head, li and the newcomer: {csv}");
        portal.clock.advance(Duration::from_secs(60));
        let status = fresh.get("/admin/status").await.body;
        assert!(status.contains(filtered), "{status}");
        // The newcomer's were never read, and count as well.
        assert!(status.contains("2 accounts</a>"), "{status}");
        assert!(status.contains("Something below needs your attention"));
        let zh = fresh.get_with("/admin/status", &[("accept-language", "zh-CN")]).await;
        assert_eq!(zh.status, 200);

        portal.provider.behave();
        portal.signed_in(&li).await;
        portal.signed_in(&Person::named("deputy")).await;
        assert!(portal.db_permissions_kept_since().is_empty());
        let page = boss.get(&format!("/admin/users/{id}")).await.body;
        assert!(!page.contains(kept));
        portal.clock.advance(Duration::from_secs(60));
        assert!(!boss.get("/admin/status").await.body.contains(filtered));
        // What the provider was last seen to answer is looked at again in the background.
        until("nothing needs attention any more", async || {
            !boss.get("/admin/status").await.body.contains("Something below needs your attention")
        })
        .await;
    }

    async fn a_sign_in_whose_permissions_could_be_read_writes_nothing_about_their_age(database) {
        let portal = start(database).await;
        let li = Person::named("li").may(&["reports.read"]);
        portal.signed_in(&li).await;
        // Whatever would write it fails.
        for statement in if portal.database.is_postgresql() {
            [
                "CREATE FUNCTION written() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'written'; END $$",
                "CREATE TRIGGER untouched BEFORE UPDATE OF permissions_kept_since ON identities EXECUTE FUNCTION written()",
            ]
            .as_slice()
        } else {
            &["CREATE TRIGGER untouched BEFORE UPDATE OF permissions_kept_since ON identities \
               BEGIN SELECT RAISE(ABORT, 'written'); END"]
        } {
            portal.database.execute(statement);
        }
        portal.signed_in(&li).await;
    }
}
