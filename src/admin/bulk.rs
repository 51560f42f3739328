//! One act for many accounts, in bounded batches.

use super::{Act, Admin, Refusal, Said, perform};
use crate::error::{Error, Result, Stopped};
use crate::id::{SessionId, UserId};
use crate::paging::Page;
use crate::portal::Portal;
use crate::sessions;
use crate::users::{self, Order, User, UserQuery};

/// Accounts per transaction: a sign-in never waits for more.
const AT_ONCE: usize = 50;
/// A batch of all that a list shows begins no further transaction once it has this many rows. The
/// caller continues from [`BatchOutcome::next`].
pub const BATCH: usize = 500;
/// Pages of the list that one request may search when a rare filter does not find enough.
const MAX_STRETCHES: usize = 40;

/// The accounts that an act is for.
#[derive(Clone, Debug)]
pub enum Selection {
    These(Vec<UserId>),
    /// All that a list shows, starting at its page.
    Matching(UserQuery),
}

/// The result of a batch.
#[derive(Debug, Default)]
pub struct BatchOutcome {
    pub done: usize,
    /// Accounts with nothing to change.
    pub unchanged: usize,
    pub refused: Vec<RefusedAccount>,
    /// The row (account, or session in [`end_sessions`]) after which the next batch begins.
    pub next: Option<i64>,
}

impl BatchOutcome {
    const fn seen(&self) -> usize {
        self.done + self.unchanged + self.refused.len()
    }
}

/// An account for which the act was refused.
#[derive(Debug)]
pub struct RefusedAccount {
    /// `None` if the account no longer exists.
    pub user: Option<User>,
    pub refusal: Refusal,
}

/// Performs `act` on each of [`Selection::These`], however many, or on about [`BATCH`] of
/// [`Selection::Matching`]: the last transaction may bring up to 49 more. Each account gets one
/// event, as in [`perform`]; an unchanged one gets none.
///
/// # Errors
/// [`Error::ProofNeeded`], whatever the act; otherwise as [`super::act()`]. The batch's
/// earlier transactions remain.
pub async fn bulk(
    portal: &Portal,
    admin: &Admin,
    selection: Selection,
    act: &Act,
    said: &Said,
) -> Result<BatchOutcome> {
    admin.check_proof(portal.clock.now())?;
    let mut outcome = BatchOutcome::default();
    let acts = |ids: &[UserId]| ids.iter().map(|id| (*id, act.clone())).collect();
    match selection {
        Selection::These(ids) => {
            for ids in ids.chunks(AT_ONCE) {
                perform_all(portal, admin, acts(ids), said, &mut outcome).await?;
            }
        }
        Selection::Matching(mut wanted) => {
            wanted.size = AT_ONCE;
            // People may sign in or be renamed between two batches.
            wanted.order = Some(Order::NEWEST_FIRST);
            for _ in 0..MAX_STRETCHES {
                let page = wanted.clone();
                let listing = portal.db.read(move |conn| users::list(conn, &page)).await?;
                let ids: Vec<UserId> = listing.rows.iter().map(|user| user.id).collect();
                outcome.next = listing.next(|user| user.id).or(listing.stopped_at);
                perform_all(portal, admin, acts(&ids), said, &mut outcome).await?;
                match outcome.next {
                    Some(next) if outcome.seen() < BATCH => wanted.page = Page::After(next),
                    _ => break,
                }
            }
        }
    }
    Ok(outcome)
}

/// Ends about [`BATCH`] of the sessions that a filter finds, except the admin's own: the last
/// transaction may bring up to 49 more. Each session gets one event; one that has already ended
/// gets none.
///
/// # Errors
/// As [`bulk()`]
pub async fn end_sessions(
    portal: &Portal,
    admin: &Admin,
    filter: &sessions::list::Filter,
    own_session: SessionId,
    said: &Said,
) -> Result<BatchOutcome> {
    let (now, limits) = (portal.clock.now(), portal.limits);
    admin.check_proof(now)?;
    let mut page = Page::First;
    let mut outcome = BatchOutcome::default();
    for _ in 0..MAX_STRETCHES {
        let wanted = filter.clone();
        let listing = portal
            .db
            .read(move |conn| sessions::list::list(conn, now, limits, &wanted, page, AT_ONCE))
            .await?;
        outcome.next = listing
            .next(|owned| owned.session.id)
            .or(listing.stopped_at);
        let others = listing
            .rows
            .iter()
            .map(|owned| &owned.session)
            .filter(|session| session.id != own_session);
        let acts = others.map(|session| (session.user_id, Act::EndSession(session.id)));
        perform_all(portal, admin, acts.collect(), said, &mut outcome).await?;
        match outcome.next {
            Some(next) if outcome.done < BATCH => page = Page::After(next),
            _ => break,
        }
    }
    Ok(outcome)
}

/// Performs acts in one transaction, and adds what became of them.
async fn perform_all(
    portal: &Portal,
    admin: &Admin,
    mut acts: Vec<(UserId, Act)>,
    said: &Said,
    outcome: &mut BatchOutcome,
) -> Result<()> {
    let now = portal.clock.now();
    let roles = portal.roles.clone();
    let (admin, said) = (admin.clone(), said.clone());
    // All batches lock rows in the same order, so that no two deadlock.
    acts.sort_by_key(|(id, _)| *id);
    acts.dedup();
    let (done, unchanged, refused) = portal
        .db
        .write(move |conn| {
            let (mut done, mut unchanged, mut refused) = (0, 0, Vec::new());
            for (id, act) in &acts {
                let performed = if admin.is(*id) && act.kind().may_end_own_authority() {
                    Err(Refusal::Yourself.into())
                } else {
                    perform(conn, now, &admin, &roles, *id, act, &said)
                };
                match performed {
                    Ok(_) => done += 1,
                    Err(Stopped::Refused(Refusal::Unchanged)) => unchanged += 1,
                    Err(Stopped::Refused(refusal)) => {
                        let user = users::find(conn, *id)?;
                        refused.push(RefusedAccount { user, refusal });
                    }
                    Err(Stopped::Failed(error)) => return Err(error),
                }
            }
            Ok::<_, Error>((done, unchanged, refused))
        })
        .await?;
    outcome.done += done;
    outcome.unchanged += unchanged;
    outcome.refused.extend(refused);
    Ok(())
}
