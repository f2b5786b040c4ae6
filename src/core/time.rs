//! The four clocks of the core: plain numbers that the shell reads and the core compares.

use std::fmt;
use std::time::Duration;

/// Time since an arbitrary start that stands still while the machine is suspended.
///
/// Silence and stop timeouts are measured on it: a suspended machine blames nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Up(pub Duration);

/// Time since an arbitrary start that runs on while the machine is suspended.
///
/// The cooldown is measured on it: a night of suspend is a night of cooling down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Boot(pub Duration);

/// Milliseconds since 1970 by the machine's calendar clock; may jump, so it is only recorded and
/// compared with clamping.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Wall(pub i64);

/// Days since 1970-01-01 in the local calendar; budgets and day files turn over with it.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct LocalDay(pub i32);

/// One reading of all clocks, taken once a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For silence and stop.
    pub up: Up,
    /// For cooldown.
    pub boot: Boot,
    /// For records and for what survives a crash.
    pub wall: Wall,
    /// For the failures of a day.
    pub day: LocalDay,
    /// That day by the calendar.
    pub today: Day,
    /// The day after it.
    pub tomorrow: Day,
}

impl Now {
    /// When the local day ends: budgets are fresh then.
    #[must_use]
    pub fn midnight(&self) -> Wall {
        self.today.ends
    }
}

/// A local day: 24 hours, and 23 or 25 where clocks are turned on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Its local midnight.
    pub begins: Wall,
    /// When clocks are turned; its end if they are not.
    pub turns: Wall,
    /// The next local midnight.
    pub ends: Wall,
}

/// A day of 24 hours, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Day {
    /// A day of 24 hours.
    #[must_use]
    pub fn plain(begins: Wall) -> Self {
        let ends = Wall(begins.0.saturating_add(DAY_MS));
        Self { begins, turns: ends, ends }
    }

    /// When clocks show so many minutes since midnight: the first time of two, and when they are turned if
    /// that skips it.
    #[must_use]
    pub fn at(self, minute: u16) -> Wall {
        let since = i64::from(minute).saturating_mul(60_000);
        let before = Wall(self.begins.0.saturating_add(since));
        if before < self.turns {
            return before;
        }
        let left = DAY_MS.saturating_sub(since);
        Wall(self.ends.0.saturating_sub(left)).max(self.turns)
    }
}

impl Up {
    /// The moment `after` this one; never wraps.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(after))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Boot {
    /// The moment `after` this one; never wraps.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(after))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Wall {
    /// The moment `after` this one; never wraps.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was by the calendar; zero if it lies ahead (a clock set back).
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A duration as whole milliseconds, the unit of every duration in the journal.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// When the core wants to be woken, on the clock that the wait is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Stands still in suspend.
    Up(Up),
    /// Runs on in suspend.
    Boot(Boot),
}

impl When {
    /// How long from `now` until then; zero when it is due.
    #[must_use]
    pub fn wait(self, now: &Now) -> Duration {
        match self {
            Self::Up(up) => up.since(now.up),
            Self::Boot(boot) => boot.since(now.boot),
        }
    }
}

impl LocalDay {
    /// Whether that is its date.
    #[must_use]
    pub fn is_called(self, year: i64, month: i64, day: i64) -> bool {
        let (y, m, d) = civil(self.0);
        (y, i64::from(m), i64::from(d)) == (year, month, day)
    }

    /// Whether it is further ahead of `today` than any time zone or clock that is set a little explains.
    #[must_use]
    pub fn is_ahead_of(self, today: Self) -> bool {
        today.0.saturating_add(1) < self.0
    }
}

impl fmt::Display for LocalDay {
    /// As `2026-11-22`: the name of a day file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Year, month and day of a day number, by Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>), which is exact for every `i32`.
fn civil(day: i32) -> (i64, u32, u32) {
    let z = i64::from(day) + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = u32::try_from(doy - (153 * mp + 2) / 5 + 1).unwrap_or(1);
    let month = u32::try_from(if mp < 10 { mp + 3 } else { mp - 9 }).unwrap_or(1);
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_number_is_named_as_the_calendar_does() {
        for (day, name) in [(0, "1970-01-01"), (-1, "1969-12-31"), (19_782, "2024-02-29")] {
            assert_eq!(LocalDay(day).to_string(), name);
        }
    }

    #[test]
    fn clocks_show_a_time_once_on_every_day() {
        let hour = 60 * 60_000;
        let minute = |hours: u16| hours * 60 + 30;
        let plain = Day::plain(Wall(7 * hour));
        assert_eq!(plain.at(0), Wall(7 * hour));
        assert_eq!(plain.at(minute(23)), Wall(30 * hour + hour / 2));
        // Two o'clock becomes three: 02:30 is skipped.
        let short = Day { begins: Wall(0), turns: Wall(2 * hour), ends: Wall(23 * hour) };
        for (hours, at) in [(1, 3), (2, 4), (3, 5), (8, 15), (23, 45)] {
            assert_eq!(short.at(minute(hours)), Wall(at * hour / 2), "{hours}:30 of 23 hours");
        }
        // Three o'clock becomes two: 02:30 comes twice.
        let long = Day { begins: Wall(0), turns: Wall(3 * hour), ends: Wall(25 * hour) };
        for (hours, at) in [(1, 3), (2, 5), (3, 9), (8, 19), (23, 49)] {
            assert_eq!(long.at(minute(hours)), Wall(at * hour / 2), "{hours}:30 of 25 hours");
        }
        assert_eq!(Day::default().at(480), Wall(0), "a clock that nobody has read");
    }

    #[test]
    fn a_clock_set_back_gives_no_negative_age() {
        assert_eq!(Wall(5).since(Wall(9)), Duration::ZERO);
        assert_eq!(Wall(9).since(Wall(5)), Duration::from_millis(4));
    }
}
