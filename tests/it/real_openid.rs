//! `OpenID` Connect with a real provider that nobody here wrote, oidc-provider for Node: signing in,
//! staying and leaving.

use std::sync::atomic::{AtomicU32, Ordering};

use frontdesk::secret::random_token;
use serde_json::{Value, json};

use crate::support::django::{Decision, Platform, PlatformBrowser, parameter};
use crate::support::lying_openid::Key;
use crate::support::portal::Start;
use crate::support::real_openid::{Asked, Oidc, OidcBrowser};
use crate::support::{Answer, Browser, Database, Db, Portal, on_both_databases, run, until};

/// At django-oauth-toolkit, which asks for one.
const PASSWORD: &str = "correct horse battery staple";

/// The provider as one test has it: a client and people that no other test touches.
struct Company<'a> {
    oidc: &'a Oidc,
    number: u32,
    client_id: String,
    client_secret: String,
}

impl Company<'static> {
    /// `None` when this run has no provider.
    fn new() -> Option<Self> {
        Some(Self::at(Oidc::shared()?))
    }
}

impl<'a> Company<'a> {
    fn at(oidc: &'a Oidc) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            oidc,
            number,
            client_id: format!("desk-{number}"),
            client_secret: random_token().expect("randomness"),
        }
    }

    /// A username of this test alone.
    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.number)
    }

    /// A portal, yet to be started, that knows the issuer and no address.
    fn start(&self, database: Database) -> Start {
        Portal::on(database)
            .with("OAUTH2_ISSUER", &self.oidc.url)
            .with("OAUTH2_CLIENT_ID", &self.client_id)
            .with("OAUTH2_CLIENT_SECRET", &self.client_secret)
            .without("OAUTH2_AUTHORIZE_URL")
            .without("INTERNAL_URL_PREFIX")
    }

    /// The provider's table in a file of providers; what is left is for `more` to say.
    fn table(&self, id: &str, more: &str) -> String {
        format!(
            "[{id}]\nkind = \"openid\"\nissuer = \"{}\"\nclient_id = \"{}\"\n{more}\n",
            self.oidc.url, self.client_id
        )
    }

    /// The same, with the client's secret.
    fn table_with_secret(&self, id: &str, more: &str) -> String {
        let secret = &self.client_secret;
        self.table(id, &format!("client_secret = \"{secret}\"\n{more}"))
    }

    /// Starts a portal and registers it as it is set up, save for what `registration` says; what it
    /// says is null, the registration has not. The portal's provider is called `id`; `company` is the
    /// one of the variables.
    async fn open_as(&self, id: &str, start: Start, registration: Value) -> Portal {
        let portal = start.run().await;
        let callback = match id {
            "company" => "/oauth2_callback/".to_owned(),
            id => format!("/oauth2_callback/{id}/"),
        };
        let usual = json!({
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uris": [format!("{}{callback}", portal.url)],
            "post_logout_redirect_uris": [format!("{}/signed-out", portal.url)],
            "backchannel_logout_uri": format!("{}/oidc/backchannel-logout/{id}", portal.url),
        });
        self.oidc.client(&merged(usual, registration)).await;
        portal
    }

    async fn open(&self, start: Start, registration: Value) -> Portal {
        self.open_as("company", start, registration).await
    }

    /// A portal with nothing special about it.
    async fn portal(&self, database: Database) -> Portal {
        self.open(self.start(database), json!({})).await
    }

    /// Creates or changes a person; what is left out keeps its value. Their subject.
    async fn person(&self, username: &str, details: Value) -> String {
        let usual = json!({"username": username});
        self.oidc.person(&merged(usual, details)).await
    }

    fn visitor(portal: &Portal, username: &str) -> Visitor {
        Visitor {
            username: username.to_owned(),
            provider: None,
            at_portal: portal.browser(),
            at_provider: OidcBrowser::new(),
        }
    }

    /// Somebody with the usual name, signed in.
    async fn signed_in(&self, portal: &Portal, name: &str) -> Visitor {
        let username = self.name(name);
        self.person(&username, json!({})).await;
        let mut visitor = Self::visitor(portal, &username);
        visitor.signs_in().await;
        visitor
    }

    /// What this client's portal asked of an endpoint.
    async fn seen(&self, route: &str) -> Vec<Asked> {
        let mut seen = self.oidc.seen_of(&self.client_id).await;
        seen.retain(|asked| asked.is(route));
        seen
    }

    /// How often the provider was asked again about somebody.
    async fn refreshes(&self, username: &str) -> usize {
        let refreshes = self.oidc.refreshes().await;
        refreshes.get(username).map_or(0, Vec::len)
    }
}

fn merged(mut usual: Value, more: Value) -> Value {
    let Value::Object(more) = more else {
        panic!("not an object");
    };
    usual.as_object_mut().expect("an object").extend(more);
    usual
}

/// Somebody at a browser of their own, which goes to the portal and to the provider.
struct Visitor {
    username: String,
    /// Which button they press, where there are several.
    provider: Option<&'static str>,
    at_portal: Browser,
    at_provider: OidcBrowser,
}

impl Visitor {
    /// The same person at another browser.
    fn elsewhere(&self, portal: &Portal) -> Self {
        Self {
            username: self.username.clone(),
            provider: self.provider,
            at_portal: portal.browser(),
            at_provider: OidcBrowser::new(),
        }
    }

    /// Where the portal sends them.
    async fn begins(&self) -> String {
        let Some(provider) = self.provider else {
            return self.at_portal.begin("/account").await;
        };
        let path = format!("/oauth2/login?next=/account&provider={provider}");
        let answer = self.at_portal.get(&path).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.location().to_owned()
    }

    /// From the portal through the provider: the address that leads back, or the provider's page
    /// that leads no further.
    async fn callback(&mut self) -> Result<String, String> {
        let authorize_url = self.begins().await;
        let username = self.username.clone();
        self.at_provider.sign_in(&authorize_url, &username).await
    }

    /// The whole way, and in: their account page.
    async fn signs_in(&mut self) -> Answer {
        let callback = self.callback().await.expect("a way back");
        let end = self.at_portal.get(&callback).await;
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

    async fn is_in(&self) -> bool {
        self.at_portal.get("/account").await.status == 200
    }

    /// Waits until their session has ended.
    async fn is_put_out(&self) {
        let what = format!("{} is out", self.username);
        until(&what, async || !self.is_in().await).await;
    }
}

on_both_databases! {
    async fn an_issuer_and_a_client_are_all_that_a_first_sign_in_needs(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let username = company.name("li");
        let details = json!({"name": "李四", "email": "li@example.com", "email_verified": true});
        let sub = company.person(&username, details).await;
        for time in ["first", "second"] {
            Company::visitor(&portal, &username).signs_in().await;
            assert_eq!(portal.db_fields_of(&username, "first_name"), ["李四"], "{time}");
            assert_eq!(portal.db_fields_of(&username, "email"), ["li@example.com"], "{time}");
            assert_eq!(portal.db_identities_of(&username), [format!("company {sub}")], "{time}");
        }
        assert_eq!(portal.database.count("users"), 1);
        assert_eq!(portal.database.count("sessions"), 2);
    }

    async fn groups_and_nested_realm_roles_become_permissions(database) {
        let Some(company) = Company::new() else { return };
        let table = company.table_with_secret(
            "oidc",
            "scope = \"openid profile email groups\"\n\
             permission_prefix = \"kc.\"\n\
             [oidc.mapping]\n\
             permissions = [\"/groups\", \"/realm_access/roles\"]\n\
             [oidc.permission_names]\n\
             \"desk-admins\" = \"frontdesk.admin\"",
        );
        let start = Portal::on(database).providers(&table);
        let portal = company.open_as("oidc", start, json!({})).await;
        let username = company.name("li");
        let mut visitor = Company::visitor(&portal, &username);
        for (groups, roles, expected) in [
            (json!(["staff", "desk-admins"]), json!(["auditor"]), vec!["frontdesk.admin", "kc.auditor", "kc.staff"]),
            (json!([]), json!(["auditor", "staff"]), vec!["kc.auditor", "kc.staff"]),
            // Absent everywhere: an empty set is a set.
            (json!(null), json!(null), vec![]),
        ] {
            company.person(&username, json!({"groups": groups, "realm_roles": roles})).await;
            visitor.signs_in().await;
            assert_eq!(portal.db_permissions_of(&username), expected);
        }
    }

    async fn people_sign_in_where_requests_must_be_pushed(database) {
        let Some(company) = Company::new() else { return };
        let registration = json!({"require_pushed_authorization_requests": true});
        // That this client's must be is known to nobody but the provider: its metadata does not
        // require it of all.
        let table = company.table_with_secret("oidc", "use_par = true");
        let start = Portal::on(database).providers(&table);
        let portal = company.open_as("oidc", start, registration).await;
        let username = company.name("li");
        company.person(&username, json!({})).await;
        let mut visitor = Company::visitor(&portal, &username);
        let authorize_url = visitor.begins().await;
        assert!(parameter(&authorize_url, "request_uri").starts_with("urn:"));
        assert!(!authorize_url.contains("redirect_uri"), "{authorize_url}");
        visitor.signs_in().await;
        let pushed = company.seen("pushed_authorization_request").await;
        assert!(!pushed.is_empty());
        for asked in pushed {
            assert_eq!(asked.status, Some(201));
            assert_eq!(asked.client_auth.as_deref(), Some("basic"));
        }
    }

    async fn a_refreshed_token_replaces_the_previous_one_at_each_re_check(database) {
        let Some(company) = Company::new() else { return };
        let start = company.start(database).with("OAUTH2_RECHECK", "1s");
        let portal = company.open(start, json!({})).await;
        let visitor = company.signed_in(&portal, "li").await;
        until("the provider was asked four times", async || {
            company.refreshes(&visitor.username).await >= 4
        })
        .await;
        // A token used twice would have ended all that was issued with it.
        for asked in company.seen("token").await {
            assert_eq!(asked.status, Some(200), "{asked:?}");
        }
        let kinds = company.seen("token").await.into_iter().filter_map(|asked| asked.grant_type);
        let refreshed = kinds.filter(|kind| kind == "refresh_token").count();
        assert!(refreshed >= 4, "{refreshed}");
        assert!(visitor.is_in().await);
    }

    async fn a_person_disabled_at_the_provider_is_signed_out_and_nobody_else_is(database) {
        let Some(company) = Company::new() else { return };
        let start = company.start(database).with("OAUTH2_RECHECK", "1s");
        let portal = company.open(start, json!({})).await;
        let mut leaving = company.signed_in(&portal, "leaving").await;
        let mut elsewhere = leaving.elsewhere(&portal);
        elsewhere.signs_in().await;
        let staying = company.signed_in(&portal, "staying").await;
        company.person(&leaving.username, json!({"active": false})).await;
        leaving.is_put_out().await;
        elsewhere.is_put_out().await;
        let page = leaving.callback().await.expect_err("the provider's own page");
        assert!(page.contains("Nobody by this name"), "{page}");
        // At least one look at the others since.
        let before = company.refreshes(&staying.username).await;
        until("the others are looked up", async || {
            company.refreshes(&staying.username).await > before + 1
        })
        .await;
        assert!(staying.is_in().await);

        // Who comes back is let in again, into the account of before.
        company.person(&leaving.username, json!({"active": true})).await;
        leaving.signs_in().await;
        assert_eq!(portal.database.count("users"), 2);
    }

    async fn an_outage_of_the_provider_signs_nobody_out(database) {
        let Some(oidc) = Oidc::start() else { return };
        let company = Company::at(&oidc);
        let start = company.start(database).with("OAUTH2_RECHECK", "1s");
        let portal = company.open(start, json!({})).await;
        let visitor = company.signed_in(&portal, "li").await;
        oidc.reset_seen().await;
        oidc.outage(true).await;
        until("the provider was asked in vain, again and again", async || {
            oidc.seen().await.iter().filter(|asked| asked.is_reset()).count() >= 3
        })
        .await;
        assert!(visitor.is_in().await);

        // And the looks go on afterwards.
        oidc.outage(false).await;
        let before = company.refreshes(&visitor.username).await;
        until("the provider is asked again", async || {
            company.refreshes(&visitor.username).await > before
        })
        .await;
        assert!(visitor.is_in().await);
        company.person(&visitor.username, json!({"active": false})).await;
        visitor.is_put_out().await;
    }

    async fn a_sign_out_at_the_provider_ends_that_session_here_and_no_other(database) {
        let Some(company) = Company::new() else { return };
        // So that nothing but the provider's own word can end a session.
        let start = company.start(database).with("OAUTH2_RECHECK", "off");
        let portal = company.open(start, json!({})).await;
        let mut here = company.signed_in(&portal, "li").await;
        let mut there = here.elsewhere(&portal);
        there.signs_in().await;
        let other = company.signed_in(&portal, "wang").await;

        let page = here.at_provider.end_session(&company.oidc.end_session_url()).await;
        assert!(page.contains("Signed out."), "{page}");
        here.is_put_out().await;
        assert!(there.is_in().await, "the same person's session at another browser");
        assert!(other.is_in().await);

        // The provider ends all of a person's.
        here.signs_in().await;
        company.oidc.log_out(&here.username).await;
        here.is_put_out().await;
        there.is_put_out().await;
        assert!(other.is_in().await);
    }

    async fn a_sign_out_here_leads_to_the_provider_s_and_back(database) {
        let Some(company) = Company::new() else { return };
        let portal = company.portal(database).await;
        let mut visitor = company.signed_in(&portal, "li").await;
        let account = visitor.at_portal.get("/account").await;
        let answer = visitor.at_portal.post("/logout", &account, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/signed-out"));
        let page = visitor.at_portal.get("/signed-out").await;
        assert!(page.body.contains("href=\"/signed-out/provider\""), "{}", page.body);

        let onward = visitor.at_portal.get("/signed-out/provider").await;
        assert_eq!(onward.status, 303, "{}", onward.body);
        let url = onward.location();
        assert!(url.starts_with(&company.oidc.end_session_url()), "{url}");
        assert_eq!(parameter(url, "client_id"), company.client_id);
        assert!(!parameter(url, "id_token_hint").is_empty());
        let back = format!("{}/signed-out", portal.url);
        assert_eq!(parameter(url, "post_logout_redirect_uri"), back);

        let returned = visitor.at_provider.end_session(url).await;
        assert!(returned.starts_with(&format!("{back}?")), "{returned}");
        assert_eq!(parameter(&returned, "state"), parameter(url, "state"));
        let page = visitor.at_portal.get(&returned).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.body.contains("You have signed out"), "{}", page.body);

        // The provider does not know the browser any more: it asks who is there.
        visitor.username = company.name("nobody");
        let page = visitor.callback().await.expect_err("the provider's own page");
        assert!(page.contains("name=\"username\""), "{page}");
    }

    async fn two_providers_of_different_makes_serve_one_portal(database) {
        let (Some(company), Some(platform)) = (Company::new(), Platform::shared()) else { return };
        let secret = random_token().expect("randomness");
        let client_id = format!("two-{}", company.client_id);
        let url = &platform.url;
        let vouches = "vouches_for = [\"permissions\", \"names\", \"adoption\", \"linking\", \"leaving\"]";
        let more = format!("label = \"Group\"\norder = 1\n{vouches}");
        let table = company.table_with_secret("oidc", &more);
        let table = format!(
            "{table}\n\
             [django]\n\
             {vouches}\n\
             kind = \"oauth2\"\n\
             label = \"Branch\"\n\
             order = 2\n\
             client_id = \"{client_id}\"\n\
             client_secret = \"{secret}\"\n\
             client_auth = \"post\"\n\
             authorize_url = \"{url}/o/authorize/\"\n\
             token_url = \"{url}/o/token/\"\n\
             profile_url = \"{url}/public-api/current_user/base_info\"\n\
             [django.mapping]\n\
             subject = \"/name\"\n\
             username = \"/name\"\n\
             first_name = \"/name_cn\"\n\
             email = \"/email\"\n"
        );
        let start = Portal::on(database).providers(&table);
        let portal = company.open_as("oidc", start, json!({})).await;
        platform
            .application(&json!({
                "client_id": client_id,
                "client_secret": secret,
                "redirect_uris": format!("{}/oauth2_callback/django/", portal.url),
                "skip_authorization": true,
            }))
            .await;

        let page = portal.browser().get("/login").await;
        for label in ["Group", "Branch"] {
            assert!(page.body.contains(label), "{}", page.body);
        }
        let (of_group, of_branch) = (company.name("group"), company.name("branch"));
        let sub = company.person(&of_group, json!({"name": "Of the group"})).await;
        let person = json!({"username": of_branch, "password": PASSWORD, "name_cn": "Of the branch"});
        platform.person(&person).await;

        for _ in 0..2 {
            let mut group = Company::visitor(&portal, &of_group);
            group.provider = Some("oidc");
            group.signs_in().await;

            let browser = portal.browser();
            let begun = browser.get("/oauth2/login?next=/account&provider=django").await;
            let callback = PlatformBrowser::new(platform)
                .log_in_and_decide(begun.location(), &of_branch, PASSWORD, Decision::Allow)
                .await
                .expect("a way back");
            let end = browser.get(&callback).await;
            assert_eq!(end.status, 303, "{}", end.body);
            let account = browser.get("/account").await;
            assert_eq!(account.user().as_deref(), Some(of_branch.as_str()));
        }
        assert_eq!(portal.db_identities_of(&of_group), [format!("oidc {sub}")]);
        assert_eq!(portal.db_identities_of(&of_branch), [format!("django {of_branch}")]);
        assert_eq!(portal.db_fields_of(&of_group, "first_name"), ["Of the group"]);
        assert_eq!(portal.db_fields_of(&of_branch, "first_name"), ["Of the branch"]);
        assert_eq!(portal.database.count("users"), 2);
    }

    async fn one_sign_in_costs_one_call_for_the_token_and_one_for_the_profile(database) {
        // Of its own: neither discovery nor the keys say who asks for them.
        let Some(oidc) = Oidc::start() else { return };
        let company = Company::at(&oidc);
        let portal = company.portal(database).await;
        for number in 1..=3 {
            company.signed_in(&portal, &format!("li-{number}")).await;
            let seen = oidc.seen().await;
            let calls = |route: &str| seen.iter().filter(|asked| asked.is(route)).count();
            assert_eq!(calls("token"), number);
            assert_eq!(calls("userinfo"), number);
            // Once for all, at the start or at the first sign-in.
            assert!(calls("discovery") <= 1, "{seen:?}");
            assert!(calls("jwks") <= 1, "{seen:?}");
            assert_eq!(calls("pushed_authorization_request"), 0);
        }
    }
}

#[test]
fn id_tokens_are_signed_by_each_algorithm_that_the_provider_has() {
    run(async {
        for algorithm in ["RS256", "ES256", "EdDSA"] {
            let Some(company) = Company::new() else {
                return;
            };
            let registration = json!({"id_token_signed_response_alg": algorithm});
            let start = company.start(Database::sqlite());
            let portal = company.open(start, registration).await;
            company.signed_in(&portal, "li").await;
        }
    });
}

#[test]
fn a_signed_userinfo_answer_is_read() {
    run(async {
        for algorithm in ["RS256", "ES256", "EdDSA"] {
            let Some(company) = Company::new() else {
                return;
            };
            let registration = json!({"userinfo_signed_response_alg": algorithm});
            let start = company.start(Database::sqlite());
            let portal = company.open(start, registration).await;
            let username = company.name("li");
            company
                .person(&username, json!({"email": "li@example.com"}))
                .await;
            Company::visitor(&portal, &username).signs_in().await;
            assert_eq!(portal.db_fields_of(&username, "email"), ["li@example.com"]);
        }
    });
}

#[test]
fn a_portal_authenticates_by_basic_by_post_and_as_a_public_client() {
    run(async {
        for (setting, registered) in [
            // Unset: what the provider's metadata offers first.
            ("", "client_secret_basic"),
            ("basic", "client_secret_basic"),
            ("post", "client_secret_post"),
            ("none", "none"),
        ] {
            let Some(company) = Company::new() else {
                return;
            };
            let mut start = company
                .start(Database::sqlite())
                .with("OAUTH2_CLIENT_AUTH", setting);
            let mut registration = json!({"token_endpoint_auth_method": registered});
            if setting == "none" {
                start = start.without("OAUTH2_CLIENT_SECRET");
                registration["client_secret"] = Value::Null;
            }
            let portal = company.open(start, registration).await;
            company.signed_in(&portal, "li").await;
            let seen = company.seen("token").await;
            assert_eq!(seen.len(), 1, "{setting}");
            let expected = if setting.is_empty() { "basic" } else { setting };
            assert_eq!(seen[0].client_auth.as_deref(), Some(expected));
        }
    });
}

#[test]
fn a_portal_authenticates_with_a_key_of_each_kind() {
    run(async {
        for key in [Key::rsa(), Key::p256(), Key::p384(), Key::ed25519()] {
            let Some(company) = Company::new() else {
                return;
            };
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("key.pem");
            std::fs::write(&path, key.pem()).expect("a file");
            let table = company.table(
                "oidc",
                &format!(
                    "client_auth = \"private_key_jwt\"\n\
                     private_key_file = \"{}\"\n\
                     private_key_id = \"{}\"\n\
                     use_par = true",
                    path.to_str().expect("Unicode"),
                    key.id
                ),
            );
            let start = Portal::on(Database::sqlite()).providers(&table);
            let registration = json!({
                "client_secret": null,
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [key.jwk()]},
            });
            let portal = company.open_as("oidc", start, registration).await;
            company.signed_in(&portal, "li").await;
            for route in ["pushed_authorization_request", "token"] {
                let seen = company.seen(route).await;
                assert_eq!(seen.len(), 1, "{} at {route}", key.id);
                assert_eq!(seen[0].client_auth.as_deref(), Some("private_key_jwt"));
            }
        }
    });
}

#[test]
fn new_keys_of_the_provider_are_fetched_when_they_are_met() {
    run(async {
        // Of its own: the keys are everybody's.
        let Some(oidc) = Oidc::start() else { return };
        let company = Company::at(&oidc);
        let portal = company.portal(Database::sqlite()).await;
        company.signed_in(&portal, "li").await;
        oidc.rotate_keys(false).await;
        company.signed_in(&portal, "wang").await;
        let seen = oidc.seen().await;
        let fetched = seen.iter().filter(|asked| asked.is("jwks")).count();
        assert_eq!(fetched, 2);
    });
}
