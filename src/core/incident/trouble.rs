//! The kinds of trouble that people are told of.

use serde::{Deserialize, Serialize};

/// Alerts of one kind of trouble are about one incident at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It fails, and at last is given up.
    Failing,
    /// It is silent or stands still, and the settings say to wait.
    Silent,
    /// It looks like a loop.
    Loop,
    /// A budget is nearly spent, or more than that.
    Budget,
    /// Its state was not valid.
    State,
    /// It has been parked for long.
    Parked,
    /// Processes of it cannot be ended, so nothing is started.
    Stuck,
    /// Our own stdout is blocked, so it is not heard.
    Deaf,
    /// Its runs do nothing.
    Idle,
    /// State or journal cannot be written.
    Store,
    /// Its state files cannot be copied.
    Snapshots,
}

impl Trouble {
    /// The word for it in a letter and in the journal.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Silent => "silent",
            Self::Loop => "loop",
            Self::Budget => "budget",
            Self::State => "state",
            Self::Parked => "parked",
            Self::Stuck => "stuck",
            Self::Deaf => "deaf",
            Self::Idle => "idle",
            Self::Store => "store",
            Self::Snapshots => "snapshots",
        }
    }
}
