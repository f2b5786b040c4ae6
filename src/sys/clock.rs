//! Reading the clocks: the only place in agentwatch that does.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use time::{OffsetDateTime, UtcOffset};

use super::os;
use crate::core::time::{Boot, Day, LocalDay, Now, Up, Wall};

/// A quarter of an hour in ms: every change of a zone's offset lies on one.
const QUARTER: i64 = 15 * 60 * 1000;

/// A day in ms.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A day on which nobody turns the clock.
const LONG: Duration = Duration::from_hours(24);

/// The calendar, in milliseconds since 1970, for processes that ask once.
#[must_use]
pub fn wall_ms() -> i64 {
    read_wall().unwrap_or_default().0
}

/// The time that passes, for processes that plan: it stands still in suspend.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where clocks are read")]
pub fn instant() -> Instant {
    Instant::now()
}

/// A moment that comes, for processes that wait for others.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Up);

impl Deadline {
    /// The moment after this time.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self(Up(read(os::UP).unwrap_or_default()).plus(time))
    }

    /// How long it is until then; nothing if it has come.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.since(Up(read(os::UP).unwrap_or(self.0.0)))
    }
}

/// The clocks of the machine, with the local zone's offset remembered.
#[derive(Debug)]
pub struct Clock {
    last: Now,
    zone: Zone,
    /// The offset with which today and tomorrow were worked out, in ms.
    days_by: i64,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// Reads the clocks for the first time.
    #[must_use]
    pub fn new() -> Self {
        let mut clock = Self { last: Now::default(), zone: Zone::new(look_up), days_by: i64::MAX };
        clock.now();
        clock
    }

    /// All clocks, read one after the other.
    ///
    /// `up` stands still in suspend, `boot` runs on. A clock that cannot be read (no supported
    /// system does that) stands still at its last value.
    pub fn now(&mut self) -> Now {
        if let Some(up) = read(os::UP) {
            self.last.up = Up(up);
        }
        if let Some(boot) = read(os::BOOT) {
            self.last.boot = Boot(boot);
        }
        if let Some(wall) = read_wall() {
            self.last.wall = wall;
        }
        let offset = i64::from(self.zone.offset(self.last.wall)) * 1000;
        let local = self.last.wall.0.saturating_add(offset);
        let day = LocalDay(i32::try_from(local.div_euclid(DAY)).unwrap_or(i32::MAX));
        // Once a day, and whenever the zone changes what it makes of it.
        if day != self.last.day || self.days_by != offset {
            let midnight = local.div_euclid(DAY).saturating_mul(DAY);
            self.last.today = self.zone.day(midnight, offset);
            self.last.tomorrow = self.zone.day(midnight.saturating_add(DAY), offset);
            self.days_by = offset;
        }
        self.last.day = day;
        self.last
    }

    /// Seconds to add to UTC for local time at that moment; 0 where the zone cannot be told.
    ///
    /// Times in the quarter of an hour of the last [`Self::now`] cost nothing, others a look-up.
    pub fn offset_at(&self, wall: Wall) -> i32 {
        self.zone.at(wall)
    }
}

/// The local offset, asked of the system once in a quarter of an hour.
#[derive(Debug)]
struct Zone {
    look_up: fn(i64) -> Option<i32>,
    /// Its number, and the offset that holds throughout it.
    quarter: Option<(i64, i32)>,
}

impl Zone {
    fn new(look_up: fn(i64) -> Option<i32>) -> Self {
        Self { look_up, quarter: None }
    }

    /// The offset at that moment; remembers nothing.
    fn at(&self, wall: Wall) -> i32 {
        match self.quarter {
            Some((known, offset)) if known == wall.0.div_euclid(QUARTER) => offset,
            // A look-up that fails once must not move midnight: the last offset is likelier.
            earlier => (self.look_up)(wall.0.div_euclid(1000))
                .unwrap_or(earlier.map_or(0, |(_, offset)| offset)),
        }
    }

    /// The local day that begins with that midnight in local time. `near`: an offset of these days, in ms.
    fn day(&self, midnight: i64, near: i64) -> Day {
        let begins = self.moment(midnight, near);
        let ends = self.moment(midnight.saturating_add(DAY), near);
        let turns = match () {
            () if ends.since(begins) == LONG => ends,
            // Midnight itself was skipped.
            () if self.at(begins) == self.at(ends) => begins,
            () => self.turn(begins, ends),
        };
        Day { begins, turns, ends }
    }

    /// When clocks show that, in ms of local time: the first time of two; of a time that is skipped, as if
    /// it were not.
    fn moment(&self, local: i64, near: i64) -> Wall {
        let at = |wall: i64| i64::from(self.at(Wall(wall))) * 1000;
        let guess = local.saturating_sub(near);
        // Nobody turns the clock twice within a day.
        let before = at(guess.saturating_sub(DAY / 2));
        let after = at(guess.saturating_add(DAY / 2));
        let (early, late) = (local.saturating_sub(before), local.saturating_sub(after));
        Wall(if at(early) != before && at(late) == after { late } else { early })
    }

    /// When the offset changes between two moments of which it is not the same.
    fn turn(&self, from: Wall, until: Wall) -> Wall {
        let before = self.at(from);
        let (mut early, mut late) = (from.0.div_euclid(QUARTER), until.0.div_euclid(QUARTER));
        while early.saturating_add(1) < late {
            let middle = early.midpoint(late);
            if self.at(Wall(middle.saturating_mul(QUARTER))) == before {
                early = middle;
            } else {
                late = middle;
            }
        }
        Wall(late.saturating_mul(QUARTER))
    }

    /// The offset at that moment, remembered for the rest of its quarter.
    fn offset(&mut self, wall: Wall) -> i32 {
        // The library looks at the zone file at the first use, and then only if it is told to: machines
        // move. Of no effect with a second thread, where it would not be sound; only tests have one.
        if self.quarter.is_some_and(|(known, _)| known != wall.0.div_euclid(QUARTER)) {
            let _ = time::util::refresh_tz();
        }
        let offset = self.at(wall);
        self.quarter = Some((wall.0.div_euclid(QUARTER), offset));
        offset
    }
}

/// Asks the C library.
fn look_up(seconds: i64) -> Option<i32> {
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    UtcOffset::local_offset_at(at).ok().map(UtcOffset::whole_seconds)
}

fn read(clock: ClockId) -> Option<Duration> {
    clock_gettime(clock).ok().map(Duration::from)
}

fn read_wall() -> Option<Wall> {
    let now = clock_gettime(ClockId::CLOCK_REALTIME).ok()?;
    // Not through `Duration`: a machine may believe that it is 1969.
    Some(Wall(now.tv_sec() * 1000 + now.tv_nsec() / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::poll::pause;
    use crate::sys::testing::{inner, rerun};

    #[test]
    fn the_clocks_run_forward() {
        let mut clock = Clock::new();
        let before = clock.now();
        pause(Duration::from_millis(2));
        let after = clock.now();
        assert!(after.up.since(before.up) >= Duration::from_millis(1));
        assert!(after.boot.since(before.boot) >= Duration::from_millis(1));
        // Written in 2025; a machine that is earlier has no calendar clock.
        assert!(after.wall.0 > 1_750_000_000_000);
        assert!((after.wall.0.div_euclid(DAY) - i64::from(after.day.0)).abs() <= 1);
    }

    #[test]
    fn the_zone_is_asked_once_in_a_quarter_and_when_time_steps_back() {
        // An offset that tells which second it was asked for.
        let mut zone = Zone::new(|seconds| i32::try_from(seconds).ok());
        assert_eq!(zone.offset(Wall(QUARTER + 5_000)), 905);
        assert_eq!(zone.offset(Wall(2 * QUARTER - 1)), 905);
        assert_eq!(zone.offset(Wall(2 * QUARTER)), 1800);
        assert_eq!(zone.offset(Wall(QUARTER)), 900);
        assert_eq!(zone.offset(Wall(-1)), -1);
    }

    #[test]
    fn a_failed_look_up_keeps_the_offset() {
        let mut zone = Zone::new(|seconds| (seconds < 900).then_some(3600));
        assert_eq!(zone.offset(Wall(0)), 3600);
        assert_eq!(zone.offset(Wall(QUARTER)), 3600);
        assert_eq!(Zone::new(|_| None).offset(Wall(0)), 0);
    }

    #[test]
    fn a_day_without_a_midnight_begins_when_it_does() {
        const NAME: &str = "sys::clock::tests::a_day_without_a_midnight_begins_when_it_does";
        if inner().is_none() {
            // As in Paraguay: the clock goes from 24:00 to 01:00, and back at 24:00 to 23:00.
            return rerun(NAME, &[("TZ", "AAA4BBB,M10.1.0/0,M3.4.0/0")]);
        }
        let clock = Clock::new();
        // 2026-10-04 at 04:00 UTC.
        let (turn, hour) = (1_791_086_400_000, 3_600_000);
        let midnight = turn - 4 * hour;
        for near in [-4 * hour, -3 * hour] {
            let day = clock.zone.day(midnight, near);
            assert_eq!((day.begins, day.ends), (Wall(turn), Wall(turn + 23 * hour)), "{near}");
            assert_eq!(day.at(480), Wall(turn + 7 * hour), "eight o'clock");
            assert_eq!(clock.zone.day(midnight - DAY, near).ends, Wall(turn));
        }
    }

    #[test]
    fn summer_time_comes_and_goes() {
        const NAME: &str = "sys::clock::tests::summer_time_comes_and_goes";
        if inner().is_none() {
            return rerun(NAME, &[("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")]);
        }
        let clock = Clock::new();
        // 2026-03-29 at 01:00 UTC, and 2026-10-25 at 01:00 UTC.
        for (wall, before, after) in [(1_774_746_000_000, 1, 2), (1_792_890_000_000, 2, 1)] {
            assert_eq!(i64::from(clock.offset_at(Wall(wall - 1))), before * 3600);
            assert_eq!(i64::from(clock.offset_at(Wall(wall))), after * 3600);
            // Both turn the clock in that night, seen from before and from after.
            let (before, after) = (before * 3_600_000, after * 3_600_000);
            let midnight = wall.div_euclid(DAY) * DAY;
            for near in [before, after] {
                let day = clock.zone.day(midnight, near);
                let (begins, ends) = (Wall(midnight - before), Wall(midnight + DAY - after));
                assert_eq!(day, Day { begins, turns: Wall(wall), ends });
                assert_eq!(clock.zone.day(midnight - DAY, near).ends, begins);
                assert_eq!(clock.zone.day(midnight + DAY, near), Day::plain(ends));
                // Eight o'clock in the morning is in what is left of the day.
                assert_eq!(day.at(480), Wall(midnight + 8 * 3_600_000 - after));
            }
        }
    }
}
