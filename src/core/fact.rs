//! The journal's vocabulary, the only core type that knows serde: `tests/golden/journal.jsonl` pins each line.

use serde::{Deserialize, Serialize};

use super::cost::budget::{Budget, Spending};
use super::cost::limits::Action;
use super::cost::sign::{LoopOver, Sign};
use super::ending::Ending;
use super::event::{By, Kept, SpawnFailure, Traces};
use super::memory::LatchWhy;
use super::notice::{Extended, Road};
use super::settings::OnMissed;
use super::signal::Signal;
use super::time::Wall;
use super::validation::{Cut, Restored, Taken};

mod alert;
mod beat;
mod custody;
mod memory;
mod skip;
mod why;

pub use alert::{Delivery, IncidentFact, ReportFact, Seen, Severity};
pub use beat::{BeatFact, EvidenceFact};
pub use custody::{PassedOver, Quarantined, RestoreFailed, StateInvalid, Validated};
pub use memory::{MemoryFact, Rebuilt, Strays};
pub use why::{
    Began, Cause, Excess, FinishedWhy, Outcome, Recognised, Released, StopBy, StopCommand, StopWhy,
    Summary, TEXT_MAX,
};

/// One line of the journal, but for its time and number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Fact {
    /// agentwatch began.
    SupervisorStarted(Began),
    /// agentwatch left.
    SupervisorStopped {
        /// Its exit code.
        code: u8,
    },
    /// A child runs.
    Started {
        /// Which.
        incarnation: u32,
        /// Its process.
        pid: i32,
        /// A first beat is demanded within this time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_beat_ms: Option<u64>,
    },
    /// A child could not be started.
    SpawnFailed {
        /// Which.
        incarnation: u32,
        /// Why.
        #[serde(flatten)]
        failure: SpawnFailure,
    },
    /// A heartbeat, or several.
    Beat(BeatFact),
    /// A line that meant to be a heartbeat and is none.
    BadBeat {
        /// From which incarnation.
        incarnation: u32,
        /// What is wrong with it.
        reason: String,
        /// How many more there were since the last such line.
        #[serde(default, skip_serializing_if = "skip::is_zero")]
        suppressed: u64,
    },
    /// It told something of itself that is no beat.
    Notified {
        /// Which incarnation.
        incarnation: u32,
        /// It is ready, for the first time.
        ready: bool,
        /// If so: a first beat is demanded within this time from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_beat_ms: Option<u64>,
        /// In its own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// It asked for more time and got it.
    Extended {
        /// Which incarnation.
        incarnation: u32,
        /// For what.
        what: Extended,
        /// How much more.
        by_ms: u64,
    },
    /// A road for beats could not be set up; said once in a life of agentwatch.
    SourceOff {
        /// Which.
        source: Road,
        /// Why.
        error: String,
    },
    /// Its output is that of an agent that a preset knows; said once in a life of agentwatch.
    Recognised(Recognised),
    /// No beat for two minutes from an agent that never beat: a hang would go unseen.
    Unwatched {
        /// Which incarnation.
        incarnation: u32,
        /// For how long.
        silent_ms: u64,
    },
    /// One interval without a beat.
    Late {
        /// Which incarnation.
        incarnation: u32,
        /// For how long.
        silent_ms: u64,
    },
    /// All intervals without a beat.
    Unhealthy {
        /// Which incarnation.
        incarnation: u32,
        /// For how long.
        silent_ms: u64,
        /// What follows.
        action: OnMissed,
        /// It said so itself.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        triggered: bool,
    },
    /// Beats come, but the cycle they tell has stood still for too long.
    Stalled {
        /// Which incarnation.
        incarnation: u32,
        /// The number that does not grow.
        cycle: u64,
        /// For how long.
        for_ms: u64,
        /// Beats that came meanwhile.
        beats: u64,
        /// What follows.
        action: OnMissed,
    },
    /// The cycle moves again.
    Progressing {
        /// Which incarnation.
        incarnation: u32,
        /// The number it has grown to.
        cycle: u64,
        /// How long it had stood still.
        for_ms: u64,
    },
    /// It looks like a loop: far more tokens than usual, or another sign of one.
    LoopSuspected {
        /// Which incarnation.
        incarnation: u32,
        /// What looks like it.
        #[serde(flatten)]
        sign: Sign,
        /// What follows.
        action: Action,
    },
    /// A loop is no longer suspected.
    LoopCleared(LoopOver),
    /// A runaway has become what the agent does all the time; no human has said that this is right.
    LoopSettled {
        /// Cycles of it.
        cycles: u32,
        /// The new level, in hundredths of the old one.
        times: u64,
    },
    /// Most of a budget is spent.
    BudgetWarning {
        /// Of which, and how much.
        #[serde(flatten)]
        spent: Spending,
        /// When it is fresh again, in milliseconds since 1970.
        #[serde(rename = "fresh_ms")]
        fresh: Wall,
    },
    /// More than all of a budget is spent.
    BudgetExceeded {
        /// Of which, and how much.
        #[serde(flatten)]
        spent: Spending,
        /// What follows.
        action: Action,
        /// When it is fresh again, in milliseconds since 1970.
        #[serde(rename = "fresh_ms")]
        fresh: Wall,
    },
    /// What an unhealthy child was doing, before it was touched.
    Evidence(EvidenceFact),
    /// How much memory its tree had.
    Memory(MemoryFact),
    /// Our own stdout has been blocked for so long that the agent's beats go unheard.
    OutputBlocked {
        /// For how long.
        blocked_ms: u64,
    },
    /// Our stdout flows again.
    OutputUnblocked {
        /// How long it was blocked.
        blocked_ms: u64,
    },
    /// A child ended.
    Exited {
        /// Which.
        incarnation: u32,
        /// How.
        #[serde(flatten)]
        ending: Ending,
        /// After how long; unknown if agentwatch did not see it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ran_ms: Option<u64>,
        /// What that means.
        #[serde(flatten)]
        outcome: Outcome,
        /// The restart rule that decided, counted from 1 in the order of the file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<u32>,
        /// The last line it printed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_line: Option<String>,
        /// What explains it.
        #[serde(flatten)]
        traces: Traces,
    },
    /// A signal that somebody sent to agentwatch was passed on; the first of its kind.
    SignalPassed {
        /// To which incarnation.
        incarnation: u32,
        /// Which.
        signal: Signal,
    },
    /// The rest of its tree had to be ended, and was.
    Strays(Strays),
    /// A process of the old tree survived SIGKILL; nothing is started.
    TreeStuck {
        /// Of which incarnation.
        incarnation: u32,
        /// What is left.
        names: Vec<String>,
    },
    /// The next start waits.
    Cooldown {
        /// How long.
        wait_ms: u64,
        /// Until then by the calendar, in milliseconds since 1970.
        #[serde(rename = "until_ms")]
        until: Wall,
    },
    /// The next start waits, and nothing has failed: a quota, a provider that is away.
    Parked {
        /// How long.
        wait_ms: u64,
        /// Until then by the calendar, in milliseconds since 1970.
        #[serde(rename = "until_ms")]
        until: Wall,
        /// The agent itself said how long (`retry_after`).
        asked: bool,
        /// Until this budget is fresh.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        budget: Option<Budget>,
    },
    /// The next run waits for its time.
    Waiting {
        /// How long.
        wait_ms: u64,
        /// Until then by the calendar, in milliseconds since 1970.
        #[serde(rename = "until_ms")]
        until: Wall,
    },
    /// Several runs in a row ended at once and did nothing.
    Idle {
        /// How many.
        runs: u32,
    },
    /// A human wants the child started anew.
    RestartAsked {
        /// Not before its next beat.
        at_beat: bool,
    },
    /// A human wants the agent to stay down.
    Held,
    /// Its whole tree is stopped, and waits to go on.
    Paused {
        /// Which incarnation.
        incarnation: u32,
    },
    /// Its tree goes on.
    Continued {
        /// Which incarnation.
        incarnation: u32,
        /// How long it was paused.
        paused_ms: u64,
    },
    /// Another release is being run: what the one before did is forgotten.
    Released(Released),
    /// The agent said that it is shutting down.
    ShutdownAnnounced {
        /// Which incarnation.
        incarnation: u32,
        /// How long that may take.
        grace_ms: u64,
    },
    /// A stop or kill signal is sent.
    Stopping {
        /// To which incarnation.
        incarnation: u32,
        /// Why.
        #[serde(flatten)]
        why: StopWhy,
        /// Which signal.
        signal: Signal,
    },
    /// agentwatch stopped because somebody asked.
    Stopped {
        /// Who.
        by: StopBy,
        /// The exit code.
        code: u8,
        /// What it looked back on.
        #[serde(flatten)]
        summary: Summary,
    },
    /// The agent is done.
    Finished {
        /// Why that is no failure.
        reason: FinishedWhy,
        /// The exit code.
        code: u8,
        /// What it looked back on.
        #[serde(flatten)]
        summary: Summary,
    },
    /// Too many failures: it stays down until a human resumes it.
    Escalated {
        /// Too many of what.
        reason: Excess,
        /// How many.
        failures: u32,
        /// Within which time, for a streak.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within_ms: Option<u64>,
        /// All of them ended with the same last line.
        same_line: bool,
    },
    /// `run` was called while the latch is set.
    Latched {
        /// Since when, in milliseconds since 1970.
        #[serde(rename = "since_ms")]
        since: Wall,
        /// The failures that led to it.
        failures: u32,
        /// Why.
        #[serde(default, skip_serializing_if = "LatchWhy::is_failures")]
        why: LatchWhy,
    },
    /// A human resumed it.
    Resumed {
        /// How.
        by: By,
    },
    /// A human says that what it uses now is what is usual.
    Rebaselined {
        /// Tokens of a cycle from now on, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usual: Option<u64>,
    },
    /// Beats have resumed after a failure.
    Recovered {
        /// Which incarnation.
        incarnation: u32,
        /// Since the last sign of life before the trouble.
        after_ms: u64,
        /// True if no beats were awaited: it has merely been alive for long enough.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        alive_only: bool,
    },
    /// Long health: the streak is forgotten.
    StreakForgotten {
        /// How many failures it had counted.
        failures: u32,
    },
    /// The state is being validated before a start.
    Validating {
        /// Of which incarnation.
        incarnation: u32,
    },
    /// The state is valid, and the start follows.
    Validated(Validated),
    /// The state is not valid, or nobody can tell.
    StateInvalid(StateInvalid),
    /// A torn last line was cut off.
    StateRepaired(Cut),
    /// An earlier set of state files was put in place.
    StateRestored(Restored),
    /// No set could be put in place.
    RestoreFailed(RestoreFailed),
    /// A set that checks as valid crashed the agent again and again.
    StatePassedOver(PassedOver),
    /// State files were moved aside.
    StateQuarantined(Quarantined),
    /// The state files were copied.
    SnapshotTaken(Taken),
    /// They cannot be copied at present; said once.
    SnapshotFailed {
        /// Why.
        reason: String,
    },
    /// They can be copied again.
    SnapshotWorks,
    /// Trouble that people are told of begins.
    IncidentOpened(IncidentFact),
    /// It is worse than people were told.
    IncidentWorsened(IncidentFact),
    /// It is over.
    IncidentClosed(IncidentFact),
    /// A person has seen what is open.
    Acknowledged(Seen),
    /// A person wants to hear nothing of it for a while.
    Snoozed(Seen),
    /// A letter arrived at a sink.
    AlertSent(Delivery),
    /// A letter could not be delivered to a sink.
    AlertFailed(Delivery),
    /// The report of a day arrived at a sink.
    ReportSent(ReportFact),
    /// It could not be made, or not be delivered to a sink.
    ReportFailed(ReportFact),
    /// Something could not be written.
    StoreFailed {
        /// What.
        what: Kept,
        /// What the system said.
        error: String,
    },
    /// It can be written again.
    StoreWorks {
        /// What.
        what: Kept,
    },
    /// A torn `state.json` was found; what could be was rebuilt from the journal.
    StateRebuilt(Rebuilt),
    /// Something that cannot happen did; supervision goes on.
    Bug {
        /// What.
        what: String,
    },
}

#[cfg(test)]
mod tests;
