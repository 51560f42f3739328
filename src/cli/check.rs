//! `frontdesk check`: one line for each thing that must hold, and what to do about it.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::Failure;
use crate::audit;
use crate::clock::{Clock, UnixTime};
use crate::config::{
    ClientAuth, DatabaseUrl, ENV_FILE, OPTIONS, ProviderSettings, PublicUrl, Settings, near_misses,
};
use crate::db::{self, Db, MigrationState};
use crate::desk::is_byte_order;
use crate::error::{Cause, Error};
use crate::i18n::{Lang, rfc3339};
use crate::instances::{self, Forgotten};
use crate::logging;
use crate::oauth::metadata::Metadata;
use crate::oauth::probe::ProviderAddress;
use crate::oauth::{Moment, Provider, jwt};
use crate::users::{keys, reserved, unnamed_refusals};

/// Accounts whose name is reserved: more of them are not named.
const MAX_RESERVED: usize = 20;
const DISCOVERY_PATIENCE: Duration = Duration::from_secs(5);
/// In seconds; as far as tokens are believed.
const MAX_CLOCK_DIFFERENCE: i64 = 60;

/// Prints lines and remembers whether one was a fault.
#[derive(Default)]
struct Report {
    has_fault: bool,
}

impl Report {
    fn ok(what: &str, text: &str) {
        say!("ok       {what}: {text}");
    }

    fn warning(what: &str, text: &str) {
        say!("warning  {what}: {text}");
    }

    fn fault(&mut self, what: &str, text: &str) {
        self.has_fault = true;
        say!("fault    {what}: {text}");
    }
}

pub fn run(variables: &HashMap<String, String>) -> Result<(), Failure> {
    let mut report = Report::default();
    check_file(ENV_FILE);
    if let Some(path) = variables.get("FRONTDESK_PROVIDERS") {
        check_file(path);
    }
    for option in OPTIONS.iter().filter(|option| option.is_secret) {
        if let Some(path) = variables.get(&format!("{}_FILE", option.name)) {
            check_file(path);
        }
    }
    for (name, option) in near_misses(variables) {
        Report::warning(
            "settings",
            &format!("{name} is set but is not a setting; did you mean {option}?"),
        );
    }
    for option in OPTIONS {
        // A space is a separator.
        let is_empty = |value: &String| match option.name {
            "OAUTH2_PERMISSIONS_SEPARATOR" => value.is_empty(),
            _ => value.trim().is_empty(),
        };
        if variables.get(option.name).is_some_and(is_empty) {
            Report::warning(
                "settings",
                &format!(
                    "{} is empty, which counts as not set; in .env a value with # needs quotes",
                    option.name
                ),
            );
        }
    }
    match Settings::parse(variables) {
        Ok(settings) => {
            logging::start(&crate::config::LogSettings {
                filter: "error".to_owned(),
                ..settings.log.clone()
            });
            Report::ok("settings", "all required ones are set and valid");
            check_origin(&settings);
            check_database(&mut report, &settings.database);
            check_people(&mut report, &settings);
            check_rechecks(&settings);
            check_addresses(&settings);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Failure::Failed(Error::Internal(error.to_string())))?;
            let is_one = settings.providers.len() == 1;
            for file in settings.providers.iter().flat_map(|one| &one.secret_files) {
                check_file(file);
            }
            for provider in settings.providers {
                let whose = if is_one {
                    String::new()
                } else {
                    format!(" of {}", provider.id)
                };
                let checked = check_provider(&mut report, provider, &settings.public_url, &whose);
                runtime.block_on(checked)?;
            }
        }
        Err(faults) => {
            for fault in faults.lines() {
                report.fault("settings", fault);
            }
            if let Ok(url) = crate::config::database_url(variables) {
                check_database(&mut report, &url);
            }
        }
    }
    if report.has_fault {
        Err(Failure::Said)
    } else {
        Ok(())
    }
}

/// The file with the secrets is nobody else's to read.
fn check_file(path: &str) {
    let Ok(metadata) = std::fs::metadata(path) else {
        return;
    };
    if is_open_to_all(&metadata) {
        Report::warning(
            path,
            &format!("everyone on this machine can read it; run `chmod 600 {path}`"),
        );
    } else {
        Report::ok(path, "not readable by everyone");
    }
}

fn is_open_to_all(metadata: &std::fs::Metadata) -> bool {
    metadata.permissions().mode() & 0o004 != 0
}

fn check_origin(settings: &Settings) {
    let origin = &settings.public_url.origin;
    if settings.public_url.is_https {
        Report::ok("public address", origin);
    } else {
        Report::warning(
            "public address",
            &format!(
                "{origin} is not https: cookies are sent unencrypted; put an https proxy in front, and set FRONTDESK_PUBLIC_URL to its address"
            ),
        );
    }
}

fn check_database(report: &mut Report, url: &DatabaseUrl) {
    let name = db::describe(url);
    // A check must not make a database that is not there.
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            report.fault(
                "database",
                &format!("{name}: its folder does not exist; create it, or correct DATABASE_URL"),
            );
            return;
        }
        Report::warning(
            "database",
            &format!(
                "{name} does not exist yet; `frontdesk serve` or `frontdesk migrate` creates it"
            ),
        );
        return;
    }
    let db = match Db::open(url) {
        Ok(db) => db,
        Err(error) => {
            report.fault("database", &format!("{name}: {error}; check DATABASE_URL"));
            return;
        }
    };
    Report::ok("database", &name);
    if let DatabaseUrl::Sqlite(path) = url
        && std::fs::metadata(path).is_ok_and(|metadata| is_open_to_all(&metadata))
    {
        Report::warning(
            "database",
            &format!("everyone on this machine can read {name}; run `chmod 600` on it"),
        );
    }
    match db.migration_state_blocking() {
        Ok(MigrationState::Current) => Report::ok("migrations", "all are applied"),
        Ok(MigrationState::Pending(count)) => Report::warning(
            "migrations",
            &format!("{count} pending; `frontdesk serve` or `frontdesk migrate` applies them"),
        ),
        Ok(MigrationState::TooNew) => report.fault(
            "migrations",
            "a newer version of frontdesk has migrated this database; run that version",
        ),
        Err(error) => report.fault("migrations", &error.to_string()),
    }
    match db.collation() {
        Ok(collation) if is_byte_order(&collation) => {}
        Ok(collation) => Report::warning(
            "collation",
            &format!(
                "{collation}: names are sorted by its rules, and searches of accounts may miss some; create the database with C.UTF-8"
            ),
        ),
        Err(error) => report.fault("collation", &error.to_string()),
    }
    match db.remote_ssl_mode().as_deref() {
        None | Some("verify-full") => {}
        Some(mode) => Report::warning(
            "database TLS",
            &format!("sslmode={mode} does not verify the server's identity; use verify-full"),
        ),
    }
}

/// Whether everybody is known by what the settings say.
fn check_people(report: &mut Report, settings: &Settings) {
    let Some(db) = existing(settings) else {
        return;
    };
    check_names(report, &db);
    let pointers: Vec<(String, String)> = settings
        .providers
        .iter()
        .map(|provider| (provider.id.clone(), provider.mapping.subject.text()))
        .collect();
    let found = db.read_blocking(|conn| {
        let mut found = Vec::new();
        for id in keys::ids(conn)? {
            let count = keys::count(conn, &id)?;
            let known = keys::subject_pointer(conn, &id)?;
            found.push((id, count, known));
        }
        Ok(found)
    });
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            report.fault("people", &error.to_string());
            return;
        }
    };
    check_forgotten(report, &db, &pointers);
    for (id, count, known) in found {
        match (pointers.iter().find(|(set, _)| *set == id), known) {
            (None, _) => Report::warning(
                "people",
                &format!(
                    "{count} are stored under the provider {id}, which is not in the settings: they cannot sign in; `frontdesk rekey {id} NEW-ID` moves them"
                ),
            ),
            (Some((_, pointer)), Some(known)) if *pointer != known => Report::warning(
                "people",
                &format!(
                    "{count} of the provider {id} are identified by {known}, but the settings say {pointer}: they would not be recognised; `frontdesk rekey {id} --subjects FILE` moves them"
                ),
            ),
            (Some(_), _) => Report::ok("people", &format!("{count} of the provider {id}")),
        }
    }
}

/// Within how long people who left are out, and whether that was ever seen.
fn check_rechecks(settings: &Settings) {
    if matches!(&settings.database, DatabaseUrl::Sqlite(path) if !path.exists()) {
        return;
    }
    let Ok(db) = Db::open(&settings.database) else {
        return;
    };
    if !matches!(db.migration_state_blocking(), Ok(MigrationState::Current)) {
        return;
    }
    for provider in &settings.providers {
        let what = format!("re-check of {}", provider.id);
        let Some(recheck) = provider.recheck else {
            Report::warning(
                &what,
                "off: people who have left stay signed in until their session ends (FRONTDESK_SESSION_MAX)",
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
        let last = db.read_blocking(|conn| unnamed_refusals::last_refusal(conn, &provider.id));
        match last {
            Ok(Some(at)) => {
                let at = rfc3339(at, &settings.time_zone);
                Report::ok(&what, &format!("{bound}; last refusal on {at}"));
            }
            Ok(None) => Report::ok(
                &what,
                &format!(
                    "{bound}; it has never refused anyone yet: verify this with a test account"
                ),
            ),
            Err(error) => Report::warning(&what, &error.to_string()),
        }
    }
}

/// Whose sessions will end because these settings do not have their provider.
fn check_forgotten(report: &mut Report, db: &Db, providers: &[(String, String)]) {
    let ours: Vec<String> = providers.iter().map(|(id, _)| id.clone()).collect();
    let now = Clock::default().now();
    match db.read_blocking(|conn| instances::forgotten(conn, now, &ours)) {
        Ok(forgotten) => {
            for Forgotten { provider, at } in forgotten {
                let at = rfc3339(at, &jiff::tz::TimeZone::UTC);
                Report::warning(
                    "sessions",
                    &format!(
                        "people are signed in with the provider {provider}, which is not in the settings: unless a running instance has it, their sessions end ten minutes after an instance last had it, not before {at}"
                    ),
                );
            }
        }
        Err(error) => report.fault("sessions", &error.to_string()),
    }
}

/// Whether trusted proxies name those who come through them. What they send is not seen here; where
/// the last sign-in came from is.
fn check_addresses(settings: &Settings) {
    const WHAT: &str = "client addresses";
    let trusted = &settings.trusted_proxies;
    if trusted.is_empty() {
        return;
    }
    let last = existing(settings).and_then(|db| {
        let address = db.read_blocking(audit::last_address);
        address.ok().flatten()
    });
    match last {
        Some(last) if trusted.iter().any(|network| network.contains(&last)) => Report::warning(
            WHAT,
            &format!(
                "the last sign-in came from {last}, which is in FRONTDESK_TRUSTED_PROXIES: unless someone works there, the proxy sends no client address, and limits per address cannot tell people apart; configure it to send X-Forwarded-For"
            ),
        ),
        Some(last) => Report::ok(
            WHAT,
            &format!("sent by the proxy; the last sign-in came from {last}"),
        ),
        None => Report::ok(
            WHAT,
            "each proxy in FRONTDESK_TRUSTED_PROXIES must send X-Forwarded-For; /admin/status shows when one did not",
        ),
    }
}

/// The database, if it is there and its tables are up to date.
fn existing(settings: &Settings) -> Option<Db> {
    if matches!(&settings.database, DatabaseUrl::Sqlite(path) if !path.exists()) {
        return None;
    }
    let db = Db::open(&settings.database).ok()?;
    matches!(db.migration_state_blocking(), Ok(MigrationState::Current)).then_some(db)
}

/// Whether anybody bears a name that passes for what is not a person.
fn check_names(report: &mut Report, db: &Db) {
    match db.read_blocking(|conn| reserved::borne(conn, MAX_RESERVED)) {
        Ok(names) if names.is_empty() => Report::ok("names", "no account has a reserved name"),
        Ok(names) => {
            for name in &names {
                Report::warning(
                    "names",
                    &format!(
                        "the account {} has a reserved name, which looks like an entry not made by a person in the audit log; it keeps working, but give it another name (at the provider, or as a new local account)",
                        name.escape_debug()
                    ),
                );
            }
            if names.len() == MAX_RESERVED {
                Report::warning("names", "there may be more");
            }
        }
        Err(error) => report.fault("names", &error.to_string()),
    }
}

/// `whose` stands after the names of what every provider has, where there are several.
async fn check_provider(
    report: &mut Report,
    settings: ProviderSettings,
    public_url: &PublicUrl,
    whose: &str,
) -> Result<(), Failure> {
    let of = |what: &str| format!("{what}{whose}");
    let name = |key: &str| settings.source.name(key);
    let label = format!("provider {}", settings.id);
    let kind = match &settings.issuer {
        Some(issuer) => format!("OpenID Connect, issuer {issuer}"),
        None => "OAuth2".to_owned(),
    };
    Report::ok(&label, &kind);
    let vouches_for = settings.vouches_for.words();
    Report::ok(
        &of("vouches_for"),
        &if vouches_for.is_empty() {
            "nothing".to_owned()
        } else {
            vouches_for.join(", ")
        },
    );
    if settings
        .issuer
        .as_ref()
        .is_some_and(|issuer| issuer.starts_with("http:"))
    {
        Report::warning(
            &label,
            "its issuer is not https: anyone on the network path can change its answers",
        );
    }
    if settings.pkce {
        Report::ok(&of("PKCE"), "on");
    } else {
        Report::warning(
            &of("PKCE"),
            &format!(
                "off: anyone who steals an authorization code can use it; set {}=on if the provider supports it",
                name("pkce")
            ),
        );
    }
    Report::ok(
        &of("client"),
        &format!(
            "{} {}, {} {}: register exactly this at the provider",
            name("client_id"),
            settings.client_id,
            name("redirect_url"),
            settings.redirect_url
        ),
    );
    let (token_url, jwks_url) = (name("token_url"), name("jwks_url"));
    let secret = name("client_secret");
    let is_discovered = settings.issuer.is_some();
    check_return_address(&settings, public_url, whose);
    let proves_by = name("proves_by");
    let provider = Provider::new(settings)?;
    let now = Clock::default().now();
    if check_discovery(report, &provider, now, &of("discovery")).await {
        check_clock(&provider, now, &of("clock")).await;
    }
    check_proof(&provider, &of("fresh sign-in"), &proves_by);
    let client = of("client secret");
    for address in provider.addresses() {
        let ProviderAddress {
            setting: name,
            url,
            is_needed,
        } = address;
        let shown = format!("{}{}", url.origin().ascii_serialization(), url.path());
        if url.scheme() == "http" && !is_local(&url) {
            Report::warning(
                &name,
                &format!("{shown} is not https: secret and tokens are sent unencrypted"),
            );
        }
        match provider.probe(&url).await {
            Err(why) if !is_needed => Report::warning(
                &name,
                &format!(
                    "{shown} does not answer this server ({why}); browsers must be able to reach it"
                ),
            ),
            Ok(_) if name == token_url && is_discovered => {
                Report::ok(&name, &format!("{shown} answers"));
                check_client(
                    report,
                    provider.is_client_known(now).await,
                    &client,
                    &secret,
                );
            }
            Ok(status) if name == jwks_url && status != 200 => {
                report.fault(
                    &name,
                    &format!(
                        "{shown} answered {status}: without its keys no ID token can be verified"
                    ),
                );
            }
            Ok(status) if is_discovered && status < 500 => {
                Report::ok(&name, &format!("{shown} answers"));
            }
            Ok(404) if is_needed => {
                report.fault(&name, &format!("{shown} answered 404; check the path"));
            }
            Ok(404) => {
                Report::warning(&name, &format!("{shown} answered 404; check the path"));
            }
            Ok(status) if status >= 500 => {
                Report::warning(&name, &format!("{shown} answered {status}"));
            }
            Ok(_) if name == token_url => {
                Report::ok(&name, &format!("{shown} answers"));
                if provider.settings().client_auth != Some(ClientAuth::None) {
                    check_client(
                        report,
                        provider.is_client_known(now).await,
                        &client,
                        &secret,
                    );
                }
            }
            Ok(status) => Report::ok(&name, &format!("{shown} answers ({status})")),
            Err(why) => report.fault(
                &name,
                &format!("{shown} cannot be reached: {why}{}", advice(&why)),
            ),
        }
    }
    Ok(())
}

/// What a fresh sign-in is proved by, which dangerous acts ask for.
fn check_proof(provider: &Provider, what: &str, name: &str) {
    if provider.can_prove_by_prompt() {
        Report::warning(
            what,
            &format!(
                "{name}=prompt: proved only by prompt=login in the browser's address, and anyone who finds a browser open can remove it; remove {name} if the provider sends auth_time or accepts pushed requests"
            ),
        );
    } else if provider.settings().issuer.is_some() {
        Report::ok(
            what,
            "proved by auth_time in the ID token, or by a pushed prompt",
        );
    } else if provider.can_prove() {
        Report::ok(what, "proved by a pushed prompt");
    } else {
        Report::ok(
            what,
            "this provider cannot prove one; admins confirm dangerous acts with a local password, or with a confirmation password (`frontdesk changepassword USERNAME`)",
        );
    }
}

/// People come back to where their browser has our cookie.
fn check_return_address(settings: &ProviderSettings, public_url: &PublicUrl, whose: &str) {
    let is_here = url::Url::parse(&settings.redirect_url)
        .is_ok_and(|url| url.origin().ascii_serialization() == public_url.origin);
    if !is_here {
        Report::warning(
            &format!("redirect URL{whose}"),
            &format!(
                "{} is not at {}, where the browser keeps its cookie: no sign-in can be completed",
                settings.redirect_url, public_url.origin
            ),
        );
    }
}

/// What discovery said; whether anybody answered at all.
async fn check_discovery(
    report: &mut Report,
    provider: &Provider,
    now: UnixTime,
    what: &str,
) -> bool {
    if provider.settings().issuer.is_none() {
        return true;
    }
    let moment = Moment::within(now, DISCOVERY_PATIENCE);
    match provider.discover(moment).await {
        Ok(known) => {
            let auth = provider.client_auth(&known).metadata_code();
            let mut offers = vec![format!("client authentication by {auth}")];
            for (word, is_there) in [
                ("userinfo", known.userinfo.is_some()),
                ("iss in answers", known.sends_issuer),
                ("pushed requests required", known.requires_pushed_requests),
                ("sign-out", known.end_session.is_some()),
                ("revocation", known.revocation.is_some()),
                ("back-channel logout", known.sends_logouts),
            ] {
                if is_there {
                    offers.push(word.to_owned());
                }
            }
            Report::ok(
                what,
                &format!("the issuer matches the setting; {}", offers.join("; ")),
            );
            check_offers(report, provider.settings(), &known);
            true
        }
        Err(failure) => {
            let is_there = !matches!(failure.cause, Cause::Unreachable | Cause::TooSlow);
            let why = match failure.cause {
                Cause::BadMetadata("issuer") => match provider.issuer_named().await {
                    Some(named) => format!(
                        "the discovery document names the issuer {named}; the setting must match it exactly (mind a / at the end)"
                    ),
                    None => "the discovery document names no valid issuer".to_owned(),
                },
                Cause::BadMetadata(member) => {
                    format!("{member} is missing from the discovery document, or not valid")
                }
                Cause::Refused(status) => {
                    format!("the discovery document answered {status}; check the issuer")
                }
                Cause::Unreadable(_) => {
                    "the answer is not a discovery document; check the issuer".to_owned()
                }
                Cause::TooSlow => "the discovery document did not arrive in time".to_owned(),
                _ => "the discovery document cannot be reached".to_owned(),
            };
            report.fault(what, &why);
            is_there
        }
    }
}

/// Whether what is asked for is among what the provider lists. Some list less than they have.
fn check_offers(report: &mut Report, settings: &ProviderSettings, known: &Metadata) {
    let asked = settings.scope.as_deref().unwrap_or_default().split(' ');
    for scope in asked.filter(|_| !known.scopes.is_empty()) {
        if !scope.is_empty() && !known.scopes.iter().any(|one| one == scope) {
            Report::warning(
                &settings.source.name("scope"),
                &format!(
                    "the provider does not list {scope} among its scopes; it may refuse the sign-in, or omit something"
                ),
            );
        }
    }
    let algorithms = &settings.algorithms;
    let can_sign = |name: &String| {
        jwt::algorithm(name).is_some_and(|algorithm| algorithms.contains(&algorithm))
    };
    if !known.algorithms.is_empty() && !known.algorithms.iter().any(can_sign) {
        report.fault(
            &settings.source.name("id_token_algorithms"),
            &format!(
                "the provider signs only with {}: no ID token could be verified",
                known.algorithms.join(", ")
            ),
        );
    }
    let is_profile_missing = settings.addresses.profile.is_none()
        && (known.userinfo.is_none() || !settings.asks_userinfo);
    if is_profile_missing && settings.recheck.is_some_and(|recheck| recheck.asks_profile) {
        Report::warning(
            &settings.source.name("recheck_with"),
            "the provider has no profile address: people are re-checked by their refresh tokens",
        );
    }
    let mapping = &settings.mapping;
    for (key, pointer) in [
        ("mapping.subject", &mapping.subject),
        ("mapping.username", &mapping.username),
    ] {
        let first = pointer.path.split('/').nth(1).unwrap_or_default();
        if !known.claims.is_empty() && !known.claims.iter().any(|one| one == first) {
            Report::warning(
                &settings.source.name(key),
                &format!(
                    "{}: the provider does not list {first} among its claims; without it nobody can sign in",
                    pointer.text()
                ),
            );
        }
    }
}

/// How far the clocks are apart.
async fn check_clock(provider: &Provider, now: UnixTime, what: &str) {
    let Some(ahead) = provider.clock_difference(now).await else {
        Report::warning(what, "the provider's answer does not contain the time");
        return;
    };
    let text = match ahead {
        -1..=1 => "in step with the provider's".to_owned(),
        ahead if ahead > 0 => format!("the provider's is {ahead} seconds ahead"),
        behind => format!("the provider's is {} seconds behind", -behind),
    };
    if ahead.abs() > MAX_CLOCK_DIFFERENCE {
        Report::warning(
            what,
            &format!("{text}: more than a minute, so tokens are refused"),
        );
    } else {
        Report::ok(what, &text);
    }
}

/// Whether the provider takes the client's id and secret for its own.
fn check_client(report: &mut Report, is_known: Option<bool>, what: &str, name: &str) {
    match is_known {
        Some(true) => Report::ok(what, "the provider accepts it"),
        Some(false) => report.fault(
            what,
            &format!("the provider refuses the client id and {name}; copy both again, and check how the client authenticates"),
        ),
        None => Report::warning(
            what,
            "the provider's answer does not tell whether it is right; the first sign-in will",
        ),
    }
}

/// Which setting to look at, by what the layers below said.
fn advice(why: &str) -> &'static str {
    if why.contains("certificate") || why.contains("UnknownIssuer") {
        "; set OAUTH2_CA_FILE (or ca_file) to the provider's certificate authority"
    } else if why.contains("lookup") || why.contains("resolve") {
        "; check the host name and this machine's DNS"
    } else {
        "; check the address, and that this machine can reach it"
    }
}

fn is_local(url: &url::Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}
