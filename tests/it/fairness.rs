//! Nobody takes the room of others: places at a provider, rows of the audit log, turns at a proxy.

use std::time::Duration;

use serde_json::json;

use crate::support::portal::PASSWORD;
use crate::support::process::{output, text};
use crate::support::{
    Browser, Database, Db, Endpoint, Person, Portal, Provider, Reply, on_both_databases, process,
    run, spawn, until,
};

/// All places at a provider.
const PLACES: usize = 200;

/// A whole sign-in of a browser that a trusted proxy says has this address.
async fn sign_in_from(browser: &Browser, provider: &Provider, address: &str, name: &str) -> u16 {
    let callback = provider.approve(&browser.begin("/").await, &Person::named(name));
    let headers = [("x-forwarded-for", address)];
    let headers = if address.is_empty() {
        &[]
    } else {
        &headers[..]
    };
    browser.get_with(&callback, headers).await.status.as_u16()
}

fn named(address: &str) -> impl Fn(usize) -> String {
    move |number| address.replace('#', &format!("{number:x}"))
}

#[test]
fn one_address_that_takes_every_place_makes_room_for_others() {
    run(async {
        // An address, a /64 of IPv6, and whom each of them shuts out.
        for (crowd, other) in [
            ("10.0.0.1", "10.0.0.2"),
            ("2001:db8:1:2::#", "2001:db8:1:3::1"),
        ] {
            let portal = Portal::on(Database::sqlite())
                .with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1")
                .run()
                .await;
            let places = &portal.inner.providers.all()[0];
            portal.provider.on_call(Endpoint::Token, Reply::Silence);
            let address = named(crowd);
            let crowd: Vec<_> = (0..PLACES + 20)
                .map(|number| {
                    let mut browser = portal.browser();
                    browser.is_recorded = false;
                    let (provider, address) = (portal.provider.clone(), address(number));
                    spawn(async move { sign_in_from(&browser, &provider, &address, "crowd").await })
                })
                .collect();
            until("the crowd has every place and wants more", async || {
                places.slots_left() == 0 && places.waiting() > 0
            })
            .await;
            // The provider answers whoever comes now; those who came before still hang.
            portal.provider.behave();
            for name in ["anna", "boris"] {
                let browser = portal.browser();
                let status = sign_in_from(&browser, &portal.provider, other, name).await;
                assert_eq!(status, 303, "{name} from {other}");
            }
            for one in crowd {
                one.abort();
            }
        }
    });
}

#[test]
fn a_proxy_that_names_no_client_shares_its_places_with_others_in_turn() {
    run(async {
        let portal = Portal::on(Database::sqlite())
            .with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1")
            .run()
            .await;
        let places = &portal.inner.providers.all()[0];
        // Three quarters of the places, for a while: the half does not hold for them.
        portal
            .provider
            .on_call(Endpoint::Token, Reply::Late(Duration::from_secs(2)));
        let crowd: Vec<_> = (0..PLACES * 3 / 4)
            .map(|number| {
                let mut browser = portal.browser();
                browser.is_recorded = false;
                let provider = portal.provider.clone();
                spawn(async move {
                    sign_in_from(&browser, &provider, "", &format!("crowd{number}")).await
                })
            })
            .collect();
        until("the crowd has its places", async || {
            places.slots_left() <= PLACES / 4
        })
        .await;
        let browser = portal.browser();
        assert_eq!(
            sign_in_from(&browser, &portal.provider, "10.0.0.2", "anna").await,
            303
        );
        for one in crowd {
            assert_eq!(one.await.expect("an answer"), 303);
        }
        assert_eq!((places.slots_left(), places.waiting()), (PLACES, 0));
    });
}

#[test]
fn a_proxy_that_names_no_client_is_reported_on_the_status_page_and_by_check() {
    run(async {
        let database = Database::sqlite();
        let provider = Provider::start().await;
        let mut settings = process::settings(process::free_port(), &provider, &database);
        settings.insert(
            "FRONTDESK_TRUSTED_PROXIES".to_owned(),
            "127.0.0.1".to_owned(),
        );
        let portal = Portal::on(database)
            .provider(&provider)
            .with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1")
            .run()
            .await;
        let check = || text(&output(&["check"], &settings).stdout);
        assert!(check().contains("ok       client addresses: each proxy"));
        let admin = portal.browser();
        assert_eq!(
            sign_in_from(&admin, &provider, "10.0.0.7", "anna").await,
            303
        );
        portal.db_make_superuser("anna");
        let telling = "sends no client address";
        let page = admin.get("/admin/status").await;
        assert!(page.status == 200 && !page.body.contains(telling));
        assert!(check().contains("ok       client addresses: sent by the proxy"));

        // A watchdog that asks without a proxy says nothing about proxies; a sign-in does.
        portal.browser().get("/login").await;
        assert!(!admin.get("/admin/status").await.body.contains(telling));
        assert_eq!(
            sign_in_from(&portal.browser(), &provider, "", "boris").await,
            303
        );
        let mut reader = admin.clone();
        assert!(reader.get("/admin/status").await.body.contains(telling));
        reader.language = "zh-CN".to_owned();
        let page = reader.get("/admin/status").await;
        assert!(page.body.contains("没有发送客户端地址"));
        let said = check();
        assert!(
            said.contains("warning  client addresses: the last sign-in came from 127.0.0.1"),
            "{said}"
        );
        // It is told for a day.
        portal.clock.advance(Duration::from_secs(86_400));
        let admin = portal.browser();
        assert_eq!(
            sign_in_from(&admin, &provider, "10.0.0.7", "anna").await,
            303
        );
        assert!(!admin.get("/admin/status").await.body.contains(telling));
    });
}

on_both_databases! {
    async fn a_deactivated_person_who_keeps_trying_leaves_sixty_rows_a_minute_and_a_count_of_the_rest(database) {
        let portal = Portal::on(database).run().await;
        for name in ["leo", "mia"] {
            portal.signed_in(&Person::named(name)).await;
        }
        portal.db_create_local_account("local");
        for name in ["leo", "mia", "local"] {
            portal.db_deactivate(name);
        }
        let rows = |name: &str, event: &str| {
            portal.database.count(&format!("audit_events WHERE event = '{event}' AND username = '{name}'"))
        };
        let mut browser = portal.browser();
        browser.is_recorded = false;
        for _ in 0..150 {
            assert_eq!(browser.sign_in(&Person::named("leo"), "/").await.status, 403);
        }
        assert_eq!(rows("leo", "sign_in_refused"), 60);
        // Nobody else's room is used up: of another account, of a password, of nobody known.
        assert_eq!(browser.sign_in(&Person::named("mia"), "/").await.status, 403);
        assert_eq!(rows("mia", "sign_in_refused"), 1);
        let page = browser.get("/login").await;
        let fields = [("username", "local"), ("password", PASSWORD)];
        assert_eq!(browser.post("/login", &page, &fields).await.status, 422);
        assert_eq!(rows("local", "sign_in_refused"), 1);
        let declined = portal.provider.refuse(&browser.begin("/").await, "access_denied", &[]);
        assert_eq!(browser.get(&declined).await.status, 403);
        assert_eq!(rows("", "sign_in_refused"), 1);
        // That it went on is told, although it has stopped.
        portal.clock.advance(Duration::from_secs(60));
        frontdesk::signin::note_left_out(&portal.inner).await.expect("a row");
        assert_eq!(rows("leo", "more_sign_ins_refused"), 1);
        assert_eq!(portal.db_details_of("more_sign_ins_refused"), [json!({"count": 90})]);
        assert_eq!(browser.sign_in(&Person::named("leo"), "/").await.status, 403);
        assert_eq!(rows("leo", "sign_in_refused"), 61);
    }

    async fn expensive_imported_hashes_make_every_try_take_as_long(database) {
        // Of "correct horse battery", by Django 5.2 as it comes.
        const IMPORTED: &str = "pbkdf2_sha256$1000000$uyQGXDP2qEeVGCWbAR4rZ8$VK8X/YL9SHA9P1wSjCQrQ/RryA5RHUg+uUvmTCEygxs=";
        let portal = Portal::on(database).run().await;
        for name in ["own", "imported"] {
            portal.db_create_local_account(name);
        }
        let before = portal.inner.hasher.slot();
        assert!(!before.is_zero());
        portal.inner.look_for_imports().await.expect("a look");
        assert_eq!(portal.inner.hasher.slot(), before, "nothing was imported");
        portal.database.execute(&format!(
            "UPDATE users SET password = '{IMPORTED}', imported_as = 'x', imported_at = 1 WHERE username = 'imported'"
        ));
        // While it runs.
        portal.inner.look_for_imports().await.expect("a look");
        let slot = portal.inner.hasher.slot();
        assert!(slot > before, "{slot:?} {before:?}");
        let browser = portal.browser();
        for (username, password, status) in [
            ("nobody", "wrong horse battery", 422),
            ("own", "wrong horse battery", 422),
            ("imported", "wrong horse battery", 422),
            ("own", PASSWORD, 303),
            ("imported", PASSWORD, 303),
        ] {
            browser.forget("fd_session");
            let page = browser.get("/login").await;
            let fields = [("username", username), ("password", password)];
            let started = std::time::Instant::now();
            let answer = browser.post("/login", &page, &fields).await;
            assert_eq!(answer.status, status, "{username}");
            assert!(started.elapsed() >= slot, "{username}");
        }
        // And from the start.
        portal.db_set_field_of("imported", "password", IMPORTED);
        let url = portal.database.url.clone();
        let again = Portal::on(Database::sqlite()).with("DATABASE_URL", url).run().await;
        assert_eq!(again.inner.hasher.slot(), slot);
    }
}
