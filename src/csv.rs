//! Lines of CSV (RFC 4180) that a spreadsheet does not read as formulas.

/// Characters that start a formula in a spreadsheet, or that it skips before one. They include
/// full-width signs.
const STARTS: &[char] = &[
    '=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠',
];

/// Marks the text as UTF-8 for spreadsheets.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Appends one line.
pub fn push_line<'a>(text: &mut String, fields: impl IntoIterator<Item = &'a str>) {
    for (at, field) in fields.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        push_field(text, field);
    }
    text.push_str("\r\n");
}

/// Splits one line into fields.
#[must_use]
pub fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field) = (Vec::new(), String::new());
    let mut is_quoted = false;
    let mut letters = line.trim_start_matches(BYTE_ORDER_MARK).chars().peekable();
    while let Some(c) = letters.next() {
        match (c, is_quoted) {
            ('"', true) if letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            ('"', _) => is_quoted = !is_quoted,
            (',', false) => fields.push(std::mem::take(&mut field)),
            (c, _) => field.push(c),
        }
    }
    fields.push(field);
    fields
}

fn push_field(text: &mut String, field: &str) {
    let is_formula = field.trim_start_matches(' ').starts_with(STARTS);
    let needs_quotes = is_formula || field.contains([',', '"', '\r', '\n', '\0', '\t', ';', '\'']);
    if !needs_quotes {
        text.push_str(field);
        return;
    }
    text.push('"');
    if is_formula {
        text.push('\'');
    }
    for c in field.chars() {
        match c {
            '"' => text.push_str("\"\""),
            // Readers disagree on what it means.
            '\0' => text.push('\u{fffd}'),
            _ => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back_as_its_fields() {
        for (line, expected) in [
            ("a,b", vec!["a", "b"]),
            ("\"a,b\",\"say \"\"hi\"\"\"", vec!["a,b", "say \"hi\""]),
            ("\u{feff}王,", vec!["王", ""]),
            ("", vec![""]),
        ] {
            assert_eq!(fields(line), expected, "{line}");
        }
    }

    #[test]
    fn no_field_is_a_formula_and_quotes_are_doubled() {
        let mut text = String::new();
        let fields = [
            "plain",
            "=HYPERLINK(\"http://x\")",
            "＝1+1",
            "-2",
            " @x",
            "a,b",
            "say \"hi\"",
            "two\r\nlines",
            "王小明",
            "\0=1",
        ];
        push_line(&mut text, fields);
        assert_eq!(
            text,
            "plain,\"'=HYPERLINK(\"\"http://x\"\")\",\"'＝1+1\",\"'-2\",\"' @x\",\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\",王小明,\"'\u{fffd}=1\"\r\n"
        );
    }
}
