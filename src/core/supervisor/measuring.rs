//! How much memory a child has, told now and then: only ever when something else has woken us.

use std::time::Duration;

use crate::core::effect::Effect;
use crate::core::fact::{Fact, MemoryFact};
use crate::core::time::millis;

use super::{State, Supervisor};

/// A tree is measured at most this often: to see it grow over days is what it is for, and a look costs a scan
/// of all processes of the machine.
const EVERY: Duration = Duration::from_hours(1);

/// Where nothing was seen, as of one that is just becoming another program, it is looked at again so soon.
const AGAIN: Duration = Duration::from_secs(10);

/// Who does not beat is measured first when it has run for so long: what it has right after its start says
/// little.
const SETTLED: Duration = Duration::from_mins(1);

impl Supervisor {
    /// At the end of a turn that something else led to. No deadline follows from it, so an idle agent stays
    /// idle.
    pub(super) fn measure(&mut self, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let State::Live(child) = &mut self.state else { return };
        let due = match child.measured {
            Some((last, wait)) => wait <= now.since(last),
            None => child.pulse.beaten() || SETTLED <= now.since(child.started.up),
        };
        if child.spawned && due {
            child.measured = Some((now, EVERY));
            out.push(Effect::Measure { incarnation: child.incarnation });
        }
    }

    /// What it has, was seen.
    pub(super) fn measured(
        &mut self,
        incarnation: u32,
        rss_kib: u64,
        processes: u32,
        out: &mut Vec<Effect>,
    ) {
        let now = self.now.up;
        let Some(child) = self.state.child_mut() else { return };
        if child.incarnation != incarnation {
            return;
        }
        if rss_kib == 0 {
            child.measured = Some((now, AGAIN));
        } else {
            let age_ms = millis(now.since(child.started.up));
            let fact = MemoryFact { incarnation, age_ms, rss_kib, processes };
            out.push(Effect::Record(Fact::Memory(fact)));
        }
    }
}
