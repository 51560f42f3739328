//! One request: GET shows it, POST shows what a grant would mean, grants, or declines.

use std::collections::HashMap;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use jiff::civil::Date;
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{DECLINED, GRANTED, Row, scope_of};
use crate::access::{self, DecisionRefusal, Known, Verdict};
use crate::access_requests::list::{self as requests, Listed, Scope};
use crate::access_requests::span::{BadSpan, Span};
use crate::access_requests::{MAX_DAYS, person};
use crate::apps::{Grant, owners};
use crate::audit::Note;
use crate::clock::UnixTime;
use crate::coded::coded;
use crate::db::Conn;
use crate::error::{Error, Result, Stopped};
use crate::i18n::messages::Messages;
use crate::id::{Reference, RequestId};
use crate::portal::Portal;
use crate::users::User;
use crate::web::access::outcome::days;
use crate::web::cookie::PortalCookie;
use crate::web::csrf::Form;
use crate::web::guard::{Deciding, Reader, SignedIn};
use crate::web::page::Page;
use crate::web::redirect::see_other_with;

/// What a button of the page asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "snake_case")]
enum Step {
    /// Say what the grant would mean.
    Preview,
    /// Go back to the form.
    Change,
    Grant,
    Decline,
}

/// How the end of a grant is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
enum Length {
    ForEver,
    Days,
    Day,
}

coded!(Length);

impl Length {
    fn in_words(self, t: &'static Messages) -> &'static str {
        match self {
            Self::ForEver => t.length_for_ever,
            Self::Days => t.length_days,
            Self::Day => t.length_day,
        }
    }
}

/// What was typed into the form.
struct Typed {
    length: Length,
    days: String,
    day: String,
    answer: String,
    /// It comes from the form that grants.
    is_of_grant: bool,
}

impl Typed {
    /// The form as the person who asks would fill it in.
    fn wanted(listed: &Listed) -> Self {
        let wanted = listed.request.wanted_days;
        Self {
            length: wanted.map_or(Length::ForEver, |_| Length::Days),
            days: days(wanted),
            day: String::new(),
            answer: String::new(),
            is_of_grant: true,
        }
    }

    fn of(mut given: HashMap<String, String>) -> Self {
        let mut take = |name: &str| given.remove(name).unwrap_or_default().trim().to_owned();
        Self {
            length: Length::from_code(&take("length")).unwrap_or(Length::ForEver),
            days: take("days"),
            day: take("day"),
            answer: take("answer"),
            is_of_grant: true,
        }
    }

    fn span(&self) -> Result<Span, Problem> {
        match self.length {
            Length::ForEver => Ok(Span::ForEver),
            Length::Days => self
                .days
                .parse()
                .map(Span::Days)
                .map_err(|_| Problem::BadDays),
            Length::Day => {
                let day: Result<Date, _> = self.day.parse();
                day.map(Span::Through).map_err(|_| Problem::BadDay)
            }
        }
    }

    fn note(&self) -> Result<Note> {
        Note::parse(&self.answer).ok_or(Error::BadRequest)
    }
}

/// Why nothing was decided.
enum Problem {
    BadDays,
    BadDay,
    Refused(DecisionRefusal),
}

impl Problem {
    /// The field that the fault is in, and the sentence.
    fn in_words(&self, page: &Page<'_>) -> (&'static str, String) {
        let t = page.t;
        let (field, text) = match self {
            Self::BadDays => ("days", t.refused_bad_days),
            Self::BadDay => ("day", t.refused_bad_day),
            Self::Refused(refusal) => match refusal {
                DecisionRefusal::BadSpan(BadSpan::Past) => ("length", t.refused_past),
                DecisionRefusal::BadSpan(BadSpan::TooLong) => {
                    return ("length", t.refused_too_long.with(MAX_DAYS));
                }
                DecisionRefusal::NoReason => ("reason", t.refused_reason_missing),
                DecisionRefusal::Own => ("main", t.request_own),
                DecisionRefusal::StaysClosed => ("main", t.refused_stays_closed),
                DecisionRefusal::NothingToTake => ("main", t.refused_nothing_to_take),
                DecisionRefusal::Ended(_) | DecisionRefusal::UnknownRequest => {
                    ("main", t.request_ended)
                }
            },
        };
        (field, text.to_owned())
    }
}

/// A way to give the end.
struct Choice {
    code: &'static str,
    label: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage<'a> {
    page: &'a Page<'a>,
    row: Row,
    notice: Option<&'static str>,
    is_own: bool,
    /// The end of the grant that is running, in words.
    running: Option<String>,
    typed: Typed,
    choices: Vec<Choice>,
    /// The end that the grant would have now, in words, and whether it moves with the decision.
    preview: Option<(String, bool)>,
    problem: Option<(&'static str, String)>,
    reference: Option<Reference>,
}

/// A request, and what the page must know beside it.
struct Found {
    listed: Listed,
    running: Option<Grant>,
    to_decide: i64,
}

fn find(conn: &mut Conn, now: UnixTime, me: &User, id: RequestId) -> Result<Found> {
    let scope = scope_of(conn, me)?;
    let listed = requests::find(conn, id)?.ok_or(Error::NotFound)?;
    let request = &listed.request;
    if scope != Scope::All && !owners::is_owner(conn, request.app_id, me.id)? {
        return Err(Error::NotFound);
    }
    Ok(Found {
        running: person::running_grant(conn, now, request.app_id, request.user_id)?,
        to_decide: requests::count_waiting(conn, scope, me.id)?,
        listed,
    })
}

fn request_page<'a>(page: &'a Page<'a>, me: &User, found: Found, typed: Typed) -> RequestPage<'a> {
    let choice = |length: &Length| Choice {
        code: length.code(),
        label: length.in_words(page.t),
        is_chosen: *length == typed.length,
    };
    RequestPage {
        page,
        notice: None,
        is_own: found.listed.request.user_id == me.id,
        running: found.running.map(|grant| page.until(grant.expires_at)),
        row: Row::of(page, found.listed),
        choices: Length::VARIANTS.iter().map(choice).collect(),
        typed,
        preview: None,
        problem: None,
        reference: None,
    }
}

pub async fn show(
    reader: Reader,
    portal: Data<Portal>,
    id: Path<RequestId>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    let now = portal.clock.now();
    let (me, found) = reader
        .read(move |conn, me| find(conn, now, &me.user, *id))
        .await?;
    let mut page = Page::new(&portal, &me.visit, Some(&me.user))?;
    page.to_decide = Some(found.to_decide);
    let notice = match PortalCookie::Notice.read(&request, &portal).as_deref() {
        Some(GRANTED) => Some(page.t.done_granted),
        Some(DECLINED) => Some(page.t.done_declined),
        _ => None,
    };
    let typed = Typed::wanted(&found.listed);
    let mut shown = request_page(&page, &me.user, found, typed);
    shown.notice = notice;
    let mut response = page.ok(&shown)?;
    if notice.is_some() {
        PortalCookie::Notice.remove(&mut response, &portal)?;
    }
    Ok(response)
}

/// What the page says after a form that decided nothing.
#[derive(Default)]
struct Said {
    /// The end that was asked for, and whether it moves with the decision.
    preview: Option<(Option<UnixTime>, bool)>,
    problem: Option<Problem>,
}

impl Said {
    const fn problem(problem: Problem) -> Self {
        Self {
            preview: None,
            problem: Some(problem),
        }
    }

    /// Says what a grant of this span would mean now.
    fn preview(span: Span, now: UnixTime, portal: &Portal) -> Self {
        match span.end(now, &portal.time_zone) {
            Ok(end) => Self {
                preview: Some((end, matches!(span, Span::Days(_)))),
                problem: None,
            },
            Err(bad) => Self::problem(Problem::Refused(DecisionRefusal::BadSpan(bad))),
        }
    }
}

pub async fn act(
    deciding: Deciding,
    portal: Data<Portal>,
    id: Path<RequestId>,
    form: Form<Vec<(String, String)>>,
) -> Result<HttpResponse> {
    let Deciding { me, decider } = deciding;
    let (id, now) = (*id, portal.clock.now());
    let mut given: HashMap<String, String> = form.0.into_iter().collect();
    let step = given.remove("step").and_then(|code| code.parse().ok());
    let step: Step = step.ok_or(Error::BadRequest)?;
    let mut typed = Typed::of(given);
    typed.is_of_grant = step != Step::Decline;
    let note = typed.note()?;
    let (verdict, notice) = match (step, typed.span()) {
        (Step::Change, _) => return answer(&portal, &me, id, typed, Said::default()).await,
        (Step::Decline, _) => (Verdict::Decline(note), DECLINED),
        (_, Err(problem)) => {
            return answer(&portal, &me, id, typed, Said::problem(problem)).await;
        }
        (Step::Preview, Ok(span)) => {
            let said = Said::preview(span, now, &portal);
            return answer(&portal, &me, id, typed, said).await;
        }
        (Step::Grant, Ok(span)) => (Verdict::Grant(span, note), GRANTED),
    };
    let known = Known {
        sources: portal.permission_sources(),
        zone: portal.time_zone.clone(),
    };
    let decision = portal
        .db
        .decide(move |conn| access::decide(conn, now, &decider, &known, id, &verdict));
    match decision.await {
        Ok(_) => see_other_with(notice, &format!("/requests/{id}"), &portal),
        Err(Stopped::Failed(error)) => Err(error),
        Err(Stopped::Refused(DecisionRefusal::UnknownRequest)) => Err(Error::NotFound),
        Err(Stopped::Refused(refusal)) => {
            let said = Said::problem(Problem::Refused(refusal));
            answer(&portal, &me, id, typed, said).await
        }
    }
}

/// Shows the page again, with what there is to say.
async fn answer(
    portal: &Portal,
    me: &SignedIn,
    id: RequestId,
    typed: Typed,
    said: Said,
) -> Result<HttpResponse> {
    let (now, asking) = (portal.clock.now(), me.user.clone());
    let found = portal
        .db
        .read(move |conn| find(conn, now, &asking, id))
        .await?;
    let mut page = Page::new(portal, &me.visit, Some(&me.user))?;
    page.to_decide = Some(found.to_decide);
    // The form of a refused decline says nothing about the time.
    let typed = if typed.is_of_grant {
        typed
    } else {
        Typed {
            answer: typed.answer,
            ..Typed::wanted(&found.listed)
        }
    };
    let mut shown = request_page(&page, &me.user, found, typed);
    let is_open = shown.row.listed.request.is_open();
    shown.preview = said
        .preview
        .filter(|_| is_open)
        .map(|(end, moves)| (page.until(end), moves));
    let Some(problem) = said.problem else {
        return page.ok(&shown);
    };
    let reference = Reference::random();
    shown.problem = Some(problem.in_words(&page));
    shown.reference = Some(reference.clone());
    page.refuse(&reference, None, &shown)
}
