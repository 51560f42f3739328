//! A refused sign-in: its line in the log and its row in the audit log.

use std::sync::Arc;

use log::warn;
use tokio::time::{Instant, timeout_at};

use crate::audit::{About, Actor, Deed, Event, LeftOut};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Cause, Error, Result, SignInError, Step};
use crate::id::{Reference, UserId};
use crate::local_path::LocalPath;
use crate::portal::Portal;
use crate::reason::Reason;
use crate::sessions::Client;
use crate::sign_in_attempts::{Attempt, Intent};

/// The error of a sign-in that failed, for the log, the row and the page.
pub(super) fn failure(attempt: Option<&Attempt>, step: Step, cause: Cause) -> SignInError {
    let plan = attempt.map(|attempt| &attempt.plan);
    SignInError {
        reference: Reference::random(),
        attempt: attempt.map(|attempt| attempt.id.clone()),
        provider: plan.map(|plan| plan.provider.clone()),
        next: plan.map_or_else(LocalPath::home, |plan| plan.next.clone()),
        is_linking: plan.is_some_and(|plan| matches!(plan.intent, Intent::Link(_))),
        step,
        cause,
    }
}

pub(super) fn log_failure(error: &SignInError) {
    let user = match &error.cause {
        Cause::Inactive { username }
        | Cause::NameTaken { username }
        | Cause::NameReserved { username } => username,
        _ => "",
    };
    warn!(
        event = "sign_in_refused",
        attempt = error.attempt.as_deref().unwrap_or_default(),
        provider = error.provider.as_deref().unwrap_or_default(),
        user = user,
        ms = 0,
        outcome = error.cause.code(),
        reference = error.reference.as_str();
        "{error}"
    );
}

/// Refuses a sign-in that failed before the person was known: writes a line to the log and, up to a
/// cap, a row.
pub(super) async fn refuse(
    portal: &Arc<Portal>,
    error: SignInError,
    client: &Client,
    deadline: Instant,
) -> Error {
    log_failure(&error);
    let refusal = RefusedSignIn {
        reference: error.reference.clone(),
        reason: error.cause.reason(),
        failure: Some(error.to_string()),
        provider: error.provider.clone(),
        about: None,
        client: client.clone(),
    };
    note(portal, refusal, deadline).await;
    Error::SignIn(Box::new(error))
}

/// A sign-in that was refused before its transaction, for the audit log.
pub(super) struct RefusedSignIn {
    pub reference: Reference,
    pub reason: Reason,
    /// The cause, as the log states it, if that says more than the reason.
    pub failure: Option<String>,
    pub provider: Option<String>,
    /// The account that it concerns, if known.
    pub about: Option<(UserId, String)>,
    pub client: Client,
}

/// Writes a row, if [`crate::audit::RefusalCap`] allows one more. The person is told why the
/// sign-in failed, whatever happens to the row.
pub(super) async fn note(portal: &Arc<Portal>, refusal: RefusedSignIn, deadline: Instant) {
    if !portal
        .refusal_cap
        .may_write_row(portal.clock.now(), refusal.about())
    {
        return;
    }
    let write = write(portal, portal.refusal_cap.take_due(), Some(refusal));
    let failed = match timeout_at(deadline, write).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        // It may still be written.
        Err(_) => "no answer in time".to_owned(),
    };
    warn!(event = "audit", outcome = "failed"; "{failed}");
}

/// Records how many refusals got no row, even if no more refusals follow.
pub async fn note_left_out(portal: &Arc<Portal>) -> Result<()> {
    let due = portal.refusal_cap.take_all_due(portal.clock.now());
    if due.is_empty() {
        return Ok(());
    }
    write(portal, due, None).await
}

/// Records refusals that got no row, and one that gets its own. If this fails, the others remain
/// due.
async fn write(portal: &Portal, due: Vec<LeftOut>, refusal: Option<RefusedSignIn>) -> Result<()> {
    let now = portal.clock.now();
    let kept = due.clone();
    let write = portal.db.write(move |conn| {
        for left_out in &due {
            left_out.record(conn, now)?;
        }
        match &refusal {
            Some(refusal) => refusal.record(conn, now),
            None => Ok(()),
        }
    });
    let written = write.await;
    if written.is_err() {
        portal.refusal_cap.put_back(kept);
    }
    written
}

impl RefusedSignIn {
    fn about(&self) -> About<'_> {
        let about = self.about.as_ref();
        about.map_or(About::Portal, |(id, username)| About::Person(*id, username))
    }

    fn record(&self, conn: &mut Conn, now: UnixTime) -> Result<()> {
        let event = Event::SignInRefused {
            reason: self.reason,
            failure: self.failure.clone(),
        };
        // It is unknown who tried.
        Deed::new(now, Actor::Unknown, &self.client)
            .through(self.provider.as_deref())
            .with_reference(&self.reference)
            .record(conn, self.about(), &event)
    }
}
