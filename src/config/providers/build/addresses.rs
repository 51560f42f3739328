//! The provider's addresses, and our own to which it sends people back.

use url::Url;

use super::{Builder, default_text, taken};
use crate::config::Settings;
use crate::config::providers::{Addresses, SettingsSource};
use crate::config::values::http_url;

/// The beginnings of our own paths, which cannot be used in a redirect URL. A test compares them
/// with all addresses of the portal.
const OUR_PATHS: &[&str] = &[
    "/access",
    "/account",
    "/admin",
    "/app-images",
    "/apps",
    "/confirm",
    "/confirmation",
    "/healthz",
    "/login",
    "/logout",
    "/oauth2/login",
    "/oidc",
    "/password",
    "/preferences",
    "/readyz",
    "/requests",
    "/requests.csv",
    "/rescue",
    "/signed-out",
    "/static",
];

/// The redirect URL, and its path.
pub(super) struct Redirect {
    /// Exactly as it was set.
    pub(super) url: String,
    pub(super) path: String,
}

impl Builder<'_, '_> {
    pub(super) fn redirect(&mut self, id: &str) -> Option<Redirect> {
        const KEY: &str = "redirect_url";
        let text = match self.raw.redirect_url.take() {
            Some(text) => text,
            None if self.source == SettingsSource::Variables => {
                return self.refuse(KEY, "is required");
            }
            None => {
                let Ok(public_url) = Settings::public_url(self.reader) else {
                    return self.refuse(KEY, "is required, unless FRONTDESK_PUBLIC_URL is set");
                };
                format!("{}/oauth2_callback/{id}/", public_url.origin)
            }
        };
        let url: Url = self.parsed(KEY, Some(text.clone()))?;
        let path = url.path();
        if url.fragment().is_some()
            || url.query().is_some()
            || is_ours(path)
            || path.contains(['{', '}', '%'])
        {
            return self.refuse(
                KEY,
                "must have a path of its own, like /oauth2_callback/, without query or fragment",
            );
        }
        Some(Redirect {
            path: path.to_owned(),
            url: text,
        })
    }

    pub(super) fn addresses(&mut self, internal: Option<&Url>) -> Option<Addresses> {
        let mut addresses = Addresses {
            authorize: taken!(self.authorize_url),
            token: taken!(self.token_url),
            userinfo: taken!(self.userinfo_url),
            profile: taken!(self.profile_url),
            permissions: taken!(self.permissions_url),
            jwks: taken!(self.jwks_url),
            pushed_requests: taken!(self.par_url),
            revocation: taken!(self.revocation_url),
            end_session: taken!(self.end_session_url),
            logout: taken!(self.logout_url),
        };
        if self.is_open_id() {
            return Some(addresses);
        }
        if addresses.authorize.is_none() && !self.has_fault("authorize_url") {
            self.fault("authorize_url", "is required");
        }
        self.default_below(internal, "token_url", &mut addresses.token);
        self.default_below(internal, "profile_url", &mut addresses.profile);
        (addresses.authorize.is_some() && addresses.token.is_some() && addresses.profile.is_some())
            .then_some(addresses)
    }

    /// Gives an address that was not set its default path below the internal address.
    fn default_below(&mut self, internal: Option<&Url>, key: &str, address: &mut Option<Url>) {
        if address.is_some() || self.has_fault(key) {
            return;
        }
        match (internal, default_text(key)) {
            (Some(base), Some(path)) => {
                *address = http_url(&format!("{}{path}", base.as_str().trim_end_matches('/')));
            }
            _ if self.has_fault("internal_url_prefix") => {}
            _ => {
                let prefix = self.source.name("internal_url_prefix");
                self.fault(key, format!("is required, unless {prefix} is set"));
            }
        }
    }
}

/// Returns whether a path is one of [`OUR_PATHS`] or lies below one.
fn is_ours(path: &str) -> bool {
    path == "/"
        || OUR_PATHS
            .iter()
            .filter_map(|ours| path.strip_prefix(ours))
            .any(|rest| rest.is_empty() || rest.starts_with('/'))
}
