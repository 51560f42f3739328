//! Groups of people whose ids an index gives in order.

use std::collections::BTreeSet;

use super::{PROVIDER, texts};
use crate::apps::rule::{Audience, Rule};
use crate::clock::UnixTime;
use crate::db::Sql;
use crate::id::AppId;
use crate::permissions::PermissionSources;

/// The people of whom one thing is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    Active,
    Deactivated,
    Holds(&'a str),
    Granted(AppId),
    /// Their permissions were never read from a provider that gives some.
    Unread,
}

impl<'a> Kind<'a> {
    /// Everyone to whom a rule may open the app is among these.
    pub fn ways_in(app: AppId, rule: &'a Rule) -> Vec<Self> {
        match rule.audience {
            Audience::Everyone => vec![Self::Active],
            Audience::AnyOf => {
                let names = rule.any_of.iter().map(|name| Self::Holds(name));
                names.chain([Self::Granted(app)]).collect()
            }
            Audience::Nobody => vec![Self::Granted(app)],
        }
    }

    /// The column of the person's id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Active | Self::Deactivated => "u.id",
            Self::Holds(_) => "p.user_id",
            Self::Granted(_) => "g.user_id",
            Self::Unread => "i.user_id",
        }
    }

    /// Selects them as `id`. Of those who hold a permission or a grant, some are there whose origin
    /// does not count or whose grant has ended: no index leaves them out.
    pub fn rows(self) -> Sql {
        let of = |from: &str| format!("SELECT {} AS id FROM {from}", self.id());
        match self {
            Self::Active => Sql::text(&of("users u WHERE u.is_active = TRUE")),
            Self::Deactivated => Sql::text(&of("users u WHERE u.is_active = FALSE")),
            Self::Holds(name) => {
                Sql::new(&of("user_permissions p WHERE p.name = ?"), [name.into()])
            }
            Self::Granted(app) => Sql::new(&of("app_grants g WHERE g.app_id = ?"), [app.into()]),
            Self::Unread => Sql::text(&of("identities i WHERE i.permissions_read_at IS NULL")),
        }
    }

    /// Selects only those for whom it counts.
    pub fn rows_that_count(self, sources: &PermissionSources, now: UnixTime) -> Sql {
        let rows = self.rows();
        match self {
            Self::Active | Self::Deactivated => rows,
            Self::Holds(_) => rows
                .with(" AND p.origin IN ", [])
                .then(&texts(sources.counting.origins())),
            Self::Granted(_) => rows.with(
                " AND (g.expires_at IS NULL OR g.expires_at > ?)",
                [now.0.into()],
            ),
            Self::Unread => rows
                .with(&format!(" AND {PROVIDER} IN "), [])
                .then(&texts(sources.expected.iter().map(String::as_str))),
        }
    }
}

/// The rows of all these `SELECT`s.
pub fn together(arms: impl Iterator<Item = Sql>) -> Sql {
    let mut all = Sql::default();
    for (at, arm) in arms.enumerate() {
        if at > 0 {
            all.push(" UNION ALL ", []);
        }
        all = all.then(&arm);
    }
    all
}

/// The permissions on which some rules depend.
pub fn names_of<'a>(rules: &[&'a Rule]) -> BTreeSet<&'a str> {
    let of_rule = |rule: &&'a Rule| {
        let any_of = opening_names(rule);
        any_of
            .into_iter()
            .chain(rule.but_not.iter().map(String::as_str))
    };
    rules.iter().flat_map(of_rule).collect()
}

/// The permissions that open the app; only one audience has some.
pub fn opening_names(rule: &Rule) -> BTreeSet<&str> {
    match rule.audience {
        Audience::AnyOf => rule.any_of.iter().map(String::as_str).collect(),
        Audience::Everyone | Audience::Nobody => BTreeSet::new(),
    }
}
