//! The uploaded icon of an app.

use super::{AppRefusal, Outcome, change};
use crate::admin::Admin;
use crate::apps::images::{self, Image};
use crate::apps::{self, AppFields};
use crate::audit::Note;
use crate::clock::UnixTime;
use crate::db::Conn;

/// Gives an app an uploaded icon, in the caller's transaction. The previous one goes if no other
/// app has it.
///
/// # Errors
/// As [`super::add`]
pub fn set_image(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    key: &str,
    image: &Image,
) -> Outcome<()> {
    admin.begin(conn)?;
    images::store(conn, image)?;
    change_image(conn, now, admin, key, Some(image.hash.clone()))
}

/// Takes the uploaded icon from an app, so that it has the chosen one again.
///
/// # Errors
/// As [`super::add`]
pub fn remove_image(conn: &mut Conn, now: UnixTime, admin: &Admin, key: &str) -> Outcome<()> {
    admin.begin(conn)?;
    change_image(conn, now, admin, key, None)
}

fn change_image(
    conn: &mut Conn,
    now: UnixTime,
    admin: &Admin,
    key: &str,
    image: Option<String>,
) -> Outcome<()> {
    let changed = match apps::find(conn, key)? {
        None => Err(AppRefusal::UnknownApp.into()),
        Some(app) => {
            let fields = AppFields {
                image,
                ..app.fields
            };
            change(conn, now, admin, key, fields, &Note::default())
        }
    };
    // What was written before a refusal stays, so an icon that nobody got must go.
    images::remove_unused(conn)?;
    changed.map(|_| ())
}
