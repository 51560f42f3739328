//! The uploaded icon of an app, on a page of its own: the form holds nothing but the file, so that
//! a refused file loses nothing else.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;
use serde::Deserialize;

use super::address;
use super::words::{self, Problem};
use crate::admin::apps::{self as verbs, AppRefusal};
use crate::apps::images::{Image, ImageFault};
use crate::apps::{self, App};
use crate::error::{Error, Result, Stopped};
use crate::id::Reference;
use crate::portal::Portal;
use crate::web::csrf::{FileForm, Form, GivenFile};
use crate::web::guard::{Acting, Reader, SignedIn, Superuser};
use crate::web::page::Page;
use crate::web::redirect::see_other_with;

#[derive(Template)]
#[template(path = "admin/app_image.html")]
struct ImagePage<'a> {
    page: &'a Page<'a>,
    app: &'a App,
    problem: Option<Problem>,
    reference: Option<&'a Reference>,
}

pub async fn show(
    reader: Reader<Superuser>,
    portal: Data<Portal>,
    key: Path<String>,
) -> Result<HttpResponse> {
    let key = key.into_inner();
    let (me, app) = reader
        .read(move |conn, _| apps::find(conn, &key)?.ok_or(Error::NotFound))
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.ok(&ImagePage {
        page: &page,
        app: &app,
        problem: None,
        reference: None,
    })
}

pub async fn upload(
    acting: Acting,
    portal: Data<Portal>,
    key: Path<String>,
    form: FileForm,
) -> Result<HttpResponse> {
    let Acting { me, admin } = acting;
    let (key, now) = (key.into_inner(), portal.clock.now());
    let checked = match form.0 {
        GivenFile::TooLarge => Err(ImageFault::TooManyBytes),
        GivenFile::Whole(content) => Image::check(content),
    };
    let image = match checked {
        Ok(image) => image,
        Err(fault) => return refuse(&portal, &me, key, &AppRefusal::BadImage(fault)).await,
    };
    let of = key.clone();
    let done = portal
        .db
        .decide(move |conn| verbs::set_image(conn, now, &admin, &of, &image))
        .await;
    match done {
        Ok(()) => see_other_with(words::ICON_SAVED, &address(&key), &portal),
        // The same picture again.
        Err(Stopped::Refused(AppRefusal::Unchanged)) => {
            see_other_with(words::APP_UNCHANGED, &address(&key), &portal)
        }
        Err(Stopped::Refused(refusal)) => refuse(&portal, &me, key, &refusal).await,
        Err(Stopped::Failed(error)) => Err(error),
    }
}

async fn refuse(
    portal: &Portal,
    me: &SignedIn,
    key: String,
    refusal: &AppRefusal,
) -> Result<HttpResponse> {
    let found = portal.db.read(move |conn| apps::find(conn, &key)).await?;
    let app = found.ok_or(Error::NotFound)?;
    let page = Page::new(portal, &me.visit, Some(&me.user))?;
    let reference = Reference::random();
    let shown = ImagePage {
        page: &page,
        app: &app,
        problem: words::problems(page.t, std::slice::from_ref(refusal)).pop(),
        reference: Some(&reference),
    };
    page.refuse(&reference, None, &shown)
}

#[derive(Deserialize)]
pub struct Nothing {}

pub async fn remove(
    acting: Acting,
    portal: Data<Portal>,
    key: Path<String>,
    _form: Form<Nothing>,
) -> Result<HttpResponse> {
    let Acting { admin, .. } = acting;
    let (key, now) = (key.into_inner(), portal.clock.now());
    let of = key.clone();
    let done = portal
        .db
        .decide(move |conn| verbs::remove_image(conn, now, &admin, &of))
        .await;
    match done {
        Ok(()) | Err(Stopped::Refused(AppRefusal::Unchanged)) => {
            see_other_with(words::ICON_REMOVED, &address(&key), &portal)
        }
        Err(Stopped::Refused(_)) => Err(Error::NotFound),
        Err(Stopped::Failed(error)) => Err(error),
    }
}
