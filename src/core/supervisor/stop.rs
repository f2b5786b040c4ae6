//! Stopping: one request, one first signal, and an end that always comes (SPEC rule 8).

use std::time::Duration;

use crate::core::effect::{Effect, Force};
use crate::core::ending::Ending;
use crate::core::event::{Last, Stray};
use crate::core::fact::{Fact, StopBy, StopWhy, Summary};
use crate::core::settings::OnEscalate;
use crate::core::signal::Signal;
use crate::core::sweep::{LOOK_STUCK, STUCK_AFTER, names_of};
use crate::core::time::{Up, millis};

use super::{EXIT_ESCALATED, Next, State, StopCause, Stopping, Supervisor};

/// Stop signals within this time of the first are the same request: systemd and terminals send HUP
/// right after TERM (SPEC rule 8).
const SAME_REQUEST: Duration = Duration::from_secs(1);

/// KILL is repeated this often until the child is gone: a process that forks while its group is being
/// killed can leave a child that the first round did not see.
const KILL_AGAIN: Duration = Duration::from_secs(1);

/// Whether asking once more means "at once". systemd and terminals send HUP along with TERM, and a
/// command has `--now` for it.
fn shows_impatience(by: StopBy) -> bool {
    matches!(by, StopBy::Signal(signal) if signal != Signal::HUP)
}

impl Supervisor {
    /// Somebody asked agentwatch to stop; `reached`: the child has that signal already.
    pub(super) fn stop(&mut self, by: StopBy, reached: bool, out: &mut Vec<Effect>) {
        let now = self.now.up;
        match &mut self.state {
            State::Live(_) | State::Paused(_) => {
                self.begin_stop(StopCause::Requested, Some((by, reached)), out);
            }
            State::Stopping(stopping) => match &mut stopping.requested {
                None => {
                    stopping.requested = Some((now, by));
                    // What is stuck already is looked at once more, then left behind.
                    stopping.again_at = stopping.again_at.min(now);
                }
                Some((first, asked)) => {
                    let again = SAME_REQUEST <= now.since(*first) && shows_impatience(by);
                    // Who is only to stay down, and then gets a signal, is to leave.
                    if *asked == StopBy::STAY {
                        *asked = by;
                    }
                    if again {
                        self.kill_now(out);
                    }
                }
            },
            State::Sweeping(_) => self.stop_sweeping(by, out),
            State::Validating(_) => self.stop_validating(by, out),
            State::New | State::Down { .. } | State::Escalated => {
                if matches!(self.state, State::New) {
                    self.launched = self.now;
                }
                let next = self.next_of_stop(by, 0);
                self.follow(next, out);
            }
            State::Leaving(_) => self.leave_now(),
            State::Done => {}
        }
    }

    /// What follows a stop that `by` asked for, of a child that ended with `code`. The latch stays, and
    /// so does its exit code.
    pub(super) fn next_of_stop(&self, by: StopBy, code: u8) -> Next {
        match &self.memory.latch {
            Some(_) if by == StopBy::STAY && self.settings.on_escalate == OnEscalate::Hold => {
                Next::Escalate
            }
            Some(_) => Next::Stopped { by, code: EXIT_ESCALATED },
            None => Next::Stopped { by, code },
        }
    }

    /// Kills a child that is being stopped, unless that was done.
    pub(super) fn kill_now(&mut self, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let State::Stopping(stopping) = &mut self.state else { return };
        if stopping.killed.is_none() {
            stopping.kill_at = now;
            self.kill(StopWhy::Impatience, out);
        }
    }

    /// A stop while the rest of a tree is being ended: nothing more is started, and a second request
    /// leaves no patience for the rest.
    fn stop_sweeping(&mut self, by: StopBy, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let next = self.next_of_stop(by, 0);
        let State::Sweeping(sweeping) = &mut self.state else { return };
        match sweeping.requested {
            None => sweeping.requested = Some(now),
            Some(first) if now.since(first) < SAME_REQUEST => {}
            Some(_) if shows_impatience(by) => sweeping.sweep.hurry(now),
            Some(_) => {}
        }
        match sweeping.next {
            Next::Restart { .. } | Next::Escalate => sweeping.next = next,
            Next::Stopped { .. } if by == StopBy::STAY => sweeping.next = next,
            Next::Stopped { .. } | Next::Finished { .. } => {}
        }
        if sweeping.sweep.stuck() {
            let next = sweeping.next;
            self.follow(next, out);
        }
    }

    /// Sends the first stop signal, or KILL where no patience is owed.
    pub(super) fn begin_stop(
        &mut self,
        cause: StopCause,
        requested: Option<(StopBy, bool)>,
        out: &mut Vec<Effect>,
    ) {
        let now = self.now.up;
        let child = match &self.state {
            State::Live(child) => child.clone(),
            State::Paused(paused) => {
                let paused = paused.clone();
                self.unpause(paused, out)
            }
            State::New
            | State::Stopping(_)
            | State::Sweeping(_)
            | State::Validating(_)
            | State::Down { .. }
            | State::Escalated
            | State::Leaving(_)
            | State::Done => {
                Self::bug("stopping without a child", out);
                return;
            }
        };
        let incarnation = child.incarnation;
        let stopping = Stopping {
            child,
            cause,
            requested: requested.map(|(by, _)| (now, by)),
            hurry: false,
            kill_at: now.plus(self.settings.stop_timeout),
            kill_by: now.plus(self.settings.stop_timeout.max(self.settings.shutdown_grace)),
            killed: None,
            told_stuck: false,
            again_at: Up::default(),
        };
        self.state = State::Stopping(stopping);
        let (why, signal, reached) = match (cause, requested) {
            // It has had all the time that it may have.
            (StopCause::ShutdownOverrun, _) => return self.kill(StopWhy::ShutdownOverrun, out),
            // What a person typed at a terminal means what it says; TERM means "stop as configured".
            (_, Some((by @ StopBy::Signal(signal), reached))) if signal != Signal::TERM => {
                (StopWhy::Requested { by }, signal, reached)
            }
            (StopCause::Stalled(_), None) => (StopWhy::Stalled, self.settings.stop_signal, false),
            (_, Some((by, _))) => (StopWhy::Requested { by }, self.settings.stop_signal, false),
            (StopCause::Restart, None) => (StopWhy::Restart, self.settings.stop_signal, false),
            (StopCause::MaxRun(_), None) => (StopWhy::MaxRun, self.settings.stop_signal, false),
            (StopCause::Loop { .. }, None) => (StopWhy::Loop, self.settings.stop_signal, false),
            (StopCause::Budget { .. }, None) => (StopWhy::Budget, self.settings.stop_signal, false),
            (_, None) => (StopWhy::Unhealthy, self.settings.stop_signal, false),
        };
        out.push(Effect::Record(Fact::Stopping { incarnation, why, signal }));
        let scope = self.settings.stop_scope;
        out.push(Effect::Stop { incarnation, signal, scope, reached });
    }

    /// Kills the whole tree.
    fn kill(&mut self, why: StopWhy, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let State::Stopping(stopping) = &mut self.state else {
            Self::bug("killing without a stop", out);
            return;
        };
        stopping.killed = Some(now);
        stopping.again_at = now.plus(KILL_AGAIN);
        let incarnation = stopping.child.incarnation;
        out.push(Effect::Record(Fact::Stopping { incarnation, why, signal: Signal::KILL }));
        out.push(Effect::EndTree { incarnation, how: Force::Kill });
    }

    /// Does what is due for a child that is being stopped.
    pub(super) fn tick_stopping(&mut self, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let State::Stopping(stopping) = &mut self.state else { return };
        if stopping.killed.is_none() && stopping.kill_at <= now {
            self.kill(StopWhy::StopTimeout, out);
        } else if stopping.killed.is_some() && stopping.again_at <= now {
            stopping.again_at = now.plus(if stopping.told_stuck { LOOK_STUCK } else { KILL_AGAIN });
            let incarnation = stopping.child.incarnation;
            out.push(Effect::EndTree { incarnation, how: Force::Kill });
        }
    }

    /// A child is still there although it is being ended. One that survives KILL (stuck in the kernel)
    /// must not keep agentwatch from ending (SPEC rule 8).
    pub(super) fn child_left(&mut self, left: Vec<Stray>, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let State::Stopping(stopping) = &mut self.state else { return };
        if stopping.killed.is_none_or(|killed| now.since(killed) < STUCK_AFTER) {
            return;
        }
        let incarnation = stopping.child.incarnation;
        if !stopping.told_stuck {
            stopping.told_stuck = true;
            stopping.again_at = now.plus(LOOK_STUCK);
            let names = names_of(left);
            out.push(Effect::Record(Fact::TreeStuck { incarnation, names }));
        }
        if stopping.requested.is_some() {
            let stopping = stopping.clone();
            let (child, ending) = (stopping.child.clone(), Ending::Unknown);
            let last = Last::default();
            let (next, _) = self.settle(&child, Some(&stopping), ending, last, out);
            self.follow(next, out);
        }
    }

    /// What this `run` looks back on.
    pub(super) fn summary(&self) -> Summary {
        Summary {
            after_ms: millis(self.now.boot.since(self.launched.boot)),
            totals: self.totals,
            failures: self.failures,
            recovered: self.memory.trouble_since.is_none(),
        }
    }
}
