//! The outermost middleware: writes one log line per request, catches panics, shows errors as
//! pages, and sets headers.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::LOCATION;
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use futures_util::FutureExt as _;
use log::{error, info, warn};

use super::body::{self, Watched};
use super::connection::UnderWay;
use super::cookie;
use super::guard::{Viewer, signed_in};
use super::headers::Scripts;
use super::host::{self, Host};
use super::visit::{Visit, portal};
use super::{error_pages, headers};
use crate::error::{DatabaseError, Error};
use crate::id::Reference;
use crate::portal::Portal;
use crate::users::User;

pub async fn wrap(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let portal = Data::clone(portal(request.request())?);
    cookie::keep_ours(request.headers_mut(), &portal);
    let visit = Visit::without_session(request.request(), &portal);
    request.extensions_mut().insert(visit.clone());
    let body = body::watch(&mut request, &portal.failpoint);
    let _under_way = UnderWay::begin(request.request(), body.clone());
    let mut line = Line::of(request.request(), &visit, body);

    match host::judge(request.request(), &portal) {
        Host::Ours => {}
        Host::MovedTo(address) => {
            let mut response = HttpResponse::TemporaryRedirect();
            response.insert_header((LOCATION, address));
            return Ok(line.end(request, response.finish(), &portal));
        }
        Host::Refused => {
            let response = line.show(&Error::Misdirected, &portal, &visit, None);
            return Ok(line.end(request, response, &portal));
        }
    }

    // A panic only affects its own request.
    let answer = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let failed = match answer {
        Ok(Ok(response)) => return Ok(line.finish(response, &portal)),
        // The request is gone; only what was noted earlier is left.
        Ok(Err(failed)) => failed,
        Err(_panic) => Error::Internal("a handler panicked".to_owned()).into(),
    };
    let mut response = line.show_failed(&failed, &portal, &visit, None);
    headers::add(response.headers_mut(), &portal, &line.path, Scripts::None);
    line.log(response.status(), None);
    Err(InternalError::from_response("shown", response).into())
}

/// Runs inside the session's middleware. Notes the visitor with their session and, for an error
/// page, who is signed in. If that cannot be found out, the page does without.
pub async fn note_session(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let portal = Data::clone(portal(request.request())?);
    let visit = Visit::of(request.request(), &portal).with_session(request.request(), &portal);
    let has_token = visit.session_token.is_some();
    request.extensions_mut().insert(visit);
    let response = next.call(request).await?;
    let is_unknown = !response.request().extensions().contains::<Viewer>();
    if has_token && is_unknown && is_about_somebody(response.response().error()) {
        let _viewer = signed_in(response.request()).await;
    }
    Ok(response)
}

fn is_about_somebody(failed: Option<&actix_web::Error>) -> bool {
    failed.is_some_and(|failed| {
        !matches!(
            failed.as_error::<Error>(),
            Some(Error::SignedOut | Error::Database(_))
        )
    })
}

/// The log line of one request.
struct Line {
    started: Instant,
    method: Method,
    /// The path without the query, which may hold a code.
    path: String,
    address: String,
    reference: Option<Reference>,
    body: Option<Rc<Watched>>,
}

impl Line {
    fn of(request: &HttpRequest, visit: &Visit, body: Option<Rc<Watched>>) -> Self {
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            path: request.path().to_owned(),
            address: visit.client.address.clone(),
            reference: None,
            body,
        }
    }

    /// Shows the error of an answer, if it has one, and sets the headers.
    fn finish(
        &mut self,
        response: ServiceResponse<impl MessageBody + 'static>,
        portal: &Portal,
    ) -> ServiceResponse<BoxBody> {
        let is_late = self.body.as_ref().is_some_and(|body| body.is_late.get());
        let (http, response) = response.into_parts();
        let mut response = match response.error() {
            None => {
                self.reference = response.extensions().get().cloned();
                response.map_into_boxed_body()
            }
            Some(failed) => {
                let visit = Visit::of(&http, portal);
                let extensions = http.extensions();
                let viewer = extensions.get::<Viewer>().map(|viewer| &viewer.0);
                if is_late {
                    self.show(&Error::Timeout, portal, &visit, viewer)
                } else {
                    self.show_failed(failed, portal, &visit, viewer)
                }
            }
        };
        if is_late {
            // The rest of the body would be read as the next request.
            let head = response.head_mut();
            head.set_connection_type(ConnectionType::Close);
        }
        let scripts = response.extensions().get().copied().unwrap_or_default();
        headers::add(response.headers_mut(), portal, &self.path, scripts);
        self.log(response.status(), http.extensions().get());
        ServiceResponse::new(http, response)
    }

    /// Shows our own error, or the equivalent of one from actix-web.
    fn show_failed(
        &mut self,
        failed: &actix_web::Error,
        portal: &Portal,
        visit: &Visit,
        viewer: Option<&User>,
    ) -> HttpResponse {
        if let Some(ours) = failed.as_error::<Error>() {
            return self.show(ours, portal, visit, viewer);
        }
        let theirs = match failed.as_response_error().status_code().as_u16() {
            404 => Error::NotFound,
            413 => Error::TooLarge,
            408 => Error::Timeout,
            400..500 => Error::BadRequest,
            _ => Error::Internal(failed.to_string()),
        };
        self.show(&theirs, portal, visit, viewer)
    }

    fn show(
        &mut self,
        failed: &Error,
        portal: &Portal,
        visit: &Visit,
        viewer: Option<&User>,
    ) -> HttpResponse {
        let shown = error_pages::render(failed, portal, visit, viewer);
        let reference = shown.reference.as_ref();
        match failed {
            Error::Internal(_)
            | Error::Database(DatabaseError::Query(_) | DatabaseError::Down(_)) => {
                error!(event = "error", reference = reference.map_or("", Reference::as_str); "{failed}");
            }
            Error::Database(DatabaseError::Busy) | Error::ForgedForm => {
                warn!(event = "error", reference = reference.map_or("", Reference::as_str); "{failed}");
            }
            _ => {}
        }
        self.reference = shown.reference;
        shown.response
    }

    /// Answers before any other part of the portal has seen the request.
    fn end(
        &self,
        request: ServiceRequest,
        mut response: HttpResponse,
        portal: &Portal,
    ) -> ServiceResponse<BoxBody> {
        headers::add(response.headers_mut(), portal, &self.path, Scripts::None);
        self.log(response.status(), None);
        request.into_response(response)
    }

    fn log(&self, status: StatusCode, viewer: Option<&Viewer>) {
        info!(
            event = "request",
            method = self.method.as_str(),
            path = self.path.as_str(),
            status = u64::from(status.as_u16()),
            ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            user = viewer.map_or("", |viewer| viewer.0.username.as_str()),
            address = self.address.as_str(),
            reference = self.reference.as_ref().map_or("", Reference::as_str);
            ""
        );
    }
}
