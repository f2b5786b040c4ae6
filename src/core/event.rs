//! Everything that can happen to an agent, as the shell tells the core.

use std::time::Duration;

use super::beat::Beat;
use super::command::Command;
use super::ending::{Ending, Spent};
use super::evidence::Evidence;
use super::fact::{Delivery, ReportFact};
use super::incident::Trouble;
use super::notice::{Notice, Road};
use super::oom::OomKill;
use super::rule::Rule;
use super::signal::{Request, Signal};
use super::time::Wall;
use super::validation::{Done, HookEnd};

/// What agentwatch finds when it is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// A human said to resume, on this very command line.
    pub resume: Option<By>,
    /// The machine was started anew since the memory was written.
    pub rebooted: bool,
    /// A random number that marks what this agentwatch starts.
    pub run: u64,
    /// There is a controlling terminal, so a hangup means its end; else it is a wish to reload.
    pub terminal: bool,
}

/// A process of the tree of an incarnation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Its process id.
    pub pid: i32,
    /// What it is, as far as that is known.
    pub name: String,
}

/// What is known of a child that ended, besides how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Last {
    /// The last line it printed, if any: the same one again hints at the same cause.
    pub line: Option<String>,
    /// What explains its end.
    pub traces: Traces,
}

/// What a child leaves that explains its end.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Traces {
    /// The last lines it printed; kept of a failure only.
    #[serde(default, rename = "last_output", skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
    /// What it has used.
    #[serde(flatten)]
    pub spent: Option<Spent>,
    /// The kernel killed something for want of memory meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oom: Option<OomKill>,
}

/// Why a spawn did not lead to a running command.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SpawnFailure {
    /// The kind, which decides the exit code.
    pub kind: SpawnFailureKind,
    /// How far it came.
    #[serde(default)]
    pub stage: SpawnStage,
    /// What the system said, naming the command.
    pub error: String,
}

/// How far a spawn came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpawnStage {
    /// Its standard input could not be opened.
    Stdin,
    /// There was no new process.
    Fork,
    /// Its working directory could not be entered.
    Chdir,
    /// The program could not be executed.
    #[default]
    Exec,
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
    /// The copy of the output.
    Log,
    /// The letters that are to be delivered.
    Outbox,
}

/// What came of a report that was to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportEnd {
    /// It is there, made by whomever, or there is nothing to be told.
    There {
        /// A letter of it may wait to be delivered.
        letter: bool,
    },
    /// Another process is at it.
    Busy,
    /// It could not be made.
    Failed {
        /// Why.
        error: String,
    },
}

/// One thing that happened. Whatever concerns a child carries its incarnation, so that a late report
/// of an earlier one says nothing about this one (SPEC rule 7).
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// agentwatch is ready to begin; comes once, first.
    Launch(Launch),
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
    /// A letter is in the outbox.
    Posted {
        /// Of which kind of trouble.
        trouble: Trouble,
        /// Of the incident that began then.
        since: Wall,
    },
    /// The process that delivers letters has ended.
    Delivered {
        /// After this time something is to be tried again.
        next: Option<Duration>,
    },
    /// What became of a letter.
    Receipt(Box<Delivery>),
    /// The process that makes the report of a day has ended, or none was needed.
    ReportEnded(ReportEnd),
    /// What became of the report of a day at a sink.
    ReportReceipt(Box<ReportFact>),
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
    /// Its output is that of an agent that a preset knows.
    Recognised {
        /// Of which incarnation.
        incarnation: u32,
        /// Which preset.
        preset: String,
        /// The interval that fits it, unless somebody has set one.
        interval: Option<Duration>,
        /// What certain of its ends mean, where the rules of the configuration do not say.
        rules: Vec<Rule>,
    },
    /// A sign of life or a wish that is no whole beat.
    Notice {
        /// From which incarnation.
        incarnation: u32,
        /// What.
        notice: Notice,
    },
    /// A road for the beats of the incarnation that is about to be spawned could not be set up.
    SourceOff {
        /// Which.
        source: Road,
        /// Why, naming the path.
        error: String,
        /// No other road is left, so no beat can be demanded.
        deaf: bool,
    },
    /// What was seen of a child that was looked at.
    Examined {
        /// Of which incarnation.
        incarnation: u32,
        /// What was seen.
        evidence: Box<Evidence>,
    },
    /// How much memory the tree of a child has.
    Measured {
        /// Of which incarnation.
        incarnation: u32,
        /// What is resident of its processes together.
        rss_kib: u64,
        /// How many they are.
        processes: u32,
    },
    /// The child ended: its wait status was collected.
    Exited {
        /// Which incarnation.
        incarnation: u32,
        /// How.
        ending: Ending,
        /// What is known of it besides.
        last: Last,
    },
    /// Of the tree of an incarnation, some processes are alive.
    TreeLeft {
        /// Which incarnation.
        incarnation: u32,
        /// What is left, as far as it is known; nothing: the shell cannot look now.
        left: Vec<Stray>,
    },
    /// Of the tree of an incarnation, nothing is left.
    TreeGone {
        /// Which incarnation.
        incarnation: u32,
    },
    /// What became of an errand.
    ErrandDone {
        /// Its number.
        number: u32,
        /// What.
        done: Box<Done>,
    },
    /// The hook runs.
    HookStarted {
        /// For which incarnation.
        incarnation: u32,
        /// Its process.
        pid: i32,
        /// When the kernel says it started, in its own unit.
        start_time: Option<u64>,
    },
    /// The hook ended, or could not be started.
    HookEnded {
        /// For which incarnation.
        incarnation: u32,
        /// How.
        end: Box<HookEnd>,
    },
    /// Somebody sent agentwatch a signal.
    Signal {
        /// Which.
        signal: Signal,
        /// What it asks for.
        request: Request,
        /// A terminal sent it to the whole foreground group, and so to the child too if it shares ours.
        reached_child: bool,
    },
    /// A human gave a command; answered by `Effect::Answer`.
    Command(Command),
    /// The tree of a paused child was stopped once more.
    Frozen {
        /// Of which incarnation.
        incarnation: u32,
        /// How many processes of it were not stopped before.
        fresh: u32,
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
