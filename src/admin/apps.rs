//! What admins do with apps. Each function is one act: one transaction, and an event for each app
//! and each owner that it changes.

mod categories;
pub mod import;
mod look;
mod order;

pub use categories::{add_category, move_category, remove_category, rename_category};
pub use look::{remove_image, set_image};
pub use order::move_app;

use super::Admin;
use crate::access_requests;
use crate::apps::images::{self, ImageFault};
use crate::apps::{
    self, App, AppChange, AppField, AppFields, Audience, check, grants, is_key, order as places,
    owners,
};
use crate::audit::event::ClosedBecause;
use crate::audit::{About, Event, Note};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Result, Stopped};
use crate::id::UserId;
use crate::users;

/// The result of one act in its transaction.
type Outcome<T> = Result<T, Stopped<AppRefusal>>;

/// The reason why an act on an app was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppRefusal {
    UnknownApp,
    BadKey,
    KeyTaken,
    TooManyApps,
    /// All faults of the fields.
    Faults(Vec<(AppField, check::Fault)>),
    /// There is no such category.
    UnknownCategory,
    /// No account has this username.
    UnknownOwner(String),
    TooManyOwners,
    /// The fields name an uploaded icon that is not there.
    UnknownImage,
    BadImage(ImageFault),
    /// Somebody else changed the app since the admin began.
    ChangedMeanwhile,
    TooManyCategories,
    /// Neither or a bad name of a category.
    BadCategory(AppField, check::Fault),
    Unchanged,
}

impl From<AppRefusal> for Stopped<AppRefusal> {
    fn from(refusal: AppRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl std::fmt::Display for AppRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownApp => f.write_str("there is no app with that key"),
            Self::BadKey => write!(
                f,
                "a key must have 1 to {} of the characters a-z, 0-9 and -",
                apps::MAX_KEY
            ),
            Self::KeyTaken => f.write_str("another app has that key"),
            Self::TooManyApps => write!(f, "there are already {} apps", apps::MAX_APPS),
            Self::Faults(faults) => write!(f, "{} fields have faults", faults.len()),
            Self::UnknownCategory => f.write_str("there is no such category"),
            Self::UnknownOwner(username) => write!(f, "there is no account called {username}"),
            Self::TooManyOwners => {
                write!(f, "an app must have at most {} owners", owners::MAX_OWNERS)
            }
            Self::UnknownImage => f.write_str("there is no such uploaded icon"),
            Self::BadImage(fault) => write!(f, "the file cannot be an icon: {fault:?}"),
            Self::ChangedMeanwhile => f.write_str("somebody else has changed the app meanwhile"),
            Self::TooManyCategories => {
                write!(f, "there are already {} categories", apps::MAX_CATEGORIES)
            }
            Self::BadCategory(..) => f.write_str("the name of a category has a fault"),
            Self::Unchanged => f.write_str("no change needed"),
        }
    }
}

/// Lists everything that would be refused, so that a form can show all of it at once. A new app
/// has a key that is still to be checked.
pub fn refusals(
    conn: &mut Conn,
    new_key: Option<&str>,
    fields: &AppFields,
    usernames: &[String],
) -> Result<Vec<AppRefusal>> {
    let mut found = Vec::new();
    if let Some(key) = new_key {
        if !is_key(key) {
            found.push(AppRefusal::BadKey);
        } else if apps::find(conn, key)?.is_some() {
            found.push(AppRefusal::KeyTaken);
        } else if apps::count(conn)? >= apps::MAX_APPS {
            found.push(AppRefusal::TooManyApps);
        }
    }
    if let Err(stopped) = check_fields(conn, fields) {
        found.push(refused(stopped)?);
    }
    if usernames.len() > owners::MAX_OWNERS {
        found.push(AppRefusal::TooManyOwners);
        return Ok(found);
    }
    for username in usernames {
        if users::find_by_username(conn, username)?.is_none() {
            found.push(AppRefusal::UnknownOwner(username.clone()));
        }
    }
    Ok(found)
}

fn refused(stopped: Stopped<AppRefusal>) -> Result<AppRefusal> {
    match stopped {
        Stopped::Refused(refusal) => Ok(refusal),
        Stopped::Failed(error) => Err(error),
    }
}

/// Adds an app, in the caller's transaction.
///
/// # Errors
/// An [`AppRefusal`]; [`crate::error::Error::ProofNeeded`], [`crate::error::Error::SignedOut`] and
/// [`crate::error::Error::Forbidden`] if the authority does not hold
pub fn add(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    key: &str,
    fields: AppFields,
    note: &Note,
) -> Outcome<App> {
    begin_with_proof(conn, now, admin)?;
    if !is_key(key) {
        return Err(AppRefusal::BadKey.into());
    }
    check_fields(conn, &fields)?;
    if apps::find(conn, key)?.is_some() {
        return Err(AppRefusal::KeyTaken.into());
    }
    if apps::count(conn)? >= apps::MAX_APPS {
        return Err(AppRefusal::TooManyApps.into());
    }
    let mut changes = apps::changes(&AppFields::default(), &fields);
    name_categories(conn, &mut changes)?;
    let app = apps::create(conn, now, key, fields, admin.actor())?;
    let event = Event::AppAdded {
        app: app.key.clone(),
        changes,
    };
    let deed = admin.deed(now).with_note(note);
    deed.record(conn, About::Portal, &event)?;
    Ok(app)
}

/// Changes an app, in the caller's transaction. Returns the app as it was before.
///
/// # Errors
/// As [`add`]
pub fn change(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    key: &str,
    fields: AppFields,
    note: &Note,
) -> Outcome<App> {
    admin.begin(conn)?;
    let before = apps::find(conn, key)?.ok_or(AppRefusal::UnknownApp)?;
    let place = Place {
        position: before.position,
        moved: None,
    };
    let is_moved = fields.category_id != before.fields.category_id;
    change_and_place(conn, now, admin, &before, (fields, place), note)?;
    if is_moved {
        places::move_to_end(conn, before.id)?;
    }
    Ok(before)
}

/// Where an app stands after a change.
struct Place {
    position: i64,
    /// Its places in the category before and after, if it moves.
    moved: Option<AppChange>,
}

/// Changes an app and its place in one event.
fn change_and_place(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    before: &App,
    (fields, place): (AppFields, Place),
    note: &Note,
) -> Outcome<()> {
    check_fields(conn, &fields)?;
    let mut changes = apps::changes(&before.fields, &fields);
    name_categories(conn, &mut changes)?;
    changes.extend(place.moved);
    if changes.is_empty() {
        return Err(AppRefusal::Unchanged.into());
    }
    if changes.iter().any(|change| is_dangerous(change.field)) {
        admin.check_proof(now)?;
        admin.check_stored_proof(conn, now)?;
    }
    let mut app = before.clone();
    app.fields = fields;
    app.position = place.position;
    Ok(write(conn, now, admin, &app, changes, note)?)
}

/// Returns why no request for an app with these fields can stay open. Requests of the people to
/// whom alone a rule now opens the app are closed when they are next looked at.
fn closes_requests(fields: &AppFields) -> Option<ClosedBecause> {
    let is_open_to_all =
        fields.rule.audience == Audience::Everyone && fields.rule.but_not.is_empty();
    if !fields.is_requestable || fields.is_hidden {
        Some(ClosedBecause::NotRequestable)
    } else {
        is_open_to_all.then_some(ClosedBecause::OpenAnyway)
    }
}

/// Returns whether a change may open an app to people, or lead them somewhere else.
pub const fn is_dangerous(field: AppField) -> bool {
    matches!(
        field,
        AppField::Audience | AppField::AnyOf | AppField::ButNot | AppField::Url
    )
}

/// Begins an act for which the admin must have proved recently who they are.
fn begin_with_proof(conn: &mut Conn, now: UnixTime, admin: &Admin) -> Result<()> {
    admin.check_proof(now)?;
    admin.begin(conn)?;
    admin.check_stored_proof(conn, now)
}

/// Events name categories, since a category may be gone when they are read.
fn name_categories(conn: &mut Conn, changes: &mut [AppChange]) -> Result<()> {
    let mut changes = changes.iter_mut();
    let Some(change) = changes.find(|change| change.field == AppField::Category) else {
        return Ok(());
    };
    let known = apps::categories(conn)?;
    for value in [&mut change.from, &mut change.to] {
        let named = known.iter().find(|one| one.id.to_string() == *value);
        if let Some(category) = named {
            *value = category.both_names();
        }
    }
    Ok(())
}

/// What an admin wrote about an app that exists.
#[derive(Clone, Debug)]
pub struct Edit {
    /// When the app that the admin saw had last been changed.
    pub seen: UnixTime,
    /// The uploaded icon is not among what is written here; it stays.
    pub fields: AppFields,
    pub owners: Vec<String>,
}

/// Changes an app and its owners, in the caller's transaction. Returns whether anything changed.
///
/// # Errors
/// As [`add`]
pub fn save(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    key: &str,
    edit: &Edit,
) -> Outcome<bool> {
    admin.begin(conn)?;
    let before = apps::find(conn, key)?.ok_or(AppRefusal::UnknownApp)?;
    if before.changed_at != edit.seen {
        return Err(AppRefusal::ChangedMeanwhile.into());
    }
    let fields = AppFields {
        image: before.fields.image.clone(),
        ..edit.fields.clone()
    };
    // Nothing is written before everything is checked.
    if let Some(refusal) = refusals(conn, None, &fields, &edit.owners)?.pop() {
        return Err(refusal.into());
    }
    let has_changed = match change(conn, now, admin, key, fields, &Note::default()) {
        Err(Stopped::Refused(AppRefusal::Unchanged)) => false,
        other => other.map(|_| true)?,
    };
    Ok(set_owners(conn, now, admin, &before, &edit.owners)? || has_changed)
}

fn write(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    app: &App,
    mut changes: Vec<AppChange>,
    note: &Note,
) -> Result<()> {
    apps::update(conn, now, app, admin.actor())?;
    images::remove_unused(conn)?;
    name_categories(conn, &mut changes)?;
    let event = Event::AppChanged {
        app: app.key.clone(),
        changes,
    };
    let deed = admin.deed(now).with_note(note);
    deed.record(conn, About::Portal, &event)?;
    if let Some(because) = closes_requests(&app.fields) {
        access_requests::close_of_app(conn, &admin.deed(now), app.id, because)?;
    }
    Ok(())
}

/// Removes an app with its owners, stars and grants, in the caller's transaction. Returns the app
/// as it was. A new app under the same key inherits nothing.
///
/// # Errors
/// As [`add`]
pub fn remove(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    key: &str,
    note: &Note,
) -> Outcome<App> {
    begin_with_proof(conn, now, admin)?;
    let app = apps::find(conn, key)?.ok_or(AppRefusal::UnknownApp)?;
    let running = grants::count_running(conn, now, app.id)?;
    apps::remove(conn, app.id)?;
    let deed = admin.deed(now);
    access_requests::close_of_app(conn, &deed, app.id, ClosedBecause::AppRemoved)?;
    images::remove_unused(conn)?;
    let event = Event::AppRemoved {
        app: app.key.clone(),
        grants: usize::try_from(running).unwrap_or(0),
    };
    let deed = admin.deed(now).with_note(note);
    deed.record(conn, About::Portal, &event)?;
    Ok(app)
}

/// Makes these people, and nobody else, the owners of an app, in the caller's transaction. Each
/// change is an event about the person. Returns whether anything changed.
///
/// # Errors
/// As [`add`]
pub fn set_owners(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    app: &App,
    usernames: &[String],
) -> Outcome<bool> {
    admin.begin(conn)?;
    if usernames.len() > owners::MAX_OWNERS {
        return Err(AppRefusal::TooManyOwners.into());
    }
    let mut wanted: Vec<(UserId, String)> = Vec::new();
    for username in usernames {
        let user = users::find_by_username(conn, username)?
            .ok_or_else(|| AppRefusal::UnknownOwner(username.clone()))?;
        if !wanted.iter().any(|(id, _)| *id == user.id) {
            wanted.push((user.id, user.username));
        }
    }
    let current = owners::of_app(conn, app.id)?;
    let is_same = |owner: &owners::Owner| wanted.iter().any(|(id, _)| *id == owner.user_id);
    if current.len() == wanted.len() && current.iter().all(is_same) {
        return Ok(false);
    }
    admin.check_proof(now)?;
    admin.check_stored_proof(conn, now)?;
    let mut has_changed = false;
    for owner in &current {
        if !wanted.iter().any(|(id, _)| *id == owner.user_id) {
            owners::remove(conn, app.id, owner.user_id)?;
            let event = Event::AppOwnerRemoved {
                app: app.key.clone(),
            };
            let about = About::Person(owner.user_id, &owner.username);
            admin.deed(now).record(conn, about, &event)?;
            has_changed = true;
        }
    }
    for (user_id, username) in wanted {
        if current.iter().any(|owner| owner.user_id == user_id) {
            continue;
        }
        owners::add(conn, app.id, user_id)?;
        let event = Event::AppOwnerAdded {
            app: app.key.clone(),
        };
        let about = About::Person(user_id, &username);
        admin.deed(now).record(conn, about, &event)?;
        has_changed = true;
    }
    // A form that shows the owners of before must not bring one back.
    apps::touch(conn, now, app.id, admin.actor())?;
    Ok(has_changed)
}

fn check_fields(conn: &mut Conn, fields: &AppFields) -> Outcome<()> {
    let faults = check::faults(fields);
    if !faults.is_empty() {
        return Err(AppRefusal::Faults(faults).into());
    }
    if let Some(id) = fields.category_id {
        let known = apps::categories(conn)?;
        if !known.iter().any(|category| category.id == id) {
            return Err(AppRefusal::UnknownCategory.into());
        }
    }
    if let Some(hash) = &fields.image
        && !images::exists(conn, hash)?
    {
        return Err(AppRefusal::UnknownImage.into());
    }
    Ok(())
}
