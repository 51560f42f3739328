//! Signing in at a platform that nobody here wrote: Django with django-oauth-toolkit.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use frontdesk::secret::random_token;
use serde_json::{Value, json};

use crate::support::django::{Decision, Platform, PlatformBrowser, parameter};
use crate::support::people::quoted;
use crate::support::portal::Start;
use crate::support::{Answer, Browser, Database, Db, Portal, on_both_databases, run, spawn, until};

const PASSWORD: &str = "correct horse battery staple";

/// How a failed sign-in leads to the next.
const TRY_AGAIN: &str = "href=\"/oauth2/login?next=/account\"";

/// The same, and the platform is asked to have the person sign in there anew.
const ASK_AGAIN: &str = "href=\"/oauth2/login?next=/account&#38;prompt=login\"";

/// The account page's word for permissions that could not be read.
const STALE: &str = "Your permissions could not be read at this sign-in";

/// The platform as one test has it: an application and people that no other test touches.
struct Company {
    platform: &'static Platform,
    number: u32,
    client_id: String,
}

impl Company {
    /// `None` when this run has no platform.
    fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let platform = Platform::shared()?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Some(Self {
            platform,
            number,
            client_id: format!("desk-{number}"),
        })
    }

    /// A username of this test alone.
    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.number)
    }

    /// A portal, yet to be started, that signs people in here.
    fn start(&self, database: Database) -> Start {
        let url = &self.platform.url;
        Portal::on(database)
            .with("OAUTH2_CLIENT_ID", &self.client_id)
            .with("OAUTH2_AUTHORIZE_URL", format!("{url}/o/authorize/"))
            .with("INTERNAL_URL_PREFIX", url)
            .with(
                "OAUTH2_USER_ALL_PERMISSIONS_URL",
                format!("{url}/public-api/current_user/all_permissions"),
            )
    }

    /// Starts a portal and registers it as it is set up, save for what `registration` says.
    async fn open(&self, start: Start, registration: Value) -> Portal {
        let portal = start.run().await;
        let usual = json!({
            "client_id": self.client_id,
            "client_secret": portal.client_secret,
            "redirect_uris": format!("{}/oauth2_callback/", portal.url),
        });
        self.platform
            .application(&merged(usual, registration))
            .await;
        portal
    }

    /// A portal with nothing special about it.
    async fn portal(&self, database: Database) -> Portal {
        self.open(self.start(database), json!({})).await
    }

    /// Creates or changes a person; what is left out keeps its value.
    async fn person(&self, username: &str, details: Value) {
        let usual = json!({"username": username, "password": PASSWORD});
        self.platform.person(&merged(usual, details)).await;
    }

    fn visitor(&self, portal: &Portal, username: &str) -> Visitor {
        Visitor {
            username: username.to_owned(),
            at_portal: portal.browser(),
            at_platform: PlatformBrowser::new(self.platform),
        }
    }
}

fn merged(mut usual: Value, more: Value) -> Value {
    let Value::Object(more) = more else {
        panic!("not an object");
    };
    usual.as_object_mut().expect("an object").extend(more);
    usual
}

/// Somebody at a browser of their own, which goes to the portal and to the platform.
struct Visitor {
    username: String,
    at_portal: Browser,
    at_platform: PlatformBrowser,
}

impl Visitor {
    /// From the portal through the platform: the address that leads back, or the platform's page
    /// that leads no further.
    async fn callback(&mut self, decision: Decision) -> Result<String, String> {
        let authorize_url = self.at_portal.begin("/account").await;
        self.at_platform
            .log_in_and_decide(&authorize_url, &self.username, PASSWORD, decision)
            .await
    }

    /// The whole way: what the portal answers in the end.
    async fn decides(&mut self, decision: Decision) -> Answer {
        let callback = self.callback(decision).await.expect("a way back");
        self.at_portal.get(&callback).await
    }

    async fn allows(&mut self) -> Answer {
        self.decides(Decision::Allow).await
    }

    /// The whole way, and in: their account page.
    async fn signs_in(&mut self) -> Answer {
        let end = self.allows().await;
        self.is_in(&end).await
    }

    /// Checks that this answer signed them in, as nobody else; their account page.
    async fn is_in(&self, end: &Answer) -> Answer {
        let (status, location) = (end.status.as_u16(), end.location());
        assert_eq!(
            (status, location),
            (303, "/account"),
            "{}: {}",
            self.username,
            end.body
        );
        let account = self.at_portal.get("/account").await;
        assert_eq!(account.status, 200, "{}", self.username);
        assert_eq!(account.user().as_deref(), Some(self.username.as_str()));
        account
    }
}

/// A page of ours that says what happened, and nothing created.
fn assert_refused(portal: &Portal, answer: &Answer, status: u16, text: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert!(answer.body.contains(text), "{}", answer.body);
    assert!(!answer.sets_session());
    for table in ["users", "identities", "sessions"] {
        assert_eq!(portal.database.count(table), 0, "{table}");
    }
}

on_both_databases! {
    async fn people_with_awkward_names_get_in_at_the_first_sign_in_and_have_one_account_after_the_second(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let people = [
            (company.name("zhang.wei"), "张伟", Some("zhang.wei@example.com")),
            (company.name("ada🎉"), "👩\u{200d}🚀 Ada 🎉", Some("ada@example.com")),
            (company.name("o'brien"), "<b>O'Brien</b> & \"co\"", Some("o'brien@example.com")),
            // 150 characters, most of them three bytes long.
            (format!("{:长<150}", company.name("long")), "Long Name", Some("long@example.com")),
            (company.name("no.mail"), "No Mail", None),
            // An e and an accent, which must not become one letter.
            (company.name("rene"), "Rene\u{301}", Some("rene@example.com")),
        ];
        for (username, name_cn, email) in &people {
            company.person(username, json!({"name_cn": name_cn, "email": email})).await;
            for time in ["first", "second"] {
                let account = company.visitor(&portal, username).signs_in().await;
                assert!(!account.body.contains("<b>O'"), "escaped");
                let first_name = portal.db_fields_of(username, "first_name");
                assert_eq!(first_name, [*name_cn], "{username}, {time} sign-in");
                assert_eq!(portal.db_fields_of(username, "email"), [email.unwrap_or_default()]);
            }
        }
        assert_eq!(portal.database.count("users"), 6);
        assert_eq!(portal.database.count("identities"), 6);
    }

    async fn names_that_differ_in_case_or_by_one_cyrillic_letter_are_accounts_of_their_own(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let people = [("Admin", "Capital"), ("admin", "Small"), ("\u{430}dmin", "Cyrillic")]
            .map(|(name, name_cn)| (company.name(name), name_cn));
        for (username, name_cn) in &people {
            company.person(username, json!({"name_cn": name_cn})).await;
        }
        for _ in 0..2 {
            for (username, _) in &people {
                company.visitor(&portal, username).signs_in().await;
            }
        }
        for (username, name_cn) in &people {
            assert_eq!(portal.db_fields_of(username, "first_name"), [*name_cn]);
        }
        assert_eq!(portal.database.count("users"), 3);
        assert_eq!(portal.database.count("identities"), 3);
    }

    async fn permissions_arrive_in_each_of_their_three_shapes(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        for shape in ["strings", "objects", "wrapped"] {
            let username = company.name(shape);
            let may = json!({"permissions": ["report.view", "payroll.edit"], "permissions_shape": shape});
            company.person(&username, may).await;
            for time in ["first", "second"] {
                let account = company.visitor(&portal, &username).signs_in().await;
                assert!(account.body.contains("payroll.edit"), "{shape}: {}", account.body);
                assert!(!account.body.contains(STALE), "{shape}: {}", account.body);
                let held = portal.db_permissions_of(&username);
                assert_eq!(held, ["payroll.edit", "report.view"], "{shape}, {time} sign-in");
            }
        }
        assert_eq!(portal.database.count("users"), 3);
    }

    async fn a_changed_name_and_email_arrive_at_the_next_sign_in_and_a_missing_email_keeps_the_old_one(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let username = company.name("li");
        let mut visitor = company.visitor(&portal, &username);
        for (details, first_name, email) in [
            (json!({"name_cn": "李四", "email": "li@old.example"}), "李四", "li@old.example"),
            (json!({"name_cn": "李思", "email": "li@new.example"}), "李思", "li@new.example"),
            (json!({"email": null}), "李思", "li@new.example"),
        ] {
            company.person(&username, details).await;
            let account = visitor.signs_in().await;
            assert!(account.body.contains(first_name) && account.body.contains(email), "{}", account.body);
            assert_eq!(portal.db_fields_of(&username, "first_name"), [first_name]);
            assert_eq!(portal.db_fields_of(&username, "email"), [email]);
        }
        assert_eq!(portal.database.count("users"), 1);
    }

    async fn permissions_follow_the_platform_and_a_failed_call_keeps_them_and_says_so(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let username = company.name("li");
        let mut visitor = company.visitor(&portal, &username);

        company.person(&username, json!({"permissions": ["payroll.edit", "report.view"]})).await;
        visitor.signs_in().await;
        assert_eq!(portal.db_permissions_of(&username), ["payroll.edit", "report.view"]);

        company.person(&username, json!({"permissions": ["report.view", "wiki.edit"]})).await;
        let account = visitor.signs_in().await;
        assert!(!account.body.contains("payroll.edit") && !account.body.contains(STALE), "{}", account.body);
        assert_eq!(portal.db_permissions_of(&username), ["report.view", "wiki.edit"]);

        company.person(&username, json!({"permissions": [], "permissions_shape": "broken"})).await;
        let account = visitor.signs_in().await;
        assert!(account.body.contains(STALE) && account.body.contains("wiki.edit"), "{}", account.body);
        assert_eq!(portal.db_permissions_of(&username), ["report.view", "wiki.edit"]);

        company.person(&username, json!({"permissions_shape": "strings"})).await;
        let account = visitor.signs_in().await;
        assert!(!account.body.contains(STALE), "{}", account.body);
        assert!(portal.db_permissions_of(&username).is_empty(), "an empty set is a set");
    }

    async fn a_wrong_client_secret_ends_on_a_page_about_the_portal_s_settings(database) {
        let Some(company) = Company::new() else { return };
        let registration = json!({"client_secret": "the one before it was changed"});
        let portal = company.open(company.start(database), registration).await;
        let username = company.name("li");
        company.person(&username, json!({})).await;
        let answer = company.visitor(&portal, &username).allows().await;
        assert_refused(&portal, &answer, 502, "does not accept this portal");
    }

    async fn a_platform_that_requires_pkce_refuses_a_portal_without_it(database) {
        let Some(company) = Company::new() else { return };
        let start = company.start(database).with("OAUTH2_PKCE", "off");
        let portal = company.open(start, json!({"pkce_required": true})).await;
        let username = company.name("li");
        company.person(&username, json!({})).await;
        let mut visitor = company.visitor(&portal, &username);
        let callback = visitor.callback(Decision::Allow).await.expect("a way back");
        assert_eq!(parameter(&callback, "error"), "invalid_request");
        let answer = visitor.at_portal.get(&callback).await;
        assert_refused(&portal, &answer, 502, "returned an error");
    }

    async fn without_pkce_people_sign_in_where_it_is_not_required(database) {
        let Some(company) = Company::new() else { return };
        let start = company.start(database).with("OAUTH2_PKCE", "off");
        let portal = company.open(start, json!({"pkce_required": false})).await;
        let username = company.name("li");
        company.person(&username, json!({})).await;
        company.visitor(&portal, &username).signs_in().await;
    }

    async fn a_person_who_declines_can_try_again(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let username = company.name("li");
        company.person(&username, json!({})).await;
        let mut visitor = company.visitor(&portal, &username);
        let answer = visitor.decides(Decision::Decline).await;
        assert_refused(&portal, &answer, 403, "declined this sign-in");
        assert!(answer.body.contains(TRY_AGAIN) && answer.body.contains("Try again"), "{}", answer.body);
        visitor.signs_in().await;
        assert_eq!(portal.database.count("users"), 1);
    }

    async fn a_portal_authenticates_by_post_by_basic_and_as_a_public_client(database) {
        for method in ["post", "basic", "none"] {
            let Some(company) = Company::new() else { return };
            let start = company.start(database.clone()).with("OAUTH2_CLIENT_AUTH", method);
            let portal = if method == "none" {
                let start = start.without("OAUTH2_CLIENT_SECRET");
                company.open(start, json!({"client_type": "public"})).await
            } else {
                company.open(start, json!({})).await
            };
            let username = company.name("li");
            company.person(&username, json!({})).await;
            company.visitor(&portal, &username).signs_in().await;
        }
    }

    async fn secrets_with_odd_characters_arrive_by_post_and_by_basic(database) {
        let Some(company) = Company::new() else { return };
        let username = company.name("li");
        company.person(&username, json!({})).await;
        for odd in ["%", ":", "+", " ", "/", "密钥", "%2B&=", "\"'\\?#", "é𠮷🎉", "%:+ /密钥"] {
            for method in ["post", "basic"] {
                let secret = format!("{odd}{}{odd}", random_token().expect("randomness"));
                let start = company
                    .start(database.clone())
                    .with("OAUTH2_CLIENT_AUTH", method)
                    .with("OAUTH2_CLIENT_SECRET", secret);
                let portal = company.open(start, json!({"skip_authorization": true})).await;
                let end = company.visitor(&portal, &username).allows().await;
                assert_eq!(end.status, 303, "{odd} by {method}: {}", end.body);
                assert!(end.sets_session(), "{odd} by {method}");
            }
        }
        assert_eq!(database.count("users"), 1);
    }

    async fn by_default_a_person_disabled_at_the_platform_is_signed_out_here_and_a_right_taken_there_is_gone(database) {
        let Some(company) = Company::new() else { return };
        let start = company.start(database)
            .with("OAUTH2_RECHECK", "20s")
            .with("FRONTDESK_SUPERUSER_PERMISSION", "desk.admin");
        let portal = company.open(start, json!({})).await;
        portal.db_create_local_account("root");
        portal.db_make_superuser("root");
        let mut visitors = Vec::new();
        for name in ["boss", "wang", "chen", "zhao"] {
            let name = company.name(name);
            company.person(&name, json!({"permissions": ["desk.admin", "x"]})).await;
            let mut visitor = company.visitor(&portal, &name);
            visitor.signs_in().await;
            visitors.push(visitor);
        }
        let [boss, wang, ..] = visitors.as_slice() else { panic!("four") };
        let admits = async |visitor: &Visitor| visitor.at_portal.get("/admin/users").await.status.as_u16();
        assert_eq!([admits(boss).await, admits(wang).await], [200, 200]);

        // A right is taken there: the next re-check takes it here, in the same session.
        company.person(&boss.username, json!({"permissions": ["x"]})).await;
        portal.clock.advance(Duration::from_secs(20));
        until("the right is gone", async || admits(boss).await == 403).await;
        assert_eq!(portal.db_permissions_of(&boss.username), ["x"]);
        assert_eq!(boss.at_portal.get("/account").await.status, 200);

        // Somebody is switched off there: their profile is refused with a bare 403. The first time may
        // be an outage, the second is not, since others were answered.
        company.person(&wang.username, json!({"is_active": false})).await;
        let refusals = format!("SELECT MAX(i.unnamed_refusals) AS value FROM identities i WHERE i.subject = {}", quoted(&wang.username));
        portal.clock.advance(Duration::from_secs(20));
        until("they are refused once", async || portal.database.number(&refusals) == 1).await;
        assert_eq!(admits(wang).await, 200);
        portal.clock.advance(Duration::from_secs(20));
        until("they are out", async || wang.at_portal.get("/account").await.status == 303).await;
        assert_eq!(admits(wang).await, 303);
        assert_eq!(boss.at_portal.get("/account").await.status, 200);
    }

    async fn a_person_deactivated_here_is_refused_and_stays_deactivated(database) {
        let Some(company) = Company::new() else { return };
        let logout_url = company.platform.logout_url();
        let start = company.start(database).with("OAUTH2_LOGOUT_URL", &logout_url);
        let portal = company.open(start, json!({})).await;
        let without_logout = company.start(portal.database.clone()).beside(&portal).run().await;
        let (li, wang) = (company.name("li"), company.name("wang"));
        company.person(&li, json!({})).await;
        company.person(&wang, json!({})).await;
        let mut visitor = company.visitor(&portal, &li);
        visitor.signs_in().await;

        portal.db_deactivate(&li);
        let answer = visitor.at_portal.get("/account").await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/login?next=/account"));

        // The platform still says `"is_active": true`.
        let sessions = portal.database.count("sessions");
        let link = format!("href=\"{logout_url}\"");
        let mut elsewhere = company.visitor(&portal, &li);
        let mut linkless = company.visitor(&without_logout, &li);
        for (answer, link) in [
            (visitor.allows().await, link.as_str()),
            (elsewhere.allows().await, link.as_str()),
            (linkless.allows().await, ASK_AGAIN),
        ] {
            assert_eq!(answer.status, 403, "{}", answer.body);
            assert!(answer.body.contains("Your account is deactivated"), "{}", answer.body);
            assert!(answer.body.contains(link), "{}", answer.body);
            assert!(!answer.sets_session());
        }
        assert_eq!(portal.database.count("sessions"), sessions);
        assert_eq!(portal.database.count("users WHERE is_active = FALSE"), 1);
        assert_eq!(visitor.at_portal.get("/account").await.status, 303);

        // The link leads to a sign-in as someone else.
        visitor.at_platform.log_out().await;
        visitor.username = wang;
        visitor.signs_in().await;
        assert_eq!(portal.database.count("users WHERE is_active = FALSE"), 1);
    }

    async fn a_fresh_sign_in_is_asked_of_the_platform(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let username = company.name("li");
        company.person(&username, json!({})).await;
        let mut li = company.visitor(&portal, &username);
        li.signs_in().await;
        // The platform still knows her: no password is asked for, unless we ask for that.
        let wrong = "not the password";
        for (prompt, is_asked) in [("", false), ("&prompt=login", true)] {
            let begun = li.at_portal.get(&format!("/oauth2/login?next=/account{prompt}")).await;
            let way = li
                .at_platform
                .log_in_and_decide(begun.location(), &username, wrong, Decision::Allow)
                .await;
            assert_eq!(way.is_err(), is_asked, "{way:?}");
        }
    }

    async fn roles_in_a_profile_change_no_role_here(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let username = company.name("li");
        company.person(&username, json!({})).await;
        let mut visitor = company.visitor(&portal, &username);
        visitor.signs_in().await;
        assert_eq!(portal.database.count("users WHERE is_active = TRUE AND is_staff = FALSE AND is_superuser = FALSE"), 1);

        // The platform still says `"is_superuser": false`.
        portal.db_make_superuser(&username);
        visitor.signs_in().await;
        assert_eq!(portal.database.count("users WHERE is_active = TRUE AND is_staff = TRUE AND is_superuser = TRUE"), 1);
    }

    async fn a_person_disabled_at_the_platform_stays_on_its_login_page(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let never_in = company.name("never.in");
        company.person(&never_in, json!({"is_active": false})).await;
        let mut visitor = company.visitor(&portal, &never_in);
        let page = visitor.callback(Decision::Allow).await.expect_err("the login page");
        assert!(page.contains("name=\"password\""), "{page}");
        assert_eq!(portal.database.count("users"), 0);

        // Nor does a session at the platform from before help.
        let leaving = company.name("leaving");
        company.person(&leaving, json!({})).await;
        let mut visitor = company.visitor(&portal, &leaving);
        visitor.signs_in().await;
        company.person(&leaving, json!({"is_active": false})).await;
        let page = visitor.callback(Decision::Allow).await.expect_err("the login page");
        assert!(page.contains("name=\"password\""), "{page}");
        assert_eq!(portal.database.count("sessions"), 1);
    }

    async fn a_code_used_twice_opens_no_second_session(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let username = company.name("li");
        company.person(&username, json!({})).await;
        let mut visitor = company.visitor(&portal, &username);
        let callback = visitor.callback(Decision::Allow).await.expect("a way back");
        let end = visitor.at_portal.get(&callback).await;
        visitor.is_in(&end).await;
        visitor.at_portal.forget("fd_session");

        // The portal knows that the attempt was used, and begins another.
        let restart = visitor.at_portal.get(&callback).await;
        assert_eq!(restart.status, 303, "{}", restart.body);
        let authorize = format!("{}/o/authorize/", company.platform.url);
        assert!(restart.location().starts_with(&authorize), "{}", restart.location());
        assert!(!restart.sets_session());

        // With the state of that one, and at an instance that has not seen the first one, the
        // code reaches the platform again.
        let state = parameter(restart.location(), "state");
        let forged = callback.replace(&parameter(&callback, "state"), &state);
        let other = company.start(portal.database.clone()).beside(&portal).run().await;
        for answer in [
            visitor.at_portal.get(&forged).await,
            visitor.at_portal.at(&other).get(&callback).await,
        ] {
            assert_eq!(answer.status, 400, "{}", answer.body);
            assert!(answer.body.contains("was already used"), "{}", answer.body);
            assert!(answer.body.contains(TRY_AGAIN), "{}", answer.body);
            assert!(!answer.sets_session());
        }
        assert_eq!(portal.database.count("sessions"), 1);
        assert_eq!(portal.database.count("users"), 1);
        assert!(!portal.log().contains(&parameter(&callback, "code")));
    }

    async fn twenty_people_who_sign_in_at_once_have_twenty_accounts(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let mut ways = Vec::new();
        for number in 0..20 {
            let username = company.name(&format!("colleague{number}"));
            company.person(&username, json!({"name_cn": username})).await;
            let mut visitor = company.visitor(&portal, &username);
            ways.push(spawn(async move {
                let callback = visitor.callback(Decision::Allow).await.expect("a way back");
                (visitor, callback)
            }));
        }
        let mut returning = Vec::new();
        for way in ways {
            returning.push(way.await.expect("somebody on the way back"));
        }
        let mut ends = Vec::new();
        for (visitor, callback) in returning {
            ends.push(spawn(async move {
                let end = visitor.at_portal.get(&callback).await;
                visitor.is_in(&end).await;
            }));
        }
        for end in ends {
            end.await.expect("somebody signed in");
        }
        for table in ["users", "identities", "sessions"] {
            assert_eq!(portal.database.count(table), 20, "{table}");
        }
    }
}
