//! Stores the result of asking about a person, in one transaction.

use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};

use super::{Checked, Round, Verdict, jittered};
use crate::audit::{About, Actor, Deed, Event};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Admission, Result};
use crate::identity_sync::{self, Sync};
use crate::jobs;
use crate::leaving;
use crate::oauth::{Permissions, Reread};
use crate::sessions::recheck_due::{self, SessionTokens};
use crate::sessions::tokens;
use crate::users::{self, Occasion, Profile, User, unexplained_refusals};

/// The time until the next look at a person who has no tokens to ask with.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);
/// The longest time from the beginning of a sign-in to its commit.
const SIGN_IN: Duration = Duration::from_secs(15);
/// How many times storing a check is tried: a lost rotated token would sign its person out.
const TRIES: usize = 600;
const PAUSE: Duration = Duration::from_secs(1);

/// The result of settling a check, and the work it leaves.
#[derive(Debug, Default)]
pub(super) struct Settled {
    ended: usize,
    /// True if there are sessions that have not been used to ask.
    pub has_more: bool,
    /// Tokens that no session keeps, because the sessions ended while the tokens were renewed. Each
    /// comes with the hash of its session's token.
    left_over: Vec<(String, String)>,
}

impl Round {
    /// Offers a check to the database until it is accepted.
    pub(super) async fn settle(self: &Arc<Self>, checked: Checked) -> Option<Settled> {
        let (portal, provider) = (&self.portal, &self.provider);
        let checked = Arc::new(checked);
        for attempt in 1..=TRIES {
            let now = portal.clock.now();
            let settling = Settling {
                round: Arc::clone(self),
                checked: Arc::clone(&checked),
                now,
                next: now.plus(jittered(self.recheck.every, 0.8, 0.9)),
            };
            portal.failpoint.reach("before_settling").await;
            match portal.db.write(move |conn| settling.settle(conn)).await {
                Ok(settled) => {
                    if settled.ended > 0 {
                        info!(event = "access_withdrawn", provider = provider.id(), user = checked.user_id, count = settled.ended; "");
                    }
                    for (sealed, token_hash) in &settled.left_over {
                        jobs::revoke_renewed(portal, provider, sealed, token_hash);
                    }
                    return Some(settled);
                }
                Err(error) if attempt == 1 || attempt == TRIES => self.warn(&error),
                Err(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
        None
    }
}

/// The one transaction of a check.
struct Settling {
    round: Arc<Round>,
    checked: Arc<Checked>,
    now: UnixTime,
    /// The time of the next re-check.
    next: UnixTime,
}

impl Settling {
    fn settle(&self, conn: &mut Conn) -> Result<Settled> {
        let (now, id, user_id) = (self.now, self.id(), self.checked.user_id);
        // The account's row is locked first, as in a sign-in: a sign-in meanwhile waits, or is seen
        // here.
        let user = users::lock(conn, user_id)?;
        let mut settled = Settled {
            left_over: self.keep_tokens(conn)?,
            ..Settled::default()
        };
        let Some(user) = user else {
            return Ok(settled);
        };
        match &self.checked.verdict {
            Verdict::GivenUp => {}
            Verdict::Confirmed(session_id, reread) => {
                recheck_due::confirm(conn, now, *session_id)?;
                self.ask_again_at(conn, self.next)?;
                match reread {
                    Some(reread) => {
                        if let Some(why) = self.sync(conn, &user, reread)? {
                            settled.ended = self.withdraw(conn, &user, Some(why))?;
                        }
                    }
                    None if self.is_overtaken(conn)? => users::note_asked(conn, now, id, user_id)?,
                    None => users::note_known(conn, now, id, user_id)?,
                }
            }
            Verdict::Unknown => self.note_asked(conn)?,
            Verdict::NotAdmitted(_) if self.is_overtaken(conn)? => self.note_asked(conn)?,
            Verdict::NotAdmitted(why) => settled.ended = self.withdraw(conn, &user, Some(*why))?,
            Verdict::NothingLeft => {
                let left =
                    recheck_due::of_person(conn, now, self.round.portal.limits, id, user_id)?;
                let is_new = |row: &SessionTokens| !self.checked.asked.contains(&row.session_id);
                // One read did not return these, or they belong to sign-ins since then; ask with
                // them now.
                settled.has_more = left.iter().any(is_new);
                if !settled.has_more {
                    settled.ended = self.nothing_left(conn, &user, &left)?;
                }
            }
        }
        Ok(settled)
    }

    /// The provider's id.
    fn id(&self) -> &str {
        self.round.provider.id()
    }

    fn ask_again_at(&self, conn: &mut Conn, at: UnixTime) -> Result<()> {
        recheck_due::set_recheck(conn, self.id(), self.checked.user_id, at)
    }

    /// Records a check without a result.
    fn note_asked(&self, conn: &mut Conn) -> Result<()> {
        users::note_asked(conn, self.now, self.id(), self.checked.user_id)?;
        self.ask_again_at(conn, self.next)
    }

    fn withdraw(&self, conn: &mut Conn, user: &User, why: Option<Admission>) -> Result<usize> {
        leaving::withdraw(conn, self.now, &self.round.portal, self.id(), user, why)
    }

    /// Handles a person whose tokens were missing or refused. Returns how many sessions end. `left`
    /// are the sessions that still had tokens before.
    fn nothing_left(&self, conn: &mut Conn, user: &User, left: &[SessionTokens]) -> Result<usize> {
        let (checked, now, limits) = (&self.checked, self.now, self.round.portal.limits);
        let id = self.id();
        if !checked.refused_unexplained.is_empty() && !self.counts(conn)? {
            self.ask_again_at(conn, self.next)?;
            return Ok(0);
        }
        for (session_id, refresh_token) in &checked.refused_unexplained {
            tokens::refuse(conn, now, *session_id, refresh_token.as_deref())?;
        }
        if !recheck_due::is_refused(conn, now, limits, id, user.id)? {
            // Look again later, because a clock that jumped may come back.
            tokens::forget_stale(conn, now, limits, id, user.id)?;
            let later = if left.is_empty() {
                now.plus(LOOK_AGAIN).max(self.next)
            } else {
                self.next
            };
            self.ask_again_at(conn, later)?;
            return Ok(0);
        }
        if recheck_due::is_newer(conn, checked.at.minus(SIGN_IN), id, user.id)? {
            // The provider has just let them in, with a session that has no tokens to ask with.
            return leaving::withdraw_refused(conn, now, id, user);
        }
        self.withdraw(conn, user, None)
    }

    /// Returns whether something newer is known about the person than this check.
    fn is_overtaken(&self, conn: &mut Conn) -> Result<bool> {
        let now = users::identities_at(conn, self.id(), self.checked.user_id)?;
        Ok(self.checked.identities.iter().any(|was| {
            !now.iter()
                .any(|is| is.subject == was.subject && is.sync_number == was.sync_number)
        }))
    }

    /// Stores new tokens and drops refused ones. Returns those that no session takes any more.
    fn keep_tokens(&self, conn: &mut Conn) -> Result<Vec<(String, String)>> {
        let mut left_over = Vec::new();
        for renewed in &self.checked.renewed {
            let refresh = renewed.refresh.as_ref();
            let refresh = refresh.map(|(old, new)| (old.as_str(), new.as_str()));
            let access = renewed.access.as_ref();
            let access = access.map(|(token, at)| (token.as_str(), *at));
            if tokens::renew(conn, renewed.session_id, refresh, access)? {
                continue;
            }
            warn!(event = "recheck", provider = self.id(), outcome = "reused"; "a refresh token changed, or its session ended, while it was used");
            left_over.extend(refresh.map(|(_, new)| (new.to_owned(), renewed.token_hash.clone())));
        }
        for (session_id, refresh_token) in &self.checked.refused {
            tokens::refuse(conn, self.now, *session_id, refresh_token.as_deref())?;
        }
        Ok(left_over)
    }

    /// Returns whether a refusal without a reason counts.
    fn counts(&self, conn: &mut Conn) -> Result<bool> {
        let (now, id) = (self.now, self.id());
        let identities = users::identities_at(conn, id, self.checked.user_id)?;
        let Some(identity) = identities.first() else {
            // The identity no longer has an account: its tokens are useless.
            return Ok(true);
        };
        let refused = unexplained_refusals::Refused {
            identity,
            was_refreshed: self.checked.was_refreshed,
            period: self.round.recheck.every,
        };
        let noted = refused.note(conn, now)?;
        if let Some(count) = noted.begins_suspension {
            warn!(event = "refusals_suspended", provider = id, count = count; "more than a fifth of the people re-checked were refused without a reason: an outage rather than leavers");
            let event = Event::RefusalsSuspended { people: count };
            let deed = Deed::from_nowhere(now, Actor::Portal).through(Some(id));
            deed.record(conn, About::Portal, &event)?;
        }
        Ok(noted.counts)
    }

    /// Brings the account in line with the provider's answers. Returns the admission rule that
    /// now keeps the person out, if any.
    fn sync(&self, conn: &mut Conn, user: &User, reread: &Reread) -> Result<Option<Admission>> {
        let (now, id, settings) = (self.now, self.id(), self.round.provider.settings());
        let was = self.checked.identities.iter().find(|identity| {
            let subject = reread.profile.subject.as_ref();
            subject.is_none_or(|subject| identity.subject == *subject)
        });
        let Some(was) = was else { return Ok(None) };
        let known = users::identities_at(conn, id, user.id)?;
        let Some(identity) = known.iter().find(|one| one.subject == was.subject) else {
            // The identity was removed from the account meanwhile.
            return Ok(None);
        };
        // Answers from before another sync are older than what that sync brought. Answers given
        // before the provider refused the person do not count either.
        let is_refused = identity.is_refused_since(self.checked.at, now);
        if identity.sync_number != was.sync_number || is_refused {
            users::note_asked(conn, now, id, user.id)?;
            return Ok(None);
        }
        if !is_admitted(&settings.admission.permissions, &reread.permissions) {
            return Ok(Some(Admission::Permission));
        }
        let mut changes =
            identity_sync::not_taken_over(&reread.profile.rejected, &reread.permissions);
        let username = reread.profile.username.as_ref().unwrap_or(&user.username);
        let sync = Sync {
            user,
            identity,
            gives_names: settings.vouches_for.names,
            profile: Profile {
                subject: was.subject.clone(),
                username: username.clone(),
                first_name: reread.profile.first_name.clone(),
                email: reread.profile.email.clone(),
            },
            permissions: &reread.permissions,
            permissions_from: &reread.permissions_from,
            occasion: Occasion::Recheck,
            asked_at: reread.asked_at,
        };
        let synced = identity_sync::sync(conn, &self.round.portal, now, &sync, &mut changes)?;
        if let Some(username) = synced.filter(|_| changes.is_any()) {
            let about = About::Person(user.id, &username);
            let deed = Deed::from_nowhere(now, Actor::Provider).through(Some(id));
            deed.record(conn, about, &Event::AccountSynced { changes })?;
        }
        Ok(None)
    }
}

/// Returns whether the person's permissions there include one that lets people in.
fn is_admitted(admitting: &[String], permissions: &Permissions) -> bool {
    match permissions {
        Permissions::Given(given) if !admitting.is_empty() => {
            given.iter().any(|one| admitting.contains(&one.name))
        }
        _ => true,
    }
}
