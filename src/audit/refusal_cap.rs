//! Keeps a flood of refused sign-ins from filling the audit log. Each minute, a limited number of
//! rows is written about unknown people together, and about each account. Further refusals are
//! counted, and the count gets a row. Each instance counts for itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{About, Actor, Deed, Event};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::Result;
use crate::id::UserId;

/// The rows per minute that refusals may add. Unknown people share one allowance and each account
/// has its own, so that no one uses up the room of others.
const A_MINUTE: usize = 60;
const MINUTE: Duration = Duration::from_secs(60);
/// The most accounts that are counted separately at once. Each must have been refused within the
/// last minute.
const MAX_ACCOUNTS: usize = 10_000;

#[derive(Debug, Default)]
pub struct RefusalCap(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    unknown: Option<Window>,
    accounts: HashMap<UserId, Window>,
    /// Counts that are complete but not yet written.
    due: Vec<LeftOut>,
}

#[derive(Debug)]
struct Window {
    began_at: UnixTime,
    /// The current name of the account.
    username: String,
    admitted: usize,
    left_out: usize,
}

/// The refusals of one minute that have no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The account that they are about; `None` for unknown people.
    pub about: Option<(UserId, String)>,
    pub count: usize,
}

impl Window {
    fn is_over(&self, now: UnixTime) -> bool {
        now.since(self.began_at) >= MINUTE
    }

    fn into_left_out(self, user_id: Option<UserId>) -> Option<LeftOut> {
        (self.left_out > 0).then(|| LeftOut {
            about: user_id.map(|id| (id, self.username)),
            count: self.left_out,
        })
    }
}

impl RefusalCap {
    /// Returns whether a refusal gets a row. `about` is its account, if known.
    pub fn may_write_row(&self, now: UnixTime, about: About<'_>) -> bool {
        let about = match about {
            About::Person(id, username) => Some((id, username)),
            About::Portal => None,
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.end(now, about.map(|(id, _)| id));
        let username = about.map_or("", |(_, username)| username);
        let fresh = || Window {
            began_at: now,
            username: username.to_owned(),
            admitted: 0,
            left_out: 0,
        };
        let window = match about {
            None => counts.unknown.get_or_insert_with(fresh),
            Some((id, _)) => {
                if counts.accounts.len() >= MAX_ACCOUNTS && !counts.accounts.contains_key(&id) {
                    counts.end_all(now);
                }
                // Too many accounts to count separately: the row is written rather than lost.
                if counts.accounts.len() >= MAX_ACCOUNTS && !counts.accounts.contains_key(&id) {
                    return true;
                }
                counts.accounts.entry(id).or_insert_with(fresh)
            }
        };
        let is_admitted = window.admitted < A_MINUTE;
        if is_admitted {
            window.admitted += 1;
        } else {
            window.left_out += 1;
        }
        is_admitted
    }

    /// Takes the counts that are complete and have no row yet.
    pub fn take_due(&self) -> Vec<LeftOut> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut counts.due)
    }

    /// Like [`Self::take_due`], with every minute that is over by now.
    pub fn take_all_due(&self, now: UnixTime) -> Vec<LeftOut> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.end_all(now);
        std::mem::take(&mut counts.due)
    }

    /// Puts back counts that could not be written, so that they are due again.
    pub fn put_back(&self, due: Vec<LeftOut>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.due.extend(due);
        counts.due.truncate(MAX_ACCOUNTS);
    }
}

impl Counts {
    /// Ends a window whose minute is over.
    fn end(&mut self, now: UnixTime, user_id: Option<UserId>) {
        let over = match user_id {
            None => self.unknown.take_if(|window| window.is_over(now)),
            Some(id) => {
                let is_over = self
                    .accounts
                    .get(&id)
                    .is_some_and(|window| window.is_over(now));
                if is_over {
                    self.accounts.remove(&id)
                } else {
                    None
                }
            }
        };
        let left_out = over.and_then(|window| window.into_left_out(user_id));
        self.due.extend(left_out);
    }

    fn end_all(&mut self, now: UnixTime) {
        self.end(now, None);
        let over = self.accounts.extract_if(|_, window| window.is_over(now));
        let left_out = over.filter_map(|(id, window)| window.into_left_out(Some(id)));
        self.due.extend(left_out);
    }
}

impl LeftOut {
    /// Writes the row that stands for those that have none.
    pub fn record(&self, conn: &mut Conn, now: UnixTime) -> Result<()> {
        let about = self.about.as_ref();
        let about = about.map_or(About::Portal, |(id, username)| About::Person(*id, username));
        // The people who tried are not known.
        Deed::from_nowhere(now, Actor::Unknown).record(
            conn,
            about,
            &Event::MoreSignInsRefused { count: self.count },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT_MINUTE: UnixTime = UnixTime(60_000_000);

    fn admitted(cap: &RefusalCap, now: UnixTime, about: About<'_>) -> usize {
        (0..1000).filter(|_| cap.may_write_row(now, about)).count()
    }

    #[test]
    fn a_flood_of_refusals_gets_sixty_rows_a_minute_and_one_that_counts_the_rest() {
        let cap = RefusalCap::default();
        assert_eq!(admitted(&cap, UnixTime(0), About::Portal), 60);
        assert!(cap.take_due().is_empty());
        assert!(cap.may_write_row(NEXT_MINUTE, About::Portal));
        let left_out = LeftOut {
            about: None,
            count: 940,
        };
        assert_eq!(cap.take_due(), std::slice::from_ref(&left_out));
        assert!(cap.take_due().is_empty(), "it is told once");
        cap.put_back(vec![left_out.clone()]);
        assert_eq!(cap.take_due(), [left_out]);
    }

    #[test]
    fn each_account_has_sixty_of_its_own_and_takes_nobody_else_s() {
        let cap = RefusalCap::default();
        let (leo, anna) = (
            About::Person(UserId(1), "leo"),
            About::Person(UserId(2), "anna"),
        );
        assert_eq!(admitted(&cap, UnixTime(0), leo), 60);
        assert!(
            cap.may_write_row(UnixTime(0), anna) && cap.may_write_row(UnixTime(0), About::Portal)
        );
        // It is reported although no one is refused any more.
        assert!(cap.take_all_due(UnixTime(59_000_000)).is_empty());
        let due = cap.take_all_due(NEXT_MINUTE);
        let about = Some((UserId(1), "leo".to_owned()));
        assert_eq!(due, [LeftOut { about, count: 940 }]);
        assert_eq!(admitted(&cap, NEXT_MINUTE, leo), 60);
    }

    #[test]
    fn the_counts_stay_bounded() {
        let cap = RefusalCap::default();
        for id in 0..20_000 {
            assert!(cap.may_write_row(UnixTime(0), About::Person(UserId(id), "x")));
        }
        let counts = cap.0.lock().expect("no panic");
        assert_eq!(counts.accounts.len(), MAX_ACCOUNTS);
    }
}
