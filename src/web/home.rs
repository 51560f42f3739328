//! The start page: who I am, my permissions, and the place of the apps.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::device::Device;
use super::guard::SignedIn;
use super::page::Page;
use crate::audit;
use crate::clock::UnixTime;
use crate::desk::Desk;
use crate::error::Result;
use crate::permissions::{self, Held};
use crate::users::User;

/// Permissions shown; the count says how many there are.
pub const MAX_SHOWN: i64 = 100;

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    page: &'a Page<'a>,
    user: &'a User,
    /// When and with what the person signed in before this time.
    last_sign_in: Option<(UnixTime, Device)>,
    permissions: Vec<Held>,
    more_permissions: i64,
}

pub async fn show(me: SignedIn, desk: Data<Desk>) -> Result<HttpResponse> {
    let user_id = me.user.id;
    let (permissions, count, sign_ins) = desk
        .db
        .read(move |conn| {
            let held = permissions::list(conn, user_id, MAX_SHOWN)?;
            let count = permissions::count_beyond(conn, user_id, &held, MAX_SHOWN)?;
            Ok((held, count, audit::list_sign_ins(conn, user_id, 2)?))
        })
        .await?;
    let page = Page::new(&desk, &me.visit, Some(&me.user))?;
    let last_sign_in = sign_ins
        .get(1)
        .map(|event| (event.created_at(), Device::of(&event.user_agent, page.lang)));
    let more_permissions = count;
    page.ok(&Home {
        page: &page,
        user: &me.user,
        last_sign_in,
        permissions,
        more_permissions,
    })
}
