//! Places where a test makes the server die or panic, to see what is left, or lose its patience
//! sooner. Compiled in by the feature `failpoints` alone; otherwise nothing at all.

use std::time::Duration;

/// `abort:NAME`, `panic:NAME` or `patience:NAME:MILLISECONDS` of `FRONTDESK_FAILPOINT`.
#[derive(Debug, Default, Clone)]
pub struct Failpoint {
    #[cfg(feature = "failpoints")]
    set: Option<String>,
}

impl Failpoint {
    #[cfg(feature = "failpoints")]
    #[must_use]
    pub const fn new(set: Option<String>) -> Self {
        Self { set }
    }

    /// Dies here if this place was named.
    ///
    /// # Panics
    /// When it was named with `panic:`.
    #[cfg(feature = "failpoints")]
    #[expect(clippy::panic, reason = "a test asks for it")]
    pub fn hit(&self, name: &str) {
        match self.set.as_deref().and_then(|set| set.split_once(':')) {
            Some(("abort", place)) if place == name => std::process::abort(),
            Some(("panic", place)) if place == name => panic!("failpoint {name}"),
            _ => {}
        }
    }

    #[cfg(not(feature = "failpoints"))]
    pub const fn hit(&self, _name: &str) {}

    /// How long to wait here: `usual`, unless a test says otherwise.
    #[cfg(feature = "failpoints")]
    #[must_use]
    pub fn patience(&self, name: &str, usual: Duration) -> Duration {
        let millis = self
            .set
            .as_deref()
            .and_then(|set| set.strip_prefix("patience:")?.split_once(':'))
            .filter(|(place, _)| *place == name)
            .and_then(|(_, millis)| millis.parse().ok());
        millis.map_or(usual, Duration::from_millis)
    }

    #[cfg(not(feature = "failpoints"))]
    #[must_use]
    pub const fn patience(&self, _name: &str, usual: Duration) -> Duration {
        usual
    }
}
