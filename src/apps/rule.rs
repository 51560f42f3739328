//! Who may open an app: the rule, and the one function that decides by it.
//!
//! Every caller that needs to know whether a person may open an app asks [`decide`]. The SQL of
//! [`super::openers`] is its second form, for lists of people, and a test compares the two.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use crate::clock::UnixTime;
use crate::coded::coded;

/// The most permissions that one part of a rule may name.
pub const MAX_NAMES: usize = 50;

/// The people for whom an app opens, before exceptions.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Audience {
    #[default]
    Nobody,
    /// Everyone who is signed in.
    Everyone,
    /// Whoever holds one of the rule's permissions.
    AnyOf,
}

coded!(Audience);

/// Who may open an app. The default opens it to nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub audience: Audience,
    /// The permissions of [`Audience::AnyOf`]; an empty set opens the app to nobody.
    #[serde(default)]
    pub any_of: BTreeSet<String>,
    /// Whoever holds one of these may not open the app, whatever else they hold.
    #[serde(default)]
    pub but_not: BTreeSet<String>,
}

impl Rule {
    /// Returns all permissions that the rule names.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.any_of.union(&self.but_not).map(String::as_str)
    }
}

/// The permissions of one person that count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    pub is_active: bool,
    /// Only those from an origin that counts.
    pub permissions: BTreeSet<String>,
    /// A provider that should say this person's permissions was never read for them, so that they
    /// may hold any permission that the portal does not know of.
    pub has_unread_permissions: bool,
}

/// What opens one app to one person beside its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// From this moment on it no longer counts; `None` is for ever.
    pub expires_at: Option<UnixTime>,
}

impl Grant {
    /// Returns whether the grant counts at `now`.
    pub fn is_running(self, now: UnixTime) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Returns the one that runs longer.
    #[must_use]
    pub fn longer(self, other: Self) -> Self {
        match (self.expires_at, other.expires_at) {
            (Some(one), Some(two)) if one < two => other,
            (Some(_), None) => other,
            _ => self,
        }
    }
}

/// Why an app opens to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenBy {
    Everyone,
    /// The first of the rule's permissions that the person holds.
    Permission(String),
    Grant(Grant),
}

/// The first reason why an app does not open to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyNot {
    /// The account is deactivated.
    Deactivated,
    /// The person holds this permission, which the rule excludes.
    ButNot(String),
    /// The rule excludes permissions, and it is unknown whether the person holds them: a provider
    /// was never read for them.
    Unread,
    /// The rule opens the app to nobody.
    Nobody,
    /// The person holds none of the rule's permissions.
    NoPermission,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Open(OpenBy),
    Closed(WhyNot),
}

impl Decision {
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }
}

/// Decides whether a person may open an app. No role and no kind of account is an exception.
///
/// What closes comes first: a deactivated account, then the rule's "but not". Then the rule opens,
/// and where it does not, a grant that is still running.
pub fn decide(rule: &Rule, holder: &Holder, grants: &[Grant], now: UnixTime) -> Decision {
    if !holder.is_active {
        return Decision::Closed(WhyNot::Deactivated);
    }
    if let Some(name) = rule.but_not.intersection(&holder.permissions).next() {
        return Decision::Closed(WhyNot::ButNot(name.clone()));
    }
    if !rule.but_not.is_empty() && holder.has_unread_permissions {
        return Decision::Closed(WhyNot::Unread);
    }
    let why_not = match rule.audience {
        Audience::Everyone => return Decision::Open(OpenBy::Everyone),
        Audience::AnyOf if !rule.any_of.is_empty() => {
            if let Some(name) = rule.any_of.intersection(&holder.permissions).next() {
                return Decision::Open(OpenBy::Permission(name.clone()));
            }
            WhyNot::NoPermission
        }
        Audience::AnyOf | Audience::Nobody => WhyNot::Nobody,
    };
    let running = grants.iter().copied().filter(|grant| grant.is_running(now));
    running.reduce(Grant::longer).map_or_else(
        || Decision::Closed(why_not),
        |grant| Decision::Open(OpenBy::Grant(grant)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime(1_000);

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn holder(permissions: &[&str]) -> Holder {
        Holder {
            is_active: true,
            permissions: names(permissions),
            has_unread_permissions: false,
        }
    }

    fn rule(audience: Audience, any_of: &[&str], but_not: &[&str]) -> Rule {
        Rule {
            audience,
            any_of: names(any_of),
            but_not: names(but_not),
        }
    }

    const fn until(end: i64) -> Grant {
        Grant {
            expires_at: Some(UnixTime(end)),
        }
    }

    #[test]
    fn nobody_is_the_default_and_an_empty_list_opens_to_nobody() {
        for rule in [
            Rule::default(),
            serde_json::from_str(r#"{"audience":"any_of"}"#).expect("a rule"),
            rule(Audience::Nobody, &["a"], &[]),
        ] {
            let decision = decide(&rule, &holder(&["a", "b"]), &[], NOW);
            assert_eq!(decision, Decision::Closed(WhyNot::Nobody));
        }
    }

    #[test]
    fn a_but_not_wins_over_everything() {
        let forever = Grant { expires_at: None };
        for audience in [Audience::Everyone, Audience::AnyOf, Audience::Nobody] {
            let rule = rule(audience, &["a"], &["x"]);
            let decision = decide(&rule, &holder(&["a", "x"]), &[forever], NOW);
            let why_not = WhyNot::ButNot("x".to_owned());
            assert_eq!(decision, Decision::Closed(why_not));
        }
    }

    #[test]
    fn permissions_that_were_never_read_close_only_where_some_are_excluded() {
        let unread = Holder {
            has_unread_permissions: true,
            ..holder(&["a"])
        };
        let closed = decide(&rule(Audience::Everyone, &[], &["x"]), &unread, &[], NOW);
        assert_eq!(closed, Decision::Closed(WhyNot::Unread));
        assert!(decide(&rule(Audience::AnyOf, &["a"], &[]), &unread, &[], NOW).is_open());
    }

    #[test]
    fn a_grant_counts_until_its_last_moment_and_the_longer_of_two_holds() {
        let closed = rule(Audience::AnyOf, &["a"], &[]);
        let by = |grants: &[Grant]| decide(&closed, &holder(&[]), grants, NOW);
        assert_eq!(by(&[until(1_000)]), Decision::Closed(WhyNot::NoPermission));
        assert_eq!(
            by(&[until(1_001), until(2_000), until(900)]),
            Decision::Open(OpenBy::Grant(until(2_000)))
        );
        let forever = Grant { expires_at: None };
        assert_eq!(
            by(&[forever, until(2_000)]),
            Decision::Open(OpenBy::Grant(forever))
        );
    }

    #[test]
    fn a_deactivated_account_opens_nothing() {
        let gone = Holder {
            is_active: false,
            ..holder(&["a"])
        };
        let decision = decide(
            &rule(Audience::Everyone, &[], &[]),
            &gone,
            &[until(9_000)],
            NOW,
        );
        assert_eq!(decision, Decision::Closed(WhyNot::Deactivated));
    }

    /// Small sets of names, so that every combination can be tried.
    fn subsets() -> impl Iterator<Item = BTreeSet<String>> + Clone {
        (0_u8..8).map(|bits| {
            let all = ["a", "b", "c"];
            let kept = all.iter().enumerate();
            kept.filter(|(place, _)| bits >> place & 1 == 1)
                .map(|(_, name)| (*name).to_owned())
                .collect()
        })
    }

    #[test]
    fn another_permission_closes_an_app_only_by_a_but_not() {
        for audience in Audience::VARIANTS {
            for any_of in subsets() {
                for but_not in subsets() {
                    let rule = Rule {
                        audience: *audience,
                        any_of: any_of.clone(),
                        but_not: but_not.clone(),
                    };
                    for held in subsets() {
                        for more in ["a", "b", "c"] {
                            let before = holder(&[]);
                            let before = Holder {
                                permissions: held.clone(),
                                ..before
                            };
                            let mut after = before.clone();
                            after.permissions.insert(more.to_owned());
                            let was_open = decide(&rule, &before, &[], NOW).is_open();
                            let is_open = decide(&rule, &after, &[], NOW).is_open();
                            assert!(!was_open || is_open || but_not.contains(more));
                        }
                    }
                }
            }
        }
    }
}
