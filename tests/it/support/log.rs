//! The log of all portals in this process, at its most verbose level, kept in memory.

use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};

use frontdesk::config::LogSettings;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static START: Once = Once::new();

struct Memory;

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Starts listening, once.
pub fn start() {
    START.call_once(|| {
        let settings = LogSettings {
            filter: "trace".to_owned(),
            is_json: false,
        };
        frontdesk::logging::builder(&settings)
            .target(env_logger::Target::Pipe(Box::new(Memory)))
            .init();
    });
}

/// The length of the log so far.
pub fn position() -> usize {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).len()
}

/// The log since `position`.
pub fn since(position: usize) -> String {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&lines[position..]).into_owned()
}
