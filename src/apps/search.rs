//! The search of the start page. The server writes the words of each tile into the page, so that
//! `static/home.js` finds by the same rule without a dictionary: it has its own copy of [`terms`]
//! and [`matches`].

use url::Url;

use super::AppFields;
use crate::users::search_index::is_han;

/// The longest search, in characters; a longer one is cut.
pub const MAX_SEARCH: usize = 100;

/// The labels of hosts that say nothing about an app.
const COMMON_LABELS: [&str; 9] = [
    "www",
    "com",
    "net",
    "org",
    "gov",
    "edu",
    "co",
    "ac",
    "localhost",
];

/// The words by which an app is found, each after a space: of its names, descriptions and address,
/// and those of "also found by".
pub fn words(fields: &AppFields) -> String {
    let mut found: Vec<String> = Vec::new();
    let texts = [
        &fields.name_en,
        &fields.name_zh,
        &fields.keywords,
        &fields.description_en,
        &fields.description_zh,
    ];
    for text in texts {
        add_words(text, &mut found);
    }
    add_address(&fields.url, &mut found);
    let mut words = String::new();
    for (at, word) in found.iter().enumerate() {
        if !found.iter().take(at).any(|earlier| earlier == word) {
            words.push(' ');
            words.push_str(word);
        }
    }
    words
}

/// The parts of a search: runs of Chinese characters, and runs of anything else but spaces.
pub fn terms(search: &str) -> Vec<String> {
    let folded = fold(search);
    let start = folded.trim_start();
    let without_scheme = ["https://", "http://"]
        .iter()
        .find_map(|scheme| start.strip_prefix(scheme));
    let text = without_scheme.unwrap_or(start);
    runs(text, |c| match c {
        c if c.is_whitespace() => Kind::Space,
        c if is_han(c) => Kind::Han,
        _ => Kind::Latin,
    })
}

/// Returns whether all parts of a search find an app: Chinese characters anywhere in its
/// [`words`], anything else at the beginning of one. No part finds every app.
pub fn matches(words: &str, terms: &[String]) -> bool {
    terms.iter().all(|term| {
        if term.starts_with(is_han) {
            words.contains(term.as_str())
        } else {
            words.contains(&format!(" {term}"))
        }
    })
}

/// Lower case, and full-width letters as plain ones.
fn fold(text: &str) -> String {
    let narrow = |c: char| match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    };
    text.to_lowercase().chars().map(narrow).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Space,
    Han,
    Latin,
}

/// Cuts a text where its kind changes, and leaves out the spaces.
fn runs(text: &str, kind: impl Fn(char) -> Kind) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut previous = Kind::Space;
    for c in text.chars() {
        let now = kind(c);
        if now != Kind::Space {
            match found.last_mut() {
                Some(run) if now == previous => run.push(c),
                _ => found.push(c.to_string()),
            }
        }
        previous = now;
    }
    found
}

/// Adds the words of a text: as they stand (`it-help`, `c++`), and where they are joined, each part
/// (`help`).
fn add_words(text: &str, found: &mut Vec<String>) {
    for run in terms(text) {
        let parts = runs(&run, |c| {
            if c.is_alphanumeric() {
                Kind::Latin
            } else {
                Kind::Space
            }
        });
        if parts.is_empty() {
            continue;
        }
        if parts != [run.as_str()] {
            found.extend(parts);
        }
        found.push(run);
    }
}

/// Adds an address from its host on, and the words of its host and path that tell it from others.
fn add_address(address: &str, found: &mut Vec<String>) {
    let Ok(url) = Url::parse(address) else {
        return;
    };
    let folded = fold(address);
    let whole = folded.split_once("://").map_or("", |(_, rest)| rest);
    let end = if whole.contains('/') { "" } else { "/" };
    found.push(format!("{whole}{end}"));
    if let Some(host) = url.domain() {
        let labels: Vec<&str> = host.split('.').filter(|label| !label.is_empty()).collect();
        // The last label is that of a country or the like.
        let telling = labels.len().saturating_sub(1).max(1);
        let telling = labels.into_iter().take(telling);
        for label in telling.filter(|label| !COMMON_LABELS.contains(label)) {
            add_words(label, found);
        }
    }
    for part in url.path_segments().into_iter().flatten() {
        add_words(part, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name_en: &str, name_zh: &str, keywords: &str, url: &str) -> String {
        words(&AppFields {
            name_en: name_en.to_owned(),
            name_zh: name_zh.to_owned(),
            keywords: keywords.to_owned(),
            url: url.to_owned(),
            ..AppFields::default()
        })
    }

    fn finds(search: &str, words: &str) -> bool {
        matches(words, &terms(search))
    }

    #[test]
    fn chinese_is_found_anywhere_and_by_the_words_of_also_found_by() {
        let wechat = app("", "企业微信", "weixin wx", "https://work.example.com/");
        for search in [
            "微信", "信", "业微", "wx", "weixin", "wei", "WX", "ｗｘ", "微 wx", "信wei", "work",
        ] {
            assert!(finds(search, &wechat), "{search}: {wechat}");
        }
        for search in ["信微", "eixin", "x", "银行", "微信x", "com", "example wx q"] {
            assert!(!finds(search, &wechat), "{search}: {wechat}");
        }
    }

    #[test]
    fn latin_is_found_from_the_beginning_of_a_word_on() {
        let desk = app(
            "IT-Help desk (beta)",
            "",
            "",
            "https://help.example.com/c++/x/",
        );
        for search in [
            "it", "help", "it-h", "DESK", "des", "beta", "(beta", "desk it", "c++", "",
        ] {
            assert!(finds(search, &desk), "{search}: {desk}");
        }
        for search in ["elp", "desk mail", "sk", "-"] {
            assert!(!finds(search, &desk), "{search}: {desk}");
        }
        assert!(finds("oa", &app("", "新OA系统", "", "https://x.example/")));
        assert!(finds(
            "新oa系",
            &app("", "新OA系统", "", "https://x.example/")
        ));
    }

    #[test]
    fn an_address_is_found_as_it_is_typed_or_pasted() {
        let git = app(
            "Source code",
            "",
            "",
            "https://git.qinghe.example:8443/team/",
        );
        for search in [
            "git",
            "git.qin",
            "https://git.qinghe.example:8443/team",
            "HTTP://git",
            "git.qinghe.example:8443/team/",
            "team",
            "qinghe",
        ] {
            assert!(finds(search, &git), "{search}: {git}");
        }
        for search in ["https", "example", "844", "git.qinghe.example.org"] {
            assert!(!finds(search, &git), "{search}: {git}");
        }
        assert!(finds("10.0", &app("x", "", "", "http://10.0.0.7/")));
        assert!(finds("feishu", &app("x", "", "", "https://feishu.cn/")));
    }

    #[test]
    fn a_word_stands_once_and_nothing_breaks_on_strange_text() {
        let words = app("Mail", "", "mail Mail", "https://mail.example/");
        assert_eq!(words.matches(" mail ").count(), 1, "{words}");
        for search in ["\u{0}", "\u{1f469}\u{200d}\u{1f4bb}", "İ", "ß", "\"'<>&"] {
            finds(search, &words);
            app(search, search, search, search);
        }
    }
}
