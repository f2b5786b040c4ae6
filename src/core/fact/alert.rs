//! What the journal tells of alerts.

use serde::{Deserialize, Serialize};

/// How much a person is needed (SPEC §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// One failure whose restart was verified: for the report only.
    Info,
    /// Something is wrong, and agentwatch goes on: the second failure of a streak, a runaway.
    Warning,
    /// A person is needed: escalated, state that nobody could repair, a budget exceeded.
    Critical,
}
