//! Places where a test makes the server die or panic, to see what is left. Compiled in by the
//! feature `failpoints` alone; otherwise nothing at all.

/// `abort:NAME` or `panic:NAME` of `FRONTDESK_FAILPOINT`.
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
}
