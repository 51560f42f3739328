//! What the status page knows: counts, today's sign-ins, and whether the provider's addresses
//! answer. Those are asked in the background, while somebody looks.

mod lags;

pub use lags::Lags;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::prelude::*;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tokio::sync::Notify;

use crate::audit::EventKind;
use crate::clock::UnixTime;
use crate::db::{Conn, Sql};
use crate::error::Result;
use crate::id::first_id_at;
use crate::paging::Total;
use crate::sessions::{self, Limits};
use crate::users::{self, unnamed_refusals};

/// The provider is asked so often, while anybody has looked in the last [`WATCHED_FOR`].
pub const CHECK_EVERY: Duration = Duration::from_secs(60);
const WATCHED_FOR: Duration = Duration::from_secs(600);
/// Figures may be so old: they are counted anew for one look in so much time.
const FIGURES_AGE: Duration = Duration::from_secs(30);
/// Sessions are counted no further.
const SESSION_CAP: i64 = 100_000;
/// People whose permissions are kept, where there are too many to be looked through.
const MANY: i64 = 500;

/// One address of the provider.
#[derive(Clone, Debug)]
pub struct Check {
    /// The setting that names it.
    pub setting: String,
    pub address: String,
    /// Whether sign-ins hang on it; browsers alone need the others.
    pub is_needed: bool,
    /// The provider's own word: its paths are right, and some of them know nothing but POST.
    pub is_discovered: bool,
    /// The HTTP status of its answer, or why there was none.
    pub answer: Result<u16, String>,
    pub took: Duration,
}

impl Check {
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self.answer, Ok(status) if status < 500 && (status != 404 || self.is_discovered))
    }
}

#[derive(Clone, Debug)]
pub struct Checked {
    pub at: UnixTime,
    pub checks: Vec<Check>,
}

#[derive(Clone, Debug)]
pub struct Figures {
    pub at: UnixTime,
    pub accounts: Option<Total>,
    pub deactivated: Total,
    pub sessions: Total,
    /// Midnight, in the portal's time zone.
    pub since: UnixTime,
    /// For each hour since then.
    pub hours: Vec<Hour>,
    /// Active accounts whose permissions are kept because a provider's answer failed.
    pub kept_permissions: Total,
    /// By provider.
    pub rechecks: HashMap<String, Rechecks>,
}

/// What is known of the re-checks of one provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rechecks {
    /// How many people are asked about again.
    pub people: i64,
    /// When the provider last refused somebody, if it was ever seen to.
    pub last_refusal: Option<UnixTime>,
    /// Until when its refusals without a name count for nothing.
    pub suspended_until: Option<UnixTime>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    pub sign_ins: i64,
    pub refusals: i64,
}

/// What one instance knows, for whoever looks.
#[derive(Debug, Default)]
pub struct Board {
    checked: Mutex<Option<Checked>>,
    figures: Mutex<Option<Arc<Figures>>>,
    looked_at: Mutex<Option<UnixTime>>,
    look: Notify,
}

impl Board {
    /// Somebody looks: what is known now, and the next check begins if one is due.
    pub fn look(&self, now: UnixTime) -> Option<Checked> {
        *self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(now);
        let checked = self
            .checked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if checked
            .as_ref()
            .is_none_or(|checked| now.since(checked.at) >= CHECK_EVERY)
        {
            self.look.notify_one();
        }
        checked
    }

    /// Waits until somebody looks who needs a new check.
    pub async fn wait_for_look(&self) {
        self.look.notified().await;
    }

    /// Whether anybody has looked lately.
    pub fn is_watched(&self, now: UnixTime) -> bool {
        self.looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|at| now.since(at) < WATCHED_FOR)
    }

    pub fn set_checked(&self, checked: Checked) {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = Some(checked);
    }

    /// The figures, unless they are too old.
    pub fn figures(&self, now: UnixTime) -> Option<Arc<Figures>> {
        self.figures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .filter(|figures| now.since(figures.at) < FIGURES_AGE)
    }

    pub fn set_figures(&self, figures: Arc<Figures>) {
        *self.figures.lock().unwrap_or_else(PoisonError::into_inner) = Some(figures);
    }
}

/// Counts what there is now.
///
/// # Errors
/// [`crate::error::DatabaseError`]
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
            people: sessions::due::count_people(conn, id, SESSION_CAP)?,
            last_refusal: unnamed_refusals::last_refusal(conn, id)?,
            suspended_until: unnamed_refusals::suspended_until(conn, id)?,
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
    let sessions = live.count_up_to(conn, SESSION_CAP + 1)?;
    let since = midnight(now, zone);
    let kept = users::Filter {
        has_kept_permissions: true,
        // Nobody else can use them.
        is_active: Some(true),
        ..users::Filter::default()
    };
    Ok(Figures {
        at: now,
        accounts: users::total(conn, &users::Filter::default())?,
        deactivated: Total::from_count(
            deactivated.count_up_to(conn, crate::paging::COUNT_CAP + 1)?,
        ),
        sessions: if sessions > SESSION_CAP {
            Total::MoreThan(SESSION_CAP)
        } else {
            Total::Exactly(sessions)
        },
        since,
        hours: hours(conn, now, since)?,
        kept_permissions: users::total(conn, &kept)?.unwrap_or(Total::MoreThan(MANY)),
        rechecks,
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
        let Some(hour) = usize::try_from(row.hour)
            .ok()
            .and_then(|at| hours.get_mut(at))
        else {
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

/// What is known of the last backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backup {
    /// Nobody said where it is.
    Unknown,
    Missing,
    At(UnixTime),
}

/// When the file that a backup writes was written, or the newest file of its folder. Looks at no
/// more than a thousand.
#[must_use]
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
