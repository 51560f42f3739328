//! Signing out, from either side, and revoking tokens that no session keeps.

use url::Url;

use super::authorize::with_query;
use super::call::call;
use super::claims::{self, Logout};
use super::jwt::Jwt;
use super::{Moment, Provider};
use crate::error::{Cause, Result};
use crate::secret::Secret;

/// The longest ID token that is sent in an address, in bytes.
const MAX_HINT: usize = 2048;

impl Provider {
    /// Revokes a token (RFC 7009 2.1).
    pub async fn revoke(
        &self,
        token: &Secret<String>,
        kind: &str,
        moment: Moment,
    ) -> Result<(), Cause> {
        let metadata = self.known().ok_or(Cause::Unreachable)?;
        let address = metadata.revocation.as_ref();
        let address = address.ok_or(Cause::BadMetadata("revocation_endpoint"))?;
        let parameters = [
            ("token", token.expose().as_str()),
            ("token_type_hint", kind),
        ];
        let request = self.client_request(&metadata, address, &parameters, moment.now)?;
        call(request, moment.deadline).await?.ok().map(|_| ())
    }

    /// The address for signing out of the provider (RP-Initiated Logout 1.0, 2), or `None` if that
    /// is not offered.
    pub fn end_session(
        &self,
        id_token: Option<&Secret<String>>,
        back_to: &str,
        state: &str,
    ) -> Option<Url> {
        let metadata = self.known()?;
        let address = metadata.end_session.as_ref()?;
        let mut parameters = vec![
            ("client_id".to_owned(), self.settings.client_id.clone()),
            ("post_logout_redirect_uri".to_owned(), back_to.to_owned()),
            ("state".to_owned(), state.to_owned()),
        ];
        // A longer one would exceed the header limits of proxies.
        let hint = id_token.filter(|token| token.expose().len() <= MAX_HINT);
        parameters.extend(hint.map(|token| ("id_token_hint".to_owned(), token.expose().clone())));
        Some(with_query(address, &parameters))
    }

    /// Reads a logout token and returns the sessions that it ends (Back-Channel Logout 1.0, 2.6).
    pub async fn logout(&self, token: &str, moment: Moment) -> Result<Logout, Cause> {
        let parties = self.parties().ok_or(Cause::BadToken("issuer"))?;
        let jwt = Jwt::parse(token)?;
        // The cheap checks come first: most forgeries fail here.
        let logout = claims::check_logout(&jwt, parties, moment.now)?;
        let metadata = self.discover_once(moment).await;
        let metadata = metadata.map_err(|failure| failure.cause)?;
        self.verify(&metadata, &jwt, moment).await?;
        Ok(logout)
    }
}
