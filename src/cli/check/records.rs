//! Checks the database, and whether its content fits the settings.

use std::path::Path;

use super::{Report, is_open_to_all};
use crate::access_requests;
use crate::apps;
use crate::apps::unheld::unheld;
use crate::audit;
use crate::clock::Clock;
use crate::config::{DatabaseUrl, PermissionSettings, ProviderSettings, Settings};
use crate::db::{self, Db, MigrationState};
use crate::i18n::{Lang, rfc3339};
use crate::instances::{self, Forgotten};
use crate::portal::is_byte_order;
use crate::users::{provider_keys, reserved, unexplained_refusals};

/// The maximum number of accounts with a reserved name that are listed.
const MAX_RESERVED: usize = 20;

/// The maximum number of permissions without a holder that are listed.
const MAX_UNHELD: usize = 20;

/// Returns the database if its tables are up to date.
pub fn check(report: &mut Report, settings: &Settings) -> Option<Db> {
    let db = check_database(report, &settings.database);
    if let Some(db) = &db {
        check_names(report, db);
        check_people(report, db, &settings.providers);
        check_rechecks(db, settings);
        check_apps(report, db, &settings.providers);
        check_requests(db);
    }
    check_addresses(db.as_ref(), settings);
    db
}

/// Returns the database if its tables are up to date.
pub fn check_database(report: &mut Report, url: &DatabaseUrl) -> Option<Db> {
    let name = db::describe(url);
    // A check must not create a missing database.
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        report_missing(report, path, &name);
        return None;
    }
    let db = match Db::open(url) {
        Ok(db) => db,
        Err(error) => {
            fault!(report, "database", "{name}: {error}; check DATABASE_URL");
            return None;
        }
    };
    ok!("database", "{name}");
    if let DatabaseUrl::Sqlite(path) = url
        && std::fs::metadata(path).is_ok_and(|metadata| is_open_to_all(&metadata))
    {
        warning!(
            "database",
            "everyone on this machine can read {name}; run `chmod 600` on it"
        );
    }
    let state = check_migrations(report, &db);
    match db.collation() {
        Ok(collation) if is_byte_order(&collation) => {}
        Ok(collation) => warning!(
            "collation",
            "{collation}: names are sorted by its rules, and searches of accounts may miss some; create the database with C.UTF-8"
        ),
        Err(error) => fault!(report, "collation", "{error}"),
    }
    match db.remote_ssl_mode().as_deref() {
        None | Some("verify-full") => {}
        Some(mode) => warning!(
            "database TLS",
            "sslmode={mode} does not verify the server's identity; use verify-full"
        ),
    }
    (state == Some(MigrationState::Current)).then_some(db)
}

fn report_missing(report: &mut Report, path: &Path, name: &str) {
    let folder = path.parent().unwrap_or(path);
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        fault!(
            report,
            "database",
            "{name}: its folder does not exist; create it, or correct DATABASE_URL"
        );
    } else {
        warning!(
            "database",
            "{name} does not exist yet; `frontdesk serve` or `frontdesk migrate` creates it"
        );
    }
}

fn check_migrations(report: &mut Report, db: &Db) -> Option<MigrationState> {
    let state = db.read_blocking(db::migration_state);
    match &state {
        Ok(MigrationState::Current) => ok!("migrations", "all are applied"),
        Ok(MigrationState::Pending(count)) => warning!(
            "migrations",
            "{count} pending; `frontdesk serve` or `frontdesk migrate` applies them"
        ),
        Ok(MigrationState::TooNew) => fault!(
            report,
            "migrations",
            "a newer version of frontdesk has migrated this database; run that version"
        ),
        Err(error) => fault!(report, "migrations", "{error}"),
    }
    state.ok()
}

/// Warns about accounts whose name the audit log uses for something that is not a person.
fn check_names(report: &mut Report, db: &Db) {
    match db.read_blocking(|conn| reserved::reserved_in_use(conn, MAX_RESERVED)) {
        Ok(names) if names.is_empty() => ok!("names", "no account has a reserved name"),
        Ok(names) => {
            for name in &names {
                warning!(
                    "names",
                    "the account {} has a reserved name, which looks like an entry not made by a person in the audit log; it keeps working, but give it another name (at the provider, or as a new local account)",
                    name.escape_debug()
                );
            }
            if names.len() == MAX_RESERVED {
                warning!("names", "there may be more");
            }
        }
        Err(error) => fault!(report, "names", "{error}"),
    }
}

/// Checks that people are stored under the providers and the identifiers of the settings.
fn check_people(report: &mut Report, db: &Db, providers: &[ProviderSettings]) {
    let found = db.read_blocking(|conn| {
        let mut found = Vec::new();
        for id in provider_keys::ids(conn)? {
            let count = provider_keys::count(conn, &id)?;
            let known = provider_keys::subject_pointer(conn, &id)?;
            found.push((id, count, known));
        }
        Ok(found)
    });
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            fault!(report, "people", "{error}");
            return;
        }
    };
    check_forgotten(report, db, providers);
    for (id, count, known) in found {
        let provider = providers.iter().find(|provider| provider.id == id);
        match (provider.map(|one| one.mapping.subject.text()), known) {
            (None, _) => warning!(
                "people",
                "{count} are stored under the provider {id}, which is not in the settings: they cannot sign in; `frontdesk rekey {id} NEW-ID` moves them"
            ),
            (Some(pointer), Some(known)) if pointer != known => warning!(
                "people",
                "{count} of the provider {id} are identified by {known}, but the settings say {pointer}: they would not be recognised; `frontdesk rekey {id} --subjects FILE` moves them"
            ),
            (Some(_), _) => ok!("people", "{count} of the provider {id}"),
        }
    }
}

/// Warns about sessions that will end because their provider is not in the settings.
fn check_forgotten(report: &mut Report, db: &Db, providers: &[ProviderSettings]) {
    let ours: Vec<String> = providers.iter().map(|one| one.id.clone()).collect();
    let now = Clock::default().now();
    match db.read_blocking(|conn| instances::forgotten(conn, now, &ours)) {
        Ok(forgotten) => {
            for Forgotten { provider, at } in forgotten {
                let at = rfc3339(at, &jiff::tz::TimeZone::UTC);
                warning!(
                    "sessions",
                    "people are signed in through the provider {provider}, which is not in the settings: unless a running instance has it, their sessions end ten minutes after an instance last had it, not before {at}"
                );
            }
        }
        Err(error) => fault!(report, "sessions", "{error}"),
    }
}

/// Reports how soon leavers are signed out, and whether that has ever happened.
fn check_rechecks(db: &Db, settings: &Settings) {
    for provider in &settings.providers {
        let what = format!("re-check of {}", provider.id);
        let Some(recheck) = provider.recheck else {
            warning!(
                what,
                "off: people who have left stay signed in until their session ends (FRONTDESK_SESSION_MAX)"
            );
            continue;
        };
        let by = if recheck.asks_profile {
            "the provider's profile address tells who is still there"
        } else {
            "this relies on the provider refusing refresh tokens of people who have left"
        };
        let every = Lang::En.span(recheck.every);
        let rate = recheck.rate;
        let bound = format!(
            "people whom the provider explicitly refuses are signed out within {every}, or within the time that re-checking everyone takes at {rate} calls a second; {by}"
        );
        let last = db.read_blocking(|conn| unexplained_refusals::last_refusal(conn, &provider.id));
        match last {
            Ok(Some(at)) => {
                let at = rfc3339(at, &settings.time_zone);
                ok!(what, "{bound}; last refusal on {at}");
            }
            Ok(None) => ok!(
                what,
                "{bound}; it has never refused anyone yet: verify this with a test account"
            ),
            Err(error) => warning!(what, "{error}"),
        }
    }
}

/// Warns about permissions in the rules of apps that nobody holds: most likely they are misspelt.
fn check_apps(report: &mut Report, db: &Db, providers: &[ProviderSettings]) {
    const WHAT: &str = "apps";
    let sources = PermissionSettings::from_providers(providers).into();
    let found = db.read_blocking(|conn| {
        let all = apps::list(conn)?;
        let names = all.iter().flat_map(|app| app.fields.rule.permissions());
        let unheld = unheld(conn, &sources, names)?;
        Ok((all, unheld))
    });
    let (all, unheld) = match found {
        Ok(found) => found,
        Err(error) => {
            fault!(report, WHAT, "{error}");
            return;
        }
    };
    let mut count = 0_usize;
    for app in &all {
        let names = app.fields.rule.permissions();
        for name in names.filter(|name| unheld.contains(*name)) {
            count += 1;
            if count <= MAX_UNHELD {
                warning!(
                    WHAT,
                    "the rule of {} names the permission {}, which nobody holds; is it misspelt, or gone at the provider?",
                    app.key,
                    name.escape_debug()
                );
            }
        }
    }
    match count {
        0 => ok!(
            WHAT,
            "{} apps; each permission of their rules is held by somebody",
            all.len()
        ),
        count if count > MAX_UNHELD => {
            warning!(WHAT, "there are {} more of these", count - MAX_UNHELD);
        }
        _ => {}
    }
}

/// Warns about requests for access that nobody can decide on a page.
fn check_requests(db: &Db) {
    match db.read_blocking(access_requests::due::count_undecidable) {
        Ok(0) => ok!("requests", "somebody can decide each one that is open"),
        Ok(count) => warning!(
            "requests",
            "{count} cannot be decided by anyone: besides the person who asks, the app has no active owner and there is no active admin; make one, or use `frontdesk requests`"
        ),
        Err(error) => warning!("requests", "{error}"),
    }
}

/// Checks that trusted proxies send the address of each client. This command cannot see what they
/// send, but it can see where the last sign-in came from.
fn check_addresses(db: Option<&Db>, settings: &Settings) {
    const WHAT: &str = "client addresses";
    let trusted = &settings.trusted_proxies;
    if trusted.is_empty() {
        return;
    }
    let last = db.and_then(|db| db.read_blocking(audit::last_address).ok().flatten());
    match last {
        Some(last) if trusted.iter().any(|network| network.contains(&last)) => warning!(
            WHAT,
            "the last sign-in came from {last}, which is in FRONTDESK_TRUSTED_PROXIES: unless someone works there, the proxy sends no client address, and limits per address cannot tell people apart; configure it to send X-Forwarded-For"
        ),
        Some(last) => ok!(WHAT, "sent by the proxy; the last sign-in came from {last}"),
        None => ok!(
            WHAT,
            "each proxy in FRONTDESK_TRUSTED_PROXIES must send X-Forwarded-For; /admin/status shows when one did not"
        ),
    }
}
