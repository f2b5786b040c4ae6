//! The state files of an agent and what is found of them: the words that core, journal and the process that
//! looks at them share.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ending::Ending;

/// What a state file is made of, and so how it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// One JSON value; as Python writes it, with NaN and Infinity.
    Json,
    /// One JSON value a line.
    Jsonl,
    /// TOML.
    Toml,
    /// A `SQLite` database, with the WAL or journal beside it.
    Sqlite,
    /// One Python pickle or several in a row; never loaded.
    Pickle,
    /// A file that is there and can be read, whatever it holds.
    Exists,
    /// A file of which nothing is known: copied and put back like the others, and never found wrong.
    Opaque,
}

/// One entry of `state.files`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateFile {
    /// An absolute path, or a pattern of such (`*`, `?`, `[…]`, `**`) if `glob` is set.
    pub path: String,
    /// The path is a pattern.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub glob: bool,
    /// How it is checked.
    pub kind: FileKind,
    /// Without it (for a pattern: without any that fits) the state is invalid.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// A torn last line may be cut off (JSONL only).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repair: bool,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// It is required and not there.
    Missing,
    /// It holds nothing, where nothing is no content.
    Empty,
    /// It ends too early: a write that a crash cut off.
    TornEnd,
    /// Its content is wrong somewhere before its end.
    Corrupt,
    /// It cannot be read (permission, input or output error), so nobody knows; it is left alone.
    Unreadable,
    /// It is no regular file (a folder, FIFO, device, symlink); it is left alone.
    Unfit,
}

impl FaultKind {
    /// Whether another file may be put in its place: what nobody can look at is left alone.
    #[must_use]
    pub fn is_mendable(self) -> bool {
        match self {
            Self::Missing | Self::Empty | Self::TornEnd | Self::Corrupt => true,
            Self::Unreadable | Self::Unfit => false,
        }
    }
}

/// A state file that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Its path; the pattern, where none is there.
    pub path: String,
    /// What is wrong.
    pub fault: FaultKind,
    /// The byte at which it is wrong, counted from 0, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// What the parser or the system said, in one line.
    pub words: String,
}

/// A torn last line that was cut off; the bytes themselves are kept in the quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The file.
    pub path: String,
    /// Its length since then: where the torn line began.
    pub offset: u64,
    /// How many bytes were cut off.
    pub bytes: u64,
}

/// What a look at all state files found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// How many files are valid.
    pub valid: u32,
    /// How many of the list are not there and need not be.
    #[serde(default)]
    pub missing: u32,
    /// Bytes that were read.
    pub bytes: u64,
    /// Those that are not valid; at most [`FAULTS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// How many more there are than are listed.
    #[serde(default)]
    pub more_faults: u32,
    /// What was noticed and is no fault (a database that is locked), in one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Torn last lines that were cut off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<Cut>,
    /// A restore that an earlier process could not finish was finished first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Restored>,
}

/// A set that was put in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Its name.
    pub set: String,
    /// How old it is, in milliseconds.
    pub age_ms: u64,
    /// How many files of it were put in place; those that were the same already are not among them.
    pub files: u32,
    /// Where what was there before has gone, below `quarantine/`; none if nothing was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
    /// Newer sets that were passed over as they do not check as valid any more, with why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfit: Vec<String>,
}

/// A set that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Its name; the newest one, if nothing has changed since that was taken.
    pub set: String,
    /// How many files it holds.
    pub files: u32,
    /// Their bytes.
    pub bytes: u64,
    /// Nothing has changed since the newest set was taken, so none was made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchanged: bool,
    /// There was no moment at which all files were as they are in it; each by itself is whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
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

/// What `Done::NothingThere` means, in words.
pub const NOTHING_THERE: &str = "none of the state files is there";

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
    /// None was taken, as none of the files is there.
    NothingThere,
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

/// The most faults that are told one by one.
pub const FAULTS_MAX: usize = 16;

/// What follows state that is not valid (SPEC §5, `state.on_invalid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInvalid {
    /// Put the newest valid set in place; without one, a human is called.
    Restore,
    /// Move aside what is not valid and start without it.
    Quarantine,
    /// Call a human.
    Escalate,
}

/// How state is validated, as far as decisions depend on it. Without files and hook there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validation {
    /// There is a list of files.
    pub files: bool,
    /// There is a hook.
    pub hook: bool,
    /// Before the first start too.
    pub on_start: bool,
    /// What follows state that is not valid.
    pub on_invalid: OnInvalid,
    /// The hook may take this long.
    pub hook_timeout: Duration,
    /// One look at the files, one copy or one restore may take this long.
    pub errand_timeout: Duration,
    /// A snapshot is taken this often at most, but for beats that ask for one.
    pub snapshot_every: Duration,
}

/// A set that was put in place and has not proven itself yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Its name.
    pub set: String,
    /// Failures of the agent since then, in a row.
    pub crashes: u32,
}

/// What one life of agentwatch tells the next of the state files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custody {
    /// A restore was begun, and its end is not known.
    #[serde(default)]
    pub restoring: bool,
    /// The set that the agent runs on, until it has proven itself.
    #[serde(default)]
    pub trial: Option<Trial>,
    /// Sets that check as valid and yet crashed the agent, oldest first; at most [`PASSED_OVER_MAX`].
    #[serde(default)]
    pub passed_over: Vec<String>,
    /// When a set was last taken or found to be the same as the one before, in milliseconds since 1970.
    #[serde(default)]
    pub snapshot_ms: Option<i64>,
}

/// Failures in a row after which a set that was put in place is passed over for an older one.
pub const CRASHES_MAX: u32 = 2;

/// The most sets that are remembered as crashing: more than are usually kept.
pub const PASSED_OVER_MAX: usize = 16;

impl Custody {
    /// The agent failed once more with the set that is in place.
    pub fn crashed(&mut self) {
        if let Some(trial) = &mut self.trial {
            trial.crashes = trial.crashes.saturating_add(1);
        }
    }

    /// Its set is never put in place again.
    pub fn pass_over(&mut self, set: &str) {
        if !self.passed_over.iter().any(|one| one == set) {
            self.passed_over.push(set.to_owned());
        }
        let surplus = self.passed_over.len().saturating_sub(PASSED_OVER_MAX);
        self.passed_over.drain(..surplus);
    }
}

/// How a hook ended that did not say "valid".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookFailure {
    /// How, if it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// Why it could not be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// It took longer than this and was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The last lines it printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
}

/// How a hook ended, as the shell tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct HookEnd {
    /// How, or why it could not be started.
    pub ending: Result<Ending, String>,
    /// The last lines it printed.
    pub output: Vec<String>,
}
