//! Headers that every answer carries.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use crate::portal::Portal;

/// The scripts that a page may run. Its answer says so in its extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scripts {
    #[default]
    None,
    /// Files of this origin.
    Ours,
}

/// No scripts, nothing from other origins, and no framing.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
const POLICY_WITH_SCRIPT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                                  img-src 'self'; form-action 'self'; base-uri 'none'; \
                                  frame-ancestors 'none'";

const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub fn add(headers: &mut HeaderMap, portal: &Portal, path: &str, scripts: Scripts) {
    let (has_cache, has_vary) = (
        headers.contains_key(CACHE_CONTROL),
        headers.contains_key(VARY),
    );
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    let policy = match scripts {
        Scripts::None => POLICY,
        Scripts::Ours => POLICY_WITH_SCRIPT,
    };
    set(CONTENT_SECURITY_POLICY, policy);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(X_FRAME_OPTIONS, "DENY");
    set(OPENER, "same-origin");
    set(RESOURCE, "same-origin");
    if portal.public_url.is_https {
        set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    // The callback's address holds code and state: nothing on its page may pass them on. On other
    // pages, `no-referrer` would make Chromium send `Origin: null` with our own forms.
    let referrer = match portal.providers.by_callback_path(path) {
        Some(_) => "no-referrer",
        None => "same-origin",
    };
    set(REFERRER_POLICY, referrer);
    if !has_cache {
        set(CACHE_CONTROL, "no-store");
        if !has_vary {
            set(VARY, "Accept-Language, Cookie");
        }
    }
}
