//! Reads a file of apps, and names all of its faults by their lines.

mod app;
mod table;

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{AppsFile, END, FileCategory, FileFault};
use crate::apps::{MAX_APPS, MAX_CATEGORIES, check};
use table::Table;

/// Reads a file as far as it can be read, and lists what is wrong with it by line.
pub fn read(text: &str) -> (AppsFile, Vec<FileFault>) {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::new(text);
    for error in errors {
        let line = error.span().map_or(1, |span| reader.line(&span));
        let problem = error.message().lines().next().unwrap_or_default();
        reader.fault(line, format!("this is not TOML: {problem}"));
        reader.broken.push(line);
    }
    let mut file = AppsFile {
        is_whole: text.trim_end().lines().next_back() == Some(END),
        ..AppsFile::default()
    };
    let mut root = Table::new(&reader, 1, "", root.get_ref());
    let categories = root.tables(&mut reader, "category");
    let apps = root.tables(&mut reader, "app");
    root.finish(&mut reader);
    let mut starts: Vec<usize> = categories.iter().chain(&apps).map(Table::line).collect();
    starts.sort_unstable();
    for table in categories {
        let category = reader.category(table);
        file.categories.push(category);
    }
    for table in apps {
        let line = table.line();
        let end = starts.iter().find(|start| **start > line);
        let lines = line..end.copied().unwrap_or(usize::MAX);
        let app = reader.app(table, &lines, &file.categories);
        file.apps.push(app);
    }
    reader.refuse_doubles(&file);
    reader.refuse_too_many(&file);
    (file, reader.faults())
}

struct Reader {
    /// Where each line begins.
    starts: Vec<usize>,
    faults: Vec<FileFault>,
    /// The lines that are not TOML. What is said about them otherwise may be wrong.
    broken: Vec<usize>,
}

impl Reader {
    fn new(text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            starts: std::iter::once(0).chain(breaks).collect(),
            faults: Vec::new(),
            broken: Vec::new(),
        }
    }

    fn line(&self, span: &Range<usize>) -> usize {
        self.starts.partition_point(|start| *start <= span.start)
    }

    fn line_of(&self, value: &Spanned<DeValue<'_>>) -> usize {
        self.line(&value.span())
    }

    fn fault(&mut self, line: usize, problem: impl Into<String>) {
        let problem = problem.into();
        self.faults.push(FileFault { line, problem });
    }

    /// Returns whether one of these lines is not TOML.
    fn is_broken(&self, lines: &Range<usize>) -> bool {
        self.broken.iter().any(|line| lines.contains(line))
    }

    /// Returns all faults by line, each once; of a line that is not TOML only that.
    fn faults(self) -> Vec<FileFault> {
        let mut kept: Vec<FileFault> = Vec::new();
        for (place, fault) in self.faults.into_iter().enumerate() {
            if place < self.broken.len() || !self.broken.contains(&fault.line) {
                kept.push(fault);
            }
        }
        kept.sort();
        kept.dedup();
        kept
    }

    fn category(&mut self, mut table: Table<'_>) -> FileCategory {
        let mut names = ["name_en", "name_zh"].map(|key| {
            let name = table.text(self, key);
            let name = name.unwrap_or_default();
            if let Some(fault) = check::category_name(&name) {
                let line = table.line_of(key);
                self.fault(line, format!("category: {key}: {}", in_words(fault)));
            }
            name
        });
        let line = table.line();
        let is_nameless = names.iter().all(String::is_empty);
        if is_nameless && !self.is_broken(&(line..line + 3)) {
            let problem = in_words(check::Fault::NoName);
            self.fault(line, format!("category: {problem}"));
        }
        table.finish(self);
        let [name_en, name_zh] = &mut names;
        FileCategory {
            line,
            name_en: std::mem::take(name_en),
            name_zh: std::mem::take(name_zh),
        }
    }

    fn refuse_doubles(&mut self, file: &AppsFile) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for app in file.apps.iter().filter(|app| !app.key.is_empty()) {
            if let Some(first) = seen.insert(&app.key, app.line) {
                let problem = format!("app {}: line {first} has an app with this key", app.key);
                self.fault(app.line, problem);
            }
        }
        let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for category in &file.categories {
            let names = (category.name_en.as_str(), category.name_zh.as_str());
            if names == ("", "") {
                continue;
            }
            if let Some(first) = seen.insert(names, category.line) {
                let problem = format!("category: line {first} has one with the same names");
                self.fault(category.line, problem);
            }
        }
    }

    fn refuse_too_many(&mut self, file: &AppsFile) {
        let apps = file.apps.iter().map(|app| app.line);
        let categories = file.categories.iter().map(|category| category.line);
        let (apps, categories): (Vec<_>, Vec<_>) = (apps.collect(), categories.collect());
        for (lines, most, what) in [
            (apps, MAX_APPS, "apps"),
            (categories, MAX_CATEGORIES, "categories"),
        ] {
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            if let Some(line) = lines.get(most) {
                self.fault(*line, format!("there may be at most {most} {what}"));
            }
        }
    }
}

/// Says what to do about a fault.
fn in_words(fault: check::Fault) -> String {
    use check::Fault;
    match fault {
        Fault::NoName => "write name_en or name_zh, or both".to_owned(),
        Fault::TooLong(most) => format!("write at most {most} characters"),
        Fault::ForbiddenCharacter => {
            "remove line breaks, control characters and characters that change the order of reading"
                .to_owned()
        }
        Fault::NoUrl => "write a full address, like https://mail.example.com/".to_owned(),
        Fault::NotHttp => "write an address that begins with https:// or http://".to_owned(),
        Fault::UrlWithPassword => "remove the name and password from the address".to_owned(),
        Fault::NoSuchTint => format!("write a number from 1 to {}", crate::apps::TINTS),
        Fault::NoPermission => {
            "name a permission, or write audience = \"nobody\" or \"everyone\"".to_owned()
        }
        Fault::TooManyPermissions => {
            format!("name at most {} permissions", crate::apps::rule::MAX_NAMES)
        }
        Fault::BadPermission => "one of these cannot be the name of a permission".to_owned(),
    }
}
