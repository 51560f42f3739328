//! Access to apps: asking for it, deciding, taking it back. Each function is one act in the
//! caller's transaction, with one event.
//!
//! Whoever decides needs a [`Decider`]. It exists only for a person with a live session and for the
//! command line, and whether that person may decide about this very app is read inside the
//! transaction: rights are those of the moment of the decision.

mod jobs;

pub use jobs::{Looked, expire, lapse, look, repeat, start};

use jiff::tz::TimeZone;

use crate::access_requests::span::{BadSpan, Span, start_of_day};
use crate::access_requests::{
    self, Ending, MAX_A_DAY, MAX_DAYS, MAX_SENTENCE, Request, State, person,
};
use crate::apps::{self, App, Decision, Grant, WhyNot, find_holder, grants, owners};
use crate::audit::event::ClosedBecause;
use crate::audit::{About, Actor, Deed, Event, EventKind, Note};
use crate::clock::UnixTime;
use crate::db::{Conn, Sql};
use crate::error::{Error, Result, Stopped};
use crate::i18n::rfc3339;
use crate::id::{AppId, RequestId, SessionId, UserId};
use crate::permissions::PermissionSources;
use crate::reason::Reason;
use crate::sessions::{Client, Session};
use crate::text::is_forbidden;
use crate::users::{self, User};

/// The authority to decide on requests, of somebody who may decide about some apps.
#[derive(Clone, Debug)]
pub struct Decider {
    by: By,
    client: Client,
}

#[derive(Clone, Debug)]
enum By {
    Person {
        id: UserId,
        username: String,
        session_id: SessionId,
    },
    /// Anyone who can run a command can read and write the database anyway.
    CommandLine,
}

impl Decider {
    /// The authority of a person with a live session of their own.
    pub fn of(user: &User, session: &Session, client: Client) -> Option<Self> {
        (session.user_id == user.id).then(|| Self {
            by: By::Person {
                id: user.id,
                username: user.username.clone(),
                session_id: session.id,
            },
            client,
        })
    }

    /// Only the commands may use this. A test checks it.
    #[must_use]
    pub fn command_line() -> Self {
        Self {
            by: By::CommandLine,
            client: Client::default(),
        }
    }

    const fn actor(&self) -> Actor<'_> {
        match &self.by {
            By::Person { id, username, .. } => Actor::Person {
                id: *id,
                username: username.as_str(),
            },
            By::CommandLine => Actor::CommandLine,
        }
    }

    fn is(&self, user_id: UserId) -> bool {
        matches!(self.by, By::Person { id, .. } if id == user_id)
    }

    const fn deed(&self, now: UnixTime) -> Deed<'_> {
        Deed::new(now, self.actor(), &self.client)
    }

    /// Begins a decision about an app, if this person may decide about it now: they are signed in,
    /// and are a superuser or an owner of the app. Until the decision is committed, that cannot be
    /// taken from them. An app that does not exist has no owner, so that whoever may not decide does
    /// not learn whether it exists.
    fn begin(&self, conn: &mut Conn, app: Option<AppId>) -> Result<()> {
        let By::Person { id, session_id, .. } = self.by else {
            return Ok(());
        };
        users::lock_row_shared(conn, id)?;
        let is_superuser = Sql::new(
            "SELECT CAST(CASE WHEN u.is_superuser OR u.is_superuser_by_permission THEN 1 ELSE 0 END AS BIGINT) AS value FROM sessions x CROSS JOIN users u WHERE x.id = ? AND x.ended_at IS NULL AND u.id = x.user_id AND u.is_active = ?",
            [session_id.into(), true.into()],
        )
        .number(conn)?
        .ok_or(Error::SignedOut)?;
        let may_decide = match app {
            _ if is_superuser == 1 => true,
            Some(app) => owners::lock_shared(conn, app, id)?,
            None => false,
        };
        if may_decide {
            Ok(())
        } else {
            Err(Error::Forbidden)
        }
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The app's key.
    pub app: String,
    pub sentence: String,
    /// For how many days; `None` is for ever.
    pub days: Option<i64>,
}

/// The reason why a request was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskRefusal {
    /// There is no such app, or it cannot be asked for. Which of the two is not told.
    UnknownApp,
    NoSentence,
    /// It is too long, or has control characters.
    BadSentence,
    BadDays,
    /// There is an open request for this app.
    AlreadyOpen,
    /// The person has made too many requests today.
    TooMany,
    /// The app opens without a grant.
    OpensAnyway,
    /// A grant would not open the app.
    StaysClosed(WhyNot),
}

impl From<AskRefusal> for Stopped<AskRefusal> {
    fn from(refusal: AskRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Asks for an app.
///
/// # Errors
/// An [`AskRefusal`]; [`Error::SignedOut`] if the account is deactivated
pub fn ask(
    conn: &mut Conn,
    now: UnixTime,
    (asker, client): (UserId, &Client),
    sources: &PermissionSources,
    zone: &TimeZone,
    wish: &Wish,
) -> Result<Request, Stopped<AskRefusal>> {
    // Requests of one person are made one at a time.
    let user = users::lock(conn, asker)?.filter(|user| user.is_active);
    let user = user.ok_or(Error::SignedOut)?;
    let app = apps::find(conn, &wish.app)?.ok_or(AskRefusal::UnknownApp)?;
    let app = apps::lock_shared(conn, app.id)?.ok_or(AskRefusal::UnknownApp)?;
    check_askable(conn, now, sources, &user, &app)?;
    if access_requests::find_open(conn, app.id, user.id)?.is_some() {
        return Err(AskRefusal::AlreadyOpen.into());
    }
    let sentence = sentence_of(&wish.sentence)?;
    if wish
        .days
        .is_some_and(|days| !(1..=MAX_DAYS).contains(&days))
    {
        return Err(AskRefusal::BadDays.into());
    }
    let today = start_of_day(now, zone);
    if access_requests::count_open_or_since(conn, user.id, today)? >= MAX_A_DAY {
        return Err(AskRefusal::TooMany.into());
    }
    let request = access_requests::create(conn, now, &app, user.id, &sentence, wish.days)?;
    let event = Event::AccessRequested { app: app.key };
    let reference = request.id.to_string();
    let deed = Deed::new(now, Actor::from(&user), client).with_reference(&reference);
    deed.record(conn, About::from(&user), &event)?;
    Ok(request)
}

/// Checks that a person may ask for an app.
///
/// # Errors
/// An [`AskRefusal`]
pub fn check_askable(
    conn: &mut Conn,
    now: UnixTime,
    sources: &PermissionSources,
    user: &User,
    app: &App,
) -> Result<(), Stopped<AskRefusal>> {
    if !is_offered(app) {
        return Err(AskRefusal::UnknownApp.into());
    }
    let found = find_holder(conn, sources, user)?;
    if found.is_granted_for_ever(app.id) {
        return Err(AskRefusal::OpensAnyway.into());
    }
    match found.decide_without_grants(app, now) {
        Decision::Open(_) => Err(AskRefusal::OpensAnyway.into()),
        Decision::Closed(WhyNot::Nobody | WhyNot::NoPermission) => Ok(()),
        Decision::Closed(why) => Err(AskRefusal::StaysClosed(why).into()),
    }
}

/// Returns whether people may ask for an app.
pub const fn is_offered(app: &App) -> bool {
    app.fields.is_requestable && !app.fields.is_hidden
}

/// Returns a sentence as it is stored: on one line, without spaces around it.
fn sentence_of(text: &str) -> Result<String, AskRefusal> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let sentence = words.join(" ");
    if sentence.is_empty() {
        return Err(AskRefusal::NoSentence);
    }
    if sentence.chars().count() > MAX_SENTENCE || sentence.chars().any(is_forbidden) {
        return Err(AskRefusal::BadSentence);
    }
    Ok(sentence)
}

/// Withdraws one's own open request.
///
/// # Errors
/// [`Error::NotFound`] if there is none
pub fn withdraw(
    conn: &mut Conn,
    now: UnixTime,
    (asker, client): (UserId, &Client),
    key: &str,
) -> Result<()> {
    let (user, app) = own(conn, asker, key)?;
    let request = access_requests::find_open(conn, app, user.id)?.ok_or(Error::NotFound)?;
    let ending = Ending::of(State::Withdrawn, Actor::from(&user));
    if !access_requests::end(conn, now, request.id, &ending)? {
        return Err(Error::NotFound);
    }
    let event = Event::AccessRequestWithdrawn {
        app: request.app_key,
    };
    let reference = request.id.to_string();
    let deed = Deed::new(now, Actor::from(&user), client).with_reference(&reference);
    deed.record(conn, About::from(&user), &event)
}

/// Gives back all of one's own grants for an app.
///
/// # Errors
/// [`Error::NotFound`] if none is running
pub fn give_back(
    conn: &mut Conn,
    now: UnixTime,
    (holder, client): (UserId, &Client),
    key: &str,
) -> Result<()> {
    let (user, app) = own(conn, holder, key)?;
    if person::running_grant(conn, now, app, user.id)?.is_none()
        || grants::remove_all(conn, app, user.id)? == 0
    {
        return Err(Error::NotFound);
    }
    let event = Event::AccessGivenBack {
        app: key.to_owned(),
    };
    let deed = Deed::new(now, Actor::from(&user), client);
    deed.record(conn, About::from(&user), &event)
}

/// Locks one's own account, and finds an app by its key.
fn own(conn: &mut Conn, user_id: UserId, key: &str) -> Result<(User, AppId)> {
    let user = users::lock(conn, user_id)?.filter(|user| user.is_active);
    let user = user.ok_or(Error::SignedOut)?;
    let app = apps::find(conn, key)?.ok_or(Error::NotFound)?;
    Ok((user, app.id))
}

/// A decision on a request.
#[derive(Clone, Debug)]
pub enum Verdict {
    Grant(Span, Note),
    /// The person reads the reason.
    Decline(Note),
}

/// The reason why a decision was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionRefusal {
    UnknownRequest,
    /// Nobody decides on their own request.
    Own,
    /// It has ended already; the request says how.
    Ended(Box<Request>),
    /// A grant would not open the app, since its rule excludes the person.
    StaysClosed,
    BadSpan(BadSpan),
    /// A reason is required.
    NoReason,
    /// No grant of the app is running.
    NothingToTake,
}

impl From<DecisionRefusal> for Stopped<DecisionRefusal> {
    fn from(refusal: DecisionRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl std::fmt::Display for DecisionRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::UnknownRequest => "there is no request with that id",
            Self::Own => "nobody can decide on their own request",
            Self::Ended(request) => {
                let by = match request.decided_by() {
                    Actor::Person { username, .. } => username,
                    Actor::CommandLine => "the command line",
                    _ => "the portal",
                };
                return write!(f, "the request is already {} by {by}", request.state().code());
            }
            Self::StaysClosed => {
                "the app's rule excludes this person, or their permissions were never read: a grant would not open it"
            }
            Self::BadSpan(BadSpan::Past) => "the grant would be over already",
            Self::BadSpan(BadSpan::TooLong) => {
                return write!(f, "a grant lasts at most {MAX_DAYS} days, or for ever");
            }
            Self::NoReason => "a reason is required",
            Self::NothingToTake => "no grant of that app is running for that account",
        })
    }
}

/// How a decision reads permissions and days.
#[derive(Clone, Debug)]
pub struct Known {
    pub sources: PermissionSources,
    pub zone: TimeZone,
}

/// A request that can be decided, with the rows that the decision depends on locked.
struct Decidable {
    request: Request,
    app: App,
    user: User,
}

/// Decides on a request. The first of two decisions that are made at once counts; the second is
/// told of it. Returns the end of what was granted.
///
/// # Errors
/// A [`DecisionRefusal`]; [`Error::SignedOut`] and [`Error::Forbidden`] if the authority does not
/// hold
pub fn decide(
    conn: &mut Conn,
    now: UnixTime,
    decider: &Decider,
    known: &Known,
    id: RequestId,
    verdict: &Verdict,
) -> Result<Option<UnixTime>, Stopped<DecisionRefusal>> {
    let Decidable { request, app, user } =
        begin_decision(conn, now, decider, &known.sources, id, verdict)?;
    let (end, ending, event, note) = match verdict {
        Verdict::Grant(span, note) => {
            let end = span
                .end(now, &known.zone)
                .map_err(DecisionRefusal::BadSpan)?;
            let holder = find_holder(conn, &known.sources, &user)?;
            let decision = holder.decide_without_grants(&app, now);
            if let Decision::Closed(WhyNot::ButNot(_) | WhyNot::Unread) = decision {
                return Err(DecisionRefusal::StaysClosed.into());
            }
            let event = Event::AccessGranted {
                app: app.key.clone(),
                until: end.map(|end| rfc3339(end, &known.zone)),
            };
            (end, State::Granted, event, note)
        }
        Verdict::Decline(note) if note.is_empty() => {
            return Err(DecisionRefusal::NoReason.into());
        }
        Verdict::Decline(note) => {
            let event = Event::AccessDeclined {
                app: app.key.clone(),
            };
            (None, State::Declined, event, note)
        }
    };
    let is_granted = ending == State::Granted;
    let ending = Ending {
        answer: note.as_str(),
        granted_until: end,
        ..Ending::of(ending, decider.actor())
    };
    if !access_requests::end(conn, now, request.id, &ending)? {
        return Err(ended(conn, id)?.into());
    }
    if is_granted {
        let (pair, grant) = ((app.id, user.id), Grant { expires_at: end });
        grants::create(conn, now, pair, grant, decider.actor(), Some(request.id))?;
    }
    let reference = request.id.to_string();
    let deed = decider.deed(now).with_note(note).with_reference(&reference);
    deed.record(conn, About::from(&user), &event)?;
    Ok(end)
}

/// Finds a request that this decider may decide now. One that makes no sense any more is closed,
/// with its own event.
fn begin_decision(
    conn: &mut Conn,
    now: UnixTime,
    decider: &Decider,
    sources: &PermissionSources,
    id: RequestId,
    verdict: &Verdict,
) -> Result<Decidable, Stopped<DecisionRefusal>> {
    let request = access_requests::find(conn, id)?;
    decider.begin(conn, request.as_ref().map(|request| request.app_id))?;
    let request = request.ok_or(DecisionRefusal::UnknownRequest)?;
    if decider.is(request.user_id) {
        refuse_own(conn, now, decider, &request, verdict)?;
        return Err(DecisionRefusal::Own.into());
    }
    if !request.is_open() {
        return Err(DecisionRefusal::Ended(Box::new(request)).into());
    }
    users::lock_row_shared(conn, request.user_id)?;
    let user = users::find(conn, request.user_id)?.ok_or(DecisionRefusal::UnknownRequest)?;
    let app = apps::lock_shared(conn, request.app_id)?;
    if let Some(because) = outdated(conn, now, sources, &user, app.as_ref())? {
        let deed = Deed::from_nowhere(now, Actor::Portal);
        access_requests::close(conn, &deed, &request, &user.username, because)?;
        return Err(ended(conn, id)?.into());
    }
    let app = app.ok_or(DecisionRefusal::UnknownRequest)?;
    Ok(Decidable { request, app, user })
}

/// Records that somebody tried to decide on their own request.
fn refuse_own(
    conn: &mut Conn,
    now: UnixTime,
    decider: &Decider,
    request: &Request,
    verdict: &Verdict,
) -> Result<()> {
    let act = match verdict {
        Verdict::Grant(..) => EventKind::AccessGranted,
        Verdict::Decline(_) => EventKind::AccessDeclined,
    };
    let event = Event::ActRefused {
        act,
        reason: Reason::Yourself,
    };
    let about = About::Person(request.user_id, decider.actor().text());
    decider.deed(now).record(conn, about, &event)
}

/// The refusal of a decision on a request that has ended meanwhile.
fn ended(conn: &mut Conn, id: RequestId) -> Result<DecisionRefusal> {
    let request = access_requests::find(conn, id)?;
    Ok(request.map_or(DecisionRefusal::UnknownRequest, |request| {
        DecisionRefusal::Ended(Box::new(request))
    }))
}

/// Returns why an open request makes no sense any more, if that is so.
fn outdated(
    conn: &mut Conn,
    now: UnixTime,
    sources: &PermissionSources,
    user: &User,
    app: Option<&App>,
) -> Result<Option<ClosedBecause>> {
    let Some(app) = app else {
        return Ok(Some(ClosedBecause::AppRemoved));
    };
    if !user.is_active {
        return Ok(Some(ClosedBecause::Deactivated));
    }
    if !is_offered(app) {
        return Ok(Some(ClosedBecause::NotRequestable));
    }
    let holder = find_holder(conn, sources, user)?;
    let is_open =
        holder.decide_without_grants(app, now).is_open() || holder.is_granted_for_ever(app.id);
    Ok(is_open.then_some(ClosedBecause::OpenAnyway))
}

/// Takes back all grants of a person for an app.
///
/// # Errors
/// As [`decide`]
pub fn revoke(
    conn: &mut Conn,
    now: UnixTime,
    decider: &Decider,
    (key, user_id): (&str, UserId),
    reason: &Note,
) -> Result<(), Stopped<DecisionRefusal>> {
    let app = apps::find(conn, key)?;
    decider.begin(conn, app.as_ref().map(|app| app.id))?;
    let app = app.ok_or(Error::NotFound)?;
    if reason.is_empty() {
        return Err(DecisionRefusal::NoReason.into());
    }
    let user = users::find(conn, user_id)?.ok_or(Error::NotFound)?;
    if person::running_grant(conn, now, app.id, user_id)?.is_none()
        || grants::remove_all(conn, app.id, user_id)? == 0
    {
        return Err(DecisionRefusal::NothingToTake.into());
    }
    let event = Event::AccessRevoked { app: app.key };
    let deed = decider.deed(now).with_note(reason);
    deed.record(conn, About::from(&user), &event)?;
    Ok(())
}
