//! How long a verification takes on this machine, by the kind of hash. An attacker must not be able
//! to see the kind: each try holds its place for as long as the most expensive kind that is stored
//! would take.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};

use crate::import_django::django_hash::{self, Kind};
use crate::secret::is_pbkdf2_sha256;

/// Our own hashes, with the parameters of new ones.
const OWN: Kind = Kind::Argon2 {
    memory: Params::DEFAULT_M_COST,
    passes: Params::DEFAULT_T_COST,
    lanes: Params::DEFAULT_P_COST,
};

/// The most expensive of the hashes that Django made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CostliestHashes {
    pbkdf2: Option<Kind>,
    argon2: Option<Kind>,
}

impl CostliestHashes {
    /// Considers one more hash. Our own are known already.
    pub fn see(&mut self, stored: &str) {
        let Some(kind) = django_hash::kind(stored) else {
            return;
        };
        let costliest = match kind {
            Kind::Pbkdf2 { .. } => &mut self.pbkdf2,
            Kind::Argon2 { .. } => &mut self.argon2,
        };
        if costliest.is_none_or(|known| work(kind) > work(known)) {
            *costliest = Some(kind);
        }
    }
}

/// A measure of work, comparable only within one algorithm.
fn work(kind: Kind) -> u64 {
    match kind {
        Kind::Pbkdf2 { iterations } => iterations.get().into(),
        Kind::Argon2 { memory, passes, .. } => u64::from(memory).saturating_mul(passes.into()),
    }
}

/// On a busy machine, a verification takes longer than it did when measured.
const MARGIN: (u32, u32) = (7, 5);
/// Keeps one hash of millions of iterations from making everyone wait.
const LONGEST: Duration = Duration::from_secs(3);

/// Returns how long a try holds its place. Kinds not yet measured in this process are measured
/// first, which takes as long as a few verifications.
pub(super) fn slot(costliest: CostliestHashes) -> Duration {
    let own = measured(OWN);
    let theirs = costliest
        .pbkdf2
        .map(measured)
        .max(costliest.argon2.map(measured));
    // A right password with another kind of hash gets a hash of our own at once.
    let all = theirs.map_or(own, |theirs| theirs.max(own) + own);
    (all * MARGIN.0 / MARGIN.1).min(LONGEST)
}

fn measured(kind: Kind) -> Duration {
    static KNOWN: Mutex<Option<HashMap<Kind, Duration>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known
        .get_or_insert_default()
        .entry(kind)
        .or_insert_with(|| measure(kind))
}

/// Takes the shortest of three runs, to exclude other load on the machine.
fn measure(kind: Kind) -> Duration {
    match kind {
        Kind::Pbkdf2 { iterations } => {
            // The time grows in proportion to the iterations.
            let few = iterations.min(SAMPLE);
            let took = shortest(|| {
                let _never_right = is_pbkdf2_sha256(b"nobody", b"of-no-account", few, &[0; 32]);
            });
            took.mul_f64(f64::from(iterations.get()) / f64::from(few.get()))
        }
        Kind::Argon2 {
            memory,
            passes,
            lanes,
        } => {
            let Ok(params) = Params::new(memory, passes, lanes, None) else {
                return Duration::ZERO;
            };
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            shortest(|| {
                let mut out = [0; 32];
                let _never_fails = argon2.hash_password_into(b"nobody", b"of-no-account", &mut out);
            })
        }
    }
}

const SAMPLE: NonZeroU32 = match NonZeroU32::new(50_000) {
    Some(few) => few,
    None => NonZeroU32::MIN,
};

fn shortest(mut work: impl FnMut()) -> Duration {
    let mut once = || {
        let started = Instant::now();
        work();
        started.elapsed()
    };
    once().min(once()).min(once())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dearest_of_each_kind_is_kept() {
        let mut costliest = CostliestHashes::default();
        for stored in [
            "",
            "!",
            "pbkdf2_sha256$720000$a$d8wJaibZHrtsMbW3DIv569vaoxLvd1gv82f/kmXlHAE=",
            django_hash::tests::PBKDF2,
            "pbkdf2_sha256$99999999999$a$d8wJaibZHrtsMbW3DIv569vaoxLvd1gv82f/kmXlHAE=",
        ] {
            costliest.see(stored);
        }
        let iterations = NonZeroU32::new(720_000).expect("not zero");
        assert_eq!(costliest.pbkdf2, Some(Kind::Pbkdf2 { iterations }));
        assert_eq!(costliest.argon2, None);
        let dear = slot(costliest);
        assert!(dear > slot(CostliestHashes::default()), "{dear:?}");
        assert!(dear <= LONGEST);
    }
}
