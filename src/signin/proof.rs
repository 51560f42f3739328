//! The proof that a sign-in at a provider gives, beside who the person is: that they are present
//! now.

use crate::attempts::Attempt;
use crate::clock::UnixTime;
use crate::oauth::{AuthTime, Provider};
use crate::sessions::proof::{Proof, ProvedBy};

/// The provider's time of signing in proves presence if it is not before the attempt. An earlier
/// one refutes every other kind of proof, and a missing one proves nothing by itself.
pub fn of_provider(
    provider: &Provider,
    attempt: &Attempt,
    auth_time: AuthTime,
    now: UnixTime,
) -> Option<Proof> {
    let is_asked = attempt.plan.is_fresh;
    let is_pushed = attempt.plan.is_pushed && provider.can_prove_by_pushing();
    let by = match auth_time.is_since(attempt.begun_at, now) {
        Some(true) => ProvedBy::AuthTime,
        None if is_asked && is_pushed => ProvedBy::PushedPrompt,
        None if is_asked && provider.can_prove_by_prompt() => ProvedBy::Prompt,
        None | Some(false) => return None,
    };
    // The time lies between the beginning of the attempt and now, whatever the provider's clock
    // says.
    let at = auth_time.moment().unwrap_or(attempt.begun_at);
    let at = at.max(attempt.begun_at).min(now);
    Some(Proof { at, by })
}
