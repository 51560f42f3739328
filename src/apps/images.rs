//! Uploaded icons, by the hash of their bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diesel::prelude::*;

use crate::db::schema::{app_images, apps};
use crate::db::{Conn, each};
use crate::error::Result;
use crate::secret::sha256;

/// The most bytes of an image.
pub const MAX_IMAGE: usize = 64 * 1024;

/// An image that an app may show instead of an icon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl Image {
    pub fn hash(&self) -> String {
        sha256(&self.bytes)
    }
}

/// Keeps an image, unless it is kept already.
pub fn keep(conn: &mut Conn, image: &Image) -> Result<()> {
    let hash = image.hash();
    let known: i64 = app_images::table
        .filter(app_images::hash.eq(&hash))
        .count()
        .get_result(conn)?;
    if known > 0 {
        return Ok(());
    }
    diesel::insert_into(app_images::table)
        .values((
            app_images::hash.eq(&hash),
            app_images::content_type.eq(&image.content_type),
            app_images::content.eq(STANDARD.encode(&image.bytes)),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut Conn, hash: &str) -> Result<Option<Image>> {
    let row: Option<(String, String)> = each!(conn, |conn| app_images::table
        .find(hash)
        .select((app_images::content_type, app_images::content))
        .first(conn)
        .optional())?;
    Ok(row.and_then(|(content_type, content)| {
        let bytes = STANDARD.decode(content).ok()?;
        Some(Image {
            content_type,
            bytes,
        })
    }))
}

/// Removes the images that no app names any more.
pub fn remove_unused(conn: &mut Conn) -> Result<usize> {
    let used = apps::table
        .filter(apps::image.is_not_null())
        .select(apps::image.assume_not_null());
    let unused = app_images::table.filter(app_images::hash.ne_all(used));
    Ok(diesel::delete(unused).execute(conn)?)
}
