//! Who may open which address, and where a change may come from.

use frontdesk::web::{Access, acts, addresses};
use reqwest::Method;
use serde_json::json;

use crate::support::apps::{db_app, db_app_grant};
use crate::support::{Db, Person, Portal, run};

/// A real address for a pattern.
pub(super) fn filled(path: &str, id: i64) -> String {
    path.replace("{id}", &id.to_string())
        .replace("{key}", "wiki")
        .replace("{act}", "deactivate")
        .replace("{hook}", "ops")
}

/// All real addresses for a pattern: each act on an account has one.
fn all_filled(path: &str, id: i64, session: i64) -> Vec<String> {
    if !path.contains("{act}") {
        return vec![filled(path, id)];
    }
    acts()
        .map(|act| {
            let query = match act {
                "role" => "?role=staff".to_owned(),
                "end-session" => format!("?session={session}"),
                "take" => "?permission=x".to_owned(),
                "unlink" => "?subject=x".to_owned(),
                _ => String::new(),
            };
            let path = path.replace("{id}", &id.to_string());
            format!("{}{query}", path.replace("{act}", act))
        })
        .collect()
}

/// Tries every address and method, as everybody.
#[test]
fn each_address_opens_for_those_it_is_for() {
    run(async {
        let portal = Portal::start().await;
        let employee = portal.signed_in(&Person::named("employee")).await;
        let staff = portal.signed_in(&Person::named("staff")).await;
        let superuser = portal.signed_in(&Person::named("superuser")).await;
        let inactive = portal.signed_in(&Person::named("inactive")).await;
        let demoted = portal.signed_in(&Person::named("demoted")).await;
        let ended = portal.signed_in(&Person::named("ended")).await;
        for name in ["staff", "demoted"] {
            portal.db_make_staff(name);
        }
        portal.db_make_superuser("superuser");
        portal.db_prove("superuser");
        portal.db_deactivate("inactive");
        for name in ["inactive", "ended", "demoted"] {
            portal.db_make_superuser(name);
        }
        assert_eq!(demoted.get("/admin/users").await.status, 200);
        // Signed out a moment ago.
        assert_eq!(ended.get("/admin/users").await.status, 200);
        portal.db_end_sessions_of("ended");
        portal.db_make_employee("demoted");
        // So that there is a password to change.
        portal
            .database
            .execute("UPDATE users SET password = '$argon2id$'");
        let nobody = portal.browser();
        let id = portal.db_id_of("employee");
        // An app to ask for, and a request that has the id of the person.
        let wiki = db_app(&portal.database, "wiki", &json!({"is_requestable": true}));
        db_app_grant(&portal.database, wiki, id, None);
        portal.database.execute(&format!(
            "INSERT INTO access_requests (id, app_id, app_key, user_id, created_at, sentence, state, decided_by, answer) \
             VALUES ({id}, {wiki}, 'wiki', {id}, 1, 'please', 'open', '', '')"
        ));
        let session = portal.database.number(&format!(
            "SELECT MAX(id) AS value FROM sessions WHERE user_id = {id}"
        ));

        portal.database.execute(&format!(
            "INSERT INTO app_categories (id, name_en, name_zh, position) VALUES ({id}, 'x', '', 1)"
        ));

        let all = addresses();
        assert!(all.iter().any(|address| address.access == Access::Staff));
        assert!(
            all.iter()
                .any(|address| address.access == Access::Superuser)
        );
        let targets = all.iter().flat_map(|address| {
            all_filled(address.path, id, session)
                .into_iter()
                .map(move |path| (address, path))
        });
        for (address, path) in targets {
            for (who, browser) in [
                ("nobody", &nobody),
                ("inactive", &inactive),
                ("ended", &ended),
                ("employee", &employee),
                ("demoted", &demoted),
                ("staff", &staff),
                ("superuser", &superuser),
            ] {
                if address.method.as_str() != "GET" {
                    // The next test walks the changes; here nobody gets in without a session.
                    let answer = browser
                        .send(
                            address.method.as_str().parse().expect("a method"),
                            &path,
                            &[],
                            None,
                        )
                        .await;
                    assert!(
                        answer.status == 403 || answer.status == 303,
                        "{who} {path}: {}",
                        answer.status
                    );
                    // With the token of one's own page, a role that is missing is missing still.
                    let is_refused = match address.access {
                        Access::Superuser | Access::Decider => {
                            ["employee", "demoted", "staff"].contains(&who)
                        }
                        Access::Staff => ["employee", "demoted"].contains(&who),
                        Access::Public | Access::SignedIn => false,
                    };
                    if is_refused {
                        let page = browser.get("/account").await;
                        let answer = browser
                            .post(
                                &path,
                                &page,
                                &[
                                    ("role", "staff"),
                                    ("username", "x"),
                                    ("first_name", "x"),
                                    ("email", ""),
                                    ("reason", ""),
                                    ("direction", "up"),
                                    ("name_en", "x"),
                                    ("name_zh", "x"),
                                    ("step", "grant"),
                                ],
                            )
                            .await;
                        assert_eq!(answer.status, 403, "{who} {path}");
                        assert!(answer.body.contains(who), "it says who one is");
                    }
                    continue;
                }
                let answer = browser.get(&path).await;
                let is_in = !["nobody", "inactive", "ended"].contains(&who);
                let may_look = ["staff", "superuser"].contains(&who);
                match address.access {
                    // No link, no page.
                    Access::Public if ["/rescue", "/password"].contains(&path.as_str()) => {
                        assert_eq!(answer.status, 410);
                    }
                    Access::Public => {
                        assert!(answer.status == 200 || answer.status == 303, "{who} {path}");
                    }
                    Access::SignedIn if is_in && path == "/confirmation" => {
                        assert_eq!(answer.status, 410);
                    }
                    Access::SignedIn if is_in => assert_eq!(answer.status, 200, "{who} {path}"),
                    Access::Staff if may_look => assert_eq!(answer.status, 200, "{who} {path}"),
                    Access::Superuser | Access::Decider if who == "superuser" => {
                        assert_eq!(answer.status, 200, "{who} {path}");
                    }
                    Access::Staff | Access::Superuser | Access::Decider if is_in => {
                        assert_eq!(answer.status, 403, "{who} {path}");
                        assert!(answer.body.contains(who), "it says who one is");
                        assert_eq!(answer.user().as_deref(), Some(who));
                    }
                    Access::SignedIn | Access::Staff | Access::Superuser | Access::Decider => {
                        assert_eq!(answer.status, 303, "{who} {path}");
                        assert!(
                            answer.location().starts_with("/login?next="),
                            "{who} {path}"
                        );
                        let script = browser
                            .get_with(&path, &[("accept", "application/json")])
                            .await;
                        assert_eq!(script.status, 401, "{who} {path}");
                    }
                }
            }
            // What is not declared does not exist.
            for method in ["PUT", "DELETE", "PATCH", "TRACE"] {
                let answer = superuser
                    .send(method.parse().expect("a method"), &path, &[], None)
                    .await;
                assert_eq!(answer.status, 405, "{method} {path}");
                assert!(
                    answer.header("allow").contains(address.method.as_str()),
                    "{path}"
                );
            }
        }
        for path in [
            "/admin",
            "/admin/",
            "/admin/users/",
            "/admin/users/x",
            "/account/",
            "/static/nothing.css",
            "/login.css",
            "/.env",
            "//account",
            "/account;x",
            "/ACCOUNT",
        ] {
            assert_eq!(superuser.get(path).await.status, 404, "{path}");
        }
        // Nor does an act that is not in the table.
        for act in ["promote", "delete", "Deactivate", "deactivate/", "role"] {
            let answer = superuser.get(&format!("/admin/users/{id}/{act}")).await;
            assert_eq!(answer.status, 404, "{act}");
        }
        for path in ["/login", "/healthz", "/readyz", "/signed-out"] {
            let head = nobody.send(Method::HEAD, path, &[], None).await;
            assert_eq!(
                (head.status.as_u16(), head.body.as_str()),
                (200, ""),
                "{path}"
            );
        }
    });
}

/// What is wrong with it, headers, body.
type Attempt<'a> = (&'static str, Vec<(&'a str, &'a str)>, String);

/// Tries every change, from everywhere that it must not come from.
#[test]
fn a_change_needs_the_token_of_its_page_and_our_own_origin() {
    run(async {
        let portal = Portal::start().await;
        let me = portal.signed_in(&Person::named("anna")).await;
        let other = portal.signed_in(&Person::named("bert")).await;
        let nobody = portal.browser();
        db_app(&portal.database, "wiki", &json!({"is_requestable": true}));
        let token = me.get("/account").await.csrf_token();
        let foreign = other.get("/account").await.csrf_token();
        let anonymous = nobody.get("/login").await.csrf_token();
        let id = portal
            .database
            .number("SELECT MIN(id) AS value FROM sessions");
        let origin = me.origin();
        let https = origin.replace("http://", "https://");
        let sibling = origin.replace("127.0.0.1", "localhost");
        let form = "application/x-www-form-urlencoded";
        let field = |token: &str| format!("csrf_token={token}&theme=dark");
        for address in addresses()
            .iter()
            .filter(|address| address.method.as_str() != "GET")
        {
            let path = filled(address.path, id);
            let attempts: [Attempt<'_>; 14] = [
                (
                    "no token",
                    vec![("origin", &origin), ("content-type", form)],
                    "theme=dark".to_owned(),
                ),
                (
                    "empty token",
                    vec![("origin", &origin), ("content-type", form)],
                    field(""),
                ),
                (
                    "another session's token",
                    vec![("origin", &origin), ("content-type", form)],
                    field(&foreign),
                ),
                (
                    "a token from before the sign-in",
                    vec![("origin", &origin), ("content-type", form)],
                    field(&anonymous),
                ),
                (
                    "two tokens",
                    vec![("origin", &origin), ("content-type", form)],
                    format!("{}&csrf_token={token}", field(&token)),
                ),
                (
                    "origin null",
                    vec![("origin", "null"), ("content-type", form)],
                    field(&token),
                ),
                (
                    "another origin",
                    vec![("origin", "https://evil.example"), ("content-type", form)],
                    field(&token),
                ),
                (
                    "https of this host",
                    vec![("origin", &https), ("content-type", form)],
                    field(&token),
                ),
                (
                    "a sibling",
                    vec![("origin", &sibling), ("content-type", form)],
                    field(&token),
                ),
                (
                    "cross-site",
                    vec![("sec-fetch-site", "cross-site"), ("content-type", form)],
                    field(&token),
                ),
                (
                    "same-site",
                    vec![("sec-fetch-site", "same-site"), ("content-type", form)],
                    field(&token),
                ),
                (
                    "text/plain",
                    vec![("origin", &origin), ("content-type", "text/plain")],
                    field(&token),
                ),
                (
                    "JSON",
                    vec![("origin", &origin), ("content-type", "application/json")],
                    format!("{{\"csrf_token\":\"{token}\"}}"),
                ),
                ("no content type", vec![("origin", &origin)], field(&token)),
            ];
            for (what, headers, body) in attempts {
                let answer = me.send(Method::POST, &path, &headers, Some(body)).await;
                assert_eq!(answer.status, 403, "{what} {path}");
                assert!(answer.set_cookies().is_empty(), "{what} {path}");
            }
            let answer = me.get(&path).await;
            let is_a_page = addresses()
                .iter()
                .any(|address| address.method == "GET" && filled(address.path, id) == path);
            assert_eq!(
                answer.status == 405 || answer.status == 404,
                !is_a_page || path == "/account/password",
                "GET {path}"
            );
        }
        assert_eq!(
            me.get("/account").await.user().as_deref(),
            Some("anna"),
            "nothing was changed"
        );
        assert_eq!(portal.db_live_sessions(), 2);
        // And the real form works, signed in and not.
        let page = me.get("/account").await;
        assert_eq!(
            me.post(
                "/preferences",
                &page,
                &[("theme", "dark"), ("next", "/account")]
            )
            .await
            .location(),
            "/account"
        );
        assert!(
            me.get("/account")
                .await
                .body
                .contains("data-theme=\"dark\"")
        );
        let page = nobody.get("/login?next=/account").await;
        let answer = nobody
            .post(
                "/preferences",
                &page,
                &[("language", "zh-Hans"), ("next", "/login?next=/account")],
            )
            .await;
        assert_eq!(answer.location(), "/login?next=/account");
        assert!(
            nobody
                .get("/login")
                .await
                .body
                .contains("<html lang=\"zh-Hans\"")
        );
        assert_eq!(
            nobody
                .post("/preferences", &page, &[("theme", "mauve")])
                .await
                .status,
            400
        );
    });
}
