//! The lines of sign-ins.

use std::time::Duration;

use log::info;

/// The log lines of one sign-in: one per step, always with the same fields.
#[derive(Clone, Copy, Debug)]
pub struct SignInLog<'a> {
    /// The attempt, which is the same in all lines of the sign-in. A password sign-in has none.
    pub attempt: Option<&'a str>,
    /// The provider's id.
    pub provider: Option<&'a str>,
    /// The username, as soon as it is known.
    pub user: Option<&'a str>,
}

impl SignInLog<'_> {
    /// Writes the line of a step.
    pub fn line(self, event: &str, took: Duration, outcome: &str) {
        info!(
            event = event,
            attempt = self.attempt.unwrap_or_default(),
            provider = self.provider.unwrap_or_default(),
            user = self.user.unwrap_or_default(),
            ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            outcome = outcome;
            ""
        );
    }
}
