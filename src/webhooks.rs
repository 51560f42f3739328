//! Outgoing webhooks: people who have not opened the portal are told what happened in it.
//!
//! - What happened ([`news`]) is noted in the transaction in which it happens ([`outbox`]), so that
//!   it is told at least once, and never if the transaction is rolled back.
//! - Each hook has a queue of its own ([`queue`]), which one instance at a time works off, in order
//!   ([`turn`]), and a state that admins see ([`state`]).
//! - What lasts, such as a provider that cannot be reached, is told once ([`watches`]).
//! - One call: what is told ([`message`]), in the form of its receiver ([`body`]), signed
//!   ([`signature`]), sent ([`send`]) where it may go ([`destination`]), and what the answer means
//!   ([`verdict`], [`words`]).
//!
//! A robot's address is its secret. It leaves [`destination`] only for the one call, and no error,
//! no log line and no row contains it.

mod body;
mod destination;
mod message;
mod news;
pub mod outbox;
pub mod queue;
mod send;
mod signature;
pub mod state;
pub mod turn;
mod verdict;
pub mod watches;
mod words;

use std::sync::Arc;

use tokio::sync::Notify;

pub use destination::Destination;
pub use message::Voice;
pub use news::{By, News, State, Who};
pub use send::Hook;
pub use verdict::{MAX_CLOCK_DIFFERENCE, Trouble, TroubleKind, Verdict};

use crate::config::{WebhookEvent, WebhookKind, WebhookSettings};

/// The webhooks of a portal, in the order of their file.
pub struct Webhooks {
    hooks: Vec<Arc<Hook>>,
    /// Wakes those who wait for something to tell.
    wake: Notify,
}

impl Webhooks {
    pub fn new(all: Vec<WebhookSettings>) -> Self {
        Self {
            hooks: all.into_iter().map(Hook::new).map(Arc::new).collect(),
            wake: Notify::new(),
        }
    }

    pub fn all(&self) -> &[Arc<Hook>] {
        &self.hooks
    }

    pub fn find(&self, name: &str) -> Option<&Arc<Hook>> {
        self.hooks.iter().find(|hook| hook.name() == name)
    }

    /// Wakes everyone in [`Self::wait`].
    pub fn wake(&self) {
        self.wake.notify_waiters();
    }

    /// Waits this long, or until there may be something to tell.
    pub async fn wait(&self, patience: std::time::Duration) {
        let _waited = tokio::time::timeout(patience, self.wake.notified()).await;
    }
}

impl WebhookSettings {
    /// Returns whether this hook is to be told of it.
    pub fn asks_for(&self, news: &News) -> bool {
        match news {
            News::AccessRequested { app, .. } => {
                self.events.contains(&WebhookEvent::AccessRequested)
                    && (self.apps.is_empty() || self.apps.contains(app))
            }
            // A hook that fails cannot tell of itself.
            News::WebhookFailing { hook, .. } => {
                *hook != self.name && self.events.contains(&WebhookEvent::WebhookFailing)
            }
            // It has a limit for each hook, and is put into the queue of that hook.
            News::RefusedSignIns { .. } | News::Test { .. } => false,
            News::AccountCreated { .. } => self.events.contains(&WebhookEvent::AccountCreated),
            News::AdminMade { .. } => self.events.contains(&WebhookEvent::AdminMade),
            News::AccountDeactivated { .. } => {
                self.events.contains(&WebhookEvent::AccountDeactivated)
            }
            News::ProviderUnreachable { .. } => {
                self.events.contains(&WebhookEvent::ProviderUnreachable)
            }
        }
    }

    /// The word with which each message begins.
    pub fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or("Frontdesk")
    }

    pub fn is_robot(&self) -> bool {
        self.kind != WebhookKind::Json
    }
}
