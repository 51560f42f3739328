//! The rule of an app, as a sentence.

use crate::apps::{Audience, Rule};
use crate::i18n::messages::Messages;

/// Says for whom a rule opens an app, and who is excluded: "Opens for whoever holds a, b or c. But
/// not for anyone who holds x."
pub fn rule_in_words(t: &'static Messages, rule: &Rule) -> String {
    let names = |names| one_of(t, names);
    let opens = match rule.audience {
        Audience::Everyone => t.rule_everyone.to_owned(),
        Audience::AnyOf if !rule.any_of.is_empty() => t.rule_any_of.with(names(&rule.any_of)),
        Audience::AnyOf | Audience::Nobody => t.rule_nobody.to_owned(),
    };
    if rule.but_not.is_empty() {
        return opens;
    }
    let but_not = t.rule_but_not.with(names(&rule.but_not));
    format!("{opens}{}{but_not}", t.space)
}

/// Names in their order: "a, b or c".
fn one_of<'a>(
    t: &'static Messages,
    names: impl IntoIterator<Item = &'a String, IntoIter: DoubleEndedIterator>,
) -> String {
    let mut names = names.into_iter().map(String::as_str);
    let last = names.next_back().unwrap_or_default();
    let others: Vec<&str> = names.collect();
    if others.is_empty() {
        return last.to_owned();
    }
    t.one_or_other.with(others.join(t.list_comma), last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn a_rule_is_a_sentence_in_both_languages() {
        let rule = |audience, any_of: &[&str], but_not: &[&str]| {
            let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
            Rule {
                audience,
                any_of: names(any_of),
                but_not: names(but_not),
            }
        };
        for (rule, en, zh) in [
            (
                rule(Audience::Nobody, &["a"], &[]),
                "Opens for nobody without a grant.",
                "没有授权时，任何人都不能打开。",
            ),
            (
                rule(Audience::Everyone, &[], &["x"]),
                "Opens for everyone who is signed in. But not for anyone who holds x.",
                "所有已登录的人都可以打开。但持有 x 的人除外。",
            ),
            (
                rule(Audience::AnyOf, &["a", "b", "c"], &["x", "离职"]),
                "Opens for whoever holds a, b or c. But not for anyone who holds x or 离职.",
                "持有 a、b 或 c 的人可以打开。但持有 x 或离职的人除外。",
            ),
        ] {
            assert_eq!(rule_in_words(Lang::En.messages(), &rule), en);
            assert_eq!(rule_in_words(Lang::Zh.messages(), &rule), zh);
        }
    }
}
