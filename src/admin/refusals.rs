//! Refusals without a reason, after there were too many to be believed: an admin confirms that they
//! are meant.

use super::Admin;
use crate::audit::{About, Event};
use crate::error::{Error, Result};
use crate::portal::Portal;
use crate::users::unexplained_refusals;

/// Makes a provider's refusals count again from now on.
///
/// # Errors
/// As [`super::act()`]; [`Error::NotFound`] if none are held back.
pub async fn confirm_refusals(portal: &Portal, admin: &Admin, provider: String) -> Result<()> {
    let now = portal.clock.now();
    admin.check_proof(now)?;
    let admin = admin.clone();
    portal
        .db
        .write(move |conn| {
            admin.begin(conn)?;
            if !unexplained_refusals::end_suspension(conn, now, &provider)? {
                return Err(Error::NotFound);
            }
            let deed = admin.deed(now).through(Some(&provider));
            deed.record(conn, About::Portal, &Event::RefusalsConfirmed)
        })
        .await
}
