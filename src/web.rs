//! Every address and the order of the middleware, on one screen.
//!
//! A request passes through [`outermost`] (log line, panics, error pages, headers, the body's
//! deadline) → session cookie → [`visit`] (who is asking, in which language) → the handler's
//! extractors ([`guard`], [`csrf`]) → the handler → a verb or a query → a template.

mod access;
mod account;
mod account_notice;
mod admin;
mod app_images;
mod assets;
mod backchannel;
mod body;
mod client_address;
mod codes_in_words;
mod confirmation_password_link;
pub mod connection;
mod cookie;
mod csrf;
mod device;
mod error_pages;
mod guard;
mod headers;
mod health;
mod home;
mod host;
mod list;
mod outermost;
mod page;
mod password;
mod password_link;
mod preferences;
mod proof;
mod provider_buttons;
mod redirect;
mod rehearsal;
mod requests;
mod rescue;
mod rows;
mod rule_in_words;
mod signed_out;
mod signin;
mod tiles;
mod timeline;
mod visit;

use std::sync::Arc;

use actix_web::Route;
use actix_web::guard as request_guard;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self as routing, Data, ServiceConfig};

use crate::admin::ActKind;
use crate::portal::Portal;

/// The people who may open an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Public,
    /// Everyone who is signed in.
    SignedIn,
    /// `is_staff`
    Staff,
    /// `is_superuser`
    Superuser,
    /// Superusers, and the owners of apps.
    Decider,
}

/// An address of the portal. Tests walk all of them.
#[derive(Clone, Debug)]
pub struct Address {
    pub method: Method,
    /// Contains `{names}` for the parts that vary.
    pub path: &'static str,
    pub access: Access,
}

/// The possible values of `{act}` in an address.
pub fn acts() -> impl Iterator<Item = &'static str> {
    ActKind::ALL.iter().map(|kind| kind.code())
}

/// Declares each address once: for the router, for "method not allowed", and for the tests.
macro_rules! addresses {
    ($( $access:ident $method:ident $path:literal => $handler:path; )*) => {
        /// All addresses that the session cookie reaches. The callback is missing, because its path
        /// is a setting.
        pub fn addresses() -> Vec<Address> {
            vec![$( Address {
                method: Method::$method,
                path: $path,
                access: Access::$access,
            }, )*]
        }

        fn register(config: &mut ServiceConfig) {
            $( config.route($path, route_of(Method::$method).to($handler)); )*
        }
    };
}

addresses! {
    SignedIn GET  "/"                             => home::show;
    Public   GET  "/login"                        => signin::show;
    Public   POST "/login"                        => signin::with_password;
    Public   GET  "/oauth2/login"                 => signin::begin;
    Public   POST "/logout"                       => signin::sign_out;
    Public   GET  "/signed-out"                   => signed_out::show;
    Public   GET  "/signed-out/provider"          => signed_out::at_provider;
    SignedIn GET  "/account"                      => account::show;
    SignedIn POST "/account/sessions/{id}/end"    => account::end_session;
    SignedIn POST "/account/sessions/end-others"  => account::end_other_sessions;
    SignedIn GET  "/account/password"             => password::show;
    SignedIn POST "/account/password"             => password::change;
    SignedIn GET  "/confirm"                      => proof::show;
    SignedIn POST "/confirm"                      => proof::confirm;
    SignedIn GET  "/confirmation"                 => confirmation_password_link::show;
    SignedIn POST "/confirmation"                 => confirmation_password_link::set;
    Public   GET  "/rescue"                       => rescue::show;
    Public   POST "/rescue"                       => rescue::sign_in;
    Public   POST "/preferences"                  => preferences::save;
    Public   GET  "/password"                     => password_link::show;
    Public   POST "/password"                     => password_link::choose;
    SignedIn GET  "/account/timeline"             => account::timeline;
    SignedIn POST "/apps/{key}/star"              => home::star;
    SignedIn POST "/apps/tab"                     => home::choose_tab;
    SignedIn GET  "/access"                       => access::list;
    SignedIn GET  "/access/{key}"                 => access::show;
    SignedIn POST "/access/{key}"                 => access::ask;
    SignedIn POST "/access/{key}/withdraw"        => access::withdraw;
    SignedIn POST "/access/{key}/give-back"       => access::give_back;
    SignedIn POST "/account/outcomes/seen"        => access::note_seen;
    Decider  GET  "/requests"                     => requests::list;
    Superuser POST "/requests.csv"                => admin::export::requests;
    Decider  GET  "/requests/{id}"                => requests::show;
    Decider  POST "/requests/{id}"                => requests::act;
    Decider  GET  "/requests/take-back/{key}/{id}" => requests::confirm_take_back;
    Decider  POST "/requests/take-back/{key}/{id}" => requests::take_back;

    Staff     GET  "/admin/users"                  => admin::users::list;
    Superuser POST "/admin/users.csv"              => admin::export::users;
    Superuser GET  "/admin/users/new"              => admin::new_user::show;
    Superuser POST "/admin/users/new"              => admin::new_user::create;
    Superuser POST "/admin/users/bulk"             => admin::bulk::confirm;
    Superuser POST "/admin/users/bulk/confirm"     => admin::bulk::perform;
    Staff     GET  "/admin/users/{id}"             => admin::user::show;
    Staff     POST "/admin/users/{id}/start-page"  => admin::start_page::show;
    Superuser GET  "/admin/users/{id}/{act}"       => admin::act::confirm;
    Superuser POST "/admin/users/{id}/{act}"       => admin::act::perform;
    Staff     GET  "/admin/sessions"               => admin::sessions::list;
    Superuser POST "/admin/sessions.csv"           => admin::export::sessions;
    Superuser GET  "/admin/sessions/end"           => admin::sessions::confirm_end;
    Superuser POST "/admin/sessions/end"           => admin::sessions::end;
    Staff     GET  "/admin/audit"                  => admin::audit::list;
    Superuser POST "/admin/audit.csv"              => admin::export::audit;
    Staff     GET  "/admin/status"                 => admin::status::show;
    Superuser POST "/admin/status/refusals"        => admin::status::confirm_refusals;
    Superuser POST "/admin/status/webhooks/{hook}/test" => admin::webhooks::test;
    Staff     GET  "/admin/apps/{key}/people"      => admin::app_people::list;
    Superuser POST "/admin/apps/{key}/people.csv"  => admin::app_people::export;

    Staff     GET  "/admin/apps"                         => admin::apps::list::show;
    Superuser GET  "/admin/apps/new"                     => admin::apps::form::show_new;
    Superuser POST "/admin/apps/new"                     => admin::apps::form::add;
    Staff     GET  "/admin/apps/categories"              => admin::apps::categories::show;
    Superuser POST "/admin/apps/categories"              => admin::apps::categories::add;
    Superuser POST "/admin/apps/categories/{id}"         => admin::apps::categories::rename;
    Superuser POST "/admin/apps/categories/{id}/move"    => admin::apps::categories::step;
    Superuser GET  "/admin/apps/categories/{id}/remove"  => admin::apps::categories::confirm_remove;
    Superuser POST "/admin/apps/categories/{id}/remove"  => admin::apps::categories::remove;
    Staff     GET  "/admin/apps/{key}"                   => admin::apps::form::show;
    Superuser POST "/admin/apps/{key}"                   => admin::apps::form::save;
    Superuser POST "/admin/apps/{key}/move"              => admin::apps::list::step;
    Superuser GET  "/admin/apps/{key}/image"             => admin::apps::image::show;
    Superuser POST "/admin/apps/{key}/image"             => admin::apps::image::upload;
    Superuser POST "/admin/apps/{key}/image/remove"      => admin::apps::image::remove;
    Superuser GET  "/admin/apps/{key}/remove"            => admin::apps::remove::confirm;
    Superuser POST "/admin/apps/{key}/remove"            => admin::apps::remove::perform;
}

/// Servers, rather than our own pages, send a body to this address.
const BACKCHANNEL_LOGOUT: &str = "/oidc/backchannel-logout/{provider}";
const BEGIN_BY_FORM: &str = "/oauth2/login";

/// The paths of all addresses that accept a body.
pub fn paths_with_a_body() -> Vec<&'static str> {
    let all = addresses();
    let forms = all.iter().filter(|address| address.method == Method::POST);
    let mut paths: Vec<&'static str> = forms.map(|address| address.path).collect();
    paths.extend([BACKCHANNEL_LOGOUT, BEGIN_BY_FORM]);
    paths
}

/// HEAD is answered wherever GET is (RFC 9110 9.3.2).
fn route_of(method: Method) -> Route {
    if method == Method::GET {
        routing::route().guard(request_guard::Any(request_guard::Get()).or(request_guard::Head()))
    } else {
        routing::method(method)
    }
}

/// Configures an actix-web `App` as the whole portal.
pub fn configure(portal: &Arc<Portal>) -> impl FnOnce(&mut ServiceConfig) + use<> {
    let portal = Arc::clone(portal);
    move |config| {
        let callbacks: Vec<String> = portal
            .providers
            .all()
            .iter()
            .map(|provider| provider.settings().callback_path.clone())
            .collect();
        let cookies = cookie::session_middleware(&portal);
        config.app_data(Data::from(Arc::clone(&portal))).service(
            routing::scope("")
                .wrap(from_fn(outermost::wrap))
                // These have no session: nothing here may depend on a cookie, and pages without a
                // database need the files.
                .route("/healthz", route_of(Method::GET).to(health::healthz))
                .route("/readyz", route_of(Method::GET).to(health::readyz))
                // A server calls this one, without cookies.
                .route(BACKCHANNEL_LOGOUT, routing::post().to(backchannel::receive))
                .route("/static/{name}", route_of(Method::GET).to(assets::show))
                // This one alone reads the database: anybody may have an icon by its hash.
                .route(
                    "/app-images/{hash}",
                    route_of(Method::GET).to(app_images::show),
                )
                .service(
                    routing::scope("")
                        .wrap(from_fn(outermost::note_session))
                        .wrap(cookies)
                        .configure(register)
                        .configure(|config| {
                            for path in callbacks {
                                config.route(&path, routing::get().to(signin::finish));
                            }
                        })
                        // Other sites' pages send this form, and it changes nothing here.
                        .route(BEGIN_BY_FORM, routing::post().to(signin::begin_by_form))
                        .default_service(routing::to(error_pages::no_such_page)),
                ),
        );
    }
}
