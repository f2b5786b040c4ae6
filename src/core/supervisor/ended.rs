//! A child that ended: what it means, what is left of it, and what follows.

use std::time::Duration;

use crate::core::beat::clip;
use crate::core::effect::{Effect, Force};
use crate::core::ending::{Ending, Life, Verdict, judge};
use crate::core::event::{Last, Stray};
use crate::core::fact::{Cause, Excess, Fact, FinishedWhy, Outcome};
use crate::core::memory::{LAST_LINE_MAX, Latch};
use crate::core::settings::Policy;
use crate::core::sweep::{Due, FOUND_MAX, counted};
use crate::core::time::{Boot, Up, millis};

use super::{Child, EXIT_ESCALATED, Next, State, StopCause, Stopping, Supervisor};

impl Supervisor {
    /// The wait status of a child: the only proof of its end (SPEC rule 5).
    pub(super) fn exited(
        &mut self,
        incarnation: u32,
        ending: Ending,
        last: Last,
        out: &mut Vec<Effect>,
    ) {
        let (child, stopping) = match &self.state {
            State::Live(child) => (child.clone(), None),
            State::Stopping(stopping) => (stopping.child.clone(), Some(stopping.clone())),
            State::New
            | State::Sweeping(_)
            | State::Cooldown { .. }
            | State::Escalated
            | State::Done => return,
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
        self.memory.last_ending = Some(ending);
        if let Some(tree) = &mut self.memory.tree {
            tree.ended = true;
        }
        let (outcome, next) = self.meaning(child, stopping, ending, last_line.as_deref());
        if stopping.is_some_and(|stopping| stopping.killed.is_some()) {
            // That was us.
            traces.oom = None;
        }
        if !matches!(outcome, Outcome::Failure { .. }) {
            // Of any other end nobody asks for the reasons.
            traces.output.clear();
        }
        out.push(Effect::Record(Fact::Exited {
            incarnation,
            ending,
            ran_ms: Some(millis(self.now.boot.since(child.started.boot))),
            outcome,
            last_line,
            traces,
        }));
        let next = match next {
            Some(next) => next,
            None => self.next_after_failure(child.started.boot, out),
        };
        // A stop that was asked for while an unhealthy child was being ended is still a stop.
        let requested = stopping.and_then(|stopping| stopping.requested);
        let next = match (next, requested) {
            (Next::Restart { .. }, Some((_, by))) => Next::Stopped { by, code: ending.code() },
            (Next::Escalate, Some((_, by))) => Next::Stopped { by, code: EXIT_ESCALATED },
            (next, _) => next,
        };
        self.persist(out);
        (next, requested.map(|(at, _)| at))
    }

    /// What an end means; without a `Next` it is a failure that was counted.
    fn meaning(
        &mut self,
        child: &Child,
        stopping: Option<&Stopping>,
        ending: Ending,
        last_line: Option<&str>,
    ) -> (Outcome, Option<Next>) {
        let code = ending.code();
        let cause = match stopping.map(|stopping| (stopping.cause, stopping.requested)) {
            Some((StopCause::Requested, Some((_, by)))) => {
                self.memory.cooldown_owed = false;
                return (Outcome::Stopped, Some(Next::Stopped { by, code }));
            }
            Some((StopCause::Silent(silent), _)) => Cause::Silent { silent_ms: millis(silent) },
            Some((StopCause::Stalled(lasted), _)) => Cause::Stalled { for_ms: millis(lasted) },
            Some((StopCause::NoFirstBeat(silent), _)) => {
                Cause::NoFirstBeat { silent_ms: millis(silent) }
            }
            Some((StopCause::ShutdownOverrun, _)) => {
                Cause::ShutdownOverrun { grace_ms: millis(self.settings.shutdown_grace) }
            }
            Some((StopCause::Requested, None)) | None => Cause::Exited,
        };
        let life = Life { beaten: child.pulse.beaten(), announced: child.announced.is_some() };
        if self.settings.policy == Policy::Never {
            let reason = FinishedWhy::NeverRestart;
            self.memory.cooldown_owed = false;
            return (Outcome::Passed, Some(Next::Finished { reason, code }));
        }
        if cause == Cause::Exited && judge(self.settings.policy, ending, life) == Verdict::Finished
        {
            let reason = if life.announced {
                FinishedWhy::Announced
            } else if self.settings.policy == Policy::OnFailure {
                FinishedWhy::Success
            } else {
                FinishedWhy::NeverBeat
            };
            self.memory.cooldown_owed = false;
            return (Outcome::Finished, Some(Next::Finished { reason, code }));
        }
        if let (Cause::Exited, Ending::Signal { signal, .. }) = (cause, ending)
            && child.was_passed(signal)
        {
            // Somebody wanted that. The cooldown still keeps a loop of them slow.
            self.memory.cooldown_owed = true;
            self.trouble(Duration::ZERO);
            let from = child.started.boot.plus(self.settings.cooldown);
            return (Outcome::Signalled, Some(Next::Restart { from }));
        }
        (self.strike(cause, last_line.map(str::to_owned)), None)
    }

    /// Counts a failure.
    pub(super) fn strike(&mut self, cause: Cause, last_line: Option<String>) -> Outcome {
        let now = self.now;
        self.failures = self.failures.saturating_add(1);
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
        self.trouble(Duration::ZERO);
        Outcome::Failure { cause, streak: failures, max: self.settings.max_failures }
    }

    /// After a failure that was counted: cool down, or call a human.
    pub(super) fn next_after_failure(&mut self, started: Boot, out: &mut Vec<Effect>) -> Next {
        if self.latch_if_too_many(out) {
            return Next::Escalate;
        }
        // From the start, not the end: who ran for hours is back at once (SPEC §4).
        Next::Restart { from: started.plus(self.settings.cooldown) }
    }

    /// Sets the latch if the failures are too many (SPEC rule 3); true if it did.
    pub(super) fn latch_if_too_many(&mut self, out: &mut Vec<Effect>) -> bool {
        let streak = &self.memory.streak;
        let reason = if self.settings.max_failures <= streak.failures {
            Excess::Streak
        } else if self.settings.max_failures_per_day < self.memory.failures_of_day {
            Excess::Day
        } else {
            return false;
        };
        let failures = match reason {
            Excess::Streak => streak.failures,
            Excess::Day => self.memory.failures_of_day,
        };
        let since = streak.since.unwrap_or(self.now.wall);
        // How long the day's failures took nobody keeps, and "today" says enough.
        let within_ms = (reason == Excess::Streak).then(|| millis(self.now.wall.since(since)));
        let same_line = streak.same_line && streak.failures > 1;
        self.memory.latch = Some(Latch { since: self.now.wall, failures });
        out.push(Effect::Record(Fact::Escalated { reason, failures, within_ms, same_line }));
        true
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
            State::New
            | State::Live(_)
            | State::Cooldown { .. }
            | State::Escalated
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
        let names = counted(left.into_iter().map(|stray| stray.name));
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
        let State::Sweeping(sweeping) = &mut self.state else { return };
        if sweeping.incarnation != incarnation {
            return;
        }
        let next = sweeping.next;
        let found = std::mem::take(&mut sweeping.found);
        if !found.is_empty() {
            let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
            let names = counted(found.into_values());
            out.push(Effect::Record(Fact::Strays { incarnation, count, names }));
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
            Next::Restart { from } if from <= self.now.boot => self.start(out),
            Next::Restart { from } => {
                let wait = from.since(self.now.boot);
                let until = self.now.wall.plus(wait);
                self.persist(out);
                out.push(Effect::Record(Fact::Cooldown { wait_ms: millis(wait), until }));
                self.state = State::Cooldown { until: from };
            }
            Next::Escalate => {
                // At launch the latch is old news, and whoever started us should hear of it again.
                if self.starts == 0
                    && self.latched_before
                    && let Some(latch) = &self.memory.latch
                {
                    let (since, failures) = (latch.since, latch.failures);
                    out.push(Effect::Record(Fact::Latched { since, failures }));
                }
                self.stay_down(out);
            }
            Next::Stopped { by, code } => {
                self.memory.cooldown_owed = false;
                let summary = self.summary();
                out.push(Effect::Record(Fact::Stopped { by, code, summary }));
                self.leave(code, out);
            }
            Next::Finished { reason, code } => {
                let summary = self.summary();
                out.push(Effect::Record(Fact::Finished { reason, code, summary }));
                self.leave(code, out);
            }
        }
    }
}
