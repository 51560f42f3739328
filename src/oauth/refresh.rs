//! Asks again about a person who signed in before: whether the provider still knows them, and what
//! it says about them now.

use serde_json::Value;

use super::claims;
use super::documents::Documents;
use super::jwt::Jwt;
use super::mapping::{self, PartialProfile, email_domain};
use super::metadata::Metadata;
use super::token::{Tokens, meets};
use super::userinfo::Asking;
use super::{Failure, Moment, Permissions, Provider};
use crate::clock::UnixTime;
use crate::config::{Document, Pointer};
use crate::error::{Admission, Cause, Step};
use crate::secret::Secret;

/// Why the provider did not confirm that it knows a person.
pub enum Unconfirmed {
    Refused(RefreshRefusal),
    /// The answer says nothing either way.
    Unknown(Cause),
}

impl From<Cause> for Unconfirmed {
    fn from(cause: Cause) -> Self {
        Self::Unknown(cause)
    }
}

/// The kind of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshRefusal {
    /// An explicit refusal, which can mean nothing else: `invalid_grant`, `invalid_token`, or
    /// another person.
    Explicit,
    /// A refusal without a reason: only a status, such as firewalls and gateways send too.
    Unexplained,
}

/// New tokens, and the claims of the ID token that came with them, if there was one and it could be
/// verified.
pub struct Refreshed {
    pub tokens: Tokens,
    pub claims: Option<Value>,
}

/// A person who is re-checked, as they are known here.
#[derive(Clone, Copy, Debug)]
pub struct KnownPerson<'a> {
    /// The `sub` that userinfo must be about, if known.
    pub sub: Option<&'a str>,
    /// The codes of the answers that their permissions came from, separated by spaces.
    pub permissions_from: Option<&'a str>,
}

/// A person, as the provider describes them some time after the sign-in.
#[derive(Debug)]
pub struct Reread {
    pub profile: PartialProfile,
    pub permissions: Permissions,
    /// The codes of the answers that the permissions came from, separated by spaces.
    pub permissions_from: String,
    /// The time before the provider was asked.
    pub asked_at: UnixTime,
    /// The admission rule that these answers break.
    pub breaks_admission: Option<Admission>,
}

impl Provider {
    /// Asks about a person with a refresh token (RFC 6749 6, OpenID Connect Core 12). The answer
    /// must still be about `sub`.
    pub async fn refresh(
        &self,
        refresh_token: &Secret<String>,
        sub: Option<&str>,
        moment: Moment,
    ) -> Result<Refreshed, Unconfirmed> {
        let metadata = self.known().ok_or(Cause::Unreachable)?;
        let parameters = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose().as_str()),
        ];
        let tokens = self.ask_for_tokens(&metadata, &parameters, moment).await;
        self.note_reachability(&tokens);
        let tokens = tokens.map_err(|cause| match cause {
            Cause::CodeRefused => Unconfirmed::Refused(RefreshRefusal::Explicit),
            cause => Unconfirmed::Unknown(cause),
        })?;
        let claims = self.refreshed_claims(&metadata, &tokens, sub, moment);
        match claims.await {
            // The token is from another issuer, or for another person or client, which is as good
            // as a refusal (Core 12.2). Additional audiences are not: some providers name every
            // client of a project.
            Err(Cause::BadToken("iss" | "sub" | "aud")) => {
                Err(Unconfirmed::Refused(RefreshRefusal::Explicit))
            }
            // If it cannot be verified, the new token counts all the same, because the old one is
            // used up.
            claims => Ok(Refreshed {
                claims: claims.ok().flatten(),
                tokens,
            }),
        }
    }

    /// The claims of the ID token that came with a refresh, if there is one about a known `sub`.
    async fn refreshed_claims(
        &self,
        metadata: &Metadata,
        tokens: &Tokens,
        sub: Option<&str>,
        moment: Moment,
    ) -> Result<Option<Value>, Cause> {
        let (Some(parties), Some(text), Some(sub)) = (self.parties(), &tokens.id_token, sub) else {
            return Ok(None);
        };
        let jwt = Jwt::parse(text.expose())?;
        self.verify(metadata, &jwt, moment).await?;
        claims::check_refreshed(&jwt, parties, sub, moment.now)?;
        Ok(Some(jwt.into_claims()))
    }

    /// The number of calls that [`Provider::read_again`] makes.
    pub(crate) fn calls_to_read_again(&self) -> u32 {
        u32::from(self.asks_userinfo())
            + u32::from(self.settings.addresses.profile.is_some())
            + u32::from(self.settings.dialect.details_url.is_some())
            + u32::from(self.settings.addresses.permissions.is_some())
    }

    fn asks_userinfo(&self) -> bool {
        let known = self.known();
        known.is_some_and(|known| self.userinfo_address(&known).is_some())
    }

    /// True if access tokens can be used to ask.
    pub(crate) fn has_profile(&self) -> bool {
        self.settings.dialect.profile_query.is_empty()
            && (self.settings.addresses.profile.is_some() || self.asks_userinfo())
    }

    /// Reads what the provider says about a person now, with an access token and from the claims of
    /// a refreshed ID token, if there are any.
    pub async fn read_again(
        &self,
        access_token: &Secret<String>,
        claims: Option<Value>,
        about: KnownPerson<'_>,
        moment: Moment,
    ) -> Result<Reread, Unconfirmed> {
        let metadata = self.known().ok_or(Cause::Unreachable)?;
        let mut documents = Documents::default();
        documents.set(Document::IdToken, claims);
        let asking = Asking {
            metadata: &metadata,
            access_token,
            sub: about.sub,
            code: None,
            moment,
        };
        let (read, _) = self.ask_about_person(&asking, &mut documents).await;
        let read = read.map_err(|failure| failure.cause);
        self.note_reachability(&read);
        match read {
            Ok(()) => Ok(self.reread(&documents, about.permissions_from, moment.now)),
            Err(Cause::TokenRefused | Cause::CodeRefused | Cause::BadToken("userinfo sub")) => {
                Err(Unconfirmed::Refused(RefreshRefusal::Explicit))
            }
            Err(Cause::UnexpectedStatus(401 | 403)) => {
                Err(Unconfirmed::Refused(RefreshRefusal::Unexplained))
            }
            Err(cause) => Err(Unconfirmed::Unknown(cause)),
        }
    }

    fn reread(
        &self,
        documents: &Documents,
        permissions_from: Option<&str>,
        asked_at: UnixTime,
    ) -> Reread {
        let mapping = &self.settings.mapping;
        let profile = mapping::read_partial(mapping, documents);
        let permissions = if self.leaves_permissions_out(documents, permissions_from) {
            Permissions::Failed(Failure {
                step: Step::PermissionsCall,
                cause: Cause::Unreadable("permissions left out"),
            })
        } else {
            self.permissions_in(documents)
        };
        let breaks_admission = self.broken_admission(documents, profile.email.as_deref());
        Reread {
            profile,
            permissions,
            permissions_from: documents.that_have(&mapping.permissions),
            asked_at,
            breaks_admission,
        }
    }

    /// True if a list of permissions could not be seen: a refreshed ID token may omit claims
    /// (OpenID Connect Core 12.2), and an answer that was not requested says nothing.
    fn leaves_permissions_out(&self, documents: &Documents, from: Option<&str>) -> bool {
        let has = |document| documents.get(document).is_some();
        // Only the answer that had them at the sign-in can say that there are none now.
        let had_them = |document: Document| {
            from.is_none_or(|from| {
                from.is_empty() || from.split(' ').any(|code| code == document.code())
            })
        };
        let may_tell = |pointer: &Pointer| match pointer.document {
            Some(Document::IdToken) => false,
            Some(document) => has(document),
            None => [Document::Userinfo, Document::Profile, Document::Permissions]
                .into_iter()
                .any(|document| has(document) && had_them(document)),
        };
        documents.permissions_failure.is_none()
            && self
                .settings
                .mapping
                .permissions
                .iter()
                .any(|pointer| !documents.has(pointer) && !may_tell(pointer))
    }

    /// The admission rule that the answers break, as far as they were read. The rule about
    /// permissions is checked where they are synced.
    fn broken_admission(&self, documents: &Documents, email: Option<&str>) -> Option<Admission> {
        let rules = &self.settings.admission;
        let breaks_value = rules.values.iter().any(|rule| {
            let pointer = rule.pointer.as_ref();
            pointer.is_some_and(|one| meets(rule, documents.value(one)) == Some(false))
        });
        if breaks_value {
            return Some(Admission::Value);
        }
        let email = email.filter(|_| !rules.email_domains.is_empty())?;
        let is_ours =
            email_domain(email).is_some_and(|domain| rules.email_domains.contains(&domain));
        if !is_ours {
            return Some(Admission::EmailDomain);
        }
        let verified = documents.find(&self.settings.mapping.email_verified);
        verified
            .is_some_and(|(_, value)| *value != Value::Bool(true))
            .then_some(Admission::EmailNotVerified)
    }
}
