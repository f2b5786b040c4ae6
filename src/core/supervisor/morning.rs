//! The report that is made every morning: when it is asked for. That one report is made by one of all the
//! supervisors of a state directory, and none twice, is for the files that it leaves.

use std::time::Duration;

use crate::core::beat::clip;
use crate::core::effect::Effect;
use crate::core::event::ReportEnd;
use crate::core::fact::{Fact, ReportFact, TEXT_MAX};
use crate::core::time::{Boot, LocalDay, Up, millis};

use super::{State as Stands, Supervisor};

/// A run that is over by then makes no report of the day before: `agentwatch run -- true` is no morning.
const SETTLED: Duration = Duration::from_secs(10);

/// Who sends reports to nobody lets those go first who do: what is made is not made again to be sent.
const COURTESY: Duration = Duration::from_mins(1);

/// Supervisors of one machine ask within this time of each other, in milliseconds: the first is then done
/// before most of them begin.
const SPREAD_MS: u64 = 5_000;

/// A report that takes longer hangs; that of a hundred agents takes seconds.
const REPORT_MAX: Duration = Duration::from_mins(10);

/// The first wait after one that could not be made; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_mins(1);
/// The longest of these waits.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// So often it is doubled: more is longer than that.
const DOUBLINGS: u32 = 6;

/// Where the report of the day before stands.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// On this day nothing is left to be done.
    done: Option<LocalDay>,
    /// One is being made, since then and on that day.
    running: Option<(Up, LocalDay)>,
    /// The day that the rest is about.
    day: LocalDay,
    /// Not asked for again before.
    next: Boot,
    /// How often it came to nothing.
    tries: u32,
    /// That it could not be made was said.
    told: bool,
}

impl Supervisor {
    /// When it is asked for next.
    fn report_at(&self) -> Option<Boot> {
        if matches!(self.state, Stands::New | Stands::Leaving(_) | Stands::Done) {
            return None;
        }
        let morning = self.settings.morning?;
        let done = self.morning.done == Some(self.now.day);
        let day = if done { self.now.tomorrow } else { self.now.today };
        let courtesy = if morning.sent { Duration::ZERO } else { COURTESY };
        let spread = courtesy + Duration::from_millis(self.run % SPREAD_MS);
        let wait = day.at(morning.at).plus(spread).since(self.now.wall);
        // One that was missed is made up for as soon as it is clear that we stay.
        let settled = self.launched.boot.plus(SETTLED + spread);
        Some(self.now.boot.plus(wait).max(settled).max(self.morning.next))
    }

    /// When there is something to be done about it although nothing happens.
    pub(super) fn report_deadline(&self) -> Option<Boot> {
        match self.morning.running {
            Some((since, _)) => Some(self.now.boot.plus(since.plus(REPORT_MAX).since(self.now.up))),
            None => self.report_at(),
        }
    }

    /// What is due.
    pub(super) fn tick_report(&mut self, out: &mut Vec<Effect>) {
        let now = self.now;
        if let Some((since, _)) = self.morning.running {
            if now.up.since(since) < REPORT_MAX {
                return;
            }
            out.push(Effect::DropReport);
            let error = "it took longer than ten minutes".to_owned();
            self.report_ended(ReportEnd::Failed { error }, out);
        }
        if self.morning.day != now.day {
            self.morning = State { done: self.morning.done, day: now.day, ..State::default() };
        }
        let due = self.report_at().is_some_and(|at| at <= now.boot);
        if due && self.morning.done != Some(now.day) {
            self.morning.running = Some((now.up, now.day));
            out.push(Effect::Report { day: LocalDay(now.day.0.saturating_sub(1)) });
        }
    }

    /// It came to an end.
    pub(super) fn report_ended(&mut self, end: ReportEnd, out: &mut Vec<Effect>) {
        let Some((_, day)) = self.morning.running.take() else { return };
        let now = self.now;
        let error = match end {
            ReportEnd::There { letter } => {
                self.morning.done = Some(day);
                if letter {
                    self.deliver(out);
                }
                return;
            }
            ReportEnd::Busy => None,
            ReportEnd::Failed { error } => Some(error),
        };
        let wait = FIRST_WAIT.saturating_mul(1 << self.morning.tries.min(DOUBLINGS));
        self.morning.next = now.boot.plus(wait.min(LONGEST_WAIT));
        self.morning.tries = self.morning.tries.saturating_add(1);
        let told = self.morning.told || error.is_none();
        if let (Some(error), Some(morning), false) = (error, self.settings.morning, told) {
            self.morning.told = true;
            out.push(Effect::Record(Fact::ReportFailed(ReportFact {
                day: LocalDay(day.0.saturating_sub(1)).to_string(),
                sink: None,
                tries: self.morning.tries,
                after_ms: millis(now.wall.since(now.today.at(morning.at))),
                error: Some(clip(&error, TEXT_MAX).to_owned()),
            })));
        }
    }

    /// It arrived at a sink, or was given up.
    pub(super) fn report_receipt(fact: ReportFact, out: &mut Vec<Effect>) {
        let sent = fact.error.is_none();
        let kind = if sent { Fact::ReportSent } else { Fact::ReportFailed };
        out.push(Effect::Record(kind(fact)));
    }
}
