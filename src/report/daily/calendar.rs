//! The local days that a report is about and those before it, with their true ends: a day has 23 or 25 hours
//! twice a year.

use crate::core::time::{LocalDay, Wall};
use crate::wire::{moment, stamp};

use super::{Day, Hour, LOOK_BACK};

/// The longest span that can be reported: a year and a day.
pub const DAYS_MAX: i32 = 366;

/// An hour in milliseconds.
const HOUR_MS: i64 = 3_600_000;

/// Tells the seconds east of UTC at a moment.
pub type Offset<'a> = &'a dyn Fn(Wall) -> i32;

/// Local days in a row.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Each with its begin; the end of the last one is behind them.
    begins: Vec<i64>,
    /// The first of them.
    first: LocalDay,
    /// How many come before the reported ones.
    before: usize,
    days: Vec<Day>,
    hours: Vec<Hour>,
}

impl Calendar {
    /// From `first` to `last`, both reported; at least one day, and at most [`DAYS_MAX`].
    #[must_use]
    pub fn new(first: LocalDay, last: LocalDay, offset: Offset<'_>) -> Self {
        let first = first.0.min(last.0).max(last.0.saturating_sub(DAYS_MAX - 1));
        let begin = first.saturating_sub(LOOK_BACK);
        let begins: Vec<i64> = (begin..=last.0.saturating_add(1))
            .map(|day| moment::midnight(LocalDay(day), offset).0)
            .collect();
        let before = usize::try_from(first - begin).unwrap_or(0);
        let days: Vec<Day> = begins
            .windows(2)
            .zip(begin..)
            .skip(before)
            .map(|(pair, day)| day_of(LocalDay(day), (pair[0], pair[1]), offset))
            .collect();
        let hours = days.iter().flat_map(|day| hours(day, offset)).collect();
        Self { begins, first: LocalDay(begin), before, days, hours }
    }

    /// The reported days.
    #[must_use]
    pub fn days(&self) -> &[Day] {
        &self.days
    }

    /// Their hours, with nothing in them.
    #[must_use]
    pub fn hours(&self) -> &[Hour] {
        &self.hours
    }

    /// How many days there are, those before the reported ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.begins.len().saturating_sub(1)
    }

    /// There is always a day.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many days come before the reported ones.
    #[must_use]
    pub fn before(&self) -> usize {
        self.before
    }

    /// Begin and end of a day.
    #[must_use]
    pub fn bounds(&self, at: usize) -> Option<(i64, i64)> {
        Some((*self.begins.get(at)?, *self.begins.get(at + 1)?))
    }

    /// The number of a day.
    #[must_use]
    pub fn number(&self, at: usize) -> LocalDay {
        LocalDay(self.first.0.saturating_add(i32::try_from(at).unwrap_or(i32::MAX)))
    }

    /// When the days begin that come before the reported ones.
    #[must_use]
    pub fn begin(&self) -> i64 {
        self.begins.first().copied().unwrap_or(0)
    }

    /// When the reported days begin.
    #[must_use]
    pub fn from(&self) -> i64 {
        self.begins.get(self.before).copied().unwrap_or(0)
    }

    /// When they end.
    #[must_use]
    pub fn until(&self) -> i64 {
        self.begins.last().copied().unwrap_or(0)
    }

    /// The day of a moment, if it is one of them.
    #[must_use]
    pub fn day_of(&self, at: i64) -> Option<usize> {
        let after = self.begins.partition_point(|begin| *begin <= at);
        (0 < after && after < self.begins.len()).then(|| after - 1)
    }

    /// The minute of the local day that clocks show at a moment of one of the days.
    #[must_use]
    pub fn minute_of(&self, at: i64, offset: Offset<'_>) -> u32 {
        let local = at.saturating_add(i64::from(offset(Wall(at))) * 1000);
        u32::try_from(local.rem_euclid(24 * HOUR_MS) / 60_000).unwrap_or(0)
    }
}

/// A day with its turn of the clock, which lies on a quarter of an hour.
fn day_of(day: LocalDay, (from_ms, until_ms): (i64, i64), offset: Offset<'_>) -> Day {
    let offset_s = offset(Wall(from_ms));
    let offset_end_s = offset(Wall(until_ms - 1));
    let quarters = (from_ms..until_ms).step_by(15 * 60 * 1000);
    let turn_ms = (offset_s != offset_end_s)
        .then(|| quarters.into_iter().find(|at| offset(Wall(*at)) == offset_end_s))
        .flatten();
    Day { date: day.to_string(), from_ms, until_ms, offset_s, offset_end_s, turn_ms }
}

/// The hours of the clock of one day, the one that is there twice included.
fn hours(day: &Day, offset: Offset<'_>) -> Vec<Hour> {
    let mut hours = Vec::with_capacity(25);
    let mut at = day.from_ms;
    while at < day.until_ms {
        let shown = at.saturating_add(i64::from(offset(Wall(at))) * 1000);
        let hour = u8::try_from(shown.div_euclid(HOUR_MS).rem_euclid(24)).unwrap_or(0);
        hours.push(Hour { from_ms: at, hour, ..Hour::default() });
        // A zone may be half an hour off, and may change by half an hour.
        at = at.saturating_add(HOUR_MS - shown.rem_euclid(HOUR_MS));
    }
    hours
}

/// A moment for people in a report: `03:12`, with its day where there are several.
#[must_use]
pub fn time(days: &[Day], at: i64) -> String {
    let day = days.iter().rev().find(|day| day.from_ms <= at).or_else(|| days.first());
    let offset = day.map_or(0, |day| day.offset_at(at));
    let text = stamp::local(Wall(at), offset);
    let short = text.get(11..16).unwrap_or_default().to_owned();
    let shown = stamp::day(Wall(at), offset).to_string();
    if days.len() == 1 && day.is_some_and(|day| day.date == shown) {
        return short;
    }
    format!("{} {short}", shown.get(5..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vienna in 2026: summer time from 03-29 01:00 UTC until 10-25 01:00 UTC.
    fn vienna(at: Wall) -> i32 {
        if (1_774_746_000_000..1_792_890_000_000).contains(&at.0) { 7_200 } else { 3_600 }
    }

    fn day(text: &str) -> LocalDay {
        stamp::parse_day(text).unwrap()
    }

    #[test]
    fn the_days_on_which_the_clock_is_turned_have_23_and_25_hours() {
        for (date, hours, twice) in
            [("2026-03-29", 23, 0), ("2026-10-25", 25, 2), ("2026-11-28", 24, 1)]
        {
            let calendar = Calendar::new(day(date), day(date), &vienna);
            assert_eq!(calendar.hours().len(), hours, "{date}");
            let two = calendar.hours().iter().filter(|hour| hour.hour == 2).count();
            assert_eq!(two, twice, "{date}");
            let only = &calendar.days()[0];
            assert_eq!(only.until_ms - only.from_ms, i64::try_from(hours).unwrap() * HOUR_MS);
            assert_eq!(calendar.len(), 29);
            assert_eq!(calendar.day_of(only.from_ms), Some(28));
            assert_eq!(calendar.day_of(only.until_ms), None);
            assert_eq!(calendar.day_of(calendar.begin() - 1), None);
            assert_eq!(calendar.number(28), day(date));
        }
    }

    #[test]
    fn times_are_those_that_clocks_showed() {
        let calendar = Calendar::new(day("2026-10-25"), day("2026-10-25"), &vienna);
        let shown = |minutes: i64| time(calendar.days(), calendar.from() + minutes * 60_000);
        assert_eq!(shown(0), "00:00");
        assert_eq!(shown(150), "02:30");
        assert_eq!(shown(210), "02:30", "the second one");
        assert_eq!(shown(240), "03:00");
        let calendar = Calendar::new(day("2026-11-27"), day("2026-11-28"), &vienna);
        assert_eq!(time(calendar.days(), calendar.from() + 60_000), "11-27 00:01");
    }

    #[test]
    fn a_span_is_a_year_at_most_and_a_day_at_least() {
        let calendar = Calendar::new(LocalDay(0), LocalDay(20_000), &|_| 0);
        assert_eq!(calendar.days().len(), 366);
        assert_eq!(Calendar::new(LocalDay(9), LocalDay(5), &|_| 0).days().len(), 1);
        assert_eq!(calendar.minute_of(calendar.from() + 61_000, &|_| -3_600), 23 * 60 + 1);
    }
}
