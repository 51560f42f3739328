//! Which characters a name may not hold, and how they are written where they stand all the same.

use std::fmt::Write as _;

/// Characters that make text read in another order than it is stored.
#[must_use]
pub const fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters that no name, address or label may hold: control and bidirectional ones. Joiners
/// may: emoji and several scripts need them.
#[must_use]
pub fn is_refused(c: char) -> bool {
    c.is_control() || is_bidi_control(c)
}

/// What some readers take for the end of a line, or show in another order than it is, escaped
/// within a JSON text, whose meaning stays.
#[must_use]
pub fn escape_json(line: String) -> String {
    if line.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return line;
    }
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        if is_refused(c) || matches!(c, '\u{2028}' | '\u{2029}') {
            let _infallible = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}
