//! When the owner of a session last proved who they are, and how. A live session alone is no
//! proof: anyone who finds the browser open has it too.

use std::time::Duration;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::Session;
use crate::clock::UnixTime;
use crate::coded::coded;
use crate::db::Conn;
use crate::db::schema::sessions;
use crate::error::Result;
use crate::id::{SessionId, UserId};

/// For this long after a proof, dangerous acts require no other.
pub const FRESH: Duration = Duration::from_secs(15 * 60);

/// How far the clocks of several instances may differ.
const GRACE: Duration = Duration::from_secs(60);

/// How a person proved who they are. The codes are stored and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum ProvedBy {
    /// A local password, typed or just chosen through the owner's link.
    Password,
    /// A confirmation password, which cannot sign anyone in.
    ConfirmationPassword,
    RescueLink,
    /// A time, signed by the provider, at which the person signed in there.
    AuthTime,
    /// `prompt=login` in a pushed request, out of the browser's reach.
    PushedPrompt,
    /// `prompt=login` in the browser's address, where the person at the browser can remove it.
    /// Counts only if an operator has said that it is enough.
    Prompt,
}

coded!(ProvedBy);

/// A proof, at a given time, of who a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    pub at: UnixTime,
    pub by: ProvedBy,
}

impl Proof {
    /// Returns whether the proof is recent enough for a dangerous act.
    pub fn is_fresh(self, now: UnixTime) -> bool {
        now.since(self.at) < FRESH && self.at.since(now) < GRACE
    }
}

/// Records that the owner of a live session has proved who they are. Returns `false` and writes
/// nothing if the session no longer exists.
pub fn note(conn: &mut Conn, user_id: UserId, session_id: SessionId, proof: Proof) -> Result<bool> {
    let open = sessions::table
        .filter(sessions::id.eq(session_id))
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null());
    let note = diesel::update(open).set((
        sessions::proved_at.eq(Some(proof.at.0)),
        sessions::proved_by.eq(Some(proof.by.code())),
    ));
    Ok(note.execute(conn)? == 1)
}

/// Returns whether the owner of a live session proved who they are recently.
pub fn is_fresh(conn: &mut Conn, session_id: SessionId, now: UnixTime) -> Result<bool> {
    let session: Option<Session> = sessions::table
        .find(session_id)
        .filter(sessions::ended_at.is_null())
        .select(Session::as_select())
        .first(conn)
        .optional()?;
    Ok(session.is_some_and(|session| session.is_proved(now)))
}

/// Withdraws a person's proofs of one kind, because they no longer count.
pub fn withdraw(conn: &mut Conn, user_id: UserId, by: ProvedBy) -> Result<()> {
    let proved = sessions::table
        .filter(sessions::user_id.eq(user_id))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::proved_by.eq(by.code()));
    let withdrawn = diesel::update(proved).set((
        sessions::proved_at.eq(None::<i64>),
        sessions::proved_by.eq(None::<&str>),
    ));
    withdrawn.execute(conn)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_a_quarter_of_an_hour_and_never_from_the_future() {
        let minute = 60_000_000;
        let proof = Proof {
            at: UnixTime(100 * minute),
            by: ProvedBy::Password,
        };
        for (now, expected) in [
            (100 * minute, true),
            (115 * minute - 1, true),
            (115 * minute, false),
            (99 * minute + 1, true),
            (99 * minute, false),
            (0, false),
        ] {
            assert_eq!(proof.is_fresh(UnixTime(now)), expected, "{now}");
        }
        assert_eq!(ProvedBy::from_code("created_at"), None);
    }
}
