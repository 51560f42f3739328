//! The apps of the gallery's company.

use serde_json::json;

use crate::support::apps::{any_of, db_app, db_app_grant, db_category, everyone};
use crate::support::{Db, Portal};

/// Apps in two categories and outside of any, of which one ends soon.
pub fn company_apps(portal: &Portal) {
    let database = &portal.database;
    db_category(database, 1, 1, "Every day", "日常");
    db_category(database, 2, 2, "People and money", "人事与财务");
    for (key, category, icon, tint, names, descriptions) in [
        (
            "mail",
            1,
            "mail",
            1,
            ("Mail", "邮箱"),
            ("Company email", "公司邮箱"),
        ),
        (
            "chat",
            1,
            "chat",
            2,
            ("", "企业微信"),
            ("", "与同事和团队沟通"),
        ),
        (
            "help",
            1,
            "help",
            6,
            ("IT help desk", "IT 服务台"),
            ("Report a problem, ask for a device", "报障、申领设备"),
        ),
        (
            "expenses",
            2,
            "wallet",
            2,
            ("Expenses", "报销"),
            ("Submit and follow expense reports", "提交和跟踪报销单"),
        ),
        ("travel", 0, "plane", 4, ("Travel", ""), ("", "")),
    ] {
        db_app(
            database,
            key,
            &json!({
                "name_en": names.0, "name_zh": names.1, "icon": icon, "tint": tint,
                "description_en": descriptions.0, "description_zh": descriptions.1,
                "category_id": (category > 0).then_some(category), "rule": everyone(),
            }),
        );
    }
    let payroll =
        json!({"name_en": "Payroll", "name_zh": "工资", "is_requestable": true, "tint": 5});
    let payroll = db_app(database, "payroll", &payroll);
    let end = portal.clock.now().0 + 3 * 24 * 3600 * 1_000_000;
    db_app_grant(database, payroll, portal.db_id_of("linxiaoyu"), Some(end));
    db_app(
        database,
        "plans",
        &json!({"name_en": "Plans", "rule": any_of(&["plan.read"])}),
    );
}
