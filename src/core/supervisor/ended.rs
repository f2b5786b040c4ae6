//! A child that ended: what it means, what is left of it, and what follows.

use std::time::Duration;

use crate::core::beat::clip;
use crate::core::effect::{Effect, Force};
use crate::core::ending::Ending;
use crate::core::event::{Last, Stray};
use crate::core::fact::{Cause, Excess, Fact, Outcome, Strays};
use crate::core::memory::{DelayWhy, LAST_LINE_MAX, Latch, LatchWhy};
use crate::core::sweep::{Due, FOUND_MAX, counted, names_of};
use crate::core::time::{Boot, Up, millis};

use super::meaning::{Meaning, Seen, Then};
use super::{Child, Next, State, Stopping, Supervisor, Wait};

impl Supervisor {
    /// The wait status of a child: the only proof of its end (SPEC rule 5).
    pub(super) fn exited(
        &mut self,
        incarnation: u32,
        ending: Ending,
        last: Last,
        out: &mut Vec<Effect>,
    ) {
        let Some(child) = self.state.child().cloned() else { return };
        let stopping = match &self.state {
            State::Stopping(stopping) => Some(stopping.clone()),
            State::New
            | State::Live(_)
            | State::Paused(_)
            | State::Validating(_)
            | State::Sweeping(_)
            | State::Down { .. }
            | State::Escalated
            | State::Leaving(_)
            | State::Done => None,
        };
        // A late report of an earlier incarnation says nothing about this one.
        if child.incarnation != incarnation {
            return;
        }
        let (next, requested) = self.settle(&child, stopping.as_ref(), ending, last, out);
        self.sweep(incarnation, next, requested, out);
    }

    /// Records an end, counts it, and says what follows it; also when a stop was asked for.
    pub(super) fn settle(
        &mut self,
        child: &Child,
        stopping: Option<&Stopping>,
        ending: Ending,
        last: Last,
        out: &mut Vec<Effect>,
    ) -> (Next, Option<Up>) {
        let incarnation = child.incarnation;
        let last_line = last.line.map(|line| clip(&line, LAST_LINE_MAX).to_owned());
        let mut traces = last.traces;
        let owed = self.recording.flush().into_iter().chain(self.recording.flush_bad());
        out.extend(owed.map(Effect::Record));
        self.drop_suspicions(&mut child.clone(), out);
        self.memory.last_ending = Some(ending);
        if let Some(tree) = &mut self.memory.tree {
            tree.ended = true;
        }
        self.memory.paused = false;
        let seen = Seen { ending, line: last_line.as_deref(), output: &traces.output };
        let Meaning { outcome, then, rule } = self.meaning(child, stopping, seen);
        if stopping.is_some_and(|stopping| stopping.killed.is_some()) {
            // That was us.
            traces.oom = None;
        }
        if !matches!(outcome, Outcome::Failure { .. } | Outcome::Parked) {
            // Of any other end nobody asks for the reasons.
            traces.output.clear();
        }
        out.push(Effect::Record(Fact::Exited {
            incarnation,
            ending,
            ran_ms: Some(millis(self.now.boot.since(child.started.boot))),
            outcome,
            rule,
            last_line,
            traces,
        }));
        if let Outcome::Completed { idle } = outcome {
            self.completed_run(child, idle, out);
        }
        let next = match then {
            Then::Go(next) => next,
            Then::Count => self.next_after_failure(child.started.boot, out),
            Then::Escalate(excess) => {
                self.latch(excess, out);
                Next::Escalate
            }
        };
        // A stop that was asked for while an unhealthy child was being ended is still a stop.
        let requested = stopping.and_then(|stopping| stopping.requested);
        let next = match (next, requested) {
            (Next::Restart { .. } | Next::Escalate, Some((_, by))) => {
                self.next_of_stop(by, ending.code())
            }
            (Next::Restart { .. }, None) if stopping.is_some_and(|stopping| stopping.hurry) => {
                self.memory.cooldown_owed = false;
                Next::AT_ONCE
            }
            (next, _) => next,
        };
        self.persist(out);
        (next, requested.map(|(at, _)| at))
    }

    /// Counts a failure.
    pub(super) fn strike(&mut self, cause: Cause, last_line: Option<String>) -> Outcome {
        let now = self.now;
        self.failures = self.failures.saturating_add(1);
        self.last_cause = Some(cause);
        self.memory.custody.crashed();
        let streak = &mut self.memory.streak;
        streak.same_line = last_line.is_some()
            && (streak.failures == 0 || streak.last_line == last_line)
            && (streak.failures == 0 || streak.same_line);
        streak.failures = streak.failures.saturating_add(1);
        streak.since.get_or_insert(now.wall);
        streak.last_line = last_line;
        let failures = streak.failures;
        if self.memory.day != now.day {
            self.memory.day = now.day;
            self.memory.failures_of_day = 0;
        }
        self.memory.failures_of_day = self.memory.failures_of_day.saturating_add(1);
        self.memory.cooldown_owed = true;
        self.memory.unfinished = true;
        self.trouble(Duration::ZERO);
        Outcome::Failure { cause, streak: failures, max: self.settings.max_failures }
    }

    /// After a failure that was counted: cool down, or call a human.
    pub(super) fn next_after_failure(&mut self, started: Boot, out: &mut Vec<Effect>) -> Next {
        if self.latch_if_too_many(out) {
            return Next::Escalate;
        }
        // From the start, not the end: who ran for hours is back at once (SPEC §4).
        Next::Restart { from: started.plus(self.settings.cooldown), wait: Wait::Cooldown }
    }

    /// Sets the latch if the failures are too many (SPEC rule 3); true if it did.
    pub(super) fn latch_if_too_many(&mut self, out: &mut Vec<Effect>) -> bool {
        let reason = if self.settings.max_failures <= self.memory.streak.failures {
            Excess::Streak
        } else if self.settings.max_failures_per_day < self.memory.failures_of_day {
            Excess::Day
        } else {
            return false;
        };
        self.latch(reason, out);
        true
    }

    /// Sets the latch.
    pub(super) fn latch(&mut self, reason: Excess, out: &mut Vec<Effect>) {
        let streak = &self.memory.streak;
        let (failures, why) = match reason {
            Excess::Streak => (streak.failures, LatchWhy::Failures),
            Excess::Day => (self.memory.failures_of_day, LatchWhy::Failures),
            Excess::Rule => (streak.failures, LatchWhy::Rule),
            Excess::Loop => (streak.failures, LatchWhy::Loop),
            Excess::Budget => (streak.failures, LatchWhy::Budget),
            Excess::State => (streak.failures, LatchWhy::State),
        };
        let since = streak.since.unwrap_or(self.now.wall);
        // How long the day's failures took nobody keeps, and "today" says enough.
        let within_ms = (reason == Excess::Streak).then(|| millis(self.now.wall.since(since)));
        let same_line = streak.same_line && streak.failures > 1;
        self.memory.latch = Some(Latch { since: self.now.wall, failures, why });
        out.push(Effect::Record(Fact::Escalated { reason, failures, within_ms, same_line }));
    }

    /// Something of the tree is still alive.
    pub(super) fn tree_left(&mut self, incarnation: u32, left: Vec<Stray>, out: &mut Vec<Effect>) {
        let sweeping = match &mut self.state {
            State::Sweeping(sweeping) => sweeping,
            State::Stopping(stopping) => {
                if stopping.child.incarnation == incarnation {
                    self.child_left(left, out);
                }
                return;
            }
            State::Validating(_) => return self.hook_left(incarnation, left, out),
            State::New
            | State::Live(_)
            | State::Paused(_)
            | State::Down { .. }
            | State::Escalated
            | State::Leaving(_)
            | State::Done => return,
        };
        if sweeping.incarnation != incarnation {
            return;
        }
        for stray in &left {
            if sweeping.found.len() < FOUND_MAX {
                sweeping.found.insert(stray.pid, stray.name.clone());
            }
        }
        if !sweeping.sweep.stuck() {
            return;
        }
        let names = names_of(left);
        if !matches!(sweeping.next, Next::Restart { .. }) {
            // Nothing will be started, so nothing has to wait for it.
            let next = sweeping.next;
            out.push(Effect::Record(Fact::TreeStuck { incarnation, names }));
            self.follow(next, out);
        } else if !sweeping.told_stuck {
            sweeping.told_stuck = true;
            out.push(Effect::Record(Fact::TreeStuck { incarnation, names }));
        }
    }

    /// Nothing of the tree is left.
    pub(super) fn tree_gone(&mut self, incarnation: u32, out: &mut Vec<Effect>) {
        if matches!(self.state, State::Validating(_)) {
            return self.hook_gone(incarnation, out);
        }
        let State::Sweeping(sweeping) = &mut self.state else { return };
        if sweeping.incarnation != incarnation {
            return;
        }
        let next = sweeping.next;
        let found = std::mem::take(&mut sweeping.found);
        if !found.is_empty() {
            let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
            let names = counted(found.into_values());
            out.push(Effect::Record(Fact::Strays(Strays { incarnation, count, names })));
        }
        self.memory.tree = None;
        self.follow(next, out);
    }

    /// Looks at, signals or gives up on a tree, as is due.
    pub(super) fn tick_sweeping(&mut self, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let State::Sweeping(sweeping) = &mut self.state else { return };
        let incarnation = sweeping.incarnation;
        match sweeping.sweep.due(now) {
            None => {}
            Some(Due::Push(how)) => out.push(Effect::EndTree { incarnation, how }),
            Some(Due::Stuck) => out.push(Effect::EndTree { incarnation, how: Force::Kill }),
        }
    }

    /// Goes where an ended child leads.
    pub(super) fn follow(&mut self, next: Next, out: &mut Vec<Effect>) {
        match next {
            Next::Restart { from, .. } if from <= self.now.boot => self.start(out),
            Next::Restart { from, wait } => {
                let time = from.since(self.now.boot);
                let (wait_ms, until) = (millis(time), self.now.wall.plus(time));
                self.persist(out);
                out.push(Effect::Record(match wait {
                    Wait::Cooldown => Fact::Cooldown { wait_ms, until },
                    Wait::Delay(DelayWhy::Park { asked }) => {
                        Fact::Parked { wait_ms, until, asked, budget: None }
                    }
                    Wait::Delay(DelayWhy::Budget { budget }) => {
                        Fact::Parked { wait_ms, until, asked: false, budget: Some(budget) }
                    }
                    Wait::Delay(DelayWhy::Repeat) => Fact::Waiting { wait_ms, until },
                }));
                self.state = State::Down { until: from, wait };
            }
            Next::Escalate => {
                // At launch the latch is old news, and whoever started us should hear of it again.
                if self.starts == 0
                    && self.latched_before
                    && let Some(latch) = &self.memory.latch
                {
                    let (since, failures, why) = (latch.since, latch.failures, latch.why);
                    out.push(Effect::Record(Fact::Latched { since, failures, why }));
                }
                self.stay_down(out);
            }
            Next::Stopped { by, code } => {
                self.memory.cooldown_owed = false;
                self.nothing_to_do();
                let summary = self.summary();
                out.push(Effect::Record(Fact::Stopped { by, code, summary }));
                self.leave(code, out);
            }
            Next::Finished { reason, code } => {
                self.nothing_to_do();
                let summary = self.summary();
                out.push(Effect::Record(Fact::Finished { reason, code, summary }));
                self.leave(code, out);
            }
        }
    }

    /// What comes next begins afresh.
    fn nothing_to_do(&mut self) {
        self.memory.delay = None;
        self.memory.unfinished = false;
    }
}
