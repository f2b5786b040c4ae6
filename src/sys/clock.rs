//! Reading the clocks: the only place in agentwatch that does.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use time::{OffsetDateTime, UtcOffset};

use super::os;
use crate::core::time::{Boot, LocalDay, Now, Up, Wall};

/// A quarter of an hour in ms: every change of a zone's offset lies on one.
const QUARTER: i64 = 15 * 60 * 1000;

/// A day in ms.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// The calendar, in milliseconds since 1970, for processes that ask once.
#[must_use]
pub fn wall_ms() -> i64 {
    read_wall().unwrap_or_default().0
}

/// The clocks of the machine, with the local zone's offset remembered.
#[derive(Debug)]
pub struct Clock {
    last: Now,
    zone: Zone,
    /// The offset with which the next midnight was worked out, in ms.
    midnight_by: i64,
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
        let mut clock =
            Self { last: Now::default(), zone: Zone::new(look_up), midnight_by: i64::MAX };
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
        if day != self.last.day || self.midnight_by != offset {
            self.last.midnight = self.zone.midnight_after(local, offset);
            self.midnight_by = offset;
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

    /// The end of the local day of a moment in local time whose offset, in ms, is known.
    fn midnight_after(&self, local: i64, offset: i64) -> Wall {
        let ends = local.div_euclid(DAY).saturating_add(1).saturating_mul(DAY);
        // On a day that turns the clock the offset at its end is another one than now.
        let then = i64::from(self.at(Wall(ends.saturating_sub(offset)))) * 1000;
        Wall(ends.saturating_sub(then))
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
    fn summer_time_comes_and_goes() {
        const NAME: &str = "sys::clock::tests::summer_time_comes_and_goes";
        if inner().is_none() {
            return rerun(NAME, &[("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")]);
        }
        let clock = Clock::new();
        // 2026-03-29 at 01:00 UTC, and 2026-10-25 at 01:00 UTC.
        for (wall, before, after) in [(1_774_746_000_000, 1, 2), (1_792_890_000_000, 2, 1)] {
            assert_eq!(clock.offset_at(Wall(wall - 1)), before * 3600);
            assert_eq!(clock.offset_at(Wall(wall)), after * 3600);
            // Both turn the clock at night: the day that begins before it ends at the new midnight.
            let local = wall - 2 * 3_600_000 + i64::from(before) * 3_600_000;
            let ends = clock.zone.midnight_after(local, i64::from(before) * 3_600_000);
            let utc = (wall.div_euclid(DAY) + 1) * DAY;
            assert_eq!(ends.0, utc - i64::from(after) * 3_600_000);
        }
    }
}
