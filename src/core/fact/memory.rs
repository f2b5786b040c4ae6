//! What a child has and leaves: its memory, its strays; and what became of a torn memory of ours.

use serde::{Deserialize, Serialize};

/// How much memory the tree of a child had, once in a while: growth is seen between the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryFact {
    /// Of which incarnation.
    pub incarnation: u32,
    /// How long it had run by then; the time of a suspended machine is left out.
    pub age_ms: u64,
    /// What is resident of all its processes together; what they share is counted with each.
    pub rss_kib: u64,
    /// How many processes that are.
    pub processes: u32,
}

/// A torn `state.json`, rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// What was wrong with it.
    pub error: String,
    /// Where it was put.
    pub kept_as: String,
}

/// What was left of a tree and had to be ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strays {
    /// Of which incarnation.
    pub incarnation: u32,
    /// How many processes.
    pub count: u32,
    /// What they were, with how many of each: `node mcp ×2`.
    pub names: Vec<String>,
}
