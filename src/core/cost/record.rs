//! The most that an agent used over the last thirty days, by stretches of one, two and six cycles:
//! what it has done before is no news.

use serde::{Deserialize, Serialize};

use crate::core::time::Wall;

/// How long a record counts, in days: a month holds every weekday four times and the end of a month
/// (`docs/cost.md`).
pub const DAYS: usize = 30;

/// An hour in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// In the first hour of an agent, what was used before these minutes counts.
const BLOCK_MS: i64 = 5 * 60_000;

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

/// How far above the record a stretch must be to be news.
struct Margin {
    /// In hundredths of the record, while the ordinary days are not known.
    usual: u64,
    /// At most, once they are.
    most: u64,
    /// How many square roots of the time that is missing from [`LONG_HOURS`] are put on top.
    roots: u32,
}

/// Of one, two and six cycles. Six in a row average out what is uneven, so their record grows less with time.
const MARGINS: [Margin; 3] = [
    Margin { usual: 300, most: 500, roots: 2 },
    Margin { usual: 300, most: 400, roots: 2 },
    Margin { usual: 200, most: 200, roots: 3 },
];

/// At least, in hundredths of the record.
const LEAST: u64 = 135;

/// With so many whole days it is known what an ordinary day's most is, and how much it varies.
const ORDINARY: usize = 28;

/// So many tenths of a standard deviation are the logarithms of a day's most above their mean once in five
/// years, where days are as Gumbel's law has them (Gumbel, Statistics of Extremes, 1958): (y − 0.5772)·√6/π
/// standard deviations for y = ln(5 · 365).
const DEVIATIONS: u64 = 54;

/// A record of half a year would grow no more that mattered.
const LONG_HOURS: u64 = 180 * 24;

/// In its first week an agent shows new things every day: a short spike is taken as one of them at once.
const WEEK_HOURS: u64 = 7 * 24;

/// A record, in blocks of a day. The hour that runs does not count, or a ramp would teach its own record;
/// in the first hour of an agent it is the five minutes that run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Whole days since 1970 by UTC with the most of their closed hours, oldest first.
    days: Vec<(i32, Levels)>,
    /// The hour that runs, since 1970; `None` while nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    hour: Option<i64>,
    /// The first hour.
    first: i64,
    /// The most of that hour up to the block of minutes that runs.
    open: Levels,
    /// That block, since 1970, and its most.
    block: i64,
    fresh: Levels,
    /// What was over by itself but was seen only once, and on which day.
    #[serde(skip_serializing_if = "Option::is_none")]
    once: Option<(i32, Levels)>,
}

/// A binary logarithm in 65,536ths, whose power is good to 2 %. In whole numbers, so that every machine decides alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Log(u64);

impl Log {
    const ONE: u64 = 1 << 16;

    /// How much log2(1 + x) is above x, and x above 2^x − 1: about 0.344 x (1 − x).
    fn bulge(x: u64) -> u64 {
        22_530 * x / Self::ONE * (Self::ONE - x) / Self::ONE
    }

    /// That of a number; of 0 as of 1.
    fn of(n: u32) -> Self {
        let n = n.max(1);
        let x = (u64::from(n) << 16 >> n.ilog2()) - Self::ONE;
        Self(u64::from(n.ilog2()) * Self::ONE + x + Self::bulge(x))
    }

    /// Of what number it is, in hundredths of `base` and at most `most`.
    fn exp2_hundredths_below(self, base: u64, most: u64) -> u64 {
        let base = Self::of(u32::try_from(base).unwrap_or(u32::MAX));
        let above = self.0.saturating_sub(base.0);
        let (whole, x) = (above / Self::ONE, above % Self::ONE);
        // 2^7 hundredths are above every margin.
        let times = (Self::ONE + x - Self::bulge(x)) << whole.min(7);
        (100 * times / Self::ONE).min(most)
    }
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
            let is_first = self.open == Levels::default();
            raise(&mut most, if is_first { &self.fresh } else { &self.open });
        }
        Some(most)
    }

    /// Whether a stretch might be news, for little work: no margin is smaller.
    #[must_use]
    pub fn may_be_news(level: u64, record: u64) -> bool {
        record.saturating_mul(LEAST) / 100 < level
    }

    /// What is news for a stretch of the kind `at`, of which `record` is the most that counts.
    ///
    /// It must be above the record by as much as the spread of the days' own records says, or thrice where too
    /// few days are known, and then by more the fewer they are.
    #[must_use]
    pub fn news(&self, at: usize, record: u64) -> u64 {
        let Some(margin) = MARGINS.get(at % MARGINS.len()) else { return u64::MAX };
        let times = match self.spread(at) {
            Some(far) => far.exp2_hundredths_below(record, margin.most).max(LEAST),
            // Whoever tries it out sees the plain rule.
            None if self.age() == 0 => margin.usual,
            None => margin.usual * self.youth(margin.roots) / 100,
        };
        record.saturating_mul(times) / 100
    }

    /// For how long the agent is known, in hours: days on which it did nothing teach nothing.
    fn age(&self) -> u64 {
        let days = u64::try_from(self.days.len()).unwrap_or(u64::MAX).max(1);
        let hours = self.hour.unwrap_or(0).saturating_sub(self.first);
        u64::try_from(hours).unwrap_or(0).min(24 * days)
    }

    /// What a record that will still grow is short of, in hundredths.
    fn youth(&self, roots: u32) -> u64 {
        // Half an hour stands for the first hour.
        let missing = LONG_HOURS * 2 * 100_000_000 / (2 * self.age() + 1);
        // 100 times the square root of a number is the square root of 10,000 times it.
        let root = missing.isqrt().isqrt();
        let root = if roots == 3 { (root * 100).isqrt() } else { root };
        root.max(100)
    }

    /// What a day's most is once in five years.
    fn spread(&self, at: usize) -> Option<Log> {
        // Today is not over.
        let (_, whole) = self.days.split_last()?;
        if whole.len() < ORDINARY {
            return None;
        }
        let logs = || whole.iter().filter_map(|(_, levels)| levels.get(at)).map(|n| Log::of(*n).0);
        let count = u64::try_from(whole.len()).ok()?;
        let mean = logs().sum::<u64>() / count;
        let squares = logs().map(|log| log.abs_diff(mean).pow(2)).sum::<u64>();
        Some(Log(mean + (squares / count).isqrt() * DEVIATIONS / 10))
    }

    /// Time goes on. A clock that is set back by less than a day changes nothing.
    pub fn tick(&mut self, now: Wall) {
        let hour = now.0.div_euclid(HOUR_MS);
        let Some(before) = self.hour else { return };
        let block = now.0.div_euclid(BLOCK_MS);
        if block != self.block {
            self.block = block;
            raise(&mut self.open, &std::mem::take(&mut self.fresh));
        }
        if hour == before || (before.saturating_sub(24) < hour && hour < before) {
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
        if self.days.is_empty() {
            // After a month away the agent is a stranger.
            *self = Self::default();
        }
    }

    /// A stretch of such levels was normal.
    pub fn learn(&mut self, now: Wall, levels: &Levels) {
        if self.hour.is_none() {
            self.first = now.0.div_euclid(HOUR_MS);
            self.hour = Some(self.first);
            self.block = now.0.div_euclid(BLOCK_MS);
        }
        self.tick(now);
        raise(&mut self.fresh, levels);
    }

    /// What of such levels was over by itself happens now and then, once it was seen twice: on two days, unless
    /// it was `short`. A single spike raises no record, or it would hide a runaway for a month.
    pub fn happened(&mut self, now: Wall, levels: &Levels, short: bool) {
        let today = day_of(now.0.div_euclid(HOUR_MS));
        let is_alike = |(day, before): (i32, Levels)| {
            let known = levels.iter().zip(before).all(|(new, old)| *new / 3 <= old);
            known && (short || day != today)
        };
        if (short && self.age() < WEEK_HOURS) || self.once.is_some_and(is_alike) {
            self.once = None;
            self.accept(now, levels);
        } else {
            self.once = Some((today, *levels));
        }
    }

    /// What was seen counts at once and for the whole time.
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
        self.once = self.once.filter(|(day, _)| oldest <= *day);
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

    /// An agent whose days had such a most, of every stretch.
    fn after(days: &[u32]) -> Record {
        let mut record = Record::default();
        for (day, most) in (0..).zip(days) {
            for hour in 0..24 {
                record.learn(at(24 * day + hour), &[*most; LEVELS]);
            }
        }
        record
    }

    fn times(record: &Record, at: usize) -> u64 {
        let most = record.levels().unwrap()[at].into();
        record.news(at, most) * 100 / most
    }

    #[test]
    fn the_younger_a_record_is_the_more_it_must_be_beaten_by() {
        let mut record = Record::default();
        record.learn(at(0), &[1_000; LEVELS]);
        assert_eq!(times(&record, 0), 300, "in the first hour thrice");
        let of_age: Vec<u64> =
            [1, 3, 9, 27].map(|days| times(&after(&vec![1_000; days]), 0)).into();
        assert_eq!(of_age, [1104, 834, 633, 480]);
        assert_eq!(times(&after(&[1_000; 3]), 2), 332, "six in a row vary less");
    }

    #[test]
    fn an_even_months_record_is_beaten_by_less_than_an_uneven_ones() {
        assert_eq!(times(&after(&[1_000; 40]), 0), LEAST);
        let varied = |by: u32| after(&(0..40).map(|n| 1_000 + n % 7 * by).collect::<Vec<_>>());
        let of: Vec<u64> = [50, 300, 3_000].map(|by| times(&varied(by), 0)).into();
        assert_eq!(of, [135, 304, 500]);
        assert_eq!(times(&varied(3_000), 1), 400);
        assert_eq!(times(&varied(3_000), 2), 200);
    }

    #[test]
    fn what_was_over_by_itself_counts_when_it_was_seen_twice() {
        let spike = [90_000; LEVELS];
        let mut record = after(&[1_000]);
        record.happened(at(24), &spike, true);
        assert_eq!(record.levels(), Some(spike), "at once in the first week");
        let mut record = after(&[1_000; 20]);
        record.happened(at(24 * 20), &spike, true);
        assert_eq!(record.levels(), Some([1_000; LEVELS]));
        record.happened(at(24 * 20 + 1), &[30_000; LEVELS], true);
        assert_eq!(record.levels(), Some([30_000; LEVELS]));
        record.happened(at(24 * 21), &spike, false);
        record.happened(at(24 * 21 + 5), &spike, false);
        assert_eq!(record.levels(), Some([30_000; LEVELS]), "a long one on two days");
        record.happened(at(24 * 22), &spike, false);
        assert_eq!(record.levels(), Some(spike));
        let mut record = after(&[1_000; 20]);
        record.happened(at(24 * 20), &spike, true);
        (480..24 * 60).for_each(|hour| record.learn(at(hour), &[1_000; LEVELS]));
        record.happened(at(24 * 60), &spike, true);
        assert_eq!(record.levels(), Some([1_000; LEVELS]), "what was a month ago was never seen");
        record.tick(at(24 * 100));
        assert_eq!(record, Record::default(), "after a month away it is a stranger");
    }

    #[test]
    fn a_power_of_a_logarithm_is_good_to_two_percent() {
        for far in (1_000..5_000).step_by(7) {
            let (times, want) =
                (Log::of(far).exp2_hundredths_below(1_000, 500), u64::from(far / 10));
            assert!(times.abs_diff(want) * 100 <= 2 * want, "{far}: {times}");
        }
        assert_eq!(Log::of(u32::MAX).exp2_hundredths_below(0, 500), 500);
        assert_eq!(Log::of(7).exp2_hundredths_below(1_000, 500), 100);
    }
}
