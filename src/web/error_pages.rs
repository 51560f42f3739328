//! Every error, as a page in the person's language or as a short JSON document for a program.

use actix_web::http::header::{ALLOW, RETRY_AFTER};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;

use super::codes_in_words::{admission_in_words, reason_in_words, step_in_words};
use super::page::Page;
use super::visit::{Visit, portal};
use super::{addresses, redirect};
use crate::error::{self, Cause, DatabaseError, Error, Result, SignInError};
use crate::i18n::messages::Messages;
use crate::i18n::sentence::Around;
use crate::id::Reference;
use crate::oauth::Prompt;
use crate::portal::Portal;
use crate::users::User;

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::ProofNeeded | Self::ForgedForm => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest | Self::AttemptUsed | Self::SignedOutThere => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::LinkExpired => StatusCode::GONE,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::SignIn(error) => sign_in_status(&error.cause),
            Self::Database(DatabaseError::Busy | DatabaseError::Down(_)) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Database(DatabaseError::Query(_)) | Self::Internal(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

fn sign_in_status(cause: &Cause) -> StatusCode {
    match cause {
        Cause::UnknownAttempt
        | Cause::RestartLoop
        | Cause::SignedOutThere
        | Cause::BadCallback
        | Cause::WrongIssuer
        | Cause::CodeRefused => StatusCode::BAD_REQUEST,
        Cause::WrongPassword => StatusCode::UNPROCESSABLE_ENTITY,
        Cause::Declined
        | Cause::Inactive { .. }
        | Cause::KeptOut { .. }
        | Cause::NotLinkable
        | Cause::NotAdmitted(_) => StatusCode::FORBIDDEN,
        Cause::NameTaken { .. } | Cause::NameReserved { .. } | Cause::IdentityTaken => {
            StatusCode::CONFLICT
        }
        Cause::ProviderError("temporarily_unavailable")
        | Cause::Overloaded
        | Cause::DatabaseUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Cause::TooSlow => StatusCode::GATEWAY_TIMEOUT,
        Cause::ProviderError(_)
        | Cause::ClientRefused
        | Cause::UnexpectedStatus(_)
        | Cause::TokenRefused
        | Cause::Unreachable
        | Cause::Unreadable(_)
        | Cause::NotOk
        | Cause::BadMetadata(_)
        | Cause::BadToken(_)
        | Cause::Clock(_)
        | Cause::BadProfile(_) => StatusCode::BAD_GATEWAY,
        Cause::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An answer, and the reference that identifies the error on its page and in the log.
pub struct Shown {
    pub response: HttpResponse,
    pub reference: Option<Reference>,
}

pub fn render(failed: &Error, portal: &Portal, visit: &Visit, viewer: Option<&User>) -> Shown {
    let elsewhere = match failed {
        Error::SignedOut => Some(redirect::address("/login", &visit.here)),
        Error::ProofNeeded => Some(redirect::fresh_address(&visit.here)),
        _ => None,
    };
    if let Some(elsewhere) = elsewhere.filter(|_| !visit.is_script) {
        return Shown {
            response: redirect::see_other(&elsewhere),
            reference: None,
        };
    }
    let status = failed.status_code();
    let reference = match failed {
        Error::SignIn(error) => error.reference.clone(),
        _ => Reference::random(),
    };
    let page = if visit.is_script {
        Ok(json(visit, status, failed, &reference))
    } else {
        page(portal, visit, viewer, status, failed, &reference)
    };
    let mut response = page.unwrap_or_else(|_| {
        // There is nothing left to draw a page with.
        HttpResponse::InternalServerError()
            .content_type("text/plain; charset=utf-8")
            .body(format!(
                "Something went wrong on our side. Reference: {reference}\n"
            ))
    });
    let headers = response.headers_mut();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, error::RETRY_AFTER.as_secs().into());
    }
    if let Error::MethodNotAllowed { allow } = failed
        && let Ok(allow) = allow.parse()
    {
        headers.insert(ALLOW, allow);
    }
    Shown {
        response,
        reference: Some(reference),
    }
}

fn json(visit: &Visit, status: StatusCode, failed: &Error, reference: &Reference) -> HttpResponse {
    let (heading, _) = heading_and_lead(visit.lang.messages(), failed);
    let document = serde_json::json!({
        "error": code(failed),
        "message": heading,
        "reference": reference,
    });
    HttpResponse::build(status)
        .content_type("application/json; charset=utf-8")
        .body(document.to_string())
}

const fn code(failed: &Error) -> &'static str {
    match failed {
        Error::SignedOut => "signed_out",
        Error::Forbidden => "forbidden",
        Error::ProofNeeded => "fresh_sign_in_needed",
        Error::NotFound => "not_found",
        Error::MethodNotAllowed { .. } => "method_not_allowed",
        Error::ForgedForm => "forged_form",
        Error::BadRequest | Error::AttemptUsed | Error::SignedOutThere => "bad_request",
        Error::TooLarge => "too_large",
        Error::Timeout => "timeout",
        Error::UnsupportedEncoding => "unsupported_encoding",
        Error::Misdirected => "misdirected",
        Error::LinkExpired => "link_expired",
        Error::Overloaded => "overloaded",
        Error::SignIn(error) => error.cause.code(),
        Error::Database(DatabaseError::Busy | DatabaseError::Down(_)) => "unavailable",
        Error::Database(DatabaseError::Query(_)) | Error::Internal(_) => "internal",
    }
}

fn heading_and_lead(t: &'static Messages, failed: &Error) -> (&'static str, &'static str) {
    match failed {
        Error::SignedOut => (t.signed_out_needed, ""),
        Error::Forbidden => (t.forbidden_heading, ""),
        Error::ProofNeeded => (t.fresh_heading, t.fresh_lead),
        Error::NotFound => (t.not_found_heading, t.not_found_lead),
        Error::MethodNotAllowed { .. } => (t.method_heading, t.method_lead),
        Error::ForgedForm => (t.forged_heading, t.forged_lead),
        Error::BadRequest
        | Error::AttemptUsed
        | Error::SignedOutThere
        | Error::TooLarge
        | Error::Timeout
        | Error::UnsupportedEncoding => (t.bad_request_heading, t.bad_request_lead),
        Error::Misdirected => (t.misdirected_heading, t.misdirected_lead),
        Error::LinkExpired => (t.link_expired_heading, t.link_expired_lead),
        Error::Overloaded => (t.busy_heading, t.cause_overloaded),
        Error::SignIn(_) => (t.sign_in_failed, ""),
        Error::Database(DatabaseError::Busy | DatabaseError::Down(_)) => {
            (t.busy_heading, t.busy_lead)
        }
        Error::Database(DatabaseError::Query(_)) | Error::Internal(_) => {
            (t.internal_heading, t.internal_lead)
        }
    }
}

/// The error page inside the portal, for people who are signed in.
#[derive(Template)]
#[template(path = "error_portal.html")]
struct PortalError<'a> {
    page: &'a Page<'a>,
    heading: &'static str,
    lead: &'static str,
    is_forbidden: bool,
    reference: &'a Reference,
}

/// The error page outside the portal, for everyone else and for our own failures.
#[derive(Template)]
#[template(path = "error_plain.html")]
struct PlainError<'a> {
    page: &'a Page<'a>,
    heading: &'static str,
    lead: &'static str,
    is_ours: bool,
    reference: &'a Reference,
}

#[derive(Template)]
#[template(path = "sign_in_failed.html")]
struct SignInFailed<'a> {
    page: &'a Page<'a>,
    heading: &'static str,
    lead: Lead<'a>,
    steps: Vec<&'static str>,
    step: &'static str,
    outcome: &'static str,
    /// The target and the label of the button.
    onward: (String, String),
    reference: &'a Reference,
}

#[derive(Template)]
#[template(path = "account_deactivated.html")]
struct Deactivated<'a> {
    page: &'a Page<'a>,
    username: &'a str,
    retry: String,
    logout_url: Option<&'a str>,
    reference: &'a Reference,
}

fn page(
    portal: &Portal,
    visit: &Visit,
    viewer: Option<&User>,
    status: StatusCode,
    failed: &Error,
    reference: &Reference,
) -> Result<HttpResponse> {
    let page = Page::new(portal, visit, viewer)?;
    if let Error::SignIn(error) = failed {
        return sign_in_page(&page, status, error);
    }
    let (heading, lead) = heading_and_lead(page.t, failed);
    let is_ours = status.is_server_error();
    if viewer.is_some() && !is_ours {
        page.respond(
            status,
            &PortalError {
                page: &page,
                heading,
                lead,
                is_forbidden: matches!(failed, Error::Forbidden),
                reference,
            },
        )
    } else {
        page.respond(
            status,
            &PlainError {
                page: &page,
                heading,
                lead,
                is_ours,
                reference,
            },
        )
    }
}

fn sign_in_page(page: &Page<'_>, status: StatusCode, error: &SignInError) -> Result<HttpResponse> {
    let begin = |prompt, provider: Option<&str>| {
        redirect::begin_address(page.portal, &error.next, prompt, provider)
    };
    if let Cause::Inactive { username } = &error.cause {
        let shown = Deactivated {
            page,
            username,
            // The provider still knows who was here, and might send back the same person without
            // asking.
            retry: begin(Prompt::Login, error.provider.as_deref()),
            logout_url: error.provider.as_deref().and_then(|id| page.logout_url(id)),
            reference: &error.reference,
        };
        return page.respond(status, &shown);
    }
    let t = page.t;
    let (lead, steps) = explain(t, &error.cause);
    let (heading, onward) = if error.is_linking {
        // Only that page has the link that starts the linking.
        let account = ("/account".to_owned(), t.back_to_account.to_owned());
        (t.linking_failed, account)
    } else {
        let retry = begin(Prompt::AsConfigured, error.provider.as_deref());
        (t.sign_in_failed, (retry, t.try_again.to_owned()))
    };
    let mut shown = SignInFailed {
        page,
        heading,
        lead,
        steps,
        step: step_in_words(t, error.step),
        outcome: reason_in_words(t, error.cause.reason()),
        onward,
        reference: &error.reference,
    };
    let name;
    if let Cause::KeptOut { by } = &error.cause {
        let first = page.portal.providers.find(by);
        name = first.map_or_else(|| by.clone(), |first| page.label_of(first));
        shown.heading = t.kept_out_heading;
        if let Some(first) = first {
            shown.onward = (
                begin(Prompt::AsConfigured, Some(by)),
                page.continue_with(first),
            );
            shown.lead = Lead::About(t.cause_kept_out, &name);
        } else {
            shown.steps = vec![t.step_ask_to_readmit];
            shown.lead = Lead::About(t.cause_kept_out_gone, &name);
        }
    }
    page.respond(status, &shown)
}

/// The first sentence of the page.
enum Lead<'a> {
    Plain(&'static str),
    /// Around a name.
    About(Around, &'a str),
}

/// Explains what happened and what the person can do.
fn explain<'a>(t: &'static Messages, cause: &'a Cause) -> (Lead<'a>, Vec<&'static str>) {
    let (plain, around) = (Lead::Plain, Lead::About);
    let wait = vec![t.step_wait, t.step_send_reference];
    let again = vec![t.step_try_again, t.step_send_reference];
    let tell = vec![t.step_tell_admin];
    match cause {
        Cause::UnknownAttempt => (
            plain(t.cause_unknown_attempt),
            vec![t.step_open_fresh, t.step_send_reference],
        ),
        Cause::RestartLoop => (
            plain(t.cause_restart_loop),
            vec![
                t.step_allow_cookies,
                t.step_open_fresh,
                t.step_send_reference,
            ],
        ),
        Cause::SignedOutThere => (plain(t.cause_signed_out_there), again),
        Cause::BadCallback | Cause::WrongIssuer => (plain(t.cause_bad_callback), again),
        Cause::Declined => (plain(t.cause_declined), again),
        Cause::CodeRefused => (plain(t.cause_code_refused), again),
        Cause::Inactive { username } => (around(t.deactivated_lead, username), tell),
        Cause::NameTaken { username } => (around(t.cause_name_taken, username), tell),
        Cause::NameReserved { username } => (around(t.cause_name_reserved, username), tell),
        Cause::NotAdmitted(why) => (
            plain(admission_in_words(t, *why)),
            vec![t.step_send_reference],
        ),
        Cause::IdentityTaken => (plain(t.cause_identity_taken), tell),
        // The page names the provider.
        Cause::KeptOut { .. } => (plain(""), vec![t.step_sign_in_there, t.step_ask_to_readmit]),
        Cause::NotLinkable => (plain(t.cause_not_linkable), vec![t.step_ask_to_link]),
        Cause::WrongPassword => (plain(t.wrong_password_lead), again),
        Cause::ProviderError(_)
        | Cause::NotOk
        | Cause::UnexpectedStatus(_)
        | Cause::TokenRefused => (plain(t.cause_provider_error), wait),
        Cause::ClientRefused => (plain(t.cause_client_refused), tell),
        Cause::Unreachable => (plain(t.cause_unreachable), wait),
        Cause::TooSlow => (plain(t.cause_too_slow), wait),
        Cause::Unreadable(_) => (plain(t.cause_unreadable), wait),
        Cause::BadMetadata(_) => (plain(t.cause_unreadable), tell),
        Cause::BadToken(_) => (plain(t.cause_bad_token), tell),
        Cause::Clock(_) => (plain(t.cause_clock), tell),
        Cause::Internal(_) => (plain(t.internal_lead), wait),
        Cause::BadProfile(_) => (plain(t.cause_bad_profile), tell),
        Cause::Overloaded => (plain(t.cause_overloaded), wait),
        Cause::DatabaseUnavailable => (plain(t.busy_lead), wait),
    }
}

/// Answers an address that does not exist, or a method that the address does not have.
pub async fn no_such_page(request: HttpRequest) -> Result<HttpResponse> {
    let portal = portal(&request)?;
    let mut allowed: Vec<&str> = Vec::new();
    let all = addresses();
    for address in &all {
        if matches(address.path, request.path()) {
            allowed.push(address.method.as_str());
            if address.method == Method::GET {
                allowed.push("HEAD");
            }
        }
    }
    if portal.providers.by_callback_path(request.path()).is_some() {
        allowed.push("GET");
    }
    if allowed.is_empty() {
        return Err(Error::NotFound);
    }
    let allow = allowed.join(", ");
    Err(Error::MethodNotAllowed { allow })
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let is_match = pattern.split('/').all(|expected| {
        parts
            .next()
            .is_some_and(|part| part == expected || (expected.starts_with('{') && !part.is_empty()))
    });
    is_match && parts.next().is_none()
}
