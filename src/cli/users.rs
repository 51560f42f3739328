//! `frontdesk users`: the acts that admins script. They are the same acts, with the same events, as
//! on the pages.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Failure, existing_database};
use crate::admin::{self, Act, Admin, Refusal, Said};
use crate::audit::{MAX_NOTE, Note};
use crate::clock::UnixTime;
use crate::config::{self, RoleSettings};
use crate::db::{Conn, Db};
use crate::error::{Error, Stopped};
use crate::i18n::rfc3339;
use crate::id::Reference;
use crate::paging::Page;
use crate::permissions;
use crate::roles::RolePermissions;
use crate::sessions;
use crate::users::{self, Filter, LastLogin, Role, Source, User, UserQuery, refusals};

/// Exit statuses besides 0 (done, or nothing to change), 1 (failed) and 2 (wrong usage).
const NO_SUCH_ACCOUNT: u8 = 3;
const REFUSED: u8 = 4;

/// Rows per read from the database.
const BATCH: usize = 100;
const MAX_SHOWN: i64 = 2000;
/// Accounts per transaction.
const AT_ONCE: i64 = 50;
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Args)]
pub struct Users {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List accounts, newest first; with --search the best match first, with --not-seen-days the
    /// least recently seen first
    List(List),
    /// Show one account: profile, identities, permissions, open sessions
    Show {
        username: String,
        #[arg(long)]
        json: bool,
    },
    /// End the open sessions of an account and refuse new ones
    Deactivate(One),
    /// Let an account sign in again
    Activate(One),
    /// End all open sessions of an account
    EndSessions(One),
    /// Let a person in again whom a provider refused, or everyone whom it refused
    Readmit(Readmit),
    /// Grant an account a permission
    Grant(OnePermission),
    /// Revoke a permission that was granted by hand
    #[command(visible_alias = "revoke")]
    Take(OnePermission),
}

#[derive(Args)]
struct List {
    /// The beginning of a username, of a name or a word in it, or of an email address
    #[arg(long)]
    search: Option<String>,
    #[arg(long, value_enum)]
    status: Option<Status>,
    #[arg(long, value_enum)]
    role: Option<RoleName>,
    #[arg(long, value_enum)]
    source: Option<SourceName>,
    /// Only accounts with this permission
    #[arg(long)]
    permission: Option<String>,
    /// Only accounts with permissions kept from before, because a provider's answer failed
    #[arg(long)]
    kept_permissions: bool,
    /// Only accounts that have not signed in for this many days
    #[arg(long, conflicts_with = "never_seen")]
    not_seen_days: Option<u32>,
    /// Only accounts that have never signed in
    #[arg(long)]
    never_seen: bool,
    /// At most this many accounts
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Start after the account with this ID: the `next` of an earlier list
    #[arg(long, allow_negative_numbers = true)]
    after: Option<i64>,
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Status {
    Active,
    Deactivated,
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    #[value(name = "admin", alias = "superuser")]
    Superuser,
    #[value(name = "read-only-admin", alias = "staff")]
    Staff,
    Employee,
}

#[derive(Clone, Copy, ValueEnum)]
enum SourceName {
    #[value(name = "provider", alias = "directory")]
    Directory,
    Local,
}

#[derive(Args)]
struct One {
    username: String,
    /// The reason, recorded in the audit log
    #[arg(long, default_value = "")]
    reason: String,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Readmit {
    #[arg(required_unless_present = "refused_by")]
    username: Option<String>,
    /// Everyone whom the provider with this ID refused
    #[arg(long, value_name = "ID", conflicts_with = "username")]
    refused_by: Option<String>,
    /// The reason, recorded in the audit log
    #[arg(long)]
    reason: String,
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct OnePermission {
    #[command(flatten)]
    one: One,
    permission: String,
}

pub fn run(users: Users) -> Result<(), Failure> {
    let (db, clock) = existing_database()?;
    let now = clock.now();
    match users.command {
        Command::List(list) => print_list(&db, now, &list),
        Command::Show { username, json } => show(&db, now, &username, json),
        Command::Deactivate(one) => act(&db, now, &one, &Act::Deactivate),
        Command::Activate(one) => act(&db, now, &one, &Act::Activate),
        Command::EndSessions(one) => act(&db, now, &one, &Act::EndSessions),
        Command::Readmit(Readmit {
            username,
            refused_by,
            reason,
            json,
        }) => match (username, refused_by) {
            (Some(username), _) => {
                let one = One {
                    username,
                    reason,
                    json,
                };
                act(&db, now, &one, &Act::Readmit(None))
            }
            (None, by) => readmit_all(&db, now, &by.unwrap_or_default(), &reason, json),
        },
        Command::Grant(OnePermission { one, permission }) => {
            act(&db, now, &one, &Act::GrantPermission(permission))
        }
        Command::Take(OnePermission { one, permission }) => {
            act(&db, now, &one, &Act::TakePermission(permission))
        }
    }
}

impl List {
    fn filter(&self, now: UnixTime) -> Filter {
        let days = |days| LastLogin::Before(now.minus(DAY.saturating_mul(days)));
        Filter {
            search: self.search.clone(),
            is_active: self.status.map(|status| matches!(status, Status::Active)),
            role: self.role.map(|role| match role {
                RoleName::Superuser => Role::Superuser,
                RoleName::Staff => Role::Staff,
                RoleName::Employee => Role::Employee,
            }),
            source: self.source.map(|source| match source {
                SourceName::Directory => Source::Provider,
                SourceName::Local => Source::Local,
            }),
            permission: self.permission.clone(),
            last_login: if self.never_seen {
                Some(LastLogin::Never)
            } else {
                self.not_seen_days.map(days)
            },
            has_kept_permissions: self.kept_permissions,
        }
    }
}

fn print_list(db: &Db, now: UnixTime, list: &List) -> Result<(), Failure> {
    let filter = list.filter(now);
    let mut place = list.after.map(Page::After).or(Some(Page::First));
    let mut found: Vec<User> = Vec::new();
    while let Some(page) = place
        && found.len() < list.limit
    {
        let wanted = UserQuery {
            filter: filter.clone(),
            order: None,
            page,
            size: BATCH.min(list.limit - found.len()),
        };
        let listing = db.read_blocking(|conn| users::list(conn, &wanted))?;
        let next = listing.next(|user| user.id).or(listing.stopped_at);
        place = next.map(Page::After);
        found.extend(listing.rows);
    }
    let next = place.and_then(Page::anchor);
    if list.json {
        let users: Vec<Value> = found.iter().map(user_json).collect();
        let next = next.map(|id| id.to_string());
        say!("{}", json!({ "users": users, "next": next }));
        return Ok(());
    }
    for user in &found {
        let state = if user.is_active {
            "active"
        } else {
            "deactivated"
        };
        let seen = user.last_login().map_or_else(|| "never".to_owned(), utc);
        say!(
            "{}\t{}\t{}\t{state}\t{}\t{seen}",
            user.username,
            user.first_name,
            user.email,
            user.role().code()
        );
    }
    if let Some(next) = next {
        eprintln!("There are more: --after {next}");
    }
    Ok(())
}

fn utc(time: UnixTime) -> String {
    rfc3339(time, &jiff::tz::TimeZone::UTC)
}

fn user_json(user: &User) -> Value {
    json!({
        "id": user.id.to_string(),
        "username": user.username,
        "first_name": user.first_name,
        "email": user.email,
        "is_active": user.is_active,
        "role": user.role().code(),
        "source": if user.synced_at().is_some() { "directory" } else { "local" },
        "date_joined": utc(user.date_joined()),
        "last_login": user.last_login().map(utc),
    })
}

fn show(db: &Db, now: UnixTime, username: &str, is_json: bool) -> Result<(), Failure> {
    let found = db.read_blocking(|conn| match users::find_by_username(conn, username)? {
        Some(user) => account_json(conn, now, &user).map(Some),
        None => Ok(None),
    })?;
    let Some(document) = found else {
        eprintln!("frontdesk: {username}: {}", Refusal::UnknownUser);
        return Err(Failure::Status(NO_SUCH_ACCOUNT));
    };
    if is_json {
        say!("{document}");
    } else {
        print_members(&document);
    }
    Ok(())
}

/// An account with its identities, permissions and open sessions.
fn account_json(conn: &mut Conn, now: UnixTime, user: &User) -> Result<Value, Error> {
    let refused = refusals::of(conn, user.id)?;
    let identities = users::identities_of(conn, user.id)?;
    let identities = identities.iter().map(|(provider, subject)| {
        let refusal = refused.iter().find(|(by, _)| by == provider);
        let refused_at = refusal.map(|(_, at)| utc(*at));
        json!({ "provider": provider, "subject": subject, "refused_at": refused_at })
    });
    let held = permissions::list(conn, user.id, MAX_SHOWN)?;
    let held = held.iter().map(|held| {
        json!({
            "name": held.name,
            "label": held.label,
            "origin": held.origin,
            "granted_by": held.granted_by,
            "granted_by_id": held.granted_by().id().map(|id| id.to_string()),
        })
    });
    let filter = sessions::list::Filter {
        user_id: Some(user.id),
        ..sessions::list::Filter::default()
    };
    // The portal's settings are not read, so idle sessions count too.
    let limits = sessions::Limits {
        idle: 3660 * DAY,
        max: 3660 * DAY,
        per_person: i64::MAX,
    };
    let open = sessions::list::list(conn, now, limits, &filter, Page::First, BATCH)?;
    let open = open.rows.iter().map(|owned| {
        json!({
            "id": owned.session.id.to_string(),
            "address": owned.session.address,
            "user_agent": owned.session.user_agent,
            "signed_in_at": utc(owned.session.created_at()),
            "last_seen_at": utc(owned.session.last_seen_at()),
        })
    });
    let mut document = user_json(user);
    if let Some(members) = document.as_object_mut() {
        members.insert("identities".to_owned(), identities.collect());
        members.insert("permissions".to_owned(), held.collect());
        members.insert("sessions".to_owned(), open.collect());
    }
    Ok(document)
}

/// Prints one line `name: value` per member; lists as JSON.
fn print_members(document: &Value) {
    for (name, value) in document.as_object().into_iter().flatten() {
        match value {
            Value::Array(items) => {
                say!("{name}: {}", items.len());
                for item in items {
                    say!("  {item}");
                }
            }
            Value::String(text) => say!("{name}: {text}"),
            other => say!("{name}: {other}"),
        }
    }
}

/// Readmits everyone whom a provider refused, with one event each and several per transaction.
fn readmit_all(
    db: &Db,
    now: UnixTime,
    provider: &str,
    reason: &str,
    is_json: bool,
) -> Result<(), Failure> {
    let note = note(reason)?;
    if note.is_empty() {
        eprintln!("frontdesk: {}", Refusal::NoReason);
        return Err(Failure::Status(REFUSED));
    }
    let said = Said {
        note,
        reference: Some(Reference::random()),
    };
    let (roles, admin) = (RolePermissions::default(), Admin::command_line());
    let act = Act::Readmit(Some(provider.to_owned()));
    let (mut count, mut after) = (0_usize, None);
    loop {
        let (last, done) = db.write_blocking(|conn| {
            let ids = refusals::by(conn, provider, after, AT_ONCE)?;
            let mut done = 0;
            for id in &ids {
                match admin::perform(conn, now, &admin, &roles, *id, &act, &said) {
                    Ok(_) => done += 1,
                    Err(Stopped::Refused(_)) => {}
                    Err(Stopped::Failed(error)) => return Err(error),
                }
            }
            Ok::<_, Error>((ids.last().copied(), done))
        })?;
        count += done;
        if last.is_none() {
            break;
        }
        after = last;
    }
    if is_json {
        let document = json!({
            "refused_by": provider,
            "act": "readmit",
            "count": count,
            "reference": said.reference,
        });
        say!("{document}");
    } else {
        say!("{provider}: readmit: {count}");
    }
    Ok(())
}

fn note(reason: &str) -> Result<Note, Failure> {
    Note::parse(reason)
        .ok_or_else(|| format!("a reason may have at most {MAX_NOTE} characters").into())
}

fn act(db: &Db, now: UnixTime, one: &One, act: &Act) -> Result<(), Failure> {
    let name = act.kind().code();
    let said = Said {
        note: note(&one.reason)?,
        reference: Some(Reference::random()),
    };
    let roles = match act {
        Act::GrantPermission(_) | Act::TakePermission(_) => {
            RoleSettings::of(&config::environment()?)?.into()
        }
        // The other acts leave roles by permission alone, and work with any settings.
        _ => RolePermissions::default(),
    };
    let admin = Admin::command_line();
    let result = db.decide_blocking(|conn| {
        let user = users::find_by_username(conn, &one.username)?.ok_or(Refusal::UnknownUser)?;
        admin::perform(conn, now, &admin, &roles, user.id, act, &said)
    });
    let refusal = match result {
        Ok(_) => None,
        Err(Stopped::Refused(refusal)) => Some(refusal),
        Err(Stopped::Failed(error)) => return Err(error.into()),
    };
    let (outcome, code) = match &refusal {
        None => ("done", ""),
        Some(Refusal::Unchanged) => ("unchanged", "unchanged"),
        Some(refusal) => ("refused", refusal.reason().code()),
    };
    match &refusal {
        _ if one.json => {
            let document = json!({
                "username": one.username,
                "act": name,
                "outcome": outcome,
                "reason": code,
                "reference": said.reference,
            });
            say!("{document}");
        }
        None | Some(Refusal::Unchanged) => say!("{}: {name}: {outcome}", one.username),
        Some(refusal) => eprintln!("frontdesk: {}: {refusal}", one.username),
    }
    let status = match refusal {
        None | Some(Refusal::Unchanged) => return Ok(()),
        Some(Refusal::UnknownUser) => NO_SUCH_ACCOUNT,
        Some(_) => REFUSED,
    };
    Err(Failure::Status(status))
}
