//! What must survive agentwatch: streak, last start, latch, and what may still be running.

use std::time::Duration;

use super::ending::Ending;
use super::time::{LocalDay, Wall};
use super::usage::Counter;

/// The longest last line that is kept for comparison, in bytes.
pub const LAST_LINE_MAX: usize = 200;

/// A started child of which it is not known that its whole tree is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Its incarnation.
    pub incarnation: u32,
    /// The random number of the agentwatch that started it, which marks all its processes.
    pub run: Option<u64>,
    /// Its process, once known; usually also its process group.
    pub pid: Option<i32>,
    /// The kernel's start time of that process: guards against a pid that was given away again.
    pub start_time: Option<u64>,
    /// Its end has been recorded; only the rest of its tree is in question.
    pub ended: bool,
}

/// Consecutive failures with no sustained health between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    /// How many.
    pub failures: u32,
    /// When the first of them happened.
    pub since: Option<Wall>,
    /// The last line of the last of them.
    pub last_line: Option<String>,
    /// Whether all of them ended with that same line.
    pub same_line: bool,
}

/// The escalation that only a human undoes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latch {
    /// Since when.
    pub since: Wall,
    /// The failures that led to it.
    pub failures: u32,
}

/// What one life of agentwatch hands to the next, by way of `state.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The last incarnation that was started; never goes back.
    pub incarnation: u32,
    /// What may still be running.
    pub tree: Option<Tree>,
    /// When the last child was started.
    pub last_start: Option<Wall>,
    /// The last end was a failure or is unknown, so the next start has to wait out the cooldown.
    pub cooldown_owed: bool,
    /// How the last incarnation ended, for `AGENTWATCH_LAST_EXIT`.
    pub last_ending: Option<Ending>,
    /// The streak.
    pub streak: Streak,
    /// The local day of the count below.
    pub day: LocalDay,
    /// Failures on that day.
    pub failures_of_day: u32,
    /// The latch, if set.
    pub latch: Option<Latch>,
    /// The slowest first beat of any incarnation; `Some` means the agent is known to beat.
    pub slowest_first_beat: Option<Duration>,
    /// The last cumulative count of tokens that the agent told.
    pub tokens: Counter,
    /// There was a failure and no recovery yet: since the last sign of life before it.
    pub trouble_since: Option<Wall>,
}

impl Memory {
    /// A human knows: latch, streak and cooldown are lifted.
    pub fn forgive(&mut self) {
        self.latch = None;
        self.streak = Streak::default();
        self.failures_of_day = 0;
        self.cooldown_owed = false;
    }

    /// Whether it holds what a power cut must not wipe out.
    #[must_use]
    pub fn is_grave(&self) -> bool {
        self.streak.failures > 0 || self.latch.is_some()
    }
}
