//! Asks about one person, trying each session's tokens in turn.

use std::ops::ControlFlow;
use std::time::Duration;

use log::warn;
use serde_json::Value;

use super::{CLAIM, Checked, Renewed, Round, Verdict};
use crate::clock::UnixTime;
use crate::error::Admission;
use crate::id::UserId;
use crate::oauth::{KnownPerson, Moment, RefreshRefusal, Refreshed, Reread, Unconfirmed};
use crate::secret::Secret;
use crate::sessions::recheck_due::{self, SessionTokens};
use crate::sessions::tokens;
use crate::users::{self, provider_keys};

const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// A claim that expires sooner than this is renewed before the next session is tried.
const RENEW_CLAIM: Duration = Duration::from_secs(30);

/// The result of asking with one session's tokens.
type Asked = Result<Answer, Unconfirmed>;

enum Answer {
    Confirmed(Option<Box<Reread>>),
    /// The person no longer meets this admission rule.
    NotAdmitted(Admission),
    NothingToAskWith,
    /// There are tokens, but they are sealed under a key that is not known here.
    TokensSealed,
}

impl Round {
    /// Asks with each session's tokens in turn, until one shows that the person is still
    /// known or that the provider is unreachable. Returns `None` if the tokens cannot be read from
    /// the database.
    pub(super) async fn ask(&self, user_id: UserId, claimed_until: UnixTime) -> Option<Checked> {
        let (portal, provider) = (&self.portal, &self.provider);
        let (now, limits, id) = (portal.clock.now(), portal.limits, provider.id().to_owned());
        let known = portal.db.read(move |conn| {
            let rows = recheck_due::of_person(conn, now, limits, &id, user_id)?;
            let identities = users::identities_at(conn, &id, user_id)?;
            Ok((rows, identities, provider_keys::subject_pointer(conn, &id)?))
        });
        // If this fails, the claim expires by itself.
        let (rows, identities, pointer) = known.await.map_err(|error| self.warn(&error)).ok()?;
        let last = rows.iter().filter_map(|row| row.confirmed_at).max();
        let mut checked = Checked {
            user_id,
            at: now,
            // Until `rekey` has moved them, people are identified by a different member from
            // the one that is read.
            subjects_match_settings: pointer
                .is_none_or(|known| known == provider.settings().mapping.subject.text()),
            identities,
            claimed_until,
            ..Checked::default()
        };
        self.ask_with_each(rows, &mut checked).await;
        if let Some(last) = last {
            let lag = portal.clock.now().since(UnixTime(last));
            portal
                .recheck_lags
                .note(provider.id(), portal.clock.now(), lag);
        }
        Some(checked)
    }

    async fn ask_with_each(&self, rows: Vec<SessionTokens>, checked: &mut Checked) {
        let mut is_any_sealed = false;
        for row in rows {
            if !self.holds_claim(checked).await {
                checked.verdict = Verdict::GivenUp;
                return;
            }
            if self.is_stopping() {
                // Tokens that were renewed are kept.
                checked.verdict = Verdict::Unknown;
                return;
            }
            checked.asked.push(row.session_id);
            let answer = self.ask_with(&row, checked).await;
            is_any_sealed |= matches!(answer, Ok(Answer::TokensSealed));
            if self.keep(row, answer, checked).is_break() {
                return;
            }
        }
        let nothing_said = checked.refused.is_empty()
            && checked.refused_unexplained.is_empty()
            && matches!(checked.verdict, Verdict::NothingLeft);
        // Another instance, with the key that sealed them, may be able to ask with the others.
        if is_any_sealed && nothing_said {
            warn!(
                event = "recheck",
                provider = self.provider.id(),
                outcome = "sealed";
                "tokens are encrypted with a key that this instance does not have"
            );
            checked.verdict = Verdict::Unknown;
        }
    }

    /// Returns whether the claim is valid for long enough, or could be extended. False if it was
    /// lost, or the database does not answer.
    async fn holds_claim(&self, checked: &mut Checked) -> bool {
        let (user_id, now) = (checked.user_id, self.portal.clock.now());
        if checked.claimed_until.since(now) >= RENEW_CLAIM {
            return true;
        }
        let (from, until) = (checked.claimed_until, now.plus(CLAIM));
        let id = self.provider.id().to_owned();
        let db = &self.portal.db;
        let held =
            db.write(move |conn| recheck_due::renew_claim(conn, &id, user_id, (from, until)));
        let is_held = held.await.map_err(|error| self.warn(&error)) == Ok(true);
        if is_held {
            checked.claimed_until = until;
        }
        is_held
    }

    /// Records the result for one session. After some answers there is no need to ask further.
    fn keep(&self, row: SessionTokens, answer: Asked, checked: &mut Checked) -> ControlFlow<()> {
        match answer {
            Ok(Answer::Confirmed(reread)) => {
                checked.verdict = Verdict::Confirmed(row.session_id, reread);
                return ControlFlow::Break(());
            }
            Ok(Answer::NotAdmitted(why)) => {
                checked.verdict = Verdict::NotAdmitted(why);
                return ControlFlow::Break(());
            }
            Err(Unconfirmed::Refused(refusal)) => {
                let mut renewed = checked.renewed.iter();
                let renewed = renewed.find(|one| one.session_id == row.session_id);
                let renewed = renewed.and_then(|one| Some(one.refresh.as_ref()?.1.clone()));
                let refused = match refusal {
                    RefreshRefusal::Explicit => &mut checked.refused,
                    RefreshRefusal::Unexplained => &mut checked.refused_unexplained,
                };
                refused.push((row.session_id, renewed.or(row.refresh_token)));
            }
            Err(Unconfirmed::Unknown(cause)) => {
                checked.verdict = Verdict::Unknown;
                if let Some(left_out) = self.lines.may_log() {
                    warn!(
                        event = "recheck",
                        provider = self.provider.id(),
                        user = checked.user_id,
                        outcome = cause.code(),
                        left_out = left_out;
                        "{}", cause.detail()
                    );
                }
                if cause.is_outage() {
                    return ControlFlow::Break(());
                }
            }
            Ok(Answer::NothingToAskWith | Answer::TokensSealed) => {}
        }
        ControlFlow::Continue(())
    }

    /// Asks with the tokens of one session. If an access token is refused, it is renewed once
    /// first, if possible.
    async fn ask_with(&self, row: &SessionTokens, checked: &mut Checked) -> Asked {
        let (portal, provider, recheck) = (&self.portal, &self.provider, self.recheck);
        let open = |sealed: &String| tokens::open_token(&portal.keys, sealed, &row.token_hash);
        let opened = |sealed: &Option<String>| sealed.as_ref().map(open);
        let (refresh_token, access_token) = (opened(&row.refresh_token), opened(&row.access_token));
        if matches!(refresh_token, Some(None)) || matches!(access_token, Some(None)) {
            return Ok(Answer::TokensSealed);
        }
        let (refresh_token, access_token) = (refresh_token.flatten(), access_token.flatten());
        let is_over = |now: UnixTime| row.access_expires_at.is_none_or(|at| at <= now.0);
        let usable = access_token.filter(|_| !is_over(portal.clock.now()));
        let by_profile =
            (recheck.asks_profile || refresh_token.is_none()) && provider.has_profile();
        if let Some(token) = usable.filter(|_| by_profile) {
            let answer = self.read(row, &token, None, checked).await;
            match (answer, &refresh_token) {
                // The refusal of an expired token says nothing about the person.
                (Err(Unconfirmed::Refused(_)), None) if is_over(portal.clock.now()) => {
                    return Ok(Answer::NothingToAskWith);
                }
                (Err(Unconfirmed::Refused(_)), Some(_)) => {}
                (answer, _) => return answer,
            }
        }
        match refresh_token {
            Some(token) => self.refresh(row, &token, checked).await,
            None => Ok(Answer::NothingToAskWith),
        }
    }

    async fn refresh(
        &self,
        row: &SessionTokens,
        token: &Secret<String>,
        checked: &mut Checked,
    ) -> Asked {
        let (portal, provider, recheck) = (&self.portal, &self.provider, self.recheck);
        self.pace.turn(1).await;
        let moment = Moment::within(portal.clock.now(), CALL_DEADLINE);
        let refreshed = provider.refresh(token, row.sub.as_deref(), moment);
        let Refreshed {
            tokens: new,
            claims,
        } = refreshed.await?;
        let sealed = |token| tokens::seal_token(&portal.keys, token, &row.token_hash).ok();
        let refresh = new.refresh_token.as_ref().and_then(sealed);
        let access_until = new.expires_at.filter(|_| recheck.asks_profile);
        checked.renewed.push(Renewed {
            session_id: row.session_id,
            token_hash: row.token_hash.clone(),
            refresh: refresh.and_then(|refresh| Some((row.refresh_token.clone()?, refresh))),
            access: access_until.and_then(|at| Some((sealed(&new.access_token)?, at.0))),
        });
        if new.breaks_admission {
            return Ok(Answer::NotAdmitted(Admission::Value));
        }
        let answer = self.read(row, &new.access_token, claims, checked).await;
        match answer {
            // The refresh token was accepted: the person is known, whatever else could not be read.
            Err(Unconfirmed::Unknown(_)) if !recheck.asks_profile => Ok(Answer::Confirmed(None)),
            Err(Unconfirmed::Refused(RefreshRefusal::Unexplained)) => {
                checked.was_refreshed = true;
                answer
            }
            answer => answer,
        }
    }

    /// Reads the provider's current answers about the person.
    async fn read(
        &self,
        row: &SessionTokens,
        token: &Secret<String>,
        claims: Option<Value>,
        checked: &Checked,
    ) -> Asked {
        let provider = &self.provider;
        let calls = provider.calls_to_read_again();
        if claims.is_none() && calls == 0 {
            return Ok(Answer::Confirmed(None));
        }
        self.pace.turn(calls).await;
        let moment = Moment::within(self.portal.clock.now(), CALL_DEADLINE);
        let identity = checked.identities.first();
        let known = KnownPerson {
            sub: row.sub.as_deref(),
            permissions_from: identity.and_then(|known| known.permissions_from.as_deref()),
        };
        let reread = provider.read_again(token, claims, known, moment).await?;
        if let Some(why) = reread.breaks_admission {
            return Ok(Answer::NotAdmitted(why));
        }
        if !checked.subjects_match_settings {
            return Ok(Answer::Confirmed(None));
        }
        // The token is another person's, which is as good as a refusal.
        let is_somebody_else = reread.profile.subject.as_ref().is_some_and(|subject| {
            let identities = &checked.identities;
            !identities.is_empty() && !identities.iter().any(|known| known.subject == *subject)
        });
        if is_somebody_else {
            return Err(Unconfirmed::Refused(RefreshRefusal::Explicit));
        }
        Ok(Answer::Confirmed(Some(Box::new(reread))))
    }
}
