//! The way back: from a code to the provider's answers about a person.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use super::claims::{self, AuthTime};
use super::documents::Documents;
use super::mapping::{self, FullProfile};
use super::metadata::Metadata;
use super::slots::Slot;
use super::token::{Tokens, meets};
use super::userinfo::Asking;
use super::{
    Failure, Grant, IssuedTokens, Moment, Permissions, Person, Provider, Returned, Visitor,
};
use crate::clock::UnixTime;
use crate::config::Document;
use crate::error::{Result, Step};

/// A code that was exchanged. Its person has not been read yet.
pub struct Exchanged<'a> {
    slot: Slot<'a>,
    metadata: Arc<Metadata>,
    tokens: Tokens,
}

/// A provider's answers about the person who came back.
pub struct Answers {
    /// The answers themselves, as far as they arrived.
    pub documents: Documents,
    /// The tokens, if the provider lets us revoke them.
    pub given: Option<IssuedTokens>,
    pub person: Result<Person, Failure>,
}

impl Answers {
    /// The answers of a provider that was not asked, or gave no token.
    #[must_use]
    pub fn none(failure: Failure) -> Self {
        Self {
            documents: Documents::default(),
            given: None,
            person: Err(failure),
        }
    }
}

impl Provider {
    /// Exchanges the code (RFC 6749 4.1.3). This is called once per code, because afterwards the
    /// code may be used up. It first waits for a slot for this visitor.
    pub async fn exchange(
        &self,
        returned: &Returned<'_>,
        visitor: &Visitor,
        moment: Moment,
    ) -> Result<Exchanged<'_>, Failure> {
        let step = Step::TokenCall;
        let waiting = Instant::now();
        let slot = self.sign_in_slot(visitor, step, moment.deadline).await;
        let slot =
            slot.inspect_err(|failure| returned.log_step(step, waiting.elapsed(), Some(failure)))?;
        let started = Instant::now();
        let exchange = async {
            let metadata = self.discover_once(moment).await?;
            let (code, verifier) = (returned.code, returned.pkce_verifier);
            let tokens = self.exchange_code(&metadata, code, verifier, moment).await;
            self.note_reachability(&tokens);
            Ok::<_, Failure>((metadata, tokens.map_err(Failure::at(step))?))
        };
        let exchanged = slot.run_unless_recalled(step, Box::pin(exchange)).await;
        returned.log_step(step, started.elapsed(), exchanged.as_ref().err());
        let (metadata, tokens) = exchanged?;
        Ok(Exchanged {
            slot,
            metadata,
            tokens,
        })
    }

    /// Reads who came, with the tokens of their code. A failed permissions call is part of the
    /// answer.
    pub async fn finish(
        &self,
        exchanged: Exchanged<'_>,
        returned: &Returned<'_>,
        moment: Moment,
    ) -> Answers {
        let mut documents = Documents::default();
        let person = self.read_person(&exchanged, returned, moment, &mut documents);
        let started = Instant::now();
        let person = Box::pin(person);
        let person = exchanged
            .slot
            .run_unless_recalled(Step::TokenCall, person)
            .await;
        // The slot was taken back; what fails on the way logs itself.
        if let Err(failure) = &person
            && failure.step == Step::TokenCall
        {
            returned.log_step(Step::TokenCall, started.elapsed(), Some(failure));
        }
        Answers {
            documents,
            given: self
                .can_revoke(&exchanged.metadata)
                .then_some(IssuedTokens(exchanged.tokens)),
            person,
        }
    }

    /// True if the provider lets us revoke tokens that no session keeps.
    pub(crate) fn can_revoke(&self, metadata: &Metadata) -> bool {
        self.settings.revokes_tokens && metadata.revocation.is_some()
    }

    /// Leaves the answers in `documents`, even if the slot is taken back meanwhile.
    async fn read_person(
        &self,
        exchanged: &Exchanged<'_>,
        returned: &Returned<'_>,
        moment: Moment,
        documents: &mut Documents,
    ) -> Result<Person, Failure> {
        let (metadata, tokens) = (&exchanged.metadata, &exchanged.tokens);
        let started = Instant::now();
        let claims = self.id_token(metadata, tokens, returned, moment).await;
        let claims = claims
            .map_err(Failure::at(Step::IdToken))
            .inspect_err(|failure| {
                returned.log_step(Step::IdToken, started.elapsed(), Some(failure));
            })?;
        let auth_time = claims.as_ref().map_or(AuthTime::Unsaid, claims::auth_time);
        let grant = self.grant(metadata, tokens, claims.as_ref());
        documents.set(Document::IdToken, claims);
        let asking = Asking {
            metadata,
            access_token: &tokens.access_token,
            sub: grant.sub.as_deref(),
            code: Some(returned.code),
            moment,
        };
        let (asked, took) = self.ask_about_person(&asking, documents).await;
        let read = asked.and_then(|()| self.full_profile(documents));
        let failure = read.as_ref().err();
        returned.log_step(Step::ProfileCall, took.of_profile(failure), failure);
        let read = read?;
        let permissions = self.permissions_in(documents);
        let step = Step::PermissionsCall;
        match &permissions {
            Permissions::Failed(why) => returned.log_step(step, took.permissions, Some(why)),
            Permissions::Given(_) if self.settings.addresses.permissions.is_some() => {
                returned.log_step(step, took.permissions, None);
            }
            // Nothing was requested, or only what other answers contain.
            Permissions::Given(_) | Permissions::NotAsked => {}
        }
        Ok(Person {
            profile: read.profile,
            rejected: read.rejected,
            is_email_verified: read.is_email_verified,
            is_admitted: tokens.is_admitted && self.admits(documents),
            permissions_from: documents.that_have(&self.settings.mapping.permissions),
            permissions,
            auth_time,
            grant,
            asked_at: moment.now,
        })
    }

    /// The part of the answer that the session keeps.
    fn grant(&self, metadata: &Metadata, tokens: &Tokens, claims: Option<&Value>) -> Grant {
        let claim = |name: &str| claims.and_then(|claims| claims.get(name));
        let text = |name: &str| claim(name).and_then(Value::as_str).map(str::to_owned);
        let issued = claim("iat").and_then(claims::whole_seconds);
        let mut grant = Grant {
            issued_at: issued.map(|seconds| UnixTime(seconds * 1_000_000)),
            sub: text("sub"),
            sid: text("sid").filter(|sid| !sid.is_empty() && sid.len() <= 255),
            id_token: tokens
                .id_token
                .clone()
                .filter(|_| claims.is_some() && metadata.end_session.is_some()),
            ..Grant::default()
        };
        if self.settings.recheck.is_some() || self.can_revoke(metadata) {
            grant.refresh_token.clone_from(&tokens.refresh_token);
        }
        if let Some(recheck) = self.settings.recheck
            && (grant.refresh_token.is_none() || recheck.asks_profile)
        {
            let access_token = Some(tokens.access_token.clone());
            grant.access_token = access_token.filter(|_| tokens.expires_at.is_some());
            grant.access_expires_at = tokens.expires_at;
        }
        grant
    }

    /// Reads the profile. If it names no one, the answer that should have done so is at fault.
    fn full_profile(&self, documents: &Documents) -> Result<FullProfile, Failure> {
        let step = if documents.get(Document::Profile).is_some() {
            Step::ProfileCall
        } else if documents.get(Document::Userinfo).is_some() {
            Step::Userinfo
        } else {
            Step::IdToken
        };
        mapping::read(&self.settings.mapping, documents).map_err(Failure::at(step))
    }

    /// The permissions in the answers, if this portal wants any.
    pub(super) fn permissions_in(&self, documents: &Documents) -> Permissions {
        if self.gives_permissions() {
            mapping::permissions::read(&self.settings.mapping, documents)
        } else {
            Permissions::NotAsked
        }
    }

    /// True if the answers meet the admission rules.
    fn admits(&self, documents: &Documents) -> bool {
        self.settings.admission.values.iter().all(|rule| {
            let pointer = rule.pointer.as_ref();
            pointer.is_none_or(|one| meets(rule, documents.value(one)) == Some(true))
        })
    }
}
