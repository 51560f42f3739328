//! Lists, their filters and their pages.

use std::borrow::Cow;

use actix_web::HttpRequest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{Error, Result};
use crate::i18n::messages::Messages;
use crate::paging::{Listing, PAGE_SIZE, PAGE_SIZES, Page as ListPage, Total};
use crate::web::page::Page;

/// The longest filter value, in bytes.
const MAX_VALUE: usize = 600;

const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@');

/// A list: its path, and the parameters that its address may have.
pub struct List {
    pub path: &'static str,
    pub filters: &'static [ListFilter],
    /// The other parameters that its address may have.
    pub others: &'static [&'static str],
}

/// A filter of a list. Its field, its chip and its part of the address are derived from this.
pub struct ListFilter {
    pub name: &'static str,
    label: fn(&'static Messages) -> &'static str,
    /// The options of a select; empty if any text may be typed.
    offers: fn() -> Vec<&'static str>,
    /// Returns a value in words.
    words: fn(&Page<'_>, &str) -> String,
}

impl List {
    /// Declares a list that has only pages.
    pub const fn without_filters(path: &'static str) -> Self {
        Self {
            path,
            filters: &[],
            others: &[],
        }
    }
}

impl ListFilter {
    /// Creates a filter whose value is typed.
    pub const fn typed(name: &'static str, label: fn(&'static Messages) -> &'static str) -> Self {
        Self::chosen(name, label, Vec::new, |_, value| value.to_owned())
    }

    /// Creates a filter whose value is chosen from a few options.
    pub const fn chosen(
        name: &'static str,
        label: fn(&'static Messages) -> &'static str,
        offers: fn() -> Vec<&'static str>,
        words: fn(&Page<'_>, &str) -> String,
    ) -> Self {
        Self {
            name,
            label,
            offers,
            words,
        }
    }
}

/// The address of a list: its path and its parameters, without empty values.
#[derive(Clone, Debug)]
pub struct ListQuery {
    pub path: Cow<'static, str>,
    pairs: Vec<(&'static str, String)>,
}

/// These choose a page of the list, not its content.
const PAGING: [&str; 4] = ["after", "before", "last", "select"];

impl ListQuery {
    /// Parses the parameters that the list knows; the first non-empty value of a repeated one
    /// counts. Refuses a value that is too long or has a control character (PostgreSQL accepts no
    /// NUL).
    pub fn parse(list: &List, query: &str) -> Result<Self> {
        let filters = list.filters.iter().map(|filter| filter.name);
        let known = filters.chain(list.others.iter().copied());
        let known: Vec<&'static str> = known.chain(PAGING).chain(["size"]).collect();
        let mut pairs: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let Some(name) = known.iter().copied().find(|known| *known == name) else {
                continue;
            };
            let value = value.trim();
            if value.len() > MAX_VALUE || value.chars().any(char::is_control) {
                return Err(Error::BadRequest);
            }
            if !value.is_empty() && !pairs.iter().any(|(given, _)| *given == name) {
                pairs.push((name, value.to_owned()));
            }
        }
        Ok(Self {
            path: list.path.into(),
            pairs,
        })
    }

    pub fn of(list: &List, request: &HttpRequest) -> Result<Self> {
        Self::parse(list, request.query_string())
    }

    /// The same list at a path that depends on what it is about.
    #[must_use]
    pub fn under(mut self, path: String) -> Self {
        self.path = path.into();
        self
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(given, _)| *given == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn value(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// Parses a value. One that does not have the form is a bad request.
    pub fn parsed<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
        match self.get(name) {
            None => Ok(None),
            Some(given) => parse(given).map(Some).ok_or(Error::BadRequest),
        }
    }

    /// Parses the position of the page. Two positions at once are a bad request.
    pub fn page(&self) -> Result<ListPage> {
        let id = |text: &str| text.parse::<i64>().map_err(|_| Error::BadRequest);
        match (self.get("after"), self.get("before"), self.get("last")) {
            (None, None, None) => Ok(ListPage::First),
            (Some(after), None, None) => id(after).map(ListPage::After),
            (None, Some(before), None) => id(before).map(ListPage::Before),
            (None, None, Some(_)) => Ok(ListPage::Last),
            _ => Err(Error::BadRequest),
        }
    }

    /// Parses the size of a page, which must be one that the list offers.
    pub fn size(&self) -> Result<usize> {
        let offered = |given: &str| {
            let mut sizes = PAGE_SIZES.into_iter();
            sizes.find(|size| size.to_string() == given)
        };
        Ok(self.parsed("size", offered)?.unwrap_or(PAGE_SIZE))
    }

    /// The filters and the order, without the page: `q=wang&status=active`.
    pub fn query(&self) -> String {
        encode(
            self.pairs
                .iter()
                .filter(|(name, _)| !PAGING.contains(name) && *name != "size")
                .map(|(name, value)| (*name, value.as_str())),
        )
    }

    /// This address with one value changed or removed, starting at the first page.
    pub fn with(&self, name: &'static str, value: Option<&str>) -> String {
        self.at(&self.path, &[(name, value)])
    }

    /// The same filters with another path and other changes.
    pub fn at(&self, path: &str, changes: &[(&'static str, Option<&str>)]) -> String {
        let is_kept = |name: &str| {
            !PAGING.contains(&name) && !changes.iter().any(|(given, _)| *given == name)
        };
        let kept = self
            .pairs
            .iter()
            .filter(|(name, _)| is_kept(name))
            .map(|(name, value)| (*name, value.as_str()));
        let added = changes
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?)));
        with_query(path, kept.chain(added))
    }
}

/// Finds the value of a code.
pub fn find_code<T: Copy>(table: &[(&str, T)], code: &str) -> Option<T> {
    let found = table.iter().find(|(known, _)| *known == code);
    found.map(|(_, value)| *value)
}

/// Returns an address. Without parameters, it has no `?`.
pub fn with_query<'a>(path: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    match encode(pairs).as_str() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

fn encode<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, VALUE)))
        .collect();
    pairs.join("&")
}

/// The foot of a list.
pub struct Pager {
    pub label: &'static str,
    /// The total in words: "About 1,000,000".
    pub note: String,
    pub first: Option<String>,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub last: Option<String>,
    /// The address to continue from if the list stopped early.
    pub resume: Option<String>,
    /// Each page size (25, 50, 100), its address, and whether it is the current one.
    pub sizes: Vec<(usize, String, bool)>,
}

impl Pager {
    pub fn of<Row, Id: Into<i64>>(
        listing: &Listing<Row>,
        address: &ListQuery,
        label: &'static str,
        note: String,
        id: impl Fn(&Row) -> Id,
    ) -> Self {
        let at = |name, id: i64| address.with(name, Some(&id.to_string()));
        let is_backward = address.get("before").is_some() || address.get("last").is_some();
        let onward = if is_backward { "before" } else { "after" };
        let size = address.size().unwrap_or(PAGE_SIZE);
        Self {
            label,
            note,
            first: listing.has_previous.then(|| address.with("after", None)),
            previous: listing.previous(&id).map(|id| at("before", id)),
            next: listing.next(&id).map(|id| at("after", id)),
            last: listing.has_next.then(|| address.with("last", Some("1"))),
            resume: listing.stopped_at.map(|id| at(onward, id)),
            sizes: PAGE_SIZES
                .into_iter()
                .map(|each| {
                    let to = address.with("size", Some(&each.to_string()));
                    (each, to, each == size)
                })
                .collect(),
        }
    }

    /// Points the links at `path`, a page on which this list is the section `#id`.
    pub fn at_anchor(&mut self, path: &str, id: &str) {
        let links = [
            &mut self.first,
            &mut self.previous,
            &mut self.next,
            &mut self.last,
            &mut self.resume,
        ];
        for link in links.into_iter().flatten() {
            *link = format!("{path}{link}#{id}");
        }
    }

    pub fn is_needed(&self) -> bool {
        self.previous.is_some() || self.next.is_some() || self.resume.is_some()
    }
}

/// Formats a number as `1,284`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The total in words: `About 1,000,000`.
pub fn total_in_words(page: &Page<'_>, total: Option<Total>) -> String {
    match total {
        None => page.t.total_unknown.to_owned(),
        Some(Total::Exactly(number)) => grouped(number),
        Some(Total::MoreThan(number)) => page.t.total_more_than.with(grouped(number)),
        Some(Total::About(number)) => page.t.total_about.with(grouped(number)),
    }
}

/// The number of accounts, in words: "3 accounts".
pub fn accounts_in_words(page: &Page<'_>, total: Option<Total>) -> String {
    match total {
        None => page.t.matching_accounts.to_owned(),
        Some(Total::Exactly(1)) => page.t.one_account.to_owned(),
        total => page.t.many_accounts.with(total_in_words(page, total)),
    }
}

pub struct Select {
    pub name: &'static str,
    pub label: &'static str,
    pub options: Vec<Choice>,
}

pub struct Choice {
    pub value: &'static str,
    pub label: String,
    pub is_chosen: bool,
}

/// An active filter, and the address without it.
pub struct Chip {
    pub text: String,
    pub without: String,
}

impl List {
    /// The fields of the filters whose values are chosen.
    pub fn selects(&self, page: &Page<'_>, query: &ListQuery) -> Vec<Select> {
        let select = |filter: &ListFilter| {
            let chosen = query.value(filter.name);
            let offers = (filter.offers)();
            let any = Choice {
                value: "",
                label: page.t.any.to_owned(),
                is_chosen: chosen.is_empty(),
            };
            let offered = offers.iter().map(|value| Choice {
                value,
                label: (filter.words)(page, value),
                is_chosen: *value == chosen,
            });
            let select = Select {
                name: filter.name,
                label: (filter.label)(page.t),
                options: std::iter::once(any).chain(offered).collect(),
            };
            (!offers.is_empty()).then_some(select)
        };
        self.filters.iter().filter_map(select).collect()
    }

    /// The active filters.
    pub fn chips(&self, page: &Page<'_>, query: &ListQuery) -> Vec<Chip> {
        let chip = |filter: &ListFilter| {
            let value = query.get(filter.name)?;
            let (label, words) = ((filter.label)(page.t), (filter.words)(page, value));
            Some(Chip {
                text: format!("{label}{}{words}", page.t.colon),
                without: query.with(filter.name, None),
            })
        };
        self.filters.iter().filter_map(chip).collect()
    }
}
