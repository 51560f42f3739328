//! The status page.

use std::fs;
use std::time::{Duration, Instant, SystemTime};

use super::{HOUR, act, staff, superuser};
use crate::support::{
    Database, Db, Endpoint, Person, Portal, Reply, on_both_databases, run, until,
};

on_both_databases! {
    async fn the_status_page_counts_and_warns(database) {
        let folder = tempfile::tempdir().expect("a folder");
        let backup = folder.path().join("desk.backup");
        let portal = Portal::on(database)
            .with("FRONTDESK_BACKUP_FILE", backup.to_str().expect("a path in Unicode"))
            .run()
            .await;
        let boss = superuser(&portal).await;
        let sam = staff(&portal).await;
        let li = Person::named("li");
        portal.signed_in(&li).await;
        act(&boss, portal.db_id_of("li"), "deactivate", &[]).await;
        for _ in 0..2 {
            assert_eq!(portal.browser().sign_in(&li, "/").await.status, 403);
        }

        let none = boss.get("/admin/status").await;
        assert!(none.body.contains("There is no backup at the path in FRONTDESK_BACKUP_FILE."));
        assert!(none.body.contains("Something below needs your attention."));
        let file = fs::File::create(&backup).expect("a file");
        file.set_modified(SystemTime::now() - HOUR * 72).expect("a time");
        let old = boss.get("/admin/status").await;
        assert!(old.body.contains("Latest backup: ") && old.body.contains("Something below needs your attention."));
        file.set_modified(SystemTime::now()).expect("a time");

        until("the provider's addresses are checked", async || {
            boss.get("/admin/status").await.body.contains("OAUTH2_TOKEN_URL")
        })
        .await;
        let status = sam.get("/admin/status").await;
        assert_eq!(status.status, 200, "whoever may look may look here");
        let (kind, database) = (if portal.database.is_postgresql() { "PostgreSQL " } else { "SQLite " }, portal.inner.db.describe());
        assert!(database.starts_with(kind));
        for part in [
            concat!("Frontdesk ", env!("CARGO_PKG_VERSION")),
            database.as_str(),
            "All are applied.",
            "All checks passed.",
            "Accounts: 3.",
            "Deactivated: 1.",
            "Open sessions: 2.",
            "aria-label=\"Sign-ins by the hour: 3 signed in, 2 refused, at most ",
            "OAUTH2_USER_BASE_INFO_URL",
            "OAUTH2_AUTHORIZE_URL",
            &format!("{}/o/token/</span> answered 405 in ", portal.provider.url),
            &format!("{}/oauth2_callback/", portal.url),
            "Latest backup: ",
        ] {
            assert!(status.body.contains(part), "{part} in {}", status.body);
        }
        assert!(!status.body.contains("Its addresses are being checked"));
        let employee = portal.signed_in(&Person::named("employee")).await;
        assert_eq!(employee.get("/admin/status").await.status, 403);
        // Figures are counted anew after a while, not for each look.
        assert!(sam.get("/admin/status").await.body.contains("Accounts: 3."));
        portal.clock.advance(Duration::from_secs(31));
        assert!(sam.get("/admin/status").await.body.contains("Accounts: 4."));

        portal.database.execute("DELETE FROM __diesel_schema_migrations WHERE version = (SELECT MAX(version) FROM __diesel_schema_migrations)");
        let pending = sam.get("/admin/status").await;
        assert!(pending.body.contains("Pending: 1.") && pending.body.contains("Something below needs your attention."));
    }

    async fn the_status_page_says_that_the_provider_stopped_and_never_waits_for_it(database) {
        let portal = Portal::on(database).run().await;
        let boss = superuser(&portal).await;
        portal.provider.on_call(Endpoint::Token, Reply::Silence);
        portal.provider.on_call(Endpoint::Profile, Reply::Answer(503, "text/plain", b"no".to_vec()));
        let started = Instant::now();
        let first = boss.get("/admin/status").await;
        // The check itself gives up after five seconds.
        assert!(started.elapsed() < Duration::from_secs(4), "the page waited");
        assert!(first.body.contains("Its addresses are being checked"));
        until("the check is done", async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            boss.get("/admin/status").await.body.contains("OAUTH2_TOKEN_URL")
        })
        .await;
        let calls = portal.provider.calls();
        for _ in 0..5 {
            let answer = boss.get("/admin/status").await;
            assert!(answer.body.contains(" did not answer: "));
            assert!(answer.body.contains(" answered 503 in "));
            assert!(answer.body.contains("Something below needs your attention."));
        }
        assert_eq!(portal.provider.calls(), calls, "a look asks nobody");
        // It is the provider that does not work, not the portal.
        assert_eq!(portal.browser().get("/readyz").await.status, 200);
    }
}
