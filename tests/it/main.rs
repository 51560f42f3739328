//! Tests that act as people do: through HTTP, against the real server.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

mod accounts;
mod acts;
mod admin_in_chromium;
mod attempts;
mod chromium;
mod commands;
mod conformance;
mod dialects;
mod django;
mod faults;
mod fuzz;
mod gallery;
mod house;
mod import_django;
mod leavers;
mod lists;
mod migrations;
mod oidc;
mod openid;
mod pages;
mod passwords;
mod provider_calls;
mod providers;
mod proxies;
mod races;
mod requests;
mod sessions;
