//! The user list: one search box, filters, orders, pages, and the ticks for acts on many.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::list::{Address, Chip, Choice, Pager, choices, total_in_words};
use crate::admin::Admin;
use crate::clock::UnixTime;
use crate::config::PasswordLogin;
use crate::desk::Desk;
use crate::error::{Error, Result};
use crate::permissions;
use crate::users::{
    self, Column, Filter, LastLogin, Order, Role, Source, User, Wanted, list as list_users,
};
use crate::web::guard::StaffReader;
use crate::web::page::{Page, Person};
use crate::web::signin::fresh_address;

pub const PATH: &str = "/admin/users";
pub const FILTERS: &[&str] = &[
    "q",
    "status",
    "role",
    "source",
    "permission",
    "permissions",
    "seen",
    "sort",
];
/// Names of permissions that the filter offers.
const MAX_NAMES: i64 = 100;
const DAY: Duration = Duration::from_secs(86_400);

const STATUSES: &[(&str, bool)] = &[("active", true), ("deactivated", false)];
const ROLES: &[(&str, Role)] = &[
    ("superuser", Role::Superuser),
    ("staff", Role::Staff),
    ("employee", Role::Employee),
];
const SOURCES: &[(&str, Source)] = &[("directory", Source::Provider), ("local", Source::Local)];
const PERMISSIONS: &[(&str, ())] = &[("kept", ())];
/// Not seen for so many days; none: never.
const SEEN: &[(&str, Option<u32>)] = &[
    ("30", Some(30)),
    ("90", Some(90)),
    ("180", Some(180)),
    ("365", Some(365)),
    ("never", None),
];
const COLUMNS: &[(&str, Column)] = &[
    ("joined", Column::DateJoined),
    ("username", Column::Username),
    ("name", Column::FirstName),
    ("email", Column::Email),
    ("last", Column::LastLogin),
];

/// What an address asks for.
///
/// # Errors
/// [`Error::BadRequest`] for values that no link of ours has.
pub fn wanted(address: &Address, now: UnixTime) -> Result<Wanted> {
    let order = match address.get("sort") {
        None => None,
        Some(given) => {
            let is_descending = given.starts_with('-');
            let name = given.trim_start_matches('-');
            let column = COLUMNS
                .iter()
                .find(|(code, _)| *code == name)
                .map(|(_, column)| *column)
                .ok_or(Error::BadRequest)?;
            Some(Order {
                column,
                is_descending,
            })
        }
    };
    let last_login = match address.get("seen") {
        None => None,
        Some("never") => Some(LastLogin::Never),
        // Any number of days may be asked for by hand.
        Some(days) => {
            let days: u32 = days.parse().map_err(|_| Error::BadRequest)?;
            Some(LastLogin::Before(now.minus(DAY.saturating_mul(days))))
        }
    };
    Ok(Wanted {
        filter: Filter {
            search: address.get("q").map(str::to_owned),
            is_active: address.choice("status", STATUSES)?,
            role: address.choice("role", ROLES)?,
            source: address.choice("source", SOURCES)?,
            permission: address.get("permission").map(str::to_owned),
            last_login,
            has_kept_permissions: address.choice("permissions", PERMISSIONS)?.is_some(),
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

/// The head of a column, and the orders that it offers.
struct Head {
    class: &'static str,
    /// `ascending`, `descending` or nothing.
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
    tab: &'static str,
    address: &'a Address,
    total: String,
    statuses: Vec<Choice>,
    roles: Vec<Choice>,
    sources: Vec<Choice>,
    seen: Vec<Choice>,
    kept: Vec<Choice>,
    permission_names: Vec<String>,
    chips: Vec<Chip>,
    heads: Vec<Head>,
    rows: Vec<Row>,
    pager: Pager,
    /// The viewer may act.
    may_act: bool,
    /// Where to sign in anew, for whom dangerous acts would ask to.
    fresh: Option<String>,
    may_create: bool,
    is_ticked: bool,
    tick_all: String,
    matching: String,
}

pub async fn list(
    StaffReader(reader): StaffReader,
    desk: Data<Desk>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let now = desk.clock.now();
    let address = Address::of(PATH, FILTERS, &request);
    let wanted = address
        .as_ref()
        .map_err(|_| Error::BadRequest)
        .and_then(|address| wanted(address, now));
    let asked = wanted.as_ref().ok().cloned();
    let (me, (listing, total, permission_names)) = reader
        .read(move |conn, _| {
            let wanted = asked.as_ref().ok_or(Error::BadRequest)?;
            Ok((
                list_users(conn, wanted)?,
                users::total(conn, &wanted.filter)?,
                permissions::known_names(conn, MAX_NAMES)?,
            ))
        })
        .await?;
    let (address, wanted) = (address?, wanted?);
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    let t = page.t;
    let admin = Admin::of(&me.user, &me.session, me.visit.client.clone());
    let note = order_in_words(&page, &wanted);
    let total = total_in_words(&page, total);
    page.ok(&UserList {
        page: &page,
        tab: "users",
        statuses: choices(
            address.value("status"),
            [
                ("", t.any),
                ("active", t.state_active),
                ("deactivated", t.state_deactivated),
            ],
        ),
        roles: choices(
            address.value("role"),
            [
                ("", t.any),
                ("superuser", t.role_superuser),
                ("staff", t.role_staff),
                ("employee", t.role_employee),
            ],
        ),
        sources: choices(
            address.value("source"),
            [
                ("", t.any),
                ("directory", t.source_directory),
                ("local", t.source_local),
            ],
        ),
        kept: choices(
            address.value("permissions"),
            [("", t.any), ("kept", t.permissions_are_kept)],
        ),
        seen: seen_choices(&page, address.value("seen")),
        permission_names,
        chips: chips(&page, &address),
        heads: heads(&page, &address, &wanted),
        pager: Pager::of(&listing, &address, t.pages_of_users, note, |user| user.id),
        matching: all_in_words(&page, &total),
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
        may_create: desk.password_login != PasswordLogin::Off,
        is_ticked: address.get("select") == Some("page"),
        tick_all: tick_all(&address),
        address: &address,
    })
}

fn all_in_words(page: &Page<'_>, total: &str) -> String {
    let [before, after] = page.t.all_matching;
    format!("{before}{total}{after}")
}

/// The same page with every row ticked.
fn tick_all(address: &Address) -> String {
    let place = ["after", "before", "last"]
        .into_iter()
        .find_map(|name| Some((name, address.get(name)?)));
    let mut more = vec![("select", Some("page"))];
    more.extend(place.map(|(name, value)| (name, Some(value))));
    address.at(PATH, &more)
}

fn seen_choices(page: &Page<'_>, chosen: &str) -> Vec<Choice> {
    let t = page.t;
    let mut all = choices(chosen, [("", t.any)]);
    all.extend(SEEN.iter().map(|(code, days)| Choice {
        value: (*code).to_owned(),
        label: match days {
            Some(days) => format!("{}{days}{}", t.not_for_days[0], t.not_for_days[1]),
            None => t.never_signed_in.to_owned(),
        },
        is_chosen: *code == chosen,
    }));
    all
}

pub fn chips(page: &Page<'_>, address: &Address) -> Vec<Chip> {
    let t = page.t;
    let words = |name: &str, value: &str| match (name, value) {
        ("status", "active") => t.state_active.to_owned(),
        ("status", _) => t.state_deactivated.to_owned(),
        ("role", "superuser") => t.role_superuser.to_owned(),
        ("role", "staff") => t.role_staff.to_owned(),
        ("role", _) => t.role_employee.to_owned(),
        ("source", "directory") => t.source_directory.to_owned(),
        ("source", _) => t.source_local.to_owned(),
        ("permissions", _) => t.permissions_are_kept.to_owned(),
        ("seen", "never") => t.never_signed_in.to_owned(),
        ("seen", days) => format!("{}{days}{}", t.not_for_days[0], t.not_for_days[1]),
        _ => value.to_owned(),
    };
    [
        ("q", t.search),
        ("status", t.status),
        ("role", t.role),
        ("source", t.source),
        ("permission", t.permission),
        ("permissions", t.permissions),
        ("seen", t.last_sign_in_column),
    ]
    .into_iter()
    .filter_map(|(name, label)| {
        let value = address.get(name)?;
        Some(Chip {
            text: format!("{label}{}{}", t.colon, words(name, value)),
            without: address.with(name, None),
        })
    })
    .collect()
}

/// The order that the list has, whether it was asked for or not.
fn order_of(wanted: &Wanted) -> Option<Order> {
    let natural = match (&wanted.filter.search, wanted.filter.last_login) {
        (Some(_), _) => None,
        (None, Some(LastLogin::Before(_))) => Some(Order {
            column: Column::LastLogin,
            is_descending: false,
        }),
        (None, _) => Some(Order {
            column: Column::DateJoined,
            is_descending: true,
        }),
    };
    wanted.order.or(natural)
}

fn heads(page: &Page<'_>, address: &Address, wanted: &Wanted) -> Vec<Head> {
    type Orders = [(Column, &'static str, &'static str)];
    let t = page.t;
    let present = order_of(wanted);
    let heads: [(&str, &Orders); 4] = [
        (
            "",
            &[
                (Column::FirstName, "name", t.name),
                (Column::Username, "username", t.username),
            ],
        ),
        ("c-opt", &[(Column::Email, "email", t.email)]),
        ("c-opt", &[(Column::DateJoined, "joined", t.created)]),
        (
            "c-mid",
            &[(Column::LastLogin, "last", t.last_sign_in_column)],
        ),
    ];
    heads
        .into_iter()
        .map(|(class, columns)| {
            let mut sort = "";
            let links = columns
                .iter()
                .map(|(column, code, label)| {
                    let now = present.filter(|order| order.column == *column);
                    // Of times the latest are wanted first.
                    let is_time = matches!(column, Column::DateJoined | Column::LastLogin);
                    let next_is_descending = now.map_or(is_time, |order| !order.is_descending);
                    let minus = if next_is_descending { "-" } else { "" };
                    let icon = match now.map(|order| order.is_descending) {
                        Some(true) => {
                            sort = "descending";
                            "desc"
                        }
                        Some(false) => {
                            sort = "ascending";
                            "asc"
                        }
                        None => "sort",
                    };
                    SortLink {
                        label,
                        to: address.with("sort", Some(&format!("{minus}{code}"))),
                        icon,
                    }
                })
                .collect();
            Head { class, sort, links }
        })
        .collect()
}

fn order_in_words(page: &Page<'_>, wanted: &Wanted) -> String {
    let t = page.t;
    let Some(order) = order_of(wanted) else {
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
