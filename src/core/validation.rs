//! The state files of an agent and what is found of them: the words that core, journal and the process that
//! looks at them share.

use serde::{Deserialize, Serialize};

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

/// The most faults that are told one by one.
pub const FAULTS_MAX: usize = 16;
