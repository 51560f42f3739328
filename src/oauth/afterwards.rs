//! After a sign-in: whether the person is still there, taking back what the provider gave, and
//! signing out, from either side.

use reqwest::header::ACCEPT;
use tokio::time::Instant;
use url::Url;

use super::authorize::with_query;
use super::call::{Answer, call};
use super::claims::{self, Logout};
use super::jwt::Jwt;
use super::{Again, Provider, token};
use crate::clock::UnixTime;
use crate::error::{Cause, Result};
use crate::secret::Secret;

/// Of an ID token that goes along in an address, in bytes.
const MAX_HINT: usize = 2048;

impl Provider {
    /// Asks about somebody who signed in before, by a refresh token (RFC 6749 6, OpenID Connect
    /// Core 12). `sub` is who it must still be.
    pub async fn refresh(
        &self,
        refresh_token: &Secret<String>,
        sub: Option<&str>,
        now: UnixTime,
        deadline: Instant,
    ) -> Again {
        let Some(metadata) = self.known() else {
            return Again::Unknown(Cause::Unreachable);
        };
        let parameters = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose().as_str()),
        ];
        let request = match self.to_token_endpoint(&metadata, &metadata.token, &parameters, now) {
            Ok(request) => request,
            Err(cause) => return Again::Unknown(cause),
        };
        let answer = call(request, deadline).await;
        self.note(&answer);
        let tokens = match answer.and_then(|answer| token::read(&self.settings, &answer, now)) {
            Ok(tokens) => tokens,
            Err(Cause::CodeRefused) => return Again::Refused,
            Err(cause) => return Again::Unknown(cause),
        };
        let (Some(issuer), Some(text), Some(sub)) = (&self.settings.issuer, &tokens.id_token, sub)
        else {
            return Again::Here(Some(tokens));
        };
        let checked = async {
            let jwt = Jwt::parse(text.expose())?;
            self.verify(&metadata, &jwt, now, deadline).await?;
            claims::check_refreshed(jwt.claims(), &jwt.kind, self.parties(issuer), sub, now)
        };
        match checked.await {
            // Somebody else, from somewhere else or for somebody else: as good as a refusal (Core
            // 12.2). Not audiences beside this one: some name every client of a project.
            Err(Cause::BadToken("iss" | "sub" | "aud")) => Again::Refused,
            // Where it cannot be verified the new token counts all the same: the old one is used up.
            Ok(()) | Err(_) => Again::Here(Some(tokens)),
        }
    }

    /// Asks about somebody by an access token that has not run out.
    pub async fn ask_profile(&self, access_token: &Secret<String>, deadline: Instant) -> Again {
        let known = self.known();
        let address = self
            .settings
            .addresses
            .profile
            .as_ref()
            .or_else(|| known.as_ref()?.userinfo.as_ref())
            .filter(|_| self.has_profile());
        let Some(address) = address else {
            return Again::Unknown(Cause::Unreachable);
        };
        let request = self
            .client
            .get(address.clone())
            .header(ACCEPT, "application/json");
        let answer = match self.with_token(request, access_token) {
            Ok(request) => call(request, deadline).await,
            Err(cause) => Err(cause),
        };
        self.note(&answer);
        let dialect = &self.settings.dialect;
        let said = answer.and_then(Answer::ok).and_then(|answer| {
            // A signed one is not opened: that it came is enough.
            if answer.content_type == "application/jwt" {
                return Ok(());
            }
            token::opened(dialect, &answer.json()?, None).map(|_| ())
        });
        match said {
            Ok(()) => Again::Here(None),
            Err(Cause::Refused(401 | 403) | Cause::CodeRefused) => Again::Refused,
            Err(cause) => Again::Unknown(cause),
        }
    }

    /// Whether access tokens can be asked with.
    #[must_use]
    pub fn has_profile(&self) -> bool {
        self.settings.dialect.profile_query.is_empty()
            && (self.settings.addresses.profile.is_some()
                || (self.settings.asks_userinfo
                    && self.known().is_some_and(|known| known.userinfo.is_some())))
    }

    /// Takes back a token (RFC 7009 2.1).
    ///
    /// # Errors
    /// Why it may still open something.
    pub async fn revoke(
        &self,
        token: &Secret<String>,
        kind: &str,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<(), Cause> {
        let metadata = self.known().ok_or(Cause::Unreachable)?;
        let address = metadata
            .revocation
            .as_ref()
            .ok_or(Cause::BadMetadata("revocation_endpoint"))?;
        let parameters = [
            ("token", token.expose().as_str()),
            ("token_type_hint", kind),
        ];
        let request = self.to_token_endpoint(&metadata, address, &parameters, now)?;
        call(request, deadline).await?.ok().map(|_| ())
    }

    /// Where the browser goes to sign out of the provider (RP-Initiated Logout 1.0, 2). `None`
    /// where that is not offered.
    #[must_use]
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
        // A long one would not fit into what proxies take for a header.
        let hint = id_token.filter(|token| token.expose().len() <= MAX_HINT);
        parameters.extend(hint.map(|token| ("id_token_hint".to_owned(), token.expose().clone())));
        Some(with_query(address, &parameters))
    }

    /// Whom a logout token is about (Back-Channel Logout 1.0, 2.6).
    ///
    /// # Errors
    /// [`Cause::BadToken`], or why it could not be verified.
    pub async fn logout(
        &self,
        token: &str,
        now: UnixTime,
        deadline: Instant,
    ) -> Result<Logout, Cause> {
        let issuer = self
            .settings
            .issuer
            .as_deref()
            .ok_or(Cause::BadToken("issuer"))?;
        let jwt = Jwt::parse(token)?;
        // What costs nothing first: most forgeries end here.
        let logout = claims::check_logout(jwt.claims(), &jwt.kind, self.parties(issuer), now)?;
        let metadata = match self.known() {
            Some(known) => known,
            None => self
                .discover(now, deadline)
                .await
                .map_err(|failure| failure.cause)?,
        };
        self.verify(&metadata, &jwt, now, deadline).await?;
        Ok(logout)
    }
}
