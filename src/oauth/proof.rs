//! What a provider can prove about the person at the browser: that they signed in there just now,
//! and not merely that its own session was still open.

use super::metadata::Metadata;
use super::{Failure, Moment, Provider, Visitor};
use crate::config::ProvesBy;

impl Provider {
    /// True if its requests are pushed (RFC 9126), and so out of the browser's reach.
    pub async fn pushes(&self, visitor: &Visitor, moment: Moment) -> Result<bool, Failure> {
        let metadata = self.to_begin(visitor, moment).await?;
        Ok(self.is_pushing(&metadata))
    }

    pub(super) fn is_pushing(&self, metadata: &Metadata) -> bool {
        metadata.requires_pushed_requests || self.settings.pushes_requests
    }

    /// True if `prompt=login` reaches the provider when people must sign in again. A dialect may
    /// leave the parameter out, or replace its value.
    pub(crate) fn can_prompt(&self) -> bool {
        let dialect = &self.settings.dialect;
        if let Some(prompt) = dialect.authorize_extra.get("prompt") {
            return prompt.split(' ').any(|word| word == "login");
        }
        let name = dialect.authorize_params.get("prompt");
        name.is_none_or(|name| !name.is_empty())
    }

    /// True if a pushed `prompt=login` is certainly the request that prompted the person. If
    /// neither a nonce nor a challenge ties the answer to exactly that request, a browser could
    /// make its own with the same `state`.
    pub(crate) fn can_prove_by_pushing(&self) -> bool {
        self.can_prompt() && (self.settings.issuer.is_some() || self.settings.pkce)
    }

    /// True if `prompt=login` in the browser's address is enough.
    pub(crate) fn can_prove_by_prompt(&self) -> bool {
        self.can_prompt() && self.settings.proves_by == ProvesBy::Prompt
    }

    /// True if a new sign-in there can prove anything, as far as is known now.
    pub(crate) fn can_prove(&self) -> bool {
        let is_pushing = self.known().is_some_and(|known| self.is_pushing(&known));
        self.settings.issuer.is_some()
            || self.can_prove_by_prompt()
            || (is_pushing && self.can_prove_by_pushing())
    }
}
