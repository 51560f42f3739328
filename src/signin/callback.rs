//! The way back. A callback opens its attempt, claims it, asks the provider, and ends in a sign-in,
//! a linking or a rehearsal.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use strum::IntoStaticStr;
use tokio::time::Instant;
use url::Url;

use super::add_identity::add_identity;
use super::commit::{Admitted, Way};
use super::provider::{ask_provider, discover, proof};
use super::refusal::{failure, log_failure, refuse};
use super::rehearsal::{self, Rehearsal};
use super::{CALLBACK_DEADLINE, Visitor, begin_planned, log_of, run_sign_in};
use crate::clock::UnixTime;
use crate::error::{Cause, Error, Result, SignInError, Step};
use crate::jobs::{self, Unkept};
use crate::local_path::LocalPath;
use crate::oauth::{self, Answers, IssuedTokens, Moment, Person, Provider};
use crate::portal::Portal;
use crate::secret::Secret;
use crate::sessions::{self, Client};
use crate::sign_in_attempts::{Attempt, Browser, Intent, MAX_RESTARTS, Plan};

/// The answer that the browser brings back (RFC 6749 4.1.2), each parameter at most once.
#[derive(Debug)]
pub struct Callback {
    pub state: Option<String>,
    pub code: Option<Secret<String>>,
    pub error: Option<String>,
    /// The provider that answered (RFC 9207).
    pub issuer: Option<String>,
    /// True if any known parameter came twice.
    pub has_duplicates: bool,
}

impl Callback {
    /// Parses the query. Each parameter must come at most once (RFC 6749 3.1), with either a code
    /// or an error. A parameter that comes twice counts as missing, and if any does, code and error
    /// count as missing too.
    #[must_use]
    pub fn parse(query: &str, code_name: &str) -> Self {
        let once = |name: &str| {
            let mut values = values(query, name);
            let (given, value) = values.next().filter(|_| values.next().is_none())?;
            (given == name && !value.is_empty()).then(|| value.into_owned())
        };
        let is_duplicate = |name: &str| values(query, name).count() > 1;
        let has_duplicates = ["state", "code", code_name, "error", "iss", "session_state"]
            .into_iter()
            .any(is_duplicate);
        Self {
            state: once("state"),
            code: once(code_name).filter(|_| !has_duplicates).map(Secret::new),
            error: once("error").filter(|_| !has_duplicates),
            issuer: once("iss"),
            has_duplicates,
        }
    }

    /// Returns the code, or the reason why there is none.
    fn code(self, provider: &Provider) -> Result<Secret<String>, Cause> {
        match (self.code, self.error) {
            _ if self.has_duplicates => Err(Cause::BadCallback),
            // This comes first: an error from another server is not this provider's.
            _ if !provider.is_issuer(self.issuer.as_deref()) => Err(Cause::WrongIssuer),
            (Some(code), None) => Ok(code),
            (None, Some(code)) if code == "access_denied" => Err(Cause::Declined),
            (None, Some(code)) => Err(Cause::ProviderError(oauth::known_code(&code))),
            _ => Err(Cause::BadCallback),
        }
    }
}

/// The parameters with this name, and those like `code[]` and `code[0]`, which some servers read as
/// `code`.
fn values<'a>(query: &'a str, name: &str) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
    let is_array_form = move |given: &str| {
        let rest = given.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']'))
    };
    url::form_urlencoded::parse(query.as_bytes())
        .filter(move |(given, _)| given == name || is_array_form(given))
}

/// The ways in which a callback can succeed.
pub enum Finished {
    SignedIn {
        admitted: Admitted,
        next: LocalPath,
    },
    /// The attempt is ours, but it can only be started over: see [`StaleReason`]. A person who is
    /// signed in goes on to its destination, unless [`StaleAttempt::must_begin_again`]; anyone else
    /// starts over.
    Stale(Box<StaleAttempt>),
    /// The provider was added to the account.
    Linked {
        next: LocalPath,
    },
    /// Nothing was changed: this is what a sign-in would do.
    Rehearsed(Box<Rehearsal>),
}

/// An attempt that can only be started over.
pub struct StaleAttempt {
    attempt: Attempt,
    deadline: Instant,
    why: StaleReason,
}

/// The reason why an attempt can only be started over, with its code in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub(super) enum StaleReason {
    OldOrOtherBrowser,
    Used,
    /// The attempt was silent, and the provider needs to interact with the person.
    #[strum(serialize = "silence_refused")]
    InteractionNeeded,
    SignedOutThere,
}

impl StaleAttempt {
    pub const fn next(&self) -> &LocalPath {
        &self.attempt.plan.next
    }

    /// True for a sign-in. Any other attempt belongs to the session in which it began, and ends
    /// with it.
    pub const fn is_sign_in(&self) -> bool {
        matches!(self.attempt.plan.intent, Intent::SignIn)
    }

    /// True if the attempt starts over even for a person who is signed in.
    pub const fn must_begin_again(&self) -> bool {
        match self.why {
            StaleReason::InteractionNeeded => true,
            // The person wanted to add the provider to their account.
            StaleReason::SignedOutThere => matches!(self.attempt.plan.intent, Intent::Link(_)),
            StaleReason::OldOrOtherBrowser | StaleReason::Used => false,
        }
    }
}

/// The ways in which a callback can come to nothing.
enum Ended {
    Stale(StaleReason),
    /// Refused before the person was identified; not recorded yet.
    Refused(oauth::Failure),
    Failed(Error),
}

impl From<oauth::Failure> for Ended {
    fn from(failure: oauth::Failure) -> Self {
        Self::Refused(failure)
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        match error {
            Error::AttemptUsed => Self::Stale(StaleReason::Used),
            Error::SignedOutThere => Self::Stale(StaleReason::SignedOutThere),
            error => Self::Failed(error),
        }
    }
}

/// Finishes an attempt that came back to the callback of `provider`, with the calls that the
/// protocol needs and one transaction.
///
/// # Errors
/// [`Error::SignIn`] with the step that failed; [`Error::Database`], and then nothing has changed.
pub async fn finish(
    portal: &Arc<Portal>,
    provider: &Arc<Provider>,
    query: &str,
    visitor: Visitor,
) -> Result<Finished> {
    let deadline = Instant::now() + CALLBACK_DEADLINE;
    let callback = Callback::parse(query, &provider.settings().dialect.callback_code);
    let state = callback.state.as_deref();
    let attempt = state.and_then(|state| Attempt::open(&portal.keys, state));
    let Some(attempt) = attempt.filter(|attempt| attempt.plan.provider == provider.id()) else {
        // This gets no row: anyone can cause any number of these.
        let error = SignInError {
            provider: Some(provider.id().to_owned()),
            ..failure(None, Step::Callback, Cause::UnknownAttempt)
        };
        log_failure(&error);
        return Err(Error::SignIn(Box::new(error)));
    };
    let client = visitor.client.clone();
    let returning = Returning {
        portal,
        provider,
        attempt: &attempt,
        deadline,
    };
    match returning.go_on(callback, visitor).await {
        Ok(finished) => Ok(finished),
        Err(Ended::Stale(why)) => {
            log_of(&attempt).line("sign_in_stale", Duration::ZERO, why.into_str());
            Ok(Finished::Stale(Box::new(StaleAttempt {
                attempt,
                deadline,
                why,
            })))
        }
        Err(Ended::Refused(oauth::Failure { step, cause })) => {
            let error = failure(Some(&attempt), step, cause);
            Err(refuse(portal, error, &client, deadline).await)
        }
        Err(Ended::Failed(error)) => Err(error),
    }
}

/// An attempt on its way back.
#[derive(Clone, Copy)]
struct Returning<'a> {
    portal: &'a Arc<Portal>,
    provider: &'a Arc<Provider>,
    attempt: &'a Attempt,
    deadline: Instant,
}

impl Returning<'_> {
    async fn go_on(self, callback: Callback, visitor: Visitor) -> Result<Finished, Ended> {
        let answers = self.answers(callback, &visitor).await?;
        let (given, intent) = (answers.given, self.attempt.plan.intent);
        let person = match (intent, answers.person) {
            (Intent::Rehearse(session), person) => {
                self.revoke_unused(given, Unkept::Surely);
                let answers = (person, answers.documents);
                let look = rehearsal::look(self.portal, self.provider, answers, session, visitor);
                return Ok(Finished::Rehearsed(Box::new(look.await?)));
            }
            (_, Err(failure)) => {
                self.revoke_unused(given, Unkept::Surely);
                return Err(Ended::Refused(failure));
            }
            (_, Ok(person)) => person,
        };
        self.portal.failpoint.hit("after_profile");
        if let Intent::Link(session) = intent {
            let (provider, attempt) = (self.provider, self.attempt);
            let added =
                add_identity(self.portal, provider, attempt, person, session, &visitor).await;
            // A person who adds a provider keeps their session.
            self.revoke_unused(given, Unkept::Surely);
            added?;
            let next = attempt.plan.next.clone();
            return Ok(Finished::Linked { next });
        }
        self.sign_in(person, given, visitor).await
    }

    /// Claims the attempt, and asks the provider who came back.
    async fn answers(self, callback: Callback, visitor: &Visitor) -> Result<Answers, Ended> {
        let (portal, attempt) = (self.portal, self.attempt);
        let mut moment = Moment {
            now: portal.clock.now(),
            deadline: self.deadline,
        };
        let browser = visitor.browser.as_ref();
        let browser = browser
            .filter(|browser| attempt.is_valid(moment.now, browser))
            .ok_or(Ended::Stale(StaleReason::OldOrOtherBrowser))?;
        // Only the metadata tells whether the provider sends `iss`.
        discover(self.provider, attempt, moment).await?;
        let code = callback.code(self.provider);
        self.claim(moment.now, &code, visitor).await?;
        log_of(attempt).line("sign_in_returned", Duration::ZERO, "ok");
        portal.failpoint.hit("after_state");
        moment.now = portal.clock.now();
        Ok(match code {
            Ok(code) => {
                let back = (browser, &code);
                ask_provider(
                    portal,
                    self.provider,
                    attempt,
                    back,
                    &visitor.client,
                    moment,
                )
                .await
            }
            Err(cause) => Answers::none(oauth::Failure {
                step: Step::Callback,
                cause,
            }),
        })
    }

    /// Claims the attempt for this callback: it counts only once.
    async fn claim(
        self,
        now: UnixTime,
        code: &Result<Secret<String>, Cause>,
        visitor: &Visitor,
    ) -> Result<(), Ended> {
        let (portal, attempt) = (self.portal, self.attempt);
        if !portal.used_attempts.claim(now, attempt)
            || (visitor.session_token.is_some() && is_used_elsewhere(portal, attempt).await)
        {
            return Err(Ended::Stale(StaleReason::Used));
        }
        let was_silent = self.provider.settings().prompt.as_deref() == Some("none")
            && attempt.plan.restarts < MAX_RESTARTS
            && !attempt.plan.is_fresh;
        match code {
            Err(Cause::ProviderError(code)) if was_silent && needs_interaction(code) => {
                Err(Ended::Stale(StaleReason::InteractionNeeded))
            }
            _ => Ok(()),
        }
    }

    async fn sign_in(
        self,
        person: Person,
        given: Option<IssuedTokens>,
        visitor: Visitor,
    ) -> Result<Finished, Ended> {
        let (portal, provider, attempt) = (self.portal, self.provider, self.attempt);
        let next = attempt.plan.next.clone();
        let username = person.profile.username.clone();
        let way = Way::Provider {
            provider: Arc::clone(provider),
            attempt: attempt.id.clone(),
            proof: proof(provider, attempt, person.auth_time, portal.clock.now()),
            person: Box::new(person),
        };
        portal.failpoint.reach("before_sign_in").await;
        let admitted =
            run_sign_in(portal, way, username, next.clone(), visitor, self.deadline).await;
        let error = match admitted {
            Ok(admitted) => return Ok(Finished::SignedIn { admitted, next }),
            Err(error) => error,
        };
        let unkept = match &error {
            // The session that the attempt has opened may depend on these very tokens.
            Error::AttemptUsed => return Err(error.into()),
            Error::SignedOutThere => Unkept::Surely,
            Error::SignIn(error) if error.cause != Cause::DatabaseUnavailable => Unkept::Surely,
            _ => Unkept::Perhaps,
        };
        self.revoke_unused(given, unkept);
        Err(error.into())
    }

    /// Revokes tokens that no session uses, if the provider supports that.
    fn revoke_unused(self, given: Option<IssuedTokens>, unkept: Unkept) {
        if let Some(given) = given {
            jobs::revoke_unkept(self.portal, self.provider, &self.attempt.id, given, unkept);
        }
    }
}

/// Returns whether another instance has opened a session with the attempt. Its code is then used,
/// and if it is sent twice, a provider may revoke what it gave (RFC 6749 4.1.2). This is asked only
/// if the browser already has a session; otherwise [`super::commit`] finds out.
async fn is_used_elsewhere(portal: &Arc<Portal>, attempt: &Attempt) -> bool {
    let (db, id) = (&portal.db, attempt.id.clone());
    let used = db.read(move |conn| sessions::is_attempt_used(conn, &id));
    used.await.unwrap_or(false)
}

/// The errors of a provider that was asked silently and needs to interact with the person (OpenID
/// Connect Core 3.1.2.6).
fn needs_interaction(code: &str) -> bool {
    matches!(
        code,
        "login_required"
            | "interaction_required"
            | "consent_required"
            | "account_selection_required"
    )
}

/// Starts a stale attempt over, with the same destination. Returns where to send the browser.
///
/// # Errors
/// If it has started over before: [`Cause::SignedOutThere`] if the provider refused or signed out
/// the person meanwhile, otherwise [`Cause::RestartLoop`]: the browser probably drops our cookies.
/// [`Error::NotFound`] if the provider is gone; as [`super::begin`].
pub async fn start_over(
    portal: &Arc<Portal>,
    stale: StaleAttempt,
    browser: &Browser,
    client: &Client,
) -> Result<Url> {
    let attempt = stale.attempt;
    if attempt.plan.restarts >= MAX_RESTARTS {
        let cause = match stale.why {
            StaleReason::SignedOutThere => Cause::SignedOutThere,
            _ => Cause::RestartLoop,
        };
        let error = failure(Some(&attempt), Step::Callback, cause);
        return Err(refuse(portal, error, client, stale.deadline).await);
    }
    let provider = portal.providers.find(&attempt.plan.provider);
    let provider = Arc::clone(provider.ok_or(Error::NotFound)?);
    let plan = Plan {
        restarts: attempt.plan.restarts + 1,
        ..attempt.plan
    };
    begin_planned(portal, &provider, browser, plan, None, client).await
}
