//! The lines of one agent's journal become what a report says of it. Pure; reads each line once.

use crate::core::cost::limits::Action;
use crate::core::fact::{Began, Fact, Outcome};
use crate::core::memory::LatchWhy;
use crate::core::time::Wall;
use crate::report::view::View;
use crate::wire::ending;
use crate::wire::glance::{Glance, glance};
use crate::wire::record;
use crate::wire::words::{describe, span};

use super::calendar::Calendar;
use super::figures::Figures;
use super::story::Story;
use super::timeline::Timeline;

/// So much later than a beat was due, and without a word of ours, nobody was there to say it: our own stdout
/// may be blocked for ten minutes before that is told.
const SLACK_MS: i64 = 11 * 60 * 1000;

/// What is odd about a journal.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Odd {
    pub(super) torn: u64,
    pub(super) unknown: u64,
    pub(super) set_back: u64,
}

/// A journal that is being read.
#[derive(Debug)]
pub struct Fold<'a> {
    pub(super) calendar: &'a Calendar,
    pub(super) view: View,
    pub(super) line: Timeline<'a>,
    pub(super) figures: Figures<'a>,
    pub(super) story: Story<'a>,
    pub(super) odd: Odd,
    /// What its agentwatch was when it began last.
    pub(super) began: Option<Began>,
    /// The last record.
    pub(super) last: Option<i64>,
    /// All intervals after which a silence is told.
    pub(super) interval_ms: Option<i64>,
    /// The silence that the last beat announced.
    expected_ms: i64,
    /// A person wants it down, or halted.
    asked: bool,
    /// The agentwatch that wrote last has not left.
    alive: bool,
    /// Silence was told since the last beat.
    told_late: bool,
    /// What comes later is none of this report's business.
    pub(super) as_of: i64,
}

impl<'a> Fold<'a> {
    /// Nothing was read; the lines of some days before the calendar's first may come first, so that it is
    /// known where the agent stood. Nothing later than `as_of` counts.
    #[must_use]
    pub fn new(calendar: &'a Calendar, as_of: Wall) -> Self {
        Self {
            calendar,
            as_of: as_of.0,
            view: View::new(false),
            line: Timeline::new(calendar),
            figures: Figures::new(calendar),
            story: Story::new(calendar),
            odd: Odd::default(),
            began: None,
            last: None,
            interval_ms: None,
            expected_ms: 0,
            asked: false,
            // What began before the first line has not left, as far as anybody knows.
            alive: true,
            told_late: false,
        }
    }

    /// What its agentwatch was when it began, of one that began before the first line.
    pub fn assume(&mut self, began: Began) {
        self.interval(began.interval_ms, began.misses);
        self.began = Some(began);
    }

    /// Takes one line, without its newline, in the order they were written.
    pub fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return;
        }
        let Some((at, head)) = record::head(line).and_then(|head| Some((head.at()?, head))) else {
            self.odd.torn += 1;
            return;
        };
        if self.as_of < at.0 {
            return;
        }
        if head.event == "beat"
            && let Some(beat) = glance(line)
        {
            self.beat(at, &beat);
            return;
        }
        let Some(record) = record::read(line) else {
            self.odd.torn += 1;
            return;
        };
        let before = self.pass(at);
        match record.fact {
            Some(fact) => self.learn(at, &fact, before),
            None => self.odd.unknown += 1,
        }
    }

    fn beat(&mut self, at: Wall, beat: &Glance) {
        self.pass(at);
        self.view.sign_of_life(at);
        self.figures.beat(at, beat);
        self.told_late = false;
        self.expected_ms =
            beat.expect_next_ms.map_or(0, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
        self.follow(at);
    }

    /// Time passes until `at`; gives what was the last record before.
    fn pass(&mut self, at: Wall) -> Option<i64> {
        let before = self.last.replace(at.0);
        if let Some(before) = before {
            if at.0 < before.saturating_sub(2_000) {
                self.odd.set_back += 1;
            }
            self.hole(before, at.0);
        }
        before
    }

    /// Where beats are due, and neither one nor a word of its absence was recorded, nobody was there.
    pub(super) fn hole(&mut self, before: i64, at: i64) {
        let awaited = matches!(self.line.state(), "healthy" | "late") && !self.told_late;
        let patience = self.interval_ms.map(|ms| ms.max(self.expected_ms).saturating_add(SLACK_MS));
        if awaited && patience.is_some_and(|patience| patience < at.saturating_sub(before)) {
            self.line.turn(before, "unknown", false);
            self.figures.interrupt();
        }
    }

    fn learn(&mut self, at: Wall, fact: &Fact, before: Option<i64>) {
        self.view.learn(at, fact);
        self.story.learn(at, fact);
        match fact {
            Fact::SupervisorStarted(began) => {
                // It had not left: what came after its last word nobody knows.
                if let Some(before) = before.filter(|_| self.alive && is_live(self.line.state())) {
                    self.line.turn(before, "unknown", false);
                }
                (self.alive, self.told_late) = (true, false);
                self.figures.interrupt();
                self.interval(began.interval_ms, began.misses);
                self.began = Some(began.clone());
            }
            Fact::SupervisorStopped { .. } => self.alive = false,
            Fact::Recognised(known) => self.interval(known.interval_ms, known.misses),
            Fact::Late { .. } | Fact::Unhealthy { .. } | Fact::OutputBlocked { .. } => {
                self.told_late = true;
            }
            Fact::Started { .. } | Fact::Continued { .. } | Fact::Resumed { .. } => {
                self.asked = false;
                self.figures.interrupt();
            }
            Fact::Held | Fact::Latched { why: LatchWhy::Stay, .. } => self.asked = true,
            Fact::Paused { .. } => {
                // By a person, unless something was said just before for which we do it ourselves.
                self.asked = self.story.halted.is_none();
                self.figures.interrupt();
            }
            Fact::Exited { outcome: Outcome::Failure { .. }, .. } => self.figures.failure(at.0),
            _ => {}
        }
        // A new life of agentwatch says nothing of the agent yet.
        if !matches!(fact, Fact::SupervisorStarted(_)) {
            self.follow(at);
        }
        self.explain(fact);
    }

    fn interval(&mut self, interval_ms: u64, misses: u32) {
        let all = interval_ms.saturating_mul(u64::from(misses).saturating_add(1));
        self.interval_ms = Some(i64::try_from(all).unwrap_or(i64::MAX));
    }

    fn follow(&mut self, at: Wall) {
        if !self.view.state.is_empty() {
            self.line.turn(at.0, self.view.state, self.asked);
        }
    }

    /// Says why it is down, now that it is.
    fn explain(&mut self, fact: &Fact) {
        match fact {
            Fact::Unhealthy { silent_ms, .. } => {
                self.line.because(&format!("silent for {}", span(*silent_ms)));
            }
            Fact::Exited { ending: how, ran_ms, outcome, last_line, traces, .. } => match outcome {
                Outcome::Failure { cause, .. } => {
                    let mut words =
                        ending::failure(*cause, *how, *ran_ms, traces.oom.as_ref(), None);
                    if let Some(line) = last_line {
                        words = format!("{words}: {line}");
                    }
                    self.line.failed(&words);
                }
                Outcome::NoFault => self.line.because("the machine went down with it"),
                _ => {}
            },
            Fact::Parked { .. } => self.line.because(&format!("parked: {}", describe(fact).1)),
            Fact::Escalated { .. } => self.line.moreover("gave up"),
            Fact::StateInvalid(_) => self.line.moreover("its state was not valid"),
            Fact::TreeStuck { .. } => self.line.moreover("its processes survived SIGKILL"),
            Fact::LoopSuspected { action: Action::Pause, .. }
            | Fact::BudgetExceeded { action: Action::Pause, .. } => {
                self.line.moreover(&describe(fact).1);
            }
            _ => {}
        }
    }

    /// Whether a person wants it down, or halted.
    pub(super) fn is_asked(&self) -> bool {
        self.asked
    }

    /// Whether agentwatch and agent were there when the journal ends.
    pub(super) fn is_live(&self) -> bool {
        self.alive && is_live(self.line.state())
    }
}

/// Whether something is going on in a state, so that it cannot simply last.
fn is_live(state: &str) -> bool {
    !matches!(state, "" | "stopped" | "finished" | "escalated" | "unknown")
}
