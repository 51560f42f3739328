//! The start page: the apps that the person may open.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::access::outcome::{self, Outcome};
use super::device::Device;
use super::guard::Reader;
use super::page::Page;
use super::rows::MAX_SHOWN;
use crate::apps::{App, AppsOf};
use crate::audit;
use crate::clock::UnixTime;
use crate::error::Result;
use crate::permissions::{self, Held};
use crate::portal::Portal;

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    page: &'a Page<'a>,
    /// The time and the browser of the person's previous sign-in.
    last_sign_in: Option<(UnixTime, Device)>,
    tiles: Vec<&'a App>,
    /// For `access/outcomes.html`.
    outcomes: Vec<Outcome>,
    permissions: Vec<Held>,
    more_permissions: i64,
    has_stale_permissions: bool,
}

pub async fn show(reader: Reader, portal: Data<Portal>) -> Result<HttpResponse> {
    let (sources, now) = (portal.permission_sources(), portal.clock.now());
    let (me, (apps, unseen, permissions, more_permissions, previous)) = reader
        .read(move |conn, found| {
            let user_id = found.user.id;
            let apps = AppsOf::read(conn, &sources, &found.user, now)?;
            let unseen = outcome::unseen(conn, user_id, &apps)?;
            let held = permissions::list(conn, user_id, MAX_SHOWN)?;
            let more = permissions::count_beyond(conn, user_id, &held, MAX_SHOWN)?;
            let previous = audit::previous_sign_in(conn, user_id, found.session.created_at())?;
            Ok((apps, unseen, held, more, previous))
        })
        .await?;
    let mut page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.to_decide = apps.found.news.to_decide;
    let last_sign_in = previous.map(|event| {
        let device = Device::of(&event.user_agent, page.lang);
        (event.created_at(), device)
    });
    let asked = portal.asks_for_permissions();
    page.ok(&Home {
        page: &page,
        has_stale_permissions: me.user.has_stale_permissions(asked),
        last_sign_in,
        tiles: apps.tiles().collect(),
        outcomes: outcome::shown(&page, &unseen),
        permissions,
        more_permissions,
    })
}
