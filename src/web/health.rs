//! Health checks for load balancers: alive, and able to serve.

use std::sync::atomic::Ordering;

use actix_web::HttpResponse;
use actix_web::web::Data;
use log::warn;

use crate::db::MigrationState;
use crate::desk::Desk;

pub async fn healthz() -> HttpResponse {
    text(HttpResponse::Ok(), "alive\n")
}

/// Answers 503 while the server is stopping, and while the database or its tables are missing.
pub async fn readyz(desk: Data<Desk>) -> HttpResponse {
    if !desk.is_ready.load(Ordering::Relaxed) {
        return text(HttpResponse::ServiceUnavailable(), "stopping\n");
    }
    match desk.db.migration_state().await {
        Ok(MigrationState::Current | MigrationState::TooNew) => text(HttpResponse::Ok(), "ready\n"),
        Ok(MigrationState::Pending(_)) => text(
            HttpResponse::ServiceUnavailable(),
            "migrations are pending\n",
        ),
        Err(error) => {
            warn!(event = "readyz", outcome = "failed"; "{error}");
            text(
                HttpResponse::ServiceUnavailable(),
                "the database is not available\n",
            )
        }
    }
}

fn text(mut builder: actix_web::HttpResponseBuilder, body: &'static str) -> HttpResponse {
    builder.content_type("text/plain; charset=utf-8").body(body)
}
