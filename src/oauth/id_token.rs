//! The ID token of a sign-in (OpenID Connect Core 3.1.3.7), and the signatures that count.

use jsonwebtoken::{AlgorithmFamily, DecodingKey};
use serde_json::Value;

use super::claims::{self, Asked, Parties};
use super::jwt::Jwt;
use super::metadata::Metadata;
use super::token::Tokens;
use super::{Moment, Provider, Returned};
use crate::error::Cause;

impl Provider {
    /// `None` for a provider that signs nothing.
    pub(super) fn parties(&self) -> Option<Parties<'_>> {
        Some(Parties {
            issuer: self.settings.issuer.as_deref()?,
            client_id: &self.settings.client_id,
            trusted_audiences: &self.settings.trusted_audiences,
        })
    }

    /// Returns the claims of the ID token that came with a code, after all checks; `None` for a
    /// provider that gives no ID tokens.
    pub(super) async fn id_token(
        &self,
        metadata: &Metadata,
        tokens: &Tokens,
        returned: &Returned<'_>,
        moment: Moment,
    ) -> Result<Option<Value>, Cause> {
        let Some(parties) = self.parties() else {
            return Ok(None);
        };
        let text = tokens.id_token.as_ref().ok_or(Cause::BadToken("missing"))?;
        let jwt = Jwt::parse(text.expose())?;
        self.verify(metadata, &jwt, moment).await?;
        let asked = Asked {
            nonce: returned.nonce,
            access_token: tokens.access_token.expose(),
            code: returned.code.expose(),
            max_age: self.settings.max_age,
            fresh_since: returned.fresh_since,
            acr_values: self.settings.acr_values.as_deref(),
        };
        claims::check_id_token(&jwt, parties, &asked, moment.now)?;
        Ok(Some(jwt.into_claims()))
    }

    /// Verifies that the provider signed a token with an allowed algorithm.
    pub(super) async fn verify(
        &self,
        metadata: &Metadata,
        jwt: &Jwt,
        moment: Moment,
    ) -> Result<(), Cause> {
        if !self.settings.algorithms.contains(&jwt.algorithm) {
            return Err(Cause::BadToken("alg"));
        }
        if jwt.algorithm.family() == AlgorithmFamily::Hmac {
            let secret = self.settings.client_secret.expose().as_bytes();
            let is_signed = jwt.is_signed_with(&DecodingKey::from_secret(secret));
            return is_signed.then_some(()).ok_or(Cause::BadToken("signature"));
        }
        let address = metadata.jwks.as_ref();
        let address = address.ok_or(Cause::BadMetadata("jwks_uri"))?;
        self.keys.verify(jwt, address, &self.client, moment).await
    }
}
