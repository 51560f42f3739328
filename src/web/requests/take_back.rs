//! Taking back all grants of a person for an app: GET asks for the reason, POST does it.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;

use super::{TAKEN_BACK, scope_of};
use crate::access::{self, DecisionRefusal};
use crate::access_requests::list::Scope;
use crate::access_requests::person;
use crate::apps::{self, App, Grant, owners};
use crate::audit::Note;
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Error, Result, Stopped};
use crate::id::{Reference, UserId};
use crate::portal::Portal;
use crate::users::{self, User};
use crate::web::csrf::Form;
use crate::web::guard::{Deciding, Reader};
use crate::web::page::{Page, Person};
use crate::web::redirect::see_other_with;

#[derive(Template)]
#[template(path = "take_back.html")]
struct TakeBackPage<'a> {
    page: &'a Page<'a>,
    app: &'a App,
    person: Person,
    /// Until when the app opens, in words; `None` if no grant is running.
    running: Option<String>,
    problem: Option<&'static str>,
    reference: Option<&'a Reference>,
}

/// A person and an app, and the end of the grant that is running.
struct Found {
    app: App,
    user: User,
    running: Option<Grant>,
}

fn find(
    conn: &mut Conn,
    now: UnixTime,
    me: &User,
    (key, user_id): (&str, UserId),
) -> Result<Found> {
    let scope = scope_of(conn, me)?;
    let app = apps::find(conn, key)?.ok_or(Error::NotFound)?;
    if scope != Scope::All && !owners::is_owner(conn, app.id, me.id)? {
        return Err(Error::NotFound);
    }
    let running = person::running_grant(conn, now, app.id, user_id)?;
    // Owners may be plain employees, who see nobody but those to whom their app is granted.
    if scope != Scope::All && running.is_none() {
        return Err(Error::NotFound);
    }
    Ok(Found {
        user: users::find(conn, user_id)?.ok_or(Error::NotFound)?,
        running,
        app,
    })
}

pub async fn confirm(
    reader: Reader,
    portal: Data<Portal>,
    path: Path<(String, UserId)>,
) -> Result<HttpResponse> {
    let (key, user_id) = path.into_inner();
    let now = portal.clock.now();
    let (me, found) = reader
        .read(move |conn, me| find(conn, now, &me.user, (&key, user_id)))
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.ok(&take_back_page(&page, &found, None))
}

fn take_back_page<'a>(
    page: &'a Page<'a>,
    found: &'a Found,
    refused: Option<(&'static str, &'a Reference)>,
) -> TakeBackPage<'a> {
    let (problem, reference) = refused.unzip();
    TakeBackPage {
        page,
        app: &found.app,
        person: Person::of(&found.user),
        running: found.running.map(|grant| page.until(grant.expires_at)),
        problem,
        reference,
    }
}

pub async fn take_back(
    deciding: Deciding,
    portal: Data<Portal>,
    path: Path<(String, UserId)>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let Deciding { me, decider } = deciding;
    let (key, user_id) = path.into_inner();
    let now = portal.clock.now();
    let reason = form.0.into_iter().find(|(name, _)| name == "reason");
    let reason = reason.map(|(_, text)| text).unwrap_or_default();
    let reason = Note::parse(&reason).ok_or(Error::BadRequest)?;
    let of_app = key.clone();
    let taking = portal
        .db
        .decide(move |conn| access::revoke(conn, now, &decider, (&of_app, user_id), &reason));
    let refusal = match taking.await {
        Ok(()) => return see_other_with(TAKEN_BACK, "/requests", &portal),
        Err(Stopped::Failed(error)) => return Err(error),
        Err(Stopped::Refused(refusal)) => refusal,
    };
    let asking = me.user.clone();
    let found = portal
        .db
        .read(move |conn| find(conn, now, &asking, (&key, user_id)))
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let problem = match refusal {
        DecisionRefusal::NoReason => page.t.refused_reason_missing,
        _ => page.t.refused_nothing_to_take,
    };
    let reference = Reference::random();
    let shown = take_back_page(&page, &found, Some((problem, &reference)));
    page.refuse(&reference, None, &shown)
}
