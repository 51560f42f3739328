//! Which characters a name may not hold.

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
