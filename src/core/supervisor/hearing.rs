//! What keeps us from hearing the agent and is no silence of its own (SPEC rule 6): our own sleep, our
//! own blocked stdout.

use std::time::Duration;

use crate::core::effect::Effect;
use crate::core::fact::Fact;
use crate::core::time::{Now, Up, When, millis};

use super::{State, Supervisor};

/// Our own stdout blocked for this long is worth a word (SPEC rule 6).
pub const BLOCKED_AFTER: Duration = Duration::from_mins(10);

/// A wake later than this is more than the delay of a busy machine: somebody had stopped us.
pub const OVERSLEPT: Duration = Duration::from_secs(1);

impl Supervisor {
    /// Moves the clocks on; what we overslept is not the agent's silence.
    pub(super) fn wake(&mut self, now: Now) {
        let before = self.now.up;
        // The events of a turn share its time: only the first of them can be late.
        if before < now.up {
            let late = match self.deadline() {
                Some((When::Up(promised), _)) => now.up.since(promised.max(before)),
                Some((When::Boot(_), _)) | None => Duration::ZERO,
            };
            self.gap = now.up.since(before);
            if OVERSLEPT <= late {
                // When in this time we were stopped nobody can say, and the agent may have been
                // stopped with us (Ctrl-Z, `docker pause`): so it gets back all that has passed since
                // we last looked, and is judged only by time in which we were awake.
                self.excuse_once();
                self.late_at = Some(now.up);
            }
        }
        self.now = now;
    }

    /// Gives back all the time since we last looked.
    pub(super) fn excuse_once(&mut self) {
        let gap = std::mem::take(&mut self.gap);
        self.excuse(gap);
    }

    fn excuse(&mut self, gap: Duration) {
        match &mut self.state {
            State::Live(child) => {
                child.announced = child.announced.map(|since| since.plus(gap));
                child.pulse.excuse(gap);
                child.progress.excuse(gap);
                child.unproven(gap);
            }
            State::Stopping(stopping) => {
                stopping.kill_at = stopping.kill_at.plus(gap);
                stopping.kill_by = stopping.kill_by.plus(gap);
            }
            State::Validating(validating) => validating.excuse(gap),
            // All of a pause is given back at its end.
            State::New
            | State::Paused(_)
            | State::Sweeping(_)
            | State::Down { .. }
            | State::Escalated
            | State::Leaving(_)
            | State::Done => {}
        }
    }

    /// Notes whether our stdout lets us hear the agent.
    pub(super) fn hear(&mut self, drained: bool, out: &mut Vec<Effect>) {
        let now = self.now.up;
        if let State::Live(child) = &mut self.state {
            if drained {
                let deaf = child.pulse.hear(now);
                child.progress.hear(now);
                child.unproven(deaf);
            } else {
                child.pulse.deafen(now);
                child.progress.deafen(now);
            }
        }
        match (&mut self.blocked, drained) {
            (None, true) => {}
            (blocked @ None, false) => *blocked = Some((now, false)),
            (Some((since, said)), false) => {
                if !*said && BLOCKED_AFTER <= now.since(*since) {
                    *said = true;
                    let blocked_ms = millis(now.since(*since));
                    out.push(Effect::Record(Fact::OutputBlocked { blocked_ms }));
                }
            }
            (Some((since, said)), true) => {
                if *said {
                    let blocked_ms = millis(now.since(*since));
                    out.push(Effect::Record(Fact::OutputUnblocked { blocked_ms }));
                }
                self.blocked = None;
            }
        }
    }

    /// When the blocked stdout is worth a word.
    pub(super) fn blocked_deadline(&self) -> Option<Up> {
        self.blocked.and_then(|(since, said)| (!said).then(|| since.plus(BLOCKED_AFTER)))
    }
}
