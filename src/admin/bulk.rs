//! One act for many accounts, in bounded batches.

use super::{Act, Admin, Refusal, Said, perform};
use crate::desk::Desk;
use crate::error::{Error, Result, Stopped};
use crate::id::{SessionId, UserId};
use crate::paging::Page;
use crate::sessions;
use crate::users::{self, Order, User, Wanted};

/// Accounts per transaction: a sign-in never waits for more.
const AT_ONCE: usize = 50;
/// Accounts per request. For more, the caller continues from there.
pub const BATCH: usize = 500;
/// Stretches of the list that one request may search when a rare filter does not find enough.
const MAX_STRETCHES: usize = 40;

/// The accounts that an act is for.
#[derive(Clone, Debug)]
pub enum Selection {
    These(Vec<UserId>),
    /// All that a list shows, starting at its page.
    Matching(Wanted),
}

/// The result of a batch.
#[derive(Debug, Default)]
pub struct Outcome {
    pub done: usize,
    /// Accounts with nothing to change.
    pub unchanged: usize,
    pub failed: Vec<Failed>,
    /// The account after which the next batch begins.
    pub next: Option<i64>,
}

/// An account for which the act was refused.
#[derive(Debug)]
pub struct Failed {
    /// `None` if the account no longer exists.
    pub user: Option<User>,
    pub refusal: Refusal,
}

/// Performs `act` on up to [`BATCH`] accounts, with one event each.
///
/// # Errors
/// [`Error::FreshSignInNeeded`] for every act; as [`super::act()`]. The batch's earlier
/// transactions remain.
pub async fn bulk(
    desk: &Desk,
    admin: &Admin,
    selection: Selection,
    act: &Act,
    said: &Said,
) -> Result<Outcome> {
    admin.check_fresh(desk.clock.now())?;
    let mut outcome = Outcome::default();
    match selection {
        Selection::These(ids) => {
            for ids in ids.chunks(AT_ONCE) {
                perform_all(desk, admin, ids.to_vec(), act, said, &mut outcome).await?;
            }
        }
        Selection::Matching(mut wanted) => {
            wanted.size = AT_ONCE;
            // People may sign in or be renamed between two batches.
            wanted.order = Some(Order::NEWEST_FIRST);
            for _ in 0..MAX_STRETCHES {
                let page = wanted.clone();
                let listing = desk.db.read(move |conn| users::list(conn, &page)).await?;
                let ids: Vec<UserId> = listing.rows.iter().map(|user| user.id).collect();
                let next = listing.next(|user| user.id).or(listing.stopped_at);
                perform_all(desk, admin, ids, act, said, &mut outcome).await?;
                outcome.next = next;
                let Some(next) = next else { break };
                wanted.page = Page::After(next);
                let seen = outcome.done + outcome.unchanged + outcome.failed.len();
                if seen >= BATCH {
                    break;
                }
            }
        }
    }
    Ok(outcome)
}

async fn perform_all(
    desk: &Desk,
    admin: &Admin,
    ids: Vec<UserId>,
    act: &Act,
    said: &Said,
    outcome: &mut Outcome,
) -> Result<()> {
    let now = desk.clock.now();
    let roles = desk.roles.clone();
    let (admin, act, said) = (admin.clone(), act.clone(), said.clone());
    // All batches lock rows in the same order, so that no two wait for each other.
    let mut ids = ids;
    ids.sort_unstable();
    ids.dedup();
    let (done, unchanged, failed) = desk
        .db
        .write(move |conn| {
            let (mut done, mut unchanged, mut failed) = (0, 0, Vec::new());
            for id in &ids {
                // An act on one's own account might end the authority for the rest.
                if admin.is(*id) && !act.kind().is_for_others() {
                    failed.push(Failed {
                        user: users::find(conn, *id)?,
                        refusal: Refusal::Yourself,
                    });
                    continue;
                }
                match perform(conn, now, &admin, &roles, *id, &act, &said) {
                    Ok(_) => done += 1,
                    Err(Stopped::Refused(Refusal::Unchanged)) => unchanged += 1,
                    Err(Stopped::Refused(refusal)) => failed.push(Failed {
                        user: users::find(conn, *id)?,
                        refusal,
                    }),
                    Err(Stopped::Failed(error)) => return Err(error),
                }
            }
            Ok::<_, Error>((done, unchanged, failed))
        })
        .await?;
    outcome.done += done;
    outcome.unchanged += unchanged;
    outcome.failed.extend(failed);
    Ok(())
}

/// The progress of [`end_sessions`].
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    pub count: usize,
    pub has_more: bool,
}

/// Ends up to [`BATCH`] of the sessions that a filter finds, except the admin's own, with one event
/// each.
///
/// # Errors
/// As [`bulk()`]
pub async fn end_sessions(
    desk: &Desk,
    admin: &Admin,
    filter: &sessions::list::Filter,
    kept: SessionId,
    said: &Said,
) -> Result<Ended> {
    let (now, limits) = (desk.clock.now(), desk.limits);
    admin.check_fresh(now)?;
    let mut page = Page::First;
    let mut ended = Ended {
        count: 0,
        has_more: false,
    };
    for _ in 0..MAX_STRETCHES {
        let wanted = filter.clone();
        let listing = desk
            .db
            .read(move |conn| sessions::list::list(conn, now, limits, &wanted, page, AT_ONCE))
            .await?;
        let next = listing
            .next(|owned| owned.session.id)
            .or(listing.stopped_at);
        let mut owned: Vec<(UserId, SessionId)> = listing
            .rows
            .iter()
            .map(|owned| (owned.session.user_id, owned.session.id))
            .filter(|(_, session)| *session != kept)
            .collect();
        owned.sort_unstable();
        let roles = desk.roles.clone();
        let (admin, said) = (admin.clone(), said.clone());
        ended.count += desk
            .db
            .write(move |conn| {
                let mut count = 0;
                for (user, session) in &owned {
                    let act = Act::EndSession(*session);
                    match perform(conn, now, &admin, &roles, *user, &act, &said) {
                        Ok(_) => count += 1,
                        Err(Stopped::Refused(_)) => {}
                        Err(Stopped::Failed(error)) => return Err(error),
                    }
                }
                Ok(count)
            })
            .await?;
        let Some(next) = next else {
            ended.has_more = false;
            break;
        };
        page = Page::After(next);
        ended.has_more = true;
        if ended.count >= BATCH {
            break;
        }
    }
    Ok(ended)
}
