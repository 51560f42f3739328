//! Outgoing webhooks, against receivers that follow a script.

use crate::support::{Database, Db, Person, Portal, Receiver, run};

/// One secret of Standard Webhooks.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A hook of kind `json` whose address has a secret in it.
fn json(name: &str, receiver: &Receiver, events: &str) -> String {
    format!(
        "[[webhook]]\nname = '{name}'\nkind = 'json'\nurl = '{}/SECRET-OF-{name}'\nsecret_file = 'secret'\nevents = [{events}]\n",
        receiver.url
    )
}

fn portal(toml: &str) -> crate::support::portal::Start {
    Portal::on(Database::sqlite())
        .webhooks(toml, &[("secret", SECRET)])
        .never_showing("SECRET-OF-")
}

#[test]
fn a_new_account_is_told_with_a_signature() {
    run(async {
        let receiver = Receiver::start().await;
        let portal = portal(&json("ops", &receiver, "'account_created'"))
            .run()
            .await;
        portal.signed_in(&Person::named("li")).await;
        let calls = receiver.wait_for(1).await;
        let told = calls[0].json();
        assert_eq!(told["type"], "account_created");
        assert_eq!(told["data"]["user"]["username"], "li");
        assert_eq!(
            told["data"]["text"],
            "New account at a first sign-in: “li”."
        );
        assert!(calls[0].header("webhook-id").starts_with("msg_"));
        assert!(calls[0].header("webhook-signature").starts_with("v1,"));
        let id = portal.db_id_of("li");
        assert_eq!(
            told["data"]["url"],
            format!("{}/admin/users/{id}", portal.url)
        );
    });
}
