//! Identities: who an account is to a provider, and what the provider last said about them.

use std::time::Duration;

use diesel::backend::Backend;
use diesel::dsl::exists;
use diesel::expression::ValidGrouping;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::Bool;

use super::{User, lock_row};
use crate::clock::UnixTime;
use crate::db::schema::{identities, users};
use crate::db::{Conn, Prepared, each};
use crate::error::Result;
use crate::failpoint::hit_about;
use crate::id::UserId;

/// How far a time may lie in the future: the caller reads the clock before it waits for the row.
const AHEAD: Duration = Duration::from_secs(60);

/// One identity: a person is (provider, subject).
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = identities)]
pub struct Identity {
    pub provider: String,
    pub subject: String,
    pub user_id: UserId,
    /// The account's names follow this identity.
    pub is_first: bool,
    /// Grows with each sync, and is never less than the time, in microseconds, at which the
    /// provider was asked for the last one.
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
    permissions_read_at: Option<i64>,
}

impl Identity {
    /// Since when the permissions have been kept only because the provider's answers fail, if they
    /// are.
    pub fn permissions_kept_since(&self) -> Option<UnixTime> {
        self.permissions_kept_since.map(UnixTime)
    }

    /// When its provider last answered about the person.
    pub fn answered_at(&self) -> Option<UnixTime> {
        self.answered_at.map(UnixTime)
    }

    /// Returns whether its provider's permissions were ever read.
    pub const fn has_permissions_read(&self) -> bool {
        self.permissions_read_at.is_some()
    }

    /// When its provider refused the person, if that still keeps them out.
    pub fn refused_at(&self) -> Option<UnixTime> {
        self.refused_at.map(UnixTime)
    }

    /// Returns whether an answer that was asked for later has already been synced. A number from
    /// the future comes from a clock that was wrong, and is ignored.
    pub fn is_overtaken(&self, asked_at: UnixTime, now: UnixTime) -> bool {
        self.sync_number > asked_at.0 && self.sync_number <= now.plus(AHEAD).0
    }

    /// Returns whether the provider has refused the person since `asked_at`. Times in the future
    /// are ignored.
    pub fn is_refused_since(&self, asked_at: UnixTime, now: UnixTime) -> bool {
        self.last_refused_at
            .is_some_and(|at| at > asked_at.0 && at <= now.plus(AHEAD).0)
    }
}

/// Lists the identities of an account at a provider; usually there is one.
pub fn identities_at(conn: &mut Conn, provider: &str, user_id: UserId) -> Result<Vec<Identity>> {
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

/// Records that the permissions which a provider gives an account were read for the first time.
pub fn note_permissions_first_read(
    conn: &mut Conn,
    now: UnixTime,
    user_id: UserId,
    provider: &str,
) -> Result<()> {
    let unread = identities::table
        .filter(identities::user_id.eq(user_id))
        .filter(identities::provider.eq(provider))
        .filter(identities::permissions_read_at.is_null());
    diesel::update(unread)
        .set(identities::permissions_read_at.eq(now.0))
        .execute(conn)?;
    Ok(())
}

/// Makes answers that were asked for earlier count as out of date, because the person was refused
/// or lost what the provider had given.
pub fn overtake(conn: &mut Conn, now: UnixTime, provider: &str, user_id: UserId) -> Result<()> {
    for identity in identities_at(conn, provider, user_id)? {
        let number = now.0.max(identity.sync_number.saturating_add(1));
        diesel::update(identities::table.find((&identity.provider, &identity.subject)))
            .set(identities::sync_number.eq(number))
            .execute(conn)?;
    }
    Ok(())
}

/// Records that a provider still knows the person, although nothing more could be read.
pub fn note_known(conn: &mut Conn, now: UnixTime, provider: &str, user_id: UserId) -> Result<()> {
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
pub fn note_asked(conn: &mut Conn, now: UnixTime, provider: &str, user_id: UserId) -> Result<()> {
    diesel::update(
        identities::table
            .filter(identities::user_id.eq(user_id))
            .filter(identities::provider.eq(provider)),
    )
    .set(identities::asked_at.eq(now.0))
    .execute(conn)?;
    Ok(())
}

pub fn find_by_identity(conn: &mut Conn, provider: &str, subject: &str) -> Result<Option<User>> {
    Ok(find_with_standing(conn, provider, subject)?.map(|(user, _)| user))
}

/// An identity, and whether its account has others.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Standing {
    pub identity: Identity,
    /// The account also has identities of other providers.
    pub has_others: bool,
}

/// Selects whether the account of a row of `identities` has others, of other providers. Every
/// sign-in runs this, and unlike a query with an alias it is not rebuilt each time.
#[derive(Clone, Copy, Debug, QueryId, ValidGrouping)]
struct HasOthers;

impl Expression for HasOthers {
    type SqlType = Bool;
}

impl<QS> AppearsOnTable<QS> for HasOthers {}

impl<QS> SelectableExpression<QS> for HasOthers {}

impl<DB: Backend> QueryFragment<DB> for HasOthers {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(
            "EXISTS (SELECT 1 FROM identities others WHERE others.user_id = identities.user_id AND others.provider <> identities.provider)",
        );
        Ok(())
    }
}

/// Finds the account of an identity, and the identity's [`Standing`].
pub fn find_with_standing(
    conn: &mut Conn,
    provider: &str,
    subject: &str,
) -> Result<Option<(User, Standing)>> {
    Ok(each!(conn, |conn| identities::table
        .inner_join(users::table)
        .filter(identities::provider.eq(provider))
        .filter(identities::subject.eq(subject))
        .select((User::as_select(), (Identity::as_select(), HasOthers)))
        .first(conn)
        .optional())?)
}

/// Like [`find_with_standing`], but locks the account's row: the result holds until the transaction
/// ends.
pub fn lock_with_standing(
    conn: &mut Conn,
    provider: &str,
    subject: &str,
) -> Result<Option<(User, Standing)>> {
    let mut found = find_with_standing(conn, provider, subject)?;
    if let Conn::Sqlite(_) = conn {
        return Ok(found);
    }
    while let Some((user, _)) = found {
        hit_about("identity_read", subject);
        lock_row(conn, user.id)?;
        // While we waited for the row, the identity may have been unlinked or moved to another
        // account.
        found = find_with_standing(conn, provider, subject)?;
        if found.as_ref().is_none_or(|(now, _)| now.id == user.id) {
            break;
        }
    }
    Ok(found)
}

/// Lists an account's identities as (provider, subject). There are never more than a few.
pub fn identities_of(conn: &mut Conn, user_id: UserId) -> Result<Vec<(String, String)>> {
    Ok(identities::table
        .filter(identities::user_id.eq(user_id))
        .order((identities::provider, identities::subject))
        .limit(20)
        .select((identities::provider, identities::subject))
        .load(conn)?)
}

/// Links an identity, (provider, subject), to an account. Answers asked for before `asked_at` are
/// no longer synced.
pub fn link(
    conn: &mut Conn,
    now: UnixTime,
    user_id: UserId,
    identity: (&str, &str),
    asked_at: UnixTime,
) -> Result<()> {
    let others = identities::table.filter(identities::user_id.eq(user_id));
    let place = if diesel::select(exists(others)).get_result(conn)? {
        Place::Further
    } else {
        Place::First
    };
    insert_identity(conn, now, user_id, identity, place, asked_at)?;
    // Only one person can adopt an imported account, once.
    diesel::update(users::table.find(user_id))
        .set(users::imported_at.eq(None::<i64>))
        .execute(conn)?;
    Ok(())
}

/// The place of an identity among those of its account: names follow the first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Further,
}

pub(super) fn insert_identity(
    conn: &mut Conn,
    now: UnixTime,
    user_id: UserId,
    (provider, subject): (&str, &str),
    place: Place,
    asked_at: UnixTime,
) -> Result<()> {
    diesel::insert_into(identities::table)
        .values((
            identities::provider.eq(provider),
            identities::subject.eq(subject),
            identities::user_id.eq(user_id),
            identities::created_at.eq(now.0),
            identities::is_first.eq(place == Place::First),
            identities::sync_number.eq(asked_at.0),
        ))
        .execute(conn)?;
    Ok(())
}

/// Removes an identity from an account, and returns whether the account had it. An account without
/// identities is a local one.
pub fn unlink(conn: &mut Conn, user_id: UserId, provider: &str, subject: &str) -> Result<bool> {
    let removed = diesel::delete(
        identities::table
            .filter(identities::provider.eq(provider))
            .filter(identities::subject.eq(subject))
            .filter(identities::user_id.eq(user_id)),
    )
    .execute(conn)?;
    if removed == 0 {
        return Ok(false);
    }
    if let Some((provider, subject)) = oldest_identity(conn, user_id)? {
        // The names now follow the remaining identity.
        diesel::update(identities::table.find((provider, subject)))
            .set(identities::is_first.eq(true))
            .execute(conn)?;
    } else {
        diesel::update(users::table.find(user_id))
            .set((
                users::synced_at.eq(None::<i64>),
                users::permissions_synced_at.eq(None::<i64>),
            ))
            .execute(conn)?;
    }
    Ok(true)
}

fn oldest_identity(conn: &mut Conn, user_id: UserId) -> Result<Option<(String, String)>> {
    Ok(identities::table
        .filter(identities::user_id.eq(user_id))
        .order((identities::created_at, identities::provider))
        .select((identities::provider, identities::subject))
        .first(conn)
        .optional()?)
}
