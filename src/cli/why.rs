//! `frontdesk why`: whether a person may open an app, and the first reason why or why not.

use clap::Args;
use serde_json::json;

use super::{Failure, existing_database};
use crate::admin::Refusal;
use crate::admin::apps::AppRefusal;
use crate::apps::{self, App, Decision, Grant, OpenBy, WhyNot, find_holder};
use crate::clock::UnixTime;
use crate::config::{self, PermissionSettings};
use crate::i18n::rfc3339;
use crate::permissions::PermissionSources;
use crate::users::{self, User};

/// Exit statuses besides 0 (open).
const CLOSED: u8 = 1;
const UNKNOWN: u8 = 2;
/// 1 has a meaning already.
const FAILED: u8 = 3;

#[derive(Args)]
pub struct Why {
    /// A username
    user: String,
    /// The key of an app
    app: String,
    #[arg(long)]
    json: bool,
}

/// What was found out.
struct Answer {
    user: User,
    app: App,
    decision: Decision,
    /// The providers that were never read for the person, as far as they count.
    sources: PermissionSources,
}

enum Found {
    Answer(Box<Answer>),
    /// What there is not.
    Unknown(String),
}

pub fn run(why: &Why) -> Result<(), Failure> {
    if why.app.contains("://") {
        eprintln!("frontdesk: addresses cannot be asked about yet; give the key of an app");
        return Err(Failure::Status(UNKNOWN));
    }
    let answer = match find(why) {
        Ok(Found::Answer(answer)) => answer,
        Ok(Found::Unknown(what)) => {
            eprintln!("frontdesk: {what}");
            return Err(Failure::Status(UNKNOWN));
        }
        Err(Failure::Reason(reason)) => {
            eprintln!("frontdesk: {reason}");
            return Err(Failure::Status(FAILED));
        }
        Err(failure) => return Err(failure),
    };
    if why.json {
        say!("{}", answer.json());
    } else {
        say!("{}", answer.words());
    }
    if answer.decision.is_open() {
        Ok(())
    } else {
        Err(Failure::Status(CLOSED))
    }
}

fn find(why: &Why) -> Result<Found, Failure> {
    let (db, clock) = existing_database()?;
    let sources: PermissionSources = PermissionSettings::of(&config::environment()?)?.into();
    let now = clock.now();
    let found = db.read_blocking(|conn| {
        let Some(user) = users::find_by_username(conn, &why.user)? else {
            let username = why.user.escape_debug();
            return Ok(Found::Unknown(format!(
                "{username}: {}",
                Refusal::UnknownUser
            )));
        };
        let Some(app) = apps::find(conn, &why.app)? else {
            let key = why.app.escape_debug();
            return Ok(Found::Unknown(format!("{key}: {}", AppRefusal::UnknownApp)));
        };
        let decision = find_holder(conn, &sources, &user)?.decide(&app, now);
        Ok(Found::Answer(Box::new(Answer {
            user,
            app,
            decision,
            sources: sources.clone(),
        })))
    });
    Ok(found?)
}

fn utc(time: UnixTime) -> String {
    rfc3339(time, &jiff::tz::TimeZone::UTC)
}

impl Answer {
    /// Its members are a promise: members may be added, and none is renamed or removed.
    fn json(&self) -> serde_json::Value {
        let (by, why_not) = match &self.decision {
            Decision::Open(OpenBy::Everyone) => (Some("everyone"), None),
            Decision::Open(OpenBy::Permission(_)) => (Some("permission"), None),
            Decision::Open(OpenBy::Grant(_)) => (Some("grant"), None),
            Decision::Closed(WhyNot::Deactivated) => (None, Some("deactivated")),
            Decision::Closed(WhyNot::ButNot(_)) => (None, Some("but_not")),
            Decision::Closed(WhyNot::Unread) => (None, Some("unread")),
            Decision::Closed(WhyNot::Nobody) => (None, Some("nobody")),
            Decision::Closed(WhyNot::NoPermission) => (None, Some("no_permission")),
        };
        let permission = match &self.decision {
            Decision::Open(OpenBy::Permission(name)) | Decision::Closed(WhyNot::ButNot(name)) => {
                Some(name)
            }
            _ => None,
        };
        let until = match &self.decision {
            Decision::Open(OpenBy::Grant(Grant { expires_at })) => expires_at.map(utc),
            _ => None,
        };
        json!({
            "user": self.user.username,
            "app": self.app.key,
            "open": self.decision.is_open(),
            "by": by,
            "permission": permission,
            "until": until,
            "why_not": why_not,
            "hidden": self.app.fields.is_hidden,
        })
    }

    fn words(&self) -> String {
        let (user, app) = (&self.user.username, &self.app.key);
        let open = if self.app.fields.is_hidden {
            "open, hidden"
        } else {
            "open"
        };
        let list = |names: &mut dyn Iterator<Item = &String>| {
            let names: Vec<&str> = names.map(String::as_str).collect();
            names.join(", ")
        };
        let rule = &self.app.fields.rule;
        match &self.decision {
            Decision::Open(OpenBy::Everyone) => {
                format!("{open}: everyone who is signed in may open {app}")
            }
            Decision::Open(OpenBy::Permission(name)) => {
                format!("{open}: {user} may open {app} by the permission {name}")
            }
            Decision::Open(OpenBy::Grant(Grant { expires_at: None })) => {
                format!("{open}: {user} may open {app} by a grant without an end")
            }
            Decision::Open(OpenBy::Grant(Grant {
                expires_at: Some(end),
            })) => {
                let end = utc(*end);
                format!("{open}: {user} may open {app} by a grant until {end}")
            }
            Decision::Closed(WhyNot::Deactivated) => {
                format!("closed: the account of {user} is deactivated")
            }
            Decision::Closed(WhyNot::ButNot(name)) => format!(
                "closed: {user} holds the permission {name}, which keeps {app} closed whatever else a person holds"
            ),
            Decision::Closed(WhyNot::Unread) => {
                let names = list(&mut rule.but_not.iter());
                let providers = list(&mut self.sources.expected.iter());
                format!(
                    "closed: {names} would keep {app} closed, and it is not known whether {user} holds that: the permissions that a provider gives ({providers}) were never read; they are at the next sign-in"
                )
            }
            Decision::Closed(WhyNot::Nobody) => {
                format!("closed: the rule of {app} opens it to nobody, and {user} has no grant")
            }
            Decision::Closed(WhyNot::NoPermission) => {
                let names = list(&mut rule.any_of.iter());
                format!(
                    "closed: {user} holds none of the permissions that open {app} ({names}) and has no grant"
                )
            }
        }
    }
}
