//! Limits how many calls per second a provider receives from all parts of this instance.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A budget that grows with time. A caller that takes more than is left waits until it has grown
/// back.
pub struct Pace {
    rate: f64,
    budget: Mutex<(f64, Instant)>,
}

impl Pace {
    /// `rate` is in calls per second.
    pub fn new(rate: u32) -> Self {
        Self {
            rate: f64::from(rate.max(1)),
            budget: Mutex::new((0.0, Instant::now())),
        }
    }

    /// Takes calls from the budget. Returns what is left, which is negative if it was too small.
    fn take(&self, calls: f64) -> f64 {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, last) = *budget;
        let now = Instant::now();
        let grown = now.duration_since(last).as_secs_f64() * self.rate;
        // At most one second's worth is saved up.
        let left = (left + grown).min(self.rate) - calls;
        *budget = (left, now);
        left
    }

    /// The number of calls that could begin now.
    pub fn free(&self) -> usize {
        let left = self.take(0.0).max(0.0).floor();
        format!("{left:.0}").parse().unwrap_or(0)
    }

    /// Waits until this many calls may begin.
    pub async fn turn(&self, calls: u32) {
        let left = self.take(f64::from(calls));
        if left < 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(-left / self.rate)).await;
        }
    }
}
