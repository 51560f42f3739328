//! The demo's stand-in for a company's OAuth2 provider: a dozen people, no passwords. It speaks to
//! the portal only over HTTP, and only the command `demo` starts it. Before that, the month of the
//! company's life that the portal shows is written into its database.

mod acts;
mod colleagues;
mod company_apps;
mod dice;
pub mod life;
mod timetable;

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION,
};
use actix_web::web::{self, Data, Form, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use askama::Template;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::error::{Error, Result};
use crate::i18n::Lang;
use crate::i18n::messages::Messages;
use crate::secret::{Secret, random_token, sha256};

pub const CLIENT_ID: &str = "frontdesk-demo";

/// A person at the stand-in provider.
struct Person {
    name: &'static str,
    name_cn: &'static str,
    has_email: bool,
    permissions: &'static [(&'static str, &'static str)],
    is_active: bool,
}

const EVERYBODY: &[(&str, &str)] = &[
    ("expenses.submit", "Submit expenses"),
    ("hr.leave", "Ask for leave"),
];

const PEOPLE: &[Person] = &[
    person(
        "linxiaoyu",
        "林晓雨",
        &[
            ("dev.git", "Use the source code"),
            ("expenses.submit", "Submit expenses"),
            ("frontdesk.admin", "Administer the portal"),
            ("hr.leave", "Ask for leave"),
        ],
    ),
    person(
        "wangjianguo",
        "王建国",
        &[
            ("expenses.submit", "Submit expenses"),
            ("frontdesk.staff", "Look at the portal's accounts"),
            ("hr.leave", "Ask for leave"),
        ],
    ),
    person("chengruotong", "程若彤", &[]),
    person(
        "zhouwenbo",
        "周文博",
        &[
            ("expenses.submit", "Submit expenses"),
            ("hr.leave", "Ask for leave"),
            ("reports.sales.read", "Read sales reports"),
            ("travel.book", "Book travel"),
        ],
    ),
    person("amelia.hart", "Amelia Hart", EVERYBODY),
    person("benoit.lefevre", "Benoît Lefèvre", EVERYBODY),
    person(
        "siobhan.obrien",
        "Siobhán O’Brien",
        &[("hr.manage", "Manage people's records")],
    ),
    person("ayiguli", "阿依古丽·买买提", EVERYBODY),
    person(
        "zhangyating",
        "张雅婷",
        &[("parts.read", "Read the parts catalogue")],
    ),
    person(
        "ouyangna",
        "欧阳娜",
        &[
            ("finance.pay", "Release payments"),
            ("finance.read", "Read the books"),
        ],
    ),
    Person {
        has_email: false,
        ..person("robot-7", "🤖 七号", &[])
    },
    Person {
        is_active: false,
        ..person("liuzihan", "刘子涵", EVERYBODY)
    },
];

const fn person(
    name: &'static str,
    name_cn: &'static str,
    permissions: &'static [(&'static str, &'static str)],
) -> Person {
    Person {
        name,
        name_cn,
        has_email: true,
        permissions,
        is_active: true,
    }
}

impl Person {
    fn email(&self) -> Option<String> {
        self.has_email
            .then(|| format!("{}@qinghe.example", self.name))
    }

    fn codenames(&self) -> impl Iterator<Item = &'static str> {
        self.permissions.iter().map(|(codename, _)| *codename)
    }

    fn find(name: &str) -> Option<&'static Self> {
        PEOPLE.iter().find(|person| person.name == name)
    }
}

/// Usernames and the use of each, for the demo's greeting.
pub fn introductions() -> Vec<(&'static str, &'static str, &'static str)> {
    vec![
        ("林晓雨", "linxiaoyu", "an admin"),
        ("王建国", "wangjianguo", "a read-only admin"),
        ("程若彤", "chengruotong", "has no permissions yet"),
        ("Amelia Hart", "amelia.hart", "an employee"),
        ("周文博", "zhouwenbo", "decides who may use two of the apps"),
        ("刘子涵", "liuzihan", "disabled at the provider"),
    ]
}

/// The stand-in's own state.
pub struct Platform {
    client_secret: Secret<String>,
    redirect_url: String,
    portal: String,
    codes: Mutex<HashMap<String, Grant>>,
    tokens: Mutex<HashMap<String, &'static Person>>,
}

struct Grant {
    person: &'static Person,
    code_challenge: String,
}

/// The most codes or tokens that are kept, more than a demo needs. Then all are forgotten.
const MAX_KEPT: usize = 1000;

/// Serves the stand-in on `listener` until the future is dropped.
pub fn start(
    listener: TcpListener,
    client_secret: Secret<String>,
    redirect_url: String,
    portal: String,
) -> Result<actix_web::dev::Server> {
    let platform = Data::new(Platform {
        client_secret,
        redirect_url,
        portal,
        codes: Mutex::default(),
        tokens: Mutex::default(),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(platform.clone())
            .route("/", web::get().to(home))
            .route("/style.css", web::get().to(style))
            .route("/o/authorize/", web::get().to(authorize))
            .route("/o/authorize/as", web::get().to(decide))
            .route("/o/logout/", web::get().to(logged_out))
            // As a resource, it answers 405 to the status page's GET, as providers do.
            .service(web::resource("/o/token/").post(token))
            .route(
                "/public-api/current_user/base_info",
                web::get().to(base_info),
            )
            .route(
                "/public-api/current_user/all_permissions",
                web::get().to(all_permissions),
            )
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(listener)
    .map_err(|error| Error::Internal(format!("the stand-in provider: {error}")))?;
    Ok(server.run())
}

fn messages(request: &HttpRequest) -> (&'static Messages, &'static str) {
    let header = request.headers().get(ACCEPT_LANGUAGE);
    let lang = header.and_then(|value| Lang::from_accept_language(value.to_str().ok()?));
    let lang = lang.unwrap_or_default();
    (lang.messages(), lang.tag())
}

fn html(status: StatusCode, template: &impl Template) -> HttpResponse {
    const POLICY: &str = "default-src 'none'; style-src 'self'";
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(template.render().unwrap_or_default())
}

async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .body(include_str!("../static/style.css"))
}

#[derive(Template)]
#[template(path = "sandbox/message.html")]
struct MessagePage<'a> {
    t: &'static Messages,
    lang: &'static str,
    text: &'a str,
    link: &'a str,
    link_text: &'a str,
}

/// A page with one sentence and the way to the portal.
fn to_portal(
    status: StatusCode,
    request: &HttpRequest,
    platform: &Platform,
    text: fn(&Messages) -> &'static str,
) -> HttpResponse {
    let (t, lang) = messages(request);
    let page = MessagePage {
        t,
        lang,
        text: text(t),
        link: &platform.portal,
        link_text: t.sandbox_to_portal,
    };
    html(status, &page)
}

async fn home(request: HttpRequest, platform: Data<Platform>) -> HttpResponse {
    to_portal(StatusCode::OK, &request, &platform, |t| t.sandbox_home)
}

async fn logged_out(request: HttpRequest, platform: Data<Platform>) -> HttpResponse {
    to_portal(StatusCode::OK, &request, &platform, |t| {
        t.sandbox_logged_out
    })
}

fn unknown_request(request: &HttpRequest, platform: &Platform) -> HttpResponse {
    let status = StatusCode::BAD_REQUEST;
    to_portal(status, request, platform, |t| t.sandbox_bad_request)
}

/// The parameters of an authorization request (RFC 6749 4.1.1, RFC 7636 4.3).
#[derive(Deserialize)]
struct Authorize {
    response_type: Option<String>,
    client_id: Option<String>,
    redirect_uri: Option<String>,
    state: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    /// The person who was picked; `None` means declined.
    #[serde(rename = "as")]
    picked: Option<String>,
}

impl Authorize {
    fn is_known(&self, platform: &Platform) -> bool {
        self.response_type.as_deref() == Some("code")
            && self.client_id.as_deref() == Some(CLIENT_ID)
            && self.redirect_uri.as_deref() == Some(&platform.redirect_url)
            && self.code_challenge_method.as_deref() == Some("S256")
            && self.code_challenge.is_some()
    }

    fn back(&self, platform: &Platform, name: &str, value: &str) -> Option<String> {
        let mut url = Url::parse(&platform.redirect_url).ok()?;
        let mut query = url.query_pairs_mut();
        query.append_pair(name, value);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        drop(query);
        Some(url.into())
    }
}

/// A person who can be picked.
struct Choice {
    name: &'static str,
    name_cn: &'static str,
    permissions: String,
    is_active: bool,
    link: String,
}

#[derive(Template)]
#[template(path = "sandbox/authorize.html")]
struct AuthorizePage {
    t: &'static Messages,
    lang: &'static str,
    people: Vec<Choice>,
    decline: String,
}

async fn authorize(
    request: HttpRequest,
    platform: Data<Platform>,
    asked: Query<Authorize>,
) -> HttpResponse {
    if !asked.is_known(&platform) {
        return unknown_request(&request, &platform);
    }
    let (t, lang) = messages(&request);
    let link = |picked: &str| format!("/o/authorize/as?as={picked}&{}", request.query_string());
    let people = PEOPLE
        .iter()
        .map(|person| Choice {
            name: person.name,
            name_cn: person.name_cn,
            permissions: person.codenames().collect::<Vec<_>>().join(", "),
            is_active: person.is_active,
            link: link(person.name),
        })
        .collect();
    let page = AuthorizePage {
        t,
        lang,
        people,
        decline: link(""),
    };
    html(StatusCode::OK, &page)
}

async fn decide(
    request: HttpRequest,
    platform: Data<Platform>,
    asked: Query<Authorize>,
) -> HttpResponse {
    if !asked.is_known(&platform) {
        return unknown_request(&request, &platform);
    }
    let to = match asked.picked.as_deref().unwrap_or_default() {
        "" => asked.back(&platform, "error", "access_denied"),
        name => match (Person::find(name), random_token()) {
            (Some(person), Ok(code)) if person.is_active => {
                let grant = Grant {
                    person,
                    code_challenge: asked.code_challenge.clone().unwrap_or_default(),
                };
                keep(&platform.codes, code.clone(), grant);
                asked.back(&platform, "code", &code)
            }
            (Some(_), Ok(_)) => return refused(&request),
            _ => None,
        },
    };
    match to {
        Some(to) => HttpResponse::SeeOther()
            .insert_header((LOCATION, to))
            .finish(),
        None => unknown_request(&request, &platform),
    }
}

/// The page for a person who is disabled at the stand-in, with the way back to the others.
fn refused(request: &HttpRequest) -> HttpResponse {
    let (t, lang) = messages(request);
    let page = MessagePage {
        t,
        lang,
        text: t.sandbox_refused,
        link: &format!("/o/authorize/?{}", without_choice(request.query_string())),
        link_text: t.sandbox_back,
    };
    html(StatusCode::FORBIDDEN, &page)
}

/// The query of the authorize address, without the person who was picked.
fn without_choice(query: &str) -> String {
    let kept = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "as");
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .finish()
}

fn locked<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep<T>(kept: &Mutex<HashMap<String, T>>, key: String, value: T) {
    let mut kept = locked(kept);
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(key, value);
}

/// The parameters of a token request (RFC 6749 4.1.3).
#[derive(Deserialize)]
struct TokenRequest {
    grant_type: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    code_verifier: Option<String>,
}

async fn token(platform: Data<Platform>, asked: Form<TokenRequest>) -> HttpResponse {
    let is_client = asked.client_id.as_deref() == Some(CLIENT_ID)
        && asked.client_secret.as_ref() == Some(platform.client_secret.expose());
    if !is_client {
        return HttpResponse::Unauthorized().json(json!({"error": "invalid_client"}));
    }
    let code = asked.code.as_ref();
    let grant = code.and_then(|code| locked(&platform.codes).remove(code));
    let verifier = asked.code_verifier.as_deref().unwrap_or_default();
    let grant = grant.filter(|grant| {
        asked.grant_type.as_deref() == Some("authorization_code")
            && asked.redirect_uri.as_deref() == Some(&platform.redirect_url)
            && grant.code_challenge == sha256(verifier.as_bytes())
    });
    let (Some(grant), Ok(token)) = (grant, random_token()) else {
        return HttpResponse::BadRequest().json(json!({"error": "invalid_grant"}));
    };
    keep(&platform.tokens, token.clone(), grant.person);
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600}))
}

fn bearer(request: &HttpRequest, platform: &Platform) -> Option<&'static Person> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let token = header.strip_prefix("Bearer ")?;
    locked(&platform.tokens).get(token).copied()
}

async fn base_info(request: HttpRequest, platform: Data<Platform>) -> HttpResponse {
    let Some(person) = bearer(&request, &platform) else {
        return HttpResponse::Forbidden().finish();
    };
    let mut profile = json!({"name": person.name, "name_cn": person.name_cn, "department": "R&D"});
    if let (Some(email), Some(profile)) = (person.email(), profile.as_object_mut()) {
        profile.insert("email".to_owned(), email.into());
    }
    HttpResponse::Ok().json(profile)
}

async fn all_permissions(request: HttpRequest, platform: Data<Platform>) -> HttpResponse {
    let Some(person) = bearer(&request, &platform) else {
        return HttpResponse::Forbidden().finish();
    };
    let permissions = person.permissions.iter();
    let permissions =
        permissions.map(|(codename, name)| json!({"codename": codename, "name": name}));
    HttpResponse::Ok().json(json!({"permissions": permissions.collect::<Vec<_>>()}))
}
