//! Companies whose people, permissions, grants and rules look random and are the same in every run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use frontdesk::apps::{Audience, Rule};
use frontdesk::clock::UnixTime;
use frontdesk::config::DatabaseUrl;
use frontdesk::db::Db;
use frontdesk::id::{AppId, UserId};
use frontdesk::permissions::{Counting, PermissionSources};
use frontdesk::secret::Secret;

use crate::support::Database;

pub(super) const NOW: UnixTime = UnixTime(1_800_000_000_000_000);

/// Two providers count, and one of them is read for everyone whom it knows; a third does not count.
pub(super) fn sources() -> PermissionSources {
    PermissionSources {
        counting: Counting::of(vec!["company".to_owned(), "branch".to_owned()]),
        expected: vec!["company".to_owned()],
    }
}

const ORIGINS: [&str; 4] = ["", "company", "branch", "partner"];
const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }

    /// Each name with a chance of one in `odds`.
    fn some(&mut self, odds: usize) -> BTreeSet<String> {
        let picked = NAMES.iter().filter(|_| self.below(odds) == 0);
        picked.map(|&name| name.to_owned()).collect()
    }

    fn rule(&mut self) -> Rule {
        let audience = match self.below(5) {
            0 => Audience::Nobody,
            1 => Audience::Everyone,
            _ => Audience::AnyOf,
        };
        Rule {
            audience,
            any_of: self.some(4),
            but_not: if self.below(2) == 0 {
                BTreeSet::new()
            } else {
                self.some(8)
            },
        }
    }
}

pub(super) fn rule(audience: &str, any_of: &[&str], but_not: &[&str]) -> Rule {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Rule {
        audience: Audience::from_code(audience).expect("a code"),
        any_of: names(any_of),
        but_not: names(but_not),
    }
}

/// Rows, as they stand in `INSERT`.
#[derive(Default)]
struct Rows {
    users: Vec<String>,
    identities: Vec<String>,
    permissions: Vec<String>,
    grants: Vec<String>,
}

pub(super) struct Company {
    /// Oldest first.
    pub(super) people: Vec<UserId>,
    pub(super) apps: Vec<(AppId, Rule)>,
    rows: Rows,
}

impl Company {
    /// 100 people and 100 apps.
    pub(super) fn small() -> Self {
        let mut dice = Dice(14);
        let mut rows = Rows::default();
        let people: Vec<UserId> = (0..100).map(|number| UserId(1000 + number * 7)).collect();
        let apps: Vec<(AppId, Rule)> = (0..100)
            .map(|number| (AppId(number + 1), dice.rule()))
            .collect();
        for id in &people {
            rows.person(id.0, dice.below(8) > 0);
            for provider in ["company", "partner"] {
                if dice.below(3) > 0 {
                    rows.identity(id.0, provider, dice.below(5) > 0);
                }
            }
            for name in NAMES {
                for origin in ORIGINS {
                    if dice.below(12) == 0 {
                        rows.permission(id.0, name, origin);
                    }
                }
            }
            for (app, _) in &apps {
                for _ in 0..2 {
                    let end = match dice.below(16) {
                        0 => None,
                        1 => Some(NOW.0 - 1),
                        2 => Some(NOW.0),
                        3 => Some(NOW.0 + 1),
                        4 => Some(NOW.0 + 86_400_000_000),
                        _ => continue,
                    };
                    rows.grant(app.0, id.0, end);
                }
            }
        }
        Self { people, apps, rows }
    }

    /// 30,000 people, of whom many hold some permissions and few hold others.
    pub(super) fn large() -> Self {
        const HELD: &[(&str, &str, i64)] = &[
            ("most", "company", 1),
            ("most", "", 5),
            ("most", "partner", 3),
            ("half", "branch", 2),
            ("third", "", 3),
            ("rare", "company", 997),
            ("uncounted", "partner", 1),
            ("all", "", 1),
        ];
        let mut rows = Rows::default();
        let people: Vec<UserId> = (1..=30_000).map(UserId).collect();
        for UserId(id) in &people {
            rows.person(*id, id % 11 > 0);
            if id % 4 == 0 {
                rows.identity(*id, "company", id % 20 > 0);
            }
            for (name, origin, each) in HELD {
                if id % each == 0 {
                    rows.permission(*id, name, origin);
                }
            }
            if id % 1000 != 7 {
                rows.permission(*id, "nearly", "");
            }
            if id % 500 == 0 {
                rows.grant(1 + id % 7, *id, (id % 1000 == 0).then_some(NOW.0));
            }
        }
        let rules = [
            rule("everyone", &[], &[]),
            rule("any_of", &["half"], &[]),
            rule("any_of", &["half", "third", "rare"], &["rare"]),
            rule("everyone", &[], &["half"]),
            rule("everyone", &[], &["nearly"]),
            rule("any_of", &["most"], &[]),
            rule("any_of", &["most", "uncounted"], &["uncounted"]),
            rule("nobody", &[], &[]),
            rule("everyone", &[], &["rare"]),
        ];
        let apps = (1..).map(AppId).zip(rules).collect();
        Self { people, apps, rows }
    }

    pub(super) fn store(&self, database: &Database) -> Db {
        let url = if database.is_postgresql() {
            DatabaseUrl::Postgres(Secret::new(database.url.clone()))
        } else {
            DatabaseUrl::Sqlite(PathBuf::from(&database.url))
        };
        let db = Db::open(&url).expect("a database");
        db.migrate().expect("the tables");
        let apps: Vec<String> = self
            .apps
            .iter()
            .map(|(app, rule)| app_row(*app, rule))
            .collect();
        for (into, rows) in [
            (
                "users (id, username, first_name, email, is_active, is_staff, is_superuser, \
                 is_staff_by_permission, is_superuser_by_permission, date_joined, is_searchable)",
                &self.rows.users,
            ),
            (
                "identities (provider, subject, user_id, created_at, permissions_read_at)",
                &self.rows.identities,
            ),
            (
                "user_permissions (user_id, name, origin, label, granted_at)",
                &self.rows.permissions,
            ),
            (
                "apps (id, key, name_en, name_zh, description_en, description_zh, url, position, icon, tint, rule, \
                 is_hidden, is_requestable, keywords, note, changed_at, changed_by)",
                &apps,
            ),
            (
                "app_grants (id, app_id, user_id, created_at, expires_at, granted_by)",
                &self.rows.grants,
            ),
        ] {
            for some in rows.chunks(10_000) {
                database.execute(&format!("INSERT INTO {into} VALUES {}", some.join(", ")));
            }
        }
        db
    }
}

fn app_row(app: AppId, rule: &Rule) -> String {
    let rule = serde_json::to_string(rule).expect("a rule");
    let id = app.0;
    format!(
        "({id}, 'app-{id}', 'App {id}', '', '', '', 'https://app.example.com/', {id}, 'tag', 1, '{rule}', FALSE, FALSE, '', '', 0, '')"
    )
}

impl Rows {
    fn person(&mut self, id: i64, is_active: bool) {
        self.users.push(format!(
            "({id}, 'u{id}', 'Name {id}', '', {is_active}, FALSE, FALSE, FALSE, FALSE, {id}, TRUE)"
        ));
    }

    fn identity(&mut self, id: i64, provider: &str, is_read: bool) {
        let read_at = if is_read { "1" } else { "NULL" };
        self.identities
            .push(format!("('{provider}', 's{id}', {id}, 0, {read_at})"));
    }

    fn permission(&mut self, id: i64, name: &str, origin: &str) {
        self.permissions
            .push(format!("({id}, '{name}', '{origin}', '', 0)"));
    }

    fn grant(&mut self, app: i64, id: i64, end: Option<i64>) {
        let (number, end) = (
            self.grants.len() + 1,
            end.map_or_else(|| "NULL".to_owned(), |end| end.to_string()),
        );
        self.grants
            .push(format!("({number}, {app}, {id}, 0, {end}, '')"));
    }
}
