//! Apps as a TOML file that can live in a version control system: the same content is always the
//! same bytes. Grants are never in it.

mod read;
pub mod store;
mod write;

pub use read::read;
pub use write::write;

use super::images::Image;
use super::{AppField, AppFields};

/// The last line of a file, by which a file that was cut off is told from one that is whole.
pub const END: &str = "# end";

/// What a file says, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppsFile {
    pub categories: Vec<FileCategory>,
    pub apps: Vec<FileApp>,
    /// The last line is [`END`].
    pub is_whole: bool,
}

/// A category has no key: its two names identify it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileCategory {
    pub line: usize,
    pub name_en: String,
    pub name_zh: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileApp {
    pub line: usize,
    pub key: String,
    /// Without the category, whose id a file does not know.
    pub fields: AppFields,
    /// The place of its category among those of the file.
    pub category: Option<usize>,
    /// The image whose hash is in the fields.
    pub image: Option<Image>,
    pub owners: Vec<FileOwner>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOwner {
    pub line: usize,
    pub username: String,
}

impl FileApp {
    /// The usernames of its owners, each once, in order.
    pub fn usernames(&self) -> Vec<String> {
        let mut usernames: Vec<String> = self
            .owners
            .iter()
            .map(|owner| owner.username.clone())
            .collect();
        usernames.sort();
        usernames.dedup();
        usernames
    }
}

/// Something in a file that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileFault {
    pub line: usize,
    pub problem: String,
}

/// The name of a field in files.
pub const fn name_in_file(field: AppField) -> &'static str {
    match field {
        AppField::IsHidden => "hidden",
        AppField::IsRequestable => "askable",
        other => other.code(),
    }
}
