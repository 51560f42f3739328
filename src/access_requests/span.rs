//! How long a grant lasts. Days are counted from the decision; a day means its end in the portal's
//! time zone.

use std::time::Duration;

use jiff::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{DAY, MAX_DAYS};
use crate::clock::UnixTime;

/// How long access is granted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    ForEver,
    /// This many times 24 hours from the decision.
    Days(i64),
    /// The whole of this day.
    Through(Date),
}

/// The reason why a span cannot be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSpan {
    /// It would be over already.
    Past,
    /// It is no number of days that may be granted, or ends later than those.
    TooLong,
}

impl Span {
    /// Returns the first moment at which a grant that is decided now no longer counts; `None` is
    /// for ever.
    ///
    /// # Errors
    /// [`BadSpan`]
    pub fn end(self, now: UnixTime, zone: &TimeZone) -> Result<Option<UnixTime>, BadSpan> {
        let end = match self {
            Self::ForEver => return Ok(None),
            Self::Days(days) if (1..=MAX_DAYS).contains(&days) => now.plus(span_of(days)),
            Self::Days(days) if days < 1 => return Err(BadSpan::Past),
            Self::Days(_) => return Err(BadSpan::TooLong),
            Self::Through(day) => end_of(day, zone).ok_or(BadSpan::TooLong)?,
        };
        if end <= now {
            return Err(BadSpan::Past);
        }
        // A day may end some hours later than so many days from now.
        if end > now.plus(span_of(MAX_DAYS + 1)) {
            return Err(BadSpan::TooLong);
        }
        Ok(Some(end))
    }
}

fn span_of(days: i64) -> Duration {
    DAY.saturating_mul(u32::try_from(days).unwrap_or(0))
}

/// Returns the end of a day: the beginning of the next one.
fn end_of(day: Date, zone: &TimeZone) -> Option<UnixTime> {
    let next = day.checked_add(1.day()).ok()?;
    start_of(next, zone)
}

fn start_of(day: Date, zone: &TimeZone) -> Option<UnixTime> {
    // Where a change of the clock leaves out midnight, the day begins right after it.
    let start = day.to_zoned(zone.clone()).ok()?.start_of_day().ok()?;
    Some(UnixTime(start.timestamp().as_microsecond()))
}

/// Returns the beginning of the day at this moment.
pub fn start_of_day(now: UnixTime, zone: &TimeZone) -> UnixTime {
    let moment = Timestamp::from_microsecond(now.0).unwrap_or(Timestamp::UNIX_EPOCH);
    start_of(moment.to_zoned(zone.clone()).date(), zone).unwrap_or(now)
}

/// Returns the last moment at which a grant with this end counts, in the resolution of the clock.
#[must_use]
pub const fn last_moment(end: UnixTime) -> UnixTime {
    UnixTime(end.0.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::rfc3339;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).expect("a zone")
    }

    fn at(text: &str) -> UnixTime {
        let moment: Timestamp = text.parse().expect("a moment");
        UnixTime(moment.as_microsecond())
    }

    fn through(day: &str, zone: &TimeZone) -> String {
        let day = Span::Through(day.parse().expect("a day"));
        let end = day.end(at("2026-01-01T00:00:00Z"), zone);
        rfc3339(end.expect("a span").expect("an end"), zone)
    }

    #[test]
    fn a_day_means_its_end_in_the_zone_of_the_portal() {
        for (name, day, end) in [
            ("Asia/Shanghai", "2026-01-26", "2026-01-27T00:00:00+08:00"),
            ("UTC", "2026-01-26", "2026-01-27T00:00:00+00:00"),
            (
                "America/Los_Angeles",
                "2026-01-26",
                "2026-01-27T00:00:00-08:00",
            ),
            // Days of 23 and of 25 hours.
            ("Europe/Berlin", "2026-03-29", "2026-03-30T00:00:00+02:00"),
            ("Europe/Berlin", "2026-10-25", "2026-10-26T00:00:00+01:00"),
            // The next day begins at one o'clock.
            (
                "America/Santiago",
                "2026-09-05",
                "2026-09-06T01:00:00-03:00",
            ),
            ("Asia/Shanghai", "2028-02-29", "2028-03-01T00:00:00+08:00"),
            ("Asia/Shanghai", "2028-02-28", "2028-02-29T00:00:00+08:00"),
            ("Asia/Shanghai", "2026-12-31", "2027-01-01T00:00:00+08:00"),
        ] {
            assert_eq!(through(day, &zone(name)), end, "{name} {day}");
        }
        assert!("2027-02-29".parse::<Date>().is_err());
    }

    #[test]
    fn days_are_counted_in_hours_from_the_decision() {
        let berlin = zone("Europe/Berlin");
        // The clock is put forward in between.
        let end = Span::Days(1).end(at("2026-03-28T12:00:00Z"), &berlin);
        assert_eq!(end, Ok(Some(at("2026-03-29T12:00:00Z"))));
        assert_eq!(
            Span::ForEver.end(at("2026-03-28T12:00:00Z"), &berlin),
            Ok(None)
        );
    }

    #[test]
    fn no_span_is_over_already_or_longer_than_ten_years() {
        let (now, utc) = (at("2026-11-28T12:00:00Z"), TimeZone::UTC);
        let day = |day: &str| Span::Through(day.parse().expect("a day"));
        for (span, fault) in [
            (Span::Days(0), BadSpan::Past),
            (Span::Days(-1), BadSpan::Past),
            (Span::Days(MAX_DAYS + 1), BadSpan::TooLong),
            (Span::Days(i64::MAX), BadSpan::TooLong),
            (day("2026-11-27"), BadSpan::Past),
            (day("2036-12-30"), BadSpan::TooLong),
            (day("9999-12-31"), BadSpan::TooLong),
        ] {
            assert_eq!(span.end(now, &utc), Err(fault), "{span:?}");
        }
        assert!(day("2026-11-28").end(now, &utc).is_ok());
        assert!(Span::Days(MAX_DAYS).end(now, &utc).is_ok());
    }
}
