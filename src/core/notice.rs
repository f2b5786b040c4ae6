//! Signs of life and wishes that are no whole beat: what the notify socket and bare output tell.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What an agent told beside its beats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A word about itself. It keeps an agent alive that beats, but alone obliges none to beat from now
    /// on: many a program says it once, at its start, and never again.
    Word {
        /// It is ready (`READY=1`).
        ready: bool,
        /// What it does, in its own words (`STATUS=`), clipped.
        text: Option<Box<str>>,
    },
    /// It has found itself to hang (`WATCHDOG=trigger`).
    Trigger,
    /// It needs so much more time, from now on, to start or to stop (`EXTEND_TIMEOUT_USEC=`).
    Extend {
        /// How much.
        by: Duration,
    },
    /// It printed something, where any output is a sign of life (`--beats output`).
    Output,
}

/// A road for beats that has to be set up for each incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Road {
    /// The FIFO `$AGENTWATCH_PIPE`.
    Pipe,
    /// The socket `$NOTIFY_SOCKET`.
    NotifySocket,
}

/// What was given more time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extended {
    /// The time until its first beat.
    Start,
    /// The time until it is killed.
    Stop,
}
