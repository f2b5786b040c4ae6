//! The most that an agent used over the last thirty days, by stretches of one, two and six cycles:
//! what it has done before is no news.

use serde::{Deserialize, Serialize};

use crate::core::time::Wall;

/// How long a record counts, in days: a month holds every weekday four times and the end of a month
/// (`docs/cost.md`).
pub const DAYS: usize = 30;

/// An hour in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// The kinds of stretch: one, two and six cycles by their own tokens, and the same by what half a minute
/// took.
pub const LEVELS: usize = 6;

/// The level of each kind of stretch, in tokens.
pub type Levels = [u32; LEVELS];

/// Each level is the larger of the two.
pub fn raise(levels: &mut Levels, by: &Levels) {
    for (level, new) in levels.iter_mut().zip(by) {
        *level = (*level).max(*new);
    }
}

/// A record, in blocks of a day. The hour that runs does not count, or a ramp would teach its own record;
/// in the first hour of an agent there is no other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Whole days since 1970 by UTC with the most of their closed hours, oldest first.
    days: Vec<(i32, Levels)>,
    /// The hour that runs, since 1970; `None` while nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    hour: Option<i64>,
    open: Levels,
}

fn day_of(hour: i64) -> i32 {
    i32::try_from(hour.div_euclid(24)).unwrap_or(i32::MAX)
}

impl Record {
    /// The highest levels that count; `None` while nothing is known.
    #[must_use]
    pub fn levels(&self) -> Option<Levels> {
        self.hour?;
        let mut most = Levels::default();
        self.days.iter().for_each(|(_, levels)| raise(&mut most, levels));
        if self.days.is_empty() {
            raise(&mut most, &self.open);
        }
        Some(most)
    }

    /// Time goes on. A clock that is set back by less than a day changes nothing.
    pub fn tick(&mut self, now: Wall) {
        let hour = now.0.div_euclid(HOUR_MS);
        let Some(before) = self.hour else { return };
        if hour == before || (before - 24 < hour && hour < before) {
            return;
        }
        self.hour = Some(hour);
        if hour < before {
            // What was recorded in a future that never came is from today.
            self.days.iter_mut().for_each(|(day, _)| *day = (*day).min(day_of(hour)));
        }
        let open = std::mem::take(&mut self.open);
        self.count(day_of(before.min(hour)), &open);
        self.forget(day_of(hour));
    }

    /// A stretch of such levels was normal.
    pub fn learn(&mut self, now: Wall, levels: &Levels) {
        self.hour.get_or_insert(now.0.div_euclid(HOUR_MS));
        self.tick(now);
        raise(&mut self.open, levels);
    }

    /// What was seen counts at once and for the whole time: a spike that was over by itself, or a level
    /// that has become the new normal.
    pub fn accept(&mut self, now: Wall, levels: &Levels) {
        self.learn(now, levels);
        let today = day_of(now.0.div_euclid(HOUR_MS));
        self.count(today, levels);
    }

    /// Nothing counts but that.
    pub fn replace(&mut self, now: Wall, levels: &Levels) {
        *self = Self::default();
        self.accept(now, levels);
    }

    /// What was read from a file is held to what could have been written.
    pub fn mend(&mut self) {
        self.days.sort_by_key(|(day, _)| *day);
        let newest = self.hour.map_or(i32::MIN, day_of);
        self.days.retain(|(day, _)| *day <= newest);
        self.forget(newest);
    }

    fn count(&mut self, day: i32, levels: &Levels) {
        match self.days.last_mut() {
            Some((last, known)) if day <= *last => raise(known, levels),
            Some(_) | None => self.days.push((day, *levels)),
        }
    }

    fn forget(&mut self, today: i32) {
        let days = i32::try_from(DAYS).unwrap_or(i32::MAX);
        let oldest = today.saturating_sub(days);
        self.days.retain(|(day, _)| oldest <= *day);
        // However wild the clock: never more than the days that count, and today.
        let surplus = self.days.len().saturating_sub(DAYS + 1);
        self.days.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Wall {
        Wall(1_790_000_000_000 / HOUR_MS * HOUR_MS + hour * HOUR_MS)
    }

    #[test]
    fn the_hour_that_runs_teaches_nothing_but_in_the_first() {
        let mut record = Record::default();
        assert_eq!(record.levels(), None);
        record.learn(at(0), &[5; LEVELS]);
        assert_eq!(record.levels(), Some([5; LEVELS]));
        record.learn(at(1), &[50; LEVELS]);
        assert_eq!(record.levels(), Some([5; LEVELS]), "a ramp does not teach its own record");
        record.tick(at(2));
        assert_eq!(record.levels(), Some([50; LEVELS]));
    }

    #[test]
    fn a_record_is_forgotten_after_thirty_days_and_its_memory_is_bounded() {
        let mut record = Record::default();
        record.learn(at(0), &[90; LEVELS]);
        for hour in 1..24 * 29 {
            record.learn(at(hour), &[7; LEVELS]);
        }
        assert_eq!(record.levels(), Some([90; LEVELS]));
        for hour in 24 * 29..24 * 40 {
            record.learn(at(hour), &[7; LEVELS]);
        }
        assert_eq!(record.levels(), Some([7; LEVELS]));
        for year in 0..500 {
            record.learn(at(year * 9_000), &[1; LEVELS]);
            record.learn(at(-year * 9_000), &[1; LEVELS]);
        }
        assert!(record.days.len() <= DAYS + 1);
        record.learn(Wall(i64::MAX), &[1; LEVELS]);
        record.learn(Wall(i64::MIN), &[1; LEVELS]);
    }

    #[test]
    fn a_calendar_that_was_years_ahead_and_came_back_goes_on_and_forgets() {
        let mut record = Record::default();
        record.learn(at(0), &[1; LEVELS]);
        record.learn(at(90_000), &[900; LEVELS]);
        record.learn(at(1), &[2; LEVELS]);
        assert_eq!(record.levels(), Some([900; LEVELS]), "what was used was used");
        for hour in 2..24 * 33 {
            record.learn(at(hour), &[3; LEVELS]);
        }
        assert_eq!(record.levels(), Some([3; LEVELS]));
    }
}
