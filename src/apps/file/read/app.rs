//! Reads one app of a file.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use strum::VariantArray as _;
use toml::de::DeValue;

use super::table::Table;
use super::{Reader, in_words};
use crate::apps::file::{FileApp, FileCategory, FileOwner, name_in_file};
use crate::apps::images::{Image, ImageFault};
use crate::apps::owners::MAX_OWNERS;
use crate::apps::{AppField, AppFields, Audience, Icon, MAX_KEY, Rule, check, is_key};

impl Reader {
    /// Reads an app, which is described in these lines.
    pub(super) fn app(
        &mut self,
        mut table: Table<'_>,
        lines: &Range<usize>,
        categories: &[FileCategory],
    ) -> FileApp {
        let key = table.text(self, "key").unwrap_or_default();
        if is_key(&key) {
            table.name = format!("app {key}");
        } else if table.has("key") || !self.is_broken(lines) {
            let problem = format!("write a key of 1 to {MAX_KEY} of the characters a-z, 0-9 and -");
            table.fault(self, "key", &problem);
        }
        let mut fields = self.fields(&mut table);
        let category = self.category_of(&mut table, categories);
        let owners = self.owners(&mut table);
        let mut rule_table = table.table(self, "rule");
        if let Some(rule) = &mut rule_table {
            fields.rule = self.rule(rule);
        }
        let image = match table.table(self, "image") {
            Some(image) => self.image(image),
            None => None,
        };
        fields.image = image.as_ref().map(|image| image.hash.clone());
        self.check(&fields, &table, rule_table.as_ref(), lines);
        if let Some(rule) = rule_table {
            rule.finish(self);
        }
        let line = table.line();
        table.finish(self);
        FileApp {
            line,
            key,
            fields,
            category,
            image,
            owners,
        }
    }

    /// What the file leaves out is empty. An app without a rule opens to nobody.
    fn fields(&mut self, table: &mut Table<'_>) -> AppFields {
        let [
            name_en,
            name_zh,
            description_en,
            description_zh,
            url,
            keywords,
            note,
        ] = [
            "name_en",
            "name_zh",
            "description_en",
            "description_zh",
            "url",
            "keywords",
            "note",
        ]
        .map(|key| table.text(self, key).unwrap_or_default());
        let icon = table.text(self, "icon");
        let known = icon.as_deref().map(Icon::from_code);
        if known == Some(None) {
            let icons: Vec<&str> = Icon::VARIANTS.iter().map(|icon| icon.code()).collect();
            table.fault(self, "icon", &format!("write one of {}", icons.join(", ")));
        }
        AppFields {
            name_en,
            name_zh,
            description_en,
            description_zh,
            url,
            icon: known.flatten().unwrap_or_default(),
            tint: table.number(self, "tint").unwrap_or(1),
            is_hidden: table.switch(self, "hidden").unwrap_or_default(),
            is_requestable: table.switch(self, "askable").unwrap_or_default(),
            keywords,
            note,
            ..AppFields::default()
        }
    }

    fn rule(&mut self, table: &mut Table<'_>) -> Rule {
        let audience = table.text(self, "audience");
        let known = audience.as_deref().map(Audience::from_code);
        if known == Some(None) {
            let all: Vec<&str> = Audience::VARIANTS.iter().map(|one| one.code()).collect();
            table.fault(
                self,
                "audience",
                &format!("write one of {}", all.join(", ")),
            );
        }
        let mut names = |key| {
            let names = table.texts(self, key).into_iter();
            names.map(|(_, name)| name).collect()
        };
        let rule = Rule {
            audience: known.flatten().unwrap_or_default(),
            any_of: names("any_of"),
            but_not: names("but_not"),
        };
        if !table.has("audience") && !rule.any_of.is_empty() {
            let problem = "write audience = \"any_of\" beside it, or the app opens to nobody";
            table.fault(self, "any_of", problem);
        }
        rule
    }

    /// Finds the category that a name, or a list of both names, means.
    fn category_of(&mut self, table: &mut Table<'_>, categories: &[FileCategory]) -> Option<usize> {
        let value = table.take("category")?;
        let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
        let names: Option<Vec<String>> = match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| text(item.get_ref())).collect(),
            value => text(value).map(|name| vec![name]),
        };
        let is_it = |category: &FileCategory| {
            let both = [category.name_en.as_str(), category.name_zh.as_str()];
            match names.as_deref() {
                Some([name]) => !name.is_empty() && both.contains(&name.as_str()),
                Some([en, zh]) => both == [en.as_str(), zh.as_str()],
                _ => false,
            }
        };
        if matches!(names.as_deref(), Some([name]) if name.is_empty()) {
            return None;
        }
        let mut found = categories.iter().enumerate();
        let mut found = found.by_ref().filter(|(_, category)| is_it(category));
        let problem = match (found.next(), found.next()) {
            (Some((place, _)), None) => return Some(place),
            (Some(_), Some(_)) => {
                "several categories have this name; write both of its names: [\"Work\", \"工作\"]"
            }
            (None, _) if names.is_some() => "there is no [[category]] with this name in the file",
            (None, _) => "must be a text in quotes: a name of a [[category]]",
        };
        table.fault(self, "category", problem);
        None
    }

    fn owners(&mut self, table: &mut Table<'_>) -> Vec<FileOwner> {
        let owners = table.texts(self, "owners").into_iter();
        let owners: Vec<FileOwner> = owners
            .map(|(line, username)| FileOwner { line, username })
            .collect();
        if owners.len() > MAX_OWNERS {
            table.fault(self, "owners", &format!("name at most {MAX_OWNERS} people"));
        }
        owners
    }

    fn image(&mut self, mut table: Table<'_>) -> Option<Image> {
        let content_type = table.text(self, "content_type").unwrap_or_default();
        let mut base64 = table.text(self, "base64").unwrap_or_default();
        base64.retain(|c| !c.is_ascii_whitespace());
        let image = match STANDARD.decode(&base64) {
            Ok(content) => Image::check(content).map_err(image_fault_in_words),
            Err(_) => Err("this is not base64"),
        };
        let image = match image {
            Ok(image) => Some(image),
            Err(problem) => {
                table.fault(self, "base64", problem);
                None
            }
        };
        let kind = image.as_ref().map(|image| image.kind.content_type());
        if kind.is_some_and(|kind| kind != content_type) {
            let problem = format!("write {}, which these bytes are", kind.unwrap_or_default());
            table.fault(self, "content_type", &problem);
        }
        table.finish(self);
        image
    }

    /// Reports what an app may not look like, with the line of the field.
    fn check(
        &mut self,
        fields: &AppFields,
        table: &Table<'_>,
        rule: Option<&Table<'_>>,
        lines: &Range<usize>,
    ) {
        for (field, fault) in check::faults(fields) {
            let name = name_in_file(field);
            let is_of_rule = matches!(
                field,
                AppField::Audience | AppField::AnyOf | AppField::ButNot
            );
            let table = rule.filter(|_| is_of_rule).unwrap_or(table);
            // What seems to be missing may be in a line that could not be read.
            let may_be_there = !table.has(name) && self.is_broken(lines);
            if !may_be_there && !table.has_fault(self, name) {
                table.fault(self, name, &in_words(fault));
            }
        }
    }
}

const fn image_fault_in_words(fault: ImageFault) -> &'static str {
    match fault {
        ImageFault::Missing => "there is no image",
        ImageFault::TooManyBytes => "an image may have at most 64 KiB",
        ImageFault::Svg => "this is a drawing (SVG); give a PNG or WebP image",
        ImageFault::OtherKind => "give a PNG or WebP image",
        ImageFault::Moving => "give an image that does not move",
        ImageFault::TooManyPixels => "an image may be at most 512 pixels wide and high",
        ImageFault::Damaged => "the image is damaged or incomplete",
        ImageFault::MoreAfterEnd => "something else follows the image",
    }
}
