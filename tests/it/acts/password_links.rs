//! New local accounts and the links by which their owners choose a password.

use std::time::Duration;

use frontdesk::id::UserId;
use frontdesk::signin::one_time_link::{Draft, LinkFor};
use serde_json::json;

use super::{
    OFFICE, REASON, choose, done, link_on, new_account, person, send, start, submit, superuser,
    token_of, with_password,
};
use crate::support::{Database, Db, Portal, on_both_databases, run, spawn};

const DAY: Duration = Duration::from_secs(24 * 3600);

on_both_databases! {
    async fn a_new_local_account_s_owner_chooses_the_password_by_a_link_that_works_once(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let page = boss.get("/admin/users/new").await;
        assert!(page.body.contains("<h1>New local account</h1>"));

        // What is wrong with it is said beside the field, and what was typed stays.
        let events = portal.db_recorded().len();
        for (username, first_name, email, why) in [
            ("boss", "", "", "Another account has that username"),
            (" ", "", "", "Enter a username of 1 to 150 characters"),
            ("ki\u{7}osk", "", "", "Enter a username of 1 to 150 characters"),
            ("kiosk", "a\u{202e}b", "", "Enter a name of at most 150 characters"),
            ("kiosk", "", "nowhere", "Enter a full email address with an @"),
        ] {
            let typed = [("username", username), ("first_name", first_name), ("email", email), ("reason", "for the lobby")];
            let answer = submit(&boss, &page, "/admin/users/new", &typed).await;
            assert_eq!(answer.status, 422, "{username:?}");
            assert!(answer.body.contains(why) && answer.body.contains("for the lobby"), "{}", answer.body);
            assert!(answer.body.contains("<title>Error: "));
        }
        assert_eq!(portal.database.count("users"), 1);
        assert_eq!(portal.db_recorded().len(), events);

        let typed = [("username", "kiosk"), ("first_name", "Lobby kiosk"), ("email", ""), ("reason", REASON)];
        let shown = submit(&boss, &page, "/admin/users/new", &typed).await;
        let link = link_on(&shown);
        assert!(shown.body.contains("Give this link to <strong>Lobby kiosk</strong>") && shown.body.contains("within 24 hours"));
        assert!(shown.body.contains(&format!("{}{link}", portal.url)), "the whole address");
        let event = portal.db_recorded().pop().expect("an event");
        assert_eq!(event.line, "account_created success boss kiosk");
        assert_eq!((event.address.as_str(), &event.details["note"]), (OFFICE, &json!(REASON)));
        assert_eq!(portal.db_recorded().len(), events + 1);
        let id = portal.db_id_of("kiosk");
        for path in ["/admin/users/new".to_owned(), format!("/admin/users/{id}"), "/admin/audit".to_owned()] {
            assert!(!boss.get(&path).await.body.contains(token_of(&link)), "it is shown once: {path}");
        }

        let kiosk = portal.browser();
        let page = kiosk.get(&link).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("For the account <strong>kiosk</strong>"));
        // What is too weak or differs leaves the link as it is.
        for (new, again, why) in [
            ("short", "short", "at least 12 characters"),
            ("passwordpassword", "passwordpassword", "is too common"),
            ("four words and a comma,", "four words and a comma.", "do not match"),
        ] {
            let answer = choose(&kiosk, &link, new, again).await;
            assert_eq!(answer.status, 422, "{new}");
            assert!(answer.body.contains(why), "{}", answer.body);
            assert!(!answer.sets_session());
        }
        let answer = choose(&kiosk, &link, "four words and a comma,", "four words and a comma,").await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/"));
        assert_eq!(kiosk.get("/account").await.user().as_deref(), Some("kiosk"));
        assert_eq!(kiosk.get("/admin/users").await.status, 403);
        let event = portal.db_recorded().pop().expect("an event");
        assert_eq!(event.line, "password_changed success kiosk kiosk");
        assert_eq!(with_password(&portal, "kiosk", "four words and a comma,").await.1.status, 303);

        // Once, wherever.
        for browser in [&kiosk, &portal.browser()] {
            assert_eq!(browser.get(&link).await.status, 410);
        }
        let other = portal.browser();
        assert_eq!(choose(&other, &link, "another few words, then", "another few words, then").await.status, 410);
        assert_eq!(with_password(&portal, "kiosk", "another few words, then").await.1.status, 422);
        // And nobody can read it anywhere.
        assert!(!portal.log().contains(token_of(&link)), "no token in the log");
        assert!(!portal.database.dump().contains(token_of(&link)), "nor in the database");
    }

    async fn a_link_to_choose_a_password_ends_in_many_ways(database) {
        let portal = start(database).await;
        let boss = superuser(&portal, "boss").await;
        let first = new_account(&boss, "kiosk").await;
        let id = portal.db_id_of("kiosk");
        let reset = format!("/admin/users/{id}/reset-password");
        let stranger = portal.browser();
        assert_eq!(stranger.get(&first).await.status, 200);
        for broken in [format!("{first}A"), "/password?token=".to_owned(), "/password".to_owned(), portal.db_make_rescue_link("kiosk").replace("/rescue", "/password")] {
            assert_eq!(stranger.get(&broken).await.status, 410, "{broken}");
        }
        assert_eq!(stranger.get(&first.replace("/password", "/rescue")).await.status, 410);

        // A newer one takes its place.
        let page = boss.get(&reset).await;
        assert!(page.body.contains("<h1>Reset the password of kiosk?</h1>"));
        let events = portal.db_recorded().len();
        let second = link_on(&submit(&boss, &page, &reset, &[("reason", REASON)]).await);
        let told = portal.db_recorded().split_off(events);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].line, "password_link_made success boss kiosk");
        assert_eq!((told[0].address.as_str(), &told[0].details["note"]), (OFFICE, &json!(REASON)));
        assert_eq!(stranger.get(&first).await.status, 410);
        assert_eq!(stranger.get(&second).await.status, 200);

        // A password in use ends at once, and so do its sessions.
        assert_eq!(choose(&portal.browser(), &second, "four words and a comma,", "four words and a comma,").await.status, 303);
        let (kiosk, _) = with_password(&portal, "kiosk", "four words and a comma,").await;
        assert_eq!(kiosk.get("/account").await.status, 200);
        let third = link_on(&send(&boss, &reset, &[]).await);
        assert_eq!(kiosk.get("/account").await.status, 303);
        assert_eq!(with_password(&portal, "kiosk", "four words and a comma,").await.1.status, 422);
        assert_eq!(with_password(&portal, "kiosk", "!").await.1.status, 422);

        // Deactivated, nobody gets in by it.
        done(&boss, id, "deactivate", &[]).await;
        assert_eq!(stranger.get(&third).await.status, 410);
        assert_eq!(choose(&stranger, &third, "four words and a comma,", "four words and a comma,").await.status, 410);
        assert_eq!(portal.database.count("users WHERE password = '!'"), 1);
        done(&boss, id, "activate", &[]).await;

        // And a day is its whole life.
        let fourth = link_on(&send(&boss, &reset, &[]).await);
        portal.clock.advance(DAY.saturating_sub(Duration::from_secs(60)));
        assert_eq!(stranger.get(&fourth).await.status, 200);
        portal.clock.advance(Duration::from_secs(60));
        assert_eq!(stranger.get(&fourth).await.status, 410);
        assert_eq!(choose(&stranger, &fourth, "four words and a comma,", "four words and a comma,").await.status, 410);
        assert_eq!(portal.database.count("sessions WHERE provider = '' AND ended_at IS NULL"), 0);
        for link in [first, second, third, fourth] {
            assert!(!portal.log().contains(token_of(&link)), "no token in the log");
            assert!(!portal.database.dump().contains(token_of(&link)));
        }
    }
}

#[test]
fn ten_browsers_open_one_password_link_at_once_and_one_password_counts() {
    run(async {
        let portal = start(Database::sqlite()).await;
        let boss = superuser(&portal, "boss").await;
        let link = new_account(&boss, "kiosk").await;
        let tries: Vec<_> = (0..10)
            .map(|number| {
                let (browser, link) = (portal.browser(), link.clone());
                spawn(async move {
                    let new = format!("four words and number {number}");
                    let answer = choose(&browser, &link, &new, &new).await;
                    (answer.status.as_u16(), new)
                })
            })
            .collect();
        let mut winner = Vec::new();
        for one in tries {
            let (status, new) = one.await.expect("an answer");
            if status == 303 {
                winner.push(new);
            } else {
                // Refused at the door, where another one came first.
                assert!([403, 410].contains(&status), "{status}");
            }
        }
        assert_eq!(winner.len(), 1);
        assert_eq!(portal.db_live_sessions_of("kiosk").len(), 1);
        let (_, answer) = with_password(&portal, "kiosk", &winner[0]).await;
        assert_eq!(answer.status, 303);
    });
}

#[test]
fn where_local_passwords_are_off_there_are_no_local_accounts_and_no_password_links() {
    run(async {
        let portal = start(Database::sqlite()).await;
        let boss = superuser(&portal, "boss").await;
        let link = new_account(&boss, "kiosk").await;
        let off = Portal::on(portal.database.clone())
            .with("FRONTDESK_PASSWORD_LOGIN", "off")
            .with("OAUTH2_SUBJECT", "/id")
            .run()
            .await;
        let boss = off.signed_in(&person("boss")).await;
        assert_eq!(boss.get("/admin/users/new").await.status, 404);
        assert!(
            !boss
                .get("/admin/users")
                .await
                .body
                .contains("/admin/users/new")
        );
        let fields = [
            ("username", "x"),
            ("first_name", ""),
            ("email", ""),
            ("reason", ""),
        ];
        let answer = send(&boss, "/admin/users/new", &fields).await;
        assert_eq!(answer.status, 404);
        assert_eq!(off.database.count("users"), 2);
        // One that this very portal made is no good either.
        let id = off.db_id_of("kiosk");
        let draft = Draft::new(LinkFor::Password).expect("randomness");
        let made = draft.id.clone();
        off.database.execute(&format!(
            "UPDATE audit_events SET reference = '{made}' WHERE event = 'account_created'"
        ));
        let own = draft
            .address(&off.inner.keys, off.clock.now(), UserId(id), "")
            .expect("randomness");
        for link in [link, own.expose().clone()] {
            assert_eq!(off.browser().get(&link).await.status, 410);
            let new = "four words and a comma,";
            let answer = choose(&off.browser(), &link, new, new).await;
            assert_eq!(answer.status, 410);
        }
    });
}
