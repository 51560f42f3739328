//! The decision about a person whom a provider names. It is made in one place: a sign-in carries it
//! out, a test sign-in shows it, and adding an identity requires the same admission.

use std::borrow::Cow;

use crate::db::Conn;
use crate::error::{Admission, Result, Stopped};
use crate::leaving;
use crate::oauth::mapping::email_domain;
use crate::oauth::{Permissions, Person, Provider};
use crate::permissions::{self, Counting};
use crate::portal::Portal;
use crate::roles;
use crate::users::{self, MAX_USERNAME, Profile, Role, Standing, User};

pub enum Decision {
    /// The person signs in to the account with this identity.
    Known,
    New,
    /// This account was imported and waits for the person: they adopt it.
    Adopt(User),
    NotAdmitted(Admission),
    /// A provider that vouches for leaving has refused the person.
    KeptOut {
        by: String,
    },
    Inactive,
    /// This account has the name, but not the identity.
    NameTaken(User),
    NameReserved,
    NameTooLong,
}

/// Decides, and changes nothing. `known` is the account with the identity, if there is one; a
/// sign-in has locked its row.
pub fn decide(
    conn: &mut Conn,
    portal: &Portal,
    provider: &Provider,
    person: &Person,
    known: Option<&(User, Standing)>,
) -> Result<Decision> {
    let user = known.map(|(user, _)| user);
    match check_admission(conn, provider, person, user, &portal.roles.counting) {
        Ok(()) => {}
        Err(Stopped::Refused(why)) => return Ok(Decision::NotAdmitted(why)),
        Err(Stopped::Failed(error)) => return Err(error),
    }
    let Some((user, standing)) = known else {
        return decide_unknown(conn, portal, provider, person);
    };
    if standing.has_others
        && let Some(by) = leaving::kept_out_by(conn, portal, user.id, provider.id())?
    {
        return Ok(Decision::KeptOut { by });
    }
    Ok(if user.is_active {
        Decision::Known
    } else {
        Decision::Inactive
    })
}

fn decide_unknown(
    conn: &mut Conn,
    portal: &Portal,
    provider: &Provider,
    person: &Person,
) -> Result<Decision> {
    let vouches_for = provider.settings().vouches_for;
    let profile = with_account_username(provider, &person.profile);
    let owner = users::find_by_username(conn, &profile.username)?;
    if vouches_for.adoption {
        // An imported account waits under the plain name.
        let waiting = if vouches_for.names {
            owner.clone()
        } else {
            users::find_by_username(conn, &person.profile.username)?
        };
        if let Some(waiting) = waiting
            && awaits_adoption(conn, portal, &waiting)?
        {
            return Ok(Decision::Adopt(waiting));
        }
    }
    Ok(if let Some(owner) = owner {
        Decision::NameTaken(owner)
    } else if users::reserved::is_reserved(&profile.username) {
        Decision::NameReserved
    } else if profile.username.chars().count() > MAX_USERNAME {
        Decision::NameTooLong
    } else {
        Decision::New
    })
}

/// Returns whether an account was imported and waits for its person: no one has signed in to it
/// through a provider, and it has no role and no permission that confers one. A name alone must
/// not give those away.
pub fn awaits_adoption(conn: &mut Conn, portal: &Portal, owner: &User) -> Result<bool> {
    Ok(portal.adopts_imported
        && owner.is_active
        && owner.imported_at().is_some()
        && owner.role() == Role::Employee
        && users::identities_of(conn, owner.id)?.is_empty()
        && !roles::is_due(conn, &portal.roles, owner.id)?)
}

/// The profile with the name that an account of this provider gets. If the provider vouches for
/// names, that is its own name.
pub fn with_account_username<'a>(provider: &Provider, profile: &'a Profile) -> Cow<'a, Profile> {
    if provider.settings().vouches_for.names {
        return Cow::Borrowed(profile);
    }
    Cow::Owned(Profile {
        username: format!("{}@{}", profile.username, provider.id()),
        ..profile.clone()
    })
}

/// Checks whether the provider's rules let a person in. If the permissions could not be read, the
/// previous ones count: the provider's own, and those that count everywhere.
pub fn check_admission(
    conn: &mut Conn,
    provider: &Provider,
    person: &Person,
    known: Option<&User>,
    counting: &Counting,
) -> Result<(), Stopped<Admission>> {
    let rules = &provider.settings().admission;
    if !person.is_admitted {
        return Err(Stopped::Refused(Admission::Value));
    }
    if !rules.email_domains.is_empty() {
        let domain = person.profile.email.as_deref().and_then(email_domain);
        if !domain.is_some_and(|domain| rules.email_domains.contains(&domain)) {
            return Err(Stopped::Refused(Admission::EmailDomain));
        }
        if !person.is_email_verified {
            return Err(Stopped::Refused(Admission::EmailNotVerified));
        }
    }
    if rules.permissions.is_empty() {
        return Ok(());
    }
    let counting = counting.and(provider.id());
    for name in &rules.permissions {
        let is_held = match (&person.permissions, known) {
            (Permissions::Given(given), _) => given.iter().any(|one| one.name == *name),
            (_, Some(user)) => permissions::is_held(conn, &counting, user.id, name)?,
            (_, None) => false,
        };
        if is_held {
            return Ok(());
        }
    }
    Err(Stopped::Refused(Admission::Permission))
}
