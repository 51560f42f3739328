//! Ids: made by the program, ordered by time, and the same on both databases.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::UnixTime;
use crate::secret::random_bytes;

/// 2020-01-01T00:00:00Z in milliseconds: ids count from here and last until 2159.
const EPOCH_MILLIS: i64 = 1_577_836_800_000;
const RANDOM_BITS: u32 = 21;

/// Makes an id for something that happened at `time`, however long ago: it is negative before 2020.
/// It need not be larger than earlier ids, so it may collide in the primary key; the write is then
/// run again.
#[must_use]
pub fn id_at(time: UnixTime) -> i64 {
    first_id_at(time) | i64::from(random())
}

/// Returns the smallest id that anything at or after this time can have.
#[must_use]
pub fn first_id_at(time: UnixTime) -> i64 {
    // Years far outside the range of 42 bits would change the sign.
    let millis = (time.millis() - EPOCH_MILLIS).clamp(-(1 << 41), (1 << 42) - 1);
    millis << RANDOM_BITS
}

fn random() -> u32 {
    random_bytes::<4>().map_or(0, u32::from_le_bytes) >> (32 - RANDOM_BITS)
}

static LAST: AtomicI64 = AtomicI64::new(0);

/// Makes a new id: 42 bits of milliseconds and 21 random ones, larger than any that this process
/// made before. If two instances make the same one, the primary key refuses it and the write is run
/// again.
#[must_use]
pub fn new_id(now: UnixTime) -> i64 {
    let fresh = id_at(now);
    let last = LAST
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            Some(fresh.max(last.saturating_add(1)))
        })
        .unwrap_or(fresh);
    fresh.max(last.saturating_add(1))
}
