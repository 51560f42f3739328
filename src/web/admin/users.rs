//! The user list: a search box, filters, orders, pages, and checkboxes for acts on many accounts.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use strum::VariantArray as _;

use super::act::for_many;
use crate::clock::UnixTime;
use crate::config::PasswordLogin;
use crate::error::Result;
use crate::permissions;
use crate::portal::Portal;
use crate::users::{
    self, Column, Filter, LastLogin, Order, Role, Source, User, UserQuery, list as list_users,
};
use crate::web::guard::{Reader, Staff};
use crate::web::list::{
    Chip, List, ListFilter, ListQuery, Pager, Select, find_code, total_in_words,
};
use crate::web::page::{Page, Person};
use crate::web::redirect::fresh_address;

pub const LIST: List = List {
    path: "/admin/users",
    filters: &[
        ListFilter::typed("q", |t| t.search),
        ListFilter::chosen(
            "status",
            |t| t.status,
            || STATUSES.iter().map(|(code, _)| *code).collect(),
            |page, value| match value {
                "active" => page.t.state_active.to_owned(),
                _ => page.t.state_deactivated.to_owned(),
            },
        ),
        ListFilter::chosen(
            "role",
            |t| t.role,
            || Role::VARIANTS.iter().rev().map(|one| one.code()).collect(),
            |page, value| {
                let role = Role::from_code(value).unwrap_or(Role::Employee);
                page.role_name(role).to_owned()
            },
        ),
        ListFilter::chosen(
            "source",
            |t| t.source,
            || Source::VARIANTS.iter().map(|one| one.code()).collect(),
            |page, value| match Source::from_code(value) {
                Some(Source::Provider) => page.t.source_directory.to_owned(),
                _ => page.t.source_local.to_owned(),
            },
        ),
        ListFilter::chosen(
            "seen",
            |t| t.last_sign_in_column,
            || vec!["30", "90", "180", "365", NEVER],
            |page, value| match value {
                NEVER => page.t.never_signed_in.to_owned(),
                days => page.t.not_for_days.with(days),
            },
        ),
        ListFilter::chosen(
            "permissions",
            |t| t.permissions,
            || vec![KEPT],
            |page, _| page.t.permissions_are_kept.to_owned(),
        ),
        ListFilter::typed("permission", |t| t.permission),
    ],
    others: &["sort"],
};

/// The maximum number of permission names that the filter suggests.
const MAX_NAMES: i64 = 100;
const DAY: Duration = Duration::from_secs(86_400);

const STATUSES: &[(&str, bool)] = &[("active", true), ("deactivated", false)];
const NEVER: &str = "never";
const KEPT: &str = "kept";
const COLUMNS: &[(&str, Column)] = &[
    ("joined", Column::DateJoined),
    ("username", Column::Username),
    ("name", Column::FirstName),
    ("email", Column::Email),
    ("last", Column::LastLogin),
];

/// Parses the filters and the order in an address. Values that none of our links contains are a
/// bad request.
pub fn wanted(address: &ListQuery, now: UnixTime) -> Result<UserQuery> {
    let order = address.parsed("sort", |given| {
        let column = find_code(COLUMNS, given.trim_start_matches('-'))?;
        let is_descending = given.starts_with('-');
        Some(Order {
            column,
            is_descending,
        })
    })?;
    let last_login = address.parsed("seen", |given| {
        if given == NEVER {
            return Some(LastLogin::Never);
        }
        // An address typed by hand may contain any number of days.
        let days: u32 = given.parse().ok()?;
        Some(LastLogin::Before(now.minus(DAY.saturating_mul(days))))
    })?;
    Ok(UserQuery {
        filter: Filter {
            search: address.get("q").map(str::to_owned),
            is_active: address.parsed("status", |code| find_code(STATUSES, code))?,
            role: address.parsed("role", Role::from_code)?,
            source: address.parsed("source", Source::from_code)?,
            permission: address.get("permission").map(str::to_owned),
            last_login,
            has_kept_permissions: address
                .parsed("permissions", |code| (code == KEPT).then_some(()))?
                .is_some(),
        },
        order,
        page: address.page()?,
        size: address.size()?,
    })
}

struct Row {
    person: Person,
    user: User,
}

/// A column's header, with the orders that it offers.
struct Head {
    class: &'static str,
    /// `ascending`, `descending` or empty.
    sort: &'static str,
    links: Vec<SortLink>,
}

struct SortLink {
    label: &'static str,
    to: String,
    icon: &'static str,
}

#[derive(Template)]
#[template(path = "admin/users.html")]
struct UserList<'a> {
    page: &'a Page<'a>,
    address: &'a ListQuery,
    total: String,
    selects: Vec<Select>,
    permission_names: Vec<String>,
    chips: Vec<Chip>,
    heads: Vec<Head>,
    rows: Vec<Row>,
    pager: Pager,
    may_act: bool,
    /// The address of a fresh sign-in, if the viewer would need one for dangerous acts.
    fresh: Option<String>,
    may_create: bool,
    acts: Vec<(&'static str, &'static str)>,
    is_ticked: bool,
    tick_all: String,
    matching: String,
}

pub async fn list(
    reader: Reader<Staff>,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let now = portal.clock.now();
    let asked =
        ListQuery::of(&LIST, &request).and_then(|address| Ok((wanted(&address, now)?, address)));
    let (me, (wanted, address), (listing, total, permission_names)) = reader
        .read_by(asked, move |conn, _, (wanted, _)| {
            Ok((
                list_users(conn, wanted)?,
                users::total(conn, &wanted.filter)?,
                permissions::known_names(conn, MAX_NAMES)?,
            ))
        })
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let t = page.t;
    let admin = me.admin();
    let note = order_in_words(&page, &wanted);
    let total = total_in_words(&page, total);
    page.ok(&UserList {
        page: &page,
        selects: LIST.selects(&page, &address),
        permission_names,
        chips: LIST.chips(&page, &address),
        heads: heads(&page, &address, &wanted),
        pager: Pager::of(&listing, &address, t.pages_of_users, note, |user| user.id),
        matching: page.t.all_matching.with(&total),
        total,
        rows: listing
            .rows
            .into_iter()
            .map(|user| Row {
                person: Person::of(&user),
                user,
            })
            .collect(),
        may_act: admin.is_some(),
        fresh: admin
            .filter(|admin| !admin.is_fresh(now))
            .map(|_| fresh_address(&me.visit.here)),
        may_create: portal.password_login != PasswordLogin::Off,
        acts: for_many(&page),
        is_ticked: address.get("select") == Some("page"),
        tick_all: tick_all(&address),
        address: &address,
    })
}

/// The address of the same page with every row ticked.
fn tick_all(address: &ListQuery) -> String {
    let place = ["after", "before", "last"]
        .into_iter()
        .find_map(|name| Some((name, address.get(name)?)));
    let mut more = vec![("select", Some("page"))];
    more.extend(place.map(|(name, value)| (name, Some(value))));
    address.at(LIST.path, &more)
}

fn heads(page: &Page<'_>, address: &ListQuery, wanted: &UserQuery) -> Vec<Head> {
    let t = page.t;
    let present = wanted.order();
    let head = |class, columns: &[(Column, &'static str, &'static str)]| {
        let mut sort = "";
        let link = |(column, code, label): &(Column, &str, &'static str)| {
            let now = present.filter(|order| order.column == *column);
            let is_time = matches!(column, Column::DateJoined | Column::LastLogin);
            let (icon, minus) = match now.map(|order| order.is_descending) {
                Some(true) => {
                    sort = "descending";
                    ("desc", "")
                }
                Some(false) => {
                    sort = "ascending";
                    ("asc", "-")
                }
                // For times, people usually want the latest first.
                None if is_time => ("sort", "-"),
                None => ("sort", ""),
            };
            SortLink {
                label,
                to: address.with("sort", Some(&format!("{minus}{code}"))),
                icon,
            }
        };
        let links = columns.iter().map(link).collect();
        Head { class, sort, links }
    };
    let name = (Column::FirstName, "name", t.name);
    let username = (Column::Username, "username", t.username);
    let last_login = (Column::LastLogin, "last", t.last_sign_in_column);
    vec![
        head("", &[name, username]),
        head("c-opt", &[(Column::Email, "email", t.email)]),
        head("c-opt", &[(Column::DateJoined, "joined", t.created)]),
        head("c-mid", &[last_login]),
    ]
}

fn order_in_words(page: &Page<'_>, wanted: &UserQuery) -> String {
    let t = page.t;
    let Some(order) = wanted.order() else {
        return t.best_hit_first.to_owned();
    };
    match (order.column, order.is_descending) {
        (Column::DateJoined, true) => t.newest_first,
        (Column::DateJoined, false) => t.oldest_first,
        (Column::LastLogin, true) => t.last_seen_first,
        (Column::LastLogin, false) => t.longest_absent_first,
        (_, false) => t.in_order,
        (_, true) => t.in_reverse_order,
    }
    .to_owned()
}
