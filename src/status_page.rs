//! The data of the status page: counts, today's sign-ins, and whether the provider's addresses
//! answer. The addresses are checked in the background while someone is looking.

mod lags;

pub use lags::Lags;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::prelude::*;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tokio::sync::Notify;

use crate::access_requests;
use crate::audit::EventKind;
use crate::clock::UnixTime;
use crate::db::{Conn, Sql};
use crate::error::Result;
use crate::id::first_id_at;
use crate::oauth::probe::AddressCheck;
use crate::paging::{COUNT_CAP, Total};
use crate::sessions::{self, Limits};
use crate::users::{self, unexplained_refusals};

/// How often the provider is checked while someone has looked within [`WATCHED_FOR`].
pub const CHECK_EVERY: Duration = Duration::from_secs(60);
const WATCHED_FOR: Duration = Duration::from_secs(600);
/// The maximum age of the figures: they are counted at most once in this time.
const FIGURES_AGE: Duration = Duration::from_secs(30);
/// Sessions are counted up to this number.
const SESSION_CAP: i64 = 100_000;
/// The lower bound to show if there are too many accounts to find those with kept permissions.
const MANY: i64 = 500;

#[derive(Clone, Debug)]
pub struct Checked {
    pub at: UnixTime,
    pub checks: Vec<AddressCheck>,
}

#[derive(Clone, Debug)]
pub struct Figures {
    pub at: UnixTime,
    pub accounts: Option<Total>,
    pub deactivated: Total,
    pub sessions: Total,
    /// The last midnight in the portal's time zone.
    pub since: UnixTime,
    /// The sign-ins of each hour since then.
    pub hours: Vec<Hour>,
    /// Active accounts whose permissions are kept because a provider's answer failed.
    pub kept_permissions: Total,
    pub rechecks: HashMap<String, Rechecks>,
    /// Open requests for access that nobody can decide.
    pub undecidable: i64,
}

/// The state of one provider's re-checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rechecks {
    pub people: i64,
    /// The provider's last refusal, if there was ever one.
    pub last_refusal: Option<UnixTime>,
    /// Refusals without a reason are ignored until then.
    pub suspended_until: Option<UnixTime>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    pub sign_ins: i64,
    pub refusals: i64,
}

/// The knowledge of one instance, for everyone who looks.
#[derive(Debug, Default)]
pub struct StatusBoard {
    known: Mutex<Known>,
    look: Notify,
}

#[derive(Debug, Default)]
struct Known {
    checked: Option<Checked>,
    figures: Option<Arc<Figures>>,
    looked_at: Option<UnixTime>,
}

impl StatusBoard {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is known now, and starts the next check if one is due.
    pub fn look(&self, now: UnixTime) -> Option<Checked> {
        let mut known = self.known();
        known.looked_at = Some(now);
        let checked = known.checked.clone();
        let is_fresh = |checked: &Checked| now.since(checked.at) < CHECK_EVERY;
        if !checked.as_ref().is_some_and(is_fresh) {
            self.look.notify_one();
        }
        checked
    }

    /// Waits for a look that needs a new check.
    pub async fn wait_for_look(&self) {
        self.look.notified().await;
    }

    /// Returns whether anyone has looked lately.
    pub fn is_watched(&self, now: UnixTime) -> bool {
        let looked_at = self.known().looked_at;
        looked_at.is_some_and(|at| now.since(at) < WATCHED_FOR)
    }

    pub fn set_checked(&self, checked: Checked) {
        self.known().checked = Some(checked);
    }

    /// Returns the figures, unless they are too old.
    pub fn figures(&self, now: UnixTime) -> Option<Arc<Figures>> {
        let figures = self.known().figures.clone();
        figures.filter(|figures| now.since(figures.at) < FIGURES_AGE)
    }

    pub fn set_figures(&self, figures: Arc<Figures>) {
        self.known().figures = Some(figures);
    }
}

pub fn count(
    conn: &mut Conn,
    now: UnixTime,
    limits: Limits,
    zone: &TimeZone,
    providers: &[String],
) -> Result<Figures> {
    let mut rechecks = HashMap::new();
    for id in providers {
        let known = Rechecks {
            people: sessions::recheck_due::count_people(conn, id, SESSION_CAP)?,
            last_refusal: unexplained_refusals::last_refusal(conn, id)?,
            suspended_until: unexplained_refusals::suspended_until(conn, id)?,
        };
        rechecks.insert(id.clone(), known);
    }
    let deactivated = Sql::new(
        "SELECT u.id FROM users u WHERE u.is_active = ?",
        [false.into()],
    );
    let live = Sql::new(
        "SELECT x.id FROM sessions x WHERE x.ended_at IS NULL AND x.expires_at > ? AND x.last_seen_at > ?",
        [now.0.into(), now.minus(limits.idle).0.into()],
    );
    let since = midnight(now, zone);
    let kept = users::Filter {
        has_kept_permissions: true,
        // Only active accounts can use their permissions.
        is_active: Some(true),
        ..users::Filter::default()
    };
    Ok(Figures {
        at: now,
        accounts: users::total(conn, &users::Filter::default())?,
        deactivated: Total::of(conn, &deactivated, COUNT_CAP)?,
        sessions: Total::of(conn, &live, SESSION_CAP)?,
        since,
        hours: hours(conn, now, since)?,
        kept_permissions: users::total(conn, &kept)?.unwrap_or(Total::MoreThan(MANY)),
        rechecks,
        undecidable: access_requests::due::count_undecidable(conn)?,
    })
}

fn midnight(now: UnixTime, zone: &TimeZone) -> UnixTime {
    let moment = Timestamp::from_microsecond(now.0)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(zone.clone());
    moment
        .start_of_day()
        .or_else(|_| moment.checked_sub(24.hours()))
        .map_or(now, |start| UnixTime(start.timestamp().as_microsecond()))
}

#[derive(QueryableByName)]
struct HourRow {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    hour: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    event: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    value: i64,
}

fn hours(conn: &mut Conn, now: UnixTime, since: UnixTime) -> Result<Vec<Hour>> {
    const HOUR: i64 = 3_600_000_000;
    let rows: Vec<HourRow> = Sql::new(
        "SELECT CAST((x.created_at - ?) / 3600000000 AS BIGINT) AS hour, x.event AS event, COUNT(*) AS value FROM audit_events x WHERE x.event IN (?, ?) AND x.id >= ? AND x.created_at >= ? GROUP BY 1, 2",
        [
            since.0.into(),
            EventKind::SignedIn.code().into(),
            EventKind::SignInRefused.code().into(),
            first_id_at(since).into(),
            since.0.into(),
        ],
    )
    .load(conn)?;
    let count = usize::try_from((now.0 - since.0) / HOUR + 1).unwrap_or(24);
    let mut hours = vec![Hour::default(); count.clamp(1, 25)];
    for row in rows {
        let at = usize::try_from(row.hour).ok();
        let Some(hour) = at.and_then(|at| hours.get_mut(at)) else {
            continue;
        };
        if row.event == EventKind::SignedIn.code() {
            hour.sign_ins = row.value;
        } else {
            hour.refusals = row.value;
        }
    }
    Ok(hours)
}

/// The state of the last backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backup {
    /// The settings do not say where it is.
    Unknown,
    Missing,
    At(UnixTime),
}

/// Returns when the file that a backup writes was written, or the newest file of its folder. Looks
/// at no more than a thousand files.
pub fn last_backup(path: Option<&Path>) -> Backup {
    let Some(path) = path else {
        return Backup::Unknown;
    };
    let written = |path: &Path| {
        let modified = std::fs::metadata(path).ok()?.modified().ok()?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(UnixTime(0).plus(since))
    };
    let newest = if path.is_dir() {
        std::fs::read_dir(path).ok().and_then(|entries| {
            entries
                .take(1000)
                .filter_map(|entry| written(&entry.ok()?.path()))
                .max()
        })
    } else {
        written(path)
    };
    newest.map_or(Backup::Missing, Backup::At)
}
