//! Sentences with values in them. `{}` in a text is the place of a value; a page that marks the
//! value up writes the parts around it.

use std::fmt::Display;

/// A sentence around one value.
#[derive(Clone, Copy)]
pub struct Around {
    pub before: &'static str,
    pub after: &'static str,
}

/// A sentence around two values.
#[derive(Clone, Copy)]
pub struct AroundTwo {
    pub before: &'static str,
    pub between: &'static str,
    pub after: &'static str,
}

/// A sentence around three values.
#[derive(Clone, Copy)]
pub struct AroundThree {
    pub before: &'static str,
    pub after_first: &'static str,
    pub after_second: &'static str,
    pub after: &'static str,
}

impl Around {
    pub(super) const fn of(text: &'static str) -> Self {
        let (before, after) = cut(text);
        Self { before, after }
    }

    #[must_use]
    pub fn with(&self, value: impl Display) -> String {
        joined(&[self.before, &value.to_string(), self.after])
    }
}

impl AroundTwo {
    pub(super) const fn of(text: &'static str) -> Self {
        let (before, rest) = cut(text);
        let (between, after) = cut(rest);
        Self {
            before,
            between,
            after,
        }
    }

    #[must_use]
    pub fn with(&self, first: impl Display, second: impl Display) -> String {
        let (first, second) = (first.to_string(), second.to_string());
        joined(&[self.before, &first, self.between, &second, self.after])
    }
}

impl AroundThree {
    pub(super) const fn of(text: &'static str) -> Self {
        let (before, rest) = cut(text);
        let (after_first, rest) = cut(rest);
        let (after_second, after) = cut(rest);
        Self {
            before,
            after_first,
            after_second,
            after,
        }
    }

    #[must_use]
    pub fn with(&self, first: impl Display, second: impl Display, third: impl Display) -> String {
        let start = AroundTwo {
            before: self.before,
            between: self.after_first,
            after: self.after_second,
        };
        joined(&[&start.with(first, second), &third.to_string(), self.after])
    }
}

/// The texts before and after the first `{}`. A sentence without one does not compile.
const fn cut(text: &'static str) -> (&'static str, &'static str) {
    let mut at = 0;
    loop {
        assert!(at < text.len(), "the sentence has no place for a value");
        if let Some((before, rest)) = text.split_at_checked(at)
            && let [b'{', b'}', ..] = rest.as_bytes()
            && let Some((_, after)) = rest.split_at_checked(2)
        {
            return (before, after);
        }
        at += 1;
    }
}

fn joined(parts: &[&str]) -> String {
    let mut text = String::new();
    for part in parts {
        text.push_str(gap(&text, part));
        text.push_str(part);
    }
    text
}

/// The space that keeps Latin letters and digits apart from Chinese characters.
#[must_use]
pub fn gap(left: &str, right: &str) -> &'static str {
    let is_latin = |c: char| c.is_ascii_alphanumeric();
    let is_chinese = |c: char| c.is_alphabetic() && !c.is_ascii();
    let (Some(one), Some(other)) = (left.chars().next_back(), right.chars().next()) else {
        return "";
    };
    if is_latin(one) && is_chinese(other) || is_chinese(one) && is_latin(other) {
        " "
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_in_its_place() {
        assert_eq!(Around::of("Active {}").with("just now"), "Active just now");
        assert_eq!(Around::of("{} open").with(3), "3 open");
        let kept = AroundTwo::of("{} days, then {} days.");
        assert_eq!(kept.with(30, 365), "30 days, then 365 days.");
        let change = AroundThree::of("{} changed from {} to {}");
        assert_eq!(change.with("Role", "a", "b"), "Role changed from a to b");
    }

    #[test]
    fn a_space_keeps_latin_names_apart_from_chinese() {
        let words = Around::of("使用{}登录");
        assert_eq!(words.with("集团"), "使用集团登录");
        assert_eq!(words.with("Branch"), "使用 Branch 登录");
        assert_eq!(words.with("集团 A"), "使用集团 A 登录");
        assert_eq!(Around::of("共 {} 个账号。").with(2), "共 2 个账号。");
        assert_eq!(Around::of("“{}”").with("x"), "“x”");
        assert_eq!(Around::of("{}，请").with("x"), "x，请");
        assert_eq!(
            Around::of("Make {} an admin?").with("王伟"),
            "Make 王伟 an admin?"
        );
    }
}
