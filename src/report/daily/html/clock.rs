//! What clocks showed: local times of a report, and where its axes have their labels.

use std::ops::Range;

use crate::core::time::{LocalDay, Wall};
use crate::wire::stamp;

use super::super::{Day, Report};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Days that have room on an axis for their names.
const NAMES_MAX: usize = 8;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const WEEKDAYS_LONG: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The clocks of a report.
pub(super) struct Clock<'a> {
    days: &'a [Day],
    shifts: Vec<Shift>,
}

/// Clocks that are set.
#[derive(Clone, Copy)]
pub(super) struct Shift {
    /// When.
    pub at_ms: i64,
    /// By how many seconds; back if negative.
    pub by_s: i32,
}

impl Shift {
    /// What is done to them: `clocks back 1h`.
    pub fn words(self) -> String {
        let by = crate::wire::words::span(u64::from(self.by_s.unsigned_abs()) * 1_000);
        format!("clocks {} {by}", if self.by_s < 0 { "back" } else { "on" })
    }
}

/// A label of an axis.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    pub at: i64,
    pub label: String,
    /// There is no room for it on a phone.
    pub minor: bool,
}

impl<'a> Clock<'a> {
    pub fn new(report: &'a Report) -> Self {
        let set = report.days.iter().filter_map(|day| Some((day, day.turn_ms?)));
        let shifts = set.map(|(day, at_ms)| Shift {
            at_ms,
            by_s: day.offset_end_s.saturating_sub(day.offset_s),
        });
        Self { days: &report.days, shifts: shifts.collect() }
    }

    /// From the first midnight to the last.
    pub fn range(&self) -> Range<i64> {
        let from = self.days.first().map_or(0, |day| day.from_ms);
        let until = self.days.last().map_or(0, |day| day.until_ms);
        from..until.max(from.saturating_add(1))
    }

    /// Several days.
    pub fn is_long(&self) -> bool {
        self.days.len() > 1
    }

    pub fn days(&self) -> &[Day] {
        self.days
    }

    pub fn shifts(&self) -> &[Shift] {
        &self.shifts
    }

    /// Seconds east of UTC.
    fn offset(&self, at: i64) -> i32 {
        let Some(first) = self.days.first() else { return 0 };
        let behind = self.days.iter().rev().find(|day| day.from_ms <= at);
        let Some(day) = behind else { return first.offset_s };
        let shift = self.shifts.iter().rev().find(|shift| shift.at_ms <= at);
        match shift {
            Some(shift) if day.from_ms <= shift.at_ms => day.offset_end_s,
            _ => day.offset_s,
        }
    }

    fn date(&self, at: i64) -> LocalDay {
        stamp::day(Wall(at), self.offset(at))
    }

    /// The time of day; in an hour that is there twice, with its distance from UTC.
    pub fn time(&self, at: i64) -> String {
        format!("{}{}", self.shown(at), self.zone(at))
    }

    fn shown(&self, at: i64) -> String {
        let shown = stamp::local_time(Wall(at), self.offset(at));
        shown.get(..5).unwrap_or_default().to_owned()
    }

    /// The distance from UTC, where the time of day alone would be that of two moments.
    fn zone(&self, at: i64) -> String {
        let twice = self.shifts.iter().any(|shift| {
            let span = i64::from(shift.by_s.min(0).unsigned_abs()) * 1_000;
            (shift.at_ms - span..shift.at_ms + span).contains(&at)
        });
        if !twice {
            return String::new();
        }
        let offset = self.offset(at);
        let (sign, off) = (if offset < 0 { '−' } else { '+' }, offset.unsigned_abs());
        format!(" {sign}{:02}:{:02}", off / 3_600, off / 60 % 60)
    }

    /// A moment; with its date unless it is of the only day.
    pub fn moment(&self, at: i64) -> String {
        if self.is_today(at) {
            return self.time(at);
        }
        if !self.is_long() && at == self.range().end {
            return "24:00".to_owned();
        }
        format!("{}{}", self.day_of(at), self.time(at))
    }

    /// It is of the only day.
    fn is_today(&self, at: i64) -> bool {
        !self.is_long() && self.range().contains(&at)
    }

    fn day_of(&self, at: i64) -> String {
        format!("{} ", short(self.date(at)))
    }

    /// `06:12–06:40`.
    pub fn stretch(&self, from: i64, until: i64) -> String {
        let midnight = self.days.iter().any(|day| day.until_ms == until && day.from_ms <= from);
        // One zone is enough for both.
        if !midnight && self.date(from) == self.date(until) && self.zone(from) == self.zone(until) {
            let date = if self.is_today(from) { String::new() } else { self.day_of(from) };
            return format!("{date}{}–{}{}", self.shown(from), self.shown(until), self.zone(until));
        }
        let end = match midnight {
            true => "24:00".to_owned(),
            false if self.date(from) == self.date(until) => self.time(until),
            false => self.moment(until),
        };
        format!("{}–{end}", self.moment(from))
    }

    /// The days in words: `Sunday, 25 October 2026`.
    pub fn title(&self) -> String {
        let names = |day: &Day| stamp::parse_day(&day.date).map_or_else(|| day.date.clone(), long);
        match self.days {
            [] => String::new(),
            [day] => {
                let hours = (day.until_ms - day.from_ms) / HOUR_MS;
                let odd = if hours == 24 { String::new() } else { format!(", {hours} hours") };
                format!("{}{odd}", names(day))
            }
            [first, .., last] => {
                let (from, until) = (names(first), names(last));
                // The year once, if it is the same.
                let year = until.rsplit(' ').next().unwrap_or_default();
                let from = from.strip_suffix(year).map_or(from.as_str(), str::trim_end);
                format!("{from} – {until}")
            }
        }
    }

    /// The labels of an axis over all days.
    pub fn ticks(&self) -> Vec<Tick> {
        let step = self.days.len().div_ceil(NAMES_MAX).max(1);
        let mut ticks = Vec::new();
        for (number, day) in self.days.iter().enumerate() {
            if self.is_long() {
                let named = number % step == 0;
                let name = stamp::parse_day(&day.date).filter(|_| named).map(|date| {
                    if self.days.len() <= NAMES_MAX { weekday(date) } else { short(date) }
                });
                let minor = number / step % 2 == 1 && NAMES_MAX / 2 < self.days.len();
                ticks.push(Tick { at: day.from_ms, label: name.unwrap_or_default(), minor });
            }
            let hours = match self.days.len() {
                1 => 3,
                2 | 3 => 6,
                _ => continue,
            };
            ticks.extend(self.hours(day, hours));
        }
        if !self.is_long() {
            ticks.push(Tick { at: self.range().end, label: "24:00".to_owned(), minor: false });
        }
        ticks
    }

    /// The hours of a day that clocks show, every so many; one that they skip has no label, and one that
    /// they show twice has two.
    fn hours(&self, day: &Day, every: i64) -> Vec<Tick> {
        let mut ticks = Vec::new();
        let mut at = day.from_ms;
        // Every zone of the world is a multiple of a quarter of an hour away.
        while at < day.until_ms {
            let local = at.saturating_add(i64::from(self.offset(at)) * 1_000).rem_euclid(DAY_MS);
            let midnight = self.is_long() && at == day.from_ms;
            if local % (every * HOUR_MS) == 0 && !midnight {
                let hour = local / HOUR_MS;
                let label = format!("{hour:02}:00");
                let minor = self.is_long() || hour % (every * 2) != 0;
                ticks.push(Tick { at, label, minor });
            }
            at += 15 * MINUTE_MS;
        }
        ticks
    }
}

fn weekday_number(date: LocalDay) -> usize {
    // 1970-01-01 was a Thursday.
    usize::try_from(i64::from(date.0).saturating_add(3).rem_euclid(7)).unwrap_or(0)
}

fn parts(date: LocalDay) -> (String, usize, u32) {
    let text = date.to_string();
    let mut parts = text.rsplitn(3, '-');
    let day = parts.next().and_then(|day| day.parse().ok()).unwrap_or(1);
    let month: usize = parts.next().and_then(|month| month.parse().ok()).unwrap_or(1);
    (parts.next().unwrap_or_default().to_owned(), month.clamp(1, 12) - 1, day)
}

/// `Mon 26`.
fn weekday(date: LocalDay) -> String {
    format!("{} {}", WEEKDAYS[weekday_number(date)], parts(date).2)
}

/// `26 Oct`.
pub(super) fn short(date: LocalDay) -> String {
    let (_, month, day) = parts(date);
    format!("{day} {}", &MONTHS[month][..3])
}

/// `Sunday, 25 October 2026`.
fn long(date: LocalDay) -> String {
    let (year, month, day) = parts(date);
    format!("{}, {day} {} {year}", WEEKDAYS_LONG[weekday_number(date)], MONTHS[month])
}

#[cfg(test)]
mod tests {
    use super::super::super::{Agent, Hour, sample};
    use super::*;

    /// 2026-03-29 in Vienna, 23 hours, with the hours that an agent has of it.
    fn short_day() -> Report {
        let from_ms = 1_774_738_800_000;
        let day = Day {
            date: "2026-03-29".into(),
            from_ms,
            until_ms: from_ms + 23 * HOUR_MS,
            offset_s: 3_600,
            offset_end_s: 7_200,
            turn_ms: Some(from_ms + 2 * HOUR_MS),
        };
        let hour = |(n, hour)| Hour { from_ms: from_ms + n * HOUR_MS, hour, ..Hour::default() };
        let hours = (0..).zip([0, 1].into_iter().chain(3..24)).map(hour).collect();
        let agents = vec![Agent { hours, ..Agent::default() }];
        Report { days: vec![day], agents, ..Report::default() }
    }

    fn labels(clock: &Clock<'_>) -> Vec<(i64, String)> {
        let from = clock.range().start;
        clock.ticks().into_iter().map(|tick| ((tick.at - from) / HOUR_MS, tick.label)).collect()
    }

    #[test]
    fn an_axis_shows_what_clocks_did() {
        let (long, short) = (sample::report(), short_day());
        let (long, short) = (Clock::new(&long), Clock::new(&short));
        let hours = |clock: &Clock<'_>| labels(clock).iter().map(|tick| tick.0).collect::<Vec<_>>();
        // 03:00 is four hours, and two, behind midnight.
        assert_eq!(hours(&long), [0, 4, 7, 10, 13, 16, 19, 22, 25]);
        assert_eq!(hours(&short), [0, 2, 5, 8, 11, 14, 17, 20, 23]);
        assert_eq!(labels(&short)[1].1, "03:00");
        assert_eq!(labels(&short)[8].1, "24:00");
        assert_eq!(
            (long.shifts()[0].words(), short.shifts()[0].words()),
            ("clocks back 1h".into(), "clocks on 1h".into())
        );
        assert_eq!(short.title(), "Sunday, 29 March 2026, 23 hours");
    }

    #[test]
    fn an_hour_that_is_there_twice_is_told_apart() {
        let report = sample::report();
        let (clock, from) = (Clock::new(&report), report.days[0].from_ms);
        let at = |minutes: i64| from + minutes * MINUTE_MS;
        for (minutes, want) in [
            (119, "01:59"),
            (120, "02:00 +02:00"),
            (179, "02:59 +02:00"),
            (180, "02:00 +01:00"),
            (239, "02:59 +01:00"),
            (240, "03:00"),
            (25 * 60, "24:00"),
            (-30, "24 Oct 23:30"),
            (26 * 60, "26 Oct 01:00"),
        ] {
            assert_eq!(clock.moment(at(minutes)), want);
        }
        for (begin, end, want) in [
            (0, 25 * 60, "00:00–24:00"),
            (130, 140, "02:10–02:20 +02:00"),
            (170, 185, "02:50 +02:00–02:05 +01:00"),
            (230, 250, "02:50 +01:00–03:10"),
            (-60, 60, "24 Oct 23:00–01:00"),
        ] {
            assert_eq!(clock.stretch(at(begin), at(end)), want);
        }
    }

    #[test]
    fn several_days_are_named() {
        let report = sample::week();
        let clock = Clock::new(&report);
        assert_eq!(clock.title(), "Sunday, 18 October – Saturday, 24 October 2026");
        let names: Vec<String> = labels(&clock).into_iter().map(|tick| tick.1).collect();
        assert_eq!(names[..2], ["Sun 18", "Mon 19"]);
        let from = clock.range().start;
        assert_eq!(clock.moment(from + 30 * HOUR_MS), "19 Oct 06:00");
        assert_eq!(clock.stretch(from + 30 * HOUR_MS, from + 31 * HOUR_MS), "19 Oct 06:00–07:00");
    }
}
