//! Signing in: an attempt begins, goes to the provider and comes back. Every way in ends at the one
//! [`door`].

pub mod confirmation;
pub mod decision;
mod door;
pub mod link;
mod linking;
mod masking;
pub mod password;
pub mod password_link;
mod proof;
pub mod rehearsal;
pub mod rescue;

use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::attempts::{Attempt, Browser, Intent, MAX_RESTARTS, Plan};
use crate::audit::{About, Actor, Deed, Event};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::desk::Desk;
use crate::error::{Cause, DatabaseError, Error, Result, SignInError, Step};
use crate::jobs::{self, Unkept};
use crate::local_path::LocalPath;
use crate::oauth::profile::Documents;
use crate::oauth::{self, Given, Permissions, Person, Prompt, Provider, Returned, Took};
use crate::reason::Reason;
use crate::recheck;
use crate::secret::{Secret, random_token, reference, sha256};
use crate::sessions::{self, Client, tokens};
use door::{Entered, Entry, Way, enter};
use rehearsal::Rehearsal;

/// For the whole callback, whatever it waits for.
const CALLBACK_DEADLINE: Duration = Duration::from_secs(10);
/// For what comes before the browser leaves: discovery, a pushed request.
const BEGIN_DEADLINE: Duration = Duration::from_secs(8);
/// For the row of a refusal.
const NOTE_PATIENCE: Duration = Duration::from_secs(2);
/// What the transaction gets of it at least.
const PROVIDER_EARLIER: Duration = Duration::from_secs(1);

const SILENCE_REFUSED: &str = "silence_refused";
const SIGNED_OUT_THERE: &str = "signed_out_there";

/// What somebody wants who begins.
#[derive(Debug)]
pub struct Wish {
    /// A provider's id; `None`: the first.
    pub provider: Option<String>,
    pub next: LocalPath,
    pub prompt: Prompt,
    pub intent: Intent,
    /// Whom a third party says it is about.
    pub login_hint: Option<String>,
}

/// Begins an attempt; where to send the browser.
///
/// # Errors
/// [`Error::NotFound`] for a provider that there is not; [`Error::SignIn`] when the provider
/// cannot be asked; [`Error::Internal`] without random bytes.
pub async fn begin(
    desk: &Arc<Desk>,
    browser: &Browser,
    wish: Wish,
    client: &Client,
) -> Result<Url> {
    let provider = match &wish.provider {
        Some(id) => desk.providers.find(id),
        None => desk.providers.first(),
    };
    let provider = Arc::clone(provider.ok_or(Error::NotFound)?);
    if matches!(wish.intent, Intent::Link(_)) && !provider.settings().vouches_for.linking {
        let error = SignInError {
            provider: provider.id().to_owned(),
            next: wish.next,
            is_linking: true,
            ..failure(None, Step::Account, Cause::NotLinkable)
        };
        let deadline = Instant::now() + NOTE_PATIENCE;
        return Err(refuse(desk, error, client, deadline).await);
    }
    let plan = Plan {
        provider: provider.id().to_owned(),
        next: wish.next,
        intent: wish.intent,
        is_fresh: wish.prompt == Prompt::Login,
        is_pushed: false,
        restarts: 0,
    };
    begin_planned(desk, &provider, browser, plan, wish.login_hint, client).await
}

async fn begin_planned(
    desk: &Arc<Desk>,
    provider: &Provider,
    browser: &Browser,
    mut plan: Plan,
    login_hint: Option<String>,
    client: &Client,
) -> Result<Url> {
    let deadline = Instant::now() + BEGIN_DEADLINE;
    let now = desk.clock.now();
    let pushes = provider.pushes(client, now, deadline).await;
    plan.is_pushed = matches!(pushes, Ok(true));
    let prompt = match (plan.is_fresh, plan.restarts) {
        (true, _) => Prompt::Login,
        (false, 0) => Prompt::Unasked,
        (false, _) => Prompt::Aloud,
    };
    let (attempt, state) = Attempt::begin(&desk.keys, now, browser, plan)?;
    let request = oauth::Request {
        state: &state,
        pkce_verifier: &attempt.pkce_verifier(&desk.keys, browser),
        nonce: &attempt.nonce(&desk.keys, browser),
        prompt,
        is_pushed: attempt.plan.is_pushed,
        login_hint: login_hint.as_deref(),
    };
    let sent = match pushes {
        Ok(_) => provider.authorize(request, client, now, deadline).await,
        Err(failure) => Err(failure),
    };
    match sent {
        Ok(url) => {
            log_step("sign_in_begun", &attempt, "", Duration::ZERO, "ok");
            Ok(url)
        }
        Err(oauth::Failure { step, cause }) => {
            let error = failure(Some(&attempt), step, cause);
            let deadline = deadline + NOTE_PATIENCE;
            Err(refuse(desk, error, client, deadline).await)
        }
    }
}

/// The answer that the browser brings back (RFC 6749 4.1.2), each parameter at most once.
#[derive(Debug)]
pub struct Callback {
    pub state: Option<String>,
    pub code: Option<Secret<String>>,
    pub error: Option<String>,
    /// Who answers (RFC 9207).
    pub issuer: Option<String>,
    /// A parameter stood there twice.
    pub is_doubled: bool,
}

impl Callback {
    /// Each parameter at most once (RFC 6749 3.1), and either a code or an error. Where that does not
    /// hold, what is doubled counts as not there.
    #[must_use]
    pub fn parse(query: &str, code_name: &str) -> Self {
        let once = |name: &str| {
            let mut values = url::form_urlencoded::parse(query.as_bytes())
                .filter(|(given, _)| given == name || is_array_form(given, name));
            match (values.next(), values.next()) {
                (Some((given, value)), None) if given == name && !value.is_empty() => {
                    Some(value.into_owned())
                }
                _ => None,
            }
        };
        let is_doubled = |name: &str| {
            url::form_urlencoded::parse(query.as_bytes())
                .filter(|(given, _)| given == name || is_array_form(given, name))
                .count()
                > 1
        };
        let has_doubled = ["state", "code", code_name, "error", "iss", "session_state"]
            .into_iter()
            .any(is_doubled);
        Self {
            state: once("state"),
            code: once(code_name).filter(|_| !has_doubled).map(Secret::new),
            error: once("error").filter(|_| !has_doubled),
            issuer: once("iss"),
            is_doubled: has_doubled,
        }
    }
}

/// `code[]` and `code[0]`, which some servers read as `code`.
fn is_array_form(given: &str, name: &str) -> bool {
    given
        .strip_prefix(name)
        .is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']'))
}

/// Who brings it back.
pub struct Visitor {
    /// `None` when it brings no binding of ours.
    pub browser: Option<Browser>,
    pub client: Client,
    /// The token of the session that this browser has, live or not.
    pub session_token: Option<Secret<String>>,
}

/// How a callback ended well.
pub enum Finished {
    SignedIn {
        /// For the cookie.
        token: Secret<String>,
        next: LocalPath,
        /// The browser came with a session that was not theirs, or over.
        is_other_person: bool,
    },
    /// Ours, but old, used or of another browser: whoever is signed in goes on to where it led,
    /// anybody else starts over.
    Stale(Box<StaleAttempt>),
    /// The provider was added to the account.
    Linked { next: LocalPath },
    /// Nothing was changed: this is what a sign-in would do.
    Rehearsed(Box<Rehearsal>),
}

/// An attempt that can only be begun again.
pub struct StaleAttempt {
    attempt: Attempt,
    deadline: Instant,
    /// As the log has it.
    why: &'static str,
}

impl StaleAttempt {
    #[must_use]
    pub const fn next(&self) -> &LocalPath {
        &self.attempt.plan.next
    }

    /// Whether it is a sign-in. What else was begun is its session's, and over with it.
    #[must_use]
    pub const fn is_sign_in(&self) -> bool {
        matches!(self.attempt.plan.intent, Intent::SignIn)
    }

    /// Whether it is to begin again even for somebody who is signed in.
    #[must_use]
    pub fn must_begin_again(&self) -> bool {
        // It was tried in silence, and the provider wants to speak with the person; or the person
        // signed out there, and wants to add it to their account.
        self.why == SILENCE_REFUSED
            || (self.why == SIGNED_OUT_THERE && matches!(self.attempt.plan.intent, Intent::Link(_)))
    }
}

/// Ends an attempt that came back to the callback of `provider`: the calls that the protocol needs,
/// and one transaction.
///
/// # Errors
/// [`Error::SignIn`] with who failed; [`Error::Database`], and then nothing was changed.
pub async fn finish(
    desk: &Arc<Desk>,
    provider: &Arc<Provider>,
    callback: Callback,
    visitor: Visitor,
) -> Result<Finished> {
    let deadline = Instant::now() + CALLBACK_DEADLINE;
    let attempt = callback
        .state
        .as_deref()
        .and_then(|state| Attempt::open(&desk.keys, state))
        .filter(|attempt| attempt.plan.provider == provider.id());
    let Some(attempt) = attempt else {
        // No row: anybody can make any number of these.
        let error = SignInError {
            provider: provider.id().to_owned(),
            ..failure(None, Step::Callback, Cause::UnknownAttempt)
        };
        log_failure(&error);
        return Err(Error::SignIn(Box::new(error)));
    };
    let stale = |attempt, why: &'static str| {
        let attempt: Attempt = attempt;
        log_step("sign_in_stale", &attempt, "", Duration::ZERO, why);
        Ok(Finished::Stale(Box::new(StaleAttempt {
            attempt,
            deadline,
            why,
        })))
    };
    let now = desk.clock.now();
    let browser = visitor
        .browser
        .as_ref()
        .filter(|browser| attempt.is_valid(now, browser));
    let Some(browser) = browser else {
        return stale(attempt, "old_or_other_browser");
    };
    // Without its metadata nobody knows whether the provider says who answers.
    if let Err(failed) = provider.discover_once(now, deadline).await {
        let error = failure(Some(&attempt), failed.step, failed.cause);
        return Err(refuse(desk, error, &visitor.client, deadline).await);
    }
    let code = match (callback.code, callback.error) {
        _ if callback.is_doubled => Err(Cause::BadCallback),
        // Before anything else is believed: an error of somebody else is not this provider's.
        _ if !provider.is_issuer(callback.issuer.as_deref()) => Err(Cause::WrongIssuer),
        (Some(code), None) => Ok(code),
        (None, Some(code)) if code == "access_denied" => Err(Cause::Declined),
        (None, Some(code)) => Err(Cause::ProviderError(oauth::known_code(&code))),
        _ => Err(Cause::BadCallback),
    };
    if !desk.used_attempts.claim(now, &attempt) {
        return stale(attempt, "used");
    }
    if visitor.session_token.is_some() && is_used_elsewhere(desk, &attempt).await {
        return stale(attempt, "used");
    }
    let was_silent = provider.settings().prompt.as_deref() == Some("none")
        && attempt.plan.restarts < MAX_RESTARTS
        && !attempt.plan.is_fresh;
    if was_silent && matches!(&code, Err(Cause::ProviderError(code)) if is_wish_to_speak(code)) {
        return stale(attempt, SILENCE_REFUSED);
    }
    log_step("sign_in_returned", &attempt, "", Duration::ZERO, "ok");
    desk.failpoint.hit("after_state");
    let mut documents = Documents::default();
    let asked_at = desk.clock.now();
    let person = match code {
        Ok(code) => {
            let asked = (&attempt, browser, &code, &visitor.client);
            ask_provider(desk, provider, asked, &mut documents, deadline).await
        }
        Err(cause) => Err(oauth::Failure {
            step: Step::Callback,
            cause,
        }),
    };
    let given = documents.given.take();
    if let Intent::Rehearse(session) = attempt.plan.intent {
        let_go(desk, provider, &attempt, given, Unkept::Surely);
        let rehearsal =
            rehearsal::look(desk, provider, (person, documents), session, visitor).await?;
        return Ok(Finished::Rehearsed(Box::new(rehearsal)));
    }
    let person = match person {
        Ok(person) => person,
        Err(oauth::Failure { step, cause }) => {
            let_go(desk, provider, &attempt, given, Unkept::Surely);
            let error = failure(Some(&attempt), step, cause);
            return Err(refuse(desk, error, &visitor.client, deadline).await);
        }
    };
    desk.failpoint.hit("after_profile");
    let next = attempt.plan.next.clone();
    if let Intent::Link(session) = attempt.plan.intent {
        let said = (person, asked_at);
        let linked = linking::link(desk, provider, &attempt, said, session, &visitor).await;
        // Whoever adds a provider goes on in the session that they have.
        let_go(desk, provider, &attempt, given, Unkept::Surely);
        return match linked {
            Ok(()) => Ok(Finished::Linked { next }),
            Err(Error::SignedOutThere) => stale(attempt, SIGNED_OUT_THERE),
            Err(error) => Err(error),
        };
    }
    let username = person.profile.username.clone();
    let proof = proof::of_provider(provider, &attempt, person.auth_time, desk.clock.now());
    let way = Way::Provider {
        provider: Arc::clone(provider),
        attempt: attempt.id.clone(),
        person: Box::new(person),
        asked_at,
        proof,
    };
    desk.failpoint.reach("before_sign_in").await;
    match go_in(desk, way, username, next.clone(), visitor, deadline).await {
        Ok(Entered::In {
            token,
            is_other_person,
        }) => Ok(Finished::SignedIn {
            token,
            next,
            is_other_person,
        }),
        Ok(Entered::Refused { error }) => {
            let unkept = match error.cause {
                Cause::DatabaseUnavailable => Unkept::Perhaps,
                _ => Unkept::Surely,
            };
            let_go(desk, provider, &attempt, given, unkept);
            Err(Error::SignIn(error))
        }
        // The session that it has opened may live on these very tokens.
        Err(Error::AttemptUsed) => stale(attempt, "used"),
        Err(Error::SignedOutThere) => {
            let_go(desk, provider, &attempt, given, Unkept::Surely);
            stale(attempt, SIGNED_OUT_THERE)
        }
        Err(error) => {
            let_go(desk, provider, &attempt, given, Unkept::Perhaps);
            Err(error)
        }
    }
}

/// What the provider gave is taken back there, where it takes anything back.
fn let_go(
    desk: &Arc<Desk>,
    provider: &Arc<Provider>,
    attempt: &Attempt,
    given: Option<Given>,
    unkept: Unkept,
) {
    if let Some(given) = given {
        jobs::take_back(desk, provider, &attempt.id, given, unkept);
    }
}

/// Whether another instance has opened a session with it: then its code is used, and a provider
/// may take back what it gave for a code that comes twice (RFC 6749 4.1.2). Asked where the browser
/// has a session already; otherwise the door finds out.
async fn is_used_elsewhere(desk: &Arc<Desk>, attempt: &Attempt) -> bool {
    let id = attempt.id.clone();
    let used = desk
        .db
        .read(move |conn| sessions::is_attempt_used(conn, &id))
        .await;
    used.unwrap_or(false)
}

/// What a provider answers that was asked in silence and must speak with the person (OpenID Connect
/// Core 3.1.2.6).
fn is_wish_to_speak(code: &str) -> bool {
    matches!(
        code,
        "login_required"
            | "interaction_required"
            | "consent_required"
            | "account_selection_required"
    )
}

/// Begins a stale attempt again, to the same place; where to send the browser.
///
/// # Errors
/// [`Cause::RestartLoop`] when it has started over before: the browser probably drops our cookies.
pub async fn start_over(
    desk: &Arc<Desk>,
    stale: StaleAttempt,
    browser: &Browser,
    client: &Client,
) -> Result<Url> {
    let StaleAttempt {
        attempt,
        deadline,
        why,
    } = stale;
    if attempt.plan.restarts >= MAX_RESTARTS {
        let cause = if why == SIGNED_OUT_THERE {
            Cause::SignedOutThere
        } else {
            Cause::RestartLoop
        };
        let error = failure(Some(&attempt), Step::Callback, cause);
        return Err(refuse(desk, error, client, deadline).await);
    }
    let provider = desk.providers.find(&attempt.plan.provider);
    let provider = Arc::clone(provider.ok_or(Error::NotFound)?);
    let plan = Plan {
        restarts: attempt.plan.restarts + 1,
        ..attempt.plan
    };
    begin_planned(desk, &provider, browser, plan, None, client).await
}

async fn ask_provider(
    desk: &Desk,
    provider: &Provider,
    (attempt, browser, code, client): (&Attempt, &Browser, &Secret<String>, &Client),
    documents: &mut Documents,
    deadline: Instant,
) -> Result<Person, oauth::Failure> {
    let deadline = deadline - PROVIDER_EARLIER;
    let returned = Returned {
        code,
        pkce_verifier: &attempt.pkce_verifier(&desk.keys, browser),
        nonce: &attempt.nonce(&desk.keys, browser),
        // A sign-in goes on all the same, and proves nothing.
        fresh_since: matches!(attempt.plan.intent, Intent::Link(_)).then_some(attempt.begun_at),
    };
    let started = Instant::now();
    let now = desk.clock.now();
    let between = || desk.failpoint.hit("after_token");
    let person = provider
        .finish(returned, client, now, deadline, documents, between)
        .await;
    let failed_at = |step: Step| match &person {
        Err(failure) if failure.step == step => Some(failure),
        _ => None,
    };
    let took = person.as_ref().map_or_else(
        |_| Took {
            token: started.elapsed(),
            profile: started.elapsed(),
            ..Took::default()
        },
        |person| person.took,
    );
    log_call(
        "token_call",
        attempt,
        took.token,
        failed_at(Step::TokenCall),
    );
    if person.is_ok() {
        log_call("profile_call", attempt, took.profile, None);
    }
    for (event, step) in [
        ("discovery", Step::Discovery),
        ("id_token", Step::IdToken),
        ("userinfo_call", Step::Userinfo),
        ("profile_call", Step::ProfileCall),
    ] {
        if let Some(failure) = failed_at(step) {
            log_call(event, attempt, took.profile, Some(failure));
        }
    }
    let person = person?;
    let took = person.took.permissions;
    match &person.permissions {
        Permissions::Failed(failure) => log_call("permissions_call", attempt, took, Some(failure)),
        // Read from other answers, where there is no address to ask.
        Permissions::Given(_) if provider.settings().addresses.permissions.is_some() => {
            log_call("permissions_call", attempt, took, None);
        }
        Permissions::Given(_) | Permissions::NotAsked => {}
    }
    Ok(person)
}

/// The one transaction of a sign-in.
async fn go_in(
    desk: &Arc<Desk>,
    way: Way,
    username: String,
    next: LocalPath,
    visitor: Visitor,
    deadline: Instant,
) -> Result<Entered> {
    let started = Instant::now();
    let provider = way.provider().unwrap_or_default().to_owned();
    let attempt = way.attempt().map(str::to_owned);
    let token = Secret::new(random_token()?);
    let grant = match &way {
        Way::Provider {
            provider, person, ..
        } => {
            let recheck_at = recheck::first(provider, &person.grant, desk.clock.now());
            let token_hash = sha256(token.expose().as_bytes());
            tokens::seal(&desk.keys, &person.grant, &token_hash, recheck_at)?
        }
        _ => tokens::Sealed::default(),
    };
    let entry = Entry {
        desk: Arc::clone(desk),
        now: desk.clock.now(),
        way,
        next: next.clone(),
        token,
        grant,
        reference: reference(),
        previous_hash: visitor
            .session_token
            .map(|token| sha256(token.expose().as_bytes())),
        client: visitor.client,
    };
    let write = desk.db.write(move |conn| {
        let entered = enter(conn, &entry)?;
        entry.desk.failpoint.hit("before_commit");
        Ok(entered)
    });
    let result = timeout_at(deadline, write)
        .await
        .unwrap_or(Err(Error::Database(DatabaseError::Busy)));
    desk.failpoint.hit("after_commit");
    let result = match result {
        Err(Error::Database(why @ (DatabaseError::Busy | DatabaseError::Down(_)))) => {
            warn!(event = "database", outcome = "failed"; "{}", Error::Database(why));
            Ok(Entered::Refused {
                error: Box::new(SignInError {
                    reference: reference(),
                    attempt: attempt.clone(),
                    provider: provider.clone(),
                    next,
                    is_linking: false,
                    step: Step::Account,
                    cause: Cause::DatabaseUnavailable,
                }),
            })
        }
        other => other,
    };
    let outcome = match &result {
        Ok(Entered::In { .. }) => "ok",
        Ok(Entered::Refused { error }) => {
            log_failure(error);
            error.cause.code()
        }
        Err(Error::AttemptUsed) => "used",
        Err(Error::SignedOutThere) => SIGNED_OUT_THERE,
        Err(_) => "failed",
    };
    log_line(
        "sign_in_finished",
        attempt.as_deref().unwrap_or_default(),
        &provider,
        &username,
        started.elapsed(),
        outcome,
    );
    result
}

/// A sign-in that failed before anybody was known: a line in the log and, up to a cap, a row.
async fn refuse(desk: &Arc<Desk>, error: SignInError, client: &Client, deadline: Instant) -> Error {
    log_failure(&error);
    let refusal = Refusal {
        reference: error.reference.clone(),
        reason: error.cause.reason(),
        failure: error.to_string(),
        provider: Some(error.provider.clone()).filter(|id| !id.is_empty()),
        about: None,
        client: client.clone(),
    };
    note(desk, refusal, deadline).await;
    Error::SignIn(Box::new(error))
}

/// A sign-in that did not come as far as the door, for the trail.
struct Refusal {
    reference: String,
    reason: Reason,
    failure: String,
    provider: Option<String>,
    /// Whose account, where that is known.
    about: Option<(i64, String)>,
    client: Client,
}

/// Writes a row, if [`crate::audit::RefusalCap`] admits one more. The person gets to know why the
/// sign-in failed, whatever becomes of the row.
async fn note(desk: &Arc<Desk>, refusal: Refusal, deadline: Instant) {
    let now = desk.clock.now();
    if !desk.refusals.admit(now, refusal.about()) {
        return;
    }
    let due = desk.refusals.take_due();
    let kept = due.clone();
    let write = desk.db.write(move |conn| {
        for left_out in &due {
            left_out.record(conn, now)?;
        }
        refusal.record(conn, now)
    });
    let failed = match timeout_at(deadline, write).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => {
            desk.refusals.put_back(kept);
            error.to_string()
        }
        // It may be written yet.
        Err(_) => "no answer in time".to_owned(),
    };
    warn!(event = "audit", outcome = "failed"; "{failed}");
}

/// Writes down how many refusals had no row, although nobody is refused any more.
///
/// # Errors
/// [`crate::error::DatabaseError`]; then it is due again.
pub async fn note_left_out(desk: &Arc<Desk>) -> Result<()> {
    let now = desk.clock.now();
    let due = desk.refusals.take_all_due(now);
    if due.is_empty() {
        return Ok(());
    }
    let kept = due.clone();
    let written = desk.db.write(move |conn| {
        due.iter()
            .try_for_each(|left_out| left_out.record(conn, now))
    });
    let written = written.await;
    if written.is_err() {
        desk.refusals.put_back(kept);
    }
    written
}

impl Refusal {
    fn about(&self) -> About<'_> {
        let about = self.about.as_ref();
        about.map_or(About::Portal, |(id, username)| About::Person(*id, username))
    }

    fn record(&self, conn: &mut Conn, now: UnixTime) -> Result<()> {
        let event = Event::SignInRefused {
            reason: self.reason,
            failure: self.failure.clone(),
        };
        // Who tried is not known.
        Deed::new(now, Actor::Unknown, &self.client)
            .at(self.provider.as_deref())
            .with_reference(&self.reference)
            .record(conn, self.about(), &event)
    }
}

fn failure(attempt: Option<&Attempt>, step: Step, cause: Cause) -> SignInError {
    let plan = attempt.map(|attempt| &attempt.plan);
    SignInError {
        reference: reference(),
        attempt: attempt.map(|attempt| attempt.id.clone()),
        provider: plan.map(|plan| plan.provider.clone()).unwrap_or_default(),
        next: plan.map_or_else(LocalPath::home, |plan| plan.next.clone()),
        is_linking: plan.is_some_and(|plan| matches!(plan.intent, Intent::Link(_))),
        step,
        cause,
    }
}

fn log_call(event: &str, attempt: &Attempt, took: Duration, failure: Option<&oauth::Failure>) {
    let outcome = failure.map_or("ok", |failure| failure.cause.code());
    log_step(event, attempt, "", took, outcome);
}

/// A step of a sign-in with the provider.
fn log_step(event: &str, attempt: &Attempt, user: &str, took: Duration, outcome: &str) {
    let provider = &attempt.plan.provider;
    log_line(event, &attempt.id, provider, user, took, outcome);
}

/// One line a step, always with the same fields.
fn log_line(event: &str, attempt: &str, provider: &str, user: &str, took: Duration, outcome: &str) {
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    info!(
        event = event,
        attempt = attempt,
        provider = provider,
        user = user,
        ms = ms,
        outcome = outcome;
        ""
    );
}

fn log_failure(error: &SignInError) {
    let user = match &error.cause {
        Cause::Inactive { username }
        | Cause::NameTaken { username }
        | Cause::NameReserved { username } => username,
        _ => "",
    };
    warn!(
        event = "sign_in_refused",
        attempt = error.attempt.as_deref().unwrap_or_default(),
        provider = error.provider.as_str(),
        user = user,
        ms = 0,
        outcome = error.cause.code(),
        reference = error.reference.as_str();
        "{error}"
    );
}
