//! Deletes old rows in small batches, so that no sign-in has to wait.

use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};

use crate::access_requests;
use crate::audit;
use crate::clock::UnixTime;
use crate::db::Conn;
use crate::error::Result;
use crate::portal::Portal;
use crate::sessions::{self, logouts, tokens};
use crate::users::search_index;
use crate::webhooks::outbox;

const EVERY: Duration = Duration::from_secs(600);
/// Rows per transaction.
const BATCH: i64 = 1000;
/// Accounts per transaction.
const CATCH_UP_BATCH: i64 = 200;
/// How long the tokens of an ended session are kept, for signing out at its provider.
const KEEP_TOKENS: Duration = Duration::from_secs(900);

/// Does one batch of work, and returns how much was done.
type Piece = fn(&mut Conn, &Portal, UnixTime) -> Result<usize>;

const WORK: [(&str, Piece); 8] = [
    ("accounts_indexed", |conn, _, _| {
        search_index::catch_up(conn, CATCH_UP_BATCH)
    }),
    ("events_swept", |conn, portal, now| {
        audit::sweep(conn, now, portal.retention, BATCH)
    }),
    ("requests_swept", |conn, portal, now| {
        access_requests::sweep(conn, now.minus(portal.retention.acts), BATCH)
    }),
    ("tokens_forgotten", |conn, _, now| {
        tokens::forget_ended(conn, now.minus(KEEP_TOKENS), BATCH)
    }),
    ("logout_tokens_swept", |conn, _, now| {
        logouts::sweep_tokens(conn, now, BATCH)
    }),
    ("logouts_swept", |conn, _, now| {
        logouts::sweep(conn, now, BATCH)
    }),
    ("sessions_swept", |conn, portal, now| {
        sessions::sweep(conn, now, portal.limits, BATCH)
    }),
    ("webhook_events_swept", |conn, _, now| {
        outbox::sweep(conn, now, BATCH)
    }),
];

pub async fn run(portal: Arc<Portal>) {
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        for (event, piece) in WORK {
            // Repeat until nothing is left.
            loop {
                let (shared, now) = (Arc::clone(&portal), portal.clock.now());
                match portal.db.write(move |conn| piece(conn, &shared, now)).await {
                    Ok(0) => break,
                    Ok(count) => info!(event = event, count = count; ""),
                    Err(error) => {
                        warn!(event = event, outcome = "failed"; "{error}");
                        break;
                    }
                }
            }
        }
    }
}
