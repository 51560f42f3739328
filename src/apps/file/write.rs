//! Writes a file of apps.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{AppsFile, END, FileApp, FileCategory};
use crate::apps::images::Image;
use crate::text::is_forbidden;

const HEAD: &str = "# The apps of the start page, as `frontdesk apps export` writes them.\n";

/// The length of a line of base64.
const WIDTH: usize = 76;

/// Writes a file. The same content always gives the same bytes.
pub fn write(file: &AppsFile) -> String {
    let mut text = String::from(HEAD);
    for category in &file.categories {
        text.push_str("\n[[category]]\n");
        push_text(&mut text, "name_en", &category.name_en);
        push_text(&mut text, "name_zh", &category.name_zh);
    }
    for app in &file.apps {
        push_app(&mut text, app, &file.categories);
    }
    text.push('\n');
    text.push_str(END);
    text.push('\n');
    text
}

fn push_app(text: &mut String, app: &FileApp, categories: &[FileCategory]) {
    let fields = &app.fields;
    text.push_str("\n[[app]]\n");
    push_text(text, "key", &app.key);
    push_text(text, "name_en", &fields.name_en);
    push_text(text, "name_zh", &fields.name_zh);
    push_text(text, "description_en", &fields.description_en);
    push_text(text, "description_zh", &fields.description_zh);
    push_text(text, "url", &fields.url);
    if let Some(category) = app.category.and_then(|place| categories.get(place)) {
        push_category(text, category, categories);
    }
    push_text(text, "icon", fields.icon.code());
    push_line(text, "tint", &fields.tint.to_string());
    push_line(text, "hidden", &fields.is_hidden.to_string());
    push_line(text, "askable", &fields.is_requestable.to_string());
    push_text(text, "keywords", &fields.keywords);
    push_note(text, &fields.note);
    push_list(text, "owners", &app.usernames());
    text.push_str("\n[app.rule]\n");
    push_text(text, "audience", fields.rule.audience.code());
    let [any_of, but_not] = [&fields.rule.any_of, &fields.rule.but_not]
        .map(|names| names.iter().cloned().collect::<Vec<_>>());
    push_list(text, "any_of", &any_of);
    push_list(text, "but_not", &but_not);
    if let Some(image) = &app.image {
        push_image(text, image);
    }
}

/// One name is enough unless another category has it too.
fn push_category(text: &mut String, category: &FileCategory, categories: &[FileCategory]) {
    let names = [&category.name_en, &category.name_zh];
    let is_clear = |name: &str| {
        let has_it = |one: &&FileCategory| one.name_en == name || one.name_zh == name;
        !name.is_empty() && categories.iter().filter(has_it).count() == 1
    };
    if let Some(name) = names.into_iter().find(|name| is_clear(name)) {
        push_text(text, "category", name);
    } else {
        let both = names.map(|name| quoted(name)).join(", ");
        push_line(text, "category", &format!("[{both}]"));
    }
}

fn push_image(text: &mut String, image: &Image) {
    text.push_str("\n[app.image]\n");
    push_text(text, "content_type", image.kind.content_type());
    text.push_str("base64 = \"\"\"\n");
    let mut column = 0;
    for c in STANDARD.encode(image.content()).chars() {
        if column == WIDTH {
            text.push('\n');
            column = 0;
        }
        text.push(c);
        column += 1;
    }
    text.push_str("\n\"\"\"\n");
}

/// Several lines stay several lines, so that a comparison shows the one that changed.
fn push_note(text: &mut String, note: &str) {
    if note.contains('\n') {
        let lines: Vec<String> = note.split('\n').map(escaped).collect();
        push_line(text, "note", &format!("\"\"\"\n{}\"\"\"", lines.join("\n")));
    } else {
        push_text(text, "note", note);
    }
}

/// Leaves out what is empty.
fn push_text(text: &mut String, key: &str, value: &str) {
    if !value.is_empty() {
        push_line(text, key, &quoted(value));
    }
}

fn push_list(text: &mut String, key: &str, values: &[String]) {
    if values.is_empty() {
        return;
    }
    let mut list = String::from("[\n");
    for value in values {
        list.extend(["    ", &quoted(value), ",\n"]);
    }
    list.push(']');
    push_line(text, key, &list);
}

fn push_line(text: &mut String, key: &str, value: &str) {
    text.extend([key, " = ", value, "\n"]);
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// Characters that cannot be seen, or that change the order of reading, are written as numbers.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            c if is_forbidden(c) => {
                let _infallible = write!(escaped, "\\u{:04X}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}
