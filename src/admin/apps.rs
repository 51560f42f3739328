//! What admins do with apps. Each function is one act: one transaction, and an event for each app
//! and each owner that it changes.

use super::Admin;
use crate::access_requests;
use crate::apps::{
    self, App, AppChange, AppField, AppFields, Audience, check, grants, is_key, owners,
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
            Self::Unchanged => f.write_str("no change needed"),
        }
    }
}

/// Adds an app, in the caller's transaction.
///
/// # Errors
/// An [`AppRefusal`]; [`crate::error::Error::SignedOut`] and [`crate::error::Error::Forbidden`] if
/// the authority does not hold
pub fn add(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    key: &str,
    fields: AppFields,
    note: &Note,
) -> Outcome<App> {
    admin.begin(conn)?;
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
    let changes = apps::changes(&AppFields::default(), &fields);
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
    check_fields(conn, &fields)?;
    let changes = apps::changes(&before.fields, &fields);
    if changes.is_empty() {
        return Err(AppRefusal::Unchanged.into());
    }
    let mut app = before.clone();
    app.fields = fields;
    write(conn, now, admin, &app, changes, note)?;
    Ok(before)
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

fn write(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    app: &App,
    changes: Vec<AppChange>,
    note: &Note,
) -> Result<()> {
    apps::update(conn, now, app, admin.actor())?;
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
    admin.begin(conn)?;
    let app = apps::find(conn, key)?.ok_or(AppRefusal::UnknownApp)?;
    let running = grants::count_running(conn, now, app.id)?;
    apps::remove(conn, app.id)?;
    let deed = admin.deed(now);
    access_requests::close_of_app(conn, &deed, app.id, ClosedBecause::AppRemoved)?;
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
        wanted.push((user.id, user.username));
    }
    let current = owners::of_app(conn, app.id)?;
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
    let mut added: Vec<UserId> = current.iter().map(|owner| owner.user_id).collect();
    for (user_id, username) in wanted {
        if added.contains(&user_id) {
            continue;
        }
        added.push(user_id);
        owners::add(conn, app.id, user_id)?;
        let event = Event::AppOwnerAdded {
            app: app.key.clone(),
        };
        let about = About::Person(user_id, &username);
        admin.deed(now).record(conn, about, &event)?;
        has_changed = true;
    }
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
    Ok(())
}
