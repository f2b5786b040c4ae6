//! Where an agent stood when: stretches of one state without gaps, what of it was up, and why it was not. Pure.

use super::calendar::Calendar;
use super::{Gap, Span};

/// What a state means for the question whether it was alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// It ran, or waited for its next run.
    Up,
    /// It should have run and did not.
    Down,
    /// It was not meant to run: stopped, finished, paused by a person; or nothing is known yet.
    Excused,
}

/// Gaps that are kept; more of them are one story and not many.
const GAPS_MAX: usize = 500;

/// Spans that are kept, for the same reason.
const SPANS_MAX: usize = 5_000;

/// Time up and time due of a day, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) up: u64,
    pub(super) due: u64,
}

impl Share {
    /// In hundredths of a percent.
    pub(super) fn of(self) -> Option<u32> {
        let share = u128::from(self.up) * 10_000 / u128::from(self.due.max(1));
        (self.due > 0).then(|| u32::try_from(share).unwrap_or(10_000))
    }
}

/// A gap that is not over.
#[derive(Debug, Default)]
struct Open {
    since: i64,
    /// Why, as far as it is known.
    cause: String,
    /// Failures in it.
    failures: u32,
}

/// The stretches of one agent.
#[derive(Debug)]
pub(super) struct Timeline<'a> {
    calendar: &'a Calendar,
    state: &'static str,
    since: i64,
    class: Class,
    spans: Vec<Span>,
    /// Of each day of the calendar.
    shares: Vec<Share>,
    gaps: Vec<Gap>,
    /// The gap that runs.
    gap: Option<Open>,
}

impl<'a> Timeline<'a> {
    /// Nothing is known.
    pub(super) fn new(calendar: &'a Calendar) -> Self {
        Self {
            calendar,
            state: "",
            since: i64::MIN,
            class: Class::Excused,
            spans: Vec::new(),
            shares: vec![Share::default(); calendar.len()],
            gaps: Vec::new(),
            gap: None,
        }
    }

    /// Where it stands.
    pub(super) fn state(&self) -> &'static str {
        self.state
    }

    /// Since when.
    pub(super) fn since(&self) -> i64 {
        self.since
    }

    /// From `at` on it stands there; `asked`: a person wants it so.
    pub(super) fn turn(&mut self, at: i64, state: &'static str, asked: bool) {
        let class = self.class_of(state, asked);
        if state == self.state && class == self.class {
            return;
        }
        // A clock that was set back makes no time go backwards.
        let at = at.max(self.since);
        self.close(at);
        if class == Class::Down && self.gap.is_none() {
            self.gap = Some(Open { since: at, ..Open::default() });
        } else if class != Class::Down {
            self.end_gap(at, false);
        }
        (self.state, self.since, self.class) = (state, at, class);
    }

    /// Why it is down, if that is not known yet.
    pub(super) fn because(&mut self, words: &str) {
        if let Some(gap) = &mut self.gap
            && gap.cause.is_empty()
        {
            words.clone_into(&mut gap.cause);
        }
    }

    /// A failure is why it is down: the first of a gap has the say.
    pub(super) fn failed(&mut self, words: &str) {
        if let Some(gap) = &mut self.gap {
            gap.failures = gap.failures.saturating_add(1);
            if gap.failures == 1 {
                words.clone_into(&mut gap.cause);
            }
        }
    }

    /// Says more of why it is down.
    pub(super) fn moreover(&mut self, words: &str) {
        if let Some(gap) = &mut self.gap
            && !gap.cause.contains(words)
        {
            if !gap.cause.is_empty() {
                gap.cause.push_str("; ");
            }
            gap.cause.push_str(words);
        }
    }

    /// What a state is taken for; a stop belongs to what it came from.
    fn class_of(&self, state: &str, asked: bool) -> Class {
        match state {
            "stopping" if self.class == Class::Down => Class::Down,
            "starting" | "running" | "healthy" | "late" | "shutting_down" | "stopping"
            | "waiting" => Class::Up,
            "unhealthy" | "failed" | "cooldown" | "parked" | "validating" | "unknown" => {
                Class::Down
            }
            "escalated" | "paused" if !asked => Class::Down,
            _ => Class::Excused,
        }
    }

    /// The stretch that runs is over.
    fn close(&mut self, at: i64) {
        if self.state.is_empty() || at <= self.since {
            return;
        }
        self.share(at);
        let (from, until) = (self.since.max(self.calendar.from()), at.min(self.calendar.until()));
        if from < until && self.spans.len() < SPANS_MAX {
            let span = Span { state: self.state, from_ms: from, until_ms: until };
            match self.spans.last_mut() {
                Some(last) if last.state == span.state && last.until_ms == from => {
                    last.until_ms = until;
                }
                _ => self.spans.push(span),
            }
        }
    }

    fn share(&mut self, at: i64) {
        if self.class == Class::Excused {
            return;
        }
        let mut from = self.since.max(self.calendar.begin());
        while from < at {
            let Some(day) = self.calendar.day_of(from) else { return };
            let Some((_, ends)) = self.calendar.bounds(day) else { return };
            let until = ends.min(at);
            let ms = u64::try_from(until - from).unwrap_or(0);
            if let Some(share) = self.shares.get_mut(day) {
                share.due += ms;
                share.up += if self.class == Class::Up { ms } else { 0 };
            }
            from = until;
        }
    }

    fn end_gap(&mut self, at: i64, open: bool) {
        let Some(gap) = self.gap.take() else { return };
        let from_ms = gap.since.max(self.calendar.from());
        let until_ms = at.min(self.calendar.until());
        if from_ms < until_ms && self.gaps.len() < GAPS_MAX {
            let mut cause = gap.cause;
            if cause.is_empty() {
                // What it was in before it ends, not what it is in now.
                usual_cause(self.state).clone_into(&mut cause);
            }
            if 1 < gap.failures {
                cause = format!("{} failures, the first: {cause}", gap.failures);
            }
            self.gaps.push(Gap { from_ms, until_ms, open: open || until_ms < at, cause });
        }
    }

    /// All that is known ends at `at`. Gives spans, gaps and what was up of each day.
    pub(super) fn end(mut self, at: i64) -> (Vec<Span>, Vec<Gap>, Vec<Share>) {
        let at = at.max(self.since);
        self.close(at);
        self.end_gap(at, true);
        (self.spans, self.gaps, self.shares)
    }
}

/// What is said of a gap of which nothing else is known.
fn usual_cause(state: &str) -> &'static str {
    match state {
        "unknown" => {
            "nothing was recorded: the machine was off or asleep, or agentwatch was killed"
        }
        "unhealthy" => "its beats stayed away",
        "parked" => "parked",
        "paused" => "paused by agentwatch",
        "escalated" => "given up",
        "validating" => "its state was being validated",
        _ => "down",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::LocalDay;

    const HOUR: i64 = 3_600_000;

    fn at(calendar: &Calendar, hour: i64) -> i64 {
        calendar.from() + hour * HOUR
    }

    #[test]
    fn stretches_leave_no_time_out_and_gaps_say_why() {
        let calendar = Calendar::new(LocalDay(20_000), LocalDay(20_000), &|_| 0);
        let mut line = Timeline::new(&calendar);
        line.turn(at(&calendar, -5), "healthy", false);
        line.turn(at(&calendar, 3), "unhealthy", false);
        line.because("silent for 2m");
        line.turn(at(&calendar, 4), "stopping", false);
        line.failed("silent for 2m; no CPU used; ended");
        line.turn(at(&calendar, 5), "cooldown", false);
        line.turn(at(&calendar, 6), "starting", false);
        line.turn(at(&calendar, 7), "healthy", false);
        // A clock that was set back.
        line.turn(at(&calendar, 5), "stopped", true);
        line.turn(at(&calendar, 20), "escalated", false);
        let (spans, gaps, shares) = line.end(at(&calendar, 30));
        let hours: Vec<(&str, i64)> =
            spans.iter().map(|span| (span.state, (span.until_ms - span.from_ms) / HOUR)).collect();
        let want = [
            ("healthy", 3),
            ("unhealthy", 1),
            ("stopping", 1),
            ("cooldown", 1),
            ("starting", 1),
            ("stopped", 13),
            ("escalated", 4),
        ];
        assert_eq!(hours, want);
        assert_eq!(spans[0].from_ms, calendar.from());
        let gaps: Vec<_> = gaps
            .iter()
            .map(|gap| ((gap.until_ms - gap.from_ms) / HOUR, gap.open, gap.cause.as_str()))
            .collect();
        assert_eq!(gaps, [(3, false, "silent for 2m; no CPU used; ended"), (4, true, "given up")]);
        let today = shares[28];
        assert_eq!((today.up / 3_600_000, today.due / 3_600_000), (4, 11));
        assert_eq!(shares[27].of(), Some(10_000));
        assert_eq!(shares[0].of(), None);
    }
}
