//! The types of setting values, and how their texts are read.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use strum::{EnumString, VariantArray as _};
use url::Url;

use super::providers::{Pointer, ProvesBy, TokenRequest};
use crate::branding::HelpAddress;
use crate::i18n::Lang;

/// A value that can be parsed from the text of a setting.
pub(super) trait Parse: Sized {
    /// The end of the sentence "NAME must be".
    fn expected() -> String;

    fn parse(text: &str) -> Option<Self>;
}

/// Defines for each type the text that it expects, and the function that reads it.
macro_rules! values {
    ($( $type:ty, $expected:expr, $parse:expr; )*) => {
        $( impl Parse for $type {
            fn expected() -> String {
                $expected.to_owned()
            }

            fn parse(text: &str) -> Option<Self> {
                $parse(text)
            }
        } )*
    };
}

values! {
    String, "a text", |text: &str| Some(text.to_owned());
    PathBuf, "a path", |text: &str| Some(Self::from(text));
    bool, "on or off", on_or_off;
    u32, "a number from 1 to 10000", from_str;
    i64, "a number from 1 to 10000", |text| from_str(text).filter(|count| (1..=10_000).contains(count));
    Duration, "a duration, like 30m, 8h or 7d (at least 1m)", |text| duration(text, 60);
    Url, "an address that starts with https:// or http://", http_url;
    SocketAddr, "an address and a port, like 127.0.0.1:8000", from_str;
    Vec<IpNet>, "a list of addresses or networks, like 10.0.0.1, 192.168.0.0/16", networks;
    PasswordLogin, "on, superusers or off", from_str;
    LogFormat, "text or json", from_str;
    Lang, one_of(&Self::VARIANTS.iter().map(|lang| lang.tag()).collect::<Vec<_>>()), Self::from_tag;
    TimeZone, "a time zone's name, like Asia/Shanghai", |text| Self::get(text).ok();
    HelpAddress, "an email address, or a web address that starts with https:// or http://", Self::parse;
    Pointer, "a JSON Pointer, like /profile/name", Self::parse;
    ProvesBy, "auth_time or prompt", from_str;
    TokenRequest, "form, json or query", from_str;
}

/// The accounts that may sign in with a local password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum PasswordLogin {
    On,
    Superusers,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

/// Returns a list of choices in words: `form, json or query`.
pub(super) fn one_of(choices: &[&str]) -> String {
    match choices {
        [but_last @ .., last] if !but_last.is_empty() => {
            format!("{} or {last}", but_last.join(", "))
        }
        _ => choices.concat(),
    }
}

fn from_str<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn on_or_off(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

/// Parses a web address without a username or a password.
pub(super) fn http_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none();
    is_plain.then_some(url)
}

/// Parses `90s`, `30m`, `8h` or `7d`: at least `least` seconds, and at most ten years.
pub(super) fn duration(text: &str, least: u64) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let total = number.parse::<u64>().ok()?.checked_mul(seconds)?;
    (least..=3660 * 86_400)
        .contains(&total)
        .then(|| Duration::from_secs(total))
}

fn networks(text: &str) -> Option<Vec<IpNet>> {
    text.split([',', ' '])
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| from_str(item).or_else(|| from_str::<IpAddr>(item).map(IpNet::from)))
        .collect()
}
