//! Tests that act as people do: through HTTP, against the real server.

mod support;

mod accounts;
mod attempts;
mod house;
mod provider_calls;
mod sessions;
