//! What the core wants done. Effects are performed in the order given.

use super::command::Reply;
use super::fact::{Cause, Fact};
use super::incident::Alert;
use super::settings::StopScope;
use super::signal::Signal;
use super::time::LocalDay;
use super::validation::Task;

/// One thing to do; what it led to comes back as an event.
#[expect(
    clippy::large_enum_variant,
    reason = "few live at a time; boxing would cost each beat an allocation"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Append to the journal, and tell the person what they should know of it.
    Record(Fact),
    /// Write the memory to disk. Comes before the `Spawn` that relies on it (SPEC rule 2).
    Persist {
        /// Wait until it is on the platter: set when it holds a streak or a latch, which a power cut
        /// must not wipe out.
        sync: bool,
    },
    /// Start the child; answered by `Spawned` or `SpawnFailed`.
    Spawn {
        /// Its incarnation.
        incarnation: u32,
        /// It goes on with what an earlier one left undone: the command for restarts, if there is one.
        again: bool,
    },
    /// Look what a silent child is doing, before it is touched; answered by `Examined`, if anything can
    /// be seen.
    Examine {
        /// Which incarnation.
        incarnation: u32,
    },
    /// Look how much memory its tree has; answered by `Measured`, if that can be seen.
    Measure {
        /// Which incarnation.
        incarnation: u32,
    },
    /// Send a stop signal and then CONT (a stopped process would wait for ever with it).
    Stop {
        /// To which incarnation.
        incarnation: u32,
        /// Which signal.
        signal: Signal,
        /// To the child or its group.
        scope: StopScope,
        /// A terminal has sent it to all of them already: only CONT is still to be sent.
        reached: bool,
    },
    /// Pass a signal on that somebody sent to agentwatch.
    Pass {
        /// To which incarnation.
        incarnation: u32,
        /// Which signal.
        signal: Signal,
        /// To the child or its group.
        scope: StopScope,
    },
    /// Stop ourselves, as a shell's Ctrl-Z does, until somebody continues us.
    Suspend {
        /// Even where no shell is there to continue us.
        firmly: bool,
    },
    /// Stop all processes of the tree where they are; answered by `Frozen`.
    Freeze {
        /// Of which incarnation.
        incarnation: u32,
    },
    /// Let all processes of the tree go on.
    Thaw {
        /// Of which incarnation.
        incarnation: u32,
    },
    /// Tell whoever gave a command what became of it.
    Answer(Reply),
    /// Look what is left of a tree and signal it; answered by `TreeLeft` or `TreeGone`.
    EndTree {
        /// Of which incarnation.
        incarnation: u32,
        /// How hard.
        how: Force,
    },
    /// Do something with the state files, in a process of its own; answered by `ErrandDone`.
    Errand {
        /// Its number, by which a late answer is known.
        number: u32,
        /// What.
        task: Task,
    },
    /// Kill that process; nothing is answered.
    DropErrand {
        /// Its number.
        number: u32,
    },
    /// Start the hook that validates the state; answered by `HookStarted`, and in the end by `HookEnded`.
    Hook {
        /// The incarnation that is to be started: its processes are marked with it.
        incarnation: u32,
        /// Why there is a start: the last failure, if there was one.
        cause: Option<Cause>,
        /// The set that was put in place just now.
        restored: Option<String>,
    },
    /// Write a letter; comes after what it is about is recorded.
    Alert(Box<Alert>),
    /// Have the letters that are written delivered, in a process of its own; answered by `Delivered`.
    Deliver,
    /// Kill that process; nothing is answered.
    DropDelivery,
    /// See that the report of a day is there, in a process of its own; answered by `ReportEnded`.
    Report {
        /// The day.
        day: LocalDay,
    },
    /// Kill that process; nothing is answered.
    DropReport,
    /// Tell the dead man's switch how it is.
    Ping {
        /// A human is needed.
        fail: bool,
    },
    /// Leave with this exit code.
    Exit {
        /// The code.
        code: u8,
    },
}

/// How hard a tree is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Only look.
    Look,
    /// TERM, then CONT.
    Term,
    /// KILL.
    Kill,
}
