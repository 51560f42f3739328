//! The apps of the stand-in's company, and who asked for access to them.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::colleagues::OWNER;
use crate::admin::Admin;
use crate::admin::apps::{self as acts, AppRefusal};
use crate::apps::{App, AppChange, AppField, AppFields, Audience, Grant, Icon, Rule, grants};
use crate::audit::{About, Actor, Deed, Event, Note};
use crate::clock::UnixTime;
use crate::db::{Conn, Sql};
use crate::error::{Error, Result, Stopped};
use crate::i18n::rfc3339;
use crate::id::{AppId, CategoryId, RequestId, UserId, new_id};
use crate::sessions::Client;

/// Both can be asked for, and their owner decides.
pub const TRAVEL: &str = "travel";
pub const SALES: &str = "sales";
/// Its rule is changed during the month.
const EXPENSES: &str = "expenses";
/// Nobody who releases payments may use the app in which they are claimed.
const PAYS: &str = "finance.pay";

const DAY: Duration = Duration::from_secs(86_400);
/// How long the one grant lasts.
const GRANTED_DAYS: u32 = 7;

const CATEGORIES: [(&str, &str); 3] = [
    ("Every day", "日常"),
    ("People and money", "人事与财务"),
    ("Engineering", "研发"),
];

/// An app as the table below has it. An empty `any_of` opens it to everyone.
struct Entry {
    key: &'static str,
    category: usize,
    names: (&'static str, &'static str),
    descriptions: (&'static str, &'static str),
    icon: Icon,
    tint: i64,
    any_of: &'static [&'static str],
    keywords: &'static str,
}

const ENTRIES: [Entry; 10] = [
    Entry {
        key: "mail",
        category: 0,
        names: ("Mail", "邮箱"),
        descriptions: ("Company email", "公司邮箱"),
        icon: Icon::Mail,
        tint: 1,
        any_of: &[],
        keywords: "youxiang yx email",
    },
    Entry {
        key: "chat",
        category: 0,
        names: ("Chat", "即时沟通"),
        descriptions: ("Talk to colleagues and teams", "与同事和团队沟通"),
        icon: Icon::Chat,
        tint: 2,
        any_of: &[],
        keywords: "jishigoutong jsgt im",
    },
    Entry {
        key: "handbook",
        category: 0,
        names: ("Handbook", "员工手册"),
        descriptions: ("How we work, from A to Z", "制度与办事指南"),
        icon: Icon::Book,
        tint: 4,
        any_of: &[],
        keywords: "yuangongshouce ygsc wiki",
    },
    Entry {
        key: EXPENSES,
        category: 1,
        names: ("Expenses", "费用报销"),
        descriptions: ("Submit and follow expense reports", "提交和查看报销单"),
        icon: Icon::Wallet,
        tint: 2,
        any_of: &["expenses.submit"],
        keywords: "feiyongbaoxiao fybx",
    },
    Entry {
        key: "leave",
        category: 1,
        names: ("Leave and hours", "考勤与休假"),
        descriptions: ("Ask for leave, see your balance", "申请休假，查看余额"),
        icon: Icon::Clock,
        tint: 3,
        any_of: &["hr.leave", "hr.manage"],
        keywords: "kaoqinyuxiujia kqyxj holidays",
    },
    Entry {
        key: TRAVEL,
        category: 1,
        names: ("Travel", "差旅"),
        descriptions: ("Book trains, flights and hotels", "预订火车、机票和酒店"),
        icon: Icon::Plane,
        tint: 1,
        any_of: &["travel.book"],
        keywords: "chailv cl",
    },
    Entry {
        key: SALES,
        category: 1,
        names: ("Sales reports", "销售报表"),
        descriptions: ("Figures by region and product", "按区域和产品查看销售数据"),
        icon: Icon::Chart,
        tint: 5,
        any_of: &["reports.sales.read"],
        keywords: "xiaoshoubaobiao xsbb",
    },
    Entry {
        key: "git",
        category: 2,
        names: ("Source code", "代码仓库"),
        descriptions: ("Repositories and reviews", "代码与评审"),
        icon: Icon::Code,
        tint: 6,
        any_of: &["dev.git"],
        keywords: "daimacangku dmck",
    },
    Entry {
        key: "ci",
        category: 2,
        names: ("Build farm", "构建平台"),
        descriptions: ("Pipelines and artefacts", "流水线与制品"),
        icon: Icon::Server,
        tint: 4,
        any_of: &["dev.git"],
        keywords: "goujianpingtai gjpt",
    },
    Entry {
        key: "parts",
        category: 2,
        names: ("Parts catalogue", "物料目录"),
        descriptions: ("Stock, drawings and suppliers", "库存、图纸与供应商"),
        icon: Icon::Box,
        tint: 3,
        any_of: &["parts.read"],
        keywords: "wuliaomulu wlml",
    },
];

impl Entry {
    fn fields(&self, categories: &[CategoryId]) -> AppFields {
        let is_hidden = self.key == "ci";
        let audience = if self.any_of.is_empty() {
            Audience::Everyone
        } else {
            Audience::AnyOf
        };
        AppFields {
            name_en: self.names.0.to_owned(),
            name_zh: self.names.1.to_owned(),
            description_en: self.descriptions.0.to_owned(),
            description_zh: self.descriptions.1.to_owned(),
            url: format!("https://{}.qinghe.example/", self.key),
            category_id: categories.get(self.category).copied(),
            icon: self.icon,
            image: None,
            tint: self.tint,
            rule: Rule {
                audience,
                any_of: self.any_of.iter().map(|&name| name.to_owned()).collect(),
                but_not: BTreeSet::new(),
            },
            is_hidden,
            is_requestable: matches!(self.key, TRAVEL | SALES),
            keywords: self.keywords.to_owned(),
            note: if is_hidden {
                "People come here from the source code.".to_owned()
            } else {
                String::new()
            },
        }
    }
}

fn failed(stopped: Stopped<AppRefusal>) -> Error {
    match stopped {
        Stopped::Refused(refusal) => Error::Internal(format!("the demo's apps: {refusal}")),
        Stopped::Failed(error) => error,
    }
}

fn find(conn: &mut Conn, key: &str) -> Result<App> {
    let missing = || Error::Internal(format!("the demo has no app {key}"));
    crate::apps::find(conn, key)?.ok_or_else(missing)
}

/// Adds the categories and the apps, and gives two of them their owner.
pub fn add(conn: &mut Conn, now: UnixTime, admin: &Admin, client: &Client) -> Result<()> {
    let deed = Deed::new(now, admin.actor(), client);
    let mut categories: Vec<CategoryId> = Vec::new();
    for (position, names) in (1..).zip(CATEGORIES) {
        categories.push(add_category(conn, &deed, position, names)?);
    }
    for entry in &ENTRIES {
        let fields = entry.fields(&categories);
        let is_owned = fields.is_requestable;
        let note = Note::default();
        let app = acts::add(conn, now, admin, entry.key, fields, &note).map_err(failed)?;
        if is_owned {
            acts::set_owners(conn, now, admin, &app, &[OWNER.to_owned()]).map_err(failed)?;
        }
    }
    Ok(())
}

fn add_category(
    conn: &mut Conn,
    deed: &Deed<'_>,
    position: i64,
    (en, zh): (&str, &str),
) -> Result<CategoryId> {
    let id: CategoryId = new_id(deed.now);
    Sql::new(
        "INSERT INTO app_categories (id, name_en, name_zh, position) VALUES (?, ?, ?, ?) RETURNING id AS value",
        [id.0.into(), en.into(), zh.into(), position.into()],
    )
    .number(conn)?;
    let change = |field, to: &str| AppChange {
        field,
        from: String::new(),
        to: to.to_owned(),
    };
    let event = Event::AppCategoryChanged {
        changes: vec![change(AppField::NameEn, en), change(AppField::NameZh, zh)],
    };
    deed.record(conn, About::Portal, &event)?;
    Ok(id)
}

/// Excludes those who release payments from the app in which they are claimed.
pub fn change_a_rule(conn: &mut Conn, now: UnixTime, admin: &Admin) -> Result<()> {
    let mut fields = find(conn, EXPENSES)?.fields;
    fields.rule.but_not.insert(PAYS.to_owned());
    let note = Note::of("Auditors: whoever releases payments must not submit claims".to_owned());
    acts::change(conn, now, admin, EXPENSES, fields, &note).map_err(failed)?;
    Ok(())
}

/// A person who asks or decides.
#[derive(Clone, Copy)]
pub struct Someone<'a> {
    pub id: UserId,
    pub username: &'a str,
    pub client: &'a Client,
}

impl<'a> Someone<'a> {
    fn deed(self, now: UnixTime) -> Deed<'a> {
        let by = Actor::Person {
            id: self.id,
            username: self.username,
        };
        Deed::new(now, by, self.client)
    }

    const fn about(self) -> About<'a> {
        About::Person(self.id, self.username)
    }
}

/// An open request.
pub struct Asked<'a> {
    id: RequestId,
    app: AppId,
    key: &'static str,
    by: Someone<'a>,
}

/// Asks for access to an app, for some days.
pub fn ask<'a>(
    conn: &mut Conn,
    now: UnixTime,
    by: Someone<'a>,
    key: &'static str,
    (sentence, days): (&str, i64),
) -> Result<Asked<'a>> {
    let app = find(conn, key)?.id;
    let id: RequestId = new_id(now);
    Sql::new(
        "INSERT INTO access_requests (id, app_id, app_key, user_id, created_at, sentence, wanted_days, state, decided_by, answer) VALUES (?, ?, ?, ?, ?, ?, ?, 'open', '', '') RETURNING id AS value",
        [
            id.0.into(),
            app.into(),
            key.into(),
            by.id.into(),
            now.0.into(),
            sentence.into(),
            days.into(),
        ],
    )
    .number(conn)?;
    let event = Event::AccessRequested {
        app: key.to_owned(),
    };
    by.deed(now).record(conn, by.about(), &event)?;
    Ok(Asked { id, app, key, by })
}

/// Declines a request. The person who asked has read the answer.
pub fn decline(
    conn: &mut Conn,
    now: UnixTime,
    asked: &Asked<'_>,
    by: Someone<'_>,
    answer: &str,
) -> Result<()> {
    decide(conn, now, asked, by, ("declined", answer))?;
    let event = Event::AccessDeclined {
        app: asked.key.to_owned(),
    };
    by.deed(now).record(conn, asked.by.about(), &event)
}

/// Grants a request for some days.
pub fn grant(
    conn: &mut Conn,
    now: UnixTime,
    asked: &Asked<'_>,
    by: Someone<'_>,
    answer: &str,
) -> Result<()> {
    let until = now.plus(DAY.saturating_mul(GRANTED_DAYS));
    decide(conn, now, asked, by, ("granted", answer))?;
    Sql::new(
        "UPDATE access_requests SET granted_until = ? WHERE id = ? RETURNING id AS value",
        [until.0.into(), asked.id.0.into()],
    )
    .number(conn)?;
    let grant = Grant {
        expires_at: Some(until),
    };
    let deed = by.deed(now);
    let whose = (asked.app, asked.by.id);
    grants::create(conn, now, whose, grant, deed.by, Some(asked.id))?;
    let event = Event::AccessGranted {
        app: asked.key.to_owned(),
        until: Some(rfc3339(until, &TimeZone::UTC)),
    };
    deed.record(conn, asked.by.about(), &event)
}

fn decide(
    conn: &mut Conn,
    now: UnixTime,
    asked: &Asked<'_>,
    by: Someone<'_>,
    (state, answer): (&str, &str),
) -> Result<()> {
    Sql::new(
        "UPDATE access_requests SET state = ?, closed_at = ?, decided_by = ?, decided_by_id = ?, answer = ?, seen_at = ? WHERE id = ? RETURNING id AS value",
        [
            state.into(),
            now.0.into(),
            by.username.into(),
            by.id.into(),
            answer.into(),
            now.plus(Duration::from_secs(1800)).0.into(),
            asked.id.0.into(),
        ],
    )
    .number(conn)?;
    Ok(())
}

/// Puts an app among a person's favourites.
pub fn star(conn: &mut Conn, now: UnixTime, user_id: UserId, key: &str) -> Result<()> {
    let app = find(conn, key)?.id;
    Sql::new(
        "INSERT INTO app_stars (user_id, app_id, starred_at) VALUES (?, ?, ?) RETURNING app_id AS value",
        [user_id.into(), app.into(), now.0.into()],
    )
    .number(conn)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::{check, is_key};
    use crate::sandbox::{PEOPLE, Person};

    #[test]
    fn each_app_is_one_that_an_admin_could_add() {
        for entry in &ENTRIES {
            assert!(is_key(entry.key));
            assert_eq!(check::faults(&entry.fields(&[])), [], "{}", entry.key);
        }
    }

    #[test]
    fn rules_name_permissions_that_the_stand_in_gives() {
        let known: Vec<&str> = PEOPLE.iter().flat_map(Person::codenames).collect();
        for name in ENTRIES.iter().flat_map(|entry| entry.any_of).chain([&PAYS]) {
            assert!(known.contains(name), "{name}");
        }
    }
}
