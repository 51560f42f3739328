//! Which events webhooks can tell, and what of them.

use super::event::{Changes, Event};
use super::{About, Actor};
use crate::users::{Field, Role};
use crate::webhooks::{By, News, Who};

/// Returns what there is to tell about an event. An act that was refused is none of it.
pub(super) fn news(event: &Event, by: Actor<'_>, about: About<'_>) -> Vec<News> {
    let About::Person(id, username) = about else {
        return Vec::new();
    };
    let who = || Who::new(id, username);
    let by = || said(by);
    match event {
        Event::SignedIn {
            account_created,
            changes,
            ..
        } => {
            let created = account_created.then(|| News::AccountCreated {
                who: who(),
                by: By::Itself,
            });
            created
                .into_iter()
                .chain(made(changes, who, || By::Itself))
                .collect()
        }
        Event::AccountCreated => vec![News::AccountCreated {
            who: who(),
            by: by(),
        }],
        Event::SuperuserCreated => vec![News::AdminMade {
            who: who(),
            role: Role::Superuser.code().to_owned(),
            by: by(),
        }],
        Event::RoleChanged { changes }
        | Event::PermissionGranted { changes }
        | Event::AccountSynced { changes }
        | Event::IdentityLinked { changes, .. } => made(changes, who, by).into_iter().collect(),
        Event::AccountDeactivated { .. } => vec![News::AccountDeactivated {
            who: who(),
            by: by(),
        }],
        Event::AccessRequested { app } => vec![request(who(), app, Asked::Now)],
        Event::AccessRequestRepeated { app } => vec![request(who(), app, Asked::LongAgo)],
        _ => Vec::new(),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Now,
    LongAgo,
}

fn request(who: Who, app: &str, asked: Asked) -> News {
    News::AccessRequested {
        who,
        app: app.to_owned(),
        app_name: String::new(),
        is_reminder: asked == Asked::LongAgo,
    }
}

fn said(by: Actor<'_>) -> By {
    match by {
        Actor::Person { username, .. } => By::Person(username.to_owned()),
        Actor::CommandLine => By::CommandLine,
        Actor::Provider | Actor::Portal | Actor::Unknown | Actor::Named(_) => By::Itself,
    }
}

/// Returns that somebody was given a higher role, if they were.
fn made(changes: &Changes, who: impl Fn() -> Who, by: impl Fn() -> By) -> Option<News> {
    let risen = changes.fields.iter().filter_map(|change| {
        let is_role = matches!(change.field, Field::RoleByHand | Field::RoleByPermission);
        let (from, to) = (Role::from_code(&change.from)?, Role::from_code(&change.to)?);
        (is_role && to > from).then_some(to)
    });
    risen.max().map(|role| News::AdminMade {
        who: who(),
        role: role.code().to_owned(),
        by: by(),
    })
}
