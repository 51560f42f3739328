//! What an admin typed about an app, exactly as it arrived: a form shows it again, an address keeps
//! it during a fresh sign-in.

use crate::admin::apps::Edit;
use crate::apps::owners::Owner;
use crate::apps::{App, AppFields, Audience, Icon, Rule, keywords};
use crate::clock::UnixTime;
use crate::error::{Error, Result};
use crate::id::CategoryId;

/// The step of the form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Step {
    /// Save, if nothing must be asked first.
    #[default]
    Save,
    /// The admin has seen who gains and loses the app.
    Confirmed,
    /// The admin wants the form again.
    Back,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed {
    pub key: String,
    pub name_en: String,
    pub name_zh: String,
    pub description_en: String,
    pub description_zh: String,
    pub url: String,
    /// The id of a category, or empty.
    pub category: String,
    pub icon: String,
    pub tint: String,
    pub audience: String,
    pub any_of: Vec<String>,
    pub but_not: Vec<String>,
    pub is_hidden: String,
    pub is_requestable: String,
    pub keywords: String,
    pub owners: Vec<String>,
    pub note: String,
    /// When the app that the form shows was last changed.
    pub seen: String,
    pub step: Step,
}

const YES: &str = "1";
const NO: &str = "0";

impl Typed {
    /// The fields of a form for a new app.
    pub fn for_new() -> Self {
        Self::of_fields(&AppFields {
            tint: 1,
            ..AppFields::default()
        })
    }

    /// The fields of a form for an app that exists.
    pub fn of_app(app: &App, owners: &[Owner]) -> Self {
        Self {
            key: app.key.clone(),
            owners: owners.iter().map(|owner| owner.username.clone()).collect(),
            seen: app.changed_at.0.to_string(),
            ..Self::of_fields(&app.fields)
        }
    }

    fn of_fields(fields: &AppFields) -> Self {
        let yes_or_no = |is_so| if is_so { YES } else { NO }.to_owned();
        Self {
            name_en: fields.name_en.clone(),
            name_zh: fields.name_zh.clone(),
            description_en: fields.description_en.clone(),
            description_zh: fields.description_zh.clone(),
            url: fields.url.clone(),
            category: fields
                .category_id
                .map(|id| id.to_string())
                .unwrap_or_default(),
            icon: fields.icon.code().to_owned(),
            tint: fields.tint.to_string(),
            audience: fields.rule.audience.code().to_owned(),
            any_of: fields.rule.any_of.iter().cloned().collect(),
            but_not: fields.rule.but_not.iter().cloned().collect(),
            is_hidden: yes_or_no(fields.is_hidden),
            is_requestable: yes_or_no(fields.is_requestable),
            keywords: fields.keywords.clone(),
            note: fields.note.clone(),
            ..Self::default()
        }
    }

    /// Reads a form. A box that is not ticked is not among its fields.
    pub fn of_form(pairs: &[(String, String)]) -> Self {
        let nothing = Self {
            is_hidden: NO.to_owned(),
            is_requestable: NO.to_owned(),
            ..Self::default()
        };
        nothing.with(pairs)
    }

    /// Replaces the fields that the pairs name.
    #[must_use]
    pub fn with(mut self, pairs: &[(String, String)]) -> Self {
        let lists = [&mut self.any_of, &mut self.but_not, &mut self.owners];
        for (list, name) in lists.into_iter().zip(LISTS) {
            let given: Vec<&str> = values(pairs, name).collect();
            if !given.is_empty() {
                *list = lines(given);
            }
        }
        for (name, value) in pairs {
            let field = match name.as_str() {
                "key" => &mut self.key,
                "name_en" => &mut self.name_en,
                "name_zh" => &mut self.name_zh,
                "description_en" => &mut self.description_en,
                "description_zh" => &mut self.description_zh,
                "url" => &mut self.url,
                "category" => &mut self.category,
                "icon" => &mut self.icon,
                "tint" => &mut self.tint,
                "audience" => &mut self.audience,
                "is_hidden" => &mut self.is_hidden,
                "is_requestable" => &mut self.is_requestable,
                "keywords" => &mut self.keywords,
                "note" => &mut self.note,
                "seen" => &mut self.seen,
                "step" => {
                    self.step = match value.as_str() {
                        "confirmed" => Step::Confirmed,
                        "back" => Step::Back,
                        _ => Step::Save,
                    };
                    continue;
                }
                _ => continue,
            };
            *field = value.trim().replace("\r\n", "\n");
        }
        let words: Vec<&str> = self.keywords.split_whitespace().collect();
        self.keywords = words.join(" ");
        self
    }

    /// All fields as a form sends them, except the step.
    pub fn pairs(&self) -> Vec<(&'static str, &str)> {
        let mut pairs = vec![
            ("key", self.key.as_str()),
            ("name_en", &self.name_en),
            ("name_zh", &self.name_zh),
            ("description_en", &self.description_en),
            ("description_zh", &self.description_zh),
            ("url", &self.url),
            ("category", &self.category),
            ("icon", &self.icon),
            ("tint", &self.tint),
            ("audience", &self.audience),
            ("is_hidden", &self.is_hidden),
            ("is_requestable", &self.is_requestable),
            ("keywords", &self.keywords),
            ("seen", &self.seen),
            ("note", &self.note),
        ];
        for (list, name) in [&self.any_of, &self.but_not, &self.owners]
            .into_iter()
            .zip(LISTS)
        {
            pairs.extend(list.iter().map(|value| (name, value.as_str())));
            if list.is_empty() {
                pairs.push((name, ""));
            }
        }
        pairs
    }

    /// The fields that differ from what the form would show now, for an address. What the form was
    /// made from is among them if the app has been changed since, so that it is still refused.
    pub fn typed_since(&self, first: &Self) -> Vec<(&'static str, String)> {
        let all = first.pairs();
        let lists = [
            self.any_of == first.any_of,
            self.but_not == first.but_not,
            self.owners == first.owners,
        ];
        let is_same = |name: &str, value: &str| {
            let list = LISTS.iter().zip(lists).find(|(one, _)| **one == name);
            list.map_or_else(|| all.contains(&(name, value)), |(_, is_same)| is_same)
        };
        let mut typed: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in self.pairs() {
            if !is_same(name, value) {
                typed.push((name, value.to_owned()));
            }
        }
        typed
    }

    /// Fills in the words of "also found by" that follow from the Chinese name, if there are none.
    pub fn suggest_keywords(&mut self) {
        if self.keywords.is_empty()
            && let Some(words) = keywords::suggest(&self.name_zh)
        {
            self.keywords = words;
        }
    }

    /// The fields of the app. A choice that no form offers is a bad request.
    pub fn fields(&self) -> Result<AppFields> {
        let category_id = match self.category.as_str() {
            "" => None,
            id => Some(id.parse::<CategoryId>().map_err(|_| Error::BadRequest)?),
        };
        Ok(AppFields {
            name_en: self.name_en.clone(),
            name_zh: self.name_zh.clone(),
            description_en: self.description_en.clone(),
            description_zh: self.description_zh.clone(),
            url: self.url.clone(),
            category_id,
            icon: chosen(&self.icon, Icon::from_code)?,
            image: None,
            // An impossible number is a fault of the field.
            tint: self.tint.parse().unwrap_or(0),
            rule: Rule {
                audience: chosen(&self.audience, Audience::from_code)?,
                any_of: self.any_of.iter().cloned().collect(),
                but_not: self.but_not.iter().cloned().collect(),
            },
            is_hidden: self.is_hidden(),
            is_requestable: self.is_requestable(),
            keywords: self.keywords.clone(),
            note: self.note.clone(),
        })
    }

    pub fn edit(&self) -> Result<Edit> {
        Ok(Edit {
            seen: UnixTime(self.seen.parse().map_err(|_| Error::BadRequest)?),
            fields: self.fields()?,
            owners: self.owners.clone(),
        })
    }

    pub fn is_hidden(&self) -> bool {
        self.is_hidden == YES
    }

    pub fn is_requestable(&self) -> bool {
        self.is_requestable == YES
    }
}

/// The fields with a value for each line.
const LISTS: [&str; 3] = ["any_of", "but_not", "owners"];

fn values<'a>(pairs: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    let named = pairs.iter().filter(move |(given, _)| given == name);
    named.map(|(_, value)| value.as_str())
}

fn lines(values: Vec<&str>) -> Vec<String> {
    let lines = values.into_iter().flat_map(str::lines).map(str::trim);
    let mut kept: Vec<String> = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        if !kept.iter().any(|known| known == line) {
            kept.push(line.to_owned());
        }
    }
    kept
}

/// Reads a choice; nothing chosen is the default.
fn chosen<T: Default>(code: &str, read: impl Fn(&str) -> Option<T>) -> Result<T> {
    if code.is_empty() {
        return Ok(T::default());
    }
    read(code).ok_or(Error::BadRequest)
}
