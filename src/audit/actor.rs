//! Who acts. A name alone does not tell: others may bear it, before and afterwards.

use super::COMMAND_LINE;
use crate::users::{User, reserved};

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor<'a> {
    /// Somebody with an account, and the name that they have now.
    Person { id: i64, username: &'a str },
    /// Whoever may run the commands.
    CommandLine,
    /// A provider, by what it says of a person.
    Provider,
    /// The portal by itself.
    Portal,
    /// Someone of whom nothing is known.
    Unknown,
    /// Someone by that name without an account: a stranger who signs in, or an actor in a row that
    /// was written before accounts were noted.
    Named(&'a str),
}

impl<'a> Actor<'a> {
    /// As the trail writes it: a username, [`COMMAND_LINE`], or empty. A stranger who comes by a
    /// name that is reserved stays without one, since it would pass for somebody else's.
    #[must_use]
    pub fn text(self) -> &'a str {
        match self {
            Self::Person { username, .. } => username,
            Self::CommandLine => COMMAND_LINE,
            Self::Provider | Self::Portal | Self::Unknown => "",
            Self::Named(name) if reserved::is_reserved(name) => "",
            Self::Named(name) => name,
        }
    }

    /// The id of the account, where there is one.
    #[must_use]
    pub const fn id(self) -> Option<i64> {
        match self {
            Self::Person { id, .. } => Some(id),
            Self::CommandLine | Self::Provider | Self::Portal | Self::Unknown | Self::Named(_) => {
                None
            }
        }
    }

    /// From a row. What the command line does comes from no address; a row of before, in which an
    /// account of that name acted, has one.
    #[must_use]
    pub fn read(id: Option<i64>, text: &'a str, address: &str) -> Self {
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
                Some(7),
                COMMAND_LINE,
                "",
                Actor::Person {
                    id: 7,
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
