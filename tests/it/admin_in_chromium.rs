//! An admin's work in a real Chromium, by the keyboard alone.

use serde_json::json;

use crate::gallery::{axe, become_person, check, check_console};
use crate::support::webdriver::{Chromium, ENTER, Screen, TAB};
use crate::support::{Database, Db, Person, Portal, on_both_databases, run};

/// Goes on by Tab until the element that a selector finds has the focus.
async fn tab_to(chromium: &Chromium, css: &str) {
    for _ in 0..150 {
        chromium.press(TAB).await;
        let script = "return document.activeElement.matches(arguments[0])";
        if chromium.execute(script, json!([css])).await == true {
            return;
        }
    }
    panic!("Tab does not come to {css}");
}

async fn page_text(chromium: &Chromium) -> String {
    chromium.text("main").await
}

on_both_databases! {
    async fn an_admin_finds_a_person_by_two_characters_and_deactivates_them(database) {
        if !Chromium::available() {
            return;
        }
        let portal = Portal::on(database).run().await;
        let colleagues = [("wangjianguo", "王建国"), ("ouyangjing", "欧阳静"), ("amelia", "Amelia Hart")];
        for (username, name) in colleagues {
            portal.signed_in(&Person::named(username).with("name_cn", name)).await;
        }
        let zhou = Person::named("zhouwenbo").with("name_cn", "周文博");
        let zhou_s = portal.signed_in(&zhou).await;
        let boss = portal.signed_in(&Person::named("linxiaoyu").with("name_cn", "林晓雨")).await;
        let staff = portal.signed_in(&Person::named("looker").with("name_cn", "Looker")).await;
        portal.db_make_staff("looker");
        portal.db_make_superuser("linxiaoyu");
        portal.db_prove("linxiaoyu");

        // That person has a page open.
        let person = Chromium::start("zh-CN,zh", Screen::DESKTOP).await;
        become_person(&person, &portal, &zhou_s).await;
        person.goto(&format!("{}/account", portal.url)).await;
        assert_eq!(person.text("h1").await, "我的账号");

        let admin = Chromium::start("en", Screen::DESKTOP).await;
        let axe = axe();
        become_person(&admin, &portal, &boss).await;
        admin.goto(&format!("{}/admin/users", portal.url)).await;
        tab_to(&admin, "#q").await;
        admin.type_keys("文博").await;
        admin.leave_by(admin.press(ENTER)).await;
        assert_eq!(admin.count("tbody tr").await, 1, "found by two characters of the name: {} {}", admin.url().await, page_text(&admin).await);
        tab_to(&admin, "tbody a").await;
        admin.leave_by(admin.press(ENTER)).await;
        assert_eq!(admin.text("h1").await, "周文博");
        tab_to(&admin, "a.careful").await;
        admin.leave_by(admin.press(ENTER)).await;
        assert_eq!(admin.text("h1").await, "Deactivate 周文博?");
        tab_to(&admin, "#reason").await;
        admin.type_keys("left the company").await;
        tab_to(&admin, "form.confirm button").await;
        admin.leave_by(admin.press(ENTER)).await;
        let page = page_text(&admin).await;
        assert!(page.contains("The account is deactivated and signed out everywhere."), "{page}");
        assert!(page.contains("Account deactivated") && page.contains("left the company"), "the timeline shows it");
        assert!(page.contains("Not signed in anywhere"));
        check_console(&admin, "").await;
        check(&admin, axe.as_deref(), "just-deactivated").await;

        // Their open page is refused at the next click, and so is a new sign-in.
        person.follow("a[href='/account/timeline']").await;
        assert!(person.url().await.contains("/login?next="), "{}", person.url().await);
        assert_eq!(portal.browser().sign_in(&zhou, "/").await.status, 403);

        // Whoever may only look sees no button for what they may not do.
        become_person(&admin, &portal, &staff).await;
        let id = portal.db_id_of("ouyangjing");
        for path in [
            "/admin/users".to_owned(),
            format!("/admin/users/{id}"),
            "/admin/sessions".to_owned(),
            "/admin/audit".to_owned(),
            "/admin/status".to_owned(),
        ] {
            admin.goto(&format!("{}{path}", portal.url)).await;
            let acts = "main form[method=post]:not([action$='/start-page']), main input[type=checkbox], main .careful, main .danger, \
                        main form[action*='.csv'], main a[href$='/new'], main a[href*='/end'], main a[href*='/grant'], \
                        main a[href*='/role'], main a[href*='/note']";
            assert_eq!(admin.count(acts).await, 0, "{path}");
            assert!(admin.count("main h1").await == 1, "{path}");
        }
        admin.goto(&format!("{}/admin/users/{id}/deactivate", portal.url)).await;
        assert_eq!(admin.text("h1").await, "You cannot open this page");
    }
}
