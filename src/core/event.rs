//! Everything that can happen to an agent, as the shell tells the core.

use super::beat::Beat;
use super::ending::Ending;
use super::signal::Signal;

/// Why a spawn did not lead to a running command.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SpawnFailure {
    /// The kind, which decides the exit code.
    pub kind: SpawnFailureKind,
    /// What the system said, naming the command.
    pub error: String,
}

/// What kept a command from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpawnFailureKind {
    /// There is no such command: exit code 127, as in a shell.
    NotFound,
    /// It is there but cannot be executed: exit code 126, as in a shell.
    NotExecutable,
    /// The system could not start anything (no process, no memory, no descriptor).
    System,
}

/// Who or what told agentwatch to resume a latched agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// `--resume` on the command line of `run`.
    Flag,
    /// `agentwatch resume NAME`.
    Command,
    /// The answer to the question at a terminal.
    Answer,
}

/// What agentwatch keeps on disk and may fail to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// `state.json`.
    State,
    /// The journal.
    Journal,
}

/// One thing that happened. Whatever concerns a child carries its incarnation, so that a late report
/// of an earlier one says nothing about this one (SPEC rule 7).
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// agentwatch is ready to begin; comes once, first.
    Launch {
        /// A human said to resume, on this very command line.
        resume: Option<By>,
        /// The machine was started anew since the memory was written.
        rebooted: bool,
    },
    /// The spawn that was asked for succeeded.
    Spawned {
        /// Of which incarnation.
        incarnation: u32,
        /// The process.
        pid: i32,
        /// When the kernel says it started, in its own unit: with the pid, an identity.
        start_time: Option<u64>,
    },
    /// The spawn that was asked for failed.
    SpawnFailed {
        /// Of which incarnation.
        incarnation: u32,
        /// Why.
        failure: SpawnFailure,
    },
    /// A heartbeat was read.
    Beat {
        /// From which incarnation.
        incarnation: u32,
        /// What it says.
        beat: Box<Beat>,
    },
    /// A line that meant to be a heartbeat and is none.
    BadBeat {
        /// From which incarnation.
        incarnation: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// The child ended: its wait status was collected.
    Exited {
        /// Which incarnation.
        incarnation: u32,
        /// How.
        ending: Ending,
        /// The last line it printed, if any: the same one again hints at the same cause.
        last_line: Option<String>,
    },
    /// Of the tree of an incarnation, some processes are alive.
    TreeLeft {
        /// Which incarnation.
        incarnation: u32,
        /// What is left, as far as names are known.
        names: Vec<String>,
    },
    /// Of the tree of an incarnation, nothing is left.
    TreeGone {
        /// Which incarnation.
        incarnation: u32,
    },
    /// Somebody asked agentwatch to stop.
    Stop {
        /// By which signal.
        signal: Signal,
    },
    /// A human resumes a latched agent.
    Resume {
        /// How.
        by: By,
    },
    /// Something could not be written.
    StoreFailed {
        /// What.
        what: Kept,
        /// What the system said, naming the file.
        error: String,
    },
    /// What could not be written before was written now.
    StoreWorks {
        /// What.
        what: Kept,
    },
    /// The end of a turn: everything that was readable has been told.
    Tick {
        /// False while our own blocked stdout keeps us from reading the agent's beats: then silence
        /// is ours (SPEC rule 6).
        drained: bool,
    },
}
