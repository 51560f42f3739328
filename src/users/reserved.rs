//! Names that no account is given: the audit log and its pages use them for things that are not
//! people.

use diesel::prelude::*;
use strum::VariantArray as _;

use crate::audit::COMMAND_LINE;
use crate::db::schema::users;
use crate::db::{Conn, each};
use crate::error::Result;
use crate::i18n::Lang;

/// The name under which the permissions of an imported account are granted.
pub const IMPORT: &str = "import-django";

/// Words that stand for an actor that is not a person, in the audit log and on earlier pages.
const WORDS: [&str; 6] = [
    COMMAND_LINE,
    IMPORT,
    "provider",
    "portal",
    // Used by earlier versions of the pages.
    "the company directory",
    "公司目录",
];

/// The words that a language's pages use for such actors.
const fn words_of(lang: Lang) -> [&'static str; 4] {
    let t = lang.messages();
    [
        t.command_line,
        t.portal,
        t.nobody_known,
        t.company_directory,
    ]
}

/// The name of an erased account, followed by a number.
const ERASED: &str = "erased";

/// Accounts per query.
const BATCH: i64 = 5000;

/// Returns whether a name is reserved, or looks like one that is. Case, width and anything between
/// the letters make no difference.
pub fn is_reserved(name: &str) -> bool {
    let name = skeleton(name);
    let is_alias = || {
        name.strip_prefix(ERASED)
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()))
    };
    let is_word = || {
        let name = folded(&name);
        let words = Lang::VARIANTS.iter().flat_map(|lang| words_of(*lang));
        words
            .chain(WORDS)
            .any(|word| folded(&skeleton(word)) == name)
    };
    !name.is_empty() && (is_alias() || is_word())
}

/// Replaces digits that look like letters, and letters that look alike, by one form.
fn folded(skeleton: &str) -> String {
    skeleton.replace(['l', '1'], "i").replace('0', "o")
}

/// Keeps only the letters and digits of a name, in lower case. Letters of other alphabets that look
/// like Latin ones become those.
fn skeleton(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            // The full-width forms of ASCII.
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            _ => c,
        })
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric())
        .map(|c| match c {
            'а' | 'α' => 'a',
            'с' | 'ϲ' => 'c',
            'ԁ' => 'd',
            'е' | 'ε' => 'e',
            'і' | 'ι' | 'ı' => 'i',
            'м' => 'm',
            'п' => 'n',
            'о' | 'ο' => 'o',
            'р' | 'ρ' => 'p',
            'ѕ' => 's',
            'т' | 'τ' => 't',
            'ν' => 'v',
            _ => c,
        })
        .collect()
}

/// Lists up to `limit` reserved usernames that existing accounts have.
pub fn reserved_in_use(conn: &mut Conn, limit: usize) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        // Walk the index of usernames, one batch at a time.
        let names: Vec<(String, Option<i64>)> = each!(conn, |conn| users::table
            .filter(users::username.gt(&after))
            .order(users::username)
            .limit(BATCH)
            .select((users::username, users::erased_at))
            .load(conn))?;
        let Some((last, _)) = names.last() else {
            return Ok(found);
        };
        after.clone_from(last);
        for (name, erased_at) in names {
            if erased_at.is_none() && is_reserved(&name) {
                found.push(name);
                if found.len() == limit {
                    return Ok(found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_pass_for_another_s_are_reserved() {
        for name in [
            "command line",
            "Command Line",
            "COMMAND  LINE",
            " command line ",
            "command\u{a0}line",
            "command-line",
            "command_line",
            "commandline",
            "command\u{200b} line",
            "ｃｏｍｍａｎｄ　ｌｉｎｅ",
            "соmmand linе",
            "c0mmand-1ine",
            "命令行",
            "命令 行",
            "provider",
            "Portal",
            "门户",
            "not known",
            "未知",
            "import-django",
            "the company directory",
            "the provider",
            "登录平台",
            "erased-1",
            "Erased-7300000000000000000",
            "erased 12",
            "erased-12-2",
        ] {
            assert!(is_reserved(name), "{name:?}");
        }
        for name in [
            "",
            "  ",
            "---",
            "li",
            "command",
            "line",
            "command liner",
            "portal.li",
            "erased",
            "erased-",
            "erased-li",
            "unerased-1",
            "王伟",
            "provider1",
        ] {
            assert!(!is_reserved(name), "{name:?}");
        }
    }
}
