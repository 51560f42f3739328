//! Asking for access: the apps that one may ask for, one's own requests and grants, and what came
//! of them. No address of an app is here.

pub mod outcome;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::access::{self, AskRefusal, Wish};
use crate::access_requests::list::Listed;
use crate::access_requests::person::{self, Which};
use crate::access_requests::{self, LAPSE_AFTER, MAX_A_DAY, MAX_DAYS, MAX_SENTENCE, Request};
use crate::apps::{self, App, AppsOf, Decision, FoundHolder, WhyNot, find_holder};
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::{Error, Result, Stopped};
use crate::id::{Reference, RequestId};
use crate::permissions::PermissionSources;
use crate::portal::Portal;
use crate::users::User;
use crate::web::cookie::PortalCookie;
use crate::web::csrf::Form;
use crate::web::guard::{Reader, SignedIn};
use crate::web::page::Page;
use crate::web::redirect::{see_other, see_other_with};
use crate::web::signin::NoFields;
use outcome::{Outcome, wanted};

const ASKED: &str = "access_asked";
const WITHDRAWN: &str = "access_withdrawn";
const GIVEN_BACK: &str = "access_given_back";

/// A grant of one's own that is running.
struct Held<'a> {
    app: &'a App,
    until: String,
    /// More time may be asked for.
    can_ask: bool,
}

/// An open request of one's own.
struct Waiting {
    key: String,
    app: String,
    request: Request,
    wanted: String,
}

#[derive(Template)]
#[template(path = "access.html")]
struct AccessPage<'a> {
    page: &'a Page<'a>,
    notice: Option<&'static str>,
    offered: Vec<&'a App>,
    waiting: Vec<Waiting>,
    held: Vec<Held<'a>>,
    outcomes: Vec<Outcome>,
}

pub async fn list(
    reader: Reader,
    portal: Data<Portal>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let (sources, now) = (portal.permission_sources(), portal.clock.now());
    let (me, (apps, open, ended)) = reader
        .read(move |conn, found| {
            Ok((
                AppsOf::read(conn, &sources, &found.user, now)?,
                person::list(conn, found.user.id, Which::Open)?,
                person::list(conn, found.user.id, Which::Ended)?,
            ))
        })
        .await?;
    let mut page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.to_decide = apps.found.news.to_decide;
    let notice = notice(&page, &request);
    let is_waiting = |app: &App| open.iter().any(|listed| listed.request.app_id == app.id);
    let offered = apps.all().filter(|(app, decision)| {
        access::is_offered(app) && !decision.is_open() && !is_waiting(app)
    });
    let mut response = page.ok(&AccessPage {
        page: &page,
        notice,
        offered: offered.map(|(app, _)| app).collect(),
        held: held(&page, &apps, is_waiting),
        waiting: open.iter().map(|listed| waiting(&page, listed)).collect(),
        outcomes: outcome::shown(&page, &ended),
    })?;
    if notice.is_some() {
        PortalCookie::Notice.remove(&mut response, &portal)?;
    }
    Ok(response)
}

fn notice(page: &Page<'_>, request: &HttpRequest) -> Option<&'static str> {
    match PortalCookie::Notice.read(request, page.portal)?.as_str() {
        ASKED => Some(page.t.done_asked),
        WITHDRAWN => Some(page.t.done_withdrawn),
        GIVEN_BACK => Some(page.t.done_given_back),
        _ => None,
    }
}

fn held<'a>(page: &Page<'_>, apps: &'a AppsOf, is_waiting: impl Fn(&App) -> bool) -> Vec<Held<'a>> {
    let held = |(app, _): (&'a App, &Decision)| {
        let grant = apps.found.running(app.id, page.now)?;
        Some(Held {
            app,
            until: page.until(grant.expires_at),
            can_ask: access::is_offered(app) && grant.expires_at.is_some() && !is_waiting(app),
        })
    };
    apps.all().filter_map(held).collect()
}

fn waiting(page: &Page<'_>, listed: &Listed) -> Waiting {
    Waiting {
        key: listed.request.app_key.clone(),
        app: listed.app_name_for_asker(page.lang).to_owned(),
        wanted: wanted(page, &listed.request),
        request: listed.request.clone(),
    }
}

/// An app that may be asked for, as the person finds it now.
struct Asked {
    app: App,
    found: FoundHolder,
    open: Option<Request>,
    deciders: Vec<String>,
}

/// Finds an app to ask for. One that cannot be asked for is not found, as if it did not exist.
fn find(conn: &mut Conn, sources: &PermissionSources, user: &User, key: &str) -> Result<Asked> {
    let app = apps::find(conn, key)?.filter(access::is_offered);
    let app = app.ok_or(Error::NotFound)?;
    Ok(Asked {
        found: find_holder(conn, sources, user)?,
        open: access_requests::find_open(conn, app.id, user.id)?,
        deciders: person::deciders(conn, app.id, user.id)?,
        app,
    })
}

/// What somebody typed into the form.
#[derive(Default)]
struct Typed {
    sentence: String,
    days: String,
}

/// A fault of the form: the field and the sentence.
struct Fault {
    field: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "access/ask.html")]
struct AskPage<'a> {
    page: &'a Page<'a>,
    app: &'a App,
    /// Why the app cannot be asked for, instead of the form.
    instead: Option<&'static str>,
    deciders: String,
    lapses_at: UnixTime,
    /// The end of the grant that is running, in words.
    running: Option<String>,
    typed: &'a Typed,
    fault: Option<Fault>,
    reference: Option<&'a Reference>,
}

pub async fn show(reader: Reader, portal: Data<Portal>, key: Path<String>) -> Result<HttpResponse> {
    let sources = portal.permission_sources();
    let (me, asked) = reader
        .read(move |conn, found| find(conn, &sources, &found.user, &key))
        .await?;
    let mut page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.to_decide = asked.found.news.to_decide;
    page.ok(&ask_page(&page, &asked, &Typed::default(), (None, None)))
}

fn ask_page<'a>(
    page: &'a Page<'a>,
    asked: &'a Asked,
    typed: &'a Typed,
    (fault, reference): (Option<Fault>, Option<&'a Reference>),
) -> AskPage<'a> {
    let t = page.t;
    let decision = asked.found.decide_without_grants(&asked.app, page.now);
    let instead = match decision {
        Decision::Open(_) => Some(t.ask_opens_anyway),
        Decision::Closed(WhyNot::Unread) => Some(t.ask_unread),
        Decision::Closed(WhyNot::ButNot(_) | WhyNot::Deactivated) => Some(t.ask_stays_closed),
        Decision::Closed(WhyNot::Nobody | WhyNot::NoPermission) => {
            asked.open.as_ref().map(|_| t.ask_is_waiting)
        }
    };
    let deciders = if asked.deciders.is_empty() {
        t.an_admin.to_owned()
    } else {
        asked.deciders.join(t.list_comma)
    };
    let running = asked.found.running(asked.app.id, page.now);
    AskPage {
        page,
        app: &asked.app,
        instead,
        deciders,
        lapses_at: page.now.plus(LAPSE_AFTER),
        running: running.map(|grant| page.until(grant.expires_at)),
        typed,
        fault,
        reference,
    }
}

pub async fn ask(
    me: SignedIn,
    portal: Data<Portal>,
    key: Path<String>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let mut typed = Typed::default();
    for (name, value) in form.0 {
        match name.as_str() {
            "sentence" => typed.sentence = value,
            "days" => value.trim().clone_into(&mut typed.days),
            _ => {}
        }
    }
    let wish = Wish {
        app: key.clone(),
        sentence: typed.sentence.clone(),
        // What is no number is no number of days either.
        days: (!typed.days.is_empty()).then(|| typed.days.parse().unwrap_or(0)),
    };
    let (now, sources, zone) = (
        portal.clock.now(),
        portal.permission_sources(),
        portal.time_zone.clone(),
    );
    let (asker, client) = (me.user.id, me.visit.client.clone());
    let known = sources.clone();
    let asking = portal
        .db
        .decide(move |conn| access::ask(conn, now, (asker, &client), &known, &zone, &wish));
    let refusal = match asking.await {
        Ok(_) => return see_other_with(ASKED, "/access", &portal),
        Err(Stopped::Failed(error)) => return Err(error),
        Err(Stopped::Refused(AskRefusal::UnknownApp)) => return Err(Error::NotFound),
        Err(Stopped::Refused(refusal)) => refusal,
    };
    let user = me.user.clone();
    let found = portal
        .db
        .read(move |conn| find(conn, &sources, &user, &key))
        .await?;
    let mut page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.to_decide = found.found.news.to_decide;
    let reference = Reference::random();
    let refused = (fault(&page, &refusal), Some(&reference));
    page.refuse(&reference, None, &ask_page(&page, &found, &typed, refused))
}

/// A refusal in words, unless the page says it instead of the form.
fn fault(page: &Page<'_>, refusal: &AskRefusal) -> Option<Fault> {
    let t = page.t;
    let (field, text) = match refusal {
        AskRefusal::NoSentence => ("sentence", t.ask_no_sentence.to_owned()),
        AskRefusal::BadSentence => ("sentence", t.ask_bad_sentence.with(MAX_SENTENCE)),
        AskRefusal::BadDays => ("days", t.ask_bad_days.with(MAX_DAYS)),
        AskRefusal::TooMany => ("sentence", t.ask_too_many.with(MAX_A_DAY)),
        AskRefusal::UnknownApp
        | AskRefusal::AlreadyOpen
        | AskRefusal::OpensAnyway
        | AskRefusal::StaysClosed(_) => return None,
    };
    Some(Fault { field, text })
}

pub async fn withdraw(
    me: SignedIn,
    portal: Data<Portal>,
    key: Path<String>,
    _form: Form<NoFields>,
) -> Result<HttpResponse> {
    let now = portal.clock.now();
    let (asker, client) = (me.user.id, me.visit.client);
    portal
        .db
        .write(move |conn| access::withdraw(conn, now, (asker, &client), &key))
        .await?;
    see_other_with(WITHDRAWN, "/access", &portal)
}

pub async fn give_back(
    me: SignedIn,
    portal: Data<Portal>,
    key: Path<String>,
    _form: Form<NoFields>,
) -> Result<HttpResponse> {
    let now = portal.clock.now();
    let (holder, client) = (me.user.id, me.visit.client);
    portal
        .db
        .write(move |conn| access::give_back(conn, now, (holder, &client), &key))
        .await?;
    see_other_with(GIVEN_BACK, "/access", &portal)
}

/// The button under outcomes on the start page.
pub async fn note_seen(
    me: SignedIn,
    portal: Data<Portal>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let ids = form.0.iter().filter(|(name, _)| name == "id");
    let ids = ids.map(|(_, id)| id.parse::<RequestId>());
    let ids: Result<Vec<RequestId>, _> = ids.take(100).collect();
    let ids = ids.map_err(|_| Error::BadRequest)?;
    let (now, user_id) = (portal.clock.now(), me.user.id);
    portal
        .db
        .write(move |conn| person::note_seen(conn, now, user_id, &ids))
        .await?;
    Ok(see_other("/"))
}
