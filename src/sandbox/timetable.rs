//! What happens in the stand-in's company in the month before the demo: most of it in office hours,
//! and some sign-ins in the last hours, so that there are live sessions at any time of the day.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::acts::{ACTS, Planned};
use super::colleagues::Colleague;
use super::dice::Dice;
use crate::clock::UnixTime;
use crate::error::{Error, Result};
use crate::reason::Reason;
use crate::sessions::Client;

/// In any 30 days, there are at least as many working days.
const WORKING_DAYS: usize = 20;
const DAY: Duration = Duration::from_secs(86_400);

/// Everyone after these came before the month.
const NEWCOMERS: usize = 20;
/// How many people are signed in, and within how many minutes they came.
const SIGNED_IN: usize = 45;
const SHIFT: usize = 390;

pub enum Happening<'a> {
    /// They come for the first time, before there are records.
    Arrives(&'a Colleague),
    SignsIn {
        who: &'a Colleague,
        client: &'a Client,
        is_first: bool,
        /// Until when they use the session, if they are signed in when the demo begins.
        stays_until: Option<UnixTime>,
    },
    SignsOut(&'a Colleague),
    /// A sign-in is refused: of a colleague, or of a stranger with this name.
    IsRefused(Result<&'a Colleague, &'static str>, Reason),
    AppsAreAdded,
    ARuleIsChanged,
    Act(&'static Planned),
    /// Somebody asks for access: the owner will decline it, grant it, or has yet to answer.
    AccessIsAskedFor(Outcome),
    /// The owner answers what was asked last.
    AccessIsDecidedOn(Outcome),
}

#[derive(Clone, Copy)]
pub enum Outcome {
    Declined,
    Granted,
    Waiting,
}

pub type Timetable<'a> = Vec<(UnixTime, Happening<'a>)>;

/// Makes the timetable until `now`, in the order of time.
pub fn until<'a>(now: UnixTime, zone: &TimeZone, staff: &'a [Colleague]) -> Result<Timetable<'a>> {
    let days = working_days(now, zone)?;
    let at = |days_ago: usize, minute: usize| {
        let day = days.get(days_ago.saturating_sub(1)).copied();
        day.unwrap_or(now).plus(minutes(minute)).min(now)
    };
    let mut table: Timetable<'a> = Vec::new();
    for (number, who) in staff.iter().enumerate() {
        let mut dice = Dice::new(1000 + number);
        let came = newcomer(number);
        if came.is_none() {
            // Whole weeks before the last working day, so that it was a working day, too.
            let weeks = u32::try_from(5 + dice.below(200)).unwrap_or(5);
            let day = at(1, 510 + dice.below(90));
            let came = day.minus(DAY.saturating_mul(7 * weeks));
            table.push((came, Happening::Arrives(who)));
        }
        // Some are on leave for the whole month.
        let is_away = number > 2 && dice.percent(4);
        let attendance = if is_away { 0 } else { 25 + dice.below(45) };
        let left = leaving(number).unwrap_or(0);
        for days_ago in left + 1..=came.unwrap_or(WORKING_DAYS) {
            let is_first = came == Some(days_ago);
            if is_first || dice.percent(attendance) {
                let moment = |minute| at(days_ago, minute);
                visits(who, is_first, &moment, &mut dice, &mut table);
            }
        }
        if left > 1 {
            let refused = Happening::IsRefused(Ok(who), Reason::Inactive);
            table.push((at(left - 1, 560 + dice.below(30)), refused));
        }
    }
    shift(now, staff, &mut table);
    strangers(&at, &mut table);
    table.push((at(WORKING_DAYS, 481), Happening::AppsAreAdded));
    table.push((at(12, 910), Happening::ARuleIsChanged));
    requests(&at, &mut table);
    for act in ACTS {
        table.push((at(act.days_ago, act.minute), Happening::Act(act)));
    }
    table.sort_by_key(|(at, _)| *at);
    Ok(table)
}

/// Requests for access and the owner's answers.
fn requests(at: &impl Fn(usize, usize) -> UnixTime, table: &mut Timetable<'_>) {
    let (declined, granted) = (Outcome::Declined, Outcome::Granted);
    table.push((at(9, 690), Happening::AccessIsAskedFor(declined)));
    table.push((at(9, 1015), Happening::AccessIsDecidedOn(declined)));
    table.push((at(3, 860), Happening::AccessIsAskedFor(granted)));
    table.push((at(3, 900), Happening::AccessIsDecidedOn(granted)));
    table.push((at(1, 970), Happening::AccessIsAskedFor(Outcome::Waiting)));
}

/// The working day, counted back from the demo, on which a newcomer came.
const fn newcomer(number: usize) -> Option<usize> {
    let is_one = number > 2 && number.is_multiple_of(10);
    if is_one && number / 10 <= NEWCOMERS {
        // Spread over the month, nobody on its last day.
        Some(2 + (number / 10 * 7) % (WORKING_DAYS - 2))
    } else {
        None
    }
}

/// The working day, counted back from the demo, on which somebody left.
fn leaving(number: usize) -> Option<usize> {
    let mut leavers = ACTS.iter().filter(|act| act.is_leaving());
    let act = leavers.find(|act| act.whom == number)?;
    Some(act.days_ago)
}

/// The sign-ins of one day.
fn visits<'a>(
    who: &'a Colleague,
    is_first: bool,
    at: &impl Fn(usize) -> UnixTime,
    dice: &mut Dice,
    table: &mut Timetable<'a>,
) {
    let morning = 500 + dice.below(60) + dice.below(60);
    if dice.percent(2) {
        let reason = match dice.below(3) {
            0 => Reason::Declined,
            1 => Reason::UnknownAttempt,
            _ => Reason::Unreachable,
        };
        table.push((at(morning - 2), Happening::IsRefused(Ok(who), reason)));
    }
    let signs_in = |client, is_first| Happening::SignsIn {
        who,
        client,
        is_first,
        stays_until: None,
    };
    table.push((at(morning), signs_in(&who.desk, is_first)));
    if dice.percent(12) {
        table.push((at(800 + dice.below(200)), signs_in(&who.phone, false)));
    }
    if dice.percent(10) {
        table.push((at(1050 + dice.below(100)), Happening::SignsOut(who)));
    }
}

/// The people who are signed in now.
fn shift<'a>(now: UnixTime, staff: &'a [Colleague], table: &mut Timetable<'a>) {
    let mut dice = Dice::new(2000);
    let there = staff.iter().enumerate().filter(|(number, _)| {
        let is_there = number % 4 == 2 || number % 50 == 1;
        is_there && leaving(*number).is_none()
    });
    for (_, who) in there.take(SIGNED_IN) {
        let ago = 10 + dice.below(SHIFT);
        let is_phone = dice.percent(20);
        let signs_in = Happening::SignsIn {
            who,
            client: if is_phone { &who.phone } else { &who.desk },
            is_first: false,
            stays_until: Some(now.minus(minutes(dice.below(ago)))),
        };
        table.push((now.minus(minutes(ago)), signs_in));
    }
}

/// People from elsewhere who try names.
fn strangers(at: &impl Fn(usize, usize) -> UnixTime, table: &mut Timetable<'_>) {
    for (days_ago, names) in [
        (15, &["admin", "root", "test"][..]),
        (6, &["administrator"]),
    ] {
        for (number, name) in names.iter().enumerate() {
            let refused = Happening::IsRefused(Err(name), Reason::UnknownUser);
            table.push((at(days_ago, 190 + number), refused));
        }
    }
}

/// The beginnings of the working days of the last 30 days, without today, the newest first.
fn working_days(now: UnixTime, zone: &TimeZone) -> Result<Vec<UnixTime>> {
    let wrong = |error: jiff::Error| Error::Internal(format!("the demo's calendar: {error}"));
    let today = Timestamp::from_microsecond(now.0).map_err(wrong)?;
    let mut date = today.to_zoned(zone.clone()).date();
    let mut days = Vec::new();
    for _ in 0..30 {
        date = date.yesterday().map_err(wrong)?;
        if !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            let begins = date.to_zoned(zone.clone()).map_err(wrong)?;
            days.push(UnixTime(begins.timestamp().as_microsecond()));
        }
    }
    Ok(days)
}

fn minutes(count: usize) -> Duration {
    Duration::from_secs(u64::try_from(count).unwrap_or_default().saturating_mul(60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::colleagues;

    #[test]
    fn on_whatever_day_the_demo_begins_all_is_past_and_in_order() {
        let staff = colleagues::all();
        let zone = TimeZone::get("Asia/Shanghai").expect("a time zone");
        for hours in (0..14 * 24).step_by(5) {
            // 2026-09-21, a Monday.
            let now = UnixTime(1_789_948_800_000_000).plus(minutes(60 * hours));
            assert!(working_days(now, &zone).expect("days").len() >= WORKING_DAYS);
            let table = until(now, &zone, &staff).expect("a timetable");
            assert!(table.is_sorted_by_key(|(at, _)| *at));
            assert!(table.iter().all(|(at, _)| *at <= now));
            let is_live = |what: &Happening<'_>| match what {
                Happening::SignsIn { stays_until, .. } => stays_until.is_some(),
                _ => false,
            };
            let live = table.iter().filter(|(_, what)| is_live(what)).count();
            assert_eq!(live, SIGNED_IN);
        }
    }
}
