//! Why something happened and what it means, as the journal has it.

use serde::{Deserialize, Serialize};

use crate::core::cost::budget::Budget;
use crate::core::cost::money::Usd;
use crate::core::cost::sign::SignKind;
use crate::core::signal::Signal;
use crate::core::usage::Totals;

/// The longest text from outside that a fact carries, in bytes.
pub const TEXT_MAX: usize = 1024;

/// Why an incarnation counts as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// It ended by itself.
    Exited,
    /// It missed its beats and was ended.
    Silent {
        /// For how long it had been silent.
        silent_ms: u64,
    },
    /// Its first beat did not come and it was ended.
    NoFirstBeat {
        /// For how long that was awaited.
        silent_ms: u64,
    },
    /// Its beats came, but its cycle stood still, and it was ended.
    Stalled {
        /// For how long.
        for_ms: u64,
    },
    /// Its announced shutdown took too long and it was killed.
    ShutdownOverrun {
        /// The time it had.
        grace_ms: u64,
    },
    /// It ran for longer than a run may and was ended.
    MaxRun {
        /// The time it had.
        max_ms: u64,
    },
    /// It said itself that it hangs, and was ended.
    Triggered,
    /// It looked like a loop and was ended.
    Loop {
        /// What looked like it.
        sign: SignKind,
    },
    /// A budget was exceeded and it was ended.
    Budget {
        /// Which.
        budget: Budget,
    },
    /// It could not be started.
    NotStarted,
    /// agentwatch itself was killed, and it with it.
    Lost,
}

/// What an end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Outcome {
    /// A failure, the `streak`th in a row.
    Failure {
        /// Why.
        #[serde(flatten)]
        cause: Cause,
        /// Consecutive failures, this one included.
        streak: u32,
        /// The failure that escalates.
        max: u32,
    },
    /// The agent is done.
    Finished,
    /// It was asked to stop.
    Stopped,
    /// A human wants it started anew.
    Restarting,
    /// A run of a one-shot agent is complete.
    Completed {
        /// It ended at once, without a beat and without a word.
        idle: bool,
    },
    /// Started again later, without a strike: a quota is no crash.
    Parked,
    /// The machine went down with it: recorded, blamed on nobody.
    NoFault,
    /// It died of a signal that agentwatch passed on for somebody.
    Signalled,
    /// agentwatch was only its wrapper (`--restart never`).
    Passed,
}

/// Why a tree is being stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum StopWhy {
    /// Somebody asked.
    Requested {
        /// Who.
        by: StopBy,
    },
    /// A human wants it started anew.
    Restart,
    /// It was unhealthy.
    Unhealthy,
    /// Its beats came without progress.
    Stalled,
    /// It ran for longer than a run may.
    MaxRun,
    /// It looked like a loop.
    Loop,
    /// A budget is exceeded.
    Budget,
    /// Its announced shutdown took too long.
    ShutdownOverrun,
    /// It did not stop in time.
    StopTimeout,
    /// A second stop signal, or `agentwatch stop --now`.
    Impatience,
}

/// Who asked agentwatch to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StopBy {
    /// Somebody who sent this signal.
    Signal(Signal),
    /// Somebody who typed a command.
    Command(StopCommand),
}

/// A command that stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCommand {
    /// `agentwatch stop`.
    Stop,
    /// `agentwatch stop --stay`.
    Stay,
}

impl StopBy {
    /// `agentwatch stop`.
    pub const STOP: Self = Self::Command(StopCommand::Stop);
    /// `agentwatch stop --stay`.
    pub const STAY: Self = Self::Command(StopCommand::Stay);
}

/// Why an escalation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Excess {
    /// Too many failures in a row.
    Streak,
    /// Too many failures in a day.
    Day,
    /// Not too many of anything: a rule says that another start would not help.
    Rule,
    /// It looked like a loop, and `cost.on_loop` says stop.
    Loop,
    /// A budget was exceeded, and `cost.on_exceeded` says stop.
    Budget,
    /// Its state is not valid, and could not be mended.
    State,
}

/// Why an agent is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishedWhy {
    /// It had announced its shutdown.
    Announced,
    /// It never beat, so it was not meant to run for ever.
    NeverBeat,
    /// `--restart on-failure` and exit 0.
    Success,
    /// A rule says so.
    Rule,
    /// `--restart never`.
    NeverRestart,
    /// There is nothing to execute.
    NotStarted,
}

/// What `run` looked back on when it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// How long this `run` lasted.
    pub after_ms: u64,
    /// What its children told.
    #[serde(flatten)]
    pub totals: Totals,
    /// Failures in this `run`.
    pub failures: u32,
    /// Whether beats had resumed after the last of them.
    pub recovered: bool,
}

/// What agentwatch was when it began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Began {
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: i32,
    /// The command it supervises, as typed; undecodable bytes replaced.
    pub command: Vec<String>,
    /// The directory it was started in.
    pub directory: String,
    /// The beat interval.
    pub interval_ms: u64,
    /// Intervals without a beat that make the agent unhealthy.
    pub misses: u32,
    /// The machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What is being run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Tokens that it may use in an hour of the clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens_per_hour: Option<u64>,
    /// Tokens that it may use in a local day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens_per_day: Option<u64>,
    /// USD that it may spend in a local day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_usd_per_day: Option<Usd>,
}

/// A preset that reads the output of an agent from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recognised {
    /// Of which incarnation.
    pub incarnation: u32,
    /// Which preset.
    pub preset: String,
    /// The beat interval that is in force with it.
    pub interval_ms: u64,
    /// Intervals without a beat that make the agent unhealthy.
    pub misses: u32,
}

/// Another release is being run: what the one before did is forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// What is being run.
    pub release: String,
    /// What was run before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}
