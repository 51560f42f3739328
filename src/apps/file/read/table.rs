//! One table of a file: each key is taken once, and what is left is unknown.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Reader;

pub(super) struct Table<'a> {
    line: usize,
    /// What faults call it: `app mail`.
    pub(super) name: String,
    entries: BTreeMap<&'a str, (usize, &'a Spanned<DeValue<'a>>)>,
    /// The lines of the keys that were taken.
    lines: BTreeMap<String, usize>,
}

impl<'a> Table<'a> {
    pub(super) fn new(reader: &Reader, line: usize, name: &str, table: &'a DeTable<'a>) -> Self {
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let name: &'a std::borrow::Cow<'a, str> = key.get_ref();
            (name.as_ref(), (reader.line(&key.span()), value))
        };
        Self {
            line,
            name: name.to_owned(),
            entries: table.iter().map(entry).collect(),
            lines: BTreeMap::new(),
        }
    }

    pub(super) const fn line(&self) -> usize {
        self.line
    }

    /// Returns the line of a key that was taken, or of the table.
    pub(super) fn line_of(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(self.line)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.lines.contains_key(key)
    }

    pub(super) fn take(&mut self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        let (line, value) = self.entries.remove(key)?;
        self.lines.insert(key.to_owned(), line);
        Some(value)
    }

    pub(super) fn fault(&self, reader: &mut Reader, key: &str, problem: &str) {
        self.fault_in(reader, self.line_of(key), key, problem);
    }

    pub(super) fn fault_in(&self, reader: &mut Reader, line: usize, key: &str, problem: &str) {
        let name = &self.name;
        let space = if name.is_empty() { "" } else { ": " };
        reader.fault(line, format!("{name}{space}{key}: {problem}"));
    }

    /// Returns whether something was said about a key already: a value of the wrong type counts as
    /// missing, and that need not be said too.
    pub(super) fn has_fault(&self, reader: &Reader, key: &str) -> bool {
        let start = format!("{}: {key}: ", self.name);
        let mut faults = reader.faults.iter();
        faults.any(|fault| fault.line == self.line_of(key) && fault.problem.starts_with(&start))
    }

    pub(super) fn text(&mut self, reader: &mut Reader, key: &str) -> Option<String> {
        let value = self.take(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.fault(reader, key, "must be a text in quotes");
        }
        text.map(str::to_owned)
    }

    pub(super) fn switch(&mut self, reader: &mut Reader, key: &str) -> Option<bool> {
        let value = self.take(key)?;
        let switch = value.get_ref().as_bool();
        if switch.is_none() {
            self.fault(reader, key, "must be true or false");
        }
        switch
    }

    pub(super) fn number(&mut self, reader: &mut Reader, key: &str) -> Option<i64> {
        let value = self.take(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.to_string().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.fault(reader, key, "must be a whole number");
        }
        number
    }

    /// Returns the texts of a list, each with its line.
    pub(super) fn texts(&mut self, reader: &mut Reader, key: &str) -> Vec<(usize, String)> {
        const PROBLEM: &str = "must be a list of texts in quotes: [\"one\", \"two\"]";
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            self.fault(reader, key, PROBLEM);
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            let line = reader.line_of(item);
            match item.get_ref().as_str() {
                Some(text) => texts.push((line, text.to_owned())),
                None => self.fault_in(reader, line, key, PROBLEM),
            }
        }
        texts
    }

    /// Returns a table inside this one.
    pub(super) fn table(&mut self, reader: &mut Reader, key: &str) -> Option<Self> {
        let value = self.take(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            self.fault(reader, key, "must be a table");
            return None;
        };
        let name = format!("{}: {key}", self.name);
        Some(Self::new(reader, self.line_of(key), &name, table))
    }

    /// Returns the tables of a list of tables: `[[app]]`.
    pub(super) fn tables(&mut self, reader: &mut Reader, key: &str) -> Vec<Self> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let problem = format!("must be tables, each under a line [[{key}]]");
        let DeValue::Array(items) = value.get_ref() else {
            self.fault(reader, key, &problem);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            let line = reader.line_of(item);
            match item.get_ref() {
                DeValue::Table(table) => tables.push(Self::new(reader, line, key, table)),
                _ => self.fault_in(reader, line, key, &problem),
            }
        }
        tables
    }

    /// Refuses the keys that nobody took.
    pub(super) fn finish(self, reader: &mut Reader) {
        for (key, (line, _)) in &self.entries {
            let key = key.escape_debug().to_string();
            self.fault_in(reader, *line, &key, "is not a key that is known here");
        }
    }
}
