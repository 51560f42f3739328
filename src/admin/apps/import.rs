//! Imports a file of apps: first the plan, which changes nothing, then the plan in one transaction
//! with an event for each app, owner and category that it changes.

mod order;
mod plan;

pub use plan::{AppStep, CategoryStep, ChangedApp, Plan, faults, plan};

use super::{Outcome, Place, add, change_and_place, remove, set_owners};
use crate::admin::Admin;
use crate::apps::file::{AppsFile, FileApp, store};
use crate::apps::{AppChange, AppField, AppFields, Category, both_names, categories, images};
use crate::audit::{About, Event, Note};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::id::CategoryId;

/// What becomes of the apps and categories that a file does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    Keep,
    Prune,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    Done,
    /// Somebody changed an app since the plan was made, so nothing was done.
    ChangedMeanwhile,
}

/// Does what a plan says, in the caller's transaction, if the plan would be the same now. The file
/// must have no faults.
///
/// # Errors
/// As [`add`]
pub fn import(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    (file, unlisted): (&AppsFile, Unlisted),
    shown: &Plan,
) -> Outcome<Imported> {
    admin.begin(conn)?;
    if plan(conn, now, file, unlisted)? != *shown {
        return Ok(Imported::ChangedMeanwhile);
    }
    let mut importer = Importer {
        conn,
        now,
        admin,
        category_ids: shown.category_ids.clone(),
    };
    for step in &shown.apps {
        if let AppStep::Remove { app, .. } = step {
            remove(importer.conn, now, admin, &app.key, &Note::default())?;
        }
    }
    for step in &shown.categories {
        importer.category(file, step)?;
    }
    for step in &shown.apps {
        match step {
            AppStep::Add { place, position } => importer.add(listed(file, *place)?, *position)?,
            AppStep::Change(changed) => importer.change(file, changed)?,
            AppStep::Remove { .. } => {}
        }
    }
    for step in &shown.categories {
        if let CategoryStep::Remove(category) = step {
            importer.remove_category(category)?;
        }
    }
    images::remove_unused(conn)?;
    Ok(Imported::Done)
}

fn listed(file: &AppsFile, place: usize) -> Result<&FileApp> {
    let app = file.apps.get(place);
    app.ok_or_else(|| Error::Internal("a plan for another file".to_owned()))
}

struct Importer<'a> {
    conn: &'a mut Conn,
    now: UnixTime,
    admin: &'a Admin,
    /// The id of each category of the file, once it has one.
    category_ids: Vec<Option<CategoryId>>,
}

impl Importer<'_> {
    fn category(&mut self, file: &AppsFile, step: &CategoryStep) -> Result<()> {
        match step {
            CategoryStep::Add { place, position } => {
                let Some(category) = file.categories.get(*place) else {
                    return Ok(());
                };
                let (en, zh) = (&category.name_en, &category.name_zh);
                let id = store::add_category(self.conn, self.now, en, zh, *position)?;
                if let Some(slot) = self.category_ids.get_mut(*place) {
                    *slot = Some(id);
                }
                self.record_category(vec![category_named("", &both_names(en, zh))])
            }
            CategoryStep::Change {
                before,
                after,
                changes,
            } => {
                store::update_category(self.conn, after)?;
                let name = both_names(&before.name_en, &before.name_zh);
                let mut told = changes.clone();
                if before.name_en == after.name_en && before.name_zh == after.name_zh {
                    // The same name twice says which category it is.
                    told.insert(0, category_named(&name, &name));
                }
                self.record_category(told)
            }
            CategoryStep::Remove(_) => Ok(()),
        }
    }

    fn remove_category(&mut self, category: &Category) -> Result<()> {
        categories::remove(self.conn, category.id)?;
        let name = both_names(&category.name_en, &category.name_zh);
        self.record_category(vec![category_named(&name, "")])
    }

    fn record_category(&mut self, changes: Vec<AppChange>) -> Result<()> {
        let event = Event::AppCategoryChanged { changes };
        let deed = self.admin.deed(self.now);
        deed.record(self.conn, About::Portal, &event)
    }

    fn fields(&self, app: &FileApp) -> AppFields {
        let id = app.category.and_then(|place| self.category_ids.get(place));
        AppFields {
            category_id: id.copied().flatten(),
            ..app.fields.clone()
        }
    }

    fn add(&mut self, app: &FileApp, position: i64) -> Outcome<()> {
        if let Some(image) = &app.image {
            images::store(self.conn, image)?;
        }
        let (now, admin, fields) = (self.now, self.admin, self.fields(app));
        let added = add(self.conn, now, admin, &app.key, fields, &Note::default())?;
        store::set_position(self.conn, added.id, position)?;
        set_owners(self.conn, now, admin, &added, &app.usernames())?;
        Ok(())
    }

    fn change(&mut self, file: &AppsFile, changed: &ChangedApp) -> Outcome<()> {
        let (now, admin, before) = (self.now, self.admin, &changed.before);
        let app = match changed.place {
            Some(place) => Some(listed(file, place)?),
            None => None,
        };
        if let Some(image) = app.and_then(|app| app.image.as_ref()) {
            images::store(self.conn, image)?;
        }
        if !changed.changes.is_empty() {
            let fields = app.map_or_else(|| before.fields.clone(), |app| self.fields(app));
            let mut moved = changed.changes.iter();
            let moved = moved.find(|change| change.field == AppField::Position);
            let place = Place {
                position: changed.position,
                moved: moved.cloned(),
            };
            let after = (fields, place);
            change_and_place(self.conn, now, admin, before, after, &Note::default())?;
        }
        if let Some(app) = app {
            set_owners(self.conn, now, admin, before, &app.usernames())?;
        }
        Ok(())
    }
}

fn category_named(from: &str, to: &str) -> AppChange {
    AppChange {
        field: AppField::Category,
        from: from.to_owned(),
        to: to.to_owned(),
    }
}
