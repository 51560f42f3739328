//! What a sign-in costs the server: CPU and throughput, on each database, against a provider that
//! answers at once. Prints a table; judges nothing.

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

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::process::{self, Process, client, free_port};
use support::{Database, Person, Provider, run, spawn};

const PEOPLE: u32 = 500;
const SIGN_INS: u32 = 4000;
const AT_ONCE: usize = 16;

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
    // Newcomers once, so that what is measured is people who come again.
    finish_all(begin_all(&process, &provider, PEOPLE).await).await;

    let before = cpu(process.id());
    let callbacks = begin_all(&process, &provider, SIGN_INS).await;
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

/// Callback addresses, each with its browser's binding.
async fn begin_all(process: &Process, provider: &Provider, count: u32) -> Vec<(String, String)> {
    let client = client();
    let mut callbacks = Vec::new();
    for number in 0..count {
        let answer = client
            .get(format!("{}/oauth2/login?next=/account", process.url))
            .send()
            .await
            .expect("an answer");
        let binding = answer.headers()["set-cookie"].to_str().expect("ASCII");
        let binding = binding.split(';').next().unwrap_or_default().to_owned();
        let authorize_url = answer.headers()["location"].to_str().expect("ASCII");
        let person = Person::named(&format!("person{}", number % PEOPLE)).may(&[
            "expenses.submit",
            "hr.leave",
            "travel.book",
        ]);
        callbacks.push((provider.approve(authorize_url, &person), binding));
    }
    callbacks
}

async fn finish_all(callbacks: Vec<(String, String)>) {
    let client = client();
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|worker| {
            let client = client.clone();
            let mine: Vec<_> = callbacks
                .iter()
                .skip(worker)
                .step_by(AT_ONCE)
                .cloned()
                .collect();
            spawn(async move {
                for (callback, binding) in mine {
                    let answer = client
                        .get(callback)
                        .header("cookie", binding)
                        .send()
                        .await
                        .expect("an answer");
                    assert_eq!(answer.status(), 303);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("a worker");
    }
}

/// User and system time of a process so far (proc(5), in hundredths of a second).
fn cpu(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux");
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    let ticks: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}
