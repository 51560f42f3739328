//! Uploaded icons, by the hash of their bytes, so that browsers may keep them for ever. They are no
//! secret, and need no session.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Data, Path};

use crate::apps::images;
use crate::error::{Error, Result};
use crate::portal::Portal;

const HASH: usize = 43;

pub async fn show(hash: Path<String>, portal: Data<Portal>) -> Result<HttpResponse> {
    let hash = hash.into_inner();
    if hash.len() != HASH || !hash.chars().all(is_of_hash) {
        return Err(Error::NotFound);
    }
    let found = portal
        .db
        .read(move |conn| images::find(conn, &hash))
        .await?;
    let (kind, content) = found.ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind.content_type()))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(content))
}

const fn is_of_hash(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}
