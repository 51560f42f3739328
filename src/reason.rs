//! Why something was refused: one list for sign-ins, acts and calls, so that each reason has its
//! words once.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::coded::coded;

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Reason {
    // -- a sign-in, by the person --
    UnknownAttempt,
    RestartLoop,
    BadCallback,
    Declined,
    CodeRefused,
    NameTaken,
    NameReserved,
    WrongIssuer,
    NotAdmitted,
    IdentityTaken,
    KeptOut,
    NotLinkable,
    WrongPassword,
    /// No account has the username that was typed.
    UnknownUser,
    NoPassword,
    /// This person may not use a local password.
    NotAllowed,
    /// No account can have such a username or password.
    Impossible,
    /// There were too many wrong passwords.
    Paused,
    LinkExpired,
    /// A refusal beyond the number that get rows of their own.
    More,

    // -- a sign-in or a call, by the provider --
    ProviderError,
    ClientRefused,
    #[serde(rename = "refused")]
    #[strum(serialize = "refused")]
    UnexpectedStatus,
    TokenRefused,
    SignedOutThere,
    Unreachable,
    TooSlow,
    Unreadable,
    BadProfile,
    NotOk,
    BadMetadata,
    BadToken,
    Clock,

    // -- us --
    Internal,
    Overloaded,
    DatabaseUnavailable,

    // -- an act --
    Inactive,
    UsernameTaken,
    BadUsername,
    ReservedUsername,
    BadFirstName,
    BadEmail,
    BadName,
    LastSuperuser,
    Yourself,
    Unchanged,
    NoLocalPassword,
    StillActive,
    Erased,
    NotRefused,
    NoReason,
}

coded!(Reason);
