//! Shared parts of the benches: servers as separate processes, their CPU time and memory, people
//! who sign in, and load.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use tempfile::TempDir;

use crate::support::process::client;
use crate::support::{Answer, Person, Provider, spawn, until};

/// The connections of a load. Each has one request at a time.
pub const AT_ONCE: u16 = 16;

/// A server whose log goes to a file. It ends, with everything that it started, when this is
/// dropped.
pub struct Running {
    child: Child,
    folder: TempDir,
}

impl Running {
    /// Starts the command that `command` makes, given a folder for this process alone.
    pub fn start(command: impl FnOnce(&Path) -> Command) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = File::create(folder.path().join("log")).expect("a log");
        let child = command(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        Self { child, folder }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a GET of `url` is answered without an error.
    pub async fn until_answers(&self, url: &str) {
        let client = client();
        until("the server answers", async || {
            let answer = client.get(url).send().await;
            answer.is_ok_and(|answer| answer.status().as_u16() < 400)
        })
        .await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A master comes first, so that it does not replace its workers.
        let workers = children(self.id());
        let _gone = self.child.kill();
        let _status = self.child.wait();
        for worker in workers {
            let _gone = Command::new("kill")
                .args(["-KILL", &worker.to_string()])
                .stderr(Stdio::null())
                .status();
        }
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(20).collect();
            for line in last.iter().rev() {
                eprintln!("{line}");
            }
        }
    }
}

/// The user and system time of a process so far (proc(5), in hundredths of a second).
pub fn cpu(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux");
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    let ticks: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}

/// The memory of a process that is in RAM now, in KiB.
pub fn rss(process: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a running process");
    line.trim_end_matches("kB")
        .trim()
        .parse()
        .expect("a number")
}

/// The processes that a process has started and that are still running.
pub fn children(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    children
        .split_whitespace()
        .map(|child| child.parse().expect("a number"))
        .collect()
}

/// Sends a request and reads all of the answer.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        body: response.text().await.expect("a body"),
    }
}

/// The cookies that an answer sets, as a browser sends them back.
pub fn cookies(answer: &Answer) -> String {
    let set_cookies = answer.set_cookies();
    let pairs: Vec<&str> = set_cookies
        .iter()
        .filter_map(|cookie| cookie.split(';').next())
        .filter(|pair| {
            pair.split_once('=')
                .is_some_and(|(_, value)| !value.is_empty())
        })
        .collect();
    pairs.join("; ")
}

/// The request that a load repeats.
#[derive(Clone)]
pub struct Target {
    pub url: String,
    pub cookie: Option<String>,
    /// The status that each answer must have.
    pub status: u16,
}

impl Target {
    pub fn request(&self, client: &Client) -> RequestBuilder {
        let request = client.get(&self.url);
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }
}

/// Sends `requests` requests over kept connections, and ignores the content of the answers.
pub async fn load(target: &Target, requests: u32) {
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let target = target.clone();
            spawn(async move {
                // Each worker has its own client, so that there is one connection per worker.
                let client = client();
                for _ in 0..requests / u32::from(AT_ONCE) {
                    let answer = target.request(&client).send().await.expect("an answer");
                    assert_eq!(answer.status(), target.status);
                    answer.bytes().await.expect("a body");
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("a worker");
    }
}

/// A person at the provider, with three permissions.
fn person(number: u32) -> Person {
    Person::named(&format!("person{number}")).may(&["expenses.submit", "hr.leave", "travel.book"])
}

/// Begins one sign-in. Returns the callback address and the browser's binding.
async fn begin(
    client: &Client,
    portal: &str,
    provider: &Provider,
    number: u32,
) -> (String, String) {
    let answer = send(client.get(format!("{portal}/oauth2/login?next=/account"))).await;
    let callback = provider.approve(answer.location(), &person(number));
    (callback, cookies(&answer))
}

async fn finish(client: &Client, callback: &str, binding: &str) -> Answer {
    let answer = send(client.get(callback).header("cookie", binding)).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer
}

/// Begins `count` sign-ins of `people` people. Returns callback addresses, each with its browser's
/// binding.
pub async fn begin_all(
    portal: &str,
    provider: &Provider,
    count: u32,
    people: u32,
) -> Vec<(String, String)> {
    let client = client();
    let mut callbacks = Vec::new();
    for number in 0..count {
        callbacks.push(begin(&client, portal, provider, number % people).await);
    }
    callbacks
}

/// Finishes them, with as many at once as a load has connections.
pub async fn finish_all(callbacks: Vec<(String, String)>) {
    let client = client();
    let workers: Vec<_> = (0..usize::from(AT_ONCE))
        .map(|worker| {
            let client = client.clone();
            // They are dealt out in turn, so that those under way at one time belong to different
            // people.
            let mine: Vec<_> = callbacks
                .iter()
                .skip(worker)
                .step_by(usize::from(AT_ONCE))
                .cloned()
                .collect();
            spawn(async move {
                for (callback, binding) in mine {
                    finish(&client, &callback, &binding).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.expect("a worker");
    }
}

/// Signs in one person. Returns the cookies of their browser.
pub async fn sign_in(portal: &str, provider: &Provider) -> String {
    let client = client();
    let (callback, binding) = begin(&client, portal, provider, 0).await;
    cookies(&finish(&client, &callback, &binding).await)
}
