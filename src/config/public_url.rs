//! The address at which browsers reach the portal.

use url::Url;

use super::reader::{AlreadyReported, Reader, Reading};
use super::settings::OptionSpec;
use super::values::http_url;

/// The origin at which browsers reach the portal.
#[derive(Debug, Clone)]
pub struct PublicUrl {
    /// The origin as browsers send it in `Origin`: `https://desk.example.com`.
    pub origin: String,
    pub is_https: bool,
}

impl PublicUrl {
    fn of(url: &Url) -> Self {
        Self {
            origin: url.origin().ascii_serialization(),
            is_https: url.scheme() == "https",
        }
    }

    /// Returns the host as browsers send it in `Host`: `desk.example.com`, with a port unless it is
    /// the default of the scheme.
    pub fn host(&self) -> &str {
        self.origin
            .split_once("://")
            .map_or(self.origin.as_str(), |(_, host)| host)
    }
}

impl Reader<'_> {
    /// Returns the address as it is set, or as derived from a redirect URL: that of the variables
    /// or, once the providers have been read, that of the first one.
    pub(super) fn public_url(&mut self, option: &OptionSpec) -> Reading<PublicUrl> {
        if let Some(url) = self.optional::<Url>(option)? {
            if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
                let problem = "must be an origin, like https://desk.example.com";
                return Err(self.fault(option.name, problem));
            }
            return Ok(PublicUrl::of(&url));
        }
        let redirect_url = self.text("OAUTH2_REDIRECT_URL");
        let url = redirect_url.or_else(|| self.first_redirect_url.clone());
        // If there is none, the provider's fault has been reported.
        let url = url.and_then(|url| http_url(&url)).ok_or(AlreadyReported)?;
        Ok(PublicUrl::of(&url))
    }
}
