//! What a provider can prove about who sits before the browser: that they signed in there just now,
//! and not that its own session was still open.

use super::metadata::Metadata;
use super::{Failure, Moment, Provider, Visitor};
use crate::config::ProvesBy;

impl Provider {
    /// True if its requests are pushed (RFC 9126), and so out of the browser's reach.
    ///
    /// # Errors
    /// [`Failure`] at [`crate::error::Step::Discovery`]
    pub async fn pushes(&self, visitor: &Visitor, moment: Moment) -> Result<bool, Failure> {
        let metadata = self.to_begin(visitor, moment).await?;
        Ok(self.is_pushing(&metadata))
    }

    pub(super) fn is_pushing(&self, metadata: &Metadata) -> bool {
        metadata.requires_pushed_requests || self.settings.pushes_requests
    }

    /// True if `prompt=login` reaches it where people are to sign in anew: a dialect may leave the
    /// parameter out, or have another value in its place.
    #[must_use]
    pub fn can_prompt(&self) -> bool {
        let dialect = &self.settings.dialect;
        if let Some(prompt) = dialect.authorize_extra.get("prompt") {
            return prompt.split(' ').any(|word| word == "login");
        }
        let name = dialect.authorize_params.get("prompt");
        name.is_none_or(|name| !name.is_empty())
    }

    /// True if a `prompt=login` that was pushed is what the person was asked by. Where neither a
    /// nonce nor a challenge ties the answer to that very request, a browser could make its own
    /// with the `state` of it.
    #[must_use]
    pub fn can_prove_by_pushing(&self) -> bool {
        self.can_prompt() && (self.settings.issuer.is_some() || self.settings.pkce)
    }

    /// True if `prompt=login` in the browser's address is enough.
    #[must_use]
    pub fn can_prove_by_prompt(&self) -> bool {
        self.can_prompt() && self.settings.proves_by == ProvesBy::Prompt
    }

    /// True if signing in there anew can prove anything, as far as is known now.
    #[must_use]
    pub fn can_prove(&self) -> bool {
        let is_pushing = self.known().is_some_and(|known| self.is_pushing(&known));
        self.settings.issuer.is_some()
            || self.can_prove_by_prompt()
            || (is_pushing && self.can_prove_by_pushing())
    }
}
