//! Frontdesk: the sign-in front desk of a company.
//!
//! Employees sign in with the company's own provider. Their account is created at the first sign-in
//! and synced at every later one. Admins see who has access.
//!
//! # The map
//!
//! Imports only point upwards in this list; a test checks it. Functions that take a [`db::Conn`]
//! fail if the database does; their documentation names only their other errors.
//!
//! | rank | what | modules |
//! | --- | --- | --- |
//! | words | know nothing of the rest | [`clock`] [`client_network`] [`csv`] [`secret`] [`id`] [`local_path`] [`text`] [`coded`] [`reason`] [`error`] [`i18n`] |
//! | ground | settings, log, database | [`branding`] [`config`] [`logging`] [`db`] [`paging`] [`failpoint`] |
//! | nouns | type, rules and queries of one thing | [`users`] [`passwords`] [`permissions`] [`apps`] [`access_requests`] [`roles`] [`sessions`] [`audit`] [`sign_in_attempts`] [`password_throttle`] [`oauth`] [`import_django`] [`status_page`] [`webhooks`] |
//! | portal | what all requests share, and what runs beside them | [`portal`] [`jobs`] |
//! | verbs | one function, one transaction, one event | [`identity_sync`] [`signin`] [`signout`] [`recheck`] [`leaving`] [`instances`] [`admin`] [`access`] [`rekey`] |
//! | screens | HTTP and HTML | [`web`] |
//! | | the server; the demo's stand-in provider | [`server`] [`sandbox`] |
//! | | the commands | [`cli`] |
//!
//! # One sign-in
//!
//! `GET /oauth2_callback/` → `web::signin::finish` → [`signin::finish`] → [`oauth::Provider`]
//! (token call; ID token; userinfo, profile and permissions side by side) → one transaction
//! ([`users`], [`permissions`], [`sessions`], [`audit`]) → the session cookie → 303 to the page
//! that the person asked for.

pub mod access;
pub mod access_requests;
pub mod admin;
pub mod apps;
pub mod audit;
mod branding;
pub mod cli;
mod client_network;
pub mod clock;
mod coded;
pub mod config;
mod csv;
pub mod db;
pub mod error;
pub mod failpoint;
mod i18n;
pub mod id;
mod identity_sync;
mod import_django;
mod instances;
mod jobs;
mod leaving;
pub mod local_path;
pub mod logging;
pub mod oauth;
pub mod paging;
mod password_throttle;
pub mod passwords;
pub mod permissions;
pub mod portal;
pub mod reason;
mod recheck;
pub mod rekey;
pub mod roles;
mod sandbox;
pub mod secret;
pub mod sessions;
mod sign_in_attempts;
pub mod signin;
mod signout;
mod status_page;
pub mod text;
pub mod users;
pub mod web;
mod webhooks;

mod server;

pub use server::Server;
