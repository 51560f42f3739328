//! Providers: the requests to one, and its answers (RFC 6749, RFC 6750, RFC 7636, RFC 9126, RFC
//! 9207, OpenID Connect Core 1.0). This module knows nothing about accounts.
//!
//! No call is retried, no redirect is followed, and no body is read beyond its limit. Tokens leave
//! this module only as [`Secret`], to be sealed.
//!
//! [`Provider`] is the only entry point. Its work is grouped by endpoint:
//!
//! - the way there: [`authorize`]
//! - the way back: [`finish`], with [`token`] (the token endpoint, in its dialect), [`id_token`] and
//!   [`userinfo`] (its other addresses)
//! - re-checks: [`refresh`]
//! - sign-out: [`logout`]
//! - for operators: [`probe`]
//! - what a sign-in there proves: [`proof`]
//!
//! Behind them are:
//!
//! - its addresses: [`metadata`]
//! - the sign-ins that wait for it: [`slots`]
//! - what it signed: [`jwt`], [`keys`] and [`claims`]
//! - the meaning of each member of its answers: [`documents`] and [`mapping`]
//! - one HTTP call: [`mod@call`]

mod authorize;
pub mod call;
pub mod claims;
pub mod documents;
mod finish;
mod id_token;
pub mod json;
pub mod jwt;
pub mod keys;
mod logout;
pub mod mapping;
pub mod metadata;
pub(crate) mod probe;
mod proof;
mod refresh;
mod slots;
pub mod token;
mod userinfo;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Client;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::clock::UnixTime;
use crate::config::ProviderSettings;
use crate::error::{Cause, Error, Result, Step};
use crate::logging::SignInLog;
use crate::permissions::Permission;
use crate::secret::Secret;
use crate::sessions::Client as Visitor;
use crate::users::Profile;
use call::{client, root_of};
pub use claims::AuthTime;
pub use finish::{Answers, Exchanged};
use mapping::RejectedField;
use metadata::Metadata;
pub use refresh::{KnownPerson, RefreshRefusal, Refreshed, Reread, Unconfirmed};
use slots::{Slot, Slots};
use token::Tokens;

/// How many sign-ins may call one provider at once; the next one queues. The people of other
/// providers notice nothing.
const MAX_SIGN_INS: usize = 200;

/// The time of a request to a provider, and the deadline for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now: UnixTime,
    pub deadline: Instant,
}

impl Moment {
    /// A moment whose deadline is `patience` from now.
    #[must_use]
    pub fn within(now: UnixTime, patience: Duration) -> Self {
        Self {
            now,
            deadline: Instant::now() + patience,
        }
    }
}

/// A failed call, and the step at which it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub step: Step,
    pub cause: Cause,
}

impl Failure {
    const fn at(step: Step) -> impl Fn(Cause) -> Self {
        move |cause| Self { step, cause }
    }
}

/// A person, as the provider describes them.
pub struct Person {
    pub profile: Profile,
    /// Fields that were sent but could not be used.
    pub rejected: Vec<RejectedField>,
    /// True if the provider marks the email address as verified with JSON `true`.
    pub is_email_verified: bool,
    pub permissions: Permissions,
    /// The codes of the answers that the permissions came from, separated by spaces.
    pub permissions_from: String,
    /// True if the answers meet the admission rules.
    pub is_admitted: bool,
    /// The time when they signed in there, from the ID token.
    pub auth_time: AuthTime,
    pub grant: Grant,
    /// The time just before the provider was asked.
    pub asked_at: UnixTime,
}

/// The tokens and identifiers that came with a sign-in, for asking the provider again later.
#[derive(Clone, Default)]
pub struct Grant {
    pub refresh_token: Option<Secret<String>>,
    pub access_token: Option<Secret<String>>,
    pub access_expires_at: Option<UnixTime>,
    pub id_token: Option<Secret<String>>,
    /// When the ID token was issued.
    pub issued_at: Option<UnixTime>,
    /// `sub` of the ID token.
    pub sub: Option<String>,
    /// The id of the provider's own session.
    pub sid: Option<String>,
}

/// The tokens of one answer as they came, for revoking them. None of them need have been verified.
pub struct IssuedTokens(Tokens);

impl IssuedTokens {
    /// The token whose revocation revokes the others too, and its kind (RFC 7009 2.1).
    pub(crate) fn token_to_revoke(&self) -> (&Secret<String>, &'static str) {
        match &self.0.refresh_token {
            Some(token) => (token, "refresh_token"),
            None => (&self.0.access_token, "access_token"),
        }
    }

    /// The id of the provider's own session according to the ID token, so that its tokens can be
    /// left alone.
    pub fn sid(&self) -> Option<String> {
        let jwt = jwt::Jwt::parse(self.0.id_token.as_ref()?.expose()).ok()?;
        let sid = jwt.claims().get("sid")?.as_str()?;
        Some(sid.to_owned())
    }
}

#[derive(Debug)]
pub enum Permissions {
    /// This portal is not configured to ask.
    NotAsked,
    /// Sorted by name, without duplicates.
    Given(Vec<Permission>),
    /// The call failed or its answer could not be read. This says nothing about the person's
    /// permissions.
    Failed(Failure),
}

/// How the provider is asked to prompt the person (`OpenID` Connect Core 3.1.2.1). It does not say
/// what the provider did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    AsConfigured,
    /// The person must sign in again.
    Login,
    /// No prompt is requested, but a silent attempt is avoided, whatever the settings say.
    NotSilent,
}

/// An authorization request.
pub struct Request<'a> {
    pub state: &'a str,
    pub pkce_verifier: &'a Secret<String>,
    pub nonce: &'a str,
    pub prompt: Prompt,
    /// True if the attempt is recorded as pushed.
    pub is_pushed: bool,
    /// The person to sign in, according to a third party (`OpenID` Connect Core 4).
    pub login_hint: Option<&'a str>,
}

/// The code that came back to the callback, and what its attempt remembers.
pub struct Returned<'a> {
    pub code: &'a Secret<String>,
    pub pkce_verifier: &'a Secret<String>,
    pub nonce: &'a str,
    /// The person must have signed in again at or after this time, if set.
    pub fresh_since: Option<UnixTime>,
    /// The log for the steps of the sign-in.
    pub log: SignInLog<'a>,
}

impl Returned<'_> {
    /// Writes the log line of a step; after a failure, under the name of the step that failed.
    fn log_step(&self, step: Step, took: Duration, failure: Option<&Failure>) {
        let step = failure.map_or(step, |failure| failure.step);
        let outcome = failure.map_or("ok", |failure| failure.cause.code());
        self.log.line(step.event(), took, outcome);
    }
}

pub struct Provider {
    settings: ProviderSettings,
    client: Client,
    metadata: metadata::Cache,
    keys: keys::Cache,
    sign_ins: Slots,
    /// True if the last call got through.
    is_reachable: AtomicBool,
    wake: Notify,
}

impl Provider {
    /// Fails if TLS cannot be set up.
    pub fn new(settings: ProviderSettings) -> Result<Self> {
        let client = client(&settings).map_err(|error| {
            Error::Internal(format!(
                "TLS to the provider: {}; install the system's certificate authorities \
                 (ca-certificates), or set {}",
                root_of(&*error),
                settings.source.name("ca_file")
            ))
        })?;
        token::check_credentials(&settings)?;
        let metadata = metadata::of_settings(&settings).map(metadata::Cache::set);
        Ok(Self {
            settings,
            client,
            metadata: metadata.unwrap_or_default(),
            keys: keys::Cache::default(),
            sign_ins: Slots::new(MAX_SIGN_INS),
            is_reachable: AtomicBool::new(true),
            wake: Notify::new(),
        })
    }

    pub const fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    pub fn id(&self) -> &str {
        &self.settings.id
    }

    /// The currently known metadata, without asking the provider.
    pub fn known(&self) -> Option<Arc<Metadata>> {
        self.metadata.known()
    }

    /// True if people can be sent to the provider, as far as is known.
    pub fn is_available(&self) -> bool {
        self.known().is_some() && self.is_reachable.load(Ordering::Relaxed)
    }

    /// Takes a slot for `step` of this visitor's sign-in.
    async fn sign_in_slot(
        &self,
        visitor: &Visitor,
        step: Step,
        deadline: Instant,
    ) -> Result<Slot<'_>, Failure> {
        let slot = self.sign_ins.take(visitor, deadline).await;
        slot.map_err(Failure::at(step))
    }

    /// The number of further sign-ins that may wait for the provider now.
    pub fn slots_left(&self) -> usize {
        self.sign_ins.left()
    }

    /// The number of sign-ins that wait for a slot.
    pub fn waiting(&self) -> usize {
        self.sign_ins.waiting()
    }

    /// True if this provider gives permissions at all.
    pub fn gives_permissions(&self) -> bool {
        self.settings.gives_permissions()
    }

    /// Notes whether the provider was reached; if it has just become unreachable, wakes the
    /// watcher.
    fn note_reachability<T>(&self, result: &Result<T, Cause>) {
        if matches!(result, Err(Cause::Internal(_))) {
            // It was not asked at all.
            return;
        }
        let is_reachable = !matches!(result, Err(Cause::Unreachable | Cause::TooSlow));
        if self.is_reachable.swap(is_reachable, Ordering::Relaxed) && !is_reachable {
            self.wake.notify_one();
        }
    }

    /// Starts a new reading of the provider's metadata in the background, if one is due; no one
    /// waits.
    pub fn nudge(&self, now: UnixTime) {
        if self.settings.issuer.is_some() && self.metadata.is_due(now) {
            self.wake.notify_one();
        }
    }

    /// Waits this long, or until a call does not get through or [`Provider::nudge`] asks for a
    /// reading.
    pub async fn wait_for_wake(&self, patience: Duration) {
        let _waited = tokio::time::timeout(patience, self.wake.notified()).await;
    }

    /// Reads the provider's metadata if it publishes any and a reading is due.
    pub async fn discover(&self, moment: Moment) -> Result<Arc<Metadata>, Failure> {
        let found = if self.settings.issuer.is_none() {
            self.known().ok_or(Cause::Unreachable)
        } else {
            let found = self
                .metadata
                .refresh(&self.settings, &self.client, moment)
                .await;
            if found.is_err() {
                self.note_reachability(&found);
            }
            found
        };
        found.map_err(Failure::at(Step::Discovery))
    }

    /// Like [`Provider::discover`], only if nothing is known yet.
    pub async fn discover_once(&self, moment: Moment) -> Result<Arc<Metadata>, Failure> {
        match self.known() {
            Some(known) => Ok(known),
            None => self.discover(moment).await,
        }
    }
}

/// The providers of a portal, in the order of the sign-in page.
pub struct Providers(Vec<Arc<Provider>>);

impl Providers {
    pub fn new(all: Vec<ProviderSettings>) -> Result<Self> {
        let all: Result<Vec<_>> = all
            .into_iter()
            .map(|settings| Provider::new(settings).map(Arc::new))
            .collect();
        Ok(Self(all?))
    }

    pub fn all(&self) -> &[Arc<Provider>] {
        &self.0
    }

    fn find_by(&self, is_it: impl Fn(&ProviderSettings) -> bool) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| is_it(&provider.settings))
    }

    pub fn find(&self, id: &str) -> Option<&Arc<Provider>> {
        self.find_by(|settings| settings.id == id)
    }

    /// The provider whose callback has this path.
    pub fn by_callback_path(&self, callback_path: &str) -> Option<&Arc<Provider>> {
        self.find_by(|settings| settings.callback_path == callback_path)
    }

    pub(crate) fn by_issuer(&self, issuer: &str) -> Option<&Arc<Provider>> {
        self.find_by(|settings| settings.issuer.as_deref() == Some(issuer))
    }

    /// The first provider on the sign-in page; settings always have one.
    pub fn first(&self) -> Option<&Arc<Provider>> {
        self.0.first()
    }

    pub fn is_single(&self) -> bool {
        self.0.len() == 1
    }
}

/// The error codes of RFC 6749 4.1.2.1 and 5.2 and of OpenID Connect Core 3.1.2.6. Any other text
/// is the provider's own and is not passed on.
pub(crate) fn known_code(code: &str) -> &'static str {
    const CODES: &str = "invalid_request unauthorized_client access_denied \
        unsupported_response_type invalid_scope server_error temporarily_unavailable \
        invalid_client invalid_grant unsupported_grant_type interaction_required login_required \
        account_selection_required consent_required invalid_request_uri invalid_request_object \
        request_not_supported request_uri_not_supported registration_not_supported \
        insufficient_scope";
    let mut codes = CODES.split(' ');
    codes
        .find(|known| *known == code)
        .unwrap_or("unknown_error")
}
