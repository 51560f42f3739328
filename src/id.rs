//! Ids: made by the program, ordered by time, and the same on both databases. References: what
//! people call an event by.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;
use log::kv::{ToValue, Value};
use serde::{Deserialize, Serialize};

use crate::clock::UnixTime;
use crate::secret::random_bytes;

/// Defines id newtypes; in rows, JSON, URLs and text an id is a bare number.
macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident;)+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash,
            Deserialize, AsExpression, FromSqlRow,
        )]
        #[serde(transparent)]
        #[diesel(sql_type = BigInt)]
        pub struct $id(pub i64);

        impl From<i64> for $id {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }

        impl From<$id> for i64 {
            fn from(id: $id) -> Self {
                id.0
            }
        }

        impl FromStr for $id {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, ParseIntError> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl ToValue for $id {
            fn to_value(&self) -> Value<'_> {
                self.0.to_value()
            }
        }

        impl<DB: Backend> ToSql<BigInt, DB> for $id
        where
            i64: ToSql<BigInt, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.to_sql(out)
            }
        }

        impl<DB: Backend> FromSql<BigInt, DB> for $id
        where
            i64: FromSql<BigInt, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                i64::from_sql(bytes).map(Self)
            }
        }
    )+};
}

ids! {
    /// The id of an account.
    UserId;
    /// The id of a session.
    SessionId;
    /// The id of an app. Its key can be used again after it is removed; its id cannot.
    AppId;
    /// The id of a category of apps.
    CategoryId;
    /// The id of a request for access to an app.
    RequestId;
    /// The id of a grant, which opens one app to one person.
    GrantId;
}

/// 2020-01-01T00:00:00Z in milliseconds: ids count from here and last until 2159.
const EPOCH_MILLIS: i64 = 1_577_836_800_000;
const RANDOM_BITS: u32 = 21;

/// Makes an id for something that happened at `time`, however long ago: it is negative before 2020.
/// Unlike [`new_id`], it may repeat an existing id; the primary key then refuses it, and the write
/// is run again.
pub fn id_at<Id: From<i64>>(time: UnixTime) -> Id {
    Id::from(first_id_at(time) | i64::from(random()))
}

/// Returns the smallest id that anything at or after this time can have.
pub fn first_id_at(time: UnixTime) -> i64 {
    // Years far outside the range of 42 bits would change the sign.
    let millis = (time.millis() - EPOCH_MILLIS).clamp(-(1 << 41), (1 << 42) - 1);
    millis << RANDOM_BITS
}

fn random() -> u32 {
    random_bytes::<4>().map_or(0, u32::from_le_bytes) >> (32 - RANDOM_BITS)
}

static LAST: AtomicI64 = AtomicI64::new(0);

/// Makes a new id: 42 bits of milliseconds and 21 random ones, larger than any that this process
/// made before. If two instances make the same one, the primary key refuses it and the write is run
/// again.
pub fn new_id<Id: From<i64>>(now: UnixTime) -> Id {
    let fresh: i64 = id_at(now);
    let last = LAST
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            Some(fresh.max(last.saturating_add(1)))
        })
        .unwrap_or(fresh);
    Id::from(fresh.max(last.saturating_add(1)))
}

/// Identifies one event on a page, in the log and in the audit log. A person can read it out over
/// the telephone: `F7K2-9QXM`. It grants no access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reference(String);

impl Reference {
    /// Draws 40 random bits, in Crockford's base 32.
    #[must_use]
    pub fn random() -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bytes = random_bytes::<8>().unwrap_or_default();
        let mut text = String::with_capacity(9);
        for (place, byte) in bytes.iter().enumerate() {
            if place == 4 {
                text.push('-');
            }
            if let Some(&letter) = ALPHABET.get(usize::from(byte & 31)) {
                text.push(char::from(letter));
            }
        }
        Self(text)
    }

    /// Takes the reference that a page sent back. Returns `None` if it cannot be one.
    pub fn parse(text: String) -> Option<Self> {
        (text.len() <= 32 && text.is_ascii()).then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Reference {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
