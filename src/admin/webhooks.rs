//! Trying out a webhook: a test message goes the way of all others.

use super::Admin;
use crate::audit::{About, Actor, Event};
use crate::db::lock_webhooks;
use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::webhooks::queue;
use crate::webhooks::{By, News};

/// Puts a test message into the queue of a webhook, and makes it try again now.
///
/// # Errors
/// As [`super::act()`]; [`Error::NotFound`] if there is no such webhook.
pub async fn test_webhook(portal: &Portal, admin: &Admin, name: &str) -> Result<()> {
    let now = portal.clock.now();
    let hook = portal.webhooks.find(name).ok_or(Error::NotFound)?;
    let (admin, webhook) = (admin.clone(), hook.name().to_owned());
    let write = portal.db.write(move |conn| {
        admin.begin(conn)?;
        let by = match admin.actor() {
            Actor::Person { username, .. } => By::Person(username.to_owned()),
            _ => By::CommandLine,
        };
        lock_webhooks(conn)?;
        queue::add(conn, now, &webhook, now, &News::Test { by })?;
        queue::try_now(conn, &webhook)?;
        let event = Event::WebhookTested {
            webhook: webhook.clone(),
        };
        admin.deed(now).record(conn, About::Portal, &event)
    });
    write.await?;
    portal.webhooks.wake();
    Ok(())
}
