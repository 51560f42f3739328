//! Shows what an import changes before it does.

use std::collections::{BTreeMap, BTreeSet};

use crate::admin::apps::import::{AppStep, CategoryStep, ChangedApp, Plan};
use crate::apps::file::{AppsFile, FileApp, name_in_file};
use crate::apps::openers::{Difference, difference};
use crate::apps::unheld::unheld;
use crate::apps::{
    self, App, AppChange, AppField, AppFields, Audience, Category, Rule, both_names,
};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::Result;
use crate::permissions::PermissionSources;
use crate::text::push_escaped;

/// The names that are printed at most, of those who gain or lose an app.
const MAX_NAMED: usize = 10;
/// The characters of a long value that are printed.
const MAX_VALUE: usize = 200;

/// What a plan means for people.
pub(super) struct Shown {
    /// Whom a new rule lets in and whom it keeps out, by the app's key.
    differences: BTreeMap<String, Difference>,
    /// The permissions of the file's rules that nobody holds.
    unheld: BTreeSet<String>,
}

impl Shown {
    pub(super) fn read(
        conn: &mut Conn,
        sources: &PermissionSources,
        now: UnixTime,
        file: &AppsFile,
        plan: &Plan,
    ) -> Result<Self> {
        let nobody = Rule::default();
        let mut differences = BTreeMap::new();
        for step in &plan.apps {
            let (key, app, old, new) = match step {
                AppStep::Add { place, .. } => match file.apps.get(*place) {
                    Some(app) => (&app.key, None, &nobody, &app.fields.rule),
                    None => continue,
                },
                AppStep::Change(changed) => {
                    let old = &changed.before;
                    let listed = changed.place.and_then(|place| file.apps.get(place));
                    match listed {
                        Some(app) => (&old.key, Some(old.id), &old.fields.rule, &app.fields.rule),
                        None => continue,
                    }
                }
                // Its grants end too, and are counted by themselves.
                AppStep::Remove { app, .. } => (&app.key, None, &app.fields.rule, &nobody),
            };
            if old != new {
                let found = difference(conn, sources, now, app, old, new)?;
                differences.insert(key.clone(), found);
            }
        }
        let names = file
            .apps
            .iter()
            .flat_map(|app| app.fields.rule.permissions());
        Ok(Self {
            differences,
            unheld: unheld(conn, sources, names)?,
        })
    }

    pub(super) fn print(&self, file: &AppsFile, plan: &Plan) {
        for step in &plan.categories {
            print_category(file, step);
        }
        let (mut added, mut changed, mut removed) = (0_usize, 0_usize, 0_usize);
        for step in &plan.apps {
            match step {
                AppStep::Add { place, .. } => {
                    added += 1;
                    if let Some(app) = file.apps.get(*place) {
                        self.print_added(file, app);
                    }
                }
                AppStep::Change(step) => {
                    changed += 1;
                    self.print_changed(step);
                }
                AppStep::Remove {
                    app,
                    grants,
                    requests,
                } => {
                    removed += 1;
                    self.print_removed(app, *grants, *requests);
                }
            }
        }
        self.warn(file);
        if plan.is_empty() {
            say!("Nothing to change: {}.", apps_counted(plan.unchanged));
            return;
        }
        say!(
            "Apps: {added} to add, {changed} to change, {removed} to remove, {} unchanged.",
            plan.unchanged
        );
    }

    fn print_added(&self, file: &AppsFile, app: &FileApp) {
        say!("+ app {}", app.key);
        let changes = apps::changes(&AppFields::default(), &app.fields);
        let category = app.category.and_then(|place| file.categories.get(place));
        for AppChange { field, to, .. } in &changes {
            print_value(*field, to);
        }
        if let Some(category) = category {
            let names = both_names(&category.name_en, &category.name_zh);
            print_value(AppField::Category, &names);
        }
        if app.fields.rule.audience == Audience::Nobody {
            print_value(AppField::Audience, Audience::Nobody.code());
        }
        for username in app.usernames() {
            say!("    + owner {}", visible(&username));
        }
        self.print_people(&app.key);
    }

    fn print_changed(&self, step: &ChangedApp) {
        say!("~ app {}", step.before.key);
        print_changes(&step.changes);
        for (sign, usernames) in [("+", &step.owners_added), ("-", &step.owners_removed)] {
            for username in usernames {
                say!("    {sign} owner {}", visible(username));
            }
        }
        self.print_people(&step.before.key);
    }

    fn print_removed(&self, app: &App, grants: i64, requests: i64) {
        say!("- app {}", app.key);
        self.print_people(&app.key);
        say!("    grants that end: {grants}");
        say!("    open requests that end: {requests}");
    }

    fn print_people(&self, key: &str) {
        let Some(difference) = self.differences.get(key) else {
            return;
        };
        for (what, count, names) in [
            (
                "people who gain it",
                difference.gaining,
                &difference.gaining_names,
            ),
            (
                "people who lose it",
                difference.losing,
                &difference.losing_names,
            ),
        ] {
            let mut line = format!("    {what}: {count}");
            let named = names.iter().take(MAX_NAMED);
            let named: Vec<String> = named.map(|name| visible(name)).collect();
            if !named.is_empty() {
                let more = i64::try_from(named.len()).is_ok_and(|named| named < count);
                let more = if more { ", …" } else { "" };
                line.extend([" (", &named.join(", "), more, ")"]);
            }
            say!("{line}");
        }
    }

    /// Warns about permissions that are most likely misspelt.
    fn warn(&self, file: &AppsFile) {
        for app in &file.apps {
            for name in app.fields.rule.permissions() {
                if self.unheld.contains(name) {
                    say!(
                        "warning: app {}, line {}: nobody holds the permission {}",
                        app.key,
                        app.line,
                        visible(name)
                    );
                }
            }
        }
    }
}

fn apps_counted(count: usize) -> String {
    match count {
        1 => "the app of the file is as it says".to_owned(),
        count => format!("the {count} apps of the file are as it says"),
    }
}

fn print_category(file: &AppsFile, step: &CategoryStep) {
    let names = |one: &Category| visible(&both_names(&one.name_en, &one.name_zh));
    match step {
        CategoryStep::Add { place, .. } => {
            if let Some(one) = file.categories.get(*place) {
                let names = both_names(&one.name_en, &one.name_zh);
                say!("+ category {}", visible(&names));
            }
        }
        CategoryStep::Change {
            before, changes, ..
        } => {
            say!("~ category {}", names(before));
            print_changes(changes);
        }
        CategoryStep::Remove(category) => say!("- category {}", names(category)),
    }
}

fn print_changes(changes: &[AppChange]) {
    for AppChange { field, from, to } in changes {
        let [from, to] = [from, to].map(|value| shortened(value));
        say!("    {}: {from} → {to}", name_in_file(*field));
    }
}

fn print_value(field: AppField, value: &str) {
    say!("    {}: {}", name_in_file(field), shortened(value));
}

/// A value on one line: `-` stands for nothing.
fn shortened(value: &str) -> String {
    if value.is_empty() {
        return "-".to_owned();
    }
    let mut short: String = value.chars().take(MAX_VALUE).collect();
    if value.chars().nth(MAX_VALUE).is_some() {
        short.push('…');
    }
    visible(&short)
}

/// A terminal must not obey what stands in a text.
fn visible(text: &str) -> String {
    let mut line = String::new();
    push_escaped(&mut line, text);
    line
}
