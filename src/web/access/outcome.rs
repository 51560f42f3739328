//! What came of a request, for the person who asked: on the start page, under `/access` and on the
//! account page.

use crate::access_requests::list::Listed;
use crate::access_requests::person::{self, Which};
use crate::access_requests::{Request, State};
use crate::apps::AppsOf;
use crate::audit::Actor;
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::Result;
use crate::i18n::messages::Messages;
use crate::id::{RequestId, UserId};
use crate::web::codes_in_words::closed_because_in_words;
use crate::web::page::Page;

/// An ended request.
pub struct Outcome {
    pub id: RequestId,
    pub key: String,
    pub app: String,
    /// The class and the word of its state.
    pub badge: (&'static str, &'static str),
    /// Until when it was granted, or why it was closed.
    pub detail: Option<String>,
    /// Who decided, if somebody did.
    pub by: String,
    pub answer: String,
    pub at: UnixTime,
    /// The same request once more, where nobody answered.
    pub again: Option<Again>,
}

/// A request that can be made again with one click.
pub struct Again {
    pub sentence: String,
    pub days: String,
}

impl Outcome {
    pub fn of(page: &Page<'_>, listed: &Listed) -> Self {
        let request = &listed.request;
        let detail = match request.state() {
            State::Granted => Some(page.until(request.granted_until())),
            State::Closed => request
                .closed_because()
                .map(|because| closed_because_in_words(page.t, because).to_owned()),
            State::Open | State::Declined | State::Withdrawn | State::Lapsed => None,
        };
        let is_decided = matches!(request.state(), State::Granted | State::Declined);
        let can_repeat = request.state() == State::Lapsed && !request.sentence.is_empty();
        Self {
            id: request.id,
            key: request.app_key.clone(),
            app: listed.app_name_for_asker(page.lang).to_owned(),
            badge: badge(page.t, request.state()),
            detail,
            by: if is_decided {
                decided_by(page, request)
            } else {
                String::new()
            },
            answer: request.answer.clone(),
            at: request.closed_at().unwrap_or(request.created_at()),
            again: can_repeat.then(|| Again {
                sentence: request.sentence.clone(),
                days: days(request.wanted_days),
            }),
        }
    }
}

/// A number of days as a field holds it; empty for ever.
pub fn days(days: Option<i64>) -> String {
    days.map(|days| days.to_string()).unwrap_or_default()
}

/// For how long a request asks, in words.
pub fn wanted(page: &Page<'_>, request: &Request) -> String {
    request.wanted_days.map_or_else(
        || page.t.wanted_for_ever.to_owned(),
        |days| page.t.wanted_for_days.with(days),
    )
}

/// The class and the word of a state.
pub fn badge(t: &'static Messages, state: State) -> (&'static str, &'static str) {
    match state {
        State::Open => ("plain", t.request_open),
        State::Granted => ("ok", t.request_granted),
        State::Declined => ("bad", t.request_declined),
        State::Withdrawn => ("", t.request_withdrawn),
        State::Lapsed => ("warn", t.request_lapsed),
        State::Closed => ("", t.request_closed),
    }
}

/// The name of whoever ended a request.
pub fn decided_by(page: &Page<'_>, request: &Request) -> String {
    match request.decided_by() {
        Actor::CommandLine => page.t.command_line.to_owned(),
        by => by.text().to_owned(),
    }
}

/// Reads the outcomes that a person has not seen. Costs nothing where there are none.
pub fn unseen(conn: &mut Conn, user_id: UserId, apps: &AppsOf) -> Result<Vec<Listed>> {
    if apps.found.news.unseen == 0 {
        return Ok(Vec::new());
    }
    person::list(conn, user_id, Which::Unseen)
}

/// The outcomes as the start page shows them.
pub fn shown(page: &Page<'_>, listed: &[Listed]) -> Vec<Outcome> {
    let listed = listed.iter();
    listed.map(|listed| Outcome::of(page, listed)).collect()
}
