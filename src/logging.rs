//! The log: one line for each entry, as `name=value` for people or JSON for machines.
//!
//! Nothing secret is ever passed to the log. Messages of libraries below `info` are dropped,
//! because they contain whole requests.

use std::io::Write as _;
use std::time::Duration;

use env_logger::{Builder, Target};
use jiff::Timestamp;
use log::kv::{self, Key, Value, VisitSource};
use log::{Level, LevelFilter, Record, info};

use crate::config::LogSettings;
use crate::text::{escape_json, push_escaped};

/// The target of lines that are always JSON, whatever the format of the others: those of the audit
/// log.
pub const WHOLE_LINES: &str = "frontdesk::audit";

/// Starts `env_logger` for this process. Later calls change nothing.
pub fn start(settings: &LogSettings) {
    let _already_started = builder(settings).target(Target::Stderr).try_init();
}

/// Returns `env_logger` with our format. A test gives it another target.
pub fn builder(settings: &LogSettings) -> Builder {
    let is_json = settings.is_json;
    let mut builder = Builder::new();
    builder
        .filter_level(LevelFilter::Info)
        // It warns about each cookie that does not open, and anyone can send any number of those.
        .filter_module("actix_session", LevelFilter::Error)
        // "Starting 2 workers" and the like.
        .filter_module("actix_server", LevelFilter::Warn)
        // It logs an error, without an address, for each request that is not HTTP. The server logs
        // those with a line of its own.
        .filter_module("actix_http::h1::dispatcher", LevelFilter::Off)
        .parse_filters(&settings.filter)
        .format(move |out, record| {
            if record.level() > Level::Info && !is_ours(record.target()) {
                return Ok(());
            }
            let now = Timestamp::now();
            let line = if record.target() == WHOLE_LINES {
                format!("{}\n", record.args())
            } else if is_json {
                json_line(now, record)
            } else {
                text_line(now, record)
            };
            out.write_all(line.as_bytes())
        });
    builder
}

fn is_ours(target: &str) -> bool {
    target == "frontdesk" || target.starts_with("frontdesk::")
}

fn text_line(now: Timestamp, record: &Record<'_>) -> String {
    let mut line = format!("{now:.3} {:<5}", record.level());
    let mut fields = TextFields(&mut line);
    let _infallible = record.key_values().visit(&mut fields);
    let message = record.args().to_string();
    if !message.is_empty() {
        line.push(' ');
        push_escaped(&mut line, &message);
    }
    line.push('\n');
    line
}

struct TextFields<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for TextFields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let value = value.to_string();
        self.0.push(' ');
        self.0.push_str(key.as_str());
        self.0.push('=');
        if value.is_empty() {
            self.0.push('-');
        } else if value.contains([' ', '"', '=', '\\']) {
            self.0.push('"');
            push_escaped(self.0, &value.replace('\\', "\\\\").replace('"', "\\\""));
            self.0.push('"');
        } else {
            push_escaped(self.0, &value);
        }
        Ok(())
    }
}

fn json_line(now: Timestamp, record: &Record<'_>) -> String {
    let mut fields = JsonFields(serde_json::Map::new());
    fields.insert("time", format!("{now:.3}"));
    fields.insert("level", record.level().to_string().to_lowercase());
    let _infallible = record.key_values().visit(&mut fields);
    let message = record.args().to_string();
    if !message.is_empty() {
        fields.insert("message", message);
    }
    let mut line = escape_json(serde_json::Value::Object(fields.0).to_string());
    line.push('\n');
    line
}

struct JsonFields(serde_json::Map<String, serde_json::Value>);

impl JsonFields {
    fn insert(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value.into());
    }
}

impl<'kvs> VisitSource<'kvs> for JsonFields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let value = value
            .to_u64()
            .map_or_else(|| value.to_string().into(), serde_json::Value::from);
        self.0.insert(key.as_str().to_owned(), value);
        Ok(())
    }
}

/// The log lines of one sign-in: one per step, always with the same fields.
#[derive(Clone, Copy, Debug)]
pub struct SignInLog<'a> {
    /// The attempt, which is the same in all lines of the sign-in. A password sign-in has none.
    pub attempt: Option<&'a str>,
    pub provider: Option<&'a str>,
    /// The username, as soon as it is known.
    pub user: Option<&'a str>,
}

impl SignInLog<'_> {
    pub fn line(self, event: &str, took: Duration, outcome: &str) {
        info!(
            event = event,
            attempt = self.attempt.unwrap_or_default(),
            provider = self.provider.unwrap_or_default(),
            user = self.user.unwrap_or_default(),
            ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            outcome = outcome;
            ""
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use env_logger::Target;
    use log::Log as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("the lines").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_json_line_holds_nothing_that_ends_or_turns_a_line() {
        let hidden = "a\u{2028}b\u{2029}c\u{202e}d\u{2066}e\u{85}f\u{9b}g\u{200f}h\n\"";
        let memory = Memory::default();
        let settings = LogSettings {
            filter: "info".to_owned(),
            is_json: true,
        };
        let logger = builder(&settings)
            .target(Target::Pipe(Box::new(memory.clone())))
            .build();
        let fields = [("user", hidden)];
        logger.log(
            &Record::builder()
                .target("frontdesk")
                .level(Level::Warn)
                .key_values(&fields)
                .args(format_args!("{hidden}"))
                .build(),
        );
        let lines = memory.0.lock().expect("the lines").clone();
        let line = String::from_utf8(lines).expect("UTF-8");
        let line = line.strip_suffix('\n').expect("a line");
        assert!(line.chars().all(|c| (' '..='~').contains(&c)), "{line}");
        let read: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(read["user"], hidden);
        assert_eq!(read["message"], hidden);
    }
}
