//! The most that an agent used over the last thirty days, by stretches of one, two and six cycles and by
//! half a minute: what it has done before is no news.

use super::runaway::{HOUR_MS, STRETCHES};
use crate::core::time::Wall;

/// How long a record counts, in days: a month holds every weekday four times and the end of a month
/// (DETECTION's rule Q).
pub const DAYS: usize = 30;

const DAY_MS: i64 = 24 * HOUR_MS;

/// The levels of each kind of stretch.
pub type Levels = [u64; STRETCHES];

fn raise(levels: &mut Levels, by: &Levels) {
    for (level, new) in levels.iter_mut().zip(by) {
        *level = (*level).max(*new);
    }
}

/// A record, in blocks of a day. The hour that runs does not count, or a ramp would teach its own record;
/// in the first hour of an agent there is no other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Whole days since 1970 by UTC with the most of their closed hours, oldest first.
    days: Vec<(i64, Levels)>,
    /// The hour that runs, since 1970.
    hour: i64,
    open: Levels,
    /// No hour was closed yet.
    first: bool,
    known: bool,
}

impl Record {
    /// The highest levels that count; `None` while nothing is known.
    #[must_use]
    pub fn levels(&self) -> Option<Levels> {
        if !self.known {
            return None;
        }
        let mut most = Levels::default();
        self.days.iter().for_each(|(_, levels)| raise(&mut most, levels));
        if self.days.is_empty() {
            raise(&mut most, &self.open);
        }
        Some(most)
    }

    /// Time goes on; a clock that is set back changes nothing.
    pub fn tick(&mut self, now: Wall) {
        let hour = now.0.div_euclid(HOUR_MS);
        if !self.known || hour <= self.hour {
            return;
        }
        let open = std::mem::take(&mut self.open);
        let day = self.hour.div_euclid(24);
        match self.days.last_mut() {
            Some((last, levels)) if *last == day => raise(levels, &open),
            Some(_) | None => self.days.push((day, open)),
        }
        self.hour = hour;
        let oldest = now.0.div_euclid(DAY_MS) - i64::try_from(DAYS).unwrap_or(i64::MAX);
        self.days.retain(|(day, _)| oldest <= *day);
        // However wild the clock: never more than the days that count, and today.
        let surplus = self.days.len().saturating_sub(DAYS + 1);
        self.days.drain(..surplus);
    }

    /// A stretch of such levels was normal.
    pub fn learn(&mut self, now: Wall, levels: &Levels) {
        if !self.known {
            (self.known, self.hour) = (true, now.0.div_euclid(HOUR_MS));
        }
        self.tick(now);
        raise(&mut self.open, levels);
    }

    /// What was seen counts at once and for the whole time: a spike that was over by itself, or a level
    /// that has become the new normal.
    pub fn accept(&mut self, now: Wall, levels: &Levels) {
        self.learn(now, levels);
        let day = self.hour.div_euclid(24);
        match self.days.last_mut() {
            Some((last, known)) if *last == day => raise(known, levels),
            Some(_) | None => self.days.push((day, *levels)),
        }
    }

    /// Nothing counts but that.
    pub fn replace(&mut self, now: Wall, levels: &Levels) {
        *self = Self::default();
        self.accept(now, levels);
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
        record.learn(at(0), &[5; STRETCHES]);
        assert_eq!(record.levels(), Some([5; STRETCHES]));
        record.learn(at(1), &[50; STRETCHES]);
        assert_eq!(record.levels(), Some([5; STRETCHES]), "a ramp does not teach its own record");
        record.tick(at(2));
        assert_eq!(record.levels(), Some([50; STRETCHES]));
    }

    #[test]
    fn a_record_is_forgotten_after_thirty_days_and_its_memory_is_bounded() {
        let mut record = Record::default();
        record.learn(at(0), &[90; STRETCHES]);
        for hour in 1..24 * 29 {
            record.learn(at(hour), &[7; STRETCHES]);
        }
        assert_eq!(record.levels(), Some([90; STRETCHES]));
        for hour in 24 * 29..24 * 40 {
            record.learn(at(hour), &[7; STRETCHES]);
        }
        assert_eq!(record.levels(), Some([7; STRETCHES]));
        for year in 0..500 {
            record.learn(at(year * 9_000), &[1; STRETCHES]);
            record.learn(at(-year * 9_000), &[1; STRETCHES]);
        }
        assert!(record.days.len() <= DAYS + 1);
    }
}
