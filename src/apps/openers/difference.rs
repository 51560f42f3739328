//! How many people gain and lose an app by a change of its rule. The evaluator decides about all
//! who may be concerned, before and after.

use std::collections::{BTreeSet, HashMap};

use diesel::QueryableByName;
use diesel::sql_types::BigInt;

use super::facts;
use super::ways::{Kind, names_of, opening_names, together};
use crate::apps::rule::{Audience, Grant, Holder, Rule, decide};
use crate::clock::UnixTime;
use crate::db::{Conn, Sql};
use crate::error::Result;
use crate::id::{AppId, UserId};
use crate::permissions::PermissionSources;
use crate::users;

/// How many names stand for each side.
const NAMES: usize = 3;
/// The facts about so many people are looked up person by person; about more, it is faster to read
/// all people of each kind in order.
const FEW: i64 = 20_000;
/// How many people one statement looks up.
const AT_ONCE: usize = 500;
/// How many ids one statement reads in order.
const CHUNK: i64 = 20_000;

/// Who gains and who loses an app when its rule changes: how many, and the display names of the
/// newest three.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub gaining: i64,
    pub losing: i64,
    pub gaining_names: Vec<String>,
    pub losing_names: Vec<String>,
}

/// Counts, however many they are, the people to whom `new` opens the app and `old` does not, and
/// the other way round. An app that does not exist yet has no grants.
pub fn difference(
    conn: &mut Conn,
    sources: &PermissionSources,
    now: UnixTime,
    app: Option<AppId>,
    old: &Rule,
    new: &Rule,
) -> Result<Difference> {
    let mut tally = Tally::default();
    let change = Change {
        sources,
        now,
        app,
        rules: [old, new],
    };
    let concerned = change.concerned();
    if concerned.is_empty() {
        return Ok(Difference::default());
    }
    let rows = together(concerned.iter().map(|kind| kind.rows()));
    if rows.count_up_to(conn, FEW + 1)? <= FEW {
        change.look_up(conn, &rows, &mut tally)?;
    } else {
        change.read_in_order(conn, &concerned, &mut tally)?;
    }
    tally.named(conn)
}

#[derive(Default)]
struct Tally {
    gaining: i64,
    losing: i64,
    first_gaining: Vec<UserId>,
    first_losing: Vec<UserId>,
}

impl Tally {
    /// Notes what happens to a person: whether the app was open, and is.
    fn note(&mut self, id: i64, is_open: [bool; 2]) {
        let (count, first) = match is_open {
            [false, true] => (&mut self.gaining, &mut self.first_gaining),
            [true, false] => (&mut self.losing, &mut self.first_losing),
            [true, true] | [false, false] => return,
        };
        *count += 1;
        if first.len() < NAMES {
            first.push(UserId(id));
        }
    }

    fn named(self, conn: &mut Conn) -> Result<Difference> {
        let mut names = |ids: &[UserId]| -> Result<Vec<String>> {
            let people = users::find_all(conn, ids)?;
            Ok(people
                .iter()
                .map(|user| user.display_name().to_owned())
                .collect())
        };
        Ok(Difference {
            gaining: self.gaining,
            losing: self.losing,
            gaining_names: names(&self.first_gaining)?,
            losing_names: names(&self.first_losing)?,
        })
    }
}

struct Change<'a> {
    sources: &'a PermissionSources,
    now: UnixTime,
    app: Option<AppId>,
    /// The old and the new one.
    rules: [&'a Rule; 2],
}

impl<'a> Change<'a> {
    /// Everyone about whom the two rules may decide differently is among these people.
    fn concerned(&self) -> Vec<Kind<'a>> {
        let [old, new] = self.rules;
        let is_for_everyone = |rule: &Rule| rule.audience == Audience::Everyone;
        if is_for_everyone(old) != is_for_everyone(new) {
            return vec![Kind::Active];
        }
        let [old_opening, new_opening] = self.rules.map(opening_names);
        let [old_closing, new_closing] = self.rules.map(closing_names);
        let names: BTreeSet<&str> = &(&old_opening ^ &new_opening) | &(&old_closing ^ &new_closing);
        let mut kinds: Vec<Kind<'_>> = names.into_iter().map(Kind::Holds).collect();
        if old_closing.is_empty() != new_closing.is_empty() && !self.sources.expected.is_empty() {
            kinds.push(Kind::Unread);
        }
        kinds
    }

    /// Everything on which the decisions depend.
    fn all_kinds(&self) -> Vec<Kind<'a>> {
        let mut kinds: Vec<Kind<'_>> = names_of(&self.rules).into_iter().map(Kind::Holds).collect();
        kinds.push(Kind::Deactivated);
        kinds.extend(self.app.map(Kind::Granted));
        let has_but_not = self.rules.iter().any(|rule| !rule.but_not.is_empty());
        if has_but_not && !self.sources.expected.is_empty() {
            kinds.push(Kind::Unread);
        }
        kinds
    }

    fn is_open(&self, holder: &Holder, grants: &[Grant]) -> [bool; 2] {
        self.rules
            .map(|rule| decide(rule, holder, grants, self.now).is_open())
    }

    /// Decides about each of a few people.
    fn look_up(&self, conn: &mut Conn, concerned: &Sql, tally: &mut Tally) -> Result<()> {
        let ids = Sql::text("SELECT DISTINCT id FROM (")
            .then(concerned)
            .with(") AS c ORDER BY id DESC", []);
        let ids: Vec<i64> = ids.load::<Id>(conn)?.iter().map(|row| row.id).collect();
        for ids in ids.chunks(AT_ONCE) {
            let people = facts::read(conn, self.sources, self.app, &self.rules, ids)?;
            for id in ids {
                if let Some((holder, grants)) = people.get(id) {
                    tally.note(*id, self.is_open(holder, grants));
                }
            }
        }
        Ok(())
    }

    /// Reads the ids of each kind in order, side by side, and decides once for all people who have
    /// the same in common.
    fn read_in_order(
        &self,
        conn: &mut Conn,
        concerned: &[Kind<'a>],
        tally: &mut Tally,
    ) -> Result<()> {
        let mut kinds = concerned.to_vec();
        let others = self.all_kinds().into_iter();
        kinds.extend(others.filter(|kind| !concerned.contains(kind)));
        let walks = kinds
            .iter()
            .map(|kind| Walk::of(*kind, self.sources, self.now));
        let mut walks: Vec<Walk> = walks.collect();
        let mut decided: HashMap<Vec<usize>, [bool; 2]> = HashMap::new();
        let mut limit = i64::MAX;
        loop {
            let mut next = None;
            for walk in walks.iter_mut().take(concerned.len()) {
                next = next.max(walk.first_up_to(conn, limit)?);
            }
            let Some(id) = next else { return Ok(()) };
            let mut true_of_them = Vec::new();
            for (at, walk) in walks.iter_mut().enumerate() {
                if walk.first_up_to(conn, id)? == Some(id) {
                    true_of_them.push(at);
                }
            }
            let is_open = if let Some(known) = decided.get(&true_of_them) {
                *known
            } else {
                let those = true_of_them.iter().filter_map(|at| kinds.get(*at));
                let (holder, grants) = person_of(those);
                let is_open = self.is_open(&holder, &grants);
                decided.insert(true_of_them, is_open);
                is_open
            };
            tally.note(id, is_open);
            limit = id - 1;
        }
    }
}

fn closing_names(rule: &Rule) -> BTreeSet<&str> {
    rule.but_not.iter().map(String::as_str).collect()
}

/// A person of whom these things are true, and nothing else.
fn person_of<'a>(kinds: impl Iterator<Item = &'a Kind<'a>>) -> (Holder, Vec<Grant>) {
    let mut holder = Holder {
        is_active: true,
        ..Holder::default()
    };
    let mut grants = Vec::new();
    for kind in kinds {
        match kind {
            Kind::Active => {}
            Kind::Deactivated => holder.is_active = false,
            Kind::Holds(name) => {
                holder.permissions.insert((*name).to_owned());
            }
            // Only grants that are running were read.
            Kind::Granted(_) => grants.push(Grant { expires_at: None }),
            Kind::Unread => holder.has_unread_permissions = true,
        }
    }
    (holder, grants)
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// The ids of one kind of people, from the newest on, read piece by piece.
struct Walk {
    rows: Sql,
    id: &'static str,
    /// What was read and not yet passed, the newest last.
    ahead: Vec<i64>,
    is_at_the_end: bool,
}

impl Walk {
    fn of(kind: Kind<'_>, sources: &PermissionSources, now: UnixTime) -> Self {
        Self {
            rows: kind.rows_that_count(sources, now),
            id: kind.id(),
            ahead: Vec::new(),
            is_at_the_end: false,
        }
    }

    /// Passes all ids above `limit`, and returns the next one.
    fn first_up_to(&mut self, conn: &mut Conn, limit: i64) -> Result<Option<i64>> {
        loop {
            while let Some(id) = self.ahead.last() {
                if *id <= limit {
                    return Ok(Some(*id));
                }
                self.ahead.pop();
            }
            if self.is_at_the_end {
                return Ok(None);
            }
            let id = self.id;
            let more = self.rows.clone().with(
                &format!(" AND {id} <= ? ORDER BY {id} DESC LIMIT ?"),
                [limit.into(), CHUNK.into()],
            );
            let rows = more.load::<Id>(conn)?;
            self.is_at_the_end = i64::try_from(rows.len()).unwrap_or(i64::MAX) < CHUNK;
            self.ahead = rows.iter().rev().map(|row| row.id).collect();
        }
    }
}
