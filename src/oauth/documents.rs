//! A provider's answers about one person, unchanged.

use serde_json::Value;

use crate::config::{Document, Pointer};
use crate::error::Cause;

/// A provider's answers about one person.
#[derive(Default)]
pub struct Documents {
    all: [Option<Value>; 4],
    /// The reason why the permissions answer is missing, if it was requested.
    pub permissions_failure: Option<Cause>,
}

impl Documents {
    pub fn set(&mut self, document: Document, value: Value) {
        for (known, place) in Document::ALL.into_iter().zip(&mut self.all) {
            if known == document {
                *place = Some(value);
                return;
            }
        }
    }

    #[must_use]
    pub fn get(&self, document: Document) -> Option<&Value> {
        self.iter()
            .find(|(known, _)| *known == document)
            .map(|(_, value)| value)
    }

    /// The existing documents, in order of precedence.
    pub fn iter(&self) -> impl Iterator<Item = (Document, &Value)> {
        Document::ALL
            .into_iter()
            .zip(&self.all)
            .filter_map(|(document, value)| Some((document, value.as_ref()?)))
    }

    /// The value at a pointer, from the first document in which it exists and is not null.
    #[must_use]
    pub fn find(&self, pointer: &Pointer) -> Option<(Document, &Value)> {
        self.iter()
            .filter(|(document, _)| pointer.document.is_none_or(|only| only == *document))
            .find_map(|(document, value)| {
                let found = value
                    .pointer(&pointer.path)
                    .filter(|found| !found.is_null())?;
                Some((document, found))
            })
    }

    /// The codes of the documents that have any of these members, separated by spaces.
    #[must_use]
    pub fn that_have(&self, pointers: &[Pointer]) -> String {
        let has = |document: Document, value: &Value| {
            pointers
                .iter()
                .filter(|pointer| pointer.document.is_none_or(|only| only == document))
                .any(|pointer| value.pointer(&pointer.path).is_some())
        };
        let codes: Vec<&str> = self
            .iter()
            .filter(|(document, value)| has(*document, value))
            .map(|(document, _)| document.code())
            .collect();
        codes.join(" ")
    }

    /// True if any document has this member, even as null.
    #[must_use]
    pub fn has(&self, pointer: &Pointer) -> bool {
        self.iter()
            .filter(|(document, _)| pointer.document.is_none_or(|only| only == *document))
            .any(|(_, value)| value.pointer(&pointer.path).is_some())
    }

    /// True if a document has this member as null.
    pub(super) fn says_null(&self, pointer: &Pointer) -> bool {
        self.iter()
            .filter(|(document, _)| pointer.document.is_none_or(|only| only == *document))
            .any(|(_, value)| value.pointer(&pointer.path).is_some_and(Value::is_null))
    }

    pub(super) fn value(&self, pointer: &Pointer) -> Option<&Value> {
        self.find(pointer).map(|(_, value)| value)
    }
}
