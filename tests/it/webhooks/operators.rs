//! What admins and operators see of webhooks, and what nobody ever sees.

use std::fmt::Write as _;

use super::{KEY, SECRET, create, hook, json, portal, state, until_told, until_trouble};
use crate::support::process::{self, command, free_port};
use crate::support::{Browser, Database, Db, Person, Portal, Provider, Receiver, Says, run, until};

async fn boss(portal: &Portal) -> Browser {
    let boss = portal.signed_in(&Person::named("boss")).await;
    portal.db_make_superuser("boss");
    portal.db_prove("boss");
    boss
}

#[test]
fn the_status_page_says_how_each_hook_does_and_what_to_mend() {
    run(async {
        let (good, bad) = (Receiver::start().await, Receiver::start().await);
        bad.always(Says::body(r#"{"code":19024}"#));
        let toml = json("good", &good, "'account_created'")
            + &hook("bad", "feishu", &bad, "'account_created'");
        let portal = portal(&toml).run().await;
        let boss = boss(&portal).await;
        until_told(&portal, "good").await;
        until_trouble(&portal, "bad", "keyword").await;
        let page = boss.get("/admin/status").await.body;
        assert!(page.contains("Last delivered"), "{page}");
        assert!(
            page.contains("Set prefix to one of its keywords. (19024)"),
            "{page}"
        );
        assert!(
            page.contains("Something below needs your attention."),
            "{page}"
        );
        let staff = portal.signed_in(&Person::named("staff")).await;
        portal.db_make_staff("staff");
        let page = staff.get("/admin/status").await.body;
        assert!(page.contains("keywords. (19024)") && !page.contains("Send a test"));
    });
}

#[test]
fn an_admin_sends_a_test_and_it_is_in_the_audit_log() {
    run(async {
        let receiver = Receiver::start().await;
        receiver.always(Says::status(404));
        let portal = portal(&json("ops", &receiver, "'account_created'"))
            .run()
            .await;
        let boss = boss(&portal).await;
        until_trouble(&portal, "ops", "not_there").await;
        // Somebody has mended it, and does not wait for the next try.
        receiver.always(Says::FINE);
        let page = boss.get("/admin/status").await;
        let answer = boss
            .post("/admin/status/webhooks/ops/test", &page, &[])
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.location()),
            (303, "/admin/status")
        );
        let page = boss.get("/admin/status").await;
        assert!(page.body.contains("A test message is on its way."));
        until_told(&portal, "ops").await;
        let calls = receiver.calls();
        let last = calls.last().expect("a call").json();
        assert_eq!(last["type"], "test");
        assert_eq!(last["data"]["text"], "This is a test. By “boss”.");
        assert_eq!(portal.db_details_of("webhook_tested")[0]["webhook"], "ops");
        let log = boss.get("/admin/audit?event=webhook_tested").await.body;
        assert!(log.contains("Webhook tested") && log.contains("ops"));
        let none = boss
            .post("/admin/status/webhooks/other/test", &page, &[])
            .await;
        assert_eq!(none.status, 404);
    });
}

/// The name under which this machine knows itself.
fn own_name() -> String {
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = name.trim().to_lowercase();
    if name.is_empty() {
        "no-name.invalid".to_owned()
    } else {
        name
    }
}

/// C1: whatever fails, at trace level, no line and no page has the address; each portal's log is
/// searched when it is dropped.
#[test]
fn no_failure_shows_an_address() {
    run(async {
        let hooks = [
            (
                "refused",
                format!("http://127.0.0.1:9/{KEY}"),
                "unreachable",
            ),
            (
                "unknown",
                format!("https://no-such-host.invalid/{KEY}"),
                "no_such_host",
            ),
            (
                "private",
                format!("https://10.255.255.1/{KEY}"),
                "private_address",
            ),
            // The machine's own name, if it has an address.
            (
                "inside",
                format!("https://{}/{KEY}", own_name()),
                "private_address",
            ),
            ("tls", "https://localhost:PORT/KEY".to_owned(), "tls"),
            (
                "redirect",
                "http://127.0.0.1:PORT/KEY".to_owned(),
                "redirect",
            ),
        ];
        let receiver = Receiver::start().await;
        receiver.always(Says::Answer(
            302,
            "location: http://127.0.0.1:9/elsewhere\r\n",
            "",
        ));
        let port = receiver.url.rsplit(':').next().expect("a port");
        let mut toml = String::new();
        for (name, url, _) in &hooks {
            let url = url.replace("PORT", port).replace("KEY", KEY);
            writeln!(
                toml,
                "[[webhook]]\nname = '{name}'\nkind = 'json'\nurl = '{url}'\nsecret_file = 'secret'\nevents = ['account_created']"
            )
            .expect("a line");
        }
        let portal = portal(&toml).run().await;
        let boss = boss(&portal).await;
        for (name, _, trouble) in &hooks {
            // Without a network, a name server may not even answer.
            until(&format!("{name} has the trouble {trouble}"), async || {
                let found = state(&portal, "trouble", name);
                let may_lack = match *name {
                    "unknown" => "timed_out",
                    "inside" => "no_such_host",
                    _ => "",
                };
                found == *trouble || (found == may_lack && !found.is_empty())
            })
            .await;
        }
        let page = boss.get("/admin/status").await;
        assert!(page.body.contains("set allow_private = true"));
        let dump = portal.database.dump();
        assert!(!dump.contains(KEY) && !dump.contains(SECRET));
        assert!(portal.log().contains("private_address"));
    });
}

#[test]
fn an_erased_person_is_told_no_more() {
    run(async {
        let receiver = Receiver::start().await;
        receiver.always(Says::status(404));
        let portal = portal(&json("ops", &receiver, "'account_created'"))
            .run()
            .await;
        let boss = boss(&portal).await;
        portal.signed_in(&Person::named("leaver-zhao")).await;
        until_trouble(&portal, "ops", "not_there").await;
        until("both wait", async || {
            portal.database.count("webhook_deliveries") == 2
        })
        .await;
        let id = portal.db_id_of("leaver-zhao");
        for act in ["deactivate", "erase"] {
            let path = format!("/admin/users/{id}/{act}");
            let page = boss.get(&path).await;
            let answer = boss.post(&path, &page, &[("reason", "gone")]).await;
            assert_eq!(answer.status, 303, "{act}: {}", answer.body);
        }
        assert!(!portal.database.dump().contains("leaver-zhao"));
        create(&portal, "next");
    });
}

#[test]
fn check_says_what_is_wrong_with_a_hook_and_sends_nothing() {
    run(async {
        let provider = Provider::start().await;
        let receiver = Receiver::start().await;
        let mut settings = process::settings(free_port(), &provider, &Database::sqlite());
        let folder = tempfile::tempdir().expect("a folder");
        let toml = hook("fine", "slack", &receiver, "'admin_made'")
            + &format!(
                "[[webhook]]\nname = 'inside'\nkind = 'slack'\nurl = 'https://192.168.7.7/{KEY}'\nevents = ['admin_made']\n"
            )
            + "[[webhook]]\nname = 'lost'\nkind = 'slack'\nurl_file = 'nowhere'\nevents = ['admin_made']\n"
            + &hook("through", "slack", &receiver, "'admin_made'")
            + &format!("proxy = '{}'\n", receiver.url);
        std::fs::write(folder.path().join("hooks.toml"), toml).expect("a file");
        settings.insert("FRONTDESK_WEBHOOKS".to_owned(), "hooks.toml".to_owned());
        let checked = command(folder.path(), &["check"], &settings)
            .output()
            .expect("it runs");
        let lines = String::from_utf8(checked.stdout).expect("text");
        for line in [
            "warning  hooks.toml: everyone on this machine can read it",
            "ok       webhook fine: slack, is told of admin_made",
            "ok       webhook fine: its host answers",
            "fault    webhook inside: The receiver is at a private network address. If that is intended, set allow_private = true.",
            "fault    webhook lost: The file named in url_file cannot be read.",
            "warning  webhook through: calls go through a proxy",
        ] {
            assert!(lines.contains(line), "{line}\n{lines}");
        }
        assert!(!lines.contains(KEY), "{lines}");
        assert!(
            receiver
                .calls()
                .iter()
                .all(|call| !call.target.contains(KEY))
        );
    });
}
