//! The stylesheet and the icons, inside the program, under names that change with their content:
//! a browser may keep them for ever.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Path;

use crate::error::{Error, Result};
use crate::secret::sha256;

pub struct Asset {
    /// `/static/style.1f3a….css`
    pub path: String,
    content_type: &'static str,
    content: &'static [u8],
}

pub struct Assets {
    pub style: Asset,
    pub icons: Asset,
    pub favicon: Asset,
}

pub static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: asset(
        "style",
        "css",
        "text/css; charset=utf-8",
        include_bytes!("../../static/style.css"),
    ),
    icons: asset(
        "icons",
        "svg",
        "image/svg+xml; charset=utf-8",
        include_bytes!("../../static/icons.svg"),
    ),
    favicon: asset(
        "favicon",
        "svg",
        "image/svg+xml; charset=utf-8",
        include_bytes!("../../static/favicon.svg"),
    ),
});

fn asset(stem: &str, extension: &str, content_type: &'static str, content: &'static [u8]) -> Asset {
    let mut hash = sha256(content);
    hash.truncate(16);
    Asset {
        path: format!("/static/{stem}.{hash}.{extension}"),
        content_type,
        content,
    }
}

pub async fn show(name: Path<String>) -> Result<HttpResponse> {
    let assets = &*ASSETS;
    let asset = [&assets.style, &assets.icons, &assets.favicon]
        .into_iter()
        .find(|asset| asset.path.strip_prefix("/static/") == Some(name.as_str()))
        .ok_or(Error::NotFound)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, asset.content_type))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.content))
}
