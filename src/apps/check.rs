//! What an app may look like, for the form of admins and for imported files.

use url::Url;

use super::rule::{Audience, MAX_NAMES};
use super::{
    AppField, AppFields, MAX_APP_NAME, MAX_APP_NOTE, MAX_DESCRIPTION, MAX_KEYWORDS, MAX_URL, TINTS,
};
use crate::permissions::MAX_NAME;
use crate::text::is_forbidden;

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Neither name is given.
    NoName,
    TooLong(usize),
    /// A control or bidirectional character.
    ForbiddenCharacter,
    /// Not an absolute URL.
    NoUrl,
    /// A URL that is neither http nor https.
    NotHttp,
    /// A URL with a name or password in it, which every browser would pass on.
    UrlWithPassword,
    NoSuchTint,
    /// "Any of" without a permission.
    NoPermission,
    TooManyPermissions,
    /// A permission's name that cannot exist.
    BadPermission,
}

/// Lists everything that is wrong with an app's fields; at most one fault for each field.
pub fn faults(fields: &AppFields) -> Vec<(AppField, Fault)> {
    let mut found = Vec::new();
    let mut note = |field: AppField, fault: Option<Fault>| {
        if let Some(fault) = fault {
            found.push((field, fault));
        }
    };
    if fields.name_en.is_empty() && fields.name_zh.is_empty() {
        note(AppField::NameEn, Some(Fault::NoName));
    }
    note(AppField::NameEn, line(&fields.name_en, MAX_APP_NAME));
    note(AppField::NameZh, line(&fields.name_zh, MAX_APP_NAME));
    note(
        AppField::DescriptionEn,
        line(&fields.description_en, MAX_DESCRIPTION),
    );
    note(
        AppField::DescriptionZh,
        line(&fields.description_zh, MAX_DESCRIPTION),
    );
    note(AppField::Url, url(&fields.url));
    if !(1..=TINTS).contains(&fields.tint) {
        note(AppField::Tint, Some(Fault::NoSuchTint));
    }
    let is_named = !fields.rule.any_of.is_empty();
    if fields.rule.audience == Audience::AnyOf && !is_named {
        note(AppField::AnyOf, Some(Fault::NoPermission));
    }
    note(AppField::AnyOf, permissions(fields.rule.any_of.iter()));
    note(AppField::ButNot, permissions(fields.rule.but_not.iter()));
    note(AppField::Keywords, line(&fields.keywords, MAX_KEYWORDS));
    note(AppField::Note, lines(&fields.note, MAX_APP_NOTE));
    found
}

/// Checks the name of a category.
pub fn category_name(name: &str) -> Option<Fault> {
    line(name, MAX_APP_NAME)
}

fn line(text: &str, longest: usize) -> Option<Fault> {
    if text.chars().any(is_forbidden) {
        return Some(Fault::ForbiddenCharacter);
    }
    (text.chars().count() > longest).then_some(Fault::TooLong(longest))
}

/// Checks a text of several lines, which only admins see.
fn lines(text: &str, longest: usize) -> Option<Fault> {
    let is_bad = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.chars().any(is_bad) {
        return Some(Fault::ForbiddenCharacter);
    }
    (text.chars().count() > longest).then_some(Fault::TooLong(longest))
}

/// Only these can stand in a link without doing anything else than opening a page.
fn url(text: &str) -> Option<Fault> {
    if text.chars().count() > MAX_URL {
        return Some(Fault::TooLong(MAX_URL));
    }
    // Browsers remove tabs and line breaks from a URL and so see another one.
    if text.chars().any(|c| is_forbidden(c) || c.is_whitespace()) {
        return Some(Fault::ForbiddenCharacter);
    }
    let Ok(url) = Url::parse(text) else {
        return Some(Fault::NoUrl);
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Some(Fault::NotHttp);
    }
    let scheme = format!("{}://", url.scheme());
    let is_absolute = text
        .get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(&scheme));
    if !is_absolute || url.host_str().is_none_or(str::is_empty) {
        return Some(Fault::NoUrl);
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    has_user.then_some(Fault::UrlWithPassword)
}

fn permissions<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> Option<Fault> {
    if names.len() > MAX_NAMES {
        return Some(Fault::TooManyPermissions);
    }
    let mut names = names;
    let is_bad = |name: &String| {
        name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(is_forbidden)
    };
    names.any(is_bad).then_some(Fault::BadPermission)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_addresses_of_pages_are_addresses() {
        for good in [
            "https://mail.example.com/",
            "http://10.0.0.7:8080/a?b#c",
            "HTTPS://例子.example/",
        ] {
            assert_eq!(url(good), None, "{good}");
        }
        for (bad, fault) in [
            ("javascript:alert(1)", Fault::NotHttp),
            ("JaVaScRiPt:alert(1)", Fault::NotHttp),
            ("java\tscript:alert(1)", Fault::ForbiddenCharacter),
            ("data:text/html,x", Fault::NotHttp),
            ("vbscript:x", Fault::NotHttp),
            ("file:///etc/passwd", Fault::NotHttp),
            ("//mail.example.com", Fault::NoUrl),
            ("/admin", Fault::NoUrl),
            ("mail.example.com", Fault::NoUrl),
            ("https:mail.example.com", Fault::NoUrl),
            ("https://", Fault::NoUrl),
            ("https://a:b@example.com/", Fault::UrlWithPassword),
            (" https://example.com", Fault::ForbiddenCharacter),
            ("", Fault::NoUrl),
        ] {
            assert_eq!(url(bad), Some(fault), "{bad}");
        }
    }
}
