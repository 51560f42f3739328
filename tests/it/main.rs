//! Tests that act as people do: through HTTP, against the real server.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

mod access;
mod accounts;
mod actors;
mod acts;
mod adding_providers;
mod admin_apps;
mod admin_in_chromium;
mod apps_crawl;
mod apps_story_in_chromium;
mod architecture;
mod chromium;
mod cli_apps;
mod commands;
mod conformance;
mod demo;
mod dialects;
mod django;
mod exports;
mod fairness;
mod faults;
mod fuzz;
mod gallery;
mod import_django;
mod leavers;
mod lists;
mod lost_rights;
mod lying_openid;
mod migrations;
mod openers;
mod pages;
mod passwords;
mod proof;
mod provider_calls;
mod providers;
mod proxies;
// `make test` compiles in the failpoints that they need.
#[cfg(feature = "failpoints")]
mod races;
mod real_openid;
mod rechecks;
mod requests;
mod revocations;
mod sessions;
mod shared_computers;
mod sign_in_attempts;
mod slow_requests;
mod start_page;
mod start_page_in_chromium;
mod vouching;
mod weak_keys;
mod webhooks;
