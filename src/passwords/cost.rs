//! How long a verification takes here, by the kind of hash. Whoever tries a password must not see
//! it: each try holds its place for as long as the dearest kind that is stored would.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};

use super::django;
use crate::secret::is_pbkdf2_sha256;

/// A kind of hash, with what makes it dear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Pbkdf2 {
        iterations: NonZeroU32,
    },
    Argon2 {
        memory: u32,
        passes: u32,
        lanes: u32,
    },
}

impl Kind {
    /// As our own are made.
    const OWN: Self = Self::Argon2 {
        memory: Params::DEFAULT_M_COST,
        passes: Params::DEFAULT_T_COST,
        lanes: Params::DEFAULT_P_COST,
    };
}

/// The dearest hashes among those that Django made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dearest {
    pbkdf2: Option<NonZeroU32>,
    argon2: Option<(u32, u32, u32)>,
}

impl Dearest {
    /// Looks at one more hash; our own are known.
    pub fn see(&mut self, stored: &str) {
        match django::kind(stored) {
            Some(Kind::Pbkdf2 { iterations }) => self.pbkdf2 = self.pbkdf2.max(Some(iterations)),
            Some(Kind::Argon2 {
                memory,
                passes,
                lanes,
            }) => {
                let work = |(memory, passes, _): (u32, u32, u32)| {
                    u64::from(memory).saturating_mul(u64::from(passes))
                };
                let seen = (memory, passes, lanes);
                if self.argon2.is_none_or(|known| work(seen) > work(known)) {
                    self.argon2 = Some(seen);
                }
            }
            None => {}
        }
    }

    fn kinds(self) -> impl Iterator<Item = Kind> {
        let pbkdf2 = self.pbkdf2.map(|iterations| Kind::Pbkdf2 { iterations });
        let argon2 = self.argon2.map(|(memory, passes, lanes)| Kind::Argon2 {
            memory,
            passes,
            lanes,
        });
        pbkdf2.into_iter().chain(argon2)
    }
}

/// A busy moment makes a verification longer than it was when it was measured.
const MARGIN: (u32, u32) = (7, 5);
/// So that one hash of millions of iterations does not shut the door on everybody.
const LONGEST: Duration = Duration::from_secs(3);

/// For how long a try holds its place. Measures what has not been measured in this process, which
/// takes as long as a few verifications.
pub(super) fn slot(dearest: Dearest) -> Duration {
    let own = measured(Kind::OWN);
    let theirs = dearest.kinds().map(measured).max();
    // A right password of another's kind gets a hash of our own at once.
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

/// The shortest of three: what else goes on here does not count.
fn measure(kind: Kind) -> Duration {
    match kind {
        Kind::Pbkdf2 { iterations } => {
            // It takes so much longer as there are more.
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
        let mut dearest = Dearest::default();
        for stored in [
            "",
            "!",
            "pbkdf2_sha256$720000$a$d8wJaibZHrtsMbW3DIv569vaoxLvd1gv82f/kmXlHAE=",
            django::tests::PBKDF2,
            "pbkdf2_sha256$99999999999$a$d8wJaibZHrtsMbW3DIv569vaoxLvd1gv82f/kmXlHAE=",
        ] {
            dearest.see(stored);
        }
        assert_eq!(dearest.pbkdf2.map(NonZeroU32::get), Some(720_000));
        assert_eq!(dearest.argon2, None);
        let dear = slot(dearest);
        assert!(dear > slot(Dearest::default()), "{dear:?}");
        assert!(dear <= LONGEST);
    }
}
