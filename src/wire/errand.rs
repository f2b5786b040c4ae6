//! What the short-lived process that looks after state files is asked for and what it answers: one JSON
//! object each way.

use serde::{Deserialize, Serialize};

use crate::core::validation::StateFile;
pub use crate::core::validation::{Done, Task};

/// The longest order, in bytes: it is handed over in a pipe that nobody reads yet, and no pipe of any
/// system holds less.
pub const ORDER_MAX: usize = 60_000;

/// The most that the list of files may take of it, in bytes as JSON: an order may name each of them twice.
pub const FILES_MAX: usize = 25_000;

/// An errand, with all that must be known for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// The files of which agent.
    pub files: Vec<StateFile>,
    /// Its folder: there are `snapshots/` and `quarantine/`.
    pub dir: String,
    /// How many sets are kept.
    pub keep: u32,
    /// The most bytes that all sets may take together.
    pub max_bytes: u64,
    /// What is to be done.
    pub task: Task,
}
