//! A test sign-in by an admin: a real round trip that ends in a report and saves nothing.

use std::sync::Arc;

use serde_json::Value;

use super::Visitor;
use super::decision::{Decision, decide, with_account_username};
use super::masking::masked;
use crate::config::Document;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::id::SessionId;
use crate::oauth::documents::Documents;
use crate::oauth::{self, Permissions, Person, Provider};
use crate::permissions::{self, Permission};
use crate::portal::Portal;
use crate::secret::sha256;
use crate::sessions;
use crate::users::{self, Role, User};

/// The result that a sign-in would have had.
pub struct Rehearsal {
    pub provider: Arc<Provider>,
    pub viewer: User,
    /// The answers as text, with secrets masked.
    pub answers: Vec<(Document, String)>,
    pub outcome: Result<Report, oauth::Failure>,
}

pub struct Report {
    pub fields: Vec<RehearsedField>,
    pub decision: Decision,
    /// The account with the identity.
    pub known: Option<User>,
    /// The number of permissions; `None` if this provider is not asked for them.
    pub permissions: Option<usize>,
    pub permissions_gained: Vec<String>,
    pub permissions_lost: Vec<String>,
    /// The code of the reason why the previous permissions would be kept.
    pub permissions_kept: Option<&'static str>,
    pub has_refresh_token: bool,
}

impl Report {
    pub const fn would_sign_in(&self) -> bool {
        matches!(
            self.decision,
            Decision::New | Decision::Known | Decision::Adopt(_)
        )
    }
}

/// A field, its new value, and where that came from.
pub struct RehearsedField {
    pub name: &'static str,
    pub value: Option<String>,
    pub document: Option<Document>,
    pub pointer: String,
}

/// The maximum length of an answer that is shown, in characters.
const MAX_SHOWN: usize = 20_000;

/// # Errors
/// [`Error::SignedOut`], [`Error::Forbidden`] if the admin who began it is no longer one.
pub async fn look(
    portal: &Arc<Portal>,
    provider: &Arc<Provider>,
    (person, documents): (Result<Person, oauth::Failure>, Documents),
    session_id: SessionId,
    visitor: Visitor,
) -> Result<Rehearsal> {
    let token = visitor.session_token.ok_or(Error::SignedOut)?;
    let hash = sha256(token.expose().as_bytes());
    let now = portal.clock.now();
    let limits = portal.limits;
    let shared = Arc::clone(provider);
    let shared_portal = Arc::clone(portal);
    let person = Arc::new((person, documents));
    let read = portal.db.read(move |conn| {
        let live = sessions::find_live(conn, now, limits, &hash)?;
        let (_, viewer) = live
            .filter(|(session, _)| session.id == session_id)
            .ok_or(Error::SignedOut)?;
        if viewer.role() < Role::Superuser {
            return Err(Error::Forbidden);
        }
        let (person, documents) = &*person;
        let outcome = match person {
            Ok(person) => Ok(report(conn, &shared_portal, &shared, person, documents)?),
            Err(failure) => Err(failure.clone()),
        };
        Ok(Rehearsal {
            provider: Arc::clone(&shared),
            viewer,
            answers: documents
                .iter()
                .map(|(document, value)| (document, shown(value)))
                .collect(),
            outcome,
        })
    });
    read.await
}

fn report(
    conn: &mut Conn,
    portal: &Portal,
    provider: &Provider,
    person: &Person,
    documents: &Documents,
) -> Result<Report> {
    let profile = with_account_username(provider, &person.profile);
    let known = users::find_with_standing(conn, provider.id(), &profile.subject)?;
    let decision = decide(conn, portal, provider, person, known.as_ref())?;
    let known = known.map(|(user, _)| user);
    let (permissions, kept) = match &person.permissions {
        Permissions::Given(given) => (Some(given), None),
        Permissions::Failed(failure) => (None, Some(failure.cause.code())),
        Permissions::NotAsked => (None, None),
    };
    let (gained, lost) = match permissions {
        Some(given) => differences(conn, provider, known.as_ref(), given)?,
        None => Default::default(),
    };
    Ok(Report {
        fields: fields(provider, person, documents),
        decision,
        known,
        permissions: permissions.map(Vec::len),
        permissions_gained: gained,
        permissions_lost: lost,
        permissions_kept: kept,
        has_refresh_token: person.grant.refresh_token.is_some(),
    })
}

fn fields(provider: &Provider, person: &Person, documents: &Documents) -> Vec<RehearsedField> {
    let profile = with_account_username(provider, &person.profile);
    let mapping = &provider.settings().mapping;
    let verified = person.is_email_verified.to_string();
    [
        ("subject", &mapping.subject, Some(&profile.subject)),
        ("username", &mapping.username, Some(&profile.username)),
        (
            "first_name",
            &mapping.first_name,
            profile.first_name.as_ref(),
        ),
        ("email", &mapping.email, profile.email.as_ref()),
        ("email_verified", &mapping.email_verified, Some(&verified)),
    ]
    .into_iter()
    .map(|(name, pointer, value)| RehearsedField {
        name,
        value: value.cloned(),
        document: documents.find(pointer).map(|(document, _)| document),
        pointer: pointer.path.clone(),
    })
    .collect()
}

/// The names of the permissions from this provider that would be gained and lost.
fn differences(
    conn: &mut Conn,
    provider: &Provider,
    known: Option<&User>,
    given: &[Permission],
) -> Result<(Vec<String>, Vec<String>)> {
    let mut held = match known {
        Some(user) => permissions::list(conn, user.id, 5000)?,
        None => Vec::new(),
    };
    held.retain(|held| held.origin == provider.id());
    let held: Vec<String> = held.into_iter().map(|held| held.name).collect();
    let given: Vec<String> = given.iter().map(|given| given.name.clone()).collect();
    let without = |these: &[String], those: &[String]| {
        let rest = these.iter().filter(|name| !those.contains(name));
        rest.cloned().collect()
    };
    Ok((without(&given, &held), without(&held, &given)))
}

/// An answer as text, with its secrets masked.
fn shown(value: &Value) -> String {
    let text = serde_json::to_string_pretty(&masked(value)).unwrap_or_default();
    if text.chars().count() <= MAX_SHOWN {
        return text;
    }
    let mut text: String = text.chars().take(MAX_SHOWN).collect();
    text.push('…');
    text
}
