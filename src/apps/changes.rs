//! What changed about an app, for the audit log.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::{AppFields, Rule};
use crate::coded::coded;

/// The fields of an app or a category that can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum AppField {
    NameEn,
    NameZh,
    DescriptionEn,
    DescriptionZh,
    Url,
    /// The id of the category.
    Category,
    Position,
    Icon,
    /// The hash of the uploaded image.
    Image,
    Tint,
    Audience,
    /// The permissions of the rule, by their names in order.
    AnyOf,
    ButNot,
    IsHidden,
    IsRequestable,
    Keywords,
    Note,
}

coded!(AppField);

/// A field that now has another value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppChange {
    pub field: AppField,
    pub from: String,
    pub to: String,
}

/// Lists the fields that differ, in their order.
pub fn changes(old: &AppFields, new: &AppFields) -> Vec<AppChange> {
    let [before, after] = [old, new].map(values);
    before
        .into_iter()
        .zip(after)
        .filter(|((_, from), (_, to))| from != to)
        .map(|((field, from), (_, to))| AppChange { field, from, to })
        .collect()
}

fn values(fields: &AppFields) -> Vec<(AppField, String)> {
    let id =
        |id: Option<_>| id.map_or_else(String::new, |id: crate::id::CategoryId| id.to_string());
    let Rule {
        audience,
        any_of,
        but_not,
    } = &fields.rule;
    vec![
        (AppField::NameEn, fields.name_en.clone()),
        (AppField::NameZh, fields.name_zh.clone()),
        (AppField::DescriptionEn, fields.description_en.clone()),
        (AppField::DescriptionZh, fields.description_zh.clone()),
        (AppField::Url, fields.url.clone()),
        (AppField::Category, id(fields.category_id)),
        (AppField::Icon, fields.icon.code().to_owned()),
        (AppField::Image, fields.image.clone().unwrap_or_default()),
        (AppField::Tint, fields.tint.to_string()),
        (AppField::Audience, audience.code().to_owned()),
        (AppField::AnyOf, names(any_of)),
        (AppField::ButNot, names(but_not)),
        (AppField::IsHidden, fields.is_hidden.to_string()),
        (AppField::IsRequestable, fields.is_requestable.to_string()),
        (AppField::Keywords, fields.keywords.clone()),
        (AppField::Note, fields.note.clone()),
    ]
}

fn names(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.join(", ")
}
