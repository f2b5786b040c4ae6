//! The times in front of a list of events, and the lines between two days of it.

use crate::core::time::{LocalDay, Wall, millis};

use super::stamp::{day, local, local_time, offset, weekday};
use super::words::span;

/// How moments are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// By the clock of this place.
    #[default]
    Local,
    /// By that of the journal.
    Utc,
    /// By how long ago they were.
    Relative,
}

/// What stands in front of the next event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// A line before it: another day begins, or the clocks were changed.
    pub heading: Option<String>,
    /// Its time, as wide as all others.
    pub time: String,
}

/// The times of a list, oldest first.
#[derive(Clone, Debug)]
pub struct Timeline {
    times: Times,
    /// Days have a line of their own, and no event tells its date.
    by_day: bool,
    /// What "ago" is seen from: what comes later is `+12s` after it, as what is on a screen must stay true.
    now: Wall,
    /// The day and the offset of the last event.
    last: Option<(LocalDay, i32)>,
}

impl Timeline {
    /// For a list that begins at `now`; `by_day` where one person reads all of it from its top.
    #[must_use]
    pub fn new(times: Times, by_day: bool, now: Wall) -> Self {
        Self { times, by_day, now, last: None }
    }

    /// What stands in front of an event of that moment, where clocks are `offset_s` seconds east of UTC.
    pub fn mark(&mut self, at: Wall, offset_s: i32) -> Mark {
        let utc = self.times == Times::Utc;
        let offset_s = if utc { 0 } else { offset_s };
        let zone = if utc { "Z" } else { "" };
        let (heading, time) = match self.times {
            Times::Relative => (None, self.relative(at)),
            Times::Local | Times::Utc if self.by_day => {
                (self.heading(at, offset_s), format!("{}{zone}", local_time(at, offset_s)))
            }
            Times::Local | Times::Utc => (None, format!("{}{zone}", local(at, offset_s))),
        };
        Mark { heading, time }
    }

    fn relative(&self, at: Wall) -> String {
        let whole = |from: Wall, to: Wall| span(millis(to.since(from)) / 1000 * 1000);
        let words = if self.now < at {
            format!("+{}", whole(self.now, at))
        } else {
            format!("{} ago", whole(at, self.now))
        };
        format!("{words:>10}")
    }

    fn heading(&mut self, at: Wall, offset_s: i32) -> Option<String> {
        let day = day(at, offset_s);
        let before = self.last.replace((day, offset_s));
        if before == Some((day, offset_s)) {
            return None;
        }
        let utc = if self.times == Times::Utc { " UTC" } else { "" };
        let name = format!("{} {day}{utc}", weekday(day));
        // An hour that is there twice would be a riddle.
        let changed = before.filter(|(_, before)| *before != offset_s);
        Some(match changed {
            Some(_) => format!("{name}, {} from here", offset(offset_s)),
            None => name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-10-25 00:30 UTC, half an hour before summer time ends in Vienna.
    const AT: Wall = Wall(1_792_888_200_000);

    fn later(minutes: i64) -> Wall {
        Wall(AT.0 + minutes * 60_000)
    }

    #[test]
    fn a_day_has_a_line_of_its_own_and_so_has_the_hour_that_is_there_twice() {
        let mut line = Timeline::new(Times::Local, true, AT);
        let mut told = |at, offset| {
            let mark = line.mark(at, offset);
            (mark.heading.unwrap_or_default(), mark.time)
        };
        let both = |heading: &str, time: &str| (heading.to_owned(), time.to_owned());
        assert_eq!(told(later(-200), 7200), both("Saturday 2026-10-24", "23:10:00"));
        assert_eq!(told(AT, 7200), both("Sunday 2026-10-25", "02:30:00"));
        assert_eq!(told(later(29), 7200), both("", "02:59:00"));
        assert_eq!(told(later(60), 3600), both("Sunday 2026-10-25, UTC+1 from here", "02:30:00"));
        assert_eq!(told(later(61), 3600), both("", "02:31:00"));
        // A clock that was set back.
        assert_eq!(told(later(-200), 7200).0, "Saturday 2026-10-24, UTC+2 from here");
    }

    #[test]
    fn where_lines_are_taken_out_of_their_list_each_tells_its_date() {
        let mark = |times, by_day| Timeline::new(times, by_day, later(3)).mark(AT, 7200);
        assert_eq!(mark(Times::Local, false).time, "2026-10-25 02:30:00");
        assert_eq!(mark(Times::Utc, false).time, "2026-10-25 00:30:00Z");
        let utc = mark(Times::Utc, true);
        assert_eq!(
            (utc.heading.as_deref(), utc.time.as_str()),
            (Some("Sunday 2026-10-25 UTC"), "00:30:00Z")
        );
    }

    #[test]
    fn what_was_so_long_ago_stays_true_while_it_is_read() {
        let mut line = Timeline::new(Times::Relative, true, AT);
        let mut told = |at| {
            let mark = line.mark(at, 7200);
            assert_eq!(mark.heading, None);
            mark.time
        };
        assert_eq!(told(later(-125)), "  2h5m ago");
        assert_eq!(told(AT), "    0s ago");
        assert_eq!(told(later(3)), "       +3m");
    }
}
