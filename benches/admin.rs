//! The cost of admin lists in the database, for a company of a thousand accounts and one of a
//! million, side by side. Prints tables, and fails if a list is slow, or slower in the large
//! company.
//!
//! `BENCH_ACCOUNTS` sets the number of accounts in the large one. With `BENCH_DJANGO=1`, Django's
//! changelist is measured beside it with as many accounts.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at a fault"
)]
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "the tests' harness"
)]

#[path = "../tests/it/support/mod.rs"]
mod support;

#[path = "admin/apps.rs"]
mod apps;

use std::fs::File;
use std::hint::black_box;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

use frontdesk::audit::{self, EventKind};
use frontdesk::clock::{Clock, UnixTime};
use frontdesk::config::{DatabaseUrl, PROVIDER_ID};
use frontdesk::db::schema::{
    audit_events, sessions as session_rows, user_permissions, user_terms, users as user_rows,
};
use frontdesk::db::{Conn, Db, Sql};
use frontdesk::error::Result;
use frontdesk::id::{UserId, first_id_at};
use frontdesk::paging::{PAGE_SIZE, Page};
use frontdesk::permissions;
use frontdesk::secret::Secret;
use frontdesk::sessions::{Limits, list as sessions};
use frontdesk::users::{
    self, Column, Filter, LastLogin, Order, Role, Source, UserQuery, search_index,
};

use support::Database;

const SMALL: i64 = 1000;
const LARGE: i64 = 1_000_000;

const WARM_UPS: usize = 20;
const ROUNDS: usize = 300;
/// The number of different requests per case.
const VARIANTS: usize = 64;

/// The limits for a list. A page of the large company may cost little more than one of the small
/// company, or so little that it does not matter; and hardly ever more than the last limit.
const NO_MATTER: Duration = Duration::from_millis(1);
const TIMES_AS_MUCH: u32 = 2;
const HARDLY_EVER: Duration = Duration::from_millis(10);

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3600);

/// The portal's defaults.
const LIMITS: Limits = Limits {
    idle: Duration::from_secs(8 * 3600),
    max: DAY,
    per_person: 50,
};

fn main() -> ExitCode {
    let large = std::env::var("BENCH_ACCOUNTS").map_or(LARGE, |text| {
        text.parse().expect("BENCH_ACCOUNTS is a number")
    });
    let now = Clock::default().now();
    let companies = [SMALL, large].map(|accounts| Company::new(accounts, now));
    let places = places(&companies);

    let [of_small, of_large] = companies.each_ref().map(cases);
    let measured: Vec<Measured> = of_small
        .iter()
        .zip(&of_large)
        .map(|(small, large)| Measured {
            group: small.group,
            name: small.name.clone(),
            times: measure(&places, [small, large], now),
        })
        .collect();
    for group in Group::ALL {
        for (at, place) in places.iter().enumerate() {
            print_table(group, place.name, at, large, &measured);
        }
    }
    if std::env::var("BENCH_DJANGO").is_ok_and(|wanted| wanted == "1") {
        django(large);
    }

    let faults: Vec<String> = places
        .iter()
        .enumerate()
        .flat_map(|(at, place)| {
            measured
                .iter()
                .filter(|case| case.group.is_limited())
                .filter_map(move |case| case.fault(at, place.name))
        })
        .collect();
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

// The databases

/// A database server, with a database of the small company and one of the large company.
struct Place {
    name: &'static str,
    dbs: [Db; 2],
    /// Keeps their files alive.
    _databases: [Database; 2],
}

/// Creates all databases of one size at once, because there are several cores and a lot to write.
fn places(companies: &[Company; 2]) -> Vec<Place> {
    let mut databases = vec![("SQLite", [Database::sqlite(), Database::sqlite()])];
    if let (Some(small), Some(large)) = (Database::postgresql(), Database::postgresql()) {
        databases.push(("PostgreSQL", [small, large]));
    }
    std::thread::scope(|scope| {
        let seeding: Vec<_> = databases
            .into_iter()
            .map(|(name, databases)| {
                scope.spawn(move || {
                    let [small, large] = &databases;
                    let dbs = [
                        seed(name, &companies[0], small),
                        seed(name, &companies[1], large),
                    ];
                    Place {
                        name,
                        dbs,
                        _databases: databases,
                    }
                })
            })
            .collect();
        seeding
            .into_iter()
            .map(|seeded| seeded.join().expect("a company is written"))
            .collect()
    })
}

/// Rows per statement, far fewer than either database allows.
const ROWS: usize = 500;
/// Accounts, events or sessions per transaction.
const AT_ONCE: i64 = 20_000;

/// Inserts many rows per statement.
macro_rules! insert {
    ($conn:expr, $table:ident, $rows:expr) => {
        for rows in $rows.chunks(ROWS) {
            let statement = diesel::insert_into($table::table).values(rows);
            match $conn {
                Conn::Sqlite(conn) => statement.execute(conn),
                Conn::Postgres(conn) => statement.execute(conn),
            }
            .expect("rows");
        }
    };
}
pub(crate) use insert;

fn seed(name: &str, company: &Company, database: &Database) -> Db {
    let url = if database.is_postgresql() {
        DatabaseUrl::Postgres(Secret::new(database.url.clone()))
    } else {
        DatabaseUrl::Sqlite(PathBuf::from(&database.url))
    };
    let db = Db::open(&url).expect("a database");
    db.migrate().expect("the tables");

    let started = Instant::now();
    let mut conn = connect(database);
    in_pieces(&mut conn, company.accounts, |conn, numbers| {
        let accounts: Vec<Account> = numbers.map(|number| company.account(number)).collect();
        let users: Vec<NewUser> = accounts.iter().map(Account::row).collect();
        insert!(conn, user_rows, users);
        let terms: Vec<NewTerm> = accounts.iter().flat_map(Account::terms).collect();
        insert!(conn, user_terms, terms);
        let held: Vec<NewPermission> = accounts
            .iter()
            .flat_map(|account| company.permissions(account))
            .collect();
        insert!(conn, user_permissions, held);
    });
    in_pieces(&mut conn, company.events, |conn, numbers| {
        let events: Vec<NewEvent> = numbers.map(|number| company.event(number)).collect();
        insert!(conn, audit_events, events);
    });
    in_pieces(&mut conn, SESSIONS, |conn, numbers| {
        let sessions: Vec<NewSession> = numbers.map(|number| company.session(number)).collect();
        insert!(conn, session_rows, sessions);
    });
    apps::seed(&mut conn, company);
    let size = settle(&mut conn, database);
    println!(
        "{name}: {} accounts and {} events written in {:.0} s, {} MiB",
        thousands(company.accounts),
        thousands(company.events),
        started.elapsed().as_secs_f64(),
        thousands(size / (1024 * 1024)),
    );
    db
}

/// A connection that need not survive a power cut.
fn connect(database: &Database) -> Conn {
    if database.is_postgresql() {
        let mut conn = PgConnection::establish(&database.url).expect("PostgreSQL");
        conn.batch_execute("SET synchronous_commit = off")
            .expect("a setting");
        // The rows are known to refer to each other correctly; a superuser may skip the check.
        let _not_allowed = conn.batch_execute("SET session_replication_role = replica");
        Conn::Postgres(conn)
    } else {
        let mut conn = SqliteConnection::establish(&database.url).expect("SQLite");
        conn.batch_execute(
            "PRAGMA busy_timeout = 10000; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000",
        )
        .expect("pragmas");
        Conn::Sqlite(conn)
    }
}

fn in_pieces(conn: &mut Conn, count: i64, mut write: impl FnMut(&mut Conn, Range<i64>)) {
    let mut start = 0;
    while start < count {
        let end = count.min(start + AT_ONCE);
        conn.batch_execute("BEGIN").expect("a transaction");
        write(conn, start..end);
        conn.batch_execute("COMMIT").expect("a transaction's end");
        start = end;
    }
}

/// Brings the database into the state it has a while after so many writes. Returns its size in
/// bytes.
fn settle(conn: &mut Conn, database: &Database) -> i64 {
    if let Conn::Postgres(conn) = conn {
        // Autovacuum would do this in the middle of a measurement.
        conn.batch_execute("VACUUM ANALYZE").expect("a clean-up");
        let _not_allowed = conn.batch_execute("CHECKPOINT");
    } else {
        conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
            .expect("a checkpoint");
        let file = File::open(&database.url).expect("the file");
        file.sync_all().expect("a disk");
        let bytes = file.metadata().expect("a size").len();
        return i64::try_from(bytes).expect("a size");
    }
    Sql::text("SELECT pg_database_size(current_database()) AS value")
        .number(conn)
        .expect("an answer")
        .expect("a size")
}

// The rows. They have no default values, so that a statement takes many of them on SQLite too.

#[derive(Insertable)]
#[diesel(table_name = user_rows, treat_none_as_default_value = false)]
#[expect(clippy::struct_excessive_bools, reason = "the row as it is stored")]
struct NewUser {
    id: i64,
    username: String,
    first_name: String,
    email: String,
    password: Option<String>,
    is_active: bool,
    is_staff: bool,
    is_superuser: bool,
    is_staff_by_permission: bool,
    is_superuser_by_permission: bool,
    date_joined: i64,
    last_login: Option<i64>,
    synced_at: Option<i64>,
    permissions_synced_at: Option<i64>,
    imported_at: Option<i64>,
    erased_at: Option<i64>,
    is_searchable: bool,
}

#[derive(Insertable)]
#[diesel(table_name = user_terms, treat_none_as_default_value = false)]
struct NewTerm {
    user_id: i64,
    is_inner: bool,
    term: String,
}

#[derive(Insertable)]
#[diesel(table_name = user_permissions, treat_none_as_default_value = false)]
struct NewPermission {
    user_id: i64,
    name: &'static str,
    origin: &'static str,
    label: &'static str,
    granted_at: i64,
    granted_by: &'static str,
}

#[derive(Insertable)]
#[diesel(table_name = audit_events, treat_none_as_default_value = false)]
struct NewEvent {
    id: i64,
    created_at: i64,
    event: &'static str,
    outcome: &'static str,
    reason: &'static str,
    actor: String,
    user_id: Option<i64>,
    username: String,
    provider: &'static str,
    address: String,
    user_agent: &'static str,
    reference: &'static str,
    details: &'static str,
}

#[derive(Insertable)]
#[diesel(table_name = session_rows, treat_none_as_default_value = false)]
struct NewSession {
    id: i64,
    token_hash: String,
    user_id: i64,
    provider: &'static str,
    attempt: Option<String>,
    created_at: i64,
    last_seen_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    address: String,
    user_agent: &'static str,
}

// The companies

/// The number of live sessions in either company.
const SESSIONS: i64 = 20_000;
/// The number of addresses in the office.
const ADDRESSES: i64 = 5000;

const PERMISSIONS: [&str; 3] = ["expenses.submit", "hr.leave", "travel.book"];
const PERMISSION_OF_ONE_PERCENT: &str = "finance.approve";
const PERMISSION_OF_TWENTY: &str = "payroll.release";

/// Kinds of events besides signing in and out.
const ACTS: &[EventKind] = &[
    EventKind::RoleChanged,
    EventKind::AccountDeactivated,
    EventKind::AccountActivated,
    EventKind::PermissionGranted,
    EventKind::PermissionTaken,
    EventKind::SessionsEnded,
    EventKind::IdentityLinked,
    EventKind::NoteAdded,
];

const BROWSERS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.53",
    "Mozilla/5.0 (Linux; Android 14; V2309A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36 DingTalk/7.6.30",
];

/// A company that is always the same: its rows are derived from their numbers.
struct Company {
    accounts: i64,
    events: i64,
    now: UnixTime,
    /// Each Chinese surname, repeated as often as it is common.
    surnames: Vec<Han>,
    given: Vec<Han>,
}

/// A Chinese character and its spelling in Latin letters.
type Han = (&'static str, &'static str);

struct Account {
    number: i64,
    id: i64,
    username: String,
    first_name: String,
    email: String,
    is_active: bool,
    role: Role,
    joined: UnixTime,
    last_login: Option<i64>,
    is_local: bool,
}

impl Company {
    fn new(accounts: i64, now: UnixTime) -> Self {
        let surnames = characters(SURNAMES);
        Self {
            accounts,
            events: 2 * accounts,
            now,
            surnames: surnames
                .into_iter()
                .enumerate()
                .flat_map(|(rank, surname)| {
                    // Of ten thousand people, a third have one of five surnames.
                    let people = if rank < 5 { 700 } else { 4200 / (rank + 21) };
                    std::iter::repeat_n(surname, people)
                })
                .collect(),
            given: characters(GIVEN),
        }
    }

    /// The moment of row `number` of `count`, which are spread evenly over the time until now.
    fn moment(&self, span: Duration, number: i64, count: i64) -> UnixTime {
        let start = self.now.minus(span).0;
        UnixTime(start + (self.now.0 - start) / count * number)
    }

    fn account(&self, number: i64) -> Account {
        let mut dice = Dice::new(1, number);
        let joined = self.moment(DAY * 1825, number, self.accounts);
        let (first_name, spelt) = if dice.percent(15) {
            latin_name(&mut dice)
        } else {
            self.chinese_name(&mut dice)
        };
        let username = format!("{spelt}{}", number + 1);
        let absent = Duration::from_secs(dice.draw() % (400 * DAY.as_secs()));
        Account {
            number,
            id: id(joined, number),
            email: format!("{username}@qinghe.example"),
            username,
            first_name,
            is_active: !dice.percent(3),
            role: role(number),
            joined,
            last_login: (!dice.percent(1)).then(|| self.now.minus(absent).max(joined).0),
            is_local: number % 50 == 11,
        }
    }

    fn chinese_name(&self, dice: &mut Dice) -> (String, String) {
        let (surname, first) = *dice.pick(&self.surnames);
        let (one, second) = *dice.pick(&self.given);
        let (two, third) = if dice.percent(70) {
            *dice.pick(&self.given)
        } else {
            ("", "")
        };
        (
            format!("{surname}{one}{two}"),
            format!("{first}{second}{third}"),
        )
    }

    fn anybody(&self, dice: &mut Dice) -> Account {
        self.account(dice.below(self.accounts))
    }

    /// One of the twenty people with 300 permissions.
    fn somebody_with_many_permissions(&self, dice: &mut Dice) -> Account {
        let each = (self.accounts / 20).max(1);
        self.account(dice.below(20) * each)
    }

    fn a_superuser(&self, dice: &mut Dice) -> Account {
        let count = (self.accounts - 1 - SUPERUSER) / ONE_SUPERUSER_AMONG + 1;
        self.account(dice.below(count) * ONE_SUPERUSER_AMONG + SUPERUSER)
    }

    fn permissions(&self, account: &Account) -> Vec<NewPermission> {
        let mut dice = Dice::new(2, account.number);
        let mut names: Vec<&'static str> = PERMISSIONS
            .into_iter()
            .filter(|_| dice.percent(98))
            .collect();
        if dice.percent(1) {
            names.push(PERMISSION_OF_ONE_PERCENT);
        }
        let each = (self.accounts / 20).max(1);
        if account.number % each == 0 && account.number / each < 20 {
            names.push(PERMISSION_OF_TWENTY);
            names.extend(apps::MANY.iter().map(String::as_str));
        }
        names
            .into_iter()
            .map(|name| NewPermission {
                user_id: account.id,
                name,
                origin: PROVIDER_ID,
                label: "",
                granted_at: account.joined.0,
                granted_by: "",
            })
            .collect()
    }

    fn event_moment(&self, number: i64) -> UnixTime {
        self.moment(DAY * 400, number, self.events)
    }

    fn event_id(&self, number: i64) -> i64 {
        id(self.event_moment(number), number)
    }

    fn event(&self, number: i64) -> NewEvent {
        let mut dice = Dice::new(3, number);
        let about = self.anybody(&mut dice);
        let (kind, outcome, reason, actor) = match dice.below(100) {
            0..80 => (
                EventKind::SignedIn,
                "success",
                "",
                Some(about.username.clone()),
            ),
            80..85 => (EventKind::SignInRefused, "refused", "wrong_password", None),
            _ => {
                let actor = self.a_superuser(&mut dice).username;
                (*dice.pick(ACTS), "success", "", Some(actor))
            }
        };
        NewEvent {
            id: self.event_id(number),
            created_at: self.event_moment(number).0,
            event: kind.code(),
            outcome,
            reason,
            actor: actor.unwrap_or_default(),
            user_id: Some(about.id),
            username: about.username,
            provider: if kind == EventKind::SignedIn {
                PROVIDER_ID
            } else {
                ""
            },
            address: address(&mut dice),
            user_agent: dice.pick::<&str>(BROWSERS),
            reference: "",
            details: "{}",
        }
    }

    fn session(&self, number: i64) -> NewSession {
        let mut dice = Dice::new(4, number);
        let user_id = loop {
            let account = self.anybody(&mut dice);
            if account.is_active {
                break account.id;
            }
        };
        let created = self.moment(LIMITS.idle.saturating_sub(HOUR), number, SESSIONS);
        let idle = dice.below(self.now.0 - created.0);
        NewSession {
            id: id(created, number),
            token_hash: format!(
                "{:016x}{:016x}{:016x}{:016x}",
                dice.draw(),
                dice.draw(),
                dice.draw(),
                dice.draw(),
            ),
            user_id,
            provider: PROVIDER_ID,
            attempt: None,
            created_at: created.0,
            last_seen_at: self.now.0 - idle,
            expires_at: created.plus(LIMITS.max).0,
            ended_at: None,
            address: address(&mut dice),
            user_agent: dice.pick::<&str>(BROWSERS),
        }
    }
}

const SUPERUSER: i64 = 7;
const ONE_SUPERUSER_AMONG: i64 = 10_000;

const fn role(number: i64) -> Role {
    if number % ONE_SUPERUSER_AMONG == SUPERUSER {
        Role::Superuser
    } else if number % 500 == 3 {
        Role::Staff
    } else {
        Role::Employee
    }
}

/// Ids ascend with time; their low bits distinguish rows of the same millisecond.
fn id(time: UnixTime, number: i64) -> i64 {
    first_id_at(time) + number % (1 << 21)
}

fn address(dice: &mut Dice) -> String {
    let place = dice.below(ADDRESSES);
    format!("10.20.{}.{}", place / 250, place % 250 + 1)
}

impl Account {
    fn row(&self) -> NewUser {
        let last_seen = self.last_login.unwrap_or(self.joined.0);
        let synced_at = (!self.is_local).then_some(last_seen);
        NewUser {
            id: self.id,
            username: self.username.clone(),
            first_name: self.first_name.clone(),
            email: self.email.clone(),
            password: None,
            is_active: self.is_active,
            is_staff: self.role == Role::Superuser,
            is_superuser: self.role == Role::Superuser,
            is_staff_by_permission: self.role == Role::Staff,
            is_superuser_by_permission: false,
            date_joined: self.joined.0,
            last_login: self.last_login,
            synced_at,
            permissions_synced_at: synced_at,
            imported_at: None,
            erased_at: None,
            is_searchable: true,
        }
    }

    /// Returns the search terms as the program makes them.
    fn terms(&self) -> Vec<NewTerm> {
        search_index::of(&self.username, &self.first_name, &self.email)
            .into_iter()
            .map(|(is_inner, term)| NewTerm {
                user_id: self.id,
                is_inner,
                term,
            })
            .collect()
    }

    /// The first `count` characters of a Chinese name, if it has that many.
    fn han(&self, count: usize) -> Option<String> {
        let first: Vec<char> = self.first_name.chars().take(count).collect();
        (first.len() == count && first.iter().all(|c| search_index::is_han(*c)))
            .then(|| first.into_iter().collect())
    }
}

fn latin_name(dice: &mut Dice) -> (String, String) {
    let given: Vec<&str> = LATIN_GIVEN.split_whitespace().collect();
    let surnames: Vec<&str> = LATIN_SURNAMES.split_whitespace().collect();
    let (first, last) = (*dice.pick(&given), *dice.pick(&surnames));
    let name = if dice.percent(30) {
        format!("{first} {} {last}", dice.pick(&given))
    } else {
        format!("{first} {last}")
    };
    let spelt = format!("{first}{last}")
        .chars()
        .filter(char::is_ascii_alphabetic)
        .collect::<String>()
        .to_lowercase();
    (name, spelt)
}

fn characters(table: &'static str) -> Vec<Han> {
    table
        .split_whitespace()
        .map(|word| word.split_at(word.chars().next().map_or(0, char::len_utf8)))
        .collect()
}

/// Numbers that look random but are the same in each run.
struct Dice(u64);

impl Dice {
    const fn new(kind: u64, number: i64) -> Self {
        let mut dice = Self((kind << 56) ^ number.cast_unsigned());
        dice.0 = dice.draw();
        dice
    }

    /// Draws the next number (`SplitMix64`).
    const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    const fn below(&mut self, end: i64) -> i64 {
        (self.draw() >> 1).cast_signed() % end
    }

    const fn percent(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let count = i64::try_from(from.len()).expect("a count");
        &from[usize::try_from(self.below(count)).expect("an index")]
    }
}

// The cases

#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Users,
    Combinations,
    Trail,
    Sessions,
    Apps,
    Changes,
}

impl Group {
    const ALL: [Self; 6] = [
        Self::Users,
        Self::Combinations,
        Self::Trail,
        Self::Sessions,
        Self::Apps,
        Self::Changes,
    ];

    /// Returns whether its cases must keep to the limits for a list.
    const fn is_limited(self) -> bool {
        !matches!(self, Self::Combinations | Self::Changes)
    }

    /// How often each case is asked before it is measured, and then.
    const fn rounds(self) -> (usize, usize) {
        match self {
            Self::Changes => (1, 10),
            _ => (WARM_UPS, ROUNDS),
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Users => "The user list",
            Self::Combinations => "Combinations: bounded, not part of the aim",
            Self::Trail => "The audit trail, two events an account",
            Self::Sessions => "The list of 20,000 live sessions",
            Self::Apps => "200 apps, and who may open one",
            Self::Changes => {
                "Who gains and loses by a change of a rule: all concerned are read, not part of the aim"
            }
        }
    }
}

/// A page's request to the database.
enum Ask {
    Users(UserQuery),
    /// The permissions that the user list's filter offers.
    PermissionNames,
    Events(audit::Filter, Page),
    Sessions(sessions::Filter, Page),
    /// What a person may open: their start page, and their page for admins.
    AppsOf(i64),
    /// Who may open an app with a rule of this kind.
    Openers(usize, Page),
    OpenerCount(usize),
    Change(usize),
}

impl Ask {
    /// Returns the number of rows.
    fn answer(&self, conn: &mut Conn, now: UnixTime) -> Result<usize> {
        Ok(match self {
            Self::Users(wanted) => {
                let listing = users::list(conn, wanted)?;
                black_box(users::total(conn, &wanted.filter)?);
                listing.rows.len()
            }
            Self::PermissionNames => permissions::known_names(conn, 100)?.len(),
            Self::Events(filter, page) => {
                let listing = audit::list(conn, filter, *page, PAGE_SIZE)?;
                black_box(audit::total(conn, filter)?);
                listing.rows.len()
            }
            Self::Sessions(filter, page) => {
                let listing = sessions::list(conn, now, LIMITS, filter, *page, PAGE_SIZE)?;
                black_box(sessions::total(conn, now, LIMITS, filter)?);
                listing.rows.len()
            }
            Self::AppsOf(id) => apps::of_person(conn, *id, now)?,
            Self::Openers(kind, page) => apps::people(conn, *kind, *page, now)?,
            Self::OpenerCount(kind) => apps::count(conn, *kind, now)?,
            Self::Change(number) => apps::change(conn, *number, now)?,
        })
    }
}

struct Case {
    group: Group,
    name: String,
    /// The requests, used in turn.
    asks: Vec<Ask>,
    /// True if nothing should be found.
    finds_nothing: bool,
}

/// The cases of a company. Every company has the same ones in the same order.
fn cases(company: &Company) -> Vec<Case> {
    let mut cases = Cases {
        company,
        dice: Dice::new(5, 0),
        sample: Vec::new(),
        all: Vec::new(),
    };
    cases.sample = (0..2000)
        .map(|_| company.anybody(&mut cases.dice))
        .collect();
    cases.orders();
    cases.filters();
    cases.searches();
    cases.combinations();
    cases.trail();
    cases.sessions();
    cases.apps();
    cases.all
}

struct Cases<'a> {
    company: &'a Company,
    dice: Dice,
    /// A sample of the accounts.
    sample: Vec<Account>,
    all: Vec<Case>,
}

impl Cases<'_> {
    fn add(&mut self, group: Group, name: impl Into<String>, asks: Vec<Ask>) {
        let name = name.into();
        assert!(!asks.is_empty(), "{name}: nothing to ask for");
        self.all.push(Case {
            group,
            name,
            asks,
            finds_nothing: false,
        });
    }

    fn list(&mut self, name: &str, filter: &Filter, order: Option<Order>, pages: Vec<Page>) {
        let asks = pages
            .into_iter()
            .map(|page| of_users(filter.clone(), order, page))
            .collect();
        self.add(Group::Users, name, asks);
    }

    /// Pages that begin between the first and the last quarter of the accounts that match, in the
    /// order of a column.
    fn middle(&mut self, column: Column, is_wanted: impl Fn(&Account) -> bool) -> Vec<Page> {
        let mut sorted: Vec<&Account> = self.sample.iter().filter(|one| is_wanted(one)).collect();
        sorted.sort_by(|one, other| {
            let by_column = match column {
                Column::DateJoined => one.id.cmp(&other.id),
                Column::Username => one.username.cmp(&other.username),
                Column::FirstName => one.first_name.cmp(&other.first_name),
                Column::Email => one.email.cmp(&other.email),
                Column::LastLogin => one.last_login.cmp(&other.last_login),
            };
            by_column.then(one.id.cmp(&other.id))
        });
        let middle = &sorted[sorted.len() / 4..(sorted.len() * 3).div_ceil(4)];
        (0..VARIANTS)
            .map(|_| Page::After(self.dice.pick(middle).id))
            .collect()
    }

    fn orders(&mut self) {
        let all = Filter::default();
        self.list("first page", &all, None, vec![Page::First]);
        let middle = self.middle(Column::DateJoined, |_| true);
        self.list("a page in the middle", &all, None, middle);
        self.list("last page", &all, None, vec![Page::Last]);
        for (name, column) in [
            ("date joined", Column::DateJoined),
            ("username", Column::Username),
            ("name", Column::FirstName),
            ("e-mail", Column::Email),
            ("last sign-in", Column::LastLogin),
        ] {
            for (direction, is_descending) in [("ascending", false), ("descending", true)] {
                let order = Some(Order {
                    column,
                    is_descending,
                });
                let name = format!("by {name}, {direction}");
                let middle = self.middle(column, |_| true);
                self.list(&format!("{name}: first"), &all, order, vec![Page::First]);
                self.list(&format!("{name}: middle"), &all, order, middle);
            }
        }
    }

    fn filters(&mut self) {
        const ABSENT: &str = "not seen for 90 days";
        let role = |role| Filter {
            role: Some(role),
            ..Filter::default()
        };
        for (name, filter) in [
            ("active", is_active(true)),
            ("deactivated", is_active(false)),
            ("role employee", role(Role::Employee)),
            ("role staff", role(Role::Staff)),
            ("role superuser", role(Role::Superuser)),
            ("from the directory", from(Source::Provider)),
            ("local", from(Source::Local)),
            ("permission of nearly all", may(PERMISSIONS[0])),
            ("permission of 1%", may(PERMISSION_OF_ONE_PERCENT)),
            ("permission of 20 people", may(PERMISSION_OF_TWENTY)),
            ("never signed in", last_login(LastLogin::Never)),
        ] {
            let has_middle = !matches!(filter.role, Some(Role::Superuser))
                && filter.permission.as_deref() != Some(PERMISSION_OF_TWENTY);
            self.list(&format!("{name}: first"), &filter, None, vec![Page::First]);
            if has_middle {
                // The account where it begins need not match the filter.
                let middle = self.middle(Column::DateJoined, |_| true);
                self.list(&format!("{name}: middle"), &filter, None, middle);
            }
        }
        let (absent, before) = self.absent();
        self.list(
            &format!("{ABSENT}: first"),
            &absent,
            None,
            vec![Page::First],
        );
        let middle = self.middle(Column::LastLogin, |account| {
            account.last_login.unwrap_or(0) < before
        });
        self.list(&format!("{ABSENT}: middle"), &absent, None, middle);
        self.add(
            Group::Users,
            "the filter's permission names",
            vec![Ask::PermissionNames],
        );
    }

    fn absent(&self) -> (Filter, i64) {
        let before = self.company.now.minus(DAY * 90);
        (last_login(LastLogin::Before(before)), before.0)
    }

    fn search(&mut self, name: &str, texts: Vec<String>) {
        let asks = texts
            .into_iter()
            .take(VARIANTS)
            .map(|text| of_users(search(&text), None, Page::First))
            .collect();
        self.add(Group::Users, name, asks);
    }

    fn of_sample(&self, text: impl Fn(&Account) -> Option<String>) -> Vec<String> {
        self.sample.iter().filter_map(text).collect()
    }

    fn searches(&mut self) {
        let company = self.company;
        let given: Vec<String> = (0..VARIANTS)
            .map(|_| self.dice.pick(&company.given).0.to_owned())
            .collect();
        self.search("search: one Chinese character", given);
        let two = self.of_sample(|account| account.han(2));
        self.search("search: two Chinese characters", two);
        let three = self.of_sample(|account| account.han(3));
        self.search("search: three Chinese characters", three);
        let surnames = self.of_sample(|account| account.han(1));
        self.search("search: a surname", surnames);
        let middle: Vec<Ask> = self
            .sample
            .iter()
            .filter_map(|account| {
                let surname = account.han(1)?;
                Some(of_users(search(&surname), None, Page::After(account.id)))
            })
            .take(VARIANTS)
            .collect();
        self.add(Group::Users, "search: a surname, somewhere", middle);
        let beginnings = self.of_sample(|account| {
            let (letters, _) = account.email.split_once(|c: char| c.is_ascii_digit())?;
            Some(letters.to_owned())
        });
        self.search("search: the beginning of an e-mail address", beginnings);
        let usernames = self.of_sample(|account| Some(account.username.clone()));
        self.search("search: a whole username", usernames);
        let letters = ('a'..='z').map(String::from).collect();
        self.search("search: one Latin letter", letters);
        let nobody = (0..VARIANTS).map(|number| format!("zzq{number}")).collect();
        self.search("search: what nobody is called", nobody);
        if let Some(case) = self.all.last_mut() {
            case.finds_nothing = true;
        }
    }

    fn combinations(&mut self) {
        let by = |column, is_descending| {
            Some(Order {
                column,
                is_descending,
            })
        };
        let (absent, _) = self.absent();
        let combinations = [
            (
                "deactivated, by name",
                is_active(false),
                by(Column::FirstName, false),
            ),
            (
                "role superuser, by e-mail",
                Filter {
                    role: Some(Role::Superuser),
                    ..Filter::default()
                },
                by(Column::Email, false),
            ),
            (
                "search 王, deactivated",
                Filter {
                    is_active: Some(false),
                    ..search("王")
                },
                None,
            ),
            (
                "search 王, by last sign-in",
                search("王"),
                by(Column::LastLogin, true),
            ),
            (
                "permission of nearly all, never signed in",
                Filter {
                    last_login: Some(LastLogin::Never),
                    ..may(PERMISSIONS[0])
                },
                None,
            ),
            (
                "local, not seen for 90 days, by username",
                Filter {
                    source: Some(Source::Local),
                    ..absent
                },
                by(Column::Username, false),
            ),
        ];
        for (name, filter, order) in combinations {
            let asks = vec![of_users(filter, order, Page::First)];
            self.add(Group::Combinations, name, asks);
        }
        let asks = (0..VARIANTS)
            .map(|_| {
                let filter = audit::Filter {
                    kind: Some(EventKind::SignInRefused),
                    is_success: Some(false),
                    ..self.one_day()
                };
                Ask::Events(filter, Page::First)
            })
            .collect();
        self.add(
            Group::Combinations,
            "trail: refused, one kind, one day",
            asks,
        );
    }

    /// A filter for one of the days in the audit log.
    fn one_day(&mut self) -> audit::Filter {
        let days = 2 + u32::try_from(self.dice.below(397)).expect("days");
        let since = self.company.now.minus(DAY * days);
        audit::Filter {
            since: Some(since),
            before: Some(since.plus(DAY)),
            ..audit::Filter::default()
        }
    }

    fn events(&mut self, name: &str, mut ask: impl FnMut(&mut Self) -> (audit::Filter, Page)) {
        let asks = (0..VARIANTS)
            .map(|_| {
                let (filter, page) = ask(self);
                Ask::Events(filter, page)
            })
            .collect();
        self.add(Group::Trail, name, asks);
    }

    fn trail(&mut self) {
        use audit::Filter;
        let company = self.company;
        self.events("first page", |_| (Filter::default(), Page::First));
        self.events("a page in the middle", |cases| {
            let half = company.events / 2;
            let number = company.events / 4 + cases.dice.below(half);
            (Filter::default(), Page::After(company.event_id(number)))
        });
        self.events("last page", |_| (Filter::default(), Page::Last));
        self.events("by an admin", |cases| {
            let filter = Filter {
                actor: Some(company.a_superuser(&mut cases.dice).username),
                ..Filter::default()
            };
            (filter, Page::First)
        });
        self.events("by somebody", |cases| {
            let filter = Filter {
                actor: Some(company.anybody(&mut cases.dice).username),
                ..Filter::default()
            };
            (filter, Page::First)
        });
        self.events("about somebody", |cases| {
            let filter = Filter {
                username: Some(company.anybody(&mut cases.dice).username),
                ..Filter::default()
            };
            (filter, Page::First)
        });
        for (name, kind) in [
            ("kind: signed in", EventKind::SignedIn),
            ("kind: role changed", EventKind::RoleChanged),
        ] {
            self.events(name, |_| {
                let filter = Filter {
                    kind: Some(kind),
                    ..Filter::default()
                };
                (filter, Page::First)
            });
        }
        self.events("refused", |_| {
            let filter = Filter {
                is_success: Some(false),
                ..Filter::default()
            };
            (filter, Page::First)
        });
        self.events("from an address", |cases| {
            let filter = Filter {
                address: Some(address(&mut cases.dice)),
                ..Filter::default()
            };
            (filter, Page::First)
        });
        self.events("one day", |cases| (cases.one_day(), Page::First));
    }

    fn apps(&mut self) {
        let with_many: Vec<Ask> = (0..VARIANTS)
            .map(|_| self.company.somebody_with_many_permissions(&mut self.dice))
            .map(|account| Ask::AppsOf(account.id))
            .collect();
        self.add(
            Group::Apps,
            "start page of somebody with 300 permissions",
            with_many,
        );
        let of_anybody: Vec<Ask> = (0..VARIANTS)
            .map(|_| Ask::AppsOf(self.company.anybody(&mut self.dice).id))
            .collect();
        self.add(Group::Apps, "what anybody may open", of_anybody);
        for (kind, (name, rule)) in apps::rules().into_iter().enumerate() {
            let list = |page| vec![Ask::Openers(kind, page)];
            self.add(Group::Apps, format!("{name}: first"), list(Page::First));
            let is_short = rule.any_of.contains(PERMISSION_OF_TWENTY);
            if !is_short {
                let middle = self.middle(Column::DateJoined, |_| true);
                let middle = middle.into_iter().map(|page| Ask::Openers(kind, page));
                let middle = middle.collect();
                self.add(Group::Apps, format!("{name}: middle"), middle);
                self.add(Group::Apps, format!("{name}: last"), list(Page::Last));
            }
            let count = vec![Ask::OpenerCount(kind)];
            self.add(Group::Apps, format!("{name}: count"), count);
        }
        for (number, (name, ..)) in apps::changes().into_iter().enumerate() {
            self.add(Group::Changes, name, vec![Ask::Change(number)]);
        }
    }

    fn sessions(&mut self) {
        use sessions::Filter;
        const FILTERS: [(&str, &[&str]); 3] = [
            ("Firefox/", &[]),
            ("Chrome/", &["Edg", "OPR/"]),
            ("MicroMessenger/", &[]),
        ];
        let first = |filter| Ask::Sessions(filter, Page::First);
        self.add(
            Group::Sessions,
            "first page",
            vec![first(Filter::default())],
        );
        let some: Vec<NewSession> = (0..VARIANTS)
            .map(|_| self.company.session(self.dice.below(SESSIONS)))
            .collect();
        let of_people = some
            .iter()
            .map(|session| {
                first(Filter {
                    user_id: Some(UserId(session.user_id)),
                    ..Filter::default()
                })
            })
            .collect();
        self.add(Group::Sessions, "of a person", of_people);
        let from_addresses = some
            .iter()
            .map(|session| {
                first(Filter {
                    address: Some(session.address.clone()),
                    ..Filter::default()
                })
            })
            .collect();
        self.add(Group::Sessions, "from an address", from_addresses);
        let in_browsers = FILTERS
            .into_iter()
            .map(|browser| {
                first(Filter {
                    browser: Some(browser),
                    ..Filter::default()
                })
            })
            .collect();
        self.add(Group::Sessions, "in a browser", in_browsers);
    }
}

fn of_users(filter: Filter, order: Option<Order>, page: Page) -> Ask {
    Ask::Users(UserQuery {
        filter,
        order,
        page,
        size: PAGE_SIZE,
    })
}

fn is_active(is_active: bool) -> Filter {
    Filter {
        is_active: Some(is_active),
        ..Filter::default()
    }
}

fn from(source: Source) -> Filter {
    Filter {
        source: Some(source),
        ..Filter::default()
    }
}

fn may(permission: &str) -> Filter {
    Filter {
        permission: Some(permission.to_owned()),
        ..Filter::default()
    }
}

fn last_login(last_login: LastLogin) -> Filter {
    Filter {
        last_login: Some(last_login),
        ..Filter::default()
    }
}

fn search(text: &str) -> Filter {
    Filter {
        search: Some(text.to_owned()),
        ..Filter::default()
    }
}

// The measurement

struct Measured {
    group: Group,
    name: String,
    /// The times at each place: the small company's and the large one's.
    times: Vec<[Vec<Duration>; 2]>,
}

/// Asks both companies' databases on each server in turn, so that all run under the same
/// conditions.
fn measure(places: &[Place], cases: [&Case; 2], now: UnixTime) -> Vec<[Vec<Duration>; 2]> {
    let mut all: Vec<[Vec<Duration>; 2]> = vec![[Vec::new(), Vec::new()]; places.len()];
    let (warm_ups, rounds) = cases[0].group.rounds();
    for round in 0..warm_ups + rounds {
        for (place, of_place) in places.iter().zip(&mut all) {
            for ((db, case), times) in place.dbs.iter().zip(cases).zip(of_place) {
                let ask = &case.asks[round % case.asks.len()];
                let started = Instant::now();
                let answer = db.read_blocking(|conn| ask.answer(conn, now));
                let took = started.elapsed();
                let rows = answer.unwrap_or_else(|error| panic!("{}: {error:?}", case.name));
                assert!(
                    rows == 0 || !case.finds_nothing,
                    "{}: something is found",
                    case.name
                );
                if round >= warm_ups {
                    times.push(took);
                }
            }
        }
    }
    all
}

impl Measured {
    /// The fault in this case's times on the server at this place in the list.
    fn fault(&self, at: usize, place: &str) -> Option<String> {
        let [small, large] = &self.times[at];
        let (median_small, median_large) = (median(small), median(large));
        let rare = percentile(small, 99).max(percentile(large, 99));
        let is_growing = median_large > TIMES_AS_MUCH * median_small && median_large > NO_MATTER;
        (is_growing || rare >= HARDLY_EVER).then(|| {
            format!(
                "{place}, {}: {} grew to {}, 99th percentile {}",
                self.name,
                time(median_small),
                time(median_large),
                time(rare),
            )
        })
    }
}

fn print_table(group: Group, place: &str, at: usize, large: i64, measured: &[Measured]) {
    println!("\n{}, {place}:\n", group.title());
    println!(
        "| | {} accounts: median | p99 | {} accounts: median | p99 | ratio |",
        thousands(SMALL),
        thousands(large),
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for case in measured.iter().filter(|case| case.group == group) {
        let [small, large] = &case.times[at];
        println!(
            "| {} | {} | {} | {} | {} | {:.1} |",
            case.name,
            time(median(small)),
            time(percentile(small, 99)),
            time(median(large)),
            time(percentile(large, 99)),
            median(large).as_secs_f64() / median(small).as_secs_f64(),
        );
    }
}

/// The smallest of `times` that at least `percent` of them do not exceed.
fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

fn median(times: &[Duration]) -> Duration {
    percentile(times, 50)
}

fn time(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        format!("{} us", time.as_micros())
    } else {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    }
}

/// Formats a number as `1,000,000`.
fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Runs `benches/django/changelist.py` on a separate database of each kind.
fn django(accounts: i64) {
    let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON names a Python with Django");
    let mut databases = vec![("SQLite", Database::sqlite())];
    databases.extend(Database::postgresql().map(|database| ("PostgreSQL", database)));
    for (name, database) in databases {
        println!(
            "\nDjango's changelist of {} accounts, {name}; the whole request, in one process, \
             without a server:\n",
            thousands(accounts),
        );
        let status = Command::new(&python)
            .args(["changelist.py", &database.url, &accounts.to_string()])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/django"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .status()
            .expect("Python runs");
        assert!(status.success(), "Django's changelist is not measured");
    }
}

// Names of people

/// The most common surnames first.
const SURNAMES: &str = "
王wang 李li 张zhang 刘liu 陈chen 杨yang 黄huang 赵zhao 吴wu 周zhou 徐xu 孙sun 马ma 朱zhu 胡hu
郭guo 何he 高gao 林lin 罗luo 郑zheng 梁liang 谢xie 宋song 唐tang 许xu 韩han 冯feng 邓deng 曹cao
彭peng 曾zeng 肖xiao 田tian 董dong 袁yuan 潘pan 于yu 蒋jiang 蔡cai 余yu 杜du 叶ye 程cheng 苏su
魏wei 吕lv 丁ding 任ren 沈shen 姚yao 卢lu 姜jiang 崔cui 钟zhong 谭tan 陆lu 汪wang 范fan 金jin
石shi 廖liao 贾jia 夏xia 韦wei 付fu 方fang 白bai 邹zou 孟meng 熊xiong 秦qin 邱qiu 江jiang 尹yin
薛xue 闫yan 段duan 雷lei 侯hou 龙long 史shi 陶tao 黎li 贺he 顾gu 毛mao 郝hao 龚gong 邵shao
万wan 钱qian 严yan 覃qin 武wu 戴dai 莫mo 孔kong 向xiang 汤tang
";

const GIVEN: &str = "
伟wei 芳fang 娜na 敏min 静jing 丽li 强qiang 磊lei 军jun 洋yang 勇yong 艳yan 杰jie 娟juan 涛tao
明ming 超chao 秀xiu 霞xia 平ping 刚gang 桂gui 英ying 华hua 玉yu 兰lan 红hong 梅mei 鹏peng 飞fei
鑫xin 波bo 斌bin 宇yu 浩hao 凯kai 健jian 俊jun 帆fan 帅shuai 旭xu 宁ning 龙long 林lin 欢huan
佳jia 雪xue 婷ting 玲ling 倩qian 琳lin 颖ying 慧hui 莹ying 洁jie 丹dan 萍ping 燕yan 琴qin 云yun
莉li 晶jing 瑞rui 晨chen 阳yang 雨yu 欣xin 怡yi 梓zi 涵han 子zi 轩xuan 浩hao 然ran 博bo 文wen
思si 雅ya 诗shi 语yu 梦meng 琪qi 嘉jia 豪hao 一yi 诺nuo 依yi 可ke 馨xin 心xin 悦yue 彤tong
紫zi 萱xuan 若ruo 曦xi 泽ze 睿rui 哲zhe 皓hao 昊hao 天tian 志zhi 远yuan 建jian 国guo 庆qing 春chun
生sheng 海hai 山shan 河he 江jiang 湖hu 川chuan 峰feng 岩yan 松song 柏bai 竹zhu 菊ju 荷he 莲lian 蓉rong
德de 义yi 仁ren 礼li 智zhi 信xin 忠zhong 孝xiao 和he 顺shun 福fu 禄lu 寿shou 喜xi 祥xiang 吉ji
安an 康kang 乐le 成cheng 功gong 立li 业ye 胜sheng 利li 荣rong 贵gui 富fu 财cai 宝bao 金jin 银yin
珍zhen 珠zhu 翠cui 碧bi 青qing 蓝lan 白bai 素su 清qing 淑shu 贤xian 惠hui 美mei 娇jiao 媛yuan 妍yan
妮ni 姗shan 姝shu 婉wan 娴xian 婕jie 嫣yan 薇wei 蕾lei 芬fen 芸yun 茜qian 茹ru 菲fei 萌meng 蓓bei
翔xiang 腾teng 跃yue 驰chi 骏jun 骁xiao 威wei 武wu 雄xiong 毅yi 坚jian 恒heng 永yong 久jiu 长chang 宏hong
伯bo 仲zhong 叔shu 季ji 元yuan 亨heng 正zheng 直zhi 方fang 圆yuan 光guang 辉hui 耀yao 灿can 烂lan 煜yu
炎yan 烨ye 焕huan 熙xi 煦xu 照zhao 晓xiao 旦dan 昕xin 昱yu 晖hui 晗han 晟sheng 景jing 晴qing 朗lang
月yue 星xing 辰chen 宸chen 霖lin 霏fei 露lu 霜shuang 冰bing 寒han 冬dong 夏xia 秋qiu 凌ling 凡fan 尘chen
书shu 画hua 墨mo 韵yun 歌ge 舞wu 弦xian 笛di 箫xiao 鸣ming 啸xiao 鸿hong 雁yan 鹤he 凤feng 凰huang
麒qi 麟lin 虎hu 豹bao 象xiang 卓zhuo 越yue 超chao 群qun 贯guan 通tong 达da 广guang 博bo 渊yuan 源yuan
泉quan 溪xi 润run 泓hong 淼miao 沛pei 沐mu 沁qin 洛luo 浦pu 渝yu 湘xiang 锦jin 绣xiu 程cheng 前qian
";

const LATIN_GIVEN: &str = "
Amelia Benjamin Charlotte Daniel Elena Felix Grace Hannah Isabel James Katharina Liam Maria Noah
Olivia Pedro Quentin Rosa Samuel Theresa Ursula Victor William Ximena Yusuf Zoe Anna-Lena Jean
Aigul Batu Dolma Erdeni Gulnar Nurlan Tenzin Yelena
";

const LATIN_SURNAMES: &str = "
Anderson Brown Costa Dubois Evans Fischer Garcia Hansen Ivanov Johnson Kowalski Lopez Martin
Nguyen O'Hart Patel Quinn Rossi Smith Tanaka Ueda Virtanen Weber Xu Yamamoto Zhang Hart-Lee
Silva Meyer Novak Okafor Petrov Sato Kim Wang Chen
";
