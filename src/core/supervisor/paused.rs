//! A pause: the whole tree is stopped where it is, and time does not count.

use std::time::Duration;

use crate::core::effect::Effect;
use crate::core::fact::Fact;
use crate::core::time::millis;

use super::{Child, Paused, State, Supervisor};

/// Looks in a row that find nothing new end the search (SPEC §10).
const QUIET_LOOKS: u32 = 2;

/// The time between two looks: a fork that was under way is over by then.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// After so many looks whoever still finds processes to run has outrun us; the rest stands.
const LOOKS_MAX: u32 = 250;

impl Supervisor {
    /// Stops a running child and all its processes where they are.
    pub(super) fn pause(&mut self, out: &mut Vec<Effect>) {
        let State::Live(child) = &self.state else {
            Self::bug("pausing without a child", out);
            return;
        };
        let child = child.clone();
        let incarnation = child.incarnation;
        self.memory.paused = true;
        // First on disk: what a human has halted must not start again behind a crash.
        self.persist(out);
        out.extend(self.recording.flush().map(Effect::Record));
        out.push(Effect::Record(Fact::Paused { incarnation }));
        out.push(Effect::Freeze { incarnation });
        let now = self.now.up;
        let look_at = Some(now.plus(LOOK_AGAIN));
        self.state = State::Paused(Paused { child, since: now, look_at, quiet: 0, looks: 1 });
    }

    /// A tree was stopped once more, and so many of it were still running.
    pub(super) fn frozen(&mut self, incarnation: u32, fresh: u32) {
        let State::Paused(paused) = &mut self.state else { return };
        if paused.child.incarnation != incarnation {
            return;
        }
        paused.quiet = if fresh == 0 { paused.quiet + 1 } else { 0 };
        if QUIET_LOOKS <= paused.quiet || LOOKS_MAX <= paused.looks {
            paused.look_at = None;
        }
    }

    /// Looks for processes that escaped, as long as there may be any.
    pub(super) fn tick_paused(&mut self, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let State::Paused(paused) = &mut self.state else { return };
        if paused.look_at.is_some_and(|at| at <= now) {
            paused.look_at = Some(now.plus(LOOK_AGAIN));
            paused.looks += 1;
            out.push(Effect::Freeze { incarnation: paused.child.incarnation });
        }
    }

    /// Lets a paused tree go on, with one fresh grace (SPEC §10); gives how long it was paused.
    pub(super) fn go_on(&mut self, out: &mut Vec<Effect>) -> Duration {
        let State::Paused(paused) = &self.state else {
            Self::bug("going on without a pause", out);
            return Duration::ZERO;
        };
        let time = self.now.up.since(paused.since);
        let paused = paused.clone();
        let mut child = self.unpause(paused, out);
        child.pulse.refresh(self.now.up);
        child.progress.excuse(time);
        child.unproven(time);
        // Nobody listened for it meanwhile: it may have been deaf before, and that may be over.
        if self.blocked.is_none() {
            child.pulse.hear(self.now.up);
            child.progress.hear(self.now.up);
        }
        child.looked = None;
        child.run_until = child.run_until.map(|until| until.plus(time));
        let (incarnation, paused_ms) = (child.incarnation, millis(time));
        self.drop_suspicions(&mut child, out);
        self.allowed(out);
        self.state = State::Live(child);
        out.push(Effect::Record(Fact::Continued { incarnation, paused_ms }));
        self.persist(out);
        time
    }

    /// Ends a pause; what becomes of the child is the caller's affair.
    pub(super) fn unpause(&mut self, paused: Paused, out: &mut Vec<Effect>) -> Child {
        self.memory.paused = false;
        out.push(Effect::Thaw { incarnation: paused.child.incarnation });
        paused.child
    }
}
