//! A slot lets one sign-in call the provider. A sign-in without one queues for a few seconds;
//! client addresses take turns. So that one address cannot shut out the rest, it keeps at most half
//! of the slots while others wait.
//!
//! An address is a client's, or its /64 for IPv6. If a trusted proxy names no client, each of its
//! requests counts separately.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::Failure;
use crate::client_network::network;
use crate::error::{Cause, Result, Step};
use crate::sessions::Client;

/// The longest wait for a slot. It is also limited to half of the remaining time, because the
/// calls need some too.
const PATIENCE: Duration = Duration::from_secs(5);
/// If a provider answers, slots become free by themselves. If no slot becomes free for this long,
/// an address with more than half gives one back.
const GRACE: Duration = Duration::from_millis(500);
/// When this many wait already, the next one is refused, or one of the address with the most
/// waiting.
const MAX_WAITING: usize = 400;

pub struct Slots {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    /// Slots by address, the oldest first. No entry is empty.
    held: HashMap<String, Vec<Held>>,
    /// Waiting sign-ins by address, in the order of their turns. No entry is empty.
    waiting: VecDeque<(String, VecDeque<Waiting>)>,
    last_id: u64,
}

struct Held {
    id: u64,
    recall: Arc<Notify>,
    is_recalled: bool,
}

struct Waiting {
    id: u64,
    recall: Arc<Notify>,
    grant: oneshot::Sender<()>,
}

/// A slot that is held or, while its `take` still waits, a place in the line. Dropping it gives it
/// back.
pub struct Slot<'a> {
    slots: &'a Slots,
    address: String,
    id: u64,
    recall: Arc<Notify>,
}

impl Slots {
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of free slots.
    pub fn left(&self) -> usize {
        self.capacity.saturating_sub(self.state().taken)
    }

    /// The number of sign-ins that wait.
    pub fn waiting(&self) -> usize {
        self.state().count_waiting()
    }

    /// Takes a slot for a request of this client. Fails after [`PATIENCE`] or half of the time
    /// left, whichever is sooner.
    pub async fn take(&self, client: &Client, deadline: Instant) -> Result<Slot<'_>, Cause> {
        let now = Instant::now();
        let until = (now + PATIENCE).min(now + deadline.saturating_duration_since(now) / 2);
        let (slot, mut granted) = self.line_up(client)?;
        let mut next_look = now + GRACE;
        loop {
            match timeout_at(next_look.min(until), &mut granted).await {
                Ok(Ok(())) => return Ok(slot),
                // The place was taken away in favour of a shorter line.
                Ok(Err(_)) => return Err(Cause::Overloaded),
                Err(_) if Instant::now() >= until => return Err(Cause::Overloaded),
                Err(_) => self.state().recall(self.capacity, &slot.address),
            }
            next_look += GRACE;
        }
    }

    /// Returns a place in the line, and a receiver that fires when the place becomes a slot, and
    /// closes if the place is taken away.
    fn line_up(&self, client: &Client) -> Result<(Slot<'_>, oneshot::Receiver<()>), Cause> {
        let mut state = self.state();
        state.last_id += 1;
        let id = state.last_id;
        let address = if client.is_proxy {
            // No real address looks like this.
            format!("{id}")
        } else {
            network(&client.address)
        };
        if state.count_waiting() >= MAX_WAITING && !state.make_room(&address) {
            return Err(Cause::Overloaded);
        }
        let (grant, granted) = oneshot::channel();
        let recall = Arc::new(Notify::new());
        let waiting = Waiting {
            id,
            recall: Arc::clone(&recall),
            grant,
        };
        match state.waiting.iter_mut().find(|(of, _)| *of == address) {
            Some((_, line)) => line.push_back(waiting),
            None => state
                .waiting
                .push_back((address.clone(), VecDeque::from([waiting]))),
        }
        state.hand_out(self.capacity);
        drop(state);
        let slot = Slot {
            slots: self,
            address,
            id,
            recall,
        };
        Ok((slot, granted))
    }
}

impl State {
    fn count_waiting(&self) -> usize {
        self.waiting.iter().map(|(_, line)| line.len()).sum()
    }

    fn count_held(&self, address: &str) -> usize {
        self.held.get(address).map_or(0, Vec::len)
    }

    /// Gives free slots to those whose turn it is.
    fn hand_out(&mut self, capacity: usize) {
        let mut passed_over = 0;
        while self.taken < capacity && passed_over < self.waiting.len() {
            let is_alone = self.waiting.len() == 1;
            let Some((address, mut line)) = self.waiting.pop_front() else {
                return;
            };
            if !is_alone && self.count_held(&address) >= capacity / 2 {
                self.waiting.push_back((address, line));
                passed_over += 1;
                continue;
            }
            passed_over = 0;
            // Those that have given up are skipped.
            while let Some(next) = line.pop_front() {
                if next.grant.send(()).is_ok() {
                    self.taken += 1;
                    self.held.entry(address.clone()).or_default().push(Held {
                        id: next.id,
                        recall: next.recall,
                        is_recalled: false,
                    });
                    break;
                }
            }
            if !line.is_empty() {
                self.waiting.push_back((address, line));
            }
        }
    }

    /// Takes back the youngest slot of an address that holds more than half, for the waiting
    /// address `waiting_address`, if that holds less than half.
    fn recall(&mut self, capacity: usize, waiting_address: &str) {
        let half = capacity / 2;
        if self.count_held(waiting_address) >= half {
            return;
        }
        let greedy = self.held.values_mut().find_map(|held| {
            let staying = held.iter().filter(|one| !one.is_recalled).count();
            (staying > half).then_some(held)
        });
        if let Some(held) = greedy
            && let Some(one) = held.iter_mut().rev().find(|one| !one.is_recalled)
        {
            one.is_recalled = true;
            one.recall.notify_one();
        }
    }

    /// Sends away the last of the longest line, if that line is longer than the one of `address`
    /// will be.
    fn make_room(&mut self, address: &str) -> bool {
        let ours = self
            .waiting
            .iter()
            .find(|(of, _)| of == address)
            .map_or(0, |(_, line)| line.len());
        let longest = self.waiting.iter_mut().max_by_key(|(_, line)| line.len());
        match longest {
            Some((_, line)) if line.len() > ours + 1 => line.pop_back().is_some(),
            _ => false,
        }
    }

    /// Gives back a slot that is held, or one in the line.
    fn give_back(&mut self, capacity: usize, address: &str, id: u64) {
        if let Some(held) = self.held.get_mut(address) {
            self.taken -= held.extract_if(.., |one| one.id == id).count();
            if held.is_empty() {
                self.held.remove(address);
            }
        }
        if let Some((_, line)) = self.waiting.iter_mut().find(|(of, _)| of == address) {
            line.retain(|one| one.id != id);
        }
        self.waiting.retain(|(_, line)| !line.is_empty());
        self.hand_out(capacity);
    }
}

impl Slot<'_> {
    /// Does the work that the slot is for, unless the slot is taken back meanwhile.
    pub async fn run_unless_recalled<T>(
        &self,
        step: Step,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.recall.notified() => Err(Failure { step, cause: Cause::Overloaded }),
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.slots.state();
        state.give_back(self.slots.capacity, &self.address, self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn from(address: &str) -> Client {
        Client {
            address: address.to_owned(),
            ..Client::default()
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(8)
    }

    async fn take<'a>(slots: &'a Slots, address: &str) -> Option<Slot<'a>> {
        slots.take(&from(address), soon()).await.ok()
    }

    async fn take_all<'a>(slots: &'a Slots, address: &str) -> Vec<Slot<'a>> {
        let mut held = Vec::new();
        while slots.left() > 0 {
            held.push(take(slots, address).await.expect("a place"));
        }
        held
    }

    /// Returns whether the work in a slot continues.
    async fn goes_on(slot: Slot<'_>) -> bool {
        let work = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(())
        };
        slot.run_unless_recalled(Step::TokenCall, work)
            .await
            .is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_alone_may_have_all_and_gives_half_to_those_who_wait() {
        let slots = Slots::new(10);
        let greedy = take_all(&slots, "10.0.0.1").await;
        assert_eq!((greedy.len(), slots.left()), (10, 0));
        // The eleventh of the same address waits in vain, and takes no slot back.
        assert!(take(&slots, "10.0.0.1").await.is_none());
        let others = (0..8).map(|_| take(&slots, "10.0.0.2"));
        let ends = greedy.into_iter().map(|slot| async move {
            let work = async {
                tokio::time::sleep(Duration::from_secs(9)).await;
                Ok(())
            };
            slot.run_unless_recalled(Step::TokenCall, work).await
        });
        let (others, ends) = tokio::join!(
            futures_util::future::join_all(others),
            futures_util::future::join_all(ends)
        );
        // They hold half of them, and not one more, which would come from the other half.
        assert_eq!(others.iter().flatten().count(), 5);
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 5);
        drop(others);
        assert_eq!((slots.left(), slots.waiting()), (10, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_take_turns_and_a_network_of_ipv6_is_one() {
        let slots = Slots::new(2);
        let first = take_all(&slots, "10.0.0.9").await;
        let order = Mutex::new(Vec::new());
        let wait = async |address: &'static str| {
            let slot = take(&slots, address).await.expect("a place");
            order.lock().expect("the order").push(address);
            assert!(goes_on(slot).await);
        };
        let give_back = async {
            tokio::task::yield_now().await;
            drop(first);
        };
        tokio::join!(
            wait("2001:db8::1"),
            wait("2001:db8::2"),
            wait("2001:db8::3"),
            wait("10.0.0.1"),
            wait("10.0.0.2"),
            give_back
        );
        let order = order.into_inner().expect("the order");
        assert_eq!(order[..3], ["2001:db8::1", "10.0.0.1", "10.0.0.2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_a_proxy_that_names_nobody_count_each_for_themselves() {
        let slots = Slots::new(4);
        let proxy = Client {
            is_proxy: true,
            ..from("10.0.0.1")
        };
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(slots.take(&proxy, soon()).await.expect("a place"));
        }
        // None of them holds more than half, so none is taken back: a newcomer waits.
        assert!(take(&slots, "10.0.0.2").await.is_none());
        let (waited, ()) = tokio::join!(take(&slots, "10.0.0.2"), async {
            tokio::task::yield_now().await;
            held.pop();
        });
        assert!(waited.is_some());
        for slot in held {
            assert!(goes_on(slot).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_line_is_bounded_and_the_longest_gives_way() {
        let slots = Slots::new(2);
        let held = take_all(&slots, "10.0.0.1").await;
        let crowd = futures_util::future::join_all(
            (0..MAX_WAITING + 100).map(|_| take(&slots, "10.0.0.1")),
        );
        let other = async {
            tokio::task::yield_now().await;
            assert_eq!(slots.waiting(), MAX_WAITING);
            let waits = take(&slots, "10.0.0.2");
            let looks = async {
                tokio::task::yield_now().await;
                assert_eq!(slots.waiting(), MAX_WAITING);
                drop(held);
            };
            tokio::join!(waits, looks).0.is_some()
        };
        let (_, other) = tokio::join!(crowd, other);
        assert!(other);
        assert_eq!((slots.left(), slots.waiting()), (2, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_leaves_nothing_behind() {
        let slots = Slots::new(1);
        let held = take(&slots, "10.0.0.1").await.expect("a place");
        {
            let mut waits = Box::pin(take(&slots, "10.0.0.2"));
            assert!((&mut waits).now_or_never().is_none());
            assert_eq!(slots.waiting(), 1);
            // The slot was given just now, and never looked at.
            drop(held);
            assert_eq!(slots.left(), 0);
        }
        assert_eq!((slots.left(), slots.waiting()), (1, 0));
    }
}
