//! Health checks for load balancers: alive, and able to serve.

use std::sync::atomic::Ordering;

use actix_web::web::Data;
use actix_web::{HttpResponse, HttpResponseBuilder};
use log::warn;

use crate::db::MigrationState;
use crate::portal::Portal;

pub async fn healthz() -> HttpResponse {
    text(HttpResponse::Ok(), "alive\n")
}

/// Answers 503 while the server is stopping, and while the database or its tables are missing.
pub async fn readyz(portal: Data<Portal>) -> HttpResponse {
    let problem = if portal.is_ready.load(Ordering::Relaxed) {
        match portal.db.migration_state().await {
            Ok(MigrationState::Current | MigrationState::TooNew) => {
                return text(HttpResponse::Ok(), "ready\n");
            }
            Ok(MigrationState::Pending(_)) => "migrations are pending\n",
            Err(error) => {
                warn!(event = "readyz", outcome = "failed"; "{error}");
                "the database is not available\n"
            }
        }
    } else {
        "stopping\n"
    };
    text(HttpResponse::ServiceUnavailable(), problem)
}

fn text(mut builder: HttpResponseBuilder, body: &'static str) -> HttpResponse {
    builder.content_type("text/plain; charset=utf-8").body(body)
}
