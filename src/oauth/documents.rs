//! A provider's answers about one person, unchanged.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::config::{Document, Pointer};
use crate::error::Cause;

/// A provider's answers about one person.
#[derive(Default)]
pub struct Documents {
    all: BTreeMap<Document, Value>,
    /// The reason why the permissions answer is missing, if it was requested.
    pub permissions_failure: Option<Cause>,
}

impl Documents {
    /// Sets a document, if there is one to set.
    pub fn set(&mut self, document: Document, value: impl Into<Option<Value>>) {
        self.all.extend(value.into().map(|value| (document, value)));
    }

    pub fn get(&self, document: Document) -> Option<&Value> {
        self.all.get(&document)
    }

    /// The existing documents, in order of precedence.
    pub fn iter(&self) -> impl Iterator<Item = (Document, &Value)> {
        self.all.iter().map(|(document, value)| (*document, value))
    }

    /// The values at a pointer, with their documents. Some may be null.
    fn all_at(&self, pointer: &Pointer) -> impl Iterator<Item = (Document, &Value)> {
        self.iter()
            .filter(|(document, _)| pointer.document.is_none_or(|only| only == *document))
            .filter_map(|(document, value)| Some((document, value.pointer(&pointer.path)?)))
    }

    /// The value at a pointer, from the first document in which it exists and is not null.
    pub fn find(&self, pointer: &Pointer) -> Option<(Document, &Value)> {
        self.all_at(pointer).find(|(_, value)| !value.is_null())
    }

    /// The codes of the documents that have any of these members, separated by spaces.
    pub(crate) fn that_have(&self, pointers: &[Pointer]) -> String {
        let found = pointers.iter().flat_map(|pointer| self.all_at(pointer));
        let documents: BTreeSet<Document> = found.map(|(document, _)| document).collect();
        let codes: Vec<&str> = documents.into_iter().map(Document::code).collect();
        codes.join(" ")
    }

    /// True if any document has this member, even as null.
    pub fn has(&self, pointer: &Pointer) -> bool {
        self.all_at(pointer).next().is_some()
    }

    /// True if a document has this member as null.
    pub(super) fn says_null(&self, pointer: &Pointer) -> bool {
        self.all_at(pointer).any(|(_, value)| value.is_null())
    }

    pub(super) fn value(&self, pointer: &Pointer) -> Option<&Value> {
        self.find(pointer).map(|(_, value)| value)
    }
}
