//! The characters that a name may not contain, and how to write them where they occur anyway.

use std::fmt::Write as _;

/// Returns whether a character changes the order in which text is read.
pub const fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns whether a character is forbidden in names, addresses and labels: control and
/// bidirectional characters are. Joiners are allowed, because emoji and several scripts need them.
pub fn is_forbidden(c: char) -> bool {
    c.is_control() || is_bidi_control(c)
}

/// Returns whether a character is forbidden in names, or is one that some readers take for the end
/// of a line.
fn is_escaped(c: char) -> bool {
    is_forbidden(c) || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Keeps a line on one line and shows what a text in it really contains: control and bidirectional
/// characters are written as `\u{..}`.
pub fn push_escaped(line: &mut String, text: &str) {
    for c in text.chars() {
        if is_escaped(c) {
            line.extend(c.escape_unicode());
        } else {
            line.push(c);
        }
    }
}

/// Escapes, within a JSON text, characters that some readers take for the end of a line or that
/// change the order of reading. The meaning of the JSON is unchanged.
pub fn escape_json(line: String) -> String {
    if line.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return line;
    }
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        if is_escaped(c) {
            let _infallible = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}
