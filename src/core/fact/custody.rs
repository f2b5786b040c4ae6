//! What the journal tells of state files.

use serde::{Deserialize, Serialize};

use super::skip;
use crate::core::validation::{Fault, HookFailure, OnInvalid};

/// The state is valid, and a start follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validated {
    /// Before the start of which incarnation.
    pub incarnation: u32,
    /// Files that check as valid.
    pub files: u32,
    /// Files of the list that are not there and need not be.
    #[serde(default, skip_serializing_if = "skip::is_zero")]
    pub missing: u32,
    /// What was read of them.
    pub bytes: u64,
    /// The hook said so too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hook: bool,
    /// How long all of it took, restores included.
    pub took_ms: u64,
    /// What was noticed and is no fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The state is not valid, or nobody can tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateInvalid {
    /// Before the start of which incarnation.
    pub incarnation: u32,
    /// Files that are not valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "skip::is_zero")]
    pub more: u32,
    /// What the hook said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookFailure>,
    /// Why the files could not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What follows.
    pub action: OnInvalid,
}

/// A set that checks as valid crashed the agent again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// The set.
    pub set: String,
    /// Failures in a row with it.
    pub crashes: u32,
    /// The older one that takes its place; none if there is none, and the start goes on with this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<String>,
}

/// Nothing could be put in place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreFailed {
    /// How many sets there are.
    #[serde(default)]
    pub sets: u32,
    /// Why each of them could not be, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfit: Vec<String>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Files were moved aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The folder below `quarantine/`.
    pub quarantine: String,
    /// Where the files were.
    pub paths: Vec<String>,
}
