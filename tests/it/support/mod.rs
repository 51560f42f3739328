//! The harness: a portal under test, a provider that does what it is told, browsers, and a recorder
//! that checks every answer of every test.

pub mod apps;
pub mod browser;
pub mod database;
pub mod django;
pub mod log;
pub mod lying_openid;
pub mod people;
pub mod portal;
pub mod process;
pub mod provider;
pub mod real_openid;
pub mod receiver;
pub mod recorder;
pub mod standin;
pub mod webdriver;

use std::future::Future;
use std::io::Write as _;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

pub use browser::{Answer, Browser};
pub use database::Database;
pub use lying_openid::OpenId;
pub use people::Db;
pub use portal::Portal;
pub use provider::{Endpoint, Person, Provider, Reply};
pub use receiver::{Receiver, Says};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
});

/// Runs a test on the runtime that all clients and providers share.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    RUNTIME.block_on(test)
}

/// Starts a task that runs beside the test.
pub fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    RUNTIME.spawn(task)
}

/// Says, once for each `need`, that tests are left out because it is missing. Fails if all tests
/// must run.
pub fn left_out(need: &'static str) {
    static SAID: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    assert!(
        std::env::var("TEST_ALL").is_err(),
        "this run must have {need}"
    );
    let mut said = SAID.lock().expect("what was said");
    if !said.contains(&need) {
        said.push(need);
        // This bypasses the capture of what passing tests print.
        let line = format!("left out: tests that need {need}, which `make test` brings\n");
        let _closed = std::io::stderr().write_all(line.as_bytes());
    }
}

/// Waits until `condition` holds. Fails the test if that takes more than 20 seconds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "waited in vain until {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Checks a failed sign-in: its page, nothing stored, one button, and a reference that is in the
/// log.
pub fn assert_refused(portal: &Portal, answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.body);
    assert!(!answer.sets_session(), "{what}");
    assert!(
        answer.body.contains("/oauth2/login?next=/account"),
        "{what}: {}",
        answer.body
    );
    assert!(portal.log().contains(&answer.reference()), "{what}");
    assert_eq!(portal.database.count("users"), 0, "{what}");
    assert_eq!(portal.database.count("sessions"), 0, "{what}");
}

/// Writes one test for SQLite and one for PostgreSQL.
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident) $body:block)*) => {
        $(
            mod $name {
                use super::*;

                async fn scenario($database: Database) $body

                $(#[$meta])*
                #[test]
                fn on_sqlite() {
                    run(scenario(Database::sqlite()));
                }

                $(#[$meta])*
                #[test]
                fn on_postgresql() {
                    if let Some(database) = Database::postgresql() {
                        run(scenario(database));
                    }
                }
            }
        )*
    };
}
pub(crate) use on_both_databases;

/// Waits until the sweeper's first turn is over: it has done each piece of its work, and those that
/// found something once more, so that the number of transactions stays as it is.
pub async fn until_swept(portal: &Portal) {
    /// The pieces of its work.
    const PIECES: u64 = 8;
    /// So many looks in a row must find the same number.
    const LOOKS: u32 = 20;
    let (mut last, mut same) = (0, 0);
    until("the sweeper has had its turn", async || {
        let writes = portal.inner.db.counts().writes;
        same = if writes == last { same + 1 } else { 0 };
        last = writes;
        writes >= PIECES && same >= LOOKS
    })
    .await;
}
