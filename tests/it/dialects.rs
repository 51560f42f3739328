//! Providers with a dialect of their own, by their presets: a sign-in, and what each of them says
//! instead.

use serde_json::{Value, json};

use crate::support::lying_openid::Subject;
use crate::support::provider::CLIENT_ID;
use crate::support::standin::{CORP_ID, Call, Employee, Kind, Standin};
use crate::support::{
    Answer, Database, Db, OpenId, Portal, Reply, assert_refused, on_both_databases, run, until,
};

async fn start(kind: Kind) -> (Standin, Portal) {
    let standin = Standin::start(kind).await;
    let portal = standin.portal(Database::sqlite(), "").run().await;
    (standin, portal)
}

fn li() -> Employee {
    Employee::named("li")
}

fn assert_no_faults(standin: &Standin) {
    assert_eq!(standin.faults(), [""; 0], "{:?}", standin.kind);
}

fn assert_signed_in(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 303, "{what}: {}", answer.body);
    assert!(answer.sets_session(), "{what}");
}

/// Nobody came in, and nothing is left of it.
fn assert_kept_out(portal: &Portal, answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(!answer.sets_session());
    assert_eq!(portal.database.count("users"), 0);
    assert_eq!(portal.database.count("sessions"), 0);
}

// -- what all of them do --

/// Subject and username of somebody called `li`.
const fn names(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::Feishu | Kind::Lark => ["on_li", "li"],
        Kind::DingTalk => ["union-li", "union-li"],
        Kind::WeCom => ["li", "li"],
        Kind::GitHub => ["583231", "li"],
    }
}

async fn makes_the_person(kind: Kind) {
    let (standin, portal) = start(kind).await;
    let answer = standin.sign_in(&portal.browser(), &li()).await;
    assert_signed_in(&answer, "the first sign-in");
    let browser = portal.browser();
    let answer = standin.sign_in(&browser, &li()).await;
    assert_signed_in(&answer, "the second sign-in");
    assert_eq!(answer.location(), "/account");
    let [subject, username] = names(kind);
    let page = browser.get("/account").await;
    assert_eq!(page.user().as_deref(), Some(username));
    let expected = format!("{username}|li 王|li@example.com");
    assert_eq!(portal.db_names(), [expected]);
    let expected = format!("{} {subject}", kind.code());
    assert_eq!(portal.db_identities_of(username), [expected]);
    assert_no_faults(&standin);
}

async fn says_that_the_code_was_refused(kind: Kind) {
    let (standin, portal) = start(kind).await;
    let browser = portal.browser();
    let callback = standin.begin(&browser, &li()).await;
    standin.forget_codes();
    let answer = browser.get(&callback).await;
    assert_refused(&portal, &answer, 400, "a refused code");
    assert!(portal.log().contains("outcome=code_refused"));
    assert_no_faults(&standin);
}

async fn takes_no_garbage(kind: Kind, calls: &[Call]) {
    let (standin, portal) = start(kind).await;
    let raw = |content_type, body: &str| Reply::Answer(200, content_type, body.into());
    for call in calls {
        for (what, reply) in [
            ("a page", raw("text/html", "<h1>hello</h1>")),
            ("half", raw("application/json", "{\"code\":0,\"da")),
            ("nothing", raw("application/json", "")),
            ("null", raw("application/json", "null")),
            ("a text", raw("application/json", "\"x\"")),
            ("a list", raw("application/json", "[]")),
            ("an empty object", raw("application/json", "{}")),
            ("a 500", Reply::json(500, &json!({"code": 0}))),
            ("the end", Reply::CutBody),
        ] {
            standin.on_call(*call, reply);
            let answer = standin.sign_in(&portal.browser(), &li()).await;
            assert_refused(&portal, &answer, 502, &format!("{call:?}: {what}"));
        }
        standin.behave();
    }
    let answer = standin.sign_in(&portal.browser(), &li()).await;
    assert_signed_in(&answer, "after all of it");
    assert_no_faults(&standin);
}

/// An error that looks like an answer.
async fn takes_an_error_for_an_error(kind: Kind, errors: &[(Call, u16, Value)]) {
    let (standin, portal) = start(kind).await;
    for (call, status, body) in errors {
        standin.on_call(*call, Reply::json(*status, body));
        let answer = standin.sign_in(&portal.browser(), &li()).await;
        assert_refused(&portal, &answer, 502, &format!("{call:?}: {body}"));
        standin.behave();
    }
}

/// Refresh tokens are each used once; whoever is refused one is out.
async fn asks_again_until_somebody_leaves(kind: Kind) {
    let standin = Standin::start(kind).await;
    let start = standin.portal(Database::sqlite(), "recheck = \"1s\"\n");
    let portal = start.run().await;
    let browser = portal.browser();
    let answer = standin.sign_in(&browser, &li()).await;
    assert_signed_in(&answer, "a sign-in");
    until("it was asked twice", async || standin.refreshed() >= 2).await;
    assert_eq!(browser.get("/account").await.status, 200);
    standin.dismiss(&li());
    until("who left is out", async || {
        browser.get("/account").await.status == 303
    })
    .await;
    assert_no_faults(&standin);
}

// -- each of them --

mod feishu {
    use super::*;

    fn person() -> Value {
        json!({"name": "li", "union_id": "on_li", "user_id": "li", "email": "li@example.com"})
    }

    pub fn errors() -> Vec<(Call, u16, Value)> {
        let token = json!({
            "code": 20050,
            "access_token": "u-1",
            "token_type": "Bearer",
            "expires_in": 7200,
        });
        vec![
            (Call::Token, 200, token),
            (
                Call::Token,
                400,
                json!({"code": 20002, "error": "invalid_client"}),
            ),
            (
                Call::Profile,
                200,
                json!({"code": 20005, "msg": "invalid token", "data": person()}),
            ),
            (Call::Profile, 200, json!({"code": 0, "msg": "success"})),
            (
                Call::Profile,
                200,
                json!({"code": 0, "data": {"name": "li"}}),
            ),
            // Not where it belongs.
            (Call::Profile, 200, {
                let mut bare = person();
                bare["code"] = 0.into();
                bare
            }),
            (
                Call::Profile,
                400,
                json!({"code": 99_991_668, "msg": "Invalid access token"}),
            ),
        ]
    }

    #[test]
    fn a_sign_in_makes_an_account_for_the_person_it_names() {
        run(makes_the_person(Kind::Feishu));
    }

    #[test]
    fn a_refused_code_says_so() {
        run(says_that_the_code_was_refused(Kind::Feishu));
    }

    #[test]
    fn an_error_with_status_200_signs_nobody_in() {
        run(takes_an_error_for_an_error(Kind::Feishu, &errors()));
    }

    #[test]
    fn garbage_signs_nobody_in() {
        run(takes_no_garbage(
            Kind::Feishu,
            &[Call::Token, Call::Profile],
        ));
    }

    #[test]
    fn a_person_who_has_left_is_signed_out() {
        run(asks_again_until_somebody_leaves(Kind::Feishu));
    }

    #[test]
    fn an_administrators_word_on_an_address_is_no_proof_of_it() {
        run(async {
            let standin = Standin::start(Kind::Feishu).await;
            let rule = "admit_email_domains = [\"example.com\"]\n";
            let portal = standin.portal(Database::sqlite(), rule).run().await;
            let answer = standin.sign_in(&portal.browser(), &li()).await;
            assert_kept_out(&portal, &answer);
        });
    }
}

mod lark {
    use super::*;

    #[test]
    fn a_sign_in_makes_an_account_for_the_person_it_names() {
        run(makes_the_person(Kind::Lark));
    }

    #[test]
    fn a_refused_code_says_so() {
        run(says_that_the_code_was_refused(Kind::Lark));
    }

    #[test]
    fn an_error_with_status_200_signs_nobody_in() {
        let errors = super::feishu::errors();
        run(takes_an_error_for_an_error(Kind::Lark, &errors));
    }
}

mod dingtalk {
    use super::*;

    on_both_databases! {
        async fn a_sign_in_makes_an_account_for_the_person_it_names(database) {
            let standin = Standin::start(Kind::DingTalk).await;
            let portal = standin.portal(database, "").run().await;
            let browser = portal.browser();
            let answer = standin.sign_in(&browser, &li()).await;
            assert_signed_in(&answer, "a sign-in");
            assert_eq!(portal.db_names(), ["union-li|li 王|li@example.com"]);
            assert_no_faults(&standin);
        }
    }

    #[test]
    fn a_second_sign_in_comes_to_the_same_account() {
        run(makes_the_person(Kind::DingTalk));
    }

    #[test]
    fn a_refused_code_says_so() {
        run(says_that_the_code_was_refused(Kind::DingTalk));
    }

    #[test]
    fn an_error_in_the_answer_signs_nobody_in() {
        let denied = json!({
            "code": "Forbidden.AccessDenied.AccessTokenPermissionDenied",
            "requestid": "7C9F-1",
            "message": "no permission",
        });
        let errors = [
            (
                Call::Token,
                400,
                json!({"code": "invalidClientIdOrSecret", "message": "no"}),
            ),
            (Call::Token, 200, denied.clone()),
            (Call::Profile, 403, denied.clone()),
            (Call::Profile, 200, denied),
            (Call::Profile, 200, json!({"nick": "li", "unionId": null})),
        ];
        run(takes_an_error_for_an_error(Kind::DingTalk, &errors));
    }

    #[test]
    fn garbage_signs_nobody_in() {
        run(takes_no_garbage(
            Kind::DingTalk,
            &[Call::Token, Call::Profile],
        ));
    }

    #[test]
    fn a_person_who_has_left_is_signed_out() {
        run(asks_again_until_somebody_leaves(Kind::DingTalk));
    }

    #[test]
    fn people_of_another_organisation_are_kept_out() {
        run(async {
            let standin = Standin::start(Kind::DingTalk).await;
            let rule = format!("[dingtalk.admit_values]\n\"token:/corpId\" = [\"{CORP_ID}\"]\n");
            let portal = standin.portal(Database::sqlite(), &rule).run().await;
            let stranger = li().of("ding99999");
            let answer = standin.sign_in(&portal.browser(), &stranger).await;
            assert_kept_out(&portal, &answer);
            let answer = standin.sign_in(&portal.browser(), &li()).await;
            assert_signed_in(&answer, "one's own people");
            assert_no_faults(&standin);
        });
    }
}

mod wecom {
    use super::*;

    #[test]
    fn a_sign_in_makes_an_account_for_the_person_it_names() {
        run(makes_the_person(Kind::WeCom));
    }

    #[test]
    fn a_refused_code_says_so() {
        run(says_that_the_code_was_refused(Kind::WeCom));
    }

    #[test]
    fn an_error_with_status_200_signs_nobody_in() {
        let denied = |more: &Value| {
            let mut body = more.clone();
            body["errcode"] = 60020.into();
            body["errmsg"] = "not allow to access from your ip".into();
            body
        };
        let token = json!({"access_token": "t", "expires_in": 7200});
        let member = json!({"userid": "li"});
        let details = json!({"userid": "li", "name": "li", "biz_mail": "li@example.com"});
        let as_text = json!({"errcode": "60020", "userid": "li"});
        let errors = [
            (Call::Token, 200, denied(&token)),
            (Call::Profile, 200, denied(&member)),
            (Call::Details, 200, denied(&details)),
            (Call::Profile, 200, as_text),
            // Without a word on whether all is well.
            (Call::Profile, 200, member),
        ];
        run(takes_an_error_for_an_error(Kind::WeCom, &errors));
    }

    #[test]
    fn garbage_signs_nobody_in() {
        let calls = [Call::Token, Call::Profile, Call::Details];
        run(takes_no_garbage(Kind::WeCom, &calls));
    }

    #[test]
    fn a_person_who_is_no_member_is_refused() {
        run(async {
            let (standin, portal) = start(Kind::WeCom).await;
            let guest = li().stranger();
            let answer = standin.sign_in(&portal.browser(), &guest).await;
            assert_refused(&portal, &answer, 502, "no member");
            assert_no_faults(&standin);
        });
    }

    #[test]
    fn a_person_who_declines_comes_back_without_a_code() {
        run(async {
            let (standin, portal) = start(Kind::WeCom).await;
            let browser = portal.browser();
            let callback = standin.begin(&browser, &li()).await;
            let mut back = url::Url::parse(&callback).expect("an address");
            let state: Vec<(String, String)> = back
                .query_pairs()
                .filter(|(name, _)| name == "state")
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect();
            back.query_pairs_mut().clear().extend_pairs(state);
            let answer = browser.get(back.as_str()).await;
            assert_refused(&portal, &answer, 400, "no code");
        });
    }

    #[test]
    fn the_apps_token_is_not_kept_with_the_person() {
        run(async {
            let (standin, portal) = start(Kind::WeCom).await;
            let answer = standin.sign_in(&portal.browser(), &li()).await;
            assert_signed_in(&answer, "a sign-in");
            let kept = "sessions \
                WHERE access_token IS NOT NULL OR refresh_token IS NOT NULL \
                OR recheck_at IS NOT NULL";
            assert_eq!(portal.database.count(kept), 0);
        });
    }
}

mod github {
    use super::*;

    #[test]
    fn a_sign_in_makes_an_account_for_the_person_it_names() {
        run(makes_the_person(Kind::GitHub));
    }

    #[test]
    fn a_refused_code_says_so() {
        run(says_that_the_code_was_refused(Kind::GitHub));
    }

    #[test]
    fn an_error_with_status_200_signs_nobody_in() {
        let token = json!({
            "error": "redirect_uri_mismatch",
            "access_token": "gho_1",
            "token_type": "bearer",
        });
        let errors = [
            (Call::Token, 200, token),
            (
                Call::Token,
                200,
                json!({"error": "incorrect_client_credentials"}),
            ),
            (Call::Profile, 401, json!({"message": "Bad credentials"})),
            (Call::Profile, 200, json!({"message": "Bad credentials"})),
            (Call::Details, 404, json!({"message": "Not Found"})),
        ];
        run(takes_an_error_for_an_error(Kind::GitHub, &errors));
    }

    #[test]
    fn garbage_signs_nobody_in() {
        let calls = [Call::Token, Call::Profile, Call::Details];
        run(takes_no_garbage(Kind::GitHub, &calls));
    }

    #[test]
    fn a_person_whose_token_was_revoked_is_signed_out() {
        run(asks_again_until_somebody_leaves(Kind::GitHub));
    }

    #[test]
    fn the_primary_address_counts_and_only_once_it_is_verified() {
        run(async {
            let standin = Standin::start(Kind::GitHub).await;
            let rule = "admit_email_domains = [\"example.com\"]\n";
            let portal = standin.portal(Database::sqlite(), rule).run().await;
            let list = |email: &str, is_primary: bool, is_verified: bool| {
                let other = !is_primary;
                Reply::json(
                    200,
                    &json!([
                        {"email": "li@home.net", "primary": other, "verified": true},
                        {"email": email, "primary": is_primary, "verified": is_verified},
                    ]),
                )
            };
            for reply in [
                list("li@example.com", false, true),
                list("li@example.com", true, false),
                list("li@example.net", true, true),
            ] {
                standin.on_call(Call::Details, reply);
                let answer = standin.sign_in(&portal.browser(), &li()).await;
                assert_kept_out(&portal, &answer);
            }
            standin.on_call(Call::Details, list("li@example.com", true, true));
            let answer = standin.sign_in(&portal.browser(), &li()).await;
            assert_signed_in(&answer, "a verified address");
        });
    }

    #[test]
    fn a_public_address_does_not_take_the_place_of_the_primary_one() {
        run(async {
            let (standin, portal) = start(Kind::GitHub).await;
            let profile = json!({"id": 7, "login": "li", "name": "li", "email": "boss@corp.com"});
            standin.on_call(Call::Profile, Reply::json(200, &profile));
            let answer = standin.sign_in(&portal.browser(), &li()).await;
            assert_signed_in(&answer, "a sign-in");
            let email = "SELECT email AS value FROM users";
            assert_eq!(portal.database.texts(email), ["li@example.com"]);
        });
    }
}

mod gitlab {
    use super::*;

    const FROM: &str = "/oauth2/login?next=/account&provider=gitlab";

    fn toml(provider: &OpenId, more: &str) -> String {
        let (issuer, secret) = (&provider.issuer, &provider.secret);
        format!(
            "[gitlab]\nkind = \"gitlab\"\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT_ID}\"\n\
             client_secret = \"{secret}\"\nrecheck = \"off\"\n{more}"
        )
    }

    fn subject() -> Subject {
        Subject::named("other")
            .with("sub", "42")
            .with("nickname", "li")
            .with("name", "li 王")
            .with("email", "li@example.com")
            .with("groups", json!(["acme", "acme/ops"]))
    }

    #[test]
    fn a_sign_in_makes_an_account_for_the_person_it_names() {
        run(async {
            let provider = OpenId::start().await;
            let toml = toml(&provider, "");
            let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
            let browser = portal.browser();
            let answer = provider.sign_in_from(&browser, FROM, &subject()).await;
            assert_signed_in(&answer, "a sign-in");
            assert_eq!(portal.db_names(), ["li|li 王|li@example.com"]);
            assert_eq!(portal.db_identities_of("li"), ["gitlab 42"]);
            let page = browser.get("/account").await;
            assert!(page.body.contains("acme/ops"), "{}", page.body);
        });
    }

    #[test]
    fn groups_let_people_in() {
        run(async {
            let provider = OpenId::start().await;
            let toml = toml(&provider, "admit_permissions = [\"acme/ops\"]\n");
            let portal = provider.portal_of(Database::sqlite(), &toml).run().await;
            let stranger = subject().with("groups", json!(["acme/ops2", "evil/acme/ops"]));
            let answer = provider
                .sign_in_from(&portal.browser(), FROM, &stranger)
                .await;
            assert_kept_out(&portal, &answer);
            let answer = provider
                .sign_in_from(&portal.browser(), FROM, &subject())
                .await;
            assert_signed_in(&answer, "one's own people");
        });
    }
}
