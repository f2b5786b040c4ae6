//! What the journal tells of alerts.

use serde::{Deserialize, Serialize};

use crate::core::incident::Trouble;
use crate::core::time::Wall;

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

/// An incident begins that people are told of, or it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentFact {
    /// What kind of trouble.
    pub trouble: Trouble,
    /// How bad it is, or was.
    pub severity: Severity,
    /// Since when, in milliseconds since 1970: with the kind, its name.
    #[serde(rename = "since_ms")]
    pub since: Wall,
    /// How long it lasted, when it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasted_ms: Option<u64>,
}

/// What became of a letter at one sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The letter.
    pub letter: String,
    /// What it says, in a few words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The sink, without what is secret.
    pub sink: String,
    /// How often it was tried.
    pub tries: u32,
    /// How long after it was written.
    pub after_ms: u64,
    /// Why it did not arrive and will not be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of the report of a day at one sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFact {
    /// The day, as `2026-11-28`.
    pub day: String,
    /// The sink, without what is secret; none: it could not even be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
    /// How often it was tried.
    pub tries: u32,
    /// How long after it was made, or was due.
    pub after_ms: u64,
    /// Why it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A person has seen what is open, or wants to hear nothing of it for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// How many incidents.
    pub incidents: u32,
    /// Until then they are not told again, in milliseconds since 1970.
    #[serde(default, rename = "until_ms", skip_serializing_if = "Option::is_none")]
    pub until: Option<Wall>,
}
