//! The pages of a portal with several providers.

use serde_json::json;

use super::{Gallery, axe, become_person};
use crate::support::lying_openid::{Call, Document, Subject};
use crate::support::provider::query;
use crate::support::webdriver::{Chromium, Screen};
use crate::support::{Browser, Database, Db, OpenId, Reply, run, until};

/// A portal of two providers, the second of which lets in few and is down at first.
struct Company {
    group: OpenId,
    branch: OpenId,
    gallery: Gallery,
}

impl Company {
    async fn start(languages: &str) -> Self {
        let (group, branch) = (OpenId::start().await, OpenId::start().await);
        branch.on_call(Call::Discovery, Reply::Reset);
        let toml = format!(
            "{}order = 1\nlabel = \"Qinghe Group\"\nlabel_zh = \"清禾集团\"\ncolor = \"#2c49c4\"\n\
             mapping.permissions = [\"/groups\"]\n\
             {}order = 2\nlabel = \"Suzhou branch\"\nlabel_zh = \"苏州分公司\"\n\
             admit_email_domains = [\"suzhou.qinghe.example\"]\n",
            group
                .toml("group")
                .replace("recheck = \"off\"", "recheck = \"5m\""),
            branch.toml("branch"),
        );
        let portal = group.portal_of(Database::sqlite(), &toml).run().await;
        let chromium = Chromium::start(languages, Screen::DESKTOP).await;
        Self {
            group,
            branch,
            gallery: Gallery {
                chromium,
                axe: axe(),
                portal,
            },
        }
    }

    /// How many providers are not available, as the sign-in page has it.
    async fn are_down(&self, count: usize) {
        until("the sign-in page knows who is down", async || {
            self.gallery.open("/login").await;
            self.gallery.chromium.count("main .hint .badge.warn").await == count
        })
        .await;
    }

    /// Somebody comes back from a provider, in the browser that is looked at.
    async fn comes_back(&self, provider: &OpenId, browser: &Browser, from: &str, who: &Subject) {
        let begun = browser.get(from).await;
        assert_eq!(begun.status, 303, "{}", begun.body);
        let chromium = &self.gallery.chromium;
        let binding = browser.cookie("fd_browser").expect("a binding");
        chromium.add_cookie("fd_browser", &binding).await;
        let callback = provider.approve(begun.location(), who);
        chromium.goto(&callback).await;
    }

    async fn signed_in(&self, who: &Subject) -> Browser {
        let portal = &self.gallery.portal;
        let browser = portal.browser();
        let from = "/oauth2/login?next=/account&provider=group";
        let answer = self.group.sign_in_from(&browser, from, who).await;
        assert!(answer.sets_session(), "{}", answer.body);
        become_person(&self.gallery.chromium, portal, &browser).await;
        browser
    }

    async fn outside(&self) {
        self.are_down(1).await;
        self.gallery.check("login-one-unavailable").await;
        self.branch.behave();
        self.are_down(0).await;
        self.gallery.check("login-providers").await;
        let stranger = Subject::named("linxiaoyu");
        let browser = self.gallery.portal.browser();
        let from = "/oauth2/login?next=/account&provider=branch";
        self.comes_back(&self.branch, &browser, from, &stranger)
            .await;
        self.gallery.check("not-admitted").await;
    }

    async fn inside(&self) {
        let lin = Subject::named("linxiaoyu").with("name", "林晓雨");
        let lin = lin.with("groups", json!(["expenses.submit", "hr.leave"]));
        self.signed_in(&lin).await;
        self.gallery.show("/account", "account-providers").await;
        let admin = self.signed_in(&Subject::named("boss")).await;
        self.gallery.portal.db_make_superuser("boss");

        let from = "/oauth2/login?rehearse=1&provider=group";
        let changed = lin.with("groups", json!(["expenses.submit", "dev.git"]));
        self.comes_back(&self.group, &admin, from, &changed).await;
        self.gallery.check("rehearsal").await;
        let other = json!({"nonce": "another"});
        self.group.patch(Document::IdToken, other);
        self.comes_back(&self.group, &admin, from, &changed).await;
        self.gallery.check("rehearsal-failed").await;
        self.group.behave();

        until("the providers' addresses are checked", async || {
            self.gallery.open("/admin/status").await;
            let main = self.gallery.chromium.text("main").await;
            main.contains("branch.token_url")
        })
        .await;
        self.gallery.check("admin-status-providers").await;

        // Out of here, then out of there, and back.
        let (chromium, portal) = (&self.gallery.chromium, &self.gallery.portal);
        self.gallery.open("/account").await;
        chromium.follow("main form[action='/logout'] button").await;
        self.gallery.check("signed-out-provider").await;
        let farewell = chromium.cookie("fd_farewell").await.expect("a cookie");
        let browser = portal.browser();
        browser.set_cookie("fd_farewell", &farewell);
        let onward = browser.get("/signed-out/provider").await;
        let state = query(onward.location())["state"].clone();
        self.gallery
            .show(&format!("/signed-out?state={state}"), "signed-out-back")
            .await;
    }
}

fn tour_of_providers(languages: &str) {
    if !Chromium::available() {
        return;
    }
    run(async {
        let company = Company::start(languages).await;
        company.outside().await;
        company.inside().await;
    });
}

#[test]
fn the_pages_of_several_providers_in_english_are_fit_to_use() {
    tour_of_providers("en");
}

#[test]
fn the_pages_of_several_providers_in_chinese_are_fit_to_use() {
    tour_of_providers("zh-CN,zh");
}
