//! A signal that somebody sent to agentwatch: a stop, a suspension, or something for the child alone.

use crate::core::effect::Effect;
use crate::core::fact::{Fact, StopBy};
use crate::core::settings::{Policy, StopScope};
use crate::core::signal::{Request, Signal};

use super::{Child, State, Supervisor};

impl Supervisor {
    /// Does what a signal asks for. `reached_child`: a terminal has sent it to the child as well.
    pub(super) fn signal(
        &mut self,
        signal: Signal,
        request: Request,
        reached_child: bool,
        out: &mut Vec<Effect>,
    ) {
        let wrapper = self.settings.policy == Policy::Never;
        let group = self.settings.stop_scope;
        match request {
            // What a program that somebody works with makes of Ctrl-C is its own affair: a wrapper
            // waits for its end (a Python prompt goes on).
            Request::Stop if wrapper && reached_child && matches!(self.state, State::Live(_)) => {}
            Request::Stop => self.stop(StopBy::Signal(signal), reached_child, out),
            Request::Hangup if self.terminal => {
                self.stop(StopBy::Signal(signal), reached_child, out);
            }
            Request::Hangup | Request::Other => {
                self.pass(signal, StopScope::Child, reached_child, out);
            }
            Request::Continue => {
                // We may have been stopped, and for less than it takes to oversleep a deadline.
                self.excuse_once();
                // A pause ends by the word of a human, not by a shell's job control.
                if !matches!(self.state, State::Paused(_)) {
                    self.send_on(signal, group, reached_child, out);
                }
            }
            Request::Suspend => {
                self.pass(signal, group, reached_child, out);
                if wrapper || reached_child {
                    out.push(Effect::Suspend { firmly: !reached_child });
                }
            }
            // Its terminal is ours: who may not use it waits together with us.
            Request::Background if wrapper || reached_child => {
                self.send_on(signal, group, reached_child, out);
                out.push(Effect::Suspend { firmly: !reached_child });
            }
            Request::Background => {}
        }
    }

    /// Passes a signal on to a child that runs, and says so.
    fn pass(&mut self, signal: Signal, scope: StopScope, reached: bool, out: &mut Vec<Effect>) {
        let Some(child) = self.state.child_mut() else { return };
        // A flood of them is one line, and each kind has one in the life of a child.
        if child.spawned && child.note_passed(signal) {
            let incarnation = child.incarnation;
            out.push(Effect::Record(Fact::SignalPassed { incarnation, signal }));
        }
        self.send_on(signal, scope, reached, out);
    }

    /// Passes a signal on that says nothing about the child: a shell's job control.
    fn send_on(&self, signal: Signal, scope: StopScope, reached: bool, out: &mut Vec<Effect>) {
        let Some(child) = self.state.child() else { return };
        if child.spawned && !reached {
            let incarnation = child.incarnation;
            out.push(Effect::Pass { incarnation, signal, scope });
        }
    }
}

impl Child {
    /// Whether a signal was passed on to it.
    pub(super) fn was_passed(&self, signal: Signal) -> bool {
        self.passed & bit(signal) != 0
    }

    /// Remembers that a signal was passed on; true if it is the first of its kind.
    fn note_passed(&mut self, signal: Signal) -> bool {
        let first = !self.was_passed(signal);
        self.passed |= bit(signal);
        first
    }
}

/// The place of a signal in a set; there are 64 of them, counted from 1.
fn bit(signal: Signal) -> u64 {
    u32::try_from(signal.0 - 1).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0)
}
