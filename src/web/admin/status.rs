//! The status page: what is running, whether it works, and today's sign-ins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::webhooks::{self, HookView};
use crate::admin;
use crate::clock::UnixTime;
use crate::db::{self, MigrationState};
use crate::error::{Error, Result};
use crate::instances::{self, Forgotten};
use crate::oauth::Provider;
use crate::oauth::probe::AddressCheck;
use crate::paging::Total;
use crate::portal::Portal;
use crate::recheck;
use crate::status_page::{self, Backup, Checked, Figures, Hour, Rechecks};
use crate::users::Role;
use crate::web::cookie::PortalCookie;
use crate::web::csrf::Form;
use crate::web::guard::{Acting, Reader, SignedIn, Staff};
use crate::web::list::{accounts_in_words, grouped, total_in_words};
use crate::web::page::Page;
use crate::web::redirect::{see_other, sign_in_anew};
use crate::webhooks::state::HookState;

/// A backup older than this deserves a warning.
const OLD_BACKUP: Duration = Duration::from_secs(2 * 86_400);

/// The height of the chart. Its width is 24 bars.
const HEIGHT: i64 = 96;
const STEP: i64 = 26;

/// One hour of the chart, in the chart's units.
struct Bar {
    x: i64,
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
        let totals = hours.iter().map(|hour| hour.sign_ins + hour.refusals);
        let most = totals.max().unwrap_or(0);
        let length = hours.len().max(24);
        let bars = (0..length)
            .map(|at| {
                let hour = hours.get(at).copied().unwrap_or_default();
                let scale = |count: i64| match count {
                    0 => 0,
                    // Even a single sign-in must be visible.
                    count => (count * HEIGHT / most).max(2),
                };
                let sign_ins_height = scale(hour.sign_ins);
                let refusals_height = scale(hour.refusals);
                let x = i64::try_from(at).unwrap_or(0) * STEP;
                Bar {
                    x,
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
    /// True if refusals of any provider are ignored now.
    is_any_suspended: bool,
    database: String,
    database_ms: u128,
    migrations: MigrationState,
    checked: Option<Checked>,
    accounts: String,
    deactivated: String,
    sessions: String,
    /// The accounts whose permissions are kept, if any: "3 accounts".
    kept_permissions: Option<String>,
    /// The number of requests for access that nobody can decide, if there are any.
    undecidable: Option<String>,
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
    providers: Vec<ProviderState<'a>>,
    forgotten: Vec<Forgotten>,
    hooks: Vec<HookView>,
    notice: Option<&'static str>,
    may_act: bool,
}

struct ProviderState<'a> {
    provider: &'a Provider,
    label: String,
    recheck: Option<Bound>,
    /// True if the provider reports sign-outs by itself.
    is_pushed: bool,
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

impl<'a> ProviderState<'a> {
    fn of(page: &Page<'_>, provider: &'a Provider, known: Rechecks, now: UnixTime) -> Self {
        let settings = provider.settings();
        let people = known.people;
        let calls = recheck::calls_per_person(provider);
        let lag = page.portal.recheck_lags.longest(&settings.id);
        Self {
            provider,
            label: page.label_of(provider),
            recheck: settings.recheck.map(|recheck| Bound {
                within: page
                    .lang
                    .span(recheck::longest_stay_after_refusal(recheck, people, calls)),
                people: (people > 0).then(|| grouped(people)),
                lag: lag.map(|lag| page.lang.span(lag)),
                by_profile: recheck.asks_profile && provider.has_profile(),
                last_refusal: known.last_refusal,
                suspended_until: known.suspended_until.filter(|until| *until > now),
            }),
            is_pushed: provider.known().is_some_and(|known| known.sends_logouts),
        }
    }

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

    /// True if nothing on the page needs attention.
    fn works(&self) -> bool {
        let checks = self.checked.iter().flat_map(|checked| &checked.checks);
        let mut needed = checks.filter(|check| check.is_needed);
        needed.all(AddressCheck::is_good)
            && !self.is_any_suspended
            && self.is_current()
            && !self.is_backup_old
            && self.silent_proxy.is_none()
            && self.kept_permissions.is_none()
            && self.undecidable.is_none()
            && !self.hooks.iter().any(HookView::needs_attention)
    }

    fn is_current(&self) -> bool {
        self.migrations == MigrationState::Current
    }
}

/// What the page needs of the database, and how long the database took to answer.
struct Found {
    figures: Arc<Figures>,
    migrations: MigrationState,
    took: Duration,
    forgotten: Vec<Forgotten>,
    hooks: Vec<(HookState, i64)>,
}

async fn find(reader: Reader<Staff>, portal: &Portal, now: UnixTime) -> Result<(SignedIn, Found)> {
    let (limits, started_at) = (portal.limits, portal.started_at);
    let zone = portal.time_zone.clone();
    let known = portal.board.figures(now);
    let providers = portal.providers.all().iter();
    let ids: Vec<String> = providers.map(|one| one.id().to_owned()).collect();
    let hooks = portal.webhooks.all().iter();
    let hooks: Vec<String> = hooks.map(|hook| hook.name().to_owned()).collect();
    let read = reader.read(move |conn, _| {
        let started = Instant::now();
        let migrations = db::migration_state(conn)?;
        Ok(Found {
            migrations,
            took: started.elapsed(),
            figures: match &known {
                Some(figures) => Arc::clone(figures),
                None => Arc::new(status_page::count(conn, now, limits, &zone, &ids)?),
            },
            forgotten: instances::forgotten(conn, started_at, &ids)?,
            hooks: webhooks::find(conn, &hooks)?,
        })
    });
    read.await
}

pub async fn show(
    reader: Reader<Staff>,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let now = portal.clock.now();
    let (me, found) = find(reader, &portal, now).await?;
    let figures = &found.figures;
    portal.board.set_figures(Arc::clone(figures));
    let file = portal.backup_file.clone();
    let backup = actix_web::web::block(move || status_page::last_backup(file.as_deref()))
        .await
        .unwrap_or(Backup::Unknown);
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let total = |total| total_in_words(&page, Some(total));
    let sum = |count: fn(&Hour) -> i64| grouped(figures.hours.iter().map(count).sum());
    let has_kept = figures.kept_permissions != Total::Exactly(0);
    let providers = portal.providers.all().iter().map(|provider| {
        let known = figures.rechecks.get(provider.id()).copied();
        ProviderState::of(&page, provider, known.unwrap_or_default(), now)
    });
    let notice = webhooks::notice(&page, &request);
    let mut response = page.ok(&StatusPage {
        page: &page,
        is_any_suspended: figures
            .rechecks
            .values()
            .any(|known| known.suspended_until.is_some_and(|until| until > now)),
        database: portal.db.describe(),
        database_ms: found.took.as_millis(),
        migrations: found.migrations,
        checked: portal.board.look(now),
        accounts: total_in_words(&page, figures.accounts),
        deactivated: total(figures.deactivated),
        sessions: total(figures.sessions),
        kept_permissions: has_kept
            .then(|| accounts_in_words(&page, Some(figures.kept_permissions))),
        undecidable: (figures.undecidable > 0).then(|| grouped(figures.undecidable)),
        sign_ins: sum(|hour| hour.sign_ins),
        refusals: sum(|hour| hour.refusals),
        figures_at: figures.at,
        since: figures.since,
        chart: Chart::of(&figures.hours),
        is_backup_old: is_old(backup, now),
        backup,
        silent_proxy: portal.proxy_without_forwarded.last(now),
        started_at: portal.started_at,
        providers: providers.collect(),
        forgotten: found.forgotten,
        hooks: webhooks::views(&page, &found.hooks),
        notice,
        may_act: me.user.role() == Role::Superuser,
    })?;
    if notice.is_some() {
        PortalCookie::Notice.remove(&mut response, &portal)?;
    }
    Ok(response)
}

fn is_old(backup: Backup, now: UnixTime) -> bool {
    match backup {
        Backup::Unknown => false,
        Backup::Missing => true,
        Backup::At(at) => now.since(at) > OLD_BACKUP,
    }
}

/// The button with which an admin confirms a provider's refusals.
pub async fn confirm_refusals(
    acting: Acting,
    portal: Data<Portal>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let provider = form.0.into_iter().find(|(name, _)| name == "provider");
    let (_, provider) = provider.ok_or(Error::BadRequest)?;
    match admin::confirm_refusals(&portal, &acting.admin, provider).await {
        Ok(()) => Ok(see_other("/admin/status")),
        Err(Error::ProofNeeded) => Ok(sign_in_anew("/admin/status")),
        Err(error) => Err(error),
    }
}
