//! What an agent may use, and what follows when it uses more.

use super::budget::Budget;
use super::runaway::Rule;

/// What follows a runaway, or a budget that is exceeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Say so, and nothing else.
    #[default]
    Alert,
    /// Stop it and start it again: a failure like any other.
    Restart,
    /// Stop it; it stays down until a human resumes it.
    Stop,
    /// Stop it, and start it when the budget is fresh. Of a budget only.
    Park,
    /// Stop all its processes where they are until a human resumes it.
    Pause,
}

/// What an agent may use. What is `None` is not judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Limits {
    /// What a runaway is.
    pub rule: Rule,
    /// What follows one, and any other sign of a loop.
    pub on_loop: Action,
    /// Whether input tokens that were read from a cache count as tokens of a cycle.
    pub cache_reads: bool,
    /// Tokens in an hour of the clock.
    pub tokens_per_hour: Option<u64>,
    /// Tokens in a local day.
    pub tokens_per_day: Option<u64>,
    /// Billionths of a USD in a local day.
    pub nano_usd_per_day: Option<u64>,
    /// What follows when a budget is exceeded.
    pub on_exceeded: Action,
    /// Tool calls in a minute; more are a sign of a loop.
    pub tool_calls_per_minute: Option<u64>,
    /// The same message in so many beats running is a sign of a loop.
    pub same_message: Option<u64>,
    /// So many beats running that tell of trouble and of nothing done are a sign of a loop.
    pub retries: Option<u64>,
}

impl Limits {
    /// How much of a budget there is, if it is limited.
    #[must_use]
    pub fn of(&self, budget: Budget) -> Option<u64> {
        match budget {
            Budget::TokensPerHour => self.tokens_per_hour,
            Budget::TokensPerDay => self.tokens_per_day,
            Budget::UsdPerDay => self.nano_usd_per_day,
        }
    }
}
