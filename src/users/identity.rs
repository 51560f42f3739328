//! Identities: who an account is to a provider, and what the provider last said about them.

use std::time::Duration;

use diesel::prelude::*;

use crate::clock::UnixTime;
use crate::db::schema::identities;
use crate::db::{Conn, Prepared, each};
use crate::error::Result;

/// How far a time may lie in the future: the caller reads the clock before it waits for the row.
const AHEAD: Duration = Duration::from_secs(60);

/// One identity: a person is (provider, subject).
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = identities)]
pub struct Identity {
    pub provider: String,
    pub subject: String,
    pub user_id: i64,
    /// The account's names follow this identity.
    pub is_first: bool,
    /// Grows with each sync. It is at least the time, in microseconds, when the last sync was asked
    /// for.
    pub sync_number: i64,
    pub(super) permissions_kept_since: Option<i64>,
    pub(super) refused_at: Option<i64>,
    pub(super) last_refused_at: Option<i64>,
    pub(super) answered_at: Option<i64>,
    pub(super) unnamed_refusal_first_at: Option<i64>,
    pub(super) unnamed_refusal_last_at: Option<i64>,
    pub(super) unnamed_refusals: i64,
    pub(super) asked_at: Option<i64>,
    /// The answers that its permissions came from: codes of [`crate::config::Document`], separated
    /// by spaces.
    pub permissions_from: Option<String>,
}

impl Identity {
    /// Since when the permissions have been kept only because the provider's answers fail, if they
    /// are.
    #[must_use]
    pub fn permissions_kept_since(&self) -> Option<UnixTime> {
        self.permissions_kept_since.map(UnixTime)
    }

    /// When its provider last answered about the person.
    #[must_use]
    pub fn answered_at(&self) -> Option<UnixTime> {
        self.answered_at.map(UnixTime)
    }

    /// When its provider refused the person, if that still keeps them out.
    #[must_use]
    pub fn refused_at(&self) -> Option<UnixTime> {
        self.refused_at.map(UnixTime)
    }

    /// Returns whether an answer that was asked for later has already been synced. A number from
    /// the future comes from a clock that was wrong, and is ignored.
    #[must_use]
    pub fn is_overtaken(&self, asked_at: UnixTime, now: UnixTime) -> bool {
        self.sync_number > asked_at.0 && self.sync_number <= now.plus(AHEAD).0
    }

    /// Returns whether the provider has refused the person since `asked_at`. Times in the future
    /// are ignored.
    #[must_use]
    pub fn is_refused_since(&self, asked_at: UnixTime, now: UnixTime) -> bool {
        self.last_refused_at
            .is_some_and(|at| at > asked_at.0 && at <= now.plus(AHEAD).0)
    }
}

/// Lists the identities of an account at a provider; usually there is one.
///
/// # Errors
/// [`crate::error::DatabaseError`], here and below.
pub fn identity_of(conn: &mut Conn, provider: &str, user_id: i64) -> Result<Vec<Identity>> {
    Ok(each!(conn, |conn| identities::table
        .filter(identities::user_id.eq(user_id))
        .filter(identities::provider.eq(provider))
        .order(identities::subject)
        .limit(20)
        .select(Identity::as_select())
        .load(conn))?)
}

/// Records that the account was synced with an answer asked for at `asked_at`: the provider knows
/// the person and lets them in.
pub fn note_sync(
    conn: &mut Conn,
    now: UnixTime,
    identity: &Identity,
    asked_at: UnixTime,
    permissions_from: Option<&str>,
) -> Result<()> {
    let number = asked_at.0.max(identity.sync_number.saturating_add(1));
    let synced = diesel::update(identities::table.find((&identity.provider, &identity.subject)))
        .set((
            identities::sync_number.eq(number),
            identities::asked_at.eq(now.0),
            identities::answered_at.eq(now.0),
        ));
    each!(conn, |conn| Prepared(synced).execute(conn))?;
    if identity.refused_at.is_some() || identity.unnamed_refusal_last_at.is_some() {
        diesel::update(identities::table.find((&identity.provider, &identity.subject)))
            .set((
                identities::refused_at.eq(None::<i64>),
                identities::unnamed_refusal_first_at.eq(None::<i64>),
                identities::unnamed_refusal_last_at.eq(None::<i64>),
                identities::unnamed_refusals.eq(0),
            ))
            .execute(conn)?;
    }
    // It hardly ever differs from the last time.
    if permissions_from.is_some() && permissions_from != identity.permissions_from.as_deref() {
        diesel::update(identities::table.find((&identity.provider, &identity.subject)))
            .set(identities::permissions_from.eq(permissions_from))
            .execute(conn)?;
    }
    Ok(())
}

/// Makes answers that were asked for earlier count as out of date, because the person was refused
/// or lost what the provider had given.
pub fn overtake(conn: &mut Conn, now: UnixTime, provider: &str, user_id: i64) -> Result<()> {
    for identity in identity_of(conn, provider, user_id)? {
        let number = now.0.max(identity.sync_number.saturating_add(1));
        diesel::update(identities::table.find((&identity.provider, &identity.subject)))
            .set(identities::sync_number.eq(number))
            .execute(conn)?;
    }
    Ok(())
}

/// Records that a provider still knows the person, although nothing more could be read.
pub fn note_known(conn: &mut Conn, now: UnixTime, provider: &str, user_id: i64) -> Result<()> {
    diesel::update(
        identities::table
            .filter(identities::user_id.eq(user_id))
            .filter(identities::provider.eq(provider)),
    )
    .set((
        identities::asked_at.eq(now.0),
        identities::refused_at.eq(None::<i64>),
    ))
    .execute(conn)?;
    Ok(())
}

/// Records that a provider was asked about the person, whatever it answered.
pub fn note_asked(conn: &mut Conn, now: UnixTime, provider: &str, user_id: i64) -> Result<()> {
    diesel::update(
        identities::table
            .filter(identities::user_id.eq(user_id))
            .filter(identities::provider.eq(provider)),
    )
    .set(identities::asked_at.eq(now.0))
    .execute(conn)?;
    Ok(())
}
