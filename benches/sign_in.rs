//! The cost of a sign-in for the server: CPU and throughput on each database, with a provider that
//! answers at once. Prints a table, and judges nothing.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench stops at a fault"
)]
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "the tests' harness"
)]

mod load;
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use load::{begin_all, cpu, finish_all};
use support::process::{self, Process, free_port};
use support::{Database, Provider, run};

const PEOPLE: u32 = 500;
const SIGN_INS: u32 = 4000;

fn main() {
    println!(
        "| database | calls | CPU a sign-in: begin | callback | together | sign-ins a second |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for asks_permissions in [false, true] {
        run(measure("SQLite", Database::sqlite(), asks_permissions));
        if let Some(database) = Database::postgresql() {
            run(measure("PostgreSQL", database, asks_permissions));
        }
    }
}

async fn measure(name: &str, database: Database, asks_permissions: bool) {
    let provider = Provider::start().await;
    let mut settings = process::settings(free_port(), &provider, &database);
    settings.insert("RUST_LOG".to_owned(), "info".to_owned());
    if asks_permissions {
        let address = format!("{}/public-api/current_user/all_permissions", provider.url);
        settings.insert("OAUTH2_USER_ALL_PERMISSIONS_URL".to_owned(), address);
    }
    let process = Process::serve(&settings).await;
    // Newcomers sign in once before the measurement, which is about people who return.
    finish_all(begin_all(&process.url, &provider, PEOPLE, PEOPLE).await).await;

    let before = cpu(process.id());
    let callbacks = begin_all(&process.url, &provider, SIGN_INS, PEOPLE).await;
    let begun = cpu(process.id());
    let started = Instant::now();
    finish_all(callbacks).await;
    let took = started.elapsed();
    let finished = cpu(process.id());

    let each = |from: Duration, to: Duration| (to.saturating_sub(from) / SIGN_INS).as_micros();
    println!(
        "| {name} | {} | {} us | {} us | {} us | {:.0} |",
        if asks_permissions { 3 } else { 2 },
        each(before, begun),
        each(begun, finished),
        each(before, finished),
        f64::from(SIGN_INS) / took.as_secs_f64(),
    );
}
