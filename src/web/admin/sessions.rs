//! All live sessions, with filters by person, address and browser, and a way to end all that match.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::admin::{self, BATCH, Said};
use crate::audit::Note;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::id::Reference;
use crate::paging::Total;
use crate::portal::Portal;
use crate::sessions::list::{Filter, Owned, list as list_sessions, total};
use crate::users::{self, Role};
use crate::web::cookie::PortalCookie;
use crate::web::csrf::Form;
use crate::web::device::Device;
use crate::web::guard::{Acting, Reader, Staff, Superuser};
use crate::web::list::{Chip, List, ListFilter, ListQuery, Pager, Select, total_in_words};
use crate::web::page::Page;
use crate::web::redirect::{see_other_with, sign_in_anew};

pub const LIST: List = List {
    path: "/admin/sessions",
    filters: &[
        ListFilter::typed("user", |t| t.username),
        ListFilter::typed("ip", |t| t.address),
        ListFilter::chosen(
            "browser",
            |t| t.browser,
            || BROWSERS.iter().map(|(name, _, _)| *name).collect(),
            |_, value| value.to_owned(),
        ),
    ],
    others: &[],
};

/// For each browser: the text in its description, and texts that show that it is another browser.
const BROWSERS: &[(&str, &str, &[&str])] = &[
    ("Firefox", "Firefox/", &[]),
    ("Chrome", "Chrome/", &["Edg", "OPR/"]),
    ("Edge", "Edg", &[]),
    ("Safari", "Safari/", &["Chrome/", "CriOS", "Edg"]),
    ("WeChat", "MicroMessenger/", &[]),
    ("DingTalk", "DingTalk/", &[]),
    ("Feishu", "Lark/", &[]),
];

const ENDED: &str = "sessions_ended_by_filter";

pub fn filter(conn: &mut Conn, address: &ListQuery) -> Result<Filter> {
    let user = address.get("user");
    let user = user.map(|username| users::find_by_username(conn, username));
    let user = user.transpose()?;
    let browser = address.parsed("browser", |name| {
        let known = BROWSERS.iter().find(|(browser, _, _)| *browser == name);
        known.map(|(_, has, lacks)| (*has, *lacks))
    })?;
    Ok(Filter {
        is_nobody: matches!(user, Some(None)),
        user_id: user.flatten().map(|user| user.id),
        address: address.get("ip").map(str::to_owned),
        browser,
    })
}

struct Row {
    owned: Owned,
    device: Device,
    is_this: bool,
}

#[derive(Template)]
#[template(path = "admin/sessions.html")]
struct SessionList<'a> {
    page: &'a Page<'a>,
    address: &'a ListQuery,
    total: String,
    selects: Vec<Select>,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    pager: Pager,
    notice: Option<&'static str>,
    may_act: bool,
}

pub async fn list(
    reader: Reader<Staff>,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (now, limits) = (portal.clock.now(), portal.limits);
    let address = ListQuery::of(&LIST, &request);
    let (me, address, (listing, total)) = reader
        .read_by(address, move |conn, _, address| {
            let (page, size) = (address.page()?, address.size()?);
            let filter = filter(conn, address)?;
            Ok((
                list_sessions(conn, now, limits, &filter, page, size)?,
                total(conn, now, limits, &filter)?,
            ))
        })
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let t = page.t;
    let note = t.newest_first.to_owned();
    let pager = Pager::of(&listing, &address, t.pages_of_sessions, note, |owned| {
        owned.session.id
    });
    let notice = PortalCookie::Notice
        .read(&request, &portal)
        .filter(|code| code == ENDED)
        .map(|_| t.done_end_matching);
    let mut response = page.ok(&SessionList {
        page: &page,
        total: total_in_words(&page, total),
        selects: LIST.selects(&page, &address),
        chips: LIST.chips(&page, &address),
        rows: listing
            .rows
            .into_iter()
            .map(|owned| Row {
                device: Device::of(&owned.session.user_agent, page.lang),
                is_this: owned.session.id == me.session.id,
                owned,
            })
            .collect(),
        pager,
        notice,
        may_act: me.user.role() == Role::Superuser,
        address: &address,
    })?;
    if notice.is_some() {
        PortalCookie::Notice.remove(&mut response, &portal)?;
    }
    Ok(response)
}

#[derive(Template)]
#[template(path = "admin/end_sessions.html")]
struct EndPage<'a> {
    page: &'a Page<'a>,
    address: &'a ListQuery,
    count: String,
    chips: Vec<Chip>,
    batch: usize,
    reason: &'a str,
    /// The number of sessions that were ended, if there are more.
    ended: Option<usize>,
}

pub async fn confirm_end(
    reader: Reader<Superuser>,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (now, limits) = (portal.clock.now(), portal.limits);
    let address = ListQuery::of(&LIST, &request);
    let (me, address, total) = reader
        .read_by(address, move |conn, _, address| {
            let filter = filter(conn, address)?;
            total(conn, now, limits, &filter)
        })
        .await?;
    me.check_proof(&portal)?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.ok(&end_page(&page, &address, total, "", None))
}

fn end_page<'a>(
    page: &'a Page<'a>,
    address: &'a ListQuery,
    total: Option<Total>,
    reason: &'a str,
    ended: Option<usize>,
) -> EndPage<'a> {
    EndPage {
        page,
        address,
        count: total_in_words(page, total),
        chips: LIST.chips(page, address),
        batch: BATCH,
        reason,
        ended,
    }
}

pub async fn end(
    acting: Acting,
    portal: Data<Portal>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let Acting { me, admin } = acting;
    let value = |name: &str| {
        let found = form.0.iter().find(|(given, _)| given == name);
        found.map_or("", |(_, value)| value.trim())
    };
    let address = ListQuery::parse(&LIST, value("filter"))?;
    let note = Note::parse(value("reason")).ok_or(Error::BadRequest)?;
    let asked = address.clone();
    let filter = portal.db.read(move |conn| filter(conn, &asked)).await?;
    let said = Said {
        note: note.clone(),
        reference: Some(Reference::random()),
    };
    let kept = me.session.id;
    let ended = match admin::end_sessions(&portal, &admin, &filter, kept, &said).await {
        Err(Error::ProofNeeded) => {
            return Ok(sign_in_anew(&address.at("/admin/sessions/end", &[])));
        }
        other => other?,
    };
    if ended.next.is_some() {
        let (now, limits) = (portal.clock.now(), portal.limits);
        let left = portal
            .db
            .read(move |conn| total(conn, now, limits, &filter))
            .await?;
        let page = Page::new(&portal, &me.visit, Some(&me.user))?;
        let ended = Some(ended.done);
        return page.ok(&end_page(&page, &address, left, note.as_str(), ended));
    }
    see_other_with(ENDED, &address.with("after", None), &portal)
}
