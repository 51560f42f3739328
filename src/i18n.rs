//! The languages: which ones there are, how one is chosen, and how each shows times.

pub mod messages;
pub mod sentence;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use strum::VariantArray;

use crate::clock::UnixTime;
use messages::Messages;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, VariantArray)]
pub enum Lang {
    #[default]
    En,
    Zh,
}

impl Lang {
    /// The BCP 47 tag, for `lang` attributes and settings.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-Hans",
        }
    }

    /// The language of a BCP 47 tag, if it is one of ours: `en-GB`, `zh`, `zh-Hans-CN`.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "zh" => Some(Self::Zh),
            _ => None,
        }
    }

    /// The best language of ours in an `Accept-Language` header (RFC 9110 12.5.4).
    pub fn from_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in header.split(',').take(20) {
            let mut parts = range.split(';');
            let Some(lang) = parts.next().and_then(Self::from_tag) else {
                continue;
            };
            let quality = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if quality > best.map_or(0.0, |(quality, _)| quality) {
                best = Some((quality, lang));
            }
        }
        best.map(|(_, lang)| lang)
    }

    pub const fn messages(self) -> &'static Messages {
        match self {
            Self::En => &messages::EN,
            Self::Zh => &messages::ZH,
        }
    }

    /// The language that the switch on each page offers.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::En => Self::Zh,
            Self::Zh => Self::En,
        }
    }

    /// The language's own name for itself.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Zh => "中文",
        }
    }

    /// Formats a span of time: `0.4 s`, `56 s`, `5 min`, `7 min 20 s`, `2 h 5 min`. It is rounded
    /// up, from an hour on to whole minutes.
    pub fn span(self, time: Duration) -> String {
        let t = self.messages();
        if time.as_secs() < 10 && time.subsec_nanos() > 0 {
            return format!("{:.1}{}", time.as_secs_f64(), t.seconds);
        }
        let seconds = time.as_millis().div_ceil(1000);
        let (number, (large, small)) = if seconds < 3600 {
            (seconds, (t.minutes, t.seconds))
        } else {
            (seconds.div_ceil(60), (t.hours, t.minutes))
        };
        match (number / 60, number % 60) {
            (0, rest) => format!("{rest}{small}"),
            (whole, 0) => format!("{whole}{large}"),
            (whole, rest) => format!("{whole}{large} {rest}{small}"),
        }
    }

    /// Returns "just now" or "12 minutes ago" for two days; after that the date and time.
    pub fn ago(self, then: UnixTime, now: UnixTime, zone: &TimeZone) -> String {
        let minutes = now.since(then).as_secs() / 60;
        let hours = minutes / 60;
        match (self, minutes, hours) {
            (Self::En, 0, _) => "just now".to_owned(),
            (Self::En, 1, _) => "1 minute ago".to_owned(),
            (Self::En, _, 0) => format!("{minutes} minutes ago"),
            (Self::En, _, 1) => "1 hour ago".to_owned(),
            (Self::En, _, 2..48) => format!("{hours} hours ago"),
            (Self::Zh, 0, _) => "刚刚".to_owned(),
            (Self::Zh, _, 0) => format!("{minutes} 分钟前"),
            (Self::Zh, _, 1..48) => format!("{hours} 小时前"),
            _ => date_time(then, zone),
        }
    }
}

/// `2026-03-12 08:42` in `zone`.
pub fn date_time(time: UnixTime, zone: &TimeZone) -> String {
    format_time(time, zone, "%Y-%m-%d %H:%M")
}

/// `2026-03-12 08:42:07` in `zone`.
pub fn date_time_seconds(time: UnixTime, zone: &TimeZone) -> String {
    format_time(time, zone, "%Y-%m-%d %H:%M:%S")
}

/// `2026-03-12T08:42:07+08:00`, for `<time datetime>`.
pub fn rfc3339(time: UnixTime, zone: &TimeZone) -> String {
    format_time(time, zone, "%Y-%m-%dT%H:%M:%S%:z")
}

/// `+08:00`: how far `zone` is ahead of UTC at this time.
pub fn utc_offset(time: UnixTime, zone: &TimeZone) -> String {
    format_time(time, zone, "%:z")
}

fn format_time(time: UnixTime, zone: &TimeZone, format: &str) -> String {
    Timestamp::from_microsecond(time.0)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(zone.clone())
        .strftime(format)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_language_that_we_speak_is_chosen() {
        for (header, lang) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Lang::Zh)),
            ("en-GB", Some(Lang::En)),
            ("fr,de;q=0.9,zh;q=0.1", Some(Lang::Zh)),
            ("en;q=0.2, zh;q=0.3", Some(Lang::Zh)),
            ("en;q=0", None),
            ("fr", None),
            ("", None),
            (";;;,,q=", None),
        ] {
            assert_eq!(Lang::from_accept_language(header), lang, "{header}");
        }
    }

    #[test]
    fn a_span_of_time_is_told_in_natural_units() {
        for (seconds, en, zh) in [
            (0.0, "0 s", "0 秒"),
            (0.44, "0.4 s", "0.4 秒"),
            (5.0, "5 s", "5 秒"),
            (55.4, "56 s", "56 秒"),
            (60.0, "1 min", "1 分钟"),
            (300.0, "5 min", "5 分钟"),
            (440.0, "7 min 20 s", "7 分钟 20 秒"),
            (3600.0, "1 h", "1 小时"),
            (7440.5, "2 h 5 min", "2 小时 5 分钟"),
            (86_401.0, "24 h 1 min", "24 小时 1 分钟"),
        ] {
            let time = Duration::from_secs_f64(seconds);
            assert_eq!(Lang::En.span(time), en);
            assert_eq!(Lang::Zh.span(time), zh);
        }
    }
}
