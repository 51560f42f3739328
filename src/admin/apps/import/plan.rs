//! What an import would do.

use std::collections::{BTreeMap, BTreeSet};

use super::Unlisted;
use super::order::{Slot, arrange};
use crate::apps::file::{AppsFile, FileApp, FileFault, store};
use crate::apps::{
    self, App, AppChange, AppField, AppFields, Category, MAX_APPS, MAX_CATEGORIES, both_names,
    grants, owners,
};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::Result;
use crate::id::{AppId, CategoryId};
use crate::users;

/// The steps of an import. It is empty if nothing would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub categories: Vec<CategoryStep>,
    pub apps: Vec<AppStep>,
    /// The number of the file's apps that are as they should be.
    pub unchanged: usize,
    /// Which category each of the file's is, if there is one already.
    pub(super) category_ids: Vec<Option<CategoryId>>,
}

impl Plan {
    pub const fn is_empty(&self) -> bool {
        self.categories.is_empty() && self.apps.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CategoryStep {
    /// Adds a category of the file.
    Add {
        place: usize,
        position: i64,
    },
    Change {
        before: Category,
        after: Category,
        changes: Vec<AppChange>,
    },
    Remove(Category),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppStep {
    /// Adds an app of the file.
    Add {
        place: usize,
        position: i64,
    },
    Change(Box<ChangedApp>),
    Remove {
        app: Box<App>,
        /// The grants that end with it.
        grants: i64,
        /// The open requests that end with it.
        requests: i64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedApp {
    /// Its place in the file; `None` for an app that the file does not name and that only makes
    /// room.
    pub place: Option<usize>,
    pub before: App,
    pub position: i64,
    /// For people: a category stands there by its names.
    pub changes: Vec<AppChange>,
    pub owners_added: Vec<String>,
    pub owners_removed: Vec<String>,
}

/// Lists what is wrong with a file and can be seen only beside the database.
pub fn faults(conn: &mut Conn, file: &AppsFile, unlisted: Unlisted) -> Result<Vec<FileFault>> {
    let mut faults = Vec::new();
    let mut known: BTreeMap<&str, bool> = BTreeMap::new();
    for app in &file.apps {
        for owner in &app.owners {
            let username = owner.username.as_str();
            let is_known = match known.get(username) {
                Some(is_known) => *is_known,
                None => users::find_by_username(conn, username)?.is_some(),
            };
            known.insert(username, is_known);
            if !is_known {
                let name = username.escape_debug();
                faults.push(FileFault {
                    line: owner.line,
                    problem: format!("app {}: owners: no account is called {name}", app.key),
                });
            }
        }
    }
    if unlisted == Unlisted::Keep {
        faults.extend(too_many(conn, file)?);
    }
    Ok(faults)
}

/// Refuses more apps or categories than there may be, together with those that stay.
fn too_many(conn: &mut Conn, file: &AppsFile) -> Result<Vec<FileFault>> {
    let mut faults = Vec::new();
    let keys: BTreeSet<String> = apps::list(conn)?.into_iter().map(|app| app.key).collect();
    let new = file.apps.iter().filter(|app| !keys.contains(&app.key));
    let new_lines = new.map(|app| app.line).collect();
    let categories = apps::categories(conn)?;
    let matched = match_categories(file, &categories);
    let new = file.categories.iter().zip(matched);
    let new = new.filter(|(_, known)| known.is_none());
    let new_categories = new.map(|(category, _)| category.line).collect();
    let rows: [(usize, Vec<usize>, i64, &str); 2] = [
        (keys.len(), new_lines, MAX_APPS, "apps"),
        (
            categories.len(),
            new_categories,
            MAX_CATEGORIES,
            "categories",
        ),
    ];
    for (there, lines, most, what) in rows {
        let room = usize::try_from(most).unwrap_or(0).saturating_sub(there);
        if let Some(line) = lines.get(room) {
            let problem =
                format!("there may be at most {most} {what}, and there are {there} already");
            faults.push(FileFault {
                line: *line,
                problem,
            });
        }
    }
    Ok(faults)
}

/// Compares a file without faults with what there is.
pub fn plan(conn: &mut Conn, now: UnixTime, file: &AppsFile, unlisted: Unlisted) -> Result<Plan> {
    let known = apps::categories(conn)?;
    let mut plan = Plan {
        category_ids: match_categories(file, &known),
        ..Plan::default()
    };
    plan_categories(&mut plan, file, &known, unlisted);
    let all = apps::list(conn)?;
    let rows = rows(&plan, file, &all, unlisted);
    let planned = Planned {
        file,
        known: &known,
        all: &all,
    };
    let placed = |row: Vec<Slot<AppId>>| arrange(&row).into_iter().zip(1..);
    for (slot, to) in rows.into_iter().flat_map(placed) {
        match planned.step(conn, &plan, slot, to)? {
            Some(step) => plan.apps.push(step),
            None if slot.place.is_some() => plan.unchanged += 1,
            None => {}
        }
    }
    // A file's order is the one that people expect here.
    plan.apps.sort_by_key(place_in_file);
    if unlisted == Unlisted::Prune {
        for app in all.iter().filter(|app| !is_listed(file, app)) {
            plan.apps.push(AppStep::Remove {
                app: Box::new(app.clone()),
                grants: grants::count_running(conn, now, app.id)?,
                requests: store::count_open_requests(conn, app.id)?,
            });
        }
    }
    Ok(plan)
}

fn place_in_file(step: &AppStep) -> usize {
    match step {
        AppStep::Add { place, .. } => *place,
        AppStep::Change(changed) => changed.place.unwrap_or(usize::MAX),
        AppStep::Remove { .. } => usize::MAX,
    }
}

fn is_listed(file: &AppsFile, app: &App) -> bool {
    file.apps.iter().any(|one| one.key == app.key)
}

/// Finds the category that each of the file's is: the one with both names, or else the only one
/// that shares a name, which is then renamed.
fn match_categories(file: &AppsFile, known: &[Category]) -> Vec<Option<CategoryId>> {
    let mut matched: Vec<Option<CategoryId>> = vec![None; file.categories.len()];
    for exactness in [Exactness::BothNames, Exactness::OneName] {
        for (place, category) in file.categories.iter().enumerate() {
            if matched.get(place).is_some_and(Option::is_some) {
                continue;
            }
            let shares = [&category.name_en, &category.name_zh];
            let mut found = known.iter().filter(|one| {
                let names = [&one.name_en, &one.name_zh];
                let mut pairs = names.into_iter().zip(shares);
                let is_it = match exactness {
                    Exactness::BothNames => pairs.all(|(one, two)| one == two),
                    Exactness::OneName => pairs.any(|(one, two)| one == two && !one.is_empty()),
                };
                is_it && !matched.contains(&Some(one.id))
            });
            let first = found.next().map(|one| one.id);
            let is_clear = exactness == Exactness::BothNames || found.next().is_none();
            if let Some(slot) = matched.get_mut(place)
                && is_clear
            {
                *slot = first;
            }
        }
    }
    matched
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Exactness {
    BothNames,
    OneName,
}

fn plan_categories(plan: &mut Plan, file: &AppsFile, known: &[Category], unlisted: Unlisted) {
    let place_of = |id| plan.category_ids.iter().position(|one| *one == Some(id));
    let kept = known
        .iter()
        .filter(|one| unlisted == Unlisted::Keep || place_of(one.id).is_some());
    let there = kept.map(|category| Slot {
        id: Some(category.id),
        place: place_of(category.id),
        position: category.position,
    });
    let last = known.iter().map(|one| one.position).max().unwrap_or(0);
    let ids = plan.category_ids.iter().enumerate();
    let new = ids
        .filter(|(_, id)| id.is_none())
        .zip(last.saturating_add(1)..);
    let new = new.map(|((place, _), position)| Slot {
        id: None,
        place: Some(place),
        position,
    });
    let row: Vec<Slot<CategoryId>> = there.chain(new).collect();
    let mut steps = Vec::new();
    for (slot, to) in arrange(&row).into_iter().zip(1..) {
        let names = slot.place.and_then(|place| file.categories.get(place));
        let before = known.iter().find(|one| Some(one.id) == slot.id);
        match (before, slot.place) {
            (Some(before), _) => {
                let mut after = before.clone();
                after.position = slot.position;
                if let Some(names) = names {
                    after.name_en = names.name_en.clone();
                    after.name_zh = names.name_zh.clone();
                }
                let from = known.iter().position(|one| one.id == before.id);
                let places = (from.unwrap_or(0) + 1, to);
                let changes = category_changes(before, &after, places);
                if after != *before {
                    let before = before.clone();
                    steps.push(CategoryStep::Change {
                        before,
                        after,
                        changes,
                    });
                }
            }
            (None, Some(place)) => {
                let position = slot.position;
                steps.push(CategoryStep::Add { place, position });
            }
            (None, None) => {}
        }
    }
    if unlisted == Unlisted::Prune {
        let gone = known.iter().filter(|one| place_of(one.id).is_none());
        steps.extend(gone.cloned().map(CategoryStep::Remove));
    }
    plan.categories = steps;
}

/// Lists what differs between two states of a category, which has these places.
fn category_changes(before: &Category, after: &Category, places: (usize, usize)) -> Vec<AppChange> {
    let names = [
        (AppField::NameEn, &before.name_en, &after.name_en),
        (AppField::NameZh, &before.name_zh, &after.name_zh),
    ];
    let names = names.into_iter().filter(|(_, from, to)| from != to);
    let names = names.map(|(field, from, to)| AppChange {
        field,
        from: from.clone(),
        to: to.clone(),
    });
    let moved = (before.position != after.position).then(|| moved(places));
    names.chain(moved).collect()
}

/// A move from one place to another, counted from 1.
fn moved((from, to): (usize, usize)) -> AppChange {
    AppChange {
        field: AppField::Position,
        from: from.to_string(),
        to: to.to_string(),
    }
}

/// The category that an app will be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Home {
    None,
    Known(CategoryId),
    /// One that the import adds, by its place in the file.
    New(usize),
}

fn home(plan: &Plan, app: &FileApp) -> Home {
    let Some(place) = app.category else {
        return Home::None;
    };
    let id = plan.category_ids.get(place).copied().flatten();
    id.map_or(Home::New(place), Home::Known)
}

/// The apps of each category, in the order of now: those that are there, then the new ones.
fn rows(plan: &Plan, file: &AppsFile, all: &[App], unlisted: Unlisted) -> Vec<Vec<Slot<AppId>>> {
    let mut rows: BTreeMap<Home, Vec<Slot<AppId>>> = BTreeMap::new();
    let mut there: Vec<&App> = all.iter().collect();
    there.sort_by_key(|app| (app.position, app.id));
    for app in there {
        let place = file.apps.iter().position(|one| one.key == app.key);
        let listed = place.and_then(|place| file.apps.get(place));
        let home = match listed {
            Some(listed) => home(plan, listed),
            None if unlisted == Unlisted::Prune => continue,
            None => app.fields.category_id.map_or(Home::None, Home::Known),
        };
        rows.entry(home).or_default().push(Slot {
            id: Some(app.id),
            place,
            position: app.position,
        });
    }
    let last = all.iter().map(|app| app.position).max().unwrap_or(0);
    let is_new = |app: &FileApp| !all.iter().any(|one| one.key == app.key);
    let new = file.apps.iter().enumerate().filter(|(_, app)| is_new(app));
    for ((place, app), position) in new.zip(last.saturating_add(1)..) {
        rows.entry(home(plan, app)).or_default().push(Slot {
            id: None,
            place: Some(place),
            position,
        });
    }
    rows.into_values().collect()
}

/// What a step is planned from.
struct Planned<'a> {
    file: &'a AppsFile,
    known: &'a [Category],
    all: &'a [App],
}

impl Planned<'_> {
    /// Plans what happens to the app that will have the place `to` in its category.
    fn step(
        &self,
        conn: &mut Conn,
        plan: &Plan,
        slot: Slot<AppId>,
        to: usize,
    ) -> Result<Option<AppStep>> {
        let position = slot.position;
        let Some(before) = self.all.iter().find(|app| Some(app.id) == slot.id) else {
            let add = |place| AppStep::Add { place, position };
            return Ok(slot.place.map(add));
        };
        let listed = slot.place.and_then(|place| self.file.apps.get(place));
        let mut changed = ChangedApp {
            place: slot.place,
            before: before.clone(),
            position,
            changes: listed.map_or_else(Vec::new, |app| self.changes(plan, before, app)),
            owners_added: Vec::new(),
            owners_removed: Vec::new(),
        };
        if before.position != position {
            changed.changes.push(moved((self.place_now(before), to)));
        }
        if let Some(listed) = listed {
            let wanted = listed.usernames();
            let current = owners::of_app(conn, before.id)?.into_iter();
            let current: Vec<String> = current.map(|owner| owner.username).collect();
            let missing = |from: &[String], of: &[String]| {
                let missing = from.iter().filter(|name| !of.contains(name));
                missing.cloned().collect()
            };
            changed.owners_added = missing(&wanted, &current);
            changed.owners_removed = missing(&current, &wanted);
        }
        let is_same = changed.changes.is_empty()
            && changed.owners_added.is_empty()
            && changed.owners_removed.is_empty();
        Ok((!is_same).then(|| AppStep::Change(Box::new(changed))))
    }

    /// The place of an app in its category, counted from 1.
    fn place_now(&self, app: &App) -> usize {
        let category = app.fields.category_id;
        let in_category = self.all.iter();
        let mut in_category = in_category.filter(|one| one.fields.category_id == category);
        in_category.position(|one| one.id == app.id).unwrap_or(0) + 1
    }

    /// Lists what changes about an app. A category may have no id yet, so it stands by its names.
    fn changes(&self, plan: &Plan, before: &App, app: &FileApp) -> Vec<AppChange> {
        let wanted = AppFields {
            category_id: before.fields.category_id,
            ..app.fields.clone()
        };
        let mut changes = apps::changes(&before.fields, &wanted);
        let current = before.fields.category_id;
        if current.map_or(Home::None, Home::Known) != home(plan, app) {
            let from = self.known.iter().find(|one| Some(one.id) == current);
            let to = app
                .category
                .and_then(|place| self.file.categories.get(place));
            changes.push(AppChange {
                field: AppField::Category,
                from: from.map_or_else(String::new, |one| both_names(&one.name_en, &one.name_zh)),
                to: to.map_or_else(String::new, |one| both_names(&one.name_en, &one.name_zh)),
            });
        }
        changes
    }
}
