//! The hook that validates the state: its word counts once nothing of it is left.

use crate::core::effect::{Effect, Force};
use crate::core::ending::Ending;
use crate::core::event::Stray;
use crate::core::fact::Fact;
use crate::core::memory::Tree;
use crate::core::sweep::{Sweep, names_of};
use crate::core::time::millis;
use crate::core::validation::{HookEnd, HookFailure};

use super::Supervisor;
use super::validating::Step;

impl Supervisor {
    /// Asks the hook, if there is one.
    pub(super) fn ask_hook(&mut self, out: &mut Vec<Effect>) {
        if self.how().hook { self.hook(out) } else { self.valid(false, out) }
    }

    pub(super) fn hook(&mut self, out: &mut Vec<Effect>) {
        let until = self.now.up.plus(self.how().hook_timeout);
        let (cause, run) = (self.last_cause, self.run);
        let Some(validating) = self.validating() else { return };
        let (incarnation, restored) = (validating.incarnation, validating.restored.clone());
        validating.step = Step::Hook { until, killed: false, timed_out: false };
        // Whatever it leaves behind is ended like the tree of a child, also by the next life.
        let (pid, start_time) = (None, None);
        let run = Some(run);
        self.memory.tree = Some(Tree { incarnation, run, pid, start_time, ended: true });
        self.persist(out);
        out.push(Effect::Hook { incarnation, cause, restored });
    }

    /// The hook runs.
    pub(super) fn hook_started(
        &mut self,
        incarnation: u32,
        pid: i32,
        start_time: Option<u64>,
        out: &mut Vec<Effect>,
    ) {
        let Some(validating) = self.validating() else { return };
        if validating.incarnation == incarnation
            && let Some(tree) = &mut self.memory.tree
        {
            (tree.pid, tree.start_time) = (Some(pid), start_time);
            self.persist(out);
        }
    }

    /// The hook ended: what it left behind is ended too before its word counts.
    pub(super) fn hook_ended(&mut self, incarnation: u32, end: HookEnd, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let timeout = self.how().hook_timeout;
        let Some(validating) = self.validating() else { return };
        let Step::Hook { timed_out, .. } = validating.step else { return };
        if validating.incarnation != incarnation {
            return;
        }
        let HookEnd { ending, output } = end;
        let good = ending == Ok(Ending::Exit { code: 0 }) && !timed_out;
        let failure = (!good).then(|| HookFailure {
            ending: ending.as_ref().ok().copied(),
            error: ending.err(),
            timeout_ms: timed_out.then(|| millis(timeout)),
            output,
        });
        let sweep = Sweep::new(now, true);
        validating.step = Step::Sweep { sweep, failure, told_stuck: false };
        out.push(Effect::EndTree { incarnation, how: Force::Kill });
    }

    /// Nothing of the hook is left: its word counts.
    pub(super) fn hook_gone(&mut self, incarnation: u32, out: &mut Vec<Effect>) {
        let Some(validating) = self.validating() else { return };
        let Step::Sweep { failure, .. } = &mut validating.step else { return };
        if validating.incarnation != incarnation {
            return;
        }
        let failure = failure.take();
        let requested = validating.requested;
        self.memory.tree = None;
        if let Some(by) = requested {
            let next = self.next_of_stop(by, 0);
            self.follow(next, out);
        } else if let Some(failure) = failure {
            self.invalid(Some(failure), out);
        } else {
            self.valid(true, out);
        }
    }

    /// Something of the hook is left.
    pub(super) fn hook_left(&mut self, incarnation: u32, left: Vec<Stray>, out: &mut Vec<Effect>) {
        let Some(validating) = self.validating() else { return };
        let requested = validating.requested;
        let Step::Sweep { sweep, told_stuck, .. } = &mut validating.step else { return };
        if validating.incarnation != incarnation || !sweep.stuck() {
            return;
        }
        if !std::mem::replace(told_stuck, true) {
            let names = names_of(left);
            out.push(Effect::Record(Fact::TreeStuck { incarnation, names }));
        }
        if let Some(by) = requested {
            // A stop always ends (SPEC rule 8).
            let next = self.next_of_stop(by, 0);
            self.follow(next, out);
        }
    }
}
