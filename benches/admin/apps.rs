//! 200 apps with all sorts of rules, and what pages ask about them.

use std::sync::LazyLock;

use diesel::prelude::*;

use frontdesk::apps::openers;
use frontdesk::apps::{AppsOf, Audience, Rule};
use frontdesk::clock::UnixTime;
use frontdesk::config::PROVIDER_ID;
use frontdesk::db::Conn;
use frontdesk::db::schema::{app_grants, apps, identities};
use frontdesk::error::{Error, Result};
use frontdesk::id::{AppId, UserId};
use frontdesk::paging::{PAGE_SIZE, Page};
use frontdesk::permissions::{Counting, PermissionSources};
use frontdesk::users;

use super::{
    Account, Company, PERMISSION_OF_ONE_PERCENT, PERMISSION_OF_TWENTY, PERMISSIONS, ROWS,
    in_pieces, insert,
};

const APPS: i64 = 200;
/// The grants of each app whose rule opens it to nobody.
const GRANTS: i64 = 200;

/// Permissions that only a few people hold, who hold all of them.
pub static MANY: LazyLock<Vec<String>> =
    LazyLock::new(|| (0..296).map(|number| format!("many.{number:03}")).collect());

pub fn sources() -> PermissionSources {
    PermissionSources {
        counting: Counting::of(vec![PROVIDER_ID.to_owned()]),
        expected: vec![PROVIDER_ID.to_owned()],
    }
}

fn rule(audience: Audience, any_of: &[&str], but_not: &[&str]) -> Rule {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Rule {
        audience,
        any_of: names(any_of),
        but_not: names(but_not),
    }
}

/// The kinds of rules, each with its name in the table.
pub fn rules() -> Vec<(&'static str, Rule)> {
    let [one, two, three] = PERMISSIONS;
    let fifty: Vec<&str> = MANY
        .iter()
        .take(47)
        .map(String::as_str)
        .chain(PERMISSIONS)
        .collect();
    let (few, any_of) = ([PERMISSION_OF_ONE_PERCENT], Audience::AnyOf);
    vec![
        ("for everyone", rule(Audience::Everyone, &[], &[])),
        ("for everyone but 1%", rule(Audience::Everyone, &[], &few)),
        ("for a permission of nearly all", rule(any_of, &[one], &[])),
        (
            "for three of nearly all",
            rule(any_of, &[one, two, three], &[]),
        ),
        ("for 50 permissions, but not 1%", rule(any_of, &fifty, &few)),
        ("for a permission of 1%", rule(any_of, &few, &[])),
        (
            "for a permission of 20 people",
            rule(any_of, &[PERMISSION_OF_TWENTY], &[]),
        ),
        ("for nobody, 200 grants", rule(Audience::Nobody, &[], &[])),
    ]
}

/// Changes of rules, each with its name in the table.
pub fn changes() -> Vec<(&'static str, Rule, Rule)> {
    let [one, two, _] = PERMISSIONS;
    let any_of = |names: &[&str]| rule(Audience::AnyOf, names, &[]);
    let everyone = |but_not: &[&str]| rule(Audience::Everyone, &[], but_not);
    vec![
        (
            "20 people more",
            any_of(&[one]),
            any_of(&[one, PERMISSION_OF_TWENTY]),
        ),
        (
            "1% closed out",
            everyone(&[]),
            everyone(&[PERMISSION_OF_ONE_PERCENT]),
        ),
        ("nearly all by another", any_of(&[one]), any_of(&[two])),
        ("everyone to nearly all", everyone(&[]), any_of(&[one])),
        (
            "nobody to everyone",
            rule(Audience::Nobody, &[], &[]),
            everyone(&[]),
        ),
    ]
}

/// The first app with a rule of this kind.
pub fn app_of(kind: usize) -> AppId {
    AppId(i64::try_from(kind).expect("a number") + 1)
}

#[derive(Insertable)]
#[diesel(table_name = apps, treat_none_as_default_value = false)]
struct NewApp {
    id: i64,
    key: String,
    name_en: String,
    name_zh: &'static str,
    description_en: &'static str,
    description_zh: &'static str,
    url: String,
    position: i64,
    icon: &'static str,
    tint: i64,
    rule: String,
    is_hidden: bool,
    is_requestable: bool,
    keywords: &'static str,
    note: &'static str,
    changed_at: i64,
    changed_by: &'static str,
}

#[derive(Insertable)]
#[diesel(table_name = app_grants, treat_none_as_default_value = false)]
struct NewGrant {
    id: i64,
    app_id: i64,
    user_id: i64,
    created_at: i64,
    expires_at: Option<i64>,
    granted_by: &'static str,
}

#[derive(Insertable)]
#[diesel(table_name = identities, treat_none_as_default_value = false)]
struct NewIdentity {
    provider: &'static str,
    subject: String,
    user_id: i64,
    created_at: i64,
    permissions_read_at: Option<i64>,
}

pub fn seed(conn: &mut Conn, company: &Company) {
    let kinds = rules();
    let all: Vec<NewApp> = (0..APPS).zip(kinds.iter().cycle()).map(app).collect();
    insert!(conn, apps, all);
    let nobody = kinds
        .iter()
        .position(|(_, rule)| rule.audience == Audience::Nobody);
    let app = app_of(nobody.expect("a rule")).0;
    let count = GRANTS.min(company.accounts);
    let grants: Vec<NewGrant> = (0..count)
        .map(|number| NewGrant {
            id: number + 1,
            app_id: app,
            user_id: company.account(number * (company.accounts / count)).id,
            created_at: 0,
            expires_at: (number % 2 == 0).then_some(company.now.0 * 2),
            granted_by: "",
        })
        .collect();
    insert!(conn, app_grants, grants);
    in_pieces(conn, company.accounts, |conn, numbers| {
        let rows: Vec<NewIdentity> = numbers
            .map(|number| company.account(number))
            .filter(|account| !account.is_local)
            .map(|account| identity(&account))
            .collect();
        insert!(conn, identities, rows);
    });
}

fn app((number, (_, rule)): (i64, &(&str, Rule))) -> NewApp {
    NewApp {
        id: number + 1,
        key: format!("app-{number}"),
        name_en: format!("App {number}"),
        name_zh: "应用",
        description_en: "What people do with it, in a line",
        description_zh: "一句话说明",
        url: format!("https://app-{number}.qinghe.example/"),
        position: number,
        icon: "tag",
        tint: number % 6 + 1,
        rule: serde_json::to_string(rule).expect("a rule"),
        is_hidden: false,
        is_requestable: true,
        keywords: "yingyong yy",
        note: "",
        changed_at: 0,
        changed_by: "",
    }
}

/// One in a thousand was never read.
fn identity(account: &Account) -> NewIdentity {
    NewIdentity {
        provider: PROVIDER_ID,
        subject: account.number.to_string(),
        user_id: account.id,
        created_at: account.joined.0,
        permissions_read_at: (account.number % 1000 != 1).then_some(account.joined.0),
    }
}

/// All apps, with the decision about each.
pub fn of_person(conn: &mut Conn, id: i64, now: UnixTime) -> Result<usize> {
    let user = users::find(conn, UserId(id))?.ok_or(Error::NotFound)?;
    Ok(AppsOf::read(conn, &sources(), &user, now)?.all().count())
}

pub fn people(conn: &mut Conn, kind: usize, page: Page, now: UnixTime) -> Result<usize> {
    let (_, rule) = &rules()[kind];
    let listing = openers::page(conn, &sources(), now, app_of(kind), rule, page, PAGE_SIZE)?;
    Ok(listing.rows.len())
}

pub fn count(conn: &mut Conn, kind: usize, now: UnixTime) -> Result<usize> {
    let (_, rule) = &rules()[kind];
    std::hint::black_box(openers::count(conn, &sources(), now, app_of(kind), rule)?);
    Ok(1)
}

pub fn change(conn: &mut Conn, number: usize, now: UnixTime) -> Result<usize> {
    let (_, old, new) = &changes()[number];
    let of = Some(app_of(0));
    std::hint::black_box(openers::difference(conn, &sources(), now, of, old, new)?);
    Ok(1)
}
