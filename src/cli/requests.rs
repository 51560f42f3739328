//! `frontdesk requests`: decides where nobody can on a page, such as the only admin's own request.
//! The audit log marks these decisions as the command line's.

use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::{Failure, existing_database};
use crate::access::{self, Decider, DecisionRefusal, Known, Verdict};
use crate::access_requests::list::{self as requests, Listed, Scope};
use crate::access_requests::span::{Span, last_moment};
use crate::audit::{MAX_NOTE, Note};
use crate::config::{self, PermissionSettings};
use crate::error::Stopped;
use crate::i18n::{Lang, rfc3339};
use crate::id::RequestId;

/// Exit statuses besides 0 (done), 1 (failed) and 2 (wrong usage).
const NO_SUCH_REQUEST: u8 = 3;
const REFUSED: u8 = 4;

/// Rows per read from the database.
const BATCH: usize = 100;

#[derive(Args)]
pub struct Requests {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the open requests, oldest first
    List {
        /// At most this many requests
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[arg(long)]
        json: bool,
    },
    /// Grant what a request asks for, for the time that it names unless another one is given
    Grant {
        /// The request's ID
        #[arg(allow_negative_numbers = true)]
        id: RequestId,
        /// End after this many days of 24 hours
        #[arg(long, conflicts_with = "until")]
        days: Option<i64>,
        /// End with this day in the portal's time zone, e.g. 2026-12-31
        #[arg(long, value_name = "DAY")]
        until: Option<Date>,
        /// Grant it without an end
        #[arg(long, conflicts_with_all = ["days", "until"])]
        for_ever: bool,
        /// A sentence that the person reads
        #[arg(long, default_value = "")]
        answer: String,
    },
    /// Decline a request
    Decline {
        /// The request's ID
        #[arg(allow_negative_numbers = true)]
        id: RequestId,
        /// The reason, which the person reads
        #[arg(long)]
        reason: String,
    },
}

pub fn run(command: Requests) -> Result<(), Failure> {
    match command.command {
        Command::List { limit, json } => list(limit, json),
        Command::Grant {
            id,
            days,
            until,
            for_ever,
            answer,
        } => {
            let span = match (days, until) {
                (Some(days), _) => Span::Days(days),
                (None, Some(day)) => Span::Through(day),
                (None, None) if for_ever => Span::ForEver,
                (None, None) => asked(id)?,
            };
            decide(id, &Verdict::Grant(span, note(&answer)?))
        }
        Command::Decline { id, reason } => decide(id, &Verdict::Decline(note(&reason)?)),
    }
}

/// The time that a request names. One that does not exist is refused when it is decided.
fn asked(id: RequestId) -> Result<Span, Failure> {
    let (db, _) = existing_database()?;
    let found = db.read_blocking(|conn| requests::find(conn, id))?;
    let days = found.and_then(|listed| listed.request.wanted_days);
    Ok(days.map_or(Span::ForEver, Span::Days))
}

fn note(text: &str) -> Result<Note, Failure> {
    Note::parse(text).ok_or_else(|| format!("a text may have at most {MAX_NOTE} characters").into())
}

fn list(limit: usize, is_json: bool) -> Result<(), Failure> {
    let (db, _) = existing_database()?;
    let mut found: Vec<Listed> = Vec::new();
    let mut place = Some(RequestId(i64::MIN));
    while let Some(after) = place.filter(|_| found.len() < limit) {
        let size = BATCH.min(limit - found.len());
        let waiting =
            db.read_blocking(|conn| requests::waiting(conn, Scope::All, None, after, size))?;
        place = waiting.next;
        found.extend(waiting.rows);
    }
    if is_json {
        let listed: Vec<Value> = found.iter().map(request_json).collect();
        say!("{}", json!({ "requests": listed, "more": place.is_some() }));
        return Ok(());
    }
    for listed in &found {
        let request = &listed.request;
        let days = request.wanted_days;
        let wanted = days.map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"));
        say!(
            "{}\t{}\t{}\t{}\t{wanted}\t{}",
            request.id,
            request.app_key,
            listed.username,
            rfc3339(request.created_at(), &jiff::tz::TimeZone::UTC),
            request.sentence
        );
    }
    if place.is_some() {
        eprintln!("There are more: --limit");
    }
    Ok(())
}

fn request_json(listed: &Listed) -> Value {
    let (request, utc) = (&listed.request, jiff::tz::TimeZone::UTC);
    json!({
        "id": request.id.to_string(),
        "app": request.app_key,
        "app_name": listed.app_name(Lang::En),
        "user_id": request.user_id.to_string(),
        "username": listed.username,
        "asked_at": rfc3339(request.created_at(), &utc),
        "lapses_at": rfc3339(request.lapses_at(), &utc),
        "wanted_days": request.wanted_days,
        "sentence": request.sentence,
    })
}

fn decide(id: RequestId, verdict: &Verdict) -> Result<(), Failure> {
    let (db, clock) = existing_database()?;
    let variables = config::environment()?;
    let known = Known {
        sources: PermissionSettings::of(&variables)?.into(),
        zone: config::time_zone(&variables)?,
    };
    let (now, decider) = (clock.now(), Decider::command_line());
    let outcome =
        db.decide_blocking(|conn| access::decide(conn, now, &decider, &known, id, verdict));
    let refusal = match outcome {
        Ok(end) => {
            let until = end.map(|end| rfc3339(last_moment(end), &known.zone));
            match (verdict, until) {
                (Verdict::Decline(_), _) => say!("{id}: declined"),
                (Verdict::Grant(..), None) => say!("{id}: granted for ever"),
                (Verdict::Grant(..), Some(until)) => say!("{id}: granted until {until}"),
            }
            return Ok(());
        }
        Err(Stopped::Failed(error)) => return Err(error.into()),
        Err(Stopped::Refused(refusal)) => refusal,
    };
    eprintln!("frontdesk: {id}: {refusal}");
    Err(Failure::Status(match refusal {
        DecisionRefusal::UnknownRequest => NO_SUCH_REQUEST,
        _ => REFUSED,
    }))
}
