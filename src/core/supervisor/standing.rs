//! How the agent stands, and until when it takes to leave: for a supervisor above us.

use std::time::Duration;

use crate::core::fact::StopBy;
use crate::core::outer::Standing;
use crate::core::settings::OnEscalate;
use crate::core::time::Up;
use crate::core::usage::per_cycle;

use super::{Next, State, Supervisor};

/// What may follow the end of a child at most, or its SIGKILL: that it is stuck (10 s), the rest of its tree
/// (5 s and 10 s), output that nobody takes (2 s); and as much again for a loaded machine.
const REST: Duration = Duration::from_mins(1);

impl Supervisor {
    /// How the agent stands, in figures.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let mean = || per_cycle(self.totals.tokens, self.totals.cycles).filter(|mean| *mean > 0);
        Standing {
            phase: self.phase(),
            tokens: self.memory.ledger.usual().or_else(mean),
            streak: self.memory.streak.failures,
            max_failures: self.settings.max_failures,
        }
    }

    /// Until when it takes to leave at most; `None` while nothing says that we do.
    #[must_use]
    pub fn leaves_by(&self) -> Option<Up> {
        let holds = self.settings.on_escalate == OnEscalate::Hold;
        let rest = REST.saturating_add(self.settings.alerting.exit_wait);
        match &self.state {
            State::New
            | State::Live(_)
            | State::Paused(_)
            | State::Validating(_)
            | State::Down { .. }
            | State::Escalated => None,
            State::Stopping(stopping) => match stopping.requested {
                Some((_, by)) if !(holds && by == StopBy::STAY) => {
                    Some(stopping.kill_at.plus(rest))
                }
                Some(_) | None => None,
            },
            State::Sweeping(sweeping) => match sweeping.next {
                Next::Restart { .. } => None,
                Next::Escalate if holds => None,
                Next::Escalate | Next::Stopped { .. } | Next::Finished { .. } => {
                    Some(self.now.up.plus(rest))
                }
            },
            State::Leaving(leaving) => Some(leaving.until.plus(REST)),
            State::Done => Some(self.now.up.plus(REST)),
        }
    }
}
