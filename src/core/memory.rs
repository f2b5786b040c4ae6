//! What must survive agentwatch: streak, last start, latch, and what may still be running.

use std::time::Duration;

use super::cost::budget::Budget;
use super::cost::ledger::Ledger;
use super::counters::Counters;
use super::ending::Ending;
use super::incident::Incidents;
use super::time::{LocalDay, Wall};
use super::usage::Counter;
use super::validation::Custody;

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
    /// Why.
    pub why: LatchWhy,
}

/// Why an agent stays down until a human resumes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatchWhy {
    /// Too many failures.
    #[default]
    Failures,
    /// A rule says that another start would not help.
    Rule,
    /// A human said so: `agentwatch stop --stay`.
    Stay,
    /// It was paused, and agentwatch died: what a human has halted does not start by itself.
    Paused,
    /// It looked like a loop.
    Loop,
    /// A budget was exceeded.
    Budget,
    /// Its state is not valid, and could not be mended.
    State,
}

impl LatchWhy {
    /// Whether it is the usual reason.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
    pub(super) fn is_failures(&self) -> bool {
        *self == Self::Failures
    }
}

/// A start that is put off although nothing has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// Why.
    pub why: DelayWhy,
    /// Since when.
    pub since: Wall,
    /// How long.
    pub wait: Duration,
}

/// Why a start is put off although nothing has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum DelayWhy {
    /// It is parked.
    Park {
        /// The agent itself said for how long.
        asked: bool,
    },
    /// It runs again and again.
    Repeat,
    /// It is parked until a budget is fresh.
    Budget {
        /// Which.
        budget: Budget,
    },
}

/// What one life of agentwatch hands to the next, by way of `state.json`.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// The other cumulative counts: of processes and of threads.
    pub counters: Counters,
    /// There was a failure and no recovery yet: since the last sign of life before it.
    pub trouble_since: Option<Wall>,
    /// The next start is put off.
    pub delay: Option<Delay>,
    /// The next start goes on with what an earlier one left undone (`restart.command`).
    pub unfinished: bool,
    /// A human has paused the child.
    pub paused: bool,
    /// What was run last.
    pub release: Option<String>,
    /// What it has used.
    pub ledger: Ledger,
    /// Its state files.
    pub custody: Custody,
    /// What people are told of.
    pub incidents: Incidents,
}

impl Memory {
    /// A human knows: latch, streak and cooldown are lifted.
    pub fn forgive(&mut self) {
        self.latch = None;
        self.streak = Streak::default();
        self.failures_of_day = 0;
        self.cooldown_owed = false;
        self.delay = None;
    }

    /// Whether the agent is down or halted until a human or a provider says otherwise.
    #[must_use]
    pub fn waits_for_a_human(&self) -> bool {
        let parked = self.delay.is_some_and(|delay| delay.why != DelayWhy::Repeat);
        self.latch.is_some() || self.paused || parked
    }

    /// Whether it holds what a power cut must not wipe out.
    #[must_use]
    pub fn is_grave(&self) -> bool {
        let told = self.incidents.all.iter().any(|one| one.told.is_some());
        let halted = self.latch.is_some() || self.paused;
        self.streak.failures > 0 || halted || told || self.custody.restoring
    }
}
