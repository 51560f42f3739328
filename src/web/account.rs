//! My account: the profile as it was synced, my sessions, my sign-ins, my permissions.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::access::outcome::{self, Outcome};
use super::account_notice::{AccountNotice, back_to_account};
use super::cookie::PortalCookie;
use super::csrf::Form;
use super::device::Device;
use super::guard::{Reader, SignedIn};
use super::list::{List, ListQuery, Pager};
use super::page::Page;
use super::rows::{KeptPermissions, MAX_SHOWN, ShownSession};
use super::signin::{NoFields, adding_address};
use super::timeline::{Audience, TimelineItem};
use crate::access_requests::person::{self, Which};
use crate::audit::{self, Actor, Record, SignInWay};
use crate::error::Result;
use crate::id::SessionId;
use crate::permissions::{self, Held};
use crate::portal::Portal;
use crate::sessions;
use crate::signout;
use crate::users::{self, User};

const EVENTS: List = List::without_filters("/account/timeline");
const MAX_SESSIONS: i64 = 50;
const MAX_SIGN_INS: i64 = 10;

struct ShownSignIn {
    record: Record,
    way: String,
    device: Device,
}

impl ShownSignIn {
    fn of(record: Record, page: &Page<'_>) -> Self {
        let way = match record.sign_in_way() {
            SignInWay::RescueLink => page.t.rescue_link.to_owned(),
            SignInWay::Password => page.t.local_password.to_owned(),
            SignInWay::Provider => page.provider_name(&record.provider),
        };
        Self {
            way,
            device: Device::of(&record.user_agent, page.lang),
            record,
        }
    }
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    page: &'a Page<'a>,
    user: &'a User,
    notice: Option<&'static str>,
    sessions: Vec<ShownSession>,
    sign_ins: Vec<ShownSignIn>,
    permissions: Vec<Held>,
    more_permissions: i64,
    has_stale_permissions: bool,
    kept_permissions: Vec<KeptPermissions>,
    has_password: bool,
    identities: Vec<(String, String)>,
    addable: Vec<(String, String)>,
    outcomes: Vec<Outcome>,
}

pub async fn show(
    reader: Reader,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let now = portal.clock.now();
    let limits = portal.limits;
    let (me, (sessions, sign_ins, held, more_permissions, (has_password, identities, kept, ended))) =
        reader
            .read(move |conn, found| {
                let user_id = found.user.id;
                let held = permissions::list(conn, user_id, MAX_SHOWN)?;
                let more = permissions::count_beyond(conn, user_id, &held, MAX_SHOWN)?;
                Ok((
                    sessions::list_live(conn, now, limits, user_id, MAX_SESSIONS)?,
                    audit::list_sign_ins(conn, user_id, MAX_SIGN_INS)?,
                    held,
                    more,
                    (
                        users::has_password(conn, user_id)?,
                        users::identities_of(conn, user_id)?,
                        users::kept_permissions_of(conn, user_id)?,
                        person::list(conn, user_id, Which::Ended)?,
                    ),
                ))
            })
            .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let notice = PortalCookie::Notice
        .read(&request, &portal)
        .and_then(|code| AccountNotice::from_code(&code))
        .map(|notice| notice.in_words(page.t));
    let asked = portal.asks_for_permissions();
    let session = |session| ShownSession::of(session, &page, Some(me.session.id));
    let sign_in = |record| ShownSignIn::of(record, &page);
    let mut response = page.ok(&Account {
        page: &page,
        user: &me.user,
        notice,
        sessions: sessions.into_iter().map(session).collect(),
        sign_ins: sign_ins.into_iter().map(sign_in).collect(),
        permissions: held,
        more_permissions,
        has_stale_permissions: !kept.is_empty() || me.user.has_stale_permissions(asked),
        kept_permissions: KeptPermissions::of(&page, &me.user, kept),
        has_password,
        outcomes: outcome::shown(&page, &ended),
        addable: addable(&page, &me, &identities),
        identities,
    })?;
    if notice.is_some() {
        PortalCookie::Notice.remove(&mut response, &portal)?;
    }
    Ok(response)
}

/// The providers that the person can add: the addresses that begin it, and the names.
fn addable(page: &Page<'_>, me: &SignedIn, has: &[(String, String)]) -> Vec<(String, String)> {
    let Some(session) = &me.visit.session_token else {
        return Vec::new();
    };
    let providers = page.portal.providers.all().iter();
    providers
        .filter(|provider| provider.settings().vouches_for.linking)
        .filter(|provider| has.iter().all(|(id, _)| id != provider.id()))
        .map(|provider| {
            let address = adding_address(page.portal, session, provider.id());
            (address, page.label_of(provider))
        })
        .collect()
}

#[derive(Template)]
#[template(path = "account_timeline.html")]
struct Timeline<'a> {
    page: &'a Page<'a>,
    events: Vec<TimelineItem>,
    pager: Pager,
}

/// Shows every event about the person's own account, without the notes that admins wrote.
pub async fn timeline(
    reader: Reader,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let address = ListQuery::of(&EVENTS, &request);
    let (me, address, listing) = reader
        .read_by(address, move |conn, found, address| {
            let about = audit::Filter {
                user_id: Some(found.user.id),
                is_for_its_person: true,
                ..audit::Filter::default()
            };
            audit::list(conn, &about, address.page()?, address.size()?)
        })
        .await?;
    let page = Page::new(&portal, &me.visit, Some(&me.user))?;
    let note = page.t.newest_first.to_owned();
    page.ok(&Timeline {
        page: &page,
        pager: Pager::of(&listing, &address, page.t.whole_timeline, note, |event| {
            event.id
        }),
        events: listing
            .rows
            .into_iter()
            .map(|record| TimelineItem::of(record, &page, Audience::Person))
            .collect(),
    })
}

pub async fn end_session(
    me: SignedIn,
    portal: Data<Portal>,
    id: Path<SessionId>,
    _form: Form<NoFields>,
) -> Result<HttpResponse> {
    signout::end_session(&portal, &me.user, *id, me.visit.client).await?;
    back_to_account(&portal, AccountNotice::SessionEnded)
}

pub async fn end_other_sessions(
    me: SignedIn,
    portal: Data<Portal>,
    _form: Form<NoFields>,
) -> Result<HttpResponse> {
    signout::end_other_sessions(&portal, &me.user, me.session.id, me.visit.client).await?;
    back_to_account(&portal, AccountNotice::SessionsEnded)
}
