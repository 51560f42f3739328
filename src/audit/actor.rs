//! The actors of events. A name alone does not identify a person: others may have it before or
//! afterwards.

use super::COMMAND_LINE;
use crate::id::UserId;
use crate::users::{User, reserved};

/// The actor of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor<'a> {
    /// A person with an account, and their current name.
    Person { id: UserId, username: &'a str },
    /// A person who may run the commands.
    CommandLine,
    /// A provider, through what it says about a person.
    Provider,
    /// The portal by itself.
    Portal,
    /// Someone about whom nothing is known.
    Unknown,
    /// Someone of this name without an account: a stranger who signs in, or an actor in a row that
    /// was written before accounts were recorded.
    Named(&'a str),
}

impl<'a> Actor<'a> {
    /// Returns the actor as the audit log stores it: a username, [`COMMAND_LINE`], or empty. A
    /// stranger who uses a reserved name is stored without it, since it would pass for someone
    /// else's.
    pub fn text(self) -> &'a str {
        match self {
            Self::Person { username, .. } => username,
            Self::CommandLine => COMMAND_LINE,
            Self::Provider | Self::Portal | Self::Unknown => "",
            Self::Named(name) if reserved::is_reserved(name) => "",
            Self::Named(name) => name,
        }
    }

    /// Returns the id of the account, if there is one.
    pub const fn id(self) -> Option<UserId> {
        match self {
            Self::Person { id, .. } => Some(id),
            Self::CommandLine | Self::Provider | Self::Portal | Self::Unknown | Self::Named(_) => {
                None
            }
        }
    }

    /// Reads an actor from a row. Acts on the command line have no address; an older row in which
    /// an account of that name acted has one.
    #[must_use]
    pub fn read(id: Option<UserId>, text: &'a str, address: &str) -> Self {
        match (id, text) {
            (Some(id), username) => Self::Person { id, username },
            (None, "") => Self::Unknown,
            (None, COMMAND_LINE) if address.is_empty() => Self::CommandLine,
            (None, name) => Self::Named(name),
        }
    }
}

impl<'a> From<&'a User> for Actor<'a> {
    fn from(user: &'a User) -> Self {
        Self::Person {
            id: user.id,
            username: &user.username,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_make_the_command_line() {
        let there = "203.0.113.9";
        for (id, text, address, expected) in [
            (None, COMMAND_LINE, "", Actor::CommandLine),
            (None, COMMAND_LINE, there, Actor::Named(COMMAND_LINE)),
            (
                Some(UserId(7)),
                COMMAND_LINE,
                "",
                Actor::Person {
                    id: UserId(7),
                    username: COMMAND_LINE,
                },
            ),
            (None, "", there, Actor::Unknown),
            (None, "li", there, Actor::Named("li")),
        ] {
            assert_eq!(Actor::read(id, text, address), expected);
        }
        for name in [COMMAND_LINE, "Command  Line", "命令行", "erased-7"] {
            assert_eq!(Actor::Named(name).text(), "", "{name}");
        }
        assert_eq!(Actor::Named("li").text(), "li");
    }
}
