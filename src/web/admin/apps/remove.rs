//! Removing an app: GET says who loses what, POST does it.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use super::{LIST, address, words};
use crate::admin::apps::{self as verbs, AppRefusal};
use crate::apps::openers::count;
use crate::apps::{self, App, grants, owners};
use crate::audit::Note;
use crate::error::{Error, Result, Stopped};
use crate::paging::Total;
use crate::portal::Portal;
use crate::web::csrf::Form;
use crate::web::guard::{Acting, Reader, Superuser};
use crate::web::list::total_in_words;
use crate::web::page::Page;
use crate::web::redirect::{see_other_with, sign_in_anew};

/// A page that asks before something is removed.
#[derive(Template)]
#[template(path = "admin/app_remove.html")]
pub(super) struct RemovePage<'a> {
    pub page: &'a Page<'a>,
    /// The addresses and names of the pages above this one.
    pub crumbs: Vec<(String, String)>,
    pub question: String,
    pub steps: Vec<String>,
    pub label: String,
    pub action: String,
    pub back: String,
    pub asks_for_reason: bool,
}

pub async fn confirm(
    reader: Reader<Superuser>,
    portal: Data<Portal>,
    key: Path<String>,
) -> Result<HttpResponse> {
    let key = key.into_inner();
    let (sources, now) = (portal.permission_sources(), portal.clock.now());
    let (me, (app, openers, running, owners)) = reader
        .read(move |conn, _| {
            let app = apps::find(conn, &key)?.ok_or(Error::NotFound)?;
            let openers = count(conn, &sources, now, app.id, &app.fields.rule)?;
            let running = grants::count_running(conn, now, app.id)?;
            let owners = owners::of_app(conn, app.id)?.len();
            Ok((app, openers, running, owners))
        })
        .await?;
    me.check_proof(&portal)?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let t = page.t;
    let mut steps = vec![match openers {
        Total::Exactly(0) => t.lose_it_nobody.to_owned(),
        Total::Exactly(1) => t.lose_it_one.to_owned(),
        total => t.lose_it.with(total_in_words(&page, Some(total))),
    }];
    if running > 0 {
        steps.push(t.grants_end.with(running));
    }
    if owners > 0 {
        steps.push(t.owners_end.with(owners));
    }
    steps.extend([t.stars_end, t.nothing_inherited, t.remove_app_hint].map(str::to_owned));
    page.ok(&remove_page(&page, &app, steps))
}

fn remove_page<'a>(page: &'a Page<'a>, app: &App, steps: Vec<String>) -> RemovePage<'a> {
    let name = page.app_name(app);
    let at = address(&app.key);
    RemovePage {
        page,
        crumbs: vec![
            (LIST.to_owned(), page.t.apps_title.to_owned()),
            (at.clone(), name.to_owned()),
        ],
        question: page.t.remove_app_question.with(name),
        steps,
        label: page.t.remove_app.with(name),
        action: format!("{at}/remove"),
        back: at,
        asks_for_reason: true,
    }
}

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    reason: String,
}

pub async fn perform(
    acting: Acting,
    portal: Data<Portal>,
    key: Path<String>,
    form: Form<Asked>,
) -> Result<HttpResponse> {
    let Acting { admin, .. } = acting;
    let (key, now) = (key.into_inner(), portal.clock.now());
    let note = Note::parse(&form.0.reason).ok_or(Error::BadRequest)?;
    let removed = key.clone();
    let done = portal
        .db
        .decide(move |conn| verbs::remove(conn, now, &admin, &removed, &note))
        .await;
    match done {
        Ok(_) => see_other_with(words::APP_REMOVED, LIST, &portal),
        Err(Stopped::Failed(Error::ProofNeeded)) => {
            Ok(sign_in_anew(&format!("{}/remove", address(&key))))
        }
        Err(Stopped::Failed(error)) => Err(error),
        Err(Stopped::Refused(AppRefusal::UnknownApp)) => Err(Error::NotFound),
        Err(Stopped::Refused(_)) => Err(Error::BadRequest),
    }
}
