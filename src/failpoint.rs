//! Places where a test makes the server die, panic, wait or lose patience sooner, to see what is
//! left or what happens in between. They exist only with the feature `failpoints`; otherwise
//! nothing is compiled.

#[cfg(feature = "failpoints")]
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The value of `FRONTDESK_FAILPOINT` (`abort:NAME`, `panic:NAME` or `patience:NAME:MILLISECONDS`),
/// and the place where a test pauses the next caller.
#[derive(Debug, Default, Clone)]
pub struct Failpoint {
    #[cfg(feature = "failpoints")]
    set: Option<String>,
    #[cfg(feature = "failpoints")]
    pause: Arc<Mutex<Option<Pause>>>,
}

/// A place where the next caller waits.
#[cfg(feature = "failpoints")]
#[derive(Debug, Clone)]
pub struct Pause {
    place: &'static str,
    stage: Arc<(Mutex<Stage>, Condvar)>,
}

#[cfg(feature = "failpoints")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Armed,
    Reached,
    Released,
}

#[cfg(feature = "failpoints")]
impl Pause {
    fn new(place: &'static str) -> Self {
        Self {
            place,
            stage: Arc::new((Mutex::new(Stage::Armed), Condvar::new())),
        }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a caller is waiting there.
    pub fn is_reached(&self) -> bool {
        *self.stage() == Stage::Reached
    }

    /// Lets the waiting caller continue.
    pub fn release(&self) {
        *self.stage() = Stage::Released;
        self.stage.1.notify_all();
    }

    fn wait(&self) {
        let mut stage = self.stage();
        // If it was released before anyone came, no one waits.
        if *stage == Stage::Armed {
            *stage = Stage::Reached;
        }
        let is_waiting = |stage: &mut Stage| *stage != Stage::Released;
        let _released = self.stage.1.wait_while(stage, is_waiting);
    }
}

/// Pauses for code that has no [`Failpoint`], each for one subject.
#[cfg(feature = "failpoints")]
static ABOUT: Mutex<Vec<(String, Pause)>> = Mutex::new(Vec::new());

/// Makes the next caller that reaches `place` for `subject` wait, once.
#[cfg(feature = "failpoints")]
pub fn pause_about(place: &'static str, subject: &str) -> Pause {
    let pause = Pause::new(place);
    let mut about = ABOUT.lock().unwrap_or_else(PoisonError::into_inner);
    about.push((subject.to_owned(), pause.clone()));
    pause
}

/// Waits here if a test has asked for that for `subject`.
#[cfg(feature = "failpoints")]
pub fn hit_about(place: &str, subject: &str) {
    let mut about = ABOUT.lock().unwrap_or_else(PoisonError::into_inner);
    let found = about
        .iter()
        .position(|(wanted, pause)| wanted == subject && pause.place == place);
    let pause = found.map(|at| about.swap_remove(at).1);
    drop(about);
    if let Some(pause) = pause {
        pause.wait();
    }
}

#[cfg(not(feature = "failpoints"))]
pub const fn hit_about(_place: &str, _subject: &str) {}

impl Failpoint {
    #[cfg(feature = "failpoints")]
    #[must_use]
    pub fn new(set: Option<String>) -> Self {
        Self {
            set,
            pause: Arc::default(),
        }
    }

    /// Makes the next caller that reaches `place` wait, once.
    #[cfg(feature = "failpoints")]
    pub fn pause_at(&self, place: &'static str) -> Pause {
        let pause = Pause::new(place);
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = Some(pause.clone());
        pause
    }

    #[cfg(feature = "failpoints")]
    fn take(&self, place: &str) -> Option<Pause> {
        self.pause
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take_if(|pause| pause.place == place)
    }

    /// Dies or waits here if this place was named.
    ///
    /// # Panics
    /// When it was named with `panic:`.
    #[cfg(feature = "failpoints")]
    #[expect(clippy::panic, reason = "a test asks for it")]
    pub fn hit(&self, name: &str) {
        match self.set.as_deref().and_then(|set| set.split_once(':')) {
            Some(("abort", place)) if place == name => std::process::abort(),
            Some(("panic", place)) if place == name => panic!("failpoint {name}"),
            _ => {}
        }
        if let Some(pause) = self.take(name) {
            pause.wait();
        }
    }

    /// Like [`Failpoint::hit`], for code that must not block its thread.
    #[cfg(feature = "failpoints")]
    pub async fn reach(&self, name: &str) {
        if let Some(pause) = self.take(name) {
            let _waited = tokio::task::spawn_blocking(move || pause.wait()).await;
        }
    }

    #[cfg(not(feature = "failpoints"))]
    pub const fn hit(&self, _name: &str) {}

    #[cfg(not(feature = "failpoints"))]
    pub async fn reach(&self, _name: &str) {}

    /// Returns how long to wait here: `usual`, unless a test says otherwise.
    #[cfg(feature = "failpoints")]
    pub fn patience(&self, name: &str, usual: Duration) -> Duration {
        let set = self
            .set
            .as_deref()
            .and_then(|set| set.strip_prefix("patience:"));
        let millis = set.and_then(|set| set.strip_prefix(name)?.strip_prefix(':')?.parse().ok());
        millis.map_or(usual, Duration::from_millis)
    }

    #[cfg(not(feature = "failpoints"))]
    pub const fn patience(&self, _name: &str, usual: Duration) -> Duration {
        usual
    }
}
