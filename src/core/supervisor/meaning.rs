//! What the end of a child means: asked for, announced, completed, parked, or a failure.

use std::time::Duration;

use crate::core::beat::{Status, Turn};
use crate::core::cost::budget::Budget;
use crate::core::cost::limits::Action;
use crate::core::effect::Effect;
use crate::core::ending::{Ending, Life, Verdict, judge};
use crate::core::fact::{Cause, Excess, Fact, FinishedWhy, Outcome};
use crate::core::memory::{Delay, DelayWhy};
use crate::core::rule::{End, RuleAction};
use crate::core::settings::Policy;
use crate::core::time::{Boot, millis};

use super::{Child, Next, StopCause, Stopping, Supervisor, Wait};

/// A run that ends sooner, without a beat and without a word, did nothing: starting Python and its
/// libraries takes less, and whoever works longer than that has worked.
const IDLE_RUN: Duration = Duration::from_secs(10);

/// So many runs in a row that did nothing are worth a word.
const IDLE_RUNS: u32 = 3;

/// How a child was seen to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) ending: Ending,
    pub(super) line: Option<&'a str>,
    pub(super) output: &'a [String],
}

/// What an end means, and what follows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    pub(super) outcome: Outcome,
    pub(super) then: Then,
    /// The rule that decided.
    pub(super) rule: Option<u32>,
}

/// What follows an end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    /// That.
    Go(Next),
    /// A failure was counted: cool down, or call a human.
    Count,
    /// A human is called.
    Escalate(Excess),
}

impl Meaning {
    fn go(outcome: Outcome, next: Next) -> Self {
        Self { outcome, then: Then::Go(next), rule: None }
    }
}

impl Supervisor {
    /// What an end means; what follows from that for the memory is noted.
    pub(super) fn meaning(
        &mut self,
        child: &Child,
        stopping: Option<&Stopping>,
        seen: Seen<'_>,
    ) -> Meaning {
        let code = seen.ending.code();
        let cause = match stopping.map(|stopping| (stopping.cause, stopping.requested)) {
            Some((StopCause::Requested, Some((_, by)))) => {
                self.memory.cooldown_owed = false;
                return Meaning::go(Outcome::Stopped, self.next_of_stop(by, code));
            }
            Some((StopCause::Restart, _)) => {
                self.memory.cooldown_owed = false;
                self.memory.unfinished = true;
                return Meaning::go(Outcome::Restarting, Next::AT_ONCE);
            }
            Some((StopCause::Silent(silent), _)) => Cause::Silent { silent_ms: millis(silent) },
            Some((StopCause::Stalled(lasted), _)) => Cause::Stalled { for_ms: millis(lasted) },
            Some((StopCause::NoFirstBeat(silent), _)) => {
                Cause::NoFirstBeat { silent_ms: millis(silent) }
            }
            Some((StopCause::Triggered, _)) => Cause::Triggered,
            Some((StopCause::Loop { sign, .. }, _)) => Cause::Loop { sign },
            Some((StopCause::Budget { budget, .. }, _)) => Cause::Budget { budget },
            Some((StopCause::ShutdownOverrun, _)) => {
                Cause::ShutdownOverrun { grace_ms: millis(self.settings.shutdown_grace) }
            }
            Some((StopCause::MaxRun(max), _)) => Cause::MaxRun { max_ms: millis(max) },
            Some((StopCause::Requested, None)) | None => Cause::Exited,
        };
        if self.settings.policy == Policy::Never {
            return self.done(Outcome::Passed, FinishedWhy::NeverRestart, code);
        }
        match stopping.map(|stopping| stopping.cause) {
            Some(StopCause::Loop { action: Action::Stop, .. }) => {
                return Meaning { then: Then::Escalate(Excess::Loop), ..self.failed(cause, seen) };
            }
            Some(StopCause::Budget { action: Action::Stop, .. }) => {
                return Meaning {
                    then: Then::Escalate(Excess::Budget),
                    ..self.failed(cause, seen)
                };
            }
            Some(StopCause::Budget { action: Action::Park, budget }) => {
                return self.park_for(budget, child);
            }
            Some(_) | None => {}
        }
        if cause != Cause::Exited {
            return self.failed(cause, seen);
        }
        self.ended_by_itself(child, seen)
    }

    fn ended_by_itself(&mut self, child: &Child, seen: Seen<'_>) -> Meaning {
        let Seen { ending, line, output } = seen;
        let code = ending.code();
        let clean = ending == Ending::Exit { code: 0 };
        // Of an agent that runs again and again every run ends, and a polite one says so.
        let announced = child.announced.is_some() && self.settings.repeat.is_none();
        if !(clean && announced) {
            let end = End { ending, line, output, status: child.status.as_ref().map(Status::word) };
            if let Some((rule, action)) = self.rule_for(child, end) {
                return Meaning { rule: Some(rule), ..self.by_rule(action, child, seen) };
            }
            if clean && self.settings.repeat.is_some() {
                let done = matches!(child.turn, Some(Turn::Ends { well: true }));
                if self.says_its_end(child) && !done {
                    return self.failed(Cause::Exited, seen);
                }
                return self.completed(child, line);
            }
            if self.is_done(child, ending) {
                return self.done(Outcome::Finished, FinishedWhy::Success, code);
            }
        }
        let life = Life { beaten: child.pulse.beaten(), announced };
        if judge(self.settings.policy, ending, life) == Verdict::Finished {
            let reason = if announced {
                FinishedWhy::Announced
            } else if self.settings.policy == Policy::OnFailure {
                FinishedWhy::Success
            } else {
                FinishedWhy::NeverBeat
            };
            return self.done(Outcome::Finished, reason, code);
        }
        if let Ending::Signal { signal, .. } = ending
            && child.was_passed(signal)
        {
            // Somebody wanted that. The cooldown still keeps a loop of them slow.
            self.memory.cooldown_owed = true;
            self.memory.unfinished = true;
            self.trouble(Duration::ZERO);
            let from = child.started.boot.plus(self.settings.cooldown);
            return Meaning::go(Outcome::Signalled, Next::Restart { from, wait: Wait::Cooldown });
        }
        self.failed(Cause::Exited, seen)
    }

    fn failed(&mut self, cause: Cause, seen: Seen<'_>) -> Meaning {
        let outcome = self.strike(cause, seen.line.map(str::to_owned));
        Meaning { outcome, then: Then::Count, rule: None }
    }

    fn done(&mut self, outcome: Outcome, reason: FinishedWhy, code: u8) -> Meaning {
        self.memory.cooldown_owed = false;
        Meaning::go(outcome, Next::Finished { reason, code })
    }

    /// A rule knows this end (SPEC §4).
    fn by_rule(&mut self, action: RuleAction, child: &Child, seen: Seen<'_>) -> Meaning {
        match action {
            RuleAction::Restart => self.failed(Cause::Exited, seen),
            RuleAction::Escalate => {
                let then = Then::Escalate(Excess::Rule);
                Meaning { then, ..self.failed(Cause::Exited, seen) }
            }
            RuleAction::Finish => {
                self.done(Outcome::Finished, FinishedWhy::Rule, seen.ending.code())
            }
            RuleAction::Park { after } => {
                self.memory.cooldown_owed = true;
                self.memory.unfinished = true;
                // Who asks for no time at all must not spin either.
                let from = child
                    .retry_at
                    .unwrap_or_else(|| self.now.boot.plus(after))
                    .max(child.started.boot.plus(self.settings.cooldown));
                let why = DelayWhy::Park { asked: child.retry_at.is_some() };
                Meaning::go(Outcome::Parked, self.put_off(why, from))
            }
        }
    }

    /// It waits until its budget is fresh (SPEC §3).
    fn park_for(&mut self, budget: Budget, child: &Child) -> Meaning {
        self.memory.cooldown_owed = true;
        self.memory.unfinished = true;
        let from = self.budgets_fresh().max(child.started.boot.plus(self.settings.cooldown));
        Meaning::go(Outcome::Parked, self.put_off(DelayWhy::Budget { budget }, from))
    }

    /// Exit 0 of an agent that runs again and again (SPEC §2, `--repeat`).
    fn completed(&mut self, child: &Child, line: Option<&str>) -> Meaning {
        self.memory.cooldown_owed = false;
        self.memory.unfinished = false;
        let ran = self.now.boot.since(child.started.boot);
        let idle = !child.pulse.beaten() && line.is_none() && ran < IDLE_RUN;
        let mut from = self.now.boot.plus(self.settings.repeat.unwrap_or_default());
        if idle {
            // Whatever keeps it from working is not helped by hurry.
            from = from.max(child.started.boot.plus(self.settings.cooldown));
        }
        Meaning::go(Outcome::Completed { idle }, self.put_off(DelayWhy::Repeat, from))
    }

    /// A start that waits although nothing has failed; remembered across a crash of agentwatch.
    fn put_off(&mut self, why: DelayWhy, from: Boot) -> Next {
        let wait = from.since(self.now.boot);
        self.memory.delay = Some(Delay { why, since: self.now.wall, wait });
        Next::Restart { from, wait: Wait::Delay(why) }
    }

    /// What follows from a completed run: one that did something proves health, many that did nothing
    /// are worth a word.
    pub(super) fn completed_run(&mut self, child: &Child, idle: bool, out: &mut Vec<Effect>) {
        if idle {
            self.idle_runs = self.idle_runs.saturating_add(1);
            if self.idle_runs == IDLE_RUNS {
                out.push(Effect::Record(Fact::Idle { runs: IDLE_RUNS }));
            }
            return;
        }
        self.idle_runs = 0;
        self.drop_streak(out);
        if let Some(since) = self.memory.trouble_since.take() {
            self.recovered(child.incarnation, since, !child.pulse.beaten(), out);
        }
    }
}
