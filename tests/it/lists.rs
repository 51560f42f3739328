//! Lists: every order, filter and search of the users, the audit trail and its log lines, the
//! sessions, the status page, and the command for scripts.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant, SystemTime};

use frontdesk::audit::{self, About, Actor, Deed, Event, EventKind, Note};
use frontdesk::clock::UnixTime;
use frontdesk::db::Conn;
use frontdesk::error::Error;
use frontdesk::id::id_at;
use frontdesk::paging::{Page, Total};
use frontdesk::sessions::Client;
use frontdesk::users::{self, Column, Filter, LastLogin, Order, Role, Source, Wanted, terms};
use serde_json::{Value, json};

use crate::support::people::quoted;
use crate::support::process::{output, text};
use crate::support::{
    Answer, Browser, Database, Db, Desk, Endpoint, Person, Reply, on_both_databases, run, until,
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY_MICROS: i64 = 86_400_000_000;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

// -- what people do --

async fn superuser(desk: &Desk) -> Browser {
    let browser = desk.signed_in(&Person::named("boss")).await;
    desk.db_make_superuser("boss");
    desk.db_prove("boss");
    browser
}

async fn staff(desk: &Desk) -> Browser {
    let browser = desk.signed_in(&Person::named("sam")).await;
    desk.db_make_staff("sam");
    browser
}

/// A sign-in with this browser, from this address; the desk trusts the proxy that says so.
async fn signed_in_from(desk: &Desk, person: &Person, agent: &str, address: &str) -> Browser {
    let browser = desk.browser();
    let callback = desk.provider.approve(&browser.begin("/").await, person);
    let headers = [("user-agent", agent), ("x-forwarded-for", address)];
    let answer = browser.get_with(&callback, &headers).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser
}

/// An act of an admin on an account, done.
async fn act(admin: &Browser, user_id: i64, name: &str, fields: &[(&str, &str)]) {
    let page = admin.get("/account").await;
    let path = format!("/admin/users/{user_id}/{name}");
    let from = [("x-forwarded-for", "203.0.113.7")];
    let answer = admin.post_with(&path, &page, fields, &from).await;
    assert_eq!(answer.status, 303, "{path}: {}", answer.body);
    assert_eq!(answer.location(), format!("/admin/users/{user_id}"));
}

// -- what pages show --

fn unescape(text: &str) -> String {
    text.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// What stands between each `before` and the next `after`.
fn each_between(text: &str, before: &str, after: &str) -> Vec<String> {
    text.split(before)
        .skip(1)
        .map(|rest| unescape(rest.split(after).next().unwrap_or_default()))
        .collect()
}

fn between(text: &str, before: &str, after: &str) -> String {
    each_between(text, before, after)
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no {before} in {text}"))
}

/// The address of the link that ends with this.
fn link(answer: &Answer, end: &str) -> Option<String> {
    let (before, _) = answer.body.split_once(end)?;
    let (_, address) = before.rsplit_once("href=\"")?;
    let address = unescape(address.split('"').next()?);
    Some(address.split('#').next().unwrap_or_default().to_owned())
}

/// Whose rows these are, in the list of users and in that of sessions.
fn usernames(answer: &Answer) -> Vec<String> {
    answer
        .body
        .split("<th scope=\"row\">")
        .skip(1)
        .map(|row| between(row, "<small>", "</small>"))
        .collect()
}

fn references(answer: &Answer) -> Vec<String> {
    each_between(
        &answer.body,
        "<td class=\"mono small nowrap c-opt\">",
        "</td>",
    )
}

fn session_ids(answer: &Answer) -> Vec<String> {
    each_between(&answer.body, "/end-session?session=", "\"")
}

/// The timeline on one person's page.
fn happenings(answer: &Answer) -> Vec<String> {
    let section = answer
        .body
        .split_once("aria-labelledby=\"timeline\"")
        .map_or("", |(_, rest)| rest)
        .split("</section>")
        .next()
        .unwrap_or_default();
    each_between(section, "<li>", "</li>")
}

/// What a person's page says of one thing.
fn fact(answer: &Answer, label: &str) -> String {
    between(&answer.body, &format!("<dt>{label}</dt><dd>"), "</dd>")
}

/// All rows of a list, by the links that its pages have, and how often it stopped early.
async fn walk(
    browser: &Browser,
    list: &str,
    is_backward: bool,
    rows: fn(&Answer) -> Vec<String>,
) -> (Vec<String>, usize) {
    let mut path = match (is_backward, list.contains('?')) {
        (false, _) => list.to_owned(),
        (true, true) => format!("{list}&last=1"),
        (true, false) => format!("{list}?last=1"),
    };
    let direction = if is_backward {
        "\" rel=\"prev\""
    } else {
        "\" rel=\"next\""
    };
    let mut all = Vec::new();
    let mut stops = 0;
    for _ in 0..100 {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let mut found = rows(&answer);
        if is_backward {
            found.append(&mut all);
            all = found;
        } else {
            all.append(&mut found);
        }
        if let Some(to) = link(&answer, direction) {
            path = to;
        } else if let Some(to) = link(&answer, "\">Continue searching<") {
            stops += 1;
            path = to;
        } else {
            return (all, stops);
        }
    }
    panic!("{list} has no end");
}

/// Whom a search finds, in its order.
async fn found(browser: &Browser, search: &str) -> Vec<String> {
    let answer = browser
        .get(&format!("/admin/users?q={}", encoded(search)))
        .await;
    assert_eq!(answer.status, 200, "{search:?}: {}", answer.body);
    usernames(&answer)
}

// -- many accounts --

#[derive(Clone, Debug)]
struct Account {
    id: i64,
    username: String,
    first_name: String,
    email: String,
    is_active: bool,
    is_synced: bool,
    by_hand: Role,
    by_permission: Role,
    last_login: Option<i64>,
    /// Name and origin.
    permissions: Vec<(&'static str, &'static str)>,
}

impl Account {
    fn plain(id: i64, username: String) -> Self {
        Self {
            id,
            username,
            first_name: String::new(),
            email: String::new(),
            is_active: true,
            is_synced: true,
            by_hand: Role::Employee,
            by_permission: Role::Employee,
            last_login: None,
            permissions: Vec::new(),
        }
    }

    fn role(&self) -> Role {
        self.by_hand.max(self.by_permission)
    }
}

fn number_or_null(number: Option<i64>) -> String {
    number.map_or_else(|| "NULL".to_owned(), |number| number.to_string())
}

const fn flags(role: Role) -> &'static str {
    match role {
        Role::Employee => "FALSE, FALSE",
        Role::Staff => "TRUE, FALSE",
        Role::Superuser => "TRUE, TRUE",
    }
}

/// Stores accounts as they were before there were words: nobody finds them yet.
fn insert_accounts(database: &Database, accounts: &[Account]) {
    for some in accounts.chunks(1000) {
        let rows: Vec<String> = some
            .iter()
            .map(|account| {
                format!(
                    "({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, FALSE)",
                    account.id,
                    quoted(&account.username),
                    quoted(&account.first_name),
                    quoted(&account.email),
                    account.is_active,
                    flags(account.by_hand),
                    flags(account.by_permission),
                    account.id,
                    number_or_null(account.last_login),
                    number_or_null(account.is_synced.then_some(1)),
                )
            })
            .collect();
        database.execute(&format!(
            "INSERT INTO users (id, username, first_name, email, is_active, is_staff, is_superuser, \
             is_staff_by_permission, is_superuser_by_permission, date_joined, last_login, synced_at, \
             is_searchable) VALUES {}",
            rows.join(", ")
        ));
        let held: Vec<String> =
            some.iter()
                .flat_map(|account| {
                    account.permissions.iter().map(|(name, origin)| {
                        format!("({}, '{name}', '{origin}', '', 0)", account.id)
                    })
                })
                .collect();
        if !held.is_empty() {
            database.execute(&format!(
                "INSERT INTO user_permissions (user_id, name, origin, label, granted_at) VALUES {}",
                held.join(", ")
            ));
        }
    }
}

/// Waits until the sweeper has had its first turn, so that it does not come between.
async fn settled(desk: &Desk) {
    until("the sweeper has had its turn", async || {
        desk.inner.db.counts().writes >= 5
    })
    .await;
}

/// What the sweeper does for accounts that were stored before there were words.
fn make_searchable(desk: &Desk) {
    loop {
        let count = desk
            .inner
            .db
            .write_blocking(|conn| terms::catch_up(conn, 500))
            .expect("words are written");
        if count == 0 {
            break;
        }
    }
}

const SINCE: i64 = 1_700_000_000_000_000;
const THRESHOLD: UnixTime = UnixTime(SINCE + 20 * DAY_MICROS);

fn some_accounts() -> Vec<Account> {
    const NAMES: &[&str] = &[
        "王小明",
        "王小明",
        "王伟",
        "李王",
        "欧阳娜娜",
        "阿依古丽·买买提 Aygul",
        "Amelia Grace O'Hart-Lee",
        "amelia",
        "Harper  Lee",
        "Wang Wei",
        "王 Wei",
        "Ólafur Élan",
        "100% (IT)",
        "a_b",
        "",
        "",
    ];
    const STEMS: &[&str] = &["wang", "Wang", "王", "har", "u", "_x", "Émile", "'q"];
    const HELD: &[&[(&str, &str)]] = &[
        &[],
        &[],
        &[("reports.read", "")],
        &[("reports.read", "company")],
        &[("reports.read", ""), ("reports.read", "company")],
        &[("reports.write", ""), ("reports.read", "company")],
    ];
    const ROLES: &[Role] = &[
        Role::Employee,
        Role::Employee,
        Role::Employee,
        Role::Staff,
        Role::Superuser,
    ];
    let mut dice = Dice(7);
    (0..400)
        .map(|number: i64| {
            let stem = *dice.pick(STEMS);
            let email = match dice.below(4) {
                0 => String::new(),
                1 => "Wang@Example.com".to_owned(),
                _ => format!("{stem}.{number}@example.com"),
            };
            let days = i64::try_from(dice.below(40)).expect("a few");
            Account {
                // Not in the order in which they are stored.
                id: 10_000 + (number * 263) % 400,
                username: format!("{stem}{number}"),
                first_name: (*dice.pick(NAMES)).to_owned(),
                email,
                is_active: dice.below(5) > 0,
                is_synced: dice.below(3) > 0,
                by_hand: *dice.pick(ROLES),
                by_permission: *dice.pick(ROLES),
                last_login: (dice.below(4) > 0).then_some(SINCE + days * DAY_MICROS),
                permissions: dice.pick(HELD).to_vec(),
            }
        })
        .collect()
}

// -- the same lists, plainly --

fn plain(text: &str) -> String {
    let words: Vec<String> = text
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    words.join(" ")
}

/// How well a search hits: 0 a whole text, 1 the beginning of one, 2 a beginning inside the name.
fn hit(account: &Account, search: &str) -> Option<u8> {
    let wanted = plain(search);
    let whole = [&account.username, &account.first_name, &account.email].map(|text| plain(text));
    if whole.contains(&wanted) {
        return Some(0);
    }
    if whole.iter().any(|text| text.starts_with(&wanted)) {
        return Some(1);
    }
    let name: Vec<char> = whole[1].chars().collect();
    let is_chinese = |at: usize| ('\u{4e00}'..='\u{9fff}').contains(&name[at]);
    let is_beginning = |at: usize| {
        name[at].is_alphanumeric()
            && (!name[at - 1].is_alphanumeric() || is_chinese(at) || is_chinese(at - 1))
    };
    (1..name.len())
        .filter(|at| is_beginning(*at))
        .any(|at| name[at..].iter().collect::<String>().starts_with(&wanted))
        .then_some(2)
}

fn fits(account: &Account, filter: &Filter) -> bool {
    let holds = |wanted: &String| {
        account
            .permissions
            .iter()
            .any(|(name, _)| *name == wanted.as_str())
    };
    let was_seen = |wanted: LastLogin| match (wanted, account.last_login) {
        (_, None) => true,
        (LastLogin::Never, Some(_)) => false,
        (LastLogin::Before(time), Some(last)) => last < time.0,
    };
    filter
        .search
        .as_ref()
        .is_none_or(|search| hit(account, search).is_some())
        && filter
            .is_active
            .is_none_or(|wanted| account.is_active == wanted)
        && filter.role.is_none_or(|wanted| account.role() == wanted)
        && filter
            .source
            .is_none_or(|wanted| account.is_synced == (wanted == Source::Provider))
        && filter.permission.as_ref().is_none_or(holds)
        && filter.last_login.is_none_or(was_seen)
}

fn compare(a: &Account, b: &Account, order: Order) -> Ordering {
    let by_column = match order.column {
        Column::DateJoined => Ordering::Equal,
        Column::Username => a.username.cmp(&b.username),
        Column::FirstName => a.first_name.cmp(&b.first_name),
        Column::Email => a.email.cmp(&b.email),
        Column::LastLogin => a.last_login.unwrap_or(0).cmp(&b.last_login.unwrap_or(0)),
    };
    let ascending = by_column.then(a.id.cmp(&b.id));
    if order.is_descending {
        ascending.reverse()
    } else {
        ascending
    }
}

fn expected<'a>(
    accounts: &'a [Account],
    filter: &Filter,
    order: Option<Order>,
) -> Vec<&'a Account> {
    let natural = match filter.last_login {
        Some(LastLogin::Before(_)) => Order {
            column: Column::LastLogin,
            is_descending: false,
        },
        _ => Order {
            column: Column::DateJoined,
            is_descending: true,
        },
    };
    let mut all: Vec<&Account> = accounts
        .iter()
        .filter(|account| fits(account, filter))
        .collect();
    all.sort_by(|a, b| compare(a, b, order.unwrap_or(natural)));
    all
}

/// All pages, in the order of the list.
fn pages(desk: &Desk, filter: &Filter, order: Option<Order>, is_backward: bool) -> Vec<i64> {
    const SIZE: usize = 25;
    let mut page = if is_backward { Page::Last } else { Page::First };
    let mut all: Vec<i64> = Vec::new();
    loop {
        let wanted = Wanted {
            filter: filter.clone(),
            order,
            page,
            size: SIZE,
        };
        let listing = desk
            .inner
            .db
            .read_blocking(|conn| users::list(conn, &wanted))
            .unwrap_or_else(|error| panic!("{wanted:?}: {error}"));
        assert_eq!(listing.stopped_at, None, "{wanted:?}");
        let mut ids: Vec<i64> = listing.rows.iter().map(|user| user.id).collect();
        let to = if is_backward {
            listing.previous(|user| user.id)
        } else {
            listing.next(|user| user.id)
        };
        assert!(ids.len() == SIZE || to.is_none(), "{wanted:?}");
        if is_backward {
            ids.append(&mut all);
            all = ids;
        } else {
            all.append(&mut ids);
        }
        assert!(all.len() <= 1000, "{wanted:?} has no end");
        page = match (to, is_backward) {
            (None, _) => return all,
            (Some(id), true) => Page::Before(id),
            (Some(id), false) => Page::After(id),
        };
    }
}

fn check(desk: &Desk, accounts: &[Account], filter: &Filter, order: Option<Order>) {
    let what = format!("{filter:?} {order:?}");
    let forward = pages(desk, filter, order, false);
    let backward = pages(desk, filter, order, true);
    assert_eq!(forward, backward, "{what}");
    let wanted: Vec<i64> = expected(accounts, filter, order)
        .iter()
        .map(|account| account.id)
        .collect();
    if let (Some(search), None) = (&filter.search, order) {
        let given: BTreeSet<i64> = forward.iter().copied().collect();
        assert_eq!(
            given.len(),
            forward.len(),
            "somebody is there twice: {what}"
        );
        let wanted: BTreeSet<i64> = wanted.into_iter().collect();
        assert_eq!(given, wanted, "{what}");
        let by_id: BTreeMap<i64, &Account> = accounts
            .iter()
            .map(|account| (account.id, account))
            .collect();
        let hits: Vec<Option<u8>> = forward.iter().map(|id| hit(by_id[id], search)).collect();
        assert!(hits.is_sorted(), "{what}: {hits:?}");
    } else {
        assert_eq!(forward, wanted, "{what}");
    }
    let total = desk
        .inner
        .db
        .read_blocking(|conn| users::total(conn, filter))
        .expect("a total");
    let count = i64::try_from(forward.len()).expect("a few");
    match total {
        // A search counts so many words, and no more.
        Some(Total::MoreThan(least)) if filter.search.is_some() => {
            assert!(count > least && least >= 49, "{what}: {least}");
        }
        total => assert_eq!(total, Some(Total::Exactly(count)), "{what}"),
    }
}

fn orders() -> Vec<Option<Order>> {
    let mut all = vec![None];
    for column in [
        Column::DateJoined,
        Column::Username,
        Column::FirstName,
        Column::Email,
        Column::LastLogin,
    ] {
        for is_descending in [false, true] {
            all.push(Some(Order {
                column,
                is_descending,
            }));
        }
    }
    all
}

const SEARCHES: &[&str] = &[
    "王",
    "小明",
    "明",
    "王小",
    "王小明",
    "阳娜",
    "har",
    "HART",
    "o'h",
    "lee",
    "grace  o",
    "Amelia",
    "amelia",
    "wei",
    "wang",
    "Wang1",
    "wang@",
    "Wang@Example.com",
    "émile",
    "it",
    "买买提 ay",
    "u30",
    "'q",
    "_x1",
    "%",
    "example",
    "nobody at all",
];

const PERMISSIONS: &[&str] = &["reports.read", "reports.write", "nobody.has"];

/// Sets one filter of six, to one of its values.
fn set(filter: &mut Filter, kind: usize, dice: &mut Dice) {
    match kind {
        0 => filter.search = Some((*dice.pick(SEARCHES)).to_owned()),
        1 => filter.is_active = Some(*dice.pick(&[true, false])),
        2 => filter.role = Some(*dice.pick(&[Role::Employee, Role::Staff, Role::Superuser])),
        3 => filter.source = Some(*dice.pick(&[Source::Provider, Source::Local])),
        4 => filter.permission = Some((*dice.pick(PERMISSIONS)).to_owned()),
        _ => {
            filter.last_login = Some(*dice.pick(&[LastLogin::Never, LastLogin::Before(THRESHOLD)]));
        }
    }
}

fn single_filters() -> Vec<Filter> {
    let mut all = vec![Filter::default()];
    for is_active in [true, false] {
        all.push(Filter {
            is_active: Some(is_active),
            ..Filter::default()
        });
    }
    for role in [Role::Employee, Role::Staff, Role::Superuser] {
        all.push(Filter {
            role: Some(role),
            ..Filter::default()
        });
    }
    for source in [Source::Provider, Source::Local] {
        all.push(Filter {
            source: Some(source),
            ..Filter::default()
        });
    }
    for permission in PERMISSIONS {
        all.push(Filter {
            permission: Some((*permission).to_owned()),
            ..Filter::default()
        });
    }
    for last_login in [LastLogin::Never, LastLogin::Before(THRESHOLD)] {
        all.push(Filter {
            last_login: Some(last_login),
            ..Filter::default()
        });
    }
    all
}

fn searching(search: &str) -> Filter {
    Filter {
        search: Some(search.to_owned()),
        ..Filter::default()
    }
}

on_both_databases! {
    async fn every_order_filter_and_search_lists_what_a_plain_list_would(database) {
        let desk = Desk::on(database).run().await;
        settled(&desk).await;
        let mut accounts = some_accounts();
        insert_accounts(&desk.database, &accounts);
        make_searchable(&desk);
        for order in orders() {
            for filter in single_filters() {
                check(&desk, &accounts, &filter, order);
            }
        }
        let mut dice = Dice(2026);
        for search in SEARCHES {
            for order in [None, *dice.pick(&orders()), *dice.pick(&orders())] {
                check(&desk, &accounts, &searching(search), order);
            }
        }
        for _ in 0..150 {
            let mut filter = Filter::default();
            for _ in 0..2 + dice.below(2) {
                let kind = dice.below(6);
                set(&mut filter, kind, &mut dice);
            }
            let order = *dice.pick(&orders());
            check(&desk, &accounts, &filter, order);
        }

        // The same by the links of the pages.
        let boss = superuser(&desk).await;
        accounts.push(Account {
            first_name: "boss".to_owned(),
            email: "4@example.com".to_owned(),
            by_hand: Role::Superuser,
            last_login: desk.db_fields_of("boss", "last_login")[0].parse().ok(),
            ..Account::plain(desk.db_id_of("boss"), "boss".to_owned())
        });
        let by = |column, is_descending| Some(Order { column, is_descending });
        let never = Some(LastLogin::Never);
        for (query, filter, order) in [
            ("", Filter::default(), None),
            ("&sort=name", Filter::default(), by(Column::FirstName, false)),
            ("&sort=-last", Filter::default(), by(Column::LastLogin, true)),
            ("&status=deactivated&sort=-email", Filter { is_active: Some(false), ..Filter::default() }, by(Column::Email, true)),
            ("&role=staff&sort=joined", Filter { role: Some(Role::Staff), ..Filter::default() }, by(Column::DateJoined, false)),
            ("&seen=never&sort=-username", Filter { last_login: never, ..Filter::default() }, by(Column::Username, true)),
            ("&permission=reports.read", Filter { permission: Some("reports.read".to_owned()), ..Filter::default() }, None),
            ("&q=%E7%8E%8B&source=local&sort=username", Filter { source: Some(Source::Local), ..searching("王") }, by(Column::Username, false)),
        ] {
            let list = format!("/admin/users?size=25{query}");
            let wanted: Vec<String> = expected(&accounts, &filter, order)
                .iter()
                .map(|account| account.username.clone())
                .collect();
            assert!(!wanted.is_empty(), "{list} has no rows to look at");
            for is_backward in [false, true] {
                let (given, stops) = walk(&boss, &list, is_backward, usernames).await;
                assert_eq!((given, stops), (wanted.clone(), 0), "{list}");
            }
        }
        let (mut given, _) = walk(&boss, "/admin/users?size=25&q=wang", false, usernames).await;
        let (backward, _) = walk(&boss, "/admin/users?size=25&q=wang", true, usernames).await;
        assert_eq!(given, backward);
        given.sort();
        let mut wanted: Vec<String> = expected(&accounts, &searching("wang"), None)
            .iter()
            .map(|account| account.username.clone())
            .collect();
        wanted.sort();
        assert_eq!(given, wanted);
    }

    async fn people_are_found_by_any_beginning_in_their_names(database) {
        let desk = Desk::on(database).run().await;
        let boss = superuser(&desk).await;
        for (username, name, email) in [
            ("wangxm", "王小明", "W.Xiaoming@corp.example"),
            ("ouyang", "欧阳娜娜", ""),
            ("amelia", "Amelia Grace O'Hart-Lee", "amelia@corp.example"),
            ("harper", "Zoe", "zoe@corp.example"),
            ("har", "Ann", "ann@corp.example"),
        ] {
            desk.signed_in(&Person::named(username).with("name_cn", name).with("email", email)).await;
        }
        for (search, wanted) in [
            ("王", vec!["wangxm"]),
            ("王小", vec!["wangxm"]),
            ("小明", vec!["wangxm"]),
            ("小", vec!["wangxm"]),
            ("明", vec!["wangxm"]),
            ("欧阳", vec!["ouyang"]),
            ("阳", vec!["ouyang"]),
            ("娜", vec!["ouyang"]),
            ("娜娜", vec!["ouyang"]),
            ("小王", vec![]),
            ("amelia grace", vec!["amelia"]),
            ("  AMELIA   grace ", vec!["amelia"]),
            ("Grace", vec!["amelia"]),
            ("o'hart", vec!["amelia"]),
            ("lee", vec!["amelia"]),
            ("melia", vec![]),
            ("w.xiao", vec!["wangxm"]),
            ("ZOE@CORP", vec!["harper"]),
            ("corp.example", vec![]),
            // The exact username, then beginnings, then words inside a name.
            ("har", vec!["har", "harper", "amelia"]),
            ("HAR", vec!["har", "harper", "amelia"]),
            ("harper", vec!["harper"]),
        ] {
            assert_eq!(found(&boss, search).await, wanted, "{search:?}");
        }
        let nobody = boss.get("/admin/users?q=Nobody&status=active").await;
        assert!(nobody.body.contains("No one matches these filters"));
        assert!(nobody.body.contains("<a class=\"btn\" href=\"/admin/users\">Clear all</a>"));
        assert!(nobody.body.contains("Search: Nobody"), "the filters that are on");
        assert_eq!(link(&nobody, "\">Search: Nobody").as_deref(), Some("/admin/users?status=active"));
    }

    async fn a_search_is_text_and_never_a_pattern(database) {
        let desk = Desk::on(database).run().await;
        let boss = superuser(&desk).await;
        for name in ["100%", "a_b", "axb", "o'neil", "say\"hi", "back\\slash", "ｗａｎｇ", "👩‍🚀li"] {
            desk.signed_in(&Person::named(name).with("email", "")).await;
        }
        desk.signed_in(&Person::named("longname").with("name_cn", "x".repeat(100)).with("email", "")).await;
        desk.signed_in(&Person::named("longchinese").with("name_cn", "长".repeat(100)).with("email", "")).await;
        let (sixty_four, eighty, hundred) = ("x".repeat(64), "X".repeat(80), "长".repeat(100));
        let absent = "y".repeat(90);
        for (search, wanted) in [
            ("%", vec![]),
            ("_", vec![]),
            ("'", vec![]),
            ("\"", vec![]),
            ("\\", vec![]),
            ("a%", vec![]),
            ("%%%", vec![]),
            ("100%", vec!["100%"]),
            ("1%", vec![]),
            ("a_", vec!["a_b"]),
            ("a_b", vec!["a_b"]),
            ("a?b", vec![]),
            ("a*", vec![]),
            ("o'n", vec!["o'neil"]),
            ("o''n", vec![]),
            ("say\"", vec!["say\"hi"]),
            ("back\\", vec!["back\\slash"]),
            ("back\\\\", vec![]),
            ("ＷＡ", vec!["ｗａｎｇ"]),
            ("wa", vec![]),
            ("👩‍🚀", vec!["👩‍🚀li"]),
            ("👩‍🚀L", vec!["👩‍🚀li"]),
            ("🚀🚀", vec![]),
            (sixty_four.as_str(), vec!["longname"]),
            (eighty.as_str(), vec!["longname"]),
            (absent.as_str(), vec![]),
            (hundred.as_str(), vec!["longchinese"]),
            ("' OR 1=1 --", vec![]),
            ("%' OR '1'='1", vec![]),
            ("\u{10ffff}", vec![]),
            ("<script>", vec![]),
        ] {
            assert_eq!(found(&boss, search).await, wanted, "{search:?}");
        }
    }

    async fn a_renamed_person_is_found_by_the_new_names_alone(database) {
        let desk = Desk::on(database.clone()).with("OAUTH2_SUBJECT", "/id").run().await;
        let boss = desk.signed_in(&Person::named("boss").with("id", 1)).await;
        desk.db_make_superuser("boss");
        let person = Person::named("lisi").with("id", 7).with("name_cn", "李四").with("email", "lisi@corp.example");
        desk.signed_in(&person).await;
        for search in ["李", "四", "lisi", "lisi@corp"] {
            assert_eq!(found(&boss, search).await, ["lisi"], "{search}");
        }
        let person = Person::named("zhaowu").with("id", 7).with("name_cn", "赵五").with("email", "zhao@corp.example");
        desk.signed_in(&person).await;
        for search in ["李", "四", "lisi", "lisi@corp"] {
            assert!(found(&boss, search).await.is_empty(), "{search}");
        }
        for search in ["赵", "五", "zhaowu", "zhao@corp"] {
            assert_eq!(found(&boss, search).await, ["zhaowu"], "{search}");
        }

        // As they were stored by a version that had no words.
        desk.database.execute("DELETE FROM user_terms");
        desk.database.execute("UPDATE users SET is_searchable = FALSE");
        assert!(found(&boss, "赵").await.is_empty());
        // Each start catches up.
        let next = Desk::on(database).with("OAUTH2_SUBJECT", "/id").beside(&desk).run().await;
        let boss = boss.at(&next);
        until("the words are there", async || found(&boss, "赵").await == ["zhaowu"]).await;
        assert_eq!(found(&boss, "boss").await, ["boss"]);
        assert_eq!(desk.database.count("users WHERE NOT is_searchable"), 0);
    }

    async fn no_address_of_a_list_makes_it_fail(database) {
        let desk = Desk::on(database).run().await;
        let boss = superuser(&desk).await;
        let mut chinese = boss.clone();
        chinese.language = "zh-CN,zh;q=0.9".to_owned();
        let id = desk.db_id_of("boss");
        let long = "x".repeat(10_240);
        let common = [
            String::new(),
            format!("q={long}"),
            format!("{long}=1"),
            "a=1&".repeat(2500),
            format!("permission={long}&user={long}&about={long}"),
            format!("after={}", "9".repeat(200)),
            "size=7".to_owned(),
            "size=0".to_owned(),
            "size=-25".to_owned(),
            "size=many".to_owned(),
            "size=1000000".to_owned(),
            "size=25&size=100".to_owned(),
            "page=-1".to_owned(),
            "page=7".to_owned(),
            "after=abc".to_owned(),
            "after=1.5".to_owned(),
            "after=%2B1".to_owned(),
            "after=9223372036854775807".to_owned(),
            "after=9223372036854775808".to_owned(),
            "after=-9223372036854775808".to_owned(),
            "before=9223372036854775807".to_owned(),
            "before=-9223372036854775808".to_owned(),
            "after=1".to_owned(),
            "before=1".to_owned(),
            "after=1&before=2".to_owned(),
            "after=1&last=1".to_owned(),
            "last=0".to_owned(),
            "last=no&before=1".to_owned(),
            "after=&before=&last=".to_owned(),
            "after=1&after=2".to_owned(),
            "select=everything".to_owned(),
            "admin=1&is_superuser=true&user_id=1&id=1&__proto__=x&sort[]=joined".to_owned(),
            "q[$ne]=1".to_owned(),
            "&&&===".to_owned(),
            "%".to_owned(),
            "%zz=%zz".to_owned(),
            "q=%ff%fe".to_owned(),
            "q=%00".to_owned(),
            "q=a%00b".to_owned(),
            "q=%F4%8F%BF%BF".to_owned(),
            "q=%E2%80%AE%0d%0aX-Evil:%201".to_owned(),
            "q='%20OR%201=1%20--".to_owned(),
            "q=%22%22".to_owned(),
            "q=a&q=b".to_owned(),
        ];
        let of_users = [
            "sort=height", "sort=-", "sort=--joined", "sort=JOINED", "sort=id;drop", "sort=joined&sort=-joined",
            "status=asleep", "status=active&status=deactivated", "status=%00", "role=emperor", "role=Staff", "source=mars",
            "seen=soon", "seen=-1", "seen=0", "seen=4294967295", "seen=99999999999", "permission=%00", "permission='",
            "q=boss&after=1", "q=%E7%8E%8B&before=1", "q=nobody&last=1", "q=a&status=active&role=staff&source=local&permission=x&seen=never&sort=-last",
        ];
        let of_sessions = [
            "user=%00", "user=nobody", "user='", "ip=not-an-address", "ip=%00", "browser=Netscape", "browser=firefox",
            "browser=Chrome&user=boss&ip=127.0.0.1&last=1",
        ];
        let of_events = [
            "from=2026-13-45", "from=2026-02-30", "from=tomorrow", "from=0", "to=9999-12-31", "from=-009999-01-01", "to=-009999-01-01",
            "from=9999-12-31&to=9999-12-31", "from=2026-03-05&to=2026-03-01", "event=xyz", "event=%00", "outcome=perhaps",
            "about=%00", "by=%00", "about='", "by=%22;--", "q=127.0.0.1&about=boss&by=boss&event=signed_in&outcome=success&from=2020-01-01&to=2099-12-31",
        ];
        let paths: [(String, &[&str]); 5] = [
            ("/admin/users".to_owned(), &of_users),
            ("/admin/sessions".to_owned(), &of_sessions),
            ("/admin/audit".to_owned(), &of_events),
            (format!("/admin/users/{id}"), &[]),
            ("/account/timeline".to_owned(), &[]),
        ];
        for (path, own) in &paths {
            let queries = common.iter().map(String::as_str).chain(own.iter().copied());
            for query in queries {
                for (browser, language, heading) in [
                    (&boss, "en", "The request could not be read"),
                    (&chinese, "zh-Hans", "无法读取请求"),
                ] {
                    let answer = browser.get(&format!("{path}?{query}")).await;
                    let shown: String = query.chars().take(100).collect();
                    assert!(answer.status == 200 || answer.status == 400, "{path}?{shown}: {}", answer.status);
                    assert!(answer.body.contains(&format!("<html lang=\"{language}\"")), "{path}?{shown}");
                    assert_eq!(answer.user().as_deref(), Some("boss"), "{path}?{shown}");
                    assert_eq!(answer.body.contains(heading), answer.status == 400, "{path}?{shown}");
                }
            }
        }
        for bad in ["sort=height", "status=asleep", "role=emperor", "source=mars", "size=7", "after=abc", "after=1", "after=1&before=2"] {
            assert_eq!(boss.get(&format!("/admin/users?{bad}")).await.status, 400, "{bad}");
        }
        for bad in ["from=2026-13-45", "event=xyz", "outcome=perhaps"] {
            assert_eq!(boss.get(&format!("/admin/audit?{bad}")).await.status, 400, "{bad}");
        }
        assert_eq!(boss.get("/admin/sessions?browser=Netscape").await.status, 400);
        // What is not known is not read, and of two the first counts.
        let twice = boss.get("/admin/users?q=boss&q=nobody&page=-1").await;
        assert_eq!(usernames(&twice), ["boss"]);
    }

    async fn an_address_with_filters_is_the_same_page_for_a_colleague(database) {
        let desk = Desk::on(database).run().await;
        settled(&desk).await;
        let accounts: Vec<Account> = (1..=60)
            .map(|number: i64| Account {
                is_synced: false,
                first_name: format!("Person {number}"),
                ..Account::plain(number, format!("p{number:02}"))
            })
            .collect();
        insert_accounts(&desk.database, &accounts);
        let boss = superuser(&desk).await;
        let sam = staff(&desk).await;

        let mut path = "/admin/users?status=active&source=local&sort=username&size=25".to_owned();
        let mut sizes = Vec::new();
        loop {
            let mine = boss.get(&path).await;
            let theirs = sam.get(&path).await;
            assert_eq!(usernames(&mine), usernames(&theirs));
            assert!(!theirs.body.contains("name=\"u\""), "whoever may not act has nothing to tick");
            for part in ["Status: Active", "Source: Local", "Accounts: 60."] {
                assert!(mine.body.contains(part) && theirs.body.contains(part), "{part}");
            }
            assert!(mine.body.contains("<input type=\"hidden\" name=\"size\" value=\"25\">"), "a new search keeps the size");
            sizes.push(usernames(&mine).len());

            // Every row of this very page is ticked.
            let count = usernames(&mine).len();
            let ticked = link(&mine, &format!("\">all {count} on this page<")).expect("a link");
            let ticked = boss.get(&ticked).await;
            assert_eq!(usernames(&ticked), usernames(&mine));
            assert_eq!(ticked.body.matches(" checked>").count(), count);
            assert_eq!(mine.body.matches(" checked>").count(), 0);

            match link(&mine, "\" rel=\"next\"") {
                Some(next) => path = next,
                None => break,
            }
            assert!(path.contains("size=25") && path.contains("status=active") && path.contains("sort=username"), "{path}");
        }
        assert_eq!(sizes, [25, 25, 10]);
        // 62 accounts: by the size that is chosen, the middle one otherwise.
        for (list, sizes) in [("/admin/users?size=50", [50, 12]), ("/admin/users", [50, 12])] {
            let first = boss.get(list).await;
            let second = boss.get(&link(&first, "\" rel=\"next\"").expect("a next page")).await;
            assert_eq!([usernames(&first).len(), usernames(&second).len()], sizes, "{list}");
            let back = boss.get(&link(&second, "\" rel=\"prev\"").expect("a way back")).await;
            assert_eq!(usernames(&back), usernames(&first));
        }
        let all = boss.get("/admin/users?size=100").await;
        assert_eq!(usernames(&all).len(), 62);
        assert!(link(&all, "\" rel=\"next\"").is_none() && link(&all, "\" rel=\"prev\"").is_none());
        // Another size keeps the filters and begins at the first page.
        let last = boss.get(&path).await;
        let larger = link(&last, "\">100</a>").expect("a link");
        assert!(larger.contains("status=active") && larger.contains("size=100"), "{larger}");
        assert_eq!(usernames(&boss.get(&larger).await).len(), 60);
    }

    async fn totals_are_exact_up_to_a_thousand(database) {
        let desk = Desk::on(database).run().await;
        settled(&desk).await;
        let accounts: Vec<Account> = (1..=1200)
            .map(|number: i64| Account {
                is_active: number > 100,
                is_synced: number > 1000,
                ..Account::plain(number, format!("u{number}"))
            })
            .collect();
        insert_accounts(&desk.database, &accounts);
        let boss = superuser(&desk).await;
        let total = async |query: &str| {
            let answer = boss.get(&format!("/admin/users?{query}")).await;
            between(&answer.body, "Accounts: ", ". ")
        };
        for (query, wanted) in [
            ("source=local", "more than 500"),
            ("source=directory", "201"),
            ("status=deactivated", "100"),
            ("status=active", "more than 500"),
            ("status=deactivated&source=local", "100"),
            ("status=deactivated&source=directory", "0"),
            ("permission=nobody.has", "0"),
            ("role=superuser", "1"),
        ] {
            assert_eq!(total(query).await, wanted, "{query}");
        }
        // Of all accounts it is told by the database's own bookkeeping, where it has one.
        if desk.database.is_postgresql() {
            let before = total("").await;
            assert!(before == "more than 1,000" || before.starts_with("about 1,"), "{before}");
            desk.database.execute("ANALYZE users");
        }
        assert_eq!(total("").await, "about 1,201");
    }

    async fn a_search_that_stops_early_says_so_and_goes_on(database) {
        let desk = Desk::on(database).run().await;
        settled(&desk).await;
        // Each filter fits some 3,000; all together the three oldest alone, whose names come last.
        let accounts: Vec<Account> = (1..=12_000)
            .map(|number: i64| Account {
                is_active: number > 3 && !(5001..=8000).contains(&number),
                is_synced: number > 3 && !(8001..=11_000).contains(&number),
                ..Account::plain(number, format!("w{:05}", 12_001 - number))
            })
            .collect();
        insert_accounts(&desk.database, &accounts);
        // The only word that each has.
        desk.database.execute("INSERT INTO user_terms (user_id, is_inner, term) SELECT id, FALSE, username FROM users");
        desk.database.execute("UPDATE users SET is_searchable = TRUE");
        let boss = superuser(&desk).await;
        for more in ["", "&sort=username", "&q=w"] {
            let list = format!("/admin/users?status=deactivated&source=local&size=25{more}");
            let first = boss.get(&list).await;
            assert!(first.body.contains("The search stopped after 10,000 rows"), "{list}");
            assert!(first.body.contains("Accounts: not counted."), "{list}");
            assert!(usernames(&first).is_empty(), "{list}");
            assert!(!first.body.contains("No one matches these filters"), "nobody knows that yet: {list}");
            for is_backward in [false, true] {
                let (given, stops) = walk(&boss, &list, is_backward, usernames).await;
                assert_eq!(given, ["w11998", "w11999", "w12000"], "{list}");
                assert_eq!(stops, 1, "{list}");
            }
        }
        // Found before it stops.
        let (given, stops) = walk(&boss, "/admin/users?status=deactivated&source=local&sort=-username", false, usernames).await;
        assert_eq!((given, stops), (["w12000", "w11999", "w11998"].map(str::to_owned).to_vec(), 1));
        // One filter alone never stops, and one that fits few makes the others cheap.
        for (query, count) in [("role=superuser&status=active", 1), ("status=deactivated&q=w1200", 1)] {
            let (given, stops) = walk(&boss, &format!("/admin/users?{query}"), false, usernames).await;
            assert_eq!((given.len(), stops), (count, 0), "{query}");
        }
        let (given, stops) = walk(&boss, "/admin/users?status=deactivated&size=100", false, usernames).await;
        assert_eq!((given.len(), stops), (3003, 0));
    }
}

// -- the audit trail --

#[derive(Clone, Debug)]
struct Happened {
    at: UnixTime,
    event: &'static str,
    outcome: &'static str,
    actor: &'static str,
    user: Option<(i64, &'static str)>,
    address: &'static str,
    reference: String,
}

/// Writes events behind the desk's back, each with the id of its time.
fn insert_events(database: &Database, events: &[Happened]) {
    let rows: Vec<String> = events
        .iter()
        .map(|event| {
            let reason = if event.outcome == "refused" {
                "inactive"
            } else {
                ""
            };
            format!(
                "({}, {}, '{}', '{}', '{reason}', '{}', {}, '{}', '', '{}', '', '{}', '{{}}')",
                id_at(event.at),
                event.at.0,
                event.event,
                event.outcome,
                event.actor,
                number_or_null(event.user.map(|(id, _)| id)),
                event.user.map_or("", |(_, name)| name),
                event.address,
                event.reference,
            )
        })
        .collect();
    database.execute(&format!(
        "INSERT INTO audit_events (id, created_at, event, outcome, reason, actor, user_id, username, \
         provider, address, user_agent, reference, details) VALUES {}",
        rows.join(", ")
    ));
}

/// The midnight at which 2 March 2026 begins in Shanghai.
fn march_2() -> UnixTime {
    let midnight: jiff::Timestamp = "2026-03-01T16:00:00Z".parse().expect("a time");
    UnixTime(midnight.as_microsecond())
}

fn some_events() -> Vec<Happened> {
    const KINDS: &[&str] = &[
        "signed_in",
        "signed_in",
        "sign_in_refused",
        "role_changed",
        "note_added",
        "password_changed",
    ];
    const USERS: &[Option<(i64, &str)>] = &[
        Some((1, "li")),
        Some((2, "wang")),
        Some((3, "zhao")),
        Some((1, "li.before")),
        None,
    ];
    let mut dice = Dice(11);
    (0..150)
        .map(|number: i64| {
            let day = i64::try_from(dice.below(6)).expect("a few");
            // Some in the first second of their day, some in the last one.
            let second = match dice.below(5) {
                0 => 86_399,
                1 => 0,
                _ => 3600 + number * 60,
            };
            Happened {
                at: UnixTime(march_2().0 + day * DAY_MICROS + second * 1_000_000 + number * 2000),
                event: dice.pick::<&str>(KINDS),
                outcome: dice.pick::<&str>(&["success", "success", "refused"]),
                actor: dice.pick::<&str>(&["boss", "li", "command line", ""]),
                user: *dice.pick(USERS),
                address: dice.pick::<&str>(&["198.51.100.1", "198.51.100.2", "2001:db8::1", ""]),
                reference: format!("ref-{number:03}"),
            }
        })
        .collect()
}

fn has_happened(event: &Happened, wanted: &[(&str, &str)]) -> bool {
    let day = || (event.at.0 - march_2().0).div_euclid(DAY_MICROS);
    let day_of = |date: &str| {
        let (_, day) = date.rsplit_once('-').expect("a date");
        day.parse::<i64>().expect("a day") - 2
    };
    wanted.iter().all(|(name, value)| match *name {
        "about" => event.user.is_some_and(|(_, name)| name == *value),
        "by" => event.actor == *value,
        "event" => event.event == *value,
        "outcome" => event.outcome == *value,
        "q" => event.address == *value || event.reference == *value,
        "from" => day() >= day_of(value),
        "to" => day() <= day_of(value),
        _ => panic!("no filter is called {name}"),
    })
}

fn record_note_about(
    conn: &mut Conn,
    now: UnixTime,
    username: &str,
) -> frontdesk::error::Result<()> {
    let client = Client::default();
    let event = Event::NoteAdded {
        note: Note::default(),
    };
    Deed::new(now, Actor::Named("boss"), &client).record(conn, About::Person(1, username), &event)
}

on_both_databases! {
    async fn the_audit_log_is_filtered_by_each_of_its_parts_and_by_several(database) {
        const WANTED: &[(&str, &str)] = &[
            ("about", "li"), ("about", "li.before"), ("about", "nobody"),
            ("by", "boss"), ("by", "command line"),
            ("event", "signed_in"), ("event", "note_added"), ("event", "session_ended"),
            ("outcome", "success"), ("outcome", "refused"),
            ("q", "198.51.100.1"), ("q", "2001:db8::1"), ("q", "ref-017"), ("q", "ref-01"),
            ("from", "2026-03-04"), ("from", "2026-03-01"),
            ("to", "2026-03-03"), ("to", "2026-03-31"),
        ];
        let desk = Desk::on(database)
            .with("FRONTDESK_TIME_ZONE", "Asia/Shanghai")
            .with("FRONTDESK_KEEP_SIGN_INS", "3660d")
            .with("FRONTDESK_KEEP_ACTS", "3660d")
            .run()
            .await;
        settled(&desk).await;
        let boss = superuser(&desk).await;
        desk.database.execute("DELETE FROM audit_events");
        let mut events = some_events();
        insert_events(&desk.database, &events);
        events.sort_by_key(|event| std::cmp::Reverse(event.at));

        let mut all: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
        all.extend(WANTED.iter().map(|one| vec![*one]));
        all.push(vec![("from", "2026-03-04"), ("to", "2026-03-04")]);
        let mut dice = Dice(5);
        for _ in 0..30 {
            let mut several: BTreeMap<&str, &str> = BTreeMap::new();
            for _ in 0..2 + dice.below(2) {
                let (name, value) = *dice.pick(WANTED);
                several.insert(name, value);
            }
            all.push(several.into_iter().collect());
        }
        for wanted in all {
            let query: Vec<String> = wanted
                .iter()
                .map(|(name, value)| format!("&{name}={}", encoded(value)))
                .collect();
            let list = format!("/admin/audit?size=25{}", query.concat());
            let expected: Vec<String> = events
                .iter()
                .filter(|event| has_happened(event, &wanted))
                .map(|event| event.reference.clone())
                .collect();
            for is_backward in [false, true] {
                let (given, stops) = walk(&boss, &list, is_backward, references).await;
                assert_eq!((given, stops), (expected.clone(), 0), "{list}");
            }
            let page = boss.get(&list).await;
            assert!(page.body.contains(&format!("Entries: {}.", expected.len())), "{list}");
            let says_none = page.body.contains("No entry matches these filters");
            assert_eq!(says_none, expected.is_empty(), "{list}");
        }
        // A day begins and ends at midnight here, not in Greenwich.
        let one_day = boss.get("/admin/audit?from=2026-03-04&to=2026-03-04&size=100").await;
        let days: BTreeSet<String> = each_between(&one_day.body, "<th scope=\"row\" class=\"num when\"><time datetime=\"", "T").into_iter().collect();
        assert_eq!(days, BTreeSet::from(["2026-03-04".to_owned()]));
    }

    async fn an_event_keeps_the_name_that_a_person_had_then(database) {
        let desk = Desk::on(database).with("OAUTH2_SUBJECT", "/id").run().await;
        let boss = desk.signed_in(&Person::named("boss").with("id", 1)).await;
        desk.db_make_staff("boss");
        desk.signed_in(&Person::named("miss.li").with("id", 7)).await;
        desk.signed_in(&Person::named("mrs.wang").with("id", 7)).await;
        let id = desk.db_id_of("mrs.wang");
        for (name, other) in [("miss.li", "mrs.wang"), ("mrs.wang", "miss.li")] {
            let page = boss.get(&format!("/admin/audit?about={name}")).await;
            assert!(page.body.contains(&format!("<a href=\"/admin/users/{id}\">{name}</a>")), "{name}");
            assert!(!page.body.contains(&format!("<a href=\"/admin/users/{id}\">{other}</a>")), "{name}");
            assert!(page.body.contains("Entries: 1."), "{name}");
        }
        let person = boss.get(&format!("/admin/users/{id}")).await;
        assert_eq!(happenings(&person).len(), 2, "both are hers");
        assert!(happenings(&person)[0].contains("Username changed from miss.li to mrs.wang"));
    }

    async fn people_see_what_happened_to_them_but_not_what_admins_wrote(database) {
        let desk = Desk::on(database).with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1").run().await;
        let boss = superuser(&desk).await;
        let agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
        let li = Person::named("li").with("name_cn", "李四").with("email", "li@old.example");
        let phone = signed_in_from(&desk, &li, agent, "198.51.100.20").await;
        let li = li.with("name_cn", "李思").with("email", "li@new.example");
        let laptop = signed_in_from(&desk, &li, agent, "198.51.100.21").await;
        let id = desk.db_id_of("li");
        let session = desk.database.number("SELECT MIN(id) AS value FROM sessions WHERE address = '198.51.100.20'");
        act(&boss, id, "end-session", &[("session", &session.to_string()), ("reason", "the phone was stolen")]).await;
        act(&boss, id, "note", &[("reason", "asks for a new phone each week")]).await;
        act(&boss, id, "grant", &[("permission", "reports.read"), ("reason", "a favour")]).await;
        assert_eq!(phone.get("/account").await.status, 303);

        let mine = laptop.get("/account/timeline").await;
        assert_eq!(mine.status, 200);
        for part in [
            "Name changed from 李四 to 李思",
            "Email changed from li@old.example to li@new.example",
            "A session was ended",
            "boss",
            "+ reports.read",
            "198.51.100.20",
            "198.51.100.21",
        ] {
            assert!(mine.body.contains(part), "{part} in {}", mine.body);
        }
        for part in ["stolen", "new phone", "favour", "203.0.113.7", "Note"] {
            assert!(!mine.body.contains(part), "{part} in {}", mine.body);
        }
        let account = laptop.get("/account").await;
        assert!(!account.body.contains("203.0.113.7") && !account.body.contains("stolen"));
        // Admins see all of it.
        let theirs = boss.get(&format!("/admin/users/{id}")).await;
        for part in ["the phone was stolen", "asks for a new phone each week", "a favour", "203.0.113.7", "Note"] {
            assert!(theirs.body.contains(part), "{part} in {}", theirs.body);
        }
        // Nobody else's.
        assert!(!boss.get("/account/timeline").await.body.contains("li@new.example"));
    }

    async fn the_page_of_a_person_lists_every_event_twenty_five_at_a_time(database) {
        let desk = Desk::on(database).run().await;
        let boss = superuser(&desk).await;
        let li = Person::named("li").with("email", "li@old.example");
        for _ in 0..30 {
            desk.signed_in(&li).await;
        }
        let li = li.with("email", "li@new.example");
        desk.signed_in(&li).await;
        let id = desk.db_id_of("li");
        act(&boss, id, "deactivate", &[("reason", "has left")]).await;
        assert_eq!(desk.browser().sign_in(&li, "/").await.status, 403);

        let path = format!("/admin/users/{id}");
        let first = happenings(&boss.get(&path).await);
        assert_eq!(first.len(), 25);
        assert!(first[0].contains("Sign-in refused") && first[0].contains("the account is deactivated"), "{}", first[0]);
        assert!(first[1].contains("Account deactivated") && first[1].contains("has left") && first[1].contains("boss"), "{}", first[1]);
        assert!(first[2].contains("Signed in") && first[2].contains("Email changed from li@old.example to li@new.example"), "{}", first[2]);
        let (forward, _) = walk(&boss, &path, false, happenings).await;
        let (backward, _) = walk(&boss, &path, true, happenings).await;
        assert_eq!(forward.len(), 33);
        assert_eq!(forward, backward);
        assert!(forward[32].contains("Account created at first sign-in"), "{}", forward[32]);
        assert_eq!(forward[3..33].iter().filter(|one| one.contains("127.0.0.1")).count(), 30);
    }

    async fn a_field_says_when_it_last_changed_and_by_whom(database) {
        let desk = Desk::on(database).with("OAUTH2_PROVIDER_NAME", "Qinghe").run().await;
        let boss = superuser(&desk).await;
        let li = Person::named("li").with("email", "li@old.example");
        desk.signed_in(&li).await;
        let path = format!("/admin/users/{}", desk.db_id_of("li"));
        let before = boss.get(&path).await;
        for field in ["Name", "Username", "Email", "Status", "Role"] {
            assert!(!fact(&before, field).contains("(changed "), "{field}");
        }
        desk.signed_in(&li.with("email", "li@new.example")).await;
        let synced = boss.get(&path).await;
        let email = fact(&synced, "Email");
        assert!(email.contains("li@new.example") && email.contains("(changed ") && email.contains("by Qinghe)"), "{email}");
        for field in ["Name", "Username", "Status", "Role"] {
            assert!(!fact(&synced, field).contains("(changed "), "{field}");
        }
        let id = desk.db_id_of("li");
        act(&boss, id, "role", &[("role", "staff"), ("reason", "")]).await;
        act(&boss, id, "deactivate", &[]).await;
        let changed = boss.get(&path).await;
        for field in ["Role", "Status"] {
            let fact = fact(&changed, field);
            assert!(fact.contains("(changed ") && fact.contains("by boss)"), "{fact}");
        }
        assert!(fact(&changed, "Email").contains("by Qinghe)"));
        // In Chinese too.
        let mut chinese = boss.clone();
        chinese.language = "zh-CN".to_owned();
        assert!(fact(&chinese.get(&path).await, "邮箱").contains("由 Qinghe 更改"));
    }

    async fn events_are_deleted_when_their_time_is_over_and_one_event_says_so(database) {
        let desk = Desk::on(database)
            .with("FRONTDESK_KEEP_SIGN_INS", "1d")
            .with("FRONTDESK_KEEP_ACTS", "3d")
            .run()
            .await;
        settled(&desk).await;
        let keep = desk.inner.retention;
        let begun = desk.clock.now();
        desk.clock.advance(HOUR * 100);
        let now = desk.clock.now();
        assert!(now.since(begun) >= HOUR * 100);
        let mut events = Vec::new();
        for (hours, event, reference) in [
            (23, "signed_in", "stays-1"),
            (23, "sign_in_refused", "stays-2"),
            (25, "role_changed", "stays-3"),
            (71, "note_added", "stays-4"),
            (71, "events_swept", "stays-5"),
            (71, "session_ended", "stays-6"),
            (25, "signed_in", "goes"),
            (25, "sign_in_refused", "goes"),
            (26, "sign_in_refused", "goes"),
            (25, "signed_out", "goes"),
            (25, "user_switched", "goes"),
            (25, "more_sign_ins_refused", "goes"),
            (73, "role_changed", "goes"),
            (74, "role_changed", "goes"),
            (73, "note_added", "goes"),
            (2000, "events_swept", "goes"),
        ] {
            events.push(Happened {
                at: now.minus(HOUR * hours),
                event,
                outcome: "success",
                actor: "boss",
                user: Some((1, "li")),
                address: "",
                reference: reference.to_owned(),
            });
        }
        insert_events(&desk.database, &events);
        let sweep = |limit| {
            desk.inner
                .db
                .write_blocking(|conn| audit::sweep(conn, now, keep, limit))
                .expect("it is swept")
        };
        // In small pieces.
        assert_eq!(sweep(1), 1);
        assert_eq!(sweep(1000), 9);
        assert_eq!(sweep(1000), 0);
        let left = desk.database.texts("SELECT reference AS value FROM audit_events WHERE reference <> '' ORDER BY reference");
        assert_eq!(left, ["stays-1", "stays-2", "stays-3", "stays-4", "stays-5", "stays-6"]);
        // One of them was there before.
        let told = desk.db_details_of("events_swept");
        assert_eq!(told[told.len() - 2..], [json!({"count": 1}), json!({"count": 9})]);
        assert_eq!(desk.database.count("audit_events"), 8);
        let boss = superuser(&desk).await;
        let page = boss.get("/admin/audit").await;
        for part in ["Sign-ins are kept for 1 ", "Old entries removed from the audit log", "Entries: 9", "Entries: 1"] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
    }

    async fn the_log_has_one_line_of_json_for_each_event(database) {
        let kind = if database.is_postgresql() { "pg" } else { "lite" };
        let name = format!("log-{kind}-\"quoted\"\\");
        let desk = Desk::on(database).run().await;
        let li = Person::named(&name).with("email", "li@old.example");
        desk.signed_in(&li).await;
        let browser = desk.signed_in(&li.with("email", "li@new.example")).await;
        let page = browser.get("/account").await;
        browser.post("/logout", &page, &[]).await;
        let lines = |mark: &str| -> Vec<Value> {
            desk.log()
                .lines()
                .filter(|line| line.starts_with('{') && line.contains(mark))
                .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
                .collect()
        };
        let mark = format!("log-{kind}-");
        let told = lines(&mark);
        let stored = desk.database.texts("SELECT CAST(id AS TEXT) || ' ' || event AS value FROM audit_events ORDER BY id");
        let in_log: Vec<String> = told
            .iter()
            .map(|line| format!("{} {}", line["id"].as_str().expect("an id"), line["audit"].as_str().expect("an event")))
            .collect();
        assert_eq!(in_log, stored);
        for line in &told {
            assert_eq!(line["username"], name);
            assert_eq!(line["actor"], name);
            assert_eq!(line["outcome"], "success");
            assert_eq!(line["address"], "127.0.0.1");
            assert!(line["details"].is_object());
            let time = line["time"].as_str().expect("a time");
            assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        }
        assert_eq!(told[0]["details"], json!({"account_created": true}));
        assert_eq!(told[1]["details"]["changes"], json!([{"field": "email", "from": "li@old.example", "to": "li@new.example"}]));

        // What was not committed did not happen.
        let now = desk.clock.now();
        let ghost = format!("ghost-{kind}");
        let undone: frontdesk::error::Result<()> = desk.inner.db.write_blocking(|conn| {
            record_note_about(conn, now, &ghost)?;
            Err(Error::BadRequest)
        });
        assert!(undone.is_err());

        // Whatever a name holds, its line stays one.
        let evil = format!("evil-{kind}\r\n{{\"audit\":\"forged-{kind}\"}}\u{2028}\u{2029}\u{202e}\u{2066}\u{85}\u{1b}[31m\"\\");
        desk.inner
            .db
            .write_blocking(|conn| record_note_about(conn, now, &evil))
            .expect("it is recorded");
        let log = desk.log();
        assert!(!log.contains(&ghost));
        let of_evil: Vec<&str> = log.lines().filter(|line| line.contains(&format!("evil-{kind}"))).collect();
        assert_eq!(of_evil.len(), 1, "{of_evil:?}");
        assert!(!log.lines().any(|line| line.starts_with(&format!("{{\"audit\":\"forged-{kind}"))));
        for c in ['\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}', '\u{85}', '\u{1b}', '\r'] {
            assert!(!of_evil[0].contains(c), "{c:?}");
        }
        let line: Value = serde_json::from_str(of_evil[0]).expect("JSON");
        assert_eq!(line["username"], evil);
        assert_eq!(line["audit"], "note_added");
    }

    async fn the_sessions_page_lists_who_is_signed_in_now(database) {
        const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
        const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15";
        let desk = Desk::on(database).with("FRONTDESK_TRUSTED_PROXIES", "127.0.0.1").run().await;
        let idle = signed_in_from(&desk, &Person::named("idle"), FIREFOX, "203.0.113.8").await;
        desk.clock.advance(HOUR * 9);
        assert_eq!(idle.get("/account").await.status, 303);
        signed_in_from(&desk, &Person::named("li"), FIREFOX, "203.0.113.9").await;
        signed_in_from(&desk, &Person::named("li"), CHROME, "203.0.113.8").await;
        signed_in_from(&desk, &Person::named("wang"), EDGE, "203.0.113.8").await;
        signed_in_from(&desk, &Person::named("zhao"), SAFARI, "198.51.100.9").await;
        let left = signed_in_from(&desk, &Person::named("left"), FIREFOX, "203.0.113.8").await;
        let page = left.get("/account").await;
        left.post("/logout", &page, &[]).await;
        signed_in_from(&desk, &Person::named("gone"), FIREFOX, "203.0.113.8").await;
        desk.db_deactivate("gone");
        // As a deactivation does.
        desk.db_end_sessions_of("gone");
        let boss = superuser(&desk).await;
        let sam = staff(&desk).await;

        let all = boss.get("/admin/sessions").await;
        assert_eq!(usernames(&all), ["sam", "boss", "zhao", "wang", "li", "li"]);
        assert!(all.body.contains("Open sessions: 6."));
        assert_eq!(all.body.matches("This session").count(), 1);
        for (query, wanted) in [
            ("user=li", vec!["li", "li"]),
            ("ip=203.0.113.8", vec!["wang", "li"]),
            ("browser=Chrome", vec!["li"]),
            ("browser=Edge", vec!["wang"]),
            ("browser=Safari", vec!["zhao"]),
            ("browser=Firefox", vec!["sam", "boss", "li"]),
            ("user=li&ip=203.0.113.8&browser=Chrome", vec!["li"]),
            ("ip=203.0.113.8&browser=Edge", vec!["wang"]),
            ("user=li&ip=198.51.100.9", vec![]),
            ("user=nobody", vec![]),
            ("user=gone", vec![]),
            ("user=left", vec![]),
            ("user=idle", vec![]),
            ("ip=203.0.113.10", vec![]),
        ] {
            let page = boss.get(&format!("/admin/sessions?{query}")).await;
            assert_eq!(usernames(&page), wanted, "{query}");
            assert!(page.body.contains(&format!("Open sessions: {}.", wanted.len())), "{query}");
            assert_eq!(page.body.contains("No session matches these filters"), wanted.is_empty(), "{query}");
        }

        // Whoever may look alone sees the same rows and nothing to press.
        let theirs = sam.get("/admin/sessions").await;
        assert_eq!(usernames(&theirs), usernames(&all));
        for part in ["/end-session", "/admin/sessions/end", "/admin/sessions.csv"] {
            assert!(all.body.contains(part), "{part}");
            assert!(!theirs.body.contains(part), "{part}");
        }

        // Page by page, both ways.
        let (now, li) = (desk.clock.now().0, desk.db_id_of("li"));
        let rows: Vec<String> = (1..=60)
            .map(|number| format!("({number}, 'hash-{number}', {li}, 'company', {now}, {now}, {}, '203.0.113.77', 'curl/8')", now + DAY_MICROS))
            .collect();
        desk.database.execute(&format!(
            "INSERT INTO sessions (id, token_hash, user_id, provider, created_at, last_seen_at, expires_at, address, user_agent) VALUES {}",
            rows.join(", ")
        ));
        let stored = desk.database.texts("SELECT CAST(x.id AS TEXT) AS value FROM sessions x JOIN users u ON u.id = x.user_id
            WHERE x.ended_at IS NULL AND u.username IN ('sam', 'boss', 'zhao', 'wang', 'li') AND x.id > 60 ORDER BY x.id DESC");
        let older = (1..=60).rev().map(|number: i64| number.to_string());
        let wanted: Vec<String> = stored.into_iter().chain(older).collect();
        assert_eq!(wanted.len(), 66);
        for is_backward in [false, true] {
            let (given, stops) = walk(&boss, "/admin/sessions?size=25", is_backward, session_ids).await;
            assert_eq!((given, stops), (wanted.clone(), 0));
            let (given, _) = walk(&boss, "/admin/sessions?size=25&ip=203.0.113.77&user=li", is_backward, session_ids).await;
            assert_eq!(given, wanted[6..]);
        }
    }

    async fn the_status_page_counts_and_warns(database) {
        let folder = tempfile::tempdir().expect("a folder");
        let backup = folder.path().join("desk.backup");
        let desk = Desk::on(database)
            .with("FRONTDESK_BACKUP_FILE", backup.to_str().expect("a path in Unicode"))
            .run()
            .await;
        let boss = superuser(&desk).await;
        let sam = staff(&desk).await;
        let li = Person::named("li");
        desk.signed_in(&li).await;
        act(&boss, desk.db_id_of("li"), "deactivate", &[]).await;
        for _ in 0..2 {
            assert_eq!(desk.browser().sign_in(&li, "/").await.status, 403);
        }

        let none = boss.get("/admin/status").await;
        assert!(none.body.contains("There is no backup at the path in FRONTDESK_BACKUP_FILE."));
        assert!(none.body.contains("Something below needs your attention."));
        let file = fs::File::create(&backup).expect("a file");
        file.set_modified(SystemTime::now() - HOUR * 72).expect("a time");
        let old = boss.get("/admin/status").await;
        assert!(old.body.contains("Latest backup: ") && old.body.contains("Something below needs your attention."));
        file.set_modified(SystemTime::now()).expect("a time");

        until("the provider's addresses are checked", async || {
            boss.get("/admin/status").await.body.contains("OAUTH2_TOKEN_URL")
        })
        .await;
        let status = sam.get("/admin/status").await;
        assert_eq!(status.status, 200, "whoever may look may look here");
        let (kind, database) = (if desk.database.is_postgresql() { "PostgreSQL " } else { "SQLite " }, desk.inner.db.describe());
        assert!(database.starts_with(kind));
        for part in [
            concat!("Frontdesk ", env!("CARGO_PKG_VERSION")),
            database.as_str(),
            "All are applied.",
            "All checks passed.",
            "Accounts: 3.",
            "Deactivated: 1.",
            "Open sessions: 2.",
            "aria-label=\"Sign-ins by the hour: 3 signed in, 2 refused, at most ",
            "OAUTH2_USER_BASE_INFO_URL",
            "OAUTH2_AUTHORIZE_URL",
            &format!("{}/o/token/</span> answered 405 in ", desk.provider.url),
            &format!("{}/oauth2_callback/", desk.url),
            "Latest backup: ",
        ] {
            assert!(status.body.contains(part), "{part} in {}", status.body);
        }
        assert!(!status.body.contains("Its addresses are being checked"));
        let employee = desk.signed_in(&Person::named("employee")).await;
        assert_eq!(employee.get("/admin/status").await.status, 403);
        // Figures are counted anew after a while, not for each look.
        assert!(sam.get("/admin/status").await.body.contains("Accounts: 3."));
        desk.clock.advance(Duration::from_secs(31));
        assert!(sam.get("/admin/status").await.body.contains("Accounts: 4."));

        desk.database.execute("DELETE FROM __diesel_schema_migrations WHERE version = (SELECT MAX(version) FROM __diesel_schema_migrations)");
        let pending = sam.get("/admin/status").await;
        assert!(pending.body.contains("Pending: 1.") && pending.body.contains("Something below needs your attention."));
    }

    async fn the_status_page_says_that_the_provider_stopped_and_never_waits_for_it(database) {
        let desk = Desk::on(database).run().await;
        let boss = superuser(&desk).await;
        desk.provider.on_call(Endpoint::Token, Reply::Silence);
        desk.provider.on_call(Endpoint::Profile, Reply::Answer(503, "text/plain", b"no".to_vec()));
        let started = Instant::now();
        let first = boss.get("/admin/status").await;
        // The check itself gives up after five seconds.
        assert!(started.elapsed() < Duration::from_secs(4), "the page waited");
        assert!(first.body.contains("Its addresses are being checked"));
        until("the check is done", async || {
            tokio::time::sleep(Duration::from_millis(200)).await;
            boss.get("/admin/status").await.body.contains("OAUTH2_TOKEN_URL")
        })
        .await;
        let calls = desk.provider.calls();
        for _ in 0..5 {
            let answer = boss.get("/admin/status").await;
            assert!(answer.body.contains(" did not answer: "));
            assert!(answer.body.contains(" answered 503 in "));
            assert!(answer.body.contains("Something below needs your attention."));
        }
        assert_eq!(desk.provider.calls(), calls, "a look asks nobody");
        // It is the provider that does not work, not the portal.
        assert_eq!(desk.browser().get("/readyz").await.status, 200);
    }

    async fn scripts_list_and_change_accounts_with_the_users_command(database) {
        let settings: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), database.url.clone())].into();
        let desk = Desk::on(database).run().await;
        superuser(&desk).await;
        let li = Person::named("li").with("name_cn", "李四").with("email", "li@corp.example");
        let browser = desk.signed_in(&li).await;
        desk.signed_in(&Person::named("wang")).await;
        desk.db_create_local_account("kiosk");
        let names = |document: &Value| -> Vec<String> {
            document["users"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|user| user["username"].as_str().expect("a name").to_owned())
                .collect()
        };
        let list = |arguments: &[&str]| {
            let all: Vec<&str> = ["users", "list", "--json"].iter().chain(arguments).copied().collect();
            json_of(&output(&all, &settings), 0)
        };

        // -- list --
        let all = list(&[]);
        assert_eq!(names(&all), ["kiosk", "wang", "li", "boss"]);
        assert_eq!(all["next"], Value::Null);
        let user = &all["users"][2];
        for (member, value) in [
            ("first_name", json!("李四")),
            ("email", json!("li@corp.example")),
            ("is_active", json!(true)),
            ("role", json!("employee")),
            ("source", json!("directory")),
        ] {
            assert_eq!(user[member], value, "{member}");
        }
        for time in [&user["date_joined"], &user["last_login"]] {
            assert!(time.as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()), "{time}");
        }
        assert_eq!(all["users"][0]["last_login"], Value::Null);
        let lists: [(&[&str], Vec<&str>); 11] = [
            (&["--search", "李"], vec!["li"]),
            (&["--search", "nobody"], vec![]),
            (&["--role", "superuser"], vec!["boss"]),
            (&["--role", "admin"], vec!["boss"]),
            (&["--source", "local"], vec!["kiosk"]),
            (&["--never-seen"], vec!["kiosk"]),
            (&["--not-seen-days", "30"], vec!["kiosk"]),
            (&["--status", "deactivated"], vec![]),
            (&["--permission", "reports.read"], vec![]),
            (&["--status", "active", "--role", "employee", "--source", "directory"], vec!["wang", "li"]),
            (&["--status", "active", "--role", "employee", "--source", "provider"], vec!["wang", "li"]),
        ];
        for (arguments, wanted) in lists {
            assert_eq!(names(&list(arguments)), wanted, "{arguments:?}");
        }
        let first = list(&["--limit", "2"]);
        assert_eq!(names(&first), ["kiosk", "wang"]);
        let next = match &first["next"] {
            Value::String(next) => next.clone(),
            other => other.to_string(),
        };
        let second = list(&["--limit", "2", "--after", &next]);
        assert_eq!((names(&second), &second["next"]), (vec!["li".to_owned(), "boss".to_owned()], &Value::Null));
        let plain = output(&["users", "list"], &settings);
        assert!(plain.status.success() && text(&plain.stdout).contains("李四"));

        // -- show --
        let shown = json_of(&output(&["users", "show", "li", "--json"], &settings), 0);
        assert_eq!((&shown["username"], &shown["first_name"]), (&json!("li"), &json!("李四")));
        let plain = output(&["users", "show", "li"], &settings);
        assert!(plain.status.success() && text(&plain.stdout).contains("li@corp.example"));

        // -- acts --
        let acts = |arguments: &[&str], status, outcome: &str| {
            let mut all = vec!["users"];
            all.extend_from_slice(arguments);
            all.push("--json");
            let document = json_of(&output(&all, &settings), status);
            assert_eq!(document["username"], arguments[1], "{arguments:?}");
            assert_eq!(document["act"], arguments[0], "{arguments:?}");
            assert_eq!(document["outcome"], outcome, "{arguments:?}");
            document["reason"].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(browser.get("/account").await.status, 200);
        acts(&["end-sessions", "li", "--reason", "a lost laptop"], 0, "done");
        assert_eq!(browser.get("/account").await.status, 303);
        acts(&["end-sessions", "li"], 0, "unchanged");
        acts(&["grant", "li", "reports.read", "--reason", "asked for"], 0, "done");
        acts(&["grant", "li", "reports.read"], 0, "unchanged");
        assert_eq!(names(&list(&["--permission", "reports.read"])), ["li"]);
        acts(&["take", "li", "reports.read"], 0, "done");
        acts(&["take", "li", "reports.read"], 0, "unchanged");
        acts(&["deactivate", "li", "--reason", "has left"], 0, "done");
        acts(&["deactivate", "li"], 0, "unchanged");
        assert_eq!(names(&list(&["--status", "deactivated"])), ["li"]);
        assert_eq!(desk.browser().sign_in(&li, "/").await.status, 403);
        acts(&["activate", "li"], 0, "done");
        desk.signed_in(&li).await;
        assert_eq!(acts(&["deactivate", "boss"], 4, "refused"), "last_superuser");
        assert_eq!(desk.database.count("users WHERE is_active AND username = 'boss'"), 1);

        // The same events as the pages write.
        let events = desk.database.texts("SELECT event || ' ' || outcome || ' ' || username || ' ' || reason AS value FROM audit_events
            WHERE actor = 'command line' AND event <> 'superuser_created' ORDER BY id");
        let events: Vec<&str> = events.iter().map(|event| event.trim_end()).collect();
        assert_eq!(events, [
            "sessions_ended success li",
            "permission_granted success li",
            "permission_taken success li",
            "account_deactivated success li",
            "account_activated success li",
            "account_deactivated refused boss last_superuser",
        ]);
        let notes = desk.database.texts("SELECT details AS value FROM audit_events WHERE event = 'account_deactivated' AND username = 'li'");
        assert_eq!(serde_json::from_str::<Value>(&notes[0]).expect("JSON")["note"], "has left");

        // -- how it ends --
        let ends: [(&[&str], i32); 11] = [
            (&["users", "list", "--status", "asleep"], 2),
            (&["users", "list", "--never-seen", "--not-seen-days", "3"], 2),
            (&["users", "list", "--limit", "few"], 2),
            (&["users"], 2),
            (&["users", "deactivate"], 2),
            (&["users", "grant", "li"], 2),
            (&["users", "show", "nobody"], 3),
            (&["users", "deactivate", "nobody"], 3),
            (&["users", "grant", "nobody", "reports.read", "--json"], 3),
            (&["users", "deactivate", "boss"], 4),
            (&["users", "grant", "li", "bad\nname"], 4),
        ];
        for (arguments, status) in ends {
            let done = output(arguments, &settings);
            assert_eq!(done.status.code(), Some(status), "{arguments:?}: {}{}", text(&done.stdout), text(&done.stderr));
            assert!(!done.stderr.is_empty() || arguments.contains(&"--json"), "{arguments:?} says why");
        }
        let elsewhere: BTreeMap<String, String> = [("DATABASE_URL".to_owned(), "/nonexistent/desk.sqlite3".to_owned())].into();
        let failed = output(&["users", "list"], &elsewhere);
        assert_eq!(failed.status.code(), Some(1), "{}", text(&failed.stderr));
    }
}

/// One JSON document and nothing else, and how the command ended.
fn json_of(done: &Output, status: i32) -> Value {
    let shown = format!("{}{}", text(&done.stdout), text(&done.stderr));
    assert_eq!(done.status.code(), Some(status), "{shown}");
    serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {shown}"))
}

/// What scripts and retention rules go by: a code is added, never changed.
#[test]
fn the_codes_of_events_stay_as_they_are() {
    let codes: Vec<&str> = EventKind::all().map(EventKind::code).collect();
    assert_eq!(
        codes,
        [
            "signed_in",
            "sign_in_refused",
            "signed_out",
            "user_switched",
            "session_ended",
            "other_sessions_ended",
            "sessions_ended",
            "account_created",
            "account_deactivated",
            "account_activated",
            "account_erased",
            "account_imported",
            "role_changed",
            "superuser_created",
            "permission_granted",
            "permission_taken",
            "identity_linked",
            "identity_unlinked",
            "access_withdrawn",
            "account_synced",
            "refusals_suspended",
            "refusals_confirmed",
            "oldest_sessions_ended",
            "signed_out_by_provider",
            "tokens_revoked",
            "provider_gone",
            "readmitted",
            "provider_rekeyed",
            "password_changed",
            "password_change_refused",
            "password_link_made",
            "confirmation_link_made",
            "confirmation_password_set",
            "proved",
            "proof_refused",
            "rescue_link_made",
            "note_added",
            "export_made",
            "events_swept",
            "more_sign_ins_refused",
        ]
    );
    for code in codes {
        assert_eq!(EventKind::from_code(code).map(EventKind::code), Some(code));
    }
    assert_eq!(EventKind::from_code(""), None);
}

/// One file alone changes or deletes what is in the trail.
#[test]
fn rows_of_the_audit_log_are_only_added() {
    let mut folders = vec![Path::new("src").to_owned()];
    let mut changing = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let source = fs::read_to_string(&path).expect("a text");
            // However it is laid out.
            let source: String = source.split_whitespace().collect::<String>().to_lowercase();
            let changes = [
                "update(audit_events",
                "delete(audit_events",
                "update(crate::db::schema::audit_events",
                "delete(crate::db::schema::audit_events",
                "update(schema::audit_events",
                "delete(schema::audit_events",
                "updateaudit_events",
                "deletefromaudit_events",
                "truncateaudit_events",
            ];
            if changes.iter().any(|change| source.contains(change)) {
                changing.push(path);
            }
        }
    }
    assert_eq!(changing, [Path::new("src/audit/retention.rs")]);
}
