//! Slows down password guessing: it limits the tries for an account, and from an address, in a
//! quarter of an hour. It covers only the local password, so it can lock no one out of the company
//! sign-in.
//!
//! A try is counted before the password is looked at, so that simultaneous tries cannot slip
//! through together. The counts live in the memory of this instance.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::client_network::network;
use crate::clock::UnixTime;
use crate::id::UserId;
use crate::secret::sha256;

/// The wrong tries allowed for one account, known or not.
pub const PER_ACCOUNT: u32 = 5;
/// The wrong tries allowed from one address (for IPv6, one /64), which a whole office may share.
pub const PER_ADDRESS: u32 = 30;
/// Counted from the first wrong try.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);

/// More than anyone limited by [`PER_ADDRESS`] can fill within a window.
const MAX_WINDOWS: usize = 100_000;

#[derive(Debug, Default)]
pub struct Throttle(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    accounts: HashMap<String, Window>,
    addresses: HashMap<String, Window>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began_at: UnixTime,
    tries: u32,
}

/// A try that was let through. It counts as wrong unless it is given back.
#[derive(Debug)]
pub struct Reservation {
    account: String,
    /// `None` if it is counted apart from the sign-ins of an address.
    address: Option<String>,
}

/// No further try is allowed for this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paused {
    pub retry_after: Duration,
}

impl Throttle {
    /// Counts a try for `username` from `address` before it is made.
    ///
    /// # Errors
    /// [`Paused`] when there were too many; then nothing is counted.
    pub fn reserve(
        &self,
        now: UnixTime,
        username: &str,
        address: &str,
    ) -> Result<Reservation, Paused> {
        let reservation = Reservation {
            // A typed name of any length takes the same room.
            account: sha256(username.as_bytes()),
            address: Some(network(address)),
        };
        self.count_try(now, reservation)
    }

    /// Counts a try by a signed-in person, apart from sign-ins: neither can pause the other. `what`
    /// is not a username.
    pub fn reserve_apart(
        &self,
        now: UnixTime,
        what: &str,
        user_id: UserId,
    ) -> Result<Reservation, Paused> {
        let reservation = Reservation {
            account: sha256(format!("\0{what} {user_id}").as_bytes()),
            address: None,
        };
        self.count_try(now, reservation)
    }

    fn count_try(&self, now: UnixTime, reservation: Reservation) -> Result<Reservation, Paused> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let address = reservation.address.as_ref();
        let waits = [
            address.and_then(|address| wait(&counts.addresses, address, PER_ADDRESS, now)),
            wait(&counts.accounts, &reservation.account, PER_ACCOUNT, now),
        ];
        if let Some(retry_after) = waits.into_iter().flatten().max() {
            return Err(Paused { retry_after });
        }
        if let Some(address) = address {
            count(&mut counts.addresses, address, now);
        }
        count(&mut counts.accounts, &reservation.account, now);
        Ok(reservation)
    }

    /// Takes back this one try, because the password was right or could not be checked. Other tries
    /// still count.
    pub fn give_back(&self, reservation: &Reservation) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = &mut *counts;
        let address = reservation.address.as_ref();
        let account = counts.accounts.get_mut(&reservation.account);
        let address = address.and_then(|address| counts.addresses.get_mut(address));
        for window in account.into_iter().chain(address) {
            window.tries = window.tries.saturating_sub(1);
        }
    }
}

fn wait(
    windows: &HashMap<String, Window>,
    key: &str,
    limit: u32,
    now: UnixTime,
) -> Option<Duration> {
    let window = windows.get(key)?;
    let age = now.since(window.began_at);
    (window.tries >= limit && age < WINDOW).then(|| WINDOW.saturating_sub(age))
}

fn count(windows: &mut HashMap<String, Window>, key: &str, now: UnixTime) {
    if let Some(window) = windows.get_mut(key)
        && now.since(window.began_at) < WINDOW
    {
        window.tries += 1;
        return;
    }
    if windows.len() >= MAX_WINDOWS {
        make_room(windows, now);
    }
    let window = Window {
        began_at: now,
        tries: 1,
    };
    windows.insert(key.to_owned(), window);
}

/// Drops the windows that are over. If too many remain, it drops some that pause no one: half of
/// them at once, so that a flood causes this work rarely.
fn make_room(windows: &mut HashMap<String, Window>, now: UnixTime) {
    windows.retain(|_, window| now.since(window.began_at) < WINDOW);
    let mut left = MAX_WINDOWS / 2;
    windows.retain(|_, window| {
        let is_kept = window.tries >= PER_ACCOUNT || left > 0;
        left = left.saturating_sub(1);
        is_kept
    });
    // Only someone with a hundred thousand addresses gets here.
    if windows.len() >= MAX_WINDOWS {
        windows.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    const START: UnixTime = UnixTime(0);

    fn tries(throttle: &Throttle, now: UnixTime, username: &str, address: &str) -> usize {
        (0..1000)
            .filter(|_| throttle.reserve(now, username, address).is_ok())
            .count()
    }

    #[test]
    fn an_account_has_five_tries_from_wherever_they_come() {
        let throttle = Throttle::default();
        assert_eq!(tries(&throttle, START, "boss", "10.0.0.1"), 5);
        assert_eq!(tries(&throttle, START, "boss", "10.0.0.2"), 0);
        let paused = throttle.reserve(UnixTime(5 * MINUTE), "boss", "10.0.0.3");
        let retry_after = Duration::from_secs(600);
        assert_eq!(paused.map(|_| ()), Err(Paused { retry_after }));
        let later = UnixTime(15 * MINUTE);
        assert_eq!(tries(&throttle, later, "boss", "10.0.0.2"), 5);
    }

    #[test]
    fn an_address_has_thirty_and_an_ipv6_network_counts_as_one() {
        let throttle = Throttle::default();
        let is_let_through = |number: &u32| {
            let (name, address) = (format!("user{number}"), format!("2001:db8:1:2::{number:x}"));
            throttle.reserve(START, &name, &address).is_ok()
        };
        assert_eq!((0..200).filter(is_let_through).count(), 30);
        assert!(throttle.reserve(START, "x", "2001:db8:1:3::1").is_ok());
        // The same IPv4 address in its other spelling.
        assert_eq!(tries(&throttle, START, "a", "10.0.0.9"), 5);
        assert_eq!(tries(&throttle, START, "a", "::ffff:10.0.0.9"), 0);
    }

    #[test]
    fn a_right_password_gives_back_its_own_try_alone() {
        let throttle = Throttle::default();
        for _ in 0..4 {
            assert!(throttle.reserve(START, "boss", "10.0.0.1").is_ok());
        }
        for _ in 0..50 {
            let right = throttle.reserve(START, "boss", "10.0.0.1");
            throttle.give_back(&right.expect("a try"));
        }
        assert_eq!(tries(&throttle, START, "boss", "10.0.0.1"), 1);
    }

    #[test]
    fn tries_of_somebody_who_is_signed_in_are_counted_apart() {
        let throttle = Throttle::default();
        assert_eq!(tries(&throttle, START, "boss", "10.0.0.1"), 5);
        let apart = |what| {
            (0..100)
                .filter(|_| throttle.reserve_apart(START, what, UserId(7)).is_ok())
                .count()
        };
        assert_eq!((apart("confirm"), apart("confirm")), (5, 0));
        assert_eq!(apart("other"), 5);
        assert_eq!(tries(&throttle, START, "li", "10.0.0.1"), 5);
    }

    #[test]
    fn a_flood_of_names_stays_bounded() {
        let throttle = Throttle::default();
        for number in 0..MAX_WINDOWS + 50 {
            let octets = u32::try_from(number).expect("small").to_be_bytes();
            let address = std::net::Ipv4Addr::from(octets).to_string();
            let _ = throttle.reserve(START, &format!("user{number}"), &address);
        }
        let counts = throttle.0.lock().expect("no panic");
        assert!(counts.accounts.len() <= MAX_WINDOWS && counts.addresses.len() <= MAX_WINDOWS);
    }
}
