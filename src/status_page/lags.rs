//! Measures how long it really takes until a person is re-checked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::UnixTime;

/// The recent times between two checks of one person, by provider.
#[derive(Debug, Default)]
pub struct Lags(Mutex<HashMap<String, Lag>>);

/// The longest time of this window and of the previous one.
#[derive(Clone, Copy, Debug, Default)]
struct Lag {
    window: i64,
    longest: Duration,
    before: Duration,
}

/// Ten minutes, in microseconds.
const WINDOW: i64 = 600_000_000;

impl Lags {
    /// Records the time between two answers about one person.
    pub fn note(&self, provider: &str, now: UnixTime, lag: Duration) {
        let window = now.0.div_euclid(WINDOW);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.entry(provider.to_owned()).or_default();
        if entry.window != window {
            let (is_next, zero) = (entry.window + 1 == window, Duration::ZERO);
            *entry = Lag {
                window,
                longest: zero,
                before: if is_next { entry.longest } else { zero },
            };
        }
        entry.longest = entry.longest.max(lag);
    }

    /// The longest of the last ten to twenty minutes, on this instance.
    pub fn longest(&self, provider: &str) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lag = all.get(provider)?;
        Some(lag.longest.max(lag.before)).filter(|lag| !lag.is_zero())
    }
}
