//! Ids: made by the program, ordered by time, the same on both databases.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::UnixTime;
use crate::secret::random_bytes;

/// 2020-01-01T00:00:00Z in milliseconds: ids count from here and last until 2159.
const EPOCH_MILLIS: i64 = 1_577_836_800_000;
const RANDOM_BITS: u32 = 21;

static LAST: AtomicI64 = AtomicI64::new(0);

/// A new id: 42 bits of milliseconds and 21 random ones, larger than any that this process made
/// before. Two instances that hit on the same one meet the primary key, and the write is run again.
#[must_use]
pub fn new_id(now: UnixTime) -> i64 {
    let random = random_bytes::<4>().map_or(0, u32::from_le_bytes) >> (32 - RANDOM_BITS);
    let fresh = ((now.millis() - EPOCH_MILLIS) << RANDOM_BITS) | i64::from(random);
    let last = LAST
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            Some(fresh.max(last.saturating_add(1)))
        })
        .unwrap_or(fresh);
    fresh.max(last.saturating_add(1))
}
