//! A letter: what is delivered to people about an incident, in words; one JSON file of the outbox.
//!
//! `agentwatch run` writes it and never looks back; `agentwatch deliver` sends it.

pub mod cut;
pub mod discord;
pub mod mail;
pub mod ntfy;
pub mod pack;
pub mod pagerduty;
pub mod report;
pub mod sheet;
pub mod slack;
pub mod telegram;
pub mod text;
pub mod title;
pub mod webhook;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::fact::Severity;

/// The form of letter that is written and read.
pub const VERSION: u8 = 1;

/// The longest letter, in bytes: the lines of output (10 kB) escaped at their worst, and some words.
pub const LETTER_MAX: usize = 128 * 1024;

/// Where in its incident a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The incident begins.
    Opened,
    /// It grew worse, or something was done about it.
    Updated,
    /// It is still open, and nobody answered.
    Reminder,
    /// A person has seen it: no reminders follow.
    Acknowledged,
    /// It is over.
    Closed,
    /// No incident: a test of the way (`doctor --alert`).
    Test,
    /// No incident: the report of a day. Its severity is how much a person is needed.
    Report,
}

/// A command for the person who reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What for: "Try again".
    pub label: String,
    /// What to type, with `alert.reach` before it: "ssh vps2 agentwatch resume trader".
    pub command: String,
}

/// One message about one incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// [`VERSION`].
    pub v: u8,
    /// This message and no other, on all machines: the key of idempotence.
    pub id: String,
    /// The incident, on all machines: the same in all its messages, so that what closes finds what opened.
    pub incident: String,
    /// Which message of its incident, from 1: later ones are never delivered before earlier ones.
    pub number: u32,
    /// Where in its incident it stands.
    pub kind: Kind,
    /// How much a person is needed.
    pub severity: Severity,
    /// What kind of trouble, one word of a few: `failing`, `gave_up`, `runaway`, `budget`, `state` …
    pub cause: String,
    /// The same for all agents that suffer from one thing ("status 529 of the API"): what many letters
    /// are rolled up by. None: the cause alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The agent.
    pub agent: String,
    /// The machine.
    pub host: String,
    /// When it was written: Unix time in milliseconds.
    pub at: i64,
    /// Seconds that local time is ahead of UTC.
    #[serde(default)]
    pub offset: i32,
    /// When the incident began: Unix time in milliseconds.
    pub since: i64,
    /// Not to be delivered before (`alert.quiet`): Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<i64>,
    /// What happened, in a line without agent, host, severity and time:
    /// "gave up: 3 failures in 10m, same error".
    pub headline: String,
    /// What is the case, a sentence or two a line: state, reason, spending, what was and will be done
    /// and when.
    pub lines: Vec<String>,
    /// The agent's last lines of output, secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What the person may type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// `alert.runbook`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// Of a report: where all of it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Kept>,
}

/// A report that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The day that it is about: `2026-11-28`.
    pub day: String,
    /// The page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
}

/// A sink as it was configured, for the process that delivers: `outbox/route.json` holds them in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// As it was written: `${NAME}`, `file:` and `cred:` are not resolved.
    pub url: String,
    /// What is less is not sent here.
    pub min_severity: Severity,
    /// Used only for what no other sink could deliver.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fallback: bool,
    /// BLAKE3 of the resolved URL, in hex: whoever resolves it to something else must not send there.
    pub proof: String,
}

/// All ways of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// In the order of the configuration.
    pub ways: Vec<Way>,
    /// A file of certificates (PEM) to trust beside the common ones (`alert.ca_file`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
}

/// What was tried of one letter at one sink: beside the letter, in its `.tried`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Try {
    /// How often.
    pub tries: u32,
    /// Not again before: Unix time in milliseconds.
    pub next: i64,
    /// It is there, or given up.
    pub done: bool,
    /// Why it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the sink is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
}

/// What was tried of one letter: by the proof of the sink.
pub type Tried = BTreeMap<String, Try>;

/// What became of a letter at one sink: a line of `outbox/receipts.jsonl`, which the journal's writer
/// takes up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// [`Letter::id`].
    pub letter: String,
    /// What it says, in a few words.
    #[serde(default)]
    pub about: String,
    /// [`Letter::incident`].
    pub incident: String,
    /// [`Letter::severity`].
    pub severity: Severity,
    /// The sink, without what is secret.
    pub sink: String,
    /// Unix time in milliseconds.
    pub at: i64,
    /// Milliseconds since the letter was written.
    #[serde(default)]
    pub after_ms: u64,
    /// Tries, this one included.
    pub tries: u32,
    /// Why it was not delivered and will not be; none: it was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
