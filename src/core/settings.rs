//! What the core must know of the configuration: resolved numbers, no text, no files.

use std::time::Duration;

use super::cost::limits::Limits;
use super::incident::Alerting;
use super::rule::Rule;
use super::signal::Signal;
use super::validation::Validation;

/// Which exits lead to another start (SPEC §2, `restart.policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Any exit but 0; and 0 too, of an incarnation that had beaten.
    Auto,
    /// Every exit, 0 included.
    Always,
    /// Any exit but 0.
    OnFailure,
    /// None: agentwatch is a plain wrapper.
    Never,
}

/// What follows when `misses` intervals pass without a beat, or beats without progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissed {
    /// Stop the tree and start again.
    Restart,
    /// Say so and wait.
    Alert,
}

/// What follows an escalation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnEscalate {
    /// Leave with exit code 69.
    Exit,
    /// Stay up, child down, until a human resumes.
    Hold,
}

/// Whom the stop signal reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopScope {
    /// The whole process group of the child.
    Group,
    /// The child alone; what is left is ended after it.
    Child,
}

/// The report that is made every morning, one for all agents of a state directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Morning {
    /// When, in minutes since local midnight.
    pub at: u16,
    /// It is sent to somebody, and not kept alone.
    pub sent: bool,
}

/// The settings that decisions depend on. Defaults live in `config/keys.rs` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether any source of beats is read at all (`--beats none` says no).
    pub beats: bool,
    /// A beat is expected every interval.
    pub interval: Duration,
    /// Intervals without a beat that make the agent unhealthy; at least 1.
    pub misses: u32,
    /// A first beat is demanded within this time, if set.
    pub start_grace: Option<Duration>,
    /// What follows missed beats.
    pub on_missed: OnMissed,
    /// The most that `expect_next` may ask for.
    pub max_expect: Duration,
    /// A `cycle` that has not grown for this long although beats come is a stall, if set.
    pub progress_within: Option<Duration>,
    /// What follows a stall.
    pub on_stalled: OnMissed,
    /// Which exits restart.
    pub policy: Policy,
    /// The least time between two starts.
    pub cooldown: Duration,
    /// The failure of a streak that escalates; at least 1.
    pub max_failures: u32,
    /// More failures than this in one local day escalate too; at least 1.
    pub max_failures_per_day: u32,
    /// Unbroken health after which the streak is forgotten.
    pub reset_after: Duration,
    /// What follows an escalation.
    pub on_escalate: OnEscalate,
    /// The first stop signal.
    pub stop_signal: Signal,
    /// Whom it reaches.
    pub stop_scope: StopScope,
    /// SIGKILL follows this long after the stop signal.
    pub stop_timeout: Duration,
    /// How long an announced shutdown may last.
    pub shutdown_grace: Duration,
    /// What certain ends mean; the first that matches decides.
    pub rules: Vec<Rule>,
    /// Exit 0 is a completed run of a one-shot agent, which runs again this long after its end.
    pub repeat: Option<Duration>,
    /// A run that lasts longer is stopped, and that is a failure.
    pub max_run: Option<Duration>,
    /// What is being run (an image tag, a commit); another one than before is given a fresh start.
    pub release: Option<String>,
    /// The preset that a human named: how this agent's output is read, and what its exit 0 means.
    pub preset: Option<String>,
    /// What it may use, and what follows when it uses more.
    pub limits: Limits,
    /// How its state is validated, if at all.
    pub validation: Option<Validation>,
    /// How people are told.
    pub alerting: Alerting,
    /// When the report of the day before is made, if at all.
    pub morning: Option<Morning>,
}
