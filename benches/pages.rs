//! The CPU time and the memory that pages cost the server, the time to start, the size of the
//! program, and the time to refuse a wrong password. Prints tables, and judges nothing.
//!
//! `cargo bench --bench pages` measures everything; `cargo bench --bench pages -- cpu start`
//! measures some of `cpu`, `memory`, `start`, `size` and `passwords`.

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

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use reqwest::Client;

use load::{
    AT_ONCE, Running, Target, begin_all, children, cookies, cpu, finish_all, load, rss, send,
    sign_in,
};
use support::process::{self, client, free_port};
use support::{Database, Provider, run, until};

type Settings = BTreeMap<String, String>;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if let [first, port, file] = words.as_slice()
        && first == "bare"
    {
        bare(port, Path::new(file));
        return;
    }
    let wants = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    if wants("cpu") {
        run(cpu_a_request());
    }
    if wants("memory") {
        run(memory());
    }
    if wants("start") {
        run(start_to_first_answer());
    }
    if wants("size") {
        size();
    }
    if wants("passwords") {
        run(wrong_passwords());
    }
}

/// Settings as an operator would write them, with the default log.
fn settings(provider: &Provider, database: &Database) -> Settings {
    let mut settings = process::settings(free_port(), provider, database);
    let permissions = format!("{}/public-api/current_user/all_permissions", provider.url);
    settings.insert("OAUTH2_USER_ALL_PERMISSIONS_URL".to_owned(), permissions);
    settings.insert("RUST_LOG".to_owned(), "info".to_owned());
    settings
}

fn url(settings: &Settings) -> String {
    format!("http://{}", settings["FRONTDESK_LISTEN"])
}

fn spawn_portal(settings: &Settings) -> Running {
    Running::start(|folder| process::command(folder, &["serve"], settings))
}

/// A portal that is ready.
async fn portal(settings: &Settings) -> Running {
    let portal = spawn_portal(settings);
    portal
        .until_answers(&format!("{}/readyz", url(settings)))
        .await;
    portal
}

fn databases() -> Vec<(&'static str, Database)> {
    let mut databases = vec![("SQLite", Database::sqlite())];
    databases.extend(Database::postgresql().map(|database| ("PostgreSQL", database)));
    databases
}

/// The smallest of `times` that at least `percent` of them do not exceed.
fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

fn median(times: &[Duration]) -> Duration {
    percentile(times, 50)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn mib(kib: u32) -> f64 {
    f64::from(kib) / 1024.0
}

// CPU per request

const ROUNDS: usize = 3;
const WARM_UP: u32 = 800;
const REQUESTS: u32 = 16_000;
/// Django is slow enough with this many.
const DJANGO_REQUESTS: u32 = 1600;
const DJANGO_WORKERS: usize = 2;

/// The pages, and whether a signed-in person requests them.
const PAGES: &[(&str, bool)] = &[
    ("/", true),
    ("/account", true),
    ("/login", false),
    ("/healthz", false),
];

const BARE: &str = "bare actix-web";

/// One page of one server.
struct Row {
    page: &'static str,
    server: String,
    body: String,
    target: Target,
    processes: Vec<u32>,
    requests: u32,
    /// The CPU time per request in each round.
    rounds: Vec<Duration>,
}

impl Row {
    async fn new(
        page: &'static str,
        server: &str,
        target: Target,
        processes: Vec<u32>,
        requests: u32,
    ) -> Self {
        let answer = send(target.request(&client())).await;
        assert_eq!(answer.status, target.status, "{page}: {}", answer.body);
        load(&target, WARM_UP).await;
        Self {
            page,
            server: server.to_owned(),
            body: answer.body,
            target,
            processes,
            requests,
            rounds: Vec::new(),
        }
    }

    fn cpu(&self) -> Duration {
        self.processes.iter().map(|process| cpu(*process)).sum()
    }

    async fn measure(&mut self) {
        let before = self.cpu();
        load(&self.target, self.requests).await;
        let took = self.cpu().saturating_sub(before);
        self.rounds.push(took / self.requests);
    }

    fn print(&self, bare: Option<&Self>) {
        let each = median(&self.rounds).as_secs_f64();
        let ratio = bare.map_or_else(String::new, |bare| {
            format!("{:.1}", each / median(&bare.rounds).as_secs_f64())
        });
        println!(
            "| `{}` | {} | {} | {:.0} us | {ratio} |",
            self.page,
            self.server,
            self.body.len(),
            each * 1e6,
        );
    }
}

async fn cpu_a_request() {
    let provider = Provider::start().await;
    let mut rows: Vec<Row> = Vec::new();
    let mut running = Vec::new();
    let databases = databases();
    for (name, database) in &databases {
        let settings = settings(&provider, database);
        let portal = portal(&settings).await;
        rows.extend(portal_rows(name, &url(&settings), &provider, portal.id()).await);
        running.push(portal);
    }
    let mut bare = Vec::new();
    for row in rows.iter().take(PAGES.len()) {
        let (row, server) = bare_row(row).await;
        bare.push(row);
        running.push(server);
    }
    rows.extend(bare);
    let home = rows[0].body.len();
    let django = start_django(home).await;
    if let Ok((server, url)) = &django {
        rows.extend(django_rows(url, server.id()).await);
    }

    for _ in 0..ROUNDS {
        for row in &mut rows {
            row.measure().await;
        }
    }

    println!("\nCPU a request, {AT_ONCE} connections, median of {ROUNDS} rounds:\n");
    println!("| page | server | bytes | CPU a request | times the bare handler |");
    println!("| --- | --- | --- | --- | --- |");
    rows.sort_by_key(|row| {
        let place = PAGES.iter().position(|(page, _)| *page == row.page);
        place.unwrap_or(PAGES.len())
    });
    for row in &rows {
        let is_bare = |other: &&Row| other.server == BARE && other.page == row.page;
        row.print(rows.iter().find(is_bare));
    }
    match django {
        Ok(_) => println!(
            "\nDjango: gunicorn with {DJANGO_WORKERS} sync workers, without a log of requests; \
             each request comes over a connection of its own."
        ),
        Err(why) => println!("\nDjango is left out: {why}."),
    }
}

async fn portal_rows(name: &str, url: &str, provider: &Provider, process: u32) -> Vec<Row> {
    let cookie = sign_in(url, provider).await;
    let mut rows = Vec::new();
    for &(page, is_signed_in) in PAGES {
        let target = Target {
            url: format!("{url}{page}"),
            cookie: is_signed_in.then(|| cookie.clone()),
            status: 200,
        };
        let server = format!("Frontdesk, {name}");
        rows.push(Row::new(page, &server, target, vec![process], REQUESTS).await);
    }
    rows
}

/// Measures a handler that does nothing except send the same bytes for the same request.
async fn bare_row(like: &Row) -> (Row, Running) {
    let port = free_port();
    let server = Running::start(|folder| {
        let file = folder.join("page");
        fs::write(&file, &like.body).expect("a file");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg("bare").arg(port.to_string()).arg(file);
        command
    });
    let target = Target {
        url: format!("http://127.0.0.1:{port}/"),
        ..like.target.clone()
    };
    server.until_answers(&target.url).await;
    let row = Row::new(like.page, BARE, target, vec![server.id()], REQUESTS).await;
    (row, server)
}

/// Runs this program when it is called as `bare PORT FILE`.
fn bare(port: &str, file: &Path) {
    let port: u16 = port.parse().expect("a port");
    let body = Bytes::from(fs::read(file).expect("a page"));
    let server = HttpServer::new(move || {
        let body = body.clone();
        let page = move || {
            let body = body.clone();
            async move {
                HttpResponse::Ok()
                    .content_type("text/html; charset=utf-8")
                    .body(body)
            }
        };
        App::new().route("/", web::get().to(page))
    });
    actix_web::rt::System::new().block_on(async {
        let server = server.bind((Ipv4Addr::LOCALHOST, port)).expect("the port");
        server.run().await.expect("the bare server runs");
    });
}

/// Starts `benches/django/portal.py` behind gunicorn, or returns the reason why it cannot.
async fn start_django(page_bytes: usize) -> Result<(Running, String), &'static str> {
    let python = std::env::var("TEST_PYTHON").map_err(|_| "TEST_PYTHON names no Python")?;
    let has_gunicorn = Command::new(&python)
        .args(["-c", "import django, gunicorn"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has_gunicorn {
        return Err("TEST_PYTHON has no Django or no gunicorn");
    }
    let address = format!("127.0.0.1:{}", free_port());
    let url = format!("http://{address}");
    let workers = DJANGO_WORKERS.to_string();
    let server = Running::start(|folder| {
        let python = |arguments: &[&str]| {
            let mut command = Command::new(&python);
            command
                .args(arguments)
                .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/django"))
                .env("PORTAL_DATABASE", folder.join("portal.sqlite3"))
                .env("PORTAL_PAGE_BYTES", page_bytes.to_string())
                .env("PORTAL_SECRET_KEY", "of-this-bench-0123456789abcdefghijk")
                .env("PYTHONDONTWRITEBYTECODE", "1");
            command
        };
        let prepared = python(&["portal.py"]).status().expect("Python runs");
        assert!(prepared.success(), "Django's database is not prepared");
        python(&[
            "-m",
            "gunicorn",
            "-w",
            workers.as_str(),
            "-b",
            address.as_str(),
            "portal:application",
        ])
    });
    server
        .until_answers(&format!("{url}/login-as/person0"))
        .await;
    until("all of gunicorn's workers are there", async || {
        children(server.id()).len() == DJANGO_WORKERS
    })
    .await;
    Ok((server, url))
}

async fn django_rows(url: &str, master: u32) -> Vec<Row> {
    const SERVER: &str = "Django, SQLite";
    let sign_in = Target {
        url: format!("{url}/login-as/person0"),
        cookie: None,
        status: 302,
    };
    let signed_in = send(sign_in.request(&client())).await;
    let home = Target {
        url: format!("{url}/"),
        cookie: Some(cookies(&signed_in)),
        status: 200,
    };
    let workers = children(master);
    vec![
        Row::new("/", SERVER, home, workers.clone(), DJANGO_REQUESTS).await,
        Row::new("/login-as/NAME", SERVER, sign_in, workers, DJANGO_REQUESTS).await,
    ]
}

// Memory

const SESSIONS: u32 = 10_000;
const ACCOUNT_REQUESTS: u32 = 100_000;

async fn memory() {
    println!("\nMemory of the server's process (`VmRSS`):\n");
    println!(
        "| database | after the start | after {SESSIONS} people signed in | and {ACCOUNT_REQUESTS} requests of `/account` |"
    );
    println!("| --- | --- | --- | --- |");
    for (name, database) in databases() {
        let provider = Provider::start().await;
        let settings = settings(&provider, &database);
        let portal = portal(&settings).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let idle = rss(portal.id());

        let address = url(&settings);
        finish_all(begin_all(&address, &provider, SESSIONS, SESSIONS).await).await;
        assert_eq!(database.count("sessions"), i64::from(SESSIONS));
        let full = rss(portal.id());

        let account = Target {
            url: format!("{address}/account"),
            cookie: Some(sign_in(&address, &provider).await),
            status: 200,
        };
        load(&account, ACCOUNT_REQUESTS).await;
        println!(
            "| {name} | {:.1} MiB | {:.1} MiB | {:.1} MiB |",
            mib(idle),
            mib(full),
            mib(rss(portal.id())),
        );
    }
}

// Start to first answer

const STARTS: usize = 20;

async fn start_to_first_answer() {
    let provider = Provider::start().await;
    let migrated = Database::sqlite();
    let output = process::output(&["migrate"], &settings(&provider, &migrated));
    assert!(output.status.success(), "{}", process::text(&output.stderr));

    println!("\nFrom the start to the first answer of `/healthz`, {STARTS} starts:\n");
    println!("| database | median | worst |");
    println!("| --- | --- | --- |");
    for (name, is_new) in [("SQLite, migrated", false), ("SQLite, new", true)] {
        let times: Vec<Duration> = (0..STARTS)
            .map(|_| {
                let database = if is_new {
                    Database::sqlite()
                } else {
                    migrated.clone()
                };
                first_answer(&settings(&provider, &database))
            })
            .collect();
        println!(
            "| {name} | {:.1} ms | {:.1} ms |",
            ms(median(&times)),
            ms(percentile(&times, 100)),
        );
    }
}

fn first_answer(settings: &Settings) -> Duration {
    let address = &settings["FRONTDESK_LISTEN"];
    let started = Instant::now();
    // It is killed at the end of this function. Until then it has written nothing but its tables.
    let _portal = spawn_portal(settings);
    while !is_healthy(address) {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "the portal does not start"
        );
        std::thread::sleep(Duration::from_micros(100));
    }
    started.elapsed()
}

fn is_healthy(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    let _limit = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let request = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let mut start = [0; 12];
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_exact(&mut start).is_ok()
        && start == *b"HTTP/1.1 200"
}

// Size

fn size() {
    let bytes = fs::metadata(env!("CARGO_BIN_EXE_frontdesk"))
        .expect("the program")
        .len();
    let kib = u32::try_from(bytes.div_ceil(1024)).expect("a size");
    println!("\nThe binary has {:.1} MiB ({bytes} bytes).", mib(kib));
}

// Wrong passwords

/// Fewer tries per account than the portal accepts in 15 minutes, and one address per try.
const ACCOUNTS: u32 = 60;
const TRIES: u32 = 200;

async fn wrong_passwords() {
    let provider = Provider::start().await;
    let database = Database::sqlite();
    let mut settings = settings(&provider, &database);
    settings.insert(
        "FRONTDESK_TRUSTED_PROXIES".to_owned(),
        "127.0.0.1".to_owned(),
    );
    for number in 0..ACCOUNTS {
        create_account(&settings, &format!("known{number}"));
    }
    let _portal = portal(&settings).await;
    let portal = url(&settings);
    let client = client();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..TRIES {
        let account = number % ACCOUNTS;
        let visitor = 2 * number;
        known.push(wrong_password(&client, &portal, &format!("known{account}"), visitor).await);
        unknown
            .push(wrong_password(&client, &portal, &format!("nobody{account}"), visitor + 1).await);
    }

    println!("\nHow long the refusal of a wrong password takes, {TRIES} tries each:\n");
    println!("| username | median | 90th percentile |");
    println!("| --- | --- | --- |");
    for (name, times) in [("known", &known), ("unknown", &unknown)] {
        println!(
            "| {name} | {:.2} ms | {:.2} ms |",
            ms(median(times)),
            ms(percentile(times, 90)),
        );
    }
    println!(
        "\nDifference of the medians, known less unknown: {:+.2} ms.",
        ms(median(&known)) - ms(median(&unknown)),
    );
}

fn create_account(settings: &Settings, username: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["createsuperuser", username, "--password-stdin"];
    let mut child = process::command(folder.path(), &arguments, settings)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(b"plum-orchard-violin-73\n")
        .expect("written");
    drop(stdin);
    assert!(child.wait().expect("its end").success(), "{username}");
}

/// Types a wrong password as someone who was never here before. Returns the time until the answer.
async fn wrong_password(client: &Client, portal: &str, username: &str, visitor: u32) -> Duration {
    const FROM: &str = "x-forwarded-for";
    let address = Ipv4Addr::from(0x0A00_0001 + visitor).to_string();
    let login = format!("{portal}/login");
    let page = send(client.get(&login).header(FROM, &address)).await;
    let token = page.csrf_token();
    let fields = [
        ("csrf_token", token.as_str()),
        ("next", "/"),
        ("username", username),
        ("password", "nobody-has-this-password-91"),
    ];
    let request = client
        .post(&login)
        .header(FROM, &address)
        .header("origin", portal)
        .header("cookie", cookies(&page))
        .form(&fields);
    let started = Instant::now();
    let refused = send(request).await;
    let took = started.elapsed();
    assert_eq!(refused.status, 422, "{}", refused.body);
    took
}
