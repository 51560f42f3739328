//! The stylesheet, the icons and the start page's script, compiled into the program. Their names
//! change with their content, so that browsers may cache them forever.

use std::sync::LazyLock;

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY,
};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::secret::sha256;

pub struct Asset {
    /// For example `/static/style.1f3a….css`.
    pub path: String,
    content_type: &'static str,
    content: &'static [u8],
    /// The same content, compressed when the program was built.
    gzip: &'static [u8],
}

pub struct Assets {
    pub style: Asset,
    pub icons: Asset,
    pub favicon: Asset,
    /// The search of the start page, the only page with a script.
    pub home_script: Asset,
}

/// Embeds `static/name`, and its compressed form from the build.
macro_rules! asset {
    ($stem:literal . $extension:literal, $content_type:literal) => {{
        let content = include_bytes!(concat!("../../static/", $stem, ".", $extension));
        let mut hash = sha256(content);
        hash.truncate(16);
        Asset {
            path: format!("/static/{}.{hash}.{}", $stem, $extension),
            content_type: $content_type,
            content,
            gzip: include_bytes!(concat!(env!("OUT_DIR"), "/", $stem, ".", $extension, ".gz")),
        }
    }};
}

pub static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: asset!("style"."css", "text/css; charset=utf-8"),
    icons: asset!("icons"."svg", "image/svg+xml; charset=utf-8"),
    favicon: asset!("favicon"."svg", "image/svg+xml; charset=utf-8"),
    home_script: asset!("home"."js", "text/javascript; charset=utf-8"),
});

pub async fn show(
    name: Path<String>,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let is_asked_for = |path: &str| path.strip_prefix("/static/") == Some(name.as_str());
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"));
    let mut ours = [
        &ASSETS.style,
        &ASSETS.icons,
        &ASSETS.favicon,
        &ASSETS.home_script,
    ]
    .into_iter();
    if let Some(asset) = ours.find(|asset| is_asked_for(&asset.path)) {
        response.insert_header((CONTENT_TYPE, asset.content_type));
        response.insert_header((VARY, "Accept-Encoding"));
        if accepts_gzip(&request) {
            response.insert_header((CONTENT_ENCODING, "gzip"));
            return Ok(response.body(asset.gzip));
        }
        return Ok(response.body(asset.content));
    }
    let brand = &portal.branding;
    let file = [&brand.style, &brand.logo]
        .into_iter()
        .flatten()
        .find(|file| is_asked_for(&file.path))
        .ok_or(Error::NotFound)?;
    response.insert_header((CONTENT_TYPE, file.content_type));
    Ok(response.body(file.content.clone()))
}

/// Returns whether gzip is accepted, with a weight above zero (RFC 9110 12.5.3).
fn accepts_gzip(request: &HttpRequest) -> bool {
    let accepted = request
        .headers()
        .get_all(ACCEPT_ENCODING)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    for coding in accepted {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        if name.eq_ignore_ascii_case("gzip") {
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            return weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|q| q > 0.0));
        }
    }
    false
}
