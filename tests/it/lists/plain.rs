//! The list of accounts worked out plainly, to compare the real one with.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use frontdesk::clock::UnixTime;
use frontdesk::paging::{Page, Total};
use frontdesk::users::{
    self, Column, Filter, LastLogin, Order, Role, Source, UserQuery, search_index,
};

use super::{DAY_MICROS, Dice};
use crate::support::people::quoted;
use crate::support::{Database, Portal, until_swept};

#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: i64,
    pub(super) username: String,
    pub(super) first_name: String,
    pub(super) email: String,
    pub(super) is_active: bool,
    pub(super) is_synced: bool,
    pub(super) by_hand: Role,
    pub(super) by_permission: Role,
    pub(super) last_login: Option<i64>,
    /// Name and origin.
    pub(super) permissions: Vec<(&'static str, &'static str)>,
}

impl Account {
    pub(super) fn plain(id: i64, username: String) -> Self {
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

pub(super) fn number_or_null(number: Option<i64>) -> String {
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
pub(super) fn db_insert_accounts(database: &Database, accounts: &[Account]) {
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
pub(super) async fn settled(portal: &Portal) {
    until_swept(portal).await;
}

/// What the sweeper does for accounts that were stored before there were words.
pub(super) fn make_searchable(portal: &Portal) {
    loop {
        let count = portal
            .inner
            .db
            .write_blocking(|conn| search_index::catch_up(conn, 500))
            .expect("words are written");
        if count == 0 {
            break;
        }
    }
}

const SINCE: i64 = 1_700_000_000_000_000;
const THRESHOLD: UnixTime = UnixTime(SINCE + 20 * DAY_MICROS);

pub(super) fn some_accounts() -> Vec<Account> {
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

pub(super) fn plain(text: &str) -> String {
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

pub(super) fn expected<'a>(
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
fn pages(portal: &Portal, filter: &Filter, order: Option<Order>, is_backward: bool) -> Vec<i64> {
    const SIZE: usize = 25;
    let mut page = if is_backward { Page::Last } else { Page::First };
    let mut all: Vec<i64> = Vec::new();
    loop {
        let wanted = UserQuery {
            filter: filter.clone(),
            order,
            page,
            size: SIZE,
        };
        let listing = portal
            .inner
            .db
            .read_blocking(|conn| users::list(conn, &wanted))
            .unwrap_or_else(|error| panic!("{wanted:?}: {error}"));
        assert_eq!(listing.stopped_at, None, "{wanted:?}");
        let mut ids: Vec<i64> = listing.rows.iter().map(|user| user.id.into()).collect();
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

pub(super) fn check(portal: &Portal, accounts: &[Account], filter: &Filter, order: Option<Order>) {
    let what = format!("{filter:?} {order:?}");
    let forward = pages(portal, filter, order, false);
    let backward = pages(portal, filter, order, true);
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
    let total = portal
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

pub(super) fn orders() -> Vec<Option<Order>> {
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

pub(super) const SEARCHES: &[&str] = &[
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
pub(super) fn set(filter: &mut Filter, kind: usize, dice: &mut Dice) {
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

pub(super) fn single_filters() -> Vec<Filter> {
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

pub(super) fn searching(search: &str) -> Filter {
    Filter {
        search: Some(search.to_owned()),
        ..Filter::default()
    }
}
