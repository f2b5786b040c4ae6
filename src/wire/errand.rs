//! What the short-lived process that looks after state files is asked for and what it answers: one JSON
//! object each way.

use serde::{Deserialize, Serialize};

use crate::core::validation::{Checked, Restored, StateFile, Taken};

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

/// What is to be done with the state files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Finish a restore that was interrupted, then check all files.
    Check {
        /// Cut off torn last lines where the file says so.
        repair: bool,
    },
    /// Copy all files into a new set, if they are valid.
    Snapshot {
        /// The incarnation that wrote them, for who looks at the set.
        incarnation: u32,
    },
    /// Put the newest set in place that still checks as valid; what is there goes to the quarantine.
    Restore {
        /// This one, and no other.
        set: Option<String>,
        /// Only a set older than this one.
        before: Option<String>,
        /// Never these.
        not: Vec<String>,
        /// Why, for the note beside what is quarantined.
        why: String,
    },
    /// Move files aside.
    Quarantine {
        /// These; all of the state, if none are named.
        paths: Vec<String>,
        /// Why, for the note beside them.
        why: String,
    },
    /// Put back what a restore has moved aside; it stays in the quarantine as well.
    PutBack {
        /// The folder below `quarantine/`.
        quarantine: String,
    },
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "snake_case")]
pub enum Done {
    /// All files were looked at.
    Checked(Checked),
    /// A set was taken.
    Taken(Taken),
    /// None was taken, as the files are not valid now.
    NotValid(Checked),
    /// A set was put in place.
    Restored(Restored),
    /// There is no set that could be.
    NoSet {
        /// How many there are.
        sets: u32,
        /// Why each of them could not be, newest first.
        unfit: Vec<String>,
    },
    /// Files were moved aside.
    Quarantined {
        /// The folder below `quarantine/`; none if nothing was there to be moved.
        quarantine: Option<String>,
        /// Which files.
        paths: Vec<String>,
    },
    /// What a restore had moved aside is back.
    PutBack,
    /// It could not be done, and nothing has changed (or what was begun is finished the next time).
    Failed {
        /// Why: the file, the value, and the way out, in one line.
        error: String,
    },
}
