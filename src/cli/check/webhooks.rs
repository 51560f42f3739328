//! Checks a webhook, without sending anything to it: whether its files can be read, whether it may be
//! called, and whether its host answers.

use std::time::Duration;

use super::Report;
use crate::clock::Clock;
use crate::config::{WebhookKind, WebhookSettings};
use crate::db::Db;
use crate::i18n::Lang;
use crate::webhooks::{Destination, Hook, MAX_CLOCK_DIFFERENCE, TroubleKind, state};

/// A hook that fails for longer is worth a fault.
const HOUR: Duration = Duration::from_secs(3600);

/// Checks one hook. No line shows its address.
pub async fn check(report: &mut Report, db: Option<&Db>, settings: WebhookSettings) {
    let name = format!("webhook {}", settings.name);
    let events: Vec<&str> = settings.events.iter().map(|event| event.code()).collect();
    ok!(
        name,
        "{}, is told of {}",
        settings.kind.code(),
        events.join(", ")
    );
    check_state(report, db, &name, &settings.name);
    let destination = match Destination::read(&settings) {
        Ok(destination) => destination,
        Err(trouble) => {
            fault!(report, name, "{}", trouble.in_words(Lang::En));
            return;
        }
    };
    if settings.kind == WebhookKind::Json && destination.has_short_secret() {
        warning!(
            name,
            "its secret is short; `openssl rand -base64 32`, with whsec_ before it, makes a good one"
        );
    }
    if settings.proxy.is_some() {
        warning!(
            name,
            "calls go through a proxy, which looks the receiver up: whether it is at a private address cannot be checked"
        );
    }
    let hook = Hook::new(settings);
    let now = Clock::default().now();
    match hook.clock_difference(&destination, now).await {
        Ok(difference) => check_clock(report, &name, difference),
        Err(kind @ (TroubleKind::Unreachable | TroubleKind::TimedOut)) => {
            warning!(name, "{}", kind.alone().in_words(Lang::En));
        }
        Err(kind) => fault!(report, name, "{}", kind.alone().in_words(Lang::En)),
    }
}

fn check_clock(report: &mut Report, name: &str, difference: Option<i64>) {
    match difference {
        Some(difference) if difference.abs() > MAX_CLOCK_DIFFERENCE => {
            let words = TroubleKind::Clock.alone().in_words(Lang::En);
            fault!(report, name, "{words} (by {difference} s)");
        }
        Some(_) => ok!(name, "its host answers, and the clocks agree"),
        None => ok!(name, "its host answers"),
    }
}

/// Says so if the running portal has failed to deliver for an hour.
fn check_state(report: &mut Report, db: Option<&Db>, name: &str, hook: &str) {
    let state = db.and_then(|db| db.read_blocking(|conn| state::find(conn, hook)).ok());
    let Some(state) = state else {
        return;
    };
    let since = state.failing_since();
    let is_long = since.is_some_and(|since| Clock::default().now().since(since) >= HOUR);
    if let (true, Some(trouble)) = (is_long, state.trouble()) {
        let words = trouble.in_words(Lang::En);
        fault!(
            report,
            name,
            "has been failing for more than an hour: {words}"
        );
    }
}
