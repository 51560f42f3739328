//! The status page: what is running, whether it works, and today's sign-ins.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use crate::clock::UnixTime;
use crate::db::MigrationState;
use crate::desk::Desk;
use crate::error::Result;
use crate::instances::{self, Forgotten};
use crate::oauth::Provider;
use crate::paging::Total;
use crate::recheck;
use crate::status::{self, Backup, Checked, Figures, Hour, Rechecks};
use crate::users::Role;
use crate::web::guard::{Reader, Staff};
use crate::web::list::{grouped, total_in_words};
use crate::web::page::Page;

/// A backup older than this deserves a warning.
const OLD_BACKUP: Duration = Duration::from_secs(2 * 86_400);

/// The height of the chart. Its width is 24 bars.
const HEIGHT: i64 = 96;
const BAR: i64 = 20;
const STEP: i64 = 26;

/// One hour of the chart, in the chart's units.
struct Bar {
    x: i64,
    middle: i64,
    sign_ins_y: i64,
    sign_ins_height: i64,
    refusals_y: i64,
    refusals_height: i64,
    label: Option<String>,
}

struct Chart {
    bars: Vec<Bar>,
    width: i64,
    most: String,
}

impl Chart {
    /// Returns the bars of a whole day, scaled to the busiest hour.
    fn of(hours: &[Hour]) -> Self {
        let most = hours
            .iter()
            .map(|hour| hour.sign_ins + hour.refusals)
            .max()
            .unwrap_or(0);
        let length = hours.len().max(24);
        let bars = (0..length)
            .map(|at| {
                let hour = hours.get(at).copied().unwrap_or_default();
                let scale = |count: i64| match (count, most) {
                    (0, _) | (_, 0) => 0,
                    // Even a single sign-in must be visible.
                    (count, most) => (count * HEIGHT / most).max(2),
                };
                let (sign_ins_height, refusals_height) =
                    (scale(hour.sign_ins), scale(hour.refusals));
                let x = i64::try_from(at).unwrap_or(0) * STEP;
                Bar {
                    x,
                    middle: x + BAR / 2,
                    sign_ins_y: HEIGHT - sign_ins_height,
                    sign_ins_height,
                    refusals_y: HEIGHT - sign_ins_height - refusals_height,
                    refusals_height,
                    label: at.is_multiple_of(6).then(|| format!("{at:02}")),
                }
            })
            .collect();
        Self {
            bars,
            width: i64::try_from(length).unwrap_or(24) * STEP,
            most: grouped(most),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/status.html")]
struct StatusPage<'a> {
    page: &'a Page<'a>,
    works: bool,
    database: String,
    database_ms: u128,
    migrations: MigrationState,
    checked: Option<Checked>,
    accounts: String,
    deactivated: String,
    sessions: String,
    /// The number of people whose permissions are kept, if any.
    kept_permissions: Option<String>,
    sign_ins: String,
    refusals: String,
    figures_at: UnixTime,
    since: UnixTime,
    chart: Chart,
    backup: Backup,
    is_backup_old: bool,
    /// When a trusted proxy last forwarded a request without the client's address.
    silent_proxy: Option<UnixTime>,
    started_at: UnixTime,
    providers: Vec<ProviderState>,
    /// Sessions of providers that no instance has.
    forgotten: Vec<Forgotten>,
    may_act: bool,
}

/// The state of one provider.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a sentence of the page"
)]
struct ProviderState {
    id: String,
    label: String,
    callback: String,
    is_available: bool,
    recheck: Option<Bound>,
    /// True if a fresh sign-in is believed although the person at the browser could have skipped
    /// it.
    is_proof_weak: bool,
    /// True if the provider reports sign-outs by itself.
    is_pushed: bool,
    gives_permissions: bool,
}

/// How long a leaver may keep access.
struct Bound {
    within: String,
    /// `None` if the provider cannot be asked about anyone.
    people: Option<String>,
    /// The measured delay.
    lag: Option<String>,
    by_profile: bool,
    last_refusal: Option<UnixTime>,
    /// Refusals without a reason are ignored until then.
    suspended_until: Option<UnixTime>,
}

impl ProviderState {
    fn of(page: &Page<'_>, provider: &Provider, known: Rechecks, now: UnixTime) -> Self {
        let settings = provider.settings();
        let people = known.people;
        let calls = recheck::calls_a_person(provider);
        Self {
            id: settings.id.clone(),
            label: page.label_of(provider),
            callback: settings.redirect_url.clone(),
            is_available: provider.is_available(),
            recheck: settings.recheck.map(|recheck| Bound {
                within: page.lang.span(recheck::bound(recheck, people, calls)),
                people: (people > 0).then(|| grouped(people)),
                lag: page
                    .desk
                    .lags
                    .longest(&settings.id)
                    .map(|lag| page.lang.span(lag)),
                by_profile: recheck.asks_profile && provider.has_profile(),
                last_refusal: known.last_refusal,
                suspended_until: known.suspended_until.filter(|until| *until > now),
            }),
            gives_permissions: provider.gives_permissions(),
            is_proof_weak: provider.can_prove_by_prompt(),
            is_pushed: provider.known().is_some_and(|known| known.sends_logouts),
        }
    }
}

impl ProviderState {
    fn suspended_until(&self) -> Option<UnixTime> {
        self.recheck.as_ref()?.suspended_until
    }
}

impl StatusPage<'_> {
    /// The purpose of one of the provider's addresses, by the name of its setting.
    fn address_name(&self, setting: &str) -> &'static str {
        let t = self.page.t;
        let key = setting.trim_end_matches(" (metadata)").to_ascii_lowercase();
        [
            ("issuer", t.address_discovery),
            ("token_url", t.address_token),
            ("profile_url", t.address_profile),
            ("base_info_url", t.address_profile),
            ("userinfo_url", t.address_userinfo),
            ("jwks_url", t.address_jwks),
            ("par_url", t.address_pushed_requests),
            ("revocation_url", t.address_revocation),
            ("authorize_url", t.address_authorize),
            ("permissions_url", t.address_permissions),
            ("end_session_url", t.address_sign_out),
            ("logout_url", t.address_sign_out),
        ]
        .into_iter()
        .find(|(end, _)| key.ends_with(*end))
        .map_or("", |(_, name)| name)
    }

    fn is_current(&self) -> bool {
        self.migrations == MigrationState::Current
    }
}

pub async fn show(reader: Reader<Staff>, desk: Data<Desk>) -> Result<HttpResponse> {
    let now = desk.clock.now();
    let limits = desk.limits;
    let zone = desk.time_zone.clone();
    let known = desk.board.figures(now);
    let ids: Vec<String> = desk
        .providers
        .all()
        .iter()
        .map(|provider| provider.id().to_owned())
        .collect();
    let started_at = desk.started_at;
    let (me, (figures, migrations, took, forgotten)) = reader
        .read(move |conn, _| {
            let started = std::time::Instant::now();
            let migrations = crate::db::migration_state(conn)?;
            let took = started.elapsed();
            let figures = match &known {
                Some(figures) => Arc::clone(figures),
                None => Arc::new(status::count(conn, now, limits, &zone, &ids)?),
            };
            let forgotten = instances::forgotten(conn, started_at, &ids)?;
            Ok((figures, migrations, took, forgotten))
        })
        .await?;
    desk.board.set_figures(Arc::clone(&figures));
    let checked = desk.board.look(now);
    let file = desk.backup_file.clone();
    let backup = actix_web::web::block(move || status::last_backup(file.as_deref()))
        .await
        .unwrap_or(Backup::Unknown);
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    let Figures { hours, .. } = figures.as_ref();
    let sum = |count: fn(&Hour) -> i64| grouped(hours.iter().map(count).sum());
    let is_backup_old = match backup {
        Backup::Unknown => false,
        Backup::Missing => true,
        Backup::At(at) => now.since(at) > OLD_BACKUP,
    };
    let silent_proxy = desk.silent_proxy.last(now);
    let answers = checked.as_ref().is_none_or(|checked| {
        checked
            .checks
            .iter()
            .all(|check| !check.is_needed || check.is_good())
    });
    let is_any_suspended = figures
        .rechecks
        .values()
        .any(|known| known.suspended_until.is_some_and(|until| until > now));
    page.ok(&StatusPage {
        page: &page,
        works: answers
            && !is_any_suspended
            && migrations == MigrationState::Current
            && !is_backup_old
            && silent_proxy.is_none()
            && figures.kept_permissions == Total::Exactly(0),
        database: desk.db.describe(),
        database_ms: took.as_millis(),
        migrations,
        checked,
        accounts: total_in_words(&page, figures.accounts),
        deactivated: total_in_words(&page, Some(figures.deactivated)),
        sessions: total_in_words(&page, Some(figures.sessions)),
        kept_permissions: (figures.kept_permissions != Total::Exactly(0))
            .then(|| total_in_words(&page, Some(figures.kept_permissions))),
        sign_ins: sum(|hour| hour.sign_ins),
        refusals: sum(|hour| hour.refusals),
        figures_at: figures.at,
        since: figures.since,
        chart: Chart::of(hours),
        backup,
        is_backup_old,
        silent_proxy,
        started_at: desk.started_at,
        providers: desk
            .providers
            .all()
            .iter()
            .map(|provider| {
                let known = figures.rechecks.get(provider.id()).copied();
                ProviderState::of(&page, provider, known.unwrap_or_default(), now)
            })
            .collect(),
        forgotten,
        may_act: me.user.role() == Role::Superuser,
    })
}
