//! Passwords as a person types them: a new one twice, or the current one.

use crate::error::Result;
use crate::password_throttle::Reservation;
use crate::passwords::{self, MAX_LENGTH, Weakness};
use crate::portal::Portal;
use crate::secret::Secret;
use crate::users::User;

/// A new password, typed twice.
pub struct TypedTwice {
    pub new: Secret<String>,
    pub again: Secret<String>,
}

/// The reason why a new password is not accepted.
pub enum Unfit {
    Weak(Weakness),
    /// The two inputs differ.
    Differs,
}

impl TypedTwice {
    /// Returns the password, if this account may have it.
    pub(super) fn fit_for(self, user: &User) -> Result<Secret<String>, Unfit> {
        if self.new != self.again {
            return Err(Unfit::Differs);
        }
        passwords::check_strength(&self.new, &user.username).map_err(Unfit::Weak)?;
        Ok(self.new)
    }
}

/// Checks a password that a signed-in person typed. The try counts only if it was wrong.
pub(super) async fn is_right(
    portal: &Portal,
    reservation: &Reservation,
    typed: Secret<String>,
    stored: &str,
) -> Result<bool> {
    if typed.expose().chars().count() > MAX_LENGTH {
        return Ok(false);
    }
    let verified = portal.hasher.verify(typed, Some(stored.to_owned())).await;
    let is_right = verified.map(|verified| verified.is_correct);
    if !matches!(is_right, Ok(false)) {
        portal.throttle.give_back(reservation);
    }
    is_right
}
